/* check.c: cases compiled and compared.
 *
 * In: some hundred cases. Out: a .tg file of them all, built in f64 and f32 and evaluated in double precision, and for
 * each case three errors:
 *   f64         compiled values and gradients against the evaluator's, relative to the larger of 1 and the largest
 * number f32         compiled f32 against compiled f64, likewise difference  compiled f64 gradients against central
 * differences of compiled f64 values
 *
 * Note: differences.
 * With y(h) the value where one element is moved by h, the derivative of sum(y * w) is
 *   sum(w * (8 (y(h) - y(-h)) - (y(2h) - y(-2h)))) / 12h       (error of order h^4; differences first, so that
 * what does not change cancels exactly). Its error is taken relative to the larger of both sides, the root mean square
 * of the tensor's gradient, and 1e-3: nothing smaller shows in differences of doubles. Steps from 1e-3 to 1e-5 are
 * tried, since a fold's corner may lie within the first. Up to SAMPLE elements of each tensor are moved singly, then
 * all at once along a random direction. */
#include "matrix.h"

#include "command/command.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLE = 10 };
static const double steps[] = {1e-3, 2e-4, 1e-4, 1e-5};

typedef struct Way {
    Compile compile;
    Runner runner;
    bool f64;
    uint64_t seed;
} Way;

/* A call's inputs and results. */
typedef struct Call {
    const Entry *entry;
    Tensors tensors;
} Call;

typedef struct Check {
    Arena *arena; /* for one case */
    const Case *item;
    int number;
    const Bounds *bounds;
    Tally *tally;
    Way *evaluated, *f64, *f32;
    Text why; /* what is wrong; empty: nothing */
    double *moved[MOST_OPERANDS], *kept[MOST_OPERANDS], *direction[MOST_OPERANDS], *gradient[MOST_OPERANDS];
    const char *names[MOST_OPERANDS];
    int64_t count[MOST_OPERANDS];
    int floats;
    const double *weights;
} Check;

/* ---- numbers ---- */

static double random_unit(uint64_t *state) {
    return (double)(random_bits(state) >> 11) * 0x1p-53;
}

static double random_normal(uint64_t *state) {
    double sum = 0;
    for (int i = 0; i < 12; i++) sum += random_unit(state);
    return nearbyint((sum - 6) * 4096) / 4096;
}

static int64_t random_below(uint64_t *state, int64_t limit) {
    return limit > 0 ? (int64_t)(random_bits(state) % (uint64_t)limit) : 0;
}

/* The numbers 0 to count - 1 shuffled, spread over about -2 to 2 (further if there are many). */
static void draw_distinct(double *to, int64_t count, double shift, uint64_t *state) {
    double step = count < 16 ? 0.25 : count < 256 ? 1.0 / 64 : count < 4096 ? 1.0 / 1024 : 1.0 / 2048;
    for (int64_t i = 0; i < count; i++) {
        int64_t k = random_below(state, i + 1);
        to[i] = to[k];
        to[k] = (double)i;
    }
    for (int64_t i = 0; i < count; i++) to[i] = (to[i] - (double)(count / 2) + shift) * step;
}

static double draw_one(const Operand *x, int64_t index, uint64_t *state) {
    static const double quarters[] = {0.25, 0.5, 0.75, 1, 1.5};
    double sign = random_bits(state) & 1 ? 1 : -1;
    int64_t row = x->dims.rank ? index / (x->dims.size[x->dims.rank - 1] + !x->dims.size[x->dims.rank - 1]) : 0;
    switch (x->draw) {
    case DRAW_WEIGHTS:
        return random_normal(state) / 4;
    case DRAW_POSITIVE:
        return 0.25 + nearbyint(random_unit(state) * 8192) / 4096;
    case DRAW_AWAY:
        return sign * (0.203125 + nearbyint(random_unit(state) * 8190) / 4096);
    case DRAW_COARSE:
        return (double)random_below(state, 3) - 1;
    case DRAW_ODD:
        return sign * (double)(2 * random_below(state, 24) + 1) / 16;
    case DRAW_QUARTER:
        return sign * quarters[random_below(state, 5)];
    case DRAW_INT:
        return (double)random_below(state, 19) - 9;
    case DRAW_INT_AWAY:
        return sign * (double)(1 + random_below(state, 9));
    case DRAW_INT_SMALL:
        return (double)random_below(state, 7) - 3;
    case DRAW_INT_POSITIVE:
        return (double)(1 + random_below(state, 9));
    case DRAW_IDS:
        return (double)random_below(state, x->limit);
    case DRAW_BOOL:
        return random_below(state, 4) != 0;
    case DRAW_TRUE:
        return 1;
    case DRAW_FALSE:
        return 0;
    case DRAW_ROWS:
        return row % 3 != 2 && random_below(state, 4) != 0;
    case DRAW_NORMAL:
    case DRAW_DISTINCT:
    case DRAW_DISTINCT2:
        break;
    }
    return random_normal(state);
}

static double *draw(Arena *arena, const Operand *x, int64_t count, uint64_t *state) {
    double *numbers = NEW_ARRAY(arena, double, count + 1);
    if (x->draw == DRAW_DISTINCT || x->draw == DRAW_DISTINCT2) {
        draw_distinct(numbers, count, x->draw == DRAW_DISTINCT ? 0.25 : 0.75, state);
        return numbers;
    }
    for (int64_t i = 0; i < count; i++) numbers[i] = draw_one(x, i, state);
    return numbers;
}

static uint64_t seed_of(const char *text) { /* FNV-1a: the numbers depend on the case alone */
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text; text++) hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    return hash;
}

/* ---- calls ---- */

static const Entry *entry_of(const Way *way, const char *kind, int number) {
    char name[32];
    snprintf(name, sizeof name, "%s%d", kind, number);
    for (int i = 0; i < way->compile.model->entries.count; i++)
        if (strcmp(way->compile.model->entries.at[i]->name, name) == 0) return way->compile.model->entries.at[i];
    fatal("matrix", "no entry %s", name);
}

/* m#[0].W of case 7 is m7.0.W in the model. */
static const char *path_of(Arena *arena, const char *path, int number) {
    Text text;
    text_init(&text, arena);
    for (; *path; path++) {
        if (*path == '#')
            text_printf(&text, "%d", number);
        else if (*path != ']')
            text_printf(&text, "%c", *path == '[' ? '.' : *path);
    }
    return text.at;
}

static Call call_new(Check *check, const Way *way, const char *kind) {
    Call call = {.entry = entry_of(way, kind, check->number)};
    tensors_init(&call.tensors, check->arena, call.entry, way->f64);
    return call;
}

/* Every operand's numbers into the call's inputs or the model's parameters; the weights are the input after them. */
static void set_inputs(Check *check, Way *way, Call *call, double *const *numbers) {
    int port = 0;
    for (int i = 0; i < check->item->count; i++) {
        const Operand *x = &check->item->operands[i];
        int64_t count = dims_count(&x->dims);
        const tg_tensor *tensor = &call->tensors.inputs[port];
        void *to = x->parameter ? NULL : call->tensors.input[port++];
        if (x->parameter) to = tg_model_data(way->runner.data, path_of(check->arena, x->name, check->number), &tensor);
        if (!to || tensor->count != count) fatal("matrix", "%s: %s has another size", check->item->label, x->name);
        for (int64_t k = 0; k < count; k++) element_set(tensor->dtype, to, k, numbers[i][k]);
    }
    if (port == call->tensors.input_count) return;
    const tg_tensor *w = &call->tensors.inputs[port];
    for (int64_t k = 0; k < w->count; k++) element_set(w->dtype, call->tensors.input[port], k, check->weights[k]);
}

static void wrong(Check *check, const char *format, ...) PRINTF_LIKE(2, 3);
static void wrong(Check *check, const char *format, ...) {
    va_list arguments;
    if (check->why.length > 400) return;
    va_start(arguments, format);
    text_vprintf(&check->why, format, arguments);
    va_end(arguments);
}

static void run_call(Check *check, Way *way, Call *call) {
    tg_model *data = way->runner.data;
    data->calls = 0;
    data->step = 0;
    for (int i = 0; i < data->info->state_count; i++) {
        const tg_tensor *state = &data->info->states[i];
        memset(data->states + state->offset, 0, (size_t)state->count * tg_dtype_bytes(state->dtype));
    }
    if (way->runner.evaluator) evaluator_pull(way->runner.evaluator);
    int status = runner_call(&way->runner, call->entry, &call->tensors);
    if (status) wrong(check, "; %s ends with status %d", call->entry->name, status);
}

/* ---- comparing ---- */

static void note_worst(double error, double *worst, char *label, const char *name) {
    if (error <= *worst) return;
    *worst = error;
    snprintf(label, 200, "%s", name);
}

/* Integers and booleans must be the same, floats close. */
static double error_between(const Call *got, const Call *wanted, int result) {
    const tg_tensor *g = &got->tensors.results[result], *w = &wanted->tensors.results[result];
    double scale = 1, most = 0;
    bool exact = w->dtype == TG_I32 || w->dtype == TG_BOOL;
    if (g->count != w->count) return INFINITY;
    for (int64_t i = 0; i < w->count; i++) {
        double number = element_get(w->dtype, wanted->tensors.result[result], i);
        if (isfinite(number)) scale = fmax(scale, fabs(number));
    }
    for (int64_t i = 0; i < w->count; i++) {
        double x = element_get(g->dtype, got->tensors.result[result], i);
        double y = element_get(w->dtype, wanted->tensors.result[result], i);
        if (x == y || (isnan(x) && isnan(y))) continue;
        most = isfinite(x - y) && !exact ? fmax(most, fabs(x - y)) : INFINITY;
    }
    return most / scale;
}

static void compare_ways(Check *check, const char *kind, double *const *numbers) {
    Way *ways[3] = {check->evaluated, check->f64, check->f32};
    Call calls[3];
    Worst *worst = &check->tally->worst;
    for (int i = 0; i < 3; i++) {
        calls[i] = call_new(check, ways[i], kind);
        set_inputs(check, ways[i], &calls[i], numbers);
        run_call(check, ways[i], &calls[i]);
    }
    for (int i = 0; i < calls[0].tensors.result_count && !check->why.length; i++) {
        double f64 = error_between(&calls[1], &calls[0], i), f32 = error_between(&calls[2], &calls[1], i);
        const char *name = calls[0].tensors.results[i].name;
        if (!(f64 <= check->bounds->f64)) wrong(check, "; f64 %s differs from the evaluator's by %.3g", name, f64);
        if (!(f32 <= check->bounds->f32)) wrong(check, "; f32 %s differs from f64's by %.3g", name, f32);
        note_worst(f64, &worst->f64, worst->f64_label, check->item->label);
        note_worst(f32, &worst->f32, worst->f32_label, check->item->label);
    }
    if (*kind != 'g') return;
    for (int i = 0; i < check->floats; i++) {
        int result = i + check->item->train;
        int64_t count = calls[1].tensors.results[result].count;
        const double *elements = calls[1].tensors.result[result];
        check->gradient[i] = NEW_ARRAY(check->arena, double, count + 1);
        memcpy(check->gradient[i], elements, (size_t)count * sizeof(double));
    }
}

/* ---- differences ---- */

/* A jacobian contracted with the weights. */
static void contract(Check *check, int64_t results) {
    for (int i = 0; i < check->floats; i++) {
        double *sum = NEW_ARRAY(check->arena, double, check->count[i] + 1);
        for (int64_t r = 0; r < results; r++)
            for (int64_t k = 0; k < check->count[i]; k++)
                sum[k] += check->weights[r] * check->gradient[i][r * check->count[i] + k];
        check->gradient[i] = sum;
    }
}

static void move(Check *check, int at, int64_t index, double far) {
    for (int i = 0; i < check->floats; i++) {
        if (at >= 0 && i != at) continue;
        for (int64_t k = at < 0 ? 0 : index; k < (at < 0 ? check->count[i] : index + 1); k++)
            check->moved[i][k] = check->kept[i][k] + far * (at < 0 ? check->direction[i][k] : 1);
    }
}

/* y where the operand is moved. */
static const double *value_at(Check *check, Call *call, int at, int64_t index, double far, double *copy) {
    int result = call->tensors.result_count - 1;
    move(check, at, index, far);
    run_call(check, check->f64, call);
    memcpy(copy, call->tensors.result[result], (size_t)call->tensors.results[result].count * sizeof *copy);
    return copy;
}

static double error_of(Check *check, Call *call, int at, int64_t index, double given, double scale) {
    double least = INFINITY;
    int64_t count = dims_count(&check->item->result);
    double *copies = NEW_ARRAY(check->arena, double, 4 * count + 1);
    for (size_t s = 0; s < sizeof steps / sizeof *steps && !(least <= check->bounds->difference / 10); s++) {
        const double *y[4];
        double sum = 0;
        for (int i = 0; i < 4; i++) {
            static const int side[] = {1, -1, 2, -2};
            y[i] = value_at(check, call, at, index, side[i] * steps[s], copies + i * count);
        }
        for (int64_t i = 0; i < count; i++) sum += check->weights[i] * (8 * (y[0][i] - y[1][i]) - (y[2][i] - y[3][i]));
        double difference = sum / (12 * steps[s]);
        double error = fabs(given - difference) / fmax(fmax(fabs(given), fabs(difference)), fmax(scale, 1e-3));
        if (isnan(difference)) error = INFINITY;
        if (error < least) least = error;
    }
    move(check, at, index, 0);
    return least;
}

static void judge(Check *check, double error, const char *what) {
    Worst *worst = &check->tally->worst;
    check->tally->differences++;
    if (!(error <= check->bounds->difference)) wrong(check, "; the gradient by %s differs by %.3g", what, error);
    note_worst(error, &worst->difference, worst->difference_label, check->item->label);
}

/* The differences themselves are of values in MODE_SECOND as elsewhere: y is a gradient there. */
static void check_differences(Check *check, double *const *numbers, uint64_t *state) {
    Call call = call_new(check, check->f64, check->item->train ? "g" : "v");
    int port = 0, f = 0;
    double along = 0, squares = 0;
    set_inputs(check, check->f64, &call, numbers);
    if (check->item->mode == MODE_JACOBIAN) contract(check, dims_count(&check->item->result));
    for (int i = 0; i < check->item->count; i++) {
        const Operand *x = &check->item->operands[i];
        double *inputs = x->parameter ? NULL : call.tensors.input[port++];
        if (x->type != 'f') continue;
        const char *path = x->parameter ? path_of(check->arena, x->name, check->number) : NULL;
        check->moved[f] = path ? tg_model_data(check->f64->runner.data, path, NULL) : inputs;
        check->kept[f] = numbers[i];
        check->names[f] = x->name;
        check->direction[f] = draw(check->arena, &(Operand){.draw = DRAW_NORMAL}, check->count[f], state);
        f++;
    }
    for (f = 0; f < check->floats; f++) {
        double sum = 0;
        int64_t count = check->count[f];
        for (int64_t k = 0; k < count; k++) sum += check->gradient[f][k] * check->gradient[f][k];
        for (int64_t k = 0; k < count; k++) {
            double term = check->gradient[f][k] * check->direction[f][k];
            along += term;
            squares += term * term;
        }
        double scale = count ? sqrt(sum / (double)count) : 0;
        int64_t taken = count < SAMPLE ? count : SAMPLE;
        for (int64_t t = 0; t < taken && !check->why.length; t++) {
            int64_t from = count * t / taken, index = from + random_below(state, count * (t + 1) / taken - from);
            judge(check, error_of(check, &call, f, index, check->gradient[f][index], scale), check->names[f]);
        }
    }
    if (!check->why.length)
        judge(check, error_of(check, &call, -1, 0, along, sqrt(squares)), "everything along a direction");
}

/* ---- cases ---- */

static void check_case(Check *check) {
    const Case *item = check->item;
    uint64_t state = seed_of(item->label);
    double *numbers[MOST_OPERANDS];
    Operand weight = {.draw = DRAW_NORMAL};
    text_init(&check->why, check->arena);
    check->floats = 0;
    for (int i = 0; i < item->count; i++) {
        int64_t count = dims_count(&item->operands[i].dims);
        numbers[i] = draw(check->arena, &item->operands[i], count, &state);
        if (item->operands[i].type == 'f') check->count[check->floats++] = count;
    }
    check->weights = draw(check->arena, &weight, dims_count(&item->result), &state);
    compare_ways(check, "v", numbers);
    check->tally->checked++;
    if (item->mode == MODE_VALUE || check->why.length) return;
    compare_ways(check, "g", numbers);
    check->tally->gradients++;
    if (!item->corner && !check->why.length) check_differences(check, numbers, &state);
}

static bool make_way(Arena *arena, Way *way, const char *path, bool f64, bool evaluate) {
    Request *request = NEW(arena, Request);
    request->arena = arena;
    request->dtype = f64 ? "f64" : "f32";
    request->threads.value = 1;
    vec_push(arena, &request->words, path);
    *way = (Way){.f64 = f64};
    if (compile_begin(request, &way->compile)) return false;
    if (evaluate) {
        way->compile.stop_after = "gradient";
        return !pipeline_resume(&way->compile) && !runner_evaluate(&way->runner, &way->compile, request);
    }
    return !runner_build(&way->runner, &way->compile, request);
}

static const char *write_cases(Arena *arena, const List *list, const int *which, int count, const char *folder) {
    Text text;
    text_init(&text, arena);
    print_heading(&text);
    for (int i = 0; i < count; i++) case_print(&text, list->cases.at[which[i]], i);
    const char *path = arena_printf(arena, "%s/cases.tg", folder);
    if (!text_write_file(path, text.at, text.length)) fatal("matrix", "cannot write %s", path);
    return path;
}

bool check_batch(const List *list, const int *which, int count, const char *folder, const Bounds *bounds,
                 Tally *tally) {
    Arena *arena = arena_new();
    Way evaluated, f64, f32;
    const char *path = write_cases(arena, list, which, count, folder);
    if (!make_way(arena, &evaluated, path, true, true)) return false;
    if (!make_way(arena, &f64, path, true, false)) return false;
    if (!make_way(arena, &f32, path, false, false)) return false;
    for (int i = 0; i < count; i++) {
        Check check = {.arena = arena_new(),
                       .item = list->cases.at[which[i]],
                       .number = i,
                       .bounds = bounds,
                       .tally = tally,
                       .evaluated = &evaluated,
                       .f64 = &f64,
                       .f32 = &f32};
        check_case(&check);
        if (check.why.length) {
            printf("%s%s\n", check.item->label, check.why.at);
            if (tally->failed < (int)(sizeof tally->bad / sizeof *tally->bad)) tally->bad[tally->failed] = which[i];
            tally->failed++;
        }
        arena_free(check.arena);
    }
    runner_free(&evaluated.runner);
    runner_free(&f64.runner);
    runner_free(&f32.runner);
    arena_free(arena);
    return true;
}
