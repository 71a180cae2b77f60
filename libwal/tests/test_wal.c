/*
 * Goal: what is appended is kept, in order and unchanged; what is acknowledged as durable survives;
 * limits and answers are those of the header.
 * Method: a log with the smallest segments and ring on the simulated disk, so that every test wraps
 * the ring and changes segments many times; reopening after power went.
 */
#include "wal_world.h"

#include <errno.h>

static fly_sim_env world;
static struct book book;
static fly_wal *wal;
static fly_err err;

static void setup(void)
{
    memset(&err, 0, sizeof err);
    memset(&book, 0, sizeof book);
    world_init(&world, &(fly_sim_env_options){.disk.direct = true});
}

static void teardown(void)
{
    fly_wal_abandon(wal);
    wal = NULL;
    ck_assert_uint_eq(fly_sim_disk_handles(world.disk), 0);
    fly_sim_env_deinit(&world);
}

static void open_log(const fly_wal_options *options)
{
    FLY_CHECK_OK(book_open(&book, &world.env, options, 0, &wal, &err), err);
}

/* Power goes; only what was made durable is there afterwards. */
static void reopen_after_crash(const fly_wal_options *options)
{
    fly_wal_abandon(wal);
    wal = NULL;
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_NONE, 1);
    open_log(options);
}

static void append(size_t len)
{
    FLY_CHECK_OK(book_append(&book, wal, len, 0, &err), err);
}

static void flush_all(void)
{
    FLY_CHECK_OK(book_flush(&book, wal, fly_wal_next(wal), &err), err);
}

/* ----------------------------------------------------------------------------- records */

START_TEST(a_new_log_is_empty)
{
    open_log(&tiny);
    ck_assert_uint_eq(fly_wal_next(wal), fly_wal_durable(wal));
    ck_assert_uint_eq(fly_wal_next(wal), fly_wal_first(wal));
    ck_assert_uint_ne(fly_wal_next(wal), 0); /* LSN 0 is no record */
    ck_assert(!fly_wal_is_stopped(wal));
    reopen_after_crash(&tiny);
    ck_assert_uint_eq(book.count, 0);
}
END_TEST

START_TEST(records_of_every_length_come_back_unchanged)
{
    open_log(&tiny);
    for (size_t len = 0; len < 300; len++) {
        append(len);
    }
    for (size_t len = fly_wal_payload_max(wal); len > 0; len = len * 2 / 3) {
        append(len);
    }
    flush_all();
    size_t count = book.count;
    reopen_after_crash(&tiny);
    ck_assert_uint_eq(book.count, count);
}
END_TEST

START_TEST(records_follow_each_other)
{
    open_log(&tiny);
    for (size_t len = 0; len < 2000; len += 7) {
        append(len);
    }
    for (size_t i = 0; i < book.count; i++) {
        const struct note *note = &book.notes[i];
        ck_assert_uint_eq(note->lsn % 8, 0);
        ck_assert_uint_eq(note->end, note->lsn + (FLY_WAL_HEADER + note->len + 7) / 8 * 8);
        ck_assert_uint_eq(note->lsn / SMALL, (note->end - 1) / SMALL); /* within one segment */
        if (i > 0 && note->lsn != note[-1].end) { /* a segment, and its header, between */
            ck_assert_uint_eq(note->lsn % SMALL, FLY_WAL_BLOCK);
            ck_assert_uint_eq(note->lsn / SMALL, note[-1].lsn / SMALL + 1);
        }
    }
    ck_assert_uint_eq(fly_wal_next(wal), book.notes[book.count - 1].end);
}
END_TEST

START_TEST(a_record_may_have_many_pieces_and_empty_ones)
{
    open_log(&tiny);
    uint8_t payload[64];
    fill_payload(0, payload, sizeof payload);
    fly_bytes pieces[66] = {{NULL, 0}};
    for (int i = 0; i < 64; i++) {
        pieces[i + 1] = fly_bytes_of(payload + i, 1);
    }
    struct note note = {.manager = 255, .type = 255, .flags = FLY_WAL_USER_FLAGS, .len = 64};
    FLY_CHECK_OK(
        fly_wal_append(wal, 255, 255, FLY_WAL_USER_FLAGS, pieces, 66, &note.lsn, &note.end, &err),
        err);
    book.notes[book.count++] = note;
    FLY_CHECK_OK(fly_wal_append(wal, 1, 1, 0, NULL, 0, NULL, NULL, &err), err);
    flush_all();
    book.notes[book.count++] =
        (struct note){.lsn = note.end, .end = fly_wal_next(wal), .manager = 1, .type = 1};
    reopen_after_crash(&tiny);
    ck_assert_uint_eq(book.count, 2);
}
END_TEST

START_TEST(a_payload_beyond_the_limit_is_refused_and_nothing_is_appended)
{
    open_log(&tiny);
    size_t most = fly_wal_payload_max(wal);
    ck_assert_uint_ge(most, SMALL / 4 - 64);
    uint64_t next = fly_wal_next(wal);
    FLY_CHECK(book_append(&book, wal, most + 1, 0, &err), FLY_E_TOO_LARGE, err);
    FLY_CHECK_SAYS(err.message, "longer than the limit");
    ck_assert_uint_eq(fly_wal_next(wal), next);
    append(most);
    flush_all();
    reopen_after_crash(&tiny);
    ck_assert_uint_eq(book.count, 1);
}
END_TEST

START_TEST(only_the_callers_flags_are_the_callers)
{
    open_log(&tiny);
    uint64_t lsn;
    FLY_CHECK_OK(fly_wal_append(wal, 9, 8, 0xffff, NULL, 0, &lsn, NULL, &err), err);
    flush_all();
    book.notes[book.count++] = (struct note){
        .lsn = lsn, .end = fly_wal_next(wal), .manager = 9, .type = 8, .flags = FLY_WAL_USER_FLAGS};
    reopen_after_crash(&tiny);
    ck_assert_uint_eq(book.count, 1);
}
END_TEST

START_TEST(the_ring_wraps_and_segments_follow_in_every_alignment)
{
    open_log(&tiny);
    for (size_t i = 0; i < 3000; i++) {
        append(i * 37 % 700);
        if (i % 5 == 0) {
            flush_all();
        }
    }
    flush_all();
    ck_assert_uint_gt(stats_of(wal).segments, 15);
    size_t count = book.count;
    reopen_after_crash(&tiny);
    ck_assert_uint_eq(book.count, count);
}
END_TEST

/* Fill a segment until exactly `left` bytes are left of it. Flushed in between, so that little is
 * left to the background thread, which would flush, and pad, too. */
static void leave(uint64_t left)
{
    for (;;) {
        flush_all();
        uint64_t here = SMALL - fly_wal_next(wal) % SMALL;
        if (here < left + FLY_WAL_HEADER) { /* too late in this one */
            append(here + 8);
            continue;
        }
        uint64_t step = here - left < 7000 ? here - left : 4000;
        append(step - FLY_WAL_HEADER);
        if (here == left + step) {
            return;
        }
    }
}

/* Whatever is left of a segment, nothing, too little for a pad, a pad and no more: the log goes on in
 * the next one. */
START_TEST(a_segment_may_end_at_any_byte)
{
    fly_wal_options options = tiny;
    options.in_flight = _i == 0 ? 1 : 4;
    open_log(&options);
    for (uint64_t left = 0; left <= 96; left += 8) {
        leave(left);
        ck_assert_uint_eq((SMALL - fly_wal_next(wal) % SMALL) % SMALL, left);
        if (left % 16 == 0) {
            flush_all();
            ck_assert_uint_eq(fly_wal_durable(wal), fly_wal_next(wal));
        }
        append(200);
        ck_assert_uint_eq(book.notes[book.count - 1].lsn % SMALL, FLY_WAL_BLOCK);
        flush_all();
    }
    /* The shortest records may still fit. */
    for (uint64_t left = 0; left <= 96; left += 8) {
        leave(left);
        for (size_t len = 0; len < 5; len++) {
            append(len);
        }
        flush_all();
    }
    size_t count = book.count;
    reopen_after_crash(&options);
    ck_assert_uint_eq(book.count, count);
}
END_TEST

/* Files, of which the next segment's is looked for just before it is there and the log goes on to
 * it. */
struct late_vfs {
    fly_vfs vfs;
    const char *path;
    int looks; /* the last of these comes too early */
};

static int late_open(fly_vfs *vfs, const char *path, unsigned flags, fly_file **file)
{
    struct late_vfs *late = (struct late_vfs *)vfs;
    if (strcmp(path, late->path) == 0 && --late->looks == 0) {
        flush_all();
        return -ENOENT;
    }
    return world.env.vfs->open(world.env.vfs, path, flags, file);
}

/* A reader that comes to the end of a segment looks into the next one not before something there is
 * durable: a moment later it could not tell a segment that is missing from one that has just begun. */
START_TEST(a_reader_does_not_look_into_a_segment_too_early)
{
    open_log(&tiny);
    leave(16); /* too little for a pad: what is durable goes on at the next segment */
    uint64_t end = fly_wal_next(wal);
    append(200);
    FLY_CHECK_OK(book_flush(&book, wal, end, &err), err);

    /* The first look asks whether the segment before ends early. */
    struct late_vfs late = {
        .vfs.open = late_open, .path = segment_name(end / SMALL + 1), .looks = 2};
    fly_env env = world.env;
    env.vfs = &late.vfs;
    fly_wal_reader *reader = NULL;
    FLY_CHECK_OK(fly_wal_reader_open(&env, DIR, wal, NULL, NULL, 0, &reader, &err), err);
    fly_status status;
    size_t read = book_read(&book, reader, 0, &status, &err);
    ck_assert_msg(status == FLY_E_END, "%s", err.message);
    ck_assert_uint_ge(read, book.count - 1);
    late.looks = 0;
    flush_all();
    read += book_read(&book, reader, read, &status, &err);
    ck_assert_uint_eq(read, book.count);
    fly_wal_reader_close(reader);
}
END_TEST

/* What aligns records is zero, also where the ring held others before: what is on disk is decided by
 * what was appended, and by nothing else. */
START_TEST(bytes_between_records_are_zero)
{
    static uint8_t segment[SMALL];
    open_log(&tiny);
    for (size_t i = 0; i < 2000; i++) {
        append(i % 400);
        if (i % 7 == 0) {
            flush_all();
        }
    }
    flush_all();
    uint64_t loaded = UINT64_MAX;
    for (size_t i = 0; i < book.count; i++) {
        const struct note *note = &book.notes[i];
        if (note->lsn / SMALL != loaded) {
            loaded = note->lsn / SMALL;
            FLY_CHECK_OK(fly_sim_disk_dump(world.disk, segment_name(loaded), segment, SMALL, NULL),
                         err);
        }
        uint64_t end = note->lsn % SMALL + FLY_WAL_HEADER + note->len;
        for (uint64_t at = end; at % 8 != 0; at++) {
            if (segment[at] != 0) {
                ck_abort_msg("byte %" PRIu64 " of segment %" PRIu64, at, loaded);
            }
        }
    }
}
END_TEST

/* -------------------------------------------------------------------------- durability */

START_TEST(what_was_flushed_survives_and_what_was_not_may_be_gone)
{
    open_log(&tiny);
    append(100);
    uint64_t first_end = fly_wal_next(wal);
    FLY_CHECK_OK(book_flush(&book, wal, first_end, &err), err);
    ck_assert_uint_ge(fly_wal_durable(wal), first_end);
    append(100);
    ck_assert_uint_lt(fly_wal_durable(wal), fly_wal_next(wal));
    reopen_after_crash(&tiny);
    ck_assert_uint_eq(book.count, 1);
}
END_TEST

START_TEST(a_flush_beyond_the_end_flushes_what_there_is)
{
    open_log(&tiny);
    append(10);
    FLY_CHECK_OK(fly_wal_flush(wal, UINT64_MAX, FLY_DURABILITY_FULL, &err), err);
    ck_assert_uint_eq(fly_wal_durable(wal), fly_wal_next(wal));
    uint64_t writes = stats_of(wal).writes;
    FLY_CHECK_OK(fly_wal_flush(wal, UINT64_MAX, FLY_DURABILITY_DEFAULT, &err), err);
    FLY_CHECK_OK(fly_wal_flush(wal, 0, FLY_DURABILITY_FULL, &err), err);
    ck_assert_uint_eq(stats_of(wal).writes, writes); /* nothing to do costs nothing */
}
END_TEST

START_TEST(async_is_durable_within_the_interval)
{
    fly_wal_options options = tiny;
    options.async_ms = 20;
    open_log(&options);
    append(10);
    uint64_t end = fly_wal_next(wal);
    uint64_t began = fly_now();
    FLY_CHECK_OK(fly_wal_flush(wal, end, FLY_DURABILITY_ASYNC, &err), err);
    ck_assert_uint_lt(fly_wal_durable(wal), end); /* it did not wait */
    FLY_CHECK_OK(fly_wal_wait(wal, end - 1, fly_now() + 10000000000u, &err), err);
    ck_assert_uint_ge(fly_now() - began, 15000000);
    /* And again, after nothing was owed. */
    append(10);
    end = fly_wal_next(wal);
    FLY_CHECK_OK(fly_wal_flush(wal, end, FLY_DURABILITY_ASYNC, &err), err);
    FLY_CHECK_OK(fly_wal_wait(wal, end - 1, fly_now() + 10000000000u, &err), err);
}
END_TEST

START_TEST(async_promises_nothing_that_comes_later)
{
    fly_wal_options options = tiny;
    options.async_ms = 1;
    open_log(&options);
    append(10);
    FLY_CHECK_OK(fly_wal_flush(wal, UINT64_MAX, FLY_DURABILITY_ASYNC, &err), err);
    FLY_CHECK_OK(fly_wal_wait(wal, fly_wal_next(wal) - 1, fly_now() + 10000000000u, &err), err);
    append(10);
    fly_sleep(30000000);
    ck_assert_uint_lt(fly_wal_durable(wal), fly_wal_next(wal));
}
END_TEST

START_TEST(off_is_written_when_the_ring_needs_room)
{
    open_log(&tiny);
    append(10);
    uint64_t writes = stats_of(wal).writes;
    FLY_CHECK_OK(fly_wal_flush(wal, fly_wal_next(wal), FLY_DURABILITY_OFF, &err), err);
    fly_sleep(30000000);
    ck_assert_uint_eq(stats_of(wal).writes, writes);
    for (int i = 0; i < 100; i++) {
        append(4000);
    }
    ck_assert_uint_gt(fly_wal_durable(wal), book.notes[0].end);
    ck_assert_uint_gt(stats_of(wal).full, 0);
}
END_TEST

START_TEST(closing_flushes_and_abandoning_does_not)
{
    open_log(&tiny);
    append(100);
    fly_wal *closed = wal;
    wal = NULL;
    book.durable = fly_wal_next(closed);
    FLY_CHECK_OK(fly_wal_close(closed, &err), err);
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_NONE, 1);
    open_log(&tiny);
    ck_assert_uint_eq(book.count, 1);
    append(100);
    reopen_after_crash(&tiny);
    ck_assert_uint_eq(book.count, 1);
    fly_wal_abandon(NULL);
}
END_TEST

START_TEST(many_lives_follow_each_other)
{
    for (int life = 0; life < 20; life++) {
        open_log(&tiny);
        uint64_t next = fly_wal_next(wal);
        ck_assert_uint_eq(next % SMALL, FLY_WAL_BLOCK); /* each in a segment of its own */
        ck_assert(book.count == 0 || next > book.notes[book.count - 1].end);
        for (int i = 0; i < life; i++) {
            append((size_t)i * 500);
        }
        flush_all();
        append(77); /* never flushed */
        fly_wal_abandon(wal);
        wal = NULL;
        fly_sim_disk_crash(world.disk, life % 2 == 0 ? FLY_SIM_KEEP_NONE : FLY_SIM_KEEP_ALL, 1);
    }
    open_log(&tiny);
    ck_assert_uint_eq(book.count, 190);
}
END_TEST

/* ------------------------------------------------------------------------ watching it */

START_TEST(counters_and_events_tell_what_happened)
{
    world.env.trace = fly_trace_create(fly_mem_system(), 1024);
    fly_trace_set(world.env.trace, true);
    open_log(&tiny);
    append(100);
    append(100);
    flush_all();
    fly_wal_stats stats = stats_of(wal);
    ck_assert_uint_eq(stats.records, 2);
    ck_assert_uint_eq(stats.writes, 1);
    ck_assert_uint_eq(stats.bytes, FLY_WAL_BLOCK);
    ck_assert_uint_eq(stats.segments, 1);
    ck_assert_uint_eq(stats.in_flight, 1);

    fly_trace_event events[64];
    uint64_t lost;
    size_t count = fly_trace_read(world.env.trace, events, 64, &lost);
    size_t seen[6] = {0};
    for (size_t i = 0; i < count; i++) {
        ck_assert_ptr_nonnull(fly_trace_find(world.env.trace, events[i].id));
        if (events[i].id >= FLY_WAL_EVENT_APPENDED && events[i].id <= FLY_WAL_EVENT_STOPPED) {
            seen[events[i].id - FLY_WAL_EVENT_APPENDED + 1]++;
        }
    }
    ck_assert_uint_eq(seen[1], 2);
    ck_assert_uint_eq(seen[2], 1);
    ck_assert_uint_eq(seen[3], 1);
    fly_wal_abandon(wal);
    wal = NULL;
    fly_trace_destroy(world.env.trace);
    world.env.trace = NULL;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wal");
    TCase *records = fly_test_case(suite, "records");
    tcase_add_checked_fixture(records, setup, teardown);
    tcase_add_test(records, a_new_log_is_empty);
    tcase_add_test(records, records_of_every_length_come_back_unchanged);
    tcase_add_test(records, records_follow_each_other);
    tcase_add_test(records, a_record_may_have_many_pieces_and_empty_ones);
    tcase_add_test(records, a_payload_beyond_the_limit_is_refused_and_nothing_is_appended);
    tcase_add_test(records, only_the_callers_flags_are_the_callers);
    tcase_add_test(records, the_ring_wraps_and_segments_follow_in_every_alignment);
    tcase_add_test(records, bytes_between_records_are_zero);
    tcase_add_loop_test(records, a_segment_may_end_at_any_byte, 0, 2);
    tcase_add_test(records, a_reader_does_not_look_into_a_segment_too_early);

    TCase *durability = fly_test_case(suite, "durability");
    tcase_add_checked_fixture(durability, setup, teardown);
    tcase_add_test(durability, what_was_flushed_survives_and_what_was_not_may_be_gone);
    tcase_add_test(durability, a_flush_beyond_the_end_flushes_what_there_is);
    tcase_add_test(durability, async_is_durable_within_the_interval);
    tcase_add_test(durability, async_promises_nothing_that_comes_later);
    tcase_add_test(durability, off_is_written_when_the_ring_needs_room);
    tcase_add_test(durability, closing_flushes_and_abandoning_does_not);
    tcase_add_test(durability, many_lives_follow_each_other);

    TCase *watching = fly_test_case(suite, "watching");
    tcase_add_checked_fixture(watching, setup, teardown);
    tcase_add_test(watching, counters_and_events_tell_what_happened);
    return fly_test_run(suite);
}
