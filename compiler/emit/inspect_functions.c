/* inspect_functions.c: where each function of the written C stands, and what it calls.
 *
 *     struct k03_h_args { … };          ┐
 *                                       │
 *     / * k03_h: m.tg:4  h = relu(x) * / │  one FunctionText: kernel 3, bytes 4711 to 5120, line 98,
 *     static void k03_h(…) { … }        ┘  calls tg_load, tg_max, tg_store
 *
 * The ends of a function and its calls are libclang's; its struct of arguments too. The comment is what stands between
 * the two. */
#include "emit/inspect.h"

#include <ctype.h>
#include <string.h>

typedef struct Collector {
    const Written *written;
    Arena *arena;
    FunctionTexts *out;
    size_t struct_from, struct_to; /* of the struct seen last */
    const char *struct_name;
} Collector;

/* The identifier that stands at a byte of the source: of a call through a macro, the macro's name. */
static const char *word_at(Arena *arena, const Text *source, size_t offset) {
    size_t end = offset;
    while (end < source->length && (isalnum((unsigned char)source->at[end]) || source->at[end] == '_')) end++;
    return arena_strndup(arena, source->at + offset, end - offset);
}

static bool has_call(const FunctionText *text, const char *name) {
    for (int i = 0; i < text->calls.count; i++)
        if (!strcmp(text->calls.at[i], name)) return true;
    return false;
}

static enum CXChildVisitResult visit_call(CXCursor cursor, CXCursor parent, CXClientData data) {
    Collector *c = data;
    (void)parent;
    if (clang_getCursorKind(cursor) != CXCursor_CallExpr) return CXChildVisit_Recurse;
    bool inside;
    size_t offset = written_offset(c->written, clang_getRangeStart(clang_getCursorExtent(cursor)), &inside);
    FunctionText *text = &c->out->at[c->out->count - 1];
    const char *name = inside ? word_at(c->arena, &c->written->output->source, offset) : "";
    if (*name && !has_call(text, name)) vec_push(c->arena, &text->calls, name);
    return CXChildVisit_Recurse;
}

/* Back over blank space and one comment that ends right before `from`. */
static size_t with_comment(const char *source, size_t from) {
    size_t at = from;
    while (at > 0 && isspace((unsigned char)source[at - 1])) at--;
    if (at < 4 || source[at - 1] != '/' || source[at - 2] != '*') return from;
    for (at -= 3; at > 0; at--)
        if (source[at - 1] == '/' && source[at] == '*') return at - 1;
    return from;
}

static bool only_space(const char *source, size_t from, size_t to) {
    for (size_t i = from; i < to; i++)
        if (!isspace((unsigned char)source[i]) && source[i] != ';') return false;
    return true;
}

static int line_of(const char *source, size_t offset) {
    int line = 1;
    for (size_t i = 0; i < offset; i++) line += source[i] == '\n';
    return line;
}

static void range_of(const Collector *c, CXCursor cursor, size_t *from, size_t *to, bool *inside) {
    CXSourceRange extent = clang_getCursorExtent(cursor);
    *from = written_offset(c->written, clang_getRangeStart(extent), inside);
    *to = written_offset(c->written, clang_getRangeEnd(extent), inside);
}

static void add_function(Collector *c, CXCursor cursor, size_t from, size_t to) {
    const char *source = c->written->output->source.at, *name = written_name(c->arena, cursor);
    FunctionText text = {.name = name, .kernel = written_kernel(c->written->output, name), .from = from, .to = to};
    text.from = with_comment(source, from);
    bool own = c->struct_name && !strcmp(c->struct_name, arena_printf(c->arena, "%s_args", name));
    if (own && only_space(source, c->struct_to, text.from)) text.from = c->struct_from;
    text.line = line_of(source, text.from);
    vec_push(c->arena, c->out, text);
    clang_visitChildren(cursor, visit_call, c);
}

static enum CXChildVisitResult visit(CXCursor cursor, CXCursor parent, CXClientData data) {
    Collector *c = data;
    enum CXCursorKind kind = clang_getCursorKind(cursor);
    size_t from, to;
    bool inside;
    (void)parent;
    if ((kind != CXCursor_FunctionDecl && kind != CXCursor_StructDecl) || !clang_isCursorDefinition(cursor))
        return CXChildVisit_Continue;
    range_of(c, cursor, &from, &to, &inside);
    if (!inside) return CXChildVisit_Continue;
    if (kind == CXCursor_FunctionDecl) {
        add_function(c, cursor, from, to);
    } else {
        c->struct_name = written_name(c->arena, cursor);
        c->struct_from = from, c->struct_to = to;
    }
    return CXChildVisit_Continue;
}

void inspect_functions(const Output *output, const Machine *machine, Arena *arena, FunctionTexts *out) {
    Written *written = written_open(arena, output, machine);
    Collector c = {.written = written, .arena = arena, .out = out};
    *out = (FunctionTexts){0};
    clang_visitChildren(clang_getTranslationUnitCursor(written->unit), visit, &c);
    written_close(written);
}
