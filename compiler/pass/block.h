/* block.h: what the two files of the block pass share; private to them. */
#ifndef TGC_BLOCK_H
#define TGC_BLOCK_H

#include "pass/pass.h"

/* A product and its members: itself, and what is computed from it row by row. Arrays are by node id. */
typedef struct Cone {
    const Graph *from;
    const Node *product;
    int64_t rows;
    int *uses;     /* operands and results that name the node */
    bool *asked;   /* a derivative by it is asked for */
    bool *depends; /* computed from the product */
    int *lead;     /* of a member: how many of its first axes are the product's rows; 0: no member */
    bool *joins;   /* a member that also folds over rows: a block of it has its fold over the other axes */
    bool *outside; /* somebody who is no member reads it */
    bool *left;    /* no member after all */
    bool *late;    /* cannot stand before `first` */
    int first;     /* the first node that is no member and reads one */
} Cone;

/* ---- block.c ---- */

/* How many of the first axes of the shape have `rows` elements together; 0 if none have. */
int leading_axes(const Shape *shape, int64_t rows);

/* ---- block_rows.c ---- */

/* Appends the members of the cone, `count` blocks of rows one after the other, and for those that others read the
 * blocks side by side: map[id]. Everything that members read beside each other has its place in `map` already. */
void block_rows(const Cone *cone, Graph *to, Node **map, int count);

#endif
