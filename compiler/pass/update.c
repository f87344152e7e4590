/* update.c: the optimiser's step of a weight, taken where a product gives the weight's gradient.
 *
 * The update is written over flat vectors: all parameters of a group, their moments, and a concat of their gradients,
 * which therefore have to be in memory at once. Where no number of the update waits for all of them (`clip` does) it
 * is cut into pieces: one for each gradient that a product gives, and one for each run of others between them.
 *
 *     %7 d_W = matmul(x, g)   %9 = concat(%7, d_b, d_table)   %12 = m + c * %9   write(%12, start=0, m)
 *     becomes
 *     %7 d_W = matmul(x, g)   %9 = concat(d_b, d_table)
 *     %12 = m[0:n] + c * %7   %13 = m[n:] + c * %9   write(%12, start=0, m)   write(%13, start=n, m)
 *
 * In: graphs of factor. Out: the same numbers but for the order in which the gradients' norm is summed. The formulas of
 * a product's piece are maps on its result, so that its kernel takes them in: a gradient is used while it is in
 * registers, and is never stored. Writes come last: until then all reads see what the call found.
 */
#include "pass/pass.h"

#include <string.h>

/* Elements [from, from + count) of a flat vector. */
typedef struct Piece {
    int64_t from, count;
    int first, number; /* of the concat's operands */
    Node *matrix;      /* the gradient where a product gives it, or NULL */
    Node **summands;   /* new: by sum, what is left to add up */
    Node **written;    /* new: by write */
} Piece;

/* One group's flat vectors: what is computed of its gradients element by element. */
typedef struct Flat {
    Node *gradients; /* the concat */
    VEC(Piece) pieces;
    VEC(Node *) maps, sums, writes; /* that depend on it */
} Flat;

typedef struct Update {
    Arena *scratch;
    const Graph *from;
    Graph *to;
    Node **map;    /* by old id: the new node */
    bool *part;    /* by old id: it is a map of a flat vector that is cut, or the vector of gradients */
    bool *waits;   /* by old id: it depends on a sum over gradients */
    Node **values; /* by old id: the new node for the piece at hand */
    VEC(Flat) flats;
} Update;

typedef VEC(Node *) Values;

/* ---- which vectors can be cut ---- */

static bool is_gradients(const Node *node) {
    return node->op == &op_concat && node->phase == PHASE_BACKWARD && node->shape.rank == 1;
}

static void find_waiting(Update *u) {
    int count = u->from->nodes.count;
    bool *depends = NEW_ARRAY(u->scratch, bool, count + 1);
    for (int id = 0; id < count; id++) {
        const Node *node = u->from->nodes.at[id];
        depends[id] = is_gradients(node);
        for (int i = 0; i < node->operand_count; i++) {
            int below = node->operand[i]->id;
            depends[id] = depends[id] || depends[below];
            u->waits[id] = u->waits[id] || u->waits[below] || (depends[below] && node->op->kind == OP_REDUCE);
        }
    }
}

/* Whether each element is computed from the same one of flat vectors, and from scalars that wait for no gradient. */
static bool elementwise_of(const Update *u, const Flat *flat, const Node *node) {
    if (node == flat->gradients) return true;
    if (!shape_equal(&node->shape, &flat->gradients->shape)) return false;
    if (node->op == &op_read) return node->attr.version == 0;
    if (node->op == &op_broadcast) return node->operand[0]->shape.rank == 0 && !u->waits[node->operand[0]->id];
    for (int i = 0; i < node->operand_count; i++)
        if (!elementwise_of(u, flat, node->operand[i])) return false;
    return node->op->kind == OP_MAP;
}

/* A vector that the update writes as a whole, for the first time. */
static bool writes_all(const Node *node) {
    return node->op == &op_write && node->operand_count == 1 && node->attr.version == 1 &&
           shape_equal(&node->shape, &node->attr.variable->shape);
}

static bool reads_part(const Update *u, const Node *node) {
    for (int i = 0; i < node->operand_count; i++)
        if (u->part[node->operand[i]->id]) return true;
    return false;
}

/* Finds what depends on the gradients; false if that is anything but maps, sums and writes of all. */
static bool follow(Update *u, Flat *flat) {
    for (int id = flat->gradients->id + 1; id < u->from->nodes.count; id++) {
        Node *node = u->from->nodes.at[id];
        if (!reads_part(u, node)) continue;
        if (node->op == &op_sum && node->shape.rank == 0) {
            vec_push(u->scratch, &flat->sums, node);
        } else if (writes_all(node)) {
            vec_push(u->scratch, &flat->writes, node);
        } else if (node->phase == PHASE_UPDATE && node->op->kind == OP_MAP && elementwise_of(u, flat, node)) {
            u->part[id] = true;
            vec_push(u->scratch, &flat->maps, node);
        } else {
            return false;
        }
    }
    return flat->writes.count > 0;
}

/* ---- pieces ---- */

enum { DEEPEST = 8 }; /* maps between a product and a gradient: a gain, a bias, the sum of two products */

/* Whether a product's kernel can give the value: it is the product, or maps on its result. */
static bool from_product(Node *node, int64_t count, int depth) {
    node = under_reshapes(node);
    if (shape_count(&node->shape) != count || node->phase == PHASE_FORWARD || depth == DEEPEST) return false;
    if (node->op == &op_matmul) return true;
    for (int i = 0; node->op->kind == OP_MAP && i < node->operand_count; i++)
        if (from_product(node->operand[i], count, depth + 1)) return true;
    return false;
}

static bool find_pieces(Update *u, Flat *flat) {
    int64_t at = 0;
    bool any = false;
    for (int i = 0; i < flat->gradients->operand_count; i++) {
        Node *gradient = flat->gradients->operand[i];
        int64_t count = gradient->shape.size[0];
        bool product = from_product(gradient, count, 0);
        if (i == 0 || product || flat->pieces.at[flat->pieces.count - 1].matrix) {
            Piece piece = {.from = at, .first = i};
            if (product) piece.matrix = under_reshapes(gradient);
            vec_push(u->scratch, &flat->pieces, piece);
        }
        Piece *piece = &flat->pieces.at[flat->pieces.count - 1];
        piece->count += count;
        piece->number++;
        any = any || product;
        at += count;
    }
    return any;
}

static void find_flats(Update *u) {
    find_waiting(u);
    for (int id = 0; id < u->from->nodes.count; id++) {
        Flat flat = {.gradients = u->from->nodes.at[id]};
        if (!is_gradients(flat.gradients)) continue;
        u->part[id] = true;
        if (follow(u, &flat) && find_pieces(u, &flat)) {
            vec_push(u->scratch, &u->flats, flat);
            continue;
        }
        u->part[id] = false;
        for (int i = 0; i < flat.maps.count; i++) u->part[flat.maps.at[i]->id] = false;
    }
}

/* ---- the formulas of a piece ---- */

/* The new node; what it is computed from comes now, if it has not yet. */
static Node *carried(Update *u, const Node *node) {
    for (int i = 0; i < node->operand_count && !u->map[node->id]; i++) carried(u, node->operand[i]);
    if (!u->map[node->id]) u->map[node->id] = graph_carry(u->to, node, u->map);
    return u->map[node->id];
}

static Node *gradient_of(Update *u, const Flat *flat, const Piece *piece) {
    Node **parts = NEW_ARRAY(u->scratch, Node *, piece->number);
    for (int i = 0; i < piece->number; i++) parts[i] = carried(u, flat->gradients->operand[piece->first + i]);
    if (piece->number == 1) return parts[0];
    graph_stand(u->to, flat->gradients, NULL);
    return node_title(concat(u->to, parts, piece->number, 0), node_called(flat->gradients));
}

static void stand(Update *u, const Piece *piece, const Node *node) {
    graph_stand(u->to, node, NULL);
    if (piece->matrix) u->to->phase = PHASE_BACKWARD; /* it belongs to the product's kernel */
}

static Node *value_of(Update *u, const Flat *flat, const Piece *piece, const Node *node);

static Node *made_for(Update *u, const Flat *flat, const Piece *piece, const Node *node) {
    Node *operand[EXTERNAL_ARGUMENTS], *whole = NULL;
    if (node == flat->gradients) return gradient_of(u, flat, piece);
    if (node->op == &op_read) whole = carried(u, node);
    if (node->op == &op_broadcast) whole = carried(u, node->operand[0]);
    for (int i = 0; !whole && i < node->operand_count; i++) operand[i] = value_of(u, flat, piece, node->operand[i]);
    Shape shape = {.rank = 1, .size = {piece->count}};
    stand(u, piece, node);
    if (node->op == &op_read) return slice(u->to, whole, &piece->from, &piece->count);
    if (node->op == &op_broadcast) return broadcast(u->to, whole, shape);
    Node *made = graph_append(u->to, node->op, node->dtype, shape, node->operand_count, operand, &node->attr);
    node_rename(u->to, made, node->name);
    return node_title(made, node->title);
}

static Node *value_of(Update *u, const Flat *flat, const Piece *piece, const Node *node) {
    if (!u->values[node->id]) u->values[node->id] = made_for(u, flat, piece, node);
    return u->values[node->id];
}

/* What is left to add up of a piece: of a product's the sums of its columns, which its kernel gives. */
static Node *summands_of(Update *u, const Flat *flat, const Piece *piece, const Node *sums) {
    Node *value = value_of(u, flat, piece, sums->operand[0]);
    int axes[MAX_RANK], count = 0;
    if (!piece->matrix) return value;
    for (; count < piece->matrix->shape.rank - 1; count++) axes[count] = count;
    stand(u, piece, sums);
    value = reshape(u->to, value, piece->matrix->shape);
    return count ? node_title(sum(u->to, value, axes, count, false), "columns") : value;
}

/* The weight's name in its gradient's, d_W; NULL: it has none. */
static const char *weight_of(const Piece *piece) {
    const char *name = piece->matrix ? piece->matrix->name : NULL;
    return name && !strncmp(name, "d_", 2) ? name + 2 : NULL;
}

/* A weight's new value goes by the weight's name. */
static void compute_piece(Update *u, const Flat *flat, Piece *piece) {
    const char *weight = weight_of(piece);
    memset(u->values, 0, (size_t)u->from->nodes.count * sizeof *u->values);
    piece->summands = NEW_ARRAY(u->scratch, Node *, flat->sums.count + 1);
    piece->written = NEW_ARRAY(u->scratch, Node *, flat->writes.count + 1);
    for (int i = 0; i < flat->sums.count; i++) piece->summands[i] = summands_of(u, flat, piece, flat->sums.at[i]);
    for (int i = 0; i < flat->writes.count; i++) {
        const Node *write = flat->writes.at[i];
        piece->written[i] = value_of(u, flat, piece, write->operand[0]);
        if (weight && write->attr.variable->kind == VAR_GROUP)
            node_rename(u->to, piece->written[i], arena_printf(u->scratch, "new_%s", weight));
    }
}

/* ---- the pass ---- */

/* A sum over all pieces: of the columns' sums of all products together, and of each run. */
static void sum_pieces(Update *u, const Flat *flat, int number) {
    const Node *old = flat->sums.at[number];
    Values columns = {0};
    Node *total = NULL;
    graph_stand(u->to, old, NULL);
    for (int i = 0; i < flat->pieces.count; i++) {
        Node *summands = flat->pieces.at[i].summands[number];
        if (flat->pieces.at[i].matrix) {
            vec_push(u->scratch, &columns, summands);
            continue;
        }
        Node *run = sum_all(u->to, summands);
        total = total ? add(u->to, total, run) : run;
    }
    Node *all = columns.count > 1 ? concat(u->to, columns.at, columns.count, 0) : columns.at[0];
    all = sum_all(u->to, node_title(all, "columns"));
    u->map[old->id] = total ? add(u->to, total, all) : all;
}

static void write_piece(Update *u, const Flat *flat, const Piece *piece) {
    for (int i = 0; i < flat->writes.count; i++) {
        stand(u, piece, flat->writes.at[i]);
        write_variable(u->to, flat->writes.at[i]->attr.variable, piece->written[i], &piece->from, 0, NULL);
    }
}

static Piece *piece_of(const Update *u, const Node *matrix, const Flat **flat) {
    for (int i = 0; i < u->flats.count; i++) {
        *flat = &u->flats.at[i];
        for (int k = 0; k < (*flat)->pieces.count; k++)
            if ((*flat)->pieces.at[k].matrix == matrix) return &(*flat)->pieces.at[k];
    }
    return NULL;
}

static bool is_cut(const Update *u, const Node *node) {
    bool effect = node->op == &op_write || node->op == &op_sum;
    return u->part[node->id] || (effect && reads_part(u, node));
}

/* What waits for no sum over gradients, and after each product what the update makes of it; then the runs, the sums
 * and what waits for them; then the writes. */
static void rebuild(Update *u) {
    const Flat *flat;
    for (int id = 0; id < u->from->nodes.count; id++) {
        const Node *node = u->from->nodes.at[id];
        if (is_cut(u, node) || u->waits[id]) continue;
        carried(u, node);
        Piece *piece = node->op->kind == OP_MATMUL || node->op->kind == OP_MAP ? piece_of(u, node, &flat) : NULL;
        if (piece) compute_piece(u, flat, piece);
    }
    for (int i = 0; i < u->flats.count; i++) {
        flat = &u->flats.at[i];
        for (int k = 0; k < flat->pieces.count; k++)
            if (!flat->pieces.at[k].matrix) compute_piece(u, flat, &flat->pieces.at[k]);
        for (int k = 0; k < flat->sums.count; k++) sum_pieces(u, flat, k);
        for (int k = 0; k < flat->writes.count; k++) flat->writes.at[k]->attr.variable->versions = 0;
    }
    for (int id = 0; id < u->from->nodes.count; id++)
        if (!is_cut(u, u->from->nodes.at[id])) carried(u, u->from->nodes.at[id]);
    for (int i = 0; i < u->flats.count; i++)
        for (int k = 0; k < u->flats.at[i].pieces.count; k++)
            write_piece(u, &u->flats.at[i], &u->flats.at[i].pieces.at[k]);
}

static void update_in(Entry *entry, Model *model) {
    const Graph *from = entry->graph;
    if (!entry->train || entry->accumulate > 1) return;
    Update u = {.scratch = arena_new(), .from = from};
    u.part = NEW_ARRAY(u.scratch, bool, from->nodes.count + 1);
    u.waits = NEW_ARRAY(u.scratch, bool, from->nodes.count + 1);
    find_flats(&u);
    if (u.flats.count) {
        u.to = graph_new(from->arena, from->names, from->diag, from->entry);
        u.map = NEW_ARRAY(u.scratch, Node *, from->nodes.count + 1);
        u.values = NEW_ARRAY(u.scratch, Node *, from->nodes.count + 1);
        rebuild(&u);
        entry_move(entry, u.to, u.map);
        share(entry, model);
    }
    arena_free(u.scratch);
}

void update(Model *model) {
    for (int i = 0; i < model->entries.count; i++) update_in(model->entries.at[i], model);
}
