/* data.c: batches of examples from a safetensors file, read by position as they are needed.
 *
 *     step(src: i32[64, 32], gold: i32[64, 32])     wants tensors src [N, 32] and gold [N, 32] of i32
 *
 * All epochs together are one endless row of examples: N of them in one order, N in another, and so on; batches are
 * cut from it one after the other, so an epoch's rest begins the next epoch's first batch, and a position in the row
 * is all that has to be remembered. An epoch's order is Fisher and Yates's shuffle, drawn from the seed and the epoch.
 * Where sizes are in buckets, a row may be as wide as it likes: what is no padding in it decides which specialisation
 * it fits, and lengths.c has batches drawn from rows that fit the same one. */
#include "tg_train.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One input: where its examples lie in the file, and its part of the batch. */
typedef struct Column {
    const tg_tensor *input;  /* of the largest specialisation */
    const tg_tensor *padded; /* the same of the training step, which says what rows are filled up with */
    const tg_file_tensor *tensor;
    uint64_t example_bytes; /* of the file */
    int varies[8];          /* by axis: whether specialisations differ in it */
    int any;                /* whether any axis does */
    void *batch;
} Column;

struct tg_data {
    tg_file *file;
    const tg_entry *entries; /* the specialisations, the largest last: a kind is a place among them */
    int kinds;
    const tg_entry *entry; /* of the last batch */
    Column *columns;
    const void **inputs; /* the columns' batches */
    uint64_t batch, examples;
    uint64_t seed, epoch; /* epoch: the one that `order` is of */
    uint32_t *order;      /* NULL: the file's */
    uint32_t *work;       /* twice as long; NULL where there is one kind */
    uint8_t *kind;        /* by example: the first specialisation that it fits; NULL where there is one kind */
    char *rows;           /* as they lie in the file, some at a time */
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
        if (data->columns[i].varies[0])
            return fail(text, size, "entry %s: the batch of input %s has several sizes; the training loop wants one",
                        entry->point, input->name);
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
    for (int i = 1; i < input->rank && fits; i++) fits = tensor->shape[i] == input->shape[i] || column->varies[i];
    if (!fits)
        return fail(text, size, "%s: tensor %s is %s; entry %s wants %s", path, input->name,
                    type_text(has, tensor->dtype, tensor->rank, tensor->shape, NULL), data->entry->name, wants);
    const tg_file_tensor *first = data->columns[0].tensor;
    if (tensor->shape[0] != first->shape[0])
        return fail(text, size, "%s: %s has %" PRId64 " examples, %s has %" PRId64, path, first->name, first->shape[0],
                    tensor->name, tensor->shape[0]);
    column->example_bytes = tensor->shape[0] ? tensor->bytes / (uint64_t)tensor->shape[0] : 0;
    if (column->any && !column->padded)
        return fail(text, size,
                    "entry %s: input %s has sizes in buckets, and nothing says what its rows are filled up with: write "
                    "%s: ... pad 0 in the training step",
                    data->entry->point, input->name, input->name);
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

/* ---- kinds: which specialisation an example fits ---- */

/* Whether inputs of `small`'s shapes fit into `large`. */
static int covers(const tg_entry *large, const tg_entry *small) {
    for (int i = 0; i < small->input_count; i++)
        for (int axis = 0; axis < small->inputs[i].rank; axis++)
            if (large->inputs[i].shape[axis] < small->inputs[i].shape[axis]) return 0;
    return 1;
}

static const tg_tensor *padding_of(const tg_entry *train, const char *name) {
    for (int i = 0; i < train->input_count; i++)
        if (strcmp(train->inputs[i].name, name) == 0) return train->inputs[i].padded ? &train->inputs[i] : NULL;
    return NULL;
}

static void fill_columns(tg_data *data, const tg_point *point) {
    for (int i = 0; i < data->entry->input_count; i++) {
        Column *column = &data->columns[i];
        column->input = &data->entry->inputs[i];
        column->padded = padding_of(point->train, column->input->name);
        for (int k = 0; k < data->kinds; k++)
            for (int axis = 0; axis < column->input->rank; axis++)
                if (data->entries[k].inputs[i].shape[axis] != column->input->shape[axis])
                    column->any = column->varies[axis] = 1;
    }
}

/* The input of a specialisation, with the padding of the training step. */
static tg_tensor padded_input(const Column *column, const tg_entry *entry, const tg_data *data) {
    tg_tensor input = entry->inputs[column - data->columns];
    input.pad = column->padded ? column->padded->pad : 0;
    return input;
}

/* Raises the kind of an example until a row of one column fits. */
static tg_status raise_kind(tg_data *data, const Column *column, const char *path, uint64_t example, const void *row,
                            char *text, size_t size) {
    int64_t extents[8];
    tg_tensor input = padded_input(column, data->entry, data);
    tg_row_extents(&input, column->tensor->shape, row, extents);
    for (int kind = data->kind[example]; kind < data->kinds; kind++) {
        const int64_t *shape = data->entries[kind].inputs[column - data->columns].shape;
        int fits = covers(&data->entries[kind], &data->entries[data->kind[example]]);
        for (int axis = 1; axis < input.rank && fits; axis++)
            fits = !column->varies[axis] || extents[axis] <= shape[axis];
        if (!fits) continue;
        data->kind[example] = (uint8_t)kind;
        return TG_OK;
    }
    for (int axis = 1; axis < input.rank; axis++)
        if (column->varies[axis] && extents[axis] > input.shape[axis])
            return fail(text, size,
                        "%s: %s of example %" PRIu64 " is %" PRId64 " long without its padding; the largest size is "
                        "%" PRId64,
                        path, input.name, example, extents[axis], input.shape[axis]);
    return fail(text, size, "%s: example %" PRIu64 " fits no specialisation of %s", path, example, data->entry->point);
}

enum { ROW_BYTES = 1 << 20 };

/* Reads a column from the first example to the last, as many at a time as `rows` holds. */
static tg_status find_kinds(tg_data *data, const Column *column, const char *path, char *text, size_t size) {
    uint64_t bytes = column->example_bytes, some = bytes && bytes < ROW_BYTES ? ROW_BYTES / bytes : 1;
    tg_status status = TG_OK;
    for (uint64_t from = 0; from < data->examples && !status; from += some) {
        if (some > data->examples - from) some = data->examples - from;
        status = tg_file_read(data->file, column->tensor, from * bytes, some * bytes, data->rows, text, size);
        for (uint64_t i = 0; i < some && !status; i++)
            status = raise_kind(data, column, path, from + i, data->rows + i * bytes, text, size);
    }
    return status;
}

/* ---- memory ---- */

static tg_status take_buffers(tg_data *data, int shuffle, char *text, size_t size) {
    int whole = 1;
    uint64_t widest = ROW_BYTES;
    for (int i = 0; i < data->entry->input_count; i++) {
        Column *column = &data->columns[i];
        size_t bytes = (size_t)column->input->count * tg_dtype_bytes(column->input->dtype);
        if (column->example_bytes > widest) widest = column->example_bytes;
        data->inputs[i] = column->batch = aligned_alloc(64, (bytes + 64) / 64 * 64);
        whole = whole && column->batch;
    }
    if (shuffle) {
        data->order = malloc((size_t)data->examples * sizeof *data->order);
        whole = whole && data->order;
        data->epoch = UINT64_MAX;
    }
    if (data->kinds > 1) {
        data->kind = calloc((size_t)data->examples, 1);
        data->rows = malloc((size_t)widest);
        data->work = shuffle ? malloc(2 * (size_t)data->examples * sizeof *data->work) : NULL;
        whole = whole && data->kind && data->rows && (data->work || !shuffle);
    }
    if (whole) return TG_OK;
    snprintf(text, size, "no memory for a batch");
    return TG_NO_MEMORY;
}

static tg_data *data_new(const tg_point *point, uint64_t seed) {
    tg_data *data = calloc(1, sizeof *data);
    if (!data) return NULL;
    data->entries = point->entries;
    data->kinds = point->count;
    data->entry = &data->entries[data->kinds - 1];
    data->seed = seed;
    data->columns = calloc((size_t)data->entry->input_count + 1, sizeof *data->columns);
    data->inputs = calloc((size_t)data->entry->input_count + 1, sizeof *data->inputs);
    if (data->columns && data->inputs) {
        fill_columns(data, point);
        return data;
    }
    tg_data_close(data);
    return NULL;
}

tg_status tg_data_open(tg_data **data, const char *path, const tg_point *point, int shuffle, uint64_t seed, char *text,
                       size_t size) {
    *data = NULL;
    tg_data *opened = data_new(point, seed);
    if (!opened) {
        snprintf(text, size, "no memory to open %s", path);
        return TG_NO_MEMORY;
    }
    int count = opened->entry->input_count;
    tg_status status = check_batch_axis(opened, text, size);
    if (!status) status = tg_file_open(&opened->file, path, text, size);
    for (int i = 0; i < count && !status; i++) status = check_column(opened, path, &opened->columns[i], text, size);
    if (!status) status = check_examples(opened, path, text, size);
    if (!status) status = take_buffers(opened, shuffle, text, size);
    for (int i = 0; i < count && opened->kind && !status; i++)
        if (opened->columns[i].any) status = find_kinds(opened, &opened->columns[i], path, text, size);
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
    free(data->work);
    free(data->kind);
    free(data->rows);
    free(data);
}

uint64_t tg_data_examples(const tg_data *data) {
    return data->examples;
}

uint64_t tg_data_batch_size(const tg_data *data) {
    return data->batch;
}

/* ---- batches ---- */

static void shuffle_epoch(tg_data *data, uint64_t epoch) {
    tg_shuffle(data->order, data->examples, data->seed, 0x64617461u, epoch);
    if (data->kind)
        tg_order_by_kind(data->order, data->work, data->kind, data->examples, data->batch, data->seed, epoch);
    data->epoch = epoch;
}

static uint64_t example_at(tg_data *data, uint64_t position) {
    uint64_t epoch = position / data->examples, place = position % data->examples;
    if (!data->order) return place;
    if (epoch != data->epoch) shuffle_epoch(data, epoch);
    return data->order[place];
}

/* The first specialisation that every example of the batch fits. The last covers all. */
static const tg_entry *entry_for(tg_data *data, uint64_t position) {
    int needed[TG_KINDS] = {0}, kind = 0;
    for (uint64_t row = 0; row < data->batch && data->kind; row++)
        needed[data->kind[example_at(data, position + row)]] = 1;
    for (; kind < data->kinds - 1; kind++) {
        int fits = 1;
        for (int k = 0; k < data->kinds && fits; k++)
            fits = !needed[k] || covers(&data->entries[kind], &data->entries[k]);
        if (fits) break;
    }
    return &data->entries[kind];
}

/* One example's row of a column, as the batch's entry wants it. */
static tg_status read_row(tg_data *data, const Column *column, uint64_t example, uint64_t row, char *text,
                          size_t size) {
    tg_tensor input = padded_input(column, data->entry, data);
    uint64_t bytes = column->example_bytes,
             own = (uint64_t)(input.count / input.shape[0]) * tg_dtype_bytes(input.dtype);
    char *to = (char *)column->batch + row * own;
    if (!column->any) return tg_file_read(data->file, column->tensor, example * bytes, bytes, to, text, size);
    tg_status status = tg_file_read(data->file, column->tensor, example * bytes, bytes, data->rows, text, size);
    if (!status) tg_row_copy(&input, column->tensor->shape, data->rows, to);
    return status;
}

const void *const *tg_data_batch(tg_data *data, uint64_t position, char *text, size_t size) {
    data->entry = entry_for(data, position);
    for (uint64_t row = 0; row < data->batch; row++) {
        uint64_t example = example_at(data, position + row);
        for (int i = 0; i < data->entry->input_count; i++)
            if (read_row(data, &data->columns[i], example, row, text, size)) return NULL;
    }
    return data->inputs;
}

const tg_entry *tg_data_entry(const tg_data *data) {
    return data->entry;
}

int64_t tg_data_tokens(const tg_data *data) {
    for (int i = 0; i < data->entry->input_count; i++) {
        tg_tensor input = padded_input(&data->columns[i], data->entry, data);
        if (input.dtype != TG_I32 || input.rank != 2) continue;
        int64_t tokens = 0;
        for (int64_t t = 0; t < input.count; t++) tokens += !tg_is_pad(&input, data->columns[i].batch, t);
        return tokens;
    }
    return -1;
}
