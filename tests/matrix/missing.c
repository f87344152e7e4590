/* missing.c: what no case speaks of.
 *
 * In: all cases. Out: a line for each operation of ops.def that is in no case's graph, before or after its derivatives
 * are appended, and for each built-in function, and module or function of nn.tg, that no case's text calls. */
#include "matrix.h"

#include "command/command.h"
#include "pass/elaborate.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const op_names[] = {
#define OP(name) #name,
#include "ops/ops.def"
#undef OP
};
enum { OP_COUNT = sizeof op_names / sizeof *op_names };

static bool word_in(const char *text, const char *word) {
    size_t length = strlen(word);
    for (const char *at = text; (at = strstr(at, word)); at++) {
        bool starts = at == text || !strchr("abcdefghijklmnopqrstuvwxyz_0123456789", at[-1]);
        if (starts && at[length] == '(') return true;
    }
    return false;
}

static void note_ops(const Model *model, bool *seen) {
    for (int e = 0; e < model->entries.count; e++) {
        const Graph *graph = model->entries.at[e]->graph;
        for (int i = 0; i < graph->nodes.count; i++)
            for (int k = 0; k < OP_COUNT; k++)
                seen[k] = seen[k] || strcmp(graph->nodes.at[i]->op->name, op_names[k]) == 0;
    }
}

/* Compiles all cases as far as elaborate, then gradient, and notes the operations of both. */
static bool ops_of(const List *list, bool *seen) {
    int parts = list->cases.count / 300 + 1;
    bool all = true;
    for (int from = 0; from < parts; from++) {
        Arena *arena = arena_new();
        Text text;
        Request request = {.arena = arena};
        Compile compile;
        char path[] = "/tmp/tgc-matrix.XXXXXX";
        int file = mkstemp(path);
        text_init(&text, arena);
        print_heading(&text);
        for (int i = from; i < list->cases.count; i += parts) case_print(&text, list->cases.at[i], i);
        if (file < 0 || close(file) || !text_write_file(path, text.at, text.length)) return false;
        vec_push(arena, &request.words, (const char *)path);
        bool good = !compile_begin(&request, &compile);
        if (good) note_ops(compile.model, seen);
        compile.stop_after = "gradient";
        good = good && !pipeline_resume(&compile);
        if (good) note_ops(compile.model, seen);
        unlink(path);
        arena_free(arena);
        all = all && good;
    }
    return all;
}

static bool called(const List *list, const char *name) {
    for (int i = 0; i < list->cases.count; i++) {
        const Case *item = list->cases.at[i];
        bool derives = item->mode != MODE_VALUE && strcmp(name, "grad") == 0;
        if (derives || (item->mode == MODE_JACOBIAN && strcmp(name, "jacobian") == 0)) return true;
        if (word_in(item->expr, name) || word_in(item->before, name) || word_in(item->head, name)) return true;
    }
    return false;
}

static int report(const char *kind, const char *name, bool found) {
    if (!found) printf("no case has the %s %s\n", kind, name);
    return !found;
}

/* The modules and functions of the standard library: each begins a line. */
static int missing_of_library(const List *list) {
    int count = 0;
    for (const EmbeddedFile *file = embedded_std; file->name; file++)
        for (const char *line = file->text; line; line = strchr(line, '\n')) {
            char kind[8], name[64];
            line += *line == '\n';
            if (sscanf(line, "%7[a-z] %63[A-Za-z0-9_]", kind, name) != 2) continue;
            if (strcmp(kind, "module") == 0 || strcmp(kind, "fn") == 0) count += report(kind, name, called(list, name));
        }
    return count;
}

int report_missing(const List *list) {
    bool seen[OP_COUNT] = {false};
    int count = 0;
    if (!ops_of(list, seen)) {
        puts("the cases don't compile");
        return 1;
    }
    for (int k = 0; k < OP_COUNT; k++) count += report("operation", op_names[k], seen[k]);
    for (int b = 0; builtin_name(b); b++) count += report("built-in", builtin_name(b), called(list, builtin_name(b)));
    count += missing_of_library(list);
    printf("%d operations; %d operations, built-ins and layers without a case\n", OP_COUNT, count);
    return count;
}
