/* check.c: the invariants of a graph, and which of its nodes anybody needs.
 *
 * In: a graph that a pass has just made. Out: nothing, or the end of the program naming that pass:
 *
 *   - a node stands at its id, its operands before it;
 *   - it has as many operands as its op takes, and the type and shape that the op's rule gives;
 *   - reads and writes of a variable name its versions in order: read x@0, write x@1, read x@1.
 */
#include "graph/graph.h"

static const char *describe(Arena *arena, const Node *node) {
    return arena_printf(arena, "%%%d %s of shape %s", node->id, node->op->name, shape_string(arena, &node->shape));
}

static void check_operands(Arena *arena, const Graph *graph, const Node *node, const char *pass) {
    if (node->op->arity >= 0 && node->op->arity != node->operand_count)
        fatal(pass, "%s has %d operands", describe(arena, node), node->operand_count);
    for (int i = 0; i < node->operand_count; i++) {
        const Node *operand = node->operand[i];
        if (!operand) fatal(pass, "operand %d of %s is missing", i, describe(arena, node));
        if (operand->id >= node->id || graph->nodes.at[operand->id] != operand)
            fatal(pass, "operand %d of %s is not an earlier node of its graph", i, describe(arena, node));
    }
}

static void check_shape(Arena *arena, const Node *node, const char *pass) {
    Shape shape = {0};
    DType dtype = DT_FLOAT;
    if (!node->op->infer(node, &shape, &dtype)) fatal(pass, "operands of %s do not fit", describe(arena, node));
    if (!shape_equal(&shape, &node->shape))
        fatal(pass, "%s should have shape %s", describe(arena, node), shape_string(arena, &shape));
    if (dtype != node->dtype) fatal(pass, "%s has the wrong type", describe(arena, node));
}

static int variable_limit(const Graph *graph) {
    int limit = 0;
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        if ((node->op->uses & USES_VARIABLE) && node->attr.variable->id >= limit) limit = node->attr.variable->id + 1;
    }
    return limit;
}

static void check_version(Arena *arena, int *versions, const Node *node, const char *pass) {
    int *newest = &versions[node->attr.variable->id];
    if (node->op->kind == OP_EFFECT) ++*newest;
    if (node->attr.version != *newest)
        fatal(pass, "%s names version %d of %s, which is at %d", describe(arena, node), node->attr.version,
              node->attr.variable->path, *newest);
}

void graph_check(const Graph *graph, const char *pass) {
    Arena *arena = arena_new();
    int *versions = NEW_ARRAY(arena, int, variable_limit(graph) + 1);
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        if (node->id != i) fatal(pass, "node %d stands at %d", node->id, i);
        check_operands(arena, graph, node, pass);
        check_shape(arena, node, pass);
        if (node->op->uses & USES_VARIABLE) check_version(arena, versions, node, pass);
    }
    arena_free(arena);
}

static void mark(const Node *root, bool *live) {
    if (root) live[root->id] = true;
}

void entry_live(const Entry *entry, bool *live) {
    const Graph *graph = entry->graph;
    for (int i = 0; i < graph->nodes.count; i++) live[i] = graph->nodes.at[i]->op->kind == OP_EFFECT;
    for (int i = 0; i < entry->results.count; i++) mark(entry->results.at[i].node, live);
    mark(entry->learning_rate, live);
    mark(entry->gradient_norm, live);
    for (int i = graph->nodes.count - 1; i >= 0; i--) {
        const Node *node = graph->nodes.at[i];
        for (int k = 0; live[i] && k < node->operand_count; k++) live[node->operand[k]->id] = true;
    }
}
