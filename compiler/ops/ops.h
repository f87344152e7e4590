/* ops.h: the operations. One op, one place: its formula, shape rule, adjoint, expansion and evaluator stand in one
 * short file and are registered by one `const Op`. Passes switch on an op's kind, never on an op.
 */
#ifndef TGC_OPS_H
#define TGC_OPS_H

#include "graph/graph.h"
#include "lang/c_functions.h"

/* ---- table.c: the list of operations, and what their adjoint rules and each other use ---- */

/* Gives an adjoint rule its surroundings. `g` has the forward node's shape, perhaps with extra leading axes. */
struct Adjoint {
    Graph *graph;
    const bool *wants; /* by operand */
    Node **given;      /* by operand: the sum of what the rule has given so far, NULL before */
    int fresh;         /* nodes from this one on belong to the contribution being built */
    /* Gives every wanted operand of `node` its adjoint through `parts`, the same value put together from nodes whose
     * rules are known: an op that has no rule of its own is derived as what it is made of. */
    void (*through)(Adjoint *adjoint, Node *node, Node *parts, Node *g);
};
/* Adds `value` to the adjoint of operand `index` of the node being differentiated. `rule` is the formula shown. */
void adjoint_add(Adjoint *adjoint, int index, Node *value, const char *rule);
bool adjoint_wants(const Adjoint *adjoint, int index); /* whether that operand's adjoint is needed */

/* Every op by its name: `op_add`, `op_matmul` … in the order of ops.def; that list is also what tests walk. */
#define OP(name) extern const Op op_##name;
#include "ops/ops.def"
#undef OP
extern const Op *const op_table[];
extern const int op_count;

/* formula.c: an operation as mathematics, which its adjoint rule follows from; NULL for ops without a rule */
typedef struct OpFormula {
    const Op *op;
    const char *value;  /* "Y = A * B" */
    const char *change; /* "δY = B * δA + A * δB" */
} OpFormula;
const OpFormula *op_formula(const Op *op);

#define LOWEST (-3.0e38)   /* a finite number below every score, in f32 too: maxima are held above it */
enum { RANDOM_BITS = 24 }; /* a random number is a whole number of 2^-24 */

Node *number(Graph *graph, double value); /* a FLOAT scalar constant */
Node *same(Graph *graph, Node *x);        /* the same numbers as a value of its own: a reshape to its own shape */
/* Moves the `count` axes that start at `from` so that they start at `to` in the result; x itself if they do already. */
Node *move_axes(Graph *graph, Node *x, int from, int count, int to);
int lead_of(const Node *g, const Node *node); /* how many extra leading axes the cotangent g of `node` carries */
Shape with_lead(const Node *g, const Node *node, const Shape *tail); /* those axes, then tail's */
Node *row_back(Graph *graph, Node *row, const Shape *shape); /* [R…] to [R…, 1], then broadcast to `shape` */
Node *gather_rows(Graph *graph, Node *table, Node *ids);     /* gather of ids that have been checked */
bool is_number(const Node *x, double *value);                /* a constant, perhaps broadcast or reshaped: its value */

/* ---- verbs: append to the graph, check shapes, report the user's mistakes at graph->at ----
 * A NULL operand gives NULL without a word. Elementwise verbs broadcast by NumPy's rule and put explicit broadcast
 * nodes in; they convert I32 to FLOAT where LANGUAGE.md says so. */

/* leaf.c */
Node *input(Graph *graph, const char *name, DType dtype, Shape shape);
Node *read_variable(Graph *graph, Variable *variable);         /* at its newest version */
Node *constant(Graph *graph, double value, DType dtype);       /* scalar */
Node *iota(Graph *graph, int64_t count);                       /* I32 [count]: 0, 1, … */
Node *step_number(Graph *graph);                               /* scalar FLOAT: 1, 2, … the count of this update */
Node *random_uniform(Graph *graph, Shape shape, int64_t site); /* FLOAT in [0, 1) */

/* view.c */
Node *reshape(Graph *graph, Node *x, Shape shape);
Node *under_reshapes(Node *node);                      /* what chains of them show, in the same order */
Node *permute(Graph *graph, Node *x, const int *axes); /* result axis i is operand axis axes[i] */
Node *transpose(Graph *graph, Node *x);                /* swaps the last two axes */
Node *broadcast(Graph *graph, Node *x, Shape shape);   /* trailing axes aligned */
Node *slice(Graph *graph, Node *x, const int64_t *start, const int64_t *size); /* per axis */
/* The same with a run-time start on one axis: index is an I32 scalar, checked there (check_range). */
Node *slice_dynamic(Graph *graph, Node *x, int axis, Node *index, int64_t size);

/* map.c: one verb per row of its table */
Node *add(Graph *graph, Node *a, Node *b);
Node *subtract(Graph *graph, Node *a, Node *b);
Node *multiply(Graph *graph, Node *a, Node *b);
Node *divide(Graph *graph, Node *a, Node *b);
Node *modulo(Graph *graph, Node *a, Node *b);
Node *power(Graph *graph, Node *a, Node *b);
Node *minimum(Graph *graph, Node *a, Node *b);
Node *maximum(Graph *graph, Node *a, Node *b);
Node *negate(Graph *graph, Node *x);
Node *absolute(Graph *graph, Node *x);
Node *exponential(Graph *graph, Node *x);
Node *logarithm(Graph *graph, Node *x);
Node *square_root(Graph *graph, Node *x);
Node *reciprocal_root(Graph *graph, Node *x);
Node *hyperbolic_tangent(Graph *graph, Node *x);
Node *sigmoid(Graph *graph, Node *x);
Node *relu(Graph *graph, Node *x);
Node *gelu(Graph *graph, Node *x);
Node *gelu_tanh(Graph *graph, Node *x);
Node *silu(Graph *graph, Node *x);
Node *error_function(Graph *graph, Node *x);
Node *sine(Graph *graph, Node *x);
Node *cosine(Graph *graph, Node *x);
Node *less(Graph *graph, Node *a, Node *b);
Node *less_equal(Graph *graph, Node *a, Node *b);
Node *equal(Graph *graph, Node *a, Node *b);
Node *not_equal(Graph *graph, Node *a, Node *b);
Node *logical_and(Graph *graph, Node *a, Node *b);
Node *logical_or(Graph *graph, Node *a, Node *b);
Node *logical_not(Graph *graph, Node *x);
Node *where(Graph *graph, Node *condition, Node *a, Node *b);
Node *cast(Graph *graph, Node *x, DType dtype);

/* Any elementwise op of floats, by its row: the operands broadcast. */
Node *elementwise(Graph *graph, const Op *op, Node *const *operands, int count);

/* external.c: an elementwise function of the user's in C is an op of its own; ops.def does not list it */
enum { EXTERNAL_ARGUMENTS = 3 };
struct External {
    Op op;            /* its name is the function's in f64; in f32 that with an `f` behind it */
    const char *path; /* of the header, as the model says it */
    const char *text; /* the header's */
    const CHeader *header;
    const External *partial[EXTERNAL_ARGUMENTS]; /* by argument: the function of the same arguments that gives the
                                                  * derivative by it; all NULL: it has none */
    const char *rule[EXTERNAL_ARGUMENTS];
    double (*compiled)(const double *x); /* for the evaluator: NULL until external_bind */
};
External *external_new(Arena *arena, const char *name, int arity, int cost);
void external_derive(Arena *arena, External *external, int argument, const External *partial);
void external_bind(External *external, double (*compiled)(const double *x));
Node *external_call(Graph *graph, const External *external, Node *const *operands);

/* reduce.c: over `axes` (ascending); keep leaves axes of size 1 */
Node *sum(Graph *graph, Node *x, const int *axes, int count, bool keep);
Node *mean(Graph *graph, Node *x, const int *axes, int count, bool keep);
Node *reduce_max(Graph *graph, Node *x, const int *axes, int count, bool keep);
Node *reduce_min(Graph *graph, Node *x, const int *axes, int count, bool keep);
Node *sum_all(Graph *graph, Node *x);

/* matmul.c: NumPy's rule for ranks; the flags transpose the last two axes first */
Node *matmul(Graph *graph, Node *a, Node *b, bool transpose_a, bool transpose_b);

/* row.c, softmax.c: over the last axis unless said */
void softmax_row(const double *x, const double *mask, int64_t n, double *y); /* for evaluators; mask may be NULL */
Node *softmax(Graph *graph, Node *x, int axis,
              Node *mask); /* mask NULL, or BOOL broadcast to x; a row with none is 0 */
Node *log_softmax(Graph *graph, Node *x, int axis);
Node *one_over(Graph *graph,
               Node *total); /* of a row's exponentials, which are none where total is 0: finite then too */
Node *logsumexp(Graph *graph, Node *x, const int *axes, int count, bool keep);
Node *layernorm(Graph *graph, Node *x, double eps);
Node *rmsnorm(Graph *graph, Node *x, double eps);

/* attend.c */
/* The axes behind the batch's of an operand (from 0) or, for -1, of the result; a mask is queries x keys. */
typedef enum AttendAxis { ATTEND_NONE, ATTEND_QUERY, ATTEND_KEY, ATTEND_WIDTH, ATTEND_VALUE } AttendAxis;
void attend_axes(const Node *node, int operand, AttendAxis *row, AttendAxis *column);
typedef struct AttendParts { /* the operands by what they are; NULL: there is none */
    Node *q, *k, *v, *lse, *delta, *g, *mask, *kept;
} AttendParts;
AttendParts attend_parts(const Node *node);
/* softmax(scale * q k^T over mask), where kept times factor, else 0, then times v; all batch axes are q's. Operands
 * that don't fit are a mistake of tgc's own. */
Node *attend(Graph *graph, AttendParts parts, double scale, double factor);

/* index.c */
Node *gather(Graph *graph, Node *table, Node *ids); /* [V, D…], [I…] -> [I…, D…]; ids are checked */
Node *scatter_add(Graph *graph, Node *base, Node *ids, Node *value); /* base + rows of value added at ids, in order */
Node *check_range(Graph *graph, Node *ids, int64_t limit, const char *label);
Node *one_hot(Graph *graph, Node *ids, int64_t count);

/* join.c */
Node *concat(Graph *graph, Node *const *parts, int count, int axis);
Node *stack(Graph *graph, Node *const *parts, int count, int axis);
Node *pad(Graph *graph, Node *x, const int64_t *before, const int64_t *after, double value);

/* effect.c */
/* Writes value into the window [start, start + value's size) of the variable; `index` (or NULL) is a run-time start on
 * `axis`. Makes the variable's next version. */
Node *write_variable(Graph *graph, Variable *variable, Node *value, const int64_t *start, int axis, Node *index);

/* derive.c: grad's results are placeholders: node i is the derivative of scalar s by xs[i] */
void grad(Graph *graph, Node *s, Node *const *xs, int count, Node **results);
Node *jacobian(Graph *graph, Node *y, Node *x); /* shape [y's axes, x's axes] */
Node *stop_gradient(Graph *graph, Node *x);

/* composite.c: values made of the others */
Node *zeros(Graph *graph, Shape shape);
Node *full(Graph *graph, Shape shape, double value, DType dtype);
Node *causal(Graph *graph, int64_t count, const char *axis_name);    /* BOOL [T, T] */
Node *sinusoid(Graph *graph, int64_t positions, int64_t width);      /* FLOAT [N, D] */
Node *dropout(Graph *graph, Node *x, double probability, bool live); /* live inside train only */
/* Mean over rows not ignored; ignore NULL or a number known when compiling. */
Node *cross_entropy(Graph *graph, Node *logits, Node *gold, const double *ignore, double smooth);

/* The broadcast of both to their common shape by NumPy's rule; false and an error if there is none. */
bool broadcast_pair(Graph *graph, const char *what, Node **a, Node **b);

/* interp.c: the double-precision evaluator, the oracle of every test.
 * Values of all nodes of the entry's graph; float results are doubles whatever the build's float type. */
typedef struct Interp {
    Arena *arena;
    const double *const *inputs; /* by input port, row-major */
    /* The variable's current elements, updated in place; asked for a group, not for the parameters that lie in it. */
    double *(*storage)(void *context, Variable *variable);
    void *context;
    uint64_t seed, call; /* keys of dropout; calls count from 0 */
    uint64_t step;       /* 1, 2, … */
    /* What every operation's result is multiplied by lies this close to 1, at random: rounding made visible. 0: nothing
     */
    double noise;
    uint64_t noise_seed;
    const char *error; /* set when a check failed: nothing was written then */
} Interp;
/* results[i] points at the values of result port i. Returns false when a check failed. */
bool interp_run(Interp *interp, const Entry *entry, const double **results);

#endif
