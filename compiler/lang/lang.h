/* lang.h: the syntax tree of a .tg file, the parser that builds it and the printer that writes it back.
 *
 * `y = x @ W + b` becomes STMT_ASSIGN { targets: y, value: BINARY_ADD(BINARY_MATMUL(x, W), b) }.
 * The tree says what was written and where: names are interned (equal names are equal pointers) but not resolved,
 * sizes are expressions, and nothing is checked beyond syntax. Every node has the span of its text. Lists are VECs:
 * `list.at[i]`, `list.count`; an absent list has count 0. An absent pointer is NULL. */
#ifndef TGC_LANG_H
#define TGC_LANG_H

#include "base/base.h"

/* The deepest nesting of brackets and braces, and the deepest expression tree, that the parser lets through: whoever
 * walks the tree may recurse. */
enum { LANG_NESTING = 256, LANG_DEPTH = 1000 };

typedef struct Expr Expr;
typedef struct Stmt Stmt;
typedef struct Item Item;

/* A name where it is declared or said. `name` is NULL where no name was written. */
typedef struct Ident {
    const char *name;
    Span span;
} Ident;

typedef VEC(Ident) IdentList;
typedef VEC(Expr *) ExprList;
typedef VEC(Stmt *) StmtList;
typedef VEC(Item *) ItemList;

/* `name = value` in dim, const, let and with. `span` covers both. */
typedef struct Binding {
    Ident name;
    Expr *value;
    Span span;
} Binding;
typedef VEC(Binding) BindingList;

/* ---- types ---- */

/* One entry of `[.., M, 2*N]`: a size, or `..` (size NULL) for any leading axes. */
typedef struct Dim {
    Span span;
    Expr *size;
} Dim;
typedef VEC(Dim) DimList;

/* `f64[B, N]`; `element.name` is NULL where no element type was said (then it is the build's float type).
 * `[]` has no dims. `as` and `to` take a Type too, without an element. */
typedef struct Type {
    Span span;
    Ident element; /* any name: f32, f64, bf16, i32, bool, or the user's mistake */
    DimList dims;
} Type;

/* An argument of a function, module or entry, or a result.
 * - function argument: `x: [B, D]`; type NULL for a number known when compiling (`drop`); either may have `= value`
 * - module argument: `D` or `eps = 1e-5`; type always NULL
 * - graph and train argument: type never NULL, no value; train: `src: i32[B, S] pad PAD`, what a row is filled up with
 * - result: type never NULL; name.name NULL for the lone unnamed result of `-> [B, D]` */
typedef struct Field {
    Span span;
    Ident name;
    Type *type;
    Expr *value; /* the default; NULL when there is none */
    Expr *pad;   /* the value behind `pad`; NULL when there is none */
} Field;
typedef VEC(Field) FieldList;

/* ---- expressions ---- */

typedef enum ExprKind {
    EXPR_NUMBER, /* number, and text as it was written; `inf` is one */
    EXPR_BOOL,   /* number is 1 or 0 */
    EXPR_STRING, /* text between the quotes: only for assert and arguments */
    EXPR_NAME,   /* name */
    EXPR_UNARY,  /* unary, left */
    EXPR_BINARY, /* binary, left, right */
    EXPR_CALL,   /* left(arguments): left is a NAME, a FIELD (net.decode) or an INDEX (enc[0]) */
    EXPR_INDEX,  /* left[indices] */
    EXPR_FIELD,  /* left.name; `.T` is a field named T */
    EXPR_AS,     /* left as type */
    EXPR_TO,     /* left to type */
    EXPR_LIST,   /* [items] as in axis = [0, 1] and pad(x, [[1, 1], [0, 3]]) */
} ExprKind;

typedef enum UnaryOp { UNARY_NEG, UNARY_NOT } UnaryOp;

typedef enum BinaryOp {
    BINARY_ADD,
    BINARY_SUB,
    BINARY_MUL,
    BINARY_DIV,
    BINARY_MOD,
    BINARY_MATMUL,
    BINARY_POW,
    BINARY_LT,
    BINARY_LE,
    BINARY_GT,
    BINARY_GE,
    BINARY_EQ,
    BINARY_NE,
    BINARY_AND,
    BINARY_OR,
} BinaryOp;

/* An argument of a call; name.name is NULL when it is given by position. */
typedef struct Argument {
    Span span;
    Ident name;
    Expr *value;
} Argument;
typedef VEC(Argument) ArgumentList;

typedef enum IndexKind {
    INDEX_AT,    /* i: start is the index */
    INDEX_RANGE, /* start:stop, either may be NULL */
    INDEX_REST,  /* .. */
} IndexKind;

typedef struct Index {
    Span span;
    IndexKind kind;
    Expr *start, *stop;
} Index;
typedef VEC(Index) IndexList;

struct Expr {
    ExprKind kind;
    Span span;   /* with its parentheses, if it has any */
    Span inside; /* without them */
    Span at;     /* where a caret belongs: the operator, the callee, the field's name; else the same as span */
    bool parens; /* was written in parentheses */
    int depth;   /* of the tree below, from 1; never above LANG_DEPTH */
    double number;
    const char *text; /* NUMBER, STRING */
    const char *name; /* NAME, FIELD */
    UnaryOp unary;
    BinaryOp binary;
    Expr *left, *right;
    ArgumentList arguments; /* CALL */
    IndexList indices;      /* INDEX */
    ExprList items;         /* LIST */
    Type *type;             /* AS, TO */
};

/* ---- statements: what stands in functions, graphs and train ---- */

/* A body. When the source was on one line, so is the print. */
typedef struct Block {
    Span span; /* from { to } */
    StmtList stmts;
} Block;

typedef enum StmtKind {
    STMT_ASSIGN, /* targets = values.at[0] */
    STMT_WRITE,  /* place := values.at[0]; place is a NAME, a FIELD, or an INDEX of one */
    STMT_RETURN, /* values, at least one */
    STMT_FOR,    /* for targets in values.at[0] remat body, or in values.at[0]..stop */
    STMT_IF,     /* values.at[0], body, otherwise */
    STMT_LET,    /* bindings */
    STMT_ASSERT, /* values.at[0], message */
    STMT_BROKEN  /* it could not be parsed; targets: what it may have set */
} StmtKind;

struct Stmt {
    StmtKind kind;
    Span span;
    IdentList targets;
    Expr *place;
    ExprList values;
    Expr *stop; /* FOR over numbers: the end of a..b, which is left out; NULL for a list of instances */
    bool remat;
    Block body;
    bool has_else;
    Block otherwise; /* `else if` is a block that holds one STMT_IF and whose span is that of the inner if */
    BindingList bindings;
    const char *message; /* ASSERT; NULL when there is none */
};

/* ---- items: what stands at the top of a file, in modules, and in their `if`s ---- */

/* `fn name[sizes](arguments) -> results`, then `= value` or a block. */
typedef struct Function {
    Ident name; /* name.name is NULL for a module's own call, `fn (x: …)` */
    IdentList sizes;
    FieldList arguments;
    FieldList results;  /* at least one */
    bool named_results; /* -> (a: …, b: …) */
    Expr *value;        /* fn … = value; NULL when there is a block */
    Block body;
} Function;

/* `extern fn name(arguments) -> result from "path" adjoint (partials)`: an elementwise function of the user's in C. A
 * partial names the function that gives the derivative by that argument; none: it has no derivative. */
typedef struct ExternFn {
    Ident name;
    IdentList arguments; /* at least one */
    Ident result;
    IdentList partials;
    Span from, adjoint; /* the words; adjoint.source is NULL without one */
} ExternFn;             /* the path is the item's */

/* `module Name(arguments) { members }` */
typedef struct Module {
    Ident name;
    FieldList arguments;
    ItemList members; /* PARAM STATE USE FN LET ASSERT IF */
} Module;

/* `graph name(arguments) -> (results) { body }`; train with `using optimiser`. */
typedef struct EntryPoint {
    bool train;
    Ident name;
    FieldList arguments, results; /* results: at least one, all named */
    Block body;
    Expr *optimiser; /* train: an EXPR_CALL of a NAME; graph: NULL */
} EntryPoint;        /* `Entry` is the graph's */

/* `param name: type ~ init with decay = false`, and `state name: type ~ init`. */
typedef struct Parameter {
    Ident name;
    Type *type;
    Expr *init; /* a NAME (xavier) or a CALL (normal(0.0, 1.0)); NULL when there is none */
    BindingList attributes;
} Parameter;

/* One of `use name[count] = Module(…)`. */
typedef struct Instance {
    Span span;
    Ident name;
    Expr *count; /* NULL for a single instance */
    Expr *call;  /* an EXPR_CALL of a NAME or FIELD */
} Instance;
typedef VEC(Instance) InstanceList;

/* One of `dim N = 32, T in [16, 32]`: exactly one of value and choices is there. */
typedef struct Size {
    Span span;
    Ident name;
    Expr *value;
    ExprList choices;
} Size;
typedef VEC(Size) SizeList;

/* `if condition { then } else { otherwise }` around items. */
typedef struct Choice {
    Expr *condition;
    ItemList then, otherwise; /* `else if`: otherwise holds one ITEM_IF */
    bool has_else;
    Span otherwise_body; /* from { to } of the else; of the inner item for `else if` */
} Choice;

typedef enum ItemKind {
    ITEM_EDITION, /* tg 1: always the first item of a file */
    ITEM_IMPORT,  /* import path as alias */
    ITEM_EXTERN,  /* external, path */
    ITEM_DIM,     /* sizes */
    ITEM_CONST,   /* bindings */
    ITEM_LET,     /* bindings */
    ITEM_ASSERT,  /* condition, message */
    ITEM_USE,     /* instances */
    ITEM_PARAM,   /* parameter: in modules and at the top */
    ITEM_STATE,   /* parameter */
    ITEM_FN,      /* function */
    ITEM_MODULE,  /* module: at the top */
    ITEM_GRAPH,   /* entry: at the top */
    ITEM_TRAIN,   /* entry: at the top */
    ITEM_IF,      /* choice */
} ItemKind;

struct Item {
    ItemKind kind;
    Span span;
    Span body;            /* from { to } of a module or of an if's first branch */
    const char *path;     /* IMPORT, EXTERN: as written between the quotes */
    Ident alias;          /* IMPORT: name.name NULL without `as` */
    Span place;           /* IMPORT, EXTERN: the string */
    SizeList sizes;       /* DIM */
    BindingList bindings; /* CONST, LET */
    Expr *condition;      /* ASSERT */
    const char *message;  /* ASSERT; NULL when there is none */
    InstanceList instances;
    Parameter *parameter;
    Function *function;
    ExternFn *external;
    Module *module;
    EntryPoint *entry;
    Choice *choice;
};

/* A comment from its # to the end of its line. */
typedef VEC(Span) SpanList;

typedef struct File {
    const Source *source;
    ItemList items;
    SpanList comments; /* in order; only the printer reads them */
    /* After syntax errors: the names in the statements that were skipped, which may be missing elsewhere; and whether
     * more is missing than that, so that nothing can be said about the rest. */
    VEC(const char *) skipped;
    bool lost;
} File;

/* ---- tree.c ---- */

const char *binary_text(BinaryOp op); /* "**" */

/* ---- parse.c (with tokens.c and the grammar) ---- */

/* Reads a whole file. Syntax errors go to `diag`, all of a file in one run; the tree holds what could be parsed.
 * `names`, `source` and the source's text must outlive the tree, whose spans point into it. Never NULL. */
File *lang_parse(Arena *arena, Names *names, Diag *diag, const Source *source);

/* ---- print.c ---- */

/* Writes the file in the one layout: comments, single blank lines and the author's line breaks stay. Printing what was
 * printed changes nothing. Only for a file that was parsed without errors. */
void lang_print(Text *text, const File *file);
void expr_print(Text *text, const Expr *expr); /* on one line, for messages and dumps */
void type_print(Text *text, const Type *type);

#endif
