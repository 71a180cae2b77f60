/*
 * A measurement in a child process.
 *
 * The two share one page of results and a pipe. Nothing is written to the pipe: its end tells the
 * parent that the child is gone, however that came about. Signals that ask flybench to stop are
 * taken from a descriptor, so that the parent can clean up and no handler needs a global.
 */
#define _GNU_SOURCE
#include "kv_run.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DRAW_MS = 200 };

/* Written by the child, read by the parent. */
typedef struct shared {
    fly_atomic_u32 per_mille; /* while it runs */
    bool finished;            /* the rest is set; read after the child is gone */
    fly_status status;
    fly_err err;
    report_run result;
} shared;

fly_status kv_stop_init(kv_stop *stop, fly_err *err)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGHUP);
    (void)sigaddset(&signals, SIGPIPE);
    stop->fd = signalfd(-1, &signals, SFD_CLOEXEC);
    if (stop->fd < 0 || sigprocmask(SIG_BLOCK, &signals, &stop->before) != 0) {
        return fly_err_os(err, FLY_E_IO, errno, "could not hold signals back");
    }
    return FLY_OK;
}

void kv_stop_deinit(kv_stop *stop)
{
    /* One that came meanwhile has been obeyed: take it, or it would end flybench now. */
    struct signalfd_siginfo info;
    struct pollfd waits = {.fd = stop->fd, .events = POLLIN};
    while (poll(&waits, 1, 0) > 0 && read(stop->fd, &info, sizeof info) > 0) {
    }
    (void)close(stop->fd);
    (void)sigprocmask(SIG_SETMASK, &stop->before, NULL);
}

static void child(const kv_task *task, const kv_stop *stop, shared *s)
{
    /* Not to be left behind, and to be stopped from the keyboard as usual. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)sigprocmask(SIG_SETMASK, &stop->before, NULL);
    s->status = kv_run_here(task, &s->per_mille, &s->result, &s->err);
    s->finished = true;
    _exit(0);
}

/* Wait for the end of the pipe, drawing; false if a signal came first. */
static bool wait_for_end(int pipe_end, int signal_fd, const shared *s, const progress *shown)
{
    struct pollfd waits[] = {{.fd = pipe_end, .events = POLLIN},
                             {.fd = signal_fd, .events = POLLIN}};
    for (;;) {
        int ready = poll(waits, 2, DRAW_MS);
        if (ready > 0 && waits[1].revents != 0) {
            return false;
        }
        if (ready > 0 && waits[0].revents != 0) {
            return true;
        }
        progress_draw(shown, fly_load_relaxed_u32(&s->per_mille) / 1000.0);
    }
}

static fly_status result_of(const shared *s, int how, report_run *result, fly_err *err)
{
    if (s->finished) {
        if (s->status == FLY_OK) {
            *result = s->result;
        } else if (err != NULL) {
            *err = s->err;
            err->status = s->status;
        }
        return s->status;
    }
    if (WIFSIGNALED(how)) {
        return fly_err_set(err, FLY_E_IO, "the process was killed by signal %d%s", WTERMSIG(how),
                           WTERMSIG(how) == SIGKILL ? " (too little memory?)" : "");
    }
    return fly_err_set(err, FLY_E_IO, "the process ended with status %d", WEXITSTATUS(how));
}

static fly_status run_child(const kv_task *task, const kv_stop *stop, shared *s,
                            const progress *shown, report_run *result, fly_err *err)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return fly_err_os(err, FLY_E_IO, errno, "could not watch a process");
    }
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        child(task, stop, s);
    }
    (void)close(ends[1]);
    if (pid < 0) {
        (void)close(ends[0]);
        return fly_err_os(err, FLY_E_IO, errno, "could not start a process");
    }
    bool ended = wait_for_end(ends[0], stop->fd, s, shown);
    (void)close(ends[0]);
    if (!ended) {
        (void)kill(pid, SIGKILL);
    }
    int how = 0;
    (void)waitpid(pid, &how, 0);
    return ended ? result_of(s, how, result, err)
                 : fly_err_set(err, FLY_E_CANCELLED, "stopped by a signal");
}

fly_status kv_run_apart(const kv_task *task, const kv_stop *stop, const progress *shown,
                        report_run *result, fly_err *err)
{
    shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED) {
        return fly_err_os(err, FLY_E_NO_MEMORY, errno, "could not share memory with a process");
    }
    fly_status status = run_child(task, stop, s, shown, result, err);
    (void)munmap(s, sizeof *s);
    return status;
}
