/* block.c: finds large products of which only rows of their own are read, such as the logits of a loss, and has them
 * computed a block of rows at a time, so that they never lie in memory whole.
 *
 *     %2 y = matmul(x[2048, 256], w)  %3 lse = logsumexp(%2)
 *     becomes
 *     %2 = slice(x, 0:512)  %3 y = matmul(%2, w)  %4 lse = logsumexp(%3)  …  %14 lse = concat(%4, %7, %10, %13)
 *
 * In: graphs before the gradient. Out: the same values; the gradient of each block follows from the block, so that the
 * gradient by w is a sum over the blocks, and by x its parts side by side.
 *
 * Members of a product are it and what is computed from it and keeps its rows apart: maps, softmax and its kin, folds
 * along a row, views that leave rows in their order. Where somebody else reads a member that is about as large as the
 * product, the product stays whole, if the member is not just a number per row repeated. So it does where a derivative
 * by a member is asked for, or where a member reads what is computed from another in some other way.
 */
#include "pass/block.h"

/* Note: where it pays. A block of R rows saves (M - R) N numbers of the M x N that the product has, and as many of its
 * gradient. It costs a read and a write of the sum of dW [K, N], 8 K N bytes, beside the 6 R K N operations of the
 * block's three products: 8 / 6R bytes an operation. A core pair with 10 operations in the time of a byte loses 10 * 8
 * / (6 * 512) = 2.6 % of these products' time, and gains that logits of 512 rows are still in a cache when they are
 * read. */
enum {
    BLOCK_ROWS = 512,       /* of a block, at most; of the fewest blocks, so that no block has fewer than half */
    LEAST_BYTES = 16 << 20, /* products of fewer stay whole */
    MOST_BLOCKS = 64,
    MUCH_SMALLER = 4 /* what others read of a member has at most this part of the product's elements */
};

int leading_axes(const Shape *shape, int64_t rows) {
    int64_t count = 1;
    for (int axis = 0; axis < shape->rank; axis++) {
        count *= shape->size[axis];
        if (count == rows) return axis + 1;
    }
    return 0;
}

/* ---- which operations keep rows apart ---- */

static bool first_axes_stay(const Node *permute, int lead) {
    for (int i = 0; i < lead; i++)
        if (permute->attr.axes[i] != i) return false;
    return true;
}

static bool first_axes_whole(const Node *slice, int lead) {
    for (int i = 0; i < lead; i++)
        if (slice->shape.size[i] != slice->operand[0]->shape.size[i]) return false;
    return slice->operand_count == 1;
}

/* Repeats rows' elements, not rows. */
static bool first_axes_kept(const Node *broadcast, int lead) {
    const Shape *from = &broadcast->operand[0]->shape;
    if (from->rank != broadcast->shape.rank) return false;
    for (int i = 0; i < lead; i++)
        if (from->size[i] != broadcast->shape.size[i]) return false;
    return true;
}

static int lead_of_view(const Cone *cone, const Node *view, int lead) {
    if (view->op == &op_reshape) return leading_axes(&view->shape, cone->rows);
    if (view->op == &op_permute) return first_axes_stay(view, lead) ? lead : 0;
    if (view->op == &op_slice) return first_axes_whole(view, lead) ? lead : 0;
    return view->op == &op_broadcast && first_axes_kept(view, lead) ? lead : 0;
}

/* A fold over the last axes keeps rows apart; one over rows too can be done along each row first. */
static int lead_of_fold(Cone *cone, const Node *fold, int lead) {
    int last = fold->attr.axis_count - 1;
    if (fold->attr.axes[last] < lead) return 0;
    cone->joins[fold->id] = fold->attr.axes[0] < lead;
    return lead;
}

/* The rows of a node all of whose operands that depend on the product are members. */
static int lead_of_member(Cone *cone, const Node *node) {
    int lead = 0;
    for (int i = 0; i < node->operand_count; i++) {
        int own = cone->lead[node->operand[i]->id];
        if (own && lead && own != lead) return 0;
        if (own) lead = own;
    }
    switch (node->op->kind) {
    case OP_MAP:
        return lead;
    case OP_ROW:
        return lead < node->operand[0]->shape.rank ? lead : 0;
    case OP_REDUCE:
        return lead_of_fold(cone, node, lead);
    case OP_VIEW:
        return lead_of_view(cone, node, lead);
    case OP_DERIVE:
        return node->op == &op_stop ? lead : 0;
    default:
        return 0;
    }
}

/* ---- the members ---- */

static void grow(Cone *cone) {
    cone->depends[cone->product->id] = true;
    cone->lead[cone->product->id] = 1;
    for (int id = cone->product->id + 1; id < cone->from->nodes.count; id++) {
        const Node *node = cone->from->nodes.at[id];
        bool apart = !cone->left[id];
        for (int i = 0; i < node->operand_count; i++) {
            int operand = node->operand[i]->id;
            if (!cone->depends[operand]) continue;
            cone->depends[id] = true;
            apart = apart && cone->lead[operand] && !cone->joins[operand];
        }
        cone->joins[id] = false;
        cone->lead[id] = cone->depends[id] && apart ? lead_of_member(cone, node) : 0;
    }
}

static void find_readers(Cone *cone, const Entry *entry) {
    int count = cone->from->nodes.count;
    for (int id = 0; id < count; id++) cone->outside[id] = false;
    cone->first = count;
    for (int id = count - 1; id >= 0; id--) {
        const Node *node = cone->from->nodes.at[id];
        for (int i = 0; i < node->operand_count && !cone->lead[id]; i++) {
            cone->outside[node->operand[i]->id] = true;
            if (cone->lead[node->operand[i]->id]) cone->first = id;
        }
    }
    for (int i = 0; i < entry->results.count; i++) cone->outside[entry->results.at[i].node->id] = true;
    if (entry->learning_rate) cone->outside[entry->learning_rate->id] = true;
    if (entry->gradient_norm) cone->outside[entry->gradient_norm->id] = true;
}

static bool is_large(const Cone *cone, const Node *node) {
    return !cone->joins[node->id] && shape_count(&node->shape) > shape_count(&cone->product->shape) / MUCH_SMALLER;
}

/* Takes out large nodes that others read, with what that makes others of; false when there were none. */
static bool shrink(Cone *cone) {
    bool any = false;
    for (int id = cone->from->nodes.count - 1; id >= cone->product->id; id--) {
        const Node *node = cone->from->nodes.at[id];
        if (!cone->lead[id] || !cone->outside[id] || !is_large(cone, node)) continue;
        cone->left[id] = any = true;
        for (int i = 0; i < node->operand_count; i++) cone->outside[node->operand[i]->id] = true;
    }
    return any;
}

/* Marks what cannot stand before the first node that reads a member from outside. */
static void find_late(Cone *cone) {
    for (int id = cone->first; id < cone->from->nodes.count; id++) {
        const Node *node = cone->from->nodes.at[id];
        bool late = cone->depends[id] || node->op == &op_read || node->op == &op_write || node->op->kind == OP_DERIVE;
        for (int i = 0; i < node->operand_count; i++) late = late || cone->late[node->operand[i]->id];
        cone->late[id] = late;
    }
}

static bool can_be_cut(Cone *cone) {
    find_late(cone);
    for (int id = cone->product->id; id < cone->from->nodes.count; id++) {
        const Node *node = cone->from->nodes.at[id];
        if (!cone->lead[id]) continue;
        if (cone->asked[id]) return false;
        for (int i = 0; i < node->operand_count; i++)
            if (!cone->lead[node->operand[i]->id] && cone->late[node->operand[i]->id]) return false;
    }
    return true;
}

/* Finds the members; false if the product has to stay whole. */
static bool find_cone(Cone *cone, const Entry *entry) {
    do {
        grow(cone);
        find_readers(cone, entry);
    } while (shrink(cone) && !cone->left[cone->product->id]);
    return !cone->left[cone->product->id] && cone->uses[cone->product->id] > 0 && can_be_cut(cone);
}

static Cone cone_new(Arena *scratch, const Entry *entry, const Node *product) {
    const Graph *from = entry->graph;
    int count = from->nodes.count + 1;
    Cone cone = {.from = from, .product = product, .rows = product->shape.size[0]};
    cone.uses = NEW_ARRAY(scratch, int, count);
    cone.lead = NEW_ARRAY(scratch, int, count);
    bool **flags[] = {&cone.asked, &cone.depends, &cone.joins, &cone.outside, &cone.left, &cone.late};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) *flags[i] = NEW_ARRAY(scratch, bool, count);
    entry_uses(entry, cone.uses);
    for (int id = 0; id < from->nodes.count; id++) {
        const Node *node = from->nodes.at[id];
        if (node->op->kind == OP_DERIVE && node->operand_count == 2) cone.asked[node->operand[1]->id] = true;
    }
    return cone;
}

/* ---- the pass ---- */

/* In how many blocks a product is computed. */
static int64_t block_count(const Node *product, int64_t rows_given) {
    if (product->op != &op_matmul || product->shape.rank != 2 || rows_given == 0) return 1;
    int64_t rows = product->shape.size[0], bytes = shape_count(&product->shape) * (int64_t)sizeof(float);
    if (rows_given < 0 && bytes < LEAST_BYTES) return 1;
    int64_t size = rows_given < 0 ? BLOCK_ROWS : rows_given, count = rows / size + (rows % size != 0);
    return count < MOST_BLOCKS ? count : MOST_BLOCKS;
}

/* Carries a node over, after what it is computed from. */
static void carry(Graph *to, const Node *node, Node **map) {
    if (map[node->id]) return;
    for (int i = 0; i < node->operand_count; i++) carry(to, node->operand[i], map);
    map[node->id] = graph_carry(to, node, map);
}

static void put_blocks(const Cone *cone, Graph *to, Node **map, int count) {
    for (int id = cone->product->id; id < cone->from->nodes.count; id++) {
        const Node *node = cone->from->nodes.at[id];
        for (int i = 0; i < node->operand_count && cone->lead[id]; i++)
            if (!cone->lead[node->operand[i]->id]) carry(to, node->operand[i], map);
    }
    block_rows(cone, to, map, count);
}

static void cut(Entry *entry, const Cone *cone, int count) {
    const Graph *from = cone->from;
    Node **map = NEW_ARRAY(from->arena, Node *, from->nodes.count + 1);
    Graph *to = graph_new(from->arena, from->names, from->diag, from->entry);
    to->site_count = from->site_count;
    for (int id = 0; id < from->nodes.count; id++) {
        if (id == cone->first) put_blocks(cone, to, map, count);
        if (!cone->lead[id]) carry(to, from->nodes.at[id], map);
    }
    if (cone->first == from->nodes.count) put_blocks(cone, to, map, count);
    entry_move(entry, to, map);
}

/* From the last product to the first: what stands before a product is the same behind its cut. */
static void block_in(Entry *entry, int64_t rows) {
    for (int id = entry->graph->nodes.count - 1; id >= 0; id--) {
        const Node *product = entry->graph->nodes.at[id];
        int64_t count = block_count(product, rows);
        if (count < 2) continue;
        Arena *scratch = arena_new();
        Cone cone = cone_new(scratch, entry, product);
        if (find_cone(&cone, entry)) cut(entry, &cone, (int)count);
        arena_free(scratch);
    }
}

void block(Model *model, int64_t rows) {
    for (int i = 0; i < model->entries.count; i++) block_in(model->entries.at[i], rows);
}
