/* externals.c: functions of the user's in C, compiled for the evaluator and checked for themselves.
 *
 * In: the `extern fn`s of a model. Out: a small library, made of their headers and of functions that call them by an
 * array of arguments, opened and bound:
 *
 *     double call_0(const double *x) { return swish(x[0]); }    double call_0f(const double *x) { … swishf … }
 *
 * The check compares, at random points in [-4, 4] where the function is finite, each partial derivative with central
 * differences (as gradcheck.c does, the best of several steps), and the f32 form of each function with its f64 form. */
#include "command/command.h"

#include "ops/ops.h"

#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 64 };
static const double single_tolerance = 1e-4; /* of f32 against f64 */
static const double steps[] = {1e-3, 1e-4, 1e-5, 1e-6};

typedef double Compiled(const double *x);

typedef struct Library {
    Compile *compile;
    void *opened;
} Library;

/* ---- the library ---- */

static void add_caller(Text *text, const External *external, int number, bool single) {
    const char *ending = single ? "f" : "";
    text_printf(text, "double call_%d%s(const double *x);\ndouble call_%d%s(const double *x) {\n    return %s%s(",
                number, ending, number, ending, external->op.name, ending);
    for (int i = 0; i < external->op.arity; i++)
        text_printf(text, "%s%sx[%d]", i ? ", " : "", single ? "(float)" : "", i);
    text_add(text, ");\n}\n");
}

static void add_source(Text *text, const Model *model) {
    for (int i = 0; i < model->externals.count; i++) {
        const External *external = model->externals.at[i];
        bool again = false;
        for (int k = 0; k < i; k++) again = again || model->externals.at[k]->header == external->header;
        if (again) continue;
        text_printf(text, "%s\n", external->text);
        for (int k = 0; k < external->header->macros.count; k++)
            text_printf(text, "#undef %s\n", external->header->macros.at[k]);
    }
    for (int i = 0; i < model->externals.count; i++) {
        add_caller(text, model->externals.at[i], i, false);
        add_caller(text, model->externals.at[i], i, true);
    }
}

static bool compile_library(const Compile *compile, const char *source, const char *library) {
    const char *cc = compile->build.cc ? compile->build.cc : "clang";
    const char *words[] = {cc,      "-std=gnu11", "-O1", "-w", "-ffp-contract=off", "-shared", "-fPIC", "-o",
                           library, source,       "-lm", NULL};
    Text text;
    text_init(&text, compile->arena);
    add_source(&text, compile->model);
    return file_written(source, &text) && program_run(words, NULL) == 0;
}

static Compiled *find(void *library, int number, const char *ending) {
    char symbol[64];
    Compiled *compiled;
    snprintf(symbol, sizeof symbol, "call_%d%s", number, ending);
    void *address = dlsym(library, symbol);
    if (!address) fatal("evaluate", "the functions of the model's lack %s", symbol);
    memcpy(&compiled, &address, sizeof address);
    return compiled;
}

static void *library_open(const Compile *compile) {
    Scratch scratch;
    if (!scratch_open(&scratch)) return NULL;
    const char *library = arena_printf(compile->arena, "%s/functions.so", scratch.path);
    void *opened = NULL;
    if (!compile_library(compile, arena_printf(compile->arena, "%s/functions.c", scratch.path), library))
        complain("the C compiler failed on the functions of %s", compile->path);
    else if (!(opened = dlopen(library, RTLD_NOW | RTLD_LOCAL)))
        complain("cannot load the functions of %s: %s", compile->path, dlerror());
    scratch_close(&scratch);
    return opened;
}

static int load(Library *library, Compile *compile) {
    const Model *model = compile->model;
    *library = (Library){.compile = compile};
    if (model->externals.count == 0) return STATUS_OK;
    library->opened = library_open(compile);
    if (!library->opened) return STATUS_CC;
    for (int i = 0; i < model->externals.count; i++)
        external_bind(model->externals.at[i], find(library->opened, i, ""));
    return STATUS_OK;
}

int externals_load(Compile *compile) {
    Library library;
    return load(&library, compile);
}

/* ---- the check ---- */

static double shifted(const External *external, const double *x, int argument, double by) {
    double at[EXTERNAL_ARGUMENTS];
    memcpy(at, x, sizeof at);
    at[argument] += by;
    return external->compiled(at);
}

/* The least relative error of the derivative by one argument over the steps; NaN where the function has no value. */
static double error_at(const External *external, const double *x, int argument) {
    double given = external->partial[argument]->compiled(x), value = external->compiled(x), least = NAN;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        double h = steps[i];
        double near = shifted(external, x, argument, h) - shifted(external, x, argument, -h);
        double far = shifted(external, x, argument, 2 * h) - shifted(external, x, argument, -2 * h);
        double slope = (8 * near - far) / (12 * h);
        double scale = fmax(fmax(fabs(given), fabs(slope)), fmax(1e-5 * fmax(1, fabs(value)), 1e-3));
        double error = isfinite(slope) && isfinite(value) ? fabs(given - slope) / scale : NAN;
        if (isfinite(slope) && !isfinite(given)) error = INFINITY;
        if (isnan(least) || error < least) least = error;
    }
    return least;
}

/* Uniform in [-4, 4], the same for the same seed. */
static void draw_points(double points[POINTS][EXTERNAL_ARGUMENTS], uint64_t seed) {
    uint64_t state = seed * 2 + 1;
    for (int i = 0; i < POINTS; i++)
        for (int k = 0; k < EXTERNAL_ARGUMENTS; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            points[i][k] = (double)(state >> 11) * 0x1p-53 * 8 - 4;
        }
}

static bool add_row(Text *text, const char *name, const char *what, int used, double worst, double tolerance) {
    bool good = used > 0 && worst <= tolerance;
    text_printf(text, "  %-20s  %-24s  %2d points  %8.1e%s\n", name, what, used, worst,
                good       ? ""
                : used > 0 ? "  wrong"
                           : "  no finite value");
    return good;
}

static bool check_partial(Text *text, const External *external, int argument, double tolerance, uint64_t seed) {
    double points[POINTS][EXTERNAL_ARGUMENTS], worst = 0;
    int used = 0;
    draw_points(points, seed);
    for (int i = 0; i < POINTS; i++) {
        double error = error_at(external, points[i], argument);
        if (isnan(error)) continue;
        used++;
        if (error > worst) worst = error;
    }
    const char *rule = external->rule[argument];
    return add_row(text, external->partial[argument]->op.name, rule, used, worst, tolerance);
}

static bool check_single(Text *text, const External *external, Compiled *single, uint64_t seed) {
    double points[POINTS][EXTERNAL_ARGUMENTS], worst = 0;
    int used = 0;
    draw_points(points, seed);
    for (int i = 0; i < POINTS; i++) {
        for (int k = 0; k < EXTERNAL_ARGUMENTS; k++) points[i][k] = (double)(float)points[i][k];
        double wide = external->compiled(points[i]), narrow = single(points[i]);
        if (!isfinite(wide) || fabs(wide) > 1e30) continue;
        double error = isfinite(narrow) ? fabs(narrow - wide) / fmax(fabs(wide), 1) : INFINITY;
        used++;
        if (error > worst) worst = error;
    }
    const char *name = arena_printf(text->arena, "%sf", external->op.name);
    return add_row(text, name, "f32 against f64", used, worst, single_tolerance);
}

int externals_check(Compile *compile, double tolerance, uint64_t seed) {
    const Model *model = compile->model;
    Library library;
    Text text;
    int status = load(&library, compile), wrong = 0;
    if (status || model->externals.count == 0) return status;
    text_init(&text, compile->arena);
    text_add(&text, "functions in C\n");
    for (int i = 0; i < model->externals.count; i++) {
        const External *external = model->externals.at[i];
        wrong += !check_single(&text, external, find(library.opened, i, "f"), seed);
        for (int k = 0; k < external->op.arity; k++)
            if (external->partial[k]) wrong += !check_partial(&text, external, k, tolerance, seed);
    }
    if (!write_stdout(text.at, text.length)) return STATUS_FILE;
    if (!wrong) return STATUS_OK;
    complain("%d of the functions in C differ%s from what they stand for", wrong, wrong == 1 ? "s" : "");
    return STATUS_VALUE;
}
