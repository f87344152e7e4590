/* tg_vec.h: what kernels compute with: lanes, their memory, masks, folds and transposes; tg_math.h adds the functions.
 *
 * Included by generated C after `#define TG_VEC_BYTES 64` (or 32, 16: never more than the target has) and, for a
 * model in double precision, `#define TG_DOUBLE`. One text serves lanes and single elements, because both share C's
 * operators and the functions here choose by the type of their first argument:
 *
 *     vec  h = tg_load(x + d);  h = tg_max(h * s, z);  tg_store(y + d, h);       LANES elements
 *     real h = x[d];            h = tg_max(h * s, z);  y[d] = h;                 one element, the same bits
 *
 * All arguments of a call are lanes or all are single; only the mask's kind decides in tg_select and tg_not.
 * A mask over lanes has all bits set where true; a single mask is an int, 0 or 1, as C's comparisons give it. Both
 * combine by & | and tg_not. GNU vectors are the only extension needed; special instructions are used under
 * __has_builtin, with plain text beside them.
 */
#ifndef TG_VEC_H
#define TG_VEC_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define TG_INLINE static inline __attribute__((always_inline, unused))

#ifdef __has_builtin
#define TG_HAS(builtin) __has_builtin(builtin)
#else
#define TG_HAS(builtin) 0
#endif

#if (TG_VEC_BYTES > 16 && !defined(__AVX2__)) || (TG_VEC_BYTES > 32 && !defined(__AVX512F__))
#error "written for wider vectors than the compiler was told of: use the line at the head of the file"
#endif

/* ---- hints ---- */

#define TG_RESTRICT  __restrict__
#define TG_PRAGMA(x) _Pragma(#x)
#ifdef __clang__
#define TG_UNROLL(n)   TG_PRAGMA(clang loop unroll_count(n)) /* before a loop: n turns at a time */
#define TG_UNROLL_FULL TG_PRAGMA(clang loop unroll(full))    /* a loop of few turns, all of them */
#define TG_NO_UNROLL   TG_PRAGMA(clang loop unroll(disable))
#else
#define TG_UNROLL(n)   TG_PRAGMA(GCC unroll n)
#define TG_UNROLL_FULL TG_PRAGMA(GCC unroll 64)
#define TG_NO_UNROLL   TG_PRAGMA(GCC unroll 1)
#endif
/* Around the condition of a loop that turns often: clang then keeps in registers what it needs, and not the constants
 * of the loops beside it. gcc does so unasked, and worse when told. */
#ifdef __clang__
#define TG_LIKELY(condition) __builtin_expect(condition, 1)
#else
#define TG_LIKELY(condition) (condition)
#endif

/* ---- types ---- */

#ifdef TG_DOUBLE
typedef double real;
typedef uint64_t tg_bits1;
enum { LANES = TG_VEC_BYTES / 8 };
#else
typedef float real;
typedef uint32_t tg_bits1;
enum { LANES = TG_VEC_BYTES / 4 };
#endif
typedef real vec __attribute__((vector_size(TG_VEC_BYTES)));
/* One lane of an ivec: what a comparison gives, for 64 bits `long` with gcc and `long long` with clang, which _Generic
 * tells apart. */
typedef __typeof__(((vec){0} < (vec){0})[0]) lint;
typedef lint ivec __attribute__((vector_size(TG_VEC_BYTES))); /* integers, and masks */
typedef tg_bits1 tg_bits __attribute__((vector_size(TG_VEC_BYTES)));
/* LANES elements as they lie in memory, and as random bits. */
typedef int32_t tg_ints __attribute__((vector_size(4 * LANES)));
typedef uint32_t tg_words __attribute__((vector_size(4 * LANES)));
typedef uint8_t tg_bytes __attribute__((vector_size(LANES)));

/* ---- making lanes ---- */

TG_INLINE vec tg_splat(real x) {
    return x - (vec){0};
}
TG_INLINE ivec tg_splat_int(lint x) {
    return x - (ivec){0};
}
TG_INLINE ivec tg_splat_mask(int mask) {
    return tg_splat_int(mask ? -1 : 0);
}

/* 0, 1, 2, … */
TG_INLINE ivec tg_lanes(void) {
    ivec v = {0};
    TG_UNROLL_FULL
    for (int i = 0; i < LANES; i++) v[i] = i;
    return v;
}

/* ---- loads and stores: no alignment is asked for; the _part forms touch n elements only, 0 < n < LANES ---- */

TG_INLINE vec tg_load(const real *from) {
    vec v;
    __builtin_memcpy(&v, from, sizeof v);
    return v;
}

TG_INLINE void tg_store(real *to, vec v) {
    __builtin_memcpy(to, &v, sizeof v);
}

#if !defined(TG_DOUBLE) && TG_VEC_BYTES == 64 && TG_HAS(__builtin_ia32_loadups512_mask)
TG_INLINE vec tg_load_part(const real *from, int n) {
    return __builtin_ia32_loadups512_mask(from, (vec){0}, (unsigned short)((1u << n) - 1));
}
TG_INLINE void tg_store_part(real *to, vec v, int n) {
    __builtin_ia32_storeups512_mask(to, v, (unsigned short)((1u << n) - 1));
}
#elif !defined(TG_DOUBLE) && TG_VEC_BYTES == 32 && TG_HAS(__builtin_ia32_maskloadps256)
TG_INLINE vec tg_load_part(const real *from, int n) {
    return __builtin_ia32_maskloadps256((const vec *)from, tg_lanes() < tg_splat_int(n));
}
TG_INLINE void tg_store_part(real *to, vec v, int n) {
    __builtin_ia32_maskstoreps256((vec *)to, tg_lanes() < tg_splat_int(n), v);
}
#else
TG_INLINE vec tg_load_part(const real *from, int n) {
    vec v = {0};
    __builtin_memcpy(&v, from, (size_t)n * sizeof *from);
    return v;
}
TG_INLINE void tg_store_part(real *to, vec v, int n) {
    __builtin_memcpy(to, &v, (size_t)n * sizeof *to);
}
#endif

/* Asks for the line of memory that `at` lies in, which will be read and written. */
#if TG_HAS(__builtin_prefetch)
#define tg_prefetch(at) __builtin_prefetch(at, 1)
#else
#define tg_prefetch(at) ((void)(at))
#endif
/* Asks for a line that will be read, by the time it comes to that from the second cache. */
#if TG_HAS(__builtin_prefetch)
#define tg_prefetch_l2(at) __builtin_prefetch(at, 0, 2)
#else
#define tg_prefetch_l2(at) ((void)(at))
#endif

/* Past the caches where the place is aligned: for results that are not read again soon. */
TG_INLINE void tg_stream(real *to, vec v) {
#if TG_HAS(__builtin_nontemporal_store)
    if ((uintptr_t)to % sizeof v == 0) {
        __builtin_nontemporal_store(v, (vec *)to);
        return;
    }
#elif !defined(TG_DOUBLE) && TG_VEC_BYTES == 64 && TG_HAS(__builtin_ia32_movntps512)
    if ((uintptr_t)to % sizeof v == 0) {
        __builtin_ia32_movntps512(to, v);
        return;
    }
#elif !defined(TG_DOUBLE) && TG_VEC_BYTES == 32 && TG_HAS(__builtin_ia32_movntps256)
    if ((uintptr_t)to % sizeof v == 0) {
        __builtin_ia32_movntps256(to, v);
        return;
    }
#endif
    tg_store(to, v);
}

/* What was streamed is seen by whoever sees what is stored after this. */
TG_INLINE void tg_stream_end(void) {
#if defined(__x86_64__)
    __builtin_ia32_sfence();
#endif
}

TG_INLINE ivec tg_load_int(const int32_t *from) {
    tg_ints v;
    __builtin_memcpy(&v, from, sizeof v);
    return __builtin_convertvector(v, ivec);
}

TG_INLINE ivec tg_load_int_part(const int32_t *from, int n) {
    tg_ints v = {0};
    __builtin_memcpy(&v, from, (size_t)n * sizeof *from);
    return __builtin_convertvector(v, ivec);
}

TG_INLINE void tg_store_int(int32_t *to, ivec x) {
    tg_ints v = __builtin_convertvector(x, tg_ints);
    __builtin_memcpy(to, &v, sizeof v);
}

TG_INLINE void tg_store_int_part(int32_t *to, ivec x, int n) {
    tg_ints v = __builtin_convertvector(x, tg_ints);
    __builtin_memcpy(to, &v, (size_t)n * sizeof *to);
}

TG_INLINE ivec tg_load_bool(const uint8_t *from) {
    tg_bytes v;
    __builtin_memcpy(&v, from, sizeof v);
    return __builtin_convertvector(v, ivec) != 0;
}

TG_INLINE ivec tg_load_bool_part(const uint8_t *from, int n) {
    tg_bytes v = {0};
    __builtin_memcpy(&v, from, (size_t)n);
    return __builtin_convertvector(v, ivec) != 0;
}

TG_INLINE void tg_store_bool(uint8_t *to, ivec mask) {
    tg_bytes v = __builtin_convertvector(mask & 1, tg_bytes);
    __builtin_memcpy(to, &v, sizeof v);
}

TG_INLINE void tg_store_bool_part(uint8_t *to, ivec mask, int n) {
    tg_bytes v = __builtin_convertvector(mask & 1, tg_bytes);
    __builtin_memcpy(to, &v, (size_t)n);
}

/* ---- masks ---- */

/* a where the mask is true, else b; a and b are both reals, both integers or both masks. */
TG_INLINE ivec tg_select_ints(ivec mask, ivec a, ivec b) {
    return (mask & a) | (~mask & b);
}
TG_INLINE vec tg_select_reals(ivec mask, vec a, vec b) {
    return (vec)((mask & (ivec)a) | (~mask & (ivec)b));
}
TG_INLINE real tg_select_real(lint mask, real a, real b) {
    return mask ? a : b;
}
TG_INLINE lint tg_select_int(lint mask, lint a, lint b) {
    return mask ? a : b;
}
/* clang-format off */
#define tg_select(mask, a, b)                                                      \
    _Generic((a) + (b), vec: tg_select_reals, ivec: tg_select_ints,                \
             float: tg_select_real, double: tg_select_real, default: tg_select_int)(mask, a, b)
/* clang-format on */

TG_INLINE ivec tg_not_lanes(ivec mask) {
    return ~mask;
}
TG_INLINE int tg_not_single(lint mask) {
    return !mask;
}
#define tg_not(mask) _Generic((mask), ivec : tg_not_lanes, default : tg_not_single)(mask)

/* Whether the mask is true in any lane. */
TG_INLINE int tg_any(ivec mask) {
    lint any = 0;
    TG_UNROLL_FULL
    for (int i = 0; i < LANES; i++) any |= mask[i];
    return any != 0;
}

/* ---- conversions ---- */

TG_INLINE vec tg_to_float_lanes(ivec x) {
    return __builtin_convertvector(x, vec);
}
TG_INLINE real tg_to_float_single(lint x) {
    return (real)x;
}
#define tg_to_float(x) _Generic((x), ivec : tg_to_float_lanes, default : tg_to_float_single)(x)

/* Toward zero; what lies outside 32 bits gives the nearest integer there is, NaN gives 0. */
TG_INLINE ivec tg_to_int_lanes(vec x) {
    ivec low = x <= (real)INT32_MIN, high = x >= -(real)INT32_MIN;
    ivec cut = __builtin_convertvector((vec)(~(low | high | (x != x)) & (ivec)x), ivec);
    return cut | (low & INT32_MIN) | (high & INT32_MAX);
}
TG_INLINE lint tg_to_int_single(real x) {
    ivec v = tg_to_int_lanes(tg_splat(x));
    return v[0];
}
#define tg_to_int(x) _Generic((x), vec : tg_to_int_lanes, default : tg_to_int_single)(x)

TG_INLINE ivec tg_real_to_bool_lanes(vec x) {
    return x != 0;
}
TG_INLINE ivec tg_int_to_bool_lanes(ivec x) {
    return x != 0;
}
TG_INLINE int tg_real_to_bool_single(real x) {
    return x != 0;
}
TG_INLINE int tg_int_to_bool_single(lint x) {
    return x != 0;
}
/* clang-format off */
#define tg_to_bool(x)                                                              \
    _Generic((x), vec: tg_real_to_bool_lanes, ivec: tg_int_to_bool_lanes,          \
             float: tg_real_to_bool_single, double: tg_real_to_bool_single, default: tg_int_to_bool_single)(x)
/* clang-format on */

/* A mask as 0 or 1. */
TG_INLINE vec tg_mask_to_float_lanes(ivec mask) {
    return (vec)(mask & (ivec)tg_splat(1));
}
TG_INLINE real tg_mask_to_float_single(lint mask) {
    return mask ? 1 : 0;
}
#define tg_mask_to_float(mask) _Generic((mask), ivec : tg_mask_to_float_lanes, default : tg_mask_to_float_single)(mask)
TG_INLINE ivec tg_mask_to_int_lanes(ivec mask) {
    return mask & 1;
}
TG_INLINE lint tg_mask_to_int_single(lint mask) {
    return mask != 0;
}
#define tg_mask_to_int(mask) _Generic((mask), ivec : tg_mask_to_int_lanes, default : tg_mask_to_int_single)(mask)

/* ---- interleaving: zip_low of a0 a1 a2 a3 and b0 b1 b2 b3 is a0 b0 a1 b1, zip_high is a2 b2 a3 b3 ---- */

#if TG_HAS(__builtin_shufflevector) && defined(TG_DOUBLE) && TG_VEC_BYTES == 16
#define TG_ZIP_LOW  0, 2
#define TG_ZIP_HIGH 1, 3
#elif TG_HAS(__builtin_shufflevector) &&                                                                               \
    ((defined(TG_DOUBLE) && TG_VEC_BYTES == 32) || (!defined(TG_DOUBLE) && TG_VEC_BYTES == 16))
#define TG_ZIP_LOW  0, 4, 1, 5
#define TG_ZIP_HIGH 2, 6, 3, 7
#elif TG_HAS(__builtin_shufflevector) &&                                                                               \
    ((defined(TG_DOUBLE) && TG_VEC_BYTES == 64) || (!defined(TG_DOUBLE) && TG_VEC_BYTES == 32))
#define TG_ZIP_LOW  0, 8, 1, 9, 2, 10, 3, 11
#define TG_ZIP_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#elif TG_HAS(__builtin_shufflevector) && !defined(TG_DOUBLE) && TG_VEC_BYTES == 64
#define TG_ZIP_LOW  0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define TG_ZIP_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#endif

#ifdef TG_ZIP_LOW
TG_INLINE vec tg_zip_low(vec a, vec b) {
    return __builtin_shufflevector(a, b, TG_ZIP_LOW);
}
TG_INLINE vec tg_zip_high(vec a, vec b) {
    return __builtin_shufflevector(a, b, TG_ZIP_HIGH);
}
#else
TG_INLINE vec tg_zip_from(vec a, vec b, int first) {
    vec v = a;
    for (int i = 0; i < LANES; i++) v[i] = i % 2 ? b[first + i / 2] : a[first + i / 2];
    return v;
}
TG_INLINE vec tg_zip_low(vec a, vec b) {
    return tg_zip_from(a, b, 0);
}
TG_INLINE vec tg_zip_high(vec a, vec b) {
    return tg_zip_from(a, b, LANES / 2);
}
#endif

/* to[j][i] = from[i][j] for a block of LANES rows and columns; the strides count elements from row to row. Each stage
 * zips row i with row i + LANES/2; after log2(LANES) stages every element has changed place with its mirror. */
TG_INLINE void tg_transpose_to(const real *from, ptrdiff_t row_stride, real *to, ptrdiff_t to_stride,
                               void (*store)(real *, vec)) {
    vec row[LANES], zipped[LANES];
    TG_UNROLL_FULL
    for (int i = 0; i < LANES; i++) row[i] = tg_load(from + i * row_stride);
    TG_UNROLL_FULL
    for (int stage = 1; stage < LANES; stage *= 2) {
        TG_UNROLL_FULL
        for (int i = 0; i < LANES / 2; i++) {
            zipped[2 * i] = tg_zip_low(row[i], row[i + LANES / 2]);
            zipped[2 * i + 1] = tg_zip_high(row[i], row[i + LANES / 2]);
        }
        TG_UNROLL_FULL
        for (int i = 0; i < LANES; i++) row[i] = zipped[i];
    }
    TG_UNROLL_FULL
    for (int i = 0; i < LANES; i++) store(to + i * to_stride, row[i]);
}
TG_INLINE void tg_transpose_block(const real *from, ptrdiff_t row_stride, real *to, ptrdiff_t to_stride) {
    tg_transpose_to(from, row_stride, to, to_stride, tg_store);
}
/* The same by tg_stream. */
TG_INLINE void tg_transpose_stream(const real *from, ptrdiff_t row_stride, real *to, ptrdiff_t to_stride) {
    tg_transpose_to(from, row_stride, to, to_stride, tg_stream);
}

#include "tg_math.h"

/* ---- folds over the lanes of one vector: lane i with lane i + LANES/2, then halves of that, in this fixed order ----
 */

/* The vector with every lane i in the place of lane i ^ by. */
#if TG_HAS(__builtin_shufflevector)
#define TG_SWAP2(i, by)  (i) ^ ((by) & (LANES - 1)), ((i) + 1) ^ ((by) & (LANES - 1))
#define TG_SWAP4(i, by)  TG_SWAP2(i, by), TG_SWAP2(i + 2, by)
#define TG_SWAP8(i, by)  TG_SWAP4(i, by), TG_SWAP4(i + 4, by)
#define TG_SWAP16(i, by) TG_SWAP8(i, by), TG_SWAP8(i + 8, by)
#if defined(TG_DOUBLE) && TG_VEC_BYTES == 16
#define TG_SWAPPED(v, by) __builtin_shufflevector(v, v, TG_SWAP2(0, by))
#elif (defined(TG_DOUBLE) && TG_VEC_BYTES == 32) || (!defined(TG_DOUBLE) && TG_VEC_BYTES == 16)
#define TG_SWAPPED(v, by) __builtin_shufflevector(v, v, TG_SWAP4(0, by))
#elif defined(TG_DOUBLE) || TG_VEC_BYTES == 32
#define TG_SWAPPED(v, by) __builtin_shufflevector(v, v, TG_SWAP8(0, by))
#else
#define TG_SWAPPED(v, by) __builtin_shufflevector(v, v, TG_SWAP16(0, by))
#endif
#else
TG_INLINE vec tg_swapped(vec v, int by) {
    vec swapped = v;
    for (int i = 0; i < LANES; i++) swapped[i] = v[(i ^ by) & (LANES - 1)];
    return swapped;
}
#define TG_SWAPPED(v, by) tg_swapped(v, by)
#endif

#define TG_FOLD(name, step)                                                                                            \
    TG_INLINE real name(vec v) {                                                                                       \
        if (LANES > 8) v = step(v, TG_SWAPPED(v, 8));                                                                  \
        if (LANES > 4) v = step(v, TG_SWAPPED(v, 4));                                                                  \
        if (LANES > 2) v = step(v, TG_SWAPPED(v, 2));                                                                  \
        v = step(v, TG_SWAPPED(v, 1));                                                                                 \
        return v[0];                                                                                                   \
    }
#define TG_SUM(a, b) ((a) + (b))
TG_FOLD(tg_fold_add, TG_SUM)
TG_FOLD(tg_fold_max, tg_max)
TG_FOLD(tg_fold_min, tg_min)

#endif
