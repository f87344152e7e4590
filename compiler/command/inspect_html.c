/* inspect_html.c: an inspection as one page, without anything from elsewhere.
 *
 * In: html/page.html, where @name@ stands for one of the other files of html/, @TITLE@ for the model's name and @DATA@
 * for the object of inspect_json.c, which needs no escaping there. Out: the page with all of them in their places. */
#include "command/inspect.h"

#include <string.h>

static const EmbeddedFile *page_file(const char *name, size_t length) {
    for (const EmbeddedFile *file = embedded_html; file->name; file++)
        if (strlen(file->name) == length && !strncmp(file->name, name, length)) return file;
    fatal("inspect", "the page asks for %.*s, which is not built in", (int)length, name);
}

static bool is(const char *name, size_t length, const char *word) {
    return strlen(word) == length && !strncmp(name, word, length);
}

void inspect_html(Text *text, const Inspection *inspection) {
    const char *from = page_file("page.html", strlen("page.html"))->text;
    for (const char *at; (at = strchr(from, '@'));) {
        const char *name = at + 1;
        size_t length = strcspn(name, "@");
        text_add(text, arena_strndup(inspection->arena, from, (size_t)(at - from)));
        if (is(name, length, "TITLE"))
            text_add(text, inspection->compile->model->name); /* an identifier of C */
        else if (is(name, length, "DATA"))
            inspect_json(text, inspection);
        else
            text_add(text, page_file(name, length)->text);
        from = name + length + (name[length] == '@');
    }
    text_add(text, from);
}
