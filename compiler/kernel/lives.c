/* lives.c: which bytes of the arena live at which kernel.
 *
 * In: kernels and places. Out: the pieces of each buffer, what each kernel reads and writes of them, and for any order
 * of the kernels the first and last use of each piece and the bytes that live at each kernel:
 *
 *     k5 writes h    k6 reads h, writes y over h    k7 reads y          5: h   6: h = y, counted once   7: y
 */
#include "kernel/lives.h"

#include <stdlib.h>

size_t aligned(size_t bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

bool piece_in_arena(const Piece *piece) {
    return piece->buffer->kind == BUF_ARENA;
}

/* ---- pieces ---- */

typedef struct Range { /* elements of a buffer */
    int64_t from, to;
} Range;

/* All elements of the buffer between the first and the last of the node's. */
static Range range_of(const Schedule *schedule, const Node *node) {
    const Place *place = &schedule->place[node->id];
    Range range = {place->offset, place->offset + 1};
    if (place->index || place->buffer->kind != BUF_ARENA) return (Range){0, place->buffer->count};
    for (int axis = 0; axis < node->shape.rank; axis++) {
        if (node->shape.size[axis] == 0) return (Range){place->offset, place->offset};
        range.to += (node->shape.size[axis] - 1) * place->stride[axis];
    }
    return range;
}

static int by_start(const void *left, const void *right) {
    const Range *a = left, *b = right;
    if (a->from != b->from) return a->from < b->from ? -1 : 1;
    return a->to < b->to ? -1 : a->to > b->to;
}

typedef struct Written {
    VEC(Range) ranges;
} Written;

/* What is written apart; elements between that nobody writes go with what lies before them. */
static void split_buffer(Lives *lives, Buffer *buffer, Written *written) {
    size_t size = dtype_bytes(buffer->dtype, lives->schedule->model->f64);
    int first = lives->pieces.count;
    int64_t end = 0;
    buffer->bytes = aligned((size_t)buffer->count * size);
    if (!written->ranges.count) return;
    qsort(written->ranges.at, (size_t)written->ranges.count, sizeof *written->ranges.at, by_start);
    for (int i = 0; i < written->ranges.count; i++) {
        Range range = written->ranges.at[i];
        bool begins = i == 0 || range.from >= end;
        if (range.to > end) end = range.to;
        if (!begins) continue;
        Piece piece = {.buffer = buffer, .from = i ? (size_t)range.from * size : 0, .over = -1};
        vec_push(lives->arena, &lives->pieces, piece);
    }
    for (int i = first; i < lives->pieces.count; i++) {
        Piece *piece = &lives->pieces.at[i];
        bool last = i + 1 == lives->pieces.count;
        piece->bytes = (last ? buffer->bytes : lives->pieces.at[i + 1].from) - piece->from;
        piece->whole = lives->pieces.count == first + 1;
    }
}

static void add_range(Lives *lives, Written *written, const Buffer *buffer, Range range) {
    if (range.from < range.to) vec_push(lives->arena, &written[buffer->id].ranges, range);
}

static void find_pieces(Lives *lives) {
    const Schedule *schedule = lives->schedule;
    Written *written = NEW_ARRAY(lives->arena, Written, schedule->buffers.count + 1);
    for (int i = 0; i < schedule->kernels.count; i++) {
        const Kernel *kernel = schedule->kernels.at[i];
        Buffer *const packed[] = {kernel->packed, kernel->packed_a};
        for (int j = 0; j < kernel->outputs.count; j++) {
            const Node *node = kernel->outputs.at[j];
            add_range(lives, written, schedule->place[node->id].buffer, range_of(schedule, node));
        }
        for (int j = 0; j < 2; j++)
            if (packed[j]) add_range(lives, written, packed[j], (Range){0, packed[j]->count});
    }
    lives->first_piece = NEW_ARRAY(lives->arena, int, schedule->buffers.count + 1);
    for (int id = 0; id < schedule->buffers.count; id++) {
        lives->first_piece[id] = lives->pieces.count;
        split_buffer(lives, schedule->buffers.at[id], &written[id]);
    }
    lives->first_piece[schedule->buffers.count] = lives->pieces.count;
}

/* ---- uses ---- */

static void use_range(Lives *lives, int kernel, const Buffer *buffer, Range range, bool writes) {
    KernelLife *life = &lives->kernel[kernel];
    size_t size = dtype_bytes(buffer->dtype, lives->schedule->model->f64);
    for (int i = lives->first_piece[buffer->id]; i < lives->first_piece[buffer->id + 1]; i++) {
        const Piece *piece = &lives->pieces.at[i];
        if ((size_t)range.to * size <= piece->from || (size_t)range.from * size >= piece->from + piece->bytes) continue;
        int at = 0;
        while (at < life->uses.count && life->uses.at[at].piece != i) at++;
        if (at == life->uses.count) vec_push(lives->arena, &life->uses, ((Use){.piece = i}));
        life->uses.at[at].reads |= !writes;
        life->uses.at[at].writes |= writes;
    }
}

static void use_node(Lives *lives, int kernel, const Node *node, bool writes) {
    use_range(lives, kernel, lives->schedule->place[node->id].buffer, range_of(lives->schedule, node), writes);
}

/* `seen` is by node id: the last kernel, plus one, that was found to read it. */
static void read_node(Lives *lives, const Kernel *kernel, Node *node, int *seen) {
    const Schedule *schedule = lives->schedule;
    node = schedule_alias(schedule, node);
    if (seen[node->id] == kernel->id + 1) return;
    seen[node->id] = kernel->id + 1;
    if (kernel_computes(kernel, node)) return;
    const Place *place = &schedule->place[node->id];
    if (place->buffer) {
        use_node(lives, kernel->id, node, false);
        if (place->index) read_node(lives, kernel, place->index, seen);
        return;
    }
    for (int i = 0; i < node->operand_count; i++) read_node(lives, kernel, node->operand[i], seen);
}

static void find_uses(Lives *lives, const Kernel *kernel, int *seen) {
    const Schedule *schedule = lives->schedule;
    Buffer *const packed[] = {kernel->packed, kernel->packed_a};
    for (int i = 0; i < kernel->nodes.count; i++) {
        const Node *node = kernel->nodes.at[i];
        const Place *place = &schedule->place[node->id];
        for (int j = 0; j < node->operand_count; j++) read_node(lives, kernel, node->operand[j], seen);
        if (place->buffer && place->index) read_node(lives, kernel, place->index, seen);
    }
    for (int i = 0; i < kernel->outputs.count; i++) use_node(lives, kernel->id, kernel->outputs.at[i], true);
    for (int i = 0; i < 2; i++)
        if (packed[i])
            use_range(lives, kernel->id, packed[i], (Range){0, packed[i]->count}, i == 0 || !kernel->finds_rows);
}

static void keep(Lives *lives, const Node *node) {
    const Buffer *buffer =
        node ? lives->schedule->place[schedule_alias(lives->schedule, (Node *)node)->id].buffer : NULL;
    if (!buffer) return;
    for (int i = lives->first_piece[buffer->id]; i < lives->first_piece[buffer->id + 1]; i++)
        lives->pieces.at[i].kept = true;
}

Lives *lives_of(const Schedule *schedule) {
    Lives *lives = NEW(schedule->model->arena, Lives);
    lives->arena = schedule->model->arena;
    lives->schedule = schedule;
    lives->kernel = NEW_ARRAY(lives->arena, KernelLife, schedule->kernels.count + 1);
    int *seen = NEW_ARRAY(lives->arena, int, schedule->entry->graph->nodes.count + 1);
    find_pieces(lives);
    for (int i = 0; i < schedule->kernels.count; i++) find_uses(lives, schedule->kernels.at[i], seen);
    keep(lives, schedule->entry->learning_rate);
    keep(lives, schedule->entry->gradient_norm);
    for (int i = 0; i < schedule->kernels.count; i++) find_overlays(lives, schedule->kernels.at[i]);
    return lives;
}

/* ---- an order, measured ---- */

static void find_spans(Lives *lives, const int *order, int count) {
    for (int i = 0; i < lives->pieces.count; i++) {
        Piece *piece = &lives->pieces.at[i];
        piece->first = piece->last = piece->over = -1;
    }
    for (int position = 0; position < count; position++) {
        const KernelLife *life = &lives->kernel[order[position]];
        for (int i = 0; i < life->uses.count; i++) {
            Piece *piece = &lives->pieces.at[life->uses.at[i].piece];
            if (piece->first < 0) piece->first = position;
            piece->last = position;
        }
    }
    for (int i = 0; i < lives->pieces.count; i++)
        if (lives->pieces.at[i].kept) lives->pieces.at[i].last = count;
}

/* Each piece gives its bytes to one other at most, and takes those of one. */
static void take_over(Lives *lives, int position, const KernelLife *life, bool *given) {
    for (int i = 0; i < life->overlays.count; i++) {
        int from = life->overlays.at[i].from;
        Piece *into = &lives->pieces.at[life->overlays.at[i].into];
        if (given[from] || into->over >= 0 || lives->pieces.at[from].last != position || into->first != position)
            continue;
        into->over = from;
        given[from] = true;
    }
}

size_t lives_measure(Lives *lives, const int *order, int count, size_t *live) {
    if (!live) live = NEW_ARRAY(lives->arena, size_t, count + 1);
    size_t *born = NEW_ARRAY(lives->arena, size_t, count + 2), *dead = NEW_ARRAY(lives->arena, size_t, count + 2);
    bool *given = NEW_ARRAY(lives->arena, bool, lives->pieces.count + 1);
    size_t now = 0, most = 0;
    find_spans(lives, order, count);
    for (int position = 0; position < count; position++)
        take_over(lives, position, &lives->kernel[order[position]], given);
    for (int i = 0; i < lives->pieces.count; i++) {
        const Piece *piece = &lives->pieces.at[i];
        if (!piece_in_arena(piece) || piece->first < 0) continue;
        born[piece->first] += piece->bytes;
        dead[given[i] ? piece->last : piece->last + 1] += piece->bytes;
    }
    for (int position = 0; position <= count; position++) {
        now = now + born[position] - dead[position];
        live[position] = aligned(now);
        if (live[position] > most) most = live[position];
    }
    return most;
}
