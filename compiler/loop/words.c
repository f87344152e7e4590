/* words.c: names that C, or the text around kernels, has a meaning for already.
 *
 *     double  ->  double_ */
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

static bool block_declares(const Block *block, const char *name) {
    for (int i = 0; i < block->stmts.count; i++) {
        const Stmt *s = block->stmts.at[i];
        if (s->var && !strcmp(s->var->name, name)) return true;
        if (block_declares(&s->body, name)) return true;
    }
    return false;
}

static bool function_declares(const Function *function, const char *name) {
    for (int i = 0; i < function->arrays.count; i++)
        if (!strcmp(function->arrays.at[i]->name, name)) return true;
    for (int i = 0; i < function->locals.count; i++)
        if (!strcmp(function->locals.at[i]->name, name)) return true;
    return block_declares(&function->body, name);
}

const char *loop_name(Arena *arena, const Function *function, const char *name) {
    if (!c_word(name)) return name;
    do name = arena_printf(arena, "%s_", name[0] == '_' ? arena_printf(arena, "v%s", name) : name);
    while (function_declares(function, name));
    return name;
}
