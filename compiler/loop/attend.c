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
 * that no query sees what comes after it; there the slices go from the last block of queries, which has the most of
 * them, down to the first, so that threads end together.
 */
#include "loop/attend.h"

/* Below every score that counts, and far enough above LOWEST that exp(LOWEST - LEAST_TOP) is 0: the maximum of a row
 * without allowed keys. */
static const double LEAST_TOP = LOWEST / 3, TINY = 1e-30;

typedef struct Forward {
    Attend a;
    Block2 q, kt, v, p, o;
    Block2 most, total; /* the maximum and the sum of a row of scores, still one number a lane */
    Block2 turned;      /* a vector of each of LANES rows, transposed */
    Block2 top, shrink, level;
    bool one; /* there is one block of keys: nothing runs on */
    Var *row, *lanes;
} Forward;

static Index at_row(Lower *lower, Var *row, int64_t stride) {
    Index index = index_of(lower, 0);
    index_add(lower, &index, row, stride);
    return index;
}

static Expr *of_row(Lower *lower, Block2 block, Var *row, bool lanes) {
    return ex_load(lower, block.array, at_row(lower, row, block.stride), lanes, NULL);
}

/* ---- numbers of rows, LANES rows at a time ---- */

/* The fold of `lanes` of the rows from r on, a vector with a number for each row: their vectors are transposed, so that
 * the fold goes from row to row of the block. */
static Expr *folded_rows(Lower *lower, Block *in, const Forward *f, Block2 lanes, Var *r, const char *format) {
    int64_t count = lower->lane_count;
    if (lanes.stride == 1) return of_row(lower, lanes, r, true);
    Expr *args[4] = {of_row(lower, lanes, r, false), ex_int(lower, T_INDEX, lanes.stride),
                     ex_load(lower, f->turned.array, index_of(lower, 0), false, NULL), ex_int(lower, T_INDEX, count)};
    st_call(lower, in, "tg_transpose_block(&%0, %1, &%2, %3)", 4, args);
    Var *fold = st_var(lower, in, "fold", ex_load(lower, f->turned.array, index_of(lower, 0), true, NULL));
    Stmt *loop = st_count(lower, "lane", ex_int(lower, T_INDEX, 1), ex_int(lower, T_INDEX, count), 1);
    Expr *next = ex_load(lower, f->turned.array, at_row(lower, loop->var, count), true, NULL);
    st_set(lower, &loop->body, fold, ex_two(lower, format, ex_var(lower, fold), next));
    st_put(lower, in, loop);
    return ex_var(lower, fold);
}

/* top = max(top, most), and how much smaller that makes everything before. */
static void raise_tops(Lower *lower, Block *in, Forward *f) {
    Stmt *loop =
        st_count(lower, "r", ex_int(lower, T_INDEX, 0), ex_int(lower, T_INDEX, f->a.queries.size), lower->lane_count);
    Block *body = &loop->body;
    Expr *most = folded_rows(lower, body, f, f->most, loop->var, "tg_max(%0, %1)");
    if (f->one) {
        st_store(lower, body, f->top.array, at_row(lower, loop->var, 1), most, NULL);
    } else {
        Var *before = st_let(lower, body, "before", of_row(lower, f->top, loop->var, true));
        Var *top = st_let(lower, body, "top_now", ex_two(lower, "tg_max(%0, %1)", ex_var(lower, before), most));
        Expr *gap = ex_two(lower, "%0 - %1", ex_var(lower, before), ex_var(lower, top));
        st_store(lower, body, f->shrink.array, at_row(lower, loop->var, 1), ex_one(lower, "tg_exp(%0)", gap), NULL);
        st_store(lower, body, f->top.array, at_row(lower, loop->var, 1), ex_var(lower, top), NULL);
    }
    st_put(lower, in, loop);
}

/* shrink = 1 / total, and the log-sum-exp. */
static void finish_rows(Lower *lower, Block *in, Forward *f) {
    Stmt *loop =
        st_count(lower, "r", ex_int(lower, T_INDEX, 0), ex_int(lower, T_INDEX, f->a.queries.size), lower->lane_count);
    Block *body = &loop->body;
    Expr *sum = folded_rows(lower, body, f, f->total, loop->var, "%0 + %1");
    Var *all = st_let(lower, body, "all", ex_two(lower, "tg_max(%0, %1)", sum, ex_real(lower, TINY)));
    Expr *share = ex_two(lower, "%0 / %1", ex_real(lower, 1), ex_var(lower, all));
    st_store(lower, body, f->shrink.array, at_row(lower, loop->var, 1), share, NULL);
    if (f->a.lse) {
        Expr *level = ex_two(lower, "%0 + %1", of_row(lower, f->top, loop->var, true),
                             ex_one(lower, "tg_log(%0)", ex_var(lower, all)));
        st_store(lower, body, f->level.array, at_row(lower, loop->var, 1), level, NULL);
    }
    st_put(lower, in, loop);
}

/* ---- scores ---- */

static void find_most(Lower *lower, Block *in, const Attend *a, Index at, void *with) {
    Forward *f = with;
    Expr *score = attend_load(lower, a, f->p, f->row, at);
    if (a->parts.mask || lower->part) {
        Var *var = st_let(lower, in, "score", attend_allowed(lower, a, score));
        score = ex_var(lower, var);
        attend_put(lower, in, a, f->p, f->row, at, score);
    }
    st_set(lower, in, f->lanes, ex_two(lower, "tg_max(%0, %1)", ex_var(lower, f->lanes), score));
}

static void take_share(Lower *lower, Block *in, const Attend *a, Index at, void *with) {
    Forward *f = with;
    Expr *low = ex_two(lower, "%0 - %1", attend_load(lower, a, f->p, f->row, at), of_row(lower, f->top, f->row, false));
    Var *e = st_let(lower, in, "e", ex_one(lower, "tg_exp(%0)", low));
    st_set(lower, in, f->lanes, ex_two(lower, "%0 + %1", ex_var(lower, f->lanes), ex_var(lower, e)));
    if (a->o) attend_put(lower, in, a, f->p, f->row, at, attend_dropped(lower, a, ex_var(lower, e)));
}

static Stmt *open_rows(Lower *lower, Block *in, Forward *f, const char *name, Expr *start) {
    Stmt *rows = attend_row(lower, in, &f->a.queries);
    f->row = rows->var;
    f->lanes = st_var(lower, &rows->body, name, f->a.lanes ? ex_lanes(lower, start) : start);
    return rows;
}

static void close_rows(Lower *lower, Block *in, Forward *f, Stmt *rows, Block2 into) {
    st_store(lower, &rows->body, into.array, at_row(lower, f->row, into.stride), ex_var(lower, f->lanes), NULL);
    attend_row_end(lower, in, &f->a.queries, rows);
}

/* p = exp(p - top), and total = total * shrink + its rows' sums. */
static void shares(Lower *lower, Block *in, Forward *f) {
    const Attend *a = &f->a;
    st_comment(lower, in, "top: the largest score of each row so far");
    Stmt *rows = open_rows(lower, in, f, "most_lanes", ex_real(lower, LEAST_TOP));
    attend_scores(lower, &rows->body, a, find_most, f);
    close_rows(lower, in, f, rows, f->most);
    raise_tops(lower, in, f);
    st_comment(lower, in, "p = exp(p - top)%s", a->parts.kept && a->o ? ", dropped out" : "");
    rows = open_rows(lower, in, f, "sum_lanes", ex_real(lower, 0));
    attend_scores(lower, &rows->body, a, take_share, f);
    if (!f->one) {
        Expr *before = ex_two(lower, "%0 * %1", of_row(lower, f->total, f->row, a->lanes),
                              of_row(lower, f->shrink, f->row, false));
        st_set(lower, &rows->body, f->lanes, ex_two(lower, "%0 + %1", before, ex_var(lower, f->lanes)));
    }
    close_rows(lower, in, f, rows, f->total);
}

static void key_block(Lower *lower, Block *in, Forward *f) {
    Attend *a = &f->a;
    attend_copy_transposed(lower, in, a, 1, &a->keys, &a->width, f->kt);
    if (a->o) attend_copy(lower, in, a, 2, &a->keys, &a->values, f->v, 1);
    BlockProduct scores = {.what = "scores p = q @ k.T", .a = f->q, .b = f->kt, .c = f->p};
    scores.rows = a->queries.size, scores.columns = a->keys.size;
    scores.k_to = ex_int(lower, T_INDEX, a->width.count);
    attend_product(lower, in, &scores);
    shares(lower, in, f);
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
    finish_rows(lower, in, f);
    Stmt *rows = attend_row(lower, in, &a->queries);
    if (a->lse) {
        Access own = kernel_access(lower->kernel, a->lse);
        value_store(lower, &rows->body, a->lse, &own, of_row(lower, f->level, rows->var, false));
    }
    if (a->o) {
        Expr *share = of_row(lower, f->shrink, rows->var, false);
        attend_store_row(lower, &rows->body, a->o, &a->values, f->o, rows->var, share, false);
    }
    attend_row_end(lower, in, &a->queries, rows);
}

static void fill(Lower *lower, Block *in, Block2 block, double number) {
    Stmt *loop = st_count(lower, "r", ex_int(lower, T_INDEX, 0), ex_int(lower, T_INDEX, block.rows), lower->lane_count);
    Expr *value = ex_lanes(lower, ex_real(lower, number));
    st_store(lower, &loop->body, block.array, at_row(lower, loop->var, 1), value, NULL);
    st_put(lower, in, loop);
}

/* Rows and columns that are not there take part in the products: they must hold numbers. */
static void make_arrays(Lower *lower, Block *in, Forward *f) {
    const Attend *a = &f->a;
    int64_t queries = a->queries.size, keys = a->keys.size, lanes = lower->lane_count, width = a->lanes ? lanes : 1;
    bool rows_in_part = a->queries.count % queries != 0, part = rows_in_part || a->keys.count % keys != 0;
    f->q = attend_array(lower, in, "q_block", queries, a->width.padded);
    f->kt = attend_array(lower, in, "k_block", a->width.count, keys);
    f->p = attend_array(lower, in, "p", queries, keys);
    if (a->o) f->v = attend_array(lower, in, "v_block", keys, a->values.padded);
    if (a->o) f->o = attend_array(lower, in, "o_block", queries, a->values.padded);
    f->most = attend_array(lower, in, "most", queries, width);
    f->total = attend_array(lower, in, "total", queries, width);
    f->top = attend_array(lower, in, "top", queries, 1);
    f->shrink = attend_array(lower, in, "shrink", queries, 1);
    if (width > 1) f->turned = attend_array(lower, in, "turned", lanes, lanes);
    if (a->lse) f->level = attend_array(lower, in, "level", queries, 1);
    if (part) attend_clear(lower, in, f->p);
    if (rows_in_part) attend_clear(lower, in, f->most);
    if (rows_in_part || !f->one) attend_clear(lower, in, f->total);
    if (f->one) return;
    fill(lower, in, f->top, LEAST_TOP);
    if (a->o) attend_clear(lower, in, f->o);
}

void lower_attend_forward(Lower *lower, Attend a) {
    Forward f = {.a = a, .one = a.keys.number == 1};
    int order[MAX_AXES], outer = 0;
    for (int loop = 0; loop < a.queries.loop; loop++) order[outer++] = loop;
    Nest nest = nest_open(lower, order, outer, a.queries.number, 1);
    Block *in = &nest.slices->body;
    attend_block(lower, in, &f.a.queries, attend_slice(lower, in, &nest, &f.a.queries, "query", a.skips));
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
