/* target_elaborate.c: any bytes as a model, through the whole front end: parse, elaborate, gradient, simplify, expand.
 *
 * Held: each pass ends, with messages or with graphs that the checker accepts; a mistake of the user is told as such
 * and nothing else ends the program. What stands after a line `#lib` is what `import "lib.tg"` reads; no other file
 * of the disk can be imported, but for the built-in nn.tg. The build lowers the limits of a model
 * (TGC_MAX_NODES and the others in elaborate.h), so that no input takes long.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pass/pass.h"

const char *const fuzz_stages[] = {"inputs", "parsed", "elaborated", "with an entry point", "differentiated", NULL};

static FILE *nowhere; /* where messages are printed to */

void fuzz_begin(void) {
    nowhere = fopen("/dev/null", "w");
}

bool fuzz_likes(const char *text, size_t size) {
    Arena *arena = arena_new();
    Diag *diag = diag_new(arena);
    Source source = {"fuzz.tg", text, size};
    lang_parse(arena, names_new(arena), diag, &source);
    bool parsed = diag_count(diag) == 0;
    arena_free(arena);
    return parsed;
}

/* ---- imports: the linker sends the front end's calls of text_read_file here ---- */

static const char *lib;
static size_t lib_size;

char *__wrap_text_read_file(Arena *arena, const char *path, size_t *size);
char *__wrap_text_read_file(Arena *arena, const char *path, size_t *size) {
    if (lib && strcmp(path, "lib.tg") == 0) {
        *size = lib_size;
        return arena_strndup(arena, lib, lib_size);
    }
    errno = ENOENT;
    return NULL;
}

/* Cuts the text at the line `#lib`; gives the size of what stands before it. */
static size_t cut_lib(char *text, size_t size) {
    char *mark = strstr(text, "\n#lib\n");
    lib = NULL;
    if (!mark) return size;
    mark[1] = '\0';
    lib = mark + 6;
    lib_size = size - (size_t)(lib - text);
    return (size_t)(mark + 1 - text);
}

/* ---- the passes ---- */

static void check_graphs(const Model *model, const char *pass) {
    for (int i = 0; i < model->entries.count; i++) graph_check(model->entries.at[i]->graph, pass);
}

static bool differentiate(Arena *arena, Model *model, Diag *diag) {
    check_graphs(model, "elaborate");
    block(model, 2);
    check_graphs(model, "block");
    gradient(model);
    check_graphs(model, "gradient");
    if (diag_count(diag)) return false;
    simplify(model);
    check_graphs(model, "simplify");
    expand(model);
    check_graphs(model, "expand");
    defer(model);
    check_graphs(model, "defer");
    Text text;
    text_init(&text, arena);
    model_print(&text, model);
    return true;
}

static bool run_passes(Arena *arena, const Source *source, Diag *diag) {
    Names *names = names_new(arena);
    Options options = {0};
    File *file = lang_parse(arena, names, diag, source);
    if (file->lost) return false;
    bool parsed = diag_count(diag) == 0;
    if (parsed) fuzz_reached(1);
    Model *model = model_new(arena, names, diag, source, source->size % 2);
    bool good = elaborate(model, file, &options);
    fuzz_require(good == (diag_count(diag) == 0) || !parsed, "elaborate says whether it went well");
    if (!good || !parsed) return false;
    fuzz_reached(2);
    if (model->entries.count) fuzz_reached(3);
    bool differentiated = differentiate(arena, model, diag) && model->entries.count;
    if (differentiated) fuzz_reached(4);
    return differentiated;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_reached(0);
    char *text = malloc(size + 1); /* of just this size, so that a step past it is seen */
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    Source source = {"fuzz.tg", text, cut_lib(text, size)};
    Arena *arena = arena_new();
    Diag *diag = diag_new(arena);
    if (run_passes(arena, &source, diag)) fuzz_keep((const char *)data, size);
    if (diag_count(diag) && nowhere) diag_print(diag, nowhere, false);
    arena_free(arena);
    free(text);
    return 0;
}
