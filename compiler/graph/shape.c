/* shape.c: what is known of a tensor before it exists: how many axes, how long, and what the text calls their sizes.
 *
 * In: sizes and names of axes. Out: counts, strides, shapes made of others, and their text.
 *
 *     {rank 2, size {64, 32}, name {"B", "T"}}  prints as  [B, T]  or, with sizes,  [B=64, T=32]
 *
 * Names serve messages only: two shapes are equal when their sizes are.
 */
#include "graph/graph.h"

#include <inttypes.h>

int64_t shape_count(const Shape *shape) {
    int64_t count = 1;
    for (int axis = 0; axis < shape->rank; axis++) count *= shape->size[axis];
    return count;
}

bool shape_equal(const Shape *a, const Shape *b) {
    if (a->rank != b->rank) return false;
    for (int axis = 0; axis < a->rank; axis++)
        if (a->size[axis] != b->size[axis]) return false;
    return true;
}

int64_t shape_unit(const Shape *shape, int axis) {
    int64_t unit = 1;
    for (int after = axis + 1; after < shape->rank; after++) unit *= shape->size[after];
    return unit;
}

static void put_axis(Shape *to, const Shape *from, int axis) {
    if (to->rank == MAX_RANK) fatal("graph", "a shape of more than %d axes", MAX_RANK);
    to->size[to->rank] = from->size[axis];
    to->name[to->rank++] = from->name[axis];
}

Shape shape_drop(const Shape *shape, int axis) {
    Shape result = {0};
    for (int kept = 0; kept < shape->rank; kept++)
        if (kept != axis) put_axis(&result, shape, kept);
    return result;
}

Shape shape_join(const Shape *left, const Shape *right) {
    Shape result = {0};
    for (int axis = 0; axis < left->rank; axis++) put_axis(&result, left, axis);
    for (int axis = 0; axis < right->rank; axis++) put_axis(&result, right, axis);
    return result;
}

Shape shape_tail(const Shape *shape, int from) {
    Shape result = {0};
    for (int axis = from; axis < shape->rank; axis++) put_axis(&result, shape, axis);
    return result;
}

void shape_print(Text *text, const Shape *shape, bool sizes) {
    text_add(text, "[");
    for (int axis = 0; axis < shape->rank; axis++) {
        if (axis > 0) text_add(text, ", ");
        if (shape->name[axis]) text_add(text, shape->name[axis]);
        if (shape->name[axis] && sizes) text_add(text, "=");
        if (!shape->name[axis] || sizes) text_printf(text, "%" PRId64, shape->size[axis]);
    }
    text_add(text, "]");
}

const char *shape_string(Arena *arena, const Shape *shape) {
    Text text;
    text_init(&text, arena);
    shape_print(&text, shape, false);
    return text.at;
}

const char *shape_axis(Arena *arena, const Shape *shape, int axis) {
    if (!shape->name[axis]) return arena_printf(arena, "%" PRId64, shape->size[axis]);
    return arena_printf(arena, "%s (%" PRId64 ")", shape->name[axis], shape->size[axis]);
}
