/* formula.c: the comment above a kernel: the line of the model that it comes from, what it computes, what it costs.
 *
 *     k03_h: gpt.tg:31  h = gelu(x1 @ w1 + b1)
 *      *   h[B, T, F] = gelu(x1 @ w1 + b1)
 *      *   604 MFLOP, 11.4 MB; 32 slices; tile 4 x 64
 *
 * A backward kernel quotes the forward line and the rule of its adjoint. */
#include "emit/parts.h"

#include <string.h>

enum { FORMULA_LIMIT = 150 };

/* ---- expressions ---- */

typedef struct Formula {
    const Kernel *kernel;
    Text text;
    bool f64;
} Formula;

static bool is_inside(const Kernel *kernel, const Node *node) {
    for (int i = 0; i < kernel->nodes.count; i++)
        if (kernel->nodes.at[i] == node) return true;
    return false;
}

static void put_node(Formula *f, const Node *node, bool bracket, bool top);

static void put_leaf(Formula *f, const Node *node) {
    if (node->op == &op_const)
        text_printf(&f->text, "%g", node->attr.value);
    else if (node->op == &op_read && node->attr.variable)
        text_add(&f->text, node->attr.variable->path);
    else if (node->name)
        text_add(&f->text, node->name);
    else if (node->attr.label)
        text_add(&f->text, node->attr.label);
    else
        text_printf(&f->text, "%s%d", node->op->kind == OP_LEAF ? node->op->name : "v", node->id);
}

/* An elementwise op's C text without `tg_`. */
static void put_format(Formula *f, const Node *node, bool bracket) {
    const char *format = node->op->c;
    bool call = strchr(format, '(') != NULL;
    bracket = bracket && !call;
    if (bracket) text_add(&f->text, "(");
    for (const char *at = format; *at && f->text.length <= FORMULA_LIMIT; at++) {
        if (*at == '%' && at[1] >= '0' && at[1] <= '9' && at[1] - '0' < node->operand_count)
            put_node(f, node->operand[*++at - '0'], !call, false);
        else if (!strncmp(at, "tg_", 3))
            at += 2;
        else
            text_printf(&f->text, "%c", *at);
    }
    if (bracket) text_add(&f->text, ")");
}

static void put_product(Formula *f, const Node *node, bool bracket) {
    if (bracket) text_add(&f->text, "(");
    put_node(f, node->operand[0], true, false);
    text_printf(&f->text, "%s @ ", node->attr.transpose_a ? ".T" : "");
    put_node(f, node->operand[1], true, false);
    text_add(&f->text, node->attr.transpose_b ? ".T" : "");
    if (bracket) text_add(&f->text, ")");
}

static void put_call(Formula *f, const Node *node) {
    text_printf(&f->text, "%s(", node->op->name);
    for (int i = 0; i < node->operand_count; i++) {
        if (i) text_add(&f->text, ", ");
        put_node(f, node->operand[i], false, false);
    }
    text_add(&f->text, ")");
}

static void put_node(Formula *f, const Node *node, bool bracket, bool top) {
    if (f->text.length > FORMULA_LIMIT) return;
    bool view = node->op->kind == OP_VIEW && !(node->name && !top && !is_inside(f->kernel, node));
    if (view && node->op != &op_slice)
        put_node(f, node->operand[0], bracket, false);
    else if (node->op->kind == OP_LEAF || (!top && !view && !is_inside(f->kernel, node)))
        put_leaf(f, node);
    else if (node->op->kind == OP_MAP && node->op->c)
        put_format(f, node, bracket);
    else if (node->op->kind == OP_MATMUL)
        put_product(f, node, bracket);
    else
        put_call(f, node);
}

/* ---- the lines ---- */

static void put_name(Text *text, const Node *node) {
    if (node->op->kind == OP_EFFECT && node->attr.variable)
        text_add(text, node->attr.variable->path);
    else if (node->name)
        text_add(text, node->name);
    else
        text_printf(text, "v%d", node->id);
}

static void put_output(Text *text, const Emitter *e, const Kernel *kernel, const Node *node) {
    Formula f = {.kernel = kernel, .f64 = e->model->f64};
    text_init(&f.text, e->arena);
    put_node(&f, node, false, true);
    put_name(text, node);
    shape_print(text, &node->shape, false);
    if (f.text.length <= FORMULA_LIMIT) {
        text_printf(text, " = %s", f.text.at);
        return;
    }
    text_printf(text, ": %d operations:", kernel->nodes.count);
    const Op *last = NULL;
    size_t start = text->length;
    for (int i = 0; i < kernel->nodes.count && text->length - start < FORMULA_LIMIT - 50; i++) {
        const Op *op = kernel->nodes.at[i]->op;
        if (op->kind != OP_VIEW && op->kind != OP_LEAF && op != last) text_printf(text, " %s", op->name), last = op;
    }
}

static const char *file_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The line of the text that a place lies in, without the blanks around it. */
static void put_line_of(Text *text, Span span) {
    if (!span.source) return;
    const char *from = span.source->text + span.start, *begin = span.source->text;
    while (from > begin && from[-1] != '\n') from--;
    while (*from == ' ' || *from == '\t') from++;
    size_t length = strcspn(from, "\r\n#");
    while (length && (from[length - 1] == ' ' || from[length - 1] == '\t')) length--;
    char *line = arena_strndup(text->arena, from, length < 100 ? length : 100);
    for (char *at = line; (at = strstr(at, "*/"));) *at = ' '; /* must not end the comment */
    for (char *at = line; (at = strstr(at, "/*"));) *at = ' ';
    text_printf(text, "%s:%d  %s%s", file_of(span.source->path), span_line(span), line, length < 100 ? "" : " ...");
}

const Node *main_node(const Kernel *kernel) {
    if (kernel->root) return kernel->root;
    if (kernel->outputs.count) return kernel->outputs.at[0];
    return kernel->nodes.count ? kernel->nodes.at[kernel->nodes.count - 1] : NULL;
}

static void put_quantity(Text *text, double amount, const char *unit) {
    static const char *const scale[] = {"", "k", "M", "G", "T"};
    int step = 0;
    while (amount >= 1000 && step < 4) amount /= 1000, step++;
    text_printf(text, "%.3g %s%s", amount, scale[step], unit);
}

static void put_cost(Text *text, const Function *function) {
    text_add(text, "\n *   ");
    if (function->flop > 0) {
        put_quantity(text, function->flop, "FLOP");
        text_add(text, ", ");
    }
    put_quantity(text, function->bytes, "B");
    text_printf(text, "; %lld slice%s", (long long)function->slices, function->slices == 1 ? "" : "s");
    const Kernel *kernel = function->kernel;
    if (!kernel || kernel->kind != KERNEL_CONTRACT) return;
    text_printf(text, " of %lld rows; tile %d x %d vectors", (long long)kernel->tile.row_block, kernel->tile.mr,
                kernel->tile.nv);
    if (kernel->tile.pack_b) text_add(text, ", from packed panels");
}

static void put_origin(Text *text, const Node *node) {
    if (!node->span.source && !node->forward) return;
    text_add(text, ": ");
    if (!node->forward || !node->rule) {
        put_line_of(text, node->span);
        return;
    }
    text_add(text, "backward of ");
    put_line_of(text, node->forward->span);
    text_printf(text, "\n *   rule: %s", node->rule);
}

const char *origin_of(const Emitter *e, const Node *node) {
    Text text;
    text_init(&text, e->arena);
    if (node) put_line_of(&text, node->forward && node->rule ? node->forward->span : node->span);
    return text.at;
}

const char *origin_text(const Emitter *e, const Function *function) {
    return origin_of(e, function->kernel ? main_node(function->kernel) : NULL);
}

const char *results_text(const Emitter *e, const Function *function) {
    const Kernel *kernel = function->kernel;
    Text text;
    text_init(&text, e->arena);
    for (int i = 0; kernel && i < kernel->outputs.count; i++) {
        if (i) text_add(&text, "\n");
        put_output(&text, e, kernel, kernel->outputs.at[i]);
    }
    return text.at;
}

void put_formula(Text *text, const Emitter *e, const Function *function) {
    enum { OUTPUTS_SHOWN = 4 };
    const Kernel *kernel = function->kernel;
    const Node *node = kernel ? main_node(kernel) : NULL;
    if (node) put_origin(text, node);
    for (int i = 0; kernel && i < kernel->outputs.count && i < OUTPUTS_SHOWN; i++) {
        text_add(text, "\n *   ");
        put_output(text, e, kernel, kernel->outputs.at[i]);
    }
    if (kernel && kernel->outputs.count > OUTPUTS_SHOWN)
        text_printf(text, "\n *   and %d more", kernel->outputs.count - OUTPUTS_SHOWN);
    for (int i = 0; i < function->comment.count; i++) text_printf(text, "\n *   %s", function->comment.at[i]);
    put_cost(text, function);
}
