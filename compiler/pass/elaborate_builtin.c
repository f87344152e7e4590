/* elaborate_builtin.c: the built-in functions, one row each.
 *
 * In: a call such as `softmax(s, axis = N, mask = m)`. Out: the nodes that the verb of ops/ appends; or a number, where
 * the arguments are numbers and the function has a meaning for them. */
#include "pass/elaborate.h"

#include <math.h>
#include <string.h>

typedef struct Call {
    Elab *el;
    const BuiltIn *row;
    const Expr *expr;
    const Argument *given[MAX_FORMALS];
    Value value[MAX_FORMALS];
    Value *rest; /* of a `many` formal, lists among them opened */
    Span *rest_span;
    int rest_count;
} Call;

struct BuiltIn {
    const char *name;
    const char *formals; /* "x axis? keep?": `?` may be left out, `*` takes any number */
    Value (*run)(Call *call);
    Node *(*verb)(Graph *, Node *); /* of the elementwise rows */
    double (*number)(double);       /* the same for a number; NULL: tensors only */
    Node *(*fold)(Graph *, Node *, const int *axes, int count, bool keep); /* of the reductions */
};

/* ---- arguments ---- */

static Span span_at(const Call *call, int i) {
    return call->given[i] ? call->given[i]->value->span : call->expr->span;
}

static Node *tensor_at(Call *call, int i, DType like) {
    return as_node(call->el, &call->value[i], like, span_at(call, i));
}

static bool no_number(Call *call, int i) {
    Formal formals[MAX_FORMALS];
    formals_read(call->el, call->row->formals, formals);
    diag_error(call->el->diag, span_at(call, i), E0410, "`%s` of `%s` must be a number known when compiling",
               formals[i].name, call->row->name);
    return false;
}

static bool number_at(Call *call, int i, double fallback, double *number) {
    const Value *value = &call->value[i];
    *number = value->kind == VALUE_NUMBER ? value->number : fallback;
    return value->kind == VALUE_NUMBER || value->kind == VALUE_NONE || no_number(call, i);
}

static bool size_at(Call *call, int i, int64_t *size) {
    double number;
    return number_at(call, i, 0, &number) && to_size(call->el, number, span_at(call, i), size);
}

/* An item of the list that argument i is. */
static bool size_in(Call *call, int i, const Value *item, int64_t *size) {
    if (item->kind != VALUE_NUMBER) return no_number(call, i);
    return to_size(call->el, item->number, span_at(call, i), size);
}

static bool axis_at(Call *call, int i, const Node *x, int fallback, int *axis) {
    *axis = fallback;
    if (call->value[i].kind == VALUE_NONE && x->shape.rank > 0) return true;
    if (call->value[i].kind == VALUE_NONE) {
        diag_error(call->el->diag, call->expr->span, E0308, "`%s` needs a tensor with an axis, not a scalar",
                   call->row->name);
        return false;
    }
    const char *said = expr_text(call->el, call->given[i]->value);
    return find_axis(call->el, &call->value[i], span_at(call, i), said, x, axis);
}

static DType like_of(const Value *a, const Value *b) {
    if (a->kind == VALUE_TENSOR) return a->node->dtype;
    return b->kind == VALUE_TENSOR ? b->node->dtype : DT_FLOAT;
}

static Graph *graph_at(Call *call) {
    at_place(call->el, call->expr->span);
    return call->el->graph;
}

static Node *axis_named(Elab *el, Node *node, int axis, const Value *size) {
    if (!node || size->kind != VALUE_NUMBER || !size->axis) return node;
    const char *axes[MAX_RANK];
    memcpy(axes, node->shape.name, sizeof axes);
    axes[axis] = size->axis;
    return rename_axes(el, node, axes);
}

/* The tensors of a `many` formal. */
static Node **tensors(Call *call) {
    Node **nodes = NEW_ARRAY(call->el->arena, Node *, call->rest_count + 1);
    DType like = DT_FLOAT;
    for (int i = 0; i < call->rest_count; i++)
        if (call->rest[i].kind == VALUE_TENSOR) like = call->rest[i].node->dtype;
    for (int i = 0; i < call->rest_count; i++) {
        nodes[i] = as_node(call->el, &call->rest[i], like, call->rest_span[i]);
        if (!nodes[i]) return NULL;
    }
    return nodes;
}

/* ---- elementwise ---- */

static Value run_unary(Call *call) {
    if (call->value[0].kind == VALUE_NUMBER && call->row->number) {
        double result = call->row->number(call->value[0].number);
        if (!isnan(result)) return number_value(result);
        diag_error(call->el->diag, call->expr->span, E0415, "%s(%s) has no value", call->row->name,
                   number_text(call->el, call->value[0].number));
        return poison();
    }
    Node *x = tensor_at(call, 0, DT_FLOAT);
    return x ? tensor_value(call->row->verb(graph_at(call), x)) : poison();
}

static double number_rsqrt(double x) {
    return 1 / sqrt(x);
}
static double number_sigmoid(double x) {
    return 1 / (1 + exp(-x));
}
static double number_relu(double x) {
    return x > 0 ? x : 0;
}
static double number_gelu(double x) {
    return 0.5 * x * (1 + erf(x * sqrt(0.5)));
}
static double number_silu(double x) {
    return x / (1 + exp(-x));
}
static double number_f(double x) {
    return x;
}
static double number_bool(double x) {
    return x != 0;
}

static Node *cast_float(Graph *graph, Node *x) {
    return cast(graph, x, DT_FLOAT);
}
static Node *cast_i32(Graph *graph, Node *x) {
    return cast(graph, x, DT_I32);
}
static Node *cast_bool(Graph *graph, Node *x) {
    return cast(graph, x, DT_BOOL);
}

static Value run_where(Call *call) {
    DType like = like_of(&call->value[1], &call->value[2]);
    Node *condition = tensor_at(call, 0, DT_BOOL), *a = tensor_at(call, 1, like), *b = tensor_at(call, 2, like);
    if (!condition || !a || !b) return poison();
    Graph *graph = graph_at(call);
    meet(call->el, &a, &b);
    return tensor_value(where(graph, condition, a, b));
}

/* ---- reductions ---- */

static Value fold_axes(Call *call, Node *x, int axis_at_index) {
    int axes[MAX_RANK], count;
    double keep;
    if (!x || !number_at(call, axis_at_index + 1, 0, &keep)) return poison();
    if (!find_axes(call->el, &call->value[axis_at_index], call->given[axis_at_index], x, axes, &count)) return poison();
    return tensor_value(call->row->fold(graph_at(call), x, axes, count, keep != 0));
}

static Value run_fold(Call *call) {
    return fold_axes(call, tensor_at(call, 0, DT_FLOAT), 1);
}

/* max and min: of one tensor a reduction, of several elementwise. */
static Value run_extreme(Call *call) {
    bool largest = strcmp(call->row->name, "max") == 0;
    if (call->rest_count == 1 && call->rest[0].kind != VALUE_NUMBER)
        return fold_axes(call, as_node(call->el, &call->rest[0], DT_FLOAT, call->rest_span[0]), 1);
    if (call->given[1] || call->given[2]) {
        diag_error(call->el->diag, call->expr->span, E0204, "`%s` of several values takes no axis", call->row->name);
        return poison();
    }
    Value result = call->rest_count ? call->rest[0] : poison();
    for (int i = 1; i < call->rest_count; i++) {
        Value *next = &call->rest[i];
        if (result.kind == VALUE_NUMBER && next->kind == VALUE_NUMBER) {
            result = number_value(largest ? fmax(result.number, next->number) : fmin(result.number, next->number));
            continue;
        }
        DType like = like_of(&result, next);
        Node *a = as_node(call->el, &result, like, call->rest_span[0]);
        Node *b = as_node(call->el, next, like, call->rest_span[i]);
        if (!a || !b) return poison();
        Graph *graph = graph_at(call);
        meet(call->el, &a, &b);
        result = tensor_value((largest ? maximum : minimum)(graph, a, b));
    }
    return result;
}

/* ---- rows ---- */

static Value run_softmax(Call *call) {
    Node *x = tensor_at(call, 0, DT_FLOAT), *mask = NULL;
    const Value *said = &call->value[2];
    int axis;
    if (!x || !axis_at(call, 1, x, x->shape.rank - 1, &axis)) return poison();
    bool all = said->kind == VALUE_NONE || (said->kind == VALUE_NUMBER && said->number == 1);
    if (!all && !(mask = tensor_at(call, 2, DT_BOOL))) return poison();
    return tensor_value(softmax(graph_at(call), x, axis, mask));
}

static Value run_log_softmax(Call *call) {
    Node *x = tensor_at(call, 0, DT_FLOAT);
    int axis;
    if (!x || !axis_at(call, 1, x, x->shape.rank - 1, &axis)) return poison();
    return tensor_value(log_softmax(graph_at(call), x, axis));
}

static Value run_norm(Call *call) {
    Node *x = tensor_at(call, 0, DT_FLOAT);
    double eps;
    if (!x || !number_at(call, 1, 1e-5, &eps)) return poison();
    bool layer = strcmp(call->row->name, "layernorm") == 0;
    return tensor_value((layer ? layernorm : rmsnorm)(graph_at(call), x, eps));
}

static Value run_cross_entropy(Call *call) {
    Node *logits = tensor_at(call, 0, DT_FLOAT), *gold = tensor_at(call, 1, DT_I32);
    double ignore, smooth;
    if (!logits || !gold || !number_at(call, 2, 0, &ignore) || !number_at(call, 3, 0, &smooth)) return poison();
    if (smooth < 0 || smooth > 1) {
        diag_error(call->el->diag, span_at(call, 3), E0415, "smooth is a share from 0 to 1, not %s",
                   number_text(call->el, smooth));
        return poison();
    }
    return tensor_value(cross_entropy(graph_at(call), logits, gold, call->given[2] ? &ignore : NULL, smooth));
}

/* ---- products, indexing, moving ---- */

static Value run_matmul(Call *call) {
    Node *a = tensor_at(call, 0, DT_FLOAT), *b = tensor_at(call, 1, DT_FLOAT);
    double flag_a, flag_b;
    if (!a || !b || !number_at(call, 2, 0, &flag_a) || !number_at(call, 3, 0, &flag_b)) return poison();
    return tensor_value(matmul(graph_at(call), a, b, flag_a != 0, flag_b != 0));
}

static Value run_gather(Call *call) {
    Node *table = tensor_at(call, 0, DT_FLOAT), *ids = tensor_at(call, 1, DT_I32);
    return table && ids ? tensor_value(gather(graph_at(call), table, ids)) : poison();
}

static Value run_one_hot(Call *call) {
    Node *ids = tensor_at(call, 0, DT_I32);
    int64_t size;
    if (!ids || !size_at(call, 1, &size)) return poison();
    Node *hot = one_hot(graph_at(call), ids, size);
    return tensor_value(hot ? axis_named(call->el, hot, hot->shape.rank - 1, &call->value[1]) : NULL);
}

static Value run_join(Call *call) {
    Node **parts = tensors(call);
    bool stacked = strcmp(call->row->name, "stack") == 0;
    if (!parts || call->rest_count == 0) {
        if (parts)
            diag_error(call->el->diag, call->expr->span, E0204, "`%s` needs at least one tensor", call->row->name);
        return poison();
    }
    int axis = 0;
    if (stacked) {
        double number;
        if (!number_at(call, 1, 0, &number)) return poison();
        int rank = parts[0]->shape.rank;
        double place = number < 0 ? number + rank + 1 : number;
        if (place == floor(place) && place >= 0 && place <= rank) {
            axis = (int)place;
        } else {
            diag_error(call->el->diag, span_at(call, 1), E0304, "`stack` of %s can't make an axis %s",
                       shape_text(call->el, &parts[0]->shape), number_text(call->el, number));
            return poison();
        }
    } else if (!axis_at(call, 1, parts[0], 0, &axis)) {
        return poison();
    }
    return tensor_value((stacked ? stack : concat)(graph_at(call), parts, call->rest_count, axis));
}

static Value run_split(Call *call) {
    Node *x = tensor_at(call, 0, DT_FLOAT);
    int axis;
    if (!x || !axis_at(call, 2, x, 0, &axis)) return poison();
    const Value *said = &call->value[1];
    int64_t whole = x->shape.size[axis], total = 0, size = 0;
    bool listed = said->kind == VALUE_LIST;
    int64_t count = listed ? said->count : 0;
    if (!listed && !size_at(call, 1, &count)) return poison();
    if (!listed && (count == 0 || whole % count != 0)) {
        diag_error(call->el->diag, call->expr->span, E0325, "cannot split axis %d of %s into %lld equal parts", axis,
                   shape_text(call->el, &x->shape), (long long)count);
        return poison();
    }
    if (count > MAX_TURNS) {
        diag_error(call->el->diag, span_at(call, 1), E0207, "%lld parts; a tensor is split into at most %d",
                   (long long)count, MAX_TURNS);
        return poison();
    }
    Value parts = list_value(call->el, NULL, 0);
    parts.items = NEW_ARRAY(call->el->arena, Value, count + 1);
    int64_t start[MAX_RANK] = {0}, sizes[MAX_RANK];
    memcpy(sizes, x->shape.size, sizeof sizes);
    for (int64_t i = 0; i < count; i++) {
        size = listed ? 0 : whole / count;
        if (listed && !size_in(call, 1, &said->items[i], &size)) return poison();
        start[axis] = total;
        sizes[axis] = size;
        total += size;
        if (total > whole) break;
        parts.items[parts.count] = tensor_value(slice(graph_at(call), x, start, sizes));
        if (listed)
            parts.items[parts.count] =
                tensor_value(axis_named(call->el, parts.items[parts.count].node, axis, &said->items[i]));
        parts.count++;
    }
    if (total == whole) return parts;
    diag_error(call->el->diag, span_at(call, 1), E0325, "the parts make %lld, but axis %d of %s has %lld",
               (long long)total, axis, shape_text(call->el, &x->shape), (long long)whole);
    return poison();
}

static Value run_pad(Call *call) {
    Node *x = tensor_at(call, 0, DT_FLOAT);
    const Value *widths = &call->value[1];
    double value;
    int64_t before[MAX_RANK], after[MAX_RANK];
    if (!x || !number_at(call, 2, 0, &value)) return poison();
    bool good = widths->kind == VALUE_LIST && widths->count == x->shape.rank;
    for (int i = 0; good && i < widths->count; i++) {
        const Value *pair = &widths->items[i];
        good = pair->kind == VALUE_LIST && pair->count == 2 && pair->items[0].kind == VALUE_NUMBER &&
               pair->items[1].kind == VALUE_NUMBER;
        if (good && (!to_size(call->el, pair->items[0].number, span_at(call, 1), &before[i]) ||
                     !to_size(call->el, pair->items[1].number, span_at(call, 1), &after[i])))
            return poison();
    }
    if (good) return tensor_value(pad(graph_at(call), x, before, after, value));
    Message *message =
        diag_error(call->el->diag, span_at(call, 1), E0308, "`pad` needs a pair [before, after] for each axis of %s",
                   shape_text(call->el, &x->shape));
    diag_help(message, "as in pad(x, [[1, 1], [0, 3]])");
    return poison();
}

static Value run_permute(Call *call) {
    Node *x = call->rest_count ? as_node(call->el, &call->rest[0], DT_FLOAT, call->rest_span[0]) : NULL;
    if (!x) return poison();
    int axes[MAX_RANK];
    bool taken[MAX_RANK] = {false}, good = call->rest_count == x->shape.rank + 1;
    for (int i = 0; good && i < x->shape.rank; i++) {
        const Value *said = &call->rest[i + 1];
        double number = said->kind == VALUE_NUMBER ? said->number : -100;
        double place = number < 0 ? number + x->shape.rank : number;
        good = place == floor(place) && place >= 0 && place < x->shape.rank && !taken[(int)place];
        if (good) taken[axes[i] = (int)place] = true;
    }
    if (good) return tensor_value(permute(graph_at(call), x, axes));
    diag_error(call->el->diag, call->expr->span, E0324, "`permute` must give every axis of %s once, as numbers",
               shape_text(call->el, &x->shape));
    return poison();
}

/* ---- making ---- */

static Value run_full(Call *call) {
    Shape shape;
    const char *name = call->row->name;
    bool given = strcmp(name, "full") == 0;
    double value = strcmp(name, "ones") == 0;
    if (!value_shape(call->el, &call->value[0], span_at(call, 0), &shape)) return poison();
    if (given && call->value[1].kind == VALUE_TENSOR)
        return tensor_value(broadcast(graph_at(call), call->value[1].node, shape));
    if (given && !number_at(call, 1, 0, &value)) return poison();
    return tensor_value(full(graph_at(call), shape, value, DT_FLOAT));
}

static Value run_iota(Call *call) {
    int64_t size;
    if (!size_at(call, 0, &size)) return poison();
    return tensor_value(axis_named(call->el, iota(graph_at(call), size), 0, &call->value[0]));
}

static Value run_causal(Call *call) {
    int64_t size;
    if (!size_at(call, 0, &size)) return poison();
    return tensor_value(causal(graph_at(call), size, call->value[0].axis));
}

static Value run_sinusoid(Call *call) {
    int64_t positions, width;
    if (!size_at(call, 0, &positions) || !size_at(call, 1, &width)) return poison();
    Node *x = sinusoid(graph_at(call), positions, width);
    x = axis_named(call->el, x, 0, &call->value[0]);
    return tensor_value(axis_named(call->el, x, 1, &call->value[1]));
}

static Value run_dropout(Call *call) {
    Node *x = tensor_at(call, 0, DT_FLOAT);
    double p;
    if (!x || !number_at(call, 1, 0, &p)) return poison();
    if (!(p >= 0 && p < 1)) {
        diag_error(call->el->diag, span_at(call, 1), E0415,
                   "a probability of dropout is at least 0 and below 1, not %s", number_text(call->el, p));
        return poison();
    }
    return tensor_value(dropout(graph_at(call), x, p, call->el->train && p > 0));
}

/* ---- gradients ---- */

static Value run_grad(Call *call) {
    Node **nodes = tensors(call);
    if (nodes && call->rest_count >= 2) {
        int count = call->rest_count - 1;
        Value *values = NEW_ARRAY(call->el->arena, Value, count);
        Node **results = NEW_ARRAY(call->el->arena, Node *, count);
        grad(graph_at(call), nodes[0], nodes + 1, count, results);
        for (int i = 0; i < count; i++) {
            const char *name = nodes[i + 1]->name;
            if (results[i] && name)
                name_node(call->el, results[i], name_of(call->el->names, arena_printf(call->el->arena, "d_%s", name)));
            values[i] = tensor_value(results[i]);
        }
        return count == 1 ? values[0] : list_value(call->el, values, count);
    }
    if (nodes) {
        Message *message =
            diag_error(call->el->diag, call->expr->span, E0204, "`grad` needs a scalar and what to differentiate by");
        diag_help(message, "as in grad(loss, x, W)");
    }
    return poison();
}

static Value run_jacobian(Call *call) {
    Node *y = tensor_at(call, 0, DT_FLOAT), *x = tensor_at(call, 1, DT_FLOAT);
    return y && x ? tensor_value(jacobian(graph_at(call), y, x)) : poison();
}

/* Lists side by side: zip(enc, dec) is [[enc[0], dec[0]], …]. */
static Value run_zip(Call *call) {
    int count = call->value[0].kind == VALUE_LIST ? call->value[0].count : -1;
    for (int i = 0; i < 2; i++)
        if (call->value[i].kind != VALUE_LIST || call->value[i].count != count) {
            diag_error(call->el->diag, call->expr->span, E0206, "`zip` takes two lists of one length");
            return poison();
        }
    Value pairs = list_value(call->el, NULL, 0);
    pairs.items = NEW_ARRAY(call->el->arena, Value, count + 1);
    for (; pairs.count < count; pairs.count++) {
        Value pair[2] = {call->value[0].items[pairs.count], call->value[1].items[pairs.count]};
        pairs.items[pairs.count] = list_value(call->el, pair, 2);
    }
    return pairs;
}

/* ---- the table ---- */

#define UNARY(name, verb, number)                                                                                      \
    { name, "x", run_unary, verb, number, NULL }
#define FOLD(name, fold)                                                                                               \
    { name, "x axis? keep?", run_fold, NULL, NULL, fold }
#define OTHER(name, formals, run)                                                                                      \
    { name, formals, run, NULL, NULL, NULL }

static const BuiltIn table[] = {
    UNARY("abs", absolute, fabs),
    UNARY("exp", exponential, exp),
    UNARY("log", logarithm, log),
    UNARY("sqrt", square_root, sqrt),
    UNARY("rsqrt", reciprocal_root, number_rsqrt),
    UNARY("tanh", hyperbolic_tangent, tanh),
    UNARY("sigmoid", sigmoid, number_sigmoid),
    UNARY("relu", relu, number_relu),
    UNARY("gelu", gelu, number_gelu),
    UNARY("gelu_tanh", gelu_tanh, NULL),
    UNARY("silu", silu, number_silu),
    UNARY("erf", error_function, erf),
    UNARY("sin", sine, sin),
    UNARY("cos", cosine, cos),
    UNARY("f32", cast_float, number_f),
    UNARY("f64", cast_float, number_f),
    UNARY("i32", cast_i32, trunc),
    UNARY("bool", cast_bool, number_bool),
    UNARY("stop", stop_gradient, number_f),
    OTHER("where", "condition a b", run_where),
    {"min", "values* axis? keep?", run_extreme, NULL, NULL, reduce_min},
    {"max", "values* axis? keep?", run_extreme, NULL, NULL, reduce_max},
    FOLD("sum", sum),
    FOLD("mean", mean),
    FOLD("logsumexp", logsumexp),
    OTHER("softmax", "x axis? mask?", run_softmax),
    OTHER("log_softmax", "x axis?", run_log_softmax),
    OTHER("layernorm", "x eps?", run_norm),
    OTHER("rmsnorm", "x eps?", run_norm),
    OTHER("cross_entropy", "logits gold ignore? smooth?", run_cross_entropy),
    OTHER("matmul", "a b transpose_a? transpose_b?", run_matmul),
    OTHER("gather", "table ids", run_gather),
    OTHER("one_hot", "ids n", run_one_hot),
    OTHER("concat", "parts* axis?", run_join),
    OTHER("stack", "parts* axis?", run_join),
    OTHER("split", "x n axis?", run_split),
    OTHER("pad", "x widths value?", run_pad),
    OTHER("permute", "axes*", run_permute),
    OTHER("zeros", "shape", run_full),
    OTHER("ones", "shape", run_full),
    OTHER("full", "shape value", run_full),
    OTHER("iota", "n", run_iota),
    OTHER("causal", "n", run_causal),
    OTHER("sinusoid", "n d", run_sinusoid),
    OTHER("dropout", "x p", run_dropout),
    OTHER("grad", "values*", run_grad),
    OTHER("jacobian", "y x", run_jacobian),
    OTHER("zip", "a b", run_zip),
};

enum { TABLE_COUNT = sizeof table / sizeof *table };

const BuiltIn *builtin_find(const char *name) {
    for (int i = 0; i < TABLE_COUNT; i++)
        if (strcmp(table[i].name, name) == 0) return &table[i];
    return NULL;
}

const char *builtin_name(int index) {
    return index < TABLE_COUNT ? table[index].name : NULL;
}

/* The arguments of a `many` formal, lists opened: concat(parts) is concat(parts[0], parts[1], …). */
static bool open_rest(Call *call, const Argument *const *rest, int count) {
    VEC(Value) values = {0};
    VEC(Span) spans = {0};
    bool good = true;
    for (int i = 0; i < count; i++) {
        Value value = eval(call->el, rest[i]->value);
        good = value.kind != VALUE_POISON && good;
        const Value *items = value.kind == VALUE_LIST ? value.items : &value;
        for (int k = 0; k < (value.kind == VALUE_LIST ? value.count : 1); k++) {
            vec_push(call->el->arena, &values, items[k]);
            vec_push(call->el->arena, &spans, rest[i]->value->span);
        }
    }
    call->rest = values.at;
    call->rest_span = spans.at;
    call->rest_count = values.count;
    return good;
}

Value builtin_call(Elab *el, const BuiltIn *builtin, const Expr *expr) {
    Call call = {.el = el, .row = builtin, .expr = expr};
    Formal formals[MAX_FORMALS];
    const Argument **rest = NULL;
    int count = formals_read(el, builtin->formals, formals), rest_count = 0;
    if (!match_arguments(el, builtin->name, formals, count, expr, call.given, &rest, &rest_count)) return poison();
    bool good = true, numbers = true;
    for (int i = 0; i < count; i++) {
        call.value[i] = (Value){.kind = VALUE_NONE};
        if (!call.given[i] || formals[i].many) continue;
        call.value[i] = eval(el, call.given[i]->value);
        good = call.value[i].kind != VALUE_POISON && good;
        numbers = numbers && call.value[i].kind == VALUE_NUMBER;
    }
    if (rest_count > 0) good = open_rest(&call, rest, rest_count) && good;
    for (int i = 0; i < call.rest_count; i++) numbers = numbers && call.rest[i].kind == VALUE_NUMBER;
    bool known = (builtin->number || builtin->run == run_extreme) && numbers;
    if (good && !el->graph && !known && builtin->run != run_zip) {
        diag_error(el->diag, expr->span, E0410,
                   "`%s` makes a tensor, but only numbers known when compiling can stand here", builtin->name);
        return poison();
    }
    return good ? builtin->run(&call) : poison();
}
