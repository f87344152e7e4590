/* access.c: how a reader goes through views, and how many loops that takes.
 *
 * Every point of a kernel's loops belongs to one element of a node's row-major space, told by an offset and a stride
 * per loop. A reshape leaves that element's number alone; permute, broadcast and slice act on the axes, so each loop
 * must move along one axis only. Where a loop runs over more than one, the answer is a Split and the caller tries again
 * with finer loops:
 *
 *     loops [6144]     through  [8, 256] <- broadcast <- [256]     split so that the inner loop has 256 turns
 *     loops [24, 256]  the same: strides [0, 1]
 */
#include "kernel/kernel.h"

Access access_identity(const Axes *axes) {
    Access access = {0};
    int64_t unit = 1;
    for (int loop = axes->count - 1; loop >= 0; loop--) {
        access.stride[loop] = unit;
        unit *= axes->extent[loop];
    }
    return access;
}

bool access_equal(const Access *a, const Access *b, const Axes *axes) {
    if (a->offset != b->offset || a->index != b->index || (a->index && a->index_stride != b->index_stride))
        return false;
    for (int loop = 0; loop < axes->count; loop++)
        if (axes->extent[loop] > 1 && a->stride[loop] != b->stride[loop]) return false;
    return true;
}

bool axes_split(Axes *axes, Split split) {
    if (split.axis < 0 || axes->count == MAX_AXES) return false;
    int64_t extent = axes->extent[split.axis];
    if (split.inner <= 1 || split.inner >= extent || extent % split.inner != 0) return false;
    for (int loop = axes->count; loop > split.axis + 1; loop--) axes->extent[loop] = axes->extent[loop - 1];
    axes->extent[split.axis] = extent / split.inner;
    axes->extent[split.axis + 1] = split.inner;
    axes->count++;
    return true;
}

/* The axis along which a stride of the row-major space moves, and by how much; -1 if it moves along none. */
static int axis_of_stride(const Shape *shape, int64_t stride, int64_t *step) {
    for (int axis = shape->rank - 1; axis >= 0; axis--) {
        int64_t unit = shape_unit(shape, axis);
        if (shape->size[axis] > 1 && stride >= unit && stride < unit * shape->size[axis]) {
            *step = stride / unit;
            return stride % unit == 0 ? axis : -1;
        }
    }
    return -1;
}

static bool no_split(Split *split) {
    *split = (Split){.axis = -1};
    return false;
}

bool access_by_axis(const Shape *shape, const Axes *axes, const Access *access, int64_t steps[MAX_RANK][MAX_AXES],
                    int64_t start[MAX_RANK], Split *split) {
    int64_t last[MAX_RANK] = {0}; /* the largest index reached on each axis */
    for (int axis = 0; axis < shape->rank; axis++) {
        int64_t unit = shape_unit(shape, axis), size = shape->size[axis];
        last[axis] = start[axis] = unit > 0 && size > 0 ? access->offset / unit % size : 0;
        for (int loop = 0; loop < MAX_AXES; loop++) steps[axis][loop] = 0;
    }
    for (int loop = 0; loop < axes->count; loop++) {
        int64_t extent = axes->extent[loop], stride = access->stride[loop], step = 0;
        if (extent <= 1 || stride == 0) continue;
        int axis = axis_of_stride(shape, stride, &step);
        if (axis < 0) return no_split(split);
        if (step * (extent - 1) >= shape->size[axis]) {
            if (shape->size[axis] % step != 0) return no_split(split);
            *split = (Split){.axis = loop, .inner = shape->size[axis] / step};
            return false;
        }
        steps[axis][loop] = step;
        last[axis] += step * (extent - 1);
    }
    if (access->index) { /* it must stay on its axis too, wherever it stands */
        int64_t step = 0;
        int axis = axis_of_stride(shape, access->index_stride, &step);
        if (axis < 0) return no_split(split);
        last[axis] += step * (access->index_count - 1);
    }
    for (int axis = 0; axis < shape->rank; axis++)
        if (last[axis] >= shape->size[axis] && shape->size[axis] > 0) return no_split(split);
    return true;
}

/* Adds one axis's movement, times `unit`, to an access. */
static void add_axis(Access *to, const int64_t *steps, int64_t start, int64_t unit) {
    to->offset += start * unit;
    for (int loop = 0; loop < MAX_AXES; loop++) to->stride[loop] += steps[loop] * unit;
}

/* What one axis of a view becomes in its operand: the operand's axis, or -1 where the operand doesn't move. */
static int operand_axis(const Node *view, int axis) {
    const Shape *from = &view->operand[0]->shape;
    if (view->op == &op_permute) return view->attr.axes[axis];
    int trailing = axis - (view->shape.rank - from->rank);
    if (view->op == &op_broadcast && (trailing < 0 || from->size[trailing] != view->shape.size[axis])) return -1;
    return trailing;
}

/* The run-time term of an access, carried from the view's space to the operand's. */
static bool move_index(const Node *view, const Access *of_view, Access *of_operand) {
    if (!of_view->index) return true;
    int64_t step = 0;
    int axis = axis_of_stride(&view->shape, of_view->index_stride, &step);
    int below = axis < 0 ? -1 : operand_axis(view, axis);
    if (below < 0 || of_operand->index) return false;
    of_operand->index = of_view->index;
    of_operand->index_count = of_view->index_count;
    of_operand->index_stride = step * shape_unit(&view->operand[0]->shape, below);
    return true;
}

bool access_through(const Node *view, const Axes *axes, const Access *of_view, Access *of_operand, Split *split) {
    if (view->op == &op_reshape) {
        *of_operand = *of_view;
        return true;
    }
    int64_t steps[MAX_RANK][MAX_AXES], start[MAX_RANK];
    if (!access_by_axis(&view->shape, axes, of_view, steps, start, split)) return false;
    const Shape *from = &view->operand[0]->shape;
    Access access = {0};
    for (int axis = 0; axis < view->shape.rank; axis++) {
        int below = operand_axis(view, axis);
        if (below < 0) continue;
        int64_t first = view->op == &op_slice ? view->attr.start[axis] : 0;
        add_axis(&access, steps[axis], start[axis] + first, shape_unit(from, below));
    }
    if (view->op == &op_slice && view->operand_count == 2) {
        int axis = view->attr.axes[0];
        access.index = view->operand[1];
        access.index_stride = shape_unit(from, axis);
        access.index_count = from->size[axis] - view->shape.size[axis] + 1;
    }
    if (!move_index(view, of_view, &access)) return no_split(split);
    *of_operand = access;
    return true;
}

static bool row_major(const Node *node, const Place *place) {
    for (int axis = 0; axis < node->shape.rank; axis++)
        if (node->shape.size[axis] > 1 && place->stride[axis] != shape_unit(&node->shape, axis)) return false;
    return true;
}

bool place_access(const Node *node, const Place *place, const Axes *axes, const Access *access, Access *in_buffer,
                  Split *split) {
    if (place->index && access->index) return no_split(split);
    Access result = *access;
    if (!row_major(node, place)) {
        int64_t steps[MAX_RANK][MAX_AXES], start[MAX_RANK];
        if (!access_by_axis(&node->shape, axes, access, steps, start, split)) return false;
        result = (Access){.index = access->index, .index_count = access->index_count};
        for (int axis = 0; axis < node->shape.rank; axis++)
            add_axis(&result, steps[axis], start[axis], place->stride[axis]);
        if (access->index) {
            int64_t step = 0;
            int axis = axis_of_stride(&node->shape, access->index_stride, &step);
            if (axis < 0) return no_split(split);
            result.index_stride = step * place->stride[axis];
        }
    }
    result.offset += place->offset;
    if (place->index) {
        result.index = place->index;
        result.index_stride = place->index_stride;
    }
    *in_buffer = result;
    return true;
}
