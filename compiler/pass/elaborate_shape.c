/* elaborate_shape.c: types, sizes and axes: what `[B, T, D]`, `as`, `to` and `axis =` mean.
 *
 * In: types as written, and values. Out: shapes whose axes carry names, views, and checked arguments.
 *
 *     q(x) as [B, M, H, K] to [B, H, M, K]      # a reshape, then a permutation found by the names */
#include "pass/elaborate.h"

#include <math.h>
#include <string.h>

#define MAX_ELEMENTS ((int64_t)1 << 40)

bool to_size(Elab *el, double number, Span span, int64_t *size) {
    if (number == floor(number) && number >= 0 && number <= (double)INT32_MAX) {
        *size = (int64_t)number;
        return true;
    }
    diag_error(el->diag, span, E0321, "a size must be a whole number from 0 to %d, not %s", INT32_MAX,
               number_text(el, number));
    return false;
}

bool type_dtype(Elab *el, const Type *type, DType *dtype) {
    static const struct {
        const char *name;
        DType dtype;
    } elements[] = {{"f32", DT_FLOAT}, {"f64", DT_FLOAT}, {"i32", DT_I32}, {"bool", DT_BOOL}};
    if (!type) return false; /* a hole left by a syntax error */
    const char *name = type->element.name;
    *dtype = DT_FLOAT;
    if (!name) return true;
    if (strcmp(name, "bf16") == 0) {
        diag_error(el->diag, type->element.span, E0703, "bf16 is not supported yet");
        return false;
    }
    int found = -1;
    for (int i = 0; i < 4; i++)
        if (strcmp(name, elements[i].name) == 0) found = i;
    if (found < 0) {
        Message *message = diag_error(el->diag, type->element.span, E0412, "unknown element type `%s`", name);
        diag_help(message, "the element types are f32, f64, i32 and bool");
        return false;
    }
    *dtype = elements[found].dtype;
    if (*dtype != DT_FLOAT || strcmp(name, dtype_text(el, DT_FLOAT)) == 0) return true;
    Message *message = diag_error(el->diag, type->element.span, E0412, "%s in a model built for %s", type->element.name,
                                  dtype_text(el, DT_FLOAT));
    diag_help(message, "leave the element type out, and choose with --dtype");
    return false;
}

/* One written size and the axis name it gives. */
static bool eval_dim(Elab *el, const Expr *expr, int64_t *size, const char **axis) {
    Value value = eval(el, expr);
    if (value.kind == VALUE_POISON) return false;
    if (value.kind != VALUE_NUMBER) {
        Message *message = diag_error(el->diag, expr->span, E0321, "a size must be a number known when compiling");
        diag_label(message, "this is %s", value_kind_text(&value));
        return false;
    }
    *axis = expr->kind == EXPR_NAME ? value.axis : NULL;
    return to_size(el, value.number, expr->span, size);
}

static bool shape_fits(Elab *el, const Shape *shape, Span span) {
    double count = 1;
    for (int i = 0; i < shape->rank; i++) count *= (double)shape->size[i];
    if (count <= (double)MAX_ELEMENTS) return true;
    diag_error(el->diag, span, E0207, "a tensor of %.3g elements; at most 2**40 fit", count);
    return false;
}

bool type_shape(Elab *el, const Type *type, Shape *shape) {
    *shape = (Shape){0};
    if (!type) return false;
    if (type->dims.count > MAX_RANK) {
        diag_error(el->diag, type->span, E0309, "more than %d axes", MAX_RANK);
        return false;
    }
    bool good = true;
    for (int i = 0; i < type->dims.count; i++) {
        const Dim *dim = &type->dims.at[i];
        if (!dim->size) {
            diag_error(el->diag, dim->span, E0321, "`..` stands only in the arguments and results of functions");
            good = false;
        } else {
            good = eval_dim(el, dim->size, &shape->size[i], &shape->name[i]) && good;
        }
        shape->rank++;
    }
    return good && shape_fits(el, shape, type->span);
}

bool value_shape(Elab *el, const Value *list, Span span, Shape *shape) {
    *shape = (Shape){0};
    Value single = *list;
    const Value *items = list->kind == VALUE_LIST ? list->items : &single;
    int count = list->kind == VALUE_LIST ? list->count : 1;
    if (count > MAX_RANK) {
        diag_error(el->diag, span, E0309, "more than %d axes", MAX_RANK);
        return false;
    }
    for (int i = 0; i < count; i++) {
        if (items[i].kind != VALUE_NUMBER) {
            diag_error(el->diag, span, E0321, "a shape is a list of sizes such as [M, N]");
            return false;
        }
        if (!to_size(el, items[i].number, span, &shape->size[i])) return false;
        shape->name[i] = items[i].axis;
        shape->rank++;
    }
    return shape_fits(el, shape, span);
}

/* ---- as, to ---- */

Value eval_as(Elab *el, const Expr *expr) {
    Node *x = eval_tensor(el, expr->left, DT_FLOAT);
    Shape shape;
    if (!type_shape(el, expr->type, &shape) || !x) return poison();
    if (shape_count(&shape) != shape_count(&x->shape)) {
        Message *message = diag_error(el->diag, expr->at, E0303, "cannot view %s as %s", shape_text(el, &x->shape),
                                      shape_text(el, &shape));
        diag_label(message, "%lld elements and %lld", (long long)shape_count(&x->shape),
                   (long long)shape_count(&shape));
        return poison();
    }
    at_place(el, expr->span);
    return tensor_value(graph_append(el->graph, &op_reshape, x->dtype, shape, 1, &x, &(Attr){0}));
}

static int axis_by_name(const Shape *shape, const char *axis, int *found) {
    int count = 0;
    for (int i = 0; i < shape->rank; i++)
        if (axis && shape->name[i] == axis) {
            if (!count++) *found = i;
        }
    return count;
}

/* The axis of x that a written size of `to` stands for: by its name; a nameless axis by its size, if only one fits. */
static int permuted_axis(Elab *el, const Expr *said, const Node *x, const bool *taken, int64_t size, const char *axis) {
    int found = -1, count = axis_by_name(&x->shape, axis, &found);
    if (count > 1) {
        Message *message =
            diag_error(el->diag, said->span, E0323, "`%s` stands twice in %s", axis, shape_text(el, &x->shape));
        diag_help(message, "number the axes: permute(x, 0, 2, 1)");
        return -1;
    }
    if (count == 1) return found;
    for (int i = 0; i < x->shape.rank; i++)
        if (!x->shape.name[i] && !taken[i] && x->shape.size[i] == size) {
            found = i;
            count++;
        }
    if (count == 1) return found;
    Message *message =
        diag_error(el->diag, said->span, E0304, "%s has no axis `%s`", shape_text(el, &x->shape), expr_text(el, said));
    diag_help(message, "name the axes with `as`, or number them: permute(x, 0, 2, 1)");
    return -1;
}

Value eval_to(Elab *el, const Expr *expr) {
    Node *x = eval_tensor(el, expr->left, DT_FLOAT);
    Shape shape;
    if (!type_shape(el, expr->type, &shape) || !x) return poison();
    if (shape.rank != x->shape.rank) {
        diag_error(el->diag, expr->at, E0324, "`to` must name every axis of %s once, and %s has %d",
                   shape_text(el, &x->shape), shape_text(el, &shape), shape.rank);
        return poison();
    }
    int axes[MAX_RANK] = {0};
    bool taken[MAX_RANK] = {false};
    for (int i = 0; i < shape.rank; i++) {
        const Expr *said = expr->type->dims.at[i].size;
        axes[i] = permuted_axis(el, said, x, taken, shape.size[i], shape.name[i]);
        if (axes[i] < 0) return poison();
        if (taken[axes[i]]) {
            Message *message = diag_error(el->diag, said->span, E0324, "`%s` is said twice", expr_text(el, said));
            diag_help(message, "number the axes: permute(x, 0, 2, 1)");
            return poison();
        }
        taken[axes[i]] = true;
    }
    at_place(el, expr->span);
    return tensor_value(permute(el->graph, x, axes));
}

/* ---- axis = ---- */

bool find_axis(Elab *el, const Value *value, Span at, const char *said, const Node *x, int *axis) {
    if (value->kind == VALUE_POISON) return false;
    const Shape *shape = &x->shape;
    if (value->kind != VALUE_NUMBER) {
        diag_error(el->diag, at, E0304, "an axis is a size's name or a number, not %s", value_kind_text(value));
        return false;
    }
    int found = 0, count = axis_by_name(shape, value->axis, &found);
    if (value->axis && count == 0 && !value->size) count = axis_by_name(shape, axis_outer(el, value->axis), &found);
    if (count > 1) {
        Message *message = diag_error(el->diag, at, E0323, "`%s` stands twice in %s", said, shape_text(el, shape));
        diag_help(message, "number the axis: axis = %d", found);
        return false;
    }
    if (count == 0 && !value->size && value->number == floor(value->number)) {
        double number = value->number < 0 ? value->number + shape->rank : value->number;
        if (number >= 0 && number < shape->rank) {
            found = (int)number;
            count = 1;
        }
    }
    if (count == 1) {
        *axis = found;
        return true;
    }
    Message *message = diag_error(el->diag, at, E0304, "%s has no axis `%s`", shape_text(el, shape), said);
    for (int i = 0; i < shape->rank && value->size; i++)
        if ((double)shape->size[i] == value->number) {
            diag_help(message, "axis %d has that size: axis = %d", i, i);
            return false;
        }
    if (value->size && shape->rank > 0) diag_help(message, "name one of its axes, or number it, from axis = 0");
    return false;
}

bool find_axes(Elab *el, const Value *value, const Argument *argument, const Node *x, int *axes, int *count) {
    bool wanted[MAX_RANK] = {false};
    *count = 0;
    const Value *items = value->kind == VALUE_LIST ? value->items : value;
    int item_count = value->kind == VALUE_NONE ? 0 : value->kind == VALUE_LIST ? value->count : 1;
    if (value->kind == VALUE_NONE)
        for (int i = 0; i < x->shape.rank; i++) wanted[i] = true;
    for (int i = 0; i < item_count; i++) {
        int axis = 0;
        const Expr *said = argument->value;
        if (said->kind == EXPR_LIST && i < said->items.count) said = said->items.at[i];
        if (!find_axis(el, &items[i], said->span, expr_text(el, said), x, &axis)) return false;
        if (wanted[axis]) {
            diag_error(el->diag, said->span, E0323, "axis %d is said twice", axis);
            return false;
        }
        wanted[axis] = true;
    }
    for (int i = 0; i < x->shape.rank; i++)
        if (wanted[i]) axes[(*count)++] = i;
    return true;
}

/* ---- declared types ---- */

static bool is_binder(const Function *function, const Expr *size) {
    if (!function || !size || size->kind != EXPR_NAME) return false;
    for (int i = 0; i < function->sizes.count; i++)
        if (function->sizes.at[i].name == size->name) return true;
    return false;
}

/* `..` may open a type; then the rest of the type stands for the last axes. */
static bool type_rest(Elab *el, const Type *type, bool *rest) {
    *rest = type->dims.count > 0 && !type->dims.at[0].size;
    for (int i = 1; i < type->dims.count; i++)
        if (!type->dims.at[i].size) {
            diag_error(el->diag, type->dims.at[i].span, E0321, "`..` stands for leading axes: it comes first");
            return false;
        }
    return true;
}

static Message *misfit(Elab *el, const Type *type, const Node *node, Span at, const char *what) {
    return diag_error(el->diag, at, E0320, "%s is %s, but is declared as %s", what, shape_text(el, &node->shape),
                      type_text(el, type));
}

bool bind_sizes(Elab *el, const Function *function, const Type *type, const Node *node) {
    bool rest = false;
    if (!type_rest(el, type, &rest)) return false;
    int first = rest ? 1 : 0, named = type->dims.count - first, lead = node->shape.rank - named;
    if (lead < 0 || (!rest && lead > 0)) return true; /* check_type's message */
    for (int i = 0; i < named; i++) {
        const Expr *size = type->dims.at[first + i].size;
        if (!is_binder(function, size) || scope_own(el->scope, size->name)) continue;
        Value value = number_value((double)node->shape.size[lead + i]);
        value.axis = node->shape.name[lead + i];
        value.size = true;
        scope_declare(el, el->scope, (Ident){size->name, size->span}, value);
    }
    return true;
}

bool check_type(Elab *el, const Type *type, const Node *node, Span at, const char *what, const char **axes) {
    DType dtype;
    bool rest = false;
    if (!node || !type_dtype(el, type, &dtype) || !type_rest(el, type, &rest)) return false;
    if (dtype != node->dtype) {
        Message *message = diag_error(el->diag, at, E0401, "%s holds %s, but is declared as %s", what,
                                      dtype_text(el, node->dtype), dtype_text(el, dtype));
        diag_note(message, type->span, "declared here as %s", type_text(el, type));
        if (dtype != DT_BOOL) diag_help(message, "convert it: %s(…)", dtype_text(el, dtype));
        return false;
    }
    int first = rest ? 1 : 0, named = type->dims.count - first, lead = node->shape.rank - named;
    if (lead < 0 || (!rest && lead > 0)) {
        diag_label(misfit(el, type, node, at, what), "%d axes", node->shape.rank);
        return false;
    }
    memcpy(axes, node->shape.name, sizeof node->shape.name);
    for (int i = 0; i < named; i++) {
        int64_t size = 0;
        const char *axis = NULL;
        const Expr *said = type->dims.at[first + i].size;
        if (!eval_dim(el, said, &size, &axis)) return false;
        if (size != node->shape.size[lead + i]) {
            Message *message = misfit(el, type, node, at, what);
            const char *text = expr_text(el, said);
            diag_label(message, "axis %d is %lld, %s is %lld", lead + i, (long long)node->shape.size[lead + i],
                       said->kind == EXPR_NUMBER ? "the declared size" : text, (long long)size);
            diag_note(message, type->span, "declared here");
            return false;
        }
        if (axis) axes[lead + i] = axis;
    }
    return true;
}
