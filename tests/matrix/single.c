/* single.c: cases that no family has a place for: states, corners, lists of layers, third derivatives.
 *
 * At a corner the language decides: ties share a gradient evenly, relu and abs have 0 at 0. Differences say something
 * else there, so that these are compared with the evaluator alone; tests/values has their numbers. */
#include "matrix.h"

#include <stdio.h>

static void corner_cases(List *list) {
    static const char *const texts[] = {"max(a)",       "min(a, axis = 0)", "max(a, axis = -1, keep = true)",
                                        "relu(a)",      "abs(a)",           "max(a, 0)",
                                        "min(a, a[0])", "max(a, a.T)",      "where(a > 0, a, 0)",
                                        "a ** 2",       "sqrt(a * a)",      "max(a, axis = [0, 1])"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (int second = 0; second < 2; second++) {
            Case *item = case_new(list, "corner");
            Dims shape = dims(2, 5, 5), result = shape;
            if (i == 0 || i == 11) result = dims(0);
            if (i == 1) result = dims(1, 5);
            if (i == 2) result = dims(2, 5, 1);
            item->corner = true;
            operand(item, 'f', shape, DRAW_COARSE);
            finish(list, item, 'f', result, second ? MODE_SECOND : MODE_GRADIENT, "%s", texts[i]);
        }
}

static void state_cases(List *list) {
    static const char *const writes[] = {"s#[:, :] := b", "s#[2, :] := b[0]", "s#[1:3, 0:2] := b[1:3, 1:3]",
                                         "s#[c : c + 2, :] := b[0:2]", "s# := b"};
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++)
        for (int type = 0; type < 2; type++) {
            Case *item = case_new(list, "state");
            item->head = arena_printf(list->arena, "state s#: %s[4, 3] ~ zeros\n", type ? "i32" : "");
            operand(item, 'f', dims(2, 4, 3), DRAW_NORMAL);
            operand(item, type ? 'i' : 'f', dims(2, 4, 3), type ? DRAW_INT : DRAW_NORMAL);
            operand(item, 'i', dims(0), DRAW_IDS);
            item->operands[2].limit = 3;
            item->before = writes[i];
            finish(list, item, 'f', dims(2, 4, 3), type ? MODE_GRADIENT : MODE_VALUE, "a * a * s#");
        }
}

static void order_cases(List *list) {
    static const char *const texts[] = {"grad(sum(grad(sum(sin(a) * a), a) * a), a)", "jacobian(tanh(a) * sum(a), a)",
                                        "sum(jacobian(softmax(a), a) * a, axis = -1)", "stop(a) * a + stop(a * a)"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (int mode = 0; mode < MODE_COUNT; mode++) {
            Case *item = case_new(list, "order");
            operand(item, 'f', dims(1, 4), DRAW_NORMAL);
            item->corner = i == 3;
            finish(list, item, 'f', i == 1 ? dims(2, 4, 4) : dims(1, 4), (Mode)mode, "%s", texts[i]);
        }
}

static void list_cases(List *list) {
    static const char *const paths[] = {"m#[0].W", "m#[1].W", "n#[0].W", "n#[1].W"};
    for (int mode = 0; mode < MODE_COUNT; mode++) {
        Case *item = case_new(list, "list");
        item->head = "use m#[2] = Linear(3, 2), n#[2] = Linear(2, 3)\n";
        item->before = "t = a; for p in zip(m#, n#) { t = p[1](tanh(p[0](t))) }";
        operand(item, 'f', dims(2, 2, 3), DRAW_NORMAL);
        for (int i = 0; i < 4; i++) parameter(item, paths[i], i < 2 ? dims(2, 3, 2) : dims(2, 2, 3));
        finish(list, item, 'f', dims(2, 2, 3), (Mode)mode, "t");
    }
}

void single_cases(List *list) {
    corner_cases(list);
    state_cases(list);
    order_cases(list);
    list_cases(list);
}
