/* machine.c: the machines tgc writes for. One row per machine; `native` resolves to the row that fits this processor.
 * Tiles and vector widths come from here, never from the C compiler's guesses.
 */
#include "kernel/kernel.h"

#include <string.h>

/* The flags name an instruction set; `-mprefer-vector-width=512` keeps clang from splitting 64-byte vectors. Peak and
 * memory rates are those of a common processor of the row (bench/peak.c measures one); only estimates use them. */
const Machine machine_table[] = {
    /* name         flags                                           bytes regs mr nv   L1        L2     GFLOP/s GB/s */
    {"x86-64-v4", "-march=x86-64-v4 -mprefer-vector-width=512", 64, 32, 6, 4, 32 << 10, 1 << 20, 116, 40},
    {"x86-64-v3", "-march=x86-64-v3", 32, 16, 6, 2, 32 << 10, 512 << 10, 96, 40},
    {"portable", "", 16, 16, 4, 2, 32 << 10, 256 << 10, 24, 40},
};
const int machine_count = sizeof machine_table / sizeof machine_table[0];

static const char *native_name(void) {
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
              __builtin_cpu_supports("avx512cd");
    if (v4) return "x86-64-v4";
    if (v3) return "x86-64-v3";
#endif
    return "portable";
}

const Machine *machine_find(const char *name) {
    if (strcmp(name, "native") == 0) name = native_name();
    for (int row = 0; row < machine_count; row++)
        if (strcmp(machine_table[row].name, name) == 0) return &machine_table[row];
    return NULL;
}
