/* pass.h: the passes over whole graphs, one section per file.
 *
 * Each pass copies the graph of every entry forward onto a fresh one (entry_move) and leaves the old one to the arena.
 */
#ifndef TGC_PASS_H
#define TGC_PASS_H

#include "base/embedded.h"
#include "lang/lang.h"
#include "ops/ops.h"

/* ---- elaborate.c (with elaborate_*.c and optimiser.c): syntax tree to Model ---- */

/* The standard library. CMake writes the table from compiler/std. */
extern const EmbeddedFile embedded_std[]; /* ends with a NULL name */

/* `-D NAME=VALUE` */
typedef struct Override {
    const char *name; /* interned */
    double value;
} Override;

typedef struct Options {
    VEC(Override) overrides;
    VEC(const char *) import_dirs; /* -I, in the order given */
    bool f64;                      /* --dtype f64 */
} Options;

/* Reads "NAME=VALUE"; false when it isn't a name and a number. */
bool override_parse(Names *names, const char *text, Override *override);
/* The first override that names no `dim` or `const` at the top of `file`: a mistake of usage; NULL when there is none.
 */
const char *override_unknown(const File *file, const Options *options);

/* An empty model for `source`; its name comes from the file's: "my-net.tg" becomes my_net. */
Model *model_new(Arena *arena, Names *names, Diag *diag, const Source *source, bool f64);
/* Fills `model` with the variables and entries of `file`. False when there were errors, all of which are in the model's
 * Diag by then. An entry with errors is left out of the model. */
bool elaborate(Model *model, const File *file, const Options *options);

/* ---- recognise.c ---- */

/* Puts one attend where a product, a softmax and a product make attention. Values stay the same. */
void recognise(Model *model);

/* ---- block.c, block_rows.c ---- */

enum { BLOCK_WHERE_IT_PAYS = -1 };
/* Computes products of which only rows of their own are read in blocks of at most so many rows, 0: never; and what is
 * read of them likewise. Values stay the same. */
void block(Model *model, int64_t rows);

/* ---- gradient.c ---- */

/* Replaces every grad and jacobian, innermost first, by the nodes of their adjoints. Mistakes of the user (no adjoint
 * on a needed path, no path at all) are reported; such a result is zeros, so that the passes after it may go on. */
void gradient(Model *model);

/* ---- simplify.c ---- */

/* Applies local identities, shares equal nodes and drops dead ones. Values stay the same; inputs stay. */
void simplify(Model *model);
void simplify_entry(Entry *entry, Model *model); /* the same for one entry */

/* ---- share.c ---- */

/* One node for all that are equal (op, operands, attr), and none that no result, write or check needs. */
void share(Entry *entry, Model *model);

/* ---- factor.c ---- */

/* Takes gains and biases that are the same in every row out of the weight gradients of products, so that what they were
 * applied to need not be kept from the forward pass. Values stay the same but for rounding. */
void factor(Model *model);

/* ---- update.c ---- */

/* Cuts the update into pieces, so that the product which gives a weight's gradient takes the weight's step too, where
 * no step waits for all gradients. Values stay the same; the gradients' norm but for rounding. */
void update(Model *model);

/* ---- expand.c ---- */

/* Rewrites row ops to maps and last-axis reductions, and cuts long reductions into a number of parts that the shape
 * determines. Afterwards only leaves, views, maps, reductions, products, indexing, joins and effects are left. */
void expand(Model *model);

/* ---- defer.c ---- */

/* Puts what blocks of rows compute, and what the forward pass computes from it, just before the first of the others
 * that reads it. */
void defer(Model *model);

/* ---- recompute.c ---- */

/* What turns of a `for … remat` compute for themselves, and the forward nodes that `chosen` marks (by id; NULL: none),
 * is computed again for the backward pass. Nodes may be dead afterwards; none may be shared any more. */
void recompute(Entry *entry, Model *model, const bool *chosen);

#endif
