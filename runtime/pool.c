/* pool.c: one pool of threads per model; tg_for gives it slices and works along.
 *
 *     tg_for(pool, k03_h, &args, 32)   ->   k03_h(&args, 0, 8) here, k03_h(&args, 8, 14) on a worker, …
 *
 * What one call hands out is a round. Of each of its jobs every thread gets a run of neighbouring slices, the same one
 * whenever a job has as many, and takes pieces from the front of its own; once that is empty it takes them from the
 * back of others', and then goes on to the next job. So neighbours find in a thread's caches what they share, and a
 * kernel what the one before left there. A run is one 64-bit number, its first slice above, its end below, and pieces
 * are taken by compare-and-swap of that alone. A worker that comes late finds nothing left, or slices of the next
 * round, which it may have: whose they are is read after they are taken, and a round stays as it is until all of them
 * are done. tg_for waits for that, not for workers to have looked.
 *
 * An idle worker watches the round's number for a few tens of microseconds, about as long as the serial parts between
 * two kernels take, and then sleeps on a condition. With TG_NO_THREADS all of it is a plain call.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include "tg.h"

#include <stdlib.h>

static void tg_run_here(const tg_job *jobs, int count) {
    for (int i = 0; i < count; i++)
        if (jobs[i].count > 0) jobs[i].kernel(jobs[i].args, 0, jobs[i].count);
}

#ifdef TG_NO_THREADS

struct tg_pool {
    int threads;
    tg_profile *profile; /* of every launch, or NULL */
};

tg_pool *tg_pool_new(int threads) {
    tg_pool *pool = calloc(1, sizeof *pool);
    (void)threads;
    if (pool) pool->threads = 1;
    return pool;
}

void tg_pool_free(tg_pool *pool) {
    free(pool);
}

static void tg_run(tg_pool *pool, const tg_job *jobs, int count) {
    (void)pool;
    tg_run_here(jobs, count);
}

#else

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

enum { TG_MOST_THREADS = 64, TG_STACK_BYTES = 4 << 20, TG_SPIN_NS = 40000, TG_MOST_JOBS = 16 };

typedef struct tg_part { /* a job as workers see it */
    _Atomic(tg_kernel *) kernel;
    _Atomic(const void *) args;
} tg_part;

typedef struct tg_share { /* of each job's slices: first << 32 | end of those that nobody has taken */
    _Alignas(64) atomic_uint_fast64_t left[TG_MOST_JOBS];
} tg_share;

struct tg_pool {
    int threads;         /* the caller's included */
    tg_profile *profile; /* of every launch, or NULL */
    pthread_t ids[TG_MOST_THREADS];
    tg_share share[TG_MOST_THREADS];
    /* The round: written before its shares, read by whoever has taken slices of one. */
    _Alignas(64) tg_part parts[TG_MOST_JOBS];
    atomic_int count;               /* of the jobs */
    _Alignas(64) atomic_uint round; /* how many there were; written after the shares */
    _Alignas(64) atomic_int done;   /* slices */
    _Alignas(64) atomic_int sleepers;
    atomic_int started; /* workers that have a number */
    atomic_bool stop;
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

static void tg_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

typedef struct tg_piece { /* slices [lo, hi) of a job */
    int lo, hi;
} tg_piece;

static uint64_t tg_packed(tg_piece piece) {
    return (uint64_t)(uint32_t)piece.lo << 32 | (uint32_t)piece.hi;
}

/* A quarter of what is left, so that the last pieces are small: from the front for the owner, else from the back. */
static tg_piece tg_take(atomic_uint_fast64_t *share, int from_front) {
    uint64_t left = atomic_load_explicit(share, memory_order_relaxed);
    for (;;) {
        tg_piece all = {(int)(left >> 32), (int)(uint32_t)left}, piece = all, rest = all;
        int size = (all.hi - all.lo + 3) / 4;
        if (size <= 0) return (tg_piece){0, 0};
        if (from_front)
            piece.hi = rest.lo = all.lo + size;
        else
            piece.lo = rest.hi = all.hi - size;
        if (atomic_compare_exchange_weak_explicit(share, &left, tg_packed(rest), memory_order_acquire,
                                                  memory_order_relaxed))
            return piece;
    }
}

/* From the thread's own share of a job, or else from the next one that has any; an empty piece where none has. */
static tg_piece tg_next_piece(tg_pool *pool, int job, int self) {
    tg_piece piece = tg_take(&pool->share[self].left[job], 1);
    for (int i = 1; i < pool->threads && piece.lo == piece.hi; i++)
        piece = tg_take(&pool->share[(self + i) % pool->threads].left[job], 0);
    return piece;
}

static void tg_run_piece(tg_pool *pool, int job, tg_piece piece) {
    const tg_part *part = &pool->parts[job];
    tg_kernel *kernel = atomic_load_explicit(&part->kernel, memory_order_relaxed);
    kernel(atomic_load_explicit(&part->args, memory_order_relaxed), piece.lo, piece.hi);
    atomic_fetch_add_explicit(&pool->done, piece.hi - piece.lo, memory_order_release);
}

static void tg_work(tg_pool *pool, int self) {
    for (int job = 0; job < atomic_load_explicit(&pool->count, memory_order_relaxed); job++)
        for (;;) {
            tg_piece piece = tg_next_piece(pool, job, self);
            if (piece.lo == piece.hi) break;
            tg_run_piece(pool, job, piece);
        }
}

static int tg_is_new(tg_pool *pool, unsigned seen) {
    return atomic_load(&pool->round) != seen || atomic_load_explicit(&pool->stop, memory_order_relaxed);
}

/* Until there is another round than `seen` or the pool stops. */
static void tg_await_round(tg_pool *pool, unsigned seen) {
    int64_t until = tg_clock() + TG_SPIN_NS;
    do {
        for (int i = 0; i < 32; i++) {
            if (tg_is_new(pool, seen)) return;
            tg_pause();
        }
    } while (tg_clock() < until);
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!tg_is_new(pool, seen)) pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->lock);
}

static void *tg_worker(void *argument) {
    tg_pool *pool = argument;
    int self = 1 + atomic_fetch_add(&pool->started, 1);
    for (unsigned seen = 0;;) {
        tg_await_round(pool, seen);
        if (atomic_load_explicit(&pool->stop, memory_order_relaxed)) return NULL;
        seen = atomic_load(&pool->round);
        tg_work(pool, self);
    }
}

static void tg_wake_sleepers(tg_pool *pool) {
    if (atomic_load(&pool->sleepers) == 0) return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

/* Puts a job's slices out to all threads in equal runs. */
static void tg_share_out(tg_pool *pool, int job, int slices) {
    for (int i = 0, first = 0; i < pool->threads; i++) {
        int end = (int)((int64_t)slices * (i + 1) / pool->threads);
        atomic_store_explicit(&pool->share[i].left[job], tg_packed((tg_piece){first, end}), memory_order_release);
        first = end;
    }
}

/* Writes a round; returns how many of the jobs are in it, their slices to *slices. */
static int tg_set_round(tg_pool *pool, const tg_job *jobs, int count, int *slices) {
    int parts = 0;
    *slices = 0;
    while (parts < count && parts < TG_MOST_JOBS && (parts == 0 || jobs[parts].count < INT32_MAX - *slices)) {
        tg_part *part = &pool->parts[parts];
        *slices += jobs[parts].count > 0 ? jobs[parts].count : 0;
        atomic_store_explicit(&part->kernel, jobs[parts].kernel, memory_order_relaxed);
        atomic_store_explicit(&part->args, jobs[parts].args, memory_order_relaxed);
        parts++;
    }
    atomic_store_explicit(&pool->count, parts, memory_order_relaxed);
    atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
    for (int i = 0; i < parts; i++) tg_share_out(pool, i, jobs[i].count > 0 ? jobs[i].count : 0);
    return parts;
}

/* Hands out one round and waits for its end; returns how many jobs were in it. */
static int tg_run_round(tg_pool *pool, const tg_job *jobs, int count) {
    int slices, parts = tg_set_round(pool, jobs, count, &slices);
    atomic_fetch_add(&pool->round, 1);
    tg_wake_sleepers(pool);
    tg_work(pool, 0);
    for (int turns = 0; atomic_load_explicit(&pool->done, memory_order_acquire) != slices; turns++) {
        if (turns < 1000)
            tg_pause();
        else
            sched_yield(); /* more threads than processors: let the last one run */
    }
    return parts;
}

static void tg_run(tg_pool *pool, const tg_job *jobs, int count) {
    if (!pool || pool->threads == 1 || (count == 1 && jobs->count <= 1)) {
        tg_run_here(jobs, count);
        return;
    }
    for (int done = 0; done < count;) done += tg_run_round(pool, jobs + done, count - done);
}

static int tg_processors(void) {
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

/* Workers leave signals to the program's own threads. Where the system gives fewer threads, those do. Their stacks hold
 * the blocks of a kernel, a megabyte for attention with the widest heads in double precision; some systems' own size is
 * less than that. */
static void tg_start_workers(tg_pool *pool, int wanted) {
    sigset_t all, before;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)TG_STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int started = 1;
    while (started < wanted && pthread_create(&pool->ids[started], &attributes, tg_worker, pool) == 0) started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    pool->threads = started;
}

tg_pool *tg_pool_new(int threads) {
    if (threads <= 0) threads = tg_processors();
    if (threads > TG_MOST_THREADS) threads = TG_MOST_THREADS;
    size_t bytes = (sizeof(tg_pool) + 63) / 64 * 64;
    tg_pool *pool = aligned_alloc(64, bytes);
    if (!pool) return NULL;
    *pool = (tg_pool){.threads = threads};
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    tg_start_workers(pool, threads);
    return pool;
}

void tg_pool_free(tg_pool *pool) {
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->stop, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 1; i < pool->threads; i++) pthread_join(pool->ids[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

#endif

/* One job as a launch of its own; on the caller's thread without a pool. */
__attribute__((noinline)) static void tg_run_timed(tg_profile *profile, tg_pool *pool, const tg_job *job) {
    int64_t from = tg_clock();
    if (pool)
        tg_run(pool, job, 1);
    else
        tg_run_here(job, 1);
    tg_profile_add(profile, from, tg_clock());
}

void tg_for_all(tg_pool *pool, const tg_job *jobs, int count) {
    if (__builtin_expect(pool && pool->profile, 0))
        for (int i = 0; i < count; i++) tg_run_timed(pool->profile, pool, &jobs[i]);
    else
        tg_run(pool, jobs, count);
}

void tg_for(tg_pool *pool, tg_kernel *kernel, const void *args, int count) {
    tg_for_all(pool, &(tg_job){kernel, args, count}, 1);
}

void tg_for_here(tg_pool *pool, tg_kernel *kernel, const void *args, int count) {
    const tg_job job = {kernel, args, count};
    if (__builtin_expect(pool && pool->profile, 0))
        tg_run_timed(pool->profile, NULL, &job);
    else
        tg_run_here(&job, 1);
}

void tg_pool_watch(tg_pool *pool, tg_profile *profile) {
    pool->profile = profile;
}

int tg_pool_threads(const tg_pool *pool) {
    return pool ? pool->threads : 1;
}
