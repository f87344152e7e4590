/* lives.h: what order and plan share of which bytes live when; private to lives.c, overlay.c, peak.c, order.c,
 * memory.c.
 *
 * The unit is a Piece of a buffer: what kernels write there apart from one another. A gradient's slice of the flat
 * vector of all gradients is a piece, and lives from its own first write on; most buffers are one piece.
 */
#ifndef TGC_LIVES_H
#define TGC_LIVES_H

#include "kernel/kernel.h"

enum { ALIGNMENT = 64 }; /* of a buffer in the arena, in bytes */

typedef struct Piece {
    Buffer *buffer;
    size_t from, bytes; /* in the buffer; the buffer's last piece is filled up to ALIGNMENT */
    bool whole;         /* nothing else is in the buffer */
    bool kept;          /* to the end of the call */
    int first, last;    /* positions in the order that was measured; -1: never */
    int over;           /* the piece whose bytes it takes at `first`, or -1 */
} Piece;

typedef struct Use {
    int piece;
    bool reads, writes;
} Use;

/* At this kernel the piece `into` may be written over `from`, were that not used again: every element is read before it
 * is overwritten. */
typedef struct Overlay {
    int from, into;
} Overlay;

typedef struct KernelLife {
    VEC(Use) uses;
    VEC(Overlay) overlays;
} KernelLife;

typedef struct Lives {
    Arena *arena;
    const Schedule *schedule;
    VEC(Piece) pieces;
    int *first_piece;   /* by buffer id, and one past the last; pieces of a buffer lie side by side */
    KernelLife *kernel; /* by the kernel's id when this was made */
} Lives;

/* lives.c */
size_t aligned(size_t bytes); /* the next multiple of ALIGNMENT */
Lives *lives_of(const Schedule *schedule);
/* The most bytes that live at one kernel of this order (ids), which pieces take over which bytes, and each piece's
 * first and last position. `live`, if not NULL, gets the bytes by position, and one for after the call. */
size_t lives_measure(Lives *lives, const int *order, int count, size_t *live);
bool piece_in_arena(const Piece *piece);

/* overlay.c: finds the overlays of one kernel */
void find_overlays(Lives *lives, const Kernel *kernel);

/* peak.c: another order of the kernels from `from` on with fewer bytes at the fullest one, if there is such */
void lower_peak(Lives *lives, int from, int *order);

#endif
