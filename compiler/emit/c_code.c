/* c_code.c: the kernels' text. Functions that are the same but for names and buffers are written once, under the name
 * of the first; each launch passes its own args.
 *
 *     struct k03_h_args {
 *         const float *x;
 *         float *h;
 *     };
 *
 *     // k03_h: gpt.tg:31  h = gelu(x @ w)
 *     static void k03_h(const void *args, int lo, int hi) { ... } */
#include "emit/parts.h"

#include <string.h>

static const char *canonical_text(Emitter *e, const Function *function) {
    Text text;
    text_init(&text, e->arena);
    loop_canonical(&text, function, e->model->f64);
    text_printf(&text, "%lld", (long long)function->slices);
    return text.at;
}

static int kernel_index(Emitter *e, const Schedule *schedule, const Function *function, const char *entry) {
    const char *canonical = canonical_text(e, function);
    for (int i = 0; i < e->kernels.count; i++)
        if (!strcmp(e->kernels.at[i].canonical, canonical)) return i;
    const char *wanted = c_identifier(e->arena, function->name);
    if (e->model->entries.count > 1) wanted = arena_printf(e->arena, "%s_%s", entry, wanted);
    const char *name = name_new(&e->names, wanted);
    const char *args_type = arena_printf(e->arena, "%s_args", name);
    vec_push(
        e->arena, &e->kernels,
        ((KernelText){
            .function = function, .schedule = schedule, .name = name, .args_type = args_type, .canonical = canonical}));
    return e->kernels.count - 1;
}

void collect_kernels(Emitter *e, Program *const *programs) {
    int total = 0;
    for (int i = 0; i < e->model->entries.count; i++) total += programs[i]->functions.count;
    e->kernel_of = NEW_ARRAY(e->arena, int, total + 1);
    for (int i = 0, launch = 0; i < e->model->entries.count; i++)
        for (int j = 0; j < programs[i]->functions.count; j++, launch++) {
            const Function *function = programs[i]->functions.at[j];
            const char *entry = c_identifier(e->arena, e->entries[i].entry->identifier);
            int kernel = kernel_index(e, programs[i]->schedule, function, entry);
            e->kernel_of[launch] = kernel;
            vec_push(e->arena, &e->kernels.at[kernel].users, function);
            e->kernels.at[kernel].launches++;
        }
}

/* A node by its name, by its path, and an adjoint by its parameter's path: "d_W up.d_W d_up.W ". */
static void put_node_names(Text *values, const Node *node) {
    const char *name = node->name, *scope = node->scope;
    if (!name) return;
    text_printf(values, "%s ", name);
    if (!scope || !scope[0]) return;
    text_printf(values, "%s.%s ", scope, name);
    if (!strncmp(name, "d_", 2)) text_printf(values, "d_%s.%s ", scope, name + 2);
}

static void put_launch_values(Text *values, const Entry *entry, const Function *function) {
    const Kernel *kernel = function->kernel;
    for (int i = 0; i < function->arrays.count; i++) {
        const Array *array = function->arrays.at[i];
        if (array->written && array->buffer->kind == BUF_RESULT)
            text_printf(values, "%s ", entry->results.at[array->buffer->port].name);
    }
    if (!kernel) return;
    text_printf(values, "%s ", kernel->name ? kernel->name : "");
    for (int i = 0; i < kernel->nodes.count; i++) put_node_names(values, kernel->nodes.at[i]);
}

/* " h net.ff.h ": what the launches of a kernel compute. */
static const char *values_of(Emitter *e, int kernel) {
    Text values;
    text_init(&values, e->arena);
    text_add(&values, " ");
    for (int i = 0, launch = 0; i < e->model->entries.count; i++)
        for (int j = 0; j < e->entries[i].program->functions.count; j++, launch++)
            if (e->kernel_of[launch] == kernel)
                put_launch_values(&values, e->entries[i].entry, e->entries[i].program->functions.at[j]);
    return values.at;
}

static void put_kernel(Emitter *e, Text *text, const KernelText *kernel) {
    Function named = *kernel->function;
    named.name = kernel->name;
    loop_print_args(text, &named, kernel->args_type, e->model->f64);
    text_printf(text, "\n/* %s", kernel->name);
    put_formula(text, e, kernel);
    text_add(text, " */\n");
    loop_print(text, &named, kernel->args_type, e->model->f64);
}

static void list_buffers(Emitter *e, OutputLaunch *launch) {
    for (int i = 0; i < launch->function->arrays.count; i++) {
        const Array *array = launch->function->arrays.at[i];
        if (array->written)
            vec_push(e->arena, &launch->writes, (const Buffer *)array->buffer);
        else
            vec_push(e->arena, &launch->reads, (const Buffer *)array->buffer);
    }
}

/* Launch `function` of an entry's program. */
static void list_launch(Emitter *e, int entry, int function, int kernel) {
    const Program *program = e->entries[entry].program;
    const Function *launched = program->functions.at[function];
    const Kernel *planned = launched->kernel;
    OutputLaunch launch = {.entry = entry, .kernel = kernel, .function = launched, .planned = planned};
    launch.packs = function + 1 < program->functions.count && program->functions.at[function + 1]->kernel == planned;
    launch.node = planned ? main_node(planned) : NULL;
    launch.phases = phases_of(launched);
    launch.slices = launched->slices;
    launch.first = function;
    while (program->functions.at[launch.first]->joins) launch.first--;
    launch.last = launch.first + group_size(program, launch.first) - 1;
    launch.here = launched->here && launch.first == launch.last;
    list_buffers(e, &launch);
    launch.computes = results_text(e, program->schedule, launched);
    vec_push(e->arena, &e->output->launches, launch);
}

static void list_launches(Emitter *e) {
    for (int i = 0, launch = 0; i < e->model->entries.count; i++)
        for (int j = 0; j < e->entries[i].program->functions.count; j++, launch++)
            list_launch(e, i, j, e->kernel_of[launch]);
}

void put_kernels(Emitter *e, Text *text) {
    for (int i = 0; i < e->kernels.count; i++) {
        Text one;
        text_init(&one, e->arena);
        put_kernel(e, &one, &e->kernels.at[i]);
        text_printf(text, "\n%s", one.at);
        vec_push(e->arena, &e->output->kernels,
                 ((OutputKernel){.name = e->kernels.at[i].name,
                                 .text = one.at,
                                 .values = values_of(e, i),
                                 .products = e->kernels.at[i].function->products}));
    }
    list_launches(e);
}

int emit_only(Text *text, const Output *output, const char *name) {
    int found = 0;
    const char *wanted = arena_printf(text->arena, " %s ", name);
    for (int i = 0; i < output->kernels.count; i++) {
        const OutputKernel *kernel = &output->kernels.at[i];
        if (!strstr(kernel->values, wanted) && strcmp(kernel->name, name) != 0) continue;
        text_printf(text, "%s%s", found++ ? "\n" : "", kernel->text);
    }
    return found;
}
