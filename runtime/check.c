/* check.c: what a model built with --check does after every launch.
 *
 *     tg_for(model->pool, k03_h, ...);
 *     if (tg_checked(model, 0, 3, &t, NULL)) return model->status;
 *         -> TG_VALUE: step: h[2, 1] is -inf, made by k03_h (forward) from m.tg:6  h = log(x)
 *         -> TG_INTERNAL: step: k03_h (forward) wrote past the end of h; m.tg:6  h = log(x)
 *
 * In such a build every tensor of the arena, every group of parameters, every state has bytes of its own and a guard
 * of 64 bytes or more on each side. A call begins by filling the arena and the float results with a pattern, a
 * signalling NaN, which arithmetic turns into a quiet one: what a kernel leaves out is told from what it gets wrong.
 * After each launch the guards of what it wrote are compared and its values looked through. Infinities may come from a
 * kernel whose formula holds one or that reads some; everything else that is not a number is an error. Parameters and
 * states are copied as a call begins and put back where it fails.
 */
#include "tg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TG_GUARD = 64, TG_GUARD_BYTE = 0xC5, TG_PLACE_TEXT = 96 };
enum { TG_UNWRITTEN = 4, TG_BAD_BOOL = 8 }; /* of a value, beside TG_ODD_INF and TG_ODD_NAN */

static const uint32_t tg_pattern_f32 = 0x7FA5A5A5;
static const uint64_t tg_pattern_f64 = 0x7FF5A5A5A5A5A5A5;
static const uint8_t tg_pattern_bool = 0xA5;

struct tg_check {
    char *params, *states; /* as the call found them */
    unsigned *odd;         /* by tensor of the running entry point: TG_ODD_INF, TG_ODD_NAN where it may hold such */
};

tg_status tg_check_new(tg_model *model) {
    const tg_info *info = model->info;
    int most = 0;
    for (int i = 0; i < info->entry_count; i++)
        if (info->entries[i].watch->count > most) most = info->entries[i].watch->count;
    tg_check *check = model->check = calloc(1, sizeof *check);
    if (!check) return TG_NO_MEMORY;
    check->params = malloc(info->param_bytes + 1);
    check->states = malloc(info->state_bytes + 1);
    check->odd = calloc((size_t)most + 1, sizeof *check->odd);
    if (!check->params || !check->states || !check->odd) return TG_NO_MEMORY;
    memset(model->params, TG_GUARD_BYTE, info->param_bytes);
    memset(model->states, TG_GUARD_BYTE, info->state_bytes);
    return TG_OK;
}

void tg_check_free(tg_model *model) {
    if (!model->check) return;
    free(model->check->params);
    free(model->check->states);
    free(model->check->odd);
    free(model->check);
}

/* ---- values ---- */

static unsigned tg_oddness_f32(const float *value) {
    uint32_t bits;
    memcpy(&bits, value, sizeof bits);
    if ((bits & 0x7F800000) != 0x7F800000) return 0;
    if (bits == tg_pattern_f32) return TG_UNWRITTEN;
    return bits & 0x007FFFFF ? TG_ODD_NAN : TG_ODD_INF;
}

static unsigned tg_oddness_f64(const double *value) {
    uint64_t bits;
    memcpy(&bits, value, sizeof bits);
    if ((bits & 0x7FF0000000000000) != 0x7FF0000000000000) return 0;
    if (bits == tg_pattern_f64) return TG_UNWRITTEN;
    return bits & 0x000FFFFFFFFFFFFF ? TG_ODD_NAN : TG_ODD_INF;
}

static unsigned tg_oddness(const tg_watched *tensor, const char *data, int64_t i) {
    switch (tensor->dtype) {
    case TG_F32:
        return tg_oddness_f32((const float *)(const void *)data + i);
    case TG_F64:
        return tg_oddness_f64((const double *)(const void *)data + i);
    case TG_BOOL:
        return (uint8_t)data[i] <= 1 ? 0 : (uint8_t)data[i] == tg_pattern_bool ? TG_UNWRITTEN : TG_BAD_BOOL;
    case TG_I32:
        break;
    }
    return 0;
}

/* Everything that is odd about a tensor; *at is the first element that is so in a way of `wanted`, or -1. */
static unsigned tg_look_through(const tg_watched *tensor, const char *data, unsigned wanted, int64_t *at) {
    unsigned seen = 0;
    *at = -1;
    for (int64_t i = 0; i < tensor->count && tensor->dtype != TG_I32; i++) {
        unsigned odd = tg_oddness(tensor, data, i);
        if (*at < 0 && odd & wanted) *at = i;
        seen |= odd;
    }
    return seen;
}

static void tg_fill_pattern(const tg_watched *tensor, char *data) {
    for (int64_t i = 0; i < tensor->count; i++) {
        if (tensor->dtype == TG_F32) memcpy(data + 4 * i, &tg_pattern_f32, 4);
        if (tensor->dtype == TG_F64) memcpy(data + 8 * i, &tg_pattern_f64, 8);
        if (tensor->dtype == TG_BOOL) data[i] = (char)tg_pattern_bool;
        if (tensor->dtype == TG_I32) memset(data + 4 * i, tg_pattern_bool, 4);
    }
}

/* ---- messages ---- */

/* "h[2, 1]" */
static const char *tg_place_text(char *text, const tg_watched *tensor, int64_t at) {
    int64_t index[8], rest = at;
    for (int i = tensor->rank - 1; i >= 0; i--) {
        index[i] = tensor->shape[i] ? rest % tensor->shape[i] : 0;
        rest = tensor->shape[i] ? rest / tensor->shape[i] : 0;
    }
    int length = snprintf(text, TG_PLACE_TEXT, "%.40s", tensor->name);
    for (int i = 0; i < tensor->rank && length < TG_PLACE_TEXT - 24; i++)
        length += snprintf(text + length, TG_PLACE_TEXT - (size_t)length, "%s%" PRId64, i ? ", " : "[", index[i]);
    if (tensor->rank) snprintf(text + length, TG_PLACE_TEXT - (size_t)length, "]");
    return text;
}

static const char *tg_value_text(char text[8], const tg_watched *tensor, const char *data, int64_t at) {
    double value = 0;
    float single = 0;
    if (tensor->dtype == TG_BOOL) {
        snprintf(text, 8, "%d", (uint8_t)data[at]);
        return text;
    }
    if (tensor->dtype == TG_F64) memcpy(&value, data + 8 * at, 8);
    if (tensor->dtype == TG_F32) memcpy(&single, data + 4 * at, 4), value = (double)single;
    return value != value ? "nan" : value > 0 ? "inf" : "-inf";
}

static const char *tg_phase_text(const tg_row *row) {
    static const char *const phases[] = {"forward", "backward", "update"};
    return phases[row->phase];
}

/* Puts parameters and states back as the call found them. */
static tg_status tg_check_failed(tg_model *model) {
    memcpy(model->params, model->check->params, model->info->param_bytes);
    memcpy(model->states, model->check->states, model->info->state_bytes);
    return model->status;
}

/* ---- guards ---- */

/* The member of the entry point's struct of tensors. */
static char *tg_pointer(const void *tensors, int index) {
    char *pointer;
    memcpy(&pointer, (const char *)tensors + (size_t)index * sizeof pointer, sizeof pointer);
    return pointer;
}

static int tg_is_guard(const char *from, const char *to) {
    while (from < to && *from == (char)TG_GUARD_BYTE) from++;
    return from == to;
}

/* NULL, or which guard is broken. */
static const char *tg_broken_guard(const tg_watched *tensor, const char *data) {
    if (tensor->place != TG_IN_ARENA && tensor->place != TG_IN_BLOCK) return NULL;
    size_t bytes = (size_t)tensor->count * tg_dtype_bytes(tensor->dtype);
    size_t whole = (bytes + TG_GUARD - 1) / TG_GUARD * TG_GUARD;
    if (!tg_is_guard(data - TG_GUARD, data)) return "before the beginning";
    return tg_is_guard(data + bytes, data + whole + TG_GUARD) ? NULL : "past the end";
}

/* ---- a call ---- */

tg_status tg_check_begin(tg_model *model, int entry, const void *tensors) {
    const tg_entry *called = &model->info->entries[entry];
    const tg_watch *watch = called->watch;
    memcpy(model->check->params, model->params, model->info->param_bytes);
    memcpy(model->check->states, model->states, model->info->state_bytes);
    memset(model->arena, TG_GUARD_BYTE, called->arena_bytes); /* each entry point has places of its own */
    for (int i = 0; i < watch->count; i++) {
        const tg_watched *tensor = &watch->tensors[i];
        char *data = tg_pointer(tensors, i), place[TG_PLACE_TEXT], value[8];
        int64_t at = -1;
        model->check->odd[i] = 0;
        if (tensor->place == TG_IN_ARENA || tensor->place == TG_IN_RESULT) {
            tg_fill_pattern(tensor, data);
            continue;
        }
        model->check->odd[i] = tg_look_through(tensor, data, TG_ODD_NAN | TG_BAD_BOOL, &at) & TG_ODD_INF;
        if (at >= 0)
            return tg_fail(model, TG_VALUE, "%s: %s is %s as the call begins", called->name,
                           tg_place_text(place, tensor, at), tg_value_text(value, tensor, data, at));
    }
    return TG_OK;
}

/* One tensor that a launch wrote. */
static tg_status tg_check_written(tg_model *model, const tg_entry *entry, const tg_row *row, unsigned allowed,
                                  int index, const void *tensors) {
    const tg_watched *tensor = &entry->watch->tensors[index];
    const char *data = tg_pointer(tensors, index), *broken = tg_broken_guard(tensor, data);
    char place[TG_PLACE_TEXT], value[8];
    int64_t at;
    if (broken)
        return tg_fail(model, TG_INTERNAL, "%s: %s (%s) wrote %s of %s; %s", entry->name, row->name, tg_phase_text(row),
                       broken, tensor->name, row->origin);
    unsigned all = TG_ODD_INF | TG_ODD_NAN | TG_BAD_BOOL;
    model->check->odd[index] = tg_look_through(tensor, data, all & ~allowed, &at) & (TG_ODD_INF | TG_ODD_NAN);
    if (at < 0) return TG_OK;
    return tg_fail(model, TG_VALUE, "%s: %s is %s, made by %s (%s) from %s", entry->name,
                   tg_place_text(place, tensor, at), tg_value_text(value, tensor, data, at), row->name,
                   tg_phase_text(row), tensor->origin ? tensor->origin : row->origin);
}

tg_status tg_checked(tg_model *model, int entry, int launch, const void *tensors, const tg_slot *slot) {
    const tg_entry *called = &model->info->entries[entry];
    const tg_touched *touched = &called->watch->launches[launch];
    const tg_row *row = &called->rows[called->launches[launch]];
    if (slot && slot->label) {
        tg_fail(model, TG_VALUE, "%s: element %" PRId64 " is %" PRId64 ", not in 0 to %" PRId64 " (%s); %s",
                called->name, slot->position, slot->value, slot->limit - 1, slot->label, row->origin);
        return tg_check_failed(model);
    }
    unsigned allowed = touched->odd;
    for (const int *read = touched->reads; *read >= 0; read++) allowed |= model->check->odd[*read];
    for (const int *written = touched->writes; *written >= 0; written++)
        if (tg_check_written(model, called, row, allowed | model->check->odd[*written], *written, tensors))
            return tg_check_failed(model);
    return TG_OK;
}

tg_status tg_check_end(tg_model *model, int entry, const void *tensors) {
    const tg_entry *called = &model->info->entries[entry];
    const tg_watch *watch = called->watch;
    for (int i = 0; i < watch->count; i++) {
        const tg_watched *tensor = &watch->tensors[i];
        char place[TG_PLACE_TEXT];
        int64_t at = -1;
        if (tensor->place == TG_IN_RESULT) tg_look_through(tensor, tg_pointer(tensors, i), TG_UNWRITTEN, &at);
        const char *broken = tg_broken_guard(tensor, tg_pointer(tensors, i));
        if (at < 0 && !broken) continue;
        if (broken)
            tg_fail(model, TG_INTERNAL, "%s: something wrote %s of %s", called->name, broken, tensor->name);
        else
            tg_fail(model, TG_INTERNAL, "%s: %s was never written", called->name, tg_place_text(place, tensor, at));
        return tg_check_failed(model);
    }
    return TG_OK;
}
