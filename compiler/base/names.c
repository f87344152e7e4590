/* names.c: interned strings, so that equal names are equal pointers.
 *
 * In: text. Out: the one pointer that stands for it. A hash table with open addressing, never more than half full.
 * Also the nearest known name to a misspelt one: "emcoder" -> "encoder". */
#include "base/base.h"

#include <string.h>

typedef struct Slot {
    const char *text; /* NULL when free */
    size_t length;
    uint32_t hash;
} Slot;

struct Names {
    Arena *arena;
    Slot *slots;
    size_t count, capacity; /* capacity: a power of two */
};

/* FNV-1a. */
static uint32_t hash_of(const char *text, size_t length) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    return hash;
}

/* The slot that holds the text, or the free one where it belongs. */
static Slot *slot_find(Slot *slots, size_t capacity, const char *text, size_t length, uint32_t hash) {
    size_t at = hash & (capacity - 1);
    while (slots[at].text) {
        const Slot *slot = &slots[at];
        if (slot->hash == hash && slot->length == length && memcmp(slot->text, text, length) == 0) break;
        at = (at + 1) & (capacity - 1);
    }
    return &slots[at];
}

static void names_grow(Names *names) {
    size_t capacity = 2 * names->capacity;
    Slot *slots = NEW_ARRAY(names->arena, Slot, capacity);
    for (size_t i = 0; i < names->capacity; i++) {
        Slot *slot = &names->slots[i];
        if (slot->text) *slot_find(slots, capacity, slot->text, slot->length, slot->hash) = *slot;
    }
    names->slots = slots;
    names->capacity = capacity;
}

Names *names_new(Arena *arena) {
    Names *names = NEW(arena, Names);
    *names = (Names){.arena = arena, .capacity = 256};
    names->slots = NEW_ARRAY(arena, Slot, names->capacity);
    return names;
}

const char *name_intern(Names *names, const char *text, size_t length) {
    uint32_t hash = hash_of(text, length);
    Slot *slot = slot_find(names->slots, names->capacity, text, length, hash);
    if (slot->text) return slot->text;
    if (2 * names->count >= names->capacity) {
        names_grow(names);
        slot = slot_find(names->slots, names->capacity, text, length, hash);
    }
    names->count++;
    *slot = (Slot){arena_strndup(names->arena, text, length), length, hash};
    return slot->text;
}

const char *name_of(Names *names, const char *text) {
    return name_intern(names, text, strlen(text));
}

static int min_of(int a, int b) {
    return a < b ? a : b;
}

enum { LONGEST_COMPARED = 63 };

/* Edit distance with insertions, deletions, changes and swaps of neighbours, each costing 1. Three rows of the table
 * are enough: this letter's, the one before, and the one before that for swaps. */
static int edit_distance(const char *a, int a_length, const char *b, int b_length) {
    int rows[3][LONGEST_COMPARED + 1];
    for (int j = 0; j <= b_length; j++) rows[0][j] = j;
    for (int i = 1; i <= a_length; i++) {
        int *row = rows[i % 3], *above = rows[(i + 2) % 3], *swapped = rows[(i + 1) % 3];
        row[0] = i;
        for (int j = 1; j <= b_length; j++) {
            row[j] = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = min_of(row[j], min_of(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = min_of(row[j], swapped[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

const char *name_nearest(const char *word, const char *const *candidates, int count) {
    size_t length = strlen(word);
    if (length < 2 || length > LONGEST_COMPARED) return NULL;
    const char *nearest = NULL;
    int nearest_distance = (int)(length + 2) / 3 + 1;
    for (int i = 0; i < count; i++) {
        size_t other = candidates[i] ? strlen(candidates[i]) : 0;
        if (other == 0 || other > LONGEST_COMPARED) continue;
        int distance = edit_distance(word, (int)length, candidates[i], (int)other);
        if (distance < nearest_distance && distance < (int)length) {
            nearest = candidates[i];
            nearest_distance = distance;
        }
    }
    return nearest;
}
