/* reduce.c: smaller versions of a model: reduce FILE K prints the K-th (from 0); status 1 when there are no more.
 *
 * In: a .tg file laid out as tests/fuzz/graphs writes it, a statement per line. Out: the same without some entry
 * points, an item, a statement, a result, an input, a term of the loss; with a statement's expression replaced by one
 * of its operands; with a number replaced by a smaller one wherever it stands:
 *
 *     y0 = tanh(t3 @ a)     ->  y0 = t3,  y0 = a,  y0 = t3 @ a
 *
 * Most versions are valid; the others are rejected by the compiler. tests/fuzz/models goes on with any that still
 * fails.
 */
#include "base/base.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINES = 20000 };

typedef struct Item {
    int first, last; /* its lines */
    bool entry;      /* graph or train */
} Item;

typedef struct File {
    Arena *arena;
    const char **line;
    int count;
    Item *item;
    int items;
    int wanted, next; /* numbers of versions */
} File;

/* ---- reading ---- */

static bool begins(const char *text, const char *word) {
    return strncmp(text, word, strlen(word)) == 0;
}

static void read_lines(File *file, char *text) {
    for (char *at = text; *at && file->count < MAX_LINES;) {
        char *end = strchr(at, '\n');
        if (end) *end = '\0';
        file->line[file->count++] = at;
        if (!end) return;
        at = end + 1;
    }
}

static void find_items(File *file) {
    static const char *const words[] = {"graph ", "train ", "module ", "fn ", "param ", "state ", "use "};
    for (int i = 0; i < file->count; i++) {
        bool known = false;
        for (size_t k = 0; k < sizeof words / sizeof *words; k++) known = known || begins(file->line[i], words[k]);
        if (!known) continue;
        Item *item = &file->item[file->items++];
        *item = (Item){i, i, begins(file->line[i], "graph ") || begins(file->line[i], "train ")};
        size_t length = strlen(file->line[i]);
        if (length == 0 || file->line[i][length - 1] != '{') continue;
        while (item->last + 1 < file->count && file->line[item->last][0] != '}') item->last++;
        i = item->last;
    }
}

/* ---- versions ---- */

/* The file with lines replaced (NULL: dropped) is one version. */
static void offer(File *file, const char **lines) {
    if (file->next++ != file->wanted) return;
    for (int i = 0; i < file->count; i++)
        if (lines[i]) puts(lines[i]);
    exit(0);
}

static const char **copied(const File *file) {
    const char **lines = NEW_ARRAY(file->arena, const char *, file->count + 1);
    memcpy(lines, file->line, sizeof *lines * (size_t)file->count);
    return lines;
}

/* Only the version that is asked for is worth making. */
static bool passed_over(File *file) {
    if (file->next == file->wanted) return false;
    file->next++;
    return true;
}

static void drop_item(const Item *item, const char **lines) {
    for (int i = item->first; i <= item->last; i++) lines[i] = NULL;
}

static void drop_entries(File *file) {
    int entries = 0;
    for (int i = 0; i < file->items; i++) entries += file->item[i].entry;
    for (int chunk = entries / 2; chunk > 0; chunk /= 2)
        for (int from = 0; from < entries; from += chunk) {
            if (passed_over(file)) continue;
            const char **lines = copied(file);
            for (int i = 0, number = 0; i < file->items; i++) {
                if (!file->item[i].entry) continue;
                if (number >= from && number < from + chunk) drop_item(&file->item[i], lines);
                number++;
            }
            offer(file, lines);
        }
}

/* Half of the items that are no entry points, a quarter, …, one. */
static void drop_items(File *file) {
    int others = 0;
    for (int i = 0; i < file->items; i++) others += !file->item[i].entry;
    for (int chunk = others; chunk > 0; chunk /= 2)
        for (int from = 0; from < others; from += chunk) {
            if (passed_over(file)) continue;
            const char **lines = copied(file);
            for (int i = 0, number = 0; i < file->items; i++) {
                if (file->item[i].entry) continue;
                if (number >= from && number < from + chunk) drop_item(&file->item[i], lines);
                number++;
            }
            offer(file, lines);
        }
}

static void replace_line(File *file, int at, const char *by) {
    if (passed_over(file)) return;
    const char **lines = copied(file);
    lines[at] = by;
    offer(file, lines);
}

/* The last statements first: those before them may then be needed no more. */
static void drop_statements(File *file, const Item *item) {
    int count = item->last - item->first - 1;
    for (int chunk = count / 2; chunk > 0; chunk /= 2)
        for (int end = item->last; end > item->first + 1; end -= chunk) {
            if (passed_over(file)) continue;
            const char **lines = copied(file);
            for (int i = end - 1; i >= end - chunk && i > item->first; i--) lines[i] = NULL;
            offer(file, lines);
        }
}

/* The header without the port that begins at `from`, and for a result without its statement. */
static void drop_port(File *file, const Item *item, const char *from, bool result) {
    if (passed_over(file)) return;
    const char *header = file->line[item->first], *end = strpbrk(from, "])");
    const char **lines = copied(file);
    char name[64];
    if (!end || *end == ')') return;
    end++;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(from, ":"), from);
    if (begins(end, ", "))
        end += 2;
    else if (from - header > 2 && begins(from - 2, ", "))
        from -= 2;
    lines[item->first] = arena_printf(file->arena, "%.*s%s", (int)(from - header), header, end);
    const char *opening = arena_printf(file->arena, "  %s = ", name);
    for (int i = item->first + 1; result && i < item->last; i++)
        if (begins(file->line[i], opening)) lines[i] = NULL;
    offer(file, lines);
}

static void drop_ports(File *file, const Item *item) {
    bool result = false;
    for (const char *at = file->line[item->first]; *at; at++) {
        if (begins(at, "-> (")) result = true;
        bool start = (at[0] == '(' || (at[0] == ' ' && at > file->line[item->first] && at[-1] == ',')) &&
                     isalpha((unsigned char)at[1]);
        if (start && strchr(at, ':')) drop_port(file, item, at + 1, result);
    }
}

/* ---- simpler expressions ---- */

static bool in_name(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

/* `x = f(a, b)` becomes `x = a`, `x = b` and, for a call or brackets around all, what stands inside. */
static void simplify_statement(File *file, int at) {
    const char *text = file->line[at], *equals = strstr(text, " = ");
    if (!equals || strchr(text, '{') || strstr(text, ":=")) return;
    int head = (int)(equals + 3 - text);
    const char *from = text + head;
    for (const char *word = from; *word; word++) {
        bool starts = isalpha((unsigned char)*word) && (word == from || !in_name(word[-1]));
        size_t length = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
        if (starts && word[length] != '(' && word[length] != '=' && length < strlen(from))
            replace_line(file, at, arena_printf(file->arena, "%.*s%.*s", head, text, (int)length, word));
    }
    const char *open = strchr(from, '('), *close = strrchr(from, ')');
    if (open && close && open < close)
        replace_line(file, at, arena_printf(file->arena, "%.*s%.*s", head, text, (int)(close - open - 1), open + 1));
    for (const char *plus = from; (plus = strstr(plus, " + ")); plus += 3) {
        const char *next = strstr(plus + 3, " + ");
        replace_line(file, at, arena_printf(file->arena, "%.*s%s", (int)(plus - text), text, next ? next : ""));
        replace_line(file, at, arena_printf(file->arena, "%.*s%s", head, text, plus + 3));
    }
}

/* ---- smaller numbers ---- */

static const char *with_number(Arena *arena, const char *text, long number, long by) {
    Text made;
    if (*text == '#') return text;
    text_init(&made, arena);
    for (const char *at = text; *at;) {
        bool starts = isdigit((unsigned char)*at) && (at == text || !in_name(at[-1]));
        char *end;
        long value = starts ? strtol(at, &end, 10) : 0;
        if (starts && value == number && !in_name(*end)) {
            text_printf(&made, "%ld", by);
            at = end;
        } else {
            text_printf(&made, "%c", *at++);
        }
    }
    return made.at;
}

static void shrink_numbers(File *file) {
    for (long number = 2; number < 1100; number++) {
        bool stands = false;
        for (int i = 0; i < file->count && !stands; i++)
            stands = strcmp(with_number(file->arena, file->line[i], number, number + 1), file->line[i]) != 0;
        if (!stands) continue;
        long smaller[] = {1, 2, number / 2, number - 1};
        for (size_t k = 0; k < sizeof smaller / sizeof *smaller; k++) {
            if (smaller[k] >= number || passed_over(file)) continue;
            const char **lines = copied(file);
            for (int i = 0; i < file->count; i++)
                lines[i] = with_number(file->arena, file->line[i], number, smaller[k]);
            offer(file, lines);
        }
    }
}

int main(int argc, char **argv) {
    File file = {.arena = arena_new()};
    size_t size;
    char *text = argc == 3 ? text_read_file(file.arena, argv[1], &size) : NULL;
    if (!text) {
        fprintf(stderr, "usage: reduce FILE K\n");
        return 2;
    }
    file.wanted = atoi(argv[2]);
    file.line = NEW_ARRAY(file.arena, const char *, MAX_LINES);
    file.item = NEW_ARRAY(file.arena, Item, MAX_LINES);
    read_lines(&file, text);
    find_items(&file);
    drop_entries(&file);
    drop_items(&file);
    for (int i = file.items - 1; i >= 0; i--)
        if (file.item[i].entry) {
            drop_statements(&file, &file.item[i]);
            drop_ports(&file, &file.item[i]);
            for (int at = file.item[i].last - 1; at > file.item[i].first; at--) simplify_statement(&file, at);
        }
    shrink_numbers(&file);
    arena_free(file.arena);
    return 1;
}
