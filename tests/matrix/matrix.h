/* matrix.h: the gradient matrix: small entry points over every operation, and what is checked of each.
 *
 *     Case { y = max(a, axis = [0, -1], keep = true), a: [2, 3], by gradient }
 *       --case.c-->   graph v7(a: [2, 3]) -> (y: [1, 1]) { … }, graph g7(a: [2, 3], w: [1, 1]) -> (d_a: [2, 3]) { … }
 *       --check.c-->  f64 against the evaluator, gradients against differences, f32 against f64
 *
 * Cases come from small.c (everything up to rank 2 with sizes 1, 2, 3) and from families: tables of factors such as
 * operation, rank, sizes and flags, of which cover.c takes cases until every pair of levels has met. */
#ifndef MATRIX_H
#define MATRIX_H

#include "base/base.h"

enum { MOST_AXES = 8, MOST_OPERANDS = 48, MOST_FACTORS = 12, MOST_COUNT = 12000, MOST_JACOBIAN = 4096 };

typedef struct Dims {
    int rank;
    int size[MOST_AXES];
} Dims;

typedef enum Draw {
    DRAW_NORMAL,
    DRAW_WEIGHTS,   /* a quarter of that: scores of attention stay where exp is tame */
    DRAW_POSITIVE,  /* 0.25 to 2.25 */
    DRAW_AWAY,      /* from zero: 0.2 to 2.2, of either sign */
    DRAW_DISTINCT,  /* no two equal, in random order */
    DRAW_DISTINCT2, /* likewise, and none equal to one of DRAW_DISTINCT */
    DRAW_COARSE,    /* -1, 0, 1: often equal */
    DRAW_ODD,       /* odd multiples of 1/16: never a multiple of … */
    DRAW_QUARTER,   /* … multiples of 1/4 but 0 */
    DRAW_INT,       /* -9 to 9 */
    DRAW_INT_AWAY,  /* the same without 0 */
    DRAW_INT_SMALL, /* -3 to 3 */
    DRAW_INT_POSITIVE,
    DRAW_IDS, /* 0 to limit - 1 */
    DRAW_BOOL,
    DRAW_TRUE,
    DRAW_FALSE,
    DRAW_ROWS, /* booleans; every third row false */
} Draw;

typedef struct Operand {
    const char *name; /* "a"; a parameter's path, "m#.W" */
    char type;        /* f i b */
    Dims dims;
    Draw draw;
    int limit;
    bool named;     /* its axes are named A2, B3, … after the sizes */
    bool parameter; /* no input */
} Operand;

typedef enum Mode {
    MODE_GRADIENT, /* of sum(y * w) with respect to every float operand */
    MODE_JACOBIAN, /* of y; summed with w it is the gradient */
    MODE_SECOND,   /* y itself is grad(sum(y0 * y0), a) */
    MODE_VALUE,    /* nothing to derive by */
} Mode;

enum { MODE_COUNT = 3 }; /* those that a family chooses from */

typedef struct Case {
    const char *family, *label;
    const char *head; /* items before the entry points: a module's instance, a state; # stands for the case's number */
    const char *before; /* statements before y's */
    const char *expr;   /* y = … */
    char type;
    Dims result;
    Mode mode;
    bool train;  /* a training step, so that dropout is live */
    bool corner; /* differences say something else, by decision: ties, stop */
    Operand operands[MOST_OPERANDS];
    int count;
} Case;

typedef struct List {
    Arena *arena;
    VEC(Case *) cases;
} List;

/* ---- case.c ---- */

extern const char *const mode_names[];
Dims dims(int rank, ...);
int64_t dims_count(const Dims *shape);
bool same_dims(const Dims *a, const Dims *b);
Dims drop_axis(const Dims *shape, int axis);
const char *dims_text(Arena *arena, const Dims *shape); /* "2, 3" */

Case *case_new(List *list, const char *family);
/* Adds an operand, and gives its name: a, b, c … */
const char *operand(Case *item, char type, Dims shape, Draw draw);
/* Adds a parameter by its path in grad(…), with # for the case's number. */
void parameter(Case *item, const char *path, Dims shape);
/* y = the formatted text. A mode that derives becomes MODE_VALUE where nothing is there to derive by. */
void finish(List *list, Case *item, char type, Dims result, Mode mode, const char *format, ...) PRINTF_LIKE(6, 7);
/* Whether tensors of these sizes stay small enough for the mode. */
bool fits(Mode mode, const Dims *x, const Dims *y);
/* The entry points of case `number`: v… and g… */
void case_print(Text *text, const Case *item, int number);
void print_heading(Text *text);

/* ---- build.c: one operation in one form ---- */

typedef enum View { VIEW_PLAIN, VIEW_T, VIEW_SLICE, VIEW_PERMUTE, VIEW_RESHAPE, VIEW_COUNT } View;
typedef enum Pair { /* how the operands of a binary operation meet, by the shape of the result */
                    PAIR_SAME,
                    PAIR_SCALAR,    /* [2, 3] with [] */
                    PAIR_LAST,      /* [2, 3] with [3] */
                    PAIR_ONE_LAST,  /* [2, 3] with [2, 1] */
                    PAIR_ONE_FIRST, /* [2, 3] with [1, 3] */
                    PAIR_LEFT_ONE,  /* [2, 1] with [2, 3] */
                    PAIR_LEFT_LAST, /* [3] with [2, 3] */
                    PAIR_OUTER,     /* [2, 1] with [3] */
                    PAIR_RIGHT_NUMBER,
                    PAIR_RIGHT_OTHER, /* a number that simplify knows: 0, 1, 0.5 */
                    PAIR_LEFT_NUMBER,
                    PAIR_ITSELF, /* a with a */
                    PAIR_COUNT
} Pair;

typedef struct UnaryRow {
    const char *text, *types; /* the result's type by operand f i b; - where there is none */
    Draw draw, draw_int;
    bool smooth;
} UnaryRow;

typedef struct BinaryRow {
    const char *text, *types; /* by operands ff ii bb fi */
    Draw left, right, left_int, right_int, right_bool;
    const char *numbers[3]; /* for PAIR_RIGHT_NUMBER, PAIR_RIGHT_OTHER, PAIR_LEFT_NUMBER */
    bool smooth;
} BinaryRow;

typedef struct FoldRow {
    const char *name, *types;
    Draw draw;
    bool of_empty; /* has a value over an empty axis */
} FoldRow;

enum { UNARY_COUNT = 22, BINARY_COUNT = 16, FOLD_COUNT = 5 };
extern const UnaryRow unary_ops[UNARY_COUNT];
extern const BinaryRow binary_ops[BINARY_COUNT];
extern const FoldRow folds[FOLD_COUNT];

/* An operand that is seen as `shape` through a view, as text; NULL where the view needs other axes. */
const char *viewed(Case *item, Arena *arena, View view, char type, Dims shape, Draw draw);
bool view_fits(View view, const Dims *shape);
void unary(List *list, const char *family, int op, char type, Dims shape, View view, Mode mode);
/* types: 0 ff, 1 ii, 2 bb, 3 fi. a and b must broadcast; `pair` says where one is a number or both are one. */
void binary(List *list, const char *family, int op, int types, Dims a, Dims b, Pair pair, Mode mode);
bool broadcast_of(const Dims *a, const Dims *b, Dims *result);
/* axes: the text after "axis = ", or NULL; gone: the axes that are folded. */
void fold(List *list, const char *family, int op, char type, Dims shape, const char *axes, const bool *gone,
          const char *keep, bool named, Mode mode);

/* ---- small.c, single.c, and families in values.c, moves.c, layers.c, attention.c; cover.c takes cases of a family
 * ----
 */

void small_cases(List *list);
/* Small cases of their own: states, corners, and what a family has no place for. */
void single_cases(List *list);

typedef struct Factor {
    const char *name;
    int levels;
} Factor;

typedef struct Family {
    const char *name;
    const Factor *factors;
    bool (*build)(const struct Family *family, const int *level, List *list); /* list NULL: is it a case at all? */
} Family;

/* Each ends with a NULL name. */
extern const Family value_families[], move_families[], layer_families[], attention_families[];

enum { SIZE_COUNT = 8, SIZE_ONE = 1 /* the level of size 1, and of an axis that isn't there */ };
extern const int sizes[SIZE_COUNT]; /* 0 1 2 3 5 17 33 65 */
/* A shape by its rank and the levels of its last axis, the one before, and those before it; false where a level speaks
 * of an axis that isn't there. */
bool shape_by(int rank, int last, int before, int others, Dims *shape);

typedef struct Cover {
    int64_t pairs, impossible, uncovered; /* uncovered: pairs that a case exists for, but none was taken */
    int cases;
} Cover;

/* Takes cases of a family until each pair of levels that any case has is in one of them; then counts anew. */
Cover cover_family(const Family *family, List *list, uint64_t seed);

uint64_t random_bits(uint64_t *state);

/* ---- missing.c ---- */

/* Prints which operations, built-ins and layers no case has; how many. */
int report_missing(const List *list);

/* ---- check.c ---- */

typedef struct Bounds {
    double f64, f32, difference;
} Bounds;

typedef struct Worst {
    double f64, f32, difference;
    char f64_label[200], f32_label[200], difference_label[200];
} Worst;

typedef struct Tally { /* of a batch, in memory shared with the process that runs it */
    int checked, gradients, failed;
    int64_t differences;
    Worst worst;
    int64_t bad[512]; /* indices of cases that failed */
} Tally;

/* Writes, compiles and checks cases; false where the file can't be built. */
bool check_batch(const List *list, const int *which, int count, const char *folder, const Bounds *bounds, Tally *tally);

#endif
