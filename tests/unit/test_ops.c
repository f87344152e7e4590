/* test_ops.c: every operation against numbers worked out by hand, before and after simplify and expand.
 *
 * One row per case: the op it is for, how it is built, its inputs and its result. The last test fails for an op of
 * ops.def without a row, and for a row whose graph lacks its op. */
#include "graph_cases.h"
#include "pass/pass.h"

typedef Node *(*Build)(Bench *bench, Node **x);

#define MADE(name, expression)                                                                                         \
    static Node *name(Bench *bench, Node **x) {                                                                        \
        Graph *g = bench->graph;                                                                                       \
        (void)g, (void)x;                                                                                              \
        return expression;                                                                                             \
    }
#define UNARY(verb)  MADE(made_##verb, verb(g, x[0]))
#define BINARY(verb) MADE(made_##verb, verb(g, x[0], x[1]))

static const int axis0[] = {0}, axis1[] = {1}, axes02[] = {0, 2}, swapped[] = {1, 0}, turned[] = {2, 0, 1};
static const double pad_id = 0;

/* clang-format off */
BINARY(add) BINARY(subtract) BINARY(multiply) BINARY(divide) BINARY(modulo) BINARY(power) BINARY(minimum)
BINARY(maximum) BINARY(less) BINARY(less_equal) BINARY(equal) BINARY(not_equal) BINARY(logical_and) BINARY(logical_or)
BINARY(gather) UNARY(negate) UNARY(absolute) UNARY(exponential) UNARY(logarithm) UNARY(square_root)
UNARY(reciprocal_root) UNARY(hyperbolic_tangent) UNARY(sigmoid) UNARY(relu) UNARY(gelu) UNARY(gelu_tanh) UNARY(silu)
UNARY(error_function) UNARY(sine) UNARY(cosine) UNARY(logical_not) UNARY(transpose) UNARY(sum_all)
UNARY(stop_gradient)

static Node *derived(Graph *g, Node *y, Node *x) {
    Node *result;
    grad(g, sum_all(g, y), &x, 1, &result);
    return result;
}
/* clang-format on */

MADE(made_input, x[0])
MADE(made_read, read_variable(g, bench_variable(bench, "v", "f 2: 4 5")))
MADE(made_const, constant(g, 2.5, DT_FLOAT))
MADE(made_iota, iota(g, 4))
MADE(made_step, step_number(g))
MADE(made_random, random_uniform(g, (Shape){.rank = 1, .size = {3}}, 0))
MADE(made_reshape, reshape(g, x[0], (Shape){.rank = 2, .size = {3, 2}}))
MADE(made_permute, permute(g, x[0], swapped))
MADE(made_permute3, permute(g, x[0], turned))
MADE(made_broadcast, broadcast(g, x[0], (Shape){.rank = 3, .size = {2, 2, 3}}))
MADE(made_slice, slice(g, x[0], (const int64_t[]){0, 1}, (const int64_t[]){2, 2}))
MADE(made_slice_dynamic, slice_dynamic(g, x[0], 1, x[1], 2))
MADE(made_where, where(g, x[0], x[1], x[2]))
MADE(made_to_float, cast(g, x[0], DT_FLOAT))
MADE(made_to_int, cast(g, x[0], DT_I32))
MADE(made_to_bool, cast(g, x[0], DT_BOOL))
MADE(made_d_gelu, derived(g, gelu(g, x[0]), x[0]))
MADE(made_d_gelu_tanh, derived(g, gelu_tanh(g, x[0]), x[0]))
MADE(made_sum0, sum(g, x[0], axis0, 1, false))
MADE(made_sum_keep, sum(g, x[0], axis1, 1, true))
MADE(made_sum02, sum(g, x[0], axes02, 2, false))
MADE(made_mean, mean(g, x[0], axis1, 1, false))
MADE(made_max, reduce_max(g, x[0], axis1, 1, false))
MADE(made_min, reduce_min(g, x[0], axis0, 1, true))
MADE(made_softmax, softmax(g, x[0], 1, NULL))
MADE(made_softmax0, softmax(g, x[0], 0, NULL))
MADE(made_softmax_masked, softmax(g, x[0], 1, x[1]))
MADE(made_log_softmax, log_softmax(g, x[0], 0))
MADE(made_logsumexp, logsumexp(g, x[0], axis1, 1, false))
MADE(made_logsumexp02, logsumexp(g, x[0], axes02, 2, true))
MADE(made_layernorm, layernorm(g, x[0], 0))
MADE(made_rmsnorm, rmsnorm(g, x[0], 0))
MADE(made_matmul, matmul(g, x[0], x[1], false, false))
MADE(made_matmul_tn, matmul(g, x[0], x[1], true, false))
MADE(made_matmul_nt, matmul(g, x[0], x[1], false, true))
MADE(made_matmul_tt, matmul(g, x[0], x[1], true, true))
MADE(made_attend, attend(g, (AttendParts){.q = x[0], .k = x[1], .v = x[2]}, 0.5, 0))
MADE(made_attend_masked, attend(g, (AttendParts){.q = x[0], .k = x[0], .v = x[1], .mask = x[2]}, 1, 0))
MADE(made_attend_dropped, attend(g, (AttendParts){.q = x[0], .k = x[0], .v = x[1], .kept = x[2]}, 1, 2))
MADE(made_attend_dq, derived(g, attend(g, (AttendParts){.q = x[0], .k = x[1], .v = x[2]}, 1, 0), x[0]))
MADE(made_attend_dk, derived(g, attend(g, (AttendParts){.q = x[0], .k = x[1], .v = x[2]}, 1, 0), x[1]))
MADE(made_attend_dv, derived(g, attend(g, (AttendParts){.q = x[0], .k = x[1], .v = x[2]}, 1, 0), x[2]))
MADE(made_scatter_add, scatter_add(g, x[0], x[1], x[2]))
MADE(made_one_hot, one_hot(g, x[0], 3))
MADE(made_concat, concat(g, x, 2, 1))
MADE(made_stack, stack(g, x, 2, 0))
MADE(made_stack_last, stack(g, x, 2, 1))
MADE(made_pad, pad(g, x[0], (const int64_t[]){1, 0}, (const int64_t[]){0, 2}, 9))
MADE(made_check_range, check_range(g, x[0], 3, "test"))
MADE(made_jacobian, jacobian(g, multiply(g, x[0], x[0]), x[0]))
MADE(made_grad, derived(g, multiply(g, x[0], x[1]), x[0]))
MADE(made_grad_stopped, derived(g, multiply(g, x[0], stop_gradient(g, x[0])), x[0]))
MADE(made_causal, causal(g, 3, NULL))
MADE(made_sinusoid, sinusoid(g, 2, 4))
MADE(made_cross_entropy, cross_entropy(g, x[0], x[1], NULL, 0))
MADE(made_cross_entropy_ignored, cross_entropy(g, x[0], x[1], &pad_id, 0.1))
MADE(made_no_dropout, dropout(g, x[0], 0.5, false))

static Node *made_write(Bench *bench, Node **x) {
    Variable *cache = bench_variable(bench, "cache", "f 2 3: 1 2 3 4 5 6");
    write_variable(bench->graph, cache, x[0], NULL, 1, x[1]);
    return read_variable(bench->graph, cache);
}

static const struct {
    const char *name;
    const Op *op; /* what it is a case of */
    Build build;
    const char *inputs[MOST_INPUTS];
    const char *result;
} rows[] = {
    {"input", &op_input, made_input, {"f 2: 1 2"}, "f 2: 1 2"},
    {"read", &op_read, made_read, {0}, "f 2: 4 5"},
    {"const", &op_const, made_const, {0}, "f: 2.5"},
    {"iota", &op_iota, made_iota, {0}, "i 4: 0 1 2 3"},
    {"step", &op_scalar, made_step, {0}, "f: 1"},
    {"random", &op_random, made_random, {0}, "f 3: 0.4184570908546448 0.3146817088127136 0.39316022396087646"},
    {"reshape", &op_reshape, made_reshape, {"f 2 3: 1 2 3 4 5 6"}, "f 3 2: 1 2 3 4 5 6"},
    {"permute", &op_permute, made_permute, {"f 2 3: 1 2 3 4 5 6"}, "f 3 2: 1 4 2 5 3 6"},
    {"permute of three", &op_permute, made_permute3, {"f 1 2 3: 1 2 3 4 5 6"}, "f 3 1 2: 1 4 2 5 3 6"},
    {"transpose", &op_permute, made_transpose, {"f 1 2 2: 1 2 3 4"}, "f 1 2 2: 1 3 2 4"},
    {"broadcast", &op_broadcast, made_broadcast, {"f 2 1: 1 2"}, "f 2 2 3: 1 1 1 2 2 2 1 1 1 2 2 2"},
    {"slice", &op_slice, made_slice, {"f 2 3: 1 2 3 4 5 6"}, "f 2 2: 2 3 5 6"},
    {"slice at run time", &op_slice, made_slice_dynamic, {"f 2 3: 1 2 3 4 5 6", "i: 1"}, "f 2 2: 2 3 5 6"},
    {"add", &op_add, made_add, {"f 2 3: 1 2 3 4 5 6", "f 3: 10 20 30"}, "f 2 3: 11 22 33 14 25 36"},
    {"add to itself", &op_add, made_add, {"f 0 3:", "f 3: 1 2 3"}, "f 0 3:"},
    {"add wraps", &op_add, made_add, {"i 2: 2147483647 3", "i 2: 1 4"}, "i 2: -2147483648 7"},
    {"add of i32 and f32", &op_add, made_add, {"i 2: 1 2", "f: 0.5"}, "f 2: 1.5 2.5"},
    {"sub", &op_sub, made_subtract, {"f 1 2: 1 2", "f 2 1: 1 2"}, "f 2 2: 0 1 -1 0"},
    {"mul", &op_mul, made_multiply, {"f 1: 1", "f 4: 1 2 3 4"}, "f 4: 1 2 3 4"},
    {"mul wraps", &op_mul, made_multiply, {"i: 65537", "i: 65537"}, "i: 131073"},
    {"div", &op_div, made_divide, {"f 2: 1 -3", "f: 4"}, "f 2: 0.25 -0.75"},
    {"div of i32 is a float", &op_div, made_divide, {"i 2: 1 7", "i: 2"}, "f 2: 0.5 3.5"},
    {"mod", &op_mod, made_modulo, {"f 4: 5 -5 5 -5", "f 4: 3 3 -3 -3"}, "f 4: 2 1 -1 -2"},
    {"mod of i32", &op_mod, made_modulo, {"i 3: 7 -7 -6", "i: 3"}, "i 3: 1 2 0"},
    {"pow", &op_pow, made_power, {"f 3: 2 9 0", "f 3: 3 0.5 2"}, "f 3: 8 3 0"},
    {"minimum", &op_minimum, made_minimum, {"f 2: 1 5", "f 2: 3 2"}, "f 2: 1 2"},
    {"maximum", &op_maximum, made_maximum, {"i 2: 1 5", "i 2: 3 2"}, "i 2: 3 5"},
    {"neg", &op_neg, made_negate, {"f 2: 1 -2"}, "f 2: -1 2"},
    {"abs", &op_abs, made_absolute, {"f 3: 1 -2 0"}, "f 3: 1 2 0"},
    {"exp", &op_exp, made_exponential, {"f 2: 0 1"}, "f 2: 1 2.718281828459045"},
    {"log", &op_log, made_logarithm, {"f 2: 1 2"}, "f 2: 0 0.6931471805599453"},
    {"sqrt", &op_sqrt, made_square_root, {"f 2: 0 9"}, "f 2: 0 3"},
    {"rsqrt", &op_rsqrt, made_reciprocal_root, {"f 2: 4 16"}, "f 2: 0.5 0.25"},
    {"tanh", &op_tanh, made_hyperbolic_tangent, {"f 2: 0 1"}, "f 2: 0 0.7615941559557649"},
    {"sigmoid", &op_sigmoid, made_sigmoid, {"f 3: 0 1 -800"}, "f 3: 0.5 0.7310585786300049 0"},
    {"relu", &op_relu, made_relu, {"f 3: -1 0 2"}, "f 3: 0 0 2"},
    {"gelu", &op_gelu, made_gelu, {"f 2: 1 -1"}, "f 2: 0.8413447460685429 -0.15865525393145707"},
    {"d_gelu", &op_d_gelu, made_d_gelu, {"f 2: 0 1"}, "f 2: 0.5 1.0833154705876862"},
    {"gelu_tanh", &op_gelu_tanh, made_gelu_tanh, {"f 2: 0 1"}, "f 2: 0 0.8411919906082768"},
    {"d_gelu_tanh", &op_d_gelu_tanh, made_d_gelu_tanh, {"f 2: 0 1"}, "f 2: 0.5 1.0829640838457827"},
    {"silu", &op_silu, made_silu, {"f 2: 0 1"}, "f 2: 0 0.7310585786300049"},
    {"erf", &op_erf, made_error_function, {"f 2: 0 1"}, "f 2: 0 0.8427007929497149"},
    {"sin", &op_sin, made_sine, {"f 2: 0 1"}, "f 2: 0 0.8414709848078965"},
    {"cos", &op_cos, made_cosine, {"f 2: 0 1"}, "f 2: 1 0.5403023058681398"},
    {"less", &op_less, made_less, {"f 3: 1 2 3", "f: 2"}, "b 3: 1 0 0"},
    {"less_equal", &op_less_equal, made_less_equal, {"i 3: 1 2 3", "i: 2"}, "b 3: 1 1 0"},
    {"equal", &op_equal, made_equal, {"i 3: 1 2 3", "i: 2"}, "b 3: 0 1 0"},
    {"equal booleans", &op_equal, made_equal, {"b 4: 0 0 1 1", "b 4: 0 1 0 1"}, "b 4: 1 0 0 1"},
    {"not_equal", &op_not_equal, made_not_equal, {"f 3: 1 2 3", "f: 2"}, "b 3: 1 0 1"},
    {"and", &op_and, made_logical_and, {"b 4: 0 0 1 1", "b 4: 0 1 0 1"}, "b 4: 0 0 0 1"},
    {"or", &op_or, made_logical_or, {"b 4: 0 0 1 1", "b 4: 0 1 0 1"}, "b 4: 0 1 1 1"},
    {"not", &op_not, made_logical_not, {"b 2: 0 1"}, "b 2: 1 0"},
    {"where", &op_where, made_where, {"b 2 1: 1 0", "f 2: 1 2", "f: 7"}, "f 2 2: 1 2 7 7"},
    {"to_float", &op_to_float, made_to_float, {"i 2: 3 -4"}, "f 2: 3 -4"},
    {"to_int cuts", &op_to_int, made_to_int, {"f 4: 1.9 -1.9 3e9 -3e9"}, "i 4: 1 -1 2147483647 -2147483648"},
    {"to bool", &op_not_equal, made_to_bool, {"f 3: 0 0.5 -1"}, "b 3: 0 1 1"},
    {"bool to float", &op_where, made_to_float, {"b 2: 1 0"}, "f 2: 1 0"},
    {"cast to its own type", &op_reshape, made_to_float, {"f 2: 1 2"}, "f 2: 1 2"},
    {"sum", &op_sum, made_sum_all, {"f 2 3: 1 2 3 4 5 6"}, "f: 21"},
    {"sum of columns", &op_sum, made_sum0, {"f 2 3: 1 2 3 4 5 6"}, "f 3: 5 7 9"},
    {"sum keeps", &op_sum, made_sum_keep, {"f 2 3: 1 2 3 4 5 6"}, "f 2 1: 6 15"},
    {"sum of two axes", &op_sum, made_sum02, {"f 2 2 2: 1 2 3 4 5 6 7 8"}, "f 2: 14 22"},
    {"sum over nothing", &op_sum, made_sum0, {"f 0 2:"}, "f 2: 0 0"},
    {"sum of booleans", &op_sum, made_sum_all, {"b 3: 1 0 1"}, "i: 2"},
    {"mean", &op_sum, made_mean, {"f 2 3: 1 2 3 4 5 9"}, "f 2: 2 6"},
    {"max", &op_max, made_max, {"f 2 3: 1 3 2 -4 -5 -6"}, "f 2: 3 -4"},
    {"min", &op_min, made_min, {"i 2 3: 1 3 2 -4 5 -6"}, "i 1 3: -4 3 -6"},
    {"softmax of no numbers", &op_softmax, made_softmax, {"f 2 2: nan nan nan -inf"}, "f 2 2: nan nan nan nan"},
    {"log_softmax of no numbers", &op_log_softmax, made_log_softmax, {"f 2 1: nan nan"}, "f 2 1: nan nan"},
    {"logsumexp of no numbers", &op_logsumexp, made_logsumexp, {"f 2 2: nan nan nan -inf"}, "f 2: nan nan"},
    {"softmax of a hidden nan", &op_softmax, made_softmax_masked, {"f 1 2: nan 3", "b 1 2: 0 1"}, "f 1 2: 0 1"},
    {"softmax", &op_softmax, made_softmax, {"f 2 2: 0 0 1000 1000"}, "f 2 2: 0.5 0.5 0.5 0.5"},
    {"softmax of columns", &op_softmax, made_softmax0, {"f 2 2: 0 5 0 5"}, "f 2 2: 0.5 0.5 0.5 0.5"},
    {"softmax of an empty row", &op_softmax, made_softmax, {"f 2 0:"}, "f 2 0:"},
    {"softmax with -inf", &op_softmax, made_softmax, {"f 2 2: 0 -inf -inf -inf"}, "f 2 2: 1 0 0 0"},
    {"softmax, masked",
     &op_softmax,
     made_softmax_masked,
     {"f 2 3: 1 9 1 1 2 3", "b 2 3: 1 0 1 0 0 0"},
     "f 2 3: 0.5 0 0.5 0 0 0"},
    {"softmax, one mask for all", &op_softmax, made_softmax_masked, {"f 2 2: 1 9 1 1", "b 2: 1 0"}, "f 2 2: 1 0 1 0"},
    {"log_softmax",
     &op_log_softmax,
     made_log_softmax,
     {"f 2 1: 3 3"},
     "f 2 1: -0.6931471805599453 -0.6931471805599453"},
    {"logsumexp", &op_logsumexp, made_logsumexp, {"f 2 2: 0 0 -inf -inf"}, "f 2: 0.6931471805599453 -inf"},
    {"logsumexp of two axes", &op_logsumexp, made_logsumexp02, {"f 2 1 2: 5 5 5 5"}, "f 1 1 1: 6.386294361119891"},
    {"layernorm", &op_layernorm, made_layernorm, {"f 2 2: 1 3 -5 5"}, "f 2 2: -1 1 -1 1"},
    {"rmsnorm", &op_rmsnorm, made_rmsnorm, {"f 1 2: 7 -7"}, "f 1 2: 1 -1"},
    {"matmul", &op_matmul, made_matmul, {"f 2 3: 1 2 3 4 5 6", "f 3 2: 1 2 3 4 5 6"}, "f 2 2: 22 28 49 64"},
    {"matmul, left transposed", &op_matmul, made_matmul_tn, {"f 2 2: 1 2 3 4", "f 2 1: 5 6"}, "f 2 1: 23 34"},
    {"matmul, right transposed", &op_matmul, made_matmul_nt, {"f 2 2: 1 2 3 4", "f 1 2: 5 6"}, "f 2 1: 17 39"},
    {"matmul, both transposed", &op_matmul, made_matmul_tt, {"f 2 2: 1 2 3 4", "f 1 2: 5 6"}, "f 2 1: 23 34"},
    {"matmul of a stack", &op_matmul, made_matmul, {"f 2 1 2: 1 2 3 4", "f 2 1: 5 6"}, "f 2 1 1: 17 39"},
    {"matmul of stacks", &op_matmul, made_matmul, {"f 1 1 2: 1 2", "f 2 2 1: 1 0 0 1"}, "f 2 1 1: 1 2"},
    {"matmul of vectors", &op_matmul, made_matmul, {"f 2: 1 2", "f 2: 3 4"}, "f: 11"},
    {"row times matrix", &op_matmul, made_matmul, {"f 2: 1 2", "f 2 2: 1 2 3 4"}, "f 2: 7 10"},
    {"matrix times column", &op_matmul, made_matmul, {"f 2 2: 1 2 3 4", "f 2: 1 2"}, "f 2: 5 11"},
    {"matmul over nothing", &op_matmul, made_matmul, {"f 2 0:", "f 0 2:"}, "f 2 2: 0 0 0 0"},
    /* scores 0 and 2 log 3 by halves: shares 1/4 and 3/4 */
    {"attend", &op_attend, made_attend, {"f 1 1: 2.1972245773362196", "f 2 1: 0 1", "f 2 2: 4 8 0 4"}, "f 1 2: 1 5"},
    {"attend, masked", &op_attend, made_attend_masked, {"f 2 1: 0 0", "f 2 1: 3 5", "b 2 2: 1 0 0 0"}, "f 2 1: 3 0"},
    {"attend, dropped out",
     &op_attend,
     made_attend_dropped,
     {"f 2 1: 0 0", "f 2 1: 3 5", "b 2 2: 1 0 1 1"},
     "f 2 1: 3 8"},
    {"attend's dq", &op_attend_dq, made_attend_dq, {"f 1 1: 0", "f 2 1: 1 3", "f 2 1: 2 6"}, "f 1 1: 2"},
    {"attend's dk", &op_attend_dk, made_attend_dk, {"f 1 1: 2", "f 2 1: 0 0", "f 2 1: 2 6"}, "f 2 1: -2 2"},
    {"attend's dv", &op_attend_dv, made_attend_dv, {"f 1 1: 2", "f 2 1: 0 0", "f 2 1: 2 6"}, "f 2 1: 0.5 0.5"},
    {"attend's lse", &op_attend_lse, made_attend_dv, {"f 1 1: 0", "f 1 1: 7", "f 1 1: 2"}, "f 1 1: 1"},
    {"gather", &op_gather, made_gather, {"f 3 2: 1 2 3 4 5 6", "i 2 2: 2 0 0 1"}, "f 2 2 2: 5 6 1 2 1 2 3 4"},
    {"scatter_add",
     &op_scatter_add,
     made_scatter_add,
     {"f 2 2: 1 1 1 1", "i 3: 1 0 1", "f 3 2: 1 2 3 4 5 6"},
     "f 2 2: 4 5 7 9"},
    {"one_hot", &op_equal, made_one_hot, {"i 2: 2 0"}, "f 2 3: 0 0 1 1 0 0"},
    {"concat", &op_concat, made_concat, {"f 2 1: 1 2", "f 2 2: 3 4 5 6"}, "f 2 3: 1 3 4 2 5 6"},
    {"stack", &op_concat, made_stack, {"f 2: 1 2", "f 2: 3 4"}, "f 2 2: 1 2 3 4"},
    {"stack last", &op_concat, made_stack_last, {"f 2: 1 2", "f 2: 3 4"}, "f 2 2: 1 3 2 4"},
    {"pad", &op_pad, made_pad, {"f 1 2: 1 2"}, "f 2 4: 9 9 9 9 1 2 9 9"},
    {"write", &op_write, made_write, {"f 2 1: 7 8", "i: 2"}, "f 2 3: 1 2 7 4 5 8"},
    {"check_range", &op_check_range, made_check_range, {"i 2: 0 2"}, "i 2: 0 2"},
    {"grad", &op_grad, made_grad, {"f 2: 1 2", "f 2: 3 4"}, "f 2: 3 4"},
    {"grad of a broadcast", &op_grad, made_grad, {"f 1: 1", "f 2: 3 4"}, "f 1: 7"},
    {"grad of an empty sum", &op_grad, made_grad, {"f 1: 1", "f 0:"}, "f 1: 0"},
    {"jacobian", &op_jacobian, made_jacobian, {"f 2: 3 4"}, "f 2 2: 6 0 0 8"},
    {"stop", &op_stop, made_grad_stopped, {"f 2: 3 4"}, "f 2: 3 4"},
    {"stop keeps the value", &op_stop, made_stop_gradient, {"f 2: 3 4"}, "f 2: 3 4"},
    {"causal", &op_less_equal, made_causal, {0}, "b 3 3: 1 0 0 1 1 0 1 1 1"},
    {"sinusoid",
     &op_where,
     made_sinusoid,
     {0},
     "f 2 4: 0 1 0 1 0.8414709848078965 0.5403023058681398 0.009999833334166664 0.9999500004166653"},
    {"cross_entropy", &op_logsumexp, made_cross_entropy, {"f 2 2: 0 0 5 5", "i 2: 0 1"}, "f: 0.6931471805599453"},
    {"cross_entropy ignores",
     &op_logsumexp,
     made_cross_entropy_ignored,
     {"f 2 2: 0 0 3 99", "i 2: 1 0"},
     "f: 0.6931471805599453"},
    {"cross_entropy of nothing", &op_logsumexp, made_cross_entropy_ignored, {"f 1 2: 3 4", "i 1: 0"}, "f: 0"},
    {"dropout outside train", &op_reshape, made_no_dropout, {"f 2: 1 2"}, "f 2: 1 2"},
};

enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

static Bench bench_of(int row, const double **inputs) {
    static const char *const names[] = {"a", "b", "c", "d"};
    Bench bench = bench_new();
    Node *x[MOST_INPUTS] = {0};
    for (int i = 0; i < MOST_INPUTS && rows[row].inputs[i]; i++) {
        Tensor tensor = tensor_parse(bench.arena, rows[row].inputs[i]);
        x[i] = bench_input(&bench, names[i], tensor.dtype, tensor.shape);
        inputs[i] = tensor.at;
    }
    bench_result(&bench, rows[row].build(&bench, x));
    return bench;
}

static bool gives(Bench *bench, const double *const *inputs, int row, const char *after) {
    Tensor want = tensor_parse(bench->arena, rows[row].result);
    const char *what = arena_printf(bench->arena, "%s, after %s", rows[row].name, after);
    const Port *port = &bench->entry->results.at[0];
    graph_check(bench->entry->graph, after);
    if (port->node->dtype != want.dtype || !shape_equal(&port->node->shape, &want.shape)) {
        printf("\n    %s: type or shape is wrong", what);
        return false;
    }
    const double *have = bench_run(bench, inputs, 0);
    return have && same_numbers(what, have, want.at, shape_count(&want.shape), 1e-12);
}

/* The memory of variables is written by a run, so every stage has a bench of its own. */
static void ops_give_the_numbers(void) {
    static void (*const passes[])(Model *) = {gradient, simplify, expand};
    static const char *const after[] = {"gradient", "simplify", "expand"};
    for (int row = 0; row < ROW_COUNT; row++)
        for (int last = 0; last < 3; last++) {
            const double *inputs[MOST_INPUTS] = {0};
            Bench bench = bench_of(row, inputs);
            for (int pass = 0; pass <= last; pass++) passes[pass](bench.model);
            CU_ASSERT(gives(&bench, inputs, row, after[last]));
            CU_ASSERT_EQUAL(diag_count(bench.model->diag), 0);
            arena_free(bench.arena);
        }
}

static void every_op_has_a_row(void) {
    for (int op = 0; op < op_count; op++) {
        bool has = false;
        for (int row = 0; row < ROW_COUNT && !has; row++) {
            if (rows[row].op != op_table[op]) continue;
            const double *inputs[MOST_INPUTS] = {0};
            Bench bench = bench_of(row, inputs);
            has = node_count(bench.entry, op_table[op]) > 0;
            gradient(bench.model);
            has = has || node_count(bench.entry, op_table[op]) > 0;
            arena_free(bench.arena);
        }
        if (!has) printf("\n    no case for %s", op_table[op]->name);
        CU_ASSERT(has);
    }
}

static void maps_have_texts_and_all_have_rules(void) {
    for (int op = 0; op < op_count; op++) {
        const Op *row = op_table[op];
        CU_ASSERT((row->kind == OP_MAP) == (row->c != NULL));
        CU_ASSERT((row->kind == OP_MAP) == (row->cost > 0));
        CU_ASSERT((row->kind == OP_ROW || row->kind == OP_ATTEND) == (row->expand != NULL));
        CU_ASSERT_PTR_NOT_NULL(row->infer);
    }
}

/* ---- mistakes of the user: one message each, and NULL from then on ---- */

MADE(bad_add, add(g, x[0], x[1]))
MADE(bad_product, matmul(g, x[0], x[1], false, false))
MADE(bad_reshape, reshape(g, x[0], (Shape){.rank = 1, .size = {5}}))
MADE(bad_permute, permute(g, x[0], axes02))
MADE(bad_slice, slice(g, x[0], (const int64_t[]){0, 2}, (const int64_t[]){2, 2}))
MADE(bad_concat, concat(g, x, 2, 0))
MADE(bad_axis, sum(g, x[0], axes02, 2, false))
MADE(bad_max, reduce_max(g, x[1], axis0, 1, false))
MADE(bad_and, logical_and(g, x[0], x[0]))
MADE(bad_ids, gather(g, x[0], x[0]))
MADE(bad_gradient, derived(g, x[0], x[2]))
MADE(bad_scalar_product, matmul(g, x[0], number(g, 2), false, false))
MADE(bad_stack, one_hot(g, full(g, (Shape){.rank = 8, .size = {1, 1, 1, 1, 1, 1, 1, 1}}, 0, DT_I32), 2))
MADE(bad_grad_shape, (grad(g, x[0], x, 1, x + 3), x[3]))

static const struct {
    Build build;
    DiagCode code;
} mistakes[] = {
    {bad_add, E0302},    {bad_product, E0301}, {bad_reshape, E0303},  {bad_permute, E0304},        {bad_slice, E0305},
    {bad_concat, E0306}, {bad_axis, E0304},    {bad_max, E0307},      {bad_scalar_product, E0308}, {bad_stack, E0309},
    {bad_and, E0401},    {bad_ids, E0401},     {bad_gradient, E0401}, {bad_grad_shape, E0502},
};

static bool shows(Bench *bench, DiagCode code) {
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    diag_print(bench->model->diag, to, false);
    fclose(to);
    bool found = strstr(text, diag_code_name(code)) != NULL;
    free(text);
    return found;
}

static void mistakes_are_reported_once(void) {
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        Bench bench = bench_new();
        Node *x[MOST_INPUTS] = {bench_input(&bench, "a", DT_FLOAT, (Shape){.rank = 2, .size = {2, 3}}),
                                bench_input(&bench, "b", DT_FLOAT, (Shape){.rank = 2, .size = {0, 2}}),
                                bench_input(&bench, "c", DT_I32, (Shape){0}), NULL};
        Node *result = mistakes[i].build(&bench, x);
        CU_ASSERT_PTR_NULL(result);
        CU_ASSERT_PTR_NULL(add(bench.graph, result, x[0]));
        CU_ASSERT_EQUAL(diag_count(bench.model->diag), 1);
        CU_ASSERT(shows(&bench, mistakes[i].code));
        arena_free(bench.arena);
    }
}

static bool is_derived(Build build) {
    return build == made_d_gelu || build == made_d_gelu_tanh;
}

/* An operand that went wrong was reported where that happened: what is made of it is NULL without a word. */
static void nothing_is_made_of_nothing(void) {
    for (int row = 0; row < ROW_COUNT; row++)
        for (int lost = 0; lost < MOST_INPUTS && rows[row].inputs[lost]; lost++) {
            if (rows[row].build == made_softmax_masked && lost == 1) continue; /* no mask, then */
            if (rows[row].build == made_attend_masked && lost == 2) continue;
            if (rows[row].build == made_write || is_derived(rows[row].build)) continue;
            Bench bench = bench_new();
            Node *x[MOST_INPUTS] = {0};
            for (int i = 0; i < MOST_INPUTS && rows[row].inputs[i]; i++) {
                Tensor tensor = tensor_parse(bench.arena, rows[row].inputs[i]);
                x[i] = i == lost ? NULL : bench_input(&bench, "x", tensor.dtype, tensor.shape);
            }
            if (rows[row].build != made_input) CU_ASSERT_PTR_NULL(rows[row].build(&bench, x));
            CU_ASSERT_EQUAL(diag_count(bench.model->diag), 0);
            arena_free(bench.arena);
        }
}

/* ---- a node that no verb would have made does not pass graph_check: its rule gives another shape, type, or none ----
 */

static bool is_right(const Node *node) {
    Shape shape = {0};
    DType dtype = DT_FLOAT;
    return node->op->infer(node, &shape, &dtype) && dtype == node->dtype && shape_equal(&shape, &node->shape);
}

static void spoil_axis(Node *node) {
    node->attr.axes[0] = -1;
}
static void spoil_last_axis(Node *node) {
    node->attr.axes[node->attr.axis_count - 1] = 7;
}
static void spoil_axis_count(Node *node) {
    node->attr.axis_count++;
}
static void spoil_start(Node *node) {
    node->attr.start[0] = -1;
}
static void spoil_far_start(Node *node) {
    node->attr.start[0] = 1000;
}
static void spoil_transpose(Node *node) {
    node->attr.transpose_a = !node->attr.transpose_a;
}
static void spoil_flag(Node *node) {
    node->attr.flag = !node->attr.flag;
}
static void spoil_count(Node *node) {
    node->operand_count = 0;
}
static void spoil_rank(Node *node) {
    Node *other = node->operand[node->operand_count - 1];
    other->shape.size[other->shape.rank++] = 3;
}
static void spoil_first_rank(Node *node) {
    node->operand[0]->shape = (Shape){.rank = MAX_RANK, .size = {3, 3, 3, 3, 3, 3, 3, 3}};
}
static void spoil_first_scalar(Node *node) {
    node->operand[0]->shape = (Shape){0};
}
static void spoil_size(Node *node) {
    Node *other = node->operand[node->operand_count - 1];
    other->shape.size[other->shape.rank > 0 ? other->shape.rank - 1 : 0] += 5;
}
static void spoil_type(Node *node) {
    Node *other = node->operand[node->operand_count - 1];
    other->dtype = other->dtype == DT_BOOL ? DT_I32 : DT_BOOL;
}
static void spoil_first_type(Node *node) {
    node->operand[0]->dtype = node->operand[0]->dtype == DT_BOOL ? DT_I32 : DT_BOOL;
}

static const struct {
    const char *name;
    void (*spoil)(Node *node);
    unsigned uses;      /* 0: of all that have operands */
    const char *passes; /* ops that take such operands too */
} spoils[] = {
    {"an axis that is none", spoil_axis, USES_AXES, " slice write "},
    {"a last axis that is none", spoil_last_axis, USES_AXES, " slice write "},
    {"an axis too many", spoil_axis_count, USES_AXES, " slice write "},
    {"a start before the tensor", spoil_start, USES_START, ""},
    {"a start behind the tensor", spoil_far_start, USES_START, ""},
    {"a turned operand", spoil_transpose, USES_TRANSPOSE, " matmul "},
    {"a mask that is none", spoil_flag, USES_FLAG, ""},
    {"no operands", spoil_count, 0, ""},
    {"a rank too high", spoil_rank, 0, " broadcast "},
    {"the highest rank", spoil_first_rank, 0, ""},
    {"a scalar", spoil_first_scalar, 0, " broadcast mul grad "},
    {"another size", spoil_size, 0, " slice write sum max logsumexp mul "},
    {"another type", spoil_type, 0, " grad jacobian "},
    {"another first type", spoil_first_type, 0, " grad jacobian "},
};

static void a_spoiled_node_is_found(void) {
    for (int row = 0; row < ROW_COUNT; row++)
        for (size_t way = 0; way < sizeof spoils / sizeof *spoils; way++) {
            const double *inputs[MOST_INPUTS] = {0};
            Bench bench = bench_of(row, inputs);
            for (int i = 0; i < bench.graph->nodes.count; i++) {
                Node *node = bench.graph->nodes.at[i];
                if (node->op != rows[row].op || node->operand_count == 0) continue;
                if (spoils[way].uses && !(node->op->uses & spoils[way].uses)) continue;
                if (spoils[way].spoil == spoil_count && node->op->arity >= 0) continue; /* graph_check's own */
                CU_ASSERT(is_right(node));
                spoils[way].spoil(node);
                const char *op = arena_printf(bench.arena, " %s ", node->op->name);
                bool found = !is_right(node) || strstr(spoils[way].passes, op);
                if (!found) printf("\n    %s of %s is not found", spoils[way].name, rows[row].name);
                CU_ASSERT(found);
                break;
            }
            arena_free(bench.arena);
        }
}

/* ---- calls ---- */

static void a_failed_check_writes_nothing(void) {
    Bench bench = bench_new();
    Variable *cache = bench_variable(&bench, "cache", "f 2: 1 2");
    Node *at = bench_input(&bench, "at", DT_I32, (Shape){0});
    write_variable(bench.graph, cache, full(bench.graph, cache->shape, 5, DT_FLOAT), NULL, 0, NULL);
    bench_result(&bench, slice_dynamic(bench.graph, read_variable(bench.graph, cache), 0, at, 1));
    double past = 2, good = 1;
    CU_ASSERT_PTR_NULL(bench_run(&bench, (const double *const[]){&past}, 0));
    CU_ASSERT_PTR_NOT_NULL(bench.interp.error);
    CU_ASSERT_EQUAL(bench.memory[0][0], 1);
    CU_ASSERT_EQUAL(*bench_run(&bench, (const double *const[]){&good}, 0), 5);
    CU_ASSERT_EQUAL(bench.memory[0][0], 5);
    arena_free(bench.arena);
}

static void a_parameter_lies_in_its_group(void) {
    Bench bench = bench_new();
    Variable *group = bench_variable(&bench, "group", "f 4: 1 2 3 4"),
             *weight = bench_variable(&bench, "w", "f 2: 0 0");
    weight->group = group;
    weight->offset = 2;
    bench_result(&bench, read_variable(bench.graph, weight));
    Node *flat = read_variable(bench.graph, group);
    write_variable(bench.graph, group, negate(bench.graph, flat), NULL, 0, NULL);
    CU_ASSERT_EQUAL(bench_run(&bench, NULL, 0)[1], 4);
    CU_ASSERT_EQUAL(bench_run(&bench, NULL, 0)[1], -4);
    arena_free(bench.arena);
}

static void updates_run_at_every_nth_call(void) {
    Bench bench = bench_new();
    Variable *count = bench_variable(&bench, "count", "f: 0");
    bench.entry->accumulate = 3;
    bench.graph->phase = PHASE_UPDATE;
    Node *more = add(bench.graph, read_variable(bench.graph, count), number(bench.graph, 1));
    write_variable(bench.graph, count, more, NULL, 0, NULL);
    for (bench.interp.call = 0; bench.interp.call < 7; bench.interp.call++) {
        bench_run(&bench, NULL, 0);
        CU_ASSERT_EQUAL(bench.memory[0][0], (double)((bench.interp.call + 1) / 3));
    }
    arena_free(bench.arena);
}

int main(void) {
    CU_initialize_registry();
    CU_pSuite suite = CU_add_suite("ops", NULL, NULL);
    CU_ADD_TEST(suite, ops_give_the_numbers);
    CU_ADD_TEST(suite, every_op_has_a_row);
    CU_ADD_TEST(suite, maps_have_texts_and_all_have_rules);
    CU_ADD_TEST(suite, mistakes_are_reported_once);
    CU_ADD_TEST(suite, nothing_is_made_of_nothing);
    CU_ADD_TEST(suite, a_spoiled_node_is_found);
    CU_ADD_TEST(suite, a_failed_check_writes_nothing);
    CU_ADD_TEST(suite, a_parameter_lies_in_its_group);
    CU_ADD_TEST(suite, updates_run_at_every_nth_call);
    return run_suite_and_leave();
}
