/* test_command.c: the words of a command line, values typed by hand, numbers as text. */
#include "command/command.h"

#include <CUnit/Basic.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- options ---- */

static bool read_words(Arena *arena, Request *request, const Command *command, const char *const *words) {
    int count = 0;
    char *argv[16];
    for (; words[count]; count++) argv[count] = (char *)words[count];
    *request = (Request){.arena = arena, .command = command};
    return request_read(request, count, argv);
}

static void options_may_be_written_in_every_usual_way(void) {
    Arena *arena = arena_new();
    Request request;
    const char *const words[] = {"--seed", "3",           "-DN=4", "-D", "M=5", "m.tg",
                                 "f",      "--in=a=b.st", "x=-1",  "--", "-v",  NULL};
    CU_ASSERT_TRUE_FATAL(read_words(arena, &request, &command_run, words));
    CU_ASSERT_TRUE(request.seed.given && request.seed.value == 3);
    CU_ASSERT_EQUAL_FATAL(request.defines.count, 2);
    CU_ASSERT_STRING_EQUAL(request.defines.at[0], "N=4");
    CU_ASSERT_STRING_EQUAL(request.defines.at[1], "M=5");
    CU_ASSERT_STRING_EQUAL(request.in, "a=b.st");
    CU_ASSERT_EQUAL_FATAL(request.words.count, 4);
    CU_ASSERT_STRING_EQUAL(request.words.at[2], "x=-1");
    CU_ASSERT_STRING_EQUAL(request.words.at[3], "-v");
    CU_ASSERT_FALSE(request.verbose);
    arena_free(arena);
}

static void options_of_the_training_program_are_passed_on(void) {
    Arena *arena = arena_new();
    Request request;
    const char *const words[] = {"m.tg", "--steps=10", "--data", "d.st", "-v", NULL};
    CU_ASSERT_TRUE_FATAL(read_words(arena, &request, &command_train, words));
    CU_ASSERT_EQUAL_FATAL(request.passed_on.count, 4);
    CU_ASSERT_STRING_EQUAL(request.passed_on.at[0], "--steps");
    CU_ASSERT_STRING_EQUAL(request.passed_on.at[1], "10");
    CU_ASSERT_STRING_EQUAL(request.passed_on.at[3], "d.st");
    CU_ASSERT_TRUE(request.verbose);
    arena_free(arena);
}

static void mistakes_of_usage_are_refused(void) {
    static const struct {
        const Command *command;
        const char *words[4];
    } cases[] = {
        {&command_run, {NULL}},
        {&command_run, {"m.tg", "--no-such", NULL}},
        {&command_run, {"m.tg", "--seed", NULL}},
        {&command_run, {"m.tg", "--seed=-1", NULL}},
        {&command_run, {"m.tg", "--seed=1x", NULL}},
        {&command_run, {"m.tg", "--interp=yes", NULL}},
        {&command_run, {"m.tg", "--seeds=1", NULL}},
        {&command_build, {"m.tg", "more.tg", NULL}},
        {&command_fmt, {"-D", "N=1", "m.tg", NULL}},
    };
    int saved = dup(2);
    CU_ASSERT_PTR_NOT_NULL(freopen("/dev/null", "w", stderr));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Arena *arena = arena_new();
        Request request;
        CU_ASSERT_FALSE(read_words(arena, &request, cases[i].command, cases[i].words));
        arena_free(arena);
    }
    fflush(stderr);
    dup2(saved, 2);
    close(saved);
}

/* Every option of a command is in its help, and no name stands twice in what a command takes. */
static void help_names_every_option_once(void) {
    static const Command *const commands[] = {&command_check,     &command_emit,  &command_build,
                                              &command_run,       &command_train, &command_bench,
                                              &command_gradcheck, &command_dot,   &command_fmt};
    Arena *arena = arena_new();
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        Text text;
        text_init(&text, arena);
        command_help(&text, commands[i]);
        const Option *tables[] = {commands[i]->options, commands[i]->compiles ? compile_options : NULL};
        for (int t = 0; t < 2 && tables[t]; t++)
            for (const Option *option = tables[t]; option->name; option++) {
                const char *at = strstr(text.at, arena_printf(arena, "\n  %s ", option->name));
                if (!at) at = strstr(text.at, arena_printf(arena, ", %s ", option->name));
                CU_ASSERT_PTR_NOT_NULL_FATAL(at);
                CU_ASSERT_PTR_NULL(strstr(at + 1, arena_printf(arena, "\n  %s ", option->name)));
                CU_ASSERT_TRUE(option->value ? option->kind != OPTION_FLAG : option->kind == OPTION_FLAG);
            }
    }
    arena_free(arena);
}

/* ---- values typed by hand ---- */

static void values_are_nested_lists(void) {
    static const struct {
        const char *text, *shape; /* shape NULL: an error */
        int64_t count;
    } cases[] = {
        {"3", "[]", 1},
        {" -1e3 ", "[]", 1},
        {"[1,2,3]", "[3]", 3},
        {"[[1, 2, 3], [4, 5, 6]]", "[2, 3]", 6},
        {"[[[1],[2]]]", "[1, 2, 1]", 2},
        {"[]", "[0]", 0},
        {"[[],[]]", "[2, 0]", 0},
        {"[true, false]", "[2]", 2},
        {"[inf, -inf, nan]", "[3]", 3},
        {"[1,2,]", "[2]", 2},
        {"", NULL, 0},
        {"[1,2", NULL, 0},
        {"[1 2]", NULL, 0},
        {"[1,,2]", NULL, 0},
        {"[[1,2],[3]]", NULL, 0},
        {"[[1],2]", NULL, 0},
        {"[1,[2]]", NULL, 0},
        {"[1]]", NULL, 0},
        {"1 2", NULL, 0},
        {"0x10", NULL, 0},
        {"six", NULL, 0},
        {"truth", NULL, 0},
        {"[[[[[[[[[1]]]]]]]]]", NULL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Arena *arena = arena_new();
        HandValue value;
        const char *error = NULL;
        bool ok = value_read(arena, cases[i].text, &value, &error);
        CU_ASSERT_EQUAL(ok, cases[i].shape != NULL);
        CU_ASSERT_EQUAL(ok, error == NULL);
        if (ok && cases[i].shape) {
            CU_ASSERT_STRING_EQUAL(shape_of(arena, value.rank, value.shape), cases[i].shape);
            CU_ASSERT_EQUAL(value.count, cases[i].count);
        }
        arena_free(arena);
    }
}

static void numbers_stand_row_by_row(void) {
    Arena *arena = arena_new();
    HandValue value;
    const char *error;
    CU_ASSERT_TRUE_FATAL(value_read(arena, "[[1,2,3],[4,5,6.5]]", &value, &error));
    static const double expected[] = {1, 2, 3, 4, 5, 6.5};
    for (int i = 0; i < 6; i++) CU_ASSERT_EQUAL(value.number[i], expected[i]);
    CU_ASSERT_TRUE(value.has_number && !value.has_bool);
    CU_ASSERT_TRUE_FATAL(value_read(arena, "[true, false]", &value, &error));
    CU_ASSERT_TRUE(value.has_bool && !value.has_number && value.number[0] == 1 && value.number[1] == 0);
    arena_free(arena);
}

/* ---- numbers as text ---- */

static void numbers_are_as_short_as_they_read_back(void) {
    static const struct {
        double number;
        tg_dtype dtype;
        const char *text;
    } cases[] = {
        {0, TG_F64, "0"},
        {-0.0, TG_F64, "-0"},
        {1, TG_F64, "1"},
        {-21, TG_F64, "-21"},
        {0.1, TG_F64, "0.1"},
        {(double)0.1f, TG_F32, "0.1"},
        {(double)0.1f, TG_F64, "0.10000000149011612"},
        {1.0 / 3, TG_F64, "0.3333333333333333"},
        {(double)(1.0f / 3), TG_F32, "0.33333334"},
        {123456, TG_F32, "123456"},
        {1000000, TG_F64, "1000000"},
        {1e15, TG_F64, "1000000000000000"},
        {1e16, TG_F64, "1e+16"},
        {1.5e300, TG_F64, "1.5e+300"},
        {0.0001, TG_F64, "0.0001"},
        {0.00025, TG_F64, "0.00025"},
        {1e-5, TG_F64, "1e-05"},
        {-12.5, TG_F64, "-12.5"},
        {INFINITY, TG_F64, "inf"},
        {-INFINITY, TG_F32, "-inf"},
        {NAN, TG_F64, "nan"},
        {-2147483648.0, TG_I32, "-2147483648"},
        {1, TG_BOOL, "true"},
        {0, TG_BOOL, "false"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Arena *arena = arena_new();
        Text text;
        text_init(&text, arena);
        number_print(&text, cases[i].number, cases[i].dtype);
        CU_ASSERT_STRING_EQUAL(text.at, cases[i].text);
        arena_free(arena);
    }
}

static void every_number_reads_back(void) {
    Arena *arena = arena_new();
    uint64_t state = 1;
    for (int i = 0; i < 20000; i++) {
        Text text;
        double number;
        text_init(&text, arena);
        state = state * 6364136223846793005u + 1442695040888963407u;
        memcpy(&number, &state, sizeof number);
        if (!isfinite(number)) continue;
        number_print(&text, number, TG_F64);
        CU_ASSERT_EQUAL(strtod(text.at, NULL), number);
        float single = (float)fmod(number, 1e30);
        text_init(&text, arena);
        number_print(&text, (double)single, TG_F32);
        CU_ASSERT_EQUAL(strtof(text.at, NULL), single);
    }
    arena_free(arena);
}

static void long_values_take_a_line_per_row(void) {
    Arena *arena = arena_new();
    float numbers[120];
    for (int i = 0; i < 120; i++) numbers[i] = (float)i;
    const int64_t small[] = {2, 2}, large[] = {2, 60}, none[] = {0, 3};
    tg_tensor tensor = {.dtype = TG_F32, .rank = 2, .shape = small, .count = 4};
    Text text;
    text_init(&text, arena);
    value_print(&text, "y", &tensor, numbers);
    CU_ASSERT_STRING_EQUAL(text.at, "y = [[0, 1], [2, 3]]\n");
    tensor.shape = large;
    tensor.count = 120;
    text_init(&text, arena);
    value_print(&text, "y", &tensor, numbers);
    CU_ASSERT_PTR_NOT_NULL(strstr(text.at, "y = [[0, 1, 2, "));
    CU_ASSERT_PTR_NOT_NULL(strstr(text.at, "59],\n     [60, 61, "));
    tensor.shape = none;
    tensor.count = 0;
    text_init(&text, arena);
    value_print(&text, "y", &tensor, numbers);
    CU_ASSERT_STRING_EQUAL(text.at, "y = []\n");
    tensor = (tg_tensor){.dtype = TG_F32, .count = 1};
    text_init(&text, arena);
    value_print(&text, "s", &tensor, numbers + 21);
    CU_ASSERT_STRING_EQUAL(text.at, "s = 21\n");
    arena_free(arena);
}

int main(void) {
    static CU_TestInfo tests[] = {
        {"options may be written in every usual way", options_may_be_written_in_every_usual_way},
        {"options of the training program are passed on", options_of_the_training_program_are_passed_on},
        {"mistakes of usage are refused", mistakes_of_usage_are_refused},
        {"help names every option once", help_names_every_option_once},
        {"values are nested lists", values_are_nested_lists},
        {"numbers stand row by row", numbers_stand_row_by_row},
        {"numbers are as short as they read back", numbers_are_as_short_as_they_read_back},
        {"every number reads back", every_number_reads_back},
        {"long values take a line per row", long_values_take_a_line_per_row},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"command", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS) return 2;
    CU_basic_run_tests();
    int failures = (int)CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures ? 1 : 0;
}
