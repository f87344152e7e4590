/* effect.c: what a call leaves behind: writes to variables and reports of indices out of range.
 *
 *     write        variable[start + i] := value[i]; makes the variable's next version. The start may be an i32 scalar
 *                  known at run time (operand 1) on one axis. The node has the shape of what it writes.
 *     check_range  the ids themselves, each held inside [0, limit); one outside is an error of the call, and then
 *                  nothing is written to any variable
 *
 * In: values and where they go. Out: nodes that live whether or not a result needs them.
 */
#include "ops/ops.h"

static bool infer_write(const Node *node, Shape *shape, DType *dtype) {
    if (node->operand_count < 1 || node->operand_count > 2) return false;
    const Shape *inside = &node->operand[0]->shape, *whole = &node->attr.variable->shape;
    *shape = *inside;
    *dtype = node->attr.variable->dtype;
    if (inside->rank != whole->rank || node->operand[0]->dtype != *dtype) return false;
    for (int i = 0; i < whole->rank; i++)
        if (node->attr.start[i] < 0 || node->attr.start[i] + inside->size[i] > whole->size[i]) return false;
    return node->operand_count == 1 || (node->operand[1]->shape.rank == 0 && node->operand[1]->dtype == DT_I32);
}

const Op op_write = {.name = "write",
                     .kind = OP_EFFECT,
                     .arity = -1,
                     .uses = USES_AXES | USES_START | USES_VARIABLE,
                     .infer = infer_write,
                     .no_adjoint = "a write is not differentiated through"};

static bool infer_check_range(const Node *node, Shape *shape, DType *dtype) {
    *shape = node->operand[0]->shape;
    *dtype = DT_I32;
    return node->operand[0]->dtype == DT_I32;
}

static void eval_check_range(const Node *node, const double *const *operand, double *result) {
    int64_t count = shape_count(&node->shape);
    double top = node->attr.limit > 0 ? (double)(node->attr.limit - 1) : 0;
    for (int64_t i = 0; i < count; i++) {
        double id = operand[0][i];
        result[i] = id < 0 ? 0 : id > top ? top : id;
    }
}

const Op op_check_range = {.name = "check_range",
                           .kind = OP_EFFECT,
                           .arity = 1,
                           .uses = USES_LIMIT | USES_LABEL,
                           .infer = infer_check_range,
                           .eval = eval_check_range};

Node *check_range(Graph *graph, Node *ids, int64_t limit, const char *label) {
    if (!ids) return NULL;
    if (ids->dtype != DT_I32) {
        Message *message = diag_error(graph->diag, graph->at, E0401, "the index of %s must be i32, not %s%s", label,
                                      dtype_name(ids->dtype, false), shape_string(graph->arena, &ids->shape));
        diag_help(message, "cast first: i32(x)");
        return NULL;
    }
    Attr attr = {.limit = limit, .label = label};
    Node *checked = graph_append(graph, &op_check_range, DT_I32, ids->shape, 1, &ids, &attr);
    const char *name = ids->op == &op_input ? ids->attr.label : ids->name;
    return node_title(checked, name ? arena_printf(graph->arena, "checked_%s", name) : "checked");
}

static bool window_fits(Graph *graph, const Variable *variable, const Node *value, const int64_t *start, int axis) {
    const Shape *inside = &value->shape, *whole = &variable->shape;
    bool fits = inside->rank == whole->rank;
    for (int i = 0; fits && i < whole->rank; i++) {
        int64_t first = start && i != axis ? start[i] : 0;
        fits = first >= 0 && first + inside->size[i] <= whole->size[i];
    }
    if (!fits)
        diag_error(graph->diag, graph->at, E0305, "cannot write %s into a window of %s, which is %s",
                   shape_string(graph->arena, inside), variable->path, shape_string(graph->arena, whole));
    else if (value->dtype != variable->dtype)
        diag_error(graph->diag, graph->at, E0401, "cannot write %s%s to %s, which is %s",
                   dtype_name(value->dtype, false), shape_string(graph->arena, inside), variable->path,
                   dtype_name(variable->dtype, false));
    return fits && value->dtype == variable->dtype;
}

Node *write_variable(Graph *graph, Variable *variable, Node *value, const int64_t *start, int axis, Node *index) {
    if (!variable || !value) return NULL;
    if (!window_fits(graph, variable, value, start, index ? axis : -1)) return NULL;
    Attr attr = {.variable = variable, .version = variable->versions + 1};
    for (int i = 0; start && i < value->shape.rank; i++) attr.start[i] = start[i];
    Node *operand[] = {value, NULL};
    if (index) {
        int64_t places = variable->shape.size[axis] - value->shape.size[axis] + 1;
        attr.axis_count = 1;
        attr.axes[0] = axis;
        attr.start[axis] = 0;
        operand[1] = check_range(graph, index, places, variable->path);
        if (!operand[1]) return NULL;
    }
    variable->versions++;
    return graph_append(graph, &op_write, value->dtype, value->shape, index ? 2 : 1, operand, &attr);
}
