/*
 * Goal: whatever is done to the files of a log, opening it says so, with file, place and reason, or
 * finds every record that something behind says was durable. Nothing is forgotten in silence, and no
 * bytes lead to undefined behaviour.
 * Method: a small log of several lives and segments. Every byte of it that matters is changed, one at
 * a time, in a copy of the disk; segments are cut off, emptied, swapped, taken from another log; and
 * headers are forged with checksums that hold.
 */
#include "wal_world.h"

static fly_sim_env world;
static struct book book;
static fly_err err;
static fly_wal_options options;

/* What was durable when the last write of the last life began: what damage may not hide. */
static uint64_t known_durable;

enum { LIVES = 3 };

static void append_and_flush(fly_wal *wal, size_t len)
{
    known_durable = fly_wal_durable(wal);
    FLY_CHECK_OK(book_append(&book, wal, len, 0, &err), err);
    FLY_CHECK_OK(book_flush(&book, wal, fly_wal_next(wal), &err), err);
}

/* Three lives, the last in two segments. */
static void write_log(void)
{
    for (int life = 0; life < LIVES; life++) {
        fly_wal *wal = NULL;
        FLY_CHECK_OK(book_open(&book, &world.env, &options, 0, &wal, &err), err);
        for (size_t i = 0; i < 3; i++) {
            append_and_flush(wal, 40 + i * 13);
        }
        if (life == LIVES - 1) {
            uint64_t number = fly_wal_next(wal) / SMALL;
            while (fly_wal_next(wal) / SMALL == number) {
                append_and_flush(wal, 15000);
            }
            append_and_flush(wal, 30);
            append_and_flush(wal, 30);
        }
        fly_wal_abandon(wal);
    }
}

static void setup(void)
{
    memset(&err, 0, sizeof err);
    memset(&book, 0, sizeof book);
    options = tiny;
    options.in_flight = 1;
    world_init(&world, &(fly_sim_env_options){.disk.direct = true});
}

static void teardown(void)
{
    fly_sim_env_deinit(&world);
}

/* ------------------------------------------------------------------------ opening copies */

/* A copy of the disk, to be damaged. */
static fly_sim_env copy;

static void begin_copy(void)
{
    fly_sim_env_init_with(&copy, NULL, fly_sim_disk_clone(world.disk));
}

/* Open the copy and compare what is there; how many records. */
static fly_status open_copy(size_t *count)
{
    struct replayed replayed = {.book = &book};
    fly_wal_options with = options;
    fly_wal *wal = NULL;
    with.replay = compare_replay;
    with.replay_ctx = &replayed;
    err = (fly_err){0};
    fly_status status = fly_wal_open(&copy.env, DIR, &with, &wal, &err);
    *count = replayed.at;
    fly_wal_abandon(wal);
    return status;
}

/* Read the copy; what the log's end, or the damage, is called; how many records come before. */
static fly_status read_copy(size_t *count)
{
    fly_wal_reader *reader = NULL;
    err = (fly_err){0};
    *count = 0;
    fly_status status = fly_wal_reader_open(&copy.env, DIR, NULL, NULL, NULL, 0, &reader, &err);
    if (status == FLY_OK) {
        *count = book_read(&book, reader, 0, &status, &err);
    }
    fly_wal_reader_close(reader);
    return status == FLY_E_END ? FLY_OK : status;
}

static void end_copy(void)
{
    fly_sim_env_deinit(&copy);
}

static size_t notes_before(uint64_t lsn)
{
    size_t count = 0;
    while (count < book.count && book.notes[count].end <= lsn) {
        count++;
    }
    return count;
}

/* Damage the copy and look at it: an error that names the place, or everything that is known to have
 * been durable. Opening, which takes longer, is asked now and then, and must say the same. */
static void judge(const char *what, uint64_t number, uint64_t offset)
{
    static unsigned judged;
    size_t count;
    size_t wanted = notes_before(known_durable);
    begin_copy();
    FLY_CHECK_OK(fly_sim_disk_flip(copy.disk, segment_name(number), offset * 8 + offset % 8), err);
    fly_status status = read_copy(&count);
    if (status == FLY_OK) {
        ck_assert_msg(count >= wanted, "%s %llu byte %llu: %zu of %zu records", what,
                      (unsigned long long)number, (unsigned long long)offset, count, wanted);
    } else {
        ck_assert_msg(status == FLY_E_CORRUPT, "%s %llu byte %llu: %s: %s", what,
                      (unsigned long long)number, (unsigned long long)offset,
                      fly_status_name(status), err.message);
        ck_assert_msg(strstr(err.message, DIR) != NULL, "no place: %s", err.message);
    }
    if (judged++ % 7 == 0) {
        size_t replayed;
        fly_status opened = open_copy(&replayed);
        ck_assert_msg(opened == status, "reader: %s, opening: %s (%s)", fly_status_name(status),
                      fly_status_name(opened), err.message);
        ck_assert_uint_le(replayed, count); /* it looks at the end first */
        ck_assert(opened != FLY_OK || replayed == count);
    }
    end_copy();
}

/* --------------------------------------------------------------------------- every byte */

START_TEST(no_changed_byte_is_passed_over_in_silence)
{
    options.in_flight = _i == 0 ? 1 : 4;
    write_log();
    uint64_t last = book.notes[book.count - 1].lsn / SMALL;
    ck_assert_uint_eq(last, LIVES);
    for (uint64_t number = 0; number <= last; number++) {
        for (uint64_t at = 0; at < FLY_WAL_BLOCK; at += at < 160 || at >= 4088 ? 1 : 97) {
            judge("header of segment", number, at);
        }
    }
    for (size_t i = 0; i < book.count; i++) {
        const struct note *note = &book.notes[i];
        for (uint64_t at = note->lsn; at < note->end; at += at < note->lsn + 30 ? 1 : 13 * 17) {
            judge("segment", at / SMALL, at % SMALL);
        }
    }
}
END_TEST

/* The same for a log with one segment only, and for one whose first segments were retired. */
START_TEST(no_changed_header_makes_a_log_a_new_one)
{
    fly_wal *wal = NULL;
    FLY_CHECK_OK(book_open(&book, &world.env, &options, 0, &wal, &err), err);
    append_and_flush(wal, 100);
    append_and_flush(wal, 100);
    fly_wal_abandon(wal);
    for (uint64_t at = 0; at < FLY_WAL_BLOCK; at += at < 160 || at >= 4088 ? 1 : 97) {
        judge("the only header", 0, at);
    }
}
END_TEST

/* A log whose only segment has not got a record yet: its number must not be forgotten. */
START_TEST(the_only_segment_of_an_old_log_must_have_a_header)
{
    fly_wal *wal = NULL;
    write_log();
    FLY_CHECK_OK(book_open(&book, &world.env, &options, 0, &wal, &err), err);
    uint64_t number = fly_wal_next(wal) / SMALL;
    fly_wal_retire(wal, fly_wal_next(wal));
    while (fly_wal_first(wal) / SMALL < number) {
        fly_sleep(1000000);
    }
    fly_wal_abandon(wal);
    book.count = 0;
    begin_copy();
    size_t count;
    FLY_CHECK_OK(open_copy(&count), err);
    end_copy();
    begin_copy();
    FLY_CHECK_OK(fly_sim_disk_flip(copy.disk, segment_name(number), 3), err);
    FLY_CHECK(open_copy(&count), FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "header");
    end_copy();
}
END_TEST

/* ------------------------------------------------------------------------ whole segments */

/* Replace a segment in the copy by bytes. */
static void replace(uint64_t number, const uint8_t *bytes, size_t len)
{
    fly_sim_disk_load(copy.disk, segment_name(number), fly_bytes_of(bytes, len));
}

static uint8_t bytes[SMALL];

static void load(uint64_t number)
{
    memset(bytes, 0, sizeof bytes);
    FLY_CHECK_OK(fly_sim_disk_dump(world.disk, segment_name(number), bytes, sizeof bytes, NULL),
                 err);
}

START_TEST(a_segment_that_was_cut_off_is_damage_or_an_end)
{
    write_log();
    uint64_t last = book.notes[book.count - 1].lsn / SMALL;
    for (uint64_t number = 0; number <= last; number++) {
        load(number);
        for (size_t len = 0; len < SMALL; len += len < 4500 ? 100 : 4001) {
            size_t count;
            begin_copy();
            replace(number, bytes, len);
            fly_status status = open_copy(&count);
            ck_assert_msg(status == FLY_E_CORRUPT ||
                              (status == FLY_OK && count >= notes_before(known_durable)) ||
                              (number == last && status == FLY_OK),
                          "segment %llu of %zu bytes: %s", (unsigned long long)number, len,
                          err.message);
            end_copy();
        }
    }
}
END_TEST

START_TEST(a_segment_of_another_log_is_refused)
{
    write_log();
    load(1);
    fly_put_u32(bytes + 16, 0x12345678); /* its uuid */
    fly_put_u32(bytes + 4092, fly_crc32c(0, bytes, 4092));
    begin_copy();
    replace(1, bytes, sizeof bytes);
    size_t count;
    FLY_CHECK(open_copy(&count), FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "another log");
    FLY_CHECK_SAYS(err.message, "000000000001.wal");
    end_copy();
}
END_TEST

START_TEST(a_log_of_another_store_is_refused)
{
    write_log();
    begin_copy();
    memset(options.uuid, 7, sizeof options.uuid);
    size_t count;
    FLY_CHECK(open_copy(&count), FLY_E_FORMAT, err);
    FLY_CHECK_SAYS(err.message, "belongs to another store");
    end_copy();
}
END_TEST

/* Headers with checksums that hold. */
static const struct {
    const char *rule;
    uint16_t offset, width;
    uint64_t value;
    fly_status status;
    const char *complaint;
} forgeries[] = {
    {"another version", 8, 4, 2, FLY_E_FORMAT, "has format version 2"},
    {"version 0", 8, 4, 0, FLY_E_FORMAT, "has format version 0"},
    {"no size", 12, 4, 0, FLY_E_CORRUPT, "contradicts itself"},
    {"an odd size", 12, 4, 65537, FLY_E_CORRUPT, "contradicts itself"},
    {"too small", 12, 4, 32768, FLY_E_CORRUPT, "contradicts itself"},
    {"too large", 12, 4, 0x80000000u, FLY_E_CORRUPT, "contradicts itself"},
    {"another size", 12, 4, 131072, FLY_E_CORRUPT, ""},
    {"previous end behind the segment", 40, 8, 3 * SMALL, FLY_E_CORRUPT, "contradicts itself"},
    {"previous end before the one before", 40, 8, 0, FLY_E_CORRUPT, "contradicts itself"},
    {"encrypted", 64, 4, 1, FLY_E_KEY, "no key was given"},
};

START_TEST(each_forged_header_is_named)
{
    write_log();
    load(2);
    for (uint16_t i = 0; i < forgeries[_i].width; i++) {
        bytes[forgeries[_i].offset + i] = (uint8_t)(forgeries[_i].value >> (8 * i));
    }
    fly_put_u32(bytes + 4092, fly_crc32c(0, bytes, 4092));
    begin_copy();
    replace(2, bytes, sizeof bytes);
    size_t count;
    fly_status status = open_copy(&count);
    ck_assert_msg(status == forgeries[_i].status, "%s: %s: %s", forgeries[_i].rule,
                  fly_status_name(status), err.message);
    ck_assert_msg(strstr(err.message, forgeries[_i].complaint) != NULL, "%s: said \"%s\"",
                  forgeries[_i].rule, err.message);
    end_copy();
}
END_TEST

/* Records of a later version of this library, with checksums that hold. */
START_TEST(flags_that_are_not_known_are_refused)
{
    static const uint16_t unknown[] = {0x1000, 0x8000, 0x9123};
    write_log();
    load(0);
    uint8_t *record = bytes + book.notes[1].lsn;
    fly_put_u16(record + 10, unknown[_i]);
    uint32_t crc = fly_crc32c(0, record, 4);
    fly_put_u32(record + 4, fly_crc32c(crc, record + 8, fly_get_u32(record) - 8));
    begin_copy();
    replace(0, bytes, sizeof bytes);
    size_t count;
    FLY_CHECK(open_copy(&count), FLY_E_FORMAT, err);
    FLY_CHECK_SAYS(err.message, "which this program does not know");
    end_copy();
}
END_TEST

/* --------------------------------------------------------------------- who knows better */

START_TEST(a_log_that_ends_before_what_was_durable_is_refused)
{
    write_log();
    size_t count;
    begin_copy();
    options.durable_to = book.notes[book.count - 1].end;
    FLY_CHECK_OK(open_copy(&count), err);
    ck_assert_uint_eq(count, book.count);
    end_copy();
    begin_copy();
    options.durable_to += 10000;
    FLY_CHECK(open_copy(&count), FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "was durable up to");
    end_copy();
}
END_TEST

/* A replay that cannot begin where it has to is no replay. */
START_TEST(a_log_that_lacks_where_replay_begins_is_refused)
{
    size_t count;
    begin_copy(); /* no log at all */
    options.replay_from = 5000;
    FLY_CHECK(open_copy(&count), FLY_E_CORRUPT, err);
    end_copy();
    options.replay_from = 0;
    write_log();
    begin_copy();
    options.replay_from = 40 * SMALL;
    FLY_CHECK(open_copy(&count), FLY_E_CORRUPT, err);
    end_copy();
    begin_copy();
    FLY_CHECK_OK(fly_vfs_remove(copy.env.vfs, segment_name(0), &err), err);
    options.replay_from = book.notes[0].lsn;
    FLY_CHECK(open_copy(&count), FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "is gone");
    end_copy();
}
END_TEST

/* A directory in which a first life had only just begun. */
START_TEST(a_log_that_had_not_begun_begins)
{
    size_t count;
    memset(bytes, 0, sizeof bytes);
    for (size_t len = 0; len <= SMALL; len += 4096) {
        begin_copy();
        memcpy(bytes, "FlyDBwal", 8); /* a torn header */
        replace(0, bytes, len);
        FLY_CHECK_OK(open_copy(&count), err);
        end_copy();
    }
    begin_copy();
    bytes[5000] = 1; /* but this was a log, or something else */
    replace(0, bytes, SMALL);
    FLY_CHECK(open_copy(&count), FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "000000000000.wal");
    end_copy();
    begin_copy();
    bytes[5000] = 0; /* and this is no first segment */
    replace(3, bytes, SMALL);
    FLY_CHECK(open_copy(&count), FLY_E_CORRUPT, err);
    end_copy();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("damage");
    TCase *every = fly_test_case(suite, "every byte");
    tcase_add_checked_fixture(every, setup, teardown);
    tcase_add_loop_test(every, no_changed_byte_is_passed_over_in_silence, 0, 2);
    tcase_add_test(every, no_changed_header_makes_a_log_a_new_one);
    tcase_add_test(every, the_only_segment_of_an_old_log_must_have_a_header);

    TCase *segments = fly_test_case(suite, "segments");
    tcase_add_checked_fixture(segments, setup, teardown);
    tcase_add_test(segments, a_segment_that_was_cut_off_is_damage_or_an_end);
    tcase_add_test(segments, a_segment_of_another_log_is_refused);
    tcase_add_test(segments, a_log_of_another_store_is_refused);
    tcase_add_loop_test(segments, each_forged_header_is_named, 0,
                        sizeof forgeries / sizeof forgeries[0]);

    tcase_add_loop_test(segments, flags_that_are_not_known_are_refused, 0, 3);

    TCase *knowledge = fly_test_case(suite, "knowledge");
    tcase_add_checked_fixture(knowledge, setup, teardown);
    tcase_add_test(knowledge, a_log_that_ends_before_what_was_durable_is_refused);
    tcase_add_test(knowledge, a_log_that_lacks_where_replay_begins_is_refused);
    tcase_add_test(knowledge, a_log_that_had_not_begun_begins);
    return fly_test_run(suite);
}
