/* fuse_place.c: where values lie.
 *
 * Inputs, results and variables lie where the caller put them. A value that is read outside its kernel gets memory of
 * the arena, in the layout its reader wants: merged heads are written merged.
 *
 *     o [B, H, T, K] whose one reader is permute to [B, T, H, K]: strides (T*H*K, K, H*K, 1)
 *
 * A claim lets the producer of a value write straight to where the value is wanted: a slice of a concat, a variable, a
 * result of the call.
 */
#include "kernel/fuse.h"

#include <string.h>

/* What people call the value, with d_ before it for an adjoint that goes by its operation; computed again, it is
 * h_again. */
const char *value_name(Arena *arena, const Node *node) {
    const char *name = node_called(node);
    bool adjoint = node->phase == PHASE_BACKWARD && (node->forward || node->rule) && !node->name && !node->title;
    if (adjoint && strncmp(name, "d_", 2) != 0) name = arena_printf(arena, "d_%s", name);
    return node->again ? arena_printf(arena, "%s_again", name) : name;
}

Buffer *fuse_buffer(Fuse *fuse, BufferKind kind, const char *name, DType dtype, int64_t count) {
    Buffer *buffer = NEW(fuse->arena, Buffer);
    *buffer = (Buffer){.id = fuse->schedule->buffers.count, .kind = kind, .dtype = dtype, .count = count};
    buffer->name = buffer->word = name;
    buffer->scope = "";
    vec_push(fuse->arena, &fuse->schedule->buffers, buffer);
    return buffer;
}

/* Memory for a value, laid out as `shape` row by row. */
Buffer *fuse_value_buffer(Fuse *fuse, const Node *node, const Shape *shape) {
    const char *name = value_name(fuse->arena, node);
    Buffer *buffer = fuse_buffer(fuse, BUF_ARENA, name, node->dtype, shape_count(&node->shape));
    buffer->scope = node_scope(node);
    buffer->shape = shape;
    return buffer;
}

Place fuse_row_major(const Shape *shape, Buffer *buffer, int64_t offset) {
    Place place = {.buffer = buffer, .offset = offset};
    for (int axis = 0; axis < shape->rank; axis++) place.stride[axis] = shape_unit(shape, axis);
    return place;
}

static Buffer *variable_buffer(Fuse *fuse, Variable *variable) {
    Variable *memory = variable->group ? variable->group : variable;
    for (int i = 0; i < fuse->schedule->buffers.count; i++)
        if (fuse->schedule->buffers.at[i]->variable == memory) return fuse->schedule->buffers.at[i];
    Buffer *buffer = fuse_buffer(fuse, BUF_VARIABLE, memory->path, memory->dtype, shape_count(&memory->shape));
    buffer->variable = memory;
    buffer->shape = &memory->shape;
    return buffer;
}

static int port_of(const Entry *entry, const Node *node) {
    for (int port = 0; port < entry->inputs.count; port++)
        if (entry->inputs.at[port].node == node) return port;
    fatal("fuse", "input %s has no port", node->attr.label);
}

void fuse_leaves(Fuse *fuse) {
    for (int id = 0; id < fuse->graph->nodes.count; id++) {
        Node *node = fuse->graph->nodes.at[id];
        if (!fuse->live[id]) continue;
        if (node->op == &op_input) {
            Buffer *buffer = fuse_buffer(fuse, BUF_INPUT, node->attr.label, node->dtype, shape_count(&node->shape));
            buffer->port = port_of(fuse->entry, node);
            buffer->shape = &node->shape;
            fuse->place[id] = fuse_row_major(&node->shape, buffer, 0);
        } else if (node->op == &op_read || node->op == &op_write) {
            Variable *variable = node->attr.variable;
            if (node->op == &op_write) vec_push(fuse->arena, &fuse->writes, node);
            Buffer *buffer = variable_buffer(fuse, variable);
            if (node->op == &op_read)
                fuse->place[id] = fuse_row_major(&node->shape, buffer, variable->group ? variable->offset : 0);
        }
    }
}

static bool contiguous(const Shape *shape, const Place *place) {
    for (int axis = 0; axis < shape->rank; axis++)
        if (shape->size[axis] > 1 && place->stride[axis] != shape_unit(shape, axis)) return false;
    return true;
}

/* The place of a view's operand when the view has `place`; false if there is none. */
static bool place_through(const Node *view, Place *place) {
    Place below = {
        .buffer = place->buffer, .offset = place->offset, .index = place->index, .index_stride = place->index_stride};
    if (view->op == &op_permute) {
        for (int axis = 0; axis < view->shape.rank; axis++) below.stride[view->attr.axes[axis]] = place->stride[axis];
    } else if (view->op == &op_reshape && contiguous(&view->shape, place)) {
        Place whole = fuse_row_major(&view->operand[0]->shape, NULL, 0);
        memcpy(below.stride, whole.stride, sizeof below.stride);
    } else {
        return false;
    }
    *place = below;
    return true;
}

static bool computed(const Node *node) {
    return node->op->kind == OP_MAP || node->op->kind == OP_REDUCE || node->op->kind == OP_MATMUL ||
           node->op->kind == OP_ATTEND || node->op->kind == OP_INDEX || node->op->kind == OP_JOIN;
}

static bool reads(const Fuse *fuse, const Group *group, const Node *node) {
    for (int i = 0; i < group->nodes.count; i++)
        for (int j = 0; j < group->nodes.at[i]->operand_count; j++)
            if (fuse_base(fuse, group->nodes.at[i]->operand[j]) == node) return true;
    return false;
}

/* Whether the groups that already read the node can do so where it lies now. */
static bool readers_resolve(Fuse *fuse, const Node *node) {
    for (int id = fuse->group[node->id] + 1; id < fuse->groups.count; id++)
        if (reads(fuse, fuse->groups.at[id], node) && !group_resolve(fuse, fuse->groups.at[id], false)) return false;
    return true;
}

/* Rows of a scatter are addressed by data, so its memory is plain row-major. */
static bool place_fits(Fuse *fuse, Node *node, Place place) {
    if (node->op == &op_scatter_add && (!contiguous(&node->shape, &place) || place.index)) return false;
    fuse->place[node->id] = place;
    bool plain = contiguous(&node->shape, &place) && !place.index;
    if (group_resolve(fuse, fuse->groups.at[fuse->group[node->id]], false) && (plain || readers_resolve(fuse, node)))
        return true;
    fuse->place[node->id].buffer = NULL;
    return false;
}

bool fuse_claim(Fuse *fuse, Node *node, Place place) {
    node = fuse_alias(fuse, node);
    while (fuse_is_view(node)) {
        if (!place_through(node, &place)) return false;
        node = fuse_alias(fuse, node->operand[0]);
    }
    if (fuse->group[node->id] < 0 || fuse->place[node->id].buffer || fuse->base_of[node->id]) return false;
    if (node->op->kind == OP_JOIN || !computed(node)) return false;
    return place_fits(fuse, node, place);
}

/* Where the value's own layout and the place ask for loops that don't go together, a plain copy stands between. */
Node *fuse_copy_into(Fuse *fuse, Node *node, Place place, Phase phase) {
    for (int copies = 0; copies < 2; copies++) {
        Node *copy = fuse_append_copy(fuse, node);
        copy->phase = phase;
        fuse_open(fuse, copy);
        node = fuse_alias(fuse, copy);
        if (fuse_claim(fuse, node, place)) return node;
    }
    fatal("fuse", "a copy of %s finds no place", node->name ? node->name : node->operand[0]->op->name);
}

/* Attention's result is read twice, by what comes after it and by its own gradient: what comes after it decides. */
static Node *permute_of(const Fuse *fuse, const Node *node) {
    if (node->op->kind != OP_ATTEND) return fuse->uses[node->id] == 1 ? fuse->user[node->id] : NULL;
    for (int id = node->id + 1; id < fuse->graph->nodes.count; id++) {
        Node *reader = fuse->graph->nodes.at[id];
        if (fuse->live[id] && reader->op == &op_permute && fuse_alias(fuse, reader->operand[0]) == node) return reader;
    }
    return NULL;
}

/* The permute that is the value's one reader, unless what it shows is wanted in a place of its own. */
static Node *only_permute(const Fuse *fuse, const Node *node) {
    Node *permute = permute_of(fuse, node);
    if (!permute || permute->op != &op_permute || fuse_alias(fuse, permute->operand[0]) != node) return NULL;
    for (const Node *user = permute; user->op->kind == OP_VIEW;) {
        if (fuse->uses[user->id] != 1) break;
        user = fuse->user[user->id];
        if (!user || user->op->kind == OP_JOIN || user->op->kind == OP_EFFECT) return NULL;
    }
    return permute;
}

void fuse_lay_out(Fuse *fuse, Node *node) {
    node = fuse_alias(fuse, node);
    if (fuse->group[node->id] < 0 || fuse->place[node->id].buffer || !computed(node)) return;
    Node *permute = node->op->kind == OP_JOIN || node->op->kind == OP_INDEX ? NULL : only_permute(fuse, node);
    if (!permute) return;
    Buffer *buffer = fuse_value_buffer(fuse, node, &permute->shape);
    Place place = fuse_row_major(&permute->shape, buffer, 0);
    place_through(permute, &place);
    if (!place_fits(fuse, node, place)) fuse->schedule->buffers.count--;
}

static bool all_resolve(Fuse *fuse) {
    for (int id = 0; id < fuse->groups.count; id++)
        if (fuse->groups.at[id]->nodes.count > 0 && !group_resolve(fuse, fuse->groups.at[id], false)) return false;
    return true;
}

static void give_place(Fuse *fuse, Node *node) {
    Buffer *buffer = fuse_value_buffer(fuse, node, &node->shape);
    fuse->place[node->id] = fuse_row_major(&node->shape, buffer, 0);
}

static const char *plain_name(Arena *arena, const char *name) {
    char *plain = arena_strndup(arena, name, strlen(name));
    for (char *at = plain; *at; at++)
        if (!((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9'))) *at = '_';
    return plain;
}

/* net_enc_0_att_q and q */
static bool ends_with_part(const char *path, const char *part) {
    size_t length = strlen(path), tail = strlen(part);
    return length >= tail && !strcmp(path + length - tail, part) && (length == tail || path[length - tail - 1] == '_');
}

static bool word_stands_alone(const Schedule *schedule, const Buffer *buffer) {
    for (int i = 0; i < schedule->buffers.count; i++)
        if (schedule->buffers.at[i] != buffer && !strcmp(schedule->buffers.at[i]->word, buffer->word)) return false;
    return true;
}

/* A name for C that no other buffer of the entry has: the value's word, where several have it the module's path before
 * it, as in net_enc_0_att_p, and at last a number behind it. */
static void name_buffers(Fuse *fuse) {
    Schedule *schedule = fuse->schedule;
    for (int i = 0; i < schedule->buffers.count; i++) {
        Buffer *buffer = schedule->buffers.at[i];
        buffer->word = plain_name(fuse->arena, buffer->word);
    }
    for (int i = 0; i < schedule->buffers.count; i++) {
        Buffer *buffer = schedule->buffers.at[i];
        const char *name = buffer->word;
        if (*buffer->scope && !word_stands_alone(schedule, buffer)) {
            const char *scope = plain_name(fuse->arena, buffer->scope);
            name = ends_with_part(scope, name) ? scope : arena_printf(fuse->arena, "%s_%s", scope, name);
        }
        buffer->name = name;
        for (int other = 0, number = 2; other < i; other++) {
            if (strcmp(schedule->buffers.at[other]->name, buffer->name) != 0) continue;
            buffer->name = arena_printf(fuse->arena, "%s_%d", name, number++);
            other = -1;
        }
    }
}

void fuse_places(Fuse *fuse) {
    for (int id = fuse->graph->nodes.count - 1; id >= 0; id--) {
        Node *node = fuse->graph->nodes.at[id];
        if (fuse->group[id] < 0 || fuse->place[id].buffer || fuse_is_view(node) || node->op->kind == OP_LEAF) continue;
        if (fuse->base_of[id]) {
            fuse->place[id] = fuse->place[fuse_alias(fuse, fuse->base_of[id])->id];
            continue;
        }
        if (fuse->external[id] || node->op == &op_scatter_add || node->op == &op_check_range) give_place(fuse, node);
    }
    if (!all_resolve(fuse)) fatal("fuse", "a kernel can't reach the places given");
    name_buffers(fuse);
}
