/* variant.c: an entry point that returns derivatives, for comparing them with differences.
 *
 * In: entries after gradient, so that the nodes say what depends on what. Out: for each two entries over its inputs:
 *   value     the scalar s: a training step's loss, or the sum of every float result times a weight, which is one more
 *             input. A single result without axes stands for itself.
 *   gradient  grad(s, x) for every parameter and float input that s depends on.
 * Updates of parameters are left out; writes to the model's own states stay, since reads after them see them. */
#include "command/command.h"

#include <string.h>

/* Which nodes s depends on through floats. */
static bool *reached_from(Arena *arena, const Graph *graph, const Node *s) {
    bool *reached = NEW_ARRAY(arena, bool, graph->nodes.count + 1);
    reached[s->id] = true;
    for (int id = s->id; id >= 0; id--) {
        const Node *node = graph->nodes.at[id];
        if (!reached[id] || node->op == &op_stop) continue;
        for (int k = 0; k < node->operand_count; k++)
            if (node->operand[k]->dtype == DT_FLOAT) reached[node->operand[k]->id] = true;
    }
    return reached;
}

/* sum(result * weight) over the float results, with the weights as inputs of their own; NULL if there is none. */
static Node *weighted_sum(Entry *entry) {
    Graph *graph = entry->graph;
    Node *total = NULL;
    int count = entry->results.count;
    for (int i = 0; i < count; i++) {
        Port *port = &entry->results.at[i];
        Node *part = port->node;
        if (port->dtype != DT_FLOAT) continue;
        if (count > 1 || port->shape.rank > 0) {
            Port weight = {.name = name_of(graph->names, arena_printf(graph->arena, "weight_of_%s", port->name)),
                           .dtype = DT_FLOAT,
                           .shape = port->shape};
            weight.node = input(graph, weight.name, DT_FLOAT, port->shape);
            vec_push(graph->arena, &entry->inputs, weight);
            part = sum_all(graph, multiply(graph, port->node, weight.node));
        }
        total = total ? add(graph, total, part) : part;
    }
    return total;
}

static void add_result(Arena *arena, Entry *entry, const char *name, Node *node) {
    Port port = {.name = name, .dtype = DT_FLOAT, .shape = node->shape, .node = node};
    vec_push(arena, &entry->results, port);
}

/* The nodes to derive by, in the order of the derivatives they belong to. */
typedef struct Sources {
    VEC(Node *) nodes;
    VEC(int) owner; /* by node: its derivative */
} Sources;

static void add_source(Arena *arena, Sources *sources, Node *node, int owner) {
    vec_push(arena, &sources->nodes, node);
    vec_push(arena, &sources->owner, owner);
}

/* The float inputs of the text and the parameters that s depends on. A parameter may be read at several nodes. */
static void find_sources(const Model *model, Variant *variant, const bool *reached, int count, Sources *sources) {
    const Graph *graph = variant->gradient->graph;
    Arena *arena = model->arena;
    for (int i = 0; i < variant->own_inputs; i++) {
        const Port *port = &variant->gradient->inputs.at[i];
        if (port->dtype != DT_FLOAT || !reached[port->node->id]) continue;
        add_source(arena, sources, port->node, variant->derivatives.count);
        vec_push(arena, &variant->derivatives, ((Derivative){.name = port->name, .input = i}));
    }
    for (int i = 0; i < model->variables.count; i++) {
        Variable *variable = model->variables.at[i];
        int before = sources->nodes.count;
        for (int k = 0; k < count && variable->kind == VAR_PARAM; k++) {
            Node *node = graph->nodes.at[k];
            if (!reached[k] || node->op != &op_read || node->attr.variable != variable || node->attr.version) continue;
            add_source(arena, sources, node, variant->derivatives.count);
        }
        Derivative derivative = {.name = variable->path, .input = -1, .variable = variable};
        if (sources->nodes.count > before) vec_push(arena, &variant->derivatives, derivative);
    }
}

/* One reverse pass for all of them. */
static void add_derivatives(const Model *model, Variant *variant, Node *s, const bool *reached, int count) {
    Entry *entry = variant->gradient;
    Arena *arena = model->arena;
    Sources sources = {0};
    find_sources(model, variant, reached, count, &sources);
    Node **d = NEW_ARRAY(arena, Node *, sources.nodes.count + 1);
    grad(entry->graph, s, sources.nodes.at, sources.nodes.count, d);
    for (int i = 0; i < sources.nodes.count; i++) {
        int owner = sources.owner.at[i];
        if (owner == entry->results.count) {
            variant->derivatives.at[owner].result = owner;
            add_result(arena, entry, arena_printf(arena, "d%d", owner), d[i]);
        } else {
            Port *port = &entry->results.at[owner];
            port->node = add(entry->graph, port->node, d[i]);
        }
    }
}

/* What must stay: results, inputs, range checks, and writes to states. */
static bool *needed_of(Arena *arena, const Entry *entry) {
    const Graph *graph = entry->graph;
    bool *needed = NEW_ARRAY(arena, bool, graph->nodes.count + 1);
    for (int i = 0; i < entry->inputs.count; i++) needed[entry->inputs.at[i].node->id] = true;
    for (int i = 0; i < entry->results.count; i++) needed[entry->results.at[i].node->id] = true;
    for (int id = graph->nodes.count - 1; id >= 0; id--) {
        const Node *node = graph->nodes.at[id];
        if (node->op == &op_write && node->attr.variable->kind == VAR_STATE) needed[id] = true;
        for (int k = 0; k < node->operand_count && needed[id]; k++) needed[node->operand[k]->id] = true;
    }
    return needed;
}

/* Moves the entry to a graph of its own that has only what it needs. */
static void move_needed(Entry *entry) {
    Graph *from = entry->graph, *to = graph_new(from->arena, from->names, from->diag, entry->name);
    const bool *needed = needed_of(from->arena, entry);
    Node **map = NEW_ARRAY(from->arena, Node *, from->nodes.count + 1);
    Node **operands = NEW_ARRAY(from->arena, Node *, from->nodes.count + 1);
    for (int id = 0; id < from->nodes.count; id++) {
        const Node *node = from->nodes.at[id];
        if (!needed[id]) continue;
        for (int k = 0; k < node->operand_count; k++) operands[k] = map[node->operand[k]->id];
        map[id] = graph_copy(to, node, operands, node->forward ? map[node->forward->id] : NULL);
    }
    entry_move(entry, to, map);
}

/* A copy of `entry`, on the same graph, without results and without anything of training. */
static Entry *entry_copy(Arena *arena, const Entry *entry, const char *name) {
    Entry *copy = NEW(arena, Entry);
    copy->name = copy->point = copy->identifier = name;
    copy->graph = entry->graph;
    copy->accumulate = 1;
    copy->span = entry->span;
    for (int i = 0; i < entry->inputs.count; i++) vec_push(arena, &copy->inputs, entry->inputs.at[i]);
    return copy;
}

/* NULL where nothing depends on a float. */
static Variant *variant_of(const Model *model, Entry *entry, int number) {
    Arena *arena = model->arena;
    Graph *graph = entry->graph;
    graph->at = entry->span;
    graph->scope = "";
    graph->phase = PHASE_FORWARD;
    graph->forward = NULL;
    graph->rule = NULL;
    Variant *variant = NEW(arena, Variant);
    *variant = (Variant){.name = entry->name, .own_inputs = entry->inputs.count};
    Node *s = entry->train ? entry->results.at[0].node : weighted_sum(entry);
    if (!s) return NULL;
    int count = graph->nodes.count;
    const bool *reached = reached_from(arena, graph, s);
    variant->value = entry_copy(arena, entry, arena_printf(arena, "value%d", number));
    variant->gradient = entry_copy(arena, entry, arena_printf(arena, "gradient%d", number));
    add_result(arena, variant->value, "s", s);
    add_derivatives(model, variant, s, reached, count);
    move_needed(variant->value);
    move_needed(variant->gradient);
    return variant->derivatives.count ? variant : NULL;
}

void variants_make(Model *model, VariantList *variants) {
    for (int i = 0; i < model->entries.count; i++) {
        Variant *variant = variant_of(model, model->entries.at[i], i);
        if (variant) vec_push(model->arena, variants, variant);
    }
    model->entries.count = 0;
    for (int i = 0; i < variants->count; i++) {
        vec_push(model->arena, &model->entries, variants->at[i]->value);
        vec_push(model->arena, &model->entries, variants->at[i]->gradient);
    }
}
