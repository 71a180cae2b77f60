/*
 * Goal: real threads, all at once, at every level: no data race, nobody waits for ever, and what must hold
 * holds.
 * Method: accounts whose sum never changes; some transfer, some add up, some make and drop trees, some take
 * checkpoints, one backs up; with the store's own threads, and a pool too small for it all. Under
 * ThreadSanitizer this is where races show.
 */
#include "txn_world.h"

#include <fly/base_hash.h>
#include <fly/base_sched.h>

#include <inttypes.h>

enum { ACCOUNTS = 64, BALANCE = 100, THREADS = 5, MS = 1000000 };

static fly_env env;
static char root[64];
static fly_atomic_u32 stop;
static fly_atomic_u64 transfers;
static fly_atomic_u64 sums;

static fly_bytes account(uint64_t number, char name[16])
{
    return fly_bytes_of(name, (size_t)snprintf(name, 16, "%03d", (int)number));
}

static void must(fly_status status, const fly_err *story)
{
    if (status != FLY_OK) {
        (void)fprintf(stderr, "%s: %s\n", fly_status_name(status), story->message);
        abort();
    }
}

static bool may_happen(fly_status status)
{
    return status == FLY_OK || status == FLY_E_CONFLICT || status == FLY_E_DEADLOCK ||
           status == FLY_E_TOO_OLD || status == FLY_E_TIMEOUT;
}

/* Get a balance; add to it and put it back, if `by` is not 0. Now and then with a long value. */
static fly_status change(fly_txn *txn, uint64_t number, long by, size_t len, long *balance)
{
    char name[16];
    static _Thread_local char value[10000];
    uint64_t got;
    fly_err story = {0};
    fly_status status = FLY_OK;
    if (by != 0) {
        status = fly_txn_lock(txn, tree, account(number, name), FLY_LOCK_WAIT, &story);
    }
    if (status == FLY_OK) {
        status = fly_txn_get(txn, tree, account(number, name), value, sizeof value, &got, &story);
    }
    if (status == FLY_OK) {
        memcpy(balance, value, sizeof *balance);
        *balance += by;
    }
    if (status == FLY_OK && by != 0) {
        memcpy(value, balance, sizeof *balance);
        status = fly_txn_put(txn, tree, account(number, name), fly_bytes_of(value, len), &story);
    }
    if (!may_happen(status)) {
        must(status, &story);
    }
    return status;
}

static void transfer(fly_rng *rng)
{
    fly_txn *txn = NULL;
    fly_err story = {0};
    long balance;
    uint64_t from = fly_rng_below(rng, ACCOUNTS);
    uint64_t to = (from + 1 + fly_rng_below(rng, ACCOUNTS - 1)) % ACCOUNTS;
    size_t len = fly_rng_below(rng, 20) == 0 ? 9000 : 8 + fly_rng_below(rng, 200);
    fly_txn_options how = {.isolation = (fly_isolation)(1 + fly_rng_below(rng, 3))};
    must(fly_txn_begin(store, &how, &txn, &story), &story);
    fly_status status = change(txn, from, -1, len, &balance);
    fly_savepoint savepoint = fly_txn_savepoint(txn);
    if (status == FLY_OK && fly_rng_below(rng, 4) == 0) {
        status = change(txn, (from + 7) % ACCOUNTS, 1000, len, &balance);
        if (status == FLY_OK) {
            status = fly_txn_rollback_to(txn, savepoint, &story);
        }
    }
    if (status == FLY_OK) {
        status = change(txn, to, 1, len, &balance);
    }
    if (status == FLY_OK && fly_rng_below(rng, 10) > 0) {
        status = fly_txn_commit_as(
            txn, fly_rng_below(rng, 4) == 0 ? FLY_DURABILITY_FULL : FLY_DURABILITY_OFF, &story);
        if (!may_happen(status)) {
            must(status, &story);
        }
        fly_count_u64(&transfers, status == FLY_OK);
    } else {
        fly_txn_rollback(txn);
    }
}

static void add_up(fly_rng *rng)
{
    fly_txn *txn = NULL;
    fly_cursor *cursor = NULL;
    fly_err story = {0};
    long sum = 0;
    int count = 0;
    fly_txn_options how = {.isolation = (fly_isolation)(1 + fly_rng_below(rng, 3)),
                           .read_only = fly_rng_below(rng, 2) == 0};
    bool upwards = fly_rng_below(rng, 2) == 0;
    must(fly_txn_begin(store, &how, &txn, &story), &story);
    must(fly_cursor_open(txn, tree, &cursor, &story), &story);
    fly_status status = upwards ? fly_cursor_first(cursor, &story)
                                : fly_cursor_last(cursor, &story);
    while (status == FLY_OK) {
        long balance = 0;
        status = fly_cursor_read(cursor, 0, &balance, sizeof balance, &story);
        sum += balance;
        count++;
        if (status == FLY_OK) {
            status = upwards ? fly_cursor_next(cursor, &story)
                             : fly_cursor_previous(cursor, &story);
        }
    }
    fly_cursor_close(cursor);
    if (status == FLY_E_END) {
        FLY_ASSERT(count == ACCOUNTS);
        FLY_ASSERT(sum == ACCOUNTS * BALANCE);
        fly_count_u64(&sums, 1);
    } else if (status != FLY_E_TOO_OLD) {
        must(status, &story);
    }
    fly_txn_rollback(txn);
}

static void make_and_drop(fly_rng *rng, int thread)
{
    fly_txn *txn = NULL;
    fly_tree *own = NULL;
    fly_err story = {0};
    char name[16];
    (void)snprintf(name, sizeof name, "own %d", thread);
    must(fly_txn_begin(store, NULL, &txn, &story), &story);
    fly_status status = fly_txn_tree_open(txn, name, FLY_TREE_CREATE, &own, &story);
    if (status == FLY_OK && fly_rng_below(rng, 2) == 0) {
        status = fly_txn_put(txn, own, text(name), text(name), &story);
    }
    if (status == FLY_OK && fly_rng_below(rng, 2) == 0) {
        status = fly_txn_tree_drop(txn, name, &story);
    }
    must(status, &story);
    if (fly_rng_below(rng, 4) == 0) {
        fly_txn_rollback(txn);
    } else {
        must(fly_txn_commit_as(txn, FLY_DURABILITY_OFF, &story), &story);
    }
}

static void insert_and_delete(fly_rng *rng)
{
    fly_txn *txn = NULL;
    fly_err story = {0};
    char key[16];
    (void)snprintf(key, sizeof key, "x%d", (int)fly_rng_below(rng, 200));
    fly_tree *other = NULL;
    must(fly_txn_begin(store, NULL, &txn, &story), &story);
    must(fly_txn_tree_open(txn, "other", 0, &other, &story), &story);
    fly_status status = fly_rng_below(rng, 2) == 0
                            ? fly_txn_insert(txn, other, text(key), text("some value"), &story)
                            : fly_txn_delete(txn, other, text(key), &story);
    if (status == FLY_OK || status == FLY_E_EXISTS || status == FLY_E_NOT_FOUND) {
        must(fly_txn_commit_as(txn, FLY_DURABILITY_OFF, &story), &story);
    } else {
        FLY_ASSERT(status == FLY_E_DEADLOCK);
        fly_txn_rollback(txn);
    }
}

static void live(void *arg)
{
    int thread = (int)(uintptr_t)arg;
    fly_rng rng;
    fly_err story = {0};
    fly_rng_init(&rng, (uint64_t)thread + 1);
    while (fly_load_u32(&stop) == 0) {
        uint64_t what = fly_rng_below(&rng, 100);
        if (what < 55) {
            transfer(&rng);
        } else if (what < 70) {
            add_up(&rng);
        } else if (what < 95) {
            insert_and_delete(&rng);
        } else if (what < 98) {
            make_and_drop(&rng, thread);
        } else if (what < 99) {
            must(fly_store_checkpoint(store, &story), &story);
        } else {
            must(fly_store_maintain(store, &story), &story);
        }
    }
}

START_TEST(real_threads_keep_the_sum)
{
    char dir[80];
    char copy[80];
    fly_thread threads[THREADS];
    fly_err story = {0};
    fly_env_init(&env);
    FLY_CHECK_OK(fly_test_temp_dir(root, sizeof root, &err), err);
    (void)snprintf(dir, sizeof dir, "%s/store", root);
    (void)snprintf(copy, sizeof copy, "%s/copy", root);
    options = (fly_store_options){.create = true,
                                  .page_size = 4096,
                                  .pool_bytes = 128 * 4096,
                                  .wal_segment_size = 1 << 20,
                                  .wal_ring_size = 256 << 10,
                                  .checkpoint_bytes = 1 << 20,
                                  .lock_timeout_ms = 20000,
                                  .undo_bytes_max = _i == 0 ? 0 : 64 << 10,
                                  .snapshot_age_ms = _i == 0 ? 0 : 50};
    FLY_CHECK_OK(fly_store_open(&env, dir, &options, &store, &err), err);
    tree = make_tree("t");
    (void)make_tree("other");
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    for (uint64_t i = 0; i < ACCOUNTS; i++) {
        char name[16];
        long balance = BALANCE;
        FLY_CHECK_OK(fly_txn_put(txn, tree, account(i, name),
                                 fly_bytes_of((const char *)&balance, sizeof balance), &err),
                     err);
    }
    commit(txn);
    for (int i = 0; i < THREADS; i++) {
        FLY_CHECK_OK(
            fly_thread_start(env.sched, &threads[i], "stress", live, (void *)(uintptr_t)i, &err),
            err);
    }
    fly_sleep((uint64_t)fly_test_rounds(400) * MS);
    FLY_CHECK_OK(fly_store_backup_to(store, copy, NULL, &err), err);
    fly_sleep((uint64_t)fly_test_rounds(400) * MS);
    fly_store_u32(&stop, 1);
    for (int i = 0; i < THREADS; i++) {
        fly_thread_join(&threads[i]);
    }
    ck_assert_uint_gt(fly_load_u64(&transfers), 0);
    ck_assert_uint_gt(fly_load_u64(&sums), 0);
    fly_store_stats stats;
    fly_store_get_stats(store, &stats);
    ck_assert_uint_eq(stats.active, 0);
    verify_store();
    close_store();
    for (int i = 0; i < 2; i++) {
        FLY_CHECK_OK(fly_store_open(&env, i == 0 ? dir : copy, &options, &store, &err), err);
        tree = find_tree("t");
        fly_rng rng;
        fly_rng_init(&rng, 1);
        uint64_t before = fly_load_u64(&sums);
        add_up(&rng);
        ck_assert_uint_eq(fly_load_u64(&sums), before + 1);
        verify_store();
        close_store();
    }
    must(fly_vfs_remove_tree(env.vfs, root, &story), &story);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stress");
    TCase *tests = fly_test_case(suite, "threads");
    tcase_set_timeout(tests, FLY_TEST_SECONDS * (double)fly_test_rounds(1));
    tcase_add_loop_test(tests, real_threads_keep_the_sum, 0, 2);
    return fly_test_run(suite);
}
