/* contract.c: the skeleton of products: row blocks x column panels parallel, k folded in registers, an epilogue on the
 * accumulators.
 *
 *     for s in slices { for i by mr { c00 … = 0; for k { b0 = B[k, j]; a0 = A[i, k]; c00 += a0 * b0 … }
 *                                     store gelu(c + bias) } }
 *
 * Accumulators are named vectors. The whole of k is folded in registers, or, where a panel of B would not stay in the
 * cache, in blocks between which they wait in an array. A is read in place and B in place, from a panel that the slice
 * copies for its rows, or from panels (pack.c). A product with nothing but itself to store writes from the
 * accumulators; with an epilogue, or where the last panel is not full, they go through a small array and the epilogue
 * runs over that.
 *
 * Sums of columns go with it (contract_sums.c).
 */
#include "loop/loop.h"
#include "loop/contract.h"

static void store_sums(Lower *lower, Block *in, Contract *c, int rows) {
    const Product *p = &c->p;
    Node *root = lower->kernel->root;
    Access own = kernel_access(lower->kernel, root);
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < p->nv; v++) {
            lower->shift[p->m_loop] += r;
            lower->shift[p->n_loop] += (int64_t)v * lower->lane_count;
            value_store(lower, in, root, &own, ex_var(lower, c->sums[r][v]));
            lower->shift[p->m_loop] -= r;
            lower->shift[p->n_loop] -= (int64_t)v * lower->lane_count;
        }
}

/* ---- the epilogue over the array of accumulators ---- */

static void finish_column(Lower *lower, Block *in, const Contract *c, Expr *column) {
    const Kernel *kernel = lower->kernel;
    Access own = kernel_access(kernel, kernel->root);
    Index index = contract_in_panel(lower, column);
    index_add(lower, &index, c->row, c->p.panel);
    Expr *sum = ex_load(lower, c->tile, index, c->lanes, NULL);
    const char *name = kernel->root->name ? kernel->root->name : "product";
    Var *product = st_let(lower, in, name, sum);
    value_called(lower, kernel->root, product);
    sum = ex_var(lower, product);
    sum->depth = lower->axes.count;
    value_bind(lower, kernel->root, &own, sum);
    contract_bind_right(lower, c, column);
    for (int i = 0; i < kernel->nodes.count; i++) {
        Node *node = kernel->nodes.at[i];
        if (c->totals[i])
            contract_add(lower, in, c, i, column);
        else if (kernel_stores(kernel, node))
            value_store(lower, in, node, &own, value_at(lower, node, &own));
    }
    value_forget(lower, c->p.n_loop);
}

/* Columns [start, start + width) of the tile, whole vectors and then the part of one; start NULL is `shift`. */
static void columns(Lower *lower, Block *in, Contract *c, Var *start, int64_t shift, int64_t width) {
    const Product *p = &c->p;
    int64_t lanes = c->lanes ? lower->lane_count : 1, rest = width % lanes, whole = width - rest;
    lower->lane_axis = c->lanes ? p->n_loop : -1;
    lower->shift[p->n_loop] = shift;
    if (whole > 0) {
        Var *within = var_new(lower, "c", T_INDEX, false);
        LoopKind kind = c->lanes ? LOOP_LANES : LOOP_SERIAL;
        Stmt *loop = st_for(lower, kind, within, NULL, ex_int(lower, T_INDEX, whole), lanes);
        set_blocks(lower, p->n_loop + 1, &loop->body);
        lower->loop[p->n_loop] = start ? contract_column(lower, &loop->body, start, within) : within;
        c->at_column(lower, &loop->body, c, ex_var(lower, within));
        st_put(lower, in, loop);
    }
    if (rest) {
        set_blocks(lower, p->n_loop + 1, in);
        lower->loop[p->n_loop] = start;
        lower->shift[p->n_loop] += whole;
        lower->part = ex_int(lower, T_INDEX, rest);
        c->at_column(lower, in, c, ex_int(lower, T_INDEX, whole));
        lower->part = NULL;
    }
    lower->shift[p->n_loop] = 0;
    lower->lane_axis = p->n_loop;
    set_blocks(lower, p->n_loop + 1, in);
}

void contract_columns(Lower *lower, Block *in, Contract *c) {
    const Product *p = &c->p;
    int64_t last = p->n - (p->panels - 1) * p->panel;
    Var *start = lower->loop[p->n_loop];
    if (p->panels == 1 || last == p->panel) {
        columns(lower, in, c, start, 0, p->panels == 1 ? last : p->panel);
    } else {
        Expr *which[2] = {ex_var(lower, c->panel), ex_int(lower, T_INDEX, p->panels - 1)};
        Stmt *full = st_if(lower, ex_apply(lower, T_MASK, "%0 < %1", 2, which));
        Var *j = contract_digit(lower, &full->body, "j", c->panel, "%0 * %1", p->panel);
        columns(lower, &full->body, c, j, 0, p->panel);
        st_put(lower, in, full);
        Stmt *part = st_if(lower, ex_apply(lower, T_MASK, "%0 == %1", 2, which));
        columns(lower, &part->body, c, NULL, (p->panels - 1) * p->panel, last);
        st_put(lower, in, part);
    }
    lower->loop[p->n_loop] = start;
}

/* Element (r, v) of the tile whose first row is `local` in the array (NULL: `shift`). */
static Index tile_index(Lower *lower, const Contract *c, Var *local, int64_t shift, int r, int v) {
    Index index = index_of(lower, (shift + r) * c->p.panel + (int64_t)v * lower->lane_count);
    if (local) index_add(lower, &index, local, c->p.panel);
    return index;
}

static void wait_sums(Lower *lower, Block *in, const Contract *c, Var *local, int64_t shift, int rows) {
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < c->p.nv; v++)
            st_store(lower, in, c->tile, tile_index(lower, c, local, shift, r, v), ex_var(lower, c->sums[r][v]), NULL);
}

/* The epilogue of `rows` rows from the one at which m_loop stands. */
static void epilogue(Lower *lower, Block *in, Contract *c, int rows) {
    const Product *p = &c->p;
    Var *first = lower->loop[p->m_loop];
    Var *row = var_new(lower, "r", T_INDEX, false);
    Stmt *loop = st_for(lower, LOOP_SERIAL, row, NULL, ex_int(lower, T_INDEX, rows), 1);
    Index index = index_of(lower, lower->shift[p->m_loop]);
    if (first) index_add(lower, &index, first, 1);
    index_add(lower, &index, row, 1);
    int64_t shift = lower->shift[p->m_loop];
    c->row = row;
    lower->loop[p->m_loop] =
        first || shift ? st_let(lower, &loop->body, "row", ex_index(lower, index, T_INDEX, false)) : row;
    lower->shift[p->m_loop] = 0;
    set_blocks(lower, p->m_loop + 1, &loop->body);
    contract_columns(lower, &loop->body, c);
    value_forget(lower, p->m_loop);
    lower->loop[p->m_loop] = first;
    lower->shift[p->m_loop] = shift;
    set_blocks(lower, p->m_loop + 1, in);
    st_put(lower, in, loop);
}

/* One tile of `rows` rows at the row that m_loop stands at. */
static void tile_body(Lower *lower, Block *in, Contract *c, int rows) {
    set_blocks(lower, c->p.m_loop + 1, in);
    st_comment(lower, in, "c<row><vector>: a tile of %d x %d elements", rows, (int)c->p.panel);
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < c->p.nv; v++)
            c->sums[r][v] =
                st_var(lower, in, arena_printf(lower->arena, "c%d%d", r, v), ex_lanes(lower, ex_real(lower, 0)));
    contract_fold(lower, in, c, rows, NULL, ex_int(lower, T_INDEX, c->p.k), c->p.k);
    if (c->tile) {
        wait_sums(lower, in, c, NULL, 0, rows);
        epilogue(lower, in, c, rows);
    } else {
        store_sums(lower, in, c, rows);
    }
}

/* The slice's panel of B, for the steps of k that are next. The last panel, where it is not full, has a text of its
 * own.
 */
static void fill_panel(Lower *lower, Block *in, const Contract *c) {
    const Product *p = &c->p;
    int64_t last = p->n - (p->panels - 1) * p->panel;
    Var *from = c->k_from ? c->k_from->var : NULL, *j = lower->loop[p->n_loop];
    if (!c->b_panel) return;
    if (p->panels == 1 || last == p->panel) {
        pack_panel(lower, in, c->b_panel, j, 0, last, from, c->k_to);
        return;
    }
    Expr *which[2] = {ex_var(lower, c->panel), ex_int(lower, T_INDEX, p->panels - 1)};
    Stmt *full = st_if(lower, ex_apply(lower, T_MASK, "%0 < %1", 2, which));
    pack_panel(lower, &full->body, c->b_panel, j, 0, p->panel, from, c->k_to);
    st_put(lower, in, full);
    Stmt *part = st_if(lower, ex_apply(lower, T_MASK, "%0 == %1", 2, which));
    pack_panel(lower, &part->body, c->b_panel, NULL, (p->panels - 1) * p->panel, last, from, c->k_to);
    st_put(lower, in, part);
}

static void full_tiles(Lower *lower, Block *in, Contract *c) {
    const Product *p = &c->p;
    const Tile *tile = &lower->kernel->tile;
    int64_t full = p->m / tile->mr * tile->mr;
    Expr *from = ex_int(lower, T_INDEX, 0), *to = ex_int(lower, T_INDEX, full);
    if (c->blocks > 1) {
        Expr *start[2] = {ex_var(lower, c->block), ex_int(lower, T_INDEX, tile->row_block)};
        from = ex_var(lower, st_let(lower, in, "from", ex_apply(lower, T_INDEX, "%0 * %1", 2, start)));
        to = ex_block_end(lower, from, tile->row_block, full, c->blocks * tile->row_block <= full);
        to = ex_var(lower, st_let(lower, in, "to", to));
    }
    if (full == 0) return;
    Var *i = var_new(lower, "i", T_INDEX, false);
    Stmt *loop = st_for(lower, LOOP_SERIAL, i, from, to, tile->mr);
    lower->loop[p->m_loop] = i;
    tile_body(lower, &loop->body, c, tile->mr);
    value_forget(lower, p->m_loop);
    lower->loop[p->m_loop] = NULL;
    st_put(lower, in, loop);
}

/* The rows left over, a tile of their own in the last block of rows. */
static void last_tile(Lower *lower, Block *in, Contract *c) {
    const Product *p = &c->p;
    int mr = lower->kernel->tile.mr, rest = (int)(p->m % mr);
    if (rest == 0) return;
    Stmt *whole = st_for(lower, LOOP_SERIAL, NULL, NULL, NULL, 1);
    whole->kind = ST_BLOCK;
    if (c->blocks > 1) {
        Expr *last[2] = {ex_var(lower, c->block), ex_int(lower, T_INDEX, c->blocks - 1)};
        whole = st_if(lower, ex_apply(lower, T_MASK, "%0 == %1", 2, last));
    }
    lower->loop[p->m_loop] = NULL;
    lower->shift[p->m_loop] = p->m - rest;
    tile_body(lower, &whole->body, c, rest);
    value_forget(lower, p->m_loop);
    lower->shift[p->m_loop] = 0;
    st_put(lower, in, whole);
}

/* ---- a long k in blocks: the accumulators of all the slice's rows wait in the array between two blocks ---- */

static void waiting_tile(Lower *lower, Block *in, Contract *c, Var *local, int64_t shift, int rows) {
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < c->p.nv; v++) {
            Expr *sum = ex_load(lower, c->tile, tile_index(lower, c, local, shift, r, v), true, NULL);
            c->sums[r][v] = st_var(lower, in, arena_printf(lower->arena, "c%d%d", r, v), sum);
        }
    contract_fold(lower, in, c, rows, c->k_from, c->k_to, lower->kernel->tile.k_block);
    wait_sums(lower, in, c, local, shift, rows);
}

/* min(from + row_block, all): the end of this slice's rows, of `all` rows in all */
static Expr *rows_end(Lower *lower, Block *in, const Contract *c, Var *from, int64_t all) {
    int64_t most = lower->kernel->tile.row_block;
    if (!from) return ex_int(lower, T_INDEX, all);
    Expr *end = ex_block_end(lower, ex_var(lower, from), most, all, c->blocks * most <= all);
    return ex_var(lower, st_let(lower, in, "to", end));
}

/* Where row i of the matrix stands in the slice's array. */
static Var *local_row(Lower *lower, Block *in, const Contract *c, Var *i) {
    return c->blocks > 1 ? contract_digit(lower, in, "row", i, "%0 % %1", lower->kernel->tile.row_block) : i;
}

static void clear_tile(Lower *lower, Block *in, const Contract *c) {
    Var *at = var_new(lower, "z", T_INDEX, false);
    Stmt *loop = st_for(lower, LOOP_LANES, at, NULL, ex_int(lower, T_INDEX, c->tile->count), lower->lane_count);
    Index index = index_of(lower, 0);
    index_add(lower, &index, at, 1);
    st_store(lower, &loop->body, c->tile, index, ex_lanes(lower, ex_real(lower, 0)), NULL);
    st_put(lower, in, loop);
}

static void waiting_rows(Lower *lower, Block *in, Contract *c, Var *from, Expr *to) {
    const Product *p = &c->p;
    const Tile *tile = &lower->kernel->tile;
    int rest = (int)(p->m % tile->mr);
    int64_t full = p->m - rest;
    if (full > 0) {
        Var *i = var_new(lower, "i", T_INDEX, false);
        Stmt *loop = st_for(lower, LOOP_SERIAL, i, from ? ex_var(lower, from) : NULL, to, tile->mr);
        lower->loop[p->m_loop] = i;
        waiting_tile(lower, &loop->body, c, local_row(lower, &loop->body, c, i), 0, tile->mr);
        st_put(lower, in, loop);
    }
    lower->loop[p->m_loop] = NULL;
    if (rest == 0) return;
    Stmt *only = NULL;
    if (c->blocks > 1) {
        Expr *last[2] = {ex_var(lower, c->block), ex_int(lower, T_INDEX, c->blocks - 1)};
        only = st_if(lower, ex_apply(lower, T_MASK, "%0 == %1", 2, last));
    }
    lower->shift[p->m_loop] = full;
    waiting_tile(lower, only ? &only->body : in, c, NULL, full - (c->blocks - 1) * tile->row_block, rest);
    lower->shift[p->m_loop] = 0;
    if (only) st_put(lower, in, only);
}

/* The epilogue of all the slice's rows, once every block of k has been added. */
static void finish_rows(Lower *lower, Block *in, Contract *c, Var *from, Expr *to) {
    const Product *p = &c->p;
    Var *i = var_new(lower, "i", T_INDEX, false);
    Stmt *loop = st_for(lower, LOOP_SERIAL, i, from ? ex_var(lower, from) : NULL, to, 1);
    c->row = local_row(lower, &loop->body, c, i);
    lower->loop[p->m_loop] = i;
    set_blocks(lower, p->m_loop + 1, &loop->body);
    contract_columns(lower, &loop->body, c);
    value_forget(lower, p->m_loop);
    lower->loop[p->m_loop] = NULL;
    set_blocks(lower, p->m_loop + 1, in);
    st_put(lower, in, loop);
}

static void blocked_tiles(Lower *lower, Block *in, Contract *c) {
    const Product *p = &c->p;
    const Tile *tile = &lower->kernel->tile;
    Var *from = c->blocks > 1 ? contract_digit(lower, in, "from", c->block, "%0 * %1", tile->row_block) : NULL;
    Expr *full_to = rows_end(lower, in, c, from, p->m / tile->mr * tile->mr);
    clear_tile(lower, in, c);
    Var *first = var_new(lower, "k_from", T_INDEX, false);
    Stmt *loop = st_for(lower, LOOP_SERIAL, first, NULL, ex_int(lower, T_INDEX, p->k), tile->k_block);
    c->k_from = ex_var(lower, first);
    Expr *past = ex_block_end(lower, c->k_from, tile->k_block, p->k, p->k % tile->k_block == 0);
    c->k_to = ex_var(lower, st_let(lower, &loop->body, "k_to", past));
    fill_panel(lower, &loop->body, c);
    contract_next_panel(lower, &loop->body, c);
    contract_add_right(lower, &loop->body, c);
    waiting_rows(lower, &loop->body, c, from, full_to);
    st_put(lower, in, loop);
    finish_rows(lower, in, c, from, p->m % tile->mr ? rows_end(lower, in, c, from, p->m) : full_to);
}

static void open_grid(Lower *lower, Contract *c) {
    const Product *p = &c->p;
    int order[MAX_AXES], outer = 0;
    c->blocks = (p->m + lower->kernel->tile.row_block - 1) / lower->kernel->tile.row_block;
    for (int loop = 0; loop < p->m_loop; loop++) order[outer++] = loop;
    c->nest = nest_open(lower, order, outer, p->panels * c->blocks, 1);
    Block *in = &c->nest.slices->body;
    Var *number = c->nest.number;
    bool by_rows = lower->kernel->tile.by_rows;
    if (p->panels > 1) c->panel = number;
    if (c->blocks > 1) c->block = number;
    if (c->panel && c->block) {
        int64_t inner = by_rows ? p->panels : c->blocks;
        c->panel = contract_digit(lower, in, "panel", number, by_rows ? "%0 % %1" : "%0 / %1", inner);
        c->block = contract_digit(lower, in, "block", number, by_rows ? "%0 / %1" : "%0 % %1", inner);
    }
    lower->loop[p->n_loop] = NULL;
    if (c->panel) lower->loop[p->n_loop] = contract_digit(lower, in, "j", c->panel, "%0 * %1", p->panel);
}

void lower_contract(Lower *lower) {
    const Kernel *kernel = lower->kernel;
    Contract c = {.p = product_of(lower)};
    open_grid(lower, &c);
    lower->lane_axis = c.p.n_loop;
    Block *in = &c.nest.slices->body;
    bool alone = kernel_stores(kernel, kernel->root) && c.p.n % c.p.panel == 0;
    for (int i = 0; i < kernel->outputs.count; i++) {
        const Node *node = kernel->outputs.at[i];
        alone = alone && (node == kernel->root || folds_right(kernel, node));
    }
    c.lanes = contract_fits_lanes(lower, &c);
    alone = alone && c.lanes;
    bool blocked = kernel->tile.k_block < c.p.k;
    int64_t rows = blocked ? kernel->tile.row_block : kernel->tile.mr;
    if (!alone || blocked) c.tile = st_array(lower, in, "tile", DT_FLOAT, rows * c.p.panel);
    if (kernel->tile.panel_word)
        c.b_panel = st_array(lower, in, kernel->tile.panel_word, DT_FLOAT, kernel->tile.k_block * c.p.panel);
    contract_totals(lower, in, &c);
    c.at_column = finish_column;
    if (blocked) {
        blocked_tiles(lower, in, &c);
    } else {
        contract_find_ahead(lower, &c);
        fill_panel(lower, in, &c);
        contract_next_panel(lower, in, &c);
        contract_add_right(lower, in, &c);
        full_tiles(lower, in, &c);
        last_tile(lower, in, &c);
    }
    contract_store_totals(lower, in, &c);
    nest_close(lower, &c.nest);
}
