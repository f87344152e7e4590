/* row.c: the skeleton of row kernels: rows parallel; sweeps over the row, each ending its folds before the next begins.
 *
 * A value's level is the number of folds that must be over before it can be computed: softmax has three sweeps,
 *
 *     level 0   x            fold m = max(x)
 *     level 1   e = exp(x - m), kept    fold s = sum(e)
 *     level 2   y = e / s
 *
 * A value of an earlier sweep that is needed again is computed again where that is cheap, read back where it was stored
 * as a result, and else kept in an array of one row.
 */
#include "loop/loop.h"

enum { CHEAP = 6, ENOUGH_SLICES = 64 };

typedef struct RowNode {
    Node *node;
    bool full;  /* one element per point, not one per row */
    int level;  /* folds before it */
    int latest; /* the last sweep in which it is needed */
    int cost;   /* of computing it again */
    bool kept;  /* stands in `scratch`, or in its own place */
    Array *scratch;
    Var *sum; /* of a fold */
} RowNode;

typedef struct RowPlan {
    RowNode *nodes;
    int count, sweeps;
} RowPlan;

static RowNode *row_node(const Lower *lower, const Node *node) {
    for (int i = 0; lower->plan && i < lower->plan->count; i++)
        if (lower->plan->nodes[i].node == node) return &lower->plan->nodes[i];
    return NULL;
}

static bool is_fold(const Node *node) {
    return node->op->kind == OP_REDUCE;
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
    if (member) member->level = level += is_fold(node);
    return level;
}

static int sweep_of(const RowNode *member) {
    return is_fold(member->node) ? member->level - 1 : member->level;
}

/* Tells every full member below `node` that it is needed in `sweep`. */
static void need(Lower *lower, Node *node, int sweep) {
    node = schedule_alias(lower->schedule, node);
    RowNode *member = row_node(lower, node);
    if (member) {
        if (member->latest < sweep) member->latest = sweep;
        return;
    }
    if (lower->schedule->place[node->id].buffer) return;
    for (int i = 0; i < node->operand_count; i++) need(lower, node->operand[i], sweep);
}

static int cost_below(Lower *lower, Node *node) {
    node = schedule_alias(lower->schedule, node);
    RowNode *member = row_node(lower, node);
    if (member) return !member->full || is_fold(node) || member->cost > CHEAP ? 1 : member->cost;
    if (lower->schedule->place[node->id].buffer) return 1;
    int cost = node->op->kind == OP_MAP ? node->op->cost : 0;
    for (int i = 0; i < node->operand_count; i++) cost += cost_below(lower, node->operand[i]);
    return cost;
}

static bool has_place(const Lower *lower, const Node *node) {
    return lower->schedule->place[node->id].buffer != NULL;
}

static void plan_row(Lower *lower, RowPlan *plan) {
    const Kernel *kernel = lower->kernel;
    plan->count = kernel->nodes.count;
    plan->nodes = NEW_ARRAY(lower->arena, RowNode, plan->count);
    lower->plan = plan;
    for (int i = 0; i < plan->count; i++) {
        Node *node = kernel->nodes.at[i];
        plan->nodes[i] = (RowNode){.node = node, .level = -1};
        plan->nodes[i].full = kernel_roles(kernel, node) == ROLES_ALL;
    }
    for (int i = 0; i < plan->count; i++) {
        RowNode *member = &plan->nodes[i];
        member->level = level_of(lower, member->node);
        for (int j = 0; j < member->node->operand_count; j++)
            member->cost += cost_below(lower, member->node->operand[j]);
        if (!is_fold(member->node)) member->cost += member->node->op->cost;
        if (member->level + 1 > plan->sweeps) plan->sweeps = member->level + 1;
        member->latest = member->full && has_place(lower, member->node) ? member->level : -1;
    }
    for (int i = plan->count - 1; i >= 0; i--) {
        RowNode *member = &plan->nodes[i];
        int sweep = sweep_of(member);
        if (member->full && member->latest > sweep) {
            bool stored = has_place(lower, member->node);
            member->kept = member->cost > (stored ? 2 : CHEAP) && (stored || member->node->dtype == DT_FLOAT);
            if (!member->kept) sweep = member->latest;
        }
        for (int j = 0; j < member->node->operand_count; j++) {
            need(lower, member->node->operand[j], sweep);
            if (member->full && sweep != sweep_of(member)) need(lower, member->node->operand[j], sweep_of(member));
        }
    }
}

Expr *row_recall(Lower *lower, Node *node, const Access *access) {
    RowNode *member = row_node(lower, node);
    if (!member || !member->kept || lower->sweep <= member->level) return NULL;
    if (member->scratch) {
        bool lanes = lower->lane_axis >= 0;
        Access own = {.stride = {0}};
        own.stride[lower->kernel->inner[lower->axes.count - 1]] = 1;
        Expr *x = ex_load(lower, member->scratch, index_at(lower, &own), lanes, NULL);
        x->depth = lower->axes.count;
        return x;
    }
    Access in_buffer;
    schedule_reach(lower->schedule, &lower->kernel->fine, node, access, &in_buffer);
    return load_at(lower, lower->schedule->place[node->id].buffer, &in_buffer);
}

bool row_keeps(const Lower *lower, const Node *node) {
    const RowNode *member = row_node(lower, node);
    return member && member->kept;
}

static bool keeps_now(const Lower *lower, const RowNode *member) {
    return member->scratch && member->level == lower->sweep;
}

static bool stores_now(const Lower *lower, const RowNode *member) {
    return member->full && !is_fold(member->node) && member->level == lower->sweep && has_place(lower, member->node);
}

static bool folds_now(const Lower *lower, const RowNode *member) {
    return is_fold(member->node) && member->level == lower->sweep + 1;
}

static void sweep_body(Lower *lower, Block *in, void *with) {
    RowPlan *plan = with;
    Access all = access_identity(&lower->kernel->fine);
    for (int i = 0; i < plan->count; i++) {
        RowNode *member = &plan->nodes[i];
        if (folds_now(lower, member))
            fold_step(lower, in, member->node, member->sum, value_at(lower, member->node->operand[0], &all));
        if (keeps_now(lower, member)) {
            Access own = {.stride = {0}};
            own.stride[lower->kernel->inner[lower->axes.count - 1]] = 1;
            Expr *value = value_at(lower, member->node, &all);
            if (lower->lane_axis >= 0) value = ex_lanes(lower, value);
            st_store(lower, in, member->scratch, index_at(lower, &own), value, NULL);
        }
        if (stores_now(lower, member)) value_store(lower, in, member->node, &all, value_at(lower, member->node, &all));
    }
}

static void store_row_values(Lower *lower, Block *in, int level) {
    for (int i = 0; i < lower->plan->count; i++) {
        RowNode *member = &lower->plan->nodes[i];
        if (member->full || !has_place(lower, member->node) || member->level != level) continue;
        Access own = kernel_access(lower->kernel, member->node);
        value_store(lower, in, member->node, &own, value_at(lower, member->node, &own));
    }
}

static void sweep(Lower *lower, const Nest *nest, Block *in, RowPlan *plan) {
    int last = lower->axes.count - 1;
    bool any = false;
    for (int i = 0; i < plan->count; i++) {
        RowNode *member = &plan->nodes[i];
        any = any || folds_now(lower, member) || stores_now(lower, member) || keeps_now(lower, member);
        if (folds_now(lower, member)) {
            bool lanes = lower->lane_axis >= 0;
            const char *name = node_called(member->node);
            if (lanes) name = arena_printf(lower->arena, "%s_lanes", name);
            member->sum = st_var(lower, in, name, fold_start(lower, member->node, lanes));
            if (!lanes) value_called(lower, member->node, member->sum);
        }
    }
    if (any) lane_loop(lower, nest, in, last, sweep_body, plan);
    for (int i = 0; i < plan->count; i++) {
        RowNode *member = &plan->nodes[i];
        if (!folds_now(lower, member)) continue;
        Expr *end = fold_end(lower, member->node, member->sum);
        if (member->sum->lanes) {
            Var *sum = st_let(lower, in, node_called(member->node), end);
            value_called(lower, member->node, sum);
            sum->plain = !member->node->name && !member->node->title;
            end = ex_var(lower, sum);
        }
        end->depth = last;
        Access own = kernel_access(lower->kernel, member->node);
        value_bind(lower, member->node, &own, end);
    }
}

static bool row_fits_lanes(Lower *lower) {
    int last = lower->axes.count - 1;
    for (int i = 0; i < lower->plan->count; i++) {
        RowNode *member = &lower->plan->nodes[i];
        Access own = kernel_access(lower->kernel, member->node), all = access_identity(&lower->kernel->fine);
        if (is_fold(member->node)) {
            if (member->node->dtype != DT_FLOAT || !lanes_fit(lower, member->node->operand[0], &all, last))
                return false;
        } else if (!lanes_fit(lower, member->node, &own, last)) {
            return false;
        }
    }
    return true;
}

void lower_row(Lower *lower) {
    RowPlan *plan = NEW(lower->arena, RowPlan);
    int last = lower->axes.count - 1, order[MAX_AXES];
    for (int loop = 0; loop < MAX_AXES; loop++) order[loop] = loop;
    plan_row(lower, plan);
    lower->lane_axis = row_fits_lanes(lower) ? last : -1;
    Nest nest = nest_open(lower, order, last, 1, 0);
    Block *in = &nest.slices->body;
    int64_t step = lower->lane_axis >= 0 ? lower->lane_count : 1;
    int64_t row = (lower->axes.extent[last] + step - 1) / step * step;
    for (int i = 0; i < plan->count; i++) {
        RowNode *member = &plan->nodes[i];
        if (member->kept && !has_place(lower, member->node))
            member->scratch =
                st_array(lower, in, arena_printf(lower->arena, "%s_row", node_called(member->node)), DT_FLOAT, row);
    }
    store_row_values(lower, in, 0);
    for (lower->sweep = 0; lower->sweep < plan->sweeps; lower->sweep++) {
        sweep(lower, &nest, in, plan);
        store_row_values(lower, in, lower->sweep + 1);
    }
    nest_close(lower, &nest);
}
