/* fuse.c: partitions an entry's graph into kernels.
 *
 * In: a graph of leaves, views, maps, reductions, products, indexing, joins and effects. Out: a Schedule whose kernels
 * run in order, and a place for every node that is read from outside its kernel.
 *
 *     %5 = matmul(x, w)   %7 = add(%5, %6)   %8 = gelu(%7)        one contract, the add and the gelu in its epilogue
 *
 * Nodes are visited in graph order and join the latest group among their producers' where the table below lets them;
 * else they open a group of their own. So the number of a group is also its turn, and no cycle can arise. Cheap maps of
 * leaves (masks, comparisons, counters) float: they belong to no group and are computed where they are read.
 */
#include "kernel/fuse.h"

#include <limits.h>
#include <math.h>
#include <string.h>

/* ---- the table: what may join a group of each kind ---- */

typedef struct Rule {
    OpKind node;
    KernelKind group;
    bool absorbs;    /* the node becomes part of that kernel */
    KernelKind then; /* which is of this kind afterwards */
} Rule;

static const Rule fusion_table[] = {
    {OP_MAP, KERNEL_MAP, true, KERNEL_MAP},           /* elementwise chains, several results */
    {OP_MAP, KERNEL_ROW, true, KERNEL_ROW},           /* a sweep over the same row, or one number per row */
    {OP_MAP, KERNEL_CONTRACT, true, KERNEL_CONTRACT}, /* the epilogue */
    {OP_REDUCE, KERNEL_MAP, true, KERNEL_ROW},        /* a fold over the last axes of what the maps computed */
    {OP_REDUCE, KERNEL_ROW, true, KERNEL_ROW},        /* another fold over the same row */
    {OP_REDUCE, KERNEL_FOLD, true, KERNEL_FOLD},      /* another fold of the same axes over the same space */
};

static const Rule *rule_for(OpKind node, KernelKind group) {
    for (size_t row = 0; row < sizeof fusion_table / sizeof fusion_table[0]; row++)
        if (fusion_table[row].node == node && fusion_table[row].group == group) return &fusion_table[row];
    return NULL;
}

enum {
    FLOAT_COST = 8,     /* a floating expression costs at most so many simple operations */
    HORIZONTAL = 6,     /* how many groups back a node looks for one that reads what it reads */
    SCRATCH_ROW = 1 << 17 /* the longest row that a row kernel keeps, in elements */
};

/* An identity, put in where a value must lie in a certain place. */
static bool infer_copy(const Node *node, Shape *shape, DType *dtype) {
    *shape = node->operand[0]->shape;
    *dtype = node->operand[0]->dtype;
    return true;
}
static const Op op_copy = {.name = "copy", .kind = OP_MAP, .arity = 1, .c = "%0", .infer = infer_copy};

static void visit(Fuse *fuse, Node *node);

Node *fuse_alias(const Fuse *fuse, Node *node) {
    while (fuse->alias[node->id]) node = fuse->alias[node->id];
    return node;
}

bool fuse_is_view(const Node *node) { return node->op->kind == OP_VIEW; }

/* ---- the arrays by node id ---- */

static void *widen(Arena *arena, void *old, int count, int capacity, size_t bytes) {
    char *wider = arena_alloc(arena, (size_t)capacity * bytes);
    if (count > 0) memcpy(wider, old, (size_t)count * bytes);
    return wider;
}

static void reserve(Fuse *fuse) {
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
    fuse->alias = widen(fuse->arena, fuse->alias, count, capacity, sizeof *fuse->alias);
    fuse->place = widen(fuse->arena, fuse->place, count, capacity, sizeof *fuse->place);
    fuse->base_of = widen(fuse->arena, fuse->base_of, count, capacity, sizeof *fuse->base_of);
    for (int id = count; id < capacity; id++) fuse->group[id] = -1;
    fuse->schedule->place = fuse->place;
    fuse->schedule->alias = fuse->alias;
    fuse->capacity = capacity;
}

/* Appends a node while kernels are being formed, in the surroundings of `like`. */
static Node *append_like(Fuse *fuse, const Op *op, Node *like, DType dtype, Shape shape, int count, Node **operands,
                         const Attr *attr) {
    Graph *graph = fuse->graph;
    graph->at = like->span;
    graph->scope = like->scope;
    graph->phase = like->phase;
    graph->forward = like->forward;
    graph->rule = like->rule;
    Node *node = graph_append(graph, op, dtype, shape, count, operands, attr);
    node_rename(graph, node, like->name);
    reserve(fuse);
    fuse->live[node->id] = true;
    fuse->uses[node->id] = 1;
    return node;
}

static Node *copy_of(Fuse *fuse, Node *node) {
    Attr none = {0};
    Node *copy = append_like(fuse, &op_copy, node, node->dtype, node->shape, 1, &node, &none);
    visit(fuse, copy);
    return fuse_alias(fuse, copy);
}

/* The node with one operand replaced; stands for it from here on. */
static Node *with_operand(Fuse *fuse, Node *node, int index, Node *operand) {
    Node *operands[64], **all = operands;
    if (node->operand_count > 64) all = NEW_ARRAY(fuse->arena, Node *, node->operand_count);
    for (int i = 0; i < node->operand_count; i++) all[i] = i == index ? operand : node->operand[i];
    Node *other = graph_copy(fuse->graph, node, all, node->forward);
    reserve(fuse);
    fuse->live[other->id] = true;
    fuse->uses[other->id] = fuse->uses[node->id];
    fuse->user[other->id] = fuse->user[node->id];
    fuse->last_use[other->id] = fuse->last_use[node->id];
    fuse->alias[node->id] = other;
    return other;
}

/* ---- when a node can be computed ---- */

/* The latest group that must have run before the node can be read; -1: none. */
static int ready(const Fuse *fuse, Node *node) {
    node = fuse_alias(fuse, node);
    if (fuse->group[node->id] >= 0) return fuse->group[node->id];
    if (node->op->kind == OP_LEAF) return -1;
    int latest = -1;
    for (int i = 0; i < node->operand_count; i++) {
        int turn = ready(fuse, node->operand[i]);
        if (turn > latest) latest = turn;
    }
    return latest;
}

static int operands_ready(const Fuse *fuse, const Node *node) {
    int latest = -1;
    for (int i = 0; i < node->operand_count; i++) {
        int turn = ready(fuse, node->operand[i]);
        if (turn > latest) latest = turn;
    }
    return latest;
}

static int group_of_leaf(const Fuse *fuse, const Node *node);

/* ---- groups ---- */

static void seed_loop(Group *group, int64_t extent, LoopRole role) {
    group->seed.extent[group->seed.count] = extent;
    group->seed_role[group->seed.count++] = role;
}

static void seed_row(Group *group) {
    group->seed.count = 0;
    seed_loop(group, group->row > 0 ? group->points / group->row : 0, ROLE_FREE);
    seed_loop(group, group->row, ROLE_FOLD);
}

static bool is_reduced(const Node *node, int axis) {
    for (int i = 0; i < node->attr.axis_count; i++)
        if (node->attr.axes[i] == axis) return true;
    return false;
}

/* Whether a reduction folds just the last axes of its operand; *row is how many elements that is. */
static bool folds_rows(const Node *node, int64_t *row) {
    const Shape *from = &node->operand[0]->shape;
    *row = 1;
    int first = from->rank - node->attr.axis_count;
    for (int axis = 0; axis < from->rank; axis++) {
        if (is_reduced(node, axis) != (axis >= first) && from->size[axis] != 1) return false;
        if (is_reduced(node, axis)) *row *= from->size[axis];
    }
    return true;
}

static void seed_fold(Group *group, const Node *node) {
    const Shape *from = &node->operand[0]->shape;
    group->points = shape_count(from);
    for (int axis = 0; axis < from->rank; axis++)
        seed_loop(group, from->size[axis], is_reduced(node, axis) ? ROLE_FOLD : ROLE_FREE);
}

static void seed_product(Group *group, const Node *node) {
    const Node *a = node->operand[0];
    int rank = node->shape.rank;
    int64_t m = node->shape.size[rank - 2], n = node->shape.size[rank - 1], batch = 1;
    for (int axis = 0; axis < rank - 2; axis++) batch *= node->shape.size[axis];
    group->points = batch * m * n;
    seed_loop(group, batch, ROLE_FREE);
    seed_loop(group, m, ROLE_M);
    seed_loop(group, n, ROLE_N);
    seed_loop(group, a->shape.size[a->shape.rank - (node->attr.transpose_a ? 2 : 1)], ROLE_FOLD);
}

static void seed_scatter(Group *group, const Node *node) {
    int64_t ids = shape_count(&node->operand[1]->shape);
    group->points = shape_count(&node->operand[2]->shape);
    seed_loop(group, ids, ROLE_FOLD);
    seed_loop(group, ids > 0 ? group->points / ids : 0, ROLE_FREE);
}

static KernelKind kind_of(const Node *node, int64_t *row) {
    switch (node->op->kind) {
    case OP_REDUCE: return folds_rows(node, row) ? KERNEL_ROW : KERNEL_FOLD;
    case OP_MATMUL: return KERNEL_CONTRACT;
    case OP_EFFECT: return KERNEL_CHECK;
    case OP_INDEX: return node->op == &op_scatter_add ? KERNEL_SCATTER : KERNEL_MAP;
    default: return KERNEL_MAP;
    }
}

static Group *group_new(Fuse *fuse, Node *node) {
    Group *group = NEW(fuse->arena, Group);
    int64_t row = 1;
    group->id = fuse->groups.count;
    group->kind = kind_of(node, &row);
    group->update = node->phase == PHASE_UPDATE;
    group->points = shape_count(&node->shape);
    if (group->kind == KERNEL_ROW) {
        group->points = shape_count(&node->operand[0]->shape);
        group->row = row;
        seed_row(group);
    } else if (group->kind == KERNEL_FOLD) {
        seed_fold(group, node);
    } else if (group->kind == KERNEL_CONTRACT) {
        seed_product(group, node);
    } else if (group->kind == KERNEL_SCATTER) {
        seed_scatter(group, node);
    } else {
        seed_loop(group, group->points, ROLE_FREE);
    }
    if (group->kind == KERNEL_CONTRACT || group->kind == KERNEL_SCATTER || group->kind == KERNEL_CHECK)
        group->root = node;
    vec_push(fuse->arena, &fuse->groups, group);
    vec_push(fuse->arena, &group->nodes, node);
    fuse->group[node->id] = group->id;
    return group;
}

/* The node's elements fit the group's loops: one per point, or one per row. */
static bool fits(const Group *group, const Node *node, KernelKind then, int64_t row) {
    int64_t count = shape_count(&node->shape);
    if (node->op->kind == OP_REDUCE) {
        if (shape_count(&node->operand[0]->shape) != group->points) return false;
        return then == KERNEL_FOLD || group->kind == KERNEL_MAP || group->row == row;
    }
    if (count == group->points) return true;
    return group->kind == KERNEL_ROW && count * group->row == group->points;
}

static bool same_fold(const Group *group, const Node *node) {
    const Shape *from = &node->operand[0]->shape;
    if (group->seed.count != from->rank) return false;
    for (int axis = 0; axis < from->rank; axis++)
        if (group->seed.extent[axis] != from->size[axis] ||
            (group->seed_role[axis] == ROLE_FOLD) != is_reduced(node, axis))
            return false;
    return true;
}

static bool try_join(Fuse *fuse, Group *group, Node *node) {
    int64_t row = 0;
    const Rule *rule = rule_for(node->op == &op_gather ? OP_MAP : node->op->kind, group->kind);
    if (!rule || group->update != (node->phase == PHASE_UPDATE)) return false;
    if (node->op->kind == OP_REDUCE) {
        bool rows = folds_rows(node, &row);
        if (rows != (rule->then == KERNEL_ROW) || (!rows && !same_fold(group, node))) return false;
    }
    if (!fits(group, node, rule->then, row) || (rule->then == KERNEL_ROW && row > SCRATCH_ROW)) return false;
    Group before = *group;
    if (group->kind == KERNEL_MAP && rule->then == KERNEL_ROW) {
        group->kind = KERNEL_ROW;
        group->row = row;
        seed_row(group);
    }
    vec_push(fuse->arena, &group->nodes, node);
    fuse->group[node->id] = group->id;
    if (group_resolve(fuse, group, false)) return true;
    fuse->group[node->id] = -1;
    *group = before;
    return false;
}

/* Whether a node of the group reads the same value, so that joining saves a read. */
static bool reads(const Fuse *fuse, const Group *group, Node *node) {
    for (int i = 0; i < group->nodes.count; i++) {
        Node *member = group->nodes.at[i];
        for (int j = 0; j < member->operand_count; j++)
            if (fuse_alias(fuse, member->operand[j]) == node && shape_count(&node->shape) >= group->points) return true;
    }
    return false;
}

static bool join_reader(Fuse *fuse, Node *node, int after) {
    int oldest = fuse->groups.count - HORIZONTAL;
    for (int id = fuse->groups.count - 1; id >= 0 && id > after && id >= oldest; id--)
        for (int i = 0; i < node->operand_count; i++)
            if (reads(fuse, fuse->groups.at[id], fuse_alias(fuse, node->operand[i])) &&
                try_join(fuse, fuse->groups.at[id], node))
                return true;
    return false;
}

/* ---- views that no loops can follow ---- */

/* Puts a copy into memory where an operand of the lone node can't be read through its views. */
static Node *mend_operand(Fuse *fuse, Group *group, Node *node, int index) {
    Node *operand = fuse_alias(fuse, node->operand[index]), *mended;
    if (node->op == &op_copy) {
        if (!fuse_is_view(operand)) fatal("fuse", "%s can't be copied", operand->op->name);
        mended = with_operand(fuse, operand, 0, copy_of(fuse, operand->operand[0]));
        fuse->alias[operand->id] = NULL; /* other readers keep the view that served them */
    } else {
        mended = copy_of(fuse, operand);
    }
    Node *other = with_operand(fuse, node, index, mended);
    group->nodes.at[0] = other;
    fuse->group[node->id] = -1;
    if (group->root == node) group->root = other;
    return other;
}

/* Opens a group for a node whose operands can all be read, copying those that can't be. */
static void open_group(Fuse *fuse, Node *node) {
    Group *group = group_new(fuse, node);
    if (!group_resolve(fuse, group, false)) {
        fuse->groups.count--; /* the copies come first */
        fuse->group[node->id] = -1;
        for (int i = 0; i < node->operand_count; i++) {
            int number = fuse->groups.count;
            fuse->group[node->id] = group->id = number;
            if (operand_resolves(fuse, group, i)) continue;
            fuse->group[node->id] = -1;
            node = mend_operand(fuse, group, node, i);
        }
        group->id = fuse->groups.count;
        vec_push(fuse->arena, &fuse->groups, group);
        fuse->group[node->id] = group->id;
        if (!group_resolve(fuse, group, false)) {
            Node *last = node;
            for (int i = 0; i < node->operand_count; i++) {
                fuse->groups.count--;
                fuse->group[last->id] = -1;
                last = mend_operand(fuse, group, last, i);
                group->id = fuse->groups.count;
                vec_push(fuse->arena, &fuse->groups, group);
                fuse->group[last->id] = group->id;
                if (group_resolve(fuse, group, false)) return;
            }
            fatal("fuse", "no loops for %s", node->op->name);
        }
    }
}

/* ---- floating expressions ---- */

static bool leaf_floats(const Node *node) { return node->op != &op_read; }

/* A cheap map of inputs, numbers and counters alone: computed again by each reader. */
static bool floats(const Fuse *fuse, const Node *node) {
    if (node->op->kind != OP_MAP || node->op == &op_copy || node->op->cost > FLOAT_COST) return false;
    int cost = node->op->cost;
    for (int i = 0; i < node->operand_count; i++) {
        const Node *operand = fuse_alias(fuse, node->operand[i]);
        while (fuse_is_view(operand)) {
            if (operand->operand_count == 2) return false;
            operand = fuse_alias(fuse, operand->operand[0]);
        }
        if (operand->op->kind == OP_LEAF ? !leaf_floats(operand) : !fuse->floating[operand->id]) return false;
        if (fuse->floating[operand->id]) cost += fuse->uses[operand->id] >> 16;
    }
    return cost <= FLOAT_COST;
}

/* The cost of a floating expression is kept in the upper half of its use count's word. */
static void float_node(Fuse *fuse, Node *node) {
    int cost = node->op->cost;
    for (int i = 0; i < node->operand_count; i++) {
        Node *operand = fuse_alias(fuse, node->operand[i]);
        while (fuse_is_view(operand)) operand = fuse_alias(fuse, operand->operand[0]);
        if (fuse->floating[operand->id]) cost += fuse->uses[operand->id] >> 16;
    }
    fuse->uses[node->id] = (fuse->uses[node->id] & 0xffff) | cost << 16;
}

/* A map that floats is tried on its own loops first, so that every reader can follow its views. */
static bool try_float(Fuse *fuse, Node *node) {
    if (!floats(fuse, node)) return false;
    Group *group = group_new(fuse, node);
    bool fine = group_resolve(fuse, group, false);
    fuse->groups.count--;
    fuse->group[node->id] = -1;
    if (!fine) return false;
    fuse->floating[node->id] = true;
    float_node(fuse, node);
    return true;
}

/* ---- visiting ---- */

static void visit_compute(Fuse *fuse, Node *node) {
    if (try_float(fuse, node)) return;
    int after = operands_ready(fuse, node);
    if (node->op->kind == OP_MAP || node->op->kind == OP_REDUCE || node->op == &op_gather) {
        if (after >= 0 && try_join(fuse, fuse->groups.at[after], node)) return;
        if (join_reader(fuse, node, after)) return;
    }
    open_group(fuse, node);
}

static bool is_number_leaf(const Node *node) {
    while (fuse_is_view(node)) node = node->operand[0];
    return node->op == &op_const;
}

/* The base of a scatter shares its memory: a fresh value that nobody else reads, or a copy. Zeros need none. */
static void visit_scatter(Fuse *fuse, Node *node) {
    Node *base = fuse_alias(fuse, node->operand[0]);
    if (!is_number_leaf(base)) {
        bool fresh = fuse->group[base->id] >= 0 && !fuse->place[base->id].buffer && fuse->uses[base->id] == 1 &&
                     !fuse_is_view(base) && base->op->kind != OP_JOIN && base->op->kind != OP_EFFECT;
        if (!fresh) {
            base = copy_of(fuse, base);
            node = with_operand(fuse, node, 0, base);
        }
    }
    open_group(fuse, node);
    node = fuse_alias(fuse, node);
    base = fuse_alias(fuse, node->operand[0]);
    if (!is_number_leaf(base)) fuse->base_of[base->id] = node;
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
        Buffer *buffer = fuse_buffer(fuse, BUF_ARENA, node->name ? node->name : "joined", node->dtype,
                                     shape_count(&node->shape));
        fuse->place[node->id] = fuse_row_major(&node->shape, buffer, 0);
    }
    for (int i = 0; i < node->operand_count; i++) {
        Node *part = fuse_alias(fuse, node->operand[i]);
        Place place = part_of(fuse, node, part, axis, at);
        at += part->shape.size[axis];
        if (shape_count(&part->shape) == 0) continue;
        if (!fuse_claim(fuse, part, place)) {
            part = copy_of(fuse, part);
            if (!fuse_claim(fuse, part, place)) fatal("fuse", "a part of %s finds no place", node->op->name);
        }
        int turn = ready(fuse, part);
        if (turn > latest) latest = turn;
    }
    fuse->group[node->id] = latest;
}

/* pad(x) is a concat of fill, x and fill along each padded axis. */
static void visit_pad(Fuse *fuse, Node *node) {
    Graph *graph = fuse->graph;
    Node *inner = fuse_alias(fuse, node->operand[0]);
    int first = graph->nodes.count;
    graph->at = node->span;
    graph->scope = node->scope;
    graph->phase = node->phase;
    graph->forward = node->forward;
    graph->rule = node->rule;
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
    reserve(fuse);
    for (int id = first; id < graph->nodes.count; id++) {
        fuse->live[id] = true;
        fuse->uses[id] = 1;
        node_rename(graph, graph->nodes.at[id], node->name);
        visit(fuse, graph->nodes.at[id]);
    }
    fuse->alias[node->id] = inner;
}

/* ---- variables ---- */

static const Variable *memory_of(const Variable *variable) { return variable->group ? variable->group : variable; }

/* The id of the write that ends the life of what `read` sees; INT_MAX if none does. */
static int overwritten_at(const Fuse *fuse, const Node *read) {
    const Graph *graph = fuse->graph;
    for (int id = read->id + 1; id < graph->nodes.count; id++) {
        const Node *node = graph->nodes.at[id];
        if (node->op == &op_write && fuse->live[id] && memory_of(node->attr.variable) == memory_of(read->attr.variable) &&
            !(node->attr.variable == read->attr.variable && node->attr.version <= read->attr.version))
            return id;
    }
    return INT_MAX;
}

/* A value that is still read after its variable has been overwritten is copied first. */
static void visit_read(Fuse *fuse, Node *node) {
    fuse->group[node->id] = group_of_leaf(fuse, node);
    if (fuse->last_use[node->id] <= overwritten_at(fuse, node)) return;
    Node *original = graph_copy(fuse->graph, node, NULL, node->forward);
    reserve(fuse);
    fuse->live[original->id] = true;
    fuse->group[original->id] = fuse->group[node->id];
    fuse->place[original->id] = fuse->place[node->id];
    fuse->alias[node->id] = copy_of(fuse, original);
}

/* The group after whose turn a read's version is there. */
static int group_of_leaf(const Fuse *fuse, const Node *node) {
    int latest = -1;
    for (int id = 0; id < node->id; id++) {
        const Node *write = fuse->graph->nodes.at[id];
        if (write->op == &op_write && memory_of(write->attr.variable) == memory_of(node->attr.variable) &&
            fuse->group[id] > latest)
            latest = fuse->group[id];
    }
    return latest;
}

/* Whether `reader` looks at the element it is about to overwrite and at no other. */
static bool reads_in_step(const Fuse *fuse, const Group *group, const Node *read, const Node *reader) {
    if (group->kind != KERNEL_MAP || shape_count(&read->shape) != group->points) return false;
    for (int i = 0; i < reader->operand_count; i++) {
        const Node *operand = fuse_alias(fuse, reader->operand[i]);
        while (operand->op == &op_reshape) operand = fuse_alias(fuse, operand->operand[0]);
        if (operand == read) return true;
    }
    return false;
}

static bool sees(const Fuse *fuse, const Node *node, const Node *read) {
    node = fuse_alias(fuse, (Node *)node);
    if (node == read) return true;
    if (!fuse_is_view(node)) return false;
    return sees(fuse, node->operand[0], read);
}

/* No kernel in or after `turn` may read what the write destroys, but in step with it. */
static bool safe_to_write(const Fuse *fuse, const Node *write, int turn) {
    const Graph *graph = fuse->graph;
    for (int id = 0; id < graph->nodes.count; id++) {
        const Node *read = graph->nodes.at[id];
        if (!fuse->live[id]) continue;
        if (read->op == &op_write && id < write->id && fuse->group[id] > turn &&
            memory_of(read->attr.variable) == memory_of(write->attr.variable))
            return false;
        if (read->op != &op_read || fuse->alias[id] ||
            memory_of(read->attr.variable) != memory_of(write->attr.variable))
            continue;
        for (int user = id + 1; user < graph->nodes.count; user++) {
            const Node *reader = graph->nodes.at[user];
            int group = fuse->group[user];
            if (!fuse->live[user] || group < turn || fuse_is_view(reader) || reader->op->kind == OP_JOIN) continue;
            bool any = false;
            for (int i = 0; i < reader->operand_count; i++) any = any || sees(fuse, reader->operand[i], read);
            if (!any) continue;
            if (group > turn || !reads_in_step(fuse, fuse->groups.at[turn], read, reader)) return false;
        }
    }
    return true;
}

static Place place_of_write(const Fuse *fuse, const Node *write) {
    const Variable *variable = write->attr.variable;
    Node window = {.id = write->id, .shape = variable->shape};
    Place place = fuse_row_major(&window.shape, NULL, 0);
    const Variable *memory = memory_of(variable);
    for (int i = 0; i < fuse->schedule->buffers.count; i++)
        if (fuse->schedule->buffers.at[i]->variable == memory) place.buffer = fuse->schedule->buffers.at[i];
    place.offset = variable->group ? variable->offset : 0;
    for (int axis = 0; axis < variable->shape.rank; axis++)
        place.offset += write->attr.start[axis] * place.stride[axis];
    if (write->operand_count == 2) {
        place.index = fuse_alias(fuse, write->operand[1]);
        place.index_stride = place.stride[write->attr.axes[0]];
    }
    return place;
}

static Node *computed_base(const Fuse *fuse, Node *node) {
    node = fuse_alias(fuse, node);
    while (fuse_is_view(node)) node = fuse_alias(fuse, node->operand[0]);
    return node;
}

/* The value's producer writes straight into the variable where nobody can notice; else a copy does, last of all. */
static void visit_write(Fuse *fuse, Node *node) {
    Node *value = fuse_alias(fuse, node->operand[0]);
    Place place = place_of_write(fuse, node);
    int turn = ready(fuse, computed_base(fuse, value));
    bool index_ready = !place.index || ready(fuse, place.index) < turn;
    Node *base = computed_base(fuse, value);
    bool direct = turn >= 0 && index_ready && base->op->kind != OP_JOIN && fuse->group[base->id] >= 0 &&
                  safe_to_write(fuse, node, turn);
    if (!direct || !fuse_claim(fuse, value, place)) {
        /* in a group of its own it comes after every reader of the old value */
        if (computed_base(fuse, value)->op == &op_read) value = copy_of(fuse, value);
        Node *last = append_like(fuse, &op_copy, value, value->dtype, value->shape, 1, &value, &(Attr){0});
        open_group(fuse, last);
        value = fuse_alias(fuse, last);
        if (!fuse_claim(fuse, value, place)) fatal("fuse", "a write finds no place");
    }
    fuse->group[node->id] = ready(fuse, value);
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
    reserve(fuse);
    return true;
}

static void visit(Fuse *fuse, Node *node) {
    if (visit_empty(fuse, node)) return;
    switch (node->op->kind) {
    case OP_LEAF:
        if (node->op == &op_read) visit_read(fuse, node);
        break;
    case OP_VIEW: break;
    case OP_JOIN: node->op == &op_pad ? visit_pad(fuse, node) : visit_concat(fuse, node); break;
    case OP_EFFECT: node->op == &op_write ? visit_write(fuse, node) : open_group(fuse, node); break;
    case OP_INDEX: node->op == &op_scatter_add ? visit_scatter(fuse, node) : visit_compute(fuse, node); break;
    case OP_MAP:
    case OP_REDUCE: visit_compute(fuse, node); break;
    case OP_MATMUL: open_group(fuse, node); break;
    default: fatal("fuse", "%s should be gone by now", node->op->name);
    }
}

/* ---- results ---- */

static void visit_result(Fuse *fuse, int port) {
    Port *result = &fuse->entry->results.at[port];
    Node *node = fuse_alias(fuse, result->node);
    if (shape_count(&node->shape) == 0) return;
    Buffer *buffer = fuse_buffer(fuse, BUF_RESULT, result->name, result->dtype, shape_count(&result->shape));
    buffer->port = port;
    Place place = fuse_row_major(&node->shape, buffer, 0);
    if (fuse_claim(fuse, node, place)) return;
    node = copy_of(fuse, node);
    if (!fuse_claim(fuse, node, place)) fatal("fuse", "result %s finds no place", result->name);
}

/* Scalars that the training loop shows stay in memory to the end of the call. */
static void keep_scalar(Fuse *fuse, Node **shown) {
    if (!*shown) return;
    Node *node = fuse_alias(fuse, *shown);
    if (fuse_is_view(node) || fuse->group[node->id] < 0 || node->op->kind == OP_LEAF) node = copy_of(fuse, node);
    fuse->external[node->id] = true;
    *shown = node;
}

/* ---- uses ---- */

static void count_use(Fuse *fuse, Node *node, int by, Node *user) {
    fuse->uses[node->id] = fuse->uses[node->id] < 0x7fff ? fuse->uses[node->id] + 1 : 0x7fff;
    fuse->user[node->id] = user;
    for (;;) {
        if (fuse->last_use[node->id] < by) fuse->last_use[node->id] = by;
        if (!fuse_is_view(node)) return;
        node = node->operand[0];
    }
}

static void count_uses(Fuse *fuse) {
    Graph *graph = fuse->graph;
    for (int id = 0; id < graph->nodes.count; id++) {
        Node *node = graph->nodes.at[id];
        if (!fuse->live[id]) continue;
        for (int i = 0; i < node->operand_count; i++) count_use(fuse, node->operand[i], fuse_is_view(node) ? 0 : id, node);
    }
    for (int port = 0; port < fuse->entry->results.count; port++)
        count_use(fuse, fuse->entry->results.at[port].node, INT_MAX, NULL);
}

/* ---- moving a map to the one kernel that reads it ---- */

static int only_reader(const Fuse *fuse, const Node *node) {
    if (fuse->uses[node->id] != 1 || !fuse->user[node->id]) return -1;
    Node *user = fuse_alias(fuse, fuse->user[node->id]);
    if (fuse_is_view(user)) return user->op == &op_reshape ? only_reader(fuse, user) : -1;
    return user->op->kind == OP_MAP || user->op->kind == OP_REDUCE ? fuse->group[user->id] : -1;
}

static bool reads_variable(const Fuse *fuse, const Node *node) {
    for (int i = 0; i < node->operand_count; i++)
        if (computed_base(fuse, node->operand[i])->op == &op_read) return true;
    return false;
}

/* How many tensors of the node's size would have to be kept in memory for its sake alone, were it elsewhere. */
static int newly_kept(const Fuse *fuse, const Node *node) {
    int kept = 0;
    for (int i = 0; i < node->operand_count; i++) {
        const Node *base = computed_base(fuse, node->operand[i]);
        bool inside = fuse->group[base->id] == fuse->group[node->id];
        if (inside && !fuse->external[base->id] && !fuse->place[base->id].buffer &&
            2 * shape_count(&base->shape) > shape_count(&node->shape))
            kept++;
    }
    return kept;
}

static void remove_member(Group *group, const Node *node) {
    int kept = 0;
    for (int i = 0; i < group->nodes.count; i++)
        if (group->nodes.at[i] != node) group->nodes.at[kept++] = group->nodes.at[i];
    group->nodes.count = kept;
}

static void sort_members(Group *group) {
    for (int i = group->nodes.count - 1; i > 0 && group->nodes.at[i]->id < group->nodes.at[i - 1]->id; i--) {
        Node *swap = group->nodes.at[i];
        group->nodes.at[i] = group->nodes.at[i - 1];
        group->nodes.at[i - 1] = swap;
    }
}

/* x = g * h computed beside g, read by a fold elsewhere: it moves there, and need not be stored. */
static void sink(Fuse *fuse, Node *node) {
    int from = fuse->group[node->id], to = only_reader(fuse, node);
    if (to < 0 || to == from || fuse->place[node->id].buffer || fuse->base_of[node->id]) return;
    Group *old = fuse->groups.at[from], *new = fuse->groups.at[to];
    if (old->update != new->update || shape_count(&node->shape) != new->points || old->root == node) return;
    if (new->kind == KERNEL_CONTRACT || reads_variable(fuse, node) || newly_kept(fuse, node) > 0) return;
    fuse->group[node->id] = to;
    vec_push(fuse->arena, &new->nodes, node);
    if (!group_resolve(fuse, new, false)) {
        new->nodes.count--;
        fuse->group[node->id] = from;
        return;
    }
    sort_members(new);
    remove_member(old, node);
}

static void collect_external(Fuse *fuse) {
    bool *shown = NEW_ARRAY(fuse->arena, bool, fuse->capacity);
    Node *scalars[] = {fuse->entry->learning_rate, fuse->entry->gradient_norm};
    for (int i = 0; i < 2; i++)
        if (scalars[i]) shown[fuse_alias(fuse, scalars[i])->id] = true;
    for (int id = 0; id < fuse->graph->nodes.count; id++) fuse->external[id] = shown[id];
    for (int id = 0; id < fuse->groups.count; id++)
        if (fuse->groups.at[id]->nodes.count > 0 && !group_resolve(fuse, fuse->groups.at[id], true))
            fatal("fuse", "a kernel lost its loops");
}

static void sink_all(Fuse *fuse) {
    collect_external(fuse);
    for (int id = fuse->graph->nodes.count - 1; id >= 0; id--) {
        Node *node = fuse->graph->nodes.at[id];
        if (node->op->kind == OP_MAP && fuse->group[id] >= 0 && !fuse->alias[id]) sink(fuse, node);
    }
    collect_external(fuse);
}

/* ---- kernels ---- */

static const char *kernel_name(const Fuse *fuse, const Group *group) {
    const Node *named = NULL;
    for (int i = 0; i < group->nodes.count; i++) {
        const Node *node = group->nodes.at[i];
        if (fuse->place[node->id].buffer && node->name) named = node;
    }
    if (!named && group->nodes.at[0]->name) named = group->nodes.at[0];
    if (named) return named->name;
    return group->root ? group->root->op->name : group->nodes.at[group->nodes.count - 1]->op->name;
}

static void make_kernel(Fuse *fuse, Group *group) {
    Kernel *kernel = NEW(fuse->arena, Kernel);
    kernel->kind = group->kind;
    kernel->phase = group->nodes.at[0]->phase;
    kernel->root = group->root;
    kernel->points = group->points;
    kernel->row = group->row;
    kernel->axes = group->axes;
    memcpy(kernel->role, group->role, sizeof kernel->role);
    kernel->fine = group->fine;
    memcpy(kernel->fine_role, group->fine_role, sizeof kernel->fine_role);
    memcpy(kernel->inner, group->inner, sizeof kernel->inner);
    for (int i = 0; i < group->nodes.count; i++) {
        Node *node = group->nodes.at[i];
        vec_push(fuse->arena, &kernel->nodes, node);
        if (node->phase > kernel->phase) kernel->phase = node->phase;
        if (fuse->place[node->id].buffer) vec_push(fuse->arena, &kernel->outputs, node);
    }
    kernel->name = kernel_name(fuse, group);
    kernel->id = fuse->schedule->kernels.count;
    if (kernel->outputs.count > 0) vec_push(fuse->arena, &fuse->schedule->kernels, kernel);
}

Schedule *fuse(Model *model, Entry *entry) {
    Fuse *state = NEW(model->arena, Fuse);
    *state = (Fuse){.arena = model->arena, .model = model, .entry = entry, .graph = entry->graph};
    state->schedule = NEW(model->arena, Schedule);
    state->schedule->model = model;
    state->schedule->entry = entry;
    reserve(state);
    entry_live(entry, state->live);
    count_uses(state);
    fuse_leaves(state);
    int count = entry->graph->nodes.count;
    for (int id = 0; id < count; id++)
        if (state->live[id]) visit(state, entry->graph->nodes.at[id]);
    for (int port = 0; port < entry->results.count; port++) visit_result(state, port);
    keep_scalar(state, &entry->learning_rate);
    keep_scalar(state, &entry->gradient_norm);
    sink_all(state);
    fuse_places(state);
    for (int id = 0; id < state->groups.count; id++)
        if (state->groups.at[id]->nodes.count > 0) make_kernel(state, state->groups.at[id]);
    return state->schedule;
}
