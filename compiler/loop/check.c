/* check.c: what must hold of a function before it is printed, and what it costs.
 *
 * In: a function of the loop language. Out: its counts of operations and bytes, and which elements each of its arrays
 * reaches; or the end of the program, with the pass to blame, unless all of this is proved:
 *
 *     each Var and local array is declared before its use, and no constant is set
 *     each index lies inside its buffer               for i in 0 … 63: i * 256 + 16, 16 wide, of 16 160 elements
 *     each element that is read was written           check_memory.c
 *     slices that run at the same time store apart    check_writes.c
 *     what is read and written in one kernel is so at the same element in the same turn
 *
 * The walk is symbolic: a loop is entered once, whatever its number of turns. An index that a tensor holds is known by
 * the tg_check_index that gave it; without one it is a violation, like everything else that can't be told. */
#include "loop/check.h"

#include <string.h>

/* ---- turns ---- */

static int64_t dim_count(const Dim *dim) {
    return dim->outer ? dim_count(dim->outer) * dim_count(dim->inner) : dim->high - dim->low + 1;
}

static double turns_of(const Checker *c) {
    double turns = 1;
    for (int i = 0; i < c->depth; i++) turns *= (double)dim_count(c->around[i].dim);
    return turns;
}

/* ---- loads and stores ---- */

static void check_declared(const Checker *c, const Array *array) {
    bool found = false;
    for (int i = 0; i < c->function->arrays.count; i++) found |= c->function->arrays.at[i] == array;
    for (int i = 0; i < c->locals.count; i++) found |= c->locals.at[i] == array;
    if (!found) fatal("lower", "%s: array %s is used before it is declared", c->function->name, array->name);
}

/* How many elements from the index on an access touches. */
static int64_t width_of(Checker *c, bool lanes, const Expr *part) {
    if (!lanes) return 1;
    if (!part) return c->lane_count;
    Affine width = index_value(c, part);
    if (!width.known || width.count || width.constant < 1 || width.constant > c->lane_count)
        fatal("lower", "%s: a part of a vector is not 1 to %d lanes", c->function->name, c->lane_count);
    return width.constant;
}

static int64_t scale_in(const Affine *sum, const Dim *dim) {
    for (int i = 0; i < sum->count; i++)
        if (sum->term[i].dim == dim) return sum->term[i].scale;
    return 0;
}

static void put_dim(Box *box, const Affine *sum, const Dim *dim) {
    if (dim->outer) {
        put_dim(box, sum, dim->outer);
        put_dim(box, sum, dim->inner);
        return;
    }
    if (box->count == 2 * MOST_DIMS) fatal("lower", "an index under more than %d loops", MOST_DIMS);
    box->side[box->count++] = (Side){dim, scale_in(sum, dim), dim->low, dim->high - dim->low + 1};
}

static Box box_of(const Checker *c, const Affine *sum, int64_t width) {
    Box box = {.constant = sum->constant, .width = width};
    for (int i = 0; i < c->depth; i++) put_dim(&box, sum, c->around[i].dim);
    for (int i = 0; i < sum->count; i++)
        if (sum->term[i].dim->kind == DIM_DATA) put_dim(&box, sum, sum->term[i].dim);
    return box;
}

static void check_bounds(const Checker *c, const Touch *touch) {
    const Array *array = touch->array;
    int64_t first, last, count = array->buffer ? array->buffer->count : array->count;
    box_hull(&touch->box, &first, &last);
    if (first < 0 || last >= count)
        fatal("lower", "%s: %s elements %lld … %lld of %s, which has %lld", c->function->name,
              touch->store ? "stores to" : "loads from", (long long)first, (long long)last, array->name,
              (long long)count);
}

/* `rows` rows of `stride` elements each, from the index on; 1 row but for blocks. They are inside the buffer. */
static Touch reach(Checker *c, const Array *array, const Index *index, int64_t width, int64_t rows, int64_t stride,
                   bool store) {
    check_declared(c, array);
    Affine sum = index_sum(c, index);
    if (!sum.known)
        fatal("lower", "%s: where it %s %s is not known to be in range", c->function->name,
              store ? "stores to" : "loads from", array->name);
    Touch made = {.array = array, .store = store, .box = box_of(c, &sum, width), .turns = turns_of(c)};
    if (array->buffer) made.box.constant += array->offset;
    if (rows > 1) made.box.side[made.box.count++] = (Side){NULL, stride, 0, rows};
    made.turns *= (double)rows;
    for (int i = 0; i < sum.count; i++) made.data |= sum.term[i].dim->kind == DIM_DATA;
    made.depth = c->depth;
    memcpy(made.around, c->around, sizeof made.around);
    check_bounds(c, &made);
    return made;
}

static void touch(Checker *c, const Array *array, const Index *index, int64_t width, int64_t rows, int64_t stride,
                  bool store) {
    if (c->pending.dim) return;
    Touch made = reach(c, array, index, width, rows, stride, store);
    if (!store) check_defined(c, &made), made.own = check_stored_before(c, &made);
    vec_push(c->arena, &c->touches, made);
}

/* ---- expressions ---- */

static void check_expr(Checker *c, const Expr *x, int64_t lanes) {
    switch (x->kind) {
    case EX_NUMBER:
        return;
    case EX_VAR:
        known_use(c, x->var);
        return;
    case EX_INDEX:
        index_sum(c, &x->index);
        return;
    case EX_LOAD:
        if (x->part) check_expr(c, x->part, 1);
        touch(c, x->array, &x->index, width_of(c, x->lanes, x->part), 1, 0, false);
        return;
    case EX_SPLAT:
        if (x->arg[0]->lanes) fatal("lower", "%s: lanes are splat again", c->function->name);
        check_expr(c, x->arg[0], 1);
        return;
    case EX_APPLY:
        for (int i = 0; i < x->arg_count; i++) {
            if (x->arg[i]->lanes != x->lanes && x->arg[i]->type != T_INDEX && x->lanes && x->type != T_REAL)
                fatal("lower", "%s: \"%s\" mixes lanes and singles", c->function->name, x->format);
            check_expr(c, x->arg[i], lanes);
        }
        if (x->type == T_REAL) c->flop += turns_of(c) * (double)(x->lanes ? lanes : 1) * operations_of(x->format);
        return;
    }
}

/* The lanes of a vector that count: fewer in a tail. */
static int64_t lanes_of(Checker *c, const Expr *value) {
    if (value->kind == EX_LOAD && value->part) return width_of(c, true, value->part);
    for (int i = 0; i < value->arg_count; i++) {
        int64_t lanes = lanes_of(c, value->arg[i]);
        if (lanes < c->lane_count) return lanes;
    }
    return c->lane_count;
}

/* ---- statements ---- */

static void check_block(Checker *c, const Block *block);

static void declare(Checker *c, const Var *var, Affine value, bool changes) {
    for (int i = 0; i < c->scope.count; i++)
        if (c->scope.at[i].var == var) fatal("lower", "%s: %s is declared twice", c->function->name, var->name);
    vec_push(c->arena, &c->scope, ((Known){var, value, changes}));
}

/* All turns of a loop; in parts where something in it holds for some of them only. */
static void walk(Checker *c, const Stmt *s, const Affine *from, Dim *dim) {
    int scope = c->scope.count, touches = c->touches.count;
    double flop = c->flop, products = c->products;
    Affine turn = affine_of(0), one = affine_of(0);
    one.count = 1, one.term[0].dim = dim, one.term[0].scale = 1;
    turn = affine_add(from, &one, s->step);
    if (c->depth == MOST_DIMS) fatal("lower", "%s: more than %d loops", c->function->name, MOST_DIMS);
    c->around[c->depth++] = (Turn){dim, ++c->walks};
    declare(c, s->var, turn, false);
    check_block(c, &s->body);
    c->depth--;
    c->scope.count = scope;
    Pending pending = c->pending;
    if (!pending.dim || pending.dim->root != dim) return;
    c->pending = (Pending){0};
    c->touches.count = touches;
    c->flop = flop, c->products = products;
    if (pending.again) {
        walk(c, s, from, dim);
        return;
    }
    Dim *leaf = pending.dim, before = *leaf;
    leaf->high = pending.at - 1;
    walk(c, s, from, dim);
    *leaf = before;
    if (c->pending.dim) return;
    leaf->low = pending.at;
    walk(c, s, from, dim);
    *leaf = before;
}

static void check_for(Checker *c, const Stmt *s) {
    bool grid = s->loop == LOOP_SLICE;
    Affine from = affine_of(0), to = affine_of(c->function->slices);
    if (s->step <= 0) fatal("lower", "%s: loop %s does not go on", c->function->name, s->var->name);
    if (!grid && s->from) check_expr(c, s->from, 1), from = index_value(c, s->from);
    if (!grid) check_expr(c, s->to, 1), to = index_value(c, s->to);
    Affine length = affine_add(&to, &from, -1);
    if (c->pending.dim) return;
    if (!length.known) fatal("lower", "%s: the ends of loop %s are not known", c->function->name, s->var->name);
    if (length.count) {
        index_split(c, &length);
        return;
    }
    int64_t turns = (length.constant + s->step - 1) / s->step;
    if (length.constant <= 0) return; /* nothing inside runs */
    Dim *dim = NEW(c->arena, Dim);
    *dim = (Dim){.kind = grid ? DIM_SLICE : DIM_LOOP, .high = turns - 1, .root = dim};
    walk(c, s, &from, dim);
}

static void check_store(Checker *c, const Stmt *s) {
    int64_t limit = 0;
    if (s->part) check_expr(c, s->part, 1);
    int64_t width = width_of(c, s->value->lanes, s->part);
    check_expr(c, s->value, width);
    if (s->array->buffer && !s->array->written)
        fatal("lower", "%s: stores to %s, which is read only", c->function->name, s->array->name);
    touch(c, s->array, &s->index, width, 1, 0, true);
    if (s->array->buffer && s->value->type == T_INT && !c->pending.dim) {
        Affine value = index_value(c, s->value);
        int64_t low = -1, high = -1;
        if (value.known) affine_range(&value, &low, &high), limit = high + 1;
        memory_stores_value(c, s->array, low >= 0, limit);
    }
}

static bool is_multiply_add(const Stmt *s) {
    const Expr *x = s->value;
    return x->kind == EX_APPLY && x->type == T_REAL && !strcmp(x->format, "%0 + %1 * %2") &&
           x->arg[0]->kind == EX_VAR && x->arg[0]->var == s->var;
}

static void check_set(Checker *c, const Stmt *s) {
    const Known *known = known_use(c, s->var);
    check_expr(c, s->value, lanes_of(c, s->value));
    if (!known->var || !known->changes) fatal("lower", "%s: %s is set but constant", c->function->name, s->var->name);
    if (s->value->lanes != s->var->lanes)
        fatal("lower", "%s: %s is set to a value of another width", c->function->name, s->var->name);
    if (is_multiply_add(s)) c->products += turns_of(c) * (double)(s->value->lanes ? lanes_of(c, s->value) : 1);
}

/* A block of LANES rows and columns changes places: the only call that touches memory. */
static void check_call(Checker *c, const Stmt *s) {
    if (!strcmp(s->text, "tg_stream_end()")) return;
    if (!strcmp(s->text, "tg_prefetch_l2(&%0)")) return; /* may point past the last row */
    if (!strcmp(s->text, "tg_prefetch(&%0)")) {          /* a hint, which reads nothing */
        if (!c->pending.dim) reach(c, s->arg[0]->array, &s->arg[0]->index, 1, 1, 0, false);
        return;
    }
    if (strcmp(s->text, "tg_transpose_block(&%0, %1, &%2, %3)") != 0 &&
        strcmp(s->text, "tg_transpose_stream(&%0, %1, &%2, %3)") != 0)
        fatal("lower", "%s: what %s touches is not known", c->function->name, s->text);
    const Expr *from = s->arg[0], *to = s->arg[2];
    int64_t lanes = c->lane_count;
    if (!to->array->written) fatal("lower", "%s: stores to %s, which is read only", c->function->name, to->array->name);
    touch(c, from->array, &from->index, lanes, lanes, (int64_t)s->arg[1]->number, false);
    touch(c, to->array, &to->index, lanes, lanes, (int64_t)s->arg[3]->number, true);
}

static void check_inside(Checker *c, const Block *block) {
    int scope = c->scope.count, locals = c->locals.count;
    check_block(c, block);
    c->scope.count = scope;
    c->locals.count = locals;
}

static void check_if(Checker *c, const Stmt *s) {
    check_expr(c, s->value, 1);
    int holds = index_holds(c, s->value);
    if (holds == -2) fatal("lower", "%s: when an if holds is not known", c->function->name);
    if (holds == 1) check_inside(c, &s->body);
}

static void check_statement(Checker *c, const Stmt *s) {
    static const Affine nothing;
    switch (s->kind) {
    case ST_FOR:
        check_for(c, s);
        break;
    case ST_LET:
    case ST_VAR:
        check_expr(c, s->value, lanes_of(c, s->value));
        declare(c, s->var, s->kind == ST_LET ? index_value(c, s->value) : nothing, s->kind == ST_VAR);
        break;
    case ST_SET:
        check_set(c, s);
        break;
    case ST_ARRAY:
        vec_push(c->arena, &c->locals, s->array);
        break;
    case ST_STORE:
        check_store(c, s);
        break;
    case ST_CALL:
        check_call(c, s);
        break;
    case ST_IF:
        check_if(c, s);
        break;
    case ST_BLOCK:
        check_inside(c, &s->body);
        break;
    case ST_COMMENT:
    case ST_BLANK:
        break;
    }
}

static void check_block(Checker *c, const Block *block) {
    int scope = c->scope.count, locals = c->locals.count;
    for (int i = 0; i < block->stmts.count && !c->pending.dim; i++) check_statement(c, block->stmts.at[i]);
    c->scope.count = scope;
    c->locals.count = locals;
}

/* Which elements of its buffer each array reaches. */
static void note_spans(const Checker *c, Function *function) {
    int64_t first, last;
    for (int i = 0; i < function->arrays.count; i++) {
        Array *array = function->arrays.at[i];
        array->first = 0, array->last = -1;
        for (int j = 0; j < c->touches.count; j++) {
            if (c->touches.at[j].array != array) continue;
            box_hull(&c->touches.at[j].box, &first, &last);
            if (array->last < array->first) array->first = first, array->last = last;
            if (first < array->first) array->first = first;
            if (last > array->last) array->last = last;
        }
    }
}

static void check_function(Function *function, Memory *memory, int lane_count, bool f64) {
    Checker c = {.arena = arena_new(), .function = function, .memory = memory, .lane_count = lane_count};
    c.float_bytes = f64 ? 8 : 4;
    if (function->slices < 0 || function->slices > INT32_MAX)
        fatal("lower", "%s: %lld slices", function->name, (long long)function->slices);
    check_block(&c, &function->body);
    check_apart(&c);
    check_turns(&c);
    function->flop = c.flop;
    function->products = c.products;
    function->bytes = count_bytes(&c);
    note_spans(&c, function);
    memory_after(&c);
    arena_free(c.arena);
}

void loop_check(Function *function, int lane_count, bool f64) {
    check_function(function, NULL, lane_count, f64);
}

void loop_check_program(const Program *program, int lane_count, bool f64) {
    Arena *arena = arena_new();
    Memory *memory = memory_new(arena, program->schedule);
    for (int i = 0; i < program->functions.count; i++)
        check_function(program->functions.at[i], memory, lane_count, f64);
    memory_end(memory);
    arena_free(arena);
}
