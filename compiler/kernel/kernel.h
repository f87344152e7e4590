/* kernel.h: the second form of a program: which nodes are computed together, in which order, with which tiles, in which
 * bytes. A Schedule is one entry point's list of kernels and the places of their results.
 *
 * After pass/expand a graph has leaves, views, maps, reductions, products, gathers, scatters, joins and effects. A node
 * that has a Place lives in memory; every other node is computed where it is read. Views are never executed: a reader
 * goes through them with an Access.
 */
#ifndef TGC_KERNEL_H
#define TGC_KERNEL_H

#include "ops/ops.h"

/* ---- access.c: an access is an offset and a stride for each loop ---- */

enum { MAX_AXES = 12 };

/* The loops of a kernel, outermost first. Their product is the number of points. */
typedef struct Axes {
    int count;
    int64_t extent[MAX_AXES];
} Axes;

/* Which element of a node's row-major space (or, after place_access, of a buffer) belongs to a point of the loops. */
typedef struct Access {
    int64_t offset;
    int64_t stride[MAX_AXES];          /* by loop */
    Node *index;                       /* a run-time term (an I32 scalar, checked), or NULL */
    int64_t index_stride, index_count; /* the index lies in [0, index_count) */
} Access;

/* Where an access can't be told with the loops as they are: split loop `axis` so that its inner part has `inner` turns.
 */
typedef struct Split {
    int axis; /* -1: no split helps, the view must be materialised */
    int64_t inner;
} Split;

/* From a node's space to its operand's, through one view; false with *split set otherwise. */
bool access_through(const Node *view, const Axes *axes, const Access *of_view, Access *of_operand, Split *split);
Access access_identity(const Axes *axes); /* of a node whose row-major space is the loops' own */
bool access_equal(const Access *a, const Access *b, const Axes *axes);
/* Splits a loop in two; accesses are rebuilt by the caller. False if `inner` doesn't divide it or loops run out. */
bool axes_split(Axes *axes, Split split);
/* Per axis of a shape: the stride of each loop and the constant start. False with *split set when a loop runs over more
 * than one axis. steps[axis][loop] */
bool access_by_axis(const Shape *shape, const Axes *axes, const Access *access, int64_t steps[MAX_RANK][MAX_AXES],
                    int64_t start[MAX_RANK], Split *split);

/* ---- places ---- */

typedef enum BufferKind {
    BUF_INPUT,    /* the caller's, read only; `port` */
    BUF_RESULT,   /* the caller's, written; `port` */
    BUF_VARIABLE, /* in the parameter or state block */
    BUF_ARENA,    /* in the arena at `offset` */
    BUF_SCALAR    /* a run-time scalar of the instance: step */
} BufferKind;

/* Bytes of a buffer in the arena, and the kernels (positions in the schedule) between which they live. */
typedef struct Stay {
    size_t from, bytes;
    int first, last;
} Stay;

typedef struct Buffer {
    int id;
    BufferKind kind;
    const char *name;   /* C identifier, unique among the entry's buffers */
    const char *word;   /* the value's own name, which kernels call it by: "p" of net_enc_0_att_p */
    const char *scope;  /* of an arena value: the module instance that computes it, or "" */
    const Shape *shape; /* what lies in it, row by row; NULL where that is not one tensor */
    DType dtype;
    int64_t count;           /* elements */
    Variable *variable;      /* of a BUF_VARIABLE: the outermost (its group for a parameter) */
    const Variable *shadows; /* of a BUF_ARENA: the variable whose writes go here first */
    bool begun;              /* the shadow holds what the variable held */
    int port;
    size_t offset, bytes; /* bytes; offset in the arena, 64-byte aligned */
    int first, last;      /* the kernels (positions in the schedule) of its first write and last use */
    Stay *stays;          /* of a BUF_ARENA: the same of its pieces, which have a kernel each that writes them first */
    int stay_count;
    struct Buffer *under; /* what the last kernel that reads it writes over it, or NULL */
} Buffer;

/* A materialised node: element (i0, i1, …) lies at offset + sum(i * stride) elements, + index * index_stride. */
typedef struct Place {
    Buffer *buffer; /* NULL: computed where it is read */
    int64_t offset;
    int64_t stride[MAX_RANK];
    Node *index;
    int64_t index_stride;
} Place;

/* From a node's row-major space to its buffer's elements. */
bool place_access(const Node *node, const Place *place, const Axes *axes, const Access *access, Access *in_buffer,
                  Split *split);

/* ---- fuse.c, order.c, tile.c, memory.c ---- */

typedef enum KernelKind {
    KERNEL_MAP,      /* all output axes parallel, one expression per result */
    KERNEL_ROW,      /* rows parallel; sweeps and folds over the last axis; sums of columns by parts of the rows */
    KERNEL_FOLD,     /* reductions over other axes: kept axes parallel (strips of columns), reduced axes in order */
    KERNEL_CONTRACT, /* a product; maps on its result are the epilogue, and sums of columns by parts of the rows */
    KERNEL_ATTEND,   /* attention, forward or backward: blocks of queries against blocks of keys */
    KERNEL_SCATTER,  /* scatter_add: strips of columns parallel, ids in order */
    KERNEL_CHECK     /* check_range: one serial sweep over the ids, notes the first failure */
} KernelKind;

/* What a loop of a kernel is to it. */
typedef enum LoopRole {
    ROLE_FREE,  /* parallel: all of MAP, the rows of ROW, the kept axes of FOLD, the batch of CONTRACT */
    ROLE_M,     /* rows of a product; of ROW, those of a part, which its column sums add up in order */
    ROLE_N,     /* columns of a product */
    ROLE_FOLD,  /* the row axis of ROW, the reduced axes of FOLD, k of CONTRACT, the ids of SCATTER, the heads' width */
    ROLE_VALUE, /* the width of the values of an ATTEND; its queries are M, its keys N */
    ROLE_PART   /* of CONTRACT: the parts of the rows whose columns are summed; M is the rows of one of them */
} LoopRole;

/* The tile of a contract: mr x (nv vectors) accumulators; see docs/architecture.md. Of an ATTEND row_block queries and
 * k_block keys make a block. */
typedef struct Tile {
    int mr, nv;
    int64_t row_block; /* rows of a slice; its columns are one panel of nv vectors */
    int64_t k_block;   /* steps of k between two visits of the accumulators; all of k where they stay in registers */
    bool by_rows;      /* all panels of a block of rows come before the next block's; else all blocks of a panel */
    bool pack_a;       /* a transposed A is laid out row by row before the kernel */
    int64_t a_row;     /* elements from one such row to the next: more than k, for rows a power of two apart get in each
                        * other's way in a cache */
    bool pack_b;       /* reads B from panels of nv vectors, padded with zeros */
    const char *panel_word; /* each slice makes its own panel, [k_block][NR], which it calls so; NULL: a pack before the
                             * kernel makes them all, [N/NR][K][NR] */
} Tile;

typedef struct Kernel {
    int id; /* position in the schedule */
    KernelKind kind;
    Phase phase;
    const char *name;    /* C identifier of its main value, without number or prefix: "h", "d_x1" */
    Node *root;          /* the product, attention, scatter or check; NULL for MAP, ROW, FOLD */
    VEC(Node *) nodes;   /* computed here, in graph order */
    VEC(Node *) outputs; /* those of them that have a Place written here */
    int64_t points, row; /* of the loops' space; ROW: elements of a row */
    Axes axes;           /* loops over the outputs' (ROW, FOLD: the inputs') space. ROW: the last is the row axis.
                          * CONTRACT: batch loops, m loops, the n loop, the k loop. ATTEND: batch loops, m, n, k, value. */
    LoopRole role[MAX_AXES];
    /* The same before neighbouring loops were joined. Accesses are over these; in memory, a joined loop moves by the
     * stride of inner[loop], the innermost of those it was joined from. */
    Axes fine;
    LoopRole fine_role[MAX_AXES];
    int inner[MAX_AXES];
    Tile tile;
    Buffer *packed, *packed_a; /* CONTRACT: where all panels of B and the rows of A lie, or NULL */
    bool finds_rows;           /* a kernel before has laid out the rows of A there */
} Kernel;

typedef struct Machine Machine;
typedef struct Tuned Tuned;

typedef struct Schedule {
    Model *model;
    Entry *entry;
    VEC(Kernel *) kernels;
    VEC(Buffer *) buffers;
    Place *place;       /* by node id; node ids go to graph->nodes.count */
    Node **alias;       /* by node id: the copy that stands for the node, or NULL */
    int gate;           /* position of the first kernel that writes parameters or state: all checks come before it */
    size_t arena_bytes; /* what memory planned */
    size_t lower_bound; /* the largest sum of live bytes at any kernel */
    size_t *live;       /* that sum, by kernel */
} Schedule;

/* schedule.c: what the files after fuse ask of a schedule */
Node *schedule_alias(const Schedule *schedule, Node *node);
bool kernel_computes(const Kernel *kernel, const Node *node);
bool kernel_stores(const Kernel *kernel, const Node *node);
/* Through views to memory: the node that lies there and the access into its buffer. fatal if the loops are too coarse.
 */
Node *schedule_reach(const Schedule *schedule, const Axes *axes, Node *node, const Access *access, Access *in_buffer);
/* Row-major over the loops whose role is in `roles`, a bit per LoopRole; 0 along the others. */
Access axes_over(const Axes *axes, const LoopRole *role, unsigned roles);
enum { ROLES_ALL = 63, ROLES_RESULT = ROLES_ALL & ~(1 << ROLE_FOLD) };
/* Whether a reduction keeps the last axis: in a ROW or CONTRACT it adds up the rows of a part, where others fold each
 * row. */
bool folds_columns(const Node *node);
/* Whether a reduction of a CONTRACT folds the rows of its right operand, and not of its result. */
bool folds_right(const Kernel *kernel, const Node *node);
/* Whether such a loop of a product stands around its rows and columns: its batch, or the parts of its rows. */
bool role_around(LoopRole role);
/* Which roles a node of the kernel moves along. */
unsigned kernel_roles(const Kernel *kernel, const Node *node);
Access kernel_access(const Kernel *kernel, const Node *node); /* of a node of the kernel at a point of its loops */
Access folded_access(const Kernel *kernel, const Node *node); /* of what a reduction of the kernel folds */
/* op(A) as [batch, M, K] and op(B) as [batch, K, N] over the loops of a contract; `index` 0 or 1. */
Access product_access(const Kernel *kernel, int index);
/* Operand `index` of a node of an ATTEND over the loops; -1: its result. */
Access attend_access(const Kernel *kernel, const Node *node, int index);
/* Marks every buffer that the kernel reads; `reads` is by buffer id. */
void kernel_reads(const Schedule *schedule, const Kernel *kernel, bool *reads);

Schedule *fuse(Model *model, Entry *entry, bool apart); /* apart: every node a kernel of its own */
void order(Schedule *schedule);                     /* sequence; checks first, writes last; reads before overwrites */
void reorder(Schedule *schedule, const int *order); /* kernel order[i] comes to position i */
/* Chooses tiles and packing, where `tuned` (tuned.h; or NULL) has a row for a product by that. */
void tile(Schedule *schedule, const Machine *machine, Tuned *tuned);
/* Places buffers, in an order of kernels that needs little; apart: each between guards of 64 bytes, for --check. */
void plan_memory(Schedule *schedule, bool apart);
void schedule_print(Text *text, const Schedule *schedule);
void schedule_check(const Schedule *schedule, const char *pass); /* fatal(pass, …) on a broken invariant */

/* ---- budget.c: what is computed again where memory is limited ---- */

/* Chooses values of the forward pass to compute again, so that the plan's arena is at most `limit` bytes, and rewrites
 * the entry's graph. Returns the arena's bytes; where they are more than the limit, it is the least it found. */
size_t budget(Model *model, Entry *entry, const Machine *machine, Tuned *tuned, bool apart, size_t limit);
/* By the estimate that budget goes by: operations of all kernels, and of what is computed again, in how many kernels.
 */
typedef struct Effort {
    double all, again;
    int kernels;
} Effort;
Effort schedule_effort(const Schedule *schedule);

/* ---- machine.c: a machine is a table row ---- */

struct Machine {
    const char *name;  /* "x86-64-v4"; native resolves to the row that fits */
    const char *flags; /* for the C compiler: "-march=x86-64-v4 -mprefer-vector-width=512" */
    int vector_bytes, registers;
    int mr, nv; /* best large tile, in rows and vectors (f32) */
    int l1_bytes, l2_bytes;
    double gflops; /* stated peak of f32 multiply-adds on one core, 1e9 operations a second; f64 is half */
    double gbytes; /* stated rate of memory, 1e9 bytes a second, which all cores share */
};
/* `name` is native or a row's; NULL if unknown. */
const Machine *machine_find(const char *name);
extern const Machine machine_table[];
extern const int machine_count;

#endif
