/* row.c: operations on whole rows (the last axis): logsumexp, layernorm, rmsnorm.
 *
 * In: rows of any tensor. Out: one node each, with its own adjoint, that pass/expand rewrites late to maps and
 * reductions over the last axis, which the kernel fuser puts into one row kernel.
 *
 *     logsumexp  y = log sum exp x                           dX = G exp(X - Y)
 *     layernorm  y = (x - mean x) r, r = 1/sqrt(var x + eps)  dX = r (G - mean G - Y mean(G Y))
 *     rmsnorm    y = x r, r = 1/sqrt(mean x^2 + eps)          dX = r (G - Y mean(G Y))
 *
 * Means run over the row. The adjoints build r anew from X; it is the node of the forward pass again once shared.
 */
#include "ops/ops.h"

#include <math.h>
#include <string.h>

static int64_t width(const Node *x) {
    return x->shape.size[x->shape.rank - 1];
}

static Node *row_sum(Graph *graph, Node *x) {
    int last = x->shape.rank - 1;
    return sum(graph, x, &last, 1, false);
}

static Node *row_mean(Graph *graph, Node *x) {
    double terms = width(x) > 0 ? (double)width(x) : 1;
    Node *share = number(graph, 1 / terms);
    return multiply(graph, row_sum(graph, x), share);
}

static bool infer_rows(const Node *node, Shape *shape, DType *dtype) {
    *shape = node->operand[0]->shape;
    *dtype = DT_FLOAT;
    return shape->rank > 0 && node->operand[0]->dtype == DT_FLOAT;
}

static bool has_rows(Graph *graph, const char *what, const Node *x) {
    if (x->shape.rank > 0) return true;
    diag_error(graph->diag, graph->at, E0308, "%s needs an axis to run along, not a scalar", what);
    return false;
}

/* ---- logsumexp: drops the last axis ---- */

static bool infer_logsumexp(const Node *node, Shape *shape, DType *dtype) {
    if (!infer_rows(node, shape, dtype)) return false;
    *shape = shape_drop(shape, shape->rank - 1);
    return true;
}

static double logsumexp_row(const double *x, int64_t n) {
    double top = -INFINITY, total = 0;
    for (int64_t i = 0; i < n; i++) top = isnan(x[i]) || x[i] > top ? x[i] : top;
    if (isinf(top)) return top;
    for (int64_t i = 0; i < n; i++) total += exp(x[i] - top);
    return log(total) + top;
}

static void eval_logsumexp(const Node *node, const double *const *operand, double *result) {
    int64_t rows = shape_count(&node->shape), n = width(node->operand[0]);
    for (int64_t row = 0; row < rows; row++) result[row] = logsumexp_row(operand[0] + row * n, n);
}

/* Y is -inf for a row of nothing but -inf; the bound makes its derivative 0. */
static void adjoint_logsumexp(Graph *graph, Adjoint *to, Node *node, Node *g) {
    Node *x = node->operand[0];
    Node *level = row_back(graph, node_title(maximum(graph, node, number(graph, LOWEST)), "level"), &x->shape);
    Node *share = exponential(graph, subtract(graph, x, level));
    Shape wide = with_lead(g, node, &x->shape);
    adjoint_add(to, 0, multiply(graph, row_back(graph, g, &wide), share), "dX = G * exp(X - Y)");
}

static Node *expand_logsumexp(Graph *graph, Node *node, Node *const *operand) {
    Node *x = operand[0];
    if (shape_count(&x->shape) == 0) return zeros(graph, node->shape);
    int last = x->shape.rank - 1;
    Node *largest = node_title(reduce_max(graph, x, &last, 1, false), "largest");
    Node *top = node_title(maximum(graph, largest, number(graph, LOWEST)), "top");
    Node *e = node_title(exponential(graph, subtract(graph, x, row_back(graph, top, &x->shape))), "e");
    Node *total = node_title(row_sum(graph, e), "total");
    return node_title(add(graph, logarithm(graph, total), top), "logsumexp");
}

const Op op_logsumexp = {.name = "logsumexp",
                         .kind = OP_ROW,
                         .arity = 1,
                         .infer = infer_logsumexp,
                         .adjoint = adjoint_logsumexp,
                         .expand = expand_logsumexp,
                         .eval = eval_logsumexp};

static Node *logsumexp_last(Graph *graph, Node *x) {
    return graph_append(graph, &op_logsumexp, DT_FLOAT, shape_drop(&x->shape, x->shape.rank - 1), 1, &x, NULL);
}

/* Brings the reduced axes to the end and makes them one; `kept` becomes the shape with size 1 in their places. */
static Node *reduced_last(Graph *graph, Node *x, const int *axes, int count, Shape *kept) {
    int order[MAX_RANK], filled = 0, next = 0, rank = x->shape.rank;
    *kept = x->shape;
    for (int axis = 0; axis < rank; axis++) {
        bool reduced = next < count && axes[next] == axis;
        if (!reduced) {
            order[filled++] = axis;
            continue;
        }
        next++;
        kept->size[axis] = 1;
        kept->name[axis] = NULL;
    }
    for (int i = 0; i < count; i++) order[filled++] = axes[i];
    Node *moved = rank == count || axes[0] == rank - count ? x : permute(graph, x, order);
    if (count == 1) return moved;
    Shape flat = moved->shape;
    flat.rank = rank - count + 1;
    flat.size[rank - count] = shape_count(&x->shape);
    for (int i = 0; i < rank - count; i++) flat.size[rank - count] /= flat.size[i] > 0 ? flat.size[i] : 1;
    flat.name[rank - count] = NULL;
    return reshape(graph, moved, flat);
}

Node *logsumexp(Graph *graph, Node *x, const int *axes, int count, bool keep) {
    if (!x) return NULL;
    if (x->dtype != DT_FLOAT) x = cast(graph, x, DT_FLOAT);
    if (count == 0) return same(graph, x);
    for (int i = 0; i < count; i++) {
        bool fits = axes[i] >= 0 && axes[i] < x->shape.rank && (i == 0 || axes[i] > axes[i - 1]);
        if (fits && x->shape.size[axes[i]] > 0) continue;
        diag_error(graph->diag, graph->at, fits ? E0307 : E0304,
                   fits ? "logsumexp over an empty axis of %s" : "logsumexp over an axis that %s does not have",
                   shape_string(graph->arena, &x->shape));
        return NULL;
    }
    Shape kept;
    Node *y = logsumexp_last(graph, reduced_last(graph, x, axes, count, &kept));
    return keep ? reshape(graph, y, kept) : y;
}

/* ---- layernorm and rmsnorm ---- */

/* 1/sqrt(mean x^2 + eps), one per row. */
static Node *inverse_root(Graph *graph, Node *x, double eps) {
    Node *square = node_title(row_mean(graph, multiply(graph, x, x)), "mean_square");
    return node_title(reciprocal_root(graph, add(graph, square, number(graph, eps))), "r");
}

static Node *centred(Graph *graph, Node *x) {
    Node *mean = node_title(row_mean(graph, x), "mean");
    return node_title(subtract(graph, x, row_back(graph, mean, &x->shape)), "centred");
}

static Node *expand_layernorm(Graph *graph, Node *node, Node *const *operand) {
    Node *x = centred(graph, operand[0]), *r = inverse_root(graph, x, node->attr.value);
    return node_title(multiply(graph, x, row_back(graph, r, &x->shape)), "normal");
}

static Node *expand_rmsnorm(Graph *graph, Node *node, Node *const *operand) {
    Node *x = operand[0], *r = inverse_root(graph, x, node->attr.value);
    return node_title(multiply(graph, x, row_back(graph, r, &x->shape)), "normal");
}

/* Y mean(G Y), which both rules subtract. */
static Node *along(Graph *graph, Node *y, Node *g) {
    Node *product = multiply(graph, g, y);
    Node *mean = node_title(row_mean(graph, product), "mean_gy");
    return multiply(graph, y, row_back(graph, mean, &product->shape));
}

static void adjoint_layernorm(Graph *graph, Adjoint *to, Node *node, Node *g) {
    Node *root = inverse_root(graph, centred(graph, node->operand[0]), node->attr.value);
    Node *parallel = along(graph, node, g), *rest = subtract(graph, centred(graph, g), parallel);
    adjoint_add(to, 0, multiply(graph, rest, row_back(graph, root, &node->shape)),
                "dX = r * (G - mean G - Y * mean(G * Y))");
}

static void adjoint_rmsnorm(Graph *graph, Adjoint *to, Node *node, Node *g) {
    Node *root = inverse_root(graph, node->operand[0], node->attr.value);
    Node *rest = subtract(graph, g, along(graph, node, g));
    adjoint_add(to, 0, multiply(graph, rest, row_back(graph, root, &node->shape)), "dX = r * (G - Y * mean(G * Y))");
}

static void normalise(const Node *node, const double *x, double *y, bool centre) {
    int64_t n = width(node), rows = n > 0 ? shape_count(&node->shape) / n : 0;
    for (int64_t row = 0; row < rows; row++, x += n, y += n) {
        double mean = 0, square = 0;
        for (int64_t i = 0; centre && i < n; i++) mean += x[i] / (double)n;
        for (int64_t i = 0; i < n; i++) square += (x[i] - mean) * (x[i] - mean) / (double)n;
        for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) / sqrt(square + node->attr.value);
    }
}

static void eval_layernorm(const Node *node, const double *const *operand, double *result) {
    normalise(node, operand[0], result, true);
}

static void eval_rmsnorm(const Node *node, const double *const *operand, double *result) {
    normalise(node, operand[0], result, false);
}

const Op op_layernorm = {.name = "layernorm",
                         .kind = OP_ROW,
                         .arity = 1,
                         .uses = USES_VALUE,
                         .infer = infer_rows,
                         .adjoint = adjoint_layernorm,
                         .expand = expand_layernorm,
                         .eval = eval_layernorm};
const Op op_rmsnorm = {.name = "rmsnorm",
                       .kind = OP_ROW,
                       .arity = 1,
                       .uses = USES_VALUE,
                       .infer = infer_rows,
                       .adjoint = adjoint_rmsnorm,
                       .expand = expand_rmsnorm,
                       .eval = eval_rmsnorm};

static Node *norm(Graph *graph, const Op *op, Node *x, double eps) {
    if (!x || !has_rows(graph, op->name, x)) return NULL;
    if (x->dtype != DT_FLOAT) x = cast(graph, x, DT_FLOAT);
    Attr attr = {.value = eps};
    return graph_append(graph, op, DT_FLOAT, x->shape, 1, &x, &attr);
}

Node *layernorm(Graph *graph, Node *x, double eps) {
    return norm(graph, &op_layernorm, x, eps);
}
Node *rmsnorm(Graph *graph, Node *x, double eps) {
    return norm(graph, &op_rmsnorm, x, eps);
}
