/* pool.c: what one kernel costs beside its own work: tg_for on the pool of runtime/pool.c.
 *
 *     cc -O3 -march=native -pthread -Iruntime bench/pool.c runtime/pool.c runtime/profile.c runtime/core.c \
 *         runtime/random.c -lm -o pool && ./pool [threads]
 *
 * A line per figure: medians of many calls of kernels that do nothing, with as many slices as threads and with 64, that
 * follow one another, or come after a pause in which workers still watch, or are asleep; one with a single slice, which
 * runs on the caller alone; the difference that the pool makes to a kernel of 20 us; and the processor time that an
 * idle pool takes in a second.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tg.h"

enum { CALLS = 2001 };

static double seconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void pause_for(double length) {
    for (double until = seconds(CLOCK_MONOTONIC) + length; seconds(CLOCK_MONOTONIC) < until;) {
    }
}

static void nothing(const void *args, int lo, int hi) {
    (void)args, (void)lo, (void)hi;
}

/* Each slice takes as long as *args says. */
static void work(const void *args, int lo, int hi) {
    for (int i = lo; i < hi; i++) pause_for(*(const double *)args);
}

static int compare(const void *left, const void *right) {
    double l = *(const double *)left, r = *(const double *)right;
    return (l > r) - (l < r);
}

/* The median time of one call in microseconds, each after a pause. */
static double median(tg_pool *pool, tg_kernel *kernel, double length, int slices, double pause, int calls) {
    static double times[CALLS];
    for (int i = 0; i < calls; i++) {
        if (pause > 0) pause_for(pause);
        double from = seconds(CLOCK_MONOTONIC);
        tg_for(pool, kernel, &length, slices);
        times[i] = 1e6 * (seconds(CLOCK_MONOTONIC) - from);
    }
    qsort(times, (size_t)calls, sizeof *times, compare);
    return times[calls / 2];
}

int main(int argc, char **argv) {
    int threads = argc > 1 ? atoi(argv[1]) : 0;
    tg_pool *pool = tg_pool_new(threads);
    if (!pool) return 1;
    threads = tg_pool_threads(pool);
    median(pool, nothing, 0, threads, 0, CALLS);
    printf("%d threads, us a call\n", threads);
    printf("%-44s %8.2f\n", "one slice, on the caller", median(pool, nothing, 0, 1, 0, CALLS));
    printf("%-44s %8.2f\n", "a slice a thread, one after another", median(pool, nothing, 0, threads, 0, CALLS));
    printf("%-44s %8.2f\n", "64 slices, one after another", median(pool, nothing, 0, 64, 0, CALLS));
    printf("%-44s %8.2f\n", "a slice a thread, 20 us between", median(pool, nothing, 0, threads, 20e-6, CALLS));
    printf("%-44s %8.2f\n", "a slice a thread, 1 ms between", median(pool, nothing, 0, threads, 1e-3, 201));
    printf("%-44s %8.2f\n", "slices of 20 us: beyond the 20",
           median(pool, work, 20e-6, threads, 0, CALLS) - median(NULL, work, 20e-6, 1, 0, CALLS));
    double began = seconds(CLOCK_PROCESS_CPUTIME_ID);
    usleep(1000000);
    printf("%-44s %8.2f\n", "an idle pool, ms of processor in a second",
           1e3 * (seconds(CLOCK_PROCESS_CPUTIME_ID) - began));
    tg_pool_free(pool);
    return 0;
}
