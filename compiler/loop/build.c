/* build.c: small constructors of expressions and statements, used by the skeletons.
 *
 *     st_let(lower, block, "h", ex_apply(lower, T_REAL, "tg_gelu(%0)", 1, &x))      const vec h = tg_gelu(x);
 */
#include "loop/loop.h"

#include <ctype.h>
#include <string.h>

static Expr *ex_new(Lower *lower, ExprKind kind, Type type, bool lanes) {
    Expr *x = NEW(lower->arena, Expr);
    x->kind = kind;
    x->type = type;
    x->lanes = lanes;
    return x;
}

Expr *ex_real(Lower *lower, double number) {
    Expr *x = ex_new(lower, EX_NUMBER, T_REAL, false);
    x->number = number;
    return x;
}

Expr *ex_int(Lower *lower, Type type, int64_t number) {
    Expr *x = ex_new(lower, EX_NUMBER, type, false);
    x->number = (double)number;
    return x;
}

Expr *ex_var(Lower *lower, Var *var) {
    Expr *x = ex_new(lower, EX_VAR, var->type, var->lanes);
    x->var = var;
    return x;
}

Expr *ex_index(Lower *lower, Index index, Type type, bool lanes) {
    Expr *x = ex_new(lower, EX_INDEX, type, lanes);
    x->index = index;
    return x;
}

Expr *ex_load(Lower *lower, Array *array, Index index, bool lanes, Expr *part) {
    Type type = array->dtype == DT_FLOAT ? T_REAL : array->dtype == DT_I32 ? T_INT : T_MASK;
    Expr *x = ex_new(lower, EX_LOAD, type, lanes);
    x->array = array;
    x->index = index;
    x->part = lanes ? part : NULL;
    return x;
}

Expr *ex_lanes(Lower *lower, Expr *x) {
    if (x->lanes) return x;
    Expr *splat = ex_new(lower, EX_SPLAT, x->type, true);
    splat->arg_count = 1;
    splat->arg[0] = x;
    splat->depth = x->depth;
    return splat;
}

Expr *ex_apply(Lower *lower, Type type, const char *format, int count, Expr *const *args) {
    bool lanes = false;
    for (int i = 0; i < count; i++) lanes = lanes || args[i]->lanes;
    Expr *x = ex_new(lower, EX_APPLY, type, lanes);
    x->format = format;
    x->arg_count = count;
    for (int i = 0; i < count; i++) {
        x->arg[i] = lanes ? ex_lanes(lower, args[i]) : args[i];
        if (args[i]->depth > x->depth) x->depth = args[i]->depth;
    }
    return x;
}

Expr *ex_one(Lower *lower, const char *format, Expr *x) {
    return ex_apply(lower, T_REAL, format, 1, &x);
}

Expr *ex_two(Lower *lower, const char *format, Expr *a, Expr *b) {
    Expr *both[2] = {a, b};
    return ex_apply(lower, T_REAL, format, 2, both);
}

static bool taken(const Lower *lower, const char *name) {
    for (int i = 0; i < lower->taken.count; i++)
        if (strcmp(lower->taken.at[i], name) == 0) return true;
    return false;
}

/* The kernel's buffers keep their names; values give way. */
static bool reserved(const Lower *lower, const char *name) {
    for (int i = 0; i < lower->reserved.count; i++)
        if (strcmp(lower->reserved.at[i], name) == 0) return true;
    return false;
}

/* A C identifier like `wanted` that nothing else in the function has. */
static const char *unique_name(Lower *lower, const char *wanted, bool array) {
    char *base = arena_strndup(lower->arena, wanted, strlen(wanted));
    for (char *at = base; *at; at++)
        if (!isalnum((unsigned char)*at)) *at = '_';
    if (c_word(arena_printf(lower->arena, "%s_2", base))) base = arena_printf(lower->arena, "v_%s", base); /* tg_sum */
    const char *name = base;
    for (int number = 2; taken(lower, name) || c_word(name) || (!array && reserved(lower, name)); number++)
        name = arena_printf(lower->arena, "%s_%d", base, number);
    vec_push(lower->arena, &lower->taken, name);
    return name;
}

static const char *fresh_name(Lower *lower, const char *wanted) {
    return unique_name(lower, wanted, false);
}

Expr *ex_block_end(Lower *lower, Expr *from, int64_t length, int64_t all, bool whole) {
    Expr *sum[2] = {from, ex_int(lower, T_INDEX, length)}, *end = ex_apply(lower, T_INDEX, "%0 + %1", 2, sum);
    Expr *choice[4] = {from, ex_int(lower, T_INDEX, all - length), end, ex_int(lower, T_INDEX, all)};
    return whole ? end : ex_apply(lower, T_INDEX, "%0 < %1 ? %2 : %3", 4, choice);
}

Var *var_new(Lower *lower, const char *name, Type type, bool lanes) {
    Var *var = NEW(lower->arena, Var);
    *var = (Var){.name = fresh_name(lower, name), .word = name, .type = type, .lanes = lanes};
    return var;
}

Index index_of(Lower *lower, int64_t constant) {
    (void)lower;
    return (Index){.constant = constant};
}

void index_add(Lower *lower, Index *index, Var *var, int64_t scale) {
    if (scale == 0) return;
    Term term = {var, scale};
    vec_push(lower->arena, &index->terms, term);
}

static Stmt *st_new(Lower *lower, StmtKind kind) {
    Stmt *stmt = NEW(lower->arena, Stmt);
    stmt->kind = kind;
    return stmt;
}

void st_put(Lower *lower, Block *in, Stmt *stmt) {
    vec_push(lower->arena, &in->stmts, stmt);
}

void set_blocks(Lower *lower, int from, Block *block) {
    for (int depth = from; depth <= lower->axes.count; depth++) lower->block[depth] = block;
}

static Stmt *st_add(Lower *lower, Block *in, StmtKind kind) {
    Stmt *stmt = st_new(lower, kind);
    st_put(lower, in, stmt);
    return stmt;
}

Stmt *st_for(Lower *lower, LoopKind kind, Var *var, Expr *from, Expr *to, int64_t step) {
    Stmt *stmt = st_new(lower, ST_FOR);
    stmt->loop = kind;
    stmt->var = var;
    stmt->from = from;
    stmt->to = to;
    stmt->step = step;
    return stmt;
}

Stmt *st_count(Lower *lower, const char *name, Expr *from, Expr *to, int64_t step) {
    return st_for(lower, step > 1 ? LOOP_LANES : LOOP_SERIAL, var_new(lower, name, T_INDEX, false), from, to, step);
}

static Var *st_define(Lower *lower, Block *in, StmtKind kind, const char *name, Expr *value) {
    Stmt *stmt = st_add(lower, in, kind);
    stmt->var = var_new(lower, name, value->type, value->lanes);
    stmt->value = value;
    return stmt->var;
}

Var *st_let(Lower *lower, Block *in, const char *name, Expr *value) {
    return st_define(lower, in, ST_LET, name, value);
}

Var *st_var(Lower *lower, Block *in, const char *name, Expr *value) {
    return st_define(lower, in, ST_VAR, name, value);
}

void st_set(Lower *lower, Block *in, Var *var, Expr *value) {
    Stmt *stmt = st_add(lower, in, ST_SET);
    stmt->var = var;
    stmt->value = value;
}

static Stmt *store_new(Lower *lower, Block *in, Array *array, Index index, Expr *value) {
    Stmt *stmt = st_add(lower, in, ST_STORE);
    stmt->array = array;
    stmt->index = index;
    stmt->value = value;
    return stmt;
}

void st_store(Lower *lower, Block *in, Array *array, Index index, Expr *value, Expr *part) {
    store_new(lower, in, array, index, value)->part = value->lanes ? part : NULL;
}

void st_stream(Lower *lower, Block *in, Array *array, Index index, Expr *value) {
    store_new(lower, in, array, index, value)->stream = true;
    lower->function->streams = true;
}

Array *st_array(Lower *lower, Block *in, const char *name, DType dtype, int64_t count) {
    Array *array = NEW(lower->arena, Array);
    *array = (Array){.name = fresh_name(lower, name), .word = name, .dtype = dtype, .count = count, .written = true};
    vec_push(lower->arena, &lower->function->locals, array);
    st_add(lower, in, ST_ARRAY)->array = array;
    return array;
}

void st_prefetch(Lower *lower, Block *in, Array *array, Index index) {
    Expr *place = ex_load(lower, array, index, false, NULL);
    st_call(lower, in, "tg_prefetch(&%0)", 1, &place);
}

void st_call(Lower *lower, Block *in, const char *format, int count, Expr *const *args) {
    Stmt *stmt = st_add(lower, in, ST_CALL);
    stmt->text = format;
    stmt->arg_count = count;
    for (int i = 0; i < count; i++) stmt->arg[i] = args[i];
}

void st_comment(Lower *lower, Block *in, const char *format, ...) {
    va_list arguments;
    char line[256];
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    st_add(lower, in, ST_COMMENT)->text = arena_strndup(lower->arena, line, strlen(line));
}

Stmt *st_if(Lower *lower, Expr *condition) {
    Stmt *stmt = NEW(lower->arena, Stmt);
    stmt->kind = ST_IF;
    stmt->value = condition;
    return stmt;
}

/* "W" for a place inside a flat group that parameter net.W lies in; else the buffer's own name. */
static const char *array_name(const Buffer *buffer, int64_t offset) {
    const Variable *variable = buffer->kind == BUF_VARIABLE ? buffer->variable : NULL;
    for (int i = 0; variable && i < variable->members.count; i++) {
        const Variable *member = variable->members.at[i];
        if (offset < member->offset || offset >= member->offset + shape_count(&member->shape)) continue;
        const char *dot = strrchr(member->path, '.');
        return dot ? dot + 1 : member->path;
    }
    return buffer->word ? buffer->word : buffer->name;
}

Array *array_of(Lower *lower, Buffer *buffer, int64_t offset, bool written) {
    Function *function = lower->function;
    for (int i = 0; i < function->arrays.count; i++) {
        Array *array = function->arrays.at[i];
        if (array->buffer != buffer || array->offset != offset) continue;
        array->written = array->written || written;
        return array;
    }
    Array *array = NEW(lower->arena, Array);
    bool whole = lower->kernel && lower->kernel->phase == PHASE_UPDATE;
    const char *word = whole && buffer->word ? buffer->word : array_name(buffer, offset);
    *array = (Array){.name = unique_name(lower, word, true), .word = word, .dtype = buffer->dtype, .buffer = buffer};
    array->offset = offset;
    array->written = written;
    vec_push(lower->arena, &function->arrays, array);
    return array;
}
