/* fuse.h: what the files of the fuse pass share; private to them. A Group is a kernel in the making. */
#ifndef TGC_FUSE_H
#define TGC_FUSE_H

#include "kernel/kernel.h"

typedef struct Group {
    int id; /* groups run in the order of their numbers */
    KernelKind kind;
    bool update; /* PHASE_UPDATE, or not */
    Node *root;
    VEC(Node *) nodes;
    int64_t points, row; /* of the loops' space; ROW: length of the row */
    int64_t parts;       /* ROW, CONTRACT: in how many parts of the rows its columns are summed, or 0; fuse_columns.c */
    Axes seed, axes;     /* the coarsest loops, and the loops found by group_resolve */
    LoopRole seed_role[MAX_AXES], role[MAX_AXES];
    Axes fine; /* before loops were joined again; see Kernel */
    LoopRole fine_role[MAX_AXES];
    int inner[MAX_AXES];
} Group;

typedef struct Fuse {
    Arena *arena;
    Model *model;
    Entry *entry;
    Graph *graph;
    bool apart; /* no node joins another */
    Schedule *schedule;
    VEC(Group *) groups;
    VEC(Node *) writes; /* to variables, in graph order */
    int capacity;       /* of the arrays below, which are by node id */
    int *group;         /* number of the node's group, -1 if none */
    int *uses;          /* live operands and results that name it */
    int *last_use;      /* the largest id of a node that reads it, through views too; INT_MAX for a result */
    Node **user;        /* one node that names it as operand */
    bool *live, *floating, *external;
    bool *visited;
    bool *checked; /* a check of ids depends on it: its kernel writes no variable */
    bool *pending; /* a map that waits for the fold that alone reads it */
    Node **alias;  /* the node that stands for it from here on */
    Place *place;
    Node **base_of;  /* of a scatter's base: the scatter whose place it shares */
    VEC(int) floors; /* by number of a recomputation: the first group that may be part of it */
} Fuse;

enum { ROW_LIMIT = 1 << 17 }; /* the longest row that a row kernel keeps, in elements */

/* ---- fuse_node.c: the nodes while kernels are being formed ---- */

extern const Op op_copy;                        /* an identity, put in where a value must lie in a certain place */
Node *fuse_alias(const Fuse *fuse, Node *node); /* the node that stands for it, after copies were put in */
Node *fuse_base(const Fuse *fuse, Node *node);  /* what lies under its views */
bool fuse_is_view(const Node *node);
void fuse_reserve(Fuse *fuse); /* after nodes were appended: makes the arrays as long as the graph */
Node *fuse_append(Fuse *fuse, const Op *op, Node *like, Node **operands, int count); /* of like's shape and type */
Node *fuse_copy(Fuse *fuse, Node *node);                                             /* a copy of it, in a group */
Node *fuse_append_copy(Fuse *fuse, Node *node);
Node *fuse_replace(Fuse *fuse, Node *node, int index, Node *operand); /* a clone with that operand; stands for it */
/* The first group that the node may join: what is computed again is not computed with what came before. */
int fuse_floor(Fuse *fuse, const Node *node);
/* The latest group that must have run before the node can be read; -1: none. */
int fuse_ready(const Fuse *fuse, Node *node);

/* ---- fuse_loops.c: the coarsest loops with which every node of the group can be reached; false if there are none.
 * `collect` marks nodes of other groups that are read as external. ---- */

bool group_resolve(Fuse *fuse, Group *group, bool collect);
/* Whether operand `index` of a node that is alone in its group can be read with some loops. */
bool operand_resolves(Fuse *fuse, Group *group, int index);

/* ---- fuse_group.c: opens and extends groups ---- */

void fuse_compute(Fuse *fuse, Node *node);               /* finds a group for a map, reduction or gather */
void fuse_open(Fuse *fuse, Node *node);                  /* gives it a group of its own */
void group_seed_row(Group *group);                       /* the coarsest loops of a row kernel, */
void group_seed_fold(Group *group, const Node *node);    /* of a fold like `node`, */
void group_seed_product(Group *group, const Node *node); /* and of the product `node` */
/* Whether a node of the group reads the value, so that another reader does best to join it. */
bool group_reads(const Fuse *fuse, const Group *group, const Node *value);
bool group_writes_variable(const Fuse *fuse, const Group *group);

/* ---- fuse_attend.c: the parts of one attention in one kernel ---- */

void fuse_attend(Fuse *fuse, Node *node);

/* ---- fuse_visit.c: one node at a time, in graph order ---- */

void fuse_visit(Fuse *fuse, Node *node);

/* ---- fuse_variable.c: reads and writes of variables ---- */

void fuse_read(Fuse *fuse, Node *node);
void fuse_write(Fuse *fuse, Node *node);
/* The id of the write that ends the life of what `read` sees; INT_MAX if none does. */
int fuse_overwritten(const Fuse *fuse, const Node *read);
const Variable *fuse_memory(const Variable *variable); /* a parameter lies in its group's */
/* Whether elements of a variable that the node reads are written between two groups' turns. */
bool fuse_overwritten_between(const Fuse *fuse, const Node *node, int from, int to);

/* ---- fuse_sink.c: moves maps to the one kernel that reads them ---- */

void fuse_sink(Fuse *fuse);
void fuse_find_external(Fuse *fuse); /* what is read outside its group, now that groups have changed */

/* ---- fuse_columns.c: sums over rows go with the kernel that makes or reads the rows ---- */

void fuse_columns(Fuse *fuse);

/* ---- fuse_exp.c: exponentials that a row kernel has are not computed again ---- */

void fuse_exponentials(Fuse *fuse);

/* ---- fuse_shadow.c: memory that stands for a variable whose new value is checked ---- */

void fuse_shadows(Fuse *fuse);
Buffer *fuse_shadow(const Fuse *fuse, const Variable *variable); /* NULL: writes go to the variable */
void fuse_begin_shadow(Fuse *fuse, const Node *write);
void fuse_end_shadows(Fuse *fuse);

/* ---- fuse_place.c ---- */

void fuse_leaves(Fuse *fuse);                         /* inputs and variables lie where the caller put them */
bool fuse_claim(Fuse *fuse, Node *node, Place place); /* lets node's producer write there; `place` is by node's axes */
/* A copy of it in a kernel of its own, of that phase, which writes there. */
Node *fuse_copy_into(Fuse *fuse, Node *node, Place place, Phase phase);
void fuse_lay_out(Fuse *fuse, Node *node); /* gives it the layout of the permute that alone reads it */
Buffer *fuse_buffer(Fuse *fuse, BufferKind kind, const char *name, DType dtype, int64_t count);
Buffer *fuse_value_buffer(Fuse *fuse, const Node *node, const Shape *shape);
const char *value_name(Arena *arena, const Node *node);
Place fuse_row_major(const Shape *shape, Buffer *buffer, int64_t offset);
void fuse_places(Fuse *fuse); /* gives every other node that is read from outside its kernel a place */

#endif
