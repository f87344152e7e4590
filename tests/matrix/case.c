/* case.c: a case as text.
 *
 * In: Case { expr "a + b", a: [2, 3], b: [3], MODE_GRADIENT }. Out, for number 7:
 *   graph v7(a: [2, 3], b: [3]) -> (y: [2, 3]) { y = a + b }
 *   graph g7(a: [2, 3], b: [3], w: [2, 3]) -> (d0: [2, 3], d1: [3]) { y = a + b; d0, d1 = grad(sum(y * w), a, b) } */
#include "matrix.h"

#include <stdarg.h>
#include <string.h>

const char *const mode_names[] = {"gradient", "jacobian", "second", "value"};

/* ---- shapes ---- */

Dims dims(int rank, ...) {
    Dims shape = {.rank = rank};
    va_list given;
    va_start(given, rank);
    for (int i = 0; i < rank; i++) shape.size[i] = va_arg(given, int);
    va_end(given);
    return shape;
}

int64_t dims_count(const Dims *shape) {
    int64_t count = 1;
    for (int i = 0; i < shape->rank; i++) count *= shape->size[i];
    return count;
}

bool same_dims(const Dims *a, const Dims *b) {
    return a->rank == b->rank && memcmp(a->size, b->size, sizeof(int) * (size_t)a->rank) == 0;
}

Dims drop_axis(const Dims *shape, int axis) {
    Dims less = {.rank = shape->rank - 1};
    for (int i = 0; i < less.rank; i++) less.size[i] = shape->size[i + (i >= axis)];
    return less;
}

const char *dims_text(Arena *arena, const Dims *shape) {
    Text text;
    text_init(&text, arena);
    text_add(&text, "");
    for (int i = 0; i < shape->rank; i++) text_printf(&text, "%s%d", i ? ", " : "", shape->size[i]);
    return text.at;
}

bool fits(Mode mode, const Dims *x, const Dims *y) {
    int64_t nx = dims_count(x), ny = dims_count(y);
    if (nx > MOST_COUNT || ny > MOST_COUNT) return false;
    return mode != MODE_JACOBIAN || (nx * ny <= MOST_JACOBIAN && x->rank + y->rank <= MOST_AXES);
}

/* ---- making a case ---- */

Case *case_new(List *list, const char *family) {
    Case *item = NEW(list->arena, Case);
    item->family = family;
    item->head = "";
    item->before = "";
    return item;
}

const char *operand(Case *item, char type, Dims shape, Draw draw) {
    static const char *const names[MOST_OPERANDS] = {"a", "b", "c", "d", "e"};
    Operand *next = &item->operands[item->count];
    *next = (Operand){.name = names[item->count++], .type = type, .dims = shape, .draw = draw};
    return next->name;
}

void parameter(Case *item, const char *path, Dims shape) {
    item->operands[item->count++] =
        (Operand){.name = path, .type = 'f', .dims = shape, .draw = DRAW_WEIGHTS, .parameter = true};
}

static const char *type_text(char type) {
    return type == 'i' ? "i32" : type == 'b' ? "bool" : "";
}

static void print_operand(Text *text, const Operand *x) {
    text_printf(text, "%s: %s[", x->name, type_text(x->type));
    for (int i = 0; i < x->dims.rank; i++) {
        text_add(text, i ? ", " : "");
        if (x->named) text_printf(text, "%c", 'A' + i);
        text_printf(text, "%d", x->dims.size[i]);
    }
    text_add(text, "]");
}

static void set_label(Arena *arena, Case *item) {
    Text text;
    text_init(&text, arena);
    text_printf(&text, "%s: y = %s, ", item->family, item->expr);
    if (*item->before) text_printf(&text, "where %s, ", item->before);
    for (int i = 0; i < item->count; i++) {
        if (item->operands[i].parameter) continue;
        print_operand(&text, &item->operands[i]);
        text_add(&text, ", ");
    }
    text_printf(&text, "%s%s", mode_names[item->mode], item->train ? " of a training step" : "");
    item->label = text.at;
}

void finish(List *list, Case *item, char type, Dims result, Mode mode, const char *format, ...) {
    va_list arguments;
    char expr[2048];
    int floats = 0;
    va_start(arguments, format);
    vsnprintf(expr, sizeof expr, format, arguments);
    va_end(arguments);
    item->expr = arena_printf(list->arena, "%s", expr);
    item->type = type;
    item->result = result;
    for (int i = 0; i < item->count; i++) floats += item->operands[i].type == 'f';
    item->mode = type == 'f' && floats ? mode : MODE_VALUE;
    for (int i = 0; item->mode == MODE_SECOND; i++) {
        if (item->operands[i].type != 'f') continue;
        item->result = item->operands[i].dims;
        break;
    }
    set_label(list->arena, item);
    vec_push(list->arena, &list->cases, item);
}

/* ---- printing ---- */

/* Text with the case's number for every #. */
static void print_numbered(Text *text, const char *from, int number) {
    for (; *from; from++) {
        if (*from == '#')
            text_printf(text, "%d", number);
        else
            text_printf(text, "%c", *from);
    }
}

static const char *first_float(const Case *item) {
    for (int i = 0; i < item->count; i++)
        if (item->operands[i].type == 'f') return item->operands[i].name;
    return "a";
}

static void print_inputs(Text *text, const Case *item, const char *kind, int number, bool weight) {
    bool more = false;
    text_printf(text, "%s %s%d(", item->train ? "train" : "graph", kind, number);
    for (int i = 0; i < item->count; i++) {
        if (item->operands[i].parameter) continue;
        text_add(text, more ? ", " : "");
        print_operand(text, &item->operands[i]);
        more = true;
    }
    if (weight) {
        text_add(text, more ? ", " : "");
        print_operand(text, &(Operand){.name = "w", .type = 'f', .dims = item->result});
    }
    text_printf(text, ") -> (%s", item->train ? "loss: [], " : "");
}

static void print_value(Text *text, const Case *item, int number) {
    if (*item->before) {
        text_add(text, "  ");
        print_numbered(text, item->before, number);
        text_add(text, "\n");
    }
    text_add(text, item->mode == MODE_SECOND ? "  y0 = " : "  y = ");
    print_numbered(text, item->expr, number);
    if (item->mode == MODE_SECOND) {
        text_add(text, "\n  y = grad(sum(y0 * y0), ");
        print_numbered(text, first_float(item), number);
        text_add(text, ")");
    }
    text_add(text, "\n");
    if (item->train) text_add(text, "  loss = sum(y) + idle\n");
}

static void print_end(Text *text, const Case *item) {
    text_add(text, item->train ? "} using sgd(lr = 0.0 * step)\n" : "}\n");
}

static void print_gradient(Text *text, const Case *item, int number) {
    Text results, names, sources;
    Arena *arena = arena_new();
    int count = 0;
    bool jacobian = item->mode == MODE_JACOBIAN;
    text_init(&results, arena);
    text_init(&names, arena);
    text_init(&sources, arena);
    for (int i = 0; i < item->count; i++) {
        const Operand *x = &item->operands[i];
        if (x->type != 'f') continue;
        const char *shape = dims_text(arena, &x->dims), *more = count ? ", " : "";
        if (jacobian && item->result.rank)
            shape = arena_printf(arena, "%s%s%s", dims_text(arena, &item->result), *shape ? ", " : "", shape);
        text_printf(&results, "%sd%d: [%s]", more, count, shape);
        if (jacobian) {
            text_printf(&names, "  d%d = jacobian(y, ", count);
            print_numbered(&names, x->name, number);
            text_add(&names, ")\n");
        } else {
            text_printf(&names, "%sd%d", more, count);
            text_add(&sources, ", ");
            print_numbered(&sources, x->name, number);
        }
        count++;
    }
    print_inputs(text, item, "g", number, !jacobian);
    text_printf(text, "%s", results.at);
    if (item->train) text_printf(text, ", y: [%s]", dims_text(arena, &item->result)); /* under the same dropout */
    text_add(text, ") {\n");
    print_value(text, item, number);
    if (jacobian)
        text_add(text, names.at);
    else
        text_printf(text, "  %s = grad(sum(y * w)%s)\n", names.at, sources.at);
    print_end(text, item);
    arena_free(arena);
}

void case_print(Text *text, const Case *item, int number) {
    text_add(text, "\n# ");
    print_numbered(text, item->label, number);
    text_add(text, "\n");
    print_numbered(text, item->head, number);
    print_inputs(text, item, "v", number, false);
    print_operand(text, &(Operand){.name = "y", .type = item->type, .dims = item->result});
    text_add(text, ") {\n");
    print_value(text, item, number);
    print_end(text, item);
    if (item->mode != MODE_VALUE) print_gradient(text, item, number);
}

void print_heading(Text *text) {
    text_add(text, "tg 1\nimport \"nn.tg\"\ndim ");
    for (int axis = 0; axis < 4; axis++)
        for (int i = 0; i < SIZE_COUNT; i++)
            text_printf(text, "%s%c%d = %d", axis || i ? ", " : "", 'A' + axis, sizes[i], sizes[i]);
    text_add(text, "\nparam idle: [] ~ zeros\n");
}
