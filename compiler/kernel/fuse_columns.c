/* fuse_columns.c: sums over all rows go with a kernel that makes or reads the rows anyway.
 *
 * The gradients of a gain and of a bias are such sums. By themselves they are a kernel that reads again what another
 * has just read or written. Here that kernel, the host, adds up the rows of each of its slices, and a short fold
 * over the slices' sums is left:
 *
 *     k7 row   d_x from x, g, m, r             k7 row   d_x, and d_gain_parts [64, 768]: sum(g * n) of 256 rows each
 *     k8 fold  d_gain = sum(g * n, rows)       k8 fold  d_gain [768] = sum(d_gain_parts, parts)
 *
 * The shape says how many parts there are, never the number of threads, so that the bits don't depend on it.
 */
#include "kernel/fuse.h"

#include <string.h>

enum { MOST_PARTS = 64, LEAST_PARTS = 8, LEAST_ROWS = 8, LEAST_WIDTH = 32, MOST_WIDTH = 1 << 14 };

typedef struct Columns {
    Fuse *fuse;
    Group *fold;
    int64_t rows, width; /* of what is folded */
} Columns;

/* Whether the group folds all axes but the last ones, and it pays to cut that in parts. */
static bool sums_columns(Columns *columns) {
    const Group *fold = columns->fold;
    columns->rows = columns->width = 1;
    if (fold->kind != KERNEL_FOLD || fold->update) return false;
    for (int loop = 0; loop < fold->seed.count; loop++) {
        bool folded = fold->seed_role[loop] == ROLE_FOLD;
        if (folded && columns->width > 1) return false;
        *(folded ? &columns->rows : &columns->width) *= fold->seed.extent[loop];
    }
    for (int i = 0; i < fold->nodes.count; i++) {
        const Node *node = fold->nodes.at[i];
        const Buffer *buffer = columns->fuse->place[node->id].buffer;
        if (columns->fuse->checked[node->id] || (buffer && buffer->kind == BUF_VARIABLE)) return false;
        if (node->op->kind == OP_REDUCE && node->shape.rank + 2 > MAX_RANK) return false;
    }
    return columns->rows >= LEAST_PARTS * LEAST_ROWS && columns->width >= LEAST_WIDTH && columns->width <= MOST_WIDTH;
}

/* ---- the host ---- */

static bool could_host(const Columns *columns, const Group *host) {
    const Group *fold = columns->fold;
    bool shaped = host->kind == KERNEL_MAP || (host->kind == KERNEL_ROW && host->row == columns->width);
    if (host == fold || !shaped || host->nodes.count == 0 || host->update) return false;
    return host->points == fold->points && !group_writes_variable(columns->fuse, host);
}

/* Whether the host's turn is a time at which the folds can be computed: what they read is there, and still there. */
static bool ready_at(const Columns *columns, const Group *host) {
    Fuse *fuse = columns->fuse;
    const Group *fold = columns->fold;
    for (int i = 0; i < fold->nodes.count; i++) {
        Node *node = fold->nodes.at[i];
        if (host->id < fuse_floor(fuse, node) || fuse_overwritten_between(fuse, node, fold->id, host->id)) return false;
        for (int j = 0; j < node->operand_count; j++) {
            int turn = fuse_ready(fuse, node->operand[j]);
            if (turn != fold->id && turn > host->id) return false;
        }
    }
    return true;
}

/* Whether the value, seen through views and concats, is one of the group's. */
static bool comes_from(const Fuse *fuse, const Group *group, Node *node) {
    node = fuse_base(fuse, node);
    if (node->op->kind != OP_JOIN) {
        if (fuse->group[node->id] >= 0) return fuse->group[node->id] == group->id;
        if (!fuse->floating[node->id]) return false;
    }
    for (int i = 0; i < node->operand_count; i++)
        if (comes_from(fuse, group, node->operand[i])) return true;
    return false;
}

/* Whether a kernel up to the later host's turn reads a result of the folds. */
static bool read_before(const Columns *columns, const Group *host) {
    const Fuse *fuse = columns->fuse;
    for (int id = columns->fold->id + 1; id <= host->id; id++) {
        const Group *group = fuse->groups.at[id];
        for (int i = 0; i < group->nodes.count; i++)
            for (int j = 0; j < group->nodes.at[i]->operand_count; j++)
                if (comes_from(fuse, columns->fold, group->nodes.at[i]->operand[j])) return true;
    }
    return false;
}

/* How many of the large values that the folds read the host has at hand; what it computes itself counts double. */
static int at_hand(const Columns *columns, const Group *host) {
    const Fuse *fuse = columns->fuse;
    int count = 0;
    for (int i = 0; i < columns->fold->nodes.count; i++) {
        const Node *node = columns->fold->nodes.at[i];
        for (int j = 0; j < node->operand_count; j++) {
            const Node *base = fuse_base(fuse, node->operand[j]);
            if (shape_count(&base->shape) != host->points) continue;
            count += fuse->group[base->id] == host->id ? 2 : group_reads(fuse, host, base);
        }
    }
    return count;
}

static Group *best_host(const Columns *columns) {
    const Fuse *fuse = columns->fuse;
    Group *best = NULL;
    int most = 0;
    for (int id = 0; id < fuse->groups.count; id++) {
        Group *host = fuse->groups.at[id];
        int count = could_host(columns, host) ? at_hand(columns, host) : 0;
        if (count <= most || !ready_at(columns, host) || read_before(columns, host)) continue;
        best = host;
        most = count;
    }
    return best;
}

/* ---- the parts ---- */

static Node *append(Fuse *fuse, const Op *op, const Node *like, Node *operand, Shape shape) {
    Node *node = fuse_append(fuse, op, (Node *)like, &operand, 1);
    node->shape = shape;
    node->name = node->title = NULL;
    node->rule = like->rule;
    return node;
}

/* The sums of each part's rows, [parts, ..], of what `fold` sums over all rows. */
static Node *parts_of(const Columns *columns, const Node *fold, int64_t parts) {
    Fuse *fuse = columns->fuse;
    Shape whole = {.rank = fold->shape.rank + 2, .size = {parts, columns->rows / parts}, .name = {"parts", "rows"}};
    for (int axis = 0; axis < fold->shape.rank; axis++) {
        whole.size[axis + 2] = fold->shape.size[axis];
        whole.name[axis + 2] = fold->shape.name[axis];
    }
    Node *seen = append(fuse, &op_reshape, fold, fold->operand[0], whole);
    seen->dtype = fold->operand[0]->dtype;
    Node *sums = append(fuse, fold->op, fold, seen, shape_drop(&whole, 1));
    sums->attr = (Attr){.axis_count = 1, .axes = {1}};
    return node_title(sums, arena_printf(fuse->arena, "%s_parts", value_name(fuse->arena, fold)));
}

/* The fold over the parts, which stands for the fold over the rows from here on. */
static void replace_fold(Fuse *fuse, Node *fold, Node *parts) {
    Node *total = fuse_replace(fuse, fold, 0, parts);
    total->attr = (Attr){.axis_count = 1, .axes = {0}};
    fuse->place[total->id] = fuse->place[fold->id];
    fuse->place[fold->id].buffer = NULL;
    fuse->group[total->id] = fuse->group[fold->id];
    fuse->group[fold->id] = -1;
}

static void restore_fold(Fuse *fuse, Node *fold) {
    const Node *total = fuse->alias[fold->id];
    fuse->place[fold->id] = fuse->place[total->id];
    fuse->place[total->id].buffer = NULL;
    fuse->group[total->id] = fuse->group[total->operand[0]->id] = -1;
    fuse->alias[fold->id] = NULL;
}

/* The host computes the maps and the parts, the group of the folds the totals; false, and as before, if no loops do. */
static bool cut(const Columns *columns, Group *host, int64_t parts) {
    Fuse *fuse = columns->fuse;
    Group *fold = columns->fold, host_before = *host, fold_before = *fold;
    *fold = (Group){.id = fold->id, .kind = KERNEL_FOLD, .points = parts * columns->width};
    host->kind = KERNEL_ROW;
    host->row = columns->width;
    host->parts = parts;
    group_seed_row(host);
    for (int i = 0; i < fold_before.nodes.count; i++) {
        Node *node = fold_before.nodes.at[i], *sums = node;
        if (node->op->kind == OP_REDUCE) {
            sums = parts_of(columns, node, parts);
            replace_fold(fuse, node, sums);
            vec_push(fuse->arena, &fold->nodes, fuse->alias[node->id]);
        }
        fuse->group[sums->id] = host->id;
        vec_push(fuse->arena, &host->nodes, sums);
    }
    group_seed_fold(fold, fold->nodes.at[0]);
    if (group_resolve(fuse, host, false) && group_resolve(fuse, fold, false)) return true;
    *host = host_before;
    *fold = fold_before;
    for (int i = 0; i < fold->nodes.count; i++) {
        Node *node = fold->nodes.at[i];
        if (fuse->alias[node->id]) restore_fold(fuse, node);
        fuse->group[node->id] = fold->id;
    }
    return false;
}

/* As many parts as there may be with which loops reach everything. */
static bool cut_somehow(const Columns *columns, Group *host) {
    for (int64_t parts = MOST_PARTS; parts >= LEAST_PARTS; parts--) {
        if (columns->rows % parts != 0 || columns->rows / parts < LEAST_ROWS) continue;
        if (host->parts && host->parts != parts) continue;
        if (cut(columns, host, parts)) return true;
    }
    return false;
}

/* ---- turns ---- */

/* Concats and writes have their turn with the last of their operands. */
static void mend_turns(Fuse *fuse) {
    for (int id = 0; id < fuse->graph->nodes.count; id++) {
        Node *node = fuse->graph->nodes.at[id];
        bool follows = node->op->kind == OP_JOIN || node->op == &op_write;
        if (!follows || !fuse->live[id] || fuse->group[id] < 0 || fuse->alias[id]) continue;
        for (int i = 0; i < node->operand_count; i++) {
            int turn = fuse_ready(fuse, node->operand[i]);
            if (turn > fuse->group[id]) fuse->group[id] = turn;
        }
    }
}

/* The group has its turn right after a later one. */
static void move_behind(Fuse *fuse, Group *group, const Group *later) {
    int from = group->id, to = later->id;
    for (int id = from; id < to; id++) {
        fuse->groups.at[id] = fuse->groups.at[id + 1];
        fuse->groups.at[id]->id = id;
    }
    fuse->groups.at[to] = group;
    group->id = to;
    for (int id = 0; id < fuse->graph->nodes.count; id++) {
        int *turn = &fuse->group[id];
        if (*turn == from)
            *turn = to;
        else if (*turn > from && *turn <= to)
            --*turn;
    }
    for (int i = 0; i < fuse->floors.count; i++)
        if (fuse->floors.at[i] > from && fuse->floors.at[i] <= to) fuse->floors.at[i]--;
    mend_turns(fuse);
}

void fuse_columns(Fuse *fuse) {
    int count = fuse->groups.count;
    Group **groups = NEW_ARRAY(fuse->arena, Group *, count);
    if (fuse->apart) return;
    for (int id = 0; id < count; id++) groups[id] = fuse->groups.at[id];
    for (int i = 0; i < count; i++) {
        Columns columns = {.fuse = fuse, .fold = groups[i]};
        Group *host = sums_columns(&columns) ? best_host(&columns) : NULL;
        if (host && cut_somehow(&columns, host) && host->id > groups[i]->id) move_behind(fuse, groups[i], host);
    }
}
