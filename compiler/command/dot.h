/* dot.h: what the files of `tgc dot` share: a drawing of boxes and edges between them, whatever they stand for. Private
 * to dot*.c.
 *
 *     Graph --dot_graph.c--> Drawing    Schedule --dot_kernels.c--> Drawing    Drawing --dot.c--> text for Graphviz */
#ifndef TGC_DOT_H
#define TGC_DOT_H

#include "command/inspect.h"

typedef enum BoxKind { BOX_NODE, BOX_PORT, BOX_VALUE, BOX_MODULE } BoxKind;

typedef struct Box {
    BoxKind kind; /* an operation or kernel; an input or variable; a value from elsewhere; a module drawn as one */
    Phase phase;
    const char *scope; /* of the module it is drawn in */
    const char *label; /* lines */
    const char *tip;   /* shown by a browser: the line of the model, the rule */
    const char *result;
    int count; /* of a module: what it stands for */
    double flop, bytes;
} Box;

typedef struct Arrow {
    int from, to; /* boxes */
    const char *label;
    Phase phase;
    int count; /* arrows drawn as this one */
} Arrow;

typedef struct Drawing {
    Arena *arena;
    const char *things; /* what a module's count is of: "operations", "kernels" */
    int depth;          /* modules nested deeper are boxes */
    VEC(Box) boxes;
    VEC(Arrow) arrows;
} Drawing;

/* ---- dot.c ---- */

/* The first `depth` modules of a path, an index being part of its name: "net.layer.0.att" to depth 2 is "net.layer.0".
 */
const char *scope_to(Arena *arena, const char *scope, int depth);
int scope_depth(const char *scope);
/* The path of the module that a node is drawn in: of a function, the module it was called from. */
const char *scope_of(const Node *node);
/* The box that stands for what lies in `scope` in that phase, where that is too deep to be drawn; -1 otherwise. */
int box_of_module(Drawing *drawing, const char *scope, Phase phase);
void arrow_add(Drawing *drawing, int from, int to, const char *label, Phase phase);

/* ---- dot_graph.c, dot_kernels.c ---- */

void draw_graph(Drawing *drawing, const Entry *entry, bool backward);
void draw_kernels(Drawing *drawing, const Schedule *schedule, const Output *output, bool backward);

#endif
