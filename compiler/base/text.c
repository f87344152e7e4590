/* text.c: a growing, indenting buffer, and whole files in and out.
 *
 * In: pieces of text. Out: one string, each non-empty line indented by the level that held when it was begun:
 *   text_add(t, "if (x) {\n"); text_indent(t, 1); text_add(t, "y();\n"); text_indent(t, -1); text_add(t, "}\n"); */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INDENT_WIDTH = 4 };

void text_init(Text *text, Arena *arena) {
    *text = (Text){.arena = arena, .capacity = 256};
    text->at = arena_alloc(arena, text->capacity);
}

static void text_append(Text *text, const char *bytes, size_t length) {
    if (text->capacity - text->length <= length) {
        while (text->capacity - text->length <= length) text->capacity *= 2;
        char *grown = arena_alloc(text->arena, text->capacity);
        memcpy(grown, text->at, text->length);
        text->at = grown;
    }
    memcpy(text->at + text->length, bytes, length);
    text->length += length;
    text->at[text->length] = '\0';
}

static bool at_line_start(const Text *text) {
    return text->length == 0 || text->at[text->length - 1] == '\n';
}

void text_add(Text *text, const char *string) {
    while (*string) {
        size_t length = strcspn(string, "\n");
        if (length && at_line_start(text))
            for (int i = 0; i < text->indent; i++) text_append(text, "    ", INDENT_WIDTH);
        if (string[length] == '\n') length++;
        text_append(text, string, length);
        string += length;
    }
}

void text_vprintf(Text *text, const char *format, va_list arguments) {
    char few[256];
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(few, sizeof few, format, arguments);
    if (length < 0) fatal("text", "bad format: %s", format);
    if ((size_t)length < sizeof few) {
        text_add(text, few);
    } else {
        char *many = malloc((size_t)length + 1);
        if (!many) out_of_memory();
        vsnprintf(many, (size_t)length + 1, format, again);
        text_add(text, many);
        free(many);
    }
    va_end(again);
}

void text_printf(Text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_vprintf(text, format, arguments);
    va_end(arguments);
}

void text_indent(Text *text, int levels) {
    text->indent += levels;
    if (text->indent < 0) fatal("text", "indented to the left of the margin");
}

size_t text_column(const Text *text) {
    if (at_line_start(text)) return (size_t)text->indent * INDENT_WIDTH;
    size_t column = 0;
    for (size_t i = text->length; i > 0 && text->at[i - 1] != '\n'; i--)
        column += ((unsigned char)text->at[i - 1] & 0xC0) != 0x80; /* characters, not bytes */
    return column;
}

char *text_read_file(Arena *arena, const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    size_t length = 0, capacity = 1 << 16;
    char *bytes = malloc(capacity), *result = NULL;
    if (!bytes) out_of_memory();
    for (size_t got; (got = fread(bytes + length, 1, capacity - length, file)) > 0;) {
        length += got;
        if (length < capacity) continue;
        capacity *= 2;
        bytes = realloc(bytes, capacity);
        if (!bytes) out_of_memory();
    }
    int error = ferror(file) ? (errno ? errno : EIO) : 0;
    if (!error) {
        result = arena_strndup(arena, bytes, length);
        *size = length;
    }
    free(bytes);
    fclose(file);
    errno = error;
    return result;
}

static bool write_all(int file, const char *bytes, size_t size) {
    while (size) {
        ssize_t wrote = write(file, bytes, size);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return false;
        bytes += wrote;
        size -= (size_t)wrote;
    }
    return true;
}

/* open and fsync, begun again where a signal cut them short. */
static int open_whole(const char *path, int flags) {
    int file;
    do file = open(path, flags, 0666);
    while (file < 0 && errno == EINTR);
    return file;
}

static bool sync_whole(int file) {
    while (fsync(file) != 0)
        if (errno != EINTR) return false;
    return true;
}

/* Opens a new file beside `path`, in `name` (of PATH_MAX bytes). */
static int open_beside(const char *path, char *name) {
    for (int attempt = 0; attempt < 100; attempt++) {
        if (snprintf(name, PATH_MAX, "%s.%ld-%d.tmp", path, (long)getpid(), attempt) >= PATH_MAX) {
            errno = ENAMETOOLONG;
            return -1;
        }
        int file = open_whole(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC);
        if (file >= 0 || errno != EEXIST) return file;
    }
    return -1;
}

/* A pipe or a device has no old contents to keep: it is written in place. */
static bool write_in_place(const char *path, const char *bytes, size_t size) {
    int file = open_whole(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return false;
    bool ok = write_all(file, bytes, size);
    int error = errno;
    close(file);
    errno = error;
    return ok;
}

bool text_write_file(const char *path, const char *bytes, size_t size) {
    struct stat old;
    char real[PATH_MAX], name[PATH_MAX];
    bool exists = stat(path, &old) == 0;
    if (exists && S_ISDIR(old.st_mode)) {
        errno = EISDIR;
        return false;
    }
    if (exists && !S_ISREG(old.st_mode)) return write_in_place(path, bytes, size);
    if (exists && realpath(path, real)) path = real; /* a link stays a link */
    int file = open_beside(path, name);
    if (file < 0) return false;
    bool ok = write_all(file, bytes, size) && (!exists || fchmod(file, old.st_mode & 07777) == 0) && sync_whole(file);
    int error = errno;
    if (close(file) != 0 && ok) {
        ok = false;
        error = errno;
    }
    if (ok && rename(name, path) != 0) {
        ok = false;
        error = errno;
    }
    if (!ok) unlink(name);
    errno = error;
    return ok;
}
