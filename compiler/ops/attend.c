/* attend.c: attention as one operation, and what its gradient is made of.
 *
 *     attend      O = D(P) V,  P = softmax(s Q K^T) over the keys that the mask allows      Q [.., M, K], V [.., N, W]
 *     attend_lse  L = log sum over j of exp(s Q K_j)                                        L [.., M]
 *
 * s is attr.value. D keeps what `kept` says, times attr.factor, and is left out where factor is 0: dropout. With L, a
 * probability is exp(s Q K_j - L), so the backward pass keeps no matrix of M x N numbers:
 *
 *     dS = P * (D(G V^T) - rowsum(G * O))     attend_dq  dQ = s dS K     attend_dk  dK = s dS^T Q     attend_dv  D(P)^T
 * G
 *
 * for rowsum(dP * P) = rowsum(G * O) (Dao et al. 2022, FlashAttention, appendix B.2). In: nodes that pass/recognise
 * puts in place of product, softmax, dropout and product. A row without allowed keys gives 0, and so does its gradient.
 */
#include "ops/ops.h"

#include <math.h>

/* ---- operands ---- */

typedef struct Operands {
    const Op *op;
    int fixed; /* before mask and kept */
    AttendAxis row, column;
} Operands;

static const Operands operands_table[] = {
    {&op_attend, 3, ATTEND_QUERY, ATTEND_VALUE},    {&op_attend_lse, 2, ATTEND_QUERY, ATTEND_NONE},
    {&op_attend_dq, 6, ATTEND_QUERY, ATTEND_WIDTH}, {&op_attend_dk, 6, ATTEND_KEY, ATTEND_WIDTH},
    {&op_attend_dv, 6, ATTEND_KEY, ATTEND_VALUE},
};

static const Operands *operands_of(const Node *node) {
    for (size_t row = 0; row < sizeof operands_table / sizeof *operands_table; row++)
        if (operands_table[row].op == node->op) return &operands_table[row];
    fatal("graph", "%s is no part of attention", node->op->name);
}

/* The places of q, k, v, lse, delta and g, and their axes behind the batch's. */
static const struct {
    AttendAxis row, column;
} operand_axes[] = {{ATTEND_QUERY, ATTEND_WIDTH}, {ATTEND_KEY, ATTEND_WIDTH},  {ATTEND_KEY, ATTEND_VALUE},
                    {ATTEND_QUERY, ATTEND_NONE},  {ATTEND_QUERY, ATTEND_NONE}, {ATTEND_QUERY, ATTEND_VALUE}};

void attend_axes(const Node *node, int operand, AttendAxis *row, AttendAxis *column) {
    const Operands *operands = operands_of(node);
    *row = operand < 0 ? operands->row : operand < operands->fixed ? operand_axes[operand].row : ATTEND_QUERY;
    *column = operand < 0 ? operands->column : operand < operands->fixed ? operand_axes[operand].column : ATTEND_KEY;
}

AttendParts attend_parts(const Node *node) {
    int fixed = operands_of(node)->fixed;
    Node *const *given = node->operand;
    AttendParts parts = {.q = given[0], .k = given[1]};
    if (fixed > 2) parts.v = given[2];
    if (fixed > 3) parts.lse = given[3], parts.delta = given[4], parts.g = given[5];
    if (node->attr.flag) parts.mask = given[fixed++];
    if (node->attr.factor != 0) parts.kept = given[fixed];
    return parts;
}

typedef struct Sizes {
    int64_t batch, queries, keys, width, values; /* product of the leading axes, M, N, K, W */
} Sizes;

static Sizes sizes_of(const AttendParts *p) {
    int rank = p->q->shape.rank;
    Sizes sizes = {.batch = 1, .queries = p->q->shape.size[rank - 2], .width = p->q->shape.size[rank - 1]};
    for (int axis = 0; axis < rank - 2; axis++) sizes.batch *= p->q->shape.size[axis];
    sizes.keys = p->k->shape.size[rank - 2];
    sizes.values = p->v ? p->v->shape.size[rank - 1] : 0;
    return sizes;
}

static int64_t size_of(const Sizes *sizes, AttendAxis axis) {
    return axis == ATTEND_QUERY   ? sizes->queries
           : axis == ATTEND_KEY   ? sizes->keys
           : axis == ATTEND_WIDTH ? sizes->width
                                  : sizes->values;
}

/* Q's leading axes, then those two. */
static Shape shape_with(const AttendParts *p, const Sizes *sizes, AttendAxis row, AttendAxis column) {
    const Shape *source[] = {[ATTEND_QUERY] = &p->q->shape, [ATTEND_KEY] = &p->k->shape};
    Shape shape = p->q->shape;
    int rank = shape.rank;
    shape.size[rank - 2] = size_of(sizes, row);
    shape.name[rank - 2] = source[row]->name[rank - 2];
    if (column == ATTEND_NONE) return shape_drop(&shape, rank - 1);
    const Shape *last = column == ATTEND_VALUE ? &p->v->shape : &p->k->shape;
    shape.size[rank - 1] = size_of(sizes, column);
    shape.name[rank - 1] = column == ATTEND_KEY ? last->name[rank - 2] : last->name[rank - 1];
    return shape;
}

static bool infer_attend(const Node *node, Shape *shape, DType *dtype) {
    const Operands *operands = operands_of(node);
    int count = operands->fixed + node->attr.flag + (node->attr.factor != 0);
    if (node->operand_count != count || node->operand[0]->shape.rank < 2) return false;
    AttendParts parts = attend_parts(node);
    Sizes sizes = sizes_of(&parts);
    for (int i = 0; i < count; i++) {
        AttendAxis row, column;
        attend_axes(node, i, &row, &column);
        Shape wanted = shape_with(&parts, &sizes, row, column);
        bool boolean = i >= operands->fixed;
        if (!shape_equal(&wanted, &node->operand[i]->shape)) return false;
        if (node->operand[i]->dtype != (boolean ? DT_BOOL : DT_FLOAT)) return false;
    }
    *shape = shape_with(&parts, &sizes, operands->row, operands->column);
    *dtype = DT_FLOAT;
    return true;
}

/* ---- the evaluator, one row of scores at a time ---- */

typedef struct Values { /* of one batch entry */
    Sizes n;
    double scale, factor;
    const double *q, *k, *v, *lse, *delta, *g, *mask, *kept;
    double *p, *ds; /* room for a row of scores */
} Values;

static Values values_at(const Node *node, const double *const *operand, int64_t entry) {
    AttendParts parts = attend_parts(node);
    Values x = {.n = sizes_of(&parts), .scale = node->attr.value, .factor = node->attr.factor};
    int next = operands_of(node)->fixed;
    int64_t scores = entry * x.n.queries * x.n.keys;
    x.q = operand[0] + entry * x.n.queries * x.n.width;
    x.k = operand[1] + entry * x.n.keys * x.n.width;
    if (parts.v) x.v = operand[2] + entry * x.n.keys * x.n.values;
    if (parts.g) {
        x.lse = operand[3] + entry * x.n.queries;
        x.delta = operand[4] + entry * x.n.queries;
        x.g = operand[5] + entry * x.n.queries * x.n.values;
    }
    if (parts.mask) x.mask = operand[next++] + scores;
    if (parts.kept) x.kept = operand[next] + scores;
    return x;
}

static double dot(const double *a, const double *b, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

static void scores_of(const Values *x, int64_t i, double *row) {
    for (int64_t j = 0; j < x->n.keys; j++)
        row[j] = x->scale * dot(x->q + i * x->n.width, x->k + j * x->n.width, x->n.width);
}

/* D of element (i, j): what a probability is multiplied by. */
static double dropped(const Values *x, int64_t i, int64_t j) {
    return !x->kept ? 1 : x->kept[i * x->n.keys + j] != 0 ? x->factor : 0;
}

/* The rules for one row of queries; `result` is the batch entry's. */

static void attend_row(const Values *x, int64_t i, double *result) {
    double *o = result + i * x->n.values;
    scores_of(x, i, x->p);
    softmax_row(x->p, x->mask ? x->mask + i * x->n.keys : NULL, x->n.keys, x->p);
    for (int64_t j = 0; j < x->n.keys; j++) {
        double p = x->p[j] * dropped(x, i, j);
        for (int64_t w = 0; w < x->n.values; w++) o[w] += p * x->v[j * x->n.values + w];
    }
}

static void attend_lse_row(const Values *x, int64_t i, double *result) {
    double top = -INFINITY, total = 0;
    const double *mask = x->mask ? x->mask + i * x->n.keys : NULL;
    scores_of(x, i, x->p);
    for (int64_t j = 0; j < x->n.keys; j++)
        if ((!mask || mask[j] != 0) && (isnan(x->p[j]) || x->p[j] > top)) top = x->p[j];
    for (int64_t j = 0; j < x->n.keys; j++)
        if (!mask || mask[j] != 0) total += exp(x->p[j] - top);
    result[i] = top == -INFINITY ? LOWEST : top + log(total);
}

/* P and dS of one row of scores. */
static void scores_back(const Values *x, int64_t i) {
    scores_of(x, i, x->p);
    for (int64_t j = 0; j < x->n.keys; j++) {
        bool allowed = !x->mask || x->mask[i * x->n.keys + j] != 0;
        double dp = dot(x->g + i * x->n.values, x->v + j * x->n.values, x->n.values) * dropped(x, i, j);
        x->p[j] = allowed ? exp(x->p[j] - x->lse[i]) : 0;
        x->ds[j] = x->p[j] * (dp - x->delta[i]);
    }
}

static void attend_dq_row(const Values *x, int64_t i, double *result) {
    scores_back(x, i);
    for (int64_t j = 0; j < x->n.keys; j++)
        for (int64_t c = 0; c < x->n.width; c++)
            result[i * x->n.width + c] += x->scale * x->ds[j] * x->k[j * x->n.width + c];
}

static void attend_dk_row(const Values *x, int64_t i, double *result) {
    scores_back(x, i);
    for (int64_t j = 0; j < x->n.keys; j++)
        for (int64_t c = 0; c < x->n.width; c++)
            result[j * x->n.width + c] += x->scale * x->ds[j] * x->q[i * x->n.width + c];
}

static void attend_dv_row(const Values *x, int64_t i, double *result) {
    scores_back(x, i);
    for (int64_t j = 0; j < x->n.keys; j++)
        for (int64_t w = 0; w < x->n.values; w++)
            result[j * x->n.values + w] += x->p[j] * dropped(x, i, j) * x->g[i * x->n.values + w];
}

static void evaluate(const Node *node, const double *const *operand, double *result,
                     void (*rule)(const Values *x, int64_t i, double *result)) {
    AttendParts parts = attend_parts(node);
    Sizes n = sizes_of(&parts);
    Arena *scratch = arena_new();
    double *p = NEW_ARRAY(scratch, double, n.keys + 1), *ds = NEW_ARRAY(scratch, double, n.keys + 1);
    int64_t count = shape_count(&node->shape);
    for (int64_t i = 0; i < count; i++) result[i] = 0;
    for (int64_t entry = 0; entry < n.batch; entry++) {
        Values x = values_at(node, operand, entry);
        x.p = p;
        x.ds = ds;
        for (int64_t i = 0; i < n.queries; i++) rule(&x, i, result + entry * (count / n.batch));
    }
    arena_free(scratch);
}

#define EVALUATOR(part)                                                                                                \
    static void eval_##part(const Node *node, const double *const *operand, double *result) {                          \
        evaluate(node, operand, result, part##_row);                                                                   \
    }
EVALUATOR(attend)
EVALUATOR(attend_lse)
EVALUATOR(attend_dq)
EVALUATOR(attend_dk)
EVALUATOR(attend_dv)

/* ---- the verb and its adjoint ---- */

static Node *append(Graph *graph, const Op *op, AttendParts *p, double scale, double factor) {
    Node *operand[8];
    Attr attr = {.value = scale, .factor = factor, .flag = p->mask != NULL};
    Node *const all[] = {p->q, p->k, p->v, p->lse, p->delta, p->g, p->mask, factor != 0 ? p->kept : NULL};
    int count = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] && !(op == &op_attend_lse && all[i] == p->v)) operand[count++] = all[i];
    Node row = {.op = op, .operand = operand, .operand_count = count, .attr = attr};
    Shape shape;
    DType dtype;
    if (!infer_attend(&row, &shape, &dtype)) fatal("graph", "the operands of %s do not fit", op->name);
    return node_title(graph_append(graph, op, dtype, shape, count, operand, &attr),
                      op == &op_attend ? "attended" : NULL);
}

Node *attend(Graph *graph, AttendParts parts, double scale, double factor) {
    if (!parts.q || !parts.k || !parts.v || (factor != 0 && !parts.kept)) return NULL;
    return append(graph, &op_attend, &parts, scale, factor);
}

/* The operand, repeated along the leading axes that the cotangent carries beyond the node's. */
static Node *repeated(Graph *graph, Node *x, const Node *g, const Node *node) {
    return x && lead_of(g, node) > 0 ? broadcast(graph, x, with_lead(g, node, &x->shape)) : x;
}

static void adjoint_attend(Graph *graph, Adjoint *to, Node *node, Node *g) {
    static const struct {
        const Op *op;
        const char *rule;
    } back[] = {{&op_attend_dq, "dQ = s * (P * (D(G . V^T) - rowsum(G * O))) . K"},
                {&op_attend_dk, "dK = s * (P * (D(G . V^T) - rowsum(G * O)))^T . Q"},
                {&op_attend_dv, "dV = D(P)^T . G"}};
    AttendParts parts = attend_parts(node), of_scores = {.q = parts.q, .k = parts.k, .mask = parts.mask};
    double scale = node->attr.value, factor = node->attr.factor;
    Node *lse = node_title(append(graph, &op_attend_lse, &of_scores, scale, 0), "lse");
    lse->phase = node->phase; /* made along with the result; what is kept of it for the way back */
    lse->remat = node->remat;
    lse->forward = NULL;
    lse->rule = node->rule;
    to->fresh = graph->nodes.count;
    Node *both = multiply(graph, g, node);
    int last = both->shape.rank - 1;
    AttendParts all = {.lse = repeated(graph, lse, g, node), .g = g};
    all.delta = node_title(sum(graph, both, &last, 1, false), "row_sum");
    all.q = repeated(graph, parts.q, g, node);
    all.k = repeated(graph, parts.k, g, node);
    all.v = repeated(graph, parts.v, g, node);
    all.mask = repeated(graph, parts.mask, g, node);
    all.kept = repeated(graph, parts.kept, g, node);
    for (size_t i = 0; i < sizeof back / sizeof *back; i++)
        if (adjoint_wants(to, (int)i)) adjoint_add(to, i, append(graph, back[i].op, &all, scale, factor), back[i].rule);
}

/* ---- what they are put together from ---- */

static Node *scores(Graph *graph, const AttendParts *p, double scale) {
    return multiply(graph, matmul(graph, p->q, p->k, false, true), number(graph, scale));
}

/* The scores where they are allowed, elsewhere a number whose exponential is 0. */
static Node *allowed(Graph *graph, const AttendParts *p, Node *scores) {
    return p->mask ? where(graph, p->mask, scores, number(graph, LOWEST)) : scores;
}

static Node *with_dropout(Graph *graph, const AttendParts *p, Node *x, double factor) {
    if (!p->kept) return x;
    return where(graph, p->kept, multiply(graph, x, number(graph, factor)), number(graph, 0));
}

static Node *expand_attend(Graph *graph, Node *node, Node *const *operand) {
    Node copy = *node;
    copy.operand = (Node **)operand;
    AttendParts p = attend_parts(&copy);
    Node *all = scores(graph, &p, node->attr.value);
    Node *share = softmax(graph, all, all->shape.rank - 1, p.mask);
    return matmul(graph, with_dropout(graph, &p, share, node->attr.factor), p.v, false, false);
}

static Node *expand_lse(Graph *graph, Node *node, Node *const *operand) {
    Node copy = *node;
    copy.operand = (Node **)operand;
    AttendParts p = attend_parts(&copy);
    Node *all = allowed(graph, &p, scores(graph, &p, node->attr.value));
    int last = all->shape.rank - 1;
    return logsumexp(graph, all, &last, 1, false);
}

static Node *expand_back(Graph *graph, Node *node, Node *const *operand) {
    Node copy = *node;
    copy.operand = (Node **)operand;
    AttendParts p = attend_parts(&copy);
    Node *all = scores(graph, &p, node->attr.value);
    Node *share = exponential(graph, allowed(graph, &p, subtract(graph, all, row_back(graph, p.lse, &all->shape))));
    if (node->op == &op_attend_dv)
        return matmul(graph, with_dropout(graph, &p, share, node->attr.factor), p.g, true, false);
    Node *d_share = with_dropout(graph, &p, matmul(graph, p.g, p.v, false, true), node->attr.factor);
    Node *change = multiply(graph, share, subtract(graph, d_share, row_back(graph, p.delta, &all->shape)));
    change = multiply(graph, change, number(graph, node->attr.value));
    bool of_keys = node->op == &op_attend_dk;
    return matmul(graph, change, of_keys ? p.q : p.k, of_keys, false);
}

/* A second derivative is that of the parts. */
static void adjoint_of_parts(Graph *graph, Adjoint *to, Node *node, Node *g) {
    graph->rule = "dX = what arrives through the parts that Y is put together from";
    to->through(to, node, node->op->expand(graph, node, node->operand), g);
}

#define PART(part, parts, back)                                                                                        \
    const Op op_##part = {.name = #part,                                                                               \
                          .kind = OP_ATTEND,                                                                           \
                          .arity = -1,                                                                                 \
                          .uses = USES_VALUE | USES_FLAG | USES_FACTOR,                                                \
                          .infer = infer_attend,                                                                       \
                          .adjoint = back,                                                                             \
                          .expand = parts,                                                                             \
                          .eval = eval_##part};
PART(attend, expand_attend, adjoint_attend)
PART(attend_lse, expand_lse, adjoint_of_parts)
PART(attend_dq, expand_back, adjoint_of_parts)
PART(attend_dk, expand_back, adjoint_of_parts)
PART(attend_dv, expand_back, adjoint_of_parts)
