/* fuse_shadow.c: variables that are written before a check of ids reads them.
 *
 * All checks come before the first lasting write, so that a failed call changes nothing. Where an id that is checked
 * depends on what this call has written, the writes go to memory of the arena that stands for the variable until the
 * end:
 *
 *     pos := pos + 1; gather(table, pos)      pos_now = pos; pos_now = pos + 1; check pos_now; …; pos = pos_now
 */
#include "kernel/fuse.h"

/* Whether the node depends on what the variable holds after a write of this call. */
static bool reads_written(const Fuse *fuse, const Node *node) {
    return fuse->checked[node->id] && node->op == &op_read && node->attr.version > 0;
}

static Buffer *memory_of(const Fuse *fuse, const Variable *variable) {
    for (int i = 0; i < fuse->schedule->buffers.count; i++)
        if (fuse->schedule->buffers.at[i]->variable == fuse_memory(variable)) return fuse->schedule->buffers.at[i];
    fatal("fuse", "%s has no memory", variable->path);
}

Buffer *fuse_shadow(const Fuse *fuse, const Variable *variable) {
    const Variable *memory = fuse_memory(variable);
    for (int i = 0; i < fuse->schedule->buffers.count; i++)
        if (fuse->schedule->buffers.at[i]->shadows == memory) return fuse->schedule->buffers.at[i];
    return NULL;
}

static void open_shadow(Fuse *fuse, const Variable *variable) {
    if (fuse_shadow(fuse, variable)) return;
    const Buffer *memory = memory_of(fuse, variable);
    const char *name = arena_printf(fuse->arena, "%s_now", memory->name);
    fuse_buffer(fuse, BUF_ARENA, name, memory->dtype, memory->count)->shadows = memory->variable;
}

/* Marks what checks depend on, finds the variables, and lets reads of their later versions look at the shadow. */
void fuse_shadows(Fuse *fuse) {
    const Graph *graph = fuse->graph;
    bool *checked = fuse->checked;
    bool again = true;
    for (int id = 0; id < graph->nodes.count; id++)
        checked[id] = fuse->live[id] && graph->nodes.at[id]->op == &op_check_range;
    while (again) {
        again = false;
        for (int id = graph->nodes.count - 1; id >= 0; id--) {
            const Node *node = graph->nodes.at[id];
            for (int i = 0; checked[id] && i < node->operand_count; i++) checked[node->operand[i]->id] = true;
            if (!reads_written(fuse, node)) continue;
            open_shadow(fuse, node->attr.variable);
            for (int i = 0; i < fuse->writes.count; i++) { /* what is written there is needed, too */
                const Node *write = fuse->writes.at[i];
                bool same = fuse_memory(write->attr.variable) == fuse_memory(node->attr.variable);
                if (!same || write->id > id || checked[write->id]) continue;
                checked[write->id] = again = true;
            }
        }
    }
    for (int id = 0; id < graph->nodes.count; id++) {
        const Node *node = graph->nodes.at[id];
        if (!fuse->live[id] || node->op != &op_read || node->attr.version == 0) continue;
        Buffer *shadow = fuse_shadow(fuse, node->attr.variable);
        if (shadow) fuse->place[id].buffer = shadow;
    }
}

/* A copy of everything in `from` into `to`, in a kernel of its own. */
static void copy_memory(Fuse *fuse, Buffer *from, Buffer *to, const Node *write, int after) {
    Variable *memory = (Variable *)(to->variable ? to->variable : to->shadows);
    Attr attr = {.variable = memory};
    fuse->graph->at = write->span;
    fuse->graph->phase = write->phase;
    Node *all = graph_append(fuse->graph, &op_read, memory->dtype, memory->shape, 0, NULL, &attr);
    fuse_reserve(fuse);
    fuse->live[all->id] = true;
    fuse->group[all->id] = after;
    fuse->place[all->id] = fuse_row_major(&all->shape, from, 0);
    fuse_copy_into(fuse, all, fuse_row_major(&all->shape, to, 0), write->phase);
}

/* Before the first write to a shadow it holds what the variable holds. */
void fuse_begin_shadow(Fuse *fuse, const Node *write) {
    Buffer *shadow = fuse_shadow(fuse, write->attr.variable);
    if (shadow->begun) return;
    shadow->begun = true;
    copy_memory(fuse, memory_of(fuse, write->attr.variable), shadow, write, -1);
}

/* After everything else the variables get what their shadows hold. */
void fuse_end_shadows(Fuse *fuse) {
    for (int i = fuse->writes.count - 1; i >= 0; i--) {
        const Node *write = fuse->writes.at[i];
        Buffer *shadow = fuse_shadow(fuse, write->attr.variable);
        if (!shadow || !shadow->begun) continue;
        shadow->begun = false;
        copy_memory(fuse, shadow, memory_of(fuse, write->attr.variable), write, fuse->group[write->id]);
    }
}
