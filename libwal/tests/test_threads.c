/*
 * Goal: many threads append, flush, follow and retire at the same time, and the log is as if they had
 * taken turns: every record once, each thread's in its order, what was acknowledged durable.
 * Method: the same work twice: interleaved by seeds at every marked point, random and PCT, so that a
 * failure can be run again; and by real threads, for ThreadSanitizer. A reader follows the live end
 * meanwhile; afterwards power goes, and a replay must find what had been acknowledged.
 */
#include "wal_world.h"

enum { WRITERS_MAX = 8, RECORDS_MAX = 20000, LENGTH_MAX = 6000, SECOND = 1000000000 };

struct work;

struct writer {
    fly_thread thread;
    struct work *work;
    uint32_t number;
    uint32_t acknowledged; /* records 0 to acknowledged - 1 are durable */
};

/* What to do, and what came of it. */
struct work {
    fly_sim_env world;
    fly_wal_options options;
    uint32_t writers;
    uint32_t records;     /* of each writer */
    uint32_t flush_every; /* records */
    bool retire;
    uint64_t seed;
    uint64_t archived; /* segments before this were; only the log's own thread looks at it */
    uint64_t archive_calls;

    fly_wal *wal;
    struct writer writer[WRITERS_MAX];
    fly_atomic_u32 writing; /* writers that are not done */
    /* Of who follows, or replays: */
    uint32_t expected[WRITERS_MAX]; /* each writer's next record */
    bool known[WRITERS_MAX];        /* whether `expected` says which */
    uint64_t last_lsn;
};

static void must(fly_status status, const fly_err *err)
{
    if (status != FLY_OK) {
        (void)fprintf(stderr, "%s: %s\n", fly_status_name(status), err->message);
        abort();
    }
}

static uint32_t id_of(uint32_t writer, uint32_t record)
{
    return writer << 24 | record;
}

static size_t length_of(uint32_t id)
{
    uint64_t x = fly_hash_u64(id);
    return 4 + (size_t)(x % 16 == 0 ? x / 16 % (LENGTH_MAX - 4) : x / 16 % 300);
}

/* ----------------------------------------------------------------------------- threads */

static void write_records(void *arg)
{
    struct writer *self = arg;
    struct work *work = self->work;
    uint8_t payload[LENGTH_MAX];
    fly_err err = {0};
    uint64_t lsn = 0;
    for (uint32_t i = 0; i < work->records; i++) {
        uint32_t id = id_of(self->number, i);
        size_t len = length_of(id);
        fill_payload(id, payload, len);
        fly_bytes piece = fly_bytes_of(payload, len);
        uint64_t before = lsn;
        uint64_t end;
        must(fly_wal_append(work->wal, (uint8_t)(self->number + 1), 1, 0, &piece, 1, &lsn, &end,
                            &err),
             &err);
        FLY_ASSERT(lsn > before);
        if ((i + self->number) % work->flush_every == 0) {
            must(fly_wal_flush(work->wal, end, FLY_DURABILITY_FULL, &err), &err);
            FLY_ASSERT(fly_wal_durable(work->wal) >= end);
            self->acknowledged = i + 1;
        }
        if (work->retire && i % 16 == 15) {
            fly_wal_retire(work->wal, before);
        }
    }
    (void)fly_sub_u32(&work->writing, 1);
}

/* A record must be the next one of its writer. */
static fly_status expect(void *ctx, const fly_wal_record *record, fly_err *err)
{
    struct work *work = ctx;
    (void)err;
    FLY_ASSERT(record->lsn > work->last_lsn);
    work->last_lsn = record->lsn;
    FLY_ASSERT(record->manager >= 1);
    FLY_ASSERT(record->manager <= work->writers);
    uint32_t writer = record->manager - 1u;
    FLY_ASSERT(record->payload.len >= 4);
    uint32_t id = fly_get_u32(record->payload.data);
    if (!work->known[writer]) { /* what comes before may have been retired */
        work->expected[writer] = id & 0xffffff;
        work->known[writer] = true;
    }
    FLY_ASSERT(id == id_of(writer, work->expected[writer]));
    FLY_ASSERT(record->payload.len == length_of(id));
    FLY_ASSERT(is_payload(id, record->payload));
    work->expected[writer]++;
    return FLY_OK;
}

/* Before a reader or a replay begins. */
static void expect_the_first(struct work *work)
{
    for (uint32_t i = 0; i < WRITERS_MAX; i++) {
        work->expected[i] = 0;
        work->known[i] = !work->retire;
    }
    work->last_lsn = 0;
}

/* Read what becomes durable, as it does. */
static void follow(void *arg)
{
    struct work *work = arg;
    fly_err err = {0};
    fly_wal_reader *reader = NULL;
    must(fly_wal_reader_open(&work->world.env, DIR, work->wal, NULL, NULL, 0, &reader, &err), &err);
    for (;;) {
        bool last_round = fly_load_u32(&work->writing) == 0;
        fly_wal_record record;
        fly_status status;
        while ((status = fly_wal_reader_next(reader, &record, &err)) == FLY_OK) {
            FLY_ASSERT(record.end <= fly_wal_durable(work->wal));
            must(expect(work, &record, &err), &err);
        }
        must(status == FLY_E_END ? FLY_OK : status, &err);
        if (last_round) {
            break;
        }
        status =
            fly_wal_wait(work->wal, fly_wal_reader_position(reader), fly_now() + 1000000, &err);
        must(status == FLY_E_TIMEOUT ? FLY_OK : status, &err);
    }
    fly_wal_reader_close(reader);
}

/* Each segment once, in order, while it is there; every third call fails. */
static fly_status archive(void *ctx, const char *path, uint64_t segment, fly_err *err)
{
    struct work *work = ctx;
    FLY_ASSERT(fly_vfs_exists(work->world.env.vfs, path));
    if (work->archive_calls++ % 3 == 2) {
        return fly_err_set(err, FLY_E_IO, "the tape is full");
    }
    FLY_ASSERT(segment == work->archived);
    work->archived = segment + 1;
    return FLY_OK;
}

/* -------------------------------------------------------------------------- the work */

static void run(struct work *work)
{
    fly_env *env = &work->world.env;
    fly_err err = {0};
    fly_thread follower;
    must(fly_wal_open(env, DIR, &work->options, &work->wal, &err), &err);
    expect_the_first(work);
    fly_store_u32(&work->writing, work->writers);
    for (uint32_t i = 0; i < work->writers; i++) {
        work->writer[i] = (struct writer){.work = work, .number = i};
        must(fly_thread_start(env->sched, &work->writer[i].thread, "writer", write_records,
                              &work->writer[i], &err),
             &err);
    }
    must(fly_thread_start(env->sched, &follower, "follower", follow, work, &err), &err);
    for (uint32_t i = 0; i < work->writers; i++) {
        fly_thread_join(&work->writer[i].thread);
    }
    fly_thread_join(&follower);
    fly_wal_stats stats = stats_of(work->wal);
    FLY_ASSERT(stats.in_flight >= 1);
    fly_wal_abandon(work->wal);
    work->wal = NULL;
}

/* Power goes, and everything that was acknowledged is replayed. */
static void replay(struct work *work)
{
    fly_err err = {0};
    fly_sim_disk_crash(work->world.disk, (fly_sim_survival)(work->seed % FLY_SIM_SURVIVALS),
                       work->seed);
    expect_the_first(work);
    work->options.replay = expect;
    work->options.replay_ctx = work;
    must(fly_wal_open(&work->world.env, DIR, &work->options, &work->wal, &err), &err);
    for (uint32_t i = 0; i < work->writers; i++) {
        FLY_ASSERT(!work->known[i] || work->expected[i] >= work->writer[i].acknowledged);
    }
    must(fly_wal_close(work->wal, &err), &err);
}

/* What the seed says. */
static void choose(struct work *work, uint64_t seed, uint32_t records)
{
    static const uint32_t in_flight[] = {0, 1, 2, 4, 16};
    fly_rng rng;
    fly_rng_init(&rng, seed);
    *work = (struct work){.seed = fly_rng_next(&rng)};
    work->options = tiny;
    work->options.in_flight = in_flight[fly_rng_below(&rng, 5)];
    work->options.async_ms = 1;
    work->options.buffered = fly_rng_below(&rng, 4) == 0;
    work->writers = (uint32_t)(1 + fly_rng_below(&rng, 5));
    work->records = records;
    work->flush_every = 1 + (uint32_t)fly_rng_below(&rng, 8);
    work->retire = fly_rng_below(&rng, 2) == 0;
    if (work->retire) {
        work->options.archive = archive;
        work->options.archive_ctx = work;
    }
}

static struct work shared;

/* Under a simulated scheduler, which runs this function. The first seed that is free decides. */
static void simulated(void *arg)
{
    (void)arg;
    static uint64_t seed;
    seed++;
    choose(&shared, seed, 60);
    world_init(&shared.world, &(fly_sim_env_options){.seed = seed, .disk.direct = true});
    shared.world.env.sched = fly_sched_current();
    run(&shared);
    replay(&shared);
    fly_sim_env_deinit(&shared.world);
}

START_TEST(every_interleaving_gives_one_log)
{
    ck_assert(fly_sim_for_each_seed("threads on a log", 60, simulated, NULL));
}
END_TEST

static void real(void *ctx, uint64_t seed)
{
    (void)ctx;
    choose(&shared, seed, 3000);
    world_init(&shared.world, &(fly_sim_env_options){.seed = seed, .disk.direct = true});
    run(&shared);
    replay(&shared);
    fly_sim_env_deinit(&shared.world);
}

START_TEST(threads_at_the_same_time_give_one_log)
{
    ck_assert(fly_test_seeds("real threads on a log", 8, real, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    TCase *tests = fly_test_case(suite, "threads");
    tcase_add_test(tests, every_interleaving_gives_one_log);
    tcase_add_test(tests, threads_at_the_same_time_give_one_log);
    return fly_test_run(suite);
}
