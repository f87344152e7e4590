/* pool.c: what one kernel costs beside its own work: tg_for on the pool of runtime/pool.c.
 *
 *     cc -O3 -march=native -pthread -Iruntime bench/pool.c runtime/pool.c runtime/profile.c runtime/core.c \
 *         runtime/random.c -lm -o pool && ./pool [threads]
 *
 * A line per figure, the median of many calls and the least tenth of them, which other work on the machine disturbs
 * less: kernels that do nothing, with as many slices as threads and with 64, that follow one another, or come after a
 * pause in which workers still watch, or are asleep; one with a single slice, which runs on the caller alone. Then what
 * comes on top of an even split of the work, where each slice takes a stated time whatever the processor does: small
 * kernels that need each other's results, three kernels that don't, in turn and by one call, and slices of very
 * different length, the short or the long ones first. At last the processor time that an idle pool takes in a second.
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

/* Slice i takes length + i * more seconds. */
typedef struct Work {
    double length, more;
} Work;

static void work(const void *args, int lo, int hi) {
    const Work *given = args;
    for (int i = lo; i < hi; i++) pause_for(given->length + i * given->more);
}

static int compare(const void *left, const void *right) {
    double l = *(const double *)left, r = *(const double *)right;
    return (l > r) - (l < r);
}

enum { APART, TOGETHER, HERE }; /* how jobs are run */

static void run(tg_pool *pool, const tg_job *jobs, int count, int how) {
    if (how == TOGETHER) tg_for_all(pool, jobs, count);
    for (int i = 0; i < count && how == APART; i++) tg_for(pool, jobs[i].kernel, jobs[i].args, jobs[i].count);
    for (int i = 0; i < count && how == HERE; i++) tg_for_here(pool, jobs[i].kernel, jobs[i].args, jobs[i].count);
}

/* A line: the time of one job in microseconds, less `even` of them, each call after a pause. */
static void report(const char *what, tg_pool *pool, const tg_job *jobs, int count, int how, double pause, double even) {
    static double times[CALLS];
    int calls = pause > 100e-6 ? CALLS / 10 : CALLS;
    for (int i = 0; i < calls; i++) {
        if (pause > 0) pause_for(pause);
        double from = seconds(CLOCK_MONOTONIC);
        run(pool, jobs, count, how);
        times[i] = 1e6 * (seconds(CLOCK_MONOTONIC) - from) / count - even;
    }
    qsort(times, (size_t)calls, sizeof *times, compare);
    printf("%-56s %8.2f %8.2f\n", what, times[calls / 2], times[calls / 10]);
}

static void report_empty(const char *what, tg_pool *pool, int slices, double pause) {
    report(what, pool, &(tg_job){nothing, NULL, slices}, 1, APART, pause, 0);
}

/* Kernels of 8 slices, `length` seconds together, one after the other. */
static void report_small(tg_pool *pool, double length, int how) {
    const Work given = {length / 8, 0};
    tg_job jobs[16];
    char what[80];
    for (int i = 0; i < 16; i++) jobs[i] = (tg_job){work, &given, 8};
    snprintf(what, sizeof what, "kernels of %.0f us, 8 slices%s", 1e6 * length, how == HERE ? ", on the caller" : "");
    report(what, pool, jobs, 16, how, 0, 1e6 * length / tg_pool_threads(pool));
}

/* Three kernels of 4 slices. */
static void report_three(tg_pool *pool, double length, int how) {
    const Work given = {length, 0};
    const tg_job jobs[3] = {{work, &given, 4}, {work, &given, 4}, {work, &given, 4}};
    char what[80];
    snprintf(what, sizeof what, "three of 4 slices of %.0f us, %s", 1e6 * length,
             how == APART ? "in turn" : "one call");
    report(what, pool, jobs, 3, how, 0, 4e6 * length / tg_pool_threads(pool));
}

static void report_uneven(const char *what, tg_pool *pool, Work given) {
    report(what, pool, &(tg_job){work, &given, 16}, 1, APART, 0, 136 * 5.0 / tg_pool_threads(pool));
}

int main(int argc, char **argv) {
    tg_pool *pool = tg_pool_new(argc > 1 ? atoi(argv[1]) : 0);
    if (!pool) return 1;
    int threads = tg_pool_threads(pool);
    run(pool, &(tg_job){nothing, NULL, threads}, 1, APART);
    printf("%d threads, us a kernel %40s %8s\n", threads, "median", "tenth");
    report_empty("one slice, on the caller", pool, 1, 0);
    report_empty("a slice a thread, one after another", pool, threads, 0);
    report_empty("64 slices, one after another", pool, 64, 0);
    report_empty("a slice a thread, 20 us between", pool, threads, 20e-6);
    report_empty("a slice a thread, 1 ms between", pool, threads, 1e-3);
    printf("beyond an even split of the work\n");
    for (int us = 1; us <= 16; us *= 2) {
        report_small(pool, us * 1e-6, APART);
        if (us <= 4) report_small(pool, us * 1e-6, HERE);
    }
    for (int us = 2; us <= 32; us *= 4) {
        report_three(pool, us * 1e-6, APART);
        report_three(pool, us * 1e-6, TOGETHER);
    }
    report_uneven("16 slices of 5 to 80 us, the shortest first", pool, (Work){5e-6, 5e-6});
    report_uneven("16 slices of 80 to 5 us, the longest first", pool, (Work){80e-6, -5e-6});
    double began = seconds(CLOCK_PROCESS_CPUTIME_ID);
    usleep(1000000);
    printf("%-56s %8.2f\n", "an idle pool, ms of processor in a second",
           1e3 * (seconds(CLOCK_PROCESS_CPUTIME_ID) - began));
    tg_pool_free(pool);
    return 0;
}
