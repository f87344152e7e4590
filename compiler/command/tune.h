/* tune.h: what tune.c (which tiles are compared, what is kept) and tune_measure.c (how they are timed) share. */
#ifndef TGC_TUNE_H
#define TGC_TUNE_H

#include "command/command.h"

/* A product of the model: the kernels that tile.c cannot tell apart. */
typedef struct Subject {
    ProductFacts facts;
    int kernels;                        /* of the entry points together */
    TileChoice best;                    /* so far; the cost model's at first */
    TileChoice choice[MOST_CANDIDATES]; /* what is compared now; the first is what others have to be ahead of */
    int count;
    VEC(double) seconds[MOST_CANDIDATES]; /* of a call's launches, a number a round */
} Subject;

typedef struct Tuning {
    Request *request;
    Arena *arena;
    const char *entry; /* NULL: all of them */
    const Machine *machine;
    bool f64;
    int threads;
    VEC(Subject) subjects;
    VEC(double) calls[MOST_CANDIDATES]; /* seconds of a call of each entry point, by variant, a number a round */
    int rounds, dropped;                /* of the last comparison */
    double least, most;                 /* the peak beside its rounds, GFLOP/s */
} Tuning;

/* Builds a variant of the model for the first choice of each subject, one for the second and so on, and times them in
 * turns for about so many seconds. Fills in what was measured. Returns a Status, after a message. */
int tune_compare(Tuning *tuning, double seconds);

double median(Arena *arena, const double *values, int count); /* 0 of none */

#endif
