/* print.c: the tree back to text, in the one layout. It is also `tgc fmt`.
 *
 * In: a file that was parsed without errors. Out: the same file, two spaces per level, one space around operators, none
 * around those inside shapes and slices:
 *   y=x [ 0 : N+1 ]*2   # cut   ->   y = x[0:N+1] * 2  # cut
 * What the author decides stays: comments, single blank lines, line breaks in lists and after operators, blocks on one
 * line, redundant parentheses. Trailing comments of neighbouring lines are aligned.
 *
 * `at` follows the source: it is the end of what was printed last. What lies between it and the next thing tells
 * whether there was a line break, and which comments come now. */
#include "lang/lang.h"

#include <string.h>

enum { CONTINUATION = 2 }; /* levels by which a broken line is further in */

typedef struct Printer {
    Text *text;
    const File *file; /* NULL: on one line, without comments */
    int comment;      /* the next to print */
    uint32_t at;
    int level;
    bool tight;           /* inside a shape or a slice */
    VEC(size_t) trailing; /* where in text a trailing comment begins */
} Printer;

static void print_expr(Printer *printer, const Expr *expr);
static void print_stmt(Printer *printer, const Stmt *stmt);
static void print_item(Printer *printer, const Item *item);

/* ---- lines ---- */

static int newlines_before(const Printer *printer, uint32_t start) {
    int count = 0;
    for (uint32_t i = printer->at; i < start; i++) count += printer->file->source->text[i] == '\n';
    return count;
}

static void new_line(Printer *printer, bool blank) {
    if (printer->text->length == 0) return;
    text_add(printer->text, blank ? "\n\n" : "\n");
    for (int i = 0; i < printer->level; i++) text_add(printer->text, "  ");
}

static bool comment_comes(const Printer *printer, uint32_t start) {
    const SpanList *comments = &printer->file->comments;
    return printer->comment < comments->count && comments->at[printer->comment].start < start;
}

/* Prints the next comment: behind what stands on its line, or on a line of its own. */
static void print_comment(Printer *printer, bool blank_before) {
    Span span = printer->file->comments.at[printer->comment++];
    const char *text = span.source->text;
    int newlines = newlines_before(printer, span.start);
    if (newlines == 0 && printer->text->length > 0) {
        vec_push(printer->text->arena, &printer->trailing, printer->text->length);
        text_add(printer->text, "  ");
    } else {
        new_line(printer, blank_before && newlines > 1);
    }
    if (span.end > printer->at) printer->at = span.end;
    while (span.end > span.start && strchr(" \t\r\v\f", text[span.end - 1])) span.end--;
    text_printf(printer->text, "%.*s", (int)(span.end - span.start), text + span.start);
}

/* Where a new statement begins, at `start` of the source; the first of a block has no blank line before it. */
static void begin_statement(Printer *printer, uint32_t start, bool first) {
    while (comment_comes(printer, start)) {
        uint32_t comment = printer->file->comments.at[printer->comment].start;
        bool own_line = printer->text->length == 0 || newlines_before(printer, comment) > 0;
        print_comment(printer, !first);
        if (own_line) first = false;
    }
    new_line(printer, !first && newlines_before(printer, start) > 1);
}

/* Before something at `start` where the author may break the line. True if it is broken, `levels` further in. */
static bool may_break(Printer *printer, uint32_t start, int levels) {
    if (!printer->file || (!comment_comes(printer, start) && newlines_before(printer, start) == 0)) return false;
    printer->level += levels;
    while (comment_comes(printer, start)) print_comment(printer, false);
    new_line(printer, false);
    printer->level -= levels;
    return true;
}

/* The space behind an operator, a comma or a `=`, or the break that stands in its place. */
static void space_or_break(Printer *printer, Span next) {
    if (!may_break(printer, next.start, CONTINUATION)) text_add(printer->text, " ");
}

/* ---- lists ---- */

/* Separates the items of a list. Its lines are further in once the first item has been broken to a line. */
typedef struct Row {
    Printer *printer;
    int level;
    bool any, broken, tight;
} Row;

static Row row_begin(Printer *printer, const char *open) {
    Row row = {.printer = printer, .level = printer->level, .tight = printer->tight};
    text_add(printer->text, open);
    printer->tight = false;
    return row;
}

static void row_next(Row *row, Span item, bool bracketed) {
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
static void row_end(Row *row, const char *close, Span end) {
    Printer *printer = row->printer;
    printer->level = row->level;
    printer->tight = row->tight;
    if (printer->file && *close) may_break(printer, end.end - 1, 0);
    text_add(printer->text, close);
    if (*close) printer->at = end.end;
}

static void print_ident(Printer *printer, Ident name) {
    text_add(printer->text, name.name);
    printer->at = name.span.end;
}

static void print_idents(Printer *printer, const IdentList *names) {
    for (int i = 0; i < names->count; i++) {
        text_add(printer->text, i ? ", " : "");
        print_ident(printer, names->at[i]);
    }
}

static void print_bindings(Printer *printer, const BindingList *bindings) {
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

static void print_exprs(Printer *printer, const ExprList *exprs, const char *open, const char *close, Span span) {
    Row row = row_begin(printer, open);
    for (int i = 0; i < exprs->count; i++) {
        row_next(&row, exprs->at[i]->span, *open != '\0');
        print_expr(printer, exprs->at[i]);
    }
    row_end(&row, close, span);
}

static void print_type(Printer *printer, const Type *type) {
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
    if (!field->value) return;
    text_add(printer->text, " = ");
    print_expr(printer, field->value);
}

/* The closing bracket's place is not in the tree: the list ends where its last item did. */
static void print_fields(Printer *printer, const FieldList *fields) {
    Row row = row_begin(printer, "(");
    for (int i = 0; i < fields->count; i++) {
        row_next(&row, fields->at[i].span, true);
        print_field(printer, &fields->at[i]);
    }
    row_end(&row, "", (Span){0});
    text_add(printer->text, ")");
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
            text_add(printer->text, " = ");
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

static void print_expr(Printer *printer, const Expr *expr) {
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

/* ---- statements ---- */

/* Braces stay on one line if the author has them so. */
static bool braces_open(Printer *printer, bool empty, Span span) {
    text_add(printer->text, "{");
    printer->at = span.start + 1;
    printer->level++;
    return newlines_before(printer, span.end) == 0 || (empty && !comment_comes(printer, span.end));
}

static void braces_close(Printer *printer, bool one_line, bool empty, Span span) {
    bool first = empty;
    while (!one_line && comment_comes(printer, span.end)) {
        print_comment(printer, !first);
        first = false;
    }
    printer->level--;
    if (!one_line)
        new_line(printer, false);
    else if (!empty)
        text_add(printer->text, " ");
    text_add(printer->text, "}");
    printer->at = span.end;
}

static void braces_next(Printer *printer, bool one_line, bool first, Span next) {
    if (one_line)
        text_add(printer->text, first ? " " : "; ");
    else
        begin_statement(printer, next.start, first);
    printer->at = next.start;
}

static void print_block(Printer *printer, const Block *block) {
    bool empty = block->stmts.count == 0, one_line = braces_open(printer, empty, block->span);
    for (int i = 0; i < block->stmts.count; i++) {
        braces_next(printer, one_line, i == 0, block->stmts.at[i]->span);
        print_stmt(printer, block->stmts.at[i]);
        printer->at = block->stmts.at[i]->span.end;
    }
    braces_close(printer, one_line, empty, block->span);
}

static void print_items(Printer *printer, const ItemList *items, Span span) {
    bool one_line = braces_open(printer, items->count == 0, span);
    for (int i = 0; i < items->count; i++) {
        braces_next(printer, one_line, i == 0, items->at[i]->span);
        print_item(printer, items->at[i]);
        printer->at = items->at[i]->span.end;
    }
    braces_close(printer, one_line, items->count == 0, span);
}

static void print_for(Printer *printer, const Stmt *stmt) {
    text_add(printer->text, "for ");
    print_idents(printer, &stmt->targets);
    text_add(printer->text, " in ");
    print_expr(printer, stmt->values.at[0]);
    if (stmt->stop) {
        text_add(printer->text, "..");
        print_expr(printer, stmt->stop);
    }
    text_add(printer->text, stmt->remat ? " remat " : " ");
    print_block(printer, &stmt->body);
}

static void print_if(Printer *printer, const Stmt *stmt) {
    text_add(printer->text, "if ");
    print_expr(printer, stmt->values.at[0]);
    text_add(printer->text, " ");
    print_block(printer, &stmt->body);
    if (!stmt->has_else) return;
    text_add(printer->text, " else ");
    const Block *otherwise = &stmt->otherwise;
    if (otherwise->stmts.count == 1 && otherwise->span.start == otherwise->stmts.at[0]->span.start)
        print_if(printer, otherwise->stmts.at[0]);
    else
        print_block(printer, otherwise);
}

static void print_assert(Printer *printer, const Expr *condition, const char *message) {
    text_add(printer->text, "assert ");
    print_expr(printer, condition);
    if (message) text_printf(printer->text, ", \"%s\"", message);
}

static void print_stmt(Printer *printer, const Stmt *stmt) {
    switch (stmt->kind) {
    case STMT_ASSIGN:
    case STMT_WRITE:
        if (stmt->kind == STMT_ASSIGN)
            print_idents(printer, &stmt->targets);
        else
            print_expr(printer, stmt->place);
        text_add(printer->text, stmt->kind == STMT_ASSIGN ? " =" : " :=");
        space_or_break(printer, stmt->values.at[0]->span);
        print_expr(printer, stmt->values.at[0]);
        break;
    case STMT_RETURN:
        text_add(printer->text, "return ");
        print_exprs(printer, &stmt->values, "", "", stmt->span);
        break;
    case STMT_FOR:
        print_for(printer, stmt);
        break;
    case STMT_IF:
        print_if(printer, stmt);
        break;
    case STMT_LET:
        text_add(printer->text, "let ");
        print_bindings(printer, &stmt->bindings);
        break;
    case STMT_ASSERT:
        print_assert(printer, stmt->values.at[0], stmt->message);
        break;
    }
}

/* ---- items ---- */

static void print_function(Printer *printer, const Function *function) {
    text_add(printer->text, "fn ");
    if (function->name.name) print_ident(printer, function->name);
    if (function->sizes.count) {
        text_add(printer->text, "[");
        print_idents(printer, &function->sizes);
        text_add(printer->text, "]");
    }
    print_fields(printer, &function->arguments);
    text_add(printer->text, " -> ");
    if (function->named_results)
        print_fields(printer, &function->results);
    else
        print_type(printer, function->results.at[0].type);
    if (function->value) {
        text_add(printer->text, " =");
        space_or_break(printer, function->value->span);
        print_expr(printer, function->value);
    } else {
        text_add(printer->text, " ");
        print_block(printer, &function->body);
    }
}

static void print_entry(Printer *printer, const EntryPoint *entry) {
    text_add(printer->text, entry->train ? "train " : "graph ");
    print_ident(printer, entry->name);
    print_fields(printer, &entry->arguments);
    text_add(printer->text, " -> ");
    print_fields(printer, &entry->results);
    text_add(printer->text, " ");
    print_block(printer, &entry->body);
    if (!entry->optimiser) return;
    text_add(printer->text, " using ");
    print_expr(printer, entry->optimiser);
}

static void print_module(Printer *printer, const Item *item) {
    text_add(printer->text, "module ");
    print_ident(printer, item->module->name);
    print_fields(printer, &item->module->arguments);
    text_add(printer->text, " ");
    print_items(printer, &item->module->members, item->body);
}

static void print_choice(Printer *printer, const Item *item) {
    const Choice *choice = item->choice;
    text_add(printer->text, "if ");
    print_expr(printer, choice->condition);
    text_add(printer->text, " ");
    print_items(printer, &choice->then, item->body);
    if (!choice->has_else) return;
    text_add(printer->text, " else ");
    if (choice->otherwise.count == 1 && choice->otherwise.at[0]->span.start == choice->otherwise_body.start)
        print_choice(printer, choice->otherwise.at[0]);
    else
        print_items(printer, &choice->otherwise, choice->otherwise_body);
}

static void print_parameter(Printer *printer, const Parameter *parameter, const char *word) {
    text_printf(printer->text, "%s ", word);
    print_ident(printer, parameter->name);
    text_add(printer->text, ": ");
    print_type(printer, parameter->type);
    if (parameter->init) {
        text_add(printer->text, " ~");
        space_or_break(printer, parameter->init->span);
        print_expr(printer, parameter->init);
    }
    if (parameter->attributes.count == 0) return;
    if (!may_break(printer, parameter->attributes.at[0].span.start, CONTINUATION)) text_add(printer->text, " ");
    text_add(printer->text, "with ");
    print_bindings(printer, &parameter->attributes);
}

static void print_sizes(Printer *printer, const SizeList *sizes) {
    Row row = row_begin(printer, "dim ");
    for (int i = 0; i < sizes->count; i++) {
        const Size *size = &sizes->at[i];
        row_next(&row, size->span, false);
        print_ident(printer, size->name);
        if (size->value) {
            text_add(printer->text, " = ");
            print_expr(printer, size->value);
        } else {
            text_add(printer->text, " in ");
            print_exprs(printer, &size->choices, "[", "]", size->span);
        }
    }
    row_end(&row, "", (Span){0});
}

static void print_instances(Printer *printer, const InstanceList *instances) {
    Row row = row_begin(printer, "use ");
    for (int i = 0; i < instances->count; i++) {
        const Instance *instance = &instances->at[i];
        row_next(&row, instance->span, false);
        print_ident(printer, instance->name);
        if (instance->count) {
            text_add(printer->text, "[");
            print_expr(printer, instance->count);
            text_add(printer->text, "]");
        }
        text_add(printer->text, " = ");
        print_expr(printer, instance->call);
    }
    row_end(&row, "", (Span){0});
}

static void print_item(Printer *printer, const Item *item) {
    switch (item->kind) {
    case ITEM_EDITION:
        text_add(printer->text, "tg 1");
        break;
    case ITEM_IMPORT:
        text_printf(printer->text, "import \"%s\"", item->path);
        if (item->alias.name) text_printf(printer->text, " as %s", item->alias.name);
        break;
    case ITEM_DIM:
        print_sizes(printer, &item->sizes);
        break;
    case ITEM_CONST:
    case ITEM_LET:
        text_add(printer->text, item->kind == ITEM_CONST ? "const " : "let ");
        print_bindings(printer, &item->bindings);
        break;
    case ITEM_ASSERT:
        print_assert(printer, item->condition, item->message);
        break;
    case ITEM_USE:
        print_instances(printer, &item->instances);
        break;
    case ITEM_PARAM:
        print_parameter(printer, item->parameter, "param");
        break;
    case ITEM_STATE:
        print_parameter(printer, item->parameter, "state");
        break;
    case ITEM_FN:
        print_function(printer, item->function);
        break;
    case ITEM_MODULE:
        print_module(printer, item);
        break;
    case ITEM_GRAPH:
    case ITEM_TRAIN:
        print_entry(printer, item->entry);
        break;
    case ITEM_IF:
        print_choice(printer, item);
        break;
    }
}

/* ---- the whole ---- */

static size_t characters(const char *from, const char *to) {
    size_t count = 0;
    for (; from < to; from++) count += ((unsigned char)*from & 0xC0) != 0x80;
    return count;
}

static size_t line_start(const char *text, size_t at) {
    while (at > 0 && text[at - 1] != '\n') at--;
    return at;
}

/* Copies `from`, with the trailing comments of lines that follow one another in one column. */
static void align_comments(Text *to, const Printer *printer) {
    const char *from = printer->text->at;
    size_t copied = 0;
    for (int i = 0, end; i < printer->trailing.count; i = end) {
        size_t widest = 0;
        for (end = i; end < printer->trailing.count; end++) {
            size_t at = printer->trailing.at[end], start = line_start(from, at);
            if (end > i && start != line_start(from, start - 1) &&
                line_start(from, start - 1) != line_start(from, printer->trailing.at[end - 1]))
                break;
            size_t width = characters(from + start, from + at);
            if (width > widest) widest = width;
        }
        for (int k = i; k < end; k++) {
            size_t at = printer->trailing.at[k];
            size_t width = characters(from + line_start(from, at), from + at);
            text_add(to, arena_strndup(to->arena, from + copied, at - copied));
            text_printf(to, "%*s", (int)(widest - width), "");
            copied = at;
        }
    }
    text_add(to, from + copied);
}

void lang_print(Text *text, const File *file) {
    Text plain;
    text_init(&plain, text->arena);
    Printer printer = {.text = &plain, .file = file};
    for (int i = 0; i < file->items.count; i++) {
        begin_statement(&printer, file->items.at[i]->span.start, i == 0);
        printer.at = file->items.at[i]->span.start;
        print_item(&printer, file->items.at[i]);
        printer.at = file->items.at[i]->span.end;
    }
    while (printer.comment < file->comments.count) print_comment(&printer, true);
    if (plain.length) text_add(&plain, "\n");
    align_comments(text, &printer);
}

void expr_print(Text *text, const Expr *expr) {
    Printer printer = {.text = text};
    print_expr(&printer, expr);
}

void type_print(Text *text, const Type *type) {
    Printer printer = {.text = text};
    print_type(&printer, type);
}
