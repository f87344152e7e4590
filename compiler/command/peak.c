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

/* One figure; 0 without. */
static double run_peak(const Compile *compile, const char *folder, const char *program, const char *figure,
                       int threads) {
    const char *output = arena_printf(compile->arena, "%s/peak.txt", folder);
    const char *count = arena_printf(compile->arena, "%d", threads);
    const char *words[] = {program, figure, count, NULL};
    size_t size;
    double rate;
    if (program_run(words, output) != 0) return 0;
    const char *text = text_read_file(compile->arena, output, &size);
    return text && sscanf(text, "%*s %*d %lf", &rate) == 1 ? rate : 0;
}

bool peak_measure(const Compile *compile, int threads, bool f64, Peak *peak) {
    Scratch scratch;
    *peak = (Peak){0};
    if (!scratch_open(&scratch)) return false;
    const char *source = arena_printf(compile->arena, "%s/peak.c", scratch.path);
    const char *program = arena_printf(compile->arena, "%s/peak", scratch.path);
    if (compile_peak(compile, source, program)) {
        peak->gflops = run_peak(compile, scratch.path, program, "fma", threads) / (f64 ? 2 : 1);
        peak->gbytes = run_peak(compile, scratch.path, program, "triad", threads);
    }
    scratch_close(&scratch);
    if (peak->gflops <= 0) complain("the peak rate of multiply-adds cannot be measured");
    if (peak->gbytes <= 0) complain("the rate of memory cannot be measured");
    return peak->gflops > 0 && peak->gbytes > 0;
}

double peak_gflops(const Compile *compile, int threads, bool f64) {
    Scratch scratch;
    if (!scratch_open(&scratch)) return 0;
    const char *source = arena_printf(compile->arena, "%s/peak.c", scratch.path);
    const char *program = arena_printf(compile->arena, "%s/peak", scratch.path);
    double rate = compile_peak(compile, source, program) ? run_peak(compile, scratch.path, program, "fma", threads) : 0;
    scratch_close(&scratch);
    if (rate <= 0) complain("the peak rate of multiply-adds cannot be measured");
    return f64 ? rate / 2 : rate;
}
