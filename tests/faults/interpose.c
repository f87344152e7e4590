/* interpose.c: a library put before libc (LD_PRELOAD) that makes calls fail on demand and counts memory.
 *
 *     FAULTS_IN=tgc              the one program it works in; its children go unharmed
 *     FAULTS_ALLOC=12            the 12th allocation finds no memory
 *     FAULTS_CALL=write:3:ENOSPC the 3rd call of write fails so; `*` for every other call, KILL for a SIGKILL there,
 *                                `short` (with `*`): reads and writes do a part only
 *     FAULTS_REPORT=counts       at the end of the program, a file of "alloc 57", "live 0", "write 9", …
 *
 * Only calls made by the project's own code, its generated code and cJSON count; what libc, libclang or the loader do
 * among themselves passes. A program that runs under it may ask and set the same through the functions at the end,
 * found by dlsym. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *at, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *at);

/* For a program under test. */
long faults_allocations(void);    /* by the project's code, so far */
long faults_all(void);            /* by anyone */
long faults_live(void);           /* blocks of the project's that are not freed */
void faults_fail_at(long number); /* the number-th allocation from now on; 0: none */

typedef enum Call {
    CALL_OPEN,
    CALL_READ,
    CALL_PREAD,
    CALL_WRITE,
    CALL_FSYNC,
    CALL_CLOSE,
    CALL_RENAME,
    CALL_FTRUNCATE,
    CALL_FWRITE,
    CALL_FCLOSE,
    CALL_FFLUSH,
    CALL_FORK,
    CALL_WAITPID,
    CALL_MKDTEMP,
    CALL_THREAD,
    CALL_COUNT
} Call;
static const char *const call_names[CALL_COUNT] = {"open",   "read",   "pread",     "write",   "fsync",
                                                   "close",  "rename", "ftruncate", "fwrite",  "fclose",
                                                   "fflush", "fork",   "waitpid",   "mkdtemp", "thread"};

/* ---- whose call it is ---- */

static bool begins(const char *text, const char *with);

static atomic_int ready; /* 1: this is the program, and the environment has been read */

/* Libraries of the system; any other object is the project's. */
static int is_own_uncached(const void *caller) {
    static const char *const others[] = {"libc.",  "libc-",     "libstdc++", "libclang", "libLLVM",  "ld-linux",
                                         "libz.",  "libfaults", "libm.so.6", "libgcc",   "libtinfo", "libedit",
                                         "libbsd", "libmd",     "libxml2",   "libffi",   "libicu",   "liblzma"};
    Dl_info about;
    if (!dladdr(caller, &about) || !about.dli_fname) return 1;
    const char *slash = strrchr(about.dli_fname, '/'), *name = slash ? slash + 1 : about.dli_fname;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (begins(name, others[i])) return 0;
    return 1;
}

static bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

/* dladdr is slow: remembers a caller's page of code. */
static int is_own(const void *caller) {
    enum { PAGES = 4096 };
    static _Atomic uintptr_t seen[PAGES]; /* page << 1 | own */
    uintptr_t page = (uintptr_t)caller >> 12;
    uintptr_t known = atomic_load_explicit(&seen[page % PAGES], memory_order_relaxed);
    if (known >> 1 == page) return (int)(known & 1);
    int own = is_own_uncached(caller);
    atomic_store_explicit(&seen[page % PAGES], page << 1 | (uintptr_t)own, memory_order_relaxed);
    return own;
}

#define OWN() (atomic_load(&ready) && is_own(__builtin_return_address(0)))

/* ---- memory ---- */

static atomic_long allocations, all_allocations, fail_at, live;

enum { TABLE = 1 << 20 };
static void *table[TABLE]; /* the project's blocks: open addressing */
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;

static size_t place_of(const void *at) {
    return ((uintptr_t)at >> 4) * 0x9E3779B97F4A7C15u >> 44;
}

static void *noted(void *at) {
    if (!at) return at;
    pthread_mutex_lock(&table_lock);
    size_t place = place_of(at);
    while (table[place]) place = (place + 1) % TABLE;
    table[place] = at;
    pthread_mutex_unlock(&table_lock);
    atomic_fetch_add(&live, 1);
    return at;
}

static void forget(void *at) {
    if (!at || !atomic_load(&ready)) return;
    pthread_mutex_lock(&table_lock);
    size_t place = place_of(at);
    while (table[place] && table[place] != at) place = (place + 1) % TABLE;
    if (table[place]) {
        table[place] = NULL;
        atomic_fetch_sub(&live, 1);
        for (size_t next = (place + 1) % TABLE; table[next]; next = (next + 1) % TABLE) { /* close the gap */
            size_t wanted = place_of(table[next]);
            if ((next > place && (wanted <= place || wanted > next)) ||
                (next < place && wanted <= place && wanted > next)) {
                table[place] = table[next];
                table[next] = NULL;
                place = next;
            }
        }
    }
    pthread_mutex_unlock(&table_lock);
}

/* Counts an allocation of the project's; true where it is the one to fail. */
static bool refused(void) {
    long number = atomic_fetch_add(&allocations, 1) + 1;
    if (number != atomic_load(&fail_at)) return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size) {
    atomic_fetch_add(&all_allocations, 1);
    if (!OWN()) return __libc_malloc(size);
    return refused() ? NULL : noted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size) {
    atomic_fetch_add(&all_allocations, 1);
    if (!OWN()) return __libc_calloc(count, size);
    return refused() ? NULL : noted(__libc_calloc(count, size));
}

void *realloc(void *at, size_t size) {
    atomic_fetch_add(&all_allocations, 1);
    bool own = OWN();
    if (own && refused()) return NULL;
    forget(at);
    void *moved = __libc_realloc(at, size);
    return own ? noted(moved) : moved;
}

void *aligned_alloc(size_t alignment, size_t size) {
    atomic_fetch_add(&all_allocations, 1);
    if (!OWN()) return __libc_memalign(alignment, size);
    return refused() ? NULL : noted(__libc_memalign(alignment, size));
}

char *strdup(const char *text) {
    atomic_fetch_add(&all_allocations, 1);
    size_t size = strlen(text) + 1;
    bool own = OWN();
    if (own && refused()) return NULL;
    char *copy = __libc_malloc(size);
    if (copy) memcpy(copy, text, size);
    return own ? noted(copy) : copy;
}

void free(void *at) {
    forget(at);
    __libc_free(at);
}

/* ---- calls of the system ---- */

static atomic_long calls[CALL_COUNT];
static int hit_call = -1; /* the call to harm, */
static long hit_number;   /* which of them (0: every other), */
static int hit_error;     /* and how: an errno, HIT_KILL or HIT_SHORT */
enum { HIT_KILL = -1, HIT_SHORT = -2 };

/* Whether this call is to fail; errno is set. */
static bool harmed(Call call) {
    long number = atomic_fetch_add(&calls[call], 1) + 1;
    if ((int)call != hit_call || hit_error == HIT_SHORT) return false;
    if (hit_number ? number != hit_number : number % 2 == 0) return false;
    if (hit_error == HIT_KILL) {
        kill(getpid(), SIGKILL);
        for (;;) pause(); /* another thread may take the signal */
    }
    errno = hit_error;
    return true;
}

static size_t part(Call call, size_t size) {
    if ((int)call != hit_call || hit_error != HIT_SHORT || size < 2) return size;
    return size > 3000 ? 1000 : size / 2;
}

static void *real(const char *name) {
    return dlsym(RTLD_NEXT, name);
}
#define REAL(type, name)                                                                                               \
    static type *name##_real;                                                                                          \
    if (!name##_real) *(void **)&name##_real = real(#name)

typedef int open_type(const char *, int, ...);
int open(const char *path, int flags, ...) {
    REAL(open_type, open);
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (OWN() && harmed(CALL_OPEN)) return -1;
    return open_real(path, flags, mode);
}

typedef ssize_t read_type(int, void *, size_t);
ssize_t read(int file, void *to, size_t size) {
    REAL(read_type, read);
    bool own = OWN();
    if (own && harmed(CALL_READ)) return -1;
    return read_real(file, to, own ? part(CALL_READ, size) : size);
}

typedef ssize_t pread_type(int, void *, size_t, off_t);
ssize_t pread(int file, void *to, size_t size, off_t at) {
    REAL(pread_type, pread);
    bool own = OWN();
    if (own && harmed(CALL_PREAD)) return -1;
    return pread_real(file, to, own ? part(CALL_PREAD, size) : size, at);
}

typedef ssize_t write_type(int, const void *, size_t);
ssize_t write(int file, const void *from, size_t size) {
    REAL(write_type, write);
    bool own = OWN();
    if (own && harmed(CALL_WRITE)) return -1;
    return write_real(file, from, own ? part(CALL_WRITE, size) : size);
}

typedef int fsync_type(int);
int fsync(int file) {
    REAL(fsync_type, fsync);
    return OWN() && harmed(CALL_FSYNC) ? -1 : fsync_real(file);
}

typedef int close_type(int);
int close(int file) {
    REAL(close_type, close);
    bool hit = OWN() && harmed(CALL_CLOSE);
    int error = errno, status = close_real(file);
    if (!hit) return status;
    errno = error;
    return -1;
}

typedef int rename_type(const char *, const char *);
int rename(const char *from, const char *to) {
    REAL(rename_type, rename);
    return OWN() && harmed(CALL_RENAME) ? -1 : rename_real(from, to);
}

typedef int ftruncate_type(int, off_t);
int ftruncate(int file, off_t size) {
    REAL(ftruncate_type, ftruncate);
    return OWN() && harmed(CALL_FTRUNCATE) ? -1 : ftruncate_real(file, size);
}

typedef size_t fwrite_type(const void *, size_t, size_t, FILE *);
size_t fwrite(const void *from, size_t size, size_t count, FILE *file) {
    REAL(fwrite_type, fwrite);
    return OWN() && harmed(CALL_FWRITE) ? 0 : fwrite_real(from, size, count, file);
}

typedef int fclose_type(FILE *);
int fclose(FILE *file) {
    REAL(fclose_type, fclose);
    bool hit = OWN() && harmed(CALL_FCLOSE);
    int error = errno, status = fclose_real(file);
    if (!hit) return status;
    errno = error;
    return EOF;
}

typedef int fflush_type(FILE *);
int fflush(FILE *file) {
    REAL(fflush_type, fflush);
    return OWN() && harmed(CALL_FFLUSH) ? EOF : fflush_real(file);
}

typedef pid_t fork_type(void);
pid_t fork(void) {
    REAL(fork_type, fork);
    return OWN() && harmed(CALL_FORK) ? -1 : fork_real();
}

typedef pid_t waitpid_type(pid_t, int *, int);
pid_t waitpid(pid_t child, int *status, int options) {
    REAL(waitpid_type, waitpid);
    return OWN() && harmed(CALL_WAITPID) ? -1 : waitpid_real(child, status, options);
}

typedef char *mkdtemp_type(char *);
char *mkdtemp(char *path) {
    REAL(mkdtemp_type, mkdtemp);
    return OWN() && harmed(CALL_MKDTEMP) ? NULL : mkdtemp_real(path);
}

typedef int pthread_create_type(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
    REAL(pthread_create_type, pthread_create);
    return OWN() && harmed(CALL_THREAD) ? errno : pthread_create_real(thread, attributes, body, argument);
}

/* ---- what is asked for ---- */

static int error_named(const char *name) {
    static const struct {
        const char *name;
        int error;
    } rows[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EINTR", EINTR},   {"ENOMEM", ENOMEM}, {"EMFILE", EMFILE},
                {"EAGAIN", EAGAIN}, {"EACCES", EACCES}, {"EDQUOT", EDQUOT}, {"KILL", HIT_KILL}, {"short", HIT_SHORT}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0) return rows[i].error;
    fprintf(stderr, "faults: no such error: %s\n", name);
    _exit(99);
}

static void read_call(const char *text) {
    char name[32] = "", number[32] = "", how[32] = "";
    if (sscanf(text, "%31[^:]:%31[^:]:%31s", name, number, how) != 3) _exit(99);
    for (int i = 0; i < CALL_COUNT; i++)
        if (strcmp(call_names[i], name) == 0) hit_call = i;
    if (hit_call < 0) _exit(99);
    hit_number = strcmp(number, "*") == 0 ? 0 : atol(number);
    hit_error = error_named(how);
}

__attribute__((constructor)) static void begin(void) {
    const char *in = getenv("FAULTS_IN"), *alloc = getenv("FAULTS_ALLOC"), *call = getenv("FAULTS_CALL");
    if (!in || strcmp(in, program_invocation_short_name) != 0) return;
    unsetenv("FAULTS_IN"); /* for its children, who may have its name */
    if (call) read_call(call);
    atomic_store(&fail_at, alloc ? atol(alloc) : 0);
    atomic_store(&ready, 1);
}

__attribute__((destructor)) static void report(void) {
    const char *path = getenv("FAULTS_REPORT");
    if (!atomic_exchange(&ready, 0) || !path) return;
    FILE *file = fopen(path, "w");
    if (!file) return;
    fprintf(file, "alloc %ld\nlive %ld\n", atomic_load(&allocations), atomic_load(&live));
    for (int i = 0; i < CALL_COUNT; i++) fprintf(file, "%s %ld\n", call_names[i], atomic_load(&calls[i]));
    fclose(file);
}

long faults_allocations(void) {
    return atomic_load(&allocations);
}

long faults_all(void) {
    return atomic_load(&all_allocations);
}

long faults_live(void) {
    return atomic_load(&live);
}

void faults_fail_at(long number) {
    atomic_store(&fail_at, number ? atomic_load(&allocations) + number : 0);
}
