/* nest.c: the loops around a kernel's body.
 *
 * The outer loops of a kernel are flattened into its grid of slices, which the runtime splits over threads; the rest
 * are plain loops, and the innermost one runs over lanes with a tail:
 *
 *     for (int s = lo; s < hi; s++) {
 *         const int b = s / 32, t = s % 32;
 *         for (int d = 0; d < 240; d += 16) …          full vectors
 *         { … d = 240, part 10 }                       the tail
 *     }
 */
#include "loop/loop.h"

#include <ctype.h>
#include <string.h>

/* The model's name for a loop: that of an axis of the same size, in lower case, else i, j, k … */
const char *nest_loop_name(Lower *lower, int loop) {
    const Kernel *kernel = lower->kernel;
    if (kernel->role[loop] == ROLE_PART) return "part";
    for (int i = 0; i < kernel->nodes.count; i++) {
        const Shape *shape = &kernel->nodes.at[i]->shape;
        for (int axis = 0; axis < shape->rank; axis++) {
            if (!shape->name[axis] || shape->size[axis] != lower->axes.extent[loop]) continue;
            char *name = arena_strndup(lower->arena, shape->name[axis], strlen(shape->name[axis]));
            for (char *at = name; *at; at++) *at = (char)tolower((unsigned char)*at);
            if (strlen(name) <= 3) return name;
        }
    }
    if (kernel->role[loop] == ROLE_M) return "i";
    if (kernel->role[loop] == ROLE_N) return "j";
    if (kernel->role[loop] == ROLE_FOLD) return "k";
    if (loop == lower->axes.count - 1) return "i";
    return kernel->kind == KERNEL_ROW && kernel->role[loop + 1] == ROLE_M ? "part" : "r";
}

static Expr *digit(Lower *lower, Var *slice, int64_t unit, int64_t extent, bool first) {
    Expr *args[2] = {ex_var(lower, slice), ex_int(lower, T_INDEX, unit)};
    Expr *x = unit > 1 ? ex_apply(lower, T_INDEX, "%0 / %1", 2, args) : args[0];
    if (first) return x;
    Expr *rest[2] = {x, ex_int(lower, T_INDEX, extent)};
    return ex_apply(lower, T_INDEX, "%0 % %1", 2, rest);
}

Nest nest_open(Lower *lower, const int *order, int outer, int64_t blocks, int64_t block) {
    Nest nest = {.outer = outer, .blocks = blocks, .block = block};
    int64_t slices = blocks, unit;
    int digits = blocks > 1;
    for (int i = 0; i < outer; i++) {
        slices *= lower->axes.extent[order[i]];
        digits += lower->axes.extent[order[i]] > 1;
    }
    int only = -1;
    for (int i = 0; i < outer; i++)
        if (lower->axes.extent[order[i]] > 1 && digits == 1) only = order[i];
    Var *slice = var_new(lower, only >= 0 ? nest_loop_name(lower, only) : "slice", T_INDEX, false);
    lower->function->slices = slices;
    nest.slices = st_for(lower, LOOP_SLICE, slice, NULL, NULL, 1);
    Block *body = &nest.slices->body;
    unit = slices;
    bool first = true;
    for (int i = 0; i < outer; i++) {
        int64_t extent = lower->axes.extent[order[i]];
        if (extent <= 1) continue;
        unit /= extent;
        lower->loop[order[i]] = order[i] == only ? slice
                                                 : st_let(lower, body, nest_loop_name(lower, order[i]),
                                                          digit(lower, slice, unit, extent, first));
        first = false;
    }
    if (blocks > 1)
        nest.number = digits == 1 ? slice : st_let(lower, body, "block", digit(lower, slice, 1, blocks, first));
    lower->block[0] = &lower->function->body;
    for (int depth = 1; depth <= lower->axes.count; depth++) lower->block[depth] = body;
    return nest;
}

void nest_close(Lower *lower, Nest *nest) {
    st_put(lower, &lower->function->body, nest->slices);
}

/* The bounds of the full part of the last loop, [0, main), or of this slice's block of it. */
static void bounds(Lower *lower, const Nest *nest, Block *in, int64_t main, Expr **from, Expr **to) {
    *from = ex_int(lower, T_INDEX, nest->done);
    *to = ex_int(lower, T_INDEX, main);
    if (nest->blocks <= 1) return;
    Expr *start[2] = {ex_var(lower, nest->number), ex_int(lower, T_INDEX, nest->block)};
    Var *first = st_let(lower, in, "from", ex_apply(lower, T_INDEX, "%0 * %1", 2, start));
    *from = ex_var(lower, first);
    *to = ex_block_end(lower, *from, nest->block, main, main % nest->block == 0);
    *to = ex_var(lower, st_let(lower, in, "to", *to));
}

static void tail(Lower *lower, const Nest *nest, Block *in, int axis, int64_t main, int64_t rest,
                 void (*body)(Lower *, Block *, void *), void *with) {
    Stmt *whole = st_for(lower, LOOP_SERIAL, NULL, NULL, NULL, 1);
    Block *block = &whole->body;
    whole->kind = ST_BLOCK;
    if (nest->blocks > 1) {
        Expr *last[2] = {ex_var(lower, nest->number), ex_int(lower, T_INDEX, nest->blocks - 1)};
        whole->kind = ST_IF;
        whole->value = ex_apply(lower, T_MASK, "%0 == %1", 2, last);
    }
    lower->loop[axis] = NULL;
    lower->shift[axis] += main;
    lower->part = ex_int(lower, T_INDEX, rest);
    for (int depth = axis + 1; depth <= lower->axes.count; depth++) lower->block[depth] = block;
    if (main > 0) st_comment(lower, block, "the last %lld", (long long)rest);
    body(lower, block, with);
    value_forget(lower, axis);
    lower->part = NULL;
    lower->shift[axis] -= main;
    st_put(lower, in, whole);
}

void lane_loop(Lower *lower, const Nest *nest, Block *in, int axis, void (*body)(Lower *, Block *, void *),
               void *with) {
    int64_t extent = lower->axes.extent[axis];
    bool lanes = lower->lane_axis == axis;
    int64_t step = lanes ? lower->lane_count : 1, main = extent / step * step;
    lower->loop[axis] = NULL;
    if (main > nest->done) {
        Expr *from, *to;
        Stmt *loop = NULL;
        Block *inner = in;
        if (extent > 1) {
            bounds(lower, nest, in, main, &from, &to);
            Var *index = var_new(lower, nest_loop_name(lower, axis), T_INDEX, false);
            loop = st_for(lower, lanes ? LOOP_LANES : LOOP_SERIAL, index, from, to, step);
            lower->loop[axis] = index;
            inner = &loop->body;
        }
        for (int depth = axis + 1; depth <= lower->axes.count; depth++) lower->block[depth] = inner;
        body(lower, inner, with);
        value_forget(lower, axis);
        if (loop) st_put(lower, in, loop);
    }
    if (main < extent) tail(lower, nest, in, axis, main, extent - main, body, with);
    lower->loop[axis] = NULL;
    for (int depth = axis + 1; depth <= lower->axes.count; depth++) lower->block[depth] = in;
}
