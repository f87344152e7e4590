/* data.c: batches of examples from a safetensors file, read by position as they are needed.
 *
 *     step(src: i32[64, 32], gold: i32[64, 32])     wants tensors src [N, 32] and gold [N, 32] of i32
 *
 * All epochs together are one endless row of examples: N of them in one order, N in another, and so on; batches are
 * cut from it one after the other, so an epoch's rest begins the next epoch's first batch, and a position in the row
 * is all that has to be remembered. An epoch's order is Fisher and Yates's shuffle, drawn from the seed and the epoch.
 */
#include "tg_train.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One input: where its examples lie in the file, and its part of the batch. */
typedef struct Column {
    const tg_tensor *input;
    const tg_file_tensor *tensor;
    uint64_t example_bytes;
    void *batch;
} Column;

struct tg_data {
    tg_file *file;
    const tg_entry *entry;
    Column *columns;
    const void **inputs; /* the columns' batches */
    uint64_t batch, examples;
    uint64_t seed, epoch; /* epoch: the one that `order` is of */
    uint32_t *order;      /* NULL: the file's */
};

enum { SHAPE_TEXT = 160 };

static tg_status fail(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static tg_status fail(char *text, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, size, format, arguments);
    va_end(arguments);
    return TG_FORMAT;
}

/* "i32[N, 32]"; the first axis is shown as `first` if that is not NULL. */
static const char *type_text(char *text, tg_dtype dtype, int rank, const int64_t *shape, const char *first) {
    int length = snprintf(text, SHAPE_TEXT, "%s [", tg_dtype_name(dtype));
    for (int i = 0; i < rank && length < SHAPE_TEXT - 32; i++) {
        if (i == 0 && first)
            length += snprintf(text + length, SHAPE_TEXT - (size_t)length, "%s", first);
        else
            length += snprintf(text + length, SHAPE_TEXT - (size_t)length, "%s%" PRId64, i ? ", " : "", shape[i]);
    }
    snprintf(text + length, SHAPE_TEXT - (size_t)length, "]");
    return text;
}

/* ---- does the file fit the entry? ---- */

static tg_status check_batch_axis(tg_data *data, char *text, size_t size) {
    const tg_entry *entry = data->entry;
    if (entry->input_count == 0)
        return fail(text, size, "entry %s has no inputs: there is nothing to feed", entry->name);
    const tg_tensor *first = &entry->inputs[0];
    for (int i = 0; i < entry->input_count; i++) {
        const tg_tensor *input = &entry->inputs[i];
        if (input->rank > 0 && first->rank > 0 && input->shape[0] == first->shape[0] && input->shape[0] > 0) continue;
        char has[SHAPE_TEXT], other[SHAPE_TEXT];
        return fail(text, size,
                    "entry %s: input %s is %s, but %s is %s: the training loop feeds examples, so the first axis of "
                    "every input has to be the batch; make what is no example a const or compute it in the model",
                    entry->name, input->name, type_text(has, input->dtype, input->rank, input->shape, NULL),
                    first->name, type_text(other, first->dtype, first->rank, first->shape, NULL));
    }
    data->batch = (uint64_t)first->shape[0];
    return TG_OK;
}

static tg_status check_column(tg_data *data, const char *path, Column *column, char *text, size_t size) {
    const tg_tensor *input = column->input;
    const tg_file_tensor *tensor = column->tensor = tg_file_find(data->file, input->name);
    char has[SHAPE_TEXT], wants[SHAPE_TEXT];
    type_text(wants, input->dtype, input->rank, input->shape, "examples");
    if (!tensor)
        return fail(text, size, "%s: has no tensor %s; entry %s wants %s", path, input->name, data->entry->name, wants);
    int fits = tensor->dtype == input->dtype && tensor->rank == input->rank;
    for (int i = 1; i < input->rank && fits; i++) fits = tensor->shape[i] == input->shape[i];
    if (!fits)
        return fail(text, size, "%s: tensor %s is %s; entry %s wants %s", path, input->name,
                    type_text(has, tensor->dtype, tensor->rank, tensor->shape, NULL), data->entry->name, wants);
    const tg_file_tensor *first = data->columns[0].tensor;
    if (tensor->shape[0] != first->shape[0])
        return fail(text, size, "%s: %s has %" PRId64 " examples, %s has %" PRId64, path, first->name, first->shape[0],
                    tensor->name, tensor->shape[0]);
    column->example_bytes = (uint64_t)(input->count / input->shape[0]) * tg_dtype_bytes(input->dtype);
    return TG_OK;
}

static tg_status check_examples(tg_data *data, const char *path, char *text, size_t size) {
    data->examples = (uint64_t)data->columns[0].tensor->shape[0];
    if (data->examples < data->batch)
        return fail(text, size, "%s: has %" PRIu64 " examples, fewer than one batch of %" PRIu64 " of entry %s", path,
                    data->examples, data->batch, data->entry->name);
    if (data->examples > UINT32_MAX)
        return fail(text, size, "%s: has %" PRIu64 " examples; up to %" PRIu32 " can be shuffled", path, data->examples,
                    UINT32_MAX);
    return TG_OK;
}

/* ---- memory ---- */

static tg_status take_buffers(tg_data *data, int shuffle, char *text, size_t size) {
    int whole = 1;
    for (int i = 0; i < data->entry->input_count; i++) {
        Column *column = &data->columns[i];
        size_t bytes = (size_t)(column->example_bytes * data->batch);
        data->inputs[i] = column->batch = aligned_alloc(64, (bytes + 64) / 64 * 64);
        whole = whole && column->batch;
    }
    if (shuffle) {
        data->order = malloc((size_t)data->examples * sizeof *data->order);
        whole = whole && data->order;
        data->epoch = UINT64_MAX;
    }
    if (whole) return TG_OK;
    snprintf(text, size, "no memory for a batch");
    return TG_NO_MEMORY;
}

tg_status tg_data_open(tg_data **data, const char *path, const tg_entry *entry, int shuffle, uint64_t seed, char *text,
                       size_t size) {
    *data = NULL;
    tg_data *opened = calloc(1, sizeof *opened);
    if (opened) {
        opened->columns = calloc((size_t)entry->input_count + 1, sizeof *opened->columns);
        opened->inputs = calloc((size_t)entry->input_count + 1, sizeof *opened->inputs);
    }
    if (!opened || !opened->columns || !opened->inputs) {
        tg_data_close(opened);
        snprintf(text, size, "no memory to open %s", path);
        return TG_NO_MEMORY;
    }
    opened->entry = entry;
    opened->seed = seed;
    tg_status status = check_batch_axis(opened, text, size);
    if (!status) status = tg_file_open(&opened->file, path, text, size);
    for (int i = 0; i < entry->input_count && !status; i++) {
        opened->columns[i].input = &entry->inputs[i];
        status = check_column(opened, path, &opened->columns[i], text, size);
    }
    if (!status) status = check_examples(opened, path, text, size);
    if (!status) status = take_buffers(opened, shuffle, text, size);
    if (status)
        tg_data_close(opened);
    else
        *data = opened;
    return status;
}

void tg_data_close(tg_data *data) {
    if (!data) return;
    for (int i = 0; data->columns && data->entry && i < data->entry->input_count; i++) free(data->columns[i].batch);
    tg_file_close(data->file);
    free(data->columns);
    free(data->inputs);
    free(data->order);
    free(data);
}

uint64_t tg_data_examples(const tg_data *data) {
    return data->examples;
}

uint64_t tg_data_batch_size(const tg_data *data) {
    return data->batch;
}

/* ---- batches ---- */

/* Fisher and Yates: element i changes place with one at or before it. The key is the seed, told from other uses. */
static void shuffle_epoch(tg_data *data, uint64_t epoch) {
    const uint32_t key[2] = {(uint32_t)data->seed ^ 0x64617461u, (uint32_t)(data->seed >> 32)};
    uint32_t *order = data->order;
    for (uint64_t i = 0; i < data->examples; i++) order[i] = (uint32_t)i;
    for (uint64_t i = data->examples - 1; i > 0; i--) {
        const uint32_t counter[2] = {(uint32_t)i, (uint32_t)epoch};
        uint32_t words[2];
        tg_threefry(key, counter, words);
        uint64_t j = words[0] * (i + 1) >> 32;
        uint32_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    data->epoch = epoch;
}

static uint64_t example_at(tg_data *data, uint64_t position) {
    uint64_t epoch = position / data->examples, place = position % data->examples;
    if (!data->order) return place;
    if (epoch != data->epoch) shuffle_epoch(data, epoch);
    return data->order[place];
}

const void *const *tg_data_batch(tg_data *data, uint64_t position, char *text, size_t size) {
    for (uint64_t row = 0; row < data->batch; row++) {
        uint64_t example = example_at(data, position + row);
        for (int i = 0; i < data->entry->input_count; i++) {
            const Column *column = &data->columns[i];
            uint64_t bytes = column->example_bytes;
            if (tg_file_read(data->file, column->tensor, example * bytes, bytes, (char *)column->batch + row * bytes,
                             text, size))
                return NULL;
        }
    }
    return data->inputs;
}

int64_t tg_data_tokens(const tg_data *data) {
    for (int i = 0; i < data->entry->input_count; i++) {
        const tg_tensor *input = &data->entry->inputs[i];
        if (input->dtype != TG_I32 || input->rank != 2) continue;
        const int32_t *ids = data->columns[i].batch;
        int64_t tokens = 0;
        for (int64_t t = 0; t < input->count; t++) tokens += ids[t] != 0;
        return tokens;
    }
    return -1;
}
