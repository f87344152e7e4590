/* products.c: one product by OpenBLAS or oneDNN, timed: products SECONDS ENTRY M=… N=… K=… [BATCH=…]
 *
 * ENTRY is one of gemm.tg: nn is A B, nt is A B^T, tn is A^T B; batched_… is BATCH of them. OpenBLAS has no call for a
 * batch: the products are dealt to as many threads as OMP_NUM_THREADS says, each product by one. oneDNN takes a batch
 * in one primitive, and a single product by dnnl_sgemm or the primitive, whichever is faster. Compiled with -fopenmp
 * and -DPEER_openblas or -DPEER_dnnl; prints the line of JSON that bench/compare reads. */
#include <omp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct Product {
    int m, n, k, batch;
    bool a_turned, b_turned;
    const float *a, *b;
    float *c;
    bool by_primitive;
} Product;

#ifdef PEER_openblas
#include <cblas.h>
static const char library[] = "openblas";
enum { WAYS = 1 };

static bool prepare(Product *p) {
    if (p->batch > 1) openblas_set_num_threads(1);
    return true;
}

static void one(const Product *p, const float *a, const float *b, float *c) {
    cblas_sgemm(CblasRowMajor, p->a_turned ? CblasTrans : CblasNoTrans, p->b_turned ? CblasTrans : CblasNoTrans, p->m,
                p->n, p->k, 1, a, p->a_turned ? p->m : p->k, b, p->b_turned ? p->k : p->n, 0, c, p->n);
}

static void by_primitive(void) {}
#else
#include <dnnl.h>
static const char library[] = "dnnl";
enum { WAYS = DNNL_VERSION_MAJOR == 2 ? 2 : 1 };

static void one(const Product *p, const float *a, const float *b, float *c) {
    dnnl_sgemm(p->a_turned ? 'T' : 'N', p->b_turned ? 'T' : 'N', p->m, p->n, p->k, 1, a, p->a_turned ? p->m : p->k, b,
               p->b_turned ? p->k : p->n, 0, c, p->n);
}

#if DNNL_VERSION_MAJOR == 2
static dnnl_primitive_t primitive;
static dnnl_stream_t stream;
static dnnl_exec_arg_t operands[3];

/* A batch of rows x columns matrices, kept column by column if turned. */
static dnnl_memory_desc_t matrices(const Product *p, int rows, int columns, bool turned) {
    dnnl_memory_desc_t described;
    dnnl_dims_t sizes = {p->batch, rows, columns},
                strides = {(dnnl_dim_t)rows * columns, turned ? 1 : columns, turned ? rows : 1};
    dnnl_memory_desc_init_by_strides(&described, 3, sizes, dnnl_f32, strides);
    return described;
}

static bool prepare(Product *p) {
    dnnl_memory_desc_t a = matrices(p, p->m, p->k, p->a_turned), b = matrices(p, p->k, p->n, p->b_turned),
                       c = matrices(p, p->m, p->n, false);
    dnnl_engine_t engine;
    dnnl_matmul_desc_t wanted;
    dnnl_primitive_desc_t chosen;
    bool made = !dnnl_engine_create(&engine, dnnl_cpu, 0) && !dnnl_stream_create(&stream, engine, 0) &&
                !dnnl_matmul_desc_init(&wanted, &a, &b, NULL, &c) &&
                !dnnl_primitive_desc_create(&chosen, &wanted, NULL, engine, NULL) &&
                !dnnl_primitive_create(&primitive, chosen);
    operands[0].arg = DNNL_ARG_SRC, operands[1].arg = DNNL_ARG_WEIGHTS, operands[2].arg = DNNL_ARG_DST;
    return made && !dnnl_memory_create(&operands[0].memory, &a, engine, (void *)p->a) &&
           !dnnl_memory_create(&operands[1].memory, &b, engine, (void *)p->b) &&
           !dnnl_memory_create(&operands[2].memory, &c, engine, p->c);
}

static void by_primitive(void) {
    dnnl_primitive_execute(primitive, stream, 3, operands);
    dnnl_stream_wait(stream);
}
#else
static bool prepare(Product *p) {
    return p != NULL;
}
static void by_primitive(void) {}
#endif
#endif

static void all(const Product *p) {
    size_t of_a = (size_t)p->m * (size_t)p->k, of_b = (size_t)p->k * (size_t)p->n, of_c = (size_t)p->m * (size_t)p->n;
    if (p->by_primitive) {
        by_primitive();
    } else if (p->batch == 1) {
        one(p, p->a, p->b, p->c);
    } else {
#pragma omp parallel for schedule(static)
        for (int i = 0; i < p->batch; i++)
            one(p, p->a + (size_t)i * of_a, p->b + (size_t)i * of_b, p->c + (size_t)i * of_c);
    }
}

/* ---- timing ---- */

typedef struct Times {
    double low, median, high, least; /* milliseconds */
    int steps;
} Times;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int compare(const void *left, const void *right) {
    double l = *(const double *)left, r = *(const double *)right;
    return (l > r) - (l < r);
}

static Times timed(const Product *p, double seconds) {
    enum { MOST = 4000, WARM_UP = 3, LEAST = 8 };
    static double each[MOST];
    int steps = 0;
    for (int i = 0; i < WARM_UP; i++) all(p);
    for (double begun = now(); steps < MOST && (steps < LEAST || now() - begun < seconds); steps++) {
        double from = now();
        all(p);
        each[steps] = 1e3 * (now() - from);
    }
    qsort(each, (size_t)steps, sizeof *each, compare);
    return (Times){each[steps / 4], each[steps / 2], each[3 * steps / 4], each[0], steps};
}

static int size_of(int argc, char **argv, const char *wanted, int otherwise) {
    size_t length = strlen(wanted);
    for (int i = 3; i < argc; i++)
        if (strncmp(argv[i], wanted, length) == 0 && argv[i][length] == '=') return atoi(argv[i] + length + 1);
    return otherwise;
}

static float *filled(size_t count) {
    float *numbers = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
    if (!numbers) {
        fputs("products: no memory\n", stderr);
        exit(1);
    }
    for (size_t i = 0; i < count; i++) numbers[i] = (float)(i % 17) / 17 - 0.5f;
    return numbers;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fputs("usage: products SECONDS ENTRY M=… N=… K=… [BATCH=…]\n", stderr);
        return 2;
    }
    Product p = {.m = size_of(argc, argv, "M", 64),
                 .n = size_of(argc, argv, "N", 64),
                 .k = size_of(argc, argv, "K", 64),
                 .batch = size_of(argc, argv, "BATCH", 1),
                 .a_turned = strstr(argv[2], "tn") != NULL,
                 .b_turned = strstr(argv[2], "nt") != NULL};
    size_t count = (size_t)p.batch, m = (size_t)p.m, n = (size_t)p.n, k = (size_t)p.k;
    p.a = filled(count * m * k), p.b = filled(count * k * n), p.c = filled(count * m * n);
    int ways = prepare(&p) ? WAYS : 1;
    Times best = {0};
    for (int way = 0; way < ways; way++) {
        p.by_primitive = way > 0;
        Times times = timed(&p, atof(argv[1]) / ways);
        if (!way || times.median < best.median) best = times;
    }
    printf("{\"library\": \"%s\", \"ms_median\": %.6f, \"ms_low\": %.6f, \"ms_high\": %.6f, \"ms_min\": %.6f, "
           "\"steps\": %d, \"mib\": %.1f}\n",
           library, best.median, best.low, best.high, best.least, best.steps,
           (double)(count * (m * k + k * n + m * n) * sizeof(float)) / 1048576);
    return 0;
}
