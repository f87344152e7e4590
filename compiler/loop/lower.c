/* lower.c: turns each kernel of a schedule into loops, by the skeleton of its kind.
 *
 * In: a Schedule with tiles and places. Out: a Program, one Function per launch; a product whose right operand is
 * packed is two launches.
 */
#include "loop/contract.h"

typedef struct Skeleton {
    KernelKind kind;
    void (*lower)(Lower *lower);
} Skeleton;

static const Skeleton skeletons[] = {
    {KERNEL_MAP, lower_map},           {KERNEL_ROW, lower_row},       {KERNEL_FOLD, lower_fold},
    {KERNEL_CONTRACT, lower_contract}, {KERNEL_ATTEND, lower_attend}, {KERNEL_SCATTER, lower_scatter},
    {KERNEL_CHECK, lower_check_range},
};

static void reserve_names(Lower *lower) {
    const Schedule *schedule = lower->schedule;
    const Kernel *kernel = lower->kernel;
    bool *used = NEW_ARRAY(lower->arena, bool, schedule->buffers.count);
    kernel_reads(schedule, kernel, used);
    for (int i = 0; i < kernel->outputs.count; i++) used[schedule->place[kernel->outputs.at[i]->id].buffer->id] = true;
    for (int i = 0; i < schedule->buffers.count; i++)
        if (used[i]) vec_push(lower->arena, &lower->reserved, schedule->buffers.at[i]->name);
}

Lower *lower_new(Schedule *schedule, const Machine *machine, Program *program, Kernel *kernel, const char *suffix) {
    Arena *arena = schedule->model->arena;
    Lower *lower = NEW(arena, Lower);
    *lower = (Lower){.arena = arena, .names = schedule->model->names, .schedule = schedule, .machine = machine};
    lower->kernel = kernel;
    lower->lane_count = machine->vector_bytes / (schedule->model->f64 ? 8 : 4);
    lower->axes = kernel->axes;
    lower->lane_axis = -1;
    lower->function = NEW(arena, Function);
    lower->function->name = arena_printf(arena, "k%02d_%s%s", program->functions.count, kernel->name, suffix);
    lower->function->kernel = kernel;
    lower->function->slices = 1;
    for (int depth = 0; depth <= MAX_AXES; depth++) lower->block[depth] = &lower->function->body;
    vec_push(arena, &program->functions, lower->function);
    reserve_names(lower);
    return lower;
}

static void end_streams(Lower *lower) {
    if (lower->function->streams) st_call(lower, &lower->function->body, "tg_stream_end()", 0, NULL);
}

static void lower_kernel(Schedule *schedule, const Machine *machine, Program *program, Kernel *kernel) {
    if (kernel->packed_a && !kernel->finds_rows) {
        Lower *rows = lower_new(schedule, machine, program, kernel, "_rows");
        rows->function->role = FUNCTION_PACKS_ROWS;
        lower_pack_rows(rows);
        end_streams(rows);
    }
    if (kernel->packed) {
        Lower *columns = lower_new(schedule, machine, program, kernel, "_pack");
        columns->function->role = FUNCTION_PACKS_COLUMNS;
        lower_pack(columns);
    }
    Lower *lower = lower_new(schedule, machine, program, kernel, "");
    for (size_t row = 0; row < sizeof skeletons / sizeof skeletons[0]; row++)
        if (skeletons[row].kind == kernel->kind) skeletons[row].lower(lower);
    end_streams(lower);
}

Program *lower(Schedule *schedule, const Machine *machine) {
    Program *program = NEW(schedule->model->arena, Program);
    program->schedule = schedule;
    for (int i = 0; i < schedule->kernels.count; i++) lower_kernel(schedule, machine, program, schedule->kernels.at[i]);
    for (int i = 0; i < program->functions.count; i++) {
        loop_clean(schedule->model->arena, program->functions.at[i]);
        loop_names(schedule->model->arena, program->functions.at[i]);
    }
    return program;
}
