/* target_parser.c: any bytes as a .tg file, parsed, printed, and parsed again.
 *
 * Held: the parser ends, with messages or a tree; of a tree without mistakes the print parses without mistakes, has
 * the same words in the same order, and printed again is the same text (so `tgc fmt` changes nothing the second time).
 *
 *     "x=(a+ b)"  ->  "x = (a + b)"  ->  "x = (a + b)"
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/parse.h"
#include "tg.tab.h"

const char *const fuzz_stages[] = {"inputs", "parsed", NULL};

static FILE *nowhere; /* where messages are printed to */

void fuzz_begin(void) {
    nowhere = fopen("/dev/null", "w");
}

bool fuzz_likes(const char *text, size_t size) {
    Arena *arena = arena_new();
    Diag *diag = diag_new(arena);
    Source source = {"fuzz.tg", text, size};
    lang_parse(arena, names_new(arena), diag, &source);
    bool parsed = diag_count(diag) == 0;
    arena_free(arena);
    return parsed;
}

/* ---- the words of a text ---- */

static TokenList words_of(Arena *arena, Names *names, const Source *source) {
    File file = {.source = source};
    Parse parse = {.arena = arena, .names = names, .diag = diag_new(arena), .source = source, .file = &file};
    scan_tokens(&parse);
    return parse.tokens;
}

/* Leaves the ends of statements out, which may be written or not, and commas before a closing bracket. */
static void drop_layout(TokenList *tokens) {
    int kept = 0;
    for (int i = 0; i < tokens->count; i++) {
        int kind = tokens->at[i].kind;
        if (kind == ';') continue;
        if (kept && tokens->at[kept - 1].kind == ',' && (kind == ')' || kind == ']')) kept--;
        tokens->at[kept++] = tokens->at[i];
    }
    tokens->count = kept;
}

/* Of ((x)) one pair is printed: the others go. */
static void drop_doubles(Arena *arena, TokenList *tokens) {
    int *closing = NEW_ARRAY(arena, int, tokens->count + 1), *open = NEW_ARRAY(arena, int, tokens->count + 1),
        depth = 0;
    int kept = 0;
    for (int i = 0; i < tokens->count; i++) {
        if (tokens->at[i].kind == '(') open[depth++] = i;
        if (tokens->at[i].kind == ')' && depth) closing[open[--depth]] = i;
    }
    for (int i = 0; i + 1 < tokens->count; i++)
        if (tokens->at[i].kind == '(' && tokens->at[i + 1].kind == '(' && closing[i] == closing[i + 1] + 1)
            tokens->at[i].kind = tokens->at[closing[i]].kind = ';';
    for (int i = 0; i < tokens->count; i++)
        if (tokens->at[i].kind != ';') tokens->at[kept++] = tokens->at[i];
    tokens->count = kept;
}

static bool same_words(Arena *arena, Names *names, const Source *a, const Source *b) {
    TokenList x = words_of(arena, names, a), y = words_of(arena, names, b);
    drop_layout(&x);
    drop_layout(&y);
    drop_doubles(arena, &x);
    drop_doubles(arena, &y);
    if (x.count != y.count) return false;
    for (int i = 0; i < x.count; i++) {
        const Token *p = &x.at[i], *q = &y.at[i];
        size_t length = p->end - p->start;
        if (p->kind == INT && i > 0 && x.at[i - 1].kind == TG && q->kind == INT) continue; /* `tg 01` is `tg 1` */
        if (p->kind != q->kind || length != q->end - q->start) return false;
        if (memcmp(a->text + p->start, b->text + q->start, length) != 0) return false;
    }
    return true;
}

/* All comments after one another without their blanks: two that come to stand on one line are one from then on. */
static const char *comments_of(Arena *arena, const File *file) {
    Text all;
    text_init(&all, arena);
    for (int i = 0; i < file->comments.count; i++) {
        Span span = file->comments.at[i];
        for (uint32_t at = span.start; at < span.end; at++) {
            char byte[2] = {file->source->text[at], 0};
            if ((unsigned char)byte[0] > ' ') text_add(&all, byte);
        }
    }
    return all.at;
}

/* ---- round trips ---- */

static void check_print(Arena *arena, Names *names, const Source *source, const File *file) {
    Text first, second;
    text_init(&first, arena);
    lang_print(&first, file);
    Diag *diag = diag_new(arena);
    Source printed = {"printed.tg", first.at, first.length};
    File *again = lang_parse(arena, names, diag, &printed);
    if (diag_count(diag)) diag_print(diag, stderr, false);
    fuzz_require(diag_count(diag) == 0, "what was printed can be parsed");
    fuzz_require(strcmp(comments_of(arena, file), comments_of(arena, again)) == 0, "no comment is lost");
    fuzz_require(same_words(arena, names, source, &printed), "the print has the words of the text");
    text_init(&second, arena);
    lang_print(&second, again);
    if (strcmp(first.at, second.at) != 0) fprintf(stderr, "---- first\n%s---- second\n%s", first.at, second.at);
    fuzz_require(strcmp(first.at, second.at) == 0, "printing what was printed changes nothing");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_reached(0);
    char *text = malloc(size + 1); /* of just this size, so that a step past it is seen */
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    Arena *arena = arena_new();
    Names *names = names_new(arena);
    Diag *diag = diag_new(arena);
    Source source = {"fuzz.tg", text, size};
    File *file = lang_parse(arena, names, diag, &source);
    if (diag_count(diag)) {
        if (nowhere) diag_print(diag, nowhere, false);
    } else {
        fuzz_reached(1);
        check_print(arena, names, &source, file);
        if (file->items.count > 1) fuzz_keep((const char *)data, size);
    }
    arena_free(arena);
    free(text);
    return 0;
}
