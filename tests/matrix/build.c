/* build.c: elementwise operations and folds, each in one form.
 *
 * In: op "max(%s, %s)", operands [2, 1] and [3]. Out: a case whose inputs keep away from what differences can't cross:
 * ties, poles, steps. The tables say which types an operation takes and which it gives. */
#include "matrix.h"

#include <stdio.h>
#include <string.h>

const UnaryRow unary_ops[UNARY_COUNT] = {
    {"-%s", "fii", DRAW_NORMAL, DRAW_INT, true},
    {"abs(%s)", "fii", DRAW_AWAY, DRAW_INT, true},
    {"exp(%s)", "fff", DRAW_NORMAL, DRAW_INT_SMALL, true},
    {"log(%s)", "fff", DRAW_POSITIVE, DRAW_INT_POSITIVE, true},
    {"sqrt(%s)", "fff", DRAW_POSITIVE, DRAW_INT_POSITIVE, true},
    {"rsqrt(%s)", "fff", DRAW_POSITIVE, DRAW_INT_POSITIVE, true},
    {"tanh(%s)", "fff", DRAW_NORMAL, DRAW_INT, true},
    {"sigmoid(%s)", "fff", DRAW_NORMAL, DRAW_INT, true},
    {"relu(%s)", "fii", DRAW_AWAY, DRAW_INT, true},
    {"gelu(%s)", "fff", DRAW_NORMAL, DRAW_INT, true},
    {"gelu_tanh(%s)", "fff", DRAW_NORMAL, DRAW_INT, true},
    {"silu(%s)", "fff", DRAW_NORMAL, DRAW_INT, true},
    {"erf(%s)", "fff", DRAW_NORMAL, DRAW_INT, true},
    {"sin(%s)", "fff", DRAW_NORMAL, DRAW_INT, true},
    {"cos(%s)", "fff", DRAW_NORMAL, DRAW_INT, true},
    {"f32(%s)", "fff", DRAW_NORMAL, DRAW_INT, true},
    {"f64(%s)", "fff", DRAW_NORMAL, DRAW_INT, true},
    {"i32(%s)", "iii", DRAW_AWAY, DRAW_INT, false},
    {"bool(%s)", "bbb", DRAW_COARSE, DRAW_INT_SMALL, false},
    {"not %s", "--b", DRAW_NORMAL, DRAW_INT, false},
    {"dropout(%s, 0.3)", "fib", DRAW_NORMAL, DRAW_INT, true},
    {"stop(%s)", "fib", DRAW_NORMAL, DRAW_INT, false},
};

const BinaryRow binary_ops[BINARY_COUNT] = {
    {"%s + %s", "fiif", DRAW_NORMAL, DRAW_NORMAL, DRAW_INT, DRAW_INT, DRAW_BOOL, {"2", "0", "1"}, true},
    {"%s - %s", "fiif", DRAW_NORMAL, DRAW_NORMAL, DRAW_INT, DRAW_INT, DRAW_BOOL, {"2", "0", "1"}, true},
    {"%s * %s", "fiif", DRAW_NORMAL, DRAW_NORMAL, DRAW_INT, DRAW_INT, DRAW_BOOL, {"3", "1", "2"}, true},
    {"%s / %s", "ffff", DRAW_AWAY, DRAW_AWAY, DRAW_INT, DRAW_INT_AWAY, DRAW_TRUE, {"3", "1", "1"}, true},
    {"%s %% %s", "fiif", DRAW_ODD, DRAW_QUARTER, DRAW_INT, DRAW_INT_AWAY, DRAW_TRUE, {"3", "1", "7"}, true},
    {"%s ** %s",
     "ffff",
     DRAW_POSITIVE,
     DRAW_NORMAL,
     DRAW_INT_POSITIVE,
     DRAW_INT_SMALL,
     DRAW_BOOL,
     {"2", "0.5", "2"},
     true},
    {"min(%s, %s)", "fiif", DRAW_DISTINCT, DRAW_DISTINCT2, DRAW_INT, DRAW_INT, DRAW_BOOL, {"1.00001", "0", "2"}, true},
    {"max(%s, %s)", "fiif", DRAW_DISTINCT, DRAW_DISTINCT2, DRAW_INT, DRAW_INT, DRAW_BOOL, {"1.00001", "0", "2"}, true},
    {"%s < %s", "bbbb", DRAW_COARSE, DRAW_COARSE, DRAW_INT_SMALL, DRAW_INT_SMALL, DRAW_BOOL, {"1", "0", "1"}, false},
    {"%s <= %s", "bbbb", DRAW_COARSE, DRAW_COARSE, DRAW_INT_SMALL, DRAW_INT_SMALL, DRAW_BOOL, {"1", "0", "1"}, false},
    {"%s > %s", "bbbb", DRAW_COARSE, DRAW_COARSE, DRAW_INT_SMALL, DRAW_INT_SMALL, DRAW_BOOL, {"1", "0", "1"}, false},
    {"%s >= %s", "bbbb", DRAW_COARSE, DRAW_COARSE, DRAW_INT_SMALL, DRAW_INT_SMALL, DRAW_BOOL, {"1", "0", "1"}, false},
    {"%s == %s", "bbbb", DRAW_COARSE, DRAW_COARSE, DRAW_INT_SMALL, DRAW_INT_SMALL, DRAW_BOOL, {"1", "0", "1"}, false},
    {"%s != %s", "bbbb", DRAW_COARSE, DRAW_COARSE, DRAW_INT_SMALL, DRAW_INT_SMALL, DRAW_BOOL, {"1", "0", "1"}, false},
    {"%s and %s", "--b-", DRAW_BOOL, DRAW_BOOL, DRAW_BOOL, DRAW_BOOL, DRAW_BOOL, {"true", "false", "true"}, false},
    {"%s or %s", "--b-", DRAW_BOOL, DRAW_BOOL, DRAW_BOOL, DRAW_BOOL, DRAW_BOOL, {"true", "false", "false"}, false},
};

const FoldRow folds[FOLD_COUNT] = {
    {"sum", "fii", DRAW_NORMAL, true},        {"mean", "fff", DRAW_NORMAL, false},
    {"max", "fii", DRAW_DISTINCT, false},     {"min", "fii", DRAW_DISTINCT, false},
    {"logsumexp", "fff", DRAW_NORMAL, false},
};

/* ---- views ---- */

bool view_fits(View view, const Dims *shape) {
    if (view == VIEW_T) return shape->rank >= 2;
    return view == VIEW_PLAIN || shape->rank >= 1;
}

const char *viewed(Case *item, Arena *arena, View view, char type, Dims shape, Draw draw) {
    Dims from = shape;
    int rank = shape.rank;
    if (!view_fits(view, &shape)) return NULL;
    if (view == VIEW_T) {
        from.size[rank - 1] = shape.size[rank - 2];
        from.size[rank - 2] = shape.size[rank - 1];
        return arena_printf(arena, "%s.T", operand(item, type, from, draw));
    }
    if (view == VIEW_SLICE) {
        from.size[rank - 1] += 2;
        return arena_printf(arena, "%s[.., 1:%d]", operand(item, type, from, draw), shape.size[rank - 1] + 1);
    }
    if (view == VIEW_RESHAPE) {
        from = dims(1, (int)dims_count(&shape));
        return arena_printf(arena, "(%s as [%s])", operand(item, type, from, draw), dims_text(arena, &shape));
    }
    if (view == VIEW_PERMUTE) {
        Text axes;
        text_init(&axes, arena);
        for (int i = 0; i < rank; i++) {
            from.size[i] = shape.size[rank - 1 - i];
            text_printf(&axes, ", %d", rank - 1 - i);
        }
        return arena_printf(arena, "permute(%s%s)", operand(item, type, from, draw), axes.at);
    }
    return operand(item, type, from, draw);
}

/* ---- elementwise ---- */

static int type_index(char type) {
    return type == 'f' ? 0 : type == 'i' ? 1 : 2;
}

/* A table's text with its operands in the places of %s; %% is %. */
static const char *filled(Arena *arena, const char *text, const char *a, const char *b) {
    Text out;
    text_init(&out, arena);
    for (const char *at = text; *at; at++) {
        if (*at == '%') {
            at++;
            text_add(&out, *at == '%' ? "%" : a);
            if (*at != '%') a = b;
        } else {
            text_printf(&out, "%c", *at);
        }
    }
    return out.at;
}

static Draw draw_of(char type, Draw draw, Draw draw_int, Draw draw_bool) {
    return type == 'f' ? draw : type == 'i' ? draw_int : draw_bool;
}

void unary(List *list, const char *family, int op, char type, Dims shape, View view, Mode mode) {
    const UnaryRow *row = &unary_ops[op];
    Case *item = case_new(list, family);
    const char *x = viewed(item, list->arena, view, type, shape, draw_of(type, row->draw, row->draw_int, DRAW_BOOL));
    char result = row->types[type_index(type)];
    bool stops = strncmp(row->text, "stop", 4) == 0 && type == 'f';
    item->corner = stops;
    const char *text = filled(list->arena, row->text, x, NULL);
    if (stops) text = arena_printf(list->arena, "%s * %s", x, text);
    finish(list, item, result, shape, row->smooth || stops ? mode : MODE_VALUE, "%s", text);
}

bool broadcast_of(const Dims *a, const Dims *b, Dims *result) {
    result->rank = a->rank > b->rank ? a->rank : b->rank;
    for (int i = 1; i <= result->rank; i++) {
        int na = i <= a->rank ? a->size[a->rank - i] : 1, nb = i <= b->rank ? b->size[b->rank - i] : 1;
        if (na != nb && na != 1 && nb != 1) return false;
        result->size[result->rank - i] = na == 1 ? nb : na;
    }
    return true;
}

void binary(List *list, const char *family, int op, int types, Dims a, Dims b, Pair pair, Mode mode) {
    const BinaryRow *row = &binary_ops[op];
    char type_a = "fibf"[types], type_b = "fibi"[types];
    Case *item = case_new(list, family);
    Dims result = a;
    const char *left = NULL, *right = NULL;
    if (pair == PAIR_RIGHT_NUMBER || pair == PAIR_RIGHT_OTHER) right = row->numbers[pair - PAIR_RIGHT_NUMBER];
    if (pair == PAIR_LEFT_NUMBER) left = row->numbers[2];
    if (left && type_b == 'f' && row->right == DRAW_QUARTER) left = "7.0625"; /* no multiple of the divisors */
    if (!left) left = operand(item, type_a, a, draw_of(type_a, row->left, row->left_int, DRAW_BOOL));
    if (pair == PAIR_ITSELF) {
        item->operands[0].draw = draw_of(type_a, row->right, row->right_int, row->right_bool);
        if (strstr(row->text, "**"))
            item->operands[0].draw = draw_of(type_a, DRAW_POSITIVE, DRAW_INT_POSITIVE, DRAW_TRUE);
        right = left;
    }
    if (!right) right = operand(item, type_b, b, draw_of(type_b, row->right, row->right_int, row->right_bool));
    if (pair == PAIR_LEFT_NUMBER) result = b;
    if (pair < PAIR_RIGHT_NUMBER) broadcast_of(&a, &b, &result);
    char type = row->types[types];
    if (type == 'i' && (strstr(right, ".") || strstr(left, "."))) type = 'f';
    finish(list, item, type, result, row->smooth ? mode : MODE_VALUE, "%s",
           filled(list->arena, row->text, left, right));
}

/* ---- folds ---- */

void fold(List *list, const char *family, int op, char type, Dims shape, const char *axes, const bool *gone,
          const char *keep, bool named, Mode mode) {
    const FoldRow *row = &folds[op];
    Case *item = case_new(list, family);
    Dims result = {0};
    const char *x = operand(item, type, shape, draw_of(type, row->draw, DRAW_INT, DRAW_BOOL));
    item->operands[0].named = named;
    for (int i = 0; i < shape.rank; i++) {
        if (gone[i] && strcmp(keep, "true") != 0) continue;
        result.size[result.rank++] = gone[i] ? 1 : shape.size[i];
    }
    finish(list, item, row->types[type_index(type)], result, mode, "%s(%s%s%s%s%s)", row->name, x,
           axes ? ", axis = " : "", axes ? axes : "", *keep ? ", keep = " : "", keep);
}
