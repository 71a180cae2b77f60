/*
 * Goal: who waits for the same write shares it; several writes are under way at a time where that is
 * allowed, and what is durable grows over their unbroken part only; a write that fails stops the log,
 * and whoever waits hears of it.
 * Method: a gate in front of the simulated disk holds back chosen writes, so that each order in which
 * writes can come back is a test of its own; what is on the medium meanwhile is looked at in copies.
 */
#include "wal_world.h"

#include <errno.h>

enum { WRITES_MAX = 64, WAITERS = 16 };

/* ---------------------------------------------------------------------------- the gate */

/* A vfs that passes everything on, but durable writes only when they are let through. */
struct gate {
    fly_vfs vfs;
    fly_vfs *inner;
    fly_atomic_u32 armed;                /* writes are held back */
    fly_atomic_u32 began;                /* writes that have come to the gate since */
    fly_atomic_u32 ended;                /* and have come back */
    fly_atomic_u32 verdicts[WRITES_MAX]; /* of each: HELD, PASSES, FAILS */
    fly_atomic_u32 bytes[WRITES_MAX];
};

enum { HELD = 0, PASSES = 1, FAILS = 2 };

struct gate_file {
    fly_file file;
    fly_file *inner;
    struct gate *gate;
};

static fly_file *inner_of(fly_file *file)
{
    return ((struct gate_file *)file)->inner;
}

static int64_t gate_readv(fly_file *file, uint64_t offset, const fly_iovec *parts, int count)
{
    return inner_of(file)->ops->readv(inner_of(file), offset, parts, count);
}

static int64_t gate_writev(fly_file *file, uint64_t offset, const fly_iovec *parts, int count,
                           unsigned flags)
{
    struct gate *gate = ((struct gate_file *)file)->gate;
    fly_file *inner = inner_of(file);
    if ((flags & FLY_WRITE_DURABLE) == 0 || fly_load_u32(&gate->armed) == 0) {
        return inner->ops->writev(inner, offset, parts, count, flags);
    }
    uint32_t number = fly_add_u32(&gate->began, 1);
    FLY_ASSERT(number < WRITES_MAX);
    size_t bytes = 0;
    for (int i = 0; i < count; i++) {
        bytes += parts[i].len;
    }
    fly_store_u32(&gate->bytes[number], (uint32_t)bytes);
    fly_atomic_u32 *verdict = &gate->verdicts[number];
    while (fly_load_u32(verdict) == HELD) {
        (void)fly_park(verdict, HELD, FLY_FOREVER, "a gate");
    }
    int64_t result = -EIO;
    if (fly_load_u32(verdict) == PASSES) {
        result = inner->ops->writev(inner, offset, parts, count, flags);
    }
    (void)fly_add_u32(&gate->ended, 1);
    return result;
}

static int gate_sync(fly_file *file)
{
    return inner_of(file)->ops->sync(inner_of(file));
}

static int64_t gate_size(fly_file *file)
{
    return inner_of(file)->ops->size(inner_of(file));
}

static int gate_close(fly_file *file)
{
    int result = inner_of(file)->ops->close(inner_of(file));
    free(file);
    return result;
}

static const fly_file_ops gate_ops = {
    .readv = gate_readv,
    .writev = gate_writev,
    .sync = gate_sync,
    .sync_data = gate_sync,
    .size = gate_size,
    .close = gate_close,
};

static struct gate *gate_of(fly_vfs *vfs)
{
    return (struct gate *)vfs;
}

static int gate_open(fly_vfs *vfs, const char *path, unsigned flags, fly_file **file)
{
    fly_vfs *inner = gate_of(vfs)->inner;
    struct gate_file *opened = malloc(sizeof *opened);
    FLY_ASSERT(opened != NULL);
    *opened = (struct gate_file){.gate = gate_of(vfs)};
    int result = inner->open(inner, path, flags, &opened->inner);
    if (result < 0) {
        free(opened);
        return result;
    }
    opened->file =
        (fly_file){.ops = &gate_ops, .path = opened->inner->path, .direct = opened->inner->direct};
    *file = &opened->file;
    return 0;
}

static int gate_rename(fly_vfs *vfs, const char *from, const char *to)
{
    return gate_of(vfs)->inner->rename(gate_of(vfs)->inner, from, to);
}

static int gate_remove(fly_vfs *vfs, const char *path)
{
    return gate_of(vfs)->inner->remove(gate_of(vfs)->inner, path);
}

static int gate_sync_dir(fly_vfs *vfs, const char *path)
{
    return gate_of(vfs)->inner->sync_dir(gate_of(vfs)->inner, path);
}

static int gate_list(fly_vfs *vfs, const char *path, void (*each)(void *ctx, const char *name),
                     void *ctx)
{
    return gate_of(vfs)->inner->list(gate_of(vfs)->inner, path, each, ctx);
}

static void *gate_map(fly_vfs *vfs, size_t size, unsigned flags)
{
    (void)vfs;
    return fly_vfs_map(fly_vfs_posix(), size, flags);
}

static void gate_unmap(fly_vfs *vfs, void *at, size_t size)
{
    (void)vfs;
    fly_vfs_unmap(fly_vfs_posix(), at, size);
}

static const fly_vfs gate_vfs = {
    .open = gate_open,
    .rename = gate_rename,
    .remove = gate_remove,
    .sync_dir = gate_sync_dir,
    .list = gate_list,
    .map = gate_map,
    .unmap = gate_unmap,
};

/* --------------------------------------------------------------------------- the tests */

static fly_sim_env world;
static struct gate gate;
static struct book book;
static fly_wal *wal;
static fly_err err;
static fly_wal_options options;

static void setup(void)
{
    memset(&err, 0, sizeof err);
    memset(&book, 0, sizeof book);
    options = tiny;
    options.in_flight = 4;
    world_init(&world, &(fly_sim_env_options){.disk.direct = true});
    gate = (struct gate){.vfs = gate_vfs, .inner = world.env.vfs};
    world.env.vfs = &gate.vfs;
}

static void teardown(void)
{
    fly_store_u32(&gate.armed, 0);
    fly_wal_abandon(wal);
    wal = NULL;
    fly_sim_env_deinit(&world);
}

static void open_log(void)
{
    FLY_CHECK_OK(book_open(&book, &world.env, &options, 0, &wal, &err), err);
}

static void append(size_t len)
{
    FLY_CHECK_OK(book_append(&book, wal, len, 0, &err), err);
}

static void patience(const fly_atomic_u32 *word, uint32_t wanted)
{
    for (int i = 0; i < 10000 && fly_load_u32(word) < wanted; i++) {
        fly_sleep(1000000);
    }
    ck_assert_uint_eq(fly_load_u32(word), wanted);
}

static void judge(uint32_t number, uint32_t verdict)
{
    fly_store_u32(&gate.verdicts[number], verdict);
    fly_unpark(&gate.verdicts[number], 1);
}

/* A thread that waits for what was appended when it began. */
struct waiter {
    fly_thread thread;
    uint64_t lsn;
    fly_atomic_u32 done;
    fly_status status;
    fly_err err;
};

static struct waiter waiters[WAITERS];

static void wait_for_flush(void *arg)
{
    struct waiter *self = arg;
    self->status = fly_wal_flush(wal, self->lsn, FLY_DURABILITY_FULL, &self->err);
    if (self->status == FLY_OK) {
        FLY_ASSERT(fly_wal_durable(wal) >= self->lsn);
    }
    fly_store_u32(&self->done, 1);
}

static void wait_for_growth(void *arg)
{
    struct waiter *self = arg;
    self->status = fly_wal_wait(wal, self->lsn, FLY_FOREVER, &self->err);
    fly_store_u32(&self->done, 1);
}

static void start(int number, void (*run)(void *arg))
{
    waiters[number] = (struct waiter){.lsn = fly_wal_next(wal)};
    FLY_CHECK_OK(fly_thread_start(world.env.sched, &waiters[number].thread, "waiter", run,
                                  &waiters[number], &err),
                 err);
}

static fly_status finish(int number)
{
    fly_thread_join(&waiters[number].thread);
    return waiters[number].status;
}

/* Append a record and let somebody wait for it; his write comes to the gate as number `write`. */
static void commit(int number, uint32_t write)
{
    append(200);
    start(number, wait_for_flush);
    patience(&gate.began, write + 1);
}

/* How many records a copy of the disk has, after power went. */
static size_t records_after_crash(fly_sim_survival survival)
{
    static struct book copy_of_book;
    copy_of_book = book;
    fly_sim_env copy;
    fly_wal *opened = NULL;
    fly_sim_env_init_with(&copy, NULL, fly_sim_disk_clone(world.disk));
    fly_sim_disk_crash(copy.disk, survival, 1);
    FLY_CHECK_OK(book_open(&copy_of_book, &copy.env, &options, 0, &opened, &err), err);
    fly_wal_abandon(opened);
    fly_sim_env_deinit(&copy);
    return copy_of_book.count;
}

START_TEST(as_many_writes_are_under_way_as_allowed_and_no_more)
{
    options.in_flight = (uint32_t)_i;
    open_log();
    fly_store_u32(&gate.armed, 1);
    for (int i = 0; i < _i; i++) {
        commit(i, (uint32_t)i);
    }
    append(200);
    start(_i, wait_for_flush);
    fly_sleep(20000000);
    ck_assert_uint_eq(fly_load_u32(&gate.began), options.in_flight);
    judge((uint32_t)_i, PASSES);
    for (int i = 0; i < _i; i++) {
        judge((uint32_t)i, PASSES);
    }
    for (int i = 0; i <= _i; i++) {
        ck_assert_int_eq(finish(i), FLY_OK);
    }
    ck_assert_uint_eq(fly_load_u32(&gate.began), options.in_flight + 1);
    ck_assert_uint_eq(fly_wal_durable(wal), fly_wal_next(wal));
}
END_TEST

START_TEST(through_the_cache_one_write_is_under_way)
{
    options.in_flight = 4;
    options.buffered = true;
    open_log();
    fly_store_u32(&gate.armed, 1);
    commit(0, 0);
    append(200);
    start(1, wait_for_flush);
    fly_sleep(20000000);
    ck_assert_uint_eq(fly_load_u32(&gate.began), 1);
    judge(0, PASSES);
    judge(1, PASSES);
    ck_assert_int_eq(finish(0), FLY_OK);
    ck_assert_int_eq(finish(1), FLY_OK);
}
END_TEST

/* With writes 0, 1, 2 under way: 1 and 2 come back, and nothing is durable before 0 has. */
START_TEST(durable_is_the_unbroken_part)
{
    open_log();
    uint64_t before = fly_wal_durable(wal);
    fly_store_u32(&gate.armed, 1);
    for (int i = 0; i < 3; i++) {
        commit(i, (uint32_t)i);
    }
    judge(2, PASSES);
    patience(&gate.ended, 1);
    judge(1, PASSES);
    patience(&gate.ended, 2);
    fly_sleep(10000000);
    ck_assert_uint_eq(fly_wal_durable(wal), before);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(fly_load_u32(&waiters[i].done), 0);
    }
    /* A crash now finds a hole with whole records behind it, which nobody was promised. */
    ck_assert_uint_eq(records_after_crash(FLY_SIM_KEEP_NONE), 0);
    judge(0, PASSES);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(finish(i), FLY_OK);
    }
    ck_assert_uint_eq(fly_wal_durable(wal), fly_wal_next(wal));
    ck_assert_uint_eq(records_after_crash(FLY_SIM_KEEP_NONE), 3);
}
END_TEST

START_TEST(durable_grows_with_each_write_that_comes_back_in_order)
{
    open_log();
    fly_store_u32(&gate.armed, 1);
    for (int i = 0; i < 3; i++) {
        commit(i, (uint32_t)i);
    }
    for (int i = 0; i < 3; i++) {
        judge((uint32_t)i, PASSES);
        ck_assert_int_eq(finish(i), FLY_OK);
        ck_assert_uint_ge(fly_wal_durable(wal), book.notes[i].end);
        ck_assert_uint_eq(records_after_crash(FLY_SIM_KEEP_NONE), (size_t)i + 1);
    }
}
END_TEST

/* Sixteen come while one write is under way: their records go in the next one, together. */
START_TEST(who_waits_at_the_same_time_shares_a_write)
{
    options.in_flight = 1;
    open_log();
    fly_store_u32(&gate.armed, 1);
    commit(0, 0);
    for (int i = 1; i < WAITERS; i++) {
        append(200);
        start(i, wait_for_flush);
    }
    fly_sleep(20000000);
    ck_assert_uint_eq(fly_load_u32(&gate.began), 1);
    judge(0, PASSES);
    judge(1, PASSES);
    for (int i = 0; i < WAITERS; i++) {
        ck_assert_int_eq(finish(i), FLY_OK);
    }
    ck_assert_uint_eq(fly_load_u32(&gate.began), 2);
    ck_assert_uint_ge(stats_of(wal).waits, WAITERS / 2); /* the others may have come too late */
}
END_TEST

/* Who waits for records that are being written starts no other write, though he might. */
START_TEST(what_is_being_written_is_not_written_again)
{
    open_log();
    fly_store_u32(&gate.armed, 1);
    commit(0, 0);
    start(1, wait_for_flush);
    start(2, wait_for_flush);
    fly_sleep(20000000);
    ck_assert_uint_eq(fly_load_u32(&gate.began), 1);
    judge(0, PASSES);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(finish(i), FLY_OK);
    }
    ck_assert_uint_eq(stats_of(wal).writes, 1); /* nor one of nothing */
}
END_TEST

/* One write at a time wants no pads: the last block is written again, longer. */
START_TEST(one_write_at_a_time_does_not_pad)
{
    options.in_flight = 1;
    open_log();
    fly_store_u32(&gate.armed, 1);
    for (uint32_t i = 0; i < 10; i++) {
        judge(i, PASSES);
        append(100);
        uint64_t next = fly_wal_next(wal);
        FLY_CHECK_OK(book_flush(&book, wal, next, &err), err);
        ck_assert_uint_eq(fly_wal_next(wal), next);
        ck_assert_uint_eq(fly_load_u32(&gate.bytes[i]), FLY_WAL_BLOCK);
    }
    ck_assert_uint_eq(book.notes[9].lsn, book.notes[8].end);
}
END_TEST

/* Where there is no room for a pad, the next write begins with the block that the last one ended in,
 * and has to wait for it. */
START_TEST(a_write_that_was_not_padded_is_waited_for)
{
    fly_status status;
    open_log();
    fly_sim_disk_set_capacity(world.disk, 3 * SMALL);
    do {
        status = book_append(&book, wal, 1000, 0, &err);
    } while (status == FLY_OK);
    FLY_CHECK((fly_status)status, FLY_E_NO_SPACE, err);
    FLY_CHECK_OK(book_flush(&book, wal, fly_wal_next(wal), &err), err);
    fly_store_u32(&gate.armed, 1);
    for (int i = 0; i < 2; i++) {
        FLY_CHECK_OK(book_append(&book, wal, 100, FLY_WAL_MUST, &err), err);
        start(i, wait_for_flush);
        patience(&gate.began, 1);
    }
    fly_sleep(20000000);
    ck_assert_uint_eq(fly_load_u32(&gate.began), 1);
    judge(0, PASSES);
    judge(1, PASSES);
    ck_assert_int_eq(finish(0), FLY_OK);
    ck_assert_int_eq(finish(1), FLY_OK);
    ck_assert_uint_eq(fly_load_u32(&gate.began), 2);
    fly_sim_disk_set_capacity(world.disk, 0); /* for opening the copy */
    ck_assert_uint_eq(records_after_crash(FLY_SIM_KEEP_NONE), book.count);
}
END_TEST

/* The records of one write may fill the rest of a segment, all of the next write the next one. */
START_TEST(a_write_ends_with_its_segment)
{
    options.in_flight = (uint32_t)_i;
    open_log();
    for (int i = 0; i < 36; i++) {
        append(1500);
    }
    FLY_CHECK_OK(book_flush(&book, wal, fly_wal_next(wal), &err), err);
    fly_store_u32(&gate.armed, 1);
    judge(0, PASSES);
    judge(1, PASSES);
    /* The background thread wrote too, and its pads may have filled the segment by now. */
    uint64_t within = fly_wal_next(wal) % SMALL;
    uint32_t wanted = within != 0 && within + FLY_WAL_HEADER + 8000 > SMALL ? 2 : 1;
    append(8000); /* usually does not fit any more */
    append(100);
    FLY_CHECK_OK(book_flush(&book, wal, fly_wal_next(wal), &err), err);
    ck_assert_uint_eq(fly_load_u32(&gate.began), wanted);
    ck_assert_uint_eq(records_after_crash(FLY_SIM_KEEP_NONE), 38);
}
END_TEST

/* ------------------------------------------------------------------------------ failure */

/* Of three writes under way one fails, whichever, in either order of coming back. */
START_TEST(a_write_that_fails_stops_the_log_and_everybody_hears_of_it)
{
    uint32_t failing = (uint32_t)_i % 3;
    bool first = _i >= 3; /* it comes back before the others */
    open_log();
    append(50);
    FLY_CHECK_OK(book_flush(&book, wal, fly_wal_next(wal), &err), err);
    fly_store_u32(&gate.armed, 1);
    for (int i = 0; i < 3; i++) {
        commit(i, (uint32_t)i);
    }
    append(50);
    start(3, wait_for_growth);
    if (first) {
        judge(failing, FAILS);
        patience(&gate.ended, 1);
    }
    for (uint32_t i = 0; i < 3; i++) {
        judge(i, i == failing ? FAILS : PASSES);
    }
    for (int i = 0; i < 4; i++) {
        fly_status status = finish(i);
        if (status == FLY_OK) { /* only what came back before it failed */
            ck_assert_int_lt(i, (int)failing);
            ck_assert(!first);
            book.durable = waiters[i].lsn;
        } else {
            FLY_CHECK((fly_status)status, FLY_E_STOPPED, waiters[i].err);
            FLY_CHECK_SAYS(waiters[i].err.message, "has stopped");
        }
    }
    ck_assert(fly_wal_is_stopped(wal));
    FLY_CHECK(fly_wal_flush(wal, fly_wal_next(wal), FLY_DURABILITY_FULL, &err), FLY_E_STOPPED, err);
    FLY_CHECK(fly_wal_flush(wal, fly_wal_next(wal), FLY_DURABILITY_ASYNC, &err), FLY_E_STOPPED,
              err);
    FLY_CHECK(book_append(&book, wal, 10, 0, &err), FLY_E_STOPPED, err);
    FLY_CHECK(fly_wal_wait(wal, fly_wal_next(wal), FLY_FOREVER, &err), FLY_E_STOPPED, err);
    fly_wal *stopped = wal;
    wal = NULL;
    FLY_CHECK(fly_wal_close(stopped, &err), FLY_E_STOPPED, err);
    fly_store_u32(&gate.armed, 0);
    ck_assert_uint_ge(records_after_crash(FLY_SIM_KEEP_NONE), durable_notes(&book));
    open_log();
    append(10);
    FLY_CHECK_OK(book_flush(&book, wal, fly_wal_next(wal), &err), err);
}
END_TEST

START_TEST(a_full_ring_hears_of_it_too)
{
    options.in_flight = 1;
    open_log();
    fly_store_u32(&gate.armed, 1);
    judge(0, FAILS);
    fly_status status;
    do {
        status = book_append(&book, wal, 3000, 0, &err);
    } while (status == FLY_OK);
    FLY_CHECK((fly_status)status, FLY_E_STOPPED, err);
}
END_TEST

START_TEST(an_async_promise_is_not_kept_by_a_stopped_log)
{
    options.async_ms = 1;
    open_log();
    fly_store_u32(&gate.armed, 1);
    judge(0, FAILS);
    append(100);
    FLY_CHECK_OK(fly_wal_flush(wal, fly_wal_next(wal), FLY_DURABILITY_ASYNC, &err), err);
    FLY_CHECK(fly_wal_wait(wal, fly_wal_next(wal) - 1, FLY_FOREVER, &err), FLY_E_STOPPED, err);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flush");
    TCase *tests = fly_test_case(suite, "writes");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, as_many_writes_are_under_way_as_allowed_and_no_more, 1, 5);
    tcase_add_test(tests, through_the_cache_one_write_is_under_way);
    tcase_add_test(tests, durable_is_the_unbroken_part);
    tcase_add_test(tests, durable_grows_with_each_write_that_comes_back_in_order);
    tcase_add_test(tests, who_waits_at_the_same_time_shares_a_write);
    tcase_add_test(tests, what_is_being_written_is_not_written_again);
    tcase_add_test(tests, one_write_at_a_time_does_not_pad);
    tcase_add_test(tests, a_write_that_was_not_padded_is_waited_for);
    tcase_add_loop_test(tests, a_write_ends_with_its_segment, 1, 3);

    TCase *failure = fly_test_case(suite, "failure");
    tcase_add_checked_fixture(failure, setup, teardown);
    tcase_add_loop_test(failure, a_write_that_fails_stops_the_log_and_everybody_hears_of_it, 0, 6);
    tcase_add_test(failure, a_full_ring_hears_of_it_too);
    tcase_add_test(failure, an_async_promise_is_not_kept_by_a_stopped_log);
    return fly_test_run(suite);
}
