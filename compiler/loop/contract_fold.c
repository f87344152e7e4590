/* contract_fold.c: the fold over k of a product's tile: where its elements of A and B lie, and the multiply-adds.
 *
 *     for k { b0 = B[k, j]; a0 = A[i, k]; c00 += a0 * b0 … }
 *
 * Where lines of memory are asked for meanwhile (contract_ahead.c), k is folded in as many parts as the tile has rows,
 * and before each part a row's share of them is asked for. */
#include "loop/contract.h"

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

/* k in [from, to), at most `steps` of them. Lines are asked for meanwhile, a row of the tile at a time, since all at
 * once would keep the operands' lines waiting. */
void contract_fold(Lower *lower, Block *in, Contract *c, int rows, Expr *from, Expr *to, int64_t steps) {
    const Product *p = &c->p;
    int64_t part = (steps + rows - 1) / rows, shift = lower->shift[p->m_loop];
    if (!contract_asks(c) || part * (rows - 1) >= steps) {
        contract_multiply_add(lower, in, c, rows, from, to);
        return;
    }
    Var *r = var_new(lower, "r", T_INDEX, false), *first = lower->loop[p->m_loop];
    Stmt *loop = st_for(lower, LOOP_SERIAL, r, NULL, ex_int(lower, T_INDEX, rows), 1);
    Index row = index_of(lower, shift);
    if (first) index_add(lower, &row, first, 1);
    index_add(lower, &row, r, 1);
    lower->shift[p->m_loop] = 0;
    contract_ask(lower, &loop->body, c, st_let(lower, &loop->body, "row", ex_index(lower, row, T_INDEX, false)));
    lower->shift[p->m_loop] = shift;
    Index start = index_of(lower, 0);
    if (from) index_add(lower, &start, from->var, 1);
    index_add(lower, &start, r, part);
    Expr *at = ex_var(lower, st_let(lower, &loop->body, "part_from", ex_index(lower, start, T_INDEX, false)));
    Expr *sum[2] = {at, ex_int(lower, T_INDEX, part)}, *last[2] = {to, sum[1]};
    Expr *before = from ? ex_apply(lower, T_INDEX, "%0 - %1", 2, last) : ex_int(lower, T_INDEX, steps - part);
    Expr *choice[4] = {at, before, ex_apply(lower, T_INDEX, "%0 + %1", 2, sum), to};
    bool even = steps % part == 0 && p->k % steps == 0;
    Expr *end = even ? choice[2] : ex_apply(lower, T_INDEX, "%0 < %1 ? %2 : %3", 4, choice);
    contract_multiply_add(lower, &loop->body, c, rows, at, ex_var(lower, st_let(lower, &loop->body, "part_to", end)));
    st_put(lower, in, loop);
}
