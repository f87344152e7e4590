/* use.c: all that a program does with a compiled library, for memcheck.sh and leaks.sh: steps, another entry point,
 * files that load and one that does not. */
#include <stdio.h>
#include "m.h"
int main(void) {
    m *model = NULL;
    const float x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    float loss, y[6];
    if (m_new(&model, 2, 7)) return 1;
    for (int i = 0; i < 3; i++)
        if (m_step(model, x, &loss) || m_f(model, x, y)) return 2;
    if (m_checkpoint_save(model, "c") || m_checkpoint_load(model, "c") || m_load(model, "c") || !m_load(model, "m.tg"))
        return 3;
    for (int i = 0; i < 6; i++)
        if (!(y[i] >= 0)) return 4;
    m_free(model);
    return 0;
}
