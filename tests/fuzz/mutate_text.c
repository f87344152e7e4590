/* mutate_text.c: new .tg files from old ones, by changes that keep to the grammar most of the time.
 *
 * A text is cut into words (names, numbers, signs, brackets). A change replaces a name by another one of the text, a
 * sign by a sign, an operand by a new expression grown from templates, or adds a statement or a declaration; now and
 * then libFuzzer changes bytes as it likes.
 *
 *     y = relu(x @ W)  ->  y = relu(softmax(x, axis = 0) @ W)
 *
 * In templates `$` is a name of the text, `#` a number, `~` an expression, `!` a name of the language's own functions.
 */
#include "fuzz.h"

#include <ctype.h>
#include <string.h>

enum { MOST_TEXT = 4096, MOST_WORDS = 1024 };

typedef enum WordKind { WORD_NAME, WORD_NUMBER, WORD_SIGN, WORD_OPEN, WORD_CLOSE, WORD_LINE, WORD_OTHER } WordKind;

typedef struct Word {
    WordKind kind;
    size_t from, to;
} Word;

typedef struct Edit {
    Random random;
    char text[MOST_TEXT];
    size_t size, most;
    Word words[MOST_WORDS];
    int count;
} Edit;

static const char *const functions[] = {
    "abs",     "exp",       "log",       "sqrt",      "rsqrt",        "tanh",    "sigmoid",     "relu",
    "gelu",    "gelu_tanh", "silu",      "erf",       "sin",          "cos",     "f32",         "f64",
    "i32",     "bool",      "stop",      "where",     "min",          "max",     "sum",         "mean",
    "softmax", "matmul",    "logsumexp", "layernorm", "rmsnorm",      "gather",  "log_softmax", "one_hot",
    "concat",  "stack",     "split",     "pad",       "permute",      "zeros",   "ones",        "cross_entropy",
    "full",    "iota",      "causal",    "dropout",   "sinusoid",     "grad",    "jacobian",    "zip",
    "Affine",  "Embedding", "Norm",      "Linear",    "step",         "RMSNorm", "adam",        "FeedForward",
    "sgd",     "Attention", "attend",    "adamw",     "EncoderLayer",
};
static const char *const keywords[] = {
    "tg",    "import", "dim",   "const",  "let", "module", "param",  "state",   "use",   "fn",
    "graph", "train",  "using", "return", "for", "in",     "remat",  "if",      "else",  "assert",
    "with",  "as",     "to",    "and",    "or",  "not",    "inf",    "true",    "false", "axis",
    "keep",  "i32",    "bool",  "f64",    "T",   "xavier", "normal", "uniform",
};
static const char *const numbers[] = {
    "0",     "1",     "2",   "3",  "4",       "5",     "8",          "0.5",           "1e-9",
    "1e38",  "inf",   "-1",  "17", "100",     "65536", "2147483648", "1099511627776", "9007199254740992",
    "1e308", "1e400", "0.1", "-2", "1000000",
};
static const char *const signs[] = {"+",  "-",   "*",  "/", "%",  "**", "@", "<", "<=", ">",  ">=", "==",
                                    "!=", "and", "or", "=", ":=", ",",  ":", ".", "..", "->", "~",  ";"};
static const char *const expressions[] = {
    "$",
    "$",
    "$",
    "$",
    "$",
    "#",
    "#",
    "$.T",
    "!($)",
    "!(~)",
    "!(~, ~)",
    "!(~, axis = #)",
    "(~)",
    "-~",
    "not ~",
    "~ + ~",
    "~ - ~",
    "~ * ~",
    "~ / ~",
    "~ ** ~",
    "~ % ~",
    "~ @ ~",
    "~ < ~",
    "~ == ~",
    "~ and ~",
    "~ or ~",
    "$[#]",
    "$[.., #]",
    "$[#:#]",
    "$[:, #:]",
    "$[~]",
    "$[..]",
    "~ as [$, $]",
    "~ as [1, ..]",
    "~ as [#, #]",
    "~ to [$, $]",
    "~ to [#]",
    "$(~)",
    "$(~, ~)",
    "$.$",
    "$.$(~)",
    "$[#](~)",
    "sum(~)",
    "sum(~, axis = #)",
    "mean(~, axis = -1, keep = true)",
    "max(~, ~)",
    "softmax(~)",
    "where(~, ~, ~)",
    "where($ > 0, $, ~)",
    "grad(sum(~), $)",
    "grad(sum($ * ~), $)",
    "jacobian($, $)",
    "concat($, $, axis = 0)",
    "stack($, ~)",
    "split($, #, axis = #)",
    "pad($, [[#, #]])",
    "permute($, #, #)",
    "gather($, iota(#))",
    "one_hot(iota(#), #)",
    "zeros([$])",
    "ones([$, $])",
    "full([$, #], ~)",
    "matmul($, $, transpose_b = true)",
    "dropout(~, 0.5)",
    "layernorm(~)",
    "rmsnorm(~, eps = #)",
    "cross_entropy($, i32($))",
    "stop(~)",
    "f32(~)",
    "causal($)",
    "[~, ~]",
    "sinusoid($, $)",
    "iota($)",
    "log(exp(~))",
    "sqrt(abs(~))",
    "zip($, $)",
    "true",
    "inf",
    "\"text\"",
};
static const char *const statements[] = {
    "  $ = ~",
    "  $ = ~",
    "  $ = ~",
    "  $ = ~",
    "  $ := ~",
    "  $.$ := ~",
    "  $[#] := ~",
    "  $, $ = $(~)",
    "  return ~",
    "  return ~, ~",
    "  for $ in $ { $ = ~ }",
    "  for $ in 0..# { $ = ~ }",
    "  if ~ { $ = ~ }",
    "  for $ in #..$ remat { $ = $(~) }",
    "  if ~ { $ = ~ } else { $ = ~ }",
    "  let $ = ~",
    "  assert ~, \"no\"",
    "  $ = ~; $ = ~",
    "  # a comment",
    "",
    "  d_x, d_y = grad(sum(~), $, $)",
    "  for $, $ in zip($, $) { $ = ~ }",
};
static const char *const items[] = {
    "dim $ = #",
    "dim $ = $ * #, $ in [#, #]",
    "const $ = ~",
    "let $ = ~",
    "import \"nn.tg\"",
    "import \"lib.tg\"",
    "import \"lib.tg\" as $",
    "param $: [$, $] ~ xavier",
    "param $: [$] ~ normal(0.0, 1.0) with decay = false",
    "param $: [] ~ zeros",
    "param $: [#, $]",
    "state $: [$] ~ zeros",
    "state $: i32[#] ~ ones",
    "use $ = $(~)",
    "use $ = Affine($, $)",
    "use $[#] = $(~), $ = $(~, ~)",
    "use $ = Norm($)",
    "fn $(x: [..]) -> [..] = ~",
    "fn $[A, B](x: [A, B], y: [B, A]) -> [A, A] = x @ y",
    "fn $(x: [.., $], n) -> [..] { return ~ }",
    "fn $(x: [], y: []) -> (a: [], b: []) { return x * y, x + y }",
    "if ~ { dim $ = # } else { dim $ = # }",
    "module $(A, B = 2) { param W: [A, B] ~ xavier\n  fn (x: [.., A]) -> [.., B] = x @ W }",
    "module $() { use a = $(~)\n  fn (x: [..]) -> [..] = a(x)\n  fn $(x: [#]) -> [] = ~ }",
    "graph $(x: [$, $]) -> (y: [$, $]) { y = ~ }",
    "graph $(x: [#, #], y: [#, #]) -> (z: [#, #]) { z = ~ }",
    "graph $(x: [$]) -> (y: [], d_x: [$]) { y = sum(~)\n  d_x = grad(y, x) }",
    "graph $(i: i32[$], m: bool[$]) -> (y: [$]) { y = where(m, f32(i), ~) }",
    "graph $(x: [2]) -> (j: [2, 2]) { j = jacobian(x * ~, x) }",
    "train $(x: [$, $]) -> (loss: []) { loss = mean(~ ** 2) } using sgd(lr = #)",
    "train $(x: [#, $]) -> (loss: []) { loss = sum(~) } using adam(lr = ~, clip = #)",
    "train $(x: [$]) -> (loss: []) { loss = ~ } using adamw(lr = 0.1, decay = #, accumulate = #)",
    "assert ~, \"no\"",
    "#lib",
    "extern fn $(x) -> y from \"lib.h\" adjoint $",
    "extern fn $(x, y) -> z from \"lib.h\"",
    "fn $(n) -> [] = if n { $(n - 1) } else { n }",
};

#define LENGTH(table) (sizeof table / sizeof *table)

static uint32_t below(Edit *edit, size_t limit) {
    return random_below(&edit->random, (uint32_t)limit);
}

/* ---- words ---- */

static bool is_name(char c) {
    return isalnum((unsigned char)c) || c == '_';
}

static Word word_at(const Edit *edit, size_t at) {
    const char *text = edit->text;
    Word word = {WORD_OTHER, at, at + 1};
    char c = text[at];
    if (isdigit((unsigned char)c)) {
        word.kind = WORD_NUMBER;
        while (word.to < edit->size && (is_name(text[word.to]) || (text[word.to] == '.' && text[word.to + 1] != '.')))
            word.to++;
    } else if (is_name(c)) {
        word.kind = WORD_NAME;
        while (word.to < edit->size && is_name(text[word.to])) word.to++;
    } else if (c == '#' || c == '"') {
        while (word.to < edit->size && text[word.to] != '\n' && (c == '#' || text[word.to] != '"')) word.to++;
        word.to += c == '"' && word.to < edit->size && text[word.to] == '"';
    } else if (c && strchr("([{", c)) {
        word.kind = WORD_OPEN;
    } else if (c && strchr(")]}", c)) {
        word.kind = WORD_CLOSE;
    } else if (c == '\n') {
        word.kind = WORD_LINE;
    } else if (c && strchr("+-*/%@<>=!:.,~;", c)) {
        word.kind = WORD_SIGN;
        while (word.to < edit->size && text[word.to] && strchr("*=>.", text[word.to])) word.to++;
    }
    return word;
}

static void cut_words(Edit *edit) {
    edit->count = 0;
    edit->text[edit->size] = '\0';
    for (size_t at = 0; at < edit->size && edit->count < MOST_WORDS;) {
        Word word = word_at(edit, at);
        at = word.to;
        if (word.to - word.from == 1 && strchr(" \t", edit->text[word.from])) continue;
        edit->words[edit->count++] = word;
    }
}

/* A random word of that kind; -1 if there is none. */
static int pick(Edit *edit, WordKind kind) {
    for (int tries = 0; tries < 24 && edit->count; tries++) {
        int at = (int)below(edit, (size_t)edit->count);
        if (edit->words[at].kind == kind) return at;
    }
    return -1;
}

/* The word with which the group that word `at` opens is closed, or `at` itself. */
static int group_end(const Edit *edit, int at) {
    int depth = 0;
    for (int i = at; i < edit->count; i++) {
        depth += edit->words[i].kind == WORD_OPEN ? 1 : edit->words[i].kind == WORD_CLOSE ? -1 : 0;
        if (depth == 0) return i;
    }
    return at;
}

static void replace(Edit *edit, size_t from, size_t to, const char *with, size_t length) {
    if (to < from || edit->size - (to - from) + length >= edit->most) return;
    char copy[MOST_TEXT];
    memcpy(copy, with, length); /* which may lie in the text */
    memmove(edit->text + from + length, edit->text + to, edit->size - to);
    memcpy(edit->text + from, copy, length);
    edit->size = edit->size - (to - from) + length;
    edit->text[edit->size] = '\0';
}

/* ---- templates ---- */

typedef struct Grown {
    char text[512];
    size_t length;
} Grown;

static void add(Grown *grown, const char *text, size_t length) {
    if (grown->length + length >= sizeof grown->text) return;
    memcpy(grown->text + grown->length, text, length);
    grown->length += length;
}

static void add_name(Edit *edit, Grown *grown) {
    int at = pick(edit, WORD_NAME);
    if (at < 0 || !below(edit, 24)) {
        char fresh = (char)('a' + below(edit, 6));
        add(grown, &fresh, 1);
    } else {
        add(grown, edit->text + edit->words[at].from, edit->words[at].to - edit->words[at].from);
    }
}

static void grow(Edit *edit, Grown *grown, const char *template, int depth) {
    for (; *template; template ++) {
        const char *word = template;
        switch (*template) {
        case '$':
            add_name(edit, grown);
            continue;
        case '#':
            word = template[1] && template[1] != ' ' && isalpha((unsigned char)template[1]) ? "#" : NULL;
            break;
        case '!':
            word = functions[below(edit, LENGTH(functions))];
            break;
        case '~':
            if (template[1] == ' ' && isalpha((unsigned char)template[2]) && depth == 0 && strchr(template, ']')) break;
            grow(edit, grown, expressions[below(edit, depth < 3 ? LENGTH(expressions) : 7)], depth + 1);
            continue;
        default:
            add(grown, word, 1);
            continue;
        }
        if (!word) word = numbers[below(edit, below(edit, 6) ? 7 : LENGTH(numbers))];
        add(grown, word, *template == '~' ? 1 : strlen(word));
    }
}

/* ---- changes ---- */

static void change_name(Edit *edit) {
    int at = pick(edit, WORD_NAME), other = pick(edit, WORD_NAME);
    if (at < 0) return;
    Word word = edit->words[at], with = edit->words[other < 0 ? at : other];
    uint32_t kind = below(edit, 10);
    const char *text = kind == 0   ? keywords[below(edit, LENGTH(keywords))]
                       : kind <= 2 ? functions[below(edit, LENGTH(functions))]
                                   : NULL;
    if (text)
        replace(edit, word.from, word.to, text, strlen(text));
    else
        replace(edit, word.from, word.to, edit->text + with.from, with.to - with.from);
}

static void change_number(Edit *edit) {
    int at = pick(edit, WORD_NUMBER);
    const char *text = numbers[below(edit, LENGTH(numbers))];
    if (at >= 0) replace(edit, edit->words[at].from, edit->words[at].to, text, strlen(text));
}

static void change_sign(Edit *edit) {
    int at = pick(edit, WORD_SIGN);
    const char *text = signs[below(edit, LENGTH(signs))];
    if (at >= 0) replace(edit, edit->words[at].from, edit->words[at].to, text, strlen(text));
}

/* A name, a number, or what stands in brackets gives way to a new expression. */
static void change_operand(Edit *edit) {
    static const WordKind kinds[] = {WORD_NAME, WORD_NAME, WORD_NUMBER, WORD_OPEN};
    int at = pick(edit, kinds[below(edit, LENGTH(kinds))]);
    if (at < 0) return;
    int end = group_end(edit, at);
    size_t from = edit->words[at].from, to = edit->words[end].to;
    if (edit->text[from] == '{') return;
    Grown grown = {.length = 0};
    bool inside = end > at;
    grow(edit, &grown, "~", 1);
    if (inside)
        replace(edit, from + 1, to - 1, grown.text, grown.length);
    else
        replace(edit, from, to, grown.text, grown.length);
}

/* One group of brackets gives way to a copy of another. */
static void copy_group(Edit *edit) {
    int at = pick(edit, WORD_OPEN), other = pick(edit, WORD_OPEN);
    if (at < 0 || other < 0) return;
    Word *words = edit->words;
    int end = group_end(edit, at), other_end = group_end(edit, other);
    replace(edit, words[at].from, words[end].to, edit->text + words[other].from,
            words[other_end].to - words[other].from);
}

/* From behind one end of a line to behind the next. */
static bool pick_line(Edit *edit, size_t *from, size_t *to) {
    size_t at = below(edit, edit->size + 1);
    while (at > 0 && edit->text[at - 1] != '\n') at--;
    *from = at;
    while (at < edit->size && edit->text[at] != '\n') at++;
    *to = at < edit->size ? at + 1 : at;
    return *to > *from;
}

static void copy_line(Edit *edit) {
    size_t from, to, other, end;
    if (pick_line(edit, &from, &to) && pick_line(edit, &other, &end))
        replace(edit, other, other, edit->text + from, to - from);
}

static void drop_line(Edit *edit) {
    size_t from, to;
    if (pick_line(edit, &from, &to)) replace(edit, from, to, "", 0);
}

static void drop_words(Edit *edit) {
    if (!edit->count) return;
    int at = (int)below(edit, (size_t)edit->count), end = group_end(edit, at) + (int)below(edit, 2);
    if (end >= edit->count) end = edit->count - 1;
    replace(edit, edit->words[at].from, edit->words[end].to, "", 0);
}

static void add_statement(Edit *edit) {
    Grown grown = {.length = 0};
    int brace = -1;
    for (int tries = 0; tries < 4 && (brace < 0 || edit->text[edit->words[brace].from] != '{'); tries++)
        brace = pick(edit, WORD_OPEN);
    if (brace < 0) return;
    Word *words = edit->words;
    size_t at = words[brace].to, line, end;
    if (below(edit, 2) && pick_line(edit, &line, &end) && line > 0) at = line - 1;
    add(&grown, "\n", 1);
    grow(edit, &grown, statements[below(edit, LENGTH(statements))], 0);
    if (at < edit->size && edit->text[at] != '\n') add(&grown, "\n", 1);
    replace(edit, at, at, grown.text, grown.length);
}

static void add_item(Edit *edit) {
    Grown grown = {.length = 0};
    size_t from = edit->size, to;
    if (below(edit, 3)) pick_line(edit, &from, &to);
    grow(edit, &grown, items[below(edit, LENGTH(items))], 0);
    add(&grown, "\n", 1);
    replace(edit, from, from, grown.text, grown.length);
}

static void change_bytes(Edit *edit) {
    edit->size = LLVMFuzzerMutate((uint8_t *)edit->text, edit->size, edit->most - 1);
}

static void begin(Edit *edit, const uint8_t *data, size_t size, size_t most, unsigned seed) {
    edit->random = random_of(seed);
    edit->most = most < MOST_TEXT ? most : MOST_TEXT;
    edit->size = size < edit->most ? size : edit->most - 1;
    memcpy(edit->text, data, edit->size);
    cut_words(edit);
}

/* ---- texts that got far ---- */

enum { KEPT = 64, MOST_KEPT = 1024 };
static struct {
    char text[MOST_KEPT];
    size_t size;
} kept[KEPT];
static unsigned kept_count;

void fuzz_keep(const char *text, size_t size) {
    if (size == 0 || size > MOST_KEPT) return;
    memcpy(kept[kept_count % KEPT].text, text, size);
    kept[kept_count++ % KEPT].size = size;
}

static void change(Edit *edit) {
    static void (*const changes[])(Edit *) = {change_name,    change_name, change_name,    change_number, change_sign,
                                              change_operand, copy_group,  change_operand, copy_line,     drop_line,
                                              drop_words,     add_item,    add_statement,  add_statement, change_bytes};
    if (edit->size < 5) replace(edit, 0, 0, "tg 1\n", 5);
    for (uint32_t turns = 1 + below(edit, 3) * below(edit, 2); turns > 0; turns--) {
        cut_words(edit);
        changes[below(edit, LENGTH(changes))](edit);
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
    static Edit edit; /* large, and made anew each time */
    Random random = random_of(seed + 1);
    if (most < 16) return LLVMFuzzerMutate(data, size, most);
    if (kept_count && random_below(&random, 2)) {
        uint32_t which = random_below(&random, kept_count < KEPT ? kept_count : KEPT);
        size = kept[which].size < most ? kept[which].size : most;
        memcpy(data, kept[which].text, size);
    }
    for (uint32_t tries = random_below(&random, 8) ? 4 : 1; tries > 0; tries--) {
        begin(&edit, data, size, most, seed + tries * 0x10001);
        change(&edit);
        if (tries > 1 && fuzz_likes(edit.text, edit.size)) break;
    }
    memcpy(data, edit.text, edit.size);
    return edit.size;
}

/* Some lines of one text put between two lines of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
                                 size_t most, unsigned seed) {
    static Edit edit, other;
    if (most < 16) return 0;
    begin(&edit, a, a_size, most, seed);
    if (below(&edit, 4)) { /* which breaks most texts: seldom */
        memcpy(out, edit.text, edit.size);
        return LLVMFuzzerCustomMutator(out, edit.size, most, seed);
    }
    begin(&other, b, b_size, MOST_TEXT, seed + 1);
    size_t from, to, at, end, last;
    if (pick_line(&other, &from, &to) && pick_line(&edit, &at, &end)) {
        size_t begun, lines = below(&edit, 8);
        for (last = to; lines > 0 && to < other.size; lines--) {
            for (begun = to; to < other.size && other.text[to] != '\n'; to++) {
            }
            to += to < other.size;
            last = to > begun ? to : last;
        }
        replace(&edit, at, at, other.text + from, last - from);
    }
    memcpy(out, edit.text, edit.size);
    return edit.size;
}
