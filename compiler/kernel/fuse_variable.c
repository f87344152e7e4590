/* fuse_variable.c: reads of variables, and the writes that end what they see.
 *
 * A write lets its value's producer write straight into the variable where no reader of the old value can notice: all
 * readers of those elements have had their turn, or look, in the producer's own kernel, at just the element that is
 * overwritten. Else a copy of the value is written when they are done.
 *
 *     p = p - rate * (x^T @ g)     the product's epilogue reads p[i, j] and writes it, after x @ p and g @ p^T
 */
#include "kernel/fuse.h"

#include <limits.h>

const Variable *fuse_memory(const Variable *variable) {
    return variable->group ? variable->group : variable;
}

/* ---- which elements ---- */

/* Elements of the memory of a variable. */
typedef struct Range {
    const Variable *memory;
    int64_t from, to;
    bool in_order; /* element i of what was asked for is from + i */
} Range;

static bool overlap(const Range *a, const Range *b) {
    return a->memory == b->memory && a->from < b->to && b->from < a->to;
}

static Range range_of_variable(const Variable *variable) {
    int64_t from = variable->group ? variable->offset : 0;
    return (Range){fuse_memory(variable), from, from + shape_count(&variable->shape), true};
}

/* From the first to the last element of the window; all of the variable where the start is known at run time. */
static Range range_of_write(const Node *write) {
    const Variable *variable = write->attr.variable;
    Range range = range_of_variable(variable);
    if (write->operand_count == 2 || shape_count(&write->shape) == 0) return range;
    range.to = range.from + 1;
    for (int axis = 0; axis < variable->shape.rank; axis++) {
        int64_t unit = shape_unit(&variable->shape, axis);
        range.from += write->attr.start[axis] * unit;
        range.to += (write->attr.start[axis] + write->shape.size[axis] - 1) * unit;
    }
    range.in_order = range.to - range.from == shape_count(&write->shape);
    return range;
}

/* What a reader sees of a variable through views; no memory where its operand is something else. */
static Range range_seen(const Fuse *fuse, Node *operand) {
    Node *node = fuse_alias(fuse, operand);
    int64_t from = 0, count = shape_count(&node->shape);
    bool in_order = true;
    for (; fuse_is_view(node); node = fuse_alias(fuse, node->operand[0])) {
        if (node->op == &op_reshape) continue;
        if (node->op == &op_slice && node->operand_count == 1 && node->shape.rank == 1) {
            from += node->attr.start[0];
            continue;
        }
        in_order = false;
        from = 0;
        count = shape_count(&node->operand[0]->shape);
    }
    if (node->op != &op_read) return (Range){NULL, 0, 0, false};
    Range range = range_of_variable(node->attr.variable);
    range.from += from;
    range.to = range.from + count;
    range.in_order = in_order;
    return range;
}

/* ---- reads ---- */

/* The id of the first write after node `id` to these elements, other than of versions up to `version` of the variable.
 */
static int written_after(const Fuse *fuse, int id, const Range *range, const Variable *variable, int version) {
    for (int i = 0; i < fuse->writes.count; i++) {
        const Node *write = fuse->writes.at[i];
        Range written = range_of_write(write);
        bool before = write->attr.variable == variable && write->attr.version <= version;
        if (write->id > id && !before && overlap(&written, range)) return write->id;
    }
    return INT_MAX;
}

int fuse_overwritten(const Fuse *fuse, const Node *read) {
    Range range = range_of_variable(read->attr.variable);
    return written_after(fuse, read->id, &range, read->attr.variable, read->attr.version);
}

bool fuse_overwritten_between(const Fuse *fuse, const Node *node, int from, int to) {
    for (int i = 0; i < node->operand_count; i++) {
        Range seen = range_seen(fuse, node->operand[i]);
        for (int j = 0; seen.memory && j < fuse->writes.count; j++) {
            const Node *write = fuse->writes.at[j];
            Range written = range_of_write(write);
            int turn = fuse->group[write->id];
            if (overlap(&seen, &written) && turn >= from && turn <= to) return true;
        }
    }
    return false;
}

/* The group after whose turn a read's version is there. */
static int group_of_leaf(const Fuse *fuse, const Node *node) {
    Range range = range_of_variable(node->attr.variable);
    int latest = -1;
    for (int i = 0; i < fuse->writes.count; i++) {
        const Node *write = fuse->writes.at[i];
        Range written = range_of_write(write);
        if (write->id < node->id && overlap(&written, &range) && fuse->group[write->id] > latest)
            latest = fuse->group[write->id];
    }
    return latest;
}

/* A value that is still read after its variable has been overwritten is copied first. */
void fuse_read(Fuse *fuse, Node *node) {
    fuse->group[node->id] = group_of_leaf(fuse, node);
    if (fuse->last_use[node->id] <= fuse_overwritten(fuse, node)) return;
    Node *original = graph_copy(fuse->graph, node, NULL, node->forward);
    fuse_reserve(fuse);
    fuse->live[original->id] = true;
    fuse->checked[original->id] = fuse->checked[node->id];
    fuse->group[original->id] = fuse->group[node->id];
    fuse->place[original->id] = fuse->place[node->id];
    fuse->alias[node->id] = fuse_copy(fuse, original);
}

/* ---- writes ---- */

/* Whether a reader of the kernel that writes looks at the element it is about to overwrite, and at no other. */
static bool reads_in_step(const Group *group, const Node *reader, const Range *seen, const Range *written) {
    bool by_element = group->kind == KERNEL_MAP || (group->kind == KERNEL_CONTRACT && reader != group->root);
    return by_element && seen->in_order && written->in_order && seen->from == written->from &&
           seen->to == written->to && seen->to - seen->from == group->points;
}

/* No kernel in or after `turn` may read what the write destroys, but in step with it. */
static bool safe_to_write(const Fuse *fuse, const Node *write, int turn) {
    Range written = range_of_write(write);
    for (int id = 0; id < fuse->graph->nodes.count; id++) {
        const Node *node = fuse->graph->nodes.at[id];
        if (!fuse->live[id] || fuse->group[id] < turn || fuse_is_view(node) || node->op->kind == OP_JOIN) continue;
        if (node->op == &op_write) {
            Range other = range_of_write(node);
            if (id < write->id && overlap(&other, &written)) return false;
            continue;
        }
        for (int i = 0; i < node->operand_count; i++) {
            Range seen = range_seen(fuse, node->operand[i]);
            if (!overlap(&seen, &written)) continue;
            if (fuse->group[id] > turn || !reads_in_step(fuse->groups.at[turn], node, &seen, &written)) return false;
        }
    }
    return true;
}

/* Whether checks, which come before all writes, depend on the kernel. */
static bool feeds_checks(const Fuse *fuse, const Group *group) {
    for (int i = 0; i < group->nodes.count; i++)
        if (fuse->checked[group->nodes.at[i]->id]) return true;
    return false;
}

static Place place_of_write(const Fuse *fuse, const Node *write) {
    const Variable *variable = write->attr.variable;
    Node window = {.id = write->id, .shape = variable->shape};
    Place place = fuse_row_major(&window.shape, NULL, 0);
    const Variable *memory = fuse_memory(variable);
    for (int i = 0; i < fuse->schedule->buffers.count; i++)
        if (fuse->schedule->buffers.at[i]->variable == memory) place.buffer = fuse->schedule->buffers.at[i];
    if (fuse_shadow(fuse, variable)) place.buffer = fuse_shadow(fuse, variable);
    place.offset = variable->group ? variable->offset : 0;
    for (int axis = 0; axis < variable->shape.rank; axis++)
        place.offset += write->attr.start[axis] * place.stride[axis];
    if (write->operand_count == 2) {
        place.index = fuse_alias(fuse, write->operand[1]);
        place.index_stride = place.stride[write->attr.axes[0]];
    }
    return place;
}

/* Whether the variable is all that holds the value once it is written over: then nobody else may read the value. */
static bool held_long_enough(const Fuse *fuse, const Node *write) {
    Range written = range_of_write(write);
    if (written_after(fuse, write->id, &written, write->attr.variable, write->attr.version) == INT_MAX) return true;
    for (const Node *node = write->operand[0];; node = node->operand[0]) {
        if (fuse->uses[node->id] != 1) return false;
        if (!fuse_is_view(node)) return !fuse->alias[node->id];
    }
}

/* Whether a check of ids comes in or after `turn`: all checks come before what outlives the call. */
static bool checks_after(const Fuse *fuse, int turn) {
    for (int id = 0; id < fuse->graph->nodes.count; id++)
        if (fuse->live[id] && fuse->graph->nodes.at[id]->op == &op_check_range && fuse->group[id] >= turn) return true;
    return false;
}

/* The value's producer writes straight into the variable where nobody can notice; else a copy does, last of all. What
 * an update writes is written by calls that update, and by no other. */
void fuse_write(Fuse *fuse, Node *node) {
    bool shadowed = fuse_shadow(fuse, node->attr.variable) != NULL;
    if (shadowed) fuse_begin_shadow(fuse, node);
    Node *value = fuse_alias(fuse, node->operand[0]);
    Place place = place_of_write(fuse, node);
    int turn = fuse_ready(fuse, fuse_base(fuse, value));
    bool index_ready = !place.index || fuse_ready(fuse, place.index) < turn;
    Node *base = fuse_base(fuse, value);
    bool same_calls = (base->phase == PHASE_UPDATE) == (node->phase == PHASE_UPDATE);
    bool direct = turn >= 0 && index_ready && !shadowed && same_calls && base->op->kind != OP_JOIN &&
                  fuse->group[base->id] >= 0 && !feeds_checks(fuse, fuse->groups.at[turn]) &&
                  (node->phase == PHASE_FORWARD || !checks_after(fuse, turn)) && held_long_enough(fuse, node) &&
                  safe_to_write(fuse, node, turn);
    if (!direct || !fuse_claim(fuse, value, place)) {
        /* in a group of its own it comes after every reader of the old value */
        if (fuse_base(fuse, value)->op == &op_read) value = fuse_copy(fuse, value);
        value = fuse_copy_into(fuse, value, place, node->phase);
    }
    fuse->group[node->id] = fuse_ready(fuse, value);
}
