/* print_expr.c: expressions, types and lists back to text, and the rules for lines and comments.
 *
 * In: a node and where the printer is. Out: its text, with one space around operators and none inside shapes and
 * slices: x [ 0 : N+1 ]*2   ->   x[0:N+1] * 2 `at` follows the source: it is the end of what was printed last. What
 * lies between it and the next thing tells whether there was a line break, and which comments come now. */
#include "lang/print.h"

#include <string.h>

/* ---- lines ---- */

int newlines_before(const Printer *printer, uint32_t start) {
    int count = 0;
    for (uint32_t i = printer->at; i < start; i++) count += printer->file->source->text[i] == '\n';
    return count;
}

void new_line(Printer *printer, bool blank) {
    if (printer->text->length == 0) return;
    text_add(printer->text, blank ? "\n\n" : "\n");
    for (int i = 0; i < printer->level; i++) text_add(printer->text, "  ");
}

bool comment_comes(const Printer *printer, uint32_t start) {
    const SpanList *comments = &printer->file->comments;
    return printer->comment < comments->count && comments->at[printer->comment].start < start;
}

/* Prints the next comment: behind what stands on its line, or on a line of its own. */
void print_comment(Printer *printer, bool blank_before) {
    Span span = printer->file->comments.at[printer->comment++];
    const char *text = span.source->text;
    int newlines = newlines_before(printer, span.start);
    bool behind_comment = printer->comment_end == printer->text->length; /* which ends its line */
    if (newlines == 0 && printer->text->length > 0 && !behind_comment) {
        vec_push(printer->text->arena, &printer->trailing, printer->text->length);
        text_add(printer->text, "  ");
    } else {
        new_line(printer, blank_before && newlines > 1);
    }
    if (span.end > printer->at) printer->at = span.end;
    while (span.end > span.start && strchr(" \t\r\v\f", text[span.end - 1])) span.end--;
    text_printf(printer->text, "%.*s", (int)(span.end - span.start), text + span.start);
    printer->comment_end = printer->text->length;
}

/* Where a new statement begins, at `start` of the source; the first of a block has no blank line before it. */
void begin_statement(Printer *printer, uint32_t start, bool first) {
    while (comment_comes(printer, start)) {
        uint32_t comment = printer->file->comments.at[printer->comment].start;
        bool own_line = printer->text->length == 0 || newlines_before(printer, comment) > 0;
        print_comment(printer, !first);
        if (own_line) first = false;
    }
    new_line(printer, !first && newlines_before(printer, start) > 1);
}

/* Before something at `start` where the author may break the line. True if it is broken, `levels` further in. */
bool may_break(Printer *printer, uint32_t start, int levels) {
    if (!printer->file || (!comment_comes(printer, start) && newlines_before(printer, start) == 0)) return false;
    printer->level += levels;
    while (comment_comes(printer, start)) print_comment(printer, false);
    new_line(printer, false);
    printer->level -= levels;
    printer->at = start; /* the line ends up to here are spent */
    return true;
}

/* The space behind an operator, a comma or a `=`, or the break that stands in its place. */
void space_or_break(Printer *printer, Span next) {
    if (!may_break(printer, next.start, CONTINUATION)) text_add(printer->text, " ");
}

/* ---- lists ---- */

Row row_begin(Printer *printer, const char *open) {
    Row row = {.printer = printer, .level = printer->level, .tight = printer->tight};
    text_add(printer->text, open);
    printer->tight = false;
    return row;
}

void row_next(Row *row, Span item, bool bracketed) {
    Printer *printer = row->printer;
    if (row->any) text_add(printer->text, ",");
    if (row->any || bracketed) {
        if (may_break(printer, item.start, row->broken ? 0 : CONTINUATION)) {
            if (!row->broken) printer->level += CONTINUATION;
            row->broken = true;
        } else if (row->any) {
            text_add(printer->text, " ");
        }
    }
    row->any = true;
}

/* `end` is the span of which the closing bracket is the last byte. */
void row_end(Row *row, const char *close, Span end) {
    Printer *printer = row->printer;
    printer->level = row->level;
    printer->tight = row->tight;
    if (printer->file && *close) may_break(printer, end.end - 1, 0);
    text_add(printer->text, close);
    if (*close) printer->at = end.end;
}

void print_ident(Printer *printer, Ident name) {
    text_add(printer->text, name.name);
    printer->at = name.span.end;
}

void print_idents(Printer *printer, const IdentList *names) {
    for (int i = 0; i < names->count; i++) {
        text_add(printer->text, i ? ", " : "");
        print_ident(printer, names->at[i]);
    }
}

void print_bindings(Printer *printer, const BindingList *bindings) {
    Row row = row_begin(printer, "");
    for (int i = 0; i < bindings->count; i++) {
        row_next(&row, bindings->at[i].span, false);
        print_ident(printer, bindings->at[i].name);
        text_add(printer->text, " =");
        space_or_break(printer, bindings->at[i].value->span);
        print_expr(printer, bindings->at[i].value);
    }
    row_end(&row, "", (Span){0});
}

void print_exprs(Printer *printer, const ExprList *exprs, const char *open, const char *close, Span span) {
    Row row = row_begin(printer, open);
    for (int i = 0; i < exprs->count; i++) {
        row_next(&row, exprs->at[i]->span, *open != '\0');
        print_expr(printer, exprs->at[i]);
    }
    row_end(&row, close, span);
}

void print_type(Printer *printer, const Type *type) {
    if (type->element.name) print_ident(printer, type->element);
    Row row = row_begin(printer, "[");
    for (int i = 0; i < type->dims.count; i++) {
        const Dim *dim = &type->dims.at[i];
        row_next(&row, dim->span, true);
        printer->tight = true;
        if (dim->size)
            print_expr(printer, dim->size);
        else
            text_add(printer->text, "..");
        printer->at = dim->span.end;
    }
    row_end(&row, "]", type->span);
}

static void print_field(Printer *printer, const Field *field) {
    if (field->name.name) print_ident(printer, field->name);
    if (field->name.name && field->type) text_add(printer->text, ": ");
    if (field->type) print_type(printer, field->type);
    if (!field->value && !field->pad) return;
    text_add(printer->text, field->pad ? " pad " : " = ");
    print_expr(printer, field->pad ? field->pad : field->value);
}

/* The place of a list's `)` is not in the tree: what is printed moves on behind the next one in the source. */
static void pass_parenthesis(Printer *printer) {
    if (!printer->file) return;
    const Source *source = printer->file->source;
    bool comment = false;
    for (uint32_t i = printer->at; i < source->size; i++) {
        comment = source->text[i] == '#' || (comment && source->text[i] != '\n');
        if (comment || source->text[i] != ')') continue;
        printer->at = i + 1;
        return;
    }
}

void print_fields(Printer *printer, const FieldList *fields) {
    Row row = row_begin(printer, "(");
    for (int i = 0; i < fields->count; i++) {
        row_next(&row, fields->at[i].span, true);
        print_field(printer, &fields->at[i]);
    }
    row_end(&row, "", (Span){0});
    text_add(printer->text, ")");
    pass_parenthesis(printer);
}

/* ---- expressions ---- */

static void print_binary(Printer *printer, const Expr *expr) {
    bool word = expr->binary == BINARY_AND || expr->binary == BINARY_OR;
    const char *op = binary_text(expr->binary);
    print_expr(printer, expr->left);
    if (printer->tight && !word) {
        text_add(printer->text, op);
    } else {
        text_printf(printer->text, " %s", op);
        printer->at = expr->at.end;
        space_or_break(printer, expr->right->span);
    }
    print_expr(printer, expr->right);
}

static void print_arguments(Printer *printer, const Expr *call) {
    Row row = row_begin(printer, "(");
    for (int i = 0; i < call->arguments.count; i++) {
        const Argument *argument = &call->arguments.at[i];
        row_next(&row, argument->span, true);
        if (argument->name.name) {
            print_ident(printer, argument->name);
            text_add(printer->text, " =");
            space_or_break(printer, argument->value->span);
        }
        print_expr(printer, argument->value);
    }
    row_end(&row, ")", call->span);
}

static void print_indices(Printer *printer, const Expr *expr, Span span) {
    Row row = row_begin(printer, "[");
    for (int i = 0; i < expr->indices.count; i++) {
        const Index *index = &expr->indices.at[i];
        row_next(&row, index->span, true);
        printer->tight = index->kind == INDEX_RANGE;
        if (index->start) print_expr(printer, index->start);
        if (index->kind == INDEX_RANGE) text_add(printer->text, ":");
        if (index->kind == INDEX_REST) text_add(printer->text, "..");
        if (index->stop) print_expr(printer, index->stop);
        printer->at = index->span.end;
    }
    row_end(&row, "]", span);
}

static void print_bare(Printer *printer, const Expr *expr, Span span) {
    Text *text = printer->text;
    switch (expr->kind) {
    case EXPR_NUMBER:
        text_add(text, expr->text);
        break;
    case EXPR_BOOL:
        text_add(text, expr->number != 0 ? "true" : "false");
        break;
    case EXPR_STRING:
        text_printf(text, "\"%s\"", expr->text);
        break;
    case EXPR_NAME:
        text_add(text, expr->name);
        break;
    case EXPR_UNARY:
        text_add(text, expr->unary == UNARY_NOT ? "not " : "-");
        print_expr(printer, expr->left);
        break;
    case EXPR_BINARY:
        print_binary(printer, expr);
        break;
    case EXPR_LIST:
        print_exprs(printer, &expr->items, "[", "]", span);
        break;
    case EXPR_CALL:
        print_expr(printer, expr->left);
        print_arguments(printer, expr);
        break;
    case EXPR_INDEX:
        print_expr(printer, expr->left);
        print_indices(printer, expr, span);
        break;
    case EXPR_FIELD:
        print_expr(printer, expr->left);
        if (expr->left->kind == EXPR_NUMBER && !expr->left->parens) text_add(text, " "); /* 0.T is no number */
        text_printf(text, ".%s", expr->name);
        break;
    case EXPR_AS:
    case EXPR_TO:
        print_expr(printer, expr->left);
        text_add(text, expr->kind == EXPR_AS ? " as " : " to ");
        print_type(printer, expr->type);
        break;
    }
}

void print_expr(Printer *printer, const Expr *expr) {
    bool tight = printer->tight;
    if (expr->parens) {
        printer->tight = false;
        text_add(printer->text, "(");
    }
    print_bare(printer, expr, expr->parens ? expr->inside : expr->span);
    if (expr->parens) text_add(printer->text, ")");
    printer->tight = tight;
    printer->at = expr->span.end;
}

void expr_print(Text *text, const Expr *expr) {
    Printer printer = {.text = text};
    print_expr(&printer, expr);
}

void type_print(Text *text, const Type *type) {
    Printer printer = {.text = text};
    print_type(&printer, type);
}
