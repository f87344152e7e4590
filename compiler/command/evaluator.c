/* evaluator.c: calls on the double-precision evaluator instead of compiled code.
 *
 * In: a model that has gone as far as gradient, and an instance that holds parameters and states by name; that instance
 * is an ordinary tg_model without entry points, so first values and files are the runtime's own. Out: results of calls.
 * Between calls the variables live here in double precision; pull and push copy them from and to the instance. */
#include "command/command.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct Evaluator {
    Arena *arena;
    const Model *model;
    tg_model *data;
    uint64_t noise_seed;
    double **values; /* by variable id; NULL for a parameter, whose numbers lie in its group's */
};

/* ---- the instance's tables ---- */

static void set_init(tg_tensor *tensor, const Init *init) {
    static const tg_init_kind kinds[] = {
        [INIT_ZEROS] = TG_INIT_CONSTANT,  [INIT_CONSTANT] = TG_INIT_CONSTANT, [INIT_NORMAL] = TG_INIT_NORMAL,
        [INIT_UNIFORM] = TG_INIT_UNIFORM, [INIT_XAVIER] = TG_INIT_UNIFORM,    [INIT_HE] = TG_INIT_NORMAL};
    tensor->init = kinds[init->kind];
    tensor->a = init->kind == INIT_XAVIER ? -init->b : init->kind == INIT_HE || init->kind == INIT_ZEROS ? 0 : init->a;
    tensor->b = init->kind == INIT_ZEROS ? 0 : init->b;
}

static tg_dtype dtype_of(const Variable *variable, bool f64) {
    if (variable->dtype == DT_FLOAT) return f64 ? TG_F64 : TG_F32;
    return variable->dtype == DT_I32 ? TG_I32 : TG_BOOL;
}

/* The variables for which `params` holds true or false, one after the other; *bytes is their block. */
static tg_tensor *table_of(Arena *arena, const Model *model, bool params, int *count, size_t *bytes) {
    tg_tensor *table = NEW_ARRAY(arena, tg_tensor, model->variables.count + 1);
    *count = 0;
    *bytes = 0;
    for (int i = 0; i < model->variables.count; i++) {
        const Variable *variable = model->variables.at[i];
        if (variable->kind == VAR_GROUP || (variable->kind == VAR_PARAM) != params) continue;
        tg_tensor *tensor = &table[(*count)++];
        *tensor = (tg_tensor){.name = variable->path,
                              .dtype = dtype_of(variable, model->f64),
                              .rank = variable->shape.rank,
                              .shape = variable->shape.size,
                              .count = shape_count(&variable->shape),
                              .offset = *bytes};
        set_init(tensor, &variable->init);
        *bytes += ((size_t)tensor->count * tg_dtype_bytes(tensor->dtype) + 63) / 64 * 64;
    }
    return table;
}

const tg_info *evaluator_info(Arena *arena, const Model *model) {
    tg_info *info = NEW(arena, tg_info);
    info->abi = TG_ABI;
    info->name = model->name;
    info->float_type = model->f64 ? TG_F64 : TG_F32;
    info->target = "evaluator";
    info->params = table_of(arena, model, true, &info->param_count, &info->param_bytes);
    info->states = table_of(arena, model, false, &info->state_count, &info->state_bytes);
    info->json = "{}";
    return info;
}

/* ---- variables ---- */

static double *storage(void *context, Variable *variable) {
    const Evaluator *evaluator = context;
    if (variable->group) return storage(context, variable->group) + variable->offset;
    return evaluator->values[variable->id];
}

/* Copies every variable, from the instance or to it. */
static void copy_all(Evaluator *evaluator, bool push) {
    for (int i = 0; i < evaluator->model->variables.count; i++) {
        Variable *variable = evaluator->model->variables.at[i];
        const tg_tensor *tensor;
        if (variable->kind == VAR_GROUP) continue;
        void *elements = tg_model_data(evaluator->data, variable->path, &tensor);
        double *numbers = storage(evaluator, variable);
        for (int64_t k = 0; k < tensor->count; k++) {
            if (push)
                element_set(tensor->dtype, elements, k, numbers[k]);
            else
                numbers[k] = element_get(tensor->dtype, elements, k);
        }
    }
}

void evaluator_pull(Evaluator *evaluator) {
    copy_all(evaluator, false);
}
void evaluator_push(Evaluator *evaluator) {
    copy_all(evaluator, true);
}

Evaluator *evaluator_new(Arena *arena, const Model *model, tg_model *data, uint64_t noise_seed) {
    Evaluator *evaluator = NEW(arena, Evaluator);
    int count = model->variables.count;
    *evaluator = (Evaluator){.arena = arena, .model = model, .data = data, .noise_seed = noise_seed};
    evaluator->values = NEW_ARRAY(arena, double *, count + 1);
    for (int i = 0; i < count; i++) {
        const Variable *variable = model->variables.at[i];
        if (variable->group) continue;
        evaluator->values[variable->id] = NEW_ARRAY(arena, double, shape_count(&variable->shape) + 1);
    }
    evaluator_pull(evaluator);
    return evaluator;
}

/* ---- a call ---- */

static double *widened(Arena *arena, const tg_tensor *tensor, const void *elements) {
    double *numbers = NEW_ARRAY(arena, double, tensor->count + 1);
    for (int64_t i = 0; i < tensor->count; i++) numbers[i] = element_get(tensor->dtype, elements, i);
    return numbers;
}

bool evaluator_call(Evaluator *evaluator, const Entry *entry, Tensors *tensors, const char **error) {
    Arena *arena = arena_new();
    tg_model *data = evaluator->data;
    const double **inputs = NEW_ARRAY(arena, const double *, tensors->input_count + 1);
    const double **results = NEW_ARRAY(arena, const double *, tensors->result_count + 1);
    for (int i = 0; i < tensors->input_count; i++) inputs[i] = widened(arena, &tensors->inputs[i], tensors->input[i]);
    Interp interp = {.arena = arena,
                     .inputs = inputs,
                     .storage = storage,
                     .context = evaluator,
                     .seed = data->seed,
                     .call = data->calls,
                     .step = data->step + 1,
                     .noise_seed = evaluator->noise_seed};
    if (evaluator->noise_seed) interp.noise = evaluator->model->f64 ? DBL_EPSILON : FLT_EPSILON;
    bool ok = interp_run(&interp, entry, results);
    for (int i = 0; i < tensors->result_count && ok; i++)
        for (int64_t k = 0; k < tensors->results[i].count; k++)
            element_set(tensors->results[i].dtype, tensors->result[i], k, results[i][k]);
    if (ok && entry->train) {
        uint64_t every = entry->accumulate > 1 ? (uint64_t)entry->accumulate : 1;
        data->calls++;
        if (data->calls % every == 0) data->step++;
    }
    if (!ok) *error = arena_printf(evaluator->arena, "%s", interp.error);
    arena_free(arena);
    return ok;
}
