/* factor.c: takes a gain and a bias out of the products for weight gradients.
 *
 * y = n * gain + bias feeds a product, so that the product's weight gradient reads y again, much later; but n is kept
 * too, for the gradient of the gain. With gain and bias the same in every row the sum over the rows needs no y:
 *
 *     dW = y^T . G   becomes   dW = gain * (n^T . G) + bias * (sum of G's rows)
 *
 * In: graphs after simplify. Out: the same with such products rewritten, the gain and the bias in their epilogue, where
 * all that the backward pass reads of y are products like that and it reads n anyway. Then y is not kept from the
 * forward pass. The sum of G's rows mostly stands already: it is the gradient of the bias that was added to the
 * product.
 */
#include "pass/pass.h"

enum { FEWEST = 16 }; /* rows of the gradient: with fewer the sum of G would cost what the product does */

/* y = x * gain + bias, both [N] along the last axis; either may be NULL. */
typedef struct Affine {
    Node *x, *gain, *bias;
} Affine;

typedef struct Factor {
    const Graph *from;
    Graph *to;
    Node **map;     /* by old id */
    Affine *affine; /* by old id; x is NULL where the node is none */
    bool *kept;     /* by old id: the backward pass reads it by more than products that could do without */
} Factor;

/* ---- which values can be taken apart ---- */

static Node *behind_names(Node *node) {
    while (node->op == &op_reshape && shape_equal(&node->shape, &node->operand[0]->shape)) node = node->operand[0];
    return node;
}

/* The [N] that `node` repeats in every row, or NULL. */
static Node *each_row(Node *node) {
    if (node->op != &op_broadcast || node->dtype != DT_FLOAT) return NULL;
    Node *one = node->operand[0];
    return one->shape.rank == 1 && one->shape.size[0] == node->shape.size[node->shape.rank - 1] &&
                   one->shape.size[0] > 1
               ? one
               : NULL;
}

/* The other operand of an `op` of which one is the same in every row; that one in *row. */
static Node *split_row(Node *node, const Op *op, Node **row) {
    for (int i = 0; node->op == op && i < 2; i++)
        if ((*row = each_row(node->operand[i])) && !each_row(node->operand[1 - i])) return node->operand[1 - i];
    return NULL;
}

static Affine affine_of(Node *node) {
    Affine found = {0};
    Node *rest = node->phase == PHASE_FORWARD && !node->remat ? split_row(node, &op_add, &found.bias) : NULL;
    if (!rest) found.bias = NULL, rest = node->phase == PHASE_FORWARD && !node->remat ? node : NULL;
    if (!rest) return found;
    found.x = split_row(behind_names(rest), &op_mul, &found.gain);
    if (!found.x) found.gain = NULL, found.x = found.bias ? rest : NULL;
    if (found.x) found.x = under_reshapes(found.x);
    return found;
}

/* Which operand of the product runs along its rows k, with its last axis left in the result: 0 of A^T . G, 1 of
 * G^T . B; -1: neither. */
static bool takes_apart(const Node *node, int index) {
    if (node->op != &op_matmul || node->shape.rank != 2 || node->shape.size[index] < FEWEST) return false;
    return index == 0 ? node->attr.transpose_a : !node->attr.transpose_b;
}

static void note_readers(Factor *f, const Entry *entry) {
    const Graph *from = entry->graph;
    for (int id = 0; id < from->nodes.count; id++) {
        const Node *node = from->nodes.at[id];
        if (node->phase == PHASE_FORWARD || node->op == &op_reshape) continue;
        for (int i = 0; i < node->operand_count; i++)
            if (!takes_apart(node, i)) f->kept[under_reshapes(node->operand[i])->id] = true;
    }
    for (int i = 0; i < entry->results.count; i++) f->kept[under_reshapes(entry->results.at[i].node)->id] = true;
}

/* ---- the pass ---- */

static const Affine *taken(const Factor *f, const Node *node, int index) {
    if (node->phase == PHASE_FORWARD || !takes_apart(node, index)) return NULL;
    const Node *whole = under_reshapes(node->operand[index]);
    const Affine *affine = &f->affine[whole->id];
    return affine->x && !f->kept[whole->id] && f->kept[affine->x->id] ? affine : NULL;
}

/* Whether the node sums the same numbers, seen as rows of `columns`, over all rows. */
static bool sums_rows(const Node *node, const Node *whole, int64_t columns) {
    if (node->op != &op_sum || node->shape.rank != 1 || node->shape.size[0] != columns) return false;
    const Shape *from = &node->operand[0]->shape;
    return under_reshapes(node->operand[0]) == whole && from->size[from->rank - 1] == columns &&
           node->attr.axis_count == from->rank - 1 && node->attr.axes[from->rank - 2] == from->rank - 2;
}

/* The sum over k of the product's other operand, [the axis that it leaves in the result]; written as the gradient of a
 * bias is, where there is one, so that they become one node. */
static Node *sum_over_k(Factor *f, const Node *node, int other) {
    Node *g = node->operand[other], *whole = under_reshapes(g);
    bool k_first = other == 0 ? node->attr.transpose_a : !node->attr.transpose_b;
    for (int id = 0; k_first && id < f->from->nodes.count; id++) {
        const Node *made = f->from->nodes.at[id];
        if (sums_rows(made, whole, g->shape.size[1]) && made->operand[0]->id < node->id)
            return sum(f->to, f->map[made->operand[0]->id], made->attr.axes, made->attr.axis_count, false);
    }
    return sum(f->to, f->map[g->id], (int[]){k_first ? 0 : 1}, 1, false);
}

/* [N] along axis `index` of the product's result. */
static Node *along(Factor *f, Node *row, int index, const Shape *shape) {
    Shape column = {.rank = 2, .size = {row->shape.size[0], 1}};
    return broadcast(f->to, index == 0 ? reshape(f->to, row, column) : row, *shape);
}

/* The sum comes before the product, whose epilogue reads it. */
static Node *factored(Factor *f, const Node *node, int index, const Affine *affine) {
    Graph *to = f->to;
    const Shape *shape = &node->shape;
    Node *operand[2] = {f->map[node->operand[0]->id], f->map[node->operand[1]->id]}, *sums = NULL;
    graph_stand(to, node, node->forward ? f->map[node->forward->id] : NULL);
    if (affine->bias) sums = along(f, sum_over_k(f, node, 1 - index), 1 - index, shape);
    operand[index] = reshape(to, f->map[affine->x->id], node->operand[index]->shape);
    Node *result = matmul(to, operand[0], operand[1], node->attr.transpose_a, node->attr.transpose_b);
    if (affine->gain) result = multiply(to, along(f, f->map[affine->gain->id], index, shape), result);
    if (sums) result = add(to, result, multiply(to, along(f, f->map[affine->bias->id], index, shape), sums));
    node_rename(to, result, node->name);
    return result;
}

static void factor_in(Entry *entry, Model *model) {
    const Graph *from = entry->graph;
    Arena *scratch = arena_new();
    Factor f = {.from = from, .to = graph_new(from->arena, from->names, from->diag, from->entry)};
    bool any = false;
    f.to->site_count = from->site_count;
    f.map = NEW_ARRAY(scratch, Node *, from->nodes.count + 1);
    f.affine = NEW_ARRAY(scratch, Affine, from->nodes.count + 1);
    f.kept = NEW_ARRAY(scratch, bool, from->nodes.count + 1);
    for (int id = 0; id < from->nodes.count; id++) f.affine[id] = affine_of(from->nodes.at[id]);
    note_readers(&f, entry);
    for (int id = 0; id < from->nodes.count; id++) {
        Node *node = from->nodes.at[id];
        const Affine *found = taken(&f, node, 0);
        int index = found ? 0 : 1;
        if (!found) found = taken(&f, node, 1);
        f.map[id] = found ? factored(&f, node, index, found) : graph_carry(f.to, node, f.map);
        any = any || found;
    }
    if (any) {
        entry_move(entry, f.to, f.map);
        share(entry, model);
    }
    arena_free(scratch);
}

void factor(Model *model) {
    for (int i = 0; i < model->entries.count; i++) factor_in(model->entries.at[i], model);
}
