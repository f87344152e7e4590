/* elaborate_stmt.c: the statements of functions and entry points, run once with everything known when compiling.
 *
 * In: a block and the scope of the call. Out: names bound to values, loops unrolled, the branch taken.
 *
 *     for e in enc { x = e(x, m) }        # three instances: x = enc[0](x, m); x = enc[1](x, m); x = enc[2](x, m) */
#include "pass/elaborate.h"

#include <math.h>
#include <string.h>

static bool finished(const Elab *el) {
    return el->stopped || (el->frame && el->frame->returned);
}

/* After a mistake that hides part of the body: the rest is still looked at, but names may be missing and results are
 * unknown. */
static void give_up(Elab *el) {
    el->frame->failed = true;
    el->frame->scope->broken = true;
}

static void bind(Elab *el, Ident name, Value value) {
    if (value.kind == VALUE_TENSOR) name_node(el, value.node, name.name);
    scope_set(el, el->scope, name, value);
}

static void exec_assign(Elab *el, const Stmt *stmt) {
    Value value = eval(el, stmt->values.at[0]);
    int count = stmt->targets.count;
    if (count == 1) {
        bind(el, stmt->targets.at[0], value);
        return;
    }
    if (value.kind != VALUE_POISON && (value.kind != VALUE_LIST || value.count != count)) {
        Message *message = diag_error(el->diag, stmt->span, E0208, "%d names for %s", count,
                                      value.kind == VALUE_LIST ? arena_printf(el->arena, "%d values", value.count)
                                                               : value_kind_text(&value));
        diag_mark(message, stmt->values.at[0]->span);
        value = poison();
    }
    for (int i = 0; i < count; i++) bind(el, stmt->targets.at[i], value.kind == VALUE_LIST ? value.items[i] : poison());
}

static void exec_return(Elab *el, const Stmt *stmt) {
    Frame *frame = el->frame;
    if (!frame->function) {
        Message *message = diag_error(el->diag, stmt->span, E0208, "an entry point has no return");
        diag_help(message, "assign its results by name");
        give_up(el);
        return;
    }
    frame->returned = true;
    frame->result_count = stmt->values.count;
    frame->results = NEW_ARRAY(el->arena, Value, stmt->values.count);
    for (int i = 0; i < stmt->values.count; i++) frame->results[i] = eval(el, stmt->values.at[i]);
    if (frame->result_count == 1 && frame->results[0].kind == VALUE_LIST) { /* return f(x), f with several results */
        frame->result_count = frame->results[0].count;
        frame->results = frame->results[0].items;
    }
}

/* The body of a turn of `for … remat`: its nodes bear the turn's mark. */
static void exec_remat(Elab *el, const Block *body) {
    Remat *turn = NEW(el->arena, Remat);
    turn->outer = el->graph->remat;
    el->graph->remat = turn;
    exec_block(el, body);
    el->graph->remat = turn->outer;
}

/* One turn of a loop: its names, then its body. */
static void exec_turn(Elab *el, const Stmt *stmt, Value item) {
    int count = stmt->targets.count;
    if (too_long(el, stmt->span)) return;
    if (count == 1) {
        bind(el, stmt->targets.at[0], item);
    } else if (item.kind == VALUE_LIST && item.count == count) {
        for (int i = 0; i < count; i++) bind(el, stmt->targets.at[i], item.items[i]);
    } else {
        Message *message =
            diag_error(el->diag, stmt->targets.at[0].span, E0208, "%d names for %s", count, value_kind_text(&item));
        diag_help(message, "two lists side by side: for a, b in zip(as, bs)");
        give_up(el);
        return;
    }
    if (stmt->remat)
        exec_remat(el, &stmt->body);
    else
        exec_block(el, &stmt->body);
}

static void exec_range(Elab *el, const Stmt *stmt) {
    double start, stop;
    if (!eval_number(el, stmt->values.at[0], "the start of a range", &start) ||
        !eval_number(el, stmt->stop, "the end of a range", &stop)) {
        give_up(el);
        return;
    }
    if (start != floor(start) || stop != floor(stop)) {
        diag_error(el->diag, span_join(stmt->values.at[0]->span, stmt->stop->span), E0415,
                   "a range runs over whole numbers, not from %s to %s", number_text(el, start), number_text(el, stop));
        return;
    }
    if (stop - start > MAX_TURNS) {
        diag_error(el->diag, stmt->span, E0207, "a loop of %s turns; they are unrolled, at most %d",
                   number_text(el, stop - start), MAX_TURNS);
        return;
    }
    int turns = stop > start ? (int)(stop - start) : 0;
    for (int i = 0; i < turns && !finished(el); i++) exec_turn(el, stmt, number_value(start + i));
}

static void exec_for(Elab *el, const Stmt *stmt) {
    int before = diag_count(el->diag);
    if (stmt->stop) {
        exec_range(el, stmt);
        return;
    }
    Value list = eval(el, stmt->values.at[0]);
    if (list.kind == VALUE_POISON) give_up(el);
    if (list.kind == VALUE_POISON) return;
    if (list.kind != VALUE_LIST) {
        Message *message = diag_error(el->diag, stmt->values.at[0]->span, E0206,
                                      "`for` runs over a list or a range, not %s", value_kind_text(&list));
        give_up(el);
        if (list.kind == VALUE_NUMBER) diag_help(message, "write a range: 0..%s", expr_text(el, stmt->values.at[0]));
        return;
    }
    for (int i = 0; i < list.count && !finished(el); i++) {
        exec_turn(el, stmt, list.items[i]);
        if (diag_count(el->diag) > before) break; /* the other turns would say much the same again */
    }
}

bool known_condition(Elab *el, const Expr *condition, bool *holds) {
    Value value = eval(el, condition);
    *holds = value.kind == VALUE_NUMBER && value.number != 0;
    if (value.kind == VALUE_NUMBER || value.kind == VALUE_POISON) return value.kind == VALUE_NUMBER;
    Message *message =
        diag_error(el->diag, condition->span, E0410, "the condition of `if` must be known when compiling");
    diag_label(message, "this is %s", value_kind_text(&value));
    if (value.kind == VALUE_TENSOR) diag_help(message, "choose between tensors with where(condition, a, b)");
    return false;
}

static void exec_if(Elab *el, const Stmt *stmt) {
    bool holds;
    if (!known_condition(el, stmt->values.at[0], &holds))
        give_up(el);
    else if (holds)
        exec_block(el, &stmt->body);
    else if (stmt->has_else)
        exec_block(el, &stmt->otherwise);
}

void exec_lets(Elab *el, const BindingList *bindings) {
    for (int i = 0; i < bindings->count; i++) {
        const Binding *binding = &bindings->at[i];
        Value value = eval(el, binding->value);
        if (el->graph)
            bind(el, binding->name, value);
        else
            scope_declare(el, el->scope, binding->name, value);
    }
}

void exec_assert(Elab *el, const Expr *condition, const char *message) {
    double number;
    if (!eval_number(el, condition, "an assertion", &number) || number != 0) return;
    if (el->scope->module) el->scope->broken = true; /* the instance is of no use */
    Message *error = diag_error(el->diag, condition->span, E0414, "%s", message ? message : "assertion failed");
    if (condition->kind == EXPR_BINARY && condition->binary >= BINARY_LT && condition->binary <= BINARY_NE) {
        Value left = eval(el, condition->left), right = eval(el, condition->right);
        if (left.kind == VALUE_NUMBER && right.kind == VALUE_NUMBER)
            diag_label(error, "%s %s %s", number_text(el, left.number), binary_text(condition->binary),
                       number_text(el, right.number));
    }
    /* In a library the place that matters is the user's: the innermost instance made by another file. */
    for (int i = el->building.count - 1; i >= 0 && !el->frame; i--)
        if (el->building.at[i].at.source != condition->span.source) {
            diag_note(error, el->building.at[i].at, "the instance is made here");
            break;
        }
}

static void exec_let(Elab *el, const Stmt *stmt) {
    exec_lets(el, &stmt->bindings);
}

static void exec_assertion(Elab *el, const Stmt *stmt) {
    exec_assert(el, stmt->values.at[0], stmt->message);
}

/* What it may have set is not known from here on. */
static void exec_broken(Elab *el, const Stmt *stmt) {
    give_up(el);
    for (int i = 0; i < stmt->targets.count; i++) bind(el, stmt->targets.at[i], poison());
}

static void (*const rules[])(Elab *, const Stmt *) = {
    [STMT_ASSIGN] = exec_assign, [STMT_WRITE] = exec_write, [STMT_RETURN] = exec_return,    [STMT_FOR] = exec_for,
    [STMT_IF] = exec_if,         [STMT_LET] = exec_let,     [STMT_ASSERT] = exec_assertion, [STMT_BROKEN] = exec_broken,
};

void exec_block(Elab *el, const Block *block) {
    for (int i = 0; i < block->stmts.count && !finished(el); i++)
        rules[block->stmts.at[i]->kind](el, block->stmts.at[i]);
}
