/* row.c: the skeleton of row kernels: rows parallel; sweeps over the row, each ending its folds before the next begins.
 *
 * A value's level is the number of folds that must be over before it can be computed: softmax has three sweeps,
 *
 *     level 0   x            fold m = max(x)
 *     level 1   e = exp(x - m), kept    fold s = sum(e)
 *     level 2   y = e / s
 *
 * A value of an earlier sweep that is needed again is computed again where that is cheap, read back where it was stored
 * as a result, and else kept: in the bytes of a result that a later sweep stores, where nobody reads those in between,
 * or in an array of one row (row_plan.c). So the y above holds e until it is stored itself.
 *
 * A sum of lanes waits for the one before it, so a sweep that folds takes up to four vectors a turn, each with sums of
 * its own, which are joined after the sweep.
 *
 * Memory would stand still while later sweeps work on what the first has read. So the last sweep that folds asks for
 * the lines of a later row that the first sweep will read.
 *
 * Sums of columns, the gradient of a bias say, are added up in an array of one row over the rows of a part, in order;
 * then a slice is a part:
 *
 *     for part in slices { sums[] = 0; for r in rows { sweeps: … sums[n] += g[r, n] … }; parts[part, n] = sums[n] }
 */
#include "loop/row.h"

enum { LINE = 64, SHORT_ROW = 8192 };

/* Where the sweep stands in an array of one row. */
static Index in_row(Lower *lower) {
    Access own = {.stride = {0}};
    own.stride[lower->kernel->inner[lower->axes.count - 1]] = 1;
    return index_at(lower, &own);
}

Expr *row_recall(Lower *lower, Node *node, const Access *access) {
    RowNode *member = row_node(lower, node);
    if (!member || !member->kept || lower->sweep <= member->level) return NULL;
    if (member->lent) node = member->lent;
    if (member->scratch) {
        Expr *x = ex_load(lower, member->scratch, in_row(lower), lower->lane_axis >= 0, NULL);
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
    return member->kept && (member->scratch || member->lent) && member->level == lower->sweep;
}

static bool stores_now(const Lower *lower, const RowNode *member) {
    return member->full && !row_is_fold(member->node) && member->level == lower->sweep &&
           row_has_place(lower, member->node);
}

static bool folds_now(const Lower *lower, const RowNode *member) {
    return row_is_fold(member->node) && member->level == lower->sweep + 1;
}

static bool adds_now(const Lower *lower, const RowNode *member) {
    return member->down && member->level == lower->sweep;
}

static void keep(Lower *lower, Block *in, const RowNode *member, Expr *value) {
    if (member->lent) {
        Access own = kernel_access(lower->kernel, member->lent);
        value_store(lower, in, member->lent, &own, value);
        return;
    }
    if (lower->lane_axis >= 0) value = ex_lanes(lower, value);
    st_store(lower, in, member->scratch, in_row(lower), value, NULL);
}

/* Whether the sweep is the last that folds, after others. */
static bool asks_ahead(const Lower *lower, const RowPlan *plan) {
    return lower->lane_axis >= 1 && lower->sweep > 0 && lower->sweep == plan->sweeps - 2;
}

/* The lines that the first sweep reads here, of the next row, or of the one after it where rows are short. */
static void ask_ahead(Lower *lower, Block *in, const RowPlan *plan) {
    int last = lower->axes.count - 1, bytes = lower->machine->vector_bytes / lower->lane_count;
    Access all = access_identity(&lower->kernel->fine);
    int64_t row = lower->axes.extent[last] * bytes;
    if (lower->shift[last] * bytes % LINE != 0 || lower->axes.extent[last - 1] <= 2) return;
    if (row > lower->machine->l2_bytes / 8) return; /* long rows are streams by themselves */
    for (int i = 0; i < plan->count; i++)
        if (row_is_fold(plan->nodes[i].node) && plan->nodes[i].level == 1)
            value_prefetch(lower, in, plan->nodes[i].node->operand[0], &all, last - 1, row < SHORT_ROW ? 2 : 1);
}

void row_point(Lower *lower, Block *in, void *with) {
    RowPlan *plan = with;
    Access all = access_identity(&lower->kernel->fine);
    for (int i = 0; i < plan->count; i++) /* before the lent bytes are stored to */
        if (plan->nodes[i].lent && plan->nodes[i].latest == lower->sweep) value_at(lower, plan->nodes[i].node, &all);
    for (int i = 0; i < plan->count; i++) {
        RowNode *member = &plan->nodes[i];
        if (folds_now(lower, member))
            fold_step(lower, in, member->node, member->sum[plan->vector],
                      value_at(lower, member->node->operand[0], &all));
        if (keeps_now(lower, member)) keep(lower, in, member, value_at(lower, member->node, &all));
        if (adds_now(lower, member)) {
            Expr *value = value_at(lower, member->node->operand[0], &all);
            Expr *sum = ex_load(lower, member->scratch, in_row(lower), lower->lane_axis >= 0, NULL);
            st_store(lower, in, member->scratch, in_row(lower), fold_join(lower, member->node, sum, value), NULL);
        }
        if (stores_now(lower, member)) value_store(lower, in, member->node, &all, value_at(lower, member->node, &all));
    }
}

void row_store_values(Lower *lower, Block *in, int level) {
    for (int i = 0; i < lower->plan->count; i++) {
        RowNode *member = &lower->plan->nodes[i];
        if (member->full || member->down || !row_has_place(lower, member->node) || member->level != level) continue;
        Access own = kernel_access(lower->kernel, member->node);
        value_store(lower, in, member->node, &own, value_at(lower, member->node, &own));
    }
}

/* Says what stands in the bytes of results before they do. */
static void tell_lent(Lower *lower, Block *in, const RowPlan *plan) {
    for (int i = 0; i < plan->count; i++) {
        const RowNode *member = &plan->nodes[i];
        if (member->lent && keeps_now(lower, member))
            st_comment(lower, in, "%s is kept where a result will stand", node_called(member->node));
    }
}

void row_begin_sums(Lower *lower, Block *in, RowPlan *plan, int vectors) {
    bool lanes = lower->lane_axis >= 0;
    for (int i = 0; i < plan->count; i++) {
        RowNode *member = &plan->nodes[i];
        if (!folds_now(lower, member)) continue;
        const char *name = node_called(member->node);
        for (int v = 0; v < vectors; v++) {
            const char *own = lanes ? arena_printf(lower->arena, "%s_lanes", name) : name;
            member->sum[v] = st_var(lower, in, own, fold_start(lower, member->node, lanes));
        }
        if (!lanes) value_called(lower, member->node, member->sum[0]);
    }
}

void row_end_sum(Lower *lower, Block *in, RowNode *member, Var *sum) {
    Expr *end = fold_end(lower, member->node, sum);
    if (sum->lanes) {
        Var *all = st_let(lower, in, node_called(member->node), end);
        value_called(lower, member->node, all);
        all->plain = !member->node->name && !member->node->title;
        end = ex_var(lower, all);
    }
    end->depth = lower->axes.count - 1;
    Access own = kernel_access(lower->kernel, member->node);
    value_bind(lower, member->node, &own, end);
}

static void end_sums(Lower *lower, Block *in, RowPlan *plan, int vectors) {
    for (int i = 0; i < plan->count; i++) {
        RowNode *member = &plan->nodes[i];
        if (!folds_now(lower, member)) continue;
        for (int apart = 1; apart < vectors; apart *= 2)
            for (int v = 0; v + apart < vectors; v += 2 * apart)
                fold_step(lower, in, member->node, member->sum[v], ex_var(lower, member->sum[v + apart]));
        row_end_sum(lower, in, member, member->sum[0]);
    }
}

/* `vectors` of them a turn, as far as whole turns go; returns how many elements that is. */
static int64_t wide_loop(Lower *lower, Block *in, RowPlan *plan, int vectors) {
    int last = lower->axes.count - 1;
    int64_t step = (int64_t)vectors * lower->lane_count, whole = lower->axes.extent[last] / step * step;
    Var *index = var_new(lower, nest_loop_name(lower, last), T_INDEX, false);
    Stmt *loop = st_for(lower, LOOP_LANES, index, NULL, ex_int(lower, T_INDEX, whole), step);
    lower->loop[last] = index;
    lower->block[lower->axes.count] = &loop->body;
    for (plan->vector = 0; plan->vector < vectors; plan->vector++) {
        lower->shift[last] = (int64_t)plan->vector * lower->lane_count;
        if (asks_ahead(lower, plan)) ask_ahead(lower, &loop->body, plan);
        row_point(lower, &loop->body, plan);
        value_forget(lower, last);
    }
    plan->vector = 0;
    lower->shift[last] = 0;
    lower->loop[last] = NULL;
    lower->block[lower->axes.count] = in;
    st_put(lower, in, loop);
    return whole;
}

static void sweep(Lower *lower, const Nest *nest, Block *in, RowPlan *plan) {
    int last = lower->axes.count - 1, vectors = 1;
    bool any = false, folds = false;
    for (int i = 0; i < plan->count; i++) {
        RowNode *member = &plan->nodes[i];
        folds = folds || folds_now(lower, member);
        any = any || folds_now(lower, member) || stores_now(lower, member) || keeps_now(lower, member) ||
              adds_now(lower, member);
    }
    if (!any) return;
    int64_t most = lower->lane_axis >= 0 && folds ? lower->axes.extent[last] / lower->lane_count : 1;
    while (vectors < TURN_VECTORS && 2 * vectors <= most) vectors *= 2;
    row_begin_sums(lower, in, plan, vectors);
    Nest rest = *nest;
    tell_lent(lower, in, plan);
    if (vectors > 1) rest.done = wide_loop(lower, in, plan, vectors);
    lane_loop(lower, &rest, in, last, row_point, plan);
    end_sums(lower, in, plan, vectors);
}

static bool row_fits_lanes(Lower *lower) {
    int last = lower->axes.count - 1;
    for (int i = 0; i < lower->plan->count; i++) {
        RowNode *member = &lower->plan->nodes[i];
        Access own = kernel_access(lower->kernel, member->node), all = access_identity(&lower->kernel->fine);
        bool folds = member->node->op->kind == OP_REDUCE;
        if (folds && (member->node->dtype != DT_FLOAT || !lanes_fit(lower, member->node->operand[0], &all, last)))
            return false;
        if (!row_is_fold(member->node) && !lanes_fit(lower, member->node, &own, last)) return false;
    }
    return true;
}

/* ---- sums of columns ---- */

static void start_columns(Lower *lower, Block *in, void *with) {
    RowPlan *plan = with;
    for (int i = 0; i < plan->count; i++) {
        const RowNode *member = &plan->nodes[i];
        if (!member->down) continue;
        st_store(lower, in, member->scratch, in_row(lower), fold_start(lower, member->node, lower->lane_axis >= 0),
                 NULL);
    }
}

static void store_columns(Lower *lower, Block *in, void *with) {
    RowPlan *plan = with;
    for (int i = 0; i < plan->count; i++) {
        const RowNode *member = &plan->nodes[i];
        if (!member->down) continue;
        Access own = kernel_access(lower->kernel, member->node);
        value_store(lower, in, member->node, &own,
                    ex_load(lower, member->scratch, in_row(lower), lower->lane_axis >= 0, NULL));
    }
}

/* ---- the kernel ---- */

/* Arrays of one row: what sweeps keep, and sums of columns. */
static void make_scratch(Lower *lower, Block *in, RowPlan *plan, bool down) {
    int64_t step = lower->lane_axis >= 0 ? lower->lane_count : 1;
    int64_t row = (lower->axes.extent[lower->axes.count - 1] + step - 1) / step * step;
    for (int i = 0; i < plan->count; i++) {
        RowNode *member = &plan->nodes[i];
        bool array = member->kept && !member->lent && !row_has_place(lower, member->node);
        if (member->down != down || (!down && !array)) continue;
        const char *name = arena_printf(lower->arena, "%s_row", node_called(member->node));
        member->scratch = st_array(lower, in, name, member->node->dtype, row);
    }
}

static void one_row(Lower *lower, const Nest *nest, Block *in, RowPlan *plan) {
    make_scratch(lower, in, plan, false);
    row_store_values(lower, in, 0);
    for (lower->sweep = 0; lower->sweep < plan->sweeps; lower->sweep++) {
        sweep(lower, nest, in, plan);
        row_store_values(lower, in, lower->sweep + 1);
    }
}

/* The rows of a part, in order, between the start and the end of the sums of its columns. */
static void part(Lower *lower, const Nest *nest, Block *in, RowPlan *plan) {
    int last = lower->axes.count - 1, rows = last - 1;
    make_scratch(lower, in, plan, true);
    lane_loop(lower, nest, in, last, start_columns, plan);
    Var *index = var_new(lower, nest_loop_name(lower, rows), T_INDEX, false);
    Stmt *loop = st_for(lower, LOOP_SERIAL, index, NULL, ex_int(lower, T_INDEX, lower->axes.extent[rows]), 1);
    lower->loop[rows] = index;
    set_blocks(lower, rows + 1, &loop->body);
    one_row(lower, nest, &loop->body, plan);
    value_forget(lower, rows);
    lower->loop[rows] = NULL;
    set_blocks(lower, rows + 1, in);
    st_put(lower, in, loop);
    lane_loop(lower, nest, in, last, store_columns, plan);
}

void lower_row(Lower *lower) {
    RowPlan *plan = NEW(lower->arena, RowPlan);
    int last = lower->axes.count - 1, order[MAX_AXES];
    bool parts = last > 0 && lower->kernel->role[last - 1] == ROLE_M;
    for (int loop = 0; loop < MAX_AXES; loop++) order[loop] = loop;
    row_plan(lower, plan);
    lower->lane_axis = row_fits_lanes(lower) ? last : -1;
    row_lend(lower, plan);
    if (row_goes_apart(lower, plan)) {
        row_apart(lower, plan);
        return;
    }
    Nest nest = nest_open(lower, order, parts ? last - 1 : last, 1, 0);
    (parts ? part : one_row)(lower, &nest, &nest.slices->body, plan);
    nest_close(lower, &nest);
}
