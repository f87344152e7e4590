/* elaborate_expr.c: expressions.
 *
 * In: an expression and the scope. Out: its value: a number where everything in it is known, else a graph node.
 *
 *     x * D ** -0.5        # D ** -0.5 is the number 0.0625; it meets x as a constant of x's type */
#include "pass/elaborate.h"

#include <math.h>
#include <string.h>

/* ---- numbers and tensors ---- */

Node *as_node(Elab *el, const Value *value, DType like, Span span) {
    if (value->kind == VALUE_POISON) return NULL;
    if (value->kind == VALUE_TENSOR) return value->node;
    if (value->kind == VALUE_NUMBER && el->graph) {
        at_place(el, span);
        bool fits = like == DT_FLOAT || (value->number == floor(value->number) && fabs(value->number) <= INT32_MAX);
        if (like == DT_BOOL) fits = value->number == 0 || value->number == 1;
        return constant(el->graph, value->number, fits ? like : DT_FLOAT);
    }
    if (value->kind == VALUE_NUMBER)
        diag_error(el->diag, span, E0411, "tensors exist only inside functions and entry points");
    else
        diag_error(el->diag, span, E0411, "a tensor is needed here, not %s", value_kind_text(value));
    return NULL;
}

Node *eval_tensor(Elab *el, const Expr *expr, DType like) {
    Value value = eval(el, expr);
    return as_node(el, &value, like, expr->span);
}

bool eval_number(Elab *el, const Expr *expr, const char *what, double *number) {
    Value value = eval(el, expr);
    if (value.kind == VALUE_NUMBER) *number = value.number;
    if (value.kind == VALUE_NUMBER || value.kind == VALUE_POISON) return value.kind == VALUE_NUMBER;
    Message *message = diag_error(el->diag, expr->span, E0410, "%s must be a number known when compiling", what);
    diag_label(message, "this is %s", value_kind_text(&value));
    return false;
}

/* One read per version: every use of a parameter in an entry is one node, so that `grad` can name it. */
Node *read_of(Elab *el, Variable *variable) {
    if (!el->graph) return NULL;
    Node *read = el->reads[variable->id];
    if (read && el->read_versions[variable->id] == variable->versions) return read;
    const char *scope = el->graph->scope, *dot = strrchr(variable->path, '.');
    el->graph->scope = dot ? name_intern(el->names, variable->path, (size_t)(dot - variable->path)) : "";
    read = read_variable(el->graph, variable);
    name_node(el, read, dot ? name_of(el->names, dot + 1) : variable->path);
    el->graph->scope = scope;
    el->reads[variable->id] = read;
    el->read_versions[variable->id] = variable->versions;
    return read;
}

/* ---- messages about two operands ---- */

static const char *operand_text(Elab *el, const Expr *expr) {
    bool plain = expr->kind != EXPR_BINARY && expr->kind != EXPR_UNARY;
    return arena_printf(el->arena, plain || expr->parens ? "%s" : "(%s)", expr_text(el, expr));
}

static bool note_declared(Elab *el, Message *message, const Expr *operand) {
    while (operand->kind == EXPR_FIELD && strcmp(operand->name, "T") == 0) operand = operand->left;
    Slot *slot = operand->kind == EXPR_NAME ? scope_find(el->scope, operand->name) : NULL;
    if (!slot || !slot->declared) return false;
    const Shape *shape = slot->value.kind == VALUE_VARIABLE ? &slot->value.variable->shape
                         : slot->value.kind == VALUE_TENSOR ? &slot->value.node->shape
                                                            : NULL;
    if (shape) diag_note(message, slot->span, "%s is declared here as %s", slot->name, shape_text(el, shape));
    return shape != NULL;
}

static void show_operands(Elab *el, Message *message, const Expr *expr) {
    diag_mark(message, expr->left->span);
    diag_mark(message, expr->right->span);
    if (!note_declared(el, message, expr->right)) note_declared(el, message, expr->left);
}

static const char *size_text(Elab *el, const Shape *shape, int axis) {
    if (!shape->name[axis]) return arena_printf(el->arena, "%lld", (long long)shape->size[axis]);
    return arena_printf(el->arena, "%s (%lld)", shape->name[axis], (long long)shape->size[axis]);
}

static bool product_fits(Elab *el, const Shape *a, const Shape *b, const Expr *expr) {
    if (a->rank == 0 || b->rank == 0) return true; /* the verb's message */
    int inner_a = a->rank - 1, inner_b = b->rank == 1 ? 0 : b->rank - 2;
    if (a->size[inner_a] == b->size[inner_b]) return true;
    Message *message =
        diag_error(el->diag, expr->at, E0301, "cannot multiply %s by %s", shape_text(el, a), shape_text(el, b));
    diag_label(message, "inner sizes differ: %s and %s", size_text(el, a, inner_a), size_text(el, b, inner_b));
    show_operands(el, message, expr);
    const char *left = operand_text(el, expr->left), *right = operand_text(el, expr->right);
    if (b->rank >= 2 && b->size[b->rank - 1] == a->size[inner_a])
        diag_help(message, "transpose the right operand: %s @ %s.T", left, right);
    else if (a->rank >= 2 && a->size[a->rank - 2] == b->size[inner_b])
        diag_help(message, "transpose the left operand: %s.T @ %s", left, right);
    return false;
}

static bool shapes_broadcast(Elab *el, const Shape *a, const Shape *b, const Expr *expr) {
    for (int i = 1; i <= a->rank && i <= b->rank; i++) {
        int64_t m = a->size[a->rank - i], n = b->size[b->rank - i];
        if (m == n || m == 1 || n == 1) continue;
        Message *message = diag_error(el->diag, expr->at, E0302, "%s and %s do not fit together for `%s`",
                                      shape_text(el, a), shape_text(el, b), binary_text(expr->binary));
        diag_label(message, "sizes differ: %s and %s", size_text(el, a, a->rank - i), size_text(el, b, b->rank - i));
        show_operands(el, message, expr);
        return false;
    }
    return true;
}

/* ---- operators ---- */

static double number_add(double a, double b) {
    return a + b;
}
static double number_sub(double a, double b) {
    return a - b;
}
static double number_mul(double a, double b) {
    return a * b;
}
static double number_div(double a, double b) {
    return b == 0 ? NAN : a / b;
}
static double number_mod(double a, double b) {
    return b == 0 ? NAN : a - b * floor(a / b);
}
static double number_lt(double a, double b) {
    return a < b;
}
static double number_le(double a, double b) {
    return a <= b;
}
static double number_gt(double a, double b) {
    return a > b;
}
static double number_ge(double a, double b) {
    return a >= b;
}
static double number_eq(double a, double b) {
    return a == b;
}
static double number_ne(double a, double b) {
    return a != b;
}
static double number_and(double a, double b) {
    return a != 0 && b != 0;
}
static double number_or(double a, double b) {
    return a != 0 || b != 0;
}

static Node *product(Graph *graph, Node *a, Node *b) {
    return matmul(graph, a, b, false, false);
}
static Node *greater(Graph *graph, Node *a, Node *b) {
    return less(graph, b, a);
}
static Node *greater_equal(Graph *graph, Node *a, Node *b) {
    return less_equal(graph, b, a);
}

static const struct {
    double (*number)(double, double);
    Node *(*verb)(Graph *, Node *, Node *);
    bool logical; /* operands are BOOL; else I32 meets FLOAT as FLOAT */
} operators[] = {
    [BINARY_ADD] = {number_add, add, false},
    [BINARY_SUB] = {number_sub, subtract, false},
    [BINARY_MUL] = {number_mul, multiply, false},
    [BINARY_DIV] = {number_div, divide, false},
    [BINARY_MOD] = {number_mod, modulo, false},
    [BINARY_MATMUL] = {NULL, product, false},
    [BINARY_POW] = {pow, power, false},
    [BINARY_LT] = {number_lt, less, false},
    [BINARY_LE] = {number_le, less_equal, false},
    [BINARY_GT] = {number_gt, greater, false},
    [BINARY_GE] = {number_ge, greater_equal, false},
    [BINARY_EQ] = {number_eq, equal, false},
    [BINARY_NE] = {number_ne, not_equal, false},
    [BINARY_AND] = {number_and, logical_and, true},
    [BINARY_OR] = {number_or, logical_or, true},
};

static Value number_binary(Elab *el, const Value *a, const Value *b, const Expr *expr) {
    if (expr->binary == BINARY_MATMUL) {
        diag_error(el->diag, expr->span, E0411, "`@` multiplies tensors, not numbers");
        return poison();
    }
    double result = operators[expr->binary].number(a->number, b->number);
    if (!isnan(result)) return number_value(result);
    Message *message = diag_error(el->diag, expr->span, E0415, "%s %s %s has no value", number_text(el, a->number),
                                  binary_text(expr->binary), number_text(el, b->number));
    if (b->number == 0) diag_label(message, "division by zero");
    return poison();
}

/* As a reader of NumPy expects. */
void meet(Elab *el, Node **a, Node **b) {
    if ((*a)->dtype == DT_I32 && (*b)->dtype == DT_FLOAT) *a = cast(el->graph, *a, DT_FLOAT);
    if ((*b)->dtype == DT_I32 && (*a)->dtype == DT_FLOAT) *b = cast(el->graph, *b, DT_FLOAT);
}

static Value eval_binary(Elab *el, const Expr *expr) {
    Value left = eval(el, expr->left), right = eval(el, expr->right);
    if (left.kind == VALUE_POISON || right.kind == VALUE_POISON) return poison();
    if (left.kind == VALUE_NUMBER && right.kind == VALUE_NUMBER) return number_binary(el, &left, &right, expr);
    bool logical = operators[expr->binary].logical;
    DType like = left.kind == VALUE_TENSOR    ? left.node->dtype
                 : right.kind == VALUE_TENSOR ? right.node->dtype
                                              : DT_FLOAT;
    Node *a = as_node(el, &left, logical ? DT_BOOL : like, expr->left->span);
    Node *b = as_node(el, &right, logical ? DT_BOOL : like, expr->right->span);
    if (!a || !b) return poison();
    if (!(expr->binary == BINARY_MATMUL ? product_fits : shapes_broadcast)(el, &a->shape, &b->shape, expr))
        return poison();
    at_place(el, expr->span);
    if (!logical) meet(el, &a, &b);
    return tensor_value(operators[expr->binary].verb(el->graph, a, b));
}

static Value eval_unary(Elab *el, const Expr *expr) {
    Value value = eval(el, expr->left);
    if (value.kind == VALUE_NUMBER) return number_value(expr->unary == UNARY_NEG ? -value.number : value.number == 0);
    Node *x = as_node(el, &value, DT_FLOAT, expr->left->span);
    at_place(el, expr->span);
    if (!x) return poison();
    return tensor_value(expr->unary == UNARY_NEG ? negate(el->graph, x) : logical_not(el->graph, x));
}

/* ---- the other kinds ---- */

static Value eval_literal(Elab *el, const Expr *expr) {
    (void)el;
    return number_value(expr->number);
}

static Value eval_string(Elab *el, const Expr *expr) {
    (void)el;
    return (Value){.kind = VALUE_STRING, .text = expr->text};
}

static Value eval_name(Elab *el, const Expr *expr) {
    Slot *slot = scope_find(el->scope, expr->name);
    if (slot) return slot->value;
    if (!builtin_find(expr->name)) {
        unknown_name(el, el->scope, expr->span, expr->name, false);
        return poison();
    }
    Message *message = diag_error(el->diag, expr->span, E0206, "`%s` is a built-in function", expr->name);
    diag_help(message, "call it: %s(…)", expr->name);
    return poison();
}

static Value eval_field(Elab *el, const Expr *expr) {
    Value left = eval_place(el, expr->left);
    if (left.kind == VALUE_POISON) return poison();
    if (left.kind == VALUE_UNIT || left.kind == VALUE_NAMES) {
        Slot *slot = scope_own(left.scope, expr->name);
        if (slot && slot_given(left.scope, slot)) return slot->value;
        unknown_name(el, left.scope, expr->at, expr->name, true);
        return poison();
    }
    if (strcmp(expr->name, "T") == 0) {
        if (left.kind == VALUE_VARIABLE) left = eval(el, expr->left);
        Node *x = as_node(el, &left, DT_FLOAT, expr->left->span);
        at_place(el, expr->span);
        return x ? tensor_value(transpose(el->graph, x)) : poison();
    }
    Message *message =
        diag_error(el->diag, expr->at, E0203, "%s has no member `%s`", value_kind_text(&left), expr->name);
    if (left.kind == VALUE_LIST)
        diag_help(message, "choose one of the list: %s[0].%s", expr_text(el, expr->left), expr->name);
    return poison();
}

static Value eval_list(Elab *el, const Expr *expr) {
    Value list = list_value(el, NULL, 0);
    list.items = NEW_ARRAY(el->arena, Value, expr->items.count + 1);
    for (int i = 0; i < expr->items.count; i++) {
        Value item = eval(el, expr->items.at[i]);
        if (item.kind == VALUE_POISON) return poison();
        list.items[list.count++] = item;
    }
    return list;
}

static Value (*const rules[])(Elab *, const Expr *) = {
    [EXPR_NUMBER] = eval_literal, [EXPR_BOOL] = eval_literal,  [EXPR_STRING] = eval_string, [EXPR_NAME] = eval_name,
    [EXPR_UNARY] = eval_unary,    [EXPR_BINARY] = eval_binary, [EXPR_CALL] = eval_call,     [EXPR_INDEX] = eval_index,
    [EXPR_FIELD] = eval_field,    [EXPR_AS] = eval_as,         [EXPR_TO] = eval_to,         [EXPR_LIST] = eval_list,
};

Value eval_place(Elab *el, const Expr *expr) {
    if (!expr || too_long(el, expr->span) || too_large(el, expr->span))
        return poison(); /* NULL: after a syntax error */
    if (el->depth >= MAX_EVAL_DEPTH) {
        el->stopped = true;
        diag_error(el->diag, expr->span, E0207, "calls and expressions are nested more than %d deep", MAX_EVAL_DEPTH);
        return poison();
    }
    unsigned before = touch_begin(el);
    el->depth++;
    Value value = rules[expr->kind](el, expr);
    el->depth--;
    el->touched |= value.touched;
    value.touched = touch_end(el, before);
    return value;
}

Value eval(Elab *el, const Expr *expr) {
    Value value = eval_place(el, expr);
    if (value.kind != VALUE_VARIABLE) return value;
    if (el->graph) {
        at_place(el, expr->span);
        return tensor_value(read_of(el, value.variable));
    }
    diag_error(el->diag, expr->span, E0410, "`%s` has no value while compiling: only numbers can stand here",
               value.variable->path);
    return poison();
}
