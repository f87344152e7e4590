/* fmt.c: `tgc fmt` lays files out anew.
 *
 * In: .tg files. Out: the same files in the one layout; a file with mistakes stays as it is. `-` goes from standard
 * input to standard output. */
#include "command/command.h"

#include <string.h>

static const Option options[] = {{"--check", NULL, OPTION_FLAG, NULL,
                                  "write nothing; name the files that would change, with status 1",
                                  offsetof(Request, check)},
                                 {NULL, NULL, 0, NULL, NULL, 0}};

static int format_file(const Request *request, const char *path) {
    Compile compile;
    bool standard = strcmp(path, "-") == 0;
    compile_init(&compile, request->arena, standard ? "/dev/stdin" : path);
    compile.stop_after = "parse";
    int status = pipeline_run(&compile);
    if (status) return status;

    Text text;
    text_init(&text, request->arena);
    lang_print(&text, compile.file);
    const Source *source = compile.source;
    bool same = text.length == source->size && memcmp(text.at, source->text, text.length) == 0;
    if (request->check) {
        if (!same) printf("%s\n", path);
        return same ? STATUS_OK : STATUS_CONTENT;
    }
    if (standard) return write_stdout(text.at, text.length) ? STATUS_OK : STATUS_FILE;
    return same || file_written(path, &text) ? STATUS_OK : STATUS_FILE;
}

static int run(Request *request) {
    int worst = STATUS_OK;
    for (int i = 0; i < request->words.count; i++) {
        int status = format_file(request, request->words.at[i]);
        if (status > worst) worst = status;
    }
    return worst;
}

const Command command_fmt = {.name = "fmt",
                             .arguments = "FILE...",
                             .does = "Lay .tg files out in the one layout, in place; - is standard input.",
                             .options = options,
                             .least = 1,
                             .most = -1,
                             .run = run};
