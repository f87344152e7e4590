/* moves.c: families of operations that move, pick, join and make.
 *
 * Slices and indices with fixed and run-time places, gather, reshapes and permutations, concat, stack, split, pad, and
 * what is made from sizes alone. */
#include "matrix.h"

#include <stdio.h>
#include <string.h>

#define SHAPE_FACTORS                                                                                                  \
    {"rank", 5}, {"last size", SIZE_COUNT}, {"size before", SIZE_COUNT}, {                                             \
        "other sizes", SIZE_COUNT                                                                                      \
    }
enum { RANK, LAST, BEFORE, OTHERS, NEXT };
enum { AXIS_FIRST, AXIS_LAST, AXIS_MIDDLE, AXIS_NEGATIVE, AXIS_COUNT };

static Draw draw_for(char type) {
    return type == 'f' ? DRAW_NORMAL : type == 'i' ? DRAW_INT : DRAW_BOOL;
}

/* The shape and the axis of a family that begins with SHAPE_FACTORS, axis, type, mode. */
static bool read_levels(const int *level, Dims *shape, int *axis) {
    if (!shape_by(level[RANK], level[LAST], level[BEFORE], level[OTHERS], shape)) return false;
    if (shape->rank < (level[NEXT] == AXIS_MIDDLE ? 3 : 1) || (level[NEXT + 1] && level[NEXT + 2])) return false;
    *axis = level[NEXT] == AXIS_LAST ? shape->rank - 1 : level[NEXT] == AXIS_MIDDLE;
    return true;
}

static int axis_number(const int *level, const Dims *shape, int axis) {
    return level[NEXT] == AXIS_NEGATIVE ? axis - shape->rank : axis;
}

/* ---- slices and indices ---- */

enum { FROM_START, INSIDE, FROM_END, TO_END, AT, AT_END, AT_RUN_TIME, WINDOW, PLACE_COUNT };
static const Factor place_factors[] = {SHAPE_FACTORS,        {"axis", AXIS_NEGATIVE}, {"type", 3},
                                       {"mode", MODE_COUNT}, {"place", PLACE_COUNT},  {NULL, 0}};

/* [:, :, 1:4, ..] */
static const char *bracket(Arena *arena, const char *place, const Dims *shape, int axis, bool from_right) {
    Text text;
    text_init(&text, arena);
    text_add(&text, from_right ? "[.., " : "[");
    for (int i = 0; i < axis && !from_right; i++) text_add(&text, ":, ");
    text_printf(&text, "%s%s]", place, axis < shape->rank - 1 ? ", .." : "");
    return text.at;
}

static bool place_build(const Family *family, const int *level, List *list) {
    Dims shape, source, result;
    int axis, place = level[NEXT + 3];
    Mode mode = (Mode)level[NEXT + 2];
    char type = "fib"[level[NEXT + 1]];
    if (!read_levels(level, &shape, &axis)) return false;
    source = result = shape;
    int size = shape.size[axis];
    if (place < AT || place == WINDOW) source.size[axis] += place == TO_END || place == FROM_START ? 1 : 2;
    if (place >= AT && place <= AT_RUN_TIME) {
        if (size == 0 || (place == AT && size < 2)) return false;
        result = drop_axis(&shape, axis);
    }
    if (!fits(mode, &source, &result)) return false;
    if (!list) return true;
    Case *item = case_new(list, family->name);
    const char *x = operand(item, type, source, draw_for(type));
    if (place >= AT_RUN_TIME) {
        operand(item, 'i', dims(0), DRAW_IDS);
        item->operands[1].limit = place == WINDOW ? 3 : size;
    }
    char at[64];
    snprintf(at, sizeof at,
             place == AT            ? "1"
             : place == AT_END      ? "-1"
             : place == AT_RUN_TIME ? "b"
                                    : "b : b + %d",
             size);
    if (place == FROM_START) snprintf(at, sizeof at, ":%d", size);
    if (place == INSIDE) snprintf(at, sizeof at, "1:%d", size + 1);
    if (place == FROM_END) snprintf(at, sizeof at, "%d:-1", -size - 1);
    if (place == TO_END) snprintf(at, sizeof at, "1:");
    bool from_right = axis == shape.rank - 1 && level[NEXT] == AXIS_LAST;
    finish(list, item, type, result, mode, "%s%s", x, bracket(list->arena, at, &shape, axis, from_right));
    return true;
}

static const Factor gather_factors[] = {{"rows", SIZE_COUNT}, {"width", SIZE_COUNT}, {"ids", SIZE_COUNT},
                                        {"table's rank", 3},  {"rank of ids", 4},    {"type", 3},
                                        {"written", 2},       {"mode", MODE_COUNT},  {NULL, 0}};

static bool gather_build(const Family *family, const int *level, List *list) {
    int rows = sizes[level[0]], width = sizes[level[1]], count = sizes[level[2]], table_rank = level[3] + 1;
    char type = "fib"[level[5]];
    Mode mode = (Mode)level[7];
    if (rows == 0 || (table_rank == 1 && level[1] != SIZE_ONE) || (level[4] == 0 && level[2] != SIZE_ONE)) return false;
    Dims table = table_rank == 1 ? dims(1, rows) : table_rank == 2 ? dims(2, rows, width) : dims(3, rows, 2, width);
    Dims ids = level[4] == 0   ? dims(0)
               : level[4] == 1 ? dims(1, count)
               : level[4] == 2 ? dims(2, 2, count)
                               : dims(3, 2, count, 3);
    Dims result = ids;
    for (int i = 1; i < table.rank; i++) result.size[result.rank++] = table.size[i];
    if ((mode && type != 'f') || !fits(mode, &table, &result)) return false;
    if (!list) return true;
    Case *item = case_new(list, family->name);
    const char *t = operand(item, type, table, draw_for(type)), *i = operand(item, 'i', ids, DRAW_IDS);
    item->operands[1].limit = level[6] ? 100 : rows;
    if (level[6])
        finish(list, item, type, result, mode, "gather(%s, %s %% %d)", t, i, rows);
    else
        finish(list, item, type, result, mode, "gather(%s, %s)", t, i);
    return true;
}

/* ---- joining and cutting ---- */

enum { CONCAT, CONCAT_THREE, CONCAT_SAME, STACK, STACK_THREE, SPLIT, SPLIT_LIST, PAD, PAD_VALUE, JOIN_COUNT };
static const Factor join_factors[] = {SHAPE_FACTORS,        {"axis", AXIS_COUNT},      {"type", 3},
                                      {"mode", MODE_COUNT}, {"operation", JOIN_COUNT}, {NULL, 0}};

static void join_case(List *list, Case *item, const int *level, const Dims *shape, int axis, Dims result) {
    char type = "fib"[level[NEXT + 1]];
    int op = level[NEXT + 3], number = axis_number(level, shape, axis);
    Dims more = *shape;
    more.size[axis] += op == CONCAT || op == CONCAT_THREE;
    if ((op == STACK || op == STACK_THREE) && number < 0) number--;
    const char *x = operand(item, type, *shape, draw_for(type));
    const char *y = op == CONCAT_SAME ? x : operand(item, type, more, draw_for(type)), *third = "";
    if (op == CONCAT_THREE || op == STACK_THREE)
        third = arena_printf(list->arena, ", %s", operand(item, type, *shape, draw_for(type)));
    finish(list, item, type, result, (Mode)level[NEXT + 2], "%s(%s, %s%s, axis = %d)",
           op == STACK || op == STACK_THREE ? "stack" : "concat", x, y, third, number);
}

static void split_case(List *list, Case *item, const int *level, const Dims *source, int axis, int size) {
    char type = "fib"[level[NEXT + 1]];
    int number = axis_number(level, source, axis);
    const char *x = operand(item, type, *source, draw_for(type));
    const char *parts = level[NEXT + 3] == SPLIT ? "2" : arena_printf(list->arena, "[1, %d]", size);
    item->before = arena_printf(list->arena, "p, q = split(%s, %s, axis = %d)", x, parts, number);
    finish(list, item, type, *source, (Mode)level[NEXT + 2], "concat(q, p, axis = %d)", number);
}

static void pad_case(List *list, Case *item, const int *level, const Dims *shape, int axis, Dims result) {
    char type = "fib"[level[NEXT + 1]];
    const char *x = operand(item, type, *shape, draw_for(type));
    Text widths;
    text_init(&widths, list->arena);
    for (int i = 0; i < shape->rank; i++) text_printf(&widths, "%s%s", i ? ", " : "", i == axis ? "[2, 1]" : "[0, 0]");
    finish(list, item, type, result, (Mode)level[NEXT + 2], "pad(%s, [%s]%s)", x, widths.at,
           level[NEXT + 3] == PAD ? ""
           : type == 'b'          ? ", value = 1"
                                  : ", value = 3");
}

static bool join_build(const Family *family, const int *level, List *list) {
    Dims shape, result;
    int axis, op = level[NEXT + 3];
    if (!read_levels(level, &shape, &axis)) return false;
    result = shape;
    int size = shape.size[axis];
    if (op == STACK || op == STACK_THREE) {
        result.rank++;
        for (int i = shape.rank; i > axis; i--) result.size[i] = shape.size[i - 1];
        result.size[axis] = op == STACK ? 2 : 3;
    } else {
        const int grown[JOIN_COUNT] = {[CONCAT] = 2 * size + 1, [CONCAT_THREE] = 3 * size + 1, [CONCAT_SAME] = 2 * size,
                                       [SPLIT] = 2 * size,      [SPLIT_LIST] = size + 1,       [PAD] = size + 3,
                                       [PAD_VALUE] = size + 3};
        result.size[axis] = grown[op];
    }
    bool cut = op == SPLIT || op == SPLIT_LIST;
    if (!fits((Mode)level[NEXT + 2], cut ? &result : &shape, &result)) return false;
    if (!list) return true;
    Case *item = case_new(list, family->name);
    if (cut)
        split_case(list, item, level, &result, axis, size);
    else if (op >= PAD)
        pad_case(list, item, level, &shape, axis, result);
    else
        join_case(list, item, level, &shape, axis, result);
    return true;
}

/* ---- the same numbers in another order ---- */

enum { FLAT, MERGED, UNMERGED, TRANSPOSED, PERMUTED, TURNED, NAMED_TO, FILLED, FILLED_ROWS, MOVE_COUNT };
static const Factor move_factors[] = {
    SHAPE_FACTORS, {"operation", MOVE_COUNT}, {"type", 3}, {"mode", MODE_COUNT}, {NULL, 0}};

static Dims moved(int op, const Dims *shape) {
    Dims result = *shape;
    int rank = shape->rank;
    if (op == FLAT) return dims(1, (int)dims_count(shape));
    if (op == MERGED) {
        result.rank--;
        result.size[rank - 2] *= shape->size[rank - 1];
    }
    if (op == UNMERGED) {
        result.rank++;
        result.size[rank] = 1;
    }
    for (int i = 0; i < rank; i++) {
        if (op == PERMUTED || op == NAMED_TO) result.size[i] = shape->size[rank - 1 - i];
        if (op == TURNED) result.size[i] = shape->size[(i + 1) % rank];
    }
    if (op == TRANSPOSED) {
        result.size[rank - 1] = shape->size[rank - 2];
        result.size[rank - 2] = shape->size[rank - 1];
    }
    return result;
}

static const char *move_text(Arena *arena, int op, const Dims *shape, const Dims *result) {
    Text text;
    int rank = shape->rank;
    text_init(&text, arena);
    text_add(&text, op == TRANSPOSED ? "a.T" : op == NAMED_TO ? "a to [" : op <= UNMERGED ? "a as [" : "permute(a");
    for (int i = 0; i < rank && (op == PERMUTED || op == TURNED); i++)
        text_printf(&text, ", %d", op == PERMUTED ? rank - 1 - i : (i + 1) % rank - (i == 0 ? rank : 0));
    for (int i = rank - 1; i >= 0 && op == NAMED_TO; i--)
        text_printf(&text, "%c%d%s", 'A' + i, shape->size[i], i ? ", " : "");
    if (op <= UNMERGED) text_add(&text, dims_text(arena, result));
    if (op != TRANSPOSED) text_add(&text, op <= UNMERGED || op == NAMED_TO ? "]" : ")");
    return text.at;
}

static bool move_build(const Family *family, const int *level, List *list) {
    static const int least_rank[MOVE_COUNT] = {0, 2, 1, 2, 1, 1, 1, 1, 1};
    int op = level[NEXT], type = level[NEXT + 1];
    Mode mode = (Mode)level[NEXT + 2];
    Dims shape;
    if (!shape_by(level[RANK], level[LAST], level[BEFORE], level[OTHERS], &shape)) return false;
    if (shape.rank < least_rank[op] || (mode && type)) return false;
    Dims result = moved(op, &shape), source = shape;
    if (op == FILLED) source = dims(0);
    if (op == FILLED_ROWS) source = dims(1, shape.size[shape.rank - 1]);
    if (!fits(mode, &source, &result)) return false;
    if (!list) return true;
    Case *item = case_new(list, family->name);
    operand(item, "fib"[type], source, draw_for("fib"[type]));
    item->operands[0].named = op == NAMED_TO;
    if (op >= FILLED)
        finish(list, item, "fib"[type], result, mode, "full([%s], a)", dims_text(list->arena, &shape));
    else
        finish(list, item, "fib"[type], result, mode, "%s", move_text(list->arena, op, &shape, &result));
    return true;
}

/* ---- made from sizes alone ---- */

enum { ZEROS, ONES, FULL, IOTA, CAUSAL, SINUSOID, ONE_HOT, MAKE_COUNT };
static const Factor make_factors[] = {{"operation", MAKE_COUNT}, {"rows", SIZE_COUNT},
                                      {"columns", SIZE_COUNT},   {"used", 2},
                                      {"mode", MODE_COUNT},      {NULL, 0}};

static bool make_build(const Family *family, const int *level, List *list) {
    static const char *const names[] = {"zeros", "ones", "full", "iota", "causal", "sinusoid", "one_hot"};
    int op = level[0], n = sizes[level[1]], d = sizes[level[2]];
    bool used = level[3];
    Mode mode = (Mode)level[4];
    if ((op == IOTA || op == CAUSAL) && level[2] != SIZE_ONE) return false;
    Dims shape = op == IOTA ? dims(1, n) : op == CAUSAL ? dims(2, n, n) : dims(2, n, d);
    if (op == ONE_HOT && d == 0 && n > 0) return false; /* no id is in range */
    if ((mode && !used) || !fits(mode, &shape, &shape)) return false;
    if (!list) return true;
    Case *item = case_new(list, family->name);
    const char *x = used ? operand(item, 'f', shape, DRAW_NORMAL) : "", *text;
    Arena *arena = list->arena;
    if (op <= FULL)
        text = arena_printf(arena, "%s([%d, %d]%s)", names[op], n, d, op == FULL ? ", 2.5" : "");
    else if (op <= CAUSAL)
        text = arena_printf(arena, "%s(%d)", names[op], n);
    else if (op == SINUSOID)
        text = arena_printf(arena, "sinusoid(%d, %d)", n, d);
    else
        text = arena_printf(arena, "one_hot(%s, %d)", operand(item, 'i', dims(1, n), DRAW_IDS), d);
    if (op == ONE_HOT) item->operands[item->count - 1].limit = d;
    if (!used)
        finish(list, item, op == IOTA ? 'i' : op == CAUSAL ? 'b' : 'f', shape, mode, "%s", text);
    else if (op == CAUSAL)
        finish(list, item, 'f', shape, mode, "where(%s, %s, 0.5)", text, x);
    else
        finish(list, item, 'f', shape, mode, "%s * (%s + 1)", x, text);
    return true;
}

const Family move_families[] = {
    {"place", place_factors, place_build}, {"gather", gather_factors, gather_build}, {"join", join_factors, join_build},
    {"move", move_factors, move_build},    {"make", make_factors, make_build},       {NULL, NULL, NULL},
};
