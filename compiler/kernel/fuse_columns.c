/* fuse_columns.c: sums over all rows go with a kernel that makes or reads the rows anyway.
 *
 * The gradients of a gain and of a bias are such sums, and most of the square of a gradient's norm. By themselves they
 * are a kernel that reads again what another has just read or written. Here that kernel, the host, adds up the rows of
 * each of its slices, and a short fold over the slices' sums is left:
 *
 *     k7 row   d_x from x, g, m, r             k7 row   d_x, and d_gain_parts [64, 768]: sum(g * n) of 256 rows each
 *     k8 fold  d_gain = sum(g * n, rows)       k8 fold  d_gain [768] = sum(d_gain_parts, parts)
 *
 *     k5 contract  d_h = d_y @ W.T             k5 contract  d_h, and d_b_parts [2, 1024]: sum(d_h) of 1024 rows each
 *     k6 fold      d_b = sum(d_h, rows)        k6 fold      d_b [1024] = sum(d_b_parts, parts)
 *
 *     k9 contract  d_W = x.T @ g               k9 contract  d_W, and d_b = sum(g, rows)
 *     k10 fold     d_b = sum(g, rows)
 *
 * A product makes its rows a panel of columns at a time, so its parts are few and large; where one does, nothing is
 * left to fold. The shape says how many parts there are, never the number of threads, so that the bits don't depend on
 * it.
 */
#include "kernel/fuse.h"

#include <string.h>

enum { MOST_PARTS = 64, LEAST_PARTS = 8, LEAST_ROWS = 8, LEAST_WIDTH = 32, MOST_WIDTH = 1 << 14 };
/* Of a product: a slice is a part's rows and a panel of about PANEL columns, and its accumulators wait in an array
 * where k is longer than LONG_K. */
enum {
    PANEL = 64,
    ENOUGH_SLICES = 32,
    FEW_SLICES = 4,
    MANY_ROWS = 256, /* rows that are worth a copy of the panel */
    FEW_ROWS = 64,
    LONG_K = 1024,
    WAITING_ROWS = 512
};

typedef struct Columns {
    Fuse *fuse;
    Group *fold;
    int64_t rows, width; /* of what is folded */
} Columns;

/* Whether the group folds all axes but the last ones. */
static bool sums_columns(Columns *columns) {
    const Group *fold = columns->fold;
    columns->rows = columns->width = 1;
    if (fold->kind != KERNEL_FOLD) return false;
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
    return true;
}

/* ---- the host ---- */

static int64_t rows_of(const Node *product) {
    return product->shape.size[product->shape.rank - 2];
}

/* A kernel of rows, or of maps, which becomes one. */
static bool could_sum_rows(const Columns *columns, const Group *host) {
    bool shaped = host->kind == KERNEL_MAP || (host->kind == KERNEL_ROW && host->row == columns->width);
    return shaped && !columns->fold->update && !group_writes_variable(columns->fuse, host) &&
           columns->rows >= LEAST_PARTS * LEAST_ROWS && columns->width >= LEAST_WIDTH && columns->width <= MOST_WIDTH;
}

/* A product whose columns they are. What an update folds, the gradient's norm, is folded with the backward pass, but
 * for an update that not every call makes. */
static bool could_sum_product(const Columns *columns, const Group *host) {
    if (host->kind != KERNEL_CONTRACT || (columns->fold->update && columns->fuse->entry->accumulate > 1)) return false;
    return host->root->shape.size[host->root->shape.rank - 1] == columns->width;
}

static bool could_host(const Columns *columns, const Group *host) {
    if (host == columns->fold || host->nodes.count == 0 || host->update) return false;
    return host->points == columns->fold->points && (could_sum_rows(columns, host) || could_sum_product(columns, host));
}

/* Whether the product reads the rows as its right operand, which each of its slices goes through for a panel of
 * columns: their sums take one step more for all of the slice's rows. */
static bool could_sum_right(const Columns *columns, const Group *host) {
    if (host->kind != KERNEL_CONTRACT || host->nodes.count == 0 || host->update || columns->fold->update) return false;
    const Node *root = host->root;
    Kernel kernel = {.kind = host->kind, .root = host->root};
    for (int i = 0; i < columns->fold->nodes.count; i++)
        if (!folds_right(&kernel, columns->fold->nodes.at[i])) return false;
    const Shape *shape = &root->operand[1]->shape;
    return !root->attr.transpose_b && shape_count(&root->shape) == rows_of(root) * columns->width &&
           shape->size[shape->rank - 1] == columns->width;
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

/* Whether a kernel from behind the folds' turn to that of group `last` reads a result of the folds. */
static bool read_until(const Columns *columns, int last) {
    const Fuse *fuse = columns->fuse;
    for (int id = columns->fold->id + 1; id <= last; id++) {
        const Group *group = fuse->groups.at[id];
        for (int i = 0; i < group->nodes.count; i++)
            for (int j = 0; j < group->nodes.at[i]->operand_count; j++)
                if (comes_from(fuse, columns->fold, group->nodes.at[i]->operand[j])) return true;
    }
    return false;
}

/* How many of the large values that the folds read the host has at hand; what it computes itself counts double. A
 * product is a host for what it computes alone, and comes after a kernel that reads as much. */
static int at_hand(const Columns *columns, const Group *host) {
    const Fuse *fuse = columns->fuse;
    bool product = host->kind == KERNEL_CONTRACT;
    int computed = 0, read = 0;
    for (int i = 0; i < columns->fold->nodes.count; i++) {
        const Node *node = columns->fold->nodes.at[i];
        for (int j = 0; j < node->operand_count; j++) {
            const Node *base = fuse_base(fuse, node->operand[j]);
            if (shape_count(&base->shape) != host->points) continue;
            if (fuse->group[base->id] == host->id)
                computed++;
            else
                read += group_reads(fuse, host, base);
        }
    }
    if (product) return computed ? 2 * (computed + read) - 1 : 0;
    return 2 * (2 * computed + read);
}

static Group *best_host(const Columns *columns) {
    const Fuse *fuse = columns->fuse;
    Group *best = NULL;
    int most = 0;
    for (int id = 0; id < fuse->groups.count; id++) {
        Group *host = fuse->groups.at[id];
        bool right = could_sum_right(columns, host); /* its epilogue may read the sums, its loops have them by then */
        int count = right ? 1 : could_host(columns, host) ? at_hand(columns, host) : 0;
        if (count <= most || !ready_at(columns, host) || read_until(columns, right ? id - 1 : id)) continue;
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

/* The coarsest loops of the host that sums its columns in parts. Each product of a batch has parts of its own. */
static void seed_host(const Columns *columns, Group *host, int64_t parts) {
    host->parts = parts;
    if (host->kind == KERNEL_CONTRACT) {
        host->parts = parts * rows_of(host->root) / columns->rows;
        group_seed_product(host, host->root);
        return;
    }
    host->kind = KERNEL_ROW;
    host->row = columns->width;
    group_seed_row(host);
}

/* What the backward pass computes now is no longer part of the update. */
static void leave_update(const Group *host, int from) {
    for (int i = from; i < host->nodes.count; i++)
        if (host->nodes.at[i]->phase == PHASE_UPDATE) host->nodes.at[i]->phase = PHASE_BACKWARD;
}

/* The host computes the maps and the parts, the group of the folds the totals; false, and as before, if no loops do. A
 * single part is the total. */
static bool cut(const Columns *columns, Group *host, int64_t parts) {
    Fuse *fuse = columns->fuse;
    Group *fold = columns->fold, host_before = *host, fold_before = *fold;
    *fold = (Group){.id = fold->id, .kind = KERNEL_FOLD, .update = fold->update, .points = parts * columns->width};
    seed_host(columns, host, parts);
    for (int i = 0; i < fold_before.nodes.count; i++) {
        Node *node = fold_before.nodes.at[i], *sums = node;
        if (node->op->kind == OP_REDUCE && parts > 1) {
            sums = parts_of(columns, node, parts);
            replace_fold(fuse, node, sums);
            vec_push(fuse->arena, &fold->nodes, fuse->alias[node->id]);
        }
        fuse->group[sums->id] = host->id;
        vec_push(fuse->arena, &host->nodes, sums);
    }
    if (parts > 1) group_seed_fold(fold, fold->nodes.at[0]);
    if (group_resolve(fuse, host, false) && (parts == 1 || group_resolve(fuse, fold, false))) {
        leave_update(host, host_before.nodes.count);
        return true;
    }
    *host = host_before;
    *fold = fold_before;
    for (int i = 0; i < fold->nodes.count; i++) {
        Node *node = fold->nodes.at[i];
        if (fuse->alias[node->id]) restore_fold(fuse, node);
        fuse->group[node->id] = fold->id;
    }
    return false;
}

/* The product computes the sums, and may read them in its epilogue; false, and as before, if no loops do. */
static bool join_right(const Columns *columns, Group *host) {
    Fuse *fuse = columns->fuse;
    Group *fold = columns->fold, before = *host;
    for (int i = 0; i < fold->nodes.count; i++) {
        fuse->group[fold->nodes.at[i]->id] = host->id;
        vec_push(fuse->arena, &host->nodes, fold->nodes.at[i]);
    }
    if (group_resolve(fuse, host, false)) {
        fold->nodes.count = 0;
        return true;
    }
    *host = before;
    for (int i = 0; i < fold->nodes.count; i++) fuse->group[fold->nodes.at[i]->id] = fold->id;
    return false;
}

/* How many parts of its rows a product's columns are best summed in: few, but so that there are slices for threads to
 * share. 0: there are none such. */
static int64_t parts_of_product(const Columns *columns, const Group *host) {
    int64_t m = rows_of(host->root), k = host->seed.extent[host->seed.count - 1], parts = 0;
    int64_t across = columns->rows / m * ((columns->width + PANEL - 1) / PANEL);
    if (host->parts) return host->parts;
    for (int64_t more = 1; more <= m; more++) {
        int64_t rows = m / more;
        if (m % more != 0 || (k > LONG_K && rows > WAITING_ROWS)) continue;
        if (more > 1 && rows < FEW_ROWS) break;
        if (parts && across * parts >= (rows < MANY_ROWS ? FEW_SLICES : ENOUGH_SLICES)) break;
        parts = more;
    }
    return parts && across * parts < FEW_SLICES && m / parts > MANY_ROWS ? 0 : parts;
}

/* As many parts as there may be with which loops reach everything. */
static bool cut_somehow(const Columns *columns, Group *host) {
    if (could_sum_right(columns, host)) return join_right(columns, host);
    if (host->kind == KERNEL_CONTRACT) {
        int64_t parts = parts_of_product(columns, host);
        return parts > 0 && cut(columns, host, columns->rows / rows_of(host->root) * parts);
    }
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
