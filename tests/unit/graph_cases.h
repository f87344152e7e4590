/* graph_cases.h: small graphs for tests, built by verbs and run by the evaluator.
 *
 * A tensor is written as its type, its sizes and, behind a colon, its elements: "f 2 3: 1 2 3 4 5 6", "i 2: 0 1",
 * "b 2: 1 0", "f: 7" for a scalar. A Bench is a model of one entry; variables keep their values in `memory`. */
#ifndef GRAPH_CASES_H
#define GRAPH_CASES_H

#include "pass/pass.h"

#include <CUnit/Basic.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_INPUTS = 4, MOST_VARIABLES = 8 };

typedef struct Tensor {
    DType dtype;
    Shape shape;
    double *at;
} Tensor;

typedef struct Bench {
    Arena *arena;
    Model *model;
    Entry *entry;
    Graph *graph;
    double *memory[MOST_VARIABLES];
    Interp interp;
} Bench;

static inline Tensor tensor_parse(Arena *arena, const char *text) {
    static const char types[] = "fib";
    Tensor tensor = {.dtype = (DType)(strchr(types, text[0]) - types)};
    char *next = (char *)text + 1;
    while (*next == ' ') {
        tensor.shape.size[tensor.shape.rank++] = strtoll(next, &next, 10);
    }
    int64_t count = shape_count(&tensor.shape);
    tensor.at = NEW_ARRAY(arena, double, count + 1);
    if (*next == ':') next++;
    for (int64_t i = 0; i < count; i++) tensor.at[i] = strtod(next, &next);
    return tensor;
}

static inline double *bench_storage(void *context, Variable *variable) {
    Bench *bench = context;
    if (!bench->memory[variable->id])
        bench->memory[variable->id] = NEW_ARRAY(bench->arena, double, shape_count(&variable->shape) + 1);
    return bench->memory[variable->id];
}

static inline Bench bench_new(void) {
    Bench bench = {.arena = arena_new()};
    bench.model = NEW(bench.arena, Model);
    bench.model->arena = bench.arena;
    bench.model->names = names_new(bench.arena);
    bench.model->diag = diag_new(bench.arena);
    bench.graph = graph_new(bench.arena, bench.model->names, bench.model->diag, "test");
    bench.entry = NEW(bench.arena, Entry);
    bench.entry->name = bench.entry->point = bench.entry->identifier = "test";
    bench.entry->graph = bench.graph;
    vec_push(bench.arena, &bench.model->entries, bench.entry);
    return bench;
}

static inline Variable *bench_variable(Bench *bench, const char *path, const char *value) {
    Tensor tensor = tensor_parse(bench->arena, value);
    Variable *variable = NEW(bench->arena, Variable);
    variable->id = bench->model->variables.count;
    variable->kind = VAR_STATE;
    variable->path = path;
    variable->dtype = tensor.dtype;
    variable->shape = tensor.shape;
    vec_push(bench->arena, &bench->model->variables, variable);
    bench->memory[variable->id] = tensor.at;
    return variable;
}

static inline Node *bench_input(Bench *bench, const char *name, DType dtype, Shape shape) {
    Node *node = input(bench->graph, name, dtype, shape);
    Port port = {.name = name, .dtype = dtype, .shape = shape, .node = node};
    vec_push(bench->arena, &bench->entry->inputs, port);
    return node;
}

static inline void bench_result(Bench *bench, Node *node) {
    CU_ASSERT_PTR_NOT_NULL_FATAL(node);
    Port port = {.name = "y", .dtype = node->dtype, .shape = node->shape, .node = node};
    vec_push(bench->arena, &bench->entry->results, port);
}

/* Result `index` of one call; NULL when a check failed. */
static inline const double *bench_run(Bench *bench, const double *const *inputs, int index) {
    const double **results = NEW_ARRAY(bench->arena, const double *, bench->entry->results.count + 1);
    bench->interp.arena = bench->arena;
    bench->interp.inputs = inputs;
    bench->interp.storage = bench_storage;
    bench->interp.context = bench;
    if (bench->interp.step == 0) bench->interp.step = 1;
    return interp_run(&bench->interp, bench->entry, results) ? results[index] : NULL;
}

static inline bool near(double a, double b, double tolerance) {
    if (a == b || (isnan(a) && isnan(b))) return true;
    return fabs(a - b) <= tolerance * fmax(1, fmax(fabs(a), fabs(b)));
}

/* Says which element differs, and of what. */
static inline bool same_numbers(const char *what, const double *have, const double *want, int64_t count,
                                double tolerance) {
    for (int64_t i = 0; i < count; i++) {
        if (near(have[i], want[i], tolerance)) continue;
        printf("\n    %s: element %lld is %.12g, not %.12g", what, (long long)i, have[i], want[i]);
        return false;
    }
    return true;
}

static inline int node_count(const Entry *entry, const Op *op) {
    int count = 0;
    for (int i = 0; i < entry->graph->nodes.count; i++) count += entry->graph->nodes.at[i]->op == op;
    return count;
}

static inline int run_suite_and_leave(void) {
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    unsigned failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures != 0;
}

#endif
