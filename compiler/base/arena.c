/* arena.c: memory that is given back all at once.
 *
 * In: sizes. Out: zero-filled blocks, 16-byte aligned, which live until arena_free.
 * An arena is a list of chunks; a block comes off the end of the newest chunk, or gets a chunk of its own when it is
 * large. There is no way to give back one block, so nobody has to know who owns it. */
#include "base/base.h"

#include <stdlib.h>
#include <string.h>

#ifndef TGC_CHUNK_BYTES
#define TGC_CHUNK_BYTES (64 * 1024) /* a build that fuzzes takes less: many small arenas, one per input */
#endif

enum { CHUNK_BYTES = TGC_CHUNK_BYTES, ALIGNMENT = 16 };

/* Under ASan what an arena has not given out is as forbidden as what lies behind a malloc'ed block, and so are the
 * bytes between blocks. */
#if defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#endif
#endif
#ifdef ASAN
void __asan_poison_memory_region(const volatile void *at, size_t size);
void __asan_unpoison_memory_region(const volatile void *at, size_t size);
enum { GAP = 16 };
#else
#define __asan_poison_memory_region(at, size)   ((void)(at), (void)(size))
#define __asan_unpoison_memory_region(at, size) ((void)(at), (void)(size))
enum { GAP = 0 };
#endif

typedef struct Chunk {
    struct Chunk *next;
    size_t used, size;
    _Alignas(ALIGNMENT) char bytes[];
} Chunk;

struct Arena {
    Chunk *newest;
};

static void *checked(void *memory) {
    if (!memory) out_of_memory();
    return memory;
}

static Chunk *chunk_new(size_t size) {
    if (size > SIZE_MAX / 2) fatal("memory", "a block of %zu bytes was asked for", size);
    Chunk *chunk = checked(calloc(1, sizeof(Chunk) + size));
    chunk->size = size;
    return chunk;
}

Arena *arena_new(void) {
    return checked(calloc(1, sizeof(Arena)));
}

void arena_free(Arena *arena) {
    if (!arena) return;
    for (Chunk *chunk = arena->newest; chunk;) {
        Chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    free(arena);
}

/* A large block is linked behind the newest chunk, whose rest stays in use. */
static void *alloc_large(Arena *arena, size_t bytes) {
    Chunk *chunk = chunk_new(bytes);
    chunk->used = bytes;
    if (arena->newest) {
        chunk->next = arena->newest->next;
        arena->newest->next = chunk;
    } else {
        arena->newest = chunk;
    }
    return chunk->bytes;
}

void *arena_alloc(Arena *arena, size_t bytes) {
    if (bytes > CHUNK_BYTES / 4) return alloc_large(arena, bytes);
    size_t asked = bytes;
    bytes = bytes ? (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + GAP : ALIGNMENT;
    Chunk *chunk = arena->newest;
    if (!chunk || chunk->size - chunk->used < bytes) {
        chunk = chunk_new(CHUNK_BYTES);
        __asan_poison_memory_region(chunk->bytes, chunk->size);
        chunk->next = arena->newest;
        arena->newest = chunk;
    }
    void *at = chunk->bytes + chunk->used;
    chunk->used += bytes;
    __asan_unpoison_memory_region(at, asked);
    return at;
}

char *arena_strndup(Arena *arena, const char *text, size_t length) {
    char *copy = arena_alloc(arena, length + 1);
    if (length) memcpy(copy, text, length);
    return copy;
}

char *arena_printf(Arena *arena, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) fatal("memory", "bad format: %s", format);
    char *text = arena_alloc(arena, (size_t)length + 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

void *arena_grow(Arena *arena, void *at, int count, int *capacity, size_t item_bytes) {
    if (count < *capacity) return at;
    if (*capacity > INT32_MAX / 2) fatal("memory", "a list of more than %d items", *capacity);
    *capacity = *capacity ? 2 * *capacity : 4;
    void *grown = arena_alloc(arena, (size_t)*capacity * item_bytes);
    if (count) memcpy(grown, at, (size_t)count * item_bytes);
    return grown;
}
