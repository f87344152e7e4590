/* command.h: the command line. One function per command, one table row per option.
 *
 *     tgc run m.tg add x=[1,2] y=[3,4]
 *       --option.c--> Request { words: m.tg add x=… y=… }  --run.c--> Compile, Runner, Tensors --> z = [4, 6]
 *
 * Data goes to stdout, everything else to stderr; what a status means stands in docs/cli.md. */
#ifndef TGC_COMMAND_H
#define TGC_COMMAND_H

#include "pipeline.h"
#include "tg_files.h"

typedef enum Status {
    STATUS_OK = 0,
    STATUS_CONTENT = 1, /* what an input file holds is wrong */
    STATUS_USAGE = 2,
    STATUS_FILE = 3, /* can't be opened, read or written */
    STATUS_CC = 4,
    STATUS_VALUE = 5, /* at run time: an id outside its table, a loss that is not a number, a wrong gradient */
    STATUS_INTERNAL = 70,
    STATUS_INTERRUPTED = 130
} Status;

typedef struct Request Request;
typedef struct Command Command;

/* ---- option.c: tables of options, the words of a command line, --help ---- */

typedef enum OptionKind {
    OPTION_FLAG,   /* bool */
    OPTION_TEXT,   /* const char * */
    OPTION_NUMBER, /* Number: a whole number */
    OPTION_LIST,   /* WordList: may be given several times */
    OPTION_PASS,   /* WordList: name and value as they came, for another program */
} OptionKind;

typedef struct Option {
    const char *name;    /* "--seed" or "-D" */
    const char *shorter; /* another name, "-o", or NULL */
    OptionKind kind;
    const char *value; /* what the help calls its value: "FILE"; NULL for a flag */
    const char *help;
    size_t field; /* in Request */
} Option;

typedef VEC(const char *) WordList;

typedef struct Number {
    bool given;
    uint64_t value;
} Number;

/* A command line, read. */
struct Request {
    Arena *arena;
    const Command *command;
    WordList words; /* what is no option */
    bool help;

    /* of every command that compiles */
    WordList defines, import_dirs;
    const char *target, *dtype, *cc, *dump, *stop_after, *prefix, *memory, *tune;
    bool verbose, timings, passes, apart;
    Number block_rows;

    /* of one or a few */
    const char *output;    /* emit build dot tune */
    const char *only;      /* emit */
    bool standalone;       /* emit */
    bool program;          /* build */
    bool check;            /* fmt emit build run train */
    bool json;             /* bench inspect plan profile */
    bool backward;         /* inspect dot */
    bool kernels;          /* dot */
    bool all;              /* plan */
    Number depth;          /* dot */
    const char *html;      /* inspect */
    bool interp;           /* run gradcheck */
    const char *in, *out;  /* run gradcheck */
    const char *weights;   /* run gradcheck */
    const char *save;      /* run */
    WordList calls;        /* run */
    Number seed, threads;  /* run bench gradcheck; threads: inspect too */
    Number noise;          /* run */
    Number steps;          /* bench profile */
    Number seconds;        /* tune */
    bool list;             /* tune */
    const char *tolerance; /* gradcheck */
    WordList passed_on;    /* train */
};

struct Command {
    const char *name;
    const char *arguments; /* "FILE ENTRY [NAME=VALUE ...]" */
    const char *does;      /* one line */
    const char *more;      /* further lines of the help, or NULL */
    const Option *options; /* its own; ends with a NULL name */
    bool compiles;         /* takes the options of compiling too */
    int least, most;       /* words; most -1: any number */
    int (*run)(Request *request);
};

extern const Option compile_options[];
/* Reads argv into the request. False after a message. */
bool request_read(Request *request, int argc, char **argv);
void command_help(Text *text, const Command *command);
/* "; did you mean run?", or "". */
const char *did_you_mean(Arena *arena, const char *word, const char *const *candidates, int count);
/* `tgc: error: …` on stderr. */
void complain(const char *format, ...) PRINTF_LIKE(1, 2);
int usage_error(const Request *request, const char *format, ...) PRINTF_LIKE(2, 3); /* STATUS_USAGE */

/* ---- compile.c: from a request to a compile ---- */

/* Options into a Compile of words[0]. False after a message: a mistake of usage. */
bool compile_request(Request *request, Compile *compile);
/* The same, and runs the passes up to elaborate; pipeline_resume goes on. Returns a Status, after a message. */
int compile_begin(Request *request, Compile *compile);
/* Whether `word` means the entry: by its name, or where it is a specialisation by the name of its entry point with some
 * of its sizes or none: step[S=16,T=32], step[T=32], step. */
bool entry_called(const Entry *entry, const char *word);
/* The one entry that `name` means; NULL after a message that lists them. NULL as name stands for the only one. */
Entry *entry_named(Request *request, const Model *model, const char *name);
tg_dtype port_dtype(const Port *port, bool f64);
const char *file_stem(Arena *arena, const char *path); /* "dir/m.tg" gives "m" */
bool write_stdout(const char *bytes, size_t size);     /* false after a message */
bool file_written(const char *path, const Text *text); /* likewise */

/* ---- scratch.c: a folder of the command's own, and programs run from it ---- */

typedef struct Scratch {
    const char *path; /* NULL when there is none */
} Scratch;

bool scratch_open(Scratch *scratch);  /* false after a message */
void scratch_close(Scratch *scratch); /* removes it with its files */
/* Runs a program, its standard output into a file unless `output` is NULL, and waits for it; SIGINT and SIGTERM sent to
 * this process reach it. Its exit status, 128 + n when signal n ended it; -1 with errno when it can't be run. */
int program_run(const char *const *words, const char *output);

/* ---- values.c: numbers as text ---- */

/* A value typed by hand: [[1, 2], [3, 4]], 0.5, true, inf. */
typedef struct HandValue {
    int rank;
    int64_t shape[MAX_RANK];
    int64_t count;
    double *number; /* row-major; true and false are 1 and 0 */
    bool has_bool, has_number;
} HandValue;

/* False with *error (in the arena) set, which says at which character. */
bool value_read(Arena *arena, const char *text, HandValue *value, const char **error);
/* The shortest decimal that reads back as the same number of the type. */
void number_print(Text *text, double number, tg_dtype dtype);
/* `name = [[1, 2], [3, 4]]` and a newline; a long value takes a line per row. */
void value_print(Text *text, const char *name, const tg_tensor *tensor, const void *data);

/* ---- tensors.c: the inputs and results of an entry point ---- */

/* Elements for each input and result of an entry, in the types that compiled code takes. */
typedef struct Tensors {
    Arena *arena;
    const char *entry;
    bool f64;
    int input_count, result_count;
    tg_tensor *inputs, *results;
    void **input, **result;
    bool *set; /* by input: it has been given a value */
} Tensors;

void tensors_init(Tensors *tensors, Arena *arena, const Entry *entry, bool f64);
/* All inputs that the file has, with the shapes and types of the entry. Returns a Status, after a message. */
int tensors_read(Tensors *tensors, const char *path);
int tensors_set(Tensors *tensors, Request *request, const char *text); /* "x=[[1,2],[3,4]]" */
bool tensors_complete(const Tensors *tensors, const char *mend);       /* false after a message */
/* Inputs not set: floats normal, integers uniform in their range, booleans even. */
void tensors_random(Tensors *tensors, uint64_t seed);
int tensors_write(const Tensors *tensors, const char *path);
void tensors_print(const Tensors *tensors, Text *text);
double element_get(tg_dtype dtype, const void *data, int64_t index);
void element_set(tg_dtype dtype, void *data, int64_t index, double number);
const char *shape_of(Arena *arena, int rank, const int64_t *shape); /* "[2, 3]" */
int status_of(tg_status status);                                    /* the exit status for a status of the runtime */

/* ---- externals.c: functions of the user's in C, compiled for the evaluator ---- */

/* Binds every `extern fn` of the model; they stay loaded until the process ends. Returns a Status, after a message. */
int externals_load(Compile *compile);
/* Compares each derivative with differences of its function, and each function in f32 with that in f64, at random
 * points; prints a table. Returns a Status: STATUS_VALUE after a message where one differs by more than `tolerance`. */
int externals_check(Compile *compile, double tolerance, uint64_t seed);

/* ---- runner.c, evaluator.c: a model that can be called ---- */

typedef struct Evaluator Evaluator;

typedef struct Runner {
    Arena *arena;
    const Model *model;
    tg_model
        *data; /* parameters and states; compiled code works on them, the evaluator on copies in double precision */
    void *library;
    void (*free)(tg_model *model);
    Evaluator *evaluator;   /* NULL for compiled code */
    double resident_before; /* bytes that this process had in memory before it held the model; compiled code alone */
} Runner;

/* Builds the compile's model in a folder that is gone again afterwards, and opens it. Returns a Status. */
int runner_build(Runner *runner, Compile *compile, const Request *request);
/* The same calls on the evaluator. The compile has gone as far as gradient. */
int runner_evaluate(Runner *runner, Compile *compile, const Request *request);
void runner_free(Runner *runner);
int runner_call(Runner *runner, const Entry *entry, Tensors *tensors); /* a Status, after a message */
int runner_load(Runner *runner, const char *path);
int runner_save(Runner *runner, const char *path);

/* With a noise seed other than 0, every operation of floats is off by up to a unit in the last place of their type. */
Evaluator *evaluator_new(Arena *arena, const Model *model, tg_model *data, uint64_t noise_seed);
const tg_info *evaluator_info(Arena *arena, const Model *model); /* parameters and states, no entry points */
bool evaluator_call(Evaluator *evaluator, const Entry *entry, Tensors *tensors, const char **error);
void evaluator_pull(Evaluator *evaluator); /* from the model's data */
void evaluator_push(Evaluator *evaluator); /* to the model's data */

/* ---- variant.c: an entry point that returns derivatives ---- */

typedef struct Derivative {
    const char *name;   /* of the input or parameter */
    int input;          /* the input's index, or -1 */
    Variable *variable; /* the parameter, or NULL */
    int result;         /* of the gradient entry */
} Derivative;

/* What is checked of one entry: value computes a scalar, gradient the same scalar's derivatives. */
typedef struct Variant {
    const char *name; /* of the entry as written */
    Entry *value, *gradient;
    int own_inputs; /* those after them weigh the results of an entry that isn't a training step */
    VEC(Derivative) derivatives;
} Variant;

typedef VEC(Variant *) VariantList;

/* Replaces the model's entries (after gradient) by variants; the new derivatives are placeholders. */
void variants_make(Model *model, VariantList *variants);

/* ---- peak.c: what the machine can do at most ---- */

/* A program that measures it, as often as asked. */
typedef struct PeakMeter {
    const Compile *compile;
    Scratch scratch;
    const char *program;
} PeakMeter;

bool peak_open(PeakMeter *meter, const Compile *compile); /* for compile's machine; false after a message */
double peak_now(const PeakMeter *meter, int threads);     /* GFLOP/s of f32 multiply-adds; 0 after a message */
void peak_close(PeakMeter *meter);

/* GFLOP/s of fused multiply-adds on `threads` threads, by a loop compiled for `machine`; 0 after a message. */
double peak_gflops(const Compile *compile, int threads, bool f64);

/* The same, and GB/s that memory carries to and from all of the threads. False after a message. */
typedef struct Peak {
    double gflops, gbytes;
} Peak;
bool peak_measure(const Compile *compile, int threads, bool f64, Peak *peak);

/* ---- resident.c: bytes of this process that lie in memory, now, and at most since it began or the last reset ---- */

double resident_now(void);
double resident_most(void);
void resident_reset(void);

/* ---- the commands, and command.c: the table of them ---- */

extern const EmbeddedFile embedded_bench[], embedded_errors[]; /* peak.c, errors.md alone; CMake writes the tables */
extern const EmbeddedFile embedded_html[];                     /* the page of inspect, likewise */

extern const Command command_check, command_emit, command_build, command_run, command_train, command_bench,
    command_gradcheck, command_dot, command_fmt, command_inspect, command_explain, command_profile, command_plan,
    command_tune;
int command_main(int argc, char **argv);

#endif
