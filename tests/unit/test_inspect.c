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

int main(void) {
    CU_initialize_registry();
    CU_pSuite suite = CU_add_suite("inspect", NULL, NULL);
    CU_ADD_TEST(suite, every_kernel_is_found_with_its_text);
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    unsigned failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures != 0;
}
