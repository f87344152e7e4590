/* tokens.c: which line ends are ends of statements, and where parsing goes on after an error.
 *
 * In: the tokens of a file. Out, to the grammar, one at a time: the same with a ';' at the end of every statement, also
 * before every '}', never two in a row:
 *   graph f(x: [N],          graph f ( x : [ N ] , y : [ N ] ) -> ( z : [ N ] ) { z = x + y ; } ;
 *           y: [N]) -> (z: [N]) { z = x + y }
 * A newline ends a statement unless a bracket is open, the line ends with a comma, an operator or an open bracket, or
 * the next begins with using, with or else (from or adjoint, in an extern fn). A statement word at the start of a line
 * ends one whatever is open. Where a brace was never closed (a word stands at the margin that cannot stand inside), '}'
 * is put in. */
#include "lang/parse.h"
#include "tg.tab.h"

#include <string.h>

/* What a token means to the layout: one row per kind that means anything. */
enum { WORD = 1, STATEMENT = 2, HEADER = 4, CONTINUES = 8, JOINS = 16 };

typedef struct Trait {
    int kind, flags;
    Place place; /* STATEMENT: the innermost place where it may stand */
} Trait;

static const Trait traits[] = {
    {TG, WORD | STATEMENT, PLACE_TOP},
    {IMPORT, WORD | STATEMENT, PLACE_TOP},
    {EXTERN, WORD | STATEMENT, PLACE_TOP},
    {DIM, WORD | STATEMENT, PLACE_TOP},
    {CONST, WORD | STATEMENT, PLACE_TOP},
    {MODULE, WORD | STATEMENT | HEADER, PLACE_TOP},
    {GRAPH, WORD | STATEMENT | HEADER, PLACE_TOP},
    {TRAIN, WORD | STATEMENT | HEADER, PLACE_TOP},
    {PARAM, WORD | STATEMENT, PLACE_MODULE},
    {STATE, WORD | STATEMENT, PLACE_MODULE},
    {USE, WORD | STATEMENT, PLACE_MODULE},
    {FN, WORD | STATEMENT | HEADER, PLACE_MODULE},
    {LET, WORD | STATEMENT, PLACE_FUNCTION},
    {ASSERT, WORD | STATEMENT, PLACE_FUNCTION},
    {RETURN, WORD | STATEMENT, PLACE_FUNCTION},
    {FOR, WORD | STATEMENT | HEADER, PLACE_FUNCTION},
    {IF, WORD | STATEMENT | HEADER, PLACE_FUNCTION},
    {ELSE, WORD | HEADER | CONTINUES | JOINS, PLACE_FUNCTION},
    {USING, WORD | CONTINUES | JOINS, 0},
    {WITH, WORD | CONTINUES | JOINS, 0},
    {IN, WORD | CONTINUES, 0},
    {AS, WORD | CONTINUES, 0},
    {TO, WORD | CONTINUES, 0},
    {AND, WORD | CONTINUES, 0},
    {OR, WORD | CONTINUES, 0},
    {NOT, WORD | CONTINUES, 0},
    {REMAT, WORD, 0},
    {INF, WORD, 0},
    {TRUE, WORD, 0},
    {FALSE, WORD, 0},
    {ARROW, CONTINUES, 0},
    {WRITE, CONTINUES, 0},
    {LE, CONTINUES, 0},
    {GE, CONTINUES, 0},
    {EQ, CONTINUES, 0},
    {NE, CONTINUES, 0},
    {DOTS, CONTINUES, 0},
    {POW, CONTINUES, 0},
    {'+', CONTINUES, 0},
    {'-', CONTINUES, 0},
    {'*', CONTINUES, 0},
    {'/', CONTINUES, 0},
    {'%', CONTINUES, 0},
    {'@', CONTINUES, 0},
    {'<', CONTINUES, 0},
    {'>', CONTINUES, 0},
    {'=', CONTINUES, 0},
    {':', CONTINUES, 0},
    {',', CONTINUES, 0},
    {'.', CONTINUES, 0},
    {'~', CONTINUES, 0},
    {'(', CONTINUES, 0},
    {'[', CONTINUES, 0},
    {'{', CONTINUES, 0},
};

static Trait trait_of(int kind) {
    for (size_t i = 0; i < sizeof traits / sizeof *traits; i++)
        if (traits[i].kind == kind) return traits[i];
    return (Trait){kind, 0, PLACE_FUNCTION};
}

bool token_is_word(int kind) {
    return trait_of(kind).flags & WORD;
}
bool token_is_statement(int kind) {
    return trait_of(kind).flags & STATEMENT;
}
bool token_continues(int kind) {
    return trait_of(kind).flags & CONTINUES;
}

static int kind_at(const Parse *parse, int token) {
    return token < parse->tokens.count ? parse->tokens.at[token].kind : YYEOF;
}

/* `state = 3`: a word that is used as if it were a name. */
bool token_names(const Parse *parse, int token) {
    int after = kind_at(parse, token + 1);
    return token_is_word(kind_at(parse, token)) &&
           (after == '=' || after == ',' || after == '.' || after == ':' || after == ')' || after == WRITE);
}

Span token_span(const Parse *parse, int token) {
    const Token *at = &parse->tokens.at[token];
    return (Span){parse->source, at->start, at->end};
}

int token_bracket(const Parse *parse) {
    if (parse->depth == 0) return -1;
    int token = parse->open[parse->depth - 1].token;
    return kind_at(parse, token) == '{' ? -1 : token;
}

static uint32_t column_of(const Parse *parse, int token) {
    uint32_t start = parse->tokens.at[token].start, at = start;
    while (at > 0 && parse->source->text[at - 1] != '\n') at--;
    return start - at;
}

static bool begins_statement(const Parse *parse, int token) {
    return parse->tokens.at[token].first && token_is_statement(kind_at(parse, token)) && !token_names(parse, token);
}

/* ---- what is open ---- */

static void close_brackets(Parse *parse) {
    while (token_bracket(parse) >= 0) parse->depth--;
}

static Place place_now(const Parse *parse) {
    for (int i = parse->depth; i-- > 0;)
        if (kind_at(parse, parse->open[i].token) == '{') return parse->open[i].place;
    return PLACE_TOP;
}

/* What may stand in a brace that is opened now. */
static Place place_inside(const Parse *parse) {
    switch (parse->header < 0 ? YYEOF : kind_at(parse, parse->header)) {
    case MODULE:
        return PLACE_MODULE;
    case FN:
    case GRAPH:
    case TRAIN:
    case FOR:
        return PLACE_FUNCTION;
    default:
        return place_now(parse);
    }
}

static void open_push(Parse *parse, int token) {
    if (parse->depth == LANG_NESTING) {
        report_nesting(parse, token_span(parse, token));
        parse->stopped = true;
        return;
    }
    parse->open[parse->depth++] = (Open){token, parse->statement, place_inside(parse)};
}

/* A closing bracket that does not fit is left to the grammar. */
static void close_bracket(Parse *parse, int opener) {
    int open = token_bracket(parse);
    if (open >= 0 && kind_at(parse, open) == opener) parse->depth--;
}

static void track(Parse *parse, int token) {
    switch (kind_at(parse, token)) {
    case '(':
    case '[':
        open_push(parse, token);
        break;
    case '{':
        close_brackets(parse);
        open_push(parse, token);
        parse->header = -1;
        break;
    case ')':
        close_bracket(parse, '(');
        break;
    case ']':
        close_bracket(parse, '[');
        break;
    case '}':
        if (parse->depth > 0) parse->depth--;
        break;
    default:
        break;
    }
}

/* ---- ends of statements ---- */

/* A line within brackets that stands no further in than its statement, and is no closing bracket, is a new one. */
static bool is_outdented(const Parse *parse, int token) {
    int kind = kind_at(parse, token);
    return kind != ')' && kind != ']' && column_of(parse, token) <= column_of(parse, parse->statement);
}

/* `from` and `adjoint` of an `extern fn`, which may begin a line. */
static bool continues_extern(const Parse *parse, int token) {
    const Token *at = &parse->tokens.at[token];
    if (kind_at(parse, parse->statement) != EXTERN || at->kind != IDENT) return false;
    return !strcmp(at->text, "from") || !strcmp(at->text, "adjoint");
}

static bool line_ends_before(const Parse *parse, int token) {
    if (!parse->tokens.at[token].first || continues_extern(parse, token)) return false;
    if (begins_statement(parse, token) && token_bracket(parse) >= 0) return true;
    if (token_bracket(parse) >= 0) return false;
    return !token_continues(parse->given_kind) && !(trait_of(kind_at(parse, token)).flags & JOINS);
}

static bool at_statement_start(const Parse *parse) {
    return parse->given_kind == ';' || parse->given_kind == '{' || parse->given_kind == YYEOF;
}

static bool must_end(const Parse *parse, int token) {
    int kind = kind_at(parse, token);
    if (at_statement_start(parse)) return false;
    return parse->end_now || parse->closing || kind == '}' || kind == ';' || kind == YYEOF ||
           line_ends_before(parse, token);
}

/* How many of the innermost braces were forgotten, if `token` is to stand where it can. */
static int forgotten_braces(const Parse *parse, int token) {
    int count = 0;
    if (kind_at(parse, token) == YYEOF) return parse->depth;
    if (!begins_statement(parse, token)) return 0;
    Place allowed = trait_of(kind_at(parse, token)).place;
    for (int i = parse->depth; i-- > 0 && parse->open[i].place > allowed;) {
        if (column_of(parse, token) > column_of(parse, parse->open[i].statement)) break;
        count++;
    }
    return count;
}

static int give(Parse *parse, int kind, Span *at) {
    parse->given_kind = kind;
    uint32_t end = parse->tokens.at[parse->given].end; /* what nobody wrote stands behind the last token */
    *at = (Span){parse->source, end, end};
    return kind;
}

static int give_end(Parse *parse, Span *at) {
    parse->unclosed = token_bracket(parse);
    close_brackets(parse);
    parse->end_now = false;
    return give(parse, ';', at);
}

static int give_token(Parse *parse, YYSTYPE *value, Span *at) {
    int token = parse->next++, kind = kind_at(parse, token);
    if (at_statement_start(parse)) {
        parse->statement = token;
        parse->header = parse->unclosed = -1;
    }
    if ((trait_of(kind).flags & HEADER) &&
        (token == parse->statement || kind_at(parse, token - 1) == '}' || kind_at(parse, token - 1) == ELSE))
        parse->header = token;
    parse->given = token;
    parse->given_kind = kind;
    parse->end_now = false;
    value->token = &parse->tokens.at[token];
    *at = token_span(parse, token);
    if (kind == '{') parse->unclosed = token_bracket(parse);
    track(parse, token);
    return kind;
}

int tokens_next(YYSTYPE *value, Span *at, Parse *parse) {
    if (parse->stopped) parse->next = parse->tokens.count - 1;
    while (kind_at(parse, parse->next) == ';' && at_statement_start(parse)) parse->next++;
    if (must_end(parse, parse->next)) return give_end(parse, at);
    if (parse->closing == 0) {
        parse->closing = forgotten_braces(parse, parse->next);
        if (parse->closing && !parse->stopped)
            report_brace(parse, &parse->open[parse->depth - parse->closing], parse->next);
    }
    if (parse->closing == 0) return give_token(parse, value, at);
    parse->closing--;
    parse->depth--;
    parse->end_now = true;
    return give(parse, '}', at);
}

/* ---- after an error ---- */

/* The token behind the `}` that belongs to the `{` at `token`. Without one, the next word at the margin. */
static int skip_braces(const Parse *parse, int token) {
    int level = 0, last = parse->tokens.count - 1, begin = parse->statement;
    for (int i = token; i < last; i++) {
        level += (kind_at(parse, i) == '{') - (kind_at(parse, i) == '}');
        if (level == 0) return i + 1;
    }
    for (int i = token + 1; i < last; i++)
        if (begins_statement(parse, i) && column_of(parse, i) <= column_of(parse, begin)) return i;
    return last;
}

static bool ends_broken(const Parse *parse, int token, int brackets) {
    if (!parse->tokens.at[token].first || token == parse->statement) return false;
    if (begins_statement(parse, token)) return true;
    if (trait_of(kind_at(parse, token)).flags & JOINS || kind_at(parse, token) == '{' || kind_at(parse, token) == ARROW)
        return false;
    if (brackets > 0) return is_outdented(parse, token);
    return !token_continues(kind_at(parse, token - 1)) || is_outdented(parse, token);
}

static int brackets_open(const Parse *parse) {
    int count = 0;
    for (int i = parse->depth; i-- > 0 && kind_at(parse, parse->open[i].token) != '{';) count++;
    return count;
}

/* The token with which parsing goes on: behind the broken statement, which is left at `at`. */
static int skip_statement(const Parse *parse, int at, int brackets) {
    for (;; at++) {
        int kind = kind_at(parse, at);
        if (kind == YYEOF || kind == '}' || kind == ';') return at;
        if (ends_broken(parse, at, brackets)) return at;
        if (kind == '{') at = skip_braces(parse, at) - 1;
        if (at > parse->given) brackets += (kind == '(' || kind == '[') - (kind == ')' || kind == ']');
    }
}

/* Notes what was skipped: its names may be missing elsewhere, and after an `import` nobody knows which are. */
static void note_skipped(Parse *parse) {
    parse->broken = parse->statement;
    parse->broken_end = parse->next;
    for (int i = parse->broken; i < parse->broken_end; i++) {
        if (kind_at(parse, i) == IDENT) vec_push(parse->arena, &parse->file->skipped, parse->tokens.at[i].text);
        if (kind_at(parse, i) == IMPORT) parse->file->lost = true;
    }
}

/* Skips the rest of the broken statement, over whole braces. A header whose line ended before its `{` goes on there. */
void tokens_recover(Parse *parse) {
    int at = parse->given, brackets = brackets_open(parse);
    if (parse->stopped) return;
    if (parse->given_kind == ';') {
        at = parse->next;
        if (parse->header < 0 || (kind_at(parse, at) != '{' && kind_at(parse, at) != ARROW)) {
            note_skipped(parse);
            return;
        }
    } else if (parse->given_kind == '}') {
        at = parse->next; /* it closes nothing */
    } else if (parse->given_kind == '{') {
        parse->depth--; /* it is skipped as a whole */
    }
    close_brackets(parse);
    parse->next = skip_statement(parse, at, brackets);
    note_skipped(parse);
    parse->end_now = true;
    if (parse->given_kind != ';') parse->given_kind = BAD; /* which ends nothing: a ';' follows */
}

Stmt *stmt_broken(Parse *parse, Span span) {
    Stmt *stmt = stmt_new(parse, STMT_BROKEN, span);
    for (int i = parse->broken; i + 1 < parse->broken_end; i++) {
        int after = kind_at(parse, i + 1);
        bool is_set = kind_at(parse, i) == IDENT && (after == '=' || after == ',' || after == WRITE);
        if (is_set) vec_push(parse->arena, &stmt->targets, ((Ident){parse->tokens.at[i].text, span}));
    }
    return stmt;
}
