/* leaf.c: where values come from: arguments, variables, numbers.
 *
 * In: names, variables, numbers known when compiling. Out: nodes without operands.
 *
 *     input   x: f32[B, S]         an argument of the entry point
 *     read    net.W@0              a variable at one of its versions; one node per version
 *     const   2.5                  a scalar
 *     iota    i32[n] = 0, 1, …
 *     scalar  "step"               1, 2, … the count of this update
 *     random  f32[..] in [0, 1)    element i of site s: Threefry-2x32 of (i, s) under the key (seed, call)
 */
#include "ops/ops.h"

static bool infer_any(const Node *node, Shape *shape, DType *dtype) {
    *shape = node->shape;
    *dtype = node->dtype;
    return true;
}

static bool infer_read(const Node *node, Shape *shape, DType *dtype) {
    *shape = node->attr.variable->shape;
    *dtype = node->attr.variable->dtype;
    return true;
}

static bool infer_scalar(const Node *node, Shape *shape, DType *dtype) {
    *shape = (Shape){0};
    *dtype = node->dtype;
    return true;
}

static bool infer_iota(const Node *node, Shape *shape, DType *dtype) {
    *shape = node->shape;
    *dtype = DT_I32;
    return node->shape.rank == 1;
}

static bool infer_float(const Node *node, Shape *shape, DType *dtype) {
    *shape = node->shape;
    *dtype = DT_FLOAT;
    return true;
}

static void eval_const(const Node *node, const double *const *operand, double *result) {
    (void)operand;
    result[0] = node->attr.value;
}

static void eval_iota(const Node *node, const double *const *operand, double *result) {
    (void)operand;
    for (int64_t i = 0; i < node->shape.size[0]; i++) result[i] = (double)i;
}

/* input, read, scalar and random are filled by the evaluator itself (interp.c): they depend on the call. */
const Op op_input = {.name = "input", .kind = OP_LEAF, .uses = USES_LABEL, .infer = infer_any};
const Op op_read = {.name = "read", .kind = OP_LEAF, .uses = USES_VARIABLE, .infer = infer_read};
const Op op_const = {.name = "const", .kind = OP_LEAF, .uses = USES_VALUE, .infer = infer_scalar, .eval = eval_const};
const Op op_iota = {.name = "iota", .kind = OP_LEAF, .infer = infer_iota, .eval = eval_iota};
const Op op_scalar = {.name = "scalar", .kind = OP_LEAF, .uses = USES_LABEL, .infer = infer_scalar};
const Op op_random = {.name = "random", .kind = OP_LEAF, .uses = USES_SITE, .infer = infer_float};

Node *input(Graph *graph, const char *name, DType dtype, Shape shape) {
    Attr attr = {.label = name};
    Node *node = graph_append(graph, &op_input, dtype, shape, 0, NULL, &attr);
    node->name = name;
    return node;
}

/* One node per version, however often the text names the variable: a gradient by it then sees every use. */
Node *read_variable(Graph *graph, Variable *variable) {
    if (!variable) return NULL;
    for (int i = 0; i < graph->nodes.count; i++) {
        Node *node = graph->nodes.at[i];
        if (node->op == &op_read && node->attr.variable == variable && node->attr.version == variable->versions)
            return node;
    }
    Attr attr = {.variable = variable, .version = variable->versions};
    return graph_append(graph, &op_read, variable->dtype, variable->shape, 0, NULL, &attr);
}

Node *constant(Graph *graph, double value, DType dtype) {
    Attr attr = {.value = value};
    return graph_append(graph, &op_const, dtype, (Shape){0}, 0, NULL, &attr);
}

Node *iota(Graph *graph, int64_t count) {
    Shape shape = {.rank = 1, .size = {count}};
    return graph_append(graph, &op_iota, DT_I32, shape, 0, NULL, NULL);
}

Node *step_number(Graph *graph) {
    Attr attr = {.label = "step"};
    return graph_append(graph, &op_scalar, DT_FLOAT, (Shape){0}, 0, NULL, &attr);
}

Node *random_uniform(Graph *graph, Shape shape, int64_t site) {
    Attr attr = {.site = site};
    return graph_append(graph, &op_random, DT_FLOAT, shape, 0, NULL, &attr);
}
