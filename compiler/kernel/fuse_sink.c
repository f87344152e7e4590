/* fuse_sink.c: moves maps to the one kernel that reads them.
 *
 * A map joined the kernel of its producer; where one other kernel alone reads it, and all that it reads is in memory
 * anyway, it is computed there and need not be stored. It takes along the maps that it alone reads:
 *
 *     k3: e = exp(x - m), stored     k9: d = e * g        becomes        k9: d = exp(x - m) * g
 *
 * A product takes such maps into its epilogue: d_h = where(h > 0, G, 0) tells the slope from h. */
#include "kernel/fuse.h"

enum { CONE_LIMIT = 16 };

typedef VEC(Node *) Readers;

typedef struct Sink {
    Fuse *fuse;
    Readers *readers; /* by node id: the members of groups that read it, through views and floating maps */
} Sink;

static void add_reader(Sink *sink, Node *node, Node *reader) {
    node = fuse_alias(sink->fuse, node);
    if (sink->fuse->group[node->id] >= 0 && !fuse_is_view(node)) {
        vec_push(sink->fuse->arena, &sink->readers[node->id], reader);
        return;
    }
    for (int i = 0; i < node->operand_count; i++) add_reader(sink, node->operand[i], reader);
}

static void find_readers(Sink *sink) {
    Fuse *fuse = sink->fuse;
    for (int id = 0; id < fuse->groups.count; id++) {
        const Group *group = fuse->groups.at[id];
        for (int i = 0; i < group->nodes.count; i++)
            for (int j = 0; j < group->nodes.at[i]->operand_count; j++)
                add_reader(sink, group->nodes.at[i]->operand[j], group->nodes.at[i]);
    }
}

/* Scalars that the training loop shows are read from outside as well. */
static bool is_shown(const Fuse *fuse, const Node *node) {
    Node *shown[] = {fuse->entry->learning_rate, fuse->entry->gradient_norm};
    for (int i = 0; i < 2; i++)
        if (shown[i] && fuse_alias(fuse, shown[i]) == node) return true;
    return false;
}

static bool movable(const Sink *sink, const Node *node, int to) {
    const Fuse *fuse = sink->fuse;
    if (node->op->kind != OP_MAP || fuse->alias[node->id] || is_shown(fuse, node)) return false;
    if (fuse->place[node->id].buffer || fuse->base_of[node->id] || fuse->checked[node->id]) return false;
    return !fuse_overwritten_between(fuse, node, fuse->group[node->id], to);
}

static bool in_cone(Node *const *cone, int count, const Node *node) {
    for (int i = 0; i < count; i++)
        if (cone[i] == node) return true;
    return false;
}

/* Whether every reader is in group `to` or in the cone. */
static bool read_by(const Sink *sink, const Node *node, int to, Node *const *cone, int count) {
    const Readers *readers = &sink->readers[node->id];
    for (int i = 0; i < readers->count; i++)
        if (sink->fuse->group[readers->at[i]->id] != to && !in_cone(cone, count, readers->at[i])) return false;
    return true;
}

static int64_t bytes_of(const Node *node) {
    return shape_count(&node->shape) * (node->dtype == DT_BOOL ? 1 : 4);
}

/* Grows the cone by what it alone reads of its own group, element by element. */
static int grow(const Sink *sink, Node **cone, int count, int from, int to) {
    int64_t points = sink->fuse->groups.at[to]->points;
    for (int i = 0; i < count; i++)
        for (int j = 0; j < cone[i]->operand_count; j++) {
            Node *operand = fuse_base(sink->fuse, cone[i]->operand[j]);
            if (sink->fuse->group[operand->id] != from || in_cone(cone, count, operand) || count == CONE_LIMIT)
                continue;
            if (shape_count(&operand->shape) == points && movable(sink, operand, to) &&
                read_by(sink, operand, to, cone, count))
                cone[count++] = operand;
        }
    return count;
}

/* Bytes that would have to be stored for the cone's sake alone, were it elsewhere. */
static int64_t newly_kept(const Sink *sink, Node *const *cone, int count, int from) {
    const Fuse *fuse = sink->fuse;
    int64_t bytes = 0;
    for (int i = 0; i < count; i++)
        for (int j = 0; j < cone[i]->operand_count; j++) {
            const Node *operand = fuse_base(fuse, cone[i]->operand[j]);
            bool inside = fuse->group[operand->id] == from && !in_cone(cone, count, operand);
            if (inside && !fuse->external[operand->id] && !fuse->place[operand->id].buffer) bytes += bytes_of(operand);
        }
    return bytes;
}

static int64_t no_longer_kept(const Sink *sink, Node *const *cone, int count) {
    int64_t bytes = 0;
    for (int i = 0; i < count; i++)
        if (sink->fuse->external[cone[i]->id]) bytes += bytes_of(cone[i]);
    return bytes;
}

static void remove_member(Group *group, const Node *node) {
    int kept = 0;
    for (int i = 0; i < group->nodes.count; i++)
        if (group->nodes.at[i] != node) group->nodes.at[kept++] = group->nodes.at[i];
    group->nodes.count = kept;
}

/* The cone's nodes go before their readers: they keep their order and come first. */
static void put_first(Fuse *fuse, Group *group, Node *const *cone, int count) {
    Readers nodes = {0};
    for (int i = count - 1; i >= 0; i--) vec_push(fuse->arena, &nodes, cone[i]);
    for (int i = 0; i < group->nodes.count; i++) vec_push(fuse->arena, &nodes, group->nodes.at[i]);
    group->nodes.count = 0;
    for (int i = 0; i < nodes.count; i++) vec_push(fuse->arena, &group->nodes, nodes.at[i]);
}

static void move(Sink *sink, Group *old, Group *new, Node *const *cone, int count) {
    Fuse *fuse = sink->fuse;
    int kept = new->nodes.count;
    Readers before = {0};
    for (int i = 0; i < kept; i++) vec_push(fuse->arena, &before, new->nodes.at[i]);
    for (int i = 0; i < count; i++) fuse->group[cone[i]->id] = new->id;
    put_first(fuse, new, cone, count);
    if (group_resolve(fuse, new, false)) {
        for (int i = 0; i < count; i++) remove_member(old, cone[i]);
        return;
    }
    for (int i = 0; i < count; i++) fuse->group[cone[i]->id] = old->id;
    for (int i = 0; i < kept; i++) new->nodes.at[i] = before.at[i];
    new->nodes.count = kept;
}

static void sink_node(Sink *sink, Node *node) {
    Fuse *fuse = sink->fuse;
    if (fuse->group[node->id] < 0 || sink->readers[node->id].count == 0) return;
    int from = fuse->group[node->id], to = fuse->group[sink->readers[node->id].at[0]->id];
    if (to == from || !movable(sink, node, to) || !read_by(sink, node, to, NULL, 0)) return;
    Group *old = fuse->groups.at[from], *new = fuse->groups.at[to];
    bool takes = !new->root || new->kind == KERNEL_CONTRACT;
    if (!takes || old->update != new->update) return;
    Node *cone[CONE_LIMIT] = {node};
    if (shape_count(&node->shape) != new->points) return;
    int count = grow(sink, cone, 1, from, to);
    if (newly_kept(sink, cone, count, from) < no_longer_kept(sink, cone, count)) move(sink, old, new, cone, count);
}

void fuse_find_external(Fuse *fuse) {
    for (int id = 0; id < fuse->graph->nodes.count; id++)
        fuse->external[id] = is_shown(fuse, fuse->graph->nodes.at[id]);
    for (int id = 0; id < fuse->groups.count; id++)
        if (fuse->groups.at[id]->nodes.count > 0 && !group_resolve(fuse, fuse->groups.at[id], true))
            fatal("fuse", "a kernel lost its loops");
}

void fuse_sink(Fuse *fuse) {
    Sink sink = {.fuse = fuse, .readers = NEW_ARRAY(fuse->arena, Readers, fuse->capacity)};
    find_readers(&sink);
    fuse_find_external(fuse);
    for (int id = fuse->graph->nodes.count - 1; id >= 0 && !fuse->apart; id--)
        sink_node(&sink, fuse->graph->nodes.at[id]);
}
