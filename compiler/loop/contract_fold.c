/* contract_fold.c: the fold over k of a product's tile: where its elements of A and B lie, the multiply-adds, and what
 * is asked for ahead.
 *
 *     for k { b0 = B[k, j]; a0 = A[i, k]; c00 += a0 * b0 … }
 *
 * Where the epilogue overwrites variables, a weight and its moments that come from memory, k is folded in as many parts
 * as the tile has rows, and before each part the lines of a row are asked for. */
#include "loop/contract.h"

enum {
    LINE_BYTES = 64, /* of a cache */
    LEAST_K = 128    /* steps of k: with fewer, asking takes longer than it saves */
};

Var *contract_digit(Lower *lower, Block *in, const char *name, Var *number, const char *format, int64_t by) {
    Expr *args[2] = {ex_var(lower, number), ex_int(lower, T_INDEX, by)};
    return st_let(lower, in, name, ex_apply(lower, T_INDEX, format, 2, args));
}

Var *contract_column(Lower *lower, Block *in, Var *start, Var *within) {
    Index index = index_of(lower, 0);
    if (start) index_add(lower, &index, start, 1);
    index_add(lower, &index, within, 1);
    return st_let(lower, in, "column", ex_index(lower, index, T_INDEX, false));
}

static Index at_row(Lower *lower, const Product *p, const Access *access, int row) {
    lower->shift[p->m_loop] += row;
    Index index = index_in_buffer(lower, access);
    lower->shift[p->m_loop] -= row;
    return index;
}

/* Which of the operands laid out one after the other, `unit` elements each, the loops around the product stand at. */
static void add_around(Lower *lower, Index *index, const Access *operand, int64_t unit) {
    for (int loop = lower->axes.count - 1; loop >= 0; loop--) {
        if (!role_around(lower->kernel->role[loop]) || stride_at(lower, operand, loop) == 0) continue;
        if (lower->loop[loop]) index_add(lower, index, lower->loop[loop], unit);
        unit *= lower->axes.extent[loop];
    }
}

/* A laid out by rows. */
static Index packed_row(Lower *lower, const Product *p, int row) {
    Index index = index_of(lower, (row + lower->shift[p->m_loop]) * p->a_row);
    if (lower->loop[p->m_loop]) index_add(lower, &index, lower->loop[p->m_loop], p->a_row);
    index_add(lower, &index, lower->loop[p->k_loop], 1);
    add_around(lower, &index, &p->a, p->m * p->a_row);
    return index;
}

static Index packed_index(Lower *lower, const Contract *c, int vector) {
    const Product *p = &c->p;
    Index index = index_of(lower, (int64_t)vector * lower->lane_count);
    if (c->b_panel) {
        index_add(lower, &index, lower->loop[p->k_loop], p->panel);
        if (c->k_from) index_add(lower, &index, c->k_from->var, -p->panel);
        return index;
    }
    int64_t unit = p->k * p->panel;
    index_add(lower, &index, lower->loop[p->k_loop], p->panel);
    if (c->panel) index_add(lower, &index, c->panel, unit);
    add_around(lower, &index, &p->b, unit * p->panels);
    return index;
}

static Index plain_index(Lower *lower, const Product *p, int vector) {
    lower->shift[p->n_loop] += (int64_t)vector * lower->lane_count;
    Index index = index_in_buffer(lower, &p->b);
    lower->shift[p->n_loop] -= (int64_t)vector * lower->lane_count;
    return index;
}

Expr *contract_right(Lower *lower, const Contract *c, int vector) {
    const Product *p = &c->p;
    Buffer *packed = lower->kernel->packed;
    Array *array = c->b_panel ? c->b_panel
                   : packed   ? array_of(lower, packed, 0, false)
                              : array_of(lower, p->b_buffer, p->b.offset, false);
    bool pack = lower->kernel->tile.pack_b;
    Index index = pack ? packed_index(lower, c, vector) : plain_index(lower, p, vector);
    return ex_load(lower, array, index, true, NULL);
}

void contract_multiply_add(Lower *lower, Block *in, Contract *c, int rows, Expr *from, Expr *to) {
    const Product *p = &c->p;
    const Kernel *kernel = lower->kernel;
    Var *k = var_new(lower, "k", T_INDEX, false);
    Stmt *loop = st_for(lower, LOOP_UNROLL, k, from, to, 1);
    Block *body = &loop->body;
    Array *a_array = kernel->packed_a ? array_of(lower, kernel->packed_a, 0, false)
                                      : array_of(lower, p->a_buffer, p->a.offset, false);
    Expr *b[4];
    loop->plain = loop->often = true;
    lower->loop[p->k_loop] = k;
    for (int v = 0; v < p->nv; v++) {
        Var *vector = st_let(lower, body, arena_printf(lower->arena, "b%d", v), contract_right(lower, c, v));
        b[v] = ex_var(lower, vector);
    }
    for (int r = 0; r < rows; r++) {
        Index index = kernel->packed_a ? packed_row(lower, p, r) : at_row(lower, p, &p->a, r);
        Expr *one = ex_load(lower, a_array, index, false, NULL);
        Expr *a = ex_var(lower, st_let(lower, body, arena_printf(lower->arena, "a%d", r), one));
        for (int v = 0; v < p->nv; v++) {
            Expr *args[3] = {ex_var(lower, c->sums[r][v]), a, b[v]};
            st_set(lower, body, c->sums[r][v], ex_apply(lower, T_REAL, "%0 + %1 * %2", 3, args));
        }
    }
    lower->loop[p->k_loop] = NULL;
    st_put(lower, in, loop);
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
    int64_t line = (int64_t)LINE_BYTES * lower->lane_count / lower->machine->vector_bytes;
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

/* All of k. The lines that the epilogue reads and writes are asked for meanwhile, a row of the tile at a time, since
 * all at once would keep the operands' lines waiting. */
void contract_fold(Lower *lower, Block *in, Contract *c, int rows) {
    const Product *p = &c->p;
    int64_t part = (p->k + rows - 1) / rows;
    if (!c->ahead.count || part * (rows - 1) >= p->k) {
        contract_multiply_add(lower, in, c, rows, NULL, ex_int(lower, T_INDEX, p->k));
        return;
    }
    Var *r = var_new(lower, "r", T_INDEX, false), *first = lower->loop[p->m_loop];
    Stmt *loop = st_for(lower, LOOP_SERIAL, r, NULL, ex_int(lower, T_INDEX, rows), 1);
    Index row = index_of(lower, lower->shift[p->m_loop]);
    int64_t shift = lower->shift[p->m_loop];
    if (first) index_add(lower, &row, first, 1);
    index_add(lower, &row, r, 1);
    lower->shift[p->m_loop] = 0;
    st_comment(lower, &loop->body, "what the epilogue reads and writes of this row comes from memory meanwhile");
    ask_row(lower, &loop->body, c, st_let(lower, &loop->body, "row", ex_index(lower, row, T_INDEX, false)));
    lower->shift[p->m_loop] = shift;
    Expr *from = ex_var(lower, contract_digit(lower, &loop->body, "k_from", r, "%0 * %1", part));
    Expr *choice[4] = {from, ex_int(lower, T_INDEX, p->k - part), NULL, ex_int(lower, T_INDEX, p->k)};
    Expr *sum[2] = {from, ex_int(lower, T_INDEX, part)};
    choice[2] = ex_apply(lower, T_INDEX, "%0 + %1", 2, sum);
    Expr *to = p->k % part ? ex_apply(lower, T_INDEX, "%0 < %1 ? %2 : %3", 4, choice) : choice[2];
    contract_multiply_add(lower, &loop->body, c, rows, from, ex_var(lower, st_let(lower, &loop->body, "k_to", to)));
    st_put(lower, in, loop);
}
