/* inspect_words.c: facts about kernels as short words, the same in the table, the JSON and the page.
 *
 * In: a contract over batch 1, m 2048, n 1024, k 256 with a 6 x 4 tile. Out: "2048 x 1024, k 256" and
 * "6 x 4 vectors, B in panels". */
#include "command/inspect.h"

#include <string.h>

const char *kind_word(KernelKind kind) {
    static const char *const words[] = {
        [KERNEL_MAP] = "map",           [KERNEL_ROW] = "row",       [KERNEL_FOLD] = "fold",
        [KERNEL_CONTRACT] = "contract", [KERNEL_ATTEND] = "attend", [KERNEL_SCATTER] = "scatter",
        [KERNEL_CHECK] = "check"};
    return words[kind];
}

const char *together_word(Arena *arena, const OutputLaunch *launch) {
    if (launch->first < launch->last) return arena_printf(arena, "%d-%d", launch->first, launch->last);
    return launch->here ? "here" : "";
}

const char *beside_word(Arena *arena, const Output *output, const Kernel *kernel) {
    const OutputLaunch *launch = NULL, *entry = NULL;
    for (int i = 0; i < output->launches.count && !launch; i++) {
        const OutputLaunch *at = &output->launches.at[i];
        if (!entry || entry->entry != at->entry) entry = at;
        if (at->planned == kernel && !at->packs) launch = at;
    }
    if (!launch || launch->first == launch->last) return launch && launch->here ? "here" : "";
    int first = kernel->id, last = kernel->id;
    for (int i = launch->first; i <= launch->last; i++) {
        if (entry[i].packs || !entry[i].planned) continue;
        if (entry[i].planned->id < first) first = entry[i].planned->id;
        if (entry[i].planned->id > last) last = entry[i].planned->id;
    }
    return first < last ? arena_printf(arena, "%d-%d", first, last) : "";
}

const char *file_word(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *place_word(Arena *arena, Span span) {
    return span.source ? arena_printf(arena, "%s:%d", file_word(span.source->path), span_line(span)) : "";
}

const char *line_word(Arena *arena, Span span) {
    if (!span.source) return "";
    const char *from = span.source->text + span.start;
    while (from > span.source->text && from[-1] != '\n') from--;
    while (*from == ' ' || *from == '\t') from++;
    size_t length = strcspn(from, "\r\n");
    while (length && (from[length - 1] == ' ' || from[length - 1] == '\t')) length--;
    return arena_strndup(arena, from, length);
}

/* The product of the extents of all loops of a role. */
static long long extent_of(const Kernel *kernel, LoopRole role) {
    int64_t extent = 1;
    for (int i = 0; i < kernel->axes.count; i++)
        if (kernel->role[i] == role) extent *= kernel->axes.extent[i];
    return (long long)extent;
}

/* "64 x 256": the loops without those of one turn. */
static const char *extents_word(Arena *arena, const Kernel *kernel) {
    Text text;
    text_init(&text, arena);
    for (int i = 0; i < kernel->axes.count; i++)
        if (kernel->axes.extent[i] != 1)
            text_printf(&text, "%s%lld", text.length ? " x " : "", (long long)kernel->axes.extent[i]);
    return text.length ? text.at : "1";
}

const char *loops_word(Arena *arena, const Kernel *kernel) {
    long long batch = extent_of(kernel, ROLE_FREE), fold = extent_of(kernel, ROLE_FOLD);
    switch (kernel->kind) {
    case KERNEL_ROW:
        return arena_printf(arena, "%lld rows of %lld", batch * extent_of(kernel, ROLE_M), fold);
    case KERNEL_FOLD:
        return arena_printf(arena, "%lld kept, %lld folded", batch, fold);
    case KERNEL_CONTRACT:
        return arena_printf(arena, "%s%lld x %lld, k %lld", batch > 1 ? arena_printf(arena, "%lld of ", batch) : "",
                            extent_of(kernel, ROLE_PART) * extent_of(kernel, ROLE_M), extent_of(kernel, ROLE_N), fold);
    case KERNEL_ATTEND:
        return arena_printf(arena, "%lld of %lld queries, %lld keys", batch, extent_of(kernel, ROLE_M),
                            extent_of(kernel, ROLE_N));
    case KERNEL_SCATTER:
        return arena_printf(arena, "%lld ids, %lld columns", fold, batch);
    case KERNEL_CHECK:
        return arena_printf(arena, "%lld ids", batch * fold);
    case KERNEL_MAP:
        break;
    }
    return extents_word(arena, kernel);
}

const char *tile_word(Arena *arena, const Kernel *kernel) {
    const Tile *tile = &kernel->tile;
    if (kernel->kind == KERNEL_ATTEND)
        return arena_printf(arena, "%lld queries x %lld keys", (long long)tile->row_block, (long long)tile->k_block);
    if (kernel->kind != KERNEL_CONTRACT) return "";
    const char *steps = tile->k_block > 0 && tile->k_block < extent_of(kernel, ROLE_FOLD)
                            ? arena_printf(arena, ", k by %lld", (long long)tile->k_block)
                            : "";
    return arena_printf(arena, "%d x %d vectors%s%s", tile->mr, tile->nv, steps,
                        tile->pack_a && tile->pack_b ? ", A in rows, B in panels"
                        : tile->pack_b               ? ", B in panels"
                        : tile->pack_a               ? ", A in rows"
                                                     : "");
}

const char *amount_word(Arena *arena, double amount, const char *unit) {
    static const char *const scale[] = {"", "k", "M", "G", "T"};
    int step = 0;
    while (amount >= 999.5 && step < 4) amount /= 1000, step++;
    return arena_printf(arena, "%.3g%s%s%s", amount, step || *unit ? " " : "", scale[step], unit);
}

const char *seconds_word(Arena *arena, double seconds) {
    static const char *const units[] = {"s", "ms", "us", "ns"};
    int step = 0;
    while (seconds < 0.9995 && step < 3) seconds *= 1000, step++;
    return arena_printf(arena, "%.3g %s", seconds, units[step]);
}

const char *node_word(Arena *arena, const Node *node) {
    if (node->op->uses & USES_VARIABLE && node->attr.variable) return node->attr.variable->path;
    return node->name ? node->name : arena_printf(arena, "v%d", node->id);
}

const char *results_word(Arena *arena, const char *computes) {
    Text text;
    text_init(&text, arena);
    for (const char *line = computes; *line;) {
        size_t length = strcspn(line, "\n");
        text_printf(&text, "%s%.*s", text.length ? "; " : "", (int)length, line);
        line += length + (line[length] == '\n');
    }
    return text.at;
}
