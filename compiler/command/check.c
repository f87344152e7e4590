/* check.c: `tgc check` reports what is wrong with files, up to missing derivatives, and makes nothing. */
#include "command/command.h"

static const Option options[] = {{NULL, NULL, 0, NULL, NULL, 0}};

static int run(Request *request) {
    int worst = STATUS_OK;
    WordList files = request->words;
    for (int i = 0; i < files.count; i++) {
        Compile compile;
        request->words.at = &files.at[i];
        if (!compile_request(request, &compile)) return STATUS_USAGE;
        if (!compile.stop_after) compile.stop_after = "gradient";
        int status = pipeline_run(&compile);
        if (status > worst) worst = status;
    }
    return worst;
}

const Command command_check = {.name = "check",
                               .arguments = "FILE...",
                               .does = "Report every mistake of .tg files; - is standard input.",
                               .options = options,
                               .compiles = true,
                               .least = 1,
                               .most = -1,
                               .run = run};
