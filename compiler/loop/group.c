/* group.c: which launches have their slices handed out together, and which are not worth handing out.
 *
 * Between two launches all threads wait for the last slice. Where neighbours don't need each other, as the products for
 * queries, keys and values of one input, or the gradients of a weight, a bias and an input, nothing has to be waited
 * for: their slices make one range, and a thread that finds none left of the first goes on with the second.
 *
 *     q = a @ Wq    4 slices                          joins: no
 *     k = a @ Wk    4 slices    reads a, writes k     joins: nothing of it lies where q is written
 *     s = q @ k.T   8 slices    reads q               joins: no
 *
 * In: a program whose loops were counted, the arena planned. Neighbours may run together if the bytes that one of them
 * writes are none that the other one touches: so whatever memory shares over time stays apart. They are of one phase,
 * and checks of indices stand alone. Launches that are shorter by cost.c than handing them out takes run on the
 * caller's thread.
 */
#include "loop/loop.h"

/* Handing slices out and waiting for the last takes some 0.3 us (bench/pool.c), and kernels of this size take two to
 * three times as long as a roofline says. */
static const double TINY_SECONDS = 0.4e-6;

/* ---- who needs whom ---- */

typedef struct Bytes { /* bytes of one block of memory */
    BufferKind kind;
    const void *block; /* the variable, or the buffer itself; NULL: the arena */
    size_t from, to;
} Bytes;

static Bytes bytes_of(const Program *program, const Array *array) {
    const Buffer *buffer = array->buffer;
    size_t unit = dtype_bytes(buffer->dtype, program->schedule->model->f64);
    Bytes span = {.kind = buffer->kind, .block = buffer};
    if (buffer->kind == BUF_VARIABLE) span.block = buffer->variable;
    if (buffer->kind == BUF_ARENA) span.block = NULL;
    if (array->last < array->first) return span;
    size_t start = buffer->kind == BUF_ARENA ? buffer->offset : 0;
    span.from = start + (size_t)array->first * unit;
    span.to = start + (size_t)(array->last + 1) * unit;
    return span;
}

static bool needs(const Program *program, const Function *f, const Function *g) {
    for (int i = 0; i < f->arrays.count; i++)
        for (int j = 0; j < g->arrays.count; j++) {
            if (!f->arrays.at[i]->written && !g->arrays.at[j]->written) continue;
            Bytes a = bytes_of(program, f->arrays.at[i]), b = bytes_of(program, g->arrays.at[j]);
            if (a.kind == b.kind && a.block == b.block && a.from < b.to && b.from < a.to) return true;
        }
    return false;
}

/* ---- groups ---- */

typedef struct Grouping {
    Program *program;
    const Machine *machine;
} Grouping;

static double seconds_of(const Grouping *g, int launch) {
    return cost_of(g->program->functions.at[launch], g->machine, g->program->schedule->model->f64, 1).seconds;
}

static bool may_join(const Program *program, int launch) {
    const Kernel *kernel = program->functions.at[launch]->kernel;
    return kernel && kernel->kind != KERNEL_CHECK;
}

static bool fits(const Grouping *g, int first, int launch) {
    const Program *program = g->program;
    const Function *added = program->functions.at[launch];
    if (launch - first == MOST_TOGETHER || !may_join(program, first) || !may_join(program, launch)) return false;
    if (added->kernel->phase != program->functions.at[first]->kernel->phase) return false;
    for (int i = first; i < launch; i++)
        if (needs(program, program->functions.at[i], added)) return false;
    return true;
}

/* Launches that are not worth handing out are left out at both ends. */
static void join(const Grouping *g, int first, int past) {
    while (first < past && seconds_of(g, first) < TINY_SECONDS) first++;
    while (first < past && seconds_of(g, past - 1) < TINY_SECONDS) past--;
    for (int i = first + 1; i < past; i++) g->program->functions.at[i]->joins = true;
}

void group(Program *program, const Machine *machine) {
    const Grouping g = {program, machine};
    for (int first = 0; first < program->functions.count;) {
        int past = first + 1;
        while (past < program->functions.count && fits(&g, first, past)) past++;
        join(&g, first, past);
        first = past;
    }
    for (int i = 0; i < program->functions.count; i++)
        program->functions.at[i]->here = program->functions.at[i]->slices > 1 && seconds_of(&g, i) < TINY_SECONDS;
}

int group_size(const Program *program, int launch) {
    int past = launch + 1;
    while (past < program->functions.count && program->functions.at[past]->joins) past++;
    return past - launch;
}

void group_check(const Program *program) {
    for (int first = 0; first < program->functions.count; first += group_size(program, first))
        for (int i = first + 1; i < first + group_size(program, first); i++)
            for (int j = first; j < i; j++)
                if (needs(program, program->functions.at[j], program->functions.at[i]))
                    fatal("group", "%s and %s run together, and one needs the other", program->functions.at[j]->name,
                          program->functions.at[i]->name);
}
