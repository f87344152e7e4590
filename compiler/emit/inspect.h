/* inspect.h: what the files that read the written C back share. Private to emit/inspect*.c, the users of libclang.
 *
 * A Written is the source parsed as the C compiler would, with the header and the runtime's headers, all in memory. */
#ifndef TGC_EMIT_INSPECT_H
#define TGC_EMIT_INSPECT_H

#include "emit/parts.h"

#include <clang-c/Index.h>

/* ---- inspect_parse.c ---- */

typedef struct Written {
    Arena *arena;
    const Output *output;
    CXIndex index;
    CXTranslationUnit unit;
    unsigned runtime_from, runtime_to; /* the runtime's text in a stand-alone source, in bytes */
    const char *file;                  /* name of the source among the files in memory */
} Written;

Written *written_open(Arena *arena, const Output *output, const Machine *machine);
void written_close(Written *written);
/* The byte of the source where something stands; inside a macro's expansion, the byte that names the macro or, for what
 * its arguments spell, their own. *inside: it is in the source and not in the runtime's text. */
size_t written_offset(const Written *written, CXSourceLocation location, bool *inside);
/* Calls `see` for every function that the source defines, in its order. */
void written_functions(const Written *written, void (*see)(CXCursor function, void *with), void *with);
const char *written_name(Arena *arena, CXCursor cursor);    /* its spelling, in the arena */
int written_kernel(const Output *output, const char *name); /* its place among the kernels, or -1 */

/* ---- inspect_tree.c: a function as a small tree ---- */

typedef struct Piece Piece;
struct Piece {
    int kind;         /* CXCursor_… */
    size_t from, to;  /* bytes of the source */
    const char *name; /* of a name, a declaration or a call; a literal's text; an operator's: "<", "+=" */
    bool twofold;     /* an expression of type double, or of lanes of doubles */
    bool whole;       /* its type is an integer, or a pointer to integers */
    int lanes;        /* of its type; 1 where it is no vector */
    bool multiplies;  /* holds a multiply-add; set by inspect_products */
    Piece *child, *next;
};

Piece *piece_of(const Written *written, CXCursor function);
Piece *piece_child(const Piece *piece, int index); /* NULL if there is none */
const Piece *piece_plain(const Piece *piece);      /* without brackets and conversions around it */
const Piece *piece_condition(const Piece *loop);   /* a for's comparison, out of TG_LIKELY( ); NULL if there is none */

/* ---- inspect_rules.c: what each kernel must keep to ---- */

/* Calls go to tg_* and a stated list, nothing is a double in f32, bounds of loops are sums of outer loops and the
 * slice's. fatal("lower", …) otherwise. */
void inspect_calls(const Written *written, const Piece *function, const char *blame);
void inspect_kernel(const Written *written, const Piece *function, bool f64);

/* ---- inspect_count.c ---- */

/* The multiply-adds of a kernel over its slices, by evaluating its loops. */
double inspect_products(const Written *written, Piece *function, int64_t slices);

/* ---- inspect_launch.c: the entry points' calls of kernels ---- */

typedef struct LaunchText {
    const char *kernel;
    int64_t slices;
    int call;                         /* the number of its call: launches of one call run together */
    VEC(const char *) fields, places; /* of its arguments: "ids" and "t.ids + 16" */
} LaunchText;
typedef struct LaunchTexts {
    LaunchText *at;
    int count, capacity;
} LaunchTexts;

void inspect_launches(const Written *written, const Piece *function, LaunchTexts *out);
/* Indices that a tensor holds come from a place to which an earlier launch has stored what tg_check_index gave. */
void inspect_indices(const Written *written, Piece *const *kernels, const LaunchTexts *launches);

#endif
