/* parse.c: a file's bytes to its tree.
 *
 * In: a source. Out: a File that holds what could be parsed; every syntax error is in `diag`. Nothing a file can hold
 * makes this fail otherwise. Before the grammar sees anything: the size, the encoding and the edition (`tg 1`). */
#include "lang/parse.h"
#include "tg.tab.h"

enum { EDITION = 1, LARGEST = 64 << 20 };

/* Reports the first byte that is not UTF-8, or is zero, which would end a comment or a string before its end. */
static void check_encoding(Parse *parse) {
    const unsigned char *text = (const unsigned char *)parse->source->text;
    size_t size = parse->source->size;
    for (size_t i = 0, length; i < size; i += length) {
        length = utf8_length(text + i, size - i);
        if (length && text[i]) continue;
        Span at = {parse->source, (uint32_t)i, (uint32_t)i + 1};
        Message *message = text[i] ? diag_error(parse->diag, at, E0113, "byte 0x%02x is not UTF-8", text[i])
                                   : diag_error(parse->diag, at, E0113, "a zero byte is no text");
        diag_help(message, "save the file as UTF-8");
        return;
    }
}

/* The first statement is `tg 1`. False when the file is of an edition that is not known here. */
static bool check_edition(Parse *parse) {
    const Token *first = &parse->tokens.at[0];
    if (first->kind != TG) {
        Message *message = diag_error(parse->diag, token_span(parse, 0), E0102, "the file does not say its edition");
        diag_help(message, "begin it with: tg %d", EDITION);
        return true;
    }
    if (first[1].kind != INT || first[1].number == EDITION) return true;
    Message *message = diag_error(parse->diag, token_span(parse, 1), E0102, "edition %s is not known", first[1].text);
    diag_help(message, "this compiler reads edition %d", EDITION);
    return false;
}

File *lang_parse(Arena *arena, Names *names, Diag *diag, const Source *source) {
    Parse *parse = NEW(arena, Parse);
    *parse = (Parse){.arena = arena, .names = names, .diag = diag, .source = source, .header = -1, .unclosed = -1};
    parse->file = NEW(arena, File);
    parse->file->source = source;
    if (source->size > LARGEST) {
        diag_error(diag, (Span){source, 0, 0}, E0106, "the file is larger than %d MiB", LARGEST >> 20);
        return parse->file;
    }
    int before = diag_count(diag);
    check_encoding(parse);
    int encoding = diag_count(diag) - before;
    scan_tokens(parse);
    parse->recovered = diag_count(diag) - before - encoding; /* the statement is skipped when the grammar gets there */
    if (check_edition(parse)) yyparse(parse);
    if (diag_count(diag) - before > parse->recovered) parse->file->lost = true;
    return parse->file;
}
