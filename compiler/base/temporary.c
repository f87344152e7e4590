/* temporary.c: folders for a while. They go with all that was put directly into them, however the program ends.
 *
 *     const char *folder = temporary_open();      $TMPDIR/tgc-k3Jx0a, or NULL and errno
 *     temporary_close(folder);
 *
 * Ctrl-C, SIGTERM and SIGHUP, a mistake of the compiler's own and a lack of memory end the program in the middle of
 * something: temporary_close_all takes no memory and calls nothing that a signal's handler may not. A program that runs
 * meanwhile is ended first; it has a process group of its own, and its temporary files lie in the same folder. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#else
#include <dirent.h>
#endif

enum { MOST_FOLDERS = 8, STATUS_INTERRUPTED = 130 };

typedef struct Folder Folder;

/* What a signal's handler has to know. */
static struct Folder {
    char path[PATH_MAX]; /* "": free */
    int handle;
} folders[MOST_FOLDERS];
static volatile pid_t running;

static bool is_entry(const char *name) {
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Unlinks what the folder holds. */
static void empty_folder(int folder) {
#ifdef __linux__
    struct Item { /* what the kernel gives: man 2 getdents64 */
        uint64_t inode;
        int64_t next;
        uint16_t length;
        uint8_t type;
        char name[];
    };
    _Alignas(struct Item) char bytes[4096];
    for (long got; (got = syscall(SYS_getdents64, folder, bytes, sizeof bytes)) > 0;)
        for (long at = 0; at < got;) {
            const struct Item *item = (const struct Item *)(const void *)(bytes + at);
            if (is_entry(item->name)) unlinkat(folder, item->name, 0);
            at += item->length;
        }
    close(folder);
#else
    DIR *listing = fdopendir(folder);
    for (struct dirent *item; listing && (item = readdir(listing));)
        if (is_entry(item->d_name)) unlinkat(folder, item->d_name, 0);
    if (listing) closedir(listing);
#endif
}

static void remove_folder(Folder *folder) {
    if (!*folder->path) return;
    empty_folder(folder->handle);
    rmdir(folder->path);
    *folder->path = '\0';
}

/* Held open from the beginning, so that emptying it needs nothing that may be lacking by then. */
static int open_folder(const char *path) {
    int handle;
    do handle = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (handle < 0 && errno == EINTR);
    return handle;
}

/* -1 and errno on failure; the folder is gone then. */
static int make_folder(char *path) {
    if (!mkdtemp(path)) return -1;
    int handle = open_folder(path), error = errno;
    if (handle < 0) rmdir(path);
    errno = error;
    return handle;
}

const char *temporary_open(void) {
    const char *root = getenv("TMPDIR");
    int free = 0;
    while (free < MOST_FOLDERS && *folders[free].path) free++;
    if (free == MOST_FOLDERS) fatal("temporary", "more than %d folders at once", MOST_FOLDERS);
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/tgc-XXXXXX", root && *root ? root : "/tmp");
    if (length < 0 || length >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    sigset_t all, before; /* made and written down, or neither */
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    int handle = make_folder(path), error = errno;
    if (handle >= 0) {
        folders[free].handle = handle;
        memcpy(folders[free].path, path, (size_t)length + 1);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return handle >= 0 ? folders[free].path : NULL;
}

void temporary_close(const char *path) {
    for (int i = 0; path && i < MOST_FOLDERS; i++)
        if (path == folders[i].path) remove_folder(&folders[i]);
}

void temporary_close_all(void) {
    for (int i = 0; i < MOST_FOLDERS; i++) remove_folder(&folders[i]);
}

void temporary_runs(pid_t child) {
    running = child;
}

static void on_signal(int number) {
    if (running > 0) {
        kill(-running, SIGTERM);
        while (waitpid(running, NULL, 0) < 0 && errno == EINTR) continue;
    }
    temporary_close_all();
    if (number == SIGINT) _exit(STATUS_INTERRUPTED);
    signal(number, SIG_DFL);
    raise(number);
}

void temporary_watch_signals(void) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction watch = {.sa_handler = on_signal}, before;
    sigfillset(&watch.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        sigaction(signals[i], NULL, &before);
        if (signals[i] == SIGINT || before.sa_handler != SIG_IGN) sigaction(signals[i], &watch, NULL);
    }
}
