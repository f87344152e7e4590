/* dot_kernels.c: the kernels of an entry point as boxes, the tensors between them as arrows.
 *
 * In: a schedule, and what was written for it. Out: a box "k3 h / contract, nn.tg:15 / 604 MFLOP, 11.4 MB / W, b" in
 * the cluster of its module, and from it an arrow "h 1.05 MB" to each kernel that reads h. Parameters and states that a
 * kernel reads stand in its last line. With `backward`, the kernels of the backward pass and those that they read from.
 */
#include "command/dot.h"

#include "ops/ops.h"

#include <string.h>

typedef struct Sketch {
    Drawing *drawing;
    const Schedule *schedule;
    bool backward;
    const Kernel **writer; /* by node: the kernel that puts it into memory, or NULL */
    const char **result;   /* by kernel: the results it writes, or NULL */
    double *flop, *bytes;  /* by kernel */
    const Output *output;
    int *box;           /* by kernel, -1 before it has one */
    int *input;         /* by port, likewise */
    const bool *chosen; /* by kernel */
} Sketch;

typedef VEC(Node *) NodeList;

/* Nodes in memory that a kernel reads, each once. */
static void add_reads(const Sketch *sketch, const Kernel *kernel, Node *node, bool *seen, NodeList *list) {
    const Schedule *schedule = sketch->schedule;
    node = schedule_alias(schedule, node);
    if (seen[node->id] || kernel_computes(kernel, node)) return;
    seen[node->id] = true;
    const Place *place = &schedule->place[node->id];
    if (!place->buffer)
        for (int i = 0; i < node->operand_count; i++) add_reads(sketch, kernel, node->operand[i], seen, list);
    else
        vec_push(sketch->drawing->arena, list, node);
    if (place->buffer && place->index) add_reads(sketch, kernel, place->index, seen, list);
}

static NodeList reads_of(const Sketch *sketch, const Kernel *kernel) {
    NodeList list = {0};
    bool *seen = NEW_ARRAY(sketch->drawing->arena, bool, sketch->schedule->entry->graph->nodes.count + 1);
    for (int i = 0; i < kernel->nodes.count; i++)
        for (int j = 0; j < kernel->nodes.at[i]->operand_count; j++)
            add_reads(sketch, kernel, kernel->nodes.at[i]->operand[j], seen, &list);
    return list;
}

static double bytes_of(const Sketch *sketch, const Node *node) {
    double unit = node->dtype == DT_FLOAT ? (sketch->schedule->model->f64 ? 8 : 4) : node->dtype == DT_I32 ? 4 : 1;
    return unit * (double)shape_count(&node->shape);
}

static const Node *main_node(const Kernel *kernel) {
    return kernel->root ? kernel->root : kernel->outputs.count ? kernel->outputs.at[0] : kernel->nodes.at[0];
}

static const char *label_of(const Sketch *sketch, const Kernel *kernel, const NodeList *reads) {
    enum { VARIABLES_SHOWN = 3 };
    Arena *arena = sketch->drawing->arena;
    const Node *node = main_node(kernel);
    Text text;
    text_init(&text, arena);
    text_printf(&text, "%d %s\n%s  %s\n", kernel->id, kernel->name, kind_word(kernel->kind),
                place_word(arena, node->forward ? node->forward->span : node->span));
    if (sketch->flop[kernel->id] > 0) text_printf(&text, "%s, ", amount_word(arena, sketch->flop[kernel->id], "FLOP"));
    text_add(&text, amount_word(arena, sketch->bytes[kernel->id], "B"));
    const char *beside = beside_word(arena, sketch->output, kernel);
    if (strchr(beside, '-')) text_printf(&text, "\nkernels %s together", beside);
    int count = 0;
    for (int i = 0; i < reads->count; i++) {
        const Node *read = reads->at[i];
        if (read->op != &op_read || !read->attr.variable) continue;
        if (count < VARIABLES_SHOWN) text_printf(&text, "%s%s", count ? ", " : "\nreads ", read->attr.variable->path);
        count++;
    }
    if (count > VARIABLES_SHOWN) text_printf(&text, " and %d more", count - VARIABLES_SHOWN);
    return text.at;
}

static int box_of(Sketch *sketch, const Kernel *kernel) {
    Drawing *drawing = sketch->drawing;
    if (sketch->box[kernel->id] >= 0) return sketch->box[kernel->id];
    const Node *node = main_node(kernel);
    const char *scope = scope_of(node);
    int box = sketch->result[kernel->id] ? -1 : box_of_module(drawing, scope, kernel->phase);
    if (box < 0) {
        NodeList reads = reads_of(sketch, kernel);
        bool elsewhere = !sketch->chosen[kernel->id];
        Box made = {.kind = elsewhere ? BOX_VALUE : BOX_NODE,
                    .phase = kernel->phase,
                    .scope = scope_to(drawing->arena, scope, drawing->depth),
                    .label = label_of(sketch, kernel, &reads),
                    .tip = line_word(drawing->arena, node->forward ? node->forward->span : node->span),
                    .result = sketch->result[kernel->id]};
        vec_push(drawing->arena, &drawing->boxes, made);
        box = drawing->boxes.count - 1;
    } else {
        drawing->boxes.at[box].count++;
    }
    drawing->boxes.at[box].flop += sketch->flop[kernel->id];
    drawing->boxes.at[box].bytes += sketch->bytes[kernel->id];
    return sketch->box[kernel->id] = box;
}

static int box_of_input(Sketch *sketch, const Buffer *buffer) {
    Drawing *drawing = sketch->drawing;
    if (sketch->input[buffer->port] < 0) {
        const Port *port = &sketch->schedule->entry->inputs.at[buffer->port];
        const char *label =
            arena_printf(drawing->arena, "%s\n%s", port->name, shape_string(drawing->arena, &port->shape));
        vec_push(drawing->arena, &drawing->boxes,
                 ((Box){.kind = BOX_PORT, .scope = "", .label = label, .tip = "input"}));
        sketch->input[buffer->port] = drawing->boxes.count - 1;
    }
    return sketch->input[buffer->port];
}

/* A tensor that others write their parts of: arrows from all of them. */
static void draw_parts(Sketch *sketch, const Kernel *kernel, const Buffer *buffer, const char *label) {
    for (int i = 0; i < kernel->id; i++) {
        const Kernel *other = sketch->schedule->kernels.at[i];
        bool writes = false;
        for (int j = 0; j < other->outputs.count; j++)
            writes |= sketch->schedule->place[other->outputs.at[j]->id].buffer == buffer;
        if (writes) arrow_add(sketch->drawing, box_of(sketch, other), box_of(sketch, kernel), label, kernel->phase);
    }
}

static void draw_reads(Sketch *sketch, const Kernel *kernel) {
    Arena *arena = sketch->drawing->arena;
    NodeList reads = reads_of(sketch, kernel);
    int to = box_of(sketch, kernel);
    for (int i = 0; i < reads.count; i++) {
        const Node *node = reads.at[i];
        const Buffer *buffer = sketch->schedule->place[node->id].buffer;
        const Kernel *writer = sketch->writer[node->id];
        const char *label = arena_printf(arena, "%s\n%s", node->name ? node->name : buffer->name,
                                         amount_word(arena, bytes_of(sketch, node), "B"));
        if (writer && writer != kernel)
            arrow_add(sketch->drawing, box_of(sketch, writer), to, label, kernel->phase);
        else if (buffer->kind == BUF_INPUT)
            arrow_add(sketch->drawing, box_of_input(sketch, buffer), to, NULL, kernel->phase);
        else if (!writer && buffer->kind == BUF_ARENA)
            draw_parts(sketch, kernel, buffer, label);
    }
}

/* Who writes what, and what each kernel costs: a product's panels are part of it. */
static void find_writers(Sketch *sketch, const Output *output) {
    const Schedule *schedule = sketch->schedule;
    Arena *arena = sketch->drawing->arena;
    for (int i = 0; i < schedule->kernels.count; i++) {
        const Kernel *kernel = schedule->kernels.at[i];
        for (int j = 0; j < kernel->outputs.count; j++) {
            const Node *node = kernel->outputs.at[j];
            const Buffer *buffer = schedule->place[node->id].buffer;
            sketch->writer[node->id] = kernel;
            if (buffer->kind != BUF_RESULT) continue;
            const char *name = schedule->entry->results.at[buffer->port].name, *before = sketch->result[i];
            sketch->result[i] = before ? arena_printf(arena, "%s, %s", before, name) : name;
        }
    }
    for (int i = 0; i < output->launches.count; i++) {
        const OutputLaunch *launch = &output->launches.at[i];
        if (!launch->planned || launch->planned->id >= schedule->kernels.count ||
            schedule->kernels.at[launch->planned->id] != launch->planned)
            continue;
        Cost cost = cost_at(launch->function, 1, 1, 1);
        sketch->flop[launch->planned->id] += cost.flop;
        sketch->bytes[launch->planned->id] += cost.bytes;
    }
}

void draw_kernels(Drawing *drawing, const Schedule *schedule, const Output *output, bool backward) {
    Arena *arena = drawing->arena;
    int kernels = schedule->kernels.count, inputs = schedule->entry->inputs.count;
    bool *chosen = NEW_ARRAY(arena, bool, kernels + 1);
    Sketch sketch = {
        .drawing = drawing, .schedule = schedule, .backward = backward, .chosen = chosen, .output = output};
    sketch.writer = NEW_ARRAY(arena, const Kernel *, schedule->entry->graph->nodes.count + 1);
    sketch.result = NEW_ARRAY(arena, const char *, kernels + 1);
    sketch.flop = NEW_ARRAY(arena, double, kernels + 1);
    sketch.bytes = NEW_ARRAY(arena, double, kernels + 1);
    sketch.box = NEW_ARRAY(arena, int, kernels + 1);
    sketch.input = NEW_ARRAY(arena, int, inputs + 1);
    for (int i = 0; i < kernels; i++) sketch.box[i] = -1;
    for (int i = 0; i < inputs; i++) sketch.input[i] = -1;
    for (int i = 0; i < kernels; i++) chosen[i] = !backward || schedule->kernels.at[i]->phase == PHASE_BACKWARD;
    find_writers(&sketch, output);
    for (int i = 0; i < kernels; i++)
        if (chosen[i]) draw_reads(&sketch, schedule->kernels.at[i]);
}
