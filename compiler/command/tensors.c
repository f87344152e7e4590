/* tensors.c: the inputs and results of an entry point.
 *
 * In: a file, values typed by hand, or a seed. Out: for each input and result its elements in the type that compiled
 * code takes; results as a file or as text. A mistake names the tensor and shows both sides:
 *   in.safetensors: x is F32 [3, 2], but add takes x: F32 [2, 3] */
#include "command/command.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

double element_get(tg_dtype dtype, const void *data, int64_t index) {
    switch (dtype) {
    case TG_F32:
        return (double)((const float *)data)[index];
    case TG_F64:
        return ((const double *)data)[index];
    case TG_I32:
        return ((const int32_t *)data)[index];
    case TG_BOOL:
        break;
    }
    return ((const uint8_t *)data)[index] != 0;
}

void element_set(tg_dtype dtype, void *data, int64_t index, double number) {
    switch (dtype) {
    case TG_F32:
        ((float *)data)[index] = (float)number;
        break;
    case TG_F64:
        ((double *)data)[index] = number;
        break;
    case TG_I32:
        ((int32_t *)data)[index] = (int32_t)number;
        break;
    case TG_BOOL:
        ((uint8_t *)data)[index] = number != 0;
        break;
    }
}

const char *shape_of(Arena *arena, int rank, const int64_t *shape) {
    Text text;
    text_init(&text, arena);
    text_add(&text, "[");
    for (int i = 0; i < rank; i++) text_printf(&text, "%s%" PRId64, i ? ", " : "", shape[i]);
    text_add(&text, "]");
    return text.at;
}

int status_of(tg_status status) {
    switch (status) {
    case TG_OK:
        return STATUS_OK;
    case TG_FILE:
        return STATUS_FILE;
    case TG_FORMAT:
        return STATUS_CONTENT;
    case TG_VALUE:
        return STATUS_VALUE;
    case TG_BAD_ARGUMENT:
    case TG_NO_MEMORY:
    case TG_INTERNAL:
        break;
    }
    return STATUS_INTERNAL;
}

tg_dtype port_dtype(const Port *port, bool f64) {
    switch (port->dtype) {
    case DT_I32:
        return TG_I32;
    case DT_BOOL:
        return TG_BOOL;
    case DT_FLOAT:
        break;
    }
    return f64 ? TG_F64 : TG_F32;
}

static tg_tensor tensor_of_port(const Port *port, bool f64) {
    return (tg_tensor){.name = port->name,
                       .dtype = port_dtype(port, f64),
                       .rank = port->shape.rank,
                       .shape = port->shape.size,
                       .count = shape_count(&port->shape),
                       .low = port->low,
                       .high = port->high};
}

/* Zeros. Large ones are aligned and on huge pages, as a program that cares for speed has its tensors. */
static void *elements(Arena *arena, const tg_tensor *tensor) {
    enum { HUGE_PAGE = 2 << 20 };
    size_t bytes = (size_t)tensor->count * tg_dtype_bytes(tensor->dtype) + 1;
    if (bytes < HUGE_PAGE) return arena_alloc(arena, bytes);
    char *block = arena_alloc(arena, bytes + HUGE_PAGE);
    block += (HUGE_PAGE - (uintptr_t)block % HUGE_PAGE) % HUGE_PAGE;
#ifdef MADV_HUGEPAGE
    (void)madvise(block, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE); /* a hint: works without */
#endif
    return block;
}

void tensors_init(Tensors *tensors, Arena *arena, const Entry *entry, bool f64) {
    *tensors = (Tensors){.arena = arena,
                         .entry = entry->name,
                         .f64 = f64,
                         .input_count = entry->inputs.count,
                         .result_count = entry->results.count};
    tensors->inputs = NEW_ARRAY(arena, tg_tensor, tensors->input_count);
    tensors->results = NEW_ARRAY(arena, tg_tensor, tensors->result_count);
    tensors->input = NEW_ARRAY(arena, void *, tensors->input_count);
    tensors->result = NEW_ARRAY(arena, void *, tensors->result_count);
    tensors->set = NEW_ARRAY(arena, bool, tensors->input_count);
    for (int i = 0; i < tensors->input_count; i++) {
        tensors->inputs[i] = tensor_of_port(&entry->inputs.at[i], f64);
        tensors->input[i] = elements(arena, &tensors->inputs[i]);
    }
    for (int i = 0; i < tensors->result_count; i++) {
        tensors->results[i] = tensor_of_port(&entry->results.at[i], f64);
        tensors->result[i] = elements(arena, &tensors->results[i]);
    }
}

/* ---- from a file ---- */

static bool is_float(tg_dtype dtype) {
    return dtype == TG_F32 || dtype == TG_F64;
}

static bool fits(const tg_tensor *tensor, const tg_file_tensor *found) {
    if (found->rank != tensor->rank) return false;
    for (int i = 0; i < tensor->rank; i++)
        if (found->shape[i] != tensor->shape[i]) return false;
    return found->dtype == tensor->dtype || (is_float(found->dtype) && is_float(tensor->dtype));
}

static int read_input(Tensors *tensors, int index, tg_file *file, const char *path) {
    const tg_tensor *tensor = &tensors->inputs[index];
    const tg_file_tensor *found = tg_file_find(file, tensor->name);
    if (!found) return STATUS_OK;
    if (!fits(tensor, found)) {
        complain("%s: %s is %s %s, but %s takes %s: %s %s", path, tensor->name, tg_dtype_name(found->dtype),
                 shape_of(tensors->arena, found->rank, found->shape), tensors->entry, tensor->name,
                 tg_dtype_name(tensor->dtype), shape_of(tensors->arena, tensor->rank, tensor->shape));
        return STATUS_CONTENT;
    }
    char text[512];
    void *to = found->dtype == tensor->dtype ? tensors->input[index] : malloc(found->bytes + 1);
    if (!to) out_of_memory();
    tg_status status = tg_file_read(file, found, 0, found->bytes, to, text, sizeof text);
    if (status)
        complain("%s", text);
    else if (to != tensors->input[index])
        for (int64_t i = 0; i < tensor->count; i++)
            element_set(tensor->dtype, tensors->input[index], i, element_get(found->dtype, to, i));
    if (to != tensors->input[index]) free(to);
    tensors->set[index] = !status;
    return status_of(status);
}

int tensors_read(Tensors *tensors, const char *path) {
    tg_file *file;
    char text[512];
    tg_status status = tg_file_open(&file, path, text, sizeof text);
    if (status) {
        complain("%s", text);
        return status_of(status);
    }
    int worst = STATUS_OK;
    for (int i = 0; i < tensors->input_count; i++) {
        int one = read_input(tensors, i, file, path);
        if (one && !worst) worst = one;
    }
    for (int i = 0; i < tensors->input_count && !worst; i++)
        if (!tensors->set[i]) {
            const tg_tensor *tensor = &tensors->inputs[i];
            complain("%s: there is no tensor %s, which %s takes as %s: %s %s", path, tensor->name, tensors->entry,
                     tensor->name, tg_dtype_name(tensor->dtype), shape_of(tensors->arena, tensor->rank, tensor->shape));
            worst = STATUS_CONTENT;
        }
    tg_file_close(file);
    return worst;
}

/* ---- by hand ---- */

static int input_index(const Tensors *tensors, const char *name) {
    for (int i = 0; i < tensors->input_count; i++)
        if (strcmp(tensors->inputs[i].name, name) == 0) return i;
    return -1;
}

/* An empty list says nothing of the sizes within it: [] will do for [0, 3]. */
static bool same_form(const HandValue *value, const tg_tensor *tensor) {
    if (value->rank > tensor->rank || (value->rank < tensor->rank && (value->count || tensor->count))) return false;
    for (int i = 0; i < value->rank; i++)
        if (value->shape[i] != tensor->shape[i]) return false;
    return value->rank > 0 || tensor->rank == 0;
}

/* Why the numbers don't suit the type; NULL when they do. */
static const char *unsuitable(const HandValue *value, tg_dtype dtype) {
    if (value->has_bool && dtype != TG_BOOL) return "true and false are for bool inputs";
    for (int64_t i = 0; i < value->count; i++) {
        double number = value->number[i];
        if (dtype == TG_BOOL && number != 0 && number != 1) return "a bool is true, false, 1 or 0";
        if (dtype == TG_I32 && !(number == floor(number))) return "an i32 is a whole number";
        if (dtype == TG_I32 && (number < INT32_MIN || number > INT32_MAX)) return "a number outside i32";
    }
    return NULL;
}

static int wrong_value(const char *name, const char *why) {
    complain("%s: %s", name, why);
    return STATUS_CONTENT;
}

int tensors_set(Tensors *tensors, Request *request, const char *text) {
    Arena *arena = tensors->arena;
    const char *equals = strchr(text, '='), *error;
    if (!equals || equals == text) return usage_error(request, "'%s' is no input: write NAME=VALUE", text);
    const char *name = arena_strndup(arena, text, (size_t)(equals - text));
    int index = input_index(tensors, name);
    if (index < 0) {
        const char **names = NEW_ARRAY(arena, const char *, tensors->input_count + 1);
        for (int i = 0; i < tensors->input_count; i++) names[i] = tensors->inputs[i].name;
        return usage_error(request, "%s has no input %s%s", tensors->entry, name,
                           did_you_mean(arena, name, names, tensors->input_count));
    }
    HandValue value;
    const tg_tensor *tensor = &tensors->inputs[index];
    if (!value_read(arena, equals + 1, &value, &error)) return wrong_value(name, error);
    if (!same_form(&value, tensor)) {
        complain("%s has the shape %s, but %s takes %s: %s", name, shape_of(arena, value.rank, value.shape),
                 tensors->entry, name, shape_of(arena, tensor->rank, tensor->shape));
        return STATUS_CONTENT;
    }
    const char *why = unsuitable(&value, tensor->dtype);
    if (why) return wrong_value(name, why);
    for (int64_t i = 0; i < value.count; i++) element_set(tensor->dtype, tensors->input[index], i, value.number[i]);
    tensors->set[index] = true;
    return STATUS_OK;
}

bool tensors_complete(const Tensors *tensors, const char *mend) {
    for (int i = 0; i < tensors->input_count; i++)
        if (!tensors->set[i]) {
            const tg_tensor *tensor = &tensors->inputs[i];
            complain("%s needs the input %s: %s %s; %s", tensors->entry, tensor->name, tg_dtype_name(tensor->dtype),
                     shape_of(tensors->arena, tensor->rank, tensor->shape), mend);
            return false;
        }
    return true;
}

/* ---- at random ---- */

/* Fills with uniform numbers in [0, 1), as floats of any type. */
static double *uniform(const char *name, int64_t count, uint64_t seed) {
    double *numbers = malloc((size_t)count * sizeof *numbers + 1);
    if (!numbers) out_of_memory();
    tg_tensor tensor = {
        .name = name, .dtype = TG_F64, .rank = 1, .shape = &count, .count = count, .init = TG_INIT_UNIFORM, .b = 1};
    tg_random_fill(&tensor, seed, numbers);
    return numbers;
}

void tensors_random(Tensors *tensors, uint64_t seed) {
    for (int i = 0; i < tensors->input_count; i++) {
        tg_tensor tensor = tensors->inputs[i];
        if (tensors->set[i]) continue;
        if (is_float(tensor.dtype)) {
            tensor.init = TG_INIT_NORMAL;
            tensor.b = 1;
            tg_random_fill(&tensor, seed, tensors->input[i]);
            continue;
        }
        bool known = tensor.dtype == TG_I32 && tensor.high > tensor.low;
        double low = known ? (double)tensor.low : 0, range = known ? (double)(tensor.high - tensor.low) : 2;
        double *numbers = uniform(tensor.name, tensor.count, seed);
        for (int64_t k = 0; k < tensor.count; k++)
            element_set(tensor.dtype, tensors->input[i], k, low + floor(numbers[k] * range));
        free(numbers);
    }
}

/* ---- results ---- */

int tensors_write(const Tensors *tensors, const char *path) {
    char text[512];
    tg_file_out *out = NEW_ARRAY(tensors->arena, tg_file_out, tensors->result_count);
    for (int i = 0; i < tensors->result_count; i++) {
        const tg_tensor *result = &tensors->results[i];
        out[i] = (tg_file_out){result->name, result->dtype, result->rank, result->shape, tensors->result[i]};
    }
    tg_status status = tg_file_write(path, out, tensors->result_count, (const char *const[]){NULL}, text, sizeof text);
    if (status) complain("%s", text);
    return status_of(status);
}

void tensors_print(const Tensors *tensors, Text *text) {
    for (int i = 0; i < tensors->result_count; i++)
        value_print(text, tensors->results[i].name, &tensors->results[i], tensors->result[i]);
}
