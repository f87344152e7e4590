/* Lanes of 16 bytes, single precision. */
/* cflags: -O2 */
#define TG_VEC_BYTES 16
#include "vec_cases.h"
