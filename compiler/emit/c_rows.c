/* c_rows.c: what an entry point runs, as tables that a profile reads: a row per function and line of the model, and the
 * row of every launch in turn. The rows don't grow with the number of layers.
 *
 *     static const tg_row step_rows[] = {
 *         {.name = "k03_h", .value = "h", .origin = "m.tg:31  h = gelu(x @ w)", .phase = 0, .flop = 604e6, ...},
 *     };
 *     static const int step_launches[] = {0, 1, 2, 1, 2, 3}; */
#include "emit/parts.h"

#include <string.h>

unsigned phases_of(const Function *function) {
    const Kernel *kernel = function->kernel;
    if (!kernel) return 1u << PHASE_FORWARD;
    if (function->role != FUNCTION_COMPUTES) return 1u << kernel->root->phase;
    unsigned phases = 0;
    for (int i = 0; i < kernel->outputs.count; i++) phases |= 1u << kernel->outputs.at[i]->phase;
    for (int i = 0; i < kernel->nodes.count; i++)
        if (kernel->nodes.at[i]->rule) phases |= 1u << PHASE_BACKWARD;
    return phases ? phases : 1u << kernel->phase;
}

const char *phase_word(unsigned phases) {
    bool forward = phases >> PHASE_FORWARD & 1, backward = phases >> PHASE_BACKWARD & 1;
    return phases >> PHASE_UPDATE & 1 ? "update" : forward && backward ? "both" : backward ? "backward" : "forward";
}

static Phase phase_of(const Function *function) {
    return function->kernel ? function->kernel->phase : PHASE_FORWARD;
}

static int row_index(Emitter *e, EntryText *entry, const Function *function, int kernel) {
    const char *origin = origin_text(e, function);
    for (int i = 0; i < entry->rows.count; i++) {
        const LaunchRow *row = &entry->rows.at[i];
        if (row->kernel == kernel && row->phase == phase_of(function) && !strcmp(row->origin, origin)) return i;
    }
    vec_push(e->arena, &entry->rows, ((LaunchRow){kernel, function, origin, phase_of(function)}));
    return entry->rows.count - 1;
}

void collect_rows(Emitter *e) {
    for (int i = 0, launch = 0; i < e->model->entries.count; i++) {
        EntryText *entry = &e->entries[i];
        int count = entry->program->functions.count;
        entry->row_of = NEW_ARRAY(e->arena, int, count + 1);
        for (int j = 0; j < count; j++, launch++)
            entry->row_of[j] = row_index(e, entry, entry->program->functions.at[j], e->kernel_of[launch]);
    }
}

void put_quoted(Text *text, const char *string) {
    text_add(text, "\"");
    for (; *string; string++) text_printf(text, *string == '"' || *string == '\\' ? "\\%c" : "%c", *string);
    text_add(text, "\"");
}

void put_rows(Emitter *e, Text *text, const EntryText *entry) {
    enum { IN_A_LINE = 24 };
    int count = entry->program->functions.count;
    if (!count) return;
    text_printf(text, "\nstatic const tg_row %s_rows[] = {\n", entry->name);
    text_indent(text, 1);
    for (int i = 0; i < entry->rows.count; i++) {
        const LaunchRow *row = &entry->rows.at[i];
        const Kernel *kernel = row->function->kernel;
        text_printf(text, "{.name = \"%s\", .value = \"%s\", .phase = %d, .flop = %.0f, .bytes = %.0f, .origin = ",
                    e->kernels.at[row->kernel].name, kernel && kernel->name ? kernel->name : "", (int)row->phase,
                    row->function->flop, row->function->bytes);
        put_quoted(text, row->origin);
        text_add(text, "},\n");
    }
    text_indent(text, -1);
    text_printf(text, "};\n\n/* clang-format off */\nstatic const int %s_launches[] = {\n", entry->name);
    text_indent(text, 1);
    for (int i = 0; i < count; i++)
        text_printf(text, "%d,%s", entry->row_of[i], i + 1 == count || (i + 1) % IN_A_LINE == 0 ? "\n" : " ");
    text_indent(text, -1);
    text_add(text, "};\n/* clang-format on */\n");
}
