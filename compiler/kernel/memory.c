/* memory.c: places every buffer of the arena by the span of kernels in which it lives.
 *
 * Largest first, each at the lowest offset where it meets no buffer that lives at the same time; offsets are multiples
 * of 64 bytes. The lower bound is the largest sum of live bytes at any kernel. For --check every buffer has bytes of
 * its own and a guard on each side.
 */
#include "kernel/kernel.h"

#include <stdlib.h>

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

void plan_memory(Schedule *schedule, bool apart) {
    find_lifetimes(schedule);
    Buffer **arena = NEW_ARRAY(schedule->model->arena, Buffer *, schedule->buffers.count);
    int count = 0;
    for (int i = 0; i < schedule->buffers.count; i++) {
        Buffer *buffer = schedule->buffers.at[i];
        if (buffer->kind == BUF_ARENA && buffer->first >= 0) arena[count++] = buffer;
    }
    qsort(arena, (size_t)count, sizeof *arena, by_size);
    size_t guard = apart ? ALIGNMENT : 0;
    schedule->arena_bytes = schedule->lower_bound = 0;
    for (int i = 0; i < count; i++) {
        arena[i]->offset = apart ? schedule->arena_bytes + guard * !i : lowest_offset(arena, i, arena[i]);
        size_t end = arena[i]->offset + arena[i]->bytes + guard;
        if (end > schedule->arena_bytes) schedule->arena_bytes = end;
    }
    for (int position = 0; position <= schedule->kernels.count; position++) {
        size_t bytes = live_bytes(schedule, position);
        if (bytes > schedule->lower_bound) schedule->lower_bound = bytes;
    }
}
