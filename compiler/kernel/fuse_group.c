/* fuse_group.c: groups of nodes, and which nodes may join which.
 *
 *     %5 = matmul(x, w)   %7 = add(%5, %6)   %8 = gelu(%7)        one contract, the add and the gelu in its epilogue
 *
 * A node joins the latest group among its producers', if the table lets it and some loops reach all that the group then
 * reads; else a later group that reads what it reads; else it opens one of its own. Cheap maps of leaves (masks,
 * comparisons, counters) float: they belong to no group and are computed where they are read.
 */
#include "kernel/fuse.h"

#include <limits.h>

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
    {OP_MAP, KERNEL_FOLD, true, KERNEL_FOLD},         /* with what it alone reads, never by itself */
};

static const Rule *rule_for(OpKind node, KernelKind group) {
    for (size_t row = 0; row < sizeof fusion_table / sizeof fusion_table[0]; row++)
        if (fusion_table[row].node == node && fusion_table[row].group == group) return &fusion_table[row];
    return NULL;
}

enum {
    FLOAT_COST = 8,  /* a floating expression costs at most so many simple operations */
    HORIZONTAL = 6,  /* how many groups back a node looks for one that reads what it reads */
    FOLD_LIMIT = 12, /* nodes of one fold kernel */
    CHAIN_LIMIT = 8  /* maps after one another that wait for a fold */
};

/* ---- groups ---- */

static void seed_loop(Group *group, int64_t extent, LoopRole role) {
    group->seed.extent[group->seed.count] = extent;
    group->seed_role[group->seed.count++] = role;
}

void group_seed_row(Group *group) {
    int64_t rows = group->row > 0 ? group->points / group->row : 0;
    group->seed.count = 0;
    seed_loop(group, group->parts ? group->parts : rows, ROLE_FREE);
    if (group->parts) seed_loop(group, rows / group->parts, ROLE_M);
    seed_loop(group, group->row, ROLE_FOLD);
}

static bool is_reduced(const Node *node, int axis) {
    for (int i = 0; i < node->attr.axis_count; i++)
        if (node->attr.axes[i] == axis) return true;
    return false;
}

/* Whether a reduction folds just the last axes of its operand; *row is how many elements that is. Axes of size 1 are of
 * no account. */
static bool folds_rows(const Node *node, int64_t *row) {
    const Shape *from = &node->operand[0]->shape;
    bool kept = false;
    *row = 1;
    for (int axis = from->rank - 1; axis >= 0; axis--) {
        if (from->size[axis] == 1) continue;
        if (!is_reduced(node, axis))
            kept = true;
        else if (kept)
            return false;
        else
            *row *= from->size[axis];
    }
    return true;
}

void group_seed_fold(Group *group, const Node *node) {
    const Shape *from = &node->operand[0]->shape;
    group->seed.count = 0;
    group->points = shape_count(from);
    for (int axis = 0; axis < from->rank; axis++)
        if (from->size[axis] != 1) seed_loop(group, from->size[axis], is_reduced(node, axis) ? ROLE_FOLD : ROLE_FREE);
}

void group_seed_product(Group *group, const Node *node) {
    const Node *a = node->operand[0];
    int rank = node->shape.rank;
    int64_t m = node->shape.size[rank - 2], n = node->shape.size[rank - 1], batch = 1;
    for (int axis = 0; axis < rank - 2; axis++) batch *= node->shape.size[axis];
    group->seed.count = 0;
    group->points = batch * m * n;
    seed_loop(group, batch, ROLE_FREE);
    if (group->parts) seed_loop(group, group->parts, ROLE_PART);
    seed_loop(group, group->parts ? m / group->parts : m, ROLE_M);
    seed_loop(group, n, ROLE_N);
    seed_loop(group, a->shape.size[a->shape.rank - (node->attr.transpose_a ? 2 : 1)], ROLE_FOLD);
}

/* Batch, queries, keys, the heads' width, the values' width; of a log-sum-exp the last is 1. */
static void seed_attend(Group *group, const Node *node) {
    AttendParts parts = attend_parts(node);
    int rank = parts.q->shape.rank;
    int64_t rows = shape_count(&parts.q->shape) / parts.q->shape.size[rank - 1];
    int64_t queries = parts.q->shape.size[rank - 2];
    group->points = shape_count(&node->shape);
    seed_loop(group, rows / queries, ROLE_FREE);
    seed_loop(group, queries, ROLE_M);
    seed_loop(group, parts.k->shape.size[rank - 2], ROLE_N);
    seed_loop(group, parts.q->shape.size[rank - 1], ROLE_FOLD);
    seed_loop(group, parts.v ? parts.v->shape.size[rank - 1] : 1, ROLE_VALUE);
}

static void seed_scatter(Group *group, const Node *node) {
    int64_t ids = shape_count(&node->operand[1]->shape);
    group->points = shape_count(&node->operand[2]->shape);
    seed_loop(group, ids, ROLE_FOLD);
    seed_loop(group, ids > 0 ? group->points / ids : 0, ROLE_FREE);
}

static KernelKind kind_of(const Node *node, int64_t *row) {
    switch (node->op->kind) {
    case OP_REDUCE:
        return folds_rows(node, row) ? KERNEL_ROW : KERNEL_FOLD;
    case OP_MATMUL:
        return KERNEL_CONTRACT;
    case OP_ATTEND:
        return KERNEL_ATTEND;
    case OP_EFFECT:
        return KERNEL_CHECK;
    case OP_INDEX:
        return node->op == &op_scatter_add ? KERNEL_SCATTER : KERNEL_MAP;
    default:
        return KERNEL_MAP;
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
        group_seed_row(group);
    } else if (group->kind == KERNEL_FOLD) {
        group_seed_fold(group, node);
    } else if (group->kind == KERNEL_CONTRACT) {
        group_seed_product(group, node);
    } else if (group->kind == KERNEL_ATTEND) {
        seed_attend(group, node);
    } else if (group->kind == KERNEL_SCATTER) {
        seed_scatter(group, node);
    } else {
        seed_loop(group, group->points, ROLE_FREE);
    }
    if (group->kind == KERNEL_CONTRACT || group->kind == KERNEL_ATTEND || group->kind == KERNEL_SCATTER ||
        group->kind == KERNEL_CHECK)
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
    Group other = {0};
    group_seed_fold(&other, node);
    if (group->seed.count != other.seed.count) return false;
    for (int loop = 0; loop < other.seed.count; loop++)
        if (group->seed.extent[loop] != other.seed.extent[loop] || group->seed_role[loop] != other.seed_role[loop])
            return false;
    return true;
}

bool group_writes_variable(const Fuse *fuse, const Group *group) {
    for (int i = 0; i < group->nodes.count; i++) {
        const Buffer *buffer = fuse->place[group->nodes.at[i]->id].buffer;
        if (buffer && buffer->kind == BUF_VARIABLE) return true;
    }
    return false;
}

/* Takes nodes that feed one another into the group, if some loops reach all they read. */
static bool try_join(Fuse *fuse, Group *group, Node *const *nodes, int count) {
    Group before = *group;
    bool fine = true;
    int taken = 0;
    for (; taken < count && fine; taken++) {
        Node *node = nodes[taken];
        int64_t row = 0;
        const Rule *rule = rule_for(node->op == &op_gather ? OP_MAP : node->op->kind, group->kind);
        fine = rule && group->update == (node->phase == PHASE_UPDATE);
        fine = fine && !(fuse->checked[node->id] && group_writes_variable(fuse, group));
        fine = fine && !(rule->then == KERNEL_FOLD && node->op->kind != OP_REDUCE && taken == count - 1);
        if (fine && node->op->kind == OP_REDUCE) {
            bool rows = folds_rows(node, &row);
            fine = rows == (rule->then == KERNEL_ROW) && (rows || same_fold(group, node));
        }
        fine = fine && fits(group, node, rule->then, row) && !(rule->then == KERNEL_ROW && row > ROW_LIMIT);
        fine = fine && !(rule->then == KERNEL_FOLD && group->nodes.count >= FOLD_LIMIT);
        if (!fine) break;
        if (group->kind == KERNEL_MAP && rule->then == KERNEL_ROW) {
            group->kind = KERNEL_ROW;
            group->row = row;
            group_seed_row(group);
        }
        vec_push(fuse->arena, &group->nodes, node);
        fuse->group[node->id] = group->id;
    }
    if (fine && group_resolve(fuse, group, false)) return true;
    for (int i = 0; i < taken; i++) fuse->group[nodes[i]->id] = -1;
    *group = before;
    return false;
}

/* Whether what is read below `node`, through views and floating maps, is the value. */
static bool reads_value(const Fuse *fuse, Node *node, const Node *value) {
    node = fuse_base(fuse, node);
    if (node == value) return true;
    for (int i = 0; fuse->floating[node->id] && i < node->operand_count; i++)
        if (reads_value(fuse, node->operand[i], value)) return true;
    return false;
}

/* Whether a node of the group reads the same value, so that joining saves a read. */
bool group_reads(const Fuse *fuse, const Group *group, const Node *value) {
    if (shape_count(&value->shape) < group->points) return false;
    for (int i = 0; i < group->nodes.count; i++) {
        Node *member = group->nodes.at[i];
        for (int j = 0; j < member->operand_count; j++)
            if (reads_value(fuse, member->operand[j], value)) return true;
    }
    return false;
}

/* Whether the group reads a value that lies below `node`. */
static bool shares_read(const Fuse *fuse, const Group *group, Node *node) {
    node = fuse_base(fuse, node);
    if (!fuse->floating[node->id]) return group_reads(fuse, group, node);
    for (int i = 0; i < node->operand_count; i++)
        if (shares_read(fuse, group, node->operand[i])) return true;
    return false;
}

static bool reads_operand(const Fuse *fuse, const Group *group, Node *const *nodes, int count) {
    for (int i = 0; i < count; i++)
        for (int j = 0; j < nodes[i]->operand_count; j++)
            if (shares_read(fuse, group, nodes[i]->operand[j])) return true;
    return false;
}

static int operands_ready(const Fuse *fuse, const Node *node) {
    int latest = -1;
    for (int i = 0; i < node->operand_count; i++) {
        int turn = fuse_ready(fuse, node->operand[i]);
        if (turn > latest) latest = turn;
    }
    return latest;
}

/* Maps of an update stay apart from folds over what they read, a gradient's norm: only a kernel of maps alone writes a
 * variable in place. */
static bool keeps_in_place(const Group *group, const Node *last) {
    return !group->update || group->kind == KERNEL_MAP || last->op->kind != OP_MAP;
}

/* Joins the latest group among the producers', or a later one that reads what these nodes read. */
static bool join(Fuse *fuse, Node *const *nodes, int count) {
    int after = -1, oldest = fuse->groups.count - HORIZONTAL, floor = 0;
    for (int i = 0; i < count; i++) {
        int turn = operands_ready(fuse, nodes[i]), first = fuse_floor(fuse, nodes[i]);
        if (turn > after) after = turn;
        if (first > floor) floor = first;
    }
    if (oldest < floor) oldest = floor;
    if (after >= floor && try_join(fuse, fuse->groups.at[after], nodes, count)) return true;
    for (int id = fuse->groups.count - 1; id >= 0 && id > after && id >= oldest; id--) {
        Group *group = fuse->groups.at[id];
        if (keeps_in_place(group, nodes[count - 1]) && reads_operand(fuse, group, nodes, count) &&
            try_join(fuse, group, nodes, count))
            return true;
    }
    return false;
}

/* ---- views that no loops can follow ---- */

/* Puts a copy into memory where an operand of the lone node can't be read through its views. */
static Node *mend_operand(Fuse *fuse, Group *group, Node *node, int index) {
    Node *operand = fuse_alias(fuse, node->operand[index]), *mended;
    if (node->op == &op_copy) {
        if (!fuse_is_view(operand)) fatal("fuse", "%s can't be copied", operand->op->name);
        mended = fuse_replace(fuse, operand, 0, fuse_copy(fuse, operand->operand[0]));
        fuse->alias[operand->id] = NULL; /* other readers keep the view that served them */
    } else {
        mended = fuse_copy(fuse, operand);
    }
    Node *other = fuse_replace(fuse, node, index, mended);
    group->nodes.at[0] = other;
    fuse->group[node->id] = -1;
    if (group->root == node) group->root = other;
    return other;
}

/* Opens a group for a node whose operands can all be read, copying those that can't be. */
void fuse_open(Fuse *fuse, Node *node) {
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

/* A cheap map of inputs, checked ids, numbers and counters alone: computed again by each reader. */
static bool floats(const Fuse *fuse, const Node *node) {
    if (node->op->kind != OP_MAP || node->op == &op_copy || node->op->cost > FLOAT_COST) return false;
    int cost = node->op->cost;
    for (int i = 0; i < node->operand_count; i++) {
        const Node *operand = fuse_alias(fuse, node->operand[i]);
        while (fuse_is_view(operand)) {
            if (operand->operand_count == 2) return false;
            operand = fuse_alias(fuse, operand->operand[0]);
        }
        bool stays = operand->op == &op_check_range || (operand->op->kind == OP_LEAF && operand->op != &op_read);
        if (!stays && !fuse->floating[operand->id]) return false;
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

/* ---- maps that wait for their reader ---- */

static bool same_count(const Node *a, const Node *b) {
    return shape_count(&a->shape) == shape_count(&b->shape);
}

/* The one node that reads the map, element by element; NULL where there is none or it is of another kind of work. */
static const Node *one_reader(const Fuse *fuse, const Node *node) {
    if (node->op->kind != OP_MAP || node->op == &op_copy || fuse->uses[node->id] != 1) return NULL;
    const Node *user = fuse->user[node->id];
    if (!user || !fuse->live[user->id] || (user->phase == PHASE_UPDATE) != (node->phase == PHASE_UPDATE)) return NULL;
    return (user->op->kind == OP_MAP && same_count(user, node)) || user->op->kind == OP_REDUCE ? user : NULL;
}

/* A map that a fold alone reads, perhaps through other such maps. */
static bool feeds_fold(const Fuse *fuse, const Node *node, int depth) {
    const Node *user = depth < CHAIN_LIMIT ? one_reader(fuse, node) : NULL;
    return user && (user->op->kind == OP_REDUCE || feeds_fold(fuse, user, depth + 1));
}

/* Whether the variables that it reads still hold the same when the last of a chain of readers has its turn. */
static bool stays_until_read(const Fuse *fuse, const Node *node) {
    int written = INT_MAX;
    for (int i = 0; i < node->operand_count; i++) {
        const Node *base = fuse_base(fuse, node->operand[i]);
        int at = base->op == &op_read ? fuse_overwritten(fuse, base) : INT_MAX;
        if (at < written) written = at;
    }
    if (written == INT_MAX) return true;
    for (const Node *reader = node; reader; reader = one_reader(fuse, reader))
        if (reader->id > written) return false;
    return true;
}

/* Whether all that it reads is repeated: x[i] * y[j], more to store than to compute again. */
static bool spreads(const Fuse *fuse, const Node *node) {
    for (int i = 0; i < node->operand_count; i++)
        if (shape_count(&fuse_base(fuse, node->operand[i])->shape) >= shape_count(&node->shape)) return false;
    return true;
}

/* A map that waits goes where its one reader goes, so that it need not be stored: sum(g * x) reads g and x; and a map
 * of leaves alone, or of values that it repeats, follows what it is combined with. */
static bool waits(const Fuse *fuse, const Node *node) {
    if (!stays_until_read(fuse, node)) return false;
    if (feeds_fold(fuse, node, 0)) return true;
    return one_reader(fuse, node) && (operands_ready(fuse, node) < 0 || spreads(fuse, node));
}

typedef VEC(Node *) Cone;

/* The maps that wait for `node`, and it, in graph order. */
static void gather_cone(Fuse *fuse, Node *node, Cone *cone) {
    fuse->pending[node->id] = false;
    for (int i = 0; i < node->operand_count; i++) {
        Node *operand = fuse_alias(fuse, node->operand[i]);
        if (fuse->pending[operand->id]) gather_cone(fuse, operand, cone);
    }
    vec_push(fuse->arena, cone, node);
}

static bool open_cone(Fuse *fuse, Node *const *cone, int count) {
    Group *group = group_new(fuse, cone[count - 1]);
    group->nodes.count = 0;
    for (int i = 0; i < count; i++) {
        vec_push(fuse->arena, &group->nodes, cone[i]);
        fuse->group[cone[i]->id] = group->id;
    }
    if ((group->kind != KERNEL_ROW || group->row <= ROW_LIMIT) && group_resolve(fuse, group, false)) return true;
    for (int i = 0; i < count; i++) fuse->group[cone[i]->id] = -1;
    fuse->groups.count--;
    return false;
}

void fuse_compute(Fuse *fuse, Node *node) {
    if (fuse->apart) { /* but for the arithmetic of ids */
        if (node->dtype != DT_I32 || !try_float(fuse, node)) fuse_open(fuse, node);
        return;
    }
    if (try_float(fuse, node)) return;
    if (waits(fuse, node)) {
        fuse->pending[node->id] = true;
        return;
    }
    Cone cone = {0};
    gather_cone(fuse, node, &cone);
    if (join(fuse, cone.at, cone.count)) return;
    if (cone.count > 1 && open_cone(fuse, cone.at, cone.count)) return;
    for (int i = 0; i < cone.count; i++)
        if (cone.count == 1 || !join(fuse, &cone.at[i], 1)) fuse_open(fuse, cone.at[i]);
}
