/* row_plan.c: which sweep of a row kernel computes a value, and whether a later one computes it again, reads it back or
 * finds it kept, in the bytes of a result or in an array of one row (row.c). */
#include "loop/row.h"

enum { CHEAP = 6 };

RowNode *row_node(const Lower *lower, const Node *node) {
    for (int i = 0; lower->plan && i < lower->plan->count; i++)
        if (lower->plan->nodes[i].node == node) return &lower->plan->nodes[i];
    return NULL;
}

bool row_is_fold(const Node *node) {
    return node->op->kind == OP_REDUCE && !folds_columns(node);
}

/* The level of anything that a member reads; -1 levels are not known yet. */
static int level_of(Lower *lower, Node *node) {
    node = schedule_alias(lower->schedule, node);
    RowNode *member = row_node(lower, node);
    if (member && member->level >= 0) return member->level;
    if (!member && lower->schedule->place[node->id].buffer) return 0;
    int level = 0;
    for (int i = 0; i < node->operand_count; i++) {
        int below = level_of(lower, node->operand[i]);
        if (below > level) level = below;
    }
    if (member) member->level = level += row_is_fold(node);
    return level;
}

static int sweep_of(const RowNode *member) {
    return row_is_fold(member->node) ? member->level - 1 : member->level;
}

/* Tells every full member below `node` that value number `turn` needs it in `sweep`. */
static void need(Lower *lower, Node *node, int sweep, int turn) {
    node = schedule_alias(lower->schedule, node);
    RowNode *member = row_node(lower, node);
    const Buffer *buffer = lower->schedule->place[node->id].buffer;
    if (member) {
        if (member->latest < sweep) member->latest = sweep;
        return;
    }
    if (buffer) vec_push(lower->arena, &lower->plan->reads, ((RowRead){buffer, sweep, turn}));
    for (int i = 0; !buffer && i < node->operand_count; i++) need(lower, node->operand[i], sweep, turn);
}

static int cost_below(Lower *lower, Node *node) {
    node = schedule_alias(lower->schedule, node);
    RowNode *member = row_node(lower, node);
    if (member) return !member->full || row_is_fold(node) || member->cost > CHEAP ? 1 : member->cost;
    if (lower->schedule->place[node->id].buffer) return 1;
    int cost = node->op->kind == OP_MAP ? node->op->cost : 0;
    for (int i = 0; i < node->operand_count; i++) cost += cost_below(lower, node->operand[i]);
    return cost;
}

bool row_has_place(const Lower *lower, const Node *node) {
    return lower->schedule->place[node->id].buffer != NULL;
}

void row_plan(Lower *lower, RowPlan *plan) {
    const Kernel *kernel = lower->kernel;
    plan->count = kernel->nodes.count;
    plan->nodes = NEW_ARRAY(lower->arena, RowNode, plan->count);
    lower->plan = plan;
    for (int i = 0; i < plan->count; i++) {
        Node *node = kernel->nodes.at[i];
        plan->nodes[i] = (RowNode){.node = node, .level = -1};
        plan->nodes[i].full = kernel_roles(kernel, node) == ROLES_ALL;
        plan->nodes[i].down = node->op->kind == OP_REDUCE && !row_is_fold(node);
    }
    for (int i = 0; i < plan->count; i++) {
        RowNode *member = &plan->nodes[i];
        member->level = level_of(lower, member->node);
        for (int j = 0; j < member->node->operand_count; j++)
            member->cost += cost_below(lower, member->node->operand[j]);
        if (!row_is_fold(member->node)) member->cost += member->node->op->cost;
        if (member->level + 1 > plan->sweeps) plan->sweeps = member->level + 1;
        member->latest = member->full && row_has_place(lower, member->node) ? member->level : -1;
    }
    for (int i = plan->count - 1; i >= 0; i--) {
        RowNode *member = &plan->nodes[i];
        int sweep = sweep_of(member);
        if (member->full && member->latest > sweep) {
            bool stored = row_has_place(lower, member->node);
            member->kept = member->cost > (stored ? 2 : CHEAP) && (stored || member->node->dtype == DT_FLOAT);
            if (!member->kept) sweep = member->latest;
        }
        for (int j = 0; j < member->node->operand_count; j++) {
            need(lower, member->node->operand[j], sweep, i);
            if (member->full && sweep != sweep_of(member)) need(lower, member->node->operand[j], sweep_of(member), i);
        }
    }
}

static bool share_bytes(const Buffer *a, const Buffer *b) {
    if (a == b) return true;
    if (a->kind != BUF_ARENA || b->kind != BUF_ARENA) return false;
    return a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

/* Whether nothing reads the bytes of `buffer` once the value has been computed, but what reads them at each point
 * before it is. */
static bool bytes_are_free(const RowPlan *plan, const RowNode *value, const Buffer *buffer) {
    int turn = (int)(value - plan->nodes);
    for (int i = 0; i < plan->reads.count; i++) {
        const RowRead *read = &plan->reads.at[i];
        bool before = read->sweep < value->level || (read->sweep == value->level && read->turn <= turn);
        if (!before && share_bytes(read->buffer, buffer)) return false;
    }
    return true;
}

/* A kept value lies in a result that takes its turn when the value is needed for the last time. */
static void lend_place(Lower *lower, RowPlan *plan, RowNode *value) {
    for (int i = 0; i < plan->count && !value->lent; i++) {
        const RowNode *result = &plan->nodes[i];
        if (!result->full || row_is_fold(result->node) || !row_has_place(lower, result->node)) continue;
        const Place *place = &lower->schedule->place[result->node->id];
        bool lends = result->node->dtype == DT_FLOAT && result->level > value->level && result->level >= value->latest;
        lends = lends && (place->buffer->kind == BUF_ARENA || place->buffer->kind == BUF_RESULT) && !place->index;
        for (int j = 0; j < plan->count; j++) lends = lends && plan->nodes[j].lent != result->node;
        if (lends && !value_goes_past_caches(lower, result->node) && bytes_are_free(plan, value, place->buffer))
            value->lent = result->node;
    }
}

void row_lend(Lower *lower, RowPlan *plan) {
    for (int i = 0; i < plan->count; i++)
        if (plan->nodes[i].kept && !row_has_place(lower, plan->nodes[i].node)) lend_place(lower, plan, &plan->nodes[i]);
}
