/* attend_score.c: what is done to each row of scores between the products, and how rows of results are stored.
 *
 *     for (int r = 0; r < queries; r++) {
 *         const int row = first + r;
 *         for (int c = 0; c < whole; c += 16) { const int column = key + c; … mask at [row, column] … }
 *         { … the part of a vector that is left in the last block of keys … }
 *     }
 */
#include "loop/attend.h"

/* The place in the tensor of element `within` of a block. */
static Var *in_tensor(Lower *lower, Block *in, const Blocks *blocks, Var *within, const char *name) {
    if (!blocks->first) return within;
    Index index = index_of(lower, 0);
    index_add(lower, &index, blocks->first, 1);
    index_add(lower, &index, within, 1);
    return st_let(lower, in, name, ex_index(lower, index, T_INDEX, false));
}

Stmt *attend_row(Lower *lower, Block *in, const Blocks *rows) {
    Stmt *loop = st_for(lower, LOOP_SERIAL, var_new(lower, "r", T_INDEX, false), NULL, rows->there, 1);
    (void)in;
    lower->loop[rows->loop] = in_tensor(lower, &loop->body, rows, loop->var, "row");
    set_blocks(lower, rows->loop + 1, &loop->body);
    return loop;
}

void attend_row_end(Lower *lower, Block *in, const Blocks *rows, Stmt *loop) {
    value_forget(lower, rows->loop);
    lower->loop[rows->loop] = NULL;
    set_blocks(lower, rows->loop + 1, in);
    st_put(lower, in, loop);
}

/* ---- the columns of a row of scores ---- */

static void part_of_vector(Lower *lower, Block *in, const Attend *a, ScoreBody *body, void *with) {
    const Blocks *keys = &a->keys;
    int64_t lanes = lower->lane_count, rest = keys->count % lanes, start = (keys->number - 1) * keys->size;
    int64_t whole = keys->count - rest - start;
    Stmt *only = NULL;
    if (keys->first) {
        Expr *last[2] = {ex_var(lower, keys->first), ex_int(lower, T_INDEX, start)};
        only = st_if(lower, ex_apply(lower, T_MASK, "%0 == %1", 2, last));
    }
    Block *block = only ? &only->body : in;
    set_blocks(lower, keys->loop + 1, block);
    lower->loop[keys->loop] = NULL;
    lower->shift[keys->loop] = start + whole;
    lower->part = ex_int(lower, T_INDEX, rest);
    body(lower, block, a, index_of(lower, whole), with);
    value_forget(lower, keys->loop);
    lower->part = NULL;
    lower->shift[keys->loop] = 0;
    if (only) st_put(lower, in, only);
}

void attend_scores(Lower *lower, Block *in, const Attend *a, ScoreBody *body, void *with) {
    const Blocks *keys = &a->keys;
    int64_t step = a->lanes ? lower->lane_count : 1;
    bool any = !a->lanes || keys->count >= step;
    lower->lane_axis = a->lanes ? keys->loop : -1;
    if (any) {
        Stmt *loop = st_for(lower, a->lanes ? LOOP_LANES : LOOP_SERIAL, var_new(lower, "c", T_INDEX, false), NULL,
                            a->lanes ? keys->whole : keys->there, step);
        set_blocks(lower, keys->loop + 1, &loop->body);
        lower->loop[keys->loop] = in_tensor(lower, &loop->body, keys, loop->var, "column");
        Index at = index_of(lower, 0);
        index_add(lower, &at, loop->var, 1);
        body(lower, &loop->body, a, at, with);
        value_forget(lower, keys->loop);
        lower->loop[keys->loop] = NULL;
        set_blocks(lower, keys->loop + 1, in);
        st_put(lower, in, loop);
    }
    if (a->lanes && keys->count % step) part_of_vector(lower, in, a, body, with);
    set_blocks(lower, keys->loop + 1, in);
    lower->lane_axis = -1;
}

static Index in_row(Lower *lower, Block2 block, Var *row, Index at) {
    Index index = index_of(lower, at.constant);
    index_add(lower, &index, row, block.stride);
    for (int i = 0; i < at.terms.count; i++) index_add(lower, &index, at.terms.at[i].var, at.terms.at[i].scale);
    return index;
}

Expr *attend_load(Lower *lower, const Attend *a, Block2 block, Var *row, Index at) {
    Expr *x = ex_load(lower, block.array, in_row(lower, block, row, at), a->lanes, NULL);
    x->depth = a->keys.loop + 1;
    return x;
}

void attend_put(Lower *lower, Block *in, const Attend *a, Block2 block, Var *row, Index at, Expr *value) {
    st_store(lower, in, block.array, in_row(lower, block, row, at), a->lanes ? ex_lanes(lower, value) : value, NULL);
}

static Expr *selected(Lower *lower, Expr *condition, Expr *value, double otherwise) {
    Expr *args[3] = {condition, value, ex_real(lower, otherwise)};
    return ex_apply(lower, T_REAL, "tg_select(%0, %1, %2)", 3, args);
}

/* In a vector that is there in part, the lanes that are. */
static Expr *lanes_there(Lower *lower) {
    Expr *count = NEW(lower->arena, Expr);
    *count = *lower->part;
    count->type = T_INT;
    Expr *both[2] = {ex_index(lower, index_of(lower, 0), T_INT, true), count};
    return ex_apply(lower, T_MASK, "%0 < %1", 2, both);
}

Expr *attend_allowed(Lower *lower, const Attend *a, Expr *score) {
    Access scores = attend_over_scores(lower->kernel);
    if (a->parts.mask) score = selected(lower, value_at(lower, a->parts.mask, &scores), score, LOWEST);
    return lower->part && a->lanes ? selected(lower, lanes_there(lower), score, LOWEST) : score;
}

Expr *attend_dropped(Lower *lower, const Attend *a, Expr *x) {
    Access scores = attend_over_scores(lower->kernel);
    if (!a->parts.kept) return x;
    Expr *both[2] = {x, ex_real(lower, a->root->attr.factor)};
    Expr *scaled = ex_apply(lower, T_REAL, "%0 * %1", 2, both);
    return selected(lower, value_at(lower, a->parts.kept, &scores), scaled, 0);
}

/* ---- results ---- */

typedef struct Result {
    Node *node;
    Access in_buffer;
    Array *array;
} Result;

static Result result_of(Lower *lower, Node *node) {
    Result result = {.node = node};
    Access own = kernel_access(lower->kernel, node);
    schedule_reach(lower->schedule, &lower->kernel->fine, node, &own, &result.in_buffer);
    result.array = array_of(lower, lower->schedule->place[node->id].buffer, result.in_buffer.offset, true);
    return result;
}

/* The value for columns [column, …) of the row; `from` NULL: zeros. */
static void store_column(Lower *lower, Block *in, const Result *result, const Block2 *from, Var *row, Var *column,
                         int64_t shift, Expr *share, bool adds) {
    bool lanes = lower->lane_axis >= 0;
    Index index = index_in_buffer(lower, &result->in_buffer);
    Expr *value = ex_real(lower, 0);
    if (from) {
        Index at = index_of(lower, shift);
        index_add(lower, &at, row, from->stride);
        if (column) index_add(lower, &at, column, 1);
        value = ex_load(lower, from->array, at, lanes, NULL);
    }
    if (share) {
        Expr *both[2] = {value, share};
        value = ex_apply(lower, T_REAL, "%0 * %1", 2, both);
    }
    if (adds) {
        Expr *both[2] = {ex_load(lower, result->array, index, lanes, lower->part), value};
        value = ex_apply(lower, T_REAL, "%0 + %1", 2, both);
    }
    st_store(lower, in, result->array, index, lanes ? ex_lanes(lower, value) : value, lower->part);
}

static void store_columns(Lower *lower, Block *in, Node *node, const Columns *columns, const Block2 *from, Var *row,
                          Expr *share, bool adds) {
    Result result = result_of(lower, node);
    bool lanes = columns->count > 1 && stride_at(lower, &result.in_buffer, columns->loop) == 1;
    int64_t step = lanes ? lower->lane_count : 1, whole = columns->count / step * step, rest = columns->count - whole;
    lower->lane_axis = lanes ? columns->loop : -1;
    if (whole > 0) {
        Stmt *loop = st_for(lower, lanes ? LOOP_LANES : LOOP_SERIAL, var_new(lower, "c", T_INDEX, false), NULL,
                            ex_int(lower, T_INDEX, whole), step);
        lower->loop[columns->loop] = loop->var;
        store_column(lower, &loop->body, &result, from, row, loop->var, 0, share, adds);
        st_put(lower, in, loop);
        lower->loop[columns->loop] = NULL;
    }
    if (rest) {
        lower->shift[columns->loop] = whole;
        lower->part = ex_int(lower, T_INDEX, rest);
        store_column(lower, in, &result, from, row, NULL, whole, share, adds);
        lower->part = NULL;
        lower->shift[columns->loop] = 0;
    }
    lower->lane_axis = -1;
}

void attend_store_row(Lower *lower, Block *in, Node *node, const Columns *columns, Block2 from, Var *row, Expr *share,
                      bool adds) {
    store_columns(lower, in, node, columns, &from, row, share, adds);
}

void attend_store_zeros(Lower *lower, Block *in, Node *node, const Blocks *rows, const Columns *columns) {
    Stmt *loop =
        st_for(lower, LOOP_SERIAL, var_new(lower, "row", T_INDEX, false), NULL, ex_int(lower, T_INDEX, rows->count), 1);
    lower->loop[rows->loop] = loop->var;
    store_columns(lower, &loop->body, node, columns, NULL, loop->var, NULL, false);
    lower->loop[rows->loop] = NULL;
    st_put(lower, in, loop);
}
