/* cases.c: calls with exact numbers. `cases FILE.cases` runs every call of the file through `tgc run`, compiled in f32
 * and f64 and on the evaluator, and compares what is printed with the numbers written beside it.
 *
 *     model calculus.tg                      a path from the case file's folder
 *     bound f32 1e-6                         allowed error, relative to the larger of 1 and the number; f64 likewise
 *     call total x=[[1,2,3],[4,5,6]]         entry point and inputs, as typed on the command line
 *     s = 21                                 a result: numbers in brackets, on one line or several
 *     call --options -D N=4 -- rows x=…      options of `tgc run` come before a `--`
 *
 * The compiler is $TGC. Exit status 0 when all agree, 1 otherwise, 2 for a case file that can't be read.
 */
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_WORDS = 64, MAX_RESULTS = 32, MAX_NUMBERS = 1 << 16 };

typedef struct Case {
    int line;
    int option_count, word_count, result_count;
    char *options[MAX_WORDS], *words[MAX_WORDS]; /* words[0] is the entry point */
    char *names[MAX_RESULTS], *values[MAX_RESULTS];
} Case;

typedef struct Way { /* of running a call */
    const char *name;
    const char *arguments[4];
    bool f64;
} Way;

static const Way ways[] = {
    {"f32", {"--dtype", "f32"}, false},
    {"f64", {"--dtype", "f64"}, true},
    {"evaluator", {"--dtype", "f64", "--interp"}, true},
};

static double bound_f32 = 1e-6, bound_f64 = 1e-13;
static int failures;

static _Noreturn void broken(const char *path, int line, const char *what) {
    fprintf(stderr, "%s:%d: %s\n", path, line, what);
    exit(2);
}

static void *checked(void *memory) {
    if (!memory) {
        fputs("cases: out of memory\n", stderr);
        exit(2);
    }
    return memory;
}

static int bracket_depth(const char *text) {
    int depth = 0;
    for (; *text; text++) depth += (*text == '[') - (*text == ']');
    return depth;
}

/* Splits at spaces that stand outside brackets. */
static int split_words(char *text, char **words) {
    int count = 0, depth = 0;
    while (*text && count < MAX_WORDS) {
        while (isspace((unsigned char)*text)) text++;
        if (!*text) break;
        words[count++] = text;
        for (; *text && (depth || !isspace((unsigned char)*text)); text++) depth += (*text == '[') - (*text == ']');
        if (*text) *text++ = 0;
    }
    return count;
}

/* The numbers of a value in order, and its brackets as a string such as "[[3][3]]" with counts for runs of numbers. */
static int read_value(const char **text, double *numbers, char *form, size_t size) {
    const char *at = *text;
    int count = 0, run = 0, depth = 0;
    size_t used = 0;
    do {
        while (isspace((unsigned char)*at) || *at == ',') at++;
        char *end = NULL;
        double number = 0;
        bool is_number = true;
        if (!strncmp(at, "true", 4) || !strncmp(at, "false", 5)) {
            number = *at == 't';
            end = (char *)at + (number != 0 ? 4 : 5);
        } else {
            number = strtod(at, &end);
            is_number = end != at;
        }
        if (is_number) {
            if (count == MAX_NUMBERS) return -1;
            numbers[count++] = number;
            run++;
            at = end;
        } else if (*at == '[' || *at == ']') {
            if (run && used + 16 < size) used += (size_t)snprintf(form + used, size - used, "%d", run);
            run = 0;
            if (used + 2 < size) form[used++] = *at;
            depth += *at++ == '[' ? 1 : -1;
        } else {
            return -1;
        }
    } while (depth > 0);
    form[used] = 0;
    *text = at;
    return count;
}

/* The value printed for `name`: what follows the first '=' outside brackets on the line that begins with it, so that a
 * type such as f32[M=2] may stand between. NULL if there is none. */
static const char *printed_value(const char *output, const char *name) {
    size_t length = strlen(name);
    for (const char *line = output; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) || isalnum((unsigned char)line[length]) || line[length] == '_') continue;
        int depth = 0;
        for (const char *at = line; *at && *at != '\n'; at++) {
            depth += (*at == '[') - (*at == ']');
            if (*at == '=' && !depth) return at + 1;
        }
    }
    return NULL;
}

static void report(const char *path, const Case *item, const Way *way, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void report(const char *path, const Case *item, const Way *way, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    printf("%s:%d: %s (%s): ", path, item->line, item->words[0], way->name);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
    failures++;
}

/* Runs a command, its standard output into memory; *status is its exit status or -1. */
static char *capture(char *const *arguments, int *status) {
    int ends[2];
    *status = -1;
    if (pipe(ends)) return checked(strdup(""));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        execvp(arguments[0], arguments);
        perror(arguments[0]);
        _exit(127);
    }
    close(ends[1]);
    size_t used = 0, capacity = 1 << 16;
    char *output = checked(malloc(capacity));
    ssize_t got;
    while ((got = read(ends[0], output + used, capacity - used - 1)) > 0) {
        used += (size_t)got;
        if (capacity - used < 4096) output = checked(realloc(output, capacity *= 2));
    }
    output[used] = 0;
    close(ends[0]);
    int state = 0;
    if (child > 0 && waitpid(child, &state, 0) == child && WIFEXITED(state)) *status = WEXITSTATUS(state);
    return output;
}

static void compare(const char *path, const Case *item, const Way *way, int result, const char *output) {
    static double wanted[MAX_NUMBERS], got[MAX_NUMBERS];
    static char wanted_form[1 << 16], got_form[1 << 16];
    const char *value = item->values[result];
    int count = read_value(&value, wanted, wanted_form, sizeof wanted_form);
    if (count < 0) broken(path, item->line, "expected value can't be read");
    const char *printed = printed_value(output, item->names[result]);
    if (!printed) {
        report(path, item, way, "no result named %s in\n%s", item->names[result], output);
        return;
    }
    int got_count = read_value(&printed, got, got_form, sizeof got_form);
    if (got_count != count || strcmp(wanted_form, got_form)) {
        report(path, item, way, "%s has the form %s, not %s", item->names[result], got_form, wanted_form);
        return;
    }
    double bound = way->f64 ? bound_f64 : bound_f32;
    for (int i = 0; i < count; i++) {
        double scale = fmax(1.0, fabs(wanted[i]));
        if (!(fabs(got[i] - wanted[i]) <= bound * scale) && !(isnan(got[i]) && isnan(wanted[i])) &&
            !(got[i] == wanted[i])) {
            report(path, item, way, "%s[%d] is %.17g, not %.17g", item->names[result], i, got[i], wanted[i]);
            return;
        }
    }
}

static void run_case(const char *path, const char *model, const Case *item, const Way *way) {
    char *arguments[2 * MAX_WORDS + 10] = {getenv("TGC"), "run"};
    int count = 2, status;
    for (int i = 0; i < 4 && way->arguments[i]; i++) arguments[count++] = (char *)way->arguments[i];
    for (int i = 0; i < item->option_count; i++) arguments[count++] = item->options[i];
    arguments[count++] = (char *)model;
    for (int i = 0; i < item->word_count; i++) arguments[count++] = item->words[i];
    if (!arguments[0]) arguments[0] = "build/tgc";
    char *output = capture(arguments, &status);
    if (status) report(path, item, way, "tgc ended with status %d", status);
    for (int i = 0; i < item->result_count && !status; i++) compare(path, item, way, i, output);
    free(output);
}

static void run_case_all_ways(const char *path, const char *model, const Case *item) {
    if (!item->line) return;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) run_case(path, model, item, &ways[i]);
}

static void read_call(Case *item, char *text, int line, const char *path) {
    char *words[MAX_WORDS];
    int count = split_words(checked(strdup(text)), words), from = 0;
    *item = (Case){.line = line};
    if (count && !strcmp(words[0], "--options")) {
        for (from = 1; from < count && strcmp(words[from], "--"); from++)
            item->options[item->option_count++] = words[from];
        from++;
    }
    for (int i = from; i < count; i++) item->words[item->word_count++] = words[i];
    if (!item->word_count) broken(path, line, "a call names an entry point");
}

static void read_bound(char *text, const char *path, int line) {
    char name[8];
    double value;
    if (sscanf(text, "%7s %lf", name, &value) != 2) broken(path, line, "bound f32|f64 NUMBER");
    *(strcmp(name, "f32") ? &bound_f64 : &bound_f32) = value;
}

int main(int argc, char **argv) {
    static char line[1 << 16], model[4096];
    if (argc != 2) broken("usage", 0, "cases FILE.cases");
    const char *path = argv[1];
    FILE *file = fopen(path, "r");
    if (!file) broken(path, 0, "can't be opened");
    Case item = {0};
    int number = 0, calls = 0;
    while (fgets(line, sizeof line, file)) {
        number++;
        line[strcspn(line, "#\n")] = 0;
        char *text = line + strspn(line, " \t");
        if (!*text) continue;
        if (!strncmp(text, "model ", 6)) {
            const char *slash = strrchr(path, '/');
            snprintf(model, sizeof model, "%.*s%s", slash ? (int)(slash - path + 1) : 0, path,
                     text + 6 + strspn(text + 6, " "));
        } else if (!strncmp(text, "bound ", 6)) {
            read_bound(text + 6, path, number);
        } else if (!strncmp(text, "call ", 5)) {
            run_case_all_ways(path, model, &item);
            read_call(&item, text + 5, number, path);
            calls++;
        } else {
            char *equals = strchr(text, '=');
            if (!equals || !item.line || item.result_count == MAX_RESULTS) broken(path, number, "name = value");
            char *name = checked(strndup(text, strcspn(text, " =")));
            while (bracket_depth(text) > 0) {
                size_t used = strlen(line);
                if (!fgets(line + used, (int)(sizeof line - used), file)) broken(path, number, "brackets left open");
                number++;
                line[used + strcspn(line + used, "#\n")] = 0;
            }
            item.names[item.result_count] = name;
            item.values[item.result_count++] = checked(strdup(equals + 1));
        }
    }
    run_case_all_ways(path, model, &item);
    fclose(file);
    printf("%s: %d calls, %d failures\n", path, calls, failures);
    return failures ? 1 : 0;
}
