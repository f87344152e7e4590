/* print.c: a Function as C that a person would write.
 *
 *     for s in slices { for d in lanes(0, 256) { let h = x[s*256 + d] + b[d]; y[s*256 + d] = h } }
 *
 *     static void k03_h(const void *args, int lo, int hi) {
 *         const struct k03_h_args *given = args;
 *         const float *x = given->x;
 *         ...
 *         for (int s = lo; s < hi; s++) {
 *             for (int d = 0; d < 256; d += 16) {
 *                 const vec h = tg_load(x + s * 256 + d) + tg_load(b + d);
 *                 tg_store(y + s * 256 + d, h);
 *
 * Parentheses stand only where C, or the warnings of C compilers, ask for them. A name is printed as it is given, or,
 * for loop_canonical, as a number in the order of appearance, so that functions that differ in names are one text. */
#include "loop/loop.h"

#include <math.h>
#include <string.h>

enum { LINE_WIDTH = 120 };

/* How tightly the outermost operator of a text binds, as in C's grammar. */
typedef enum Binding {
    BIND_NONE, /* anything fits here: between brackets or commas */
    BIND_CHOICE,
    BIND_OR,
    BIND_AND,
    BIND_BITS_OR,
    BIND_BITS_XOR,
    BIND_BITS_AND,
    BIND_EQUAL,
    BIND_LESS,
    BIND_SHIFT,
    BIND_ADD,
    BIND_MULTIPLY,
    BIND_PREFIX,
    BIND_ATOM
} Binding;

static const struct {
    const char *text;
    Binding binding;
} operator_table[] = {
    {"<<", BIND_SHIFT},   {">>", BIND_SHIFT},   {"<=", BIND_LESS},    {">=", BIND_LESS},    {"==", BIND_EQUAL},
    {"!=", BIND_EQUAL},   {"&&", BIND_AND},     {"||", BIND_OR},      {"<", BIND_LESS},     {">", BIND_LESS},
    {"+", BIND_ADD},      {"-", BIND_ADD},      {"*", BIND_MULTIPLY}, {"/", BIND_MULTIPLY}, {"%", BIND_MULTIPLY},
    {"&", BIND_BITS_AND}, {"^", BIND_BITS_XOR}, {"|", BIND_BITS_OR},  {"?", BIND_CHOICE},   {":", BIND_CHOICE},
    {"!", BIND_PREFIX},   {"~", BIND_PREFIX},
};

typedef struct Printer {
    Text *text;
    Arena *arena;
    bool f64;
    bool canonical;
    VEC(const void *) seen; /* canonical: Vars and Arrays by number */
} Printer;

/* A printed expression and its outermost operator. */
typedef struct Piece {
    const char *text;
    Binding binding;
} Piece;

static Piece piece_of(Printer *p, const Expr *x);

static const char *name_for(Printer *p, const void *thing, const char *name) {
    if (!p->canonical) return name;
    int at = 0;
    while (at < p->seen.count && p->seen.at[at] != thing) at++;
    if (at == p->seen.count) vec_push(p->arena, &p->seen, thing);
    return arena_printf(p->arena, "_%d", at);
}

/* ---- types and numbers ---- */

static const char *element_type(const Printer *p, DType dtype) {
    if (dtype == DT_FLOAT) return p->f64 ? "double" : "float";
    return dtype == DT_I32 ? "int32_t" : "uint8_t";
}

static const char *value_type(const Printer *p, Type type, bool lanes, bool wide) {
    if (type == T_INDEX) return wide ? "int64_t" : "int";
    if (type == T_REAL) return lanes ? "vec" : p->f64 ? "double" : "float";
    if (type == T_INT) return lanes ? "ivec" : "lint";
    return lanes ? "ivec" : "int";
}

static Piece real_piece(Printer *p, double number) {
    if (isnan(number)) return (Piece){"NAN", BIND_ATOM};
    if (isinf(number)) return number < 0 ? (Piece){"-INFINITY", BIND_PREFIX} : (Piece){"INFINITY", BIND_ATOM};
    double exact = p->f64 ? number : (double)(float)number;
    if (isinf(exact)) return real_piece(p, exact);
    char digits[40];
    for (int precision = 1; precision <= 17; precision++) { /* the shortest text that reads back as the number */
        snprintf(digits, sizeof digits, "%.*g", precision, exact);
        double back = 0;
        sscanf(digits, "%lf", &back);
        if (p->f64 ? back == exact : (float)back == (float)exact) break;
    }
    const char *point = strpbrk(digits, ".e") ? "" : ".0";
    const char *text = arena_printf(p->arena, "%s%s%s", digits, point, p->f64 ? "" : "f");
    return (Piece){text, text[0] == '-' ? BIND_PREFIX : BIND_ATOM};
}

static Piece number_piece(Printer *p, const Expr *x) {
    if (x->type == T_REAL) return real_piece(p, x->number);
    const char *text = arena_printf(p->arena, "%.0f", x->number);
    return (Piece){text, text[0] == '-' ? BIND_PREFIX : BIND_ATOM};
}

/* ---- operators ---- */

/* The operator at the start of `at`, by its row; -1 if there is none. */
static int operator_at(const char *at) {
    for (int i = 0; i < (int)(sizeof operator_table / sizeof *operator_table); i++)
        if (!strncmp(at, operator_table[i].text, strlen(operator_table[i].text))) return i;
    return -1;
}

/* One operator of a format: where it stands, how deep in brackets, how it binds. */
typedef struct Mark {
    int depth;
    Binding binding;
    bool is_operand;
    int operand; /* which %i stands here */
} Mark;

/* Takes a format apart into operators, commas (BIND_NONE) and operands. Returns their number. */
static int marks_of(const char *format, Mark *marks, int limit) {
    int count = 0, depth = 0;
    bool after_value = false;
    for (const char *at = format; *at && count < limit;) {
        int row;
        if (*at == ' ') {
            at++;
        } else if (*at == '%' && at[1] >= '0' && at[1] <= '9') {
            marks[count++] = (Mark){depth, BIND_ATOM, true, at[1] - '0'};
            at += 2, after_value = true;
        } else if (*at == '(' || *at == '[' || *at == '{') {
            marks[count++] = (Mark){++depth, BIND_NONE, false, 0};
            at++, after_value = false;
        } else if (*at == ')' || *at == ']' || *at == '}') {
            marks[count++] = (Mark){depth--, BIND_NONE, false, 0};
            at++, after_value = true;
        } else if (*at == ',') {
            marks[count++] = (Mark){depth, BIND_NONE, false, 0};
            at++, after_value = false;
        } else if ((row = operator_at(at)) >= 0) {
            marks[count++] = (Mark){depth, after_value ? operator_table[row].binding : BIND_PREFIX, false, 0};
            at += strlen(operator_table[row].text), after_value = false;
        } else {
            at++, after_value = true;
        }
    }
    return count;
}

/* Whether a piece that binds as `inner` needs brackets between its neighbours. Mixed bit operators and shifts get them
 * although C doesn't need them, because compilers warn. */
static bool needs_brackets(Binding inner, Binding left, Binding right) {
    Binding tightest = left > right ? left : right;
    if (inner == BIND_ATOM || tightest == BIND_NONE) return false;
    if (tightest == BIND_PREFIX) return true;
    if (inner <= left || inner < right) return true;
    if (inner == BIND_PREFIX) return false;
    if (tightest == BIND_OR) return inner == BIND_AND;
    if (tightest >= BIND_BITS_OR && tightest <= BIND_BITS_AND) return inner != right;
    if (tightest == BIND_EQUAL || tightest == BIND_LESS) return inner <= BIND_LESS;
    return tightest == BIND_SHIFT;
}

/* Whether mark m is an operand between brackets or commas on that side, and the operator there if it isn't. */
static Binding binding_at(const Mark *marks, int count, int m) {
    return m >= 0 && m < count && !marks[m].is_operand ? marks[m].binding : BIND_NONE;
}

/* In `x * tg_splat(s)` the single s does as well, because C's operators take a vector and a single: the operand that
 * the tighter operator beside mark m joins it with is lanes. */
static bool splat_is_needless(const Mark *marks, int count, int m, Expr *const *args) {
    const Expr *x = args[marks[m].operand];
    if (x->kind != EX_SPLAT || (x->type != T_REAL && !(x->type == T_INT && x->arg[0]->kind == EX_NUMBER))) return false;
    Binding left = binding_at(marks, count, m - 1), right = binding_at(marks, count, m + 1);
    Binding tightest = left > right ? left : right;
    int other = left >= right ? m - 2 : m + 2;
    if (tightest < BIND_EQUAL || tightest > BIND_MULTIPLY || other < 0 || other >= count) return false;
    if (!marks[other].is_operand || marks[other].depth != marks[m].depth) return false;
    const Expr *y = args[marks[other].operand];
    return y->lanes && y->kind != EX_SPLAT;
}

/* The format with its operands' texts put in, in brackets where asked. */
static const char *fill(Printer *p, const char *format, const Piece *piece, const bool *bracket) {
    Text out;
    text_init(&out, p->arena);
    for (const char *at = format; *at;) {
        size_t run = 1;
        while (at[run] && at[run] != '%') run++;
        if (*at == '%' && at[1] >= '0' && at[1] <= '9') {
            int operand = at[1] - '0';
            if (bracket[operand]) text_add(&out, "(");
            text_add(&out, piece[operand].text);
            if (bracket[operand]) text_add(&out, ")");
            at += 2;
        } else {
            text_add(&out, arena_strndup(p->arena, at, run));
            at += run;
        }
    }
    return out.at;
}

/* Arithmetic of the model's integers: it wraps at 32 bits, where C's is undefined or, beside doubles, has 64. */
static const char *wrapping(const char *format) {
    static const char *const forms[][2] = {{"%0 + %1", "tg_plus(%0, %1)"},
                                           {"%0 - %1", "tg_minus(%0, %1)"},
                                           {"%0 * %1", "tg_times(%0, %1)"},
                                           {"-%0", "tg_negative(%0)"}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (!strcmp(format, forms[i][0])) return forms[i][1];
    return format;
}

/* A format with its operands put in, and its outermost operator. */
static Piece filled(Printer *p, const char *format, int count, Expr *const *args) {
    enum { MARKS = 64 };
    Mark marks[MARKS];
    int mark_count = marks_of(format, marks, MARKS);
    bool bracket[10] = {false};
    Piece piece[10] = {{NULL, BIND_ATOM}};
    Binding outer = BIND_ATOM;
    for (int m = 0; m < mark_count; m++) {
        int operand = marks[m].operand;
        if (!marks[m].is_operand) {
            if (marks[m].depth == 0 && marks[m].binding < outer) outer = marks[m].binding;
            continue;
        }
        if (operand >= count) fatal("lower", "format \"%s\" has %d operands", format, count);
        const Expr *x = args[operand];
        piece[operand] = piece_of(p, splat_is_needless(marks, mark_count, m, args) ? x->arg[0] : x);
        Binding left = binding_at(marks, mark_count, m - 1), right = binding_at(marks, mark_count, m + 1);
        if (needs_brackets(piece[operand].binding, left, right)) bracket[operand] = true;
    }
    if (mark_count == 1 && marks[0].is_operand) outer = piece[marks[0].operand].binding;
    return (Piece){fill(p, format, piece, bracket), outer};
}

/* ---- indices and memory ---- */

static bool is_far(const Array *array) {
    return array && array->buffer && array->buffer->count > INT32_MAX / 2;
}

/* "i * 256 + d + 3"; for large arrays the products are taken in 64 bits. */
static Piece index_piece(Printer *p, const Index *index, bool far) {
    Text out;
    text_init(&out, p->arena);
    Binding binding = BIND_ATOM;
    for (int i = 0; i < index->terms.count; i++) {
        const Term *term = &index->terms.at[i];
        int64_t scale = term->scale;
        if (scale == 0) continue;
        bool minus = scale < 0;
        if (out.length) {
            text_add(&out, minus ? " - " : " + ");
            binding = BIND_ADD;
        } else if (minus) {
            text_add(&out, "-");
            binding = BIND_PREFIX;
        }
        uint64_t size = minus ? 0 - (uint64_t)scale : (uint64_t)scale;
        const char *cast = far && !term->var->wide ? "(int64_t)" : "";
        text_printf(&out, "%s%s", cast, name_for(p, term->var, term->var->name));
        if (size != 1) {
            text_printf(&out, " * %llu", (unsigned long long)size);
            if (binding > BIND_MULTIPLY) binding = BIND_MULTIPLY;
        } else if (*cast && binding > BIND_PREFIX) {
            binding = BIND_PREFIX;
        }
    }
    if (!out.length) {
        text_printf(&out, "%lld", (long long)index->constant);
        return (Piece){out.at, index->constant < 0 ? BIND_PREFIX : BIND_ATOM};
    }
    if (index->constant) {
        uint64_t size = index->constant < 0 ? 0 - (uint64_t)index->constant : (uint64_t)index->constant;
        text_printf(&out, " %c %llu", index->constant < 0 ? '-' : '+', (unsigned long long)size);
        binding = BIND_ADD;
    }
    return (Piece){out.at, binding};
}

/* "x + i * 256 + d", the place that a load or store over lanes begins at. */
static const char *place_text(Printer *p, const Array *array, const Index *index) {
    const char *name = name_for(p, array, array->name);
    Piece at = index_piece(p, index, is_far(array));
    if (!strcmp(at.text, "0")) return name;
    if (at.text[0] == '-') return arena_printf(p->arena, "%s - %s", name, at.text + 1);
    return arena_printf(p->arena, "%s + %s", name, at.text);
}

static const char *element_text(Printer *p, const Array *array, const Index *index) {
    const char *name = name_for(p, array, array->name);
    return arena_printf(p->arena, "%s[%s]", name, index_piece(p, index, is_far(array)).text);
}

/* The ending of tg_load and tg_store by element type. */
static const char *memory_suffix(DType dtype) {
    return dtype == DT_FLOAT ? "" : dtype == DT_I32 ? "_int" : "_bool";
}

static Piece load_piece(Printer *p, const Expr *x) {
    if (!x->lanes) {
        const char *element = element_text(p, x->array, &x->index);
        if (x->array->dtype != DT_BOOL) return (Piece){element, BIND_ATOM};
        return (Piece){arena_printf(p->arena, "%s != 0", element), BIND_EQUAL};
    }
    const char *place = place_text(p, x->array, &x->index), *suffix = memory_suffix(x->array->dtype);
    const char *text = x->part
                           ? arena_printf(p->arena, "tg_load%s_part(%s, %s)", suffix, place, piece_of(p, x->part).text)
                           : arena_printf(p->arena, "tg_load%s(%s)", suffix, place);
    return (Piece){text, BIND_ATOM};
}

static Piece splat_piece(Printer *p, const Expr *x) {
    const char *suffix = x->type == T_REAL ? "" : x->type == T_MASK ? "_mask" : "_int";
    return (Piece){arena_printf(p->arena, "tg_splat%s(%s)", suffix, piece_of(p, x->arg[0]).text), BIND_ATOM};
}

static Piece index_value_piece(Printer *p, const Expr *x) {
    Piece piece = index_piece(p, &x->index, x->var && x->var->wide);
    if (!x->lanes) return piece;
    if (!strcmp(piece.text, "0")) return (Piece){"tg_lanes()", BIND_ATOM};
    return (Piece){arena_printf(p->arena, "tg_splat_int(%s) + tg_lanes()", piece.text), BIND_ADD};
}

static Piece piece_of(Printer *p, const Expr *x) {
    switch (x->kind) {
    case EX_NUMBER:
        return number_piece(p, x);
    case EX_VAR:
        return (Piece){name_for(p, x->var, x->var->name), BIND_ATOM};
    case EX_INDEX:
        return index_value_piece(p, x);
    case EX_LOAD:
        return load_piece(p, x);
    case EX_APPLY:
        return filled(p, x->type == T_INT ? wrapping(x->format) : x->format, x->arg_count, x->arg);
    case EX_SPLAT:
        return splat_piece(p, x);
    }
    fatal("lower", "an expression of unknown kind %d", (int)x->kind);
}

/* ---- statements ---- */

/* After which of `places` outside `level` brackets a line may be broken: the last that fits, or the first; 0 if there
 * is none. Operators have a blank on both sides, commas one behind them. */
static size_t break_after(const char *line, size_t width, const char *places, int level) {
    size_t best = 0;
    int depth = 0;
    for (size_t i = 0; line[i]; i++) {
        if (strchr("([{", line[i])) depth++;
        if (strchr(")]}", line[i])) depth--;
        bool spaced = line[i + 1] == ' ' && (line[i] == ',' || (i > 0 && line[i - 1] == ' '));
        if (depth != level || !spaced || !strchr(places, line[i])) continue;
        if (best && i + 1 > width) break;
        best = i + 1;
    }
    return best;
}

/* Where a line keeps its form under the .clang-format beside it: after one of the operators that bind loosest outside
 * all brackets, else after a comma of the outermost call; `inside` that call, after another of its commas. What
 * follows an operator stands a level deeper, and in a call behind one two levels. */
static size_t break_of(const char *line, size_t width, bool *inside) {
    static const char *const operators[] = {"|", "&", "<>", "+-", "*/"};
    size_t at = 0;
    for (size_t i = 0; !*inside && !at && i < sizeof operators / sizeof *operators; i++)
        at = break_after(line, width, operators[i], 0);
    if (at) return at;
    at = break_after(line, width, ",", *inside ? 0 : 1);
    *inside = true;
    return at;
}

/* Writes a statement, in several lines if it is too long for one. */
static void put_line(Printer *p, const char *line) {
    size_t indent = (size_t)p->text->indent * 4;
    bool inside = false; /* the brackets of a call that was broken */
    int inner = 0;
    while (!p->canonical && indent + strlen(line) > LINE_WIDTH) {
        bool before = inside;
        size_t at = break_of(line, LINE_WIDTH - indent, &inside);
        if (!at) break;
        text_printf(p->text, "%s\n", arena_strndup(p->arena, line, at));
        line += at + 1;
        if (!inner || inside != before) indent += 4, inner++, text_indent(p->text, 1);
    }
    text_printf(p->text, "%s\n", line);
    text_indent(p->text, -inner);
}

static void put_block(Printer *p, const Block *block);

static void put_body(Printer *p, const Block *block) {
    text_indent(p->text, 1);
    put_block(p, block);
    text_indent(p->text, -1);
    text_add(p->text, "}\n");
}

static void put_for(Printer *p, const Stmt *s) {
    const char *var = name_for(p, s->var, s->var->name), *type = s->var->wide ? "int64_t" : "int";
    if (s->loop == LOOP_UNROLL) text_add(p->text, s->plain ? "TG_NO_UNROLL\n" : "TG_UNROLL_FULL\n");
    const char *from = s->loop == LOOP_SLICE ? "lo" : s->from ? piece_of(p, s->from).text : "0";
    const char *to = s->loop == LOOP_SLICE ? "hi" : piece_of(p, s->to).text;
    const char *step = s->step == 1 ? arena_printf(p->arena, "%s++", var)
                                    : arena_printf(p->arena, "%s += %lld", var, (long long)s->step);
    const char *form = s->often ? "for (%s %s = %s; TG_LIKELY(%s < %s); %s) {" : "for (%s %s = %s; %s < %s; %s) {";
    put_line(p, arena_printf(p->arena, form, type, var, from, var, to, step));
    put_body(p, &s->body);
}

static void put_value(Printer *p, const char *qualifier, const Var *var, const Expr *value) {
    const char *type = value_type(p, var->type, var->lanes, var->wide);
    const char *name = name_for(p, var, var->name);
    put_line(p, arena_printf(p->arena, "%s%s %s = %s;", qualifier, type, name, piece_of(p, value).text));
}

/* `x = x + y` is x += y; of integers it is x = tg_plus(x, y). */
static void put_set(Printer *p, const Stmt *s) {
    const char *name = name_for(p, s->var, s->var->name);
    const Expr *value = s->value;
    bool adds = value->kind == EX_APPLY && value->type != T_INT && !strncmp(value->format, "%0 + ", 5) &&
                !strchr(value->format + 5, '+') && !strchr(value->format + 5, '-') && value->arg[0]->kind == EX_VAR &&
                value->arg[0]->var == s->var;
    if (adds && !strchr(value->format, '<') && !strchr(value->format, '?')) {
        Expr rest = *value;
        rest.format = value->format + 5;
        put_line(p, arena_printf(p->arena, "%s += %s;", name, piece_of(p, &rest).text));
    } else {
        put_line(p, arena_printf(p->arena, "%s = %s;", name, piece_of(p, value).text));
    }
}

static void put_store(Printer *p, const Stmt *s) {
    const char *value = piece_of(p, s->value).text;
    if (!s->value->lanes) {
        put_line(p, arena_printf(p->arena, "%s = %s;", element_text(p, s->array, &s->index), value));
        return;
    }
    const char *place = place_text(p, s->array, &s->index), *suffix = memory_suffix(s->array->dtype);
    if (s->part)
        put_line(
            p, arena_printf(p->arena, "tg_store%s_part(%s, %s, %s);", suffix, place, value, piece_of(p, s->part).text));
    else
        put_line(p,
                 arena_printf(p->arena, "%s%s(%s, %s);", s->stream ? "tg_stream" : "tg_store", suffix, place, value));
}

static void put_statement(Printer *p, const Stmt *s) {
    switch (s->kind) {
    case ST_FOR:
        put_for(p, s);
        break;
    case ST_LET:
        put_value(p, "const ", s->var, s->value);
        break;
    case ST_VAR:
        put_value(p, "", s->var, s->value);
        break;
    case ST_SET:
        put_set(p, s);
        break;
    case ST_ARRAY:
        put_line(p, arena_printf(p->arena, "_Alignas(64) %s %s[%lld];", element_type(p, s->array->dtype),
                                 name_for(p, s->array, s->array->name), (long long)s->array->count));
        break;
    case ST_STORE:
        put_store(p, s);
        break;
    case ST_CALL:
        put_line(p, arena_printf(p->arena, "%s;", filled(p, s->text, s->arg_count, s->arg).text));
        break;
    case ST_IF:
        put_line(p, arena_printf(p->arena, "if (%s) {", piece_of(p, s->value).text));
        put_body(p, &s->body);
        break;
    case ST_BLOCK:
        text_add(p->text, "{\n");
        put_body(p, &s->body);
        break;
    case ST_COMMENT:
        if (!p->canonical) text_printf(p->text, "/* %s */\n", s->text);
        break;
    case ST_BLANK:
        if (!p->canonical) text_add(p->text, "\n");
        break;
    }
}

static void put_block(Printer *p, const Block *block) {
    for (int i = 0; i < block->stmts.count; i++) put_statement(p, block->stmts.at[i]);
}

/* ---- the function ---- */

static bool has_arguments(const Function *f) {
    return f->arrays.count || f->reads_keys || f->reads_slot || f->scalars.count;
}

/* The parameters out of the args struct, each under its own name. */
static void put_arguments(Printer *p, const Function *f, const char *args_type) {
    if (!has_arguments(f)) {
        text_add(p->text, "(void)args;\n");
        return;
    }
    text_printf(p->text, "const struct %s *given = args;\n", p->canonical ? "args" : args_type);
    for (int i = 0; i < f->arrays.count; i++) {
        const Array *array = f->arrays.at[i];
        const char *name = name_for(p, array, array->name);
        text_printf(p->text, "%s%s *%s = given->%s;\n", array->written ? "" : "const ", element_type(p, array->dtype),
                    name, name);
    }
    for (int i = 0; i < f->scalars.count; i++)
        text_printf(p->text, "const %s %s = given->%s;\n", p->f64 ? "double" : "float", f->scalars.at[i],
                    f->scalars.at[i]);
    if (f->reads_keys) text_add(p->text, "const uint32_t key0 = given->key0, key1 = given->key1;\n");
    for (int i = 0; i < f->sites.count; i++) text_printf(p->text, "const uint32_t site%d = given->site%d;\n", i, i);
    if (f->reads_slot) text_add(p->text, "tg_slot *slot = given->slot;\n");
}

static bool has_slices(const Block *block) {
    for (int i = 0; i < block->stmts.count; i++) {
        const Stmt *s = block->stmts.at[i];
        if ((s->kind == ST_FOR && s->loop == LOOP_SLICE) || has_slices(&s->body)) return true;
    }
    return false;
}

static void print_function(Printer *p, const Function *f, const char *args_type) {
    text_printf(p->text, "static void %s(const void *args, int lo, int hi) {\n", p->canonical ? "f" : f->name);
    text_indent(p->text, 1);
    put_arguments(p, f, args_type);
    if (!has_slices(&f->body)) text_add(p->text, "(void)lo, (void)hi;\n");
    put_block(p, &f->body);
    text_indent(p->text, -1);
    text_add(p->text, "}\n");
}

void loop_canonical(Text *text, const Function *function, bool f64) {
    Printer p = {.text = text, .arena = text->arena, .f64 = f64, .canonical = true};
    print_function(&p, function, "");
}

void loop_print_args(Text *text, const Function *function, const char *args_type, bool f64) {
    Printer p = {.text = text, .arena = text->arena, .f64 = f64};
    if (!has_arguments(function)) return;
    text_printf(text, "struct %s {\n", args_type);
    text_indent(text, 1);
    for (int i = 0; i < function->arrays.count; i++) {
        const Array *array = function->arrays.at[i];
        text_printf(text, "%s%s *%s;\n", array->written ? "" : "const ", element_type(&p, array->dtype),
                    name_for(&p, array, array->name));
    }
    for (int i = 0; i < function->scalars.count; i++)
        text_printf(text, "%s %s;\n", f64 ? "double" : "float", function->scalars.at[i]);
    if (function->reads_keys) text_add(text, "uint32_t key0, key1;\n");
    for (int i = 0; i < function->sites.count; i++) text_printf(text, "uint32_t site%d;\n", i);
    if (function->reads_slot) text_add(text, "tg_slot *slot;\n");
    text_indent(text, -1);
    text_add(text, "};\n");
}

void loop_print(Text *text, const Function *function, const char *args_type, bool f64) {
    Printer p = {.text = text, .arena = text->arena, .f64 = f64};
    print_function(&p, function, args_type);
}
