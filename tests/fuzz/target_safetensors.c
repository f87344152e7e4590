/* target_safetensors.c: any bytes as a safetensors file.
 *
 * Held: opening gives a file or a reason, and no memory stays behind; every tensor of an open file has a name, a
 * size that fits its shape, and bytes inside the file, no two of them the same; reading within a tensor works, past
 * its end is refused.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "tg_files.h"

const char *const fuzz_stages[] = {"inputs", "opened", "with tensors", NULL};
const FuzzTensor fuzz_tensors[] = {
    {"a", "F32", 1, {2}},       {"net.W", "F32", 2, {3, 2}}, {"i", "I32", 1, {-1}},      {"mask", "BOOL", 2, {2, 3}},
    {"x", "F64", 3, {1, 2, 2}}, {"s", "F64", 0, {0}},        {"none", "F32", 2, {0, 4}}, {NULL, NULL, 0, {0}},
};
const char *const fuzz_notes[] = {"tgc.seed", "tgc.step", "format", NULL};

enum { TEXT = 200 };

void fuzz_begin(void) {}

static void check_tensor(tg_file *file, const tg_file_tensor *tensor, size_t size) {
    char text[TEXT];
    int64_t count = 1;
    fuzz_require(tensor->name && tg_file_find(file, tensor->name) == tensor, "a tensor is found by its name");
    fuzz_require(tensor->rank >= 0 && tensor->rank <= 8, "at most eight axes");
    for (int i = 0; i < tensor->rank; i++) count *= tensor->shape[i];
    fuzz_require(tensor->count == count, "the count is that of the shape");
    fuzz_require(tensor->bytes == (uint64_t)count * tg_dtype_bytes(tensor->dtype), "the bytes are those of the shape");
    fuzz_require(tensor->offset <= size && tensor->bytes <= size - tensor->offset, "a tensor lies in the file");
    char *bytes = malloc((size_t)tensor->bytes + 1);
    fuzz_require(bytes && tg_file_read(file, tensor, 0, tensor->bytes, bytes, text, TEXT) == TG_OK, "it can be read");
    fuzz_require(tg_file_read(file, tensor, 1, tensor->bytes, bytes, text, TEXT) == TG_BAD_ARGUMENT,
                 "nothing is read past its end");
    fuzz_require(tg_file_read(file, tensor, UINT64_MAX, 2, bytes, text, TEXT) == TG_BAD_ARGUMENT, "nor far past it");
    free(bytes);
}

static void check_apart(const tg_file *file) {
    for (int i = 0; i < tg_file_count(file); i++)
        for (int k = 0; k < i; k++) {
            const tg_file_tensor *a = tg_file_at(file, i), *b = tg_file_at(file, k);
            fuzz_require(strcmp(a->name, b->name) != 0, "no two tensors have one name");
            bool apart = a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset;
            fuzz_require(apart || !a->bytes || !b->bytes, "no two tensors share a byte");
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char text[TEXT] = "";
    tg_file *file;
    fuzz_reached(0);
    tg_status status = tg_file_open(&file, fuzz_file(data, size), text, size % 4 ? TEXT : size / 4 % TEXT);
    fuzz_require((status == TG_OK) == (file != NULL), "an open file or a status");
    fuzz_require(status == TG_OK || status == TG_FORMAT, "what is wrong is the content");
    fuzz_require(!status || size % 4 == 0 || text[0], "there is a reason");
    if (status) return 0;
    fuzz_reached(1);
    if (tg_file_count(file)) fuzz_reached(2);
    for (int i = 0; i < tg_file_count(file); i++) check_tensor(file, tg_file_at(file, i), size);
    check_apart(file);
    fuzz_require(!tg_file_at(file, -1) && !tg_file_at(file, tg_file_count(file)), "there are no others");
    tg_file_note(file, "tgc.step");
    tg_file_close(file);
    return 0;
}
