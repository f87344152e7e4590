/* loop.h: the third form of a program: a small loop language, one Function per kernel, printed as C by one printer.
 *
 * Vector, unroll and slice are kinds of loop. An expression is over lanes (a `vec` or `ivec` of runtime/tg_vec.h) or
 * single; both print the same operators.
 *
 *     for s in slices { for d in lanes(0, 256) { let h = gelu(x[s*256 + d] + b[d]); y[s*256 + d] = h } }
 */
#ifndef TGC_LOOP_H
#define TGC_LOOP_H

#include "kernel/kernel.h"
#include "loop/cost.h"

typedef enum Type {
    T_REAL,
    T_INT,
    T_MASK,
    T_INDEX
} Type; /* T_INDEX: a loop index or size, a C `int` or `int64_t`, never lanes */

typedef struct Var {
    const char *name; /* unique in its function until loop_names makes it so in its scope */
    const char *word; /* what it is called where nothing else is */
    Type type;
    bool lanes;
    bool wide;  /* T_INDEX: int64_t rather than int */
    bool plain; /* named after an operation, for want of a better word */
} Var;

/* A pointer parameter: `offset` elements into a buffer. Kernels differing only in these share one function. */
typedef struct Array {
    const char *name; /* "x1"; unique in its function */
    const char *word; /* what it is called where nothing else is */
    DType dtype;
    Buffer *buffer; /* NULL: an array local to the function */
    int64_t offset; /* elements from the start of the buffer */
    bool written;
    int64_t count; /* of a local array, in elements */
    int64_t first,
        last; /* of the buffer's elements that the function touches, found by loop_check; none: last < first */
} Array;

/* constant + sum(var * scale); the vars are T_INDEX. */
typedef struct Term {
    Var *var;
    int64_t scale;
} Term;
typedef struct Index {
    int64_t constant;
    VEC(Term) terms;
} Index;

typedef enum ExprKind {
    EX_NUMBER, /* a literal: real (printed with f in f32; inf and nan spelled as C constants), int, or mask 0 / 1 */
    EX_VAR,
    EX_INDEX, /* an Index as a value: T_INT, single; with lanes: index + 0, 1, 2, … */
    EX_LOAD,  /* array[index]; over lanes: LANES elements from there on, or `part` of them; single: one */
    EX_APPLY, /* an elementwise op: `format` with %0 %1 %2 */
    EX_SPLAT  /* single to lanes */
} ExprKind;

typedef struct Expr Expr;
struct Expr {
    ExprKind kind;
    Type type;
    bool lanes;
    int depth; /* how many loops of the kernel, from the outermost, it depends on; see value.c */
    double number;
    Var *var;
    Array *array;
    Index index;
    Expr *part;         /* EX_LOAD over lanes: T_INDEX count of elements there are, the rest reads as 0; NULL: all */
    const char *format; /* EX_APPLY */
    int arg_count;
    Expr *arg[4];
};

typedef enum StmtKind {
    ST_FOR,     /* for (var = from; var < to; var += step) body */
    ST_LET,     /* const T var = value */
    ST_VAR,     /* T var = value, changed later by ST_SET */
    ST_SET,     /* var = value */
    ST_ARRAY,   /* a local array, 64-byte aligned */
    ST_STORE,   /* array[index] = value; over lanes all of them or `part` of them */
    ST_CALL,    /* format with %0 … over args: a runtime function that gives nothing */
    ST_IF,      /* if (value) body */
    ST_BLOCK,   /* { body } */
    ST_COMMENT, /* a line of text */
    ST_BLANK
} StmtKind;

typedef enum LoopKind { LOOP_SERIAL, LOOP_LANES, LOOP_UNROLL, LOOP_SLICE } LoopKind;

typedef struct Stmt Stmt;
typedef struct Block {
    VEC(Stmt *) stmts;
} Block;

struct Stmt {
    StmtKind kind;
    LoopKind loop; /* LOOP_SLICE: from lo to hi, the function's range */
    bool plain;    /* LOOP_UNROLL: the inner loop of a product, which the C compiler shall not unroll */
    bool often;    /* it turns more often than the loops beside it: its accumulators come first where registers lack */
    Var *var;
    Expr *from, *to; /* T_INDEX; NULL from is 0 */
    int64_t step;
    Expr *value, *part;
    Array *array;
    Index index;
    bool stream;      /* ST_STORE: past the caches */
    const char *text; /* ST_COMMENT; ST_CALL's format */
    int arg_count;
    Expr *arg[6];
    Block body;
};

/* A value that has a name in the function: a Var, or a place in memory. */
typedef struct NamedValue {
    const Node *node;
    const Var *var;
} NamedValue;

typedef enum FunctionRole { FUNCTION_COMPUTES, FUNCTION_PACKS_ROWS, FUNCTION_PACKS_COLUMNS } FunctionRole;

/* One C function: static void k03_h(const void *args, int lo, int hi). */
struct Function {
    const char *name;          /* "k03_h" */
    VEC(const char *) comment; /* the lines above it */
    VEC(Array *) arrays;       /* its args struct, in order; buffer != NULL */
    VEC(Array *) locals;
    bool reads_keys;           /* args also hold `uint32_t key0, key1`, the keys of dropout */
    VEC(int64_t) sites;        /* of its dropouts: args also hold `uint32_t site0`, `site1` … */
    bool reads_slot;           /* args also hold `tg_slot *slot` */
    VEC(const char *) scalars; /* names of run-time scalars in args, each a `real`: "step" */
    Block body;
    bool streams;           /* has stores past the caches, which its end waits for */
    FunctionRole role;      /* what it does for its kernel */
    VEC(NamedValue) values; /* computed here under a name of their own */
    int64_t slices;         /* the grid: tg_for's count */
    double flop, bytes;     /* counted by loop_check from the loops themselves */
    double products;        /* the multiply-adds of a product among them, each of them one */
    Kernel *kernel;         /* the (first) kernel it was made for */
    bool joins;             /* its slices are handed out together with those of the launch before it; see group.c */
    bool here;              /* launched alone it runs on the caller's thread */
};

/* ---- build.c: small constructors ---- */

typedef struct Lower Lower;
Expr *ex_real(Lower *lower, double number);
Expr *ex_int(Lower *lower, Type type, int64_t number); /* T_INT, T_INDEX or T_MASK */
Expr *ex_var(Lower *lower, Var *var);
Expr *ex_index(Lower *lower, Index index, Type type, bool lanes);
Expr *ex_load(Lower *lower, Array *array, Index index, bool lanes, Expr *part);
Expr *ex_apply(Lower *lower, Type type, const char *format, int count,
               Expr *const *args);                                /* lanes if any arg is; singles are splat */
Expr *ex_one(Lower *lower, const char *format, Expr *x);          /* of reals */
Expr *ex_two(Lower *lower, const char *format, Expr *a, Expr *b); /* likewise */
Expr *ex_lanes(Lower *lower, Expr *x);                            /* x, or its splat */
/* from + length, or `all` where that is less; the sum alone where every block is `whole` */
Expr *ex_block_end(Lower *lower, Expr *from, int64_t length, int64_t all, bool whole);
Var *var_new(Lower *lower, const char *name, Type type, bool lanes); /* makes the name unique */
Index index_of(Lower *lower, int64_t constant);
void index_add(Lower *lower, Index *index, Var *var, int64_t scale); /* nothing for scale 0 */
/* A loop or an if that st_put puts into its block once its body is whole: what the body needs from outside comes before
 * it. */
Stmt *st_for(Lower *lower, LoopKind kind, Var *var, Expr *from, Expr *to, int64_t step);
Stmt *st_count(Lower *lower, const char *name, Expr *from, Expr *to, int64_t step); /* over lanes for a step above 1 */
Stmt *st_if(Lower *lower, Expr *condition);
void st_put(Lower *lower, Block *in, Stmt *stmt);
void set_blocks(Lower *lower, int from, Block *block); /* where values of loops `from` - 1 and further in go */
Var *st_let(Lower *lower, Block *in, const char *name, Expr *value);
Var *st_var(Lower *lower, Block *in, const char *name, Expr *value);
void st_set(Lower *lower, Block *in, Var *var, Expr *value);
void st_store(Lower *lower, Block *in, Array *array, Index index, Expr *value, Expr *part);
void st_stream(Lower *lower, Block *in, Array *array, Index index, Expr *value); /* of lanes, past the caches */
Array *st_array(Lower *lower, Block *in, const char *name, DType dtype, int64_t count);
void st_prefetch(Lower *lower, Block *in, Array *array, Index index); /* a hint: that line will be written */
void st_call(Lower *lower, Block *in, const char *format, int count, Expr *const *args);
void st_comment(Lower *lower, Block *in, const char *format, ...) PRINTF_LIKE(3, 4);

/* ---- value.c: the value of a node at a point of the loops ---- */

/* Lowering of one kernel. `block[d]` is where statements go that depend on the loops 0 … d-1 alone: block[0] is before
 * all loops, block[axes.count] the innermost body. Values that don't depend on inner loops are computed outside them.
 */
struct Lower {
    Arena *arena;
    Names *names;
    Schedule *schedule;
    const Machine *machine;
    Kernel *kernel;
    Function *function;
    int lane_count;             /* of one vector of the model's float type */
    Axes axes;                  /* the kernel's */
    Var *loop[MAX_AXES];        /* index variable of each loop, or NULL where it stands still */
    int64_t shift[MAX_AXES];    /* added to that index */
    Block *block[MAX_AXES + 1]; /* where to put what depends on loops < d */
    int lane_axis;              /* the loop that runs over lanes, or -1 */
    Expr *part;                 /* in the tail of that loop: how many lanes count; else NULL */
    int sweep;                  /* ROW: which of the sweeps over the row is being written */
    struct RowPlan *plan;       /* ROW: see row.c */
    VEC(struct Memo) memo;      /* values already computed, by node and access */
    VEC(const char *) taken;    /* names in use in the function */
    VEC(const char *) reserved; /* names of the kernel's buffers, which values leave to them */
};

typedef struct Memo {
    const Node *node;
    Access access;
    Expr *value;
} Memo;

/* The node's value at the point given by `access` (into the node's row-major space). A materialised node is loaded, any
 * other computed in place; the result is named after the node and shared until it is forgotten. Lanes when the access
 * moves along the lane axis. */
Expr *value_at(Lower *lower, Node *node, const Access *access);
/* Says that `node` at `access` is `value` (an accumulator, a row's maximum). */
void value_bind(Lower *lower, const Node *node, const Access *access, Expr *value);
/* Says that `var` is the node's value, for the comment above the function. */
void value_called(Lower *lower, const Node *node, const Var *var);
/* Forgets every value that depends on loop `depth` or one inside it. */
void value_forget(Lower *lower, int depth);
/* Stores a value to the node's place at the point; past the caches what is too large for them and not read back. */
void value_store(Lower *lower, Block *in, Node *node, const Access *access, Expr *value);
/* Asks for the lines of large tensors that the value will read `ahead` turns of loop `axis` later. */
void value_prefetch(Lower *lower, Block *in, Node *node, const Access *access, int axis, int ahead);
bool value_goes_past_caches(Lower *lower, const Node *node); /* whether it does so */
/* Whether the node can be computed over lanes along loop `axis`: every access stands still there or goes on by one. */
bool lanes_fit(Lower *lower, Node *node, const Access *access, int axis);
/* The pointer parameter for a buffer at an offset; made on first use. */
Array *array_of(Lower *lower, Buffer *buffer, int64_t offset, bool written);
Index index_at(Lower *lower, const Access *access); /* of the strides and shifts; the offset belongs to the array */
Index index_in_buffer(Lower *lower, const Access *in_buffer); /* the same, with the run-time term */
int64_t stride_at(const Lower *lower, const Access *access, int loop);
int access_depth(const Lower *lower, const Access *access);
Type type_of(const Node *node);
Expr *load_at(Lower *lower, Buffer *buffer, const Access *in_buffer); /* one element, or lanes along the lane axis */

/* ---- nest.c: the loops around a kernel's body ---- */

/* The innermost loop cut into blocks of `block` elements (a multiple of the lanes) so that there are slices enough. */
typedef struct Nest {
    int outer;      /* loops 0 … outer-1 make the grid of slices */
    int64_t blocks; /* of the last loop; 1: it is not cut */
    int64_t block;
    Var *number; /* which block; NULL where there is one */
    Stmt *slices;
    int64_t done; /* elements of the last loop that another loop has gone over; where it is not cut */
} Nest;

/* Opens `for s = lo … hi` over the `outer` first loops of `order` and the blocks of the last; sets loop[] and block[].
 */
Nest nest_open(Lower *lower, const int *order, int outer, int64_t blocks, int64_t block);
void nest_close(Lower *lower, Nest *nest);
const char *nest_loop_name(Lower *lower, int loop); /* what the model calls the loop's axis */
/* The last loop over lanes (or singly, where lane_axis is -1): calls body for the full vectors and for the tail. */
void lane_loop(Lower *lower, const Nest *nest, Block *in, int axis, void (*body)(Lower *, Block *, void *), void *with);

/* ---- fold.c: steps of a reduction, shared with row.c ---- */

Expr *fold_start(Lower *lower, const Node *node, bool lanes); /* its neutral element */
Expr *fold_join(Lower *lower, const Node *node, Expr *sum, Expr *value);
void fold_step(Lower *lower, Block *in, const Node *node, Var *into, Expr *value);
Expr *fold_end(Lower *lower, const Node *node, Var *sum); /* over the lanes, in a fixed order */

/* ---- row.c: what an earlier sweep over the row kept; NULL if it kept nothing of the node ---- */
Expr *row_recall(Lower *lower, Node *node, const Access *access);
bool row_keeps(const Lower *lower, const Node *node); /* for a later sweep */

/* ---- map.c row.c fold.c contract.c attend.c scatter.c: the skeletons ---- */

void lower_map(Lower *lower);
void lower_row(Lower *lower);
void lower_fold(Lower *lower);
void lower_contract(Lower *lower);
void lower_attend(Lower *lower);
void lower_scatter(Lower *lower);
void lower_check_range(Lower *lower);
/* One kernel to one or more functions run after each other (a pack, then a product). */
struct Program { /* one entry point's kernels as loops, in order */
    Schedule *schedule;
    VEC(Function *) functions; /* as launched: functions.at[i] for launch i; equal texts are found by emit */
};
Program *lower(Schedule *schedule, const Machine *machine); /* lower.c */
Lower *lower_new(Schedule *schedule, const Machine *machine, Program *program, Kernel *kernel, const char *suffix);

/* ---- clean.c ---- */

void loop_clean(Arena *arena, Function *function); /* drops names that nobody reads, or that say nothing */

/* ---- names.c ---- */

void loop_names(Arena *arena, Function *function); /* names as short as their scopes allow */

/* ---- check.c ---- */

/* Every index inside its buffer, every read defined, stores of different slices disjoint; counts flop and bytes.
 * fatal("lower", …) otherwise. Alone, a function finds every buffer filled; in a program, each with what was written.
 */
void loop_check(Function *function, int lane_count, bool f64);
void loop_check_program(const Program *program, int lane_count, bool f64);
/* ---- group.c ---- */

enum { MOST_TOGETHER = 16 }; /* launches */
/* Sets joins and here. Needs what loop_check_program counts. */
void group(Program *program, const Machine *machine);
int group_size(const Program *program, int launch); /* how many launches run together from this one on: 1 if it alone */
void group_check(const Program *program);           /* fatal("group", …) where one of them needs another */

/* ---- words.c, print.c ---- */

/* Whether a C file that includes tg_vec.h gives the word a meaning already: keywords, macros, parameters of kernels. */
bool c_word(const char *word);
/* The struct of its arguments; none for a function without. */
void loop_print_args(Text *text, const Function *function, const char *args_type, bool f64);
/* The body and signature as C; `args_type` names the struct. */
void loop_print(Text *text, const Function *function, const char *args_type, bool f64);
/* The same with names as numbers and without comments: functions that differ only in names and buffers give one text.
 */
void loop_canonical(Text *text, const Function *function, bool f64);

#endif
