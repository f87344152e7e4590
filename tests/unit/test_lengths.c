/* Rows of different lengths: where their padding begins, rows made wider and narrower, and orders of an epoch in which
 * every example stands once and batches are of one kind. */
#include <CUnit/Basic.h>
#include <stdlib.h>
#include <string.h>

#include "tg_train.h"

enum { MOST = 400 };

/* ---- rows ---- */

static void test_extents(void) {
    static const int64_t shape[] = {1, 2, 3}, line[] = {1, 5};
    static const float grid[] = {1, 0.5f, 0.5f, 0.5f, 2, 0.5f}, blank[] = {0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f};
    static const int32_t ids[] = {7, -1, 3, -1, -1};
    static const uint8_t flags[] = {0, 1, 0, 1, 1};
    static const double numbers[] = {0.25, 0, 0, 0.25, 0};
    static const struct {
        tg_tensor input;
        const int64_t *shape;
        const void *row;
        int64_t first, second;
    } rows[] = {
        {{.dtype = TG_F32, .rank = 3, .pad = 0.5}, shape, grid, 2, 2},
        {{.dtype = TG_F32, .rank = 3, .pad = 0.5}, shape, blank, 0, 0},
        {{.dtype = TG_F32, .rank = 3, .pad = 1}, shape, grid, 2, 3},
        {{.dtype = TG_I32, .rank = 2, .pad = -1}, line, ids, 3, 0},
        {{.dtype = TG_BOOL, .rank = 2, .pad = 1}, line, flags, 3, 0},
        {{.dtype = TG_BOOL, .rank = 2, .pad = 0}, line, flags, 5, 0},
        {{.dtype = TG_F64, .rank = 2, .pad = 0}, line, numbers, 4, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t extents[8] = {0};
        tg_row_extents(&rows[i].input, rows[i].shape, rows[i].row, extents);
        CU_ASSERT_EQUAL(extents[1], rows[i].first);
        CU_ASSERT_EQUAL(extents[2] * (rows[i].input.rank > 2), rows[i].second);
    }
}

static void test_copies(void) {
    static const int64_t file[] = {9, 2, 3}, wide[] = {4, 3, 2}, line[] = {4, 4};
    static const float grid[] = {1, 2, 3, 4, 5, 6}, wanted[] = {1, 2, 4, 5, -1, -1};
    static const int32_t ids[] = {5, 6}, filled[] = {5, 6, 9, 9};
    static const uint8_t flags[] = {1, 0}, kept[] = {1, 0, 1, 1};
    static const int64_t two[] = {9, 2};
    const tg_tensor floats = {.dtype = TG_F32, .rank = 3, .shape = wide, .count = 24, .pad = -1};
    const tg_tensor whole = {.dtype = TG_I32, .rank = 2, .shape = line, .count = 16, .pad = 9};
    const tg_tensor bools = {.dtype = TG_BOOL, .rank = 2, .shape = line, .count = 16, .pad = 1};
    float row[6];
    int32_t out[4];
    uint8_t bits[4];
    tg_row_copy(&floats, file, grid, row);
    CU_ASSERT_EQUAL(memcmp(row, wanted, sizeof wanted), 0);
    tg_row_copy(&whole, two, ids, out);
    CU_ASSERT_EQUAL(memcmp(out, filled, sizeof filled), 0);
    tg_row_copy(&bools, two, flags, bits);
    CU_ASSERT_EQUAL(memcmp(bits, kept, sizeof kept), 0);
}

/* ---- orders ---- */

/* Goes through `epochs` epochs in batches; returns how many batches are of several kinds. */
static int check_epochs(uint64_t count, uint64_t batch, int kinds, int epochs, uint64_t seed) {
    uint32_t order[MOST], work[2 * MOST];
    uint8_t kind[MOST], last = 0;
    int mixed = 0, is_mixed = 0;
    for (uint64_t i = 0; i < count; i++) kind[i] = (uint8_t)(i * i % (uint64_t)kinds);
    for (uint64_t at = 0, epoch = 0; epoch < (uint64_t)epochs; epoch++) {
        int seen[MOST] = {0}, once = 1;
        tg_shuffle(order, count, seed, 1, epoch);
        tg_order_by_kind(order, work, kind, count, batch, seed, epoch);
        for (uint64_t i = 0; i < count; i++, at++) {
            if (at % batch == 0) mixed += is_mixed, is_mixed = 0;
            is_mixed |= at % batch != 0 && kind[order[i]] != last;
            last = kind[order[i]];
            once = once && order[i] < count && !seen[order[i]]++;
        }
        CU_ASSERT_TRUE(once);
    }
    return mixed;
}

static void test_orders(void) {
    static const uint64_t counts[] = {1, 4, 7, 22, 64, 100, 397}, batches[] = {1, 3, 4, 16};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (size_t k = 0; k < sizeof batches / sizeof *batches; k++)
            for (int kinds = 1; kinds <= 9; kinds += 4) {
                if (batches[k] > counts[i]) continue;
                /* what is left over of each kind, and a batch that goes on into the next epoch */
                int most = 5 * (kinds + 1);
                CU_ASSERT_TRUE(check_epochs(counts[i], batches[k], kinds, 5, i) <= most);
            }
    CU_ASSERT_EQUAL(check_epochs(100, 4, 1, 3, 7), 0);
}

static void test_batches_change(void) {
    uint32_t first[100], second[100], again[100], work[200];
    uint8_t kind[100];
    for (int i = 0; i < 100; i++) kind[i] = (uint8_t)(i % 3);
    uint32_t *const orders[] = {first, second, again};
    static const uint64_t epochs[] = {0, 1, 0};
    for (int i = 0; i < 3; i++) {
        tg_shuffle(orders[i], 100, 5, 1, epochs[i]);
        tg_order_by_kind(orders[i], work, kind, 100, 4, 5, epochs[i]);
    }
    CU_ASSERT_EQUAL(memcmp(first, again, sizeof first), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(first, second, sizeof first), 0);
    /* kinds don't come one after the other: the batches are shuffled, too */
    int changes = 0;
    for (int i = 4; i < 100; i += 4) changes += kind[first[i]] != kind[first[i - 4]];
    CU_ASSERT_TRUE(changes > 5);
}

int main(void) {
    CU_initialize_registry();
    CU_pSuite suite = CU_add_suite("lengths", NULL, NULL);
    CU_add_test(suite, "how far a row reaches", test_extents);
    CU_add_test(suite, "rows made wider and narrower", test_copies);
    CU_add_test(suite, "every example once, batches of a kind", test_orders);
    CU_add_test(suite, "each epoch in an order of its own", test_batches_change);
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    int failed = (int)CU_get_number_of_failures();
    CU_cleanup_registry();
    return failed != 0;
}
