/*
 * Processes.
 *
 * A child counts in memory that it shares with its parent, so the counts are right up to the record
 * that killed it; that record then counts as failed. What it says goes into files without names,
 * which the parent prints in the order of the scripts.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */

#include "jobs.h"

#include <errno.h>
#include <fly/base_env.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct job {
    pid_t pid;
    FILE *out, *failures; /* open while the child runs */
    slt_text said, listed;
    bool done;
} job;

typedef struct jobs {
    const slt_jobs_options *options;
    const slt_files *files;
    slt_counts *counts; /* shared, one for each file */
    job *all;
    size_t started, printed, running;
} jobs;

/* ---------------------------------------------------------------------- one script */

static void tell_trouble(slt_report *report, const char *path, const fly_err *err)
{
    report->counts->failed++;
    slt_text_printf(&report->out, "%s:0: %s\n", path, err->message);
    slt_text_printf(&report->failures, "%s\n", path);
}

static void run_script(const slt_jobs_options *options, const char *path, slt_report *report)
{
    uint64_t began = fly_now();
    slt_text text = {0};
    fly_err err = {0};
    fly_status status = slt_text_read_file(&text, path, &err);
    if (status == FLY_OK) {
        slt_run(&options->run, path, fly_bytes_of(text.data, text.len), report);
    }
    if (status == FLY_OK && options->run.complete && report->completed.len > 0) {
        status = slt_text_write_file(&report->completed, path, &err);
    }
    if (status != FLY_OK) {
        tell_trouble(report, path, &err);
    }
    if (options->verbose) {
        const slt_counts *counts = report->counts;
        slt_text_printf(&report->out,
                        "%s: %" PRIu64 " passed, %" PRIu64 " failed, %" PRIu64 " skipped, %.2f s\n",
                        path, counts->passed, counts->failed, counts->skipped,
                        (double)(fly_now() - began) / 1e9);
    }
    slt_text_deinit(&text);
}

/* ------------------------------------------------------------------------ children */

static void trouble(const char *what)
{
    (void)fprintf(stderr, "flyslt: %s: %s\n", what, strerror(errno));
    exit(2);
}

static FILE *nameless_file(void)
{
    FILE *file = tmpfile();
    if (file == NULL) {
        trouble("temporary file");
    }
    return file;
}

static void write_all(FILE *file, const slt_text *text)
{
    if (fwrite(slt_text_str(text), 1, text->len, file) != text->len || fflush(file) != 0) {
        trouble("write a report");
    }
}

static void be_the_child(const jobs *j, size_t at)
{
    if (j->options->timeout > 0) {
        (void)alarm(j->options->timeout);
    }
    slt_report report = {.counts = &j->counts[at]};
    run_script(j->options, j->files->paths[at], &report);
    write_all(j->all[at].out, &report.out);
    write_all(j->all[at].failures, &report.failures);
    slt_report_deinit(&report);
}

/* False in the child, which has done its work. */
static bool start(jobs *j)
{
    size_t at = j->started++;
    j->all[at].out = nameless_file();
    j->all[at].failures = nameless_file();
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        trouble("fork");
    }
    if (pid == 0) {
        be_the_child(j, at);
        return false;
    }
    j->all[at].pid = pid;
    j->running++;
    return true;
}

static void take_file(FILE **file, slt_text *text)
{
    char piece[4096];
    rewind(*file);
    for (size_t got = 1; got > 0;) {
        got = fread(piece, 1, sizeof piece, *file);
        slt_text_add(text, piece, got);
    }
    (void)fclose(*file);
    *file = NULL;
}

static void tell_death(const jobs *j, job *dead, size_t at, int how)
{
    slt_counts *counts = &j->counts[at];
    const char *path = j->files->paths[at];
    counts->failed++;
    if (WIFSIGNALED(how) && WTERMSIG(how) == SIGALRM) {
        slt_text_printf(&dead->said,
                        "%s:%" PRIu64 ": not finished after %u s; the rest was not run\n", path,
                        counts->line, j->options->timeout);
    } else if (WIFSIGNALED(how)) {
        slt_text_printf(&dead->said,
                        "%s:%" PRIu64 ": killed by signal %d (%s); the rest was not run\n", path,
                        counts->line, WTERMSIG(how), strsignal(WTERMSIG(how)));
    } else {
        slt_text_printf(&dead->said,
                        "%s:%" PRIu64 ": exit code %d; the rest may not have been run\n", path,
                        counts->line, WEXITSTATUS(how));
    }
    slt_text_printf(&dead->listed, "%s:%" PRIu64 "\n", path, counts->line);
}

static void reap(jobs *j)
{
    int how = 0;
    pid_t pid = wait(&how);
    for (size_t at = 0; at < j->started; at++) {
        job *ended = &j->all[at];
        if (ended->pid != pid || ended->done) {
            continue;
        }
        take_file(&ended->out, &ended->said);
        take_file(&ended->failures, &ended->listed);
        if (!WIFEXITED(how) || WEXITSTATUS(how) != 0) {
            tell_death(j, ended, at, how);
        }
        ended->done = true;
        j->running--;
    }
}

static void print(const slt_text *said)
{
    (void)fwrite(slt_text_str(said), 1, said->len, stdout);
    (void)fflush(stdout);
}

static void print_what_is_due(jobs *j, slt_text *failures)
{
    while (j->printed < j->started && j->all[j->printed].done) {
        job *due = &j->all[j->printed++];
        print(&due->said);
        slt_text_add(failures, due->listed.data, due->listed.len);
        slt_text_deinit(&due->said);
        slt_text_deinit(&due->listed);
    }
}

static void run_here(jobs *j, slt_text *failures)
{
    for (size_t i = 0; i < j->files->count; i++) {
        slt_report report = {.counts = &j->counts[i]};
        run_script(j->options, j->files->paths[i], &report);
        print(&report.out);
        slt_text_add(failures, report.failures.data, report.failures.len);
        slt_report_deinit(&report);
    }
}

/* False in a child. */
static bool run_in_children(jobs *j, slt_text *failures)
{
    while (j->printed < j->files->count) {
        while (j->started < j->files->count && j->running < j->options->processes) {
            if (!start(j)) {
                return false;
            }
        }
        reap(j);
        print_what_is_due(j, failures);
    }
    return true;
}

void slt_jobs_run(const slt_jobs_options *options, const slt_files *files, slt_counts *total,
                  slt_text *failures)
{
    size_t shared = (files->count + 1) * sizeof(slt_counts);
    jobs j = {.options = options, .files = files};
    j.counts = mmap(NULL, shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (j.counts == MAP_FAILED) {
        trouble("shared memory");
    }
    j.all = slt_grow(NULL, (files->count + 1) * sizeof *j.all);
    memset(j.all, 0, (files->count + 1) * sizeof *j.all);
    if (options->processes == 0) {
        run_here(&j, failures);
    } else if (!run_in_children(&j, failures)) {
        _exit(0);
    }
    for (size_t i = 0; i < files->count; i++) {
        total->passed += j.counts[i].passed;
        total->failed += j.counts[i].failed;
        total->skipped += j.counts[i].skipped;
    }
    free(j.all);
    (void)munmap(j.counts, shared);
}
