/* external.c: elementwise functions of the user's in C, each an op of its own.
 *
 *     extern fn swish(x) -> y from "swish.h" adjoint swish_d
 *
 * gives an op `swish` that passes treat as any other map: it fuses, it is shared, its lanes call the C function one by
 * one. Its adjoint multiplies by the partial derivatives, functions of the same arguments and ops of the same kind:
 * dX = G * swish_d(X). They have adjoints where they are declared themselves. The evaluator calls the f64 function,
 * which the command that evaluates has compiled and bound. */
#include "ops/ops.h"

static bool infer_external(const Node *node, Shape *shape, DType *dtype) {
    *shape = node->operand[0]->shape;
    *dtype = DT_FLOAT;
    for (int i = 0; i < node->operand_count; i++)
        if (node->operand[i]->dtype != DT_FLOAT || !shape_equal(shape, &node->operand[i]->shape)) return false;
    return true;
}

static void eval_external(const Node *node, const double *const *operand, double *result) {
    const External *external = (const External *)node->op;
    int64_t count = shape_count(&node->shape);
    for (int64_t i = 0; i < count; i++) {
        double x[EXTERNAL_ARGUMENTS];
        for (int k = 0; k < external->op.arity; k++) x[k] = operand[k][i];
        result[i] = external->compiled(x);
    }
}

static void back_external(Graph *q, Adjoint *to, Node *y, Node *g) {
    const External *external = (const External *)y->op;
    for (int i = 0; i < external->op.arity; i++)
        if (adjoint_wants(to, i))
            adjoint_add(to, i, multiply(q, g, external_call(q, external->partial[i], y->operand)), external->rule[i]);
}

External *external_new(Arena *arena, const char *name, int arity, int cost) {
    static const char *const arguments[] = {"(%0)", "(%0, %1)", "(%0, %1, %2)"};
    External *external = NEW(arena, External);
    external->op = (Op){.name = name,
                        .kind = OP_MAP,
                        .arity = arity,
                        .c = arena_printf(arena, "call_%s%s", name, arguments[arity - 1]),
                        .cost = cost,
                        .infer = infer_external,
                        .no_adjoint = "no `extern fn` gives it an adjoint"};
    return external;
}

void external_derive(Arena *arena, External *external, int argument, const External *partial) {
    static const char *const operands[] = {"X", "A, B", "A, B, C"};
    char to = external->op.arity == 1 ? 'X' : (char)('A' + argument);
    external->partial[argument] = partial;
    external->rule[argument] =
        arena_printf(arena, "d%c = G * %s(%s)", to, partial->op.name, operands[external->op.arity - 1]);
    external->op.adjoint = back_external;
}

void external_bind(External *external, double (*compiled)(const double *x)) {
    external->compiled = compiled;
    external->op.eval = eval_external;
}

Node *external_call(Graph *graph, const External *external, Node *const *operands) {
    return elementwise(graph, &external->op, operands, external->op.arity);
}
