/* emit.h: from loops to files: C and its header, a look at them through libclang, and the C compiler.
 *
 * What a generated header offers (m is the prefix; the model's name unless --prefix says otherwise):
 *
 *     typedef struct m m;                                    an instance, opaque; it is a tg_model
 *     int m_new(m **model, int threads, uint64_t seed);      0, or a tg_status; threads 0: all cores
 *     void m_free(m *model);
 *     const char *m_error(const m *model);                   why the last call failed
 *     int m_reset(m *model, uint64_t seed);                  first values of parameters and states
 *     float *m_param(m *model, const char *path, int64_t *count);     elements of a parameter, NULL if there is none
 *     void *m_state(m *model, const char *name, int64_t *count);      of a state or a moment
 *     double m_learning_rate(const m *model), m_gradient_norm(const m *model);
 *     uint64_t m_steps(const m *model);                      updates done so far
 *     const struct tg_info *m_info(void);  const char *m_json(void);
 *     int m_ENTRY(m *model, const int32_t *src, const float *x, ..., float *loss);   inputs, then results
 *     int m_ENTRY_T16(m *model, ...), m_ENTRY_T32(...);      where T is in buckets, one for each; and
 *     int m_ENTRY(m *model, int64_t T, ...);                 the one for that size, or TG_BAD_ARGUMENT
 *     M_T_BUCKETS 16, 32  M_T_BUCKET_COUNT  M_T_LARGEST
 *     int m_load(m *, const char *path), m_save, m_checkpoint_load, m_checkpoint_save      with `files`
 *     M_ARENA_BYTES, M_PARAM_BYTES, M_STATE_BYTES, M_ENTRY_ARENA_BYTES, and per input and result M_ENTRY_NAME_COUNT
 *     and its sizes M_ENTRY_NAME_0, M_ENTRY_NAME_1, ...
 */
#ifndef TGC_EMIT_H
#define TGC_EMIT_H

#include "base/embedded.h"
#include "kernel/kernel.h"
#include "loop/cost.h" /* with the names Program and Function; those of loop/loop.h meet the syntax tree's */

/* The runtime's files: tg.h, tg_vec.h, core.c and the rest; ends with a NULL name. */
extern const EmbeddedFile embedded_runtime[];
const EmbeddedFile *embedded_find(const char *name); /* NULL if there is none */

/* ---- program.c: one entry point's kernels as loops ---- */

Program *program_lower(Schedule *schedule, const Machine *machine);
void program_check(const Program *program, const Machine *machine);
void program_group(Program *program, const Machine *machine); /* which launches run together */
void program_check_groups(const Program *program);
void program_print(Text *text, const Program *program); /* its functions, in the order of their launches */

/* ---- c_model.c (with names.c, c_code.c, c_header.c, c_tables.c): the files ---- */

typedef struct OutputKernel {
    const char *name, *text; /* of its function: struct of arguments, comment and body */
    int line;                /* of the source, where it stands */
    const char *values;      /* the names of what it computes, a space before and after each: " d_x net.ff.d_x " */
    double products;         /* the multiply-adds of a product, as counted in its loops */
} OutputKernel;

typedef struct OutputLaunch { /* one call of a kernel by an entry point */
    int entry;                /* of the model's entries */
    int kernel;               /* of the output's kernels: functions that are the same share one */
    const Function *function; /* what cost_of asks for */
    const Kernel *planned;    /* what the function was made for */
    bool packs;               /* it only lays an operand of the product after it out in panels */
    unsigned phases;          /* of what it computes: 1 << PHASE_FORWARD and so on */
    const Node *node;         /* the main one of what it computes, or NULL */
    const char *computes;     /* a line per result: "h[B, F] = gelu(x1 @ w1 + b1)" */
    int64_t slices;
    int first, last; /* the launches of its entry that run together with it, itself among them */
    bool here;       /* it runs on the caller's thread alone */
    VEC(const Buffer *) reads, writes;
} OutputLaunch;

typedef struct Output {
    /* set by the caller */
    const char *prefix; /* of every symbol; NULL: the model's name */
    bool standalone;    /* the runtime it needs stands in the same file */
    bool check;         /* every launch is followed by a check of what it wrote; see runtime/check.c */
    bool files;         /* with m_load, m_save and checkpoints, which need cJSON */
    /* filled by emit */
    Text source, header;
    Text style;                 /* the .clang-format under which the source stays as it is */
    VEC(OutputKernel) kernels;  /* in the order of the text */
    VEC(OutputLaunch) launches; /* in the order of entries, and in each as they run */
    VEC(const char *) others;   /* the other functions of the source */
} Output;

void emit(Output *output, Model *model, Program *const *programs, const Machine *machine); /* one program per entry */
const char *phase_word(unsigned phases); /* "forward", "backward", "both", "update" */
/* The C text of the kernels that compute the value `name` ("d_x"), to `text`; how many there are. */
int emit_only(Text *text, const Output *output, const char *name);

/* ---- inspect*.c: the written C as libclang reads it ---- */

typedef struct FunctionText { /* a function that the source defines */
    const char *name;
    int kernel;              /* of Output.kernels, or -1 */
    size_t from, to;         /* bytes of Output.source: its text with the comment, and a kernel's struct of arguments */
    int line;                /* of `from`, the first is 1 */
    VEC(const char *) calls; /* what it calls, each name once, in the order of the text; macros by their name */
} FunctionText;

typedef struct FunctionTexts { /* in the order of the source; not those of the runtime in a stand-alone source */
    FunctionText *at;
    int count, capacity;
} FunctionTexts;

void inspect_functions(const Output *output, const Machine *machine, Arena *arena, FunctionTexts *out);

/* Parses the source with the runtime's headers and confirms what inspect.c lists; fatal(pass to blame, …) otherwise.
 * A line of what was found goes to `report` (NULL: nowhere). */
void inspect(const Output *output, const Machine *machine, Text *report);

/* ---- cc.c: runs the C compiler ---- */

typedef enum BuildKind { BUILD_SHARED, BUILD_ARCHIVE, BUILD_PROGRAM } BuildKind;

typedef struct Build {
    const char *path; /* what to make: libm.so, libm.a, m-train */
    BuildKind kind;   /* a program has main, which calls tg_train_main */
    const char *cc;   /* the C compiler; NULL: clang */
    bool verbose;     /* shows the commands on stderr */
} Build;

BuildKind build_kind(const char *path); /* by its ending: .a an archive, anything else a shared library */
/* Compiles the source with the runtime it needs; the environment's TGC_CFLAGS is appended. `path` gets the whole
 * result or stays as it was. Returns the exit status: 0, 3 (a file can't be written) or 4 (the C compiler is missing or
 * failed); messages go to stderr. */
int build(const Output *output, const Build *build, const Machine *machine);
/* Writes PREFIX.c, PREFIX.h and .clang-format into a folder, which is made if need be, or the header alone to a path.
 * False after a message. */
bool output_write(const Output *output, const char *folder);
bool header_write(const Output *output, const char *path);

#endif
