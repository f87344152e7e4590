/* fuzz.c: counting, promises, files in memory, random numbers: what every fuzz target stands on.
 *
 * When the program ends it says how far the inputs got, which shows whether the mutators are any good:
 *
 *     fuzz: 1000000 inputs, 812345 parsed (81.2 %), 401234 elaborated (40.1 %)
 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MOST_STAGES = 8 };
static unsigned long long counts[MOST_STAGES];

void fuzz_reached(int stage) {
    counts[stage]++;
}

static void say_counts(void) {
    for (int i = 0; fuzz_stages[i]; i++) {
        fprintf(stderr, "%s%llu %s", i ? ", " : "fuzz: ", counts[i], fuzz_stages[i]);
        if (i && counts[0]) fprintf(stderr, " (%.1f %%)", 100.0 * (double)counts[i] / (double)counts[0]);
    }
    fprintf(stderr, "\n");
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    atexit(say_counts);
    fuzz_begin();
    return 0;
}

void fuzz_require(bool kept, const char *promise) {
    if (kept) return;
    fprintf(stderr, "fuzz: a promise is not kept: %s\n", promise);
    abort();
}

/* ---- files in memory ---- */

static int open_memory(char *path, size_t size) {
#ifdef __linux__
    int file = memfd_create("fuzz", MFD_CLOEXEC);
    snprintf(path, size, "/proc/self/fd/%d", file);
    if (file >= 0) return file;
#endif
    snprintf(path, size, "/tmp/tgc-fuzz-XXXXXX");
    return mkstemp(path);
}

const char *fuzz_file(const uint8_t *data, size_t size) {
    static int file = -1;
    static char path[64];
    static size_t before;
    if (file < 0) file = open_memory(path, sizeof path);
    if (file < 0 || (size != before && ftruncate(file, (off_t)size) != 0) ||
        pwrite(file, data, size, 0) != (ssize_t)size) {
        perror("fuzz: a file in memory");
        exit(1);
    }
    before = size;
    return path;
}

/* ---- random numbers: splitmix64 ---- */

Random random_of(unsigned seed) {
    return (Random){seed * 0x9E3779B97F4A7C15u};
}

uint32_t random_below(Random *random, uint32_t limit) {
    uint64_t z = random->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return limit ? (uint32_t)((z ^ z >> 31) % limit) : 0;
}
