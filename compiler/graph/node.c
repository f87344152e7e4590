/* node.c: how a graph grows, and how an entry point moves from one graph to its rewritten copy.
 *
 * In: an op, a type, a shape, operands and attributes, already checked. Out: a node at the end of the graph, stamped
 * with the graph's current place, scope, phase and rule. Nothing is ever removed: a pass that rewrites makes a new
 * graph, copies forward, and keeps `map[old id] = new node`:
 *
 *     %2 = reshape(%1)  %3 = reshape(%2)   becomes   %2 = reshape(%1)   with map {.., %2, %2}
 */
#include "graph/graph.h"

#include <string.h>

size_t dtype_bytes(DType dtype, bool f64) {
    if (dtype == DT_FLOAT) return f64 ? 8 : 4;
    return dtype == DT_I32 ? 4 : 1;
}

const char *dtype_name(DType dtype, bool f64) {
    static const char *const names[] = {"f32", "i32", "bool"};
    return dtype == DT_FLOAT && f64 ? "f64" : names[dtype];
}

static bool same_numbers(const int64_t *a, const int64_t *b) {
    return memcmp(a, b, sizeof(int64_t) * MAX_RANK) == 0;
}

static bool same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_axes(const Attr *a, const Attr *b) {
    return a->axis_count == b->axis_count && memcmp(a->axes, b->axes, sizeof a->axes[0] * (size_t)a->axis_count) == 0;
}

/* Bits, not values: -0.0 is not 0.0, and a NaN is itself. */
static bool same_value(double a, double b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

bool attr_equal(const Op *op, const Attr *a, const Attr *b) {
    unsigned uses = op->uses;
    return (!(uses & USES_AXES) || same_axes(a, b)) && (!(uses & USES_START) || same_numbers(a->start, b->start)) &&
           (!(uses & USES_TRANSPOSE) || (a->transpose_a == b->transpose_a && a->transpose_b == b->transpose_b)) &&
           (!(uses & USES_VALUE) || same_value(a->value, b->value)) && (!(uses & USES_SITE) || a->site == b->site) &&
           (!(uses & USES_LIMIT) || a->limit == b->limit) && (!(uses & USES_FLAG) || a->flag == b->flag) &&
           (!(uses & USES_VARIABLE) || (a->variable == b->variable && a->version == b->version)) &&
           (!(uses & USES_LABEL) || same_text(a->label, b->label)) &&
           (!(uses & USES_FACTOR) || same_value(a->factor, b->factor));
}

Graph *graph_new(Arena *arena, Names *names, Diag *diag, const char *entry) {
    Graph *graph = NEW(arena, Graph);
    graph->arena = arena;
    graph->names = names;
    graph->diag = diag;
    graph->entry = entry;
    graph->scope = "";
    return graph;
}

Node *graph_append(Graph *graph, const Op *op, DType dtype, Shape shape, int operand_count, Node *const *operands,
                   const Attr *attr) {
    Node *node = NEW(graph->arena, Node);
    node->id = graph->nodes.count;
    node->op = op;
    node->dtype = dtype;
    node->shape = shape;
    node->operand_count = operand_count;
    node->operand = NEW_ARRAY(graph->arena, Node *, operand_count > 0 ? operand_count : 1);
    for (int i = 0; i < operand_count; i++) node->operand[i] = operands[i];
    if (attr) node->attr = *attr;
    node->scope = graph->scope;
    node->span = graph->at;
    node->call = graph->call;
    node->phase = graph->phase;
    node->forward = graph->forward;
    node->rule = graph->rule;
    node->rule_of = graph->rule_of;
    node->remat = graph->remat;
    node->block = graph->block;
    vec_push(graph->arena, &graph->nodes, node);
    return node;
}

Node *graph_copy(Graph *graph, const Node *node, Node *const *operands, Node *forward) {
    Node *copy = graph_append(graph, node->op, node->dtype, node->shape, node->operand_count, operands, &node->attr);
    copy->name = node->name;
    copy->title = node->title;
    copy->scope = node->scope;
    copy->span = node->span;
    copy->call = node->call;
    copy->phase = node->phase;
    copy->forward = forward;
    copy->rule = node->rule;
    copy->rule_of = node->rule_of;
    copy->remat = node->remat;
    copy->block = node->block;
    copy->again = node->again;
    return copy;
}

Node *graph_carry(Graph *graph, const Node *node, Node *const *map) {
    Node **operand = NEW_ARRAY(graph->arena, Node *, node->operand_count + 1);
    for (int i = 0; i < node->operand_count; i++) operand[i] = map[node->operand[i]->id];
    return graph_copy(graph, node, operand, node->forward ? map[node->forward->id] : NULL);
}

void graph_stand(Graph *graph, const Node *node, Node *forward) {
    graph->at = node->span;
    graph->call = node->call;
    graph->scope = node->scope;
    graph->phase = node->phase;
    graph->forward = forward;
    graph->rule = node->rule;
    graph->rule_of = node->rule_of;
    graph->remat = node->remat;
    graph->block = node->block;
}

bool remat_within(const Remat *turn, const Remat *around) {
    while (turn && turn != around) turn = turn->outer;
    return turn == around;
}

const Remat *remat_common(const Remat *a, const Remat *b) {
    while (a && !remat_within(b, a)) a = a->outer;
    return a;
}

void node_rename(Graph *graph, Node *node, const char *name) {
    if (node) node->name = name ? name_of(graph->names, name) : NULL;
}

Node *node_title(Node *node, const char *title) {
    if (node && !node->title && node->op->kind != OP_LEAF) node->title = title;
    return node;
}

const char *node_called(const Node *node) {
    if (node->name || node->title) return node->name ? node->name : node->title;
    return node->op->name;
}

const char *node_scope(const Node *node) {
    if (node->scope && node->scope[0]) return node->scope;
    return node->call && node->call->scope ? node->call->scope : "";
}

const char *path_tail(Arena *arena, const char *path) {
    const char *last = strrchr(path, '.'), *tail = last ? last + 1 : path;
    if (!last || *tail < '0' || *tail > '9') return tail;
    const char *list = last;
    while (list > path && list[-1] != '.') list--;
    return arena_printf(arena, "%.*s_%s", (int)(last - list), list, tail);
}

static Node *moved(Node *const *map, const Node *node) {
    return node ? map[node->id] : NULL;
}

void entry_uses(const Entry *entry, int *uses) {
    const Graph *graph = entry->graph;
    for (int i = 0; i < graph->nodes.count; i++)
        for (int k = 0; k < graph->nodes.at[i]->operand_count; k++) uses[graph->nodes.at[i]->operand[k]->id]++;
    for (int i = 0; i < entry->results.count; i++) uses[entry->results.at[i].node->id]++;
}

void entry_move(Entry *entry, Graph *to, Node *const *map) {
    for (int i = 0; i < entry->inputs.count; i++) entry->inputs.at[i].node = moved(map, entry->inputs.at[i].node);
    for (int i = 0; i < entry->results.count; i++) entry->results.at[i].node = moved(map, entry->results.at[i].node);
    entry->learning_rate = moved(map, entry->learning_rate);
    entry->gradient_norm = moved(map, entry->gradient_norm);
    to->site_count = entry->graph->site_count;
    entry->graph = to;
}
