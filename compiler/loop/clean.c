/* clean.c: takes out what the skeletons named and nobody reads, or one statement alone, and blocks around nothing.
 *
 *     const int at = i + r; tg_store(y + r * 16, v);              tg_store(y + r * 16, v);
 *     const vec mul = a * b; const vec sub = mul - c;             const vec sub = a * b - c;
 *     for (int s = lo; s < hi; s++) { { y[s] = 0; } }             for (int s = lo; s < hi; s++) { y[s] = 0; }
 *
 * A name of the model's stays where it says more than an operation or an array would. */
#include "loop/loop.h"

#include <string.h>

enum { LONGEST = 6 }; /* operations and loads in one statement that names were taken out of */

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

static int count_uses(const Uses *uses, const Var *var) {
    int count = 0;
    for (int i = 0; i < uses->vars.count; i++) count += uses->vars.at[i] == var;
    return count;
}

/* Whether anything was taken out. */
static bool drop_unused(const Uses *uses, Block *block) {
    int kept = 0, count = block->stmts.count;
    bool dropped = false;
    for (int i = 0; i < count; i++) {
        Stmt *stmt = block->stmts.at[i];
        if (stmt->kind == ST_LET && !count_uses(uses, stmt->var)) continue;
        dropped = drop_unused(uses, &stmt->body) || dropped;
        block->stmts.at[kept++] = stmt;
    }
    block->stmts.count = kept;
    return dropped || kept < count;
}

/* ---- names read once ---- */

static int length_of(const Expr *x) {
    int length = x->kind == EX_LOAD || x->kind == EX_APPLY;
    for (int i = 0; i < x->arg_count; i++) length += length_of(x->arg[i]);
    return length;
}

/* The place in *x that reads the variable by its own type, or NULL. */
static Expr **reading(Expr **x, const Var *var) {
    if (!*x) return NULL;
    if ((*x)->kind == EX_VAR && (*x)->var == var && (*x)->type == var->type) return x;
    for (int i = 0; i < (*x)->arg_count; i++) {
        Expr **found = reading(&(*x)->arg[i], var);
        if (found) return found;
    }
    return NULL;
}

/* A copy down to the reading, since expressions are shared. */
static Expr *with_value(Arena *arena, Expr *x, const Var *var, Expr *value) {
    if (x->kind == EX_VAR && x->var == var) return value;
    Expr *copy = NEW(arena, Expr);
    *copy = *x;
    for (int i = 0; i < x->arg_count; i++) copy->arg[i] = with_value(arena, x->arg[i], var, value);
    return copy;
}

static bool may_stand_in_place(const Stmt *let, const Uses *uses) {
    if (let->kind != ST_LET || let->var->type == T_INDEX || let->value->type != let->var->type) return false;
    return let->value->lanes == let->var->lanes && count_uses(uses, let->var) == 1;
}

/* A name of the model's that only says what the array it is stored to says. */
static bool says_nothing(const Stmt *let, const Stmt *reader) {
    if (let->var->plain || let->value->kind == EX_LOAD) return true;
    return reader->kind == ST_STORE && reader->value->kind == EX_VAR && !strcmp(reader->array->word, let->var->word);
}

/* The one reader, where only names stand between: nothing that it reads changes on the way. */
static Stmt *reader_of(const Block *block, int at) {
    const Var *var = block->stmts.at[at]->var;
    for (int i = at + 1; i < block->stmts.count; i++) {
        Stmt *stmt = block->stmts.at[i];
        bool names = stmt->kind == ST_LET || stmt->kind == ST_VAR;
        if (!names && stmt->kind != ST_STORE && stmt->kind != ST_SET) return NULL;
        if (reading(&stmt->value, var)) return stmt;
        if (!names) return NULL;
    }
    return NULL;
}

static bool put_in_place(Arena *arena, const Uses *uses, Block *block) {
    bool any = false;
    for (int i = 0; i < block->stmts.count; i++) {
        Stmt *let = block->stmts.at[i];
        any = put_in_place(arena, uses, &let->body) || any;
        Stmt *reader = may_stand_in_place(let, uses) ? reader_of(block, i) : NULL;
        if (!reader || !says_nothing(let, reader)) continue;
        if (length_of(let->value) + length_of(reader->value) > LONGEST) continue;
        reader->value = with_value(arena, reader->value, let->var, let->value);
        any = true; /* nobody reads the name now: drop_unused takes it out */
    }
    return any;
}

/* ---- blocks around nothing ---- */

static bool declares(const Block *block) {
    for (int i = 0; i < block->stmts.count; i++) {
        StmtKind kind = block->stmts.at[i]->kind;
        if (kind == ST_LET || kind == ST_VAR || kind == ST_ARRAY) return true;
    }
    return false;
}

/* A block that declares nothing, or is all there is, gives its statements to the one around it. */
static void unwrap(Arena *arena, Block *block) {
    Block flat = {0};
    for (int i = 0; i < block->stmts.count; i++) {
        Stmt *stmt = block->stmts.at[i];
        unwrap(arena, &stmt->body);
        bool needless = stmt->kind == ST_BLOCK && (block->stmts.count == 1 || !declares(&stmt->body));
        for (int k = 0; needless && k < stmt->body.stmts.count; k++)
            vec_push(arena, &flat.stmts, stmt->body.stmts.at[k]);
        if (!needless) vec_push(arena, &flat.stmts, stmt);
    }
    *block = flat;
}

void loop_clean(Arena *arena, Function *function) {
    bool again = true;
    while (again) {
        Uses uses = {.arena = arena};
        use_block(&uses, &function->body);
        again = put_in_place(arena, &uses, &function->body);
        again = drop_unused(&uses, &function->body) || again;
    }
    unwrap(arena, &function->body);
}
