/* plan.c: `tgc plan` shows how the memory of an entry point was planned.
 *
 *     step: 42 kernels, arena 1.05 MB, lower bound 1.05 MB, ratio 1.000
 *       tensor      bytes    offset  kernels  who lives when
 *       h         262.1 k         0    3-17   ...###############......  m.tg:31
 *
 * The lower bound is the largest sum of bytes that live at one kernel: no plan can do with less. A tensor lives from
 * the kernel that first writes it to the last that uses it; pieces that kernels write one by one each from their own. A
 * result that lies over an operand counts once. A kernel's reads and writes count each tensor once, as far as views let
 * it be seen; panels that a product's operand is laid out in are written and read. Kernels that don't need each other
 * run together, very small ones on the caller's thread ("here"). */
#include "command/inspect.h"

#include <stdlib.h>
#include <string.h>

enum { PICTURE = 64, TENANTS_SHOWN = 24 };

static const Option options[] = {
    {"--all", NULL, OPTION_FLAG, NULL, "every tensor of the arena, not the largest alone", offsetof(Request, all)},
    {"--json", NULL, OPTION_FLAG, NULL, "print one object of JSON per entry point", offsetof(Request, json)},
    {NULL, NULL, 0, NULL, NULL, 0}};

typedef enum Part { PART_FORWARD, PART_BACKWARD, PART_UPDATE, PART_PANELS, PART_COUNT } Part;
static const char *const part_names[] = {"forward", "backward", "update", "panels"};

typedef struct Tenant {
    const Buffer *buffer;
    const Node *node; /* that lies there first; of panels, the product */
    Part part;
} Tenant;

typedef struct KernelUse {
    double reads, writes, live;
} KernelUse;

typedef struct Plan {
    Arena *arena;
    const Output *output; /* what was written: which kernels run together */
    const Schedule *schedule;
    VEC(Tenant) tenants; /* the largest first */
    KernelUse *uses;     /* by kernel */
    int fullest;         /* the kernel at which most bytes live */
    double variables[4]; /* bytes by VariableKind */
    double inputs, results, gradients;
} Plan;

/* ---- what is counted ---- */

static double size_of(const Plan *plan, DType dtype) {
    return dtype == DT_FLOAT ? (plan->schedule->model->f64 ? 8 : 4) : dtype == DT_I32 ? 4 : 1;
}

static double bytes_of(const Plan *plan, const Shape *shape, DType dtype) {
    return (double)shape_count(shape) * size_of(plan, dtype);
}

static int by_size(const void *left, const void *right) {
    const Buffer *a = ((const Tenant *)left)->buffer, *b = ((const Tenant *)right)->buffer;
    if (a->bytes != b->bytes) return a->bytes < b->bytes ? 1 : -1;
    return a->id - b->id;
}

static void add_tenant(Plan *plan, bool *seen, const Buffer *buffer, const Node *node, Part part) {
    if (!buffer || buffer->kind != BUF_ARENA || buffer->first < 0 || seen[buffer->id]) return;
    seen[buffer->id] = true;
    vec_push(plan->arena, &plan->tenants, ((Tenant){buffer, node, part}));
}

static void find_tenants(Plan *plan) {
    const Schedule *schedule = plan->schedule;
    bool *seen = NEW_ARRAY(plan->arena, bool, schedule->buffers.count + 1);
    for (int i = 0; i < schedule->kernels.count; i++) {
        const Kernel *kernel = schedule->kernels.at[i];
        add_tenant(plan, seen, kernel->packed, kernel->root, PART_PANELS);
        add_tenant(plan, seen, kernel->packed_a, kernel->root, PART_PANELS);
        for (int j = 0; j < kernel->outputs.count; j++) {
            const Node *node = kernel->outputs.at[j];
            add_tenant(plan, seen, schedule->place[node->id].buffer, node, (Part)node->phase);
        }
    }
    qsort(plan->tenants.at, (size_t)plan->tenants.count, sizeof *plan->tenants.at, by_size);
}

/* By node id: how many of its elements the kernel sees at most, through the views between. */
static void see(const Plan *plan, const Kernel *kernel, Node *node, double through, double *seen) {
    const Schedule *schedule = plan->schedule;
    node = schedule_alias(schedule, node);
    if (kernel_computes(kernel, node)) return;
    double count = (double)shape_count(&node->shape);
    if (through > count) through = count;
    const Place *place = &schedule->place[node->id];
    if (place->buffer) {
        if (seen[node->id] < through) seen[node->id] = through;
        if (place->index) see(plan, kernel, place->index, 1, seen);
        return;
    }
    for (int i = 0; i < node->operand_count; i++)
        see(plan, kernel, node->operand[i], node->op->kind == OP_VIEW ? through : 1e300, seen);
}

static KernelUse use_of(const Plan *plan, const Kernel *kernel) {
    const Schedule *schedule = plan->schedule;
    int count = schedule->entry->graph->nodes.count;
    double *seen = NEW_ARRAY(plan->arena, double, count + 1);
    KernelUse use = {0};
    for (int i = 0; i < kernel->nodes.count; i++)
        for (int j = 0; j < kernel->nodes.at[i]->operand_count; j++)
            see(plan, kernel, kernel->nodes.at[i]->operand[j], 1e300, seen);
    for (int id = 0; id < count; id++)
        use.reads += seen[id] * size_of(plan, schedule->entry->graph->nodes.at[id]->dtype);
    for (int i = 0; i < kernel->outputs.count; i++) {
        const Node *node = kernel->outputs.at[i];
        bool part = node->op->kind == OP_EFFECT && node->operand_count; /* a write may be of a part of its variable */
        const Node *written = part ? node->operand[0] : node;
        use.writes += bytes_of(plan, &written->shape, node->dtype);
    }
    double panels = kernel->packed ? (double)kernel->packed->bytes : 0;
    double rows = kernel->packed_a ? (double)kernel->packed_a->bytes : 0;
    use.reads += panels + rows;
    use.writes += panels + (kernel->finds_rows ? 0 : rows);
    return use;
}

static void find_uses(Plan *plan) {
    const Schedule *schedule = plan->schedule;
    plan->uses = NEW_ARRAY(plan->arena, KernelUse, schedule->kernels.count + 1);
    for (int i = 0; i < schedule->kernels.count; i++) plan->uses[i] = use_of(plan, schedule->kernels.at[i]);
    for (int i = 0; i < schedule->kernels.count; i++) plan->uses[i].live = (double)schedule->live[i];
    for (int i = 0; i < schedule->kernels.count; i++)
        if (plan->uses[i].live > plan->uses[plan->fullest].live) plan->fullest = i;
}

/* Gradients are what the backward pass wrote and a kernel of the update reads. */
static void find_gradients(Plan *plan) {
    const Schedule *schedule = plan->schedule;
    bool *read = NEW_ARRAY(plan->arena, bool, schedule->buffers.count + 1);
    for (int i = 0; i < schedule->kernels.count; i++)
        if (schedule->kernels.at[i]->phase == PHASE_UPDATE) kernel_reads(schedule, schedule->kernels.at[i], read);
    for (int i = 0; i < plan->tenants.count; i++)
        if (plan->tenants.at[i].part == PART_BACKWARD && read[plan->tenants.at[i].buffer->id])
            plan->gradients += (double)plan->tenants.at[i].buffer->bytes;
}

static Plan *plan_make(Arena *arena, const Schedule *schedule, const Output *output) {
    Plan *plan = NEW(arena, Plan);
    *plan = (Plan){.arena = arena, .output = output, .schedule = schedule};
    const Model *model = schedule->model;
    find_tenants(plan);
    find_uses(plan);
    find_gradients(plan);
    for (int i = 0; i < model->variables.count; i++) {
        const Variable *v = model->variables.at[i];
        plan->variables[v->kind] += bytes_of(plan, &v->shape, v->dtype);
    }
    const Entry *entry = schedule->entry;
    for (int i = 0; i < entry->inputs.count; i++)
        plan->inputs += bytes_of(plan, &entry->inputs.at[i].shape, entry->inputs.at[i].dtype);
    for (int i = 0; i < entry->results.count; i++)
        plan->results += bytes_of(plan, &entry->results.at[i].shape, entry->results.at[i].dtype);
    return plan;
}

static double ratio_of(const Schedule *schedule) {
    return schedule->lower_bound ? (double)schedule->arena_bytes / (double)schedule->lower_bound : 1;
}

/* "m.tg:5 > nn.tg:60": the line of the entry point, and the line reached from there. */
static const char *line_of(Arena *arena, const Node *node) {
    const Node *origin = node && node->forward ? node->forward : node;
    const CallSite *call = origin ? origin->call : NULL;
    if (!origin) return "";
    if (!call) return place_word(arena, origin->span);
    while (call->outer) call = call->outer;
    return arena_printf(arena, "%s > %s", place_word(arena, call->span), place_word(arena, origin->span));
}

/* ---- as text ---- */

static int column_of(const Schedule *schedule, int kernel) {
    int count = schedule->kernels.count;
    if (kernel >= count) kernel = count - 1;
    return count <= PICTURE ? kernel : (int)((int64_t)kernel * PICTURE / count);
}

static int columns_of(const Schedule *schedule) {
    return schedule->kernels.count < PICTURE ? schedule->kernels.count : PICTURE;
}

/* Names of what is computed again, each with how often: "h 3, p 6". */
static void put_names_again(Text *text, const Schedule *schedule) {
    enum { SHOWN = 12 };
    VEC(const char *) names = {0};
    VEC(int) times = {0};
    for (int i = 0; i < schedule->kernels.count; i++) {
        const Kernel *kernel = schedule->kernels.at[i];
        for (int k = 0; k < kernel->outputs.count; k++) {
            const char *name = node_called(kernel->outputs.at[k]);
            int at = 0;
            if (!kernel->outputs.at[k]->again) continue;
            while (at < names.count && strcmp(names.at[at], name) != 0) at++;
            if (at == names.count) {
                vec_push(text->arena, &names, name);
                vec_push(text->arena, &times, 0);
            }
            times.at[at]++;
        }
    }
    for (int i = 0; i < names.count && i < SHOWN; i++)
        text_printf(text, "%s %s %d", i ? "," : ":", names.at[i], times.at[i]);
    if (names.count > SHOWN) text_printf(text, " and %d others", names.count - SHOWN);
}

static void put_again(Text *text, const Schedule *schedule) {
    Effort effort = schedule_effort(schedule);
    if (!effort.kernels) return;
    text_printf(text, "  again        in %d kernels, %s, %.1f %% of the rest", effort.kernels,
                amount_word(text->arena, effort.again, "FLOP"), 100 * effort.again / (effort.all - effort.again));
    put_names_again(text, schedule);
    text_add(text, "\n");
}

/* Bytes of the buffer at that kernel, those that another takes over there not among them. */
static double bytes_at(const Buffer *buffer, int kernel) {
    double bytes = 0;
    for (int i = 0; i < buffer->stay_count; i++) {
        const Stay *stay = &buffer->stays[i];
        if (stay->first <= kernel && kernel <= stay->last - (buffer->under != NULL)) bytes += (double)stay->bytes;
    }
    return bytes;
}

static void put_totals(Text *text, const Plan *plan) {
    const Schedule *schedule = plan->schedule;
    const double *variables = plan->variables;
    Arena *arena = plan->arena;
    text_printf(text, "%s: %d kernels, %d tensors in the arena\n", schedule->entry->name, schedule->kernels.count,
                plan->tenants.count);
    text_printf(text, "  arena        %12zu B  lower bound %zu B, ratio %.3f\n", schedule->arena_bytes,
                schedule->lower_bound, ratio_of(schedule));
    text_printf(text, "  parameters   %12.0f B\n  states       %12.0f B\n  moments      %12.0f B\n",
                variables[VAR_PARAM], variables[VAR_STATE], variables[VAR_MOMENT]);
    text_printf(text, "  gradients    %12.0f B  in the arena, read by the update\n", plan->gradients);
    text_printf(text, "  inputs       %12.0f B\n  results      %12.0f B\n", plan->inputs, plan->results);
    put_again(text, schedule);
    if (!schedule->kernels.count || !schedule->arena_bytes) return;
    const Kernel *kernel = schedule->kernels.at[plan->fullest];
    double parts[PART_COUNT] = {0};
    for (int i = 0; i < plan->tenants.count; i++) {
        const Tenant *tenant = &plan->tenants.at[i];
        parts[tenant->part] += bytes_at(tenant->buffer, plan->fullest);
    }
    text_printf(text, "  fullest at kernel %d, %s (%s):", plan->fullest, kernel->name,
                kernel->nodes.count ? line_of(arena, kernel->nodes.at[kernel->nodes.count - 1]) : "");
    for (int part = 0; part < PART_COUNT; part++)
        if (parts[part] > 0) text_printf(text, " %s %s", part_names[part], amount_word(arena, parts[part], "B"));
    text_add(text, "\n");
}

/* A line over all kernels: their phases, then tenths of the arena that live. */
static void put_ruler(Text *text, const Plan *plan, int width) {
    const Schedule *schedule = plan->schedule;
    char phases[PICTURE + 1] = "", live[PICTURE + 1] = "";
    int columns = columns_of(schedule);
    memset(phases, ' ', (size_t)columns);
    memset(live, '0', (size_t)columns);
    for (int i = 0; i < schedule->kernels.count; i++) {
        int at = column_of(schedule, i);
        double tenths = schedule->arena_bytes ? 10 * plan->uses[i].live / (double)schedule->arena_bytes : 0;
        char digit = (char)('0' + (tenths > 9 ? 9 : (int)tenths));
        phases[at] = "fbu"[schedule->kernels.at[i]->phase];
        if (digit > live[at]) live[at] = digit;
    }
    text_printf(text, "\n  %-*s %12s %12s %9s  %-*s  line\n", width, "tensor", "bytes", "offset", "kernels", columns,
                phases);
    text_printf(text, "  %-*s %12s %12s %9s  %-*s\n", width, "tenths in use", "", "", "", columns, live);
}

/* What the buffer takes the bytes of: "d_h, x"; "" for nothing. */
static const char *lies_over(const Plan *plan, const Buffer *buffer) {
    const char *names = "";
    for (int i = 0; i < plan->tenants.count; i++) {
        const Buffer *other = plan->tenants.at[i].buffer;
        if (other->under == buffer) names = arena_printf(plan->arena, "%s%s%s", names, *names ? ", " : "", other->name);
    }
    return names;
}

static void put_tenant(Text *text, const Plan *plan, const Tenant *tenant, int width) {
    const Buffer *buffer = tenant->buffer;
    char picture[PICTURE + 1] = "";
    int columns = columns_of(plan->schedule);
    int from = column_of(plan->schedule, buffer->first), to = column_of(plan->schedule, buffer->last);
    memset(picture, '.', (size_t)columns);
    memset(picture + from, "#@u="[tenant->part], (size_t)(to - from + 1));
    const char *kernels = arena_printf(plan->arena, "%d-%d", buffer->first, buffer->last);
    const char *over = lies_over(plan, buffer);
    text_printf(text, "  %-*s %12zu %12zu %9s  %s  %s%s%s\n", width, buffer->name, buffer->bytes, buffer->offset,
                kernels, picture, line_of(plan->arena, tenant->node), *over ? ", over " : "", over);
}

static void put_tenants(Text *text, const Plan *plan, bool all) {
    int count = all || plan->tenants.count <= TENANTS_SHOWN ? plan->tenants.count : TENANTS_SHOWN;
    if (!count) return;
    int width = (int)strlen("tenths in use");
    for (int i = 0; i < count; i++) {
        int length = (int)strlen(plan->tenants.at[i].buffer->name);
        if (length > width) width = length;
    }
    put_ruler(text, plan, width);
    for (int i = 0; i < count; i++) put_tenant(text, plan, &plan->tenants.at[i], width);
    if (count < plan->tenants.count)
        text_printf(text, "  and %d smaller ones (--all shows them)\n", plan->tenants.count - count);
    text_add(text, "  # forward  @ backward  u update  = panels of a product; above, the kernels: f, b, u\n");
}

static void put_kernels(Text *text, const Plan *plan) {
    const Schedule *schedule = plan->schedule;
    text_printf(text, "\n  %6s %-24s %-9s %-9s %12s %12s %12s  %-8s  line\n", "kernel", "name", "kind", "phase",
                "reads", "writes", "live", "together");
    for (int i = 0; i < schedule->kernels.count; i++) {
        const Kernel *kernel = schedule->kernels.at[i];
        const Node *node = kernel->nodes.count ? kernel->nodes.at[kernel->nodes.count - 1] : NULL;
        text_printf(text, "  %6d %-24s %-9s %-9s %12.0f %12.0f %12.0f  %-8s  %s\n", i, kernel->name,
                    kind_word(kernel->kind), phase_word(1u << kernel->phase), plan->uses[i].reads, plan->uses[i].writes,
                    plan->uses[i].live, beside_word(plan->arena, plan->output, kernel), line_of(plan->arena, node));
    }
}

static void put_text(Text *text, const Plan *plan, bool all) {
    if (text->length) text_add(text, "\n");
    put_totals(text, plan);
    put_tenants(text, plan, all);
    put_kernels(text, plan);
}

/* ---- as JSON ---- */

static void put_json(Text *text, const Plan *plan) {
    const Schedule *schedule = plan->schedule;
    Effort effort = schedule_effort(schedule);
    text_printf(
        text,
        "{\"entry\": \"%s\", \"arena_bytes\": %zu, \"lower_bound\": %zu, \"ratio\": %.6f,\n"
        " \"parameters\": %.0f, \"states\": %.0f, \"moments\": %.0f, \"gradients\": %.0f, \"inputs\": %.0f, "
        "\"results\": %.0f,\n \"again\": {\"kernels\": %d, \"operations\": %.0f, \"of\": %.0f},\n \"tensors\": [",
        schedule->entry->name, schedule->arena_bytes, schedule->lower_bound, ratio_of(schedule),
        plan->variables[VAR_PARAM], plan->variables[VAR_STATE], plan->variables[VAR_MOMENT], plan->gradients,
        plan->inputs, plan->results, effort.kernels, effort.again, effort.all);
    for (int i = 0; i < plan->tenants.count; i++) {
        const Tenant *tenant = &plan->tenants.at[i];
        const Buffer *buffer = tenant->buffer;
        text_printf(text,
                    "%s\n  {\"name\": \"%s\", \"part\": \"%s\", \"bytes\": %zu, \"offset\": %zu, \"first\": %d, "
                    "\"last\": %d, \"over\": \"%s\", \"line\": \"%s\"}",
                    i ? "," : "", buffer->name, part_names[tenant->part], buffer->bytes, buffer->offset, buffer->first,
                    buffer->last, lies_over(plan, buffer), line_of(plan->arena, tenant->node));
    }
    text_add(text, "],\n \"kernels\": [");
    for (int i = 0; i < schedule->kernels.count; i++) {
        const Kernel *kernel = schedule->kernels.at[i];
        const Node *node = kernel->nodes.count ? kernel->nodes.at[kernel->nodes.count - 1] : NULL;
        text_printf(text,
                    "%s\n  {\"name\": \"%s\", \"kind\": \"%s\", \"phase\": \"%s\", \"reads\": %.0f, \"writes\": %.0f, "
                    "\"live\": %.0f, \"together\": \"%s\", \"line\": \"%s\"}",
                    i ? "," : "", kernel->name, kind_word(kernel->kind), phase_word(1u << kernel->phase),
                    plan->uses[i].reads, plan->uses[i].writes, plan->uses[i].live,
                    beside_word(plan->arena, plan->output, kernel), line_of(plan->arena, node));
    }
    text_add(text, "]}\n");
}

/* ---- the command ---- */

static bool is_any(const Model *model, const char *name) {
    for (int i = 0; i < model->entries.count; i++)
        if (!name || entry_called(model->entries.at[i], name)) return true;
    return false;
}

static int run(Request *request) {
    Compile compile;
    if (!compile_request(request, &compile)) return STATUS_USAGE;
    if (!request->stop_after) compile.stop_after = "emit";
    int status = pipeline_run(&compile);
    if (status || request->stop_after) return status;
    const char *name = request->words.count > 1 ? request->words.at[1] : NULL;
    if (!is_any(compile.model, name) && !entry_named(request, compile.model, name))
        return compile.model->entries.count ? STATUS_USAGE : STATUS_CONTENT;
    Text text;
    text_init(&text, request->arena);
    for (int i = 0; i < compile.schedules.count; i++) {
        const Schedule *schedule = compile.schedules.at[i];
        if (name && !entry_called(schedule->entry, name)) continue;
        Plan *plan = plan_make(request->arena, schedule, &compile.output);
        if (request->json)
            put_json(&text, plan);
        else
            put_text(&text, plan, request->all);
    }
    return write_stdout(text.at, text.length) ? STATUS_OK : STATUS_FILE;
}

const Command command_plan = {.name = "plan",
                              .arguments = "FILE [ENTRY]",
                              .does = "Show how the memory of a model's entry points was planned.",
                              .options = options,
                              .compiles = true,
                              .least = 1,
                              .most = 2,
                              .run = run};
