/* inspect_count.c: how many multiply-adds a product's kernel does, counted in its text.
 *
 *     for (int s = lo; s < hi; s++)  …  for (int k = 0; k < 24; k++) { c00 += a0 * b0; }      24 * lanes a tile
 *
 * The loops are evaluated as they stand, for slices 0 … slices - 1; once where no loop or if that holds a multiply-add
 * depends on the turn. */
#include "emit/inspect.h"

#include <stdlib.h>
#include <string.h>

typedef struct Value {
    const char *name;
    int64_t value;
} Value;

typedef struct Evaluator {
    const Written *written;
    VEC(Value) values;
    VEC(const char *) steering; /* names on which depends what runs */
} Evaluator;

static bool evaluate(const Evaluator *e, const Piece *piece, int64_t *value);

static bool operate(const char *name, int64_t a, int64_t b, int64_t *value) {
    switch (name[0]) {
    case '+':
        return *value = a + b, true;
    case '-':
        return *value = a - b, true;
    case '*':
        return *value = a * b, true;
    case '/':
        return b ? (*value = a / b, true) : false;
    case '%':
        return b ? (*value = a % b, true) : false;
    case '<':
        return *value = a < b, true;
    case '=':
        return *value = a == b, true;
    default:
        return false;
    }
}

static bool evaluate(const Evaluator *e, const Piece *piece, int64_t *value) {
    int64_t a, b;
    piece = piece_plain(piece);
    if (!piece) return false;
    switch (piece->kind) {
    case CXCursor_IntegerLiteral:
        return *value = strtoll(piece->name, NULL, 0), true;
    case CXCursor_DeclRefExpr:
        for (int i = e->values.count - 1; i >= 0; i--)
            if (!strcmp(e->values.at[i].name, piece->name)) return *value = e->values.at[i].value, true;
        return false;
    case CXCursor_UnaryOperator:
        return !strcmp(piece->name, "-") && evaluate(e, piece->child, &a) ? (*value = -a, true) : false;
    case CXCursor_BinaryOperator:
        return evaluate(e, piece_child(piece, 0), &a) && evaluate(e, piece_child(piece, 1), &b) &&
               operate(piece->name, a, b, value);
    case CXCursor_ConditionalOperator:
        return evaluate(e, piece_child(piece, 0), &a) && evaluate(e, piece_child(piece, a ? 1 : 2), value);
    default:
        return false;
    }
}

static const Piece *initialiser(const Piece *var) {
    const Piece *value = NULL;
    for (const Piece *part = var->child; part; part = part->next) value = part;
    return value;
}

/* ---- what depends on what ---- */

static bool is_multiply_add(const Piece *piece) {
    const Piece *by = piece_plain(piece_child(piece, 1));
    return piece->kind == CXCursor_CompoundAssignOperator && !strcmp(piece->name, "+=") && !piece->whole && by &&
           by->kind == CXCursor_BinaryOperator && !strcmp(by->name, "*");
}

static bool mark(Piece *piece) {
    piece->multiplies = is_multiply_add(piece);
    for (Piece *child = piece->child; child; child = child->next) piece->multiplies |= mark(child);
    return piece->multiplies;
}

static bool steers(const Evaluator *e, const char *name) {
    for (int i = 0; i < e->steering.count; i++)
        if (!strcmp(e->steering.at[i], name)) return true;
    return false;
}

static void add_names(Evaluator *e, const Piece *piece) {
    if (piece->kind == CXCursor_DeclRefExpr && !steers(e, piece->name))
        vec_push(e->written->arena, &e->steering, piece->name);
    for (const Piece *child = piece->child; child; child = child->next) add_names(e, child);
}

static void find_steering(Evaluator *e, const Piece *piece) {
    if (piece->kind == CXCursor_ForStmt && piece->multiplies) {
        if (piece->child && piece->child->child && initialiser(piece->child->child))
            add_names(e, initialiser(piece->child->child));
        if (piece_condition(piece) && piece_child(piece_condition(piece), 1))
            add_names(e, piece_child(piece_condition(piece), 1));
    }
    if (piece->kind == CXCursor_IfStmt && piece->multiplies) add_names(e, piece->child);
    if (piece->kind == CXCursor_VarDecl && steers(e, piece->name) && initialiser(piece))
        add_names(e, initialiser(piece));
    for (const Piece *child = piece->child; child; child = child->next) find_steering(e, child);
}

/* ---- the count ---- */

static double count(Evaluator *e, const Piece *piece);

static double count_all(Evaluator *e, const Piece *piece) {
    double sum = 0;
    int values = e->values.count;
    for (const Piece *child = piece->child; child; child = child->next) {
        if (child->kind == CXCursor_DeclStmt && child->child && child->child->kind == CXCursor_VarDecl) {
            int64_t value;
            const Piece *given = steers(e, child->child->name) ? initialiser(child->child) : NULL;
            if (given && evaluate(e, given, &value))
                vec_push(e->written->arena, &e->values, ((Value){child->child->name, value}));
        } else if (child->multiplies) {
            sum += count(e, child);
        }
    }
    e->values.count = values;
    return sum;
}

static double count_loop(Evaluator *e, const Piece *piece) {
    const Piece *var = piece->child->child, *step = piece_child(piece, 2), *body = piece_child(piece, 3);
    int64_t from, to, by = 1;
    if (!evaluate(e, initialiser(var), &from) || !evaluate(e, piece_child(piece_condition(piece), 1), &to) ||
        (step->kind == CXCursor_CompoundAssignOperator && !evaluate(e, piece_child(step, 1), &by)) || by <= 0)
        fatal("inspect", "the turns of loop %s can't be counted", var->name);
    int values = e->values.count;
    double sum = 0;
    vec_push(e->written->arena, &e->values, ((Value){var->name, from}));
    if (!steers(e, var->name)) {
        int64_t turns = to > from ? (to - from + by - 1) / by : 0;
        sum = turns ? (double)turns * count(e, body) : 0;
    } else {
        for (int64_t v = from; v < to; v += by) {
            e->values.at[values].value = v;
            sum += count(e, body);
        }
    }
    e->values.count = values;
    return sum;
}

static double count(Evaluator *e, const Piece *piece) {
    int64_t holds;
    if (is_multiply_add(piece)) return piece->lanes;
    if (piece->kind == CXCursor_ForStmt) return count_loop(e, piece);
    if (piece->kind == CXCursor_IfStmt) {
        if (!evaluate(e, piece->child, &holds)) fatal("inspect", "when an if of the written C holds can't be told");
        return holds ? count(e, piece_child(piece, 1)) : 0;
    }
    return count_all(e, piece);
}

double inspect_products(const Written *w, Piece *function, int64_t slices) {
    Evaluator e = {.written = w};
    if (!mark(function)) return 0;
    for (int before = -1; before != e.steering.count;) {
        before = e.steering.count;
        find_steering(&e, function);
    }
    vec_push(w->arena, &e.values, ((Value){"lo", 0}));
    vec_push(w->arena, &e.values, ((Value){"hi", slices}));
    return count(&e, function);
}
