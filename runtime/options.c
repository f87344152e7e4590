/* options.c: the command line of a training program, by one table that is also its help.
 *
 *     m-train --data train.safetensors --steps 1000 --out run   ->   options.data, options.steps, options.out
 *
 * A value may stand after its option or, with `=`, in it.
 */
#include "tg_train.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum Kind { TEXT, NUMBER, FLAG } Kind;

typedef struct Row {
    const char *name, *value;
    Kind kind;
    size_t offset;
    const char *meaning;
} Row;

#define AT(field) offsetof(tg_train_options, field)
static const Row rows[] = {
    {"--data", "FILE", TEXT, AT(data), "safetensors: the entry's inputs, each with a leading axis of examples"},
    {"--steps", "N", NUMBER, AT(steps), "updates to make in all, those before --resume included"},
    {"--epochs", "N", NUMBER, AT(epochs), "instead of --steps: times through the data"},
    {"--out", "DIR", TEXT, AT(out), "for checkpoints, weights and log.jsonl (out, or the resumed folder)"},
    {"--resume", "DIR", TEXT, AT(resume), "go on exactly from DIR/checkpoint.safetensors"},
    {"--init", "FILE", TEXT, AT(init), "begin with these weights instead of random ones"},
    {"--seed", "N", NUMBER, AT(seed), "of first values, dropout and the order of examples (0)"},
    {"--threads", "N", NUMBER, AT(threads), "as many as there are cores"},
    {"--entry", "NAME", TEXT, AT(entry), "the train entry, where the model has several"},
    {"--valid", "FILE", TEXT, AT(valid), "examples for the validation loss, as --data"},
    {"--valid-every", "N", NUMBER, AT(valid_every), "steps between validations (1000)"},
    {"--save-every", "N", NUMBER, AT(save_every), "steps between checkpoints (1000)"},
    {"--log-every", "N", NUMBER, AT(log_every), "steps between lines of log.jsonl (10)"},
    {"--help", NULL, FLAG, AT(help), "show this"},
};
enum { ROW_COUNT = sizeof rows / sizeof *rows };

static const char notes[] =
    "Every input of the train entry has the batch as its first axis, and the data hold the same number of examples of\n"
    "each. They are read by position, in a new order each epoch; what is left of an epoch after its last whole batch\n"
    "begins the next one. A step is one update, also where it gathers the gradients of several calls. Where the entry\n"
    "has sizes in buckets, rows are of any width and filled up with padding; a batch goes to the smallest that fits.\n"
    "\n"
    "--valid needs a graph entry ENTRY_valid or valid with the train entry's inputs and one scalar result:\n"
    "    graph valid(src: i32[B, S], gold: i32[B, S]) -> (loss: []) { loss = cross_entropy(net(src), gold) }\n"
    "Its mean is taken over the file's whole batches.\n"
    "\n"
    "Status: 0 done, 1 an input file's content is wrong, 2 usage, 3 a file can't be opened, read or written,\n"
    "5 a loss that is not a number or an index out of range, 130 interrupted (after saving a checkpoint).\n";

void tg_options_help(const char *program) {
    printf("usage: %s --data FILE --steps N [options]\n\n", program);
    for (int i = 0; i < ROW_COUNT; i++) {
        char left[32];
        snprintf(left, sizeof left, "%s %s", rows[i].name, rows[i].value ? rows[i].value : "");
        printf("  %-20s %s\n", left, rows[i].meaning);
    }
    printf("\n%s", notes);
}

static int read_number(const char *text, uint64_t *number) {
    char *end;
    errno = 0;
    if (!isdigit((unsigned char)text[0])) return 0;
    *number = strtoull(text, &end, 10);
    return !*end && !errno && *number <= INT64_MAX;
}

/* The row of an argument `--name` or `--name=value`; NULL if there is none. */
static const Row *row_of(const char *argument, const char **value) {
    size_t length = strcspn(argument, "=");
    *value = argument[length] ? argument + length + 1 : NULL;
    for (int i = 0; i < ROW_COUNT; i++)
        if (strlen(rows[i].name) == length && memcmp(rows[i].name, argument, length) == 0) return &rows[i];
    return NULL;
}

static int set_value(tg_train_options *options, const Row *row, const char *value, char *text, size_t size) {
    char *field = (char *)options + row->offset;
    if (row->kind == TEXT) {
        memcpy(field, &value, sizeof value);
        if (*value) return 1;
        snprintf(text, size, "%s needs a name, not an empty text", row->name);
        return 0;
    }
    uint64_t number;
    if (!read_number(value, &number)) {
        snprintf(text, size, "%s needs a whole number, not '%s'", row->name, value);
        return 0;
    }
    memcpy(field, &number, sizeof number);
    if (row->offset == AT(seed)) options->has_seed = 1;
    return 1;
}

static int check_together(const tg_train_options *options, char *text, size_t size) {
    const char *wrong = NULL;
    if (!options->data)
        wrong = "--data is missing: a safetensors file of examples";
    else if (!options->steps && !options->epochs)
        wrong = "--steps is missing: how many updates to make";
    else if (options->steps && options->epochs)
        wrong = "give --steps or --epochs, not both";
    else if (options->resume && options->init)
        wrong = "--init cannot be given with --resume: the checkpoint holds the weights";
    else if (!options->log_every)
        wrong = "--log-every needs a number from 1 on";
    if (wrong) snprintf(text, size, "%s", wrong);
    return wrong == NULL;
}

int tg_options_read(tg_train_options *options, int argc, char **argv, char *text, size_t size) {
    *options = (tg_train_options){.log_every = 10, .valid_every = 1000, .save_every = 1000};
    for (int i = 1; i < argc; i++) {
        const char *value;
        const Row *row = row_of(argv[i], &value);
        if (!row) {
            snprintf(text, size, "unknown option '%s'; --help lists them", argv[i]);
            return 0;
        }
        if (row->kind == FLAG) {
            options->help = 1;
            return 1;
        }
        if (!value && i + 1 < argc) value = argv[++i];
        if (!value) {
            snprintf(text, size, "%s needs a value: %s %s", row->name, row->name, row->value);
            return 0;
        }
        if (!set_value(options, row, value, text, size)) return 0;
    }
    if (!check_together(options, text, size)) return 0;
    if (!options->out) options->out = options->resume ? options->resume : "out";
    return 1;
}
