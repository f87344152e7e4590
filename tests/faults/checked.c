/* checked.c: what a library built with --check says, and that a call it refuses changes nothing; checked.sh runs it.
 *
 *     checked value     a step that makes an infinity     TG_VALUE, parameters and states as they were
 *     checked guard     a kernel that was broken by hand  TG_INTERNAL, the guard and the kernel named
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "m.h"

static int refused(m *model, const float *x, int status, const char *const *words) {
    float loss = 0, before[12], after[12];
    int64_t count = 0;
    const float *w = m_param(model, "W", &count);
    if (!w || count != 12) return puts("no W"), 0;
    memcpy(before, w, sizeof before);
    int got = m_step(model, x, &loss);
    memcpy(after, w, sizeof after);
    if (got != status) return printf("status %d, not %d: %s\n", got, status, m_error(model)), 0;
    for (; *words; words++)
        if (!strstr(m_error(model), *words)) return printf("%s is not in: %s\n", *words, m_error(model)), 0;
    if (memcmp(before, after, sizeof before)) return puts("W changed"), 0;
    if (*(const float *)m_state(model, "seen", NULL) != (float)m_steps(model)) return puts("a state changed"), 0;
    return 1;
}

int main(int argc, char **argv) {
    static const char *const value_words[] = {"step: ", "is -inf", "forward", "m.tg:6  l = log(x @ W)", NULL};
    static const char *const guard_words[] = {"step: ", "wrote past the end of l", "m.tg:6", NULL};
    const float good[8] = {1, 2, 3, 4, 5, 6, 7, 8}, bad[8] = {1, 2, 3, 4, 0, 0, 0, 0};
    float loss = 0;
    m *model = NULL;
    if (argc != 2 || m_new(&model, 2, 0)) return puts("m_new failed"), 2;
    int well;
    if (strcmp(argv[1], "value") == 0) {
        well = m_step(model, good, &loss) == 0 && refused(model, bad, 5, value_words);
        well = well && m_step(model, good, &loss) == 0 && m_steps(model) == 2;
    } else {
        well = refused(model, good, 6, guard_words);
    }
    m_free(model);
    if (well) puts("all is well");
    return !well;
}
