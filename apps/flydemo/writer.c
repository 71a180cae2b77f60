/*
 * The writer is a fork of this process, so that SIGKILL ends a real one: no handler runs, no buffer
 * is flushed, and nobody closes the store.
 */
#define _POSIX_C_SOURCE 200809L

#include "writer.h"

#include "archive.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ------------------------------------------------------------------- in the child */

/* Write to the pipe; short enough to be written whole or not at all. */
static bool say(int pipe, uint64_t commits)
{
    return write(pipe, &commits, sizeof commits) == (ssize_t)sizeof commits;
}

static fly_status write_for_ever(const demo_kill *how, demo_archive *archive, int pipe,
                                 fly_err *err)
{
    uint64_t commits = 0;
    for (uint32_t revision = 1;; revision++) {
        for (size_t from = 0; from < how->index->count; from += how->batch) {
            size_t left = how->index->count - from;
            size_t to = from + (left < how->batch ? left : how->batch);
            demo_batch batch = {how->index, from, to};
            fly_status status = demo_archive_update(archive, batch, revision, err);
            if (status != FLY_OK) {
                return status;
            }
            if (!say(pipe, ++commits)) {
                return fly_err_os(err, FLY_E_IO, errno, "acknowledge a commit");
            }
        }
    }
}

static void be_the_writer(const demo_kill *how, int pipe)
{
    demo_archive archive;
    fly_err err = {0};
    fly_status status = demo_archive_open(&archive, how->dir, false, &err);
    if (status == FLY_OK) {
        status = write_for_ever(how, &archive, pipe, &err);
    }
    (void)fprintf(stderr, "flydemo: writer: %s (%s)\n", err.message, fly_status_name(status));
    _exit(1);
}

/* ------------------------------------------------------------------ in the parent */

/* The next acknowledgement; false when there will be none. */
static bool hear(int pipe, uint64_t *commits)
{
    uint64_t number;
    ssize_t got;
    do {
        got = read(pipe, &number, sizeof number);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof number) {
        return false;
    }
    *commits = number;
    return true;
}

fly_status demo_write_and_kill(const demo_kill *how, uint64_t *acknowledged, fly_err *err)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return fly_err_os(err, FLY_E_IO, errno, "make a pipe");
    }
    (void)fflush(NULL); /* or the child's copy of what is not printed yet would be printed too */
    pid_t child = fork();
    if (child < 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        return fly_err_os(err, FLY_E_IO, errno, "start a process");
    }
    if (child == 0) {
        (void)close(ends[0]);
        be_the_writer(how, ends[1]);
    }
    (void)close(ends[1]);

    uint64_t heard = 0;
    while (heard < how->after && hear(ends[0], &heard)) {
        /* It is writing. */
    }
    fly_sleep(how->nanoseconds);
    (void)kill(child, SIGKILL);
    int result = 0;
    while (waitpid(child, &result, 0) < 0 && errno == EINTR) {
        /* Again. */
    }
    while (hear(ends[0], &heard)) {
        /* What it said before it died. */
    }
    (void)close(ends[0]);
    if (!WIFSIGNALED(result) || WTERMSIG(result) != SIGKILL || heard < how->after) {
        return fly_err_set(err, FLY_E_IO, "the writer ended after %" PRIu64 " commits, not killed",
                           heard);
    }
    *acknowledged = heard;
    return FLY_OK;
}
