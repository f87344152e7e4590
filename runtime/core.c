/* core.c: instances of compiled models: their memory, their first values, their errors.
 *
 *     tg_model *model;
 *     if (tg_model_new(&model, &info, NULL)) …      takes parameters, states and the arena once
 *     entry->call(model, inputs, results)           no allocation here
 *     tg_model_free(model);
 *
 * Each of the three blocks is taken whole and on huge pages where the system has them. Parameters are filled here; of
 * the states what begins as zeros, and the arena, are left to the first call that uses them, so that who only asks a
 * model for its predictions doesn't hold the optimiser's moments and the gradients of a training step.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* madvise, and the processors a process may run on (pool.c) */
#endif
#include "tg.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#endif

enum { TG_LINE = 64, TG_HUGE = 2 << 20 };

/* Zeros, aligned for vectors; NULL without memory. `*taken` is what to free. calloc gives large blocks as pages that
 * the system fills when they are first touched. */
static char *tg_block_take(size_t bytes, void **taken) {
    size_t unit = bytes >= TG_HUGE ? TG_HUGE : TG_LINE;
    if (bytes > SIZE_MAX - 2 * TG_HUGE) return NULL;
    *taken = calloc(1, bytes + unit);
    if (!*taken) return NULL;
    char *block = (char *)*taken + (unit - (uintptr_t)*taken % unit) % unit;
#ifdef MADV_HUGEPAGE
    if (unit == TG_HUGE) (void)madvise(block, bytes / unit * unit, MADV_HUGEPAGE); /* a hint: works without */
#endif
    return block;
}

/* `fresh`: the block holds zeros as yet, and what begins as zeros is not touched. */
static void tg_fill_block(const tg_tensor *tensors, int count, uint64_t seed, char *block, int fresh) {
    for (int i = 0; i < count; i++)
        if (!fresh || tensors[i].init != TG_INIT_CONSTANT || tensors[i].a != 0)
            tg_random_fill(&tensors[i], seed, block + tensors[i].offset);
}

static void tg_model_begin(tg_model *model, uint64_t seed, int fresh) {
    tg_fill_block(model->info->params, model->info->param_count, seed, model->params, fresh);
    tg_fill_block(model->info->states, model->info->state_count, seed, model->states, fresh);
    model->seed = seed;
    model->calls = model->step = 0;
    model->learning_rate = model->gradient_norm = 0;
}

void tg_model_reset(tg_model *model, uint64_t seed) {
    tg_model_begin(model, seed, 0);
}

void tg_model_free(tg_model *model) {
    if (!model) return;
    tg_profile_free(model);
    if (model->info->check_free) model->info->check_free(model);
    tg_pool_free(model->pool);
    for (int i = 0; i < 3; i++) free(model->taken[i]);
    free(model);
}

tg_status tg_model_new(tg_model **model, const tg_info *info, const tg_options *options) {
    if (!model) return TG_BAD_ARGUMENT;
    *model = NULL;
    if (!info || info->abi != TG_ABI || (options && options->threads < 0)) return TG_BAD_ARGUMENT;
    tg_model *made = calloc(1, sizeof *made);
    if (!made) return TG_NO_MEMORY;
    made->info = info;
    made->pool = tg_pool_new(options ? options->threads : 0);
    made->params = tg_block_take(info->param_bytes, &made->taken[0]);
    made->states = tg_block_take(info->state_bytes, &made->taken[1]);
    made->arena = tg_block_take(info->arena_bytes, &made->taken[2]);
    if (!made->pool || !made->params || !made->states || !made->arena || tg_profile_ask(made) ||
        (info->check_new && info->check_new(made))) {
        tg_model_free(made);
        return TG_NO_MEMORY;
    }
    tg_model_begin(made, options ? options->seed : 0, info->check_new == NULL); /* check_new has put its marks there */
    *model = made;
    return TG_OK;
}

const char *tg_error_text(const tg_model *model) {
    if (!model) return "there is no model";
    return model->text;
}

tg_status tg_fail(tg_model *model, tg_status status, const char *format, ...) {
    if (!model) return status;
    model->status = status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(model->text, sizeof model->text, format, arguments);
    va_end(arguments);
    return status;
}

static const tg_tensor *tg_find_tensor(const tg_tensor *tensors, int count, const char *name) {
    for (int i = 0; i < count; i++)
        if (strcmp(tensors[i].name, name) == 0) return &tensors[i];
    return NULL;
}

void *tg_model_data(tg_model *model, const char *name, const tg_tensor **tensor) {
    if (tensor) *tensor = NULL;
    if (!model || !name) return NULL;
    char *block = model->params;
    const tg_tensor *found = tg_find_tensor(model->info->params, model->info->param_count, name);
    if (!found) {
        block = model->states;
        found = tg_find_tensor(model->info->states, model->info->state_count, name);
    }
    if (!found) return NULL;
    if (tensor) *tensor = found;
    return block + found->offset;
}

const tg_entry *tg_info_entry(const tg_info *info, const char *name) {
    for (int i = 0; info && name && i < info->entry_count; i++)
        if (strcmp(info->entries[i].name, name) == 0) return &info->entries[i];
    return NULL;
}

const tg_entry *tg_info_fitting(const tg_info *info, const char *point, const int64_t *sizes) {
    const tg_entry *best = NULL;
    for (int i = 0; info && point && sizes && i < info->entry_count; i++) {
        const tg_entry *entry = &info->entries[i];
        if (!entry->point || strcmp(entry->point, point) != 0) continue;
        int fits = 1;
        for (int k = 0; k < entry->size_count; k++)
            fits = fits && entry->sizes[k].size >= sizes[k] && (!best || entry->sizes[k].size <= best->sizes[k].size);
        if (fits) best = entry;
    }
    return best;
}

size_t tg_dtype_bytes(tg_dtype dtype) {
    static const size_t bytes[] = {[TG_F32] = 4, [TG_F64] = 8, [TG_I32] = 4, [TG_BOOL] = 1};
    return bytes[dtype];
}

const char *tg_dtype_name(tg_dtype dtype) {
    static const char *const names[] = {[TG_F32] = "F32", [TG_F64] = "F64", [TG_I32] = "I32", [TG_BOOL] = "BOOL"};
    return names[dtype];
}

int64_t tg_note_index(tg_slot *slot, int64_t value, int64_t limit, int64_t position, const char *label) {
    while (__atomic_exchange_n(&slot->busy, 1, __ATOMIC_ACQUIRE)) {
    }
    if (!slot->label || position < slot->position) {
        slot->value = value;
        slot->limit = limit;
        slot->position = position;
        slot->label = label;
    }
    __atomic_store_n(&slot->busy, 0, __ATOMIC_RELEASE);
    return value < 0 || limit <= 0 ? 0 : limit - 1;
}
