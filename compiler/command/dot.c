/* dot.c: `tgc dot` draws the graph of an entry point, for Graphviz.
 *
 * In: an entry after some pass. Out: a digraph; a box per module instance, nested as the model nests, and within it its
 * nodes, coloured by phase:
 *   subgraph "cluster_net.enc.0" { label="0"; n7 [label="h\nmatmul [64, 256]"]; } */
#include "command/command.h"

#include <string.h>

static const Option options[] = {
    {"--output", "-o", OPTION_TEXT, "FILE", "write there (standard output)", offsetof(Request, output)},
    {NULL, NULL, 0, NULL, NULL, 0}};

static const char *const phase_colours[] = {
    [PHASE_FORWARD] = "#dbe9f6", [PHASE_BACKWARD] = "#fde0c5", [PHASE_UPDATE] = "#dff0d8"};

static void add_quoted(Text *text, const char *string) {
    for (; *string; string++) text_printf(text, *string == '"' || *string == '\\' ? "\\%c" : "%c", *string);
}

/* What a node is called, or what it stands for. */
static const char *title_of(const Node *node) {
    if (node->attr.variable && (node->op->uses & USES_VARIABLE)) return node->attr.variable->path;
    return node->name ? node->name : node->attr.label && (node->op->uses & USES_LABEL) ? node->attr.label : "";
}

static void draw_node(Text *text, const Node *node, const char *const *result) {
    Arena *arena = text->arena;
    const char *title = title_of(node);
    text_printf(text, "n%d [label=\"", node->id);
    add_quoted(text, title);
    text_printf(text, "%s%s %s", *title ? "\\n" : "", node->op->name, shape_string(arena, &node->shape));
    if (result[node->id]) text_printf(text, "\\nresult %s", result[node->id]);
    text_printf(text, "\", fillcolor=\"%s\"%s];\n", phase_colours[node->phase],
                result[node->id]                                           ? ", penwidth=2"
                : node->op->kind == OP_LEAF || node->op->kind == OP_EFFECT ? ", shape=ellipse"
                                                                           : "");
}

/* Whether `scope` lies in `inside`, at any depth, or is it. */
static bool lies_in(const char *scope, const char *inside) {
    size_t length = strlen(inside);
    return length == 0 || (strncmp(scope, inside, length) == 0 && (!scope[length] || scope[length] == '.'));
}

typedef struct Drawing {
    Text *text;
    const Graph *graph;
    const bool *live;
    const char **result; /* by node: the name of the result it is, or NULL */
    bool *drawn;
} Drawing;

/* The nodes of a scope, and the scopes within it as clusters. */
static void draw_scope(Drawing *drawing, const char *scope) {
    Text *text = drawing->text;
    size_t length = strlen(scope);
    for (int i = 0; i < drawing->graph->nodes.count; i++) {
        const Node *node = drawing->graph->nodes.at[i];
        if (!drawing->live[i] || drawing->drawn[i] || !lies_in(node->scope, scope)) continue;
        const char *rest = node->scope + length + (length && node->scope[length] ? 1 : 0);
        if (!*rest) {
            drawing->drawn[i] = true;
            draw_node(text, node, drawing->result);
            continue;
        }
        size_t part = strcspn(rest, ".");
        const char *inner = arena_strndup(text->arena, node->scope, (size_t)(rest - node->scope) + part);
        text_printf(text, "subgraph \"cluster_%s\" {\n", inner);
        text_indent(text, 1);
        text_printf(text, "label=\"%.*s\"; style=rounded; color=gray;\n", (int)part, rest);
        draw_scope(drawing, inner);
        text_indent(text, -1);
        text_add(text, "}\n");
    }
}

static void draw_edges(Drawing *drawing) {
    for (int i = 0; i < drawing->graph->nodes.count; i++) {
        const Node *node = drawing->graph->nodes.at[i];
        for (int k = 0; k < node->operand_count && drawing->live[i]; k++)
            text_printf(drawing->text, "n%d -> n%d;\n", node->operand[k]->id, i);
    }
}

static void draw_entry(Text *text, const Entry *entry) {
    Arena *arena = text->arena;
    int count = entry->graph->nodes.count;
    bool *live = NEW_ARRAY(arena, bool, count + 1);
    entry_live(entry, live);
    Drawing drawing = {.text = text, .graph = entry->graph, .live = live};
    drawing.result = NEW_ARRAY(arena, const char *, count + 1);
    drawing.drawn = NEW_ARRAY(arena, bool, count + 1);
    for (int i = 0; i < entry->results.count; i++)
        drawing.result[entry->results.at[i].node->id] = entry->results.at[i].name;
    text_printf(text, "digraph %s {\n", entry->name);
    text_indent(text, 1);
    text_add(text, "rankdir=TB; node [shape=box, style=\"filled,rounded\", fontname=\"Helvetica\", fontsize=10];\n");
    draw_scope(&drawing, "");
    draw_edges(&drawing);
    text_indent(text, -1);
    text_add(text, "}\n");
}

static int run(Request *request) {
    Compile compile;
    if (!compile_request(request, &compile)) return STATUS_USAGE;
    if (!compile.stop_after) compile.stop_after = "simplify";
    int status = pipeline_run(&compile);
    if (status) return status;
    if (!compile.model) return usage_error(request, "there is no graph yet after the pass %s", compile.stop_after);
    const Entry *entry = entry_named(request, compile.model, request->words.count > 1 ? request->words.at[1] : NULL);
    if (!entry) return compile.model->entries.count ? STATUS_USAGE : STATUS_CONTENT;
    Text text;
    text_init(&text, request->arena);
    draw_entry(&text, entry);
    if (!request->output) return write_stdout(text.at, text.length) ? STATUS_OK : STATUS_FILE;
    return file_written(request->output, &text) ? STATUS_OK : STATUS_FILE;
}

const Command command_dot = {.name = "dot",
                             .arguments = "FILE [ENTRY]",
                             .does = "Draw the graph of an entry point for Graphviz.",
                             .more =
                                 "It is the graph after simplify; --stop-after=PASS shows it after an earlier pass, "
                                 "such as elaborate.",
                             .options = options,
                             .compiles = true,
                             .least = 1,
                             .most = 2,
                             .run = run};
