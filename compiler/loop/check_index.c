/* check_index.c: what an index is worth, as a sum of dims.
 *
 * In: an index or a condition of the loop language and the Vars in scope. Out: an Affine. s / 4 and s % 4 take s
 * apart into two dims; what holds for a part of a dim alone asks for the dim to be walked in parts:
 *
 *     s in 0 … 12, if (s < 12) { … }       s in 0 … 11, then s = 12 */
#include "loop/check.h"

#include <stdlib.h>
#include <string.h>

static const Affine unknown;

Affine affine_of(int64_t constant) {
    return (Affine){.known = true, .constant = constant};
}

static void add_term(Affine *a, Dim *dim, int64_t scale) {
    if (scale == 0) return;
    if (dim->outer) { /* its digits stand for it */
        add_term(a, dim->outer, scale * dim->unit);
        add_term(a, dim->inner, scale);
        return;
    }
    if (dim->low == dim->high) {
        a->constant += scale * dim->low;
        return;
    }
    for (int i = 0; i < a->count; i++)
        if (a->term[i].dim == dim) {
            a->term[i].scale += scale;
            if (a->term[i].scale == 0) a->term[i] = a->term[--a->count];
            return;
        }
    if (a->count == MOST_DIMS) fatal("lower", "an index of more than %d parts", MOST_DIMS);
    a->term[a->count].dim = dim;
    a->term[a->count++].scale = scale;
}

Affine affine_add(const Affine *a, const Affine *b, int64_t scale) {
    if (!a->known || !b->known) return unknown;
    Affine sum = affine_of(a->constant + b->constant * scale);
    for (int i = 0; i < a->count; i++) add_term(&sum, a->term[i].dim, a->term[i].scale);
    for (int i = 0; i < b->count; i++) add_term(&sum, b->term[i].dim, b->term[i].scale * scale);
    return sum;
}

void affine_range(const Affine *a, int64_t *low, int64_t *high) {
    *low = *high = a->constant;
    for (int i = 0; i < a->count; i++) {
        int64_t x = a->term[i].scale * a->term[i].dim->low, y = a->term[i].scale * a->term[i].dim->high;
        *low += x < y ? x : y;
        *high += x < y ? y : x;
    }
}

const Known *known_use(const Checker *c, const Var *var) {
    static const Known scalar;
    for (int i = c->scope.count - 1; i >= 0; i--)
        if (c->scope.at[i].var == var) return &c->scope.at[i];
    for (int i = 0; i < c->function->scalars.count; i++)
        if (!strcmp(c->function->scalars.at[i], var->name)) return &scalar;
    fatal("lower", "%s: %s is used before it is declared", c->function->name, var->name);
}

/* ---- parts of a dim ---- */

static void leave(Checker *c, Dim *dim, int64_t at, bool again) {
    if (c->pending.dim) return;
    if (dim->kind == DIM_DATA) fatal("lower", "%s: what runs depends on what a tensor holds", c->function->name);
    if (++c->splits > 4096) fatal("lower", "%s: a loop in more than 4096 parts", c->function->name);
    c->pending = (Pending){dim, at, again};
}

void index_split(Checker *c, const Affine *sum) {
    Dim *widest = sum->term[0].dim;
    int64_t most = -1;
    for (int i = 0; i < sum->count; i++) {
        int64_t spread = llabs(sum->term[i].scale) * (sum->term[i].dim->high - sum->term[i].dim->low);
        if (spread > most) most = spread, widest = sum->term[i].dim;
    }
    leave(c, widest, widest->low + (widest->high - widest->low + 1) / 2, false);
}

static int64_t floor_of(int64_t a, int64_t b) { /* a / b toward minus infinity, b > 0 */
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/* d < 0 */
static int is_negative(Checker *c, const Affine *d) {
    int64_t low, high;
    affine_range(d, &low, &high);
    if (high < 0 || low >= 0) return high < 0;
    if (d->count > 1) {
        index_split(c, d);
        return -1;
    }
    int64_t scale = d->term[0].scale; /* the first value at which it is, or no longer is */
    int64_t at = scale > 0 ? -floor_of(d->constant, scale) : floor_of(d->constant, -scale) + 1;
    leave(c, d->term[0].dim, at, false);
    return -1;
}

/* d == 0 */
static int is_zero(Checker *c, const Affine *d) {
    int64_t low, high;
    affine_range(d, &low, &high);
    if (low > 0 || high < 0 || (low == 0 && high == 0)) return low == 0 && high == 0;
    if (d->count > 1) {
        index_split(c, d);
        return -1;
    }
    int64_t scale = d->term[0].scale;
    if (d->constant % scale != 0) return 0;
    int64_t at = -d->constant / scale;
    leave(c, d->term[0].dim, at > d->term[0].dim->low ? at : at + 1, false);
    return -1;
}

int index_holds(Checker *c, const Expr *x) {
    if (x->kind != EX_APPLY || x->arg_count < 2) return -2;
    Affine a = index_value(c, x->arg[0]), b = index_value(c, x->arg[1]), d = affine_add(&a, &b, -1);
    if (c->pending.dim) return -1;
    if (!d.known) return -2;
    if (!strncmp(x->format, "%0 < %1", 7)) return is_negative(c, &d);
    return !strcmp(x->format, "%0 == %1") ? is_zero(c, &d) : -2;
}

/* ---- digits ---- */

static Dim *digit_of(Checker *c, Dim *of, int64_t low, int64_t high) {
    Dim *dim = NEW(c->arena, Dim);
    *dim = (Dim){.kind = of->kind, .low = low, .high = high, .root = of->root};
    return dim;
}

/* Makes of dim the sum unit * outer + inner; first in parts whose ends are multiples of unit. */
static void take_apart(Checker *c, Dim *dim, int64_t unit) {
    int64_t past = dim->high + 1, first = -floor_of(-dim->low, unit) * unit, last = floor_of(past, unit) * unit;
    if (dim->kind == DIM_DATA || first != dim->low || last != past) {
        leave(c, dim, first != dim->low && first < past ? first : last, false);
        return;
    }
    dim->unit = unit;
    dim->inner = digit_of(c, dim, 0, unit - 1);
    dim->outer = digit_of(c, dim, dim->low / unit, dim->high / unit);
    if (c->touches.count) leave(c, dim->root, 0, true);
}

/* a / by, or the rest. */
static Affine divided(Checker *c, const Affine *a, int64_t by, bool rest) {
    if (!a->known || by <= 0) return unknown;
    Affine whole = affine_of(0), part = affine_of(a->constant);
    for (int i = 0; i < a->count; i++) {
        bool even = a->term[i].scale % by == 0;
        add_term(even ? &whole : &part, a->term[i].dim, even ? a->term[i].scale / by : a->term[i].scale);
    }
    int64_t low, high;
    affine_range(&part, &low, &high);
    int64_t base = floor_of(low, by);
    if (floor_of(high, by) == base) {
        if (rest) return part.constant -= base * by, part;
        return whole.constant += base, whole;
    }
    for (int i = 0; i < part.count; i++)
        if (by % part.term[i].scale == 0) {
            take_apart(c, part.term[i].dim, by / llabs(part.term[i].scale));
            if (c->pending.dim) return unknown;
            Affine none = affine_of(0), again = affine_add(a, &none, 1);
            return divided(c, &again, by, rest);
        }
    return unknown;
}

static Affine product(const Affine *a, const Affine *b) {
    const Affine none = affine_of(0);
    if (!a->known || !b->known) return unknown;
    if (b->count == 0) return affine_add(&none, a, b->constant);
    return a->count == 0 ? affine_add(&none, b, a->constant) : unknown;
}

/* ---- expressions ---- */

Affine index_sum(Checker *c, const Index *index) {
    Affine sum = affine_of(index->constant);
    for (int i = 0; i < index->terms.count; i++)
        sum = affine_add(&sum, &known_use(c, index->terms.at[i].var)->value, index->terms.at[i].scale);
    return sum;
}

/* A number between 0 and a limit, known when the program runs. */
static Affine bounded(Checker *c, int64_t limit) {
    Dim *dim = NEW(c->arena, Dim);
    *dim = (Dim){.kind = DIM_DATA, .high = limit > 0 ? limit - 1 : 0, .root = dim, .outside = c->depth == 0};
    Affine value = affine_of(0);
    add_term(&value, dim, 1);
    return value;
}

static Affine chosen(Checker *c, const Expr *x) {
    int holds = index_holds(c, x);
    return holds < 0 ? unknown : index_value(c, x->arg[holds ? 2 : 3]);
}

static Affine applied(Checker *c, const Expr *x) {
    static const char check[] = "(lint)tg_check_index(slot, %0, ";
    if (!strncmp(x->format, check, sizeof check - 1))
        return bounded(c, strtoll(x->format + sizeof check - 1, NULL, 10));
    if (x->arg_count == 4 && !strcmp(x->format, "%0 < %1 ? %2 : %3")) return chosen(c, x);
    if (x->arg_count != 2) return unknown;
    Affine a = index_value(c, x->arg[0]), b = index_value(c, x->arg[1]);
    if (!strcmp(x->format, "%0 + %1")) return affine_add(&a, &b, 1);
    if (!strcmp(x->format, "%0 - %1")) return affine_add(&a, &b, -1);
    if (!strcmp(x->format, "%0 * %1")) return product(&a, &b);
    if (!b.known || b.count) return unknown;
    if (!strcmp(x->format, "%0 / %1")) return divided(c, &a, b.constant, false);
    if (!strcmp(x->format, "%0 % %1")) return divided(c, &a, b.constant, true);
    return unknown;
}

Affine index_value(Checker *c, const Expr *x) {
    int64_t limit;
    if (c->pending.dim || x->lanes || x->type == T_REAL) return unknown;
    switch (x->kind) {
    case EX_NUMBER:
        return affine_of((int64_t)x->number);
    case EX_VAR: {
        const Affine none = affine_of(0);
        return affine_add(&known_use(c, x->var)->value, &none, 1);
    }
    case EX_INDEX:
        return index_sum(c, &x->index);
    case EX_LOAD:
        return memory_limit(c, x->array, &limit) ? bounded(c, limit) : unknown;
    case EX_APPLY:
        return applied(c, x);
    case EX_SPLAT:
        break;
    }
    return unknown;
}
