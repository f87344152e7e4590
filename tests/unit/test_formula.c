/* Every operation that has an adjoint rule has the mathematics that the rule follows from. */
#include "ops/ops.h"

#include <CUnit/Basic.h>
#include <string.h>

static void test_rules_have_formulas(void) {
    int rules = 0;
    for (int i = 0; i < op_count; i++) {
        const Op *op = op_table[i];
        const OpFormula *formula = op_formula(op);
        if (!op->adjoint || op->kind == OP_DERIVE) continue;
        rules++;
        if (!formula) printf("%s has no formula\n", op->name);
        CU_ASSERT_PTR_NOT_NULL(formula);
        CU_ASSERT(formula && strstr(formula->value, " = ") && !strncmp(formula->change, "δ", strlen("δ")));
    }
    CU_ASSERT(rules > 35);
}

static void test_others_have_none(void) {
    CU_ASSERT_PTR_NULL(op_formula(&op_input));
    CU_ASSERT_PTR_NULL(op_formula(&op_check_range));
    CU_ASSERT_STRING_EQUAL(op_formula(&op_exp)->change, "δY = Y * δX");
}

int main(void) {
    CU_initialize_registry();
    CU_pSuite suite = CU_add_suite("formula", NULL, NULL);
    CU_ADD_TEST(suite, test_rules_have_formulas);
    CU_ADD_TEST(suite, test_others_have_none);
    CU_basic_run_tests();
    int failures = (int)CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures != 0;
}
