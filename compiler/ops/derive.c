/* derive.c: derivatives as the text asks for them, before pass/gradient works them out.
 *
 *     grad      one placeholder per x in grad(s, x, y); those of one call share attr.site, so that they are one pass
 *     jacobian  a placeholder of shape [y's axes, x's axes]
 *     stop      x itself, through which no derivative passes
 *
 * In: a value and what to derive it by. Out: placeholders of the derivative's shape, so that elaboration goes on.
 */
#include "ops/ops.h"

#include <string.h>

static bool infer_grad(const Node *node, Shape *shape, DType *dtype) {
    *shape = node->operand[1]->shape;
    *dtype = DT_FLOAT;
    return node->operand[0]->shape.rank == 0;
}

static bool infer_jacobian(const Node *node, Shape *shape, DType *dtype) {
    const Shape *y = &node->operand[0]->shape, *x = &node->operand[1]->shape;
    if (y->rank + x->rank > MAX_RANK) return false;
    *shape = shape_join(y, x);
    *dtype = DT_FLOAT;
    return true;
}

static bool infer_stop(const Node *node, Shape *shape, DType *dtype) {
    *shape = node->operand[0]->shape;
    *dtype = node->operand[0]->dtype;
    return true;
}

static void eval_stop(const Node *node, const double *const *operand, double *result) {
    memcpy(result, operand[0], sizeof(double) * (size_t)shape_count(&node->shape));
}

const Op op_grad = {.name = "grad", .kind = OP_DERIVE, .arity = 2, .uses = USES_SITE, .infer = infer_grad};
const Op op_jacobian = {.name = "jacobian", .kind = OP_DERIVE, .arity = 2, .infer = infer_jacobian};
const Op op_stop = {.name = "stop", .kind = OP_DERIVE, .arity = 1, .infer = infer_stop, .eval = eval_stop};

static bool is_float(Graph *graph, const char *what, const Node *x) {
    if (x->dtype == DT_FLOAT) return true;
    diag_error(graph->diag, graph->at, E0401, "%s is %s%s: only floats have derivatives", what,
               dtype_name(x->dtype, false), shape_string(graph->arena, &x->shape));
    return false;
}

static bool is_scalar(Graph *graph, const Node *s) {
    if (s->shape.rank == 0) return true;
    Message *message = diag_error(graph->diag, graph->at, E0502, "the gradient of %s is asked for, not of a scalar",
                                  shape_string(graph->arena, &s->shape));
    diag_help(message, "sum it first, grad(sum(s), x), or ask for jacobian(s, x)");
    return false;
}

void grad(Graph *graph, Node *s, Node *const *xs, int count, Node **results) {
    for (int i = 0; i < count; i++) results[i] = NULL;
    if (!s || !is_scalar(graph, s) || !is_float(graph, "the value to derive", s)) return;
    Attr attr = {.site = graph->nodes.count};
    for (int i = 0; i < count; i++) {
        if (!xs[i] || !is_float(graph, "the variable to derive by", xs[i])) continue;
        Node *operand[] = {s, xs[i]};
        results[i] = graph_append(graph, &op_grad, DT_FLOAT, xs[i]->shape, 2, operand, &attr);
    }
}

Node *jacobian(Graph *graph, Node *y, Node *x) {
    if (!y || !x) return NULL;
    if (!is_float(graph, "the value to derive", y) || !is_float(graph, "the variable to derive by", x)) return NULL;
    if (y->shape.rank + x->shape.rank > MAX_RANK) {
        diag_error(graph->diag, graph->at, E0309, "the jacobian of %s by %s has more than %d axes",
                   shape_string(graph->arena, &y->shape), shape_string(graph->arena, &x->shape), MAX_RANK);
        return NULL;
    }
    Node *operand[] = {y, x};
    return graph_append(graph, &op_jacobian, DT_FLOAT, shape_join(&y->shape, &x->shape), 2, operand, NULL);
}

Node *stop_gradient(Graph *graph, Node *x) {
    return x ? graph_append(graph, &op_stop, x->dtype, x->shape, 1, &x, NULL) : NULL;
}
