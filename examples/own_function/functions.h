/* functions.h: activations that tgc has no word for, as plain C. Each comes in double and, with an f, in float. */
#include <math.h>

/* swish(x) = x / (1 + exp(-2 x)), and its first two derivatives */
static inline double swish(double x) {
    return x / (1 + exp(-2 * x));
}
static inline float swishf(float x) {
    return x / (1 + expf(-2 * x));
}

static inline double d_swish(double x) {
    double s = 1 / (1 + exp(-2 * x));
    return s * (1 + 2 * x * (1 - s));
}
static inline float d_swishf(float x) {
    float s = 1 / (1 + expf(-2 * x));
    return s * (1 + 2 * x * (1 - s));
}

static inline double d2_swish(double x) {
    double s = 1 / (1 + exp(-2 * x));
    return 4 * s * (1 - s) * (1 + x * (1 - 2 * s));
}
static inline float d2_swishf(float x) {
    float s = 1 / (1 + expf(-2 * x));
    return 4 * s * (1 - s) * (1 + x * (1 - 2 * s));
}

/* The length of the vector (a, b), kept away from 0; its derivatives by a and b. */
static inline double length(double a, double b) {
    return sqrt(a * a + b * b + 1e-3);
}
static inline float lengthf(float a, float b) {
    return sqrtf(a * a + b * b + 1e-3f);
}

static inline double length_a(double a, double b) {
    return a / length(a, b);
}
static inline float length_af(float a, float b) {
    return a / lengthf(a, b);
}

static inline double length_b(double a, double b) {
    return b / length(a, b);
}
static inline float length_bf(float a, float b) {
    return b / lengthf(a, b);
}
