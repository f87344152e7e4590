/* dot.c: `tgc dot` draws an entry point for Graphviz: its operations, or its kernels.
 *
 * In: boxes and arrows. Out: a digraph; a cluster per module instance, nested as the model nests, coloured by phase:
 *   subgraph "cluster_net.enc.0" { label="enc.0"; b7 [label="h\nmatmul [64, 256]"]; }
 * Modules nested deeper than the drawing goes are one box per phase each. Without --depth the drawing goes as deep as
 * leaves it legible. */
#include "command/dot.h"

#include <ctype.h>
#include <string.h>

/* In a drawing whose depth nobody chose, at most. */
enum { LEGIBLE_BOXES = 100, LEGIBLE_ARROWS = 200, LEGIBLE_LABELS = 100 };

static const Option options[] = {
    {"--backward", NULL, OPTION_FLAG, NULL, "the backward pass alone, with the forward values it reads",
     offsetof(Request, backward)},
    {"--kernels", NULL, OPTION_FLAG, NULL, "kernels as boxes and tensors as arrows, with operations and bytes",
     offsetof(Request, kernels)},
    {"--depth", NULL, OPTION_NUMBER, "N", "modules nested deeper are one box (as deep as stays legible)",
     offsetof(Request, depth)},
    {"--output", "-o", OPTION_TEXT, "FILE", "write there (standard output)", offsetof(Request, output)},
    {NULL, NULL, 0, NULL, NULL, 0}};

static const char *const phase_names[] = {"forward", "backward", "update"};
static const char *const phase_fills[] = {"#dbe9f6", "#fde0c5", "#dff0d8"};
static const char *const phase_lines[] = {"#4a7fb5", "#d9822b", "#5a9e4b"};

/* ---- paths of modules ---- */

/* Past one module of a path and the index behind it. */
static const char *past_module(const char *at) {
    at += strcspn(at, ".");
    while (at[0] == '.' && isdigit((unsigned char)at[1])) at += 1 + strcspn(at + 1, ".");
    return at;
}

int scope_depth(const char *scope) {
    int depth = 0;
    for (; *scope; depth++) {
        scope = past_module(scope);
        scope += *scope == '.';
    }
    return depth;
}

const char *scope_to(Arena *arena, const char *scope, int depth) {
    const char *end = scope;
    for (int i = 0; i < depth && *end; i++) end = past_module(end + (*end == '.'));
    return arena_strndup(arena, scope, (size_t)(end - scope));
}

const char *scope_of(const Node *node) {
    const CallSite *call = node->forward ? node->forward->call : node->call;
    if (*node->scope || !call) return node->phase == PHASE_UPDATE && !*node->scope ? "update.optimiser" : node->scope;
    return call->scope;
}

/* Whether `scope` lies in `inside`, at any depth, or is it. */
static bool lies_in(const char *scope, const char *inside) {
    size_t length = strlen(inside);
    return length == 0 || (strncmp(scope, inside, length) == 0 && (!scope[length] || scope[length] == '.'));
}

/* ---- boxes and arrows ---- */

int box_of_module(Drawing *drawing, const char *scope, Phase phase) {
    if (scope_depth(scope) <= drawing->depth) return -1;
    const char *module = scope_to(drawing->arena, scope, drawing->depth + 1);
    for (int i = 0; i < drawing->boxes.count; i++) {
        const Box *box = &drawing->boxes.at[i];
        if (box->kind == BOX_MODULE && box->phase == phase && !strcmp(box->label, module)) return i;
    }
    Box box = {.kind = BOX_MODULE, .phase = phase, .label = module, .tip = module};
    box.scope = scope_to(drawing->arena, scope, drawing->depth);
    vec_push(drawing->arena, &drawing->boxes, box);
    return drawing->boxes.count - 1;
}

void arrow_add(Drawing *drawing, int from, int to, const char *label, Phase phase) {
    if (from == to) return;
    for (int i = 0; i < drawing->arrows.count; i++) {
        Arrow *arrow = &drawing->arrows.at[i];
        if (arrow->from != from || arrow->to != to) continue;
        if (label && arrow->label && strcmp(label, arrow->label) != 0) arrow->count++;
        return;
    }
    vec_push(drawing->arena, &drawing->arrows, ((Arrow){from, to, label, phase, 1}));
}

/* ---- the text ---- */

static void put_quoted(Text *text, const char *string) {
    text_add(text, "\"");
    for (; *string; string++) {
        if (*string == '\n')
            text_add(text, "\\n");
        else
            text_printf(text, *string == '"' || *string == '\\' ? "\\%c" : "%c", *string);
    }
    text_add(text, "\"");
}

/* "layer.0 backward\n34 operations", and of kernels what they cost. */
static const char *label_of(const Drawing *drawing, const Box *box) {
    Arena *arena = drawing->arena;
    if (box->kind != BOX_MODULE)
        return box->result ? arena_printf(arena, "%s\nresult %s", box->label, box->result) : box->label;
    const char *name = box->label + strlen(box->scope) + (*box->scope ? 1 : 0);
    const char *label = arena_printf(
        arena, "%s%s%s\n%d %s", name, strcmp(name, "update") == 0 ? "" : " ",
        strcmp(name, "update") == 0 ? "" : phase_names[box->phase], box->count,
        box->count == 1 ? arena_strndup(arena, drawing->things, strlen(drawing->things) - 1) : drawing->things);
    if (box->bytes <= 0) return label;
    return arena_printf(arena, "%s\n%s, %s", label, amount_word(arena, box->flop, "FLOP"),
                        amount_word(arena, box->bytes, "B"));
}

static void put_box(Text *text, const Drawing *drawing, int index) {
    static const char *const shapes[] = {[BOX_NODE] = "",
                                         [BOX_PORT] = ", shape=ellipse",
                                         [BOX_VALUE] = ", style=\"filled,dashed\"",
                                         [BOX_MODULE] = ", shape=box3d, style=filled"};
    const Box *box = &drawing->boxes.at[index];
    text_printf(text, "b%d [label=", index);
    put_quoted(text, label_of(drawing, box));
    text_add(text, ", tooltip=");
    put_quoted(text, box->tip);
    text_printf(text, ", fillcolor=\"%s\", color=\"%s\"%s%s];\n",
                box->kind == BOX_PORT ? "#ffffff" : phase_fills[box->phase], phase_lines[box->phase], shapes[box->kind],
                box->result ? ", penwidth=2.5" : "");
}

/* The boxes of a scope, and the scopes within it as clusters. */
static void put_scope(Text *text, const Drawing *drawing, const char *scope, bool *done) {
    int depth = scope_depth(scope);
    for (int i = 0; i < drawing->boxes.count; i++) {
        const Box *box = &drawing->boxes.at[i];
        if (done[i] || !lies_in(box->scope, scope)) continue;
        if (scope_depth(box->scope) <= depth) {
            done[i] = true;
            put_box(text, drawing, i);
            continue;
        }
        const char *inner = scope_to(text->arena, box->scope, depth + 1);
        text_printf(text, "subgraph \"cluster_%s\" {\n", inner);
        text_indent(text, 1);
        text_printf(text, "label=\"%s\"; style=\"rounded,filled\"; color=\"#b0b0b0\"; fillcolor=\"#%s\";\n",
                    inner + strlen(scope) + (*scope ? 1 : 0), depth % 2 ? "ffffff" : "f6f6f6");
        put_scope(text, drawing, inner, done);
        text_indent(text, -1);
        text_add(text, "}\n");
    }
}

static void put_arrows(Text *text, const Drawing *drawing) {
    for (int i = 0; i < drawing->arrows.count; i++) {
        const Arrow *arrow = &drawing->arrows.at[i];
        text_printf(text, "b%d -> b%d [color=\"%s\"", arrow->from, arrow->to, phase_lines[arrow->phase]);
        if (arrow->label) {
            text_add(text, ", label=");
            put_quoted(text, arrow->count == 1
                                 ? arrow->label
                                 : arena_printf(text->arena, "%s\n+ %d more", arrow->label, arrow->count - 1));
        }
        text_add(text, "];\n");
    }
}

static void put_legend(Text *text, const Drawing *drawing) {
    text_add(
        text,
        "legend [shape=none, margin=0, fillcolor=white, label=<<table border=\"1\" color=\"#b0b0b0\" cellborder=\"0\" "
        "cellspacing=\"3\">\n");
    bool used[3] = {false}, kinds[4] = {false}, results = false;
    for (int i = 0; i < drawing->boxes.count; i++) {
        const Box *box = &drawing->boxes.at[i];
        if (box->kind != BOX_PORT) used[box->phase] = true;
        kinds[box->kind] = true;
        results |= box->result != NULL;
    }
    for (int phase = 0; phase < 3; phase++)
        if (used[phase])
            text_printf(text, "<tr><td bgcolor=\"%s\">%s</td></tr>\n", phase_fills[phase], phase_names[phase]);
    if (kinds[BOX_PORT]) text_add(text, "<tr><td>ellipse: input, parameter, state</td></tr>\n");
    if (kinds[BOX_VALUE]) text_add(text, "<tr><td>dashed: of another pass, read here</td></tr>\n");
    if (kinds[BOX_MODULE])
        text_printf(text, "<tr><td>solid box: a whole module (--depth %d draws its inside)</td></tr>\n",
                    drawing->depth + 1);
    if (results) text_add(text, "<tr><td>thick line: a result</td></tr>\n");
    text_add(text, "</table>>];\n");
}

static void put_drawing(Text *text, const Drawing *drawing, const char *name) {
    bool *done = NEW_ARRAY(text->arena, bool, drawing->boxes.count + 1);
    text_printf(text, "digraph \"%s\" {\n", name);
    text_indent(text, 1);
    text_add(text,
             "rankdir=TB; newrank=true; nodesep=0.2; ranksep=0.3; fontname=\"Helvetica\"; fontsize=11;\n"
             "node [shape=box, style=\"filled,rounded\", fontname=\"Helvetica\", fontsize=10, margin=\"0.08,0.04\", "
             "height=0.3];\n"
             "edge [fontname=\"Helvetica\", fontsize=8, arrowsize=0.6];\n");
    put_legend(text, drawing);
    put_scope(text, drawing, "", done);
    put_arrows(text, drawing);
    text_indent(text, -1);
    text_add(text, "}\n");
}

/* ---- the command ---- */

static void draw(Drawing *drawing, const Request *request, const Compile *compile, const Entry *entry) {
    drawing->boxes.count = drawing->arrows.count = 0;
    drawing->things = request->kernels ? "kernels" : "operations";
    if (!request->kernels) {
        draw_graph(drawing, entry, request->backward);
        return;
    }
    for (int i = 0; i < compile->schedules.count; i++)
        if (compile->schedules.at[i]->entry == entry)
            draw_kernels(drawing, compile->schedules.at[i], &compile->output, request->backward);
}

static bool is_legible(const Drawing *drawing) {
    int labels = 0;
    for (int i = 0; i < drawing->arrows.count; i++) labels += drawing->arrows.at[i].label != NULL;
    return drawing->boxes.count <= LEGIBLE_BOXES && drawing->arrows.count <= LEGIBLE_ARROWS && labels <= LEGIBLE_LABELS;
}

/* As deep as was asked for, or as leaves it legible. */
static void draw_to_depth(Drawing *drawing, const Request *request, const Compile *compile, const Entry *entry) {
    enum { DEEPEST = 1 << 20 };
    drawing->depth = request->depth.given && request->depth.value < DEEPEST ? (int)request->depth.value : DEEPEST;
    draw(drawing, request, compile, entry);
    if (request->depth.given || is_legible(drawing)) return;
    int deepest = 0;
    for (int i = 0; i < drawing->boxes.count; i++) {
        int depth = scope_depth(drawing->boxes.at[i].scope);
        if (depth > deepest) deepest = depth;
    }
    for (drawing->depth = deepest; drawing->depth > 0; drawing->depth--) {
        draw(drawing, request, compile, entry);
        if (is_legible(drawing)) return;
    }
    draw(drawing, request, compile, entry);
}

static int run(Request *request) {
    Compile compile;
    if (!compile_request(request, &compile)) return STATUS_USAGE;
    if (request->kernels && request->stop_after)
        return usage_error(request, "--kernels draws what is written in the end: --stop-after does not go with it");
    compile.skip_inspect = true;
    if (!compile.stop_after) compile.stop_after = request->kernels ? "emit" : "simplify";
    int status = pipeline_run(&compile);
    if (status) return status;
    if (!compile.model) return usage_error(request, "there is no graph yet after the pass %s", compile.stop_after);
    const Entry *entry = entry_named(request, compile.model, request->words.count > 1 ? request->words.at[1] : NULL);
    if (!entry) return compile.model->entries.count ? STATUS_USAGE : STATUS_CONTENT;
    Drawing drawing = {.arena = request->arena};
    draw_to_depth(&drawing, request, &compile, entry);
    Text text;
    text_init(&text, request->arena);
    put_drawing(&text, &drawing, entry->name);
    if (!request->output) return write_stdout(text.at, text.length) ? STATUS_OK : STATUS_FILE;
    return file_written(request->output, &text) ? STATUS_OK : STATUS_FILE;
}

const Command command_dot = {.name = "dot",
                             .arguments = "FILE [ENTRY]",
                             .does = "Draw an entry point for Graphviz: its operations or its kernels.",
                             .more = "Operations are those after simplify; --stop-after=PASS shows them after an "
                                     "earlier pass, such as\nelaborate. Reshapes and broadcasts are not drawn.",
                             .options = options,
                             .compiles = true,
                             .least = 1,
                             .most = 2,
                             .run = run};
