/*
 * Goal: a log that is told to begin a new segment loses nothing, wherever power goes meanwhile, and a
 * closed log keeps no more disk space than its records take.
 * Method: a log with small segments on the simulated disk: each call of the disk the last one, each
 * call failing; replay compared with a book of what was appended.
 */
#include "wal_world.h"

#include <fly/base_fault.h>

static const fly_wal_options options = {.segment_size = SMALL, .ring_size = SMALL};
static fly_sim_env world;
static struct book book;
static fly_wal *wal;
static fly_err err;

static void setup(void)
{
    memset(&err, 0, sizeof err);
    memset(&book, 0, sizeof book);
    world_init(&world, &(fly_sim_env_options){.disk.direct = true});
    FLY_CHECK_OK(book_open(&book, &world.env, &options, 0, &wal, &err), err);
}

static void teardown(void)
{
    fly_wal_abandon(wal);
    wal = NULL;
    fly_sim_env_deinit(&world);
}

static void append_some(int count, size_t len)
{
    for (int i = 0; i < count; i++) {
        FLY_CHECK_OK(book_append(&book, wal, len, 0, &err), err);
    }
}

static void reopen(void)
{
    fly_wal_abandon(wal);
    wal = NULL;
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_NONE, 1);
    FLY_CHECK_OK(book_open(&book, &world.env, &options, 0, &wal, &err), err);
}

START_TEST(the_next_record_begins_a_segment_and_none_is_lost)
{
    for (uint64_t n = 1; n < 6; n++) {
        append_some((int)n * 7, 1000 * n);
        uint64_t segment = fly_wal_next(wal) / SMALL;
        FLY_CHECK_OK(fly_wal_roll(wal, &err), err);
        ck_assert_uint_eq(fly_wal_next(wal), (segment + 1) * SMALL + FLY_WAL_BLOCK);
        ck_assert_uint_eq(fly_wal_durable(wal), fly_wal_next(wal));
    }
    append_some(1, 10);
    FLY_CHECK_OK(book_flush(&book, wal, fly_wal_next(wal), &err), err);
    size_t count = book.count;
    reopen();
    ck_assert_uint_eq(book.count, count);
}
END_TEST

START_TEST(at_the_beginning_of_a_segment_there_is_nothing_to_do)
{
    uint64_t next = fly_wal_next(wal);
    FLY_CHECK_OK(fly_wal_roll(wal, &err), err);
    ck_assert_uint_eq(fly_wal_next(wal), next);
}
END_TEST

/* The place for a pad may be too small, just large enough, or across two blocks. */
START_TEST(a_segment_may_end_anywhere)
{
    uint64_t start = fly_wal_next(wal) / SMALL;
    for (size_t left = 8; left < 200; left += 8) {
        uint64_t at = fly_wal_next(wal);
        uint64_t end = (at / SMALL + 1) * SMALL;
        while (end - at > SMALL / 4) {
            append_some(1, SMALL / 8);
            at = fly_wal_next(wal);
        }
        append_some(1, (size_t)(end - at) - FLY_WAL_HEADER - left);
        FLY_CHECK_OK(fly_wal_roll(wal, &err), err);
    }
    ck_assert_uint_eq(fly_wal_next(wal) / SMALL, start + 24);
    append_some(1, 10);
    FLY_CHECK_OK(book_flush(&book, wal, fly_wal_next(wal), &err), err);
    size_t count = book.count;
    reopen();
    ck_assert_uint_eq(book.count, count);
}
END_TEST

START_TEST(a_closed_log_keeps_what_its_records_take)
{
    append_some(20, 1000);
    FLY_CHECK_OK(fly_wal_roll(wal, &err), err);
    append_some(3, 1000);
    fly_wal_retire(wal, book.notes[20].lsn);
    FLY_CHECK_OK(fly_wal_close(wal, &err), err);
    wal = NULL;
    uint64_t files = 0;
    uint64_t bytes = 0;
    for (uint64_t number = 0; number < 100; number++) {
        fly_file *file = NULL;
        uint64_t size = 0;
        if (fly_file_open(world.env.vfs, segment_name(number), 0, &file, NULL) == FLY_OK) {
            FLY_CHECK_OK(fly_file_size(file, &size, &err), err);
            fly_file_abandon(file);
            files++;
            bytes += size;
        }
    }
    ck_assert_uint_eq(files, 1);
    ck_assert_uint_eq(bytes, 2 * FLY_WAL_BLOCK);
    ck_assert(!fly_vfs_exists(world.env.vfs, DIR "/spare"));
    FLY_CHECK_OK(book_open(&book, &world.env, &options, 20, &wal, &err), err);
    ck_assert_uint_eq(book.count, 23);
}
END_TEST

START_TEST(a_log_that_was_rolled_and_closed_goes_on_where_it_was)
{
    append_some(20, 1000);
    FLY_CHECK_OK(fly_wal_roll(wal, &err), err);
    uint64_t end = fly_wal_next(wal);
    fly_wal_retire(wal, end);
    FLY_CHECK_OK(fly_wal_close(wal, &err), err);
    wal = NULL;
    ck_assert(!segment_exists(&world, end / SMALL - 1));
    fly_wal_options on = options;
    on.durable_to = end;
    FLY_CHECK_OK(fly_wal_open(&world.env, DIR, &on, &wal, &err), err);
    ck_assert_uint_gt(fly_wal_next(wal), end);
}
END_TEST

/* ------------------------------------------------------------- every call of the disk */

static fly_status roll_twice(fly_sim_env *env, void *ctx)
{
    struct book *notes = ctx;
    fly_wal *log = NULL;
    memset(notes, 0, sizeof *notes);
    fly_status status = fly_vfs_make_dir(env->env.vfs, DIR, NULL);
    status = status == FLY_OK ? fly_vfs_sync_dir(env->env.vfs, ".", NULL) : status;
    status = status == FLY_OK ? fly_wal_open(&env->env, DIR, &options, &log, NULL) : status;
    for (int round = 0; round < 3 && status == FLY_OK; round++) {
        for (int i = 0; i < 9 && status == FLY_OK; i++) {
            status = book_append(notes, log, 700, 0, NULL);
        }
        status = status == FLY_OK ? book_flush(notes, log, fly_wal_next(log), NULL) : status;
        if (round < 2 && status == FLY_OK) {
            status = fly_wal_roll(log, NULL);
        }
    }
    fly_wal_abandon(log);
    return status;
}

static void nothing_durable_is_lost(fly_sim_env *env, void *ctx)
{
    static struct book copy; /* opening strikes from it what is not there */
    struct book *notes = &copy;
    fly_wal *log = NULL;
    fly_err why = {0};
    copy = *(const struct book *)ctx;
    if (notes->durable == 0 && !fly_vfs_exists(env->env.vfs, DIR)) {
        return;
    }
    FLY_CHECK_OK(book_open(notes, &env->env, &options, 0, &log, &why), why);
    fly_wal_abandon(log);
}

START_TEST(any_write_may_be_the_last)
{
    /* With threads: who appends and the log's own thread take turns. */
    fly_test_crash_options crashes = {.threads = true, .seeds = 1};
    ck_assert(
        fly_test_each_crash("rolling a log", &crashes, roll_twice, nothing_durable_is_lost, &book));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wal.roll");
    TCase *all = fly_test_case(suite, "rolling");
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, the_next_record_begins_a_segment_and_none_is_lost);
    tcase_add_test(all, at_the_beginning_of_a_segment_there_is_nothing_to_do);
    tcase_add_test(all, a_segment_may_end_anywhere);
    tcase_add_test(all, a_closed_log_keeps_what_its_records_take);
    tcase_add_test(all, a_log_that_was_rolled_and_closed_goes_on_where_it_was);

    TCase *crashes = fly_test_case(suite, "crashes");
    tcase_add_test(crashes, any_write_may_be_the_last);
    return fly_test_run(suite);
}
