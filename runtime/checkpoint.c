/* checkpoint.c: a model's parameters, and all that training needs to go on, as safetensors files.
 *
 *     weights      net.W, net.b, …
 *     checkpoint   net.W, net.b, …, and the states (moments, partial sums, the user's); notes tgc.seed, tgc.calls,
 *                  tgc.step, and the caller's
 *
 * Loading is all or nothing: everything is read into memory of its own, then copied. Floats of the other precision
 * are converted. Tensors that the model doesn't have are ignored.
 */
#include "tg_files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHAPE_TEXT = 160 };

static const char *shape_text(char *text, int rank, const int64_t *shape) {
    int length = snprintf(text, SHAPE_TEXT, "[");
    for (int i = 0; i < rank; i++)
        length += snprintf(text + length, SHAPE_TEXT - (size_t)length, "%s%" PRId64, i ? ", " : "", shape[i]);
    snprintf(text + length, SHAPE_TEXT - (size_t)length, "]");
    return text;
}

static int is_float(tg_dtype dtype) {
    return dtype == TG_F32 || dtype == TG_F64;
}

static void begin_call(tg_model *model) {
    model->status = TG_OK;
    model->text[0] = 0;
}

/* ---- loading ---- */

/* The file's tensor for one of the model's; NULL and the failure noted if it is missing or unlike. */
static const tg_file_tensor *matching(tg_model *model, const tg_file *file, const char *path, const tg_tensor *wanted) {
    const tg_file_tensor *found = tg_file_find(file, wanted->name);
    if (!found) {
        tg_fail(model, TG_FORMAT, "%s: has no tensor %s", path, wanted->name);
        return NULL;
    }
    int same = found->rank == wanted->rank;
    for (int i = 0; i < wanted->rank && same; i++) same = found->shape[i] == wanted->shape[i];
    if (!same) {
        char has[SHAPE_TEXT], wants[SHAPE_TEXT];
        tg_fail(model, TG_FORMAT, "%s: tensor %s is %s, the model's is %s", path, wanted->name,
                shape_text(has, found->rank, found->shape), shape_text(wants, wanted->rank, wanted->shape));
        return NULL;
    }
    if (found->dtype != wanted->dtype && !(is_float(found->dtype) && is_float(wanted->dtype))) {
        tg_fail(model, TG_FORMAT, "%s: tensor %s holds %s, the model's holds %s", path, wanted->name,
                tg_dtype_name(found->dtype), tg_dtype_name(wanted->dtype));
        return NULL;
    }
    return found;
}

static tg_status read_converted(tg_model *model, tg_file *file, const tg_file_tensor *from, const tg_tensor *wanted,
                                void *to) {
    char text[256];
    void *raw = malloc((size_t)from->bytes + 1);
    if (!raw) return tg_fail(model, TG_NO_MEMORY, "no memory to read tensor %s", from->name);
    tg_status status = tg_file_read(file, from, 0, from->bytes, raw, text, sizeof text);
    if (status) tg_fail(model, status, "%s", text);
    for (int64_t i = 0; i < wanted->count && !status; i++) {
        if (wanted->dtype == TG_F32)
            ((float *)to)[i] = (float)((double *)raw)[i];
        else
            ((double *)to)[i] = ((float *)raw)[i];
    }
    free(raw);
    return status;
}

static tg_status read_tensor(tg_model *model, tg_file *file, const char *path, const tg_tensor *wanted, char *block) {
    char text[256];
    const tg_file_tensor *found = matching(model, file, path, wanted);
    if (!found) return model->status;
    if (found->dtype != wanted->dtype) return read_converted(model, file, found, wanted, block + wanted->offset);
    tg_status status = tg_file_read(file, found, 0, found->bytes, block + wanted->offset, text, sizeof text);
    return status ? tg_fail(model, status, "%s", text) : TG_OK;
}

/* A block's tensors from a file into a fresh copy of the block; NULL on failure, noted in the model. */
static char *read_block(tg_model *model, tg_file *file, const char *path, const tg_tensor *tensors, int count,
                        const char *now, size_t bytes) {
    char *block = malloc(bytes + 1);
    if (!block) {
        tg_fail(model, TG_NO_MEMORY, "no memory to load %s", path);
        return NULL;
    }
    memcpy(block, now, bytes);
    for (int i = 0; i < count; i++) {
        if (read_tensor(model, file, path, &tensors[i], block) == TG_OK) continue;
        free(block);
        return NULL;
    }
    return block;
}

static tg_status open_for(tg_model *model, tg_file **file, const char *path) {
    char text[256];
    begin_call(model);
    tg_status status = tg_file_open(file, path, text, sizeof text);
    return status ? tg_fail(model, status, "%s", text) : TG_OK;
}

tg_status tg_model_load(tg_model *model, const char *path) {
    const tg_info *info = model->info;
    tg_file *file;
    if (open_for(model, &file, path)) return model->status;
    char *params = read_block(model, file, path, info->params, info->param_count, model->params, info->param_bytes);
    if (params) memcpy(model->params, params, info->param_bytes);
    free(params);
    tg_file_close(file);
    return model->status;
}

/* A note as a whole number. */
static tg_status note_number(tg_model *model, const tg_file *file, const char *path, const char *key, uint64_t *value) {
    const char *text = tg_file_note(file, key);
    char *end = NULL;
    errno = 0;
    if (text && text[0] >= '0' && text[0] <= '9') *value = strtoull(text, &end, 10);
    if (!end || *end || errno) return tg_fail(model, TG_FORMAT, "%s: no checkpoint: the note %s is missing", path, key);
    return TG_OK;
}

tg_status tg_checkpoint_load(tg_model *model, const char *path) {
    const tg_info *info = model->info;
    tg_file *file;
    if (open_for(model, &file, path)) return model->status;
    uint64_t seed = 0, calls = 0, step = 0;
    char *params = NULL, *states = NULL;
    if (!note_number(model, file, path, "tgc.seed", &seed) && !note_number(model, file, path, "tgc.calls", &calls) &&
        !note_number(model, file, path, "tgc.step", &step))
        params = read_block(model, file, path, info->params, info->param_count, model->params, info->param_bytes);
    if (params)
        states = read_block(model, file, path, info->states, info->state_count, model->states, info->state_bytes);
    if (states) {
        memcpy(model->params, params, info->param_bytes);
        memcpy(model->states, states, info->state_bytes);
        model->seed = seed;
        model->calls = calls;
        model->step = step;
    }
    free(params);
    free(states);
    tg_file_close(file);
    return model->status;
}

/* ---- saving ---- */

static void list_block(tg_file_out *out, const tg_tensor *tensors, int count, const char *block) {
    for (int i = 0; i < count; i++)
        out[i] = (tg_file_out){tensors[i].name, tensors[i].dtype, tensors[i].rank, tensors[i].shape,
                               block + tensors[i].offset};
}

static tg_status save(tg_model *model, const char *path, int with_states, const char *const *notes) {
    const tg_info *info = model->info;
    char text[256];
    begin_call(model);
    int count = info->param_count + (with_states ? info->state_count : 0);
    tg_file_out *out = calloc((size_t)count + 1, sizeof *out);
    if (!out) return tg_fail(model, TG_NO_MEMORY, "no memory to save %s", path);
    list_block(out, info->params, info->param_count, model->params);
    if (with_states) list_block(out + info->param_count, info->states, info->state_count, model->states);
    tg_status status = tg_file_write(path, out, count, notes, text, sizeof text);
    free(out);
    return status ? tg_fail(model, status, "%s", text) : TG_OK;
}

tg_status tg_model_save(tg_model *model, const char *path) {
    return save(model, path, 0, NULL);
}

tg_status tg_checkpoint_save(tg_model *model, const char *path, const char *const *notes) {
    char seed[24], calls[24], step[24];
    int extra = 0;
    while (notes && notes[extra]) extra += 2;
    const char **all = calloc((size_t)extra + 9, sizeof *all);
    if (!all) {
        begin_call(model);
        return tg_fail(model, TG_NO_MEMORY, "no memory to save %s", path);
    }
    snprintf(seed, sizeof seed, "%" PRIu64, model->seed);
    snprintf(calls, sizeof calls, "%" PRIu64, model->calls);
    snprintf(step, sizeof step, "%" PRIu64, model->step);
    const char *own[] = {"tgc.model", model->info->name, "tgc.seed", seed, "tgc.calls", calls, "tgc.step", step};
    memcpy(all, own, sizeof own);
    for (int i = 0; i < extra; i++) all[8 + i] = notes[i];
    tg_status status = save(model, path, 1, all);
    free(all);
    return status;
}
