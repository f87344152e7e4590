/* share.c: one node for all that are equal, and none that nobody needs.
 *
 * In: an entry. Out: its graph copied forward without dead nodes; nodes with the same op, operands, shape and
 * attributes become the first of them (a dropout's site and a variable's version are attributes).
 *
 *     %2 = add(%0, %1)  %3 = add(%0, %1)  %4 = mul(%2, %3)   becomes   %2 = add(%0, %1)  %3 = mul(%2, %2)
 *
 * Inputs and writes are never shared. A shared node takes the earliest phase of its users' copies. One that turns of a
 * remat loop share is part of what lies around them, and likewise of blocks of rows; the backward pass may share what
 * they compute.
 */
#include "pass/pass.h"

#include <string.h>

/* Open addressing over the nodes of the new graph. */
typedef struct Table {
    Node **slot;
    uint64_t mask;
} Table;

static Table table_for(Arena *arena, int count) {
    uint64_t size = 64;
    while (size < (uint64_t)count * 2) size *= 2;
    return (Table){.slot = NEW_ARRAY(arena, Node *, size), .mask = size - 1};
}

static uint64_t mixed(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 29;
}

static uint64_t hash_text(uint64_t hash, const char *text) {
    for (; *text; text++) hash = mixed(hash, (unsigned char)*text);
    return hash;
}

/* Of what is cheap to hash and tells most nodes apart; equality looks at the rest. */
static uint64_t hash_node(const Node *node) {
    uint64_t hash = hash_text(7, node->op->name);
    for (int i = 0; i < node->operand_count; i++) hash = mixed(hash, (uint64_t)node->operand[i]->id);
    for (int i = 0; i < node->shape.rank; i++) hash = mixed(hash, (uint64_t)node->shape.size[i]);
    if (node->op->uses & USES_VALUE) {
        uint64_t bits;
        memcpy(&bits, &node->attr.value, sizeof bits);
        hash = mixed(hash, bits);
    }
    if (node->op->uses & USES_VARIABLE) hash = mixed(hash, (uint64_t)node->attr.variable->id);
    if (node->op->uses & USES_START) hash = mixed(hash, (uint64_t)node->attr.start[0]);
    return hash;
}

static bool nodes_equal(const Node *a, const Node *b) {
    if (a->op != b->op || a->dtype != b->dtype || a->operand_count != b->operand_count) return false;
    for (int i = 0; i < a->operand_count; i++)
        if (a->operand[i] != b->operand[i]) return false;
    return shape_equal(&a->shape, &b->shape) && attr_equal(a->op, &a->attr, &b->attr);
}

/* The node of the table that equals this one; this one itself, put in, when there is none. */
static Node *find(Table *table, Node *node) {
    uint64_t at = hash_node(node) & table->mask;
    for (; table->slot[at]; at = (at + 1) & table->mask)
        if (nodes_equal(table->slot[at], node)) return table->slot[at];
    return table->slot[at] = node;
}

/* The shape's names come from the user's text where the first node had none. */
static void merge(Graph *graph, Node *kept, const Node *dropped) {
    if (!kept->name && dropped->name) node_rename(graph, kept, dropped->name);
    if (!kept->title) kept->title = dropped->title;
    if (dropped->phase <= kept->phase) {
        kept->remat = remat_common(kept->remat, dropped->remat);
        if (kept->block != dropped->block) kept->block = 0;
    }
    if (dropped->phase < kept->phase) kept->phase = dropped->phase;
    for (int i = 0; i < kept->shape.rank; i++)
        if (!kept->shape.name[i]) kept->shape.name[i] = dropped->shape.name[i];
}

static bool can_share(const Node *node) {
    return node->op != &op_input && node->op != &op_write;
}

/* The copy of a node, or the equal node that stands already. */
static Node *shared_copy(Graph *to, Table *table, const Node *node, Node *const *map) {
    Node **operand = NEW_ARRAY(to->arena, Node *, node->operand_count + 1);
    for (int i = 0; i < node->operand_count; i++) operand[i] = map[node->operand[i]->id];
    Node *copy = graph_copy(to, node, operand, node->forward ? map[node->forward->id] : NULL);
    if (copy->op == &op_const) copy->name = NULL; /* a number is nobody's in particular */
    Node *found = can_share(node) ? find(table, copy) : copy;
    if (found == copy) return copy;
    merge(to, found, copy);
    to->nodes.count--;
    return found;
}

void share(Entry *entry, Model *model) {
    const Graph *from = entry->graph;
    Arena *scratch = arena_new();
    Graph *to = graph_new(model->arena, model->names, model->diag, from->entry);
    Node **map = NEW_ARRAY(scratch, Node *, from->nodes.count + 1);
    bool *live = NEW_ARRAY(scratch, bool, from->nodes.count + 1);
    Table table = table_for(scratch, from->nodes.count);
    entry_live(entry, live);
    for (int i = 0; i < from->nodes.count; i++) {
        const Node *node = from->nodes.at[i];
        if (live[i] || node->op == &op_input) map[i] = shared_copy(to, &table, node, map);
    }
    entry_move(entry, to, map);
    arena_free(scratch);
}
