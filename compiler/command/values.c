/* values.c: numbers as text, typed by hand and printed.
 *
 *     [[1, 2], [3, 4.5]]   <->   rank 2, shape [2, 2], numbers 1 2 3 4.5
 *
 * Numbers are printed with as few digits as read back to the same number of their type. */
#include "command/command.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_WIDTH = 100 };

/* ---- reading ---- */

typedef struct Reader {
    Arena *arena;
    const char *text, *at;
    HandValue *value;
    const char *error;
    bool sized[MAX_RANK]; /* by depth: a list there has been closed, its length is known */
    bool leaf;            /* a number was seen: rank is settled */
    int capacity;
} Reader;

static bool reader_fail(Reader *reader, const char *what) {
    if (!reader->error)
        reader->error = arena_printf(reader->arena, "%s at character %d of '%s'", what,
                                     (int)(reader->at - reader->text) + 1, reader->text);
    return false;
}

static void skip_space(Reader *reader) {
    while (isspace((unsigned char)*reader->at)) reader->at++;
}

static bool take_word(Reader *reader, const char *word) {
    size_t length = strlen(word);
    if (strncmp(reader->at, word, length) != 0 || isalnum((unsigned char)reader->at[length])) return false;
    reader->at += length;
    return true;
}

static bool read_scalar(Reader *reader, double *number) {
    static const struct {
        const char *word;
        double number;
        bool is_bool;
    } words[] = {{"true", 1, true}, {"false", 0, true}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (take_word(reader, words[i].word)) {
            *number = words[i].number;
            return reader->value->has_bool = words[i].is_bool;
        }
    char *end;
    *number = strtod(reader->at, &end);
    bool hex = reader->at[0] == '0' && (reader->at[1] == 'x' || reader->at[1] == 'X');
    if (end == reader->at || hex || isspace((unsigned char)*reader->at))
        return reader_fail(reader, "expected a number");
    reader->at = end;
    return reader->value->has_number = true;
}

static bool read_item(Reader *reader, int depth);

/* What stands between [ and ]: `depth` is that of the list. */
static bool read_list(Reader *reader, int depth) {
    HandValue *value = reader->value;
    if (depth == MAX_RANK) return reader_fail(reader, "more than eight brackets deep");
    if (reader->leaf && depth >= value->rank) return reader_fail(reader, "a list where there were numbers before");
    if (depth >= value->rank) value->rank = depth + 1;
    int64_t length = 0;
    reader->at++;
    skip_space(reader);
    while (*reader->at != ']') {
        if (!read_item(reader, depth + 1)) return false;
        length++;
        skip_space(reader);
        if (*reader->at == ',') {
            reader->at++;
            skip_space(reader);
        } else if (*reader->at != ']') {
            return reader_fail(reader, *reader->at ? "expected , or ]" : "a bracket is not closed");
        }
    }
    if (reader->sized[depth] && value->shape[depth] != length)
        return reader_fail(reader, "a list of another length than the one before");
    reader->sized[depth] = true;
    value->shape[depth] = length;
    reader->at++;
    return true;
}

static bool read_item(Reader *reader, int depth) {
    HandValue *value = reader->value;
    skip_space(reader);
    if (*reader->at == '[') return read_list(reader, depth);
    double number;
    if (depth < value->rank) return reader_fail(reader, "a number where there were lists before");
    if (!read_scalar(reader, &number)) return false;
    reader->leaf = true;
    if (value->count == reader->capacity) {
        int count = (int)value->count;
        value->number = arena_grow(reader->arena, value->number, count, &reader->capacity, sizeof(double));
    }
    value->number[value->count++] = number;
    return true;
}

bool value_read(Arena *arena, const char *text, HandValue *value, const char **error) {
    Reader reader = {.arena = arena, .text = text, .at = text, .value = value};
    *value = (HandValue){0};
    bool ok = read_item(&reader, 0);
    if (ok) {
        skip_space(&reader);
        ok = !*reader.at || reader_fail(&reader, "expected the end");
    }
    *error = reader.error;
    return ok;
}

/* ---- printing ---- */

static bool reads_back(const char *digits, double number, tg_dtype dtype) {
    return dtype == TG_F32 ? strtof(digits, NULL) == (float)number : strtod(digits, NULL) == number;
}

/* The digits of d.ddde±xx as 0.00ddd or ddd00. */
static void print_positional(Text *text, const char *digits, int exponent) {
    const char *mantissa = digits + (*digits == '-');
    char all[32];
    int count = 0;
    for (const char *at = mantissa; *at && *at != 'e'; at++)
        if (*at != '.') all[count++] = *at;
    if (*digits == '-') text_add(text, "-");
    if (exponent < 0) {
        text_printf(text, "0.%.*s%.*s", -exponent - 1, "0000", count, all);
    } else if (count <= exponent + 1) {
        text_printf(text, "%.*s%.*s", count, all, exponent + 1 - count, "0000000000000000");
    } else {
        text_printf(text, "%.*s.%.*s", exponent + 1, all, count - exponent - 1, all + exponent + 1);
    }
}

void number_print(Text *text, double number, tg_dtype dtype) {
    if (dtype == TG_BOOL) {
        text_add(text, number != 0 ? "true" : "false");
    } else if (dtype == TG_I32) {
        text_printf(text, "%.0f", number);
    } else if (!isfinite(number)) {
        text_add(text, isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
    } else if (number == 0) {
        text_add(text, signbit(number) ? "-0" : "0");
    } else {
        char digits[40];
        for (int precision = 0; precision < 17; precision++) {
            snprintf(digits, sizeof digits, "%.*e", precision, number);
            if (reads_back(digits, number, dtype)) break;
        }
        int exponent = atoi(strchr(digits, 'e') + 1);
        if (exponent >= -4 && exponent < 16)
            print_positional(text, digits, exponent);
        else
            text_add(text, digits);
    }
}

typedef struct Printer {
    Text *text;
    const tg_tensor *tensor;
    const void *data;
    int64_t next;
    int margin; /* columns left of the first bracket; -1: everything on one line */
} Printer;

static void print_axis(Printer *printer, int axis) {
    const tg_tensor *tensor = printer->tensor;
    if (axis == tensor->rank) {
        number_print(printer->text, element_get(tensor->dtype, printer->data, printer->next++), tensor->dtype);
        return;
    }
    text_add(printer->text, "[");
    for (int64_t i = 0; i < tensor->shape[axis]; i++) {
        if (i && (axis == tensor->rank - 1 || printer->margin < 0))
            text_add(printer->text, ", ");
        else if (i)
            text_printf(printer->text, ",\n%*s", printer->margin + axis + 1, "");
        print_axis(printer, axis + 1);
    }
    text_add(printer->text, "]");
}

void value_print(Text *text, const char *name, const tg_tensor *tensor, const void *data) {
    Text line;
    text_init(&line, text->arena);
    Printer printer = {.text = &line, .tensor = tensor, .data = data, .margin = -1};
    bool wide = tensor->rank > 1 && tensor->count > LINE_WIDTH;
    if (!wide) print_axis(&printer, 0);
    if (wide || (tensor->rank > 1 && strlen(name) + 3 + line.length > LINE_WIDTH)) {
        text_init(&line, text->arena);
        printer = (Printer){.text = &line, .tensor = tensor, .data = data, .margin = (int)strlen(name) + 3};
        print_axis(&printer, 0);
    }
    text_printf(text, "%s = ", name);
    text_add(text, line.at);
    text_add(text, "\n");
}
