/* contract.h: what contract.c, contract_fold.c, contract_ahead.c, contract_sums.c and pack.c share: a product seen from
 * its loops. */
#ifndef TGC_CONTRACT_H
#define TGC_CONTRACT_H

#include "loop/loop.h"

typedef struct Product {
    int m_loop, n_loop, k_loop; /* m_loop: the innermost of the row loops */
    int64_t m, n, k;
    int64_t a_row;         /* of A laid out by rows: elements from one to the next */
    int nv;                /* vectors of a panel */
    int64_t panel, panels; /* columns of a panel; how many */
    Buffer *a_buffer, *b_buffer;
    Access a, b; /* into the buffers */
} Product;

Product product_of(Lower *lower);
/* The panel of B at j (NULL: at column `start`), of `width` columns, for the steps of k from `k_from` on (NULL: all) as
 * far as `k_to`, into an array of the slice's own, [k_block][NR]. */
void pack_panel(Lower *lower, Block *in, Array *panel, Var *j, int64_t start, int64_t width, Var *k_from, Expr *k_to);
void lower_pack_rows(Lower *lower); /* a transposed A row by row, [batch][M][a_row] */
void lower_pack(Lower *lower);      /* B into panels [batch][N/NR][K][NR], padded with zeros */

/* ---- contract_fold.c ---- */

/* A tensor that the epilogue reads or writes; the access is over the kernel's fine loops. */
typedef struct Ahead {
    Buffer *buffer;
    Access access;
} Ahead;

typedef struct Contract Contract;
struct Contract {
    Product p;
    Nest nest;
    Var *panel, *block; /* NULL where there is one */
    int64_t blocks;     /* of rows, per panel */
    bool lanes;         /* the epilogue runs over lanes */
    Array *tile;        /* NULL: stores come straight from the accumulators */
    Array *b_panel;     /* the slice's own panel of B, [k_block][NR], or NULL */
    Array **totals;     /* by the kernel's nodes: of a sum over rows, the panel's columns so far */
    void (*at_column)(Lower *lower, Block *in, const Contract *c, Expr *column); /* what columns() does with each */
    Var *sums[16][4];
    Var *row;
    Expr *k_from, *k_to;  /* the block of k; NULL: all of it */
    VEC(Ahead) ahead;     /* whose lines are asked for while k is folded */
    Var *next_j, *next_k; /* where the panel begins that is made next: NULL where it is not asked for; of k: 0 */
};

/* A digit of the slice's number, or another number times `by`: `format` is of both. */
Var *contract_digit(Lower *lower, Block *in, const char *name, Var *number, const char *format, int64_t by);
/* The number of the column at the start of the panel, plus `within`. */
Var *contract_column(Lower *lower, Block *in, Var *start, Var *within);
/* for k in [from, to) { b0 … = B[k]; c00 += A[i, k] * b0 … } into the sums of `rows` rows */
void contract_multiply_add(Lower *lower, Block *in, Contract *c, int rows, Expr *from, Expr *to);
/* The same, asking for lines meanwhile; `steps` is the most that [from, to) can be. */
void contract_fold(Lower *lower, Block *in, Contract *c, int rows, Expr *from, Expr *to, int64_t steps);
/* A vector of the right operand at the k and the panel at which the loops stand. */
Expr *contract_right(Lower *lower, const Contract *c, int vector);

/* ---- contract_ahead.c ---- */

void contract_find_ahead(Lower *lower, Contract *c); /* fills c->ahead where asking pays */
/* Sets c->next_j and next_k where asking pays, at the head of what the slice does with a panel. */
void contract_next_panel(Lower *lower, Block *in, Contract *c);
bool contract_asks(const Contract *c);
void contract_ask(Lower *lower, Block *in, const Contract *c, Var *row); /* for the share of a row of the result */

/* ---- contract.c ---- */

/* All columns of the slice's panel, at_column of each vector or element of them. The last panel, where it is not full,
 * has a text of its own. */
void contract_columns(Lower *lower, Block *in, Contract *c);

/* ---- contract_sums.c: sums over rows, of the result or of the right operand ---- */

Index contract_in_panel(Lower *lower, const Expr *column); /* where it stands in a row of the panel's columns */
/* Whether the epilogue can run over lanes. */
bool contract_fits_lanes(Lower *lower, const Contract *c);
/* Makes and clears c->totals. */
void contract_totals(Lower *lower, Block *in, Contract *c);
/* A row's value at the column into the total of the kernel's `number`th node. */
void contract_add(Lower *lower, Block *in, const Contract *c, int number, Expr *column);
/* The right operand's rows, for the steps of k that are next, into their totals. */
void contract_add_right(Lower *lower, Block *in, Contract *c);
/* Says where the epilogue finds the right operand's totals. */
void contract_bind_right(Lower *lower, const Contract *c, Expr *column);
void contract_store_totals(Lower *lower, Block *in, Contract *c);

#endif
