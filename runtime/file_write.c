/* file_write.c: writes a safetensors file whole or not at all.
 *
 *     tensors, notes   ->   PATH.tmp: length, JSON header padded to 8 bytes, elements; synced; renamed to PATH
 *
 * Until the rename PATH holds what it held before, after it the new file, through any crash or full disk: the data are
 * synced before the rename and the folder after it. On failure the temporary file is removed. Whoever reads PATH
 * meanwhile goes on reading the old file.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tg_files.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t bytes_of(const tg_file_out *tensor) {
    uint64_t count = 1;
    for (int i = 0; i < tensor->rank; i++) count *= (uint64_t)tensor->shape[i];
    return count * tg_dtype_bytes(tensor->dtype);
}

/* ---- the header ---- */

static int add_number(cJSON *array, double value) {
    return cJSON_AddItemToArray(array, cJSON_CreateNumber(value));
}

static int add_tensor(cJSON *header, const tg_file_out *tensor, uint64_t begin) {
    cJSON *entry = cJSON_AddObjectToObject(header, tensor->name);
    if (!entry || !cJSON_AddStringToObject(entry, "dtype", tg_dtype_name(tensor->dtype))) return 0;
    cJSON *shape = cJSON_AddArrayToObject(entry, "shape"), *range = cJSON_AddArrayToObject(entry, "data_offsets");
    if (!shape || !range) return 0;
    for (int i = 0; i < tensor->rank; i++)
        if (!add_number(shape, (double)tensor->shape[i])) return 0;
    return add_number(range, (double)begin) && add_number(range, (double)(begin + bytes_of(tensor)));
}

static int add_notes(cJSON *header, const char *const *notes) {
    if (!notes || !notes[0]) return 1;
    cJSON *object = cJSON_AddObjectToObject(header, "__metadata__");
    for (; object && notes[0]; notes += 2)
        if (!cJSON_AddStringToObject(object, notes[0], notes[1])) return 0;
    return object != NULL;
}

/* The length and the padded text, one block; NULL without memory. */
static char *header_of(const tg_file_out *tensors, int count, const char *const *notes, size_t *bytes) {
    cJSON *header = cJSON_CreateObject();
    int whole = header && add_notes(header, notes);
    uint64_t begin = 0;
    for (int i = 0; i < count && whole; i++) {
        whole = add_tensor(header, &tensors[i], begin);
        begin += bytes_of(&tensors[i]);
    }
    char *text = whole ? cJSON_PrintUnformatted(header) : NULL, *block = NULL;
    cJSON_Delete(header);
    if (!text) return NULL;
    size_t length = strlen(text), padded = (length + 7) / 8 * 8;
    block = malloc(8 + padded);
    if (block) {
        for (int i = 0; i < 8; i++) block[i] = (char)(padded >> 8 * i & 0xFF);
        memcpy(block + 8, text, length);
        memset(block + 8 + length, ' ', padded - length);
        *bytes = 8 + padded;
    }
    cJSON_free(text);
    return block;
}

/* ---- bytes to the disk: 0, or an errno ---- */

static int write_all(int descriptor, const void *from, uint64_t bytes) {
    const char *at = from;
    while (bytes > 0) {
        ssize_t done = write(descriptor, at, bytes < (1u << 30) ? (size_t)bytes : 1u << 30);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return errno;
        at += done;
        bytes -= (uint64_t)done;
    }
    return 0;
}

static int sync_retrying(int descriptor) {
    while (fsync(descriptor) != 0)
        if (errno != EINTR) return errno;
    return 0;
}

/* Makes the rename itself last. Folders that cannot be opened or synced are left to the system. */
static void sync_folder(const char *path) {
    char *folder = strdup(path);
    if (!folder) return;
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = 0;
    int descriptor = open(slash ? folder : ".", O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0) {
        (void)sync_retrying(descriptor);
        close(descriptor);
    }
    free(folder);
}

static int write_content(const char *path, const char *header, size_t header_bytes, const tg_file_out *tensors,
                         int count) {
    int descriptor;
    do descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    while (descriptor < 0 && errno == EINTR);
    if (descriptor < 0) return errno;
    int error = write_all(descriptor, header, header_bytes);
    for (int i = 0; i < count && !error; i++) error = write_all(descriptor, tensors[i].data, bytes_of(&tensors[i]));
    if (!error) error = sync_retrying(descriptor);
    if (close(descriptor) != 0 && !error) error = errno;
    return error;
}

tg_status tg_file_write(const char *path, const tg_file_out *tensors, int count, const char *const *notes, char *text,
                        size_t size) {
    struct stat about;
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode)) {
        snprintf(text, size, "%s: cannot be written: not a regular file", path);
        return TG_FILE;
    }
    size_t header_bytes = 0, room = strlen(path) + sizeof ".tmp";
    char *header = header_of(tensors, count, notes, &header_bytes), *temporary = malloc(room);
    int error = ENOMEM;
    if (header && temporary) {
        snprintf(temporary, room, "%s.tmp", path);
        error = write_content(temporary, header, header_bytes, tensors, count);
        if (!error && rename(temporary, path) != 0) error = errno;
        if (error)
            unlink(temporary);
        else
            sync_folder(path);
    }
    free(header);
    free(temporary);
    if (!error) return TG_OK;
    snprintf(text, size, "%s: cannot be written: %s", path, strerror(error));
    return error == ENOMEM ? TG_NO_MEMORY : TG_FILE;
}
