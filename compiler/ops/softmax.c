/* softmax.c: softmax, with a mask or without, and log_softmax, along the last axis.
 *
 *     softmax      p_i = exp(s_i - m) / sum over j of exp(s_j - m),  m = max s        dS = P (dP - rowsum(dP P))
 *     masked       the same over the allowed j alone; p = 0 elsewhere, and in a row without any
 *     log_softmax  y_i = s_i - logsumexp s                                            dS = G - exp(Y) rowsum(G)
 *
 * In: scores, perhaps a boolean mask of the same shape (operand 1). Out: one node that pass/expand rewrites to a
 * maximum, an exponential, a sum and a product. Another axis is brought to the end and back by permutations.
 * A masked score has P = 0, so the rule needs no mask; a row of -inf alone gives 0 as a masked one does.
 */
#include "ops/ops.h"

#include <math.h>

static bool infer_softmax(const Node *node, Shape *shape, DType *dtype) {
    const Node *x = node->operand[0];
    *shape = x->shape;
    *dtype = DT_FLOAT;
    if (x->dtype != DT_FLOAT || x->shape.rank == 0 || node->operand_count != (node->attr.flag ? 2 : 1)) return false;
    if (!node->attr.flag) return true;
    return node->operand[1]->dtype == DT_BOOL && shape_equal(&node->operand[1]->shape, shape);
}

void softmax_row(const double *x, const double *mask, int64_t n, double *y) {
    double top = -INFINITY, total = 0;
    for (int64_t i = 0; i < n; i++) top = (!mask || mask[i] != 0) && (isnan(x[i]) || x[i] > top) ? x[i] : top;
    for (int64_t i = 0; i < n; i++) {
        bool allowed = (!mask || mask[i] != 0) && top != -INFINITY;
        y[i] = allowed ? exp(x[i] - top) : 0;
        total += y[i];
    }
    for (int64_t i = 0; i < n; i++) y[i] = total > 0 ? y[i] / total : total;
}

static void eval_softmax(const Node *node, const double *const *operand, double *result) {
    int64_t n = node->shape.size[node->shape.rank - 1], count = shape_count(&node->shape);
    const double *mask = node->attr.flag ? operand[1] : NULL;
    for (int64_t at = 0; at < count; at += n) softmax_row(operand[0] + at, mask ? mask + at : NULL, n, result + at);
}

static Node *row_sum(Graph *graph, Node *x) {
    int last = x->shape.rank - 1;
    return sum(graph, x, &last, 1, false);
}

static void adjoint_softmax(Graph *graph, Adjoint *to, Node *node, Node *g) {
    Node *product = multiply(graph, g, node);
    Node *total = row_back(graph, node_title(row_sum(graph, product), "row_sum"), &product->shape);
    adjoint_add(to, 0, multiply(graph, node, subtract(graph, g, total)), "dS = P * (dP - rowsum(dP * P))");
}

/* Every allowed row sums to 1 or more after its maximum is subtracted: the bound matters to empty rows alone. */
Node *one_over(Graph *graph, Node *total) {
    Node *held = maximum(graph, total, number(graph, 1e-30));
    return divide(graph, number(graph, 1), held);
}

/* exp(x - max x), the maximum held above -inf so that a row of -inf alone gives zeros. */
static Node *shifted(Graph *graph, Node *x) {
    int last = x->shape.rank - 1;
    Node *largest = node_title(reduce_max(graph, x, &last, 1, false), "largest");
    Node *top = node_title(maximum(graph, largest, number(graph, LOWEST)), "top");
    return subtract(graph, x, row_back(graph, top, &x->shape));
}

static Node *expand_softmax(Graph *graph, Node *node, Node *const *operand) {
    Node *x = operand[0], *mask = node->attr.flag ? operand[1] : NULL;
    if (shape_count(&x->shape) == 0) return zeros(graph, node->shape);
    if (mask) x = where(graph, mask, x, number(graph, LOWEST));
    node_title(mask ? x : NULL, "masked");
    Node *e = node_title(exponential(graph, shifted(graph, x)), "e");
    if (mask) e = node_title(where(graph, mask, e, number(graph, 0)), "allowed_e");
    Node *share = node_title(one_over(graph, node_title(row_sum(graph, e), "total")), "one_over_total");
    return node_title(multiply(graph, e, row_back(graph, share, &x->shape)), "softmax");
}

const Op op_softmax = {.name = "softmax",
                       .kind = OP_ROW,
                       .arity = -1,
                       .uses = USES_FLAG,
                       .infer = infer_softmax,
                       .adjoint = adjoint_softmax,
                       .expand = expand_softmax,
                       .eval = eval_softmax};

static void eval_log_softmax(const Node *node, const double *const *operand, double *result) {
    int64_t n = node->shape.size[node->shape.rank - 1], count = shape_count(&node->shape);
    for (int64_t at = 0; at < count; at += n) {
        const double *x = operand[0] + at;
        double top = -INFINITY, total = 0;
        for (int64_t i = 0; i < n; i++) top = x[i] > top ? x[i] : top;
        for (int64_t i = 0; i < n; i++) total += exp(x[i] - top);
        for (int64_t i = 0; i < n; i++) result[at + i] = x[i] - top - log(total);
    }
}

static void adjoint_log_softmax(Graph *graph, Adjoint *to, Node *node, Node *g) {
    Node *total = row_back(graph, node_title(row_sum(graph, g), "row_sum"), &g->shape);
    Node *share = multiply(graph, exponential(graph, node), total);
    adjoint_add(to, 0, subtract(graph, g, share), "dS = G - exp(Y) * rowsum(G)");
}

static Node *expand_log_softmax(Graph *graph, Node *node, Node *const *operand) {
    Node *x = operand[0];
    if (shape_count(&x->shape) == 0) return zeros(graph, node->shape);
    Node *low = shifted(graph, x);
    Node *total = node_title(row_sum(graph, node_title(exponential(graph, low), "e")), "total");
    Node *level = node_title(logarithm(graph, total), "log_total");
    return node_title(subtract(graph, low, row_back(graph, level, &x->shape)), "log_softmax");
}

const Op op_log_softmax = {.name = "log_softmax",
                           .kind = OP_ROW,
                           .arity = 1,
                           .infer = infer_softmax,
                           .adjoint = adjoint_log_softmax,
                           .expand = expand_log_softmax,
                           .eval = eval_log_softmax};

static bool has_axis(Graph *graph, const char *what, const Node *x, int axis) {
    if (axis >= 0 && axis < x->shape.rank) return true;
    diag_error(graph->diag, graph->at, E0304, "%s along axis %d of %s", what, axis,
               shape_string(graph->arena, &x->shape));
    return false;
}

/* The mask, repeated to the shape of the scores. */
static Node *mask_for(Graph *graph, Node *mask, const Shape *shape) {
    if (mask->dtype == DT_BOOL) return shape_equal(&mask->shape, shape) ? mask : broadcast(graph, mask, *shape);
    Message *message = diag_error(graph->diag, graph->at, E0401, "a mask must be boolean, not %s%s",
                                  dtype_name(mask->dtype, false), shape_string(graph->arena, &mask->shape));
    diag_help(message, "compare first: m != 0");
    return NULL;
}

Node *softmax(Graph *graph, Node *x, int axis, Node *mask) {
    if (!x || !has_axis(graph, "softmax", x, axis)) return NULL;
    if (x->dtype != DT_FLOAT) x = cast(graph, x, DT_FLOAT);
    int last = x->shape.rank - 1;
    if (mask && !(mask = mask_for(graph, mask, &x->shape))) return NULL;
    Node *operand[] = {move_axes(graph, x, axis, 1, last), move_axes(graph, mask, axis, 1, last)};
    Attr attr = {.flag = mask != NULL};
    Node *y = graph_append(graph, &op_softmax, DT_FLOAT, operand[0]->shape, mask ? 2 : 1, operand, &attr);
    return move_axes(graph, y, last, 1, axis);
}

Node *log_softmax(Graph *graph, Node *x, int axis) {
    if (!x || !has_axis(graph, "log_softmax", x, axis)) return NULL;
    if (x->dtype != DT_FLOAT) x = cast(graph, x, DT_FLOAT);
    int last = x->shape.rank - 1;
    Node *moved = move_axes(graph, x, axis, 1, last);
    Node *y = graph_append(graph, &op_log_softmax, DT_FLOAT, moved->shape, 1, &moved, NULL);
    return move_axes(graph, y, last, 1, axis);
}
