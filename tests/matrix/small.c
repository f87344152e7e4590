/* small.c: everything up to rank 2 with sizes 1, 2 and 3.
 *
 * Binary operations over all pairs of shapes that broadcast, unary operations, folds and rows over all shapes, with
 * each axis, list of axes, keep, mask and eps. */
#include "matrix.h"

#include <string.h>

enum { SHAPES = 13 };

static void shapes_make(Dims *shapes) {
    int count = 0;
    shapes[count++] = dims(0);
    for (int i = 1; i <= 3; i++) shapes[count++] = dims(1, i);
    for (int i = 1; i <= 3; i++)
        for (int k = 1; k <= 3; k++) shapes[count++] = dims(2, i, k);
}

static void unary_cases(List *list, const Dims *shapes) {
    for (int op = 0; op < UNARY_COUNT; op++)
        for (int t = 0; t < 3; t++)
            for (int s = 0; s < SHAPES; s++)
                if (unary_ops[op].types[t] != '-')
                    unary(list, "small unary", op, "fib"[t], shapes[s], VIEW_PLAIN, MODE_GRADIENT);
}

static void binary_cases(List *list, const Dims *shapes) {
    Dims result;
    for (int op = 0; op < BINARY_COUNT; op++)
        for (int types = 0; types < 4; types++)
            for (int i = 0; i < SHAPES * SHAPES && binary_ops[op].types[types] != '-'; i++) {
                const Dims *a = &shapes[i / SHAPES], *b = &shapes[i % SHAPES];
                if (!broadcast_of(a, b, &result)) continue;
                binary(list, "small binary", op, types, *a, *b, PAIR_SAME, MODE_GRADIENT);
            }
}

/* where(c, a, b): every pair of shapes for a and b, the condition in turn of every shape that goes with theirs. */
static void where_cases(List *list, const Dims *shapes) {
    int turn = 0;
    for (int i = 0; i < SHAPES * SHAPES; i++) {
        Dims a = shapes[i / SHAPES], b = shapes[i % SHAPES], both, all;
        if (!broadcast_of(&a, &b, &both)) continue;
        do turn = (turn + 1) % SHAPES;
        while (!broadcast_of(&both, &shapes[turn], &all));
        Case *item = case_new(list, "small where");
        const char *x = operand(item, 'f', a, DRAW_NORMAL), *y = operand(item, 'f', b, DRAW_NORMAL);
        const char *c = operand(item, 'b', shapes[turn], DRAW_BOOL);
        finish(list, item, 'f', all, MODE_GRADIENT, "where(%s, %s, %s)", c, x, y);
    }
}

static void product_cases(List *list, const Dims *shapes) {
    for (int i = 0; i < SHAPES * SHAPES; i++)
        for (int form = 0; form < 4; form++) {
            Dims a = shapes[i / SHAPES], b = shapes[i % SHAPES], result = {0};
            bool ta = form & 1, tb = form & 2;
            if (a.rank < 1 || b.rank < 1 || (ta && a.rank < 2) || (tb && b.rank < 2)) continue;
            if (a.size[ta ? 0 : a.rank - 1] != b.size[tb ? 1 : 0]) continue;
            if (a.rank == 2) result.size[result.rank++] = a.size[ta ? 1 : 0];
            if (b.rank == 2) result.size[result.rank++] = b.size[tb ? 0 : 1];
            Case *item = case_new(list, "small product");
            const char *x = operand(item, 'f', a, DRAW_NORMAL), *y = operand(item, 'f', b, DRAW_NORMAL);
            finish(list, item, 'f', result, MODE_GRADIENT, "%s%s @ %s%s", x, ta ? ".T" : "", y, tb ? ".T" : "");
        }
}

/* ---- folds: each way of naming axes ---- */

typedef struct Form {
    const char *text;
    int rank;
    bool gone[2], named;
} Form;

static const Form forms[] = {
    {NULL, 0, {true, true}, false},       {NULL, 1, {true, true}, false},     {NULL, 2, {true, true}, false},
    {"0", 1, {true, false}, false},       {"-1", 1, {true, false}, false},    {"[0]", 1, {true, false}, false},
    {"A%d", 1, {true, false}, true},      {"0", 2, {true, false}, false},     {"1", 2, {false, true}, false},
    {"-1", 2, {false, true}, false},      {"-2", 2, {true, false}, false},    {"[0]", 2, {true, false}, false},
    {"[-1]", 2, {false, true}, false},    {"[0, 1]", 2, {true, true}, false}, {"[1, 0]", 2, {true, true}, false},
    {"[-1, -2]", 2, {true, true}, false}, {"A%d", 2, {true, false}, true},    {"[A%d, B%d]", 2, {true, true}, true},
    {"[0, -1]", 2, {true, true}, false},
};

static void fold_cases(List *list, const Dims *shapes) {
    static const char *const keeps[] = {"", "true", "false"};
    enum { FORMS = sizeof forms / sizeof *forms };
    for (int i = 0; i < FOLD_COUNT * SHAPES * FORMS * 3; i++) {
        int op = i / (SHAPES * FORMS * 3), keep = i % 3;
        const Dims *shape = &shapes[i / (FORMS * 3) % SHAPES];
        const Form *form = &forms[i / 3 % FORMS];
        if (form->rank != shape->rank || (keep == 2 && op > 0)) continue;
        const char *axes = form->text;
        if (form->named) {
            const char *first = arena_printf(list->arena, "A%d", shape->size[0]);
            axes = axes[0] == '[' ? arena_printf(list->arena, "[%s, B%d]", first, shape->size[1]) : first;
        }
        fold(list, "small fold", op, 'f', *shape, axes, form->gone, keeps[keep], form->named, MODE_GRADIENT);
        if (keep == 0) fold(list, "small fold", op, 'i', *shape, axes, form->gone, "", form->named, MODE_VALUE);
    }
}

/* ---- rows ---- */

static void softmax_case(List *list, const char *name, Dims shape, const char *axis, const Dims *mask, Draw draw) {
    Case *item = case_new(list, "small rows");
    const char *x = operand(item, 'f', shape, DRAW_NORMAL);
    const char *m = mask ? operand(item, 'b', *mask, draw) : "";
    finish(list, item, 'f', shape, MODE_GRADIENT, "%s(%s%s%s%s%s)", name, x, *axis ? ", axis = " : "", axis,
           mask ? ", mask = " : "", m);
}

static void row_cases(List *list, const Dims *shapes) {
    static const char *const axes[] = {"", "0", "-1", "1", "-2"};
    static const char *const eps[] = {"", ", eps = 1e-5", ", eps = 0.5"};
    Dims all;
    for (int s = 1; s < SHAPES; s++) {
        for (int i = 0; i < 5; i++) {
            if (i > 2 && shapes[s].rank < 2) continue;
            softmax_case(list, "log_softmax", shapes[s], axes[i], NULL, DRAW_BOOL);
            softmax_case(list, "softmax", shapes[s], axes[i], NULL, DRAW_BOOL);
            for (int m = 0; m < SHAPES; m++) {
                if (!broadcast_of(&shapes[m], &shapes[s], &all) || !same_dims(&all, &shapes[s])) continue;
                softmax_case(list, "softmax", shapes[s], axes[i], &shapes[m], DRAW_BOOL);
            }
            softmax_case(list, "softmax", shapes[s], axes[i], &shapes[s], DRAW_FALSE);
        }
        for (int i = 0; i < 6; i++) {
            Case *item = case_new(list, "small rows");
            const char *x = operand(item, 'f', shapes[s], DRAW_NORMAL);
            finish(list, item, 'f', shapes[s], MODE_GRADIENT, "%s(%s%s)", i < 3 ? "layernorm" : "rmsnorm", x,
                   eps[i % 3]);
        }
    }
}

static void loss_cases(List *list, const Dims *shapes) {
    static const char *const flags[] = {
        "", ", ignore = 0", ", smooth = 0.1", ", ignore = 1, smooth = 0.25", ", smooth = 1", ", ignore = -1"};
    for (int s = 1; s < SHAPES; s++)
        for (int i = 0; i < 6; i++) {
            int last = shapes[s].rank - 1;
            Case *item = case_new(list, "small rows");
            const char *x = operand(item, 'f', shapes[s], DRAW_NORMAL);
            const char *gold = operand(item, 'i', drop_axis(&shapes[s], last), DRAW_IDS);
            item->operands[1].limit = shapes[s].size[last];
            finish(list, item, 'f', dims(0), MODE_GRADIENT, "cross_entropy(%s, %s%s)", x, gold, flags[i]);
        }
}

void small_cases(List *list) {
    Dims shapes[SHAPES];
    shapes_make(shapes);
    unary_cases(list, shapes);
    binary_cases(list, shapes);
    where_cases(list, shapes);
    product_cases(list, shapes);
    fold_cases(list, shapes);
    row_cases(list, shapes);
    loss_cases(list, shapes);
}
