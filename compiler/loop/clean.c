/* clean.c: takes out what the skeletons named and nobody reads.
 *
 *     const int at = i + r; tg_store(y + r * 16, v);      becomes      tg_store(y + r * 16, v);
 */
#include "loop/loop.h"

typedef struct Uses {
    Arena *arena;
    VEC(const Var *) vars;
} Uses;

static void use(Uses *uses, const Var *var) {
    vec_push(uses->arena, &uses->vars, var);
}

static void use_index(Uses *uses, const Index *index) {
    for (int i = 0; i < index->terms.count; i++) use(uses, index->terms.at[i].var);
}

static void use_expr(Uses *uses, const Expr *x) {
    if (!x) return;
    if (x->kind == EX_VAR) use(uses, x->var);
    use_index(uses, &x->index);
    use_expr(uses, x->part);
    for (int i = 0; i < x->arg_count; i++) use_expr(uses, x->arg[i]);
}

static void use_block(Uses *uses, const Block *block) {
    for (int i = 0; i < block->stmts.count; i++) {
        const Stmt *stmt = block->stmts.at[i];
        use_expr(uses, stmt->from);
        use_expr(uses, stmt->to);
        use_expr(uses, stmt->value);
        use_expr(uses, stmt->part);
        use_index(uses, &stmt->index);
        for (int j = 0; j < stmt->arg_count; j++) use_expr(uses, stmt->arg[j]);
        use_block(uses, &stmt->body);
    }
}

static bool used(const Uses *uses, const Var *var) {
    for (int i = 0; i < uses->vars.count; i++)
        if (uses->vars.at[i] == var) return true;
    return false;
}

/* Whether anything was taken out. */
static bool drop_unused(const Uses *uses, Block *block) {
    int kept = 0, count = block->stmts.count;
    bool dropped = false;
    for (int i = 0; i < count; i++) {
        Stmt *stmt = block->stmts.at[i];
        if (stmt->kind == ST_LET && !used(uses, stmt->var)) continue;
        dropped = drop_unused(uses, &stmt->body) || dropped;
        block->stmts.at[kept++] = stmt;
    }
    block->stmts.count = kept;
    return dropped || kept < count;
}

void loop_clean(Arena *arena, Function *function) {
    bool again = true;
    while (again) {
        Uses uses = {.arena = arena};
        use_block(&uses, &function->body);
        again = drop_unused(&uses, &function->body);
    }
}
