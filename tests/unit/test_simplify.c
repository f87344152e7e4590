/* test_simplify.c: what simplify and expand make of a graph, by the nodes that are left, and how a graph is printed. */
#include "graph_cases.h"
#include "pass/pass.h"

static const int axis0[] = {0}, axis1[] = {1};

static void transposes_fold_into_the_product(void) {
    Bench bench = bench_new();
    Graph *g = bench.graph;
    Node *a = bench_input(&bench, "a", DT_FLOAT, (Shape){.rank = 2, .size = {3, 2}});
    Node *b = bench_input(&bench, "b", DT_FLOAT, (Shape){.rank = 2, .size = {5, 3}}), *results[2];
    Node *c = matmul(g, transpose(g, a), transpose(g, b), false, false);
    grad(g, sum_all(g, multiply(g, c, c)), (Node *[]){a, b}, 2, results);
    for (int i = 0; i < 2; i++) bench_result(&bench, results[i]);
    gradient(bench.model);
    simplify(bench.model);
    CU_ASSERT_EQUAL(node_count(bench.entry, &op_permute), 0);
    CU_ASSERT_EQUAL(node_count(bench.entry, &op_matmul), 3);
    arena_free(bench.arena);
}

/* K of [N, H, K] read as [H, K, N]: a flag, and a permutation that leaves the innermost axis where it is. */
static void an_inner_transposition_becomes_a_flag(void) {
    Bench bench = bench_new();
    Graph *g = bench.graph;
    Node *q = bench_input(&bench, "q", DT_FLOAT, (Shape){.rank = 3, .size = {2, 3, 4}});
    Node *k = bench_input(&bench, "k", DT_FLOAT, (Shape){.rank = 3, .size = {5, 2, 4}});
    bench_result(&bench, matmul(g, q, permute(g, k, (const int[]){1, 2, 0}), false, false));
    simplify(bench.model);
    const Node *product = bench.entry->results.at[0].node;
    CU_ASSERT(product->attr.transpose_b && !product->attr.transpose_a);
    CU_ASSERT_EQUAL(product->operand[1]->attr.axes[2], 2);
    arena_free(bench.arena);
}

static void a_split_gives_a_concat(void) {
    Bench bench = bench_new();
    Graph *g = bench.graph;
    Node *x = bench_input(&bench, "x", DT_FLOAT, (Shape){.rank = 1, .size = {6}}), *part[3], *result;
    for (int64_t i = 0; i < 3; i++) part[i] = slice(g, x, (const int64_t[]){i * 2}, (const int64_t[]){2});
    grad(g, sum_all(g, multiply(g, multiply(g, part[0], part[1]), part[2])), &x, 1, &result);
    bench_result(&bench, result);
    gradient(bench.model);
    simplify(bench.model);
    CU_ASSERT_EQUAL(node_count(bench.entry, &op_pad), 0);
    CU_ASSERT_EQUAL(node_count(bench.entry, &op_concat), 1);
    arena_free(bench.arena);
}

static void a_tied_table_is_scattered_into_its_product(void) {
    Bench bench = bench_new();
    Graph *g = bench.graph;
    Node *table = bench_input(&bench, "table", DT_FLOAT, (Shape){.rank = 2, .size = {3, 2}}), *result;
    Node *h = gather(g, table, iota(g, 3));
    Node *logits = matmul(g, h, transpose(g, table), false, false);
    grad(g, sum_all(g, multiply(g, logits, logits)), &table, 1, &result);
    bench_result(&bench, result);
    gradient(bench.model);
    simplify(bench.model);
    CU_ASSERT_EQUAL(bench.entry->results.at[0].node->op, &op_scatter_add);
    CU_ASSERT_EQUAL(bench.entry->results.at[0].node->operand[0]->op, &op_matmul);
    arena_free(bench.arena);
}

static const int64_t lengths[] = {16384, 16385, 16387, 20000, 65536};

/* dW = gain * (tanh(x)^T . G), unless y is kept anyway: a result of the call. */
static void a_gain_goes_behind_the_product(void) {
    for (int shown = 0; shown < 2; shown++) {
        Bench bench = bench_new();
        Graph *g = bench.graph;
        Node *x = bench_input(&bench, "x", DT_FLOAT, (Shape){.rank = 2, .size = {5, 17}});
        Node *gain = bench_input(&bench, "gain", DT_FLOAT, (Shape){.rank = 1, .size = {17}});
        Node *w = bench_input(&bench, "w", DT_FLOAT, (Shape){.rank = 2, .size = {17, 3}}), *results[2];
        Node *y = multiply(g, hyperbolic_tangent(g, x), gain), *h = matmul(g, y, w, false, false);
        grad(g, sum_all(g, multiply(g, h, h)), (Node *[]){w, gain}, 2, results);
        for (int i = 0; i < 2; i++) bench_result(&bench, results[i]);
        if (shown) bench_result(&bench, y);
        gradient(bench.model);
        simplify(bench.model);
        factor(bench.model);
        const Node *d_w = bench.entry->results.at[0].node;
        CU_ASSERT_EQUAL(d_w->op, shown ? &op_matmul : &op_mul);
        arena_free(bench.arena);
    }
}

static void long_folds_are_cut(void) {
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        for (int leading = 0; leading < 2; leading++) {
            Bench bench = bench_new();
            Graph *g = bench.graph;
            int64_t length = lengths[i], other = 3;
            Shape shape = {.rank = 2, .size = {leading ? length : other, leading ? other : length}};
            Node *x = bench_input(&bench, "x", DT_FLOAT, shape);
            bench_result(&bench, sum(g, multiply(g, x, x), leading ? axis0 : axis1, 1, false));
            bench_result(&bench, reduce_max(g, x, leading ? axis0 : axis1, 1, false));
            double *value = NEW_ARRAY(bench.arena, double, length *other);
            for (int64_t k = 0; k < length * other; k++) value[k] = sin((double)k);
            const double *const inputs[] = {value};
            const double *before[] = {bench_run(&bench, inputs, 0), bench_run(&bench, inputs, 1)};
            simplify(bench.model);
            expand(bench.model);
            for (int result = 0; result < 2; result++)
                CU_ASSERT(same_numbers("a long fold", bench_run(&bench, inputs, result), before[result], other, 1e-12));
            bool cut = length > 16384;
            CU_ASSERT_EQUAL(node_count(bench.entry, &op_sum) > 1, cut);
            arena_free(bench.arena);
        }
}

static void a_graph_prints_one_line_per_node(void) {
    Bench bench = bench_new();
    Graph *g = bench.graph;
    Node *x = bench_input(&bench, "x", DT_FLOAT, (Shape){.rank = 1, .size = {4}, .name = {"N"}});
    Node *y = sum_all(g, multiply(g, x, number(g, 0.5)));
    node_rename(g, y, "y");
    bench_result(&bench, y);
    Text text;
    text_init(&text, bench.arena);
    graph_print(&text, g);
    CU_ASSERT_STRING_EQUAL(text.at, "%0 x: f32[N=4] = input(\"x\")\n"
                                    "%1: f32[] = const(0.5)\n"
                                    "%2: f32[N=4] = broadcast(%1)\n"
                                    "%3: f32[N=4] = mul(%0, %2)\n"
                                    "%4 y: f32[] = sum(%3, axes=0)\n");
    arena_free(bench.arena);
}

int main(void) {
    CU_initialize_registry();
    CU_pSuite suite = CU_add_suite("simplify", NULL, NULL);
    CU_ADD_TEST(suite, transposes_fold_into_the_product);
    CU_ADD_TEST(suite, an_inner_transposition_becomes_a_flag);
    CU_ADD_TEST(suite, a_split_gives_a_concat);
    CU_ADD_TEST(suite, a_tied_table_is_scattered_into_its_product);
    CU_ADD_TEST(suite, a_gain_goes_behind_the_product);
    CU_ADD_TEST(suite, long_folds_are_cut);
    CU_ADD_TEST(suite, a_graph_prints_one_line_per_node);
    return run_suite_and_leave();
}
