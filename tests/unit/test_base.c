/* test_base.c: memory, names, text, files and messages. */
#include "base/base.h"

#include <CUnit/Basic.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void arena_blocks_are_zero_aligned_and_apart(void) {
    Arena *arena = arena_new();
    static const size_t sizes[] = {0, 1, 15, 16, 17, 1000, 20000, 70000, 3};
    char *blocks[sizeof sizes / sizeof *sizes];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        blocks[i] = arena_alloc(arena, sizes[i]);
        CU_ASSERT_EQUAL((uintptr_t)blocks[i] % 16, 0);
        for (size_t k = 0; k < sizes[i]; k++) CU_ASSERT_EQUAL_FATAL(blocks[i][k], 0);
        memset(blocks[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t k = 0; k < sizes[i]; k++) CU_ASSERT_EQUAL_FATAL(blocks[i][k], (char)(i + 1));
    arena_free(arena);
    arena_free(NULL);
}

static void vectors_grow(void) {
    Arena *arena = arena_new();
    VEC(int) numbers = {0};
    for (int i = 0; i < 1000; i++) vec_push(arena, &numbers, i * i);
    CU_ASSERT_EQUAL(numbers.count, 1000);
    CU_ASSERT_EQUAL(numbers.at[999], 999 * 999);
    CU_ASSERT_EQUAL(numbers.at[3], 9);
    arena_free(arena);
}

static void equal_names_are_equal_pointers(void) {
    Arena *arena = arena_new();
    Names *names = names_new(arena);
    const char *many[2000];
    for (int i = 0; i < 2000; i++) many[i] = name_of(names, arena_printf(arena, "name%d", i));
    for (int i = 0; i < 2000; i++) CU_ASSERT_PTR_EQUAL(many[i], name_of(names, arena_printf(arena, "name%d", i)));
    CU_ASSERT_PTR_EQUAL(name_intern(names, "name12345", 6), many[12]);
    CU_ASSERT_STRING_EQUAL(name_of(names, ""), "");
    arena_free(arena);
}

static void nearest_name(void) {
    static const char *const known[] = {"encoder", "decoder", "softmax", "D", NULL};
    CU_ASSERT_STRING_EQUAL(name_nearest("emcoder", known, 5), "encoder");
    CU_ASSERT_STRING_EQUAL(name_nearest("sotfmax", known, 5), "softmax");
    CU_ASSERT_PTR_NULL(name_nearest("banana", known, 5));
    CU_ASSERT_PTR_NULL(name_nearest("x", known, 5));
    CU_ASSERT_PTR_NULL(name_nearest("encoder", known, 0));
}

static void text_indents_lines_that_are_not_empty(void) {
    Arena *arena = arena_new();
    Text text;
    text_init(&text, arena);
    text_add(&text, "a {\n");
    text_indent(&text, 1);
    CU_ASSERT_EQUAL(text_column(&text), 4);
    text_add(&text, "b;\n\nc");
    CU_ASSERT_EQUAL(text_column(&text), 5);
    text_printf(&text, "%d;\n", 12);
    text_indent(&text, -1);
    text_add(&text, "}\n");
    CU_ASSERT_STRING_EQUAL(text.at, "a {\n    b;\n\n    c12;\n}\n");
    for (int i = 0; i < 1000; i++) text_printf(&text, "%0300d", i);
    CU_ASSERT_EQUAL(text.length, strlen(text.at));
    CU_ASSERT_EQUAL(text_column(&text), 300000);
    arena_free(arena);
}

static void files_are_written_whole(void) {
    Arena *arena = arena_new();
    char folder[] = "/tmp/test_base_XXXXXX";
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    const char *path = arena_printf(arena, "%s/file", folder), *link = arena_printf(arena, "%s/link", folder);
    size_t size = 0;
    CU_ASSERT_PTR_NULL(text_read_file(arena, path, &size));
    CU_ASSERT_EQUAL(errno, ENOENT);
    CU_ASSERT_PTR_NULL(text_read_file(arena, folder, &size));
    CU_ASSERT_EQUAL(errno, EISDIR);
    CU_ASSERT_TRUE(text_write_file(path, "one\0two", 7));
    const char *back = text_read_file(arena, path, &size);
    CU_ASSERT_EQUAL_FATAL(size, 7);
    CU_ASSERT_EQUAL(memcmp(back, "one\0two", 8), 0);
    CU_ASSERT_EQUAL(chmod(path, 0640), 0);
    CU_ASSERT_EQUAL(symlink(path, link), 0);
    CU_ASSERT_TRUE(text_write_file(link, "", 0));
    struct stat state;
    CU_ASSERT_EQUAL(lstat(link, &state), 0);
    CU_ASSERT_TRUE(S_ISLNK(state.st_mode));
    CU_ASSERT_EQUAL(stat(path, &state), 0);
    CU_ASSERT_EQUAL(state.st_size, 0);
    CU_ASSERT_EQUAL(state.st_mode & 0777, 0640);
    CU_ASSERT_FALSE(text_write_file(folder, "x", 1));
    CU_ASSERT_EQUAL(errno, EISDIR);
    CU_ASSERT_FALSE(text_write_file(arena_printf(arena, "%s/none/file", folder), "x", 1));
    CU_ASSERT_EQUAL(errno, ENOENT);
    CU_ASSERT_TRUE(text_write_file("/dev/null", "x", 1));
    unlink(link);
    unlink(path);
    CU_ASSERT_EQUAL(rmdir(folder), 0); /* nothing else was left behind */
    arena_free(arena);
}

/* The span of the first `needle` in a source. */
static Span find(const Source *source, const char *needle) {
    const char *at = strstr(source->text, needle);
    uint32_t start = (uint32_t)(at - source->text);
    return (Span){source, start, start + (uint32_t)strlen(needle)};
}

static const char *printed(Arena *arena, const Diag *diag, bool colour) {
    char *bytes = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&bytes, &size);
    diag_print(diag, stream, colour);
    fclose(stream);
    const char *copy = arena_strndup(arena, bytes, size);
    free(bytes);
    return copy;
}

static Source source_of(const char *path, const char *text) {
    return (Source){path, text, strlen(text)};
}

static void messages_show_places_in_order(void) {
    Arena *arena = arena_new();
    Diag *diag = diag_new(arena);
    Source source = source_of("nmt.tg", "param emb: [V, D]\n\n    return y @ emb\nlast");
    diag_error(diag, find(&source, "last"), E0101, "unexpected `%s`", "last");
    Message *message = diag_error(diag, find(&source, "@"), E0301, "cannot multiply [B, T, D] by [V, D]");
    diag_label(message, "inner sizes differ: D (%d) and V (%d)", 256, 8000);
    diag_mark(message, find(&source, "y"));
    diag_mark(message, (Span){&source, 34, 37});
    diag_note(message, find(&source, "emb"), "emb is declared here as [V, D]");
    diag_help(message, "transpose the right operand: y @ emb.T");
    diag_error(diag, (Span){0}, E0101, "no place");
    CU_ASSERT_EQUAL(diag_count(diag), 3);
    CU_ASSERT_STRING_EQUAL(printed(arena, diag, false),
                           "nmt.tg:3:14: error[E0301]: cannot multiply [B, T, D] by [V, D]\n"
                           " 3 |     return y @ emb\n"
                           "   |            ~ ^ ~~~  inner sizes differ: D (256) and V (8000)\n"
                           "nmt.tg:1:7: note: emb is declared here as [V, D]\n"
                           "help: transpose the right operand: y @ emb.T\n"
                           "nmt.tg:4:1: error[E0101]: unexpected `last`\n"
                           " 4 | last\n"
                           "   | ^^^^\n"
                           "error[E0101]: no place\n");
    CU_ASSERT_PTR_NOT_NULL(strstr(printed(arena, diag, true), "\x1b[1;31merror[E0301]:\x1b[0m "));
    arena_free(arena);
}

static void the_same_message_is_shown_once(void) {
    Arena *arena = arena_new();
    Diag *diag = diag_new(arena);
    Source source = source_of("a.tg", "x y");
    for (int i = 0; i < 3; i++) diag_help(diag_error(diag, find(&source, "x"), E0101, "mistake"), "mend");
    diag_error(diag, find(&source, "y"), E0101, "mistake");
    CU_ASSERT_EQUAL(diag_count(diag), 2);
    arena_free(arena);
}

/* One line with a mark under `needle`: where the column and the caret fall. */
static void check_caret(const char *line, const char *needle, const char *expected) {
    Arena *arena = arena_new();
    Diag *diag = diag_new(arena);
    Source source = source_of("a", line);
    diag_error(diag, find(&source, needle), E0101, "m");
    const char *got = printed(arena, diag, false);
    if (strcmp(got, expected) != 0) fprintf(stderr, "got:\n%swant:\n%s", got, expected);
    CU_ASSERT_STRING_EQUAL(got, expected);
    arena_free(arena);
}

static void columns_count_characters(void) {
    check_caret("é = y", "y", "a:1:5: error[E0101]: m\n 1 | é = y\n   |     ^\n");
    check_caret("\tx\ty", "y", "a:1:4: error[E0101]: m\n 1 | \tx\ty\n   | \t \t^\n");
    check_caret("\"訳\" y", "y", "a:1:5: error[E0101]: m\n 1 | \"訳\" y\n   |      ^\n");
    check_caret("\xEF\xBB\xBFx\r\n", "x", "a:1:1: error[E0101]: m\n 1 | x\n   | ^\n");
    check_caret("\xFF\x1b y", "y", "a:1:4: error[E0101]: m\n 1 | ?? y\n   |    ^\n");
    check_caret("x +\ny", "+\ny", "a:1:3: error[E0101]: m\n 1 | x +\n   |   ^\n");
    check_caret("x", "", "a:1:1: error[E0101]: m\n 1 | x\n   | ^\n");
    check_caret("", "", "a:1:1: error[E0101]: m\n 1 | \n   | ^\n");
}

static void spans_join_and_know_their_line(void) {
    Source one = source_of("1", "a\nb\nc"), two = source_of("2", "");
    Span joined = span_join(find(&one, "c"), find(&one, "a"));
    CU_ASSERT_EQUAL(joined.start, 0);
    CU_ASSERT_EQUAL(joined.end, 5);
    CU_ASSERT_EQUAL(span_line(find(&one, "c")), 3);
    CU_ASSERT_PTR_EQUAL(span_join((Span){0}, find(&one, "a")).source, &one);
    CU_ASSERT_EQUAL(span_join(find(&one, "a"), (Span){&two, 0, 0}).end, 1);
    CU_ASSERT_STRING_EQUAL(diag_code_name(E0301), "E0301");
}

int main(void) {
    CU_initialize_registry();
    CU_pSuite suite = CU_add_suite("base", NULL, NULL);
    CU_ADD_TEST(suite, arena_blocks_are_zero_aligned_and_apart);
    CU_ADD_TEST(suite, vectors_grow);
    CU_ADD_TEST(suite, equal_names_are_equal_pointers);
    CU_ADD_TEST(suite, nearest_name);
    CU_ADD_TEST(suite, text_indents_lines_that_are_not_empty);
    CU_ADD_TEST(suite, files_are_written_whole);
    CU_ADD_TEST(suite, messages_show_places_in_order);
    CU_ADD_TEST(suite, the_same_message_is_shown_once);
    CU_ADD_TEST(suite, columns_count_characters);
    CU_ADD_TEST(suite, spans_join_and_know_their_line);
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    unsigned failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures != 0;
}
