/* values.c: families of operations that compute: elementwise, where, folds, rows, products.
 *
 * Each has a table of factors and a function from levels to a case; without a list the function only says whether there
 * is such a case. Level SIZE_ONE stands for an axis that isn't there, level 0 for every choice that is not to be had.
 */
#include "matrix.h"

#include <string.h>

const int sizes[SIZE_COUNT] = {0, 1, 2, 3, 5, 17, 33, 65};

bool shape_by(int rank, int last, int before, int others, Dims *shape) {
    if ((rank < 1 && last != SIZE_ONE) || (rank < 2 && before != SIZE_ONE) || (rank < 3 && others != SIZE_ONE))
        return false;
    *shape = (Dims){.rank = rank};
    if (rank > 3) shape->size[0] = 1 + (last + before + others) % 3;
    if (rank > 2) shape->size[rank - 3] = sizes[others];
    if (rank > 1) shape->size[rank - 2] = sizes[before];
    if (rank > 0) shape->size[rank - 1] = sizes[last];
    return dims_count(shape) <= MOST_COUNT;
}

#define SHAPE_FACTORS                                                                                                  \
    {"rank", 5}, {"last size", SIZE_COUNT}, {"size before", SIZE_COUNT}, {                                             \
        "other sizes", SIZE_COUNT                                                                                      \
    }
enum { RANK, LAST, BEFORE, OTHERS, NEXT }; /* every family here begins with these */

static bool shape_of(const int *level, Dims *shape) {
    return shape_by(level[RANK], level[LAST], level[BEFORE], level[OTHERS], shape);
}

/* ---- parts of a shape, as operands that are broadcast to it ---- */

typedef enum Part { PART_ALL, PART_SCALAR, PART_LAST, PART_ONE_LAST, PART_ONE_FIRST, PART_COUNT } Part;

static bool part_of(Part part, const Dims *shape, Dims *result) {
    static const int least_rank[PART_COUNT] = {0, 1, 2, 1, 2};
    *result = *shape;
    if (shape->rank < least_rank[part]) return false;
    if (part == PART_SCALAR) *result = dims(0);
    if (part == PART_LAST) *result = dims(1, shape->size[shape->rank - 1]);
    if (part == PART_ONE_LAST) result->size[shape->rank - 1] = 1;
    if (part == PART_ONE_FIRST) result->size[0] = 1;
    return true;
}

/* ---- elementwise ---- */

static const Factor unary_factors[] = {SHAPE_FACTORS,        {"operation", UNARY_COUNT}, {"type", 3},
                                       {"view", VIEW_COUNT}, {"mode", MODE_COUNT},       {NULL, 0}};

static bool unary_build(const Family *family, const int *level, List *list) {
    int op = level[NEXT], type = level[NEXT + 1], view = level[NEXT + 2], mode = level[NEXT + 3];
    Dims shape;
    if (!shape_of(level, &shape) || unary_ops[op].types[type] == '-' || !view_fits((View)view, &shape)) return false;
    if (mode && (type || unary_ops[op].types[0] != 'f' || !unary_ops[op].smooth)) return false;
    Dims source = shape;
    if (view == VIEW_SLICE) source.size[shape.rank - 1] += 2;
    if (!fits((Mode)mode, &source, &shape)) return false;
    if (list) unary(list, family->name, op, "fib"[type], shape, (View)view, (Mode)mode);
    return true;
}

static const Factor binary_factors[] = {SHAPE_FACTORS,        {"operation", BINARY_COUNT},
                                        {"types", 4},         {"operands", PAIR_COUNT},
                                        {"mode", MODE_COUNT}, {NULL, 0}};

static const Part pair_parts[PAIR_COUNT][2] = {
    [PAIR_SCALAR] = {PART_ALL, PART_SCALAR},     [PAIR_LAST] = {PART_ALL, PART_LAST},
    [PAIR_ONE_LAST] = {PART_ALL, PART_ONE_LAST}, [PAIR_ONE_FIRST] = {PART_ALL, PART_ONE_FIRST},
    [PAIR_LEFT_ONE] = {PART_ONE_LAST, PART_ALL}, [PAIR_LEFT_LAST] = {PART_LAST, PART_ALL},
    [PAIR_OUTER] = {PART_ONE_LAST, PART_LAST},
};

static bool binary_build(const Family *family, const int *level, List *list) {
    int op = level[NEXT], types = level[NEXT + 1], pair = level[NEXT + 2], mode = level[NEXT + 3];
    const BinaryRow *row = &binary_ops[op];
    Dims shape, a, b;
    if (!shape_of(level, &shape) || row->types[types] == '-') return false;
    if (!part_of(pair_parts[pair][0], &shape, &a) || !part_of(pair_parts[pair][1], &shape, &b)) return false;
    if (pair == PAIR_OUTER && shape.rank < 2) return false;
    if (pair >= PAIR_RIGHT_NUMBER && (types == 3 || (types == 2 && row->types[0] != '-'))) return false;
    if (mode && ((types != 0 && types != 3) || !row->smooth)) return false;
    if (!fits((Mode)mode, &a, &shape) || !fits((Mode)mode, &b, &shape)) return false;
    if (list) binary(list, family->name, op, types, a, b, (Pair)pair, (Mode)mode);
    return true;
}

enum { CHOICE_COUNT = PART_COUNT + 1 }; /* where: a part, or a number */
static const Factor where_factors[] = {SHAPE_FACTORS,
                                       {"condition", PART_COUNT},
                                       {"if true", CHOICE_COUNT},
                                       {"if false", CHOICE_COUNT},
                                       {"type", 3},
                                       {"mode", MODE_COUNT},
                                       {NULL, 0}};

static const char *choice_of(Case *item, int choice, char type, Dims shape) {
    if (choice < PART_COUNT)
        return operand(item, type, shape, type == 'f' ? DRAW_NORMAL : type == 'i' ? DRAW_INT : DRAW_BOOL);
    return type == 'f' ? "1.5" : type == 'i' ? "4" : "true";
}

static bool where_build(const Family *family, const int *level, List *list) {
    Dims shape, c, a, b, both, all;
    int when = level[NEXT], yes = level[NEXT + 1], no = level[NEXT + 2], type = level[NEXT + 3];
    Mode mode = (Mode)level[NEXT + 4];
    if (!shape_of(level, &shape) || (yes == PART_COUNT && no == PART_COUNT) || (mode && type)) return false;
    if (!part_of((Part)when, &shape, &c)) return false;
    if (!part_of(yes == PART_COUNT ? PART_ALL : (Part)yes, &shape, &a)) return false;
    if (!part_of(no == PART_COUNT ? PART_ALL : (Part)no, &shape, &b)) return false;
    if (yes == PART_COUNT) a = dims(0);
    if (no == PART_COUNT) b = dims(0);
    if (!broadcast_of(&a, &b, &both) || !broadcast_of(&both, &c, &all)) return false;
    if (!fits(mode, &a, &all) || !fits(mode, &b, &all)) return false;
    if (!list) return true;
    Case *item = case_new(list, family->name);
    const char *x = choice_of(item, yes, "fib"[type], a), *y = choice_of(item, no, "fib"[type], b);
    finish(list, item, "fib"[type], all, mode, "where(%s, %s, %s)", operand(item, 'b', c, DRAW_BOOL), x, y);
    return true;
}

/* ---- folds ---- */

enum { ALL, FIRST, LAST_AXIS, MIDDLE, NEGATIVE, NAMED, FIRST_AND_LAST, LISTED, NAMED_PAIR, AXES_COUNT };
static const Factor fold_factors[] = {
    SHAPE_FACTORS, {"operation", FOLD_COUNT}, {"axis", AXES_COUNT}, {"keep", 3}, {"type", 3}, {"mode", MODE_COUNT},
    {NULL, 0}};

/* The text of an axis and what it folds; false where the rank has no such axis. */
static bool axes_of(int axes, const Dims *shape, const char **text, bool *gone, Arena *arena) {
    static const int least_rank[AXES_COUNT] = {0, 1, 1, 3, 1, 1, 2, 1, 2};
    int rank = shape->rank, first = shape->size[0], second = shape->size[1];
    if (rank < least_rank[axes]) return false;
    for (int i = 0; i < rank; i++) gone[i] = axes == ALL || axes == LISTED;
    if (axes == FIRST || axes == NEGATIVE || axes == NAMED || axes == FIRST_AND_LAST || axes == NAMED_PAIR)
        gone[0] = true;
    if (axes == LAST_AXIS || axes == FIRST_AND_LAST) gone[rank - 1] = true;
    if (axes == MIDDLE || axes == NAMED_PAIR) gone[1] = true;
    *text = NULL;
    if (axes == ALL || !arena) return true;
    const char *const texts[AXES_COUNT] = {"",
                                           "0",
                                           arena_printf(arena, "%d", rank - 1),
                                           "1",
                                           arena_printf(arena, "-%d", rank),
                                           arena_printf(arena, "A%d", first),
                                           "[0, -1]",
                                           rank == 1   ? "[0]"
                                           : rank == 2 ? "[1, 0]"
                                           : rank == 3 ? "[0, 1, 2]"
                                                       : "[3, 2, 1, 0]",
                                           arena_printf(arena, "[A%d, B%d]", first, second)};
    *text = texts[axes];
    return true;
}

static bool fold_build(const Family *family, const int *level, List *list) {
    static const char *const keeps[] = {"", "true", "false"};
    int op = level[NEXT], axes = level[NEXT + 1], type = level[NEXT + 3];
    Mode mode = (Mode)level[NEXT + 4];
    Dims shape, kept;
    bool gone[MOST_AXES];
    const char *text;
    if (!shape_of(level, &shape) || !axes_of(axes, &shape, &text, gone, NULL)) return false;
    kept = shape;
    for (int i = 0; i < shape.rank; i++) {
        if (gone[i] && shape.size[i] == 0 && !folds[op].of_empty) return false;
        if (gone[i]) kept.size[i] = 1;
    }
    if ((mode && type) || !fits(mode, &shape, &kept)) return false;
    if (!list) return true;
    axes_of(axes, &shape, &text, gone, list->arena);
    fold(list, family->name, op, "fib"[type], shape, text, gone, keeps[level[NEXT + 2]],
         axes == NAMED || axes == NAMED_PAIR, mode);
    return true;
}

/* ---- rows ---- */

enum { NO_MASK, MASK_TRUE, MASK_PARTS, MASK_FALSE = MASK_PARTS + PART_COUNT, MASK_ROWS, MASK_COUNT };
static const Factor softmax_factors[] = {SHAPE_FACTORS,        {"operation", 2},     {"axis", FIRST_AND_LAST},
                                         {"mask", MASK_COUNT}, {"mode", MODE_COUNT}, {NULL, 0}};

static bool softmax_build(const Family *family, const int *level, List *list) {
    int axes = level[NEXT + 1], mask = level[NEXT + 2];
    bool logs = level[NEXT], gone[MOST_AXES];
    Mode mode = (Mode)level[NEXT + 3];
    Dims shape, part;
    const char *axis;
    if (!shape_of(level, &shape) || shape.rank < 1 || (logs && mask)) return false;
    if (!axes_of(axes, &shape, &axis, gone, NULL) || !fits(mode, &shape, &shape)) return false;
    bool in_part = mask >= MASK_PARTS && mask < MASK_FALSE;
    if (!part_of(in_part ? (Part)(mask - MASK_PARTS) : PART_ALL, &shape, &part)) return false;
    if (!list) return true;
    axes_of(axes, &shape, &axis, gone, list->arena);
    Case *item = case_new(list, family->name);
    const char *x = operand(item, 'f', shape, DRAW_NORMAL), *m = mask == MASK_TRUE ? "true" : "";
    item->operands[0].named = axes == NAMED;
    Draw draw = mask == MASK_FALSE ? DRAW_FALSE : mask == MASK_ROWS ? DRAW_ROWS : DRAW_BOOL;
    if (mask > MASK_TRUE) m = operand(item, 'b', part, draw);
    finish(list, item, 'f', shape, mode, "%s(%s%s%s%s%s)", logs ? "log_softmax" : "softmax", x, axis ? ", axis = " : "",
           axis ? axis : "", *m ? ", mask = " : "", m);
    return true;
}

static const Factor norm_factors[] = {SHAPE_FACTORS,        {"operation", 2},     {"eps", 4},
                                      {"view", VIEW_COUNT}, {"mode", MODE_COUNT}, {NULL, 0}};

static bool norm_build(const Family *family, const int *level, List *list) {
    static const char *const eps[] = {"", ", eps = 1e-3", ", eps = 0.5", ", eps = 2"};
    View view = (View)level[NEXT + 2];
    Mode mode = (Mode)level[NEXT + 3];
    Dims shape;
    if (!shape_of(level, &shape) || shape.rank < 1 || !view_fits(view, &shape)) return false;
    Dims source = shape;
    if (view == VIEW_SLICE) source.size[shape.rank - 1] += 2;
    if (!fits(mode, &source, &shape)) return false;
    if (!list) return true;
    Case *item = case_new(list, family->name);
    const char *x = viewed(item, list->arena, view, 'f', shape, DRAW_NORMAL);
    finish(list, item, 'f', shape, mode, "%s(%s%s)", level[NEXT] ? "rmsnorm" : "layernorm", x, eps[level[NEXT + 1]]);
    return true;
}

static const Factor loss_factors[] = {SHAPE_FACTORS, {"ignore", 5}, {"smooth", 5}, {"mode", MODE_COUNT}, {NULL, 0}};

static bool loss_build(const Family *family, const int *level, List *list) {
    static const char *const ignore[] = {"", ", ignore = 0", ", ignore = 1", ", ignore = -100", ", ignore = 0"};
    static const char *const smooth[] = {"", ", smooth = 0", ", smooth = 0.1", ", smooth = 0.5", ", smooth = 1"};
    Mode mode = (Mode)level[NEXT + 2];
    Dims shape, scalar = dims(0);
    if (!shape_of(level, &shape) || shape.rank < 1 || sizes[level[LAST]] == 0) return false;
    if (!fits(mode, &shape, &scalar)) return false;
    if (!list) return true;
    Case *item = case_new(list, family->name);
    const char *x = operand(item, 'f', shape, DRAW_NORMAL);
    const char *gold = operand(item, 'i', drop_axis(&shape, shape.rank - 1), DRAW_IDS);
    item->operands[1].limit = level[NEXT] == 4 ? 1 : sizes[level[LAST]]; /* the last: all are ignored */
    finish(list, item, 'f', scalar, mode, "cross_entropy(%s, %s%s%s)", x, gold, ignore[level[NEXT]],
           smooth[level[NEXT + 1]]);
    return true;
}

/* ---- products ---- */

enum { BATCH_SAME, BATCH_ONE_LEFT, BATCH_ONE_RIGHT, BATCH_CROSSED, BATCH_COUNT };
static const int product_ranks[][2] = {{2, 2}, {1, 1}, {1, 2}, {2, 1}, {1, 3}, {3, 1}, {2, 3}, {3, 2},
                                       {3, 3}, {4, 4}, {4, 2}, {2, 4}, {4, 3}, {3, 4}, {1, 4}, {4, 1}};
static const Factor product_factors[] = {
    {"rows", SIZE_COUNT}, {"inner", SIZE_COUNT}, {"columns", SIZE_COUNT},    {"batch", SIZE_COUNT}, {"ranks", 16},
    {"transposed", 4},    {"written", 2},        {"broadcast", BATCH_COUNT}, {"mode", MODE_COUNT},  {NULL, 0}};

/* [batch…, rows, columns] with two axes of batch at rank 4; a vector is its inner axis alone. */
static Dims factor_of(int rank, int batch, int other, int rows, int columns) {
    return rank == 1   ? dims(1, rows)
           : rank == 2 ? dims(2, rows, columns)
           : rank == 3 ? dims(3, batch, rows, columns)
                       : dims(4, other, batch, rows, columns);
}

static bool product_shapes(const int *level, Dims *a, Dims *b, Dims *result) {
    int ra = product_ranks[level[4]][0], rb = product_ranks[level[4]][1], way = level[7], batches[2], others[2];
    bool ta = level[5] & 1, tb = level[5] & 2;
    int m = sizes[level[0]], k = sizes[level[1]], n = sizes[level[2]], batch = sizes[level[3]];
    if ((ra == 1 && (level[0] != SIZE_ONE || ta)) || (rb == 1 && (level[2] != SIZE_ONE || tb))) return false;
    if (ra < 3 && rb < 3 && level[3] != SIZE_ONE) return false;
    if ((ra < 3 || rb < 3) && way) return false;
    if (way == BATCH_CROSSED && (ra < 4 || rb < 4)) return false;
    for (int i = 0; i < 2; i++) {
        batches[i] = way == (i ? BATCH_ONE_RIGHT : BATCH_ONE_LEFT) || (way == BATCH_CROSSED && i) ? 1 : batch;
        others[i] = way == BATCH_CROSSED && !i ? 1 : 2;
    }
    *a = ra == 1 ? dims(1, k) : factor_of(ra, batches[0], others[0], ta ? k : m, ta ? m : k);
    *b = rb == 1 ? dims(1, k) : factor_of(rb, batches[1], others[1], tb ? n : k, tb ? k : n);
    int rank = ra > rb ? ra : rb;
    *result = dims(0);
    if (rank == 4) result->size[result->rank++] = 2;
    if (rank >= 3) result->size[result->rank++] = batch;
    if (ra > 1) result->size[result->rank++] = m;
    if (rb > 1) result->size[result->rank++] = n;
    return true;
}

static bool product_build(const Family *family, const int *level, List *list) {
    Dims a, b, result;
    Mode mode = (Mode)level[8];
    bool ta = level[5] & 1, tb = level[5] & 2;
    if (!product_shapes(level, &a, &b, &result) || !fits(mode, &a, &result) || !fits(mode, &b, &result)) return false;
    if (!list) return true;
    Case *item = case_new(list, family->name);
    const char *x = operand(item, 'f', a, DRAW_NORMAL), *y = operand(item, 'f', b, DRAW_NORMAL);
    if (level[6])
        finish(list, item, 'f', result, mode, "matmul(%s, %s, transpose_a = %s, transpose_b = %s)", x, y,
               ta ? "true" : "false", tb ? "true" : "false");
    else
        finish(list, item, 'f', result, mode, "%s%s @ %s%s", x, ta ? ".T" : "", y, tb ? ".T" : "");
    return true;
}

const Family value_families[] = {
    {"unary", unary_factors, unary_build},
    {"binary", binary_factors, binary_build},
    {"where", where_factors, where_build},
    {"fold", fold_factors, fold_build},
    {"softmax", softmax_factors, softmax_build},
    {"norm", norm_factors, norm_build},
    {"loss", loss_factors, loss_build},
    {"product", product_factors, product_build},
    {NULL, NULL, NULL},
};
