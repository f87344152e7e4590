/* attend.c: the skeleton of attention forward: batch, heads and blocks of queries parallel; blocks of keys in turn,
 * with a running maximum and sum for each row of scores; at the end the rows are divided by their sums.
 *
 *     for s in slices { q = a block of queries, scaled
 *         for key by 64 { kt = a block of keys, transposed;  p = q @ kt
 *             for r in rows { top' = max(top, max p[r]); shrink = exp(top - top'); p[r] = exp(p[r] - top')
 *                             total = total * shrink + sum p[r] }
 *             o = o * shrink + p @ v }
 *         store o / total, and top + log(total) where the backward pass wants it }
 *
 * (Milakov and Gimelshein 2018, "Online normalizer calculation for softmax"; Dao et al. 2022, FlashAttention.) No more
 * than a block of scores is kept. Blocks of keys that come after a block's last query are left out where the mask says
 * that no query sees what comes after it.
 */
#include "loop/attend.h"

/* Below every score that counts, and far enough above LOWEST that exp(LOWEST - LEAST_TOP) is 0: the maximum of a row
 * without allowed keys. */
static const double LEAST_TOP = LOWEST / 3, TINY = 1e-30;

typedef struct Forward {
    Attend a;
    Block2 q, kt, v, p, o, top, total, shrink;
    bool one; /* there is one block of keys: nothing runs on */
    Var *row, *top_now, *top_lanes, *total_lanes;
} Forward;

static Index at_row(Lower *lower, Var *row, int64_t stride) {
    Index index = index_of(lower, 0);
    index_add(lower, &index, row, stride);
    return index;
}

static Expr *of_row(Lower *lower, Block2 block, Var *row, bool lanes) {
    Expr *x = ex_load(lower, block.array, at_row(lower, row, block.stride), lanes, NULL);
    return x;
}

static Expr *two(Lower *lower, const char *format, Expr *a, Expr *b) {
    Expr *both[2] = {a, b};
    return ex_apply(lower, T_REAL, format, 2, both);
}

static Expr *one(Lower *lower, const char *format, Expr *x) {
    return ex_apply(lower, T_REAL, format, 1, &x);
}

static Expr *folded(Lower *lower, const char *format, Var *lanes) {
    Expr *x = ex_var(lower, lanes);
    if (!lanes->lanes) return x;
    x = one(lower, format, x);
    x->lanes = false;
    return x;
}

static void mask_score(Lower *lower, Block *in, const Attend *a, Index at, void *with) {
    Forward *f = with;
    Expr *score = attend_load(lower, a, f->p, f->row, at);
    bool masks = a->parts.mask || lower->part;
    if (masks) {
        Var *var = st_let(lower, in, "score", attend_allowed(lower, a, score));
        score = ex_var(lower, var);
        attend_put(lower, in, a, f->p, f->row, at, score);
    }
    st_set(lower, in, f->top_lanes, two(lower, "tg_max(%0, %1)", ex_var(lower, f->top_lanes), score));
}

static void take_share(Lower *lower, Block *in, const Attend *a, Index at, void *with) {
    Forward *f = with;
    Expr *low = two(lower, "%0 - %1", attend_load(lower, a, f->p, f->row, at), ex_var(lower, f->top_now));
    Var *e = st_let(lower, in, "e", one(lower, "tg_exp(%0)", low));
    st_set(lower, in, f->total_lanes, two(lower, "%0 + %1", ex_var(lower, f->total_lanes), ex_var(lower, e)));
    if (a->o) attend_put(lower, in, a, f->p, f->row, at, attend_dropped(lower, a, ex_var(lower, e)));
}

/* p = exp(p - top) for a row, with what that changes in its running sum. */
static void share_row(Lower *lower, Block *in, Forward *f) {
    const Attend *a = &f->a;
    Expr *least = ex_real(lower, LEAST_TOP);
    f->top_lanes = st_var(lower, in, "top_lanes", a->lanes ? ex_lanes(lower, least) : least);
    attend_scores(lower, in, a, mask_score, f);
    Expr *top = folded(lower, "tg_fold_max(%0)", f->top_lanes), *sum = ex_real(lower, 0);
    if (!f->one) top = two(lower, "tg_max(%0, %1)", of_row(lower, f->top, f->row, false), top);
    f->top_now = st_let(lower, in, "top_now", top);
    sum = a->lanes ? ex_lanes(lower, sum) : sum;
    if (!f->one) {
        Expr *gap = two(lower, "%0 - %1", of_row(lower, f->top, f->row, false), ex_var(lower, f->top_now));
        Var *shrink = st_let(lower, in, "shrink_now", one(lower, "tg_exp(%0)", gap));
        sum = two(lower, "%0 * %1", of_row(lower, f->total, f->row, a->lanes), ex_var(lower, shrink));
        st_store(lower, in, f->shrink.array, at_row(lower, f->row, 1), ex_var(lower, shrink), NULL);
    }
    st_store(lower, in, f->top.array, at_row(lower, f->row, 1), ex_var(lower, f->top_now), NULL);
    f->total_lanes = st_var(lower, in, "total_lanes", sum);
    attend_scores(lower, in, a, take_share, f);
    st_store(lower, in, f->total.array, at_row(lower, f->row, f->total.stride), ex_var(lower, f->total_lanes), NULL);
}

static void key_block(Lower *lower, Block *in, Forward *f) {
    Attend *a = &f->a;
    attend_copy_transposed(lower, in, a, 1, &a->keys, &a->width, f->kt);
    if (a->o) attend_copy(lower, in, a, 2, &a->keys, &a->values, f->v, 1);
    BlockProduct scores = {.what = "scores p = q @ k.T", .a = f->q, .b = f->kt, .c = f->p};
    scores.rows = a->queries.size, scores.columns = a->keys.size;
    scores.k_to = ex_int(lower, T_INDEX, a->width.count);
    attend_product(lower, in, &scores);
    Stmt *rows = attend_row(lower, in, &a->queries);
    f->row = rows->var;
    share_row(lower, &rows->body, f);
    attend_row_end(lower, in, &a->queries, rows);
    if (!a->o) return;
    BlockProduct values = {.what = f->one ? "o = p @ v" : "o = o * shrink + p @ v", .a = f->p, .b = f->v, .c = f->o};
    values.adds = !f->one;
    values.shrinks = f->one ? NULL : f->shrink.array;
    values.rows = a->queries.size, values.columns = a->values.padded;
    values.k_to = a->keys.there;
    attend_product(lower, in, &values);
}

/* O = o / total and L = top + log(total). */
static void store_results(Lower *lower, Block *in, Forward *f) {
    Attend *a = &f->a;
    Stmt *rows = attend_row(lower, in, &a->queries);
    Block *body = &rows->body;
    Expr *sum = of_row(lower, f->total, rows->var, a->lanes);
    Var *lanes = st_let(lower, body, "sum", sum);
    Var *total = st_let(lower, body, "all",
                        two(lower, "tg_max(%0, %1)", folded(lower, "tg_fold_add(%0)", lanes), ex_real(lower, TINY)));
    if (a->lse) {
        Access own = kernel_access(lower->kernel, a->lse);
        Expr *level = two(lower, "%0 + %1", of_row(lower, f->top, rows->var, false),
                          one(lower, "tg_log(%0)", ex_var(lower, total)));
        value_store(lower, body, a->lse, &own, level);
    }
    if (a->o) {
        Var *share =
            st_let(lower, body, "one_over_all", two(lower, "%0 / %1", ex_real(lower, 1), ex_var(lower, total)));
        attend_store_row(lower, body, a->o, &a->values, f->o, rows->var, ex_var(lower, share), false);
    }
    attend_row_end(lower, in, &a->queries, rows);
}

static void fill(Lower *lower, Block *in, Block2 block, double number) {
    Stmt *loop =
        st_for(lower, LOOP_SERIAL, var_new(lower, "r", T_INDEX, false), NULL, ex_int(lower, T_INDEX, block.rows), 1);
    st_store(lower, &loop->body, block.array, at_row(lower, loop->var, 1), ex_real(lower, number), NULL);
    st_put(lower, in, loop);
}

static void make_arrays(Lower *lower, Block *in, Forward *f) {
    const Attend *a = &f->a;
    int64_t queries = a->queries.size, keys = a->keys.size, lanes = a->lanes ? lower->lane_count : 1;
    f->q = attend_array(lower, in, "q_block", queries, a->width.padded);
    f->kt = attend_array(lower, in, "k_block", a->width.count, keys);
    f->p = attend_array(lower, in, "p", queries, keys);
    f->top = attend_array(lower, in, "top", queries, 1);
    f->total = attend_array(lower, in, "total", queries, lanes);
    if (a->o) f->v = attend_array(lower, in, "v_block", keys, a->values.padded);
    if (a->o) f->o = attend_array(lower, in, "o_block", queries, a->values.padded);
    if (!f->one) f->shrink = attend_array(lower, in, "shrink", queries, 1);
    bool part = a->queries.count % queries != 0 || a->keys.count % keys != 0;
    if (part) attend_clear(lower, in, f->p);
    if (part && !f->one) attend_clear(lower, in, f->total);
    if (f->one) return;
    fill(lower, in, f->top, LEAST_TOP);
    if (!part) attend_clear(lower, in, f->total);
    fill(lower, in, f->shrink, 0);
    if (a->o) attend_clear(lower, in, f->o);
}

void lower_attend_forward(Lower *lower, Attend a) {
    Forward f = {.a = a, .one = a.keys.number == 1};
    int order[MAX_AXES], outer = 0;
    for (int loop = 0; loop < a.queries.loop; loop++) order[outer++] = loop;
    Nest nest = nest_open(lower, order, outer, a.queries.number, 1);
    Block *in = &nest.slices->body;
    Var *first = NULL;
    if (nest.number) {
        Expr *args[2] = {ex_var(lower, nest.number), ex_int(lower, T_INDEX, a.queries.size)};
        first = st_let(lower, in, "query", ex_apply(lower, T_INDEX, "%0 * %1", 2, args));
    }
    attend_block(lower, in, &f.a.queries, first);
    make_arrays(lower, in, &f);
    attend_copy(lower, in, &f.a, 0, &f.a.queries, &f.a.width, f.q, a.root->attr.value);
    if (f.one) {
        attend_block(lower, in, &f.a.keys, NULL);
        key_block(lower, in, &f);
    } else {
        Expr *to = attend_last_key(lower, in, &f.a);
        Stmt *keys = st_for(lower, LOOP_SERIAL, var_new(lower, "key", T_INDEX, false), NULL, to, a.keys.size);
        attend_block(lower, &keys->body, &f.a.keys, keys->var);
        key_block(lower, &keys->body, &f);
        st_put(lower, in, keys);
    }
    store_results(lower, in, &f);
    nest_close(lower, &nest);
}

void lower_attend(Lower *lower) {
    Attend a = attend_of(lower);
    lower->lane_axis = -1;
    if (a.parts.g)
        lower_attend_backward(lower, a);
    else
        lower_attend_forward(lower, a);
}
