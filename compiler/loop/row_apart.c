/* row_apart.c: row kernels that only fold, four rows at a time, as far from each other as can be: so memory is read as
 * four long streams. One row after the other is one stream, of which a core waits for too few lines at a time.
 *
 *     for s in a quarter of the rows { for d { sum0 += x[s, d]; sum1 += x[s + rows/4, d] … }; y[s] = sum0; … }
 *
 * The rows left over, fewer than four, are slices of their own. */
#include "loop/row.h"

enum {
    TOGETHER = TURN_VECTORS, /* rows: each has sums of its own */
    LEAST_ROWS = 64,
    LEAST_BYTES = 1024, /* of a row: shorter ones are one stream together */
    MOST_FOLDS = 3
};

static int folds_of(const RowPlan *plan) {
    int folds = 0;
    for (int i = 0; i < plan->count; i++) folds += row_is_fold(plan->nodes[i].node);
    return folds;
}

/* One sweep, which folds and stores nothing as it goes. */
static bool only_folds(const Lower *lower, const RowPlan *plan) {
    for (int i = 0; i < plan->count; i++) {
        const RowNode *member = &plan->nodes[i];
        bool stored = member->full && !row_is_fold(member->node) && row_has_place(lower, member->node);
        if (member->down || member->kept || stored) return false;
    }
    return plan->sweeps == 2 && folds_of(plan) <= MOST_FOLDS;
}

bool row_goes_apart(const Lower *lower, const RowPlan *plan) {
    int last = lower->axes.count - 1, element = lower->machine->vector_bytes / lower->lane_count;
    return last > 0 && lower->lane_axis == last && only_folds(lower, plan) &&
           lower->axes.extent[last] * element >= LEAST_BYTES && lower->axes.extent[last - 1] >= LEAST_ROWS &&
           lower->kernel->points * element >= lower->machine->l2_bytes;
}

typedef struct Rows { /* that a slice goes over */
    RowPlan *plan;
    int count;
    int64_t first, apart; /* row number r is the slice's number + first + r * apart */
} Rows;

static void stand_at(Lower *lower, const Rows *rows, int row) {
    value_forget(lower, lower->axes.count - 2);
    lower->shift[lower->axes.count - 2] = rows->first + row * rows->apart;
}

static void rows_point(Lower *lower, Block *in, void *with) {
    const Rows *rows = with;
    for (int row = 0; row < rows->count; row++) {
        stand_at(lower, rows, row);
        rows->plan->vector = row;
        row_point(lower, in, rows->plan);
    }
    rows->plan->vector = 0;
}

static void fold_rows(Lower *lower, const Nest *nest, Block *in, Rows *rows) {
    RowPlan *plan = rows->plan;
    int last = lower->axes.count - 1;
    set_blocks(lower, last, in);
    lower->sweep = 0;
    row_begin_sums(lower, in, plan, rows->count);
    lane_loop(lower, nest, in, last, rows_point, rows);
    for (int row = 0; row < rows->count; row++) {
        stand_at(lower, rows, row);
        for (int i = 0; i < plan->count; i++)
            if (row_is_fold(plan->nodes[i].node)) row_end_sum(lower, in, &plan->nodes[i], plan->nodes[i].sum[row]);
        for (int level = 0; level <= 1; level++) row_store_values(lower, in, level);
    }
    stand_at(lower, &(Rows){0}, 0);
}

void row_apart(Lower *lower, RowPlan *plan) {
    const Nest inside = {.blocks = 1};
    int last = lower->axes.count - 1, order[MAX_AXES];
    int64_t all = lower->axes.extent[last - 1], quarter = all / TOGETHER, left = all % TOGETHER;
    for (int loop = 0; loop < MAX_AXES; loop++) order[loop] = loop;
    Nest nest = nest_open(lower, order, last - 1, quarter + left, 1);
    Block *in = &nest.slices->body;
    lower->loop[last - 1] = nest.number;
    Rows together = {plan, TOGETHER, 0, quarter}, single = {plan, 1, all - left - quarter, 0};
    if (left == 0) {
        fold_rows(lower, &inside, in, &together);
    } else {
        Expr *which[2] = {ex_var(lower, nest.number), ex_int(lower, T_INDEX, quarter)};
        Stmt *whole = st_if(lower, ex_apply(lower, T_MASK, "%0 < %1", 2, which));
        fold_rows(lower, &inside, &whole->body, &together);
        st_put(lower, in, whole);
        Expr *after[2] = {ex_int(lower, T_INDEX, quarter - 1), which[0]};
        Stmt *rest = st_if(lower, ex_apply(lower, T_MASK, "%0 < %1", 2, after));
        st_comment(lower, &rest->body, "the rows left over");
        fold_rows(lower, &inside, &rest->body, &single);
        st_put(lower, in, rest);
    }
    lower->loop[last - 1] = NULL;
    nest_close(lower, &nest);
}
