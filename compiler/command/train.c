/* train.c: `tgc train` builds the training program and runs it; what its options mean is the program's business. */
#include "command/command.h"

#include <errno.h>
#include <string.h>

static const Option options[] = {
    {"--data", NULL, OPTION_PASS, "FILE", "safetensors: the inputs of the train entry with a leading axis of examples",
     offsetof(Request, passed_on)},
    {"--valid", NULL, OPTION_PASS, "FILE", "the same for the loss on examples not trained on",
     offsetof(Request, passed_on)},
    {"--steps", NULL, OPTION_PASS, "N", "updates to make", offsetof(Request, passed_on)},
    {"--epochs", NULL, OPTION_PASS, "N", "instead of --steps: times through the data", offsetof(Request, passed_on)},
    {"--out", NULL, OPTION_PASS, "DIR", "where checkpoints and log.jsonl go", offsetof(Request, passed_on)},
    {"--resume", NULL, OPTION_PASS, "DIR", "go on from a folder's checkpoint", offsetof(Request, passed_on)},
    {"--seed", NULL, OPTION_PASS, "N", "of first values, dropout and order of examples", offsetof(Request, passed_on)},
    {"--init", NULL, OPTION_PASS, "FILE", "begin with these weights", offsetof(Request, passed_on)},
    {"--entry", NULL, OPTION_PASS, "NAME", "the train entry, where there are several", offsetof(Request, passed_on)},
    {"--valid-every", NULL, OPTION_PASS, "N", "steps between validations", offsetof(Request, passed_on)},
    {"--save-every", NULL, OPTION_PASS, "N", "steps between checkpoints", offsetof(Request, passed_on)},
    {"--log-every", NULL, OPTION_PASS, "N", "steps between lines of log.jsonl", offsetof(Request, passed_on)},
    {"--check", NULL, OPTION_FLAG, NULL, "test every value and the guards around every tensor after each kernel",
     offsetof(Request, check)},
    {"--threads", NULL, OPTION_PASS, "N", "threads (one per core)", offsetof(Request, passed_on)},
    {NULL, NULL, 0, NULL, NULL, 0}};

static bool has_train_entry(const Model *model) {
    for (int i = 0; i < model->entries.count; i++)
        if (model->entries.at[i]->train) return true;
    complain("%s has no train entry to run", model->source->path);
    return false;
}

static int run_program(const Request *request, const char *program) {
    WordList words = {0};
    vec_push(request->arena, &words, program);
    for (int i = 0; i < request->passed_on.count; i++) vec_push(request->arena, &words, request->passed_on.at[i]);
    vec_push(request->arena, &words, NULL);
    int status = program_run(words.at, NULL);
    if (status >= 0) return status;
    complain("cannot run the training program %s: %s", program, strerror(errno));
    return STATUS_FILE;
}

static int run(Request *request) {
    Compile compile;
    Scratch scratch;
    if (request->stop_after) return compile_request(request, &compile) ? pipeline_run(&compile) : STATUS_USAGE;
    int status = compile_begin(request, &compile);
    if (status) return status;
    if (!has_train_entry(compile.model)) return STATUS_CONTENT;
    if (!scratch_open(&scratch)) return STATUS_FILE;

    compile.build.path = arena_printf(request->arena, "%s/%s-train", scratch.path, compile.model->name);
    compile.build.kind = BUILD_PROGRAM;
    compile.output.files = true;
    status = pipeline_resume(&compile);
    if (!status) status = run_program(request, compile.build.path);
    scratch_close(&scratch);
    return status;
}

const Command command_train = {.name = "train",
                               .arguments = "FILE --data DATA --steps N",
                               .does = "Build a model's training program and run it.",
                               .more = "tgc build --exe makes the same program to keep.",
                               .options = options,
                               .compiles = true,
                               .least = 1,
                               .most = 1,
                               .run = run};
