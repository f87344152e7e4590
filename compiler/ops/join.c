/* join.c: tensors written side by side into one: concat and pad.
 *
 *     concat  y = a then b along one axis       dA, dB = their slices of G
 *     pad     y = x with a number around it     dX = the slice of G inside
 *
 * In: parts that agree on every other axis. Out: one node; the back end lets the producers write into their places.
 */
#include "ops/ops.h"

#include <string.h>

static bool part_fits(const Node *first, const Node *part, int axis) {
    if (part->dtype != first->dtype || part->shape.rank != first->shape.rank) return false;
    for (int i = 0; i < first->shape.rank; i++)
        if (i != axis && part->shape.size[i] != first->shape.size[i]) return false;
    return true;
}

static bool infer_concat(const Node *node, Shape *shape, DType *dtype) {
    if (node->operand_count == 0 || node->attr.axis_count != 1) return false;
    const Node *first = node->operand[0];
    int axis = node->attr.axes[0];
    if (axis < 0 || axis >= first->shape.rank) return false;
    *shape = first->shape;
    *dtype = first->dtype;
    for (int i = 1; i < node->operand_count; i++) {
        if (!part_fits(first, node->operand[i], axis)) return false;
        shape->size[axis] += node->operand[i]->shape.size[axis];
    }
    return true;
}

static void eval_concat(const Node *node, const double *const *operand, double *result) {
    int axis = node->attr.axes[0];
    int64_t unit = shape_unit(&node->shape, axis), stride = unit * node->shape.size[axis], at = 0;
    for (int part = 0; part < node->operand_count; part++) {
        int64_t length = unit * node->operand[part]->shape.size[axis], count = shape_count(&node->operand[part]->shape);
        for (int64_t from = 0, to = at; from < count; from += length, to += stride)
            memcpy(result + to, operand[part] + from, sizeof(double) * (size_t)length);
        at += length;
    }
}

static void adjoint_concat(Graph *graph, Adjoint *to, Node *node, Node *g) {
    int lead = lead_of(g, node), axis = node->attr.axes[0];
    int64_t start[MAX_RANK] = {0};
    for (int part = 0; part < node->operand_count; part++) {
        Shape inside = with_lead(g, node, &node->operand[part]->shape);
        if (adjoint_wants(to, part))
            adjoint_add(to, part, slice(graph, g, start, inside.size), "dPart = its slice of G");
        start[lead + axis] += inside.size[lead + axis];
    }
}

const Op op_concat = {.name = "concat",
                      .kind = OP_JOIN,
                      .arity = -1,
                      .uses = USES_AXES,
                      .infer = infer_concat,
                      .adjoint = adjoint_concat,
                      .eval = eval_concat};

static bool infer_pad(const Node *node, Shape *shape, DType *dtype) {
    const Shape *from = &node->operand[0]->shape;
    *shape = node->shape;
    *dtype = node->operand[0]->dtype;
    if (from->rank != node->shape.rank) return false;
    for (int i = 0; i < from->rank; i++)
        if (node->attr.start[i] < 0 || node->attr.start[i] + from->size[i] > node->shape.size[i]) return false;
    return true;
}

static void eval_pad(const Node *node, const double *const *operand, double *result) {
    const Shape *from = &node->operand[0]->shape;
    int64_t count = shape_count(&node->shape), inside = shape_count(from), index[MAX_RANK] = {0};
    for (int64_t i = 0; i < count; i++) result[i] = node->attr.value;
    for (int64_t i = 0; i < inside; i++) {
        int64_t at = 0;
        for (int axis = 0; axis < from->rank; axis++)
            at += (node->attr.start[axis] + index[axis]) * shape_unit(&node->shape, axis);
        result[at] = operand[0][i];
        for (int axis = from->rank - 1; axis >= 0; axis--) {
            if (++index[axis] < from->size[axis]) break;
            index[axis] = 0;
        }
    }
}

static void adjoint_pad(Graph *graph, Adjoint *to, Node *node, Node *g) {
    int lead = lead_of(g, node);
    int64_t start[MAX_RANK] = {0};
    for (int i = 0; i < node->shape.rank; i++) start[lead + i] = node->attr.start[i];
    Shape inside = with_lead(g, node, &node->operand[0]->shape);
    adjoint_add(to, 0, slice(graph, g, start, inside.size), "dX = the slice of G where X lies");
}

const Op op_pad = {.name = "pad",
                   .kind = OP_JOIN,
                   .arity = 1,
                   .uses = USES_START | USES_VALUE,
                   .infer = infer_pad,
                   .adjoint = adjoint_pad,
                   .eval = eval_pad};

static bool parts_fit(Graph *graph, Node *const *parts, int count, int axis) {
    for (int i = 0; i < count; i++) {
        if (axis < 0 || axis >= parts[i]->shape.rank) {
            diag_error(graph->diag, graph->at, E0304, "concat along axis %d of %s", axis,
                       shape_string(graph->arena, &parts[i]->shape));
            return false;
        }
        if (part_fits(parts[0], parts[i], axis)) continue;
        bool types = parts[i]->dtype != parts[0]->dtype;
        diag_error(graph->diag, graph->at, types ? E0401 : E0306, "cannot concatenate %s%s and %s%s along axis %d",
                   dtype_name(parts[0]->dtype, false), shape_string(graph->arena, &parts[0]->shape),
                   dtype_name(parts[i]->dtype, false), shape_string(graph->arena, &parts[i]->shape), axis);
        return false;
    }
    return count > 0;
}

Node *concat(Graph *graph, Node *const *parts, int count, int axis) {
    for (int i = 0; i < count; i++)
        if (!parts[i]) return NULL;
    if (!parts_fit(graph, parts, count, axis)) return NULL;
    Shape shape = parts[0]->shape;
    for (int i = 1; i < count; i++) {
        shape.size[axis] += parts[i]->shape.size[axis];
        shape.name[axis] = NULL;
    }
    Attr attr = {.axis_count = 1, .axes = {axis}};
    return graph_append(graph, &op_concat, parts[0]->dtype, shape, count, parts, &attr);
}

/* [N] and [N] along a new axis: [N] each as [1, N], then concat. */
Node *stack(Graph *graph, Node *const *parts, int count, int axis) {
    Node **raised = NEW_ARRAY(graph->arena, Node *, count + 1);
    for (int i = 0; i < count; i++) {
        if (!parts[i]) return NULL;
        const Shape *shape = &parts[i]->shape;
        if (axis < 0 || axis > shape->rank || shape->rank == MAX_RANK) {
            diag_error(graph->diag, graph->at, shape->rank == MAX_RANK ? E0309 : E0304, "stack of %s along axis %d",
                       shape_string(graph->arena, shape), axis);
            return NULL;
        }
        Shape head = *shape, one = {.rank = 1, .size = {1}}, tail = shape_tail(shape, axis);
        head.rank = axis;
        head = shape_join(&head, &one);
        raised[i] = reshape(graph, parts[i], shape_join(&head, &tail));
    }
    return concat(graph, raised, count, axis);
}

Node *pad(Graph *graph, Node *x, const int64_t *before, const int64_t *after, double value) {
    if (!x) return NULL;
    Shape shape = x->shape;
    Attr attr = {.value = value};
    for (int i = 0; i < shape.rank; i++) {
        if (before[i] < 0 || after[i] < 0) {
            diag_error(graph->diag, graph->at, E0305, "pad of %s by a negative number of elements",
                       shape_string(graph->arena, &x->shape));
            return NULL;
        }
        if (before[i] + after[i] > 0) shape.name[i] = NULL;
        shape.size[i] += before[i] + after[i];
        attr.start[i] = before[i];
    }
    return graph_append(graph, &op_pad, x->dtype, shape, 1, &x, &attr);
}
