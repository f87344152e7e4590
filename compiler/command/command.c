/* command.c: the table of commands, and which one a command line means. */
#include "command/command.h"

#include <errno.h>
#include <string.h>

#ifndef TGC_VERSION
#define TGC_VERSION "0.1.0"
#endif

static const Command *const commands[] = {&command_check,   &command_emit,    &command_build,     &command_run,
                                          &command_train,   &command_bench,   &command_gradcheck, &command_dot,
                                          &command_inspect, &command_explain, &command_plan,      &command_profile,
                                          &command_tune,    &command_fmt};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static const Command *command_find(const char *name) {
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i]->name, name) == 0) return commands[i];
    return NULL;
}

static void help(Text *text) {
    text_add(text, "tgc COMMAND [options] FILE ...\n\n"
                   "Compiles .tg models, with their gradients, to C.\n\nCommands:\n");
    for (int i = 0; i < COMMAND_COUNT; i++) text_printf(text, "  %-10s  %s\n", commands[i]->name, commands[i]->does);
    text_add(text, "\n  tgc COMMAND --help   a command's options\n"
                   "  tgc --passes         the passes that a model goes through\n"
                   "  tgc --version        the version\n\n"
                   "Exit status: 0 done, 1 the content of a file is wrong, 2 usage, 3 a file can't be read or\n"
                   "written, 4 the C compiler failed, 5 a wrong value at run time, 70 a mistake of tgc,\n"
                   "130 interrupted.\n");
}

static int print(const Text *text) {
    return write_stdout(text->at, text->length) ? STATUS_OK : STATUS_FILE;
}

/* `tgc --help` and its like. */
static int without_command(Request *request, const char *word) {
    Text text;
    text_init(&text, request->arena);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        help(&text);
    } else if (strcmp(word, "--version") == 0) {
        text_add(&text, "tgc " TGC_VERSION "\n");
    } else if (strcmp(word, "--passes") == 0) {
        passes_print(&text);
    } else {
        const char *names[COMMAND_COUNT];
        for (int i = 0; i < COMMAND_COUNT; i++) names[i] = commands[i]->name;
        return usage_error(request, "there is no command %s%s", word,
                           did_you_mean(request->arena, word, names, COMMAND_COUNT));
    }
    return print(&text);
}

static int with_command(Request *request, int argc, char **argv) {
    Text text;
    text_init(&text, request->arena);
    if (!request_read(request, argc, argv)) return STATUS_USAGE;
    if (request->help)
        command_help(&text, request->command);
    else if (request->passes)
        passes_print(&text);
    else
        return request->command->run(request);
    return print(&text);
}

int command_main(int argc, char **argv) {
    Arena *arena = arena_new();
    Request request = {.arena = arena};
    temporary_watch_signals();
    int status;
    if (argc < 2) {
        Text text;
        text_init(&text, arena);
        help(&text);
        fputs(text.at, stderr);
        status = STATUS_USAGE;
    } else if ((request.command = command_find(argv[1]))) {
        status = with_command(&request, argc - 2, argv + 2);
    } else {
        status = without_command(&request, argv[1]);
    }
    if (fflush(stdout) != 0 && !status) {
        complain("cannot write to standard output: %s", strerror(errno));
        status = STATUS_FILE;
    }
    arena_free(arena);
    return status;
}
