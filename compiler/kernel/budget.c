/* budget.c: `--memory BYTES`: which values of the forward pass are computed again, so that the arena is no larger.
 *
 * In: an entry point after recompute, and a limit. Out: marks for another recompute, by node id.
 *
 * A candidate is a value of the forward pass that lies in the arena, be it for the backward pass or not: what is
 * dropped is computed again from candidates that are not. Candidates that come from one place of the text (a layer's
 * gelu, in each of the layers) are a class, and a class is dropped as a whole: the bytes of its members, over the
 * operations of the kernels that compute them, say which class is tried first.
 *
 *   1. Classes are dropped one after the other until the arena fits. A class that makes the arena larger stays kept; of
 *      one with many members (the values between layers) every k-th is kept then, k the root of their number, if that
 *      helps. Of the class dropped last only as many members stay dropped as are needed.
 *   2. Where that does not do, everything is dropped, and the class is kept that makes the arena smallest, then the
 *      next, until it fits or no class makes it smaller.
 *   3. From the most expensive to the cheapest, each dropped class is kept again if the arena still fits.
 *
 * If it does not fit then, the search is made once more with derivatives that forward kernels compute along (gelu's
 * slope) among the candidates. Every step is judged by the plan that comes of it: the passes from recompute to plan run
 * on a copy of the entry, so what is counted is what will be. There is no randomness and no clock in it. It is no proof
 * that nothing smaller exists.
 */
#include "kernel/kernel.h"
#include "pass/pass.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Class {
    VEC(const Node *) members; /* in graph order */
    double bytes, operations;
    int dropped; /* how many of them, from the first on; all but every stride-th where that is not 0 */
    int stride;
} Class;

typedef struct Budget {
    Arena *arena;
    Model *model;
    Entry *entry; /* as it came */
    const Machine *machine;
    Tuned *tuned;
    bool apart;
    size_t limit;
    const Schedule *schedule; /* with all kept */
    bool *early;              /* by node id: of the forward pass, or computed in one of its kernels */
    VEC(Class *) classes;     /* the cheapest bytes first */
} Budget;

/* ---- what work is ---- */

static double operations_of(const Node *node) {
    double count = (double)shape_count(&node->shape), each = node->op->cost > 0 ? node->op->cost : 1;
    if (node->op->kind == OP_LEAF || node->op->kind == OP_VIEW) return 0;
    if (node->op->kind == OP_REDUCE) return (double)shape_count(&node->operand[0]->shape);
    if (node->op->kind != OP_MATMUL) return count * each;
    const Shape *a = &node->operand[0]->shape;
    return 2 * count * (double)a->size[a->rank - (node->attr.transpose_a ? 2 : 1)];
}

Effort schedule_effort(const Schedule *schedule) {
    Effort effort = {0};
    for (int i = 0; i < schedule->kernels.count; i++) {
        const Kernel *kernel = schedule->kernels.at[i];
        bool again = false;
        for (int k = 0; k < kernel->nodes.count; k++) {
            const Node *node = kernel->nodes.at[k];
            double operations = operations_of(node);
            effort.all += operations;
            if (node->again) effort.again += operations;
            again = again || node->again;
        }
        effort.kernels += again;
    }
    return effort;
}

/* ---- a trial ---- */

/* A copy that passes may work on without the original noticing. */
static Entry *entry_copy(Arena *arena, const Entry *entry) {
    Entry *copy = NEW(arena, Entry);
    Graph *graph = NEW(arena, Graph);
    *copy = *entry;
    *graph = *entry->graph;
    graph->arena = arena;
    copy->graph = graph;
    memset(&copy->inputs, 0, sizeof copy->inputs);
    memset(&copy->results, 0, sizeof copy->results);
    memset(&graph->nodes, 0, sizeof graph->nodes);
    for (int i = 0; i < entry->inputs.count; i++) vec_push(arena, &copy->inputs, entry->inputs.at[i]);
    for (int i = 0; i < entry->results.count; i++) vec_push(arena, &copy->results, entry->results.at[i]);
    for (int i = 0; i < entry->graph->nodes.count; i++) vec_push(arena, &graph->nodes, entry->graph->nodes.at[i]);
    return copy;
}

static Schedule *planned(const Budget *budget, Arena *arena, const bool *marks) {
    Model *model = NEW(arena, Model);
    *model = *budget->model;
    model->arena = arena;
    Entry *entry = entry_copy(arena, budget->entry);
    if (marks) recompute(entry, model, marks);
    Schedule *schedule = fuse(model, entry, budget->apart);
    order(schedule);
    tile(schedule, budget->machine, budget->tuned);
    plan_memory(schedule, false);
    return schedule;
}

/* ---- marks ---- */

static bool is_kept(const Budget *budget, const Node *node) {
    const Node *there = schedule_alias(budget->schedule, (Node *)node);
    return budget->schedule->place[there->id].buffer != NULL;
}

/* Marks a value and all that is computed on the way to it from what lies in memory. */
static void mark(const Budget *budget, const Node *node, bool *marks) {
    VEC(const Node *) stack = {0};
    vec_push(budget->arena, &stack, node);
    while (stack.count > 0) {
        const Node *top = stack.at[--stack.count];
        if (marks[top->id] || !budget->early[top->id]) continue;
        marks[top->id] = true;
        for (int i = 0; i < top->operand_count; i++)
            if (!is_kept(budget, top->operand[i])) vec_push(budget->arena, &stack, top->operand[i]);
    }
}

static bool *marks_of(const Budget *budget) {
    bool *marks = NEW_ARRAY(budget->arena, bool, budget->entry->graph->nodes.count + 1);
    for (int i = 0; i < budget->classes.count; i++) {
        const Class *class = budget->classes.at[i];
        for (int k = 0; k < class->dropped; k++)
            if (!class->stride || (k + 1) % class->stride != 0) mark(budget, class->members.at[k], marks);
    }
    return marks;
}

/* The arena with what is dropped now. */
static size_t arena_now(const Budget *budget) {
    Arena *scratch = arena_new();
    size_t bytes = planned(budget, scratch, marks_of(budget))->arena_bytes;
    arena_free(scratch);
    return bytes;
}

/* ---- candidates ---- */

/* The forward pass; `mixed`: and what is computed in its kernels, derivatives that need nothing else: gelu's slope. */
static void find_early(Budget *budget, bool mixed) {
    const Schedule *schedule = budget->schedule;
    const Graph *graph = budget->entry->graph;
    budget->early = NEW_ARRAY(budget->arena, bool, graph->nodes.count + 1);
    for (int i = 0; mixed && i < schedule->kernels.count; i++) {
        const Kernel *kernel = schedule->kernels.at[i];
        bool forward = false;
        for (int k = 0; k < kernel->nodes.count; k++) forward |= kernel->nodes.at[k]->phase == PHASE_FORWARD;
        for (int k = 0; k < kernel->nodes.count; k++)
            if (forward && kernel->nodes.at[k]->id < graph->nodes.count)
                budget->early[kernel->nodes.at[k]->id] = kernel->nodes.at[k]->phase != PHASE_UPDATE;
    }
    for (int id = 0; id < graph->nodes.count; id++) {
        const Node *node = graph->nodes.at[id];
        bool shown = node->op->kind == OP_VIEW && budget->early[node->operand[0]->id];
        if (node->phase == PHASE_FORWARD || shown) budget->early[id] = true;
    }
}

static bool is_candidate(const Budget *budget, const Node *node) {
    const Buffer *buffer = budget->schedule->place[node->id].buffer;
    return budget->early[node->id] && node->op->kind != OP_LEAF && node->op->kind != OP_EFFECT && buffer &&
           buffer->kind == BUF_ARENA;
}

static bool same_class(const Node *a, const Node *b) {
    return a->op == b->op && a->span.source == b->span.source && a->span.start == b->span.start &&
           a->span.end == b->span.end && shape_equal(&a->shape, &b->shape);
}

static Class *class_for(Budget *budget, const Node *node) {
    for (int i = 0; i < budget->classes.count; i++)
        if (same_class(budget->classes.at[i]->members.at[0], node)) return budget->classes.at[i];
    Class *class = NEW(budget->arena, Class);
    vec_push(budget->arena, &budget->classes, class);
    return class;
}

static double kernel_operations(const Kernel *kernel) {
    double operations = 1;
    for (int i = 0; i < kernel->nodes.count; i++) operations += operations_of(kernel->nodes.at[i]);
    return operations;
}

static int by_worth(const void *left, const void *right) {
    const Class *a = *(Class *const *)left, *b = *(Class *const *)right;
    double ab = a->bytes * b->operations, ba = b->bytes * a->operations;
    if (ab != ba) return ab < ba ? 1 : -1;
    return a->members.at[0]->id - b->members.at[0]->id;
}

static void find_classes(Budget *budget) {
    budget->classes.count = 0;
    const Schedule *schedule = budget->schedule;
    int count = budget->entry->graph->nodes.count;
    for (int i = 0; i < schedule->kernels.count; i++) {
        const Kernel *kernel = schedule->kernels.at[i];
        for (int k = 0; k < kernel->outputs.count; k++) {
            const Node *node = kernel->outputs.at[k];
            if (node->id >= count || !is_candidate(budget, node)) continue;
            Class *class = class_for(budget, node);
            vec_push(budget->arena, &class->members, node);
            class->bytes += (double)schedule->place[node->id].buffer->bytes;
            class->operations += kernel_operations(kernel);
        }
    }
    if (budget->classes.count > 0)
        qsort(budget->classes.at, (size_t)budget->classes.count, sizeof *budget->classes.at, by_worth);
}

/* ---- the search ---- */

/* Drops the class, or part of it, if the arena gets no larger by it; the arena afterwards. */
static size_t drop(Budget *budget, Class *class, size_t before) {
    enum { MANY = 4 };
    class->dropped = class->members.count;
    size_t bytes = arena_now(budget);
    if (bytes > before && class->members.count >= MANY) {
        class->stride = (int)ceil(sqrt(class->members.count));
        bytes = arena_now(budget);
    }
    if (bytes <= before) return bytes;
    class->dropped = 0;
    return before;
}

/* The fewest members that do. */
static void shorten(Budget *budget, Class *class) {
    int least = 0, most = class->dropped;
    while (least < most) {
        class->dropped = (least + most) / 2;
        if (arena_now(budget) <= budget->limit)
            most = class->dropped;
        else
            least = class->dropped + 1;
    }
    class->dropped = most;
}

/* Drops everything, then keeps the class that makes the arena smallest, then the next: what is computed again must
 * start somewhere, and from values between layers it is a layer at a time. The arena afterwards. */
static size_t start_over(Budget *budget) {
    Class **classes = budget->classes.at;
    int count = budget->classes.count;
    for (int i = 0; i < count; i++) classes[i]->dropped = classes[i]->members.count, classes[i]->stride = 0;
    size_t bytes = arena_now(budget);
    while (bytes > budget->limit) {
        Class *best = NULL;
        for (int i = 0; i < count; i++) {
            int dropped = classes[i]->dropped;
            if (!dropped) continue;
            classes[i]->dropped = 0;
            size_t kept = arena_now(budget);
            classes[i]->dropped = dropped;
            if (kept >= bytes) continue;
            bytes = kept;
            best = classes[i];
        }
        if (!best) break;
        best->dropped = 0;
    }
    return bytes;
}

/* Keeps again what need not be dropped, the most operations for its bytes first. */
static void take_back(Budget *budget) {
    for (int i = budget->classes.count - 1; i >= 0; i--) {
        Class *class = budget->classes.at[i];
        int dropped = class->dropped;
        class->dropped = 0;
        if (dropped && arena_now(budget) > budget->limit) class->dropped = dropped;
    }
}

/* Drops until the arena fits; the least it came to. */
static size_t search(Budget *budget) {
    size_t bytes = budget->schedule->arena_bytes, other;
    Class *last = NULL;
    for (int i = 0; i < budget->classes.count && bytes > budget->limit; i++)
        bytes = drop(budget, last = budget->classes.at[i], bytes);
    if (bytes <= budget->limit && last && last->dropped) shorten(budget, last);
    if (bytes > budget->limit && (other = start_over(budget)) < bytes) bytes = other;
    if (bytes <= budget->limit) take_back(budget);
    return bytes;
}

size_t budget(Model *model, Entry *entry, const Machine *machine, Tuned *tuned, bool apart, size_t limit) {
    Budget state = {.arena = arena_new(), .model = model, .entry = entry, .machine = machine, .tuned = tuned};
    state.apart = apart;
    state.limit = limit;
    state.schedule = planned(&state, state.arena, NULL);
    size_t bytes = state.schedule->arena_bytes;
    for (int mixed = 0; mixed < 2 && bytes > limit; mixed++) {
        find_early(&state, mixed);
        find_classes(&state);
        size_t found = search(&state);
        if (found < bytes) bytes = found;
        if (found <= limit) recompute(entry, model, marks_of(&state));
    }
    arena_free(state.arena);
    return bytes;
}
