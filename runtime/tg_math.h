/* tg_math.h: the elementary functions of kernels, over lanes and over single elements; included by tg_vec.h.
 *
 * In single precision each function is one vector text without branches: a range reduction and a polynomial fitted for
 * the least greatest relative error. A single element is lane 0 of the same text, so that the tail of a row has the
 * bits its lanes would have had. Errors, in units of the last place: exp 2, gelu 5, the others 4; derivatives that have
 * a zero in those of their greatest term; gelu_tanh(x) and its derivative for x < 0 more by the factor 1 + |u|, u being
 * the exponent; results below the smallest normal number are right to 2^-140. pow and mod, and sin and cos far from 0,
 * are libm's, lane by lane.
 * No sum here has two products for terms: which of them a compiler fuses with the sum must not depend on the place.
 * In double precision everything is libm's: that is the oracle, not the product.
 *
 *     tg_exp(vec) -> tg_exp_lanes    tg_exp(real) -> tg_exp_single, the same bits
 */
#ifndef TG_MATH_H
#define TG_MATH_H

/* The single form of a function of lanes, and the form of lanes of a single function. */
#define TG_SINGLE(name)                                                                                                \
    TG_INLINE real name##_single(real x) {                                                                             \
        vec v = name##_lanes(tg_splat(x));                                                                             \
        return v[0];                                                                                                   \
    }
#define TG_LANES(name)                                                                                                 \
    TG_INLINE vec name##_lanes(vec x) {                                                                                \
        for (int i = 0; i < LANES; i++) x[i] = name##_single(x[i]);                                                    \
        return x;                                                                                                      \
    }

/* One name for both, by the type of x or, lest `tg_max(0, x)` be taken for integers, of the sum of both arguments. */
/* clang-format off */
#define TG_EITHER(lanes, single, x) _Generic((x), vec: lanes, default: single) /* of a function of the user's */
#define TG_REAL(name, x)       _Generic((x), vec: name##_lanes, default: name##_single)(x)
#define TG_REAL2(name, x, y)   _Generic((x) + (y), vec: name##_lanes, default: name##_single)(x, y)
#define TG_NUMBER_OF(name, type) _Generic((type), vec: name##_lanes, ivec: name##_int_lanes, \
                                          float: name##_single, double: name##_single, default: name##_int)
#define TG_NUMBER(name, x)     TG_NUMBER_OF(name, x)(x)
#define TG_NUMBER2(name, x, y) TG_NUMBER_OF(name, (x) + (y))(x, y)

#define tg_exp(x)         TG_REAL(tg_exp, x)
#define tg_log(x)         TG_REAL(tg_log, x)         /* log(0) is -inf, below that NaN */
#define tg_sqrt(x)        TG_REAL(tg_sqrt, x)
#define tg_rsqrt(x)       TG_REAL(tg_rsqrt, x)       /* 1 / sqrt(x) */
#define tg_tanh(x)        TG_REAL(tg_tanh, x)
#define tg_sigmoid(x)     TG_REAL(tg_sigmoid, x)
#define tg_silu(x)        TG_REAL(tg_silu, x)        /* x sigmoid(x) */
#define tg_gelu(x)        TG_REAL(tg_gelu, x)        /* x Phi(x), Phi the normal distribution */
#define tg_d_gelu(x)      TG_REAL(tg_d_gelu, x)      /* its derivative */
#define tg_gelu_tanh(x)   TG_REAL(tg_gelu_tanh, x)   /* x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2 */
#define tg_d_gelu_tanh(x) TG_REAL(tg_d_gelu_tanh, x)
#define tg_erf(x)         TG_REAL(tg_erf, x)
#define tg_sin(x)         TG_REAL(tg_sin, x)
#define tg_cos(x)         TG_REAL(tg_cos, x)
#define tg_pow(x, y)      TG_REAL2(tg_pow, x, y)
#define tg_max(x, y)      TG_NUMBER2(tg_max, x, y)   /* NaN where either is */
#define tg_min(x, y)      TG_NUMBER2(tg_min, x, y)
#define tg_mod(x, y)      TG_NUMBER2(tg_mod, x, y)   /* with the sign of y; integers mod 0 give 0 */
#define tg_relu(x)        TG_NUMBER(tg_relu, x)
#define tg_abs(x)         TG_NUMBER(tg_abs, x)
#define TG_INT(name, x)   _Generic((x), ivec: name##_lanes, default: name##_single)
#define tg_plus(x, y)     TG_INT(tg_plus, x)(x, y)   /* of integers, which wrap at 32 bits */
#define tg_minus(x, y)    TG_INT(tg_minus, x)(x, y)
#define tg_times(x, y)    TG_INT(tg_times, x)(x, y)
#define tg_negative(x)    TG_INT(tg_negative, x)(x)
/* clang-format on */

#ifdef TG_DOUBLE
#define TG_LIBM(name) name
#else
#define TG_LIBM(name) name##f
#endif

/* ---- either precision ---- */

/* The greater of both, and the less; x where either is NaN. */
#if !defined(TG_DOUBLE) && TG_VEC_BYTES == 64 && TG_HAS(__builtin_ia32_maxps512)
#define TG_GREATER(x, y) __builtin_ia32_maxps512(y, x, 4)
#define TG_LESS(x, y)    __builtin_ia32_minps512(y, x, 4)
#elif !defined(TG_DOUBLE) && TG_VEC_BYTES == 32 && TG_HAS(__builtin_ia32_maxps256)
#define TG_GREATER(x, y) __builtin_ia32_maxps256(y, x)
#define TG_LESS(x, y)    __builtin_ia32_minps256(y, x)
#else
#define TG_GREATER(x, y) tg_select_reals(x < y, y, x)
#define TG_LESS(x, y)    tg_select_reals(x > y, y, x)
#endif
TG_INLINE vec tg_max_lanes(vec x, vec y) {
    return tg_select_reals(y != y, y, TG_GREATER(x, y));
}
TG_INLINE vec tg_min_lanes(vec x, vec y) {
    return tg_select_reals(y != y, y, TG_LESS(x, y));
}
TG_INLINE real tg_max_single(real x, real y) {
    return x < y || y != y ? y : x;
}
TG_INLINE real tg_min_single(real x, real y) {
    return x > y || y != y ? y : x;
}
TG_INLINE ivec tg_max_int_lanes(ivec x, ivec y) {
    return tg_select_ints(x < y, y, x);
}
TG_INLINE ivec tg_min_int_lanes(ivec x, ivec y) {
    return tg_select_ints(x > y, y, x);
}
TG_INLINE lint tg_max_int(lint x, lint y) {
    return x < y ? y : x;
}
TG_INLINE lint tg_min_int(lint x, lint y) {
    return x > y ? y : x;
}

TG_INLINE vec tg_relu_lanes(vec x) {
    return (vec)(~(x <= 0) & (ivec)x);
}
TG_INLINE real tg_relu_single(real x) {
    return x <= 0 ? 0 : x;
}
TG_INLINE ivec tg_relu_int_lanes(ivec x) {
    return (x > 0) & x;
}
TG_INLINE lint tg_relu_int(lint x) {
    return x > 0 ? x : 0;
}

/* Integers wrap at 32 bits, whatever a lane has. */
TG_INLINE ivec tg_wrap_lanes(tg_bits x) {
    return __builtin_convertvector(__builtin_convertvector(x, tg_ints), ivec);
}
TG_INLINE lint tg_wrap_single(tg_bits1 x) {
    return (int32_t)x;
}
/* clang-format off */
#define TG_WRAPPING(name, sign)                                                                                        \
    TG_INLINE ivec name##_lanes(ivec x, ivec y) { return tg_wrap_lanes((tg_bits)x sign (tg_bits)y); }                  \
    TG_INLINE lint name##_single(lint x, lint y) { return tg_wrap_single((tg_bits1)x sign (tg_bits1)y); }
/* clang-format on */
TG_WRAPPING(tg_plus, +)
TG_WRAPPING(tg_minus, -)
TG_WRAPPING(tg_times, *)
TG_INLINE ivec tg_negative_lanes(ivec x) {
    return tg_minus_lanes((ivec){0}, x);
}
TG_INLINE lint tg_negative_single(lint x) {
    return tg_minus_single(0, x);
}

TG_INLINE vec tg_abs_lanes(vec x) {
    return (vec)((tg_bits)x & ~(tg_bits)tg_splat(-(real)0));
}
TG_INLINE ivec tg_abs_int_lanes(ivec x) {
    return tg_select_ints(x < 0, tg_negative_lanes(x), x);
}
TG_INLINE lint tg_abs_int(lint x) {
    return x < 0 ? tg_negative_single(x) : x;
}
TG_SINGLE(tg_abs)

TG_INLINE vec tg_sqrt_lanes(vec x) {
#if TG_HAS(__builtin_elementwise_sqrt)
    return __builtin_elementwise_sqrt(x);
#elif defined(__AVX__) && defined(TG_DOUBLE)
    __asm__("vsqrtpd %1, %0" : "=v"(x) : "v"(x));
    return x;
#elif defined(__AVX__)
    __asm__("vsqrtps %1, %0" : "=v"(x) : "v"(x));
    return x;
#elif defined(__SSE2__) && TG_VEC_BYTES == 16 && defined(TG_DOUBLE)
    __asm__("sqrtpd %1, %0" : "=x"(x) : "x"(x));
    return x;
#elif defined(__SSE2__) && TG_VEC_BYTES == 16
    __asm__("sqrtps %1, %0" : "=x"(x) : "x"(x));
    return x;
#else
    for (int i = 0; i < LANES; i++) x[i] = TG_LIBM(sqrt)(x[i]);
    return x;
#endif
}
TG_SINGLE(tg_sqrt)
TG_INLINE vec tg_rsqrt_lanes(vec x) {
    return 1 / tg_sqrt_lanes(x);
}
TG_SINGLE(tg_rsqrt)

TG_INLINE real tg_pow_single(real x, real y) {
    return TG_LIBM(pow)(x, y);
}
TG_INLINE vec tg_pow_lanes(vec x, vec y) {
    for (int i = 0; i < LANES; i++) x[i] = tg_pow_single(x[i], y[i]);
    return x;
}

TG_INLINE real tg_mod_single(real x, real y) {
    real rest = TG_LIBM(fmod)(x, y);
    return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}
TG_INLINE vec tg_mod_lanes(vec x, vec y) {
    for (int i = 0; i < LANES; i++) x[i] = tg_mod_single(x[i], y[i]);
    return x;
}
TG_INLINE lint tg_mod_int(lint x, lint y) {
    if (y == 0 || y == -1) return 0;
    lint rest = x % y;
    return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}
TG_INLINE ivec tg_mod_int_lanes(ivec x, ivec y) {
    for (int i = 0; i < LANES; i++) x[i] = tg_mod_int(x[i], y[i]);
    return x;
}

/* ---- random numbers ---- */

/* Four rounds of Threefry-2x32: add, rotate, exclusive or. */
#define TG_THREEFRY_ROUND(turn) a += b, b = (b << (turn)) | (b >> (32 - (turn))), b ^= a
#define TG_THREEFRY_ROUNDS(r0, r1, r2, r3, add_a, add_b)                                                               \
    TG_THREEFRY_ROUND(r0), TG_THREEFRY_ROUND(r1), TG_THREEFRY_ROUND(r2), TG_THREEFRY_ROUND(r3), a += (add_a),          \
        b += (add_b)

/* Reals in [0, 1): the top 24 bits of word 0 of Threefry-2x32-20 at the counter (element, site), as tg_threefry. */
TG_INLINE vec tg_uniform_lanes(ivec element, uint32_t site, uint32_t key0, uint32_t key1) {
    uint32_t key2 = 0x1BD11BDAu ^ key0 ^ key1;
    tg_words a = __builtin_convertvector((tg_bits)element, tg_words) + key0, b = (tg_words){0} + (site + key1);
    TG_THREEFRY_ROUNDS(13, 15, 26, 6, key1, key2 + 1);
    TG_THREEFRY_ROUNDS(17, 29, 16, 24, key2, key0 + 2);
    TG_THREEFRY_ROUNDS(13, 15, 26, 6, key0, key1 + 3);
    TG_THREEFRY_ROUNDS(17, 29, 16, 24, key1, key2 + 4);
    TG_THREEFRY_ROUNDS(13, 15, 26, 6, key2, key0 + 5);
    return __builtin_convertvector((tg_ints)(a >> 8), vec) * (real)0x1p-24;
}
TG_INLINE real tg_uniform_single(lint element, uint32_t site, uint32_t key0, uint32_t key1) {
    vec v = tg_uniform_lanes(tg_splat_int(element), site, key0, key1);
    return v[0];
}
#define tg_uniform(element, site, key0, key1)                                                                          \
    _Generic((element), ivec : tg_uniform_lanes, default : tg_uniform_single)(element, site, key0, key1)

#ifdef TG_DOUBLE

/* ---- double precision: libm ---- */

TG_INLINE real tg_exp_single(real x) {
    return exp(x);
}
TG_INLINE real tg_log_single(real x) {
    return log(x);
}
TG_INLINE real tg_tanh_single(real x) {
    return tanh(x);
}
TG_INLINE real tg_erf_single(real x) {
    return erf(x);
}
TG_INLINE real tg_sin_single(real x) {
    return sin(x);
}
TG_INLINE real tg_cos_single(real x) {
    return cos(x);
}
TG_INLINE real tg_sigmoid_single(real x) {
    real e = exp(-fabs(x));
    return x < 0 ? e / (1 + e) : 1 / (1 + e);
}
TG_INLINE real tg_silu_single(real x) {
    return x < -800 ? -(real)0 : x * tg_sigmoid_single(x);
}

TG_INLINE real tg_gelu_single(real x) {
    return x < -40 ? -(real)0 : x * 0.5 * erfc(-0.70710678118654752440 * x);
}
TG_INLINE real tg_d_gelu_single(real x) {
    if (x < -40 || x > 40) return x > 0;
    return 0.5 * erfc(-0.70710678118654752440 * x) + x * 0.39894228040143267794 * exp(-0.5 * x * x);
}

/* Twice the argument of the tanh: 2 sqrt(2/pi) (x + 0.044715 x^3). */
TG_INLINE real tg_gelu_inner(real x) {
    return x * (1.59576912160573071176 + 0.07135481627260024878 * (x * x));
}
TG_INLINE real tg_gelu_tanh_single(real x) {
    return x < -40 ? -(real)0 : x * tg_sigmoid_single(tg_gelu_inner(x));
}
TG_INLINE real tg_d_gelu_tanh_single(real x) {
    if (x < -40 || x > 40) return x > 0;
    real slope = 1.59576912160573071176 + 3 * 0.07135481627260024878 * (x * x);
    real u = tg_gelu_inner(x);
    return tg_sigmoid_single(u) * (1 + x * slope * tg_sigmoid_single(-u));
}

TG_LANES(tg_exp)
TG_LANES(tg_log)
TG_LANES(tg_tanh)
TG_LANES(tg_erf)
TG_LANES(tg_sin)
TG_LANES(tg_cos)
TG_LANES(tg_sigmoid)
TG_LANES(tg_silu)
TG_LANES(tg_gelu)
TG_LANES(tg_d_gelu)
TG_LANES(tg_gelu_tanh)
TG_LANES(tg_d_gelu_tanh)

#else

/* ---- single precision: polynomials ---- */

/* Adding this and taking it away again rounds to the nearest integer; its low bits then hold that integer. */
#define TG_ROUNDER 12582912.0f

/* p 2^n, n = rounded - TG_ROUNDER; 2^n in two factors, so that overflow and the numbers below the smallest normal one
 * come out right. */
TG_INLINE vec tg_scale(vec p, vec rounded) {
#if TG_VEC_BYTES == 64 && TG_HAS(__builtin_ia32_scalefps512_mask)
    return __builtin_ia32_scalefps512_mask(p, rounded - TG_ROUNDER, p, (unsigned short)-1, 4 /* rounds as set */);
#else
    ivec power = (ivec)rounded - 0x4B400000, half = power >> 1;
    return p * (vec)((half + 127) << 23) * (vec)((power - half + 127) << 23);
#endif
}

/* x within what exp can tell from 0 and infinity. */
TG_INLINE vec tg_exp_bound(vec x) {
    x = tg_select_reals(x > 90, tg_splat(90), x);
    return tg_select_reals(x < -150, tg_splat(-150), x);
}

/* e^r 2^n for a small r. */
TG_INLINE vec tg_exp_small(vec r, vec rounded) {
    vec p = 1.979006192e-04f * r + 1.394494320e-03f;
    p = p * r + 8.333498612e-03f;
    p = p * r + 4.166629165e-02f;
    p = p * r + 1.666666567e-01f;
    p = p * r + 0.5f;
    return tg_scale(1 + (r + p * (r * r)), rounded);
}

/* exp(high + low) for a small low, |low| < 1 where high is not: with n the integer nearest to high / ln 2 and r the
 * rest, e^r 2^n. */
TG_INLINE vec tg_exp_sum(vec high, vec low) {
    high = tg_exp_bound(high);
    vec rounded = high * 1.44269504f + TG_ROUNDER, n = rounded - TG_ROUNDER;
    return tg_exp_small(((high - n * 0.693359375f) + low) + n * 2.12194440e-4f, rounded);
}

TG_INLINE vec tg_exp_lanes(vec x) {
    x = tg_exp_bound(x);
    vec rounded = x * 1.44269504f + TG_ROUNDER, n = rounded - TG_ROUNDER;
    return tg_exp_small((x - n * 0.693359375f) + n * 2.12194440e-4f, rounded);
}

/* x = m 2^e with m in [sqrt(1/2), sqrt(2)) and f = m - 1: e ln 2 + f - f^2/2 + f^3 P(f). */
TG_INLINE vec tg_log_lanes(vec x) {
    ivec tiny = x < 1.17549435e-38f;
    vec scaled = tg_select_reals(tiny, x * 8388608.0f, x);
    tg_bits bits = (tg_bits)scaled - 0x3F3504F3u;
    vec e = __builtin_convertvector(((ivec)bits >> 23) - (tiny & 23), vec);
    vec f = (vec)((bits & 0x7FFFFFu) + 0x3F3504F3u) - 1;
    vec p = 6.746640801e-02f * f - 1.167565212e-01f;
    p = p * f + 1.188816205e-01f;
    p = p * f - 1.240558922e-01f;
    p = p * f + 1.421955228e-01f;
    p = p * f - 1.666799635e-01f;
    p = p * f + 2.000211924e-01f;
    p = p * f - 2.500000894e-01f;
    p = p * f + 3.333331347e-01f;
    vec y = ((f * f) * (p * f - 0.5f) + (f - e * 2.12194440e-4f)) + e * 0.693359375f;
    y = tg_select_reals(x < INFINITY, y, x);
    y = tg_select_reals(x == 0, tg_splat(-INFINITY), y);
    return tg_select_reals(x < 0, tg_splat(NAN), y);
}

/* Near 0 an odd polynomial, else 1 - 2 / (exp(2x) + 1). */
TG_INLINE vec tg_tanh_lanes(vec x) {
    vec size = tg_abs_lanes(x), z = x * x;
    vec p = 2.147539984e-03f * z - 8.182677440e-03f;
    p = p * z + 2.170296945e-02f;
    p = p * z - 5.394720286e-02f;
    p = p * z + 1.333321035e-01f;
    p = p * z - 3.333333135e-01f;
    vec near = x + x * (z * p);
    vec far = 1 - 2 / (tg_exp_lanes(2 * size) + 1);
    vec y = tg_select_reals(size < 0.625f, near, far);
    return (vec)((tg_bits)y | ((tg_bits)x & 0x80000000u));
}

TG_INLINE vec tg_sigmoid_lanes(vec x) {
    vec e = tg_exp_lanes(-tg_abs_lanes(x)), s = 1 / (1 + e);
    return tg_select_reals(x < 0, e * s, s);
}

TG_INLINE vec tg_silu_lanes(vec x) {
    return tg_max_lanes(x, tg_splat(-110)) * tg_sigmoid_lanes(x);
}

/* exp(-x^2 / 2), the square taken in two parts, the first of them exact, lest its rounding show in the tail. */
TG_INLINE vec tg_bell(vec x) {
    vec top = (vec)((tg_bits)x & 0xFFFFF000u);
    return tg_exp_sum(-0.5f * (top * top), -0.5f * ((x - top) * (x + top)));
}

/* Phi(-x) exp(x^2 / 2) / u for 0 <= x <= 16, as a polynomial in u = 1 / (1 + 3x/8). */
TG_INLINE vec tg_mills(vec u) {
    vec p = 8.756345138e-03f * u - 2.784422971e-02f;
    p = p * u - 1.574663073e-02f;
    p = p * u + 1.806367636e-01f;
    p = p * u - 2.799195051e-01f;
    p = p * u + 1.323121339e-01f;
    p = p * u - 2.417803369e-02f;
    p = p * u + 1.000658572e-01f;
    p = p * u + 1.265481561e-01f;
    p = p * u + 1.497718394e-01f;
    return p * u + 1.495973170e-01f;
}

/* Phi(-x). */
TG_INLINE vec tg_normal_tail(vec x) {
    vec u = 1 / (1 + 0.375f * x);
    return tg_bell(x) * (u * tg_mills(u));
}

/* |x|, but at most 16: past that the normal distribution is 0 or 1. */
TG_INLINE vec tg_size_to_16(vec x) {
    return tg_min_lanes(tg_abs_lanes(x), tg_splat(16));
}

/* x Phi(x): Phi near 0 is 1/2 and an odd polynomial. */
TG_INLINE vec tg_gelu_lanes(vec x) {
    vec size = tg_size_to_16(x), z = size * size;
    vec p = -7.692970939e-06f * z + 1.135897983e-04f;
    p = p * z - 1.186429290e-03f;
    p = p * z + 9.973364882e-03f;
    p = p * z - 6.649036705e-02f;
    vec near = x * (0.5f + x * (0.398942280f + z * p));
    vec tail = tg_normal_tail(size);
    vec far = tg_select_reals(x < 0, -size * tail, x * (1 - tail));
    return tg_select_reals(size < 1, near, far);
}

/* Phi(x) + x phi(x). */
TG_INLINE vec tg_d_gelu_lanes(vec x) {
    vec size = tg_size_to_16(x), z = size * size;
    vec p = -8.920112305e-05f * z + 1.129078213e-03f;
    p = p * z - 9.486352094e-03f;
    p = p * z + 5.983871967e-02f;
    p = p * z - 2.659613490e-01f;
    vec near = 0.5f + x * (0.797884561f + z * p);
    vec d = 1 + 0.375f * size, u = 1 / d;
    vec tail = tg_bell(size) * (u * (tg_mills(u) - (0.398942280f * size) * d));
    vec far = tg_select_reals(x < 0, tail, 1 - tail);
    return tg_select_reals(size < 1, near, far);
}

/* Near 0 an odd polynomial, else 1 - 2 Phi(-sqrt(2) x). */
TG_INLINE vec tg_erf_lanes(vec x) {
    vec size = tg_abs_lanes(x), z = x * x;
    vec p = 7.933117013e-05f * z - 8.035034407e-04f;
    p = p * z + 5.191292148e-03f;
    p = p * z - 2.685548365e-02f;
    p = p * z + 1.128363013e-01f;
    p = p * z - 3.761263192e-01f;
    vec near = x + x * (0.128379167f + z * p);
    vec y = tg_size_to_16(size * 1.41421356f);
    vec far = 1 - 2 * tg_normal_tail(y);
    far = (vec)((tg_bits)far | ((tg_bits)x & 0x80000000u));
    return tg_select_reals(size < 1, near, far);
}

/* gelu_tanh(x) = x sigmoid(u), u = 2 sqrt(2/pi) (x + 0.044715 x^3). */
TG_INLINE vec tg_gelu_tanh_lanes(vec x) {
    vec c = tg_max_lanes(x, tg_splat(-16));
    vec d = tg_min_lanes(c, tg_splat(16));
    return c * tg_sigmoid_lanes(d * (1.59576912f + 0.0713548163f * (d * d)));
}

TG_INLINE vec tg_d_gelu_tanh_lanes(vec x) {
    vec c = tg_min_lanes(tg_max_lanes(x, tg_splat(-16)), tg_splat(16)), z = c * c;
    vec u = c * (1.59576912f + 0.0713548163f * z), slope = 1.59576912f + 0.214064449f * z;
    vec e = tg_exp_lanes(-tg_abs_lanes(u)), large = 1 / (1 + e), small = e * large;
    vec s = tg_select_reals(u < 0, small, large), rest = tg_select_reals(u < 0, large, small);
    return s * (1 + c * slope * rest);
}

/* The sine of x + quarter * pi/2. x = n pi/2 + r, pi/2 in four parts whose first three have 12 bits or fewer, so that
 * their products with n are exact. */
TG_INLINE vec tg_sine(vec x, int quarter) {
    vec rounded = x * 0.636619772f + TG_ROUNDER, n = rounded - TG_ROUNDER;
    vec r = ((x - n * 1.5703125f) - n * 4.8375129699707031e-4f) - n * 7.5495336204767227e-8f;
    r = r - n * 2.5633440682570896e-12f;
    ivec turn = (ivec)rounded + quarter;
    vec z = r * r;
    vec s = (2.718088354e-06f * z - 1.983931143e-04f) * z + 8.333329111e-03f;
    s = r + r * (z * (s * z - 1.666666716e-01f));
    vec c = (2.443092308e-05f * z - 1.388729666e-03f) * z + 4.166664556e-02f;
    c = (1 - 0.5f * z) + c * (z * z);
    vec y = tg_select_reals((turn & 1) != 0, c, s);
    return (vec)((tg_bits)y ^ ((tg_bits)(turn & 2) << 30));
}

/* The reduction above holds while n has 12 bits; beyond, and for NaN, libm answers. */
TG_INLINE vec tg_sin_lanes(vec x) {
    ivec near = tg_abs_lanes(x) <= 6000;
    vec y = tg_sine(x, 0);
    if (tg_any(~near))
        for (int i = 0; i < LANES; i++) y[i] = near[i] ? y[i] : sinf(x[i]);
    return y;
}

TG_INLINE vec tg_cos_lanes(vec x) {
    ivec near = tg_abs_lanes(x) <= 6000;
    vec y = tg_sine(x, 1);
    if (tg_any(~near))
        for (int i = 0; i < LANES; i++) y[i] = near[i] ? y[i] : cosf(x[i]);
    return y;
}

TG_SINGLE(tg_exp)
TG_SINGLE(tg_log)
TG_SINGLE(tg_tanh)
TG_SINGLE(tg_erf)
TG_SINGLE(tg_sin)
TG_SINGLE(tg_cos)
TG_SINGLE(tg_sigmoid)
TG_SINGLE(tg_silu)
TG_SINGLE(tg_gelu)
TG_SINGLE(tg_d_gelu)
TG_SINGLE(tg_gelu_tanh)
TG_SINGLE(tg_d_gelu_tanh)

#endif
#endif
