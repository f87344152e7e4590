/* embed.c: the runtime's own text, as a part of what is written.
 *
 * A stand-alone file begins with the core's files one after the other, their includes of each other left out. Every
 * name with external linkage gets the model's prefix, so that two models link into one program:
 *
 *     #define tg_for m_tg_for */
#include "emit/parts.h"

#include <ctype.h>
#include <string.h>

const EmbeddedFile *embedded_find(const char *name) {
    for (const EmbeddedFile *file = embedded_runtime; file->name; file++)
        if (!strcmp(file->name, name)) return file;
    return NULL;
}

static bool is_word(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

/* Past a comment or a preprocessor line that begins at `at`; `at` itself if none does. */
static const char *past_quiet(const char *text, const char *at) {
    if (!strncmp(at, "/*", 2)) {
        const char *end = strstr(at + 2, "*/");
        return end ? end + 2 : at + strlen(at);
    }
    if (!strncmp(at, "//", 2) || (*at == '#' && (at == text || at[-1] == '\n'))) {
        while (*at && *at != '\n') at += at[0] == '\\' && at[1] ? 2 : 1;
        return at;
    }
    return at;
}

/* The functions that a header declares: words that begin with tg_ and are followed by a bracket. */
static void put_declared(Text *text, NameSet *seen, const EmbeddedFile *file, const char *prefix) {
    for (const char *at = file->text; *at;) {
        const char *past = past_quiet(file->text, at);
        if (past != at) {
            at = past;
            continue;
        }
        bool begins = !strncmp(at, "tg_", 3) && (at == file->text || !is_word(at[-1]));
        const char *end = at + 1;
        while (begins && is_word(*end)) end++;
        if (begins && *end == '(') {
            const char *name = arena_strndup(text->arena, at, (size_t)(end - at));
            bool fresh = true;
            for (int i = 0; i < seen->names.count; i++) fresh = fresh && strcmp(seen->names.at[i], name) != 0;
            if (fresh) text_printf(text, "#define %s %s_%s\n", name, prefix, name);
            name_take(seen, name);
        }
        at = end;
    }
}

void put_renames(Text *text, const char *prefix) {
    NameSet seen = {.arena = text->arena};
    for (const EmbeddedFile *file = embedded_runtime; file->name; file++) {
        size_t length = strlen(file->name);
        bool header = length > 2 && !strcmp(file->name + length - 2, ".h");
        if (header && strcmp(file->name, "tg_vec.h") != 0 && strcmp(file->name, "tg_math.h") != 0)
            put_declared(text, &seen, file, prefix);
    }
}

/* A file's text without its includes of the runtime's own files; tg_math.h stands where tg_vec.h asks for it. */
static void put_file(Text *text, const char *name) {
    const EmbeddedFile *file = embedded_find(name);
    if (!file) fatal("emit", "%s is not built into the compiler", name);
    text_printf(text, "\n/* ---- %s ---- */\n\n", name);
    for (const char *at = file->text; *at;) {
        size_t length = strcspn(at, "\n");
        if (!strncmp(at, "#include \"tg_math.h\"", 20))
            put_file(text, "tg_math.h");
        else if (strncmp(at, "#include \"", 10) != 0 && strncmp(at, "/* clang-format o", 17) != 0)
            text_printf(text, "%.*s\n", (int)length, at);
        at += length + (at[length] == '\n');
    }
}

void put_runtime(Text *text, const char *prefix, bool check) {
    static const char *const files[] = {"tg.h", "tg_vec.h", "core.c", "pool.c", "profile.c", "random.c"};
    text_add(text, "\n/* ---- the runtime, as it comes with tgc ---- */\n/* clang-format off */\n"
                   "#pragma GCC diagnostic push\n"
                   "#pragma GCC diagnostic ignored \"-Wunused-function\"\n");
    put_renames(text, prefix);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) put_file(text, files[i]);
    if (check) put_file(text, "check.c");
    text_add(text, "\n#pragma GCC diagnostic pop\n/* clang-format on */\n/* ---- the model ---- */\n");
}
