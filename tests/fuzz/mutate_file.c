/* mutate_file.c: new safetensors files from old ones.
 *
 * Random bytes seldom are a header of the right length with JSON in it. So an input is cut into length, header and
 * data; then a whole new file is written from the tensors the target asks for, or some words of the header are changed
 * (a number, a text, an entry doubled or dropped), and the length in front is made to fit, most of the time.
 *
 *     {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  -> {"a":{"dtype":"F32","shape":[2],"data_offsets":[8,8]}}
 */
#include "fuzz.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LENGTH_BYTES = 8, MOST_HEADER = 2048, MOST_DATA = 256 };

/* A file in its parts. */
typedef struct Parts {
    Random random;
    char header[MOST_HEADER];
    size_t length, data; /* bytes of the header, bytes after it */
    uint8_t rest[MOST_DATA];
} Parts;

static uint32_t below(Parts *parts, uint32_t limit) {
    return random_below(&parts->random, limit);
}

/* ---- a header from nothing ---- */

static void say(Parts *parts, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(Parts *parts, const char *format, ...) {
    size_t left = MOST_HEADER - parts->length;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(parts->header + parts->length, left, format, arguments);
    va_end(arguments);
    if (length > 0) parts->length += (size_t)length < left ? (size_t)length : left - 1;
}

static unsigned long bytes_of(const char *dtype) {
    return !strcmp(dtype, "F64") ? 8 : !strcmp(dtype, "BOOL") ? 1 : 4;
}

/* One entry; gives where its bytes end. */
static unsigned long say_tensor(Parts *parts, const FuzzTensor *tensor, unsigned examples, unsigned long begin) {
    static const char *const dtypes[] = {"F32", "F64", "I32", "BOOL"};
    const char *dtype = below(parts, 24) ? tensor->dtype : dtypes[below(parts, 4)];
    unsigned long count = 1;
    say(parts, "\"%s\":{\"dtype\":\"%s\",\"shape\":[", tensor->name, dtype);
    for (int i = 0; i < tensor->rank; i++) {
        unsigned size = tensor->shape[i] < 0 ? examples : (unsigned)tensor->shape[i];
        if (!below(parts, 40)) size = below(parts, 5);
        say(parts, "%s%u", i ? "," : "", size);
        count *= size;
    }
    unsigned long end = begin + count * bytes_of(dtype);
    say(parts, "],\"data_offsets\":[%lu,%lu]}", begin, end);
    return end;
}

static void write_anew(Parts *parts) {
    unsigned long end = 0;
    unsigned examples = below(parts, 9);
    int written = 0, count = 0;
    while (fuzz_tensors[count].name) count++;
    int start = below(parts, 4) ? 0 : (int)below(parts, (uint32_t)count);
    parts->length = 0;
    say(parts, "{");
    if (below(parts, 8)) {
        say(parts, "\"__metadata__\":{");
        for (int i = 0; fuzz_notes[i]; i++)
            if (below(parts, 16))
                say(parts, "%s\"%s\":\"%u\"", parts->header[parts->length - 1] == '{' ? "" : ",", fuzz_notes[i],
                    below(parts, 1000));
        say(parts, "}");
        written++;
    }
    for (int i = 0; i < count; i++) {
        if (!below(parts, 20)) continue;
        if (written++) say(parts, ",");
        end = say_tensor(parts, &fuzz_tensors[(start + i) % count], examples, end);
    }
    say(parts, "}");
    parts->data = end < MOST_DATA ? end : MOST_DATA;
    for (size_t i = 0; i < parts->data; i++) parts->rest[i] = (uint8_t)below(parts, 256);
}

/* ---- changes to the words of a header ---- */

static void replace(Parts *parts, size_t from, size_t to, const char *with, size_t length) {
    if (parts->length - (to - from) + length >= MOST_HEADER) return;
    char copy[MOST_HEADER];
    memcpy(copy, with, length); /* which may lie in the header */
    memmove(parts->header + from + length, parts->header + to, parts->length - to);
    memcpy(parts->header + from, copy, length);
    parts->length = parts->length - (to - from) + length;
}

/* The word around or behind a random place: a text with its quotes, a number, or one sign. */
static void find_word(Parts *parts, size_t *from, size_t *to) {
    const char *text = parts->header;
    size_t at = below(parts, (uint32_t)parts->length), end;
    while (at > 0 && text[at] != '"' && !strchr("0123456789[]{}", text[at])) at--;
    end = at + 1;
    if (text[at] == '"') {
        while (end < parts->length && text[end] != '"') end++;
        end += end < parts->length;
    } else if (text[at] >= '0' && text[at] <= '9') {
        while (at > 0 && text[at - 1] >= '0' && text[at - 1] <= '9') at--;
        while (end < parts->length && text[end] >= '0' && text[end] <= '9') end++;
    } else if (text[at] == '[' || text[at] == '{') { /* to where it is closed */
        for (int depth = 1; end < parts->length && depth; end++)
            depth += (text[end] == '[' || text[end] == '{') - (text[end] == ']' || text[end] == '}');
    }
    *from = at;
    *to = end < parts->length ? end : parts->length;
}

static void change_word(Parts *parts) {
    static const char *const words[] = {
        "\"F32\"",
        "\"F64\"",
        "\"I32\"",
        "\"BOOL\"",
        "\"BF16\"",
        "\"dtype\"",
        "\"shape\"",
        "\"data_offsets\"",
        "\"__metadata__\"",
        "\"\"",
        "\"\\u00e9\\n\"",
        "\"\\ud800\"",
        "\"\\u0000\"",
        "\"\xc3\xa9\"",
        "\"\xff\"",
        "[]",
        "{}",
        "[0,0]",
        "[[1]]",
        "null",
        "true",
        "-1",
        "0",
        "1",
        "2",
        "3",
        "4",
        "6",
        "8",
        "12",
        "24",
        "0.5",
        "1e3",
        "1e300",
        "-0",
        "4294967296",
        "9007199254740992",
        "9007199254740993",
        "18446744073709551616",
        "1e999",
        ",",
        ":",
        "{",
        "}",
        "[",
        "]",
        " ",
        "\"tgc.seed\"",
        "\"99999999999999999999\"",
        "\"12x\"",
    };
    size_t from, to, other, end;
    find_word(parts, &from, &to);
    find_word(parts, &other, &end);
    const char *word = words[below(parts, sizeof words / sizeof *words)];
    switch (below(parts, 4)) {
    case 0:
        replace(parts, from, to, word, strlen(word));
        break;
    case 1:
        replace(parts, from, to, parts->header + other, end - other);
        break;
    case 2:
        replace(parts, from, from, parts->header + other, end - other);
        break;
    default:
        replace(parts, from, to, "", 0);
    }
}

/* "name":{…}, once more or no more. */
static void change_entry(Parts *parts) {
    char *open = memchr(parts->header, '{', parts->length);
    if (!open) return;
    size_t from = (size_t)(open - parts->header) + 1, to, after;
    find_word(parts, &after, &to);
    if (parts->header[after] != '{' || after < from) return;
    while (after > from && parts->header[after - 1] != ',' && parts->header[after - 1] != '{') after--;
    if (below(parts, 2)) {
        replace(parts, from, from, ",", 1);
        replace(parts, from, from, parts->header + after + 1, to - after);
    } else {
        replace(parts, after, to + (to < parts->length), "", 0);
    }
}

static void change_data(Parts *parts) {
    parts->data = below(parts, 2) ? below(parts, MOST_DATA) : parts->data + 1 - (parts->data ? below(parts, 3) : 0);
    if (parts->data > MOST_DATA) parts->data = 0;
}

static void change_bytes(Parts *parts) {
    parts->length = LLVMFuzzerMutate((uint8_t *)parts->header, parts->length, MOST_HEADER - 1);
}

/* ---- parts and bytes ---- */

static void take_apart(Parts *parts, const uint8_t *data, size_t size) {
    uint64_t length = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0 && size >= LENGTH_BYTES; i--) length = length << 8 | data[i];
    size_t rest = size >= LENGTH_BYTES ? size - LENGTH_BYTES : 0;
    parts->length = length < rest ? (size_t)length : rest;
    if (parts->length >= MOST_HEADER) parts->length = MOST_HEADER - 1;
    parts->data = rest - parts->length;
    if (parts->data > MOST_DATA) parts->data = MOST_DATA;
    memset(parts->rest, 0, sizeof parts->rest);
    if (rest) memcpy(parts->header, data + LENGTH_BYTES, parts->length);
    if (rest) memcpy(parts->rest, data + LENGTH_BYTES + parts->length, parts->data);
}

static size_t put_together(Parts *parts, uint8_t *data, size_t most) {
    if (most < LENGTH_BYTES + parts->length) return 0;
    uint64_t length = parts->length;
    if (!below(parts, 64)) length = length + below(parts, 5) - (length > 1 ? 2 : 0);
    for (int i = 0; i < LENGTH_BYTES; i++) data[i] = (uint8_t)(length >> 8 * i);
    memcpy(data + LENGTH_BYTES, parts->header, parts->length);
    size_t left = most - LENGTH_BYTES - parts->length, kept = parts->data < left ? parts->data : left;
    memcpy(data + LENGTH_BYTES + parts->length, parts->rest, kept);
    return LENGTH_BYTES + parts->length + kept;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
    static void (*const changes[])(Parts *) = {change_word, change_word,  change_word, change_word, change_word,
                                               change_word, change_entry, change_data, change_bytes};
    Parts parts = {.random = random_of(seed)};
    if (!below(&parts, 32)) return LLVMFuzzerMutate(data, size, most);
    take_apart(&parts, data, size);
    if (parts.length == 0 || !below(&parts, 3)) write_anew(&parts);
    for (uint32_t turns = below(&parts, 2) * (1 + below(&parts, 3)); turns > 0 && parts.length > 0; turns--)
        changes[below(&parts, sizeof changes / sizeof *changes)](&parts);
    size_t made = put_together(&parts, data, most);
    return made ? made : LLVMFuzzerMutate(data, size, most);
}

/* The header of one with a word or a group of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
                                 size_t most, unsigned seed) {
    Parts parts = {.random = random_of(seed)}, other = {.random = random_of(seed + 1)};
    if (below(&parts, 4)) { /* which breaks most files: seldom */
        size_t kept = a_size < most ? a_size : most;
        memcpy(out, a, kept);
        return LLVMFuzzerCustomMutator(out, kept, most, seed);
    }
    take_apart(&parts, a, a_size);
    take_apart(&other, b, b_size);
    if (parts.length && other.length) {
        size_t from, to, at, end;
        find_word(&other, &from, &to);
        find_word(&parts, &at, &end);
        replace(&parts, at, end, other.header + from, to - from);
    }
    return put_together(&parts, out, most);
}
