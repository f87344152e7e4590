/* cover.c: few cases of a family such that every pair of levels meets in one.
 *
 * In: factors such as op (16), rank (5), last size (8), …, and a function that says which combinations are cases.
 * Out: cases, and counts: how many pairs there are, how many no case has, how many are still uncovered (0).
 *
 * Note: the search.
 * Pairs are taken in order. For one not covered yet, of many random combinations that hold it the case with most new
 * pairs is taken. Where none of them is a case, all combinations that hold the pair are tried in turn; where none of
 * those is one, the pair is impossible (a fold along the second axis of a vector). The last count looks at the cases
 * taken alone. */
#include "matrix.h"

#include <string.h>

enum { TRIES = 60 };

typedef struct Search {
    const Family *family;
    int factors;
    uint64_t seed;
    int first[MOST_FACTORS + 1]; /* the factor's first level among all levels */
    int levels;                  /* of all factors */
    uint8_t *state;              /* by pair of levels: */
} Search;

enum { PAIR_OPEN, PAIR_COVERED, PAIR_IMPOSSIBLE };

uint64_t random_bits(uint64_t *state) { /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint8_t *pair_at(const Search *search, int f, int i, int g, int k) {
    return &search->state[(search->first[f] + i) * search->levels + search->first[g] + k];
}

static bool is_case(const Search *search, const int *level) {
    return search->family->build(search->family, level, NULL);
}

/* How many open pairs the combination holds; marks them covered if asked. */
static int open_pairs(const Search *search, const int *level, bool mark) {
    int count = 0;
    for (int f = 0; f < search->factors; f++)
        for (int g = f + 1; g < search->factors; g++) {
            uint8_t *state = pair_at(search, f, level[f], g, level[g]);
            count += *state == PAIR_OPEN;
            if (mark) *state = PAIR_COVERED;
        }
    return count;
}

static void random_levels(Search *search, int *level) {
    for (int f = 0; f < search->factors; f++)
        level[f] = (int)(random_bits(&search->seed) % (uint64_t)search->family->factors[f].levels);
}

/* The next combination with levels i and k of factors f and g; false after the last. */
static bool next_levels(const Search *search, int *level, int f, int g) {
    for (int h = 0; h < search->factors; h++) {
        if (h == f || h == g) continue;
        if (++level[h] < search->family->factors[h].levels) return true;
        level[h] = 0;
    }
    return false;
}

static bool first_case(const Search *search, int f, int i, int g, int k, int *level) {
    memset(level, 0, sizeof(int) * MOST_FACTORS);
    level[f] = i;
    level[g] = k;
    do
        if (is_case(search, level)) return true;
    while (next_levels(search, level, f, g));
    return false;
}

/* A case that holds the pair, the best of TRIES; false if no case does. */
static bool best_case(Search *search, int f, int i, int g, int k, int *best) {
    int most = 0, level[MOST_FACTORS];
    for (int t = 0; t < TRIES; t++) {
        random_levels(search, level);
        level[f] = i;
        level[g] = k;
        if (!is_case(search, level)) continue;
        int count = open_pairs(search, level, false);
        if (count <= most) continue;
        most = count;
        memcpy(best, level, sizeof level);
    }
    return most > 0 || first_case(search, f, i, g, k, best);
}

static void take(Search *search, Cover *cover, List *list, const int *level) {
    open_pairs(search, level, true);
    search->family->build(search->family, level, list);
    cover->cases++;
}

typedef void Visit(Search *search, int f, int i, int g, int k, void *context);

static void each_pair(Search *search, Visit *visit, void *context) {
    const Factor *factors = search->family->factors;
    for (int f = 0; f < search->factors; f++)
        for (int g = f + 1; g < search->factors; g++)
            for (int i = 0; i < factors[f].levels; i++)
                for (int k = 0; k < factors[g].levels; k++) visit(search, f, i, g, k, context);
}

typedef struct Taking {
    Cover *cover;
    List *list;
    Arena *arena;
    VEC(int *) taken;
} Taking;

static void cover_pair(Search *search, int f, int i, int g, int k, void *context) {
    Taking *taking = context;
    uint8_t *state = pair_at(search, f, i, g, k);
    if (*state != PAIR_OPEN) return;
    int *best = NEW_ARRAY(taking->arena, int, MOST_FACTORS);
    if (!best_case(search, f, i, g, k, best)) {
        *state = PAIR_IMPOSSIBLE;
        taking->cover->impossible++;
        return;
    }
    take(search, taking->cover, taking->list, best);
    vec_push(taking->arena, &taking->taken, best);
}

/* The proof: a pair that no case taken holds must be one that no combination holds. */
static void count_pair(Search *search, int f, int i, int g, int k, void *context) {
    Taking *taking = context;
    int level[MOST_FACTORS];
    taking->cover->pairs++;
    for (int c = 0; c < taking->taken.count; c++)
        if (taking->taken.at[c][f] == i && taking->taken.at[c][g] == k) return;
    taking->cover->uncovered += first_case(search, f, i, g, k, level);
}

Cover cover_family(const Family *family, List *list, uint64_t seed) {
    Cover cover = {0};
    Taking taking = {.cover = &cover, .list = list, .arena = arena_new()};
    Search search = {.family = family, .seed = seed};
    for (; family->factors[search.factors].name; search.factors++) {
        search.first[search.factors] = search.levels;
        search.levels += family->factors[search.factors].levels;
    }
    search.state = NEW_ARRAY(taking.arena, uint8_t, search.levels * search.levels);
    each_pair(&search, cover_pair, &taking);
    each_pair(&search, count_pair, &taking);
    arena_free(taking.arena);
    return cover;
}
