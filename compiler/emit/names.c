/* names.c: names of the model as identifiers of C.
 *
 *     net.enc.0.att.q.W  ->  net_enc_0_att_q_W
 *     double             ->  double_
 *     h, h               ->  h, h_2 */
#include "emit/parts.h"

#include <ctype.h>
#include <string.h>

const char *c_identifier(Arena *arena, const char *path) {
    bool digit = isdigit((unsigned char)path[0]);
    char *name = arena_printf(arena, "%s%s", digit || !path[0] ? "v" : "", path);
    for (char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at)) *at = '_';
    return name;
}

const char *c_upper(Arena *arena, const char *name) {
    char *upper = arena_printf(arena, "%s", name);
    for (char *at = upper; *at; at++) *at = (char)toupper((unsigned char)*at);
    return upper;
}

static bool is_taken(const NameSet *set, const char *name) {
    for (int i = 0; i < set->names.count; i++)
        if (!strcmp(set->names.at[i], name)) return true;
    return false;
}

void name_take(NameSet *set, const char *name) {
    vec_push(set->arena, &set->names, name);
}

const char *name_new(NameSet *set, const char *wanted) {
    const char *base = c_word(wanted) ? arena_printf(set->arena, "%s%s_", wanted[0] == '_' ? "v" : "", wanted) : wanted;
    if (c_word(base)) base = arena_printf(set->arena, "v_%s", wanted); /* tg_sum */
    const char *name = base;
    for (int i = 2; is_taken(set, name) || c_word(name); i++) name = arena_printf(set->arena, "%s_%d", base, i);
    name_take(set, name);
    return name;
}

const char *name_behind_prefix(NameSet *set, const char *wanted) {
    const char *name = wanted;
    while (is_taken(set, name)) name = arena_printf(set->arena, "%s_", name);
    name_take(set, name);
    return name;
}
