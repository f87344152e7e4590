/* contract.h: what contract.c and pack.c share: a product seen from its loops. */
#ifndef TGC_CONTRACT_H
#define TGC_CONTRACT_H

#include "loop/loop.h"

typedef struct Product {
    int m_loop, n_loop, k_loop; /* m_loop: the innermost of the row loops */
    int64_t m, n, k;
    int nv;                /* vectors of a panel */
    int64_t panel, panels; /* columns of a panel; how many */
    Buffer *a_buffer, *b_buffer;
    Access a, b; /* into the buffers */
} Product;

Product product_of(Lower *lower);
void lower_pack_rows(Lower *lower); /* A into panels [batch][M/mr][K][mr] */
void lower_pack(Lower *lower);      /* B into panels [batch][N/NR][K][NR], padded with zeros */

#endif
