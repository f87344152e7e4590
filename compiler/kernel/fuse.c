/* fuse.c: partitions an entry's graph into kernels.
 *
 * In: a graph of leaves, views, maps, reductions, products, indexing, joins and effects. Out: a Schedule whose kernels
 * run in order, and a place for every node that is read from outside its kernel.
 *
 * Nodes are visited in graph order (fuse_visit.c) and join a group that runs no earlier than any of their producers'
 * (fuse_group.c), so the number of a group is also its turn, and no cycle can arise. Then maps that one other kernel
 * alone reads move there (fuse_sink.c), sums over rows go with a kernel that has the rows at hand (fuse_columns.c),
 * exponentials that a kernel has are not computed again (fuse_exp.c), and what is left to be read from outside gets a
 * place (fuse_place.c).
 */
#include "kernel/fuse.h"

#include <limits.h>
#include <string.h>

/* ---- results ---- */

static void visit_result(Fuse *fuse, int port) {
    Port *result = &fuse->entry->results.at[port];
    Node *node = fuse_alias(fuse, result->node);
    if (shape_count(&node->shape) == 0) return;
    Buffer *buffer = fuse_buffer(fuse, BUF_RESULT, result->name, result->dtype, shape_count(&result->shape));
    buffer->port = port;
    buffer->shape = &result->shape;
    Place place = fuse_row_major(&node->shape, buffer, 0);
    if (fuse_claim(fuse, node, place)) return;
    node = fuse_copy(fuse, node);
    if (!fuse_claim(fuse, node, place)) fuse_copy_into(fuse, node, place, node->phase);
}

/* Scalars that the training loop shows stay in memory to the end of the call. */
static void keep_scalar(Fuse *fuse, Node **shown) {
    if (!*shown) return;
    Node *node = fuse_alias(fuse, *shown);
    if (fuse_is_view(node) || fuse->group[node->id] < 0 || node->op->kind == OP_LEAF) {
        node = fuse_append_copy(fuse, node);
        node->phase = PHASE_UPDATE;
        fuse_visit(fuse, node);
        node = fuse_alias(fuse, node);
    }
    fuse->external[node->id] = true;
    *shown = node;
}

/* ---- uses ---- */

static void count_use(Fuse *fuse, Node *node, int by, Node *user) {
    fuse->uses[node->id] = fuse->uses[node->id] < 0x7fff ? fuse->uses[node->id] + 1 : 0x7fff;
    fuse->user[node->id] = user;
    for (;;) {
        if (fuse->last_use[node->id] < by) fuse->last_use[node->id] = by;
        if (!fuse_is_view(node)) return;
        node = node->operand[0];
    }
}

static void count_uses(Fuse *fuse) {
    Graph *graph = fuse->graph;
    for (int id = 0; id < graph->nodes.count; id++) {
        Node *node = graph->nodes.at[id];
        if (!fuse->live[id]) continue;
        for (int i = 0; i < node->operand_count; i++)
            count_use(fuse, node->operand[i], fuse_is_view(node) ? 0 : id, node);
    }
    for (int port = 0; port < fuse->entry->results.count; port++)
        count_use(fuse, fuse->entry->results.at[port].node, INT_MAX, NULL);
}

/* ---- kernels ---- */

/* A kernel is called after the last value it stores, one with a name of its own before others, sums of columns last. */
static const char *kernel_name(const Fuse *fuse, const Group *group) {
    const Node *best = NULL;
    if (group->kind == KERNEL_ATTEND) return value_name(fuse->arena, group->root);
    for (int i = 0; i < group->nodes.count; i++) {
        const Node *node = group->nodes.at[i];
        bool beside = group->kind != KERNEL_FOLD && node->op->kind == OP_REDUCE && folds_columns(node);
        if (fuse->place[node->id].buffer && !(best && beside) && (node->name || !best || !best->name)) best = node;
    }
    return value_name(fuse->arena, best ? best : group->nodes.at[group->nodes.count - 1]);
}

static void make_kernel(Fuse *fuse, Group *group) {
    Kernel *kernel = NEW(fuse->arena, Kernel);
    kernel->kind = group->kind;
    kernel->phase = group->nodes.at[0]->phase;
    kernel->root = group->root;
    kernel->points = group->points;
    kernel->row = group->row;
    kernel->axes = group->axes;
    memcpy(kernel->role, group->role, sizeof kernel->role);
    kernel->fine = group->fine;
    memcpy(kernel->fine_role, group->fine_role, sizeof kernel->fine_role);
    memcpy(kernel->inner, group->inner, sizeof kernel->inner);
    for (int i = 0; i < group->nodes.count; i++) {
        Node *node = group->nodes.at[i];
        vec_push(fuse->arena, &kernel->nodes, node);
        if (node->phase > kernel->phase) kernel->phase = node->phase;
        if (fuse->place[node->id].buffer) vec_push(fuse->arena, &kernel->outputs, node);
    }
    kernel->name = kernel_name(fuse, group);
    kernel->id = fuse->schedule->kernels.count;
    if (kernel->outputs.count > 0) vec_push(fuse->arena, &fuse->schedule->kernels, kernel);
}

/* Checks of what the call was given, and scalars known from the start (a learning rate), come first, so that their
 * readers are free to join any later group. */
static void visit_given(Fuse *fuse, int count) {
    bool *given = NEW_ARRAY(fuse->arena, bool, count);
    for (int id = 0; id < count; id++) {
        Node *node = fuse->graph->nodes.at[id];
        OpKind kind = node->op->kind;
        given[id] = kind == OP_LEAF ? node->op != &op_read : kind == OP_VIEW || kind == OP_MAP || kind == OP_EFFECT;
        given[id] = given[id] && !node->again;
        for (int i = 0; i < node->operand_count; i++) given[id] = given[id] && given[node->operand[i]->id];
    }
    bool *needed = NEW_ARRAY(fuse->arena, bool, count);
    for (int id = count - 1; id >= 0; id--) {
        Node *node = fuse->graph->nodes.at[id];
        bool early = node->op == &op_check_range || (node->op->kind == OP_MAP && shape_count(&node->shape) == 1);
        needed[id] = needed[id] || (fuse->live[id] && early && given[id]);
        for (int i = 0; needed[id] && i < node->operand_count; i++) needed[node->operand[i]->id] = true;
    }
    for (int id = 0; id < count; id++)
        if (needed[id]) fuse_visit(fuse, fuse->graph->nodes.at[id]);
}

Schedule *fuse(Model *model, Entry *entry, bool apart) {
    Fuse *state = NEW(model->arena, Fuse);
    *state = (Fuse){.arena = model->arena, .model = model, .entry = entry, .graph = entry->graph, .apart = apart};
    state->schedule = NEW(model->arena, Schedule);
    state->schedule->model = model;
    state->schedule->entry = entry;
    fuse_reserve(state);
    entry_live(entry, state->live);
    count_uses(state);
    fuse_leaves(state);
    fuse_shadows(state);
    int count = entry->graph->nodes.count;
    visit_given(state, count);
    for (int id = 0; id < count; id++)
        if (state->live[id]) fuse_visit(state, entry->graph->nodes.at[id]);
    for (int port = 0; port < entry->results.count; port++) visit_result(state, port);
    fuse_end_shadows(state);
    keep_scalar(state, &entry->learning_rate);
    keep_scalar(state, &entry->gradient_norm);
    fuse_sink(state);
    fuse_columns(state);
    fuse_exponentials(state);
    fuse_find_external(state);
    fuse_places(state);
    for (int id = 0; id < state->groups.count; id++)
        if (state->groups.at[id]->nodes.count > 0) make_kernel(state, state->groups.at[id]);
    return state->schedule;
}
