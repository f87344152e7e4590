/* inspect_rules.c: what holds of the text of every kernel: whom it calls, its types, the bounds of its loops.
 *
 *     for (int i = from; i < to; i += 16)      from and to: numbers, outer loops, lo and hi, and sums, multiples,
 *                                              digits (s / 4, s % 4) and the smaller of such */
#include "emit/inspect.h"

#include <ctype.h>
#include <string.h>

/* Functions of C, and macros that stand for them, that kernels and entry points may call besides tg_*. */
static const char *const library[] = {"INFINITY", "NAN", "TG_LIKELY"};

typedef struct Scope { /* names that a bound may be made of */
    const Written *written;
    const char *function;
    VEC(const char *) names;
} Scope;

static bool is_allowed(const Written *w, const char *name) {
    const Output *output = w->output;
    if (!strncmp(name, "tg_", 3)) return true;
    for (size_t i = 0; i < sizeof library / sizeof *library; i++)
        if (!strcmp(library[i], name)) return true;
    for (int i = 0; i < output->others.count; i++) {
        const char *other = output->others.at[i];
        if (!strcmp(other, name) || (!strncmp(name, "call_", 5) && !strcmp(other, name + 5))) return true;
        /* call_swish stands for swishf in f32 */
        if (!strncmp(name, "call_", 5) && !strncmp(other, name + 5, strlen(name + 5)) &&
            !strcmp(other + strlen(name + 5), "f"))
            return true;
    }
    return false;
}

static void check_calls(const Written *w, const Piece *piece, const char *function, const char *blame) {
    if (piece->kind == CXCursor_CallExpr && !is_allowed(w, piece->name))
        fatal(blame, "%s calls %s, which is not of the runtime", function, piece->name);
    for (const Piece *child = piece->child; child; child = child->next) check_calls(w, child, function, blame);
}

void inspect_calls(const Written *w, const Piece *function, const char *blame) {
    check_calls(w, function, function->name, blame);
}

/* ---- doubles ---- */

static int line_at(const Written *w, size_t offset) {
    int line = 1;
    for (size_t i = 0; i < offset; i++) line += w->output->source.at[i] == '\n';
    return line;
}

static void check_single(const Written *w, const Piece *piece, const char *function) {
    if (piece->twofold)
        fatal("lower", "%s computes in double in line %d of a model in f32", function, line_at(w, piece->from));
    for (const Piece *child = piece->child; child; child = child->next) check_single(w, child, function);
}

/* ---- bounds ---- */

static bool is_known(const Scope *scope, const char *name) {
    for (int i = 0; i < scope->names.count; i++)
        if (!strcmp(scope->names.at[i], name)) return true;
    return false;
}

static bool is_bound(const Scope *scope, const Piece *piece) {
    static const char *const operators[] = {"+", "-", "*", "/", "%", "<", "=="};
    piece = piece_plain(piece);
    if (!piece) return false;
    switch (piece->kind) {
    case CXCursor_IntegerLiteral:
        return true;
    case CXCursor_DeclRefExpr:
        return is_known(scope, piece->name);
    case CXCursor_UnaryOperator:
        return !strcmp(piece->name, "-") && is_bound(scope, piece->child);
    case CXCursor_BinaryOperator:
        for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
            if (!strcmp(operators[i], piece->name))
                return is_bound(scope, piece_child(piece, 0)) && is_bound(scope, piece_child(piece, 1));
        return false;
    case CXCursor_ConditionalOperator:
        return is_bound(scope, piece_child(piece, 0)) && is_bound(scope, piece_child(piece, 1)) &&
               is_bound(scope, piece_child(piece, 2));
    default:
        return false;
    }
}

static void check_bounds(Scope *scope, const Piece *piece);

/* for (T v = from; v < to; v++ or v += number) body */
static void check_loop(Scope *scope, const Piece *piece) {
    const Piece *init = piece_child(piece, 0), *condition = piece_condition(piece), *body = piece_child(piece, 3);
    const Piece *var = init && init->kind == CXCursor_DeclStmt ? init->child : NULL;
    const Piece *from = var, *step = piece_child(piece, 2);
    for (const Piece *child = var ? var->child : NULL; child; child = child->next) from = child;
    bool good = body && var && from != var && is_bound(scope, from);
    good = good && condition && condition->kind == CXCursor_BinaryOperator && !strcmp(condition->name, "<") &&
           piece_plain(condition->child)->name && !strcmp(piece_plain(condition->child)->name, var->name) &&
           is_bound(scope, piece_child(condition, 1));
    good = good && ((step->kind == CXCursor_UnaryOperator && !strcmp(step->name, "++")) ||
                    (step->kind == CXCursor_CompoundAssignOperator && !strcmp(step->name, "+=") &&
                     piece_plain(piece_child(step, 1))->kind == CXCursor_IntegerLiteral));
    if (!good)
        fatal("lower", "%s: the bounds of the loop in line %d are not sums of outer loops and the slice's",
              scope->function, line_at(scope->written, piece->from));
    vec_push(scope->written->arena, &scope->names, var->name);
    check_bounds(scope, body);
}

/* Whatever steers what runs; a const integer made of what may stand in bounds may stand there too. */
static void check_bounds(Scope *scope, const Piece *piece) {
    int names = scope->names.count;
    for (const Piece *child = piece->kind == CXCursor_ForStmt ? NULL : piece->child; child; child = child->next) {
        if (child->kind == CXCursor_DeclStmt && child->child && child->child->whole && child->child->lanes == 1) {
            const Piece *value = NULL;
            for (const Piece *part = child->child->child; part; part = part->next) value = part;
            if (value && is_bound(scope, value)) vec_push(scope->written->arena, &scope->names, child->child->name);
        }
        check_bounds(scope, child);
    }
    if (piece->kind == CXCursor_ForStmt) check_loop(scope, piece);
    if (piece->kind == CXCursor_IfStmt && !is_bound(scope, piece->child))
        fatal("lower", "%s: the if in line %d does not follow from loops and the slice", scope->function,
              line_at(scope->written, piece->from));
    if (piece->kind == CXCursor_WhileStmt || piece->kind == CXCursor_DoStmt || piece->kind == CXCursor_GotoStmt)
        fatal("lower", "%s: a loop in line %d that is no for", scope->function, line_at(scope->written, piece->from));
    scope->names.count = names;
}

void inspect_kernel(const Written *w, const Piece *function, bool f64) {
    Scope scope = {.written = w, .function = function->name};
    vec_push(w->arena, &scope.names, "lo");
    vec_push(w->arena, &scope.names, "hi");
    inspect_calls(w, function, "lower");
    if (!f64) check_single(w, function, function->name);
    check_bounds(&scope, function);
}
