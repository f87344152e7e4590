/* utf8.c: which bytes make a character.
 *
 * In: bytes from a file or a name of one. Out: the length of the character that begins there, or the same text with `?`
 * for what is none: odd\xff.tg becomes odd?.tg, so that it can stand in a comment of the generated C. */
#include "base/base.h"

#include <string.h>

/* No overlong forms, no surrogates, nothing past U+10FFFF. */
size_t utf8_length(const unsigned char *at, size_t left) {
    static const struct {
        unsigned char first, last; /* of the first byte */
        unsigned char low, high;   /* of the second */
        size_t length;
    } forms[] = {
        {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    if (*at < 0x80) return 1;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (*at < forms[i].first || *at > forms[i].last) continue;
        if (forms[i].length > left || at[1] < forms[i].low || at[1] > forms[i].high) return 0;
        for (size_t k = 2; k < forms[i].length; k++)
            if ((at[k] & 0xC0) != 0x80) return 0;
        return forms[i].length;
    }
    return 0;
}

const char *utf8_text(Arena *arena, const char *text) {
    char *copy = arena_printf(arena, "%s", text);
    for (char *at = copy; *at;) {
        size_t length = utf8_length((unsigned char *)at, strlen(at));
        if (!length) *at = '?';
        at += length ? length : 1;
    }
    return copy;
}
