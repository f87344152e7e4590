/* interp.c: the double-precision evaluator, the oracle of every test.
 *
 * In: an entry, its inputs, the variables' storage, the keys of dropout. Out: the results, and the variables as the
 * call leaves them; or false and a message when an index was out of range, and then no variable has changed.
 *
 * Every live node is evaluated in order by its op's evaluator into memory of its own. Writes go to a copy of the
 * variable, which later reads see, and the copies are stored when all is done. Under `accumulate` the nodes of the
 * update run at every n-th call alone.
 *
 * Random numbers are Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy as
 * 1, 2, 3; 2011): key (seed, call), counter (element, site); the top 24 bits of the first word.
 */
#include "ops/ops.h"

#include <math.h>
#include <string.h>

/* A variable, or a group of them, and the copy that holds what the call has written. */
typedef struct Stored {
    Variable *variable;
    double *stored, *written; /* written: NULL before the first write */
} Stored;

typedef struct Run {
    Interp *interp;
    const Entry *entry;
    double **value; /* by node; NULL: not evaluated */
    VEC(Stored) stored;
} Run;

static double *values_of(Run *run, const Shape *shape) {
    return NEW_ARRAY(run->interp->arena, double, shape_count(shape) + 1);
}

/* ---- random ---- */

static uint32_t rotated(uint32_t word, int by) {
    return word << by | word >> (32 - by);
}

static uint32_t threefry(const uint32_t key[2], uint32_t x0, uint32_t x1) {
    static const int rotation[8] = {13, 15, 26, 6, 17, 29, 16, 24};
    const uint32_t schedule[3] = {key[0], key[1], 0x1BD11BDAu ^ key[0] ^ key[1]};
    x0 += schedule[0];
    x1 += schedule[1];
    for (int round = 0; round < 20; round++) {
        x0 += x1;
        x1 = rotated(x1, rotation[round % 8]) ^ x0;
        if (round % 4 != 3) continue;
        int turn = round / 4 + 1;
        x0 += schedule[turn % 3];
        x1 += schedule[(turn + 1) % 3] + (uint32_t)turn;
    }
    return x0;
}

static void draw(Run *run, const Node *node, double *result) {
    uint64_t seed = run->interp->seed;
    const uint32_t key[2] = {(uint32_t)seed ^ (uint32_t)(seed >> 32), (uint32_t)run->interp->call};
    int64_t count = shape_count(&node->shape);
    for (int64_t i = 0; i < count; i++)
        result[i] = ldexp(threefry(key, (uint32_t)i, (uint32_t)node->attr.site) >> (32 - RANDOM_BITS), -RANDOM_BITS);
}

/* ---- variables ---- */

static Stored *stored_of(Run *run, Variable *variable) {
    Variable *root = variable->group ? variable->group : variable;
    for (int i = 0; i < run->stored.count; i++)
        if (run->stored.at[i].variable == root) return &run->stored.at[i];
    Stored fresh = {.variable = root, .stored = run->interp->storage(run->interp->context, root)};
    vec_push(run->interp->arena, &run->stored, fresh);
    return &run->stored.at[run->stored.count - 1];
}

static int64_t offset_of(const Variable *variable) {
    return variable->group ? variable->offset : 0;
}

static void read_stored(Run *run, const Node *node, double *result) {
    const Stored *from = stored_of(run, node->attr.variable);
    const double *at = (from->written ? from->written : from->stored) + offset_of(node->attr.variable);
    memcpy(result, at, sizeof(double) * (size_t)shape_count(&node->shape));
}

static double *writable(Run *run, Stored *to) {
    if (to->written) return to->written;
    to->written = values_of(run, &to->variable->shape);
    memcpy(to->written, to->stored, sizeof(double) * (size_t)shape_count(&to->variable->shape));
    return to->written;
}

/* Copies the value into its window and is the value itself. */
static void write_stored(Run *run, const Node *node, const double *const *operand, double *result) {
    Variable *variable = node->attr.variable;
    double *to = writable(run, stored_of(run, variable)) + offset_of(variable);
    int64_t index[MAX_RANK] = {0}, count = shape_count(&node->shape), start[MAX_RANK];
    memcpy(start, node->attr.start, sizeof start);
    if (node->operand_count == 2) start[node->attr.axes[0]] += (int64_t)operand[1][0];
    for (int64_t i = 0; i < count; i++) {
        int64_t at = 0;
        for (int axis = 0; axis < node->shape.rank; axis++)
            at += (start[axis] + index[axis]) * shape_unit(&variable->shape, axis);
        to[at] = result[i] = operand[0][i];
        for (int axis = node->shape.rank - 1; axis >= 0; axis--) {
            if (++index[axis] < node->shape.size[axis]) break;
            index[axis] = 0;
        }
    }
}

static void commit(Run *run) {
    for (int i = 0; i < run->stored.count; i++) {
        Stored *stored = &run->stored.at[i];
        if (!stored->written) continue;
        memcpy(stored->stored, stored->written, sizeof(double) * (size_t)shape_count(&stored->variable->shape));
    }
}

/* ---- nodes ---- */

static void take_input(Run *run, const Node *node, double *result) {
    for (int i = 0; i < run->entry->inputs.count; i++)
        if (run->entry->inputs.at[i].node == node)
            memcpy(result, run->interp->inputs[i], sizeof(double) * (size_t)shape_count(&node->shape));
}

static void check_indices(Run *run, const Node *node, const double *ids) {
    int64_t count = shape_count(&node->shape);
    for (int64_t i = 0; i < count && !run->interp->error; i++)
        if (ids[i] < 0 || ids[i] >= (double)node->attr.limit)
            run->interp->error = arena_printf(run->interp->arena, "%s: index %.0f is not in 0..%lld", node->attr.label,
                                              ids[i], (long long)node->attr.limit);
}

static bool runs_now(const Run *run, const Node *node) {
    int every = run->entry->accumulate > 1 ? run->entry->accumulate : 1;
    if (node->phase == PHASE_UPDATE && run->interp->call % (uint64_t)every != (uint64_t)every - 1) return false;
    for (int i = 0; i < node->operand_count; i++)
        if (!run->value[node->operand[i]->id]) return false;
    return true;
}

/* Whether element i is one of the operands' or its negative: such a result has not been rounded. */
static bool exact(const Node *node, const double *const *operand, const double *result, int64_t i) {
    for (int k = 0; k < node->operand_count; k++)
        if (fabs(result[i]) == fabs(operand[k][i])) return true;
    return false;
}

/* Multiplies what a computer would round by a number near 1. */
static void add_noise(const Run *run, const Node *node, const double *const *operand, double *result) {
    const Interp *interp = run->interp;
    OpKind kind = node->op->kind;
    bool moves = kind == OP_LEAF || kind == OP_VIEW || kind == OP_JOIN || kind == OP_EFFECT || kind == OP_DERIVE;
    if (node->dtype != DT_FLOAT || moves || node->op == &op_gather || node->op == &op_max || node->op == &op_min)
        return;
    const uint32_t key[2] = {(uint32_t)interp->noise_seed, (uint32_t)interp->call};
    int64_t count = shape_count(&node->shape);
    for (int64_t i = 0; i < count; i++) {
        if (kind == OP_MAP && exact(node, operand, result, i)) continue;
        double part = ldexp(threefry(key, (uint32_t)i, (uint32_t)node->id), -31) - 1;
        result[i] *= 1 + interp->noise * part;
    }
}

static void evaluate(Run *run, const Node *node) {
    double *result = values_of(run, &node->shape);
    const double **operand = NEW_ARRAY(run->interp->arena, const double *, node->operand_count + 1);
    for (int i = 0; i < node->operand_count; i++) operand[i] = run->value[node->operand[i]->id];
    run->value[node->id] = result;
    if (node->op == &op_input)
        take_input(run, node, result);
    else if (node->op == &op_read)
        read_stored(run, node, result);
    else if (node->op == &op_write)
        write_stored(run, node, operand, result);
    else if (node->op == &op_random)
        draw(run, node, result);
    else if (node->op == &op_scalar)
        result[0] = (double)run->interp->step;
    else if (node->op->eval)
        node->op->eval(node, operand, result);
    else
        fatal("interp", "%s has no value of its own", node->op->name);
    if (run->interp->noise > 0) add_noise(run, node, operand, result);
    if (node->op == &op_check_range) check_indices(run, node, operand[0]);
}

bool interp_run(Interp *interp, const Entry *entry, const double **results) {
    const Graph *graph = entry->graph;
    Run run = {.interp = interp, .entry = entry, .value = NEW_ARRAY(interp->arena, double *, graph->nodes.count + 1)};
    bool *live = NEW_ARRAY(interp->arena, bool, graph->nodes.count + 1);
    interp->error = NULL;
    entry_live(entry, live);
    for (int i = 0; i < graph->nodes.count; i++)
        if (live[i] && runs_now(&run, graph->nodes.at[i])) evaluate(&run, graph->nodes.at[i]);
    if (interp->error) return false;
    commit(&run);
    for (int i = 0; i < entry->results.count; i++) {
        const double *value = run.value[entry->results.at[i].node->id];
        results[i] = value ? value : values_of(&run, &entry->results.at[i].shape);
    }
    return true;
}
