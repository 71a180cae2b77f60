/*
 * Goal: whatever fails, and however long, an error comes back, nothing leaks, and when the store is opened
 * again what was acknowledged is there and what failed is not.
 * Method: a piece of work that uses everything once, in which each allocation and each call of the disk
 * fails once, and from then on (base_fault.h). It writes down how each of its transactions ended.
 */
#include "txn_world.h"

#include <fly/base_sched.h>

#include <inttypes.h>

enum { TXNS = 8, LONG = 9000 };

enum ending { FAILED, COMMITTED, UNKNOWN };

/* How each transaction ended; each puts its number under two keys. */
struct diary {
    enum ending ended[TXNS];
    enum ending prepared;
    enum ending created;
};

/* The store, and what has gone wrong first. */
struct job {
    fly_store *store;
    fly_tree *tree;
    fly_status first;
    struct diary *diary;
};

static bool worked(struct job *job, fly_status status)
{
    if (status != FLY_OK && job->first == FLY_OK) {
        job->first = status;
    }
    return status == FLY_OK;
}

/* A commit that failed has failed, unless the log stopped meanwhile. */
static enum ending ending_of(fly_status status)
{
    return status == FLY_OK                                                            ? COMMITTED
           : status == FLY_E_STOPPED || status == FLY_E_IO || status == FLY_E_NO_SPACE ? UNKNOWN
                                                                                       : FAILED;
}

static fly_bytes key_of(int number, char side, char name[32])
{
    return fly_bytes_of(name, (size_t)snprintf(name, 32, "%c%d", side, number));
}

static fly_status put_number(struct job *job, fly_txn *txn, int number, fly_err *err_)
{
    static const char longer[LONG] = {'l'};
    char name[32];
    fly_bytes value = number % 4 == 1 ? fly_bytes_of(longer, sizeof longer) : text("short");
    fly_status status = fly_txn_put(txn, job->tree, key_of(number, 'a', name), text("one"), err_);
    if (status == FLY_OK) {
        fly_savepoint savepoint = fly_txn_savepoint(txn);
        status = fly_txn_put(txn, job->tree, key_of(number, 'a', name), text("two"), err_);
        if (status == FLY_OK) {
            status = fly_txn_rollback_to(txn, savepoint, err_);
        }
    }
    if (status == FLY_OK && number > 0) { /* what the one before put is replaced */
        status = fly_txn_put(txn, job->tree, text("both"), value, err_);
    }
    return status == FLY_OK ? fly_txn_put(txn, job->tree, key_of(number, 'b', name), value, err_)
                            : status;
}

static void do_number(struct job *job, int number)
{
    fly_err story = {0};
    fly_txn *txn = NULL;
    fly_txn_options how = {.isolation = number % 2 == 0 ? FLY_ISOLATION_READ_COMMITTED
                                                        : FLY_ISOLATION_SERIALIZABLE};
    fly_status status = fly_txn_begin(job->store, &how, &txn, &story);
    if (!worked(job, status)) {
        return;
    }
    char value[LONG];
    uint64_t len;
    status = fly_txn_get(txn, job->tree, text("both"), value, sizeof value, &len, &story);
    status = status == FLY_E_NOT_FOUND ? FLY_OK : status;
    if (status == FLY_OK) {
        status = put_number(job, txn, number, &story);
    }
    if (status != FLY_OK || number == TXNS - 1) { /* the last one rolls back anyway */
        (void)worked(job, status);
        fly_txn_rollback(txn);
        return;
    }
    status = fly_txn_commit(txn, &story);
    job->diary->ended[number] = ending_of(status);
    (void)worked(job, status);
}

static void count_entries(struct job *job)
{
    fly_err story = {0};
    fly_txn *txn = NULL;
    fly_cursor *cursor = NULL;
    fly_txn_options how = {.isolation = FLY_ISOLATION_SNAPSHOT, .read_only = true};
    if (!worked(job, fly_txn_begin(job->store, &how, &txn, &story))) {
        return;
    }
    fly_status status = fly_cursor_open(txn, job->tree, &cursor, &story);
    if (status == FLY_OK) {
        for (status = fly_cursor_first(cursor, &story); status == FLY_OK;
             status = fly_cursor_next(cursor, &story)) {
        }
        status = status == FLY_E_END ? FLY_OK : status;
        fly_cursor_close(cursor);
    }
    (void)worked(job, status);
    fly_txn_rollback(txn);
}

static void prepare_one(struct job *job)
{
    fly_err story = {0};
    fly_txn *txn = NULL;
    if (!worked(job, fly_txn_begin(job->store, NULL, &txn, &story))) {
        return;
    }
    fly_status status = fly_txn_put(txn, job->tree, text("prepared"), text("yes"), &story);
    if (status == FLY_OK) {
        status = fly_txn_prepare(txn, text("p"), &story);
        job->diary->prepared = ending_of(status);
    }
    if (!worked(job, status)) {
        fly_txn_rollback(txn);
    }
}

static void drop_other(struct job *job)
{
    fly_err story = {0};
    fly_txn *txn = NULL;
    fly_tree *other = NULL;
    if (!worked(job, fly_txn_begin(job->store, NULL, &txn, &story))) {
        return;
    }
    fly_status status = fly_txn_tree_open(txn, "other", FLY_TREE_CREATE, &other, &story);
    if (status == FLY_OK) {
        status = fly_txn_put(txn, other, text("x"), text("y"), &story);
    }
    if (status == FLY_OK) {
        status = fly_txn_tree_drop(txn, "other", &story);
    }
    if (status == FLY_OK) {
        (void)worked(job, fly_txn_commit(txn, &story));
    } else {
        (void)worked(job, status);
        fly_txn_rollback(txn);
    }
}

static fly_status make_the_tree(struct job *job, fly_err *story)
{
    fly_txn *txn = NULL;
    fly_status status = fly_txn_begin(job->store, NULL, &txn, story);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_txn_tree_open(txn, "t", FLY_TREE_CREATE, &job->tree, story);
    if (status != FLY_OK) {
        fly_txn_rollback(txn);
        return status;
    }
    status = fly_txn_commit(txn, story);
    job->diary->created = ending_of(status);
    return status;
}

static fly_status work(fly_sim_env *env, void *ctx)
{
    struct job job = {.diary = ctx};
    fly_err story = {0};
    *job.diary = (struct diary){.prepared = FAILED};
    fly_store_options how = small_store();
    fly_status status = fly_store_open(&env->env, "data", &how, &job.store, &story);
    if (!worked(&job, status)) {
        return status;
    }
    if (worked(&job, make_the_tree(&job, &story))) {
        for (int i = 0; i < TXNS; i++) {
            do_number(&job, i);
            if (i == TXNS / 2) {
                (void)worked(&job, fly_store_checkpoint(job.store, &story));
                (void)worked(&job, fly_store_backup_to(job.store, "backup", NULL, &story));
                prepare_one(&job);
            }
        }
        drop_other(&job);
        count_entries(&job);
        (void)worked(&job, fly_store_maintain(job.store, &story));
    }
    (void)worked(&job, fly_store_close(job.store, &story));
    return job.first;
}

/* Whether what a transaction put is there; all of it, or nothing. */
static bool is_there(fly_txn *txn, int number)
{
    char name[32];
    char buffer[LONG];
    uint64_t len = 0;
    fly_err story = {0};
    fly_status a =
        fly_txn_get(txn, tree, key_of(number, 'a', name), buffer, sizeof buffer, &len, &story);
    FLY_ASSERT(a == FLY_OK || a == FLY_E_NOT_FOUND);
    FLY_ASSERT(a != FLY_OK || (len == 3 && memcmp(buffer, "one", 3) == 0));
    fly_status b =
        fly_txn_get(txn, tree, key_of(number, 'b', name), buffer, sizeof buffer, &len, &story);
    FLY_ASSERT(b == FLY_OK || b == FLY_E_NOT_FOUND);
    FLY_ASSERT(a == b);
    return a == FLY_OK;
}

static void see_name(void *ctx, fly_bytes name)
{
    *(bool *)ctx = fly_bytes_equal(name, text("p"));
}

static void must(fly_status status, const fly_err *story)
{
    if (status != FLY_OK) {
        (void)fprintf(stderr, "%s: %s\n", fly_status_name(status), story->message);
        abort();
    }
}

static void verify(fly_sim_env *env, void *ctx)
{
    const struct diary *diary = ctx;
    fly_store_options how = small_store();
    fly_err story = {0};
    fly_txn *txn = NULL;
    must(fly_store_open(&env->env, "data", &how, &store, &story), &story);
    must(fly_txn_begin(store, NULL, &txn, &story), &story);
    fly_status status = fly_txn_tree_open(txn, "t", 0, &tree, &story);
    FLY_ASSERT(status == FLY_OK || (status == FLY_E_NOT_FOUND && diary->created != COMMITTED));
    for (int i = 0; i < TXNS && status == FLY_OK; i++) {
        bool there = is_there(txn, i);
        FLY_ASSERT(diary->ended[i] != COMMITTED || there);
        FLY_ASSERT(diary->ended[i] != FAILED || !there);
    }
    must(fly_txn_commit(txn, &story), &story);
    bool prepared = false;
    fly_store_list_prepared(store, see_name, &prepared);
    FLY_ASSERT(diary->prepared != COMMITTED || prepared);
    FLY_ASSERT(diary->prepared != FAILED || !prepared);
    must(fly_store_verify(store, NULL, NULL, &story), &story);
    must(fly_store_close(store, &story), &story);
}

static const struct {
    const char *name;
    unsigned faults;
    uint64_t stride;
} faults[] = {
    {"each allocation fails once", FLY_TEST_MEMORY_ONCE, 1},
    {"memory runs out", FLY_TEST_MEMORY_LASTING, 1},
    {"each call fails once", FLY_TEST_EIO_ONCE, 1},
    {"the disk dies", FLY_TEST_EIO_LASTING, 1},
    {"there is no room once", FLY_TEST_FULL_ONCE, 1},
    {"the disk is full", FLY_TEST_FULL_LASTING, 1},
    {"calls are interrupted or cut short", FLY_TEST_EINTR | FLY_TEST_SHORT, 1},
};

START_TEST(what_fails_is_told_and_leaves_the_store_sound)
{
    struct diary diary;
    ck_assert(fly_test_each_fault(faults[_i].name,
                                  &(fly_test_fault_options){.faults = faults[_i].faults,
                                                            .stride = faults[_i].stride,
                                                            .threads = true},
                                  work, verify, &diary));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fault");
    TCase *tests = fly_test_case(suite, "faults");
    tcase_add_loop_test(tests, what_fails_is_told_and_leaves_the_store_sound, 0,
                        sizeof faults / sizeof faults[0]);
    return fly_test_run(suite);
}
