/* c_repeat.c: a sequence of launches that comes again with other tensors, as a loop over a table with a row for each
 * turn, as a person would write the layers of a model.
 *
 *     const struct step_layers_1 layers_1[] = {
 *         {.x = t.net_h, .q_W = t.net_layer_0_att_q_W, ...},
 *         {.x = t.net_layer_0_x, .q_W = t.net_layer_1_att_q_W, ...},
 *     };
 *     for (int layer = 0; layer < 2; layer++) {
 *         const struct step_layers_1 *its = &layers_1[layer];
 *         tg_for(model->pool, k03_q, &(struct k03_q_args){.x = its->x, .W = its->q_W, .q = its->q}, 32);
 *
 * What is the same in every turn stays where it is; what changes is a column of the table, once for all that read it.
 * Repeats are found in the order of the launches, the longest first, and lie within one phase. */
#include "emit/parts.h"

#include <ctype.h>
#include <string.h>

enum { LEAST_PERIOD = 4, LEAST_GAIN = 6, MOST_REPEATS = 8, LINE_WIDTH = 120 };

/* ---- finding them ---- */

/* Two launches that one line of the loop could stand for. */
static bool same_launch(const EntryText *entry, const int *kernel_of, int a, int b) {
    const Function *f = entry->program->functions.at[a], *g = entry->program->functions.at[b];
    return kernel_of[a] == kernel_of[b] && f->kernel && g->kernel && f->kernel->phase == g->kernel->phase &&
           f->kernel->phase != PHASE_UPDATE && f->kernel->kind != KERNEL_CHECK;
}

static const char *scope_of(const EntryText *entry, int launch) {
    const Kernel *kernel = entry->program->functions.at[launch]->kernel;
    const Node *node = kernel ? main_node(kernel) : NULL;
    return node ? node_scope(node) : "";
}

/* How much of a path leads to an element of a list: 11 for net.layer.0.att; 0 if none is on the way. */
static size_t element_length(const char *path) {
    for (const char *at = path; *at; at++) {
        if (*at != '.' || !isdigit((unsigned char)at[1])) continue;
        return (size_t)(at + 1 - path) + strspn(at + 1, "0123456789");
    }
    return 0;
}

static bool opens_element(const EntryText *entry, int launch) {
    const char *here = scope_of(entry, launch), *before = launch ? scope_of(entry, launch - 1) : "";
    size_t length = element_length(here);
    return length && (length != element_length(before) || strncmp(here, before, length) != 0);
}

/* Turns may begin anywhere in the first `room` launches: best where the model's list does. */
static int best_start(const EntryText *entry, int from, int room) {
    for (int i = from; i <= from + room; i++)
        if (opens_element(entry, i)) return i;
    return from;
}

/* The repeat in [from, to) that saves the most launches; period 0 if there is none. */
static Repeat longest(const EntryText *entry, const int *kernel_of, int from, int to) {
    Repeat best = {0};
    int best_gain = LEAST_GAIN - 1;
    for (int period = LEAST_PERIOD; period <= (to - from) / 2; period++)
        for (int start = from, at = from; at <= to - period; at++) {
            if (at < to - period && same_launch(entry, kernel_of, at, at + period)) continue;
            int run = at - start, turns = run / period + 1;
            if (turns > 1 && period * (turns - 1) > best_gain) {
                best_gain = period * (turns - 1);
                best = (Repeat){best_start(entry, start, run % period), period, turns};
            }
            start = at + 1;
        }
    return best;
}

static void find_within(Emitter *e, EntryText *entry, const int *kernel_of, int from, int to) {
    if (entry->repeats.count == MOST_REPEATS) return;
    Repeat repeat = longest(entry, kernel_of, from, to);
    if (!repeat.period) return;
    find_within(e, entry, kernel_of, from, repeat.first);
    vec_push(e->arena, &entry->repeats, repeat);
    find_within(e, entry, kernel_of, repeat.first + repeat.period * repeat.turns, to);
}

/* A call stands within one turn, and is the same in each. */
static void cut_groups(const Program *program, const Repeat *repeat) {
    for (int i = 0; i < repeat->period; i++) {
        bool joins = i > 0;
        for (int turn = 0; turn < repeat->turns; turn++)
            joins = joins && program->functions.at[repeat->first + turn * repeat->period + i]->joins;
        for (int turn = 0; turn < repeat->turns; turn++)
            program->functions.at[repeat->first + turn * repeat->period + i]->joins = joins;
    }
    int past = repeat->first + repeat->period * repeat->turns;
    if (past < program->functions.count) program->functions.at[past]->joins = false;
}

void find_repeats(Emitter *e) {
    if (e->output->check) return; /* every launch has a line of its own to be checked behind */
    int first_launch = 0;
    for (int i = 0; i < e->model->entries.count; i++) {
        EntryText *entry = &e->entries[i];
        int count = entry->program->functions.count;
        find_within(e, entry, e->kernel_of + first_launch, last_check(entry->program) + 1, count);
        for (int j = 0; j < entry->repeats.count; j++) cut_groups(entry->program, &entry->repeats.at[j]);
        first_launch += count;
    }
}

const Repeat *repeat_at(const EntryText *entry, int launch) {
    for (int i = 0; i < entry->repeats.count; i++)
        if (entry->repeats.at[i].first == launch) return &entry->repeats.at[i];
    return NULL;
}

/* ---- its table ---- */

typedef struct Column { /* what an argument of the loop's launches is in each turn */
    const char *name, *type;
    const char **cells;
} Column;

typedef struct Table {
    Emitter *e;
    const EntryText *entry;
    const Repeat *repeat;
    const int *kernel_of;
    NameSet names;
    VEC(Column) columns;
} Table;

static const Function *launched(const Table *table, int turn, int launch) {
    const Repeat *repeat = table->repeat;
    return table->entry->program->functions.at[repeat->first + turn * repeat->period + launch];
}

static bool same_cells(const char *const *a, const char *const *b, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(a[i], b[i]) != 0) return false;
    return true;
}

static bool all_equal(const char *const *cells, int count) {
    for (int i = 1; i < count; i++)
        if (strcmp(cells[i], cells[0]) != 0) return false;
    return true;
}

/* What the names of all turns end in: att_q_W of net_layer_0_att_q_W and net_layer_1_att_q_W; "" for nothing. */
static const char *common_end(const char *const *names, int count) {
    const char *end = names[0] + strlen(names[0]), *part = "";
    for (const char *at = end; at > names[0]; at--) {
        size_t length = (size_t)(end - at) + 1;
        for (int i = 1; i < count; i++) {
            size_t whole = strlen(names[i]);
            if (whole < length || strcmp(names[i] + whole - length, at - 1) != 0) return part;
        }
        bool opens = at - 1 == names[0] || at[-2] == '_';
        if (opens && !isdigit((unsigned char)at[-1])) part = at - 1;
    }
    return part;
}

static const char *array_word(const Table *table, int launch, int array) {
    const KernelText *kernel = &table->e->kernels.at[table->kernel_of[table->repeat->first + launch]];
    return kernel->function->arrays.at[array]->name;
}

/* By the members where they are whole, else by the modules that the launches belong to. */
static const char *column_name(Table *table, int launch, int array, const char *const *cells) {
    Arena *arena = table->e->arena;
    int turns = table->repeat->turns;
    bool whole = true;
    const char **names = NEW_ARRAY(arena, const char *, turns);
    for (int i = 0; i < turns; i++) whole = whole && !strchr(cells[i], ' ');
    for (int i = 0; i < turns; i++) {
        const char *scope = scope_of(table->entry, table->repeat->first + i * table->repeat->period + launch);
        names[i] = whole ? cells[i] + strlen("t.")
                         : arena_printf(arena, "%s_%s", c_identifier(arena, scope), array_word(table, launch, array));
    }
    const char *name = common_end(names, turns);
    return name_new(&table->names, *name ? name : array_word(table, launch, array));
}

static const Column *column_for(Table *table, int launch, int array, const char *type, const char **cells) {
    for (int i = 0; i < table->columns.count; i++) {
        Column *column = &table->columns.at[i];
        if (same_cells(column->cells, cells, table->repeat->turns)) {
            if (!strncmp(column->type, "const ", 6) && strncmp(type, "const ", 6) != 0) column->type = type;
            return column;
        }
    }
    const char *name = array >= 0 ? column_name(table, launch, array, cells) : name_new(&table->names, "site");
    vec_push(table->e->arena, &table->columns, ((Column){name, type, cells}));
    return &table->columns.at[table->columns.count - 1];
}

/* The values of a launch's arguments inside the loop. */
static const char **loop_values(Table *table, int launch) {
    Emitter *e = table->e;
    const Function *f = launched(table, 0, launch);
    int turns = table->repeat->turns, count = f->arrays.count + f->sites.count;
    const char **values = NEW_ARRAY(e->arena, const char *, count + 1);
    for (int i = 0; i < count; i++) {
        const char **cells = NEW_ARRAY(e->arena, const char *, turns);
        int site = i - f->arrays.count;
        for (int turn = 0; turn < turns; turn++) {
            const Function *g = launched(table, turn, launch);
            cells[turn] = site < 0 ? pointer_text(e, table->entry, g, g->arrays.at[i])
                                   : arena_printf(e->arena, "%lu", (unsigned long)(uint32_t)g->sites.at[site]);
        }
        values[i] = cells[0];
        if (all_equal(cells, turns)) continue;
        const char *type = "uint32_t ";
        if (site < 0)
            type = arena_printf(e->arena, "%s%s *", f->arrays.at[i]->written ? "" : "const ",
                                c_type(e->model, f->arrays.at[i]->dtype));
        values[i] = arena_printf(e->arena, "its->%s", column_for(table, launch, site < 0 ? i : -1, type, cells)->name);
    }
    return values;
}

static void put_struct(Text *text, const Table *table, int number) {
    text_printf(text, "\nstruct %s_layers_%d {\n", table->entry->name, number);
    for (int i = 0; i < table->columns.count; i++)
        text_printf(text, "    %s%s;\n", table->columns.at[i].type, table->columns.at[i].name);
    text_add(text, "};\n");
}

static void put_row(Text *text, const Table *table, int turn) {
    size_t width = (size_t)text->indent * 4;
    text_add(text, "{");
    for (int i = 0; i < table->columns.count; i++) {
        const Column *column = &table->columns.at[i];
        const char *cell = arena_printf(table->e->arena, ".%s = %s", column->name, column->cells[turn]);
        width += strlen(cell) + 2;
        if (i && width > LINE_WIDTH - 4) {
            text_add(text, ",\n ");
            width = (size_t)text->indent * 4 + 1 + strlen(cell) + 2;
        } else if (i) {
            text_add(text, ", ");
        }
        text_add(text, cell);
    }
    text_add(text, "},\n");
}

/* "net.layer.0, net.layer.1, net.layer.2" */
static void put_title(Text *text, const Table *table) {
    enum { SHOWN = 4 };
    int turns = table->repeat->turns, named = 0;
    text_printf(text, "/* %d times the same", turns);
    for (int turn = 0; turn < turns; turn++) {
        const char *scope = scope_of(table->entry, table->repeat->first + turn * table->repeat->period);
        size_t length = element_length(scope);
        if (!length) break;
        named++;
        if (turn < SHOWN || turn + 1 == turns)
            text_printf(text, "%s%.*s", turn ? ", " : ", from ", (int)length, scope);
        else if (turn == SHOWN)
            text_add(text, ", …");
    }
    text_printf(text, "%s; layers_%d has a row for each */\n", named ? " on" : "",
                (int)(table->repeat - table->entry->repeats.at) + 1);
}

void put_repeat(Emitter *e, Text *structs, Text *text, const EntryText *entry, const Repeat *repeat, int first_launch) {
    Table table = {.e = e, .entry = entry, .repeat = repeat, .kernel_of = e->kernel_of + first_launch};
    table.names.arena = e->arena;
    int number = (int)(repeat - entry->repeats.at) + 1;
    const char ***values = NEW_ARRAY(e->arena, const char **, repeat->period);
    for (int i = 0; i < repeat->period; i++) values[i] = loop_values(&table, i);
    if (table.columns.count) put_struct(structs, &table, number);
    put_title(text, &table);
    if (table.columns.count) {
        text_printf(text, "/* clang-format off */\nconst struct %s_layers_%d layers_%d[] = {\n", entry->name, number,
                    number);
        text_indent(text, 1);
        for (int turn = 0; turn < repeat->turns; turn++) put_row(text, &table, turn);
        text_indent(text, -1);
        text_add(text, "};\n/* clang-format on */\n");
    }
    text_printf(text, "for (int layer = 0; layer < %d; layer++) {\n", repeat->turns);
    text_indent(text, 1);
    if (table.columns.count)
        text_printf(text, "const struct %s_layers_%d *its = &layers_%d[layer];\n", entry->name, number, number);
    const char *quoted = "";
    for (int i = 0; i < repeat->period;) {
        LaunchLine lines[MOST_TOGETHER];
        int count = group_size(entry->program, repeat->first + i);
        for (int k = 0; k < count; k++, i++)
            lines[k] =
                (LaunchLine){launched(&table, 0, i), &e->kernels.at[table.kernel_of[repeat->first + i]], values[i]};
        put_launches(e, text, lines, count, &quoted);
    }
    text_indent(text, -1);
    text_add(text, "}\n");
}
