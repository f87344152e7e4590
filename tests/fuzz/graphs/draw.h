/* draw.h: what the files of the generator share: random numbers, shapes, and an entry point in the making.
 *
 * An entry point is drawn as a list of statements. Every statement makes a value of a known shape from values made
 * before it; `magnitude` bounds what its elements are likely to be, so that nothing grows out of reach:
 *
 *     t3 = a @ t1.T                       use(e, a), use(e, t1) name the operands, put(e, …) adds the line
 *     t4 = tanh((t3 * t3) * 0.004)        put tames what would be larger than TAME
 */
#ifndef GRAPHS_DRAW_H
#define GRAPHS_DRAW_H

#include "base/base.h"

enum { MAX_RANK = 8, MOST_AXES = 6, MAX_VALUES = 250, MAX_INPUTS = 16, MAX_ITEMS = 12 };

/* ---- draw.c: random numbers and shapes ---- */

/* The format with its %s, %d, %1$s, … replaced: formats of tables, which the compiler can't check. */
const char *fill(Arena *arena, const char *format, const char *const *arguments);

typedef struct Random {
    uint64_t state;
} Random;

int below(Random *random, int bound); /* 0 … bound - 1; 0 for a bound under 1 */
int between(Random *random, int low, int high);
bool chance(Random *random, double probability);
#define ONE_OF(random, table) ((table)[below((random), (int)(sizeof(table) / sizeof *(table)))])

typedef struct Dims {
    int rank;
    int size[MAX_RANK];
} Dims;

int dims_count(const Dims *dims); /* INT_MAX where there are more */
bool dims_equal(const Dims *a, const Dims *b);
bool dims_meet(const Dims *a, const Dims *b, Dims *both); /* NumPy's broadcasting; false if they don't */
Dims dims_front(const Dims *dims, int rank);              /* the first axes */
Dims dims_with(Dims dims, int axis, int size);            /* with another size there */
Dims dims_added(Dims dims, int axis, int size);           /* with one more axis */
Dims dims_without(Dims dims, int axis);
Dims dims_swapped(Dims dims); /* of x.T */
void shuffle(Random *random, int *items, int count);

/* ---- the model and one entry point of it ---- */

typedef enum Type { FLOATS, INTS, BOOLS } Type;

/* Which values of the entry something was computed from, through floats; a bit each. */
typedef struct Origin {
    uint64_t word[4];
} Origin;

typedef struct Value {
    const char *name;
    Dims dims;
    Type type;
    double magnitude;
    bool varies; /* a derivative goes through it */
    Origin from; /* itself included */
    bool picked; /* as an operand, at least once */
} Value;

/* A parameter or a state. */
typedef struct Variable {
    const char *name;
    Dims dims;
} Variable;

/* An instance of a module, or a list of them. */
typedef struct Layer {
    const char *name;
    const struct LayerKind *kind;
    int in, out, count; /* sizes of the last axis; how many there are in the list, 0 for a single one */
} Layer;

typedef struct Model {
    Arena *arena;
    Random random;
    Text text; /* the file */
    Variable states[MAX_ITEMS], params[MAX_ITEMS];
    Layer layers[MAX_ITEMS];
    int state_count, param_count, layer_count;
} Model;

typedef enum Profile { MIXED, PRODUCTS, VIEWS, ROWS, DERIVATIVES, STATES, PROFILES } Profile;

typedef struct Entry {
    Model *model;
    Arena *arena;
    Random *random;
    Profile profile;
    bool train, stateful;
    int largest; /* elements of a value, about */
    int sizes[8], size_count;
    Text body; /* a line per statement */
    Value values[MAX_VALUES];
    int count, names, inputs[MAX_INPUTS], input_count;
    Origin sources; /* of the statement being drawn */
    bool source_varies;
} Entry;

enum { TAME = 60 };

Dims draw_dims(Entry *e, int most_axes);
const char *dims_text(const Entry *e, const Dims *dims); /* "[3, 4]" */
const char *fresh(Entry *e);                             /* a new name */
void line(Entry *e, const char *format, ...) PRINTF_LIKE(2, 3);

/* What an operand must be; a field that is 0 asks for nothing. */
typedef struct Want {
    Type type;
    const Dims *same, *meets, *into; /* equal to; broadcasts with; broadcasts to exactly that */
    int least_rank, most_rank;       /* most_rank: -1 for scalars alone */
    int most;                        /* elements */
    int last, rows;                  /* size of the last axis; of the first one, at least */
    bool nonempty, varies;
} Want;

Value *pick(Entry *e, const Want *want); /* one of the values there are, recent ones more often; NULL if none fits */
Value *pick_float(Entry *e);             /* any float; now and then a new input */
Value *pick_any(Entry *e);               /* of any type, mostly float */
Value *input(Entry *e, Type type, Dims dims); /* NULL when there are enough of them */
Value *scalar_id(Entry *e);                   /* an i32 scalar */
/* Adds a value under that name. */
Value *add_value(Entry *e, const char *name, Type type, Dims dims, double magnitude);
const char *use(Entry *e, const Value *operand); /* its name; the next value put comes from it */
void unused(Entry *e);                           /* forgets what was used */
/* Adds `tN = …`; NULL, with nothing added, if it were too large. */
Value *put(Entry *e, Type type, const Dims *dims, double magnitude, const char *format, ...) PRINTF_LIKE(5, 6);
Origin origin_of(int number);
bool origin_has(const Origin *origin, int number);

/* ---- the statements: each draws one or none ---- */

typedef void Maker(Entry *e);
/* ops.c */
Maker draw_unary, draw_binary, draw_where, draw_reduce, draw_row, draw_product, draw_loss;
/* attention.c */
Maker draw_attention;
/* moves.c */
Maker draw_reshape, draw_permute, draw_slice, draw_index, draw_concat, draw_stack, draw_split, draw_pad, draw_spread;
Maker draw_gather, draw_dynamic, draw_one_hot;
/* more.c */
Maker draw_gradient, draw_jacobian, draw_integers, draw_comparison, draw_made, draw_dropout, draw_state, draw_function;
/* layers.c */
Maker draw_layer;
void draw_layers(Model *model);        /* the modules and instances of a file */
extern const char prelude[];           /* the functions that every file begins with */
Value *draw_mask(Entry *e, Dims dims); /* booleans that broadcast to that */

#endif
