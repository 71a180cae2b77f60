/*
 * Goal: whatever transactions do at the same time, what they read and wrote fits an order that their
 * level promises.
 * Method: random transactions on a few keys, each with a thread, under the simulated schedulers. Every
 * value that is written is unique, so a read says whose version it saw; a counter, taken when a write
 * returns, says in which order versions of a key came, for writers of a key exclude each other. From
 * that comes Adya's graph of those that committed:
 *
 *     ww   wrote the version before            wr   wrote what the other read
 *     rw   read the version before the one that the other wrote
 *
 *     read committed   no circle of ww and wr, and nobody reads what was not committed, or not final
 *     snapshot         nor a circle with one rw
 *     serializable     nor any circle
 *
 * Reads of keys that are not there, and of ranges, count as reads of each key's version at the time, which
 * may be "none yet".
 */
#include "txn_world.h"

#include <fly/base_hash.h>
#include <fly/base_sched.h>

#include <inttypes.h>

enum {
    KEYS = 6,
    THREADS = 4,
    ROUNDS = 12, /* transactions of each thread */
    NODES = THREADS * ROUNDS + 1,
    ACTIONS = 16
};

/* A version is the number of the node that wrote it, and how many it had written before. Node 0 is what
 * there was in the beginning. */
struct access {
    uint32_t key;
    uint32_t node; /* whose version was read; of a write, one's own */
    uint32_t nth;
    uint64_t order; /* of a write */
};

struct node {
    bool committed;
    uint32_t read_count;
    uint32_t write_count;
    struct access reads[ACTIONS * KEYS];
    struct access writes[ACTIONS];
};

static struct node nodes[NODES];
static fly_atomic_u64 order;
static fly_isolation level;
static uint64_t run_seed;
static uint64_t committed_count;
static uint64_t failed_count;

static char key_name(uint32_t key)
{
    return (char)('a' + key);
}

/* ------------------------------------------------------------------------ transactions */

static void note_read(struct node *node, uint32_t key, const char *value, size_t len)
{
    struct access *read = &node->reads[node->read_count++];
    char text[32];
    unsigned writer = 0;
    unsigned nth = 0;
    FLY_ASSERT(node->read_count < sizeof node->reads / sizeof node->reads[0]);
    FLY_ASSERT(len < sizeof text);
    memcpy(text, value, len);
    text[len] = '\0';
    if (len > 0) {
        FLY_ASSERT(sscanf(text, "%u.%u", &writer, &nth) == 2);
    }
    *read = (struct access){.key = key, .node = writer, .nth = nth};
}

static fly_status read_one(fly_txn *txn, struct node *node, uint32_t key)
{
    char name = key_name(key);
    char value[32];
    uint64_t len = 0;
    fly_err story = {0};
    fly_status status =
        fly_txn_get(txn, tree, fly_bytes_of(&name, 1), value, sizeof value, &len, &story);
    if (status == FLY_OK || status == FLY_E_NOT_FOUND) {
        note_read(node, key, value, status == FLY_OK ? (size_t)len : 0);
        status = FLY_OK;
    }
    return status;
}

/* All keys from `from` to `to`, those that are not there too. Under read committed a walk sees what was
 * committed at its beginning. */
static fly_status read_range(fly_txn *txn, struct node *node, uint32_t from, uint32_t to,
                             bool upwards)
{
    fly_cursor *cursor = NULL;
    fly_err story = {0};
    char low = key_name(from);
    char high = key_name(to);
    bool seen[KEYS] = {false};
    fly_status status = fly_cursor_open(txn, tree, &cursor, &story);
    if (status != FLY_OK) {
        return status;
    }
    status = upwards ? fly_cursor_seek(cursor, fly_bytes_of(&low, 1), &story)
                     : fly_cursor_seek_before(cursor, fly_bytes_of(&high, 1), true, &story);
    while (status == FLY_OK) {
        uint32_t key = (uint32_t)(fly_cursor_key(cursor).data[0] - 'a');
        fly_bytes value = fly_cursor_value(cursor);
        if (upwards ? key > to : key < from) {
            break;
        }
        note_read(node, key, (const char *)value.data, value.len);
        seen[key] = true;
        status = upwards ? fly_cursor_next(cursor, &story) : fly_cursor_previous(cursor, &story);
    }
    fly_cursor_close(cursor);
    if (status != FLY_OK && status != FLY_E_END) {
        return status;
    }
    for (uint32_t key = from; key <= to; key++) {
        if (!seen[key]) {
            note_read(node, key, "", 0);
        }
    }
    return FLY_OK;
}

static fly_status write_one(fly_txn *txn, struct node *node, uint32_t number, uint32_t key)
{
    char name = key_name(key);
    char value[32];
    fly_err story = {0};
    int len = snprintf(value, sizeof value, "%" PRIu32 ".%" PRIu32, number, node->write_count);
    fly_status status =
        fly_txn_put(txn, tree, fly_bytes_of(&name, 1), fly_bytes_of(value, (size_t)len), &story);
    if (status == FLY_OK) {
        node->writes[node->write_count] = (struct access){.key = key,
                                                          .node = number,
                                                          .nth = node->write_count,
                                                          .order = fly_add_u64(&order, 1) + 1};
        node->write_count++;
    }
    return status;
}

/* One transaction. Its reads of its own writes are noted too, and are passed over later. */
static void do_transaction(uint32_t number, fly_rng *rng)
{
    struct node *node = &nodes[number];
    fly_txn *txn = NULL;
    fly_err story = {0};
    fly_txn_options how = {.isolation = level, .lock_timeout_ms = 60000};
    bool only_reads = fly_rng_below(rng, 5) == 0;
    how.read_only = only_reads && fly_rng_below(rng, 2) == 0;
    FLY_ASSERT(fly_txn_begin(store, &how, &txn, &story) == FLY_OK);
    uint64_t actions = 1 + fly_rng_below(rng, 6);
    fly_status status = FLY_OK;
    for (uint64_t i = 0; i < actions && status == FLY_OK; i++) {
        uint32_t key = (uint32_t)fly_rng_below(rng, KEYS);
        uint32_t other = (uint32_t)fly_rng_below(rng, KEYS);
        uint64_t what = fly_rng_below(rng, 8);
        if (what == 0) {
            status = read_range(txn, node, key < other ? key : other, key < other ? other : key,
                                fly_rng_below(rng, 2) == 0);
        } else if (what < 4 || only_reads) {
            status = read_one(txn, node, key);
        } else {
            status = write_one(txn, node, number, key);
        }
    }
    if (status == FLY_OK && fly_rng_below(rng, 10) > 0) {
        status = fly_txn_commit(txn, &story);
        node->committed = status == FLY_OK;
    } else {
        fly_txn_rollback(txn);
    }
    if (status != FLY_OK && status != FLY_E_CONFLICT && status != FLY_E_DEADLOCK) {
        (void)fprintf(stderr, "%s: %s\n", fly_status_name(status), story.message);
        abort();
    }
    committed_count += node->committed;
    failed_count += status != FLY_OK;
}

static void thread_of_transactions(void *arg)
{
    uint32_t thread = (uint32_t)(uintptr_t)arg;
    fly_rng rng;
    fly_rng_init(&rng, run_seed * THREADS + thread);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        do_transaction(1 + thread * ROUNDS + i, &rng);
    }
}

/* Old versions are purged all the time, so that whoever comes too late for one finds out. */
static fly_atomic_u32 stop_purging;

static void thread_of_purging(void *arg)
{
    (void)arg;
    while (fly_load_u32(&stop_purging) == 0) {
        fly_err story = {0};
        FLY_ASSERT(fly_store_maintain(store, &story) == FLY_OK);
        fly_sleep(2000);
    }
}

static void run_history(fly_sim_env *env, void *ctx)
{
    (void)ctx;
    fly_err story = {0};
    fly_thread threads[THREADS];
    options = small_store();
    options.manual = run_seed % 3 != 0;
    FLY_ASSERT(fly_store_open(&env->env, "data", &options, &store, &story) == FLY_OK);
    tree = make_tree("t");
    for (uint32_t i = 0; i < THREADS; i++) {
        FLY_ASSERT(fly_thread_start(env->env.sched, &threads[i], "transactions",
                                    thread_of_transactions, (void *)(uintptr_t)i, NULL) == FLY_OK);
    }
    fly_thread purger;
    fly_store_u32(&stop_purging, 0);
    FLY_ASSERT(fly_thread_start(env->env.sched, &purger, "purger", thread_of_purging, NULL, NULL) ==
               FLY_OK);
    for (uint32_t i = 0; i < THREADS; i++) {
        fly_thread_join(&threads[i]);
    }
    fly_store_u32(&stop_purging, 1);
    fly_thread_join(&purger);
    FLY_ASSERT(fly_store_verify(store, NULL, NULL, &story) == FLY_OK);
    FLY_ASSERT(fly_store_close(store, &story) == FLY_OK);
}

/* ---------------------------------------------------------------------------- the graph */

/* Edges from one node to another. */
static bool depends[NODES][NODES]; /* ww and wr */
static bool rw[NODES][NODES];

/* The last of a node's writes of a key: the version that others may see. */
static const struct access *final_write(const struct node *node, uint32_t key)
{
    const struct access *last = NULL;
    for (uint32_t i = 0; i < node->write_count; i++) {
        last = node->writes[i].key == key ? &node->writes[i] : last;
    }
    return last;
}

/* The committed node whose version of a key comes next after that of another, or NODES. */
static uint32_t next_writer(uint32_t key, uint32_t after)
{
    uint64_t from = after == 0 ? 0 : final_write(&nodes[after], key)->order;
    uint64_t best = UINT64_MAX;
    uint32_t next = NODES;
    for (uint32_t i = 1; i < NODES; i++) {
        const struct access *write = nodes[i].committed ? final_write(&nodes[i], key) : NULL;
        if (write != NULL && write->order > from && write->order < best) {
            best = write->order;
            next = i;
        }
    }
    return next;
}

/* What is wrong with reads by themselves; or NULL. */
static const char *build_graph(void)
{
    memset(depends, 0, sizeof depends);
    memset(rw, 0, sizeof rw);
    for (uint32_t key = 0; key < KEYS; key++) {
        for (uint32_t i = 0, next; (next = next_writer(key, i)) != NODES; i = next) {
            depends[i][next] = true;
        }
    }
    for (uint32_t i = 1; i < NODES; i++) {
        for (uint32_t j = 0; nodes[i].committed && j < nodes[i].read_count; j++) {
            const struct access *read = &nodes[i].reads[j];
            if (read->node == i) {
                continue; /* its own */
            }
            if (read->node != 0 && !nodes[read->node].committed) {
                return "G1a";
            }
            if (read->node != 0 && final_write(&nodes[read->node], read->key)->nth != read->nth) {
                return "G1b";
            }
            depends[read->node][i] = true;
            uint32_t next = next_writer(read->key, read->node);
            if (next != NODES && next != i) {
                rw[i][next] = true;
            }
        }
    }
    return NULL;
}

/* Whatever can be reached from each node, by edges of which each is `depends`, or, if `all`, rw. */
static bool reach[NODES][NODES];

static void close_paths(bool all)
{
    for (uint32_t i = 0; i < NODES; i++) {
        for (uint32_t j = 0; j < NODES; j++) {
            reach[i][j] = depends[i][j] || (all && rw[i][j]);
        }
    }
    for (uint32_t k = 0; k < NODES; k++) {
        for (uint32_t i = 0; i < NODES; i++) {
            for (uint32_t j = 0; reach[i][k] && j < NODES; j++) {
                reach[i][j] = reach[i][j] || reach[k][j];
            }
        }
    }
}

/* The first anomaly that a level does not let through; or NULL. */
static const char *find_anomaly(fly_isolation judge)
{
    const char *found = build_graph();
    if (found != NULL) {
        return found;
    }
    close_paths(false);
    for (uint32_t i = 0; i < NODES; i++) {
        if (reach[i][i]) {
            return "G0 or G1c";
        }
    }
    for (uint32_t i = 0; i < NODES && judge != FLY_ISOLATION_READ_COMMITTED; i++) {
        for (uint32_t j = 0; j < NODES; j++) {
            if (rw[i][j] && reach[j][i]) {
                return "G-single";
            }
        }
    }
    close_paths(true);
    for (uint32_t i = 0; i < NODES && judge == FLY_ISOLATION_SERIALIZABLE; i++) {
        if (reach[i][i]) {
            return "G2";
        }
    }
    return NULL;
}

static void make_history(uint64_t seed)
{
    fly_sim_report report;
    fly_sim_env_options how = {.seed = seed,
                               .sched = {.kind = seed % 2 == 0 ? FLY_SIM_PCT : FLY_SIM_RANDOM,
                                         .pct_depth = 2 + (uint32_t)(seed % 3),
                                         .pct_steps = 20000,
                                         .steps_max = 20000000}};
    memset(nodes, 0, sizeof nodes);
    fly_store_u64(&order, 0);
    committed_count = 0;
    failed_count = 0;
    run_seed = seed;
    fly_sim_env_init(&world, &how);
    fly_sim_outcome outcome = fly_sim_env_run(&world, run_history, NULL, &report);
    if (outcome != FLY_SIM_DONE) {
        (void)fputs(report.text, stderr);
        abort();
    }
    fly_sim_env_deinit(&world);
    FLY_ASSERT(committed_count >= THREADS * ROUNDS / 4);
}

static void try_seed(void *ctx, uint64_t seed)
{
    (void)ctx;
    make_history(seed);
    const char *anomaly = find_anomaly(level);
    if (anomaly != NULL) {
        (void)fprintf(stderr, "there is %s\n", anomaly);
        abort();
    }
}

START_TEST(a_history_fits_an_order_that_its_level_promises)
{
    static const char *const names[] = {"histories at read committed", "histories at snapshot",
                                        "histories at serializable"};
    level = (fly_isolation)(FLY_ISOLATION_READ_COMMITTED + _i);
    static const uint64_t seeds[] = {60, 60, 150};
    ck_assert(fly_test_seeds(names[_i], seeds[_i], try_seed, NULL));
}
END_TEST

/* Who judges must be able to find something: a lower level shows what a higher one forbids. */
START_TEST(a_lower_level_shows_what_a_higher_one_forbids)
{
    uint32_t found = 0;
    level = (fly_isolation)(FLY_ISOLATION_READ_COMMITTED + _i);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        make_history(seed);
        const char *anomaly = find_anomaly(level + 1);
        found += anomaly != NULL && strcmp(anomaly, _i == 0 ? "G-single" : "G2") == 0;
    }
    ck_assert_uint_ge(found, 3);
}
END_TEST

/* -------------------------------------------------------------------- one key, watched */

/* The narrowest window: a snapshot is taken while a commit is between its steps. */
static void commit_again_and_again(void *arg)
{
    (void)arg;
    for (int i = 0; i < 40; i++) {
        fly_err story = {0};
        fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
        char value[16];
        (void)snprintf(value, sizeof value, "%d", i);
        FLY_ASSERT(fly_txn_put(txn, tree, text("k"), text(value), &story) == FLY_OK);
        FLY_ASSERT(fly_txn_commit_as(txn, FLY_DURABILITY_OFF, &story) == FLY_OK);
    }
}

static void read_twice(void *arg)
{
    (void)arg;
    for (int round = 0; round < 60; round++) {
        char seen[2][16] = {"", ""};
        uint64_t len[2] = {0, 0};
        fly_err story = {0};
        fly_txn *txn = begin(FLY_ISOLATION_SNAPSHOT);
        for (int i = 0; i < 2; i++) {
            FLY_ASSERT(fly_txn_get(txn, tree, text("k"), seen[i], sizeof seen[i], &len[i],
                                   &story) == FLY_OK);
        }
        FLY_ASSERT(len[0] == len[1]);
        FLY_ASSERT(memcmp(seen[0], seen[1], (size_t)len[0]) == 0);
        fly_txn_rollback(txn);
    }
}

static void watch_one_key(fly_sim_env *env, void *ctx)
{
    (void)ctx;
    fly_err story = {0};
    fly_thread threads[3];
    static void (*const lives[])(void *) = {commit_again_and_again, read_twice, read_twice};
    options = small_store();
    FLY_ASSERT(fly_store_open(&env->env, "data", &options, &store, &story) == FLY_OK);
    tree = make_tree("t");
    set("k", "none");
    for (int i = 0; i < 3; i++) {
        FLY_ASSERT(fly_thread_start(env->env.sched, &threads[i], "life", lives[i], NULL, NULL) ==
                   FLY_OK);
    }
    for (int i = 0; i < 3; i++) {
        fly_thread_join(&threads[i]);
    }
    FLY_ASSERT(fly_store_close(store, &story) == FLY_OK);
}

static void watch_from_seed(void *ctx, uint64_t seed)
{
    (void)ctx;
    fly_sim_report report;
    fly_sim_env_options how = {.seed = seed,
                               .sched = {.kind = seed % 2 == 0 ? FLY_SIM_PCT : FLY_SIM_RANDOM,
                                         .pct_depth = 2 + (uint32_t)(seed % 3),
                                         .pct_steps = 5000,
                                         .steps_max = 20000000}};
    fly_sim_env_init(&world, &how);
    if (fly_sim_env_run(&world, watch_one_key, NULL, &report) != FLY_SIM_DONE) {
        (void)fputs(report.text, stderr);
        abort();
    }
    fly_sim_env_deinit(&world);
}

START_TEST(a_snapshot_sees_the_same_twice)
{
    ck_assert(fly_test_seeds("reading twice", 100, watch_from_seed, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("history");
    TCase *tests = fly_test_case(suite, "histories");
    tcase_set_timeout(tests, FLY_TEST_SECONDS * (double)fly_test_rounds(1));
    tcase_add_loop_test(tests, a_history_fits_an_order_that_its_level_promises, 0, 3);
    tcase_add_loop_test(tests, a_lower_level_shows_what_a_higher_one_forbids, 0, 2);
    tcase_add_test(tests, a_snapshot_sees_the_same_twice);
    return fly_test_run(suite);
}
