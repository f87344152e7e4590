/* map.c: the elementwise operations: result[i] = f(a[i], b[i], c[i]), all of one shape.
 *
 * In: operands of any shapes that broadcast. Out: explicit broadcast nodes where needed, then one node of this table:
 *
 *     add(x[B, N], b[N])   becomes   %3 = broadcast(%2)   %4 = add(%1, %3)
 *
 * so no adjoint here mentions broadcasting. A row has the op's name, its C text for lanes and single numbers alike, its
 * cost, its type rule, its evaluator and its adjoint. Integers wrap at 32 bits, booleans are lane masks in C.
 * Ties of minimum and maximum share the gradient evenly; the derivative of relu and abs at 0 is 0.
 */
#include "ops/ops.h"

#include <math.h>

static const double ROOT_2_OVER_PI = 0.797884560802865355879892119869;
static const double ROOT_HALF = 0.707106781186547524400844362105;
static const double ONE_OVER_ROOT_2_PI = 0.398942280401432677939946059934;
static const double GELU_CUBIC = 0.044715;

/* ---- type rules ---- */

static bool all_alike(const Node *node, int from, Shape *shape, DType *dtype) {
    *shape = node->operand[0]->shape;
    *dtype = node->operand[from]->dtype;
    for (int i = 0; i < node->operand_count; i++)
        if (!shape_equal(shape, &node->operand[i]->shape)) return false;
    for (int i = from; i < node->operand_count; i++)
        if (node->operand[i]->dtype != *dtype) return false;
    return true;
}

static bool infer_numeric(const Node *node, Shape *shape, DType *dtype) {
    return all_alike(node, 0, shape, dtype) && *dtype != DT_BOOL;
}

static bool infer_real(const Node *node, Shape *shape, DType *dtype) {
    return all_alike(node, 0, shape, dtype) && *dtype == DT_FLOAT;
}

static bool infer_compare(const Node *node, Shape *shape, DType *dtype) {
    if (!infer_numeric(node, shape, dtype)) return false;
    *dtype = DT_BOOL;
    return true;
}

static bool infer_logic(const Node *node, Shape *shape, DType *dtype) {
    return all_alike(node, 0, shape, dtype) && *dtype == DT_BOOL;
}

static bool infer_where(const Node *node, Shape *shape, DType *dtype) {
    return all_alike(node, 1, shape, dtype) && node->operand[0]->dtype == DT_BOOL;
}

static bool infer_to_float(const Node *node, Shape *shape, DType *dtype) {
    if (!all_alike(node, 0, shape, dtype) || *dtype != DT_I32) return false;
    *dtype = DT_FLOAT;
    return true;
}

static bool infer_to_int(const Node *node, Shape *shape, DType *dtype) {
    if (!all_alike(node, 0, shape, dtype) || *dtype != DT_FLOAT) return false;
    *dtype = DT_I32;
    return true;
}

/* ---- evaluators of one element ---- */

static double wrap(const Node *node, double value) {
    return node->dtype == DT_I32 ? (double)(int32_t)(uint32_t)(int64_t)value : value;
}

static double product(const Node *node, double a, double b) {
    return node->dtype == DT_I32 ? (double)(int32_t)((uint32_t)(int32_t)a * (uint32_t)(int32_t)b) : a * b;
}

/* The remainder with the sign of b; of integers by 0 it is 0. */
static double floor_mod(const Node *node, double a, double b) {
    if (node->dtype == DT_I32 && b == 0) return 0;
    double rest = fmod(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static double smaller(double a, double b) {
    return isnan(a) || a < b ? a : b;
}
static double larger(double a, double b) {
    return isnan(a) || a > b ? a : b;
}
static double logistic(double x) {
    return 1 / (1 + exp(-x));
}
static double normal_part(double x) {
    return 0.5 * (1 + erf(x * ROOT_HALF));
}
static double bell(double x) {
    return ONE_OVER_ROOT_2_PI * exp(-0.5 * x * x);
}
static double gelu_inner(double x) {
    return tanh(ROOT_2_OVER_PI * (x + GELU_CUBIC * x * x * x));
}

static double gelu_tanh_slope(double x) {
    double t = gelu_inner(x);
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * ROOT_2_OVER_PI * (1 + 3 * GELU_CUBIC * x * x);
}

static double truncated(double x) {
    if (isnan(x)) return 0;
    return trunc(x < -2147483648.0 ? -2147483648.0 : x > 2147483647.0 ? 2147483647.0 : x);
}

/* ---- operands: one type, one shape ---- */

static Node *map1(Graph *graph, const Op *op, Node *x) {
    return x ? graph_append(graph, op, x->dtype, x->shape, 1, &x, NULL) : NULL;
}

static Node *as_type(Graph *graph, Node *x, DType dtype) {
    if (x->dtype == dtype) return x;
    return cast(graph, x, dtype);
}

/* NumPy's rule for one more shape: false where an axis of `with` fits neither way. */
static bool widen(Shape *common, const Shape *with, int *clash) {
    Shape wide = common->rank >= with->rank ? *common : *with;
    const Shape *narrow = common->rank >= with->rank ? with : common;
    int more = wide.rank - narrow->rank;
    for (int i = 0; i < narrow->rank; i++) {
        int64_t a = wide.size[more + i], b = narrow->size[i];
        *clash = narrow->rank - i;
        if (a != b && a != 1 && b != 1) return false;
        bool first_is_narrow = narrow == common;
        bool take = a == b ? (!wide.name[more + i] || (first_is_narrow && narrow->name[i])) : a == 1;
        if (take) wide.name[more + i] = narrow->name[i];
        if (a == 1) wide.size[more + i] = b;
    }
    *common = wide;
    return true;
}

/* Broadcasts all operands to their common shape. */
static bool make_alike(Graph *graph, const char *what, Node **operand, int count) {
    Shape common = operand[0]->shape;
    for (int i = 1; i < count; i++) {
        int clash;
        Shape before = common;
        if (widen(&common, &operand[i]->shape, &clash)) continue;
        const Shape *with = &operand[i]->shape;
        Message *message = diag_error(graph->diag, graph->at, E0302, "the shapes of %s do not broadcast: %s and %s",
                                      what, shape_string(graph->arena, &before), shape_string(graph->arena, with));
        diag_label(message, "sizes differ: %s and %s", shape_axis(graph->arena, &before, before.rank - clash),
                   shape_axis(graph->arena, with, with->rank - clash));
        return false;
    }
    for (int i = 0; i < count; i++)
        if (!shape_equal(&operand[i]->shape, &common)) operand[i] = broadcast(graph, operand[i], common);
    return true;
}

bool broadcast_pair(Graph *graph, const char *what, Node **a, Node **b) {
    if (!*a || !*b) return false;
    Node *operand[] = {*a, *b};
    if (!make_alike(graph, what, operand, 2)) return false;
    *a = operand[0];
    *b = operand[1];
    return true;
}

/* The shape whose names the result takes: that of the first operand that was not widened to fit. */
static Shape named_shape(Node *const *operand, int count) {
    Shape shape = operand[0]->shape;
    for (int i = 1; i < count; i++)
        for (int axis = 0; axis < shape.rank; axis++)
            if (!shape.name[axis]) shape.name[axis] = operand[i]->shape.name[axis];
    return shape;
}

static Node *map_append(Graph *graph, const Op *op, Node **operand, int count, DType dtype) {
    if (!make_alike(graph, op->name, operand, count)) return NULL;
    return graph_append(graph, op, dtype, named_shape(operand, count), count, operand, NULL);
}

static DType common_type(const Node *a, const Node *b) {
    return a->dtype == DT_FLOAT || b->dtype == DT_FLOAT ? DT_FLOAT : DT_I32;
}

/* `+` and its kin: integers meet floats as floats, booleans count as 0 and 1. */
static Node *numeric2(Graph *graph, const Op *op, Node *a, Node *b) {
    if (!a || !b) return NULL;
    DType dtype = common_type(a, b);
    return map_append(graph, op, (Node *[]){as_type(graph, a, dtype), as_type(graph, b, dtype)}, 2, dtype);
}

static Node *real2(Graph *graph, const Op *op, Node *a, Node *b) {
    if (!a || !b) return NULL;
    return map_append(graph, op, (Node *[]){as_type(graph, a, DT_FLOAT), as_type(graph, b, DT_FLOAT)}, 2, DT_FLOAT);
}

static Node *compare2(Graph *graph, const Op *op, Node *a, Node *b) {
    if (!a || !b) return NULL;
    DType dtype = common_type(a, b);
    return map_append(graph, op, (Node *[]){as_type(graph, a, dtype), as_type(graph, b, dtype)}, 2, DT_BOOL);
}

static Node *numeric1(Graph *graph, const Op *op, Node *x) {
    return x ? map1(graph, op, x->dtype == DT_BOOL ? as_type(graph, x, DT_I32) : x) : NULL;
}

static Node *real1(Graph *graph, const Op *op, Node *x) {
    return x ? map1(graph, op, as_type(graph, x, DT_FLOAT)) : NULL;
}

static bool is_bool(Graph *graph, const char *what, const Node *x) {
    if (x->dtype == DT_BOOL) return true;
    Message *message = diag_error(graph->diag, graph->at, E0401, "%s takes booleans, not %s%s", what,
                                  dtype_name(x->dtype, false), shape_string(graph->arena, &x->shape));
    diag_help(message, "compare first: x != 0");
    return false;
}

static Node *logic(Graph *graph, const Op *op, Node **operand, int count) {
    for (int i = 0; i < count; i++)
        if (!operand[i] || !is_bool(graph, op->name, operand[i])) return NULL;
    return map_append(graph, op, operand, count, DT_BOOL);
}

/* ---- adjoints: one line per op; X, A, B are operands, Y the result, G its adjoint ---- */

#define RULE1(name, formula, value)                                                                                    \
    static void back_##name(Graph *q, Adjoint *to, Node *y, Node *g) {                                                 \
        Node *x = y->operand[0];                                                                                       \
        (void)x;                                                                                                       \
        adjoint_add(to, 0, value, formula);                                                                            \
    }
#define RULE2(name, formula_a, value_a, formula_b, value_b)                                                            \
    static void back_##name(Graph *q, Adjoint *to, Node *y, Node *g) {                                                 \
        Node *a = y->operand[0], *b = y->operand[1];                                                                   \
        (void)a, (void)b, (void)q;                                                                                     \
        if (adjoint_wants(to, 0)) adjoint_add(to, 0, value_a, formula_a);                                              \
        if (adjoint_wants(to, 1)) adjoint_add(to, 1, value_b, formula_b);                                              \
    }

/* 1 where the condition holds, else 0. */
static Node *indicator(Graph *q, Node *condition) {
    Node *zero = number(q, 0), *one = number(q, 1);
    return where(q, condition, one, zero);
}

/* g where x > 0, else 0. */
static Node *where_positive(Graph *q, Node *x, Node *g) {
    Node *zero = number(q, 0);
    return where(q, less(q, number(q, 0), x), g, zero);
}

/* 1 where a wins, a half on a tie. */
static Node *share_of_winner(Graph *q, Node *won, Node *a, Node *b) {
    Node *zero = number(q, 0), *half = number(q, 0.5), *otherwise = where(q, equal(q, a, b), half, zero);
    return where(q, won, number(q, 1), otherwise);
}

static Node *scaled(Graph *q, double factor, Node *x) {
    return multiply(q, number(q, factor), x);
}
static Node *complement(Graph *q, Node *x) {
    return subtract(q, number(q, 1), x);
}

static Node *sign(Graph *q, Node *x) {
    Node *negative = indicator(q, less(q, x, number(q, 0)));
    return subtract(q, indicator(q, less(q, number(q, 0), x)), negative);
}

static Node *silu_slope(Graph *q, Node *x, Node *y) {
    Node *s = sigmoid(q, x);
    return add(q, s, multiply(q, y, complement(q, s)));
}

static Node *bell_curve(Graph *q, Node *x, double height) {
    return scaled(q, height, exponential(q, scaled(q, -0.5, multiply(q, x, x))));
}

/* B A^(B-1), and 0 where B is 0 whatever A is. */
static Node *power_slope(Graph *q, Node *a, Node *b) {
    double exponent;
    if (is_number(b, &exponent)) {
        if (exponent == 0) return zeros(q, a->shape);
        return scaled(q, exponent, power(q, a, number(q, exponent - 1)));
    }
    Node *slope = multiply(q, b, power(q, a, subtract(q, b, number(q, 1))));
    Node *zero = number(q, 0);
    return where(q, equal(q, b, number(q, 0)), zero, slope);
}

/* Y log A, and 0 where A is 0. */
static Node *power_growth(Graph *q, Node *a, Node *y) {
    Node *none = equal(q, a, number(q, 0));
    Node *slope = multiply(q, y, logarithm(q, where(q, none, number(q, 1), a)));
    return where(q, none, number(q, 0), slope);
}

/* The derivative of d_gelu_tanh, with T = tanh U, U = c (X + k X^3), U' = c (1 + 3 k X^2), U'' = 6 c k X. */
static Node *gelu_tanh_curve(Graph *q, Node *x) {
    double c = ROOT_2_OVER_PI, k = GELU_CUBIC;
    Node *squared = multiply(q, x, x);
    Node *cubic = scaled(q, c * k, squared);
    Node *t = hyperbolic_tangent(q, multiply(q, x, add(q, number(q, c), cubic)));
    Node *square = scaled(q, 3 * c * k, squared);
    Node *u1 = add(q, number(q, c), square);
    Node *u2 = scaled(q, 6 * c * k, x);
    Node *bend = subtract(q, u2, scaled(q, 2, multiply(q, t, multiply(q, u1, u1))));
    Node *curve = add(q, u1, scaled(q, 0.5, multiply(q, x, bend)));
    return multiply(q, complement(q, multiply(q, t, t)), curve);
}

/* phi(x) (2 - x^2). */
static Node *gelu_curve(Graph *q, Node *x) {
    Node *square = multiply(q, x, x), *rest = subtract(q, number(q, 2), square);
    return multiply(q, bell_curve(q, x, ONE_OVER_ROOT_2_PI), rest);
}

RULE2(add, "dA = G", g, "dB = G", g)
RULE2(sub, "dA = G", g, "dB = -G", negate(q, g))
RULE2(mul, "dA = G * B", multiply(q, g, b), "dB = G * A", multiply(q, g, a))
RULE2(div, "dA = G / B", divide(q, g, b), "dB = -G * Y / B", negate(q, divide(q, multiply(q, g, y), b)))
RULE2(mod, "dA = G", g, "dB = -G * floor(A / B)", negate(q, multiply(q, g, divide(q, subtract(q, a, y), b))))
RULE2(pow, "dA = G * B * A^(B - 1)", multiply(q, g, power_slope(q, a, b)), "dB = G * Y * log(A)",
      multiply(q, g, power_growth(q, a, y)))
RULE2(minimum, "dA = G where A < B, G / 2 where A = B", multiply(q, g, share_of_winner(q, less(q, a, b), a, b)),
      "dB = G where B < A, G / 2 where A = B", multiply(q, g, share_of_winner(q, less(q, b, a), a, b)))
RULE2(maximum, "dA = G where A > B, G / 2 where A = B", multiply(q, g, share_of_winner(q, less(q, b, a), a, b)),
      "dB = G where B > A, G / 2 where A = B", multiply(q, g, share_of_winner(q, less(q, a, b), a, b)))
RULE1(neg, "dX = -G", negate(q, g))
RULE1(abs, "dX = G * sign(X)", multiply(q, g, sign(q, x)))
RULE1(exp, "dX = G * Y", multiply(q, g, y))
RULE1(log, "dX = G / X", divide(q, g, x))
RULE1(sqrt, "dX = G / (2 Y)", divide(q, scaled(q, 0.5, g), y))
RULE1(rsqrt, "dX = -G * Y^3 / 2", scaled(q, -0.5, multiply(q, g, multiply(q, y, multiply(q, y, y)))))
RULE1(tanh, "dX = G * (1 - Y^2)", multiply(q, g, complement(q, multiply(q, y, y))))
RULE1(sigmoid, "dX = G * Y * (1 - Y)", multiply(q, g, multiply(q, y, complement(q, y))))
RULE1(relu, "dX = G where X > 0", where_positive(q, y, g)) /* Y > 0 where X is; Y is kept for the next product */
RULE1(gelu, "dX = G * (Phi(X) + X phi(X))", multiply(q, g, map1(q, &op_d_gelu, x)))
RULE1(d_gelu, "dX = G * phi(X) * (2 - X^2)", multiply(q, g, gelu_curve(q, x)))
RULE1(gelu_tanh, "dX = G * gelu_tanh'(X)", multiply(q, g, map1(q, &op_d_gelu_tanh, x)))
RULE1(d_gelu_tanh, "dX = G * gelu_tanh''(X)", multiply(q, g, gelu_tanh_curve(q, x)))
RULE1(silu, "dX = G * (S + Y (1 - S)), S = sigmoid(X)", multiply(q, g, silu_slope(q, x, y)))
RULE1(erf, "dX = G * 2 / sqrt(pi) * exp(-X^2)",
      scaled(q, M_2_SQRTPI, multiply(q, g, exponential(q, negate(q, multiply(q, x, x))))))
RULE1(sin, "dX = G * cos(X)", multiply(q, g, cosine(q, x)))
RULE1(cos, "dX = -G * sin(X)", negate(q, multiply(q, g, sine(q, x))))

static void back_where(Graph *graph, Adjoint *to, Node *node, Node *g) {
    Node *condition = node->operand[0];
    if (adjoint_wants(to, 1)) adjoint_add(to, 1, where(graph, condition, g, number(graph, 0)), "dA = G where C");
    if (adjoint_wants(to, 2)) adjoint_add(to, 2, where(graph, condition, number(graph, 0), g), "dB = G where not C");
}

/* ---- the table ---- */

#define ROW(name_, arity_, text, cost_, rule, value, derivative)                                                       \
    static void eval_##name_(const Node *node, const double *const *operand, double *result) {                         \
        const double *at_b = operand[arity_ > 1 ? 1 : 0], *at_c = operand[arity_ > 2 ? 2 : 0];                         \
        int64_t count = shape_count(&node->shape);                                                                     \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            double a = operand[0][i], b = at_b[i], c = at_c[i];                                                        \
            (void)b, (void)c;                                                                                          \
            result[i] = wrap(node, value);                                                                             \
        }                                                                                                              \
    }                                                                                                                  \
    const Op op_##name_ = {.name = #name_,                                                                             \
                           .kind = OP_MAP,                                                                             \
                           .arity = arity_,                                                                            \
                           .c = text,                                                                                  \
                           .cost = cost_,                                                                              \
                           .infer = rule,                                                                              \
                           .adjoint = derivative,                                                                      \
                           .eval = eval_##name_};

/*  name      operands  C text  cost  type rule  value of one element  adjoint */
/* clang-format off */
ROW(add,          2, "%0 + %1",                 1, infer_numeric,  a + b,                          back_add)
ROW(sub,          2, "%0 - %1",                 1, infer_numeric,  a - b,                          back_sub)
ROW(mul,          2, "%0 * %1",                 1, infer_numeric,  product(node, a, b),            back_mul)
ROW(div,          2, "%0 / %1",                 4, infer_real,     a / b,                          back_div)
ROW(mod,          2, "tg_mod(%0, %1)",          8, infer_numeric,  floor_mod(node, a, b),          back_mod)
ROW(pow,          2, "tg_pow(%0, %1)",         30, infer_real,     pow(a, b),                      back_pow)
ROW(minimum,      2, "tg_min(%0, %1)",          1, infer_numeric,  smaller(a, b),                  back_minimum)
ROW(maximum,      2, "tg_max(%0, %1)",          1, infer_numeric,  larger(a, b),                   back_maximum)
ROW(neg,          1, "-%0",                     1, infer_numeric,  -a,                             back_neg)
ROW(abs,          1, "tg_abs(%0)",              1, infer_numeric,  fabs(a),                        back_abs)
ROW(exp,          1, "tg_exp(%0)",             12, infer_real,     exp(a),                         back_exp)
ROW(log,          1, "tg_log(%0)",             14, infer_real,     log(a),                         back_log)
ROW(sqrt,         1, "tg_sqrt(%0)",             6, infer_real,     sqrt(a),                        back_sqrt)
ROW(rsqrt,        1, "tg_rsqrt(%0)",            8, infer_real,     1 / sqrt(a),                    back_rsqrt)
ROW(tanh,         1, "tg_tanh(%0)",            16, infer_real,     tanh(a),                        back_tanh)
ROW(sigmoid,      1, "tg_sigmoid(%0)",         16, infer_real,     logistic(a),                    back_sigmoid)
ROW(relu,         1, "tg_relu(%0)",             1, infer_numeric,  larger(a, 0),                   back_relu)
ROW(gelu,         1, "tg_gelu(%0)",            24, infer_real,     a * normal_part(a),             back_gelu)
ROW(d_gelu,       1, "tg_d_gelu(%0)",          36, infer_real,     normal_part(a) + a * bell(a),   back_d_gelu)
ROW(gelu_tanh,    1, "tg_gelu_tanh(%0)",       22, infer_real,     0.5 * a * (1 + gelu_inner(a)),  back_gelu_tanh)
ROW(d_gelu_tanh,  1, "tg_d_gelu_tanh(%0)",     28, infer_real,     gelu_tanh_slope(a),             back_d_gelu_tanh)
ROW(silu,         1, "tg_silu(%0)",            17, infer_real,     a * logistic(a),                back_silu)
ROW(erf,          1, "tg_erf(%0)",             22, infer_real,     erf(a),                         back_erf)
ROW(sin,          1, "tg_sin(%0)",             16, infer_real,     sin(a),                         back_sin)
ROW(cos,          1, "tg_cos(%0)",             16, infer_real,     cos(a),                         back_cos)
ROW(less,         2, "%0 < %1",                 1, infer_compare,  a < b,                          NULL)
ROW(less_equal,   2, "%0 <= %1",                1, infer_compare,  a <= b,                         NULL)
ROW(equal,        2, "%0 == %1",                1, infer_compare,  a == b,                         NULL)
ROW(not_equal,    2, "%0 != %1",                1, infer_compare,  a != b,                         NULL)
ROW(and,          2, "%0 & %1",                 1, infer_logic,    a != 0 && b != 0,               NULL)
ROW(or,           2, "%0 | %1",                 1, infer_logic,    a != 0 || b != 0,               NULL)
ROW(not,          1, "tg_not(%0)",              1, infer_logic,    a == 0,                         NULL)
ROW(where,        3, "tg_select(%0, %1, %2)",   1, infer_where,    a != 0 ? b : c,                 back_where)
ROW(to_float,     1, "tg_to_float(%0)",         1, infer_to_float, a,                              NULL)
ROW(to_int,       1, "tg_to_int(%0)",           1, infer_to_int,   truncated(a),                   NULL)
/* clang-format on */

/* ---- verbs ---- */

Node *elementwise(Graph *graph, const Op *op, Node *const *operands, int count) {
    Node *operand[EXTERNAL_ARGUMENTS];
    for (int i = 0; i < count; i++) {
        if (!operands[i]) return NULL;
        operand[i] = as_type(graph, operands[i], DT_FLOAT);
    }
    return map_append(graph, op, operand, count, DT_FLOAT);
}

Node *add(Graph *graph, Node *a, Node *b) {
    return numeric2(graph, &op_add, a, b);
}
Node *subtract(Graph *graph, Node *a, Node *b) {
    return numeric2(graph, &op_sub, a, b);
}
Node *multiply(Graph *graph, Node *a, Node *b) {
    return numeric2(graph, &op_mul, a, b);
}
Node *divide(Graph *graph, Node *a, Node *b) {
    return real2(graph, &op_div, a, b);
}
Node *modulo(Graph *graph, Node *a, Node *b) {
    return numeric2(graph, &op_mod, a, b);
}
Node *power(Graph *graph, Node *a, Node *b) {
    return real2(graph, &op_pow, a, b);
}
Node *minimum(Graph *graph, Node *a, Node *b) {
    return numeric2(graph, &op_minimum, a, b);
}
Node *maximum(Graph *graph, Node *a, Node *b) {
    return numeric2(graph, &op_maximum, a, b);
}
Node *negate(Graph *graph, Node *x) {
    return numeric1(graph, &op_neg, x);
}
Node *absolute(Graph *graph, Node *x) {
    return numeric1(graph, &op_abs, x);
}
Node *relu(Graph *graph, Node *x) {
    return numeric1(graph, &op_relu, x);
}
Node *exponential(Graph *graph, Node *x) {
    return real1(graph, &op_exp, x);
}
Node *logarithm(Graph *graph, Node *x) {
    return real1(graph, &op_log, x);
}
Node *square_root(Graph *graph, Node *x) {
    return real1(graph, &op_sqrt, x);
}
Node *reciprocal_root(Graph *graph, Node *x) {
    return real1(graph, &op_rsqrt, x);
}
Node *hyperbolic_tangent(Graph *graph, Node *x) {
    return real1(graph, &op_tanh, x);
}
Node *sigmoid(Graph *graph, Node *x) {
    return real1(graph, &op_sigmoid, x);
}
Node *gelu(Graph *graph, Node *x) {
    return real1(graph, &op_gelu, x);
}
Node *gelu_tanh(Graph *graph, Node *x) {
    return real1(graph, &op_gelu_tanh, x);
}
Node *silu(Graph *graph, Node *x) {
    return real1(graph, &op_silu, x);
}
Node *error_function(Graph *graph, Node *x) {
    return real1(graph, &op_erf, x);
}
Node *sine(Graph *graph, Node *x) {
    return real1(graph, &op_sin, x);
}
Node *cosine(Graph *graph, Node *x) {
    return real1(graph, &op_cos, x);
}
Node *less(Graph *graph, Node *a, Node *b) {
    return compare2(graph, &op_less, a, b);
}
Node *less_equal(Graph *graph, Node *a, Node *b) {
    return compare2(graph, &op_less_equal, a, b);
}
Node *equal(Graph *graph, Node *a, Node *b) {
    return compare2(graph, &op_equal, a, b);
}
Node *not_equal(Graph *graph, Node *a, Node *b) {
    return compare2(graph, &op_not_equal, a, b);
}
Node *logical_and(Graph *graph, Node *a, Node *b) {
    return logic(graph, &op_and, (Node *[]){a, b}, 2);
}
Node *logical_or(Graph *graph, Node *a, Node *b) {
    return logic(graph, &op_or, (Node *[]){a, b}, 2);
}
Node *logical_not(Graph *graph, Node *x) {
    return logic(graph, &op_not, &x, 1);
}

Node *where(Graph *graph, Node *condition, Node *a, Node *b) {
    if (!condition || !a || !b || !is_bool(graph, "where", condition)) return NULL;
    DType dtype = a->dtype == b->dtype ? a->dtype : common_type(a, b);
    Node *operand[] = {condition, as_type(graph, a, dtype), as_type(graph, b, dtype)};
    return map_append(graph, &op_where, operand, 3, dtype);
}

/* To the type it has already: the same numbers, as a value of their own. */
Node *cast(Graph *graph, Node *x, DType dtype) {
    if (!x) return NULL;
    if (x->dtype == dtype) return same(graph, x);
    if (dtype == DT_BOOL) return not_equal(graph, x, constant(graph, 0, x->dtype));
    if (x->dtype == DT_BOOL) {
        Node *zero = constant(graph, 0, dtype), *one = constant(graph, 1, dtype);
        return where(graph, x, one, zero);
    }
    return graph_append(graph, dtype == DT_I32 ? &op_to_int : &op_to_float, dtype, x->shape, 1, &x, NULL);
}
