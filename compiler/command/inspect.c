/* inspect.c: `tgc inspect` shows what a model became: a table of kernels, the C that computes a value and its adjoint
 * with the rules at work, JSON for programs, a page for a browser.
 *
 *     tgc inspect m.tg                      the table of each entry point
 *     tgc inspect m.tg step up.W m.tg:9     the kernels behind names and lines
 *     tgc inspect m.tg --html m.html        one page */
#include "command/inspect.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const Option options[] = {
    {"--backward", NULL, OPTION_FLAG, NULL, "only kernels of the backward pass", offsetof(Request, backward)},
    {"--json", NULL, OPTION_FLAG, NULL, "everything as one JSON object", offsetof(Request, json)},
    {"--html", NULL, OPTION_TEXT, "FILE", "write a page that shows it all in a browser", offsetof(Request, html)},
    {"--threads", NULL, OPTION_NUMBER, "N", "threads that the estimates are for (1)", offsetof(Request, threads)},
    {NULL, NULL, 0, NULL, NULL, 0}};

static int columns_of_terminal(void) {
    struct winsize size;
    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static bool is_coloured(void) {
    const char *none = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && !(none && *none);
}

/* The second word is an entry point where one is called so; what follows are names. */
static const char *entry_of(const Request *request, const Model *model, int *first_name) {
    const char *word = request->words.count > 1 ? request->words.at[1] : NULL;
    *first_name = 1;
    for (int i = 0; word && i < model->entries.count; i++)
        if (entry_called(model->entries.at[i], word)) {
            *first_name = 2;
            return word;
        }
    return NULL;
}

static void choose_backward(Inspection *inspection) {
    for (int i = 0; i < inspection->entries.count; i++)
        for (int j = 0; j < inspection->entries.at[i].rows.count; j++) {
            InspectRow *row = &inspection->entries.at[i].rows.at[j];
            row->chosen = row->phases >> PHASE_BACKWARD & 1;
        }
}

/* The table, or the sources of what the names mean. */
static int print_words(Request *request, Inspection *inspection, int first_name) {
    Text text;
    text_init(&text, request->arena);
    for (int i = first_name; i < request->words.count; i++)
        if (!inspection_find(inspection, request, request->words.at[i], &text)) return STATUS_USAGE;
    if (first_name < request->words.count) {
        inspect_source(&text, inspection, request->backward, is_coloured());
    } else {
        if (request->backward) choose_backward(inspection);
        inspect_table(&text, inspection, columns_of_terminal());
    }
    return write_stdout(text.at, text.length) ? STATUS_OK : STATUS_FILE;
}

static int print_whole(Request *request, const Inspection *inspection) {
    Text text;
    text_init(&text, request->arena);
    (request->html ? inspect_html : inspect_json)(&text, inspection);
    if (!request->html) return write_stdout(text.at, text.length) ? STATUS_OK : STATUS_FILE;
    return file_written(request->html, &text) ? STATUS_OK : STATUS_FILE;
}

static int run(Request *request) {
    Compile compile;
    int first_name, threads = request->threads.value ? (int)request->threads.value : 1;
    if (!compile_request(request, &compile)) return STATUS_USAGE;
    if (request->threads.value > 4096) return usage_error(request, "--threads is at most 4096");
    int status = pipeline_run(&compile);
    if (status || request->stop_after) return status;
    if (!compile.model->entries.count) return entry_named(request, compile.model, NULL) ? STATUS_OK : STATUS_CONTENT;
    const char *entry = entry_of(request, compile.model, &first_name);
    bool whole = request->json || request->html;
    if (whole && (request->backward || first_name < request->words.count))
        return usage_error(request, "%s shows all kernels of an entry point: %s does not go with it",
                           request->html ? "--html" : "--json",
                           request->backward ? "--backward" : request->words.at[first_name]);
    if (request->json && request->html) return usage_error(request, "--json or --html, not both");
    Inspection *inspection = inspection_make(&compile, entry, threads);
    return whole ? print_whole(request, inspection) : print_words(request, inspection, first_name);
}

const Command command_inspect = {.name = "inspect",
                                 .arguments = "FILE [ENTRY] [NAME ...]",
                                 .does = "Show the kernels of a model, or the C behind a name or a line.",
                                 .more =
                                     "A NAME is a kernel (k03_h), a value (h), a variable (up.W), an adjoint (d_h),\n"
                                     "a module (up) or a line (m.tg:9). Its kernels are shown with those of its\n"
                                     "adjoint, the rules at work and what they cost.",
                                 .options = options,
                                 .compiles = true,
                                 .least = 1,
                                 .most = -1,
                                 .run = run};
