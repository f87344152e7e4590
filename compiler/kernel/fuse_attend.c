/* fuse_attend.c: which parts of attention are computed together.
 *
 * O and the log-sum-exp of its scores are one kernel, and so are dQ, dK and dV of one gradient, where there are batch
 * entries and heads enough to run in parallel: one pass over the scores serves all three. With few, dQ is a kernel of
 * its own, parallel over blocks of queries, beside dK and dV over blocks of keys:
 *
 *     %9 = attend(q, k, v)   %12 = attend_lse(q, k)                          one kernel
 *     %15 = attend_dq(q, k, v, lse, delta, g)  %16 = attend_dk(…)  %17 = …   one kernel from ONE_PASS heads on
 */
#include "kernel/fuse.h"

enum { ONE_PASS = 8 }; /* batch entries times heads */

static bool is_forward(const Node *node) {
    return !attend_parts(node).g;
}

static bool same_operand(const Fuse *fuse, Node *a, Node *b) {
    return a == b || (a && b && fuse_alias(fuse, a) == fuse_alias(fuse, b));
}

/* Whether both go over the same scores; what one of them does not read does not matter. */
static bool same_scores(const Fuse *fuse, const Node *a, const Node *b) {
    AttendParts x = attend_parts(a), y = attend_parts(b);
    bool fine = is_forward(a) == is_forward(b) && a->attr.value == b->attr.value;
    fine = fine && same_operand(fuse, x.q, y.q) && same_operand(fuse, x.k, y.k) && same_operand(fuse, x.mask, y.mask);
    if (!fine || !x.v || !y.v) return fine;
    return same_operand(fuse, x.v, y.v) && same_operand(fuse, x.kept, y.kept) && same_operand(fuse, x.lse, y.lse) &&
           same_operand(fuse, x.delta, y.delta) && same_operand(fuse, x.g, y.g) && a->attr.factor == b->attr.factor;
}

static int64_t batch_of(const Node *node) {
    AttendParts parts = attend_parts(node);
    const Shape *shape = &parts.q->shape;
    return shape_count(shape) / (shape->size[shape->rank - 1] * shape->size[shape->rank - 2]);
}

static bool goes_with(const Fuse *fuse, const Group *group, const Node *node) {
    if (group->kind != KERNEL_ATTEND || group->update != (node->phase == PHASE_UPDATE)) return false;
    if (!attend_parts(group->root).v || !same_scores(fuse, group->root, node)) return false;
    for (int i = 0; i < node->operand_count; i++)
        if (fuse_ready(fuse, node->operand[i]) >= group->id) return false;
    for (int i = 0; i < group->nodes.count; i++)
        if (group->nodes.at[i]->op == node->op) return false;
    bool dq = node->op == &op_attend_dq || group->root->op == &op_attend_dq;
    return !dq || batch_of(node) >= ONE_PASS;
}

static bool join(Fuse *fuse, Group *group, Node *node) {
    Group before = *group;
    vec_push(fuse->arena, &group->nodes, node);
    fuse->group[node->id] = group->id;
    if (group_resolve(fuse, group, false)) return true;
    fuse->group[node->id] = -1;
    *group = before;
    return false;
}

void fuse_attend(Fuse *fuse, Node *node) {
    for (int id = fuse->groups.count - 1; id >= 0 && !fuse->apart; id--)
        if (goes_with(fuse, fuse->groups.at[id], node) && join(fuse, fuse->groups.at[id], node)) return;
    fuse_open(fuse, node);
}
