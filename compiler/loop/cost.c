/* cost.c: how long a function should take, by a roofline.
 *
 * In: the operations and bytes that loop_check counted in its loops, a peak and a rate of memory. Out: a Cost.
 * Arithmetic runs at the peak of as many cores as have slices to run, bytes at the one rate that all cores share, and
 * the longer of the two is the estimate:
 *
 *     604 MFLOP, 11.4 MB on one core of 116 GFLOP/s and 40 GB/s: max(5.2 ms, 0.29 ms) = 5.2 ms, 53 operations a byte
 *
 * An estimate is a floor: caches, packing and the cost of functions such as exp (counted as one operation) are left
 * out, so the share of a step is what it is good for. */
#include "loop/loop.h"

Cost cost_at(const Function *function, double gflops, double gbytes, int threads) {
    double cores = (double)(function->slices < threads ? function->slices : threads);
    double arithmetic = function->flop / (gflops * 1e9 * (cores < 1 ? 1 : cores)),
           traffic = function->bytes / (gbytes * 1e9);
    return (Cost){.flop = function->flop,
                  .bytes = function->bytes,
                  .intensity = function->bytes > 0 ? function->flop / function->bytes : 0,
                  .seconds = arithmetic > traffic ? arithmetic : traffic,
                  .memory_bound = traffic > arithmetic};
}

Cost cost_of(const Function *function, const Machine *machine, bool f64, int threads) {
    return cost_at(function, f64 ? machine->gflops / 2 : machine->gflops, machine->gbytes, threads);
}

double cost_of_program(const Program *program, const Machine *machine, int threads) {
    double seconds = 0;
    for (int i = 0; i < program->functions.count; i++)
        seconds += cost_of(program->functions.at[i], machine, program->schedule->model->f64, threads).seconds;
    return seconds;
}
