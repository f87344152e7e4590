/* prefix.c: what every symbol of a model begins with.
 *
 * In: the model's name, or what --prefix says. Out: an identifier that is free in C, in C++, in the written file and in
 * the headers that it includes, for it also names the type that stands for an instance.
 *
 *     my-net  ->  my_net
 *     double  ->  double_model      log  ->  log_model
 *     tg      ->  m_tg_model */
#include "emit/parts.h"

#include <string.h>

static const char *const taken[] = {
#define WORDS(...) __VA_ARGS__
    /* the written file */
    WORDS("call", "entries", "handle", "info", "inputs", "json", "made", "model", "options", "out_of_range", "params"),
    WORDS("results", "seed", "states", "tg"),
    /* the C library: math.h, pthread.h, sched.h, signal.h, stdio.h, stdlib.h, string.h, time.h, unistd.h */
    WORDS("a64l", "abort", "abs", "access", "acct", "acos", "acosh", "alarm", "alloca", "arc4random", "asctime"),
    WORDS("asin", "asinh", "asprintf", "atan", "atan2", "atanh", "atexit", "atof", "atoi", "atol", "basename"),
    WORDS("bcmp", "bcopy", "brk", "bsearch", "bzero", "calloc", "canonicalize", "cbrt", "ceil", "chdir", "chown"),
    WORDS("chroot", "clearenv", "clearerr", "clock", "clone", "close", "closefrom", "confstr", "copysign", "cos"),
    WORDS("cosh", "crypt", "ctermid", "ctime", "cuserid", "daemon", "daylight", "difftime", "div", "dprintf"),
    WORDS("drand48", "drem", "dup", "dup2", "dup3", "dysize", "eaccess", "ecvt", "endusershell", "environ"),
    WORDS("erand48", "erf", "erfc", "euidaccess", "execl", "execle", "execlp", "execv", "execve", "execveat"),
    WORDS("execvp", "execvpe", "exit", "exp", "exp10", "exp2", "expm1", "fabs", "faccessat", "fchdir", "fchown"),
    WORDS("fchownat", "fclose", "fcloseall", "fcvt", "fdatasync", "fdim", "fdopen", "feof", "ferror", "fexecve"),
    WORDS("fflush", "ffs", "fgetc", "fgetpos", "fgets", "fileno", "finite", "flockfile", "floor", "fma", "fmax"),
    WORDS("fmaximum", "fmaxmag", "fmemopen", "fmin", "fminimum", "fminmag", "fmod", "fopen", "fopencookie", "fork"),
    WORDS("fpathconf", "fprintf", "fputc", "fputs", "fread", "free", "freopen", "frexp", "fromfp", "fromfpx"),
    WORDS("fscanf", "fseek", "fseeko", "fsetpos", "fsync", "ftell", "ftello", "ftruncate", "ftrylockfile"),
    WORDS("funlockfile", "fwrite", "gamma", "gcvt", "getc", "getchar", "getcpu", "getcwd", "getdate", "getdelim"),
    WORDS("getdomainname", "getdtablesize", "getegid", "getentropy", "getenv", "geteuid", "getgid", "getgroups"),
    WORDS("gethostid", "gethostname", "getline", "getloadavg", "getlogin", "getopt", "getpagesize", "getpass"),
    WORDS("getpayload", "getpgid", "getpgrp", "getpid", "getppid", "getpt", "getresgid", "getresuid", "getsid"),
    WORDS("getsubopt", "gettid", "getuid", "getusershell", "getw", "getwd", "gmtime", "grantpt", "gsignal", "hypot"),
    WORDS("ilogb", "index", "initstate", "isatty", "isinf", "isnan", "j0", "j1", "jn", "jrand48", "kill", "killpg"),
    WORDS("l64a", "labs", "lchown", "lcong48", "ldexp", "ldiv", "lgamma", "link", "linkat", "llabs", "lldiv"),
    WORDS("llogb", "llrint", "llround", "localtime", "lockf", "log", "log10", "log1p", "log2", "logb", "lrand48"),
    WORDS("lrint", "lround", "lseek", "madvise", "malloc", "mblen", "mbstowcs", "mbtowc", "memccpy", "memchr"),
    WORDS("memcmp", "memcpy", "memfrob", "memmem", "memmove", "mempcpy", "memrchr", "memset", "mincore", "mkdtemp"),
    WORDS("mkostemp", "mkostemps", "mkstemp", "mkstemps", "mktemp", "mktime", "mlock", "mlock2", "mlockall", "mmap"),
    WORDS("modf", "mprotect", "mrand48", "mremap", "msync", "munlock", "munlockall", "munmap", "nan", "nanosleep"),
    WORDS("nearbyint", "nextafter", "nextdown", "nexttoward", "nextup", "nice", "nrand48", "optarg", "opterr"),
    WORDS("optind", "optopt", "pathconf", "pause", "pclose", "perror", "pipe", "pipe2", "popen", "pow", "pread"),
    WORDS("printf", "profil", "pselect", "psiginfo", "psignal", "ptsname", "putc", "putchar", "putenv", "puts"),
    WORDS("putw", "pwrite", "qecvt", "qfcvt", "qgcvt", "qsort", "raise", "rand", "random", "rawmemchr", "read"),
    WORDS("readlink", "readlinkat", "realloc", "reallocarray", "realpath", "remainder", "remove", "remquo", "rename"),
    WORDS("renameat", "renameat2", "revoke", "rewind", "rindex", "rint", "rmdir", "round", "roundeven", "rpmatch"),
    WORDS("sbrk", "scalb", "scalbln", "scalbn", "scanf", "seed48", "select", "setbuf", "setbuffer", "setdomainname"),
    WORDS("setegid", "setenv", "seteuid", "setgid", "sethostid", "sethostname", "setlinebuf", "setlogin", "setns"),
    WORDS("setpayload", "setpayloadsig", "setpgid", "setpgrp", "setregid", "setresgid", "setresuid", "setreuid"),
    WORDS("setsid", "setstate", "setuid", "setusershell", "setvbuf", "sigaction", "sigaddset", "sigaltstack"),
    WORDS("sigandset", "sigblock", "sigdelset", "sigemptyset", "sigfillset", "siggetmask", "sighold", "sigignore"),
    WORDS("siginterrupt", "sigisemptyset", "sigismember", "signal", "signgam", "significand", "sigorset", "sigpause"),
    WORDS("sigpending", "sigprocmask", "sigqueue", "sigrelse", "sigreturn", "sigset", "sigsetmask", "sigstack"),
    WORDS("sigsuspend", "sigtimedwait", "sigwait", "sigwaitinfo", "sin", "sincos", "sinh", "sleep", "snprintf"),
    WORDS("sprintf", "sqrt", "srand", "srand48", "srandom", "sscanf", "ssignal", "stderr", "stdin", "stdout"),
    WORDS("stpcpy", "stpncpy", "strcasecmp", "strcasestr", "strcat", "strchr", "strchrnul", "strcmp", "strcoll"),
    WORDS("strcpy", "strcspn", "strdup", "strerror", "strfromd", "strfromf", "strfromf32", "strfromf32x"),
    WORDS("strfromf64x", "strfroml", "strfry", "strftime", "strlen", "strncasecmp", "strncat", "strncmp", "strncpy"),
    WORDS("strndup", "strnlen", "strpbrk", "strptime", "strrchr", "strsep", "strsignal", "strspn", "strstr"),
    WORDS("strtod", "strtof", "strtof32", "strtof32x", "strtof64x", "strtok", "strtol", "strtold", "strtoq"),
    WORDS("strtoul", "strtouq", "strverscmp", "strxfrm", "swab", "symlink", "symlinkat", "sync", "syncfs", "syscall"),
    WORDS("sysconf", "system", "tan", "tanh", "tcgetpgrp", "tcsetpgrp", "tempnam", "tgamma", "tgkill", "time"),
    WORDS("timegm", "timelocal", "timezone", "tmpfile", "tmpnam", "totalorder", "totalordermag", "trunc", "truncate"),
    WORDS("ttyname", "ttyslot", "tzname", "tzset", "ualarm", "ufromfp", "ufromfpx", "uint", "ulong", "ungetc"),
    WORDS("unlink", "unlinkat", "unlockpt", "unsetenv", "unshare", "ushort", "usleep", "valloc", "vasprintf"),
    WORDS("vdprintf", "vfork", "vfprintf", "vfscanf", "vhangup", "vprintf", "vscanf", "vsnprintf", "vsprintf"),
    WORDS("vsscanf", "wcstombs", "wctomb", "write", "y0", "y1", "yn"),
#undef WORDS
};

static bool is_taken(const char *name, size_t length) {
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strlen(taken[i]) == length && !strncmp(name, taken[i], length)) return true;
    return false;
}

static bool begins(const char *name, const char *with) {
    return !strncmp(name, with, strlen(with));
}

static bool ends(const char *name, const char *with) {
    size_t length = strlen(name), tail = strlen(with);
    return length > tail && !strcmp(name + length - tail, with);
}

/* Families of names in the C library, and kernels and tables of the written file. */
static bool in_family(const char *name) {
    static const char *const heads[] = {"atomic_", "call_", "clock_", "memory_order", "posix_", "pthread_", "sched_"};
    static const char *const tails[] = {"_inputs", "_launches", "_layers", "_results", "_rows", "_t", "_tensors"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (begins(name, heads[i])) return true;
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
        if (ends(name, tails[i])) return true;
    size_t digits = name[0] == 'k' ? strspn(name + 1, "0123456789") : 0;
    return digits && name[1 + digits] == '_';
}

static bool is_free(const char *name) {
    size_t length = strlen(name);
    if (c_word(name) || in_family(name) || is_taken(name, length)) return false;
    /* expf and expl are exp, fopen64 is fopen */
    if (length > 3 && strchr("fl", name[length - 1]) && is_taken(name, length - 1)) return false;
    return !(ends(name, "64") && is_taken(name, length - 2));
}

const char *c_prefix(Arena *arena, const char *name) {
    const char *prefix = c_identifier(arena, name);
    if (is_free(prefix)) return prefix;
    bool runtime = prefix[0] == '_' || !strcmp(prefix, "tg") || begins(prefix, "tg_") || begins(prefix, "TG_");
    return arena_printf(arena, "%s%s_model", !runtime ? "" : prefix[0] == '_' ? "m" : "m_", prefix);
}
