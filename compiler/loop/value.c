/* value.c: the value of a node at a point of the loops, as an expression.
 *
 * A node in memory is loaded through its views; any other is computed where it is read, under its own name, once for
 * each access and no deeper in the loops than it must be:
 *
 *     y = gelu(x + b), loops [i, j]:    const vec h = tg_load(x + i * 256 + j) + tg_load(b + j);
 */
#include "loop/loop.h"

#include <string.h>

Type type_of(const Node *node) {
    return node->dtype == DT_FLOAT ? T_REAL : node->dtype == DT_I32 ? T_INT : T_MASK;
}

int64_t stride_at(const Lower *lower, const Access *access, int loop) {
    return access->stride[lower->kernel->inner[loop]];
}

int access_depth(const Lower *lower, const Access *access) {
    int depth = 0;
    for (int loop = 0; loop < lower->axes.count; loop++)
        if (stride_at(lower, access, loop) != 0 && lower->axes.extent[loop] > 1) depth = loop + 1;
    return depth;
}

Index index_at(Lower *lower, const Access *access) {
    Index index = index_of(lower, 0);
    for (int loop = 0; loop < lower->axes.count; loop++) {
        if (lower->axes.extent[loop] <= 1) continue;
        index.constant += stride_at(lower, access, loop) * lower->shift[loop];
        if (lower->loop[loop]) index_add(lower, &index, lower->loop[loop], stride_at(lower, access, loop));
    }
    return index;
}

static bool moves_in_lanes(const Lower *lower, const Access *access) {
    return lower->lane_axis >= 0 && lower->axes.extent[lower->lane_axis] > 1 &&
           stride_at(lower, access, lower->lane_axis) != 0;
}

/* ---- memory of values ---- */

static Expr *memo_find(Lower *lower, const Node *node, const Access *access) {
    for (int i = lower->memo.count - 1; i >= 0; i--) {
        const Memo *memo = &lower->memo.at[i];
        if (memo->node == node && access_equal(&memo->access, access, &lower->kernel->fine)) return memo->value;
    }
    return NULL;
}

void value_bind(Lower *lower, const Node *node, const Access *access, Expr *value) {
    Memo memo = {node, *access, value};
    vec_push(lower->arena, &lower->memo, memo);
}

void value_forget(Lower *lower, int depth) {
    int kept = 0;
    for (int i = 0; i < lower->memo.count; i++)
        if (lower->memo.at[i].value->depth <= depth) lower->memo.at[kept++] = lower->memo.at[i];
    lower->memo.count = kept;
}

void value_called(Lower *lower, const Node *node, const Var *var) {
    NamedValue value = {node, var};
    vec_push(lower->arena, &lower->function->values, value);
}

/* Gives the value a name in the outermost block in which it can stand. */
static Expr *named(Lower *lower, const Node *node, Expr *value) {
    int depth = value->depth;
    Var *var = st_let(lower, lower->block[depth], node_called(node), value);
    var->plain = !node->name && !node->title;
    value_called(lower, node, var);
    Expr *x = ex_var(lower, var);
    x->depth = depth;
    return x;
}

/* ---- which values need no name ---- */

enum { SHORT_TEXT = 4 }; /* operations and loads in an expression that stands where it is read */

static int length_of(const Expr *x) {
    int length = x->kind == EX_LOAD || x->kind == EX_APPLY;
    for (int i = 0; i < x->arg_count; i++) length += length_of(x->arg[i]);
    return length;
}

/* How often the kernel reads the node, through views and maps computed in place. */
static int readings(const Lower *lower, Node *from, const Node *node) {
    from = schedule_alias(lower->schedule, from);
    if (from == node) return 1;
    bool passes = from->op->kind == OP_VIEW ||
                  (!lower->schedule->place[from->id].buffer && !kernel_computes(lower->kernel, from));
    int count = 0;
    for (int i = 0; passes && i < from->operand_count; i++) count += readings(lower, from->operand[i], node);
    return count;
}

static int readers_of(const Lower *lower, const Node *node) {
    const Kernel *kernel = lower->kernel;
    int count = 0;
    for (int i = 0; i < kernel->nodes.count; i++)
        for (int j = 0; j < kernel->nodes.at[i]->operand_count; j++)
            count += readings(lower, kernel->nodes.at[i]->operand[j], node);
    return count;
}

static bool writes_buffer(const Lower *lower, const Buffer *buffer) {
    for (int i = 0; i < lower->kernel->outputs.count; i++)
        if (lower->schedule->place[lower->kernel->outputs.at[i]->id].buffer == buffer) return true;
    return false;
}

/* A short expression of the innermost loop that is read once stands where it is read. The model's own names stay,
 * and what the kernel overwrites is read first. */
static bool stands_in_place(const Lower *lower, const Node *node, const Expr *value) {
    int innermost = lower->kernel->kind == KERNEL_CONTRACT ? lower->axes.count - 1 : lower->axes.count;
    bool output = kernel_stores(lower->kernel, node);
    if (value->depth < innermost || length_of(value) > SHORT_TEXT || row_keeps(lower, node)) return false;
    if (value->kind == EX_LOAD && value->array->buffer && writes_buffer(lower, value->array->buffer)) return false;
    if (value->kind == EX_APPLY && node->name && !output) return false;
    return readers_of(lower, node) + output <= 1;
}

/* ---- loads ---- */

static Var *index_variable(Lower *lower, Node *index) {
    Access still = {0};
    Expr *value = value_at(lower, index, &still);
    if (value->kind == EX_VAR && value->var->type == T_INDEX) return value->var;
    Expr *whole = NEW(lower->arena, Expr);
    *whole = *value;
    whole->type = T_INDEX;
    Var *var = st_let(lower, lower->block[value->depth], index->name ? index->name : "at", whole);
    Expr *x = ex_var(lower, var);
    x->depth = value->depth;
    value_bind(lower, schedule_alias(lower->schedule, index), &still, x);
    return var;
}

Index index_in_buffer(Lower *lower, const Access *in_buffer) {
    Index index = index_at(lower, in_buffer);
    if (in_buffer->index) index_add(lower, &index, index_variable(lower, in_buffer->index), in_buffer->index_stride);
    return index;
}

Expr *load_at(Lower *lower, Buffer *buffer, const Access *in_buffer) {
    bool lanes = moves_in_lanes(lower, in_buffer);
    Index index = index_in_buffer(lower, in_buffer);
    Expr *x = ex_load(lower, array_of(lower, buffer, in_buffer->offset, false), index, lanes, lower->part);
    x->depth = access_depth(lower, in_buffer);
    return x;
}

/* The array that holds the node: a part of a larger buffer goes by the node's own name. */
static Array *node_array(Lower *lower, const Node *node, int64_t offset, bool written) {
    Buffer *buffer = lower->schedule->place[node->id].buffer;
    Array *array = array_of(lower, buffer, offset, written);
    bool part = buffer->kind == BUF_ARENA && buffer->count > shape_count(&node->shape);
    if (part && (node->name || node->title)) array->word = node_called(node);
    return array;
}

static Expr *load_node(Lower *lower, Node *node, const Access *access) {
    Access in_buffer;
    node = schedule_reach(lower->schedule, &lower->kernel->fine, node, access, &in_buffer);
    return load_at(lower, lower->schedule->place[node->id].buffer, &in_buffer);
}

enum { PAST_CACHES = 32 << 20 }; /* bytes of a tensor of which little is left in a cache when it is read */

/* Whether a vector of the value is stored without its line being read first: of a product's large result, or a row
 * kernel's for the caller, which no sweep reads back, where no vector shares a line with another. Maps gain nothing by
 * it. */
static bool goes_past_caches(Lower *lower, const Node *node, const Access *in_buffer) {
    const Buffer *buffer = lower->schedule->place[node->id].buffer;
    bool by_row = lower->kernel->kind == KERNEL_ROW && buffer->kind == BUF_RESULT && !row_keeps(lower, node);
    if (lower->kernel->kind != KERNEL_CONTRACT && !by_row) return false;
    if (lower->part || in_buffer->index || node->dtype != DT_FLOAT) return false;
    if (shape_count(&node->shape) * lower->machine->vector_bytes / lower->lane_count < PAST_CACHES) return false;
    bool fits = in_buffer->offset % lower->lane_count == 0;
    for (int loop = 0; loop < lower->axes.count; loop++)
        if (loop != lower->lane_axis && stride_at(lower, in_buffer, loop) % lower->lane_count != 0) fits = false;
    return fits;
}

bool value_goes_past_caches(Lower *lower, const Node *node) {
    Access own = kernel_access(lower->kernel, node), in_buffer;
    schedule_reach(lower->schedule, &lower->kernel->fine, (Node *)node, &own, &in_buffer);
    return moves_in_lanes(lower, &in_buffer) && goes_past_caches(lower, node, &in_buffer);
}

void value_store(Lower *lower, Block *in, Node *node, const Access *access, Expr *value) {
    Access in_buffer;
    node = schedule_reach(lower->schedule, &lower->kernel->fine, node, access, &in_buffer);
    Array *array = node_array(lower, node, in_buffer.offset, true);
    Index index = index_in_buffer(lower, &in_buffer);
    bool lanes = moves_in_lanes(lower, &in_buffer);
    if (lanes) value = ex_lanes(lower, value);
    if (lanes && goes_past_caches(lower, node, &in_buffer))
        st_stream(lower, in, array, index, value);
    else
        st_store(lower, in, array, index, value, lower->part);
}

/* ---- leaves ---- */

static Expr *element_number(Lower *lower, const Access *access) {
    Index index = index_in_buffer(lower, access);
    index.constant += access->offset;
    Expr *x = ex_index(lower, index, T_INT, moves_in_lanes(lower, access));
    x->depth = access_depth(lower, access);
    return x;
}

static Expr *scalar_leaf(Lower *lower, const Node *node) {
    Function *function = lower->function;
    const char *name = node->attr.label;
    for (int i = 0; i < function->scalars.count; i++)
        if (strcmp(function->scalars.at[i], name) == 0) name = NULL;
    if (name) {
        vec_push(lower->arena, &function->scalars, name);
        vec_push(lower->arena, &lower->taken, name);
    }
    Var *var = NEW(lower->arena, Var);
    *var = (Var){.name = node->attr.label, .type = T_REAL};
    return ex_var(lower, var);
}

/* Sites are arguments, so that layers that differ in their dropouts alone share a function. */
static int site_number(Function *function, const Node *node, Arena *arena) {
    int number = 0;
    while (number < function->sites.count && function->sites.at[number] != node->attr.site) number++;
    if (number == function->sites.count) vec_push(arena, &function->sites, node->attr.site);
    function->reads_keys = true;
    return number;
}

static Expr *leaf_value(Lower *lower, const Node *node, const Access *access) {
    if (node->op == &op_const) {
        if (node->dtype == DT_FLOAT) return ex_real(lower, node->attr.value);
        return ex_int(lower, type_of(node), (int64_t)node->attr.value);
    }
    if (node->op == &op_iota) return element_number(lower, access);
    if (node->op == &op_scalar) return scalar_leaf(lower, node);
    if (node->op != &op_random) fatal("lower", "leaf %s has no value", node->op->name);
    Expr *element = element_number(lower, access);
    const char *format = arena_printf(lower->arena, "tg_uniform(%%0, site%d, key0, key1)",
                                      site_number(lower->function, node, lower->arena));
    Expr *x = ex_apply(lower, T_REAL, format, 1, &element);
    Expr *random = ex_var(lower, st_let(lower, lower->block[x->depth], "random", x));
    random->depth = x->depth;
    value_bind(lower, node, access, random);
    return random;
}

/* ---- asking for what is read later ---- */

enum { PAST_SECOND = 4 << 20 }; /* bytes of a tensor of which the second caches hold little */

static bool asked_for(const Block *in, const Expr *line) {
    for (int i = 0; i < in->stmts.count; i++) {
        const Stmt *s = in->stmts.at[i];
        bool same = s->kind == ST_CALL && s->arg_count == 1 && s->arg[0]->array == line->array;
        if (same && s->arg[0]->index.constant == line->index.constant) return true;
    }
    return false;
}

void value_prefetch(Lower *lower, Block *in, Node *node, const Access *access, int axis, int ahead) {
    node = schedule_alias(lower->schedule, node);
    Buffer *buffer = lower->schedule->place[node->id].buffer;
    Access below;
    Split split;
    if (buffer && !kernel_computes(lower->kernel, node)) {
        schedule_reach(lower->schedule, &lower->kernel->fine, node, access, &below);
        int64_t bytes = buffer->count * (int64_t)dtype_bytes(buffer->dtype, lower->schedule->model->f64);
        bool whole = shape_count(&node->shape) == lower->kernel->points && moves_in_lanes(lower, &below);
        if (!whole || below.index || bytes < PAST_SECOND) return;
        lower->shift[axis] += ahead;
        Index index = index_at(lower, &below);
        lower->shift[axis] -= ahead;
        Expr *line = ex_load(lower, array_of(lower, buffer, below.offset, false), index, false, NULL);
        if (asked_for(in, line)) return;
        st_call(lower, in, "tg_prefetch_l2(&%0)", 1, &line);
    } else if (node->op->kind == OP_VIEW) {
        if (access_through(node, &lower->kernel->fine, access, &below, &split))
            value_prefetch(lower, in, node->operand[0], &below, axis, ahead);
    } else if (node->op->kind == OP_MAP) {
        for (int i = 0; i < node->operand_count; i++) value_prefetch(lower, in, node->operand[i], access, axis, ahead);
    }
}

/* ---- computed values ---- */

/* gather: the row's number is an integer known at run time, the rest moves with the loops. */
static bool gather_accesses(const Lower *lower, const Node *node, const Access *access, Access *of_ids,
                            Access *of_table) {
    const Node *ids = node->operand[1];
    int64_t rows = shape_count(&ids->shape), width = shape_count(&node->shape) / rows;
    Shape two = {.rank = 2, .size = {rows, width}};
    int64_t steps[MAX_RANK][MAX_AXES], start[MAX_RANK];
    Split split;
    if (!access_by_axis(&two, &lower->kernel->fine, access, steps, start, &split)) return false;
    *of_ids = (Access){.offset = start[0]};
    *of_table = (Access){.offset = start[1]};
    memcpy(of_ids->stride, steps[0], sizeof of_ids->stride);
    memcpy(of_table->stride, steps[1], sizeof of_table->stride);
    return true;
}

static Expr *gather_value(Lower *lower, Node *node, const Access *access) {
    Access of_ids, of_table, in_buffer;
    if (!gather_accesses(lower, node, access, &of_ids, &of_table)) fatal("lower", "a gather runs over its rows");
    Node *table = schedule_reach(lower->schedule, &lower->kernel->fine, node->operand[0], &of_table, &in_buffer);
    const Place *place = &lower->schedule->place[table->id];
    /* rows of the table as it is seen through its views lie evenly spaced */
    Access one_row = of_table, next = in_buffer;
    one_row.offset += shape_unit(&node->operand[0]->shape, 0);
    if (node->operand[0]->shape.size[0] > 1)
        schedule_reach(lower->schedule, &lower->kernel->fine, node->operand[0], &one_row, &next);
    Index index = index_in_buffer(lower, &in_buffer);
    int depth = access_depth(lower, &in_buffer);
    if (next.offset != in_buffer.offset) {
        Expr *id = value_at(lower, node->operand[1], &of_ids), *whole = NEW(lower->arena, Expr);
        *whole = *id;
        whole->type = T_INDEX;
        Var *row = st_let(lower, lower->block[id->depth], "id", whole);
        row->wide = true;
        index_add(lower, &index, row, next.offset - in_buffer.offset);
        if (depth < id->depth) depth = id->depth;
    }
    bool lanes = moves_in_lanes(lower, &in_buffer);
    Expr *x = ex_load(lower, array_of(lower, place->buffer, in_buffer.offset, false), index, lanes, lower->part);
    x->depth = depth;
    return x;
}

/* The op's C text for operands that are booleans or integers where it is written for reals. */
static Expr *apply_op(Lower *lower, const Node *node, Expr *const *args) {
    return ex_apply(lower, type_of(node), node->op->c, node->operand_count, args);
}

static Expr *computed(Lower *lower, Node *node, const Access *access) {
    if (node->op == &op_gather) return gather_value(lower, node, access);
    if (node->op->kind != OP_MAP) fatal("lower", "%s %%%d has no value here", node->op->name, node->id);
    Expr *args[4];
    for (int i = 0; i < node->operand_count; i++) args[i] = value_at(lower, node->operand[i], access);
    return strcmp(node->op->c, "%0") == 0 ? args[0] : apply_op(lower, node, args);
}

Expr *value_at(Lower *lower, Node *node, const Access *access) {
    node = schedule_alias(lower->schedule, node);
    Expr *known = memo_find(lower, node, access);
    if (known) return known;
    if (node->op->kind == OP_VIEW) {
        Access below;
        Split split;
        if (!access_through(node, &lower->kernel->fine, access, &below, &split))
            fatal("lower", "the loops don't reach through %s", node->op->name);
        return value_at(lower, node->operand[0], &below);
    }
    bool here = kernel_computes(lower->kernel, node);
    bool in_memory = lower->schedule->place[node->id].buffer != NULL;
    if (node->op->kind == OP_LEAF && !in_memory) return leaf_value(lower, node, access);
    Expr *value = here ? row_recall(lower, node, access) : NULL;
    if (!value) value = in_memory && !here ? load_node(lower, node, access) : computed(lower, node, access);
    bool plain = value->kind == EX_VAR || value->kind == EX_NUMBER;
    if (!plain && !stands_in_place(lower, node, value)) value = named(lower, node, value);
    value_bind(lower, node, access, value);
    return value;
}

/* ---- lanes ---- */

static bool fits_lane(const Lower *lower, const Access *access, int axis) {
    int64_t stride = stride_at(lower, access, axis);
    return stride == 0 || stride == 1;
}

bool lanes_fit(Lower *lower, Node *node, const Access *access, int axis) {
    node = schedule_alias(lower->schedule, node);
    Access below;
    if (node->op->kind == OP_VIEW) {
        Split split;
        return access_through(node, &lower->kernel->fine, access, &below, &split) &&
               lanes_fit(lower, node->operand[0], &below, axis);
    }
    bool here = kernel_computes(lower->kernel, node);
    if (lower->schedule->place[node->id].buffer) {
        schedule_reach(lower->schedule, &lower->kernel->fine, node, access, &below);
        if (!fits_lane(lower, &below, axis)) return false;
        if (!here) return true;
    }
    if (node->op->kind == OP_LEAF)
        return node->op == &op_const || node->op == &op_scalar || fits_lane(lower, access, axis);
    if (node->op == &op_gather) {
        Access of_ids;
        return gather_accesses(lower, node, access, &of_ids, &below) && stride_at(lower, &of_ids, axis) == 0 &&
               lanes_fit(lower, node->operand[0], &below, axis);
    }
    if (node->op->kind != OP_MAP) return true;
    for (int i = 0; i < node->operand_count; i++)
        if (!lanes_fit(lower, node->operand[i], access, axis)) return false;
    return true;
}
