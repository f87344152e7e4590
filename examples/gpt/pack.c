/* pack.c: a text as the windows that gpt.tg is trained on.
 *
 *     pack T TEXT OUT.safetensors [VALID.safetensors]
 *
 *     "the fox", T = 4   ->   x  t h e _    y  h e _ f      a window, and the same one byte further on
 *                                h e _ f       e _ f o
 *
 * Windows begin at every STRIDE-th byte: they overlap, and a byte meets every place of a window; the last tenth of the
 * text goes to VALID where one is named. The ids are the bytes themselves. Exit status: 0, 1 the text is too short, 2
 * usage, 3 a file can't be read or written. To build: cc -O2 -I ../../runtime pack.c ../../runtime/<all>.c -lcjson -lm
 * -lpthread
 */
#include "tg_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STRIDE = 7 };

static int fail(int status, const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    return status;
}

/* All bytes of a file; NULL after a message. */
static unsigned char *read_file(const char *path, size_t *bytes) {
    FILE *file = fopen(path, "rb");
    unsigned char *text = NULL;
    size_t capacity = 0, got;
    *bytes = 0;
    do {
        if (!file || *bytes == capacity) {
            unsigned char *more = file ? realloc(text, capacity = 2 * capacity + 65536) : NULL;
            if (!more) {
                fail(3, path, strerror(errno));
                free(text);
                return NULL;
            }
            text = more;
        }
        got = fread(text + *bytes, 1, capacity - *bytes, file);
        *bytes += got;
    } while (got > 0);
    int bad = ferror(file);
    fclose(file);
    if (!bad) return text;
    fail(3, path, strerror(errno));
    free(text);
    return NULL;
}

/* Writes the windows of text[0 … bytes). Returns an exit status. */
static int write_windows(const char *path, const unsigned char *text, size_t bytes, size_t T) {
    if (bytes < T + 1) return fail(1, path, "the text is shorter than one window");
    size_t count = (bytes - T - 1) / STRIDE + 1;
    int32_t *x = malloc(count * T * sizeof *x), *y = malloc(count * T * sizeof *y);
    if (!x || !y) return fail(3, path, "no memory for its windows");
    for (size_t window = 0; window < count; window++)
        for (size_t i = 0; i < T; i++) {
            x[window * T + i] = text[window * STRIDE + i];
            y[window * T + i] = text[window * STRIDE + i + 1];
        }
    const int64_t shape[2] = {(int64_t)count, (int64_t)T};
    const tg_file_out tensors[2] = {{"x", TG_I32, 2, shape, x}, {"y", TG_I32, 2, shape, y}};
    char why[512];
    int status = tg_file_write(path, tensors, 2, NULL, why, sizeof why) ? fail(3, "pack", why) : 0;
    if (!status) printf("%s: %zu windows of %zu bytes\n", path, count, T);
    free(x);
    free(y);
    return status;
}

int main(int argc, char **argv) {
    char *end = argc > 1 ? argv[1] : NULL;
    long T = end ? strtol(argv[1], &end, 10) : 0;
    if (argc < 4 || argc > 5 || *end || T < 1 || T > 1 << 20)
        return fail(2, "usage", "pack T TEXT OUT.safetensors [VALID.safetensors]");
    size_t bytes;
    unsigned char *text = read_file(argv[2], &bytes);
    if (!text) return 3;
    size_t kept = argc == 5 ? bytes - bytes / 10 : bytes;
    int status = write_windows(argv[3], text, kept, (size_t)T);
    if (!status && argc == 5) status = write_windows(argv[4], text + kept, bytes - kept, (size_t)T);
    free(text);
    return status;
}
