/* layers.c: families of whole layers: dropout, and the modules of nn.tg with their parameters.
 *
 * A module's instance stands before the entry points of its case, `use m7 = Affine(3, 2)`; the gradient is taken with
 * respect to the inputs and to each parameter, m7.W and m7.b. */
#include "matrix.h"

#include <stdio.h>

/* ---- dropout ---- */

static const Factor dropout_factors[] = {{"rank", 5},
                                         {"last size", SIZE_COUNT},
                                         {"size before", SIZE_COUNT},
                                         {"other sizes", SIZE_COUNT},
                                         {"p", 4},
                                         {"live", 2},
                                         {"mode", MODE_COUNT},
                                         {NULL, 0}};

static bool dropout_build(const Family *family, const int *level, List *list) {
    static const char *const shares[] = {"0", "0.1", "0.5", "0.9"};
    Dims shape;
    Mode mode = (Mode)level[6];
    if (!shape_by(level[0], level[1], level[2], level[3], &shape) || !fits(mode, &shape, &shape)) return false;
    if (!list) return true;
    Case *item = case_new(list, family->name);
    item->train = level[5];
    const char *x = operand(item, 'f', shape, DRAW_NORMAL);
    finish(list, item, 'f', shape, mode, "sin(dropout(%s, %s))", x, shares[level[4]]);
    return true;
}

/* ---- layers of nn.tg ---- */

typedef struct Layer {
    List *list;
    Case *item;
    int batch, rows, width, heads;
} Layer;

static void affine(Layer *layer, const char *path, int inner, int outer) {
    Arena *arena = layer->list->arena;
    parameter(layer->item, arena_printf(arena, "%s.W", path), dims(2, inner, outer));
    parameter(layer->item, arena_printf(arena, "%s.b", path), dims(1, outer));
}

static void norm(Layer *layer, const char *path) {
    Arena *arena = layer->list->arena;
    parameter(layer->item, arena_printf(arena, "%s.gain", path), dims(1, layer->width));
    parameter(layer->item, arena_printf(arena, "%s.bias", path), dims(1, layer->width));
}

static void attention(Layer *layer, const char *path) {
    static const char *const parts[] = {"q", "k", "v", "o"};
    for (int i = 0; i < 4; i++)
        affine(layer, arena_printf(layer->list->arena, "%s.%s", path, parts[i]), layer->width, layer->width);
}

static void feed_forward(Layer *layer, const char *path) {
    affine(layer, arena_printf(layer->list->arena, "%s.up", path), layer->width, layer->width + 1);
    affine(layer, arena_printf(layer->list->arena, "%s.down", path), layer->width + 1, layer->width);
}

enum {
    AFFINE,
    LINEAR,
    EMBEDDING,
    NORM,
    RMS_NORM,
    FORWARD, /* four, by activation */
    ATTEND = FORWARD + 4,
    ATTENTION,
    ENCODER, /* two: norms after, norms before */
    DECODER = ENCODER + 2,
    LAYER_COUNT = DECODER + 2
};
static const Factor layer_factors[] = {{"layer", LAYER_COUNT}, {"batch", 4}, {"rows", 3},          {"width", 3},
                                       {"heads", 2},           {"mask", 3},  {"mode", MODE_COUNT}, {NULL, 0}};

static const char *mask_of(Layer *layer, int mask) {
    if (mask == 0) return "true";
    if (mask == 1) return arena_printf(layer->list->arena, "causal(%d)", layer->rows);
    return operand(layer->item, 'b', dims(4, layer->batch, 1, 1, layer->rows), DRAW_TRUE);
}

static void attend_case(Layer *layer, int mask, Mode mode) {
    Dims shape = dims(4, layer->batch, layer->heads, layer->rows, layer->width);
    for (int i = 0; i < 3; i++) operand(layer->item, 'f', shape, DRAW_NORMAL);
    finish(layer->list, layer->item, 'f', shape, mode, "attend(a, b, c, %s, 0)", mask_of(layer, mask));
}

static void stack_case(Layer *layer, int kind, int mask, Mode mode) {
    Case *item = layer->item;
    Dims shape = dims(3, layer->batch, layer->rows, layer->width);
    bool decoder = kind >= DECODER, encoder = kind >= ENCODER && !decoder;
    const char *name = decoder ? "DecoderLayer" : encoder ? "EncoderLayer" : "Attention";
    operand(item, 'f', shape, DRAW_NORMAL);
    if (!encoder) operand(item, 'f', shape, DRAW_NORMAL);
    const char *m = mask_of(layer, mask);
    Text head;
    text_init(&head, layer->list->arena);
    text_printf(&head, "use m# = %s(%d, %d", name, layer->width, layer->heads);
    if (encoder || decoder)
        text_printf(&head, ", %d, pre = %d, act = 1", layer->width + 1, kind - (decoder ? DECODER : ENCODER));
    text_add(&head, ")\n");
    item->head = head.at;
    attention(layer, encoder || decoder ? "m#.att" : "m#");
    if (decoder) attention(layer, "m#.src");
    if (encoder || decoder) {
        feed_forward(layer, "m#.ff");
        norm(layer, "m#.n1");
        norm(layer, "m#.n2");
    }
    if (decoder) norm(layer, "m#.n3");
    finish(layer->list, item, 'f', shape, mode,
           decoder   ? "m#(a, b, %s, true)"
           : encoder ? "m#(a, %s)"
                     : "m#(a, b, %s)",
           m);
}

static void plain_case(Layer *layer, int kind, Mode mode) {
    Case *item = layer->item;
    Arena *arena = layer->list->arena;
    int width = layer->width;
    Dims shape = dims(3, layer->batch, layer->rows, width), result = shape;
    operand(item, 'f', shape, DRAW_NORMAL);
    if (kind == AFFINE || kind == LINEAR) {
        item->head = arena_printf(arena, "use m# = %s(%d, 3)\n", kind == AFFINE ? "Affine" : "Linear", width);
        result.size[2] = 3;
        if (kind == AFFINE)
            affine(layer, "m#", width, 3);
        else
            parameter(item, "m#.W", dims(2, width, 3));
    } else if (kind == NORM || kind == RMS_NORM) {
        item->head = arena_printf(arena, "use m# = %s(%d)\n", kind == NORM ? "Norm" : "RMSNorm", width);
        if (kind == NORM)
            norm(layer, "m#");
        else
            parameter(item, "m#.gain", dims(1, width));
    } else {
        item->head = arena_printf(arena, "use m# = FeedForward(%d, %d, act = %d)\n", width, width + 1, kind - FORWARD);
        feed_forward(layer, "m#");
    }
    finish(layer->list, item, 'f', result, mode, "m#(a)");
}

static void embedding_case(Layer *layer, Mode mode) {
    Case *item = layer->item;
    operand(item, 'i', dims(2, layer->batch, layer->rows), DRAW_IDS);
    item->operands[0].limit = 7;
    item->head = arena_printf(layer->list->arena, "use m# = Embedding(7, %d)\n", layer->width);
    parameter(item, "m#.table", dims(2, 7, layer->width));
    finish(layer->list, item, 'f', dims(3, layer->batch, layer->rows, layer->width), mode, "m#(a)");
}

static bool layer_build(const Family *family, const int *level, List *list) {
    static const int rows[] = {1, 2, 5}, widths[] = {2, 4, 8};
    int kind = level[0], mask = level[5];
    Mode mode = (Mode)level[6];
    Layer layer = {.list = list, .batch = level[1], .rows = rows[level[2]], .width = widths[level[3]]};
    layer.heads = level[4] + 1;
    if (kind < ATTEND && (mask || level[4])) return false;
    Dims most = dims(3, layer.width, layer.width + 1, 1), result = dims(3, layer.batch, layer.rows, layer.width);
    Dims input = dims(4, layer.batch, layer.heads, layer.rows, layer.width);
    if (!fits(mode, &most, &result) || (mode == MODE_JACOBIAN && kind == ATTEND && !fits(mode, &input, &input)))
        return false;
    if (!list) return true;
    layer.item = case_new(list, family->name);
    if (kind == ATTEND)
        attend_case(&layer, mask, mode);
    else if (kind >= ATTENTION)
        stack_case(&layer, kind, mask, mode);
    else if (kind == EMBEDDING)
        embedding_case(&layer, mode);
    else
        plain_case(&layer, kind, mode);
    return true;
}

const Family layer_families[] = {
    {"dropout", dropout_factors, dropout_build},
    {"layer", layer_factors, layer_build},
    {NULL, NULL, NULL},
};
