/* tile.c: chooses the register tile of every product, how its operands are packed, and what a slice of it is; and the
 * blocks of attention.
 *
 * A tile of mr rows and nv vectors costs mr*nv multiply-adds and mr + nv loads per step of k, and no less than LATENCY
 * for want of independent accumulators. The tile whose tiles cover M x N at the least cost wins; the last rows take a
 * smaller tile, the last columns are padded with zeros in packed panels.
 *
 * B is packed into panels of NR columns where its columns don't lie side by side, where they don't fill vectors, or
 * where it is read again and again and its rows lie far apart or are many. A slice makes the panel it needs itself, for
 * all its rows: that costs two moves of a vector for one multiply-add of each row, and the panel stays in the cache.
 * With few rows in a slice and many slices on a panel, a kernel before the product makes all panels. A transposed A
 * whose rows lie far apart is laid out row by row by a kernel before the product, once for products that soon follow.
 */
#include "kernel/tuned.h"

#include <ctype.h>
#include <string.h>

enum {
    LATENCY = 8,
    FAR_APART = 4096,   /* bytes from row to row of B */
    LINES_APART = 1024, /* the same of a transposed A, of which a tile reads mr elements a row */
    REUSE = 48,         /* rows of the result that read B again */
    SLICE_FLOP = 1 << 21,
    SLICES = 32,           /* of a product, at least, where its rows are enough */
    PANEL_ROWS = 256,      /* rows of a slice that share a panel of their own, where there are as many */
    OWN_ROWS = 64,         /* with fewer rows than this, or so many slices that would make the same panel, a kernel */
    MAKERS = 4,            /* before them makes the panels */
    PANEL_BYTES = 1 << 18, /* a panel of B stays in the second-level cache, */
    NEAR_BYTES = 1 << 19,  /* so much of an operand stays in the second-level cache beside all else, */
    FAR_BYTES = 1 << 24,   /* and so much in the last one */
    ROWS_STAY = 8,         /* kernels after which rows of A laid out for one product still serve another */
    BLOCKED_ROWS = 256     /* with the accumulators of a slice that wait in memory */
};
/* Of a row of A, a vector of B, and of a tail, which has a text of its own. */
static const double ROW_COST = 0.5, VECTOR_COST = 0.35, TAIL_COST = 1.01;
static const double CACHED_COST = 0.25; /* of a byte from the last cache, where one from memory is 1 */

/* ---- the cost model ---- */

static double step_cost(int64_t mr, int64_t nv) {
    int64_t fma = mr * nv;
    return (double)(fma < LATENCY ? LATENCY : fma) + ROW_COST * (double)mr + VECTOR_COST * (double)nv;
}

double tile_cost(const ProductFacts *facts, int64_t mr, int64_t nv) {
    int64_t m = facts->shape.m, vectors = (facts->shape.n + facts->lanes - 1) / facts->lanes;
    int64_t panels = (vectors + nv - 1) / nv;
    double rows = (double)(m / mr) * step_cost(mr, nv);
    if (m % mr) rows += step_cost(m % mr, nv);
    return rows * (double)panels * (m % mr ? TAIL_COST : 1);
}

int64_t tile_steps(const ProductFacts *facts, int64_t most) {
    int64_t k = facts->shape.k, lanes = facts->lanes;
    if (k <= most) return k;
    int64_t blocks = (k + most - 1) / most, block = (k + blocks - 1) / blocks;
    block = (block + lanes - 1) / lanes * lanes;
    while (block > lanes && k % block != 0 && k % block < lanes) block -= lanes; /* no last block shorter than that */
    return block;
}

/* Where a slice makes a panel for its rows they are many, but leave enough slices. Where it adds them up they are a
 * part, which fuse_columns.c chose. */
int64_t tile_rows(const ProductFacts *facts, const TileChoice *choice) {
    int64_t m = facts->shape.m, k = facts->shape.k, panel = choice->nv * facts->lanes;
    if (facts->shape.ends == ENDS_COLUMNS) return m;
    int64_t most = SLICE_FLOP / (2 * k * panel + 1), least = choice->steps < k ? BLOCKED_ROWS : choice->mr;
    if (choice->right == RIGHT_BY_SLICE) {
        most = m * facts->shape.batch * ((facts->shape.n + panel - 1) / panel) / SLICES;
        least = PANEL_ROWS;
    }
    if (most < least || choice->steps < k) most = least;
    if (most >= m) return m;
    int64_t blocks = (m + most - 1) / most, rows = (m + blocks - 1) / blocks;
    rows = (rows + choice->mr - 1) / choice->mr * choice->mr;
    return rows < m ? rows : m;
}

/* By each slice, unless too many slices would make the same panel. */
static int64_t right_of(const ProductFacts *facts, TileChoice choice) {
    const ProductShape *shape = &facts->shape;
    int64_t panel = choice.nv * facts->lanes;
    bool apart = facts->b_step >= FAR_APART || shape->k * panel * facts->element > PANEL_BYTES / 2;
    bool reused = shape->m >= REUSE && shape->k > 1, across = (shape->form & 1) != 0;
    if (!across && shape->n % panel == 0 && !(apart && reused)) return RIGHT_IN_PLACE;
    choice.right = RIGHT_BY_SLICE;
    int64_t rows = tile_rows(facts, &choice), makers = (shape->m + rows - 1) / rows * shape->shared;
    return makers == 1 || (rows >= OWN_ROWS && makers < MAKERS) ? RIGHT_BY_SLICE : RIGHT_BEFORE;
}

static int64_t left_of(const ProductFacts *facts, int64_t panel) {
    bool far = facts->a_across && facts->a_step >= LINES_APART;
    return far && facts->shape.n >= 2 * panel && facts->shape.m >= REUSE ? LEFT_BEFORE : LEFT_IN_PLACE;
}

TileChoice tile_with(const ProductFacts *facts, int64_t mr, int64_t nv) {
    int64_t panel = nv * facts->lanes;
    TileChoice choice = {.mr = mr, .nv = nv, .left = left_of(facts, panel)};
    choice.steps = tile_steps(facts, PANEL_BYTES / (panel * facts->element));
    choice.right = right_of(facts, choice);
    choice.rows = tile_rows(facts, &choice);
    return choice;
}

TileChoice tile_best(const ProductFacts *facts) {
    int64_t vectors = (facts->shape.n + facts->lanes - 1) / facts->lanes, best_mr = 1, best_nv = 1;
    double best = 0;
    for (int64_t nv = MOST_VECTORS; nv >= 1; nv--)
        for (int64_t mr = (facts->registers - nv - 1) / nv; mr >= 1 && nv <= vectors; mr--) {
            if (mr > MOST_ROWS || mr > facts->shape.m) continue;
            double cost = tile_cost(facts, mr, nv);
            if (best > 0 && cost >= best) continue;
            best = cost;
            best_mr = mr;
            best_nv = nv;
        }
    return tile_with(facts, best_mr, best_nv);
}

/* ---- panels and rows that a kernel before the product makes ---- */

/* What is packed, whatever views the product has of it. */
static const Node *packed_node(const Schedule *schedule, const Kernel *kernel, int index) {
    Node *node = schedule_alias(schedule, kernel->root->operand[index]);
    while (node->op->kind == OP_VIEW) node = schedule_alias(schedule, node->operand[0]);
    return node;
}

/* "W" for the parameter net.W, the value's own word for any other operand. */
static const char *operand_word(const Schedule *schedule, const Kernel *kernel, int index) {
    const Node *node = packed_node(schedule, kernel, index);
    if (node->op != &op_read) return schedule->place[node->id].buffer->word;
    const char *path = node->attr.variable->path, *dot = strrchr(path, '.');
    return dot ? dot + 1 : path;
}

/* A name for C that no other buffer has, of what is packed: dec_0_ff_up_W_panels. */
static const char *panels_name(const Schedule *schedule, const Kernel *kernel, int index) {
    Arena *arena = schedule->model->arena;
    const Node *node = packed_node(schedule, kernel, index);
    const char *of = node->op == &op_read ? node->attr.variable->path : schedule->place[node->id].buffer->name;
    char *name = arena_printf(arena, "%s_%s", of, index ? "panels" : "rows");
    for (char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at)) *at = '_';
    const char *free_name = name;
    for (int i = 0, number = 2; i < schedule->buffers.count; i++) {
        if (strcmp(schedule->buffers.at[i]->name, free_name) != 0) continue;
        free_name = arena_printf(arena, "%s_%d", name, number++);
        i = -1;
    }
    return free_name;
}

static Buffer *panels(Schedule *schedule, const Kernel *kernel, int index, int64_t count) {
    Buffer *packed = NEW(schedule->model->arena, Buffer);
    const char *word = operand_word(schedule, kernel, index);
    word = arena_printf(schedule->model->arena, "%s_%s", word, index ? "panels" : "rows");
    *packed = (Buffer){.id = schedule->buffers.count, .kind = BUF_ARENA, .dtype = DT_FLOAT, .count = count};
    packed->name = panels_name(schedule, kernel, index);
    packed->word = word;
    packed->scope = "";
    vec_push(schedule->model->arena, &schedule->buffers, packed);
    return packed;
}

/* How many times an operand is packed: once for each batch in which it moves. */
static int64_t batches(const Kernel *kernel, const Access *in_buffer) {
    int64_t count = 1;
    for (int loop = 0; loop < kernel->axes.count; loop++)
        if (role_around(kernel->role[loop]) && in_buffer->stride[kernel->inner[loop]] != 0)
            count *= kernel->axes.extent[loop];
    return count;
}

/* ---- rows of A that several products read ---- */

/* Whether both read the same A, at the same place by the same steps along its m, its k and the batch. */
static bool same_a(const Schedule *schedule, const Kernel *kernel, const Kernel *other) {
    if (packed_node(schedule, kernel, 0) != packed_node(schedule, other, 0)) return false;
    if (kernel->axes.count != other->axes.count || kernel->tile.a_row != other->tile.a_row) return false;
    Access a = product_reach(schedule, kernel, 0), b = product_reach(schedule, other, 0);
    if (a.offset != b.offset || a.index || b.index) return false;
    for (int loop = 0; loop < kernel->axes.count; loop++) {
        int64_t step = a.stride[kernel->inner[loop]];
        if (kernel->role[loop] != other->role[loop] || step != b.stride[other->inner[loop]]) return false;
        if (step != 0 && kernel->axes.extent[loop] != other->axes.extent[loop]) return false;
    }
    return true;
}

/* The weight gradients of q, k and v read the same rows: one of the kernels shortly before may have laid them out. */
static Buffer *rows_before(const Schedule *schedule, const Kernel *kernel) {
    for (int id = kernel->id - 1; id >= 0 && id >= kernel->id - ROWS_STAY; id--) {
        const Kernel *other = schedule->kernels.at[id];
        if (other->kind == KERNEL_CONTRACT && other->packed_a && same_a(schedule, kernel, other))
            return other->packed_a;
    }
    return NULL;
}

/* ---- the order of the slices ---- */

/* In bytes of memory, what it costs to read `bytes` so many times more. */
static double read_again(int64_t bytes, int64_t times) {
    double all = (double)bytes * (double)times;
    return bytes <= NEAR_BYTES ? 0 : bytes <= FAR_BYTES ? CACHED_COST * all : all;
}

/* Panel by panel, each reads all of A again; block by block, each reads all of B, and each panel the block of A. */
static bool goes_by_rows(const ProductFacts *facts, const TileChoice *choice) {
    const ProductShape *shape = &facts->shape;
    int64_t line = shape->k * facts->element, panel = choice->nv * facts->lanes;
    int64_t panels = (shape->n + panel - 1) / panel, blocks = (shape->m + choice->rows - 1) / choice->rows;
    double by_panels = read_again(shape->m * line, panels - 1);
    double by_rows = read_again(choice->rows * line, blocks * (panels - 1)) + read_again(shape->n * line, blocks - 1);
    return by_rows < by_panels;
}

static void use_choice(Schedule *schedule, Kernel *kernel, const ProductFacts *facts, const TileChoice *choice) {
    const ProductShape *shape = &facts->shape;
    int64_t panel = choice->nv * facts->lanes, panels_of_n = (shape->n + panel - 1) / panel;
    Tile *tile = &kernel->tile;
    *tile = (Tile){.mr = (int)choice->mr, .nv = (int)choice->nv, .row_block = choice->rows, .k_block = choice->steps};
    tile->by_rows = goes_by_rows(facts, choice);
    tile->pack_a = choice->left == LEFT_BEFORE;
    tile->pack_b = choice->right != RIGHT_IN_PLACE;
    tile->a_row = (shape->k + facts->lanes - 1) / facts->lanes * facts->lanes + facts->lanes;
    if (choice->right == RIGHT_BY_SLICE)
        tile->panel_word = arena_printf(schedule->model->arena, "%s_panel", operand_word(schedule, kernel, 1));
    if (choice->left == LEFT_BEFORE) kernel->packed_a = rows_before(schedule, kernel);
    kernel->finds_rows = kernel->packed_a != NULL;
    if (choice->left == LEFT_BEFORE && !kernel->finds_rows)
        kernel->packed_a = panels(schedule, kernel, 0, batches(kernel, &facts->a) * shape->m * tile->a_row);
    if (choice->right == RIGHT_BEFORE)
        kernel->packed = panels(schedule, kernel, 1, batches(kernel, &facts->b) * panels_of_n * shape->k * panel);
}

static void tile_contract(Schedule *schedule, Kernel *kernel, const Machine *machine, Tuned *tuned) {
    ProductFacts facts = product_facts(schedule, kernel, machine);
    const TileChoice *measured = tuned ? tuned_find(tuned, &facts, machine, schedule->model->f64) : NULL;
    TileChoice choice = measured ? *measured : tile_best(&facts);
    const char *fault = tile_fault(&facts, &choice);
    if (fault) fatal("tile", "%s: %s", kernel->name, fault);
    use_choice(schedule, kernel, &facts, &choice);
}

/* ---- attention ---- */

enum {
    ATTEND_BLOCK = 64, /* the most queries or keys of a block: two blocks and their scores stay near the first cache */
    ATTEND_ROWS = 8    /* a block is a multiple of this and of the lanes, whatever the tiles of its products */
};

/* As few blocks of at most ATTEND_BLOCK as do, of one size, the last one filled up. */
static int64_t attend_block(int64_t count, int lanes) {
    int64_t unit = lanes > ATTEND_ROWS ? lanes : ATTEND_ROWS, blocks = (count + ATTEND_BLOCK - 1) / ATTEND_BLOCK;
    return ((count + blocks - 1) / blocks + unit - 1) / unit * unit;
}

static void tile_attend(Kernel *kernel, int lanes) {
    for (int loop = 0; loop < kernel->axes.count; loop++) {
        int64_t block = attend_block(kernel->axes.extent[loop], lanes);
        if (kernel->role[loop] == ROLE_M) kernel->tile.row_block = block;
        if (kernel->role[loop] == ROLE_N) kernel->tile.k_block = block;
    }
}

void tile(Schedule *schedule, const Machine *machine, Tuned *tuned) {
    int lanes = machine->vector_bytes / (schedule->model->f64 ? 8 : 4);
    for (int i = 0; i < schedule->kernels.count; i++) {
        Kernel *kernel = schedule->kernels.at[i];
        if (kernel->kind == KERNEL_CONTRACT) tile_contract(schedule, kernel, machine, tuned);
        if (kernel->kind == KERNEL_ATTEND) tile_attend(kernel, lanes);
    }
}
