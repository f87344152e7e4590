/* memory.c: places every buffer of the arena by the kernels at which its pieces live.
 *
 * First of all the kernels come into an order that needs little (peak.c).
 * A buffer that lies over another (overlay.c) is no block of its own: the two are one, which lives as long as both. One
 * block after the other goes to the lowest offset where it meets no bytes that live at the same time; offsets are
 * multiples of 64. A block of pieces lets others have the bytes of those that are not there yet. Which comes first
 * decides how well that goes: the largest, those that live longest, or those that are there first. Where no order comes
 * down to the lower bound, the largest sum of live bytes at any kernel, the block that ends highest in the best one is
 * put first, a number of times. For --check every buffer has bytes of its own and a guard on each side.
 */
#include "kernel/lives.h"

#include <stdlib.h>
#include <string.h>

/* ---- blocks ---- */

typedef struct Block {
    Buffer *buffer;
    Stay *stays; /* as long as anything lives there */
    int count;
    int first, last;
    size_t bytes, offset;
} Block;

typedef struct Blocks {
    Block **at;
    int count;
    const Lives *lives;
    int *under; /* by piece: the one that takes its bytes over, or -1 */
} Blocks;

/* The piece whose place decides where this one lies. */
static int foundation(const Blocks *blocks, int piece) {
    while (blocks->under[piece] >= 0) piece = blocks->under[piece];
    return piece;
}

static Block *block_of(Arena *arena, const Lives *lives, Buffer *buffer) {
    Block *block = NEW(arena, Block);
    int from = lives->first_piece[buffer->id], to = lives->first_piece[buffer->id + 1];
    *block = (Block){.buffer = buffer, .count = to - from, .bytes = buffer->bytes};
    block->stays = NEW_ARRAY(arena, Stay, block->count + 1);
    memcpy(block->stays, buffer->stays, (size_t)block->count * sizeof *block->stays);
    return block;
}

static Blocks find_blocks(Arena *arena, const Lives *lives) {
    const Schedule *schedule = lives->schedule;
    Blocks blocks = {.lives = lives, .at = NEW_ARRAY(arena, Block *, schedule->buffers.count + 1)};
    Block **of_buffer = NEW_ARRAY(arena, Block *, schedule->buffers.count + 1);
    blocks.under = NEW_ARRAY(arena, int, lives->pieces.count + 1);
    for (int i = 0; i < lives->pieces.count; i++) blocks.under[i] = -1;
    for (int i = 0; i < lives->pieces.count; i++)
        if (lives->pieces.at[i].over >= 0) blocks.under[lives->pieces.at[i].over] = i;
    for (int id = 0; id < schedule->buffers.count; id++) {
        Buffer *buffer = schedule->buffers.at[id];
        int piece = lives->first_piece[id];
        bool lives_at_all = piece < lives->first_piece[id + 1];
        if (buffer->kind != BUF_ARENA || !lives_at_all || blocks.under[piece] >= 0) continue;
        blocks.at[blocks.count++] = of_buffer[id] = block_of(arena, lives, buffer);
    }
    for (int i = 0; i < lives->pieces.count; i++) {
        const Piece *piece = &lives->pieces.at[i];
        int at = foundation(&blocks, i);
        if (!piece_in_arena(piece) || at == i) continue;
        int id = lives->pieces.at[at].buffer->id;
        Stay *stay = &of_buffer[id]->stays[at - lives->first_piece[id]];
        if (piece->first < stay->first) stay->first = piece->first;
    }
    for (int i = 0; i < blocks.count; i++) {
        Block *block = blocks.at[i];
        block->first = block->stays[0].first, block->last = block->stays[0].last;
        for (int j = 1; j < block->count; j++) {
            if (block->stays[j].first < block->first) block->first = block->stays[j].first;
            if (block->stays[j].last > block->last) block->last = block->stays[j].last;
        }
    }
    return blocks;
}

/* ---- which comes first ---- */

static int by_size(const void *left, const void *right) {
    const Block *a = *(Block *const *)left, *b = *(Block *const *)right;
    if (a->bytes != b->bytes) return a->bytes < b->bytes ? 1 : -1;
    return a->buffer->id - b->buffer->id;
}

static int by_life(const void *left, const void *right) {
    const Block *a = *(Block *const *)left, *b = *(Block *const *)right;
    int lives = b->last - b->first - (a->last - a->first);
    return lives ? lives : by_size(left, right);
}

static int by_room(const void *left, const void *right) {
    const Block *a = *(Block *const *)left, *b = *(Block *const *)right;
    double rooms = (double)b->bytes * (b->last - b->first + 1) - (double)a->bytes * (a->last - a->first + 1);
    return rooms > 0 ? 1 : rooms < 0 ? -1 : by_size(left, right);
}

static int by_first(const void *left, const void *right) {
    const Block *a = *(Block *const *)left, *b = *(Block *const *)right;
    return a->first != b->first ? a->first - b->first : by_size(left, right);
}

/* What lives longest goes lowest into the bytes of pieces that come last. */
static int by_pieces(const void *left, const void *right) {
    const Block *a = *(Block *const *)left, *b = *(Block *const *)right;
    if ((a->count > 1) != (b->count > 1)) return a->count > 1 ? -1 : 1;
    return by_life(left, right);
}

static int (*const orders[])(const void *, const void *) = {by_size, by_life, by_room, by_first, by_pieces};

/* ---- packing ---- */

static bool meet(int first, int last, int other_first, int other_last) {
    return first <= other_last && other_first <= last;
}

typedef struct Taken { /* bytes of the arena that a placed block has, and when */
    size_t start, end;
    int first, last;
} Taken;

/* The next offset to try, from `offset` on, for a block of which this stay meets what is taken; `offset` if it meets
 * nothing. `taken` goes by start. */
static size_t past(const Taken *taken, int count, const Stay *stay, size_t offset) {
    size_t start = offset + stay->from, from = start;
    for (int i = 0; i < count && taken[i].start < start + stay->bytes; i++)
        if (taken[i].end > start && meet(stay->first, stay->last, taken[i].first, taken[i].last)) start = taken[i].end;
    return start == from ? offset : aligned(start - stay->from);
}

/* The lowest offset at which no bytes of the block are taken while they live. */
static size_t lowest_offset(const Taken *taken, int count, const Block *block) {
    size_t offset = 0;
    for (int i = 0; i < block->count; i++) {
        size_t next = past(taken, count, &block->stays[i], offset);
        if (next == offset) continue;
        offset = next;
        i = -1;
    }
    return offset;
}

static int take(Taken *taken, int count, const Block *block) {
    for (int i = 0; i < block->count; i++) {
        const Stay *stay = &block->stays[i];
        size_t start = block->offset + stay->from;
        int at = count++;
        for (; at > 0 && taken[at - 1].start > start; at--) taken[at] = taken[at - 1];
        taken[at] = (Taken){start, start + stay->bytes, stay->first, stay->last};
    }
    return count;
}

static size_t pack(Block **blocks, int count, Taken *taken) {
    size_t end = 0;
    int placed = 0;
    for (int i = 0; i < count; i++) {
        blocks[i]->offset = lowest_offset(taken, placed, blocks[i]);
        placed = take(taken, placed, blocks[i]);
        if (blocks[i]->offset + blocks[i]->bytes > end) end = blocks[i]->offset + blocks[i]->bytes;
    }
    return end;
}

static void put_highest_first(Block **blocks, int count) {
    int highest = 0;
    for (int i = 1; i < count; i++)
        if (blocks[i]->offset + blocks[i]->bytes > blocks[highest]->offset + blocks[highest]->bytes) highest = i;
    Block *moved = blocks[highest];
    memmove(blocks + 1, blocks, (size_t)highest * sizeof *blocks);
    blocks[0] = moved;
}

typedef struct Best {
    Block **order;
    size_t bytes;
    Taken *taken; /* room for all */
} Best;

static void try_order(Best *best, Block **blocks, int count) {
    size_t end = pack(blocks, count, best->taken);
    if (end >= best->bytes) return;
    memcpy(best->order, blocks, (size_t)count * sizeof *blocks);
    best->bytes = end;
}

/* Leaves the blocks at their offsets in the best order found; the arena's bytes. Every order is tried as it is; then
 * from each the block that ends highest is put first, again and again, down to nearly the bound. */
static size_t pack_best(Arena *arena, Block **blocks, int count, size_t bound) {
    enum {
        NEARLY = 256,
        PATIENCE = 10000,
        ORDERS = sizeof orders / sizeof orders[0]
    }; /* blocks placed from one order on */
    Best best = {.order = NEW_ARRAY(arena, Block *, count + 1), .bytes = SIZE_MAX};
    int stays = 0;
    bound += bound / NEARLY;
    for (int i = 0; i < count; i++) stays += blocks[i]->count;
    best.taken = NEW_ARRAY(arena, Taken, stays + 1);
    for (int patience = 0; patience <= PATIENCE; patience += PATIENCE)
        for (int i = 0; i < ORDERS && best.bytes > bound; i++) {
            qsort(blocks, (size_t)count, sizeof *blocks, orders[i]);
            try_order(&best, blocks, count);
            for (int turn = 0; turn * count < patience && best.bytes > bound; turn++) {
                put_highest_first(blocks, count);
                try_order(&best, blocks, count);
            }
        }
    return pack(best.order, count, best.taken);
}

/* Each buffer with bytes of its own between guards. */
static size_t lay_apart(Block **blocks, int count) {
    size_t end = ALIGNMENT;
    qsort(blocks, (size_t)count, sizeof *blocks, by_size);
    for (int i = 0; i < count; i++) {
        blocks[i]->offset = end;
        end += blocks[i]->bytes + ALIGNMENT;
    }
    return count ? end : 0;
}

/* ---- what the schedule keeps of it ---- */

/* The buffer's own offset: its block's, or that of the piece it lies under, and so on. */
static void put_offsets(const Blocks *blocks) {
    const Lives *lives = blocks->lives;
    for (int i = 0; i < blocks->count; i++) blocks->at[i]->buffer->offset = blocks->at[i]->offset;
    for (int i = 0; i < lives->pieces.count; i++) {
        const Piece *piece = &lives->pieces.at[i], *base = &lives->pieces.at[foundation(blocks, i)];
        if (base != piece) piece->buffer->offset = base->buffer->offset + base->from;
    }
    for (int i = 0; i < lives->pieces.count; i++) {
        const Piece *piece = &lives->pieces.at[i];
        if (piece->over >= 0) lives->pieces.at[piece->over].buffer->under = piece->buffer;
    }
}

static void put_stays(Arena *arena, const Lives *lives, Schedule *schedule) {
    for (int id = 0; id < schedule->buffers.count; id++) {
        Buffer *buffer = schedule->buffers.at[id];
        int from = lives->first_piece[id], to = lives->first_piece[id + 1];
        buffer->first = buffer->last = -1;
        buffer->under = NULL;
        buffer->stay_count = 0;
        if (buffer->kind != BUF_ARENA) continue;
        buffer->stays = NEW_ARRAY(arena, Stay, to - from + 1);
        for (int i = from; i < to; i++) {
            const Piece *piece = &lives->pieces.at[i];
            buffer->stays[buffer->stay_count++] = (Stay){piece->from, piece->bytes, piece->first, piece->last};
            if (buffer->first < 0 || piece->first < buffer->first) buffer->first = piece->first;
            if (piece->last > buffer->last) buffer->last = piece->last;
        }
    }
}

/* Kernels up to the last check stay in front. */
static int first_movable(const Schedule *schedule) {
    int first = 0;
    for (int i = 0; i < schedule->kernels.count; i++)
        if (schedule->kernels.at[i]->kind == KERNEL_CHECK) first = i + 1;
    return first;
}

/* The pieces of the order that is kept, measured. */
static Lives *settle(Schedule *schedule) {
    Arena *arena = schedule->model->arena;
    Lives *lives = lives_of(schedule);
    int count = schedule->kernels.count, *order = NEW_ARRAY(arena, int, count + 1);
    for (int i = 0; i < count; i++) order[i] = i;
    lower_peak(lives, first_movable(schedule), order);
    schedule->live = NEW_ARRAY(arena, size_t, count + 1);
    schedule->lower_bound = lives_measure(lives, order, count, schedule->live);
    reorder(schedule, order);
    return lives;
}

void plan_memory(Schedule *schedule, bool apart) {
    Arena *arena = schedule->model->arena;
    Lives *lives = settle(schedule);
    put_stays(arena, lives, schedule);
    for (int i = 0; apart && i < lives->pieces.count; i++) lives->pieces.at[i].over = -1;
    Blocks blocks = find_blocks(arena, lives);
    schedule->arena_bytes = apart               ? lay_apart(blocks.at, blocks.count)
                            : blocks.count == 0 ? 0
                                                : pack_best(arena, blocks.at, blocks.count, schedule->lower_bound);
    put_offsets(&blocks);
}
