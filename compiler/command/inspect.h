/* inspect.h: what the files of `tgc inspect` share: a compile seen as rows, one per launch of a kernel. Private to
 * inspect*.c.
 *
 *     Compile --inspect_gather.c--> Inspection --inspect_find.c--> rows chosen by NAMEs
 *       --inspect_table.c, inspect_source.c--> text     --inspect_json.c--> JSON     --inspect_html.c--> a page */
#ifndef TGC_INSPECT_H
#define TGC_INSPECT_H

#include "command/command.h"

typedef struct InspectRow {
    const OutputLaunch *launch;
    const OutputKernel *kernel; /* its text */
    unsigned phases;            /* of its results: 1 << PHASE_FORWARD and so on */
    Cost cost;
    double share;            /* of the entry's estimated seconds */
    const bool *computes;    /* by node id: computed here, in memory's sight or only on the way */
    VEC(const Node *) rules; /* a node for each adjoint rule used here, the main node's first */
    bool chosen;
} InspectRow;

typedef struct InspectEntry {
    const Entry *entry;
    const Schedule *schedule;
    VEC(InspectRow) rows; /* in the order they run */
    const bool *shown;    /* by node id: live, or computed by some row */
    double flop, bytes, seconds;
} InspectEntry;

typedef struct Inspection {
    Arena *arena;
    const Compile *compile;
    int threads;
    VEC(InspectEntry) entries;
    const FunctionText **texts; /* by kernel of the output: where libclang found it in the C */
} Inspection;

/* ---- inspect_gather.c ---- */

/* Of the entry of that name, or of all; the compile has gone as far as inspect. */
Inspection *inspection_make(const Compile *compile, const char *entry, int threads);

/* The C of a kernel: its struct of arguments, its comment, its function. */
const char *inspect_text(const Inspection *inspection, int kernel);
/* What a node reads: its operand or the copy that stands for it, but a copy reads what it copies. */
const Node *inspect_operand(const Schedule *schedule, const Node *node, int index);

/* ---- inspect_find.c ---- */

/* Chooses the rows that compute what `name` says or its adjoint: a kernel, a value, a variable, the path of a module, a
 * line. False after a message of usage. Where it is a value that no kernel computes, `note` says so. */
bool inspection_find(Inspection *inspection, Request *request, const char *name, Text *note);

/* ---- inspect_words.c: facts in words ---- */

const char *kind_word(KernelKind kind);                                 /* "contract" */
const char *file_word(const char *path);                                /* "dir/m.tg" gives "m.tg" */
const char *place_word(Arena *arena, Span span);                        /* "m.tg:31", "" without a place */
const char *line_word(Arena *arena, Span span);                         /* the text of that line */
const char *loops_word(Arena *arena, const Kernel *kernel);             /* "2048 rows of 256" */
const char *tile_word(Arena *arena, const Kernel *kernel);              /* "6 x 4 vectors, B in panels", "" for none */
const char *amount_word(Arena *arena, double amount, const char *unit); /* "604 MFLOP"; without a unit "604 M" */
const char *seconds_word(Arena *arena, double seconds);                 /* "1.2 ms" */
/* "7-9": launches that run together; "here": on the caller's thread; "" for alone. */
const char *together_word(Arena *arena, const OutputLaunch *launch);
/* The same with the kernels of the schedule, packs left out. */
const char *beside_word(Arena *arena, const Output *output, const Kernel *kernel);
const char *node_word(Arena *arena, const Node *node);        /* its name, or v54 */
const char *results_word(Arena *arena, const char *computes); /* lines joined by "; " */

/* ---- the forms ---- */

void inspect_table(Text *text, const Inspection *inspection, int columns); /* columns 0: lines as long as need be */
void inspect_source(Text *text, const Inspection *inspection, bool backward, bool colour); /* of the rows chosen */
void inspect_json(Text *text, const Inspection *inspection);
void inspect_html(Text *text, const Inspection *inspection);

/* ---- highlight.c ---- */

/* C with the escapes of a terminal around comments, keywords, types, numbers and functions. */
void highlight_c(Text *text, const char *source);

#endif
