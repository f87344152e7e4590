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
 * whose rows lie far apart is laid out row by row by a kernel before the product.
 */
#include "kernel/kernel.h"

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
    OWN_ROWS = 64,         /* with fewer rows than this, all slices share the panels that a kernel before them makes */
    PANEL_BYTES = 1 << 18, /* a panel of B stays in the second-level cache, */
    BLOCKED_ROWS = 256     /* with the accumulators of a slice that wait in memory */
};
/* Of a row of A, a vector of B, and of a tail, which has a text of its own. */
static const double ROW_COST = 0.5, VECTOR_COST = 0.35, TAIL_COST = 1.01;

static double step_cost(int mr, int nv) {
    int fma = mr * nv;
    return (fma < LATENCY ? LATENCY : fma) + ROW_COST * mr + VECTOR_COST * nv;
}

static double cover_cost(int64_t m, int64_t vectors, int mr, int nv) {
    int64_t panels = (vectors + nv - 1) / nv;
    double rows = (double)(m / mr) * step_cost(mr, nv);
    if (m % mr) rows += step_cost((int)(m % mr), nv);
    return rows * (double)panels;
}

static void choose_tile(Tile *tile, int64_t m, int64_t n, int lanes, int registers) {
    int64_t vectors = (n + lanes - 1) / lanes;
    double best = 0;
    for (int nv = 4; nv >= 1; nv--) {
        if (nv > vectors) continue;
        for (int mr = (registers - nv - 1) / nv; mr >= 1; mr--) {
            if (mr > 14 || mr > m) continue;
            double cost = cover_cost(m, vectors, mr, nv) * (m % mr ? TAIL_COST : 1);
            if (best > 0 && cost >= best) continue;
            best = cost;
            tile->mr = mr;
            tile->nv = nv;
        }
    }
}

static int64_t extent_of(const Kernel *kernel, LoopRole role) {
    int64_t extent = 1;
    for (int loop = 0; loop < kernel->axes.count; loop++)
        if (kernel->role[loop] == role) extent = kernel->axes.extent[loop];
    return extent;
}

static int loop_of(const Kernel *kernel, LoopRole role) {
    for (int loop = kernel->axes.count - 1; loop >= 0; loop--)
        if (kernel->role[loop] == role) return loop;
    fatal("tile", "a product lacks a loop");
}

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
        if (kernel->role[loop] == ROLE_FREE && in_buffer->stride[kernel->inner[loop]] != 0)
            count *= kernel->axes.extent[loop];
    return count;
}

static Access reach_operand(const Schedule *schedule, const Kernel *kernel, int index) {
    Access at = product_access(kernel, index), in_buffer;
    schedule_reach(schedule, &kernel->fine, kernel->root->operand[index], &at, &in_buffer);
    return in_buffer;
}

static int m_loops(const Kernel *kernel) {
    int count = 0;
    for (int loop = 0; loop < kernel->axes.count; loop++) count += kernel->role[loop] == ROLE_M;
    return count;
}

/* Of k in equal blocks of at most `most` steps; LANES divides them, and the last is no shorter than that. */
static int64_t block_of_k(int64_t k, int64_t most, int lanes) {
    if (k <= most) return k;
    int64_t blocks = (k + most - 1) / most, block = (k + blocks - 1) / blocks;
    block = (block + lanes - 1) / lanes * lanes;
    while (block > lanes && k % block != 0 && k % block < lanes) block -= lanes;
    return block;
}

/* Rows of a slice. Where it makes a panel for them they are many, but leave enough slices: `others` lie side by side.
 */
static int64_t rows_of_slice(const Tile *tile, int64_t m, int64_t k, int64_t panel, int64_t others) {
    int64_t most = SLICE_FLOP / (2 * k * panel + 1), least = tile->k_block < k ? BLOCKED_ROWS : tile->mr;
    if (tile->panel_word) {
        most = m * others / SLICES;
        least = PANEL_ROWS;
    }
    if (most < least || tile->k_block < k) most = least;
    if (most >= m) return m;
    int64_t blocks = (m + most - 1) / most, rows = (m + blocks - 1) / blocks;
    return (rows + tile->mr - 1) / tile->mr * tile->mr;
}

/* How many slices read the same panel of B, were each to read it for all rows of the innermost m loop. */
static int64_t readers(const Kernel *kernel, const Access *b, int m_loop) {
    int64_t count = 1;
    for (int loop = 0; loop < m_loop; loop++)
        if (b->stride[kernel->inner[loop]] == 0) count *= kernel->axes.extent[loop];
    return count;
}

static void tile_contract(Schedule *schedule, Kernel *kernel, const Machine *machine) {
    int element = schedule->model->f64 ? 8 : 4, lanes = machine->vector_bytes / element;
    int64_t m = extent_of(kernel, ROLE_M), n = extent_of(kernel, ROLE_N), k = extent_of(kernel, ROLE_FOLD);
    int m_inner = kernel->inner[loop_of(kernel, ROLE_M)], n_inner = kernel->inner[loop_of(kernel, ROLE_N)];
    int k_inner = kernel->inner[loop_of(kernel, ROLE_FOLD)];
    Tile *tile = &kernel->tile;
    choose_tile(tile, m, n, lanes, machine->registers);
    Access a = reach_operand(schedule, kernel, 0), b = reach_operand(schedule, kernel, 1);
    int64_t panel = (int64_t)tile->nv * lanes, panels_of_n = (n + panel - 1) / panel;
    bool apart = b.stride[k_inner] * element >= FAR_APART || k * panel * element > PANEL_BYTES / 2;
    bool reused = m >= REUSE && k > 1;
    tile->pack_b = (b.stride[n_inner] != 1 && n > 1) || n % panel != 0 || (apart && reused);
    tile->pack_a = a.stride[m_inner] == 1 && a.stride[k_inner] * element >= LINES_APART && n >= 2 * panel &&
                   m >= REUSE && m_loops(kernel) == 1;
    tile->k_block = block_of_k(k, PANEL_BYTES / (panel * element), lanes);
    if (tile->pack_b && (m >= OWN_ROWS || readers(kernel, &b, loop_of(kernel, ROLE_M)) == 1))
        tile->panel_word = arena_printf(schedule->model->arena, "%s_panel", operand_word(schedule, kernel, 1));
    int64_t outer = 1;
    for (int loop = 0; loop < loop_of(kernel, ROLE_M); loop++) outer *= kernel->axes.extent[loop];
    tile->row_block = rows_of_slice(tile, m, k, panel, outer * panels_of_n);
    tile->a_row = k + lanes;
    if (tile->pack_a) kernel->packed_a = panels(schedule, kernel, 0, batches(kernel, &a) * m * tile->a_row);
    if (tile->pack_b && !tile->panel_word)
        kernel->packed = panels(schedule, kernel, 1, batches(kernel, &b) * panels_of_n * k * panel);
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
    kernel->tile.row_block = attend_block(extent_of(kernel, ROLE_M), lanes);
    kernel->tile.k_block = attend_block(extent_of(kernel, ROLE_N), lanes);
}

void tile(Schedule *schedule, const Machine *machine) {
    int lanes = machine->vector_bytes / (schedule->model->f64 ? 8 : 4);
    for (int i = 0; i < schedule->kernels.count; i++) {
        Kernel *kernel = schedule->kernels.at[i];
        if (kernel->kind == KERNEL_CONTRACT) tile_contract(schedule, kernel, machine);
        if (kernel->kind == KERNEL_ATTEND) tile_attend(kernel, lanes);
    }
}
