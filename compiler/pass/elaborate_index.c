/* elaborate_index.c: x[i, a:b, :, ..] and name[…] := value.
 *
 * In: indices as written. Out: one window of the tensor (a slice, perhaps with a run-time start) and a reshape that
 * drops the axes indexed by a single number; for `:=` the same window, written.
 *
 *     cache[:, pos:pos+1] := k        # window start [0, pos], size [B, 1] */
#include "pass/elaborate.h"

#include <math.h>
#include <string.h>

/* A window: per axis a start and a size; `dynamic` is the axis whose start is the node `at`, or -1. */
typedef struct Window {
    int rank;
    int64_t start[MAX_RANK], size[MAX_RANK];
    Node *at[MAX_RANK]; /* run-time start of the axis, or NULL */
    bool dropped[MAX_RANK];
} Window;

static bool bound(Elab *el, const Expr *expr, int64_t length, int64_t fallback, int64_t *at) {
    double number;
    *at = fallback;
    if (!expr) return true;
    if (!eval_number(el, expr, "a bound of a slice", &number)) return false;
    double place = number < 0 ? number + (double)length : number;
    if (number == floor(number) && place >= 0 && place <= (double)length) {
        *at = (int64_t)place;
        return true;
    }
    Message *message = diag_error(el->diag, expr->span, E0305, "%s is outside the axis", number_text(el, number));
    diag_label(message, "the axis has %lld elements", (long long)length);
    return false;
}

/* The n of `p : p + n`. */
static bool dynamic_size(Elab *el, const Index *index, int64_t *size) {
    const Expr *stop = index->stop;
    double number;
    if (stop && stop->kind == EXPR_BINARY && stop->binary == BINARY_ADD) {
        const char *start = expr_text(el, index->start);
        const Expr *rest = strcmp(expr_text(el, stop->left), start) == 0    ? stop->right
                           : strcmp(expr_text(el, stop->right), start) == 0 ? stop->left
                                                                            : NULL;
        if (rest)
            return eval_number(el, rest, "the length of a slice", &number) && to_size(el, number, rest->span, size);
    }
    Message *message =
        diag_error(el->diag, index->span, E0305, "a slice that starts at a run-time value needs a known length");
    diag_help(message, "write it as p : p + n with a number n");
    return false;
}

static bool window_at(Elab *el, const Index *index, int64_t length, Window *window, int axis) {
    Value value = eval(el, index->start);
    window->dropped[axis] = true;
    window->size[axis] = 1;
    if (value.kind == VALUE_TENSOR) {
        if (value.node->dtype == DT_I32 && value.node->shape.rank == 0) {
            window->at[axis] = value.node;
            return true;
        }
        Message *message = diag_error(el->diag, index->span, E0305, "an index is a number or an i32 scalar, not %s %s",
                                      dtype_text(el, value.node->dtype), shape_text(el, &value.node->shape));
        diag_help(message, "rows at many places: gather(table, ids)");
        return false;
    }
    double number;
    if (value.kind == VALUE_POISON || !eval_number(el, index->start, "an index", &number)) return false;
    double place = number < 0 ? number + (double)length : number;
    if (number == floor(number) && place >= 0 && place < (double)length) {
        window->start[axis] = (int64_t)place;
        return true;
    }
    Message *message =
        diag_error(el->diag, index->span, E0305, "index %s is outside the axis", number_text(el, number));
    diag_label(message, "the axis has %lld elements", (long long)length);
    return false;
}

static bool window_range(Elab *el, const Index *index, int64_t length, Window *window, int axis) {
    if (index->start) {
        Value start = eval(el, index->start);
        if (start.kind == VALUE_POISON) return false;
        if (start.kind == VALUE_TENSOR && start.node->dtype == DT_I32 && start.node->shape.rank == 0) {
            window->at[axis] = start.node;
            if (!dynamic_size(el, index, &window->size[axis])) return false;
            if (window->size[axis] <= length) return true;
            diag_error(el->diag, index->span, E0305, "a slice of %lld elements on an axis of %lld",
                       (long long)window->size[axis], (long long)length);
            return false;
        }
    }
    int64_t stop;
    if (!bound(el, index->start, length, 0, &window->start[axis]) || !bound(el, index->stop, length, length, &stop))
        return false;
    window->size[axis] = stop - window->start[axis];
    if (window->size[axis] >= 0) return true;
    diag_error(el->diag, index->span, E0305, "a slice that ends before it starts");
    return false;
}

static bool window_read(Elab *el, const Expr *expr, const Shape *shape, Window *window) {
    int rest = -1, said = 0;
    *window = (Window){.rank = shape->rank};
    for (int i = 0; i < expr->indices.count; i++) {
        if (expr->indices.at[i].kind != INDEX_REST) {
            said++;
        } else if (rest >= 0) {
            diag_error(el->diag, expr->indices.at[i].span, E0305, "`..` stands twice");
            return false;
        } else {
            rest = i;
        }
    }
    if (said > shape->rank) {
        diag_error(el->diag, expr->span, E0305, "%d indices for %s", said, shape_text(el, shape));
        return false;
    }
    memcpy(window->size, shape->size, sizeof window->size);
    bool good = true;
    for (int i = 0, axis = 0; i < expr->indices.count; i++) {
        const Index *index = &expr->indices.at[i];
        if (index->kind == INDEX_REST) {
            axis += shape->rank - said;
            continue;
        }
        good = (index->kind == INDEX_AT ? window_at : window_range)(el, index, shape->size[axis], window, axis) && good;
        axis++;
    }
    return good;
}

static Shape window_shape(const Window *window, const Shape *of) {
    Shape shape = {0};
    for (int i = 0; i < window->rank; i++)
        if (!window->dropped[i]) {
            shape.name[shape.rank] = window->size[i] == of->size[i] ? of->name[i] : NULL;
            shape.size[shape.rank++] = window->size[i];
        }
    return shape;
}

/* An item of a list: enc[0], parts[-1]. */
static Value list_item(Elab *el, const Value *list, const Expr *expr) {
    double number = 0;
    if (expr->indices.count != 1 || expr->indices.at[0].kind != INDEX_AT) {
        diag_error(el->diag, expr->span, E0206, "a list takes one index");
        return poison();
    }
    if (!eval_number(el, expr->indices.at[0].start, "the index of a list", &number)) return poison();
    double place = number < 0 ? number + list->count : number;
    if (place == floor(place) && place >= 0 && place < list->count) return list->items[(int)place];
    diag_error(el->diag, expr->indices.at[0].span, E0305, "index %s is outside a list of %d", number_text(el, number),
               list->count);
    return poison();
}

Value eval_index(Elab *el, const Expr *expr) {
    Value left = eval_place(el, expr->left);
    if (left.kind == VALUE_LIST) return list_item(el, &left, expr);
    if (left.kind == VALUE_VARIABLE && el->graph) {
        at_place(el, expr->left->span);
        left = tensor_value(read_of(el, left.variable));
    }
    Node *x = as_node(el, &left, DT_FLOAT, expr->left->span);
    Window window;
    if (!x || !window_read(el, expr, &x->shape, &window)) return poison();
    Shape shape = window_shape(&window, &x->shape);
    bool whole = true, dropped = false;
    for (int i = 0; i < window.rank; i++) {
        whole = whole && window.start[i] == 0 && window.size[i] == x->shape.size[i];
        dropped = dropped || window.dropped[i];
    }
    for (int i = 0; i < window.rank; i++)
        if (window.at[i]) {
            at_place(el, expr->span);
            x = slice_dynamic(el->graph, x, i, window.at[i], window.size[i]);
        }
    at_place(el, expr->span);
    if (x && !whole) x = slice(el->graph, x, window.start, window.size);
    if (x && dropped) x = reshape(el->graph, x, shape);
    return tensor_value(x);
}

/* ---- writes ---- */

static Node *written_value(Elab *el, const Stmt *stmt, const Window *window, const Variable *variable) {
    const Expr *said = stmt->values.at[0];
    Node *value = eval_tensor(el, said, variable->dtype);
    if (!value) return NULL;
    Shape place = window_shape(window, &variable->shape), whole = variable->shape;
    if (value->dtype != variable->dtype) {
        diag_error(el->diag, said->span, E0401, "`%s` holds %s, but the value is %s", variable->path,
                   dtype_text(el, variable->dtype), dtype_text(el, value->dtype));
        return NULL;
    }
    bool fits = value->shape.rank <= place.rank;
    for (int i = 1; fits && i <= value->shape.rank; i++) {
        int64_t size = value->shape.size[value->shape.rank - i];
        fits = size == 1 || size == place.size[place.rank - i];
    }
    if (!fits) {
        Message *message = diag_error(el->diag, said->span, E0302, "cannot write %s into %s",
                                      shape_text(el, &value->shape), shape_text(el, &place));
        diag_note(message, variable->span, "%s is declared here as %s", variable->path,
                  shape_text(el, &variable->shape));
        return NULL;
    }
    at_place(el, stmt->span);
    if (!shape_equal(&value->shape, &place)) value = broadcast(el->graph, value, place);
    for (int i = 0; i < window->rank; i++) {
        whole.size[i] = window->size[i];
        if (window->size[i] != variable->shape.size[i]) whole.name[i] = NULL;
    }
    return value && value->shape.rank != whole.rank ? reshape(el->graph, value, whole) : value;
}

void exec_write(Elab *el, const Stmt *stmt) {
    const Expr *place = stmt->place, *name = place->kind == EXPR_INDEX ? place->left : place;
    Value target = eval_place(el, name);
    if (target.kind == VALUE_LIST && place->kind == EXPR_INDEX) { /* a state of one of several instances */
        target = eval_place(el, place);
        name = place;
    }
    if (target.kind == VALUE_POISON) return;
    if (target.kind != VALUE_VARIABLE || target.variable->kind != VAR_STATE) {
        Message *message =
            diag_error(el->diag, name->span, E0416, "`:=` writes to state; `%s` is %s", expr_text(el, name),
                       target.kind == VALUE_VARIABLE ? "a parameter" : value_kind_text(&target));
        if (target.kind == VALUE_TENSOR) diag_help(message, "values are made with `=`: %s = …", expr_text(el, name));
        return;
    }
    Variable *variable = target.variable;
    Window window = {.rank = variable->shape.rank};
    memcpy(window.size, variable->shape.size, sizeof window.size);
    if (name != place && !window_read(el, place, &variable->shape, &window)) return;
    int axis = 0;
    Node *index = NULL;
    for (int i = 0; i < window.rank; i++) {
        if (!window.at[i]) continue;
        if (index) {
            diag_error(el->diag, place->span, E0305, "only one axis of a write may start at a run-time value");
            return;
        }
        index = window.at[i];
        axis = i;
    }
    Node *value = written_value(el, stmt, &window, variable);
    if (!value) return;
    at_place(el, stmt->span);
    write_variable(el->graph, variable, value, window.start, axis, index);
}
