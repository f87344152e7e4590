/* moves.c: statements that move elements: reshapes, permutations, slices, joins, padding, gathers, positions known when
 * running. */
#include "draw.h"

#include <math.h>

void draw_reshape(Entry *e) {
    Random *random = e->random;
    Value *x = pick_any(e);
    if (!x) return;
    int order[MAX_RANK], count = dims_count(&x->dims);
    Dims dims = {0}, shuffled = {0};
    for (int axes = between(random, 0, 3); count > 0 && axes > 0; axes--) {
        int divisor[80], found = 0;
        for (int d = 1; d <= count && d <= 80; d++) {
            bool known = false;
            for (int axis = 0; axis < x->dims.rank; axis++) known = known || x->dims.size[axis] == d;
            if (count % d == 0 && found < 80 && (known || chance(random, 0.3))) divisor[found++] = d;
        }
        int size = found ? divisor[below(random, found)] : 1;
        dims.size[dims.rank++] = size;
        count /= size;
    }
    if (count == 0)
        dims = x->dims;
    else if (count != 1 || dims.rank == 0)
        dims.size[dims.rank++] = count;
    for (int i = 0; i < dims.rank; i++) order[i] = i;
    shuffle(random, order, dims.rank);
    for (int i = 0; i < dims.rank; i++) shuffled.size[shuffled.rank++] = dims.size[order[i]];
    put(e, x->type, &shuffled, x->magnitude, "%s as %s", use(e, x), dims_text(e, &shuffled));
}

void draw_permute(Entry *e) {
    Value *x = pick_any(e);
    if (!x || x->dims.rank < 2) return;
    if (chance(e->random, 0.4)) {
        Dims turned = dims_swapped(x->dims);
        put(e, x->type, &turned, x->magnitude, "%s.T", use(e, x));
        return;
    }
    int order[MAX_RANK];
    Dims dims = {.rank = x->dims.rank};
    Text text;
    text_init(&text, e->arena);
    for (int i = 0; i < dims.rank; i++) order[i] = i;
    shuffle(e->random, order, dims.rank);
    for (int i = 0; i < dims.rank; i++) {
        dims.size[i] = x->dims.size[order[i]];
        text_printf(&text, ", %d", order[i]);
    }
    put(e, x->type, &dims, x->magnitude, "permute(%s%s)", use(e, x), text.at);
}

/* One axis of a slice: all of it, a range from either end, or one element. Appends the size that is left, if any. */
static void draw_range(Entry *e, int size, Text *text, Dims *dims) {
    Random *random = e->random;
    int from = between(random, 0, size - 1), to = between(random, from + 1, size);
    int way = size < 2 ? 0 : below(random, 20);
    if (way < 8) {
        text_add(text, ":");
        dims->size[dims->rank++] = size;
    } else if (way < 15) {
        if (chance(random, 0.4) && from > 0)
            text_printf(text, "%d:%d", from - size, to);
        else if (chance(random, 0.3) && to < size)
            text_printf(text, "%d:%d", from, to - size);
        else
            text_printf(text, "%d:%d", from, to);
        dims->size[dims->rank++] = to - from;
    } else if (way < 17) {
        text_printf(text, "%d:", chance(random, 0.5) ? from : from - size);
        dims->size[dims->rank++] = size - from;
    } else {
        text_printf(text, "%d", chance(random, 0.5) ? from : from - size);
    }
}

void draw_slice(Entry *e) {
    Value *x = pick_any(e);
    if (!x || x->dims.rank == 0) return;
    Dims dims = {0};
    Text text;
    text_init(&text, e->arena);
    bool rest = x->dims.rank > 1 && chance(e->random, 0.15); /* .. for the first axes */
    if (rest) dims = dims_front(&x->dims, x->dims.rank - 1);
    for (int axis = rest ? x->dims.rank - 1 : 0; axis < x->dims.rank; axis++) {
        if (axis > 0) text_add(&text, ", ");
        draw_range(e, x->dims.size[axis], &text, &dims);
    }
    put(e, x->type, &dims, x->magnitude, "%s[%s%s]", use(e, x), rest ? ".." : "", text.at);
}

void draw_index(Entry *e) {
    Value *x = pick_any(e);
    if (!x || x->dims.rank == 0 || x->dims.size[0] == 0) return;
    Dims dims = dims_without(x->dims, 0);
    put(e, x->type, &dims, x->magnitude, "%s[%d]", use(e, x),
        between(e->random, -x->dims.size[0], x->dims.size[0] - 1));
}

/* ---- joining and cutting ---- */

/* Any value that differs from x along the axis alone. */
static Value *beside(Entry *e, const Value *x, int axis) {
    int fitting[MAX_VALUES], count = 0;
    for (int i = 0; i < e->count; i++) {
        const Value *other = &e->values[i];
        if (other->type != x->type || other->dims.rank != x->dims.rank) continue;
        Dims dims = dims_with(other->dims, axis, x->dims.size[axis]);
        if (dims_equal(&dims, &x->dims)) fitting[count++] = i;
    }
    return count ? &e->values[fitting[below(e->random, count)]] : NULL;
}

void draw_concat(Entry *e) {
    Random *random = e->random;
    Value *x = pick_any(e);
    if (!x || x->dims.rank == 0) return;
    int axis = below(random, x->dims.rank), parts = between(random, 2, 4), own = below(random, parts), size = 0;
    double magnitude = x->magnitude;
    Text text;
    text_init(&text, e->arena);
    for (int i = 0; i < parts; i++) {
        Value *part = i == own ? x : beside(e, x, axis);
        if (x->type == FLOATS && i != own && chance(random, 0.1)) {
            Dims two = dims_with(x->dims, axis, 2);
            text_printf(&text, "%s%s(%s), ", "", chance(random, 0.5) ? "zeros" : "ones", dims_text(e, &two));
            size += 2;
            continue;
        }
        text_printf(&text, "%s, ", use(e, part));
        size += part->dims.size[axis];
        magnitude = fmax(magnitude, part->magnitude);
    }
    Dims dims = dims_with(x->dims, axis, size);
    put(e, x->type, &dims, magnitude, "concat(%saxis = %d)", text.at, axis);
}

void draw_stack(Entry *e) {
    Value *x = pick_any(e);
    if (!x) return;
    Want want = {.type = x->type, .same = &x->dims};
    int axis = between(e->random, 0, x->dims.rank), parts = between(e->random, 2, 3);
    double magnitude = x->magnitude;
    Text text;
    text_init(&text, e->arena);
    for (int i = 0; i < parts; i++) {
        Value *part = i == 1 ? x : pick(e, &want);
        text_printf(&text, "%s, ", use(e, part));
        magnitude = fmax(magnitude, part->magnitude);
    }
    Dims dims = dims_added(x->dims, axis, parts);
    put(e, x->type, &dims, magnitude, "stack(%saxis = %d)", text.at, axis);
}

void draw_split(Entry *e) {
    Value *x = pick_float(e);
    if (!x || x->dims.rank == 0) return;
    int axis = below(e->random, x->dims.rank), size = x->dims.size[axis], parts = between(e->random, 2, 4);
    if (size == 0 || size % parts != 0 || e->count + parts >= MAX_VALUES) return;
    Text text;
    text_init(&text, e->arena);
    const char *names[4];
    for (int i = 0; i < parts; i++) text_printf(&text, "%s%s", i ? ", " : "", names[i] = fresh(e));
    if (parts == 2 && chance(e->random, 0.4)) { /* of sizes said */
        int first = between(e->random, 1, size - 1);
        line(e, "%s = split(%s, [%d, %d], axis = %d)", text.at, x->name, first, size - first, axis);
        use(e, x);
        add_value(e, names[0], FLOATS, dims_with(x->dims, axis, first), x->magnitude);
        use(e, x);
        add_value(e, names[1], FLOATS, dims_with(x->dims, axis, size - first), x->magnitude);
        return;
    }
    line(e, "%s = split(%s, %d, axis = %d)", text.at, x->name, parts, axis);
    for (int i = 0; i < parts; i++) {
        use(e, x);
        add_value(e, names[i], FLOATS, dims_with(x->dims, axis, size / parts), x->magnitude);
    }
}

void draw_pad(Entry *e) {
    static const int widths[] = {0, 0, 0, 1, 2, 3};
    static const char *const values[] = {"0.0", "0.5", "-1"};
    Value *x = pick_float(e);
    if (!x || x->dims.rank == 0) return;
    Dims dims = x->dims;
    Text text;
    text_init(&text, e->arena);
    for (int axis = 0; axis < dims.rank; axis++) {
        int before = ONE_OF(e->random, widths), after = ONE_OF(e->random, widths);
        text_printf(&text, "%s[%d, %d]", axis ? ", " : "", before, after);
        dims.size[axis] += before + after;
    }
    put(e, FLOATS, &dims, x->magnitude + 1, "pad(%s, [%s], value = %s)", use(e, x), text.at, ONE_OF(e->random, values));
}

/* Broadcasts to a larger shape. */
void draw_spread(Entry *e) {
    Value *x = pick_float(e);
    if (!x || x->dims.rank == 0) return;
    Dims dims = x->dims;
    for (int axis = 0; axis < dims.rank; axis++)
        if (dims.size[axis] == 1) dims.size[axis] = e->sizes[below(e->random, e->size_count)];
    if (chance(e->random, 0.5) && dims.rank < MOST_AXES)
        dims = dims_added(dims, 0, e->sizes[below(e->random, e->size_count)]);
    if (dims_count(&dims) > e->largest) return;
    put(e, FLOATS, &dims, x->magnitude, chance(e->random, 0.5) ? "%s + zeros(%s)" : "%s * ones(%s)", use(e, x),
        dims_text(e, &dims));
}

/* ---- places known when running ---- */

static Value *ids(Entry *e) {
    Want want = {.type = INTS, .most_rank = 2};
    Value *found = chance(e->random, 0.6) ? pick(e, &want) : NULL;
    return found ? found : input(e, INTS, draw_dims(e, 2));
}

void draw_gather(Entry *e) {
    Want want = {.type = FLOATS, .least_rank = 1, .rows = 1};
    Value *table = pick(e, &want), *rows = table ? ids(e) : NULL;
    if (!rows || rows->dims.rank + table->dims.rank - 1 > MOST_AXES) return;
    Dims dims = rows->dims;
    for (int axis = 1; axis < table->dims.rank; axis++) dims.size[dims.rank++] = table->dims.size[axis];
    if (dims_count(&dims) > 2 * e->largest) return;
    put(e, FLOATS, &dims, table->magnitude, "gather(%s, %s %% %d)", use(e, table), rows->name, table->dims.size[0]);
}

void draw_one_hot(Entry *e) {
    static const int classes[] = {3, 5, 16, 17};
    Value *rows = ids(e);
    if (!rows) return;
    int n = ONE_OF(e->random, classes);
    Dims dims = dims_added(rows->dims, rows->dims.rank, n);
    put(e, FLOATS, &dims, 1, "one_hot(%s %% %d, %d)", rows->name, n, n);
}

void draw_dynamic(Entry *e) {
    Want want = {.type = FLOATS, .least_rank = 1, .nonempty = true};
    Value *x = pick(e, &want), *at = x ? scalar_id(e) : NULL;
    if (!at) return;
    int axis = below(e->random, x->dims.rank), size = x->dims.size[axis], width = between(e->random, 1, size);
    const char *before = &":, :, :, :, :, :, :, :, "[3 * (8 - axis)];
    if (chance(e->random, 0.4)) {
        Dims dims = dims_without(x->dims, axis);
        put(e, FLOATS, &dims, x->magnitude, "%s[%s%s %% %d]", use(e, x), before, at->name, size);
        return;
    }
    const char *from = fresh(e);
    line(e, "%s = %s %% %d", from, at->name, size - width + 1);
    Dims dims = dims_with(x->dims, axis, width);
    put(e, FLOATS, &dims, x->magnitude, "%s[%s%s : %s + %d]", use(e, x), before, from, from, width);
}
