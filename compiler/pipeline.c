/* pipeline.c: the table of passes, and what runs it.
 *
 *     m.tg --parse--> tree --elaborate … expand--> graphs --fuse … plan--> kernels --lower--> loops --emit--> C
 * --build-->
 *
 * After each row the runner stops if there are mistakes of the user (syntax errors are told together with those that
 * `elaborate` finds in the rest), checks what the row made, and dumps it if asked; "unchanged" says that the dump is
 * the text it was before. */
#include "pipeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- the rows ---- */

static void run_parse(Compile *c) {
    c->file = lang_parse(c->arena, c->names, c->diag, c->source);
}

static void run_elaborate(Compile *c) {
    const char *unknown = override_unknown(c->file, &c->options);
    if (unknown && !diag_count(c->diag)) {
        fprintf(stderr, "tgc: -D %s: %s has no dim or const of that name at the top\n", unknown, c->path);
        c->status = 2;
        return;
    }
    c->model = model_new(c->arena, c->names, c->diag, c->source, c->options.f64);
    elaborate(c->model, c->file, &c->options);
}

/* Leaves the entry asked for alone: the passes behind work on it only. */
static void keep_only(Compile *c) {
    if (!c->only) return;
    for (int i = 0; i < c->model->entries.count; i++)
        if (!strcmp(c->model->entries.at[i]->name, c->only)) {
            c->model->entries.at[0] = c->model->entries.at[i];
            c->model->entries.count = 1;
            return;
        }
}

static void run_recognise(Compile *c) {
    keep_only(c);
    recognise(c->model);
}

static void run_block(Compile *c) {
    block(c->model, c->block_rows);
}

static void run_gradient(Compile *c) {
    gradient(c->model);
}

static void run_simplify(Compile *c) {
    simplify(c->model);
}

static void run_factor(Compile *c) {
    factor(c->model);
}

static void run_update(Compile *c) {
    update(c->model);
}

static void run_expand(Compile *c) {
    expand(c->model);
}

static void run_defer(Compile *c) {
    defer(c->model);
}

/* Computes more again until the entry's arena has at most the bytes that were asked for. */
static void limit_memory(Compile *c, Entry *entry) {
    size_t bytes = budget(c->model, entry, c->machine, c->tuned, c->apart, c->memory);
    if (bytes <= c->memory) return;
    Message *message =
        diag_error(c->diag, entry->span, E0801, "%s cannot do with an arena of %zu bytes", entry->name, c->memory);
    diag_label(message, "the least that was found is %zu bytes", bytes);
    diag_help(message, "give --memory %zu, or make the batch smaller", bytes);
}

static void run_recompute(Compile *c) {
    for (int i = 0; i < c->model->entries.count; i++) {
        recompute(c->model->entries.at[i], c->model, NULL);
        if (c->memory) limit_memory(c, c->model->entries.at[i]);
    }
}

static void run_fuse(Compile *c) {
    for (int i = 0; i < c->model->entries.count; i++)
        vec_push(c->arena, &c->schedules, fuse(c->model, c->model->entries.at[i], c->apart));
}

static void run_order(Compile *c) {
    for (int i = 0; i < c->schedules.count; i++) order(c->schedules.at[i]);
}

static void run_tile(Compile *c) {
    for (int i = 0; i < c->schedules.count; i++) tile(c->schedules.at[i], c->machine, c->tuned);
    if (!c->tune) return;
    Text left;
    text_init(&left, c->arena);
    tuned_left(&left, c->tuned, c->machine, c->options.f64);
    fputs(left.at, stderr);
}

static void run_plan(Compile *c) {
    for (int i = 0; i < c->schedules.count; i++) plan_memory(c->schedules.at[i], c->output.check);
}

static void run_lower(Compile *c) {
    for (int i = 0; i < c->schedules.count; i++)
        vec_push(c->arena, &c->programs, program_lower(c->schedules.at[i], c->machine));
}

static void run_group(Compile *c) {
    if (c->output.check) return; /* every launch is followed by a check of what it wrote */
    for (int i = 0; i < c->programs.count; i++) program_group(c->programs.at[i], c->machine);
}

static void run_emit(Compile *c) {
    emit(&c->output, c->model, c->programs.at, c->machine);
}

static void run_inspect(Compile *c) {
    text_init(&c->inspected, c->arena);
    inspect(&c->output, c->machine, &c->inspected);
}

static void run_build(Compile *c) {
    c->status = build(&c->output, &c->build, c->machine);
}

/* ---- checks and dumps ---- */

static void check_graphs(const Compile *c, const char *pass) {
    for (int i = 0; i < c->model->entries.count; i++) graph_check(c->model->entries.at[i]->graph, pass);
}

static void check_schedules(const Compile *c, const char *pass) {
    for (int i = 0; i < c->schedules.count; i++) schedule_check(c->schedules.at[i], pass);
}

static void check_programs(const Compile *c, const char *pass) {
    (void)pass;
    for (int i = 0; i < c->programs.count; i++) program_check(c->programs.at[i], c->machine);
}

static void check_groups(const Compile *c, const char *pass) {
    (void)pass;
    for (int i = 0; i < c->programs.count; i++) program_check_groups(c->programs.at[i]);
}

static void dump_tree(Text *text, const Compile *c) {
    lang_print(text, c->file);
}

static void dump_graphs(Text *text, const Compile *c) {
    model_print(text, c->model);
}

static void dump_schedules(Text *text, const Compile *c) {
    for (int i = 0; i < c->schedules.count; i++) schedule_print(text, c->schedules.at[i]);
}

static void dump_programs(Text *text, const Compile *c) {
    for (int i = 0; i < c->programs.count; i++) program_print(text, c->programs.at[i]);
}

static void dump_source(Text *text, const Compile *c) {
    text_add(text, c->output.source.at);
}

static void dump_inspected(Text *text, const Compile *c) {
    text_add(text, c->inspected.at);
}

static void dump_build(Text *text, const Compile *c) {
    text_printf(text, "%s\n", c->build.path);
}

const Pass pass_table[] = {
    {"parse", "read the .tg text into a syntax tree", run_parse, NULL, dump_tree},
    {"elaborate", "resolve names, infer shapes, build the tensor graph", run_elaborate, check_graphs, dump_graphs},
    {"recognise", "turn the pattern of attention into one operation", run_recognise, check_graphs, dump_graphs},
    {"block", "cut what a loss is computed from into blocks of rows", run_block, check_graphs, dump_graphs},
    {"gradient", "append the adjoint of everything asked for", run_gradient, check_graphs, dump_graphs},
    {"simplify", "apply local identities, share and drop nodes", run_simplify, check_graphs, dump_graphs},
    {"factor", "take gains and biases out of weight gradients", run_factor, check_graphs, dump_graphs},
    {"update", "let products take the optimiser's step of their weights", run_update, check_graphs, dump_graphs},
    {"expand", "rewrite row operations as maps and reductions", run_expand, check_graphs, dump_graphs},
    {"defer", "put each block of rows beside its backward pass", run_defer, check_graphs, dump_graphs},
    {"recompute", "compute again for the backward pass what is not kept", run_recompute, check_graphs, dump_graphs},
    {"fuse", "partition the graph into kernels", run_fuse, NULL, dump_schedules},
    {"order", "sequence the kernels", run_order, check_schedules, dump_schedules},
    {"tile", "choose tiles for the machine", run_tile, check_schedules, dump_schedules},
    {"plan", "place every buffer in the arena", run_plan, check_schedules, dump_schedules},
    {"lower", "turn each kernel into a loop nest", run_lower, check_programs, dump_programs},
    {"group", "let launches that do not need each other run together", run_group, check_groups, dump_programs},
    {"emit", "write C", run_emit, NULL, dump_source},
    {"inspect", "let libclang confirm what was written", run_inspect, NULL, dump_inspected},
    {"build", "compile with clang", run_build, NULL, dump_build},
    {NULL, NULL, NULL, NULL, NULL},
};

/* ---- the runner ---- */

const Pass *pass_find(const char *name) {
    for (const Pass *pass = pass_table; pass->name; pass++)
        if (!strcmp(pass->name, name)) return pass;
    return NULL;
}

void passes_print(Text *text) {
    for (const Pass *pass = pass_table; pass->name; pass++) text_printf(text, "%-10s %s\n", pass->name, pass->does);
}

void compile_init(Compile *compile, Arena *arena, const char *path) {
    *compile = (Compile){.arena = arena, .path = path, .target = "native", .dump_to = stdout};
    compile->block_rows = BLOCK_WHERE_IT_PAYS;
    compile->names = names_new(arena);
    compile->diag = diag_new(arena);
    const char *no_colour = getenv("NO_COLOR");
    compile->colour = isatty(STDERR_FILENO) && !(no_colour && *no_colour);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* A file that is named on the command line; NULL after a message. */
static Source *read_source(Compile *c, const char *path) {
    Source *source = NEW(c->arena, Source);
    source->path = path;
    source->text = text_read_file(c->arena, path, &source->size);
    if (source->text) return source;
    fprintf(stderr, "tgc: %s: %s\n", path, strerror(errno));
    c->status = 3;
    return NULL;
}

/* The measured tiles, if any. Their mistakes are told by pipeline_resume, which goes no further. */
static bool read_tuned(Compile *c) {
    if (!c->tune) return true;
    const Source *source = read_source(c, c->tune);
    if (!source) return false;
    c->tuned = tuned_read(c->arena, c->diag, source);
    if (!c->tuned) c->status = 1;
    return true;
}

/* The machine, the file and the names of passes: mistakes of the command line. */
static bool prepare(Compile *c) {
    if (c->stop_after && !pass_find(c->stop_after)) {
        fprintf(stderr, "tgc: no pass is named %s (tgc --passes lists them)\n", c->stop_after);
        c->status = 2;
        return false;
    }
    if (c->dump && strcmp(c->dump, "all") != 0 && !pass_find(c->dump)) {
        fprintf(stderr, "tgc: no pass is named %s (tgc --passes lists them)\n", c->dump);
        c->status = 2;
        return false;
    }
    c->machine = machine_find(c->target);
    if (!c->machine) {
        fprintf(stderr, "tgc: unknown target %s; there are native", c->target);
        for (int i = 0; i < machine_count; i++) fprintf(stderr, " %s", machine_table[i].name);
        fprintf(stderr, "\n");
        c->status = 2;
        return false;
    }
    c->source = read_source(c, c->path);
    return c->source && read_tuned(c);
}

static bool is_skipped(const Compile *c, const Pass *pass) {
    if (pass->run == run_inspect) return c->skip_inspect;
    return pass->run == run_build && !c->build.path;
}

/* Dumps what the pass made. `before` is the last dump of the same form. */
static void dump(Compile *c, const Pass *pass, void (**form)(Text *, const Compile *), const char **before) {
    if (!c->dump || !pass->dump) return;
    Text text;
    text_init(&text, c->arena);
    pass->dump(&text, c);
    bool all = !strcmp(c->dump, "all");
    bool unchanged = *form == pass->dump && !strcmp(*before, text.at);
    *form = pass->dump;
    *before = text.at;
    if (!all && strcmp(c->dump, pass->name) != 0) return;
    if (all) fprintf(c->dump_to, "==== %s: %s ====\n", pass->name, pass->does);
    fputs(unchanged ? "unchanged\n" : text.at, c->dump_to);
    if (!fflush(c->dump_to) && !ferror(c->dump_to)) return;
    fprintf(stderr, "tgc: error: cannot write what %s made: %s\n", pass->name, strerror(errno));
    c->status = 3;
}

static void print_timings(const Compile *c) {
    for (int i = 0; pass_table[i].name; i++)
        if (c->seconds[i] > 0) fprintf(stderr, "%-10s %9.3f ms\n", pass_table[i].name, c->seconds[i] * 1e3);
    fprintf(stderr, "%-10s %9.3f ms\n", "total", c->total_seconds * 1e3);
}

static void run_table(Compile *c) {
    void (*form)(Text *, const Compile *) = NULL;
    const char *before = "";
    for (int i = c->next; pass_table[i].name && !c->status; i++) {
        const Pass *pass = &pass_table[i];
        c->next = i + 1;
        if (!is_skipped(c, pass)) {
            double begun = now();
            pass->run(c);
            if (diag_count(c->diag)) c->status = 1;
            bool stops = c->stop_after && !strcmp(c->stop_after, pass->name);
            if (c->status == 1 && pass->run == run_parse && !c->file->lost && !stops) run_elaborate(c);
            if (c->status) return;
            dump(c, pass, &form, &before); /* first, so that what a check finds can be seen */
            if (pass->check) pass->check(c, pass->name);
            c->seconds[i] = now() - begun;
        }
        if (c->stop_after && !strcmp(c->stop_after, pass->name)) return;
    }
}

int pipeline_resume(Compile *compile) {
    double begun = now();
    run_table(compile);
    compile->total_seconds += now() - begun;
    if (diag_count(compile->diag)) {
        diag_print(compile->diag, stderr, compile->colour);
        if (isatty(STDERR_FILENO)) fputs("tgc explain CODE says more about a message\n", stderr);
    }
    if (compile->timings) print_timings(compile);
    return compile->status;
}

int pipeline_run(Compile *compile) {
    double begun = now();
    if (!prepare(compile)) return compile->status;
    compile->total_seconds = now() - begun;
    return pipeline_resume(compile);
}
