/*
 * Goal: the driver finds every way in which a crash can undo what was acknowledged or leave half of
 * what was not, and passes a store that gets it right.
 * Method: the smallest store that has a recovery, a log of numbers that is now and then folded into
 * a table; right, and then with one step left out at a time.
 */
#define _GNU_SOURCE
#include <fly/base_fault.h>

#include <fly/base_bytes.h>
#include <fly/base_check.h>
#include <fly/base_hash.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef enum omission {
    NOTHING,
    DIR_SYNC,      /* after recovery has made a log and a table */
    LOG_SYNC,      /* after a record is appended */
    CHECKSUM,      /* of a record */
    TABLE_SYNC,    /* before the new table takes its name */
    RENAME_SYNC,   /* before the log is emptied */
    RECOVERY_SYNC, /* of the table that recovery makes: a crash during recovery shows it */
} omission;

/*
 * "log": records that say "number n adds x", each with a checksum, and long enough to lie across
 * sectors. "table": how many numbers were added, their sum, a checksum. A fold writes a new table and
 * empties the log; a record that is in the table already is not added again.
 */
enum { RECORD = 320, VALUE = 312, SUM = 316, TABLE = 20 };

/* What a client knows: it was told that these are kept. */
struct store {
    omission left_out;
    uint64_t acknowledged; /* numbers 1, 2, 3, ... up to this one */
    uint64_t attempted;    /* the one under way */
};

static fly_status put_table(fly_sim_env *world, uint64_t count, uint64_t sum, bool sync,
                            bool sync_name)
{
    fly_vfs *vfs = world->env.vfs;
    uint8_t bytes[TABLE];
    fly_put_u64(bytes, count);
    fly_put_u64(bytes + 8, sum);
    fly_put_u32(bytes + 16, fly_crc32c(0, bytes, 16));
    fly_file *file = NULL;
    unsigned flags = FLY_OPEN_WRITE | FLY_OPEN_CREATE | FLY_OPEN_TRUNCATE;
    fly_status status = fly_file_open(vfs, "tmp", flags, &file, NULL);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_file_write(file, 0, bytes, sizeof bytes, 0, NULL);
    if (status == FLY_OK && sync) {
        status = fly_file_sync(file, NULL);
    }
    fly_file_abandon(file);
    if (status == FLY_OK) {
        status = fly_vfs_rename(vfs, "tmp", "table", NULL);
    }
    return status == FLY_OK && sync_name ? fly_vfs_sync_dir(vfs, ".", NULL) : status;
}

static fly_status get_table(fly_sim_env *world, uint64_t *count, uint64_t *sum)
{
    uint8_t bytes[TABLE];
    fly_file *file = NULL;
    *count = 0;
    *sum = 0;
    fly_status status = fly_file_open(world->env.vfs, "table", 0, &file, NULL);
    if (status != FLY_OK) {
        return status == FLY_E_NOT_FOUND ? FLY_OK : status;
    }
    status = fly_file_read(file, 0, bytes, sizeof bytes, NULL);
    fly_file_abandon(file);
    if (status != FLY_OK || fly_get_u32(bytes + 16) != fly_crc32c(0, bytes, 16)) {
        return FLY_E_CORRUPT;
    }
    *count = fly_get_u64(bytes);
    *sum = fly_get_u64(bytes + 8);
    return FLY_OK;
}

/* Add what the log has beyond the table, up to the first record that is no record. */
static fly_status replay(fly_sim_env *world, fly_file *log, omission left_out, uint64_t *count,
                         uint64_t *sum)
{
    uint8_t record[RECORD];
    size_t got = 0;
    (void)world;
    for (uint64_t at = 0;; at += RECORD) {
        fly_status status = fly_file_read_some(log, at, record, sizeof record, &got, NULL);
        if (status != FLY_OK || got < sizeof record) {
            return status;
        }
        uint64_t number = fly_get_u64(record);
        bool whole = fly_get_u32(record + SUM) == fly_crc32c(0, record, SUM);
        if (number == 0 || (!whole && left_out != CHECKSUM) || number > *count + 1) {
            return FLY_OK;
        }
        if (number == *count + 1) {
            *count = number;
            *sum += fly_get_u32(record + VALUE);
        }
    }
}

/* Open the store: what it holds, folded into the table, and an empty log. */
static fly_status recover(fly_sim_env *world, omission left_out, fly_file **log, uint64_t *count,
                          uint64_t *sum)
{
    fly_vfs *vfs = world->env.vfs;
    fly_status status = get_table(world, count, sum);
    if (status == FLY_OK) {
        status = fly_file_open(vfs, "log", FLY_OPEN_WRITE | FLY_OPEN_CREATE, log, NULL);
    }
    if (status == FLY_OK) {
        status = replay(world, *log, left_out, count, sum);
    }
    if (status == FLY_OK) {
        status = put_table(world, *count, *sum, left_out != RECOVERY_SYNC, left_out != DIR_SYNC);
    }
    if (status == FLY_OK) {
        status = fly_file_truncate(*log, 0, NULL);
    }
    return status == FLY_OK ? fly_file_sync(*log, NULL) : status;
}

static fly_status append(struct store *store, fly_file *log, uint64_t at, uint64_t number)
{
    uint8_t record[RECORD] = {0};
    fly_put_u64(record, number);
    fly_put_u32(record + VALUE, (uint32_t)(number * number));
    fly_put_u32(record + SUM, fly_crc32c(0, record, SUM));
    store->attempted = number;
    fly_status status = fly_file_write(log, at, record, sizeof record, 0, NULL);
    if (status == FLY_OK && store->left_out != LOG_SYNC) {
        status = fly_file_sync_data(log, NULL);
    }
    if (status == FLY_OK) {
        store->acknowledged = number;
    }
    return status;
}

static uint64_t sum_to(uint64_t count)
{
    uint64_t sum = 0;
    for (uint64_t i = 1; i <= count; i++) {
        sum += (uint32_t)(i * i);
    }
    return sum;
}

/* Append numbers; fold after every third. */
static fly_status work(fly_sim_env *world, void *ctx)
{
    struct store *store = ctx;
    fly_file *log = NULL;
    uint64_t count;
    uint64_t sum;
    omission at_first = store->left_out == RECOVERY_SYNC ? NOTHING : store->left_out;
    fly_status status = recover(world, at_first, &log, &count, &sum);
    uint64_t at = 0;
    for (uint64_t number = 1; status == FLY_OK && number <= 8; number++, at += RECORD) {
        status = append(store, log, at, number);
        if (status == FLY_OK && number % 3 == 0) {
            status = put_table(world, number, sum_to(number), store->left_out != TABLE_SYNC,
                               store->left_out != RENAME_SYNC);
            at = (uint64_t)0 - RECORD;
            if (status == FLY_OK) {
                status = fly_file_truncate(log, 0, NULL);
            }
            if (status == FLY_OK) {
                status = fly_file_sync(log, NULL);
            }
        }
    }
    fly_file_abandon(log);
    return status;
}

/* Everything acknowledged is there, and of the number under way all or nothing. */
static void verify(fly_sim_env *world, void *ctx)
{
    const struct store *store = ctx;
    fly_file *log = NULL;
    uint64_t count = 0;
    uint64_t sum = 0;
    fly_err err = {0};
    FLY_ASSERT(fly_sched_current() == fly_sched_os()); /* nobody else gets a turn meanwhile */
    FLY_CHECK_OK(recover(world, store->left_out, &log, &count, &sum), err);
    FLY_ASSERT(count >= store->acknowledged);
    FLY_ASSERT(count <= store->attempted);
    FLY_ASSERT(sum == sum_to(count));
    fly_file_abandon(log);
}

static bool run_silently(omission left_out, const fly_test_crash_options *options)
{
    struct store store = {.left_out = left_out};
    FILE *nowhere = fopen("/dev/null", "w");
    ck_assert_ptr_nonnull(nowhere);
    int before = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(fileno(nowhere), STDERR_FILENO), 0);
    bool passed = fly_test_each_crash("a small store", options, work, verify, &store);
    ck_assert_int_ge(dup2(before, STDERR_FILENO), 0);
    (void)fclose(nowhere);
    return passed;
}

START_TEST(a_store_that_gets_it_right_passes)
{
    struct store store = {.left_out = NOTHING};
    ck_assert(fly_test_each_crash("a small store", NULL, work, verify, &store));
    fly_test_crash_options options = {.threads = true, .seeds = 1, .world.seed = 5};
    ck_assert(fly_test_each_crash("a small store", &options, work, verify, &store));
}
END_TEST

START_TEST(every_omission_is_found)
{
    static const omission all[] = {DIR_SYNC, LOG_SYNC, CHECKSUM, TABLE_SYNC, RENAME_SYNC};
    ck_assert_msg(!run_silently(all[_i], &(fly_test_crash_options){.once = true}),
                  "omission %d was not found", (int)all[_i]);
}
END_TEST

START_TEST(what_only_a_second_crash_shows_takes_a_second_crash)
{
    fly_test_crash_options options = {.seeds = 8, .once = true};
    ck_assert(run_silently(RECOVERY_SYNC, &options));
    options.once = false;
    ck_assert(!run_silently(RECOVERY_SYNC, &options));
}
END_TEST

START_TEST(strides_and_rounds_decide_how_much_is_tried)
{
    fly_test_crash_options options = {.stride = 1000000, .once = true};
    ck_assert(run_silently(LOG_SYNC, &options));
    ck_assert_int_eq(setenv("FLY_TEST_ROUNDS", "1000000", 1), 0);
    ck_assert(!run_silently(LOG_SYNC, &options));
}
END_TEST

static fly_status refuse(fly_sim_env *world, void *ctx)
{
    (void)world;
    (void)ctx;
    return FLY_E_INVALID;
}

START_TEST(work_that_fails_is_no_test)
{
    struct store store = {.left_out = NOTHING};
    ck_assert(!fly_test_each_crash("failing", NULL, refuse, verify, &store));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("each_crash");
    TCase *tests = fly_test_case(suite, "each crash");
    tcase_add_test(tests, a_store_that_gets_it_right_passes);
    tcase_add_loop_test(tests, every_omission_is_found, 0, 5);
    tcase_add_test(tests, what_only_a_second_crash_shows_takes_a_second_crash);
    tcase_add_test(tests, strides_and_rounds_decide_how_much_is_tried);
    tcase_add_test(tests, work_that_fails_is_no_test);
    return fly_test_run(suite);
}
