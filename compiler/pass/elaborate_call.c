/* elaborate_call.c: calls: matching arguments, running the user's functions in place.
 *
 * In: `enc[0](x, mask)`. Out: the values of the function's results, its body's nodes appended to the graph.
 *
 *     fn f[N](x: [.., N], p = 0.1) -> [.., N]     # f(y): N bound from y's last axis, p from its default */
#include "pass/elaborate.h"

#include <string.h>

/* ---- matching ---- */

int formals_read(Elab *el, const char *text, Formal *formals) {
    int count = 0;
    while (*text) {
        size_t length = strcspn(text, " ");
        Formal formal = {0};
        size_t word = length;
        if (text[word - 1] == '?') formal.optional = true, word--;
        if (text[word - 1] == '*') formal.many = true, word--;
        formal.name = name_intern(el->names, text, word);
        formals[count++] = formal;
        text += length + (text[length] == ' ');
    }
    return count;
}

static int formals_of(Elab *el, const FieldList *fields, Formal **formals) {
    *formals = NEW_ARRAY(el->arena, Formal, fields->count + 1);
    for (int i = 0; i < fields->count; i++)
        (*formals)[i] = (Formal){.name = fields->at[i].name.name, .optional = fields->at[i].value != NULL};
    return fields->count;
}

static const char *signature(Elab *el, const Formal *formals, int count) {
    Text text;
    text_init(&text, el->arena);
    for (int i = 0; i < count; i++)
        text_printf(&text, "%s%s%s", i ? ", " : "", formals[i].name,
                    formals[i].many       ? "…"
                    : formals[i].optional ? " ="
                                          : "");
    return text.at;
}

static int formal_find(const Formal *formals, int count, const char *name) {
    for (int i = 0; i < count; i++)
        if (formals[i].name == name) return i;
    return -1;
}

static Message *misfit(Elab *el, const char *what, const Formal *formals, int count, Span at, const char *format,
                       const char *name) {
    char text[256];
    snprintf(text, sizeof text, format, name);
    Message *message = diag_error(el->diag, at, E0204, "`%s` %s", what, text);
    if (count > 0)
        diag_help(message, "it takes (%s)", signature(el, formals, count));
    else
        diag_help(message, "it takes no arguments");
    return message;
}

bool match_arguments(Elab *el, const char *what, const Formal *formals, int count, const Expr *call,
                     const Argument **given, const Argument ***rest, int *rest_count) {
    VEC(const Argument *) many = {0};
    bool takes_many = count > 0 && formals[0].many, good = true;
    int next = 0;
    memset(given, 0, sizeof *given * (size_t)count);
    for (int i = 0; i < call->arguments.count; i++) {
        const Argument *argument = &call->arguments.at[i];
        int place = argument->name.name ? formal_find(formals, count, argument->name.name) : takes_many ? 0 : next++;
        if (argument->name.name && place < 0) {
            Message *message =
                misfit(el, what, formals, count, argument->name.span, "has no argument `%s`", argument->name.name);
            const char **names = NEW_ARRAY(el->arena, const char *, count + 1);
            for (int k = 0; k < count; k++) names[k] = formals[k].name;
            const char *nearest = name_nearest(argument->name.name, names, count);
            if (nearest) diag_help(message, "did you mean `%s`?", nearest);
            good = false;
        } else if (place >= count) {
            misfit(el, what, formals, count, argument->span, "is given too many arguments%s", "");
            return false;
        } else if (formals[place].many) {
            vec_push(el->arena, &many, argument);
            given[place] = argument;
        } else if (given[place]) {
            misfit(el, what, formals, count, argument->span, "is given `%s` twice", formals[place].name);
            good = false;
        } else {
            given[place] = argument;
        }
    }
    for (int i = 0; i < count && good; i++)
        if (!given[i] && !formals[i].optional) {
            misfit(el, what, formals, count, call->span, "needs an argument `%s`", formals[i].name);
            return false;
        }
    if (rest) *rest = many.at, *rest_count = many.count;
    return good;
}

bool bind_fields(Elab *el, const char *what, const FieldList *fields, const Expr *call, Scope *inside, Value *values) {
    Formal *formals;
    int count = formals_of(el, fields, &formals);
    const Argument **given = NEW_ARRAY(el->arena, const Argument *, count + 1);
    if (!match_arguments(el, what, formals, count, call, given, NULL, NULL)) return false;
    bool good = true;
    for (int i = 0; i < count; i++)
        if (given[i]) {
            values[i] = eval(el, given[i]->value);
            good = values[i].kind != VALUE_POISON && good;
        }
    Scope *outside = el->scope;
    el->scope = inside;
    for (int i = 0; i < count; i++) {
        const Field *field = &fields->at[i];
        if (!given[i]) {
            values[i] = eval(el, field->value);
            good = values[i].kind != VALUE_POISON && good;
        }
        if (!field->type) scope_declare(el, inside, field->name, values[i]);
    }
    el->scope = outside;
    return good;
}

/* ---- the user's functions ---- */

static bool recursive(Elab *el, const Function *function, const Scope *closure, const Expr *call) {
    for (const Frame *frame = el->frame; frame; frame = frame->outer)
        if (frame->function == function && frame->closure == closure) {
            Message *message = diag_error(el->diag, call->span, E0205, "`%s` calls itself",
                                          function->name.name ? function->name.name : "a module's function");
            diag_help(message, "functions are unrolled into the graph: write the repetition as a `for`");
            return true;
        }
    return false;
}

/* Where argument `i` of the function was given. */
static Span given_at(const Function *function, int i, const Expr *call) {
    const char *name = function->arguments.at[i].name.name;
    for (int k = 0, place = 0; k < call->arguments.count; k++) {
        const Argument *argument = &call->arguments.at[k];
        if (argument->name.name ? argument->name.name == name : place++ == i) return argument->span;
    }
    return call->span;
}

/* Tensor arguments: bind the sizes they carry, check them, and give their axes the function's names. */
static bool bind_tensors(Elab *el, const Function *function, Value *values, const Expr *call, const char *what) {
    const FieldList *fields = &function->arguments;
    bool good = true;
    for (int i = 0; i < fields->count; i++) {
        const Field *field = &fields->at[i];
        if (!field->type) {
            if (values[i].kind != VALUE_TENSOR) continue;
            Message *message = diag_error(el->diag, given_at(function, i, call), E0410,
                                          "`%s` of `%s` must be a number known when compiling", field->name.name, what);
            diag_note(message, field->span, "it is declared without a type");
            good = false;
            continue;
        }
        DType dtype;
        if (!type_dtype(el, field->type, &dtype)) return false;
        Node *node = as_node(el, &values[i], dtype, given_at(function, i, call));
        if (!node || !bind_sizes(el, function, field->type, node)) good = false;
        values[i] = tensor_value(node);
    }
    for (int i = 0; i < function->sizes.count && good; i++)
        if (!scope_own(el->scope, function->sizes.at[i].name)) {
            bool named = false;
            for (int k = 0; k < fields->count; k++) {
                const Type *type = fields->at[k].type;
                for (int d = 0; type && d < type->dims.count; d++) {
                    const Expr *size = type->dims.at[d].size;
                    named = named || (size && size->kind == EXPR_NAME && size->name == function->sizes.at[i].name);
                }
            }
            if (named) break; /* an argument of the wrong rank: its own message follows */
            diag_error(el->diag, function->sizes.at[i].span, E0322, "the size `%s` stands bare in no argument",
                       function->sizes.at[i].name);
            good = false;
        }
    return good;
}

static bool check_tensors(Elab *el, const Function *function, Value *values, const Expr *call, const char *what) {
    bool good = true;
    for (int i = 0; i < function->arguments.count; i++) {
        const Field *field = &function->arguments.at[i];
        if (!field->type) continue;
        Span at = given_at(function, i, call);
        const char *name = arena_printf(el->arena, "argument `%s` of `%s`", field->name.name, what);
        const char *axes[MAX_RANK];
        Value value = poison();
        at_place(el, at);
        if (check_type(el, field->type, values[i].node, at, name, axes))
            value = tensor_value(rename_axes(el, values[i].node, axes));
        else
            good = false;
        scope_declare(el, el->scope, field->name, value);
    }
    return good;
}

/* A result for the caller: its axes climb from the names that the declared type gives to names the caller sees. */
static Value give_back(Elab *el, const Field *field, Node *node, Scope *caller, Span at, const char *what) {
    const char *axes[MAX_RANK];
    if (!node || !check_type(el, field->type, node, at, what, axes)) return poison();
    for (int i = 0; i < node->shape.rank; i++)
        while (axes[i] && !axis_visible(caller, axes[i])) axes[i] = axis_outer(el, axes[i]);
    return tensor_value(rename_axes(el, node, axes));
}

/* An unnamed result goes by its function's name, or by the module instance that the function stands for. */
static void title_result(Elab *el, const Function *function, const Frame *frame, Node *node, int first) {
    if (!node || node->id < first || frame->result_count != 1) return;
    const char *path = frame->closure->path, *title = function->name.name;
    if (!title && path[0]) title = path_tail(el->arena, path);
    for (; title && node->id >= first; node = node->operand[0]) {
        node_title(node, title);
        if (node->op != &op_reshape || node->name) return;
    }
}

static Value results_of(Elab *el, const Function *function, Frame *frame, Scope *caller, const char *what, Span at,
                        int first) {
    if (frame->failed) return poison();
    if (!frame->returned) {
        diag_error(el->diag, function->body.span, E0208, "`%s` ends without a return", what);
        return poison();
    }
    if (frame->result_count != function->results.count) {
        diag_error(el->diag, function->body.span, E0208, "`%s` declares %d results, but returns %d", what,
                   function->results.count, frame->result_count);
        return poison();
    }
    bool good = true;
    for (int i = 0; i < frame->result_count; i++) {
        const Field *field = &function->results.at[i];
        DType dtype;
        Value *value = &frame->results[i];
        if (value->kind == VALUE_POISON || !type_dtype(el, field->type, &dtype)) {
            good = false;
            continue;
        }
        Span said = function->value ? function->value->span : field->span;
        Node *node = as_node(el, value, dtype, said);
        const char *name = field->name.name ? arena_printf(el->arena, "result `%s` of `%s`", field->name.name, what)
                                            : arena_printf(el->arena, "the result of `%s`", what);
        at_place(el, at);
        title_result(el, function, frame, node, first);
        *value = give_back(el, field, node, caller, said, name);
        good = good && value->kind == VALUE_TENSOR;
    }
    if (!good) return poison();
    return frame->result_count == 1 ? frame->results[0] : list_value(el, frame->results, frame->result_count);
}

static Value call_function(Elab *el, const Value *callee, const Expr *call) {
    const Function *function = callee->function;
    const char *what = function->name.name ? function->name.name : callee->scope->path;
    if (!el->graph) {
        diag_error(el->diag, call->span, E0411, "`%s` can be called only inside functions and entry points", what);
        return poison();
    }
    if (recursive(el, function, callee->scope, call)) return poison();
    Scope *caller = el->scope, *inside = scope_new(el, callee->scope, callee->scope->path);
    Frame frame = {.outer = el->frame, .function = function, .scope = inside, .closure = callee->scope};
    Value *values = NEW_ARRAY(el->arena, Value, function->arguments.count + 1);
    if (!bind_fields(el, what, &function->arguments, call, inside, values)) return poison();
    const char *path = el->graph->scope;
    int first = el->graph->nodes.count;
    CallSite *here = NEW(el->arena, CallSite);
    *here = (CallSite){.span = call->span, .scope = callee->scope->path, .outer = el->graph->call};
    if (!here->scope[0] && here->outer) here->scope = here->outer->scope;
    el->frame = &frame;
    el->scope = inside;
    Value result = poison();
    if (bind_tensors(el, function, values, call, what) && check_tensors(el, function, values, call, what)) {
        el->graph->scope = callee->scope->path;
        el->graph->call = here;
        if (function->value) {
            frame.results = NEW(el->arena, Value);
            frame.results[0] = eval(el, function->value);
            frame.result_count = 1;
            frame.returned = true;
            if (frame.results[0].kind == VALUE_LIST) {
                frame.result_count = frame.results[0].count;
                frame.results = frame.results[0].items;
            }
        } else {
            exec_block(el, &function->body);
        }
        el->graph->call = here->outer;
        if (!el->stopped) result = results_of(el, function, &frame, caller, what, call->span, first);
    }
    el->graph->scope = path;
    el->scope = caller;
    el->frame = frame.outer;
    return result;
}

/* ---- anything called ---- */

static Value call_unit(Elab *el, const Value *unit, const Expr *call) {
    Slot *slot = scope_own(unit->scope, name_of(el->names, ""));
    if (slot) el->touched |= slot->value.touched;
    if (slot) return call_function(el, &slot->value, call);
    Message *message = diag_error(el->diag, call->span, E0206, "the module `%s` has no unnamed `fn` to call",
                                  unit->scope->module->name.name);
    diag_help(message, "call one of its functions by name: %s.name(…)", expr_text(el, call->left));
    return poison();
}

Value eval_call(Elab *el, const Expr *expr) {
    const Expr *callee = expr->left;
    if (callee->kind == EXPR_NAME) {
        const BuiltIn *builtin = builtin_find(callee->name);
        Slot *slot = scope_find(el->scope, callee->name);
        bool callable = slot && (slot->value.kind == VALUE_FUNCTION || slot->value.kind == VALUE_EXTERNAL ||
                                 slot->value.kind == VALUE_UNIT);
        if (builtin && !callable) return builtin_call(el, builtin, expr);
    }
    Value value = eval_place(el, callee);
    switch (value.kind) {
    case VALUE_POISON: /* its arguments may hold mistakes of their own */
        for (int i = 0; i < expr->arguments.count; i++) eval_place(el, expr->arguments.at[i].value);
        return poison();
    case VALUE_FUNCTION:
        return call_function(el, &value, expr);
    case VALUE_EXTERNAL:
        return external_value(el, value.external, expr);
    case VALUE_UNIT:
        return call_unit(el, &value, expr);
    case VALUE_MODULE: {
        Message *message = diag_error(el->diag, expr->span, E0206, "the module `%s` must be instantiated first",
                                      value.module->name.name);
        diag_help(message, "write `use name = %s`, then call name(…)", expr_text(el, expr));
        return poison();
    }
    default:
        diag_error(el->diag, callee->span, E0206, "`%s` is %s and can't be called", expr_text(el, callee),
                   value_kind_text(&value));
        return poison();
    }
}
