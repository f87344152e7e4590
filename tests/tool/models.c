/* models.c: a compiled model against the evaluator. Two parts of tests/compare-model:
 *
 *     models inputs LIBRARY PREFIX FOLDER SEED      writes random inputs for a sequence of calls and prints the
 *                                                   arguments that make `tgc run` make the same calls
 *     models check LIBRARY PREFIX FOLDER BOUND [NOISY ...]
 *                                                   makes the calls at 1, 2 and 5 threads, compares the results with
 *                                                   those that `tgc run --interp` left in FOLDER, and their bits
 *                                                   with each other
 *
 * NOISY are folders with the results of `tgc run --interp --noise`. Where the evaluator itself strays under noise, a
 * result may stray NOISE_FACTOR times as far as the farthest of them: that is said, and is no error.
 *
 * The sequence: every train entry three times, then every other entry twice, on one instance of seed 7. Inputs,
 * results, parameters, states and the arena end where a page begins that nobody may touch: a kernel that reads or
 * writes past the bytes that the tables state ends the test.
 */
#include <dlfcn.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tg_files.h"

enum { SEED = 7, MAX_CALLS = 512, MAX_PORTS = 64, NOISE_FACTOR = 16 };

typedef struct Library {
    const tg_info *info;
    int (*create)(tg_model **model, int threads, uint64_t seed);
    void (*destroy)(tg_model *model);
} Library;

static const int thread_counts[] = {1, 2, 5};

static _Noreturn void stop(const char *what, const char *detail) {
    fprintf(stderr, "models: %s: %s\n", what, detail);
    exit(2);
}

static void *checked(void *memory) {
    if (!memory) stop("out of memory", "");
    return memory;
}

/* A function of the library by its name: ISO C has no cast from an object's address to a function's. */
static void find_function(void *library, const char *prefix, const char *name, void *function, size_t size) {
    char symbol[512];
    snprintf(symbol, sizeof symbol, "%s_%s", prefix, name);
    void *address = dlsym(library, symbol);
    if (!address) stop("no such function", symbol);
    memcpy(function, &address, size);
}

static Library open_library(const char *path, const char *prefix) {
    Library library = {0};
    const tg_info *(*info)(void);
    char full[4096];
    snprintf(full, sizeof full, "%s%s", strchr(path, '/') ? "" : "./", path);
    void *handle = dlopen(full, RTLD_NOW | RTLD_LOCAL);
    if (!handle) stop("can't open", dlerror());
    find_function(handle, prefix, "info", &info, sizeof info);
    find_function(handle, prefix, "new", &library.create, sizeof library.create);
    find_function(handle, prefix, "free", &library.destroy, sizeof library.destroy);
    library.info = info();
    return library;
}

static int call_sequence(const tg_info *info, const tg_entry **calls) {
    int count = 0;
    for (int train = 1; train >= 0; train--)
        for (int i = 0; i < info->entry_count; i++)
            for (int repeat = 0; repeat < 2 + train && info->entries[i].train == train && count < MAX_CALLS; repeat++)
                calls[count++] = &info->entries[i];
    return count;
}

/* ---- random inputs ---- */

static uint64_t random_bits(uint64_t *state) { /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double random_unit(uint64_t *state) {
    return (double)(random_bits(state) >> 11) * 0x1p-53;
}

/* Numbers that f32 holds exactly, so that both builds get the same: about normal, rounded to 1/4096. */
static double random_number(uint64_t *state) {
    double sum = 0;
    for (int i = 0; i < 12; i++) sum += random_unit(state);
    return nearbyint((sum - 6) * 4096) / 4096;
}

static void fill(const tg_tensor *tensor, void *to, uint64_t *state) {
    int64_t low = tensor->low, high = tensor->high ? tensor->high : 50;
    for (int64_t i = 0; i < tensor->count; i++) switch (tensor->dtype) {
        case TG_F32:
            ((float *)to)[i] = (float)random_number(state);
            break;
        case TG_F64:
            ((double *)to)[i] = random_number(state);
            break;
        case TG_I32:
            ((int32_t *)to)[i] = (int32_t)(low + (int64_t)(random_bits(state) % (uint64_t)(high - low)));
            break;
        case TG_BOOL:
            ((uint8_t *)to)[i] = random_bits(state) % 4 != 0;
            break;
        }
}

static size_t tensor_bytes(const tg_tensor *tensor) {
    return (size_t)tensor->count * tg_dtype_bytes(tensor->dtype);
}

static void *tensor_memory(const tg_tensor *tensor) {
    return checked(calloc((size_t)tensor->count + 1, tg_dtype_bytes(tensor->dtype)));
}

static void write_inputs(const tg_info *info, const char *folder, uint64_t seed) {
    const tg_entry *calls[MAX_CALLS];
    int count = call_sequence(info, calls);
    for (int i = 0; i < count; i++) {
        tg_file_out tensors[MAX_PORTS] = {{0}};
        char path[4096], text[512] = "";
        for (int k = 0; k < calls[i]->input_count; k++) {
            const tg_tensor *input = &calls[i]->inputs[k];
            void *data = tensor_memory(input);
            fill(input, data, &seed);
            tensors[k] = (tg_file_out){input->name, input->dtype, input->rank, input->shape, data};
        }
        snprintf(path, sizeof path, "%s/in%d.safetensors", folder, i);
        if (tg_file_write(path, tensors, calls[i]->input_count, NULL, text, sizeof text)) stop(path, text);
        printf("--call %s:%s:%s/want%d.safetensors\n", calls[i]->name, path, folder, i);
        for (int k = 0; k < calls[i]->input_count; k++) free((void *)tensors[k].data);
    }
}

/* ---- results ---- */

static void read_tensor(tg_file *file, const char *path, const tg_tensor *tensor, void *to) {
    char text[512] = "";
    const tg_file_tensor *found = tg_file_find(file, tensor->name);
    if (!found) stop(path, tensor->name);
    if (found->dtype != tensor->dtype || found->count != tensor->count) stop("dtype or shape differs", tensor->name);
    if (tg_file_read(file, found, 0, found->bytes, to, text, sizeof text)) stop(path, text);
}

static double element(const tg_tensor *tensor, const void *data, int64_t i) {
    switch (tensor->dtype) {
    case TG_F32:
        return ((const float *)data)[i];
    case TG_F64:
        return ((const double *)data)[i];
    case TG_I32:
        return ((const int32_t *)data)[i];
    case TG_BOOL:
        return ((const uint8_t *)data)[i];
    }
    return 0;
}

/* The largest difference, relative to the larger of 1 and the largest number; infinite where one side is no number. */
static double worst(const tg_tensor *tensor, const void *got, const void *wanted) {
    double scale = 1, most = 0;
    for (int64_t i = 0; i < tensor->count; i++)
        if (isfinite(element(tensor, wanted, i))) scale = fmax(scale, fabs(element(tensor, wanted, i)));
    for (int64_t i = 0; i < tensor->count; i++) {
        double g = element(tensor, got, i), w = element(tensor, wanted, i);
        if (g == w || (isnan(g) && isnan(w))) continue;
        double difference = fabs(g - w);
        most = isfinite(difference) ? fmax(most, difference) : INFINITY;
    }
    return most / scale;
}

/* What a library is held to. */
typedef struct Standard {
    const char *folder;
    double bound;
    char **noisy; /* folders */
    int noisy_count;
} Standard;

static void read_results(const char *folder, int call, const tg_entry *entry, void **results) {
    char path[4096], text[512] = "";
    tg_file *file;
    snprintf(path, sizeof path, "%s/want%d.safetensors", folder, call);
    if (tg_file_open(&file, path, text, sizeof text)) stop(path, text);
    for (int k = 0; k < entry->result_count; k++)
        read_tensor(file, path, &entry->results[k], results[k] = tensor_memory(&entry->results[k]));
    tg_file_close(file);
}

static void free_all(void **memory, int count) {
    for (int i = 0; i < count; i++) free(memory[i]);
}

/* How far the noisy evaluations of a call stray from the exact one, by result. */
static void noise_of(const Standard *standard, int call, const tg_entry *entry, void **wanted, double *strays) {
    for (int k = 0; k < entry->result_count; k++) strays[k] = 0;
    for (int i = 0; i < standard->noisy_count; i++) {
        void *noisy[MAX_PORTS];
        read_results(standard->noisy[i], call, entry, noisy);
        for (int k = 0; k < entry->result_count; k++)
            strays[k] = fmax(strays[k], worst(&entry->results[k], noisy[k], wanted[k]));
        free_all(noisy, entry->result_count);
    }
}

/* Compares one call's results; returns how many are wrong. */
static int judge(const Standard *standard, int call, const tg_entry *entry, void **results, int threads) {
    void *wanted[MAX_PORTS];
    double strays[MAX_PORTS];
    int bad = 0;
    read_results(standard->folder, call, entry, wanted);
    noise_of(standard, call, entry, wanted, strays);
    for (int k = 0; k < entry->result_count; k++) {
        double error = worst(&entry->results[k], results[k], wanted[k]);
        if (error <= standard->bound) continue;
        bool excused = error <= NOISE_FACTOR * strays[k];
        printf("call %d: %s.%s %s the evaluator by %.3g (bound %.3g, %d threads%s)\n", call, entry->name,
               entry->results[k].name, excused ? "strays from" : "differs from", error, standard->bound, threads,
               excused ? ", as noise does" : "");
        bad += !excused;
    }
    free_all(wanted, entry->result_count);
    return bad;
}

/* ---- memory that ends at a page that nobody may touch ---- */

static size_t whole_pages(size_t bytes) { /* one at least */
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (bytes / page + 1) * page;
}

/* A copy of `from`; its end is the page's but for what `alignment` asks for. */
static void *guarded_copy(const void *from, size_t bytes, size_t alignment) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = whole_pages(bytes);
    char *begin = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (begin == MAP_FAILED || mprotect(begin + whole, page, PROT_NONE)) stop("out of memory", "");
    return memcpy(begin + (whole - bytes) / alignment * alignment, from, bytes);
}

static void guarded_free(void *at, size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = whole_pages(bytes);
    uintptr_t end = ((uintptr_t)at + bytes + page - 1) / page * page;
    munmap((void *)(end - whole), whole + page);
}

typedef struct Blocks { /* of an instance, while guarded ones stand in for them */
    char *params, *states, *arena;
} Blocks;

static Blocks guard(tg_model *model) {
    Blocks own = {model->params, model->states, model->arena};
    model->params = guarded_copy(own.params, model->info->param_bytes, 64);
    model->states = guarded_copy(own.states, model->info->state_bytes, 64);
    model->arena = guarded_copy(own.arena, model->info->arena_bytes, 64);
    return own;
}

static void unguard(tg_model *model, Blocks own) {
    guarded_free(model->params, model->info->param_bytes);
    guarded_free(model->states, model->info->state_bytes);
    guarded_free(model->arena, model->info->arena_bytes);
    model->params = own.params;
    model->states = own.states;
    model->arena = own.arena;
}

static tg_status guarded_call(tg_model *model, const tg_entry *entry, void *const *inputs, void *const *results) {
    void *in[MAX_PORTS], *out[MAX_PORTS];
    Blocks own = guard(model);
    for (int k = 0; k < entry->input_count; k++) in[k] = guarded_copy(inputs[k], tensor_bytes(&entry->inputs[k]), 1);
    for (int k = 0; k < entry->result_count; k++)
        out[k] = guarded_copy(results[k], tensor_bytes(&entry->results[k]), 1);
    tg_status status = entry->call(model, (const void *const *)in, out);
    for (int k = 0; k < entry->input_count; k++) guarded_free(in[k], tensor_bytes(&entry->inputs[k]));
    for (int k = 0; k < entry->result_count; k++) {
        memcpy(results[k], out[k], tensor_bytes(&entry->results[k]));
        guarded_free(out[k], tensor_bytes(&entry->results[k]));
    }
    memcpy(own.params, model->params, model->info->param_bytes);
    memcpy(own.states, model->states, model->info->state_bytes);
    unguard(model, own);
    return status;
}

/* All results of all calls at one number of threads; results[call][port]. Returns how many are out of bounds. */
static int run_calls(const Library *library, int threads, const Standard *standard, void *(*results)[MAX_PORTS]) {
    const tg_entry *calls[MAX_CALLS];
    int count = call_sequence(library->info, calls), bad = 0;
    tg_model *model = NULL;
    if (library->create(&model, threads, SEED)) stop("new", model ? tg_error_text(model) : "no memory");
    for (int i = 0; i < count; i++) {
        const tg_entry *entry = calls[i];
        void *inputs[MAX_PORTS];
        char path[4096], text[512] = "";
        tg_file *file;
        snprintf(path, sizeof path, "%s/in%d.safetensors", standard->folder, i);
        if (tg_file_open(&file, path, text, sizeof text)) stop(path, text);
        for (int k = 0; k < entry->input_count; k++)
            read_tensor(file, path, &entry->inputs[k], inputs[k] = tensor_memory(&entry->inputs[k]));
        tg_file_close(file);
        for (int k = 0; k < entry->result_count; k++) results[i][k] = tensor_memory(&entry->results[k]);
        if (guarded_call(model, entry, inputs, results[i])) stop(entry->name, tg_error_text(model));
        bad += judge(standard, i, entry, results[i], threads);
        free_all(inputs, entry->input_count);
    }
    library->destroy(model);
    return bad;
}

static int check(const Library *library, const Standard *standard) {
    static void *results[sizeof thread_counts / sizeof thread_counts[0]][MAX_CALLS][MAX_PORTS];
    const tg_entry *calls[MAX_CALLS];
    int count = call_sequence(library->info, calls), bad = 0;
    for (size_t t = 0; t < sizeof thread_counts / sizeof thread_counts[0]; t++) {
        bad += run_calls(library, thread_counts[t], standard, results[t]);
        for (int i = 0; i < count && t; i++)
            for (int k = 0; k < calls[i]->result_count; k++) {
                const tg_tensor *result = &calls[i]->results[k];
                if (!memcmp(results[0][i][k], results[t][i][k], tensor_bytes(result))) continue;
                printf("call %d: %s.%s has other bits at %d threads than at %d\n", i, calls[i]->name, result->name,
                       thread_counts[t], thread_counts[0]);
                bad++;
            }
    }
    for (size_t t = 0; t < sizeof thread_counts / sizeof thread_counts[0]; t++)
        for (int i = 0; i < count; i++) free_all(results[t][i], calls[i]->result_count);
    return bad ? 1 : 0;
}

int main(int argc, char **argv) {
    if (argc < 6) stop("usage", "models inputs|check LIBRARY PREFIX FOLDER SEED|BOUND [NOISY ...]");
    Library library = open_library(argv[2], argv[3]);
    Standard standard = {argv[4], strtod(argv[5], NULL), argv + 6, argc - 6};
    if (!strcmp(argv[1], "check")) return check(&library, &standard);
    write_inputs(library.info, argv[4], strtoull(argv[5], NULL, 10));
    return 0;
}
