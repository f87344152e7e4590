/* peak.c: what this machine can do at most: fp32 fused multiply-adds and memory traffic, on 1 and on n threads.
 *
 *     cc -O3 -march=native -ffp-contract=fast -pthread peak.c -o peak && ./peak [threads]
 *     ./peak fma threads        one figure (fma, read, copy or triad) on that many threads alone
 *
 * Prints a line per figure, `fma 2 461.3 GFLOP/s`: the median of several runs after a warm-up. The multiply-adds go
 * through enough accumulators of the machine's widest vector to fill its pipes; read, copy and triad (a = b + 3 c)
 * walk arrays of 128 MiB, far past every cache, on touched huge pages where there are any.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* The widest vector, and as many chains of s = s x + y as its registers hold beside x and y. */
#define TWELVE(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define MORE(X)   X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23)
#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64, CHAINS = 24 };
#define EACH(X) TWELVE(X) MORE(X)
#elif defined(__aarch64__)
enum { VECTOR_BYTES = 16, CHAINS = 24 };
#define EACH(X) TWELVE(X) MORE(X)
#elif defined(__AVX__)
enum { VECTOR_BYTES = 32, CHAINS = 12 };
#define EACH(X) TWELVE(X)
#else
enum { VECTOR_BYTES = 16, CHAINS = 12 };
#define EACH(X) TWELVE(X)
#endif
typedef float Vector __attribute__((vector_size(VECTOR_BYTES)));

#ifndef __has_builtin
#define __has_builtin(name) 0
#endif
#if __has_builtin(__builtin_nontemporal_store)
#define STORE(to, value) __builtin_nontemporal_store((value), &(to)) /* past the caches */
#else
#define STORE(to, value) ((to) = (value))
#endif

enum { LANES = VECTOR_BYTES / 4, MAX_THREADS = 256, RUNS = 9, FMA_ROUNDS = 1 << 22 };
static const size_t array_bytes = (size_t)128 << 20;

/* One thread's share of a measurement. */
typedef struct Share {
    float (*loop)(long from, long to); /* returns a number made of all it did, so that nothing is thrown away */
    long from, to;
    pthread_barrier_t *start;
    double began, ended;
    float result;
} Share;

static Vector *a, *b, *c; /* the arrays that are walked */

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static float lanes_sum(Vector v) {
    float sum = 0;
    for (int i = 0; i < LANES; i++) sum += v[i];
    return sum;
}

/* ---- the loops ---- */

static float loop_fma(long from, long to) {
    Vector x = {0}, y = {0};
    for (int i = 0; i < LANES; i++) x[i] = 0.999f, y[i] = 0.001f;
#define START(i) Vector s##i = x + (float)(i);
    EACH(START)
    for (long n = from; n < to; n++) {
#define STEP(i) s##i = s##i * x + y;
        EACH(STEP)
    }
#define FOLD(i) x += s##i;
    EACH(FOLD)
    return lanes_sum(x);
}

static float loop_read(long from, long to) {
    Vector s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    for (long i = from; i + 3 < to; i += 4) s0 += b[i], s1 += b[i + 1], s2 += b[i + 2], s3 += b[i + 3];
    return lanes_sum(s0 + s1 + s2 + s3);
}

static float loop_copy(long from, long to) {
    for (long i = from; i < to; i++) STORE(a[i], b[i]);
    return a[from][0];
}

static float loop_triad(long from, long to) {
    for (long i = from; i < to; i++) STORE(a[i], b[i] + 3.0f * c[i]);
    return a[from][0];
}

/* ---- timing ---- */

static void *run_share(void *argument) {
    Share *share = argument;
    pthread_barrier_wait(share->start);
    share->began = now();
    share->result = share->loop(share->from, share->to);
    share->ended = now();
    return NULL;
}

/* Seconds from the first thread's start to the last one's end. */
static double run_once(float (*loop)(long, long), long count, int split, int threads) {
    static volatile float sink;
    pthread_t thread[MAX_THREADS];
    Share share[MAX_THREADS];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, (unsigned)threads);
    for (int t = 0; t < threads; t++) {
        long from = split ? count / threads * t : 0, to = split ? from + count / threads : count;
        share[t] = (Share){.loop = loop, .from = from, .to = to, .start = &start};
        if (pthread_create(&thread[t], NULL, run_share, &share[t])) {
            fputs("peak: can't start a thread\n", stderr);
            exit(1);
        }
    }
    double began = 0, ended = 0;
    for (int t = 0; t < threads; t++) {
        pthread_join(thread[t], NULL);
        if (!t || share[t].began < began) began = share[t].began;
        if (share[t].ended > ended) ended = share[t].ended;
        sink = share[t].result;
    }
    (void)sink;
    pthread_barrier_destroy(&start);
    return ended - began;
}

static int compare(const void *left, const void *right) {
    double l = *(const double *)left, r = *(const double *)right;
    return (l > r) - (l < r);
}

static void measure(const char *name, float (*loop)(long, long), long count, int split, int threads, double work,
                    const char *unit) {
    double rate[RUNS];
    run_once(loop, count, split, threads);
    for (int i = 0; i < RUNS; i++) rate[i] = work / run_once(loop, count, split, threads) * 1e-9;
    qsort(rate, RUNS, sizeof rate[0], compare);
    printf("%-5s %3d %8.1f %s\n", name, threads, rate[RUNS / 2], unit);
    fflush(stdout);
}

static Vector *array_new(float value) {
    void *memory = mmap(NULL, array_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        fputs("peak: no memory\n", stderr);
        exit(1);
    }
#ifdef MADV_HUGEPAGE
    madvise(memory, array_bytes, MADV_HUGEPAGE);
#endif
    for (size_t i = 0; i < array_bytes / sizeof(float); i++) ((float *)memory)[i] = value;
    return memory;
}

static void measure_fma(int threads) {
    measure("fma", loop_fma, FMA_ROUNDS, 0, threads, 2.0 * LANES * CHAINS * FMA_ROUNDS * threads, "GFLOP/s");
}

static const struct {
    const char *name;
    float (*loop)(long from, long to);
    int arrays; /* that it reads or writes once each */
} walks[] = {{"read", loop_read, 1}, {"copy", loop_copy, 2}, {"triad", loop_triad, 3}};
enum { WALKS = sizeof walks / sizeof *walks };

/* The walk of that name, or all of them. */
static void measure_memory(const char *only, int threads) {
    for (int i = 0; i < WALKS; i++)
        if (!only || !strcmp(only, walks[i].name))
            measure(walks[i].name, walks[i].loop, (long)(array_bytes / sizeof(Vector)), 1, threads,
                    walks[i].arrays * (double)array_bytes, "GB/s");
}

static bool known(const char *name) {
    bool is_known = !strcmp(name, "fma");
    for (int i = 0; i < WALKS; i++) is_known |= !strcmp(name, walks[i].name);
    return is_known;
}

int main(int argc, char **argv) {
    const char *only = argc > 2 ? argv[1] : NULL;
    int most = argc > 1 ? atoi(argv[argc - 1]) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    if (most < 1 || most > MAX_THREADS || (only && !known(only))) {
        fprintf(stderr, "usage: peak [fma|read|copy|triad] [threads, 1 to %d]\n", (int)MAX_THREADS);
        return 2;
    }
    if (only && !strcmp(only, "fma")) {
        measure_fma(most);
        return 0;
    }
    a = array_new(0), b = array_new(1), c = array_new(2);
    if (only) {
        measure_memory(only, most);
        return 0;
    }
    for (int i = 0; i < 2 && (i == 0 || most > 1); i++) {
        int threads = i ? most : 1;
        measure_fma(threads);
        measure_memory(NULL, threads);
    }
    return 0;
}
