/* scatter.c: two kernels whose addresses are data.
 *
 * scatter_add adds rows at the places that ids name, in the order of the ids, strips of columns parallel:
 *
 *     for strip in slices { zero the strip; for n in ids { out[ids[n], strip] += g[n, strip] } }
 *
 * check_range looks at every id in turn, notes the first that is out of range, and gives ids that are safe to use.
 */
#include "loop/loop.h"

enum { STRIP = 64 };

/* The rows of the result seen as [rows, width]. */
typedef struct Table {
    Array *array;
    int64_t rows, width;
} Table;

static Table table_of(Lower *lower, Node *node) {
    const Place *place = &lower->schedule->place[node->id];
    Table table = {.rows = node->shape.size[0]};
    table.width = shape_count(&node->shape) / table.rows;
    table.array = array_of(lower, place->buffer, place->offset, true);
    return table;
}

typedef struct Scatter {
    Node *node;
    Table table;
    Var *row;
    double fill;
} Scatter;

/* Where the loops over the width stand, as an index into a row. */
static Index in_row(Lower *lower, const Kernel *kernel) {
    Access access = axes_over(&kernel->fine, kernel->fine_role, 1u << ROLE_FREE);
    return index_at(lower, &access);
}

static void fill_strip(Lower *lower, Block *in, void *with) {
    Scatter *scatter = with;
    Index index = in_row(lower, lower->kernel);
    index_add(lower, &index, scatter->row, scatter->table.width);
    Expr *value = ex_real(lower, scatter->fill);
    st_store(lower, in, scatter->table.array, index, lower->lane_axis >= 0 ? ex_lanes(lower, value) : value,
             lower->part);
}

static void add_strip(Lower *lower, Block *in, void *with) {
    Scatter *scatter = with;
    Access all = kernel_access(lower->kernel, scatter->node->operand[2]);
    Expr *value = value_at(lower, scatter->node->operand[2], &all);
    bool lanes = lower->lane_axis >= 0;
    Index index = in_row(lower, lower->kernel);
    index_add(lower, &index, scatter->row, scatter->table.width);
    Expr *sum[2] = {ex_load(lower, scatter->table.array, index, lanes, lower->part),
                    lanes ? ex_lanes(lower, value) : value};
    st_store(lower, in, scatter->table.array, index, ex_apply(lower, T_REAL, "%0 + %1", 2, sum), lower->part);
}

/* for row in rows { the strip } */
static void fill_rows(Lower *lower, const Nest *nest, Block *in, Scatter *scatter, int last) {
    Var *row = var_new(lower, "v", T_INDEX, false);
    Stmt *loop = st_for(lower, LOOP_SERIAL, row, NULL, ex_int(lower, T_INDEX, scatter->table.rows), 1);
    row->wide = true;
    scatter->row = row;
    lane_loop(lower, nest, &loop->body, last, fill_strip, scatter);
    st_put(lower, in, loop);
}

static bool base_is_number(const Lower *lower, const Node *node, double *fill) {
    const Node *base = schedule_alias(lower->schedule, node->operand[0]);
    while (base->op->kind == OP_VIEW) base = schedule_alias(lower->schedule, base->operand[0]);
    *fill = base->attr.value;
    return base->op == &op_const;
}

void lower_scatter(Lower *lower) {
    const Kernel *kernel = lower->kernel;
    Scatter scatter = {.node = kernel->root, .table = table_of(lower, kernel->root)};
    int ids = 0, last = lower->axes.count - 1, order[MAX_AXES], outer = 0;
    while (kernel->role[ids] != ROLE_FOLD) ids++;
    for (int loop = 0; loop < last; loop++)
        if (loop != ids) order[outer++] = loop;
    Access all = kernel_access(kernel, scatter.node->operand[2]);
    bool lanes = kernel->role[last] == ROLE_FREE && lower->axes.extent[last] > 1 &&
                 lanes_fit(lower, scatter.node->operand[2], &all, last);
    lower->lane_axis = lanes ? last : -1;
    int64_t whole = lanes ? lower->axes.extent[last] / lower->lane_count * lower->lane_count : 0;
    Nest nest = nest_open(lower, order, outer, whole > STRIP ? (whole + STRIP - 1) / STRIP : 1, STRIP);
    Block *in = &nest.slices->body;
    if (base_is_number(lower, scatter.node, &scatter.fill)) fill_rows(lower, &nest, in, &scatter, last);
    Var *n = var_new(lower, "n", T_INDEX, false);
    Stmt *loop = st_for(lower, LOOP_SERIAL, n, NULL, ex_int(lower, T_INDEX, lower->axes.extent[ids]), 1);
    lower->loop[ids] = n;
    for (int depth = 1; depth <= lower->axes.count; depth++) lower->block[depth] = &loop->body;
    Access of_ids = axes_over(&kernel->fine, kernel->fine_role, 1u << ROLE_FOLD);
    Expr *id = value_at(lower, scatter.node->operand[1], &of_ids), *number = NEW(lower->arena, Expr);
    *number = *id;
    number->type = T_INDEX;
    scatter.row = st_let(lower, &loop->body, "id", number);
    scatter.row->wide = true;
    lane_loop(lower, &nest, &loop->body, last, add_strip, &scatter);
    st_put(lower, in, loop);
    nest_close(lower, &nest);
}

void lower_check_range(Lower *lower) {
    Node *node = lower->kernel->root;
    int order[MAX_AXES] = {0};
    lower->lane_axis = -1;
    lower->function->reads_slot = true;
    Nest nest = nest_open(lower, order, 0, 1, 0); /* one slice: the first failure in order is the one that is noted */
    Block *in = &nest.slices->body;
    Stmt *loops[MAX_AXES];
    for (int loop = 0; loop < lower->axes.count; loop++) {
        Var *index = var_new(lower, "i", T_INDEX, false);
        loops[loop] = st_for(lower, LOOP_SERIAL, index, NULL, ex_int(lower, T_INDEX, lower->axes.extent[loop]), 1);
        lower->loop[loop] = index;
        in = &loops[loop]->body;
        for (int depth = loop + 1; depth <= lower->axes.count; depth++) lower->block[depth] = in;
    }
    Access all = access_identity(&lower->kernel->fine);
    Expr *args[2] = {value_at(lower, node->operand[0], &all), ex_index(lower, index_at(lower, &all), T_INT, false)};
    const char *format = arena_printf(lower->arena, "(lint)tg_check_index(slot, %%0, %lld, %%1, \"%s\")",
                                      (long long)node->attr.limit, node->attr.label ? node->attr.label : "index");
    value_store(lower, in, node, &all, ex_apply(lower, T_INT, format, 2, args));
    for (int loop = lower->axes.count - 1; loop >= 0; loop--)
        st_put(lower, loop > 0 ? &loops[loop - 1]->body : &nest.slices->body, loops[loop]);
    nest_close(lower, &nest);
}
