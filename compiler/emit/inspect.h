/* inspect.h: what the files that read the written C back share. Private to emit/inspect*.c, the users of libclang.
 *
 * A Written is the source parsed as the C compiler would, with the header and the runtime's headers, all in memory. */
#ifndef TGC_EMIT_INSPECT_H
#define TGC_EMIT_INSPECT_H

#include "emit/parts.h"

#include <clang-c/Index.h>

/* ---- inspect_parse.c ---- */

typedef struct Written {
    Arena *arena;
    const Output *output;
    CXIndex index;
    CXTranslationUnit unit;
    unsigned runtime_from, runtime_to; /* the runtime's text in a stand-alone source, in bytes */
    const char *file;                  /* name of the source among the files in memory */
} Written;

Written *written_open(Arena *arena, const Output *output, const Machine *machine);
void written_close(Written *written);
/* The byte of the source where something stands; inside a macro's expansion, the byte that names the macro or, for what
 * its arguments spell, their own. *inside: it is in the source and not in the runtime's text. */
size_t written_offset(const Written *written, CXSourceLocation location, bool *inside);
/* Calls `see` for every function that the source defines, in its order. */
void written_functions(const Written *written, void (*see)(CXCursor function, void *with), void *with);
const char *written_name(Arena *arena, CXCursor cursor);    /* its spelling, in the arena */
int written_kernel(const Output *output, const char *name); /* its place among the kernels, or -1 */

#endif
