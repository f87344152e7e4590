/* print.h: what the two halves of the printer share: where it is in the source, and lines, lists and expressions.
 * Private to lang/. */
#ifndef TGC_LANG_PRINT_H
#define TGC_LANG_PRINT_H

#include "lang/lang.h"

enum { CONTINUATION = 2 }; /* levels by which a broken line is further in */

typedef struct Printer {
    Text *text;
    const File *file; /* NULL: on one line, without comments */
    int comment;      /* the next to print */
    uint32_t at;
    int level;
    bool tight;           /* inside a shape or a slice */
    VEC(size_t) trailing; /* where in text a trailing comment begins */
    size_t comment_end;   /* where in text the last comment ends */
} Printer;

/* Separates the items of a list. Its lines are further in once the first item has been broken to a line. */
typedef struct Row {
    Printer *printer;
    int level;
    bool any, broken, tight;
} Row;

void new_line(Printer *printer, bool blank);
bool comment_comes(const Printer *printer, uint32_t start);
/* Prints the next comment: behind what stands on its line, or on a line of its own. */
void print_comment(Printer *printer, bool blank_before);
/* Where a new statement begins, at `start` of the source; the first of a block has no blank line before it. */
void begin_statement(Printer *printer, uint32_t start, bool first);
/* Before something at `start` where the author may break the line. True if it is broken, `levels` further in. */
bool may_break(Printer *printer, uint32_t start, int levels);
/* The space behind an operator, a comma or a `=`, or the break that stands in its place. */
void space_or_break(Printer *printer, Span next);
int newlines_before(const Printer *printer, uint32_t start);
Row row_begin(Printer *printer, const char *open);
void row_next(Row *row, Span item, bool bracketed);
/* `end` is the span of which the closing bracket is the last byte. */
void row_end(Row *row, const char *close, Span end);
void print_ident(Printer *printer, Ident name);
void print_idents(Printer *printer, const IdentList *names);
void print_bindings(Printer *printer, const BindingList *bindings);
void print_exprs(Printer *printer, const ExprList *exprs, const char *open, const char *close, Span span);
void print_type(Printer *printer, const Type *type);
void print_fields(Printer *printer, const FieldList *fields);
void print_expr(Printer *printer, const Expr *expr);

#endif
