/* vec_cases.h: the checks of runtime/tg_vec.h and tg_math.h for one width and one precision; each test_vec_*.c is two
 * defines, a line with its flags, and this file. A machine without the instructions skips.
 *
 * What is checked: accuracy against libm in double over a sweep of all bit patterns, lanes against single elements bit
 * for bit over the same sweep, corners, partial loads and stores between guards, transposes, folds, random numbers.
 */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tg.h"
#include "tg_vec.h"

typedef struct Case {
    const char *name;
    vec (*lanes)(vec x);
    real (*single)(real x);
    double (*reference)(double x);
    double (*scale)(double x); /* the errors' unit is the last place of this; NULL: of the reference */
    double limit;              /* in those units */
} Case;

static double sigmoid(double x) {
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}
static double rsqrt(double x) {
    return 1 / sqrt(x);
}
static double bell(double x) {
    return exp(-x * x / 2) / sqrt(2 * M_PI);
}
static double normal(double x) {
    return erfc(-x * M_SQRT1_2) / 2;
}
static double silu(double x) {
    return isinf(x) && x < 0 ? 0 : x * sigmoid(x);
}
static double gelu(double x) {
    return isinf(x) && x < 0 ? 0 : x * normal(x);
}
static double d_gelu(double x) {
    return isinf(x) ? x > 0 : normal(x) + x * bell(x);
}
static double d_gelu_scale(double x) {
    return fabs(x) < 1 ? 0.5 : isinf(x) ? 1 : fmax(normal(x), fabs(x) * bell(x));
}
static double inner(double x) {
    return 2 * sqrt(2 / M_PI) * (x + 0.044715 * x * x * x);
}
static double gelu_tanh(double x) {
    return isinf(x) && x < 0 ? 0 : x * sigmoid(inner(x));
}
static double gelu_tanh_scale(double x) {
    return isinf(x) ? 1 : fabs(gelu_tanh(x)) * (1 + fabs(fmin(inner(x), 0)));
}
static double d_inner(double x) {
    return 2 * sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x);
}
static double d_gelu_tanh(double x) {
    return fabs(x) > 50 ? x > 0 : sigmoid(inner(x)) * (1 + x * d_inner(x) * sigmoid(-inner(x)));
}
static double d_gelu_tanh_scale(double x) {
    double u = inner(x);
    return fabs(x) > 50 ? 1 : sigmoid(u) * (1 + fabs(u)) * fmax(1, fabs(x) * d_inner(x) * sigmoid(-u));
}

#define FORMS(name)                                                                                                    \
    static vec name##_of_lanes(vec x) {                                                                                \
        return tg_##name(x);                                                                                           \
    }                                                                                                                  \
    static real name##_of_single(real x) {                                                                             \
        return tg_##name(x);                                                                                           \
    }
#define ROW(name, scale, limit)                                                                                        \
    { #name, name##_of_lanes, name##_of_single, name, scale, limit }
FORMS(exp)
FORMS(log)
FORMS(sqrt)
FORMS(rsqrt)
FORMS(tanh)
FORMS(sigmoid)
FORMS(silu)
FORMS(gelu)
FORMS(d_gelu)
FORMS(gelu_tanh)
FORMS(d_gelu_tanh)
FORMS(erf)
FORMS(sin)
FORMS(cos)

static const Case cases[] = {
    ROW(exp, NULL, 2),
    ROW(log, NULL, 4),
    ROW(sqrt, NULL, 0.5),
    ROW(rsqrt, NULL, 2),
    ROW(tanh, NULL, 4),
    ROW(sigmoid, NULL, 4),
    ROW(silu, NULL, 4),
    ROW(gelu, NULL, 5),
    ROW(d_gelu, d_gelu_scale, 4),
    ROW(gelu_tanh, gelu_tanh_scale, 4),
    ROW(d_gelu_tanh, d_gelu_tanh_scale, 4),
    ROW(erf, NULL, 4),
    ROW(sin, NULL, 4),
    ROW(cos, NULL, 4),
};
enum { CASE_COUNT = sizeof cases / sizeof *cases };

static int same_bits(real a, real b) {
    return memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b);
}

/* The i-th element of a sweep over all values, small to large, both signs, infinities and NaN among them. */
static real sweep(uint32_t i) {
    uint32_t bits = i * 4099u;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
enum { SWEEP = 1047808 }; /* 2^32 / 4099, a multiple of 16 lanes */

/* |got - want| in units of the last place of `scale`; 2^-140 is forgiven. */
static double error_of(real got, double want, double scale) {
#ifdef TG_DOUBLE
    const int digits = 36; /* references in double are themselves rounded: a loose check that the formula is right */
#else
    const int digits = 23;
#endif
    if (want != want) return got != got ? 0 : INFINITY;
    if (isinf((real)want) || isinf(got)) return got == (real)want ? 0 : INFINITY;
    int exponent = scale == 0 ? -126 : ilogb(scale);
    double unit = ldexp(1, (exponent < -126 ? -126 : exponent) - digits);
    return fmax(0, fabs((double)got - want) - 0x1p-140) / unit;
}

static void check_sweep(const Case *row) {
    double worst = 0;
    real at = 0;
    int unequal = 0;
    for (uint32_t i = 0; i < SWEEP; i += LANES) {
        vec x = {0};
        for (uint32_t l = 0; l < LANES; l++) x[l] = sweep(i + l);
        vec y = row->lanes(x);
        for (int l = 0; l < LANES; l++) {
            double want = row->reference(x[l]);
            double error = error_of(y[l], want, row->scale ? row->scale(x[l]) : fabs(want));
            if (!(error <= worst)) worst = error, at = x[l];
            if (!same_bits(y[l], row->single(x[l]))) unequal++;
        }
    }
    if (worst > row->limit || unequal)
        printf("  %s: %.3g units at %.9g, %d differ from single\n", row->name, worst, (double)at, unequal);
    CU_ASSERT_TRUE(worst <= row->limit);
    CU_ASSERT_EQUAL(unequal, 0);
}

static void test_accuracy(void) {
    for (int i = 0; i < CASE_COUNT; i++) check_sweep(&cases[i]);
}

/* Where arguments lie near multiples of pi/2, nearly all digits cancel. */
static void test_sine_near_zeros(void) {
    double worst = 0;
    for (int n = 1; n < 20000; n++) {
        real x = (real)(n * M_PI_2);
        worst = fmax(worst, error_of(tg_sin(x), sin(x), fabs(sin(x))));
        worst = fmax(worst, error_of(tg_cos(x), cos(x), fabs(cos(x))));
    }
    CU_ASSERT_TRUE(worst <= 4);
}

static void test_corners(void) {
    const real inf = INFINITY, tiny = 1e-40;
    const struct {
        real got, want;
    } rows[] = {
        {tg_exp(-inf), 0},
        {tg_exp(inf), inf},
        {tg_exp((real)0), 1},
        {tg_log((real)0), -inf},
        {tg_log(inf), inf},
        {tg_log((real)1), 0},
        {tg_tanh(inf), 1},
        {tg_tanh(-inf), -1},
        {tg_tanh(tiny), tiny},
        {tg_sigmoid(inf), 1},
        {tg_sigmoid(-inf), 0},
        {tg_gelu(inf), inf},
        {tg_d_gelu(inf), 1},
        {tg_d_gelu(-inf), 0},
        {tg_gelu_tanh(inf), inf},
        {tg_d_gelu_tanh(inf), 1},
        {tg_d_gelu_tanh(-inf), 0},
        {tg_erf(inf), 1},
        {tg_erf(-inf), -1},
        {tg_sqrt((real)0), 0},
        {tg_rsqrt((real)0), inf},
        {tg_rsqrt((real)4), 0.5},
        {tg_abs(-inf), inf},
        {tg_pow((real)2, (real)10), 1024},
        {tg_max((real)1, (real)2), 2},
        {tg_min((real)1, (real)2), 1},
        {tg_max(-inf, (real)0), 0},
        {tg_mod((real)-1, (real)3), 2},
        {tg_mod((real)1, (real)-3), -2},
        {tg_mod((real)5.5, (real)2), 1.5},
        {tg_max(tg_log((real)-1), (real)0), NAN},
        {tg_max((real)0, tg_log((real)-1)), NAN},
        {tg_min(tg_log((real)-1), (real)0), NAN},
        {tg_min((real)0, tg_log((real)-1)), NAN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int same = rows[i].got == rows[i].want || same_bits(rows[i].got, rows[i].want);
        CU_ASSERT_TRUE(same);
        if (!same) printf("  row %zu: %g\n", i, (double)rows[i].got);
    }
    CU_ASSERT_TRUE(tg_gelu(-inf) == 0 && tg_silu(-inf) == 0 && tg_gelu_tanh(-inf) == 0);
    CU_ASSERT_TRUE(signbit(tg_tanh(-(real)0)) && signbit(tg_erf(-(real)0)));
}

static void test_integers(void) {
    const lint low = INT32_MIN, high = INT32_MAX; /* integers wrap at 32 bits in lanes of 64 too */
    const lint rows[][4] = {{7, 3, 1, 1},     {-7, 3, 2, -7 + 9}, {7, -3, -2, 7 - 9},
                            {-7, -3, -1, -1}, {5, 0, 0, 0},       {low, -1, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ivec lanes = tg_mod(tg_splat_int(rows[i][0]), tg_splat_int(rows[i][1]));
        CU_ASSERT_EQUAL(tg_mod(rows[i][0], rows[i][1]), rows[i][2]);
        CU_ASSERT_EQUAL(lanes[LANES - 1], rows[i][2]);
    }
    lint a = -4, b = 9;
    ivec m = tg_max(tg_splat_int(a), tg_splat_int(b)), n = tg_min(tg_splat_int(a), tg_splat_int(b)),
         p = tg_abs(tg_splat_int(a));
    CU_ASSERT_TRUE(tg_max(a, b) == 9 && tg_min(a, b) == -4 && tg_abs(a) == 4 && m[0] == 9 && n[0] == -4 && p[0] == 4);
    CU_ASSERT_TRUE(tg_abs(low) == low && tg_negative(low) == low && tg_negative(high) == -high);
    CU_ASSERT_TRUE(tg_plus(high, 1) == low && tg_minus(low, 1) == high && tg_times(high, high) == 1);
    ivec up = tg_plus(tg_splat_int(high), tg_splat_int(1)), down = tg_minus(tg_splat_int(low), tg_splat_int(1)),
         square = tg_times(tg_splat_int(high), tg_splat_int(high)), folded = tg_abs(tg_splat_int(low));
    CU_ASSERT_TRUE(up[0] == low && down[LANES - 1] == high && square[0] == 1 && folded[0] == low);
}

static void test_masks(void) {
    vec x = tg_to_float(tg_lanes());
    ivec small = x < tg_splat(1);
    vec chosen = tg_select(small, tg_splat(7), x), ones = tg_mask_to_float(small);
    ivec ints = tg_select(tg_not(small), tg_lanes(), tg_splat_int(5)), counts = tg_mask_to_int(small);
    CU_ASSERT_TRUE(chosen[0] == 7 && chosen[1] == 1 && ones[0] == 1 && ones[1] == 0);
    CU_ASSERT_TRUE(ints[0] == 5 && ints[1] == 1 && counts[0] == 1 && counts[1] == 0);
    CU_ASSERT_TRUE(tg_select((real)3 < 4, (real)7, (real)8) == 7 && tg_not(0) == 1 && tg_not(1) == 0);
    CU_ASSERT_TRUE(tg_mask_to_float(1) == 1 && tg_mask_to_int(0) == 0);
    ivec t = tg_to_bool(x), u = tg_to_bool(tg_lanes()), w = tg_splat_mask(1);
    CU_ASSERT_TRUE(t[0] == 0 && t[1] == -1 && u[0] == 0 && u[1] == -1 && w[1] == -1);
    CU_ASSERT_TRUE(tg_to_bool((real)0.5) == 1 && tg_to_bool((lint)0) == 0);
    ivec cut = tg_to_int(tg_splat((real)-2.75));
    CU_ASSERT_TRUE(cut[0] == -2 && tg_to_int((real)-2.75) == -2 && tg_to_float((lint)-2) == -2);
    CU_ASSERT_TRUE(tg_to_int((real)3e9) == INT32_MAX && tg_to_int(-(real)3e9) == INT32_MIN &&
                   tg_to_int((real)NAN) == 0);
    CU_ASSERT_TRUE(tg_max(0, (real)0.5) == (real)0.5 && tg_select(1, 0, (real)0.5) == 0);
    CU_ASSERT_TRUE(tg_relu((real)-2) == 0 && tg_relu((real)2) == 2 && isnan(tg_relu((real)NAN)) &&
                   tg_relu((lint)-3) == 0);
    CU_ASSERT_TRUE(tg_any(small) && !tg_any(x < tg_splat(0)));
}

static void test_parts(void) {
    real from[LANES + 1], to[LANES + 1];
    int32_t ints[LANES + 1];
    uint8_t flags[LANES + 1];
    for (int n = 1; n < LANES; n++) {
        /* Heap blocks of just n elements: a sanitizer sees a touch past them. */
        real *block = malloc((size_t)n * sizeof *block);
        for (int i = 0; i < n; i++) block[i] = (real)(i + 1);
        vec v = tg_load_part(block, n);
        for (int i = 0; i < LANES; i++) CU_ASSERT_TRUE(v[i] == (i < n ? i + 1 : 0));
        tg_store_part(block, v + 1, n);
        for (int i = 0; i < n; i++) CU_ASSERT_TRUE(block[i] == i + 2);
        free(block);
        for (int i = 0; i <= LANES; i++) to[i] = -1, ints[i] = -1, flags[i] = 9;
        tg_store_part(to, tg_splat(3), n);
        tg_store_int_part(ints, tg_lanes(), n);
        tg_store_bool_part(flags, tg_lanes() > 0, n);
        for (int i = 0; i <= LANES; i++) {
            CU_ASSERT_TRUE(to[i] == (i < n ? 3 : -1));
            CU_ASSERT_EQUAL(ints[i], i < n ? i : -1);
            CU_ASSERT_EQUAL(flags[i], i < n ? i > 0 : 9);
        }
        ivec j = tg_load_int_part(ints, n), f = tg_load_bool_part(flags, n);
        for (int i = 0; i < LANES; i++) CU_ASSERT_TRUE(j[i] == (i < n ? i : 0) && f[i] == (i < n && i > 0 ? -1 : 0));
    }
    for (int i = 0; i <= LANES; i++) from[i] = (real)i;
    tg_stream(to, tg_load(from + 1));
    tg_store_int(ints, tg_load_int(ints) + 1);
    flags[0] = 1;
    tg_store_bool(flags, tg_not(tg_load_bool(flags)));
    CU_ASSERT_TRUE(to[0] == 1 && to[LANES - 1] == LANES && flags[0] == 0);
}

static void test_transpose(void) {
    enum { ROW_STRIDE = LANES + 3, TO_STRIDE = LANES + 5 };
    real from[LANES * ROW_STRIDE], to[LANES * TO_STRIDE];
    for (int i = 0; i < LANES * ROW_STRIDE; i++) from[i] = (real)i;
    for (int past = 0; past < 2; past++) {
        for (int i = 0; i < LANES * TO_STRIDE; i++) to[i] = -1;
        (past ? tg_transpose_stream : tg_transpose_block)(from, ROW_STRIDE, to, TO_STRIDE);
        tg_stream_end();
        for (int i = 0; i < LANES; i++)
            for (int j = 0; j < LANES; j++) CU_ASSERT_TRUE(to[j * TO_STRIDE + i] == from[i * ROW_STRIDE + j]);
        CU_ASSERT_TRUE(to[LANES] == -1);
    }
}

static void test_folds(void) {
    vec v = {0};
    real tree[LANES];
    for (int i = 0; i < LANES; i++) tree[i] = v[i] = (real)sin(i + 1) * (real)pow(10, i % 5);
    for (int half = LANES / 2; half; half /= 2)
        for (int i = 0; i < half; i++) tree[i] += tree[i + half];
    CU_ASSERT_TRUE(same_bits(tg_fold_add(v), tree[0]));
    v[LANES / 2] = 1e6, v[LANES - 1] = -1e6;
    CU_ASSERT_TRUE(tg_fold_max(v) == (LANES == 2 ? v[0] > -1e6 ? v[0] : -1e6 : 1e6) && tg_fold_min(v) == -1e6);
    v[0] = NAN;
    CU_ASSERT_TRUE(isnan(tg_fold_max(v)) && isnan(tg_fold_min(v)));
}

static void test_uniform(void) {
    int unequal = 0;
    double sum = 0, squares = 0;
    enum { COUNT = 65536 };
    for (int i = 0; i < COUNT; i += LANES) {
        vec v = tg_uniform(tg_lanes() + tg_splat_int(i), 5u, 17u, 0x80000001u);
        for (int l = 0; l < LANES; l++) {
            uint32_t key[2] = {17u, 0x80000001u}, counter[2] = {(uint32_t)(i + l), 5u}, out[2];
            tg_threefry(key, counter, out);
            if (v[l] != (real)((out[0] >> 8) * 0x1p-24) || v[l] != tg_uniform((lint)(i + l), 5u, 17u, 0x80000001u))
                unequal++;
            sum += v[l], squares += v[l] * v[l];
        }
    }
    CU_ASSERT_EQUAL(unequal, 0);
    CU_ASSERT_DOUBLE_EQUAL(sum / COUNT, 0.5, 0.005);
    CU_ASSERT_DOUBLE_EQUAL(squares / COUNT, 1.0 / 3, 0.005);
}

/* Whether this machine has what the file was compiled for. */
static int machine_fits(void) {
#if defined(__AVX512F__)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
#elif defined(__AVX2__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return 1;
#endif
}

int main(void) {
    if (!machine_fits()) {
        puts("skipped: this machine lacks the instructions");
        return 0;
    }
    CU_initialize_registry();
    CU_pSuite suite = CU_add_suite("vec", NULL, NULL);
    CU_ADD_TEST(suite, test_accuracy);
    CU_ADD_TEST(suite, test_sine_near_zeros);
    CU_ADD_TEST(suite, test_corners);
    CU_ADD_TEST(suite, test_integers);
    CU_ADD_TEST(suite, test_masks);
    CU_ADD_TEST(suite, test_parts);
    CU_ADD_TEST(suite, test_transpose);
    CU_ADD_TEST(suite, test_folds);
    CU_ADD_TEST(suite, test_uniform);
    CU_basic_run_tests();
    int failed = (int)CU_get_number_of_failures();
    CU_cleanup_registry();
    return failed != 0;
}
