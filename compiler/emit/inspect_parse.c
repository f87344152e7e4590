/* inspect_parse.c: the written C as libclang reads it.
 *
 * In: the source, its header and the runtime's headers, all in memory. Out: a Written, or the end of the program where
 * libclang gives nothing at all.
 *
 *     m.c, m.h, tg.h, tg_vec.h, … --libclang--> a tree whose functions of m.c are visited in their order */
#include "emit/inspect.h"

#include <string.h>

/* Folders of files that exist in memory alone; the model's may be called as one of the runtime's. */
#define MODEL_FOLDER   "/tgc/"
#define RUNTIME_FOLDER "/tgc/runtime/"

static int put_files(Arena *arena, const Output *output, struct CXUnsavedFile *files, int limit) {
    const char *unit = arena_printf(arena, MODEL_FOLDER "%s.c", output->prefix);
    const char *header = arena_printf(arena, MODEL_FOLDER "%s.h", output->prefix);
    int count = 0;
    files[count++] = (struct CXUnsavedFile){unit, output->source.at, output->source.length};
    files[count++] = (struct CXUnsavedFile){header, output->header.at, output->header.length};
    for (const EmbeddedFile *file = embedded_runtime; file->name && count < limit; file++)
        files[count++] =
            (struct CXUnsavedFile){arena_printf(arena, RUNTIME_FOLDER "%s", file->name), file->text, file->size};
    return count;
}

static int put_arguments(Arena *arena, const Machine *machine, const char **arguments, int limit) {
    static const char *const always[] = {"-std=gnu11", "-Wall", "-Wextra", "-fsyntax-only", "-I" RUNTIME_FOLDER};
    int count = 0;
    for (size_t i = 0; i < sizeof always / sizeof *always; i++) arguments[count++] = always[i];
    for (const char *at = machine->flags; at && *at && count < limit;) {
        size_t length = strcspn(at, " ");
        if (length) arguments[count++] = arena_strndup(arena, at, length);
        at += length + (at[length] != '\0');
    }
    return count;
}

/* Where the runtime's text stands in a stand-alone source. */
static void find_runtime(Written *w) {
    const char *text = w->output->source.at, *from = strstr(text, "/* ---- the runtime, as it comes");
    const char *to = from ? strstr(from, "/* ---- the model ----") : NULL;
    if (!to) return;
    w->runtime_from = (unsigned)(from - text);
    w->runtime_to = (unsigned)(to - text);
}

size_t written_offset(const Written *w, CXSourceLocation location, bool *inside) {
    CXFile file;
    unsigned offset = 0;
    clang_getFileLocation(location, &file, NULL, NULL, &offset);
    /* by name: files that exist in memory alone are all equal to libclang */
    CXString name = clang_getFileName(file);
    const char *text = file ? clang_getCString(name) : NULL;
    *inside = text && !strcmp(text, w->file) && !(offset >= w->runtime_from && offset < w->runtime_to);
    clang_disposeString(name);
    return offset;
}

typedef struct Walk {
    const Written *written;
    void (*see)(CXCursor function, void *with);
    void *with;
} Walk;

static enum CXChildVisitResult visit(CXCursor cursor, CXCursor parent, CXClientData data) {
    const Walk *walk = data;
    (void)parent;
    if (clang_getCursorKind(cursor) != CXCursor_FunctionDecl || !clang_isCursorDefinition(cursor))
        return CXChildVisit_Continue;
    bool inside;
    written_offset(walk->written, clang_getCursorLocation(cursor), &inside);
    if (inside) walk->see(cursor, walk->with);
    return CXChildVisit_Continue;
}

void written_functions(const Written *w, void (*see)(CXCursor function, void *with), void *with) {
    Walk walk = {w, see, with};
    clang_visitChildren(clang_getTranslationUnitCursor(w->unit), visit, &walk);
}

const char *written_name(Arena *arena, CXCursor cursor) {
    CXString spelling = clang_getCursorSpelling(cursor);
    const char *text = clang_getCString(spelling), *name = arena_strndup(arena, text, strlen(text));
    clang_disposeString(spelling);
    return name;
}

int written_kernel(const Output *output, const char *name) {
    for (int i = 0; i < output->kernels.count; i++)
        if (!strcmp(output->kernels.at[i].name, name)) return i;
    return -1;
}

Written *written_open(Arena *arena, const Output *output, const Machine *machine) {
    enum { FILES = 64, ARGUMENTS = 32 };
    struct CXUnsavedFile files[FILES];
    const char *arguments[ARGUMENTS];
    Written *w = NEW(arena, Written);
    *w = (Written){.arena = arena, .output = output};
    int file_count = put_files(arena, output, files, FILES);
    int argument_count = put_arguments(arena, machine, arguments, ARGUMENTS);
    w->file = files[0].Filename;
    w->index = clang_createIndex(0, 0);
    enum CXErrorCode failed = clang_parseTranslationUnit2(w->index, w->file, arguments, argument_count, files,
                                                          (unsigned)file_count, CXTranslationUnit_None, &w->unit);
    if (failed || !w->unit) fatal("inspect", "libclang could not parse the written C (error %d)", (int)failed);
    find_runtime(w);
    return w;
}

void written_close(Written *w) {
    clang_disposeTranslationUnit(w->unit);
    clang_disposeIndex(w->index);
}
