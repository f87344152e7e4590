/* test_gradient.c: adjoints against central differences, at odd sizes.
 *
 * A row is a function y(x0, x1, …) and the shapes and range of its float inputs. For each, with fixed weights w and v:
 *   first     grad(sum(y * w), xs)                   against differences of the sum
 *   second    grad(sum(grad(sum(y * w), x0) * v), xs) against differences of the inner sum
 *   jacobian  jacobian(y, x0)                        against differences of y
 * and each of them once more after simplify and after expand. Every op with an adjoint must have a row. */
#include "graph_cases.h"
#include "pass/pass.h"

typedef Node *(*Build)(Bench *bench, Node **x);

#define MADE(name, expression)                                                                                         \
    static Node *name(Bench *bench, Node **x) {                                                                        \
        Graph *g = bench->graph;                                                                                       \
        return expression;                                                                                             \
    }
#define UNARY(verb)  MADE(made_##verb, verb(g, x[0]))
#define BINARY(verb) MADE(made_##verb, verb(g, x[0], x[1]))

/* clang-format off */
BINARY(add) BINARY(subtract) BINARY(multiply) BINARY(divide) BINARY(modulo) BINARY(power) BINARY(minimum)
BINARY(maximum) UNARY(negate) UNARY(absolute) UNARY(exponential) UNARY(logarithm) UNARY(square_root)
UNARY(reciprocal_root) UNARY(hyperbolic_tangent) UNARY(sigmoid) UNARY(relu) UNARY(gelu) UNARY(gelu_tanh) UNARY(silu)
UNARY(error_function) UNARY(sine) UNARY(cosine) UNARY(transpose) UNARY(sum_all)

static const int axis0[] = {0}, axis1[] = {1}, axes02[] = {0, 2}, turned[] = {2, 0, 1};
/* clang-format on */
static const double pad_id = 2;

static Node *integers(Graph *g, int64_t count, const double *values) {
    Node *parts[8];
    Shape one = {.rank = 1, .size = {1}};
    for (int64_t i = 0; i < count; i++) parts[i] = reshape(g, constant(g, values[i], DT_I32), one);
    return concat(g, parts, (int)count, 0);
}

static const double repeated_ids[] = {2, 0, 2, 1}, labels[] = {1, 2, 0};

static Node *lower_left(Graph *g, const Shape *shape) {
    Node *column = broadcast(g, iota(g, shape->size[1]), *shape);
    return less(g, column, row_back(g, iota(g, shape->size[0]), shape)); /* its first row is masked fully */
}

MADE(made_square, power(g, x[0], number(g, 2)))
MADE(made_cube_root, power(g, x[0], number(g, 1.0 / 3)))
MADE(made_no_power, power(g, x[0], number(g, 0)))
MADE(made_exponent, power(g, number(g, 2.5), x[0]))
MADE(made_same_twice, multiply(g, x[0], add(g, x[0], x[0])))
MADE(made_where, where(g, less(g, x[1], x[0]), multiply(g, x[0], x[0]), x[1]))
MADE(made_reshape, power(g, reshape(g, x[0], (Shape){.rank = 1, .size = {15}}), number(g, 2)))
MADE(made_permute, power(g, permute(g, x[0], turned), number(g, 3)))
MADE(made_broadcast, power(g, broadcast(g, x[0], (Shape){.rank = 3, .size = {2, 3, 5}}), number(g, 2)))
MADE(made_slice, power(g, slice(g, x[0], (const int64_t[]){1, 0}, (const int64_t[]){2, 3}), number(g, 2)))
MADE(made_slice_dynamic, power(g, slice_dynamic(g, x[0], 1, constant(g, 2, DT_I32), 2), number(g, 2)))
MADE(made_sum, power(g, sum(g, x[0], axes02, 2, false), number(g, 2)))
MADE(made_mean, power(g, mean(g, x[0], axis1, 1, true), number(g, 2)))
MADE(made_max, power(g, reduce_max(g, x[0], axis1, 1, false), number(g, 2)))
MADE(made_min, power(g, reduce_min(g, x[0], axes02, 2, true), number(g, 2)))
MADE(made_softmax, softmax(g, x[0], 1, NULL))
MADE(made_softmax0, softmax(g, x[0], 0, NULL))
MADE(made_softmax_masked, softmax(g, x[0], 1, lower_left(g, &x[0]->shape)))
MADE(made_log_softmax, log_softmax(g, x[0], 1))
MADE(made_logsumexp, logsumexp(g, x[0], axis0, 1, false))
MADE(made_logsumexp02, logsumexp(g, x[0], axes02, 2, true))
MADE(made_layernorm, layernorm(g, x[0], 1e-2))
MADE(made_rmsnorm, rmsnorm(g, x[0], 1e-2))
MADE(made_matmul, matmul(g, x[0], x[1], false, false))
MADE(made_matmul_tn, matmul(g, x[0], x[1], true, false))
MADE(made_matmul_nt, matmul(g, x[0], x[1], false, true))
MADE(made_matmul_tt, matmul(g, x[0], x[1], true, true))
MADE(made_gram, matmul(g, transpose(g, x[0]), x[0], false, false))
MADE(made_gather, power(g, gather(g, x[0], integers(g, 4, repeated_ids)), number(g, 2)))
MADE(made_scatter, power(g, scatter_add(g, x[0], integers(g, 4, repeated_ids), x[1]), number(g, 2)))
MADE(made_scatter_rows, power(g, scatter_add(g, x[1], integers(g, 4, repeated_ids), x[0]), number(g, 2)))
MADE(made_concat, power(g, concat(g, x, 2, 1), number(g, 2)))
MADE(made_stack, power(g, stack(g, x, 2, 1), number(g, 2)))
MADE(made_pad, power(g, pad(g, x[0], (const int64_t[]){1, 0}, (const int64_t[]){2, 1}, 3), number(g, 2)))
MADE(made_dropout, dropout(g, x[0], 0.4, true))
MADE(made_cross_entropy, cross_entropy(g, x[0], integers(g, 3, labels), &pad_id, 0.1))
MADE(made_affine, gelu(g, add(g, matmul(g, x[0], x[1], false, false), x[2])))
MADE(made_gelu_slope, (grad(g, sum_all(g, gelu(g, x[0])), x, 1, x + 3), x[3]))
MADE(made_gelu_tanh_slope, (grad(g, sum_all(g, gelu_tanh(g, x[0])), x, 1, x + 3), x[3]))

/* The derivative of a power by its exponent, to be derived again. */
MADE(made_growth, (grad(g, sum_all(g, power(g, x[0], x[1])), x + 1, 1, x + 2), x[2]))

/* Two halves of one tensor and their product: split, then used apart. */
static Node *made_halves(Bench *bench, Node **x) {
    Graph *g = bench->graph;
    Node *a = slice(g, x[0], (const int64_t[]){0, 0}, (const int64_t[]){3, 2});
    Node *b = slice(g, x[0], (const int64_t[]){0, 2}, (const int64_t[]){3, 2});
    return multiply(g, sigmoid(g, a), b);
}

/* softmax(Q K^T / sqrt d) V under a mask, with batch axes that differ. */
static Node *made_attention(Bench *bench, Node **x) {
    Graph *g = bench->graph;
    Node *scores = matmul(g, x[0], transpose(g, x[1]), false, false);
    Node *scaled = divide(g, scores, number(g, sqrt((double)x[0]->shape.size[x[0]->shape.rank - 1])));
    return matmul(g, softmax(g, scaled, scaled->shape.rank - 1, causal(g, 3, NULL)), x[2], false, false);
}

/* Attention as one node, some keys hidden and some probabilities dropped, and the parts of its gradient. */
static Node *attended(Graph *g, Node **x) {
    AttendParts parts = {.q = x[0], .k = x[1], .v = x[2]};
    int rank = x[0]->shape.rank;
    Shape scores = x[0]->shape;
    scores.size[rank - 1] = x[1]->shape.size[rank - 2];
    Shape last = {.rank = 2, .size = {scores.size[rank - 2], scores.size[rank - 1]}};
    parts.mask = broadcast(g, logical_not(g, lower_left(g, &last)), scores);
    parts.kept =
        broadcast(g, less(g, modulo(g, iota(g, last.size[1]), constant(g, 3, DT_I32)), constant(g, 2, DT_I32)), scores);
    return attend(g, parts, 0.7, 1.5);
}

/* Its derivative by input `by`, weighed so that no part of it cancels. */
static Node *attended_slope(Graph *g, Node **x, int by) {
    Node *o = attended(g, x);
    grad(g, sum_all(g, multiply(g, o, o)), x + by, 1, x + 3);
    return x[3];
}

MADE(made_attend, attended(g, x))
MADE(made_attend_dq, attended_slope(g, x, 0))
MADE(made_attend_dk, attended_slope(g, x, 1))
MADE(made_attend_dv, attended_slope(g, x, 2))

static const struct {
    const char *name;
    const Op *op;
    Build build;
    const char *shapes[MOST_INPUTS];
    double low, high;
} rows[] = {
    {"add", &op_add, made_add, {"f 3 5", "f 5"}, -1, 1},
    {"add, both widened", &op_add, made_add, {"f 3 1", "f 2 1 5"}, -1, 1},
    {"add of one to many", &op_add, made_add, {"f 1", "f 4"}, -1, 1},
    {"add to a scalar", &op_add, made_add, {"f", "f 3"}, -1, 1},
    {"sub", &op_sub, made_subtract, {"f 2 1", "f 2 4"}, -1, 1},
    {"mul", &op_mul, made_multiply, {"f 3 5", "f 1 5"}, -1, 1},
    {"mul, higher ranks", &op_mul, made_multiply, {"f 1 1 1 4", "f 1 1 2 4"}, -1, 1},
    {"the same thrice", &op_mul, made_same_twice, {"f 3"}, -1, 1},
    {"div", &op_div, made_divide, {"f 3 1", "f 5"}, 0.5, 2},
    {"mod", &op_mod, made_modulo, {"f 7", "f"}, 1.1, 1.9},
    {"pow", &op_pow, made_power, {"f 3 2", "f 2"}, 0.5, 2},
    {"a square, of negatives", &op_pow, made_square, {"f 7"}, -2, 2},
    {"a root", &op_pow, made_cube_root, {"f 3"}, 0.5, 2},
    {"the power 0", &op_pow, made_no_power, {"f 3"}, -1, 1},
    {"an exponent", &op_pow, made_exponent, {"f 3"}, -1, 1},
    {"minimum", &op_minimum, made_minimum, {"f 7", "f 7"}, -1, 1},
    {"maximum", &op_maximum, made_maximum, {"f 3 5", "f 5"}, -1, 1},
    {"neg", &op_neg, made_negate, {"f 3"}, -1, 1},
    {"abs", &op_abs, made_absolute, {"f 7"}, -1, 1},
    {"exp", &op_exp, made_exponential, {"f 3"}, -1, 1},
    {"log", &op_log, made_logarithm, {"f 3"}, 0.5, 2},
    {"sqrt", &op_sqrt, made_square_root, {"f 3"}, 0.5, 2},
    {"rsqrt", &op_rsqrt, made_reciprocal_root, {"f 3"}, 0.5, 2},
    {"tanh", &op_tanh, made_hyperbolic_tangent, {"f 3"}, -1, 1},
    {"sigmoid", &op_sigmoid, made_sigmoid, {"f 3"}, -1, 1},
    {"relu", &op_relu, made_relu, {"f 7"}, -1, 1},
    {"gelu", &op_gelu, made_gelu, {"f 7"}, -2, 2},
    {"gelu's slope", &op_d_gelu, made_gelu_slope, {"f 7"}, -2, 2},
    {"gelu_tanh", &op_gelu_tanh, made_gelu_tanh, {"f 7"}, -2, 2},
    {"gelu_tanh's slope", &op_d_gelu_tanh, made_gelu_tanh_slope, {"f 7"}, -2, 2},
    {"silu", &op_silu, made_silu, {"f 7"}, -2, 2},
    {"erf", &op_erf, made_error_function, {"f 3"}, -1, 1},
    {"sin", &op_sin, made_sine, {"f 3"}, -1, 1},
    {"cos", &op_cos, made_cosine, {"f 3"}, -1, 1},
    {"where", &op_where, made_where, {"f 3 5", "f 5"}, -1, 1},
    {"reshape", &op_reshape, made_reshape, {"f 3 5"}, -1, 1},
    {"permute", &op_permute, made_permute, {"f 2 3 1"}, -1, 1},
    {"transpose", &op_permute, made_transpose, {"f 2 3 1"}, -1, 1},
    {"broadcast", &op_broadcast, made_broadcast, {"f 3 1"}, -1, 1},
    {"slice", &op_slice, made_slice, {"f 3 5"}, -1, 1},
    {"slice at run time", &op_slice, made_slice_dynamic, {"f 3 5"}, -1, 1},
    {"halves", &op_slice, made_halves, {"f 3 4"}, -1, 1},
    {"sum", &op_sum, made_sum, {"f 2 3 2"}, -1, 1},
    {"sum of all", &op_sum, made_sum_all, {"f 2 3"}, -1, 1},
    {"mean", &op_sum, made_mean, {"f 2 3"}, -1, 1},
    {"max", &op_max, made_max, {"f 3 5"}, -1, 1},
    {"min", &op_min, made_min, {"f 2 3 2"}, -1, 1},
    {"softmax", &op_softmax, made_softmax, {"f 3 5"}, -2, 2},
    {"softmax of one", &op_softmax, made_softmax, {"f 3 1"}, -2, 2},
    {"softmax of columns", &op_softmax, made_softmax0, {"f 3 2"}, -2, 2},
    {"softmax, masked", &op_softmax, made_softmax_masked, {"f 3 4"}, -2, 2},
    {"log_softmax", &op_log_softmax, made_log_softmax, {"f 2 5"}, -2, 2},
    {"logsumexp", &op_logsumexp, made_logsumexp, {"f 3 2"}, -2, 2},
    {"logsumexp of two axes", &op_logsumexp, made_logsumexp02, {"f 2 3 2"}, -2, 2},
    {"layernorm", &op_layernorm, made_layernorm, {"f 3 5"}, -2, 2},
    {"layernorm of one", &op_layernorm, made_layernorm, {"f 3 1"}, -2, 2},
    {"rmsnorm", &op_rmsnorm, made_rmsnorm, {"f 3 5"}, -2, 2},
    {"matmul", &op_matmul, made_matmul, {"f 2 3", "f 3 5"}, -1, 1},
    {"matmul, left transposed", &op_matmul, made_matmul_tn, {"f 3 2", "f 3 5"}, -1, 1},
    {"matmul, right transposed", &op_matmul, made_matmul_nt, {"f 2 3", "f 5 3"}, -1, 1},
    {"matmul, both transposed", &op_matmul, made_matmul_tt, {"f 3 2", "f 5 3"}, -1, 1},
    {"stack by matrix", &op_matmul, made_matmul, {"f 2 2 3", "f 3 1"}, -1, 1},
    {"stack by matrix, left transposed", &op_matmul, made_matmul_tn, {"f 2 3 1", "f 3 2"}, -1, 1},
    {"stack by matrix, both transposed", &op_matmul, made_matmul_tt, {"f 2 3 1", "f 2 3"}, -1, 1},
    {"matrix by stack", &op_matmul, made_matmul_nt, {"f 2 3", "f 2 1 3"}, -1, 1},
    {"stacks that broadcast", &op_matmul, made_matmul, {"f 2 1 1 3", "f 3 3 2"}, -1, 1},
    {"stacks, left transposed", &op_matmul, made_matmul_tn, {"f 2 3 1", "f 2 3 2"}, -1, 1},
    {"stacks, both transposed", &op_matmul, made_matmul_tt, {"f 2 3 1", "f 2 2 3"}, -1, 1},
    {"vectors", &op_matmul, made_matmul, {"f 3", "f 3"}, -1, 1},
    {"vector by stack", &op_matmul, made_matmul, {"f 3", "f 2 3 2"}, -1, 1},
    {"stack by vector", &op_matmul, made_matmul, {"f 2 2 3", "f 3"}, -1, 1},
    {"a matrix by itself", &op_matmul, made_gram, {"f 2 3"}, -1, 1},
    {"affine", &op_matmul, made_affine, {"f 2 2 3", "f 3 2", "f 2"}, -1, 1},
    {"attention", &op_softmax, made_attention, {"f 2 1 3 2", "f 2 3 2", "f 2 2 3 1"}, -1, 1},
    {"attend", &op_attend, made_attend, {"f 3 2", "f 4 2", "f 4 3"}, -1, 1},
    {"attend, stacks", &op_attend, made_attend, {"f 2 2 3", "f 2 3 3", "f 2 3 1"}, -1, 1},
    {"attend's dq", &op_attend_dq, made_attend_dq, {"f 3 2", "f 4 2", "f 4 3"}, -1, 1},
    {"attend's dk", &op_attend_dk, made_attend_dk, {"f 3 2", "f 4 2", "f 4 3"}, -1, 1},
    {"attend's dv", &op_attend_dv, made_attend_dv, {"f 3 2", "f 4 2", "f 4 3"}, -1, 1},
    {"attend's lse, on the way to dq", &op_attend_lse, made_attend_dq, {"f 2 1", "f 3 1", "f 3 2"}, -1, 1},
    {"gather", &op_gather, made_gather, {"f 3 2"}, -1, 1},
    {"scatter_add", &op_scatter_add, made_scatter, {"f 3 2", "f 4 2"}, -1, 1},
    {"scatter_add, its rows", &op_scatter_add, made_scatter_rows, {"f 4 2", "f 3 2"}, -1, 1},
    {"concat", &op_concat, made_concat, {"f 2 1", "f 2 3"}, -1, 1},
    {"stack", &op_concat, made_stack, {"f 2 3", "f 2 3"}, -1, 1},
    {"pad", &op_pad, made_pad, {"f 2 3"}, -1, 1},
    {"dropout", &op_random, made_dropout, {"f 3 5"}, -1, 1},
    {"cross_entropy", &op_logsumexp, made_cross_entropy, {"f 3 3"}, -2, 2},
};

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

typedef enum Kind { FIRST, SECOND, JACOBIAN } Kind;

/* What is derived: results of the graph. The checked value comes first, then its derivatives by every input. */
typedef struct Check {
    Bench bench;
    Node *x[MOST_INPUTS];
    double *value[MOST_INPUTS];
    int inputs, derived; /* how many inputs there are, and by how many of them the value is derived */
} Check;

static double scrambled(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) / 9007199254740992.0;
}

static Node *weights(Check *check, const Shape *shape, uint64_t *state) {
    int64_t count = shape_count(shape);
    int at = check->inputs++;
    check->value[at] = NEW_ARRAY(check->bench.arena, double, count + 1);
    for (int64_t i = 0; i < count; i++) check->value[at][i] = scrambled(state) * 2 - 1;
    return check->x[at] = bench_input(&check->bench, "w", DT_FLOAT, *shape);
}

static Node *weighted(Check *check, Node *y, uint64_t *state) {
    /* The weights are a formula of the place, so that inputs stay those of the row. */
    Graph *g = check->bench.graph;
    int64_t count = shape_count(&y->shape);
    double shift = scrambled(state);
    Node *places = add(g, multiply(g, cast(g, iota(g, count), DT_FLOAT), number(g, 1.7)), number(g, shift));
    Node *weight = reshape(g, add(g, sine(g, places), number(g, 0.3)), y->shape);
    return sum_all(g, multiply(g, y, weight));
}

static Check check_new(int row, Kind kind) {
    Check check = {.bench = bench_new()};
    Graph *g = check.bench.graph;
    uint64_t state = 17;
    for (int i = 0; i < MOST_INPUTS && rows[row].shapes[i]; i++) {
        Tensor tensor = tensor_parse(check.bench.arena, rows[row].shapes[i]);
        weights(&check, &tensor.shape, &state);
        for (int64_t k = 0; k < shape_count(&tensor.shape); k++)
            check.value[i][k] = rows[row].low + (rows[row].high - rows[row].low) * (check.value[i][k] + 1) / 2;
    }
    Node *x[MOST_INPUTS + 1] = {check.x[0], check.x[1], check.x[2], check.x[3]};
    Node *y = rows[row].build(&check.bench, x), *value = y, *results[MOST_INPUTS] = {0};
    check.derived = check.inputs;
    CU_ASSERT_PTR_NOT_NULL_FATAL(y);
    if (kind == JACOBIAN) {
        check.derived = 1;
        results[0] = jacobian(g, y, check.x[0]);
    } else {
        value = weighted(&check, y, &state);
        grad(g, value, check.x, check.derived, results);
    }
    if (kind == SECOND) {
        value = weighted(&check, results[0], &state);
        for (int i = 0; i < check.derived; i++) /* what the first derivative lacks is 0, and an error to ask for */
            value = add(g, value, multiply(g, number(g, 1e-3), sum_all(g, multiply(g, check.x[i], check.x[i]))));
        grad(g, value, check.x, check.derived, results);
    }
    bench_result(&check.bench, value);
    for (int i = 0; i < check.derived; i++) bench_result(&check.bench, results[i]);
    return check;
}

static const double *run_check(Check *check, int result) {
    return bench_run(&check->bench, (const double *const *)check->value, result);
}

/* (f(x + h) - f(x - h)) / 2h for one element of one input; as many numbers as the value has. */
static double *difference(Check *check, int input_index, int64_t element) {
    const double step = 1e-5;
    int64_t count = shape_count(&check->bench.entry->results.at[0].shape);
    double *slope = NEW_ARRAY(check->bench.arena, double, count + 1), *at = &check->value[input_index][element];
    double here = *at;
    *at = here + step;
    const double *above = run_check(check, 0);
    *at = here - step;
    const double *below = run_check(check, 0);
    *at = here;
    for (int64_t i = 0; i < count; i++) slope[i] = (above[i] - below[i]) / (2 * step);
    return slope;
}

/* d value / d x of the graph as it is now, against differences. */
static bool derivative_is_right(Check *check, int row, int input_index, const char *what) {
    int64_t count = shape_count(&check->bench.entry->results.at[0].shape);
    int64_t width = shape_count(&check->x[input_index]->shape);
    const double *have = run_check(check, input_index + 1);
    double *want = NEW_ARRAY(check->bench.arena, double, count *width + 1);
    for (int64_t k = 0; k < width; k++) {
        const double *slope = difference(check, input_index, k);
        for (int64_t i = 0; i < count; i++) want[i * width + k] = slope[i];
    }
    const char *label = arena_printf(check->bench.arena, "%s, %s by input %d", rows[row].name, what, input_index);
    return same_numbers(label, have, want, count * width, 1e-6);
}

/* The results are the same after a pass. */
static bool pass_keeps(Check *check, int row, void (*pass)(Model *), const char *what) {
    int results = check->bench.entry->results.count;
    const double **before = NEW_ARRAY(check->bench.arena, const double *, results);
    for (int i = 0; i < results; i++) before[i] = run_check(check, i);
    pass(check->bench.model);
    bool keeps = true;
    for (int i = 0; i < results; i++) {
        int64_t count = shape_count(&check->bench.entry->results.at[i].shape);
        const char *label = arena_printf(check->bench.arena, "%s, result %d after %s", rows[row].name, i, what);
        keeps = same_numbers(label, run_check(check, i), before[i], count, 1e-11) && keeps;
    }
    return keeps;
}

static void check_row(int row, Kind kind, const char *what) {
    Check check = check_new(row, kind);
    gradient(check.bench.model);
    CU_ASSERT_EQUAL(diag_count(check.bench.model->diag), 0);
    for (int i = 0; i < check.derived; i++) CU_ASSERT(derivative_is_right(&check, row, i, what));
    CU_ASSERT(pass_keeps(&check, row, simplify, "simplify"));
    CU_ASSERT(pass_keeps(&check, row, expand, "expand"));
    arena_free(check.bench.arena);
}

static void first_derivatives(void) {
    for (int row = 0; row < ROW_COUNT; row++) check_row(row, FIRST, "grad");
}

static void second_derivatives(void) {
    for (int row = 0; row < ROW_COUNT; row++) check_row(row, SECOND, "grad of grad");
}

static void jacobians(void) {
    for (int row = 0; row < ROW_COUNT; row++) check_row(row, JACOBIAN, "jacobian");
}

static void every_adjoint_has_a_row(void) {
    for (int op = 0; op < op_count; op++) {
        bool has = !op_table[op]->adjoint;
        for (int row = 0; row < ROW_COUNT; row++) has = has || rows[row].op == op_table[op];
        if (!has) printf("\n    no case for the adjoint of %s", op_table[op]->name);
        CU_ASSERT(has);
    }
}

/* ---- exact numbers at the corners ---- */

/* d_b is NULL where b takes no part. */
static const struct {
    Build build;
    const char *a, *b, *d_a, *d_b;
} corners[] = {
    {made_maximum, "f 3: 1 2 3", "f 3: 1 3 2", "f 3: 0.5 0 1", "f 3: 0.5 1 0"},
    {made_minimum, "f 3: 1 2 3", "f 3: 1 3 2", "f 3: 0.5 1 0", "f 3: 0.5 0 1"},
    {made_max, "f 1 3: 2 2 1", "f: 0", "f 1 3: 2 2 0", NULL},
    {made_relu, "f 3: -1 0 1", "f: 0", "f 3: 0 0 1", NULL},
    {made_absolute, "f 3: -1 0 1", "f: 0", "f 3: -1 0 1", NULL},
    {made_square, "f 2: 0 3", "f: 0", "f 2: 0 6", NULL},
    {made_no_power, "f 2: 0 3", "f: 0", "f 2: 0 0", NULL},
    {made_power, "f 2: 0 3", "f: 2", "f 2: 0 6", "f: 9.8875105980129878"}, /* 9 log 3 */
    {made_power, "f 4: 0 3 0 1", "f 4: 2 0 0 0", "f 4: 0 0 0 0", "f 4: 0 1.0986122886681098 0 0"},
    {made_power, "f 2: 0 2", "f 2: -1 0", "f 2: -inf 0", "f 2: 0 0.69314718055994529"},
    {made_growth, "f 2: 0 1", "f 2: 2 2", "f 2: 0 1", "f 2: 0 0"},
    {made_add, "f 0 2:", "f 2: 1 1", "f 0 2:", "f 2: 0 0"},
    {made_add, "f 2: 1 1", "f 0 2:", "f 2: 0 0", "f 0 2:"},
};

static void corners_are_exact(void) {
    for (size_t i = 0; i < sizeof corners / sizeof corners[0]; i++) {
        Bench bench = bench_new();
        Tensor a = tensor_parse(bench.arena, corners[i].a), b = tensor_parse(bench.arena, corners[i].b);
        const char *wanted[] = {corners[i].d_a, corners[i].d_b};
        int count = wanted[1] ? 2 : 1;
        Node *x[] = {bench_input(&bench, "a", a.dtype, a.shape), bench_input(&bench, "b", b.dtype, b.shape)},
             *result[2];
        grad(bench.graph, sum_all(bench.graph, corners[i].build(&bench, x)), x, count, result);
        for (int k = 0; k < count; k++) bench_result(&bench, result[k]);
        gradient(bench.model);
        simplify(bench.model);
        expand(bench.model);
        for (int k = 0; k < count; k++) {
            Tensor want = tensor_parse(bench.arena, wanted[k]);
            const double *have = bench_run(&bench, (const double *const[]){a.at, b.at}, k);
            CU_ASSERT(same_numbers(corners[i].a, have, want.at, shape_count(&want.shape), 0));
        }
        arena_free(bench.arena);
    }
}

/* ---- what a gradient is taken by ---- */

static void equal_texts_are_two_values(void) {
    Bench bench = bench_new();
    Graph *g = bench.graph;
    Node *x = bench_input(&bench, "x", DT_FLOAT, (Shape){0}), *result;
    Node *a = add(g, x, number(g, 1)), *b = add(g, x, number(g, 1));
    grad(g, multiply(g, a, b), &a, 1, &result);
    bench_result(&bench, result);
    gradient(bench.model);
    CU_ASSERT_EQUAL(*bench_run(&bench, (const double *const[]){(double[]){4}}, 0), 5);
    arena_free(bench.arena);
}

static void inner_values_and_inputs_together(void) {
    Bench bench = bench_new();
    Graph *g = bench.graph;
    Node *x = bench_input(&bench, "x", DT_FLOAT, (Shape){0}), *y = multiply(g, x, x), *results[2];
    node_rename(g, y, "y");
    grad(g, multiply(g, y, x), (Node *[]){x, y}, 2, results);
    bench_result(&bench, results[0]);
    bench_result(&bench, results[1]);
    gradient(bench.model);
    CU_ASSERT_EQUAL(*bench_run(&bench, (const double *const[]){(double[]){3}}, 0), 27);
    CU_ASSERT_EQUAL(*bench_run(&bench, (const double *const[]){(double[]){3}}, 1), 3);
    CU_ASSERT_STRING_EQUAL(bench.entry->results.at[0].node->name, "d_x");
    CU_ASSERT_STRING_EQUAL(bench.entry->results.at[1].node->name, "d_y");
    CU_ASSERT_EQUAL(bench.entry->results.at[0].node->phase, PHASE_BACKWARD);
    CU_ASSERT_PTR_NOT_NULL(bench.entry->results.at[0].node->forward);
    arena_free(bench.arena);
}

static void what_is_not_depended_on_is_an_error(void) {
    Bench bench = bench_new();
    Graph *g = bench.graph;
    Node *x = bench_input(&bench, "x", DT_FLOAT, (Shape){0}), *y = bench_input(&bench, "y", DT_FLOAT, (Shape){0});
    Node *through_int = cast(g, cast(g, x, DT_I32), DT_FLOAT), *results[2];
    grad(g, add(g, through_int, stop_gradient(g, y)), (Node *[]){x, y}, 2, results);
    bench_result(&bench, results[0]);
    gradient(bench.model);
    CU_ASSERT_EQUAL(diag_count(bench.model->diag), 2);
    arena_free(bench.arena);
}

static void a_write_is_not_derived_through(void) {
    Bench bench = bench_new();
    Graph *g = bench.graph;
    Variable *cache = bench_variable(&bench, "cache", "f 1: 0");
    Node *x = bench_input(&bench, "x", DT_FLOAT, (Shape){.rank = 1, .size = {1}}), *result;
    write_variable(g, cache, x, NULL, 0, NULL);
    grad(g, sum_all(g, multiply(g, read_variable(g, cache), x)), &x, 1, &result);
    bench_result(&bench, result);
    gradient(bench.model);
    CU_ASSERT_EQUAL(diag_count(bench.model->diag), 1);
    arena_free(bench.arena);
}

/* An op without a rule, as one of the user's own could be. */
static bool infer_opaque(const Node *node, Shape *shape, DType *dtype) {
    *shape = node->operand[0]->shape;
    *dtype = DT_FLOAT;
    return true;
}

static const Op op_opaque = {.name = "opaque", .kind = OP_MAP, .arity = 1, .infer = infer_opaque};

static Node *opaque(Graph *graph, Node *x) {
    return graph_append(graph, &op_opaque, DT_FLOAT, x->shape, 1, &x, NULL);
}

/* E0501 once, for all places on the path. */
static void a_missing_adjoint_is_an_error_on_a_needed_path(void) {
    Bench bench = bench_new();
    Node *x = bench_input(&bench, "x", DT_FLOAT, (Shape){0}), *result;
    grad(bench.graph, opaque(bench.graph, opaque(bench.graph, x)), &x, 1, &result);
    bench_result(&bench, result);
    gradient(bench.model);
    CU_ASSERT_EQUAL(diag_count(bench.model->diag), 1);
    arena_free(bench.arena);
}

static void a_missing_adjoint_beside_the_path_is_none(void) {
    Bench bench = bench_new();
    Graph *g = bench.graph;
    Node *x = bench_input(&bench, "x", DT_FLOAT, (Shape){0}), *result;
    grad(g, add(g, multiply(g, x, x), stop_gradient(g, opaque(g, x))), &x, 1, &result);
    bench_result(&bench, result);
    gradient(bench.model);
    CU_ASSERT_EQUAL(diag_count(bench.model->diag), 0);
    arena_free(bench.arena);
}

/* ---- what expand leaves ---- */

static void only_the_back_ends_kinds_are_left(void) {
    for (int row = 0; row < ROW_COUNT; row++) {
        Check check = check_new(row, FIRST);
        gradient(check.bench.model);
        simplify(check.bench.model);
        expand(check.bench.model);
        for (int i = 0; i < check.bench.entry->graph->nodes.count; i++) {
            OpKind kind = check.bench.entry->graph->nodes.at[i]->op->kind;
            CU_ASSERT(kind != OP_ROW && kind != OP_DERIVE);
        }
        arena_free(check.bench.arena);
    }
}

int main(void) {
    CU_initialize_registry();
    CU_pSuite suite = CU_add_suite("gradient", NULL, NULL);
    CU_ADD_TEST(suite, first_derivatives);
    CU_ADD_TEST(suite, second_derivatives);
    CU_ADD_TEST(suite, jacobians);
    CU_ADD_TEST(suite, every_adjoint_has_a_row);
    CU_ADD_TEST(suite, corners_are_exact);
    CU_ADD_TEST(suite, equal_texts_are_two_values);
    CU_ADD_TEST(suite, inner_values_and_inputs_together);
    CU_ADD_TEST(suite, what_is_not_depended_on_is_an_error);
    CU_ADD_TEST(suite, a_missing_adjoint_is_an_error_on_a_needed_path);
    CU_ADD_TEST(suite, a_missing_adjoint_beside_the_path_is_none);
    CU_ADD_TEST(suite, a_write_is_not_derived_through);
    CU_ADD_TEST(suite, only_the_back_ends_kinds_are_left);
    return run_suite_and_leave();
}
