/* failed_step.c: a training step that fails leaves parameters, moments and states as they were; failed_step.sh runs it.
 * The id that is out of range comes last in the text, behind a write and another gather. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "late.h"

int main(void) {
    late *failed = NULL, *clean = NULL;
    if (late_new(&failed, 1, 7) || late_new(&clean, 1, 7)) return 1;
    int32_t good[4] = {0, 1, 2, 3}, bad[4] = {0, 1, 2, 4}, labels[4] = {0, 2, 1, 0}, no_labels[4] = {0, 2, 3, 0};
    float loss = 0, other = 0, counted[1], state[1];
    const int32_t *wrong[][2] = {{bad, labels}, {good, no_labels}, {bad, no_labels}};
    for (int i = 0; i < 3; i++) {
        if (late_step(failed, wrong[i][0], wrong[i][1], &loss) == 0) return puts("a wrong id passed"), 1;
        if (late_steps(failed) != 0) return puts("a failed step was counted"), 1;
    }
    for (int i = 0; i < 5; i++)
        if (late_step(failed, good, labels, &loss) || late_step(clean, good, labels, &other)) return 1;
    if (loss != other) return printf("losses differ: %g, %g\n", loss, other), 1;
    if (late_look(failed, counted) || late_look(clean, state) || memcmp(counted, state, sizeof state)) return 1;
    int64_t count = 0;
    const float *a = late_param(failed, "W", &count), *b = late_param(clean, "W", &count);
    if (memcmp(a, b, (size_t)count * sizeof *a)) return puts("parameters differ"), 1;
    late_free(failed);
    late_free(clean);
    puts("all is well");
    return 0;
}
