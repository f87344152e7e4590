/* print.c: the tree back to text, in the one layout. It is also `tgc fmt`.
 *
 * In: a file that was parsed without errors. Out: the same file, two spaces per level:
 *   graph f ( x:[N] )->( y:[N] ) {y=x [0:N]*2} # cut   ->   graph f(x: [N]) -> (y: [N]) { y = x[0:N] * 2 }  # cut
 * What the author decides stays: comments, single blank lines, line breaks in lists and after operators, blocks on one
 * line, redundant parentheses. Trailing comments of neighbouring lines are aligned. */
#include "lang/print.h"

static void print_stmt(Printer *printer, const Stmt *stmt);
static void print_item(Printer *printer, const Item *item);

/* ---- statements ---- */

/* Braces stay on one line if the author has them so and no comment comes before their end. */
static bool braces_open(Printer *printer, bool empty, Span span) {
    text_add(printer->text, "{");
    printer->at = span.start + 1;
    printer->level++;
    return !comment_comes(printer, span.end) && (empty || newlines_before(printer, span.end) == 0);
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
    case STMT_BROKEN:
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

/* extern fn hypot(a, b) -> c from "geometry.h" adjoint (by_a, by_b) */
static void print_extern(Printer *printer, const Item *item) {
    const ExternFn *external = item->external;
    text_add(printer->text, "extern fn ");
    print_ident(printer, external->name);
    text_add(printer->text, "(");
    print_idents(printer, &external->arguments);
    text_add(printer->text, ") -> ");
    print_ident(printer, external->result);
    if (!may_break(printer, external->from.start, CONTINUATION)) text_add(printer->text, " ");
    text_printf(printer->text, "from \"%s\"", item->path);
    if (external->partials.count == 0) return;
    if (!may_break(printer, external->adjoint.start, CONTINUATION)) text_add(printer->text, " ");
    text_add(printer->text, external->partials.count > 1 ? "adjoint (" : "adjoint ");
    print_idents(printer, &external->partials);
    if (external->partials.count > 1) text_add(printer->text, ")");
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
    case ITEM_EXTERN:
        print_extern(printer, item);
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
