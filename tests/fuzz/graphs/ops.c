/* ops.c: statements that compute: elementwise, masked, reductions, rows, products, losses.
 *
 * Each row of a table is a formula with %1$s and %2$s for its operands, and how large its result gets. What would be
 * ill-conditioned is drawn with a guard, such as log(abs(x) + 0.5). */
#include "draw.h"

#include <math.h>

/* ---- elementwise ---- */

typedef struct Formula {
    const char *text;
    double factor, term; /* magnitude of the result: factor * magnitude of the operand + term */
    int power;           /* of the operand's magnitude; 1 for 0 */
} Formula;

static const Formula unary[] = {
    {"tanh(%s)", 0, 1, 0},
    {"sigmoid(%s)", 0, 1, 0},
    {"relu(%s)", 1, 0, 0},
    {"gelu(%s)", 1, 0, 0},
    {"silu(%s)", 1, 0, 0},
    {"sin(%s)", 0, 1, 0},
    {"cos(%s)", 0, 1, 0},
    {"erf(%s)", 0, 1, 0},
    {"abs(%s)", 1, 0, 0},
    {"-%s", 1, 0, 0},
    {"%s ** 2", 1, 0, 2},
    {"%s ** 3", 1, 0, 3},
    {"gelu_tanh(%s)", 1, 0, 0},
    {"%s * 0.5 + 1", 1, 1, 0},
    {"sqrt(abs(%s) + 0.3)", 1, 1, 0},
    {"log(abs(%s) + 0.5)", 1, 1, 0},
    {"exp(-abs(%s))", 0, 1, 0},
    {"1 - %s / 3", 1, 1, 0},
    {"rsqrt(%1$s * %1$s + 1)", 0, 1, 0},
    {"1 / (%1$s * %1$s + 0.7)", 0, 2, 0},
    {"min(%1$s, %1$s * 0.5)", 1, 0, 0},
};

static double magnitude_of(const Formula *formula, double of) {
    return formula->factor * (formula->power ? pow(of, formula->power) : of) + formula->term;
}

void draw_unary(Entry *e) {
    Value *x = pick_float(e);
    if (!x) return;
    if (chance(e->random, 0.04)) {
        put(e, FLOATS, &x->dims, x->magnitude, "stop(%s)", x->name);
        return;
    }
    const Formula *formula = &ONE_OF(e->random, unary);
    const char *name = use(e, x);
    put(e, FLOATS, &x->dims, magnitude_of(formula, x->magnitude), "%s", fill(e->arena, formula->text, &name));
}

void draw_binary(Entry *e) {
    Random *random = e->random;
    Value *a = pick_float(e), *b = NULL;
    Dims both;
    if (!a) return;
    Want want = {.type = FLOATS, .meets = &a->dims};
    b = pick(e, &want);
    if (!b || chance(random, 0.15)) {
        Dims other = a->dims;
        for (int axis = 0; axis < other.rank; axis++)
            if (chance(random, 0.4)) other.size[axis] = 1;
        while (other.rank > 0 && chance(random, 0.3)) other = dims_without(other, 0);
        b = input(e, FLOATS, other);
    }
    if (!b || !dims_meet(&a->dims, &b->dims, &both) || dims_count(&both) > e->largest) return;
    if (chance(random, 0.5)) {
        Value *first = a;
        a = b;
        b = first;
    }
    double x = a->magnitude, y = b->magnitude, larger = fmax(x, y);
    const char *n = use(e, a), *m = use(e, b);
    switch (below(random, 8)) {
    case 0:
        put(e, FLOATS, &both, x + y, "%s + %s", n, m);
        break;
    case 1:
        put(e, FLOATS, &both, x + y, "%s - %s", n, m);
        break;
    case 2:
        put(e, FLOATS, &both, x * y, "%s * %s", n, m);
        break;
    case 3:
        put(e, FLOATS, &both, larger, "max(%s, %s)", n, m);
        break;
    case 4:
        put(e, FLOATS, &both, larger, "min(%s, %s)", n, m);
        break;
    case 5:
        put(e, FLOATS, &both, x, "%s / (1 + %s * %s)", n, m, m);
        break;
    case 6:
        put(e, FLOATS, &both, x * y + x, "%s * %s + %s", n, m, n);
        break;
    default:
        put(e, FLOATS, &both, 1 + x * 8, "(abs(%s) + 0.5) ** (0.5 * tanh(%s) + 1)", n, m);
    }
}

void draw_where(Entry *e) {
    static const char *const numbers[] = {"0", "1.5", "-2"};
    Value *a = pick_float(e), *mask = a ? draw_mask(e, a->dims) : NULL;
    if (!mask) return;
    Want want = {.type = FLOATS, .into = &a->dims};
    Value *b = pick(e, &want);
    if (b && chance(e->random, 0.7))
        put(e, FLOATS, &a->dims, fmax(a->magnitude, b->magnitude), "where(%s, %s, %s)", mask->name, use(e, a),
            use(e, b));
    else
        put(e, FLOATS, &a->dims, a->magnitude + 2, "where(%s, %s, %s)", mask->name, use(e, a),
            ONE_OF(e->random, numbers));
}

/* ---- reductions and rows ---- */

void draw_reduce(Entry *e) {
    static const char *const floats[] = {"sum", "mean", "max", "min", "logsumexp", "sum"};
    static const char *const integers[] = {"sum", "max", "min"};
    Random *random = e->random;
    Want whole = {.type = INTS, .least_rank = 1};
    Value *x = chance(random, 0.9) ? pick_float(e) : pick(e, &whole);
    if (!x || x->dims.rank == 0) return;
    const char *name = x->type == FLOATS ? ONE_OF(random, floats) : ONE_OF(random, integers), *axes = "";
    int rank = x->dims.rank, order[MAX_RANK], taken = rank, folded = 1;
    bool gone[MAX_RANK] = {false}, keep = chance(random, 0.4), sum = name[0] == 's';
    for (int i = 0; i < rank; i++) order[i] = i;
    shuffle(random, order, rank);
    if (chance(random, 0.7)) {
        taken = 1;
        axes = arena_printf(e->arena, ", axis = %d", chance(random, 0.5) ? order[0] : order[0] - rank);
    } else if (chance(random, 0.7)) {
        Text list;
        taken = between(random, 1, rank);
        text_init(&list, e->arena);
        for (int i = 0; i < taken; i++) text_printf(&list, "%s%d", i ? ", " : "", order[i]);
        axes = arena_printf(e->arena, ", axis = [%s]", list.at);
    }
    for (int i = 0; i < taken; i++) {
        gone[order[i]] = true;
        folded *= x->dims.size[order[i]];
    }
    if (folded == 0 && !sum) return;
    Dims dims = {0};
    for (int axis = 0; axis < rank; axis++)
        if (keep || !gone[axis]) dims.size[dims.rank++] = gone[axis] ? 1 : x->dims.size[axis];
    double magnitude = x->magnitude * (sum ? folded : 1) + (name[0] == 'l' ? 7 : 0);
    put(e, x->type, &dims, magnitude, "%s(%s%s%s)", name, use(e, x), axes, keep ? ", keep = true" : "");
}

void draw_row(Entry *e) {
    static const char *const names[] = {"softmax", "softmax", "softmax", "log_softmax", "layernorm", "rmsnorm"};
    Want want = {.type = FLOATS, .least_rank = 1, .nonempty = true};
    Value *x = pick(e, &want);
    if (!x) return;
    const char *name = ONE_OF(e->random, names);
    int rank = x->dims.rank, axis = chance(e->random, 0.5) ? below(e->random, rank) : rank - 1;
    if (name[0] == 'l' ? name[1] == 'a' : name[0] == 'r') {
        if (x->dims.size[rank - 1] > 1) put(e, FLOATS, &x->dims, 4, "%s(%s, eps = 0.1)", name, use(e, x));
        return;
    }
    if (name[0] == 'l') {
        put(e, FLOATS, &x->dims, 2 * x->magnitude + 6, "log_softmax(%s, axis = %d)", use(e, x), axis);
        return;
    }
    Value *mask = chance(e->random, 0.5) ? draw_mask(e, x->dims) : NULL;
    put(e, FLOATS, &x->dims, 1, "softmax(%s, axis = %d%s%s)", use(e, x), axis, mask ? ", mask = " : "",
        mask ? mask->name : "");
}

void draw_loss(Entry *e) {
    static const char *const options[] = {"", ", ignore = 0", ", smooth = 0.1", ", ignore = 1, smooth = 0.2"};
    Want want = {.type = FLOATS, .least_rank = 1, .most_rank = 3, .nonempty = true};
    Value *x = pick(e, &want);
    if (!x) return;
    int classes = x->dims.size[x->dims.rank - 1];
    Value *gold = input(e, INTS, dims_front(&x->dims, x->dims.rank - 1));
    Dims scalar = {0};
    if (gold)
        put(e, FLOATS, &scalar, 10, "cross_entropy(%s, %s %% %d%s)", use(e, x), gold->name, classes,
            ONE_OF(e->random, options));
}

/* ---- products ---- */

/* How a value stands as the right operand of a product over `k`: as it is, transposed, or not at all. */
static bool stands_right(Entry *e, const Value *value, const Dims *left, int k, Dims *as, bool *turned) {
    const Dims *dims = &value->dims;
    int rank = dims->rank;
    Dims batch, both;
    if (value->type != FLOATS || rank == 0) return false;
    bool straight = dims->size[rank - (rank > 1 ? 2 : 1)] == k, across = rank > 1 && dims->size[rank - 1] == k;
    if (!straight && !across) return false;
    *turned = across && (!straight || chance(e->random, 0.5));
    *as = *turned ? dims_swapped(*dims) : *dims;
    batch = dims_front(as, rank - 2);
    Dims of_left = dims_front(left, left->rank - 2);
    return dims_meet(&of_left, &batch, &both);
}

static Value *right_operand(Entry *e, const Dims *left, int k, Dims *as, bool *turned) {
    int fitting[MAX_VALUES], count = 0;
    for (int i = 0; i < e->count; i++)
        if (stands_right(e, &e->values[i], left, k, as, turned)) fitting[count++] = i;
    Value *found = NULL;
    if (count > 0 && chance(e->random, 0.7)) {
        found = &e->values[fitting[below(e->random, count)]];
    } else {
        int n = chance(e->random, 0.7) ? e->sizes[below(e->random, e->size_count)] : between(e->random, 1, 70);
        Dims dims = dims_front(left, left->rank - 2);
        for (int axis = 0; axis < dims.rank; axis++)
            if (chance(e->random, 0.3)) dims.size[axis] = 1;
        while (dims.rank > 0 && chance(e->random, 0.5)) dims = dims_without(dims, 0);
        dims = dims_added(dims, dims.rank, k);
        if (n * k <= 2 * e->largest) found = input(e, FLOATS, dims_added(dims, dims.rank - chance(e->random, 0.5), n));
    }
    return found && stands_right(e, found, left, k, as, turned) ? found : NULL;
}

void draw_product(Entry *e) {
    Want want = {.type = FLOATS, .least_rank = 1};
    Value *a = pick(e, &want);
    if (!a) return;
    bool turned_a = a->dims.rank > 1 && chance(e->random, 0.35), turned_b = false;
    Dims left = turned_a ? dims_swapped(a->dims) : a->dims, right = {0}, dims;
    int k = left.size[left.rank - 1];
    Value *b = right_operand(e, &left, k, &right, &turned_b);
    if (!b) return;
    Dims of_left = dims_front(&left, left.rank - 2), of_right = dims_front(&right, right.rank - 2);
    if (!dims_meet(&of_left, &of_right, &dims)) return;
    if (left.rank > 1) dims = dims_added(dims, dims.rank, left.size[left.rank - 2]);
    if (right.rank > 1) dims = dims_added(dims, dims.rank, right.size[right.rank - 1]);
    double magnitude = a->magnitude * b->magnitude * sqrt(k > 0 ? k : 1);
    if (dims_count(&dims) > 2 * e->largest || (double)dims_count(&dims) * k > 4e6) return;
    bool spelt = chance(e->random, 0.2) && a->dims.rank > 1 && b->dims.rank > 1;
    const char *text =
        spelt ? arena_printf(e->arena, "matmul(%s, %s, transpose_a = %s, transpose_b = %s)", use(e, a), use(e, b),
                             turned_a ? "true" : "false", turned_b ? "true" : "false")
              : arena_printf(e->arena, "%s%s @ %s%s", use(e, a), turned_a ? ".T" : "", use(e, b), turned_b ? ".T" : "");
    if (magnitude > 20)
        put(e, FLOATS, &dims, 3, "(%s) * %.4g", text, 1 / magnitude);
    else
        put(e, FLOATS, &dims, magnitude, "%s", text);
}
