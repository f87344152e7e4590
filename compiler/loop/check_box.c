/* check_box.c: sets of elements of one array, as boxes and as bits.
 *
 *     16 * d + 256 * r, d in 0 … 15, r in 0 … 7, 16 wide     is     0 … 2047, one run
 *     20 * r,           r in 0 … 7, 16 wide                  is     8 runs of 16, from 0, 20, 40 … on */
#include "loop/check.h"

#include <stdlib.h>

Bits bits_new(Arena *arena, int64_t count) {
    return (Bits){NEW_ARRAY(arena, uint64_t, count / 64 + 1), count};
}

int64_t bits_total(const Bits *bits) {
    int64_t total = 0;
    for (int64_t i = 0; i <= bits->count / 64; i++) total += __builtin_popcountll(bits->word[i]);
    return total;
}

/* Bits low … high of a word. */
static uint64_t mask(int64_t low, int64_t high) {
    return (UINT64_MAX >> (63 - high)) & (UINT64_MAX << low);
}

/* Sets bits [from, to), or tells whether all of them are set. */
static bool run(const Bits *bits, int64_t from, int64_t to, bool set) {
    if (from >= to) return true;
    for (int64_t word = from / 64; word <= (to - 1) / 64; word++) {
        uint64_t wanted = mask(word == from / 64 ? from % 64 : 0, word == (to - 1) / 64 ? (to - 1) % 64 : 63);
        if (set)
            bits->word[word] |= wanted;
        else if ((bits->word[word] & wanted) != wanted)
            return false;
    }
    return true;
}

void bits_set(Bits *bits, int64_t from, int64_t to, bool value) {
    if (to > bits->count) to = bits->count;
    if (value)
        run(bits, from, to, true);
    else
        for (int64_t word = from / 64; from < to && word <= (to - 1) / 64; word++)
            bits->word[word] &= ~mask(word == from / 64 ? from % 64 : 0, word == (to - 1) / 64 ? (to - 1) % 64 : 63);
}

void box_hull(const Box *box, int64_t *first, int64_t *last) {
    *first = box->constant;
    *last = box->constant + box->width - 1;
    for (int i = 0; i < box->count; i++) {
        const Side *side = &box->side[i];
        int64_t a = side->scale * side->low, b = side->scale * (side->low + side->count - 1);
        *first += a < b ? a : b;
        *last += a < b ? b : a;
    }
}

/* Puts a side among others of smaller scale; sides of one scale make one. */
static void put_side(Box *box, int64_t scale, int64_t count) {
    int at = box->count;
    for (int i = 0; i < box->count; i++)
        if (box->side[i].scale == scale) {
            box->side[i].count += count - 1;
            return;
        }
    while (at > 0 && box->side[at - 1].scale > scale) box->side[at] = box->side[at - 1], at--;
    box->side[at] = (Side){NULL, scale, 0, count};
    box->count++;
}

Box box_packed(const Box *box) {
    Box sorted = {.width = box->width}, packed;
    int64_t last;
    box_hull(box, &sorted.constant, &last);
    for (int i = 0; i < box->count; i++) {
        int64_t scale = box->side[i].scale < 0 ? -box->side[i].scale : box->side[i].scale;
        if (scale && box->side[i].count > 1) put_side(&sorted, scale, box->side[i].count);
    }
    packed = (Box){.constant = sorted.constant, .width = sorted.width};
    for (int i = 0; i < sorted.count; i++)
        if (!packed.count && sorted.side[i].scale <= packed.width)
            packed.width += sorted.side[i].scale * (sorted.side[i].count - 1);
        else
            packed.side[packed.count++] = sorted.side[i];
    return packed;
}

/* Goes through the runs of a packed box from the side `at` down. */
static bool runs(const Bits *bits, const Box *box, int at, int64_t from, bool set) {
    if (at < 0) {
        int64_t to = from + box->width;
        if (!set && (from < 0 || to > bits->count)) return false;
        return run(bits, from < 0 ? 0 : from, to > bits->count ? bits->count : to, set);
    }
    for (int64_t i = 0; i < box->side[at].count; i++)
        if (!runs(bits, box, at - 1, from + i * box->side[at].scale, set)) return false;
    return true;
}

static int by_shape(const Box *a, const Box *b) {
    if (a->width != b->width) return a->width < b->width ? -1 : 1;
    if (a->count != b->count) return a->count - b->count;
    for (int i = 0; i < a->count; i++) {
        const Side *x = &a->side[i], *y = &b->side[i];
        if (x->scale != y->scale) return x->scale < y->scale ? -1 : 1;
        if (x->count != y->count) return x->count < y->count ? -1 : 1;
    }
    return 0;
}

static int by_shape_and_place(const void *a, const void *b) {
    const Box *x = a, *y = b;
    int shape = by_shape(x, y);
    return shape ? shape : (x->constant > y->constant) - (x->constant < y->constant);
}

/* How many boxes from the first on are alike and evenly spaced. */
static int row_of(const Box *boxes, int count) {
    int row = 1;
    while (row < count && by_shape(&boxes[0], &boxes[row]) == 0 &&
           boxes[row].constant - boxes[row - 1].constant == boxes[1].constant - boxes[0].constant)
        row++;
    return row;
}

static bool same_sides(const Box *a, const Box *b) {
    Box c = *b;
    c.width = a->width;
    return by_shape(a, &c) == 0;
}

/* Boxes whose runs meet end to end become one. */
static int joined(Box *boxes, int count, bool *changed) {
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++) {
            Box *a = &boxes[i];
            const Box *b = &boxes[j];
            if (i == j || !same_sides(a, b) || b->constant < a->constant || b->constant > a->constant + a->width)
                continue;
            int64_t end = b->constant + b->width - a->constant;
            if (end > a->width) a->width = end;
            *a = box_packed(a);
            boxes[j] = boxes[--count];
            if (i == count) i = j;
            *changed = true;
            j = -1;
        }
    return count;
}

int boxes_merged(Box *boxes, int count) {
    for (bool changed = true; changed;) {
        int kept = 0, row;
        changed = false;
        for (int i = 0; i < count; i++) boxes[i] = box_packed(&boxes[i]);
        qsort(boxes, (size_t)count, sizeof *boxes, by_shape_and_place);
        for (int i = 0; i < count; i += row) {
            Box whole = boxes[i];
            row = row_of(&boxes[i], count - i);
            if (row > 1 && boxes[i + 1].constant > whole.constant)
                put_side(&whole, boxes[i + 1].constant - whole.constant, row);
            changed |= row > 1;
            boxes[kept++] = whole;
        }
        count = joined(boxes, kept, &changed);
    }
    return count;
}

void box_mark(Bits *bits, const Box *box, int64_t origin) {
    Box packed = box_packed(box);
    runs(bits, &packed, packed.count - 1, packed.constant - origin, true);
}

bool box_inside(const Bits *bits, const Box *box, int64_t origin) {
    Box packed = box_packed(box);
    return runs(bits, &packed, packed.count - 1, packed.constant - origin, false);
}
