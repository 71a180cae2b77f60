/*
 * Goal: events come back as they were emitted, whole and in order, and what was lost is counted.
 * Method: one thread first; then threads that emit while another reads, with events whose fields
 * give away a torn copy.
 */
#include <fly/base_trace.h>

#include <fly/base_check.h>
#include <fly/base_sched.h>

#include <stdlib.h>
#include <string.h>

enum { EVICTED = FLY_TRACE_ID(FLY_TRACE_PAGE, 1), SYNCED = FLY_TRACE_ID(FLY_TRACE_WAL, 3) };

static const fly_trace_type page_types[] = {
    {EVICTED, "page evicted", {"page", "dirty"}},
};
static const fly_trace_type wal_types[] = {
    {FLY_TRACE_ID(FLY_TRACE_WAL, 1), "record appended", {"lsn", "bytes", "type", "flags"}},
    {SYNCED, "log synced", {NULL}},
};

static fly_trace *trace;
static fly_trace_event events[1000];
static uint64_t lost;
static fly_err err;

static void setup(void)
{
    memset(&err, 0, sizeof err);
    trace = fly_trace_create(fly_mem_system(), 16);
    ck_assert_ptr_nonnull(trace);
    fly_trace_set(trace, true);
}

static void teardown(void)
{
    fly_trace_destroy(trace);
}

static size_t read_all(void)
{
    return fly_trace_read(trace, events, sizeof events / sizeof events[0], &lost);
}

/* -------------------------------------------------------------------- one thread */

START_TEST(a_new_trace_is_off_and_records_nothing)
{
    fly_trace *quiet = fly_trace_create(fly_mem_system(), 0);
    FLY_TRACE(quiet, EVICTED, 1, 2, 3, 4);
    ck_assert_uint_eq(fly_trace_read(quiet, events, 10, &lost), 0);
    ck_assert_uint_eq(lost, 0);
    fly_trace_destroy(quiet);
}
END_TEST

START_TEST(there_need_not_be_a_trace)
{
    fly_trace *none = NULL;
    FLY_TRACE(none, EVICTED, 1, 2, 3, 4);
    fly_trace_destroy(none);
}
END_TEST

START_TEST(switched_off_it_keeps_what_it_has_and_takes_no_more)
{
    FLY_TRACE(trace, EVICTED, 1, 0, 0, 0);
    fly_trace_set(trace, false);
    FLY_TRACE(trace, EVICTED, 2, 0, 0, 0);
    ck_assert_uint_eq(read_all(), 1);
    ck_assert_uint_eq(events[0].field[0], 1);
}
END_TEST

START_TEST(an_event_comes_back_as_it_was_emitted)
{
    uint64_t before = fly_now();
    FLY_TRACE(trace, SYNCED, UINT64_MAX, 2, 3, 4);
    uint64_t after = fly_now();
    ck_assert_uint_eq(read_all(), 1);
    ck_assert_uint_eq(events[0].id, SYNCED);
    ck_assert_uint_eq(events[0].thread, 0);
    ck_assert_uint_ge(events[0].time, before);
    ck_assert_uint_le(events[0].time, after);
    ck_assert_uint_eq(events[0].field[0], UINT64_MAX);
    ck_assert_uint_eq(events[0].field[1], 2);
    ck_assert_uint_eq(events[0].field[2], 3);
    ck_assert_uint_eq(events[0].field[3], 4);
}
END_TEST

START_TEST(reading_takes_nothing_out)
{
    FLY_TRACE(trace, EVICTED, 1, 0, 0, 0);
    ck_assert_uint_eq(read_all(), 1);
    ck_assert_uint_eq(read_all(), 1);
}
END_TEST

START_TEST(a_full_ring_keeps_the_newest_and_counts_the_rest)
{
    for (uint64_t i = 0; i < 16; i++) {
        FLY_TRACE(trace, EVICTED, i, 0, 0, 0);
    }
    ck_assert_uint_eq(read_all(), 16);
    ck_assert_uint_eq(lost, 0);
    for (uint64_t i = 16; i < 100; i++) {
        FLY_TRACE(trace, EVICTED, i, 0, 0, 0);
    }
    ck_assert_uint_eq(read_all(), 16);
    ck_assert_uint_eq(lost, 84);
    for (uint64_t i = 0; i < 16; i++) {
        ck_assert_uint_eq(events[i].field[0], 84 + i);
    }
}
END_TEST

START_TEST(a_small_buffer_gets_the_newest_oldest_first)
{
    for (uint64_t i = 0; i < 10; i++) {
        FLY_TRACE(trace, EVICTED, i, 0, 0, 0);
    }
    ck_assert_uint_eq(fly_trace_read(trace, events, 3, NULL), 3);
    ck_assert_uint_eq(events[0].field[0], 7);
    ck_assert_uint_eq(events[2].field[0], 9);
    ck_assert_uint_eq(fly_trace_read(trace, events, 0, NULL), 0);
}
END_TEST

START_TEST(the_size_of_a_ring_is_rounded_up)
{
    fly_trace *odd = fly_trace_create(fly_mem_system(), 5);
    fly_trace_set(odd, true);
    for (uint64_t i = 0; i < 20; i++) {
        FLY_TRACE(odd, EVICTED, i, 0, 0, 0);
    }
    ck_assert_uint_eq(fly_trace_read(odd, events, 100, &lost), 8);
    ck_assert_uint_eq(lost, 12);
    fly_trace_destroy(odd);
}
END_TEST

/* ------------------------------------------------------------------------ memory */

START_TEST(without_memory_there_is_no_trace_and_no_ring)
{
    fly_account account;
    fly_account_init(&account, fly_mem_system(), "tiny", 100);
    ck_assert_ptr_null(fly_trace_create(&account.mem, 16));
    account.limit = 16384; /* the trace fits, a ring of 1,024 events does not */
    fly_trace *poor = fly_trace_create(&account.mem, 1024);
    ck_assert_ptr_nonnull(poor);
    fly_trace_set(poor, true);
    FLY_TRACE(poor, EVICTED, 1, 0, 0, 0);
    FLY_TRACE(poor, EVICTED, 2, 0, 0, 0);
    ck_assert_uint_eq(fly_trace_read(poor, events, 10, &lost), 0);
    ck_assert_uint_eq(lost, 2);
    account.limit = 0; /* memory is back, and so are the events */
    FLY_TRACE(poor, EVICTED, 3, 0, 0, 0);
    ck_assert_uint_eq(fly_trace_read(poor, events, 10, &lost), 1);
    fly_trace_destroy(poor);
    fly_account_deinit(&account);
}
END_TEST

/* ----------------------------------------------------------------------- threads */

enum { EMITTERS = 4 };

static void start_and_join(void (*run)(void *arg), int count)
{
    static fly_thread threads[300];
    for (int i = 0; i < count; i++) {
        FLY_CHECK_OK(fly_thread_start(fly_sched_os(), &threads[i], "emitter", run,
                                      (void *)(uintptr_t)i, &err),
                     err);
    }
    for (int i = 0; i < count; i++) {
        fly_thread_join(&threads[i]);
    }
}

static fly_atomic_u32 gathered;

/* Wait until all are there, so that every thread has an identity of its own. */
static void gather(uint32_t count)
{
    (void)fly_add_u32(&gathered, 1);
    while (fly_load_u32(&gathered) < count) {
        fly_sleep(1000000);
    }
}

static void emit_ten(void *arg)
{
    gather(EMITTERS);
    for (uint64_t i = 0; i < 10; i++) {
        FLY_TRACE(trace, EVICTED, (uintptr_t)arg, i, 0, 0);
    }
    (void)fly_add_u32(&gathered, 1);
    while (fly_load_u32(&gathered) < 2 * EMITTERS) {
        fly_sleep(1000000);
    }
}

START_TEST(the_events_of_all_threads_are_merged_by_time)
{
    start_and_join(emit_ten, EMITTERS);
    ck_assert_uint_eq(read_all(), 10 * EMITTERS);
    ck_assert_uint_eq(lost, 0);
    uint64_t next[EMITTERS] = {0};
    for (size_t i = 0; i < 10 * EMITTERS; i++) {
        ck_assert(i == 0 || events[i - 1].time <= events[i].time);
        ck_assert_uint_lt(events[i].thread, EMITTERS);
        uint64_t emitter = events[i].field[0];
        ck_assert_uint_eq(events[i].field[1], next[emitter]++); /* in its own order */
    }
}
END_TEST

static fly_atomic_u32 finished;

static void emit_telling(void *arg)
{
    uint64_t me = (uintptr_t)arg;
    for (uint64_t i = 0; i < 100000; i++) {
        uint64_t a = me << 32 | i;
        FLY_TRACE(trace, (int)(i & 0xffff), a, ~a, a * 3, a ^ 0x5555);
    }
    (void)fly_add_u32(&finished, 1);
}

/* A torn event has fields of two events, and two of these never fit together. */
static void read_and_verify(void)
{
    size_t count = read_all();
    for (size_t i = 0; i < count; i++) {
        uint64_t a = events[i].field[0];
        ck_assert_uint_eq(events[i].field[1], ~a);
        ck_assert_uint_eq(events[i].field[2], a * 3);
        ck_assert_uint_eq(events[i].field[3], a ^ 0x5555);
        ck_assert_uint_eq(events[i].id, a & 0xffff);
        ck_assert(i == 0 || events[i - 1].time <= events[i].time);
    }
}

START_TEST(a_reader_sees_events_whole_or_not_at_all)
{
    fly_thread threads[EMITTERS];
    for (unsigned i = 0; i < EMITTERS; i++) {
        FLY_CHECK_OK(fly_thread_start(fly_sched_os(), &threads[i], "emitter", emit_telling,
                                      (void *)(uintptr_t)i, &err),
                     err);
    }
    while (fly_load_u32(&finished) < EMITTERS) {
        read_and_verify();
    }
    for (unsigned i = 0; i < EMITTERS; i++) {
        fly_thread_join(&threads[i]);
    }
    read_and_verify();
}
END_TEST

enum { CROWD = 270 }; /* more threads than a trace has room for */

static void emit_one_of_many(void *arg)
{
    gather(CROWD);
    FLY_TRACE(trace, EVICTED, (uintptr_t)arg, 0, 0, 0);
    (void)fly_add_u32(&gathered, 1);
    while (fly_load_u32(&gathered) < 2 * CROWD) {
        fly_sleep(1000000);
    }
}

START_TEST(threads_beyond_the_table_are_counted_as_lost)
{
    start_and_join(emit_one_of_many, CROWD);
    ck_assert_uint_eq(read_all(), 256);
    ck_assert_uint_eq(lost, CROWD - 256);
}
END_TEST

/* -------------------------------------------------------------------------- text */

static const char *text_of(const fly_trace_event *event)
{
    static char text[128];
    int len = fly_trace_format(trace, event, text, sizeof text);
    ck_assert_uint_eq((size_t)len, strlen(text));
    return text;
}

START_TEST(events_are_named_once_their_layer_has_registered)
{
    fly_trace_event evicted = {.id = EVICTED, .field = {17, 1, 8, 9}};
    ck_assert_str_eq(text_of(&evicted), "event 0x0201 17 1 8 9");
    ck_assert_ptr_null(fly_trace_find(trace, EVICTED));
    fly_trace_register(trace, wal_types, 2);
    fly_trace_register(trace, page_types, 1);
    fly_trace_register(trace, page_types, 1);
    ck_assert_ptr_eq(fly_trace_find(trace, EVICTED), &page_types[0]);
    ck_assert_ptr_eq(fly_trace_find(trace, SYNCED), &wal_types[1]);
    ck_assert_str_eq(text_of(&evicted), "page evicted page=17 dirty=1");
    ck_assert_str_eq(text_of(&(fly_trace_event){.id = SYNCED}), "log synced");
    ck_assert_str_eq(
        text_of(&(fly_trace_event){.id = FLY_TRACE_ID(FLY_TRACE_WAL, 1), .field = {1, 2, 3, 4}}),
        "record appended lsn=1 bytes=2 type=3 flags=4");
}
END_TEST

START_TEST(a_small_text_buffer_is_filled_and_the_whole_length_told)
{
    fly_trace_register(trace, page_types, 1);
    fly_trace_event evicted = {.id = EVICTED, .field = {17, 1}};
    for (size_t size = 0; size < 40; size++) {
        char text[41];
        memset(text, '#', sizeof text);
        ck_assert_int_eq(fly_trace_format(trace, &evicted, text, size), 28);
        if (size > 0) {
            ck_assert_uint_eq(strlen(text), size <= 28 ? size - 1 : 28);
        }
        ck_assert_int_eq(text[size], '#');
    }
}
END_TEST

START_TEST(a_table_registered_often_takes_one_place)
{
    for (int i = 0; i < 100; i++) {
        fly_trace_register(trace, page_types, 1);
    }
    fly_trace_register(trace, wal_types, 2);
    ck_assert_ptr_eq(fly_trace_find(trace, SYNCED), &wal_types[1]);
}
END_TEST

START_TEST(tables_beyond_the_last_are_shown_by_number)
{
    static fly_trace_type types[70];
    for (uint16_t i = 0; i < 70; i++) {
        types[i] = (fly_trace_type){.id = (uint16_t)(0x1000 + i), .name = "many"};
        fly_trace_register(trace, &types[i], 1);
    }
    ck_assert_ptr_eq(fly_trace_find(trace, 0x1000 + 63), &types[63]);
    ck_assert_ptr_null(fly_trace_find(trace, 0x1000 + 64));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trace");
    TCase *one = fly_test_case(suite, "one thread");
    tcase_add_checked_fixture(one, setup, teardown);
    tcase_add_test(one, a_new_trace_is_off_and_records_nothing);
    tcase_add_test(one, there_need_not_be_a_trace);
    tcase_add_test(one, switched_off_it_keeps_what_it_has_and_takes_no_more);
    tcase_add_test(one, an_event_comes_back_as_it_was_emitted);
    tcase_add_test(one, reading_takes_nothing_out);
    tcase_add_test(one, a_full_ring_keeps_the_newest_and_counts_the_rest);
    tcase_add_test(one, a_small_buffer_gets_the_newest_oldest_first);
    tcase_add_test(one, the_size_of_a_ring_is_rounded_up);
    tcase_add_test(one, without_memory_there_is_no_trace_and_no_ring);

    TCase *threads = fly_test_case(suite, "threads");
    tcase_add_checked_fixture(threads, setup, teardown);
    tcase_add_test(threads, the_events_of_all_threads_are_merged_by_time);
    tcase_add_test(threads, a_reader_sees_events_whole_or_not_at_all);
    tcase_add_test(threads, threads_beyond_the_table_are_counted_as_lost);

    TCase *text = fly_test_case(suite, "text");
    tcase_add_checked_fixture(text, setup, teardown);
    tcase_add_test(text, events_are_named_once_their_layer_has_registered);
    tcase_add_test(text, a_small_text_buffer_is_filled_and_the_whole_length_told);
    tcase_add_test(text, a_table_registered_often_takes_one_place);
    tcase_add_test(text, tables_beyond_the_last_are_shown_by_number);
    return fly_test_run(suite);
}
