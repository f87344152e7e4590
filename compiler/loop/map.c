/* map.c: the skeleton of elementwise kernels: all axes parallel, one expression per result.
 *
 *     for s in slices { for d in lanes { y = gelu(x + b) } }
 */
#include "loop/loop.h"

enum { ENOUGH_SLICES = 64, LONG_LOOP = 8192, BLOCK = 4096 };

static bool lies_in_variable(const Lower *lower, const Node *node) {
    return lower->schedule->place[node->id].buffer->kind == BUF_VARIABLE;
}

/* Variables are stored last: every value that reads what they held has been computed by then. */
static void store_outputs(Lower *lower, Block *in, void *with) {
    const Kernel *kernel = lower->kernel;
    (void)with;
    for (int i = 0; i < kernel->outputs.count; i++) {
        Node *node = kernel->outputs.at[i];
        Access own = kernel_access(kernel, node);
        Expr *value = value_at(lower, node, &own);
        if (!lies_in_variable(lower, node)) value_store(lower, in, node, &own, value);
    }
    for (int i = 0; i < kernel->outputs.count; i++) {
        Node *node = kernel->outputs.at[i];
        Access own = kernel_access(kernel, node);
        if (lies_in_variable(lower, node)) value_store(lower, in, node, &own, value_at(lower, node, &own));
    }
}

static bool outputs_fit_lanes(Lower *lower, int axis) {
    const Kernel *kernel = lower->kernel;
    for (int i = 0; i < kernel->outputs.count; i++) {
        Access own = kernel_access(kernel, kernel->outputs.at[i]);
        if (!lanes_fit(lower, kernel->outputs.at[i], &own, axis)) return false;
    }
    return true;
}

/* The plain loops between the grid and the innermost one, from loop `from` on. */
static void inner_loops(Lower *lower, const Nest *nest, Block *in, int from) {
    int last = lower->axes.count - 1;
    if (from == last) {
        lane_loop(lower, nest, in, last, store_outputs, NULL);
        return;
    }
    Var *index = var_new(lower, "r", T_INDEX, false);
    Stmt *loop = st_for(lower, LOOP_SERIAL, index, NULL, ex_int(lower, T_INDEX, lower->axes.extent[from]), 1);
    lower->loop[from] = index;
    for (int depth = from + 1; depth <= lower->axes.count; depth++) lower->block[depth] = &loop->body;
    inner_loops(lower, nest, &loop->body, from + 1);
    value_forget(lower, from);
    lower->loop[from] = NULL;
    for (int depth = from + 1; depth <= lower->axes.count; depth++) lower->block[depth] = in;
    st_put(lower, in, loop);
}

void lower_map(Lower *lower) {
    int last = lower->axes.count - 1, outer = 0;
    int order[MAX_AXES];
    int64_t slices = 1, blocks = 1, extent = lower->axes.extent[last];
    for (int loop = 0; loop < MAX_AXES; loop++) order[loop] = loop;
    while (outer < last && slices < ENOUGH_SLICES) slices *= lower->axes.extent[outer++];
    if (outer == last && slices < ENOUGH_SLICES && extent > LONG_LOOP) blocks = (extent + BLOCK - 1) / BLOCK;
    lower->lane_axis = outputs_fit_lanes(lower, last) ? last : -1;
    if (lower->lane_axis >= 0 && blocks > 1)
        blocks = (extent / lower->lane_count * lower->lane_count + BLOCK - 1) / BLOCK;
    Nest nest = nest_open(lower, order, outer, blocks, BLOCK);
    inner_loops(lower, &nest, &nest.slices->body, outer);
    nest_close(lower, &nest);
}
