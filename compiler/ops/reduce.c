/* reduce.c: sums and extremes over some axes, which are dropped.
 *
 * In: a tensor and ascending axes. Out: one node; `keep` reshapes its result so that the axes stay with size 1.
 *
 *     sum  y[i] = sum over j of x[i, j]        dX[i, j] = G[i]
 *     max  y[i] = max over j of x[i, j]        dX[i, j] = G[i] / (number of maxima in row i) where x[i, j] = y[i]
 *
 * The sum over an empty axis is 0, an extreme over one is the user's error. The mean is a sum divided by a count.
 */
#include "ops/ops.h"

#include <math.h>

static Shape kept_shape(const Shape *shape, const int *axes, int count) {
    Shape kept = *shape;
    for (int i = 0; i < count; i++) {
        kept.size[axes[i]] = 1;
        kept.name[axes[i]] = NULL;
    }
    return kept;
}

static Shape dropped_shape(const Shape *shape, const int *axes, int count) {
    Shape dropped = *shape;
    for (int i = count - 1; i >= 0; i--) dropped = shape_drop(&dropped, axes[i]);
    return dropped;
}

static bool ascending(const int *axes, int count, int rank) {
    for (int i = 0; i < count; i++)
        if (axes[i] < 0 || axes[i] >= rank || (i > 0 && axes[i] <= axes[i - 1])) return false;
    return count > 0;
}

static bool infer_reduce(const Node *node, Shape *shape, DType *dtype) {
    const Shape *from = &node->operand[0]->shape;
    if (!ascending(node->attr.axes, node->attr.axis_count, from->rank)) return false;
    *shape = dropped_shape(from, node->attr.axes, node->attr.axis_count);
    *dtype = node->operand[0]->dtype;
    return *dtype != DT_BOOL;
}

/* Calls for every element of the operand: the result's element it folds into. */
static void fold(const Node *node, const double *x, double *result, double (*join)(double, double)) {
    const Shape *from = &node->operand[0]->shape;
    int64_t stride[MAX_RANK], unit = 1, index[MAX_RANK] = {0}, count = shape_count(from);
    for (int axis = from->rank - 1, last = node->attr.axis_count - 1; axis >= 0; axis--) {
        bool reduced = last >= 0 && node->attr.axes[last] == axis;
        stride[axis] = reduced ? 0 : unit;
        if (reduced)
            last--;
        else
            unit *= from->size[axis];
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t at = 0;
        for (int axis = 0; axis < from->rank; axis++) at += index[axis] * stride[axis];
        result[at] = join(result[at], x[i]);
        for (int axis = from->rank - 1; axis >= 0; axis--) {
            if (++index[axis] < from->size[axis]) break;
            index[axis] = 0;
        }
    }
}

static void fill(const Node *node, double *result, double value) {
    int64_t count = shape_count(&node->shape);
    for (int64_t i = 0; i < count; i++) result[i] = value;
}

static double join_sum(double a, double b) {
    return a + b;
}
static double join_max(double a, double b) {
    return isnan(b) || b > a ? b : a;
}
static double join_min(double a, double b) {
    return isnan(b) || b < a ? b : a;
}

static void eval_sum(const Node *node, const double *const *operand, double *result) {
    fill(node, result, 0);
    fold(node, operand[0], result, join_sum);
    int64_t count = node->dtype == DT_I32 ? shape_count(&node->shape) : 0;
    for (int64_t i = 0; i < count; i++) result[i] = (double)(int32_t)(uint32_t)(int64_t)result[i];
}

static void eval_max(const Node *node, const double *const *operand, double *result) {
    fill(node, result, node->dtype == DT_I32 ? INT32_MIN : -INFINITY);
    fold(node, operand[0], result, join_max);
}

static void eval_min(const Node *node, const double *const *operand, double *result) {
    fill(node, result, node->dtype == DT_I32 ? INT32_MAX : INFINITY);
    fold(node, operand[0], result, join_min);
}

/* A value of the node's shape (with extra leading axes as in g), repeated along the reduced axes. */
static Node *spread(Graph *graph, const Node *node, Node *value) {
    const Shape *from = &node->operand[0]->shape;
    Shape kept = kept_shape(from, node->attr.axes, node->attr.axis_count);
    kept = with_lead(value, node, &kept);
    return broadcast(graph, reshape(graph, value, kept), with_lead(value, node, from));
}

static void adjoint_sum(Graph *graph, Adjoint *to, Node *node, Node *g) {
    adjoint_add(to, 0, spread(graph, node, g), "dX = G repeated along the summed axes");
}

static void adjoint_extreme(Graph *graph, Adjoint *to, Node *node, Node *g) {
    Node *x = node->operand[0];
    Node *zero = number(graph, 0), *one = number(graph, 1);
    Node *hit = where(graph, equal(graph, x, spread(graph, node, node)), one, zero);
    Node *hits = sum(graph, hit, node->attr.axes, node->attr.axis_count, false);
    Node *each = spread(graph, node, divide(graph, g, hits));
    adjoint_add(to, 0, multiply(graph, each, hit), "dX = G / number of ties, where X = Y");
}

const Op op_sum = {.name = "sum",
                   .kind = OP_REDUCE,
                   .arity = 1,
                   .uses = USES_AXES,
                   .infer = infer_reduce,
                   .adjoint = adjoint_sum,
                   .eval = eval_sum};
const Op op_max = {.name = "max",
                   .kind = OP_REDUCE,
                   .arity = 1,
                   .uses = USES_AXES,
                   .infer = infer_reduce,
                   .adjoint = adjoint_extreme,
                   .eval = eval_max};
const Op op_min = {.name = "min",
                   .kind = OP_REDUCE,
                   .arity = 1,
                   .uses = USES_AXES,
                   .infer = infer_reduce,
                   .adjoint = adjoint_extreme,
                   .eval = eval_min};

static bool axes_fit(Graph *graph, const char *what, const Node *x, const int *axes, int count) {
    if (count == 0 || ascending(axes, count, x->shape.rank)) return true;
    diag_error(graph->diag, graph->at, E0304, "%s over axes that %s does not have, or has once", what,
               shape_string(graph->arena, &x->shape));
    return false;
}

static bool not_empty(Graph *graph, const char *what, const Node *x, const int *axes, int count) {
    for (int i = 0; i < count; i++) {
        if (x->shape.size[axes[i]] > 0) continue;
        diag_error(graph->diag, graph->at, E0307, "%s over an empty axis of %s", what,
                   shape_string(graph->arena, &x->shape));
        return false;
    }
    return true;
}

static Node *reduce(Graph *graph, const Op *op, Node *x, const int *axes, int count, bool keep) {
    if (!x || !axes_fit(graph, op->name, x, axes, count)) return NULL;
    if (x->dtype == DT_BOOL) x = cast(graph, x, DT_I32);
    if (count == 0) return same(graph, x);
    Attr attr = {.axis_count = count};
    for (int i = 0; i < count; i++) attr.axes[i] = axes[i];
    Node *y = graph_append(graph, op, x->dtype, dropped_shape(&x->shape, axes, count), 1, &x, &attr);
    return keep ? reshape(graph, y, kept_shape(&x->shape, axes, count)) : y;
}

Node *sum(Graph *graph, Node *x, const int *axes, int count, bool keep) {
    return reduce(graph, &op_sum, x, axes, count, keep);
}

Node *mean(Graph *graph, Node *x, const int *axes, int count, bool keep) {
    if (!x || !axes_fit(graph, "mean", x, axes, count) || !not_empty(graph, "mean", x, axes, count)) return NULL;
    if (x->dtype != DT_FLOAT) x = cast(graph, x, DT_FLOAT);
    int64_t terms = 1;
    for (int i = 0; i < count; i++) terms *= x->shape.size[axes[i]];
    Node *divisor = number(graph, (double)terms);
    return divide(graph, sum(graph, x, axes, count, keep), divisor);
}

Node *reduce_max(Graph *graph, Node *x, const int *axes, int count, bool keep) {
    if (!x || !axes_fit(graph, "max", x, axes, count) || !not_empty(graph, "max", x, axes, count)) return NULL;
    return reduce(graph, &op_max, x, axes, count, keep);
}

Node *reduce_min(Graph *graph, Node *x, const int *axes, int count, bool keep) {
    if (!x || !axes_fit(graph, "min", x, axes, count) || !not_empty(graph, "min", x, axes, count)) return NULL;
    return reduce(graph, &op_min, x, axes, count, keep);
}

Node *sum_all(Graph *graph, Node *x) {
    if (!x) return NULL;
    int axes[MAX_RANK];
    for (int i = 0; i < x->shape.rank; i++) axes[i] = i;
    return sum(graph, x, axes, x->shape.rank, false);
}
