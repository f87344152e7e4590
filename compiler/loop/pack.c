/* pack.c: copies the right operand of a product into panels, [batch][N/NR][K][NR] with zeros past the last column, so
 * that the product's inner loop reads one stream of vectors.
 *
 *     for panel in slices { for k { P[panel, k, 0 … NR] = B[k, j … j+NR] } }
 *
 * Where a row of B runs along k (a product by the transpose), blocks of LANES x LANES are transposed in registers.
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

static void pad_columns(Lower *lower, Block *in, const Pack *pack, Var *k, int64_t width) {
    if (width == pack->p.panel) return;
    Stmt *loop = count_loop(lower, "c", width, pack->p.panel, 1);
    st_store(lower, &loop->body, pack->to, target(lower, pack, k, 0, loop->var, 0), ex_real(lower, 0), NULL);
    st_put(lower, in, loop);
}

/* Columns lie side by side: whole vectors, the last one in part (a part load gives zeros beyond it). */
static void copy_rows(Lower *lower, Block *in, const Pack *pack, int64_t width) {
    Stmt *rows = count_loop(lower, "k", 0, pack->p.k, 1);
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

/* One element at a time: columns [first, width) of rows [from, k), with the zeros behind them if it `pads`. */
static void copy_singly(Lower *lower, Block *in, const Pack *pack, int64_t from, int64_t first, int64_t width,
                        bool pads) {
    if (from >= pack->p.k || first >= width) return;
    Stmt *rows = count_loop(lower, "k", from, pack->p.k, 1), *columns = count_loop(lower, "c", first, width, 1);
    Expr *value = ex_load(lower, pack->from, source(lower, pack, rows->var, 0, columns->var, 0), false, NULL);
    st_store(lower, &columns->body, pack->to, target(lower, pack, rows->var, 0, columns->var, 0), value, NULL);
    st_put(lower, &rows->body, columns);
    if (pads) pad_columns(lower, &rows->body, pack, rows->var, width);
    st_put(lower, in, rows);
}

/* Rows run along k: blocks of LANES columns and LANES rows change places. */
static void copy_blocks(Lower *lower, Block *in, const Pack *pack, int64_t width) {
    const Product *p = &pack->p;
    int64_t lanes = lower->lane_count, k_full = p->k / lanes * lanes, full = width / lanes * lanes;
    if (k_full > 0 && full > 0) {
        Stmt *columns = count_loop(lower, "c", 0, full, lanes), *rows = count_loop(lower, "k", 0, k_full, lanes);
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
    copy_singly(lower, in, pack, k_full, 0, full, false);
    copy_singly(lower, in, pack, 0, full, width, false);
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
        copy_singly(lower, in, pack, 0, 0, width, true);
    if (width == p->panel || !blocks) return;
    Stmt *rows = count_loop(lower, "k", 0, p->k, 1);
    pad_columns(lower, &rows->body, pack, rows->var, width);
    st_put(lower, in, rows);
}

/* ---- A, transposed: panels of mr rows, [M/mr][K][mr], the last one narrower ---- */

enum { ROWS_AT_ONCE = 64 }; /* elements of a row of memory that are read side by side */

/* One panel of `rows` rows from row `first` on (of the panel var, or alone), at step k. */
static void copy_row_panel(Lower *lower, Block *in, const Pack *pack, Var *k, Var *first, int64_t shift, int rows) {
    const Product *p = &pack->p;
    int lanes = lower->lane_count;
    lower->loop[p->k_loop] = k;
    for (int r = 0; r < rows; r += lanes) {
        lower->loop[p->m_loop] = first;
        lower->shift[p->m_loop] = shift + r;
        Index from = index_in_buffer(lower, &p->a), to = {.constant = pack->base.constant + shift * p->k + r};
        for (int i = 0; i < pack->base.terms.count; i++)
            index_add(lower, &to, pack->base.terms.at[i].var, pack->base.terms.at[i].scale);
        if (first) index_add(lower, &to, first, p->k);
        index_add(lower, &to, k, rows);
        Expr *part = rows - r < lanes ? ex_int(lower, T_INDEX, rows - r) : NULL;
        st_store(lower, in, pack->to, to, ex_load(lower, pack->from, from, true, part), part);
    }
    lower->loop[p->k_loop] = lower->loop[p->m_loop] = NULL;
    lower->shift[p->m_loop] = 0;
}

void lower_pack_rows(Lower *lower) {
    const Kernel *kernel = lower->kernel;
    Pack pack = {.p = product_of(lower)};
    Product *p = &pack.p;
    int order[MAX_AXES], outer = 0, mr = kernel->tile.mr, rest = (int)(p->m % mr);
    int64_t full = p->m - rest, group = (ROWS_AT_ONCE + mr - 1) / mr * mr, unit = p->m * p->k;
    for (int loop = 0; loop < lower->axes.count; loop++)
        if (kernel->role[loop] == ROLE_FREE && stride_at(lower, &p->a, loop) != 0) order[outer++] = loop;
    pack.from = array_of(lower, p->a_buffer, p->a.offset, false);
    pack.to = array_of(lower, kernel->packed_a, 0, true);
    int64_t groups = (p->m + group - 1) / group;
    Nest nest = nest_open(lower, order, outer, groups, 1);
    Block *in = &nest.slices->body;
    for (int i = outer - 1; i >= 0; i--) {
        if (lower->loop[order[i]]) index_add(lower, &pack.base, lower->loop[order[i]], unit);
        unit *= lower->axes.extent[order[i]];
    }
    Expr *from = ex_int(lower, T_INDEX, 0), *to = ex_int(lower, T_INDEX, full);
    if (nest.number) {
        Expr *start[2] = {ex_var(lower, nest.number), ex_int(lower, T_INDEX, group)};
        from = ex_var(lower, st_let(lower, in, "from", ex_apply(lower, T_INDEX, "%0 * %1", 2, start)));
        Expr *sum[2] = {from, ex_int(lower, T_INDEX, group)};
        Expr *end = ex_apply(lower, T_INDEX, "%0 + %1", 2, sum);
        Expr *choice[4] = {from, ex_int(lower, T_INDEX, full - group), end, to};
        if (groups * group > full) end = ex_apply(lower, T_INDEX, "%0 < %1 ? %2 : %3", 4, choice);
        to = ex_var(lower, st_let(lower, in, "to", end));
    }
    Stmt *steps = count_loop(lower, "k", 0, p->k, 1);
    Stmt *tiles = st_for(lower, LOOP_SERIAL, var_new(lower, "i", T_INDEX, false), from, to, mr);
    copy_row_panel(lower, &tiles->body, &pack, steps->var, tiles->var, 0, mr);
    st_put(lower, &steps->body, tiles);
    if (rest) {
        Expr *last[2] = {nest.number ? ex_var(lower, nest.number) : NULL, ex_int(lower, T_INDEX, groups - 1)};
        Stmt *only = nest.number ? st_if(lower, ex_apply(lower, T_MASK, "%0 == %1", 2, last)) : NULL;
        copy_row_panel(lower, only ? &only->body : &steps->body, &pack, steps->var, NULL, full, rest);
        if (only) st_put(lower, &steps->body, only);
    }
    st_put(lower, in, steps);
    nest_close(lower, &nest);
}

void lower_pack(Lower *lower) {
    const Kernel *kernel = lower->kernel;
    Pack pack = {.p = product_of(lower)};
    Product *p = &pack.p;
    int order[MAX_AXES], outer = 0;
    for (int loop = 0; loop < lower->axes.count; loop++)
        if (kernel->role[loop] == ROLE_FREE && stride_at(lower, &p->b, loop) != 0) order[outer++] = loop;
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
