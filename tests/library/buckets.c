/* A model with sizes in buckets from a C program: the selecting call, each specialisation by its name, the table, and
 * one training that goes on through all of them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "buckets.h"
#include "tg.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("line %d: %s\n", __LINE__, #condition);                                                             \
            return 1;                                                                                                  \
        }                                                                                                              \
    } while (0)

static const int sizes[] = {BUCKETS_T_BUCKETS};

/* The smallest bucket that holds so many; 0 if there is none. */
static int bucket_for(int length) {
    for (int i = 0; i < BUCKETS_T_BUCKET_COUNT; i++)
        if (sizes[i] >= length) return sizes[i];
    return 0;
}

int main(void) {
    float x[2 * BUCKETS_T_LARGEST], y[2], loss;
    const struct tg_info *info = buckets_info();
    buckets *model;
    CHECK(buckets_new(&model, 1, 3) == 0);
    for (int i = 0; i < 2 * BUCKETS_T_LARGEST; i++) x[i] = 1;

    /* w is 0.5: each specialisation sums its own places */
    for (int i = 0; i < BUCKETS_T_BUCKET_COUNT; i++) {
        CHECK(buckets_f(model, sizes[i], x, y) == 0);
        CHECK(fabsf(y[1] - 0.5f * (float)sizes[i]) < 1e-6f);
    }
    CHECK(buckets_f_T3(model, x, y) == 0 && fabsf(y[0] - 1.5f) < 1e-6f);
    CHECK(BUCKETS_F_T3_X_COUNT == 6 && BUCKETS_F_T5_X_1 == 5);
    CHECK(bucket_for(4) == 5 && bucket_for(6) == 0);

    CHECK(buckets_f(model, 4, x, y) == TG_BAD_ARGUMENT);
    CHECK(!strcmp(buckets_error(model), "f: no specialisation has T = 4"));
    CHECK(buckets_f(NULL, 3, x, y) == TG_BAD_ARGUMENT && buckets_f(NULL, 4, x, y) == TG_BAD_ARGUMENT);

    /* one parameter, one moment, one count of steps */
    float *w = buckets_param(model, "w", NULL), before = *w;
    for (int i = 0; i < 6; i++) CHECK(buckets_step(model, sizes[i % BUCKETS_T_BUCKET_COUNT], x, &loss) == 0);
    CHECK(buckets_steps(model) == 6 && *w != before);
    CHECK(info->param_count == 1 && info->state_count == 1);

    /* the table */
    const int64_t four[] = {4}, six[] = {6};
    const tg_entry *entry = tg_info_fitting(info, "step", four);
    CHECK(entry && !strcmp(entry->name, "step[T=5]") && !strcmp(entry->point, "step"));
    CHECK(entry->size_count == 1 && !strcmp(entry->sizes[0].name, "T") && entry->sizes[0].size == 5);
    CHECK(entry->inputs[0].padded && entry->inputs[0].pad == -1);
    CHECK(!tg_info_fitting(info, "step", six) && !tg_info_fitting(info, "plain", four));
    CHECK(tg_info_entry(info, "plain") && !tg_info_entry(info, "plain")->point && !tg_info_entry(info, "step"));
    size_t most = 0;
    for (int i = 0; i < info->entry_count; i++)
        if (info->entries[i].arena_bytes > most) most = info->entries[i].arena_bytes;
    CHECK(info->arena_bytes == most && BUCKETS_ARENA_BYTES == most);
    buckets_free(model);
    printf("all is well\n");
    return 0;
}
