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
    Schedule *schedule;
    VEC(Group *) groups;
    int capacity;    /* of the arrays below, which are by node id */
    int *group;      /* number of the node's group, -1 if none */
    int *uses;       /* live operands and results that name it */
    int *last_use;   /* the largest id of a node that reads it, through views too; INT_MAX for a result */
    Node **user;     /* one node that names it as operand */
    bool *live, *floating, *external;
    Node **alias;    /* the node that stands for it from here on */
    Place *place;
    Node **base_of;  /* of a scatter's base: the scatter whose place it shares */
} Fuse;

/* The node that stands for `node`, after copies were put in. */
Node *fuse_alias(const Fuse *fuse, Node *node);
bool fuse_is_view(const Node *node);

/* fuse_loops.c: the coarsest loops with which every node of the group can be reached; false if there are none.
 * `collect` marks nodes of other groups that are read as external. */
bool group_resolve(Fuse *fuse, Group *group, bool collect);
/* Whether operand `index` of a node that is alone in its group can be read with some loops. */
bool operand_resolves(Fuse *fuse, Group *group, int index);

/* fuse_place.c */
void fuse_leaves(Fuse *fuse);                /* inputs and variables lie where the caller put them */
bool fuse_claim(Fuse *fuse, Node *node, Place place); /* lets node's producer write there; `place` is by node's axes */
Buffer *fuse_buffer(Fuse *fuse, BufferKind kind, const char *name, DType dtype, int64_t count);
Place fuse_row_major(const Shape *shape, Buffer *buffer, int64_t offset);
void fuse_places(Fuse *fuse);                /* gives every other node that is read from outside its kernel a place */

#endif
