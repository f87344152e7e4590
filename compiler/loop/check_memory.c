/* check_memory.c: nothing is read before it is written, from the first kernel of an entry point to its last.
 *
 * What is known between kernels is a bit per element of each buffer: whether some kernel has written it. Inputs and
 * variables always hold something; a buffer of the arena loses what lies in bytes that another one writes to, and a
 * kernel that reads the one and writes the other must read each element first. Inside a kernel a load must read what
 * such a bit vouches for, or what earlier statements have written at the same turn of the loops that both stand in:
 *
 *     for r in rows { for n … { kept[n] = … } for n … { … kept[n] … } }
 *     at one r, the first loop writes 0 … 47, and 0 … 47 are read */
#include "loop/check.h"

#include <string.h>

typedef struct Held { /* what is known of a buffer */
    const Buffer *buffer;
    bool always; /* the caller's, or it lives on between calls */
    Bits bits;
    bool any, full;       /* some of them may be set; all are */
    bool stored, bounded; /* bounded: all integers stored to it are 0 … limit - 1 */
    int64_t limit;
} Held;

struct Memory {
    Arena *arena;
    VEC(Held) held;
};

Memory *memory_new(Arena *arena, const Schedule *schedule) {
    Memory *memory = NEW(arena, Memory);
    memory->arena = arena;
    for (int i = 0; i < schedule->buffers.count; i++) {
        const Buffer *buffer = schedule->buffers.at[i];
        bool always = buffer->kind != BUF_ARENA && buffer->kind != BUF_RESULT;
        vec_push(arena, &memory->held, ((Held){.buffer = buffer, .always = always}));
    }
    return memory;
}

static Held *held_of(const Memory *memory, const Buffer *buffer) {
    if (!memory || !buffer) return NULL;
    int id = buffer->id;
    if (id >= 0 && id < memory->held.count && memory->held.at[id].buffer == buffer) return &memory->held.at[id];
    for (int i = 0; i < memory->held.count; i++)
        if (memory->held.at[i].buffer == buffer) return &memory->held.at[i];
    fatal("lower", "%s is no buffer of the schedule", buffer->name);
}

/* ---- inside one kernel ---- */

static bool same_place(const Touch *a, const Touch *b) {
    return a->array->buffer ? a->array->buffer == b->array->buffer : a->array == b->array;
}

/* How many loops both stand in, at the same walk of each. */
static int loops_of_both(const Touch *a, const Touch *b) {
    int count = 0;
    while (count < a->depth && count < b->depth && a->around[count].dim == b->around[count].dim &&
           a->around[count].walk == b->around[count].walk)
        count++;
    return count;
}

static bool stands_still(const Touch *touch, int loops, const Dim *dim) {
    for (int i = 0; i < loops; i++)
        if (dim && touch->around[i].dim == dim->root) return true;
    return false;
}

/* The elements at one turn of the first `loops` loops: the sides of those are taken out. */
static Box at_one_turn(const Touch *touch, int loops) {
    Box box = {.constant = touch->box.constant, .width = touch->box.width};
    for (int i = 0; i < touch->box.count; i++)
        if (!stands_still(touch, loops, touch->box.side[i].dim)) box.side[box.count++] = touch->box.side[i];
    return box;
}

static int64_t scale_of(const Box *box, const Dim *dim) {
    for (int i = 0; i < box->count; i++)
        if (box->side[i].dim == dim) return box->side[i].scale;
    return 0;
}

/* Whether both move alike with the first `loops` loops. */
static bool move_alike(const Touch *a, const Touch *b, int loops) {
    for (int i = 0; i < a->box.count; i++)
        if (stands_still(a, loops, a->box.side[i].dim) && a->box.side[i].scale != scale_of(&b->box, a->box.side[i].dim))
            return false;
    return true;
}

/* Whether the stores that stand in exactly these loops of the load's have written all that it reads there. */
static bool written_at(const Checker *c, const Touch *load, int loops) {
    Box wanted = at_one_turn(load, loops);
    int64_t first, last, from, to;
    box_hull(&wanted, &first, &last);
    Bits bits = {0};
    for (int i = 0; i < c->touches.count; i++) {
        const Touch *store = &c->touches.at[i];
        if (!store->store || store->data || !same_place(store, load) || loops_of_both(store, load) != loops) continue;
        if (!move_alike(load, store, loops)) continue;
        Box given = at_one_turn(store, loops), packed = box_packed(&given);
        box_hull(&packed, &from, &to);
        if (packed.count == 0 && from <= first && to >= last) return true;
        if (to < first || from > last) continue;
        if (!bits.word) bits = bits_new(c->arena, last - first + 1);
        box_mark(&bits, &given, first);
    }
    return bits.word && box_inside(&bits, &wanted, first);
}

bool check_stored_before(const Checker *c, const Touch *load) {
    for (int loops = load->depth; loops > 0 && load->array->buffer && !load->data; loops--)
        if (written_at(c, load, loops)) return true;
    return false;
}

void check_defined(Checker *c, const Touch *load) {
    const Held *held = held_of(c->memory, load->array->buffer);
    if (load->array->buffer && (!held || held->always)) return;
    if (held && (held->full || box_inside(&held->bits, &load->box, 0))) return;
    for (int loops = load->depth; loops >= 0; loops--)
        if (written_at(c, load, loops)) return;
    int64_t first, last;
    box_hull(&load->box, &first, &last);
    fatal("lower", "%s: of elements %lld … %lld of %s not all were written before they are read", c->function->name,
          (long long)first, (long long)last, load->array->name);
}

/* ---- from kernel to kernel ---- */

static bool share_bytes(const Buffer *a, const Buffer *b) {
    return a != b && a->kind == BUF_ARENA && b->kind == BUF_ARENA && a->offset < b->offset + b->bytes &&
           b->offset < a->offset + a->bytes;
}

static int64_t size_of(const Checker *c, const Buffer *buffer) {
    return buffer->dtype == DT_FLOAT ? c->float_bytes : buffer->dtype == DT_I32 ? 4 : 1;
}

/* The bytes of the arena that an access touches, from the first to the last. */
static void bytes_of(const Checker *c, const Touch *touch, int64_t *from, int64_t *to) {
    const Buffer *buffer = touch->array->buffer;
    int64_t first, last;
    box_hull(&touch->box, &first, &last);
    *from = (int64_t)buffer->offset + first * size_of(c, buffer);
    *to = (int64_t)buffer->offset + (last + 1) * size_of(c, buffer);
}

/* Whether what the kernel writes over what it reads itself it has read before. */
static bool read_first(const Checker *c, const Touch *touch, const Touch *store) {
    const Buffer *of = touch->array->buffer, *into = store->array->buffer;
    int64_t from, to, first, past;
    bytes_of(c, touch, &from, &to);
    bytes_of(c, store, &first, &past);
    if (to <= first || past <= from) return true;
    if (touch->store || of->dtype != into->dtype) return false;
    return check_read_first(c, touch, store, ((int64_t)of->offset - (int64_t)into->offset) / size_of(c, into));
}

/* What `held` keeps is lost where the store comes to. */
static void forget(const Checker *c, Held *held, const Touch *store) {
    int64_t from, to, size = size_of(c, held->buffer), start = (int64_t)held->buffer->offset;
    bytes_of(c, store, &from, &to);
    from -= start, to -= start;
    if (to <= 0 || from >= held->buffer->count * size) return;
    if (!held->bits.word) held->bits = bits_new(c->memory->arena, held->buffer->count);
    if (held->full) bits_set(&held->bits, 0, held->buffer->count, true);
    bits_set(&held->bits, from < 0 ? 0 : from / size, (to + size - 1) / size, false);
    held->full = false;
}

/* A store to a buffer ends what others hold in its bytes. */
static void overwrite(const Checker *c, const Buffer *buffer) {
    for (int i = 0; i < c->memory->held.count; i++) {
        Held *held = &c->memory->held.at[i];
        if (!share_bytes(held->buffer, buffer)) continue;
        for (int j = 0; j < c->touches.count; j++) {
            const Touch *store = &c->touches.at[j];
            if (!store->store || store->array->buffer != buffer) continue;
            for (int k = 0; k < c->touches.count; k++)
                if (c->touches.at[k].array->buffer == held->buffer && !read_first(c, &c->touches.at[k], store))
                    fatal("plan", "%s: %s and %s lie in the same bytes, and not all is read before it is overwritten",
                          c->function->name, buffer->name, held->buffer->name);
            if (held->any) forget(c, held, store);
        }
    }
}

/* What the function has stored to a buffer for certain. */
static void fill(Checker *c, Held *held, Box *boxes) {
    int count = 0;
    bool stored = false;
    for (int i = 0; i < c->touches.count; i++) {
        const Touch *store = &c->touches.at[i];
        if (!store->store || store->array->buffer != held->buffer) continue;
        stored = true;
        if (!store->data) boxes[count++] = store->box;
    }
    if (stored) overwrite(c, held->buffer);
    if (!stored || held->always || held->full) return;
    count = boxes_merged(boxes, count);
    held->full = count == 1 && boxes[0].count == 0 && boxes[0].width == held->buffer->count;
    held->any = held->any || held->full;
    if (held->full) return;
    if (!held->bits.word) held->bits = bits_new(c->memory->arena, held->buffer->count);
    for (int i = 0; i < count; i++) box_mark(&held->bits, &boxes[i], 0);
    held->any = true;
    held->full = bits_total(&held->bits) == held->buffer->count;
}

void memory_after(Checker *c) {
    if (!c->memory) return;
    Box *boxes = NEW_ARRAY(c->arena, Box, c->touches.count + 1);
    for (int i = 0; i < c->function->arrays.count; i++)
        if (c->function->arrays.at[i]->written) fill(c, held_of(c->memory, c->function->arrays.at[i]->buffer), boxes);
}

void memory_end(const Memory *memory) {
    for (int i = 0; i < memory->held.count; i++) {
        const Held *held = &memory->held.at[i];
        if (held->buffer->kind != BUF_RESULT || held->full || held->buffer->count == 0) continue;
        int64_t written = held->bits.word ? bits_total(&held->bits) : 0;
        fatal("lower", "of result %s's %lld elements %lld are written", held->buffer->name,
              (long long)held->buffer->count, (long long)written);
    }
}

/* ---- integers that a range check let through ---- */

bool memory_limit(const Checker *c, const Array *array, int64_t *limit) {
    const Held *held = held_of(c->memory, array->buffer);
    if (!held || held->always || !held->stored || !held->bounded) return false;
    *limit = held->limit;
    return true;
}

void memory_stores_value(Checker *c, const Array *array, bool bounded, int64_t limit) {
    Held *held = held_of(c->memory, array->buffer);
    if (!held) return;
    held->bounded = bounded && (!held->stored || held->bounded);
    if (!held->stored || limit > held->limit) held->limit = limit;
    held->stored = true;
}
