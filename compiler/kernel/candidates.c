/* candidates.c: tiles of a product that are worth a measurement.
 *
 * In: a product and the tile to begin with, the cost model's or the best one so far. Out: that tile; those that differ
 * from it in one choice (the panels, the rows of a slice, the blocks of k, a transposed A); and, while there is room,
 * tiles of other rows and vectors, the cheapest by the cost model first. All are legal.
 */
#include "kernel/tuned.h"

static const double margin = 1.15; /* how much more than the cheapest tile another may cost */

typedef struct Candidates {
    const ProductFacts *facts;
    TileChoice *at;
    int count;
} Candidates;

static void push(Candidates *to, TileChoice choice) {
    if (to->count == MOST_CANDIDATES || tile_fault(to->facts, &choice)) return;
    for (int i = 0; i < to->count; i++)
        if (tile_equal(&to->at[i], &choice)) return;
    to->at[to->count++] = choice;
}

static void push_rows(Candidates *to, TileChoice choice, int64_t rows) {
    choice.rows = rows < to->facts->shape.m ? (rows + choice.mr - 1) / choice.mr * choice.mr : to->facts->shape.m;
    push(to, choice);
}

static void push_panels(Candidates *to, TileChoice choice, int64_t right) {
    choice.right = right;
    choice.rows = tile_rows(to->facts, &choice);
    push(to, choice);
}

static void push_steps(Candidates *to, TileChoice choice, int64_t most) {
    bool blocked = choice.steps < to->facts->shape.k;
    choice.steps = tile_steps(to->facts, most);
    if (blocked != (choice.steps < to->facts->shape.k)) choice.rows = tile_rows(to->facts, &choice);
    push(to, choice);
}

/* Another tile whose operands lie as they do now, where it can have that. */
static void push_tile(Candidates *to, TileChoice choice, const TileChoice *other) {
    choice.mr = other->mr;
    choice.nv = other->nv;
    choice.steps = other->steps;
    choice.rows = tile_rows(to->facts, &choice);
    push(to, tile_fault(to->facts, &choice) ? *other : choice);
}

/* The cheapest of the tiles that cost more than `than`, or as much and come after `last`; false if none is near. */
static bool next_tile(const ProductFacts *facts, double most, double *than, TileChoice *last) {
    TileChoice found = {0};
    double least = 0;
    for (int64_t nv = MOST_VECTORS; nv >= 1; nv--)
        for (int64_t mr = MOST_ROWS; mr >= 1; mr--) {
            TileChoice choice = tile_with(facts, mr, nv);
            double cost = tile_cost(facts, mr, nv);
            bool after = cost > *than || (cost == *than && (nv < last->nv || (nv == last->nv && mr < last->mr)));
            if (!after || cost > most || (found.mr && cost >= least) || tile_fault(facts, &choice)) continue;
            found = choice;
            least = cost;
        }
    *than = least;
    *last = found;
    return found.mr > 0;
}

int tile_candidates(const ProductFacts *facts, const TileChoice *around, TileChoice out[MOST_CANDIDATES]) {
    Candidates list = {.facts = facts, .at = out};
    TileChoice best = tile_best(facts), next = {.nv = MOST_VECTORS + 1};
    double most = margin * tile_cost(facts, best.mr, best.nv), cost = 0;
    push(&list, *around);
    for (int64_t right = RIGHT_IN_PLACE; right <= RIGHT_BEFORE; right++) push_panels(&list, *around, right);
    push_rows(&list, *around, around->rows / 2);
    push_rows(&list, *around, around->rows * 2);
    push_steps(&list, *around, (around->steps + 1) / 2);
    push_steps(&list, *around, around->steps * 2);
    TileChoice turned = *around;
    turned.left = around->left == LEFT_BEFORE ? LEFT_IN_PLACE : LEFT_BEFORE;
    push(&list, turned);
    while (list.count < MOST_CANDIDATES && next_tile(facts, most, &cost, &next)) push_tile(&list, *around, &next);
    return list.count;
}
