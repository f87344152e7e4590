/* inspect.c: a look at the written C through libclang, the one place that uses it.
 *
 * In: the source, its header and the runtime's headers, all in memory. Out: nothing but a line of report, or the end of
 * the program with the pass to blame: `lower` for what stands in a kernel, `emit` for the rest. What must hold: the C
 * compiler finds nothing to say, each planned kernel is exactly one function, and no other function is there. */
#include "emit/parts.h"

#include <clang-c/Index.h>
#include <stdlib.h>
#include <string.h>

static const char folder[] = "/tgc/"; /* of files that exist in memory alone */

typedef struct Inspector {
    Arena *arena;
    const Output *output;
    CXFile file;
    unsigned runtime_from, runtime_to; /* the runtime's text in a stand-alone source, in bytes */
    int *found;                        /* by kernel */
    int functions;
} Inspector;

/* ---- what is parsed ---- */

static const char *virtual_path(Arena *arena, const char *name) {
    return arena_printf(arena, "%s%s", folder, name);
}

static int put_files(Inspector *s, struct CXUnsavedFile *files, int limit) {
    const Output *output = s->output;
    const char *unit = virtual_path(s->arena, arena_printf(s->arena, "%s.c", output->prefix));
    const char *header = virtual_path(s->arena, arena_printf(s->arena, "%s.h", output->prefix));
    int count = 0;
    files[count++] = (struct CXUnsavedFile){unit, output->source.at, output->source.length};
    files[count++] = (struct CXUnsavedFile){header, output->header.at, output->header.length};
    for (const EmbeddedFile *file = embedded_runtime; file->name && count < limit; file++)
        files[count++] = (struct CXUnsavedFile){virtual_path(s->arena, file->name), file->text, file->size};
    return count;
}

static int put_arguments(Inspector *s, const Machine *machine, const char **arguments, int limit) {
    static const char *const always[] = {"-std=gnu11", "-Wall", "-Wextra", "-fsyntax-only"};
    int count = 0;
    for (size_t i = 0; i < sizeof always / sizeof *always; i++) arguments[count++] = always[i];
    for (const char *at = machine->flags; at && *at && count < limit;) {
        size_t length = strcspn(at, " ");
        if (length) arguments[count++] = arena_strndup(s->arena, at, length);
        at += length + (at[length] != '\0');
    }
    return count;
}

/* ---- what is found ---- */

static int kernel_of(const Inspector *s, const char *name) {
    for (int i = 0; i < s->output->kernels.count; i++)
        if (!strcmp(s->output->kernels.at[i].name, name)) return i;
    return -1;
}

static bool is_other(const Inspector *s, const char *name) {
    for (int i = 0; i < s->output->others.count; i++)
        if (!strcmp(s->output->others.at[i], name)) return true;
    return false;
}

static unsigned offset_of(const Inspector *s, CXSourceLocation location, bool *inside) {
    CXFile file;
    unsigned offset = 0;
    clang_getExpansionLocation(location, &file, NULL, NULL, &offset);
    /* by name: files that exist in memory alone are all equal to libclang */
    CXString name = clang_getFileName(file), own = clang_getFileName(s->file);
    bool same = file && !strcmp(clang_getCString(name), clang_getCString(own));
    clang_disposeString(name);
    clang_disposeString(own);
    *inside = same && !(offset >= s->runtime_from && offset < s->runtime_to);
    return offset;
}

static enum CXChildVisitResult visit(CXCursor cursor, CXCursor parent, CXClientData data) {
    Inspector *s = data;
    (void)parent;
    if (clang_getCursorKind(cursor) != CXCursor_FunctionDecl || !clang_isCursorDefinition(cursor))
        return CXChildVisit_Continue;
    bool inside;
    offset_of(s, clang_getCursorLocation(cursor), &inside);
    if (!inside) return CXChildVisit_Continue;
    CXString spelling = clang_getCursorSpelling(cursor);
    const char *name = clang_getCString(spelling);
    int kernel = kernel_of(s, name);
    s->functions++;
    if (kernel >= 0)
        s->found[kernel]++;
    else if (!is_other(s, name))
        fatal("emit", "a function that was not planned: %s", name);
    clang_disposeString(spelling);
    return CXChildVisit_Continue;
}

/* The kernel in whose text a byte of the source lies: kernels stand there as they were written. */
static const char *blame(const Inspector *s, unsigned offset) {
    for (int i = 0; i < s->output->kernels.count; i++) {
        const char *text = s->output->kernels.at[i].text, *at = strstr(s->output->source.at, text);
        size_t from = at ? (size_t)(at - s->output->source.at) : 0;
        if (at && offset >= from && offset < from + strlen(text)) return "lower";
    }
    return "emit";
}

static void check_diagnostics(const Inspector *s, CXTranslationUnit unit) {
    for (unsigned i = 0; i < clang_getNumDiagnostics(unit); i++) {
        CXDiagnostic diagnostic = clang_getDiagnostic(unit, i);
        if (clang_getDiagnosticSeverity(diagnostic) >= CXDiagnostic_Warning) {
            bool inside;
            unsigned offset = offset_of(s, clang_getDiagnosticLocation(diagnostic), &inside);
            CXString text = clang_formatDiagnostic(diagnostic, clang_defaultDiagnosticDisplayOptions());
            fatal(blame(s, offset), "the written C is not clean: %s", clang_getCString(text));
        }
        clang_disposeDiagnostic(diagnostic);
    }
}

static void check_kernels(const Inspector *s) {
    for (int i = 0; i < s->output->kernels.count; i++)
        if (s->found[i] != 1)
            fatal("emit", "kernel %s is %d functions in the C", s->output->kernels.at[i].name, s->found[i]);
}

/* Where the runtime's text stands in a stand-alone source. */
static void find_runtime(Inspector *s) {
    const char *text = s->output->source.at, *from = strstr(text, "/* ---- the runtime, as it comes");
    const char *to = from ? strstr(from, "/* ---- the model ----") : NULL;
    if (!to) return;
    s->runtime_from = (unsigned)(from - text);
    s->runtime_to = (unsigned)(to - text);
}

void inspect(const Output *output, const Machine *machine, Text *report) {
    enum { FILES = 64, ARGUMENTS = 32 };
    struct CXUnsavedFile files[FILES];
    const char *arguments[ARGUMENTS];
    Inspector s = {.arena = arena_new(), .output = output};
    s.found = NEW_ARRAY(s.arena, int, output->kernels.count + 1);
    int file_count = put_files(&s, files, FILES), argument_count = put_arguments(&s, machine, arguments, ARGUMENTS);
    CXIndex index = clang_createIndex(0, 0);
    CXTranslationUnit unit = NULL;
    enum CXErrorCode failed = clang_parseTranslationUnit2(index, files[0].Filename, arguments, argument_count, files,
                                                          (unsigned)file_count, CXTranslationUnit_None, &unit);
    if (failed || !unit) fatal("inspect", "libclang could not parse the written C (error %d)", (int)failed);
    s.file = clang_getFile(unit, files[0].Filename);
    find_runtime(&s);
    check_diagnostics(&s, unit);
    clang_visitChildren(clang_getTranslationUnitCursor(unit), visit, &s);
    check_kernels(&s);
    if (report)
        text_printf(report, "%d functions, %d of them kernels, no diagnostic\n", s.functions, output->kernels.count);
    clang_disposeTranslationUnit(unit);
    clang_disposeIndex(index);
    arena_free(s.arena);
}
