/* matmul.c: the matrix product and its four transpose forms.
 *
 *     C[.., i, j] = sum over k of A[.., i, k] B[.., k, j]          A: [.., M, K], B: [.., K, N], C: [.., M, N]
 *
 * In: operands of any ranks by NumPy's rule; `transpose_a` and `transpose_b` read an operand with its last two axes
 * swapped. Out: one node over two matrices, or over two stacks of matrices with the same batch axes, with reshapes and
 * broadcasts around it:
 *
 *     x[B, T, D] @ w[D, F]   becomes   reshape(x, [B*T, D]) @ w as [B, T, F]     so that dW = X^T G is one product
 *
 * The adjoints close under the four forms, so that no transpose is ever made:
 *
 *     C =         dA            dB
 *     A B         G B^T         A^T G
 *     A B^T       G B           G^T A
 *     A^T B       B G^T         A G
 *     A^T B^T     B^T G^T       G^T A^T
 */
#include "ops/ops.h"

typedef struct Sizes {
    int64_t rows, inner, columns; /* M, K, N */
} Sizes;

static bool sizes_fit(const Shape *a, const Shape *b, bool transpose_a, bool transpose_b, Sizes *sizes) {
    const int64_t *last_a = &a->size[a->rank - 2], *last_b = &b->size[b->rank - 2];
    sizes->rows = last_a[transpose_a ? 1 : 0];
    sizes->inner = last_a[transpose_a ? 0 : 1];
    sizes->columns = last_b[transpose_b ? 0 : 1];
    return sizes->inner == last_b[transpose_b ? 1 : 0];
}

static Shape product_shape(const Shape *a, const Shape *b, bool transpose_a, bool transpose_b) {
    Shape shape = *a;
    int row = a->rank - (transpose_a ? 1 : 2), column = b->rank - (transpose_b ? 2 : 1);
    shape.size[a->rank - 2] = a->size[row];
    shape.name[a->rank - 2] = a->name[row];
    shape.size[a->rank - 1] = b->size[column];
    shape.name[a->rank - 1] = b->name[column];
    return shape;
}

static bool infer_matmul(const Node *node, Shape *shape, DType *dtype) {
    const Shape *a = &node->operand[0]->shape, *b = &node->operand[1]->shape;
    Sizes sizes;
    if (a->rank < 2 || a->rank != b->rank) return false;
    if (!sizes_fit(a, b, node->attr.transpose_a, node->attr.transpose_b, &sizes)) return false;
    for (int i = 0; i < a->rank - 2; i++)
        if (a->size[i] != b->size[i]) return false;
    *shape = product_shape(a, b, node->attr.transpose_a, node->attr.transpose_b);
    *dtype = DT_FLOAT;
    return node->operand[0]->dtype == DT_FLOAT && node->operand[1]->dtype == DT_FLOAT;
}

static void product(const Sizes *s, const double *a, const double *b, bool transpose_a, bool transpose_b, double *c) {
    for (int64_t i = 0; i < s->rows; i++) {
        for (int64_t j = 0; j < s->columns; j++) c[i * s->columns + j] = 0;
        for (int64_t k = 0; k < s->inner; k++) {
            double left = transpose_a ? a[k * s->rows + i] : a[i * s->inner + k];
            const double *right = transpose_b ? b + k : b + k * s->columns;
            int64_t step = transpose_b ? s->inner : 1;
            for (int64_t j = 0; j < s->columns; j++) c[i * s->columns + j] += left * right[j * step];
        }
    }
}

static void eval_matmul(const Node *node, const double *const *operand, double *result) {
    Sizes sizes;
    bool transpose_a = node->attr.transpose_a, transpose_b = node->attr.transpose_b;
    sizes_fit(&node->operand[0]->shape, &node->operand[1]->shape, transpose_a, transpose_b, &sizes);
    int64_t batch = 1;
    for (int i = 0; i < node->shape.rank - 2; i++) batch *= node->shape.size[i];
    for (int64_t i = 0; i < batch; i++)
        product(&sizes, operand[0] + i * sizes.rows * sizes.inner, operand[1] + i * sizes.inner * sizes.columns,
                transpose_a, transpose_b, result + i * sizes.rows * sizes.columns);
}

/* Row of the table above, by the flags. */
typedef struct Form {
    const char *rule;
    int left, right; /* 0 the other operand, 1 the cotangent */
    bool transpose_left, transpose_right;
} Form;

enum { OTHER, COTANGENT };

static const Form form_a[2][2] = {
    {{"dA = G . B^T", COTANGENT, OTHER, false, true}, {"dA = G . B", COTANGENT, OTHER, false, false}},
    {{"dA = B . G^T", OTHER, COTANGENT, false, true}, {"dA = B^T . G^T", OTHER, COTANGENT, true, true}}};
static const Form form_b[2][2] = {
    {{"dB = A^T . G", OTHER, COTANGENT, true, false}, {"dB = G^T . A", COTANGENT, OTHER, true, false}},
    {{"dB = A . G", OTHER, COTANGENT, false, false}, {"dB = G^T . A^T", COTANGENT, OTHER, true, true}}};

static Node *apply(Graph *graph, const Form *form, Node *other, Node *g) {
    Node *left = form->left == OTHER ? other : g, *right = form->right == OTHER ? other : g;
    return matmul(graph, left, right, form->transpose_left, form->transpose_right);
}

static void adjoint_matmul(Graph *graph, Adjoint *to, Node *node, Node *g) {
    int transpose_a = node->attr.transpose_a, transpose_b = node->attr.transpose_b;
    const Form *a = &form_a[transpose_a][transpose_b], *b = &form_b[transpose_a][transpose_b];
    if (adjoint_wants(to, 0)) adjoint_add(to, 0, apply(graph, a, node->operand[1], g), a->rule);
    if (adjoint_wants(to, 1)) adjoint_add(to, 1, apply(graph, b, node->operand[0], g), b->rule);
}

const Op op_matmul = {.name = "matmul",
                      .kind = OP_MATMUL,
                      .arity = 2,
                      .uses = USES_TRANSPOSE,
                      .infer = infer_matmul,
                      .adjoint = adjoint_matmul,
                      .eval = eval_matmul};

/* ---- the verb: NumPy's ranks ---- */

static void note_operand(Graph *graph, Message *message, const Node *x) {
    if (x->op == &op_read)
        diag_note(message, x->attr.variable->span, "%s is declared here as %s", x->attr.variable->path,
                  shape_string(graph->arena, &x->attr.variable->shape));
}

static void inner_differ(Graph *graph, const Node *a, const Node *b, bool transpose_a, bool transpose_b) {
    int inner_a = a->shape.rank - (transpose_a ? 2 : 1), inner_b = b->shape.rank - (transpose_b ? 1 : 2);
    Message *message = diag_error(graph->diag, graph->at, E0301, "cannot multiply %s by %s",
                                  shape_string(graph->arena, &a->shape), shape_string(graph->arena, &b->shape));
    diag_label(message, "inner sizes differ: %s and %s", shape_axis(graph->arena, &a->shape, inner_a),
               shape_axis(graph->arena, &b->shape, inner_b));
    note_operand(graph, message, a);
    note_operand(graph, message, b);
    int other_b = 2 * b->shape.rank - 3 - inner_b, other_a = 2 * a->shape.rank - 3 - inner_a;
    if (a->shape.size[inner_a] == b->shape.size[other_b])
        diag_help(message, "transpose the right operand: b.T");
    else if (a->shape.size[other_a] == b->shape.size[inner_b])
        diag_help(message, "transpose the left operand: a.T");
}

static Node *product_append(Graph *graph, Node *a, Node *b, bool transpose_a, bool transpose_b) {
    Attr attr = {.transpose_a = transpose_a, .transpose_b = transpose_b};
    Shape shape = product_shape(&a->shape, &b->shape, transpose_a, transpose_b);
    return graph_append(graph, &op_matmul, DT_FLOAT, shape, 2, (Node *[]){a, b}, &attr);
}

/* [.., M, K] by [K, N]: one matrix of all rows. */
static Node *flat_product(Graph *graph, Node *a, Node *b, bool transpose_b) {
    Shape flat = {.rank = 2, .size = {1, a->shape.size[a->shape.rank - 1]}, .name = {0}};
    for (int i = 0; i < a->shape.rank - 1; i++) flat.size[0] *= a->shape.size[i];
    flat.name[1] = a->shape.name[a->shape.rank - 1];
    Shape result = product_shape(&a->shape, &b->shape, false, transpose_b);
    return reshape(graph, product_append(graph, reshape(graph, a, flat), b, false, transpose_b), result);
}

static Shape batch_axes(const Shape *shape) {
    Shape batch = *shape;
    batch.rank -= 2;
    return batch;
}

/* Makes the batch axes of both equal by NumPy's rule. */
static bool equal_batches(Graph *graph, Node **a, Node **b) {
    Shape left = batch_axes(&(*a)->shape), right = batch_axes(&(*b)->shape);
    if (shape_equal(&left, &right)) return true;
    int rank = left.rank > right.rank ? left.rank : right.rank;
    Shape common = {.rank = rank};
    for (int back = 1; back <= rank; back++) {
        int64_t m = back <= left.rank ? left.size[left.rank - back] : 1;
        int64_t n = back <= right.rank ? right.size[right.rank - back] : 1;
        if (m != n && m != 1 && n != 1) {
            diag_error(graph->diag, graph->at, E0302, "the batch axes of a product do not broadcast: %s and %s",
                       shape_string(graph->arena, &(*a)->shape), shape_string(graph->arena, &(*b)->shape));
            return false;
        }
        bool from_left = back <= left.rank && (m != 1 || n == 1);
        common.size[rank - back] = m != 1 ? m : n;
        common.name[rank - back] = from_left ? left.name[left.rank - back] : right.name[right.rank - back];
    }
    Shape tail_a = shape_tail(&(*a)->shape, left.rank), tail_b = shape_tail(&(*b)->shape, right.rank);
    Shape wide_a = shape_join(&common, &tail_a), wide_b = shape_join(&common, &tail_b);
    if (!shape_equal(&wide_a, &(*a)->shape)) *a = broadcast(graph, *a, wide_a);
    if (!shape_equal(&wide_b, &(*b)->shape)) *b = broadcast(graph, *b, wide_b);
    return *a && *b;
}

static bool operands_fit(Graph *graph, const Node *a, const Node *b, bool transpose_a, bool transpose_b) {
    if (a->dtype != DT_FLOAT || b->dtype != DT_FLOAT) {
        Message *message = diag_error(graph->diag, graph->at, E0401, "a product takes floats, not %s and %s",
                                      dtype_name(a->dtype, false), dtype_name(b->dtype, false));
        diag_help(message, "cast first: f32(x)");
        return false;
    }
    bool scalar = a->shape.rank == 0 || b->shape.rank == 0;
    if (!scalar && !(transpose_a && a->shape.rank == 1) && !(transpose_b && b->shape.rank == 1)) return true;
    Message *message = diag_error(graph->diag, graph->at, E0308, "cannot multiply %s by %s as matrices",
                                  shape_string(graph->arena, &a->shape), shape_string(graph->arena, &b->shape));
    if (scalar) diag_help(message, "a product with a scalar is *");
    return false;
}

/* A vector on the left is a row, on the right a column. */
static Node *as_matrix(Graph *graph, Node *x, bool column) {
    if (x->shape.rank != 1) return x;
    Shape shape = {.rank = 2, .size = {1, 1}};
    shape.size[column ? 0 : 1] = x->shape.size[0];
    shape.name[column ? 0 : 1] = x->shape.name[0];
    return reshape(graph, x, shape);
}

Node *matmul(Graph *graph, Node *a, Node *b, bool transpose_a, bool transpose_b) {
    if (!a || !b || !operands_fit(graph, a, b, transpose_a, transpose_b)) return NULL;
    bool drop_row = a->shape.rank == 1, drop_column = b->shape.rank == 1;
    a = as_matrix(graph, a, false);
    b = as_matrix(graph, b, true);
    Sizes sizes;
    if (!sizes_fit(&a->shape, &b->shape, transpose_a, transpose_b, &sizes)) {
        inner_differ(graph, a, b, transpose_a, transpose_b);
        return NULL;
    }
    Node *c = NULL;
    if (b->shape.rank == 2 && a->shape.rank > 2 && !transpose_a)
        c = flat_product(graph, a, b, transpose_b);
    else if (equal_batches(graph, &a, &b))
        c = product_append(graph, a, b, transpose_a, transpose_b);
    if (!c || (!drop_row && !drop_column)) return c;
    Shape shape = c->shape;
    if (drop_column) shape = shape_drop(&shape, shape.rank - 1);
    if (drop_row) shape = shape_drop(&shape, shape.rank - (drop_column ? 1 : 2));
    return reshape(graph, c, shape);
}
