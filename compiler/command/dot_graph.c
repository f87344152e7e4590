/* dot_graph.c: the operations of an entry point as boxes.
 *
 * In: a graph, `%4 h = add(%2, %3)` in scope net.ff. Out: a box "h / add [64, 256]" in the cluster of net.ff and arrows
 * to it from what it reads. Numbers stand in the label of what reads them; reshape and broadcast are not drawn, an
 * arrow goes through them. With `backward`, the nodes of the backward pass and the forward values that they read. */
#include "command/dot.h"

#include "ops/ops.h"

#include <string.h>

typedef struct Sketch {
    Drawing *drawing;
    const Entry *entry;
    const bool *live;
    bool backward;
    const char **result; /* by node: the name of the result it is, or NULL */
    int *box;            /* by node: its box, -1 before it has one */
} Sketch;

static bool is_hidden(const Sketch *sketch, const Node *node) {
    return (node->op == &op_broadcast || node->op == &op_reshape) && !sketch->result[node->id];
}

static const Node *seen_through(const Sketch *sketch, const Node *node) {
    while (is_hidden(sketch, node)) node = node->operand[0];
    return node;
}

/* What a node is called, or what it stands for. */
static const char *title_of(const Node *node) {
    if (node->attr.variable && (node->op->uses & USES_VARIABLE)) return node->attr.variable->path;
    return node->name ? node->name : node->attr.label && (node->op->uses & USES_LABEL) ? node->attr.label : "";
}

/* "h\nadd 0.5 [64, 256]" */
static const char *label_of(const Sketch *sketch, const Node *node) {
    Text text;
    text_init(&text, sketch->drawing->arena);
    const char *title = title_of(node);
    text_printf(&text, "%s%s%s", title, *title ? "\n" : "", node->op->name);
    for (int i = 0; i < node->operand_count; i++) {
        const Node *operand = seen_through(sketch, node->operand[i]);
        if (operand->op == &op_const) text_printf(&text, " %g", operand->attr.value);
    }
    text_printf(&text, " %s", shape_string(text.arena, &node->shape));
    return text.at;
}

static const char *tip_of(Arena *arena, const Node *node) {
    const Node *origin = node->forward ? node->forward : node;
    return arena_printf(arena, "%s  %s%s%s", place_word(arena, origin->span), line_word(arena, origin->span),
                        node->rule ? "\nrule: " : "", node->rule ? node->rule : "");
}

static int box_of(Sketch *sketch, const Node *node) {
    Drawing *drawing = sketch->drawing;
    if (sketch->box[node->id] >= 0) return sketch->box[node->id];
    const char *scope = scope_of(node);
    int module = sketch->result[node->id] ? -1 : box_of_module(drawing, scope, node->phase);
    if (module >= 0) {
        drawing->boxes.at[module].count++;
        return sketch->box[node->id] = module;
    }
    bool elsewhere = sketch->backward && node->phase == PHASE_FORWARD;
    Box box = {.kind = node->op->kind == OP_LEAF ? BOX_PORT
                       : elsewhere               ? BOX_VALUE
                                                 : BOX_NODE,
               .phase = node->phase,
               .scope = scope_to(drawing->arena, scope, drawing->depth),
               .label = label_of(sketch, node),
               .tip = tip_of(drawing->arena, node),
               .result = sketch->result[node->id]};
    vec_push(drawing->arena, &drawing->boxes, box);
    return sketch->box[node->id] = drawing->boxes.count - 1;
}

static bool is_drawn(const Sketch *sketch, const Node *node) {
    if (!sketch->live[node->id] || is_hidden(sketch, node) || node->op == &op_const) return false;
    return !sketch->backward || node->phase == PHASE_BACKWARD;
}

void draw_graph(Drawing *drawing, const Entry *entry, bool backward) {
    Arena *arena = drawing->arena;
    int count = entry->graph->nodes.count;
    bool *live = NEW_ARRAY(arena, bool, count + 1);
    entry_live(entry, live);
    Sketch sketch = {.drawing = drawing, .entry = entry, .live = live, .backward = backward};
    sketch.result = NEW_ARRAY(arena, const char *, count + 1);
    sketch.box = NEW_ARRAY(arena, int, count + 1);
    for (int i = 0; i < count; i++) sketch.box[i] = -1;
    for (int i = 0; i < entry->results.count; i++)
        sketch.result[entry->results.at[i].node->id] = entry->results.at[i].name;
    for (int i = 0; i < count; i++) {
        const Node *node = entry->graph->nodes.at[i];
        if (!is_drawn(&sketch, node)) continue;
        int to = box_of(&sketch, node);
        for (int k = 0; k < node->operand_count; k++) {
            const Node *operand = seen_through(&sketch, node->operand[k]);
            if (operand->op == &op_const) continue;
            int from = box_of(&sketch, operand);
            arrow_add(drawing, from, to, NULL, node->phase);
        }
    }
}
