/* check.c: what must hold of a function before it is printed, and what it costs.
 *
 * Every shape is a constant, so an index is an interval: for i in 0 … 63, i * 256 + 16 over 16 lanes touches elements
 * 16 … 16159 of its array, and they must lie in it. Checked as well: every Var and local array is declared before it is
 * used, lanes meet lanes, and slices that run at the same time don't store to one element. An index that a tensor holds
 * (a token's row) is known to be in range by the check_range kernel before; only the rest of its address is checked.
 *
 * Counted: arithmetic operations, a multiply-add as two, and the bytes of distinct elements read and written. */
#include "loop/loop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Range { /* low, low + unit, low + 2 * unit … but at most high */
    bool known;        /* false: it depends on what a tensor holds */
    int64_t low, high;
    int64_t unit; /* 0: low alone */
} Range;

typedef struct Known { /* a Var in scope */
    const Var *var;
    Range range;
    uint64_t slices; /* which digits of the slice's number it differs by; all bits: by the number itself */
    bool changes;    /* may be set */
} Known;

typedef struct Touched { /* elements of an array */
    const Array *array;
    double loads, stores;
    Range load, store;
} Touched;

typedef struct Checker {
    Arena *arena;
    const Function *function;
    int lane_count;
    size_t float_bytes;
    VEC(Known) scope;
    VEC(const Array *) locals;
    VEC(Touched) touched;
    const Var *slice;   /* the number of the slice, inside its loop */
    int64_t digits[64]; /* the extents of what is taken from it by / and % */
    int digit_count;
    double turns; /* how often the statement at hand runs */
    double flop;
    bool guarded; /* inside an if */
} Checker;

static Range exactly(int64_t number) {
    return (Range){true, number, number, 0};
}

static int64_t common_unit(int64_t a, int64_t b) {
    a = llabs(a), b = llabs(b);
    while (b) {
        int64_t rest = a % b;
        a = b, b = rest;
    }
    return a;
}

/* The range whose highest value is one that it takes. */
static Range trimmed(Range range) {
    if (range.unit > 1 && range.high > range.low) range.high -= (range.high - range.low) % range.unit;
    return range;
}

static const Known *known_of(const Checker *c, const Var *var) {
    for (int i = c->scope.count - 1; i >= 0; i--)
        if (c->scope.at[i].var == var) return &c->scope.at[i];
    return NULL;
}

static bool is_scalar(const Checker *c, const Var *var) {
    for (int i = 0; i < c->function->scalars.count; i++)
        if (!strcmp(c->function->scalars.at[i], var->name)) return true;
    return false;
}

static const Known *use(const Checker *c, const Var *var) {
    static const Known scalar = {.range = {.unit = 1}};
    const Known *known = known_of(c, var);
    if (known) return known;
    if (is_scalar(c, var)) return &scalar;
    fatal("lower", "%s: %s is used before it is declared", c->function->name, var->name);
}

/* ---- intervals ---- */

static Range index_range(const Checker *c, const Index *index) {
    Range range = exactly(index->constant);
    for (int i = 0; i < index->terms.count; i++) {
        const Term *term = &index->terms.at[i];
        Range of = use(c, term->var)->range;
        if (!of.known) {
            range.known = false; /* the rest is kept: it must be in range by itself */
            continue;
        }
        int64_t a = of.low * term->scale, b = of.high * term->scale;
        range.low += a < b ? a : b;
        range.high += a < b ? b : a;
        range.unit = common_unit(range.unit, of.unit * term->scale);
    }
    return range;
}

static const Range unknown = {false, 0, 0, 1};

static int64_t constant_unit(Range a, Range b) {
    int64_t unit = b.low == b.high ? common_unit(common_unit(a.unit, a.low), b.low) : 1;
    return unit > 0 ? unit : 1;
}

/* a % b: multiples of what divides a's steps and b. */
static Range remainder_range(Range a, Range b) {
    int64_t unit = constant_unit(a, b), most = b.high - unit;
    return (Range){true, 0, a.high < most ? a.high : most, unit};
}

static Range combine(const char *format, Range a, Range b) {
    if (!a.known || !b.known) return unknown;
    bool natural = a.low >= 0 && b.low >= 0, constant = b.low == b.high;
    if (!strcmp(format, "%0 + %1")) return (Range){true, a.low + b.low, a.high + b.high, common_unit(a.unit, b.unit)};
    if (!strcmp(format, "%0 - %1")) return (Range){true, a.low - b.high, a.high - b.low, b.unit ? 1 : a.unit};
    if (!strcmp(format, "%0 * %1") && natural)
        return (Range){true, a.low * b.low, a.high * b.high, constant ? a.unit * b.low : 1};
    if (!strcmp(format, "%0 / %1") && natural && b.low > 0) return (Range){true, a.low / b.high, a.high / b.low, 1};
    if (!strcmp(format, "%0 % %1") && natural && b.low > 0) return remainder_range(a, b);
    return unknown;
}

static Range range_of(const Checker *c, const Expr *x);

/* a < b ? c : d, with the bound known to hold in c where c is a + something. */
static Range choice_range(const Checker *c, const Expr *x) {
    Range a = range_of(c, x->arg[0]), b = range_of(c, x->arg[1]);
    Range then = range_of(c, x->arg[2]), otherwise = range_of(c, x->arg[3]);
    if (!a.known || !b.known || !then.known || !otherwise.known) return unknown;
    const Expr *sum = x->arg[2];
    bool on_a = sum->kind == EX_APPLY && !strcmp(sum->format, "%0 + %1") && sum->arg[0]->kind == EX_VAR &&
                x->arg[0]->kind == EX_VAR && sum->arg[0]->var == x->arg[0]->var;
    if (on_a) {
        int64_t high = b.high - 1 + range_of(c, sum->arg[1]).high;
        if (high < then.high) then.high = high;
    }
    int64_t unit = common_unit(common_unit(then.unit, otherwise.unit), then.low - otherwise.low);
    return (Range){true, then.low < otherwise.low ? then.low : otherwise.low,
                   then.high > otherwise.high ? then.high : otherwise.high, unit};
}

static Range range_of(const Checker *c, const Expr *x) {
    switch (x->kind) {
    case EX_NUMBER:
        return fabs(x->number) < 0x1p53 ? exactly((int64_t)x->number) : unknown;
    case EX_VAR:
        return use(c, x->var)->range;
    case EX_INDEX:
        return index_range(c, &x->index);
    case EX_APPLY:
        if (x->arg_count == 2) return combine(x->format, range_of(c, x->arg[0]), range_of(c, x->arg[1]));
        if (x->arg_count == 4 && !strcmp(x->format, "%0 < %1 ? %2 : %3")) return choice_range(c, x);
        break;
    default:
        break;
    }
    return unknown;
}

/* ---- which values differ between slices ---- */

static uint64_t index_slices(const Checker *c, const Index *index) {
    uint64_t slices = 0;
    for (int i = 0; i < index->terms.count; i++) slices |= use(c, index->terms.at[i].var)->slices;
    return slices;
}

static uint64_t expr_slices(const Checker *c, const Expr *x) {
    if (!x) return 0;
    if (x->kind == EX_VAR) return use(c, x->var)->slices;
    uint64_t slices = x->kind == EX_INDEX || x->kind == EX_LOAD ? index_slices(c, &x->index) : 0;
    for (int i = 0; i < x->arg_count; i++) slices |= expr_slices(c, x->arg[i]);
    return slices;
}

/* A let of s / 4 or s % 4 takes a digit out of the slice's number. */
static uint64_t let_slices(Checker *c, const Expr *x) {
    uint64_t slices = expr_slices(c, x);
    bool divides = x->kind == EX_APPLY && (!strcmp(x->format, "%0 / %1") || !strcmp(x->format, "%0 % %1"));
    Range range = range_of(c, x);
    if (slices != UINT64_MAX || !divides || !range.known || c->digit_count >= 63) return slices;
    c->digits[c->digit_count] = range.high - range.low + 1;
    return (uint64_t)1 << c->digit_count++;
}

/* ---- memory ---- */

static int64_t room_below(const Array *array) {
    return array->buffer ? array->offset : 0;
}

static int64_t room_above(const Array *array) {
    return array->buffer ? array->buffer->count - array->offset : array->count;
}

static Touched *touched_of(Checker *c, const Array *array) {
    for (int i = 0; i < c->touched.count; i++)
        if (c->touched.at[i].array == array) return &c->touched.at[i];
    vec_push(c->arena, &c->touched, ((Touched){.array = array}));
    return &c->touched.at[c->touched.count - 1];
}

static void widen(Range *range, Range by, bool first) {
    if (first || by.low < range->low) range->low = by.low;
    if (first || by.high > range->high) range->high = by.high;
}

static void check_declared(const Checker *c, const Array *array) {
    bool found = false;
    for (int i = 0; i < c->function->arrays.count; i++) found |= c->function->arrays.at[i] == array;
    for (int i = 0; i < c->locals.count; i++) found |= c->locals.at[i] == array;
    if (!found) fatal("lower", "%s: array %s is used before it is declared", c->function->name, array->name);
}

/* How many elements from the index on an access touches. */
static int64_t width_of(const Checker *c, bool lanes, const Expr *part) {
    if (!lanes) return 1;
    if (!part) return c->lane_count;
    Range range = range_of(c, part);
    return range.known && range.low == range.high ? range.high : 1;
}

static void touch(Checker *c, const Array *array, const Index *index, bool lanes, const Expr *part, bool store) {
    check_declared(c, array);
    Range range = trimmed(index_range(c, index));
    int64_t width = width_of(c, lanes, part);
    range.high += width - 1;
    if (range.low < -room_below(array) || range.high >= room_above(array))
        fatal("lower", "%s: %s %s[%lld … %lld], which has elements %lld … %lld", c->function->name,
              store ? "stores to" : "loads from", array->name, (long long)range.low, (long long)range.high,
              (long long)-room_below(array), (long long)room_above(array) - 1);
    if (!array->buffer) return;
    if (!range.known) range = (Range){true, -room_below(array), room_above(array) - 1, 1};
    Touched *touched = touched_of(c, array);
    double elements = c->turns * (double)width;
    widen(store ? &touched->store : &touched->load, range, (store ? touched->stores : touched->loads) == 0);
    if (store)
        touched->stores += elements;
    else
        touched->loads += elements;
}

/* Slices run at the same time: a store must lie elsewhere in each, so its index differs by as many digits of the
 * slice's number as there are. Blocks of a loop differ by the loop's bounds. */
static void check_disjoint(const Checker *c, const Stmt *s) {
    if (!s->array->buffer || c->guarded || !c->slice) return;
    uint64_t slices = index_slices(c, &s->index);
    if (slices == UINT64_MAX) return;
    int64_t told = 1;
    for (int i = 0; i < c->digit_count; i++)
        if (slices >> i & 1) told *= c->digits[i];
    if (told < c->function->slices)
        fatal("lower", "%s: of %lld slices only %lld store apart in %s", c->function->name,
              (long long)c->function->slices, (long long)told, s->array->name);
}

/* ---- expressions ---- */

/* Arithmetic operations of a format: its operators between operands, and one for a function of the mathematics. */
static int operations_of(const char *format) {
    static const char *const moves[] = {"tg_select(", "tg_not(", "tg_to_", "tg_splat",
                                        "tg_mask_",   "tg_load", "tg_any("};
    int count = 0;
    for (const char *at = format; *at; at++) {
        bool between = at > format && at[-1] == ' ' && at[1] == ' ';
        if (between && strchr("+-*/", *at)) count++;
    }
    if (count || strncmp(format, "tg_", 3) != 0) return format[0] == '-' ? count + 1 : count;
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
        if (!strncmp(format, moves[i], strlen(moves[i]))) return 0;
    return 1;
}

static void check_expr(Checker *c, const Expr *x, int64_t lanes) {
    switch (x->kind) {
    case EX_NUMBER:
        return;
    case EX_VAR:
        use(c, x->var);
        return;
    case EX_INDEX:
        index_range(c, &x->index);
        return;
    case EX_LOAD:
        if (x->part) check_expr(c, x->part, 1);
        touch(c, x->array, &x->index, x->lanes, x->part, false);
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
        if (x->type == T_REAL) c->flop += c->turns * (double)(x->lanes ? lanes : 1) * operations_of(x->format);
        return;
    }
}

/* ---- statements ---- */

static void check_block(Checker *c, const Block *block);

static void declare(Checker *c, const Var *var, Range range, uint64_t slices, bool changes) {
    if (known_of(c, var)) fatal("lower", "%s: %s is declared twice", c->function->name, var->name);
    vec_push(c->arena, &c->scope, ((Known){var, range, slices, changes}));
}

static void check_for(Checker *c, const Stmt *s) {
    Range from = exactly(0), to;
    if (s->step <= 0) fatal("lower", "%s: loop %s does not go on", c->function->name, s->var->name);
    if (s->loop == LOOP_SLICE) {
        to = exactly(c->function->slices);
    } else {
        if (s->from) check_expr(c, s->from, 1), from = range_of(c, s->from);
        check_expr(c, s->to, 1), to = range_of(c, s->to);
    }
    Range range = {from.known && to.known, from.low, to.high - 1, common_unit(from.unit, s->step)};
    range = trimmed(range);
    int64_t turns = 1;
    if (range.known) {
        int64_t length = to.high - from.low; /* of blocks that each slice has one of: the longest */
        if (!from.unit || to.high - from.high >= length || !s->to) {
            turns = length > 0 ? (length + s->step - 1) / s->step : 0;
        } else {
            int64_t first = to.low - from.low;
            turns = first > 0 ? (first + s->step - 1) / s->step : 1;
        }
    }
    if (turns == 0) return; /* nothing inside runs */
    double before = c->turns;
    int scope = c->scope.count;
    bool grid = s->loop == LOOP_SLICE;
    declare(c, s->var, range, grid ? UINT64_MAX : expr_slices(c, s->from) | expr_slices(c, s->to), false);
    if (grid) c->slice = s->var;
    c->turns *= (double)turns;
    check_block(c, &s->body);
    if (grid) c->slice = NULL, c->digit_count = 0;
    c->turns = before;
    c->scope.count = scope;
}

/* The lanes of a vector that count: fewer in a tail. */
static int64_t lanes_of(const Checker *c, const Expr *value) {
    if (value->kind == EX_LOAD && value->part) return width_of(c, true, value->part);
    for (int i = 0; i < value->arg_count; i++) {
        int64_t lanes = lanes_of(c, value->arg[i]);
        if (lanes < c->lane_count) return lanes;
    }
    return c->lane_count;
}

static void check_store(Checker *c, const Stmt *s) {
    if (s->part) check_expr(c, s->part, 1);
    int64_t width = width_of(c, s->value->lanes, s->part);
    check_expr(c, s->value, width);
    if (s->array->buffer && !s->array->written)
        fatal("lower", "%s: stores to %s, which is read only", c->function->name, s->array->name);
    touch(c, s->array, &s->index, s->value->lanes, s->part, true);
    check_disjoint(c, s);
}

static void check_set(Checker *c, const Stmt *s) {
    const Known *known = use(c, s->var);
    check_expr(c, s->value, lanes_of(c, s->value));
    if (!known->var || !known->changes) fatal("lower", "%s: %s is set but constant", c->function->name, s->var->name);
    if (s->value->lanes != s->var->lanes)
        fatal("lower", "%s: %s is set to a value of another width", c->function->name, s->var->name);
}

/* Inside `if (v < n)` and `if (v == n)` the range of v is smaller. */
static void narrow(Checker *c, const Expr *condition) {
    if (!condition || condition->kind != EX_APPLY || condition->arg_count != 2) return;
    if (condition->arg[0]->kind != EX_VAR) return;
    const Known *known = known_of(c, condition->arg[0]->var);
    Range bound = range_of(c, condition->arg[1]);
    if (!known || !known->range.known || !bound.known) return;
    Known inside = *known;
    if (!strcmp(condition->format, "%0 == %1") && bound.low == bound.high)
        inside.range = bound;
    else if (!strcmp(condition->format, "%0 < %1") && bound.high - 1 < inside.range.high)
        inside.range.high = bound.high - 1;
    inside.range = trimmed(inside.range);
    vec_push(c->arena, &c->scope, inside);
}

static void check_inside(Checker *c, const Block *block, const Expr *condition) {
    int scope = c->scope.count, locals = c->locals.count;
    bool before = c->guarded;
    narrow(c, condition);
    c->guarded = before || condition;
    check_block(c, block);
    c->guarded = before;
    c->scope.count = scope;
    c->locals.count = locals;
}

static void check_statement(Checker *c, const Stmt *s) {
    switch (s->kind) {
    case ST_FOR:
        check_for(c, s);
        break;
    case ST_LET:
    case ST_VAR:
        check_expr(c, s->value, lanes_of(c, s->value));
        declare(c, s->var, s->kind == ST_LET ? range_of(c, s->value) : unknown, let_slices(c, s->value),
                s->kind == ST_VAR);
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
        for (int i = 0; i < s->arg_count; i++) check_expr(c, s->arg[i], 1);
        break;
    case ST_IF:
        check_expr(c, s->value, 1);
        check_inside(c, &s->body, s->value);
        break;
    case ST_BLOCK:
        check_inside(c, &s->body, NULL);
        break;
    case ST_COMMENT:
    case ST_BLANK:
        break;
    }
}

static void check_block(Checker *c, const Block *block) {
    int scope = c->scope.count, locals = c->locals.count;
    for (int i = 0; i < block->stmts.count; i++) check_statement(c, block->stmts.at[i]);
    c->scope.count = scope;
    c->locals.count = locals;
}

/* ---- the sums ---- */

static double bytes_of(const Checker *c, const Touched *touched) {
    DType dtype = touched->array->dtype;
    double unit = dtype == DT_FLOAT ? (double)c->float_bytes : dtype == DT_I32 ? 4 : 1;
    double load = (double)(touched->load.high - touched->load.low + 1);
    double store = (double)(touched->store.high - touched->store.low + 1);
    double bytes = 0;
    if (touched->loads > 0) bytes += touched->loads < load ? touched->loads : load;
    if (touched->stores > 0) bytes += touched->stores < store ? touched->stores : store;
    return bytes * unit;
}

void loop_check(Function *function, int lane_count, bool f64) {
    Checker c = {.arena = arena_new(), .function = function, .lane_count = lane_count, .turns = 1};
    c.float_bytes = f64 ? 8 : 4;
    if (function->slices < 0 || function->slices > INT32_MAX)
        fatal("lower", "%s: %lld slices", function->name, (long long)function->slices);
    check_block(&c, &function->body);
    function->flop = c.flop;
    function->bytes = 0;
    for (int i = 0; i < c.touched.count; i++) function->bytes += bytes_of(&c, &c.touched.at[i]);
    arena_free(c.arena);
}
