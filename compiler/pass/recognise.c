/* recognise.c: turns the pattern of attention into one operation, before the gradient is taken.
 *
 *     %4 = matmul(%q, permute(%k))  %5 = mul(%4, 0.125)  %6 = softmax(%5, %mask)  %7 = where(%kept, %6 * 1.1, 0)
 *     %8 = matmul(%7, %v)                becomes                %8 = attend(%q, %k, %v, %mask, %kept), 0.125, 1.1
 *
 * In: graphs as elaborated. Out: the same, with one node where the products, the scale, the softmax and the dropout
 * stood, as far as nobody else reads the probabilities or scores. The product's value stays as it is: any number of
 * batch axes, q and k in either transpose form, scaled by any chain of numbers or not at all, with a mask or without.
 *
 * Left as they are: heads so wide that a block of them would not stay in the cache, and attention of few queries or
 * keys, for which one product after the other is no dearer.
 */
#include "pass/pass.h"

enum {
    WIDEST_HEAD = 256, /* of keys and of values */
    FEWEST = 16        /* queries and keys */
};

typedef struct Recognise {
    const Graph *from;
    int *uses; /* by node id: operands and results that name it */
} Recognise;

typedef struct Attention {
    Node *q, *k, *v, *mask, *kept; /* of the old graph; k may be what a product takes transposed */
    bool transpose_q, transpose_k;
    double scale, factor;
} Attention;

/* ---- the pattern, from the last product back ---- */

/* A value's own name, given by a reshape to its own shape, does not hide what it is. */
static Node *behind_names(const Recognise *r, Node *node, bool alone) {
    while (node->op == &op_reshape && shape_equal(&node->shape, &node->operand[0]->shape)) {
        if (alone && r->uses[node->id] != 1) return node;
        node = node->operand[0];
    }
    return node;
}

static bool read_once(const Recognise *r, const Node *node) {
    return r->uses[node->id] == 1;
}

/* where(kept, p * factor, 0), kept of the same shape */
static Node *match_dropout(const Recognise *r, Node *node, Attention *found) {
    double zero, factor;
    if (node->op != &op_where || !read_once(r, node)) return node;
    Node *scaled = node->operand[1];
    if (!is_number(node->operand[2], &zero) || zero != 0 || scaled->op != &op_mul || !read_once(r, scaled)) return node;
    int number = is_number(scaled->operand[1], &factor) ? 1 : 0;
    if (number == 0 && !is_number(scaled->operand[0], &factor)) return node;
    if (factor == 0 || !shape_equal(&node->operand[0]->shape, &node->shape)) return node;
    found->kept = node->operand[0];
    found->factor = factor;
    return behind_names(r, scaled->operand[1 - number], true);
}

/* Any chain of * number and / number. */
static Node *match_scale(const Recognise *r, Node *node, Attention *found) {
    double number;
    found->scale = 1;
    for (;;) {
        node = behind_names(r, node, true);
        if (!read_once(r, node)) return node;
        if ((node->op == &op_mul || node->op == &op_div) && is_number(node->operand[1], &number)) {
            found->scale = node->op == &op_mul ? found->scale * number : found->scale / number;
            node = node->operand[0];
        } else if (node->op == &op_mul && is_number(node->operand[0], &number)) {
            found->scale *= number;
            node = node->operand[1];
        } else {
            return node;
        }
    }
}

static bool sizes_serve(const Attention *found) {
    const Shape *q = &found->q->shape, *k = &found->k->shape, *v = &found->v->shape;
    int64_t queries = q->size[q->rank - (found->transpose_q ? 1 : 2)], width = q->size[q->rank - 1];
    int64_t keys = k->size[k->rank - (found->transpose_k ? 2 : 1)], values = v->size[v->rank - 1];
    if (found->transpose_q) width = q->size[q->rank - 2];
    return queries >= FEWEST && keys >= FEWEST && width >= 1 && width <= WIDEST_HEAD && values >= 1 &&
           values <= WIDEST_HEAD && shape_count(q) > 0;
}

static bool match(const Recognise *r, const Node *node, Attention *found) {
    if (node->op != &op_matmul || node->attr.transpose_a || node->attr.transpose_b) return false;
    Node *p = match_dropout(r, behind_names(r, node->operand[0], true), found);
    if (p->op != &op_softmax || !read_once(r, p)) return false;
    found->mask = p->attr.flag ? p->operand[1] : NULL;
    Node *scores = match_scale(r, p->operand[0], found);
    if (scores->op != &op_matmul || !read_once(r, scores)) return false;
    found->q = scores->operand[0];
    found->k = scores->operand[1];
    found->v = node->operand[1];
    found->transpose_q = scores->attr.transpose_a;
    found->transpose_k = scores->attr.transpose_b;
    return shape_equal(&scores->shape, &p->shape) && sizes_serve(found);
}

/* ---- the pass ---- */

static Node *transposed(Graph *to, Node *x, bool swap) {
    if (!swap) return x;
    int rank = x->shape.rank;
    bool last_two = x->op == &op_permute && x->attr.axes[rank - 1] == rank - 2;
    for (int i = 0; last_two && i < rank - 2; i++) last_two = x->attr.axes[i] == i;
    return last_two ? x->operand[0] : transpose(to, x);
}

static Node *as_attention(Graph *to, const Node *node, const Attention *found, Node *const *map) {
    AttendParts parts = {.v = map[found->v->id]};
    graph_stand(to, node, NULL);
    parts.q = transposed(to, map[found->q->id], found->transpose_q);
    parts.k = transposed(to, map[found->k->id], !found->transpose_k);
    if (found->mask) parts.mask = map[found->mask->id];
    if (found->kept) parts.kept = map[found->kept->id];
    Node *result = attend(to, parts, found->scale, found->factor);
    if (node->name) node_rename(to, result, node->name);
    return result;
}

static void recognise_in(Entry *entry) {
    const Graph *from = entry->graph;
    Arena *scratch = arena_new();
    Recognise r = {.from = from, .uses = NEW_ARRAY(scratch, int, from->nodes.count + 1)};
    Node **map = NEW_ARRAY(from->arena, Node *, from->nodes.count + 1);
    Graph *to = graph_new(from->arena, from->names, from->diag, from->entry);
    to->site_count = from->site_count;
    entry_uses(entry, r.uses);
    for (int i = 0; i < from->nodes.count; i++) {
        Node *node = from->nodes.at[i];
        Attention found = {.factor = 0};
        map[i] = match(&r, node, &found) ? as_attention(to, node, &found, map) : graph_carry(to, node, map);
    }
    entry_move(entry, to, map);
    arena_free(scratch);
}

void recognise(Model *model) {
    for (int i = 0; i < model->entries.count; i++) recognise_in(model->entries.at[i]);
}
