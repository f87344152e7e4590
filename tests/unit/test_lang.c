/* test_lang.c: the parser and the printer.
 *
 * tests/lang/NAME.tg is parsed; what it says on stderr is NAME.err (no such file: nothing), and NAME.fmt is how it is
 * printed. Adding a case is adding these files; TGC_UPDATE_GOLDEN=1 writes the second and third anew.
 * Every file that parses is printed, parsed and printed again: the second print equals the first. */
#include "lang/lang.h"

#include <CUnit/Basic.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

typedef struct Parsed {
    Arena *arena;
    Diag *diag;
    Source source;
    File *file;
} Parsed;

static Parsed *parse(const char *path, const char *text, size_t size) {
    Arena *arena = arena_new();
    Parsed *parsed = NEW(arena, Parsed);
    *parsed = (Parsed){.arena = arena, .diag = diag_new(arena), .source = {path, text, size}};
    parsed->file = lang_parse(arena, names_new(arena), parsed->diag, &parsed->source);
    return parsed;
}

static Parsed *parse_text(const char *text) {
    return parse("test.tg", text, strlen(text));
}

static const char *messages_of(Parsed *parsed) {
    char *bytes = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&bytes, &size);
    diag_print(parsed->diag, stream, false);
    fclose(stream);
    const char *copy = arena_strndup(parsed->arena, bytes, size);
    free(bytes);
    return copy;
}

static const char *print_of(Parsed *parsed) {
    Text text;
    text_init(&text, parsed->arena);
    lang_print(&text, parsed->file);
    return text.at;
}

/* ---- the folder ---- */

static const char *folder(void) {
    const char *root = getenv("TGC_ROOT");
    static char path[4096];
    snprintf(path, sizeof path, "%s/tests/lang", root ? root : ".");
    return path;
}

/* Holds `got` against a golden file; `wanted` when there must be one. */
static void check_golden(Arena *arena, const char *name, const char *suffix, const char *got) {
    const char *path = arena_printf(arena, "%s/%s%s", folder(), name, suffix);
    size_t size = 0;
    const char *want = text_read_file(arena, path, &size);
    const char *update = getenv("TGC_UPDATE_GOLDEN");
    if (update && *update && (want || (*got && strcmp(suffix, ".err") == 0))) {
        CU_ASSERT_TRUE(text_write_file(path, got, strlen(got)));
        return;
    }
    if (!want) want = "";
    if (strcmp(want, got) != 0) fprintf(stderr, "\n%s%s: got\n%s", name, suffix, got);
    CU_ASSERT_STRING_EQUAL(got, want);
}

static bool has_golden(Arena *arena, const char *name, const char *suffix) {
    size_t size;
    return text_read_file(arena, arena_printf(arena, "%s/%s%s", folder(), name, suffix), &size) != NULL;
}

static void check_print(Parsed *parsed, const char *name) {
    const char *once = print_of(parsed);
    if (has_golden(parsed->arena, name, ".fmt")) check_golden(parsed->arena, name, ".fmt", once);
    Parsed *again = parse_text(once);
    CU_ASSERT_STRING_EQUAL(messages_of(again), "");
    CU_ASSERT_STRING_EQUAL(print_of(again), once);
    arena_free(again->arena);
}

static void check_case(const char *file) {
    Arena *arena = arena_new();
    const char *name = arena_strndup(arena, file, strlen(file) - 3);
    size_t size = 0;
    const char *text = text_read_file(arena, arena_printf(arena, "%s/%s", folder(), file), &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    Parsed *parsed = parse(file, text, size);
    check_golden(arena, name, ".err", messages_of(parsed));
    if (diag_count(parsed->diag) == 0) check_print(parsed, name);
    arena_free(parsed->arena);
    arena_free(arena);
}

static void the_cases_of_the_folder(void) {
    struct dirent **entries;
    int count = scandir(folder(), &entries, NULL, alphasort), cases = 0;
    CU_ASSERT_TRUE_FATAL(count > 0);
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        size_t length = strlen(name);
        if (length > 3 && strcmp(name + length - 3, ".tg") == 0) {
            check_case(name);
            cases++;
        }
        free(entries[i]);
    }
    free(entries);
    CU_ASSERT_TRUE(cases > 20);
}

/* ---- the tree ---- */

static const Expr *value_of(const char *expression, Parsed **parsed) {
    static char text[1024];
    snprintf(text, sizeof text, "tg 1\nlet v = %s\n", expression);
    *parsed = parse_text(text);
    CU_ASSERT_STRING_EQUAL(messages_of(*parsed), "");
    CU_ASSERT_EQUAL_FATAL((*parsed)->file->items.count, 2);
    return (*parsed)->file->items.at[1]->bindings.at[0].value;
}

/* Every operation in its own parentheses. */
static void grouped(Text *text, const Expr *expr) {
    switch (expr->kind) {
    case EXPR_UNARY:
        text_add(text, expr->unary == UNARY_NEG ? "(-" : "(not ");
        grouped(text, expr->left);
        text_add(text, ")");
        break;
    case EXPR_BINARY:
        text_add(text, "(");
        grouped(text, expr->left);
        text_printf(text, " %s ", binary_text(expr->binary));
        grouped(text, expr->right);
        text_add(text, ")");
        break;
    case EXPR_AS:
    case EXPR_TO:
        text_add(text, "(");
        grouped(text, expr->left);
        text_add(text, expr->kind == EXPR_AS ? " as " : " to ");
        type_print(text, expr->type);
        text_add(text, ")");
        break;
    case EXPR_FIELD:
        text_add(text, "(");
        grouped(text, expr->left);
        text_printf(text, ".%s)", expr->name);
        break;
    default:
        expr_print(text, expr);
    }
}

static void operators_bind_as_stated(void) {
    static const char *const rows[][2] = {
        {"a + b * c", "(a + (b * c))"},
        {"a - b - c", "((a - b) - c)"},
        {"a ** b ** c", "(a ** (b ** c))"},
        {"-a ** b", "(-(a ** b))"},
        {"a ** -b", "(a ** (-b))"},
        {"a ** -b * c", "((a ** (-b)) * c)"},
        {"-a * b", "((-a) * b)"},
        {"a @ b.T", "(a @ (b.T))"},
        {"0.5 * x.T @ A.T", "((0.5 * (x.T)) @ (A.T))"},
        {"-x as [M]", "(-(x as [M]))"},
        {"x as [M] to [N]", "((x as [M]) to [N])"},
        {"a + b as [M, 2 * N]", "(a + (b as [M, 2*N]))"},
        {"a < b + c", "(a < (b + c))"},
        {"not a == b and c or d", "(((not (a == b)) and c) or d)"},
        {"a and not b", "(a and (not b))"},
        {"a / b % c", "((a / b) % c)"},
        {"(a + b) * c", "((a + b) * c)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Parsed *parsed;
        const Expr *expr = value_of(rows[i][0], &parsed);
        Text text;
        text_init(&text, parsed->arena);
        grouped(&text, expr);
        CU_ASSERT_STRING_EQUAL(text.at, rows[i][1]);
        arena_free(parsed->arena);
    }
}

static void check_span(Span span, const char *want) {
    CU_ASSERT_EQUAL_FATAL(span.end - span.start, strlen(want));
    CU_ASSERT_EQUAL(memcmp(span.source->text + span.start, want, strlen(want)), 0);
}

static void spans_cover_what_was_written(void) {
    Parsed *parsed;
    const Expr *product = value_of("(a + b) @ f(x, axis = 1)[0:2]", &parsed);
    check_span(product->span, "(a + b) @ f(x, axis = 1)[0:2]");
    check_span(product->at, "@");
    check_span(product->left->span, "(a + b)");
    check_span(product->left->inside, "a + b");
    check_span(product->left->at, "+");
    check_span(product->right->left->span, "f(x, axis = 1)");
    check_span(product->right->left->arguments.at[1].span, "axis = 1");
    check_span(product->right->left->arguments.at[1].name.span, "axis");
    check_span(product->right->indices.at[0].span, "0:2");
    arena_free(parsed->arena);
}

static void the_parts_of_items(void) {
    Parsed *parsed = parse_text("tg 1\n"
                                "import \"nn.tg\" as nn\n"
                                "dim N = 2, T in [16, 32]\n"
                                "module M(D, eps = 1e-5) {\n"
                                "  param W: bf16[D, ..] ~ normal(0.0, 1.0) with decay = false\n"
                                "  use a[3] = nn.Affine(D, D)\n"
                                "  if D == 1 { let K = 1 } else if D == 2 { let K = 2 } else { let K = 3 }\n"
                                "  fn [B](x: [B, D], p, q = 2) -> (y: [B, D], z: []) { return x, 0 }\n"
                                "}\n"
                                "train t(x: [N]) -> (l: []) {\n"
                                "  for i, e in 0..3 remat { s[:, 0:1, ..] := x }\n"
                                "} using adam(lr = 1)\n");
    CU_ASSERT_STRING_EQUAL(messages_of(parsed), "");
    const ItemList *items = &parsed->file->items;
    CU_ASSERT_EQUAL_FATAL(items->count, 5);
    CU_ASSERT_STRING_EQUAL(items->at[1]->path, "nn.tg");
    CU_ASSERT_STRING_EQUAL(items->at[1]->alias.name, "nn");
    CU_ASSERT_PTR_NULL(items->at[2]->sizes.at[1].value);
    CU_ASSERT_EQUAL(items->at[2]->sizes.at[1].choices.count, 2);
    const Module *module = items->at[3]->module;
    CU_ASSERT_EQUAL(module->arguments.at[1].value->number, 1e-5);
    CU_ASSERT_EQUAL_FATAL(module->members.count, 4);
    const Parameter *W = module->members.at[0]->parameter;
    CU_ASSERT_STRING_EQUAL(W->type->element.name, "bf16");
    CU_ASSERT_PTR_NULL(W->type->dims.at[1].size);
    CU_ASSERT_EQUAL(W->attributes.count, 1);
    CU_ASSERT_EQUAL(module->members.at[1]->instances.at[0].count->number, 3);
    const Choice *choice = module->members.at[2]->choice;
    CU_ASSERT_EQUAL(choice->otherwise.at[0]->kind, ITEM_IF);
    CU_ASSERT_TRUE(choice->otherwise.at[0]->choice->has_else);
    const Function *call = module->members.at[3]->function;
    CU_ASSERT_PTR_NULL(call->name.name);
    CU_ASSERT_PTR_NULL(call->arguments.at[1].type);
    CU_ASSERT_EQUAL(call->arguments.at[2].value->number, 2);
    CU_ASSERT_TRUE(call->named_results);
    const EntryPoint *train = items->at[4]->entry;
    CU_ASSERT_STRING_EQUAL(train->optimiser->left->name, "adam");
    const Stmt *loop = train->body.stmts.at[0];
    CU_ASSERT_TRUE(loop->remat);
    CU_ASSERT_EQUAL(loop->stop->number, 3);
    CU_ASSERT_EQUAL(loop->body.stmts.at[0]->place->indices.at[2].kind, INDEX_REST);
    arena_free(parsed->arena);
}

/* ---- any bytes at all ---- */

static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Parses, prints the messages or the tree, and only must not crash. */
static void survive(const char *text, size_t size) {
    char *exact = malloc(size + 1); /* so that a sanitizer sees a read past its end */
    memcpy(exact, text, size);
    exact[size] = '\0';
    Parsed *parsed = parse("test.tg", exact, size);
    bool printed = diag_count(parsed->diag) ? *messages_of(parsed) != '\0' : true;
    CU_ASSERT_TRUE(printed);
    if (diag_count(parsed->diag) == 0) check_print(parsed, "none");
    arena_free(parsed->arena);
    free(exact);
}

static char *tour(Arena *arena, size_t *size) {
    char *text = text_read_file(arena, arena_printf(arena, "%s/tour.tg", folder()), size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    return text;
}

static void cut_anywhere(void) {
    Arena *arena = arena_new();
    size_t size = 0;
    const char *text = tour(arena, &size);
    for (size_t i = 0; i < size; i += 1 + i % 3) {
        survive(text, i);
        survive(text + i, size - i);
    }
    arena_free(arena);
}

static void changed_anywhere(void) {
    Arena *arena = arena_new();
    size_t size = 0;
    char *text = tour(arena, &size);
    uint32_t random = 1;
    for (int round = 0; round < 1500; round++) {
        size_t at[4];
        char old[4];
        static const char likely[] = "{}()[]\n;=,.:#\"+-*@";
        for (int k = 0; k < 4; k++) {
            at[k] = next_random(&random) % size;
            old[k] = text[at[k]];
            uint32_t pick = next_random(&random);
            text[at[k]] = round % 2 ? (char)pick : likely[pick % (sizeof likely - 1)];
        }
        survive(text, size);
        for (int k = 4; k-- > 0;) text[at[k]] = old[k];
    }
    arena_free(arena);
}

/* Words of the language in random order find other paths than bytes do. */
static void words_in_any_order(void) {
    static const char *const words[] = {
        "tg",  "1",   "\n", "\n",    "module", "graph", "fn",  "train", "if",    "else",   "for",    "in",
        "use", "{",   "}",  "(",     ")",      "[",     "]",   ",",     ":",     "->",     "=",      ":=",
        "a",   "b",   "..", "let",   "+",      "-",     "not", "as",    "using", "with",   "return", "param",
        "~",   "dim", ";",  "\"s\"", "$",      ".",     "2.5", "@",     "**",    "assert",
    };
    Arena *arena = arena_new();
    uint32_t random = 7;
    for (int round = 0; round < 3000; round++) {
        Text text;
        text_init(&text, arena);
        text_add(&text, "tg 1\n");
        int count = 1 + (int)(next_random(&random) % 60);
        for (int i = 0; i < count; i++)
            text_printf(&text, "%s ", words[next_random(&random) % (sizeof words / sizeof *words)]);
        survive(text.at, text.length);
    }
    arena_free(arena);
}

static void check_deep(const char *before, const char *repeat, int times, const char *after, bool accepted) {
    Arena *arena = arena_new();
    Text text;
    text_init(&text, arena);
    text_printf(&text, "tg 1\n%s", before);
    for (int i = 0; i < times; i++) text_add(&text, repeat);
    text_add(&text, after);
    Parsed *parsed = parse_text(text.at);
    CU_ASSERT_EQUAL(diag_count(parsed->diag), accepted ? 0 : 1);
    if (!accepted) CU_ASSERT_PTR_NOT_NULL(strstr(messages_of(parsed), "error[E0106]: nested too deeply"));
    if (accepted) check_print(parsed, "none");
    arena_free(parsed->arena);
    arena_free(arena);
}

static void nesting_has_a_limit(void) {
    check_deep("let a = ", "a + ", 900, "a\n", true);
    check_deep("let a = ", "a + ", 100000, "a\n", false);
    check_deep("let a = ", "-", 900, "a\n", true);
    check_deep("let a = ", "-", 100000, "a\n", false);
    check_deep("let a = ", "a ** ", 50000, "a\n", false);
    check_deep("let a = b", ".T", 50000, "\n", false);
    check_deep("let a = ", "(", 100000, "a\n", false);
    check_deep("let a = ", "f([", 100000, "a\n", false);
    check_deep("", "if 1 {\n", 100000, "", false);
    check_deep("if 1 { }", " else if 1 { }", 100, "\n", true);
    check_deep("if 1 { }", " else if 1 { }", 100000, "\n", false);
}

int main(void) {
    CU_initialize_registry();
    CU_pSuite suite = CU_add_suite("lang", NULL, NULL);
    CU_ADD_TEST(suite, the_cases_of_the_folder);
    CU_ADD_TEST(suite, operators_bind_as_stated);
    CU_ADD_TEST(suite, spans_cover_what_was_written);
    CU_ADD_TEST(suite, the_parts_of_items);
    CU_ADD_TEST(suite, cut_anywhere);
    CU_ADD_TEST(suite, changed_anywhere);
    CU_ADD_TEST(suite, words_in_any_order);
    CU_ADD_TEST(suite, nesting_has_a_limit);
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    unsigned failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures != 0;
}
