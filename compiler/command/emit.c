/* emit.c: `tgc emit` writes the C and nothing else.
 *
 *     tgc emit m.tg -o DIR          DIR/m.c and DIR/m.h
 *     tgc emit m.tg --only d_x      the kernels that compute d_x, to standard output
 *     tgc emit m.tg 'step[T=32]'    that entry point, or specialisation, alone */
#include "command/command.h"

static const Option options[] = {
    {"--output", "-o", OPTION_TEXT, "DIR", "where the C and its header go (standard output: the C alone)",
     offsetof(Request, output)},
    {"--only", NULL, OPTION_TEXT, "NAME", "print the kernels of one value, such as d_x", offsetof(Request, only)},
    {"--standalone", NULL, OPTION_FLAG, NULL, "with the runtime in the same file", offsetof(Request, standalone)},
    {"--check", NULL, OPTION_FLAG, NULL, "test every value and the guards around every tensor after each kernel",
     offsetof(Request, check)},
    {"--prefix", NULL, OPTION_TEXT, "NAME", "what every symbol begins with (the model's name)",
     offsetof(Request, prefix)},
    {NULL, NULL, 0, NULL, NULL, 0}};

static int print_only(Request *request, const Output *output) {
    Text text;
    text_init(&text, request->arena);
    if (emit_only(&text, output, request->only)) return write_stdout(text.at, text.length) ? STATUS_OK : STATUS_FILE;
    return usage_error(
        request,
        "no kernel computes %s; a value that is only a view, or part of another kernel's expression, has "
        "none of its own",
        request->only);
}

/* The whole model, or with a second word that entry point alone. */
static int compile_all(Request *request, Compile *compile) {
    if (request->words.count == 1 || request->stop_after)
        return compile_request(request, compile) ? STATUS_OK : STATUS_USAGE;
    int status = compile_begin(request, compile);
    if (status) return status;
    const Entry *entry = entry_named(request, compile->model, request->words.at[1]);
    if (!entry) return compile->model->entries.count ? STATUS_USAGE : STATUS_CONTENT;
    compile->only = entry->name;
    return STATUS_OK;
}

static int run(Request *request) {
    Compile compile;
    int status = compile_all(request, &compile);
    if (status) return status;
    compile.output.standalone = request->standalone;
    status = compile.model ? pipeline_resume(&compile) : pipeline_run(&compile);
    if (status || request->stop_after) return status;
    if (request->only) return print_only(request, &compile.output);
    if (request->output) return output_write(&compile.output, request->output) ? STATUS_OK : STATUS_FILE;
    return write_stdout(compile.output.source.at, compile.output.source.length) ? STATUS_OK : STATUS_FILE;
}

const Command command_emit = {.name = "emit",
                              .arguments = "FILE [ENTRY]",
                              .does = "Write the C that a model, or one of its entry points, becomes.",
                              .options = options,
                              .compiles = true,
                              .least = 1,
                              .most = 2,
                              .run = run};
