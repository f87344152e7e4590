/* parts.h: what the files of emit/ share while they write one model. Private to emit/. */
#ifndef TGC_EMIT_PARTS_H
#define TGC_EMIT_PARTS_H

#include "emit/emit.h"
#include "loop/loop.h"

/* ---- names.c: identifiers of C ---- */

typedef struct NameSet { /* identifiers in use in one scope */
    Arena *arena;
    VEC(const char *) names;
} NameSet;

const char *c_identifier(Arena *arena, const char *path); /* "net.enc.0.att" to "net_enc_0_att" */
const char *c_prefix(Arena *arena, const char *name);     /* what every symbol of the model begins with */
const char *c_upper(Arena *arena, const char *name);
void name_take(NameSet *set, const char *name);
/* `wanted`, or with `_` and then a number behind it where it is a word of C or taken; taken from now on. */
const char *name_new(NameSet *set, const char *wanted);
const char *name_behind_prefix(NameSet *set, const char *wanted); /* the same where words of C are no matter */

/* ---- kernels and entries as they are called in the C ---- */

typedef struct KernelText {
    const Function *function;    /* the first of those that are the same */
    const Schedule *schedule;    /* of its entry */
    VEC(const Function *) users; /* all of them, as they are launched */
    const char *name, *args_type;
    const char *canonical;
    int launches;
} KernelText;

typedef struct Member { /* of an entry's struct of tensors */
    const Buffer *buffer;
    Variable *variable; /* of a BUF_VARIABLE: the parameter, group, state or moment itself */
    const char *name;
    bool written;
} Member;

typedef struct LaunchRow { /* launches of one function for one line: a row of a profile */
    int kernel;
    const Function *function; /* of the first */
    const char *origin;
    Phase phase;
} LaunchRow;

typedef struct Repeat { /* launches first, first + 1, … that come again, `turns` times in all */
    int first, period, turns;
} Repeat;

typedef struct EntryText {
    Entry *entry;
    const Program *program;
    const char *name;               /* of its function, without the prefix */
    const char *tensors;            /* its struct */
    const char **inputs, **results; /* names of arguments, by port */
    const char **sizes;             /* of a specialisation, by bucket: arguments of the call that selects it */
    VEC(Member) members;
    VEC(Repeat) repeats; /* in the order of the launches */
    double flop, bytes;
    int launches[3]; /* by phase */
    VEC(LaunchRow) rows;
    int *row_of; /* by launch */
} EntryText;

typedef struct Selector { /* the call that chooses among the specialisations of an entry point */
    int first, count;     /* of the model's entries */
    const char *name;     /* without the prefix */
} Selector;

typedef struct VariablePlace {
    Variable *variable;
    size_t offset; /* bytes in its block */
} VariablePlace;
typedef VEC(VariablePlace) Layout;

typedef struct Emitter {
    Arena *arena;
    Output *output;
    Model *model;
    const Machine *machine;
    const char *prefix, *upper;
    NameSet names;     /* of the file */
    NameSet functions; /* of the header, without the prefix */
    VEC(KernelText) kernels;
    int *kernel_of; /* by launch, over all entries in turn */
    EntryText *entries;
    VEC(Selector) selectors;
    Layout params, states; /* params: each parameter; states: states and moments */
    Layout groups;         /* the flat groups, in the parameter block */
    size_t param_bytes, state_bytes, arena_bytes;
} Emitter;

/* ---- layout.c ---- */

size_t dtype_size(const Model *model, DType dtype);
const char *c_type(const Model *model, DType dtype);  /* "float" */
const char *tg_type(const Model *model, DType dtype); /* "TG_F32" */
void layout_variables(Emitter *e);
size_t layout_offset(const Emitter *e, const Variable *variable); /* in its block */

/* ---- c_code.c ---- */

void collect_kernels(Emitter *e, Program *const *programs);
void put_kernels(Emitter *e, Text *text);

/* ---- formula.c ---- */

/* What a kernel computes, as the lines of a comment without the first `kNN_name: `. */
void put_formula(Text *text, const Emitter *e, const KernelText *kernel);
const Node *main_node(const Kernel *kernel); /* what its comment speaks of; NULL for none */
/* What a function computes, a line per result: "h[B, T, F] = gelu(x1 @ w1 + b1)". */
const char *results_text(const Emitter *e, const Schedule *schedule, const Function *function);
/* "gpt.tg:31  h = gelu(x1 @ w1 + b1)", "" where there is no place. */
const char *origin_text(const Emitter *e, const Function *function);
const char *origin_of(const Emitter *e, const Node *node);

/* ---- c_contents.c ---- */

/* The comment at the head of the file, before the `rest`; sets the lines of the output's kernels. */
void put_contents(const Emitter *e, Text *text, const char *rest);

/* ---- c_entry.c ---- */

void collect_entries(Emitter *e, Program *const *programs);
void put_tensors(Emitter *e, Text *text, const EntryText *entry);
void put_entry(Emitter *e, Text *text, EntryText *entry, int first_launch);
void put_signature(Emitter *e, Text *text, const EntryText *entry);
void put_port_arguments(Emitter *e, Text *text, const EntryText *entry); /* ", const float *x, float *y" */
/* The member that a launch's array points into, and its number in the struct of tensors. */
const Member *member_of(const EntryText *entry, const Function *function, const Array *array);
int tensor_number(const EntryText *entry, const Member *member);

/* "t.h + 1024": the pointer that a launch passes for an array. */
const char *pointer_text(Emitter *e, const EntryText *entry, const Function *function, const Array *array);
int last_check(const Program *program); /* the last launch that checks indices, or -1 */

/* ---- c_launch.c ---- */

typedef struct LaunchLine { /* a launch as it is written */
    const Function *function;
    const KernelText *kernel;
    const char *const *values; /* of its arrays, then of its dropout sites */
} LaunchLine;

LaunchLine launch_line(Emitter *e, const EntryText *entry, int first_launch, int launch);
/* A call of tg_for, or of tg_for_all where there are more lines than one; before a launch the line of the model that it
 * comes from, where it isn't `quoted` already. */
void put_launches(Emitter *e, Text *text, const LaunchLine *lines, int count, const char **quoted);

/* ---- c_repeat.c ---- */

void find_repeats(Emitter *e);                               /* of all entry points; after collect_kernels */
const Repeat *repeat_at(const EntryText *entry, int launch); /* that begins with the launch, or NULL */
/* The loop, and the struct of its table's rows to stand before the function. */
void put_repeat(Emitter *e, Text *structs, Text *text, const EntryText *entry, const Repeat *repeat, int first_launch);

/* ---- c_rows.c ---- */

unsigned phases_of(const Function *function); /* of what it computes: 1 << PHASE_FORWARD and so on */

void collect_rows(Emitter *e); /* after collect_kernels */
/* "text", with a backslash before quotes. */
void put_quoted(Text *text, const char *string);
void put_rows(Emitter *e, Text *text, const EntryText *entry);

/* ---- c_extern.c ---- */

void take_external_names(Emitter *e);
void put_externals(Emitter *e, Text *text);

/* ---- c_check.c: nothing without --check ---- */

void put_watch(Emitter *e, Text *text, const EntryText *entry); /* tables, behind those of its ports */
void put_check_begin(Emitter *e, Text *text, const EntryText *entry);
void put_checked(Emitter *e, Text *text, const EntryText *entry, int launch); /* behind every launch */
void put_check_end(Emitter *e, Text *text, const EntryText *entry);

/* ---- c_select.c: nothing where no size is in buckets ---- */

void collect_selectors(Emitter *e); /* takes their names; before those of the entry points */
void put_selectors(Emitter *e, Text *text);
void put_bucket_constants(Emitter *e, Text *text);    /* for the header, */
void put_selector_prototypes(Emitter *e, Text *text); /* likewise */

/* ---- c_tables.c ---- */

void put_tables(Emitter *e, Text *text);
void put_json(Emitter *e, Text *json);

/* ---- c_header.c ---- */

void put_header(Emitter *e, Text *text);
void put_filled(Emitter *e, Text *text, const char *format); /* %p the prefix, %P in capitals, %f the float type */

/* ---- embed.c: the runtime's text ---- */

void put_renames(Text *text, const char *prefix);             /* #define tg_for m_tg_for … */
void put_runtime(Text *text, const char *prefix, bool check); /* the core in one piece, for --standalone */

#endif
