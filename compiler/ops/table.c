/* table.c: the list of all operations, and the few helpers that their rules share.
 *
 * In: ops.def. Out: op_table in its order; the bookkeeping of one adjoint rule; the shapes of cotangents.
 *
 * A cotangent g of a node of shape [B, T] has shape [.., B, T]: its extra leading axes ride along (jacobian), so rules
 * count axes from the end. `lead_of` is how many there are.
 *
 *     node x[2, 3], g[5, 2, 3]:   lead_of = 1,   with_lead(g, node, [7]) = [5, 7]
 */
#include "ops/ops.h"

const Op *const op_table[] = {
#define OP(name) &op_##name,
#include "ops/ops.def"
#undef OP
};

const int op_count = sizeof op_table / sizeof op_table[0];

/* Gives the rule's formula to the nodes that were made for this contribution. */
static void stamp(Adjoint *adjoint, const char *rule) {
    Graph *graph = adjoint->graph;
    for (int i = adjoint->fresh; i < graph->nodes.count; i++)
        if (!graph->nodes.at[i]->rule) graph->nodes.at[i]->rule = rule;
    adjoint->fresh = graph->nodes.count;
}

void adjoint_add(Adjoint *adjoint, int index, Node *value, const char *rule) {
    if (!adjoint->wants[index] || !value) return;
    Node *before = adjoint->given[index];
    adjoint->given[index] = before ? add(adjoint->graph, before, value) : value;
    stamp(adjoint, rule);
}

bool adjoint_wants(const Adjoint *adjoint, int index) {
    return adjoint->wants[index];
}

int lead_of(const Node *g, const Node *node) {
    return g->shape.rank - node->shape.rank;
}

Shape with_lead(const Node *g, const Node *node, const Shape *tail) {
    Shape lead = g->shape;
    lead.rank = lead_of(g, node);
    return shape_join(&lead, tail);
}

Node *number(Graph *graph, double value) {
    return constant(graph, value, DT_FLOAT);
}

Node *same(Graph *graph, Node *x) {
    return x ? reshape(graph, x, x->shape) : NULL;
}

Node *move_axes(Graph *graph, Node *x, int from, int count, int to) {
    if (!x || from == to || count == 0) return x;
    int axes[MAX_RANK], filled = 0, rest = 0;
    while (filled < x->shape.rank) {
        if (filled >= to && filled < to + count) {
            axes[filled] = from + filled - to;
            filled++;
            continue;
        }
        if (rest == from) rest += count;
        axes[filled++] = rest++;
    }
    return permute(graph, x, axes);
}

Node *row_back(Graph *graph, Node *row, const Shape *shape) {
    if (!row) return NULL;
    Shape column = row->shape;
    column.size[column.rank] = 1;
    column.name[column.rank++] = NULL;
    return broadcast(graph, reshape(graph, row, column), *shape);
}

bool is_number(const Node *x, double *value) {
    while (x->op == &op_broadcast || x->op == &op_reshape) x = x->operand[0];
    if (x->op != &op_const) return false;
    *value = x->attr.value;
    return true;
}
