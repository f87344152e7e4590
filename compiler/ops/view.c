/* view.c: the same numbers seen through another index: reshape, permute, broadcast, slice.
 *
 * In: a tensor and a new index. Out: a node that the back end never executes; it becomes an offset and strides.
 *
 *     reshape    y[j] = x[j], elements in row-major order            adjoint: reshape back
 *     permute    y[i0, i1] = x[i1, i0], result axis i is axes[i]     adjoint: the inverse permutation
 *     broadcast  y[b, i] = x[i], trailing axes aligned               adjoint: the sum over what was repeated
 *     slice      y[i] = x[start + i], perhaps from a run-time start  adjoint: pad with zeros (run-time: added at rows)
 *
 * They come in adjoint pairs, so a second derivative needs nothing new.
 */
#include "ops/ops.h"

#include <string.h>

/* Walks `index` over `shape` in row-major order. */
static void step_index(const Shape *shape, int64_t *index) {
    for (int axis = shape->rank - 1; axis >= 0; axis--) {
        if (++index[axis] < shape->size[axis]) return;
        index[axis] = 0;
    }
}

/* result[i] = source[offset + sum of i_axis * stride_axis] */
static void copy_strided(const Shape *shape, const double *source, const int64_t *stride, double *result) {
    int64_t index[MAX_RANK] = {0}, count = shape_count(shape);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = 0;
        for (int axis = 0; axis < shape->rank; axis++) at += index[axis] * stride[axis];
        result[i] = source[at];
        step_index(shape, index);
    }
}

/* ---- reshape ---- */

static bool infer_reshape(const Node *node, Shape *shape, DType *dtype) {
    *shape = node->shape;
    *dtype = node->operand[0]->dtype;
    return shape_count(&node->shape) == shape_count(&node->operand[0]->shape);
}

static void eval_reshape(const Node *node, const double *const *operand, double *result) {
    memcpy(result, operand[0], sizeof(double) * (size_t)shape_count(&node->shape));
}

static void adjoint_reshape(Graph *graph, Adjoint *to, Node *node, Node *g) {
    adjoint_add(to, 0, reshape(graph, g, with_lead(g, node, &node->operand[0]->shape)), "dX = G as X's shape");
}

const Op op_reshape = {.name = "reshape",
                       .kind = OP_VIEW,
                       .arity = 1,
                       .infer = infer_reshape,
                       .adjoint = adjoint_reshape,
                       .eval = eval_reshape};

Node *reshape(Graph *graph, Node *x, Shape shape) {
    if (!x) return NULL;
    int64_t have = shape_count(&x->shape), want = shape_count(&shape);
    if (have == want) return graph_append(graph, &op_reshape, x->dtype, shape, 1, &x, NULL);
    Message *message = diag_error(graph->diag, graph->at, E0303, "cannot reshape %s to %s",
                                  shape_string(graph->arena, &x->shape), shape_string(graph->arena, &shape));
    diag_label(message, "%lld elements do not fill %lld", (long long)have, (long long)want);
    return NULL;
}

/* ---- permute ---- */

static bool is_permutation(const int *axes, int rank) {
    unsigned seen = 0;
    for (int i = 0; i < rank; i++) {
        if (axes[i] < 0 || axes[i] >= rank || (seen >> axes[i] & 1)) return false;
        seen |= 1u << axes[i];
    }
    return true;
}

static Shape permuted_shape(const Shape *from, const int *axes) {
    Shape shape = {.rank = from->rank};
    for (int i = 0; i < from->rank; i++) {
        shape.size[i] = from->size[axes[i]];
        shape.name[i] = from->name[axes[i]];
    }
    return shape;
}

static bool infer_permute(const Node *node, Shape *shape, DType *dtype) {
    const Shape *from = &node->operand[0]->shape;
    if (node->attr.axis_count != from->rank || !is_permutation(node->attr.axes, from->rank)) return false;
    *shape = permuted_shape(from, node->attr.axes);
    *dtype = node->operand[0]->dtype;
    return true;
}

static void eval_permute(const Node *node, const double *const *operand, double *result) {
    int64_t stride[MAX_RANK];
    for (int i = 0; i < node->shape.rank; i++) stride[i] = shape_unit(&node->operand[0]->shape, node->attr.axes[i]);
    copy_strided(&node->shape, operand[0], stride, result);
}

static void adjoint_permute(Graph *graph, Adjoint *to, Node *node, Node *g) {
    int lead = lead_of(g, node), back[MAX_RANK];
    for (int i = 0; i < lead; i++) back[i] = i;
    for (int i = 0; i < node->shape.rank; i++) back[lead + node->attr.axes[i]] = lead + i;
    adjoint_add(to, 0, permute(graph, g, back), "dX = G to X's order of axes");
}

const Op op_permute = {.name = "permute",
                       .kind = OP_VIEW,
                       .arity = 1,
                       .uses = USES_AXES,
                       .infer = infer_permute,
                       .adjoint = adjoint_permute,
                       .eval = eval_permute};

Node *under_reshapes(Node *node) {
    while (node->op == &op_reshape) node = node->operand[0];
    return node;
}

Node *permute(Graph *graph, Node *x, const int *axes) {
    if (!x) return NULL;
    if (!is_permutation(axes, x->shape.rank)) {
        diag_error(graph->diag, graph->at, E0304, "the axes of a permutation of %s must name each of its axes once",
                   shape_string(graph->arena, &x->shape));
        return NULL;
    }
    Attr attr = {.axis_count = x->shape.rank};
    for (int i = 0; i < x->shape.rank; i++) attr.axes[i] = axes[i];
    return graph_append(graph, &op_permute, x->dtype, permuted_shape(&x->shape, axes), 1, &x, &attr);
}

Node *transpose(Graph *graph, Node *x) {
    if (!x) return NULL;
    int rank = x->shape.rank, axes[MAX_RANK];
    if (rank < 2) {
        diag_error(graph->diag, graph->at, E0308, "cannot transpose %s: it has fewer than two axes",
                   shape_string(graph->arena, &x->shape));
        return NULL;
    }
    for (int i = 0; i < rank; i++) axes[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
    return permute(graph, x, axes);
}

/* ---- broadcast ---- */

static bool can_broadcast(const Shape *from, const Shape *to) {
    int more = to->rank - from->rank;
    if (more < 0) return false;
    for (int i = 0; i < from->rank; i++)
        if (from->size[i] != to->size[more + i] && from->size[i] != 1) return false;
    return true;
}

static bool infer_broadcast(const Node *node, Shape *shape, DType *dtype) {
    *shape = node->shape;
    *dtype = node->operand[0]->dtype;
    return can_broadcast(&node->operand[0]->shape, &node->shape);
}

static void eval_broadcast(const Node *node, const double *const *operand, double *result) {
    const Shape *from = &node->operand[0]->shape;
    int more = node->shape.rank - from->rank;
    int64_t stride[MAX_RANK] = {0};
    for (int i = 0; i < from->rank; i++) stride[more + i] = from->size[i] == 1 ? 0 : shape_unit(from, i);
    copy_strided(&node->shape, operand[0], stride, result);
}

static void adjoint_broadcast(Graph *graph, Adjoint *to, Node *node, Node *g) {
    const Shape *from = &node->operand[0]->shape;
    int lead = lead_of(g, node), more = node->shape.rank - from->rank, axes[MAX_RANK], count = 0;
    for (int i = 0; i < node->shape.rank; i++) {
        bool repeated = i < more || (from->size[i - more] == 1 && node->shape.size[i] != 1);
        if (repeated) axes[count++] = lead + i;
    }
    Node *total = count > 0 ? sum(graph, g, axes, count, false) : g;
    Shape shape = with_lead(g, node, from);
    if (total && !shape_equal(&total->shape, &shape)) total = reshape(graph, total, shape);
    adjoint_add(to, 0, total, "dX = sum of G over the axes that X was repeated along");
}

const Op op_broadcast = {.name = "broadcast",
                         .kind = OP_VIEW,
                         .arity = 1,
                         .infer = infer_broadcast,
                         .adjoint = adjoint_broadcast,
                         .eval = eval_broadcast};

Node *broadcast(Graph *graph, Node *x, Shape shape) {
    if (!x) return NULL;
    if (can_broadcast(&x->shape, &shape)) return graph_append(graph, &op_broadcast, x->dtype, shape, 1, &x, NULL);
    diag_error(graph->diag, graph->at, E0302, "cannot broadcast %s to %s", shape_string(graph->arena, &x->shape),
               shape_string(graph->arena, &shape));
    return NULL;
}

/* ---- slice ---- */

static bool infer_slice(const Node *node, Shape *shape, DType *dtype) {
    const Shape *from = &node->operand[0]->shape;
    if (node->operand_count < 1 || node->operand_count > 2 || from->rank != node->shape.rank) return false;
    for (int i = 0; i < from->rank; i++) {
        bool cut = node->operand_count == 1 || i == node->attr.axes[0];
        if (!cut && node->shape.size[i] != from->size[i]) return false;
        if (node->attr.start[i] < 0 || node->attr.start[i] + node->shape.size[i] > from->size[i]) return false;
    }
    *shape = node->shape;
    *dtype = node->operand[0]->dtype;
    return node->operand_count == 1 || (node->operand[1]->shape.rank == 0 && node->operand[1]->dtype == DT_I32);
}

static void eval_slice(const Node *node, const double *const *operand, double *result) {
    const Shape *from = &node->operand[0]->shape;
    int64_t stride[MAX_RANK], offset = 0;
    for (int i = 0; i < from->rank; i++) {
        stride[i] = shape_unit(from, i);
        offset += stride[i] * node->attr.start[i];
    }
    if (node->operand_count == 2) offset += stride[node->attr.axes[0]] * (int64_t)operand[1][0];
    copy_strided(&node->shape, operand[0] + offset, stride, result);
}

/* Zeros around g, with g's leading axes kept whole. */
static Node *pad_back(Graph *graph, Node *node, Node *g, const int64_t *start) {
    const Shape *from = &node->operand[0]->shape;
    int lead = lead_of(g, node);
    int64_t before[MAX_RANK] = {0}, after[MAX_RANK] = {0};
    for (int i = 0; i < from->rank; i++) {
        before[lead + i] = start[i];
        after[lead + i] = from->size[i] - start[i] - node->shape.size[i];
    }
    return pad(graph, g, before, after, 0.0);
}

/* A run-time start p on one axis: rows of that axis are added into zeros at p, p + 1, … */
static Node *add_back(Graph *graph, Node *node, Node *g) {
    const Shape *from = &node->operand[0]->shape;
    int axis = node->attr.axes[0], lead = lead_of(g, node);
    Node *ids = add(graph, iota(graph, node->shape.size[axis]), node->operand[1]);
    Node *rows = move_axes(graph, g, lead + axis, 1, 0);
    Shape base = rows->shape;
    base.size[0] = from->size[axis];
    base.name[0] = from->name[axis];
    return move_axes(graph, scatter_add(graph, zeros(graph, base), ids, rows), 0, 1, lead + axis);
}

static void adjoint_slice(Graph *graph, Adjoint *to, Node *node, Node *g) {
    if (node->operand_count == 1)
        adjoint_add(to, 0, pad_back(graph, node, g, node->attr.start), "dX = G with zeros around it");
    else
        adjoint_add(to, 0, add_back(graph, node, g), "dX = zeros, G added at the run-time start");
}

const Op op_slice = {.name = "slice",
                     .kind = OP_VIEW,
                     .arity = -1,
                     .uses = USES_AXES | USES_START,
                     .infer = infer_slice,
                     .adjoint = adjoint_slice,
                     .eval = eval_slice};

static Shape sized(const Shape *from, const int64_t *size) {
    Shape shape = *from;
    for (int i = 0; i < from->rank; i++) {
        if (shape.size[i] == size[i]) continue;
        shape.size[i] = size[i];
        shape.name[i] = NULL;
    }
    return shape;
}

Node *slice(Graph *graph, Node *x, const int64_t *start, const int64_t *size) {
    if (!x) return NULL;
    Attr attr = {0};
    for (int i = 0; i < x->shape.rank; i++) {
        attr.start[i] = start[i];
        if (start[i] >= 0 && size[i] >= 0 && start[i] + size[i] <= x->shape.size[i]) continue;
        Message *message =
            diag_error(graph->diag, graph->at, E0305, "cannot take %lld:%lld of axis %d of %s", (long long)start[i],
                       (long long)(start[i] + size[i]), i, shape_string(graph->arena, &x->shape));
        diag_label(message, "the axis has %s elements", shape_axis(graph->arena, &x->shape, i));
        return NULL;
    }
    return graph_append(graph, &op_slice, x->dtype, sized(&x->shape, size), 1, &x, &attr);
}

Node *slice_dynamic(Graph *graph, Node *x, int axis, Node *index, int64_t size) {
    if (!x || !index) return NULL;
    if (axis < 0 || axis >= x->shape.rank || size < 0 || size > x->shape.size[axis]) {
        diag_error(graph->diag, graph->at, E0305, "cannot take %lld elements of axis %d of %s", (long long)size, axis,
                   shape_string(graph->arena, &x->shape));
        return NULL;
    }
    if (index->dtype != DT_I32 || index->shape.rank != 0) {
        diag_error(graph->diag, graph->at, E0401, "the start of a slice must be an i32 scalar, not %s%s",
                   dtype_name(index->dtype, false), shape_string(graph->arena, &index->shape));
        return NULL;
    }
    int64_t sizes[MAX_RANK];
    for (int i = 0; i < x->shape.rank; i++) sizes[i] = i == axis ? size : x->shape.size[i];
    Node *checked = check_range(graph, index, x->shape.size[axis] - size + 1, "slice");
    Attr attr = {.axis_count = 1, .axes = {axis}};
    return graph_append(graph, &op_slice, x->dtype, sized(&x->shape, sizes), 2, (Node *[]){x, checked}, &attr);
}
