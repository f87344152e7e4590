/* cc.c: runs the C compiler on what was written.
 *
 * In: an Output and what to make of it. The source, its header and the runtime go to a folder of their own; the result
 * is made there and then copied to its name, which holds the whole of it or what it held before:
 *
 *     clang -std=gnu11 -O2 … -shared -o /tmp/tgc-x/out /tmp/tgc-x/m.c /tmp/tgc-x/core.c … -lcjson -lm */
#include "emit/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATUS_FILE = 3, STATUS_CC = 4, STATUS_INTERRUPTED = 130 };

typedef VEC(const char *) Words;

typedef struct Workshop {
    Arena *arena;
    const Output *output;
    const Build *build;
    const Machine *machine;
    const char *folder;
    Words flags; /* of every run of the compiler */
} Workshop;

/* ---- a folder for a while ---- */

static const char *inside(const Workshop *w, const char *name) {
    return arena_printf(w->arena, "%s/%s", w->folder, name);
}

static bool open_folder(Workshop *w) {
    w->folder = temporary_open();
    if (w->folder) return true;
    const char *root = getenv("TMPDIR");
    fprintf(stderr, "tgc: can't make a folder in %s: %s (TMPDIR names another place)\n", root && *root ? root : "/tmp",
            strerror(errno));
    return false;
}

static bool put_in(const Workshop *w, const char *name, const char *text, size_t size) {
    const char *path = inside(w, name);
    FILE *file = fopen(path, "wb");
    bool good = file && fwrite(text, 1, size, file) == size;
    int error = errno;
    if (file && fclose(file) != 0) good = false, error = errno;
    if (!good) fprintf(stderr, "tgc: can't write %s: %s\n", path, strerror(error));
    return good;
}

/* ---- a run ---- */

static void add_words(Words *words, Arena *arena, const char *text) {
    while (text && *text) {
        size_t length = strcspn(text, " \t\n");
        if (length) vec_push(arena, words, arena_strndup(arena, text, length));
        text += length + (text[length] != '\0');
    }
}

static void show_command(const Words *words) {
    for (int i = 0; i < words->count; i++) fprintf(stderr, "%s%s", i ? " " : "", words->at[i]);
    fprintf(stderr, "\n");
}

static void show_file(const char *path) {
    char bytes[4096];
    FILE *file = fopen(path, "rb");
    for (size_t got; file && (got = fread(bytes, 1, sizeof bytes, file)) > 0;) fwrite(bytes, 1, got, stderr);
    if (file) fclose(file);
}

/* The child's half: what it writes goes to a file, its temporary files into the folder. Does not return. */
static void become_program(const Workshop *w, const Words *words, const char *messages, int report) {
    setpgid(0, 0); /* a signal to tgc reaches it through temporary.c */
    int file = open(messages, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file >= 0) dup2(file, STDERR_FILENO), dup2(file, STDOUT_FILENO);
    setenv("TMPDIR", w->folder, 1);
    execvp(words->at[0], (char *const *)(uintptr_t)words->at);
    int error = errno;
    _exit(write(report, &error, sizeof error) < 0 ? 126 : 127);
}

/* Forks with signals held back until the child is known to temporary.c. */
static pid_t start_program(const Workshop *w, const Words *words, const char *messages, int report) {
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t child = fork();
    int error = errno;
    if (child > 0) setpgid(child, child), temporary_runs(child);
    if (child == 0) {
        static const int watched[] = {SIGINT, SIGTERM, SIGHUP};
        for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) signal(watched[i], SIG_DFL);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (child == 0) become_program(w, words, messages, report);
    errno = error;
    return child;
}

/* Ends a program that can't be waited for, so that it writes nothing more into a folder that is about to go. */
static void stop_program(pid_t child) {
    kill(-child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) continue;
}

/* Runs a program with its messages in a file; its wait status, or -1 with errno where it could not be run. */
static int run_program(const Workshop *w, const Words *words, const char *messages) {
    int report[2];
    if (pipe(report) != 0) return -1;
    fcntl(report[0], F_SETFD, FD_CLOEXEC);
    fcntl(report[1], F_SETFD, FD_CLOEXEC);
    pid_t child = start_program(w, words, messages, report[1]);
    int error = child < 0 ? errno : 0, status = -1;
    close(report[1]);
    ssize_t got = -1;
    while (child > 0 && (got = read(report[0], &error, sizeof error)) < 0 && errno == EINTR) continue;
    if (child > 0 && got != (ssize_t)sizeof error) error = 0;
    close(report[0]);
    while (child > 0 && waitpid(child, &status, 0) < 0)
        if (errno != EINTR) {
            error = errno;
            stop_program(child);
            break;
        }
    temporary_runs(0);
    errno = error;
    return error ? -1 : status;
}

/* Runs one command; the exit status for tgc. */
static int run_command(const Workshop *w, Words *words, const char *what) {
    if (w->build->verbose) show_command(words);
    vec_push(w->arena, words, NULL);
    const char *messages = inside(w, "messages");
    int status = run_program(w, words, messages);
    if (status == -1 && errno == ENOENT) {
        fprintf(stderr,
                "tgc: %s %s is not on PATH: install it (Debian: apt install clang), or name another with --cc\n", what,
                words->at[0]);
        return STATUS_CC;
    }
    if (status == -1) {
        fprintf(stderr, "tgc: can't run %s: %s\n", words->at[0], strerror(errno));
        return STATUS_CC;
    }
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) return STATUS_INTERRUPTED;
    bool failed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    if (failed || w->build->verbose) show_file(messages);
    if (!failed) return 0;
    fprintf(stderr, "tgc: %s %s failed on the generated C\n", what, words->at[0]);
    return STATUS_CC;
}

/* ---- what is compiled ---- */

static bool ends_with(const char *name, const char *ending) {
    size_t length = strlen(name), tail = strlen(ending);
    return length >= tail && !strcmp(name + length - tail, ending);
}

static bool is_core(const char *name) {
    static const char *const files[] = {"core.c", "pool.c", "profile.c", "random.c"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!strcmp(name, files[i])) return true;
    return false;
}

/* The files of the training program alone. */
static bool is_training(const char *name) {
    static const char *const files[] = {"train.c", "data.c", "lengths.c", "progress.c", "options.c"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!strcmp(name, files[i])) return true;
    return false;
}

/* Whether a file of the runtime goes into what is built. */
static bool is_needed(const Workshop *w, const char *name) {
    bool training = w->build->kind == BUILD_PROGRAM;
    if (!ends_with(name, ".c")) return false;
    if (!strcmp(name, "check.c")) return w->output->check && !w->output->standalone;
    if (w->output->standalone) return training && !is_core(name);
    return is_core(name) || training || (w->output->files && !is_training(name));
}

static bool needs_json(const Workshop *w) {
    return w->output->files || w->build->kind == BUILD_PROGRAM;
}

static bool put_sources(Workshop *w, Words *sources) {
    const char *name = arena_printf(w->arena, "%s.c", w->output->prefix);
    /* The runtime's files keep their names; the model's may be one of them. */
    const char *unit = arena_printf(w->arena, "model_%s", name);
    if (!put_in(w, unit, w->output->source.at, w->output->source.length)) return false;
    if (!put_in(w, arena_printf(w->arena, "%s.h", w->output->prefix), w->output->header.at, w->output->header.length))
        return false;
    vec_push(w->arena, sources, unit);
    for (const EmbeddedFile *file = embedded_runtime; file->name; file++) {
        if (!put_in(w, file->name, file->text, file->size)) return false;
        if (is_needed(w, file->name)) vec_push(w->arena, sources, file->name);
    }
    if (w->build->kind != BUILD_PROGRAM) return true;
    const char *text = arena_printf(w->arena,
                                    "#include \"tg_files.h\"\n"
                                    "const tg_info *%s_info(void);\n"
                                    "int main(int argc, char **argv) {\n"
                                    "    return tg_train_main(%s_info(), argc, argv);\n"
                                    "}\n",
                                    w->output->prefix, w->output->prefix);
    vec_push(w->arena, sources, "train_main.c");
    return put_in(w, "train_main.c", text, strlen(text));
}

/* In an archive nothing is hidden: what the runtime defines gets the model's prefix. */
static bool put_prefix(Workshop *w) {
    Text renames;
    text_init(&renames, w->arena);
    put_renames(&renames, w->output->prefix);
    vec_push(w->arena, &w->flags, "-include");
    vec_push(w->arena, &w->flags, inside(w, "tg_prefix.h"));
    return put_in(w, "tg_prefix.h", renames.at, renames.length);
}

static void set_flags(Workshop *w) {
    add_words(&w->flags, w->arena, w->build->cc ? w->build->cc : "clang");
    add_words(&w->flags, w->arena,
              "-std=gnu11 -O2 -ffp-contract=fast -fno-math-errno -fvisibility=hidden -fPIC -pthread");
    if (w->output->check) add_words(&w->flags, w->arena, "-g");
    add_words(&w->flags, w->arena, w->machine->flags);
    add_words(&w->flags, w->arena, getenv("TGC_CFLAGS"));
}

static Words flags_of(const Workshop *w) {
    Words words = {0};
    for (int i = 0; i < w->flags.count; i++) vec_push(w->arena, &words, w->flags.at[i]);
    return words;
}

/* One run: a shared library or a program. */
static int compile_whole(Workshop *w, const Words *sources) {
    Words words = flags_of(w);
    if (w->build->kind == BUILD_SHARED) add_words(&words, w->arena, "-shared");
    vec_push(w->arena, &words, "-o");
    vec_push(w->arena, &words, inside(w, "out"));
    for (int i = 0; i < sources->count; i++) vec_push(w->arena, &words, inside(w, sources->at[i]));
    add_words(&words, w->arena, needs_json(w) ? "-lcjson -lm" : "-lm");
    return run_command(w, &words, "the C compiler");
}

/* One run per file, then ar. */
static int compile_archive(Workshop *w, const Words *sources) {
    if (!w->output->standalone && !put_prefix(w)) return STATUS_FILE;
    Words archive = {0};
    add_words(&archive, w->arena, "ar rcsD");
    vec_push(w->arena, &archive, inside(w, "out"));
    for (int i = 0; i < sources->count; i++) {
        const char *object = inside(w, arena_printf(w->arena, "%s_%s.o", w->output->prefix, sources->at[i]));
        Words words = flags_of(w);
        add_words(&words, w->arena, "-c -o");
        vec_push(w->arena, &words, object);
        vec_push(w->arena, &words, inside(w, sources->at[i]));
        int status = run_command(w, &words, "the C compiler");
        if (status) return status;
        vec_push(w->arena, &archive, object);
    }
    return run_command(w, &archive, "the archiver");
}

static bool publish(Workshop *w) {
    size_t size = 0;
    const char *path = w->build->path, *bytes = text_read_file(w->arena, inside(w, "out"), &size);
    mode_t mask = umask(0);
    umask(mask);
    if (bytes && text_write_file(path, bytes, size)) {
        if (w->build->kind == BUILD_ARCHIVE || chmod(path, 0777 & ~mask) == 0) return true;
    }
    fprintf(stderr, "tgc: can't write %s: %s\n", path, strerror(errno));
    return false;
}

BuildKind build_kind(const char *path) {
    return ends_with(path, ".a") ? BUILD_ARCHIVE : BUILD_SHARED;
}

int build(const Output *output, const Build *build, const Machine *machine) {
    Workshop w = {.arena = arena_new(), .output = output, .build = build, .machine = machine};
    int status = STATUS_FILE;
    if (open_folder(&w)) {
        Words sources = {0};
        set_flags(&w);
        if (put_sources(&w, &sources)) {
            status = build->kind == BUILD_ARCHIVE ? compile_archive(&w, &sources) : compile_whole(&w, &sources);
            if (status == 0 && !publish(&w)) status = STATUS_FILE;
        }
        temporary_close(w.folder);
    }
    arena_free(w.arena);
    return status;
}

/* ---- the text alone ---- */

static bool write_text(const char *path, const Text *text) {
    if (text_write_file(path, text->at, text->length)) return true;
    fprintf(stderr, "tgc: can't write %s: %s\n", path, strerror(errno));
    return false;
}

bool header_write(const Output *output, const char *path) {
    return write_text(path, &output->header);
}

bool output_write(const Output *output, const char *folder) {
    Arena *arena = output->source.arena;
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "tgc: can't make the folder %s: %s\n", folder, strerror(errno));
        return false;
    }
    return write_text(arena_printf(arena, "%s/%s.c", folder, output->prefix), &output->source) &&
           write_text(arena_printf(arena, "%s/%s.h", folder, output->prefix), &output->header) &&
           write_text(arena_printf(arena, "%s/.clang-format", folder), &output->style);
}
