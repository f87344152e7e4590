/* train.c: the training program of a compiled model: options and data in, weights, checkpoints and a log out.
 *
 *     m-train --data train.safetensors --steps 1000 --out run
 *     run/log.jsonl, run/checkpoint.safetensors every --save-every steps, run/weights.safetensors at the end
 *
 * The order of examples, dropout and the first values come from counters, so a checkpoint with its seed, its numbers
 * of calls and steps and its position in the data is all that a run needs to go on with the same bits. An interrupt
 * lets the step finish and saves. A loss that is not a number ends the run and leaves the last good checkpoint.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tg_train.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct Run {
    char program[128];
    const tg_info *info;
    tg_point train, check; /* check: the entry of the validation loss; without entries: none */
    tg_train_options options;
    tg_model *model;
    tg_data *data, *valid;
    tg_progress *progress;
    void **results, **check_results;
    uint64_t position; /* examples taken from the data */
    uint64_t steps;    /* to make in all */
    uint64_t saved;    /* step of the last checkpoint, 0: none */
    char text[TG_TEXT];
} Run;

/* Set by a signal; the only thing here that a signal can reach. */
static volatile sig_atomic_t interrupted;

static void on_signal(int signal) {
    (void)signal;
    interrupted = 1;
}

/* ---- failures ---- */

static int complain(Run *run, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int complain(Run *run, int status, const char *format, ...) {
    char text[TG_TEXT + 256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tg_progress_say(run->progress, run->program, text);
    return status;
}

static int exit_of(tg_status status) {
    static const int exits[] = {[TG_OK] = 0,
                                [TG_BAD_ARGUMENT] = TG_EXIT_SYSTEM,
                                [TG_NO_MEMORY] = TG_EXIT_SYSTEM,
                                [TG_FILE] = TG_EXIT_FILE,
                                [TG_FORMAT] = TG_EXIT_CONTENT,
                                [TG_VALUE] = TG_EXIT_VALUE,
                                [TG_INTERNAL] = TG_EXIT_SYSTEM};
    return exits[status];
}

/* Says run->text where status is a failure. */
static int checked(Run *run, tg_status status) {
    return status ? complain(run, exit_of(status), "%s", run->text) : 0;
}

static int model_checked(Run *run, tg_status status) {
    return status ? complain(run, exit_of(status), "%s", tg_error_text(run->model)) : 0;
}

/* A path within a folder; the caller frees it. */
static char *path_in(const char *folder, const char *name) {
    size_t room = strlen(folder) + strlen(name) + 2;
    char *path = malloc(room);
    if (path) snprintf(path, room, "%s/%s", folder, name);
    return path;
}

/* ---- the entries ---- */

/* The entry point's name. */
static const char *point_of(const tg_entry *entry) {
    return entry->point ? entry->point : entry->name;
}

/* The entry point that begins at an entry; specialisations stand together. */
static tg_point point_at(const tg_info *info, int first) {
    const tg_entry *entry = &info->entries[first];
    tg_point point = {.entries = entry, .train = entry, .count = 1};
    while (entry->point && first + point.count < info->entry_count && entry[point.count].point &&
           strcmp(entry[point.count].point, entry->point) == 0)
        point.count++;
    return point;
}

/* The entry point of that name, or one specialisation of one; without entries: there is none. */
static tg_point point_named(const tg_info *info, const char *name) {
    const tg_entry *alone = tg_info_entry(info, name);
    if (alone) return (tg_point){.entries = alone, .train = alone, .count = 1};
    for (int i = 0; i < info->entry_count; i++)
        if (info->entries[i].point && strcmp(info->entries[i].point, name) == 0) return point_at(info, i);
    return (tg_point){0};
}

static int choose_train_entry(Run *run) {
    const tg_info *info = run->info;
    const char *wanted = run->options.entry;
    int found = 0;
    if (wanted) {
        run->train = point_named(info, wanted);
        found = run->train.count && run->train.entries->train;
    }
    for (int i = 0; i < info->entry_count && !wanted; i += point_at(info, i).count) {
        if (!info->entries[i].train) continue;
        run->train = point_at(info, i);
        found++;
    }
    if (found == 1) return 0;
    if (found > 1)
        return complain(run, TG_EXIT_USAGE, "%s has several train entries: name one with --entry, such as --entry %s",
                        info->name, point_of(run->train.entries));
    if (wanted) return complain(run, TG_EXIT_USAGE, "%s has no train entry %s", info->name, wanted);
    return complain(run, TG_EXIT_CONTENT, "%s has no train entry", info->name);
}

static int same_inputs(const tg_entry *a, const tg_entry *b) {
    if (a->input_count != b->input_count) return 0;
    for (int i = 0; i < a->input_count; i++) {
        const tg_tensor *x = &a->inputs[i], *y = &b->inputs[i];
        if (strcmp(x->name, y->name) != 0 || x->dtype != y->dtype || x->rank != y->rank) return 0;
        for (int axis = 0; axis < x->rank; axis++)
            if (x->shape[axis] != y->shape[axis]) return 0;
    }
    return 1;
}

static int is_scalar_float(const tg_tensor *result) {
    return result->count == 1 && (result->dtype == TG_F32 || result->dtype == TG_F64);
}

/* Whether there is an entry of the point with the inputs of each that trains. */
static int checks_all(const tg_point *check, const tg_point *train) {
    for (int i = 0; i < train->count; i++) {
        int found = 0;
        for (int k = 0; k < check->count && !found; k++) found = same_inputs(&check->entries[k], &train->entries[i]);
        if (!found) return 0;
    }
    return 1;
}

static int choose_check_entry(Run *run) {
    char name[256];
    snprintf(name, sizeof name, "%s_valid", point_of(run->train.entries));
    tg_point check = point_named(run->info, name);
    if (!check.count) check = point_named(run->info, "valid");
    const tg_entry *entry = check.entries;
    if (entry && !entry->train && entry->result_count == 1 && is_scalar_float(&entry->results[0]) &&
        checks_all(&check, &run->train)) {
        run->check = check;
        run->check.train = run->train.entries;
        return 0;
    }
    return complain(run, TG_EXIT_USAGE,
                    "--valid needs a graph entry %s or valid with the inputs of %s and one scalar result: write "
                    "graph valid(...) -> (loss: []) { loss = ... }",
                    name, point_of(run->train.entries));
}

/* Bytes of a result, of the specialisation where it is largest, in whole lines. */
static size_t result_bytes(const tg_point *point, int result) {
    size_t most = 0, unit = 64;
    for (int i = 0; i < point->count; i++) {
        const tg_tensor *tensor = &point->entries[i].results[result];
        size_t bytes = ((size_t)tensor->count * tg_dtype_bytes(tensor->dtype) + unit) / unit * unit;
        if (bytes > most) most = bytes;
    }
    return most;
}

/* Memory for the results of an entry point; NULL without. */
static void **take_results(const tg_point *point) {
    int count = point->entries->result_count;
    size_t bytes = 0, unit = 64, table = ((size_t)count * sizeof(void *) + unit) / unit * unit;
    for (int i = 0; i < count; i++) bytes += result_bytes(point, i);
    char *block = aligned_alloc(unit, table + bytes);
    if (!block) return NULL;
    void **results = (void **)block;
    char *at = block + table;
    for (int i = 0; i < count; i++) {
        results[i] = at;
        at += result_bytes(point, i);
    }
    return results;
}

static double scalar_of(const tg_entry *entry, void *const *results) {
    return entry->results[0].dtype == TG_F64 ? *(const double *)results[0] : (double)*(const float *)results[0];
}

/* ---- beginning ---- */

static int make_model(Run *run) {
    const tg_options options = {.threads = run->options.threads > 4096 ? 4096 : (int)run->options.threads,
                                .seed = run->options.seed};
    if (tg_model_new(&run->model, run->info, &options))
        return complain(run, TG_EXIT_SYSTEM, "no memory: parameters %zu, states %zu, activations %zu bytes",
                        run->info->param_bytes, run->info->state_bytes, run->info->arena_bytes);
    run->results = take_results(&run->train);
    if (run->check.count) run->check_results = take_results(&run->check);
    if (!run->results || (run->check.count && !run->check_results)) return complain(run, TG_EXIT_SYSTEM, "no memory");
    if (!run->options.init) return 0;
    return model_checked(run, tg_model_load(run->model, run->options.init));
}

/* By which a checkpoint remembers the entry point, or the one specialisation that was asked for. */
static const char *name_of(const tg_point *train) {
    return train->count > 1 ? train->entries->point : train->entries->name;
}

/* The position in the data, which the checkpoint holds beside the model. */
static int read_position(Run *run, const char *path) {
    tg_file *file;
    int status = checked(run, tg_file_open(&file, path, run->text, sizeof run->text));
    if (status) return status;
    const char *position = tg_file_note(file, "tgc.position"), *entry = tg_file_note(file, "tgc.entry");
    char *end = NULL;
    errno = 0;
    if (position && position[0] >= '0' && position[0] <= '9') run->position = strtoull(position, &end, 10);
    if (!end || *end || errno)
        status =
            complain(run, TG_EXIT_CONTENT, "%s: no training run's checkpoint: the note tgc.position is missing", path);
    else if (!entry || strcmp(entry, name_of(&run->train)) != 0)
        status = complain(run, TG_EXIT_CONTENT, "%s: made by the train entry %s, not by %s", path,
                          entry ? entry : "of no name", name_of(&run->train));
    tg_file_close(file);
    return status;
}

static int resume(Run *run) {
    if (!run->options.resume) return 0;
    char *path = path_in(run->options.resume, "checkpoint.safetensors");
    if (!path) return complain(run, TG_EXIT_SYSTEM, "no memory");
    int status = model_checked(run, tg_checkpoint_load(run->model, path));
    if (!status) status = read_position(run, path);
    if (!status && run->options.has_seed && run->options.seed != run->model->seed)
        status = complain(run, TG_EXIT_USAGE, "%s: was begun with --seed %" PRIu64 ", which going on cannot change",
                          path, run->model->seed);
    run->saved = run->model->step;
    free(path);
    return status;
}

static int open_data(Run *run) {
    const tg_train_options *options = &run->options;
    int status = checked(
        run, tg_data_open(&run->data, options->data, &run->train, 1, run->model->seed, run->text, sizeof run->text));
    if (!status && options->valid)
        status =
            checked(run, tg_data_open(&run->valid, options->valid, &run->check, 0, 0, run->text, sizeof run->text));
    if (status) return status;
    uint64_t per_step = tg_data_batch_size(run->data) * (uint64_t)run->train.entries->accumulate;
    run->steps = options->steps;
    if (options->epochs) run->steps = (options->epochs * tg_data_examples(run->data) + per_step - 1) / per_step;
    return 0;
}

/* The folder and those above it. */
static int make_folder(Run *run) {
    char *path = strdup(run->options.out);
    if (!path) return complain(run, TG_EXIT_SYSTEM, "no memory");
    int failed = 0;
    for (char *at = path + 1; !failed; at++) {
        if (*at && *at != '/') continue;
        char kept = *at;
        *at = 0;
        failed = mkdir(path, 0777) != 0 && errno != EEXIST;
        *at = kept;
        if (!kept) break;
    }
    int error = errno;
    free(path);
    return failed ? complain(run, TG_EXIT_FILE, "%s: cannot be made: %s", run->options.out, strerror(error)) : 0;
}

/* ---- saving ---- */

static int save_checkpoint(Run *run) {
    char position[24];
    snprintf(position, sizeof position, "%" PRIu64, run->position);
    const char *const notes[] = {"tgc.entry", name_of(&run->train), "tgc.position", position, NULL};
    char *path = path_in(run->options.out, "checkpoint.safetensors");
    if (!path) return complain(run, TG_EXIT_SYSTEM, "no memory");
    int status = model_checked(run, tg_checkpoint_save(run->model, path, notes));
    if (!status) run->saved = run->model->step;
    free(path);
    return status;
}

static int save_weights(Run *run) {
    char *path = path_in(run->options.out, "weights.safetensors");
    if (!path) return complain(run, TG_EXIT_SYSTEM, "no memory");
    int status = model_checked(run, tg_model_save(run->model, path));
    free(path);
    return status;
}

/* ---- steps ---- */

static int not_a_number(Run *run, const char *what, double value) {
    char kept[TG_TEXT] = "there is no checkpoint yet";
    if (run->saved)
        snprintf(kept, sizeof kept, "%s/checkpoint.safetensors holds step %" PRIu64, run->options.out, run->saved);
    return complain(run, TG_EXIT_VALUE, "step %" PRIu64 ": %s is %g; %s", run->model->step, what, value, kept);
}

/* One update: as many calls as it gathers gradients of. */
static int make_step(Run *run, tg_step_report *report) {
    const uint64_t batch = tg_data_batch_size(run->data);
    const uint64_t before = run->model->step;
    int calls = 0;
    double sum = 0;
    do {
        const void *const *inputs = tg_data_batch(run->data, run->position, run->text, sizeof run->text);
        if (!inputs) return complain(run, TG_EXIT_FILE, "%s", run->text);
        const tg_entry *entry = tg_data_entry(run->data);
        int status = model_checked(run, entry->call(run->model, inputs, run->results));
        if (status) return status;
        double loss = scalar_of(entry, run->results);
        if (!isfinite(loss)) return not_a_number(run, "the loss", loss);
        int64_t tokens = tg_data_tokens(run->data);
        report->has_tokens = tokens >= 0;
        if (tokens > 0) report->tokens += (uint64_t)tokens;
        report->examples += batch;
        run->position += batch;
        sum += loss;
        calls++;
    } while (run->model->step == before && calls < run->train.entries->accumulate);
    if (!isfinite(run->model->gradient_norm))
        return not_a_number(run, "the gradient's norm", run->model->gradient_norm);
    report->step = run->model->step;
    report->steps = run->steps;
    report->loss = sum / calls;
    report->learning_rate = run->model->learning_rate;
    report->gradient_norm = run->model->gradient_norm;
    return 0;
}

/* The mean over the whole batches of the validation file. */
static int validate(Run *run) {
    uint64_t batch = tg_data_batch_size(run->valid), batches = tg_data_examples(run->valid) / batch;
    double sum = 0;
    for (uint64_t i = 0; i < batches && !interrupted; i++) {
        const void *const *inputs = tg_data_batch(run->valid, i * batch, run->text, sizeof run->text);
        if (!inputs) return complain(run, TG_EXIT_FILE, "%s", run->text);
        const tg_entry *entry = tg_data_entry(run->valid);
        int status = model_checked(run, entry->call(run->model, inputs, run->check_results));
        if (status) return status;
        sum += scalar_of(entry, run->check_results);
    }
    if (interrupted) return 0;
    return checked(
        run, tg_progress_valid(run->progress, run->model->step, sum / (double)batches, run->text, sizeof run->text));
}

static int is_time(uint64_t step, uint64_t every) {
    return every && step % every == 0;
}

static int train(Run *run) {
    int status = 0;
    while (!status && !interrupted && run->model->step < run->steps) {
        tg_step_report report = {0};
        status = make_step(run, &report);
        if (!status) status = checked(run, tg_progress_step(run->progress, &report, run->text, sizeof run->text));
        uint64_t step = run->model->step;
        if (!status && run->valid && (is_time(step, run->options.valid_every) || step == run->steps))
            status = validate(run);
        if (!status && is_time(step, run->options.save_every) && step < run->steps) status = save_checkpoint(run);
    }
    if (status) return status;
    status = save_checkpoint(run);
    if (!status) status = save_weights(run);
    if (!status && interrupted)
        return complain(run, TG_EXIT_INTERRUPTED, "interrupted; step %" PRIu64 " is saved, --resume %s goes on",
                        run->saved, run->options.out);
    return status;
}

/* ---- the whole run ---- */

static int begin(Run *run) {
    int status = choose_train_entry(run);
    if (!status && run->options.valid) status = choose_check_entry(run);
    if (!status) status = make_model(run);
    if (!status) status = resume(run);
    if (!status) status = open_data(run);
    if (!status) status = make_folder(run);
    if (!status)
        status = checked(run, tg_progress_open(&run->progress, run->options.out, run->options.log_every,
                                               run->model->step, run->text, sizeof run->text));
    return status;
}

static void end(Run *run) {
    tg_progress_close(run->progress);
    tg_data_close(run->data);
    tg_data_close(run->valid);
    free(run->results);
    free(run->check_results);
    tg_model_free(run->model);
}

/* A second interrupt ends the program at once. */
static int train_watching_signals(Run *run) {
    struct sigaction watch = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND}, before_int, before_term;
    sigemptyset(&watch.sa_mask);
    interrupted = 0;
    sigaction(SIGINT, &watch, &before_int);
    sigaction(SIGTERM, &watch, &before_term);
    int status = train(run);
    sigaction(SIGINT, &before_int, NULL);
    sigaction(SIGTERM, &before_term, NULL);
    return status;
}

int tg_train_main(const tg_info *info, int argc, char **argv) {
    Run run = {.info = info};
    snprintf(run.program, sizeof run.program, "%s-train", info->name);
    if (!tg_options_read(&run.options, argc, argv, run.text, sizeof run.text))
        return complain(&run, TG_EXIT_USAGE, "%s", run.text);
    if (run.options.help) {
        tg_options_help(run.program);
        return 0;
    }
    int status = begin(&run);
    if (!status) status = train_watching_signals(&run);
    end(&run);
    return status;
}
