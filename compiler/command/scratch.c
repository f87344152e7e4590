/* scratch.c: a folder of the command's own, and programs run from it.
 *
 * The folder lies in $TMPDIR or /tmp and goes with everything that was put directly into it. */
#include "command/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

bool scratch_open(Scratch *scratch) {
    scratch->path = temporary_open();
    if (scratch->path) return true;
    complain("cannot make a temporary folder: %s; set TMPDIR to a folder that can be written", strerror(errno));
    return false;
}

void scratch_close(Scratch *scratch) {
    temporary_close(scratch->path);
    scratch->path = NULL;
}

/* Waits for the child. The signals are blocked meanwhile and taken one by one; one from the terminal has reached the
 * child already, one sent to this process alone is passed on. */
static int wait_for(pid_t child, const sigset_t *signals) {
    for (;;) {
        int state;
        pid_t ended = waitpid(child, &state, WNOHANG);
        if (ended < 0 && errno != EINTR) return -1;
        if (ended == child) return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
        siginfo_t info;
        int signal = sigwaitinfo(signals, &info);
        if (signal > 0 && signal != SIGCHLD && info.si_code <= 0) kill(child, signal);
    }
}

int program_run(const char *const *words, const char *output) {
    sigset_t signals, before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, &before);

    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &before);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (output) posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    pid_t child;
    int error = posix_spawnp(&child, words[0], &actions, &attributes, (char *const *)words, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);

    int status = error ? -1 : wait_for(child, &signals);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (error) errno = error;
    return status;
}
