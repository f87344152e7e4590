/* composite.c: values that are made of the other verbs and need no operation of their own.
 *
 *     causal(T)      [i, j] = j <= i
 *     sinusoid(N,D)  sin(p / 10000^(2i/D)) in even columns 2i, cos in odd ones
 *     dropout(x, p)  x / (1 - p) where the random number is at least p, else 0
 *     cross_entropy  mean over rows of (1 - s)(lse - picked) + s mean over classes (lse - logit)
 *
 * In: operands and numbers known when compiling. Out: a few nodes; their adjoints follow from the parts'.
 */
#include "ops/ops.h"

#include <math.h>

Node *full(Graph *graph, Shape shape, double value, DType dtype) {
    return broadcast(graph, constant(graph, value, dtype), shape);
}

Node *zeros(Graph *graph, Shape shape) {
    return full(graph, shape, 0, DT_FLOAT);
}

/* 0, 1, … down the rows of a matrix of `shape`. */
static Node *row_numbers(Graph *graph, Shape shape) {
    return row_back(graph, iota(graph, shape.size[0]), &shape);
}

Node *causal(Graph *graph, int64_t count, const char *axis_name) {
    Shape shape = {.rank = 2, .size = {count, count}, .name = {axis_name, axis_name}};
    Node *column = broadcast(graph, iota(graph, count), shape);
    return less_equal(graph, column, row_numbers(graph, shape));
}

Node *sinusoid(Graph *graph, int64_t positions, int64_t width) {
    Shape shape = {.rank = 2, .size = {positions, width}};
    Node *column = iota(graph, width);
    Node *odd = modulo(graph, column, constant(graph, 2, DT_I32));
    Node *columns = number(graph, width > 0 ? (double)width : 1);
    Node *exponent = divide(graph, subtract(graph, column, odd), columns);
    Node *frequency = exponential(graph, multiply(graph, exponent, number(graph, -log(10000.0))));
    Node *place = node_title(cast(graph, row_numbers(graph, shape), DT_FLOAT), "place");
    Node *angle = node_title(multiply(graph, place, node_title(frequency, "frequency")), "angle");
    Node *even = node_title(equal(graph, node_title(odd, "odd"), constant(graph, 0, DT_I32)), "even");
    Node *cosines = cosine(graph, angle), *sines = sine(graph, angle);
    return node_title(where(graph, even, sines, cosines), "sinusoid");
}

Node *dropout(Graph *graph, Node *x, double probability, bool live) {
    if (!x) return NULL;
    if (!live || probability <= 0) return same(graph, x);
    if (x->dtype != DT_FLOAT) x = cast(graph, x, DT_FLOAT);
    double bound = ceil(ldexp(probability, RANDOM_BITS)); /* so that f32 and f64 draw the same line */
    Node *random = random_uniform(graph, x->shape, graph->site_count++);
    Node *kept = less_equal(graph, number(graph, ldexp(bound, -RANDOM_BITS)), random);
    double scale = probability < 1 ? 1 / (1 - probability) : 0;
    Node *zero = number(graph, 0), *scaled = multiply(graph, x, number(graph, scale));
    return node_title(where(graph, kept, scaled, zero), "dropped_out");
}

/* The loss of every row: lse - picked, smoothed towards the mean over classes. */
static Node *row_losses(Graph *graph, Node *logits, Node *ids, double smooth) {
    int last = logits->shape.rank - 1;
    int64_t classes = logits->shape.size[last];
    Node *level = logsumexp(graph, logits, &last, 1, false);
    Node *class = iota(graph, classes), *gold = row_back(graph, ids, &logits->shape);
    Node *is_gold = equal(graph, gold, class);
    Node *picked = sum(graph, where(graph, is_gold, logits, number(graph, 0)), &last, 1, false);
    node_title(picked, "picked");
    Node *likelihood = subtract(graph, level, picked);
    if (smooth == 0) return likelihood;
    Node *average = node_title(mean(graph, logits, &last, 1, false), "mean_logit");
    Node *smoothed = multiply(graph, subtract(graph, level, average), number(graph, smooth));
    return add(graph, multiply(graph, likelihood, number(graph, 1 - smooth)), smoothed);
}

static bool labels_fit(Graph *graph, const Node *logits, const Node *gold) {
    int last = logits->shape.rank - 1;
    if (last < 0 || logits->dtype != DT_FLOAT || gold->dtype != DT_I32) {
        diag_error(graph->diag, graph->at, E0401, "cross_entropy takes float logits and i32 labels, not %s%s and %s%s",
                   dtype_name(logits->dtype, false), shape_string(graph->arena, &logits->shape),
                   dtype_name(gold->dtype, false), shape_string(graph->arena, &gold->shape));
        return false;
    }
    Shape rows = shape_drop(&logits->shape, last);
    if (!shape_equal(&rows, &gold->shape)) {
        diag_error(graph->diag, graph->at, E0302, "cross_entropy of logits %s needs labels %s, not %s",
                   shape_string(graph->arena, &logits->shape), shape_string(graph->arena, &rows),
                   shape_string(graph->arena, &gold->shape));
        return false;
    }
    if (logits->shape.size[last] > 0) return true;
    diag_error(graph->diag, graph->at, E0307, "cross_entropy over an empty axis of %s",
               shape_string(graph->arena, &logits->shape));
    return false;
}

Node *cross_entropy(Graph *graph, Node *logits, Node *gold, const double *ignore, double smooth) {
    if (!logits || !gold || !labels_fit(graph, logits, gold)) return NULL;
    int64_t classes = logits->shape.size[logits->shape.rank - 1], rows = shape_count(&gold->shape);
    Node *counted = NULL, *ids = gold;
    if (ignore) {
        counted = node_title(not_equal(graph, gold, constant(graph, *ignore, DT_I32)), "counted");
        ids = where(graph, counted, gold, constant(graph, 0, DT_I32));
    }
    Node *losses = row_losses(graph, logits, check_range(graph, ids, classes, "cross_entropy"), smooth);
    node_title(losses, "row_loss");
    if (!counted) {
        Node *all = number(graph, rows > 0 ? (double)rows : 1);
        return divide(graph, sum_all(graph, losses), all);
    }
    Node *total = node_title(sum_all(graph, where(graph, counted, losses, number(graph, 0))), "loss_sum");
    Node *count = sum_all(graph, cast(graph, counted, DT_FLOAT));
    return divide(graph, total, node_title(maximum(graph, count, number(graph, 1)), "count"));
}
