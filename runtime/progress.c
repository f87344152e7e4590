/* progress.c: what a training run says: a line on the terminal, and log.jsonl for programs.
 *
 *     step 120/1000  loss 3.2101  lr 0.00031  |g| 1.02  812 examples/s  26.1k tokens/s  3:21 left
 *     {"step":120,"loss":3.2101,"learning_rate":0.00031,"gradient_norm":1.02,"seconds":9.4,"memory":81788928}
 *
 * On a terminal the line is rewritten, at most ten times a second; elsewhere one line per --log-every steps is
 * printed. A line of the log is written whole or, on a full disk, taken back. A resumed run drops the lines of steps
 * that it makes again.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tg_train.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct tg_progress {
    char *path; /* of the log */
    int log;
    int terminal, shown; /* shown: a rewritten line stands there */
    uint64_t log_every;
    uint64_t steps, examples, tokens; /* of this run */
    double begun, drawn;
};

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---- the log ---- */

static tg_status log_failed(const tg_progress *progress, int error, char *text, size_t size) {
    snprintf(text, size, "%s: cannot be written: %s", progress->path, strerror(error));
    return TG_FILE;
}

/* A whole line, or the log as it was: 0, or an errno. */
static int write_line(int log, const char *line, size_t length) {
    off_t end = lseek(log, 0, SEEK_END);
    size_t done = 0;
    int error = 0;
    while (done < length && !error) {
        ssize_t now = write(log, line + done, length - done);
        if (now > 0) done += (size_t)now;
        if (now < 0 && errno != EINTR) error = errno;
    }
    int cut = error && end >= 0 ? ftruncate(log, end) : 0;
    (void)cut; /* the write's failure is what is told */
    return error;
}

typedef struct Number { /* of a record */
    const char *name;
    double value;
} Number;

/* A line of the log: {"step":120,"loss":3.21}. */
static tg_status write_record(tg_progress *progress, const Number *numbers, int count, char *text, size_t size) {
    cJSON *object = cJSON_CreateObject();
    int whole = object != NULL;
    for (int i = 0; i < count && whole; i++)
        whole = cJSON_AddNumberToObject(object, numbers[i].name, numbers[i].value) != NULL;
    char *line = whole ? cJSON_PrintUnformatted(object) : NULL;
    cJSON_Delete(object);
    if (!line) {
        snprintf(text, size, "no memory for a line of the log");
        return TG_NO_MEMORY;
    }
    size_t length = strlen(line);
    line[length] = '\n'; /* in place of the NUL: write_line counts */
    int error = write_line(progress->log, line, length + 1);
    cJSON_free(line);
    return error ? log_failed(progress, error, text, size) : TG_OK;
}

/* Whether a line is the record of a step up to `step`; -1 where memory is lacking. */
static int is_kept(const char *line, size_t length, uint64_t step) {
    if (line[length - 1] != '\n') return 0;
    errno = 0;
    cJSON *record = cJSON_Parse(line);
    if (!record && errno == ENOMEM) return -1;
    const cJSON *at = cJSON_GetObjectItemCaseSensitive(record, "step");
    int kept = cJSON_IsNumber(at) && at->valuedouble <= (double)step;
    cJSON_Delete(record);
    return kept;
}

/* Where the lines of steps after `step` begin; a line that is no record counts as such. 0, or an errno. */
static int find_end(FILE *log, uint64_t step, off_t *end) {
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int kept = 1, error = 0;
    errno = 0;
    while (kept > 0 && (length = getline(&line, &room, log)) > 0) {
        kept = is_kept(line, (size_t)length, step);
        if (kept > 0) *end += length;
        errno = 0;
    }
    if (kept < 0) error = ENOMEM;
    if (kept > 0 && !feof(log)) error = errno ? errno : EIO;
    free(line);
    return error;
}

static int open_log(tg_progress *progress, uint64_t resumed_at) {
    off_t kept = 0;
    FILE *before = resumed_at ? fopen(progress->path, "re") : NULL;
    if (resumed_at && !before && errno != ENOENT) return errno;
    if (before) {
        int error = find_end(before, resumed_at, &kept);
        fclose(before);
        if (error) return error;
    }
    do progress->log = open(progress->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    while (progress->log < 0 && errno == EINTR);
    if (progress->log < 0 || ftruncate(progress->log, kept) != 0) return errno;
    return 0;
}

tg_status tg_progress_open(tg_progress **progress, const char *folder, uint64_t log_every, uint64_t resumed_at,
                           char *text, size_t size) {
    *progress = NULL;
    size_t room = strlen(folder) + sizeof "/log.jsonl";
    tg_progress *opened = calloc(1, sizeof *opened);
    char *path = malloc(room);
    if (!opened || !path) {
        free(opened);
        free(path);
        snprintf(text, size, "no memory for the log");
        return TG_NO_MEMORY;
    }
    snprintf(path, room, "%s/log.jsonl", folder);
    *opened = (tg_progress){.path = path, .terminal = isatty(STDERR_FILENO), .log_every = log_every};
    opened->begun = seconds_now();
    opened->log = -1;
    int error = open_log(opened, resumed_at);
    if (!error) {
        *progress = opened;
        return TG_OK;
    }
    log_failed(opened, error, text, size);
    tg_progress_close(opened);
    return error == ENOMEM ? TG_NO_MEMORY : TG_FILE;
}

/* ---- the line ---- */

static void clear_line(tg_progress *progress) {
    if (progress->shown) fputs("\r\033[K", stderr);
    progress->shown = 0;
}

void tg_progress_close(tg_progress *progress) {
    if (!progress) return;
    if (progress->shown) fputc('\n', stderr);
    if (progress->log >= 0) close(progress->log);
    free(progress->path);
    free(progress);
}

void tg_progress_say(tg_progress *progress, const char *program, const char *text) {
    if (progress) clear_line(progress);
    fprintf(stderr, "%s: %s\n", program, text);
}

/* "812", "26.1k", "1.2M" */
static const char *short_number(char *text, size_t size, double number) {
    const char *unit = number >= 999500 ? "M" : number >= 9995 ? "k" : "";
    double scaled = number >= 999500 ? number / 1e6 : number >= 9995 ? number / 1e3 : number;
    snprintf(text, size, "%.*f%s", *unit || scaled < 10 ? 1 : 0, scaled, unit);
    return text;
}

static const char *time_left(char *text, size_t size, double seconds) {
    uint64_t whole = seconds < 1e9 ? (uint64_t)(seconds + 0.5) : 0;
    if (whole >= 3600)
        snprintf(text, size, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(text, size, "%" PRIu64 ":%02" PRIu64, whole / 60, whole % 60);
    return text;
}

static void step_line(const tg_progress *progress, const tg_step_report *report, char *line, size_t size) {
    char examples[24], tokens[24], left[32];
    double elapsed = fmax(seconds_now() - progress->begun, 1e-9);
    int length = snprintf(line, size, "step %" PRIu64 "/%" PRIu64 "  loss %.4f  lr %.3g  |g| %.3g  %s examples/s",
                          report->step, report->steps, report->loss, report->learning_rate, report->gradient_norm,
                          short_number(examples, sizeof examples, (double)progress->examples / elapsed));
    if (report->has_tokens)
        length += snprintf(line + length, size - (size_t)length, "  %s tokens/s",
                           short_number(tokens, sizeof tokens, (double)progress->tokens / elapsed));
    double per_step = elapsed / (double)progress->steps;
    snprintf(line + length, size - (size_t)length, "  %s left",
             time_left(left, sizeof left, per_step * (double)(report->steps - report->step)));
}

static void draw(tg_progress *progress, const char *line) {
    struct winsize window = {0};
    int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1 ? window.ws_col - 1 : 79;
    fprintf(stderr, "\r\033[K%.*s", columns, line);
    fflush(stderr);
    progress->shown = 1;
    progress->drawn = seconds_now();
}

/* ---- the interface ---- */

static double peak_memory(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss * 1024 : 0;
}

tg_status tg_progress_step(tg_progress *progress, const tg_step_report *report, char *text, size_t size) {
    progress->steps++;
    progress->examples += report->examples;
    progress->tokens += report->tokens;
    int logged = report->step % progress->log_every == 0 || report->step == report->steps;
    char line[256];
    if (progress->terminal && (seconds_now() - progress->drawn > 0.1 || report->step == report->steps)) {
        step_line(progress, report, line, sizeof line);
        draw(progress, line);
    } else if (!progress->terminal && logged) {
        step_line(progress, report, line, sizeof line);
        fprintf(stderr, "%s\n", line);
    }
    if (!logged) return TG_OK;
    const Number numbers[] = {{"step", (double)report->step},
                              {"loss", report->loss},
                              {"learning_rate", report->learning_rate},
                              {"gradient_norm", report->gradient_norm},
                              {"seconds", floor((seconds_now() - progress->begun) * 1e3) / 1e3},
                              {"memory", peak_memory()}};
    return write_record(progress, numbers, sizeof numbers / sizeof *numbers, text, size);
}

tg_status tg_progress_valid(tg_progress *progress, uint64_t step, double loss, char *text, size_t size) {
    clear_line(progress);
    fprintf(stderr, "step %" PRIu64 "  validation loss %.4f\n", step, loss);
    const Number numbers[] = {{"step", (double)step}, {"valid_loss", loss}};
    return write_record(progress, numbers, 2, text, size);
}
