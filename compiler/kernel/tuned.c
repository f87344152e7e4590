/* tuned.c: tiles that were measured, as a text that people can read and change.
 *
 *     tgc tune 1
 *     # bench/gemm.tg tn on 2 threads: …
 *     machine=x86-64-v4 dtype=f32 threads=2
 *     product=tn ends=sums batch=1 shared=1 m=256 n=256 k=2048 tile=6x4 rows=132 steps=1024 right=place left=place  # …
 *
 * A row says what product it is for and how that is computed; the machine's line above it says where it was measured. A
 * product takes the first row that fits it. The file may come from anywhere: whatever it holds gives rows that
 * tile_fault lets through, or messages.
 */
#include "kernel/tuned.h"

#include <stdlib.h>
#include <string.h>

/* ---- the fields of a line ---- */

typedef enum FieldKind {
    FIELD_NAME,  /* const char *: any word */
    FIELD_WORD,  /* int64_t: which of `words` */
    FIELD_COUNT, /* int64_t, at least 1 */
    FIELD_PAIR,  /* two of them side by side, "6x4" */
} FieldKind;

typedef struct Field {
    const char *name;
    FieldKind kind;
    size_t at; /* in TunedRow */
    const char *const *words;
} Field;

static const char *const types[] = {"f32", "f64", NULL}, *const forms[] = {"nn", "nt", "tn", "tt", NULL};
static const char *const ends[] = {"sums", "maps", "columns", NULL}, *const lefts[] = {"place", "before", NULL};
static const char *const rights[] = {"place", "slice", "before", NULL};

#define AT(member) offsetof(TunedRow, member)
static const Field machine_fields[] = {{"machine", FIELD_NAME, AT(machine), NULL},
                                       {"dtype", FIELD_WORD, AT(f64), types},
                                       {"threads", FIELD_COUNT, AT(threads), NULL},
                                       {NULL, 0, 0, NULL}};
static const Field product_fields[] = {{"product", FIELD_WORD, AT(shape.form), forms},
                                       {"ends", FIELD_WORD, AT(shape.ends), ends},
                                       {"batch", FIELD_COUNT, AT(shape.batch), NULL},
                                       {"shared", FIELD_COUNT, AT(shape.shared), NULL},
                                       {"m", FIELD_COUNT, AT(shape.m), NULL},
                                       {"n", FIELD_COUNT, AT(shape.n), NULL},
                                       {"k", FIELD_COUNT, AT(shape.k), NULL},
                                       {"tile", FIELD_PAIR, AT(choice.mr), NULL},
                                       {"rows", FIELD_COUNT, AT(choice.rows), NULL},
                                       {"steps", FIELD_COUNT, AT(choice.steps), NULL},
                                       {"right", FIELD_WORD, AT(choice.right), rights},
                                       {"left", FIELD_WORD, AT(choice.left), lefts},
                                       {NULL, 0, 0, NULL}};
#undef AT

static const char first_line[] = "tgc tune 1";
static const int64_t most_count = (int64_t)1 << 40;

/* ---- reading ---- */

typedef struct Reader {
    Arena *arena;
    Diag *diag;
    const Source *source;
    Tuned *tuned;
    TunedRow row; /* the machine's fields are those of the line above */
} Reader;

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

static Span span_of(const Reader *reader, size_t start, size_t end) {
    return (Span){reader->source, (uint32_t)start, (uint32_t)end};
}

static const char *text_of(const Reader *reader, Span span) {
    return utf8_text(reader->arena,
                     arena_strndup(reader->arena, span.source->text + span.start, span.end - span.start));
}

/* A number from 1, and what comes behind it; 0 where there is none. */
static int64_t read_count(const char *text, const char **rest) {
    char *end;
    int64_t count = *text >= '1' && *text <= '9' ? (int64_t)strtoll(text, &end, 10) : 0;
    *rest = count ? end : text;
    return count <= most_count ? count : 0;
}

static int word_of(const char *const *words, const char *text) {
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0) return i;
    return -1;
}

/* What a field takes, for a message: "a number from 1", "place, slice or before". */
static const char *wanted(Arena *arena, const Field *field) {
    static const char *const kinds[] = {"a word", NULL, "a number from 1", "two numbers such as 6x4"};
    if (field->kind != FIELD_WORD) return kinds[field->kind];
    Text text;
    text_init(&text, arena);
    for (int i = 0; field->words[i]; i++)
        text_printf(&text, "%s%s", i == 0 ? "" : field->words[i + 1] ? ", " : " or ", field->words[i]);
    return text.at;
}

static bool read_value(Reader *reader, const Field *field, const char *text) {
    char *at = (char *)&reader->row + field->at;
    int64_t *number = (int64_t *)(void *)at;
    const char *rest = text;
    int word = 0;
    switch (field->kind) {
    case FIELD_NAME:
        *(const char **)(void *)at = text;
        return *text != '\0';
    case FIELD_WORD:
        word = word_of(field->words, text);
        *number = word;
        return word >= 0;
    case FIELD_COUNT:
        *number = read_count(text, &rest);
        return *number && !*rest;
    case FIELD_PAIR:
        number[0] = read_count(text, &rest);
        if (!number[0] || *rest != 'x') return false;
        number[1] = read_count(rest + 1, &rest);
        return number[1] && !*rest;
    }
    return false;
}

static int field_of(const Field *fields, const char *name) {
    for (int i = 0; fields[i].name; i++)
        if (strcmp(fields[i].name, name) == 0) return i;
    return -1;
}

static void unknown_field(Reader *reader, const Field *fields, Span at, const char *name) {
    const char *names[16];
    int count = 0;
    while (fields[count].name) names[count] = fields[count].name, count++;
    const char *near = name_nearest(name, names, count);
    Message *message = diag_error(reader->diag, at, E0902, "no field is called `%s`", name);
    if (near) diag_help(message, "did you mean `%s`?", near);
}

/* `name=value` into the row; the field's place in the table, -1 after a message. */
static int read_field(Reader *reader, const Field *fields, Span at) {
    const char *word = text_of(reader, at), *equals = strchr(word, '=');
    const char *name = equals ? arena_strndup(reader->arena, word, (size_t)(equals - word)) : word;
    int found = field_of(fields, name);
    if (found < 0) {
        unknown_field(reader, fields, at, name);
        return -1;
    }
    if (equals && read_value(reader, &fields[found], equals + 1)) return found;
    Message *message =
        diag_error(reader->diag, at, E0902, "`%s` is not a value of this field", equals ? equals + 1 : "");
    diag_help(message, "%s=: %s", name, wanted(reader->arena, &fields[found]));
    return -1;
}

/* All fields of a line, each once. */
static bool read_fields(Reader *reader, const Field *fields, Span line) {
    const char *text = reader->source->text;
    bool seen[16] = {false};
    for (size_t at = line.start; at < line.end;) {
        size_t end = at;
        while (end < line.end && !is_blank(text[end])) end++;
        int field = end > at ? read_field(reader, fields, span_of(reader, at, end)) : -2;
        if (field == -1) return false;
        if (field >= 0 && seen[field]) {
            Message *message =
                diag_error(reader->diag, span_of(reader, at, end), E0902, "`%s` is given twice", fields[field].name);
            diag_help(message, "leave one of them");
            return false;
        }
        if (field >= 0) seen[field] = true;
        at = end + (end == at);
    }
    for (int i = 0; fields[i].name; i++)
        if (!seen[i]) {
            Message *message = diag_error(reader->diag, line, E0902, "this line lacks `%s`", fields[i].name);
            diag_help(message, "add %s=: %s", fields[i].name, wanted(reader->arena, &fields[i]));
            return false;
        }
    return true;
}

/* Why a product of this shape can't be computed so, on a machine that is known. */
static const char *fault_of(const TunedRow *row) {
    const Machine *machine = machine_find(row->machine);
    if (!machine) return NULL;
    ProductFacts facts = {.shape = row->shape, .registers = machine->registers, .element = row->f64 ? 8 : 4};
    facts.lanes = machine->vector_bytes / facts.element;
    facts.a_across = (row->shape.form & 2) != 0;
    return tile_fault(&facts, &row->choice);
}

static void read_product(Reader *reader, Span line) {
    if (!read_fields(reader, product_fields, line)) return;
    if (!reader->row.machine) {
        Message *message = diag_error(reader->diag, line, E0902, "no machine is named above this line");
        diag_help(message, "begin with a line such as machine=x86-64-v4 dtype=f32 threads=2");
        return;
    }
    const char *fault = fault_of(&reader->row);
    if (!fault) {
        vec_push(reader->arena, &reader->tuned->rows, reader->row);
        return;
    }
    Message *message = diag_error(reader->diag, line, E0902, "no kernel can have this tile: %s", fault);
    diag_help(message, "mend it or leave the line out: the cost model has a tile for every product");
}

static void read_line(Reader *reader, size_t start, size_t end) {
    const char *text = reader->source->text;
    const char *comment = memchr(text + start, '#', end - start);
    if (comment) end = (size_t)(comment - text);
    while (start < end && is_blank(text[start])) start++;
    while (start < end && is_blank(text[end - 1])) end--;
    if (start == end) return;
    Span line = span_of(reader, start, end);
    const char *word = text_of(reader, line);
    if (strncmp(word, "product=", strlen("product=")) == 0) {
        read_product(reader, line);
    } else if (strncmp(word, "machine=", strlen("machine=")) == 0) {
        if (!read_fields(reader, machine_fields, line)) reader->row.machine = "";
    } else {
        Message *message = diag_error(reader->diag, line, E0902, "a line begins with machine= or product=");
        diag_help(message, "put # before a comment");
    }
}

Tuned *tuned_read(Arena *arena, Diag *diag, const Source *source) {
    Reader reader = {.arena = arena, .diag = diag, .source = source, .tuned = NEW(arena, Tuned)};
    int before = diag_count(diag);
    size_t length = strlen(first_line), at = length;
    reader.tuned->path = source->path;
    bool known = source->size >= length && memcmp(source->text, first_line, length) == 0;
    bool text = source->size <= INT32_MAX && strlen(source->text) == source->size;
    if (!known || !text || (at < source->size && !strchr("\r\n", source->text[at]))) {
        size_t end = strcspn(source->text, "\r\n");
        Message *message = diag_error(diag, span_of(&reader, 0, end < 80 ? end : 80), E0901,
                                      "%s holds no tiles that this tgc can read", source->path);
        diag_help(message, "make it with tgc tune; its first line is `%s`", first_line);
        return NULL;
    }
    while (at < source->size) {
        const char *newline = memchr(source->text + at, '\n', source->size - at);
        size_t end = newline ? (size_t)(newline - source->text) : source->size;
        read_line(&reader, at, end);
        at = end + 1;
    }
    return diag_count(diag) > before ? NULL : reader.tuned;
}

/* ---- writing ---- */

static const char *value_of(Arena *arena, const TunedRow *row, const Field *field) {
    const char *at = (const char *)row + field->at;
    const int64_t *number = (const int64_t *)(const void *)at;
    if (field->kind == FIELD_NAME) return *(const char *const *)(const void *)at;
    if (field->kind == FIELD_WORD) return field->words[*number];
    if (field->kind == FIELD_COUNT) return arena_printf(arena, "%lld", (long long)*number);
    return arena_printf(arena, "%lldx%lld", (long long)number[0], (long long)number[1]);
}

/* The widest value of a field in any row, so that they stand one below the other. */
static int width_of(Arena *arena, const Tuned *tuned, const Field *field) {
    size_t width = 0;
    for (int i = 0; i < tuned->rows.count; i++) {
        size_t length = strlen(value_of(arena, &tuned->rows.at[i], field));
        if (length > width) width = length;
    }
    return (int)width;
}

static void print_fields(Text *text, const TunedRow *row, const Field *fields, const int *widths) {
    for (int i = 0; fields[i].name; i++) {
        bool last = !fields[i + 1].name && !row->note;
        text_printf(text, "%s%s=%-*s", i ? " " : "", fields[i].name, widths && !last ? widths[i] : 0,
                    value_of(text->arena, row, &fields[i]));
    }
}

static bool same_machine(const TunedRow *left, const TunedRow *right) {
    return strcmp(left->machine, right->machine) == 0 && left->f64 == right->f64 && left->threads == right->threads;
}

const char *tuned_row(Arena *arena, const ProductShape *shape, const TileChoice *choice) {
    TunedRow row = {.shape = *shape, .choice = *choice};
    Text text;
    text_init(&text, arena);
    print_fields(&text, &row, product_fields, NULL);
    return text.at;
}

void tuned_print(Text *text, const Tuned *tuned, const char *about) {
    int widths[16];
    for (int i = 0; product_fields[i].name; i++) widths[i] = width_of(text->arena, tuned, &product_fields[i]);
    text_printf(text, "%s\n# %s\n", first_line, about);
    for (int i = 0; i < tuned->rows.count; i++) {
        const TunedRow *row = &tuned->rows.at[i];
        if (i == 0 || !same_machine(row, row - 1)) {
            TunedRow bare = *row;
            bare.note = NULL;
            print_fields(text, &bare, machine_fields, NULL);
            text_add(text, "\n");
        }
        print_fields(text, row, product_fields, widths);
        text_printf(text, "%s%s\n", row->note ? "  # " : "", row->note ? row->note : "");
    }
}

/* ---- use ---- */

static bool is_for(const TunedRow *row, const Machine *machine, bool f64) {
    return strcmp(row->machine, machine->name) == 0 && (row->f64 != 0) == f64;
}

const TileChoice *tuned_find(Tuned *tuned, const ProductFacts *facts, const Machine *machine, bool f64) {
    const TileChoice *found = NULL;
    for (int i = 0; i < tuned->rows.count; i++) {
        TunedRow *row = &tuned->rows.at[i];
        if (!is_for(row, machine, f64) || !product_equal(&row->shape, &facts->shape)) continue;
        row->met = true;
        if (found) continue;
        if (!tile_fault(facts, &row->choice))
            found = &row->choice;
        else
            row->unfit = true;
    }
    return found;
}

void tuned_left(Text *text, const Tuned *tuned, const Machine *machine, bool f64) {
    int other = 0, unmet = 0, unfit = 0;
    for (int i = 0; i < tuned->rows.count; i++) {
        const TunedRow *row = &tuned->rows.at[i];
        if (!is_for(row, machine, f64))
            other++;
        else if (!row->met)
            unmet++;
        else if (row->unfit)
            unfit++;
    }
    if (other + unmet + unfit == 0) return;
    text_printf(text, "tgc: %s: %d of %d rows not used:", tuned->path, other + unmet + unfit, tuned->rows.count);
    if (other) text_printf(text, " %d for another machine or type", other);
    if (unmet) text_printf(text, "%s %d for no product of this model", other ? "," : "", unmet);
    if (unfit) text_printf(text, "%s %d that its product cannot take", other || unmet ? "," : "", unfit);
    text_add(text, "\n");
}
