/* program.c: an entry point's kernels as loops: made, checked and shown. The pipeline goes through here because the
 * names of loop.h meet those of the syntax tree. */
#include "emit/parts.h"

Program *program_lower(Schedule *schedule, const Machine *machine) {
    return lower(schedule, machine);
}

void program_check(const Program *program, const Machine *machine) {
    bool f64 = program->schedule->model->f64;
    loop_check_program(program, machine->vector_bytes / (f64 ? 8 : 4), f64);
}

void program_group(Program *program, const Machine *machine) {
    group(program, machine);
}

void program_check_groups(const Program *program) {
    group_check(program);
}

void program_print(Text *text, const Program *program) {
    text_printf(text, "entry %s: %d launches\n", program->schedule->entry->name, program->functions.count);
    for (int i = 0; i < program->functions.count; i++) {
        const Function *function = program->functions.at[i];
        text_add(text, "\n");
        if (function->joins || group_size(program, i) > 1)
            text_printf(text, "/* runs together with the launch %s */\n", function->joins ? "before it" : "after it");
        if (function->here) text_add(text, "/* runs on the caller's thread */\n");
        loop_print(text, function, arena_printf(text->arena, "%s_args", function->name), program->schedule->model->f64);
    }
}
