/* fuse_loops.c: the loops of a group of nodes.
 *
 * It starts from the coarsest loops (one for a map, rows and a row for a row kernel, batch, m, n and k for a product),
 * walks from every node of the group through views down to memory, and splits a loop wherever a view asks for it:
 *
 *     y = x + b, x [8, 32, 256], b [256] broadcast:   [65536]  ->  [256, 256]
 *
 * Then neighbouring loops are joined again where every access allows it.
 */
#include "kernel/fuse.h"

#include <string.h>

typedef struct Walk {
    Fuse *fuse;
    Group *group;
    Axes axes;
    LoopRole role[MAX_AXES];
    int inner[MAX_AXES];
    Split split;
    bool collect;
    int only;             /* walk this operand alone, or -1 */
    VEC(Access) accesses; /* everything reached, for joining loops again */
} Walk;

static bool walk(Walk *w, Node *node, const Access *access);

static bool refuse(Walk *w) {
    w->split = (Split){.axis = -1};
    return false;
}

static void reach(Walk *w, const Access *access) {
    vec_push(w->fuse->arena, &w->accesses, *access);
}

static Access over_roles(const Axes *axes, const LoopRole *role, unsigned roles) {
    return axes_over(axes, role, roles);
}

static unsigned node_roles(const Group *group, const Node *node) {
    Kernel kernel = {.kind = group->kind, .root = group->root, .points = group->points};
    return kernel_roles(&kernel, node);
}

/* Memory that the group itself writes, a variable or a concat, can only be read by a later one. */
static bool walk_member(Walk *w, const Node *node, const Access *access) {
    if (node->op->kind == OP_LEAF || node->op->kind == OP_JOIN) return refuse(w);
    Access own = over_roles(&w->axes, w->role, node_roles(w->group, node));
    return access_equal(access, &own, &w->axes) || refuse(w);
}

/* A map, and that of a product's epilogue, may read, element by element, the variable that it writes; a row that is
 * gone over again may not. */
static bool overwrites(const Walk *w, const Node *node) {
    const Buffer *buffer = w->fuse->place[node->id].buffer;
    bool by_element = w->group->kind == KERNEL_MAP || w->group->kind == KERNEL_CONTRACT;
    if (!buffer || buffer->kind != BUF_VARIABLE || by_element) return false;
    for (int i = 0; i < w->group->nodes.count; i++)
        if (w->fuse->place[w->group->nodes.at[i]->id].buffer == buffer) return true;
    return false;
}

static bool walk_memory(Walk *w, const Node *node, const Access *access) {
    const Fuse *fuse = w->fuse;
    if (w->collect && !fuse->place[node->id].buffer) fuse->external[node->id] = true;
    if (overwrites(w, node)) return refuse(w);
    Access in_buffer = *access;
    if (fuse->place[node->id].buffer &&
        !place_access(node, &fuse->place[node->id], &w->axes, access, &in_buffer, &w->split))
        return false;
    reach(w, &in_buffer);
    return true;
}

static bool walk_index(Walk *w, Node *index) {
    Access none = {0};
    return walk(w, index, &none);
}

/* Whether what lies under the views stands in memory, written by an earlier kernel or by the caller. */
static bool in_memory(const Walk *w, Node *node) {
    const Node *base = fuse_base(w->fuse, node);
    int group = w->fuse->group[base->id];
    return (group >= 0 || w->fuse->place[base->id].buffer) && (group != w->group->id || base->op == &op_read);
}

/* The rows of a gather's table are named by data: all of them must lie evenly spaced, as if a loop ran over them. */
static bool walk_table(Walk *w, Node *table, Access *access) {
    int rows = w->axes.count;
    if (rows == MAX_AXES) return refuse(w);
    w->axes.extent[rows] = table->shape.size[0];
    access->stride[rows] = shape_unit(&table->shape, 0);
    w->axes.count++;
    bool fine = walk(w, table, access);
    w->axes.count--;
    return fine || (w->split.axis == rows ? refuse(w) : false);
}

/* gather: [rows, width] of the result; ids move along the rows, the table along the width. */
static bool walk_gather(Walk *w, Node *node, const Access *access) {
    Node *table = node->operand[0], *ids = node->operand[1];
    int64_t rows = shape_count(&ids->shape), width = rows > 0 ? shape_count(&node->shape) / rows : 0;
    Shape two = {.rank = 2, .size = {rows, width}};
    int64_t steps[MAX_RANK][MAX_AXES], start[MAX_RANK];
    if (!access_by_axis(&two, &w->axes, access, steps, start, &w->split)) return false;
    Access of_ids = {.offset = start[0]}, of_table = {.offset = start[1]};
    memcpy(of_ids.stride, steps[0], sizeof of_ids.stride);
    memcpy(of_table.stride, steps[1], sizeof of_table.stride);
    if (!in_memory(w, table)) return refuse(w);
    return walk_table(w, table, &of_table) && walk(w, ids, &of_ids);
}

static bool walk_operands(Walk *w, Node *node, const Access *access) {
    if (node->op == &op_gather) return walk_gather(w, node, access);
    for (int i = 0; i < node->operand_count; i++)
        if ((w->only < 0 || w->only == i) && !walk(w, node->operand[i], access)) return false;
    return true;
}

/* Goes from a reader to what it reads: a member of the group, memory, or an expression computed in place. */
static bool walk(Walk *w, Node *node, const Access *access) {
    Fuse *fuse = w->fuse;
    node = fuse_alias(fuse, node);
    if (fuse->group[node->id] == w->group->id && !fuse_is_view(node)) return walk_member(w, node, access);
    if (fuse->group[node->id] >= 0 || fuse->place[node->id].buffer) return walk_memory(w, node, access);
    if (node->op->kind == OP_LEAF) {
        reach(w, access);
        return true;
    }
    if (fuse_is_view(node)) {
        Access below;
        if (!access_through(node, &w->axes, access, &below, &w->split)) return false;
        if (node->operand_count == 2 && !walk_index(w, node->operand[1])) return false;
        return walk(w, node->operand[0], &below);
    }
    return fuse->floating[node->id] ? walk_operands(w, node, access) : refuse(w);
}

/* op(A) as [batch, M, K] and op(B) as [batch, K, N], both read from memory. */
static bool walk_product(Walk *w, Node *node) {
    for (int i = 0; i < 2; i++) {
        Node *operand = fuse_alias(w->fuse, node->operand[i]);
        if (w->only >= 0 && w->only != i) continue;
        if (!in_memory(w, operand)) return refuse(w);
        Kernel kernel = {.root = node, .fine = w->axes};
        memcpy(kernel.fine_role, w->role, sizeof kernel.fine_role);
        Access access = product_access(&kernel, i);
        if (!walk(w, operand, &access)) return false;
    }
    return true;
}

/* Each operand over its own loops; only masks may be computed where they are read. */
static bool walk_attend(Walk *w, Node *node) {
    Kernel kernel = {.fine = w->axes};
    memcpy(kernel.fine_role, w->role, sizeof kernel.fine_role);
    for (int i = 0; i < node->operand_count; i++) {
        Node *operand = fuse_alias(w->fuse, node->operand[i]);
        if (w->only >= 0 && w->only != i) continue;
        if (operand->dtype == DT_FLOAT && !in_memory(w, operand)) return refuse(w);
        Access access = attend_access(&kernel, node, i);
        if (!walk(w, operand, &access)) return false;
    }
    return true;
}

static bool walk_scatter(Walk *w, Node *node) {
    Access ids = over_roles(&w->axes, w->role, 1u << ROLE_FOLD), all = access_identity(&w->axes);
    Access row = over_roles(&w->axes, w->role, 1u << ROLE_FREE);
    reach(w, &row);
    return ((w->only >= 0 && w->only != 1) || walk(w, node->operand[1], &ids)) &&
           ((w->only >= 0 && w->only != 2) || walk(w, node->operand[2], &all));
}

static Access folded(const Walk *w, const Node *node) {
    Kernel kernel = {.kind = w->group->kind, .root = w->group->root, .fine = w->axes};
    memcpy(kernel.fine_role, w->role, sizeof kernel.fine_role);
    return folded_access(&kernel, node);
}

static bool walk_node(Walk *w, Node *node) {
    Fuse *fuse = w->fuse;
    Access own = over_roles(&w->axes, w->role, node_roles(w->group, node)), stored = own;
    if (fuse->place[node->id].buffer && node->op != &op_scatter_add) {
        if (!place_access(node, &fuse->place[node->id], &w->axes, &own, &stored, &w->split)) return false;
    }
    if (node->op == &op_scatter_add) return walk_scatter(w, node);
    reach(w, &stored);
    if (node->op->kind == OP_MATMUL) return walk_product(w, node);
    if (node->op->kind == OP_ATTEND) return walk_attend(w, node);
    if (node->op->kind == OP_REDUCE) own = folded(w, node);
    return walk_operands(w, node, &own);
}

static bool walk_all(Walk *w) {
    w->accesses.count = 0;
    for (int i = 0; i < w->group->nodes.count; i++)
        if (!walk_node(w, w->group->nodes.at[i])) return false;
    return true;
}

static bool joins(const Walk *w, int loop) {
    if (w->role[loop] != w->role[loop + 1]) return false;
    if (w->axes.extent[loop] == 1 || w->axes.extent[loop + 1] == 1) return true;
    for (int i = 0; i < w->accesses.count; i++) {
        const Access *access = &w->accesses.at[i];
        if (access->stride[loop] != access->stride[loop + 1] * w->axes.extent[loop + 1]) return false;
    }
    return true;
}

static void join_loops(Walk *w) {
    for (int loop = w->axes.count - 2; loop >= 0; loop--) {
        if (!joins(w, loop)) continue;
        bool outer_moves = w->axes.extent[loop + 1] == 1; /* then the inner loop's strides say nothing */
        if (!outer_moves) w->inner[loop] = w->inner[loop + 1];
        w->axes.extent[loop] *= w->axes.extent[loop + 1];
        int left = --w->axes.count;
        for (int i = 0; i < w->accesses.count; i++) {
            int64_t *stride = w->accesses.at[i].stride;
            if (!outer_moves) stride[loop] = stride[loop + 1];
            for (int j = loop + 1; j < left; j++) stride[j] = stride[j + 1];
        }
        for (int j = loop + 1; j < left; j++) {
            w->axes.extent[j] = w->axes.extent[j + 1];
            w->role[j] = w->role[j + 1];
            w->inner[j] = w->inner[j + 1];
        }
    }
}

/* A product has one n and one k loop, and one over the rows of a part; a row has one row loop, and the same. */
static bool roles_fit(const Walk *w) {
    int count[ROLE_PART + 1] = {0};
    for (int loop = 0; loop < w->axes.count; loop++) count[w->role[loop]]++;
    if (w->group->kind == KERNEL_CONTRACT)
        return count[ROLE_N] == 1 && count[ROLE_FOLD] == 1 && (!w->group->parts || count[ROLE_M] == 1);
    if (w->group->kind == KERNEL_ATTEND)
        return count[ROLE_M] == 1 && count[ROLE_N] == 1 && count[ROLE_FOLD] == 1 && count[ROLE_VALUE] == 1;
    if (w->group->kind == KERNEL_ROW || w->group->kind == KERNEL_SCATTER)
        return count[ROLE_FOLD] == 1 && count[ROLE_M] <= 1;
    return true;
}

static bool split_loop(Walk *w) {
    int axis = w->split.axis;
    if (!axes_split(&w->axes, w->split)) return false;
    for (int loop = w->axes.count - 1; loop > axis + 1; loop--) w->role[loop] = w->role[loop - 1];
    w->role[axis + 1] = w->role[axis];
    return true;
}

static bool resolve(Walk *w) {
    w->axes = w->group->seed;
    memcpy(w->role, w->group->seed_role, sizeof w->role);
    while (!walk_all(w))
        if (!split_loop(w)) return false;
    w->group->fine = w->axes;
    memcpy(w->group->fine_role, w->role, sizeof w->role);
    for (int loop = 0; loop < MAX_AXES; loop++) w->inner[loop] = loop;
    join_loops(w);
    return roles_fit(w);
}

bool group_resolve(Fuse *fuse, Group *group, bool collect) {
    Walk w = {.fuse = fuse, .group = group, .collect = collect, .only = -1};
    if (!resolve(&w)) return false;
    group->axes = w.axes;
    memcpy(group->role, w.role, sizeof w.role);
    memcpy(group->inner, w.inner, sizeof w.inner);
    return true;
}

bool operand_resolves(Fuse *fuse, Group *group, int index) {
    Walk w = {.fuse = fuse, .group = group, .only = index};
    return resolve(&w);
}
