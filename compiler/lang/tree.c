/* tree.c: builds the nodes of the tree, and reports what the grammar lets through but the language does not.
 *
 * In: the parts of a node and its span. Out: the node, with its depth. `3 = x`, a train without `using`, a graph inside
 * a module come here as sentences of the grammar, because their own message says more than "unexpected". */
#include "lang/parse.h"

#include <math.h>
#include <string.h>

static const char *const binary_texts[] = {
    [BINARY_ADD] = "+",    [BINARY_SUB] = "-",  [BINARY_MUL] = "*", [BINARY_DIV] = "/",   [BINARY_MOD] = "%",
    [BINARY_MATMUL] = "@", [BINARY_POW] = "**", [BINARY_LT] = "<",  [BINARY_LE] = "<=",   [BINARY_GT] = ">",
    [BINARY_GE] = ">=",    [BINARY_EQ] = "==",  [BINARY_NE] = "!=", [BINARY_AND] = "and", [BINARY_OR] = "or",
};

const char *binary_text(BinaryOp op) {
    return binary_texts[op];
}

/* ---- expressions ---- */

Expr *expr_new(Parse *parse, ExprKind kind, Span span) {
    Expr *expr = NEW(parse->arena, Expr);
    *expr = (Expr){.kind = kind, .span = span, .inside = span, .at = span, .depth = 1};
    return expr;
}

static void deepen(Expr *expr, const Expr *child) {
    if (child && child->depth >= expr->depth) expr->depth = child->depth + 1;
}

/* The finished node, or an empty one in its place when it is too deep for whoever walks the tree. */
static Expr *finish(Parse *parse, Expr *expr) {
    if (expr->depth <= LANG_DEPTH) return expr;
    report_nesting(parse, expr->at);
    return expr_new(parse, EXPR_NUMBER, expr->span);
}

Expr *expr_number(Parse *parse, const Token *token, Span span) {
    Expr *expr = expr_new(parse, EXPR_NUMBER, span);
    expr->number = token->number;
    expr->text = token->text;
    return expr;
}

Expr *expr_inf(Parse *parse, Span span) {
    Expr *expr = expr_new(parse, EXPR_NUMBER, span);
    expr->number = INFINITY;
    expr->text = "inf";
    return expr;
}

Expr *expr_named(Parse *parse, Ident name) {
    Expr *expr = expr_new(parse, EXPR_NAME, name.span);
    expr->name = name.name;
    return expr;
}

Expr *expr_unary(Parse *parse, UnaryOp op, Expr *operand, Span at, Span span) {
    Expr *expr = expr_new(parse, EXPR_UNARY, span);
    expr->unary = op;
    expr->left = operand;
    expr->at = at;
    deepen(expr, operand);
    return finish(parse, expr);
}

Expr *expr_binary(Parse *parse, BinaryOp op, Expr *left, Expr *right, Span at, Span span) {
    Expr *expr = expr_new(parse, EXPR_BINARY, span);
    expr->binary = op;
    expr->left = left;
    expr->right = right;
    expr->at = at;
    deepen(expr, left);
    deepen(expr, right);
    return finish(parse, expr);
}

Expr *expr_call(Parse *parse, Expr *callee, const ArgumentList *arguments, Span span) {
    Expr *expr = expr_new(parse, EXPR_CALL, span);
    expr->left = callee;
    expr->at = callee->span;
    expr->arguments = *arguments;
    deepen(expr, callee);
    for (int i = 0; i < arguments->count; i++) deepen(expr, arguments->at[i].value);
    return finish(parse, expr);
}

Expr *expr_index(Parse *parse, Expr *base, const IndexList *indices, Span span) {
    Expr *expr = expr_new(parse, EXPR_INDEX, span);
    expr->left = base;
    expr->indices = *indices;
    deepen(expr, base);
    for (int i = 0; i < indices->count; i++) {
        deepen(expr, indices->at[i].start);
        deepen(expr, indices->at[i].stop);
    }
    return finish(parse, expr);
}

Expr *expr_field(Parse *parse, Expr *base, Ident name, Span span) {
    Expr *expr = expr_new(parse, EXPR_FIELD, span);
    expr->left = base;
    expr->name = name.name;
    expr->at = name.span;
    deepen(expr, base);
    return finish(parse, expr);
}

Expr *expr_shaped(Parse *parse, ExprKind kind, Expr *base, Type *type, Span at, Span span) {
    Expr *expr = expr_new(parse, kind, span);
    expr->left = base;
    expr->type = type;
    expr->at = at;
    deepen(expr, base);
    for (int i = 0; i < type->dims.count; i++) deepen(expr, type->dims.at[i].size);
    return finish(parse, expr);
}

Expr *expr_list(Parse *parse, const ExprList *items, Span span) {
    Expr *expr = expr_new(parse, EXPR_LIST, span);
    expr->items = *items;
    for (int i = 0; i < items->count; i++) deepen(expr, items->at[i]);
    return finish(parse, expr);
}

/* ---- statements ---- */

Stmt *stmt_new(Parse *parse, StmtKind kind, Span span) {
    Stmt *stmt = NEW(parse->arena, Stmt);
    stmt->kind = kind;
    stmt->span = span;
    return stmt;
}

Stmt *stmt_assign(Parse *parse, const ExprList *targets, Expr *value, Span span) {
    Stmt *stmt = stmt_new(parse, STMT_ASSIGN, span);
    vec_push(parse->arena, &stmt->values, value);
    for (int i = 0; i < targets->count; i++) {
        const Expr *target = targets->at[i];
        if (target->kind != EXPR_NAME || target->parens) {
            Message *message = diag_error(parse->diag, target->span, E0111, "only names stand left of `=`");
            if (target->kind == EXPR_INDEX) diag_help(message, "values do not change; a state is written with `:=`");
            continue;
        }
        vec_push(parse->arena, &stmt->targets, ((Ident){target->name, target->span}));
    }
    return stmt;
}

static bool is_place(const Expr *expr) {
    if (expr->kind == EXPR_INDEX) expr = expr->left;
    while (expr->kind == EXPR_FIELD) expr = expr->left;
    return expr->kind == EXPR_NAME;
}

Stmt *stmt_write(Parse *parse, const ExprList *targets, Expr *value, Span span) {
    Stmt *stmt = stmt_new(parse, STMT_WRITE, span);
    stmt->place = targets->at[0];
    vec_push(parse->arena, &stmt->values, value);
    if (targets->count > 1 || !is_place(stmt->place)) {
        Message *message =
            diag_error(parse->diag, stmt->place->span, E0111, "only one state, or a part of it, stands left of `:=`");
        diag_help(message, "write name[:, p:p+1] := value");
    }
    return stmt;
}

Stmt *stmt_if(Parse *parse, Expr *condition, Block then, const Block *otherwise, Span span) {
    Stmt *stmt = stmt_new(parse, STMT_IF, span);
    vec_push(parse->arena, &stmt->values, condition);
    stmt->body = then;
    stmt->has_else = otherwise != NULL;
    if (otherwise) stmt->otherwise = *otherwise;
    return stmt;
}

Stmt *stmt_assert(Parse *parse, Expr *condition, const char *message, Span span) {
    Stmt *stmt = stmt_new(parse, STMT_ASSERT, span);
    vec_push(parse->arena, &stmt->values, condition);
    stmt->message = message;
    return stmt;
}

/* ---- items ---- */

/* Where each item may stand, and its word. */
static const struct {
    const char *word;
    bool in_module, in_if;
} item_rules[] = {
    [ITEM_EDITION] = {"tg", false, false},    [ITEM_IMPORT] = {"import", false, false},
    [ITEM_EXTERN] = {"extern", false, false}, [ITEM_DIM] = {"dim", false, true},
    [ITEM_CONST] = {"const", false, true},    [ITEM_LET] = {"let", true, true},
    [ITEM_ASSERT] = {"assert", true, true},   [ITEM_USE] = {"use", true, true},
    [ITEM_PARAM] = {"param", true, true},     [ITEM_STATE] = {"state", true, true},
    [ITEM_FN] = {"fn", true, true},           [ITEM_MODULE] = {"module", false, true},
    [ITEM_GRAPH] = {"graph", false, true},    [ITEM_TRAIN] = {"train", false, true},
    [ITEM_IF] = {"if", true, true},
};

Item *item_new(Parse *parse, ItemKind kind, Span span) {
    Item *item = NEW(parse->arena, Item);
    item->kind = kind;
    item->span = span;
    switch (kind) {
    case ITEM_PARAM:
    case ITEM_STATE:
        item->parameter = NEW(parse->arena, Parameter);
        break;
    case ITEM_EXTERN:
        item->external = NEW(parse->arena, ExternFn);
        break;
    case ITEM_MODULE:
        item->module = NEW(parse->arena, Module);
        break;
    case ITEM_GRAPH:
    case ITEM_TRAIN:
        item->entry = NEW(parse->arena, EntryPoint);
        break;
    case ITEM_IF:
        item->choice = NEW(parse->arena, Choice);
        break;
    default:
        break;
    }
    return item;
}

void check_unpadded(Parse *parse, const FieldList *fields) {
    for (int i = 0; i < fields->count; i++) {
        const Field *field = &fields->at[i];
        if (!field->pad) continue;
        Message *message =
            diag_error(parse->diag, field->span, E0112, "`pad` stands with the inputs of a `train` alone");
        diag_help(message, "only the training loop pads by itself: leave it out");
    }
}

Item *item_entry(Parse *parse, ItemKind kind, Ident name, const FieldList *arguments, const FieldList *results,
                 Block body, Span span) {
    Item *item = item_new(parse, kind, span);
    *item->entry = (EntryPoint){
        .train = kind == ITEM_TRAIN, .name = name, .arguments = *arguments, .results = *results, .body = body};
    if (kind != ITEM_TRAIN) check_unpadded(parse, arguments);
    for (int i = 0; i < arguments->count; i++) {
        const Field *field = &arguments->at[i];
        if (field->type && !field->value) continue;
        Message *message =
            diag_error(parse->diag, field->span, E0112, "an argument of a %s is `name: type`", item_rules[kind].word);
        if (!field->type) diag_help(message, "write its shape: %s: [M, N]; `[]` is a scalar", field->name.name);
    }
    return item;
}

void item_optimiser(Parse *parse, Item *item, Expr *optimiser) {
    EntryPoint *entry = item->entry;
    entry->optimiser = optimiser;
    if (entry->train && !optimiser) {
        Message *message =
            diag_error(parse->diag, entry->name.span, E0112, "`%s` names no optimiser", entry->name.name);
        diag_help(message, "write it behind the `}`: using adam(lr = 1e-3)");
    } else if (!entry->train && optimiser) {
        diag_error(parse->diag, optimiser->span, E0112, "a graph has no optimiser; `train` has");
    } else if (optimiser && (optimiser->kind != EXPR_CALL || optimiser->left->kind != EXPR_NAME)) {
        Message *message = diag_error(parse->diag, optimiser->span, E0112, "an optimiser is written as a call");
        diag_help(message, "using adam(lr = 1e-3)");
    }
}

static void refuse(Parse *parse, const Item *item, const char *where) {
    Span word = {item->span.source, item->span.start, item->span.start};
    word.end += (uint32_t)snprintf(NULL, 0, "%s", item_rules[item->kind].word);
    Message *message =
        diag_error(parse->diag, word, E0110, "`%s` cannot stand inside %s", item_rules[item->kind].word, where);
    diag_help(message, "move it to the top of the file");
}

static void check_place(Parse *parse, const Item *item, Place place);

static void check_inside_if(Parse *parse, const ItemList *items, Place place) {
    for (int i = 0; i < items->count; i++) {
        if (!item_rules[items->at[i]->kind].in_if)
            refuse(parse, items->at[i], "an `if`");
        else
            check_place(parse, items->at[i], place);
    }
}

static void check_place(Parse *parse, const Item *item, Place place) {
    if (place == PLACE_MODULE && !item_rules[item->kind].in_module) {
        refuse(parse, item, "a module");
    } else if (item->kind == ITEM_IF) {
        check_inside_if(parse, &item->choice->then, place);
        check_inside_if(parse, &item->choice->otherwise, place);
    }
}

void item_add(Parse *parse, ItemList *items, Item *item, Place place) {
    check_place(parse, item, place);
    if (item->kind == ITEM_EDITION && item->span.start != parse->tokens.at[0].start)
        diag_error(parse->diag, item->span, E0102, "the edition is said once, by the first statement of the file");
    vec_push(parse->arena, items, item);
}

void check_module_arguments(Parse *parse, const FieldList *arguments) {
    for (int i = 0; i < arguments->count; i++) {
        const Field *field = &arguments->at[i];
        if (!field->type) continue;
        Message *message = diag_error(parse->diag, field->type->span, E0112, "an argument of a module has no type");
        diag_help(message, "it is a number known when compiling: write `%s` alone", field->name.name);
    }
}

void check_instance(Parse *parse, const Instance *instance) {
    const Expr *call = instance->call;
    if (call->kind == EXPR_CALL && (call->left->kind == EXPR_NAME || call->left->kind == EXPR_FIELD)) return;
    Message *message = diag_error(parse->diag, call->span, E0112, "`use` takes a module with its arguments");
    diag_help(message, "write use %s = Module(…)", instance->name.name);
}

void check_init(Parse *parse, const Expr *init) {
    if (init->kind == EXPR_NAME || (init->kind == EXPR_CALL && init->left->kind == EXPR_NAME)) return;
    Message *message = diag_error(parse->diag, init->span, E0112, "`~` takes the name of an initial value");
    diag_help(message, "zeros, ones, constant(c), normal(mean, std), uniform(a, b), xavier or he");
}

void check_said(Parse *parse, Ident said, const char *word) {
    if (strcmp(said.name, word) == 0) return;
    diag_error(parse->diag, said.span, E0101, "unexpected `%s`, expected `%s`", said.name, word);
}
