/* attend_product.c: a product of blocks that lie in arrays of the function, padded to whole tiles.
 *
 *     for (int i = 0; i < 64; i += 4) {
 *         vec c00 = 0 …                                   or what the result holds, times a number for each row
 *         for (int k = 0; k < 64; k++) { b0 = b[k][…]; a0 = a[i][k]; c00 += a0 * b0; … }
 *         store c00 …
 *     }
 *
 * As in contract.c the accumulators are named vectors; here all of k is folded at once.
 */
#include "loop/attend.h"

enum { MOST_ROWS = 8 };

typedef struct TileOf { /* mr rows of nv vectors */
    int mr, nv;
} TileOf;

/* As many vectors as divide the columns, and rows enough to hide a multiply-add's latency. */
static TileOf tile_of(const Lower *lower, int64_t columns) {
    int64_t vectors = columns / lower->lane_count;
    int sums = lower->machine->registers >= 32 ? 16 : 8;
    TileOf tile = {.nv = lower->machine->registers >= 32 ? 4 : 2};
    while (vectors % tile.nv) tile.nv--;
    tile.mr = tile.nv == 1 ? MOST_ROWS : tile.nv == 2 && sums == 16 ? MOST_ROWS : 4;
    return tile;
}

static Index element(Lower *lower, int64_t constant, Var *a, int64_t a_scale, Var *b, int64_t b_scale) {
    Index index = index_of(lower, constant);
    if (a) index_add(lower, &index, a, a_scale);
    if (b) index_add(lower, &index, b, b_scale);
    return index;
}

/* The accumulators' place in the result. */
static Index in_result(Lower *lower, const BlockProduct *p, Var *i, Var *j, int r, int v) {
    return element(lower, r * p->c.stride + (int64_t)v * lower->lane_count, i, p->c.stride, j, 1);
}

static Expr *start_of(Lower *lower, const BlockProduct *p, Var *i, Var *j, int r, int v, Expr *shrink) {
    if (!p->adds) return ex_lanes(lower, ex_real(lower, 0));
    Expr *sum = ex_load(lower, p->c.array, in_result(lower, p, i, j, r, v), true, NULL);
    if (!shrink) return sum;
    Expr *both[2] = {sum, shrink};
    return ex_apply(lower, T_REAL, "%0 * %1", 2, both);
}

static void fold(Lower *lower, Block *in, const BlockProduct *p, TileOf tile, Var *i, Var *j, Var *sums[8][4]) {
    Stmt *loop = st_for(lower, LOOP_UNROLL, var_new(lower, "k", T_INDEX, false), NULL, p->k_to, 1);
    Expr *b[4];
    loop->plain = true;
    for (int v = 0; v < tile.nv; v++) {
        Index index = element(lower, (int64_t)v * lower->lane_count, loop->var, p->b.stride, j, 1);
        Expr *load = ex_load(lower, p->b.array, index, true, NULL);
        b[v] = ex_var(lower, st_let(lower, &loop->body, arena_printf(lower->arena, "b%d", v), load));
    }
    for (int r = 0; r < tile.mr; r++) {
        int64_t row = p->transpose_a ? 1 : p->a.stride, step = p->transpose_a ? p->a.stride : 1;
        Expr *load = ex_load(lower, p->a.array, element(lower, r * row, i, row, loop->var, step), false, NULL);
        Expr *a = ex_var(lower, st_let(lower, &loop->body, arena_printf(lower->arena, "a%d", r), load));
        for (int v = 0; v < tile.nv; v++) {
            Expr *args[3] = {ex_var(lower, sums[r][v]), a, b[v]};
            st_set(lower, &loop->body, sums[r][v], ex_apply(lower, T_REAL, "%0 + %1 * %2", 3, args));
        }
    }
    st_put(lower, in, loop);
}

static void tile_at(Lower *lower, Block *in, const BlockProduct *p, TileOf tile, Var *i, Var *j) {
    Var *sums[8][4];
    for (int r = 0; r < tile.mr; r++) {
        Expr *shrink = NULL;
        if (p->shrinks) {
            Expr *load = ex_load(lower, p->shrinks, element(lower, r, i, 1, NULL, 0), false, NULL);
            shrink = ex_var(lower, st_let(lower, in, arena_printf(lower->arena, "shrink%d", r), load));
        }
        for (int v = 0; v < tile.nv; v++)
            sums[r][v] =
                st_var(lower, in, arena_printf(lower->arena, "c%d%d", r, v), start_of(lower, p, i, j, r, v, shrink));
    }
    fold(lower, in, p, tile, i, j, sums);
    for (int r = 0; r < tile.mr; r++)
        for (int v = 0; v < tile.nv; v++)
            st_store(lower, in, p->c.array, in_result(lower, p, i, j, r, v), ex_var(lower, sums[r][v]), NULL);
}

void attend_product(Lower *lower, Block *in, const BlockProduct *p) {
    TileOf tile = tile_of(lower, p->columns);
    int64_t panel = (int64_t)tile.nv * lower->lane_count;
    st_comment(lower, in, "%s, by tiles of %d x %lld", p->what, tile.mr, (long long)panel);
    Stmt *rows =
        st_for(lower, LOOP_SERIAL, var_new(lower, "i", T_INDEX, false), NULL, ex_int(lower, T_INDEX, p->rows), tile.mr);
    if (p->columns == panel) {
        tile_at(lower, &rows->body, p, tile, rows->var, NULL);
    } else {
        Stmt *columns = st_for(lower, LOOP_SERIAL, var_new(lower, "j", T_INDEX, false), NULL,
                               ex_int(lower, T_INDEX, p->columns), panel);
        tile_at(lower, &columns->body, p, tile, rows->var, columns->var);
        st_put(lower, &rows->body, columns);
    }
    st_put(lower, in, rows);
}
