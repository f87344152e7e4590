/* explain.c: `tgc explain` prints a message's entry of docs/errors.md, which is built into the compiler.
 *
 *     tgc explain E0301     its page          tgc explain e0301 302     several, the E and the case don't matter
 *     tgc explain           every code with its title
 *
 * An entry is the text from `### E0301 title` to the next heading. */
#include "command/command.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const Option options[] = {{NULL, NULL, 0, NULL, NULL, 0}};

/* "e301", "301" and "E0301" all mean E0301; NULL for what is no code at all. */
static const char *code_of(Arena *arena, const char *word) {
    const char *digits = word + (tolower((unsigned char)word[0]) == 'e');
    size_t length = strspn(digits, "0123456789");
    if (!length || length > 4 || digits[length]) return NULL;
    return arena_printf(arena, "E%04d", atoi(digits));
}

static bool code_find(const char *code, DiagCode *found) {
    for (int i = 0; i < DIAG_CODE_COUNT; i++)
        if (strcmp(diag_code_name((DiagCode)i), code) == 0) {
            *found = (DiagCode)i;
            return true;
        }
    return false;
}

static void put_page(Text *text, DiagCode code) {
    const char *name = diag_code_name(code);
    const char *heading = arena_printf(text->arena, "\n### %s %s\n", name, diag_code_title(code));
    const char *from = strstr(embedded_errors[0].text, heading);
    if (!from) fatal("explain", "docs/errors.md had no entry for %s when tgc was built", name);
    from += strlen(heading);
    const char *to = strstr(from, "\n##");
    size_t length = to ? (size_t)(to - from) : strlen(from);
    while (length && isspace((unsigned char)from[length - 1])) length--;
    text_printf(text, "%s%s: %s\n\n%.*s\n", text->length ? "\n" : "", name, diag_code_title(code), (int)length, from);
}

/* Every code, under the headings of the file. */
static void put_list(Text *text) {
    const char *group = "";
    for (int i = 0; i < DIAG_CODE_COUNT; i++) {
        const char *name = diag_code_name((DiagCode)i);
        if (strncmp(name, group, 3) != 0) {
            const char *heading = strstr(embedded_errors[0].text, arena_printf(text->arena, "\n## %.3s ", name));
            const char *title = heading ? heading + strlen("\n## E01 ") : "";
            text_printf(text, "%s%.*s\n", i ? "\n" : "", (int)strcspn(title, "\n"), title);
        }
        group = name;
        text_printf(text, "  %s  %s\n", name, diag_code_title((DiagCode)i));
    }
}

/* The codes whose numbers lie nearest, in their order. */
static const char *codes_near(Arena *arena, const char *code) {
    enum { SHOWN = 3 };
    int first = 0, wanted = atoi(code + 1);
    while (first + SHOWN < DIAG_CODE_COUNT && abs(atoi(diag_code_name((DiagCode)(first + SHOWN)) + 1) - wanted) <
                                                  abs(atoi(diag_code_name((DiagCode)first) + 1) - wanted))
        first++;
    Text text;
    text_init(&text, arena);
    for (int i = first; i < first + SHOWN && i < DIAG_CODE_COUNT; i++)
        text_printf(&text, "%s%s (%s)", i > first ? ", " : "", diag_code_name((DiagCode)i),
                    diag_code_title((DiagCode)i));
    return text.at;
}

static int run(Request *request) {
    Text text;
    text_init(&text, request->arena);
    if (!request->words.count) put_list(&text);
    for (int i = 0; i < request->words.count; i++) {
        const char *code = code_of(request->arena, request->words.at[i]);
        DiagCode found;
        if (!code) return usage_error(request, "'%s' is no code: they are like E0301", request->words.at[i]);
        if (!code_find(code, &found))
            return usage_error(request, "there is no message %s; near it are %s", code,
                               codes_near(request->arena, code));
        put_page(&text, found);
    }
    return write_stdout(text.at, text.length) ? STATUS_OK : STATUS_FILE;
}

const Command command_explain = {.name = "explain",
                                 .arguments = "[CODE ...]",
                                 .does = "Say what a message means and how to mend it.",
                                 .more = "Without a code it lists all of them.",
                                 .options = options,
                                 .least = 0,
                                 .most = -1,
                                 .run = run};
