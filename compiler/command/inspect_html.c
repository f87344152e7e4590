/* inspect_html.c: an inspection as one page, without anything from elsewhere.
 *
 * In: html/page.html with the marks @STYLE@, @SCRIPT@, @TITLE@ and @DATA@. Out: the page with page.css, page.js, the
 * model's name and the object of inspect_json.c in their places. */
#include "command/inspect.h"

#include <string.h>

static const char *page_file(const char *name) {
    for (const EmbeddedFile *file = embedded_html; file->name; file++)
        if (!strcmp(file->name, name)) return file->text;
    fatal("inspect", "the file %s is not built in", name);
}

static void put_part(Text *text, const Inspection *inspection, const char *mark) {
    if (!strcmp(mark, "STYLE"))
        text_add(text, page_file("page.css"));
    else if (!strcmp(mark, "SCRIPT"))
        text_add(text, page_file("page.js"));
    else if (!strcmp(mark, "TITLE"))
        text_add(text, inspection->compile->model->name); /* an identifier of C */
    else
        inspect_json(text, inspection);
}

void inspect_html(Text *text, const Inspection *inspection) {
    static const char *const marks[] = {"STYLE", "SCRIPT", "TITLE", "DATA"};
    const char *from = page_file("page.html");
    for (const char *at; (at = strchr(from, '@'));) {
        text_add(text, arena_strndup(inspection->arena, from, (size_t)(at - from)));
        from = at + 1;
        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
            size_t length = strlen(marks[i]);
            if (strncmp(at + 1, marks[i], length) != 0 || at[1 + length] != '@') continue;
            put_part(text, inspection, marks[i]);
            from = at + 2 + length;
        }
    }
    text_add(text, from);
}
