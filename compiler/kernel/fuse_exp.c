/* fuse_exp.c: a row kernel computes the exponentials of its row once.
 *
 * A loss takes the sum of a row's exponentials, and its gradient each one's share in that sum, as an exponential again.
 * Where one kernel does both, the share is the exponential that it has, over the sum; loop/row.c keeps it in between:
 *
 *     e = exp(x - top)   total = sum(e)   l = log(total) + top   p = exp(x - l)       becomes     p = e * (1 / total)
 *     log_softmax: y = (x - top) - log(total)                    p = exp(y)           likewise
 *
 * Here and not before kernels are formed, for what kernels apart share would have to be stored.
 */
#include "kernel/fuse.h"

/* p = exp(x - l), as seen by the sum of exponentials below l. */
typedef struct Share {
    Node *x, *level;       /* what is exponentiated, and what is subtracted from it: a number per row, */
    Node *repeated;        /* repeated along the row */
    Node *e, *total, *top; /* e = exp(x - top), total = sum(e) */
} Share;

static Node *operand_of(const Fuse *fuse, const Node *node, int index) {
    return fuse_alias(fuse, node->operand[index]);
}

/* Whether two chains of views take the same from what lies under them. */
static bool same_views(const Fuse *fuse, Node *a, Node *b) {
    for (;; a = operand_of(fuse, a, 0), b = operand_of(fuse, b, 0)) {
        bool simple = a->op == &op_reshape || a->op == &op_broadcast;
        if (!fuse_is_view(a) && !fuse_is_view(b)) return shape_equal(&a->shape, &b->shape);
        if (!simple || a->op != b->op || !shape_equal(&a->shape, &b->shape)) return false;
    }
}

static bool is_lowest(const Node *node) {
    double value;
    return is_number(node, &value) && value == LOWEST;
}

/* The number per row under max(l, LOWEST), which holds it above -inf. */
static Node *under_bound(const Fuse *fuse, Node *node) {
    bool bound = node->op == &op_maximum && is_lowest(operand_of(fuse, node, 1));
    return bound ? fuse_base(fuse, node->operand[0]) : node;
}

/* A member of the group, as its kernel computes it. */
static bool is_member(const Fuse *fuse, const Group *group, const Node *node) {
    return fuse->group[node->id] == group->id && !fuse_is_view(node);
}

/* Whether log(total) is one of a sum of exponentials that the group computes: exp(x - top), top repeated as `like`. */
static bool sums_exponentials(const Fuse *fuse, const Group *group, const Node *log, Node *like, Share *share) {
    if (log->op != &op_log) return false;
    Node *total = operand_of(fuse, log, 0);
    if (total->op != &op_sum || !is_member(fuse, group, total)) return false;
    Node *e = operand_of(fuse, total, 0);
    if (e->op != &op_exp || !is_member(fuse, group, e)) return false;
    Node *low = operand_of(fuse, e, 0);
    if (low->op != &op_sub || !same_views(fuse, operand_of(fuse, low, 1), like)) return false;
    share->e = e;
    share->total = total;
    share->x = operand_of(fuse, low, 0);
    share->top = fuse_base(fuse, low->operand[1]);
    return shape_equal(&total->shape, &share->top->shape);
}

/* exp(x - l), l = max(log(total) + top, LOWEST). */
static bool from_logsumexp(const Fuse *fuse, const Group *group, Node *low, Share *share) {
    Node *level = under_bound(fuse, share->level);
    if (level->op != &op_add) return false;
    return sums_exponentials(fuse, group, operand_of(fuse, level, 0), share->repeated, share) &&
           operand_of(fuse, level, 1) == share->top && operand_of(fuse, low, 0) == share->x;
}

/* exp((x - top) - log(total)). */
static bool from_log_softmax(const Fuse *fuse, const Group *group, Node *low, Share *share) {
    Node *below = operand_of(fuse, low, 0);
    return sums_exponentials(fuse, group, share->level, share->repeated, share) &&
           below == operand_of(fuse, share->e, 0);
}

static bool is_share(const Fuse *fuse, const Group *group, const Node *node, Share *share) {
    if (node->op != &op_exp || fuse->base_of[node->id] || fuse->alias[node->id]) return false;
    Node *low = operand_of(fuse, node, 0);
    if (low->op != &op_sub) return false;
    share->repeated = operand_of(fuse, low, 1);
    share->level = fuse_base(fuse, low->operand[1]);
    bool found = from_logsumexp(fuse, group, low, share) || from_log_softmax(fuse, group, low, share);
    return found && share->e != node && shape_equal(&share->e->shape, &node->shape);
}

/* ---- what nobody reads any more ---- */

static bool is_read(const Fuse *fuse, const Node *node) {
    const Graph *graph = fuse->graph;
    for (int id = 0; id < graph->nodes.count; id++) {
        const Node *reader = graph->nodes.at[id];
        if (!fuse->live[id] || fuse->alias[id]) continue;
        for (int i = 0; i < reader->operand_count; i++)
            if (fuse_alias(fuse, reader->operand[i]) == node) return true;
    }
    return fuse->place[node->id].buffer != NULL;
}

static void leave_group(Fuse *fuse, Group *group, const Node *node) {
    int kept = 0;
    for (int i = 0; i < group->nodes.count; i++)
        if (group->nodes.at[i] != node) group->nodes.at[kept++] = group->nodes.at[i];
    group->nodes.count = kept;
    fuse->group[node->id] = -1;
}

/* Drops the node, a map or a view, if nobody reads it, and with it what it alone has read. */
static void drop(Fuse *fuse, Group *group, Node *node) {
    bool mine = fuse_is_view(node) || (node->op->kind == OP_MAP && fuse->group[node->id] == group->id);
    if (!mine || !fuse->live[node->id] || is_read(fuse, node)) return;
    fuse->live[node->id] = false;
    leave_group(fuse, group, node);
    for (int i = 0; i < node->operand_count; i++) drop(fuse, group, operand_of(fuse, node, i));
}

/* ---- the rewrite ---- */

/* `row` repeated as the chain of views repeats what lies under it. */
static Node *repeated_as(Fuse *fuse, Node *view, Node *row) {
    if (!fuse_is_view(view)) return row;
    Node *below = repeated_as(fuse, operand_of(fuse, view, 0), row);
    return graph_copy(fuse->graph, view, &below, view->forward);
}

/* Puts e * (1 / total) in the place of group->nodes.at[at]. */
static void put_share(Fuse *fuse, Group *group, int at, const Share *share) {
    Graph *graph = fuse->graph;
    Node *old = group->nodes.at[at];
    int first = graph->nodes.count, before = group->nodes.count;
    graph_stand(graph, old, old->forward);
    Node *part = repeated_as(fuse, share->repeated, node_title(one_over(graph, share->total), "one_over_total"));
    Node *product = multiply(graph, share->e, part);
    product->name = old->name;
    node_title(product, old->title);
    fuse_reserve(fuse);
    for (int id = first; id < graph->nodes.count; id++) {
        Node *node = graph->nodes.at[id];
        fuse->live[id] = fuse->visited[id] = true;
        fuse->uses[id] = 1;
        node->again = old->again;
        if (node->op->kind != OP_MAP) continue;
        fuse->group[id] = group->id;
        vec_push(fuse->arena, &group->nodes, node);
    }
    for (int from = before; from < group->nodes.count; from++) { /* to where the old one stands */
        Node *node = group->nodes.at[from];
        for (int i = from; i > at; i--) group->nodes.at[i] = group->nodes.at[i - 1];
        group->nodes.at[at++] = node;
    }
    fuse->place[product->id] = fuse->place[old->id];
    fuse->place[old->id].buffer = NULL;
    fuse->alias[old->id] = product;
    leave_group(fuse, group, old);
    drop(fuse, group, operand_of(fuse, old, 0));
}

void fuse_exponentials(Fuse *fuse) {
    for (int id = 0; id < fuse->groups.count && !fuse->apart; id++) {
        Group *group = fuse->groups.at[id];
        for (int i = 0; group->kind == KERNEL_ROW && i < group->nodes.count; i++) {
            Share share;
            if (!is_share(fuse, group, group->nodes.at[i], &share)) continue;
            put_share(fuse, group, i, &share);
            i = -1; /* members have come and gone */
        }
    }
}
