/* contract_sums.c: sums of columns in a product's kernel.
 *
 * Of its result, or of maps on it: the gradient of a bias say, or of squares. The epilogue adds row after row to an
 * array of the panel's columns, so that the tile doesn't show in the bits; a slice has all rows of a part:
 *
 *     for part, panel in slices { sums[] = 0; tiles: … sums[c] += d_h[row, j + c] …; parts[part, j + c] = sums[c] }
 *
 * Of its right operand, whose rows each slice goes through: d_b = sum(G, rows) beside d_W = X.T @ G. They are there
 * before the epilogue, which may read them:
 *
 *     for panel in slices { sums[] = 0; for k { sums[c] += G[k, j + c] }; tiles …; d_b[j + c] = sums[c] }
 */
#include "loop/contract.h"

Index contract_in_panel(Lower *lower, const Expr *column) {
    Index index = index_of(lower, column->kind == EX_VAR ? 0 : (int64_t)column->number);
    if (column->kind == EX_VAR) index_add(lower, &index, column->var, 1);
    return index;
}

static bool is_sum(const Node *node) {
    return node->op->kind == OP_REDUCE;
}

static bool is_right(const Lower *lower, int number) {
    return folds_right(lower->kernel, lower->kernel->nodes.at[number]);
}

bool contract_fits_lanes(Lower *lower, const Contract *c) {
    const Kernel *kernel = lower->kernel;
    for (int i = 0; i < kernel->nodes.count; i++) {
        Node *node = kernel->nodes.at[i];
        Access own = kernel_access(kernel, node);
        if (kernel_stores(kernel, node) && !lanes_fit(lower, node, &own, c->p.n_loop)) return false;
        if (!is_sum(node) || is_right(lower, i)) continue;
        Access folded = folded_access(kernel, node);
        if (node->dtype != DT_FLOAT || !lanes_fit(lower, node->operand[0], &folded, c->p.n_loop)) return false;
    }
    return true;
}

/* ---- totals of the slice ---- */

void contract_totals(Lower *lower, Block *in, Contract *c) {
    const Kernel *kernel = lower->kernel;
    int64_t lanes = c->lanes ? lower->lane_count : 1;
    bool any = false;
    c->totals = NEW_ARRAY(lower->arena, Array *, kernel->nodes.count + 1);
    for (int i = 0; i < kernel->nodes.count; i++) {
        const Node *node = kernel->nodes.at[i];
        if (!is_sum(node)) continue;
        const char *name = arena_printf(lower->arena, "%s_panel", node_called(node));
        c->totals[i] = st_array(lower, in, name, node->dtype, c->p.panel);
        any = true;
    }
    if (!any) return;
    Stmt *loop = st_count(lower, "c", NULL, ex_int(lower, T_INDEX, c->p.panel), lanes);
    for (int i = 0; i < kernel->nodes.count; i++)
        if (c->totals[i])
            st_store(lower, &loop->body, c->totals[i], contract_in_panel(lower, ex_var(lower, loop->var)),
                     fold_start(lower, kernel->nodes.at[i], c->lanes), NULL);
    st_put(lower, in, loop);
}

static Expr *total_at(Lower *lower, const Contract *c, int number, Expr *column) {
    return ex_load(lower, c->totals[number], contract_in_panel(lower, column), c->lanes, NULL);
}

void contract_add(Lower *lower, Block *in, const Contract *c, int number, Expr *column) {
    Node *node = lower->kernel->nodes.at[number];
    if (is_right(lower, number)) return;
    Access folded = folded_access(lower->kernel, node);
    Expr *value = value_at(lower, node->operand[0], &folded);
    Expr *total = fold_join(lower, node, total_at(lower, c, number, column), value);
    st_store(lower, in, c->totals[number], contract_in_panel(lower, column), total, NULL);
}

static bool is_stored(const Lower *lower, const Contract *c, int number, bool right) {
    return c->totals[number] && is_right(lower, number) == right &&
           kernel_stores(lower->kernel, lower->kernel->nodes.at[number]);
}

static void store_totals(Lower *lower, Block *in, const Contract *c, Expr *column, bool right) {
    for (int i = 0; i < lower->kernel->nodes.count; i++) {
        Node *node = lower->kernel->nodes.at[i];
        if (!is_stored(lower, c, i, right)) continue;
        Access own = kernel_access(lower->kernel, node);
        value_store(lower, in, node, &own, total_at(lower, c, i, column));
    }
}

static void store_of_result(Lower *lower, Block *in, const Contract *c, Expr *column) {
    store_totals(lower, in, c, column, false);
}

static void store_of_right(Lower *lower, Block *in, const Contract *c, Expr *column) {
    store_totals(lower, in, c, column, true);
}

static bool has_stored(const Lower *lower, const Contract *c, bool right) {
    for (int i = 0; i < lower->kernel->nodes.count; i++)
        if (is_stored(lower, c, i, right)) return true;
    return false;
}

/* ---- the right operand's ---- */

/* Whether the kernel's epilogue reads the value, through views and maps computed in place. */
static bool reads(const Lower *lower, Node *from, const Node *value) {
    from = schedule_alias(lower->schedule, from);
    if (from == value) return true;
    bool passes = from->op->kind == OP_VIEW || !lower->schedule->place[from->id].buffer;
    for (int i = 0; passes && i < from->operand_count; i++)
        if (reads(lower, from->operand[i], value)) return true;
    return false;
}

static bool epilogue_reads_right(const Lower *lower) {
    const Kernel *kernel = lower->kernel;
    for (int i = 0; i < kernel->nodes.count; i++)
        for (int j = 0; j < kernel->nodes.count; j++) {
            const Node *node = kernel->nodes.at[i];
            if (!is_right(lower, j) || is_right(lower, i) || node == kernel->root) continue;
            for (int k = 0; k < node->operand_count; k++)
                if (reads(lower, node->operand[k], kernel->nodes.at[j])) return true;
        }
    return false;
}

/* A block of what the first slice with this panel does alone; *outer is to be put into `in` once it is whole. */
static Block *first_alone(Lower *lower, Block *in, const Contract *c, Stmt **outer) {
    Block *within = in;
    Stmt *around[MAX_AXES + 1];
    int count = 0;
    for (int loop = 0; loop <= c->p.m_loop; loop++) {
        Var *which = loop == c->p.m_loop ? c->block : lower->loop[loop];
        if (!which) continue;
        Expr *first[2] = {ex_var(lower, which), ex_int(lower, T_INDEX, 0)};
        around[count++] = st_if(lower, ex_apply(lower, T_MASK, "%0 == %1", 2, first));
        within = &around[count - 1]->body;
    }
    for (int i = 1; i < count; i++) st_put(lower, &around[i - 1]->body, around[i]);
    *outer = count ? around[0] : NULL;
    return within;
}

static void add_rows(Lower *lower, Block *in, const Contract *c, int number) {
    const Product *p = &c->p;
    Node *node = lower->kernel->nodes.at[number];
    Var *sum[4];
    for (int v = 0; v < p->nv; v++) {
        Index index = index_of(lower, (int64_t)v * lower->lane_count);
        sum[v] = st_var(lower, in, arena_printf(lower->arena, "%s_sum%d", node_called(node), v),
                        ex_load(lower, c->totals[number], index, true, NULL));
    }
    Var *k = var_new(lower, "k", T_INDEX, false);
    Stmt *loop = st_for(lower, LOOP_SERIAL, k, c->k_from, c->k_to ? c->k_to : ex_int(lower, T_INDEX, p->k), 1);
    lower->loop[p->k_loop] = k;
    for (int v = 0; v < p->nv; v++)
        st_set(lower, &loop->body, sum[v], fold_join(lower, node, ex_var(lower, sum[v]), contract_right(lower, c, v)));
    lower->loop[p->k_loop] = NULL;
    st_put(lower, in, loop);
    for (int v = 0; v < p->nv; v++)
        st_store(lower, in, c->totals[number], index_of(lower, (int64_t)v * lower->lane_count), ex_var(lower, sum[v]),
                 NULL);
}

void contract_add_right(Lower *lower, Block *in, Contract *c) {
    Stmt *outer = NULL;
    bool any = false;
    for (int i = 0; i < lower->kernel->nodes.count; i++) any = any || is_right(lower, i);
    if (!any) return;
    Block *block = epilogue_reads_right(lower) ? in : first_alone(lower, in, c, &outer);
    for (int i = 0; i < lower->kernel->nodes.count; i++)
        if (is_right(lower, i)) add_rows(lower, block, c, i);
    if (outer) st_put(lower, in, outer);
}

void contract_bind_right(Lower *lower, const Contract *c, Expr *column) {
    for (int i = 0; i < lower->kernel->nodes.count; i++) {
        if (!is_right(lower, i)) continue;
        Access own = kernel_access(lower->kernel, lower->kernel->nodes.at[i]);
        Expr *total = total_at(lower, c, i, column);
        total->depth = lower->axes.count;
        value_bind(lower, lower->kernel->nodes.at[i], &own, total);
    }
}

void contract_store_totals(Lower *lower, Block *in, Contract *c) {
    c->at_column = store_of_result;
    if (has_stored(lower, c, false)) contract_columns(lower, in, c);
    if (!has_stored(lower, c, true)) return;
    Stmt *outer;
    Block *block = first_alone(lower, in, c, &outer);
    c->at_column = store_of_right;
    contract_columns(lower, block, c);
    if (outer) st_put(lower, in, outer);
}
