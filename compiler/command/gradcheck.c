/* gradcheck.c: `tgc gradcheck` compares compiled gradients with differences of compiled values, in f64.
 *
 * Note: the comparison.
 * For an entry x of a tensor, the derivative by differences is
 *   (8 (s(x+h) - s(x-h)) - (s(x+2h) - s(x-2h))) / 12h          (error of order h^4)
 * and the error is |g - d| / max(|g|, |d|, root mean square of the tensor's gradient, 1e-5 max(1, |s|)): an entry near
 * zero is judged by its tensor's scale, and below the last term differences of doubles have nothing to say. A step that
 * crosses a corner (relu, max) spoils d, so smaller steps are tried and the best agreement counts: a right gradient
 * agrees at some step, a wrong one at none. Every tensor gives a seeded sample of entries; then everything is moved
 * at once along one random direction. Dropout is the same in every call: neither seed nor count of calls changes. */
#include "command/command.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLE = 64 };
static const double default_tolerance = 1e-6;
static const double steps[] = {1e-3, 1e-4, 1e-5, 1e-6};

static const Option options[] = {
    {"--in", NULL, OPTION_TEXT, "FILE", "safetensors with the inputs (random without it)", offsetof(Request, in)},
    {"--weights", NULL, OPTION_TEXT, "FILE", "safetensors with the parameters (first values without it)",
     offsetof(Request, weights)},
    {"--tolerance", NULL, OPTION_TEXT, "X", "the largest relative error allowed (1e-6)", offsetof(Request, tolerance)},
    {"--interp", NULL, OPTION_FLAG, NULL, "evaluate instead of compiling: is a rule wrong, or the code?",
     offsetof(Request, interp)},
    {"--seed", NULL, OPTION_NUMBER, "N", "of inputs, first values, dropout and sample (0)", offsetof(Request, seed)},
    {"--threads", NULL, OPTION_NUMBER, "N", "threads (one per core)", offsetof(Request, threads)},
    {NULL, NULL, 0, NULL, NULL, 0}};

/* One tensor that is differentiated by: its elements where the model reads them, and its gradient. */
typedef struct Moved {
    const char *name;
    double *elements, *kept, *gradient, *direction;
    int64_t count;
    double scale; /* root mean square of the gradient */
} Moved;

typedef struct Check {
    Request *request;
    Runner *runner;
    const Variant *variant;
    Tensors value, gradient;
    Moved *moved;
    int count;
    double s;     /* at the point itself */
    void *states; /* as they were before the first call */
    int status;
} Check;

/* ---- values ---- */

static void call_with(Check *check, const Entry *entry, Tensors *tensors) {
    tg_model *data = check->runner->data;
    memcpy(data->states, check->states, data->info->state_bytes);
    if (check->runner->evaluator) evaluator_pull(check->runner->evaluator);
    if (!check->status) check->status = runner_call(check->runner, entry, tensors);
}

static double value_now(Check *check) {
    call_with(check, check->variant->value, &check->value);
    return check->status ? 0 : element_get(TG_F64, check->value.result[0], 0);
}

/* Moves element `index` of tensor `at`, or where `at` is -1 everything, `far` along its direction. */
static void move(Check *check, int at, int64_t index, double far) {
    for (int i = 0; i < check->count; i++) {
        Moved *moved = &check->moved[i];
        if (at >= 0 && i != at) continue;
        for (int64_t k = at < 0 ? 0 : index; k < (at < 0 ? moved->count : index + 1); k++)
            moved->elements[k] = moved->kept[k] + far * (at < 0 ? moved->direction[k] : 1);
    }
}

static double value_at(Check *check, int at, int64_t index, double far) {
    move(check, at, index, far);
    return value_now(check);
}

/* The least relative error over the steps. */
static double error_of(Check *check, int at, int64_t index, double given, double scale) {
    double least = INFINITY, tolerance = default_tolerance;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !check->status; i++) {
        double size = at < 0 ? 1 : fmax(1, fabs(check->moved[at].kept[index])), h = steps[i] * size;
        double near = value_at(check, at, index, h) - value_at(check, at, index, -h);
        double far = value_at(check, at, index, 2 * h) - value_at(check, at, index, -2 * h);
        double difference = (8 * near - far) / (12 * h);
        double floor = fmax(scale, 1e-5 * fmax(1, fabs(check->s)));
        double error = fabs(given - difference) / fmax(fmax(fabs(given), fabs(difference)), floor);
        if (error < least) least = error;
        if (least < tolerance / 10) break;
    }
    move(check, at, index, 0);
    return least;
}

/* ---- what is checked ---- */

static double *random_numbers(Arena *arena, const char *name, int64_t count, tg_init_kind kind, uint64_t seed) {
    double *numbers = NEW_ARRAY(arena, double, count + 1);
    tg_tensor tensor = {
        .name = name, .dtype = TG_F64, .rank = 1, .shape = &count, .count = count, .init = kind, .b = 1};
    tg_random_fill(&tensor, seed, numbers);
    return numbers;
}

static double root_mean_square(const double *numbers, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += numbers[i] * numbers[i];
    return count ? sqrt(sum / (double)count) : 0;
}

static void set_moved(Check *check, int index) {
    const Derivative *derivative = &check->variant->derivatives.at[index];
    const tg_tensor *result = &check->gradient.results[derivative->result];
    Arena *arena = check->request->arena;
    Moved *moved = &check->moved[index];
    moved->name = derivative->name;
    moved->count = result->count;
    moved->elements = derivative->variable ? tg_model_data(check->runner->data, derivative->name, NULL)
                                           : check->value.input[derivative->input];
    moved->kept = NEW_ARRAY(arena, double, moved->count + 1);
    memcpy(moved->kept, moved->elements, (size_t)moved->count * sizeof(double));
    moved->gradient = check->gradient.result[derivative->result];
    moved->scale = root_mean_square(moved->gradient, moved->count);
    const char *name = arena_printf(arena, "direction of %s", moved->name);
    moved->direction = random_numbers(arena, name, moved->count, TG_INIT_NORMAL, check->request->seed.value);
}

/* A seeded choice of min(SAMPLE, count) elements: all, or one from each of SAMPLE equal stretches. */
static double worst_of_sample(Check *check, int at, int64_t *taken) {
    const Moved *moved = &check->moved[at];
    *taken = moved->count < SAMPLE ? moved->count : SAMPLE;
    const char *name = arena_printf(check->request->arena, "sample of %s", moved->name);
    const double *where =
        random_numbers(check->request->arena, name, *taken, TG_INIT_UNIFORM, check->request->seed.value);
    double worst = 0;
    for (int64_t i = 0; i < *taken && !check->status; i++) {
        int64_t from = moved->count * i / *taken, to = moved->count * (i + 1) / *taken;
        int64_t index = from + (int64_t)(where[i] * (double)(to - from));
        double error = error_of(check, at, index, moved->gradient[index], moved->scale);
        if (!(error <= worst)) worst = error;
    }
    return worst;
}

static double error_of_direction(Check *check) {
    double given = 0, squares = 0;
    for (int i = 0; i < check->count; i++)
        for (int64_t k = 0; k < check->moved[i].count; k++) {
            double term = check->moved[i].gradient[k] * check->moved[i].direction[k];
            given += term;
            squares += term * term;
        }
    return error_of(check, -1, 0, given, sqrt(squares));
}

/* ---- the report ---- */

static double tolerance_of(const Request *request) {
    return request->tolerance ? strtod(request->tolerance, NULL) : default_tolerance;
}

static bool is_good(const Check *check, double error) {
    return error <= tolerance_of(check->request);
}

static bool print_row(const Check *check, Text *text, int width, const char *name, const char *what, double error) {
    bool good = is_good(check, error);
    text_printf(text, "  %-*s  %-24s  %8.1e%s\n", width, name, what, error, good ? "" : "  wrong");
    return good;
}

static int report(Check *check) {
    Text text;
    Arena *arena = check->request->arena;
    text_init(&text, arena);
    int width = (int)strlen("direction"), wrong = 0;
    for (int i = 0; i < check->count; i++)
        if ((int)strlen(check->moved[i].name) > width) width = (int)strlen(check->moved[i].name);
    text_printf(&text, "%s: value ", check->variant->name);
    number_print(&text, check->s, TG_F64);
    text_printf(&text, "\n  %-*s  %-24s  %8s\n", width, "by", "elements", "error");
    for (int i = 0; i < check->count && !check->status; i++) {
        int64_t taken;
        double worst = worst_of_sample(check, i, &taken);
        const char *what = arena_printf(arena, "%lld of %lld", (long long)taken, (long long)check->moved[i].count);
        wrong += !print_row(check, &text, width, check->moved[i].name, what, worst);
    }
    if (!check->status) wrong += !print_row(check, &text, width, "direction", "all at once", error_of_direction(check));
    if (check->status) return check->status;
    if (!write_stdout(text.at, text.length)) return STATUS_FILE;
    if (!wrong) return STATUS_OK;
    complain("%s: %d gradient%s differ%s from differences of values", check->variant->name, wrong,
             wrong == 1 ? "" : "s", wrong == 1 ? "s" : "");
    return STATUS_VALUE;
}

/* ---- one entry ---- */

/* The weights of results are no inputs of the file. */
static int read_inputs(Check *check) {
    Tensors *tensors = &check->value;
    int all = tensors->input_count, status = STATUS_OK;
    tensors->entry = check->variant->name;
    tensors->input_count = check->variant->own_inputs;
    if (check->request->in) status = tensors_read(tensors, check->request->in);
    tensors->input_count = all;
    tensors_random(tensors, check->request->seed.value);
    return status;
}

static int check_variant(Request *request, Runner *runner, const Variant *variant) {
    Check check = {.request = request, .runner = runner, .variant = variant, .count = variant->derivatives.count};
    tg_model *data = runner->data;
    tensors_init(&check.value, request->arena, variant->value, true);
    tensors_init(&check.gradient, request->arena, variant->gradient, true);
    check.gradient.input = check.value.input;
    check.states = arena_alloc(request->arena, data->info->state_bytes + 1);
    memcpy(check.states, data->states, data->info->state_bytes);
    check.moved = NEW_ARRAY(request->arena, Moved, check.count);
    check.status = read_inputs(&check);
    check.s = value_now(&check);
    call_with(&check, variant->gradient, &check.gradient);
    if (check.status) return check.status;
    if (!isfinite(check.s)) {
        complain("%s: the value is not a number at these inputs; give others with --in", variant->name);
        return STATUS_VALUE;
    }
    for (int i = 0; i < check.count; i++) set_moved(&check, i);
    return report(&check);
}

static bool is_tolerance(Request *request) {
    char *end;
    if (!request->tolerance) return true;
    double tolerance = strtod(request->tolerance, &end);
    if (end != request->tolerance && !*end && tolerance > 0) return true;
    usage_error(request, "--tolerance takes a positive number, not '%s'", request->tolerance);
    return false;
}

/* The compile as far as gradient, with variants of its entries in their place and their derivatives appended too. */
static int differentiate(Request *request, Compile *compile, VariantList *variants) {
    const char *name = request->words.count > 1 ? request->words.at[1] : NULL;
    int status = compile_begin(request, compile);
    if (status) return status;
    const Entry *entry = name ? entry_named(request, compile->model, name) : NULL;
    if (name && !entry) return STATUS_USAGE;
    compile->only = entry ? entry->name : NULL;
    compile->stop_after = "gradient";
    if (pipeline_resume(compile)) return compile->status;
    variants_make(compile->model, variants);
    gradient(compile->model);
    compile->only = NULL;
    compile->stop_after = NULL;
    if (diag_count(compile->diag)) {
        diag_print(compile->diag, stderr, compile->colour);
        return STATUS_CONTENT;
    }
    if (variants->count) return STATUS_OK;
    complain("%s: no result depends on a parameter or a float input", name ? name : compile->path);
    return STATUS_CONTENT;
}

static int run(Request *request) {
    Compile compile;
    Runner runner = {0};
    VariantList variants = {0};
    if (!is_tolerance(request)) return STATUS_USAGE;
    if (request->dtype && strcmp(request->dtype, "f64") != 0)
        return usage_error(request, "gradients are checked in f64; leave out --dtype %s", request->dtype);
    request->dtype = "f64";
    if (request->stop_after) return compile_request(request, &compile) ? pipeline_run(&compile) : STATUS_USAGE;
    int status = differentiate(request, &compile, &variants);
    if (status) return status;
    int functions = externals_check(&compile, tolerance_of(request), request->seed.value);
    if (functions && functions != STATUS_VALUE) return functions;
    status = request->interp ? runner_evaluate(&runner, &compile, request) : runner_build(&runner, &compile, request);
    if (!status && request->weights) status = runner_load(&runner, request->weights);
    for (int i = 0; i < variants.count && (!status || status == STATUS_VALUE); i++) {
        int one = check_variant(request, &runner, variants.at[i]);
        if (one) status = one;
    }
    if (!status) status = functions;
    runner_free(&runner);
    return status;
}

const Command command_gradcheck = {
    .name = "gradcheck",
    .arguments = "FILE [ENTRY]",
    .does = "Compare compiled gradients with central differences, in f64.",
    .more = "For each float input and parameter the worst relative error of up to 64 elements, and that of one random\n"
            "direction through all of them. An entry that isn't a training step is checked by the sum of its float\n"
            "results times fixed random weights.",
    .options = options,
    .compiles = true,
    .least = 1,
    .most = 2,
    .run = run};
