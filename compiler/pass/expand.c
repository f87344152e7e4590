/* expand.c: what the back end does not know, or knows better in another form: row ops, products with a vector, and
 * folds too long for one thread.
 *
 * In: graphs of simplify. Out: only leaves, views, maps, reductions, products, indexing, joins and effects.
 *
 *     softmax(x)              m = max(x)  e = exp(x - m)  s = sum(e)  e * (1 / s)        by the op's own rule
 *     x[1, K] @ w[N, K].T    sum(x * w, axis K)                                          where k lies along the rows
 *     x[1, K] @ w[K, N]      p = sum((x * w) as [8, K/8, N], axis 1)  p[0] + p[1] + …     where it lies across them
 *     sum(f(x)), x[1000000]   p = sum(f(x as [40, 25000]), axis 1)  sum(p)
 *
 * A reduction of more than LONG_FOLD elements into fewer than FEW_RESULTS is cut into a number of parts that the shape
 * determines, so that it can run in parallel and its bits do not depend on the threads. What a fold reads through maps
 * that serve it alone is read through the cut instead, so that they still fuse.
 */
#include "pass/pass.h"

enum { LONG_FOLD = 16384, FEW_RESULTS = 64, MOST_PARTS = 64, LEAST_PARTS = 8, UNEVEN_PARTS = 32 };
enum { ACROSS_PARTS = 8, ACROSS_LEAST = 1 << 16, ACROSS_ROW = 128 };

typedef struct Rewrite {
    const Graph *from;
    Graph *to;
    Node **map;
    int *uses; /* by old id */
} Rewrite;

static void stand_at(Graph *graph, const Node *node, Node *const *map) {
    graph_stand(graph, node, node->forward ? map[node->forward->id] : NULL);
}

static Node *expand_row(Rewrite *rewrite, const Node *node) {
    Node **operand = NEW_ARRAY(rewrite->to->arena, Node *, node->operand_count + 1);
    for (int i = 0; i < node->operand_count; i++) operand[i] = rewrite->map[node->operand[i]->id];
    stand_at(rewrite->to, node, rewrite->map);
    Node *result = node->op->expand(rewrite->to, (Node *)node, operand);
    if (!shape_equal(&result->shape, &node->shape)) fatal("expand", "%s changes its shape", node->op->name);
    if (!result->name) node_rename(rewrite->to, result, node->name);
    return result;
}

/* ---- thin products ---- */

/* Whether a product has one row or one column and the other operand's rows lie along k: then it is one dot product per
 * row of that operand, which a fold reads once and in order. */
static bool is_thin(const Node *node, bool *one_row) {
    if (node->op != &op_matmul) return false;
    int rank = node->shape.rank;
    *one_row = node->shape.size[rank - 2] == 1 && node->attr.transpose_b;
    return *one_row || (node->shape.size[rank - 1] == 1 && !node->attr.transpose_a);
}

/* The vector as [.., 1, K], whichever way it lies, once for every row of the matrix [.., N, K]. */
static Node *vector_beside(Graph *graph, Node *vector, const Node *matrix) {
    Shape row = matrix->shape;
    row.size[row.rank - 2] = 1;
    row.name[row.rank - 2] = NULL;
    return broadcast(graph, reshape(graph, vector, row), matrix->shape);
}

static Node *expand_thin(Rewrite *rewrite, const Node *node, bool one_row) {
    Graph *to = rewrite->to;
    Node *a = rewrite->map[node->operand[0]->id], *b = rewrite->map[node->operand[1]->id];
    Node *matrix = one_row ? b : a, *vector = one_row ? a : b;
    int last = matrix->shape.rank - 1;
    stand_at(to, node, rewrite->map);
    Node *dots = sum(to, multiply(to, vector_beside(to, vector, matrix), matrix), &last, 1, false);
    dots = reshape(to, dots, node->shape);
    node_rename(to, dots, node->name);
    return dots;
}

/* Whether a product has one row and a large other operand whose rows lie across k: then rows of that operand, each
 * times a number, are added up as they lie in memory. */
static bool is_across(const Node *node) {
    if (node->op != &op_matmul || node->attr.transpose_b) return false;
    const Shape *matrix = &node->operand[1]->shape;
    int64_t wide = matrix->size[matrix->rank - 1], deep = matrix->size[matrix->rank - 2];
    return node->shape.size[node->shape.rank - 2] == 1 && shape_count(matrix) == wide * deep && wide >= ACROSS_ROW &&
           wide * deep >= ACROSS_LEAST;
}

/* A fixed number of parts of k, which can be added up beside each other, and then their sum. */
static Node *expand_across(Rewrite *rewrite, const Node *node) {
    Graph *to = rewrite->to;
    Node *vector = rewrite->map[node->operand[0]->id], *matrix = rewrite->map[node->operand[1]->id];
    const Shape *shape = &matrix->shape;
    int64_t deep = shape->size[shape->rank - 2], wide = shape->size[shape->rank - 1], parts = ACROSS_PARTS;
    int across = 1;
    while (deep % parts != 0) parts--;
    Shape whole = {.rank = 3, .size = {parts, deep / parts, wide}},
          column = {.rank = 3, .size = {parts, deep / parts, 1}};
    stand_at(to, node, rewrite->map);
    Node *beside = broadcast(to, reshape(to, vector, column), whole);
    Node *part = sum(to, multiply(to, beside, reshape(to, matrix, whole)), &across, 1, false), *total = NULL;
    node_title(part, "parts");
    for (int64_t i = 0; i < parts; i++) {
        int64_t start[MAX_RANK] = {i, 0}, size[MAX_RANK] = {1, wide};
        Node *one = reshape(to, slice(to, part, start, size), node->shape);
        total = total ? add(to, total, one) : one;
    }
    node_rename(to, total, node->name);
    return total;
}

/* ---- long folds ---- */

/* Which part of a flat tensor is folded, and as what shape: [before, length, after], cut, then `shape`. */
typedef struct Cut {
    Shape flat; /* of the whole operand */
    int64_t start[MAX_RANK], size[MAX_RANK];
    Shape shape;
} Cut;

static Node *view_cut(Graph *graph, Node *x, const Cut *cut) {
    double value;
    if (is_number(x, &value)) return full(graph, cut->shape, value, x->dtype);
    if (!shape_equal(&x->shape, &cut->flat)) x = reshape(graph, x, cut->flat);
    x = slice(graph, x, cut->start, cut->size);
    return reshape(graph, x, cut->shape);
}

/* The cut of a value: of what it is computed from, when it is a map that nothing else uses. */
static Node *cut_value(Rewrite *rewrite, const Node *node, const Cut *cut) {
    if (node->op->kind != OP_MAP || rewrite->uses[node->id] > 1)
        return view_cut(rewrite->to, rewrite->map[node->id], cut);
    Node *operand[3];
    for (int i = 0; i < node->operand_count; i++) operand[i] = cut_value(rewrite, node->operand[i], cut);
    stand_at(rewrite->to, node, rewrite->map);
    Node *value = graph_append(rewrite->to, node->op, node->dtype, cut->shape, node->operand_count, operand, NULL);
    value->name = node->name;
    return value;
}

static int parts_of(int64_t length) {
    for (int parts = MOST_PARTS; parts >= LEAST_PARTS; parts--)
        if (length % parts == 0) return parts;
    return UNEVEN_PARTS;
}

static const struct {
    const Op *fold;
    Node *(*join)(Graph *graph, Node *a, Node *b);
} folds[] = {{&op_sum, add}, {&op_max, maximum}, {&op_min, minimum}};

static Node *joined(Graph *graph, const Op *fold, Node *a, Node *b) {
    for (size_t i = 0; i < sizeof folds / sizeof folds[0]; i++)
        if (folds[i].fold == fold) return folds[i].join(graph, a, b);
    fatal("expand", "%s cannot be cut", fold->name);
}

static Node *fold_axis(Graph *graph, const Op *fold, Node *x, int axis) {
    Attr attr = {.axis_count = 1, .axes = {axis}};
    return graph_append(graph, fold, x->dtype, shape_drop(&x->shape, axis), 1, &x, &attr);
}

/* The folded axes stand together, at the end or at the start: [before, length, after] with before or after 1. */
typedef struct Extent {
    int64_t before, length, after;
} Extent;

static bool extent_of(const Node *node, Extent *extent) {
    const Shape *shape = &node->operand[0]->shape;
    int first = node->attr.axes[0], count = node->attr.axis_count;
    if (node->attr.axes[count - 1] != first + count - 1) return false;
    *extent = (Extent){1, 1, 1};
    for (int i = 0; i < shape->rank; i++) {
        int64_t *side = i < first ? &extent->before : i < first + count ? &extent->length : &extent->after;
        *side *= shape->size[i];
    }
    return true;
}

static bool is_long(const Node *node, Extent *extent) {
    if (node->op->kind != OP_REDUCE || !extent_of(node, extent)) return false;
    return extent->length > LONG_FOLD && extent->before * extent->after < FEW_RESULTS;
}

/* `parts` stretches of `length` elements each, from `start` on. */
static Cut cut_at(const Extent *extent, int64_t start, int64_t parts, int64_t length) {
    return (Cut){.flat = {.rank = 3, .size = {extent->before, extent->length, extent->after}},
                 .start = {0, start, 0},
                 .size = {extent->before, parts * length, extent->after},
                 .shape = {.rank = 4, .size = {extent->before, parts, length, extent->after}}};
}

static Node *fold_in_parts(Rewrite *rewrite, const Node *node, const Extent *extent) {
    Graph *to = rewrite->to;
    int64_t parts = parts_of(extent->length), length = extent->length / parts, rest = extent->length % parts;
    Cut even = cut_at(extent, 0, parts, length), odd = cut_at(extent, parts * length, 1, rest);
    Node *body = cut_value(rewrite, node->operand[0], &even);
    Node *tail = rest > 0 ? cut_value(rewrite, node->operand[0], &odd) : NULL;
    stand_at(to, node, rewrite->map);
    Node *partial = fold_axis(to, node->op, body, 2);
    Node *total = fold_axis(to, node->op, partial, 1);
    if (tail) total = joined(to, node->op, total, fold_axis(to, node->op, fold_axis(to, node->op, tail, 2), 1));
    total = reshape(to, total, node->shape);
    node_rename(to, total, node->name);
    return total;
}

/* ---- the pass ---- */

static Node *without_rows(Rewrite *rewrite, const Node *node) {
    bool one_row;
    if (is_thin(node, &one_row)) return expand_thin(rewrite, node, one_row);
    if (is_across(node)) return expand_across(rewrite, node);
    return node->op->kind == OP_ROW ? expand_row(rewrite, node) : graph_carry(rewrite->to, node, rewrite->map);
}

static Node *without_long_folds(Rewrite *rewrite, const Node *node) {
    Extent extent;
    return is_long(node, &extent) ? fold_in_parts(rewrite, node, &extent)
                                  : graph_carry(rewrite->to, node, rewrite->map);
}

/* One copy of the entry's graph through a rule, simplified again. */
static void expand_graph(Entry *entry, Model *model, Node *(*rule)(Rewrite *, const Node *)) {
    const Graph *from = entry->graph;
    Arena *scratch = arena_new();
    Graph *to = graph_new(model->arena, model->names, model->diag, from->entry);
    Rewrite rewrite = {.from = from, .to = to};
    rewrite.map = NEW_ARRAY(scratch, Node *, from->nodes.count + 1);
    rewrite.uses = NEW_ARRAY(scratch, int, from->nodes.count + 1);
    entry_uses(entry, rewrite.uses);
    for (int i = 0; i < from->nodes.count; i++) rewrite.map[i] = rule(&rewrite, from->nodes.at[i]);
    entry_move(entry, to, rewrite.map);
    arena_free(scratch);
    simplify_entry(entry, model);
}

void expand(Model *model) {
    for (int i = 0; i < model->entries.count; i++) {
        expand_graph(model->entries.at[i], model, without_rows);
        expand_graph(model->entries.at[i], model, without_long_folds);
        graph_check(model->entries.at[i]->graph, "expand");
    }
}
