/* tg.h: what every compiled model is made of and what its users may rely on.
 *
 * A compiled model is one constant table, `tg_info`, and functions; an instance is a `tg_model`. The generated header
 * m.h declares the same instance under the model's own name (`m *`), with one typed function per entry point. Generic
 * code (checkpoints, the training loop, bindings) needs this file alone.
 *
 * Nothing here aborts, or prints unless the environment asks for it (TG_PROFILE): functions return a tg_status, and
 * tg_error_text gives the reason. No function may be
 * called on one instance from two threads at once; two instances are independent.
 *
 * The core (tg.h, tg_vec.h, tg_math.h, core.c, pool.c, profile.c, random.c) needs libc, libm and, unless TG_NO_THREADS
 * is defined, pthreads.
 */
#ifndef TG_H
#define TG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { TG_ABI = 3 };

typedef enum tg_status {
    TG_OK = 0,
    TG_BAD_ARGUMENT = 1, /* a NULL pointer, an unknown name, a wrong size */
    TG_NO_MEMORY = 2,
    TG_FILE = 3,    /* can't be opened, read or written */
    TG_FORMAT = 4,  /* a file's content is not what it should be */
    TG_VALUE = 5,   /* a wrong value at run time: an id outside its table, a loss that is not a number */
    TG_INTERNAL = 6 /* generated code did what it must not: only builds with --check find it */
} tg_status;

typedef enum tg_dtype { TG_F32, TG_F64, TG_I32, TG_BOOL } tg_dtype; /* bool: one byte, 0 or 1 */

typedef enum tg_init_kind { TG_INIT_CONSTANT, TG_INIT_NORMAL, TG_INIT_UNIFORM } tg_init_kind;

/* One input, result, parameter, state or moment. */
typedef struct tg_tensor {
    const char *name; /* parameters by path: net.enc.0.att.q.W */
    tg_dtype dtype;
    int rank;
    const int64_t *shape;
    int64_t count;     /* elements */
    size_t offset;     /* params, states: bytes from the start of the block */
    tg_init_kind init; /* params, states: constant a; normal mean a, deviation b; uniform from a to b */
    double a, b;
    int64_t low, high; /* integer inputs: values must lie in [low, high); high 0: not known */
    int padded;        /* inputs of a training step: rows are filled up with `pad` */
    double pad;
} tg_tensor;

/* A size in buckets, chosen. */
typedef struct tg_size {
    const char *name;
    int64_t size;
} tg_size;

typedef struct tg_model tg_model;

/* What a kernel of an entry point does: a row of a profile. Launches of one function for one line share it. */
typedef struct tg_row {
    const char *name;   /* of its function in the C: "k03_h" */
    const char *value;  /* what it computes: "h", "d_x1" */
    const char *origin; /* the line of the model, for a backward kernel the forward line: "gpt.tg:31  h = gelu(x)" */
    int phase;          /* 0 forward, 1 backward, 2 update */
    double flop, bytes; /* of one launch */
} tg_row;

/* What builds with --check know of an entry point: its tensors, and which of them each launch reads and writes. */
typedef struct tg_watch tg_watch;

/* An entry point; where sizes are in buckets, a specialisation of one. */
typedef struct tg_entry {
    const char *name; /* "step", of a specialisation "step[S=16,T=32]" */
    int train;        /* 1: a training step; results[0] is the scalar loss */
    int input_count, result_count;
    const tg_tensor *inputs, *results;
    /* Inputs and results in the order of the tables, row-major, dtype as in the table; the caller owns them. Where a
     * call fails, parameters and states are as before and the results hold nothing of use. */
    tg_status (*call)(tg_model *model, const void *const *inputs, void *const *results);
    int accumulate;     /* calls per update of the parameters, 1 if each call updates */
    double flop;        /* multiply-adds counted as two */
    double bytes;       /* read and written by the kernels, at least */
    size_t arena_bytes; /* activations that this entry uses of the arena */
    /* What it runs: a row per kernel and line, and for each launch in turn its row. Rows of phase 2 are left out of
     * calls that don't update. */
    int row_count, launch_count;
    const tg_row *rows;
    const int *launches;
    const tg_watch *watch; /* NULL without --check */
    /* Of a specialisation: the entry point's own name, "step", and its sizes. All specialisations of an entry point
     * stand together, the last size changing fastest, each from the least to the largest; 64 at most. Names and types
     * of inputs and results are the same. NULL and 0 where there is one alone. */
    const char *point;
    int size_count;
    const tg_size *sizes;
} tg_entry;

typedef struct tg_info {
    int abi; /* TG_ABI */
    const char *name;
    tg_dtype float_type;
    const char *target; /* the machine row it was compiled for: "x86-64-v4" */
    int entry_count;
    const tg_entry *entries;
    /* The parameter block: every parameter once, in group order. */
    int param_count;
    const tg_tensor *params;
    size_t param_bytes;
    /* The state block: the user's states, the optimiser's moments, partial sums. */
    int state_count;
    const tg_tensor *states;
    size_t state_bytes;
    size_t arena_bytes; /* the largest entry's */
    const char *json;   /* all of this table as JSON text */
    /* Of builds with --check, else NULL: check.c's functions. */
    tg_status (*check_new)(tg_model *model);
    void (*check_free)(tg_model *model);
} tg_info;

typedef struct tg_pool tg_pool;
typedef struct tg_profile tg_profile;
typedef struct tg_check tg_check;

/* An instance. Generated code reads these fields; users go through the functions. */
struct tg_model {
    const tg_info *info;
    tg_pool *pool;
    char *params, *states, *arena; /* 64-byte aligned; the arena on huge pages where there are any */
    uint64_t seed;
    uint64_t calls;                      /* of train entries, begun from 0: keys dropout */
    uint64_t step;                       /* updates done so far */
    double learning_rate, gradient_norm; /* of the last training call */
    tg_status status;                    /* of the last call */
    char text[256];
    tg_profile *profile; /* NULL: launches are not timed */
    tg_check *check;     /* NULL without --check */
    void *taken[3];      /* the blocks as they came from calloc */
};

typedef struct tg_options {
    int threads;   /* 0: as many as there are cores; the bits of the results don't depend on it */
    uint64_t seed; /* of the parameters' first values and of dropout */
} tg_options;

/* ---- core.c ---- */

/* Takes all memory the model will ever use, sets parameters and states to their first values. options may be NULL.
 * On failure *model is NULL. */
tg_status tg_model_new(tg_model **model, const tg_info *info, const tg_options *options);
void tg_model_free(tg_model *model);              /* NULL is allowed */
const char *tg_error_text(const tg_model *model); /* of the last failed call; never NULL */
/* Sets parameters and states to their first values under `seed`; calls and step to 0. A value depends on the seed, the
 * tensor's name and the element alone. */
void tg_model_reset(tg_model *model, uint64_t seed);
/* Elements of a parameter or state, owned by the model; NULL if there is none of that name. */
void *tg_model_data(tg_model *model, const char *name, const tg_tensor **tensor);
const tg_entry *tg_info_entry(const tg_info *info, const char *name); /* NULL if none */
/* The specialisation of the entry point with the least sizes that are at least `sizes`, which are in the order of
 * tg_entry.sizes. NULL if there is none. */
const tg_entry *tg_info_fitting(const tg_info *info, const char *point, const int64_t *sizes);
size_t tg_dtype_bytes(tg_dtype dtype);
const char *tg_dtype_name(tg_dtype dtype); /* as in safetensors: "F32" "F64" "I32" "BOOL" */
/* For generated code, which returns at its first failure: notes status and text, and returns the status. */
tg_status tg_fail(tg_model *model, tg_status status, const char *format, ...);

/* ---- pool.c ---- */

/* A kernel works on slices [lo, hi) of its grid; slices write disjoint memory. */
typedef void tg_kernel(const void *args, int lo, int hi);
tg_pool *tg_pool_new(int threads); /* NULL without memory; 0: all cores */
void tg_pool_free(tg_pool *pool);
int tg_pool_threads(const tg_pool *pool);
/* Runs slices [0, count) on the pool's threads and the caller's; returns when all are done. Workers spin briefly
 * between calls, then sleep. Which thread runs a slice is not fixed. */
void tg_for(tg_pool *pool, tg_kernel *kernel, const void *args, int count);
/* One of several kernels that don't need each other's results. */
typedef struct tg_job {
    tg_kernel *kernel;
    const void *args;
    int count; /* of its slices */
} tg_job;
/* As tg_for for each of the jobs, but in one go: their slices are handed out in order, and threads wait for each other
 * behind the last job only. A profile runs and times them one by one. */
void tg_for_all(tg_pool *pool, const tg_job *jobs, int count);
/* As tg_for, on the caller's thread alone: for kernels with less work than handing it out takes. */
void tg_for_here(tg_pool *pool, tg_kernel *kernel, const void *args, int count);
/* From now on every kernel that these run is timed into the profile; NULL: none is. */
void tg_pool_watch(tg_pool *pool, tg_profile *profile);

/* ---- profile.c: how long each launch takes ---- */

typedef struct tg_time {
    uint64_t count;
    int64_t nanoseconds; /* of all of them together, on the caller's clock */
} tg_time;

/* Times every launch from now on; takes the memory that it needs. Called again: begins anew. TG_PROFILE in the
 * environment makes tg_model_new call it, and tg_model_free or the end of the process write the table (docs/runtime.md
 * says where to); a profile begun by this call is written by nobody. */
tg_status tg_profile_start(tg_model *model);
/* By row of the entry point, launches and their time. NULL where launches are not timed. `calls` and `between` may be
 * NULL: the calls of the entry point, and the time in them outside all launches. Owned by the model. */
const tg_time *tg_profile_times(const tg_model *model, const tg_entry *entry, uint64_t *calls, int64_t *between);
int64_t tg_clock(void); /* nanoseconds on a clock that only goes forward */
/* For the runtime's own files and generated code: */
tg_status tg_profile_ask(tg_model *model);                          /* what TG_PROFILE asks for, if anything */
void tg_profile_free(tg_model *model);                              /* writes the table first, where it was asked for */
void tg_profile_begin(tg_model *model, int entry);                  /* a call begins */
void tg_profile_add(tg_profile *profile, int64_t from, int64_t to); /* its next launch took so long */

/* Every entry point calls it first, with its place in the table of entry points. */
static inline void tg_begin(tg_model *model, int entry) {
    if (model->profile) tg_profile_begin(model, entry);
}

/* ---- random.c ---- */

/* Threefry-2x32, 20 rounds (Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy as 1, 2, 3; SC 2011). */
void tg_threefry(const uint32_t key[2], const uint32_t counter[2], uint32_t out[2]);
void tg_random_fill(const tg_tensor *tensor, uint64_t seed, void *elements);

/* ---- index checks ---- */

/* Where a kernel notes an index that is out of its range; the entry point reads it before anything is written that
 * outlives the call. One slot per call, begun as all zeros; of several failures the one at the smallest position
 * stays, whichever thread finds it. */
typedef struct tg_slot {
    int64_t value, limit, position;
    const char *label; /* NULL: no failure */
    int busy;          /* held by the thread that writes the slot */
} tg_slot;

/* core.c: the slow half of tg_check_index. */
int64_t tg_note_index(tg_slot *slot, int64_t value, int64_t limit, int64_t position, const char *label);

/* value where 0 <= value < limit; else notes the failure and gives the nearest index in range (0 where limit is 0). */
static inline int64_t tg_check_index(tg_slot *slot, int64_t value, int64_t limit, int64_t position, const char *label) {
    if (value >= 0 && value < limit) return value;
    return tg_note_index(slot, value, limit, position, label);
}

/* ---- check.c: what generated code calls in builds with --check ---- */

enum { TG_ODD_INF = 1, TG_ODD_NAN = 2 }; /* values that are no ordinary numbers */

typedef enum tg_place {
    TG_IN_INPUT,
    TG_IN_RESULT,
    TG_IN_BLOCK, /* of parameters or states, guarded */
    TG_IN_GROUP, /* a parameter beside others of its group */
    TG_IN_ARENA  /* guarded */
} tg_place;

typedef struct tg_watched { /* a pointer of the entry point's struct of tensors */
    const char *name;
    tg_dtype dtype;
    tg_place place;
    int rank;
    const int64_t *shape;
    int64_t count;
    const char *origin; /* the line of the model, as in tg_row; NULL: the kernel's */
} tg_watched;

typedef struct tg_touched { /* by one launch: tensors, by their place in the struct; -1 ends a list */
    const int *reads, *writes;
    unsigned odd; /* what its formula itself holds: TG_ODD_INF, TG_ODD_NAN */
} tg_touched;

struct tg_watch {
    int count;
    const tg_watched *tensors;
    const tg_touched *launches;
};

tg_status tg_check_new(tg_model *model);
void tg_check_free(tg_model *model);
/* `tensors` is the entry point's struct. Each returns a failure as noted in the model, parameters and states put back.
 */
tg_status tg_check_begin(tg_model *model, int entry, const void *tensors);
tg_status tg_checked(tg_model *model, int entry, int launch, const void *tensors, const tg_slot *slot);
tg_status tg_check_end(tg_model *model, int entry, const void *tensors);

#ifdef __cplusplus
}
#endif
#endif
