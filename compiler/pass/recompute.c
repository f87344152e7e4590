/* recompute.c: computes again in the backward pass what need not be kept from the forward pass.
 *
 * In: graphs of expand. Out: the same with copies of some forward nodes, each as late as it can stand: just before the
 * first node of the backward pass that reads it. What no kernel needs later than its forward pass is not kept.
 *
 *     for l in layers remat { h = gelu(x @ W); x = h @ V }
 *       %1 h = gelu(..)  %2 x = matmul(%1, ..)  …  %9 d_V = matmul(%1, d_x)
 *     becomes
 *       %1 h = gelu(..)  %2 x = matmul(%1, ..)  …  %9 h = gelu(..), again  %10 d_V = matmul(%9, d_x)
 *
 * Note: homes. A node's home is the innermost turn of a remat loop around the node and all its readers of the forward
 * pass; without one it is kept. A reader of the backward pass outside the home reads a copy. Copies of a home's nodes
 * read copies of the same home's; of what lies around it, the copies of that; and else what was kept. So nested loops
 * recompute a turn of the outer loop for what its inner turns give on, and each inner turn for its inside. Nodes that
 * the caller chose by themselves (--memory) have a home of their own, around everything.
 *
 * Leaves, checks and writes are never copied: a dropout's random numbers are a leaf, drawn from their site's counter,
 * so that the copies have the same mask; a read of a variable names its version, and fuse keeps the value where it is
 * overwritten in between. The copies come after the last share, which would undo them, and fuse lets none of them join
 * a kernel from before the recomputation began. A kernel scheduled twice would need no copies, but all that a node has
 * one of (kernel, place, lifetime, name) would have to be had twice.
 */
#include "pass/pass.h"

typedef struct Copy Copy;
struct Copy {
    const Remat *home;  /* whose nodes are computed together */
    const Remat *asker; /* the turn that needs it; NULL: the entry's backward pass */
    Node *node;
    Copy *next;
};

/* A recomputation: copies of one home for one asker. */
typedef struct Batch {
    const Remat *home, *asker;
    int number;
} Batch;

typedef struct Recompute {
    Arena *scratch;
    Graph *to;
    const Remat **home; /* by old id; NULL: kept */
    Node **map;         /* by old id */
    Copy **copies;      /* by old id */
    VEC(Batch) batches;
    int numbers;
} Recompute;

/* The home of nodes chosen by themselves. */
static const Remat chosen_home = {.outer = NULL};

/* ---- homes ---- */

/* A reader of the backward pass outside the turn can be given a copy. */
static bool takes_copy(const Node *reader, const Remat *home) {
    return reader->phase == PHASE_BACKWARD && !remat_within(reader->remat, home);
}

static bool can_copy(const Node *node) {
    return node->op->kind != OP_LEAF && node->op->kind != OP_EFFECT;
}

static void keep(Recompute *r, const Node *node) {
    if (node) r->home[node->id] = NULL;
}

/* True if any node has a home. */
static bool find_homes(Recompute *r, const Entry *entry, const bool *chosen) {
    const Graph *graph = entry->graph;
    bool any = false;
    for (int id = 0; id < graph->nodes.count; id++) {
        const Node *node = graph->nodes.at[id];
        r->home[id] = can_copy(node) ? node->remat : NULL;
        for (int i = 0; i < node->operand_count; i++) {
            const Node *operand = node->operand[i];
            if (!takes_copy(node, operand->remat))
                r->home[operand->id] = remat_common(r->home[operand->id], node->remat);
        }
    }
    for (int i = 0; i < entry->results.count; i++) keep(r, entry->results.at[i].node);
    keep(r, entry->learning_rate);
    keep(r, entry->gradient_norm);
    for (int id = 0; id < graph->nodes.count; id++) {
        if (chosen && chosen[id] && !r->home[id] && can_copy(graph->nodes.at[id])) r->home[id] = &chosen_home;
        any = any || r->home[id];
    }
    return any;
}

/* ---- copies ---- */

/* The home of the copy of `operand` that `node` reads, itself a copy of `home` unless that is NULL; NULL: what was
 * kept. */
static const Remat *home_read(const Recompute *r, const Node *node, const Node *operand, const Remat *home) {
    const Remat *own = r->home[operand->id];
    if (!own) return NULL;
    for (const Remat *around = home; around; around = around->outer)
        if (remat_within(own, around)) return around;
    return home || takes_copy(node, own) ? own : NULL;
}

static Node *find_copy(const Recompute *r, const Node *node, const Remat *home, const Remat *asker) {
    for (const Copy *copy = r->copies[node->id]; copy; copy = copy->next)
        if (copy->home == home && copy->asker == asker) return copy->node;
    return NULL;
}

/* Nodes chosen by themselves are wanted here and there: each time is a recomputation of its own. */
static int batch_number(Recompute *r, const Remat *home, const Remat *asker, bool *opened) {
    if (home == &chosen_home) {
        r->numbers += !*opened;
        *opened = true;
        return r->numbers;
    }
    for (int i = 0; i < r->batches.count; i++)
        if (r->batches.at[i].home == home && r->batches.at[i].asker == asker) return r->batches.at[i].number;
    vec_push(r->scratch, &r->batches, ((Batch){home, asker, ++r->numbers}));
    return r->numbers;
}

static Node *append_copy(Recompute *r, const Node *node, Node *const *operand, int number) {
    Node *copy = graph_copy(r->to, node, operand, node->forward ? r->map[node->forward->id] : NULL);
    copy->again = number;
    copy->phase = PHASE_BACKWARD;
    copy->remat = NULL;
    return copy;
}

typedef struct Want {
    const Node *node;
    const Remat *home;
} Want;
typedef VEC(Want) Wants;

/* The operands of a copy; false, with what is missing put on the stack, if some are not there yet. */
static bool operands_ready(Recompute *r, Want want, const Remat *asker, Wants *stack, Node **operand, bool *moved) {
    int before = stack->count;
    *moved = false;
    for (int i = 0; i < want.node->operand_count; i++) {
        const Node *node = want.node->operand[i];
        const Remat *home = home_read(r, want.node, node, want.home);
        operand[i] = home ? find_copy(r, node, home, asker) : r->map[node->id];
        if (!operand[i]) vec_push(r->scratch, stack, ((Want){node, home}));
        *moved = *moved || operand[i] != r->map[node->id];
    }
    return stack->count == before;
}

/* The copy of a node for an asker, made now, with all that it reads, if it is not there yet. A view of what was kept is
 * no work: it serves as it is. */
static Node *copy_of(Recompute *r, const Node *node, const Remat *home, const Remat *asker) {
    Wants stack = {0};
    bool opened = false, moved;
    if (!find_copy(r, node, home, asker)) vec_push(r->scratch, &stack, ((Want){node, home}));
    while (stack.count > 0) {
        Want want = stack.at[stack.count - 1];
        if (find_copy(r, want.node, want.home, asker)) {
            stack.count--;
            continue;
        }
        Node **operand = NEW_ARRAY(r->scratch, Node *, want.node->operand_count + 1);
        if (!operands_ready(r, want, asker, &stack, operand, &moved)) continue;
        stack.count--;
        bool serves = want.node->op->kind == OP_VIEW && !moved;
        Copy *copy = NEW(r->scratch, Copy);
        *copy = (Copy){want.home, asker, NULL, r->copies[want.node->id]};
        copy->node = serves ? r->map[want.node->id]
                            : append_copy(r, want.node, operand, batch_number(r, want.home, asker, &opened));
        r->copies[want.node->id] = copy;
    }
    return find_copy(r, node, home, asker);
}

/* ---- the pass ---- */

static void copy_forward(Recompute *r, const Node *node) {
    Node **operand = NEW_ARRAY(r->scratch, Node *, node->operand_count + 1);
    for (int i = 0; i < node->operand_count; i++) {
        const Remat *home = home_read(r, node, node->operand[i], NULL);
        operand[i] = home ? copy_of(r, node->operand[i], home, node->remat) : r->map[node->operand[i]->id];
    }
    r->map[node->id] = graph_copy(r->to, node, operand, node->forward ? r->map[node->forward->id] : NULL);
}

void recompute(Entry *entry, Model *model, const bool *chosen) {
    const Graph *from = entry->graph;
    Arena *scratch = arena_new();
    Recompute r = {.scratch = scratch};
    r.home = NEW_ARRAY(scratch, const Remat *, from->nodes.count + 1);
    if (find_homes(&r, entry, chosen)) {
        r.to = graph_new(model->arena, model->names, model->diag, from->entry);
        r.map = NEW_ARRAY(scratch, Node *, from->nodes.count + 1);
        r.copies = NEW_ARRAY(scratch, Copy *, from->nodes.count + 1);
        for (int id = 0; id < from->nodes.count; id++)
            if (from->nodes.at[id]->again > r.numbers) r.numbers = from->nodes.at[id]->again;
        for (int id = 0; id < from->nodes.count; id++) copy_forward(&r, from->nodes.at[id]);
        entry_move(entry, r.to, r.map);
    }
    arena_free(scratch);
}
