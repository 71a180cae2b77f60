/*
 * Goal: whenever power goes, and whatever the disk loses of what it was not told to keep, a log opens
 * with everything that was acknowledged as durable, in order and unchanged, and behind it at most a
 * first part of what was appended since. What recovery found once, it finds again, also if power goes
 * while it recovers. Nothing that a crash leaves is taken for damage.
 * Method: random work under the simulated scheduler, so that the background thread and several writers
 * are in the middle of anything; power goes in the middle of every call that changes the disk, in each
 * way of losing (base_fault.h), and once more while the log is opened. Then the same work with every
 * operation failing once.
 *
 * A short run takes every n-th of these calls; FLY_TEST_ROUNDS=30 takes all.
 */
#include "wal_world.h"

enum { WRITERS = 3, RECORDS_MAX = 4000, LENGTH_MAX = 9000 };

/* ---------------------------------------------------------------------------- the model */

/* What one writer has appended, and what it knows to be durable. */
struct line {
    uint64_t lsn[RECORDS_MAX];
    uint32_t appended;
    uint32_t acknowledged;
};

/* A piece of work, and how it goes about it. */
struct sweep {
    const char *name;
    uint32_t lives;
    uint32_t records; /* of each writer in each life */
    uint32_t writers;
    uint32_t in_flight;
    uint32_t length_max;
    uint64_t stride; /* of the calls that are cut in a short run */
    bool buffered;
    bool retires;
    bool rolls; /* only with one writer: nobody may append meanwhile */

    uint64_t seed;
    fly_rng rng;
    fly_wal *wal;
    fly_atomic_u64 retired; /* nothing from here on may be missing */
    struct line lines[WRITERS];
    uint64_t recoveries;
    bool may_fail; /* faults are about: calls may fail, and then the life ends */
};

static void wrong(const struct sweep *sweep, const char *what, uint64_t lsn, const fly_err *err)
{
    (void)fprintf(stderr, "%s, seed %" PRIu64 ": %s at %" PRIu64 ": %s\n", sweep->name, sweep->seed,
                  what, lsn, err != NULL ? err->message : "");
    abort();
}

static void must(const struct sweep *sweep, fly_status status, const fly_err *err)
{
    if (status != FLY_OK) {
        wrong(sweep, fly_status_name(status), 0, err);
    }
}

static uint32_t id_of(uint32_t writer, uint32_t record)
{
    return writer << 24 | record;
}

static size_t length_of(const struct sweep *sweep, uint32_t id)
{
    uint64_t x = fly_hash_u64(id + sweep->seed);
    uint64_t most = x % 8 == 0 ? sweep->length_max : 120;
    return 4 + (size_t)(x / 8 % most);
}

/* A replay that is held against the model. */
struct seen {
    const struct sweep *sweep;
    uint32_t next[WRITERS]; /* the record that each writer's next one must be */
    bool known[WRITERS];
    uint64_t last;
    uint64_t count;
};

static fly_status see(void *ctx, const fly_wal_record *record, fly_err *err)
{
    struct seen *seen = ctx;
    const struct sweep *sweep = seen->sweep;
    (void)err;
    uint32_t writer = record->manager - 1u;
    if (record->lsn <= seen->last || writer >= sweep->writers || record->payload.len < 4) {
        wrong(sweep, "a strange record", record->lsn, NULL);
    }
    uint32_t id = fly_get_u32(record->payload.data);
    uint32_t number = id & 0xffffff;
    if (!seen->known[writer]) { /* what comes before may have been retired */
        seen->next[writer] = number;
        seen->known[writer] = true;
    }
    if (id != id_of(writer, seen->next[writer]) || record->payload.len != length_of(sweep, id) ||
        !is_payload(id, record->payload)) {
        wrong(sweep, "another record", record->lsn, NULL);
    }
    const struct line *line = &sweep->lines[writer];
    if (number < line->appended && line->lsn[number] != record->lsn) {
        wrong(sweep, "a record elsewhere", record->lsn, NULL);
    }
    seen->next[writer]++;
    seen->last = record->lsn;
    seen->count++;
    return FLY_OK;
}

/* What was replayed begins before what may be missing, has all that was acknowledged, and no gap. */
static void judge(const struct seen *seen, uint64_t first)
{
    const struct sweep *sweep = seen->sweep;
    uint64_t retired = fly_load_u64(&sweep->retired);
    if (retired != 0 && first > retired) {
        wrong(sweep, "the log begins too late", first, NULL);
    }
    for (uint32_t i = 0; i < sweep->writers; i++) {
        const struct line *line = &sweep->lines[i];
        uint32_t next = seen->next[i];
        if (!seen->known[i]) { /* all of them may have been retired */
            while (next < line->appended && line->lsn[next] < first) {
                next++;
            }
        }
        if (next < line->acknowledged) {
            wrong(sweep, "a durable record is not there", line->lsn[next], NULL);
        }
        if (next < line->appended && line->lsn[next] < seen->last) {
            wrong(sweep, "records behind a gap", line->lsn[next], NULL);
        }
    }
}

static fly_wal_options options_of(const struct sweep *sweep, struct seen *seen)
{
    *seen = (struct seen){.sweep = sweep};
    fly_wal_options options = tiny;
    options.in_flight = sweep->in_flight;
    options.buffered = sweep->buffered;
    options.async_ms = 1;
    options.replay = see;
    options.replay_ctx = seen;
    return options;
}

/* ------------------------------------------------------------------------------ the work */

struct writer {
    struct sweep *sweep;
    uint32_t number;
    fly_rng rng;
    fly_thread thread;
};

/* Records, some of them made durable, until the life ends. */
static void write_records(void *arg)
{
    struct writer *self = arg;
    struct sweep *sweep = self->sweep;
    struct line *line = &sweep->lines[self->number];
    uint8_t payload[LENGTH_MAX];
    fly_err err = {0};
    for (uint32_t i = 0; i < sweep->records; i++) {
        uint32_t number = line->appended;
        uint32_t id = id_of(self->number, number);
        size_t len = length_of(sweep, id);
        fill_payload(id, payload, len);
        fly_bytes piece = fly_bytes_of(payload, len);
        uint64_t end;
        FLY_ASSERT(number < RECORDS_MAX);
        fly_status status = fly_wal_append(sweep->wal, (uint8_t)(self->number + 1), 1, 0, &piece, 1,
                                           &line->lsn[number], &end, &err);
        if (status != FLY_OK && sweep->may_fail) {
            return;
        }
        must(sweep, status, &err);
        line->appended = number + 1;
        uint64_t what = fly_rng_below(&self->rng, 8);
        if (what < 3) {
            status = fly_wal_flush(sweep->wal, end, FLY_DURABILITY_FULL, &err);
            if (status == FLY_OK) {
                line->acknowledged = number + 1;
            } else if (!sweep->may_fail) {
                must(sweep, status, &err);
            }
        } else if (what == 3) {
            status = fly_wal_flush(sweep->wal, end, FLY_DURABILITY_ASYNC, &err);
            must(sweep, sweep->may_fail ? FLY_OK : status, &err);
        } else if (what == 4 && sweep->retires && line->acknowledged > 0 && self->number == 0) {
            uint64_t to = line->lsn[line->acknowledged - 1];
            for (uint32_t other = 1; other < sweep->writers; other++) {
                const struct line *theirs = &sweep->lines[other];
                uint64_t lsn = theirs->acknowledged > 0 ? theirs->lsn[theirs->acknowledged - 1] : 0;
                to = lsn < to ? lsn : to;
            }
            fly_store_u64(&sweep->retired, to);
            fly_wal_retire(sweep->wal, to);
        } else if (what == 5 && sweep->rolls && i % 5 == 0) {
            status = fly_wal_roll(sweep->wal, &err);
            if (status == FLY_OK) {
                line->acknowledged = number + 1;
            } else if (!sweep->may_fail) {
                must(sweep, status, &err);
            }
        }
    }
}

/* What a new life finds is all there is: forget the rest. */
static void forget(struct sweep *sweep, const struct seen *seen)
{
    for (uint32_t i = 0; i < sweep->writers; i++) {
        struct line *line = &sweep->lines[i];
        uint32_t next = seen->known[i] ? seen->next[i] : line->acknowledged;
        line->appended = next;
        line->acknowledged = next;
    }
}

static fly_status live(struct sweep *sweep, fly_sim_env *world)
{
    struct seen seen;
    struct writer writers[WRITERS];
    fly_err err = {0};
    fly_wal_options options = options_of(sweep, &seen);
    fly_status status = fly_wal_open(&world->env, DIR, &options, &sweep->wal, &err);
    if (status != FLY_OK && sweep->may_fail) {
        return status;
    }
    must(sweep, status, &err);
    judge(&seen, fly_wal_first(sweep->wal));
    forget(sweep, &seen);
    for (uint32_t i = 0; i < sweep->writers; i++) {
        writers[i] = (struct writer){.sweep = sweep, .number = i};
        fly_rng_init(&writers[i].rng, fly_rng_next(&sweep->rng));
        if (i > 0) {
            must(sweep,
                 fly_thread_start(world->env.sched, &writers[i].thread, "writer", write_records,
                                  &writers[i], &err),
                 &err);
        }
    }
    write_records(&writers[0]);
    for (uint32_t i = 1; i < sweep->writers; i++) {
        fly_thread_join(&writers[i].thread);
    }
    if (fly_wal_is_stopped(sweep->wal)) {
        status = FLY_E_STOPPED;
    }
    if (fly_rng_below(&sweep->rng, 2) == 0) {
        fly_wal_abandon(sweep->wal);
    } else {
        fly_status closed = fly_wal_close(sweep->wal, &err);
        must(sweep, sweep->may_fail ? FLY_OK : closed, &err);
        for (uint32_t i = 0; i < sweep->writers && closed == FLY_OK; i++) {
            sweep->lines[i].acknowledged = sweep->lines[i].appended;
        }
        status = closed == FLY_OK ? status : closed;
    }
    return status;
}

static void begin(struct sweep *sweep, fly_sim_env *world)
{
    fly_err err = {0};
    memset(sweep->lines, 0, sizeof sweep->lines);
    fly_store_u64(&sweep->retired, 0);
    fly_rng_init(&sweep->rng, sweep->seed);
    fly_status status = fly_vfs_make_dir(world->env.vfs, DIR, &err);
    status = status == FLY_OK ? fly_vfs_sync_dir(world->env.vfs, ".", &err) : status;
    must(sweep, sweep->may_fail ? FLY_OK : status, &err);
}

static fly_status work(fly_sim_env *world, void *ctx)
{
    struct sweep *sweep = ctx;
    begin(sweep, world);
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < sweep->lives && status == FLY_OK; i++) {
        status = live(sweep, world);
    }
    if (!sweep->may_fail) {
        (void)fprintf(stderr,
                      "%s, seed %" PRIu64 ": %" PRIu64 " calls change the disk, %" PRIu64
                      " recoveries\n",
                      sweep->name, sweep->seed, fly_sim_disk_calls(world->disk, FLY_SIM_CHANGES),
                      sweep->recoveries);
    }
    return status;
}

static void ignore_name(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
}

/* Open what survived; and again, after power went once more: what a replay handed out must not be lost
 * by then, even if it had only been in the system's cache. */
static void recovered(fly_sim_env *world, void *ctx)
{
    struct sweep *sweep = ctx;
    struct seen first;
    struct seen second;
    fly_err err = {0};
    fly_wal *wal = NULL;
    sweep->recoveries++;
    if (fly_vfs_list(world->env.vfs, DIR, ignore_name, NULL, &err) == FLY_E_NOT_FOUND) {
        FLY_ASSERT(sweep->lines[0].acknowledged == 0);
        return; /* the directory was not made yet */
    }
    fly_wal_options options = options_of(sweep, &first);
    must(sweep, fly_wal_open(&world->env, DIR, &options, &wal, &err), &err);
    judge(&first, fly_wal_first(wal));
    fly_wal_abandon(wal);
    fly_sim_disk_crash(world->disk, FLY_SIM_KEEP_NONE, 1);
    options = options_of(sweep, &second);
    must(sweep, fly_wal_open(&world->env, DIR, &options, &wal, &err), &err);
    judge(&second, fly_wal_first(wal));
    /* A segment that was let go may come back, if the sync of its going failed. */
    if (second.count < first.count || second.last != first.last) {
        wrong(sweep, "what was found is not found again", first.last, NULL);
    }
    fly_wal_abandon(wal);
}

static struct sweep sweeps[] = {
    {.name = "one write at a time", .in_flight = 1, .stride = 17},
    {.name = "adapting", .in_flight = 0, .stride = 29},
    {.name = "several writes at a time", .in_flight = 4, .writers = 3, .stride = 17},
    {.name = "long records", .in_flight = 2, .length_max = 9000, .stride = 29},
    {.name = "through the cache", .in_flight = 1, .buffered = true, .writers = 2, .stride = 29},
    {.name = "without direct writes", .in_flight = 4, .writers = 2, .stride = 29},
    {.name = "short lives", .in_flight = 1, .lives = 12, .records = 6, .stride = 23},
};

static void fill_in(struct sweep *sweep)
{
    sweep->lives = sweep->lives != 0 ? sweep->lives : 3;
    sweep->writers = sweep->writers != 0 ? sweep->writers : 1;
    sweep->records = sweep->records != 0 ? sweep->records : 160 / sweep->writers;
    sweep->length_max = sweep->length_max != 0 ? sweep->length_max : 4000;
    sweep->retires = true;
    sweep->rolls = sweep->writers == 1;
}

START_TEST(after_any_crash_there_is_what_was_acknowledged)
{
    struct sweep *sweep = &sweeps[_i];
    fill_in(sweep);
    bool direct = strcmp(sweep->name, "without direct writes") != 0;
    uint64_t seeds = (fly_test_rounds(1) + 9) / 10;
    for (sweep->seed = 1; sweep->seed <= seeds; sweep->seed++) {
        fly_test_crash_options options = {.stride = sweep->stride, .seeds = 1, .threads = true};
        options.world.seed = sweep->seed;
        options.world.disk.direct = direct;
        ck_assert(fly_test_each_crash(sweep->name, &options, work, recovered, sweep));
    }
}
END_TEST

/* What is behind the end is cut off one segment at a time: whenever power goes, there is no gap. */
static struct book dead;

enum { DEAD_FROM = 5 };

static fly_status end_early(void *ctx, const fly_wal_record *record, fly_err *err)
{
    (void)ctx;
    (void)err;
    return record->lsn == dead.notes[DEAD_FROM].lsn ? FLY_E_END : FLY_OK;
}

static fly_status cut(fly_sim_env *world, void *ctx)
{
    fly_err err = {0};
    fly_wal *wal = NULL;
    (void)ctx;
    dead.count = 0;
    fly_status status = fly_vfs_make_dir(world->env.vfs, DIR, &err);
    status = status == FLY_OK ? fly_vfs_sync_dir(world->env.vfs, ".", &err) : status;
    status = status == FLY_OK ? fly_wal_open(&world->env, DIR, &tiny, &wal, &err) : status;
    while (status == FLY_OK && fly_wal_next(wal) / SMALL < 4) {
        status = book_append(&dead, wal, 9000, 0, &err);
        status = status == FLY_OK ? book_flush(&dead, wal, UINT64_MAX, &err) : status;
    }
    fly_wal_abandon(wal);
    fly_wal_options options = tiny;
    options.replay = end_early;
    wal = NULL;
    status = status == FLY_OK ? fly_wal_open(&world->env, DIR, &options, &wal, &err) : status;
    fly_wal_abandon(wal);
    return status;
}

static void opens(fly_sim_env *world, void *ctx)
{
    static const struct sweep sweep = {.name = "cutting"};
    fly_err err = {0};
    fly_wal *wal = NULL;
    fly_wal_options options = tiny;
    (void)ctx;
    if (dead.count <= DEAD_FROM) {
        return;
    }
    options.replay = end_early;
    must(&sweep, fly_wal_open(&world->env, DIR, &options, &wal, &err), &err);
    fly_wal_abandon(wal);
}

START_TEST(a_crash_while_what_is_dead_is_cut_off_leaves_no_gap)
{
    fly_test_crash_options options = {.threads = true, .seeds = 3};
    options.world.disk.direct = true;
    ck_assert(fly_test_each_crash("cutting", &options, cut, opens, NULL));
}
END_TEST

/* The work of the sweeps, with every allocation and every call of the disk failing. */
static struct sweep faults[] = {
    {.name = "faults", .in_flight = 1, .lives = 2, .records = 60},
    {.name = "faults, several writes", .in_flight = 4, .lives = 2, .records = 30, .writers = 2},
    {.name = "faults, through the cache",
     .in_flight = 1,
     .lives = 2,
     .records = 60,
     .buffered = true},
};

START_TEST(after_any_failure_there_is_what_was_acknowledged)
{
    struct sweep *sweep = &faults[_i];
    fill_in(sweep);
    sweep->may_fail = true;
    sweep->seed = 1;
    fly_test_fault_options options = {.threads = true, .stride = 11};
    options.world.disk.direct = true;
    ck_assert(fly_test_each_fault(sweep->name, &options, work, recovered, sweep));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crash");
    TCase *tests = fly_test_case(suite, "power");
    tcase_set_timeout(tests, 0);
    tcase_add_loop_test(tests, after_any_crash_there_is_what_was_acknowledged, 0,
                        sizeof sweeps / sizeof sweeps[0]);
    tcase_add_test(tests, a_crash_while_what_is_dead_is_cut_off_leaves_no_gap);

    TCase *failing = fly_test_case(suite, "faults");
    tcase_set_timeout(failing, 0);
    tcase_add_loop_test(failing, after_any_failure_there_is_what_was_acknowledged, 0,
                        sizeof faults / sizeof faults[0]);
    return fly_test_run(suite);
}
