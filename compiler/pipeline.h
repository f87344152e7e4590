/* pipeline.h: a compile and the table of passes that it goes through.
 *
 *     Compile compile;
 *     compile_init(&compile, arena, "m.tg");     then set options, stop_after, build.path …
 *     int status = pipeline_run(&compile);       messages are on stderr by then
 */
#ifndef TGC_PIPELINE_H
#define TGC_PIPELINE_H

#include "emit/emit.h"
#include "kernel/tuned.h"
#include "pass/pass.h"

enum { PASS_LIMIT = 24 };

typedef struct Compile {
    Arena *arena;
    Names *names;
    Diag *diag;

    /* what was asked for */
    const char *path; /* of the .tg file */
    Options options;
    const char *target;     /* a machine; native by default */
    const char *stop_after; /* the name of the last pass to run; NULL: inspect, or build when build.path is set */
    const char *dump;       /* the name of the pass to dump after, "all", or NULL */
    FILE *dump_to;          /* stdout by default */
    const char *only;       /* the one entry that goes on past expand; NULL: all */
    bool apart;             /* every operation is a kernel of its own */
    const char *tune;       /* a file of measured tiles, or NULL */
    size_t memory;          /* the arena of an entry point has at most so many bytes; 0: as many as it takes */
    int64_t block_rows;     /* of the blocks that products before a loss are computed in; 0: whole */
    bool skip_inspect;
    bool timings; /* seconds of each pass on stderr */
    bool colour;  /* of messages; by default what stderr and NO_COLOR say */
    Output output;
    Build build;

    /* what the passes made */
    Source *source;
    File *file;
    Model *model;
    const Machine *machine;
    Tuned *tuned;              /* what `tune` holds, or set before by who has measured; NULL: the cost model alone */
    VEC(Schedule *) schedules; /* one per entry */
    VEC(Program *) programs;
    Text inspected;
    int status;                 /* the exit status so far */
    int next;                   /* the row of the table that runs next */
    double seconds[PASS_LIMIT]; /* by row of the table */
    double total_seconds;
} Compile;

typedef struct Pass {
    const char *name;
    const char *does; /* one line */
    void (*run)(Compile *compile);
    void (*check)(const Compile *compile, const char *pass); /* after it; NULL: nothing to check */
    void (*dump)(Text *text, const Compile *compile);
} Pass;

extern const Pass pass_table[]; /* ends with a NULL name */

void compile_init(Compile *compile, Arena *arena, const char *path);
const Pass *pass_find(const char *name); /* NULL if there is none */
void passes_print(Text *text);           /* --passes: a row per line */
/* Runs the rows up to stop_after. Returns the exit status: 0, 1 (mistakes in the .tg file), 2 (an unknown -D name or
 * target or pass), 3 (a file can't be read or written), 4 (the C compiler). Messages have been printed to stderr. */
int pipeline_run(Compile *compile);
/* Goes on after the row that a run stopped after, up to the new stop_after. */
int pipeline_resume(Compile *compile);

#endif
