/* Lanes of 32 bytes, single precision. */
/* cflags: -O2 -march=x86-64-v3 */
#define TG_VEC_BYTES 32
#include "vec_cases.h"
