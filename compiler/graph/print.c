/* print.c: the graph as text, for --dump and for the eye.
 *
 * In: a graph or a whole model. Out: one line per node, attributes after the operands, the place behind a hash:
 *
 *     %4 h: f32[B=64, F=1024] = add(%2, %3)  # net.ff, m.tg:31
 *     %9 d_w: f32[F=1024, D=8] = matmul(%1, %7, transpose_a)  # m.tg:31, dB = A^T . G
 *
 * An op says by `uses` which attributes are its own; those alone are printed.
 */
#include "graph/graph.h"

#include <inttypes.h>

static void print_axes(Text *text, const Attr *attr) {
    text_add(text, ", axes=");
    for (int i = 0; i < attr->axis_count; i++) text_printf(text, "%s%d", i > 0 ? "/" : "", attr->axes[i]);
}

static void print_start(Text *text, const Node *node) {
    text_add(text, ", start=");
    for (int i = 0; i < node->shape.rank; i++) text_printf(text, "%s%" PRId64, i > 0 ? "/" : "", node->attr.start[i]);
}

static void print_attributes(Text *text, const Node *node) {
    const Attr *attr = &node->attr;
    unsigned uses = node->op->uses;
    if ((uses & USES_AXES) && attr->axis_count > 0) print_axes(text, attr);
    if (uses & USES_START) print_start(text, node);
    if ((uses & USES_TRANSPOSE) && attr->transpose_a) text_add(text, ", transpose_a");
    if ((uses & USES_TRANSPOSE) && attr->transpose_b) text_add(text, ", transpose_b");
    if (uses & USES_VALUE) text_printf(text, ", %.17g", attr->value);
    if ((uses & USES_FACTOR) && attr->factor != 0) text_printf(text, ", factor=%.17g", attr->factor);
    if (uses & USES_SITE) text_printf(text, ", site=%" PRId64, attr->site);
    if (uses & USES_LIMIT) text_printf(text, ", limit=%" PRId64, attr->limit);
    if ((uses & USES_FLAG) && attr->flag) text_add(text, ", mask");
    if (uses & USES_VARIABLE) text_printf(text, ", %s@%d", attr->variable->path, attr->version);
    if ((uses & USES_LABEL) && attr->label) text_printf(text, ", \"%s\"", attr->label);
}

/* `%4 h: f32[B=64]`: also the form in which ports are listed. */
static void print_value(Text *text, const Node *node, bool f64) {
    text_printf(text, "%%%d", node->id);
    if (node->name) text_printf(text, " %s", node->name);
    text_printf(text, ": %s", dtype_name(node->dtype, f64));
    shape_print(text, &node->shape, true);
}

static void print_operation(Text *text, const Node *node) {
    Text inside;
    text_init(&inside, text->arena);
    for (int i = 0; i < node->operand_count; i++) text_printf(&inside, ", %%%d", node->operand[i]->id);
    print_attributes(&inside, node);
    text_printf(text, " = %s(%s)", node->op->name, inside.length > 2 ? inside.at + 2 : "");
}

/* ` # net.ff, m.tg:31, dB = A^T . G`, or nothing. */
static void print_origin(Text *text, const Node *node) {
    const char *between = "  # ";
    if (node->scope && node->scope[0]) {
        text_printf(text, "%s%s", between, node->scope);
        between = ", ";
    }
    if (node->span.source) {
        text_printf(text, "%s%s:%d", between, node->span.source->path, span_line(node->span));
        between = ", ";
    }
    if (node->forward && node->forward->name) {
        text_printf(text, "%sof %s", between, node->forward->name);
        between = ", ";
    }
    if (node->rule) {
        text_printf(text, "%s%s", between, node->rule);
        between = ", ";
    }
    if (node->again) text_printf(text, "%sagain", between);
}

static void print_nodes(Text *text, const Graph *graph, bool f64) {
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        print_value(text, node, f64);
        print_operation(text, node);
        print_origin(text, node);
        text_add(text, "\n");
    }
}

static void print_ports(Text *text, const char *title, const Port *ports, int count, bool f64) {
    for (int i = 0; i < count; i++) {
        text_printf(text, "%s %s: %s", title, ports[i].name, dtype_name(ports[i].dtype, f64));
        shape_print(text, &ports[i].shape, true);
        if (ports[i].node) text_printf(text, " = %%%d", ports[i].node->id);
        text_add(text, "\n");
    }
}

void graph_print(Text *text, const Graph *graph) {
    print_nodes(text, graph, false);
}

void model_print(Text *text, const Model *model) {
    for (int i = 0; i < model->entries.count; i++) {
        const Entry *entry = model->entries.at[i];
        text_printf(text, "%s%s %s\n", i > 0 ? "\n" : "", entry->train ? "train" : "graph", entry->name);
        text_indent(text, 1);
        print_ports(text, "in", entry->inputs.at, entry->inputs.count, model->f64);
        print_nodes(text, entry->graph, model->f64);
        print_ports(text, "out", entry->results.at, entry->results.count, model->f64);
        text_indent(text, -1);
    }
}
