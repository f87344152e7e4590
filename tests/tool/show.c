/* show.c: `show FILE.safetensors` prints every tensor of a file as text, one line each:
 *
 *     w = [[2.5, -1], [2.5, -2.25]]
 */
#include <stdio.h>
#include <stdlib.h>

#include "tg_files.h"

static void print_element(tg_dtype dtype, const void *data, int64_t i) {
    switch (dtype) {
    case TG_F32:
        printf("%.9g", (double)((const float *)data)[i]);
        break;
    case TG_F64:
        printf("%.17g", ((const double *)data)[i]);
        break;
    case TG_I32:
        printf("%d", ((const int32_t *)data)[i]);
        break;
    case TG_BOOL:
        fputs(((const uint8_t *)data)[i] ? "true" : "false", stdout);
        break;
    }
}

/* The elements from *next on, as the axes from `axis` on say. */
static void print_axes(const tg_file_tensor *tensor, const void *data, int axis, int64_t *next) {
    if (axis == tensor->rank) {
        print_element(tensor->dtype, data, (*next)++);
        return;
    }
    putchar('[');
    for (int64_t i = 0; i < tensor->shape[axis]; i++) {
        if (i) fputs(", ", stdout);
        print_axes(tensor, data, axis + 1, next);
    }
    putchar(']');
}

int main(int argc, char **argv) {
    char text[512] = "usage: show FILE.safetensors";
    tg_file *file = NULL;
    if (argc != 2 || tg_file_open(&file, argv[1], text, sizeof text)) {
        fprintf(stderr, "show: %s\n", text);
        return 1;
    }
    for (int i = 0; i < tg_file_count(file); i++) {
        const tg_file_tensor *tensor = tg_file_at(file, i);
        void *data = malloc((size_t)tensor->bytes + 1);
        if (!data || tg_file_read(file, tensor, 0, tensor->bytes, data, text, sizeof text)) {
            fprintf(stderr, "show: %s\n", text);
            return 1;
        }
        int64_t next = 0;
        printf("%s = ", tensor->name);
        print_axes(tensor, data, 0, &next);
        putchar('\n');
        free(data);
    }
    tg_file_close(file);
    return 0;
}
