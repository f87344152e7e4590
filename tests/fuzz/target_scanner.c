/* target_scanner.c: any bytes as the text of a .tg file, through the scanner alone.
 *
 * Held: it ends, with tokens that rise through the text and touch nothing outside it, the last of them the end.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "lang/parse.h"
#include "tg.tab.h"

const char *const fuzz_stages[] = {"inputs", "without mistakes", NULL};

void fuzz_begin(void) {}

bool fuzz_likes(const char *text, size_t size) {
    (void)text, (void)size;
    return true;
}

static void check_tokens(const Parse *parse, size_t size) {
    uint32_t end = 0;
    for (int i = 0; i < parse->tokens.count; i++) {
        const Token *token = &parse->tokens.at[i];
        bool last = i == parse->tokens.count - 1;
        fuzz_require(token->start >= end && token->end >= token->start && token->end <= size, "tokens lie in order");
        fuzz_require((token->kind == YYEOF) == last, "the end of the text is the last token and no other");
        fuzz_require(last || token->end > token->start, "a token has a text");
        end = token->end;
    }
    for (int i = 0; i < parse->file->comments.count; i++) {
        Span at = parse->file->comments.at[i];
        fuzz_require(at.start < at.end && at.end <= size, "comments lie in the text");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_reached(0);
    char *text = malloc(size + 1); /* of just this size, so that a step past it is seen */
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    Arena *arena = arena_new();
    Source source = {"fuzz.tg", text, size};
    File file = {.source = &source};
    Parse parse = {
        .arena = arena, .names = names_new(arena), .diag = diag_new(arena), .source = &source, .file = &file};
    scan_tokens(&parse);
    fuzz_require(parse.tokens.count > 0, "there is a last token");
    check_tokens(&parse, size);
    if (diag_count(parse.diag) == 0) fuzz_reached(1);
    arena_free(arena);
    free(text);
    return 0;
}
