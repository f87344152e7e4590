/* words.c: names that C, or the text around kernels, has a meaning for already.
 *
 *     a value called double becomes double_2 */
#include "loop/loop.h"

#include <string.h>

static const char *const taken_words[] = {
#define WORDS(...) __VA_ARGS__
    WORDS("auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern"),
    WORDS("float", "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return", "short", "signed"),
    WORDS("sizeof", "static", "struct", "switch", "typedef", "union", "unsigned", "void", "volatile", "while", "asm"),
    WORDS("typeof", "bool", "true", "false", "NULL", "NAN", "INFINITY", "HUGE_VAL", "linux", "unix", "i386", "errno"),
    /* C++, for the header */
    WORDS("alignas", "alignof", "and", "and_eq", "bitand", "bitor", "catch", "class", "compl", "constexpr", "decltype"),
    WORDS("delete", "explicit", "export", "friend", "mutable", "namespace", "new", "noexcept", "not", "not_eq", "or"),
    WORDS("nullptr", "operator", "or_eq", "private", "protected", "public", "template", "this", "throw", "try"),
    WORDS("typeid", "typename", "using", "virtual", "xor", "xor_eq", "const_cast", "dynamic_cast", "static_cast"),
    WORDS("reinterpret_cast", "static_assert", "thread_local", "wchar_t", "char16_t", "char32_t", "signbit"),
    /* kernels */
    WORDS("args", "lo", "hi", "vec", "ivec", "real", "lint", "LANES", "key0", "key1", "slot", "given"),
#undef WORDS
};

bool c_word(const char *word) {
    for (size_t i = 0; i < sizeof taken_words / sizeof *taken_words; i++)
        if (!strcmp(word, taken_words[i])) return true;
    return !strncmp(word, "tg_", 3) || !strncmp(word, "TG_", 3) || !strncmp(word, "M_", 2) || word[0] == '_' ||
           !strncmp(word, "INT", 3) || !strncmp(word, "UINT", 4) ||
           (!strncmp(word, "site", 4) && word[4] >= '0' && word[4] <= '9');
}
