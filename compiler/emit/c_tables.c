/* c_tables.c: the model's description: a tg_info for generic code, and the same as JSON text.
 *
 *     static const tg_tensor step_inputs[] = {
 *         {.name = "src", .dtype = TG_I32, .rank = 2, .shape = (const int64_t[]){16, 32}, .count = 512, ...},
 *     };
 *     static const tg_info info = {.abi = TG_ABI, .name = "m", ...}; */
#include "emit/parts.h"

#include <string.h>

/* ---- C ---- */

static void put_shape(Text *text, const Shape *shape) {
    text_printf(text, ".rank = %d, ", shape->rank);
    if (shape->rank) {
        text_add(text, ".shape = (const int64_t[]){");
        for (int i = 0; i < shape->rank; i++) text_printf(text, "%s%lld", i ? ", " : "", (long long)shape->size[i]);
        text_add(text, "}, ");
    }
    text_printf(text, ".count = %lld", (long long)shape_count(shape));
}

static void put_port(Emitter *e, Text *text, const Port *port) {
    text_printf(text, "{.name = \"%s\", .dtype = %s, ", port->name, tg_type(e->model, port->dtype));
    put_shape(text, &port->shape);
    if (port->high) text_printf(text, ", .low = %lld, .high = %lld", (long long)port->low, (long long)port->high);
    if (port->padded) text_printf(text, ", .padded = 1, .pad = %.17g", port->pad);
    text_add(text, "},\n");
}

static void put_init(Text *text, const Init *init) {
    switch (init->kind) {
    case INIT_ZEROS:
        break;
    case INIT_CONSTANT:
        text_printf(text, ", .init = TG_INIT_CONSTANT, .a = %.17g", init->a);
        break;
    case INIT_NORMAL:
        text_printf(text, ", .init = TG_INIT_NORMAL, .a = %.17g, .b = %.17g", init->a, init->b);
        break;
    case INIT_UNIFORM:
        text_printf(text, ", .init = TG_INIT_UNIFORM, .a = %.17g, .b = %.17g", init->a, init->b);
        break;
    case INIT_XAVIER:
        text_printf(text, ", .init = TG_INIT_UNIFORM, .a = %.17g, .b = %.17g", -init->b, init->b);
        break;
    case INIT_HE:
        text_printf(text, ", .init = TG_INIT_NORMAL, .a = 0, .b = %.17g", init->b);
        break;
    }
}

static void put_variables(Emitter *e, Text *text, const char *table, const Layout *layout) {
    if (!layout->count) return;
    text_printf(text, "\nstatic const tg_tensor %s[] = {\n", table);
    text_indent(text, 1);
    for (int i = 0; i < layout->count; i++) {
        const Variable *v = layout->at[i].variable;
        text_printf(text, "{.name = \"%s\", .dtype = %s, ", v->path, tg_type(e->model, v->dtype));
        put_shape(text, &v->shape);
        text_printf(text, ", .offset = %zu", layout->at[i].offset);
        put_init(text, &v->init);
        text_add(text, "},\n");
    }
    text_indent(text, -1);
    text_add(text, "};\n");
}

static void put_ports(Emitter *e, Text *text, const char *entry, const char *what, const Port *ports, int count) {
    if (!count) return;
    text_printf(text, "\nstatic const tg_tensor %s_%s[] = {\n", entry, what);
    text_indent(text, 1);
    for (int i = 0; i < count; i++) put_port(e, text, &ports[i]);
    text_indent(text, -1);
    text_add(text, "};\n");
}

static void put_sizes(Text *text, const Entry *of) {
    if (!of->buckets.count) return;
    text_printf(text, ".point = \"%s\",\n.size_count = %d,\n.sizes = (const tg_size[]){", of->point, of->buckets.count);
    for (int i = 0; i < of->buckets.count; i++)
        text_printf(text, "%s{\"%s\", %lld}", i ? ", " : "", of->buckets.at[i].name, (long long)of->buckets.at[i].size);
    text_add(text, "},\n");
}

static void put_entry_row(const Emitter *e, Text *text, const EntryText *entry) {
    const Entry *of = entry->entry;
    text_add(text, "{\n");
    text_indent(text, 1);
    text_printf(text, ".name = \"%s\",\n", of->name);
    put_sizes(text, of);
    if (of->train) text_add(text, ".train = 1,\n");
    if (of->inputs.count)
        text_printf(text, ".input_count = %d,\n.inputs = %s_inputs,\n", of->inputs.count, entry->name);
    if (of->results.count)
        text_printf(text, ".result_count = %d,\n.results = %s_results,\n", of->results.count, entry->name);
    text_printf(text, ".call = call_%s,\n.accumulate = %d,\n", entry->name, of->accumulate > 1 ? of->accumulate : 1);
    text_printf(text, ".flop = %.0f,\n.bytes = %.0f,\n", entry->flop, entry->bytes);
    text_printf(text, ".arena_bytes = %zu,\n", entry->program->schedule->arena_bytes);
    if (entry->rows.count)
        text_printf(text, ".row_count = %d,\n.launch_count = %d,\n.rows = %s_rows,\n.launches = %s_launches,\n",
                    entry->rows.count, entry->program->functions.count, entry->name, entry->name);
    if (e->output->check) text_printf(text, ".watch = &%s_watch,\n", entry->name);
    text_indent(text, -1);
    text_add(text, "},\n");
}

/* A string of C in lines of about a hundred characters. */
static void put_string(Text *text, const char *string) {
    text_indent(text, 1);
    for (const char *at = string; *at;) {
        text_add(text, "\"");
        for (int column = 0; *at && column < 100; column++, at++) {
            if (*at == '\n') {
                text_add(text, "\\n");
                at++;
                break;
            }
            text_printf(text, *at == '"' || *at == '\\' ? "\\%c" : "%c", *at);
        }
        text_printf(text, "\"%s\n", *at ? "" : ";");
    }
    text_indent(text, -1);
}

void put_tables(Emitter *e, Text *text) {
    int entry_count = e->model->entries.count;
    text_add(text, "\n/* ---- tables: what generic code reads ---- */\n");
    for (int i = 0; i < entry_count; i++) {
        const EntryText *entry = &e->entries[i];
        put_ports(e, text, entry->name, "inputs", entry->entry->inputs.at, entry->entry->inputs.count);
        put_ports(e, text, entry->name, "results", entry->entry->results.at, entry->entry->results.count);
        put_rows(e, text, entry);
        put_watch(e, text, entry);
    }
    if (entry_count) {
        text_add(text, "\nstatic const tg_entry entries[] = {\n");
        text_indent(text, 1);
        for (int i = 0; i < entry_count; i++) put_entry_row(e, text, &e->entries[i]);
        text_indent(text, -1);
        text_add(text, "};\n");
    }
    put_variables(e, text, "params", &e->params);
    put_variables(e, text, "states", &e->states);
    Text json;
    text_init(&json, e->arena);
    put_json(e, &json);
    text_add(text, "\n/* clang-format off */\n#pragma GCC diagnostic push\n"
                   "#pragma GCC diagnostic ignored \"-Woverlength-strings\"\nstatic const char json[] =\n");
    put_string(text, json.at);
    text_add(text, "#pragma GCC diagnostic pop\n/* clang-format on */\n");
    text_add(text, "\nstatic const tg_info info = {\n");
    text_indent(text, 1);
    text_printf(text, ".abi = TG_ABI,\n.name = \"%s\",\n.float_type = %s,\n.target = \"%s\",\n", e->model->name,
                tg_type(e->model, DT_FLOAT), e->machine->name);
    if (entry_count) text_printf(text, ".entry_count = %d,\n.entries = entries,\n", entry_count);
    if (e->params.count) text_printf(text, ".param_count = %d,\n.params = params,\n", e->params.count);
    text_printf(text, ".param_bytes = %zu,\n", e->param_bytes);
    if (e->states.count) text_printf(text, ".state_count = %d,\n.states = states,\n", e->states.count);
    text_printf(text, ".state_bytes = %zu,\n.arena_bytes = %zu,\n.json = json,\n", e->state_bytes, e->arena_bytes);
    if (e->output->check) text_add(text, ".check_new = tg_check_new,\n.check_free = tg_check_free,\n");
    text_indent(text, -1);
    text_add(text, "};\n");
}

/* ---- JSON ---- */

static const char *json_type(const Emitter *e, DType dtype) {
    return tg_type(e->model, dtype) + 3;
}

static void json_tensor(const Emitter *e, Text *json, const char *name, DType dtype, const Shape *shape) {
    text_printf(json, "{\"name\": \"%s\", \"dtype\": \"%s\", \"shape\": [", name, json_type(e, dtype));
    for (int i = 0; i < shape->rank; i++) text_printf(json, "%s%lld", i ? ", " : "", (long long)shape->size[i]);
    text_add(json, "]");
}

static void json_sizes(Text *json, const Entry *of) {
    if (!of->buckets.count) return;
    text_printf(json, "   \"point\": \"%s\", \"sizes\": {", of->point);
    for (int i = 0; i < of->buckets.count; i++)
        text_printf(json, "%s\"%s\": %lld", i ? ", " : "", of->buckets.at[i].name, (long long)of->buckets.at[i].size);
    text_add(json, "},\n");
}

static void json_ports(const Emitter *e, Text *json, const char *what, const Port *ports, int count) {
    text_printf(json, "   \"%s\": [", what);
    for (int i = 0; i < count; i++) {
        text_add(json, i ? ",\n    " : "\n    ");
        json_tensor(e, json, ports[i].name, ports[i].dtype, &ports[i].shape);
        if (ports[i].high)
            text_printf(json, ", \"low\": %lld, \"high\": %lld", (long long)ports[i].low, (long long)ports[i].high);
        if (ports[i].padded) text_printf(json, ", \"pad\": %.17g", ports[i].pad);
        text_add(json, "}");
    }
    text_add(json, "],\n");
}

static void json_variables(const Emitter *e, Text *json, const char *what, const Layout *layout) {
    text_printf(json, " \"%s\": [", what);
    for (int i = 0; i < layout->count; i++) {
        const Variable *v = layout->at[i].variable;
        text_add(json, i ? ",\n  " : "\n  ");
        json_tensor(e, json, v->path, v->dtype, &v->shape);
        text_printf(json, ", \"offset\": %zu}", layout->at[i].offset);
    }
    text_add(json, "],\n");
}

void put_json(Emitter *e, Text *json) {
    text_printf(json, "{\"name\": \"%s\", \"float_type\": \"%s\", \"target\": \"%s\",\n \"entries\": [", e->model->name,
                json_type(e, DT_FLOAT), e->machine->name);
    for (int i = 0; i < e->model->entries.count; i++) {
        const EntryText *entry = &e->entries[i];
        const Entry *of = entry->entry;
        text_printf(json, "%s\n  {\"name\": \"%s\", \"train\": %s,\n", i ? "," : "", of->name,
                    of->train ? "true" : "false");
        json_sizes(json, of);
        json_ports(e, json, "inputs", of->inputs.at, of->inputs.count);
        json_ports(e, json, "results", of->results.at, of->results.count);
        text_printf(json, "   \"accumulate\": %d, \"flop\": %.0f, \"bytes\": %.0f, \"arena_bytes\": %zu}",
                    of->accumulate > 1 ? of->accumulate : 1, entry->flop, entry->bytes,
                    entry->program->schedule->arena_bytes);
    }
    text_add(json, "],\n");
    json_variables(e, json, "params", &e->params);
    json_variables(e, json, "states", &e->states);
    text_printf(json, " \"param_bytes\": %zu, \"state_bytes\": %zu, \"arena_bytes\": %zu}\n", e->param_bytes,
                e->state_bytes, e->arena_bytes);
}
