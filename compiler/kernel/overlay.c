/* overlay.c: which result of a kernel may lie over which of its operands.
 *
 * In: a kernel and its places. Out: pairs of an operand and a result, of which it is proved, from the accesses alone,
 * that each element is read for the last time before the kernel writes to its bytes:
 *
 *     d_out[i, j] = (p(out[i, j]) - hot[i, j]) * d_level[i]     d_out over out: read and written at the same (i, j)
 *     c[i, j] = sum_k a[i, k] * b[k, j] + x[i, j]               c over x, not over a or b: other points read them
 *     y[i, j] = x[j, i]                                         not over x: the accesses differ
 *
 * The result moves with every loop that its kernel's stores stand in, so two points never share an element; an operand
 * read with the same strides meets the result at the same point only, whatever slice, thread or turn that is. At one
 * point values are stored in the order of the kernel's nodes, and in a row kernel sweep by sweep: nothing that comes
 * after the result may read the operand. What is not walked through here (rows that a tensor names, operands of the
 * product itself, attention, scatters) is not proved. */
#include "kernel/lives.h"

/* A read of memory on the way to a value that the kernel stores or folds. */
typedef struct Reading {
    const Buffer *buffer;
    Access access; /* in the buffer, over the kernel's fine loops */
    bool anywhere; /* or not known where */
    int sweep;     /* of a row kernel, when the value is computed; else 0 */
    int turn;      /* the value's number among the kernel's nodes */
} Reading;

typedef struct Walk {
    Lives *lives;
    const Kernel *kernel;
    VEC(Reading) readings;
    struct {
        const Node **at;
        Access *access;
        int count, capacity[2];
    } been;     /* on the way to the value at hand */
    int *level; /* by index in the kernel's nodes: folds before it, as in loop/row.c; -1: not known yet */
    int sweep, turn;
    const Node *value; /* the one at hand */
} Walk;

static int member_of(const Kernel *kernel, const Node *node) {
    for (int i = 0; i < kernel->nodes.count; i++)
        if (kernel->nodes.at[i] == node) return i;
    return -1;
}

/* Over the row, which later sweeps wait for. */
static bool is_fold(const Node *node) {
    return node->op->kind == OP_REDUCE && !folds_columns(node);
}

static int level_of(Walk *walk, Node *node) {
    const Schedule *schedule = walk->lives->schedule;
    node = schedule_alias(schedule, node);
    int member = member_of(walk->kernel, node), level = 0;
    if (member < 0 && schedule->place[node->id].buffer) return 0;
    if (member >= 0 && walk->level[member] >= 0) return walk->level[member];
    for (int i = 0; i < node->operand_count; i++) {
        int below = level_of(walk, node->operand[i]);
        if (below > level) level = below;
    }
    if (member >= 0) walk->level[member] = level += is_fold(node);
    return level;
}

static void add_reading(Walk *walk, const Buffer *buffer, const Access *access) {
    Reading reading = {
        .buffer = buffer, .anywhere = !access || access->index, .sweep = walk->sweep, .turn = walk->turn};
    if (access) reading.access = *access;
    if (buffer->kind == BUF_ARENA) vec_push(walk->lives->arena, &walk->readings, reading);
}

/* Everything below is read, nobody knows where. */
static void read_anywhere(Walk *walk, Node *node) {
    const Schedule *schedule = walk->lives->schedule;
    node = schedule_alias(schedule, node);
    const Place *place = &schedule->place[node->id];
    if (place->buffer) add_reading(walk, place->buffer, NULL);
    if (place->buffer && place->index) read_anywhere(walk, place->index);
    if (place->buffer && member_of(walk->kernel, node) < 0) return;
    for (int i = 0; i < node->operand_count; i++) read_anywhere(walk, node->operand[i]);
}

static bool been_here(Walk *walk, const Node *node, const Access *access) {
    for (int i = 0; i < walk->been.count; i++)
        if (walk->been.at[i] == node && access_equal(&walk->been.access[i], access, &walk->kernel->fine)) return true;
    Arena *arena = walk->lives->arena;
    int count = walk->been.count++;
    walk->been.at = arena_grow(arena, walk->been.at, count, &walk->been.capacity[0], sizeof *walk->been.at);
    walk->been.access = arena_grow(arena, walk->been.access, count, &walk->been.capacity[1], sizeof *walk->been.access);
    walk->been.at[count] = node;
    walk->been.access[count] = *access;
    return false;
}

/* Whether the node's value is there under a name: it is stored at this point of this sweep. */
static bool stored_here(Walk *walk, Node *node, const Access *access) {
    const Kernel *kernel = walk->kernel;
    Access own = kernel_access(kernel, node);
    bool now = kernel->kind != KERNEL_ROW || level_of(walk, node) == walk->sweep;
    return node != walk->value && now && kernel_stores(kernel, node) && access_equal(access, &own, &kernel->fine);
}

/* The value of a node at a point of the loops, as loop/value.c computes it. */
static void read_value(Walk *walk, Node *node, const Access *access) {
    const Schedule *schedule = walk->lives->schedule;
    const Kernel *kernel = walk->kernel;
    node = schedule_alias(schedule, node);
    const Place *place = &schedule->place[node->id];
    Access below;
    Split split;
    if (been_here(walk, node, access)) return;
    bool here = member_of(kernel, node) >= 0;
    if (here && (node->op->kind == OP_REDUCE || node == kernel->root)) return; /* computed by then */
    if (here && stored_here(walk, node, access)) return;
    if (place->buffer && !here) {
        if (place->index) read_anywhere(walk, place->index);
        add_reading(walk, place->buffer,
                    place_access(node, place, &kernel->fine, access, &below, &split) ? &below : NULL);
    } else if (node->op->kind == OP_VIEW && access_through(node, &kernel->fine, access, &below, &split)) {
        read_value(walk, node->operand[0], &below);
        for (int i = 1; i < node->operand_count; i++) read_anywhere(walk, node->operand[i]);
    } else {
        for (int i = 0; i < node->operand_count; i++) {
            if (node->op->kind == OP_MAP)
                read_value(walk, node->operand[i], access);
            else
                read_anywhere(walk, node->operand[i]);
        }
    }
}

/* A map stores variables when all else is stored. */
static bool stored_last(const Walk *walk, const Node *node) {
    const Buffer *buffer = walk->lives->schedule->place[node->id].buffer;
    return buffer && buffer->kind == BUF_VARIABLE;
}

/* All readings of the kernel. */
static void walk_kernel(Walk *walk) {
    const Kernel *kernel = walk->kernel;
    for (int i = 0; i < kernel->nodes.count; i++) {
        Node *node = kernel->nodes.at[i];
        int level = level_of(walk, node);
        Access own = kernel_access(kernel, node);
        walk->turn = stored_last(walk, node) ? kernel->nodes.count : i;
        walk->sweep = kernel->kind == KERNEL_ROW ? level - is_fold(node) : 0;
        walk->value = node;
        walk->been.count = 0;
        if (node == kernel->root) {
            for (int j = 0; j < node->operand_count; j++) read_anywhere(walk, node->operand[j]);
        } else if (node->op->kind == OP_REDUCE) {
            Access folded = folded_access(kernel, node);
            read_value(walk, node->operand[0], &folded);
        } else if (kernel_stores(kernel, node)) {
            read_value(walk, node, &own);
        }
        const Place *place = &walk->lives->schedule->place[node->id];
        if (place->buffer && place->index) read_anywhere(walk, place->index);
    }
}

/* ---- a result over an operand ---- */

static bool same_strides(const Axes *axes, const Access *a, const Access *b) {
    for (int loop = 0; loop < axes->count; loop++)
        if (axes->extent[loop] > 1 && a->stride[loop] != b->stride[loop]) return false;
    return true;
}

/* Whether all readings of the operand are over by the time, and at the place, that the result is written. */
static bool read_before(const Walk *walk, const Buffer *operand, const Node *result, const Access *written) {
    int turn = member_of(walk->kernel, result);
    int sweep = walk->kernel->kind == KERNEL_ROW ? walk->level[turn] : 0;
    int64_t start = written->offset - walk->lives->schedule->place[result->id].offset;
    for (int i = 0; i < walk->readings.count; i++) {
        const Reading *reading = &walk->readings.at[i];
        if (reading->buffer != operand) continue;
        if (reading->anywhere || reading->access.offset != start) return false;
        if (!same_strides(&walk->kernel->fine, &reading->access, written)) return false;
        if (reading->sweep > sweep || (reading->sweep == sweep && reading->turn > turn)) return false;
    }
    return true;
}

/* The piece that the node alone fills, or -1. */
static int own_piece(const Lives *lives, const Node *node) {
    const Place *place = &lives->schedule->place[node->id];
    size_t size = dtype_bytes(node->dtype, lives->schedule->model->f64);
    size_t from = (size_t)place->offset * size, bytes = (size_t)shape_count(&node->shape) * size;
    for (int i = lives->first_piece[place->buffer->id]; i < lives->first_piece[place->buffer->id + 1]; i++) {
        const Piece *piece = &lives->pieces.at[i];
        size_t filled = piece->whole ? (size_t)place->buffer->count * size : piece->bytes;
        if (piece->from == from && filled == bytes) return i;
    }
    return -1;
}

static bool may_move(const Piece *piece) {
    return piece_in_arena(piece) && !piece->kept && !piece->buffer->shadows && piece->from % ALIGNMENT == 0;
}

static void overlays_of(Walk *walk, Node *result) {
    Lives *lives = walk->lives;
    const Kernel *kernel = walk->kernel;
    const Place *place = &lives->schedule->place[result->id];
    Access own = kernel_access(kernel, result), written;
    Split split;
    int into = own_piece(lives, result);
    bool every_point = kernel->kind != KERNEL_ROW || kernel_roles(kernel, result) == ROLES_ALL;
    if (into < 0 || !may_move(&lives->pieces.at[into]) || !every_point || result->op->kind == OP_REDUCE) return;
    if (place->index || !place_access(result, place, &kernel->fine, &own, &written, &split)) return;
    KernelLife *life = &lives->kernel[kernel->id];
    for (int i = 0; i < life->uses.count; i++) {
        int from = life->uses.at[i].piece;
        const Piece *operand = &lives->pieces.at[from];
        if (life->uses.at[i].writes || !operand->whole || operand->bytes != lives->pieces.at[into].bytes) continue;
        if (!may_move(operand) || operand->buffer->dtype != result->dtype) continue;
        if (read_before(walk, operand->buffer, result, &written))
            vec_push(lives->arena, &life->overlays, ((Overlay){from, into}));
    }
}

void find_overlays(Lives *lives, const Kernel *kernel) {
    if (kernel->kind != KERNEL_MAP && kernel->kind != KERNEL_ROW && kernel->kind != KERNEL_CONTRACT) return;
    Walk walk = {.lives = lives, .kernel = kernel};
    walk.level = NEW_ARRAY(lives->arena, int, kernel->nodes.count + 1);
    for (int i = 0; i < kernel->nodes.count; i++) walk.level[i] = -1;
    walk_kernel(&walk);
    for (int i = 0; i < kernel->outputs.count; i++) overlays_of(&walk, kernel->outputs.at[i]);
}
