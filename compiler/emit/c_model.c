/* c_model.c: a model as one C file and one header.
 *
 * In: one Program per entry point. Out, in this order: a table of contents, the machine's sizes, the runtime (included,
 * or its text for a stand-alone file), one function per kernel, one struct and one function per entry point, the tables
 * of tg_info, the functions of the header. The same input gives the same bytes. */
#include "emit/parts.h"

#include <string.h>

static const char style_text[] = "# The style of the C beside it: line ends are where tgc put them.\n"
                                 "BasedOnStyle: LLVM\n"
                                 "IndentWidth: 4\n"
                                 "AllowShortIfStatementsOnASingleLine: WithoutElse\n"
                                 "ColumnLimit: 0\n"
                                 "ContinuationIndentWidth: 4\n"
                                 "AlignAfterOpenBracket: DontAlign\n"
                                 "AlignOperands: DontAlign\n"
                                 "AlignTrailingComments: false\n"
                                 "ReflowComments: false\n"
                                 "SortIncludes: false\n";

/* Functions every model has: bodies of what c_header.c declares. */
static const char common_text[] = "int %p_new(%p **handle, int threads, uint64_t seed) {\n"
                                  "    const tg_options options = {.threads = threads, .seed = seed};\n"
                                  "    tg_model *made = NULL;\n"
                                  "    if (!handle) return TG_BAD_ARGUMENT;\n"
                                  "    const tg_status status = tg_model_new(&made, &info, &options);\n"
                                  "    *handle = (%p *)made;\n"
                                  "    return status;\n"
                                  "}\n"
                                  "\n"
                                  "void %p_free(%p *handle) {\n"
                                  "    tg_model_free((tg_model *)handle);\n"
                                  "}\n"
                                  "\n"
                                  "const char *%p_error(const %p *handle) {\n"
                                  "    return tg_error_text((const tg_model *)handle);\n"
                                  "}\n"
                                  "\n"
                                  "int %p_reset(%p *handle, uint64_t seed) {\n"
                                  "    if (!handle) return TG_BAD_ARGUMENT;\n"
                                  "    tg_model_reset((tg_model *)handle, seed);\n"
                                  "    return TG_OK;\n"
                                  "}\n"
                                  "\n"
                                  "void *%p_state(%p *handle, const char *name, int64_t *count) {\n"
                                  "    const tg_tensor *tensor = NULL;\n"
                                  "    if (!handle || !name) return NULL;\n"
                                  "    void *elements = tg_model_data((tg_model *)handle, name, &tensor);\n"
                                  "    if (elements && count) *count = tensor->count;\n"
                                  "    return elements;\n"
                                  "}\n"
                                  "\n"
                                  "%f *%p_param(%p *handle, const char *path, int64_t *count) {\n"
                                  "    const tg_tensor *tensor = NULL;\n"
                                  "    if (!handle || !path) return NULL;\n"
                                  "    void *elements = tg_model_data((tg_model *)handle, path, &tensor);\n"
                                  "    if (!elements || tensor->dtype != info.float_type) return NULL;\n"
                                  "    if (count) *count = tensor->count;\n"
                                  "    return elements;\n"
                                  "}\n"
                                  "\n"
                                  "double %p_learning_rate(const %p *handle) {\n"
                                  "    return handle ? ((const tg_model *)handle)->learning_rate : 0;\n"
                                  "}\n"
                                  "\n"
                                  "double %p_gradient_norm(const %p *handle) {\n"
                                  "    return handle ? ((const tg_model *)handle)->gradient_norm : 0;\n"
                                  "}\n"
                                  "\n"
                                  "uint64_t %p_steps(const %p *handle) {\n"
                                  "    return handle ? ((const tg_model *)handle)->step : 0;\n"
                                  "}\n"
                                  "\n"
                                  "const struct tg_info *%p_info(void) {\n"
                                  "    return &info;\n"
                                  "}\n"
                                  "\n"
                                  "const char *%p_json(void) {\n"
                                  "    return json;\n"
                                  "}\n";

static const char *const common_names[] = {"new",           "free",          "error", "reset", "state", "param",
                                           "learning_rate", "gradient_norm", "steps", "info",  "json"};

/* One function for files; %s is its name here and in the runtime. */
static const struct {
    const char *name, *calls;
} file_functions[] = {
    {"load", "tg_model_load(model, path)"},
    {"save", "tg_model_save(model, path)"},
    {"checkpoint_load", "tg_checkpoint_load(model, path)"},
    {"checkpoint_save", "tg_checkpoint_save(model, path, NULL)"},
};

enum {
    COMMON_COUNT = sizeof common_names / sizeof *common_names,
    FILE_COUNT = sizeof file_functions / sizeof *file_functions
};

static void put_common(Emitter *e, Text *text) {
    text_add(text, "\n/* ---- what every model has ---- */\n\n");
    put_filled(e, text, common_text);
    for (int i = 0; i < COMMON_COUNT; i++)
        vec_push(e->arena, &e->output->others, arena_printf(e->arena, "%s_%s", e->prefix, common_names[i]));
    for (int i = 0; e->output->files && i < FILE_COUNT; i++) {
        text_printf(text, "\nint %s_%s(%s *handle, const char *path) {\n", e->prefix, file_functions[i].name,
                    e->prefix);
        text_printf(text,
                    "    tg_model *const model = (tg_model *)handle;\n"
                    "    if (!model) return TG_BAD_ARGUMENT;\n"
                    "    if (!path) return tg_fail(model, TG_BAD_ARGUMENT, \"%s: the path is NULL\");\n"
                    "    return %s;\n}\n",
                    file_functions[i].name, file_functions[i].calls);
        vec_push(e->arena, &e->output->others, arena_printf(e->arena, "%s_%s", e->prefix, file_functions[i].name));
    }
}

static void put_includes(Emitter *e, Text *text) {
    text_add(text, "#ifndef _GNU_SOURCE\n#define _GNU_SOURCE\n#endif\n");
    text_printf(text, "#define TG_VEC_BYTES %d /* of one vector */\n", e->machine->vector_bytes);
    if (e->model->f64) text_add(text, "#define TG_DOUBLE\n");
    if (e->output->standalone) {
        text_printf(text, "#include \"%s.h\"\n", e->prefix);
        put_runtime(text, e->prefix, e->output->check);
        return;
    }
    text_printf(text, "#include \"%s.h\"\n#include \"tg.h\"\n", e->prefix);
    if (e->output->files) text_add(text, "#include \"tg_files.h\"\n");
    text_add(text, "#include \"tg_vec.h\"\n");
}

static bool any_check(const Emitter *e) {
    for (int i = 0; i < e->model->entries.count; i++)
        for (int j = 0; j < e->entries[i].program->functions.count; j++) {
            const Kernel *kernel = e->entries[i].program->functions.at[j]->kernel;
            if (kernel && kernel->kind == KERNEL_CHECK) return true;
        }
    return false;
}

static void put_range_error(Emitter *e, Text *text) {
    if (!any_check(e) || e->output->check) return;
    text_add(text, "\nstatic tg_status out_of_range(tg_model *model, const char *entry, const tg_slot *slot) {\n"
                   "    return tg_fail(model, TG_VALUE, \"%s: %s: element %lld is %lld, not in 0 to %lld\", entry, "
                   "slot->label,\n"
                   "        (long long)slot->position, (long long)slot->value, (long long)slot->limit - 1);\n"
                   "}\n");
    vec_push(e->arena, &e->output->others, "out_of_range");
}

/* Names that the file and the header give a meaning of their own. */
static void take_names(Emitter *e) {
    static const char *const own[] = {"info", "entries", "params", "states", "json", "out_of_range"};
    e->names.arena = e->arena;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) name_take(&e->names, own[i]);
    take_external_names(e);
    e->functions.arena = e->arena;
    for (int i = 0; i < COMMON_COUNT; i++) name_take(&e->functions, common_names[i]);
    for (int i = 0; i < FILE_COUNT; i++) name_take(&e->functions, file_functions[i].name);
}

void emit(Output *output, Model *model, Program *const *programs, const Machine *machine) {
    const char *prefix = c_prefix(model->arena, output->prefix ? output->prefix : model->name);
    Emitter e = {.arena = model->arena, .output = output, .model = model, .machine = machine, .prefix = prefix};
    e.upper = c_upper(e.arena, prefix);
    output->prefix = prefix;
    text_init(&output->source, e.arena);
    text_init(&output->header, e.arena);
    text_init(&output->style, e.arena);
    text_add(&output->style, style_text);

    take_names(&e);
    layout_variables(&e);
    collect_selectors(&e);
    collect_entries(&e, programs);
    collect_kernels(&e, programs);
    collect_rows(&e);
    find_repeats(&e);

    Text rest, *text = &rest;
    text_init(text, e.arena);
    put_includes(&e, text);
    put_externals(&e, text);
    text_add(text, "\n/* ---- kernels ---- */\n");
    put_kernels(&e, text);
    text_add(text, "\n/* ---- entry points ---- */\n");
    put_range_error(&e, text);
    for (int i = 0, launch = 0; i < model->entries.count; launch += programs[i++]->functions.count) {
        put_tensors(&e, text, &e.entries[i]);
        put_entry(&e, text, &e.entries[i], launch);
    }
    put_selectors(&e, text);
    put_tables(&e, text);
    put_common(&e, text);
    put_contents(&e, &output->source, rest.at);
    text_add(&output->source, rest.at);
    put_header(&e, &output->header);
}
