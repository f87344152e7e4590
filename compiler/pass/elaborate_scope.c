/* elaborate_scope.c: values, scopes, and the names of axes.
 *
 * In: names as the text says them. Out: slots that hold values, or a message with the nearest name.
 *
 *     fn f[M](x: [M, K])      # called with a [T, D] value:
 *                             # M -> number 32 with the axis name "M" whose outer name is the caller's "T"
 *
 * Note: axis names. An axis carries the name of its size, for messages, `to` and `axis =`. Two calls of one function
 * must not mix up their names, so every declared size makes a fresh string: equal text, another pointer, and pointers
 * are what is compared. A name remembers the name it was bound to (its outer name); when a value goes back to the
 * caller its axes climb along these until they reach a name that the caller sees. */
#include "pass/elaborate.h"

#include <math.h>
#include <string.h>

typedef struct AxisName {
    const char *name, *outer;
} AxisName;

/* ---- values ---- */

Value poison(void) {
    return (Value){.kind = VALUE_POISON};
}

Value number_value(double number) {
    return (Value){.kind = VALUE_NUMBER, .number = number};
}

Value tensor_value(Node *node) {
    return node ? (Value){.kind = VALUE_TENSOR, .node = node} : poison();
}

Value list_value(Elab *el, const Value *items, int count) {
    Value list = {.kind = VALUE_LIST, .count = count};
    list.items = NEW_ARRAY(el->arena, Value, count + 1);
    if (count > 0) memcpy(list.items, items, sizeof(Value) * (size_t)count);
    return list;
}

const char *value_kind_text(const Value *value) {
    static const char *const text[] = {
        [VALUE_POISON] = "a mistake",    [VALUE_NONE] = "nothing",        [VALUE_NUMBER] = "a number",
        [VALUE_TENSOR] = "a tensor",     [VALUE_STRING] = "a text",       [VALUE_LIST] = "a list",
        [VALUE_VARIABLE] = "a tensor",   [VALUE_MODULE] = "a module",     [VALUE_UNIT] = "an instance of a module",
        [VALUE_FUNCTION] = "a function", [VALUE_EXTERNAL] = "a function", [VALUE_NAMES] = "an imported file",
    };
    return text[value->kind];
}

/* ---- axis names ---- */

static size_t axis_place(const Elab *el, const AxisName *table, const char *name) {
    size_t mask = (size_t)el->axis_capacity - 1, at = ((uintptr_t)name >> 4) * 2654435761u & mask;
    while (table[at].name && table[at].name != name) at = (at + 1) & mask;
    return at;
}

static void axis_grow(Elab *el) {
    AxisName *old = el->axis_table;
    int old_capacity = el->axis_capacity;
    el->axis_capacity = old_capacity ? old_capacity * 2 : 256;
    el->axis_table = NEW_ARRAY(el->arena, AxisName, el->axis_capacity);
    for (int i = 0; i < old_capacity; i++)
        if (old[i].name) el->axis_table[axis_place(el, el->axis_table, old[i].name)] = old[i];
}

const char *axis_new(Elab *el, const char *text, const char *outer) {
    if (el->axis_count * 2 >= el->axis_capacity) axis_grow(el);
    const char *name = arena_strndup(el->arena, text, strlen(text));
    el->axis_table[axis_place(el, el->axis_table, name)] = (AxisName){name, outer};
    el->axis_count++;
    return name;
}

const char *axis_outer(const Elab *el, const char *axis) {
    if (!axis || !el->axis_capacity) return NULL;
    return el->axis_table[axis_place(el, el->axis_table, axis)].outer;
}

bool axis_visible(Scope *scope, const char *axis) {
    for (; scope; scope = scope->parent)
        for (int i = scope->slots.count - 1; i >= 0; i--) {
            const Slot *slot = &scope->slots.at[i];
            if (strcmp(slot->name, axis) == 0) return slot->value.kind == VALUE_NUMBER && slot->value.axis == axis;
        }
    return false;
}

Node *rename_axes(Elab *el, Node *node, const char *const *axes) {
    if (!node) return NULL;
    Shape shape = node->shape;
    bool same = true;
    for (int i = 0; i < shape.rank; i++) {
        same = same && shape.name[i] == axes[i];
        shape.name[i] = axes[i];
    }
    if (same) return node;
    return graph_append(el->graph, &op_reshape, node->dtype, shape, 1, &node, &(Attr){0});
}

/* ---- scopes ---- */

Scope *scope_new(Elab *el, Scope *parent, const char *path) {
    Scope *scope = NEW(el->arena, Scope);
    scope->parent = parent;
    scope->path = path;
    return scope;
}

Slot *scope_own(Scope *scope, const char *name) {
    for (int i = scope->slots.count - 1; i >= 0; i--)
        if (scope->slots.at[i].name == name) return &scope->slots.at[i];
    return NULL;
}

Slot *scope_find(Scope *scope, const char *name) {
    for (; scope; scope = scope->parent) {
        Slot *slot = scope_own(scope, name);
        if (slot) return slot;
    }
    return NULL;
}

static Slot *scope_push(Elab *el, Scope *scope, Ident name, Value value, bool declared) {
    if (value.kind == VALUE_NUMBER) value.axis = axis_new(el, name.name, value.axis);
    value.touched |= el->control;
    Slot slot = {.name = name.name, .value = value, .span = name.span, .declared = declared, .item = el->item};
    vec_push(el->arena, &scope->slots, slot);
    return &scope->slots.at[scope->slots.count - 1];
}

Slot *scope_declare(Elab *el, Scope *scope, Ident name, Value value) {
    Slot *old = scope_own(scope, name.name);
    if (!old) return scope_push(el, scope, name, value, true);
    Message *message = diag_error(el->diag, name.span, E0202, "`%s` is defined already", name.name);
    diag_note(message, old->span, old->imported ? "`%s` was brought in here" : "`%s` is defined here", name.name);
    diag_help(message, "give one of the two another name");
    return old;
}

void scope_set(Elab *el, Scope *scope, Ident name, Value value) {
    Slot *old = scope_own(scope, name.name);
    if (!old) {
        scope_push(el, scope, name, value, false);
        return;
    }
    if (value.kind == VALUE_NUMBER) value.axis = axis_new(el, name.name, value.axis);
    *old = (Slot){.name = name.name, .value = value, .span = name.span};
}

bool slot_is_general(const Slot *slot) {
    ValueKind kind = slot->value.kind;
    return kind == VALUE_FUNCTION || kind == VALUE_EXTERNAL || kind == VALUE_MODULE;
}

bool slot_given(const Scope *scope, const Slot *slot) {
    if (!scope->source) return true;
    return !slot->imported && slot_is_general(slot);
}

/* Whether a name stands in a statement of its file that could not be parsed, which may be where it was made. */
static bool was_skipped(const Scope *scope, const char *name) {
    while (scope->parent) scope = scope->parent;
    for (int i = 0; scope->tree && i < scope->tree->skipped.count; i++)
        if (!strcmp(scope->tree->skipped.at[i], name)) return true;
    return false;
}

void unknown_name(Elab *el, Scope *scope, Span at, const char *name, bool members) {
    VEC(const char *) candidates = {0};
    if (was_skipped(scope, name) || was_skipped(el->scope, name)) return;
    for (Scope *s = scope; s; s = members ? NULL : s->parent) {
        if (s->broken) return;
        for (int i = 0; i < s->slots.count; i++)
            if (!members || slot_given(s, &s->slots.at[i])) vec_push(el->arena, &candidates, s->slots.at[i].name);
    }
    for (int i = 0; builtin_name(i) && !members; i++) vec_push(el->arena, &candidates, builtin_name(i));
    const char *nearest = name_nearest(name, candidates.at, candidates.count);
    Message *message;
    if (!members)
        message = diag_error(el->diag, at, E0201, "unknown name `%s`", name);
    else if (scope->source)
        message = diag_error(el->diag, at, E0203, "%s has no function or module `%s`", scope->source->path, name);
    else
        message = diag_error(el->diag, at, E0203, "`%s` has no member `%s`", scope->path, name);
    if (nearest) diag_help(message, "did you mean `%s`?", nearest);
}

/* ---- names and texts ---- */

void name_node(Elab *el, Node *node, const char *name) {
    while (node) {
        if (!node->name) node_rename(el->graph, node, name);
        bool same = node->op == &op_reshape && shape_equal(&node->shape, &node->operand[0]->shape);
        node = same && !node->operand[0]->name ? node->operand[0] : NULL;
    }
}

const char *path_join(Elab *el, const char *path, const char *name) {
    return path[0] ? name_of(el->names, arena_printf(el->arena, "%s.%s", path, name)) : name;
}

const char *shape_text(Elab *el, const Shape *shape) {
    Text text;
    text_init(&text, el->arena);
    shape_print(&text, shape, false);
    return text.at;
}

const char *expr_text(Elab *el, const Expr *expr) {
    Text text;
    text_init(&text, el->arena);
    expr_print(&text, expr);
    return text.at;
}

const char *type_text(Elab *el, const Type *type) {
    Text text;
    text_init(&text, el->arena);
    type_print(&text, type);
    return text.at;
}

const char *number_text(Elab *el, double number) {
    return arena_printf(el->arena, "%.12g", number);
}

const char *dtype_text(const Elab *el, DType dtype) {
    static const char *const text[] = {[DT_FLOAT] = "f32", [DT_I32] = "i32", [DT_BOOL] = "bool"};
    return dtype == DT_FLOAT && el->model->f64 ? "f64" : text[dtype];
}

/* ---- places and limits ---- */

void at_place(Elab *el, Span span) {
    if (el->graph) el->graph->at = span;
}

bool too_long(Elab *el, Span span) {
    if (el->stopped || ++el->steps <= MAX_STEPS) return el->stopped;
    el->stopped = true;
    diag_error(el->diag, span, E0207, "loops and calls come to more than %d expressions", MAX_STEPS);
    return true;
}

bool too_large(Elab *el, Span span) {
    if (el->stopped || !el->graph || el->graph->nodes.count <= MAX_NODES) return el->stopped;
    el->stopped = true;
    diag_error(el->diag, span, E0207, "the graph has more than %d operations", MAX_NODES);
    return true;
}
