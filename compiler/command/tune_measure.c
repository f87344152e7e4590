/* tune_measure.c: trials, variants of a model that differ in the tiles of their products, timed in turns.
 *
 *     choice 0, 1, 2 of every product  ->  three libraries  ->  turns 0 1 2, 2 1 0, 0 1 2 …  ->  seconds by product
 *
 * A trial has one choice for each product; what a product takes is told by the runtime's profile, with the kernels
 * that lay out its operands, inside the calls in which it stands. The trials work on one set of parameters and one
 * arena. Between rounds the peak of multiply-adds is measured: a round at whose ends it differs is left out.
 */
#include "command/tune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_ROUNDS = 3, MOST_CALLS = 1000, MOST_TURNS = 9 };
static const double turn_seconds = 0.01, round_seconds = 1; /* of calls in a turn, at least; of turns in a round */
static const double steady = 0.05;                          /* how much the peak may change beside a round */

typedef struct Trial {
    Request request; /* with an arena of its own */
    Compile compile;
    Runner runner;
    Tuned tuned;
    double *now[MOST_TURNS]; /* seconds in this round's turns, by subject; behind the last one those of all calls */
} Trial;

typedef struct Comparison {
    Tuning *tuning;
    Trial *at;
    int count;
    VEC(Tensors) tensors; /* by entry */
    PeakMeter peak;
} Comparison;

static int compare_doubles(const void *left, const void *right) {
    double l = *(const double *)left, r = *(const double *)right;
    return (l > r) - (l < r);
}

double median(Arena *arena, const double *values, int count) {
    if (!count) return 0;
    double *sorted = NEW_ARRAY(arena, double, count);
    memcpy(sorted, values, sizeof *sorted * (size_t)count);
    qsort(sorted, (size_t)count, sizeof *sorted, compare_doubles);
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

/* ---- trials ---- */

static void choose(const Tuning *tuning, Trial *trial, int number) {
    for (int i = 0; i < tuning->subjects.count; i++) {
        const Subject *subject = &tuning->subjects.at[i];
        TunedRow row = {.machine = tuning->machine->name, .f64 = tuning->f64, .threads = tuning->threads};
        row.shape = subject->facts.shape;
        row.choice = subject->choice[number < subject->count ? number : 0];
        vec_push(trial->request.arena, &trial->tuned.rows, row);
    }
}

static int trial_build(const Tuning *tuning, Trial *trial, int number) {
    trial->request = *tuning->request;
    trial->request.arena = arena_new();
    for (int turn = 0; turn < MOST_TURNS; turn++)
        trial->now[turn] = NEW_ARRAY(trial->request.arena, double, tuning->subjects.count + 1);
    choose(tuning, trial, number);
    int status = compile_begin(&trial->request, &trial->compile);
    if (status) return status;
    trial->compile.only = tuning->entry;
    trial->compile.tuned = &trial->tuned;
    trial->compile.skip_inspect = true;
    return runner_build(&trial->runner, &trial->compile, &trial->request);
}

/* One block of parameters and of states for all, and the largest arena, of which nothing outlives a call. The blocks
 * that nobody uses stay untouched, and so take no memory; parameters have their first values already and are given
 * back. */
static void share_blocks(Comparison *c) {
    tg_model *first = c->at[0].runner.data;
    const tg_model *largest = first;
    for (int i = 1; i < c->count; i++)
        if (c->at[i].runner.data->info->arena_bytes > largest->info->arena_bytes) largest = c->at[i].runner.data;
    for (int i = 0; i < c->count; i++) {
        tg_model *own = c->at[i].runner.data;
        own->params = first->params;
        own->states = first->states;
        own->arena = largest->arena;
    }
}

static void trial_free(Trial *trial) {
    runner_free(&trial->runner);
    if (trial->request.arena) arena_free(trial->request.arena);
}

/* ---- turns ---- */

static int subject_of(const Tuning *tuning, const Compile *compile, const Schedule *schedule, const Kernel *kernel) {
    ProductFacts facts = product_facts(schedule, kernel, compile->machine);
    for (int i = 0; i < tuning->subjects.count; i++)
        if (product_equal(&tuning->subjects.at[i].facts.shape, &facts.shape)) return i;
    fatal("tile", "a trial has a product that the model has not");
}

/* The seconds of each row go to the product that its launches belong to. */
static void take_times(const Tuning *tuning, Trial *trial, int number, double *now) {
    const Compile *compile = &trial->compile;
    const tg_entry *entry = tg_info_entry(trial->runner.data->info, compile->model->entries.at[number]->name);
    uint64_t calls;
    int64_t between;
    const tg_time *times = tg_profile_times(trial->runner.data, entry, &calls, &between);
    bool *seen = NEW_ARRAY(trial->request.arena, bool, entry->row_count + 1);
    int64_t all = between;
    for (int i = 0; i < entry->row_count; i++) all += times[i].nanoseconds;
    now[tuning->subjects.count] += (double)all * 1e-9 / (double)calls;
    for (int i = 0, turn = 0; i < compile->output.launches.count; i++) {
        const OutputLaunch *launch = &compile->output.launches.at[i];
        if (launch->entry != number) continue;
        int row = entry->launches[turn++];
        if (launch->planned->kind != KERNEL_CONTRACT || seen[row]) continue;
        seen[row] = true;
        int subject = subject_of(tuning, compile, compile->schedules.at[number], launch->planned);
        now[subject] += (double)times[row].nanoseconds * 1e-9 / (double)calls;
    }
}

static int call_some(Trial *trial, const Entry *entry, Tensors *tensors, int count) {
    int status = STATUS_OK;
    for (int i = 0; i < count && !status; i++) status = runner_call(&trial->runner, entry, tensors);
    return status;
}

/* A trial's turn: each entry point is called once to see how long it takes and to warm up, then timed. */
static int take_turn(Comparison *c, Trial *trial, double *now) {
    int status = STATUS_OK;
    memset(now, 0, sizeof *now * (size_t)(c->tuning->subjects.count + 1));
    for (int i = 0; i < c->tensors.count && !status; i++) {
        const Entry *entry = trial->compile.model->entries.at[i];
        int64_t begun = tg_clock();
        status = call_some(trial, entry, &c->tensors.at[i], 1);
        double once = (double)(tg_clock() - begun) * 1e-9 + 1e-9, calls = turn_seconds / once + 1;
        int count = calls > MOST_CALLS ? MOST_CALLS : (int)calls;
        if (!status && count > 1) status = call_some(trial, entry, &c->tensors.at[i], (count + 7) / 8);
        if (!status && tg_profile_start(trial->runner.data)) {
            complain("no memory for a profile");
            status = STATUS_INTERNAL;
        }
        if (!status) status = call_some(trial, entry, &c->tensors.at[i], count);
        if (!status) take_times(c->tuning, trial, i, now);
    }
    return status;
}

/* Turns forth and back, until `seconds` have passed. */
static int take_round(Comparison *c, double seconds, int *turns) {
    int status = STATUS_OK;
    int64_t begun = tg_clock();
    double spent = 0;
    for (*turns = 0; (*turns == 0 || (*turns < MOST_TURNS && spent < seconds)) && !status; ++*turns) {
        for (int i = 0; i < c->count && !status; i++) {
            Trial *trial = &c->at[*turns % 2 ? c->count - 1 - i : i];
            status = take_turn(c, trial, trial->now[*turns]);
        }
        spent = (double)(tg_clock() - begun) * 1e-9;
    }
    return status;
}

static double median_turn(const Comparison *c, const Trial *trial, int subject, int turns) {
    double values[MOST_TURNS];
    for (int turn = 0; turn < turns; turn++) values[turn] = trial->now[turn][subject];
    return median(c->tuning->arena, values, turns);
}

static void keep_round(Comparison *c, int turns) {
    Tuning *tuning = c->tuning;
    int subjects = tuning->subjects.count;
    for (int v = 0; v < c->count; v++) {
        vec_push(tuning->arena, &tuning->calls[v], median_turn(c, &c->at[v], subjects, turns));
        for (int i = 0; i < subjects; i++) {
            Subject *subject = &tuning->subjects.at[i];
            if (v < subject->count) vec_push(tuning->arena, &subject->seconds[v], median_turn(c, &c->at[v], i, turns));
        }
    }
    tuning->rounds++;
}

static void note_peak(Tuning *tuning, double peak) {
    if (tuning->least == 0 || peak < tuning->least) tuning->least = peak;
    if (peak > tuning->most) tuning->most = peak;
}

/* Rounds until the time is up; three at least, if they can be had in three times as many. Without time it is one turn
 * of each, whatever the peak does. */
static int take_rounds(Comparison *c, double seconds) {
    Tuning *tuning = c->tuning;
    int64_t begun = tg_clock();
    int least = seconds > 0 ? LEAST_ROUNDS : 1;
    double before = peak_now(&c->peak, tuning->threads), spent = 0;
    for (int round = 0; spent < seconds || (tuning->rounds < least && round < 3 * least); round++) {
        int turns, status = take_round(c, seconds > 0 ? round_seconds : 0, &turns);
        if (status) return status;
        double after = peak_now(&c->peak, tuning->threads);
        if (before <= 0 || after <= 0) return STATUS_CC;
        if (seconds > 0 && fabs(before - after) > steady * fmin(before, after)) {
            tuning->dropped++;
        } else {
            note_peak(tuning, before);
            note_peak(tuning, after);
            keep_round(c, turns);
        }
        before = after;
        spent = (double)(tg_clock() - begun) * 1e-9;
    }
    if (tuning->rounds >= least) return STATUS_OK;
    complain("the machine is not steady enough: in %d of %d rounds its peak changed by more than %.0f %%; measure "
             "again when it does nothing else",
             tuning->dropped, tuning->dropped + tuning->rounds, 100 * steady);
    return STATUS_VALUE;
}

/* ---- a comparison ---- */

static void begin(Tuning *tuning, Comparison *c) {
    tuning->rounds = tuning->dropped = 0;
    tuning->least = tuning->most = 0;
    for (int v = 0; v < MOST_CANDIDATES; v++) tuning->calls[v].count = 0;
    for (int i = 0; i < tuning->subjects.count; i++) {
        Subject *subject = &tuning->subjects.at[i];
        if (subject->count > c->count) c->count = subject->count;
        for (int v = 0; v < MOST_CANDIDATES; v++) subject->seconds[v].count = 0;
    }
    c->at = NEW_ARRAY(tuning->arena, Trial, c->count + 1);
}

static int build_all(Comparison *c) {
    int status = STATUS_OK;
    for (int v = 0; v < c->count && !status; v++) {
        status = trial_build(c->tuning, &c->at[v], v);
        tg_model *made = c->at[v].runner.data;
        if (!made || v == 0) continue;
        free(made->taken[0]); /* its parameters, before the next ones are made */
        made->taken[0] = NULL;
    }
    if (!status) share_blocks(c);
    return status;
}

static void make_tensors(Comparison *c) {
    const Model *model = c->at[0].compile.model;
    for (int i = 0; i < model->entries.count; i++) {
        Tensors tensors;
        tensors_init(&tensors, c->tuning->arena, model->entries.at[i], c->tuning->f64);
        tensors_random(&tensors, c->tuning->request->seed.value);
        vec_push(c->tuning->arena, &c->tensors, tensors);
    }
}

int tune_compare(Tuning *tuning, double seconds) {
    Comparison c = {.tuning = tuning};
    begin(tuning, &c);
    int status = build_all(&c);
    if (!status) {
        tuning->threads = tg_pool_threads(c.at[0].runner.data->pool);
        make_tensors(&c);
        status = peak_open(&c.peak, &c.at[0].compile) ? take_rounds(&c, seconds) : STATUS_CC;
        peak_close(&c.peak);
    }
    for (int v = 0; v < c.count; v++) trial_free(&c.at[v]);
    return status;
}
