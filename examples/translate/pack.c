/* pack.c: the two ends of `prepare` that are no work for a shell.
 *
 *     pack split SOURCE-COLUMN TARGET-COLUMN OUT.source OUT.target TSV...
 *         checks every line of the files and writes one sentence per line and side
 *     pack join S T OUT.safetensors SOURCE.ids TARGET.ids
 *         makes of SentencePiece's ids the three tensors of a translator's training step
 *
 *     ids 12 7 / 31 5 9, S = 4, T = 5   ->   src  [12  7  0  0]         the source, padded with PAD
 *                                            tgt  [ 1 31  5  9  0]      BOS and the target: what the decoder sees
 *                                            gold [31  5  9  2  0]      the target and EOS: what it has to say
 *
 * Pairs longer than S or T - 1 tokens are left out and counted. Exit status: 0, 1 wrong content, 2 usage, 3 a file that
 * can't be read or written. To build: cc -O2 -I runtime pack.c runtime/<all>.c -lcjson -lm -lpthread
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tg_files.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAD = 0, BOS = 1, EOS = 2, SHOWN = 5 };

static void fail(int status, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    exit(status);
}

static FILE *open_file(const char *path, const char *mode) {
    FILE *file = fopen(path, mode);
    if (!file) fail(3, "can't open %s: %s", path, strerror(errno));
    return file;
}

static void close_file(FILE *file, const char *path) {
    int bad = ferror(file);
    if (fclose(file) || bad) fail(3, "can't read or write %s: %s", path, strerror(errno));
}

static int positive(const char *text, const char *what) {
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || end == text || value < 1 || value > 1 << 20)
        fail(2, "%s must be a whole number from 1 on, not %s", what, text);
    return (int)value;
}

/* ---- split ---- */

/* Bytes of the UTF-8 character at text (of n bytes), 0 where there is none: RFC 3629, table 3-7 of Unicode. */
static size_t utf8_length(const unsigned char *text, size_t n) {
    static const struct {
        unsigned char first, last, low, high;
        unsigned char bytes;
    } rows[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (text[0] < rows[i].first || text[0] > rows[i].last) continue;
        size_t bytes = rows[i].bytes;
        if (bytes > n || (bytes > 1 && (text[1] < rows[i].low || text[1] > rows[i].high))) return 0;
        for (size_t k = 2; k < bytes; k++)
            if (text[k] < 0x80 || text[k] > 0xbf) return 0;
        return bytes;
    }
    return 0;
}

/* The place of the first byte that is not UTF-8, from 1 on; 0 where all is well. */
static size_t utf8_mistake(const char *text, size_t n) {
    for (size_t at = 0; at < n;) {
        size_t bytes = utf8_length((const unsigned char *)text + at, n - at);
        if (!bytes) return at + 1;
        at += bytes;
    }
    return 0;
}

typedef struct Field {
    const char *text;
    size_t n;
} Field;

static int is_blank(Field field) {
    for (size_t i = 0; i < field.n; i++)
        if (field.text[i] != ' ') return 0;
    return 1;
}

/* The column (from 1 on) of a line. False where the line has fewer. */
static int find_field(const char *line, size_t n, int column, Field *field) {
    const char *end = line + n;
    for (; column > 1; column--) {
        line = memchr(line, '\t', (size_t)(end - line));
        if (!line) return 0;
        line++;
    }
    const char *tab = memchr(line, '\t', (size_t)(end - line));
    *field = (Field){line, (size_t)((tab ? tab : end) - line)};
    return 1;
}

/* What is wrong with a line, as a sentence; "" if nothing is. */
static void check_line(char *text, size_t size, const char *line, size_t n, const int columns[2], Field fields[2]) {
    static const char *const sides[] = {"source", "target"};
    size_t at = utf8_mistake(line, n);
    text[0] = 0;
    if (at) {
        snprintf(text, size, "byte %zu is not UTF-8: save the file as UTF-8", at);
    } else if (!memchr(line, '\t', n) && columns[0] != columns[1]) {
        snprintf(text, size, "no tab: a pair is two sentences in columns, with a tab between them");
    } else {
        for (int side = 0; side < 2 && !text[0]; side++) {
            if (!find_field(line, n, columns[side], &fields[side]))
                snprintf(text, size, "there is no column %d for the %s", columns[side], sides[side]);
            else if (is_blank(fields[side]))
                snprintf(text, size, "the %s (column %d) is empty", sides[side], columns[side]);
        }
    }
}

/* Returns how many lines were wrong; the first ones are told. */
static long split_file(const char *path, const int columns[2], FILE *const out[2], long wrong, long *pairs) {
    FILE *in = open_file(path, "r");
    char *line = NULL, text[160];
    size_t capacity = 0;
    ssize_t length;
    for (long number = 1; (length = getline(&line, &capacity, in)) >= 0; number++) {
        size_t n = (size_t)length, from = number == 1 && n >= 3 && !memcmp(line, "\xef\xbb\xbf", 3) ? 3 : 0;
        Field fields[2] = {{0}};
        while (n > from && (line[n - 1] == '\n' || line[n - 1] == '\r')) n--;
        if (n == from) continue;
        check_line(text, sizeof text, line + from, n - from, columns, fields);
        if (text[0] && wrong++ < SHOWN) fprintf(stderr, "%s:%ld: %s\n", path, number, text);
        if (text[0]) continue;
        for (int side = 0; side < 2; side++) fprintf(out[side], "%.*s\n", (int)fields[side].n, fields[side].text);
        ++*pairs;
    }
    free(line);
    close_file(in, path);
    return wrong;
}

static int split(int argc, char **argv) {
    if (argc < 7) fail(2, "usage: pack split SOURCE-COLUMN TARGET-COLUMN OUT.source OUT.target TSV...");
    const int columns[2] = {positive(argv[2], "the source's column"), positive(argv[3], "the target's column")};
    FILE *const out[2] = {open_file(argv[4], "w"), open_file(argv[5], "w")};
    long wrong = 0, pairs = 0;
    for (int i = 6; i < argc; i++) wrong = split_file(argv[i], columns, out, wrong, &pairs);
    for (int side = 0; side < 2; side++) close_file(out[side], argv[4 + side]);
    if (wrong > SHOWN) fprintf(stderr, "... and %ld more such lines\n", wrong - SHOWN);
    if (!wrong && !pairs) fail(1, "%s: there is no sentence pair in it", argv[6]);
    return wrong > 0;
}

/* ---- join ---- */

typedef struct Rows {
    int32_t *at; /* [count, width], grown by doubling */
    size_t width, count, capacity;
} Rows;

static int32_t *add_row(Rows *rows) {
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity ? 2 * rows->capacity : 1024;
        rows->at = realloc(rows->at, rows->capacity * rows->width * sizeof *rows->at);
        if (!rows->at) fail(3, "no memory for %zu rows of %zu ids", rows->capacity, rows->width);
    }
    int32_t *row = rows->at + rows->count++ * rows->width;
    for (size_t i = 0; i < rows->width; i++) row[i] = PAD;
    return row;
}

/* Reads a line of ids: up to `most` are kept. Returns how many there are, -1 at the end of the file. */
static long read_ids(FILE *file, const char *path, char **line, size_t *capacity, int32_t *ids, long most) {
    if (getline(line, capacity, file) < 0) return -1;
    long count = 0;
    for (char *at = *line, *end;; at = end) {
        at += strspn(at, " \t\r\n");
        if (!*at) return count;
        long id = strtol(at, &end, 10);
        if (end == at || id < 0 || id > INT32_MAX) fail(1, "%s: not a line of ids: %s", path, *line);
        if (count < most) ids[count] = (int32_t)id;
        count++;
    }
}

static void write_rows(const char *path, const Rows *src, const Rows *tgt, const Rows *gold) {
    const Rows *const all[] = {src, tgt, gold};
    static const char *const names[] = {"src", "tgt", "gold"};
    static const char *const notes[] = {"pad", "0", "bos", "1", "eos", "2", "unk", "3", NULL};
    int64_t shapes[3][2];
    tg_file_out tensors[3];
    char text[512];
    for (int i = 0; i < 3; i++) {
        shapes[i][0] = (int64_t)all[i]->count;
        shapes[i][1] = (int64_t)all[i]->width;
        tensors[i] = (tg_file_out){names[i], TG_I32, 2, shapes[i], all[i]->at};
    }
    if (tg_file_write(path, tensors, 3, notes, text, sizeof text)) fail(3, "%s", text);
}

static int join(int argc, char **argv) {
    if (argc != 7) fail(2, "usage: pack join S T OUT.safetensors SOURCE.ids TARGET.ids");
    size_t S = (size_t)positive(argv[2], "the source's length"), T = (size_t)positive(argv[3], "the target's length");
    Rows src = {.width = S}, tgt = {.width = T}, gold = {.width = T};
    FILE *source = open_file(argv[5], "r"), *target = open_file(argv[6], "r");
    int32_t *x = calloc(S, sizeof *x), *y = calloc(T, sizeof *y);
    if (!x || !y) fail(3, "no memory for a sentence");
    char *line = NULL;
    size_t capacity = 0;
    for (long n, m, dropped = 0;;) {
        n = read_ids(source, argv[5], &line, &capacity, x, (long)S);
        m = read_ids(target, argv[6], &line, &capacity, y, (long)T);
        if (n < 0 && m < 0) {
            printf("%zu %ld\n", src.count, dropped);
            break;
        }
        if (n < 0 || m < 0) fail(1, "%s and %s have different numbers of lines", argv[5], argv[6]);
        if (n == 0 || m == 0 || n > (long)S || m > (long)T - 1) {
            dropped++;
            continue;
        }
        memcpy(add_row(&src), x, (size_t)n * sizeof *x);
        int32_t *seen = add_row(&tgt), *said = add_row(&gold);
        seen[0] = BOS;
        memcpy(seen + 1, y, (size_t)m * sizeof *y);
        memcpy(said, y, (size_t)m * sizeof *y);
        said[m] = EOS;
    }
    if (!src.count) fail(1, "no pair fits into %zu and %zu tokens: give greater lengths", S, T - 1);
    write_rows(argv[4], &src, &tgt, &gold);
    close_file(source, argv[5]);
    close_file(target, argv[6]);
    free(line), free(x), free(y), free(src.at), free(tgt.at), free(gold.at);
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "split")) return split(argc, argv);
    if (argc > 1 && !strcmp(argv[1], "join")) return join(argc, argv);
    fail(2, "usage: pack split|join ...");
}
