/* two_models.c: what a user's program does with two compiled models; tests/library/c_program.sh builds and runs it. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "first.h"
#include "second.h"

static int failures;

static void expect(int holds, const char *what) {
    if (holds) return;
    printf("FAILED: %s\n", what);
    failures++;
}

static void use_first(int threads, float loss_to[3]) {
    first *model = NULL;
    expect(first_new(&model, threads, 42) == 0, "first_new");
    int64_t count = 0;
    float *W = first_param(model, "W", &count);
    expect(W && count == 9, "the parameter W has 9 elements");
    expect(!first_param(model, "no.such", &count), "an unknown parameter is NULL");
    float start[9];
    memcpy(start, W, sizeof start);

    float x[3] = {1, 2, 3}, y[3];
    expect(first_f(model, x, y) == 0, "f");
    for (int j = 0; j < 3; j++) {
        float sum = 0;
        for (int i = 0; i < 3; i++) sum += x[i] * W[i * 3 + j];
        expect(fabsf(sum - y[j]) < 1e-5f, "f is x W");
    }

    float batch[12], target[12] = {0};
    for (int i = 0; i < 12; i++) batch[i] = (float)(i % 5) - 2;
    for (int step = 0; step < 3; step++) expect(first_step(model, batch, target, &loss_to[step]) == 0, "step");
    expect(loss_to[2] < loss_to[0], "three steps lower the loss");
    expect(first_steps(model) == 3, "three updates were counted");
    expect(first_learning_rate(model) > 0.09 && first_learning_rate(model) < 0.11, "the learning rate is shown");
    expect(memcmp(start, W, sizeof start) != 0, "a step changes W");

    /* an id outside its table: a code, a text, and everything as it was */
    float before[9], rows[6];
    memcpy(before, W, sizeof before);
    int32_t ids[2] = {0, 3};
    expect(first_pick(model, ids, rows) != 0, "an id out of range fails");
    expect(strlen(first_error(model)) > 0, "the failure has a text");
    expect(memcmp(before, W, sizeof before) == 0, "a failed call changes nothing");
    ids[1] = 2;
    expect(first_pick(model, ids, rows) == 0 && rows[3] == W[6], "a good call works after a failed one");
    expect(first_reset(model, 42) == 0 && memcmp(start, W, sizeof start) == 0, "reset gives the first values again");
    first_free(model);
}

int main(void) {
    float one[3], three[3];
    use_first(1, one);
    use_first(3, three);
    expect(memcmp(one, three, sizeof one) == 0, "losses have the same bits at 1 and 3 threads");

    second *model = NULL;
    expect(second_new(&model, 0, 1) == 0, "second_new");
    float x[5] = {1, 2, 3, 4, 5}, y[5];
    expect(second_f(model, x, y) == 0 && memcmp(x, y, sizeof x) == 0, "second multiplies by ones");
    expect(SECOND_PARAM_BYTES >= 20 && FIRST_PARAM_BYTES >= 36, "the header gives sizes");
    expect(strstr(first_json(), "\"W\"") != NULL, "the table is JSON that names W");
    second_free(model);
    second_free(NULL);
    if (!failures) puts("all is well");
    return failures ? 1 : 0;
}
