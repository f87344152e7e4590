/* test_inspect.c: what is read back from the written C, and what is found in C that was spoiled on purpose.
 *
 * Each test compiles a small model up to `emit`, in a process of its own where the program is to end. */
#include "emit/emit.h"
#include "pipeline.h"

#include <CUnit/Basic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A product with an epilogue, rows of a table by id, a softmax, and the gradients of all. */
static const char model_text[] =
    "tg 1\n"
    "param table: [40, 24] ~ normal(0.0, 0.1)\n"
    "param w: [24, 33] ~ xavier\n"
    "param b: [33] ~ zeros\n"
    "graph slopes(ids: i32[12], target: [12, 33]) -> (l: [], d_table: [40, 24], d_w: [24, 33], d_b: [33]) {\n"
    "  h = relu(gather(table, ids) @ w + b)\n"
    "  p = softmax(h, axis = -1)\n"
    "  l = mean((p - target) * (p - target))\n"
    "  d_table, d_w, d_b = grad(l, table, w, b)\n"
    "}\n";

static void compile_text(Compile *compile, Arena *arena, const char *text, bool f64) {
    char path[] = "/tmp/test_inspect-XXXXXX.tg";
    int file = mkstemps(path, 3);
    CU_ASSERT_FATAL(file >= 0);
    CU_ASSERT_FATAL(write(file, text, strlen(text)) == (ssize_t)strlen(text));
    close(file);
    compile_init(compile, arena, path);
    compile->target = "portable";
    compile->stop_after = "emit";
    compile->options.f64 = f64;
    compile->output.prefix = "m";
    int status = pipeline_run(compile);
    unlink(path);
    CU_ASSERT_EQUAL_FATAL(status, 0);
}

/* ---- where functions stand ---- */

static bool calls(const FunctionText *text, const char *name) {
    for (int i = 0; i < text->calls.count; i++)
        if (!strcmp(text->calls.at[i], name)) return true;
    return false;
}

static void every_kernel_is_found_with_its_text(void) {
    Arena *arena = arena_new();
    Compile compile;
    compile_text(&compile, arena, model_text, false);
    FunctionTexts texts;
    inspect_functions(&compile.output, compile.machine, arena, &texts);
    int kernels = 0, loads = 0, products = 0;
    for (int i = 0; i < texts.count; i++) {
        const FunctionText *text = &texts.at[i];
        const char *from = compile.output.source.at + text->from;
        int line = 1;
        for (const char *at = compile.output.source.at; at < from; at++) line += *at == '\n';
        CU_ASSERT_EQUAL(text->line, line);
        CU_ASSERT_EQUAL(from[text->to - text->from - 1], '}');
        if (text->kernel < 0) continue;
        const char *whole = compile.output.kernels.at[text->kernel].text;
        kernels++;
        CU_ASSERT_EQUAL(strncmp(from, whole, text->to - text->from), 0);
        CU_ASSERT_EQUAL(text->to - text->from + 1, strlen(whole)); /* all but the last newline */
        loads += calls(text, "tg_load");
        products += calls(text, "tg_splat");
        CU_ASSERT_FALSE(calls(text, "printf"));
    }
    CU_ASSERT_EQUAL(kernels, compile.output.kernels.count);
    CU_ASSERT_TRUE(kernels > 4);
    CU_ASSERT_TRUE(loads > 0 && products > 0);
    CU_ASSERT_EQUAL(texts.count, compile.output.kernels.count + compile.output.others.count);
    arena_free(arena);
}

/* ---- C that was spoiled ---- */

typedef struct Spoiled {
    const char *text, *by; /* the first place of one, put in place of it; in every kernel's text alike */
    const char *message;   /* what is said before the program ends with status 70 */
} Spoiled;

static const Spoiled spoiled[] = {
    {"static void k00", "static int unused;\nstatic void k00", "internal error in emit: the written C is not clean"},
    {"int m_new(", "int m_extra(void);\nint m_extra(void) {\n    return 0;\n}\n\nint m_new(",
     "internal error in emit: a function that was not planned: m_extra"},
    {"static void k03_d_add", "static void z03_d_add", "internal error in emit: the written C is not clean"},
    {"const int j = slice * 12;", "const int j = slice * 12 + (int)floorf(0.0f);",
     "internal error in lower: k02_matmul calls floorf, which is not of the runtime"},
    {"    tg_slot slot = {0};\n", "    tg_slot slot = {0};\n    if (fabsf(0.0f) > 1) return TG_OK;\n",
     "internal error in emit: m_slopes calls fabsf"},
    {"tg_fold_add(total_lanes)", "(float)((double)tg_fold_add(total_lanes) * 1.0f)", "computes in double in line"},
    {"tg_max(total, 1e-30f)", "tg_max(total, (float)1e-30)", "computes in double in line"},
    {"TG_NO_UNROLL\n            for (int k = 0; TG_LIKELY(k < 24); k++)", "for (int k = 0; k < 25; k++)",
     "internal error in lower: k02_matmul does 10800 multiply-adds; its comment says 10368, its loops 10368"},
    {"(10368 multiply-adds)", "(10369 multiply-adds)",
     "internal error in lower: k02_matmul does 10368 multiply-adds; its comment says 10369, its loops 10368"},
    {"            c00 += ", "            c00 = ", "its comment says 10368, its loops 10368"},
    {"TG_NO_UNROLL\n            for (int k = 0; TG_LIKELY(k < 24); k++)",
     "for (int k = 0; k < (int)given->matmul[0]; k++)",
     "internal error in lower: k02_matmul: the bounds of the loop in line"},
    {"TG_NO_UNROLL\n            for (int k = 0; TG_LIKELY(k < 24); k++)", "for (int k = 24; k-- > 0;)",
     "internal error in lower: k02_matmul: the bounds of the loop"},
    {"tg_check_index(slot, ids[i], 40, i, \"gather\")", "(tg_check_index(slot, ids[i], 40, i, \"gather\"), ids[i])",
     "internal error in lower: k01_gather uses elements of checked_ids as indices, which no launch before has checked"},
    {".checked_ids = t.checked_ids, .table", ".checked_ids = ids, .table",
     "internal error in lower: k01_gather uses elements of checked_ids as indices, which no launch before has checked"},
    {"},\n        2);", "},\n        1);",
     "internal error in emit: a call of tg_for_all has 2 jobs and does not say so"},
};

static void spoil(Compile *compile, const Spoiled *how) {
    Text *source = &compile->output.source;
    char *at = strstr(source->at, how->text);
    if (!at) _exit(1); /* the test is to be written anew */
    Text made;
    text_init(&made, compile->arena);
    text_printf(&made, "%.*s%s%s", (int)(at - source->at), source->at, how->by, at + strlen(how->text));
    *source = made;
}

/* What inspect says of the model's C, spoiled or not, in a process of its own. */
static int inspected(const Spoiled *how, char *message, size_t size) {
    int pipes[2], status = 0;
    CU_ASSERT_FATAL(pipe(pipes) == 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        Arena *arena = arena_new();
        Compile compile;
        compile_text(&compile, arena, model_text, false);
        dup2(pipes[1], STDERR_FILENO);
        if (how) spoil(&compile, how);
        inspect(&compile.output, compile.machine, NULL);
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

static void spoiled_c_is_found(void) {
    char message[1024];
    CU_ASSERT_EQUAL(inspected(NULL, message, sizeof message), 0);
    for (size_t i = 0; i < sizeof spoiled / sizeof *spoiled; i++) {
        int status = inspected(&spoiled[i], message, sizeof message);
        bool found = status == 70 && strstr(message, spoiled[i].message);
        if (!found) printf("%s: status %d: %s\n", spoiled[i].by, status, message);
        CU_ASSERT_TRUE(found);
    }
}

int main(void) {
    CU_initialize_registry();
    CU_pSuite suite = CU_add_suite("inspect", NULL, NULL);
    CU_ADD_TEST(suite, every_kernel_is_found_with_its_text);
    CU_ADD_TEST(suite, spoiled_c_is_found);
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    unsigned failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures != 0;
}
