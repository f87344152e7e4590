/* formula.c: the comment above a kernel: the line of the model that it comes from, what it computes, what it costs.
 *
 *     k03_h: gpt.tg:31  h = gelu(x1 @ w1 + b1)
 *      *   h[B, T, F] = gelu(x1 @ w1 + b1)
 *      *   604 MFLOP, 11.4 MB; 32 slices; tile 4 x 64
 *
 * A backward kernel quotes the forward line and the rule of its adjoint. A value goes by the name it has in the
 * function below, be it an array or a variable, and each such value has a line of its own: a formula is no longer than
 * the code that it stands for, and every name in it is found there. */
#include "emit/parts.h"

#include <string.h>

enum { FORMULA_LIMIT = 180 };

/* ---- names ---- */

typedef struct Formula {
    Arena *arena;
    const Schedule *schedule;
    const Function *function;
    const Kernel *kernel;
    Text text;
} Formula;

static bool declares(const Block *block, const Var *var) {
    for (int i = 0; i < block->stmts.count; i++)
        if (block->stmts.at[i]->var == var || declares(&block->stmts.at[i]->body, var)) return true;
    return false;
}

/* The array of the function that holds the node's memory, or the panels made of it. */
static const Array *array_for(const Formula *f, const Buffer *buffer, int64_t from, int64_t count) {
    const Array *found = NULL;
    for (int i = 0; i < f->function->arrays.count; i++) {
        const Array *array = f->function->arrays.at[i];
        if (array->buffer != buffer || array->offset < from || array->offset >= from + count) continue;
        if (!found || array->offset < found->offset) found = array;
    }
    return found;
}

static const char *memory_name(const Formula *f, const Node *node) {
    const Place *place = &f->schedule->place[node->id];
    if (!place->buffer) return NULL;
    const Array *array =
        array_for(f, place->buffer, place->offset, place->index ? INT64_MAX / 2 : shape_count(&node->shape));
    if (!array) array = array_for(f, place->buffer, 0, INT64_MAX / 2);
    return array ? array->name : NULL;
}

static const char *variable_name(const Formula *f, const Node *node) {
    for (int i = 0; i < f->function->values.count; i++) {
        const NamedValue *value = &f->function->values.at[i];
        if (value->node == node && declares(&f->function->body, value->var)) return value->var->name;
    }
    return NULL;
}

/* What the function below calls the value; NULL where it stands inside an expression. */
static const char *name_in_code(const Formula *f, const Node *node) {
    const char *name = memory_name(f, node);
    return name ? name : variable_name(f, node);
}

/* ---- expressions ---- */

static void put_node(Formula *f, const Node *node, bool bracket, bool top);

static const Node *alias(const Formula *f, const Node *node) {
    while (f->schedule->alias[node->id]) node = f->schedule->alias[node->id];
    return node;
}

static bool is_full(const Formula *f) {
    return f->text.length > FORMULA_LIMIT;
}

static void put_leaf(Formula *f, const Node *node) {
    if (node->op == &op_const)
        text_printf(&f->text, "%g", node->attr.value);
    else if (node->op == &op_read && node->attr.variable)
        text_add(&f->text, node->attr.variable->path);
    else if (node->attr.label)
        text_add(&f->text, node->attr.label);
    else
        text_add(&f->text, node->op->name);
}

/* An elementwise op's C text without `tg_`. */
static void put_format(Formula *f, const Node *node, bool bracket) {
    const char *format = node->op->c;
    bool call = strchr(format, '(') != NULL;
    bracket = bracket && !call && strcmp(format, "%0") != 0;
    if (bracket) text_add(&f->text, "(");
    for (const char *at = format; *at && !is_full(f); at++) {
        if (*at == '%' && at[1] >= '0' && at[1] <= '9' && at[1] - '0' < node->operand_count)
            put_node(f, node->operand[*++at - '0'], !call && strcmp(format, "%0") != 0, false);
        else if (!strncmp(at, "tg_", 3))
            at += 2;
        else
            text_printf(&f->text, "%c", *at);
    }
    if (bracket) text_add(&f->text, ")");
}

/* An operand of a product: its panels where it was laid out in some. */
static void put_factor(Formula *f, const Node *product, int index) {
    const Buffer *panels = index ? f->kernel->packed : f->kernel->packed_a;
    const Array *array = panels && product == f->kernel->root ? array_for(f, panels, 0, INT64_MAX / 2) : NULL;
    if (array && f->function->role == FUNCTION_COMPUTES) {
        text_add(&f->text, array->name);
        return;
    }
    put_node(f, product->operand[index], true, false);
    if (index ? product->attr.transpose_b : product->attr.transpose_a) text_add(&f->text, ".T");
}

static void put_product(Formula *f, const Node *node, bool bracket) {
    if (bracket) text_add(&f->text, "(");
    put_factor(f, node, 0);
    text_add(&f->text, " @ ");
    put_factor(f, node, 1);
    if (bracket) text_add(&f->text, ")");
}

static void put_axis(Text *text, const Shape *shape, int axis) {
    if (shape->name[axis])
        text_add(text, shape->name[axis]);
    else
        text_printf(text, "%d", axis);
}

/* Whether the code reads all that the value is made of: ids that choose between equal rows it does not. */
static bool is_read(const Formula *f, const Node *node) {
    node = alias(f, node);
    if (name_in_code(f, node)) return true;
    if (f->schedule->place[node->id].buffer) return false;
    for (int i = 0; i < node->operand_count; i++)
        if (!is_read(f, node->operand[i])) return false;
    return true;
}

static void put_call(Formula *f, const Node *node) {
    text_printf(&f->text, "%s(", node->op->name);
    for (int i = 0; i < node->operand_count; i++) {
        if (i) text_add(&f->text, ", ");
        if (node->op == &op_gather && i == 1 && !is_read(f, node->operand[i])) {
            text_add(&f->text, "any");
            continue;
        }
        if (folds_right(f->kernel, node))
            put_factor(f, f->kernel->root, 1);
        else
            put_node(f, node->operand[i], false, false);
    }
    for (int i = 0; node->op->kind == OP_REDUCE && i < node->attr.axis_count; i++) {
        text_add(&f->text, i ? ", " : ", axis = ");
        put_axis(&f->text, &node->operand[0]->shape, node->attr.axes[i]);
    }
    text_add(&f->text, ")");
}

/* "attend(q, k, v, scale = 0.125, keys where column <= row)" */
static void put_attend(Formula *f, const Node *node) {
    AttendParts parts = attend_parts(node);
    text_printf(&f->text, "%s(", node->op->name);
    for (int i = 0; i < node->operand_count && node->operand[i] != parts.mask && node->operand[i] != parts.kept; i++) {
        if (i) text_add(&f->text, ", ");
        put_node(f, node->operand[i], false, false);
    }
    text_printf(&f->text, ", scale = %.3g", node->attr.value);
    if (parts.mask) text_add(&f->text, ", keys where "), put_node(f, parts.mask, false, false);
    if (parts.kept) text_add(&f->text, ", kept where "), put_node(f, parts.kept, false, false);
    text_add(&f->text, ")");
}

/* The axis of the view along which the numbers of an iota below it go up; -1: there is none. */
static int iota_axis(const Node *node) {
    if (node->op == &op_iota) return node->shape.rank == 1 ? 0 : -1;
    if (node->op->kind != OP_VIEW || node->operand_count != 1) return -1;
    const Node *below = node->operand[0];
    int axis = iota_axis(below);
    if (axis < 0) return -1;
    if (node->op == &op_broadcast) return axis + node->shape.rank - below->shape.rank;
    for (int i = 0; node->op == &op_reshape && i < node->shape.rank; i++)
        if (node->shape.size[i] == below->shape.size[axis] && shape_count(&node->shape) == node->shape.size[i])
            return i;
    return -1;
}

/* "row" and "column": the place along one of the last two axes. */
static bool put_iota(Formula *f, const Node *node) {
    int axis = iota_axis(node), rank = node->shape.rank;
    if (axis < 0 || rank < 2 || axis < rank - 2) return false;
    text_add(&f->text, axis == rank - 1 ? "column" : "row");
    return true;
}

/* "x.T", "x to [B, H, T, K]", "x[0:4, :]"; other views show the same numbers in the same order. */
static void put_view(Formula *f, const Node *node, bool bracket) {
    int rank = node->shape.rank;
    bool moves = false;
    if (put_iota(f, node)) return;
    for (int i = 0; node->op == &op_permute && i < rank - 2; i++) moves = moves || node->attr.axes[i] != i;
    bool brackets = bracket && moves;
    if (brackets) text_add(&f->text, "(");
    put_node(f, node->operand[0], bracket || node->op == &op_permute || node->op == &op_slice, false);
    if (node->op == &op_permute) {
        if (moves) {
            text_add(&f->text, " to ");
            shape_print(&f->text, &node->shape, false);
        } else if (rank >= 2 && node->attr.axes[rank - 1] != rank - 1) {
            text_add(&f->text, ".T");
        }
    } else if (node->op == &op_slice) {
        text_add(&f->text, "[");
        for (int i = 0; i < rank; i++) {
            int64_t from = node->attr.start[i], size = node->shape.size[i];
            text_add(&f->text, i ? ", " : "");
            if (node->operand_count == 2 && node->attr.axes[0] == i)
                put_node(f, node->operand[1], true, false), text_add(&f->text, "…");
            else if (size == node->operand[0]->shape.size[i])
                text_add(&f->text, ":");
            else
                text_printf(&f->text, "%lld:%lld", (long long)from, (long long)(from + size));
        }
        text_add(&f->text, "]");
    }
    if (brackets) text_add(&f->text, ")");
}

static void put_node(Formula *f, const Node *node, bool bracket, bool top) {
    if (is_full(f)) return;
    node = alias(f, node);
    const char *name = top ? NULL : name_in_code(f, node);
    if (name)
        text_add(&f->text, name);
    else if (node->op->kind == OP_VIEW)
        put_view(f, node, bracket);
    else if (node->op->kind == OP_LEAF)
        put_leaf(f, node);
    else if (node->op->kind == OP_MAP && node->op->c)
        put_format(f, node, bracket);
    else if (node->op->kind == OP_MATMUL)
        put_product(f, node, bracket);
    else if (node->op->kind == OP_ATTEND)
        put_attend(f, node);
    else
        put_call(f, node);
}

/* ---- the lines of what is computed ---- */

static Formula formula_of(const Emitter *e, const Schedule *schedule, const Function *function) {
    Formula f = {.arena = e->arena, .schedule = schedule, .function = function, .kernel = function->kernel};
    return f;
}

/* "h[B, T, F] = gelu(x1 @ w1 + b1)" */
static void put_value(Text *text, Formula *f, const Node *node) {
    const char *name = name_in_code(f, node);
    text_init(&f->text, f->arena);
    put_node(f, node, false, true);
    text_add(text, name ? name : node_called(node));
    shape_print(text, &node->shape, false);
    text_printf(text, " = %s", f->text.at);
    if (is_full(f)) text_add(text, " …");
}

typedef VEC(const Node *) Nodes;

static void add_node(Arena *arena, Nodes *nodes, const Node *node) {
    int at = nodes->count;
    for (int i = 0; i < nodes->count; i++)
        if (nodes->at[i] == node) return;
    vec_push(arena, nodes, node);
    for (; at > 0 && nodes->at[at - 1]->id > node->id; at--) nodes->at[at] = nodes->at[at - 1];
    nodes->at[at] = node;
}

/* What the function gives a name to, in the order of the graph. */
static Nodes named_nodes(Formula *f) {
    Nodes nodes = {0};
    for (int i = 0; i < f->kernel->outputs.count; i++) add_node(f->arena, &nodes, f->kernel->outputs.at[i]);
    for (int i = 0; i < f->function->values.count; i++) {
        const Node *node = f->function->values.at[i].node;
        bool loaded = f->schedule->place[node->id].buffer && !kernel_stores(f->kernel, node);
        if (!loaded && node->op->kind != OP_LEAF && variable_name(f, node)) add_node(f->arena, &nodes, node);
    }
    return nodes;
}

/* "W_panels = W in panels of 64 columns", "h_rows = h.T in rows" */
static void put_panels(Text *text, Formula *f, int64_t lanes) {
    bool columns = f->function->role == FUNCTION_PACKS_COLUMNS;
    const Buffer *panels = columns ? f->kernel->packed : f->kernel->packed_a;
    const Array *array = array_for(f, panels, 0, INT64_MAX / 2);
    text_init(&f->text, f->arena);
    put_factor(f, f->kernel->root, columns);
    text_printf(text, "%s = %s in ", array ? array->name : panels->name, f->text.at);
    if (columns)
        text_printf(text, "panels of %lld columns", (long long)(f->kernel->tile.nv * lanes));
    else
        text_add(text, "rows");
}

static int64_t lanes_of(const Emitter *e) {
    return e->machine->vector_bytes / (e->model->f64 ? 8 : 4);
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
    text_printf(text, "%s:%d  %s%s", utf8_text(text->arena, file_of(span.source->path)), span_line(span),
                utf8_text(text->arena, line), length < 100 ? "" : " ...");
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
        if (function->products > 0) text_printf(text, " (%.0f multiply-adds)", function->products);
        text_add(text, ", ");
    }
    put_quantity(text, function->bytes, "B");
    text_printf(text, "; %lld slice%s", (long long)function->slices, function->slices == 1 ? "" : "s");
    const Kernel *kernel = function->kernel;
    if (kernel && kernel->kind == KERNEL_ATTEND)
        text_printf(text, "; blocks of %lld queries and %lld keys", (long long)kernel->tile.row_block,
                    (long long)kernel->tile.k_block);
    for (int loop = 0; kernel && kernel->kind == KERNEL_ROW && loop < kernel->axes.count; loop++)
        if (kernel->role[loop] == ROLE_M) text_printf(text, " of %lld rows", (long long)kernel->axes.extent[loop]);
    if (!kernel || kernel->kind != KERNEL_CONTRACT || function->role != FUNCTION_COMPUTES) return;
    text_printf(text, " of %lld rows; tile %d x %d vectors", (long long)kernel->tile.row_block, kernel->tile.mr,
                kernel->tile.nv);
    if (kernel->tile.pack_b) text_add(text, ", from packed panels");
}

/* ---- where it comes from ---- */

typedef struct Origin {
    const char *line; /* "gpt.tg:31  h = gelu(x1 @ w1 + b1)" */
    const char *rule; /* of the adjoint, or NULL */
    bool again;
} Origin;
typedef VEC(Origin) Origins;

static Origin origin_at(Arena *arena, const Node *node, const char *rule) {
    Text text;
    text_init(&text, arena);
    put_line_of(&text, node->span);
    return (Origin){text.at, rule, node->again > 0};
}

static bool add_origin(Arena *arena, Origins *origins, Origin origin) {
    if (!*origin.line && !origin.rule) return false;
    for (int i = 0; i < origins->count; i++) {
        const Origin *known = &origins->at[i];
        bool same_rule =
            known->rule == origin.rule || (known->rule && origin.rule && !strcmp(known->rule, origin.rule));
        if (same_rule && known->again == origin.again && !strcmp(known->line, origin.line)) return false;
    }
    vec_push(arena, origins, origin);
    return true;
}

/* The rule that a value of the backward pass comes from, if need be that of what it is made of. */
static const Node *ruled(const Node *node, int depth) {
    if (node->rule || node->again || node->phase != PHASE_BACKWARD || depth == 0) return node->rule ? node : NULL;
    for (int i = 0; i < node->operand_count; i++) {
        const Node *found = ruled(node->operand[i], depth - 1);
        if (found) return found;
    }
    return NULL;
}

/* The main value's first, then the rules of everything else that the function computes. */
static Origins origins_of(Arena *arena, const Function *function) {
    enum { NEAR = 4 };
    const Kernel *kernel = function->kernel;
    Origins origins = {0};
    const Node *node = main_node(kernel), *by = node ? ruled(node, NEAR) : NULL;
    if (by)
        add_origin(arena, &origins, origin_at(arena, by, by->rule));
    else if (node)
        add_origin(arena, &origins, origin_at(arena, node, NULL));
    for (int i = 0; function->role == FUNCTION_COMPUTES && i < kernel->nodes.count; i++) {
        const Node *other = kernel->nodes.at[i];
        if (other->rule) add_origin(arena, &origins, origin_at(arena, other, other->rule));
    }
    return origins;
}

/* `last` is the one above, NULL at the head of the comment: its line is not said again. */
static void put_origin(Text *text, const Origin *origin, const Origin *last) {
    bool repeats = last && !strcmp(last->line, origin->line);
    if (!repeats)
        text_printf(text, "%s%s", origin->rule ? "backward of " : "", origin->line);
    else if (!last->rule)
        text_add(text, "and backward of the same line");
    if (origin->rule) text_printf(text, "%srule: %s", repeats && last->rule ? "" : "\n *   ", origin->rule);
    if (origin->again) text_add(text, "\n *   computed again for the backward pass");
}

/* ": LINE" and the rules below it; those from `first` on follow on lines of their own. */
static void put_origins(Text *text, const Origins *origins, int first, int limit) {
    static const Origin none = {"", NULL, false};
    const Origin *last = first ? &none : NULL;
    for (int i = first; i < origins->count; i++) {
        if (i - first == limit) {
            text_printf(text, "\n *   and by %d other rules", origins->count - i);
            return;
        }
        const Origin *origin = &origins->at[i];
        bool repeats = last && !strcmp(last->line, origin->line);
        text_add(text, i == 0 ? ": " : repeats ? "\n *   " : first ? "\n *   also " : "\n *   and ");
        put_origin(text, origin, last);
        last = origin;
    }
}

const char *origin_of(const Emitter *e, const Node *node) {
    enum { NEAR = 4 };
    const Node *by = node ? ruled(node, NEAR) : NULL;
    return node ? origin_at(e->arena, by ? by : node, NULL).line : "";
}

const char *origin_text(const Emitter *e, const Function *function) {
    return origin_of(e, function->kernel ? main_node(function->kernel) : NULL);
}

/* ---- whom it serves ---- */

/* "net.layer.0.att.q": the main value of a launch by its path. */
static const char *value_path(const Emitter *e, const Function *function) {
    const Node *node = function->kernel ? main_node(function->kernel) : NULL;
    const char *name = function->kernel && function->kernel->name ? function->kernel->name : function->name;
    const char *path = node ? node_scope(node) : "";
    size_t scope = strlen(path), length = strlen(name);
    if (!scope || !strcmp(path, name)) return name;
    bool says_it = scope > length && !strcmp(path + scope - length, name) && path[scope - length - 1] == '.';
    return says_it ? path : arena_printf(e->arena, "%s.%s", path, name);
}

/* ", NAME", on a line of its own where it would pass the width. */
static void put_next_name(Text *text, bool first, const char *name) {
    enum { WIDTH = 116 };
    bool wide = text_column(text) + strlen(name) > WIDTH;
    text_printf(text, "%s%s", first ? "" : wide ? ",\n *     " : ", ", name);
}

static void put_served(Text *text, const Emitter *e, const KernelText *kernel) {
    enum { NAMES_SHOWN = 6, ORIGINS_SHOWN = 4 };
    VEC(const char *) names = {0};
    Origins origins = origins_of(e->arena, kernel->function);
    int own = origins.count;
    for (int i = 0; i < kernel->users.count; i++) {
        const char *name = value_path(e, kernel->users.at[i]);
        bool known = false;
        for (int j = 0; j < names.count; j++) known = known || !strcmp(names.at[j], name);
        if (!known) vec_push(e->arena, &names, name);
        Origins others = origins_of(e->arena, kernel->users.at[i]);
        for (int j = 0; j < others.count; j++) add_origin(e->arena, &origins, others.at[j]);
    }
    text_printf(text, "\n *   shared by %d launches, of ", kernel->launches);
    for (int i = 0; i < names.count && i < NAMES_SHOWN; i++) put_next_name(text, i == 0, names.at[i]);
    if (names.count > NAMES_SHOWN) text_printf(text, " and %d more", names.count - NAMES_SHOWN);
    put_origins(text, &origins, own, ORIGINS_SHOWN);
}

/* ---- the whole comment ---- */

const char *results_text(const Emitter *e, const Schedule *schedule, const Function *function) {
    const Kernel *kernel = function->kernel;
    Formula f = formula_of(e, schedule, function);
    Text text;
    text_init(&text, e->arena);
    if (kernel && function->role != FUNCTION_COMPUTES) {
        put_panels(&text, &f, lanes_of(e));
        return text.at;
    }
    for (int i = 0; kernel && i < kernel->outputs.count; i++) {
        if (i) text_add(&text, "\n");
        put_value(&text, &f, kernel->outputs.at[i]);
    }
    return text.at;
}

static void put_values(Text *text, const Emitter *e, Formula *f) {
    enum { VALUES_SHOWN = 16 };
    if (f->function->role != FUNCTION_COMPUTES) {
        text_add(text, "\n *   ");
        put_panels(text, f, lanes_of(e));
        return;
    }
    Nodes nodes = named_nodes(f);
    for (int i = 0; i < nodes.count && i < VALUES_SHOWN; i++) {
        text_add(text, "\n *   ");
        put_value(text, f, nodes.at[i]);
    }
    if (nodes.count > VALUES_SHOWN) text_printf(text, "\n *   and %d more", nodes.count - VALUES_SHOWN);
}

void put_formula(Text *text, const Emitter *e, const KernelText *kernel) {
    enum { RULES_SHOWN = 4 };
    const Function *function = kernel->function;
    if (function->kernel) {
        Formula f = formula_of(e, kernel->schedule, function);
        Origins origins = origins_of(e->arena, function);
        put_origins(text, &origins, 0, RULES_SHOWN);
        put_values(text, e, &f);
    }
    for (int i = 0; i < function->comment.count; i++) text_printf(text, "\n *   %s", function->comment.at[i]);
    put_cost(text, function);
    if (function->kernel && kernel->launches > 1) put_served(text, e, kernel);
}
