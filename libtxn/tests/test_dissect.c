/*
 * Goal: dissecting says what every byte is, of what a store writes and of rubbish.
 * Method: a store does everything that is logged; each of its records is taken apart, and so are
 * records cut short and random bytes. Fields must follow each other without a gap and end where the
 * bytes end.
 */
#include "txn_world.h"

#include <fly/base_hash.h>
#include <fly/page_file.h>
#include <fly/txn_dissect.h>

/* What was shown, as text, and whether it was all there. */
struct shown {
    size_t at; /* where the next field must begin */
    bool gap;
    char lines[8192];
};

static void show(void *ctx, const fly_dissected *field)
{
    struct shown *shown = ctx;
    size_t used = strlen(shown->lines);
    (void)snprintf(shown->lines + used, sizeof shown->lines - used, "%s: %s\n", field->name,
                   field->text);
    if (field->len > 0) {
        shown->gap = shown->gap || field->offset != shown->at;
        shown->at = field->offset + field->len;
    }
}

static struct shown shown;

static void begin_showing(fly_dissector *d, fly_bytes bytes)
{
    shown = (struct shown){0};
    fly_dissect_begin(d, bytes, show, &shown);
}

/* Everything was shown, in order. */
static void ck_all_shown(const fly_dissector *d)
{
    ck_assert_msg(!d->bad, "%s", shown.lines);
    ck_assert_msg(!shown.gap, "%s", shown.lines);
    ck_assert_uint_eq(d->at, d->bytes.len);
    ck_assert_uint_eq(shown.at, d->bytes.len);
    ck_assert_uint_eq(d->depth, 0);
}

/* ----------------------------------------------------------------------------- records */

/* Do everything that is logged. */
static void do_everything(void)
{
    static char value[20000];
    memset(value, 'v', sizeof value - 1);
    set("apple", "red");
    set("apple", "green");
    set("long", value);
    set("long", "short");
    set("fig", "green");
    unset("fig");
    set("fig", "brown"); /* over a ghost */
    unset("apple");
    FLY_CHECK_OK(fly_store_maintain(store, &err), err);
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    put(txn, "apple", "blue");
    fly_txn_rollback(txn);
    (void)make_tree("other");
    txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK_OK(fly_txn_tree_drop(txn, "other", &err), err);
    fly_txn_rollback(txn);
    txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK_OK(fly_txn_tree_drop(txn, "other", &err), err);
    commit(txn);
    txn = begin(FLY_ISOLATION_DEFAULT);
    put(txn, "plum", "blue");
    FLY_CHECK_OK(fly_txn_prepare(txn, text("two"), &err), err);
    FLY_CHECK_OK(fly_store_prepared(store, text("two"), &txn, &err), err);
    commit(txn);
}

/* Call `each` with every record of the log. */
static void for_each_record(void (*each)(const fly_wal_record *record))
{
    fly_wal_reader *reader = NULL;
    fly_wal_record record;
    fly_status status;
    FLY_CHECK_OK(fly_wal_reader_open(&world.env, "data/wal", fly_store_wal(store), NULL, NULL, 0,
                                     &reader, &err),
                 err);
    while ((status = fly_wal_reader_next(reader, &record, &err)) == FLY_OK) {
        each(&record);
    }
    FLY_CHECK(status, FLY_E_END, err);
    fly_wal_reader_close(reader);
}

static char all[1 << 20]; /* what was said of all records */

static void dissect(const fly_wal_record *record)
{
    fly_dissector d;
    begin_showing(&d, record->payload);
    fly_txn_dissect_record(&d, record, NULL);
    ck_all_shown(&d);
    size_t used = strlen(all);
    (void)snprintf(all + used, sizeof all - used, "%s", shown.lines);
}

START_TEST(every_record_is_shown_whole)
{
    static const char *const said[] = {
        "record: put\n",
        "record: put, undoes\n",
        "record: remove, undoes\n",
        "record: nodes, of nobody\n",
        "record: nodes\n",
        "record: blob page\n",
        "record: commit\n",
        "record: end\n",
        "record: prepare\n",
        "record: ceiling\n",
        "record: undone\n",
        "record: drop\n",
        "name: \"two\"\n",
        "key \"apple\"\n",
        "payload: \"green\"\n",
        "was there: 0\n",
        "flags: ghost\n",
        "reference to a long value: ",
    };
    do_everything();
    for_each_record(dissect);
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        ck_assert_msg(strstr(all, said[i]) != NULL, "nothing says \"%s\"", said[i]);
    }
    ck_assert_ptr_null(strstr(all, "unknown"));
    ck_assert_ptr_null(strstr(all, "cannot be read"));
}
END_TEST

/* A record of which the last bytes are missing says so, and shows the others. */
static void cut(const fly_wal_record *record)
{
    if (record->payload.len > 400) {
        return;
    }
    for (size_t len = 0; len < record->payload.len; len++) {
        uint8_t *copy = malloc(len > 0 ? len : 1); /* so that sanitizers see its end */
        memcpy(copy, record->payload.data, len);
        fly_dissector d;
        begin_showing(&d, fly_bytes_of(copy, len));
        fly_txn_dissect_record(&d, record, NULL);
        ck_assert(d.bad);
        ck_assert(!shown.gap);
        ck_assert(strstr(shown.lines, "missing") != NULL);
        free(copy);
    }
}

START_TEST(what_is_missing_of_a_record_is_said)
{
    do_everything();
    for_each_record(cut);
}
END_TEST

static void shown_by_hook(void *ctx, fly_dissector *d, uint8_t type, size_t len)
{
    int *calls = ctx;
    *calls += type == FLY_BTREE_LOG_PUT;
    (void)fly_dissect_digits(d, "first of the body", len / 2); /* and not the rest */
}

static int hook_calls;

static void dissect_with_hook(const fly_wal_record *record)
{
    fly_txn_dissect_options hooks = {.body = shown_by_hook, .ctx = &hook_calls};
    fly_dissector d;
    begin_showing(&d, record->payload);
    fly_txn_dissect_record(&d, record, &hooks);
    ck_assert(!d.bad);
    ck_assert_uint_eq(d.at, d.bytes.len);
}

START_TEST(a_hook_shows_the_bodies_of_trees)
{
    do_everything();
    for_each_record(dissect_with_hook);
    ck_assert_int_gt(hook_calls, 0);
}
END_TEST

static void dissect_rubbish(void *ctx, uint64_t seed)
{
    (void)ctx;
    fly_rng rng;
    fly_rng_init(&rng, seed);
    for (int i = 0; i < 500; i++) {
        size_t len = (size_t)fly_rng_below(&rng, 80);
        uint8_t *bytes = malloc(len > 0 ? len : 1);
        for (size_t j = 0; j < len; j++) {
            bytes[j] = (uint8_t)fly_rng_below(&rng, fly_rng_below(&rng, 2) == 0 ? 4 : 256);
        }
        fly_wal_record record = {
            .manager = (uint8_t)fly_rng_below(&rng, 20),
            .type = (uint8_t)fly_rng_below(&rng, 9),
            .flags = (uint16_t)fly_rng_below(&rng, 4),
            .payload = fly_bytes_of(bytes, len + (size_t)fly_rng_below(&rng, 3)),
        };
        fly_dissector d;
        begin_showing(&d, fly_bytes_of(bytes, len));
        fly_txn_dissect_record(&d, &record, NULL);
        FLY_ASSERT(d.depth == 0);
        FLY_ASSERT(!shown.gap);
        FLY_ASSERT(d.at <= len);
        begin_showing(&d, fly_bytes_of(bytes, len));
        fly_txn_dissect_value(&d, len);
        FLY_ASSERT(d.bad == (len < 9));
        FLY_ASSERT(d.bad || shown.at == len);
        free(bytes);
    }
}

START_TEST(rubbish_is_shown_as_far_as_it_goes)
{
    ck_assert(fly_test_seeds("dissecting rubbish", 20, dissect_rubbish, NULL));
}
END_TEST

START_TEST(records_have_names)
{
    ck_assert_str_eq(fly_txn_record_name(1, FLY_BTREE_LOG_PUT), "put");
    ck_assert_str_eq(fly_txn_record_name(2, 1), "commit");
    ck_assert_str_eq(fly_txn_record_name(2, 0), "unknown");
    ck_assert_str_eq(fly_txn_record_name(2, 7), "unknown");
    ck_assert_str_eq(fly_txn_record_name(1, 7), "unknown");
    ck_assert_str_eq(fly_txn_record_name(3, 1), "unknown");
    ck_assert_str_eq(fly_txn_record_name(FLY_STORE_MANAGER_FIRST, 1), "other");
}
END_TEST

/* ------------------------------------------------------------------ the worked example */

/* docs/formats/store.md. What libbtree has put into the first two is its own affair. */
static const struct {
    uint64_t lsn;
    uint8_t manager;
    uint8_t type;
    const char *payload; /* NULL: any */
} example[] = {
    {4096, 1, FLY_BTREE_LOG_NODES, NULL},
    {4208, 2, 4, "0200100000000000"},
    {4240, 1, FLY_BTREE_LOG_NODES, NULL},
    {4368, 1, FLY_BTREE_LOG_PUT,
     "0200000000000000"
     "9010000000000000"
     "21000000"
     "0100000002000000"
     "00"
     "0500"
     "6672756974"
     "0500020000000000"
     "00"
     "1000000003000000"
     "00"},
    {4448, 1, FLY_BTREE_LOG_PUT,
     "0200000000000000"
     "1011000000000000"
     "1c000000"
     "1000000003000000"
     "00"
     "0500"
     "6170706c65"
     "0900020000000000"
     "00"
     "726564"
     "00"},
    {4520, 2, 1,
     "0200000000000000"
     "0240204648470600"},
    {4560, 1, FLY_BTREE_LOG_PUT,
     "0300000000000000"
     "0000000000000000"
     "1e000000"
     "1000000003000000"
     "00"
     "0500"
     "6170706c65"
     "0200030000000000"
     "00"
     "677265656e"
     "01"
     "0900020000000000"
     "00"
     "726564"},
    {4648, 2, 1,
     "0300000000000000"
     "0340204648470600"},
};

static size_t example_at;

static void compare(const fly_wal_record *record)
{
    static char digits[1024];
    ck_assert_uint_lt(example_at, sizeof example / sizeof example[0]);
    ck_assert_uint_eq(record->lsn, example[example_at].lsn);
    ck_assert_uint_eq(record->manager, example[example_at].manager);
    ck_assert_uint_eq(record->type, example[example_at].type);
    for (size_t i = 0; i < record->payload.len; i++) {
        (void)snprintf(digits + 2 * i, 3, "%02x", record->payload.data[i]);
    }
    if (example[example_at].payload != NULL) {
        ck_assert_str_eq(digits, example[example_at].payload);
    }
    example_at++;
}

START_TEST(the_worked_example_is_what_a_store_writes)
{
    set_up_world();
    open_store();
    fly_txn *txn = begin(FLY_ISOLATION_DEFAULT);
    FLY_CHECK_OK(fly_txn_tree_open(txn, "fruit", FLY_TREE_CREATE, &tree, &err), err);
    put(txn, "apple", "red");
    commit(txn);
    set("apple", "green");
    for_each_record(compare);
    ck_assert_uint_eq(example_at, sizeof example / sizeof example[0]);
    close_store();
    tear_down_world();
}
END_TEST

/* -------------------------------------------------------------------------------- meta */

START_TEST(the_meta_of_a_store_is_shown)
{
    fly_pagefile *file = NULL;
    fly_dissector d;
    set("apple", "red");
    close_store();
    FLY_CHECK_OK(fly_pagefile_open(&world.env, "data/data.db", NULL,
                                   &(fly_pagefile_options){.read_only = true}, &file, &err),
                 err);
    begin_showing(&d, fly_bytes_of(fly_pagefile_meta(file), 48));
    fly_store_dissect_meta(&d);
    ck_all_shown(&d);
    FLY_CHECK_SAYS(shown.lines, "version: 1\nroot of the catalog: 2\nnext tree: 17\n");
    FLY_CHECK_SAYS(shown.lines, "clock: 4\n"); /* 2 to begin with; the tree, the apple */
    fly_pagefile_close(file);
    open_store();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dissect");
    TCase *tests = fly_test_case(suite, "dissecting");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, every_record_is_shown_whole);
    tcase_add_test(tests, what_is_missing_of_a_record_is_said);
    tcase_add_test(tests, a_hook_shows_the_bodies_of_trees);
    tcase_add_test(tests, the_meta_of_a_store_is_shown);
    tests = fly_test_case(suite, "dissecting without a store");
    tcase_add_test(tests, rubbish_is_shown_as_far_as_it_goes);
    tcase_add_test(tests, records_have_names);
    tests = fly_test_case(suite, "the documentation");
    tcase_add_test(tests, the_worked_example_is_what_a_store_writes);
    return fly_test_run(suite);
}
