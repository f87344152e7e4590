/* attention.c: the family of attention as one operation: queries and keys below, at and above a block, heads of odd
 * widths, masks of every kind, dropout, and operands seen transposed.
 *
 *     dropout(softmax(a @ b.T * 0.6, mask = iota(33) <= (iota(17) as [17, 1])), 0.3) @ c */
#include "matrix.h"

enum { PLAIN, KEYS_GIVEN_TRANSPOSED, QUERIES_TRANSPOSED, FORM_COUNT };
enum { ALL_SEEN, NOT_AFTER, BEFORE, SOME_KEYS, SOME_PAIRS, SOME_ROWS, MASK_COUNT };
static const Factor factors[] = {
    {"batch", 4},         {"queries", 4}, {"keys", 4},          {"width", 4},         {"values", 3},
    {"mask", MASK_COUNT}, {"dropout", 2}, {"form", FORM_COUNT}, {"mode", MODE_COUNT}, {NULL, 0}};

/* The batch axes, then two more. */
static Dims with_batch(int batch, int rows, int columns) {
    static const Dims leading[] = {{0, {0}}, {1, {1}}, {1, {3}}, {2, {2, 2}}};
    Dims shape = leading[batch];
    shape.size[shape.rank++] = rows;
    shape.size[shape.rank++] = columns;
    return shape;
}

static const char *mask_of(Case *item, Arena *arena, int mask, int queries, int keys) {
    switch (mask) {
    case NOT_AFTER:
        return arena_printf(arena, ", mask = iota(%d) <= (iota(%d) as [%d, 1])", keys, queries, queries);
    case BEFORE:
        return arena_printf(arena, ", mask = iota(%d) < (iota(%d) as [%d, 1]) - 2", keys, queries, queries);
    case SOME_KEYS:
        return arena_printf(arena, ", mask = %s", operand(item, 'b', dims(1, keys), DRAW_BOOL));
    case SOME_PAIRS:
        return arena_printf(arena, ", mask = %s", operand(item, 'b', dims(2, queries, keys), DRAW_BOOL));
    case SOME_ROWS:
        return arena_printf(arena, ", mask = %s", operand(item, 'b', dims(2, queries, keys), DRAW_ROWS));
    default:
        return "";
    }
}

static bool build(const Family *family, const int *level, List *list) {
    static const int counts[] = {16, 17, 33, 65}, widths[] = {1, 3, 16, 17}, values[] = {1, 5, 16};
    int batch = level[0], queries = counts[level[1]], keys = counts[level[2]], form = level[7];
    int width = widths[level[3]], value = values[level[4]];
    Mode mode = (Mode)level[8];
    Dims q = with_batch(batch, queries, width), k = with_batch(batch, keys, width), v = with_batch(batch, keys, value);
    Dims result = with_batch(batch, queries, value);
    if (form == KEYS_GIVEN_TRANSPOSED) k = with_batch(batch, width, keys);
    if (form == QUERIES_TRANSPOSED) q = with_batch(batch, width, queries);
    if (!fits(mode, &q, &result) || !fits(mode, &k, &result) || !fits(mode, &v, &result)) return false;
    if (!list) return true;
    Case *item = case_new(list, family->name);
    item->train = level[6];
    const char *a = operand(item, 'f', q, DRAW_WEIGHTS), *b = operand(item, 'f', k, DRAW_NORMAL);
    const char *c = operand(item, 'f', v, DRAW_NORMAL), *mask = mask_of(item, list->arena, level[5], queries, keys);
    finish(list, item, 'f', result, mode, "dropout(softmax(%s%s @ %s%s * 0.6%s), %s) @ %s", a,
           form == QUERIES_TRANSPOSED ? ".T" : "", b, form == KEYS_GIVEN_TRANSPOSED ? "" : ".T", mask,
           level[6] ? "0.3" : "0", c);
    return true;
}

const Family attention_families[] = {
    {"attention", factors, build},
    {NULL, NULL, NULL},
};
