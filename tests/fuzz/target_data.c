/* target_data.c: any bytes as a data set for an entry point, one of several.
 *
 * Held: opening gives a data set or a reason, and no memory stays behind; an open one gives batches at any position of
 * its endless row of epochs, each example once per epoch, every element inside the file.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "tg_train.h"

const char *const fuzz_stages[] = {"inputs", "opened", "shuffled", NULL};
const FuzzTensor fuzz_tensors[] = {
    {"x", "F32", 2, {-1, 3}}, {"t", "F32", 1, {-1}},    {"i", "I32", 2, {-1, 2}},
    {"m", "BOOL", 1, {-1}},   {"other", "F64", 1, {4}}, {NULL, NULL, 0, {0}},
};
const char *const fuzz_notes[] = {"format", NULL};

enum { ENTRIES = 5, CHOICES = 4, BUCKETS = 2, TEXT = 200 };

static const int64_t rows[] = {4, 3}, batch[] = {4}, ids[] = {1, 2}, single[] = {1}, pairs[] = {3, 2}, triple[] = {3},
                     twice[] = {2}, short_ids[] = {2, 1}, long_ids[] = {2, 4};
static const tg_tensor first[] = {
    {.name = "x", .dtype = TG_F32, .rank = 2, .shape = rows, .count = 12},
    {.name = "t", .dtype = TG_F32, .rank = 1, .shape = batch, .count = 4},
};
static const tg_tensor second[] = {
    {.name = "i", .dtype = TG_I32, .rank = 2, .shape = ids, .count = 2},
    {.name = "m", .dtype = TG_BOOL, .rank = 1, .shape = single, .count = 1},
};
static const tg_tensor third[] = {
    {.name = "t", .dtype = TG_F32, .rank = 1, .shape = triple, .count = 3},
    {.name = "i", .dtype = TG_I32, .rank = 2, .shape = pairs, .count = 6},
    {.name = "m", .dtype = TG_BOOL, .rank = 1, .shape = triple, .count = 3},
};
static const tg_tensor one[] = {
    {.name = "i", .dtype = TG_I32, .rank = 2, .shape = short_ids, .count = 2, .padded = 1, .pad = 7},
    {.name = "t", .dtype = TG_F32, .rank = 1, .shape = twice, .count = 2},
};
static const tg_tensor four[] = {
    {.name = "i", .dtype = TG_I32, .rank = 2, .shape = long_ids, .count = 8, .padded = 1, .pad = 7},
    {.name = "t", .dtype = TG_F32, .rank = 1, .shape = twice, .count = 2},
};
static const tg_entry entries[ENTRIES] = {
    {.name = "first", .train = 1, .input_count = 2, .inputs = first},
    {.name = "second", .train = 1, .input_count = 2, .inputs = second},
    {.name = "third", .train = 1, .input_count = 3, .inputs = third},
    {.name = "fourth[N=1]", .point = "fourth", .train = 1, .input_count = 2, .inputs = one, .size_count = 1},
    {.name = "fourth[N=4]", .point = "fourth", .train = 1, .input_count = 2, .inputs = four, .size_count = 1},
};

void fuzz_begin(void) {}

/* Reads all bytes of a batch, so that a sanitizer sees those that are nobody's. */
static unsigned sum_of(const tg_entry *entry, const void *const *inputs) {
    unsigned sum = 0;
    for (int i = 0; i < entry->input_count; i++) {
        const unsigned char *bytes = inputs[i];
        size_t size = (size_t)entry->inputs[i].count * tg_dtype_bytes(entry->inputs[i].dtype);
        for (size_t k = 0; k < size; k++) sum += bytes[k];
    }
    return sum;
}

static void check_batches(tg_data *data) {
    char text[TEXT];
    uint64_t examples = tg_data_examples(data), size = tg_data_batch_size(data);
    fuzz_require(size > 0 && examples >= size, "there is a batch of examples");
    const uint64_t positions[] = {0, 3 * examples - 1, UINT64_MAX - 1};
    for (size_t p = 0; p < sizeof positions / sizeof *positions; p++) {
        const void *const *inputs = tg_data_batch(data, positions[p], text, TEXT);
        fuzz_require(inputs != NULL, "there is a batch at any position");
        const tg_entry *entry = tg_data_entry(data);
        unsigned once = sum_of(entry, inputs);
        fuzz_require(tg_data_batch(data, positions[p], text, TEXT) && tg_data_entry(data) == entry &&
                         sum_of(entry, inputs) == once,
                     "a position has one batch");
        fuzz_require(tg_data_tokens(data) <= 8, "tokens are those of the batch");
    }
}

static void open_as(const tg_entry *entry, const char *path, size_t size, bool shuffle) {
    char text[TEXT] = "";
    tg_data *data;
    const tg_point point = {.entries = entry, .train = entry, .count = entry->size_count ? BUCKETS : 1};
    tg_status status = tg_data_open(&data, path, &point, shuffle, size, text, TEXT);
    fuzz_require((status == TG_OK) == (data != NULL), "an open data set or a status");
    fuzz_require(status == TG_OK || status == TG_FORMAT, "what is wrong is the content");
    fuzz_require(!status || text[0], "there is a reason");
    if (status) return;
    fuzz_reached(shuffle ? 2 : 1);
    check_batches(data);
    tg_data_close(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *path = fuzz_file(data, size);
    fuzz_reached(0);
    open_as(&entries[size % CHOICES], path, size, size / CHOICES % 2);
    return 0;
}
