/* contract_ahead.c: what a product asks memory for while it folds k, so that it is there when it is needed.
 *
 *     for r in the tile's rows { tg_prefetch(&W[row, …]) …; a part of k }
 *
 * A tile asks for the lines that its epilogue goes through, a weight and its moments, a mask or a residual. A slice
 * that makes its own panel of B asks for the lines of the panel that it makes next, a share of them with each of its
 * rows: the next block of k, or the first one of the next panel, which the pool mostly gives to the same thread.
 * Such lines lie apart by a row of B, so that no processor foresees them, and a core can wait for so few at a time that
 * making the panel would take several times as long as reading it in a row. */
#include "loop/contract.h"

enum {
    LINE_BYTES = 64, /* of a cache */
    LEAST_K = 128,   /* steps of k: with fewer, asking takes longer than it saves */
    LEAST_ROWS = 64  /* of a slice: with fewer, its products end before the lines are there */
};

static int64_t line_of(const Lower *lower) {
    return (int64_t)LINE_BYTES * lower->lane_count / lower->machine->vector_bytes;
}

/* ---- lines that the epilogue reads and writes ---- */

/* Notes a tensor that the epilogue goes through as it goes through the result: row by row, side by side. */
static void add_ahead(Lower *lower, Contract *c, const Node *node, const Access *access) {
    Buffer *buffer = lower->schedule->place[node->id].buffer;
    bool by_rows = false;
    if (node->dtype != DT_FLOAT || access->index || stride_at(lower, access, c->p.n_loop) != 1) return;
    for (int loop = 0; loop < lower->axes.count; loop++)
        by_rows = by_rows || (lower->kernel->role[loop] == ROLE_M && stride_at(lower, access, loop));
    for (int i = 0; i < c->ahead.count; i++)
        if (c->ahead.at[i].buffer == buffer && access_equal(&c->ahead.at[i].access, access, &lower->kernel->fine))
            return;
    if (by_rows) vec_push(lower->arena, &c->ahead, ((Ahead){buffer, *access}));
}

/* What lies in memory below an operand of a map. */
static void find_read(Lower *lower, Contract *c, Node *node, const Access *access) {
    const Schedule *schedule = lower->schedule;
    Access at = *access, below, in_buffer;
    Split split;
    for (node = schedule_alias(schedule, node); node->op->kind == OP_VIEW;
         node = schedule_alias(schedule, node->operand[0])) {
        if (node->operand_count == 2 || !access_through(node, &lower->kernel->fine, &at, &below, &split)) return;
        at = below;
    }
    if (kernel_computes(lower->kernel, node)) return;
    const Place *place = &schedule->place[node->id];
    if (place->buffer) {
        if (place_access(node, place, &lower->kernel->fine, &at, &in_buffer, &split))
            add_ahead(lower, c, node, &in_buffer);
        return;
    }
    for (int i = 0; node->op->kind == OP_MAP && i < node->operand_count; i++)
        find_read(lower, c, node->operand[i], &at);
}

void contract_find_ahead(Lower *lower, Contract *c) {
    const Kernel *kernel = lower->kernel;
    Access own = kernel_access(kernel, kernel->root), at;
    for (int i = 0; i < kernel->nodes.count; i++) {
        Node *node = kernel->nodes.at[i];
        for (int k = 0; node->op->kind == OP_MAP && k < node->operand_count; k++)
            find_read(lower, c, node->operand[k], &own);
        if (node->op->kind == OP_REDUCE || !kernel_stores(kernel, node) || value_goes_past_caches(lower, node))
            continue;
        schedule_reach(lower->schedule, &kernel->fine, node, &own, &at);
        add_ahead(lower, c, node, &at);
    }
    double bytes = (double)c->ahead.count * (double)kernel->points * lower->machine->vector_bytes / lower->lane_count;
    if (c->p.k < LEAST_K || bytes < lower->machine->l2_bytes) c->ahead.count = 0;
}

/* Asks for the lines of row `row` of the tile. */
static void ask_columns(Lower *lower, Block *in, const Contract *c, Var *row) {
    const Product *p = &c->p;
    Var *within = var_new(lower, "c", T_INDEX, false), *first_row = lower->loop[p->m_loop], *j = lower->loop[p->n_loop];
    int64_t line = line_of(lower);
    int64_t width = p->panels > 1 ? p->panel : p->n;
    Stmt *loop = st_for(lower, LOOP_SERIAL, within, NULL, ex_int(lower, T_INDEX, width), line);
    lower->loop[p->m_loop] = row;
    lower->loop[p->n_loop] = contract_column(lower, &loop->body, j, within);
    for (int i = 0; i < c->ahead.count; i++) {
        const Ahead *ahead = &c->ahead.at[i];
        Array *array = array_of(lower, ahead->buffer, ahead->access.offset, false);
        st_prefetch(lower, &loop->body, array, index_at(lower, &ahead->access));
    }
    lower->loop[p->m_loop] = first_row;
    lower->loop[p->n_loop] = j;
    st_put(lower, in, loop);
}

/* The last panel, where it is not full, does without. */
static void ask_row(Lower *lower, Block *in, const Contract *c, Var *row) {
    const Product *p = &c->p;
    if (p->panels == 1 || p->n % p->panel == 0) {
        ask_columns(lower, in, c, row);
        return;
    }
    Expr *which[2] = {ex_var(lower, c->panel), ex_int(lower, T_INDEX, p->panels - 1)};
    Stmt *full = st_if(lower, ex_apply(lower, T_MASK, "%0 < %1", 2, which));
    ask_columns(lower, &full->body, c, row);
    st_put(lower, in, full);
}

/* ---- lines of the panel that the slice makes next ---- */

/* Where columns run along k, processors foresee a panel's lines. */
static bool next_panel_pays(Lower *lower, const Contract *c) {
    const Product *p = &c->p;
    const Tile *tile = &lower->kernel->tile;
    int64_t bytes = p->b_buffer->count * lower->machine->vector_bytes / lower->lane_count;
    for (int loop = 0; loop < p->m_loop; loop++)
        if (lower->axes.extent[loop] > 1) return false; /* the slice after this one has another matrix */
    return c->b_panel && p->panels > 1 && stride_at(lower, &p->b, p->n_loop) == 1 && bytes > lower->machine->l2_bytes &&
           tile->k_block >= LEAST_K && tile->row_block >= LEAST_ROWS;
}

void contract_next_panel(Lower *lower, Block *in, Contract *c) {
    const Product *p = &c->p;
    if (!next_panel_pays(lower, c)) return;
    Var *here = lower->loop[p->n_loop];
    Index right = index_of(lower, p->panel);
    index_add(lower, &right, here, 1);
    Expr *j = ex_index(lower, right, T_INDEX, false);
    if (c->k_from) {
        Expr *more[4] = {c->k_to, ex_int(lower, T_INDEX, p->k), ex_var(lower, here), j};
        j = ex_apply(lower, T_INDEX, "%0 < %1 ? %2 : %3", 4, more);
        Expr *step[4] = {more[0], more[1], more[0], ex_int(lower, T_INDEX, 0)};
        c->next_k = st_let(lower, in, "next_k", ex_apply(lower, T_INDEX, "%0 < %1 ? %2 : %3", 4, step));
    }
    c->next_j = st_let(lower, in, "next_j", j);
}

/* The line of B at row `k` and `column` of the next panel. */
static void ask_line(Lower *lower, Block *in, const Contract *c, Var *k, Var *column) {
    const Product *p = &c->p;
    Var *k_before = lower->loop[p->k_loop], *j = lower->loop[p->n_loop];
    lower->loop[p->k_loop] = k;
    lower->loop[p->n_loop] = column;
    Index index = index_in_buffer(lower, &p->b);
    if (c->next_k) index_add(lower, &index, c->next_k, stride_at(lower, &p->b, p->k_loop));
    index_add(lower, &index, c->next_j, 1);
    lower->loop[p->k_loop] = k_before;
    lower->loop[p->n_loop] = j;
    Expr *place = ex_load(lower, array_of(lower, p->b_buffer, p->b.offset, false), index, false, NULL);
    st_call(lower, in, "tg_prefetch_l2(&%0)", 1, &place);
}

/* With row `row` of the result: a share of the panel's steps of k, as many as make all of them in the slice's rows. */
static void ask_panel(Lower *lower, Block *in, const Contract *c, Var *row) {
    const Product *p = &c->p;
    const Tile *tile = &lower->kernel->tile;
    int64_t rows = tile->row_block < p->m ? tile->row_block : p->m, share = (tile->k_block + rows - 1) / rows;
    if (c->blocks > 1) row = contract_digit(lower, in, "local", row, "%0 % %1", tile->row_block);
    Expr *first = ex_var(lower, contract_digit(lower, in, "first", row, "%0 * %1", share));
    bool whole = share * rows <= tile->k_block;
    Expr *past = ex_block_end(lower, first, share, tile->k_block, whole);
    if (!whole) past = ex_var(lower, st_let(lower, in, "past", past));
    Stmt *steps = st_for(lower, LOOP_SERIAL, var_new(lower, "k", T_INDEX, false), first, past, 1);
    Stmt *columns = st_for(lower, LOOP_SERIAL, var_new(lower, "c", T_INDEX, false), NULL,
                           ex_int(lower, T_INDEX, p->panel), line_of(lower));
    ask_line(lower, &columns->body, c, steps->var, columns->var);
    st_put(lower, &steps->body, columns);
    st_put(lower, in, steps);
}

bool contract_asks(const Contract *c) {
    return c->ahead.count > 0 || c->next_j;
}

void contract_ask(Lower *lower, Block *in, const Contract *c, Var *row) {
    if (c->ahead.count) {
        st_comment(lower, in, "what the epilogue reads and writes of this row comes from memory meanwhile");
        ask_row(lower, in, c, row);
    }
    if (c->next_j) {
        st_comment(lower, in, "this row's share of the lines of the next panel");
        ask_panel(lower, in, c, row);
    }
}
