/* elaborate.h: what the files of elaborate share: values, scopes, and the state of one run.
 *
 * Elaboration runs the text once, as an interpreter would, with sizes and numbers known and tensors as graph nodes:
 * loops unroll, calls are inlined, names resolve. A Value of kind POISON is what a mistake leaves behind; everything
 * made from it is poison too, without another word, so that one run shows every mistake once.
 *
 *     y = att(x, x, m)        # x, m: VALUE_TENSOR; att: VALUE_UNIT; y: whatever the unit's `fn` returns
 */
#ifndef TGC_PASS_ELABORATE_H
#define TGC_PASS_ELABORATE_H

#include "ops/ops.h"
#include "pass/pass.h"

typedef struct Elab Elab;
typedef struct Scope Scope;

typedef enum ValueKind {
    VALUE_POISON,
    VALUE_NONE,     /* an argument that was not given */
    VALUE_NUMBER,   /* number; axis: the size name it stands for, if any */
    VALUE_TENSOR,   /* node */
    VALUE_STRING,   /* text */
    VALUE_LIST,     /* items: [1, 2], several results, a list of instances */
    VALUE_VARIABLE, /* variable: a parameter or state not yet read */
    VALUE_MODULE,   /* module, and the scope it was declared in */
    VALUE_UNIT,     /* an instance of a module: its scope */
    VALUE_FUNCTION, /* function, and the scope it sees: a file's or a unit's */
    VALUE_EXTERNAL, /* external: a function of the user's in C */
    VALUE_NAMES     /* what `import … as x` bound: a file's scope */
} ValueKind;

typedef struct Value Value;
struct Value {
    ValueKind kind;
    bool size;        /* NUMBER: declared as a size, so `axis =` takes it for a name */
    unsigned touched; /* sizes in buckets that it may depend on: a bit per row of Elab.bucketed */
    double number;    /* NUMBER */
    int count;        /* LIST */
    union {
        const char *axis; /* NUMBER: the axis name (Note: axis names, in elaborate_scope.c), or NULL */
        Node *node;
        const char *text;
        Value *items;
        Variable *variable;
        const Module *module;
        const Function *function;
        const External *external;
    };
    Scope *scope;
};

/* A name and what it stands for. `declared` is set where messages may point: parameters, arguments, sizes. */
typedef struct Slot {
    const char *name;
    Value value;
    Span span;
    bool declared;
    bool imported;
    const Item *item; /* of the main file, that made it; NULL elsewhere */
} Slot;

struct Scope {
    Scope *parent;
    VEC(Slot) slots;
    const char *path;     /* of the unit: "net.enc.0"; "" for a file */
    const Source *source; /* of a file */
    const Module *module;
    const File *tree; /* of a file: what was skipped in it may have made names that are missing */
    bool broken;      /* names may be missing through no fault of their user */
};

/* A call in progress. */
typedef struct Frame Frame;
struct Frame {
    Frame *outer;
    const Function *function; /* NULL for an entry's body */
    Scope *scope, *closure;
    bool returned;
    bool failed; /* a mistake hides what it would have returned */
    Value *results;
    int result_count;
};

typedef struct LoadedFile {
    const char *key; /* the resolved path */
    bool loading;    /* an import of it now is a cycle */
    Scope *scope;
} LoadedFile;

typedef struct Building {
    const Module *module;
    Span at; /* of the `use` */
} Building;

/* A C header that was read for an `extern fn`. */
typedef struct LoadedHeader {
    const char *key; /* the resolved path */
    Source source;
    const CHeader *header;
} LoadedHeader;

/* An `extern fn`, until its partials are known. */
typedef struct Declared {
    const Item *item;
    External *external;
    Scope *scope;
    const LoadedHeader *from;
} Declared;

/* `dim T in [16, 32]` of the main file. */
typedef struct Bucketed {
    const char *name;
    Span span;
    int count, chosen;
    int64_t *sizes; /* rising */
} Bucketed;

/* An item of the main file, and the sizes in buckets that it depends on. */
typedef struct TopItem {
    const Item *item;
    unsigned touched;
} TopItem;

/* A train entry between its forward graph and its update. */
typedef struct Training {
    Entry *entry;
    const EntryPoint *point;
    int number;        /* of its `train` in the text: specialisations share it */
    const int *chosen; /* the sizes in buckets that it was made under */
    unsigned touched;  /* those of them that it depends on */
    Scope *scope;      /* of the file: what the optimiser's arguments see */
    Node *loss;
    Node **reads;  /* by variable id: the read of a parameter that the loss depends on, or NULL */
    int *versions; /* by variable id: the writes in the forward graph */
    int variable_count;
} Training;

/* A build that fuzzes sets these lower. */
#ifndef TGC_MAX_NODES
#define TGC_MAX_NODES 1000000
#define TGC_MAX_TURNS 100000
#define TGC_MAX_UNITS 100000
#define TGC_MAX_STEPS 5000000
#endif

enum {
    MAX_EVAL_DEPTH = 2500,     /* nested calls and expressions */
    MAX_NESTING = 200,         /* modules inside modules, imports of imports */
    MAX_NODES = TGC_MAX_NODES, /* of one entry */
    MAX_TURNS = TGC_MAX_TURNS, /* of one loop */
    MAX_UNITS = TGC_MAX_UNITS, /* instances in the model */
    MAX_STEPS = TGC_MAX_STEPS  /* expressions looked at, counted as often as loops and calls come to them */
};

struct Elab {
    Arena *arena;
    Names *names;
    Diag *diag;
    Model *model;
    const Options *options;
    Graph *graph; /* of the entry in progress; NULL elsewhere */
    bool train;
    Scope *scope; /* where names are looked up now */
    Frame *frame;
    int depth;
    bool stopped; /* a limit was passed: everything is poison from here on */
    int unit_count;
    int steps;              /* of MAX_STEPS */
    VEC(Building) building; /* modules being instantiated, outermost first */
    VEC(LoadedFile *) files;
    VEC(LoadedHeader *) headers;
    VEC(Declared) externals;
    int importing;                  /* files being read, inside each other */
    VEC(const EntryPoint *) points; /* of the main file, in order */
    VEC(Training *) trainings;
    Node **reads; /* by variable id: the newest read in the entry in progress */
    int *read_versions;
    VEC(Bucketed) bucketed;
    VEC(TopItem) tops; /* of the main file */
    const Item *item;  /* the one of them in progress */
    unsigned touched;  /* sizes in buckets that what is evaluated now has met so far */
    unsigned control;  /* those on which it depends whether the item in progress is there at all */
    bool again;        /* items of the main file are elaborated once more, under other sizes */
    struct AxisName *axis_table;
    int axis_count, axis_capacity;
};

/* ---- elaborate_scope.c: values, names, places ---- */

Value poison(void);
Value number_value(double number);
Value tensor_value(Node *node); /* poison when NULL */
Value list_value(Elab *el, const Value *items, int count);
const char *value_kind_text(const Value *value); /* "a tensor" */

Scope *scope_new(Elab *el, Scope *parent, const char *path);
Slot *scope_find(Scope *scope, const char *name); /* through the parents */
Slot *scope_own(Scope *scope, const char *name);
/* A new name; an error when the scope has it already. Numbers get an axis name of their own. */
Slot *scope_declare(Elab *el, Scope *scope, Ident name, Value value);
void scope_set(Elab *el, Scope *scope, Ident name, Value value); /* assigns, declaring when new */
bool slot_is_general(const Slot *slot);                          /* a function or module: what a file gives to others */
bool slot_given(const Scope *scope,
                const Slot *slot); /* whether scope.name may be said: files give only what they define */
/* Reports an unknown name, with the nearest one. `members`: look no further than this scope. */
void unknown_name(Elab *el, Scope *scope, Span at, const char *name, bool members);

const char *axis_new(Elab *el, const char *text, const char *outer);
const char *axis_outer(const Elab *el, const char *axis);
bool axis_visible(Scope *scope, const char *axis);

Node *rename_axes(Elab *el, Node *node, const char *const *axes); /* a reshape to the same sizes when a name differs */
void name_node(Elab *el, Node *node, const char *name);           /* unless it has a name; sees through renamed axes */
const char *path_join(Elab *el, const char *path, const char *name);
const char *shape_text(Elab *el, const Shape *shape);
const char *expr_text(Elab *el, const Expr *expr);
const char *type_text(Elab *el, const Type *type);
const char *number_text(Elab *el, double number);
const char *dtype_text(const Elab *el, DType dtype);
void at_place(Elab *el, Span span);  /* where the nodes and errors of the next verb belong */
bool too_long(Elab *el, Span span);  /* the limit on steps, of which this is one; reports once */
bool too_large(Elab *el, Span span); /* the limit on nodes; reports once */

/* ---- elaborate_expr.c ---- */

Value eval(Elab *el, const Expr *expr);
Value eval_place(Elab *el, const Expr *expr); /* the same without reading a variable */
bool eval_number(Elab *el, const Expr *expr, const char *what, double *number);
Node *eval_tensor(Elab *el, const Expr *expr, DType like);
/* A value as a node: a number becomes a constant of the type `like`, or FLOAT where it isn't whole. */
Node *as_node(Elab *el, const Value *value, DType like, Span span);
Node *read_of(Elab *el, Variable *variable);
void meet(Elab *el, Node **a, Node **b); /* I32 beside FLOAT becomes FLOAT */

/* ---- elaborate_index.c ---- */

Value eval_index(Elab *el, const Expr *expr);
void exec_write(Elab *el, const Stmt *stmt);

/* ---- elaborate_shape.c ---- */

bool to_size(Elab *el, double number, Span span, int64_t *size); /* whole and not negative */
bool type_dtype(Elab *el, const Type *type, DType *dtype);
bool type_shape(Elab *el, const Type *type, Shape *shape);              /* every size known, no `..` */
bool value_shape(Elab *el, const Value *list, Span span, Shape *shape); /* of zeros([M, N]) */
Value eval_as(Elab *el, const Expr *expr);
Value eval_to(Elab *el, const Expr *expr);
/* Binds the function's sizes that `type` names, from the axes of `node`, in the current scope. */
bool bind_sizes(Elab *el, const Function *function, const Type *type, const Node *node);
/* Whether `node` is as `type` declares; `axes` (of MAX_RANK) gets the axis names that the type gives it. */
bool check_type(Elab *el, const Type *type, const Node *node, Span at, const char *what, const char **axes);
bool find_axis(Elab *el, const Value *value, Span at, const char *said, const Node *x, int *axis);
/* `axis = N`, a number or a list; none: every axis. Ascending. */
bool find_axes(Elab *el, const Value *value, const Argument *argument, const Node *x, int *axes, int *count);

/* ---- elaborate_call.c ---- */

typedef struct Formal {
    const char *name; /* interned */
    bool optional, many;
} Formal;

enum { MAX_FORMALS = 12 };

/* Matches the arguments of `call` with `formals`; given[i] is NULL where nothing was given. A `many` formal takes all
 * positional arguments (rest). */
bool match_arguments(Elab *el, const char *what, const Formal *formals, int count, const Expr *call,
                     const Argument **given, const Argument ***rest, int *rest_count);
int formals_read(Elab *el, const char *text, Formal *formals); /* "x axis? keep?", "parts* axis?" */
/* Evaluates the arguments of a call of the user's function or module, defaults inside its scope, and declares there
 * those without a type. */
bool bind_fields(Elab *el, const char *what, const FieldList *fields, const Expr *call, Scope *inside, Value *values);
Value eval_call(Elab *el, const Expr *expr);

/* ---- elaborate_builtin.c ---- */

typedef struct BuiltIn BuiltIn;
const BuiltIn *builtin_find(const char *name);
Value builtin_call(Elab *el, const BuiltIn *builtin, const Expr *call);
const char *builtin_name(int index); /* NULL past the last */

/* ---- elaborate_stmt.c ---- */

void exec_block(Elab *el, const Block *block);
bool known_condition(Elab *el, const Expr *condition, bool *holds); /* of `if` */
void exec_lets(Elab *el, const BindingList *bindings);
void exec_assert(Elab *el, const Expr *condition, const char *message);

/* ---- elaborate_module.c ---- */

void elaborate_parameter(Elab *el, const Parameter *parameter, VariableKind kind);
void elaborate_items(Elab *el, const ItemList *items, bool main_file);
void elaborate_file(Elab *el, const File *file, bool main_file); /* in the current scope */
void elaborate_top(Elab *el, TopItem *top);                      /* notes what it depends on */

/* ---- elaborate_sizes.c: `dim`, and what depends on sizes in buckets ---- */

enum { MAX_BUCKETED = 16, MAX_BUCKETS = 64 }; /* dims with buckets; sizes of one, and specialisations of one entry */

void elaborate_sizes(Elab *el, const SizeList *sizes, bool main_file);
/* Around an evaluation: what it has touched, beside what was touched before. */
unsigned touch_begin(Elab *el);
unsigned touch_end(Elab *el, unsigned before);
const char *touched_text(Elab *el, unsigned touched); /* "`S` and `T`" */
void note_touched(Elab *el, Message *message, unsigned touched);
/* Makes every size in buckets the one of that number, and again all that depends on those that change. */
void sizes_choose(Elab *el, const int *chosen);
/* The next choice of the sizes in `touched`, others stay the first; false after the last. Begins with all 0. */
bool sizes_next(const Elab *el, unsigned touched, int *chosen);
/* Gives the entry the names of its specialisation. */
void sizes_name(Elab *el, Entry *entry, unsigned touched);
/* How many specialisations there are; 0 after a message that there are too many. */
int sizes_product(Elab *el, const EntryPoint *point, unsigned touched);

/* ---- elaborate_import.c ---- */

void elaborate_import(Elab *el, const Item *item);
/* Registers a file and makes its scope; key NULL: from the source's path. */
LoadedFile *file_begin(Elab *el, const char *key, const File *tree);

/* The text that `path` names for a file that says it; false when there is none. `key`: equal for one file's paths. */
bool import_text(Elab *el, const char *path, const Source *importer, Source *source, const char **key);

/* ---- elaborate_extern.c ---- */

void elaborate_extern(Elab *el, const Item *item); /* declares it */
void externals_finish(Elab *el);                   /* once all of a file's are declared: finds their partials */
Value external_value(Elab *el, const External *external, const Expr *call);

/* ---- elaborate.c ---- */

bool override_value(const Elab *el, const char *name, double *value); /* -D */

/* ---- elaborate_train.c ---- */

void training_begin(Elab *el, Entry *entry, const EntryPoint *point, Scope *scope, unsigned touched);
void trainings_finish(Elab *el); /* puts every parameter into a group and appends every update */

/* ---- optimiser.c ---- */

/* A group in one train entry: its gradient is a flat vector of the group's size. */
typedef struct GroupUpdate {
    Variable *group;
    int number; /* of the group in the model */
    Node *gradient;
} GroupUpdate;

/* Appends the update that `using` asks for. `prefix` makes the names of its moments unique in the model. */
void optimiser_update(Elab *el, Training *training, const char *prefix, GroupUpdate *updates, int count);

#endif
