/* parse.h: what the scanner, the layout of lines, the grammar and the builders of the tree share. Private to lang/.
 *
 *   text --tg.l--> tokens --tokens.c--> tokens with ends of statements --tg.y and tree.c--> File
 *
 * The whole file is scanned before parsing, so that line rules and messages can look either way. */
#ifndef TGC_LANG_PARSE_H
#define TGC_LANG_PARSE_H

#include "lang/lang.h"

typedef struct Token {
    int kind; /* a token of tg.tab.h */
    uint32_t start, end;
    bool first;       /* of its line */
    double number;    /* INT, FLOAT */
    const char *text; /* names, numbers, strings without quotes */
} Token;
typedef VEC(Token) TokenList;

/* What the statements in a pair of braces may be. */
typedef enum Place { PLACE_TOP, PLACE_MODULE, PLACE_FUNCTION } Place;

/* A bracket or brace that is open. */
typedef struct Open {
    int token;     /* its index */
    int statement; /* a brace's: the first token of its statement */
    Place place;   /* a brace's */
} Open;

typedef struct Parse {
    Arena *arena;
    Names *names;
    Diag *diag;
    const Source *source;
    File *file;
    TokenList tokens; /* ends with YYEOF */

    /* tokens.c: where the layout is */
    int next;       /* the token to read */
    int given;      /* the token that the parser was given last */
    int given_kind; /* what it was given: also ';' and '}' that nobody wrote; YYEOF at the start */
    int statement;  /* the first token of this statement */
    int header;     /* the word that will open a brace (module fn graph train for if else), until it comes; or -1 */
    int unclosed;   /* a bracket still open where this statement ended, or -1 */
    int closing;    /* braces that nobody closed, to be closed before the next token */
    bool end_now;   /* after an error: the statement ends here */
    bool stopped;   /* nested too deeply: the rest is not read */
    int recovered;  /* errors behind which parsing went on with the next statement */
    int broken, broken_end; /* the tokens skipped last */
    int depth;
    Open open[LANG_NESTING];
} Parse;

/* ---- tg.l ---- */

void scan_tokens(Parse *parse);

/* ---- tokens.c ---- */

typedef union YYSTYPE YYSTYPE;

int tokens_next(YYSTYPE *value, Span *at, Parse *parse); /* the parser's yylex */
void tokens_recover(Parse *parse);                       /* after an error at the token given last: where to go on */
Stmt *stmt_broken(Parse *parse, Span span);              /* of what was skipped last */
bool token_is_word(int kind);                            /* a word of the language */
bool token_is_statement(int kind);                       /* a word that begins a statement */
bool token_continues(int kind);                          /* no statement ends after it */
bool token_names(const Parse *parse, int token);         /* a word that stands where a name should */
Span token_span(const Parse *parse, int token);
int token_bracket(const Parse *parse); /* the innermost bracket open since the last brace, or -1 */

/* ---- report.c ---- */

/* One message for an error at the token given last; `expected`: names of tokens as in tg.y. */
void report_syntax(Parse *parse, const char *const *expected, int count);
void report_brace(Parse *parse, const Open *open, int before); /* not closed before that token */
void report_nesting(Parse *parse, Span at);

/* ---- tree.c ---- */

Expr *expr_new(Parse *parse, ExprKind kind, Span span);
Expr *expr_number(Parse *parse, const Token *token, Span span);
Expr *expr_named(Parse *parse, Ident name);
Expr *expr_unary(Parse *parse, UnaryOp op, Expr *operand, Span at, Span span);
Expr *expr_binary(Parse *parse, BinaryOp op, Expr *left, Expr *right, Span at, Span span);
Expr *expr_call(Parse *parse, Expr *callee, const ArgumentList *arguments, Span span);
Expr *expr_index(Parse *parse, Expr *base, const IndexList *indices, Span span);
Expr *expr_field(Parse *parse, Expr *base, Ident name, Span span);
Expr *expr_shaped(Parse *parse, ExprKind kind, Expr *base, Type *type, Span at, Span span);
Expr *expr_list(Parse *parse, const ExprList *items, Span span);

Expr *expr_inf(Parse *parse, Span span);

Stmt *stmt_new(Parse *parse, StmtKind kind, Span span);
Stmt *stmt_assign(Parse *parse, const ExprList *targets, Expr *value, Span span);
Stmt *stmt_write(Parse *parse, const ExprList *targets, Expr *value, Span span);
Stmt *stmt_if(Parse *parse, Expr *condition, Block then, const Block *otherwise, Span span);
Stmt *stmt_assert(Parse *parse, Expr *condition, const char *message, Span span);

Item *item_new(Parse *parse, ItemKind kind, Span span);
Item *item_entry(Parse *parse, ItemKind kind, Ident name, const FieldList *arguments, const FieldList *results,
                 Block body, Span span);
void item_optimiser(Parse *parse, Item *item, Expr *optimiser);        /* NULL: none was named */
void item_add(Parse *parse, ItemList *items, Item *item, Place place); /* an error if it may not stand there */
void check_unpadded(Parse *parse, const FieldList *fields);            /* `pad` is for the inputs of `train` */
void check_module_arguments(Parse *parse, const FieldList *arguments);
void check_instance(Parse *parse, const Instance *instance);
void check_init(Parse *parse, const Expr *init);
void check_said(Parse *parse, Ident said, const char *word); /* `from` or `pad`, where a name was read */

#endif
