/* c_launch.c: launches of kernels as they stand in an entry point.
 *
 *     tg_for(model->pool, k03_h, &(struct k03_h_args){.src = t.src, .h = t.h}, 32);
 *
 *     tg_for_all(model->pool,                      launches that don't need each other (loop/group.c)
 *         (const tg_job[]){
 *             {k04_q, &(struct k04_q_args){.x = t.x, .W = t.q_W, .q = t.q}, 4},
 *             {k05_k, &(struct k05_k_args){.x = t.x, .W = t.k_W, .k = t.k}, 4},
 *         },
 *         2);
 *
 * A line that is too long is broken at its parts. */
#include "emit/parts.h"

#include <string.h>

enum { LINE_WIDTH = 120 };

/* ---- what a kernel is given ---- */

/* What a launch passes for its arrays, then for its dropout sites. */
static const char **launch_values(Emitter *e, const EntryText *entry, const Function *f) {
    const char **values = NEW_ARRAY(e->arena, const char *, f->arrays.count + f->sites.count + 1);
    for (int i = 0; i < f->arrays.count; i++) values[i] = pointer_text(e, entry, f, f->arrays.at[i]);
    for (int i = 0; i < f->sites.count; i++)
        values[f->arrays.count + i] = arena_printf(e->arena, "%lu", (unsigned long)(uint32_t)f->sites.at[i]);
    return values;
}

LaunchLine launch_line(Emitter *e, const EntryText *entry, int first_launch, int launch) {
    const Function *function = entry->program->functions.at[launch];
    return (LaunchLine){function, &e->kernels.at[e->kernel_of[first_launch + launch]],
                        launch_values(e, entry, function)};
}

/* The initialisers of a launch's args, one string each. */
static int launch_args(Emitter *e, const LaunchLine *line, const char **args) {
    const Function *f = line->function;
    int count = 0;
    for (int i = 0; i < f->arrays.count; i++) {
        const char *name = line->kernel->function->arrays.at[i]->name;
        args[count++] = arena_printf(e->arena, ".%s = %s", name, line->values[i]);
    }
    for (int i = 0; i < f->scalars.count; i++) {
        if (strcmp(f->scalars.at[i], "step") != 0) fatal("emit", "no run-time scalar is named %s", f->scalars.at[i]);
        args[count++] = ".step = step";
    }
    if (f->reads_keys) args[count++] = ".key0 = key0", args[count++] = ".key1 = key1";
    for (int i = 0; i < f->sites.count; i++)
        args[count++] = arena_printf(e->arena, ".site%d = %s", i, line->values[f->arrays.count + i]);
    if (f->reads_slot) args[count++] = ".slot = &slot";
    return count;
}

/* ---- lines ---- */

static bool fits_line(const Text *text, size_t length) {
    return length + (size_t)text->indent * 4 <= LINE_WIDTH;
}

/* `open` kernel, args, slices `close`: as one line, with a break behind the kernel, or with a line for each of args. */
static void put_line(Emitter *e, Text *text, const LaunchLine *line, const char *open, const char *close) {
    const Function *f = line->function;
    const KernelText *kernel = line->kernel;
    const char **args = NEW_ARRAY(e->arena, const char *, f->arrays.count + f->scalars.count + f->sites.count + 4);
    int count = launch_args(e, line, args);
    if (!count) {
        text_printf(text, "%s%s, NULL, %lld%s\n", open, kernel->name, (long long)f->slices, close);
        return;
    }
    Text rest;
    text_init(&rest, e->arena);
    text_printf(&rest, "&(struct %s){", kernel->args_type);
    for (int i = 0; i < count; i++) text_printf(&rest, "%s%s", i ? ", " : "", args[i]);
    text_printf(&rest, "}, %lld%s\n", (long long)f->slices, close);
    if (fits_line(text, strlen(open) + strlen(kernel->name) + strlen(", ") + rest.length)) {
        text_printf(text, "%s%s, %s", open, kernel->name, rest.at);
        return;
    }
    text_printf(text, "%s%s,\n", open, kernel->name);
    text_indent(text, 1);
    if (fits_line(text, rest.length)) {
        text_add(text, rest.at);
    } else {
        text_printf(text, "&(struct %s){\n", kernel->args_type);
        text_indent(text, 1);
        for (int i = 0; i < count; i++) text_printf(text, "%s,\n", args[i]);
        text_indent(text, -1);
        text_printf(text, "},\n%lld%s\n", (long long)f->slices, close);
    }
    text_indent(text, -1);
}

static void put_quote(Emitter *e, Text *text, const Function *f, const char **quoted) {
    const char *origin = origin_text(e, f);
    if (strcmp(origin, *quoted) != 0 && *origin) text_printf(text, "/* %s */\n", origin);
    *quoted = origin;
}

void put_launches(Emitter *e, Text *text, const LaunchLine *lines, int count, const char **quoted) {
    put_quote(e, text, lines->function, quoted);
    if (count == 1) {
        put_line(e, text, lines, lines->function->here ? "tg_for_here(model->pool, " : "tg_for(model->pool, ", ");");
        return;
    }
    text_add(text, "tg_for_all(model->pool,\n");
    text_indent(text, 1);
    text_add(text, "(const tg_job[]){\n");
    text_indent(text, 1);
    for (int i = 0; i < count; i++) {
        put_quote(e, text, lines[i].function, quoted);
        put_line(e, text, &lines[i], "{", "},");
    }
    text_indent(text, -1);
    text_printf(text, "},\n%d);\n", count);
    text_indent(text, -1);
}
