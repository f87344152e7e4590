/* build.c: `tgc build` makes a library with its header, or the stand-alone training program.
 *
 *     tgc build m.tg -o out/libm.so      out/libm.so and out/m.h */
#include "command/command.h"

#include <string.h>

static const Option options[] = {
    {"--output", "-o", OPTION_TEXT, "FILE", "libm.so, libm.a or, with --exe, m-train", offsetof(Request, output)},
    {"--exe", NULL, OPTION_FLAG, NULL, "make the training program", offsetof(Request, program)},
    {"--check", NULL, OPTION_FLAG, NULL, "test every value and the guards around every tensor after each kernel",
     offsetof(Request, check)},
    {"--prefix", NULL, OPTION_TEXT, "NAME", "what every symbol begins with (the model's name)",
     offsetof(Request, prefix)},
    {NULL, NULL, 0, NULL, NULL, 0}};

static const char *default_path(const Request *request, const char *stem) {
    return arena_printf(request->arena, request->program ? "%s-train" : "lib%s.so", stem);
}

/* The header stands beside the library: out/libm.so, out/m.h. */
static const char *header_path(const Request *request, const Compile *compile) {
    const char *path = compile->build.path, *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path + 1) : 0;
    const char *prefix = compile->output.prefix ? compile->output.prefix : compile->model->name;
    return arena_printf(request->arena, "%.*s%s.h", folder, path, prefix);
}

static int run(Request *request) {
    Compile compile;
    if (!compile_request(request, &compile)) return STATUS_USAGE;
    const char *path =
        request->output ? request->output : default_path(request, file_stem(request->arena, compile.path));
    compile.build.path = path;
    compile.build.kind = request->program ? BUILD_PROGRAM : build_kind(path);
    compile.output.files = true;
    int status = pipeline_run(&compile);
    if (status || request->stop_after || request->program) return status;
    return header_write(&compile.output, header_path(request, &compile)) ? STATUS_OK : STATUS_FILE;
}

const Command command_build = {.name = "build",
                               .arguments = "FILE",
                               .does = "Compile a model to a library and its header, or to a training program.",
                               .more = "Without -o the library is libNAME.so, the program NAME-train.",
                               .options = options,
                               .compiles = true,
                               .least = 1,
                               .most = 1,
                               .run = run};
