/* peak.c: what the machine can do at most, measured by bench/peak.c, which is built into the compiler.
 *
 * In: the machine a model was compiled for, and a number of threads. Out: GFLOP/s of multiply-adds in f32 (in f64 a
 * vector holds half as many, so the rate is half), and GB/s of a = b + 3 c over arrays far past every cache. */
#include "command/command.h"

#include <stdlib.h>
#include <string.h>

/* Splits the machine's flags into words. */
static void add_flags(Arena *arena, WordList *words, const char *flags) {
    char *copy = arena_printf(arena, "%s", flags), *rest = copy;
    for (char *word; (word = strtok_r(rest, " ", &rest));) vec_push(arena, words, (const char *)word);
}

static bool compile_peak(const Compile *compile, const char *source, const char *program) {
    static const char *const always[] = {"-std=gnu11", "-O3", "-ffp-contract=fast", "-pthread", "-o"};
    WordList words = {0};
    Arena *arena = compile->arena;
    vec_push(arena, &words, compile->build.cc ? compile->build.cc : "clang");
    add_flags(arena, &words, compile->machine->flags);
    for (size_t i = 0; i < sizeof always / sizeof *always; i++) vec_push(arena, &words, always[i]);
    vec_push(arena, &words, program);
    vec_push(arena, &words, source);
    vec_push(arena, &words, NULL);
    return text_write_file(source, embedded_bench[0].text, embedded_bench[0].size) && program_run(words.at, NULL) == 0;
}

bool peak_open(PeakMeter *meter, const Compile *compile) {
    *meter = (PeakMeter){.compile = compile};
    if (!scratch_open(&meter->scratch)) return false;
    const char *source = arena_printf(compile->arena, "%s/peak.c", meter->scratch.path);
    meter->program = arena_printf(compile->arena, "%s/peak", meter->scratch.path);
    if (compile_peak(compile, source, meter->program)) return true;
    peak_close(meter);
    complain("the peak rate of multiply-adds cannot be measured");
    return false;
}

void peak_close(PeakMeter *meter) {
    if (meter->scratch.path) scratch_close(&meter->scratch);
}

/* One figure; 0 after a message. */
static double run_peak(const PeakMeter *meter, const char *figure, const char *called, int threads) {
    Arena *arena = meter->compile->arena;
    const char *output = arena_printf(arena, "%s/peak.txt", meter->scratch.path);
    const char *words[] = {meter->program, figure, arena_printf(arena, "%d", threads), NULL};
    size_t size;
    double rate = 0;
    const char *text = program_run(words, output) == 0 ? text_read_file(arena, output, &size) : NULL;
    if (text && sscanf(text, "%*s %*d %lf", &rate) == 1 && rate > 0) return rate;
    complain("the %s cannot be measured", called);
    return 0;
}

double peak_now(const PeakMeter *meter, int threads) {
    return run_peak(meter, "fma", "peak rate of multiply-adds", threads);
}

bool peak_measure(const Compile *compile, int threads, bool f64, Peak *peak) {
    PeakMeter meter;
    *peak = (Peak){0};
    if (!peak_open(&meter, compile)) {
        complain("the rate of memory cannot be measured");
        return false;
    }
    peak->gflops = peak_now(&meter, threads) / (f64 ? 2 : 1);
    peak->gbytes = run_peak(&meter, "triad", "rate of memory", threads);
    peak_close(&meter);
    return peak->gflops > 0 && peak->gbytes > 0;
}

double peak_gflops(const Compile *compile, int threads, bool f64) {
    PeakMeter meter;
    if (!peak_open(&meter, compile)) return 0;
    double rate = peak_now(&meter, threads);
    peak_close(&meter);
    return f64 ? rate / 2 : rate;
}
