/* c_check.c: what --check adds to the C: tables of the tensors of an entry point and of what each launch reads and
 * writes, and a call of tg_checked after every launch, which runtime/check.c answers.
 *
 *     static const tg_watched step_watched[] = {
 *         {.name = "x", .dtype = TG_F32, .place = TG_IN_INPUT, .rank = 1, .shape = (const int64_t[]){4}, .count = 4},
 *     };
 *     static const tg_touched step_touched[] = {
 *         {.reads = (const int[]){0, -1}, .writes = (const int[]){2, -1}},
 *     };
 *
 * Tensors are numbered as they stand in the entry point's struct. */
#include "emit/parts.h"

#include <math.h>

/* ---- the tensors ---- */

static const char *place_of(const Member *member) {
    switch (member->buffer->kind) {
    case BUF_INPUT:
        return "TG_IN_INPUT";
    case BUF_RESULT:
        return "TG_IN_RESULT";
    case BUF_VARIABLE:
        return member->variable->kind == VAR_PARAM && member->variable->group ? "TG_IN_GROUP" : "TG_IN_BLOCK";
    case BUF_ARENA:
        return "TG_IN_ARENA";
    case BUF_SCALAR:
        break;
    }
    fatal("emit", "a scalar is not a tensor");
}

/* Whether a node fills its buffer from the first element to the last in its own order. */
static bool fills(const Node *node, const Place *place) {
    int64_t stride = 1;
    for (int i = node->shape.rank - 1; i >= 0; i--) {
        if (node->shape.size[i] > 1 && place->stride[i] != stride) return false;
        stride *= node->shape.size[i];
    }
    return place->offset == 0 && !place->index && stride == place->buffer->count;
}

/* The first node that a kernel writes there, all of it if `whole`; NULL if there is none. */
static const Node *node_in(const EntryText *entry, const Buffer *buffer, bool whole) {
    const Graph *graph = entry->entry->graph;
    for (int id = 0; id < graph->nodes.count; id++) {
        const Place *place = &entry->program->schedule->place[id];
        if (place->buffer == buffer && (!whole || fills(graph->nodes.at[id], place))) return graph->nodes.at[id];
    }
    return NULL;
}

/* The shape under which a tensor's elements are counted; a flat one where no node has all of them. */
static Shape shape_of(const EntryText *entry, const Member *member) {
    if (member->variable) return member->variable->shape;
    if (member->buffer->kind == BUF_INPUT) return entry->entry->inputs.at[member->buffer->port].shape;
    if (member->buffer->kind == BUF_RESULT) return entry->entry->results.at[member->buffer->port].shape;
    const Node *node = node_in(entry, member->buffer, true);
    if (node) return node->shape;
    Shape flat = {.rank = 1};
    flat.size[0] = member->buffer->count;
    return flat;
}

static DType dtype_of(const Member *member) {
    return member->variable ? member->variable->dtype : member->buffer->dtype;
}

static void put_watched(Emitter *e, Text *text, const EntryText *entry, const Member *member) {
    Shape shape = shape_of(entry, member);
    text_printf(text, "{.name = \"%s\", .dtype = %s, .place = %s, .rank = %d, ", member->name,
                tg_type(e->model, dtype_of(member)), place_of(member), shape.rank);
    if (shape.rank) {
        text_add(text, ".shape = (const int64_t[]){");
        for (int i = 0; i < shape.rank; i++) text_printf(text, "%s%lld", i ? ", " : "", (long long)shape.size[i]);
        text_add(text, "}, ");
    }
    text_printf(text, ".count = %lld", (long long)shape_count(&shape));
    const Node *node = node_in(entry, member->buffer, false);
    if (node && member->buffer->kind != BUF_INPUT && member->buffer->kind != BUF_VARIABLE) {
        text_add(text, ", .origin = ");
        put_quoted(text, origin_of(e, node));
    }
    text_add(text, "},\n");
}

/* ---- the launches ---- */

typedef struct Search { /* for numbers that are none, in what a kernel computes */
    const Schedule *schedule;
    bool *seen; /* by node */
    bool infinite, nan;
} Search;

static void search_number(Search *search, double number) {
    search->infinite |= isinf(number) != 0;
    search->nan |= isnan(number) != 0;
}

/* Through everything that is computed where it is read. */
static void search_node(Search *search, const Node *node, bool own) {
    double number;
    if (search->seen[node->id] || (!own && search->schedule->place[node->id].buffer)) return;
    search->seen[node->id] = true;
    search_number(search, node->attr.value);
    if (is_number(node, &number)) search_number(search, number);
    if (node->op->kind == OP_REDUCE && shape_count(&node->operand[0]->shape) == 0) search->infinite = true;
    for (int i = 0; i < node->operand_count; i++) search_node(search, node->operand[i], false);
}

static const char *oddness_of(Emitter *e, const EntryText *entry, const Kernel *kernel) {
    Search search = {.schedule = entry->program->schedule};
    search.seen = NEW_ARRAY(e->arena, bool, entry->entry->graph->nodes.count + 1);
    for (int i = 0; kernel && i < kernel->nodes.count; i++) search_node(&search, kernel->nodes.at[i], true);
    if (search.infinite) return search.nan ? ", .odd = TG_ODD_INF | TG_ODD_NAN" : ", .odd = TG_ODD_INF";
    return search.nan ? ", .odd = TG_ODD_NAN" : "";
}

/* What is computed first comes first. */
static void put_list(Emitter *e, Text *text, const EntryText *entry, const Function *f, bool written) {
    int count = 0, *ids = NEW_ARRAY(e->arena, int, f->arrays.count + 1);
    const Array **arrays = NEW_ARRAY(e->arena, const Array *, f->arrays.count + 1);
    for (int i = 0; i < f->arrays.count; i++) {
        if (f->arrays.at[i]->written != written) continue;
        const Node *node = node_in(entry, f->arrays.at[i]->buffer, false);
        int at = count++, id = node ? node->id : -1;
        for (; at > 0 && ids[at - 1] > id; at--) ids[at] = ids[at - 1], arrays[at] = arrays[at - 1];
        ids[at] = id;
        arrays[at] = f->arrays.at[i];
    }
    text_printf(text, ".%s = (const int[]){", written ? "writes" : "reads");
    for (int i = 0; i < count; i++) text_printf(text, "%d, ", tensor_number(entry, member_of(entry, f, arrays[i])));
    text_add(text, "-1}");
}

void put_watch(Emitter *e, Text *text, const EntryText *entry) {
    if (!e->output->check) return;
    const Program *program = entry->program;
    if (entry->members.count) {
        text_printf(text, "\nstatic const tg_watched %s_watched[] = {\n", entry->name);
        text_indent(text, 1);
        for (int number = 0; number < entry->members.count; number++)
            for (int i = 0; i < entry->members.count; i++)
                if (tensor_number(entry, &entry->members.at[i]) == number)
                    put_watched(e, text, entry, &entry->members.at[i]);
        text_indent(text, -1);
        text_add(text, "};\n");
    }
    if (program->functions.count) {
        text_printf(text, "\nstatic const tg_touched %s_touched[] = {\n", entry->name);
        text_indent(text, 1);
        for (int i = 0; i < program->functions.count; i++) {
            const Function *f = program->functions.at[i];
            text_add(text, "{");
            put_list(e, text, entry, f, false);
            text_add(text, ", ");
            put_list(e, text, entry, f, true);
            text_printf(text, "%s},\n", oddness_of(e, entry, f->kernel));
        }
        text_indent(text, -1);
        text_add(text, "};\n");
    }
    text_printf(text, "\nstatic const tg_watch %s_watch = {.count = %d", entry->name, entry->members.count);
    if (entry->members.count) text_printf(text, ", .tensors = %s_watched", entry->name);
    if (program->functions.count) text_printf(text, ", .launches = %s_touched", entry->name);
    text_add(text, "};\n");
}

/* ---- the calls ---- */

static const char *tensors_of(const EntryText *entry) {
    return entry->members.count ? "&t" : "NULL";
}

void put_check_begin(Emitter *e, Text *text, const EntryText *entry) {
    if (!e->output->check) return;
    text_printf(text, "if (tg_check_begin(model, %d, %s)) return model->status;\n", (int)(entry - e->entries),
                tensors_of(entry));
}

void put_checked(Emitter *e, Text *text, const EntryText *entry, int launch) {
    if (!e->output->check) return;
    text_printf(text, "if (tg_checked(model, %d, %d, %s, %s)) return model->status;\n", (int)(entry - e->entries),
                launch, tensors_of(entry), entry->program->functions.at[launch]->reads_slot ? "&slot" : "NULL");
}

void put_check_end(Emitter *e, Text *text, const EntryText *entry) {
    if (!e->output->check) return;
    text_printf(text, "if (tg_check_end(model, %d, %s)) return model->status;\n", (int)(entry - e->entries),
                tensors_of(entry));
}
