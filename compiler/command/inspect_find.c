/* inspect_find.c: what a NAME on the command line means, and the rows that compute it or its adjoint.
 *
 *     k12_d_W, k12         a kernel                         up.W, h, enc.0.att      a variable, a value, a module
 *     m.tg:31, :31, 31     a line                           d_h, d_up.W             an adjoint
 *
 * A name means a kernel first, then everything of the model that is called so: a value computed, the variable written,
 * and its adjoint, whose name begins with d_. */
#include "command/inspect.h"

#include <stdlib.h>
#include <string.h>

/* What is looked for; each test says whether a node is it. */
typedef struct Wanted {
    Arena *arena;
    const char *name;
    const char *file; /* of a line, or NULL */
    int line;         /* 0: no line */
} Wanted;

/* ---- lines ---- */

/* "m.tg:31", ":31" or "31". */
static bool read_line(Wanted *wanted, const Compile *compile) {
    const char *colon = strrchr(wanted->name, ':'), *digits = colon ? colon + 1 : wanted->name;
    if (!*digits || strspn(digits, "0123456789") != strlen(digits) || strlen(digits) > 9) return false;
    wanted->line = atoi(digits);
    wanted->file = colon && colon > wanted->name
                       ? arena_strndup(wanted->arena, wanted->name, (size_t)(colon - wanted->name))
                       : compile->path;
    return true;
}

static bool is_on_line(const Wanted *wanted, Span span) {
    return span.source && !strcmp(file_word(span.source->path), file_word(wanted->file)) &&
           span_line(span) == wanted->line;
}

static bool comes_from_line(const Wanted *wanted, const Node *node) {
    if (is_on_line(wanted, node->span)) return true;
    for (const CallSite *call = node->call; call; call = call->outer)
        if (is_on_line(wanted, call->span)) return true;
    return false;
}

/* ---- names ---- */

/* Whether `path` is `scope` and `name` with a dot between, or the name alone where there is no scope. */
static bool is_path(const char *path, const char *scope, const char *name) {
    size_t length = strlen(scope);
    if (!length) return !strcmp(path, name);
    return !strncmp(path, scope, length) && path[length] == '.' && !strcmp(path + length + 1, name);
}

static bool lies_in(const char *scope, const char *inside) {
    size_t length = strlen(inside);
    return length && !strncmp(scope, inside, length) && (!scope[length] || scope[length] == '.');
}

static bool writes_variable(const Node *node, const char *path) {
    const Variable *variable = node->op->kind == OP_EFFECT ? node->attr.variable : NULL;
    if (!variable) return false;
    if (!strcmp(variable->path, path)) return true;
    for (int i = 0; i < variable->members.count; i++)
        if (!strcmp(variable->members.at[i]->path, path)) return true;
    return false;
}

/* The value itself, its adjoint (d_ before its name or its path), or a part of the module of that path. */
static bool is_named(const char *name, const Node *node) {
    if (writes_variable(node, name) || lies_in(node->scope, name)) return true;
    if (!node->name) return false;
    if (!strcmp(node->name, name) || is_path(name, node->scope, node->name)) return true;
    if (strncmp(node->name, "d_", 2) != 0) return false;
    const char *of = node->name + 2, *bare = strncmp(name, "d_", 2) ? name : name + 2;
    return is_path(bare, node->scope, of) || !strcmp(bare, of);
}

static bool is_wanted(const Wanted *wanted, const Node *node) {
    return wanted->line ? comes_from_line(wanted, node) : is_named(wanted->name, node);
}

/* ---- rows ---- */

static bool choose_kernels(Inspection *inspection, const char *name) {
    bool found = false;
    size_t digits = name[0] == 'k' ? strspn(name + 1, "0123456789") : 0;
    bool number = digits && !name[1 + digits];
    for (int i = 0; i < inspection->entries.count; i++) {
        InspectEntry *entry = &inspection->entries.at[i];
        for (int j = 0; j < entry->rows.count; j++) {
            InspectRow *row = &entry->rows.at[j];
            const char *own = row->kernel->name;
            if (strcmp(own, name) != 0 && !(number && atoi(name + 1) == j)) continue;
            row->chosen = found = true;
        }
    }
    return found;
}

static bool writes_buffer_of(const InspectRow *row, const Variable *variable) {
    for (int i = 0; i < row->launch->writes.count; i++) {
        const Variable *written = row->launch->writes.at[i]->variable;
        if (written && (written == variable || written == variable->group)) return true;
    }
    return false;
}

/* Chooses the rows that compute a node. What is only another sight of a value, or a copy of it, is computed where the
 * value is; parts side by side are computed one by one. */
static bool choose_node(InspectEntry *entry, const Node *node) {
    bool copies = node->op->kind == OP_VIEW || node->op->kind == OP_EFFECT || !strcmp(node->op->name, "copy");
    bool found = false;
    for (int i = 0; i < entry->rows.count; i++) {
        InspectRow *row = &entry->rows.at[i];
        bool writes = node->op->kind == OP_EFFECT && node->attr.variable && writes_buffer_of(row, node->attr.variable);
        if (row->computes[node->id] || writes) row->chosen = found = true;
    }
    for (int i = 0; i < node->operand_count && (node->op->kind == OP_JOIN || (copies && !i)); i++)
        found = choose_node(entry, inspect_operand(entry->schedule, node, i)) || found;
    return found;
}

/* A line chooses what it says itself, not what its views look at. */
static bool choose_of_line(InspectEntry *entry, const Node *node) {
    bool found = false;
    for (int i = 0; i < entry->rows.count; i++)
        if (entry->rows.at[i].computes[node->id]) entry->rows.at[i].chosen = found = true;
    return found;
}

/* Chooses the rows that compute a wanted node; *seen: there is such a node, computed or not. */
static bool choose_nodes(Inspection *inspection, const Wanted *wanted, bool *seen) {
    bool found = false;
    for (int i = 0; i < inspection->entries.count; i++) {
        InspectEntry *entry = &inspection->entries.at[i];
        const Graph *graph = entry->entry->graph;
        for (int id = 0; id < graph->nodes.count; id++) {
            Node *node = graph->nodes.at[id];
            if (!entry->shown[id] || !is_wanted(wanted, node)) continue;
            *seen = true;
            node = schedule_alias(entry->schedule, node);
            found = (wanted->line ? choose_of_line(entry, node) : choose_node(entry, node)) || found;
        }
    }
    return found;
}

/* ---- names that exist ---- */

static void add_word(Inspection *inspection, WordList *words, const char *word) {
    for (int i = 0; i < words->count; i++)
        if (!strcmp(words->at[i], word)) return;
    vec_push(inspection->arena, words, word);
}

static void list_words(Inspection *inspection, WordList *words) {
    const Model *model = inspection->compile->model;
    for (int i = 0; i < model->variables.count; i++) add_word(inspection, words, model->variables.at[i]->path);
    for (int i = 0; i < inspection->entries.count; i++) {
        const InspectEntry *entry = &inspection->entries.at[i];
        for (int j = 0; j < entry->rows.count; j++) add_word(inspection, words, entry->rows.at[j].kernel->name);
        for (int id = 0; id < entry->entry->graph->nodes.count; id++) {
            const Node *node = entry->entry->graph->nodes.at[id];
            if (!entry->shown[id]) continue;
            if (*node->scope) add_word(inspection, words, node->scope);
            if (!node->name) continue;
            add_word(inspection, words, node->name);
            if (*node->scope)
                add_word(inspection, words, arena_printf(inspection->arena, "%s.%s", node->scope, node->name));
        }
    }
}

/* "; did you mean up.W, down.W?": the nearest, then names that end alike. */
static const char *near_names(Inspection *inspection, const char *name) {
    enum { SHOWN = 4 };
    WordList words = {0}, near = {0};
    list_words(inspection, &words);
    const char *nearest = name_nearest(name, words.at, words.count), *dot = strrchr(name, '.');
    if (nearest) vec_push(inspection->arena, &near, nearest);
    for (int i = 0; i < words.count && near.count < SHOWN; i++) {
        const char *end = strrchr(words.at[i], '.');
        if (!end || words.at[i] == nearest || strcmp(end + 1, dot ? dot + 1 : name) != 0) continue;
        vec_push(inspection->arena, &near, words.at[i]);
    }
    Text text;
    text_init(&text, inspection->arena);
    for (int i = 0; i < near.count; i++) text_printf(&text, "%s%s", i ? ", " : "; did you mean ", near.at[i]);
    if (near.count) text_add(&text, "?");
    return text.at;
}

static bool nothing_on_line(Inspection *inspection, Request *request, const Wanted *wanted) {
    WordList files = {0};
    for (int i = 0; i < inspection->entries.count; i++) {
        const InspectEntry *entry = &inspection->entries.at[i];
        for (int id = 0; id < entry->entry->graph->nodes.count; id++) {
            const Source *source = entry->entry->graph->nodes.at[id]->span.source;
            if (source) add_word(inspection, &files, file_word(source->path));
        }
    }
    const char *file = file_word(wanted->file);
    for (int i = 0; i < files.count; i++)
        if (!strcmp(files.at[i], file)) {
            usage_error(request, "no kernel comes from line %d of %s", wanted->line, file);
            return false;
        }
    usage_error(request, "no kernel comes from a file %s%s", file,
                did_you_mean(request->arena, file, files.at, files.count));
    return false;
}

bool inspection_find(Inspection *inspection, Request *request, const char *name, Text *note) {
    Wanted wanted = {.arena = inspection->arena, .name = name};
    bool seen = false;
    if (choose_kernels(inspection, name)) return true;
    read_line(&wanted, inspection->compile);
    if (choose_nodes(inspection, &wanted, &seen)) return true;
    if (wanted.line) return nothing_on_line(inspection, request, &wanted);
    if (seen) {
        text_printf(note, "%s is given, not computed, and nothing asks for its adjoint\n", name);
        return true;
    }
    usage_error(request, "%s has no kernel, value, variable or module %s%s", inspection->compile->path, name,
                near_names(inspection, name));
    return false;
}
