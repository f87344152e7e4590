/* target_checkpoint.c: any bytes as a checkpoint of a small model, and as its weights.
 *
 * Held: loading gives all or nothing: where it fails there is a reason, and parameters, states, seed, calls and step
 * are what they were; no memory stays behind. Now and then what was loaded is saved and loaded again: the same bits.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tg_files.h"

const char *const fuzz_stages[] = {"inputs", "weights loaded", "checkpoint loaded", "saved again", NULL};
const FuzzTensor fuzz_tensors[] = {
    {"W", "F32", 2, {2, 3}},        {"b", "F32", 1, {3}},      {"g", "F64", 0, {0}},
    {"W.adam.m", "F32", 2, {2, 3}}, {"seen", "I32", 1, {2}},   {"on", "BOOL", 1, {5}},
    {"none", "F32", 2, {0, 4}},     {"other", "F32", 1, {-1}}, {NULL, NULL, 0, {0}},
};
const char *const fuzz_notes[] = {"tgc.seed", "tgc.calls", "tgc.step", "tgc.model", NULL};

enum { PARAM_BYTES = 24 + 12 + 4 + 8, STATE_BYTES = 24 + 8 + 5 };

static const int64_t two_three[] = {2, 3}, three[] = {3}, two[] = {2}, five[] = {5}, none[] = {0, 4};
static const tg_tensor params[] = {
    {.name = "W", .dtype = TG_F32, .rank = 2, .shape = two_three, .count = 6, .offset = 0},
    {.name = "b", .dtype = TG_F32, .rank = 1, .shape = three, .count = 3, .offset = 24},
    {.name = "g", .dtype = TG_F64, .rank = 0, .shape = NULL, .count = 1, .offset = 40, .a = 1},
};
static const tg_tensor states[] = {
    {.name = "W.adam.m", .dtype = TG_F32, .rank = 2, .shape = two_three, .count = 6, .offset = 0},
    {.name = "seen", .dtype = TG_I32, .rank = 1, .shape = two, .count = 2, .offset = 24},
    {.name = "on", .dtype = TG_BOOL, .rank = 1, .shape = five, .count = 5, .offset = 32},
    {.name = "none", .dtype = TG_F32, .rank = 2, .shape = none, .count = 0, .offset = 37},
};
static const tg_info info = {.abi = TG_ABI,
                             .name = "fuzz",
                             .target = "portable",
                             .param_count = 3,
                             .params = params,
                             .param_bytes = PARAM_BYTES,
                             .state_count = 4,
                             .states = states,
                             .state_bytes = STATE_BYTES,
                             .json = "{}"};

static tg_model *model, *other;
static char saved[64];

static void remove_saved(void) {
    unlink(saved);
    tg_model_free(model);
    tg_model_free(other);
}

void fuzz_begin(void) {
    const tg_options options = {.threads = 1, .seed = 1};
    snprintf(saved, sizeof saved, "%s/tgc-fuzz-%ld", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp",
             (long)getpid());
    atexit(remove_saved);
    fuzz_require(!tg_model_new(&model, &info, &options) && !tg_model_new(&other, &info, &options), "there are models");
}

/* ---- a model's bits ---- */

typedef struct Bits {
    char params[PARAM_BYTES], states[STATE_BYTES];
    uint64_t seed, calls, step;
} Bits;

static Bits bits_of(const tg_model *of) {
    Bits bits;
    memset(&bits, 0, sizeof bits);
    memcpy(bits.params, of->params, PARAM_BYTES);
    memcpy(bits.states, of->states, STATE_BYTES);
    bits.seed = of->seed;
    bits.calls = of->calls;
    bits.step = of->step;
    return bits;
}

static bool unchanged(const Bits *before) {
    Bits now = bits_of(model);
    return memcmp(&now, before, sizeof now) == 0;
}

static void check_failure(tg_status status, const Bits *before) {
    fuzz_require(status == TG_FORMAT, "what is wrong is the content");
    fuzz_require(tg_error_text(model)[0], "there is a reason");
    fuzz_require(unchanged(before), "a load that fails changes nothing");
}

static void check_saved(void) {
    fuzz_require(tg_checkpoint_save(model, saved, NULL) == TG_OK, "it can be saved");
    tg_model_reset(other, 7);
    fuzz_require(tg_checkpoint_load(other, saved) == TG_OK, "what was saved can be loaded");
    Bits bits = bits_of(other);
    fuzz_require(unchanged(&bits), "what was saved and loaded is the same");
    fuzz_reached(3);
}

static void load_weights(const char *path, bool must) {
    Bits before = bits_of(model);
    tg_status status = tg_model_load(model, path);
    fuzz_require(!status || !must, "a checkpoint holds the weights");
    if (status)
        check_failure(status, &before);
    else
        fuzz_reached(1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static unsigned loads;
    const char *path = fuzz_file(data, size);
    fuzz_reached(0);
    tg_model_reset(model, size);
    Bits before = bits_of(model);
    tg_status status = tg_checkpoint_load(model, path);
    if (status)
        check_failure(status, &before);
    else
        fuzz_reached(2);
    if (!status && loads++ % 64 == 0) check_saved();
    if (!status || size % 4 == 0) load_weights(path, !status);
    return 0;
}
