/* library.c: every function of a compiled library that takes memory, with each of its allocations failing in turn.
 * allocations.sh runs it under interpose.c, on the model m.tg of faults.bash.
 *
 * A function that runs out of memory returns TG_NO_MEMORY, leaks nothing, and leaves the model and the files as they
 * were. And 100 steps on three threads, with their calls of f, take no memory at all. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "m.h"

enum { NO_MEMORY = 2, MOST = 1000, FILE_BYTES = 65536 };

static long (*faults_allocations)(void), (*faults_all)(void), (*faults_live)(void);
static void (*faults_fail_at)(long);

static int find(const char *name, void *function) {
    void *address = dlsym(RTLD_DEFAULT, name);
    memcpy(function, &address, sizeof address);
    return address != NULL;
}

static const float x[8] = {1, 2, 3, 4, 5, 6, 7, 8};

typedef struct Snapshot { /* all that a failed call must leave as it was */
    float W[12], seen;
    uint64_t steps;
    char file[FILE_BYTES];
    ssize_t file_bytes;
} Snapshot;

static void take(Snapshot *snapshot, m *model, const char *path) {
    memset(snapshot, 0, sizeof *snapshot);
    memcpy(snapshot->W, m_param(model, "W", NULL), sizeof snapshot->W);
    memcpy(&snapshot->seen, m_state(model, "seen", NULL), sizeof snapshot->seen);
    snapshot->steps = m_steps(model);
    int file = open(path, O_RDONLY);
    if (file >= 0) snapshot->file_bytes = read(file, snapshot->file, FILE_BYTES);
    if (file >= 0) close(file);
}

static int each_call(m *model, const char *name, int (*call)(m *, const char *), const char *path) {
    static Snapshot before, after;
    for (long number = 1; number < MOST; number++) {
        take(&before, model, path);
        long live = faults_live();
        faults_fail_at(number);
        int status = call(model, path);
        faults_fail_at(0);
        if (faults_live() != live) return printf("%s: %ld blocks leak\n", name, faults_live() - live), 0;
        if (status == 0) return printf("%s: %ld allocations\n", name, number - 1), number > 1;
        if (status != NO_MEMORY) return printf("%s, allocation %ld: status %d\n", name, number, status), 0;
        if (!strlen(m_error(model))) return printf("%s, allocation %ld: no text\n", name, number), 0;
        take(&after, model, path);
        if (memcmp(&before, &after, sizeof before)) return printf("%s, allocation %ld: changes\n", name, number), 0;
        if (access("checkpoint.tmp", F_OK) == 0) return printf("%s: leaves its temporary file\n", name), 0;
    }
    return printf("%s never succeeds\n", name), 0;
}

static int each_new(void) {
    for (long number = 1; number < MOST; number++) {
        long live = faults_live();
        m *model = (m *)(uintptr_t)8;
        faults_fail_at(number);
        int status = m_new(&model, 3, 1);
        faults_fail_at(0);
        if (status == 0) {
            m_free(model);
            if (faults_live() != live) return printf("m_free: %ld blocks leak\n", faults_live() - live), 0;
            return printf("m_new: %ld allocations\n", number - 1), number > 1;
        }
        if (status != NO_MEMORY || model) return printf("m_new, allocation %ld: status %d\n", number, status), 0;
        if (faults_live() != live) return printf("m_new: %ld blocks leak\n", faults_live() - live), 0;
    }
    return 0;
}

static int steps(m *model, int count) {
    float loss = 0, y[6];
    for (int i = 0; i < count; i++)
        if (m_step(model, x, &loss) || m_f(model, x, y)) return 0;
    return 1;
}

int main(void) {
    m *model = NULL;
    if (!find("faults_allocations", &faults_allocations) || !find("faults_all", &faults_all) ||
        !find("faults_live", &faults_live) || !find("faults_fail_at", &faults_fail_at))
        return puts("not run under libfaults.so"), 2;
    if (!each_new() || m_new(&model, 3, 1) || !steps(model, 1)) return 1;

    long before = faults_all();
    if (!steps(model, 100)) return printf("a step failed: %s\n", m_error(model)), 1;
    if (faults_all() != before) return printf("100 steps allocate %ld times\n", faults_all() - before), 1;
    printf("100 steps: 0 allocations\n");

    if (m_checkpoint_save(model, "checkpoint") || !steps(model, 1)) return 1;
    int well = each_call(model, "m_checkpoint_save", m_checkpoint_save, "checkpoint") && steps(model, 1) &&
               each_call(model, "m_save", m_save, "checkpoint") && each_call(model, "m_load", m_load, "checkpoint") &&
               m_checkpoint_save(model, "checkpoint") == 0 && steps(model, 1) &&
               each_call(model, "m_checkpoint_load", m_checkpoint_load, "checkpoint");
    m_free(model);
    if (well && faults_live() != 0) return printf("%ld blocks are left\n", faults_live()), 1;
    if (well) puts("all is well");
    return !well;
}
