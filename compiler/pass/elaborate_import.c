/* elaborate_import.c: files that a file imports.
 *
 * In: `import "nn.tg"`. Out: the functions and modules of that file by their own names (or under `x.` with `as x`).
 * A file is looked for beside the importing one, then in the -I folders, then among the built-in texts, and is read
 * and elaborated once, however often it is imported. */
#include "pass/elaborate.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- finding ---- */

static const char *beside(Elab *el, const char *importer, const char *path) {
    const char *slash = strrchr(importer, '/');
    if (path[0] == '/' || !slash) return path;
    return arena_printf(el->arena, "%.*s/%s", (int)(slash - importer), importer, path);
}

static const EmbeddedFile *built_in(const char *name) {
    for (const EmbeddedFile *file = embedded_std; file->name; file++)
        if (strcmp(file->name, name) == 0) return file;
    return NULL;
}

/* Two spellings of one path are one file. */
static const char *key_of(Elab *el, const char *path) {
    char real[PATH_MAX];
    return name_of(el->names, realpath(path, real) ? real : path);
}

/* Fills `source` with the text of what `path` names; false when there is no such file. */
bool import_text(Elab *el, const char *path, const Source *importer, Source *source, const char **key) {
    const EmbeddedFile *inside = built_in(importer->path);
    const char *tried = inside && inside->text == importer->text ? NULL : beside(el, importer->path, path);
    for (int i = -1; i < el->options->import_dirs.count; i++) {
        if (i >= 0 && path[0] != '/') tried = arena_printf(el->arena, "%s/%s", el->options->import_dirs.at[i], path);
        if (!tried) continue;
        source->text = text_read_file(el->arena, tried, &source->size);
        source->path = tried;
        *key = key_of(el, tried);
        if (source->text) return true;
    }
    const EmbeddedFile *file = built_in(path);
    if (!file) return false;
    *source = (Source){.path = file->name, .text = file->text, .size = file->size};
    *key = name_of(el->names, arena_printf(el->arena, "built-in:%s", file->name));
    return true;
}

/* ---- loading ---- */

LoadedFile *file_begin(Elab *el, const char *key, const File *tree) {
    LoadedFile *file = NEW(el->arena, LoadedFile);
    file->key = key ? key : key_of(el, tree->source->path);
    file->scope = scope_new(el, NULL, "");
    file->scope->source = tree->source;
    file->scope->tree = tree;
    file->scope->broken = tree->lost;
    file->loading = true;
    vec_push(el->arena, &el->files, file);
    return file;
}

static LoadedFile *file_load(Elab *el, const char *key, const Source *found) {
    Source *source = NEW(el->arena, Source);
    *source = *found;
    const File *tree = lang_parse(el->arena, el->names, el->diag, source);
    LoadedFile *file = file_begin(el, key, tree);
    Scope *outside = el->scope;
    el->scope = file->scope;
    el->importing++;
    elaborate_file(el, tree, false);
    el->importing--;
    el->scope = outside;
    file->loading = false;
    return file;
}

static void bring_in(Elab *el, const Item *item, const Scope *from) {
    if (item->alias.name) {
        scope_declare(el, el->scope, item->alias, (Value){.kind = VALUE_NAMES, .scope = (Scope *)from});
        return;
    }
    if (from->broken) el->scope->broken = true;
    for (int i = 0; i < from->slots.count; i++) {
        const Slot *slot = &from->slots.at[i];
        bool given = slot_is_general(slot);
        if (!given || slot->imported) continue;
        Slot *old = scope_own(el->scope, slot->name);
        if (old) {
            Message *message = diag_error(el->diag, old->imported ? item->place : old->span, E0202,
                                          "`%s` is defined already", slot->name);
            diag_note(message, old->imported ? old->span : item->place, "the import brings in `%s` here", slot->name);
            diag_help(message, "import under a name of its own: import \"%s\" as x", item->path);
            return;
        }
        Slot brought = {.name = slot->name, .value = slot->value, .span = item->place, .imported = true};
        vec_push(el->arena, &el->scope->slots, brought);
    }
}

void elaborate_import(Elab *el, const Item *item) {
    Source source = {0};
    const char *key = NULL;
    const Source *importer = el->scope->source;
    if (!import_text(el, item->path, importer, &source, &key)) {
        Message *message = diag_error(el->diag, item->place, E0601, "`%s` is not found", item->path);
        diag_help(message,
                  "it is looked for in the folder of %s, in the folders given with -I, and among the built-in nn.tg",
                  importer->path);
        el->scope->broken = true; /* its names are missing, and that is said once */
        return;
    }
    LoadedFile *file = NULL;
    for (int i = 0; i < el->files.count; i++)
        if (el->files.at[i]->key == key) file = el->files.at[i];
    if (file && file->loading) {
        diag_error(el->diag, item->place, E0602, "`%s` imports itself, directly or through others", item->path);
        el->scope->broken = true;
        return;
    }
    if (!file && el->importing >= MAX_NESTING) {
        diag_error(el->diag, item->place, E0207, "imports are nested more than %d deep", MAX_NESTING);
        el->scope->broken = true;
        return;
    }
    if (!file) file = file_load(el, key, &source);
    bring_in(el, item, file->scope);
}
