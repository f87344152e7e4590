/* bench.c: `tgc bench` times an entry point on random inputs.
 *
 *     step: 101.3 ms median, 99.8 ms at best of 20 steps on 2 threads
 *
 * A few calls warm up; then each call is timed. The peak is measured in the same run, on as many threads. Memory is the
 * most that this process had resident while it called the model; the model's own is what it had not before it held one.
 */
#include "command/command.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WARM_UP = 3, MOST_STEPS = 1000000 };
static const double default_seconds = 2; /* of timing, without --steps */

static const Option options[] = {
    {"--steps", NULL, OPTION_NUMBER, "N", "calls to time (about two seconds of them, at least five)",
     offsetof(Request, steps)},
    {"--threads", NULL, OPTION_NUMBER, "N", "threads (one per core)", offsetof(Request, threads)},
    {"--seed", NULL, OPTION_NUMBER, "N", "of the inputs and first values (0)", offsetof(Request, seed)},
    {"--json", NULL, OPTION_FLAG, NULL, "print one line of JSON", offsetof(Request, json)},
    {NULL, NULL, 0, NULL, NULL, 0}};

typedef struct Times {
    double low, median, high, least; /* milliseconds; low and high are the quartiles */
    int count;
} Times;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int compare(const void *left, const void *right) {
    double l = *(const double *)left, r = *(const double *)right;
    return (l > r) - (l < r);
}

/* Seconds of one call, negative when it failed; *status says why. */
static double call_once(Runner *runner, const Entry *entry, Tensors *tensors, int *status) {
    double begun = now();
    *status = runner_call(runner, entry, tensors);
    return *status ? -1 : now() - begun;
}

static int steps_of(const Request *request, double seconds) {
    if (request->steps.given) {
        uint64_t steps = request->steps.value;
        return steps < 1 ? 1 : steps > MOST_STEPS ? MOST_STEPS : (int)steps;
    }
    double steps = default_seconds / (seconds > 1e-9 ? seconds : 1e-9);
    return steps < 5 ? 5 : steps > 1000 ? 1000 : (int)steps;
}

static int time_calls(const Request *request, Runner *runner, const Entry *entry, Tensors *tensors, Times *times) {
    int status = STATUS_OK;
    double seconds = 0;
    for (int i = 0; i < WARM_UP && !status; i++) seconds = call_once(runner, entry, tensors, &status);
    if (status) return status;
    times->count = steps_of(request, seconds);
    double *each = NEW_ARRAY(request->arena, double, times->count);
    for (int i = 0; i < times->count && !status; i++) each[i] = call_once(runner, entry, tensors, &status);
    qsort(each, (size_t)times->count, sizeof *each, compare);
    times->least = each[0] * 1e3;
    times->low = each[times->count / 4] * 1e3;
    times->high = each[3 * times->count / 4] * 1e3;
    times->median = (each[(times->count - 1) / 2] + each[times->count / 2]) / 2 * 1e3;
    return status;
}

/* ---- the report ---- */

typedef struct Report {
    const tg_entry *entry;
    Times times;
    double peak, resident, of_model, compile_seconds; /* the resident bytes, those of the model among them */
    int threads;
} Report;

static void print_json(Text *text, const Report *report, double gflops) {
    text_printf(text,
                "{\"entry\": \"%s\", \"ms_median\": %.6g, \"ms_low\": %.6g, \"ms_high\": %.6g, \"ms_min\": %.6g, "
                "\"flop\": %.0f, \"gflops\": %.6g, \"peak_gflops\": %.6g, \"arena_bytes\": %zu, \"rss_bytes\": %.0f, "
                "\"model_bytes\": %.0f, \"compile_s\": %.6g, \"steps\": %d, \"threads\": %d}\n",
                report->entry->name, report->times.median, report->times.low, report->times.high, report->times.least,
                report->entry->flop, gflops, report->peak, report->entry->arena_bytes, report->resident,
                report->of_model, report->compile_seconds, report->times.count, report->threads);
}

static void print_table(Text *text, const Report *report, double gflops) {
    const double mega = 1 << 20;
    text_printf(text, "%s: %d calls on %d thread%s\n", report->entry->name, report->times.count, report->threads,
                report->threads == 1 ? "" : "s");
    text_printf(text, "  time      %10.3f ms median, %.3f ms at best\n", report->times.median, report->times.least);
    text_printf(text, "  work      %10.3f GFLOP, %.1f GFLOP/s\n", report->entry->flop * 1e-9, gflops);
    text_printf(text, "  peak      %10.1f GFLOP/s measured, of which %.1f %%\n", report->peak,
                report->peak > 0 ? 100 * gflops / report->peak : 0);
    text_printf(text, "  memory    %10.1f MiB arena, %.1f MiB resident\n", (double)report->entry->arena_bytes / mega,
                report->resident / mega);
    text_printf(text, "  compiling %10.2f s\n", report->compile_seconds);
}

static int measure(Request *request, Compile *compile, const char *name) {
    Runner runner = {0};
    Tensors tensors;
    compile->only = name;
    int status = runner_build(&runner, compile, request);
    if (!status) {
        const Entry *entry = entry_named(request, compile->model, name);
        Report report = {.threads = tg_pool_threads(runner.data->pool), .compile_seconds = compile->total_seconds};
        report.peak = peak_gflops(compile, report.threads, compile->model->f64);
        report.entry = tg_info_entry(runner.data->info, name);
        tensors_init(&tensors, request->arena, entry, compile->model->f64);
        tensors_random(&tensors, request->seed.value);
        resident_reset();
        status = time_calls(request, &runner, entry, &tensors, &report.times);
        report.resident = resident_most();
        report.of_model = report.resident - runner.resident_before;
        double gflops = report.entry->flop / (report.times.median * 1e6);
        Text text;
        text_init(&text, request->arena);
        (request->json ? print_json : print_table)(&text, &report, gflops);
        if (!status && !write_stdout(text.at, text.length)) status = STATUS_FILE;
    }
    runner_free(&runner);
    return status;
}

static int run(Request *request) {
    Compile compile;
    if (request->stop_after) return compile_request(request, &compile) ? pipeline_run(&compile) : STATUS_USAGE;
    int status = compile_begin(request, &compile);
    if (status) return status;
    const Entry *entry = entry_named(request, compile.model, request->words.count > 1 ? request->words.at[1] : NULL);
    if (!entry) return compile.model->entries.count ? STATUS_USAGE : STATUS_CONTENT;
    return measure(request, &compile, entry->name);
}

const Command command_bench = {.name = "bench",
                               .arguments = "FILE [ENTRY]",
                               .does = "Time an entry point on random inputs.",
                               .more = "Floats are normal, integers uniform in the range that their uses allow.",
                               .options = options,
                               .compiles = true,
                               .least = 1,
                               .most = 2,
                               .run = run};
