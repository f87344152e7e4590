/* option.c: tables of options, the words of a command line, and the help made of the same tables.
 *
 * In: --seed 3 -DN=4 m.tg add x=[1]. Out: Request { seed: 3, defines: N=4, words: m.tg add x=[1] }.
 * A value follows its option, or `=` after a long one, or directly after a short one. After `--` nothing is an option.
 */
#include "command/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const Option compile_options[] = {
    {"-D", NULL, OPTION_LIST, "NAME=VALUE", "another value for a dim or const of the file", offsetof(Request, defines)},
    {"-I", NULL, OPTION_LIST, "DIR", "a folder where imports are looked for", offsetof(Request, import_dirs)},
    {"--target", NULL, OPTION_TEXT, "MACHINE", "native, x86-64-v4, x86-64-v3 or portable (native)",
     offsetof(Request, target)},
    {"--dtype", NULL, OPTION_TEXT, "TYPE", "f32 or f64, for all floats of the model (f32)", offsetof(Request, dtype)},
    {"--cc", NULL, OPTION_TEXT, "PROGRAM", "the C compiler (clang)", offsetof(Request, cc)},
    {"--memory", NULL, OPTION_TEXT, "BYTES", "compute again what does not fit (400M, 2G, 1.5Gi)",
     offsetof(Request, memory)},
    {"--tune", NULL, OPTION_TEXT, "FILE", "tiles of products that tgc tune measured", offsetof(Request, tune)},
    {"--block-rows", NULL, OPTION_NUMBER, "ROWS", "rows of a loss's logits that are computed at a time; 0: all",
     offsetof(Request, block_rows)},
    {"--no-fuse", NULL, OPTION_FLAG, NULL, "make every operation a kernel of its own", offsetof(Request, apart)},
    {"--dump", NULL, OPTION_TEXT, "PASS", "print the program after that pass, or after all", offsetof(Request, dump)},
    {"--stop-after", NULL, OPTION_TEXT, "PASS", "run no pass after that one", offsetof(Request, stop_after)},
    {"--passes", NULL, OPTION_FLAG, NULL, "list the passes", offsetof(Request, passes)},
    {"--timings", NULL, OPTION_FLAG, NULL, "print the seconds of each pass", offsetof(Request, timings)},
    {"--verbose", "-v", OPTION_FLAG, NULL, "print the commands that are run", offsetof(Request, verbose)},
    {NULL, NULL, 0, NULL, NULL, 0}};

static const Option common_options[] = {{"--help", "-h", OPTION_FLAG, NULL, "print this text", offsetof(Request, help)},
                                        {NULL, NULL, 0, NULL, NULL, 0}};

/* ---- messages ---- */

static void complain_with(const char *format, va_list arguments) {
    bool colour = isatty(2) && !(getenv("NO_COLOR") && *getenv("NO_COLOR"));
    fputs(colour ? "\x1b[1mtgc:\x1b[0m \x1b[1;31merror:\x1b[0m " : "tgc: error: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    complain_with(format, arguments);
    va_end(arguments);
}

int usage_error(const Request *request, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    complain_with(format, arguments);
    va_end(arguments);
    fprintf(stderr, "help: tgc %s%s--help\n", request->command ? request->command->name : "",
            request->command ? " " : "");
    return STATUS_USAGE;
}

const char *did_you_mean(Arena *arena, const char *word, const char *const *candidates, int count) {
    const char *near = name_nearest(word, candidates, count);
    return near ? arena_printf(arena, "; did you mean %s?", near) : "";
}

/* ---- reading ---- */

/* The tables that a command's options come from; ends with NULL. */
static void tables_of(const Command *command, const Option *tables[4]) {
    int count = 0;
    tables[count++] = command->options;
    if (command->compiles) tables[count++] = compile_options;
    tables[count++] = common_options;
    tables[count] = NULL;
}

static bool is_long(const char *name) {
    return name[0] == '-' && name[1] == '-';
}

/* Whether `word` is the option; *value is what follows `=` or a short name in the same word, NULL when nothing does. */
static bool option_fits(const Option *option, const char *name, const char *word, const char **value) {
    size_t length = strlen(name);
    if (strncmp(word, name, length) != 0) return false;
    const char *rest = word + length;
    *value = NULL;
    if (!*rest) return true;
    if (is_long(name)) {
        if (*rest != '=') return false;
        *value = rest + 1;
        return true;
    }
    *value = *rest == '=' ? rest + 1 : rest;
    return option->kind != OPTION_FLAG;
}

static const Option *option_find(const Command *command, const char *word, const char **value) {
    const Option *tables[4];
    tables_of(command, tables);
    for (int i = 0; tables[i]; i++)
        for (const Option *option = tables[i]; option->name; option++) {
            if (option_fits(option, option->name, word, value)) return option;
            if (option->shorter && option_fits(option, option->shorter, word, value)) return option;
        }
    return NULL;
}

static bool unknown_option(const Request *request, const char *word) {
    const Option *tables[4];
    WordList names = {0};
    tables_of(request->command, tables);
    for (int i = 0; tables[i]; i++)
        for (const Option *option = tables[i]; option->name; option++) vec_push(request->arena, &names, option->name);
    const char *bare = arena_strndup(request->arena, word, strcspn(word, "="));
    usage_error(request, "tgc %s has no option %s%s", request->command->name, bare,
                is_long(bare) ? did_you_mean(request->arena, bare, names.at, names.count) : "");
    return false;
}

static bool read_number(const Request *request, const char *name, const char *value, Number *number) {
    char *end;
    errno = 0;
    number->given = true;
    number->value = strtoull(value, &end, 10);
    if (*value >= '0' && *value <= '9' && !*end && !errno) return true;
    usage_error(request, "%s takes a whole number, not '%s'", name, value);
    return false;
}

static bool option_store(Request *request, const Option *option, const char *value) {
    void *field = (char *)request + option->field;
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        break;
    case OPTION_TEXT:
        *(const char **)field = value;
        break;
    case OPTION_NUMBER:
        return read_number(request, option->name, value, field);
    case OPTION_PASS:
        vec_push(request->arena, (WordList *)field, option->name); /* fall through */
    case OPTION_LIST:
        vec_push(request->arena, (WordList *)field, value);
        break;
    }
    return true;
}

/* Reads argv[at], an option; returns the index after it and its value, -1 after a message. */
static int read_option(Request *request, int at, int argc, char **argv) {
    const char *value;
    const Option *option = option_find(request->command, argv[at], &value);
    if (!option) return unknown_option(request, argv[at]) ? at : -1;
    if (option->kind == OPTION_FLAG && value) {
        usage_error(request, "%s takes no value", option->name);
        return -1;
    }
    if (option->kind != OPTION_FLAG && !value) {
        if (++at == argc) {
            usage_error(request, "%s needs a value: %s %s", option->name, option->name, option->value);
            return -1;
        }
        value = argv[at];
    }
    return option_store(request, option, value) ? at + 1 : -1;
}

static bool check_words(const Request *request) {
    const Command *command = request->command;
    int count = request->words.count;
    if (request->help || request->passes) return true;
    if (count < command->least) {
        usage_error(request, "tgc %s needs more: tgc %s %s", command->name, command->name, command->arguments);
        return false;
    }
    if (command->most >= 0 && count > command->most) {
        usage_error(request, "tgc %s: what is '%s' for? tgc %s %s", command->name, request->words.at[command->most],
                    command->name, command->arguments);
        return false;
    }
    return true;
}

bool request_read(Request *request, int argc, char **argv) {
    bool options = true;
    for (int at = 0; at < argc;) {
        const char *word = argv[at];
        if (options && strcmp(word, "--") == 0) {
            options = false;
            at++;
        } else if (options && word[0] == '-' && word[1]) {
            at = read_option(request, at, argc, argv);
            if (at < 0) return false;
        } else {
            vec_push(request->arena, &request->words, word);
            at++;
        }
    }
    return check_words(request);
}

/* ---- help ---- */

static void help_of_options(Text *text, const char *title, const Option *options) {
    if (options->name && title) text_printf(text, "\n%s:\n", title);
    for (const Option *option = options; option->name; option++) {
        const char *left =
            arena_printf(text->arena, "%s%s%s%s%s", option->shorter ? option->shorter : "", option->shorter ? ", " : "",
                         option->name, option->value ? " " : "", option->value ? option->value : "");
        text_printf(text, "  %-24s  %s\n", left, option->help);
    }
}

void command_help(Text *text, const Command *command) {
    text_printf(text, "tgc %s [options] %s\n\n%s\n", command->name, command->arguments, command->does);
    if (command->more) text_printf(text, "\n%s\n", command->more);
    help_of_options(text, "Options", command->options);
    if (command->compiles) help_of_options(text, "Options of compiling", compile_options);
    help_of_options(text, command->compiles || command->options->name ? NULL : "Options", common_options);
}
