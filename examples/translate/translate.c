/* translate.c: translates with the compiled library: lines of token ids in, lines of token ids out.
 *
 *     spm_encode --model=source.model --output_format=id | decoder weights.safetensors | spm_decode
 * --model=target.model
 *                --input_format=id
 *
 *     12 7 940        ->        31 5 88 9
 *
 * Greedy: a sentence is encoded once; then, place by place, the token with the highest score is appended until it is
 * EOS or the sentence is full. Sentences go through the library in batches of its own size, a few left over one by one.
 * A source that is longer than the model's is cut, with a word on stderr.
 * Exit status: 0, 1 wrong content, 2 usage, 3 a file that can't be read, 5 an id outside the vocabulary.
 *
 *     tgc build translate.tg -o libtranslate.a        writes translate.h too
 *     cc -O2 -o decoder translate.c libtranslate.a -lcjson -lm -lpthread
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "translate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAD = 0,
    BOS = 1,
    EOS = 2,
    UNK = 3,
    B = TRANSLATE_ENCODE_SRC_0,
    S = TRANSLATE_ENCODE_SRC_1,
    T = TRANSLATE_DECODE_TGT_1,
    V = TRANSLATE_DECODE_LOGITS_1,
    SINGLY = B / 8 /* so many sentences left over are cheaper one by one than as a batch with empty rows */
};

static int32_t src[B * S], tgt[B * T];
static float mem[TRANSLATE_ENCODE_MEM_COUNT], logits[B * V];

/* Ends the program where the library failed. Its statuses 3 to 5 are those of this program, but for a file's content.
 */
static void check(const translate *model, int status) {
    if (!status) return;
    fprintf(stderr, "decoder: %s\n", translate_error(model));
    exit(status == 4 ? 1 : status == 5 ? 5 : 3);
}

/* The token with the highest score that may be said. */
static int32_t best(const float *scores) {
    int32_t at = EOS;
    for (int32_t id = UNK + 1; id < V; id++)
        if (scores[id] > scores[at]) at = id;
    return at;
}

/* Appends to each of n rows of tgt the best token after place `at`. Returns how many rows have not ended. */
static int append(int n, int32_t at) {
    int open = 0;
    for (int row = 0; row < n; row++) {
        int32_t *ids = tgt + row * T;
        if (ids[at] == EOS || ids[at] == PAD) continue;
        ids[at + 1] = best(logits + (size_t)row * V);
        open += ids[at + 1] != EOS;
    }
    return open;
}

static void begin(int rows) {
    memset(tgt, 0, sizeof tgt); /* PAD */
    for (int row = 0; row < rows; row++) tgt[row * T] = BOS;
}

static void translate_batch(translate *model, int n) {
    begin(B);
    check(model, translate_encode(model, src, mem));
    for (int32_t at = 0; at < T - 1; at++) {
        check(model, translate_decode(model, tgt, mem, src, &at, logits));
        if (!append(n, at)) break;
    }
}

static void translate_one(translate *model) {
    begin(1);
    check(model, translate_encode1(model, src, mem));
    for (int32_t at = 0; at < T - 1; at++) {
        check(model, translate_decode1(model, tgt, mem, src, &at, logits));
        if (!append(1, at)) break;
    }
}

static void print_row(const int32_t *ids) {
    for (int at = 1; at < T && ids[at] != EOS && ids[at] != PAD; at++) printf(at > 1 ? " %d" : "%d", ids[at]);
    putchar('\n');
}

/* The ids of a line, padded. */
static void read_ids(const char *line, long number, int32_t *ids) {
    int count = 0;
    char *end;
    for (const char *at = line;; at = end) {
        at += strspn(at, " \t\r\n");
        if (!*at) break;
        long id = strtol(at, &end, 10);
        if (end == at || id < 0 || id > INT32_MAX) {
            fprintf(stderr, "decoder: line %ld is not a line of ids: %s\n", number, line);
            exit(1);
        }
        if (count == S) {
            fprintf(stderr, "decoder: line %ld is longer than %d tokens: its end is left out\n", number, S);
            break;
        }
        ids[count++] = (int32_t)id;
    }
    for (; count < S; count++) ids[count] = PAD;
}

static void flush_rows(translate *model, int n) {
    if (n > SINGLY) {
        translate_batch(model, n);
        for (int row = 0; row < n; row++) print_row(tgt + row * T);
        return;
    }
    for (int row = 0; row < n; row++) {
        if (row) memmove(src, src + row * S, S * sizeof *src);
        translate_one(model);
        print_row(tgt);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: decoder WEIGHTS.safetensors <ids >ids\n");
        return 2;
    }
    translate *model;
    if (translate_new(&model, 0, 0)) {
        fprintf(stderr, "decoder: no memory for the model\n");
        return 3;
    }
    check(model, translate_load(model, argv[1]));

    char *line = NULL;
    size_t capacity = 0;
    int rows = 0;
    for (long number = 1; getline(&line, &capacity, stdin) >= 0; number++) {
        read_ids(line, number, src + rows++ * S);
        if (rows < B) continue;
        flush_rows(model, rows);
        rows = 0;
    }
    memset(src + rows * S, 0, (size_t)(B - rows) * S * sizeof *src);
    flush_rows(model, rows);

    free(line);
    translate_free(model);
    if (ferror(stdin) || fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "decoder: can't read or write: %s\n", strerror(errno));
        return 3;
    }
    return 0;
}
