/*
 * Goal: long payloads that can be shortened are, and all come back as they were; bytes that claim to be
 * compressed and are not, or would grow without bounds, are refused.
 * Method: a log on the simulated disk; its records changed, with checksums made to fit.
 */
#include <fly/wal_zstd.h>

#include <fly/base_bytes.h>
#include <fly/base_check.h>
#include <fly/base_hash.h>
#include <fly/base_testing.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIR "log"

enum { SEGMENT = 256 << 10, LENGTH_MAX = 60000, THRESHOLD = 600 };

static fly_sim_env world;
static fly_wal_compressor *compressor;
static fly_err err;
static uint8_t segment[SEGMENT];
static uint8_t payload[LENGTH_MAX];

static void setup(void)
{
    memset(&err, 0, sizeof err);
    fly_sim_env_init(&world, &(fly_sim_env_options){.disk.direct = true});
    FLY_CHECK_OK(fly_vfs_make_dir(world.env.vfs, DIR, &err), err);
    FLY_CHECK_OK(fly_wal_zstd_create(&world.env, &(fly_wal_zstd_options){.threshold = THRESHOLD},
                                     &compressor, &err),
                 err);
}

static void teardown(void)
{
    fly_wal_zstd_destroy(compressor);
    fly_sim_env_deinit(&world);
}

/* Lengths around the threshold, and long ones; of each a payload that compresses and one that does
 * not. */
static const size_t lengths[] = {0, 1, 4, 5, 599, 600, 601, 4096, 20000, LENGTH_MAX};

enum { RECORDS = 2 * sizeof lengths / sizeof lengths[0] };

static size_t fill(uint32_t i, uint8_t *bytes)
{
    size_t len = lengths[i / 2];
    fly_rng rng;
    fly_rng_init(&rng, i);
    for (size_t j = 0; j < len; j++) {
        bytes[j] = i % 2 == 0 ? (uint8_t)(j / 50) : (uint8_t)fly_rng_next(&rng);
    }
    return len;
}

static fly_status count(void *ctx, const fly_wal_record *record, fly_err *why)
{
    uint32_t *seen = ctx;
    (void)why;
    size_t len = fill(*seen, payload);
    FLY_ASSERT(record->payload.len == len);
    FLY_ASSERT(len == 0 || memcmp(record->payload.data, payload, len) == 0);
    FLY_ASSERT(record->flags == (*seen & FLY_WAL_USER_FLAGS));
    ++*seen;
    return FLY_OK;
}

static fly_status open_log(const fly_wal_compressor *with, fly_wal **wal, uint32_t *seen)
{
    fly_wal_options options = {.segment_size = SEGMENT,
                               .ring_size = SEGMENT,
                               .in_flight = 1,
                               .compressor = with,
                               .replay = count,
                               .replay_ctx = seen};
    *seen = 0;
    *wal = NULL;
    err = (fly_err){0};
    return fly_wal_open(&world.env, DIR, &options, wal, &err);
}

static void write_log(void)
{
    fly_wal *wal;
    uint32_t seen;
    FLY_CHECK_OK(open_log(compressor, &wal, &seen), err);
    for (uint32_t i = 0; i < RECORDS; i++) {
        fly_bytes piece = fly_bytes_of(payload, fill(i, payload));
        fly_bytes pieces[2] = {fly_bytes_of(piece.data, piece.len / 2),
                               fly_bytes_of(piece.data + piece.len / 2, piece.len - piece.len / 2)};
        FLY_CHECK_OK(fly_wal_append(wal, 1, 1, (uint16_t)i, pieces, 2, NULL, NULL, &err), err);
    }
    FLY_CHECK_OK(fly_wal_close(wal, &err), err);
}

static void load(void)
{
    memset(segment, 0, sizeof segment);
    FLY_CHECK_OK(fly_sim_disk_dump(world.disk, DIR "/000000000000.wal", segment, SEGMENT, NULL),
                 err);
}

/* Where record `i` is in the first segment. */
static uint8_t *record_at(uint32_t i)
{
    uint8_t *at = segment + FLY_WAL_BLOCK;
    for (uint32_t j = 0; j < i; j++) {
        at += (fly_get_u32(at) + 7) / 8 * 8;
    }
    return at;
}

static void reseal(uint8_t *record)
{
    uint32_t crc = fly_crc32c(0, record, 4);
    fly_put_u32(record + 4, fly_crc32c(crc, record + 8, fly_get_u32(record) - 8));
}

static void store(void)
{
    fly_sim_disk_load(world.disk, DIR "/000000000000.wal", fly_bytes_of(segment, SEGMENT));
}

START_TEST(everything_comes_back)
{
    fly_wal *wal;
    uint32_t seen;
    write_log();
    FLY_CHECK_OK(open_log(compressor, &wal, &seen), err);
    ck_assert_uint_eq(seen, RECORDS);
    fly_wal_abandon(wal);
}
END_TEST

START_TEST(what_gets_shorter_is_compressed_and_the_rest_is_not)
{
    write_log();
    load();
    for (uint32_t i = 0; i < RECORDS; i++) {
        size_t len = fill(i, payload);
        const uint8_t *record = record_at(i);
        size_t stored = fly_get_u32(record) - FLY_WAL_HEADER;
        bool compressed = (fly_get_u16(record + 10) & 0x4000) != 0;
        ck_assert_int_eq(compressed, len >= THRESHOLD && i % 2 == 0);
        if (compressed) {
            ck_assert_uint_lt(stored, len / 2);
            ck_assert_uint_eq(fly_get_u32(record + FLY_WAL_HEADER), len);
        } else {
            ck_assert_uint_eq(stored, len);
        }
    }
}
END_TEST

/* With any threshold there must be room for the length that stands before a compressed payload. */
START_TEST(the_shortest_payloads_are_left_alone)
{
    fly_wal_compressor *eager = NULL;
    fly_wal *wal;
    uint32_t seen;
    FLY_CHECK_OK(
        fly_wal_zstd_create(&world.env, &(fly_wal_zstd_options){.threshold = 1}, &eager, &err),
        err);
    FLY_CHECK_OK(open_log(eager, &wal, &seen), err);
    for (uint32_t i = 0; i < 8; i++) { /* of 0, 1, 4 and 5 bytes */
        fly_bytes piece = fly_bytes_of(payload, fill(i, payload));
        FLY_CHECK_OK(fly_wal_append(wal, 1, 1, (uint16_t)i, &piece, 1, NULL, NULL, &err), err);
    }
    FLY_CHECK_OK(fly_wal_close(wal, &err), err);
    FLY_CHECK_OK(open_log(eager, &wal, &seen), err);
    ck_assert_uint_eq(seen, 8);
    fly_wal_abandon(wal);
    fly_wal_zstd_destroy(eager);
}
END_TEST

START_TEST(without_a_compressor_it_says_so)
{
    fly_wal *wal;
    uint32_t seen;
    write_log();
    FLY_CHECK(open_log(NULL, &wal, &seen), FLY_E_UNSUPPORTED, err);
    FLY_CHECK_SAYS(err.message, "is compressed");
}
END_TEST

/* Each byte of a compressed payload, and its length. A frame may still be sound with some of them
 * changed: then the bytes are others, which is the checksum's business. */
START_TEST(a_changed_frame_is_refused_or_has_the_right_length)
{
    write_log();
    load();
    uint8_t *record = record_at(12);
    size_t stored = fly_get_u32(record) - FLY_WAL_HEADER;
    uint32_t refused = 0;
    for (size_t i = 0; i < stored; i++) {
        record[FLY_WAL_HEADER + i] ^= 0x08;
        reseal(record);
        store();
        record[FLY_WAL_HEADER + i] ^= 0x08;
        fly_wal_reader *reader;
        fly_wal_record read;
        fly_status status;
        FLY_CHECK_OK(fly_wal_reader_open(&world.env, DIR, NULL, NULL, compressor, 0, &reader, &err),
                     err);
        for (uint32_t j = 0; j < 12; j++) {
            FLY_CHECK_OK(fly_wal_reader_next(reader, &read, &err), err);
        }
        status = fly_wal_reader_next(reader, &read, &err);
        if (status == FLY_OK) {
            ck_assert_uint_eq(read.payload.len, lengths[6]);
        } else {
            FLY_CHECK((fly_status)status, FLY_E_CORRUPT, err);
            refused++;
        }
        fly_wal_reader_close(reader);
    }
    ck_assert_uint_gt(refused, 4);
}
END_TEST

/* A length that no record can have had is refused before memory is taken. */
START_TEST(a_bomb_is_refused)
{
    static const uint32_t claims[] = {SEGMENT / 2 + 1, 1 << 28, 0x7fffffff, 0xffffffff};
    fly_wal *wal;
    uint32_t seen;
    write_log();
    load();
    uint8_t *record = record_at(12);
    fly_put_u32(record + FLY_WAL_HEADER, claims[_i]);
    reseal(record);
    store();
    FLY_CHECK(open_log(compressor, &wal, &seen), FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "says it was");
}
END_TEST

START_TEST(only_levels_that_there_are)
{
    fly_wal_compressor *made = NULL;
    FLY_CHECK(fly_wal_zstd_create(&world.env, &(fly_wal_zstd_options){.level = 1000}, &made, &err),
              FLY_E_INVALID, err);
    FLY_CHECK_SAYS(err.message, "and not 1000");
    FLY_CHECK_OK(fly_wal_zstd_create(&world.env, NULL, &made, &err), err);
    ck_assert_uint_eq(made->threshold, FLY_WAL_ZSTD_THRESHOLD_DEFAULT);
    fly_wal_zstd_destroy(made);
    fly_wal_zstd_destroy(NULL);
}
END_TEST

static fly_status work(fly_sim_env *with, void *ctx)
{
    (void)ctx;
    fly_err why = {0};
    fly_wal_compressor *made = NULL;
    fly_wal *wal = NULL;
    uint32_t seen = 0;
    fly_wal_options options = {.segment_size = SEGMENT, .ring_size = SEGMENT, .in_flight = 1};
    fly_status status = fly_vfs_make_dir(with->env.vfs, DIR, &why);
    if (status == FLY_OK) {
        status = fly_wal_zstd_create(&with->env, NULL, &made, &why);
    }
    options.compressor = made;
    if (status == FLY_OK) {
        status = fly_wal_open(&with->env, DIR, &options, &wal, &why);
    }
    for (uint32_t i = 0; i < RECORDS && status == FLY_OK; i++) {
        fly_bytes piece = fly_bytes_of(payload, fill(i, payload));
        status = fly_wal_append(wal, 1, 1, (uint16_t)i, &piece, 1, NULL, NULL, &why);
    }
    if (wal != NULL) {
        fly_status closed = fly_wal_close(wal, &why);
        status = status == FLY_OK ? closed : status;
    }
    options.replay = count;
    options.replay_ctx = &seen;
    if (status == FLY_OK) {
        status = fly_wal_open(&with->env, DIR, &options, &wal, &why);
        if (status == FLY_OK) {
            FLY_ASSERT(seen == RECORDS);
            fly_wal_abandon(wal);
        }
    }
    fly_wal_zstd_destroy(made);
    return status;
}

START_TEST(every_failure_comes_out_as_an_error)
{
    fly_test_fault_options options = {.threads = true, .stride = 7};
    ck_assert(fly_test_each_fault("a compressed log", &options, work, NULL, NULL));
}
END_TEST

/* Threads that append compressed records at the same time. */
static fly_wal *shared;

static void append_some(void *arg)
{
    fly_err why = {0};
    uint8_t bytes[4096];
    (void)arg;
    for (uint32_t i = 0; i < 200; i++) {
        memset(bytes, (int)(i % 256), sizeof bytes);
        fly_bytes piece = fly_bytes_of(bytes, sizeof bytes);
        fly_status status = fly_wal_append(shared, 1, 1, 0, &piece, 1, NULL, NULL, &why);
        FLY_ASSERT(status == FLY_OK);
    }
}

static fly_status check_same(void *ctx, const fly_wal_record *record, fly_err *why)
{
    (void)why;
    FLY_ASSERT(record->payload.len == 4096);
    FLY_ASSERT(memcmp(record->payload.data, record->payload.data + 1, 4095) == 0);
    ++*(uint32_t *)ctx;
    return FLY_OK;
}

START_TEST(threads_may_share_it)
{
    fly_thread threads[4];
    uint32_t seen = 0;
    fly_wal_options options = {
        .segment_size = SEGMENT, .ring_size = SEGMENT, .compressor = compressor};
    FLY_CHECK_OK(fly_wal_open(&world.env, DIR, &options, &shared, &err), err);
    for (int i = 0; i < 4; i++) {
        FLY_CHECK_OK(
            fly_thread_start(world.env.sched, &threads[i], "appender", append_some, NULL, &err),
            err);
    }
    for (int i = 0; i < 4; i++) {
        fly_thread_join(&threads[i]);
    }
    FLY_CHECK_OK(fly_wal_close(shared, &err), err);
    options.replay = check_same;
    options.replay_ctx = &seen;
    FLY_CHECK_OK(fly_wal_open(&world.env, DIR, &options, &shared, &err), err);
    ck_assert_uint_eq(seen, 800);
    fly_wal_abandon(shared);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("zstd");
    TCase *tests = fly_test_case(suite, "log");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, everything_comes_back);
    tcase_add_test(tests, what_gets_shorter_is_compressed_and_the_rest_is_not);
    tcase_add_test(tests, the_shortest_payloads_are_left_alone);
    tcase_add_test(tests, without_a_compressor_it_says_so);
    tcase_add_test(tests, a_changed_frame_is_refused_or_has_the_right_length);
    tcase_add_loop_test(tests, a_bomb_is_refused, 0, 4);
    tcase_add_test(tests, only_levels_that_there_are);
    tcase_add_test(tests, every_failure_comes_out_as_an_error);
    tcase_add_test(tests, threads_may_share_it);
    return fly_test_run(suite);
}
