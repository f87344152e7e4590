/* fold.c: the skeleton of reductions over other axes than the last: kept axes parallel, reduced axes in order.
 *
 * A column sum works on strips of up to four vectors of columns, so that every turn over the rows reads a few whole
 * cache lines:
 *
 *     for strip in slices { sum0 = sum1 = 0; for r in rows { sum0 += x[r, j]; sum1 += x[r, j+16] }; store }
 *
 * Where other kept axes give slices enough, a slice goes over whole rows as they lie in memory, and the sums stand in
 * an array of one row, which is visited once for a few rows together. Those are as far apart as can be, so that memory
 * is read as a few long streams:
 *
 *     for s in slices { sum[] = 0; for r in a quarter of the rows { for j { sum[j] += x[r, j] + x[r + rows/4, j] + … }
 * } }
 */
#include "loop/loop.h"

#include <math.h>

enum { STRIP_VECTORS = 4, ROWS_TOGETHER = 4, LEAST_ROW = 128, MOST_ROW = 8192, ENOUGH_SLICES = 8, MOST_SUMS = 2 };

typedef struct Fold {
    int order[MAX_AXES], free_count, folds[MAX_AXES], fold_count;
    int vectors; /* of this strip */
    Var *sums[STRIP_VECTORS][16];
    Array *row[MOST_SUMS]; /* the sums of whole rows */
    int together;          /* rows of a turn, */
    int64_t apart;         /* so far from each other */
} Fold;

static double neutral_of(const Node *node) {
    if (node->op == &op_max) return -INFINITY;
    return node->op == &op_min ? INFINITY : 0;
}

static const char *step_of(const Node *node) {
    if (node->op == &op_max) return "tg_max(%0, %1)";
    return node->op == &op_min ? "tg_min(%0, %1)" : "%0 + %1";
}

static const char *lanes_of(const Node *node) {
    if (node->op == &op_max) return "tg_fold_max(%0)";
    return node->op == &op_min ? "tg_fold_min(%0)" : "tg_fold_add(%0)";
}

Expr *fold_start(Lower *lower, const Node *node, bool lanes) {
    Expr *start = node->dtype == DT_FLOAT ? ex_real(lower, neutral_of(node)) : NULL;
    if (!start) {
        int64_t extreme = node->op == &op_max ? INT32_MIN : node->op == &op_min ? INT32_MAX : 0;
        start = ex_int(lower, T_INT, extreme);
    }
    return lanes ? ex_lanes(lower, start) : start;
}

Expr *fold_join(Lower *lower, const Node *node, Expr *sum, Expr *value) {
    Expr *step[2] = {sum, value};
    return ex_apply(lower, type_of(node), step_of(node), 2, step);
}

/* sum = sum + value; in the tail the lanes beyond the part add nothing. */
void fold_step(Lower *lower, Block *in, const Node *node, Var *into, Expr *value) {
    if (into->lanes) value = ex_lanes(lower, value);
    if (into->lanes && lower->part) {
        Expr *both[2] = {ex_index(lower, index_of(lower, 0), T_INT, true), lower->part};
        Expr *splat = NEW(lower->arena, Expr);
        *splat = *lower->part;
        splat->type = T_INT;
        both[1] = ex_lanes(lower, splat);
        Expr *choice[3] = {ex_apply(lower, T_MASK, "%0 < %1", 2, both), value, fold_start(lower, node, true)};
        value = ex_apply(lower, value->type, "tg_select(%0, %1, %2)", 3, choice);
    }
    st_set(lower, in, into, fold_join(lower, node, ex_var(lower, into), value));
}

Expr *fold_end(Lower *lower, const Node *node, Var *sum) {
    Expr *value = ex_var(lower, sum);
    if (!sum->lanes) return value;
    value = ex_apply(lower, value->type, lanes_of(node), 1, &value);
    value->lanes = false;
    return value;
}

static bool all_fit_lanes(Lower *lower, int axis) {
    const Kernel *kernel = lower->kernel;
    Access all = axes_over(&kernel->fine, kernel->fine_role, ROLES_ALL);
    for (int i = 0; i < kernel->outputs.count; i++) {
        Node *node = kernel->outputs.at[i];
        Access own = kernel_access(kernel, node), in_buffer;
        schedule_reach(lower->schedule, &kernel->fine, node, &own, &in_buffer);
        if (node->dtype != DT_FLOAT || stride_at(lower, &in_buffer, axis) > 1) return false;
        if (node->op->kind == OP_REDUCE && !lanes_fit(lower, node->operand[0], &all, axis)) return false;
    }
    return true;
}

static void add_values(Lower *lower, Block *in, void *with) {
    Fold *fold = with;
    const Kernel *kernel = lower->kernel;
    Access all = axes_over(&kernel->fine, kernel->fine_role, ROLES_ALL);
    int last = lower->axes.count - 1;
    for (int v = 0; v < fold->vectors; v++) {
        lower->shift[last] += v * lower->lane_count;
        for (int i = 0; i < kernel->outputs.count; i++) {
            Node *node = kernel->outputs.at[i];
            fold_step(lower, in, node, fold->sums[v][i], value_at(lower, node->operand[0], &all));
        }
        lower->shift[last] -= v * lower->lane_count;
        if (fold->vectors > 1) value_forget(lower, 0);
    }
}

/* The loops over the folded axes, in order; where the last axis is one of them, it is the lane loop. */
static void fold_loops(Lower *lower, const Nest *nest, Block *in, Fold *fold, int number) {
    int last = lower->axes.count - 1;
    if (number == fold->fold_count) {
        add_values(lower, in, fold);
        return;
    }
    int loop = fold->folds[number];
    if (loop == last) {
        lane_loop(lower, nest, in, loop, add_values, fold);
        return;
    }
    Var *index = var_new(lower, "r", T_INDEX, false);
    Stmt *stmt = st_for(lower, LOOP_SERIAL, index, NULL, ex_int(lower, T_INDEX, lower->axes.extent[loop]), 1);
    lower->loop[loop] = index;
    for (int depth = 1; depth <= lower->axes.count; depth++) lower->block[depth] = &stmt->body;
    fold_loops(lower, nest, &stmt->body, fold, number + 1);
    value_forget(lower, 0);
    lower->loop[loop] = NULL;
    for (int depth = 1; depth <= lower->axes.count; depth++) lower->block[depth] = in;
    st_put(lower, in, stmt);
}

static const char *sum_name(Lower *lower, const Fold *fold, int vector, const Node *node) {
    return fold->vectors > 1 ? arena_printf(lower->arena, "%s%d", node->op->name, vector) : node->op->name;
}

/* One strip: start the sums, fold, store. */
static void strip(Lower *lower, const Nest *nest, Block *in, Fold *fold) {
    const Kernel *kernel = lower->kernel;
    int last = lower->axes.count - 1;
    bool lanes = lower->lane_axis >= 0;
    for (int v = 0; v < fold->vectors; v++)
        for (int i = 0; i < kernel->outputs.count; i++)
            fold->sums[v][i] = st_var(lower, in, sum_name(lower, fold, v, kernel->outputs.at[i]),
                                      fold_start(lower, kernel->outputs.at[i], lanes));
    for (int depth = 1; depth <= lower->axes.count; depth++) lower->block[depth] = in;
    fold_loops(lower, nest, in, fold, 0);
    bool across = kernel->role[last] == ROLE_FOLD;
    for (int v = 0; v < fold->vectors; v++) {
        lower->shift[last] += v * lower->lane_count;
        for (int i = 0; i < kernel->outputs.count; i++) {
            Node *node = kernel->outputs.at[i];
            Access own = kernel_access(kernel, node);
            Var *sum = fold->sums[v][i];
            value_store(lower, in, node, &own, across ? fold_end(lower, node, sum) : ex_var(lower, sum));
        }
        lower->shift[last] -= v * lower->lane_count;
    }
    value_forget(lower, 0);
}

/* Columns over lanes: full strips, then the vectors left, then the part of a vector left. */
static void strips(Lower *lower, const Nest *nest, Block *in, Fold *fold) {
    int last = lower->axes.count - 1;
    int64_t extent = lower->axes.extent[last], lanes = lower->lane_count;
    int64_t wide = lanes * STRIP_VECTORS, vectors = extent % wide / lanes, rest = extent % lanes;
    int64_t full = extent / wide;
    Stmt *only = NULL;
    Block *block = in;
    if (full > 0) {
        if (full < nest->blocks) {
            Expr *which[2] = {ex_var(lower, nest->number), ex_int(lower, T_INDEX, full)};
            only = st_if(lower, ex_apply(lower, T_MASK, "%0 < %1", 2, which));
            block = &only->body;
        }
        lower->loop[last] = NULL;
        if (nest->number) {
            Expr *at[2] = {ex_var(lower, nest->number), ex_int(lower, T_INDEX, wide)};
            lower->loop[last] = st_let(lower, block, "j", ex_apply(lower, T_INDEX, "%0 * %1", 2, at));
        }
        fold->vectors = STRIP_VECTORS;
        strip(lower, nest, block, fold);
        lower->loop[last] = NULL;
        if (only) st_put(lower, in, only);
    }
    if (full == nest->blocks) return;
    block = in;
    if (full > 0) {
        Expr *which[2] = {ex_var(lower, nest->number), ex_int(lower, T_INDEX, full)};
        only = st_if(lower, ex_apply(lower, T_MASK, "%0 == %1", 2, which));
        block = &only->body;
    }
    lower->shift[last] = full * wide;
    fold->vectors = (int)vectors;
    if (vectors > 0) strip(lower, nest, block, fold);
    lower->shift[last] += vectors * lanes;
    lower->part = ex_int(lower, T_INDEX, rest);
    fold->vectors = 1;
    if (rest > 0) strip(lower, nest, block, fold);
    lower->part = NULL;
    lower->shift[last] = 0;
    if (only) st_put(lower, in, only);
}

/* ---- whole rows ---- */

/* Where the lane loop stands in an array of one row. */
static Index in_sums(Lower *lower) {
    Access along = {0};
    along.stride[lower->kernel->inner[lower->axes.count - 1]] = 1;
    return index_at(lower, &along);
}

static void start_row(Lower *lower, Block *in, void *with) {
    Fold *fold = with;
    for (int i = 0; i < lower->kernel->outputs.count; i++)
        st_store(lower, in, fold->row[i], in_sums(lower), fold_start(lower, lower->kernel->outputs.at[i], true), NULL);
}

static void add_rows(Lower *lower, Block *in, void *with) {
    Fold *fold = with;
    const Kernel *kernel = lower->kernel;
    Access all = axes_over(&kernel->fine, kernel->fine_role, ROLES_ALL);
    int across = fold->folds[0];
    Var *sums[MOST_SUMS];
    for (int i = 0; i < kernel->outputs.count; i++)
        sums[i] = st_var(lower, in, kernel->outputs.at[i]->op->name,
                         ex_load(lower, fold->row[i], in_sums(lower), true, NULL));
    int64_t shift = lower->shift[across];
    for (int r = 0; r < fold->together; r++) {
        lower->shift[across] = shift + r * fold->apart;
        for (int i = 0; i < kernel->outputs.count; i++) {
            Node *node = kernel->outputs.at[i];
            Expr *value = ex_lanes(lower, value_at(lower, node->operand[0], &all));
            st_set(lower, in, sums[i], fold_join(lower, node, ex_var(lower, sums[i]), value));
        }
        value_forget(lower, across);
    }
    lower->shift[across] = shift;
    for (int i = 0; i < kernel->outputs.count; i++)
        st_store(lower, in, fold->row[i], in_sums(lower), ex_var(lower, sums[i]), NULL);
}

static void store_row(Lower *lower, Block *in, void *with) {
    Fold *fold = with;
    for (int i = 0; i < lower->kernel->outputs.count; i++) {
        Node *node = lower->kernel->outputs.at[i];
        Access own = kernel_access(lower->kernel, node);
        value_store(lower, in, node, &own, ex_load(lower, fold->row[i], in_sums(lower), true, NULL));
    }
}

/* Rows from `from` on, `together` a turn, as long as there are whole turns; returns the first that is left. */
static int64_t row_loop(Lower *lower, Block *in, Fold *fold, int64_t from, int together) {
    const Nest inside = {.blocks = 1};
    int across = fold->folds[0], last = lower->axes.count - 1;
    int64_t turns = (lower->axes.extent[across] - from) / together, to = from + turns;
    if (turns == 0) return from;
    fold->together = together;
    fold->apart = turns;
    Var *index = var_new(lower, "r", T_INDEX, false);
    Stmt *loop = st_for(lower, LOOP_SERIAL, index, ex_int(lower, T_INDEX, from), ex_int(lower, T_INDEX, to), 1);
    lower->loop[across] = index;
    for (int depth = across + 1; depth <= lower->axes.count; depth++) lower->block[depth] = &loop->body;
    lane_loop(lower, &inside, &loop->body, last, add_rows, fold);
    value_forget(lower, across);
    lower->loop[across] = NULL;
    for (int depth = across + 1; depth <= lower->axes.count; depth++) lower->block[depth] = in;
    st_put(lower, in, loop);
    return from + turns * together;
}

static void whole_rows(Lower *lower, Block *in, Fold *fold) {
    const Nest inside = {.blocks = 1};
    int last = lower->axes.count - 1;
    int64_t lanes = lower->lane_count, row = (lower->axes.extent[last] + lanes - 1) / lanes * lanes;
    for (int i = 0; i < lower->kernel->outputs.count; i++) fold->row[i] = st_array(lower, in, "sums", DT_FLOAT, row);
    lane_loop(lower, &inside, in, last, start_row, fold);
    row_loop(lower, in, fold, row_loop(lower, in, fold, 0, ROWS_TOGETHER), 1);
    lane_loop(lower, &inside, in, last, store_row, fold);
}

/* One folded axis beside columns that lie side by side, and slices enough without cutting them. */
static bool takes_whole_rows(const Lower *lower, const Fold *fold) {
    int last = lower->axes.count - 1;
    int64_t slices = 1, row = lower->axes.extent[last];
    for (int i = 0; i < fold->free_count; i++) slices *= lower->axes.extent[fold->order[i]];
    return fold->fold_count == 1 && fold->folds[0] == last - 1 && lower->kernel->outputs.count <= MOST_SUMS &&
           slices >= ENOUGH_SLICES && row >= LEAST_ROW && row <= MOST_ROW;
}

void lower_fold(Lower *lower) {
    Fold fold = {.vectors = 1};
    const Kernel *kernel = lower->kernel;
    int last = lower->axes.count - 1;
    bool fits = all_fit_lanes(lower, last), columns = kernel->role[last] != ROLE_FOLD && fits;
    lower->lane_axis = fits ? last : -1;
    for (int loop = 0; loop <= last; loop++) {
        if (kernel->role[loop] == ROLE_FOLD)
            fold.folds[fold.fold_count++] = loop;
        else if (!columns || loop != last)
            fold.order[fold.free_count++] = loop;
    }
    bool rows = columns && takes_whole_rows(lower, &fold);
    int64_t wide = (int64_t)lower->lane_count * STRIP_VECTORS;
    int64_t blocks = columns && !rows ? (lower->axes.extent[last] + wide - 1) / wide : 1;
    Nest nest = nest_open(lower, fold.order, fold.free_count, blocks, wide);
    Nest inside = {.blocks = 1};
    if (rows) {
        whole_rows(lower, &nest.slices->body, &fold);
    } else if (columns) {
        inside = nest;
        strips(lower, &inside, &nest.slices->body, &fold);
    } else {
        strip(lower, &inside, &nest.slices->body, &fold);
    }
    nest_close(lower, &nest);
}
