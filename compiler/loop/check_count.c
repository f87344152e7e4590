/* check_count.c: what a function costs: its operations on reals, and the bytes of distinct elements it touches.
 *
 * The convention. An operation is + - * / or one function of the mathematics, a multiply-add two; moving, comparing
 * and selecting are none. Over lanes it counts once for each lane that a load or store in part leaves in it, so a
 * masked tail counts its elements; the columns that pad the last panel of a product are computed and count. An element
 * that a function loads several times counts once, one that it loads and stores twice. Where a tensor says which
 * elements (a gather, a scatter), each access counts, but no more than there are. */
#include "loop/check.h"

#include <string.h>

int operations_of(const char *format) {
    static const char *const moves[] = {"tg_select(", "tg_not(", "tg_to_", "tg_splat",
                                        "tg_mask_",   "tg_load", "tg_any("};
    int count = 0;
    for (const char *at = format; *at; at++) {
        bool between = at > format && at[-1] == ' ' && at[1] == ' ';
        if (between && strchr("+-*/", *at)) count++;
    }
    if (count || strncmp(format, "tg_", 3) != 0) return format[0] == '-' ? count + 1 : count;
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
        if (!strncmp(format, moves[i], strlen(moves[i]))) return 0;
    return 1;
}

static int bytes_each(const Checker *c, DType dtype) {
    return dtype == DT_FLOAT ? c->float_bytes : dtype == DT_I32 ? 4 : 1;
}

/* Distinct elements that loads, or stores, of one buffer touch; what is read back where it was stored is at hand. */
static double distinct(const Checker *c, const Buffer *buffer, bool store) {
    Box *boxes = NEW_ARRAY(c->arena, Box, c->touches.count + 1);
    double sum = 0;
    int count = 0;
    for (int i = 0; i < c->touches.count; i++) {
        const Touch *touch = &c->touches.at[i];
        if (touch->array->buffer != buffer || touch->store != store || touch->own) continue;
        if (touch->data)
            sum += touch->turns * (double)touch->box.width;
        else
            boxes[count++] = touch->box;
    }
    count = boxes_merged(boxes, count);
    if (count == 1 && boxes[0].count == 0) {
        sum += (double)boxes[0].width;
    } else if (count) {
        Bits bits = bits_new(c->arena, buffer->count);
        for (int i = 0; i < count; i++) box_mark(&bits, &boxes[i], 0);
        sum += (double)bits_total(&bits);
    }
    return sum < (double)buffer->count ? sum : (double)buffer->count;
}

double count_bytes(const Checker *c) {
    double bytes = 0;
    for (int i = 0; i < c->function->arrays.count; i++) {
        const Buffer *buffer = c->function->arrays.at[i]->buffer;
        bool seen = false;
        for (int j = 0; j < i; j++) seen |= c->function->arrays.at[j]->buffer == buffer;
        if (seen) continue;
        int each = bytes_each(c, c->function->arrays.at[i]->dtype);
        bytes += each * (distinct(c, buffer, false) + distinct(c, buffer, true));
    }
    return bytes;
}
