/*
 * What a log record costs: appending without waiting [budget: 150 ns for 100 bytes], reading it, and
 * commits that wait, by one thread and by many. Does not measure what a transaction does besides, nor
 * a log that is larger than the system's memory: what was appended is read while it is young.
 *
 *     bench_wal [DIRECTORY [IN_FLIGHT]]
 *
 * DIRECTORY exists and decides which disk it is; default a temporary one in the current directory.
 */
#define _POSIX_C_SOURCE 200809L
#include <fly/wal.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECORD = 100,
    APPENDS = 5000000,
    BURST = 10000, /* appends that a ring takes before anything is written */
    BURSTS = 200,
    THREADS_MAX = 64,
    SECOND = 1000000000
};

static void must(fly_status status, const fly_err *err)
{
    if (status != FLY_OK) {
        (void)fprintf(stderr, "bench_wal: %s\n", err->message);
        exit(1);
    }
}

static void line(const char *name, uint64_t n, uint64_t ns, size_t bytes)
{
    (void)printf("%s %llu %.3f %.0f %zu\n", name, (unsigned long long)n, (double)ns / SECOND,
                 (double)n * SECOND / (double)ns, bytes);
}

static uint8_t payload[RECORD];

/* The appender's own part: nobody writes meanwhile. */
static void bench_burst(fly_wal *wal)
{
    fly_err err = {0};
    fly_bytes piece = fly_bytes_of(payload, sizeof payload);
    uint64_t spent = 0;
    for (int burst = 0; burst < BURSTS; burst++) {
        uint64_t began = fly_now();
        for (int i = 0; i < BURST; i++) {
            must(fly_wal_append(wal, 1, 1, 0, &piece, 1, NULL, NULL, &err), &err);
        }
        spent += fly_now() - began;
        must(fly_wal_flush(wal, fly_wal_next(wal), FLY_DURABILITY_FULL, &err), &err);
    }
    line("append_100_in_memory", (uint64_t)BURST * BURSTS, spent, RECORD);
}

static void bench_append(fly_wal *wal)
{
    fly_err err = {0};
    fly_bytes piece = fly_bytes_of(payload, sizeof payload);
    uint64_t began = fly_now();
    for (int i = 0; i < APPENDS; i++) {
        must(fly_wal_append(wal, 1, 1, 0, &piece, 1, NULL, NULL, &err), &err);
    }
    line("append_100", APPENDS, fly_now() - began, RECORD);
    must(fly_wal_flush(wal, fly_wal_next(wal), FLY_DURABILITY_FULL, &err), &err);
}

/* All that bench_append() left: what a replay does before it does anything with a record. */
static void bench_read(fly_env *env, const char *dir, fly_wal *wal)
{
    fly_err err = {0};
    fly_wal_reader *reader = NULL;
    fly_wal_record record;
    uint64_t count = 0;
    uint64_t began = fly_now();
    must(fly_wal_reader_open(env, dir, wal, NULL, NULL, 0, &reader, &err), &err);
    fly_status status;
    while ((status = fly_wal_reader_next(reader, &record, &err)) == FLY_OK) {
        count++;
    }
    must(status == FLY_E_END ? FLY_OK : status, &err);
    line("read_100", count, fly_now() - began, RECORD);
    fly_wal_reader_close(reader);
}

struct committer {
    fly_thread thread;
    fly_wal *wal;
    uint64_t until;
    uint64_t commits;
};

static void commit_until(void *arg)
{
    struct committer *self = arg;
    fly_err err = {0};
    fly_bytes piece = fly_bytes_of(payload, sizeof payload);
    while (fly_now() < self->until) {
        uint64_t end;
        must(fly_wal_append(self->wal, 1, 1, 0, &piece, 1, NULL, &end, &err), &err);
        must(fly_wal_flush(self->wal, end, FLY_DURABILITY_FULL, &err), &err);
        self->commits++;
    }
}

static void bench_commit(fly_wal *wal, int threads)
{
    fly_err err = {0};
    static struct committer committers[THREADS_MAX];
    uint64_t began = fly_now();
    for (int i = 0; i < threads; i++) {
        committers[i] = (struct committer){.wal = wal, .until = began + 2 * (uint64_t)SECOND};
        must(fly_thread_start(fly_sched_os(), &committers[i].thread, "committer", commit_until,
                              &committers[i], &err),
             &err);
    }
    uint64_t commits = 0;
    for (int i = 0; i < threads; i++) {
        fly_thread_join(&committers[i].thread);
        commits += committers[i].commits;
    }
    char name[32];
    (void)snprintf(name, sizeof name, "commit_full_t%d", threads);
    line(name, commits, fly_now() - began, RECORD);
}

static void run(const char *dir, uint32_t in_flight)
{
    fly_env env;
    fly_err err = {0};
    fly_wal *wal = NULL;
    fly_env_init(&env);
    fly_wal_options options = {.in_flight = in_flight};
    must(fly_wal_open(&env, dir, &options, &wal, &err), &err);
    bench_burst(wal);
    bench_append(wal);
    bench_read(&env, dir, wal);
    fly_wal_retire(wal, fly_wal_next(wal));
    for (int threads = 1; threads <= THREADS_MAX; threads *= 2) {
        bench_commit(wal, threads);
        fly_wal_retire(wal, fly_wal_next(wal));
        fly_wal_stats stats;
        fly_wal_get_stats(wal, &stats);
        (void)printf("# writes %llu, bytes %llu, in flight %u\n", (unsigned long long)stats.writes,
                     (unsigned long long)stats.bytes, stats.in_flight);
    }
    must(fly_wal_close(wal, &err), &err);
}

int main(int argc, char **argv)
{
    uint32_t in_flight = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    if (argc > 1) {
        run(argv[1], in_flight);
        return 0;
    }
    char dir[] = "bench_wal.XXXXXX";
    fly_err err = {0};
    if (mkdtemp(dir) == NULL) {
        (void)fprintf(stderr, "bench_wal: could not make a directory\n");
        return 1;
    }
    run(dir, in_flight);
    must(fly_vfs_remove_tree(fly_vfs_posix(), dir, &err), &err);
    return 0;
}
