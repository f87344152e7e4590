/* prune.c: drops what a function computes and doesn't use: a name given to an index that no address needs, a load whose
 * only reader went. C compilers warn about both.
 *
 *     const int at = i + r;        is dropped where nothing mentions `at`, and then what it alone mentioned */
#include "loop/loop.h"

typedef struct Pruner {
    Arena *arena;
    VEC(const Var *) vars;     /* mentioned */
    VEC(const Array *) arrays; /* loaded from or stored to */
} Pruner;

static void mention_expr(Pruner *p, const Expr *x);

static bool has_var(const Pruner *p, const Var *var) {
    for (int i = p->vars.count - 1; i >= 0; i--)
        if (p->vars.at[i] == var) return true;
    return false;
}

static bool has_array(const Pruner *p, const Array *array) {
    for (int i = 0; i < p->arrays.count; i++)
        if (p->arrays.at[i] == array) return true;
    return false;
}

static void mention_var(Pruner *p, const Var *var) {
    if (!has_var(p, var)) vec_push(p->arena, &p->vars, var);
}

static void mention_place(Pruner *p, const Array *array, const Index *index) {
    if (array && !has_array(p, array)) vec_push(p->arena, &p->arrays, array);
    for (int i = 0; i < index->terms.count; i++) mention_var(p, index->terms.at[i].var);
}

static void mention_expr(Pruner *p, const Expr *x) {
    if (!x) return;
    if (x->var) mention_var(p, x->var);
    mention_place(p, x->array, &x->index);
    mention_expr(p, x->part);
    for (int i = 0; i < x->arg_count; i++) mention_expr(p, x->arg[i]);
}

/* From the last statement to the first, so that the readers of a let have been seen when it comes. */
static void prune_block(Pruner *p, Block *block) {
    int kept = block->stmts.count;
    for (int i = block->stmts.count - 1; i >= 0; i--) {
        Stmt *s = block->stmts.at[i];
        if (s->kind == ST_LET && !has_var(p, s->var)) continue;
        if (s->kind == ST_ARRAY && !has_array(p, s->array)) continue;
        prune_block(p, &s->body);
        if (s->kind == ST_SET) mention_var(p, s->var);
        if (s->kind == ST_STORE) mention_place(p, s->array, &s->index);
        mention_expr(p, s->from);
        mention_expr(p, s->to);
        mention_expr(p, s->value);
        mention_expr(p, s->part);
        for (int j = 0; j < s->arg_count; j++) mention_expr(p, s->arg[j]);
        block->stmts.at[--kept] = s;
    }
    for (int i = kept; i < block->stmts.count; i++) block->stmts.at[i - kept] = block->stmts.at[i];
    block->stmts.count -= kept;
}

void loop_prune(Function *function) {
    Pruner p = {.arena = arena_new()};
    prune_block(&p, &function->body);
    int kept = 0;
    for (int i = 0; i < function->arrays.count; i++)
        if (has_array(&p, function->arrays.at[i])) function->arrays.at[kept++] = function->arrays.at[i];
    function->arrays.count = kept;
    arena_free(p.arena);
}
