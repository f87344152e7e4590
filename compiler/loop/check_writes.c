/* check_writes.c: what runs at the same time, or in turns whose order is free, stores apart.
 *
 * The question is one, of two accesses of a buffer or of one with itself: do they meet at one element only where they
 * agree in certain dims, the labels (the digits of the slice's number; for an order of turns the loops around both as
 * well)? It is answered by taking addresses apart at a scale M,
 *
 *     200 * row + 16 * panel + 0 … 15,  panel in 0 … 11       and       200 * row + 192 + 0 … 7,  panel = 12
 *     M = 200: above it rows, below it 0 … 191 and 192 … 199, which never meet
 *
 * and, for what can't be taken apart, by writing down for each element who comes to it. */
#include "loop/check.h"

#include <stdlib.h>
#include <string.h>

typedef enum Meeting { NEVER, WHERE_LABELS_AGREE, UNKNOWN } Meeting;

typedef struct Labels {
    int count;
    const Dim *dim[MOST_DIMS];
} Labels;

typedef struct Part {         /* an access, or the part of its addresses above or below a scale */
    Box box;                  /* sides with scale 0 or one value taken out */
    bool fixed[MOST_DIMS];    /* by label: it has one value for the whole access */
    int64_t value[MOST_DIMS]; /* if so, that value */
} Part;

typedef struct Two {
    Part part[2];
} Two;

static const Side *side_of(const Box *box, const Dim *dim) {
    for (int i = 0; i < box->count; i++)
        if (box->side[i].dim == dim) return &box->side[i];
    return NULL;
}

/* ---- who comes to each element ---- */

typedef struct Ledger {
    const Labels *labels;
    int64_t first;
    int64_t *owner; /* by element: a number for the labels' values of the first access; 0: it doesn't come there */
    Meeting meeting;
} Ledger;

static void enter(Ledger *ledger, const Part *part, bool second, int at, int64_t address, int64_t *value) {
    if (at < part->box.count) {
        const Side *side = &part->box.side[at];
        int label = -1;
        for (int i = 0; i < ledger->labels->count; i++)
            if (side->dim && ledger->labels->dim[i] == side->dim) label = i;
        for (int64_t v = side->low; v < side->low + side->count && ledger->meeting != UNKNOWN; v++) {
            if (label >= 0) value[label] = v;
            enter(ledger, part, second, at + 1, address + side->scale * v, value);
        }
        return;
    }
    int64_t owner = 1;
    for (int i = 0; i < ledger->labels->count; i++) owner = (int64_t)((uint64_t)owner * 0x100003u + (uint64_t)value[i]);
    for (int64_t e = address - ledger->first; e < address - ledger->first + part->box.width; e++) {
        if (ledger->owner[e] && ledger->owner[e] != owner)
            ledger->meeting = UNKNOWN;
        else if (ledger->owner[e] && second)
            ledger->meeting = WHERE_LABELS_AGREE;
        if (!second) ledger->owner[e] = owner;
    }
}

static Meeting meet_by_ledger(Arena *arena, const Two *two, bool same, const Labels *labels) {
    static const double most = 1 << 22;
    int64_t low = INT64_MAX, high = INT64_MIN, first, last;
    for (int i = 0; i < 2; i++) {
        const Part *part = &two->part[i];
        double work = (double)part->box.width;
        box_hull(&part->box, &first, &last);
        if (first < low) low = first;
        if (last > high) high = last;
        for (int j = 0; j < part->box.count; j++) work *= (double)part->box.side[j].count;
        if (work > most) return UNKNOWN;
        for (int j = 0; j < labels->count; j++) /* a label that doesn't move it: all its values meet */
            if (!part->fixed[j] && !side_of(&part->box, labels->dim[j])) return UNKNOWN;
    }
    if ((double)(high - low) > most) return UNKNOWN;
    Ledger ledger = {labels, low, NEW_ARRAY(arena, int64_t, high - low + 1), same ? WHERE_LABELS_AGREE : NEVER};
    /* an access that comes to an element twice is asked about the second time, for it may be a load */
    for (int i = 0; i < (same ? 1 : 2); i++) {
        int64_t value[MOST_DIMS];
        memcpy(value, two->part[i].value, sizeof value);
        enter(&ledger, &two->part[i], i == 1, 0, two->part[i].box.constant, value);
    }
    return ledger.meeting;
}

/* ---- above and below a scale ---- */

static int64_t floor_of(int64_t a, int64_t b) {
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/* False if the part's addresses, counted from `start`, don't stay within one multiple of M below M. */
static bool take_apart(const Part *part, int64_t m, int64_t start, Part *above, Part *below) {
    *above = *below = *part;
    above->box.count = below->box.count = 0;
    above->box.constant = 0;
    above->box.width = 1;
    for (int i = 0; i < part->box.count; i++) {
        Side side = part->box.side[i];
        bool high = side.scale % m == 0;
        if (high) side.scale /= m;
        Box *into = high ? &above->box : &below->box;
        into->side[into->count++] = side;
    }
    int64_t first, last;
    box_hull(&below->box, &first, &last);
    int64_t base = floor_of(first - start, m);
    if (floor_of(last - start, m) != base) return false;
    above->box.constant = base;
    below->box.constant -= base * m;
    return true;
}

/* The labels for which `keep` says so. */
static void keep_labels(Two *two, const Labels *labels, const bool *keep, bool kept_if, Labels *kept) {
    kept->count = 0;
    for (int i = 0; i < labels->count; i++) {
        if (keep[i] != kept_if) continue;
        for (int j = 0; j < 2; j++) {
            two->part[j].fixed[kept->count] = two->part[j].fixed[i];
            two->part[j].value[kept->count] = two->part[j].value[i];
        }
        kept->dim[kept->count++] = labels->dim[i];
    }
}

static Meeting meet(Arena *arena, const Two *two, bool same, const Labels *labels, int depth);

/* Both taken apart, from the first address of the one or of the other on. */
static bool both_apart(const Two *two, int64_t m, Two *above, Two *below) {
    int64_t first[2], last;
    for (int i = 0; i < 2; i++) {
        take_apart(&two->part[i], m, 0, &above->part[i], &below->part[i]);
        box_hull(&below->part[i].box, &first[i], &last);
    }
    for (int i = 0; i < 2; i++)
        if (take_apart(&two->part[0], m, first[i], &above->part[0], &below->part[0]) &&
            take_apart(&two->part[1], m, first[i], &above->part[1], &below->part[1]))
            return true;
    return false;
}

static Meeting meet_at(Arena *arena, const Two *two, bool same, const Labels *labels, int64_t m, int depth) {
    Two *above = NEW(arena, Two), *below = NEW(arena, Two);
    if (!both_apart(two, m, above, below)) return UNKNOWN;
    bool is_above[MOST_DIMS] = {false};
    for (int i = 0; i < labels->count; i++)
        for (int j = 0; j < 2; j++) is_above[i] |= side_of(&above->part[j].box, labels->dim[i]) != NULL;
    Labels high, low;
    keep_labels(above, labels, is_above, true, &high);
    keep_labels(below, labels, is_above, false, &low);
    Meeting lower = meet(arena, below, same, &low, depth + 1);
    if (lower == NEVER) return NEVER;
    Meeting upper = meet(arena, above, same, &high, depth + 1);
    if (upper == NEVER) return NEVER;
    return lower == UNKNOWN || upper == UNKNOWN ? UNKNOWN : WHERE_LABELS_AGREE;
}

static bool labels_agree(const Two *two, const Labels *labels) {
    for (int i = 0; i < labels->count; i++)
        if (!two->part[0].fixed[i] || !two->part[1].fixed[i] || two->part[0].value[i] != two->part[1].value[i])
            return false;
    return true;
}

static bool hulls_meet(const Box *a, const Box *b) {
    int64_t first[2], last[2];
    box_hull(a, &first[0], &last[0]);
    box_hull(b, &first[1], &last[1]);
    return first[0] <= last[1] && first[1] <= last[0];
}

static int descending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

static Meeting meet(Arena *arena, const Two *two, bool same, const Labels *labels, int depth) {
    int64_t scales[4 * MOST_DIMS];
    int count = 0;
    if (!same && !hulls_meet(&two->part[0].box, &two->part[1].box)) return NEVER;
    Meeting known = labels_agree(two, labels) ? WHERE_LABELS_AGREE : UNKNOWN;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < two->part[i].box.count; j++) {
            int64_t scale = llabs(two->part[i].box.side[j].scale);
            bool seen = scale <= 1;
            for (int k = 0; k < count; k++) seen |= scales[k] == scale;
            if (!seen) scales[count++] = scale;
        }
    qsort(scales, (size_t)count, sizeof *scales, descending);
    for (int i = 0; i < count && depth < 8 && (known == UNKNOWN || !same); i++) {
        Meeting meeting = meet_at(arena, two, same, labels, scales[i], depth);
        if (meeting == NEVER) return NEVER;
        if (meeting == WHERE_LABELS_AGREE) known = meeting;
        if (known != UNKNOWN && depth > 0) break;
    }
    return known == UNKNOWN ? meet_by_ledger(arena, two, same, labels) : known;
}

/* ---- pairs of accesses ---- */

/* A value that all turns see is one for both accesses, and moves both alike. */
static bool moves_both(const Side *side, const Touch *other) {
    const Side *there = side->dim && side->dim->outside ? side_of(&other->box, side->dim) : NULL;
    return there && there->scale == side->scale;
}

static Part part_of(const Touch *touch, const Touch *other, const Labels *labels) {
    Part part = {.box = {.constant = touch->box.constant, .width = touch->box.width}};
    for (int i = 0; i < touch->box.count; i++) {
        Side side = touch->box.side[i];
        if (moves_both(&side, other)) continue;
        for (int j = 0; j < labels->count; j++)
            if (side.dim == labels->dim[j] && side.count == 1) part.fixed[j] = true, part.value[j] = side.low;
        if (side.scale && side.count == 1) part.box.constant += side.scale * side.low;
        if (side.scale && side.count > 1) part.box.side[part.box.count++] = side;
    }
    return part;
}

/* Whether each label is a dim of both: not where a slice's number was taken apart for one of them only. */
static bool both_have(const Touch *a, const Touch *b, const Labels *labels) {
    for (int i = 0; i < labels->count; i++)
        if (!side_of(&a->box, labels->dim[i]) || !side_of(&b->box, labels->dim[i])) return false;
    return true;
}

static Meeting meeting_of(const Touch *a, const Touch *b, const Labels *labels) {
    if (a != b && !hulls_meet(&a->box, &b->box)) return NEVER;
    if (!both_have(a, b, labels)) return UNKNOWN;
    Arena *arena = arena_new();
    Two *two = NEW(arena, Two);
    two->part[0] = part_of(a, b, labels), two->part[1] = part_of(b, a, labels);
    Meeting meeting = meet(arena, two, a == b, labels, 0);
    arena_free(arena);
    return meeting;
}

static bool are_apart(const Touch *a, const Touch *b, const Labels *labels) {
    return meeting_of(a, b, labels) != UNKNOWN;
}

static void add_label(Labels *labels, const Dim *dim) {
    for (int i = 0; i < labels->count; i++)
        if (labels->dim[i] == dim) return;
    if (labels->count < MOST_DIMS) labels->dim[labels->count++] = dim;
}

static bool same_box(const Box *a, const Box *b) {
    if (a->constant != b->constant || a->width != b->width || a->count != b->count) return false;
    for (int i = 0; i < a->count; i++) {
        const Side *x = &a->side[i], *y = &b->side[i];
        if (x->dim != y->dim || x->scale != y->scale || x->low != y->low || x->count != y->count) return false;
    }
    return true;
}

static bool is_stored(const Checker *c, const Buffer *buffer) {
    for (int i = 0; i < c->touches.count; i++)
        if (c->touches.at[i].store && c->touches.at[i].array->buffer == buffer) return true;
    return false;
}

/* ---- slices ---- */

/* The touches of a buffer, those of the same elements once. */
static int touches_of(const Checker *c, const Buffer *buffer, const Touch **touches) {
    int count = 0;
    for (int i = 0; i < c->touches.count; i++) {
        const Touch *touch = &c->touches.at[i];
        bool seen = touch->array->buffer != buffer;
        for (int j = 0; j < count && !seen; j++)
            seen = touches[j]->store >= touch->store && same_box(&touches[j]->box, &touch->box);
        if (!seen) touches[count++] = touch;
    }
    return count;
}

static void check_slices(Checker *c, const Buffer *buffer) {
    const Touch **touches = NEW_ARRAY(c->arena, const Touch *, c->touches.count);
    int count = touches_of(c, buffer, touches);
    Labels labels = {0};
    for (int i = 0; i < count; i++)
        for (int j = 0; j < touches[i]->box.count; j++)
            if (touches[i]->box.side[j].dim && touches[i]->box.side[j].dim->kind == DIM_SLICE)
                add_label(&labels, touches[i]->box.side[j].dim);
    for (int i = 0; i < count; i++)
        for (int j = i; j < count; j++)
            if ((touches[i]->store || touches[j]->store) && !are_apart(touches[i], touches[j], &labels))
                fatal("lower", "%s: slices that run at the same time don't store apart in %s", c->function->name,
                      buffer->name);
}

void check_apart(Checker *c) {
    if (c->function->slices < 2) return;
    for (int i = 0; i < c->function->arrays.count; i++) {
        const Buffer *buffer = c->function->arrays.at[i]->buffer;
        bool seen = false;
        for (int j = 0; j < i; j++) seen |= c->function->arrays.at[j]->buffer == buffer;
        if (!seen && is_stored(c, buffer)) check_slices(c, buffer);
    }
}

/* ---- the order of turns ---- */

/* The dims of the loops inside the slice's that both stand in. */
static Labels loops_of(const Touch *a, const Touch *b) {
    Labels labels = {0};
    for (int i = 0; i < a->depth && i < b->depth; i++) {
        if (a->around[i].dim != b->around[i].dim || a->around[i].walk != b->around[i].walk) break;
        for (int j = 0; j < a->box.count; j++)
            if (a->box.side[j].dim && a->box.side[j].dim->root == a->around[i].dim)
                add_label(&labels, a->box.side[j].dim);
    }
    return labels;
}

static void check_pair(const Checker *c, const Touch *load, const Touch *store) {
    if (same_box(&load->box, &store->box)) return;
    Labels labels = loops_of(load, store);
    bool inside = false;
    for (int i = 0; i < labels.count; i++) inside |= labels.dim[i]->kind == DIM_LOOP;
    if (inside && !are_apart(load, store, &labels))
        fatal("lower", "%s: %s is read at one turn of a loop and stored to at another", c->function->name,
              load->array->buffer->name);
}

void check_turns(Checker *c) {
    for (int i = 0; i < c->touches.count; i++) {
        const Touch *load = &c->touches.at[i];
        if (load->store || !load->array->buffer || !is_stored(c, load->array->buffer)) continue;
        for (int j = 0; j < c->touches.count; j++)
            if (c->touches.at[j].store && c->touches.at[j].array->buffer == load->array->buffer)
                check_pair(c, load, &c->touches.at[j]);
    }
}

/* ---- two buffers in the same bytes ---- */

static void add_slices(Labels *labels, const Touch *touch) {
    for (int i = 0; i < touch->box.count; i++)
        if (touch->box.side[i].dim && touch->box.side[i].dim->kind == DIM_SLICE)
            add_label(labels, touch->box.side[i].dim);
}

bool check_read_first(const Checker *c, const Touch *load, const Touch *store, int64_t shift) {
    Touch *moved = NEW(c->arena, Touch);
    *moved = *load;
    moved->box.constant += shift;
    Labels labels = loops_of(moved, store);
    if (c->function->slices > 1) add_slices(&labels, moved), add_slices(&labels, store);
    Meeting meeting = meeting_of(moved, store, &labels);
    return meeting == NEVER || (meeting == WHERE_LABELS_AGREE && load < store);
}
