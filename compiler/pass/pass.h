/* pass.h: the passes over whole graphs, one section per file.
 *
 * Each pass copies the graph of every entry forward onto a fresh one (entry_move) and leaves the old one to the arena.
 */
#ifndef TGC_PASS_H
#define TGC_PASS_H

#include "ops/ops.h"

/* ---- gradient.c ---- */

/* Replaces every grad and jacobian, innermost first, by the nodes of their adjoints. Mistakes of the user (no adjoint
 * on a needed path, no path at all) are reported; such a result is zeros, so that the passes after it may go on. */
void gradient(Model *model);

/* ---- simplify.c ---- */

/* Applies local identities, shares equal nodes and drops dead ones. Values stay the same; inputs stay. */
void simplify(Model *model);

/* ---- share.c ---- */

/* One node for all that are equal (op, operands, attr), and none that no result, write or check needs. */
void share(Entry *entry, Model *model);

/* ---- expand.c ---- */

/* Rewrites row ops to maps and last-axis reductions, and cuts long reductions into a number of parts that the shape
 * determines. Afterwards only leaves, views, maps, reductions, products, indexing, joins and effects are left. */
void expand(Model *model);

#endif
