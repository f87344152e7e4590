/* test_elaborate.c: the language's meaning.
 *
 * tests/elaborate/NAME.tg is elaborated and, if that goes well, differentiated; what it says is NAME.err (no such file:
 * nothing). Adding a case is adding these files; TGC_UPDATE_GOLDEN=1 writes the second anew. The table of values below
 * holds small models against numbers worked out by hand, through the evaluator; the optimisers are held against their
 * formulas written out here.
 */
#include "pass/pass.h"

#include <CUnit/Basic.h>
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Built {
    Arena *arena;
    Names *names;
    Diag *diag;
    Source source;
    Model *model;
    bool good;
    double *storage[64]; /* by variable id; parameters lie in their group */
} Built;

static Built *build(const char *path, const char *text, const char *define, bool f64) {
    Arena *arena = arena_new();
    Built *built = NEW(arena, Built);
    *built = (Built){.arena = arena, .names = names_new(arena), .diag = diag_new(arena)};
    built->source = (Source){path, text, strlen(text)};
    Options options = {0};
    Override override;
    if (define && override_parse(built->names, define, &override)) vec_push(arena, &options.overrides, override);
    File *file = lang_parse(arena, built->names, built->diag, &built->source);
    built->model = model_new(arena, built->names, built->diag, &built->source, f64);
    built->good = elaborate(built->model, file, &options);
    for (int i = 0; i < built->model->entries.count; i++) graph_check(built->model->entries.at[i]->graph, "elaborate");
    return built;
}

static const char *messages_of(Built *built) {
    char *bytes = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&bytes, &size);
    diag_print(built->diag, stream, false);
    fclose(stream);
    const char *copy = arena_strndup(built->arena, bytes, size);
    free(bytes);
    return copy;
}

/* ---- messages ---- */

static void check_messages(const char *file) {
    Arena *arena = arena_new();
    size_t size = 0;
    const char *text = text_read_file(arena, file, &size), *update = getenv("TGC_UPDATE_GOLDEN");
    const char *golden = arena_printf(arena, "%.*s.err", (int)strlen(file) - 3, file);
    const char *want = text_read_file(arena, golden, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    Built *built = build(file, text, NULL, false);
    if (built->good) gradient(built->model);
    const char *got = messages_of(built);
    CU_ASSERT_EQUAL(diag_count(built->diag) == 0, got[0] == '\0');
    if (update && *update && (want || *got)) {
        CU_ASSERT_TRUE(text_write_file(golden, got, strlen(got)));
    } else {
        if (strcmp(want ? want : "", got) != 0) fprintf(stderr, "\n%s: got\n%s", file, got);
        CU_ASSERT_STRING_EQUAL(got, want ? want : "");
    }
    arena_free(built->arena);
    arena_free(arena);
}

static void the_cases_of_the_folder(void) {
    const char *root = getenv("TGC_ROOT");
    char path[4096];
    struct dirent **files;
    int cases = 0;
    snprintf(path, sizeof path, "%s/tests/elaborate", root ? root : ".");
    CU_ASSERT_EQUAL_FATAL(chdir(path), 0);
    int count = scandir(".", &files, NULL, alphasort);
    CU_ASSERT_TRUE_FATAL(count > 0);
    for (int i = 0; i < count; i++) {
        const char *name = files[i]->d_name;
        size_t length = strlen(name);
        if (length > 3 && strcmp(name + length - 3, ".tg") == 0) {
            check_messages(name);
            cases++;
        }
        free(files[i]);
    }
    free(files);
    CU_ASSERT_TRUE(cases > 10);
}

/* ---- running ---- */

static double *storage_of(void *context, Variable *variable) {
    Built *built = context;
    if (variable->group) return storage_of(context, variable->group) + variable->offset;
    CU_ASSERT_TRUE_FATAL(variable->id < 64);
    double **storage = &built->storage[variable->id];
    if (*storage) return *storage;
    *storage = NEW_ARRAY(built->arena, double, shape_count(&variable->shape) + 1);
    for (int i = 0; i < shape_count(&variable->shape); i++)
        (*storage)[i] = variable->init.kind == INIT_CONSTANT ? variable->init.a : 0;
    for (int i = 0; i < variable->members.count; i++) {
        const Variable *member = variable->members.at[i];
        for (int k = 0; k < shape_count(&member->shape); k++)
            (*storage)[member->offset + k] = member->init.kind == INIT_CONSTANT ? member->init.a : 0;
    }
    return *storage;
}

static const double *run(Built *built, const char *name, const double *const *inputs, int call, int step) {
    for (int i = 0; i < built->model->entries.count; i++) {
        Entry *entry = built->model->entries.at[i];
        if (strcmp(entry->name, name) != 0) continue;
        const double **results = NEW_ARRAY(built->arena, const double *, entry->results.count + 1);
        Interp interp = {.arena = built->arena,
                         .inputs = inputs,
                         .storage = storage_of,
                         .context = built,
                         .seed = 1,
                         .call = (uint64_t)call,
                         .step = (uint64_t)step};
        if (interp_run(&interp, entry, results)) return results[0];
        fprintf(stderr, "\n%s: %s\n", name, interp.error);
    }
    CU_FAIL_FATAL("the entry ran into an error");
    return NULL;
}

/* ---- small models and their values ---- */

typedef struct Case {
    const char *name;
    const char *text; /* after `tg 1` and the sizes; its entry is y, of x [M, N] = 1..6, k [M] = 1, 0 and p = 1 */
    int count;
    double want[12];
} Case;

#define ENTRY(type, body) "graph y(x: [M, N], k: i32[M], p: i32[]) -> (y: " type ") { " body " }"

static const Case cases[] = {
    {"add", ENTRY("[M, N]", "y = x + [10, 20, 30][1]"), 6, {21, 22, 23, 24, 25, 26}},
    {"numbers", ENTRY("[]", "let a = 2 ** 3 ** 0, b = -2 ** 2; y = f32(1 / 4 + a * b + 7 % 3 + -7 % 3)"), 1, {-4.75}},
    {"logic of numbers", ENTRY("[]", "let a = 1 < 2 and not 3 == 4, b = true or false; y = f32(a + 2 * b)"), 1, {3}},
    {"number after tensor", ENTRY("[M, N]", "y = 2 - x / 2"), 6, {1.5, 1, .5, 0, -.5, -1}},
    {"precedence", ENTRY("[M, N]", "y = -x ** 2 + 2 * x"), 6, {1, 0, -3, -8, -15, -24}},
    {"as", ENTRY("[N, M]", "y = x as [N, M]"), 6, {1, 2, 3, 4, 5, 6}},
    {"to", ENTRY("[N, M]", "y = x to [N, M]"), 6, {1, 4, 2, 5, 3, 6}},
    {"to of a nameless axis", ENTRY("[3, M]", "y = (x as [M, 3]) to [3, M]"), 6, {1, 4, 2, 5, 3, 6}},
    {"T", ENTRY("[N, M]", "y = x.T"), 6, {1, 4, 2, 5, 3, 6}},
    {"index", ENTRY("[N]", "y = x[1]"), 3, {4, 5, 6}},
    {"index from the end", ENTRY("[M]", "y = x[.., -1]"), 2, {3, 6}},
    {"slice", ENTRY("[M, 2]", "y = x[:, -2:]"), 4, {2, 3, 5, 6}},
    {"run-time index", ENTRY("[N]", "y = x[p]"), 3, {4, 5, 6}},
    {"run-time slice", ENTRY("[M, 2]", "y = x[:, p : p+2]"), 4, {2, 3, 5, 6}},
    {"both indices", ENTRY("[]", "y = x[p, -1]"), 1, {6}},
    {"split", ENTRY("[M, 1]", "a, b, c = split(x, 3, axis = N); y = b"), 2, {2, 5}},
    {"split by sizes", ENTRY("[M, 2]", "a, b = split(x, [1, 2], axis = -1); y = b"), 4, {2, 3, 5, 6}},
    {"concat of a list", ENTRY("[M, N]", "p = split(x, 3, axis = 1); y = concat(p, axis = 1)"), 6, {1, 2, 3, 4, 5, 6}},
    {"stack", ENTRY("[N, 2]", "y = stack(x[0], x[1], axis = -1)"), 6, {1, 4, 2, 5, 3, 6}},
    {"pad", ENTRY("[1, 5]", "y = pad(x[0:1], [[0, 0], [1, 1]], value = 9)"), 5, {9, 1, 2, 3, 9}},
    {"permute", ENTRY("[N, M]", "y = permute(x, -1, 0)"), 6, {1, 4, 2, 5, 3, 6}},
    {"gather", ENTRY("[M, N]", "y = gather(x, k)"), 6, {4, 5, 6, 1, 2, 3}},
    {"one_hot", ENTRY("[M, N]", "y = one_hot(k, N)"), 6, {0, 1, 0, 1, 0, 0}},
    {"sum over a list", ENTRY("[]", "y = sum(x, axis = [N, 0])"), 1, {21}},
    {"keep", ENTRY("[M, 1]", "y = max(x, axis = N, keep = true)"), 2, {3, 6}},
    {"max of three", ENTRY("[M, N]", "y = max(x, 2, 7 - x)"), 6, {6, 5, 4, 4, 5, 6}},
    {"where", ENTRY("[M, N]", "y = where(x > 2 and x != 5, x, 0)"), 6, {0, 0, 3, 4, 0, 6}},
    {"bool to float", ENTRY("[M, N]", "y = f32(x >= 3)"), 6, {0, 0, 1, 1, 1, 1}},
    {"i32 divides to float", ENTRY("[M]", "y = k / 2"), 2, {0.5, 0}},
    {"i32 meets float", ENTRY("[M]", "y = k + x[:, 0]"), 2, {2, 4}},
    {"i32 meets a fraction", ENTRY("[M]", "y = k + 0.5"), 2, {1.5, 0.5}},
    {"floor modulo", ENTRY("i32[M]", "y = (k - 2) % 3"), 2, {2, 1}},
    {"cast cuts", ENTRY("i32[M, N]", "y = i32(-x / 2)"), 6, {0, -1, -1, -2, -2, -3}},
    {"causal", ENTRY("[2, 2]", "y = f32(causal(M))"), 4, {1, 0, 1, 1}},
    {"full", ENTRY("[M]", "y = full([M], 3) + ones([M]) + zeros([M])"), 2, {4, 4}},
    {"sinusoid", ENTRY("[2, 2]", "y = sinusoid(2, 2)"), 4, {0, 1, 0.8414709848078965, 0.5403023058681398}},
    {"a hidden row", ENTRY("[M, N]", "y = softmax(0 * x, axis = N, mask = x < 3)"), 6, {.5, .5, 0, 0, 0, 0}},
    {"for over a range", ENTRY("[]", "y = f32(0); for i in 1..4 { y = y + i }"), 1, {6}},
    {"for over lists", ENTRY("[]", "y = f32(0); for a, b in zip([1, 2], [10, 20]) { y = y + a * b }"), 1, {50}},
    {"if", ENTRY("[]", "if M == 2 { y = f32(1) } else { y = nowhere }"), 1, {1}},
    {"else if", ENTRY("[]", "if M == 1 { y = x } else if M == 2 { y = f32(2) } else { y = x }"), 1, {2}},
    {"a built-in's name as a variable", ENTRY("[]", "sum = sum(x); y = sum + max(x)"), 1, {27}},
    {"default arguments",
     "fn f(x: [..], a = 2, b = a + 1) -> [..] = a * x + b\n" ENTRY("[]", "y = f(f32(1), b = 5) + f(f32(1))"),
     1,
     {12}},
    {"sizes bound by a call",
     "fn f[K](x: [.., K]) -> [.., K] = x / K\n" ENTRY("[M, N]", "y = f(x)"),
     6,
     {1 / 3., 2 / 3., 1, 4 / 3., 5 / 3., 2}},
    {"two names for one size",
     "fn f[A, B](x: [A, N], y: [B, N]) -> [A, B] = softmax(x @ y.T * 0, axis = B)\nconst ONE = 1\n" ENTRY(
         "[M, M]", "y = f(x, x)"),
     4,
     {.5, .5, .5, .5}},
    {"the caller's name comes back",
     "fn f[A](x: [.., A]) -> [.., A] = x + 1\n" ENTRY("[M]", "y = sum(f(x), axis = N)"),
     2,
     {9, 18}},
    {"several results",
     "fn f(x: [..]) -> (a: [..], b: [..]) { return x + 1, x * 2 }\n" ENTRY("[M, N]", "a, y = f(x)"),
     6,
     {2, 4, 6, 8, 10, 12}},
    {"parameters and states by path",
     "module Layer(K) { param W: [K] ~ constant(K)\n param c: [K] ~ ones }\nuse l[2] = Layer(N)\n" ENTRY(
         "[N]", "y = l[0].W + l[-1].c"),
     3,
     {4, 4, 4}},
    {"one instance twice",
     "module Layer() { param W: [N] ~ ones\n fn (x: [..]) -> [..] = x * W }\nuse l = Layer()\n" ENTRY(
         "[N]", "y = grad(sum(l(x)) + sum(l(x)), l.W)"),
     3,
     {10, 14, 18}},
    {"grad by a rebound name", ENTRY("[M, N]", "x = x * 2; s = sum(x * x); y = grad(s, x)"), 6, {4, 8, 12, 16, 20, 24}},
    {"equal texts are two values",
     ENTRY("[M, N]", "a = x + 1; b = x + 1; y = grad(sum(a * b), a)"),
     6,
     {2, 3, 4, 5, 6, 7}},
    {"second order",
     ENTRY("[M, N]", "g = grad(sum(x ** 3), x); y = grad(sum(g * x), x)"),
     6,
     {9, 36, 81, 144, 225, 324}},
    {"stop", ENTRY("[M, N]", "y = grad(sum(x * stop(x)), x)"), 6, {1, 2, 3, 4, 5, 6}},
    {"state within a call",
     "state c: [N] ~ ones\n" ENTRY("[N]", "a = c; c[1:3] := 5; c[0] := x[0, 1]; y = a + 10 * c"),
     3,
     {21, 51, 51}},
    {"run-time write",
     "state c: [M, N] ~ zeros\n" ENTRY("[M, N]", "c[p] := x[0]; c[:, p : p+1] := 7; y = c"),
     6,
     {0, 7, 0, 1, 7, 3}},
    {"if around parameters",
     "module Layer() { if M == 2 { param W: [N] ~ ones } else { param W: [M] ~ ones } }\nuse l = Layer()\n" ENTRY(
         "[N]", "y = l.W"),
     3,
     {1, 1, 1}},
    {"an instance as an argument",
     "module Twice(f) { fn (x: [..]) -> [..] = f(f(x)) }\nmodule Inc() { fn (x: [..]) -> [..] = x + 1 }\n"
     "use inc = Inc(), two = Twice(inc)\n" ENTRY("[M, N]", "y = two(x)"),
     6,
     {3, 4, 5, 6, 7, 8}},
    {"library",
     "import \"nn.tg\" as nn\nuse n = nn.Norm(N)\n" ENTRY("[M, N]", "y = i32(1000 * n(x)) / 1"),
     6,
     {-1224, 0, 1224, -1224, 0, 1224}},
};

static void small_models_and_their_values(void) {
    static const double x[] = {1, 2, 3, 4, 5, 6}, k[] = {1, 0}, p[] = {1};
    const double *const inputs[] = {x, k, p};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Case *one = &cases[i];
        char text[2048];
        snprintf(text, sizeof text, "tg 1\ndim M = 2, N = 3\n%s\n", one->text);
        Built *built = build("case.tg", text, NULL, true);
        if (built->good) gradient(built->model);
        const char *messages = messages_of(built);
        if (*messages) fprintf(stderr, "\n%s:\n%s", one->name, messages);
        CU_ASSERT_STRING_EQUAL(messages, "");
        if (!*messages) {
            const double *got = run(built, "y", inputs, 1, 1);
            for (int n = 0; n < one->count; n++) {
                if (!(fabs(got[n] - one->want[n]) < 1e-9))
                    fprintf(stderr, "\n%s: element %d is %.12g, want %.12g\n", one->name, n, got[n], one->want[n]);
                CU_ASSERT_DOUBLE_EQUAL(got[n], one->want[n], 1e-9);
            }
        }
        arena_free(built->arena);
    }
}

/* ---- training ---- */

typedef struct Oracle {
    double p[4], m[4], v[4];
} Oracle;

/* The parameters W [3] (decays) and b [1] (does not) of `loss = sum((W + b) * x)` have constant gradients. */
static void oracle_step(Oracle *oracle, const char *kind, int t, const double *g, double lr, double decay) {
    for (int i = 0; i < 4; i++) {
        if (strcmp(kind, "sgd") == 0) {
            oracle->v[i] = 0.9 * oracle->v[i] + g[i];
            oracle->p[i] -= lr * oracle->v[i];
            continue;
        }
        oracle->m[i] = 0.9 * oracle->m[i] + 0.1 * g[i];
        oracle->v[i] = 0.99 * oracle->v[i] + 0.01 * g[i] * g[i];
        if (i < 3) oracle->p[i] *= 1 - lr * decay;
        double m = oracle->m[i] / (1 - pow(0.9, t)), v = oracle->v[i] / (1 - pow(0.99, t));
        oracle->p[i] -= lr * m / (sqrt(v) + 1e-8);
    }
}

static const char training_text[] =
    "tg 1\nmodule Net() { param W: [3] ~ constant(2)\n param b: [] ~ ones with decay = false }\n"
    "use net = Net()\n"
    "train step(x: [3]) -> (loss: []) { loss = sum((net.W + net.b) * x) } using %s\n";

static void check_training(const char *using, const char *kind, double scale, double decay, int accumulate) {
    static const double x[] = {1, -2, 4};
    const double *const inputs[] = {x};
    char text[1024];
    snprintf(text, sizeof text, training_text, using);
    Built *built = build("train.tg", text, NULL, true);
    CU_ASSERT_STRING_EQUAL(messages_of(built), "");
    if (!built->good) return;
    gradient(built->model);
    CU_ASSERT_STRING_EQUAL(messages_of(built), "");
    Oracle oracle = {.p = {2, 2, 2, 1}};
    const double g[] = {scale * 1, scale * -2, scale * 4, scale * 3};
    for (int call = 1; call <= 3 * accumulate; call++) {
        run(built, "step", inputs, call - 1, (call - 1) / accumulate + 1);
        int t = call / accumulate;
        if (call % accumulate == 0) oracle_step(&oracle, kind, t, g, 0.1 / t, decay);
        const double *W = storage_of(built, built->model->variables.at[0]);
        const double *b = storage_of(built, built->model->variables.at[1]);
        for (int i = 0; i < 3; i++) CU_ASSERT_DOUBLE_EQUAL(W[i], oracle.p[i], 1e-9);
        CU_ASSERT_DOUBLE_EQUAL(b[0], oracle.p[3], 1e-9);
    }
    arena_free(built->arena);
}

static void optimisers_follow_their_formulas(void) {
    double norm = sqrt(1 + 4 + 16 + 9);
    check_training("sgd(lr = 0.1 / step, momentum = 0.9)", "sgd", 1, 0, 1);
    check_training("sgd(lr = 0.1 / step, momentum = 0.9, clip = 1)", "sgd", 1 / norm, 0, 1);
    check_training("sgd(lr = 0.1 / step, momentum = 0.9, clip = 100)", "sgd", 1, 0, 1);
    check_training("sgd(lr = 0.1 / step, momentum = 0.9, accumulate = 2)", "sgd", 1, 0, 2);
    check_training("adam(lr = 0.1 / step, beta2 = 0.99)", "adam", 1, 0, 1);
    check_training("adamw(lr = 0.1 / step, beta2 = 0.99, decay = 0.5)", "adamw", 1, 0.5, 1);
    check_training(
        "adamw(lr = 0.1 / step, beta1 = 0.9 + 0 * step, beta2 = 0.99 + 0 * step, decay = 0.5, accumulate = 3)", "adamw",
        1, 0.5, 3);
}

/* Groups part by decay and by the entries that reach a parameter; counts divisible by 16 come first. */
static void every_parameter_lies_in_one_group(void) {
    Built *built = build(
        "groups.tg",
        "tg 1\nparam a: [3] ~ zeros\nparam b: [16] ~ zeros\nparam c: [4] ~ zeros with decay = false\n"
        "param idle: [5] ~ zeros\nparam shared: [2] ~ zeros\n"
        "train one(x: []) -> (loss: []) { loss = x * (sum(a) + sum(b) + sum(c) + sum(shared)) } using sgd(lr = 1)\n"
        "train two(x: []) -> (loss: []) { loss = x * sum(shared) + sum(stop(a)) } using sgd(lr = 1, momentum = 0.5)\n",
        NULL, true);
    CU_ASSERT_STRING_EQUAL(messages_of(built), "");
    Model *model = built->model;
    static const struct {
        const char *path, *group;
        int64_t offset;
    } wanted[] = {{"a", "group.0", 16},
                  {"b", "group.0", 0},
                  {"c", "group.1", 0},
                  {"idle", "group.2", 0},
                  {"shared", "group.3", 0}};
    for (int i = 0; i < 5; i++) {
        const Variable *variable = model->variables.at[i];
        CU_ASSERT_STRING_EQUAL(variable->path, wanted[i].path);
        CU_ASSERT_STRING_EQUAL(variable->group->path, wanted[i].group);
        CU_ASSERT_EQUAL(variable->offset, wanted[i].offset);
    }
    CU_ASSERT_EQUAL(model->variables.at[5]->shape.size[0], 19);
    CU_ASSERT_STRING_EQUAL(model->variables.at[9]->path, "two.sgd.v.3");
    CU_ASSERT_PTR_NOT_NULL(model->entries.at[0]->learning_rate);
    CU_ASSERT_PTR_NOT_NULL(model->entries.at[1]->gradient_norm);
    arena_free(built->arena);
}

/* ---- options and ports ---- */

static void overrides_take_the_place_of_sizes(void) {
    static const char text[] = "tg 1\ndim M = 2\nconst C = 3\nlet L = 4\ngraph y(x: [M]) -> (y: [M]) { y = x * C }\n";
    Built *built = build("m.tg", text, "M=5", true);
    CU_ASSERT_EQUAL(built->model->entries.at[0]->inputs.at[0].shape.size[0], 5);
    File *file = lang_parse(built->arena, built->names, built->diag, &built->source);
    static const struct {
        const char *text;
        bool read, known;
    } wanted[] = {{"M=5", true, true}, {"C=0.5", true, true}, {"L=5", true, false},  {"Q=1", true, false},
                  {"M", false, false}, {"M=", false, false},  {"M=x", false, false}, {"=3", false, false}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        Options options = {0};
        Override override;
        CU_ASSERT_EQUAL(override_parse(built->names, wanted[i].text, &override), wanted[i].read);
        if (!wanted[i].read) continue;
        vec_push(built->arena, &options.overrides, override);
        CU_ASSERT_EQUAL(override_unknown(file, &options) == NULL, wanted[i].known);
    }
    arena_free(built->arena);
}

static void integer_inputs_know_their_range(void) {
    Built *built = build("m.tg",
                         "tg 1\nparam E: [7, 4] ~ zeros\n"
                         "graph y(ids: i32[3], gold: i32[3], p: i32[], free: i32[3]) -> (y: [], z: i32[3]) {\n"
                         "  h = gather(E, ids as [3])\n"
                         "  y = cross_entropy(h, gold, ignore = 0) + h[p, 0]\n"
                         "  z = free + 1\n"
                         "}\n",
                         NULL, true);
    CU_ASSERT_STRING_EQUAL(messages_of(built), "");
    static const int64_t high[] = {7, 4, 3, 0};
    for (int i = 0; i < 4; i++) CU_ASSERT_EQUAL(built->model->entries.at[0]->inputs.at[i].high, high[i]);
    arena_free(built->arena);
}

static void nodes_carry_names_and_scopes(void) {
    Built *built =
        build("my-net.tg",
              "tg 1\nmodule Layer() { param W: [2] ~ ones\n fn (x: [2]) -> [2] { h = x * W; return h + 1 } }\n"
              "use net[1] = Layer()\ngraph f(x: [2]) -> (y: [2]) { y = net[0](x) }\n",
              NULL, true);
    CU_ASSERT_STRING_EQUAL(messages_of(built), "");
    CU_ASSERT_STRING_EQUAL(built->model->name, "my_net");
    const Graph *graph = built->model->entries.at[0]->graph;
    int found = 0;
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        if (node->name && strcmp(node->name, "h") == 0) found += strcmp(node->scope, "net.0") == 0;
        if (node->name && strcmp(node->name, "W") == 0) found += strcmp(node->scope, "net.0") == 0;
    }
    CU_ASSERT_EQUAL(found, 2);
    CU_ASSERT_STRING_EQUAL(graph->nodes.at[graph->nodes.count - 1]->name, "y");
    arena_free(built->arena);
}

int main(void) {
    if (CU_initialize_registry() != CUE_SUCCESS) return 70;
    CU_pSuite suite = CU_add_suite("elaborate", NULL, NULL);
    CU_ADD_TEST(suite, small_models_and_their_values);
    CU_ADD_TEST(suite, optimisers_follow_their_formulas);
    CU_ADD_TEST(suite, every_parameter_lies_in_one_group);
    CU_ADD_TEST(suite, overrides_take_the_place_of_sizes);
    CU_ADD_TEST(suite, integer_inputs_know_their_range);
    CU_ADD_TEST(suite, nodes_carry_names_and_scopes);
    CU_ADD_TEST(suite, the_cases_of_the_folder);
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    unsigned failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures != 0;
}
