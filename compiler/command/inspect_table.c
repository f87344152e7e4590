/* inspect_table.c: the kernels of each entry point as a table, in the order they run.
 *
 *     step of m.tg: 22 launches, 37 MFLOP, 13.1 MB, …
 *
 *      #  kernel  phase    line      loops               FLOP    bytes  FLOP/B  slices  together  share  computes
 *      3  k03_h   forward  nn.tg:15  32 x 256, k 784   16.8 M    970 k    17.3       4  3-5       41 %   h[B, H] = …
 *
 * Launches 3 to 5 don't need each other: their slices are handed out together. "here" is a launch that is too small to
 * be handed out. Where some rows are chosen, they alone stand there. */
#include "command/inspect.h"

#include <string.h>

enum { COLUMNS = 13 };

typedef struct Column {
    const char *title;
    bool right; /* numbers end at the same column */
} Column;

static const Column columns_of[COLUMNS] = {{"#", true},        {"kernel", false}, {"phase", false},    {"line", false},
                                           {"loops", false},   {"tile", false},   {"FLOP", true},      {"bytes", true},
                                           {"FLOP/B", true},   {"slices", true},  {"together", false}, {"share", true},
                                           {"computes", false}};

typedef struct Line {
    const char *cell[COLUMNS];
} Line;
typedef VEC(Line) LineList;

static Line line_of(Arena *arena, const InspectRow *row, int number) {
    const OutputLaunch *launch = row->launch;
    const Cost *cost = &row->cost;
    return (Line){{arena_printf(arena, "%d", number), row->kernel->name, phase_word(row->phases),
                   launch->node ? place_word(arena, launch->node->span) : "", loops_word(arena, launch->planned),
                   launch->packs ? "" : tile_word(arena, launch->planned), amount_word(arena, cost->flop, ""),
                   amount_word(arena, cost->bytes, ""), arena_printf(arena, "%.3g", cost->intensity),
                   arena_printf(arena, "%lld", (long long)launch->slices), together_word(arena, launch),
                   arena_printf(arena, "%.1f %%", 100 * row->share), results_word(arena, launch->computes)}};
}

/* Cuts after `limit` characters, where it leaves whole UTF-8. */
static void put_cut(Text *text, const char *line, int limit) {
    int seen = 0;
    const char *at = line;
    for (; *at && (limit <= 0 || seen < limit); at++)
        if (((unsigned char)at[1] & 0xc0) != 0x80) seen++;
    text_printf(text, "%s\n", arena_strndup(text->arena, line, (size_t)(at - line)));
}

static void put_line(Text *text, const Line *line, const int *widths, int limit) {
    Text one;
    text_init(&one, text->arena);
    for (int i = 0; i < COLUMNS; i++) {
        const char *gap = i ? "  " : "";
        if (i == COLUMNS - 1)
            text_printf(&one, "%s%s", gap, line->cell[i]);
        else
            text_printf(&one, "%s%*s", gap, columns_of[i].right ? widths[i] : -widths[i], line->cell[i]);
    }
    while (one.length && one.at[one.length - 1] == ' ') one.at[--one.length] = '\0';
    put_cut(text, one.at, limit);
}

static void put_summary(Text *text, const Inspection *inspection, const InspectEntry *entry) {
    const Compile *compile = inspection->compile;
    const Machine *machine = compile->machine;
    Arena *arena = inspection->arena;
    text_printf(text, "%s of %s: %d launches, %s, %s, arena %s (no plan needs less than %s)\n", entry->entry->name,
                file_word(compile->path), entry->rows.count, amount_word(arena, entry->flop, "FLOP"),
                amount_word(arena, entry->bytes, "B"), amount_word(arena, (double)entry->schedule->arena_bytes, "B"),
                amount_word(arena, (double)entry->schedule->lower_bound, "B"));
    text_printf(text, "%s on %d thread%s of %s, by a roofline of %g GFLOP/s a core and %g GB/s\n\n",
                seconds_word(arena, entry->seconds), inspection->threads, inspection->threads == 1 ? "" : "s",
                machine->name, compile->model->f64 ? machine->gflops / 2 : machine->gflops, machine->gbytes);
}

static void put_entry(Text *text, const Inspection *inspection, const InspectEntry *entry, bool chosen, int limit) {
    LineList lines = {0};
    int widths[COLUMNS] = {0};
    Line head;
    for (int i = 0; i < COLUMNS; i++) head.cell[i] = columns_of[i].title;
    vec_push(inspection->arena, &lines, head);
    for (int i = 0; i < entry->rows.count; i++)
        if (!chosen || entry->rows.at[i].chosen)
            vec_push(inspection->arena, &lines, line_of(inspection->arena, &entry->rows.at[i], i));
    for (int i = 0; i < lines.count; i++)
        for (int k = 0; k < COLUMNS; k++) {
            int width = (int)strlen(lines.at[i].cell[k]);
            if (width > widths[k]) widths[k] = width;
        }
    put_summary(text, inspection, entry);
    for (int i = 0; i < lines.count; i++) put_line(text, &lines.at[i], widths, limit);
}

void inspect_table(Text *text, const Inspection *inspection, int columns) {
    bool chosen = false;
    for (int i = 0; i < inspection->entries.count; i++)
        for (int j = 0; j < inspection->entries.at[i].rows.count; j++)
            chosen = chosen || inspection->entries.at[i].rows.at[j].chosen;
    for (int i = 0; i < inspection->entries.count; i++) {
        if (i) text_add(text, "\n");
        put_entry(text, inspection, &inspection->entries.at[i], chosen, columns);
    }
}
