/* inspect.c: the pass that confirms the written C through libclang.
 *
 * In: the source, its header and the runtime's headers, all in memory. Out: nothing but a line of report, or the end of
 * the program with the pass to blame: `lower` for what stands in a kernel, `emit` for the rest. What must hold:
 *
 *     the C compiler finds nothing to say
 *     each planned kernel is one function that is launched, and no function is there that was not planned
 *     calls go to tg_* and a stated list, no kernel in f32 computes in double, loops run between sums of outer loops
 *     and the slice's bounds                                                                     inspect_rules.c
 *     the multiply-adds of a product, counted in its text, are those that its comment states     inspect_count.c
 *     an index that a tensor holds was range-checked by an earlier launch                        inspect_launch.c */
#include "emit/inspect.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct Inspector {
    Arena *arena;
    const Output *output;
    const Written *written;
    bool f64;
    Piece **kernels; /* by kernel */
    int *found;
    int64_t *slices;
    double products; /* of all kernels, a launch each */
    int functions;
} Inspector;

static bool is_other(const Inspector *s, const char *name) {
    for (int i = 0; i < s->output->others.count; i++)
        if (!strcmp(s->output->others.at[i], name)) return true;
    return false;
}

/* Functions of the user's may do what they like. */
static bool is_ours(const Inspector *s, const char *name) {
    size_t length = strlen(s->output->prefix);
    return !strcmp(name, "out_of_range") || !strncmp(name, "call_", 5) ||
           (!strncmp(name, s->output->prefix, length) && name[length] == '_');
}

static void check_launches(Inspector *s, const Piece *entry) {
    LaunchTexts launches = {0};
    inspect_launches(s->written, entry, &launches);
    for (int i = 0; i < launches.count; i++) {
        int kernel = written_kernel(s->output, launches.at[i].kernel);
        if (kernel < 0) fatal("emit", "%s is launched and no kernel", launches.at[i].kernel);
        if (s->slices[kernel] >= 0 && s->slices[kernel] != launches.at[i].slices)
            fatal("emit", "%s is launched with %lld and with %lld slices", launches.at[i].kernel,
                  (long long)s->slices[kernel], (long long)launches.at[i].slices);
        s->slices[kernel] = launches.at[i].slices;
    }
    inspect_indices(s->written, s->kernels, &launches);
}

/* Kernels stand before the entry points that launch them. */
static void see(CXCursor cursor, void *with) {
    Inspector *s = with;
    const char *name = written_name(s->arena, cursor);
    int kernel = written_kernel(s->output, name);
    s->functions++;
    if (kernel >= 0) {
        s->found[kernel]++;
        s->kernels[kernel] = piece_of(s->written, cursor);
        inspect_kernel(s->written, s->kernels[kernel], s->f64);
    } else if (!is_other(s, name)) {
        fatal("emit", "a function that was not planned: %s", name);
    } else if (is_ours(s, name)) {
        const Piece *function = piece_of(s->written, cursor);
        inspect_calls(s->written, function, "emit");
        check_launches(s, function);
    }
}

/* The number that stands before " multiply-adds" in the comment; 0 where it states none. */
static double stated_products(const char *text) {
    const char *at = strstr(text, " multiply-adds");
    const char *end = at;
    while (at && at > text && isdigit((unsigned char)at[-1])) at--;
    return at && at < end ? strtod(at, NULL) : 0;
}

/* What the comment above the function states is compared with its text, and both with its loops. */
static void check_products(Inspector *s, int kernel) {
    const OutputKernel *planned = &s->output->kernels.at[kernel];
    const char *source = s->output->source.at + s->kernels[kernel]->from;
    const char *from = source;
    while (from > s->output->source.at && strncmp(from, "\n/* ", 4) != 0) from--;
    double stated = stated_products(arena_strndup(s->arena, from, (size_t)(source - from)));
    if (planned->products == 0 && stated == 0) return;
    double counted = inspect_products(s->written, s->kernels[kernel], s->slices[kernel]);
    if (counted != stated || counted != planned->products)
        fatal("lower", "%s does %.0f multiply-adds; its comment says %.0f, its loops %.0f", planned->name, counted,
              stated, planned->products);
    s->products += counted;
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

static void check_kernels(Inspector *s) {
    for (int i = 0; i < s->output->kernels.count; i++)
        if (s->found[i] != 1)
            fatal("emit", "kernel %s is %d functions in the C", s->output->kernels.at[i].name, s->found[i]);
    for (int i = 0; i < s->output->kernels.count; i++) {
        if (s->slices[i] < 0) fatal("emit", "kernel %s is never launched", s->output->kernels.at[i].name);
        check_products(s, i);
    }
}

void inspect(const Output *output, const Machine *machine, Text *report) {
    Inspector s = {.arena = arena_new(), .output = output};
    int count = output->kernels.count;
    s.f64 = strstr(output->source.at, "\n#define TG_DOUBLE\n") != NULL;
    s.found = NEW_ARRAY(s.arena, int, count + 1);
    s.kernels = NEW_ARRAY(s.arena, Piece *, count + 1);
    s.slices = NEW_ARRAY(s.arena, int64_t, count + 1);
    for (int i = 0; i < count; i++) s.slices[i] = -1;
    Written *written = written_open(s.arena, output, machine);
    s.written = written;
    check_diagnostics(&s);
    written_functions(written, see, &s);
    check_kernels(&s);
    if (report)
        text_printf(report, "%d functions, %d of them kernels, %.0f multiply-adds in products, no diagnostic\n",
                    s.functions, count, s.products);
    written_close(written);
    arena_free(s.arena);
}
