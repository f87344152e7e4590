/* c_contents.c: the head of the file: how to read it, and a table of contents.
 *
 * In: the rest of the text. Out: a comment that names each kernel with its line, its phase and what it computes, each
 * entry point, the tables, and the command that compiles the file.
 *
 *     Kernels, in the order of their first launch:
 *        241  forward    k03_h     h[B, T, F] = gelu(x1 @ w1 + b1)
 *     Entry points:
 *        803  m_step: 2 launches forward, … */
#include "emit/parts.h"

#include <string.h>

enum { LINE_WIDTH = 120 };

static const char reading_text[] =
    " * How to read it. An entry point is a function that runs kernels in order: tg_for gives the slices [lo, hi) of "
    "a\n"
    " * kernel's grid to the threads, tg_for_all those of several that don't need each other. Above each kernel stand\n"
    " *   - the line of the model that it comes from; of a backward kernel the line that it differentiates, and the "
    "rule:\n"
    " *     G or d_Y is the gradient that arrives at Y, dX what goes on to X (docs/adjoints.md derives every rule);\n"
    " *   - what it computes, a line per value with its shape, in the names of the code below: x @ y is the product "
    "of\n"
    " *     matrices, x.T the transpose, d_x the adjoint of x, iota 0, 1, 2, …, row and column the place in a matrix;\n"
    " *   - what it costs, and, where several launches share it, whom it serves.\n"
    " * In the code `vec` holds LANES floats; `h_here` is the element of h at hand, `sum_lanes` a sum that is still "
    "one\n"
    " * number a lane, `W_panels` W laid out as the product reads it, `c12` of a tile its row 1, vector 2.\n";

/* ---- lines of the text ---- */

static int line_at(const char *text, const char *at) {
    int line = 1;
    for (const char *c = text; c < at; c++) line += *c == '\n';
    return line;
}

/* The line on which `what` begins one; 0 if none does. */
static int line_of(const char *text, const char *what) {
    const char *at = strstr(text, what);
    while (at && at > text && at[-1] != '\n') at = strstr(at + 1, what);
    return at ? line_at(text, at) : 0;
}

static void put_line(Text *text, int line) {
    text_printf(text, " * %6d  ", line);
}

/* ---- the parts ---- */

static const char *phases_word(const KernelText *kernel) {
    unsigned phases = 0;
    for (int i = 0; i < kernel->users.count; i++) phases |= phases_of(kernel->users.at[i]);
    return phase_word(phases);
}

/* The last result, which the kernel is named after, cut to the line. */
static void put_computed(Text *text, const Emitter *e, const KernelText *kernel) {
    const char *results = results_text(e, kernel->schedule, kernel->function), *last = strrchr(results, '\n');
    last = last ? last + 1 : results;
    const char *begin = text->at + text->length;
    while (begin > text->at && begin[-1] != '\n') begin--;
    size_t used = (size_t)(text->at + text->length - begin), room = used < LINE_WIDTH - 4 ? LINE_WIDTH - 4 - used : 0;
    size_t length = strlen(last);
    if (length <= room) {
        text_add(text, last);
        return;
    }
    while (room && ((unsigned char)last[room] & 0xC0) == 0x80) room--; /* not inside a character */
    text_printf(text, "%.*s …", (int)room, last);
}

static void put_kernels_list(Text *text, const Emitter *e, const char *rest, int head) {
    int width = 0;
    for (int i = 0; i < e->kernels.count; i++) {
        int length = (int)strlen(e->kernels.at[i].name);
        if (length > width) width = length;
    }
    if (e->kernels.count) text_add(text, " *\n * Kernels, in the order of their first launch:\n");
    for (int i = 0; i < e->kernels.count; i++) {
        const KernelText *kernel = &e->kernels.at[i];
        put_line(text, head + line_of(rest, arena_printf(e->arena, "static void %s(", kernel->name)));
        text_printf(text, "%-8s  %-*s  ", phases_word(kernel), width, kernel->name);
        put_computed(text, e, kernel);
        text_add(text, "\n");
    }
}

static void put_entries_list(Text *text, const Emitter *e, const char *rest, int head) {
    if (e->model->entries.count) text_add(text, " *\n * Entry points:\n");
    for (int i = 0; i < e->model->entries.count; i++) {
        const EntryText *entry = &e->entries[i];
        put_line(text, head + line_of(rest, arena_printf(e->arena, "int %s_%s(", e->prefix, entry->name)));
        text_printf(text, "%s_%s: %d launches forward, %d backward, %d for the update; %.4g MFLOP, arena %.4g MB\n",
                    e->prefix, entry->name, entry->launches[0], entry->launches[1], entry->launches[2],
                    entry->flop * 1e-6, (double)entry->program->schedule->arena_bytes * 1e-6);
    }
}

static void put_sections(Text *text, const char *rest, int head) {
    static const char *const sections[][2] = {
        {"/* ---- tables: ", "tables: names, shapes and places of everything, for generic code"},
        {"/* ---- what every model has ---- */", "what every model has: new, free, error, reset, state, param …"},
    };
    text_add(text, " *\n * And:\n");
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        put_line(text, head + line_of(rest, sections[i][0]));
        text_printf(text, "%s\n", sections[i][1]);
    }
}

static void put_command(Text *text, const Emitter *e) {
    text_printf(text, " *\n *   cc -std=gnu11 -O2 -ffp-contract=fast -fno-math-errno%s%s \\\n",
                *e->machine->flags ? " " : "", e->machine->flags);
    if (e->output->standalone)
        text_printf(text, " *      -c %s.c               (needs libc, libm and, unless -DTG_NO_THREADS, pthreads) */\n",
                    e->prefix);
    else
        text_printf(text,
                    " *      -I runtime -c %s.c    (tgc's folder; tgc emit --standalone writes one file instead) */\n",
                    e->prefix);
}

static void put_head(Text *text, const Emitter *e, const char *rest, int head) {
    text_printf(text, "/* %s.c: written by tgc from the model %s, in %s, for %s.\n *\n", e->prefix, e->model->name,
                dtype_name(DT_FLOAT, e->model->f64), e->machine->name);
    text_add(text, reading_text);
    put_kernels_list(text, e, rest, head);
    put_entries_list(text, e, rest, head);
    put_sections(text, rest, head);
    put_command(text, e);
}

void put_contents(const Emitter *e, Text *text, const char *rest) {
    Text trial;
    text_init(&trial, e->arena);
    put_head(&trial, e, rest, 0);
    int head = line_at(trial.at, trial.at + trial.length) - 1;
    put_head(text, e, rest, head);
    for (int i = 0; i < e->output->kernels.count; i++) {
        OutputKernel *kernel = &e->output->kernels.at[i];
        kernel->line = head + line_of(rest, arena_printf(e->arena, "static void %s(", kernel->name));
    }
}
