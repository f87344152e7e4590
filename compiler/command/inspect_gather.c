/* inspect_gather.c: a compile as rows, one per launch, with what each computes, by which rules, at what cost.
 *
 * In: schedules, launches and kernels' texts. Out: an Inspection. A node is computed by a kernel that it was planned
 * into, and by every kernel that reads it where it has no place in memory:
 *
 *     y = exp(x) * 2   reads   e = x + 1, kept nowhere        e and y are both computed by y's kernel */
#include "command/inspect.h"

#include <string.h>

typedef struct Marking {
    const Schedule *schedule;
    bool *computes;
} Marking;

const Node *inspect_operand(const Schedule *schedule, const Node *node, int index) {
    const Node *operand = schedule_alias(schedule, node->operand[index]);
    return operand == node ? node->operand[index] : operand;
}

/* What a node reads that lies nowhere is computed with it. */
static void mark_operands(Marking *marking, const Node *node) {
    for (int i = 0; i < node->operand_count; i++) {
        const Node *operand = inspect_operand(marking->schedule, node, i);
        if (marking->computes[operand->id] || marking->schedule->place[operand->id].buffer) continue;
        if (operand->op->kind == OP_LEAF) continue;
        marking->computes[operand->id] = true;
        mark_operands(marking, operand);
    }
}

static const bool *computed_by(Arena *arena, const Schedule *schedule, const Kernel *kernel) {
    Marking marking = {schedule, NEW_ARRAY(arena, bool, schedule->entry->graph->nodes.count + 1)};
    for (int i = 0; i < kernel->nodes.count; i++) marking.computes[kernel->nodes.at[i]->id] = true;
    for (int i = 0; i < kernel->nodes.count; i++) mark_operands(&marking, kernel->nodes.at[i]);
    return marking.computes;
}

static bool same_rule(const Node *a, const Node *b) {
    return a->rule == b->rule && a->rule_of == b->rule_of && a->span.source == b->span.source &&
           span_line(a->span) == span_line(b->span);
}

static void add_rule(Arena *arena, InspectRow *row, const Node *node) {
    if (!node || !node->rule) return;
    for (int i = 0; i < row->rules.count; i++)
        if (same_rule(row->rules.at[i], node)) return;
    vec_push(arena, &row->rules, node);
}

static InspectRow make_row(const Inspection *inspection, const InspectEntry *entry, const OutputLaunch *launch) {
    const Compile *compile = inspection->compile;
    Arena *arena = inspection->arena;
    const Kernel *kernel = launch->planned;
    InspectRow row = {.launch = launch, .kernel = &compile->output.kernels.at[launch->kernel]};
    row.phases = launch->phases;
    row.cost = cost_of(launch->function, compile->machine, compile->model->f64, inspection->threads);
    row.computes = computed_by(arena, entry->schedule, kernel);
    add_rule(arena, &row, launch->node);
    for (int i = 0; !launch->packs && i < kernel->nodes.count; i++) add_rule(arena, &row, kernel->nodes.at[i]);
    return row;
}

/* What some kernel computes, and what is given, joined or written; not what fuse has put others in the place of. */
static const bool *shown_nodes(Arena *arena, const InspectEntry *entry) {
    const Graph *graph = entry->entry->graph;
    int count = graph->nodes.count;
    bool *shown = NEW_ARRAY(arena, bool, count + 1);
    entry_live(entry->entry, shown);
    for (int id = 0; id < count; id++) {
        OpKind kind = graph->nodes.at[id]->op->kind;
        shown[id] = shown[id] && kind != OP_MAP && kind != OP_VIEW;
    }
    for (int i = 0; i < entry->rows.count; i++)
        for (int id = 0; id < count; id++) shown[id] = shown[id] || entry->rows.at[i].computes[id];
    return shown;
}

static void add_entry(Inspection *inspection, int index) {
    const Compile *compile = inspection->compile;
    InspectEntry entry = {.entry = compile->model->entries.at[index], .schedule = compile->schedules.at[index]};
    for (int i = 0; i < compile->output.launches.count; i++) {
        const OutputLaunch *launch = &compile->output.launches.at[i];
        if (launch->entry != index) continue;
        InspectRow row = make_row(inspection, &entry, launch);
        entry.flop += row.cost.flop;
        entry.bytes += row.cost.bytes;
        entry.seconds += row.cost.seconds;
        vec_push(inspection->arena, &entry.rows, row);
    }
    for (int i = 0; i < entry.rows.count; i++)
        entry.rows.at[i].share = entry.seconds > 0 ? entry.rows.at[i].cost.seconds / entry.seconds : 0;
    entry.shown = shown_nodes(inspection->arena, &entry);
    vec_push(inspection->arena, &inspection->entries, entry);
}

static const FunctionText **texts_of(const Compile *compile) {
    FunctionTexts *functions = NEW(compile->arena, FunctionTexts);
    const FunctionText **texts = NEW_ARRAY(compile->arena, const FunctionText *, compile->output.kernels.count + 1);
    inspect_functions(&compile->output, compile->machine, compile->arena, functions);
    for (int i = 0; i < functions->count; i++)
        if (functions->at[i].kernel >= 0) texts[functions->at[i].kernel] = &functions->at[i];
    return texts;
}

const char *inspect_text(const Inspection *inspection, int kernel) {
    const FunctionText *text = inspection->texts[kernel];
    return arena_strndup(inspection->arena, inspection->compile->output.source.at + text->from, text->to - text->from);
}

Inspection *inspection_make(const Compile *compile, const char *entry, int threads) {
    Inspection *inspection = NEW(compile->arena, Inspection);
    inspection->arena = compile->arena;
    inspection->compile = compile;
    inspection->threads = threads;
    inspection->texts = texts_of(compile);
    for (int i = 0; i < compile->model->entries.count; i++)
        if (!entry || entry_called(compile->model->entries.at[i], entry)) add_entry(inspection, i);
    return inspection;
}
