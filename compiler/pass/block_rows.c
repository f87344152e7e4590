/* block_rows.c: the members of a product, a block of rows after the other.
 *
 *     y [2, 1024, V], block 1 of 4: y [512, V] of rows 512 to 1023; what reads y as a whole gets a concat of the four
 *
 * In: a cone that block.c found. Out: for each block the members once more, with one axis for the block's rows where
 * the rows have one or several. What is not computed from the product is read through a slice; a value repeated along
 * the rows is repeated along the block's instead, and a map that serves members alone is computed of the slices, so
 * that their gradients, too, are those of a block.
 */
#include "pass/block.h"

typedef struct RowBlock {
    const Cone *cone;
    Graph *to;
    Node *const *map;   /* by old id, of what is no member */
    Node *const *value; /* by old id, of members: their rows of this block */
    int64_t first, rows;
    int number; /* Node.block */
} RowBlock;

/* [rows], then the axes of `shape` behind its first `lead`. */
static Shape rows_then(int64_t rows, const Shape *shape, int lead) {
    Shape row = {.rank = 1, .size = {rows}}, tail = shape_tail(shape, lead);
    return shape_join(&row, &tail);
}

static Node *rows_of(const RowBlock *block, Node *whole, int lead) {
    Shape flat = rows_then(block->cone->rows, &whole->shape, lead), part = flat;
    int64_t start[MAX_RANK] = {block->first};
    part.size[0] = block->rows;
    if (!shape_equal(&flat, &whole->shape)) whole = reshape(block->to, whole, flat);
    return slice(block->to, whole, start, part.size);
}

static bool repeats_rows(const Node *broadcast, int lead) {
    const Shape *from = &broadcast->operand[0]->shape;
    int more = broadcast->shape.rank - from->rank;
    for (int i = more; i < lead; i++)
        if (from->size[i - more] != 1) return false;
    return true;
}

static Node *side(const RowBlock *block, const Node *node, int lead);

/* A broadcast to rows, as one to the block's; NULL where it goes along some axes of the rows only. */
static Node *side_broadcast(const RowBlock *block, const Node *node, int lead, Shape shape) {
    Node *from = node->operand[0];
    int more = node->shape.rank - from->shape.rank;
    if (repeats_rows(node, lead)) {
        Shape tail = shape_tail(&from->shape, lead > more ? lead - more : 0);
        return broadcast(block->to, reshape(block->to, block->map[from->id], tail), shape);
    }
    for (int i = 0; i < lead; i++)
        if (more > 0 || from->shape.size[i] != node->shape.size[i]) return NULL;
    return broadcast(block->to, side(block, from, lead), shape);
}

static Node *side_map(const RowBlock *block, const Node *node, int lead, Shape shape) {
    Node *operand[EXTERNAL_ARGUMENTS], like = *node;
    for (int i = 0; i < node->operand_count; i++) operand[i] = side(block, node->operand[i], lead);
    like.shape = shape;
    like.block = block->number;
    return graph_copy(block->to, &like, operand, NULL);
}

/* The block's rows of what is no member, of which the first `lead` axes are rows. */
static Node *side(const RowBlock *block, const Node *node, int lead) {
    Shape shape = rows_then(block->rows, &node->shape, lead);
    Node *part = NULL;
    double value;
    int under = 0;
    bool alone = block->cone->uses[node->id] == 1 && !block->cone->asked[node->id];
    if (node->op == &op_reshape) under = leading_axes(&node->operand[0]->shape, block->cone->rows);
    if (is_number(node, &value))
        part = full(block->to, shape, value, node->dtype);
    else if (alone && node->op == &op_broadcast)
        part = side_broadcast(block, node, lead, shape);
    else if (alone && under > 0)
        part = reshape(block->to, side(block, node->operand[0], under), shape);
    else if (alone && node->op->kind == OP_MAP)
        part = side_map(block, node, lead, shape);
    return part ? part : rows_of(block, block->map[node->id], lead);
}

/* ---- members ---- */

/* Attributes that speak of axes, where `lead` axes of rows become one. */
static Attr attr_of(const Node *node, int lead) {
    Attr attr = node->attr;
    int shift = lead - 1, count = 0;
    if (node->op->kind == OP_REDUCE) {
        for (int i = 0; i < node->attr.axis_count; i++)
            if (node->attr.axes[i] >= lead) attr.axes[count++] = node->attr.axes[i] - shift;
        attr.axis_count = count;
    } else if (node->op == &op_permute) {
        attr.axes[0] = 0;
        for (int i = lead; i < node->shape.rank; i++) attr.axes[i - shift] = node->attr.axes[i] - shift;
    } else if (node->op == &op_slice) {
        for (int i = 0; i < MAX_RANK; i++)
            attr.start[i] = i > 0 && i + shift < MAX_RANK ? node->attr.start[i + shift] : 0;
    }
    return attr;
}

static Shape member_shape(const RowBlock *block, const Node *node, const Node *operand, const Attr *attr) {
    if (node->op->kind != OP_REDUCE) return rows_then(block->rows, &node->shape, block->cone->lead[node->id]);
    Shape shape = operand->shape;
    for (int i = attr->axis_count - 1; i >= 0; i--) shape = shape_drop(&shape, attr->axes[i]);
    return shape;
}

/* The product of the block's rows of its left operand. */
static Node *product_of(const RowBlock *block, const Node *node) {
    Node *left = block->map[node->operand[0]->id], like = *node;
    int rows = node->attr.transpose_a ? 1 : 0;
    int64_t start[2] = {0, 0}, size[2] = {left->shape.size[0], left->shape.size[1]};
    start[rows] = block->first;
    size[rows] = like.shape.size[0] = block->rows;
    Node *operand[] = {slice(block->to, left, start, size), block->map[node->operand[1]->id]};
    like.block = block->number;
    return graph_copy(block->to, &like, operand, NULL);
}

static Node *member(const RowBlock *block, const Node *node) {
    const Cone *cone = block->cone;
    graph_stand(block->to, node, NULL);
    block->to->block = block->number;
    if (node == cone->product) return product_of(block, node);
    Node **operand = NEW_ARRAY(block->to->arena, Node *, node->operand_count), like = *node;
    int lead = 0;
    for (int i = 0; i < node->operand_count; i++)
        if (cone->lead[node->operand[i]->id]) lead = cone->lead[node->operand[i]->id];
    for (int i = 0; i < node->operand_count; i++) {
        Node *old = node->operand[i];
        operand[i] = cone->lead[old->id] ? block->value[old->id] : side(block, old, lead);
    }
    like.block = block->number;
    like.attr = attr_of(node, lead);
    like.shape = member_shape(block, node, operand[0], &like.attr);
    return graph_copy(block->to, &like, operand, NULL);
}

/* ---- what others read ---- */

/* The blocks side by side, with the axes that the rows had; folded over rows where the member was. */
static Node *joined(const Cone *cone, Graph *to, const Node *node, Node *const *parts, int count) {
    int lead = cone->lead[node->id], kept = 0;
    graph_stand(to, node, NULL);
    Node *whole = concat(to, parts, count, 0);
    Shape rows = node->shape;
    if (!cone->joins[node->id]) return reshape(to, whole, rows);
    rows = node->operand[0]->shape;
    rows.rank = lead;
    Shape tail = shape_tail(&whole->shape, 1);
    Attr attr = node->attr;
    while (kept < attr.axis_count && attr.axes[kept] < lead) kept++;
    attr.axis_count = kept;
    whole = reshape(to, whole, shape_join(&rows, &tail));
    return graph_append(to, node->op, node->dtype, node->shape, 1, &whole, &attr);
}

static int last_block(const Graph *graph) {
    int last = 0;
    for (int id = 0; id < graph->nodes.count; id++)
        if (graph->nodes.at[id]->block > last) last = graph->nodes.at[id]->block;
    return last;
}

void block_rows(const Cone *cone, Graph *to, Node **map, int count) {
    int nodes = cone->from->nodes.count, first = cone->product->id, before = last_block(cone->from);
    int64_t size = (cone->rows + count - 1) / count;
    Node **values = NEW_ARRAY(to->arena, Node *, count * nodes), **parts = NEW_ARRAY(to->arena, Node *, count);
    count = (int)((cone->rows + size - 1) / size);
    for (int i = 0; i < count; i++) {
        Node **value = values + i * nodes;
        int64_t start = i * size, rows = start + size < cone->rows ? size : cone->rows - start;
        RowBlock block = {cone, to, map, value, start, rows, before + i + 1};
        for (int id = first; id < nodes; id++)
            if (cone->lead[id]) value[id] = member(&block, cone->from->nodes.at[id]);
    }
    for (int id = first; id < nodes; id++) {
        const Node *node = cone->from->nodes.at[id];
        if (!cone->lead[id] || !cone->outside[id]) continue;
        for (int i = 0; i < count; i++) parts[i] = values[i * nodes + id];
        map[id] = joined(cone, to, node, parts, count);
        map[id]->name = node->name;
    }
}
