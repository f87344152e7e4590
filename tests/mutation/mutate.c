/* mutate.c: breaks the adjoint rules of a source file, one at a time.
 *
 *     mutate list compiler/ops/map.c       a line per mutant: number, line, rule, what is done, text before and after
 *     mutate 17 compiler/ops/map.c         the file with mutant 17 in it
 *
 * In: a file of compiler/ops. A mutant changes one place within an adjoint rule (a RULE row, a function adjoint_… or
 * back_…, the helpers that only rules use, the table of the product's forms): a sign, a factor or a sum left out,
 * operands or branches exchanged, a flag turned round, an axis or a number off by one. Texts that stand for the user
 * (rules' names) are left alone. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ARGUMENTS = 8, TEXT = 4096 };

/* Functions that rules alone use. */
static const char *const helpers[] = {"indicator", "share_of_winner", "scaled",       "complement",
                                      "sign",      "silu_slope",      "bell_curve",   "power_slope",
                                      "pad_back",  "add_back",        "power_growth", "gelu_tanh_curve",
                                      "spread",    "along",           "apply",        "row_back"};

typedef struct Part {
    const char *from, *to;
} Part;

typedef struct Call {
    Part name, whole, argument[MOST_ARGUMENTS];
    int count;
} Call;

typedef struct Mutator {
    const char *text;
    int wanted, count; /* wanted -1: list them */
    Part rule;         /* the name of the rule or function in which mutants are made */
} Mutator;

/* ---- the text ---- */

static char *read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t size = 0;
    if (!file) {
        perror(path);
        exit(3);
    }
    for (size_t got = 1; got > 0;) {
        text = realloc(text, size + 65536 + 1);
        got = fread(text + size, 1, 65536, file);
        size += got;
    }
    fclose(file);
    text[size] = '\0';
    return text;
}

static int line_of(const Mutator *m, const char *at) {
    int line = 1;
    for (const char *c = m->text; c < at; c++) line += *c == '\n';
    return line;
}

/* Behind a string that begins here. */
static const char *skip_string(const char *at) {
    for (at++; *at && *at != '"'; at++) at += *at == '\\';
    return at + 1;
}

/* Behind the bracket that closes the one that begins here. */
static const char *skip_brackets(const char *at) {
    int depth = 0;
    for (;;) {
        if (!*at) return at;
        if (*at == '"') {
            at = skip_string(at);
            continue;
        }
        depth += (*at == '(' || *at == '{' || *at == '[') - (*at == ')' || *at == '}' || *at == ']');
        at++;
        if (depth == 0) return at;
    }
}

static Part trimmed(const char *from, const char *to) {
    while (from < to && isspace((unsigned char)*from)) from++;
    while (to > from && isspace((unsigned char)to[-1])) to--;
    return (Part){from, to};
}

static bool is(Part part, const char *word) {
    return (size_t)(part.to - part.from) == strlen(word) && strncmp(part.from, word, strlen(word)) == 0;
}

/* The call of a function whose name begins here; false when there is none. */
static bool read_call(const char *at, const char *end, Call *call) {
    const char *open = at;
    while (open < end && (isalnum((unsigned char)*open) || *open == '_')) open++;
    if (open == at || *open != '(') return false;
    *call = (Call){.name = {at, open}, .whole = {at, skip_brackets(open)}};
    const char *from = open + 1;
    for (const char *c = from; c < call->whole.to;) {
        if (*c == '"') {
            c = skip_string(c);
        } else if (*c == '(' || *c == '{' || *c == '[') {
            c = skip_brackets(c);
        } else if (*c == ',' || c == call->whole.to - 1) {
            if (call->count < MOST_ARGUMENTS) call->argument[call->count++] = trimmed(from, c);
            from = ++c;
        } else {
            c++;
        }
    }
    return true;
}

/* ---- one mutant ---- */

static void show(const char *from, const char *to) {
    for (; from < to; from++)
        if (*from == '\n')
            putchar(' ');
        else if (!(*from == ' ' && from[1] == ' '))
            putchar(*from);
}

static void mutant(Mutator *m, const char *what, Part old, const char *text) {
    int number = m->count++;
    if (m->wanted < 0) {
        printf("%d\t%d\t%.*s\t%s\t", number, line_of(m, old.from), (int)(m->rule.to - m->rule.from), m->rule.from,
               what);
        show(old.from, old.to);
        printf("\t");
        show(text, text + strlen(text));
        printf("\n");
    } else if (number == m->wanted) {
        printf("%.*s%s%s", (int)(old.from - m->text), m->text, text, old.to);
    }
}

/* `format` has $0 for the call's first argument, $1 … for the others. */
static void rewrite(Mutator *m, const char *what, const Call *call, const char *format) {
    char text[TEXT];
    size_t length = 0;
    for (; *format && length + 1 < sizeof text; format++) {
        if (*format != '$') {
            text[length++] = *format;
            continue;
        }
        Part part = call->argument[*++format - '0'];
        int size = (int)(part.to - part.from);
        length += (size_t)snprintf(text + length, sizeof text - length, "%.*s", size, part.from);
    }
    text[length] = '\0';
    mutant(m, what, call->whole, text);
}

/* What is done to a call of a function, by its name: one row per mutant. */
static const struct {
    const char *name, *what, *format;
} call_rules[] = {
    {"multiply", "left factor alone", "$1"},
    {"multiply", "right factor alone", "$2"},
    {"multiply", "quotient for product", "divide($0, $1, $2)"},
    {"divide", "product for quotient", "multiply($0, $1, $2)"},
    {"divide", "operands exchanged", "divide($0, $2, $1)"},
    {"add", "difference for sum", "subtract($0, $1, $2)"},
    {"add", "left term alone", "$1"},
    {"add", "right term alone", "$2"},
    {"subtract", "sum for difference", "add($0, $1, $2)"},
    {"subtract", "operands exchanged", "subtract($0, $2, $1)"},
    {"subtract", "left term alone", "$1"},
    {"negate", "sign lost", "$1"},
    {"complement", "complement lost", "$1"},
    {"scaled", "factor lost", "$2"},
    {"power", "power lost", "$1"},
    {"exponential", "exp lost", "$1"},
    {"exponential", "log for exp", "logarithm($0, $1)"},
    {"logarithm", "log lost", "$1"},
    {"sine", "cosine for sine", "cosine($0, $1)"},
    {"cosine", "sine for cosine", "sine($0, $1)"},
    {"hyperbolic_tangent", "tanh lost", "$1"},
    {"sigmoid", "sigmoid lost", "$1"},
    {"where", "branches exchanged", "where($0, $1, $3, $2)"},
    {"where", "first branch alone", "$2"},
    {"where", "second branch alone", "$3"},
    {"less", "operands exchanged", "less($0, $2, $1)"},
    {"less", "equal too", "less_equal($0, $1, $2)"},
    {"equal", "not equal", "not_equal($0, $1, $2)"},
    {"row_sum", "sum missing", "$1"},
    {"row_mean", "mean missing", "$1"},
    {"row_mean", "sum for mean", "multiply($0, number($0, (double)width($1)), row_mean($0, $1))"},
    {"row_back", "row's number missing", "zeros($0, *$2)"},
    {"centred", "mean kept", "$1"},
    {"sum", "sum missing", "$1"},
    {"sum", "one axis less", "sum($0, $1, $2, $3 - 1, $4)"},
    {"spread", "not divided or repeated", "zeros($0, with_lead($2, $1, &($1)->operand[0]->shape))"},
    {"matmul", "operands exchanged", "matmul($0, $2, $1, $3, $4)"},
    {"matmul", "left flag turned", "matmul($0, $1, $2, !($3), $4)"},
    {"matmul", "right flag turned", "matmul($0, $1, $2, $3, !($4))"},
    {"move_axes", "axes not moved", "$1"},
    {"permute", "axes not permuted", "$1"},
    {"permute", "forward order", "permute($0, $1, node->attr.axes)"},
    {"pad", "value in the padding", "pad($0, $1, $2, $3, 1.0)"},
    {"pad", "before and after exchanged", "pad($0, $1, $3, $2, $4)"},
    {"scatter_add", "nothing added", "$1"},
    {"zeros", "ones for zeros", "full($0, $1, 1.0, DT_FLOAT)"},
    {"map1", "forward function for its derivative", "$2"},
    {"adjoint_add", "sign", "adjoint_add($0, $1, negate(to->graph, $2), $3)"},
    {"adjoint_add", "contribution lost", "(void)($2)"},
    {"adjoint_add", "twice", "adjoint_add($0, $1, add(to->graph, $2, $2), $3)"},
};

static void mutate_call(Mutator *m, const Call *call) {
    for (size_t i = 0; i < sizeof call_rules / sizeof *call_rules; i++)
        if (is(call->name, call_rules[i].name)) rewrite(m, call_rules[i].what, call, call_rules[i].format);
    if (is(call->name, "RULE1")) rewrite(m, "sign", call, "RULE1($0, $1, negate(q, $2))");
    if (is(call->name, "RULE1")) rewrite(m, "twice", call, "RULE1($0, $1, scaled(q, 2, $2))");
    if (!is(call->name, "RULE2")) return;
    rewrite(m, "sign of dA", call, "RULE2($0, $1, negate(q, $2), $3, $4)");
    rewrite(m, "sign of dB", call, "RULE2($0, $1, $2, $3, negate(q, $4))");
    rewrite(m, "dA and dB exchanged", call, "RULE2($0, $3, $4, $1, $2)");
}

/* A word or a number that stands alone. */
static void mutate_word(Mutator *m, Part word) {
    static const char *const pairs[][2] = {
        {"true", "false"}, {"false", "true"}, {"OTHER", "COTANGENT"}, {"COTANGENT", "OTHER"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (is(word, pairs[i][0])) mutant(m, "the other", word, pairs[i][1]);
    if (isdigit((unsigned char)*word.from)) {
        char text[64];
        bool real = memchr(word.from, '.', (size_t)(word.to - word.from)) != NULL;
        snprintf(text, sizeof text, real ? "(%.*s + 0.5)" : "(%.*s + 1)", (int)(word.to - word.from), word.from);
        mutant(m, "number off", word, text);
    }
}

/* ---- a region ---- */

static bool letter(char c) {
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

static void mutate_region(Mutator *m, const char *from, const char *end) {
    for (const char *at = from; at < end;) {
        Call call;
        if (*at == '"') {
            at = skip_string(at);
        } else if (*at == '/' && at[1] == '*') {
            at = strstr(at, "*/") + 2;
        } else if (letter(*at)) {
            if (read_call(at, end, &call)) mutate_call(m, &call);
            const char *to = at;
            while (letter(*to)) to++;
            if (*to != '(' && *to != '[') mutate_word(m, (Part){at, to});
            at = to;
        } else {
            if ((*at == '+' || *at == '-') && at[-1] == ' ' && at[1] == ' ')
                mutant(m, "other sign", (Part){at, at + 1}, *at == '+' ? "-" : "+");
            at++;
        }
    }
}

/* Whether a line begins a function of which a rule is made; its body. */
static bool begins_rule(const char *line, Part *body, Part *rule) {
    static const char *const starts[] = {"static Node *", "static void ", "static double ", "Node *"};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        size_t length = strlen(starts[i]);
        if (strncmp(line, starts[i], length) != 0) continue;
        const char *name = line + length, *open = strchr(name, '(');
        const char *brace = open ? strstr(open, "{\n") : NULL, *end = brace ? strstr(brace, "\n}") : NULL;
        if (!end || strcspn(name, "\n;") < (size_t)(open - name)) continue;
        bool found = strncmp(name, "adjoint_", 8) == 0 && strncmp(name, "adjoint_add", 11) != 0 &&
                     strncmp(name, "adjoint_wants", 13) != 0;
        for (size_t k = 0; k < sizeof helpers / sizeof *helpers; k++)
            found = found || is((Part){name, open}, helpers[k]);
        if (!found || open > brace) continue;
        *body = (Part){brace, end};
        *rule = (Part){name, open};
        return true;
    }
    return false;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: mutate list|NUMBER FILE\n");
        return 2;
    }
    Mutator m = {.text = read_file(argv[2]), .wanted = strcmp(argv[1], "list") == 0 ? -1 : atoi(argv[1])};
    for (const char *line = m.text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        Part body = {line, line};
        if (strncmp(line, "RULE1(", 6) == 0 || strncmp(line, "RULE2(", 6) == 0) {
            m.rule = (Part){line + 6, line + strcspn(line, ",")};
            body.to = skip_brackets(line + 5);
        } else if (strncmp(line, "static const Form form_", 23) == 0) {
            m.rule = (Part){line + 18, line + strcspn(line, "[")};
            body = (Part){strchr(line, '=') + 1, strchr(line, ';')};
        } else if (!begins_rule(line, &body, &m.rule)) {
            continue;
        }
        mutate_region(&m, body.from, body.to);
    }
    return m.wanted < m.count ? 0 : 2;
}
