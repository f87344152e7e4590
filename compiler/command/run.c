/* run.c: `tgc run` calls entry points of a model, compiled or on the evaluator.
 *
 *     tgc run m.tg add x=[1,2] y=[3,4]                         prints z = [4, 6]
 *     tgc run m.tg --call push:a.st:b.st --call f:a.st:c.st    several calls on one instance
 *
 * What stands on the command line is checked before anything is compiled; files of several calls are read one by one,
 * since one call may read what another has written. */
#include "command/command.h"

#include <math.h>
#include <string.h>

static const Option options[] = {
    {"--in", NULL, OPTION_TEXT, "FILE", "safetensors with the inputs by name; other tensors don't matter",
     offsetof(Request, in)},
    {"--out", NULL, OPTION_TEXT, "FILE", "safetensors for the results (printed as text without it)",
     offsetof(Request, out)},
    {"--call", NULL, OPTION_LIST, "ENTRY:IN:OUT", "a call with its files; may be repeated; OUT - is text",
     offsetof(Request, calls)},
    {"--weights", NULL, OPTION_TEXT, "FILE", "safetensors with all parameters by path", offsetof(Request, weights)},
    {"--save", NULL, OPTION_TEXT, "FILE", "write parameters and states after the calls", offsetof(Request, save)},
    {"--seed", NULL, OPTION_NUMBER, "N", "of first values and dropout (0)", offsetof(Request, seed)},
    {"--threads", NULL, OPTION_NUMBER, "N", "threads (one per core)", offsetof(Request, threads)},
    {"--check", NULL, OPTION_FLAG, NULL, "test every value and the guards around every tensor after each kernel",
     offsetof(Request, check)},
    {"--interp", NULL, OPTION_FLAG, NULL, "evaluate in double precision instead of compiling",
     offsetof(Request, interp)},
    {"--noise", NULL, OPTION_NUMBER, "N", "with --interp: let every operation round at random, by seed N",
     offsetof(Request, noise)},
    {NULL, NULL, 0, NULL, NULL, 0}};

typedef struct Call {
    const char *name, *in, *out; /* in, out: NULL for none; out "-" is text */
    Entry *entry;
    Tensors tensors;
    bool ready;
} Call;

typedef VEC(Call) CallList;

static const char *nonempty(const char *text) {
    return text && *text ? text : NULL;
}

/* ENTRY, ENTRY:IN or ENTRY:IN:OUT; OUT is the rest, with any colons. */
static Call call_of(Arena *arena, const char *text) {
    char *copy = arena_printf(arena, "%s", text), *in = strchr(copy, ':'), *out = NULL;
    if (in) *in++ = '\0';
    if (in) out = strchr(in, ':');
    if (out) *out++ = '\0';
    return (Call){.name = copy, .in = nonempty(in), .out = nonempty(out)};
}

static bool calls_of(Request *request, CallList *calls) {
    Arena *arena = request->arena;
    for (int i = 0; i < request->calls.count; i++) vec_push(arena, calls, call_of(arena, request->calls.at[i]));
    if (!calls->count) {
        bool named = request->words.count > 1;
        Call call = {.name = named ? request->words.at[1] : NULL, .in = request->in};
        call.out = request->out ? request->out : "-";
        vec_push(arena, calls, call);
        return true;
    }
    if (request->words.count == 1 && !request->in && !request->out) return true;
    usage_error(request, "--call says entry, inputs and results: leave out %s",
                request->words.count > 1 ? request->words.at[1]
                : request->in            ? "--in"
                                         : "--out");
    return false;
}

/* The inputs, from the file and then from what was typed. */
static int prepare(Request *request, Call *call, const Model *model) {
    if (call->ready) return STATUS_OK;
    tensors_init(&call->tensors, request->arena, call->entry, model->f64);
    call->ready = true;
    int status = STATUS_OK;
    for (int i = 2; i < request->words.count && !status; i++)
        status = tensors_set(&call->tensors, request, request->words.at[i]);
    if (!status && call->in) status = tensors_read(&call->tensors, call->in);
    if (!status && !tensors_complete(&call->tensors, "give it as NAME=VALUE, or --in FILE")) status = STATUS_USAGE;
    return status;
}

static int deliver(const Request *request, const Call *call) {
    if (!call->out) return STATUS_OK;
    if (strcmp(call->out, "-") != 0) return tensors_write(&call->tensors, call->out);
    Text text;
    text_init(&text, request->arena);
    tensors_print(&call->tensors, &text);
    return write_stdout(text.at, text.length) ? STATUS_OK : STATUS_FILE;
}

/* A training step must end in a loss that is a number. */
static int check_loss(const Call *call) {
    if (!call->entry->train) return STATUS_OK;
    double loss = element_get(call->tensors.results[0].dtype, call->tensors.result[0], 0);
    if (isfinite(loss)) return STATUS_OK;
    complain("%s: the loss is not a number: %f", call->entry->name, loss);
    return STATUS_VALUE;
}

static int make_calls(Request *request, Runner *runner, CallList *calls) {
    int status = request->weights ? runner_load(runner, request->weights) : STATUS_OK;
    for (int i = 0; i < calls->count && !status; i++) {
        Call *call = &calls->at[i];
        status = prepare(request, call, runner->model);
        if (!status) status = runner_call(runner, call->entry, &call->tensors);
        if (!status) status = check_loss(call);
        if (!status) status = deliver(request, call);
    }
    if (!status && request->save) status = runner_save(runner, request->save);
    return status;
}

/* Finds every entry; leaves the compile with one of them if only one is called. */
static int find_entries(Request *request, Compile *compile, CallList *calls) {
    bool one = true;
    for (int i = 0; i < calls->count; i++) {
        Call *call = &calls->at[i];
        call->entry = entry_named(request, compile->model, call->name);
        if (!call->entry) return compile->model->entries.count ? STATUS_USAGE : STATUS_CONTENT;
        one = one && call->entry == calls->at[0].entry;
    }
    if (one) compile->only = calls->at[0].entry->name;
    return calls->count == 1 ? prepare(request, &calls->at[0], compile->model) : STATUS_OK;
}

static int run(Request *request) {
    Compile compile;
    Runner runner = {0};
    CallList calls = {0};
    if (!calls_of(request, &calls)) return STATUS_USAGE;
    if (request->noise.value && !request->interp) return usage_error(request, "--noise is for --interp");
    if (request->check && request->interp)
        return usage_error(request, "--check looks at what compiled code does: leave out --interp");
    if (request->stop_after) return compile_request(request, &compile) ? pipeline_run(&compile) : STATUS_USAGE;
    int status = compile_begin(request, &compile);
    if (!status) status = find_entries(request, &compile, &calls);
    if (!status && request->interp) {
        compile.stop_after = "gradient";
        status = pipeline_resume(&compile);
    }
    if (!status)
        status =
            request->interp ? runner_evaluate(&runner, &compile, request) : runner_build(&runner, &compile, request);
    if (!status) status = make_calls(request, &runner, &calls);
    runner_free(&runner);
    return status;
}

const Command command_run = {
    .name = "run",
    .arguments = "FILE [ENTRY [NAME=VALUE ...]]",
    .does = "Call entry points of a model.",
    .more = "A value is a number or nested lists: x=[[1,2,3],[4,5,6]]. ENTRY may be left out where there is one.\n"
            "In --call, IN and OUT may be empty: an entry without inputs, results that nobody wants.",
    .options = options,
    .compiles = true,
    .least = 1,
    .most = -1,
    .run = run};
