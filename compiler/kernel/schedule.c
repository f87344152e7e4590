/* schedule.c: what the files after fuse ask of a schedule: who computes a node, how a reader reaches memory, what a
 * kernel reads; and the dump of it all.
 *
 *     k3 row h: loops rows 2048, row 256; computes %40 %41 %43; writes h (arena 524288) reads x1, b1
 */
#include "kernel/kernel.h"

Node *schedule_alias(const Schedule *schedule, Node *node) {
    while (schedule->alias[node->id]) node = schedule->alias[node->id];
    return node;
}

bool kernel_computes(const Kernel *kernel, const Node *node) {
    for (int i = 0; i < kernel->nodes.count; i++)
        if (kernel->nodes.at[i] == node) return true;
    return false;
}

bool kernel_stores(const Kernel *kernel, const Node *node) {
    for (int i = 0; i < kernel->outputs.count; i++)
        if (kernel->outputs.at[i] == node) return true;
    return false;
}

Node *schedule_reach(const Schedule *schedule, const Axes *axes, Node *node, const Access *access, Access *in_buffer) {
    Access at = *access;
    Split split;
    for (;;) {
        node = schedule_alias(schedule, node);
        if (node->op->kind != OP_VIEW) break;
        Access below;
        if (!access_through(node, axes, &at, &below, &split))
            fatal("fuse", "the loops don't reach through %s", node->op->name);
        at = below;
        node = node->operand[0];
    }
    const Place *place = &schedule->place[node->id];
    if (!place->buffer) fatal("fuse", "%s %%%d has no place", node->op->name, node->id);
    if (!place_access(node, place, axes, &at, in_buffer, &split)) fatal("fuse", "the loops don't reach %%%d", node->id);
    return node;
}

Access axes_over(const Axes *axes, const LoopRole *role, unsigned roles) {
    Access access = {0};
    int64_t unit = 1;
    for (int loop = axes->count - 1; loop >= 0; loop--) {
        if (!(roles >> role[loop] & 1)) continue;
        access.stride[loop] = unit;
        unit *= axes->extent[loop];
    }
    return access;
}

/* The roles of the loops along which an operand of attention, or the result, moves. */
static unsigned attend_roles(const Node *node, int operand) {
    static const unsigned roles[] = {[ATTEND_NONE] = 0,
                                     [ATTEND_QUERY] = 1u << ROLE_M,
                                     [ATTEND_KEY] = 1u << ROLE_N,
                                     [ATTEND_WIDTH] = 1u << ROLE_FOLD,
                                     [ATTEND_VALUE] = 1u << ROLE_VALUE};
    AttendAxis row, column;
    attend_axes(node, operand, &row, &column);
    return 1u << ROLE_FREE | roles[row] | roles[column];
}

bool folds_columns(const Node *node) {
    const Shape *from = &node->operand[0]->shape;
    int last = from->rank - 1;
    while (last > 0 && from->size[last] == 1) last--;
    for (int i = 0; i < node->attr.axis_count; i++)
        if (node->attr.axes[i] == last) return false;
    return node->op->kind == OP_REDUCE;
}

bool folds_right(const Kernel *kernel, const Node *node) {
    if (kernel->kind != KERNEL_CONTRACT || node->op->kind != OP_REDUCE) return false;
    return under_reshapes(node->operand[0]) == under_reshapes(kernel->root->operand[1]);
}

bool role_around(LoopRole role) {
    return role == ROLE_FREE || role == ROLE_PART;
}

unsigned kernel_roles(const Kernel *kernel, const Node *node) {
    bool reduced = node->op->kind == OP_REDUCE;
    switch (kernel->kind) {
    case KERNEL_ROW:
        if (reduced) return folds_columns(node) ? ROLES_ALL & ~(1u << ROLE_M) : ROLES_RESULT;
        return shape_count(&node->shape) == kernel->points ? ROLES_ALL : ROLES_RESULT;
    case KERNEL_FOLD:
        return reduced ? ROLES_RESULT : ROLES_ALL;
    case KERNEL_CONTRACT:
        if (folds_right(kernel, node)) return 1u << ROLE_N;
        return reduced ? ROLES_RESULT & ~(1u << ROLE_M) : ROLES_RESULT;
    case KERNEL_ATTEND:
        return attend_roles(node, -1);
    default:
        return ROLES_ALL;
    }
}

Access kernel_access(const Kernel *kernel, const Node *node) {
    return axes_over(&kernel->fine, kernel->fine_role, kernel_roles(kernel, node));
}

Access folded_access(const Kernel *kernel, const Node *node) {
    if (folds_right(kernel, node)) return product_access(kernel, 1);
    unsigned roles = kernel->kind == KERNEL_CONTRACT ? ROLES_RESULT : ROLES_ALL;
    return axes_over(&kernel->fine, kernel->fine_role, roles);
}

static void add_roles(const Kernel *kernel, Access *access, unsigned roles, int64_t unit) {
    Access part = axes_over(&kernel->fine, kernel->fine_role, roles);
    for (int loop = 0; loop < kernel->fine.count; loop++) access->stride[loop] += part.stride[loop] * unit;
}

Access product_access(const Kernel *kernel, int index) {
    const Node *operand = kernel->root->operand[index];
    const Attr *attr = &kernel->root->attr;
    int rank = operand->shape.rank;
    int64_t rows = operand->shape.size[rank - 2], columns = operand->shape.size[rank - 1];
    const unsigned m = 1u << ROLE_PART | 1u << ROLE_M, n = 1u << ROLE_N, k = 1u << ROLE_FOLD;
    unsigned down = index == 0 ? m : k, across = index == 0 ? k : n;
    bool transposed = index == 0 ? attr->transpose_a : attr->transpose_b;
    Access access = {0};
    add_roles(kernel, &access, 1u << ROLE_FREE, rows * columns);
    add_roles(kernel, &access, down, transposed ? 1 : columns);
    add_roles(kernel, &access, across, transposed ? columns : 1);
    return access;
}

Access attend_access(const Kernel *kernel, const Node *node, int index) {
    return axes_over(&kernel->fine, kernel->fine_role, attend_roles(node, index));
}

static void read_node(const Schedule *schedule, const Kernel *kernel, Node *node, bool *reads) {
    node = schedule_alias(schedule, node);
    if (kernel_computes(kernel, node)) return;
    const Place *place = &schedule->place[node->id];
    if (place->buffer) {
        reads[place->buffer->id] = true;
        if (place->index) read_node(schedule, kernel, place->index, reads);
        return;
    }
    for (int i = 0; i < node->operand_count; i++) read_node(schedule, kernel, node->operand[i], reads);
}

void kernel_reads(const Schedule *schedule, const Kernel *kernel, bool *reads) {
    for (int i = 0; i < kernel->nodes.count; i++) {
        const Node *node = kernel->nodes.at[i];
        const Place *place = &schedule->place[node->id];
        for (int j = 0; j < node->operand_count; j++) read_node(schedule, kernel, node->operand[j], reads);
        if (place->buffer && place->index) read_node(schedule, kernel, place->index, reads);
    }
}

static const char *const kind_names[] = {"map", "row", "fold", "contract", "attend", "scatter", "check"};
static const char *const role_names[] = {"", "m ", "n ", "fold ", "value ", "part "};
static const char *const buffer_kinds[] = {"input", "result", "variable", "arena", "scalar"};

static void print_buffer(Text *text, const Buffer *buffer) {
    text_printf(text, " %s (%s, %lld)", buffer->name, buffer_kinds[buffer->kind], (long long)buffer->count);
}

static void print_kernel(Text *text, const Schedule *schedule, const Kernel *kernel) {
    text_printf(text, "k%02d %s %s:", kernel->id, kind_names[kernel->kind], kernel->name);
    for (int loop = 0; loop < kernel->axes.count; loop++)
        text_printf(text, "%s %s%lld", loop ? "," : " loops", role_names[kernel->role[loop]],
                    (long long)kernel->axes.extent[loop]);
    if (kernel->kind == KERNEL_CONTRACT && kernel->tile.mr)
        text_printf(text, "; tile %d x %d vectors%s", kernel->tile.mr, kernel->tile.nv,
                    kernel->tile.pack_b ? ", packed" : "");
    text_add(text, "; computes");
    for (int i = 0; i < kernel->nodes.count; i++)
        text_printf(text, " %%%d %s", kernel->nodes.at[i]->id, kernel->nodes.at[i]->op->name);
    text_add(text, "; writes");
    for (int i = 0; i < kernel->outputs.count; i++)
        print_buffer(text, schedule->place[kernel->outputs.at[i]->id].buffer);
    bool *reads = NEW_ARRAY(text->arena, bool, schedule->buffers.count);
    kernel_reads(schedule, kernel, reads);
    text_add(text, "; reads");
    for (int i = 0; i < schedule->buffers.count; i++)
        if (reads[i]) text_printf(text, " %s", schedule->buffers.at[i]->name);
    text_add(text, "\n");
}

void schedule_print(Text *text, const Schedule *schedule) {
    text_printf(text, "%s: %d kernels, arena %zu bytes, lower bound %zu\n", schedule->entry->name,
                schedule->kernels.count, schedule->arena_bytes, schedule->lower_bound);
    text_indent(text, 1);
    for (int i = 0; i < schedule->kernels.count; i++) print_kernel(text, schedule, schedule->kernels.at[i]);
    for (int i = 0; i < schedule->buffers.count; i++) {
        const Buffer *buffer = schedule->buffers.at[i];
        if (buffer->kind == BUF_ARENA && buffer->bytes)
            text_printf(text, "%s: %zu bytes at %zu, kernels %d to %d\n", buffer->name, buffer->bytes, buffer->offset,
                        buffer->first, buffer->last);
    }
    text_indent(text, -1);
}

/* Every buffer of the arena is written before it is read, and by the kernels' order. */
void schedule_check(const Schedule *schedule, const char *pass) {
    bool *written = NEW_ARRAY(schedule->model->arena, bool, schedule->buffers.count);
    for (int i = 0; i < schedule->kernels.count; i++) {
        const Kernel *kernel = schedule->kernels.at[i];
        bool *reads = NEW_ARRAY(schedule->model->arena, bool, schedule->buffers.count);
        kernel_reads(schedule, kernel, reads);
        for (int id = 0; id < schedule->buffers.count; id++)
            if (reads[id] && !written[id] && schedule->buffers.at[id]->kind == BUF_ARENA)
                fatal(pass, "kernel %d (%s) reads %s before it is written", i, kernel->name,
                      schedule->buffers.at[id]->name);
        for (int j = 0; j < kernel->outputs.count; j++)
            written[schedule->place[kernel->outputs.at[j]->id].buffer->id] = true;
    }
}
