/* layers.c: modules with parameters, their instances, and calls of them: of one, of one of a list, of all in a loop.
 *
 *     use l0 = Dense(5, 8), l1[3] = Turn(4)
 *     t1 = l0(a)
 *     t2 = b
 *     for layer in l1 { t2 = layer(t2) } */
#include "draw.h"

#include <string.h>

static const char modules[] = "module Dense(I, O) {\n"
                              "  param W: [I, O] ~ normal(0, 0.4)\n"
                              "  param b: [O] ~ constant(0.1) with decay = false\n"
                              "  fn (x: [.., I]) -> [.., O] = tanh(x @ W + b)\n"
                              "  fn back(y: [.., O]) -> [.., I] = y @ W.T\n"
                              "}\n"
                              "module Turn(N) {\n"
                              "  param W: [N, N] ~ normal(0, 0.3)\n"
                              "  param g: [N] ~ ones with decay = false\n"
                              "  fn (x: [.., N]) -> [.., N] = rmsnorm(x, eps = 0.1) * g + 0.5 * tanh(x @ W)\n"
                              "}\n"
                              "module Pair(N) {\n"
                              "  use up = Dense(N, 2 * N), norm[2] = RMSNorm(2 * N, eps = 0.1)\n"
                              "  fn (x: [.., N]) -> [.., N] {\n"
                              "    h = up(x)\n"
                              "    for n in norm { h = n(silu(h)) }\n"
                              "    return x + up.back(h)\n"
                              "  }\n"
                              "}\n";

typedef enum Takes { ROWS_OF, IDS, BATCHES } Takes; /* [.., in]; i32[..]; [B, M, in] */

typedef struct LayerKind {
    const char *instance; /* %d: in, then out */
    const char *call;     /* %s: the layer, then the value; BATCHES: then a mask */
    Takes takes;
    bool square; /* out is in */
    bool matrix; /* its parameter W [in, out] is a value, too */
    int factor;  /* of the result's magnitude; 0: it is small whatever comes in */
    int heads;   /* in is a multiple of it */
} LayerKind;

static const LayerKind kinds[] = {
    {"Affine(%d, %d)", "%s(%s)", ROWS_OF, false, true, 3, 1},
    {"Linear(%d, %d)", "%s(%s)", ROWS_OF, false, true, 3, 1},
    {"Dense(%d, %d)", "%s(%s)", ROWS_OF, false, true, 0, 1},
    {"Dense(%d, %d)", "%1$s.back(%1$s(%2$s))", ROWS_OF, false, false, 0, 1},
    {"Turn(%d)", "%s(%s)", ROWS_OF, true, true, 0, 1},
    {"Turn(%d)", "%s(%s)", ROWS_OF, true, true, 0, 1},
    {"Pair(%d)", "%s(%s)", ROWS_OF, true, false, 2, 1},
    {"Norm(%d, eps = 0.1)", "%s(%s)", ROWS_OF, true, false, 0, 1},
    {"RMSNorm(%d, eps = 0.1)", "%s(%s)", ROWS_OF, true, false, 0, 1},
    {"FeedForward(%d, %d, act = 1)", "%s(%s)", ROWS_OF, true, false, 3, 1},
    {"FeedForward(%d, %d, act = 3, drop = 0.1)", "%s(%s)", ROWS_OF, true, false, 3, 1},
    {"Embedding(%d, %d)", "%s(%s)", IDS, false, false, 0, 1},
    {"Attention(%d, 2)", "%1$s(%2$s, %2$s, %3$s)", BATCHES, true, false, 2, 2},
    {"Attention(%d, 1, drop = 0.1)", "%1$s(%2$s, %2$s, %3$s)", BATCHES, true, false, 2, 1},
    {"EncoderLayer(%d, 2, %d, pre = 1)", "%s(%s, %s)", BATCHES, true, false, 3, 2},
};

void draw_layers(Model *model) {
    static const int sizes[] = {2, 3, 4, 4, 5, 6, 8, 8, 12, 16, 17, 24, 33};
    Random *random = &model->random;
    Arena *arena = model->arena;
    model->layer_count = between(random, 2, 6);
    text_add(&model->text, modules);
    for (int i = 0; i < model->layer_count; i++) {
        Layer *layer = &model->layers[i];
        *layer = (Layer){.name = arena_printf(arena, "l%d", i), .kind = &ONE_OF(random, kinds)};
        layer->in = layer->kind->heads * ONE_OF(random, sizes);
        int inner = ONE_OF(random, sizes);
        layer->out = layer->kind->square || strchr(layer->kind->call, '.') ? layer->in : inner;
        if (layer->kind->square && chance(random, 0.5)) layer->count = between(random, 2, 3);
        const char *arguments[] = {arena_printf(arena, "%d", layer->in), arena_printf(arena, "%d", inner)};
        const char *list = layer->count ? arena_printf(arena, "[%d]", layer->count) : "";
        text_printf(&model->text, "use %s%s = %s\n", layer->name, list, fill(arena, layer->kind->instance, arguments));
    }
}

/* A value that the layer takes, or a new input. */
static Value *given(Entry *e, const Layer *layer) {
    Want want = {.type = FLOATS, .least_rank = 1, .last = layer->in, .nonempty = true};
    Dims dims = {0};
    if (layer->kind->takes == IDS) {
        Want ids = {.type = INTS, .least_rank = 1, .most_rank = 2};
        Value *found = pick(e, &ids);
        return found ? found : input(e, INTS, (Dims){1, {between(e->random, 1, 9)}});
    }
    if (layer->kind->takes == BATCHES) want.least_rank = want.most_rank = 3;
    Value *found = chance(e->random, 0.8) ? pick(e, &want) : NULL;
    if (found) return found;
    int axes = layer->kind->takes == BATCHES ? 2 : below(e->random, 3);
    for (int axis = 0; axis < axes; axis++) dims = dims_added(dims, 0, between(e->random, 1, 9));
    return input(e, FLOATS, dims_added(dims, axes, layer->in));
}

/* The mask of an attention of M rows over M rows. */
static const char *mask_of(Entry *e, const Value *x) {
    int rows = x->dims.size[1];
    Dims whole = {4, {x->dims.size[0], 1, rows, rows}};
    if (chance(e->random, 0.3)) return arena_printf(e->arena, "causal(%d)", rows);
    Value *mask = chance(e->random, 0.7) ? draw_mask(e, whole) : NULL;
    return mask ? mask->name : "true";
}

static void call(Entry *e, const Layer *layer, const Value *x, const char *of, const char *mask) {
    Dims dims = x->dims;
    if (layer->kind->takes == IDS)
        dims = dims_added(dims, dims.rank, layer->out);
    else
        dims.size[dims.rank - 1] = layer->out;
    const char *ids = arena_printf(e->arena, "%s %% %d", x->name, layer->in);
    const char *arguments[] = {of, layer->kind->takes == IDS ? ids : x->name, mask};
    use(e, x);
    e->source_varies = true;
    put(e, FLOATS, &dims, layer->kind->factor * x->magnitude + 4, "%s", fill(e->arena, layer->kind->call, arguments));
}

static void call_all(Entry *e, const Layer *layer, const Value *x, const char *mask) {
    const char *name = fresh(e), *arguments[] = {"layer", name, mask};
    line(e, "%s = %s", name, x->name);
    line(e, "for layer in %s %s{ %s = tanh(%s) }", layer->name, chance(e->random, 0.5) ? "remat " : "", name,
         fill(e->arena, layer->kind->call, arguments));
    use(e, x);
    e->source_varies = true;
    add_value(e, name, FLOATS, x->dims, 1);
}

void draw_layer(Entry *e) {
    const Layer *layer = &e->model->layers[below(e->random, e->model->layer_count)];
    Value *x = given(e, layer);
    if (!x || dims_count(&x->dims) > e->largest || x->dims.rank + 1 > MOST_AXES || e->count + 2 > MAX_VALUES) return;
    const char *mask = layer->kind->takes == BATCHES ? mask_of(e, x) : "";
    if (layer->count && chance(e->random, 0.6)) {
        call_all(e, layer, x, mask);
        return;
    }
    const char *number = layer->count ? arena_printf(e->arena, "[%d]", below(e->random, layer->count)) : "";
    const char *one = arena_printf(e->arena, "%s%s", layer->name, number);
    call(e, layer, x, one, mask);
    if (layer->kind->matrix && chance(e->random, 0.2)) { /* the parameter itself */
        Dims dims = {2, {layer->in, layer->out}};
        e->source_varies = true;
        add_value(e, arena_printf(e->arena, "%s.W", one), FLOATS, dims, 3);
    }
}
