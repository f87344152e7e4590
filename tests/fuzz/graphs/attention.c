/* attention.c: attention that the compiler takes for one operation: product, scale, mask, softmax, dropout, product.
 *
 *     t7 = dropout(softmax(t3 @ in2.T * 0.31, mask = causal(33)), 0.2) @ in3
 *
 * Queries come from a value that has rows enough, or from a new input; keys and values are a value of fitting shape,
 * the queries themselves, or new inputs. */
#include "draw.h"

#include <math.h>

enum { FEWEST = 16, MOST = 70 };

static bool serves(const Value *value, int rank) {
    const Dims *dims = &value->dims;
    return value->type == FLOATS && dims->rank == rank && dims->rank >= 2 && dims->size[rank - 2] >= FEWEST &&
           dims->size[rank - 1] >= 1 && dims->size[rank - 1] <= MOST;
}

static Value *queries(Entry *e) {
    Want want = {.type = FLOATS, .least_rank = 2, .most_rank = 4, .nonempty = true};
    Value *found = chance(e->random, 0.6) ? pick(e, &want) : NULL;
    if (found && serves(found, found->dims.rank)) return found;
    Dims dims = {0};
    for (int axes = below(e->random, 3); axes > 0; axes--) dims = dims_added(dims, 0, between(e->random, 1, 3));
    dims = dims_added(dims, dims.rank, between(e->random, FEWEST, MOST));
    return input(e, FLOATS, dims_added(dims, dims.rank, between(e->random, 1, 20)));
}

/* A value with q's leading axes, `rows` rows (0: any) and `columns` columns (0: any). */
static Value *beside(Entry *e, const Value *q, int rows, int columns) {
    int rank = q->dims.rank;
    for (int i = e->count - 1; i >= 0 && chance(e->random, 0.8); i--) {
        const Dims *dims = &e->values[i].dims;
        Dims front = dims_front(dims, rank - 2), wanted = dims_front(&q->dims, rank - 2);
        if (!serves(&e->values[i], rank) || !dims_equal(&front, &wanted)) continue;
        if ((!rows || dims->size[rank - 2] == rows) && (!columns || dims->size[rank - 1] == columns))
            return &e->values[i];
    }
    Dims dims = dims_front(&q->dims, rank - 2);
    dims = dims_added(dims, dims.rank, rows ? rows : between(e->random, FEWEST, MOST));
    return input(e, FLOATS, dims_added(dims, dims.rank, columns ? columns : between(e->random, 1, 20)));
}

static const char *mask_text(Entry *e, int queries, int keys) {
    Dims key = dims_added((Dims){0}, 0, keys), pair = dims_added(key, 0, queries);
    const char *ahead = arena_printf(e->arena, "iota(%d) <= (iota(%d) as [%d, 1]) + %d", keys, queries, queries,
                                     between(e->random, -5, 20));
    Value *given = chance(e->random, 0.5) ? input(e, BOOLS, chance(e->random, 0.5) ? key : pair) : NULL;
    switch (below(e->random, 4)) {
    case 0:
        return "";
    case 1:
        return queries == keys ? arena_printf(e->arena, ", mask = causal(%d)", keys)
                               : arena_printf(e->arena, ", mask = %s", ahead);
    case 2:
        return given ? arena_printf(e->arena, ", mask = %s and %s", ahead, given->name)
                     : arena_printf(e->arena, ", mask = %s", ahead);
    default:
        return given ? arena_printf(e->arena, ", mask = %s", given->name) : "";
    }
}

void draw_attention(Entry *e) {
    Value *q = queries(e), *k = NULL, *v = NULL;
    if (!q) return;
    int rank = q->dims.rank, rows = q->dims.size[rank - 2], width = q->dims.size[rank - 1];
    k = chance(e->random, 0.3) ? q : beside(e, q, 0, width);
    v = k ? beside(e, q, k->dims.size[rank - 2], 0) : NULL;
    if (!v) return;
    int keys = k->dims.size[rank - 2];
    Dims dims = dims_with(q->dims, rank - 1, v->dims.size[rank - 1]);
    double pairs = (double)dims_count(&dims) * keys;
    if (dims_count(&dims) > 2 * e->largest || pairs > 2e6) return;
    double scale = 2 / (q->magnitude * k->magnitude * sqrt(width) + 0.1);
    const char *mask = mask_text(e, rows, keys),
               *share = e->train ? ONE_OF(e->random, ((const char *[]){"0", "0.2"})) : "0";
    const char *from = use(e, q), *of = use(e, k);
    put(e, FLOATS, &dims, 2 * v->magnitude, "dropout(softmax(%s @ %s.T * %.4g%s), %s) @ %s", from, of, scale, mask,
        share, use(e, v));
}
