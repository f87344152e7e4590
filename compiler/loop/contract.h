/* contract.h: what contract.c and pack.c share: a product seen from its loops. */
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

#endif
