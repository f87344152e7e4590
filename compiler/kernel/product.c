/* product.c: a product as the choice of its tile sees it, and which tiles it can take.
 *
 * In: a contract kernel. Out: its form, sizes and how its operands lie:
 *
 *     d_W[256, 1024] = x[2048, 256]^T . g[2048, 1024]  -->  tn, m 256, n 1024, k 2048, a step of A 1024 bytes
 */
#include "kernel/tuned.h"

#include <string.h>

enum { ARRAY_BYTES = 512 << 10 }; /* of an array of a slice, which lies on a thread's stack */

static int loop_of(const Kernel *kernel, LoopRole role) {
    for (int loop = kernel->axes.count - 1; loop >= 0; loop--)
        if (kernel->role[loop] == role) return loop;
    fatal("tile", "a product lacks a loop");
}

Access product_reach(const Schedule *schedule, const Kernel *kernel, int index) {
    Access at = product_access(kernel, index), in_buffer;
    schedule_reach(schedule, &kernel->fine, kernel->root->operand[index], &at, &in_buffer);
    return in_buffer;
}

static int64_t stride_of(const Kernel *kernel, const Access *access, LoopRole role) {
    return access->stride[kernel->inner[loop_of(kernel, role)]];
}

static void count_batch(ProductFacts *facts, const Kernel *kernel) {
    int m_loop = loop_of(kernel, ROLE_M);
    facts->shape.batch = facts->shape.shared = 1;
    for (int loop = 0; loop < m_loop; loop++) {
        int64_t extent = kernel->axes.extent[loop];
        facts->shape.batch *= extent;
        if (facts->b.stride[kernel->inner[loop]] == 0) facts->shape.shared *= extent;
        if (kernel->role[loop] == ROLE_M) facts->a_across = false;
    }
}

/* Sums of the right operand's rows are no end of the product's own sums. */
static int64_t ends_of(const Kernel *kernel) {
    int64_t ends = ENDS_SUMS;
    for (int i = 0; i < kernel->outputs.count; i++) {
        const Node *node = kernel->outputs.at[i];
        if (node == kernel->root || folds_right(kernel, node)) continue;
        if (node->op->kind == OP_REDUCE) return ENDS_COLUMNS;
        ends = ENDS_MAPS;
    }
    return kernel_stores(kernel, kernel->root) ? ends : ENDS_MAPS;
}

ProductFacts product_facts(const Schedule *schedule, const Kernel *kernel, const Machine *machine) {
    ProductFacts facts = {.registers = machine->registers, .element = schedule->model->f64 ? 8 : 4};
    ProductShape *shape = &facts.shape;
    facts.lanes = machine->vector_bytes / facts.element;
    facts.a = product_reach(schedule, kernel, 0);
    facts.b = product_reach(schedule, kernel, 1);
    shape->m = kernel->axes.extent[loop_of(kernel, ROLE_M)];
    shape->n = kernel->axes.extent[loop_of(kernel, ROLE_N)];
    shape->k = kernel->axes.extent[loop_of(kernel, ROLE_FOLD)];
    int64_t a_k = stride_of(kernel, &facts.a, ROLE_FOLD), b_k = stride_of(kernel, &facts.b, ROLE_FOLD);
    facts.a_step = a_k * facts.element;
    facts.b_step = b_k * facts.element;
    facts.a_across = stride_of(kernel, &facts.a, ROLE_M) == 1;
    bool b_across = stride_of(kernel, &facts.b, ROLE_N) != 1 && shape->n > 1;
    shape->form = (facts.a_across && a_k != 1 ? 2 : 0) + (b_across ? 1 : 0);
    shape->ends = ends_of(kernel);
    count_batch(&facts, kernel);
    return facts;
}

bool product_equal(const ProductShape *left, const ProductShape *right) {
    return memcmp(left, right, sizeof *left) == 0;
}

bool tile_equal(const TileChoice *left, const TileChoice *right) {
    return memcmp(left, right, sizeof *left) == 0;
}

const char *tile_fault(const ProductFacts *facts, const TileChoice *choice) {
    const ProductShape *shape = &facts->shape;
    if (choice->mr < 1 || choice->mr > MOST_ROWS || choice->mr > shape->m) return "so many rows no tile has";
    if (choice->nv < 1 || choice->nv > MOST_VECTORS) return "so many vectors no tile has";
    if ((choice->mr + 1) * choice->nv + 1 > facts->registers)
        return "its accumulators are more than there are registers";
    int64_t panel = choice->nv * facts->lanes, bytes = panel * facts->element;
    bool blocked = choice->steps < shape->k, side_by_side = (shape->form & 1) == 0 && shape->n % panel == 0;
    if (panel - facts->lanes >= shape->n) return "its vectors are more than the columns fill";
    if (choice->rows > shape->m || (choice->rows < shape->m && choice->rows % choice->mr != 0))
        return "rows is neither m nor a multiple of the tile's";
    if (shape->ends == ENDS_COLUMNS && choice->rows < shape->m) return "rows that are added up are those of one slice";
    if (choice->right == RIGHT_IN_PLACE && !side_by_side)
        return "right=place needs columns in whole panels, side by side";
    if (choice->right == RIGHT_BY_SLICE && choice->steps * bytes > ARRAY_BYTES)
        return "a panel of so many steps is too large";
    if (choice->left == LEFT_BEFORE && !facts->a_across) return "left=before is for a transposed operand";
    if (choice->steps > shape->k) return "steps is more than k";
    if (!blocked) return NULL;
    int64_t rest = shape->k % choice->steps;
    if (choice->steps % facts->lanes != 0 || (rest != 0 && rest < facts->lanes))
        return "steps is neither k nor whole vectors, with as much in the last block";
    return choice->rows * bytes > ARRAY_BYTES ? "so many rows cannot wait between blocks of k" : NULL;
}
