/* check.h: what the files of the loop checker share. Private to loop/check*.c.
 *
 * Every shape is a constant, so an index is a constant plus a sum of scale * dim, each dim a whole number between two
 * constants. A dim is a loop's turn, a digit of the slice's number, or what a range check let through:
 *
 *     for s in 12 slices { let row = s / 4; for d in 0 … 63 step 16 { y[row * 256 + d] } }
 *     s = 4 * s1 + s0;  y at 256 * s1 + 16 * d', s1 in 0 … 2, s0 in 0 … 3, d' in 0 … 3, 16 lanes wide
 *
 * Where a comparison holds for some values of a dim only, the loop that made the dim is walked once for each part. */
#ifndef TGC_LOOP_CHECK_H
#define TGC_LOOP_CHECK_H

#include "loop/loop.h"

enum { MOST_DIMS = 24 };

typedef enum DimKind { DIM_SLICE, DIM_LOOP, DIM_DATA } DimKind;

typedef struct Dim Dim;
struct Dim {
    DimKind kind;
    int64_t low, high;  /* inclusive */
    Dim *root;          /* what a loop or a let made; its digits lead back to it */
    Dim *outer, *inner; /* this is unit * outer + inner, once it was divided; else NULL */
    int64_t unit;
    bool outside; /* a DIM_DATA: read before all loops, so that each turn sees one value */
};

typedef struct Affine {
    bool known;
    int64_t constant;
    int count;
    struct {
        Dim *dim;
        int64_t scale;
    } term[MOST_DIMS];
} Affine;

/* ---- check_box.c: the elements that a statement touches, over all turns of the loops around it ---- */

typedef struct Side { /* value in low … low + count - 1 */
    const Dim *dim;
    int64_t scale, low, count;
} Side;

typedef struct Box { /* constant + sum(scale * value) + 0 … width - 1 */
    int64_t constant, width;
    int count;
    Side side[2 * MOST_DIMS]; /* of every dim in force, those with scale 0 too */
} Box;

typedef struct Bits { /* a set of elements 0 … count - 1 */
    uint64_t *word;
    int64_t count;
} Bits;

Bits bits_new(Arena *arena, int64_t count);
int64_t bits_total(const Bits *bits);
void bits_set(Bits *bits, int64_t from, int64_t to, bool value); /* [from, to), as far as there are such */
void box_hull(const Box *box, int64_t *first, int64_t *last);
/* The same elements as runs side by side, sides from the smallest scale on, none of them idle. */
Box box_packed(const Box *box);
/* The same elements as fewer boxes, packed: what lies evenly spaced becomes one. Returns how many there are. */
int boxes_merged(Box *boxes, int count);
void box_mark(Bits *bits, const Box *box, int64_t origin); /* element e as bit e - origin; what lies outside is left */
bool box_inside(const Bits *bits, const Box *box, int64_t origin);

/* ---- check.c ---- */

typedef struct Known { /* a Var in scope */
    const Var *var;
    Affine value;
    bool changes; /* may be set */
} Known;

typedef struct Turn { /* a loop around a statement; another number each time that it is walked */
    Dim *dim;
    int walk;
} Turn;

typedef struct Touch { /* a load or store, over all turns */
    const Array *array;
    bool store, data; /* data: which elements, a tensor says */
    bool own;         /* a load of what the kernel has just stored */
    Box box;          /* in elements of the buffer, or of the local array */
    double turns;
    int depth;
    Turn around[MOST_DIMS];
} Touch;

typedef struct Memory Memory; /* check_memory.c */

typedef struct Pending { /* what stopped the walk: the dim is to be walked in two parts, or once more */
    Dim *dim;
    int64_t at; /* first value of the second part */
    bool again; /* only once more: it has digits now */
} Pending;

typedef struct Checker {
    Arena *arena;
    const Function *function;
    int lane_count;
    int float_bytes;
    Memory *memory; /* of the program; NULL where a function is checked alone */
    VEC(Known) scope;
    VEC(const Array *) locals;
    VEC(Touch) touches;
    int depth;
    Turn around[MOST_DIMS];
    int walks, splits;
    Pending pending;
    double flop, products;
} Checker;

/* ---- check_index.c: values of indices ---- */

Affine affine_of(int64_t constant);
Affine affine_add(const Affine *a, const Affine *b, int64_t scale); /* a + b * scale */
void affine_range(const Affine *a, int64_t *low, int64_t *high);
/* The value of an index expression; unknown where it isn't a sum of dims. May leave a Pending. */
Affine index_value(Checker *c, const Expr *x);
Affine index_sum(Checker *c, const Index *index);
/* 1: holds for all values of the dims, 0: for none; -1: a Pending was left. */
int index_holds(Checker *c, const Expr *condition);
/* Asks for a dim of the sum to be walked in parts. */
void index_split(Checker *c, const Affine *sum);
const Known *known_use(const Checker *c, const Var *var);

/* ---- check_writes.c: what runs at the same time stores apart ---- */

void check_apart(Checker *c);
/* Loads and stores of one buffer in one loop: at one element in one turn, or never at the same one. */
void check_turns(Checker *c);
/* Of two buffers in the same bytes, the load's elements `shift` further on in the store's: whether nothing is stored
 * before it is read, where both come to the same element. Touches stand in the order of the text. */
bool check_read_first(const Checker *c, const Touch *load, const Touch *store, int64_t shift);

/* ---- check_memory.c: nothing is read before it is written ---- */

void check_defined(Checker *c, const Touch *load);
/* Whether the kernel itself stored all that it loads there, at the same turns of the loops around both. */
bool check_stored_before(const Checker *c, const Touch *load);
void memory_after(Checker *c); /* takes the function's stores in */
/* The values that loads of the array give: 0 … limit - 1, or false. */
bool memory_limit(const Checker *c, const Array *array, int64_t *limit);
void memory_stores_value(Checker *c, const Array *array, bool bounded, int64_t limit);
Memory *memory_new(Arena *arena, const Schedule *schedule);
void memory_end(const Memory *memory); /* every result was written */

/* ---- check_count.c: what a function costs ---- */

int operations_of(const char *format); /* arithmetic operations of one application */
double count_bytes(const Checker *c);

#endif
