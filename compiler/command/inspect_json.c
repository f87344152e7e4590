/* inspect_json.c: an inspection as one JSON object, for programs and for the page; docs/inspect.md describes it.
 *
 *     {"schema": 1, "model": "m", … "kernels": [{"name": "k03_h", "line": 40, "text": "struct …"}],
 *      "entries": [{"name": "step", "launches": [{"kernel": 0, "phase": "forward", …}], "nodes": […], …}]}
 *
 * Places, kernels and formulas stand once in lists and are meant by their index. `<`, `>`, `&` and the line ends of
 * Unicode are escaped, so that the object may stand in an element of a page as it is. */
#include "command/inspect.h"

#include <string.h>

enum { SCHEMA = 1 };

typedef struct Json {
    Text *text;
    Arena *arena;
    const Inspection *inspection;
    VEC(const Source *) sources;
    WordList places;          /* each as JSON: a list of [source, line, instance], innermost first */
    VEC(const Op *) formulas; /* ops whose rules are used */
    bool *wanted;             /* by node: is in the list of the entry at hand */
} Json;

/* ---- strings and lists ---- */

static const char *quoted(Arena *arena, const char *string) {
    char *to = arena_alloc(arena, 6 * strlen(string) + 3), *out = to;
    *out++ = '"';
    for (const unsigned char *at = (const unsigned char *)string; *at;) {
        int bytes = (int)utf8_length(at, strlen((const char *)at));
        bool line_end = bytes == 3 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9);
        if (!bytes)
            out += sprintf(out, "\\ufffd");
        else if (line_end)
            out += sprintf(out, "\\u20%02x", at[2] - 0x80);
        else if (*at == '\n')
            out += sprintf(out, "\\n");
        else if (*at < 0x20 || *at == 0x7f || strchr("<>&", *at))
            out += sprintf(out, "\\u%04x", *at);
        else if (*at == '"' || *at == '\\')
            out += sprintf(out, "\\%c", *at);
        else
            for (int i = 0; i < bytes; i++) *out++ = (char)at[i];
        at += bytes ? bytes : 1;
    }
    *out++ = '"';
    *out = '\0';
    return to;
}

static void put_key(Json *j, const char *key, const char *value) {
    text_printf(j->text, "\"%s\": %s, ", key, quoted(j->arena, value));
}

static void put_ids(Json *j, const char *key, const int *ids, int count) {
    text_printf(j->text, ", \"%s\": [", key);
    for (int i = 0; i < count; i++) text_printf(j->text, "%s%d", i ? ", " : "", ids[i]);
    text_add(j->text, "]");
}

/* ---- what stands in lists ---- */

static int source_index(Json *j, const Source *source) {
    for (int i = 0; i < j->sources.count; i++)
        if (j->sources.at[i] == source) return i;
    vec_push(j->arena, &j->sources, source);
    return j->sources.count - 1;
}

/* Instances are told apart by what is called at a line: enc.0 and enc.1 of `for e in enc { x = e(x) }`. */
static int place_index(Json *j, const Node *node) {
    Text place;
    text_init(&place, j->arena);
    if (!node->span.source) return -1;
    text_printf(&place, "[[%d, %d, %s]", source_index(j, node->span.source), span_line(node->span),
                quoted(j->arena, node->call ? node->call->scope : ""));
    for (const CallSite *call = node->call; call; call = call->outer)
        if (call->span.source)
            text_printf(&place, ", [%d, %d, %s]", source_index(j, call->span.source), span_line(call->span),
                        quoted(j->arena, call->scope));
    text_add(&place, "]");
    for (int i = 0; i < j->places.count; i++)
        if (!strcmp(j->places.at[i], place.at)) return i;
    vec_push(j->arena, &j->places, (const char *)place.at);
    return j->places.count - 1;
}

static int formula_index(Json *j, const Op *op) {
    if (!op || !op_formula(op)) return -1;
    for (int i = 0; i < j->formulas.count; i++)
        if (j->formulas.at[i] == op) return i;
    vec_push(j->arena, &j->formulas, op);
    return j->formulas.count - 1;
}

/* ---- an entry point ---- */

static void put_ports(Json *j, const char *key, const Port *ports, int count) {
    text_printf(j->text, "\"%s\": [", key);
    for (int i = 0; i < count; i++)
        text_printf(j->text, "%s{\"name\": %s, \"dtype\": \"%s\", \"shape\": %s}", i ? ", " : "",
                    quoted(j->arena, ports[i].name), dtype_name(ports[i].dtype, j->inspection->compile->model->f64),
                    quoted(j->arena, shape_string(j->arena, &ports[i].shape)));
    text_add(j->text, "], ");
}

static void put_computes(Json *j, const char *computes) {
    text_add(j->text, ", \"computes\": [");
    for (const char *line = computes; *line;) {
        size_t length = strcspn(line, "\n");
        text_printf(j->text, "%s%s", line > computes ? ", " : "",
                    quoted(j->arena, arena_strndup(j->arena, line, length)));
        line += length + (line[length] == '\n');
    }
    text_add(j->text, "]");
}

static void put_rules(Json *j, const InspectRow *row) {
    text_add(j->text, ", \"rules\": [");
    for (int i = 0; i < row->rules.count; i++) {
        const Node *node = row->rules.at[i];
        text_printf(j->text, "%s{\"op\": \"%s\", \"rule\": %s, \"formula\": %d, \"place\": %d}", i ? ", " : "",
                    node->rule_of ? node->rule_of->name : "", quoted(j->arena, node->rule),
                    formula_index(j, node->rule_of), place_index(j, node));
    }
    text_add(j->text, "]");
}

static void put_buffer_ids(Json *j, const char *key, const Buffer *const *buffers, int count) {
    int *ids = NEW_ARRAY(j->arena, int, count + 1);
    for (int i = 0; i < count; i++) ids[i] = buffers[i]->id;
    put_ids(j, key, ids, count);
}

static void put_launch(Json *j, const InspectEntry *entry, const InspectRow *row) {
    const OutputLaunch *launch = row->launch;
    const Kernel *planned = launch->planned;
    const Cost *cost = &row->cost;
    int count = entry->entry->graph->nodes.count, found = 0, *ids = NEW_ARRAY(j->arena, int, count + 1);
    text_printf(j->text, "{\"kernel\": %d, \"phase\": \"%s\", \"kind\": \"%s\", \"packs\": %s, \"turn\": %d, ",
                launch->kernel, phase_word(row->phases), kind_word(planned->kind), launch->packs ? "true" : "false",
                planned->id);
    put_key(j, "loops", loops_word(j->arena, planned));
    put_key(j, "tile", launch->packs ? "" : tile_word(j->arena, planned));
    text_printf(j->text,
                "\"slices\": %lld, \"together\": [%d, %d], \"here\": %s, \"flop\": %.17g, \"bytes\": %.17g, "
                "\"intensity\": %.6g, \"seconds\": %.6g, "
                "\"share\": %.6g, \"bound\": \"%s\", \"place\": %d",
                (long long)launch->slices, launch->first, launch->last, launch->here ? "true" : "false", cost->flop,
                cost->bytes, cost->intensity, cost->seconds, row->share, cost->memory_bound ? "memory" : "arithmetic",
                launch->node ? place_index(j, launch->node) : -1);
    put_computes(j, launch->computes);
    put_rules(j, row);
    put_buffer_ids(j, "reads", launch->reads.at, launch->reads.count);
    put_buffer_ids(j, "writes", launch->writes.at, launch->writes.count);
    for (int id = 0; id < count; id++)
        if (row->computes[id]) ids[found++] = id;
    put_ids(j, "nodes", ids, found);
    text_add(j->text, "}");
}

static void put_launches(Json *j, const InspectEntry *entry) {
    text_add(j->text, "\"launches\": [\n");
    for (int i = 0; i < entry->rows.count; i++) {
        put_launch(j, entry, &entry->rows.at[i]);
        text_add(j->text, i + 1 < entry->rows.count ? ",\n" : "],\n");
    }
    if (!entry->rows.count) text_add(j->text, "],\n");
}

static void put_node(Json *j, const InspectEntry *entry, const Node *node) {
    int *operands = NEW_ARRAY(j->arena, int, node->operand_count + 1), count = 0;
    text_printf(j->text, "{\"id\": %d, \"op\": \"%s\", \"kind\": \"%s\", ", node->id, node->op->name,
                node->op->kind == OP_LEAF     ? "leaf"
                : node->op->kind == OP_VIEW   ? "view"
                : node->op->kind == OP_JOIN   ? "join"
                : node->op->kind == OP_EFFECT ? "effect"
                                              : "op");
    put_key(j, "name", node->op->uses & USES_VARIABLE || node->name ? node_word(j->arena, node) : "");
    put_key(j, "shape", shape_string(j->arena, &node->shape));
    if (*node->scope) put_key(j, "scope", node->scope);
    if (node->op == &op_const) text_printf(j->text, "\"value\": \"%.6g\", ", node->attr.value);
    if (node->rule) put_key(j, "rule", node->rule);
    const Buffer *buffer = entry->schedule->place[node->id].buffer;
    if (buffer) text_printf(j->text, "\"buffer\": %d, ", buffer->id);
    text_printf(j->text, "\"phase\": \"%s\", \"place\": %d", phase_word(1u << node->phase), place_index(j, node));
    for (int i = 0; i < node->operand_count; i++) operands[count++] = inspect_operand(entry->schedule, node, i)->id;
    put_ids(j, "from", operands, count);
    text_add(j->text, "}");
}

/* Marks a node and everything it comes from, so that operands are always in the list. */
static void want(Json *j, const InspectEntry *entry, const Node *node) {
    if (j->wanted[node->id]) return;
    j->wanted[node->id] = true;
    for (int i = 0; i < node->operand_count; i++) want(j, entry, inspect_operand(entry->schedule, node, i));
}

static void put_nodes(Json *j, const InspectEntry *entry) {
    const Graph *graph = entry->entry->graph;
    bool first = true;
    j->wanted = NEW_ARRAY(j->arena, bool, graph->nodes.count + 1);
    for (int i = 0; i < graph->nodes.count; i++)
        if (entry->shown[i] && schedule_alias(entry->schedule, graph->nodes.at[i]) == graph->nodes.at[i])
            want(j, entry, graph->nodes.at[i]);
    text_add(j->text, "\"nodes\": [");
    for (int i = 0; i < graph->nodes.count; i++) {
        if (!j->wanted[i]) continue;
        text_add(j->text, first ? "\n" : ",\n");
        put_node(j, entry, graph->nodes.at[i]);
        first = false;
    }
    text_add(j->text, "],\n");
}

static void put_stays(Json *j, const Buffer *buffer) {
    text_printf(j->text, ", \"offset\": %zu, \"first\": %d, \"last\": %d", buffer->offset, buffer->first, buffer->last);
    if (buffer->under) text_printf(j->text, ", \"under\": %d", buffer->under->id);
    if (buffer->stay_count < 2) return;
    for (int i = 0; i < buffer->stay_count; i++) {
        const Stay *stay = &buffer->stays[i];
        text_printf(j->text, "%s[%zu, %zu, %d, %d]", i ? ", " : ", \"stays\": [", stay->from, stay->bytes, stay->first,
                    stay->last);
    }
    text_add(j->text, "]");
}

static void put_buffers(Json *j, const InspectEntry *entry) {
    static const char *const kinds[] = {[BUF_INPUT] = "input",
                                        [BUF_RESULT] = "result",
                                        [BUF_VARIABLE] = "variable",
                                        [BUF_ARENA] = "arena",
                                        [BUF_SCALAR] = "scalar"};
    const Schedule *schedule = entry->schedule;
    text_add(j->text, "\"buffers\": [");
    for (int i = 0; i < schedule->buffers.count; i++) {
        const Buffer *buffer = schedule->buffers.at[i];
        text_printf(j->text, "%s{\"id\": %d, \"kind\": \"%s\", \"name\": %s, \"bytes\": %zu", i ? ",\n" : "\n",
                    buffer->id, kinds[buffer->kind], quoted(j->arena, buffer->name), buffer->bytes);
        if (buffer->kind == BUF_ARENA && buffer->first >= 0) put_stays(j, buffer);
        text_add(j->text, "}");
    }
    text_add(j->text, "]");
}

static void put_entry(Json *j, const InspectEntry *entry) {
    const Schedule *schedule = entry->schedule;
    text_printf(j->text, "{\"name\": %s, \"train\": %s, \"line\": %d, ", quoted(j->arena, entry->entry->name),
                entry->entry->train ? "true" : "false", entry->entry->span.source ? span_line(entry->entry->span) : 0);
    put_ports(j, "inputs", entry->entry->inputs.at, entry->entry->inputs.count);
    put_ports(j, "results", entry->entry->results.at, entry->entry->results.count);
    text_printf(j->text,
                "\"flop\": %.17g, \"bytes\": %.17g, \"seconds\": %.6g, \"turns\": %d, \"arena_bytes\": %zu, "
                "\"lower_bound\": %zu,\n",
                entry->flop, entry->bytes, entry->seconds, schedule->kernels.count, schedule->arena_bytes,
                schedule->lower_bound);
    put_launches(j, entry);
    put_nodes(j, entry);
    put_buffers(j, entry);
    text_add(j->text, "}");
}

/* ---- the whole ---- */

static void put_head(Json *j) {
    const Compile *compile = j->inspection->compile;
    const Machine *machine = compile->machine;
    text_printf(j->text, "{\"schema\": %d, ", SCHEMA);
    put_key(j, "model", compile->model->name);
    put_key(j, "file", file_word(compile->path));
    put_key(j, "prefix", compile->output.prefix);
    put_key(j, "dtype", dtype_name(DT_FLOAT, compile->model->f64));
    text_printf(j->text,
                "\"machine\": {\"name\": \"%s\", \"vector_bytes\": %d, \"gflops\": %g, \"gbytes\": %g, "
                "\"threads\": %d},\n",
                machine->name, machine->vector_bytes, compile->model->f64 ? machine->gflops / 2 : machine->gflops,
                machine->gbytes, j->inspection->threads);
}

static void put_kernels(Json *j) {
    const Output *output = &j->inspection->compile->output;
    text_add(j->text, "\"kernels\": [");
    for (int i = 0; i < output->kernels.count; i++) {
        const FunctionText *text = j->inspection->texts[i];
        text_printf(j->text, "%s{\"name\": %s, \"line\": %d, \"calls\": [", i ? ",\n" : "\n",
                    quoted(j->arena, text->name), text->line);
        for (int k = 0; k < text->calls.count; k++)
            text_printf(j->text, "%s%s", k ? ", " : "", quoted(j->arena, text->calls.at[k]));
        text_printf(j->text, "], \"text\": %s}", quoted(j->arena, inspect_text(j->inspection, i)));
    }
    text_add(j->text, "],\n");
}

/* What entries refer to; known once they have been written. */
static void put_lists(Json *j) {
    text_add(j->text, "],\n\"places\": [");
    for (int i = 0; i < j->places.count; i++) text_printf(j->text, "%s%s", i ? ",\n" : "\n", j->places.at[i]);
    text_add(j->text, "],\n\"formulas\": [");
    for (int i = 0; i < j->formulas.count; i++) {
        const OpFormula *formula = op_formula(j->formulas.at[i]);
        text_printf(j->text, "%s{\"op\": \"%s\", \"value\": %s, \"change\": %s}", i ? ",\n" : "\n", formula->op->name,
                    quoted(j->arena, formula->value), quoted(j->arena, formula->change));
    }
    text_add(j->text, "],\n\"sources\": [");
    for (int i = 0; i < j->sources.count; i++)
        text_printf(j->text, "%s{\"file\": %s, \"text\": %s}", i ? ",\n" : "\n",
                    quoted(j->arena, file_word(j->sources.at[i]->path)), quoted(j->arena, j->sources.at[i]->text));
    text_add(j->text, "]}\n");
}

void inspect_json(Text *text, const Inspection *inspection) {
    Json j = {.text = text, .arena = inspection->arena, .inspection = inspection};
    source_index(&j, inspection->compile->source); /* the model itself is the first */
    put_head(&j);
    put_kernels(&j);
    text_add(text, "\"entries\": [");
    for (int i = 0; i < inspection->entries.count; i++) {
        text_add(text, i ? ",\n" : "\n");
        put_entry(&j, &inspection->entries.at[i]);
    }
    put_lists(&j);
}
