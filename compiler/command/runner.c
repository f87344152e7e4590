/* runner.c: a model that can be called, compiled or evaluated.
 *
 * Compiled: the library is built in a scratch folder, opened, and the folder removed. Its own functions make the
 * instance; everything else goes through the table `tg_info` that they give. */
#include "command/command.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_THREADS = 1024 };

static const char *prefix_of(const Compile *compile) {
    return compile->output.prefix ? compile->output.prefix : compile->model->name;
}

/* Looks up PREFIX_name; ISO C has no cast from an object's address to a function's. */
static void find(void *library, const char *prefix, const char *name, void *function) {
    char symbol[512];
    snprintf(symbol, sizeof symbol, "%s_%s", prefix, name);
    void *address = dlsym(library, symbol);
    if (!address) fatal("emit", "the library has no function %s", symbol);
    memcpy(function, &address, sizeof address);
}

static int open_library(Runner *runner, const Compile *compile, const Request *request, const char *path) {
    int (*create)(tg_model * *model, int threads, uint64_t seed);
    runner->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!runner->library) {
        complain("cannot load the compiled model: %s", dlerror());
        return STATUS_INTERNAL;
    }
    find(runner->library, prefix_of(compile), "new", &create);
    find(runner->library, prefix_of(compile), "free", &runner->free);
    int threads = request->threads.value > MOST_THREADS ? MOST_THREADS : (int)request->threads.value;
    tg_status status = (tg_status)create(&runner->data, threads, request->seed.value);
    if (status) complain("no memory for an instance of %s", compile->model->name);
    return status_of(status);
}

int runner_build(Runner *runner, Compile *compile, const Request *request) {
    Scratch scratch;
    *runner = (Runner){.arena = compile->arena};
    if (!scratch_open(&scratch)) return STATUS_FILE;
    compile->build.path =
        arena_printf(compile->arena, "%s/lib%s.so", scratch.path, file_stem(compile->arena, compile->path));
    compile->build.kind = BUILD_SHARED;
    int status = pipeline_resume(compile);
    runner->model = compile->model;
    runner->resident_before = resident_now();
    if (!status) status = open_library(runner, compile, request, compile->build.path);
    scratch_close(&scratch);
    return status;
}

int runner_evaluate(Runner *runner, Compile *compile, const Request *request) {
    *runner = (Runner){.arena = compile->arena, .free = tg_model_free};
    runner->model = compile->model;
    int loaded = externals_load(compile);
    if (loaded) return loaded;
    tg_options options = {.threads = 1, .seed = request->seed.value};
    tg_status status = tg_model_new(&runner->data, evaluator_info(compile->arena, compile->model), &options);
    if (status) {
        complain("no memory for an instance of %s", compile->model->name);
        return status_of(status);
    }
    runner->evaluator = evaluator_new(compile->arena, compile->model, runner->data, request->noise.value);
    return STATUS_OK;
}

void runner_free(Runner *runner) {
    if (runner->data) runner->free(runner->data);
    if (runner->library) dlclose(runner->library);
    *runner = (Runner){0};
}

int runner_call(Runner *runner, const Entry *entry, Tensors *tensors) {
    const char *error = NULL;
    if (runner->evaluator) {
        if (evaluator_call(runner->evaluator, entry, tensors, &error)) return STATUS_OK;
        complain("%s: %s", entry->name, error);
        return STATUS_VALUE;
    }
    const tg_entry *compiled = tg_info_entry(runner->data->info, entry->name);
    if (!compiled) fatal("emit", "the table has no entry %s", entry->name);
    tg_status status =
        compiled->call(runner->data, (const void *const *)tensors->input, (void *const *)tensors->result);
    if (status) complain("%s", tg_error_text(runner->data));
    return status_of(status);
}

int runner_load(Runner *runner, const char *path) {
    tg_status status = tg_model_load(runner->data, path);
    if (status)
        complain("%s", tg_error_text(runner->data));
    else if (runner->evaluator)
        evaluator_pull(runner->evaluator);
    return status_of(status);
}

int runner_save(Runner *runner, const char *path) {
    if (runner->evaluator) evaluator_push(runner->evaluator);
    tg_status status = tg_checkpoint_save(runner->data, path, (const char *const[]){NULL});
    if (status) complain("%s", tg_error_text(runner->data));
    return status_of(status);
}
