/* report.c: the wording of syntax errors.
 *
 * In: the token at which the grammar stuck, and what it would have taken. Out: one message, by the first rule that
 * fits: x = f(a, b        ->  E0107 `(` is not closed state = 3         ->  E0108 `state` is a word of the language and
 * cannot be a name x = a             ->  E0109 a line cannot begin with `+`
 *     + b
 *   x = a b           ->  E0101 unexpected `b`, expected the end of the statement
 * A rule is a function that reports and returns true, or returns false. */
#include "lang/parse.h"
#include "tg.tab.h"

#include <string.h>

typedef struct Stuck {
    Parse *parse;
    int token; /* the token given last; the one before, where it was given ';' */
    int kind;  /* what the parser got */
    Span at;
    const char *const *expected;
    int count;
} Stuck;

static bool expects(const Stuck *stuck, const char *name) {
    for (int i = 0; i < stuck->count; i++)
        if (strcmp(stuck->expected[i], name) == 0) return true;
    return false;
}

static const char *text_of(const Parse *parse, int token) {
    Span span = token_span(parse, token);
    return arena_strndup(parse->arena, parse->source->text + span.start, span.end - span.start);
}

static const Token *token_at(const Stuck *stuck, int token) {
    return &stuck->parse->tokens.at[token];
}

static bool is_invented(const Stuck *stuck) {
    return stuck->kind != token_at(stuck, stuck->token)->kind;
}

static bool is_closer(int kind) {
    return kind == ')' || kind == ']';
}

/* The scanner has said it already. */
static bool report_scanned(const Stuck *stuck) {
    return stuck->kind == BAD;
}

/* `(` not closed: the statement ended in it, its line did, or the other kind of bracket came. */
static bool report_bracket(const Stuck *stuck) {
    Parse *parse = stuck->parse;
    int open = parse->unclosed >= 0 ? parse->unclosed : token_bracket(parse);
    if (open < 0 || (open == stuck->token && !is_invented(stuck))) return false;
    bool ended = parse->unclosed >= 0;
    bool closes_other = is_closer(stuck->kind) && !expects(stuck, stuck->kind == ')' ? "`)`" : "`]`") &&
                        (expects(stuck, "`)`") || expects(stuck, "`]`"));
    bool next_line = !is_invented(stuck) && token_at(stuck, stuck->token)->first && !expects(stuck, "a name") &&
                     !token_continues(stuck->kind);
    if (!ended && !closes_other && !next_line) return false;
    const char *bracket = text_of(parse, open);
    Message *message = diag_error(parse->diag, token_span(parse, open), E0107, "`%s` is not closed", bracket);
    if (closes_other && !ended)
        diag_note(message, stuck->at, "`%s` comes first", text_of(parse, stuck->token));
    else
        diag_help(message, "put `%s` where it ends", *bracket == '(' ? ")" : "]");
    return true;
}

/* The word in a name's place: the token itself, or the one before (`use = 3`). */
static int word_as_name(const Stuck *stuck) {
    int before = stuck->token - 1;
    if (is_invented(stuck)) return -1;
    if (before >= 0 && token_names(stuck->parse, before) && !token_continues(token_at(stuck, before)->kind))
        return before;
    if (!token_is_word(stuck->kind) || !expects(stuck, "a name")) return -1;
    bool new_line = token_at(stuck, stuck->token)->first && token_is_statement(stuck->kind);
    return new_line && !token_names(stuck->parse, stuck->token) ? -1 : stuck->token;
}

static bool report_word(const Stuck *stuck) {
    int word = word_as_name(stuck);
    if (word < 0 || (word == stuck->token && stuck->parse->statement == word && !token_names(stuck->parse, word)))
        return false;
    const char *text = text_of(stuck->parse, word);
    Message *message = diag_error(stuck->parse->diag, token_span(stuck->parse, word), E0108,
                                  "`%s` is a word of the language and cannot be a name", text);
    diag_help(message, "take another name, `%s_` for instance", text);
    return true;
}

static bool report_operator(const Stuck *stuck) {
    if (is_invented(stuck) || stuck->token != stuck->parse->statement || stuck->token == 0) return false;
    if (!token_continues(stuck->kind) || stuck->kind == '{' || !token_at(stuck, stuck->token)->first) return false;
    const char *text = text_of(stuck->parse, stuck->token);
    Message *message = diag_error(stuck->parse->diag, stuck->at, E0109, "a line cannot begin with `%s`", text);
    if (stuck->kind == '(' || stuck->kind == '[' || stuck->kind == ELSE)
        diag_help(message, "a statement begins with a name or a word such as `let`");
    else
        diag_help(message, "end the line before with it, `… %s`, or open a bracket there", text);
    return true;
}

/* A statement that may stand elsewhere, but not here. */
static bool report_place(const Stuck *stuck) {
    Parse *parse = stuck->parse;
    if (is_invented(stuck) || stuck->token != parse->statement || !token_is_statement(stuck->kind)) return false;
    bool outside = stuck->kind == RETURN || stuck->kind == FOR;
    Message *message = diag_error(parse->diag, stuck->at, E0110, "`%s` cannot stand %s a function",
                                  text_of(parse, stuck->token), outside ? "outside" : "inside");
    if (parse->depth > 0 && !outside)
        diag_note(message, token_span(parse, parse->open[parse->depth - 1].token), "the braces are opened here");
    return true;
}

/* A statement word on a new line, where the one before is not finished. */
static bool report_unfinished(const Stuck *stuck) {
    Parse *parse = stuck->parse;
    bool word = !is_invented(stuck) && token_at(stuck, stuck->token)->first && token_is_statement(stuck->kind);
    int last = is_invented(stuck) ? stuck->token : stuck->token - 1;
    if (last < 0 || (!is_invented(stuck) && !word) || !token_continues(token_at(stuck, last)->kind)) return false;
    if (stuck->token == parse->statement && word) return false;
    diag_error(parse->diag, token_span(parse, last), E0101, "nothing follows `%s`", text_of(parse, last));
    return true;
}

static bool is_comparison(int kind) {
    return kind == '<' || kind == '>' || kind == LE || kind == GE || kind == EQ || kind == NE;
}

static bool report_chain(const Stuck *stuck) {
    if (is_invented(stuck) || !is_comparison(stuck->kind) || !expects(stuck, "`and`")) return false;
    Message *message = diag_error(stuck->parse->diag, stuck->at, E0101, "comparisons do not chain");
    diag_help(message, "write a < b and b < c");
    return true;
}

/* What begins or continues an expression is named by one word, or not at all. */
static const char *const begins_expression[] = {"a name",  "an integer", "a number", "a string", "`inf`", "`true`",
                                                "`false`", "`(`",        "`[`",      "`-`",      "`not`"};
static const char *const continues_expression[] = {"`+`",  "`-`",  "`*`",  "`/`",  "`%`",  "`@`",  "`**`",
                                                   "`<`",  "`>`",  "`<=`", "`>=`", "`==`", "`!=`", "`and`",
                                                   "`or`", "`as`", "`to`", "`.`",  "`(`",  "`[`"};

#define IS_IN(name, list) is_in((name), (list), sizeof(list) / sizeof *(list))

static bool is_in(const char *name, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], name) == 0) return true;
    return false;
}

static const char *join_expected(const Stuck *stuck) {
    enum { MOST = 4 };
    const char *names[MOST + 1];
    bool expression = expects(stuck, "an integer") && expects(stuck, "`true`");
    bool operators = expects(stuck, "`.`") && expects(stuck, "`as`");
    int count = 0;
    if (expression) names[count++] = "an expression";
    for (int i = 0; i < stuck->count && count <= MOST; i++) {
        if (expression && IS_IN(stuck->expected[i], begins_expression)) continue;
        if (operators && IS_IN(stuck->expected[i], continues_expression)) continue;
        names[count++] = stuck->expected[i];
    }
    if (count == 0 || count > MOST) return NULL;
    Text text;
    text_init(&text, stuck->parse->arena);
    for (int i = 0; i < count; i++) text_printf(&text, "%s%s", i == 0 ? "" : i < count - 1 ? ", " : " or ", names[i]);
    return text.at;
}

/* The word of the language that a name where a statement begins is nearest to. */
static const char *nearest_word(const Stuck *stuck) {
    static const char *const words[] = {"import", "extern", "dim",    "const", "let",   "module", "param", "state",
                                        "use",    "fn",     "assert", "graph", "train", "for",    "if",    "return"};
    bool begins = stuck->kind == IDENT || (stuck->token > 0 && token_at(stuck, stuck->token - 1)->kind == IDENT &&
                                           stuck->token - 1 == stuck->parse->statement);
    int first = stuck->parse->statement;
    if (!begins || is_invented(stuck) || stuck->token > first + 1 || token_is_word(token_at(stuck, first)->kind))
        return NULL;
    return name_nearest(text_of(stuck->parse, first), words, sizeof words / sizeof *words);
}

static bool report_unexpected(const Stuck *stuck) {
    Parse *parse = stuck->parse;
    const char *expected = join_expected(stuck);
    const char *found = "end of the statement";
    if (!is_invented(stuck) && stuck->kind != ';')
        found = stuck->kind == STRING ? "string" : arena_printf(parse->arena, "`%s`", text_of(parse, stuck->token));
    Message *message = diag_error(parse->diag, stuck->at, E0101, "unexpected %s%s%s", found,
                                  expected ? ", expected " : "", expected ? expected : "");
    if (parse->header >= 0 && is_invented(stuck) && expects(stuck, "`->`"))
        diag_help(message, "the results stay on the line of the `)`: … ) -> [M, N]");
    else if (parse->header >= 0 && is_invented(stuck) && expects(stuck, "`{`"))
        diag_help(message, "the `{` stays on the line of its header");
    else if (stuck->kind == '=' && expects(stuck, "the end of the statement") && expects(stuck, "`and`"))
        diag_help(message, "equality is written ==");
    else if (nearest_word(stuck))
        diag_help(message, "did you mean `%s`?", nearest_word(stuck));
    return true;
}

void report_syntax(Parse *parse, const char *const *expected, int count) {
    static bool (*const rules[])(const Stuck *) = {
        report_scanned, report_bracket,    report_word,  report_operator,
        report_place,   report_unfinished, report_chain, report_unexpected,
    };
    if (parse->stopped) return;
    Stuck stuck = {parse, parse->given, parse->given_kind, token_span(parse, parse->given), expected, count};
    if (is_invented(&stuck)) stuck.at.start = stuck.at.end;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i](&stuck)) return;
}

void report_brace(Parse *parse, const Open *open, int before) {
    Message *message = diag_error(parse->diag, token_span(parse, open->token), E0107, "the `{` of `%s` is not closed",
                                  text_of(parse, open->statement));
    if (parse->tokens.at[before].kind == YYEOF)
        diag_help(message, "put `}` where it ends");
    else
        diag_note(message, token_span(parse, before), "`%s` cannot stand inside it", text_of(parse, before));
}

void report_nesting(Parse *parse, Span at) {
    if (parse->stopped) return;
    parse->stopped = true;
    Message *message = diag_error(parse->diag, at, E0106, "nested too deeply");
    diag_help(message, "at most %d brackets and braces may be open, and an expression be %d operations deep",
              LANG_NESTING, LANG_DEPTH);
}
