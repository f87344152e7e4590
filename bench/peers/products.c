/* products.c: one product by OpenBLAS or oneDNN, timed: products SECONDS M=… N=… K=… [BATCH=…] [FORM=0|1|2]
 *
 * FORM 0 is A B, 1 is A B^T, 2 is A^T B. A batch is one call per product, as these libraries' users do it; the
 * library's own threads share each product. Compiled with -DPEER_openblas or -DPEER_dnnl; prints the line of JSON that
 * bench/compare reads. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef PEER_openblas
#include <cblas.h>
static const char name[] = "openblas";
static void product(int m, int n, int k, int form, const float *a, const float *b, float *c) {
    cblas_sgemm(CblasRowMajor, form == 2 ? CblasTrans : CblasNoTrans, form == 1 ? CblasTrans : CblasNoTrans, m, n, k, 1,
                a, form == 2 ? m : k, b, form == 1 ? k : n, 0, c, n);
}
#else
#include <dnnl.h>
static const char name[] = "dnnl";
static void product(int m, int n, int k, int form, const float *a, const float *b, float *c) {
    dnnl_sgemm(form == 2 ? 'T' : 'N', form == 1 ? 'T' : 'N', m, n, k, 1, a, form == 2 ? m : k, b, form == 1 ? k : n, 0,
               c, n);
}
#endif

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int compare(const void *left, const void *right) {
    double l = *(const double *)left, r = *(const double *)right;
    return (l > r) - (l < r);
}

static int size_of(int argc, char **argv, const char *wanted, int otherwise) {
    size_t length = strlen(wanted);
    for (int i = 2; i < argc; i++)
        if (strncmp(argv[i], wanted, length) == 0 && argv[i][length] == '=') return atoi(argv[i] + length + 1);
    return otherwise;
}

static float *filled(size_t count) {
    float *numbers = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
    for (size_t i = 0; i < count; i++) numbers[i] = (float)(i % 17) / 17 - 0.5f;
    return numbers;
}

int main(int argc, char **argv) {
    enum { MOST = 1000 };
    double seconds = argc > 1 ? atof(argv[1]) : 1, times[MOST];
    int m = size_of(argc, argv, "M", 64), n = size_of(argc, argv, "N", 64), k = size_of(argc, argv, "K", 64);
    int batch = size_of(argc, argv, "BATCH", 1), form = size_of(argc, argv, "FORM", 0), count = 0;
    size_t of_a = (size_t)m * (size_t)k, of_b = (size_t)k * (size_t)n, of_c = (size_t)m * (size_t)n,
           all = (size_t)batch;
    float *a = filled(all * of_a), *b = filled(all * of_b), *c = filled(all * of_c);
    for (double begun = now(); count < MOST && (count < 8 || now() - begun < seconds); count++) {
        double from = now();
        for (size_t i = 0; i < all; i++) product(m, n, k, form, a + i * of_a, b + i * of_b, c + i * of_c);
        times[count] = now() - from;
    }
    qsort(times + 3, (size_t)(count - 3), sizeof *times, compare); /* the first three warm up */
    printf("{\"library\": \"%s\", \"ms_median\": %.6f, \"ms_min\": %.6f, \"mib\": %.1f}\n", name,
           1e3 * times[3 + (count - 3) / 2], 1e3 * times[3],
           (double)(all * (of_a + of_b + of_c) * sizeof(float)) / 1048576);
    return 0;
}
