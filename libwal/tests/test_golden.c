/*
 * Goal: logs of every format version that was released still open, and this version writes what its
 * description says.
 * Method: segments kept in golden/, replayed and compared with what is known to be in them; and the
 * same log written anew in a simulated world, where time and identity are the same every time, compared
 * byte by byte. docs/formats/wal.md explains the first of these files.
 */
#include "wal_world.h"

static fly_err err;

/* Two lives, closed: what a closed log keeps of a segment. */
enum { SEGMENTS = 2, BYTES = 2 * FLY_WAL_BLOCK };

static const char *const golden[SEGMENTS] = {"golden/v1-000000000000.wal",
                                             "golden/v1-000000000001.wal"};

/* ctest runs this program in its own folder. */
static void read_golden(int number, uint8_t *bytes)
{
    FILE *file = fopen(golden[number], "rb");
    ck_assert_msg(file != NULL, "\"%s\" is not there: run this in libwal/tests", golden[number]);
    ck_assert_uint_eq(fread(bytes, 1, BYTES, file), BYTES);
    ck_assert_int_eq(fgetc(file), EOF);
    (void)fclose(file);
}

static const struct {
    uint8_t manager, type;
    uint16_t flags;
    const char *payload;
    uint64_t lsn;
} records[] = {
    {1, 2, 0, "milk", 4096},
    {1, 3, 5, "bread", 4120},
    {255, 0, FLY_WAL_USER_FLAGS, "", 69632},
    {16, 7, 1, "a pound of butter", 69656},
};

static fly_wal_options options_of(int life)
{
    fly_wal_options options = tiny;
    options.in_flight = life == 0 ? 2 : 1; /* with pads, and with notes */
    for (uint8_t i = 0; i < 16; i++) {
        options.uuid[i] = (uint8_t)(0x10 + i);
    }
    return options;
}

static fly_status compare_record(void *ctx, const fly_wal_record *record, fly_err *why)
{
    size_t i = (*(size_t *)ctx)++;
    (void)why;
    ck_assert_uint_lt(i, sizeof records / sizeof records[0]);
    ck_assert_uint_eq(record->lsn, records[i].lsn);
    ck_assert_uint_eq(record->manager, records[i].manager);
    ck_assert_uint_eq(record->type, records[i].type);
    ck_assert_uint_eq(record->flags, records[i].flags);
    ck_assert(fly_bytes_equal(record->payload, fly_bytes_str(records[i].payload)));
    return FLY_OK;
}

START_TEST(version_1_is_read)
{
    static uint8_t bytes[BYTES];
    fly_sim_env world;
    fly_wal *wal = NULL;
    size_t seen = 0;
    fly_wal_options options = options_of(1);
    options.replay = compare_record;
    options.replay_ctx = &seen;
    world_init(&world, NULL);
    for (int i = 0; i < SEGMENTS; i++) {
        read_golden(i, bytes);
        fly_sim_disk_load(world.disk, segment_name((uint64_t)i), fly_bytes_of(bytes, BYTES));
    }
    FLY_CHECK_OK(fly_wal_open(&world.env, DIR, &options, &wal, &err), err);
    ck_assert_uint_eq(seen, sizeof records / sizeof records[0]);
    fly_wal_abandon(wal);
    fly_sim_env_deinit(&world);
}
END_TEST

START_TEST(this_version_writes_the_golden_files)
{
    static uint8_t wanted[BYTES];
    static uint8_t written[BYTES];
    fly_sim_env world;
    world_init(&world, &(fly_sim_env_options){.disk.direct = true});
    for (int life = 0; life < SEGMENTS; life++) {
        fly_wal *wal = NULL;
        fly_wal_options options = options_of(life);
        FLY_CHECK_OK(fly_wal_open(&world.env, DIR, &options, &wal, &err), err);
        for (size_t i = (size_t)life * 2; i < (size_t)life * 2 + 2; i++) {
            fly_bytes piece = fly_bytes_str(records[i].payload);
            FLY_CHECK_OK(fly_wal_append(wal, records[i].manager, records[i].type, records[i].flags,
                                        &piece, 1, NULL, NULL, &err),
                         err);
        }
        FLY_CHECK_OK(fly_wal_close(wal, &err), err);
    }
    for (int i = 0; i < SEGMENTS; i++) {
        uint64_t len = 0;
        FLY_CHECK_OK(fly_sim_disk_dump(world.disk, segment_name((uint64_t)i), written, BYTES, &len),
                     err);
        read_golden(i, wanted);
        for (size_t at = 0; at < BYTES; at++) {
            if (written[at] != wanted[at]) {
                ck_abort_msg("byte %zu of \"%s\" is 0x%02x, not 0x%02x", at, golden[i], written[at],
                             wanted[at]);
            }
        }
    }
    fly_sim_env_deinit(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("golden");
    TCase *tests = fly_test_case(suite, "golden files");
    tcase_add_test(tests, version_1_is_read);
    tcase_add_test(tests, this_version_writes_the_golden_files);
    return fly_test_run(suite);
}
