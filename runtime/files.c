/* files.c: opens safetensors files: eight bytes of length, a JSON header, then the elements of all tensors.
 *
 *     8 bytes: 96    {"src":{"dtype":"I32","shape":[1000,32],"data_offsets":[0,128000]},"__metadata__":{…}}    elements
 *
 * Nothing in the header is believed: its length, its text, every shape and every range are checked against the size of
 * the file before a tensor is handed out, and elements are read by position, never wholly. Messages name the file and
 * the tensor.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tg_files.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_LIMIT = 100 * 1000 * 1000, MOST_AXES = 8 };
static const double LARGEST_WHOLE = 9007199254740992.0; /* 2^53: up to here a JSON number is exact */

struct tg_file {
    int descriptor;
    char *path;
    cJSON *header; /* owns the names and notes */
    tg_file_tensor *tensors;
    int count;
    uint64_t size;
};

/* Where a failure is described. */
typedef struct Report {
    const char *path;
    char *text;
    size_t size;
} Report;

static tg_status fail(const Report *report, tg_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static tg_status fail(const Report *report, tg_status status, const char *format, ...) {
    if (report->size == 0) return status;
    int begun = snprintf(report->text, report->size, "%s: ", report->path);
    if (begun < 0 || (size_t)begun >= report->size) return status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->text + begun, report->size - (size_t)begun, format, arguments);
    va_end(arguments);
    return status;
}

/* ---- reading bytes ---- */

static tg_status read_at(const Report *report, int descriptor, uint64_t from, uint64_t bytes, void *to) {
    char *at = to;
    while (bytes > 0) {
        size_t wanted = bytes < (1u << 30) ? (size_t)bytes : 1u << 30;
        ssize_t got = pread(descriptor, at, wanted, (off_t)from);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(report, TG_FILE, "cannot be read: %s", strerror(errno));
        if (got == 0) return fail(report, TG_FILE, "ends early: it has become shorter since it was opened");
        at += got;
        from += (uint64_t)got;
        bytes -= (uint64_t)got;
    }
    return TG_OK;
}

/* ---- the header's text ---- */

/* The length of the UTF-8 sequence at `at`, 0 if there is none: no surrogates, no overlong forms. */
static size_t utf8_length(const unsigned char *at, size_t left) {
    static const struct {
        unsigned char mask, lead, least_second, most_second, length;
    } rows[] = {
        {0x80, 0x00, 0, 0, 1},       {0xE0, 0xC0, 0x80, 0xBF, 2}, {0xFF, 0xE0, 0xA0, 0xBF, 3},
        {0xFF, 0xED, 0x80, 0x9F, 3}, {0xF0, 0xE0, 0x80, 0xBF, 3}, {0xFF, 0xF0, 0x90, 0xBF, 4},
        {0xFF, 0xF4, 0x80, 0x8F, 4}, {0xFC, 0xF0, 0x80, 0xBF, 4},
    };
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        if ((at[0] & rows[r].mask) != rows[r].lead) continue;
        if (at[0] == 0xC0 || at[0] == 0xC1 || rows[r].length > left) return 0;
        for (size_t i = 1; i < rows[r].length; i++) {
            unsigned char least = i == 1 ? rows[r].least_second : 0x80, most = i == 1 ? rows[r].most_second : 0xBF;
            if (at[i] < least || at[i] > most) return 0;
        }
        return rows[r].length;
    }
    return 0;
}

static int is_utf8(const char *text, size_t length) {
    const unsigned char *at = (const unsigned char *)text;
    for (size_t i = 0, step; i < length; i += step)
        if ((step = utf8_length(at + i, length - i)) == 0) return 0;
    return 1;
}

static tg_status read_header(const Report *report, tg_file *file, uint64_t *data_start) {
    unsigned char prefix[8];
    if (file->size < sizeof prefix)
        return fail(report, TG_FORMAT, "is no safetensors file: it has %llu bytes, fewer than a header's length takes",
                    (unsigned long long)file->size);
    tg_status status = read_at(report, file->descriptor, 0, sizeof prefix, prefix);
    if (status) return status;
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--) length = length << 8 | prefix[i];
    if (length > HEADER_LIMIT)
        return fail(report, TG_FORMAT, "is no safetensors file: a header of %llu bytes is past the limit of %d",
                    (unsigned long long)length, HEADER_LIMIT);
    if (length > file->size - sizeof prefix)
        return fail(report, TG_FORMAT, "is cut short: the header takes %llu bytes, the file has %llu",
                    (unsigned long long)length, (unsigned long long)file->size);
    char *text = malloc((size_t)length + 1);
    if (!text) return fail(report, TG_NO_MEMORY, "no memory for a header of %llu bytes", (unsigned long long)length);
    text[length] = 0;
    status = read_at(report, file->descriptor, sizeof prefix, length, text);
    if (!status && !is_utf8(text, (size_t)length)) status = fail(report, TG_FORMAT, "the header is not UTF-8");
    if (!status && (memchr(text, 0, (size_t)length) || strstr(text, "\\u0000")))
        status = fail(report, TG_FORMAT, "the header holds a zero character");
    if (!status) {
        const char *end = NULL;
        errno = 0;
        file->header = cJSON_ParseWithLengthOpts(text, (size_t)length + 1, &end, 1);
        if (!file->header && errno == ENOMEM) /* cJSON gives no reasons */
            status = fail(report, TG_NO_MEMORY, "no memory for its header");
        else if (!file->header || !cJSON_IsObject(file->header))
            status = fail(report, TG_FORMAT, "the header is not a JSON object (near byte %ld)",
                          end ? (long)(end - text) + (long)sizeof prefix : 8L);
    }
    free(text);
    *data_start = sizeof prefix + length;
    return status;
}

/* ---- the header's entries ---- */

static int whole_number(const cJSON *item, uint64_t *value) {
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) || item->valuedouble > LARGEST_WHOLE) return 0;
    *value = (uint64_t)item->valuedouble;
    return (double)*value == item->valuedouble;
}

static tg_status read_dtype(const Report *report, const cJSON *entry, tg_file_tensor *tensor) {
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "dtype"));
    if (!name) return fail(report, TG_FORMAT, "tensor %s has no dtype", tensor->name);
    for (tg_dtype dtype = TG_F32; dtype <= TG_BOOL; dtype++) {
        tensor->dtype = dtype;
        if (strcmp(tg_dtype_name(dtype), name) == 0) return TG_OK;
    }
    return fail(report, TG_FORMAT, "tensor %s has dtype %s; F32, F64, I32 and BOOL can be read", tensor->name, name);
}

static tg_status read_shape(const Report *report, const cJSON *entry, tg_file_tensor *tensor) {
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(entry, "shape"), *axis;
    if (!cJSON_IsArray(shape)) return fail(report, TG_FORMAT, "tensor %s has no shape", tensor->name);
    if (cJSON_GetArraySize(shape) > MOST_AXES)
        return fail(report, TG_FORMAT, "tensor %s has more than %d axes", tensor->name, MOST_AXES);
    uint64_t count = 1, axes = 1; /* axes: of those that are not 0, so that no order of axes hides an overflow */
    cJSON_ArrayForEach(axis, shape) {
        uint64_t size = 0;
        if (!whole_number(axis, &size))
            return fail(report, TG_FORMAT, "tensor %s: an axis is not a whole number", tensor->name);
        if (size && axes > (uint64_t)LARGEST_WHOLE / size)
            return fail(report, TG_FORMAT, "tensor %s has more elements than a file can hold", tensor->name);
        axes *= size ? size : 1;
        count *= size;
        tensor->shape[tensor->rank++] = (int64_t)size;
    }
    tensor->count = (int64_t)count;
    return TG_OK;
}

static tg_status read_range(const Report *report, const cJSON *entry, uint64_t data_bytes, tg_file_tensor *tensor) {
    const cJSON *range = cJSON_GetObjectItemCaseSensitive(entry, "data_offsets");
    uint64_t begin = 0, end = 0;
    if (!cJSON_IsArray(range) || cJSON_GetArraySize(range) != 2 ||
        !whole_number(cJSON_GetArrayItem(range, 0), &begin) || !whole_number(cJSON_GetArrayItem(range, 1), &end) ||
        begin > end)
        return fail(report, TG_FORMAT, "tensor %s: data_offsets are not two rising whole numbers", tensor->name);
    if (end > data_bytes)
        return fail(report, TG_FORMAT, "tensor %s ends at byte %llu of the data, which has %llu: the file is cut short",
                    tensor->name, (unsigned long long)end, (unsigned long long)data_bytes);
    tensor->bytes = (uint64_t)tensor->count * tg_dtype_bytes(tensor->dtype);
    if (tensor->bytes != end - begin)
        return fail(report, TG_FORMAT, "tensor %s: its shape takes %llu bytes, its data_offsets %llu", tensor->name,
                    (unsigned long long)tensor->bytes, (unsigned long long)(end - begin));
    tensor->offset = begin;
    return TG_OK;
}

static tg_status check_notes(const Report *report, const cJSON *notes) {
    const cJSON *note;
    if (!cJSON_IsObject(notes)) return fail(report, TG_FORMAT, "__metadata__ is not an object");
    cJSON_ArrayForEach(note, notes) if (!cJSON_IsString(note)) return fail(
        report, TG_FORMAT, "__metadata__: %s is not a text", note->string);
    return TG_OK;
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(const tg_file_tensor *const *)a)->name, (*(const tg_file_tensor *const *)b)->name);
}

static int by_offset(const void *a, const void *b) {
    const tg_file_tensor *x = *(const tg_file_tensor *const *)a, *y = *(const tg_file_tensor *const *)b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* No two tensors of one name, no byte in two tensors. */
static tg_status check_apart(const Report *report, const tg_file *file) {
    size_t count = (size_t)file->count;
    const tg_file_tensor **sorted = malloc((count + 1) * sizeof *sorted);
    if (!sorted) return fail(report, TG_NO_MEMORY, "no memory for %d tensors", file->count);
    for (size_t i = 0; i < count; i++) sorted[i] = &file->tensors[i];
    tg_status status = TG_OK;
    qsort(sorted, count, sizeof *sorted, by_name);
    for (size_t i = 1; i < count && !status; i++)
        if (by_name(&sorted[i - 1], &sorted[i]) == 0)
            status = fail(report, TG_FORMAT, "two tensors have the name %s", sorted[i]->name);
    qsort(sorted, count, sizeof *sorted, by_offset);
    for (size_t i = 1; i < count && !status; i++)
        if (sorted[i]->offset < sorted[i - 1]->offset + sorted[i - 1]->bytes)
            status = fail(report, TG_FORMAT, "tensors %s and %s overlap", sorted[i - 1]->name, sorted[i]->name);
    free(sorted);
    return status;
}

static tg_status read_entries(const Report *report, tg_file *file, uint64_t data_start) {
    const cJSON *entry;
    int notes = 0;
    file->tensors = calloc((size_t)cJSON_GetArraySize(file->header) + 1, sizeof *file->tensors);
    if (!file->tensors) return fail(report, TG_NO_MEMORY, "no memory for its table");
    cJSON_ArrayForEach(entry, file->header) {
        if (strcmp(entry->string, "__metadata__") == 0) {
            tg_status status = notes++ ? fail(report, TG_FORMAT, "__metadata__ stands twice") : TG_OK;
            if (!status) status = check_notes(report, entry);
            if (status) return status;
            continue;
        }
        tg_file_tensor *tensor = &file->tensors[file->count++];
        tensor->name = entry->string;
        if (!cJSON_IsObject(entry)) return fail(report, TG_FORMAT, "tensor %s is not an object", tensor->name);
        tg_status status = read_dtype(report, entry, tensor);
        if (!status) status = read_shape(report, entry, tensor);
        if (!status) status = read_range(report, entry, file->size - data_start, tensor);
        if (status) return status;
        tensor->offset += data_start;
    }
    return check_apart(report, file);
}

/* ---- the interface ---- */

static tg_status open_regular(const Report *report, tg_file *file) {
    do file->descriptor = open(report->path, O_RDONLY | O_CLOEXEC);
    while (file->descriptor < 0 && errno == EINTR);
    struct stat about;
    if (file->descriptor < 0 || fstat(file->descriptor, &about) != 0)
        return fail(report, TG_FILE, "cannot be opened: %s", strerror(errno));
    if (!S_ISREG(about.st_mode)) return fail(report, TG_FILE, "cannot be read: not a regular file");
    file->size = (uint64_t)about.st_size;
    return TG_OK;
}

tg_status tg_file_open(tg_file **file, const char *path, char *text, size_t size) {
    const Report report = {path, text, size};
    *file = NULL;
    tg_file *opened = calloc(1, sizeof *opened);
    if (!opened) return fail(&report, TG_NO_MEMORY, "no memory");
    opened->descriptor = -1;
    opened->path = strdup(path);
    uint64_t data_start = 0;
    tg_status status = opened->path ? open_regular(&report, opened) : fail(&report, TG_NO_MEMORY, "no memory");
    if (!status) status = read_header(&report, opened, &data_start);
    if (!status) status = read_entries(&report, opened, data_start);
    if (status)
        tg_file_close(opened);
    else
        *file = opened;
    return status;
}

void tg_file_close(tg_file *file) {
    if (!file) return;
    if (file->descriptor >= 0) close(file->descriptor);
    cJSON_Delete(file->header);
    free(file->tensors);
    free(file->path);
    free(file);
}

int tg_file_count(const tg_file *file) {
    return file->count;
}

const tg_file_tensor *tg_file_at(const tg_file *file, int index) {
    return index >= 0 && index < file->count ? &file->tensors[index] : NULL;
}

const tg_file_tensor *tg_file_find(const tg_file *file, const char *name) {
    for (int i = 0; i < file->count; i++)
        if (strcmp(file->tensors[i].name, name) == 0) return &file->tensors[i];
    return NULL;
}

const char *tg_file_note(const tg_file *file, const char *key) {
    const cJSON *notes = cJSON_GetObjectItemCaseSensitive(file->header, "__metadata__");
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(notes, key));
}

tg_status tg_file_read(tg_file *file, const tg_file_tensor *tensor, uint64_t from, uint64_t bytes, void *to, char *text,
                       size_t size) {
    const Report report = {file->path, text, size};
    if (from > tensor->bytes || bytes > tensor->bytes - from)
        return fail(&report, TG_BAD_ARGUMENT, "tensor %s has %llu bytes", tensor->name,
                    (unsigned long long)tensor->bytes);
    return read_at(&report, file->descriptor, tensor->offset + from, bytes, to);
}
