/* The pool: every slice once, whatever the number of threads, of slices and of calls; sleep and wake; serial use. */
#include <CUnit/Basic.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tg.h"

enum { MOST = 5000 };

typedef struct Job {
    int *runs; /* per slice */
    int add;
} Job;

static void count_slices(const void *args, int lo, int hi) {
    const Job *job = args;
    for (int i = lo; i < hi; i++) job->runs[i] += job->add;
}

static void do_nothing(const void *args, int lo, int hi) {
    (void)args, (void)lo, (void)hi;
}

static int all_are(const int *runs, int count, int want) {
    for (int i = 0; i < count; i++)
        if (runs[i] != want) return 0;
    return 1;
}

/* Slices are plain memory: a thread sanitizer sees whether tg_for orders them before its return. */
static void test_each_slice_once(void) {
    static int runs[MOST + 1];
    const int threads[] = {1, 2, 3, 5, 16, 64}, counts[] = {0, 1, 2, 3, 7, 63, 64, 65, 1000, MOST};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        tg_pool *pool = tg_pool_new(threads[t]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
        CU_ASSERT_TRUE(tg_pool_threads(pool) >= 1 && tg_pool_threads(pool) <= threads[t]);
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            memset(runs, 0, sizeof runs);
            for (int round = 1; round <= 20; round++) {
                tg_for(pool, count_slices, &(Job){runs, round}, counts[c]);
                CU_ASSERT_TRUE(all_are(runs, counts[c], round * (round + 1) / 2));
            }
            CU_ASSERT_EQUAL(runs[counts[c]], 0);
        }
        tg_pool_free(pool);
    }
}

/* Jobs of one call: all slices of each, as if each had a call of its own; more jobs than a round holds, empty ones. */
static void test_jobs_share_a_call(void) {
    static int runs[40][70];
    const int threads[] = {1, 2, 3, 8};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        tg_pool *pool = tg_pool_new(threads[t]);
        for (int count = 0; count <= 40; count++) {
            Job given[40];
            tg_job jobs[40];
            memset(runs, 0, sizeof runs);
            for (int i = 0; i < count; i++) {
                given[i] = (Job){runs[i], i + 1};
                jobs[i] = (tg_job){count_slices, &given[i], (i * 37 + count) % 70};
            }
            for (int round = 0; round < 5; round++) tg_for_all(pool, jobs, count);
            for (int i = 0; i < count; i++) {
                CU_ASSERT_TRUE(all_are(runs[i], jobs[i].count, 5 * (i + 1)));
                CU_ASSERT_TRUE(all_are(runs[i] + jobs[i].count, 70 - jobs[i].count, 0));
            }
        }
        tg_pool_free(pool);
    }
}

typedef struct Place {
    pthread_t thread;
    int elsewhere;
} Place;

static void note_thread(const void *args, int lo, int hi) {
    Place *place = (Place *)(uintptr_t)args;
    place->elsewhere += !pthread_equal(place->thread, pthread_self()) + (lo != 0 || hi != 100);
}

static void test_runs_here(void) {
    tg_pool *pool = tg_pool_new(4);
    Place place = {.thread = pthread_self()};
    for (int call = 0; call < 200; call++) tg_for_here(pool, note_thread, &place, 100);
    tg_for_here(NULL, note_thread, &place, 100);
    CU_ASSERT_EQUAL(place.elsewhere, 0);
    tg_pool_free(pool);
}

static void test_many_short_calls(void) {
    static int runs[8];
    tg_pool *pool = tg_pool_new(4);
    for (int call = 0; call < 20000; call++) tg_for(pool, count_slices, &(Job){runs, 1}, 2 + call % 7);
    CU_ASSERT_EQUAL(runs[0], 20000);
    CU_ASSERT_EQUAL(runs[1], 20000);
    tg_pool_free(pool);
}

static void test_wakes_from_sleep(void) {
    static int runs[100];
    tg_pool *pool = tg_pool_new(3);
    for (int call = 0; call < 20; call++) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        tg_for(pool, count_slices, &(Job){runs, 1}, 100);
    }
    CU_ASSERT_TRUE(all_are(runs, 100, 20));
    tg_pool_free(pool);
}

static void test_no_pool_and_all_cores(void) {
    int runs[3] = {0};
    tg_for(NULL, count_slices, &(Job){runs, 1}, 3);
    CU_ASSERT_TRUE(all_are(runs, 3, 1));
    tg_pool *pool = tg_pool_new(0);
    CU_ASSERT_TRUE(tg_pool_threads(pool) >= 1);
    tg_pool_free(pool);
    tg_pool_free(NULL);
}

/* Said, not checked: a loaded machine may take longer. */
static void test_cost(void) {
    tg_pool *pool = tg_pool_new(0);
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < 20000; i++) tg_for(pool, do_nothing, NULL, 64);
    clock_gettime(CLOCK_MONOTONIC, &to);
    double ns = ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / 20000;
    printf(" (%d threads: %.0f ns a call) ", tg_pool_threads(pool), ns);
    tg_pool_free(pool);
}

/* Several threads find bad indices: the one at the smallest position stays, and the indices come back in range. */
static void check_indices(const void *args, int lo, int hi) {
    tg_slot *slot = (tg_slot *)(uintptr_t)args;
    for (int i = lo; i < hi; i++)
        if (tg_check_index(slot, i, 40, i, "net.emb") > 39) slot->label = "not clamped";
}

static void test_first_bad_index_stays(void) {
    tg_pool *pool = tg_pool_new(4);
    for (int round = 0; round < 200; round++) {
        tg_slot slot = {0};
        tg_for(pool, check_indices, &slot, 300);
        CU_ASSERT_TRUE(slot.value == 40 && slot.position == 40 && slot.limit == 40);
        CU_ASSERT_STRING_EQUAL(slot.label, "net.emb");
    }
    tg_slot slot = {0};
    CU_ASSERT_EQUAL(tg_check_index(&slot, 7, 8, 0, "x"), 7);
    CU_ASSERT_PTR_NULL(slot.label);
    CU_ASSERT_EQUAL(tg_check_index(&slot, -1, 8, 5, "x"), 0);
    CU_ASSERT_EQUAL(tg_check_index(&slot, 9, 8, 6, "y"), 7);
    CU_ASSERT_EQUAL(tg_check_index(&slot, 0, 0, 7, "z"), 0);
    CU_ASSERT_TRUE(slot.position == 5 && slot.value == -1);
    tg_pool_free(pool);
}

int main(void) {
    CU_initialize_registry();
    CU_pSuite suite = CU_add_suite("pool", NULL, NULL);
    CU_ADD_TEST(suite, test_each_slice_once);
    CU_ADD_TEST(suite, test_jobs_share_a_call);
    CU_ADD_TEST(suite, test_runs_here);
    CU_ADD_TEST(suite, test_many_short_calls);
    CU_ADD_TEST(suite, test_wakes_from_sleep);
    CU_ADD_TEST(suite, test_no_pool_and_all_cores);
    CU_ADD_TEST(suite, test_cost);
    CU_ADD_TEST(suite, test_first_bad_index_stays);
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    int failed = (int)CU_get_number_of_failures();
    CU_cleanup_registry();
    return failed != 0;
}
