/* tg.y: the sentences of the language.
 *
 * In: tokens from tokens.c, where ';' is the end of every statement, written or not, and stands before every '}'.
 * Out: the tree of lang.h, built by tree.c. After an error the list of statements around it goes on at the next ';':
 * tokens_recover puts the tokens there. LALR(1), no conflicts; messages are worded in report.c. */
%require "3.7"
%define api.pure full
%define api.location.type {Span}
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%param {Parse *parse}

%code requires {
#include "lang/parse.h"
}

%union {
    const Token *token;
    Ident ident;
    Expr *expr;
    Type *type;
    Stmt *stmt;
    Item *item;
    Function *function;
    Choice *choice;
    Block block;
    Field field;
    Dim dim;
    Index index;
    Argument argument;
    Binding binding;
    Instance instance;
    Size size;
    bool flag;
    IdentList *idents;
    ExprList *exprs;
    StmtList *stmts;
    ItemList *items;
    FieldList *fields;
    DimList *dims;
    IndexList *indices;
    ArgumentList *arguments;
    BindingList *bindings;
    InstanceList *instances;
    SizeList *sizes;
}

%code {
static void yyerror(const Span *at, Parse *parse, const char *text);

#define yylex tokens_next
#define YYLLOC_DEFAULT(current, rhs, count)                                                                            \
    ((current) = (count) ? span_join(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, count))                                           \
                         : (Span){parse->source, YYRHSLOC(rhs, 0).end, YYRHSLOC(rhs, 0).end})

/* A list of one item, or with one more. */
#define FIRST(List, result, item) ((result) = NEW(parse->arena, List), vec_push(parse->arena, (result), (item)))
#define MORE(result, list, item)  ((result) = (list), vec_push(parse->arena, (result), (item)))
#define EMPTY(List, result)       ((result) = NEW(parse->arena, List))
#define BINARY(op, result, left, right, at, span)                                                                      \
    ((result) = expr_binary(parse, BINARY_##op, (left), (right), (at), (span)))
}

%token TG "`tg`" IMPORT "`import`" EXTERN "`extern`" DIM "`dim`" CONST "`const`" LET "`let`" MODULE "`module`" PARAM "`param`"
%token STATE "`state`" USE "`use`" FN "`fn`" GRAPH "`graph`" TRAIN "`train`" USING "`using`" RETURN "`return`"
%token FOR "`for`" IN "`in`" REMAT "`remat`" IF "`if`" ELSE "`else`" ASSERT "`assert`" WITH "`with`"
%token AS "`as`" TO "`to`" AND "`and`" OR "`or`" NOT "`not`" INF "`inf`" TRUE "`true`" FALSE "`false`"
%token ARROW "`->`" WRITE "`:=`" LE "`<=`" GE "`>=`" EQ "`==`" NE "`!=`" DOTS "`..`" POW "`**`"
%token '+' "`+`" '-' "`-`" '*' "`*`" '/' "`/`" '%' "`%`" '@' "`@`" '<' "`<`" '>' "`>`" '=' "`=`" ':' "`:`" ',' "`,`"
%token '.' "`.`" '~' "`~`" '(' "`(`" ')' "`)`" '[' "`[`" ']' "`]`" '{' "`{`" '}' "`}`" ';' "the end of the statement"
%token <token> IDENT "a name" INT "an integer" NUMBER "a number" STRING "a string"
%token BAD "text that is not of the language"

%left OR
%left AND
%precedence NOT
%nonassoc '<' '>' LE GE EQ NE
%left '+' '-'
%left '*' '/' '%' '@'
%precedence SIGN
%right POW

%type <ident> ident fn_name
%type <idents> idents fn_sizes partials
%type <expr> expr postfix init
%type <exprs> exprs targets
%type <type> type dims
%type <dims> dim_list
%type <dim> dim
%type <arguments> arguments argument_list
%type <argument> argument
%type <indices> indices
%type <index> index
%type <expr> optional
%type <bindings> bindings attributes
%type <binding> binding
%type <fields> fields field_list results result_list
%type <field> field result
%type <stmts> stmts
%type <stmt> stmt stmt_if
%type <block> block
%type <items> items braces
%type <item> item item_if entry extern
%type <function> fn fn_head
%type <instances> instances
%type <instance> instance
%type <sizes> sizes
%type <size> size
%type <flag> remat
%%
file
    : %empty
    | file item ';' { item_add(parse, &parse->file->items, $2, PLACE_TOP); }
    | file error ';' { yyerrok; }
    ;

/* ---- items ---- */

items
    : %empty { EMPTY(ItemList, $$); }
    | items item ';' { MORE($$, $1, $2); }
    | items error ';' { $$ = $1; yyerrok; }
    ;

item
    : TG INT { $$ = item_new(parse, ITEM_EDITION, @$); }
    | IMPORT STRING { $$ = item_new(parse, ITEM_IMPORT, @$); $$->path = $2->text; $$->place = @2; }
    | IMPORT STRING AS ident {
          $$ = item_new(parse, ITEM_IMPORT, @$);
          $$->path = $2->text;
          $$->place = @2;
          $$->alias = $4;
      }
    | DIM sizes { $$ = item_new(parse, ITEM_DIM, @$); $$->sizes = *$2; }
    | CONST bindings { $$ = item_new(parse, ITEM_CONST, @$); $$->bindings = *$2; }
    | LET bindings { $$ = item_new(parse, ITEM_LET, @$); $$->bindings = *$2; }
    | ASSERT expr { $$ = item_new(parse, ITEM_ASSERT, @$); $$->condition = $2; }
    | ASSERT expr ',' STRING {
          $$ = item_new(parse, ITEM_ASSERT, @$);
          $$->condition = $2;
          $$->message = $4->text;
      }
    | USE instances { $$ = item_new(parse, ITEM_USE, @$); $$->instances = *$2; }
    | PARAM ident ':' type init attributes {
          $$ = item_new(parse, ITEM_PARAM, @$);
          *$$->parameter = (Parameter){.name = $2, .type = $4, .init = $5, .attributes = *$6};
      }
    | STATE ident ':' type init {
          $$ = item_new(parse, ITEM_STATE, @$);
          *$$->parameter = (Parameter){.name = $2, .type = $4, .init = $5};
      }
    | fn { $$ = item_new(parse, ITEM_FN, @$); $$->function = $1; }
    | extern
    | extern ident partials {
          $$ = $1;
          $$->span = @$;
          check_said(parse, $2, "adjoint");
          $$->external->adjoint = $2.span;
          $$->external->partials = *$3;
      }
    | MODULE ident '(' fields ')' braces {
          $$ = item_new(parse, ITEM_MODULE, @$);
          $$->body = @6;
          check_module_arguments(parse, $4);
          *$$->module = (Module){.name = $2, .arguments = *$4};
          for (int i = 0; i < $6->count; i++) item_add(parse, &$$->module->members, $6->at[i], PLACE_MODULE);
      }
    | entry { $$ = $1; item_optimiser(parse, $$, NULL); }
    | entry USING expr { $$ = $1; $$->span = @$; item_optimiser(parse, $$, $3); }
    | item_if
    ;

entry
    : GRAPH ident '(' fields ')' ARROW results block {
          $$ = item_entry(parse, ITEM_GRAPH, $2, $4, $7, $8, @$);
      }
    | TRAIN ident '(' fields ')' ARROW results block {
          $$ = item_entry(parse, ITEM_TRAIN, $2, $4, $7, $8, @$);
      }
    ;

item_if
    : IF expr braces {
          $$ = item_new(parse, ITEM_IF, @$);
          $$->body = @3;
          *$$->choice = (Choice){.condition = $2, .then = *$3};
      }
    | IF expr braces ELSE braces {
          $$ = item_new(parse, ITEM_IF, @$);
          $$->body = @3;
          *$$->choice = (Choice){.condition = $2, .then = *$3, .otherwise = *$5, .has_else = true, .otherwise_body = @5};
      }
    | IF expr braces ELSE item_if {
          $$ = item_new(parse, ITEM_IF, @$);
          $$->body = @3;
          *$$->choice = (Choice){.condition = $2, .then = *$3, .has_else = true, .otherwise_body = @5};
          vec_push(parse->arena, &$$->choice->otherwise, $5);
      }
    ;

braces: '{' items '}' { $$ = $2; } ;

sizes
    : size { FIRST(SizeList, $$, $1); }
    | sizes ',' size { MORE($$, $1, $3); }
    ;
size
    : ident '=' expr { $$ = (Size){.span = @$, .name = $1, .value = $3}; }
    | ident IN '[' exprs ']' { $$ = (Size){.span = @$, .name = $1, .choices = *$4}; }
    ;

instances
    : instance { FIRST(InstanceList, $$, $1); }
    | instances ',' instance { MORE($$, $1, $3); }
    ;
instance
    : ident '=' expr { $$ = (Instance){.span = @$, .name = $1, .call = $3}; check_instance(parse, &$$); }
    | ident '[' expr ']' '=' expr {
          $$ = (Instance){.span = @$, .name = $1, .count = $3, .call = $6};
          check_instance(parse, &$$);
      }
    ;

init
    : %empty { $$ = NULL; }
    | '~' expr { $$ = $2; check_init(parse, $2); }
    ;
attributes
    : %empty { EMPTY(BindingList, $$); }
    | WITH bindings { $$ = $2; }
    ;

/* ---- functions ---- */

/* `from` and `adjoint` are words only here, `pad` behind the type of an input. */
extern
    : EXTERN FN ident '(' idents ')' ARROW ident ident STRING {
          $$ = item_new(parse, ITEM_EXTERN, @$);
          check_said(parse, $9, "from");
          *$$->external = (ExternFn){.name = $3, .arguments = *$5, .result = $8, .from = $9.span};
          $$->path = $10->text;
          $$->place = @10;
      }
    ;
partials
    : ident { FIRST(IdentList, $$, $1); }
    | '(' idents ')' { $$ = $2; }
    ;

fn
    : fn_head '=' expr { $$ = $1; $$->value = $3; }
    | fn_head block { $$ = $1; $$->body = $2; }
    ;
fn_head
    : FN fn_name fn_sizes '(' fields ')' ARROW results {
          check_unpadded(parse, $5);
          $$ = NEW(parse->arena, Function);
          *$$ = (Function){.name = $2, .sizes = *$3, .arguments = *$5, .results = *$8, .named_results = true};
      }
    | FN fn_name fn_sizes '(' fields ')' ARROW type {
          check_unpadded(parse, $5);
          $$ = NEW(parse->arena, Function);
          *$$ = (Function){.name = $2, .sizes = *$3, .arguments = *$5};
          vec_push(parse->arena, &$$->results, ((Field){.span = @8, .type = $8}));
      }
    ;
fn_name: %empty { $$ = (Ident){.span = @$}; } | ident ;
fn_sizes: %empty { EMPTY(IdentList, $$); } | '[' idents ']' { $$ = $2; } ;

fields
    : %empty { EMPTY(FieldList, $$); }
    | field_list
    | field_list ','
    ;
field_list
    : field { FIRST(FieldList, $$, $1); }
    | field_list ',' field { MORE($$, $1, $3); }
    ;
field
    : ident { $$ = (Field){.span = @$, .name = $1}; }
    | ident '=' expr { $$ = (Field){.span = @$, .name = $1, .value = $3}; }
    | ident ':' type { $$ = (Field){.span = @$, .name = $1, .type = $3}; }
    | ident ':' type '=' expr { $$ = (Field){.span = @$, .name = $1, .type = $3, .value = $5}; }
    | ident ':' type ident expr {
          check_said(parse, $4, "pad");
          $$ = (Field){.span = @$, .name = $1, .type = $3, .pad = $5};
      }
    ;
results
    : '(' result_list ')' { $$ = $2; }
    | '(' result_list ',' ')' { $$ = $2; }
    ;
result_list
    : result { FIRST(FieldList, $$, $1); }
    | result_list ',' result { MORE($$, $1, $3); }
    ;
result: ident ':' type { $$ = (Field){.span = @$, .name = $1, .type = $3}; } ;

type
    : dims
    | ident dims { $$ = $2; $$->element = $1; $$->span = @$; }
    ;
dims
    : '[' ']' { $$ = NEW(parse->arena, Type); $$->span = @$; }
    | '[' dim_list ']' { $$ = NEW(parse->arena, Type); *$$ = (Type){.span = @$, .dims = *$2}; }
    | '[' dim_list ',' ']' { $$ = NEW(parse->arena, Type); *$$ = (Type){.span = @$, .dims = *$2}; }
    ;
dim_list
    : dim { FIRST(DimList, $$, $1); }
    | dim_list ',' dim { MORE($$, $1, $3); }
    ;
dim
    : expr { $$ = (Dim){@$, $1}; }
    | DOTS { $$ = (Dim){@$, NULL}; }
    ;

/* ---- statements ---- */

block: '{' stmts '}' { $$ = (Block){@$, *$2}; } ;

stmts
    : %empty { EMPTY(StmtList, $$); }
    | stmts stmt ';' { MORE($$, $1, $2); }
    | stmts error ';' { MORE($$, $1, stmt_broken(parse, @2)); yyerrok; }
    ;

stmt
    : targets '=' expr { $$ = stmt_assign(parse, $1, $3, @$); }
    | targets WRITE expr { $$ = stmt_write(parse, $1, $3, @$); }
    | RETURN exprs { $$ = stmt_new(parse, STMT_RETURN, @$); $$->values = *$2; }
    | FOR idents IN expr remat block {
          $$ = stmt_new(parse, STMT_FOR, @$);
          $$->targets = *$2;
          vec_push(parse->arena, &$$->values, $4);
          $$->remat = $5;
          $$->body = $6;
      }
    | FOR idents IN expr DOTS expr remat block {
          $$ = stmt_new(parse, STMT_FOR, @$);
          $$->targets = *$2;
          vec_push(parse->arena, &$$->values, $4);
          $$->stop = $6;
          $$->remat = $7;
          $$->body = $8;
      }
    | stmt_if
    | LET bindings { $$ = stmt_new(parse, STMT_LET, @$); $$->bindings = *$2; }
    | ASSERT expr { $$ = stmt_assert(parse, $2, NULL, @$); }
    | ASSERT expr ',' STRING { $$ = stmt_assert(parse, $2, $4->text, @$); }
    ;
stmt_if
    : IF expr block { $$ = stmt_if(parse, $2, $3, NULL, @$); }
    | IF expr block ELSE block { $$ = stmt_if(parse, $2, $3, &$5, @$); }
    | IF expr block ELSE stmt_if {
          Block inner = {.span = $5->span};
          vec_push(parse->arena, &inner.stmts, $5);
          $$ = stmt_if(parse, $2, $3, &inner, @$);
      }
    ;
remat: %empty { $$ = false; } | REMAT { $$ = true; } ;

targets
    : postfix { FIRST(ExprList, $$, $1); }
    | targets ',' postfix { MORE($$, $1, $3); }
    ;

bindings
    : binding { FIRST(BindingList, $$, $1); }
    | bindings ',' binding { MORE($$, $1, $3); }
    ;
binding: ident '=' expr { $$ = (Binding){$1, $3, @$}; } ;

idents
    : ident { FIRST(IdentList, $$, $1); }
    | idents ',' ident { MORE($$, $1, $3); }
    ;
ident: IDENT { $$ = (Ident){$1->text, @$}; } ;

/* ---- expressions ---- */

expr
    : postfix
    | '-' expr %prec SIGN { $$ = expr_unary(parse, UNARY_NEG, $2, @1, @$); }
    | NOT expr { $$ = expr_unary(parse, UNARY_NOT, $2, @1, @$); }
    | expr POW expr { BINARY(POW, $$, $1, $3, @2, @$); }
    | expr '*' expr { BINARY(MUL, $$, $1, $3, @2, @$); }
    | expr '/' expr { BINARY(DIV, $$, $1, $3, @2, @$); }
    | expr '%' expr { BINARY(MOD, $$, $1, $3, @2, @$); }
    | expr '@' expr { BINARY(MATMUL, $$, $1, $3, @2, @$); }
    | expr '+' expr { BINARY(ADD, $$, $1, $3, @2, @$); }
    | expr '-' expr { BINARY(SUB, $$, $1, $3, @2, @$); }
    | expr '<' expr { BINARY(LT, $$, $1, $3, @2, @$); }
    | expr '>' expr { BINARY(GT, $$, $1, $3, @2, @$); }
    | expr LE expr { BINARY(LE, $$, $1, $3, @2, @$); }
    | expr GE expr { BINARY(GE, $$, $1, $3, @2, @$); }
    | expr EQ expr { BINARY(EQ, $$, $1, $3, @2, @$); }
    | expr NE expr { BINARY(NE, $$, $1, $3, @2, @$); }
    | expr AND expr { BINARY(AND, $$, $1, $3, @2, @$); }
    | expr OR expr { BINARY(OR, $$, $1, $3, @2, @$); }
    ;

postfix
    : ident { $$ = expr_named(parse, $1); }
    | INT { $$ = expr_number(parse, $1, @$); }
    | NUMBER { $$ = expr_number(parse, $1, @$); }
    | INF { $$ = expr_inf(parse, @$); }
    | TRUE { $$ = expr_new(parse, EXPR_BOOL, @$); $$->number = 1; }
    | FALSE { $$ = expr_new(parse, EXPR_BOOL, @$); }
    | STRING { $$ = expr_new(parse, EXPR_STRING, @$); $$->text = $1->text; }
    | '(' expr ')' { $$ = $2; $$->parens = true; $$->span = @$; }
    | '[' exprs ']' { $$ = expr_list(parse, $2, @$); }
    | '[' exprs ',' ']' { $$ = expr_list(parse, $2, @$); }
    | postfix '(' arguments ')' { $$ = expr_call(parse, $1, $3, @$); }
    | postfix '[' indices ']' { $$ = expr_index(parse, $1, $3, @$); }
    | postfix '.' ident { $$ = expr_field(parse, $1, $3, @$); }
    | postfix AS dims { $$ = expr_shaped(parse, EXPR_AS, $1, $3, @2, @$); }
    | postfix TO dims { $$ = expr_shaped(parse, EXPR_TO, $1, $3, @2, @$); }
    ;

exprs
    : expr { FIRST(ExprList, $$, $1); }
    | exprs ',' expr { MORE($$, $1, $3); }
    ;

arguments
    : %empty { EMPTY(ArgumentList, $$); }
    | argument_list
    | argument_list ','
    ;
argument_list
    : argument { FIRST(ArgumentList, $$, $1); }
    | argument_list ',' argument { MORE($$, $1, $3); }
    ;
argument
    : expr { $$ = (Argument){.span = @$, .value = $1}; }
    | ident '=' expr { $$ = (Argument){@$, $1, $3}; }
    ;

indices
    : index { FIRST(IndexList, $$, $1); }
    | indices ',' index { MORE($$, $1, $3); }
    ;
index
    : expr { $$ = (Index){@$, INDEX_AT, $1, NULL}; }
    | optional ':' optional { $$ = (Index){@$, INDEX_RANGE, $1, $3}; }
    | DOTS { $$ = (Index){@$, INDEX_REST, NULL, NULL}; }
    ;
optional: %empty { $$ = NULL; } | expr ;
%%
/* Only called when the parser's stack is full. */
static void yyerror(const Span *at, Parse *parse, const char *text) {
    (void)text;
    report_nesting(parse, *at);
}

static int yyreport_syntax_error(const yypcontext_t *context, Parse *parse) {
    yysymbol_kind_t kinds[YYNTOKENS];
    const char *expected[YYNTOKENS];
    int count = yypcontext_expected_tokens(context, kinds, YYNTOKENS);
    for (int i = 0; i < count; i++) expected[i] = yysymbol_name(kinds[i]);
    int before = diag_count(parse->diag);
    report_syntax(parse, expected, count > 0 ? count : 0);
    parse->recovered += diag_count(parse->diag) - before;
    tokens_recover(parse);
    return 0;
}
