/* profile.c: how long each launch of a model's kernels takes.
 *
 *     TG_PROFILE=1 ./program        the table goes to stderr
 *     TG_PROFILE=FILE ./program     it is added to FILE; where FILE ends in .json, as a line of JSON per entry point
 *
 *     step: 20 calls on 2 threads, 2.314 ms each
 *       share   total ms  launches    us each  GFLOP/s     GB/s  kernel
 *      41.3 %     19.113       120    159.272    105.3      4.1  k09_q  forward  gpt.tg:31  q = x @ W + b
 *
 * An entry point launches its kernels in an order that is fixed (tg_entry.launches), so the number of a launch within
 * its call says which it is: tg_begin starts the count, tg_for goes on. A launch takes from its start on the caller's
 * thread to the end of its last slice; what a call spends outside launches is a row of its own. All memory is taken
 * when the profile begins. The table is written when the instance is freed or, for those that are not, when the program
 * ends or the library is unloaded.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TG_PHASE_UPDATE = 2 };

/* What is known of one entry point. */
typedef struct tg_calls {
    uint64_t count;
    int64_t between; /* nanoseconds in its calls, outside launches */
    tg_time *times;  /* by row */
} tg_calls;

struct tg_profile {
    const tg_model *model;
    const char *to;        /* the value of TG_PROFILE; NULL: nobody asked for a table */
    tg_profile *following; /* of those that wait for the end of the program */
    int running;           /* the entry point of the last call, -1 before the first */
    int next;              /* its launch that comes next */
    int updates;           /* whether this call runs the rows of the update */
    int64_t last;          /* when its last launch ended */
    tg_calls *calls;       /* by entry point */
    tg_time *times;        /* all of them */
    int *order;            /* rows while a table is written */
    int rows;              /* of all entry points */
};

int64_t tg_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- counting ---- */

static void tg_profile_clear(tg_profile *profile) {
    profile->running = -1;
    memset(profile->times, 0, (size_t)profile->rows * sizeof *profile->times);
    for (int i = 0, row = 0; i < profile->model->info->entry_count; i++) {
        profile->calls[i] = (tg_calls){.times = profile->times + row};
        row += profile->model->info->entries[i].row_count;
    }
}

static void tg_profile_release(tg_profile *profile) {
    free(profile->calls);
    free(profile->times);
    free(profile->order);
    free(profile);
}

static tg_profile *tg_profile_take(const tg_model *model) {
    const tg_info *info = model->info;
    tg_profile *profile = calloc(1, sizeof *profile);
    if (!profile) return NULL;
    profile->model = model;
    for (int i = 0; i < info->entry_count; i++) profile->rows += info->entries[i].row_count;
    profile->calls = calloc((size_t)info->entry_count + 1, sizeof *profile->calls);
    profile->times = calloc((size_t)profile->rows + 1, sizeof *profile->times);
    profile->order = calloc((size_t)profile->rows + 1, sizeof *profile->order);
    if (profile->calls && profile->times && profile->order) return profile;
    tg_profile_release(profile);
    return NULL;
}

tg_status tg_profile_start(tg_model *model) {
    if (!model) return TG_BAD_ARGUMENT;
    if (!model->profile) model->profile = tg_profile_take(model);
    if (!model->profile) return TG_NO_MEMORY;
    tg_profile_clear(model->profile);
    tg_pool_watch(model->pool, model->profile);
    return TG_OK;
}

void tg_profile_begin(tg_model *model, int entry) {
    tg_profile *profile = model->profile;
    int calls_per_update = model->info->entries[entry].accumulate;
    profile->running = entry;
    profile->next = 0;
    profile->updates = calls_per_update <= 1 || (model->calls + 1) % (uint64_t)calls_per_update == 0;
    profile->calls[entry].count++;
    profile->last = tg_clock();
}

void tg_profile_add(tg_profile *profile, int64_t from, int64_t to) {
    if (profile->running < 0) return;
    const tg_entry *entry = &profile->model->info->entries[profile->running];
    tg_calls *calls = &profile->calls[profile->running];
    while (!profile->updates && profile->next < entry->launch_count &&
           entry->rows[entry->launches[profile->next]].phase == TG_PHASE_UPDATE)
        profile->next++;
    if (profile->next >= entry->launch_count) return;
    tg_time *time = &calls->times[entry->launches[profile->next++]];
    time->count++;
    time->nanoseconds += to - from;
    calls->between += from - profile->last;
    profile->last = to;
}

const tg_time *tg_profile_times(const tg_model *model, const tg_entry *entry, uint64_t *calls, int64_t *between) {
    if (!model || !model->profile || !entry) return NULL;
    const tg_calls *of = &model->profile->calls[entry - model->info->entries];
    if (calls) *calls = of->count;
    if (between) *between = of->between;
    return of->times;
}

/* ---- the table ---- */

static int64_t tg_total(const tg_calls *calls, const tg_entry *entry) {
    int64_t total = calls->between;
    for (int i = 0; i < entry->row_count; i++) total += calls->times[i].nanoseconds;
    return total;
}

/* Rows that were launched, the longest first; equal ones in their order. */
static int tg_sort_rows(const tg_calls *calls, const tg_entry *entry, int *order) {
    int count = 0;
    for (int row = 0; row < entry->row_count; row++) {
        if (!calls->times[row].count) continue;
        int at = count++;
        for (; at > 0 && calls->times[order[at - 1]].nanoseconds < calls->times[row].nanoseconds; at--)
            order[at] = order[at - 1];
        order[at] = row;
    }
    return count;
}

static void tg_put_rows(FILE *file, const tg_profile *profile, const tg_calls *calls, const tg_entry *entry) {
    static const char *const phases[] = {"forward", "backward", "update"};
    double total = (double)tg_total(calls, entry), percent = total > 0 ? 100 / total : 0;
    int count = tg_sort_rows(calls, entry, profile->order);
    fprintf(file, "%s: %llu call%s on %d thread%s, %.3f ms each\n", entry->name, (unsigned long long)calls->count,
            calls->count == 1 ? "" : "s", tg_pool_threads(profile->model->pool),
            tg_pool_threads(profile->model->pool) == 1 ? "" : "s", total * 1e-6 / (double)calls->count);
    fprintf(file, "   share    total ms   launches     us each  GFLOP/s     GB/s  kernel\n");
    for (int i = 0; i < count; i++) {
        const tg_row *row = &entry->rows[profile->order[i]];
        const tg_time *time = &calls->times[profile->order[i]];
        double took = (double)time->nanoseconds, launches = (double)time->count, rate = took > 0 ? launches / took : 0;
        fprintf(file, "%6.2f %% %11.3f %10llu %11.3f %8.1f %8.1f  %s  %s  %s\n", took * percent, took * 1e-6,
                (unsigned long long)time->count, took / launches * 1e-3, row->flop * rate, row->bytes * rate, row->name,
                phases[row->phase], row->origin);
    }
    fprintf(file, "%6.2f %% %11.3f %*s  between launches\n", (double)calls->between * percent,
            (double)calls->between * 1e-6, 40, "");
}

static void tg_put_quoted(FILE *file, const char *text) {
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', file);
        fputc((unsigned char)*text < ' ' ? ' ' : *text, file);
    }
    fputc('"', file);
}

static void tg_put_json(FILE *file, const tg_profile *profile, const tg_calls *calls, const tg_entry *entry) {
    int count = tg_sort_rows(calls, entry, profile->order);
    fprintf(file,
            "{\"model\": \"%s\", \"entry\": \"%s\", \"calls\": %llu, \"threads\": %d, \"seconds\": %.9f, "
            "\"between\": %.9f, \"rows\": [",
            profile->model->info->name, entry->name, (unsigned long long)calls->count,
            tg_pool_threads(profile->model->pool), (double)tg_total(calls, entry) * 1e-9,
            (double)calls->between * 1e-9);
    for (int i = 0; i < count; i++) {
        const tg_row *row = &entry->rows[profile->order[i]];
        const tg_time *time = &calls->times[profile->order[i]];
        fprintf(file,
                "%s{\"kernel\": \"%s\", \"value\": \"%s\", \"phase\": %d, \"launches\": %llu, \"seconds\": %.9f, "
                "\"flop\": %.0f, \"bytes\": %.0f, \"origin\": ",
                i ? ", " : "", row->name, row->value, row->phase, (unsigned long long)time->count,
                (double)time->nanoseconds * 1e-9, row->flop, row->bytes);
        tg_put_quoted(file, row->origin);
        fputc('}', file);
    }
    fprintf(file, "]}\n");
}

/* Every entry point that was called. A file that cannot be written is said so on stderr, where the table goes then. */
static void tg_profile_write(const tg_profile *profile) {
    const tg_info *info = profile->model->info;
    size_t length = strlen(profile->to);
    int named = strcmp(profile->to, "1") != 0, json = length > 5 && strcmp(profile->to + length - 5, ".json") == 0;
    FILE *file = NULL;
    for (int i = 0; i < info->entry_count; i++) {
        if (!profile->calls[i].count) continue;
        if (!file && named && !(file = fopen(profile->to, "a")))
            fprintf(stderr, "TG_PROFILE: cannot write %s\n", profile->to);
        (file && json ? tg_put_json : tg_put_rows)(file ? file : stderr, profile, &profile->calls[i],
                                                   &info->entries[i]);
        if (!file) named = 0;
    }
    if (file && (ferror(file) | fclose(file))) fprintf(stderr, "TG_PROFILE: cannot write all of %s\n", profile->to);
}

/* ---- what the environment asks for ---- */

static tg_profile *tg_waiting; /* profiles to write at the end of the program */
static int tg_waiting_busy;    /* held by the thread that changes the list */

static void tg_waiting_lock(void) {
    while (__atomic_exchange_n(&tg_waiting_busy, 1, __ATOMIC_ACQUIRE)) {
    }
}

static void tg_waiting_unlock(void) {
    __atomic_store_n(&tg_waiting_busy, 0, __ATOMIC_RELEASE);
}

tg_status tg_profile_ask(tg_model *model) {
    const char *to = getenv("TG_PROFILE");
    if (!to || !*to || strcmp(to, "0") == 0) return TG_OK;
    tg_status status = tg_profile_start(model);
    if (status) return status;
    model->profile->to = to;
    tg_waiting_lock();
    model->profile->following = tg_waiting;
    tg_waiting = model->profile;
    tg_waiting_unlock();
    return TG_OK;
}

void tg_profile_free(tg_model *model) {
    tg_profile *profile = model->profile;
    if (!profile) return;
    if (profile->to) {
        tg_waiting_lock();
        for (tg_profile **at = &tg_waiting; *at; at = &(*at)->following)
            if (*at == profile) {
                *at = profile->following;
                break;
            }
        tg_waiting_unlock();
        tg_profile_write(profile);
    }
    tg_profile_release(profile);
    model->profile = NULL;
}

__attribute__((destructor)) static void tg_profile_end(void) {
    for (const tg_profile *profile = tg_waiting; profile; profile = profile->following) tg_profile_write(profile);
}
