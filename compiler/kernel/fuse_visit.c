/* fuse_visit.c: gives one node after the other its kernel.
 *
 * Maps, reductions, gathers and products go to fuse_group.c. A concat is memory that its parts are written into; a
 * scatter adds into its base in place; reads and writes of variables go to fuse_variable.c.
 *
 *     joined = concat(d_W, d_b):    the kernels of d_W and d_b write at offsets 0 and 65536 of joined
 */
#include "kernel/fuse.h"

#include <math.h>

static bool is_number_leaf(const Node *node) {
    while (fuse_is_view(node)) node = node->operand[0];
    return node->op == &op_const;
}

enum { LARGE_TABLE = 1 << 18, STRIP = 64 }; /* elements of what is scattered to; of the strips in which it is */

/* A large table is filled before rows are added to it: straight through memory, not by the strips that adding goes by.
 */
static bool fills_itself(const Node *base) {
    int64_t count = shape_count(&base->shape);
    return is_number_leaf(base) && (count < LARGE_TABLE || count <= STRIP * base->shape.size[0]);
}

static Node *filled(Fuse *fuse, Node *base) {
    Node *filled = fuse_append(fuse, &op_copy, base, &base, 1);
    fuse_visit(fuse, node_title(filled, "filled"));
    return fuse_alias(fuse, filled);
}

/* The base of a scatter shares its memory: a fresh value that nobody else reads, or a copy. */
static void visit_scatter(Fuse *fuse, Node *node) {
    Node *base = fuse_alias(fuse, node->operand[0]);
    bool fills = fills_itself(base);
    if (!fills) {
        bool fresh = fuse->group[base->id] >= 0 && !fuse->place[base->id].buffer && fuse->uses[base->id] == 1 &&
                     !fuse_is_view(base) && base->op->kind != OP_JOIN && base->op->kind != OP_EFFECT;
        if (!fresh) {
            base = is_number_leaf(base) ? filled(fuse, base) : fuse_copy(fuse, base);
            node = fuse_replace(fuse, node, 0, base);
        }
    }
    fuse_open(fuse, node);
    node = fuse_alias(fuse, node);
    base = fuse_alias(fuse, node->operand[0]);
    if (!fills) fuse->base_of[base->id] = node;
}

static Place part_of(const Fuse *fuse, const Node *whole, const Node *part, int axis, int64_t at) {
    Place place = fuse->place[whole->id];
    place.offset += at * place.stride[axis];
    (void)part;
    return place;
}

/* A concat is memory into which its producers write; a part that has no producer of its own is copied there. */
static void visit_concat(Fuse *fuse, Node *node) {
    int axis = node->attr.axes[0], latest = -1;
    int64_t at = 0;
    if (!fuse->place[node->id].buffer) {
        Buffer *buffer = fuse_value_buffer(fuse, node_title(node, "joined"), &node->shape);
        fuse->place[node->id] = fuse_row_major(&node->shape, buffer, 0);
    }
    for (int i = 0; i < node->operand_count; i++) {
        Node *part = fuse_alias(fuse, node->operand[i]);
        Place place = part_of(fuse, node, part, axis, at);
        at += part->shape.size[axis];
        if (shape_count(&part->shape) == 0) continue;
        if (!fuse_claim(fuse, part, place)) {
            part = fuse_copy(fuse, part);
            if (!fuse_claim(fuse, part, place)) part = fuse_copy_into(fuse, part, place, part->phase);
        }
        int turn = fuse_ready(fuse, part);
        if (turn > latest) latest = turn;
    }
    fuse->group[node->id] = latest;
}

/* pad(x) is a concat of fill, x and fill along each padded axis. */
static void visit_pad(Fuse *fuse, Node *node) {
    Graph *graph = fuse->graph;
    Node *inner = fuse_alias(fuse, node->operand[0]);
    int first = graph->nodes.count;
    graph_stand(graph, node, node->forward);
    for (int axis = 0; axis < node->shape.rank; axis++) {
        int64_t before = node->attr.start[axis], after = node->shape.size[axis] - before - inner->shape.size[axis];
        if (before == 0 && after == 0) continue;
        Node *parts[3];
        int count = 0;
        Shape fill = inner->shape;
        fill.size[axis] = before;
        if (before > 0) parts[count++] = full(graph, fill, node->attr.value, node->dtype);
        parts[count++] = inner;
        fill.size[axis] = after;
        if (after > 0) parts[count++] = full(graph, fill, node->attr.value, node->dtype);
        inner = concat(graph, parts, count, axis);
    }
    fuse_reserve(fuse);
    for (int id = first; id < graph->nodes.count; id++) {
        fuse->live[id] = true;
        fuse->uses[id] = 1;
        fuse->checked[id] = fuse->checked[node->id];
        node_rename(graph, graph->nodes.at[id], node->name);
        fuse_visit(fuse, graph->nodes.at[id]);
    }
    fuse->alias[node->id] = inner;
}

/* ---- maps computed twice ---- */

/* One operation on what lies in memory anyway and is not overwritten. */
static bool cheap_to_repeat(const Fuse *fuse, const Node *map) {
    if (map->op->kind != OP_MAP || map->op->cost > 1 || map->again) return false;
    for (int i = 0; i < map->operand_count; i++) {
        const Node *base = fuse_base(fuse, map->operand[i]);
        bool stays = base->op->kind == OP_JOIN || (base->op->kind == OP_LEAF && base->op != &op_read);
        if (!stays && base->op != &op_scatter_add) return false;
    }
    return true;
}

/* A fold over a row too long to be kept, of a map that others read too, reads a map of its own, so that it need not be
 * stored for the fold's sake: the norm of gradients whose squares their update uses as well. */
static Node *own_map(Fuse *fuse, Node *fold) {
    Node *view = fuse_alias(fuse, fold->operand[0]);
    if (fuse->apart || view->op != &op_reshape) return fold;
    Node *map = fuse_alias(fuse, view->operand[0]), *operand[3];
    bool is_long = shape_count(&view->shape) > (int64_t)ROW_LIMIT * shape_count(&fold->shape);
    if (!is_long || fuse->uses[map->id] < 2 || !cheap_to_repeat(fuse, map)) return fold;
    for (int i = 0; i < map->operand_count; i++) {
        operand[i] = graph_copy(fuse->graph, view, &map->operand[i], NULL);
        operand[i]->dtype = map->operand[i]->dtype;
    }
    Node *own = fuse_append(fuse, map->op, map, operand, map->operand_count);
    own->shape = view->shape;
    for (int i = 0; i < own->operand_count; i++) {
        fuse->live[operand[i]->id] = true;
        fuse->uses[operand[i]->id]++;
        fuse->uses[map->operand[i]->id]++;
    }
    fuse->uses[map->id]--;
    fuse_visit(fuse, own);
    return fuse_replace(fuse, fold, 0, own);
}

/* A fold or product over nothing is a constant, a scatter of nothing its base. */
static bool visit_empty(Fuse *fuse, Node *node) {
    bool empty = false;
    if (shape_count(&node->shape) == 0) return node->op->kind != OP_LEAF && node->op->kind != OP_VIEW;
    if (node->op->kind != OP_REDUCE && node->op->kind != OP_MATMUL && node->op != &op_scatter_add) return false;
    for (int i = 0; i < node->operand_count; i++) empty = empty || shape_count(&node->operand[i]->shape) == 0;
    if (!empty) return false;
    if (node->op == &op_scatter_add) {
        fuse->alias[node->id] = fuse_alias(fuse, node->operand[0]);
        return true;
    }
    double value = node->op == &op_max ? -INFINITY : node->op == &op_min ? INFINITY : 0;
    fuse->graph->at = node->span;
    fuse->alias[node->id] = full(fuse->graph, node->shape, value, node->dtype);
    fuse_reserve(fuse);
    return true;
}

void fuse_visit(Fuse *fuse, Node *node) {
    if (fuse->visited[node->id]) return;
    fuse->visited[node->id] = true;
    fuse_floor(fuse, node);
    if (visit_empty(fuse, node)) return;
    switch (node->op->kind) {
    case OP_LEAF:
        if (node->op == &op_read) fuse_read(fuse, node);
        break;
    case OP_VIEW:
        break;
    case OP_JOIN:
        node->op == &op_pad ? visit_pad(fuse, node) : visit_concat(fuse, node);
        break;
    case OP_EFFECT:
        node->op == &op_write ? fuse_write(fuse, node) : fuse_open(fuse, node);
        break;
    case OP_INDEX:
        node->op == &op_scatter_add ? visit_scatter(fuse, node) : fuse_compute(fuse, node);
        break;
    case OP_MAP:
        fuse_compute(fuse, node);
        break;
    case OP_REDUCE:
        node = own_map(fuse, node);
        fuse_compute(fuse, node);
        break;
    case OP_MATMUL:
        fuse_open(fuse, node);
        break;
    case OP_ATTEND:
        fuse_attend(fuse, node);
        break;
    default:
        fatal("fuse", "%s should be gone by now", node->op->name);
    }
    fuse_lay_out(fuse, node);
}
