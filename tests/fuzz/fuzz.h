/* fuzz.h: what the fuzz targets share.
 *
 * A target (target_*.c) is LLVMFuzzerTestOneInput: it hands the bytes to one reader of tgc and holds what comes out
 * against that reader's promises. A mutator (mutate_*.c) makes new inputs that get further than random bytes do:
 *
 *     target_parser.c   + mutate_text.c  + fuzz.c + libFuzzer     cmake -DTGC_FUZZ=ON
 *     target_parser.c   + mutate_text.c  + fuzz.c + replay.c      cmake -DTGC_FUZZ=REPLAY, any compiler
 */
#ifndef TGC_FUZZ_H
#define TGC_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- what libFuzzer calls, and gives ---- */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
                                 size_t most, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

/* ---- each target defines these ---- */

/* How far an input can get, ends with NULL: {"inputs", "parsed", NULL}. The shares are printed when the program ends.
 */
extern const char *const fuzz_stages[];
void fuzz_begin(void); /* once, before the first input */

/* A tensor that a reader asks for; the mutator of files writes tensors that fit, most of the time. */
typedef struct FuzzTensor {
    const char *name, *dtype;
    int rank;
    int shape[4]; /* -1: the same number in all tensors of a file */
} FuzzTensor;
extern const FuzzTensor fuzz_tensors[]; /* of targets that read files; ends with a NULL name */
extern const char *const fuzz_notes[];  /* keys of __metadata__; ends with NULL */

/* Whether a text is one that the mutator of texts should rather make: it tries again where not. */
bool fuzz_likes(const char *text, size_t size);

/* ---- mutate_text.c ---- */

void fuzz_keep(const char *text, size_t size); /* one that got far: some of the next are made from it */

/* ---- fuzz.c ---- */

void fuzz_reached(int stage);
/* Ends the program with a message where a promise is not kept. */
void fuzz_require(bool kept, const char *promise);
/* The path of a regular file in memory that holds these bytes until the next call. */
const char *fuzz_file(const uint8_t *data, size_t size);

/* A small generator of numbers, so that a seed gives the same inputs everywhere. */
typedef struct Random {
    uint64_t state;
} Random;
Random random_of(unsigned seed);
uint32_t random_below(Random *random, uint32_t limit); /* 0 where limit is 0 */

#endif
