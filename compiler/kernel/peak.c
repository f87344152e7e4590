/* peak.c: an order of kernels in which fewer bytes live at the fullest one.
 *
 * In: kernels in an order, what each reads and writes, and a limit. Out: an order in which no kernel needs more than
 * the limit. The order given is kept as long as it fits. Where the next kernel does not, some others come before it:
 * all that is left to run until one piece of memory is free, of all such sets the one that leaves the fewest bytes, if
 * they themselves fit.
 *
 *     f0 f1 f2 b0 b1 b2, f writes a large value that b reads:    two of them fit:  f0 f1 b0 f2 b1 b2
 *
 * Limits between what the largest kernel needs by itself and what the order given needs are tried until the least that
 * works is known to about a hundredth. What reads stays after what wrote it and before what overwrites it. Kernels that
 * write variables come where they came, those of the update after all others where calls without one share the text. */
#include "kernel/lives.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST_MOVED = 96,    /* kernels that come earlier at once */
    LEAST_GAIN = 50,    /* an order is left alone unless the peak falls by that part of it, */
    PRECISION = 128,    /* and is known as exactly as this */
    MOST_RUNS = 1 << 19 /* of kernels, in trials, for one order */
};

typedef struct Numbers {
    VEC(int) list;
} Numbers;

typedef struct Memory { /* after some kernels have run */
    int *left;          /* by piece: kernels that have yet to use it */
    bool *live;         /* by piece */
    size_t bytes;
} Memory;

typedef struct Search {
    Lives *lives;
    const Schedule *schedule;
    int from, count;
    int *given;      /* the order given */
    int *place;      /* by kernel: where it stands there */
    Numbers *before; /* by kernel: those that must have run */
    Numbers *users;  /* by piece, in the order given */
    Memory memory, trial;
    bool *done; /* by kernel */
    int *mark;  /* by kernel: the number of the set that it was last put into */
    int set, runs;
} Search;

/* ---- what must come before what ---- */

static void add_before(Search *search, int kernel, int earlier) {
    Numbers *before = &search->before[kernel];
    if (kernel == earlier || earlier < 0) return;
    for (int i = 0; i < before->list.count; i++)
        if (before->list.at[i] == earlier) return;
    vec_push(search->lives->arena, &before->list, earlier);
}

static void find_before(Search *search) {
    Lives *lives = search->lives;
    int pieces = lives->pieces.count;
    int *writer = NEW_ARRAY(lives->arena, int, pieces + 1);
    Numbers *readers = NEW_ARRAY(lives->arena, Numbers, pieces + 1);
    for (int i = 0; i < pieces; i++) writer[i] = -1;
    for (int i = 0; i < search->count; i++) {
        int kernel = search->given[i];
        const KernelLife *life = &lives->kernel[kernel];
        for (int j = 0; j < life->uses.count; j++) {
            const Use *use = &life->uses.at[j];
            int piece = use->piece;
            add_before(search, kernel, writer[piece]);
            vec_push(lives->arena, &search->users[piece].list, kernel);
            if (!use->writes) vec_push(lives->arena, &readers[piece].list, kernel);
            if (!use->writes) continue;
            for (int k = 0; k < readers[piece].list.count; k++) add_before(search, kernel, readers[piece].list.at[k]);
            readers[piece].list.count = 0;
            writer[piece] = kernel;
        }
    }
}

/* ---- running a kernel ---- */

/* Bytes that the kernel takes over from operands that it is the last to read. */
static size_t taken_over(const Search *search, const Memory *memory, const KernelLife *life) {
    const Lives *lives = search->lives;
    size_t bytes = 0;
    for (int i = 0; i < life->overlays.count; i++) {
        Overlay pair = life->overlays.at[i];
        bool free = memory->left[pair.from] == 1 && !lives->pieces.at[pair.from].kept && !memory->live[pair.into];
        for (int j = 0; j < i; j++)
            free = free && life->overlays.at[j].from != pair.from && life->overlays.at[j].into != pair.into;
        if (free) bytes += lives->pieces.at[pair.from].bytes;
    }
    return bytes;
}

/* Bytes that live at the kernel if it runs next. */
static size_t bytes_at(const Search *search, const Memory *memory, int kernel) {
    const KernelLife *life = &search->lives->kernel[kernel];
    size_t bytes = memory->bytes;
    for (int i = 0; i < life->uses.count; i++) {
        const Piece *piece = &search->lives->pieces.at[life->uses.at[i].piece];
        if (piece_in_arena(piece) && !memory->live[life->uses.at[i].piece]) bytes += piece->bytes;
    }
    return life->overlays.count ? bytes - taken_over(search, memory, life) : bytes;
}

static void run(Search *search, Memory *memory, int kernel) {
    const KernelLife *life = &search->lives->kernel[kernel];
    search->runs++;
    for (int i = 0; i < life->uses.count; i++) {
        int number = life->uses.at[i].piece;
        const Piece *piece = &search->lives->pieces.at[number];
        if (!memory->live[number] && piece_in_arena(piece)) memory->bytes += piece->bytes;
        memory->live[number] = true;
        if (--memory->left[number] > 0 || piece->kept) continue;
        memory->live[number] = false;
        if (piece_in_arena(piece)) memory->bytes -= piece->bytes;
    }
}

static void memory_copy(const Search *search, Memory *to, const Memory *from) {
    int pieces = search->lives->pieces.count;
    memcpy(to->left, from->left, (size_t)pieces * sizeof *to->left);
    memcpy(to->live, from->live, (size_t)pieces * sizeof *to->live);
    to->bytes = from->bytes;
}

static Memory memory_new(const Search *search) {
    int pieces = search->lives->pieces.count;
    Memory memory = {NEW_ARRAY(search->lives->arena, int, pieces + 1),
                     NEW_ARRAY(search->lives->arena, bool, pieces + 1), 0};
    return memory;
}

/* ---- what comes earlier ---- */

static bool writes_variable(const Search *search, int kernel) {
    const KernelLife *life = &search->lives->kernel[kernel];
    for (int i = 0; i < life->uses.count; i++)
        if (life->uses.at[i].writes && search->lives->pieces.at[life->uses.at[i].piece].buffer->kind == BUF_VARIABLE)
            return true;
    return false;
}

static bool may_come_early(const Search *search, int kernel) {
    bool update = search->schedule->kernels.at[kernel]->phase == PHASE_UPDATE;
    return search->place[kernel] >= search->from && !writes_variable(search, kernel) &&
           !(update && search->schedule->entry->accumulate > 1);
}

/* Puts a kernel and all it waits for into the set. */
static bool put_in(Search *search, Numbers *set, int kernel, int next) {
    if (search->done[kernel] || search->mark[kernel] == search->set) return true;
    if (kernel == next || set->list.count == MOST_MOVED || !may_come_early(search, kernel)) return false;
    search->mark[kernel] = search->set;
    vec_push(search->lives->arena, &set->list, kernel);
    for (int i = 0; i < search->before[kernel].list.count; i++)
        if (!put_in(search, set, search->before[kernel].list.at[i], next)) return false;
    return true;
}

/* What must run until the piece is free, in the order given; false if that can't come before `next`. */
static bool find_set(Search *search, int piece, int next, Numbers *set) {
    set->list.count = 0;
    search->set++;
    for (int i = 0; i < search->users[piece].list.count; i++)
        if (!put_in(search, set, search->users[piece].list.at[i], next)) return false;
    for (int i = 1; i < set->list.count; i++) { /* they are few, and nearly in order */
        int kernel = set->list.at[i], at = i;
        for (; at > 0 && search->place[set->list.at[at - 1]] > search->place[kernel]; at--)
            set->list.at[at] = set->list.at[at - 1];
        set->list.at[at] = kernel;
    }
    return set->list.count > 0;
}

/* The bytes that are left when the set has run; SIZE_MAX if it does not fit. */
static size_t bytes_after(Search *search, const Numbers *set, size_t limit) {
    memory_copy(search, &search->trial, &search->memory);
    for (int i = 0; i < set->list.count; i++) {
        if (bytes_at(search, &search->trial, set->list.at[i]) > limit) return SIZE_MAX;
        run(search, &search->trial, set->list.at[i]);
    }
    return search->trial.bytes;
}

/* The set that leaves the fewest bytes, fewer than there are now; false if there is none. */
static bool best_set(Search *search, int next, size_t limit, Numbers *best) {
    const Lives *lives = search->lives;
    size_t least = search->memory.bytes, excess = bytes_at(search, &search->memory, next) - limit;
    Numbers set = {0};
    best->list.count = 0;
    for (int piece = 0; piece < lives->pieces.count; piece++) {
        const Piece *held = &lives->pieces.at[piece];
        if (!search->memory.live[piece] || !piece_in_arena(held) || held->kept || held->bytes < excess / 16) continue;
        if (!find_set(search, piece, next, &set)) continue;
        size_t bytes = bytes_after(search, &set, limit);
        if (bytes >= least) continue;
        least = bytes;
        best->list.count = 0;
        for (int i = 0; i < set.list.count; i++) vec_push(lives->arena, &best->list, set.list.at[i]);
    }
    return best->list.count > 0;
}

/* ---- an order within a limit ---- */

static void run_for_good(Search *search, int kernel, int *order, int *filled, size_t *peak) {
    size_t bytes = bytes_at(search, &search->memory, kernel);
    if (bytes > *peak) *peak = bytes;
    run(search, &search->memory, kernel);
    search->done[kernel] = true;
    order[(*filled)++] = kernel;
}

/* The peak of an order within the limit; 0 if none was found. */
static size_t order_within(Search *search, size_t limit, int *order) {
    int filled = 0;
    size_t peak = 0;
    Numbers set = {0};
    search->memory.bytes = 0;
    search->runs = 0;
    memset(search->done, 0, (size_t)search->count * sizeof *search->done);
    for (int i = 0; i < search->lives->pieces.count; i++) {
        search->memory.left[i] = search->users[i].list.count;
        search->memory.live[i] = false;
    }
    for (int i = 0; i < search->count; i++) {
        int next = search->given[i];
        if (search->done[next]) continue;
        while (bytes_at(search, &search->memory, next) > limit) {
            if (search->runs > MOST_RUNS || !best_set(search, next, limit, &set)) return 0;
            for (int j = 0; j < set.list.count; j++) run_for_good(search, set.list.at[j], order, &filled, &peak);
        }
        run_for_good(search, next, order, &filled, &peak);
    }
    return peak;
}

/* The most that one kernel needs with nothing else in memory. */
static size_t largest_kernel(const Search *search) {
    size_t most = 0;
    Memory *none = &((Search *)search)->trial;
    for (int i = 0; i < search->lives->pieces.count; i++) none->live[i] = false, none->left[i] = 1;
    none->bytes = 0;
    for (int kernel = 0; kernel < search->count; kernel++) {
        size_t bytes = bytes_at(search, none, kernel);
        if (bytes > most) most = bytes;
    }
    return most;
}

void lower_peak(Lives *lives, int from, int *order) {
    const Schedule *schedule = lives->schedule;
    int count = schedule->kernels.count, *trial = NEW_ARRAY(lives->arena, int, count + 1);
    Search search = {.lives = lives, .schedule = schedule, .from = from, .count = count};
    search.given = NEW_ARRAY(lives->arena, int, count + 1);
    search.place = NEW_ARRAY(lives->arena, int, count + 1);
    search.before = NEW_ARRAY(lives->arena, Numbers, count + 1);
    search.users = NEW_ARRAY(lives->arena, Numbers, lives->pieces.count + 1);
    search.done = NEW_ARRAY(lives->arena, bool, count + 1);
    search.mark = NEW_ARRAY(lives->arena, int, count + 1);
    search.memory = memory_new(&search);
    search.trial = memory_new(&search);
    memcpy(search.given, order, (size_t)count * sizeof *order);
    for (int i = 0; i < count; i++) search.place[order[i]] = i;
    find_before(&search);
    size_t high = lives_measure(lives, order, count, NULL), low = largest_kernel(&search);
    size_t step = high / PRECISION + 1, gain = high / LEAST_GAIN + 1;
    while (low + gain <= high) {
        size_t middle = low + (high - gain - low) / 2;
        size_t peak = order_within(&search, middle, trial);
        if (peak) {
            memcpy(order, trial, (size_t)count * sizeof *order);
            high = peak;
            gain = step;
        } else {
            low = middle + 1;
        }
    }
}
