/* defer.c: the order in which blocks of rows are computed: each just before its backward pass, so that one lives at a
 * time.
 *
 *     %1 y = .., block 1  %2 y = .., block 2  %3 loss = f(%1, %2)  %4 d_y = g(%2)  %5 d_y = g(%1)
 *     becomes
 *     %1 y = .., block 2  %2 d_y = g(%1)  %3 y = .., block 1  %4 d_y = g(%3)  %5 loss = f(%3, %1)
 *
 * In: graphs of expand. Out: the same nodes in another order. What a block computes waits, and what the forward pass
 * computes from it; the others come in their order, each after what it reads of those that wait. The gradient walks
 * blocks from the last to the first, so that is how they come. Nothing waits beyond a write or the update, which could
 * change what it reads.
 */
#include "pass/pass.h"

typedef struct Defer {
    const Graph *from;
    Graph *to;
    Node **map;   /* by old id */
    bool *waits;  /* by old id */
    bool *logits; /* by old id: it is computed from a block's product */
    bool *wanted; /* by old id, of those that wait */
    bool more;    /* something new is wanted */
    int first;    /* the first that waits */
} Defer;

static bool ends_waiting(const Node *node) {
    return node->op == &op_write || node->phase == PHASE_UPDATE;
}

static bool find_waiting(Defer *d) {
    bool any = false;
    for (int id = 0; id < d->from->nodes.count; id++) {
        const Node *node = d->from->nodes.at[id];
        bool waits = node->block != 0, logits = waits && node->op->kind == OP_MATMUL;
        for (int i = 0; i < node->operand_count; i++) {
            waits = waits || d->waits[node->operand[i]->id];
            logits = logits || d->logits[node->operand[i]->id];
        }
        d->logits[id] = logits;
        d->waits[id] = waits && node->phase == PHASE_FORWARD && node->op->kind != OP_LEAF && !ends_waiting(node);
        if (d->waits[id] && !any) d->first = id;
        any = any || d->waits[id];
    }
    return any;
}

static void move(Defer *d, int id) {
    d->map[id] = graph_carry(d->to, d->from->nodes.at[id], d->map);
}

/* Wants a node that waits, and if it is computed from its block's product all of the block. */
static void want(Defer *d, const Node *node) {
    if (!d->waits[node->id] || d->wanted[node->id]) return;
    d->wanted[node->id] = d->more = true;
    for (int id = d->first; id < d->from->nodes.count && node->block && d->logits[node->id]; id++)
        if (d->waits[id] && d->from->nodes.at[id]->block == node->block) d->wanted[id] = true;
}

/* Moves what is wanted, in its order, after what it reads. */
static void move_wanted(Defer *d, int end) {
    while (d->more) {
        d->more = false;
        for (int id = end - 1; id >= d->first; id--) {
            const Node *node = d->from->nodes.at[id];
            for (int i = 0; i < node->operand_count && d->wanted[id] && !d->map[id]; i++) want(d, node->operand[i]);
        }
    }
    for (int id = d->first; id < end; id++)
        if (d->wanted[id] && !d->map[id]) move(d, id);
}

/* As want; and it comes now, even if it was wanted before: with its block, by a node that stood before it. */
static void want_now(Defer *d, const Node *node) {
    want(d, node);
    d->more = d->more || (d->waits[node->id] && !d->map[node->id]);
}

/* What the node reads comes first; before a write all that waits comes. */
static void move_operands(Defer *d, const Node *node) {
    d->more = false;
    for (int id = d->first; id < node->id && ends_waiting(node); id++) want_now(d, d->from->nodes.at[id]);
    for (int i = 0; i < node->operand_count; i++) want_now(d, node->operand[i]);
    if (d->more) move_wanted(d, node->id);
}

static void defer_in(Entry *entry) {
    const Graph *from = entry->graph;
    int count = from->nodes.count;
    Arena *scratch = arena_new();
    Defer d = {.from = from, .map = NEW_ARRAY(scratch, Node *, count + 1)};
    d.waits = NEW_ARRAY(scratch, bool, count + 1);
    d.logits = NEW_ARRAY(scratch, bool, count + 1);
    d.wanted = NEW_ARRAY(scratch, bool, count + 1);
    if (find_waiting(&d)) {
        d.to = graph_new(from->arena, from->names, from->diag, from->entry);
        for (int id = 0; id < count; id++) {
            if (d.waits[id]) continue;
            move_operands(&d, from->nodes.at[id]);
            move(&d, id);
        }
        for (int id = d.first; id < count; id++)
            if (!d.map[id]) move(&d, id);
        entry_move(entry, d.to, d.map);
    }
    arena_free(scratch);
}

void defer(Model *model) {
    for (int i = 0; i < model->entries.count; i++) defer_in(model->entries.at[i]);
}
