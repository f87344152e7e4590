/* Lanes of 64 bytes, single precision. */
/* cflags: -O2 -march=x86-64-v4 */
#define TG_VEC_BYTES 64
#include "vec_cases.h"
