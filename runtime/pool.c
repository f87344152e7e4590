/* pool.c: one pool of threads per model; tg_for gives it slices and works along.
 *
 *     tg_for(pool, k03_h, &args, 32)   ->   k03_h(&args, 0, 8) here, k03_h(&args, 8, 14) on a worker, …
 *
 * What one call hands out, the slices of its jobs one after the other, is a round. They are handed out by one 64-bit
 * ticket: the round's number above, how many slices are left below. A worker takes slices by compare-and-swap of the
 * ticket alone; a worker that comes late sees another round's number or no slice left, so tg_for waits for slices to be
 * done, not for workers to have looked. A piece lies within one job, and pieces get smaller towards the job's end: a
 * slice of one job may be long and of the next one short.
 *
 * An idle worker watches the ticket for a few tens of microseconds, about as long as the serial parts between two
 * kernels take, and then sleeps on a condition. With TG_NO_THREADS all of it is a plain call.
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
    atomic_int end; /* of its slices, in those of the round */
} tg_part;

struct tg_pool {
    int threads;         /* the caller's included */
    tg_profile *profile; /* of every launch, or NULL */
    pthread_t ids[TG_MOST_THREADS];
    /* The round: written before its ticket, read after it. */
    _Alignas(64) atomic_int count; /* slices of all parts */
    tg_part parts[TG_MOST_JOBS];
    _Alignas(64) atomic_uint_fast64_t ticket; /* round number << 32 | slices left */
    _Alignas(64) atomic_int done;             /* slices */
    _Alignas(64) atomic_int sleepers;
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

typedef struct tg_piece { /* slices [lo, hi) of a part */
    const tg_part *part;
    int lo, hi;
} tg_piece;

/* What to take where `left` slices are left: a share of what its part has left, so that the last pieces are small. */
static tg_piece tg_next_piece(tg_pool *pool, uint32_t left) {
    int at = atomic_load_explicit(&pool->count, memory_order_relaxed) - (int)left, begin = 0, i = 0;
    int end = atomic_load_explicit(&pool->parts[0].end, memory_order_relaxed);
    while (end <= at && i + 1 < TG_MOST_JOBS) {
        begin = end;
        end = atomic_load_explicit(&pool->parts[++i].end, memory_order_relaxed);
    }
    int size = (end - at) / (2 * pool->threads);
    return (tg_piece){&pool->parts[i], at - begin, at - begin + (size > 1 ? size : 1)};
}

/* Takes and runs pieces of the round that `ticket` shows until there are none; returns the last ticket seen. */
static uint64_t tg_work(tg_pool *pool, uint64_t ticket) {
    for (;;) {
        uint32_t left = (uint32_t)ticket;
        if (left == 0) return ticket;
        /* Where this is of a round that is over, so is the ticket, and the exchange fails. */
        tg_piece piece = tg_next_piece(pool, left);
        int size = piece.hi - piece.lo;
        if (!atomic_compare_exchange_weak_explicit(&pool->ticket, &ticket, ticket - (uint32_t)size,
                                                   memory_order_acq_rel, memory_order_acquire))
            continue;
        /* The round stays as it is until this piece is done. */
        tg_kernel *kernel = atomic_load_explicit(&piece.part->kernel, memory_order_relaxed);
        const void *args = atomic_load_explicit(&piece.part->args, memory_order_relaxed);
        kernel(args, piece.lo, piece.hi);
        atomic_fetch_add_explicit(&pool->done, size, memory_order_release);
        ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
    }
}

static int tg_is_new(tg_pool *pool, uint64_t seen) {
    uint64_t ticket = atomic_load(&pool->ticket);
    return ticket >> 32 != seen >> 32 || atomic_load_explicit(&pool->stop, memory_order_relaxed);
}

/* Until there is another round than `seen` or the pool stops. */
static void tg_await_round(tg_pool *pool, uint64_t seen) {
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
    uint64_t seen = 0;
    while (!atomic_load_explicit(&pool->stop, memory_order_relaxed)) {
        seen = tg_work(pool, atomic_load(&pool->ticket));
        tg_await_round(pool, seen);
    }
    return NULL;
}

static void tg_wake_sleepers(tg_pool *pool) {
    if (atomic_load(&pool->sleepers) == 0) return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

/* How many of the jobs make up a round; their slices to *slices. */
static int tg_set_round(tg_pool *pool, const tg_job *jobs, int count, int *slices) {
    int parts = 0;
    *slices = 0;
    while (parts < count && parts < TG_MOST_JOBS && (parts == 0 || jobs[parts].count < INT32_MAX - *slices)) {
        tg_part *part = &pool->parts[parts];
        *slices += jobs[parts].count > 0 ? jobs[parts].count : 0;
        atomic_store_explicit(&part->kernel, jobs[parts].kernel, memory_order_relaxed);
        atomic_store_explicit(&part->args, jobs[parts].args, memory_order_relaxed);
        atomic_store_explicit(&part->end, *slices, memory_order_relaxed);
        parts++;
    }
    atomic_store_explicit(&pool->count, *slices, memory_order_relaxed);
    atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
    return parts;
}

/* Hands out one round and waits for its end; returns how many jobs were in it. */
static int tg_run_round(tg_pool *pool, const tg_job *jobs, int count) {
    int slices, parts = tg_set_round(pool, jobs, count, &slices);
    uint64_t round = (atomic_load_explicit(&pool->ticket, memory_order_relaxed) >> 32) + 1;
    uint64_t ticket = round << 32 | (uint32_t)slices;
    atomic_store(&pool->ticket, ticket);
    tg_wake_sleepers(pool);
    tg_work(pool, ticket);
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
