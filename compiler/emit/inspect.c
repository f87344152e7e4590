/* inspect.c: the pass that confirms the written C through libclang.
 *
 * In: the source, its header and the runtime's headers, all in memory. Out: nothing but a line of report, or the end of
 * the program with the pass to blame: `lower` for what stands in a kernel, `emit` for the rest. What must hold: the C
 * compiler finds nothing to say, each planned kernel is exactly one function, and no other function is there. */
#include "emit/inspect.h"

#include <string.h>

typedef struct Inspector {
    Arena *arena;
    const Output *output;
    const Written *written;
    int *found; /* by kernel */
    int functions;
} Inspector;

static bool is_other(const Inspector *s, const char *name) {
    for (int i = 0; i < s->output->others.count; i++)
        if (!strcmp(s->output->others.at[i], name)) return true;
    return false;
}

static void see(CXCursor cursor, void *with) {
    Inspector *s = with;
    const char *name = written_name(s->arena, cursor);
    int kernel = written_kernel(s->output, name);
    s->functions++;
    if (kernel >= 0)
        s->found[kernel]++;
    else if (!is_other(s, name))
        fatal("emit", "a function that was not planned: %s", name);
}

/* The kernel in whose text a byte of the source lies: kernels stand there as they were written. */
static const char *blame(const Inspector *s, size_t offset) {
    for (int i = 0; i < s->output->kernels.count; i++) {
        const char *text = s->output->kernels.at[i].text, *at = strstr(s->output->source.at, text);
        size_t from = at ? (size_t)(at - s->output->source.at) : 0;
        if (at && offset >= from && offset < from + strlen(text)) return "lower";
    }
    return "emit";
}

static void check_diagnostics(const Inspector *s) {
    CXTranslationUnit unit = s->written->unit;
    for (unsigned i = 0; i < clang_getNumDiagnostics(unit); i++) {
        CXDiagnostic diagnostic = clang_getDiagnostic(unit, i);
        if (clang_getDiagnosticSeverity(diagnostic) >= CXDiagnostic_Warning) {
            bool inside;
            size_t offset = written_offset(s->written, clang_getDiagnosticLocation(diagnostic), &inside);
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

void inspect(const Output *output, const Machine *machine, Text *report) {
    Inspector s = {.arena = arena_new(), .output = output};
    s.found = NEW_ARRAY(s.arena, int, output->kernels.count + 1);
    Written *written = written_open(s.arena, output, machine);
    s.written = written;
    check_diagnostics(&s);
    written_functions(written, see, &s);
    check_kernels(&s);
    if (report)
        text_printf(report, "%d functions, %d of them kernels, no diagnostic\n", s.functions, output->kernels.count);
    written_close(written);
    arena_free(s.arena);
}
