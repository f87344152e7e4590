/* tg_train.h: what the files of the training program share; users call tg_train_main of tg_files.h alone.
 *
 *     train.c     the loop      options.c     its command line
 *     data.c      batches       progress.c    the terminal's line and log.jsonl
 *     lengths.c   rows of different lengths
 */
#ifndef TG_TRAIN_H
#define TG_TRAIN_H

#include "tg_files.h"

/* Exit statuses. */
enum {
    TG_EXIT_CONTENT = 1, /* of an input file is wrong */
    TG_EXIT_USAGE = 2,
    TG_EXIT_FILE = 3,    /* cannot be opened, read or written */
    TG_EXIT_VALUE = 5,   /* a wrong value at run time */
    TG_EXIT_SYSTEM = 70, /* no memory, or a mistake of the generated code that --check found */
    TG_EXIT_INTERRUPTED = 130
};
enum { TG_TEXT = 512 }; /* bytes of a message */

/* ---- options.c ---- */

typedef struct tg_train_options {
    const char *data, *valid, *resume, *out, *entry, *init;
    uint64_t steps, epochs, seed, threads, log_every, valid_every, save_every; /* 0: not given, or never */
    int has_seed, help;
} tg_train_options;

/* 1 if the line is right; else 0, and `text` says what is wrong. */
int tg_options_read(tg_train_options *options, int argc, char **argv, char *text, size_t size);
void tg_options_help(const char *program);

/* ---- lengths.c ---- */

enum { TG_KINDS = 64 }; /* specialisations of an entry point, at most */

int tg_is_pad(const tg_tensor *input, const void *elements, int64_t index);
/* How far each axis but the first reaches in a row before all is padding; `shape` is the file's tensor's. */
void tg_row_extents(const tg_tensor *input, const int64_t *shape, const void *row, int64_t *extents);
/* A row of the input out of one that is wider or narrower: cut, or filled up with padding. */
void tg_row_copy(const tg_tensor *input, const int64_t *shape, const void *row, void *to);
/* 0, 1, … in an order drawn from seed, use and epoch. */
void tg_shuffle(uint32_t *items, uint64_t count, uint64_t seed, uint32_t use, uint64_t epoch);
/* Reorders an epoch so that batches are of one kind each but for a few; `work` is twice as long as `order`. */
void tg_order_by_kind(uint32_t *order, uint32_t *work, const uint8_t *kinds, uint64_t count, uint64_t batch,
                      uint64_t seed, uint64_t epoch);

/* ---- data.c ---- */

typedef struct tg_data tg_data; /* examples of one entry point, in a safetensors file */

/* An entry point of training: itself, or its specialisations, which are `count` entries that stand together. `train` is
 * the training step whose inputs say what rows are filled up with. */
typedef struct tg_point {
    const tg_entry *entries, *train;
    int count;
} tg_point;

/* shuffle: in a new order each epoch, drawn from seed and epoch; otherwise in the file's order. */
tg_status tg_data_open(tg_data **data, const char *path, const tg_point *point, int shuffle, uint64_t seed, char *text,
                       size_t size);
void tg_data_close(tg_data *data);
uint64_t tg_data_examples(const tg_data *data);
uint64_t tg_data_batch_size(const tg_data *data);
/* The examples `position`, position + 1, … of the endless row of epochs, as inputs of the smallest specialisation that
 * all of them fit; they stay until the next call. NULL on failure. */
const void *const *tg_data_batch(tg_data *data, uint64_t position, char *text, size_t size);
const tg_entry *tg_data_entry(const tg_data *data); /* that the last batch is for */
/* Elements that are no padding, or not 0 where none is declared, in the last batch of the first i32 input with two
 * axes; -1 if there is none. */
int64_t tg_data_tokens(const tg_data *data);

/* ---- progress.c ---- */

typedef struct tg_progress tg_progress;

typedef struct tg_step_report {
    uint64_t step, steps;
    double loss, learning_rate, gradient_norm;
    uint64_t examples, tokens; /* in this step */
    int has_tokens;
} tg_step_report;

/* Lines go to the standard error: one that is rewritten on a terminal, else one per `log_every` steps. The log is
 * folder/log.jsonl: begun anew, or with `resumed_at` > 0 gone on with after its lines up to that step. */
tg_status tg_progress_open(tg_progress **progress, const char *folder, uint64_t log_every, uint64_t resumed_at,
                           char *text, size_t size);
void tg_progress_close(tg_progress *progress);
tg_status tg_progress_step(tg_progress *progress, const tg_step_report *report, char *text, size_t size);
tg_status tg_progress_valid(tg_progress *progress, uint64_t step, double loss, char *text, size_t size);
/* A message between the lines. */
void tg_progress_say(tg_progress *progress, const char *program, const char *text);

#endif
