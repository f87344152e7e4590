/* test_emit.c: functions of the loop language printed as C, what the checker finds in them, and a whole model written
 * from a program made by hand. */
#include "emit/emit.h"
#include "loop/loop.h"

#include <CUnit/Basic.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROWS = 8, COLUMNS = 20, LANES = 16 };

typedef struct Workbench {
    Arena *arena;
    Function *function;
    Lower lower;
} Workbench;

static Workbench workbench(void) {
    Workbench w = {.arena = arena_new()};
    w.function = NEW(w.arena, Function);
    w.function->name = "k00_y";
    w.function->slices = ROWS;
    w.lower = (Lower){.arena = w.arena, .function = w.function, .lane_count = LANES};
    return w;
}

static Buffer *buffer(Arena *arena, const char *name, int64_t count) {
    Buffer *made = NEW(arena, Buffer);
    *made = (Buffer){.kind = BUF_ARENA, .name = name, .count = count};
    return made;
}

static Index at(Workbench *w, Var *s, int64_t row, Var *d, int64_t constant) {
    Index index = index_of(&w->lower, constant);
    if (s) index_add(&w->lower, &index, s, row);
    if (d) index_add(&w->lower, &index, d, 1);
    return index;
}

static Expr *apply(Workbench *w, const char *format, Expr *a, Expr *b) {
    Expr *args[2] = {a, b};
    return ex_apply(&w->lower, T_REAL, format, b ? 2 : 1, args);
}

/* y[s, d] = gelu(x[s, d] * 2 + b[d]) at lanes from d + constant on. */
static void put_row(Workbench *w, Block *in, Var *s, Var *d, int64_t constant, Expr *part) {
    Array *x = array_of(&w->lower, w->lower.schedule->buffers.at[0], 0, false);
    Array *b = array_of(&w->lower, w->lower.schedule->buffers.at[1], 0, false);
    Array *y = array_of(&w->lower, w->lower.schedule->buffers.at[2], 0, true);
    Expr *load = ex_load(&w->lower, x, at(w, s, COLUMNS, d, constant), true, part);
    Expr *bias = ex_load(&w->lower, b, at(w, NULL, 0, d, constant), true, part);
    Expr *sum = apply(w, "%0 + %1", apply(w, "%0 * %1", load, ex_real(&w->lower, 2)), bias);
    Var *h = st_let(&w->lower, in, "double", sum);
    st_store(&w->lower, in, y, at(w, s, COLUMNS, d, constant), apply(w, "tg_gelu(%0)", ex_var(&w->lower, h), NULL),
             part);
}

static void put_rows(Workbench *w) {
    Var *s = var_new(&w->lower, "s", T_INDEX, false), *d = var_new(&w->lower, "d", T_INDEX, false);
    Stmt *slices = st_for(&w->lower, LOOP_SLICE, s, NULL, NULL, 1);
    Stmt *lanes = st_for(&w->lower, LOOP_LANES, d, NULL, ex_int(&w->lower, T_INDEX, LANES), LANES);
    put_row(w, &lanes->body, s, d, 0, NULL);
    st_put(&w->lower, &slices->body, lanes);
    put_row(w, &slices->body, s, NULL, LANES, ex_int(&w->lower, T_INDEX, COLUMNS - LANES));
    st_put(&w->lower, &w->function->body, slices);
}

static void add_buffers(Workbench *w) {
    w->lower.schedule = NEW(w->arena, Schedule);
    vec_push(w->arena, &w->lower.schedule->buffers, buffer(w->arena, "x", ROWS * COLUMNS));
    vec_push(w->arena, &w->lower.schedule->buffers, buffer(w->arena, "b", COLUMNS));
    vec_push(w->arena, &w->lower.schedule->buffers, buffer(w->arena, "y", ROWS * COLUMNS));
}

static void a_function_is_readable_c(void) {
    static const char expected[] = "static void k00_y(const void *args, int lo, int hi) {\n"
                                   "    const struct k00_y_args *given = args;\n"
                                   "    const float *x = given->x;\n"
                                   "    const float *b = given->b;\n"
                                   "    float *y = given->y;\n"
                                   "    for (int s = lo; s < hi; s++) {\n"
                                   "        for (int d = 0; d < 16; d += 16) {\n"
                                   "            const vec double_2 = tg_load(x + s * 20 + d) * 2.0f + tg_load(b + d);\n"
                                   "            tg_store(y + s * 20 + d, tg_gelu(double_2));\n"
                                   "        }\n"
                                   "        const vec double_3 = tg_load_part(x + s * 20 + 16, 4) * 2.0f + "
                                   "tg_load_part(b + 16, 4);\n"
                                   "        tg_store_part(y + s * 20 + 16, tg_gelu(double_3), 4);\n"
                                   "    }\n"
                                   "}\n";
    Workbench w = workbench();
    add_buffers(&w);
    put_rows(&w);
    Text text;
    text_init(&text, w.arena);
    loop_print(&text, w.function, "k00_y_args", false);
    CU_ASSERT_STRING_EQUAL(text.at, expected);
    loop_check(w.function, LANES, false);
    CU_ASSERT_EQUAL(w.function->flop, 3.0 * ROWS * COLUMNS);
    CU_ASSERT_EQUAL(w.function->bytes, 4.0 * (2 * ROWS * COLUMNS + COLUMNS));
    arena_free(w.arena);
}

/* The text of `a op (b op2 c)` and `(a op b) op2 c`. */
static void brackets_stand_where_c_needs_them(void) {
    static const struct {
        const char *inner, *outer, *left, *right;
    } cases[] = {
        {"%0 + %1", "%0 * %1", "(a + b) * a", "a * (a + b)"},
        {"%0 * %1", "%0 + %1", "a * b + a", "a + a * b"},
        {"%0 - %1", "%0 - %1", "a - b - a", "a - (a - b)"},
        {"tg_max(%0, %1)", "%0 - %1", "tg_max(a, b) - a", "a - tg_max(a, b)"},
        {"%0 + %1", "tg_max(%0, %1)", "tg_max(a + b, a)", "tg_max(a, a + b)"},
        {"%0 < %1", "%0 & %1", "(a < b) & a", "a & (a < b)"},
        {"%0 & %1", "%0 | %1", "(a & b) | a", "a | (a & b)"},
        {"%0 / %1", "%0 % %1", "a / b % a", "a % (a / b)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Workbench w = workbench();
        Var *v[2] = {var_new(&w.lower, "a", T_REAL, false), var_new(&w.lower, "b", T_REAL, false)};
        Expr *a = ex_var(&w.lower, v[0]), *b = ex_var(&w.lower, v[1]), *inner = apply(&w, cases[i].inner, a, b);
        st_let(&w.lower, &w.function->body, "l", apply(&w, cases[i].outer, inner, a));
        st_let(&w.lower, &w.function->body, "r", apply(&w, cases[i].outer, a, inner));
        Text text;
        text_init(&text, w.arena);
        loop_print(&text, w.function, "args", false);
        CU_ASSERT_PTR_NOT_NULL(strstr(text.at, arena_printf(w.arena, "float l = %s;\n", cases[i].left)));
        CU_ASSERT_PTR_NOT_NULL(strstr(text.at, arena_printf(w.arena, "float r = %s;\n", cases[i].right)));
        arena_free(w.arena);
    }
}

static void numbers_read_back_exactly(void) {
    static const struct {
        double number;
        const char *single, *twofold;
    } cases[] = {
        {1, "1.0f", "1.0"},
        {0.1, "0.1f", "0.1"},
        {1e-9, "1e-09f", "1e-09"},
        {-0.0, "-0.0f", "-0.0"},
        {1.0 / 3, "0.33333334f", "0.3333333333333333"},
        {-2.5, "-2.5f", "-2.5"},
        {1e39, "INFINITY", "1e+39"}, /* as f32 has it */
        {-1e39, "-INFINITY", "-1e+39"},
        {-INFINITY, "-INFINITY", "-INFINITY"},
        {NAN, "NAN", "NAN"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int f64 = 0; f64 < 2; f64++) {
            Workbench w = workbench();
            Text text;
            text_init(&text, w.arena);
            st_let(&w.lower, &w.function->body, "n", ex_real(&w.lower, cases[i].number));
            loop_print(&text, w.function, "args", f64);
            const char *wanted = arena_printf(w.arena, " n = %s;", f64 ? cases[i].twofold : cases[i].single);
            CU_ASSERT_PTR_NOT_NULL(strstr(text.at, wanted));
            arena_free(w.arena);
        }
}

/* constant + first * i + second * j as an element's place and as a vector's, in a small array and in one that needs 64
 * bits. */
static void indices_are_written_as_sums(void) {
    static const struct {
        int64_t constant, first, second;
        const char *small, *large, *lanes;
    } cases[] = {
        {0, 0, 0, "x[0]", "x[0]", "tg_load(x)"},
        {5, 0, 0, "x[5]", "x[5]", "tg_load(x + 5)"},
        {-5, 0, 0, "x[-5]", "x[-5]", "tg_load(x - 5)"},
        {0, 1, 0, "x[i]", "x[(int64_t)i]", "tg_load(x + i)"},
        {3, 20, 1, "x[i * 20 + j + 3]", "x[(int64_t)i * 20 + (int64_t)j + 3]", "tg_load(x + i * 20 + j + 3)"},
        {-3, 20, 0, "x[i * 20 - 3]", "x[(int64_t)i * 20 - 3]", "tg_load(x + i * 20 - 3)"},
        {19, -1, 0, "x[-i + 19]", "x[-(int64_t)i + 19]", "tg_load(x - i + 19)"},
        {19, 4, -2, "x[i * 4 - j * 2 + 19]", "x[(int64_t)i * 4 - (int64_t)j * 2 + 19]",
         "tg_load(x + i * 4 - j * 2 + 19)"},
        {0, -20, 1, "x[-i * 20 + j]", "x[-(int64_t)i * 20 + (int64_t)j]", "tg_load(x - i * 20 + j)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int k = 0; k < 3; k++) {
            const char *wanted[3] = {cases[i].small, cases[i].large, cases[i].lanes};
            Workbench w = workbench();
            w.lower.schedule = NEW(w.arena, Schedule);
            Buffer *of = buffer(w.arena, "x", k == 1 ? (int64_t)INT32_MAX + 1 : 400);
            Index index = index_of(&w.lower, cases[i].constant);
            index_add(&w.lower, &index, var_new(&w.lower, "i", T_INDEX, false), cases[i].first);
            index_add(&w.lower, &index, var_new(&w.lower, "j", T_INDEX, false), cases[i].second);
            Array *x = array_of(&w.lower, of, 0, false);
            st_let(&w.lower, &w.function->body, "h", ex_load(&w.lower, x, index, k == 2, NULL));
            Text text;
            text_init(&text, w.arena);
            loop_print(&text, w.function, "args", false);
            CU_ASSERT_PTR_NOT_NULL(strstr(text.at, arena_printf(w.arena, " h = %s;\n", wanted[k])));
            arena_free(w.arena);
        }
}

static void names_alone_dont_tell_functions_apart(void) {
    const char *text[2];
    Workbench w[2] = {workbench(), workbench()};
    for (int i = 0; i < 2; i++) {
        add_buffers(&w[i]);
        if (i) w[i].lower.schedule->buffers.at[0]->name = "another", w[i].function->name = "k07_z";
        put_rows(&w[i]);
        Text canonical;
        text_init(&canonical, w[i].arena);
        loop_canonical(&canonical, w[i].function, false);
        text[i] = canonical.at;
    }
    CU_ASSERT_STRING_EQUAL(text[0], text[1]);
    for (int i = 0; i < 2; i++) arena_free(w[i].arena);
}

/* ---- violations end the program with status 70 ---- */

typedef void Break(Workbench *w);

static void read_past_the_end(Workbench *w) {
    w->lower.schedule->buffers.at[1]->count = COLUMNS - 1;
    put_rows(w);
}

static void use_before_declaration(Workbench *w) {
    put_rows(w);
    Var *never = var_new(&w->lower, "never", T_REAL, false);
    st_let(&w->lower, &w->function->body, "h", ex_var(&w->lower, never));
}

static void slices_store_to_one_place(Workbench *w) {
    Array *y = array_of(&w->lower, w->lower.schedule->buffers.at[2], 0, true);
    Stmt *slices = st_for(&w->lower, LOOP_SLICE, var_new(&w->lower, "s", T_INDEX, false), NULL, NULL, 1);
    st_store(&w->lower, &slices->body, y, index_of(&w->lower, 0), ex_real(&w->lower, 1), NULL);
    st_put(&w->lower, &w->function->body, slices);
}

/* y[s / 2]: slices 0 and 1 store to one element. */
static void two_slices_store_to_one_place(Workbench *w) {
    Array *y = array_of(&w->lower, w->lower.schedule->buffers.at[2], 0, true);
    Var *s = var_new(&w->lower, "s", T_INDEX, false);
    Stmt *slices = st_for(&w->lower, LOOP_SLICE, s, NULL, NULL, 1);
    Expr *half[2] = {ex_var(&w->lower, s), ex_int(&w->lower, T_INDEX, 2)};
    Var *row = st_let(&w->lower, &slices->body, "row", ex_apply(&w->lower, T_INDEX, "%0 / %1", 2, half));
    st_store(&w->lower, &slices->body, y, at(w, row, COLUMNS, NULL, 0), ex_real(&w->lower, 1), NULL);
    st_put(&w->lower, &w->function->body, slices);
}

static void store_to_what_is_read_only(Workbench *w) {
    put_rows(w);
    w->function->arrays.at[2]->written = false;
}

static void violations_are_found(void) {
    static Break *const breaks[] = {read_past_the_end, use_before_declaration, slices_store_to_one_place,
                                    two_slices_store_to_one_place, store_to_what_is_read_only};
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            Workbench w = workbench();
            add_buffers(&w);
            breaks[i](&w);
            if (!freopen("/dev/null", "w", stderr)) _exit(1);
            loop_check(w.function, LANES, false);
            _exit(0);
        }
        int status = 0;
        waitpid(child, &status, 0);
        CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 70);
    }
}

/* ---- a model of one entry, made by hand ---- */

static Variable *variable(Model *model, VariableKind kind, const char *path, int64_t count) {
    Variable *made = NEW(model->arena, Variable);
    *made = (Variable){.id = model->variables.count, .kind = kind, .path = path};
    made->shape = (Shape){.rank = 1, .size = {count}};
    vec_push(model->arena, &model->variables, made);
    return made;
}

/* graph double(x: [8, 20]) -> (y: [8, 20]) { y = gelu(x * 2 + b) } with param b; C's word is the entry's name. */
static void put_model(Workbench *w, Model *model, Program *program) {
    *model = (Model){.arena = w->arena, .names = names_new(w->arena), .diag = diag_new(w->arena), .name = "tiny"};
    Variable *b = variable(model, VAR_PARAM, "net.0.b", COLUMNS),
             *group = variable(model, VAR_GROUP, "group.0", COLUMNS);
    b->group = group;
    vec_push(w->arena, &group->members, b);
    Entry *entry = NEW(w->arena, Entry);
    *entry = (Entry){.name = "double",
                     .point = "double",
                     .identifier = "double",
                     .graph = graph_new(w->arena, model->names, model->diag, "double")};
    Shape shape = {.rank = 2, .size = {ROWS, COLUMNS}};
    vec_push(w->arena, &entry->inputs, ((Port){.name = "x", .shape = shape}));
    vec_push(w->arena, &entry->results, ((Port){.name = "y", .shape = shape}));
    vec_push(w->arena, &model->entries, entry);
    add_buffers(w);
    Buffer **buffers = w->lower.schedule->buffers.at;
    buffers[0]->kind = BUF_INPUT, buffers[1]->kind = BUF_VARIABLE, buffers[2]->kind = BUF_RESULT;
    buffers[1]->variable = group;
    put_rows(w);
    *w->lower.schedule = (Schedule){.model = model, .entry = entry, .gate = 1};
    *program = (Program){.schedule = w->lower.schedule};
    vec_push(w->arena, &program->functions, w->function);
}

static void a_model_is_a_file_and_a_header(void) {
    Workbench w = workbench();
    Model model;
    Program program, *programs[1] = {&program};
    put_model(&w, &model, &program);
    Output output = {0};
    const Machine machine = {.name = "portable", .flags = "", .vector_bytes = 64};
    emit(&output, &model, programs, &machine);
    CU_ASSERT_PTR_NOT_NULL(strstr(output.header.at, "int tiny_double(tiny *handle, const float *x, float *y);"));
    CU_ASSERT_PTR_NOT_NULL(strstr(output.source.at, "    tg_for(model->pool, k00_y, &(struct k00_y_args){.x = t.x, "
                                                    ".b = t.net_0_b, .y = t.y}, 8);\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(output.source.at, ".net_0_b = (float *)(model->params + 0),\n"));
    Output again = {0};
    emit(&again, &model, programs, &machine);
    CU_ASSERT_STRING_EQUAL(output.source.at, again.source.at);
    const char *folder = getenv("TGC_TEST_OUT"); /* for a look at the files */
    if (folder) CU_ASSERT_TRUE(output_write(&output, folder));
    arena_free(w.arena);
}

int main(void) {
    CU_initialize_registry();
    CU_pSuite suite = CU_add_suite("emit", NULL, NULL);
    CU_ADD_TEST(suite, a_function_is_readable_c);
    CU_ADD_TEST(suite, brackets_stand_where_c_needs_them);
    CU_ADD_TEST(suite, numbers_read_back_exactly);
    CU_ADD_TEST(suite, indices_are_written_as_sums);
    CU_ADD_TEST(suite, names_alone_dont_tell_functions_apart);
    CU_ADD_TEST(suite, violations_are_found);
    CU_ADD_TEST(suite, a_model_is_a_file_and_a_header);
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    unsigned failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures != 0;
}
