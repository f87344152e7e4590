/* tg_files.h: safetensors files, checkpoints, and the training loop. Needs the core and cJSON.
 *
 * Files are written under a temporary name, synced and renamed, so that a name always holds a whole file. Readers
 * check everything they use: header length, JSON, dtypes, shapes, offsets in range and not overlapping.
 */
#ifndef TG_FILES_H
#define TG_FILES_H

#include "tg.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tg_file_tensor {
    const char *name;
    tg_dtype dtype;
    int rank;
    int64_t shape[8];
    int64_t count;
    uint64_t offset; /* bytes from the start of the file */
    uint64_t bytes;
} tg_file_tensor;

typedef struct tg_file tg_file; /* an open safetensors file */

/* Reads and checks the header. Returns TG_OK, TG_FILE or TG_FORMAT; on failure `text` (of `size` bytes) says why,
 * naming the file and the tensor. */
tg_status tg_file_open(tg_file **file, const char *path, char *text, size_t size);
void tg_file_close(tg_file *file);
int tg_file_count(const tg_file *file);
const tg_file_tensor *tg_file_at(const tg_file *file, int index);
const tg_file_tensor *tg_file_find(const tg_file *file, const char *name); /* NULL if none */
const char *tg_file_note(const tg_file *file, const char *key);            /* a value of __metadata__; NULL if none */
/* Reads `bytes` bytes from `from` on, within the tensor. */
tg_status tg_file_read(tg_file *file, const tg_file_tensor *tensor, uint64_t from, uint64_t bytes, void *to, char *text,
                       size_t size);

/* Writes a whole file; notes are key, value, key, value, …, NULL. */
typedef struct tg_file_out {
    const char *name;
    tg_dtype dtype;
    int rank;
    const int64_t *shape;
    const void *data;
} tg_file_out;
tg_status tg_file_write(const char *path, const tg_file_out *tensors, int count, const char *const *notes, char *text,
                        size_t size);

/* Parameters by name from a file: all of them, with the model's shapes and dtype (F32 and F64 are converted), or an
 * error and nothing changed. A checkpoint directory's `weights.safetensors` is such a file; tensors of other names are
 * ignored. */
tg_status tg_model_load(tg_model *model, const char *path);
tg_status tg_model_save(tg_model *model, const char *path); /* parameters alone */
/* A checkpoint is one safetensors file: parameters, states and moments, and calls, step and seed in its notes. */
tg_status tg_checkpoint_save(tg_model *model, const char *path, const char *const *notes);
tg_status tg_checkpoint_load(tg_model *model, const char *path);

/* The stand-alone training program: `m-train --data train.safetensors --steps N …`. Returns the exit status. */
int tg_train_main(const tg_info *info, int argc, char **argv);

#ifdef __cplusplus
}
#endif
#endif
