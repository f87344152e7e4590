/* inspect_source.c: the C of the chosen kernels, each under what it is: the forward line and how it was reached, the
 * operation, the adjoint rule and the mathematics it follows from, and what it costs.
 *
 *     k12_d_W  backward, 13 of 26 in step, m.c:412
 *       forward   nn.tg:15  fn (x: [.., I]) -> [.., O] = x @ W + b
 *       called    m.tg:9  loss = cross_entropy(down(h), label)
 *       matmul    C = A . B, so δC = δA . B + A . δB
 *       rule      dB = A^T . G
 *       computes  d_W[I, O] = h.T @ d_down
 *       cost      262 kFLOP, 45.1 kB, 5.8 FLOP/B; 1 slice; 0.4 % of the step */
#include "command/inspect.h"

#include <string.h>

typedef struct Printer {
    Text *text;
    const Inspection *inspection;
    const InspectEntry *entry;
    bool colour;
} Printer;

static void put_fact(const Printer *p, const char *title, const char *fact) {
    text_printf(p->text, p->colour ? "  \x1b[2m%-8s\x1b[0m  %s\n" : "  %-8s  %s\n", title, fact);
}

static void put_place(const Printer *p, const char *title, Span span) {
    Arena *arena = p->inspection->arena;
    if (span.source) put_fact(p, title, arena_printf(arena, "%s  %s", place_word(arena, span), line_word(arena, span)));
}

/* The line that a node comes from, and the calls that lead there. */
static void put_line(const Printer *p, const Node *node) {
    put_place(p, node->rule ? "forward" : "line", node->span);
    for (const CallSite *call = node->call; call; call = call->outer) put_place(p, "called", call->span);
}

static void put_rule(const Printer *p, const Node *node, bool with_line) {
    const OpFormula *formula = node->rule_of ? op_formula(node->rule_of) : NULL;
    if (with_line) put_line(p, node);
    if (formula)
        put_fact(p, node->rule_of->name,
                 arena_printf(p->inspection->arena, "%s, so %s", formula->value, formula->change));
    put_fact(p, "rule", node->rule);
}

/* Where the kernel comes from, then all rules that are at work in it, each place once. */
static void put_rules(const Printer *p, const InspectRow *row) {
    const Node *node = row->launch->node, *before = node;
    if (node) put_line(p, node);
    for (int i = 0; i < row->rules.count; i++) {
        const Node *ruled = row->rules.at[i];
        bool same = before && before->span.source == ruled->span.source && before->call == ruled->call &&
                    span_line(before->span) == span_line(ruled->span);
        put_rule(p, ruled, !same);
        before = ruled;
    }
}

static void put_computes(const Printer *p, const char *computes) {
    const char *title = "computes";
    for (const char *line = computes; *line; title = "") {
        size_t length = strcspn(line, "\n");
        put_fact(p, title, arena_strndup(p->inspection->arena, line, length));
        line += length + (line[length] == '\n');
    }
}

static void put_cost(const Printer *p, const InspectRow *row) {
    Arena *arena = p->inspection->arena;
    const char *tile = tile_word(arena, row->launch->planned);
    const Cost *cost = &row->cost;
    put_fact(p, "loops",
             arena_printf(arena, "%s %s%s%s", kind_word(row->launch->planned->kind),
                          loops_word(arena, row->launch->planned), *tile ? "; tile " : "", tile));
    put_fact(p, "cost",
             arena_printf(arena, "%s, %s, %.3g FLOP/B; %lld slice%s; %s by %s, %.1f %% of %s",
                          amount_word(arena, cost->flop, "FLOP"), amount_word(arena, cost->bytes, "B"), cost->intensity,
                          (long long)row->launch->slices, row->launch->slices == 1 ? "" : "s",
                          seconds_word(arena, cost->seconds), cost->memory_bound ? "memory" : "arithmetic",
                          100 * row->share, p->entry->entry->name));
}

static void put_row(const Printer *p, int number) {
    const InspectRow *row = &p->entry->rows.at[number];
    text_printf(p->text,
                p->colour ? "\x1b[1m%s\x1b[0m  %s, %d of %d in %s, %s.c:%d\n" : "%s  %s, %d of %d in %s, %s.c:%d\n",
                row->kernel->name, phase_word(row->phases), number, p->entry->rows.count, p->entry->entry->name,
                p->inspection->compile->output.prefix, p->inspection->texts[row->launch->kernel]->line);
    put_rules(p, row);
    put_computes(p, row->launch->computes);
    put_cost(p, row);
}

/* Launches of one kernel stand together above its text. */
static void put_kernel(Printer *p, int kernel, bool backward) {
    const Inspection *inspection = p->inspection;
    const char *source = inspect_text(inspection, kernel);
    bool any = false;
    for (int i = 0; i < inspection->entries.count; i++) {
        p->entry = &inspection->entries.at[i];
        for (int j = 0; j < p->entry->rows.count; j++) {
            const InspectRow *row = &p->entry->rows.at[j];
            if (!row->chosen || row->launch->kernel != kernel || (backward && !(row->phases >> PHASE_BACKWARD & 1)))
                continue;
            put_row(p, j);
            any = true;
        }
    }
    if (!any) return;
    text_add(p->text, "\n");
    if (p->colour)
        highlight_c(p->text, source);
    else
        text_add(p->text, source);
    text_add(p->text, "\n\n");
}

void inspect_source(Text *text, const Inspection *inspection, bool backward, bool colour) {
    Printer printer = {.text = text, .inspection = inspection, .colour = colour};
    for (int i = 0; i < inspection->compile->output.kernels.count; i++) put_kernel(&printer, i, backward);
}
