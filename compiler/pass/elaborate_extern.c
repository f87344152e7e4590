/* elaborate_extern.c: elementwise functions of the user's in C.
 *
 * In: `extern fn swish(x) -> y from "swish.h" adjoint swish_d`. Out: an op `swish`, once libclang has found in swish.h
 *
 *     static inline double swish(double x)     static inline float swishf(float x)
 *
 * and the same for swish_d. The header is looked for as imports are. What is missing or different is an error at the
 * place in the model that says the name. */
#include "pass/elaborate.h"

#include <string.h>

/* What the generated C means by these; a header may not define them again. */
static const char *const taken[] = {"vec",  "ivec",   "lint",    "real", "LANES", "info",
                                    "json", "params", "entries", "main", "states"};

/* ---- the header ---- */

static bool defines(const CHeader *header, const char *name) {
    for (int i = 0; i < header->names.count; i++)
        if (strcmp(header->names.at[i], name) == 0) return true;
    return false;
}

static bool is_taken(const char *name) {
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(name, taken[i]) == 0) return true;
    return strncmp(name, "tg_", 3) == 0 || strncmp(name, "call_", 5) == 0;
}

/* All headers of a model end up in one C file. */
static bool names_fit(Elab *el, const Item *item, const LoadedHeader *loaded) {
    for (int i = 0; i < loaded->header->names.count; i++) {
        const char *name = loaded->header->names.at[i];
        if (is_taken(name)) {
            diag_error(el->diag, item->place, E0603, "`%s` defines `%s`, a name of the generated C", item->path, name);
            return false;
        }
        for (int k = 0; k < el->headers.count; k++) {
            if (!defines(el->headers.at[k]->header, name)) continue;
            Message *message = diag_error(el->diag, item->place, E0603, "`%s` defines `%s`, as `%s` does", item->path,
                                          name, el->headers.at[k]->source.path);
            diag_help(message, "both become part of one C file: give one of them another name");
            return false;
        }
    }
    return true;
}

static const LoadedHeader *header_of(Elab *el, const Item *item) {
    LoadedHeader *loaded = NEW(el->arena, LoadedHeader);
    if (!import_text(el, item->path, el->scope->source, &loaded->source, &loaded->key)) {
        Message *message = diag_error(el->diag, item->place, E0603, "`%s` is not found", item->path);
        diag_help(message, "it is looked for in the folder of %s and in the folders given with -I",
                  el->scope->source->path);
        return NULL;
    }
    for (int i = 0; i < el->headers.count; i++)
        if (el->headers.at[i]->key == loaded->key) return el->headers.at[i];
    loaded->header = c_header_read(el->arena, loaded->source.text, loaded->source.size);
    if (loaded->header->trouble) {
        diag_error(el->diag, item->place, E0603, "`%s` cannot be used: line %u: %s", item->path,
                   loaded->header->trouble_line, loaded->header->trouble);
        return NULL;
    }
    if (!names_fit(el, item, loaded)) return NULL;
    vec_push(el->arena, &el->headers, loaded);
    return loaded;
}

/* ---- its functions ---- */

/* "double (double, double)" */
static const char *signature(Elab *el, const char *result, int count, const char *const *argument, const char *each) {
    Text text;
    text_init(&text, el->arena);
    text_printf(&text, "%s (", result);
    for (int i = 0; i < count && i < C_ARGUMENTS; i++)
        text_printf(&text, "%s%s", i ? ", " : "", argument ? argument[i] : each);
    text_printf(&text, "%s)", count > C_ARGUMENTS ? ", …" : "");
    return text.at;
}

static bool function_fits(Elab *el, const Declared *declared, Ident said, const char *name, const char *type) {
    int arity = declared->item->external->arguments.count;
    const char *path = declared->item->path, *wanted = signature(el, type, arity, NULL, type);
    const CFunction *function = c_function(declared->from->header, name);
    if (!function) {
        Message *message = diag_error(el->diag, said.span, E0604, "`%s` defines no function `%s`", path, name);
        diag_help(message, "it takes two, both static inline: `%s`, which is %s, and `%sf`, the same in float",
                  said.name, signature(el, "double", arity, NULL, "double"), said.name);
        return false;
    }
    const char *found = signature(el, function->result, function->argument_count, function->argument, NULL);
    if (strcmp(found, wanted) != 0) {
        diag_error(el->diag, said.span, E0604, "`%s` in line %u of `%s` is %s, not %s", name, function->line, path,
                   found, wanted);
        return false;
    }
    if (function->internal) return true;
    Message *message =
        diag_error(el->diag, said.span, E0604, "`%s` in line %u of `%s` is not static", name, function->line, path);
    diag_help(message, "write static inline %s %s(…): two models in one program may both use it", type, name);
    return false;
}

static External *external_of(Elab *el, const Declared *declared, Ident said) {
    int arity = declared->item->external->arguments.count;
    const char *single = arena_printf(el->arena, "%sf", said.name);
    bool good = function_fits(el, declared, said, said.name, "double");
    if (!function_fits(el, declared, said, single, "float") || !good) return NULL;
    External *external = external_new(el->arena, said.name, arity, c_function(declared->from->header, single)->cost);
    external->path = declared->item->path;
    external->text = declared->from->source.text;
    external->header = declared->from->header;
    vec_push(el->arena, &el->model->externals, external);
    return external;
}

static bool parts_fit(Elab *el, const ExternFn *external) {
    int arity = external->arguments.count;
    for (int i = 0; i < arity; i++)
        for (int k = 0; k < i; k++)
            if (external->arguments.at[i].name == external->arguments.at[k].name) {
                diag_error(el->diag, external->arguments.at[i].span, E0202, "two arguments are called `%s`",
                           external->arguments.at[i].name);
                return false;
            }
    if (arity > EXTERNAL_ARGUMENTS) {
        diag_error(el->diag, external->arguments.at[EXTERNAL_ARGUMENTS].span, E0112,
                   "an extern fn takes at most %d arguments", EXTERNAL_ARGUMENTS);
        return false;
    }
    if (external->partials.count == 0 || external->partials.count == arity) return true;
    Message *message = diag_error(el->diag, external->adjoint, E0112, "`%s` has %d argument%s, but %d derivative%s",
                                  external->name.name, arity, arity == 1 ? "" : "s", external->partials.count,
                                  external->partials.count == 1 ? "" : "s");
    diag_help(message, "name one function per argument: adjoint (%s_da, %s_db)", external->name.name,
              external->name.name);
    return false;
}

/* ---- declarations ---- */

void elaborate_extern(Elab *el, const Item *item) {
    Ident name = item->external->name;
    for (int i = 0; i < el->externals.count; i++)
        if (el->externals.at[i].item == item) return; /* declared beforehand */
    Declared declared = {.item = item, .scope = el->scope};
    Value value = poison();
    if (parts_fit(el, item->external)) declared.from = header_of(el, item);
    if (declared.from) declared.external = external_of(el, &declared, name);
    if (declared.external) value = (Value){.kind = VALUE_EXTERNAL, .external = declared.external};
    vec_push(el->arena, &el->externals, declared);
    scope_declare(el, el->scope, name, value);
}

/* The function that a partial names: declared itself, used for another already, or found in the header now. */
static const External *partial_of(Elab *el, const Declared *declared, Ident said) {
    for (int i = 0; i < el->model->externals.count; i++) {
        const External *other = el->model->externals.at[i];
        if (other->header == declared->from->header && strcmp(other->op.name, said.name) == 0 &&
            other->op.arity == declared->external->op.arity)
            return other;
    }
    return external_of(el, declared, said);
}

void externals_finish(Elab *el) {
    for (int i = 0; i < el->externals.count; i++) {
        Declared *declared = &el->externals.at[i];
        if (!declared->external || declared->scope != el->scope || declared->external->partial[0]) continue;
        const IdentList *partials = &declared->item->external->partials;
        for (int k = 0; k < partials->count; k++) {
            const External *partial = partial_of(el, declared, partials->at[k]);
            if (!partial) break;
            external_derive(el->arena, declared->external, k, partial);
        }
    }
}

/* ---- calls ---- */

Value external_value(Elab *el, const External *external, const Expr *call) {
    const char *what = external->op.name;
    int count = external->op.arity;
    Formal formals[EXTERNAL_ARGUMENTS] = {{0}};
    const Argument *given[EXTERNAL_ARGUMENTS];
    Node *operand[EXTERNAL_ARGUMENTS];
    for (int i = 0; i < el->externals.count; i++)
        if (el->externals.at[i].external == external)
            for (int k = 0; k < count; k++) formals[k].name = el->externals.at[i].item->external->arguments.at[k].name;
    if (!el->graph) {
        diag_error(el->diag, call->span, E0411, "`%s` can be called only inside functions and entry points", what);
        return poison();
    }
    if (!match_arguments(el, what, formals, count, call, given, NULL, NULL)) return poison();
    for (int i = 0; i < count; i++) operand[i] = eval_tensor(el, given[i]->value, DT_FLOAT);
    at_place(el, call->span);
    return tensor_value(external_call(el->graph, external, operand));
}
