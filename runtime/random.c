/* random.c: random numbers by counter: what element i of a tensor begins with depends on the seed, the tensor's name
 * and i alone, never on the order or the thread in which elements are made.
 *
 * The key is the seed's two halves, mixed with the 64-bit hash of the name; the counter is i. The two words of one
 * Threefry block make one real of 53 bits, and for the normal distribution the two halves of Box and Muller's pair.
 *
 *     seed 1, "net.W" normal(0, 0.02)   ->   0.0137, -0.0041, 0.0229, ...
 */
#include "tg.h"

#include <math.h>

static uint32_t tg_rotate(uint32_t x, int turn) {
    return x << turn | x >> (32 - turn);
}

void tg_threefry(const uint32_t key[2], const uint32_t counter[2], uint32_t out[2]) {
    static const uint8_t turns[8] = {13, 15, 26, 6, 17, 29, 16, 24};
    const uint32_t keys[3] = {key[0], key[1], 0x1BD11BDAu ^ key[0] ^ key[1]};
    uint32_t a = counter[0] + keys[0], b = counter[1] + keys[1];
    for (uint32_t round = 0; round < 20; round++) {
        a += b;
        b = tg_rotate(b, turns[round % 8]) ^ a;
        if (round % 4 == 3) {
            uint32_t turn = round / 4 + 1;
            a += keys[turn % 3];
            b += keys[(turn + 1) % 3] + turn;
        }
    }
    out[0] = a;
    out[1] = b;
}

/* FNV-1a, 64 bits (Fowler, Noll, Vo). */
static uint64_t tg_name_hash(const char *name) {
    uint64_t hash = 0xCBF29CE484222325u;
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 0x100000001B3u;
    return hash;
}

/* 53 random bits as a real in [0, 1). */
static double tg_unit(const uint32_t words[2]) {
    return (double)(((uint64_t)words[0] << 32 | words[1]) >> 11) * 0x1p-53;
}

/* Box and Muller (1958): a radius from word 0, never 0, and an angle from word 1. */
static double tg_normal(const uint32_t words[2]) {
    double radius = sqrt(-2 * log((words[0] + 0.5) * 0x1p-32));
    return radius * cos(6.283185307179586477 * words[1] * 0x1p-32);
}

static double tg_first_value(const tg_tensor *tensor, const uint32_t key[2], int64_t element) {
    if (tensor->init == TG_INIT_CONSTANT) return tensor->a;
    const uint32_t counter[2] = {(uint32_t)element, (uint32_t)((uint64_t)element >> 32)};
    uint32_t words[2];
    tg_threefry(key, counter, words);
    if (tensor->init == TG_INIT_NORMAL) return tensor->a + tensor->b * tg_normal(words);
    return tensor->a + (tensor->b - tensor->a) * tg_unit(words);
}

void tg_random_fill(const tg_tensor *tensor, uint64_t seed, void *elements) {
    uint64_t mixed = seed ^ tg_name_hash(tensor->name);
    const uint32_t key[2] = {(uint32_t)mixed, (uint32_t)(mixed >> 32)};
    for (int64_t i = 0; i < tensor->count; i++) {
        double value = tg_first_value(tensor, key, i);
        switch (tensor->dtype) {
        case TG_F32:
            ((float *)elements)[i] = (float)value;
            break;
        case TG_F64:
            ((double *)elements)[i] = value;
            break;
        case TG_I32:
            ((int32_t *)elements)[i] = (int32_t)value;
            break;
        case TG_BOOL:
            ((uint8_t *)elements)[i] = value != 0;
            break;
        }
    }
}
