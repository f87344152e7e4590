/* diag.c: places in a file, and messages about them.
 *
 * In: spans and texts from every pass. Out, in the order of the places:
 *   nmt.tg:23:14: error[E0301]: cannot multiply [B, T, D] by [V, D]
 *    23 |     return y @ emb
 *       |            ~ ^ ~~~  inner sizes differ: D (256) and V (8000)
 *   nmt.tg:19:9: note: emb is declared here as [V, D]
 *   help: transpose the right operand: y @ emb.T
 * Columns count characters. A function that is elaborated for each of its calls reports its mistake once: a message
 * with the code, place and text of an earlier one is dropped. */
#include "base/base.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Line { /* a note or a help, below the message */
    bool help;
    Span at;
    const char *text;
} Line;

struct Message {
    Diag *diag;
    Span at;
    DiagCode code;
    const char *text, *label;
    int rank, number; /* of the source and of the message, in order of first appearance */
    VEC(Span) marks;
    VEC(Line) lines;
};

struct Diag {
    Arena *arena;
    VEC(Message *) messages;
    VEC(const Source *) sources;
};

static const struct {
    const char *name, *title;
} codes[] = {
#define DIAG(code, title) {#code, title},
#include "base/diagnostics.def"
#undef DIAG
};

const char *diag_code_name(DiagCode code) {
    return codes[code].name;
}
const char *diag_code_title(DiagCode code) {
    return codes[code].title;
}

/* ---- places ---- */

static Span clamp(Span span) {
    uint32_t size = span.source ? (uint32_t)span.source->size : 0;
    if (span.start > size) span.start = size;
    if (span.end > size) span.end = size;
    if (span.end < span.start) span.end = span.start;
    return span;
}

Span span_join(Span first, Span last) {
    if (!first.source) return last;
    if (first.source != last.source) return first;
    Span joined = first;
    if (last.start < joined.start) joined.start = last.start;
    if (last.end > joined.end) joined.end = last.end;
    return joined;
}

int span_line(Span span) {
    span = clamp(span);
    int line = 1;
    for (uint32_t i = 0; i < span.start; i++) line += span.source->text[i] == '\n';
    return line;
}

/* One character at `text`: its bytes and its width on a terminal. A byte that is not UTF-8 is a character. */
typedef struct Character {
    uint32_t bytes, width;
    bool printable;
} Character;

static uint32_t display_width(uint32_t code) {
    static const struct {
        uint32_t first, last, width;
    } ranges[] = {
        {0x0300, 0x036F, 0}, {0x1100, 0x115F, 2},   {0x200B, 0x200F, 0},   {0x2E80, 0x303E, 2},   {0x3041, 0xA4CF, 2},
        {0xAC00, 0xD7A3, 2}, {0xF900, 0xFAFF, 2},   {0xFE00, 0xFE0F, 0},   {0xFE30, 0xFE6F, 2},   {0xFF00, 0xFF60, 2},
        {0xFFE0, 0xFFE6, 2}, {0x1F300, 0x1F64F, 2}, {0x1F900, 0x1F9FF, 2}, {0x20000, 0x3FFFD, 2},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (code >= ranges[i].first && code <= ranges[i].last) return ranges[i].width;
    return 1;
}

static Character character_at(const char *text, uint32_t left) {
    unsigned char first = (unsigned char)*text;
    if (first < 0x80) return (Character){1, 1, (first >= 0x20 && first != 0x7F) || first == '\t'};
    uint32_t bytes = first >= 0xF0 && first < 0xF8 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first >= 0xF8 || bytes > left) return (Character){1, 1, false};
    uint32_t code = first & (0x7Fu >> bytes);
    for (uint32_t i = 1; i < bytes; i++) {
        if (((unsigned char)text[i] & 0xC0) != 0x80) return (Character){1, 1, false};
        code = code << 6 | ((unsigned char)text[i] & 0x3F);
    }
    return (Character){bytes, display_width(code), code >= 0xA0};
}

/* The line that a span begins on: its bytes [start, end) without the line's end. A BOM is no part of it. */
static Span line_of(Span span) {
    const char *text = span.source->text;
    uint32_t start = span.start, end = span.start, size = (uint32_t)span.source->size;
    while (start > 0 && text[start - 1] != '\n') start--;
    while (end < size && text[end] != '\n') end++;
    if (end > start && text[end - 1] == '\r') end--;
    if (start == 0 && end >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) start = 3;
    return (Span){span.source, start, end};
}

static int column_of(Span span) {
    Span line = line_of(span);
    int column = 1;
    for (uint32_t i = line.start; i < span.start && i < line.end; column++)
        i += character_at(line.source->text + i, line.end - i).bytes;
    return column;
}

/* ---- building a message ---- */

Diag *diag_new(Arena *arena) {
    Diag *diag = NEW(arena, Diag);
    diag->arena = arena;
    return diag;
}

static const char *format_text(Arena *arena, const char *format, va_list arguments) {
    Text text;
    text_init(&text, arena);
    text_vprintf(&text, format, arguments);
    return text.at;
}

#define FORMAT_REST(arena, format, result)                                                                             \
    do {                                                                                                               \
        va_list arguments;                                                                                             \
        va_start(arguments, format);                                                                                   \
        (result) = format_text((arena), (format), arguments);                                                          \
        va_end(arguments);                                                                                             \
    } while (0)

static int source_rank(Diag *diag, const Source *source) {
    for (int i = 0; i < diag->sources.count; i++)
        if (diag->sources.at[i] == source) return i;
    vec_push(diag->arena, &diag->sources, source);
    return diag->sources.count - 1;
}

static bool same_span(Span a, Span b) {
    return a.source == b.source && a.start == b.start && a.end == b.end;
}

static bool is_repeated(const Diag *diag, const Message *message) {
    for (int i = 0; i < diag->messages.count; i++) {
        const Message *other = diag->messages.at[i];
        if (other->code == message->code && same_span(other->at, message->at) &&
            strcmp(other->text, message->text) == 0)
            return true;
    }
    return false;
}

Message *diag_error(Diag *diag, Span at, DiagCode code, const char *format, ...) {
    Message *message = NEW(diag->arena, Message);
    *message = (Message){.diag = diag, .at = clamp(at), .code = code, .number = diag->messages.count};
    FORMAT_REST(diag->arena, format, message->text);
    message->rank = source_rank(diag, at.source);
    if (!is_repeated(diag, message)) vec_push(diag->arena, &diag->messages, message);
    return message;
}

void diag_label(Message *message, const char *format, ...) {
    FORMAT_REST(message->diag->arena, format, message->label);
}

void diag_mark(Message *message, Span operand) {
    vec_push(message->diag->arena, &message->marks, clamp(operand));
}

static void add_line(Message *message, Line line) {
    vec_push(message->diag->arena, &message->lines, line);
}

void diag_note(Message *message, Span at, const char *format, ...) {
    Line line = {.at = clamp(at)};
    FORMAT_REST(message->diag->arena, format, line.text);
    add_line(message, line);
}

void diag_help(Message *message, const char *format, ...) {
    Line line = {.help = true};
    FORMAT_REST(message->diag->arena, format, line.text);
    add_line(message, line);
}

int diag_count(const Diag *diag) {
    return diag->messages.count;
}

Message *diag_message(const Diag *diag, int number) {
    return diag->messages.at[number];
}

/* ---- printing ---- */

typedef struct Paint {
    const char *strong, *error, *note, *help, *plain;
} Paint;

static const Paint paint_none = {"", "", "", "", ""};
static const Paint paint_ansi = {"\x1b[1m", "\x1b[1;31m", "\x1b[1;36m", "\x1b[1;32m", "\x1b[0m"};

static void print_place(FILE *to, Span at, const Paint *paint) {
    if (!at.source) return;
    fprintf(to, "%s%s:%d:%d:%s ", paint->strong, at.source->path, span_line(at), column_of(at), paint->plain);
}

/* The line itself; what a terminal could take for a command is shown as `?`. */
static void print_source_line(FILE *to, Span line) {
    for (uint32_t i = line.start; i < line.end;) {
        Character character = character_at(line.source->text + i, line.end - i);
        if (character.printable)
            fwrite(line.source->text + i, 1, character.bytes, to);
        else
            fputc('?', to);
        i += character.bytes;
    }
}

static bool covers(Span span, uint32_t at) {
    return at >= span.start && (at < span.end || (at == span.start && span.end == span.start));
}

static char mark_at(const Message *message, uint32_t at) {
    if (covers(message->at, at)) return '^';
    for (int i = 0; i < message->marks.count; i++)
        if (message->marks.at[i].source == message->at.source && covers(message->marks.at[i], at)) return '~';
    return ' ';
}

/* Where the marks on the line end, at least one place past the message's own. */
static uint32_t marks_end(const Message *message, Span line) {
    uint32_t end = message->at.end > message->at.start ? message->at.end : message->at.start + 1;
    for (int i = 0; i < message->marks.count; i++) {
        Span mark = message->marks.at[i];
        if (mark.source == line.source && mark.start < line.end && mark.end > end) end = mark.end;
    }
    uint32_t last = line.end > message->at.start ? line.end : message->at.start + 1;
    return end < last ? end : last;
}

static void print_marks(FILE *to, const Message *message, Span line) {
    uint32_t end = marks_end(message, line);
    for (uint32_t i = line.start; i < end;) {
        Character character = {1, 1, true};
        if (i < line.end) character = character_at(line.source->text + i, line.end - i);
        char mark = mark_at(message, i);
        if (i < line.end && line.source->text[i] == '\t' && mark == ' ') mark = '\t';
        for (uint32_t k = 0; k < character.width; k++) fputc(mark, to);
        i += character.bytes;
    }
}

static void print_excerpt(FILE *to, const Message *message, const Paint *paint) {
    Span line = line_of(message->at);
    int number = span_line(message->at), width = snprintf(NULL, 0, "%d", number);
    fprintf(to, " %d | ", number);
    print_source_line(to, line);
    fprintf(to, "\n %*s | %s", width, "", paint->error);
    print_marks(to, message, line);
    if (message->label) fprintf(to, "  %s", message->label);
    fprintf(to, "%s\n", paint->plain);
}

static void print_message(FILE *to, const Message *message, const Paint *paint) {
    print_place(to, message->at, paint);
    fprintf(to, "%serror[%s]:%s %s\n", paint->error, diag_code_name(message->code), paint->plain, message->text);
    if (message->at.source) print_excerpt(to, message, paint);
    for (int i = 0; i < message->lines.count; i++) {
        const Line *line = &message->lines.at[i];
        if (!line->help) print_place(to, line->at, paint);
        fprintf(to, "%s%s:%s %s\n", line->help ? paint->help : paint->note, line->help ? "help" : "note", paint->plain,
                line->text);
    }
}

static int by_place(const void *left, const void *right) {
    const Message *a = *(Message *const *)left, *b = *(Message *const *)right;
    if (a->rank != b->rank) return a->rank < b->rank ? -1 : 1;
    if (a->at.start != b->at.start) return a->at.start < b->at.start ? -1 : 1;
    return a->number < b->number ? -1 : 1;
}

void diag_print(const Diag *diag, FILE *to, bool colour) {
    int count = diag->messages.count;
    if (count == 0) return;
    Message **sorted = NEW_ARRAY(diag->arena, Message *, count);
    memcpy(sorted, diag->messages.at, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, by_place);
    for (int i = 0; i < count; i++) print_message(to, sorted[i], colour ? &paint_ansi : &paint_none);
}

void fatal(const char *pass, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "tgc: internal error in %s: ", pass);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    temporary_close_all();
    exit(70);
}

void out_of_memory(void) {
    static const char text[] = "tgc: error: out of memory\n";
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0) exit(70);
    temporary_close_all();
    exit(70);
}
