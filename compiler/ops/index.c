/* index.c: rows chosen by data: gather and its adjoint, scatter_add.
 *
 *     gather       y[i.., d..] = table[ids[i..], d..]                 dTable = zeros with G's rows added at ids
 *     scatter_add  y = base; y[ids[i..], d..] += value[i.., d..]      dBase = G, dValue = gather(G, ids)
 *
 * In: ids as i32. Out: gather puts a check_range before itself, so an id outside the table is a run-time error and the
 * node itself always reads inside it. Rows are added in the order of ids, whatever the number of threads.
 */
#include "ops/ops.h"

#include <string.h>

static bool infer_gather(const Node *node, Shape *shape, DType *dtype) {
    const Node *table = node->operand[0], *ids = node->operand[1];
    if (ids->dtype != DT_I32 || table->shape.rank == 0) return false;
    if (ids->shape.rank + table->shape.rank - 1 > MAX_RANK) return false;
    Shape row = shape_tail(&table->shape, 1);
    *shape = shape_join(&ids->shape, &row);
    *dtype = table->dtype;
    return true;
}

static int64_t row_length(const Node *table) {
    Shape row = shape_tail(&table->shape, 1);
    return shape_count(&row);
}

static void eval_gather(const Node *node, const double *const *operand, double *result) {
    int64_t length = row_length(node->operand[0]), count = shape_count(&node->operand[1]->shape);
    for (int64_t i = 0; i < count; i++)
        memcpy(result + i * length, operand[0] + (int64_t)operand[1][i] * length, sizeof(double) * (size_t)length);
}

/* [L.., I.., D..] to [I.., L.., D..]: rows first, then what a row carries. */
static void adjoint_gather(Graph *graph, Adjoint *to, Node *node, Node *g) {
    Node *table = node->operand[0], *ids = node->operand[1];
    int lead = lead_of(g, node), places = ids->shape.rank;
    Node *rows = move_axes(graph, g, 0, lead, places);
    Shape base = shape_tail(&rows->shape, places), vocabulary = table->shape;
    vocabulary.rank = 1;
    Node *back = scatter_add(graph, zeros(graph, shape_join(&vocabulary, &base)), ids, rows);
    adjoint_add(to, 0, move_axes(graph, back, 0, 1, lead), "dTable = zeros, rows of G added at ids");
}

const Op op_gather = {.name = "gather",
                      .kind = OP_INDEX,
                      .arity = 2,
                      .infer = infer_gather,
                      .adjoint = adjoint_gather,
                      .eval = eval_gather};

static bool infer_scatter_add(const Node *node, Shape *shape, DType *dtype) {
    const Node *base = node->operand[0], *ids = node->operand[1], *value = node->operand[2];
    if (ids->dtype != DT_I32 || base->shape.rank == 0 || base->dtype != value->dtype) return false;
    if (ids->shape.rank + base->shape.rank - 1 > MAX_RANK) return false;
    Shape row = shape_tail(&base->shape, 1), want = shape_join(&ids->shape, &row);
    *shape = base->shape;
    *dtype = base->dtype;
    return shape_equal(&want, &value->shape);
}

static void eval_scatter_add(const Node *node, const double *const *operand, double *result) {
    int64_t length = row_length(node), count = shape_count(&node->operand[1]->shape);
    memcpy(result, operand[0], sizeof(double) * (size_t)shape_count(&node->shape));
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = 0; k < length; k++) result[(int64_t)operand[1][i] * length + k] += operand[2][i * length + k];
}

static void adjoint_scatter_add(Graph *graph, Adjoint *to, Node *node, Node *g) {
    Node *ids = node->operand[1];
    int lead = lead_of(g, node);
    if (adjoint_wants(to, 0)) adjoint_add(to, 0, g, "dBase = G");
    if (!adjoint_wants(to, 2)) return;
    Node *rows = gather_rows(graph, move_axes(graph, g, 0, lead, 1), ids);
    adjoint_add(to, 2, move_axes(graph, rows, ids->shape.rank, lead, 0), "dValue = rows of G at ids");
}

const Op op_scatter_add = {.name = "scatter_add",
                           .kind = OP_INDEX,
                           .arity = 3,
                           .infer = infer_scatter_add,
                           .adjoint = adjoint_scatter_add,
                           .eval = eval_scatter_add};

Node *gather_rows(Graph *graph, Node *table, Node *ids) {
    if (!table || !ids) return NULL;
    Shape row = shape_tail(&table->shape, 1);
    return graph_append(graph, &op_gather, table->dtype, shape_join(&ids->shape, &row), 2, (Node *[]){table, ids},
                        NULL);
}

Node *gather(Graph *graph, Node *table, Node *ids) {
    if (!table || !ids) return NULL;
    const char *shape = shape_string(graph->arena, &table->shape);
    if (table->shape.rank == 0) {
        diag_error(graph->diag, graph->at, E0308, "gather needs a table of rows, not a scalar");
        return NULL;
    }
    if (ids->shape.rank + table->shape.rank - 1 > MAX_RANK) {
        diag_error(graph->diag, graph->at, E0309, "gather from %s by %s has more than %d axes", shape,
                   shape_string(graph->arena, &ids->shape), MAX_RANK);
        return NULL;
    }
    if (table->shape.size[0] == 0 && shape_count(&ids->shape) > 0) {
        diag_error(graph->diag, graph->at, E0305, "gather from %s, which has no rows", shape);
        return NULL;
    }
    return gather_rows(graph, table, check_range(graph, ids, table->shape.size[0], "gather"));
}

Node *scatter_add(Graph *graph, Node *base, Node *ids, Node *value) {
    if (!base || !ids || !value) return NULL;
    Node *operand[] = {base, ids, value};
    return graph_append(graph, &op_scatter_add, base->dtype, base->shape, 3, operand, NULL);
}

Node *one_hot(Graph *graph, Node *ids, int64_t count) {
    if (!ids) return NULL;
    if (ids->shape.rank == MAX_RANK) {
        diag_error(graph->diag, graph->at, E0309, "one_hot of %s has more than %d axes",
                   shape_string(graph->arena, &ids->shape), MAX_RANK);
        return NULL;
    }
    Node *checked = check_range(graph, ids, count, "one_hot");
    if (!checked) return NULL;
    Shape shape = checked->shape;
    shape.size[shape.rank] = count;
    shape.name[shape.rank++] = NULL;
    Node *class = iota(graph, count), *id = row_back(graph, checked, &shape);
    return cast(graph, equal(graph, id, class), DT_FLOAT);
}
