/*
 * Goal: a store that answers wrongly does not get a figure, whatever the case; one that answers
 * rightly does.
 * Method: a store in memory, a sorted array and nothing else, that can be told to lie in one way.
 * Each lie is met by a case whose check must notice it. The measurement runs in this process.
 */
#include "kv_run.h"

#include <check.h>
#include <stdlib.h>

enum { RECORDS = 3000, RECORDS_MAX = 200000 };

/* What the store does wrong. */
typedef enum lie {
    HONEST,
    VALUE_OF_ANOTHER, /* get gives another record's value */
    VALUE_DAMAGED,    /* get gives a value whose last byte is wrong */
    NOT_FOUND,        /* get does not find a record */
    SHORT_VALUE,      /* get gives less than was put */
    RANGE_SKIPS,      /* a range leaves one record out */
    RANGE_SHORT,      /* a range ends early */
    RANGE_MIXED_UP,   /* a range gives the value of another record */
    RANGE_UNORDERED,  /* a range gives a record twice */
    SCAN_SHORT,       /* the second scan misses the last record; the first warms up */
    SCAN_DAMAGED,     /* a scan gives a value whose last byte is wrong */
    PUT_FORGETS,      /* some puts are lost */
    DEL_FORGETS       /* some deletes are lost */
} lie;

typedef struct record {
    uint64_t key;
    uint8_t value[100];
} record;

struct kv_store {
    record *records;
    uint32_t count;
    uint32_t calls;
    uint32_t scans;
    bool armed; /* lies only once it has been loaded */
};

struct kv_session {
    kv_store *store;
};

static lie told;
static kv_store kept;  /* across open and close, as files are */
static bool conflicts; /* every third write is refused */

/* One call in so many is answered wrongly. */
static bool lies(kv_store *store, lie which)
{
    return told == which && store->armed && ++store->calls % 50 == 0;
}

static uint32_t lower_bound(const kv_store *store, uint64_t key)
{
    uint32_t low = 0;
    uint32_t high = store->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (store->records[middle].key < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static fly_status toy_open(const kv_setup *setup, kv_store **store, fly_err *err)
{
    (void)setup;
    (void)err;
    if (kept.records == NULL) {
        kept.records = calloc(RECORDS_MAX, sizeof *kept.records);
        ck_assert_ptr_nonnull(kept.records);
    }
    *store = &kept;
    return FLY_OK;
}

static fly_status toy_store_nothing(kv_store *store, fly_err *err)
{
    (void)store;
    (void)err;
    return FLY_OK;
}

static fly_status toy_session_open(kv_store *store, kv_session **session, fly_err *err)
{
    (void)err;
    *session = calloc(1, sizeof **session);
    ck_assert_ptr_nonnull(*session);
    (*session)->store = store;
    return FLY_OK;
}

static void toy_session_close(kv_session *session)
{
    free(session);
}

static fly_status toy_begin(kv_session *session, bool write, fly_err *err)
{
    (void)session;
    (void)write;
    (void)err;
    return FLY_OK;
}

static fly_status toy_commit(kv_session *session, fly_err *err)
{
    (void)session;
    (void)err;
    return FLY_OK;
}

static void toy_abort(kv_session *session)
{
    (void)session;
}

static fly_status toy_put(kv_session *session, fly_bytes key, fly_bytes value, fly_err *err)
{
    (void)err;
    kv_store *store = session->store;
    if (conflicts && ++store->calls % 3 == 0) {
        return FLY_E_CONFLICT;
    }
    if (lies(store, PUT_FORGETS)) {
        return FLY_OK;
    }
    uint64_t number = fly_get_u64be(key.data);
    uint32_t at = lower_bound(store, number);
    if (at == store->count || store->records[at].key != number) {
        ck_assert_uint_lt(store->count, RECORDS_MAX);
        memmove(&store->records[at + 1], &store->records[at],
                (store->count - at) * sizeof *store->records);
        store->count++;
    }
    store->records[at].key = number;
    memcpy(store->records[at].value, value.data, value.len);
    return FLY_OK;
}

static fly_status toy_del(kv_session *session, fly_bytes key, fly_err *err)
{
    (void)err;
    kv_store *store = session->store;
    uint32_t at = lower_bound(store, fly_get_u64be(key.data));
    if (at == store->count || store->records[at].key != fly_get_u64be(key.data)) {
        return FLY_E_NOT_FOUND;
    }
    if (!lies(store, DEL_FORGETS)) {
        memmove(&store->records[at], &store->records[at + 1],
                (store->count - at - 1) * sizeof *store->records);
        store->count--;
    }
    return FLY_OK;
}

static fly_status toy_get(kv_session *session, fly_bytes key, uint8_t *buffer, size_t size,
                          size_t *len, fly_err *err)
{
    (void)err;
    kv_store *store = session->store;
    uint32_t at = lower_bound(store, fly_get_u64be(key.data));
    if (at == store->count || store->records[at].key != fly_get_u64be(key.data) ||
        lies(store, NOT_FOUND)) {
        return FLY_E_NOT_FOUND;
    }
    at = lies(store, VALUE_OF_ANOTHER) ? (at + 1) % store->count : at;
    *len = sizeof store->records[at].value;
    ck_assert_uint_ge(size, *len);
    memcpy(buffer, store->records[at].value, *len);
    buffer[*len - 1] ^= lies(store, VALUE_DAMAGED) ? 1 : 0;
    *len -= lies(store, SHORT_VALUE) ? 1 : 0;
    return FLY_OK;
}

static fly_status toy_range(kv_session *session, fly_bytes from, uint64_t limit, kv_fold *fold,
                            fly_err *err)
{
    (void)err;
    kv_store *store = session->store;
    uint32_t at = from.len > 0 ? lower_bound(store, fly_get_u64be(from.data)) : 0;
    uint32_t end = store->count;
    bool skips = from.len > 0 && lies(store, RANGE_SKIPS);
    bool twice = from.len > 0 && lies(store, RANGE_UNORDERED);
    bool mixed_up = from.len > 0 && lies(store, RANGE_MIXED_UP);
    bool damaged = from.len == 0 && told == SCAN_DAMAGED && store->armed;
    store->scans += from.len == 0 && store->armed ? 1 : 0;
    end -= from.len == 0 && told == SCAN_SHORT && store->scans == 2 ? 1 : 0;
    limit -= from.len > 0 && lies(store, RANGE_SHORT) ? 1 : 0;
    for (uint64_t seen = 0; seen < limit && at < end; seen++) {
        at += skips && seen == 0 ? 1 : 0;
        at -= twice && seen == 5 ? 1 : 0;
        if (at == end) {
            break;
        }
        uint8_t key[8];
        uint8_t value[100];
        fly_put_u64be(key, store->records[at].key);
        memcpy(value, store->records[at].value, sizeof value);
        value[0] ^= mixed_up && seen == 3 ? 1 : 0;
        value[99] ^= damaged && seen == 7 ? 1 : 0;
        kv_fold_entry(fold, key, value, sizeof value);
        at++;
    }
    return FLY_OK;
}

static void toy_version(char *buffer, size_t size)
{
    (void)snprintf(buffer, size, "0");
}

static const kv_driver toy = {
    .name = "toy",
    .settings = "",
    .durability = {"", "", ""},
    .version = toy_version,
    .open = toy_open,
    .close = toy_store_nothing,
    .checkpoint = toy_store_nothing,
    .session_open = toy_session_open,
    .session_close = toy_session_close,
    .begin = toy_begin,
    .commit = toy_commit,
    .abort = toy_abort,
    .put = toy_put,
    .del = toy_del,
    .get = toy_get,
    .range = toy_range,
};

static fly_status run(const kv_case *what, uint64_t ops, report_run *result, fly_err *err)
{
    kv_settings settings = {.shape = {.key_size = 8, .value_size = 100},
                            .records = RECORDS,
                            .reads_per_txn = 7,
                            .overhead_bytes = 1 << 20,
                            .ops = ops,
                            .seconds = 0.01};
    kv_task task = {.settings = &settings,
                    .driver = &toy,
                    .what = what,
                    .threads = 1,
                    .durability = KV_ASYNC,
                    .dir = "."};
    fly_atomic_u32 per_mille = {0};
    return kv_run_here(&task, &per_mille, result, err);
}

/* Load the store if the case wants that, then run the case, lying from then on. */
static fly_status run_case(const char *name, lie how, report_run *result, fly_err *err)
{
    kv_pick pick;
    ck_assert_int_eq(kv_case_parse(name, 1, &pick, err), FLY_OK);
    report_run ignored = {0};
    if (pick.what->start != KV_START_EMPTY) {
        ck_assert_int_eq(run(&kv_case_prepare, 0, &ignored, err), FLY_OK);
    }
    kept.armed = true;
    told = how;
    return run(pick.what, 2000, result, err);
}

static const char *const all_cases[] = {
    "load_seq",   "load_random", "disk_size",  "get_random", "get_one",     "range_100",    "scan",
    "mixed_95_5", "mixed_50_50", "update_one", "delete",     "commit_full", "get_4x_cache",
};

START_TEST(an_honest_store_passes_every_case)
{
    report_run result = {0};
    fly_err err = {0};
    ck_assert_msg(run_case(all_cases[_i], HONEST, &result, &err) == FLY_OK, "%s: %s", all_cases[_i],
                  err.message);
    double value = 0;
    if (strcmp(all_cases[_i], "disk_size") != 0) {
        ck_assert(report_find(&result, "ops_per_s", &value));
        ck_assert(value > 0);
    }
}
END_TEST

START_TEST(writes_that_conflict_are_run_again)
{
    report_run result = {0};
    fly_err err = {0};
    double value = 0;
    conflicts = true;
    ck_assert_int_eq(run_case("commit_full", HONEST, &result, &err), FLY_OK);
    ck_assert(report_find(&result, "conflicts", &value));
    ck_assert(value >= 1);
}
END_TEST

/* One lie for each check of the cases. Remove a check and its row fails. */
static const struct {
    const char *name;
    lie how;
    const char *complaint;
} wrongs[] = {
    {"get_random", VALUE_OF_ANOTHER, "does not belong to its key"},
    {"get_random", VALUE_DAMAGED, "a value is damaged"},
    {"get_random", NOT_FOUND, "a record is not found"},
    {"get_one", SHORT_VALUE, "does not belong to its key"},
    {"get_4x_cache", VALUE_OF_ANOTHER, "does not belong to its key"},
    {"mixed_95_5", VALUE_OF_ANOTHER, "does not belong to its key"},
    {"range_100", RANGE_SKIPS, "a range is not what it should be"},
    {"range_100", RANGE_SHORT, "a range is not what it should be"},
    {"range_100", RANGE_MIXED_UP, "a range is not what it should be"},
    {"range_100", RANGE_UNORDERED, "a range is not what it should be"},
    {"scan", SCAN_SHORT, "a scan of 3000 records saw 2999"},
    {"get_random", SCAN_DAMAGED, "or other ones"},
    {"load_seq", PUT_FORGETS, "2940 records are there"},
    {"load_random", PUT_FORGETS, "2940 records are there"},
    {"commit_full", PUT_FORGETS, "were expected"},
    {"delete", DEL_FORGETS, "were expected"},
};

START_TEST(a_lie_is_noticed)
{
    report_run result = {0};
    fly_err err = {0};
    fly_status status = run_case(wrongs[_i].name, wrongs[_i].how, &result, &err);
    ck_assert_msg(status == FLY_E_CORRUPT, "%s: %s", wrongs[_i].name, fly_status_name(status));
    ck_assert_msg(strstr(err.message, "wrong answer from toy") != NULL, "%s", err.message);
    ck_assert_msg(strstr(err.message, wrongs[_i].complaint) != NULL, "%s: said \"%s\"",
                  wrongs[_i].name, err.message);
    ck_assert_uint_eq(result.count, 0);
}
END_TEST

START_TEST(names_of_cases_tell_threads)
{
    kv_pick pick;
    fly_err err = {0};
    ck_assert_int_eq(kv_case_parse("get_random", 1, &pick, &err), FLY_OK);
    ck_assert_str_eq(pick.name, "get_random");
    ck_assert_int_eq(kv_case_parse("get_random", 4, &pick, &err), FLY_OK);
    ck_assert_str_eq(pick.name, "get_random_t4");
    ck_assert_int_eq(kv_case_parse("get_random_t2", 4, &pick, &err), FLY_OK);
    ck_assert_uint_eq(pick.threads, 2);
    ck_assert_int_eq(kv_case_parse("commit_full", 1, &pick, &err), FLY_OK);
    ck_assert_str_eq(pick.name, "commit_full_t1");
    ck_assert_int_eq(kv_case_parse("load_seq", 4, &pick, &err), FLY_OK);
    ck_assert_str_eq(pick.name, "load_seq");

    static const char *const bad[] = {"",
                                      "get",
                                      "get_random_",
                                      "get_random_t",
                                      "get_random_t0",
                                      "get_random_t65",
                                      "load_seq_t2",
                                      "_t4",
                                      "get_random_t99999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(kv_case_parse(bad[i], 1, &pick, &err) == FLY_E_INVALID, "%s", bad[i]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kv");
    TCase *cases = tcase_create("cases");
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, an_honest_store_passes_every_case, 0,
                        (int)(sizeof all_cases / sizeof all_cases[0]));
    tcase_add_loop_test(cases, a_lie_is_noticed, 0, (int)(sizeof wrongs / sizeof wrongs[0]));
    tcase_add_test(cases, writes_that_conflict_are_run_again);
    tcase_add_test(cases, names_of_cases_tell_threads);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failures = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failures > 0;
}
