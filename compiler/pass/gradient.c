/* gradient.c: reverse mode. Replaces every grad and jacobian by the nodes that compute it.
 *
 * In: graphs with placeholders. Out: the graphs copied forward, each placeholder replaced as it is met, so innermost
 * first: the graph is ordinary again when the next one around it is differentiated.
 *
 *     %2 = mul(%0, %1)  %3 = sum(%2)  %4 = grad(%3, %0)
 *     becomes
 *     %2 = mul(%0, %1)  %3 = sum(%2)  %4 = const(1)  %5 d_%2 = broadcast(%4)  %6 d_%0 = mul(%5, %1)
 *
 * One placeholder, or the several of one grad(s, x, y), is one walk from s back to the earliest node that matters:
 *   reaches  the node depends on one of the xs through floats;
 *   path     it reaches, and s depends on it: only these get an adjoint, and only these need a rule.
 * Contributions to a node are added in the order of the walk (users from last to first, their operands from first to
 * last), so the sum has the same bits every time. A jacobian is the same walk with the identity for a cotangent, one
 * leading axis with an entry per element of y.
 */
#include "pass/pass.h"

typedef struct Walk {
    Graph *graph;
    Arena *scratch;
    Node *from;      /* the value that is differentiated: s, or y of a jacobian */
    Node *const *xs; /* by what */
    int x_count;
    bool *reaches, *path; /* by node id, up to `from` */
    Node **given;         /* by node id: the adjoint so far */
    int lead;             /* extra leading axes of every adjoint */
    bool ends;            /* the xs are where it ends, whatever they are computed from */
} Walk;

/* ---- what matters ---- */

static bool is_x(const Walk *walk, const Node *node) {
    for (int i = 0; i < walk->x_count; i++)
        if (walk->xs[i] == node) return true;
    return false;
}

/* Nothing reaches anything through stop(). */
static bool leads_on(const Walk *walk, const Node *node) {
    return node->op != &op_stop && !(walk->ends && is_x(walk, node));
}

static bool any_operand_reaches(const Walk *walk, const Node *node) {
    for (int i = 0; i < node->operand_count && leads_on(walk, node); i++)
        if (walk->reaches[node->operand[i]->id]) return true;
    return false;
}

static bool overlap(const Variable *a, const Variable *b) {
    return a == b || a->group == b || b->group == a;
}

/* A read of what this call has written earlier depends on the written value, though no operand says so. */
static const Node *write_that_reaches(const Walk *walk, const Node *read) {
    if (read->op != &op_read || read->attr.version == 0) return NULL;
    for (int i = read->id - 1; i >= 0; i--) {
        const Node *node = walk->graph->nodes.at[i];
        if (node->op == &op_write && overlap(node->attr.variable, read->attr.variable) && walk->reaches[i]) return node;
    }
    return NULL;
}

static bool node_reaches(const Walk *walk, const Node *node) {
    if (is_x(walk, node)) return true;
    if (node->dtype != DT_FLOAT) return false;
    return any_operand_reaches(walk, node) || write_that_reaches(walk, node);
}

static void find_path(Walk *walk) {
    int limit = walk->from->id + 1;
    for (int i = 0; i < limit; i++) walk->reaches[i] = node_reaches(walk, walk->graph->nodes.at[i]);
    walk->path[walk->from->id] = walk->reaches[walk->from->id];
    for (int i = limit - 1; i >= 0; i--) {
        const Node *node = walk->graph->nodes.at[i];
        for (int k = 0; walk->path[i] && k < node->operand_count && leads_on(walk, node); k++)
            if (walk->reaches[node->operand[k]->id]) walk->path[node->operand[k]->id] = true;
    }
}

/* ---- the user's mistakes ---- */

/* One message for all nodes on the path whose op has no rule. */
static bool rules_exist(Walk *walk, Span asked) {
    Message *message = NULL;
    for (int i = 0; i <= walk->from->id; i++) {
        const Node *node = walk->graph->nodes.at[i];
        if (!walk->path[i] || !any_operand_reaches(walk, node) || node->op->adjoint) continue;
        const char *why = node->op->no_adjoint ? node->op->no_adjoint : "it has no adjoint";
        if (message)
            diag_note(message, node->span, "nor through %s: %s", node->op->name, why);
        else
            message =
                diag_error(walk->graph->diag, node->span, E0501, "cannot derive through %s: %s", node->op->name, why);
    }
    if (message) diag_note(message, asked, "the derivative is asked for here");
    return message == NULL;
}

static bool no_write_on_path(Walk *walk, Span asked) {
    bool fine = true;
    for (int i = 0; i <= walk->from->id; i++) {
        const Node *read = walk->graph->nodes.at[i], *write = walk->path[i] ? write_that_reaches(walk, read) : NULL;
        if (!write || is_x(walk, read)) continue;
        Message *message = diag_error(walk->graph->diag, asked, E0504, "the derivative leads through a write to %s",
                                      read->attr.variable->path);
        diag_note(message, write->span, "it is written here");
        diag_help(message, "take the gradient before the write, or stop() what is read");
        fine = false;
    }
    return fine;
}

static bool has_path(const Walk *walk, const Node *x) {
    return x->id <= walk->from->id && walk->path[x->id];
}

static bool depends(Walk *walk, const Node *x, Span asked) {
    if (has_path(walk, x)) return true;
    Graph *graph = walk->graph;
    const char *shape = shape_string(graph->arena, &x->shape);
    Message *message = x->name
                           ? diag_error(graph->diag, asked, E0503, "the value does not depend on %s %s", x->name, shape)
                           : diag_error(graph->diag, asked, E0503, "the value does not depend on this %s", shape);
    diag_note(message, x->span, "it comes from here");
    diag_help(message, "integers, booleans and stop() let no derivative through");
    return false;
}

/* ---- the walk ---- */

/* The adjoint of a named value is named, any other gets a title; views are known by what they show. */
static void name_adjoint(Walk *walk, const Node *node, Node *adjoint) {
    Arena *arena = walk->graph->arena;
    const Node *shown = node;
    while (!shown->name && shown->op->kind == OP_VIEW) shown = shown->operand[0];
    const char *word = node_called(shown);
    if (!adjoint->name) node_title(adjoint, arena_printf(arena, "d_%s", word));
    if (!node->name || adjoint->name || walk->lead > 0) return;
    node_rename(walk->graph, adjoint, arena_printf(arena, "d_%s", node->name));
}

/* The stamps of whatever is built from here on. */
static void stand_at(Graph *graph, Node *forward) {
    graph->forward = forward;
    graph->at = forward->span;
    graph->call = forward->call;
    graph->scope = forward->scope;
    graph->rule = NULL;
    graph->rule_of = forward->op;
}

static void check_contribution(const Walk *walk, const Node *node, const Node *operand, const Node *value) {
    Shape tail = shape_tail(&value->shape, walk->lead < value->shape.rank ? walk->lead : value->shape.rank);
    if (value->shape.rank == operand->shape.rank + walk->lead && shape_equal(&tail, &operand->shape)) return;
    fatal("gradient", "the adjoint of %s gives %s for an operand of shape %s", node->op->name,
          shape_string(walk->scratch, &value->shape), shape_string(walk->scratch, &operand->shape));
}

static void contribute(Walk *walk, const Node *node, Node *operand, Node *value) {
    check_contribution(walk, node, operand, value);
    Node **sum_so_far = &walk->given[operand->id];
    if (!*sum_so_far) {
        *sum_so_far = value;
        return;
    }
    stand_at(walk->graph, operand);
    walk->graph->rule = "dX = the sum of what arrives from each use of X";
    *sum_so_far = add(walk->graph, *sum_so_far, value);
}

static void derive_through(Adjoint *adjoint, Node *node, Node *parts, Node *g);

static void step_back(Walk *walk, Node *node) {
    Graph *graph = walk->graph;
    int count = node->operand_count;
    bool *wants = NEW_ARRAY(walk->scratch, bool, count + 1);
    for (int i = 0; i < count; i++) wants[i] = walk->path[node->operand[i]->id];
    Adjoint to = {.graph = graph, .wants = wants, .given = NEW_ARRAY(walk->scratch, Node *, count + 1)};
    to.fresh = graph->nodes.count;
    to.through = derive_through;
    stand_at(graph, node);
    node->op->adjoint(graph, &to, node, walk->given[node->id]);
    for (int i = 0; i < count; i++)
        if (to.given[i]) contribute(walk, node, node->operand[i], to.given[i]);
}

static void walk_back(Walk *walk) {
    for (int i = walk->from->id; i >= 0; i--) {
        Node *node = walk->graph->nodes.at[i];
        if (!walk->path[i] || !walk->given[i]) continue;
        name_adjoint(walk, node, walk->given[i]);
        if (any_operand_reaches(walk, node)) step_back(walk, node);
    }
}

static Walk walk_new(Graph *graph, Arena *scratch, Node *from, Node *seed, Node *const *xs, int count) {
    Walk walk = {.graph = graph, .scratch = scratch, .from = from, .xs = xs, .x_count = count};
    int limit = from->id > seed->id ? from->id : seed->id;
    walk.reaches = NEW_ARRAY(scratch, bool, limit + 1);
    walk.path = NEW_ARRAY(scratch, bool, limit + 1);
    walk.given = NEW_ARRAY(scratch, Node *, limit + 1);
    walk.lead = lead_of(seed, from);
    return walk;
}

/* The same walk from the parts to the operands, which stands for one step back through the node. */
static void derive_through(Adjoint *adjoint, Node *node, Node *parts, Node *g) {
    Arena *scratch = arena_new();
    Walk walk = walk_new(adjoint->graph, scratch, parts, g, node->operand, node->operand_count);
    walk.ends = true;
    find_path(&walk);
    walk.given[parts->id] = g;
    walk_back(&walk);
    for (int i = 0; i < node->operand_count; i++)
        if (adjoint->wants[i]) adjoint->given[i] = walk.given[node->operand[i]->id];
    arena_free(scratch);
}

/* A zero adjoint where a path exists but every rule on it gave nothing. */
static Node *result_for(Walk *walk, const Node *x, const Node *seed) {
    Node *adjoint = x->id <= walk->from->id ? walk->given[x->id] : NULL;
    return adjoint ? adjoint : zeros(walk->graph, with_lead(seed, walk->from, &x->shape));
}

/* A step trains every parameter that its loss is computed from. A gradient in the loss may leave some of them out, a
 * bias that is added last: their adjoints are zero, where any other has a path. */
static bool trains_some(const Walk *walk, const Node *first) {
    bool any = false;
    for (int i = 0; i < walk->x_count; i++) any = any || has_path(walk, walk->xs[i]);
    return any && first->phase == PHASE_BACKWARD;
}

/* The adjoints of xs for the cotangent `seed` of `from`, into results; `first` is the placeholder that asks. */
static void derive(Graph *graph, Node *from, Node *seed, Node *const *xs, int count, Node **results,
                   const Node *first) {
    Span asked = first->span;
    Arena *scratch = arena_new();
    Walk walk = walk_new(graph, scratch, from, seed, xs, count);
    find_path(&walk);
    bool known = no_write_on_path(&walk, asked) && rules_exist(&walk, asked), sound = known;
    bool all = !trains_some(&walk, first);
    for (int i = 0; i < count && known && all; i++) sound = depends(&walk, xs[i], asked) && sound;
    walk.given[from->id] = seed;
    if (sound)
        walk_back(&walk);
    else
        walk.given[from->id] = NULL;
    for (int i = 0; i < count; i++) results[i] = result_for(&walk, xs[i], seed);
    arena_free(scratch);
}

/* ---- placeholders ---- */

/* All placeholders of one grad(s, x, y). */
static void replace_grad(Graph *to, const Graph *from, const Node *first, Node **map) {
    int count = 0;
    Node **xs = NEW_ARRAY(to->arena, Node *, from->nodes.count - first->id);
    Node **results = NEW_ARRAY(to->arena, Node *, from->nodes.count - first->id);
    const Node **asked = NEW_ARRAY(to->arena, const Node *, from->nodes.count - first->id);
    for (int i = first->id; i < from->nodes.count; i++) {
        const Node *node = from->nodes.at[i];
        bool same_call = node->op == first->op && node->attr.site == first->attr.site;
        if (!same_call || node->operand[0] != first->operand[0] || !map[node->operand[1]->id]) continue;
        asked[count] = node;
        xs[count++] = map[node->operand[1]->id];
    }
    Node *seed = number(to, 1.0);
    derive(to, map[first->operand[0]->id], seed, xs, count, results, first);
    for (int i = 0; i < count; i++) map[asked[i]->id] = results[i];
}

/* [n, n] with ones on the diagonal, as [n, y's axes]. */
static Node *identity(Graph *graph, const Shape *shape) {
    int64_t count = shape_count(shape);
    Shape square = {.rank = 2, .size = {count, count}}, lead = {.rank = 1, .size = {count}};
    Node *row = row_back(graph, iota(graph, count), &square);
    Node *ones = cast(graph, equal(graph, row, broadcast(graph, iota(graph, count), square)), DT_FLOAT);
    return reshape(graph, ones, shape_join(&lead, shape));
}

static void replace_jacobian(Graph *to, const Node *node, Node **map) {
    Node *y = map[node->operand[0]->id], *x = map[node->operand[1]->id], *result;
    to->rule = "dY = 1 for one element of Y in each of the leading entries";
    derive(to, y, identity(to, &y->shape), &x, 1, &result, node);
    map[node->id] = reshape(to, result, node->shape);
}

static void restore_stamps(Graph *to, const Node *node) {
    graph_stand(to, node, NULL);
    to->phase = PHASE_BACKWARD;
    to->rule = NULL;
}

/* The result of a placeholder takes the name that the text gave it, unless it is the d_x of a named x. */
static void keep_name(Graph *to, const Node *node, Node *result) {
    if (node->name && !result->name) node_rename(to, result, node->name);
}

static void gradient_of(Entry *entry) {
    const Graph *from = entry->graph;
    Graph *to = graph_new(from->arena, from->names, from->diag, from->entry);
    Node **map = NEW_ARRAY(from->arena, Node *, from->nodes.count + 1);
    to->site_count = from->site_count;
    for (int i = 0; i < from->nodes.count; i++) {
        Node *node = from->nodes.at[i];
        restore_stamps(to, node);
        if (node->op == &op_grad && !map[i])
            replace_grad(to, from, node, map);
        else if (node->op == &op_jacobian)
            replace_jacobian(to, node, map);
        else if (!map[i])
            map[i] = graph_carry(to, node, map);
        if (node->op->kind == OP_DERIVE) keep_name(to, node, map[i]);
    }
    entry_move(entry, to, map);
}

void gradient(Model *model) {
    for (int i = 0; i < model->entries.count; i++) {
        gradient_of(model->entries.at[i]);
        graph_check(model->entries.at[i]->graph, "gradient");
    }
}
