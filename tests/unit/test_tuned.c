/* Tiles: candidates are legal and differ, the text of measured ones reads back, and whatever else a file holds gives
 * messages or legal rows. */
#include "kernel/tuned.h"

#include <CUnit/Basic.h>
#include <string.h>

static const char *const sample =
    "tgc tune 1\n"
    "# by hand\n"
    "machine=x86-64-v4 dtype=f32 threads=2\n"
    "product=tn ends=sums batch=1 shared=1 m=256  n=256 k=2048 tile=6x4 rows=132 steps=1024 right=slice left=before # "
    "7 %\n"
    "product=nn ends=maps batch=3 shared=3 m=17   n=64  k=5    tile=14x2 rows=17 steps=5 right=place left=place\n"
    "machine=elsewhere dtype=f64 threads=64\r\n"
    "left=place right=place steps=5 product=nn ends=maps batch=3 shared=3 m=17 n=29 k=5 tile=9x9 rows=17\n"
    "product=nn ends=maps batch=3 shared=3 m=17 n=29 k=5 tile=9x9 rows=17 steps=5 right=place left=place\n";

static Tuned *read_text(Arena *arena, Diag *diag, const char *text, size_t size) {
    Source *source = NEW(arena, Source);
    *source = (Source){"m.tune", arena_strndup(arena, text, size), size};
    return tuned_read(arena, diag, source);
}

static const char *print(Arena *arena, const Tuned *tuned) {
    Text text;
    text_init(&text, arena);
    tuned_print(&text, tuned, "again");
    return text.at;
}

/* What the sample would be without the line that begins with no product. */
static const char *good_sample(Arena *arena) {
    const char *bad = strstr(sample, "left=place right"), *rest = strchr(bad, '\n') + 1;
    return arena_printf(arena, "%.*s%s", (int)(bad - sample), sample, rest);
}

static void test_it_reads_back(void) {
    Arena *arena = arena_new();
    Diag *diag = diag_new(arena);
    const char *text = good_sample(arena);
    const Tuned *first = read_text(arena, diag, text, strlen(text));
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    CU_ASSERT_EQUAL_FATAL(first->rows.count, 3);
    CU_ASSERT_EQUAL(first->rows.at[0].shape.form, 2);
    CU_ASSERT_EQUAL(first->rows.at[0].choice.rows, 132);
    CU_ASSERT_EQUAL(first->rows.at[1].choice.mr, 14);
    CU_ASSERT_STRING_EQUAL(first->rows.at[2].machine, "elsewhere");
    const char *once = print(arena, first);
    const Tuned *second = read_text(arena, diag, once, strlen(once));
    CU_ASSERT_PTR_NOT_NULL_FATAL(second);
    CU_ASSERT_STRING_EQUAL(print(arena, second), once);
    arena_free(arena);
}

static void test_a_line_begins_with_its_kind(void) {
    Arena *arena = arena_new();
    Diag *diag = diag_new(arena);
    CU_ASSERT_PTR_NULL(read_text(arena, diag, sample, strlen(sample)));
    CU_ASSERT_EQUAL(diag_count(diag), 1);
    arena_free(arena);
}

/* Rows that went through are legal, and print to what reads back. */
static void check_any(const char *text, size_t size) {
    Arena *arena = arena_new();
    Diag *diag = diag_new(arena);
    const Tuned *tuned = read_text(arena, diag, text, size);
    CU_ASSERT_EQUAL(tuned == NULL, diag_count(diag) > 0);
    if (tuned && tuned->rows.count) {
        const char *once = print(arena, tuned);
        const Tuned *again = read_text(arena, diag, once, strlen(once));
        CU_ASSERT_PTR_NOT_NULL_FATAL(again);
        CU_ASSERT_EQUAL(again->rows.count, tuned->rows.count);
        CU_ASSERT_STRING_EQUAL(print(arena, again), once);
    }
    arena_free(arena);
}

static void test_any_text_is_read_or_refused(void) {
    static const char bytes[] = {0, '\n', ' ', '=', 'x', '0', '9', '#', '-', (char)0xff};
    Arena *arena = arena_new();
    char *text = arena_printf(arena, "%s", good_sample(arena));
    size_t size = strlen(text);
    for (size_t end = 0; end <= size; end++) check_any(text, end);
    for (size_t at = 0; at < size; at++) {
        char was = text[at];
        for (size_t i = 0; i < sizeof bytes; i++) {
            text[at] = bytes[i];
            check_any(text, size);
        }
        text[at] = was;
    }
    arena_free(arena);
}

static void test_a_row_is_for_its_machine_and_product(void) {
    Arena *arena = arena_new();
    Diag *diag = diag_new(arena);
    const char *text = good_sample(arena);
    Tuned *tuned = read_text(arena, diag, text, strlen(text));
    CU_ASSERT_PTR_NOT_NULL_FATAL(tuned);
    const Machine *wide = machine_find("x86-64-v4"), *narrow = machine_find("portable");
    ProductFacts facts = {
        .shape = tuned->rows.at[0].shape, .lanes = 16, .element = 4, .registers = 32, .a_across = true};
    CU_ASSERT_PTR_EQUAL(tuned_find(tuned, &facts, wide, false), &tuned->rows.at[0].choice);
    CU_ASSERT_PTR_NULL(tuned_find(tuned, &facts, narrow, false));
    CU_ASSERT_PTR_NULL(tuned_find(tuned, &facts, wide, true));
    facts.a_across = false; /* this one lies otherwise */
    CU_ASSERT_PTR_NULL(tuned_find(tuned, &facts, wide, false));
    facts.shape.m++;
    CU_ASSERT_PTR_NULL(tuned_find(tuned, &facts, wide, false));
    Text left;
    text_init(&left, arena);
    tuned_left(&left, tuned, wide, false);
    CU_ASSERT_STRING_EQUAL(left.at,
                           "tgc: m.tune: 3 of 3 rows not used: 1 for another machine or type, 1 for no product "
                           "of this model, 1 that its product cannot take\n");
    arena_free(arena);
}

static void check_candidates(const ProductFacts *facts) {
    TileChoice choices[MOST_CANDIDATES], best = tile_best(facts);
    int count = tile_candidates(facts, &best, choices);
    CU_ASSERT_TRUE(count >= 1 && count <= MOST_CANDIDATES);
    CU_ASSERT_TRUE(tile_equal(&choices[0], &best));
    for (int i = 0; i < count; i++) {
        CU_ASSERT_PTR_NULL(tile_fault(facts, &choices[i]));
        for (int k = 0; k < i; k++) CU_ASSERT_FALSE(tile_equal(&choices[i], &choices[k]));
    }
}

static void test_candidates_are_legal_and_differ(void) {
    static const int64_t sizes[] = {1, 2, 7, 16, 33, 64, 256, 300, 1024, 2048, 50257};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    for (int row = 0; row < machine_count; row++)
        for (int at = 0; at < SIZES * SIZES * SIZES * 4; at++) {
            int64_t m = sizes[at / 4 % SIZES], n = sizes[at / 4 / SIZES % SIZES], k = sizes[at / 4 / SIZES / SIZES];
            ProductFacts facts = {.shape = {at % 4, 0, 1, 1, m, n, k}, .element = at % 3 ? 4 : 8};
            facts.lanes = machine_table[row].vector_bytes / facts.element;
            facts.registers = machine_table[row].registers;
            facts.a_across = (at & 2) != 0;
            facts.a_step = facts.element * (facts.a_across ? m : 1);
            facts.b_step = facts.element * (at & 1 ? 1 : n);
            check_candidates(&facts);
        }
}

int main(void) {
    CU_initialize_registry();
    CU_pSuite suite = CU_add_suite("tuned", NULL, NULL);
    CU_add_test(suite, "it reads back", test_it_reads_back);
    CU_add_test(suite, "a line begins with its kind", test_a_line_begins_with_its_kind);
    CU_add_test(suite, "any text is read or refused", test_any_text_is_read_or_refused);
    CU_add_test(suite, "a row is for its machine and product", test_a_row_is_for_its_machine_and_product);
    CU_add_test(suite, "candidates are legal and differ", test_candidates_are_legal_and_differ);
    CU_basic_run_tests();
    int failures = (int)CU_get_number_of_failures() + (CU_get_error() != CUE_SUCCESS);
    CU_cleanup_registry();
    return failures != 0;
}
