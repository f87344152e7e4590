/* tuned.h: the products of kernels as tile.c sees them: what a tile of one may be, what is worth a try, and tiles that
 * were measured and kept in a file.
 *
 *     k12_up: 2048 x 1024, k 256    --product.c-->  Product { nn, m 2048, n 1024, k 256, … }
 *     Product                       --tile.c-->     TileChoice { 6 x 4, rows 288, … }
 *     Product, TileChoice           --candidates.c--> a dozen others
 *     m.tune                        --tuned.c-->    Tuned: rows of Product and TileChoice
 */
#ifndef TGC_TUNED_H
#define TGC_TUNED_H

#include "kernel/kernel.h"

/* ---- product.c: what decides how a product is best computed ---- */

/* All products that agree in this have one tile. */
typedef struct ProductShape {
    int64_t form;   /* 2 if A is transposed (its rows lie across), and 1 if B is */
    int64_t ends;   /* what is done with the sums */
    int64_t batch;  /* products side by side in the kernel */
    int64_t shared; /* how many of them read the same B */
    int64_t m, n, k;
} ProductShape;

enum { ENDS_SUMS, ENDS_MAPS, ENDS_COLUMNS }; /* stored; maps of them; a slice's rows are added up too */
enum {
    RIGHT_IN_PLACE,
    RIGHT_BY_SLICE,
    RIGHT_BEFORE
};                                   /* B: read where it lies, or from panels that each slice makes of
                                      * it, or a kernel before */
enum { LEFT_IN_PLACE, LEFT_BEFORE }; /* A: where it lies, or laid out row by row by a kernel before */

typedef struct TileChoice {
    int64_t mr, nv; /* rows and vectors of a tile */
    int64_t rows;   /* of a slice */
    int64_t steps;  /* of k between two visits of the accumulators */
    int64_t right, left;
} TileChoice;

typedef struct ProductFacts {
    ProductShape shape;
    int64_t lanes, element, registers; /* of the machine; an element's bytes */
    int64_t a_step, b_step;            /* bytes from one k to the next */
    bool a_across;                     /* A can be laid out row by row */
    Access a, b;                       /* in their buffers */
} ProductFacts;

enum { MOST_ROWS = 14, MOST_VECTORS = 4 }; /* of a tile */

Access product_reach(const Schedule *schedule, const Kernel *kernel, int index); /* of an operand, into its buffer */
ProductFacts product_facts(const Schedule *schedule, const Kernel *kernel, const Machine *machine);
bool product_equal(const ProductShape *left, const ProductShape *right);
bool tile_equal(const TileChoice *left, const TileChoice *right);
/* Why loop/contract.c can make no kernel of it whose arrays fit a thread's stack; NULL where it can. */
const char *tile_fault(const ProductFacts *facts, const TileChoice *choice);

/* ---- tile.c: the cost model ---- */

double tile_cost(const ProductFacts *facts, int64_t mr, int64_t nv);
TileChoice tile_with(const ProductFacts *facts, int64_t mr, int64_t nv); /* all else as the rules say */
TileChoice tile_best(const ProductFacts *facts);
int64_t tile_rows(const ProductFacts *facts, const TileChoice *choice); /* `rows` for all else as given */
/* k in equal blocks of at most `most` steps. */
int64_t tile_steps(const ProductFacts *facts, int64_t most);

/* ---- candidates.c ---- */

enum { MOST_CANDIDATES = 12 };
/* `around` first, then what differs from it in one choice, then other tiles that the cost model ranks near its best. */
int tile_candidates(const ProductFacts *facts, const TileChoice *around, TileChoice out[MOST_CANDIDATES]);

/* ---- tuned.c: tiles that were measured, as a text ---- */

typedef struct TunedRow {
    const char *machine; /* a row of the table */
    int64_t f64, threads;
    ProductShape shape;
    TileChoice choice;
    const char *note; /* written behind it: what it gained; not read */
    bool met, unfit;  /* a product asked for it; and could not take it */
} TunedRow;

struct Tuned {
    const char *path; /* NULL: not from a file */
    VEC(TunedRow) rows;
};

/* Mistakes go to diag; NULL then. */
Tuned *tuned_read(Arena *arena, Diag *diag, const Source *source);
/* `about` becomes a comment below the first line. */
void tuned_print(Text *text, const Tuned *tuned, const char *about);
/* A row without its note, on one line. */
const char *tuned_row(Arena *arena, const ProductShape *shape, const TileChoice *choice);
/* The choice of the first row for this product; NULL if there is none that it can take. */
const TileChoice *tuned_find(Tuned *tuned, const ProductFacts *facts, const Machine *machine, bool f64);
/* One line about the rows that nothing took; nothing where there are none. */
void tuned_left(Text *text, const Tuned *tuned, const Machine *machine, bool f64);

#endif
