/* graph.h: the first form of a program: whole tensors, primitive operations, immutable nodes.
 *
 * A Graph is a list of nodes in creation order, so the order is topological. Nodes are only appended (by the verbs
 * of ops/); two equal texts are two nodes until pass/simplify shares them. Shapes are constants.
 *
 *     %4 h: f32[B=64, F=1024] = add(%2, %3)        # net.ff.a, m.tg:31
 */
#ifndef TGC_GRAPH_H
#define TGC_GRAPH_H

#include "base/base.h"

/* ---- shape.c ---- */

enum { MAX_RANK = 8 };

/* FLOAT is the build's one float type: f32, or f64 under --dtype f64. */
typedef enum DType { DT_FLOAT, DT_I32, DT_BOOL } DType;

typedef struct Shape {
    int rank; /* 0 is a scalar */
    int64_t size[MAX_RANK];
    const char *name[MAX_RANK]; /* interned name of the axis's size, or NULL; serves messages, `to` and `axis =` */
} Shape;

int64_t shape_count(const Shape *shape);                            /* number of elements */
bool shape_equal(const Shape *a, const Shape *b);                   /* sizes alone */
int64_t shape_unit(const Shape *shape, int axis);                   /* row-major stride of `axis`, in elements */
Shape shape_drop(const Shape *shape, int axis);                     /* without that axis */
Shape shape_join(const Shape *left, const Shape *right);            /* left's axes, then right's */
Shape shape_tail(const Shape *shape, int from);                     /* the axes from `from` on */
const char *shape_string(Arena *arena, const Shape *shape);         /* "[B, T, 4]" */
const char *shape_axis(Arena *arena, const Shape *shape, int axis); /* "D (256)", or "256" without a name */
void shape_print(Text *text, const Shape *shape, bool sizes);       /* "[B, T, 4]"; with sizes "[B=64, T=32, 4]" */

/* ---- variables: what lives between calls ---- */

typedef enum VariableKind {
    VAR_PARAM,  /* learned; named by its path net.enc.0.att.q.W */
    VAR_STATE,  /* the user's `state` */
    VAR_MOMENT, /* the optimiser's: flat vectors such as adam.m.0, partial sums under `accumulate` */
    VAR_GROUP   /* a flat vector that contains parameters one after the other: what the optimiser updates */
} VariableKind;

typedef enum InitKind { INIT_ZEROS, INIT_CONSTANT, INIT_NORMAL, INIT_UNIFORM, INIT_XAVIER, INIT_HE } InitKind;

typedef struct Init {
    InitKind kind;
    double a, b; /* constant: a; normal: mean a, standard deviation b; uniform: from a to b; xavier and he: a limit
                  * worked out from the last two axes is in b: xavier uniform in [-b, b], he normal with deviation b */
} Init;

typedef struct Variable Variable;
struct Variable {
    int id;
    VariableKind kind;
    const char *path; /* unique in the model */
    DType dtype;
    Shape shape;
    Init init;
    bool decay;              /* false: `with decay = false` */
    Variable *group;         /* the VAR_GROUP a parameter lies in (every parameter lies in one), else NULL */
    int64_t offset;          /* in elements from the start of its group, for a parameter */
    VEC(Variable *) members; /* of a VAR_GROUP, by offset */
    Span span;               /* where it is declared */
    int versions;            /* versions made so far in the graph being built; 0 before the first write */
};

/* ---- node.c ---- */

typedef struct Op Op;
typedef struct Node Node;
typedef struct Graph Graph;
typedef struct Adjoint Adjoint;   /* ops/ops.h */
typedef struct External External; /* likewise: an elementwise function of the user's */

typedef enum OpKind {
    OP_LEAF,   /* input read const iota scalar random: no operands (a run-time scalar or the memory is the source) */
    OP_VIEW,   /* reshape permute broadcast slice: the same numbers seen through another index; never executed */
    OP_MAP,    /* elementwise: result[i] = f(a[i], b[i], c[i]), all of the result's shape */
    OP_REDUCE, /* sum max min over axes (attr.axes); the reduced axes are dropped */
    OP_ROW,    /* softmax and its kin: have an `expand` rule into maps and reductions; gone after pass/expand */
    OP_MATMUL, /* C[batch, M, N] = op(A) op(B) */
    OP_ATTEND, /* attention and the parts of its gradient: products around a softmax, by blocks of keys */
    OP_INDEX,  /* gather, scatter_add: data-dependent rows */
    OP_JOIN,   /* concat, pad: operands written side by side into one tensor */
    OP_EFFECT, /* write (to a variable), check_range (the index itself, clamped, its error reported) */
    OP_DERIVE  /* grad, jacobian: placeholders that pass/gradient replaces; stop: identity with no adjoint */
} OpKind;

/* What an operation needs beside its operands. Each op's file says which fields it uses. */
typedef struct Attr {
    int axis_count;
    int axes[MAX_RANK]; /* permute: operand axis of each result axis; reduce: the reduced axes, ascending; concat: one;
                         * slice and write with a run-time start (operand 1): the axis it counts on */
    int64_t start[MAX_RANK];       /* slice, write: first index per axis; pad: elements before */
    bool transpose_a, transpose_b; /* matmul */
    double value;                  /* const: the number; pad: the fill; layernorm, rmsnorm: eps; attend: the scale */
    double factor;                 /* attend: of the probabilities that dropout keeps; 0: there is no dropout */
    int64_t site;                  /* random: which dropout of the text this is (place x loop index); grad: the call it
                                    * belongs to, so that grad(s, x, y) is one reverse pass */
    int64_t limit;                 /* check_range: one past the last allowed index */
    bool flag;                     /* softmax: operand 1 is a mask; attend: one of the operands is */
    Variable *variable;            /* read, write */
    int version;                   /* read: the version seen (0 is what the call found); write: the version made */
    const char *label;             /* input: its name; scalar: "step"; check_range: what is indexed */
} Attr;

/* The fields of Attr, as bits of Op.uses. */
enum {
    USES_AXES = 1,
    USES_START = 2,
    USES_TRANSPOSE = 4,
    USES_VALUE = 8,
    USES_SITE = 16,
    USES_LIMIT = 32,
    USES_FLAG = 64,
    USES_VARIABLE = 128,
    USES_LABEL = 256,
    USES_FACTOR = 512
};

/* One operation: its row is in a file of ops/. */
struct Op {
    const char *name; /* in dumps and messages */
    OpKind kind;
    int arity;     /* -1: any number */
    unsigned uses; /* which fields of Attr are its own: the others don't tell two nodes apart and aren't printed */
    /* OP_MAP: the C text with %0 %1 %2 for operands, "tg_tanh(%0)"; lanes and single numbers share it. */
    const char *c;
    int cost; /* OP_MAP: rough cost of one element in simple operations (add 1, exp 12) */
    /* The shape the node must have, from its operands and attr; false if they don't fit (used by graph_check). */
    bool (*infer)(const Node *node, Shape *shape, DType *dtype);
    /* NULL: no adjoint (`no_adjoint` says why, for the user's message). Ops of integers and booleans need none. */
    void (*adjoint)(Graph *graph, Adjoint *adjoint, Node *node, Node *g);
    const char *no_adjoint;
    /* OP_ROW: the same value as maps and reductions. */
    Node *(*expand)(Graph *graph, Node *node, Node *const *operand);
    /* The double-precision evaluator: row-major operands to a row-major result. Integers and booleans are doubles. */
    void (*eval)(const Node *node, const double *const *operand, double *result);
};

/* Where a function or a module was called from, innermost first. */
typedef struct CallSite CallSite;
struct CallSite {
    Span span;
    const char *scope;     /* path of the module instance called, or of the one around a function that has none */
    const CallSite *outer; /* NULL: an entry point's body */
};

typedef enum Phase { PHASE_FORWARD, PHASE_BACKWARD, PHASE_UPDATE } Phase;

/* One turn of a `for … remat`: what it computes for itself is computed again in the backward pass. */
typedef struct Remat Remat;
struct Remat {
    const Remat *outer; /* the turn around it, or NULL */
};

/* Whether the turn is `around` or lies in it; everything lies in NULL. */
bool remat_within(const Remat *turn, const Remat *around);
const Remat *remat_common(const Remat *a, const Remat *b); /* the innermost turn around both, or NULL */

struct Node {
    int id; /* position in its graph */
    const Op *op;
    DType dtype;
    Shape shape;
    int operand_count;
    Node **operand;
    Attr attr;
    const char *name;     /* the model's name for the value (`h`, `d_h`), or NULL; need not be unique */
    const char *title;    /* what an op's expansion calls an unnamed value ("mean"), or NULL */
    const char *scope;    /* path of the module instance, "net.enc.0.att", or "" */
    Span span;            /* place in the text */
    const CallSite *call; /* the calls that the place was reached by; NULL in an entry point's body */
    Phase phase;
    Node *forward;      /* for a node made by an adjoint rule: the forward node (of the same graph) it differentiates */
    const char *rule;   /* and the rule's formula: "dA = G . B^T" */
    const Op *rule_of;  /* and the op whose rule it is, which expand may have taken apart since */
    const Remat *remat; /* the turn of a `for … remat` that it is part of, or NULL */
    int block;          /* 0, or the number of the block of rows that it is part of (pass/block) */
    int again;          /* 0, or the number of the recomputation that it is part of (pass/recompute) */
};

struct Graph {
    Arena *arena;
    Names *names;
    Diag *diag;
    const char *entry; /* the entry point's name */
    VEC(Node *) nodes;
    /* Stamped on every node that is appended: */
    Span at;
    const CallSite *call;
    const char *scope;
    Phase phase;
    Node *forward;
    const char *rule;
    const Op *rule_of;
    const Remat *remat;
    int block;
    int64_t site_count; /* dropout sites handed out so far */
};

size_t dtype_bytes(DType dtype, bool f64);                   /* of one element */
const char *dtype_name(DType dtype, bool f64);               /* "f32", "i32" … */
bool attr_equal(const Op *op, const Attr *a, const Attr *b); /* in the fields that op uses */
Graph *graph_new(Arena *arena, Names *names, Diag *diag, const char *entry);
/* Appends a node of the given op, type and shape (already inferred and checked by a verb). */
Node *graph_append(Graph *graph, const Op *op, DType dtype, Shape shape, int operand_count, Node *const *operands,
                   const Attr *attr);
/* Appends a copy of `node` with other operands, keeping its name, place, phase, scope and rule; `forward` is the
 * copy's. */
Node *graph_copy(Graph *graph, const Node *node, Node *const *operands, Node *forward);
/* Appends a copy of a node of another graph, of which `map[old id]` gives the nodes that stand on this one already. */
Node *graph_carry(Graph *graph, const Node *node, Node *const *map);
/* What is appended from here on comes from where `node` does; `forward` stands for the node's. */
void graph_stand(Graph *graph, const Node *node, Node *forward);
void node_rename(Graph *graph, Node *node, const char *name);
Node *node_title(Node *node, const char *title); /* gives a title to a value that has neither name nor title */
const char *node_called(const Node *node);       /* its name, its title or its operation */
/* The module instance that computes the value, or in which the function was called that does; "" outside of any. */
const char *node_scope(const Node *node);
/* The last part of a module instance's path, with the list's name before a number: `q` of net.enc.0.att.q, `enc_0` of
 * net.enc.0. */
const char *path_tail(Arena *arena, const char *path);

/* ---- an entry point and a model ---- */

typedef struct Port { /* one input or result */
    const char *name;
    DType dtype;
    Shape shape;
    Node *node; /* an OP input leaf, or the node that holds the result */
    /* For integer inputs, the range that the text's uses allow, for random test inputs: [low, high); high 0: unknown.
     */
    int64_t low, high;
    bool padded; /* the training loop fills rows up with `pad` */
    double pad;
} Port;

/* One of `dim T in [16, 32]`, chosen. */
typedef struct Bucket {
    const char *name;
    int64_t size;
} Bucket;

/* An entry point, or where it depends on sizes in buckets one of its specialisations: one per choice of those sizes. */
typedef struct Entry {
    const char *name;       /* unique: "step", of a specialisation "step[S=16,T=32]" */
    const char *point;      /* as the text says: "step" */
    const char *identifier; /* for C: "step", "step_S16_T32" */
    VEC(Bucket) buckets;    /* in the order of the text; none: there is one specialisation only */
    bool train;
    Graph *graph;
    VEC(Port) inputs;
    VEC(Port) results;
    /* For a train entry: what the training loop shows beside results[0], the loss. */
    Node *learning_rate, *gradient_norm; /* scalars, FLOAT */
    int accumulate;                      /* calls per update; nodes of PHASE_UPDATE run at every n-th call */
    Span span;
} Entry;

typedef struct Model {
    Arena *arena;
    Names *names;
    Diag *diag;
    const char *name; /* from the file name: "nmt" for nmt.tg, made a C identifier */
    bool f64;         /* the float type of this build */
    const Source *source;
    VEC(Variable *) variables; /* parameters in the order of the text, states, groups, moments */
    VEC(Entry *) entries;
    VEC(External *) externals; /* in the order of the text */
} Model;

/* Adds up, by node id, the operands and results that name each node. */
void entry_uses(const Entry *entry, int *uses);
/* Rebuilds `entry` on another graph: `map[old id]` gives the new node (used by every pass that copies forward). */
void entry_move(Entry *entry, Graph *to, Node *const *map);

/* ---- print.c, check.c ---- */

void graph_print(Text *text, const Graph *graph); /* one line per node */
void model_print(Text *text, const Model *model); /* every entry: ports, then its graph */
/* The invariants: operands earlier, shapes as the op's rule gives them, versions in order. fatal(pass, …) otherwise. */
void graph_check(const Graph *graph, const char *pass);
/* Marks live[id] for every node that a result, a write or a check of `entry` needs. */
void entry_live(const Entry *entry, bool *live);

#endif
