/* lengths.c: rows of different lengths: how much of a row is more than padding, and an order of the examples in which
 * batches are of similar length.
 *
 *     [12, 7, 9, 0, 0, 0], padded with 0        is 3 long; where T is in [2, 4, 8], 4 is enough
 *
 * Note: the order of an epoch. The examples are shuffled; then those of each specialisation that is enough for them are
 * cut into batches, what is left of each is put together from the shortest on, and the batches are shuffled. A batch
 * may begin in one epoch and end in the next, so the order begins with the examples that complete the last batch:
 *
 *     left over: a b c d | batches: A A A A, B B B B, A A A A      4 in a batch, 1 wanted by the epoch before
 *     order:     a | B B B B, A A A A, A A A A | b c d
 *
 * It depends on seed, epoch and data alone, so a position in the row of all epochs is all that a run has to remember.
 */
#include "tg_train.h"

#include <stdlib.h>
#include <string.h>

/* ---- rows ---- */

int tg_is_pad(const tg_tensor *input, const void *elements, int64_t index) {
    switch (input->dtype) {
    case TG_F32:
        return ((const float *)elements)[index] == (float)input->pad;
    case TG_F64:
        return ((const double *)elements)[index] == input->pad;
    case TG_I32:
        return ((const int32_t *)elements)[index] == (int32_t)input->pad;
    case TG_BOOL:
        break;
    }
    return (((const uint8_t *)elements)[index] != 0) == (input->pad != 0);
}

static void put_pad(const tg_tensor *input, void *elements, int64_t index) {
    switch (input->dtype) {
    case TG_F32:
        ((float *)elements)[index] = (float)input->pad;
        return;
    case TG_F64:
        ((double *)elements)[index] = input->pad;
        return;
    case TG_I32:
        ((int32_t *)elements)[index] = (int32_t)input->pad;
        return;
    case TG_BOOL:
        ((uint8_t *)elements)[index] = input->pad != 0;
        return;
    }
}

static int64_t row_count(int rank, const int64_t *shape) {
    int64_t count = 1;
    for (int axis = 1; axis < rank; axis++) count *= shape[axis];
    return count;
}

void tg_row_extents(const tg_tensor *input, const int64_t *shape, const void *row, int64_t *extents) {
    int64_t count = row_count(input->rank, shape);
    for (int axis = 0; axis < input->rank; axis++) extents[axis] = 0;
    for (int64_t index = 0; index < count; index++) {
        if (tg_is_pad(input, row, index)) continue;
        int64_t rest = index;
        for (int axis = input->rank - 1; axis > 0; axis--) {
            int64_t place = rest % shape[axis];
            rest /= shape[axis];
            if (place >= extents[axis]) extents[axis] = place + 1;
        }
    }
}

void tg_row_copy(const tg_tensor *input, const int64_t *shape, const void *row, void *to) {
    int64_t count = row_count(input->rank, input->shape);
    size_t bytes = tg_dtype_bytes(input->dtype);
    for (int64_t index = 0; index < count; index++) {
        int64_t rest = index, from = 0, unit = 1;
        for (int axis = input->rank - 1; axis > 0 && from >= 0; axis--) {
            int64_t place = rest % input->shape[axis];
            rest /= input->shape[axis];
            from = place < shape[axis] ? from + place * unit : -1;
            unit *= shape[axis];
        }
        if (from < 0)
            put_pad(input, to, index);
        else
            memcpy((char *)to + (size_t)index * bytes, (const char *)row + (size_t)from * bytes, bytes);
    }
}

/* ---- orders ---- */

/* Fisher and Yates: element i changes place with one at or before it. The key is the seed, told from other uses. */
void tg_shuffle(uint32_t *items, uint64_t count, uint64_t seed, uint32_t use, uint64_t epoch) {
    const uint32_t key[2] = {(uint32_t)seed ^ use, (uint32_t)(seed >> 32)};
    for (uint64_t i = 0; i < count; i++) items[i] = (uint32_t)i;
    for (uint64_t i = count; i-- > 1;) {
        const uint32_t counter[2] = {(uint32_t)i, (uint32_t)epoch};
        uint32_t words[2];
        tg_threefry(key, counter, words);
        uint64_t j = words[0] * (i + 1) >> 32;
        uint32_t kept = items[i];
        items[i] = items[j];
        items[j] = kept;
    }
}

/* Whole batches of each kind behind what is left over, both in the order of kinds and, within, of `order`. */
static void gather_kinds(const uint32_t *order, const uint8_t *kinds, uint64_t count, uint64_t batch, uint32_t *to) {
    uint64_t totals[TG_KINDS] = {0}, left[TG_KINDS], whole[TG_KINDS], seen[TG_KINDS] = {0}, at = 0;
    for (uint64_t i = 0; i < count; i++) totals[kinds[order[i]]]++;
    for (int kind = 0; kind < TG_KINDS; kind++) left[kind] = at, at += totals[kind] % batch;
    for (int kind = 0; kind < TG_KINDS; kind++) whole[kind] = at, at += totals[kind] / batch * batch;
    for (uint64_t i = 0; i < count; i++) {
        int kind = kinds[order[i]];
        uint64_t in_batches = totals[kind] / batch * batch;
        to[seen[kind]++ < in_batches ? whole[kind]++ : left[kind]++] = order[i];
    }
}

void tg_order_by_kind(uint32_t *order, uint32_t *work, const uint8_t *kinds, uint64_t count, uint64_t batch,
                      uint64_t seed, uint64_t epoch) {
    uint64_t begun = epoch * count % batch, lead = begun ? batch - begun : 0;
    if (lead > count) lead = count;
    uint64_t batches = (count - lead) / batch, tail = (count - lead) % batch;
    uint32_t *gathered = work, *turns = work + count;
    gather_kinds(order, kinds, count, batch, gathered);
    tg_shuffle(turns, batches, seed, 0x6b696e64u, epoch);
    memcpy(order, gathered, (size_t)lead * sizeof *order);
    memcpy(order + count - tail, gathered + lead, (size_t)tail * sizeof *order);
    for (uint64_t i = 0; i < batches; i++)
        memcpy(order + lead + i * batch, gathered + lead + tail + turns[i] * batch, (size_t)batch * sizeof *order);
}
