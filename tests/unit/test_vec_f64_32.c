/* Lanes of 32 bytes, double precision. */
/* cflags: -O2 -march=x86-64-v3 */
#define TG_VEC_BYTES 32
#define TG_DOUBLE
#include "vec_cases.h"
