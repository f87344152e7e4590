/* c_extern.c: functions of the user's in the C that is written.
 *
 * In: the `extern fn`s that kernels call. Out: the text of their headers, each once and as it is, and for each function
 * what kernels call it by, for lanes and single numbers alike:
 *
 *     static inline vec swish_lanes(vec x) { … x[i] = swishf(x[i]); … }
 *     #define call_swish(x) TG_EITHER(swish_lanes, swishf, x)(x)
 *
 * In f64 that is swish itself. A header's macros end with it. */
#include "emit/parts.h"

#include <string.h>

static const char *const formals[] = {"x", "a, b", "a, b, c"};              /* by count of arguments */
static const char *const of_type[] = {"x", "(a) + (b)", "(a) + (b) + (c)"}; /* lanes if one of them is */
static const char *const first[] = {"x", "a", "a"};

static bool is_called(const Emitter *e, const External *external) {
    for (int i = 0; i < e->model->entries.count; i++) {
        const Graph *graph = e->model->entries.at[i]->graph;
        for (int k = 0; k < graph->nodes.count; k++)
            if (graph->nodes.at[k]->op == &external->op) return true;
    }
    return false;
}

/* Without `#pragma once`, which compilers warn of outside of headers. */
static void put_lines(Text *text, const char *from) {
    while (*from) {
        size_t length = strcspn(from, "\n"), blank = strspn(from, " \t");
        bool once = strncmp(from + blank, "#pragma once", 12) == 0;
        if (!once) text_printf(text, "%.*s\n", (int)length, from);
        from += length + (from[length] != '\0');
    }
}

static void put_header_text(Emitter *e, Text *text, const External *external) {
    const CHeader *header = external->header;
    const char *slash = strrchr(external->path, '/');
    text_printf(text, "\n/* ---- functions of the user's, as %s has them ---- */\n\n",
                utf8_text(e->arena, slash ? slash + 1 : external->path));
    text_add(text, "#pragma GCC diagnostic push\n#pragma GCC diagnostic ignored \"-Wunused-function\"\n"
                   "/* clang-format off */\n");
    put_lines(text, external->text);
    text_add(text, "/* clang-format on */\n#pragma GCC diagnostic pop\n");
    for (int i = 0; i < header->macros.count; i++) text_printf(text, "#undef %s\n", header->macros.at[i]);
    for (int i = 0; i < header->functions.count; i++)
        vec_push(e->arena, &e->output->others, header->functions.at[i].name);
}

static void put_call(Emitter *e, Text *text, const External *external) {
    const char *name = external->op.name, *single = e->model->f64 ? "" : "f";
    int last = external->op.arity - 1;
    const char *lanes = arena_printf(e->arena, "%s_lanes", name);
    name_take(&e->names, lanes);
    vec_push(e->arena, &e->output->others, lanes);
    text_printf(text, "\n__attribute__((unused)) static inline vec %s(", lanes);
    for (int i = 0; i <= last; i++) text_printf(text, "%svec %c", i ? ", " : "", last ? 'a' + i : 'x');
    text_printf(text, ") {\n    for (int i = 0; i < LANES; i++)\n        %s[i] = %s%s(", first[last], name, single);
    for (int i = 0; i <= last; i++) text_printf(text, "%s%c[i]", i ? ", " : "", last ? 'a' + i : 'x');
    text_printf(text, ");\n    return %s;\n}\n", first[last]);
    text_printf(text, "#define call_%s(%s) TG_EITHER(%s, %s%s, %s)(%s)\n", name, formals[last], lanes, name, single,
                of_type[last], formals[last]);
}

void put_externals(Emitter *e, Text *text) {
    const External *const *external = (const External *const *)e->model->externals.at;
    int count = e->model->externals.count;
    for (int i = 0; i < count; i++) {
        bool shown = !is_called(e, external[i]);
        for (int k = 0; k < i && !shown; k++)
            shown = external[k]->header == external[i]->header && is_called(e, external[k]);
        if (!shown) put_header_text(e, text, external[i]);
    }
    for (int i = 0; i < count; i++)
        if (is_called(e, external[i])) put_call(e, text, external[i]);
}

void take_external_names(Emitter *e) {
    for (int i = 0; i < e->model->externals.count; i++) {
        const CHeader *header = e->model->externals.at[i]->header;
        for (int k = 0; k < header->names.count; k++) name_take(&e->names, header->names.at[k]);
    }
}
