/* memory.c: places every buffer of the arena by the span of kernels in which it lives.
 *
 * One after the other, each at the lowest offset where it meets no buffer that lives at the same time; offsets are
 * multiples of 64 bytes. Which comes first decides how well that goes: the largest, those that live longest, or those
 * that are there first. Where no order comes down to the lower bound, the largest sum of live bytes at any kernel, the
 * buffer that ends highest in the best one is put first, a number of times. For --check every buffer has bytes of its
 * own and a guard on each side.
 */
#include "kernel/kernel.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

static size_t dtype_bytes(const Schedule *schedule, DType dtype) {
    if (dtype == DT_FLOAT) return schedule->model->f64 ? 8 : 4;
    return dtype == DT_I32 ? 4 : 1;
}

static void live_at(Buffer *buffer, int position) {
    if (buffer->kind != BUF_ARENA) return;
    if (buffer->first < 0 || position < buffer->first) buffer->first = position;
    if (position > buffer->last) buffer->last = position;
}

static void find_lifetimes(Schedule *schedule) {
    int buffers = schedule->buffers.count;
    for (int i = 0; i < buffers; i++) {
        Buffer *buffer = schedule->buffers.at[i];
        buffer->first = buffer->last = -1;
        buffer->bytes = (size_t)buffer->count * dtype_bytes(schedule, buffer->dtype);
        buffer->bytes = (buffer->bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    for (int position = 0; position < schedule->kernels.count; position++) {
        Kernel *kernel = schedule->kernels.at[position];
        bool *reads = NEW_ARRAY(schedule->model->arena, bool, buffers);
        kernel_reads(schedule, kernel, reads);
        for (int i = 0; i < buffers; i++)
            if (reads[i]) live_at(schedule->buffers.at[i], position);
        for (int i = 0; i < kernel->outputs.count; i++)
            live_at(schedule->place[kernel->outputs.at[i]->id].buffer, position);
        if (kernel->packed) live_at(kernel->packed, position);
        if (kernel->packed_a) live_at(kernel->packed_a, position);
    }
    Node *kept[] = {schedule->entry->learning_rate, schedule->entry->gradient_norm};
    for (int i = 0; i < 2; i++)
        if (kept[i]) live_at(schedule->place[schedule_alias(schedule, kept[i])->id].buffer, schedule->kernels.count);
}

static bool meet(const Buffer *a, const Buffer *b) {
    return a->first <= b->last && b->first <= a->last;
}

static int by_size(const void *left, const void *right) {
    const Buffer *a = *(Buffer *const *)left, *b = *(Buffer *const *)right;
    if (a->bytes != b->bytes) return a->bytes < b->bytes ? 1 : -1;
    return a->id - b->id;
}

static int by_life(const void *left, const void *right) {
    const Buffer *a = *(Buffer *const *)left, *b = *(Buffer *const *)right;
    int lives = b->last - b->first - (a->last - a->first);
    return lives ? lives : by_size(left, right);
}

static int by_room(const void *left, const void *right) {
    const Buffer *a = *(Buffer *const *)left, *b = *(Buffer *const *)right;
    double rooms = (double)b->bytes * (b->last - b->first + 1) - (double)a->bytes * (a->last - a->first + 1);
    return rooms > 0 ? 1 : rooms < 0 ? -1 : by_size(left, right);
}

static int by_first(const void *left, const void *right) {
    const Buffer *a = *(Buffer *const *)left, *b = *(Buffer *const *)right;
    return a->first != b->first ? a->first - b->first : by_size(left, right);
}

static int (*const orders[])(const void *, const void *) = {by_size, by_life, by_room, by_first};

/* The lowest offset at which `buffer` meets none of the `count` placed before it. */
static size_t lowest_offset(Buffer *const *placed, int count, const Buffer *buffer) {
    size_t offset = 0;
    for (int i = 0; i < count; i++) {
        const Buffer *other = placed[i];
        bool apart = offset + buffer->bytes <= other->offset || other->offset + other->bytes <= offset;
        if (apart || !meet(buffer, other)) continue;
        offset = other->offset + other->bytes;
        i = -1;
    }
    return offset;
}

static size_t live_bytes(const Schedule *schedule, int position) {
    size_t bytes = 0;
    for (int i = 0; i < schedule->buffers.count; i++) {
        const Buffer *buffer = schedule->buffers.at[i];
        if (buffer->kind == BUF_ARENA && buffer->first >= 0 && buffer->first <= position && position <= buffer->last)
            bytes += buffer->bytes;
    }
    return bytes;
}

static size_t pack(Buffer **buffers, int count) {
    size_t end = 0;
    for (int i = 0; i < count; i++) {
        buffers[i]->offset = lowest_offset(buffers, i, buffers[i]);
        if (buffers[i]->offset + buffers[i]->bytes > end) end = buffers[i]->offset + buffers[i]->bytes;
    }
    return end;
}

static void put_highest_first(Buffer **buffers, int count) {
    int highest = 0;
    for (int i = 1; i < count; i++)
        if (buffers[i]->offset + buffers[i]->bytes > buffers[highest]->offset + buffers[highest]->bytes) highest = i;
    Buffer *moved = buffers[highest];
    memmove(buffers + 1, buffers, (size_t)highest * sizeof *buffers);
    buffers[0] = moved;
}

typedef struct Best {
    Buffer **order;
    size_t bytes;
} Best;

static void try_order(Best *best, Buffer **buffers, int count) {
    size_t end = pack(buffers, count);
    if (end >= best->bytes) return;
    memcpy(best->order, buffers, (size_t)count * sizeof *buffers);
    best->bytes = end;
}

/* Leaves the buffers at their offsets in the best order found; the arena's bytes. Every order is tried as it is; then
 * from each the buffer that ends highest is put first, again and again. */
static size_t pack_best(Arena *arena, Buffer **buffers, int count, size_t bound) {
    enum { PATIENCE = 20000, ORDERS = sizeof orders / sizeof orders[0] }; /* buffers placed from one order on */
    Best best = {.order = NEW_ARRAY(arena, Buffer *, count + 1), .bytes = SIZE_MAX};
    for (int patience = 0; patience <= PATIENCE; patience += PATIENCE)
        for (int i = 0; i < ORDERS && best.bytes > bound; i++) {
            qsort(buffers, (size_t)count, sizeof *buffers, orders[i]);
            try_order(&best, buffers, count);
            for (int turn = 0; turn * count < patience && best.bytes > bound; turn++) {
                put_highest_first(buffers, count);
                try_order(&best, buffers, count);
            }
        }
    return pack(best.order, count);
}

/* Each buffer with bytes of its own between guards. */
static size_t lay_apart(Buffer **buffers, int count) {
    size_t end = ALIGNMENT;
    for (int i = 0; i < count; i++) {
        buffers[i]->offset = end;
        end += buffers[i]->bytes + ALIGNMENT;
    }
    return count ? end : 0;
}

void plan_memory(Schedule *schedule, bool apart) {
    find_lifetimes(schedule);
    Buffer **arena = NEW_ARRAY(schedule->model->arena, Buffer *, schedule->buffers.count + 1);
    int count = 0;
    for (int i = 0; i < schedule->buffers.count; i++) {
        Buffer *buffer = schedule->buffers.at[i];
        if (buffer->kind == BUF_ARENA && buffer->first >= 0) arena[count++] = buffer;
    }
    schedule->lower_bound = 0;
    for (int position = 0; position <= schedule->kernels.count; position++) {
        size_t bytes = live_bytes(schedule, position);
        if (bytes > schedule->lower_bound) schedule->lower_bound = bytes;
    }
    if (apart) qsort(arena, (size_t)count, sizeof *arena, by_size);
    schedule->arena_bytes = apart        ? lay_apart(arena, count)
                            : count == 0 ? 0
                                         : pack_best(schedule->model->arena, arena, count, schedule->lower_bound);
}
