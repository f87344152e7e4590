/* c_functions.h: what a C header of user functions defines; see c_functions.c. Apart from lang.h, whose names meet
 * those of the loop language, because ops.h needs it. */
#ifndef TGC_LANG_C_FUNCTIONS_H
#define TGC_LANG_C_FUNCTIONS_H

#include "base/base.h"

enum { C_ARGUMENTS = 4 }; /* whose types are kept */

typedef struct CFunction {
    const char *name, *result;
    int argument_count;
    const char *argument[C_ARGUMENTS];
    bool internal; /* static */
    unsigned line;
    int cost; /* of its body in simple operations: a division counts 4, a call 12 */
} CFunction;

typedef struct CHeader {
    VEC(CFunction) functions;
    VEC(const char *) names;  /* functions, variables and types at the top of the header */
    VEC(const char *) macros; /* that it defines */
    const char *trouble;      /* why it can't be used, at trouble_line; NULL: it can */
    unsigned trouble_line;
} CHeader;

CHeader *c_header_read(Arena *arena, const char *text, size_t size);
const CFunction *c_function(const CHeader *header, const char *name); /* NULL: it defines none of that name */

#endif
