/* fuse_node.c: the nodes while kernels are being formed: what is known of each, and nodes put in on the way.
 *
 * A graph's nodes are immutable. Where a value must lie in another place a copy is appended, and where a node must read
 * the copy, a clone of the node; the alias of the old node says who stands for it from then on.
 */
#include "kernel/fuse.h"

#include <string.h>

/* An identity, put in where a value must lie in a certain place. */
static bool infer_copy(const Node *node, Shape *shape, DType *dtype) {
    *shape = node->operand[0]->shape;
    *dtype = node->operand[0]->dtype;
    return true;
}
const Op op_copy = {.name = "copy", .kind = OP_MAP, .arity = 1, .c = "%0", .infer = infer_copy};

Node *fuse_alias(const Fuse *fuse, Node *node) {
    while (fuse->alias[node->id]) node = fuse->alias[node->id];
    return node;
}

bool fuse_is_view(const Node *node) {
    return node->op->kind == OP_VIEW;
}

Node *fuse_base(const Fuse *fuse, Node *node) {
    node = fuse_alias(fuse, node);
    while (fuse_is_view(node)) node = fuse_alias(fuse, node->operand[0]);
    return node;
}

/* ---- the arrays by node id ---- */

static void *widen(Arena *arena, void *old, int count, int capacity, size_t bytes) {
    char *wider = arena_alloc(arena, (size_t)capacity * bytes);
    if (count > 0) memcpy(wider, old, (size_t)count * bytes);
    return wider;
}

void fuse_reserve(Fuse *fuse) {
    int count = fuse->capacity, want = fuse->graph->nodes.count;
    if (want <= count) return;
    int capacity = want * 2 + 64;
    fuse->group = widen(fuse->arena, fuse->group, count, capacity, sizeof *fuse->group);
    fuse->uses = widen(fuse->arena, fuse->uses, count, capacity, sizeof *fuse->uses);
    fuse->last_use = widen(fuse->arena, fuse->last_use, count, capacity, sizeof *fuse->last_use);
    fuse->user = widen(fuse->arena, fuse->user, count, capacity, sizeof *fuse->user);
    fuse->live = widen(fuse->arena, fuse->live, count, capacity, sizeof *fuse->live);
    fuse->floating = widen(fuse->arena, fuse->floating, count, capacity, sizeof *fuse->floating);
    fuse->external = widen(fuse->arena, fuse->external, count, capacity, sizeof *fuse->external);
    fuse->visited = widen(fuse->arena, fuse->visited, count, capacity, sizeof *fuse->visited);
    fuse->checked = widen(fuse->arena, fuse->checked, count, capacity, sizeof *fuse->checked);
    fuse->pending = widen(fuse->arena, fuse->pending, count, capacity, sizeof *fuse->pending);
    fuse->alias = widen(fuse->arena, fuse->alias, count, capacity, sizeof *fuse->alias);
    fuse->place = widen(fuse->arena, fuse->place, count, capacity, sizeof *fuse->place);
    fuse->base_of = widen(fuse->arena, fuse->base_of, count, capacity, sizeof *fuse->base_of);
    for (int id = count; id < capacity; id++) fuse->group[id] = -1;
    fuse->schedule->place = fuse->place;
    fuse->schedule->alias = fuse->alias;
    fuse->capacity = capacity;
}

Node *fuse_append(Fuse *fuse, const Op *op, Node *like, Node **operands, int count) {
    Graph *graph = fuse->graph;
    Attr none = {0};
    graph_stand(graph, like, like->forward);
    Node *node = graph_append(graph, op, like->dtype, like->shape, count, operands, &none);
    node_rename(graph, node, like->name);
    node_title(node, like->title);
    node->again = like->again;
    fuse_reserve(fuse);
    fuse->live[node->id] = true;
    fuse->uses[node->id] = 1;
    fuse->checked[node->id] = fuse->checked[like->id];
    return node;
}

/* "x_copy": a copy goes by the name of what it copies. */
Node *fuse_append_copy(Fuse *fuse, Node *node) {
    Node *copy = fuse_append(fuse, &op_copy, node, &node, 1);
    const Node *base = fuse_base(fuse, node);
    const char *word = base->attr.label ? base->attr.label : value_name(fuse->arena, base);
    return node_title(copy, arena_printf(fuse->arena, "%s_copy", word));
}

Node *fuse_copy(Fuse *fuse, Node *node) {
    Node *copy = fuse_append_copy(fuse, node);
    fuse_visit(fuse, copy);
    return fuse_alias(fuse, copy);
}

/* The node with one operand replaced; stands for it from here on. */
Node *fuse_replace(Fuse *fuse, Node *node, int index, Node *operand) {
    Node *operands[64], **all = operands;
    if (node->operand_count > 64) all = NEW_ARRAY(fuse->arena, Node *, node->operand_count);
    for (int i = 0; i < node->operand_count; i++) all[i] = i == index ? operand : node->operand[i];
    Node *other = graph_copy(fuse->graph, node, all, node->forward);
    fuse_reserve(fuse);
    fuse->live[other->id] = true;
    fuse->checked[other->id] = fuse->checked[node->id];
    fuse->uses[other->id] = fuse->uses[node->id];
    fuse->user[other->id] = fuse->user[node->id];
    fuse->last_use[other->id] = fuse->last_use[node->id];
    fuse->alias[node->id] = other;
    return other;
}

/* ---- when a node can be computed ---- */

int fuse_floor(Fuse *fuse, const Node *node) {
    if (node->again == 0) return 0;
    while (fuse->floors.count <= node->again) vec_push(fuse->arena, &fuse->floors, fuse->groups.count);
    return fuse->floors.at[node->again];
}

/* The latest group that must have run before the node can be read; -1: none. */
int fuse_ready(const Fuse *fuse, Node *node) {
    node = fuse_alias(fuse, node);
    if (fuse->group[node->id] >= 0) return fuse->group[node->id];
    if (node->op->kind == OP_LEAF) return -1;
    int latest = -1;
    for (int i = 0; i < node->operand_count; i++) {
        int turn = fuse_ready(fuse, node->operand[i]);
        if (turn > latest) latest = turn;
    }
    return latest;
}
