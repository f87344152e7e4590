/* graphs.c: draws a file of random models: graphs SEED NUMBER COUNT > m.tg
 *
 * In: a seed, the number of the file and how many entry points it has. Out: a .tg file of parameters, states, layers
 * and entry points, valid and well-conditioned by construction, and in its first lines the two ways it is to be
 * compiled:
 *
 *     tg 1
 *     # way f64 gcc x86-64-v3 apart library
 *     # way f32 clang native fused standalone
 */
#include "draw.h"

#include <stdlib.h>

/* ---- what is drawn how often ---- */

typedef struct Weight {
    Maker *draw;
    int weight[PROFILES]; /* mixed, products, views, rows, derivatives, states */
} Weight;

static const Weight weights[] = {
    {draw_unary, {14, 7, 6, 7, 14, 8}},  {draw_binary, {14, 7, 6, 7, 14, 8}},   {draw_where, {4, 2, 2, 4, 4, 2}},
    {draw_reduce, {9, 4, 4, 25, 9, 5}},  {draw_row, {7, 4, 3, 30, 7, 4}},       {draw_product, {8, 40, 4, 4, 8, 5}},
    {draw_loss, {1, 1, 0, 2, 2, 0}},     {draw_reshape, {6, 3, 20, 3, 6, 4}},   {draw_permute, {6, 4, 20, 3, 6, 4}},
    {draw_slice, {7, 3, 15, 3, 7, 4}},   {draw_index, {3, 1, 4, 1, 3, 2}},      {draw_concat, {7, 3, 15, 3, 7, 4}},
    {draw_stack, {2, 1, 5, 1, 2, 1}},    {draw_split, {2, 1, 5, 1, 2, 1}},      {draw_pad, {4, 2, 8, 2, 4, 2}},
    {draw_spread, {2, 1, 3, 1, 2, 1}},   {draw_gather, {4, 2, 10, 2, 4, 2}},    {draw_one_hot, {1, 1, 1, 1, 1, 1}},
    {draw_dynamic, {4, 2, 10, 2, 4, 3}}, {draw_gradient, {6, 10, 6, 6, 25, 0}}, {draw_jacobian, {1, 1, 1, 1, 5, 0}},
    {draw_integers, {5, 1, 3, 2, 2, 2}}, {draw_comparison, {5, 1, 3, 3, 3, 2}}, {draw_made, {2, 1, 2, 1, 2, 1}},
    {draw_function, {4, 2, 3, 3, 6, 2}}, {draw_layer, {7, 10, 2, 4, 8, 3}},     {draw_attention, {4, 12, 3, 9, 6, 4}},
};

static void draw_statement(Entry *e) {
    int total = 0, count = (int)(sizeof weights / sizeof *weights);
    for (int i = 0; i < count; i++) total += weights[i].weight[e->profile];
    int state = e->stateful ? e->profile == STATES ? 30 : 10 : 0, dropout = e->train ? 5 : 0;
    int at = below(e->random, total + state + dropout);
    unused(e);
    if (at >= total) {
        at - total < state ? draw_state(e) : draw_dropout(e);
        return;
    }
    for (int i = 0; i < count; i++) {
        at -= weights[i].weight[e->profile];
        if (at < 0) {
            weights[i].draw(e);
            return;
        }
    }
}

/* ---- an entry point ---- */

static void draw_sizes(Entry *e) {
    static const int common[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 48, 64, 65};
    static const int large[] = {100, 129, 200, 257, 512, 1000};
    static const int limits[] = {300, 300, 1500, 4000};
    Random *random = e->random;
    e->largest = ONE_OF(random, limits);
    for (int i = between(random, 2, 4); i > 0; i--) e->sizes[e->size_count++] = ONE_OF(random, common);
    if (chance(random, 0.06)) e->sizes[e->size_count++] = 0;
    if (chance(random, 0.5)) e->sizes[e->size_count++] = 1;
    if (chance(random, 0.06)) {
        e->sizes[e->size_count++] = ONE_OF(random, large);
        e->largest = 20000;
    }
}

/* Parameters are values like others. */
static void give_parameters(Entry *e) {
    for (int i = 0; i < e->model->param_count; i++) {
        e->source_varies = true;
        add_value(e, e->model->params[i].name, FLOATS, e->model->params[i].dims, 3);
    }
}

/* Statements; some of them stand in a loop of one turn, whose inside the backward pass computes again. */
static void draw_statements(Entry *e, int count, int depth) {
    while (count > 0) {
        int part = depth < 3 && chance(e->random, 0.15) ? between(e->random, 1, count) : 0;
        if (part) line(e, "for turn%d in 0..1 remat {", depth);
        if (part)
            draw_statements(e, part, depth + 1);
        else
            draw_statement(e);
        if (part) line(e, "}");
        count -= part ? part : 1;
    }
}

static void draw_body(Entry *e) {
    static const int lengths[] = {2, 3, 4, 5, 6, 8, 10, 20};
    e->profile = chance(e->random, 0.4) ? MIXED : (Profile)below(e->random, PROFILES);
    if (!e->stateful && e->profile == STATES) e->profile = MIXED;
    draw_sizes(e);
    if (e->train || chance(e->random, 0.15)) give_parameters(e);
    for (int i = between(e->random, 1, 3); i > 0; i--) input(e, FLOATS, draw_dims(e, 4));
    if (chance(e->random, 0.3)) input(e, INTS, draw_dims(e, 2));
    if (chance(e->random, 0.3)) input(e, BOOLS, draw_dims(e, 3));
    int statements = chance(e->random, 0.02) ? 50 : ONE_OF(e->random, lengths);
    draw_statements(e, statements, 0);
}

static const char *const type_names[] = {"", "i32", "bool"};

static void print_inputs(Entry *e) {
    Text *text = &e->model->text;
    for (int i = 0; i < e->input_count; i++) {
        const Value *value = &e->values[e->inputs[i]];
        text_printf(text, "%s%s: %s%s", i ? ", " : "", value->name, type_names[value->type],
                    dims_text(e, &value->dims));
    }
}

/* A value that nothing reads yet, if there is one: what leads to it would not be computed otherwise. */
static const Value *draw_result(Entry *e, int before) {
    for (int i = before - 1; i >= 0; i--)
        if (!e->values[i].picked) return &e->values[i];
    return &e->values[below(e->random, e->count)];
}

/* Some of the values become results, always the last one among them. */
static void draw_results(Entry *e, bool first) {
    Text *text = &e->model->text;
    int results = between(e->random, 1, 4);
    int before = e->count;
    for (int i = 0; i < results; i++) {
        const Value *value = i ? draw_result(e, before) : &e->values[e->count - 1];
        before = (int)(value - e->values);
        line(e, "y%d = %s", i, value->name);
        text_printf(text, "%sy%d: %s%s", i || !first ? ", " : "", i, type_names[value->type],
                    dims_text(e, &value->dims));
    }
}

static void draw_graph(Model *model, Random *random, int number) {
    Entry e = {.model = model, .arena = model->arena, .random = random};
    text_init(&e.body, model->arena);
    e.stateful = chance(random, 0.3);
    draw_body(&e);
    text_printf(&model->text, "graph e%d(", number);
    print_inputs(&e);
    text_add(&model->text, ") -> (");
    draw_results(&e, true);
    text_printf(&model->text, ") {\n%s}\n", e.body.at);
}

/* eps is large enough for gradients that are nothing but rounding to stay small. */
static const char *const optimisers[] = {
    "sgd(lr = 0.01)",
    "sgd(lr = 0.02, momentum = 0.9)",
    "sgd(lr = 0.01 * min(1, step / 2), momentum = 0.5, clip = 0.7)",
    "sgd(lr = 0.01 * step ** -0.5, accumulate = 3)",
    "adam(lr = 0.01, eps = 1e-3)",
    "adam(lr = 0.01, eps = 1e-3, clip = 0.5)",
    "adam(lr = 0.01, beta1 = 0.8, beta2 = 0.95, eps = 1e-2, accumulate = 2)",
    "adamw(lr = 0.01, eps = 1e-3, decay = 0.1, clip = 1.0)",
    "adamw(lr = 0.01 * step ** -0.5, eps = 1e-3, accumulate = 2)",
};

/* The loss is a sum of means over some of the values, and of the squares of some parameters. */
static void draw_train(Model *model, Random *random, int number) {
    Entry e = {.model = model, .arena = model->arena, .random = random, .train = true};
    Text loss;
    Want want = {.type = FLOATS, .varies = true, .nonempty = true};
    text_init(&e.body, model->arena);
    text_init(&loss, model->arena);
    draw_body(&e);
    text_printf(&loss, "mean(%s * %s)", model->params[0].name, model->params[0].name);
    for (int i = 1; i < model->param_count; i++)
        if (chance(random, 0.7)) text_printf(&loss, " + mean(%s ** 2)", model->params[i].name);
    for (int i = between(random, 1, 3); i > 0; i--) {
        const char *name = pick(&e, &want)->name;
        text_printf(&loss, " + mean(tanh(%s) * %s)", name, name);
    }
    line(&e, "loss = %s", loss.at);
    text_printf(&model->text, "train e%d(", number);
    print_inputs(&e);
    text_add(&model->text, ") -> (loss: []");
    if (chance(random, 0.5)) draw_results(&e, false);
    text_printf(&model->text, ") {\n%s} using %s\n", e.body.at, ONE_OF(random, optimisers));
}

/* ---- the file ---- */

static void draw_ways(Model *model) {
    static const char *const types[] = {"f32", "f64"}, *const compilers[] = {"clang", "clang", "clang", "gcc"};
    static const char *const targets[] = {"native", "native", "portable", "x86-64-v3", "x86-64-v4"};
    static const char *const fusions[] = {"fused", "fused", "blocks", "apart"};
    static const char *const forms[] = {"library", "library", "standalone"};
    Random *random = &model->random;
    for (int i = 0; i < 2; i++) {
        text_printf(&model->text, "# way %s", ONE_OF(random, types));
        text_printf(&model->text, " %s", ONE_OF(random, compilers));
        text_printf(&model->text, " %s", ONE_OF(random, targets));
        text_printf(&model->text, " %s", ONE_OF(random, fusions));
        text_printf(&model->text, " %s\n", ONE_OF(random, forms));
    }
}

static Dims variable_dims(Random *random, int most_axes) {
    static const int sizes[] = {1, 3, 4, 5, 8, 9, 16, 17, 33};
    static const int ranks[] = {0, 1, 2, 2, 3};
    Dims dims = {.rank = ONE_OF(random, ranks)};
    if (most_axes == 0 && dims.rank == 0) dims.rank = 1; /* a state, parts of which are written */
    for (int axis = 0; axis < dims.rank; axis++) dims.size[axis] = ONE_OF(random, sizes);
    while (dims_count(&dims) > 1000) dims = dims_without(dims, 0);
    return dims;
}

static void draw_variables(Model *model) {
    static const char *const starts[] = {"zeros", "constant(0.5)"};
    Random *random = &model->random;
    Entry names = {.arena = model->arena};
    model->state_count = 2;
    model->param_count = 3;
    for (int i = 0; i < model->state_count; i++) {
        Variable *state = &model->states[i];
        *state = (Variable){arena_printf(model->arena, "s%d", i), variable_dims(random, 0)};
        text_printf(&model->text, "state %s: %s ~ %s\n", state->name, dims_text(&names, &state->dims),
                    ONE_OF(random, starts));
    }
    text_add(&model->text, "state position: i32[] ~ zeros\n");
    for (int i = 0; i < model->param_count; i++) {
        Variable *param = &model->params[i];
        *param = (Variable){arena_printf(model->arena, "p%d", i), variable_dims(random, 3)};
        text_printf(&model->text, "param %s: %s ~ normal(0, 0.5)%s\n", param->name, dims_text(&names, &param->dims),
                    chance(random, 0.3) ? " with decay = false" : "");
    }
}

/* An entry point that shows what the others have left in the variables. */
static void show_variables(Model *model) {
    Entry names = {.arena = model->arena};
    Text body;
    text_init(&body, model->arena);
    text_add(&model->text, "graph variables() -> (");
    for (int i = 0; i < model->param_count + model->state_count; i++) {
        const Variable *variable = i < model->param_count ? &model->params[i] : &model->states[i - model->param_count];
        text_printf(&model->text, "%s%s_now: %s", i ? ", " : "", variable->name, dims_text(&names, &variable->dims));
        text_printf(&body, "  %s_now = %s\n", variable->name, variable->name);
    }
    text_printf(&model->text, ") {\n%s}\n", body.at);
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: graphs SEED NUMBER COUNT\n");
        return 2;
    }
    Model model = {.arena = arena_new()};
    uint64_t seed = strtoull(argv[1], NULL, 10), number = strtoull(argv[2], NULL, 10);
    model.random.state = seed * 0x100000001b3u + number;
    text_init(&model.text, model.arena);
    text_printf(&model.text, "tg 1\n# graphs %s %s %s\n", argv[1], argv[2], argv[3]);
    draw_ways(&model);
    text_add(&model.text, "import \"nn.tg\"\n");
    draw_variables(&model);
    text_add(&model.text, prelude);
    draw_layers(&model);
    for (int i = 0; i < atoi(argv[3]); i++) {
        Random random = {model.random.state + (uint64_t)(i + 1) * 0x632be59bd9b4e019u};
        i % 8 == 0 ? draw_train(&model, &random, i) : draw_graph(&model, &random, i);
    }
    show_variables(&model);
    fputs(model.text.at, stdout);
    arena_free(model.arena);
    return 0;
}
