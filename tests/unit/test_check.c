/* test_check.c: what the checker of loops proves, and that it finds each thing it is there to find.
 *
 * A case builds functions by hand, once as they should be and once with one mistake; the mistake ends the program with
 * status 70 and a message that names the pass to blame. */
#include "loop/loop.h"

#include <CUnit/Basic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LANES = 16 };

typedef struct Work {
    Arena *arena;
    Schedule schedule;
    Program program;
    Lower lower; /* of the function at hand */
} Work;

static void work_new(Work *w) {
    *w = (Work){.arena = arena_new()};
    w->program.schedule = &w->schedule;
}

static Buffer *buffer(Work *w, BufferKind kind, const char *name, DType dtype, int64_t count, size_t offset) {
    Buffer *made = NEW(w->arena, Buffer);
    *made = (Buffer){.id = w->schedule.buffers.count, .kind = kind, .name = name, .dtype = dtype, .count = count};
    made->offset = offset, made->bytes = (size_t)count * 4;
    vec_push(w->arena, &w->schedule.buffers, made);
    return made;
}

static Buffer *floats(Work *w, BufferKind kind, const char *name, int64_t count) {
    return buffer(w, kind, name, DT_FLOAT, count, (size_t)w->schedule.buffers.count << 20);
}

static Function *function(Work *w, const char *name, int64_t slices) {
    Function *made = NEW(w->arena, Function);
    made->name = name;
    made->slices = slices;
    w->lower = (Lower){.arena = w->arena, .function = made, .lane_count = LANES, .schedule = &w->schedule};
    vec_push(w->arena, &w->program.functions, made);
    return made;
}

static Array *array(Work *w, Buffer *of, bool written) {
    return array_of(&w->lower, of, 0, written);
}

/* constant + a * i + b * j */
static Index at(Work *w, int64_t constant, Var *i, int64_t a, Var *j, int64_t b) {
    Index index = index_of(&w->lower, constant);
    if (i) index_add(&w->lower, &index, i, a);
    if (j) index_add(&w->lower, &index, j, b);
    return index;
}

static Expr *whole_number(Work *w, int64_t value) {
    return ex_int(&w->lower, T_INDEX, value);
}

static Expr *two(Work *w, Type type, const char *format, Expr *a, Expr *b) {
    Expr *args[2] = {a, b};
    return ex_apply(&w->lower, type, format, 2, args);
}

static Stmt *loop(Work *w, LoopKind kind, const char *name, int64_t to, int64_t step) {
    Expr *end = kind == LOOP_SLICE ? NULL : whole_number(w, to);
    return st_for(&w->lower, kind, var_new(&w->lower, name, T_INDEX, false), NULL, end, step);
}

static Stmt *slices(Work *w) {
    return loop(w, LOOP_SLICE, "s", 0, 1);
}

static void put(Work *w, Stmt *stmt) {
    st_put(&w->lower, &w->lower.function->body, stmt);
}

/* ---- cases: each once as it should be, once with `wrong` ---- */

typedef void Case(Work *w, bool wrong);

/* 8 rows of 20, 16 wide from column 4 on: one column further lies past the end. */
static void index_in_lanes(Work *w, bool wrong) {
    Buffer *y = floats(w, BUF_VARIABLE, "y", 160);
    function(w, "k00_y", 8);
    Stmt *s = slices(w);
    st_store(&w->lower, &s->body, array(w, y, true), at(w, wrong ? 5 : 4, s->var, 20, NULL, 0),
             ex_lanes(&w->lower, ex_real(&w->lower, 1)), NULL);
    put(w, s);
}

/* if (s < 7) y[s * 20 + 20], which for s = 7 there is not. */
static void index_under_a_guard(Work *w, bool wrong) {
    Buffer *y = floats(w, BUF_VARIABLE, "y", 160);
    function(w, "k00_y", 8);
    Stmt *s = slices(w);
    Stmt *only = st_if(&w->lower, two(w, T_MASK, "%0 < %1", ex_var(&w->lower, s->var), whole_number(w, wrong ? 8 : 7)));
    st_store(&w->lower, &only->body, array(w, y, true), at(w, 20, s->var, 20, NULL, 0), ex_real(&w->lower, 1), NULL);
    st_put(&w->lower, &s->body, only);
    put(w, s);
}

/* for i in s * 16 … min(s * 16 + 16, 100) of 100 elements. */
static void index_of_a_cut_block(Work *w, bool wrong) {
    Buffer *y = floats(w, BUF_VARIABLE, "y", wrong ? 99 : 100);
    function(w, "k00_y", 7);
    Stmt *s = slices(w);
    Expr *from = ex_var(&w->lower, st_let(&w->lower, &s->body, "from",
                                          two(w, T_INDEX, "%0 * %1", ex_var(&w->lower, s->var), whole_number(w, 16))));
    Expr *choice[4] = {from, whole_number(w, 84), two(w, T_INDEX, "%0 + %1", from, whole_number(w, 16)),
                       whole_number(w, 100)};
    Expr *to = ex_apply(&w->lower, T_INDEX, "%0 < %1 ? %2 : %3", 4, choice);
    to = ex_var(&w->lower, st_let(&w->lower, &s->body, "to", to));
    Stmt *i = st_for(&w->lower, LOOP_SERIAL, var_new(&w->lower, "i", T_INDEX, false), from, to, 1);
    st_store(&w->lower, &i->body, array(w, y, true), at(w, 0, i->var, 1, NULL, 0), ex_real(&w->lower, 1), NULL);
    st_put(&w->lower, &s->body, i);
    put(w, s);
}

/* checked[i] = tg_check_index(ids[i], limit); then table[checked[i] * 4] of 10 rows, or ids themselves. */
static void put_gather(Work *w, int64_t limit, bool checked) {
    Buffer *ids = buffer(w, BUF_INPUT, "ids", DT_I32, 6, 0), *table = floats(w, BUF_VARIABLE, "table", 40);
    Buffer *range = buffer(w, BUF_ARENA, "range", DT_I32, 6, 4096), *y = floats(w, BUF_RESULT, "y", 6);
    function(w, "k00_check", 1);
    Stmt *s = slices(w), *i = loop(w, LOOP_SERIAL, "i", 6, 1);
    Expr *id = ex_load(&w->lower, array(w, ids, false), at(w, 0, i->var, 1, NULL, 0), false, NULL);
    const char *format = arena_printf(w->arena, "(lint)tg_check_index(slot, %%0, %lld, %%1, \"y\")", (long long)limit);
    st_store(&w->lower, &i->body, array(w, range, true), at(w, 0, i->var, 1, NULL, 0),
             two(w, T_INT, format, id, ex_var(&w->lower, i->var)), NULL);
    st_put(&w->lower, &s->body, i);
    put(w, s);
    function(w, "k01_y", 6);
    s = slices(w);
    id = ex_load(&w->lower, array(w, checked ? range : ids, false), at(w, 0, s->var, 1, NULL, 0), false, NULL);
    Expr *whole = NEW(w->arena, Expr);
    *whole = *id;
    whole->type = T_INDEX;
    Var *row = st_let(&w->lower, &s->body, "id", whole);
    Expr *from = ex_load(&w->lower, array(w, table, false), at(w, 0, row, 4, NULL, 0), false, NULL);
    st_store(&w->lower, &s->body, array(w, y, true), at(w, 0, s->var, 1, NULL, 0), from, NULL);
    put(w, s);
}

static void index_that_was_checked(Work *w, bool wrong) {
    put_gather(w, 10, !wrong);
}

static void index_checked_for_the_table(Work *w, bool wrong) {
    put_gather(w, wrong ? 11 : 10, true);
}

/* Rows of a table by id, one strip of 4 columns a slice, or all of the row in every slice. */
static void scatter_in_strips(Work *w, bool wrong) {
    Buffer *ids = buffer(w, BUF_INPUT, "ids", DT_I32, 6, 0), *table = floats(w, BUF_VARIABLE, "table", 80);
    Buffer *range = buffer(w, BUF_ARENA, "range", DT_I32, 6, 4096);
    function(w, "k00_check", 1);
    Stmt *s = slices(w), *i = loop(w, LOOP_SERIAL, "i", 6, 1);
    Expr *id = ex_load(&w->lower, array(w, ids, false), at(w, 0, i->var, 1, NULL, 0), false, NULL);
    st_store(&w->lower, &i->body, array(w, range, true), at(w, 0, i->var, 1, NULL, 0),
             two(w, T_INT, "(lint)tg_check_index(slot, %0, 10, %1, \"y\")", id, ex_var(&w->lower, i->var)), NULL);
    st_put(&w->lower, &s->body, i);
    put(w, s);
    function(w, "k01_table", 2);
    s = slices(w), i = loop(w, LOOP_SERIAL, "n", 6, 1);
    Expr *whole = NEW(w->arena, Expr);
    *whole = *ex_load(&w->lower, array(w, range, false), at(w, 0, i->var, 1, NULL, 0), false, NULL);
    whole->type = T_INDEX;
    Var *row = st_let(&w->lower, &i->body, "id", whole);
    Stmt *d = loop(w, LOOP_SERIAL, "d", 4, 1);
    Index index = at(w, 0, row, 8, d->var, 1);
    if (!wrong) index_add(&w->lower, &index, s->var, 4);
    Expr *sum =
        two(w, T_REAL, "%0 + %1", ex_load(&w->lower, array(w, table, true), index, false, NULL), ex_real(&w->lower, 1));
    st_store(&w->lower, &d->body, array(w, table, true), index, sum, NULL);
    st_put(&w->lower, &i->body, d);
    st_put(&w->lower, &s->body, i);
    put(w, s);
}

/* kept[d] for all d, or for all but the last, then read whole. */
static void local_array_is_written(Work *w, bool wrong) {
    Buffer *y = floats(w, BUF_VARIABLE, "y", 32);
    function(w, "k00_y", 1);
    Stmt *s = slices(w), *first = loop(w, LOOP_SERIAL, "a", wrong ? 31 : 32, 1),
         *then = loop(w, LOOP_LANES, "b", 32, LANES);
    Array *kept = st_array(&w->lower, &s->body, "kept", DT_FLOAT, 32);
    st_store(&w->lower, &first->body, kept, at(w, 0, first->var, 1, NULL, 0), ex_real(&w->lower, 1), NULL);
    st_put(&w->lower, &s->body, first);
    Expr *value = ex_load(&w->lower, kept, at(w, 0, then->var, 1, NULL, 0), true, NULL);
    st_store(&w->lower, &then->body, array(w, y, true), at(w, 0, then->var, 1, NULL, 0), value, NULL);
    st_put(&w->lower, &s->body, then);
    put(w, s);
}

static void put_fill(Work *w, const char *name, Buffer *of, int64_t count) {
    function(w, name, count);
    Stmt *s = slices(w);
    st_store(&w->lower, &s->body, array(w, of, true), at(w, 0, s->var, 1, NULL, 0), ex_real(&w->lower, 1), NULL);
    put(w, s);
}

static void put_copy(Work *w, const char *name, Buffer *from, Buffer *to, int64_t count) {
    function(w, name, count);
    Stmt *s = slices(w);
    Expr *value = ex_load(&w->lower, array(w, from, false), at(w, 0, s->var, 1, NULL, 0), false, NULL);
    st_store(&w->lower, &s->body, array(w, to, true), at(w, 0, s->var, 1, NULL, 0), value, NULL);
    put(w, s);
}

/* One kernel fills 20 of the arena's elements, or 19; the next reads 20. */
static void arena_is_written_before(Work *w, bool wrong) {
    Buffer *h = floats(w, BUF_ARENA, "h", 20), *y = floats(w, BUF_RESULT, "y", 20);
    put_fill(w, "k00_h", h, wrong ? 19 : 20);
    put_copy(w, "k01_y", h, y, 20);
}

/* Between the two, a kernel writes what lies in the same bytes. */
static void arena_keeps_what_is_read(Work *w, bool wrong) {
    Buffer *h = buffer(w, BUF_ARENA, "h", DT_FLOAT, 20, 0),
           *g = buffer(w, BUF_ARENA, "g", DT_FLOAT, 8, wrong ? 64 : 128);
    Buffer *y = floats(w, BUF_RESULT, "y", 20);
    put_fill(w, "k00_h", h, 20);
    put_fill(w, "k01_g", g, 8);
    put_copy(w, "k02_y", h, y, 20);
}

static void one_kernel_keeps_its_operands(Work *w, bool wrong) {
    Buffer *h = buffer(w, BUF_ARENA, "h", DT_FLOAT, 20, 0),
           *y = buffer(w, BUF_ARENA, "y", DT_FLOAT, 20, wrong ? 64 : 128);
    put_fill(w, "k00_h", h, 20);
    put_copy(w, "k01_y", h, y, 20);
}

/* y[s] = h[s] in h's own bytes, or h[s + 1]: what another slice overwrites. */
static void results_lie_over_what_they_read(Work *w, bool wrong) {
    Buffer *h = buffer(w, BUF_ARENA, "h", DT_FLOAT, 21, 0), *y = buffer(w, BUF_ARENA, "y", DT_FLOAT, 20, 0);
    put_fill(w, "k00_h", h, 21);
    function(w, "k01_y", 20);
    Stmt *s = slices(w);
    Expr *value = ex_load(&w->lower, array(w, h, false), at(w, wrong, s->var, 1, NULL, 0), false, NULL);
    st_store(&w->lower, &s->body, array(w, y, true), at(w, 0, s->var, 1, NULL, 0), value, NULL);
    put(w, s);
}

/* A row of h is summed, then y's is written over it; or the other way round. */
static void rows_are_read_before(Work *w, bool wrong) {
    Buffer *h = buffer(w, BUF_ARENA, "h", DT_FLOAT, 35, 0), *y = buffer(w, BUF_ARENA, "y", DT_FLOAT, 35, 0);
    put_fill(w, "k00_h", h, 35);
    function(w, "k01_y", 5);
    Stmt *s = slices(w), *a = loop(w, LOOP_SERIAL, "a", 7, 1), *b = loop(w, LOOP_SERIAL, "b", 7, 1);
    Var *sum = st_var(&w->lower, &s->body, "sum", ex_real(&w->lower, 0));
    Expr *value = ex_load(&w->lower, array(w, h, false), at(w, 0, s->var, 7, a->var, 1), false, NULL);
    st_set(&w->lower, &a->body, sum, two(w, T_REAL, "%0 + %1", ex_var(&w->lower, sum), value));
    st_store(&w->lower, &b->body, array(w, y, true), at(w, 0, s->var, 7, b->var, 1), ex_real(&w->lower, 1), NULL);
    st_put(&w->lower, &s->body, wrong ? b : a);
    st_put(&w->lower, &s->body, wrong ? a : b);
    put(w, s);
}

/* y[j, i] = h[i, j] of 4 x 4 lies elsewhere. */
static void a_transposed_result_lies_elsewhere(Work *w, bool wrong) {
    Buffer *h = buffer(w, BUF_ARENA, "h", DT_FLOAT, 16, 0);
    Buffer *y = buffer(w, BUF_ARENA, "y", DT_FLOAT, 16, wrong ? 0 : 64);
    put_fill(w, "k00_h", h, 16);
    function(w, "k01_y", 4);
    Stmt *s = slices(w), *i = loop(w, LOOP_SERIAL, "i", 4, 1);
    Expr *value = ex_load(&w->lower, array(w, h, false), at(w, 0, s->var, 1, i->var, 4), false, NULL);
    st_store(&w->lower, &i->body, array(w, y, true), at(w, 0, s->var, 4, i->var, 1), value, NULL);
    st_put(&w->lower, &s->body, i);
    put(w, s);
}

/* Integers over floats: C takes them to lie apart. */
static void types_lie_apart(Work *w, bool wrong) {
    Buffer *h = buffer(w, BUF_ARENA, "h", DT_FLOAT, 20, 0);
    Buffer *y = buffer(w, BUF_ARENA, "y", DT_I32, 20, wrong ? 0 : 128);
    put_fill(w, "k00_h", h, 20);
    function(w, "k01_y", 20);
    Stmt *s = slices(w);
    Expr *value = ex_load(&w->lower, array(w, h, false), at(w, 0, s->var, 1, NULL, 0), false, NULL);
    value = ex_apply(&w->lower, T_INT, "(int32_t)%0", 1, &value);
    st_store(&w->lower, &s->body, array(w, y, true), at(w, 0, s->var, 1, NULL, 0), value, NULL);
    put(w, s);
}

/* g is written to the last 12 of h's 32 elements: the first 20 are still there, the 21st is not. */
static void the_rest_of_a_buffer_stays(Work *w, bool wrong) {
    Buffer *h = buffer(w, BUF_ARENA, "h", DT_FLOAT, 32, 0), *g = buffer(w, BUF_ARENA, "g", DT_FLOAT, 12, 80);
    put_fill(w, "k00_h", h, 32);
    put_fill(w, "k01_g", g, 12);
    put_copy(w, "k02_y", h, floats(w, BUF_RESULT, "y", 20 + wrong), 20 + wrong);
}

static void results_are_whole(Work *w, bool wrong) {
    put_fill(w, "k00_y", floats(w, BUF_RESULT, "y", 20), wrong ? 19 : 20);
}

/* if (s < 4) y[s * 8 + d] and if (s == 4) y[32 + d], or y[31 + d]. */
static void guarded_slices_store_apart(Work *w, bool wrong) {
    Buffer *y = floats(w, BUF_VARIABLE, "y", 64);
    function(w, "k00_y", 5);
    Stmt *s = slices(w), *a = loop(w, LOOP_SERIAL, "a", 8, 1), *b = loop(w, LOOP_SERIAL, "b", 8, 1);
    Stmt *whole = st_if(&w->lower, two(w, T_MASK, "%0 < %1", ex_var(&w->lower, s->var), whole_number(w, 4)));
    Stmt *rest = st_if(&w->lower, two(w, T_MASK, "%0 == %1", ex_var(&w->lower, s->var), whole_number(w, 4)));
    st_store(&w->lower, &a->body, array(w, y, true), at(w, 0, s->var, 8, a->var, 1), ex_real(&w->lower, 1), NULL);
    st_store(&w->lower, &b->body, array(w, y, true), at(w, wrong ? 31 : 32, b->var, 1, NULL, 0), ex_real(&w->lower, 1),
             NULL);
    st_put(&w->lower, &whole->body, a);
    st_put(&w->lower, &rest->body, b);
    st_put(&w->lower, &s->body, whole);
    st_put(&w->lower, &s->body, rest);
    put(w, s);
}

/* Columns of a matrix by slices, 12 of 20: y[r * 20 + s * 4 + d], or strips that overlap by one. */
static void strided_slices_store_apart(Work *w, bool wrong) {
    Buffer *y = floats(w, BUF_VARIABLE, "y", 100);
    function(w, "k00_y", 3);
    Stmt *s = slices(w), *r = loop(w, LOOP_SERIAL, "r", 4, 1), *d = loop(w, LOOP_SERIAL, "d", 4, 1);
    Index index = at(w, 0, r->var, 20, d->var, 1);
    index_add(&w->lower, &index, s->var, wrong ? 3 : 4);
    st_store(&w->lower, &d->body, array(w, y, true), index, ex_real(&w->lower, 1), NULL);
    st_put(&w->lower, &r->body, d);
    st_put(&w->lower, &s->body, r);
    put(w, s);
}

/* y[s] += y[s], or y[s + 1]: another slice's. */
static void slices_read_their_own(Work *w, bool wrong) {
    Buffer *y = floats(w, BUF_VARIABLE, "y", 9);
    function(w, "k00_y", 8);
    Stmt *s = slices(w);
    Expr *value = ex_load(&w->lower, array(w, y, true), at(w, wrong, s->var, 1, NULL, 0), false, NULL);
    st_store(&w->lower, &s->body, array(w, y, true), at(w, 0, s->var, 1, NULL, 0), value, NULL);
    put(w, s);
}

/* for i { y[i] = y[i] }, or y[i + 1] = y[i]: what is read was just written. */
static void turns_read_their_own(Work *w, bool wrong) {
    Buffer *y = floats(w, BUF_VARIABLE, "y", 9);
    function(w, "k00_y", 1);
    Stmt *s = slices(w), *i = loop(w, LOOP_SERIAL, "i", 8, 1);
    Expr *value = ex_load(&w->lower, array(w, y, true), at(w, 0, i->var, 1, NULL, 0), false, NULL);
    st_store(&w->lower, &i->body, array(w, y, true), at(w, wrong, i->var, 1, NULL, 0), value, NULL);
    st_put(&w->lower, &s->body, i);
    put(w, s);
}

/* if (s < n) where n is what a tensor holds. */
static void guards_are_known(Work *w, bool wrong) {
    Buffer *n = buffer(w, BUF_INPUT, "n", DT_I32, 1, 0), *y = floats(w, BUF_VARIABLE, "y", 8);
    function(w, "k00_y", 8);
    Stmt *s = slices(w);
    Expr *end = ex_load(&w->lower, array(w, n, false), at(w, 0, NULL, 0, NULL, 0), false, NULL);
    Stmt *only =
        st_if(&w->lower, two(w, T_MASK, "%0 < %1", ex_var(&w->lower, s->var), wrong ? end : whole_number(w, 8)));
    st_store(&w->lower, &only->body, array(w, y, true), at(w, 0, s->var, 1, NULL, 0), ex_real(&w->lower, 1), NULL);
    st_put(&w->lower, &s->body, only);
    put(w, s);
}

static const struct {
    Case *build;
    const char *message;
} cases[] = {
    {index_in_lanes, "internal error in lower: k00_y: stores to elements 5 … 160 of y, which has 160"},
    {index_under_a_guard, "internal error in lower: k00_y: stores to elements 20 … 160 of y, which has 160"},
    {index_of_a_cut_block, "internal error in lower: k00_y: stores to elements 96 … 99 of y, which has 99"},
    {index_that_was_checked, "internal error in lower: k01_y: where it loads from table is not known to be in range"},
    {index_checked_for_the_table, "internal error in lower: k01_y: loads from elements 0 … 40 of table"},
    {scatter_in_strips, "internal error in lower: k01_table: slices that run at the same time"},
    {local_array_is_written, "internal error in lower: k00_y: of elements 0 … 31 of kept not all were written"},
    {arena_is_written_before, "internal error in lower: k01_y: of elements 0 … 19 of h not all were written"},
    {arena_keeps_what_is_read, "internal error in lower: k02_y: of elements 0 … 19 of h not all were written"},
    {one_kernel_keeps_its_operands, "internal error in plan: k01_y: y and h lie in the same bytes"},
    {results_lie_over_what_they_read, "internal error in plan: k01_y: y and h lie in the same bytes, and not all"},
    {rows_are_read_before, "internal error in plan: k01_y: y and h lie in the same bytes, and not all"},
    {a_transposed_result_lies_elsewhere, "internal error in plan: k01_y: y and h lie in the same bytes, and not all"},
    {types_lie_apart, "internal error in plan: k01_y: y and h lie in the same bytes, and not all"},
    {the_rest_of_a_buffer_stays, "internal error in lower: k02_y: of elements 0 … 20 of h not all were written"},
    {results_are_whole, "internal error in lower: of result y's 20 elements 19 are written"},
    {guarded_slices_store_apart, "internal error in lower: k00_y: slices that run at the same time"},
    {strided_slices_store_apart, "internal error in lower: k00_y: slices that run at the same time"},
    {slices_read_their_own, "internal error in lower: k00_y: slices that run at the same time"},
    {turns_read_their_own, "internal error in lower: k00_y: y is read at one turn of a loop and stored to at another"},
    {guards_are_known, "internal error in lower: k00_y: when an if holds is not known"},
};

/* What the checker says of a case, in a process of its own. */
static int checked(Case *build, bool wrong, char *message, size_t size) {
    int pipes[2], status = 0;
    CU_ASSERT_FATAL(pipe(pipes) == 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        Work w;
        dup2(pipes[1], STDERR_FILENO);
        work_new(&w);
        build(&w, wrong);
        loop_check_program(&w.program, LANES, false);
        _exit(0);
    }
    close(pipes[1]);
    size_t length = 0;
    for (ssize_t got; length + 1 < size && (got = read(pipes[0], message + length, size - 1 - length)) > 0;)
        length += (size_t)got;
    message[length] = '\0';
    close(pipes[0]);
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void each_mistake_is_found(void) {
    char message[512];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int right = checked(cases[i].build, false, message, sizeof message);
        if (right) printf("case %zu: %s", i, message);
        CU_ASSERT_EQUAL(right, 0);
        CU_ASSERT_EQUAL(checked(cases[i].build, true, message, sizeof message), 70);
        if (!strstr(message, cases[i].message)) printf("case %zu: %s", i, message);
        CU_ASSERT_PTR_NOT_NULL(strstr(message, cases[i].message));
    }
}

/* ---- counts ---- */

static void guards_and_tails_are_counted_as_they_run(void) {
    Work w;
    work_new(&w);
    Buffer *x = floats(&w, BUF_VARIABLE, "x", 64), *y = floats(&w, BUF_VARIABLE, "y", 64);
    Function *f = function(&w, "k00_y", 5);
    Stmt *s = slices(&w), *only;
    only = st_if(&w.lower, two(&w, T_MASK, "%0 < %1", ex_var(&w.lower, s->var), whole_number(&w, 3)));
    for (int tail = 0; tail < 2; tail++) { /* 3 slices: 16 lanes and then 4 of a vector */
        Expr *part = tail ? whole_number(&w, 4) : NULL;
        Index index = at(&w, tail * 16, s->var, 20, NULL, 0);
        Expr *sum = two(&w, T_REAL, "%0 * %1", ex_load(&w.lower, array(&w, x, false), index, true, part),
                        ex_load(&w.lower, array(&w, x, false), index, true, part));
        st_store(&w.lower, &only->body, array(&w, y, true), index, sum, part);
    }
    st_put(&w.lower, &s->body, only);
    put(&w, s);
    loop_check_program(&w.program, LANES, false);
    CU_ASSERT_EQUAL(f->flop, 3.0 * 20);
    CU_ASSERT_EQUAL(f->bytes, 4.0 * (60 + 60)); /* each element once, however often it is loaded */
    arena_free(w.arena);
}

/* y[s] = x[s]; z[s] = y[s]: y is stored and not loaded. */
static void what_is_read_back_is_at_hand(void) {
    Work w;
    work_new(&w);
    Buffer *x = floats(&w, BUF_VARIABLE, "x", 64), *y = floats(&w, BUF_VARIABLE, "y", 64);
    Buffer *z = floats(&w, BUF_VARIABLE, "z", 64);
    Function *own = function(&w, "k00_z", 4);
    Stmt *s = slices(&w);
    Index index = at(&w, 0, s->var, 16, NULL, 0);
    st_store(&w.lower, &s->body, array(&w, y, true), index, ex_load(&w.lower, array(&w, x, false), index, true, NULL),
             NULL);
    st_store(&w.lower, &s->body, array(&w, z, true), index, ex_load(&w.lower, array(&w, y, false), index, true, NULL),
             NULL);
    put(&w, s);
    loop_check_program(&w.program, LANES, false);
    CU_ASSERT_EQUAL(own->bytes, 4.0 * (64 + 2 * 64));
    arena_free(w.arena);
}

int main(void) {
    CU_initialize_registry();
    CU_pSuite suite = CU_add_suite("check", NULL, NULL);
    CU_ADD_TEST(suite, each_mistake_is_found);
    CU_ADD_TEST(suite, guards_and_tails_are_counted_as_they_run);
    CU_ADD_TEST(suite, what_is_read_back_is_at_hand);
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    unsigned failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures != 0;
}
