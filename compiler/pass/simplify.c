/* simplify.c: local identities, until none applies: the graph as a person would have written it.
 *
 * In: graphs of gradient. Out: the same values from fewer nodes, shared and without dead ones.
 *
 *     add(x, 0)                          x
 *     matmul(permute(a), b)              matmul(a, b, transpose_a)
 *     reshape(reshape(x))                reshape(x)
 *     add(pad(a), pad(b)), side by side  concat(a, b)
 *     mul(broadcast(r), broadcast(s))    broadcast(mul(r, s))
 *     gather(x, ids of shape [0])        zeros([0])
 *
 * A row of the table is an op and an identity: given a node, it returns what to use in its place, or NULL. A round
 * copies the graph forward through the table and shares; rounds go on while they change something. Floats are not
 * reassociated, with two exceptions that are the point: a sum over repeated elements is a product, and rows are
 * scattered into a sum instead of into zeros that are added to it.
 */
#include "pass/pass.h"

#include <math.h>
#include <string.h>

typedef Node *(*Identity)(Graph *graph, Node *node);

static bool is_value(const Node *node, double value) {
    double found;
    return is_number(node, &found) && found == value;
}

static bool is_op(const Node *node, const Op *op) {
    return node->op == op;
}

static Node *filled(Graph *graph, const Node *like, double value) {
    return full(graph, like->shape, value, like->dtype);
}

/* ---- arithmetic ---- */

/* x + scatter_add(0, ids, rows) adds the rows to x itself. */
static Node *scatter_into(Graph *graph, Node *x, const Node *scattered) {
    if (!is_op(scattered, &op_scatter_add) || !is_value(scattered->operand[0], 0)) return NULL;
    return scatter_add(graph, x, scattered->operand[1], scattered->operand[2]);
}

static Node *simpler_add(Graph *graph, Node *node) {
    Node *a = node->operand[0], *b = node->operand[1];
    if (is_value(a, 0)) return b;
    if (is_value(b, 0)) return a;
    if (is_op(b, &op_neg)) return subtract(graph, a, b->operand[0]);
    if (is_op(a, &op_neg)) return subtract(graph, b, a->operand[0]);
    Node *scattered = scatter_into(graph, a, b);
    return scattered ? scattered : scatter_into(graph, b, a);
}

static Node *simpler_sub(Graph *graph, Node *node) {
    Node *a = node->operand[0], *b = node->operand[1];
    if (is_value(b, 0)) return a;
    if (is_value(a, 0)) return negate(graph, b);
    return is_op(b, &op_neg) ? add(graph, a, b->operand[0]) : NULL;
}

static Node *simpler_mul(Graph *graph, Node *node) {
    Node *a = node->operand[0], *b = node->operand[1];
    if (is_value(a, 1)) return b;
    if (is_value(b, 1)) return a;
    if (is_value(a, -1)) return negate(graph, b);
    if (is_value(b, -1)) return negate(graph, a);
    return is_op(a, &op_neg) && is_op(b, &op_neg) ? multiply(graph, a->operand[0], b->operand[0]) : NULL;
}

/* Division by a power of two is exactly a product. */
static Node *simpler_div(Graph *graph, Node *node) {
    double divisor;
    if (!is_number(node->operand[1], &divisor) || divisor == 0) return NULL;
    if (divisor == 1) return node->operand[0];
    int exponent;
    bool exact = fabs(frexp(divisor, &exponent)) == 0.5 && exponent > -100 && exponent < 100;
    return exact ? multiply(graph, node->operand[0], number(graph, 1 / divisor)) : NULL;
}

static Node *simpler_neg(Graph *graph, Node *node) {
    Node *x = node->operand[0];
    if (is_op(x, &op_neg)) return x->operand[0];
    return is_op(x, &op_sub) ? subtract(graph, x->operand[1], x->operand[0]) : NULL;
}

static Node *to_square(Graph *graph, Node *x) {
    return multiply(graph, x, x);
}
static Node *to_cube(Graph *graph, Node *x) {
    return multiply(graph, multiply(graph, x, x), x);
}
static Node *to_fourth(Graph *graph, Node *x) {
    return to_square(graph, to_square(graph, x));
}
static Node *to_itself(Graph *graph, Node *x) {
    return (void)graph, x;
}
static Node *to_inverse(Graph *graph, Node *x) {
    return divide(graph, number(graph, 1), x);
}
static Node *to_ones(Graph *graph, Node *x) {
    return filled(graph, x, 1);
}

static const struct {
    double exponent;
    Node *(*made)(Graph *graph, Node *x);
} powers[] = {
    {-1.0, to_inverse}, {-0.5, reciprocal_root}, {0.0, to_ones}, {0.5, square_root},
    {1.0, to_itself},   {2.0, to_square},        {3.0, to_cube}, {4.0, to_fourth},
};

static Node *simpler_pow(Graph *graph, Node *node) {
    double exponent;
    if (!is_number(node->operand[1], &exponent)) return NULL;
    for (size_t i = 0; i < sizeof powers / sizeof powers[0]; i++)
        if (powers[i].exponent == exponent) return powers[i].made(graph, node->operand[0]);
    return NULL;
}

static Node *simpler_extreme(Graph *graph, Node *node) {
    (void)graph;
    return node->operand[0] == node->operand[1] ? node->operand[0] : NULL;
}

/* An integer is equal to itself, and no C compiler likes to be asked; a float may be no number. */
static Node *simpler_compare(Graph *graph, Node *node) {
    if (node->operand[0] != node->operand[1] || node->operand[0]->dtype == DT_FLOAT) return NULL;
    return filled(graph, node, is_op(node, &op_equal) || is_op(node, &op_less_equal));
}

static Node *simpler_where(Graph *graph, Node *node) {
    Node *condition = node->operand[0], *a = node->operand[1], *b = node->operand[2];
    double value;
    if (is_number(condition, &value)) return value != 0 ? a : b;
    if (a == b) return a;
    if (is_op(condition, &op_not)) return where(graph, condition->operand[0], b, a);
    if (is_op(a, &op_where) && a->operand[0] == condition) return where(graph, condition, a->operand[1], b);
    if (is_op(b, &op_where) && b->operand[0] == condition) return where(graph, condition, a, b->operand[2]);
    return NULL;
}

static Node *simpler_and(Graph *graph, Node *node) {
    (void)graph;
    Node *a = node->operand[0], *b = node->operand[1];
    if (is_value(a, 1) || a == b) return b;
    if (is_value(a, 0)) return a;
    return is_value(b, 1) ? a : is_value(b, 0) ? b : NULL;
}

static Node *simpler_or(Graph *graph, Node *node) {
    (void)graph;
    Node *a = node->operand[0], *b = node->operand[1];
    if (is_value(a, 0) || a == b) return b;
    if (is_value(a, 1)) return a;
    return is_value(b, 0) ? a : is_value(b, 1) ? b : NULL;
}

static Node *simpler_not(Graph *graph, Node *node) {
    (void)graph;
    return is_op(node->operand[0], &op_not) ? node->operand[0]->operand[0] : NULL;
}

/* ---- views ---- */

static bool one_number(Graph *graph, Node *node, Node **result) {
    double value;
    if (node->op == &op_broadcast && node->operand[0]->op == &op_const) return false;
    if (!is_number(node->operand[0], &value)) return false;
    *result = node->shape.rank == 0 ? constant(graph, value, node->dtype) : filled(graph, node, value);
    return true;
}

/* The same shape once leading axes of size 1 are left out. */
static bool differs_by_leading_ones(const Shape *a, const Shape *b) {
    int skip_a = 0, skip_b = 0;
    while (skip_a < a->rank && a->size[skip_a] == 1) skip_a++;
    while (skip_b < b->rank && b->size[skip_b] == 1) skip_b++;
    Shape tail_a = shape_tail(a, skip_a), tail_b = shape_tail(b, skip_b);
    return shape_equal(&tail_a, &tail_b);
}

static Node *simpler_reshape(Graph *graph, Node *node) {
    Node *x = node->operand[0], *result;
    if (one_number(graph, node, &result)) return result;
    if (shape_equal(&x->shape, &node->shape)) return x;
    return is_op(x, &op_reshape) ? reshape(graph, x->operand[0], node->shape) : NULL;
}

static bool in_order(const Attr *attr) {
    for (int i = 0; i < attr->axis_count; i++)
        if (attr->axes[i] != i) return false;
    return true;
}

static Node *simpler_permute(Graph *graph, Node *node) {
    Node *x = node->operand[0], *result;
    if (one_number(graph, node, &result)) return result;
    if (in_order(&node->attr)) return x;
    if (!is_op(x, &op_permute)) return NULL;
    int axes[MAX_RANK];
    for (int i = 0; i < node->attr.axis_count; i++) axes[i] = x->attr.axes[node->attr.axes[i]];
    return permute(graph, x->operand[0], axes);
}

static Node *simpler_broadcast(Graph *graph, Node *node) {
    Node *x = node->operand[0], *result;
    if (one_number(graph, node, &result)) return result;
    if (shape_equal(&x->shape, &node->shape)) return x;
    if (is_op(x, &op_broadcast)) return broadcast(graph, x->operand[0], node->shape);
    bool widened = is_op(x, &op_reshape) && x->operand[0]->shape.rank <= x->shape.rank;
    if (widened && differs_by_leading_ones(&x->shape, &x->operand[0]->shape))
        return broadcast(graph, x->operand[0], node->shape);
    return NULL;
}

/* A slice that lies in one part of a concat is a slice of that part. */
static Node *slice_of_part(Graph *graph, Node *node, const Node *joined) {
    int axis = joined->attr.axes[0];
    int64_t start[MAX_RANK];
    memcpy(start, node->attr.start, sizeof start);
    for (int i = 0; i < joined->operand_count; i++) {
        Node *part = joined->operand[i];
        if (start[axis] + node->shape.size[axis] <= part->shape.size[axis])
            return slice(graph, part, start, node->shape.size);
        start[axis] -= part->shape.size[axis];
        if (start[axis] < 0) return NULL;
    }
    return NULL;
}

/* A slice inside what was padded. */
static Node *slice_of_inside(Graph *graph, Node *node, const Node *padded) {
    Node *x = padded->operand[0];
    int64_t start[MAX_RANK];
    for (int i = 0; i < node->shape.rank; i++) {
        start[i] = node->attr.start[i] - padded->attr.start[i];
        if (start[i] < 0 || start[i] + node->shape.size[i] > x->shape.size[i]) return NULL;
    }
    return slice(graph, x, start, node->shape.size);
}

static Node *simpler_slice(Graph *graph, Node *node) {
    Node *x = node->operand[0], *result;
    if (shape_equal(&x->shape, &node->shape)) return x;
    if (one_number(graph, node, &result)) return result;
    if (node->operand_count == 2) return NULL;
    if (is_op(x, &op_concat)) return slice_of_part(graph, node, x);
    if (is_op(x, &op_pad)) return slice_of_inside(graph, node, x);
    if (!is_op(x, &op_slice) || x->operand_count == 2) return NULL;
    int64_t start[MAX_RANK];
    for (int i = 0; i < node->shape.rank; i++) start[i] = node->attr.start[i] + x->attr.start[i];
    return slice(graph, x->operand[0], start, node->shape.size);
}

/* ---- reductions, products, joins ---- */

/* The sum over axes along which x was repeated: x summed over the others, times how often. */
static Node *sum_of_repeated(Graph *graph, Node *node, Node *repeated) {
    Node *x = repeated->operand[0];
    int more = repeated->shape.rank - x->shape.rank, axes[MAX_RANK], count = 0, next = 0;
    double times = 1;
    Shape rest = {0};
    bool any = false;
    for (int i = 0; i < repeated->shape.rank; i++) {
        bool reduced = next < node->attr.axis_count && node->attr.axes[next] == i;
        bool copies = i < more || x->shape.size[i - more] != repeated->shape.size[i];
        next += reduced;
        any = any || (reduced && copies);
        if (reduced && copies)
            times *= (double)repeated->shape.size[i];
        else if (reduced)
            axes[count++] = i - more;
        else if (i >= more)
            rest.size[rest.rank++] = x->shape.size[i - more];
    }
    if (!any || times == 0) return NULL;
    Node *total = count > 0 ? sum(graph, x, axes, count, false) : x;
    Node *factor = constant(graph, times, node->dtype);
    total = multiply(graph, reshape(graph, total, rest), factor);
    return broadcast(graph, total, node->shape);
}

static Node *simpler_reduce(Graph *graph, Node *node) {
    for (int i = 0; i < node->attr.axis_count; i++)
        if (node->operand[0]->shape.size[node->attr.axes[i]] != 1) return NULL;
    return reshape(graph, node->operand[0], node->shape);
}

static Node *simpler_sum(Graph *graph, Node *node) {
    Node *x = node->operand[0], *single = simpler_reduce(graph, node);
    if (single) return single;
    return is_op(x, &op_broadcast) ? sum_of_repeated(graph, node, x) : NULL;
}

static bool swaps_last_two(const Node *node) {
    int rank = node->shape.rank;
    if (!is_op(node, &op_permute) || rank < 2) return false;
    for (int i = 0; i < rank - 2; i++)
        if (node->attr.axes[i] != i) return false;
    return node->attr.axes[rank - 2] == rank - 1;
}

/* The innermost axis of what it permutes stands last but one: a product reads it transposed instead. */
static bool is_transposing(const Node *node) {
    int rank = node->shape.rank;
    return is_op(node, &op_permute) && rank >= 2 && node->attr.axes[rank - 2] == rank - 1;
}

static Node *without_transposition(Graph *graph, Node *permuted) {
    int rank = permuted->shape.rank, axes[MAX_RANK];
    for (int i = 0; i < rank; i++) axes[i] = permuted->attr.axes[i];
    axes[rank - 2] = permuted->attr.axes[rank - 1];
    axes[rank - 1] = permuted->attr.axes[rank - 2];
    return permute(graph, permuted->operand[0], axes);
}

static Node *simpler_matmul(Graph *graph, Node *node) {
    Node *a = node->operand[0], *b = node->operand[1];
    bool swap_a = is_transposing(a), swap_b = is_transposing(b);
    if (!swap_a && !swap_b) return NULL;
    Attr attr = {.transpose_a = node->attr.transpose_a != swap_a, .transpose_b = node->attr.transpose_b != swap_b};
    Node *operand[] = {swap_a ? without_transposition(graph, a) : a, swap_b ? without_transposition(graph, b) : b};
    return graph_append(graph, &op_matmul, node->dtype, node->shape, 2, operand, &attr);
}

/* Parts that are concats along the same axis give their own parts; empty parts are left out. */
static Node *simpler_concat(Graph *graph, Node *node) {
    int axis = node->attr.axes[0];
    VEC(Node *) parts = {0};
    bool changed = false;
    for (int i = 0; i < node->operand_count; i++) {
        Node *part = node->operand[i];
        bool nested = is_op(part, &op_concat) && part->attr.axes[0] == axis;
        bool empty = part->shape.size[axis] == 0 && node->shape.size[axis] > 0;
        changed = changed || nested || empty;
        for (int k = 0; nested && k < part->operand_count; k++) vec_push(graph->arena, &parts, part->operand[k]);
        if (!nested && !empty) vec_push(graph->arena, &parts, part);
    }
    if (parts.count == 1) return parts.at[0];
    return changed ? concat(graph, parts.at, parts.count, axis) : NULL;
}

static Node *simpler_pad(Graph *graph, Node *node) {
    Node *x = node->operand[0];
    if (shape_equal(&x->shape, &node->shape)) return x;
    if (is_value(x, node->attr.value)) return filled(graph, node, node->attr.value);
    if (!is_op(x, &op_pad) || x->attr.value != node->attr.value) return NULL;
    Attr attr = {.value = node->attr.value};
    for (int i = 0; i < node->shape.rank; i++) attr.start[i] = node->attr.start[i] + x->attr.start[i];
    return graph_append(graph, &op_pad, node->dtype, node->shape, 1, x->operand, &attr);
}

/* ---- maps of repeated values ---- */

/* The view that all operands of a map have in common, numbers aside: the first operand of that op, or NULL. */
static const Node *common_view(const Node *node, const Op *view) {
    const Node *first = NULL;
    for (int i = 0; i < node->operand_count; i++) {
        const Node *operand = node->operand[i];
        double value;
        if (is_number(operand, &value)) continue;
        if (operand->op != view) return NULL;
        if (first && !shape_equal(&first->operand[0]->shape, &operand->operand[0]->shape)) return NULL;
        if (!first) first = operand;
    }
    return first;
}

/* The map of what lies under the view, called as the map above it is. */
static Node *map_under(Graph *graph, const Node *node, const Shape *shape) {
    Node *operand[3];
    for (int i = 0; i < node->operand_count; i++) {
        double value;
        Node *old = node->operand[i];
        if (!is_number(old, &value))
            operand[i] = old->operand[0];
        else if (shape->rank == 0)
            operand[i] = constant(graph, value, old->dtype);
        else
            operand[i] = full(graph, *shape, value, old->dtype);
    }
    Node *under = graph_append(graph, node->op, node->dtype, *shape, node->operand_count, operand, &node->attr);
    return node->name || node->title ? node_title(under, node_called(node)) : under;
}

static Node *folded(Graph *graph, const Node *node) {
    double value[3], result;
    const double *operand[3];
    if (!node->op->eval) return NULL; /* a function of the user's, not compiled yet */
    for (int i = 0; i < node->operand_count; i++) {
        if (!is_number(node->operand[i], &value[i])) return NULL;
        operand[i] = &value[i];
    }
    Node scalar = {.op = node->op, .dtype = node->dtype};
    node->op->eval(&scalar, operand, &result);
    return node->shape.rank == 0 ? constant(graph, result, node->dtype) : filled(graph, node, result);
}

/* f(broadcast(a), broadcast(b)) is broadcast(f(a, b)), likewise reshape; f of numbers is a number. */
static Node *hoist(Graph *graph, Node *node) {
    Node *number_alone = folded(graph, node);
    if (number_alone) return number_alone;
    const Node *view = common_view(node, &op_broadcast);
    if (view && shape_count(&view->operand[0]->shape) < shape_count(&node->shape))
        return broadcast(graph, map_under(graph, node, &view->operand[0]->shape), node->shape);
    view = common_view(node, &op_reshape);
    if (view && view->operand[0]->shape.rank > 0)
        return reshape(graph, map_under(graph, node, &view->operand[0]->shape), node->shape);
    return NULL;
}

/* ---- sums of pads ---- */

enum { MOST_PARTS = 256 };

/* The operands of a tree of additions, left to right; MOST_PARTS + 1 when there are more. */
static int addends(Node *node, Node **parts, int count) {
    if (count > MOST_PARTS) return count;
    if (!is_op(node, &op_add)) {
        if (count < MOST_PARTS) parts[count] = node;
        return count + 1;
    }
    return addends(node->operand[1], parts, addends(node->operand[0], parts, count));
}

/* The one axis along which all parts are padded with zeros; -1 if there is none. */
static int padded_axis(Node *const *parts, int count) {
    int axis = -1;
    for (int i = 0; i < count; i++) {
        if (!is_op(parts[i], &op_pad) || parts[i]->attr.value != 0) return -1;
        const Shape *inside = &parts[i]->operand[0]->shape;
        for (int k = 0; k < inside->rank; k++) {
            if (inside->size[k] == parts[i]->shape.size[k]) continue;
            if (axis >= 0 && axis != k) return -1;
            axis = k;
        }
    }
    return axis;
}

static void sort_by_start(Node **parts, int count, int axis) {
    for (int i = 1; i < count; i++)
        for (int k = i; k > 0 && parts[k]->attr.start[axis] < parts[k - 1]->attr.start[axis]; k--) {
            Node *swap = parts[k];
            parts[k] = parts[k - 1];
            parts[k - 1] = swap;
        }
}

/* Zeros around tensors that lie side by side, added: the tensors side by side, with what is left of the zeros. */
static Node *join_pads(Graph *graph, Node *node) {
    Node *parts[MOST_PARTS];
    int count = addends(node, parts, 0);
    int axis = count <= MOST_PARTS ? padded_axis(parts, count) : -1;
    if (axis < 0) return NULL;
    sort_by_start(parts, count, axis);
    int64_t start[MAX_RANK] = {0}, after[MAX_RANK] = {0}, end = parts[0]->attr.start[axis];
    start[axis] = end;
    for (int i = 0; i < count; i++) {
        if (parts[i]->attr.start[axis] != end) return NULL;
        parts[i] = parts[i]->operand[0];
        end += parts[i]->shape.size[axis];
    }
    after[axis] = node->shape.size[axis] - end;
    return pad(graph, concat(graph, parts, count, axis), start, after, 0.0);
}

static Node *simpler_stop(Graph *graph, Node *node) {
    return (void)graph, node->operand[0];
}

static const struct {
    const Op *op;
    Identity identity;
} identities[] = {
    {&op_add, simpler_add},         {&op_add, join_pads},
    {&op_sub, simpler_sub},         {&op_mul, simpler_mul},
    {&op_div, simpler_div},         {&op_neg, simpler_neg},
    {&op_pow, simpler_pow},         {&op_minimum, simpler_extreme},
    {&op_maximum, simpler_extreme}, {&op_where, simpler_where},
    {&op_and, simpler_and},         {&op_or, simpler_or},
    {&op_less, simpler_compare},    {&op_less_equal, simpler_compare},
    {&op_equal, simpler_compare},   {&op_not_equal, simpler_compare},
    {&op_not, simpler_not},         {&op_reshape, simpler_reshape},
    {&op_permute, simpler_permute}, {&op_broadcast, simpler_broadcast},
    {&op_slice, simpler_slice},     {&op_sum, simpler_sum},
    {&op_max, simpler_reduce},      {&op_min, simpler_reduce},
    {&op_matmul, simpler_matmul},   {&op_concat, simpler_concat},
    {&op_pad, simpler_pad},         {&op_stop, simpler_stop},
};

/* For a value without elements nothing need be computed, nor for what it alone reads. */
static Node *nothing(Graph *graph, const Node *node) {
    double value;
    bool computed = node->op->kind != OP_LEAF && node->op->kind != OP_EFFECT;
    if (!computed || shape_count(&node->shape) > 0 || is_number(node, &value)) return NULL;
    return filled(graph, node, 0);
}

static Node *identity_of(Graph *graph, Node *node) {
    Node *simpler = nothing(graph, node);
    if (!simpler && node->op->kind == OP_MAP) simpler = hoist(graph, node);
    for (size_t i = 0; !simpler && i < sizeof identities / sizeof identities[0]; i++)
        if (identities[i].op == node->op) simpler = identities[i].identity(graph, node);
    return simpler;
}

/* ---- one round ---- */

typedef struct Round {
    Graph *to;
    Node **map; /* by old id */
    int *uses;  /* by old id */
} Round;

/* (A B)^T is B^T A^T, where the product itself is not needed otherwise. */
static Node *transposed_product(const Round *round, const Node *old, const Node *node) {
    if (!swaps_last_two(old) || round->uses[old->operand[0]->id] > 1) return NULL;
    const Node *product = node->operand[0];
    if (!is_op(product, &op_matmul)) return NULL;
    Attr attr = {.transpose_a = !product->attr.transpose_b, .transpose_b = !product->attr.transpose_a};
    Node *operand[] = {product->operand[1], product->operand[0]};
    if (product->rule) graph_stand(round->to, product, product->forward);
    return graph_append(round->to, &op_matmul, node->dtype, node->shape, 2, operand, &attr);
}

static Node *rewritten(const Round *round, const Node *node) {
    Graph *to = round->to;
    Node *const *map = round->map;
    Node **operand = NEW_ARRAY(to->arena, Node *, node->operand_count + 1);
    for (int i = 0; i < node->operand_count; i++) operand[i] = map[node->operand[i]->id];
    Node *copy = graph_copy(to, node, operand, node->forward ? map[node->forward->id] : NULL);
    graph_stand(to, copy, copy->forward);
    Node *simpler = identity_of(to, copy);
    if (!simpler) simpler = transposed_product(round, node, copy);
    if (!simpler) return copy;
    if (!simpler->name && node->name) node_rename(to, simpler, node->name);
    node_title(simpler, node->title);
    return simpler;
}

static bool round_changes(Entry *entry, Model *model) {
    const Graph *from = entry->graph;
    Graph *to = graph_new(model->arena, model->names, model->diag, from->entry);
    Arena *scratch = arena_new();
    Round round = {.to = to, .map = NEW_ARRAY(scratch, Node *, from->nodes.count + 1)};
    round.uses = NEW_ARRAY(scratch, int, from->nodes.count + 1);
    entry_uses(entry, round.uses);
    bool changed = false;
    for (int i = 0; i < from->nodes.count; i++) {
        int before = to->nodes.count;
        round.map[i] = rewritten(&round, from->nodes.at[i]);
        changed = changed || round.map[i]->id != before;
    }
    entry_move(entry, to, round.map);
    arena_free(scratch);
    share(entry, model);
    return changed;
}

enum { MOST_ROUNDS = 32 };

void simplify_entry(Entry *entry, Model *model) {
    share(entry, model);
    for (int round = 0; round < MOST_ROUNDS && round_changes(entry, model); round++) continue;
    graph_check(entry->graph, "simplify");
}

void simplify(Model *model) {
    for (int i = 0; i < model->entries.count; i++) simplify_entry(model->entries.at[i], model);
}
