/* The roofline: which side is the longer, cores no more than slices, f64 at half the peak. */
#include "loop/loop.h"

#include <CUnit/Basic.h>

static const Machine machine = {.name = "test", .gflops = 100, .gbytes = 10};

static void test_arithmetic_is_the_longer(void) {
    Function f = {.flop = 4e9, .bytes = 1e8, .slices = 8};
    Cost cost = cost_of(&f, &machine, false, 1);
    CU_ASSERT_DOUBLE_EQUAL(cost.seconds, 0.04, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(cost.intensity, 40, 1e-12);
    CU_ASSERT_FALSE(cost.memory_bound);
    CU_ASSERT_DOUBLE_EQUAL(cost_of(&f, &machine, true, 1).seconds, 0.08, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(cost_of(&f, &machine, false, 2).seconds, 0.02, 1e-12);
}

static void test_memory_is_the_longer(void) {
    Function f = {.flop = 1e6, .bytes = 1e8, .slices = 8};
    CU_ASSERT_DOUBLE_EQUAL(cost_of(&f, &machine, false, 1).seconds, 0.01, 1e-12);
    CU_ASSERT_DOUBLE_EQUAL(cost_of(&f, &machine, false, 8).seconds, 0.01, 1e-12); /* shared by all cores */
    CU_ASSERT_TRUE(cost_of(&f, &machine, false, 1).memory_bound);
}

static void test_cores_without_slices_idle(void) {
    Function f = {.flop = 4e9, .bytes = 1, .slices = 2};
    CU_ASSERT_DOUBLE_EQUAL(cost_of(&f, &machine, false, 16).seconds, 0.02, 1e-12);
}

static void test_nothing_costs_nothing(void) {
    Function f = {0};
    Cost cost = cost_of(&f, &machine, false, 4);
    CU_ASSERT_EQUAL(cost.seconds, 0);
    CU_ASSERT_EQUAL(cost.intensity, 0);
}

static void test_a_program_is_the_sum(void) {
    Model model = {0};
    Schedule schedule = {.model = &model};
    Function a = {.flop = 4e9, .bytes = 1, .slices = 1}, b = {.flop = 0, .bytes = 1e8, .slices = 1};
    Program program = {.schedule = &schedule};
    Arena *arena = arena_new();
    vec_push(arena, &program.functions, &a);
    vec_push(arena, &program.functions, &b);
    CU_ASSERT_DOUBLE_EQUAL(cost_of_program(&program, &machine, 1), 0.05, 1e-12);
    arena_free(arena);
}

int main(void) {
    CU_initialize_registry();
    CU_pSuite suite = CU_add_suite("cost", NULL, NULL);
    CU_add_test(suite, "arithmetic is the longer", test_arithmetic_is_the_longer);
    CU_add_test(suite, "memory is the longer", test_memory_is_the_longer);
    CU_add_test(suite, "cores without slices idle", test_cores_without_slices_idle);
    CU_add_test(suite, "nothing costs nothing", test_nothing_costs_nothing);
    CU_add_test(suite, "a program is the sum", test_a_program_is_the_sum);
    CU_basic_run_tests();
    int failures = (int)CU_get_number_of_failures() + (CU_get_error() != CUE_SUCCESS);
    CU_cleanup_registry();
    return failures != 0;
}
