/* pack.c: copies the right operand of a product into panels with zeros past the last column, so that the product's
 * inner loop reads one stream of vectors.
 *
 *     for k { P[k, 0 … NR] = B[k, j … j+NR] }
 *
 * Either each slice of the product makes the panel it reads in an array of its own, [K][NR], or, where too few of a
 * slice's rows would read it again, a kernel before the product makes all of them, [batch][N/NR][K][NR]. Where a row of
 * B runs along k (a product by the transpose), blocks of LANES x LANES are transposed in registers.
 */
#include "loop/contract.h"

static int loop_with(const Kernel *kernel, LoopRole role) {
    for (int loop = kernel->axes.count - 1; loop >= 0; loop--)
        if (kernel->role[loop] == role) return loop;
    fatal("lower", "a product lacks a loop");
}

Product product_of(Lower *lower) {
    const Kernel *kernel = lower->kernel;
    Product p = {.m_loop = loop_with(kernel, ROLE_M), .n_loop = loop_with(kernel, ROLE_N)};
    p.k_loop = loop_with(kernel, ROLE_FOLD);
    p.m = kernel->axes.extent[p.m_loop];
    p.n = kernel->axes.extent[p.n_loop];
    p.k = kernel->axes.extent[p.k_loop];
    p.a_row = kernel->tile.a_row;
    p.nv = kernel->tile.nv;
    p.panel = (int64_t)p.nv * lower->lane_count;
    p.panels = (p.n + p.panel - 1) / p.panel;
    for (int index = 0; index < 2; index++) {
        Access at = product_access(kernel, index);
        Node *node =
            schedule_reach(lower->schedule, &kernel->fine, kernel->root->operand[index], &at, index ? &p.b : &p.a);
        *(index ? &p.b_buffer : &p.a_buffer) = lower->schedule->place[node->id].buffer;
    }
    return p;
}

typedef struct Pack {
    Product p;
    Array *from, *to;
    Var *panel;    /* NULL where there is one */
    Index base;    /* of this panel in `to` */
    int64_t start; /* of the panel's columns, where loop[n_loop] doesn't say */
    Var *k_from;   /* the steps of k: NULL is all of them */
    Expr *k_to;
} Pack;

/* B at row k and column j + column of the panel; k NULL is `k_shift`. */
static Index source(Lower *lower, const Pack *pack, Var *k, int64_t k_shift, Var *column, int64_t shift) {
    const Product *p = &pack->p;
    lower->loop[p->k_loop] = k;
    lower->shift[p->k_loop] = k_shift;
    lower->shift[p->n_loop] = pack->start + shift;
    Index index = index_in_buffer(lower, &p->b);
    if (column) index_add(lower, &index, column, stride_at(lower, &p->b, p->n_loop));
    lower->loop[p->k_loop] = NULL;
    lower->shift[p->k_loop] = lower->shift[p->n_loop] = 0;
    return index;
}

static Index target(Lower *lower, const Pack *pack, Var *k, int64_t k_shift, Var *column, int64_t shift) {
    Index index = {.constant = pack->base.constant + k_shift * pack->p.panel + shift};
    for (int i = 0; i < pack->base.terms.count; i++)
        index_add(lower, &index, pack->base.terms.at[i].var, pack->base.terms.at[i].scale);
    if (k) index_add(lower, &index, k, pack->p.panel);
    if (column) index_add(lower, &index, column, 1);
    return index;
}

static Stmt *count_loop(Lower *lower, const char *name, int64_t from, int64_t to, int64_t step) {
    return st_for(lower, LOOP_SERIAL, var_new(lower, name, T_INDEX, false), ex_int(lower, T_INDEX, from),
                  ex_int(lower, T_INDEX, to), step);
}

/* The steps of k that are packed, as far as `all` (k, or the whole blocks of it). */
static Stmt *step_loop(Lower *lower, Block *in, const Pack *pack, int64_t all, int64_t step) {
    const Product *p = &pack->p;
    if (!pack->k_from) return count_loop(lower, "k", 0, all, step);
    Expr *from = ex_var(lower, pack->k_from), *to = pack->k_to;
    if (all < p->k) {
        to = ex_block_end(lower, from, lower->kernel->tile.k_block, all, false);
        to = ex_var(lower, st_let(lower, in, "whole", to));
    }
    return st_for(lower, LOOP_SERIAL, var_new(lower, "k", T_INDEX, false), from, to, step);
}

static void pad_columns(Lower *lower, Block *in, const Pack *pack, Var *k, int64_t width) {
    if (width == pack->p.panel) return;
    Stmt *loop = count_loop(lower, "c", width, pack->p.panel, 1);
    st_store(lower, &loop->body, pack->to, target(lower, pack, k, 0, loop->var, 0), ex_real(lower, 0), NULL);
    st_put(lower, in, loop);
}

/* Columns lie side by side: whole vectors, the last one in part (a part load gives zeros beyond it). */
static void copy_rows(Lower *lower, Block *in, const Pack *pack, int64_t width) {
    Stmt *rows = step_loop(lower, in, pack, pack->p.k, 1);
    int64_t lanes = lower->lane_count;
    for (int64_t column = 0; column < pack->p.panel; column += lanes) {
        Expr *part = column + lanes > width ? ex_int(lower, T_INDEX, width - column) : NULL;
        Expr *value = ex_lanes(lower, ex_real(lower, 0));
        if (column < width)
            value = ex_load(lower, pack->from, source(lower, pack, rows->var, 0, NULL, column), true, part);
        st_store(lower, &rows->body, pack->to, target(lower, pack, rows->var, 0, NULL, column), value, NULL);
    }
    st_put(lower, in, rows);
}

/* One element at a time: columns [first, width) of these rows, with the zeros behind them if it `pads`. */
static void copy_singly(Lower *lower, Block *in, const Pack *pack, Stmt *rows, int64_t first, int64_t width,
                        bool pads) {
    if (first >= width) return;
    Stmt *columns = count_loop(lower, "c", first, width, 1);
    Expr *value = ex_load(lower, pack->from, source(lower, pack, rows->var, 0, columns->var, 0), false, NULL);
    st_store(lower, &columns->body, pack->to, target(lower, pack, rows->var, 0, columns->var, 0), value, NULL);
    st_put(lower, &rows->body, columns);
    if (pads) pad_columns(lower, &rows->body, pack, rows->var, width);
    st_put(lower, in, rows);
}

/* The rows behind the whole blocks of LANES; they belong to the last block of k. */
static void copy_last_rows(Lower *lower, Block *in, const Pack *pack, int64_t from, int64_t width) {
    const Product *p = &pack->p;
    if (from >= p->k) return;
    Stmt *only = NULL;
    if (pack->k_from) {
        int64_t last = (p->k - 1) / lower->kernel->tile.k_block * lower->kernel->tile.k_block;
        Expr *which[2] = {ex_var(lower, pack->k_from), ex_int(lower, T_INDEX, last)};
        only = st_if(lower, ex_apply(lower, T_MASK, "%0 == %1", 2, which));
    }
    copy_singly(lower, only ? &only->body : in, pack, count_loop(lower, "k", from, p->k, 1), 0, width, false);
    if (only) st_put(lower, in, only);
}

/* Rows run along k: blocks of LANES columns and LANES rows change places. */
static void copy_blocks(Lower *lower, Block *in, const Pack *pack, int64_t width) {
    const Product *p = &pack->p;
    int64_t lanes = lower->lane_count, k_full = p->k / lanes * lanes, full = width / lanes * lanes;
    if (k_full > 0 && full > 0) {
        Stmt *rows = step_loop(lower, in, pack, k_full, lanes), *columns = count_loop(lower, "c", 0, full, lanes);
        Expr *args[4] = {
            ex_load(lower, pack->from, source(lower, pack, rows->var, 0, columns->var, 0), false, NULL),
            ex_int(lower, T_INDEX, stride_at(lower, &p->b, p->n_loop)),
            ex_load(lower, pack->to, target(lower, pack, rows->var, 0, columns->var, 0), false, NULL),
            ex_int(lower, T_INDEX, p->panel),
        };
        st_call(lower, &rows->body, "tg_transpose_block(&%0, %1, &%2, %3)", 4, args);
        st_put(lower, &columns->body, rows);
        st_put(lower, in, columns);
    }
    copy_last_rows(lower, in, pack, k_full, full);
    if (full < width) copy_singly(lower, in, pack, step_loop(lower, in, pack, p->k, 1), full, width, false);
}

static void copy_panel(Lower *lower, Block *in, const Pack *pack, int64_t width) {
    const Product *p = &pack->p;
    if (stride_at(lower, &p->b, p->n_loop) == 1) {
        copy_rows(lower, in, pack, width);
        return;
    }
    bool blocks = stride_at(lower, &p->b, p->k_loop) == 1 && p->k >= lower->lane_count && width >= lower->lane_count;
    if (blocks)
        copy_blocks(lower, in, pack, width);
    else
        copy_singly(lower, in, pack, step_loop(lower, in, pack, p->k, 1), 0, width, true);
    if (width == p->panel || !blocks) return;
    Stmt *rows = step_loop(lower, in, pack, p->k, 1);
    pad_columns(lower, &rows->body, pack, rows->var, width);
    st_put(lower, in, rows);
}

void pack_panel(Lower *lower, Block *in, Array *panel, Var *j, int64_t start, int64_t width, Var *k_from, Expr *k_to) {
    Pack pack = {.p = product_of(lower), .to = panel, .start = start, .k_from = k_from, .k_to = k_to};
    Var *at = lower->loop[pack.p.n_loop];
    pack.from = array_of(lower, pack.p.b_buffer, pack.p.b.offset, false);
    lower->loop[pack.p.n_loop] = j;
    if (k_from) index_add(lower, &pack.base, k_from, -pack.p.panel);
    copy_panel(lower, in, &pack, width);
    lower->loop[pack.p.n_loop] = at;
}

/* ---- A, transposed: its rows are laid out one after the other, [batch][M][a_row] ---- */

enum {
    MOST_STEPS = 64,    /* rows of memory that a slice reads, and elements that it writes side by side, */
    SLICES = 16,        /* but so few that there are this many slices */
    ROWS_PAST = 1 << 20 /* bytes of rows that are written past the caches: more than one core's second-level cache */
};

static int64_t steps_of(const Lower *lower, const Product *p) {
    int64_t lanes = lower->lane_count, steps = p->k / SLICES / lanes * lanes;
    return steps < lanes ? lanes : steps > MOST_STEPS ? MOST_STEPS : steps;
}

/* Where they are many, another core reads them anyway, and their lines would be read only to be overwritten. */
static bool rows_go_past(const Lower *lower) {
    return lower->kernel->packed_a->count * lower->machine->vector_bytes / lower->lane_count >= ROWS_PAST;
}

/* A at row i and step k. */
static Index row_source(Lower *lower, const Pack *pack, Var *k, Var *i) {
    const Product *p = &pack->p;
    lower->loop[p->k_loop] = k;
    lower->loop[p->m_loop] = i;
    Index index = index_in_buffer(lower, &p->a);
    lower->loop[p->k_loop] = lower->loop[p->m_loop] = NULL;
    return index;
}

static Index row_target(Lower *lower, const Pack *pack, Var *k, Var *i) {
    Index index = {.constant = pack->base.constant};
    for (int term = 0; term < pack->base.terms.count; term++)
        index_add(lower, &index, pack->base.terms.at[term].var, pack->base.terms.at[term].scale);
    index_add(lower, &index, i, pack->p.a_row);
    index_add(lower, &index, k, 1);
    return index;
}

/* The rows of i's loop, at the steps of k's: one element, or a block of LANES x LANES, at each turn. */
static void turn_rows(Lower *lower, Block *in, const Pack *pack, Stmt *k, Stmt *i, bool blocks) {
    const Product *p = &pack->p;
    Index from = row_source(lower, pack, k->var, i->var), to = row_target(lower, pack, k->var, i->var);
    Expr *element = ex_load(lower, pack->from, from, false, NULL);
    if (blocks) {
        Expr *args[4] = {element, ex_int(lower, T_INDEX, stride_at(lower, &p->a, p->k_loop)),
                         ex_load(lower, pack->to, to, false, NULL), ex_int(lower, T_INDEX, p->a_row)};
        bool past = rows_go_past(lower);
        lower->function->streams |= past;
        st_call(lower, &i->body,
                past ? "tg_transpose_stream(&%0, %1, &%2, %3)" : "tg_transpose_block(&%0, %1, &%2, %3)", 4, args);
    } else {
        st_store(lower, &i->body, pack->to, to, element, NULL);
    }
    st_put(lower, &k->body, i);
    st_put(lower, in, k);
}

/* The whole blocks of a slice's steps, which are `full` in all slices. */
static void turn_blocks(Lower *lower, Block *in, const Pack *pack, const Nest *nest, int64_t full) {
    const Product *p = &pack->p;
    int64_t lanes = lower->lane_count, whole = p->m / lanes * lanes, steps = steps_of(lower, p);
    Expr *from = ex_int(lower, T_INDEX, 0), *to = ex_int(lower, T_INDEX, full);
    if (nest->number) {
        Expr *start[2] = {ex_var(lower, nest->number), ex_int(lower, T_INDEX, steps)};
        from = ex_var(lower, st_let(lower, in, "from", ex_apply(lower, T_INDEX, "%0 * %1", 2, start)));
        to = ex_block_end(lower, from, steps, full, nest->blocks * steps <= full);
        to = ex_var(lower, st_let(lower, in, "to", to));
    }
    for (int pass = 0; pass < 2; pass++) {
        bool blocks = pass == 0;
        int64_t first = blocks ? 0 : whole, past = blocks ? whole : p->m;
        if (first == past) continue;
        Stmt *k = st_for(lower, LOOP_SERIAL, var_new(lower, "k", T_INDEX, false), from, to, blocks ? lanes : 1);
        turn_rows(lower, in, pack, k, count_loop(lower, "i", first, past, blocks ? lanes : 1), blocks);
    }
}

void lower_pack_rows(Lower *lower) {
    const Kernel *kernel = lower->kernel;
    Pack pack = {.p = product_of(lower)};
    Product *p = &pack.p;
    int order[MAX_AXES], outer = 0;
    int64_t full = p->k / lower->lane_count * lower->lane_count, unit = p->m * p->a_row;
    for (int loop = 0; loop < lower->axes.count; loop++)
        if (role_around(kernel->role[loop]) && stride_at(lower, &p->a, loop) != 0) order[outer++] = loop;
    pack.from = array_of(lower, p->a_buffer, p->a.offset, false);
    pack.to = array_of(lower, kernel->packed_a, 0, true);
    int64_t steps = steps_of(lower, p), groups = (p->k + steps - 1) / steps;
    Nest nest = nest_open(lower, order, outer, groups, 1);
    Block *in = &nest.slices->body;
    for (int i = outer - 1; i >= 0; i--) {
        if (lower->loop[order[i]]) index_add(lower, &pack.base, lower->loop[order[i]], unit);
        unit *= lower->axes.extent[order[i]];
    }
    if (full > 0) turn_blocks(lower, in, &pack, &nest, full);
    if (full < p->k) {
        Expr *last[2] = {nest.number ? ex_var(lower, nest.number) : NULL, ex_int(lower, T_INDEX, groups - 1)};
        Stmt *only = nest.number ? st_if(lower, ex_apply(lower, T_MASK, "%0 == %1", 2, last)) : NULL;
        Stmt *k = count_loop(lower, "k", full, p->k, 1), *i = count_loop(lower, "i", 0, p->m, 1);
        turn_rows(lower, only ? &only->body : in, &pack, k, i, false);
        if (only) st_put(lower, in, only);
    }
    nest_close(lower, &nest);
}

void lower_pack(Lower *lower) {
    const Kernel *kernel = lower->kernel;
    Pack pack = {.p = product_of(lower)};
    Product *p = &pack.p;
    int order[MAX_AXES], outer = 0;
    for (int loop = 0; loop < lower->axes.count; loop++)
        if (role_around(kernel->role[loop]) && stride_at(lower, &p->b, loop) != 0) order[outer++] = loop;
    pack.from = array_of(lower, p->b_buffer, p->b.offset, false);
    pack.to = array_of(lower, kernel->packed, 0, true);
    Nest nest = nest_open(lower, order, outer, p->panels, 1);
    Block *in = &nest.slices->body;
    pack.panel = nest.number;
    int64_t unit = p->k * p->panel;
    if (pack.panel) {
        index_add(lower, &pack.base, pack.panel, unit);
    }
    unit *= p->panels;
    for (int i = outer - 1; i >= 0; i--) {
        if (lower->loop[order[i]]) index_add(lower, &pack.base, lower->loop[order[i]], unit);
        unit *= lower->axes.extent[order[i]];
    }
    int64_t last = p->n - (p->panels - 1) * p->panel;
    if (p->panels > 1) {
        Expr *full[2] = {ex_var(lower, pack.panel), ex_int(lower, T_INDEX, p->panels - 1)};
        Expr *at[2] = {ex_var(lower, pack.panel), ex_int(lower, T_INDEX, p->panel)};
        Stmt *only = last == p->panel ? NULL : st_if(lower, ex_apply(lower, T_MASK, "%0 < %1", 2, full));
        Block *whole = only ? &only->body : in;
        lower->loop[p->n_loop] = st_let(lower, whole, "j", ex_apply(lower, T_INDEX, "%0 * %1", 2, at));
        copy_panel(lower, whole, &pack, p->panel);
        lower->loop[p->n_loop] = NULL;
        pack.start = (p->panels - 1) * p->panel;
        if (only) {
            st_put(lower, in, only);
            only = st_if(lower, ex_apply(lower, T_MASK, "%0 == %1", 2, full));
            copy_panel(lower, &only->body, &pack, last);
            st_put(lower, in, only);
        }
    } else {
        copy_panel(lower, in, &pack, last);
    }
    nest_close(lower, &nest);
}
