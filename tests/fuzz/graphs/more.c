/* more.c: statements of the rest of the language: derivatives, integers, comparisons, constants, dropout, states, and
 * calls of the functions in the prelude. */
#include "draw.h"

#include <math.h>

const char prelude[] =
    "fn mixed[M, N](x: [M, N], y: [N]) -> [M, N] = x * y + tanh(x)\n"
    "fn centred[N](x: [.., N], rate = 0.5) -> [.., N] = rate * (x - mean(x, axis = N, keep = true))\n"
    "fn turned[M, N](x: [M, N]) -> [N, M] = sin(x) to [N, M]\n"
    "fn halves[N](x: [.., N]) -> (a: [.., N / 2], b: [.., N / 2]) {\n"
    "  a, b = split(x, 2, axis = N)\n"
    "  return b, a\n"
    "}\n"
    "fn slope(x: [..]) -> [..] {\n"
    "  y = sin(x) * x\n"
    "  return grad(sum(y), x)\n"
    "}\n"
    "fn folded[N](x: [.., N]) -> [.., N] {\n"
    "  let K = N / 2 - 1\n"
    "  if K > 3 { x = tanh(x * K) } else { x = x + K }\n"
    "  for i in 0..3 { x = sin(x * 0.8 + i) }\n"
    "  return x\n"
    "}\n";

/* ---- derivatives ---- */

/* A scalar made of the value. */
static const char *scalar_of(Entry *e, const Value *y) {
    Want want = {.type = FLOATS, .same = &y->dims};
    const Value *weight = pick(e, &want);
    const char *name = y->name;
    switch (below(e->random, 8)) {
    case 0:
    case 1:
    case 2:
        return arena_printf(e->arena, "sum(%s * %s)", name, weight->name);
    case 3:
    case 4:
        return arena_printf(e->arena, "sum(%s * %s)", name, name);
    case 5:
        return arena_printf(e->arena, "mean(%s)", name);
    case 6:
        return arena_printf(e->arena, "logsumexp(%s)", name);
    default:
        return arena_printf(e->arena, "sum(sin(%s))", name);
    }
}

/* A value that another one was computed from, itself excluded. */
static Value *source_of(Entry *e, const Value *y) {
    int fitting[MAX_VALUES], count = 0, own = (int)(y - e->values);
    for (int i = 0; i < e->count; i++)
        if (i != own && e->values[i].type == FLOATS && origin_has(&y->from, i)) fitting[count++] = i;
    return count ? &e->values[fitting[below(e->random, count)]] : NULL;
}

void draw_gradient(Entry *e) {
    Want want = {.type = FLOATS, .varies = true, .nonempty = true};
    Value *y = pick(e, &want), *x[3];
    int count = chance(e->random, 0.5) ? 1 : between(e->random, 2, 3);
    if (!y || e->count + 2 * count >= MAX_VALUES) return;
    double scale = 1 / fmax(1, y->magnitude * sqrt(dims_count(&y->dims)));
    Text names, with;
    text_init(&names, e->arena);
    text_init(&with, e->arena);
    const char *name[3];
    for (int i = 0; i < count; i++) {
        x[i] = source_of(e, y);
        if (!x[i]) return;
        text_printf(&names, "%s%s", i ? ", " : "", name[i] = fresh(e));
        text_printf(&with, ", %s", x[i]->name);
    }
    line(e, "%s = grad(%s * %.4g%s)", names.at, scalar_of(e, y), scale, with.at);
    for (int i = 0; i < count; i++) { /* a derivative may be a constant: what must vary has its source in it */
        const char *tamed = fresh(e);
        if (chance(e->random, 0.3)) {
            line(e, "%s = %s", tamed, name[i]);
        } else {
            line(e, "%s = tanh(%s) + 0.1 * %s", tamed, name[i], use(e, x[i]));
        }
        add_value(e, tamed, FLOATS, x[i]->dims, 3);
    }
}

void draw_jacobian(Entry *e) {
    Want want = {.type = FLOATS, .varies = true, .nonempty = true, .most = 40, .most_rank = 2};
    Value *y = pick(e, &want), *x = y ? source_of(e, y) : NULL;
    if (!x || y->dims.rank + x->dims.rank > 5 || dims_count(&x->dims) * dims_count(&y->dims) > 2000) return;
    Dims dims = y->dims;
    for (int axis = 0; axis < x->dims.rank; axis++) dims.size[dims.rank++] = x->dims.size[axis];
    if (chance(e->random, 0.5))
        put(e, FLOATS, &dims, 1, "tanh(jacobian(%s, %s))", y->name, x->name);
    else
        put(e, FLOATS, &dims, 4, "tanh(jacobian(%s, %s)) * mean(%s)", y->name, x->name, use(e, x));
}

/* ---- integers and booleans ---- */

void draw_integers(Entry *e) {
    Want any = {.type = INTS};
    Value *a = pick(e, &any);
    if (!a) return;
    Want want = {.type = INTS, .meets = &a->dims};
    Value *b = pick(e, &want);
    Dims both;
    dims_meet(&a->dims, &b->dims, &both);
    const char *n = a->name, *m = b->name;
    double x = a->magnitude, y = b->magnitude;
    switch (below(e->random, 9)) {
    case 0:
        put(e, INTS, &both, x + y, "%s + %s", n, m);
        break;
    case 1:
        put(e, INTS, &both, x * y + 3, "%s * %s - 3", n, m);
        break;
    case 2:
        put(e, INTS, &a->dims, 7, "(%s - 5) %% 7", n);
        break;
    case 3:
        put(e, FLOATS, &a->dims, x / 4, "%s / 4", n);
        break;
    case 4:
        put(e, FLOATS, &a->dims, x / 10, "f32(%s) * 0.1", n);
        break;
    case 5:
        put(e, INTS, &both, fmax(x, y), "max(%s, %s)", n, m);
        break;
    case 6:
        put(e, INTS, &a->dims, x, "-%s", n);
        break;
    case 7:
        if (a->dims.rank) {
            int last = a->dims.size[a->dims.rank - 1];
            put(e, INTS, &a->dims, x + last, "%s + iota(%d)", n, last);
        }
        break;
    default: {
        Value *f = input(e, FLOATS, a->dims);
        if (f) put(e, INTS, &a->dims, 15, "i32(%s * 3)", f->name);
    }
    }
}

void draw_comparison(Entry *e) {
    static const char *const of_integers[] = {"<", ">=", "==", "!="};
    static const char *const of_floats[] = {"<", ">", "<="};
    Want ints = {.type = INTS}, bools = {.type = BOOLS};
    Value *x = NULL;
    switch (below(e->random, 5)) {
    case 0:
    case 1:
        if ((x = pick(e, &ints)))
            put(e, BOOLS, &x->dims, 1, "%s %s %d", x->name, ONE_OF(e->random, of_integers), below(e->random, 40));
        break;
    case 2: /* a computed value near the threshold would be decided by its last bit, so a given one */
        if (e->input_count == 0) break;
        x = &e->values[e->inputs[below(e->random, e->input_count)]];
        if (x->type == FLOATS) put(e, BOOLS, &x->dims, 1, "%s %s 0.2", x->name, ONE_OF(e->random, of_floats));
        break;
    case 3:
        if ((x = pick(e, &bools))) {
            Want meets = {.type = BOOLS, .meets = &x->dims};
            Value *other = pick(e, &meets);
            Dims both;
            dims_meet(&x->dims, &other->dims, &both);
            put(e, BOOLS, &both, 1, chance(e->random, 0.5) ? "%s and not %s" : "%s or %s", x->name, other->name);
        }
        break;
    default:
        if ((x = pick(e, &bools))) {
            if (chance(e->random, 0.5))
                put(e, FLOATS, &x->dims, 1, "f32(%s)", x->name);
            else
                put(e, INTS, &x->dims, 1, "i32(%s)", x->name);
        }
    }
}

void draw_made(Entry *e) {
    static const int widths[] = {2, 4, 6, 16};
    Dims dims = draw_dims(e, 3);
    int n = e->sizes[below(e->random, e->size_count)], width = ONE_OF(e->random, widths);
    Dims square = {2, {n, n}}, row = {1, {n}}, waves = {2, {n, width}};
    switch (dims.rank ? below(e->random, 6) : between(e->random, 3, 5)) {
    case 0:
        put(e, FLOATS, &dims, 1, "zeros(%s)", dims_text(e, &dims));
        break;
    case 1:
        put(e, FLOATS, &dims, 1, "full(%s, 0.75)", dims_text(e, &dims));
        break;
    case 2:
        put(e, FLOATS, &dims, 1, "ones(%s)", dims_text(e, &dims));
        break;
    case 3:
        if (n > 0) put(e, BOOLS, &square, 1, "causal(%d)", n);
        break;
    case 4:
        if (n > 0) put(e, FLOATS, &waves, 1, "sinusoid(%d, %d)", n, width);
        break;
    default:
        if (n > 0) put(e, INTS, &row, n, "iota(%d)", n);
    }
}

void draw_dropout(Entry *e) {
    Value *x = pick_float(e);
    if (x)
        put(e, FLOATS, &x->dims, 2 * x->magnitude, "dropout(%s, %s)", use(e, x),
            chance(e->random, 0.5) ? "0.1" : "0.5");
}

/* ---- functions of the prelude ---- */

void draw_function(Entry *e) {
    Want matrix = {.type = FLOATS, .least_rank = 2, .most_rank = 2}, row = {.type = FLOATS, .least_rank = 1};
    Value *x = pick(e, chance(e->random, 0.5) ? &matrix : &row);
    if (!x) return;
    int last = x->dims.size[x->dims.rank - 1];
    Want same = {.type = FLOATS, .least_rank = 1, .most_rank = 1, .last = last};
    Value *y = last ? pick(e, &same) : NULL;
    Dims half = dims_with(x->dims, x->dims.rank - 1, last / 2);
    switch (below(e->random, 6)) {
    case 0:
        if (x->dims.rank == 2 && y)
            put(e, FLOATS, &x->dims, x->magnitude * y->magnitude + 1, "mixed(%s, %s)", use(e, x), use(e, y));
        break;
    case 1:
        if (last) put(e, FLOATS, &x->dims, x->magnitude, "centred(%s, rate = 0.7)", use(e, x));
        break;
    case 2:
        if (x->dims.rank == 2) {
            Dims turned = dims_swapped(x->dims);
            put(e, FLOATS, &turned, 1, "turned(%s)", use(e, x));
        }
        break;
    case 3:
        if (last % 2 == 0 && last && e->count + 2 < MAX_VALUES) {
            const char *a = fresh(e), *b = fresh(e);
            line(e, "%s, %s = halves(%s)", a, b, x->name);
            use(e, x);
            add_value(e, a, FLOATS, half, x->magnitude);
            use(e, x);
            add_value(e, b, FLOATS, half, x->magnitude);
        }
        break;
    case 4:
        if (dims_count(&x->dims)) put(e, FLOATS, &x->dims, 1 + x->magnitude, "slope(%s)", use(e, x));
        break;
    default:
        put(e, FLOATS, &x->dims, 1, "folded(%s)", use(e, x));
    }
}

/* ---- states ---- */

/* What is written to a state: a value of that shape, or a part of the state itself, moved. */
static const char *written(Entry *e, const Variable *state, const Dims *dims) {
    Random *random = e->random;
    Want want = {.type = FLOATS, .same = dims};
    Value *value = pick(e, &want);
    if (value && chance(random, 0.7))
        return value->magnitude <= 8 ? value->name : arena_printf(e->arena, "tanh(%s)", value->name);
    if (chance(random, 0.5)) {
        Text text;
        text_init(&text, e->arena);
        for (int axis = 0; axis < dims->rank; axis++) {
            int from = between(random, 0, state->dims.size[axis] - dims->size[axis]);
            text_printf(&text, "%s%d:%d", axis ? ", " : "", from, from + dims->size[axis]);
        }
        const char *part = arena_printf(e->arena, "%s[%s]", state->name, text.at);
        if (dims->rank == 2 && dims->size[0] == dims->size[1] && chance(random, 0.3))
            part = arena_printf(e->arena, "%s.T", part);
        return chance(random, 0.5) ? arena_printf(e->arena, "tanh(%s * 0.9 + 0.1)", part) : part;
    }
    value = input(e, FLOATS, *dims);
    return value ? value->name : arena_printf(e->arena, "zeros(%s)", dims_text(e, dims));
}

static void write_state(Entry *e, const Variable *state) {
    Random *random = e->random;
    int way = below(random, 20), rank = state->dims.rank;
    Dims dims = state->dims;
    if (way < 7) {
        line(e, "%s := %s", state->name, written(e, state, &dims));
    } else if (way < 15) {
        Text text;
        text_init(&text, e->arena);
        for (int axis = 0; axis < rank; axis++) {
            int size = dims.size[axis], from = between(random, 0, size - 1), to = between(random, from + 1, size);
            if (chance(random, 0.5)) from = 0, to = size;
            text_printf(&text, "%s%d:%d", axis ? ", " : "", from, to);
            dims.size[axis] = to - from;
        }
        line(e, "%s[%s] := %s", state->name, text.at, written(e, state, &dims));
    } else {
        Value *at = scalar_id(e);
        if (!at) return;
        int axis = below(random, rank), size = dims.size[axis], width = between(random, 1, size);
        const char *from = fresh(e), *before = &":, :, :, :, :, :, :, :, "[3 * (8 - axis)];
        dims.size[axis] = width;
        const char *value = written(e, state, &dims);
        line(e, "%s = %s %% %d", from, at->name, size - width + 1);
        line(e, "%s[%s%s : %s + %d] := %s", state->name, before, from, from, width, value);
    }
}

/* The position of a cache: an i32 scalar that goes on with each call. */
static void draw_position(Entry *e) {
    Dims scalar = {0};
    if (chance(e->random, 0.5)) line(e, "position := (position + %d) %% 40", between(e->random, 1, 3));
    put(e, INTS, &scalar, 40, "position");
}

void draw_state(Entry *e) {
    if (chance(e->random, 0.15)) {
        draw_position(e);
        return;
    }
    const Variable *state = &e->model->states[below(e->random, e->model->state_count)];
    if (chance(e->random, 0.6))
        write_state(e, state);
    else
        put(e, FLOATS, &state->dims, 8, chance(e->random, 0.2) ? "%s + 0" : "%s", state->name);
}
