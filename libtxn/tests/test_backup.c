/*
 * Goal: a backup that is taken while others write is a store as of its end; and with the log since then it
 * can be made the store as of any moment after.
 * Method: writers that keep a sum, under the simulated scheduler, while a backup runs; a history of which
 * each step's LSN and time are known, restored to each of them.
 */
#include "txn_world.h"

#include <fly/base_hash.h>
#include <fly/base_sched.h>

#include <inttypes.h>

/* ------------------------------------------------------------------- while others write */

enum { ACCOUNTS = 40, BALANCE = 100, WRITERS = 2, BACKUPS = 2 };

static fly_atomic_u32 stop_writing;
static uint64_t run_seed;

static fly_bytes account(uint64_t number, char name[16])
{
    return fly_bytes_of(name, (size_t)snprintf(name, 16, "%03d", (int)number));
}

static long balance_of(fly_txn *txn, fly_tree *in, uint64_t number)
{
    char name[16];
    long amount = 0;
    char value[900];
    uint64_t len;
    fly_err story = {0};
    fly_status status =
        fly_txn_get(txn, in, account(number, name), value, sizeof value, &len, &story);
    FLY_ASSERT(status == FLY_OK);
    memcpy(&amount, value, sizeof amount);
    return amount;
}

/* Values differ in length, so that pages split and merge while they are copied. */
static fly_status set_balance(fly_txn *txn, uint64_t number, long amount, size_t len)
{
    char name[16];
    char value[900] = {0};
    fly_err story = {0};
    memcpy(value, &amount, sizeof amount);
    return fly_txn_put(txn, tree, account(number, name), fly_bytes_of(value, len), &story);
}

static void transfer_for_a_while(void *arg)
{
    fly_rng rng;
    fly_rng_init(&rng, run_seed * WRITERS + (uint64_t)(uintptr_t)arg);
    while (fly_load_u32(&stop_writing) == 0) {
        fly_txn *txn = NULL;
        fly_err story = {0};
        uint64_t from = fly_rng_below(&rng, ACCOUNTS);
        uint64_t to = fly_rng_below(&rng, ACCOUNTS);
        fly_txn_options how = {.isolation = FLY_ISOLATION_SERIALIZABLE};
        FLY_ASSERT(fly_txn_begin(store, &how, &txn, &story) == FLY_OK);
        fly_status status = FLY_OK;
        if (from != to) {
            long a = balance_of(txn, tree, from);
            long b = balance_of(txn, tree, to);
            status = set_balance(txn, from, a - 1, 8 + fly_rng_below(&rng, 800));
            if (status == FLY_OK) {
                status = set_balance(txn, to, b + 1, 8 + fly_rng_below(&rng, 800));
            }
        }
        if (status == FLY_OK) {
            status = fly_txn_commit(txn, &story);
        } else {
            fly_txn_rollback(txn);
        }
        FLY_ASSERT(status == FLY_OK || status == FLY_E_CONFLICT || status == FLY_E_DEADLOCK);
    }
}

static void back_up_while_writing(fly_sim_env *env, void *ctx)
{
    (void)ctx;
    fly_err story = {0};
    fly_thread writers[WRITERS];
    options = small_store();
    options.manual = false;
    options.checkpoint_bytes = 128 * KIB;
    options.buffered = run_seed % 2 == 0;
    FLY_ASSERT(fly_store_open(&env->env, "data", &options, &store, &story) == FLY_OK);
    tree = make_tree("t");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    for (uint64_t i = 0; i < ACCOUNTS; i++) {
        FLY_ASSERT(set_balance(txn, i, BALANCE, 100) == FLY_OK);
    }
    commit(txn);
    fly_store_u32(&stop_writing, 0);
    for (uint32_t i = 0; i < WRITERS; i++) {
        FLY_ASSERT(fly_thread_start(env->env.sched, &writers[i], "writer", transfer_for_a_while,
                                    (void *)(uintptr_t)i, NULL) == FLY_OK);
    }
    for (int i = 0; i < BACKUPS; i++) {
        char dir[16];
        (void)snprintf(dir, sizeof dir, "backup%d", i);
        fly_status status = fly_store_backup_to(store, dir, NULL, &story);
        if (status != FLY_OK) {
            (void)fprintf(stderr, "%s\n", story.message);
            abort();
        }
    }
    fly_store_u32(&stop_writing, 1);
    for (uint32_t i = 0; i < WRITERS; i++) {
        fly_thread_join(&writers[i]);
    }
    FLY_ASSERT(fly_store_close(store, &story) == FLY_OK);
}

static void look_at_sum(const char *dir)
{
    long sum = 0;
    fly_err story = {0};
    options.manual = true;
    fly_status status = fly_store_open(&world.env, dir, &options, &store, &story);
    if (status != FLY_OK) {
        (void)fprintf(stderr, "%s: %s\n", dir, story.message);
        abort();
    }
    tree = find_tree("t");
    fly_txn *txn = begin(FLY_ISOLATION_SNAPSHOT);
    for (uint64_t i = 0; i < ACCOUNTS; i++) {
        sum += balance_of(txn, tree, i);
    }
    commit(txn);
    FLY_ASSERT(sum == ACCOUNTS * BALANCE);
    FLY_ASSERT(fly_store_verify(store, NULL, NULL, &story) == FLY_OK);
    FLY_ASSERT(fly_store_close(store, &story) == FLY_OK);
}

static void try_seed(void *ctx, uint64_t seed)
{
    (void)ctx;
    fly_sim_report report;
    fly_sim_env_options how = {.seed = seed,
                               .sched = {.kind = seed % 3 == 0 ? FLY_SIM_PCT : FLY_SIM_RANDOM,
                                         .pct_steps = 50000,
                                         .steps_max = 50000000}};
    run_seed = seed;
    fly_sim_env_init(&world, &how);
    if (fly_sim_env_run(&world, back_up_while_writing, NULL, &report) != FLY_SIM_DONE) {
        (void)fputs(report.text, stderr);
        abort();
    }
    look_at_sum("backup0");
    look_at_sum("backup1");
    look_at_sum("data");
    fly_sim_env_deinit(&world);
}

START_TEST(a_backup_is_a_store_as_of_its_end)
{
    ck_assert(fly_test_seeds("backups while others write", 12, try_seed, NULL));
}
END_TEST

/* ------------------------------------------------------------------------- points in time */

enum { MOMENTS = 40, SEGMENT = 64 * KIB, COPY = 80 * KIB };

struct moment {
    uint64_t lsn;
    uint64_t time;
};

/* Copy a file of the simulated disk. */
static void copy_file(const char *from, const char *to)
{
    static char buffer[COPY];
    uint64_t len = 0;
    ck_assert(fly_sim_disk_dump(world.disk, from, buffer, sizeof buffer, &len) == FLY_OK);
    ck_assert_uint_le(len, sizeof buffer);
    fly_sim_disk_load(world.disk, to, fly_bytes_of(buffer, (size_t)len));
}

/* What the store calls when a segment is complete. */
static fly_status keep_segment(void *ctx, const char *path, uint64_t segment, fly_err *err_)
{
    char name[FLY_WAL_NAME_MAX];
    char to[64];
    (void)ctx;
    (void)err_;
    fly_wal_segment_name(segment, name);
    (void)snprintf(to, sizeof to, "archive/%s", name);
    copy_file(path, to);
    return FLY_OK;
}

static void keep_left_segment(void *ctx, const char *name)
{
    uint64_t number;
    char(*names)[FLY_WAL_NAME_MAX] = ctx;
    if (fly_wal_segment_number(name, &number)) {
        while ((*names)[0] != '\0') {
            names++;
        }
        (void)snprintf(*names, sizeof *names, "%s", name);
    }
}

/* What is left of the log after the disaster goes to the archive too. */
static void keep_what_is_left(void)
{
    static char names[64][FLY_WAL_NAME_MAX];
    memset(names, 0, sizeof names);
    ck_assert(fly_vfs_list(world.env.vfs, "data/wal", keep_left_segment, names, &err) == FLY_OK);
    for (int i = 0; names[i][0] != '\0'; i++) {
        char from[64];
        char to[64];
        (void)snprintf(from, sizeof from, "data/wal/%s", names[i]);
        (void)snprintf(to, sizeof to, "archive/%s", names[i]);
        copy_file(from, to);
    }
}

static struct moment moments[MOMENTS];

/* A store whose counter has gone from 0 to MOMENTS - 1, with a backup taken at 5. */
static void set_up_history(void)
{
    char value[16];
    static char filler[7000];
    memset(filler, 'f', sizeof filler - 1);
    set_up_world();
    options.archive = keep_segment;
    open_store();
    tree = make_tree("t");
    fly_sim_disk_load(world.disk, "archive/none", fly_bytes_of("", 0));
    for (int i = 0; i < MOMENTS; i++) {
        (void)snprintf(value, sizeof value, "%d", i);
        fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
        put(txn, "counter", value);
        put(txn, value, filler);
        commit(txn);
        moments[i] = (struct moment){fly_wal_next(fly_store_wal(store)) - 1,
                                     world.env.wall_time(&world.env) - 1}; /* the commit's own */
        if (i == 5) {
            FLY_CHECK_OK(fly_store_backup_to(store, "backup", NULL, &err), err);
        }
        if (i % 10 == 9) {
            FLY_CHECK_OK(fly_store_checkpoint(store, &err), err);
        }
    }
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT); /* never committed */
    put(txn, "counter", "none");
    FLY_CHECK_OK(fly_wal_flush(fly_store_wal(store), fly_wal_next(fly_store_wal(store)),
                               FLY_DURABILITY_FULL, &err),
                 err);
    fly_store_abandon(store);
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_ALL, 1);
    keep_what_is_left();
    store = NULL;
}

static void tear_down_history(void)
{
    ck_assert_uint_eq(fly_sim_disk_handles(world.disk), 0);
    tear_down_world();
}

/* Restore with these options; the counter must stand at `wanted`. */
static void restored_counter_is(const fly_store_options *how, int wanted)
{
    char value[16];
    (void)snprintf(value, sizeof value, "%d", wanted);
    FLY_CHECK_OK(fly_store_restore(&world.env, "backup", "archive", "restored", how, &err), err);
    fly_store_options plain = small_store();
    FLY_CHECK_OK(fly_store_open(&world.env, "restored", &plain, &store, &err), err);
    tree = find_tree("t");
    ck_assert_ptr_nonnull(tree);
    ck_assert_str_eq(now("counter"), value);
    (void)snprintf(value, sizeof value, "%d", wanted + 1);
    ck_assert_str_eq(now(value), "-");
    set("counter", "goes on");
    verify_store();
    close_store();
    FLY_CHECK_OK(fly_vfs_remove_tree(world.env.vfs, "restored", &err), err);
}

START_TEST(a_store_is_restored_to_any_lsn_since_the_backup)
{
    for (int i = 6; i < MOMENTS; i++) {
        fly_store_options how = small_store();
        how.stop_at_lsn = moments[i].lsn;
        restored_counter_is(&how, i);
    }
}
END_TEST

START_TEST(a_store_is_restored_to_any_time_since_the_backup)
{
    for (int i = 6; i < MOMENTS; i++) {
        fly_store_options how = small_store();
        how.stop_at_time = moments[i].time;
        restored_counter_is(&how, i);
    }
}
END_TEST

START_TEST(a_store_is_restored_to_the_end_of_its_log)
{
    fly_store_options how = small_store();
    restored_counter_is(&how, MOMENTS - 1);
}
END_TEST

START_TEST(without_an_archive_there_is_the_backup)
{
    fly_store_options how = small_store();
    FLY_CHECK_OK(fly_store_restore(&world.env, "backup", NULL, "restored", &how, &err), err);
    FLY_CHECK_OK(fly_store_open(&world.env, "restored", &how, &store, &err), err);
    tree = find_tree("t");
    ck_assert_str_eq(now("counter"), "5");
    close_store();
}
END_TEST

START_TEST(a_gap_in_the_archive_is_named)
{
    fly_store_options how = small_store();
    char path[64];
    char name[FLY_WAL_NAME_MAX];
    /* Take away all that follows the backup but the last. */
    uint64_t last = moments[MOMENTS - 1].lsn / SEGMENT;
    uint64_t first = moments[5].lsn / SEGMENT;
    ck_assert_uint_ge(last, first + 2);
    for (uint64_t i = 0; i < last; i++) {
        fly_wal_segment_name(i, name);
        (void)snprintf(path, sizeof path, "archive/%s", name);
        fly_status status = fly_vfs_remove(world.env.vfs, path, &err);
        ck_assert(status == FLY_OK || status == FLY_E_NOT_FOUND);
    }
    FLY_CHECK(fly_store_restore(&world.env, "backup", "archive", "restored", &how, &err),
              FLY_E_NOT_FOUND, err);
    FLY_CHECK_SAYS(err.message, "are neither in \"backup\" nor in \"archive\"");
}
END_TEST

START_TEST(nothing_is_restored_over_a_store)
{
    fly_store_options how = small_store();
    FLY_CHECK(fly_store_restore(&world.env, "backup", "archive", "data", &how, &err), FLY_E_EXISTS,
              err);
    FLY_CHECK_SAYS(err.message, "there is a store in \"data\" already");
    FLY_CHECK(fly_store_restore(&world.env, "archive", NULL, "restored", &how, &err),
              FLY_E_NOT_FOUND, err);
    FLY_CHECK_SAYS(err.message, "archive");
}
END_TEST

/* ------------------------------------------------------------------------------ what else */

START_TEST(a_backup_has_prepared_transactions_and_no_others)
{
    set("x", "1");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    put(txn, "x", "prepared");
    FLY_CHECK_OK(fly_txn_prepare(txn, text("p"), &err), err);
    txn = begin(FLY_ISOLATION_DEFAULT);
    put(txn, "y", "open");
    FLY_CHECK_OK(fly_store_backup_to(store, "backup", NULL, &err), err);
    fly_txn_rollback(txn);
    FLY_CHECK_OK(fly_store_prepared(store, text("p"), &txn, &err), err);
    fly_txn_rollback(txn);
    close_store();
    FLY_CHECK_OK(fly_store_open(&world.env, "backup", &options, &store, &err), err);
    tree = find_tree("t");
    ck_assert_str_eq(now("x"), "1");
    ck_assert_str_eq(now("y"), "-");
    FLY_CHECK_OK(fly_store_prepared(store, text("p"), &txn, &err), err);
    commit(txn);
    ck_assert_str_eq(now("x"), "prepared");
}
END_TEST

START_TEST(no_backup_is_made_over_a_store)
{
    FLY_CHECK(fly_store_backup_to(store, "data", NULL, &err), FLY_E_EXISTS, err);
    FLY_CHECK_OK(fly_store_backup_to(store, "backup", NULL, &err), err);
    FLY_CHECK(fly_store_backup_to(store, "backup", NULL, &err), FLY_E_EXISTS, err);
}
END_TEST

struct sink {
    int calls_left;
    uint64_t bytes;
    char names[256];
};

static fly_status count_call(struct sink *sink, fly_err *err_)
{
    return sink->calls_left-- > 0 ? FLY_OK : fly_err_set(err_, FLY_E_IO, "the tape is full");
}

static fly_status begin_file(void *ctx, const char *name, fly_err *err_)
{
    struct sink *sink = ctx;
    size_t used = strlen(sink->names);
    (void)snprintf(sink->names + used, sizeof sink->names - used, "%s ", name);
    return count_call(sink, err_);
}

static fly_status write_some(void *ctx, uint64_t offset, const void *data, size_t len,
                             fly_err *err_)
{
    struct sink *sink = ctx;
    (void)offset;
    (void)data;
    sink->bytes += len;
    return count_call(sink, err_);
}

static fly_status end_file(void *ctx, fly_err *err_)
{
    return count_call(ctx, err_);
}

START_TEST(a_backup_goes_wherever_it_is_told)
{
    struct sink sink = {.calls_left = 1000};
    fly_backup_sink to = {begin_file, write_some, end_file, &sink};
    uint64_t lsn = 0;
    set("x", "1");
    FLY_CHECK_OK(fly_store_backup(store, &to, &lsn, &err), err);
    ck_assert_str_eq(sink.names, "data.db wal/000000000000.wal ");
    ck_assert_uint_gt(lsn, 0);
    ck_assert_uint_gt(sink.bytes, 4096);
    int calls = 1000 - sink.calls_left;
    for (int i = 0; i < calls; i++) {
        sink = (struct sink){.calls_left = i};
        FLY_CHECK(fly_store_backup(store, &to, &lsn, &err), FLY_E_IO, err);
        FLY_CHECK_SAYS(err.message, "backup of \"data\": the tape is full");
    }
    /* The log is not kept for backups that came to nothing. */
    FLY_CHECK_OK(fly_store_backup(store,
                                  &(fly_backup_sink){begin_file, write_some, end_file,
                                                     &(struct sink){.calls_left = 1000}},
                                  NULL, &err),
                 err);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backup");
    TCase *tests = fly_test_case(suite, "backups while others write");
    tcase_set_timeout(tests, FLY_TEST_SECONDS * (double)fly_test_rounds(1));
    tcase_add_test(tests, a_backup_is_a_store_as_of_its_end);
    tests = fly_test_case(suite, "points in time");
    tcase_add_checked_fixture(tests, set_up_history, tear_down_history);
    tcase_add_test(tests, a_store_is_restored_to_any_lsn_since_the_backup);
    tcase_add_test(tests, a_store_is_restored_to_any_time_since_the_backup);
    tcase_add_test(tests, a_store_is_restored_to_the_end_of_its_log);
    tcase_add_test(tests, without_an_archive_there_is_the_backup);
    tcase_add_test(tests, a_gap_in_the_archive_is_named);
    tcase_add_test(tests, nothing_is_restored_over_a_store);
    tests = fly_test_case(suite, "backups");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_backup_has_prepared_transactions_and_no_others);
    tcase_add_test(tests, no_backup_is_made_over_a_store);
    tcase_add_test(tests, a_backup_goes_wherever_it_is_told);
    return fly_test_run(suite);
}
