/* cost.h: what a function costs, by the counts of its loops (cost.c). It stands apart from loop.h, whose names meet
 * those of the syntax tree, so that commands can ask too. */
#ifndef TGC_COST_H
#define TGC_COST_H

#include "kernel/kernel.h"

typedef struct Function Function; /* loop/loop.h */
typedef struct Program Program;

typedef struct Cost {
    double flop, bytes; /* as loop_check counted them */
    double intensity;   /* operations a byte; 0 where no byte moves */
    double seconds;     /* estimate: the longer of arithmetic at the peak and traffic at the rate of memory */
    bool memory_bound;  /* traffic is the longer */
} Cost;

/* `gflops` is the peak of one core in the function's float type, `gbytes` the rate of memory that all share, both in
 * 1e9 a second. On `threads` cores no more work at once than there are slices. */
Cost cost_at(const Function *function, double gflops, double gbytes, int threads);
/* The same at what the machine's row states. */
Cost cost_of(const Function *function, const Machine *machine, bool f64, int threads);
/* The seconds of a whole program, one function after the other. */
double cost_of_program(const Program *program, const Machine *machine, int threads);

#endif
