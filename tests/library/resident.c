/* resident.c: an instance that only predicts holds its parameters, not the moments and the arena of the training step
 * that the same library carries; resident.sh runs it. Linux tells how many pages are resident. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "wide.h"

static long resident_mib(void) {
    long all = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &all, &resident) != 2) return -1;
    fclose(file);
    return resident / 256; /* pages of 4 KiB */
}

int main(void) {
    static float x[WIDE_PREDICT_X_COUNT], y[WIDE_PREDICT_X_COUNT], loss;
    wide *model = NULL;
    long before = resident_mib();
    if (before < 0) return puts("not told"), 0;
    for (int i = 0; i < WIDE_PREDICT_X_COUNT; i++) x[i] = (float)i / WIDE_PREDICT_X_COUNT;
    if (wide_new(&model, 1, 7) || wide_predict(model, x, y)) return 1;
    long predicts = resident_mib() - before;
    for (int i = 0; i < 2; i++)
        if (wide_step(model, x, &loss)) return 1;
    long trains = resident_mib() - before;
    if (predicts < 16 || predicts > 30 || trains < 60) return printf("%ld and %ld MiB\n", predicts, trains), 1;
    wide_reset(model, 7); /* all zeros again, though touched */
    const float *moment = wide_state(model, "adam.m.0", NULL);
    for (int i = 0; i < WIDE_PREDICT_X_COUNT; i++)
        if (!moment || moment[i] != 0) return puts("a moment outlives the reset"), 1;
    wide_free(model);
    puts("all is well");
    return 0;
}
