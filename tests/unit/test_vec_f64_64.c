/* Lanes of 64 bytes, double precision. */
/* cflags: -O2 -march=x86-64-v4 */
#define TG_VEC_BYTES 64
#define TG_DOUBLE
#include "vec_cases.h"
