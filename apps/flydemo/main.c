/*
 * flydemo: a package index goes into a database, its writer is killed, and nothing is lost.
 *
 *     load       all packages, in transactions of 1,000, each durable before the next begins
 *     kill       a second process raises every version; SIGKILL in the middle of it
 *     recover    open the store again
 *     compare    every acknowledged transaction is there, and no part of one that was not finished
 *     ask        look-ups, groups, windows, a recursive query, a savepoint, in SQL
 */
#include "archive.h"
#include "writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const usage =
    "usage: flydemo run [OPTION...] STORE INDEX   STORE: a directory to make; INDEX: a file such "
    "as\n"
    "                                             /var/lib/dpkg/status, or what apt-cache "
    "dumpavail\n"
    "                                             prints\n"
    "       flydemo ask STORE                     answer the questions again\n"
    "       flydemo generate N                    print an index of N made-up packages\n"
    "\n"
    "  --batch N    packages per transaction; default 1000\n"
    "  --after N    commits of the second run before the kill; default: half of one round\n"
    "  --help       this text\n";

typedef struct demo {
    const char *dir;
    const char *index_path;
    uint64_t batch;
    uint64_t after;
    demo_index index;
} demo;

static double seconds_since(uint64_t began)
{
    return (double)(fly_now() - began) / 1e9;
}

static uint64_t batches_of(const demo *d)
{
    return (d->index.count + d->batch - 1) / d->batch;
}

/* ------------------------------------------------------------------------ the acts */

static fly_status read_index(demo *d, fly_err *err)
{
    uint64_t began = fly_now();
    fly_status status = demo_index_read(d->index_path, &d->index, err);
    if (status == FLY_OK) {
        printf("index    %zu packages in %.1f MB of text, read in %.2f s\n", d->index.count,
               (double)d->index.text_len / 1e6, seconds_since(began));
    }
    return status;
}

static fly_status load_all(const demo *d, demo_archive *archive, uint64_t *rows, fly_err *err)
{
    for (size_t from = 0; from < d->index.count; from += d->batch) {
        size_t left = d->index.count - from;
        demo_batch batch = {&d->index, from, from + (left < d->batch ? left : d->batch)};
        fly_status status = demo_archive_load(archive, batch, rows, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

static fly_status load(const demo *d, fly_err *err)
{
    uint64_t began = fly_now();
    demo_archive archive;
    fly_status status = demo_archive_open(&archive, d->dir, true, err);
    if (status != FLY_OK) {
        return status;
    }
    uint64_t rows = 0;
    status = load_all(d, &archive, &rows, err);
    double seconds = seconds_since(began);
    demo_recovery size = {0};
    if (status == FLY_OK) {
        status = demo_archive_recovery(&archive, &size, err);
    }
    fly_status closed = demo_archive_close(&archive, status == FLY_OK ? err : NULL);
    if (status == FLY_OK && closed == FLY_OK) {
        printf("load     %" PRIu64 " rows in 2 tables with 4 indexes, %" PRIu64
               " transactions of %" PRIu64 " packages, each synced: %.2f s, %.0f rows/s\n",
               rows, batches_of(d), d->batch, seconds, (double)rows / seconds);
        printf("         %.1f MB of pages\n",
               (double)size.used_pages * FLY_PAGE_SIZE_DEFAULT / 1e6);
    }
    return status == FLY_OK ? closed : status;
}

static fly_status write_and_kill(const demo *d, uint64_t *acknowledged, fly_err *err)
{
    uint64_t began = fly_now();
    demo_kill how = {
        .dir = d->dir,
        .index = &d->index,
        .batch = d->batch,
        .after = d->after,
        .nanoseconds = fly_now() % 5000000, /* within a transaction, who knows where */
    };
    fly_status status = demo_write_and_kill(&how, acknowledged, err);
    if (status == FLY_OK) {
        printf("kill     a second run raised versions; SIGKILL after %" PRIu64
               " acknowledged transactions (%.2f s)\n",
               *acknowledged, seconds_since(began));
    }
    return status;
}

/* Where the second run got to: `commits` transactions, one after the other, round after round. */
typedef struct progress {
    uint32_t revision; /* of the packages before `updated`; the others have the one before it */
    size_t updated;
} progress;

static progress after_commits(const demo *d, uint64_t commits)
{
    uint64_t round = commits / batches_of(d);
    uint64_t updated = commits % batches_of(d) * d->batch;
    return (progress){(uint32_t)(round + 1), (size_t)updated};
}

static fly_status compare(const demo *d, demo_archive *archive, uint64_t acknowledged, fly_err *err)
{
    uint64_t began = fly_now();
    /* The kill may have come between a commit and its acknowledgement: one more may be there. */
    progress reached = after_commits(d, acknowledged);
    uint32_t revision = 0;
    fly_status status =
        demo_archive_revision(archive, &d->index.packages[reached.updated], &revision, err);
    bool one_more = status == FLY_OK && revision == reached.revision;
    if (one_more) {
        reached = after_commits(d, acknowledged + 1);
    }
    if (status == FLY_OK) {
        status = demo_archive_compare(archive, &d->index, reached.revision, reached.updated, err);
    }
    if (status == FLY_OK) {
        printf("compare  all %" PRIu64 " acknowledged transactions are there; of the one that was "
               "under way, %s\n",
               acknowledged,
               one_more ? "everything: it had been committed, but not acknowledged" : "nothing");
        printf("         every row of the 2 tables is as it must be (%.2f s)\n",
               seconds_since(began));
    }
    return status;
}

static fly_status recover_and_compare(const demo *d, uint64_t acknowledged, fly_err *err)
{
    demo_archive archive;
    fly_status status = demo_archive_open(&archive, d->dir, false, err);
    if (status != FLY_OK) {
        return status;
    }
    demo_recovery recovery;
    status = demo_archive_recovery(&archive, &recovery, err);
    if (status == FLY_OK) {
        printf("recover  %" PRIu64 " log records replayed, %" PRIu64
               " transactions undone: %.2f s\n",
               recovery.records, recovery.undone, (double)recovery.microseconds / 1e6);
        status = compare(d, &archive, acknowledged, err);
    }
    fly_status closed = demo_archive_close(&archive, status == FLY_OK ? err : NULL);
    status = status == FLY_OK ? closed : status;
    if (status == FLY_OK) {
        status = demo_archive_verify(d->dir, err);
    }
    if (status == FLY_OK) {
        printf("         the store below is verified page by page: clean\n");
    }
    return status;
}

static fly_status ask(const char *dir, fly_err *err)
{
    demo_archive archive;
    fly_status status = demo_archive_open(&archive, dir, false, err);
    if (status != FLY_OK) {
        return status;
    }
    uint64_t began = fly_now();
    printf("ask\n");
    status = demo_archive_ask(&archive, err);
    if (status == FLY_OK) {
        printf("  all answered in %.2f ms\n", seconds_since(began) * 1e3);
    }
    fly_status closed = demo_archive_close(&archive, status == FLY_OK ? err : NULL);
    return status == FLY_OK ? closed : status;
}

static fly_status run(demo *d, fly_err *err)
{
    fly_status status = read_index(d, err);
    if (status != FLY_OK) {
        return status;
    }
    if (d->after == 0) {
        d->after = batches_of(d) / 2;
    }
    uint64_t acknowledged = 0;
    status = load(d, err);
    if (status == FLY_OK) {
        status = write_and_kill(d, &acknowledged, err);
    }
    if (status == FLY_OK) {
        status = recover_and_compare(d, acknowledged, err);
    }
    if (status == FLY_OK) {
        status = ask(d->dir, err);
    }
    demo_index_deinit(&d->index);
    return status;
}

/* ------------------------------------------------------------------ the command line */

static int misused(void)
{
    (void)fputs(usage, stderr);
    return 2;
}

static int finish(fly_status status, const fly_err *err)
{
    if (status != FLY_OK) {
        (void)fprintf(stderr, "flydemo: %s (%s)\n", err->message, fly_status_name(status));
    }
    return status != FLY_OK;
}

static bool parse_count(const char *text, uint64_t *count)
{
    char *end;
    errno = 0;
    *count = strtoull(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && *count > 0 &&
           *count <= UINT32_MAX;
}

static int main_run(int argc, char **argv)
{
    demo d = {.batch = 1000};
    int at = 0;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        uint64_t *target = strcmp(argv[at], "--batch") == 0   ? &d.batch
                           : strcmp(argv[at], "--after") == 0 ? &d.after
                                                              : NULL;
        if (target == NULL || !parse_count(argv[at + 1], target)) {
            return misused();
        }
    }
    if (argc - at != 2) {
        return misused();
    }
    d.dir = argv[at];
    d.index_path = argv[at + 1];
    fly_err err = {0};
    fly_status status = run(&d, &err);
    return finish(status, &err);
}

int main(int argc, char **argv)
{
    uint64_t count;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)fputs(usage, stdout);
        return 0;
    }
    if (argc >= 2 && strcmp(argv[1], "run") == 0) {
        return main_run(argc - 2, argv + 2);
    }
    if (argc == 3 && strcmp(argv[1], "ask") == 0) {
        fly_err err = {0};
        fly_status status = ask(argv[2], &err);
        return finish(status, &err);
    }
    if (argc == 3 && strcmp(argv[1], "generate") == 0 && parse_count(argv[2], &count)) {
        demo_index_generate(stdout, count);
        return fflush(stdout) != 0;
    }
    return misused();
}
