/* tune.c: `tgc tune` measures tiles of a model's products on this machine and writes down which is best for each.
 *
 *     tgc tune m.tg step -o m.tune        m.tune: a line per product
 *     tgc build m.tg --tune m.tune        takes those tiles; everything else by the cost model
 *
 * Three comparisons: the cost model's tile with its candidates, the winners with theirs, and the cost model's with what
 * won, which has the last word. Another tile wins if it was ahead in every round. */
#include "command/tune.h"

#include <stdlib.h>
#include <string.h>

static const double default_seconds = 20;
static const double ahead = 0.98; /* of the time, at most, in every round */

/* What part of the time each comparison has. */
static const double first_part = 0.5, second_part = 0.25, last_part = 0.25;

static const Option options[] = {
    {"--output", "-o", OPTION_TEXT, "FILE", "where the tiles go (standard output)", offsetof(Request, output)},
    {"--seconds", NULL, OPTION_NUMBER, "S", "of measuring, after building (20)", offsetof(Request, seconds)},
    {"--list", NULL, OPTION_FLAG, NULL, "print what would be measured, and measure nothing", offsetof(Request, list)},
    {"--threads", NULL, OPTION_NUMBER, "N", "threads (one per core)", offsetof(Request, threads)},
    {"--seed", NULL, OPTION_NUMBER, "N", "of the inputs and first values (0)", offsetof(Request, seed)},
    {NULL, NULL, 0, NULL, NULL, 0}};

/* ---- the products ---- */

static void add_kernel(Tuning *tuning, const Schedule *schedule, const Kernel *kernel) {
    ProductFacts facts = product_facts(schedule, kernel, tuning->machine);
    for (int i = 0; i < tuning->subjects.count; i++)
        if (product_equal(&tuning->subjects.at[i].facts.shape, &facts.shape)) {
            tuning->subjects.at[i].kernels++;
            return;
        }
    Subject subject = {.facts = facts, .kernels = 1, .best = tile_best(&facts)};
    vec_push(tuning->arena, &tuning->subjects, subject);
}

static int find_products(Tuning *tuning) {
    Compile compile;
    int status = compile_begin(tuning->request, &compile);
    if (status) return status;
    if (!compile.model->entries.count) {
        complain("%s has no entry point: write a graph or train item", compile.model->source->path);
        return STATUS_CONTENT;
    }
    if (tuning->entry) {
        const Entry *entry = entry_named(tuning->request, compile.model, tuning->entry);
        if (!entry) return STATUS_USAGE;
        tuning->entry = compile.only = entry->name;
    }
    compile.stop_after = "tile";
    status = pipeline_resume(&compile);
    tuning->machine = compile.machine;
    tuning->f64 = compile.options.f64;
    for (int i = 0; i < compile.schedules.count && !status; i++) {
        const Schedule *schedule = compile.schedules.at[i];
        for (int k = 0; k < schedule->kernels.count; k++)
            if (schedule->kernels.at[k]->kind == KERNEL_CONTRACT) add_kernel(tuning, schedule, schedule->kernels.at[k]);
    }
    return status;
}

/* ---- what was measured ---- */

/* The time of a choice over that of the first one, by the median of the rounds; 1 where it was not ahead in all. */
static double ratio_of(Arena *arena, const Subject *subject, int choice) {
    int rounds = subject->seconds[choice].count;
    double *ratios = NEW_ARRAY(arena, double, rounds + 1);
    for (int r = 0; r < rounds; r++) {
        ratios[r] = subject->seconds[choice].at[r] / subject->seconds[0].at[r];
        if (!(ratios[r] <= ahead)) return 1;
    }
    return rounds ? median(arena, ratios, rounds) : 1;
}

/* The best choice: the first one, or what was ahead of it by most. */
static void take_best(Arena *arena, Subject *subject) {
    double best = 1;
    subject->best = subject->choice[0];
    for (int choice = 1; choice < subject->count; choice++) {
        double ratio = ratio_of(arena, subject, choice);
        if (ratio >= best) continue;
        best = ratio;
        subject->best = subject->choice[choice];
    }
}

/* ---- comparisons ---- */

/* With --verbose: every choice of every product, its time, and least and most of it over the first one's. */
static void show_times(const Tuning *tuning, const Subject *subject) {
    for (int choice = 0; choice < subject->count; choice++) {
        const TileChoice *tile = &subject->choice[choice];
        double least = 0, most = 0;
        for (int r = 0; r < tuning->rounds; r++) {
            double ratio = subject->seconds[choice].at[r] / subject->seconds[0].at[r];
            if (r == 0 || ratio < least) least = ratio;
            if (ratio > most) most = ratio;
        }
        fprintf(stderr, "%8.4g ms, %.3f to %.3f  %s\n",
                1e3 * median(tuning->arena, subject->seconds[choice].at, tuning->rounds), least, most,
                tuned_row(tuning->arena, &subject->facts.shape, tile));
    }
}

static int say_compare(Tuning *tuning, const char *what, double seconds) {
    fprintf(stderr, "tgc: %s\n", what);
    int status = tune_compare(tuning, seconds);
    if (!status && tuning->dropped)
        fprintf(stderr, "tgc: %d of %d rounds left out: the machine's peak changed beside them\n", tuning->dropped,
                tuning->dropped + tuning->rounds);
    for (int i = 0; i < tuning->subjects.count && !status && tuning->request->verbose; i++)
        show_times(tuning, &tuning->subjects.at[i]);
    return status;
}

/* Candidates around the best so far; `only` those that have left the cost model's. Returns how many there are. */
static int set_candidates(Tuning *tuning, bool only) {
    int most = 1;
    for (int i = 0; i < tuning->subjects.count; i++) {
        Subject *subject = &tuning->subjects.at[i];
        TileChoice model = tile_best(&subject->facts);
        subject->count = tile_candidates(&subject->facts, &subject->best, subject->choice);
        if (only && tile_equal(&model, &subject->best)) subject->count = 1;
        if (subject->count > most) most = subject->count;
    }
    return most;
}

/* The cost model's tile and the winner. */
static void set_finals(Tuning *tuning) {
    for (int i = 0; i < tuning->subjects.count; i++) {
        Subject *subject = &tuning->subjects.at[i];
        subject->choice[0] = tile_best(&subject->facts);
        subject->choice[1] = subject->best;
        subject->count = tile_equal(&subject->choice[0], &subject->best) ? 1 : 2;
    }
}

static void take_all(Tuning *tuning) {
    for (int i = 0; i < tuning->subjects.count; i++) take_best(tuning->arena, &tuning->subjects.at[i]);
}

static int measure(Tuning *tuning, double seconds) {
    int most = set_candidates(tuning, false);
    int status = say_compare(
        tuning, arena_printf(tuning->arena, "%d products, %d variants of each at most", tuning->subjects.count, most),
        first_part * seconds);
    if (status) return status;
    take_all(tuning);
    if (set_candidates(tuning, true) > 1) {
        status = say_compare(tuning, "what won, and its neighbours", second_part * seconds);
        if (status) return status;
        take_all(tuning);
    }
    set_finals(tuning);
    status = say_compare(tuning, "what won, and the cost model's", last_part * seconds);
    if (!status) take_all(tuning);
    return status;
}

/* ---- the file ---- */

static const char *note_of(Tuning *tuning, const Subject *subject) {
    TileChoice model = tile_best(&subject->facts);
    const char *which = subject->kernels == 1 ? "" : arena_printf(tuning->arena, ", %d kernels", subject->kernels);
    double first = 1e3 * median(tuning->arena, subject->seconds[0].at, subject->seconds[0].count);
    if (tile_equal(&model, &subject->best))
        return arena_printf(tuning->arena, "%.4g ms%s: the cost model's", first, which);
    double second = 1e3 * median(tuning->arena, subject->seconds[1].at, subject->seconds[1].count);
    return arena_printf(tuning->arena, "%.4g ms%s: %.1f %% less than the cost model's %.4g", second, which,
                        100 * (1 - second / first), first);
}

static void add_row(Tuning *tuning, Tuned *tuned, const Subject *subject, TileChoice choice, const char *note) {
    TunedRow row = {.machine = tuning->machine->name, .f64 = tuning->f64, .threads = tuning->threads, .note = note};
    row.shape = subject->facts.shape;
    row.choice = choice;
    vec_push(tuning->arena, &tuned->rows, row);
}

static int put(Tuning *tuning, const Tuned *tuned, const char *about) {
    Text text;
    text_init(&text, tuning->arena);
    tuned_print(&text, tuned, about);
    const char *path = tuning->request->output;
    if (path && strcmp(path, "-") != 0) return file_written(path, &text) ? STATUS_OK : STATUS_FILE;
    return write_stdout(text.at, text.length) ? STATUS_OK : STATUS_FILE;
}

static int put_measured(Tuning *tuning) {
    Tuned tuned = {0};
    int changed = 0;
    for (int i = 0; i < tuning->subjects.count; i++) {
        const Subject *subject = &tuning->subjects.at[i];
        TileChoice model = tile_best(&subject->facts);
        changed += !tile_equal(&model, &subject->best);
        add_row(tuning, &tuned, subject, subject->best, note_of(tuning, subject));
    }
    double before = 1e3 * median(tuning->arena, tuning->calls[0].at, tuning->calls[0].count);
    double after = 1e3 * median(tuning->arena, tuning->calls[1].at, tuning->calls[1].count);
    const char *gain = changed ? arena_printf(tuning->arena, "%.4g -> %.4g ms, ", before, after) : "";
    const char *about = arena_printf(tuning->arena, "%s: %s%d of %d products gained, peak %.0f to %.0f GFLOP/s",
                                     tuning->entry ? tuning->entry : "all entry points", gain, changed,
                                     tuning->subjects.count, tuning->least, tuning->most);
    fprintf(stderr, "tgc: %s\n", about);
    return put(tuning, &tuned, about);
}

static int put_candidates(Tuning *tuning) {
    Tuned tuned = {0};
    set_candidates(tuning, false);
    tuning->threads = 1;
    for (int i = 0; i < tuning->subjects.count; i++)
        for (int choice = 0; choice < tuning->subjects.at[i].count; choice++)
            add_row(tuning, &tuned, &tuning->subjects.at[i], tuning->subjects.at[i].choice[choice],
                    choice ? "a candidate" : "the cost model's");
    return put(tuning, &tuned, "candidates, nothing measured: the first of each product counts");
}

/* ---- the command ---- */

static int run(Request *request) {
    Tuning tuning = {.request = request, .arena = request->arena};
    if (request->words.count > 1) tuning.entry = request->words.at[1];
    if (request->tune) return usage_error(request, "tgc tune measures tiles: --tune is for the commands that use them");
    if (strcmp(request->words.at[0], "-") == 0 && !request->list)
        return usage_error(request, "tgc tune reads its file several times: it can't be standard input");
    int status = find_products(&tuning);
    if (status || request->stop_after) return status;
    if (!tuning.subjects.count) {
        complain("%s has no product to tune", request->words.at[0]);
        return STATUS_CONTENT;
    }
    if (request->list) return put_candidates(&tuning);
    double seconds = request->seconds.given ? (double)request->seconds.value : default_seconds;
    status = measure(&tuning, seconds);
    return status ? status : put_measured(&tuning);
}

const Command command_tune = {.name = "tune",
                              .arguments = "FILE [ENTRY]",
                              .does = "Measure tiles for a model's products on this machine.",
                              .more =
                                  "Builds variants of the model, times its products in turns and writes the best tile "
                                  "of each.\nOther commands take the file with --tune.",
                              .options = options,
                              .compiles = true,
                              .least = 1,
                              .most = 2,
                              .run = run};
