/* attend.h: what the two skeletons of attention share: its sizes, its blocks and the pieces that both are made of.
 *
 * Queries and keys are taken in blocks whose operands are copied into arrays of the function, padded with zeros to
 * whole tiles: every product inside runs over whole blocks, and only copies, masks and results look at where a tensor
 * ends.
 */
#ifndef TGC_ATTEND_H
#define TGC_ATTEND_H

#include "loop/loop.h"

typedef struct Blocks { /* of the queries or of the keys */
    int loop;           /* of the kernel */
    int64_t count;      /* queries or keys */
    int64_t size, number;
    Var *first;  /* of the block at hand, or NULL: 0 */
    Expr *there; /* how many of its `size` there are, an index; */
    Expr *whole; /* and of these in whole vectors */
} Blocks;

typedef struct Columns { /* the width of the heads or of the values */
    int loop;
    int64_t count, padded; /* to whole vectors */
} Columns;

typedef struct Attend {
    Node *o, *lse, *dq, *dk, *dv; /* what is computed here; NULL: it is not */
    Node *root;
    AttendParts parts;
    Blocks queries, keys;
    Columns width, values;
    bool lanes; /* the scores are gone through over lanes of keys */
    bool skips; /* key n is allowed to query m only if n <= m + ahead */
    int64_t ahead;
} Attend;

/* An array of a block: element (row, column) at row * stride + column. */
typedef struct Block2 {
    Array *array;
    int64_t rows, stride;
} Block2;

/* A product of blocks: c[rows, columns] = or += a b, over k < k_to. */
typedef struct BlockProduct {
    const char *what; /* for the comment above it */
    Block2 a, b, c;
    bool transpose_a; /* a is k x rows */
    bool adds;        /* to what c holds, */
    Array *shrinks;   /* each row of it times an element of this first, or NULL */
    int64_t rows, columns;
    Expr *k_to;
} BlockProduct;

/* ---- attend_block.c ---- */

Attend attend_of(Lower *lower);
Access attend_over_scores(const Kernel *kernel); /* of a mask, queries x keys */
Block2 attend_array(Lower *lower, Block *in, const char *name, int64_t rows, int64_t stride);
/* The block that begins at `first` (NULL: the only one), and how much of it there is. */
void attend_block(Lower *lower, Block *in, Blocks *blocks, Var *first);
/* Where the slice's block begins, by its number in the grid: from the first block on, or from the last down. NULL where
 * there is one block. */
Var *attend_slice(Lower *lower, Block *in, const Nest *nest, const Blocks *blocks, const char *name, bool last_first);
/* One past the last key that the block of queries sees; the first query, at the start of a block, that sees the block
 * of keys. */
Expr *attend_last_key(Lower *lower, Block *in, const Attend *a);
Expr *attend_first_query(Lower *lower, Block *in, const Attend *a);
/* to[r, c] = operand `index` of the root at the block's rows, times `scale`; rows that are not there are zeros. */
void attend_copy(Lower *lower, Block *in, const Attend *a, int index, const Blocks *rows, const Columns *columns,
                 Block2 to, double scale);
/* to[c, r]: the same transposed. */
void attend_copy_transposed(Lower *lower, Block *in, const Attend *a, int index, const Blocks *rows,
                            const Columns *columns, Block2 to);
void attend_clear(Lower *lower, Block *in, Block2 block);

/* ---- attend_product.c ---- */

void attend_product(Lower *lower, Block *in, const BlockProduct *product);

/* ---- attend_score.c: what is done to each score, and to each result ---- */

/* for r { … }: the loop, whose body is to be filled and then closed; the kernel's loop stands at the row. */
Stmt *attend_row(Lower *lower, Block *in, const Blocks *rows);
void attend_row_end(Lower *lower, Block *in, const Blocks *rows, Stmt *loop);
/* Calls body for the scores of the row, a vector at a time and the last in part; `at` is its first column. */
typedef void ScoreBody(Lower *lower, Block *in, const Attend *a, Index at, void *with);
void attend_scores(Lower *lower, Block *in, const Attend *a, ScoreBody *body, void *with);
Expr *attend_load(Lower *lower, const Attend *a, Block2 block, Var *row, Index at);
void attend_put(Lower *lower, Block *in, const Attend *a, Block2 block, Var *row, Index at, Expr *value);
/* The score where it is allowed, else a number whose exponential is 0. */
Expr *attend_allowed(Lower *lower, const Attend *a, Expr *score);
/* D(x): x times the factor where it is kept, else 0. */
Expr *attend_dropped(Lower *lower, const Attend *a, Expr *x);
/* node = from at the block's rows, times `share` of the row, or added to what is there. */
void attend_store_row(Lower *lower, Block *in, Node *node, const Columns *columns, Block2 from, Var *row, Expr *share,
                      bool adds);
/* node = 0 at all rows. */
void attend_store_zeros(Lower *lower, Block *in, Node *node, const Blocks *rows, const Columns *columns);

/* ---- attend.c, attend_back.c ---- */

void lower_attend_forward(Lower *lower, Attend a);
void lower_attend_backward(Lower *lower, Attend a);

#endif
