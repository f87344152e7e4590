/* optimiser.c: the update of a train entry, built with the same verbs as everything else.
 *
 * In: one flat gradient per group, and `using adam(lr = …, clip = 1.0)`. Out: nodes of PHASE_UPDATE: the gradient's
 * norm, the clipping, new moments and new parameters, one write per flat vector.
 *
 *     sgd     v = m v + g;  p = p - lr v                                          (without momentum: p - lr g)
 *     adam    m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
 *             p = p - lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)      (Kingma, Ba 2015; t = step)
 *     adamw   p = (1 - lr decay) p first, where the group decays                  (Loshchilov, Hutter 2019)
 *
 * What depends on the step alone stays a scalar and meets the vectors by broadcast: no per-element powers.
 * Note: 1 - b^t for a known b. At t = 1 and b = 0.999 the difference loses four digits of f32; with
 * u = tanh(t ln(1/b) / 2) it is 2u / (1 + u), which loses none. */
#include "pass/elaborate.h"

#include <math.h>
#include <string.h>

typedef struct Update Update;

typedef struct Optimiser {
    const char *name, *formals;
    void (*step)(Update *update, const GroupUpdate *group, Node *gradient);
} Optimiser;

enum { ARGUMENT_COUNT = 8 };

struct Update {
    Elab *el;
    Graph *graph;
    const Optimiser *row;
    const char *prefix;
    const Expr *call;
    Formal formals[MAX_FORMALS];
    Value arguments[MAX_FORMALS];
    int count;
    Value lr;
    Node *step;
};

/* ---- scalars: numbers as long as they are known ---- */

static Node *node_of(Update *update, Value value) {
    return as_node(update->el, &value, DT_FLOAT, update->call->span);
}

static Value combine(Update *update, BinaryOp op, Value a, Value b) {
    static const struct {
        BinaryOp op;
        Node *(*verb)(Graph *, Node *, Node *);
    } verbs[] = {
        {BINARY_ADD, add}, {BINARY_SUB, subtract}, {BINARY_MUL, multiply}, {BINARY_DIV, divide}, {BINARY_POW, power}};
    if (a.kind == VALUE_NUMBER && b.kind == VALUE_NUMBER) switch (op) {
        case BINARY_ADD:
            return number_value(a.number + b.number);
        case BINARY_SUB:
            return number_value(a.number - b.number);
        case BINARY_MUL:
            return number_value(a.number * b.number);
        case BINARY_DIV:
            return number_value(a.number / b.number);
        default:
            return number_value(pow(a.number, b.number));
        }
    Node *left = node_of(update, a), *right = node_of(update, b);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (verbs[i].op == op) return tensor_value(verbs[i].verb(update->graph, left, right));
    fatal("elaborate", "an optimiser combines scalars by an unknown operator");
}

static Value minus(Update *update, double a, Value b) {
    return combine(update, BINARY_SUB, number_value(a), b);
}
static Value times(Update *update, Value a, Value b) {
    return combine(update, BINARY_MUL, a, b);
}
static Node *scaled(Update *update, Value scale, Node *vector) {
    return multiply(update->graph, node_of(update, scale), vector);
}

/* share * old + (1 - share) * new */
static Node *blend(Update *update, Value share, Node *old, Node *fresh) {
    Node *kept = scaled(update, share, old), *added = scaled(update, minus(update, 1, share), fresh);
    return add(update->graph, kept, added);
}

/* 1 - beta^step. */
static Value correction(Update *update, Value beta) {
    Value step = tensor_value(update->step);
    if (beta.kind != VALUE_NUMBER) return minus(update, 1, combine(update, BINARY_POW, beta, step));
    if (beta.number <= 0) return number_value(1);
    Value u = times(update, number_value(-0.5 * log(beta.number)), step);
    u = tensor_value(node_title(hyperbolic_tangent(update->graph, u.node), "u"));
    Value above = times(update, number_value(2), u), below = combine(update, BINARY_ADD, number_value(1), u);
    return combine(update, BINARY_DIV, above, below);
}

/* ---- arguments ---- */

static Value argument(Update *update, const char *name, double fallback) {
    for (int i = 0; i < update->count; i++)
        if (strcmp(update->formals[i].name, name) == 0 && update->arguments[i].kind != VALUE_NONE)
            return update->arguments[i];
    return number_value(fallback);
}

static bool argument_scalar(Update *update, const Argument *given, Value *value) {
    *value = eval(update->el, given->value);
    if (value->kind == VALUE_NUMBER || value->kind == VALUE_POISON) return value->kind == VALUE_NUMBER;
    if (value->kind == VALUE_TENSOR && value->node->shape.rank == 0) {
        if (value->node->dtype != DT_FLOAT) *value = tensor_value(cast(update->graph, value->node, DT_FLOAT));
        return true;
    }
    diag_error(update->el->diag, given->value->span, E0410, "`%s` of `%s` must be a number or made of `step`, not %s",
               given->name.name ? given->name.name : "this argument", update->row->name, value_kind_text(value));
    return false;
}

static bool read_arguments(Update *update) {
    const Argument *given[MAX_FORMALS];
    Elab *el = update->el;
    update->count = formals_read(el, update->row->formals, update->formals);
    if (!match_arguments(el, update->row->name, update->formals, update->count, update->call, given, NULL, NULL))
        return false;
    bool good = true;
    for (int i = 0; i < update->count; i++) {
        update->arguments[i] = (Value){.kind = VALUE_NONE};
        if (given[i]) good = argument_scalar(update, given[i], &update->arguments[i]) && good;
    }
    return good;
}

/* ---- state of the optimiser ---- */

static Variable *moment(Update *update, const GroupUpdate *group, const char *what) {
    Elab *el = update->el;
    const char *path = arena_printf(el->arena, "%s.%s.%d", update->row->name, what, group->number);
    path = name_of(el->names, *update->prefix ? path_join(el, update->prefix, path) : path);
    for (int i = 0; i < el->model->variables.count; i++) /* another specialisation's is this one's too */
        if (el->model->variables.at[i]->kind == VAR_MOMENT && el->model->variables.at[i]->path == path)
            return el->model->variables.at[i];
    Variable *variable = NEW(el->arena, Variable);
    variable->kind = VAR_MOMENT;
    variable->span = update->call->span;
    variable->shape = group->group->shape;
    variable->path = path;
    variable->id = el->model->variables.count;
    vec_push(el->arena, &el->model->variables, variable);
    return variable;
}

static Node *read_moment(Update *update, Variable *variable, const char *name) {
    Node *node = read_variable(update->graph, variable);
    name_node(update->el, node, name);
    return node;
}

static void write_flat(Update *update, Variable *variable, Node *value, const char *name) {
    static const int64_t start[MAX_RANK] = {0};
    name_node(update->el, value, name);
    write_variable(update->graph, variable, value, start, 0, NULL);
}

/* ---- the rules ---- */

static void step_sgd(Update *update, const GroupUpdate *group, Node *g) {
    Graph *graph = update->graph;
    Value momentum = argument(update, "momentum", 0);
    if (momentum.kind != VALUE_NUMBER || momentum.number != 0) {
        Variable *velocity = moment(update, group, "v");
        Node *kept = scaled(update, momentum, read_moment(update, velocity, "v"));
        g = add(graph, kept, g);
        write_flat(update, velocity, g, "new_v");
    }
    Node *p = read_moment(update, group->group, "p");
    write_flat(update, group->group, subtract(graph, p, scaled(update, update->lr, g)), "new_p");
}

/* 1 - lr * decay: what decay leaves of a parameter. */
static Value decayed_share(Update *update, Value decay) {
    Value share = minus(update, 1, times(update, update->lr, decay));
    if (share.kind == VALUE_TENSOR) node_title(share.node, "kept_share");
    return share;
}

static void step_adam(Update *update, const GroupUpdate *group, Node *g) {
    Graph *graph = update->graph;
    Value beta1 = argument(update, "beta1", 0.9), beta2 = argument(update, "beta2", 0.999);
    Value decay = argument(update, "decay", strcmp(update->row->name, "adamw") == 0 ? 0.01 : 0);
    Variable *first = moment(update, group, "m"), *second = moment(update, group, "v");
    Node *m = blend(update, beta1, read_moment(update, first, "m"), g);
    Node *squares = multiply(graph, g, g);
    Node *v = blend(update, beta2, read_moment(update, second, "v"), squares);
    Value size = combine(update, BINARY_DIV, update->lr, correction(update, beta1));
    if (size.kind == VALUE_TENSOR) node_title(size.node, "step_size");
    Value eps = argument(update, "eps", 1e-8);
    Node *root = reciprocal_root(graph, node_of(update, correction(update, beta2)));
    node_title(root, "v_scale");
    Node *below = multiply(graph, square_root(graph, v), root);
    below = add(graph, below, node_of(update, eps));
    Node *p = read_moment(update, group->group, "p");
    if (group->group->decay && (decay.kind != VALUE_NUMBER || decay.number != 0))
        p = scaled(update, decayed_share(update, decay), p);
    Node *change = node_title(divide(graph, scaled(update, size, m), below), "change");
    write_flat(update, first, m, "new_m");
    write_flat(update, second, v, "new_v");
    write_flat(update, group->group, subtract(graph, p, change), "new_p");
}

/* ---- the table ---- */

static const Optimiser table[] = {
    {"sgd", "lr momentum? clip? accumulate?", step_sgd},
    {"adam", "lr? beta1? beta2? eps? clip? accumulate?", step_adam},
    {"adamw", "lr? beta1? beta2? eps? decay? clip? accumulate?", step_adam},
};

enum { TABLE_COUNT = sizeof table / sizeof *table };

static const Optimiser *optimiser_find(Elab *el, const Expr *call) {
    const char *names[TABLE_COUNT], *said = call->kind == EXPR_CALL ? call->left->name : call->name;
    for (int i = 0; i < TABLE_COUNT; i++) {
        names[i] = table[i].name;
        if (said && strcmp(said, table[i].name) == 0) return &table[i];
    }
    Message *message =
        diag_error(el->diag, call->span, E0521, "unknown optimiser `%s`", said ? said : expr_text(el, call));
    const char *nearest = said ? name_nearest(said, names, TABLE_COUNT) : NULL;
    diag_help(message, nearest ? "did you mean `%s`?" : "one of sgd, adam, adamw", nearest);
    return NULL;
}

/* ---- accumulating, norm, clipping ---- */

/* `accumulate = n`: every call adds to a sum; the update takes its mean and clears it. */
static bool accumulate(Update *update, Training *training, GroupUpdate *groups, int count) {
    Value said = argument(update, "accumulate", 1);
    Graph *graph = update->graph;
    training->entry->accumulate = 1;
    if (said.kind != VALUE_NUMBER || said.number < 1 || said.number != floor(said.number) || said.number > 1e6) {
        diag_error(update->el->diag, update->call->span, E0415, "`accumulate` is a whole number of calls, from 1");
        return false;
    }
    if (said.number == 1) return true;
    training->entry->accumulate = (int)said.number;
    for (int i = 0; i < count; i++) {
        Variable *sums = moment(update, &groups[i], "sum");
        graph->phase = PHASE_BACKWARD;
        Node *partial = add(graph, read_moment(update, sums, "sum"), groups[i].gradient);
        write_flat(update, sums, partial, "new_sum");
        graph->phase = PHASE_UPDATE;
        groups[i].gradient = scaled(update, number_value(1 / said.number), partial);
        write_flat(update, sums, zeros(graph, sums->shape), "no_sum");
    }
    return true;
}

static Node *norm_of(Update *update, const GroupUpdate *groups, int count) {
    Node *total = NULL;
    for (int i = 0; i < count; i++) {
        Node *square = sum_all(update->graph, multiply(update->graph, groups[i].gradient, groups[i].gradient));
        total = total ? add(update->graph, total, square) : square;
    }
    Node *norm = square_root(update->graph, total);
    name_node(update->el, norm, "gradient_norm");
    return norm;
}

static void clip(Update *update, GroupUpdate *groups, int count, Node *norm) {
    Value limit = argument(update, "clip", INFINITY);
    Graph *graph = update->graph;
    if (limit.kind == VALUE_NUMBER && isinf(limit.number)) return;
    Node *share = divide(graph, node_of(update, limit), norm);
    Node *scale = minimum(graph, share, constant(graph, 1, DT_FLOAT));
    name_node(update->el, scale, "clip_scale");
    for (int i = 0; i < count; i++)
        groups[i].gradient = node_title(multiply(graph, groups[i].gradient, scale), "clipped");
}

void optimiser_update(Elab *el, Training *training, const char *prefix, GroupUpdate *updates, int count) {
    Update update = {.el = el, .graph = el->graph, .prefix = prefix, .call = training->point->optimiser};
    update.row = optimiser_find(el, update.call);
    if (!update.row || count == 0) return;
    update.graph->phase = PHASE_UPDATE;
    update.step = step_number(update.graph);
    Scope *outside = el->scope;
    el->scope = scope_new(el, training->scope, "");
    scope_declare(el, el->scope, (Ident){name_of(el->names, "step"), update.call->span}, tensor_value(update.step));
    bool good = read_arguments(&update);
    el->scope = outside;
    at_place(el, update.call->span);
    if (!good || !accumulate(&update, training, updates, count)) return;
    update.lr = argument(&update, "lr", 0.001);
    Node *rate = node_of(&update, update.lr), *norm = norm_of(&update, updates, count);
    name_node(el, rate, "learning_rate");
    training->entry->learning_rate = rate;
    training->entry->gradient_norm = norm;
    clip(&update, updates, count, norm);
    for (int i = 0; i < count; i++) update.row->step(&update, &updates[i], updates[i].gradient);
}
