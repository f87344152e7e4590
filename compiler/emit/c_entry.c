/* c_entry.c: entry points: a struct with a named pointer per tensor, and a function that runs the kernels in order.
 *
 *     struct step_tensors {
 *         const int32_t *src;
 *         float *h;
 *     };
 *
 *     int m_step(m *handle, const int32_t *src, float *loss) {
 *         ...
 *         const struct step_tensors t = {.src = src, .h = (float *)(model->arena + 1024)};
 *         tg_for(model->pool, k03_h, &(struct k03_h_args){.src = t.src, .h = t.h}, 32);      c_launch.c
 *
 * All checks of indices come first; the function returns there before anything is written that outlives the call. */
#include "emit/parts.h"

#include <string.h>

/* ---- the struct of tensors ---- */

/* The variable that an array within a block is: inside a flat group, the parameter at that place, save for the update,
 * which works on whole groups. */
static Variable *variable_at(const Buffer *buffer, int64_t offset, bool whole) {
    Variable *variable = buffer->variable;
    if (buffer->kind != BUF_VARIABLE || !variable || whole) return variable;
    for (int i = 0; i < variable->members.count; i++) {
        Variable *member = variable->members.at[i];
        if (offset >= member->offset && offset < member->offset + shape_count(&member->shape)) return member;
    }
    return variable;
}

static const Member *member_find(const EntryText *entry, const Buffer *buffer, const Variable *variable) {
    for (int i = 0; i < entry->members.count; i++) {
        const Member *member = &entry->members.at[i];
        if (member->buffer == buffer && (buffer->kind != BUF_VARIABLE || member->variable == variable)) return member;
    }
    return NULL;
}

static void member_add(Emitter *e, EntryText *entry, NameSet *names, const Buffer *buffer, Variable *variable) {
    if (buffer->kind == BUF_SCALAR || member_find(entry, buffer, variable)) return;
    const char *wanted = buffer->kind == BUF_VARIABLE ? variable->path : buffer->name;
    if (buffer->kind == BUF_INPUT) wanted = entry->inputs[buffer->port];
    if (buffer->kind == BUF_RESULT) wanted = entry->results[buffer->port];
    const char *name = name_new(names, c_identifier(e->arena, wanted));
    vec_push(e->arena, &entry->members,
             ((Member){buffer, buffer->kind == BUF_VARIABLE ? variable : NULL, name, false}));
}

static bool is_update(const Function *function) {
    return function->kernel && function->kernel->phase == PHASE_UPDATE;
}

static void collect_ports(Emitter *e, EntryText *text) {
    Entry *entry = text->entry;
    NameSet names = {.arena = e->arena};
    const char *const own[] = {"model",         "handle",        "t",        "step",     "inputs",   "results",
                               "learning_rate", "gradient_norm", "layer",    "its",      "layers_1", "layers_2",
                               "layers_3",      "layers_4",      "layers_5", "layers_6", "layers_7", "layers_8",
                               "key0",          "key1",          "slot"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) name_take(&names, own[i]);
    text->inputs = NEW_ARRAY(e->arena, const char *, entry->inputs.count + 1);
    text->results = NEW_ARRAY(e->arena, const char *, entry->results.count + 1);
    for (int i = 0; i < entry->inputs.count; i++)
        text->inputs[i] = name_new(&names, c_identifier(e->arena, entry->inputs.at[i].name));
    for (int i = 0; i < entry->results.count; i++)
        text->results[i] = name_new(&names, c_identifier(e->arena, entry->results.at[i].name));
    text->sizes = NEW_ARRAY(e->arena, const char *, entry->buckets.count + 1);
    for (int i = 0; i < entry->buckets.count; i++) text->sizes[i] = name_new(&names, entry->buckets.at[i].name);
}

static void collect_members(Emitter *e, EntryText *text) {
    NameSet names = {.arena = e->arena};
    for (int i = 0; i < text->program->functions.count; i++) {
        const Function *f = text->program->functions.at[i];
        for (int j = 0; j < f->arrays.count; j++) {
            const Array *array = f->arrays.at[j];
            member_add(e, text, &names, array->buffer, variable_at(array->buffer, array->offset, is_update(f)));
        }
    }
    Node *const shown[] = {text->entry->learning_rate, text->entry->gradient_norm};
    for (int i = 0; i < 2; i++) {
        const Buffer *buffer = shown[i] ? text->program->schedule->place[shown[i]->id].buffer : NULL;
        if (buffer) member_add(e, text, &names, buffer, buffer->variable);
    }
}

void collect_entries(Emitter *e, Program *const *programs) {
    int count = e->model->entries.count;
    e->entries = NEW_ARRAY(e->arena, EntryText, count + 1);
    for (int i = 0; i < count; i++) {
        EntryText *text = &e->entries[i];
        text->entry = e->model->entries.at[i];
        text->program = programs[i];
        text->name = name_behind_prefix(&e->functions, c_identifier(e->arena, text->entry->identifier));
        text->tensors = arena_printf(e->arena, "%s_tensors", text->name);
        collect_ports(e, text);
        collect_members(e, text);
        for (int j = 0; j < text->program->functions.count; j++) {
            const Function *f = text->program->functions.at[j];
            text->flop += f->flop;
            text->bytes += f->bytes;
            text->launches[f->kernel ? f->kernel->phase : PHASE_FORWARD]++;
        }
        size_t arena = text->program->schedule->arena_bytes;
        if (arena > e->arena_bytes) e->arena_bytes = arena;
    }
}

static const char *const kind_title[] = {[BUF_INPUT] = "the caller's, read",
                                         [BUF_RESULT] = "the caller's, written",
                                         [BUF_VARIABLE] = "parameters, states and moments",
                                         [BUF_ARENA] = "in the arena",
                                         [BUF_SCALAR] = "scalars"};

static DType member_type(const Member *member) {
    return member->variable ? member->variable->dtype : member->buffer->dtype;
}

void put_tensors(Emitter *e, Text *text, const EntryText *entry) {
    if (!entry->members.count) return;
    text_printf(text, "\nstruct %s {\n", entry->tensors);
    text_indent(text, 1);
    for (int kind = 0; kind <= BUF_ARENA; kind++) {
        bool any = false;
        for (int i = 0; i < entry->members.count; i++) {
            const Member *member = &entry->members.at[i];
            if ((int)member->buffer->kind != kind) continue;
            if (!any) text_printf(text, "/* %s */\n", kind_title[kind]);
            any = true;
            text_printf(text, "%s%s *%s;", kind == BUF_INPUT ? "const " : "", c_type(e->model, member_type(member)),
                        member->name);
            int64_t count = member->variable ? shape_count(&member->variable->shape) : member->buffer->count;
            text_printf(text, " /* %lld */\n", (long long)count);
        }
    }
    text_indent(text, -1);
    text_add(text, "};\n");
}

/* ---- the function ---- */

static void put_place(Emitter *e, Text *text, const EntryText *entry, const Member *member) {
    const char *type = c_type(e->model, member_type(member));
    const Buffer *buffer = member->buffer;
    switch (buffer->kind) {
    case BUF_INPUT:
        text_add(text, entry->inputs[buffer->port]);
        break;
    case BUF_RESULT:
        text_add(text, entry->results[buffer->port]);
        break;
    case BUF_ARENA:
        text_printf(text, "(%s *)(model->arena + %zu)", type, buffer->offset);
        break;
    case BUF_VARIABLE: {
        bool learned = member->variable->kind == VAR_PARAM || member->variable->kind == VAR_GROUP;
        text_printf(text, "(%s *)(model->%s + %zu)", type, learned ? "params" : "states",
                    layout_offset(e, member->variable));
        break;
    }
    case BUF_SCALAR:
        fatal("emit", "a scalar is not a tensor");
    }
}

static void put_pointers(Emitter *e, Text *text, const EntryText *entry) {
    if (!entry->members.count) return;
    text_printf(text, "const struct %s t = {\n", entry->tensors);
    text_indent(text, 1);
    for (int kind = 0; kind <= BUF_ARENA; kind++)
        for (int i = 0; i < entry->members.count; i++) {
            if ((int)entry->members.at[i].buffer->kind != kind) continue;
            text_printf(text, ".%s = ", entry->members.at[i].name);
            put_place(e, text, entry, &entry->members.at[i]);
            text_add(text, ",\n");
        }
    text_indent(text, -1);
    text_add(text, "};\n");
}

const Member *member_of(const EntryText *entry, const Function *function, const Array *array) {
    const Member *member =
        member_find(entry, array->buffer, variable_at(array->buffer, array->offset, is_update(function)));
    if (!member) fatal("emit", "%s has no pointer for %s", function->name, array->buffer->name);
    return member;
}

int tensor_number(const EntryText *entry, const Member *member) {
    int number = 0;
    for (int i = 0; i < entry->members.count; i++) {
        const Member *other = &entry->members.at[i];
        number += other->buffer->kind < member->buffer->kind ||
                  (other->buffer->kind == member->buffer->kind && other < member);
    }
    return number;
}

const char *pointer_text(Emitter *e, const EntryText *entry, const Function *function, const Array *array) {
    const Member *member = member_of(entry, function, array);
    int64_t offset = array->offset;
    if (member->variable && member->variable != array->buffer->variable) offset -= member->variable->offset;
    if (offset == 0) return arena_printf(e->arena, "t.%s", member->name);
    return arena_printf(e->arena, "t.%s + %lld", member->name, (long long)offset);
}

/* What the instance shows of the last training call: lr and gradient norm. */
static void put_shown(Emitter *e, Text *text, const EntryText *entry, Node *node, const char *field) {
    double value;
    if (!node) return;
    const Place *place = &entry->program->schedule->place[node->id];
    if (place->buffer) {
        const Member *member = member_find(entry, place->buffer, place->buffer->variable);
        text_printf(text, "model->%s = t.%s[%lld];\n", field, member->name, (long long)place->offset);
    } else if (is_number(node, &value)) {
        text_printf(text, "model->%s = %.17g;\n", field, value);
    } else {
        fatal("fuse", "%s of %s lies nowhere", field, entry->entry->name);
    }
    (void)e;
}

int last_check(const Program *program) {
    int last = -1;
    for (int i = 0; i < program->functions.count; i++) {
        const Kernel *kernel = program->functions.at[i]->kernel;
        if (kernel && kernel->kind == KERNEL_CHECK) last = i;
    }
    return last;
}

/* The part of the step that a launch stands in: a kernel may come early with something for a later part. */
static int part_of(const Program *program, int launch) {
    int part = PHASE_UPDATE;
    for (int i = launch; i < program->functions.count; i++) {
        const Kernel *kernel = program->functions.at[i]->kernel;
        int phase = kernel ? (int)kernel->phase : PHASE_FORWARD;
        if (phase < part) part = phase;
    }
    return part;
}

/* The calls, in loops where they repeat; `structs` gets what the loops' tables are made of. */
static void put_body(Emitter *e, Text *structs, Text *text, const EntryText *entry, int first_launch) {
    static const char *const title[] = {"forward", "backward", "update"};
    const Program *program = entry->program;
    int checks = last_check(program), phase = -1, accumulate = entry->entry->accumulate;
    bool inside = false;
    const char *quoted = "";
    for (int i = 0; i < program->functions.count; i++) {
        const Function *f = program->functions.at[i];
        int now = i <= checks ? 3 : f->kernel ? (int)f->kernel->phase : PHASE_FORWARD;
        if (f->kernel && i <= checks && f->kernel->id >= program->schedule->gate)
            fatal("order", "%s: a check comes after the first lasting write", entry->entry->name);
        bool update = now == PHASE_UPDATE && accumulate > 1;
        if (inside && !update) text_indent(text, -1), text_add(text, "}\n"), inside = false;
        int heading = now == 3 ? 3 : part_of(program, i);
        if (heading != phase) text_printf(text, "\n/* ---- %s ---- */\n", heading == 3 ? "checks" : title[heading]);
        if (update && !inside) {
            text_printf(text, "if ((model->calls + 1) %% %d == 0) {\n", accumulate);
            text_indent(text, 1);
            inside = true;
        }
        phase = heading;
        const Repeat *repeat = repeat_at(entry, i);
        if (repeat) {
            put_repeat(e, structs, text, entry, repeat, first_launch);
            i += repeat->period * repeat->turns - 1;
            quoted = "";
            continue;
        }
        LaunchLine lines[MOST_TOGETHER];
        int count = group_size(program, i);
        for (int k = 0; k < count; k++) lines[k] = launch_line(e, entry, first_launch, i + k);
        put_launches(e, text, lines, count, &quoted);
        put_checked(e, text, entry, i);
        i += count - 1;
        if (i == checks && !e->output->check)
            text_printf(text, "if (slot.label) return out_of_range(model, \"%s\", &slot);\n", entry->entry->name);
    }
    if (inside) text_indent(text, -1), text_add(text, "}\n");
}

/* After a training call: the counts, and what is shown. */
static void put_counts(Emitter *e, Text *text, const EntryText *entry) {
    const Entry *of = entry->entry;
    if (!of->train) return;
    text_add(text, "\nmodel->calls++;\n");
    if (of->accumulate > 1) {
        text_printf(text, "if (model->calls %% %d == 0) {\n", of->accumulate);
        text_indent(text, 1);
    }
    text_add(text, "model->step++;\n");
    put_shown(e, text, entry, of->learning_rate, "learning_rate");
    put_shown(e, text, entry, of->gradient_norm, "gradient_norm");
    if (of->accumulate > 1) {
        text_indent(text, -1);
        text_add(text, "}\n");
    }
}

static void put_guards(Emitter *e, Text *text, const EntryText *entry) {
    const Entry *of = entry->entry;
    text_add(text, "tg_model *const model = (tg_model *)handle;\nif (!model) return TG_BAD_ARGUMENT;\n");
    int ports = of->inputs.count + of->results.count;
    if (!ports) return;
    text_add(text, "if (");
    for (int i = 0; i < of->inputs.count; i++) text_printf(text, "%s!%s", i ? " || " : "", entry->inputs[i]);
    for (int i = 0; i < of->results.count; i++)
        text_printf(text, "%s!%s", i || of->inputs.count ? " || " : "", entry->results[i]);
    text_printf(text, ")\n    return tg_fail(model, TG_BAD_ARGUMENT, \"%s: an input or result is NULL\");\n", of->name);
    (void)e;
}

void put_port_arguments(Emitter *e, Text *text, const EntryText *entry) {
    const Entry *of = entry->entry;
    for (int i = 0; i < of->inputs.count; i++)
        text_printf(text, ", const %s *%s", c_type(e->model, of->inputs.at[i].dtype), entry->inputs[i]);
    for (int i = 0; i < of->results.count; i++)
        text_printf(text, ", %s *%s", c_type(e->model, of->results.at[i].dtype), entry->results[i]);
}

void put_signature(Emitter *e, Text *text, const EntryText *entry) {
    text_printf(text, "int %s_%s(%s *handle", e->prefix, entry->name, e->prefix);
    put_port_arguments(e, text, entry);
    text_add(text, ")");
}

static void put_call(Emitter *e, Text *text, const EntryText *entry) {
    const Entry *of = entry->entry;
    text_printf(text,
                "\nstatic tg_status call_%s(tg_model *model, const void *const *inputs, void *const *results) {\n",
                entry->name);
    text_indent(text, 1);
    if (!of->inputs.count) text_add(text, "(void)inputs;\n");
    if (!of->results.count) text_add(text, "(void)results;\n");
    text_printf(text, "return (tg_status)%s_%s((%s *)model", e->prefix, entry->name, e->prefix);
    for (int i = 0; i < of->inputs.count; i++) text_printf(text, ", inputs[%d]", i);
    for (int i = 0; i < of->results.count; i++) text_printf(text, ", results[%d]", i);
    text_indent(text, -1);
    text_add(text, ");\n}\n");
    vec_push(e->arena, &e->output->others, arena_printf(e->arena, "%s_%s", e->prefix, entry->name));
    vec_push(e->arena, &e->output->others, arena_printf(e->arena, "call_%s", entry->name));
}

void put_entry(Emitter *e, Text *text, EntryText *entry, int first_launch) {
    const Program *program = entry->program;
    Text structs, launches;
    text_init(&structs, e->arena);
    text_init(&launches, e->arena);
    text_indent(&launches, 1);
    put_body(e, &structs, &launches, entry, first_launch);
    text_add(text, structs.at);
    bool keys = false, step = false;
    for (int i = 0; i < program->functions.count; i++) {
        keys |= program->functions.at[i]->reads_keys;
        step |= program->functions.at[i]->scalars.count > 0;
    }
    text_add(text, "\n");
    put_signature(e, text, entry);
    text_add(text, " {\n");
    text_indent(text, 1);
    put_guards(e, text, entry);
    text_printf(text, "tg_begin(model, %d);\n", (int)(entry - e->entries));
    put_pointers(e, text, entry);
    if (last_check(program) >= 0) text_add(text, "tg_slot slot = {0};\n");
    if (keys)
        text_add(text, "const uint32_t key0 = (uint32_t)model->seed ^ (uint32_t)(model->seed >> 32);\n"
                       "const uint32_t key1 = (uint32_t)model->calls;\n");
    if (step)
        text_printf(text, "const %s step = (%s)(model->step + 1);\n", c_type(e->model, DT_FLOAT),
                    c_type(e->model, DT_FLOAT));
    put_check_begin(e, text, entry);
    text_indent(text, -1);
    text_add(text, launches.at);
    text_indent(text, 1);
    put_check_end(e, text, entry);
    put_counts(e, text, entry);
    text_add(text, "return model->status = TG_OK;\n");
    text_indent(text, -1);
    text_add(text, "}\n");
    put_call(e, text, entry);
}
