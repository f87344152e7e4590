/* pool.c: one pool of threads per model; tg_for gives it slices and works along.
 *
 *     tg_for(pool, k03_h, &args, 32)   ->   k03_h(&args, 0, 8) here, k03_h(&args, 8, 15) on a worker, …
 *
 * A job's slices are handed out by one 64-bit ticket: the job's number above, how many slices are left below. A worker
 * takes slices by compare-and-swap of the ticket alone; a worker that comes late sees another job's number or no slice
 * left, so tg_for waits for slices to be done, not for workers to have looked. Pieces get smaller towards the end.
 *
 * An idle worker watches the ticket for a few tens of microseconds, about as long as the serial parts between two
 * kernels take, and then sleeps on a condition. With TG_NO_THREADS all of it is a plain call.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include "tg.h"

#include <stdlib.h>

#ifdef TG_NO_THREADS

struct tg_pool {
    int threads;
    tg_profile *profile; /* of every tg_for, or NULL */
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

static void tg_run(tg_pool *pool, tg_kernel *kernel, const void *args, int count) {
    (void)pool;
    if (count > 0) kernel(args, 0, count);
}

#else

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

enum { TG_MOST_THREADS = 64, TG_STACK_BYTES = 4 << 20, TG_SPIN_NS = 40000 };

struct tg_pool {
    int threads;         /* the caller's included */
    tg_profile *profile; /* of every tg_for, or NULL */
    pthread_t ids[TG_MOST_THREADS];
    /* The job: written before its ticket, read after it. */
    _Alignas(64) _Atomic(tg_kernel *) kernel;
    _Atomic(const void *) args;
    atomic_int count;
    _Alignas(64) atomic_uint_fast64_t ticket; /* job number << 32 | slices left */
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

/* Stores that went past the caches are not ordered by atomics. */
static void tg_flush_streams(void) {
#if defined(__x86_64__)
    __builtin_ia32_sfence();
#endif
}

/* Slices to take at once: a part of what is left, so that the last pieces are small. */
static uint32_t tg_piece(uint32_t left, int threads) {
    uint32_t piece = left / (2 * (uint32_t)threads);
    return piece ? piece : 1;
}

/* Takes and runs pieces of the job that `ticket` shows until there are none; returns the last ticket seen. */
static uint64_t tg_work(tg_pool *pool, uint64_t ticket) {
    for (;;) {
        uint32_t left = (uint32_t)ticket;
        if (left == 0) return ticket;
        uint32_t piece = tg_piece(left, pool->threads);
        if (!atomic_compare_exchange_weak_explicit(&pool->ticket, &ticket, ticket - piece, memory_order_acq_rel,
                                                   memory_order_acquire))
            continue;
        /* The job stays as it is until this piece is done. */
        int lo = atomic_load_explicit(&pool->count, memory_order_relaxed) - (int)left;
        tg_kernel *kernel = atomic_load_explicit(&pool->kernel, memory_order_relaxed);
        const void *args = atomic_load_explicit(&pool->args, memory_order_relaxed);
        kernel(args, lo, lo + (int)piece);
        tg_flush_streams();
        atomic_fetch_add_explicit(&pool->done, (int)piece, memory_order_release);
        ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
    }
}

static int tg_is_new(tg_pool *pool, uint64_t seen) {
    uint64_t ticket = atomic_load(&pool->ticket);
    return ticket >> 32 != seen >> 32 || atomic_load_explicit(&pool->stop, memory_order_relaxed);
}

/* Until there is another job than `seen` or the pool stops. */
static void tg_await_job(tg_pool *pool, uint64_t seen) {
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
        tg_await_job(pool, seen);
    }
    return NULL;
}

static void tg_wake_sleepers(tg_pool *pool) {
    if (atomic_load(&pool->sleepers) == 0) return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

static void tg_run(tg_pool *pool, tg_kernel *kernel, const void *args, int count) {
    if (count <= 0) return;
    if (count == 1 || !pool || pool->threads == 1) {
        kernel(args, 0, count);
        return;
    }
    atomic_store_explicit(&pool->kernel, kernel, memory_order_relaxed);
    atomic_store_explicit(&pool->args, args, memory_order_relaxed);
    atomic_store_explicit(&pool->count, count, memory_order_relaxed);
    atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
    uint64_t job = ((atomic_load_explicit(&pool->ticket, memory_order_relaxed) >> 32) + 1) << 32 | (uint32_t)count;
    atomic_store(&pool->ticket, job);
    tg_wake_sleepers(pool);
    tg_work(pool, job);
    for (int turns = 0; atomic_load_explicit(&pool->done, memory_order_acquire) != count; turns++) {
        if (turns < 1000)
            tg_pause();
        else
            sched_yield(); /* more threads than processors: let the last one run */
    }
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

__attribute__((noinline)) static void tg_run_timed(tg_pool *pool, tg_kernel *kernel, const void *args, int count) {
    int64_t from = tg_clock();
    tg_run(pool, kernel, args, count);
    tg_profile_add(pool->profile, from, tg_clock());
}

void tg_for(tg_pool *pool, tg_kernel *kernel, const void *args, int count) {
    if (__builtin_expect(pool && pool->profile, 0))
        tg_run_timed(pool, kernel, args, count);
    else
        tg_run(pool, kernel, args, count);
}

void tg_pool_watch(tg_pool *pool, tg_profile *profile) {
    pool->profile = profile;
}

int tg_pool_threads(const tg_pool *pool) {
    return pool ? pool->threads : 1;
}
