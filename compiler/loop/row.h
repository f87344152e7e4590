/* row.h: what row.c, row_plan.c and row_apart.c share: the values of a row kernel and when they are needed. */
#ifndef TGC_ROW_H
#define TGC_ROW_H

#include "loop/loop.h"

enum { TURN_VECTORS = 4 }; /* of a sweep that folds: each has sums of its own */

typedef struct RowNode {
    Node *node;
    bool full;  /* one element per point, not one per row */
    bool down;  /* one element per column of a part: a sum of columns, in `scratch` */
    int level;  /* folds before it */
    int latest; /* the last sweep in which it is needed */
    int cost;   /* of computing it again */
    bool kept;  /* stands in `scratch`, in its own place, or in that of `lent` */
    Node *lent; /* a result of the same shape that is stored later */
    Array *scratch;
    Var *sum[TURN_VECTORS]; /* of a fold */
} RowNode;

/* A sweep, or a value in it, reads memory. */
typedef struct RowRead {
    const Buffer *buffer;
    int sweep, turn; /* the number of the value that reads it */
} RowRead;

typedef struct RowPlan {
    RowNode *nodes;
    int count, sweeps;
    VEC(RowRead) reads;
    int vector; /* which of a turn's vectors is being written */
} RowPlan;

/* ---- row_plan.c ---- */

RowNode *row_node(const Lower *lower, const Node *node); /* NULL: not a value of the kernel */
bool row_is_fold(const Node *node);                      /* over the row, not over the rows of a part */
void row_plan(Lower *lower, RowPlan *plan);              /* levels, what is kept, and in whose bytes */
/* Says in whose bytes a kept value without a place lies, if in any; needs lane_axis. */
void row_lend(Lower *lower, RowPlan *plan);
bool row_has_place(const Lower *lower, const Node *node);

/* ---- row.c ---- */

void row_store_values(Lower *lower, Block *in, int level); /* one per row, of that level */
/* The sums of the folds that this sweep ends, `count` of each. */
void row_begin_sums(Lower *lower, Block *in, RowPlan *plan, int count);
/* Says that `sum`, when the sweep is over, is the member's value at the row where the loops stand. */
void row_end_sum(Lower *lower, Block *in, RowNode *member, Var *sum);
/* All that the sweep does at a point, for sums number plan->vector. */
void row_point(Lower *lower, Block *in, void *plan);

/* ---- row_apart.c ---- */

bool row_goes_apart(const Lower *lower, const RowPlan *plan); /* whether that pays */
void row_apart(Lower *lower, RowPlan *plan);

#endif
