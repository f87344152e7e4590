/* c_header.c: the header of a model: an opaque handle, constants, and one typed function per entry point. It includes
 * only <stddef.h> and <stdint.h> and is both C and C++; emit.h shows what it offers. */
#include "emit/parts.h"

/* `M_STEP_SRC_COUNT` and the sizes of its axes. */
static void put_port_constants(Emitter *e, Text *text, const EntryText *entry, const Port *port, const char *name) {
    const char *upper = c_upper(e->arena, arena_printf(e->arena, "%s_%s_%s", e->prefix, entry->name, name));
    text_printf(text, "#define %s_COUNT %lld\n", upper, (long long)shape_count(&port->shape));
    for (int i = 0; i < port->shape.rank; i++)
        text_printf(text, "#define %s_%d %lld\n", upper, i, (long long)port->shape.size[i]);
}

static void put_constants(Emitter *e, Text *text) {
    text_add(text, "\n/* Bytes that an instance takes, and elements of every input and result: _COUNT in all, _0 along "
                   "axis 0. */\n");
    text_printf(text, "#define %s_ARENA_BYTES %zu\n", e->upper, e->arena_bytes);
    text_printf(text, "#define %s_PARAM_BYTES %zu\n", e->upper, e->param_bytes);
    text_printf(text, "#define %s_STATE_BYTES %zu\n", e->upper, e->state_bytes);
    put_bucket_constants(e, text);
    for (int i = 0; i < e->model->entries.count; i++) {
        const EntryText *entry = &e->entries[i];
        text_printf(text, "#define %s_%s_ARENA_BYTES %zu\n", e->upper, c_upper(e->arena, entry->name),
                    entry->program->schedule->arena_bytes);
        for (int j = 0; j < entry->entry->inputs.count; j++)
            put_port_constants(e, text, entry, &entry->entry->inputs.at[j], entry->inputs[j]);
        for (int j = 0; j < entry->entry->results.count; j++)
            put_port_constants(e, text, entry, &entry->entry->results.at[j], entry->results[j]);
    }
}

static void put_port_line(Emitter *e, Text *text, const Port *port, const char *name, const char *side) {
    text_printf(text, " *   %s %s  %s", side, name, dtype_name(port->dtype, e->model->f64));
    shape_print(text, &port->shape, true);
    if (port->high) text_printf(text, ", from %lld to %lld", (long long)port->low, (long long)port->high - 1);
    text_add(text, "\n");
}

static void put_entry_prototype(Emitter *e, Text *text, const EntryText *entry) {
    const Entry *of = entry->entry;
    text_printf(text, "\n/* %s %s. Arrays are the caller's, row-major.\n",
                of->train ? "The training step" : "The graph", of->name);
    for (int i = 0; i < of->inputs.count; i++)
        put_port_line(e, text, &of->inputs.at[i], entry->inputs[i], i ? "    " : "in  ");
    for (int i = 0; i < of->results.count; i++)
        put_port_line(e, text, &of->results.at[i], entry->results[i], i ? "    " : "out ");
    if (of->train && of->accumulate > 1)
        text_printf(text, " * Parameters change at every call number %d.\n", of->accumulate);
    text_printf(text, " */\n%s_API ", e->upper);
    put_signature(e, text, entry);
    text_add(text, ";\n");
}

/* The functions that every model has; %p is the prefix, %P the prefix in capitals, %f the float type. */
static const char common_text[] =
    "\n"
    "/* A new instance with all the memory it will ever use, its parameters at their first values under `seed`, which "
    "is\n"
    " * dropout's too. threads 0: as many as there are cores. Free it with %p_free. On failure *handle is NULL. */\n"
    "%P_API int %p_new(%p **handle, int threads, uint64_t seed);\n"
    "%P_API void %p_free(%p *handle); /* NULL is allowed */\n"
    "/* Why the last call failed; never NULL, the instance's own. */\n"
    "%P_API const char *%p_error(const %p *handle);\n"
    "/* Parameters, states and counts as %p_new sets them. */\n"
    "%P_API int %p_reset(%p *handle, uint64_t seed);\n"
    "/* The elements of a parameter by its path, or of a state: owned by the instance, free to be read and written "
    "between\n"
    " * calls. NULL if there is none of that name. count may be NULL. */\n"
    "%P_API %f *%p_param(%p *handle, const char *path, int64_t *count);\n"
    "%P_API void *%p_state(%p *handle, const char *name, int64_t *count);\n"
    "/* Of the last training call; updates done so far. */\n"
    "%P_API double %p_learning_rate(const %p *handle);\n"
    "%P_API double %p_gradient_norm(const %p *handle);\n"
    "%P_API uint64_t %p_steps(const %p *handle);\n"
    "/* The model's tables (tg.h) and the same as JSON. */\n"
    "%P_API const struct tg_info *%p_info(void);\n"
    "%P_API const char *%p_json(void);\n";

static const char files_text[] = "\n"
                                 "/* Parameters from and to a safetensors file; checkpoints hold states, moments and "
                                 "counts too. A failed load changes\n"
                                 " * nothing, a failed save leaves what was there. */\n"
                                 "%P_API int %p_load(%p *handle, const char *path);\n"
                                 "%P_API int %p_save(%p *handle, const char *path);\n"
                                 "%P_API int %p_checkpoint_load(%p *handle, const char *path);\n"
                                 "%P_API int %p_checkpoint_save(%p *handle, const char *path);\n";

void put_filled(Emitter *e, Text *text, const char *format) {
    for (const char *at = format; *at; at++) {
        if (at[0] == '%' && at[1] == 'p')
            text_add(text, e->prefix), at++;
        else if (at[0] == '%' && at[1] == 'P')
            text_add(text, e->upper), at++;
        else if (at[0] == '%' && at[1] == 'f')
            text_add(text, c_type(e->model, DT_FLOAT)), at++;
        else
            text_printf(text, "%c", *at);
    }
}

void put_header(Emitter *e, Text *text) {
    put_filled(e, text, "/* %p.h: written by tgc. ");
    text_printf(text, "The model %s in %s, for %s.\n", e->model->name, dtype_name(DT_FLOAT, e->model->f64),
                e->machine->name);
    put_filled(
        e, text,
        " *\n"
        " * Functions that can fail return 0, or 1 a bad argument, 2 no memory, 3 a file can't be opened, read or\n"
        " * written, 4 a file's content is wrong, 5 a wrong value (an id outside its table); %p_error says why, and\n"
        " * the instance's parameters and states are as before. Nothing prints or aborts. An instance is for one\n"
        " * thread at a time; two instances are independent. */\n"
        "#ifndef %P_H\n"
        "#define %P_H\n\n"
        "#include <stddef.h>\n"
        "#include <stdint.h>\n\n"
        "#ifdef __cplusplus\n"
        "extern \"C\" {\n"
        "#endif\n\n"
        "#ifdef __GNUC__\n"
        "#define %P_API __attribute__((visibility(\"default\")))\n"
        "#else\n"
        "#define %P_API\n"
        "#endif\n\n"
        "typedef struct %p %p;\n"
        "struct tg_info;\n");
    put_constants(e, text);
    put_filled(e, text, common_text);
    if (e->output->files) put_filled(e, text, files_text);
    for (int i = 0; i < e->model->entries.count; i++) put_entry_prototype(e, text, &e->entries[i]);
    put_selector_prototypes(e, text);
    text_add(text, "\n#ifdef __cplusplus\n}\n#endif\n#endif\n");
}
