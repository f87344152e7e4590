/* elaborate.c: the pass from syntax tree to Model: file scope, entry points, ports.
 *
 * In: a parsed file, -D overrides, import folders. Out: a Model with its variables and one graph per entry point, or
 * messages. The other elaborate_*.c files each do one part of the language.
 *
 *     graph add(x: [M], y: [M]) -> (z: [M]) { z = x + y }
 *     # entry add: inputs x, y; %0 x = input, %1 y = input, %2 z = add(%0, %1); result z = %2 */
#include "pass/elaborate.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- overrides ---- */

bool override_parse(Names *names, const char *text, Override *override) {
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || !equals[1]) return false;
    char *end;
    override->name = name_intern(names, text, (size_t)(equals - text));
    override->value = strtod(equals + 1, &end);
    return *end == '\0' && !isnan(override->value);
}

bool override_value(const Elab *el, const char *name, double *value) {
    bool found = false;
    for (int i = 0; i < el->options->overrides.count; i++)
        if (el->options->overrides.at[i].name == name) {
            *value = el->options->overrides.at[i].value;
            found = true;
        }
    return found;
}

static bool declares(const ItemList *items, const char *name) {
    for (int i = 0; i < items->count; i++) {
        const Item *item = items->at[i];
        for (int k = 0; k < item->sizes.count; k++)
            if (item->sizes.at[k].name.name == name) return true;
        for (int k = 0; k < item->bindings.count && item->kind == ITEM_CONST; k++)
            if (item->bindings.at[k].name.name == name) return true;
        const Choice *choice = item->choice;
        if (choice && (declares(&choice->then, name) || declares(&choice->otherwise, name))) return true;
    }
    return false;
}

const char *override_unknown(const File *file, const Options *options) {
    for (int i = 0; i < options->overrides.count; i++)
        if (!declares(&file->items, options->overrides.at[i].name)) return options->overrides.at[i].name;
    return NULL;
}

/* ---- the range of integer inputs ---- */

/* The least limit of the range checks that the values of `node` flow into through views and choices. */
static int64_t checked_limit(const Graph *graph, const Node *node, bool *seen) {
    memset(seen, 0, sizeof *seen * (size_t)graph->nodes.count);
    seen[node->id] = true;
    int64_t limit = 0;
    for (int i = node->id + 1; i < graph->nodes.count; i++) {
        const Node *user = graph->nodes.at[i];
        for (int k = 0; k < user->operand_count; k++) {
            if (!seen[user->operand[k]->id]) continue;
            bool passes = user->op->kind == OP_VIEW || (user->op == &op_where && k > 0) || user->op == &op_check_range;
            if (passes) seen[i] = true;
            if (user->op == &op_check_range && (limit == 0 || user->attr.limit < limit)) limit = user->attr.limit;
        }
    }
    return limit;
}

static void find_ranges(Elab *el, Entry *entry) {
    bool *seen = NEW_ARRAY(el->arena, bool, entry->graph->nodes.count + 1);
    for (int i = 0; i < entry->inputs.count; i++)
        if (entry->inputs.at[i].dtype == DT_I32)
            entry->inputs.at[i].high = checked_limit(entry->graph, entry->inputs.at[i].node, seen);
}

/* ---- entry points ---- */

/* `src: i32[B, S] pad 0` */
static bool read_pad(Elab *el, const Field *field, Port *port) {
    if (!field->pad) return true;
    unsigned before = touch_begin(el);
    bool known = eval_number(el, field->pad, "a padding value", &port->pad);
    unsigned touched = touch_end(el, before);
    if (!known) return false;
    port->padded = true;
    if (touched) {
        Message *message =
            diag_error(el->diag, field->pad->span, E0417, "what rows of `%s` are filled up with depends on %s",
                       port->name, touched_text(el, touched));
        note_touched(el, message, touched);
        return false;
    }
    double value = port->pad;
    bool fits = port->dtype != DT_BOOL || value == 0 || value == 1;
    if (port->dtype == DT_I32) fits = value == floor(value) && fabs(value) <= INT32_MAX;
    if (fits) return true;
    diag_error(el->diag, field->pad->span, E0415, "`%s` is filled up with a value of its type %s, not %s", port->name,
               dtype_text(el, port->dtype), number_text(el, value));
    return false;
}

static bool make_inputs(Elab *el, Entry *entry, const EntryPoint *point) {
    bool good = true;
    for (int i = 0; i < point->arguments.count; i++) {
        const Field *field = &point->arguments.at[i];
        DType dtype;
        Shape shape;
        at_place(el, field->name.span);
        Value value = poison();
        bool known = type_dtype(el, field->type, &dtype);
        known = type_shape(el, field->type, &shape) && known;
        if (known) {
            Node *node = input(el->graph, field->name.name, dtype, shape);
            Port port = {.name = field->name.name, .dtype = dtype, .shape = shape, .node = node};
            name_node(el, node, field->name.name);
            value = tensor_value(node);
            good = read_pad(el, field, &port) && good;
            vec_push(el->arena, &entry->inputs, port);
        }
        good = value.kind == VALUE_TENSOR && good;
        scope_declare(el, el->scope, field->name, value);
    }
    return good;
}

static bool make_result(Elab *el, Entry *entry, const Field *field) {
    Slot *slot = scope_own(el->scope, field->name.name);
    DType dtype;
    if (!slot) {
        if (el->frame->failed || el->stopped) return false;
        diag_error(el->diag, field->name.span, E0208, "the result `%s` of `%s` is never assigned", field->name.name,
                   entry->name);
        return false;
    }
    if (slot->value.kind == VALUE_POISON || !type_dtype(el, field->type, &dtype)) return false;
    Value value = slot->value;
    if (value.kind == VALUE_VARIABLE) value = tensor_value(read_of(el, value.variable));
    Node *node = as_node(el, &value, dtype, slot->span);
    const char *axes[MAX_RANK], *what = arena_printf(el->arena, "the result `%s`", field->name.name);
    if (!node || !check_type(el, field->type, node, slot->span, what, axes)) return false;
    Shape shape = node->shape;
    memcpy(shape.name, axes, sizeof shape.name);
    name_node(el, node, field->name.name);
    vec_push(el->arena, &entry->results,
             ((Port){.name = field->name.name, .dtype = node->dtype, .shape = shape, .node = node}));
    return true;
}

static bool entry_known(Elab *el, const EntryPoint *point) {
    for (int i = 0; i < el->points.count && el->points.at[i] != point; i++)
        if (el->points.at[i]->name.name == point->name.name) {
            Message *message = diag_error(el->diag, point->name.span, E0202, "the entry point `%s` is defined already",
                                          point->name.name);
            diag_note(message, el->points.at[i]->name.span, "it is defined here");
            return true;
        }
    return false;
}

/* The entry point under the sizes chosen now; `touched` are those that tell its specialisations apart. */
static void elaborate_entry(Elab *el, const EntryPoint *point, unsigned touched) {
    int before = diag_count(el->diag), count = el->model->variables.count;
    Entry *entry = NEW(el->arena, Entry);
    Scope *outside = el->scope;
    entry->point = point->name.name;
    sizes_name(el, entry, touched);
    entry->train = point->train;
    entry->accumulate = 1;
    entry->span = point->name.span;
    entry->graph = el->graph = graph_new(el->arena, el->names, el->diag, entry->name);
    el->graph->scope = "";
    el->train = point->train;
    el->reads = NEW_ARRAY(el->arena, Node *, count + 1);
    el->read_versions = NEW_ARRAY(el->arena, int, count + 1);
    for (int i = 0; i < count; i++) el->model->variables.at[i]->versions = 0;
    el->scope = scope_new(el, outside, "");
    Frame frame = {.scope = el->scope, .closure = outside};
    el->frame = &frame;
    bool good = make_inputs(el, entry, point);
    exec_block(el, &point->body);
    for (int i = 0; i < point->results.count; i++) good = make_result(el, entry, &point->results.at[i]) && good;
    bool whole = point->optimiser && point->results.count > 0; /* else a syntax error has been reported */
    if (good && point->train && whole) training_begin(el, entry, point, outside, touched);
    if (good && diag_count(el->diag) == before) vec_push(el->arena, &el->model->entries, entry);
    el->scope = outside;
    el->frame = NULL;
    el->graph = NULL;
    el->train = false;
}

/* Says under which sizes the messages from number `first` on arose, where that isn't the first of each. */
static void note_sizes(Elab *el, int first, const int *chosen) {
    for (int i = 0; i < el->bucketed.count; i++) {
        const Bucketed *size = &el->bucketed.at[i];
        for (int k = first; k < diag_count(el->diag) && chosen[i]; k++)
            diag_note(diag_message(el->diag, k), size->span, "where `%s` is %lld", size->name,
                      (long long)size->sizes[chosen[i]]);
    }
}

/* One specialisation per choice of the sizes in `touched`; gives those that the entry point meets, or 0 after a
 * message. */
static unsigned specialise(Elab *el, const EntryPoint *point, unsigned touched) {
    int *chosen = NEW_ARRAY(el->arena, int, el->bucketed.count + 1), before = diag_count(el->diag);
    unsigned met = 0;
    if (!sizes_product(el, point, touched)) return 0;
    do {
        sizes_choose(el, chosen);
        el->touched = 0;
        if (diag_count(el->diag) == before) elaborate_entry(el, point, touched);
        met |= el->touched;
        if (diag_count(el->diag) == before && !el->stopped) continue;
        note_sizes(el, before, chosen);
        return 0;
    } while (sizes_next(el, touched, chosen));
    return met;
}

/* What it depends on shows when it is elaborated, and further choices may lead to further sizes. */
static void elaborate_point(Elab *el, const EntryPoint *point) {
    if (entry_known(el, point)) return;
    int entries = el->model->entries.count, trainings = el->trainings.count;
    for (unsigned touched = 0, met = specialise(el, point, 0); met & ~touched; met = specialise(el, point, touched)) {
        touched |= met;
        el->model->entries.count = entries;
        el->trainings.count = trainings;
    }
}

/* ---- the whole file ---- */

Model *model_new(Arena *arena, Names *names, Diag *diag, const Source *source, bool f64) {
    const char *slash = strrchr(source->path, '/'), *base = slash ? slash + 1 : source->path;
    const char *dot = strrchr(base, '.');
    size_t length = dot && dot != base ? (size_t)(dot - base) : strlen(base);
    char *name =
        arena_printf(arena, "%s%.*s", isdigit((unsigned char)base[0]) || !length ? "m" : "", (int)length, base);
    for (char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at)) *at = '_';
    Model *model = NEW(arena, Model);
    *model = (Model){
        .arena = arena, .names = names, .diag = diag, .name = name_of(names, name), .f64 = f64, .source = source};
    return model;
}

bool elaborate(Model *model, const File *file, const Options *options) {
    Elab state = {
        .arena = model->arena, .names = model->names, .diag = model->diag, .model = model, .options = options};
    Elab *el = &state;
    int before = diag_count(model->diag);
    LoadedFile *main_file = file_begin(el, NULL, file);
    el->scope = main_file->scope;
    elaborate_file(el, file, true);
    for (int i = 0; i < el->points.count && !el->stopped; i++) elaborate_point(el, el->points.at[i]);
    if (!el->stopped) trainings_finish(el);
    for (int i = 0; i < model->entries.count; i++) find_ranges(el, model->entries.at[i]);
    return diag_count(model->diag) == before;
}
