/* profile.c: `tgc profile` times each kernel of an entry point over real calls, beside what the machine can do.
 *
 *     step: 20 calls on 2 threads, 97.5 ms each (estimate 84.1 ms); peak 105.8 GFLOP/s, memory 21.3 GB/s
 *      share   total ms  launches    us each   estimate  GFLOP/s  of peak    GB/s  of memory  kernel
 *      9.6 %     56.231        72    781.0       780.2    128.9    61.2 %     2.8      5.4 %  k68_d_W  backward  ...
 *
 * The instance is timed by the runtime (runtime/profile.c); both rates are measured in the same run, on as many
 * threads; the estimate is the roofline of loop/cost.c at those rates. */
#include "command/command.h"

#include <stdlib.h>
#include <string.h>

enum { WARM_UP = 3, MOST_STEPS = 1000000 };
static const double default_seconds = 2; /* of timing, without --steps */

static const Option options[] = {
    {"--steps", NULL, OPTION_NUMBER, "N", "calls to time (about two seconds of them, at least five)",
     offsetof(Request, steps)},
    {"--threads", NULL, OPTION_NUMBER, "N", "threads (one per core)", offsetof(Request, threads)},
    {"--seed", NULL, OPTION_NUMBER, "N", "of the inputs and first values (0)", offsetof(Request, seed)},
    {"--json", NULL, OPTION_FLAG, NULL, "print one object of JSON", offsetof(Request, json)},
    {NULL, NULL, 0, NULL, NULL, 0}};

typedef struct Row {
    const tg_row *row;
    double launches, seconds;
    double estimate; /* seconds of one launch */
} Row;

typedef struct Profile {
    const tg_entry *entry;
    Row *rows; /* the longest first */
    int row_count, threads;
    double calls, seconds, between, flop, estimate; /* flop and estimate of one call */
    Peak peak;
} Profile;

/* ---- calling ---- */

static uint64_t steps_of(const Request *request, const tg_entry *entry, double seconds) {
    double steps = default_seconds / (seconds > 1e-9 ? seconds : 1e-9);
    uint64_t wanted = steps < 5 ? 5 : steps > 1000 ? 1000 : (uint64_t)steps, whole = (uint64_t)entry->accumulate;
    if (request->steps.given) return request->steps.value < 1 ? 1 : request->steps.value;
    return (wanted + whole - 1) / whole * whole; /* whole updates */
}

static int call_model(const Request *request, Runner *runner, const Entry *entry, Tensors *tensors) {
    const tg_entry *compiled = tg_info_entry(runner->data->info, entry->name);
    int status = STATUS_OK, warm_up = WARM_UP * compiled->accumulate;
    int64_t begun = 0;
    for (int i = 0; i < warm_up && !status; i++) {
        begun = tg_clock();
        status = runner_call(runner, entry, tensors);
    }
    if (status) return status;
    uint64_t steps = steps_of(request, compiled, (double)(tg_clock() - begun) * 1e-9);
    if (steps > MOST_STEPS) steps = MOST_STEPS;
    if (tg_profile_start(runner->data)) {
        complain("no memory for a profile");
        return STATUS_INTERNAL;
    }
    for (uint64_t i = 0; i < steps && !status; i++) status = runner_call(runner, entry, tensors);
    return status;
}

/* ---- what was measured ---- */

static int by_seconds(const void *left, const void *right) {
    const Row *l = left, *r = right;
    if (l->seconds != r->seconds) return l->seconds < r->seconds ? 1 : -1;
    return (l->row > r->row) - (l->row < r->row);
}

/* By launch in turn, the seconds a roofline gives. */
static void add_estimates(Profile *profile, const Compile *compile) {
    int *launches = NEW_ARRAY(compile->arena, int, profile->entry->row_count + 1);
    for (int i = 0, turn = 0; i < compile->output.launches.count; i++) {
        const OutputLaunch *launch = &compile->output.launches.at[i];
        if (strcmp(compile->model->entries.at[launch->entry]->name, profile->entry->name) != 0) continue;
        if (turn == profile->entry->launch_count) fatal("emit", "more launches than the table says");
        int row = profile->entry->launches[turn++];
        double seconds =
            cost_at(launch->function, profile->peak.gflops / profile->threads, profile->peak.gbytes, profile->threads)
                .seconds;
        profile->rows[row].estimate += (seconds - profile->rows[row].estimate) / ++launches[row]; /* the mean */
    }
}

static void profile_fill(Profile *profile, const Runner *runner, const Compile *compile) {
    uint64_t calls;
    int64_t between;
    const tg_time *times = tg_profile_times(runner->data, profile->entry, &calls, &between);
    profile->calls = (double)calls;
    profile->seconds = profile->between = (double)between * 1e-9;
    profile->rows = NEW_ARRAY(compile->arena, Row, profile->entry->row_count + 1);
    add_estimates(profile, compile);
    for (int i = 0; i < profile->entry->row_count; i++) {
        if (!times[i].count) continue;
        Row row = {.row = &profile->entry->rows[i], .estimate = profile->rows[i].estimate};
        row.launches = (double)times[i].count;
        row.seconds = (double)times[i].nanoseconds * 1e-9;
        profile->rows[profile->row_count++] = row;
        profile->seconds += row.seconds;
        profile->flop += row.launches * row.row->flop / profile->calls;
        profile->estimate += row.launches * row.estimate / profile->calls;
    }
    qsort(profile->rows, (size_t)profile->row_count, sizeof *profile->rows, by_seconds);
}

/* ---- the report ---- */

static const char *const phases[] = {"forward", "backward", "update"};

static double percent(double part, double whole) {
    return whole > 0 ? 100 * part / whole : 0;
}

/* Rates in 1e9 a second. */
static double rate(const Row *row, double work) {
    return row->seconds > 0 ? work * row->launches / row->seconds * 1e-9 : 0;
}

static void print_row(Text *text, const Profile *profile, const Row *row) {
    double gflops = rate(row, row->row->flop), gbytes = rate(row, row->row->bytes);
    text_printf(text, "%6.2f %% %10.3f %9.0f %10.2f %10.2f %8.1f %6.1f %% %7.1f %8.1f %%  %s  %s  %s\n",
                percent(row->seconds, profile->seconds), row->seconds * 1e3, row->launches,
                row->seconds / row->launches * 1e6, row->estimate * 1e6, gflops, percent(gflops, profile->peak.gflops),
                gbytes, percent(gbytes, profile->peak.gbytes), row->row->name, phases[row->row->phase],
                row->row->origin);
}

static void print_table(Text *text, const Profile *profile) {
    const char *plural = profile->calls == 1 ? "" : "s";
    double gflops = profile->seconds > 0 ? profile->flop * profile->calls / profile->seconds * 1e-9 : 0;
    text_printf(text, "%s: %.0f call%s on %d thread%s, %.3f ms each, estimate %.3f ms\n", profile->entry->name,
                profile->calls, plural, profile->threads, profile->threads == 1 ? "" : "s",
                profile->seconds / profile->calls * 1e3, profile->estimate * 1e3);
    text_printf(text, "  %.4g GFLOP a call, %.1f GFLOP/s: %.1f %% of the peak of %.1f GFLOP/s; memory %.1f GB/s\n\n",
                profile->flop * 1e-9, gflops, percent(gflops, profile->peak.gflops), profile->peak.gflops,
                profile->peak.gbytes);
    text_printf(text, "%8s %10s %9s %10s %10s %8s %8s %7s %10s  %s\n", "share", "total ms", "launches", "us each",
                "estimate", "GFLOP/s", "of peak", "GB/s", "of memory", "kernel");
    for (int i = 0; i < profile->row_count; i++) print_row(text, profile, &profile->rows[i]);
    text_printf(text, "%6.2f %% %10.3f  between launches\n", percent(profile->between, profile->seconds),
                profile->between * 1e3);
}

static void json_string(Text *text, const char *string) {
    text_add(text, "\"");
    for (; *string; string++)
        text_printf(text, *string == '"' || *string == '\\' ? "\\%c" : "%c", *string == '\t' ? ' ' : *string);
    text_add(text, "\"");
}

static void print_json(Text *text, const Profile *profile) {
    text_printf(text,
                "{\"entry\": \"%s\", \"calls\": %.0f, \"threads\": %d, \"seconds\": %.9f, \"between\": %.9f,\n"
                " \"flop\": %.0f, \"estimate\": %.9f, \"peak_gflops\": %.6g, \"peak_gbytes\": %.6g,\n \"rows\": [",
                profile->entry->name, profile->calls, profile->threads, profile->seconds, profile->between,
                profile->flop, profile->estimate, profile->peak.gflops, profile->peak.gbytes);
    for (int i = 0; i < profile->row_count; i++) {
        const Row *row = &profile->rows[i];
        text_printf(text,
                    "%s\n  {\"kernel\": \"%s\", \"value\": \"%s\", \"phase\": \"%s\", \"launches\": %.0f, "
                    "\"seconds\": %.9f, \"share\": %.6f, \"estimate\": %.9f, \"flop\": %.0f, \"bytes\": %.0f, "
                    "\"gflops\": %.6g, \"gbytes\": %.6g, \"origin\": ",
                    i ? "," : "", row->row->name, row->row->value, phases[row->row->phase], row->launches, row->seconds,
                    percent(row->seconds, profile->seconds) / 100, row->estimate, row->row->flop, row->row->bytes,
                    rate(row, row->row->flop), rate(row, row->row->bytes));
        json_string(text, row->row->origin);
        text_add(text, "}");
    }
    text_add(text, "]}\n");
}

/* ---- the command ---- */

static int measure(Request *request, Compile *compile, const char *name) {
    Runner runner = {0};
    Tensors tensors;
    compile->only = name;
    int status = runner_build(&runner, compile, request);
    if (!status) {
        const Entry *entry = entry_named(request, compile->model, name);
        Profile profile = {.entry = tg_info_entry(runner.data->info, name)};
        profile.threads = tg_pool_threads(runner.data->pool);
        if (!peak_measure(compile, profile.threads, compile->model->f64, &profile.peak)) status = STATUS_CC;
        tensors_init(&tensors, request->arena, entry, compile->model->f64);
        tensors_random(&tensors, request->seed.value);
        if (!status) status = call_model(request, &runner, entry, &tensors);
        if (!status) {
            profile_fill(&profile, &runner, compile);
            Text text;
            text_init(&text, request->arena);
            (request->json ? print_json : print_table)(&text, &profile);
            if (!write_stdout(text.at, text.length)) status = STATUS_FILE;
        }
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

const Command command_profile = {.name = "profile",
                                 .arguments = "FILE [ENTRY]",
                                 .does = "Time every kernel of an entry point on random inputs.",
                                 .more = "A row is a kernel and a line of the model. The estimate is the longer of "
                                         "arithmetic at the\nmeasured peak and traffic at the measured rate of "
                                         "memory. TG_PROFILE=1 in the environment\nprints such a table for any "
                                         "program that holds a model.",
                                 .options = options,
                                 .compiles = true,
                                 .least = 1,
                                 .most = 2,
                                 .run = run};
