/* highlight.c: C with colours for a terminal.
 *
 * In: `const vec h = tg_load(x + i); // sum`. Out: the same bytes, with escapes around comments, keywords, types,
 * numbers, functions that are called and lines of the preprocessor. */
#include "command/inspect.h"

#include <ctype.h>
#include <string.h>

typedef enum Ink { INK_PLAIN, INK_COMMENT, INK_KEYWORD, INK_TYPE, INK_NUMBER, INK_FUNCTION, INK_DIRECTIVE } Ink;

static const char *const escapes[] = {
    [INK_PLAIN] = "",          [INK_COMMENT] = "\x1b[90m",  [INK_KEYWORD] = "\x1b[35m",  [INK_TYPE] = "\x1b[36m",
    [INK_NUMBER] = "\x1b[33m", [INK_FUNCTION] = "\x1b[34m", [INK_DIRECTIVE] = "\x1b[32m"};

static const struct {
    const char *word;
    Ink ink;
} words[] = {{"for", INK_KEYWORD},      {"if", INK_KEYWORD},     {"else", INK_KEYWORD},    {"return", INK_KEYWORD},
             {"static", INK_KEYWORD},   {"const", INK_KEYWORD},  {"struct", INK_KEYWORD},  {"while", INK_KEYWORD},
             {"_Alignas", INK_KEYWORD}, {"sizeof", INK_KEYWORD}, {"typedef", INK_KEYWORD}, {"int", INK_TYPE},
             {"float", INK_TYPE},       {"double", INK_TYPE},    {"void", INK_TYPE},       {"char", INK_TYPE},
             {"vec", INK_TYPE},         {"ivec", INK_TYPE},      {"mask", INK_TYPE},       {"bool", INK_TYPE},
             {"int32_t", INK_TYPE},     {"int64_t", INK_TYPE},   {"uint8_t", INK_TYPE},    {"uint32_t", INK_TYPE},
             {"uint64_t", INK_TYPE},    {"tg_slot", INK_TYPE},   {"size_t", INK_TYPE}};

static bool is_word(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

static Ink ink_of_word(const char *at, size_t length) {
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].word) == length && !strncmp(words[i].word, at, length)) return words[i].ink;
    return at[length] == '(' ? INK_FUNCTION : INK_PLAIN;
}

/* How many bytes from `at` on are one piece, and its ink. */
static size_t piece_at(const char *source, const char *at, Ink *ink) {
    size_t length = 1;
    *ink = INK_PLAIN;
    if (!strncmp(at, "/*", 2)) {
        const char *end = strstr(at + 2, "*/");
        *ink = INK_COMMENT;
        return end ? (size_t)(end + 2 - at) : strlen(at);
    }
    if (!strncmp(at, "//", 2)) {
        *ink = INK_COMMENT;
        return strcspn(at, "\n");
    }
    if (*at == '#' && (at == source || at[-1] == '\n')) {
        *ink = INK_DIRECTIVE;
        return strcspn(at, "\n");
    }
    if (isdigit((unsigned char)*at)) {
        *ink = INK_NUMBER;
        while (is_word(at[length]) || at[length] == '.' ||
               ((at[length] == '-' || at[length] == '+') && tolower((unsigned char)at[length - 1]) == 'e'))
            length++;
    } else if (is_word(*at)) {
        while (is_word(at[length])) length++;
        *ink = ink_of_word(at, length);
    }
    return length;
}

void highlight_c(Text *text, const char *source) {
    for (const char *at = source; *at;) {
        Ink ink;
        size_t length = piece_at(source, at, &ink);
        const char *piece = arena_strndup(text->arena, at, length);
        text_printf(text, "%s%s%s", escapes[ink], piece, ink ? "\x1b[0m" : "");
        at += length;
    }
}
