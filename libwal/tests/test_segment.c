/*
 * Goal: segment files come and go as the header says: nothing that somebody needs goes, what nobody
 * needs is archived, reused or removed, in an order that no crash can spoil; old records in a reused
 * file are never taken for new ones; a full disk is an answer, a failed sync is the end.
 * Method: segments of 64 KiB on the simulated disk; faults armed for single calls; crashes of copies
 * of the disk.
 */
#include "wal_world.h"

#include <errno.h>

static fly_sim_env world;
static struct book book;
static fly_wal *wal;
static fly_err err;
static fly_wal_options options;

static void setup(void)
{
    memset(&err, 0, sizeof err);
    memset(&book, 0, sizeof book);
    options = tiny;
    world_init(&world, &(fly_sim_env_options){.disk.direct = true});
}

static void teardown(void)
{
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

static void flush_all(void)
{
    FLY_CHECK_OK(book_flush(&book, wal, fly_wal_next(wal), &err), err);
}

/* Append and flush until the log ends in segment `number`. */
static void fill_to(uint64_t number)
{
    while (fly_wal_next(wal) / SMALL < number) {
        append(3000);
    }
    flush_all();
}

/* The background thread lets go of segments when it comes to it. */
static void wait_for_first(uint64_t number)
{
    for (int i = 0; i < 10000 && fly_wal_first(wal) / SMALL < number; i++) {
        fly_sleep(1000000);
    }
    ck_assert_uint_eq(fly_wal_first(wal), number * SMALL + FLY_WAL_BLOCK);
}

static size_t count_files(void)
{
    size_t count = 0;
    for (uint64_t number = 0; number < 1000; number++) {
        count += segment_exists(&world, number);
    }
    return count;
}

/* The first note of the book that lies in segment `number` or behind it. */
static size_t first_note_of(uint64_t number)
{
    size_t at = 0;
    while (at < book.count && book.notes[at].lsn / SMALL < number) {
        at++;
    }
    return at;
}

static void reopen(fly_sim_survival survival, uint64_t seed)
{
    uint64_t first = fly_wal_first(wal) / SMALL;
    fly_wal_abandon(wal);
    wal = NULL;
    fly_sim_disk_crash(world.disk, survival, seed);
    FLY_CHECK_OK(book_open(&book, &world.env, &options, first_note_of(first), &wal, &err), err);
}

/* --------------------------------------------------------------------------- retention */

START_TEST(what_nobody_needs_goes_and_what_somebody_needs_stays)
{
    open_log();
    fill_to(6);
    ck_assert_uint_ge(count_files(), 7);
    size_t needed = first_note_of(4);
    fly_wal_retire(wal, book.notes[needed].lsn);
    wait_for_first(4);
    ck_assert(!segment_exists(&world, 3));
    ck_assert(segment_exists(&world, 4));
    fly_wal_retire(wal, book.notes[0].lsn); /* never back */
    fly_sleep(10000000);
    ck_assert_uint_eq(fly_wal_first(wal) / SMALL, 4);
    size_t count = book.count;
    reopen(FLY_SIM_KEEP_NONE, 1);
    ck_assert_uint_eq(book.count, count);
    ck_assert_uint_eq(fly_wal_first(wal) / SMALL, 4);
}
END_TEST

START_TEST(the_end_of_the_log_never_goes)
{
    open_log();
    fill_to(3);
    fly_wal_retire(wal, UINT64_MAX);
    wait_for_first(3);
    append(100);
    flush_all();
    reopen(FLY_SIM_KEEP_NONE, 1);
    ck_assert_uint_eq(book.notes[book.count - 1].len, 100);
}
END_TEST

/* The newest file has no header yet, so that the one before is all that is known of the log. */
START_TEST(a_log_that_is_full_to_the_last_byte_of_a_segment_keeps_it)
{
    open_log();
    fill_to(1);
    while (SMALL - fly_wal_next(wal) % SMALL > 16000) {
        append(8000);
    }
    append(SMALL - fly_wal_next(wal) % SMALL - FLY_WAL_HEADER);
    ck_assert_uint_eq(fly_wal_next(wal), 2 * SMALL);
    flush_all();
    fly_wal_retire(wal, fly_wal_next(wal));
    wait_for_first(1);
    fly_sleep(20000000);
    ck_assert(segment_exists(&world, 1));
    size_t count = book.count;
    reopen(FLY_SIM_KEEP_NONE, 1);
    ck_assert_uint_eq(book.count, count);
    ck_assert_uint_gt(fly_wal_next(wal), 2 * SMALL);
}
END_TEST

START_TEST(a_hold_keeps_what_its_owner_needs)
{
    open_log();
    fill_to(5);
    fly_wal_hold two;
    fly_wal_hold four;
    FLY_CHECK_OK(fly_wal_hold_acquire(wal, &four, 4 * SMALL + 5000, &err), err);
    FLY_CHECK_OK(fly_wal_hold_acquire(wal, &two, 2 * SMALL + 5000, &err), err);
    fly_wal_retire(wal, fly_wal_next(wal));
    wait_for_first(2);
    fly_wal_hold_move(wal, &two, 3 * SMALL + 5000);
    fly_wal_retire(wal, fly_wal_next(wal) - 1); /* says nothing new, so calls nobody */
    fill_to(6);
    fly_wal_retire(wal, fly_wal_next(wal));
    wait_for_first(3);
    fly_wal_hold_move(wal, &two, 2 * SMALL); /* never back */
    fly_wal_hold gone;
    FLY_CHECK(fly_wal_hold_acquire(wal, &gone, 2 * SMALL + 5000, &err), FLY_E_NOT_FOUND, err);
    FLY_CHECK_SAYS(err.message, "is gone");
    fly_wal_hold_release(wal, &two);
    wait_for_first(4);
    fly_wal_hold_release(wal, &four);
    wait_for_first(6);
}
END_TEST

START_TEST(files_are_reused)
{
    open_log();
    for (uint64_t number = 1; number < 40; number++) {
        fill_to(number);
        fly_wal_retire(wal, fly_wal_next(wal));
        wait_for_first(number);
    }
    ck_assert_uint_le(count_files(), 3);
    /* Nothing was written twice to get a segment that had been one before. */
    fly_wal_stats stats = stats_of(wal);
    ck_assert_uint_le(stats.segments, 3);
    size_t from = first_note_of(39);
    reopen(FLY_SIM_KEEP_NONE, 1);
    ck_assert_uint_gt(book.count, from);
}
END_TEST

/* A reused file is full of old records, with checksums that hold. */
START_TEST(old_records_in_a_reused_file_stay_dead)
{
    open_log();
    for (uint64_t number = 1; number < 10; number++) {
        fill_to(number);
        fly_wal_retire(wal, fly_wal_next(wal));
        wait_for_first(number);
    }
    for (int i = 0; i < 12; i++) {
        append((size_t)i * 300);
        if (i % 3 == 0) {
            flush_all();
        }
        size_t count = book.count;
        reopen(i % 2 == 0 ? FLY_SIM_KEEP_ALL : FLY_SIM_KEEP_NONE, 1);
        ck_assert_uint_ge(book.count + 1, count);
        fly_wal_retire(wal, fly_wal_next(wal));
        wait_for_first(fly_wal_next(wal) / SMALL);
    }
}
END_TEST

/* Names go one at a time, so that no crash leaves a gap. */
START_TEST(a_crash_while_segments_go_leaves_no_gap)
{
    open_log();
    fill_to(12);
    fly_wal_retire(wal, fly_wal_next(wal));
    wait_for_first(12);
    append(50);
    flush_all();
    fly_wal_abandon(wal);
    wal = NULL;
    for (uint64_t seed = 0; seed < 40; seed++) {
        fly_sim_env copy;
        fly_sim_env_init_with(&copy, NULL, fly_sim_disk_clone(world.disk));
        fly_sim_disk_crash(copy.disk, FLY_SIM_KEEP_SOME, seed);
        uint64_t first = 0;
        while (!segment_exists(&copy, first)) {
            first++;
        }
        fly_wal *opened = NULL;
        size_t count = book.count;
        FLY_CHECK_OK(book_open(&book, &copy.env, &options, first_note_of(first), &opened, &err),
                     err);
        ck_assert_uint_eq(book.count, count);
        fly_wal_abandon(opened);
        fly_sim_env_deinit(&copy);
    }
}
END_TEST

START_TEST(a_missing_segment_is_reported)
{
    open_log();
    fill_to(4);
    fly_wal_abandon(wal);
    wal = NULL;
    FLY_CHECK_OK(fly_vfs_remove(world.env.vfs, segment_name(2), &err), err);
    FLY_CHECK(fly_wal_open(&world.env, DIR, &options, &wal, &err), FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "some are missing");
    fly_wal_reader *reader;
    FLY_CHECK(fly_wal_reader_open(&world.env, DIR, NULL, NULL, NULL, 0, &reader, &err),
              FLY_E_CORRUPT, err);
}
END_TEST

/* ----------------------------------------------------------------------------- archive */

static struct archive {
    fly_atomic_u64 calls;
    fly_atomic_u64 next; /* the segment that is expected */
    fly_atomic_u32 fails;
    fly_wal_hold hold; /* taken in the middle of a call */
    fly_atomic_u32 holds;
} archive;

static fly_status keep(void *ctx, const char *path, uint64_t segment, fly_err *why)
{
    (void)ctx;
    FLY_ASSERT(strcmp(path, segment_name(segment)) == 0);
    FLY_ASSERT(segment_exists(&world, segment));
    fly_count_u64(&archive.calls, 1);
    if (fly_load_u32(&archive.fails) != 0) {
        return fly_err_set(why, FLY_E_IO, "the tape is full");
    }
    FLY_ASSERT(segment == fly_load_u64(&archive.next));
    if (fly_load_u32(&archive.holds) != 0) {
        FLY_CHECK_OK(fly_wal_hold_acquire(wal, &archive.hold, segment * SMALL + 5000, why), *why);
    }
    fly_store_u64(&archive.next, segment + 1);
    return FLY_OK;
}

static void open_with_archive(void)
{
    options.archive = keep;
    open_log();
}

START_TEST(each_segment_is_archived_once_and_before_it_goes)
{
    open_with_archive();
    fill_to(5);
    ck_assert_uint_eq(fly_load_u64(&archive.calls), 0); /* complete, but still needed */
    fly_wal_retire(wal, fly_wal_next(wal));
    wait_for_first(5);
    ck_assert_uint_eq(fly_load_u64(&archive.calls), 5);
}
END_TEST

START_TEST(what_cannot_be_archived_stays_until_it_can)
{
    open_with_archive();
    fly_store_u32(&archive.fails, 1);
    fill_to(3);
    fly_wal_retire(wal, fly_wal_next(wal));
    while (fly_load_u64(&archive.calls) == 0) {
        fly_sleep(1000000);
    }
    ck_assert(segment_exists(&world, 0));
    ck_assert(!fly_wal_is_stopped(wal));
    fly_store_u32(&archive.fails, 0);
    fill_to(4);
    fly_wal_retire(wal, fly_wal_next(wal));
    wait_for_first(4);
    ck_assert_uint_eq(fly_load_u64(&archive.next), 4);
}
END_TEST

START_TEST(a_hold_that_comes_while_a_segment_is_archived_keeps_it)
{
    fly_store_u32(&archive.holds, 1);
    open_with_archive();
    fill_to(3);
    fly_wal_retire(wal, fly_wal_next(wal));
    while (fly_load_u64(&archive.next) == 0) {
        fly_sleep(1000000);
    }
    fly_sleep(20000000);
    ck_assert(segment_exists(&world, 0));
    ck_assert_uint_eq(fly_wal_first(wal) / SMALL, 0);
    fly_store_u32(&archive.holds, 0);
    fly_wal_hold_release(wal, &archive.hold);
    fill_to(4);
    fly_wal_retire(wal, fly_wal_next(wal));
    wait_for_first(4);
    ck_assert_uint_eq(fly_load_u64(&archive.calls), 4); /* not archived twice */
}
END_TEST

/* -------------------------------------------------------------------------- disk space */

static fly_atomic_u32 warnings;

static void count_warnings(fly_env *env, fly_log_level level, const char *line)
{
    (void)env;
    if (level == FLY_LOG_WARNING && strstr(line, "cannot grow") != NULL) {
        (void)fly_add_u32(&warnings, 1);
    }
}

/* Append until the disk is full. */
static void fill_disk(size_t len)
{
    fly_status status;
    do {
        uint64_t next = fly_wal_next(wal);
        status = book_append(&book, wal, len, 0, &err);
        ck_assert(status == FLY_OK || fly_wal_next(wal) == next); /* nothing was appended */
    } while (status == FLY_OK);
    FLY_CHECK((fly_status)status, FLY_E_NO_SPACE, err);
}

START_TEST(a_full_disk_refuses_records_until_there_is_room)
{
    world.env.log = count_warnings;
    options.in_flight = _i == 0 ? 1 : 4;
    open_log();
    append(100);
    fly_sim_disk_set_capacity(world.disk, 5 * SMALL);
    fill_disk(1000);
    for (int i = 0; i < 10; i++) {
        FLY_CHECK(book_append(&book, wal, 1000, 0, &err), FLY_E_NO_SPACE, err);
    }
    ck_assert_uint_eq(fly_load_u32(&warnings), 1);
    ck_assert(!fly_wal_is_stopped(wal));
    flush_all();
    fly_sim_disk_set_capacity(world.disk, 0);
    fill_to(20);
    size_t count = book.count;
    reopen(FLY_SIM_KEEP_NONE, 1);
    ck_assert_uint_eq(book.count, count);
}
END_TEST

/* Who rolls back on a full disk has room for it, even if others flush all the time. */
START_TEST(what_was_begun_can_be_finished_on_a_full_disk)
{
    options.in_flight = _i == 0 ? 1 : 4;
    open_log();
    fly_sim_disk_set_capacity(world.disk, 3 * SMALL);
    fill_disk(1000);
    size_t room = 15 << 10; /* of the 16 KiB that are kept */
    for (size_t used = 0; used + 100 + FLY_WAL_HEADER < room; used += 100 + FLY_WAL_HEADER) {
        FLY_CHECK_OK(book_append(&book, wal, 100, FLY_WAL_MUST, &err), err);
        flush_all();
        FLY_CHECK(book_append(&book, wal, 100, 0, &err), FLY_E_NO_SPACE, err);
    }
    fly_status status;
    do {
        status = book_append(&book, wal, 100, FLY_WAL_MUST, &err);
    } while (status == FLY_OK);
    FLY_CHECK((fly_status)status, FLY_E_NO_SPACE, err);
    flush_all();
    size_t count = book.count;
    fly_wal_abandon(wal);
    wal = NULL;
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_NONE, 1);
    fly_sim_disk_set_capacity(world.disk, 0);
    open_log();
    ck_assert_uint_eq(book.count, count);
}
END_TEST

START_TEST(a_log_that_cannot_begin_on_a_full_disk_begins_later)
{
    open_log();
    append(500);
    flush_all();
    fly_wal_abandon(wal);
    wal = NULL;
    fly_sim_disk_set_capacity(world.disk, SMALL);
    FLY_CHECK(fly_wal_open(&world.env, DIR, &options, &wal, &err), FLY_E_NO_SPACE, err);
    fly_sim_disk_set_capacity(world.disk, 0);
    open_log();
    ck_assert_uint_eq(book.count, 1);
}
END_TEST

/* ----------------------------------------------------------------------------- trouble */

/* Fail the next call of a kind, while the log grows into its next segment. */
static fly_status grow_with(unsigned calls, int error)
{
    fly_sim_disk_arm(world.disk, &(fly_sim_fault){.calls = calls, .error = error});
    for (;;) {
        fly_status status = book_append(&book, wal, 3000, 0, &err);
        if (status != FLY_OK || fly_wal_next(wal) > 10 * SMALL) {
            return status;
        }
    }
}

START_TEST(a_failed_sync_of_disk_space_or_names_stops_the_log)
{
    static const unsigned syncs[] = {FLY_SIM_SYNC, FLY_SIM_SYNC_DIR};
    open_log();
    append(100);
    flush_all();
    FLY_CHECK(grow_with(syncs[_i], EIO), FLY_E_STOPPED, err);
    ck_assert(fly_wal_is_stopped(wal));
    reopen(FLY_SIM_KEEP_NONE, 1);
    ck_assert(!fly_wal_is_stopped(wal));
    fill_to(5);
}
END_TEST

START_TEST(a_segment_that_could_not_be_made_is_made_later)
{
    open_log();
    fly_status status = grow_with(FLY_SIM_OPEN, EIO);
    ck_assert_msg(status == FLY_OK || status == FLY_E_IO, "%s", err.message);
    ck_assert(!fly_wal_is_stopped(wal));
    fill_to(5);
    size_t count = book.count;
    reopen(FLY_SIM_KEEP_NONE, 1);
    ck_assert_uint_eq(book.count, count);
}
END_TEST

START_TEST(a_failed_sync_of_names_while_segments_go_stops_the_log)
{
    open_log();
    fill_to(3);
    fly_sim_disk_arm(world.disk, &(fly_sim_fault){.calls = FLY_SIM_SYNC_DIR});
    fly_wal_retire(wal, fly_wal_next(wal));
    for (int i = 0; i < 10000 && !fly_wal_is_stopped(wal); i++) {
        fly_sleep(1000000);
    }
    ck_assert(fly_wal_is_stopped(wal));
    FLY_CHECK(book_append(&book, wal, 10, 0, &err), FLY_E_STOPPED, err);
}
END_TEST

/* ------------------------------------------------------------------------------ rubbish */

START_TEST(files_of_others_are_left_alone)
{
    static const char *const names[] = {
        DIR "/README",
        DIR "/1.wal",
        DIR "/00000000000x.wal",
        DIR "/0000000000000000001.wal",
        DIR "/000000000001.wal.bak",
        DIR "/.wal",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        fly_sim_disk_load(world.disk, names[i], fly_bytes_str("hello"));
    }
    open_log();
    fill_to(3);
    reopen(FLY_SIM_KEEP_NONE, 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ck_assert(fly_vfs_exists(world.env.vfs, names[i]));
    }
}
END_TEST

START_TEST(a_far_away_segment_is_not_searched_for)
{
    open_log();
    append(10);
    flush_all();
    fly_wal_abandon(wal);
    wal = NULL;
    fly_sim_disk_load(world.disk, DIR "/999999999999999999.wal", fly_bytes_str("hello"));
    FLY_CHECK(fly_wal_open(&world.env, DIR, &options, &wal, &err), FLY_E_CORRUPT, err);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("segment");
    TCase *retention = fly_test_case(suite, "retention");
    tcase_add_checked_fixture(retention, setup, teardown);
    tcase_add_test(retention, what_nobody_needs_goes_and_what_somebody_needs_stays);
    tcase_add_test(retention, the_end_of_the_log_never_goes);
    tcase_add_test(retention, a_log_that_is_full_to_the_last_byte_of_a_segment_keeps_it);
    tcase_add_test(retention, a_hold_keeps_what_its_owner_needs);
    tcase_add_test(retention, files_are_reused);
    tcase_add_test(retention, old_records_in_a_reused_file_stay_dead);
    tcase_add_test(retention, a_crash_while_segments_go_leaves_no_gap);
    tcase_add_test(retention, a_missing_segment_is_reported);

    TCase *archiving = fly_test_case(suite, "archive");
    tcase_add_checked_fixture(archiving, setup, teardown);
    tcase_add_test(archiving, each_segment_is_archived_once_and_before_it_goes);
    tcase_add_test(archiving, what_cannot_be_archived_stays_until_it_can);
    tcase_add_test(archiving, a_hold_that_comes_while_a_segment_is_archived_keeps_it);

    TCase *space = fly_test_case(suite, "disk space");
    tcase_add_checked_fixture(space, setup, teardown);
    tcase_add_loop_test(space, a_full_disk_refuses_records_until_there_is_room, 0, 2);
    tcase_add_loop_test(space, what_was_begun_can_be_finished_on_a_full_disk, 0, 2);
    tcase_add_test(space, a_log_that_cannot_begin_on_a_full_disk_begins_later);

    TCase *trouble = fly_test_case(suite, "trouble");
    tcase_add_checked_fixture(trouble, setup, teardown);
    tcase_add_loop_test(trouble, a_failed_sync_of_disk_space_or_names_stops_the_log, 0, 2);
    tcase_add_test(trouble, a_segment_that_could_not_be_made_is_made_later);
    tcase_add_test(trouble, a_failed_sync_of_names_while_segments_go_stops_the_log);
    tcase_add_test(trouble, files_of_others_are_left_alone);
    tcase_add_test(trouble, a_far_away_segment_is_not_searched_for);
    return fly_test_run(suite);
}
