/* order.c: the sequence of kernels.
 *
 * fuse numbers kernels so that each runs after what it reads and before what overwrites what it reads. Checks of ids
 * and positions, and what they need, move to the front: no parameter or state is written before all of them have
 * passed. Behind them the order is kept but where another one needs less memory (peak.c). Schedule.gate is where the
 * first write that outlives the call stands.
 */
#include "kernel/lives.h"

static bool writes_variable(const Schedule *schedule, const Kernel *kernel) {
    for (int i = 0; i < kernel->outputs.count; i++)
        if (schedule->place[kernel->outputs.at[i]->id].buffer->kind == BUF_VARIABLE) return true;
    return false;
}

static bool mark_needed(const Schedule *schedule, int position, bool *needed);

/* Marks the kernels that have looked at memory before the kernel at `position` writes it again: shadows are. */
static bool mark_readers(const Schedule *schedule, int position, bool *needed) {
    const Kernel *kernel = schedule->kernels.at[position];
    for (int i = 0; i < kernel->outputs.count; i++) {
        const Buffer *buffer = schedule->place[kernel->outputs.at[i]->id].buffer;
        for (int before = 0; buffer->shadows && before < position; before++) {
            bool *reads = NEW_ARRAY(schedule->model->arena, bool, schedule->buffers.count);
            kernel_reads(schedule, schedule->kernels.at[before], reads);
            if (reads[buffer->id] && !needed[before] && !mark_needed(schedule, before, needed)) return false;
        }
    }
    return true;
}

/* Marks what the kernel at `position` needs; false if that writes a variable or reads one already written. */
static bool mark_needed(const Schedule *schedule, int position, bool *needed) {
    int buffers = schedule->buffers.count;
    const Kernel *kernel = schedule->kernels.at[position];
    bool *reads = NEW_ARRAY(schedule->model->arena, bool, buffers);
    if (writes_variable(schedule, kernel)) return false;
    needed[position] = true;
    if (!mark_readers(schedule, position, needed)) return false;
    kernel_reads(schedule, kernel, reads);
    for (int before = 0; before < position; before++) {
        const Kernel *writer = schedule->kernels.at[before];
        for (int i = 0; i < writer->outputs.count; i++)
            if (reads[schedule->place[writer->outputs.at[i]->id].buffer->id] && !needed[before] &&
                !mark_needed(schedule, before, needed))
                return false;
    }
    return true;
}

static void hoist_checks(Schedule *schedule, bool *first) {
    int count = schedule->kernels.count;
    for (int position = 0; position < count; position++) {
        if (schedule->kernels.at[position]->kind != KERNEL_CHECK) continue;
        bool *needed = NEW_ARRAY(schedule->model->arena, bool, count);
        if (!mark_needed(schedule, position, needed)) continue;
        for (int i = 0; i < count; i++) first[i] = first[i] || needed[i];
    }
}

void reorder(Schedule *schedule, const int *order) {
    int count = schedule->kernels.count;
    Kernel **sorted = NEW_ARRAY(schedule->model->arena, Kernel *, count + 1);
    for (int i = 0; i < count; i++) sorted[i] = schedule->kernels.at[order[i]];
    schedule->gate = count;
    for (int i = count - 1; i >= 0; i--) {
        schedule->kernels.at[i] = sorted[i];
        sorted[i]->id = i;
        if (writes_variable(schedule, sorted[i])) schedule->gate = i;
    }
}

void order(Schedule *schedule) {
    int count = schedule->kernels.count, filled = 0;
    int *sorted = NEW_ARRAY(schedule->model->arena, int, count + 1);
    bool *first = NEW_ARRAY(schedule->model->arena, bool, count + 1);
    hoist_checks(schedule, first);
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < count; i++)
            if (first[i] == (pass == 0)) sorted[filled++] = i;
    reorder(schedule, sorted);
}
