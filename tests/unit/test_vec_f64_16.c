/* Lanes of 16 bytes, double precision. */
/* cflags: -O2 */
#define TG_VEC_BYTES 16
#define TG_DOUBLE
#include "vec_cases.h"
