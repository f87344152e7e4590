/* names.c: names for what a function declares, as short as their scopes allow.
 *
 * In: Vars and Arrays under names that are unique in the whole function. Out: the same under their own words; a number
 * stands behind a word only where the same word is in use at that place. A value that is loaded from an array of its
 * own name is "the one here":
 *
 *     for (int k = 0; …) { … }  for (int k_2 = 0; …) { … }          for (int k = 0; …) { … }  for (int k = 0; …) { … }
 *     const vec h_2 = tg_load(h + i);                               const vec h_here = tg_load(h + i);
 */
#include "loop/loop.h"

#include <ctype.h>
#include <string.h>

typedef struct Scope { /* names that are in use where a declaration stands, outermost first */
    Arena *arena;
    int arrays; /* so many of them are arrays' */
    VEC(const char *) names;
} Scope;

static int find(const Scope *scope, const char *name) {
    for (int i = 0; i < scope->names.count; i++)
        if (!strcmp(scope->names.at[i], name)) return i;
    return -1;
}

static const char *identifier(Arena *arena, const char *word) {
    char *name = arena_strndup(arena, word, strlen(word));
    for (char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at)) *at = '_';
    return name;
}

static bool is_free(const Scope *scope, const char *name) {
    return find(scope, name) < 0 && !c_word(name);
}

/* `beside` is what stands behind the word where it is an array's; NULL for arrays themselves. */
static const char *free_name(Scope *scope, const char *word, const char *beside) {
    const char *base = identifier(scope->arena, word), *name = base;
    int meets = find(scope, base);
    if (beside && meets >= 0 && meets < scope->arrays) name = base = arena_printf(scope->arena, "%s_%s", base, beside);
    if (c_word(arena_printf(scope->arena, "%s_2", base))) name = base = arena_printf(scope->arena, "v_%s", base);
    for (int number = 2; !is_free(scope, name); number++) name = arena_printf(scope->arena, "%s_%d", base, number);
    vec_push(scope->arena, &scope->names, name);
    return name;
}

static void name_block(Scope *scope, Block *block) {
    int outside = scope->names.count;
    for (int i = 0; i < block->stmts.count; i++) {
        Stmt *s = block->stmts.at[i];
        if (s->kind == ST_LET || s->kind == ST_VAR) s->var->name = free_name(scope, s->var->word, "here");
        int here = scope->names.count;
        if (s->kind == ST_FOR) s->var->name = free_name(scope, s->var->word, "at");
        name_block(scope, &s->body);
        scope->names.count = here;
    }
    scope->names.count = outside;
}

void loop_names(Arena *arena, Function *function) {
    Scope scope = {.arena = arena};
    for (int i = 0; i < function->scalars.count; i++) vec_push(arena, &scope.names, function->scalars.at[i]);
    for (int i = 0; i < function->arrays.count; i++)
        function->arrays.at[i]->name = free_name(&scope, function->arrays.at[i]->word, NULL);
    scope.arrays = scope.names.count;
    for (int i = 0; i < function->locals.count; i++)
        function->locals.at[i]->name = free_name(&scope, function->locals.at[i]->word, NULL);
    name_block(&scope, &function->body);
}
