/* attend_back.c: the skeleton of attention backward. The probabilities are computed again from Q, K and the saved
 * log-sum-exp; blocks of keys outside, blocks of queries inside, everything in a fixed order.
 *
 *     for s in slices { dQ = 0
 *         for key by 64 { kt, vt = blocks of keys and values, transposed;  dk = dv = 0
 *             for query by 64 { q = a block of queries, scaled;  g = of the cotangent
 *                 p = q @ kt;  ds = g @ vt
 *                 for r in rows { p[r] = exp(p[r] - L);  ds[r] = p[r] * (D(ds[r]) - rowsum(G * O));  p[r] = D(p[r]) }
 *                 dv += p.T @ g;  dk += ds.T @ q;  dQ += ds @ k }
 *             store dk, dv } }
 *
 * With dQ a slice is a whole head. Without, a slice is a block of keys; and dQ alone has the loops the other way round,
 * a slice for each block of queries. Pairs of blocks that the mask keeps apart are left out; slices with the most of
 * them left come first.
 */
#include "loop/attend.h"

typedef struct Backward {
    Attend a;
    bool scores; /* dS is needed, not only P */
    Block2 q, g, k, kt, vt, p, ds, dq, dk, dv;
    Var *row;
    Expr *lse, *delta;
} Backward;

enum { OPERAND_Q, OPERAND_K, OPERAND_V, OPERAND_LSE, OPERAND_DELTA, OPERAND_G };

/* ---- a block of queries against a block of keys ---- */

static void score_back(Lower *lower, Block *in, const Attend *a, Index at, void *with) {
    Backward *b = with;
    Expr *score = attend_allowed(lower, a, attend_load(lower, a, b->p, b->row, at));
    Expr *low = ex_two(lower, "%0 - %1", score, b->lse);
    Var *share = st_let(lower, in, "share", ex_apply(lower, T_REAL, "tg_exp(%0)", 1, &low));
    if (b->scores) {
        Expr *d_share = attend_dropped(lower, a, attend_load(lower, a, b->ds, b->row, at));
        Expr *change = ex_two(lower, "%0 * %1", ex_var(lower, share), ex_two(lower, "%0 - %1", d_share, b->delta));
        attend_put(lower, in, a, b->ds, b->row, at, change);
    }
    if (a->dv) attend_put(lower, in, a, b->p, b->row, at, attend_dropped(lower, a, ex_var(lower, share)));
}

static Expr *of_row(Lower *lower, const Attend *a, int index) {
    Access access = attend_access(lower->kernel, a->root, index);
    return value_at(lower, a->root->operand[index], &access);
}

static void scores_back(Lower *lower, Block *in, Backward *b) {
    const Attend *a = &b->a;
    BlockProduct scores = {.what = "scores p = q @ k.T", .a = b->q, .b = b->kt, .c = b->p};
    scores.rows = a->queries.size, scores.columns = a->keys.size;
    scores.k_to = ex_int(lower, T_INDEX, a->width.count);
    attend_product(lower, in, &scores);
    if (b->scores) {
        BlockProduct shares = {.what = "ds = g @ v.T", .a = b->g, .b = b->vt, .c = b->ds};
        shares.rows = a->queries.size, shares.columns = a->keys.size;
        shares.k_to = ex_int(lower, T_INDEX, a->values.count);
        attend_product(lower, in, &shares);
    }
    st_comment(lower, in, "p = exp(p - lse)%s%s", b->scores ? ", ds = p * (ds - row_sum)" : "",
               a->parts.kept ? ", both dropped out" : "");
    Stmt *rows = attend_row(lower, in, &a->queries);
    b->row = rows->var;
    b->lse = of_row(lower, a, OPERAND_LSE);
    if (b->scores) b->delta = of_row(lower, a, OPERAND_DELTA);
    attend_scores(lower, &rows->body, a, score_back, b);
    attend_row_end(lower, in, &a->queries, rows);
}

/* dv += p.T @ g and dk += ds.T @ q; alone they are set. */
static void add_to_keys(Lower *lower, Block *in, Backward *b) {
    const Attend *a = &b->a;
    bool adds = a->queries.number > 1;
    BlockProduct value = {.what = adds ? "dv += p.T @ g" : "dv = p.T @ g", .a = b->p, .b = b->g, .c = b->dv};
    BlockProduct key = {.what = adds ? "dk += ds.T @ q" : "dk = ds.T @ q", .a = b->ds, .b = b->q, .c = b->dk};
    value.transpose_a = key.transpose_a = true;
    value.adds = key.adds = adds;
    value.rows = key.rows = a->keys.size;
    value.k_to = key.k_to = a->queries.there;
    value.columns = a->values.padded;
    key.columns = a->width.padded;
    if (a->dv) attend_product(lower, in, &value);
    if (a->dk) attend_product(lower, in, &key);
}

static void query_product(Lower *lower, Block *in, Backward *b, bool adds) {
    const Attend *a = &b->a;
    BlockProduct query = {.what = adds ? "dq += ds @ k" : "dq = ds @ k", .a = b->ds, .b = b->k, .c = b->dq};
    query.adds = adds;
    query.rows = a->queries.size, query.columns = a->width.padded;
    query.k_to = a->keys.there;
    attend_product(lower, in, &query);
}

static void store_rows(Lower *lower, Block *in, Node *node, const Blocks *rows, const Columns *columns, Block2 from,
                       bool adds) {
    Stmt *loop = attend_row(lower, in, rows);
    attend_store_row(lower, &loop->body, node, columns, from, loop->var, NULL, adds);
    attend_row_end(lower, in, rows, loop);
}

/* ---- blocks ---- */

static void query_operands(Lower *lower, Block *in, const Backward *b) {
    const Attend *a = &b->a;
    attend_copy(lower, in, a, OPERAND_Q, &a->queries, &a->width, b->q, a->root->attr.value);
    attend_copy(lower, in, a, OPERAND_G, &a->queries, &a->values, b->g, 1);
}

static void key_operands(Lower *lower, Block *in, const Backward *b) {
    const Attend *a = &b->a;
    attend_copy_transposed(lower, in, a, OPERAND_K, &a->keys, &a->width, b->kt);
    if (b->scores) attend_copy_transposed(lower, in, a, OPERAND_V, &a->keys, &a->values, b->vt);
    if (a->dq) attend_copy(lower, in, a, OPERAND_K, &a->keys, &a->width, b->k, a->root->attr.value);
}

typedef void BlockBody(Lower *lower, Block *in, Backward *b);

/* The body for each block from `from` up to `to`, or once for the only one. */
static void each_block(Lower *lower, Block *in, Backward *b, Blocks *blocks, const char *name, Expr *from, Expr *to,
                       BlockBody *body) {
    if (blocks->number == 1) {
        attend_block(lower, in, blocks, NULL);
        body(lower, in, b);
        return;
    }
    Stmt *loop = st_for(lower, LOOP_SERIAL, var_new(lower, name, T_INDEX, false), from, to, blocks->size);
    attend_block(lower, &loop->body, blocks, loop->var);
    body(lower, &loop->body, b);
    st_put(lower, in, loop);
}

static void queries_of_keys(Lower *lower, Block *in, Backward *b) {
    const Attend *a = &b->a;
    bool alone = a->keys.number == 1;
    query_operands(lower, in, b);
    scores_back(lower, in, b);
    add_to_keys(lower, in, b);
    if (!a->dq) return;
    query_product(lower, in, b, false);
    store_rows(lower, in, a->dq, &a->queries, &a->width, b->dq, !alone);
}

static void keys_and_their_queries(Lower *lower, Block *in, Backward *b) {
    Attend *a = &b->a;
    key_operands(lower, in, b);
    if (a->dk && a->queries.number > 1) attend_clear(lower, in, b->dk);
    if (a->dv && a->queries.number > 1) attend_clear(lower, in, b->dv);
    Expr *from = attend_first_query(lower, in, a), *to = ex_int(lower, T_INDEX, a->queries.count);
    each_block(lower, in, b, &a->queries, "query", from, to, queries_of_keys);
    if (a->dk) store_rows(lower, in, a->dk, &a->keys, &a->width, b->dk, false);
    if (a->dv) store_rows(lower, in, a->dv, &a->keys, &a->values, b->dv, false);
}

static void keys_of_queries(Lower *lower, Block *in, Backward *b) {
    key_operands(lower, in, b);
    scores_back(lower, in, b);
    query_product(lower, in, b, b->a.keys.number > 1);
}

/* ---- the kernel ---- */

static void make_arrays(Lower *lower, Block *in, Backward *b) {
    const Attend *a = &b->a;
    int64_t queries = a->queries.size, keys = a->keys.size;
    b->q = attend_array(lower, in, "q_block", queries, a->width.padded);
    b->g = attend_array(lower, in, "g_block", queries, a->values.padded);
    b->kt = attend_array(lower, in, "k_columns", a->width.count, keys);
    b->p = attend_array(lower, in, "p", queries, keys);
    if (b->scores) b->vt = attend_array(lower, in, "v_columns", a->values.count, keys);
    if (b->scores) b->ds = attend_array(lower, in, "ds", queries, keys);
    if (a->dq) b->k = attend_array(lower, in, "k_block", keys, a->width.padded);
    if (a->dq) b->dq = attend_array(lower, in, "dq_block", queries, a->width.padded);
    if (a->dk) b->dk = attend_array(lower, in, "dk_block", keys, a->width.padded);
    if (a->dv) b->dv = attend_array(lower, in, "dv_block", keys, a->values.padded);
}

void lower_attend_backward(Lower *lower, Attend given) {
    Backward b = {.a = given, .scores = given.dq || given.dk};
    Attend *a = &b.a;
    int order[MAX_AXES], outer = 0;
    bool by_keys = a->dk || a->dv, whole = by_keys && a->dq;
    for (int loop = 0; loop < a->queries.loop; loop++) order[outer++] = loop;
    Nest nest = nest_open(lower, order, outer, whole ? 1 : by_keys ? a->keys.number : a->queries.number, 1);
    Block *in = &nest.slices->body;
    make_arrays(lower, in, &b);
    if (whole) {
        if (a->keys.number > 1) attend_store_zeros(lower, in, a->dq, &a->queries, &a->width);
        each_block(lower, in, &b, &a->keys, "key", NULL, ex_int(lower, T_INDEX, a->keys.count), keys_and_their_queries);
    } else if (by_keys) {
        attend_block(lower, in, &a->keys, attend_slice(lower, in, &nest, &a->keys, "key", false));
        keys_and_their_queries(lower, in, &b);
    } else {
        attend_block(lower, in, &a->queries, attend_slice(lower, in, &nest, &a->queries, "query", a->skips));
        query_operands(lower, in, &b);
        if (a->keys.number > 1) attend_clear(lower, in, b.dq);
        each_block(lower, in, &b, &a->keys, "key", NULL, attend_last_key(lower, in, a), keys_of_queries);
        store_rows(lower, in, a->dq, &a->queries, &a->width, b.dq, false);
    }
    nest_close(lower, &nest);
}
