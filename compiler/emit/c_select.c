/* c_select.c: sizes in buckets as the C sees them: constants, and per entry point a call that chooses the
 * specialisation by its sizes.
 *
 *     #define M_T_BUCKETS 16, 32
 *
 *     int m_step(m *handle, int64_t T, const int32_t *src, float *loss) {
 *         if (T == 16) return m_step_T16(handle, src, loss);
 *         if (T == 32) return m_step_T32(handle, src, loss);
 *         return tg_fail((tg_model *)handle, TG_BAD_ARGUMENT, "step: no specialisation has T = %lld", (long long)T);
 *     } */
#include "emit/parts.h"

/* ---- the sizes ---- */

typedef struct Sizes { /* of one `dim`, rising */
    const char *name;
    VEC(int64_t) all;
} Sizes;
typedef VEC(Sizes) SizesList;

static void add_size(Emitter *e, SizesList *list, const Bucket *bucket) {
    Sizes *sizes = NULL;
    for (int i = 0; i < list->count; i++)
        if (list->at[i].name == bucket->name) sizes = &list->at[i];
    if (!sizes) {
        vec_push(e->arena, list, ((Sizes){.name = bucket->name}));
        sizes = &list->at[list->count - 1];
    }
    for (int i = 0; i < sizes->all.count; i++)
        if (sizes->all.at[i] == bucket->size) return;
    vec_push(e->arena, &sizes->all, bucket->size);
}

/* Those of the model's entries from `first` on, in the order of the text. */
static SizesList sizes_of(Emitter *e, int first, int count) {
    SizesList list = {0};
    for (int i = first; i < first + count; i++) {
        const Entry *entry = e->model->entries.at[i];
        for (int k = 0; k < entry->buckets.count; k++) add_size(e, &list, &entry->buckets.at[k]);
    }
    return list;
}

/* ---- the calls ---- */

void collect_selectors(Emitter *e) {
    for (int i = 0; i < e->model->entries.count; i++) {
        const Entry *entry = e->model->entries.at[i];
        Selector *last = e->selectors.count ? &e->selectors.at[e->selectors.count - 1] : NULL;
        if (!entry->buckets.count) continue;
        if (last && e->model->entries.at[last->first]->point == entry->point) {
            last->count++;
            continue;
        }
        const char *name = name_behind_prefix(&e->functions, c_identifier(e->arena, entry->point));
        vec_push(e->arena, &e->selectors, ((Selector){.first = i, .count = 1, .name = name}));
        vec_push(e->arena, &e->output->others, arena_printf(e->arena, "%s_%s", e->prefix, name));
    }
}

static void put_selector_signature(Emitter *e, Text *text, const Selector *selector) {
    const EntryText *entry = &e->entries[selector->first];
    text_printf(text, "int %s_%s(%s *handle", e->prefix, selector->name, e->prefix);
    for (int i = 0; i < entry->entry->buckets.count; i++) text_printf(text, ", int64_t %s", entry->sizes[i]);
    put_port_arguments(e, text, entry);
    text_add(text, ")");
}

static void put_choice(Emitter *e, Text *text, const EntryText *entry) {
    const Entry *of = entry->entry;
    text_add(text, "if (");
    for (int i = 0; i < of->buckets.count; i++)
        text_printf(text, "%s%s == %lld", i ? " && " : "", entry->sizes[i], (long long)of->buckets.at[i].size);
    text_printf(text, ") return %s_%s(handle", e->prefix, entry->name);
    for (int i = 0; i < of->inputs.count; i++) text_printf(text, ", %s", entry->inputs[i]);
    for (int i = 0; i < of->results.count; i++) text_printf(text, ", %s", entry->results[i]);
    text_add(text, ");\n");
}

static void put_selector(Emitter *e, Text *text, const Selector *selector) {
    const EntryText *entry = &e->entries[selector->first];
    const Entry *of = entry->entry;
    text_add(text, "\n");
    put_selector_signature(e, text, selector);
    text_add(text, " {\n");
    text_indent(text, 1);
    for (int i = 0; i < selector->count; i++) put_choice(e, text, &entry[i]);
    text_printf(text, "return tg_fail((tg_model *)handle, TG_BAD_ARGUMENT, \"%s: no specialisation has", of->point);
    for (int i = 0; i < of->buckets.count; i++)
        text_printf(text, "%s %s = %%lld", i ? "," : "", of->buckets.at[i].name);
    text_add(text, "\"");
    for (int i = 0; i < of->buckets.count; i++) text_printf(text, ", (long long)%s", entry->sizes[i]);
    text_add(text, ");\n");
    text_indent(text, -1);
    text_add(text, "}\n");
}

void put_selectors(Emitter *e, Text *text) {
    for (int i = 0; i < e->selectors.count; i++) put_selector(e, text, &e->selectors.at[i]);
}

/* " S is 4 or 8, T is 2 or 3" */
static void put_sizes_of(Emitter *e, Text *text, const Selector *selector) {
    SizesList list = sizes_of(e, selector->first, selector->count);
    for (int i = 0; i < list.count; i++) {
        const Sizes *sizes = &list.at[i];
        text_printf(text, "%s %s is", i ? "," : "", sizes->name);
        for (int k = 0; k < sizes->all.count; k++)
            text_printf(text, "%s %lld",
                        !k                          ? ""
                        : k + 1 == sizes->all.count ? " or"
                                                    : ",",
                        (long long)sizes->all.at[k]);
    }
}

void put_selector_prototypes(Emitter *e, Text *text) {
    for (int i = 0; i < e->selectors.count; i++) {
        const Selector *selector = &e->selectors.at[i];
        const Entry *of = e->entries[selector->first].entry;
        text_printf(text, "\n/* The specialisation of %s with these sizes, of those above:", of->point);
        put_sizes_of(e, text, selector);
        text_add(text, ".\n * Other sizes: 1, a bad argument, and nothing is done. */\n");
        text_printf(text, "%s_API ", e->upper);
        put_selector_signature(e, text, selector);
        text_add(text, ";\n");
    }
}

/* ---- constants ---- */

void put_bucket_constants(Emitter *e, Text *text) {
    SizesList list = sizes_of(e, 0, e->model->entries.count);
    for (int i = 0; i < list.count; i++) {
        const Sizes *sizes = &list.at[i];
        const char *name = arena_printf(e->arena, "%s_%s", e->upper, c_upper(e->arena, sizes->name));
        text_printf(text, "#define %s_BUCKETS", name);
        for (int k = 0; k < sizes->all.count; k++)
            text_printf(text, "%s %lld", k ? "," : "", (long long)sizes->all.at[k]);
        text_printf(text, "\n#define %s_BUCKET_COUNT %d\n#define %s_LARGEST %lld\n", name, sizes->all.count, name,
                    (long long)sizes->all.at[sizes->all.count - 1]);
    }
}
