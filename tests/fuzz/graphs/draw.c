/* draw.c: random numbers, shapes, and the values of an entry point.
 *
 * In: what a statement wants of an operand. Out: one of the values drawn so far, or a new input of the entry point. The
 * same seed gives the same model on every machine. */
#include "draw.h"

#include <limits.h>
#include <string.h>

/* `text` with its %s, %d, %1$s, … replaced by the arguments: a table's formats are not the compiler's to check. */
const char *fill(Arena *arena, const char *format, const char *const *arguments) {
    Text text;
    int next = 0;
    text_init(&text, arena);
    for (const char *at = format; *at; at++) {
        if (*at != '%') {
            text_printf(&text, "%c", *at);
        } else if (at[2] == '$') {
            text_add(&text, arguments[at[1] - '1']);
            at += 3;
        } else {
            text_add(&text, arguments[next++]);
            at++;
        }
    }
    return text.at;
}

/* ---- random numbers: splitmix64 (Steele, Lea, Flood 2014) ---- */

static uint64_t bits(Random *random) {
    uint64_t z = random->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int below(Random *random, int bound) {
    return bound > 1 ? (int)(bits(random) % (uint64_t)bound) : 0;
}

int between(Random *random, int low, int high) {
    return low + below(random, high - low + 1);
}

bool chance(Random *random, double probability) {
    return (double)(bits(random) >> 11) * 0x1p-53 < probability;
}

void shuffle(Random *random, int *items, int count) {
    for (int i = count - 1; i > 0; i--) {
        int other = below(random, i + 1), item = items[i];
        items[i] = items[other];
        items[other] = item;
    }
}

/* ---- shapes ---- */

int dims_count(const Dims *dims) {
    double count = 1;
    for (int axis = 0; axis < dims->rank; axis++) count *= dims->size[axis];
    return count < INT_MAX ? (int)count : INT_MAX;
}

bool dims_equal(const Dims *a, const Dims *b) {
    return a->rank == b->rank && !memcmp(a->size, b->size, sizeof *a->size * (size_t)a->rank);
}

bool dims_meet(const Dims *a, const Dims *b, Dims *both) {
    int rank = a->rank > b->rank ? a->rank : b->rank;
    *both = (Dims){.rank = rank};
    for (int back = 1; back <= rank; back++) {
        int x = back <= a->rank ? a->size[a->rank - back] : 1, y = back <= b->rank ? b->size[b->rank - back] : 1;
        if (x != y && x != 1 && y != 1) return false;
        both->size[rank - back] = x == 1 ? y : x;
    }
    return true;
}

Dims dims_front(const Dims *dims, int rank) {
    Dims front = {.rank = rank > 0 ? rank : 0};
    memcpy(front.size, dims->size, sizeof *dims->size * (size_t)front.rank);
    return front;
}

Dims dims_with(Dims dims, int axis, int size) {
    dims.size[axis] = size;
    return dims;
}

Dims dims_added(Dims dims, int axis, int size) {
    for (int i = dims.rank; i > axis; i--) dims.size[i] = dims.size[i - 1];
    dims.size[axis] = size;
    dims.rank++;
    return dims;
}

Dims dims_without(Dims dims, int axis) {
    dims.rank--;
    for (int i = axis; i < dims.rank; i++) dims.size[i] = dims.size[i + 1];
    return dims;
}

Dims dims_swapped(Dims dims) {
    int last = dims.size[dims.rank - 1];
    dims.size[dims.rank - 1] = dims.size[dims.rank - 2];
    dims.size[dims.rank - 2] = last;
    return dims;
}

Dims draw_dims(Entry *e, int most_axes) {
    static const int ranks[] = {0, 1, 1, 2, 2, 2, 3, 3, 4};
    for (int tries = 0; tries < 50; tries++) {
        Dims dims = {.rank = ONE_OF(e->random, ranks)};
        for (int axis = 0; axis < dims.rank; axis++) dims.size[axis] = e->sizes[below(e->random, e->size_count)];
        if (dims.rank <= most_axes && dims_count(&dims) <= e->largest) return dims;
    }
    return (Dims){0};
}

const char *dims_text(const Entry *e, const Dims *dims) {
    Text text;
    text_init(&text, e->arena);
    for (int axis = 0; axis < dims->rank; axis++) text_printf(&text, "%s%d", axis ? ", " : "", dims->size[axis]);
    return arena_printf(e->arena, "[%s]", dims->rank ? text.at : "");
}

/* ---- origins ---- */

Origin origin_of(int number) {
    Origin origin = {{0}};
    origin.word[number / 64] = (uint64_t)1 << number % 64;
    return origin;
}

bool origin_has(const Origin *origin, int number) {
    return origin->word[number / 64] >> number % 64 & 1;
}

static void origin_join(Origin *to, const Origin *other) {
    for (int i = 0; i < 4; i++) to->word[i] |= other->word[i];
}

/* ---- values ---- */

const char *fresh(Entry *e) {
    return arena_printf(e->arena, "t%d", ++e->names);
}

void line(Entry *e, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_add(&e->body, "  ");
    text_vprintf(&e->body, format, arguments);
    text_add(&e->body, "\n");
    va_end(arguments);
}

const char *use(Entry *e, const Value *operand) {
    origin_join(&e->sources, &operand->from);
    e->source_varies = e->source_varies || operand->varies;
    return operand->name;
}

void unused(Entry *e) {
    e->sources = (Origin){{0}};
    e->source_varies = false;
}

Value *add_value(Entry *e, const char *name, Type type, Dims dims, double magnitude) {
    if (e->count == MAX_VALUES) return NULL;
    Value *value = &e->values[e->count];
    *value = (Value){.name = name, .dims = dims, .type = type, .magnitude = magnitude};
    value->varies = type == FLOATS && e->source_varies;
    value->from = origin_of(e->count++);
    if (value->varies) origin_join(&value->from, &e->sources);
    unused(e);
    return value;
}

Value *put(Entry *e, Type type, const Dims *dims, double magnitude, const char *format, ...) {
    va_list arguments;
    Text text;
    bool large = dims->rank > MOST_AXES || dims_count(dims) > 4 * e->largest || e->count == MAX_VALUES;
    if (large || (type == INTS && magnitude > 1e6)) {
        unused(e);
        return NULL;
    }
    text_init(&text, e->arena);
    va_start(arguments, format);
    text_vprintf(&text, format, arguments);
    va_end(arguments);
    const char *name = fresh(e);
    if (type == FLOATS && magnitude > TAME) {
        line(e, "%s = tanh((%s) * %.4g)", name, text.at, 1 / magnitude);
        magnitude = 1;
    } else {
        line(e, "%s = %s", name, text.at);
    }
    return add_value(e, name, type, *dims, magnitude);
}

Value *input(Entry *e, Type type, Dims dims) {
    if (e->input_count == MAX_INPUTS) {
        Want want = {.type = type, .same = &dims};
        return pick(e, &want);
    }
    const char *name = arena_printf(e->arena, "%c", "abcdefghjklmnopq"[e->input_count]);
    Origin sources = e->sources; /* a statement may be half drawn */
    bool varies = e->source_varies;
    e->source_varies = type == FLOATS;
    e->sources = (Origin){{0}};
    Value *value = add_value(e, name, type, dims, type == FLOATS ? 4 : type == INTS ? 50 : 1);
    if (value) e->inputs[e->input_count++] = (int)(value - e->values);
    e->sources = sources;
    e->source_varies = varies;
    return value;
}

/* ---- choosing operands ---- */

static bool fits(const Value *value, const Want *want) {
    const Dims *dims = &value->dims;
    Dims both;
    if (value->type != want->type || dims->rank < want->least_rank) return false;
    if (want->most_rank && dims->rank > (want->most_rank < 0 ? 0 : want->most_rank)) return false;
    if (want->most && dims_count(dims) > want->most) return false;
    if ((want->nonempty && dims_count(dims) == 0) || (want->varies && !value->varies)) return false;
    if (want->same && !dims_equal(dims, want->same)) return false;
    if (want->meets && !dims_meet(dims, want->meets, &both)) return false;
    if (want->into && !(dims_meet(dims, want->into, &both) && dims_equal(&both, want->into))) return false;
    if (want->last && (dims->rank == 0 || dims->size[dims->rank - 1] != want->last)) return false;
    return !want->rows || (dims->rank > 0 && dims->size[0] >= want->rows);
}

Value *pick(Entry *e, const Want *want) {
    int fitting[MAX_VALUES], count = 0;
    for (int i = 0; i < e->count; i++)
        if (fits(&e->values[i], want)) fitting[count++] = i;
    if (count == 0) return NULL;
    int at = below(e->random, count);
    if (chance(e->random, 0.5)) { /* one of the last */
        at = count - 1;
        while (at > 0 && chance(e->random, 0.5)) at--;
    }
    Value *found = &e->values[fitting[at]];
    found->picked = true;
    return found;
}

Value *pick_float(Entry *e) {
    Want any = {.type = FLOATS};
    Value *found = chance(e->random, 0.95) ? pick(e, &any) : NULL;
    return found ? found : input(e, FLOATS, draw_dims(e, 4));
}

Value *pick_any(Entry *e) {
    static const Type types[] = {FLOATS, FLOATS, FLOATS, FLOATS, FLOATS, FLOATS, FLOATS, FLOATS, INTS, BOOLS};
    Want want = {.type = ONE_OF(e->random, types)};
    return want.type == FLOATS ? pick_float(e) : pick(e, &want);
}

Value *scalar_id(Entry *e) {
    Want want = {.type = INTS, .most_rank = -1};
    Value *found = pick(e, &want);
    return found ? found : input(e, INTS, (Dims){0});
}

Value *draw_mask(Entry *e, Dims dims) {
    Want want = {.type = BOOLS, .into = &dims};
    Value *found = pick(e, &want);
    if (found && chance(e->random, 0.7)) return found;
    for (int axis = 0; axis < dims.rank; axis++)
        if (chance(e->random, 0.3)) dims.size[axis] = 1;
    while (dims.rank > 0 && chance(e->random, 0.15)) dims = dims_without(dims, 0);
    return input(e, BOOLS, dims);
}
