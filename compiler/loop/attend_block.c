/* attend_block.c: blocks of queries and keys: how large they are, which of them meet, and copies of their operands.
 *
 *     257 queries       5 blocks of 56, the last of 33
 *     causal            the block of queries 64 … 127 sees keys up to 127: key blocks behind that are left out
 *     k [N, 64]         kt [64][64]: a block of keys transposed, so that a vector of scores is a row of it
 */
#include "loop/attend.h"

/* ---- sizes ---- */

static int64_t rounded(int64_t count, int64_t unit) {
    return (count + unit - 1) / unit * unit;
}

static Blocks blocks_of(const Kernel *kernel, LoopRole role, int64_t size) {
    Blocks blocks = {.size = size};
    for (int loop = 0; loop < kernel->axes.count; loop++)
        if (kernel->role[loop] == role) blocks.loop = loop;
    blocks.count = kernel->axes.extent[blocks.loop];
    blocks.number = (blocks.count + blocks.size - 1) / blocks.size;
    return blocks;
}

static Columns columns_of(const Kernel *kernel, LoopRole role, int64_t lanes) {
    Columns columns = {.loop = 0};
    for (int loop = 0; loop < kernel->axes.count; loop++)
        if (kernel->role[loop] == role) columns.loop = loop;
    columns.count = kernel->axes.extent[columns.loop];
    columns.padded = rounded(columns.count, lanes);
    return columns;
}

/* ---- masks that let no query see what comes after it ---- */

/* Whether the integer goes up by one with the loop and stands still with all others: loop + *from. */
static bool counts_along(const Lower *lower, const Node *node, const Access *access, int loop, int64_t *from) {
    node = schedule_alias(lower->schedule, (Node *)node);
    if (node->op->kind == OP_VIEW) {
        Access below;
        Split split;
        return access_through(node, &lower->kernel->fine, access, &below, &split) &&
               counts_along(lower, node->operand[0], &below, loop, from);
    }
    if (node->op != &op_iota || access->index) return false;
    for (int other = 0; other < lower->axes.count; other++)
        if (lower->axes.extent[other] > 1 && stride_at(lower, access, other) != (other == loop)) return false;
    *from = access->offset;
    return true;
}

/* A condition that holds only for n <= m + ahead: a comparison of counters, alone or joined with others by `and`. */
static bool bounds_keys(const Lower *lower, const Node *mask, const Access *access, Attend *a) {
    mask = schedule_alias(lower->schedule, (Node *)mask);
    if (mask->op->kind == OP_VIEW) {
        Access below;
        Split split;
        return access_through(mask, &lower->kernel->fine, access, &below, &split) &&
               bounds_keys(lower, mask->operand[0], &below, a);
    }
    if (mask->op == &op_and)
        return bounds_keys(lower, mask->operand[0], access, a) || bounds_keys(lower, mask->operand[1], access, a);
    int64_t key, query;
    if ((mask->op != &op_less_equal && mask->op != &op_less) ||
        !counts_along(lower, mask->operand[0], access, a->keys.loop, &key) ||
        !counts_along(lower, mask->operand[1], access, a->queries.loop, &query))
        return false;
    a->ahead = query - key - (mask->op == &op_less);
    return true;
}

/* ---- the kernel ---- */

Access attend_over_scores(const Kernel *kernel) {
    return axes_over(&kernel->fine, kernel->fine_role, 1u << ROLE_FREE | 1u << ROLE_M | 1u << ROLE_N);
}

static Node **member(Attend *a, const Node *node) {
    if (node->op == &op_attend) return &a->o;
    if (node->op == &op_attend_lse) return &a->lse;
    return node->op == &op_attend_dq ? &a->dq : node->op == &op_attend_dk ? &a->dk : &a->dv;
}

Attend attend_of(Lower *lower) {
    const Kernel *kernel = lower->kernel;
    int64_t lanes = lower->lane_count;
    Attend a = {.root = kernel->root, .parts = attend_parts(kernel->root)};
    for (int i = 0; i < kernel->nodes.count; i++) *member(&a, kernel->nodes.at[i]) = kernel->nodes.at[i];
    a.queries = blocks_of(kernel, ROLE_M, kernel->tile.row_block);
    a.keys = blocks_of(kernel, ROLE_N, kernel->tile.k_block);
    a.width = columns_of(kernel, ROLE_FOLD, lanes);
    a.values = columns_of(kernel, ROLE_VALUE, lanes);
    Access scores = attend_over_scores(kernel);
    a.skips = a.parts.mask && bounds_keys(lower, a.parts.mask, &scores, &a);
    a.lanes = (!a.parts.mask || lanes_fit(lower, a.parts.mask, &scores, a.keys.loop)) &&
              (!a.parts.kept || lanes_fit(lower, a.parts.kept, &scores, a.keys.loop));
    return a;
}

Block2 attend_array(Lower *lower, Block *in, const char *name, int64_t rows, int64_t stride) {
    return (Block2){st_array(lower, in, name, DT_FLOAT, rows * stride), rows, stride};
}

/* ---- one block ---- */

static Expr *choice(Lower *lower, Expr *value, int64_t limit, Expr *below, Expr *above) {
    Expr *args[4] = {value, ex_int(lower, T_INDEX, limit), below, above};
    return ex_apply(lower, T_INDEX, "%0 < %1 ? %2 : %3", 4, args);
}

static Expr *binary(Lower *lower, const char *format, Expr *a, int64_t b) {
    Expr *args[2] = {a, ex_int(lower, T_INDEX, b)};
    return ex_apply(lower, T_INDEX, format, 2, args);
}

/* `size` but for the last block, which has `rest`. */
static Expr *part_of_block(Lower *lower, Block *in, const Blocks *blocks, const char *name, int64_t rest) {
    if (blocks->number == 1 || rest == blocks->size)
        return ex_int(lower, T_INDEX, blocks->number == 1 ? rest : blocks->size);
    Expr *size = ex_int(lower, T_INDEX, blocks->size), *last = ex_int(lower, T_INDEX, rest);
    int64_t start = (blocks->number - 1) * blocks->size;
    return ex_var(lower, st_let(lower, in, name, choice(lower, ex_var(lower, blocks->first), start, size, last)));
}

void attend_block(Lower *lower, Block *in, Blocks *blocks, Var *first) {
    bool queries = lower->kernel->role[blocks->loop] == ROLE_M;
    int64_t rest = blocks->count - (blocks->number - 1) * blocks->size;
    int64_t whole = rest / lower->lane_count * lower->lane_count;
    blocks->first = first;
    blocks->there = part_of_block(lower, in, blocks, queries ? "queries" : "keys", rest);
    blocks->whole = queries || whole == rest ? blocks->there : part_of_block(lower, in, blocks, "whole", whole);
}

Var *attend_slice(Lower *lower, Block *in, const Nest *nest, const Blocks *blocks, const char *name, bool last_first) {
    if (!nest->number) return NULL;
    Expr *first = binary(lower, "%0 * %1", ex_var(lower, nest->number), blocks->size);
    Expr *args[2] = {ex_int(lower, T_INDEX, (blocks->number - 1) * blocks->size), first};
    return st_let(lower, in, name, last_first ? ex_apply(lower, T_INDEX, "%0 - %1", 2, args) : first);
}

Expr *attend_last_key(Lower *lower, Block *in, const Attend *a) {
    int64_t all = a->keys.count, past = a->queries.size + a->ahead;
    if (!a->skips || !a->queries.first) return ex_int(lower, T_INDEX, all);
    Expr *first = ex_var(lower, a->queries.first);
    Expr *end = choice(lower, first, all - past, binary(lower, "%0 + %1", first, past), ex_int(lower, T_INDEX, all));
    return ex_var(lower, st_let(lower, in, "last_key", end));
}

Expr *attend_first_query(Lower *lower, Block *in, const Attend *a) {
    if (!a->skips || !a->keys.first) return ex_int(lower, T_INDEX, 0);
    Expr *key = ex_var(lower, a->keys.first), *from = binary(lower, "%0 - %1", key, a->ahead);
    from = binary(lower, "%0 * %1", binary(lower, "%0 / %1", from, a->queries.size), a->queries.size);
    return ex_var(lower, st_let(lower, in, "first_query",
                                choice(lower, key, a->ahead > 0 ? a->ahead : 0, ex_int(lower, T_INDEX, 0), from)));
}

/* ---- copies ---- */

static Index at(Lower *lower, Block2 block, Var *row, Var *column, int64_t shift) {
    Index index = index_of(lower, shift);
    if (row) index_add(lower, &index, row, block.stride);
    if (column) index_add(lower, &index, column, 1);
    return index;
}

void attend_clear(Lower *lower, Block *in, Block2 block) {
    int64_t count = block.rows * block.stride, lanes = lower->lane_count;
    Stmt *loop = st_count(lower, "z", NULL, ex_int(lower, T_INDEX, count), lanes);
    st_store(lower, &loop->body, block.array, at(lower, block, NULL, loop->var, 0), ex_lanes(lower, ex_real(lower, 0)),
             NULL);
    st_put(lower, in, loop);
}

static const char *const operand_names[] = {"q", "k", "v", "lse", "row_sum", "g"};

/* Rows from `there` on. */
static void clear_rows(Lower *lower, Block *in, const Blocks *rows, Block2 to) {
    if (rows->count % rows->size == 0) return;
    Stmt *loop = st_count(lower, "r", rows->there, ex_int(lower, T_INDEX, rows->size), 1);
    Stmt *inner = st_count(lower, "c", NULL, ex_int(lower, T_INDEX, to.stride), lower->lane_count);
    st_store(lower, &inner->body, to.array, at(lower, to, loop->var, inner->var, 0), ex_lanes(lower, ex_real(lower, 0)),
             NULL);
    st_put(lower, &loop->body, inner);
    st_put(lower, in, loop);
}

static void copy_column(Lower *lower, Block *in, const Attend *a, int index, Index to_at, Block2 to, double scale) {
    Access access = attend_access(lower->kernel, a->root, index);
    Expr *value = value_at(lower, a->root->operand[index], &access);
    if (scale != 1) {
        Expr *both[2] = {value, ex_real(lower, scale)};
        value = ex_apply(lower, T_REAL, "%0 * %1", 2, both);
    }
    st_store(lower, in, to.array, to_at, lower->lane_axis >= 0 ? ex_lanes(lower, value) : value, NULL);
}

/* The columns of one row, whole vectors and the part of one, which zeros fill up. */
static void copy_columns(Lower *lower, Block *in, const Attend *a, int index, const Columns *columns, Block2 to,
                         Var *row, double scale) {
    Access access = attend_access(lower->kernel, a->root, index);
    bool lanes = lanes_fit(lower, a->root->operand[index], &access, columns->loop);
    int64_t step = lanes ? lower->lane_count : 1, whole = columns->count / step * step, rest = columns->count - whole;
    lower->lane_axis = lanes ? columns->loop : -1;
    if (whole > 0) {
        Stmt *loop = st_count(lower, "c", NULL, ex_int(lower, T_INDEX, whole), step);
        lower->loop[columns->loop] = loop->var;
        set_blocks(lower, columns->loop + 1, &loop->body);
        copy_column(lower, &loop->body, a, index, at(lower, to, row, loop->var, 0), to, scale);
        value_forget(lower, columns->loop);
        st_put(lower, in, loop);
    }
    lower->loop[columns->loop] = NULL;
    set_blocks(lower, columns->loop + 1, in);
    if (rest) {
        lower->shift[columns->loop] = whole;
        lower->part = ex_int(lower, T_INDEX, rest);
        copy_column(lower, in, a, index, at(lower, to, row, NULL, whole), to, scale);
        value_forget(lower, columns->loop);
        lower->part = NULL;
        lower->shift[columns->loop] = 0;
    } else if (!lanes && columns->count < to.stride) {
        Stmt *loop = st_count(lower, "z", ex_int(lower, T_INDEX, columns->count), ex_int(lower, T_INDEX, to.stride), 1);
        st_store(lower, &loop->body, to.array, at(lower, to, row, loop->var, 0), ex_real(lower, 0), NULL);
        st_put(lower, in, loop);
    }
    lower->lane_axis = -1;
}

void attend_copy(Lower *lower, Block *in, const Attend *a, int index, const Blocks *rows, const Columns *columns,
                 Block2 to, double scale) {
    st_comment(lower, in, "%s: a block of %s%s", to.array->name, operand_names[index], scale != 1 ? ", scaled" : "");
    Stmt *loop = attend_row(lower, in, rows);
    copy_columns(lower, &loop->body, a, index, columns, to, loop->var, scale);
    attend_row_end(lower, in, rows, loop);
    clear_rows(lower, in, rows, to);
}

/* ---- transposed ---- */

/* The operand in memory at row 0 of the block and column 0. */
static Expr *corner(Lower *lower, const Attend *a, int index, const Blocks *rows, Access *in_buffer) {
    Access access = attend_access(lower->kernel, a->root, index);
    Node *node = schedule_reach(lower->schedule, &lower->kernel->fine, a->root->operand[index], &access, in_buffer);
    Buffer *buffer = lower->schedule->place[node->id].buffer;
    lower->loop[rows->loop] = rows->first;
    Index place = index_in_buffer(lower, in_buffer);
    lower->loop[rows->loop] = NULL;
    return ex_load(lower, array_of(lower, buffer, in_buffer->offset, false), place, false, NULL);
}

static void add_steps(Lower *lower, Expr *load, Var *row, int64_t row_stride, Var *column, int64_t column_stride) {
    Index index = index_of(lower, load->index.constant);
    for (int i = 0; i < load->index.terms.count; i++)
        index_add(lower, &index, load->index.terms.at[i].var, load->index.terms.at[i].scale);
    if (row) index_add(lower, &index, row, row_stride);
    if (column) index_add(lower, &index, column, column_stride);
    load->index = index;
}

/* Rows [from, to) by columns [first, columns), one element at a time. */
static void transpose_singly(Lower *lower, Block *in, const Attend *a, int index, const Blocks *rows, Expr *from,
                             Expr *to, const Columns *columns, int64_t first, Block2 into) {
    Access in_buffer;
    Stmt *outer = st_count(lower, "r", from, to, 1);
    Stmt *inner = st_count(lower, "c", ex_int(lower, T_INDEX, first), ex_int(lower, T_INDEX, columns->count), 1);
    Expr *load = corner(lower, a, index, rows, &in_buffer);
    add_steps(lower, load, outer->var, stride_at(lower, &in_buffer, rows->loop), inner->var,
              stride_at(lower, &in_buffer, columns->loop));
    st_store(lower, &inner->body, into.array, at(lower, into, inner->var, outer->var, 0), load, NULL);
    st_put(lower, &outer->body, inner);
    st_put(lower, in, outer);
}

static void transpose_in_blocks(Lower *lower, Block *in, const Attend *a, int index, const Blocks *rows,
                                int64_t columns, Block2 into) {
    Access in_buffer;
    int64_t lanes = lower->lane_count;
    Stmt *outer = st_count(lower, "r", NULL, rows->whole, lanes);
    Stmt *inner = st_count(lower, "c", NULL, ex_int(lower, T_INDEX, columns), lanes);
    Expr *load = corner(lower, a, index, rows, &in_buffer);
    int64_t stride = stride_at(lower, &in_buffer, rows->loop);
    add_steps(lower, load, outer->var, stride, inner->var, 1);
    Expr *args[4] = {load, ex_int(lower, T_INDEX, stride),
                     ex_load(lower, into.array, at(lower, into, inner->var, outer->var, 0), false, NULL),
                     ex_int(lower, T_INDEX, into.stride)};
    st_call(lower, &inner->body, "tg_transpose_block(&%0, %1, &%2, %3)", 4, args);
    st_put(lower, &outer->body, inner);
    st_put(lower, in, outer);
}

void attend_copy_transposed(Lower *lower, Block *in, const Attend *a, int index, const Blocks *rows,
                            const Columns *columns, Block2 to) {
    Access in_buffer;
    int64_t lanes = lower->lane_count, full = columns->count / lanes * lanes;
    corner(lower, a, index, rows, &in_buffer);
    st_comment(lower, in, "%s: a block of %s, transposed", to.array->name, operand_names[index]);
    bool in_blocks = stride_at(lower, &in_buffer, columns->loop) == 1 && full > 0 && rows->count >= lanes;
    Expr *none = ex_int(lower, T_INDEX, 0);
    if (in_blocks) {
        transpose_in_blocks(lower, in, a, index, rows, full, to);
        if (full < columns->count) transpose_singly(lower, in, a, index, rows, none, rows->whole, columns, full, to);
        if (rows->whole != rows->there)
            transpose_singly(lower, in, a, index, rows, rows->whole, rows->there, columns, 0, to);
    } else {
        transpose_singly(lower, in, a, index, rows, none, rows->there, columns, 0, to);
    }
    if (rows->count % rows->size == 0) return;
    Stmt *outer = st_count(lower, "c", NULL, ex_int(lower, T_INDEX, columns->count), 1);
    Stmt *inner = st_count(lower, "z", rows->there, ex_int(lower, T_INDEX, rows->size), 1);
    st_store(lower, &inner->body, to.array, at(lower, to, outer->var, inner->var, 0), ex_real(lower, 0), NULL);
    st_put(lower, &outer->body, inner);
    st_put(lower, in, outer);
}
