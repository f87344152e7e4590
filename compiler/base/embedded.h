/* embedded.h: files built into the compiler: the standard library, the runtime. CMake writes the tables. */
#ifndef TGC_EMBEDDED_H
#define TGC_EMBEDDED_H

#include <stddef.h>

typedef struct EmbeddedFile {
    const char *name; /* "nn.tg" */
    const char *text; /* NUL-terminated */
    size_t size;
} EmbeddedFile;

#endif
