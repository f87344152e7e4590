/* base.h: what every layer stands on: memory, names, text, places in a file, and messages about them.
 *
 * Nothing here knows what a tensor is. There are no globals: a compile owns one Arena, one Names and one Diag. */
#ifndef TGC_BASE_H
#define TGC_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#if defined(__GNUC__)
#define PRINTF_LIKE(text, first) __attribute__((__format__(__printf__, text, first)))
#else
#define PRINTF_LIKE(text, first)
#endif

/* ---- arena.c: memory that is given back all at once ---- */

typedef struct Arena Arena;

Arena *arena_new(void);                        /* never NULL: without memory the program ends with status 70 */
void arena_free(Arena *arena);                 /* gives back everything allocated from it */
void *arena_alloc(Arena *arena, size_t bytes); /* zero-filled, 16-byte aligned, never NULL */
char *arena_strndup(Arena *arena, const char *text, size_t length);
char *arena_printf(Arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
void *arena_grow(Arena *arena, void *at, int count, int *capacity, size_t item_bytes); /* for vec_push */

#define NEW(arena, Type)              ((Type *)arena_alloc((arena), sizeof(Type)))
#define NEW_ARRAY(arena, Type, count) ((Type *)arena_alloc((arena), sizeof(Type) * (size_t)(count)))

/* A growing array: `VEC(Node *) nodes;` then vec_push(arena, &nodes, node), nodes.at[i], nodes.count. */
#define VEC(Type)                                                                                                      \
    struct {                                                                                                           \
        Type *at;                                                                                                      \
        int count, capacity;                                                                                           \
    }
#define vec_push(arena, vec, item)                                                                                     \
    ((vec)->at = arena_grow((arena), (vec)->at, (vec)->count, &(vec)->capacity, sizeof *(vec)->at),                    \
     (vec)->at[(vec)->count++] = (item))

/* ---- names.c: interned strings, so that equal names are equal pointers ---- */

typedef struct Names Names;

Names *names_new(Arena *arena);
const char *name_intern(Names *names, const char *text, size_t length);
const char *name_of(Names *names, const char *text); /* a whole C string */
/* The candidate nearest to `word` by edit distance, for "did you mean"; NULL when none is near. */
const char *name_nearest(const char *word, const char *const *candidates, int count);

/* ---- text.c: a growing, indenting buffer that every dump and all generated C goes through ---- */

typedef struct Text {
    Arena *arena;
    char *at; /* always ends in a NUL */
    size_t length, capacity;
    int indent; /* levels of four spaces put at the start of each non-empty line */
} Text;

void text_init(Text *text, Arena *arena);
void text_add(Text *text, const char *string);
void text_printf(Text *text, const char *format, ...) PRINTF_LIKE(2, 3);
void text_vprintf(Text *text, const char *format, va_list arguments);
void text_indent(Text *text, int levels); /* negative to go back */
size_t text_column(const Text *text);     /* of the next character, from 0 */
/* A whole file into the arena, NUL-terminated; NULL and errno set on failure. */
char *text_read_file(Arena *arena, const char *path, size_t *size);
/* Writes to a temporary name beside `path`, syncs and renames: `path` holds all of it or what it held before.
 * False and errno set on failure. */
bool text_write_file(const char *path, const char *bytes, size_t size);

/* ---- utf8.c ---- */

size_t utf8_length(const unsigned char *at, size_t left); /* of the character at `at`; 0: it is not UTF-8 */
const char *utf8_text(Arena *arena, const char *text);    /* a copy with `?` for each byte of no character */

/* ---- diag.c: places and messages ---- */

typedef struct Source {
    const char *path; /* as the user named it */
    const char *text;
    size_t size;
} Source;

/* The bytes [start, end) of a file; `source` is NULL where there is no place to show. */
typedef struct Span {
    const Source *source;
    uint32_t start, end;
} Span;

Span span_join(Span first, Span last);
int span_line(Span span); /* from 1 */

/* Every message has a code, E0101 and so on: one row per code in diagnostics.def, one entry in docs/errors.md. */
typedef enum DiagCode {
#define DIAG(code, title) code,
#include "base/diagnostics.def"
#undef DIAG
    DIAG_CODE_COUNT
} DiagCode;

typedef struct Diag Diag;
typedef struct Message Message;

Diag *diag_new(Arena *arena);
/* A user's mistake at `at`. Lower case, names the operation, shows both sides. Returns the message so that the
 * lines below can be added to it; compilation goes on and ends with status 1. */
Message *diag_error(Diag *diag, Span at, DiagCode code, const char *format, ...) PRINTF_LIKE(4, 5);
void diag_label(Message *message, const char *format, ...) PRINTF_LIKE(2, 3); /* text right of the carets */
void diag_mark(Message *message, Span operand);                               /* ~~~ under an operand of the line */
void diag_note(Message *message, Span at, const char *format, ...) PRINTF_LIKE(3, 4);
void diag_help(Message *message, const char *format, ...) PRINTF_LIKE(2, 3);
int diag_count(const Diag *diag);                    /* errors so far */
Message *diag_message(const Diag *diag, int number); /* one of them, from 0 */
/* Prints all messages in the order of their places; colour when `colour`. */
void diag_print(const Diag *diag, FILE *to, bool colour);
const char *diag_code_name(DiagCode code);  /* "E0301" */
const char *diag_code_title(DiagCode code); /* one line */

/* A mistake of the compiler's own: names the pass to blame, prints, and ends the program with status 70. */
_Noreturn void fatal(const char *pass, const char *format, ...) PRINTF_LIKE(2, 3);
_Noreturn void out_of_memory(void); /* says so and ends the program with status 70 */

/* ---- temporary.c: folders for a while ---- */

const char *temporary_open(void); /* its path; NULL and errno set on failure */
void temporary_close(const char *path);
void temporary_close_all(void);     /* also for a signal's handler */
void temporary_runs(pid_t child);   /* to end first, the leader of a process group; 0: none any more */
void temporary_watch_signals(void); /* SIGINT, SIGTERM and SIGHUP end the program, and no folder stays */

#endif
