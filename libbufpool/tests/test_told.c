/*
 * Goal: a policy is told what happened and nothing else: each use of a page is one reference, pages
 * are touched only between coming and going, victims are asked for among those that may go; and the
 * trace tells the same story.
 * Method: one thread, a policy that writes down what it hears and lets the lowest slot go.
 */
#include "pool_world.h"

enum { SLOTS = 64, PAGES = 300, TICK = SLOTS / 16 };

static fly_sim_env sim;
static struct pool_world w;

static struct {
    bool in[SLOTS];
    uint32_t page[SLOTS];
    uint32_t loaded, touched, evicted, asked;
    uint32_t tick, last, number; /* of the last call */
} heard;

static void reset_counts(void)
{
    heard.loaded = 0;
    heard.touched = 0;
    heard.evicted = 0;
}

static size_t state_size(uint32_t slots)
{
    ck_assert_uint_eq(slots, SLOTS);
    return 0;
}

static void init(void *state, uint32_t slots, uint64_t seed)
{
    ck_assert_uint_eq((uintptr_t)state % FLY_CACHE_LINE, 0);
    ck_assert_uint_eq(slots, SLOTS);
    ck_assert_uint_eq(seed, 17);
}

static void loaded(void *state, uint32_t slot, uint32_t page, uint32_t tick, uint32_t last)
{
    (void)state;
    ck_assert(!heard.in[slot]);
    heard.in[slot] = true;
    heard.page[slot] = page;
    heard.loaded++;
    heard.tick = tick;
    heard.last = last;
    heard.number = page;
}

static void touched(void *state, uint32_t slot, uint32_t page, uint32_t tick)
{
    (void)state;
    ck_assert(heard.in[slot]);
    ck_assert_uint_eq(heard.page[slot], page);
    heard.touched++;
    heard.tick = tick;
    heard.number = page;
}

static void evicted(void *state, uint32_t slot, uint32_t page)
{
    (void)state;
    ck_assert(heard.in[slot]);
    ck_assert_uint_eq(heard.page[slot], page);
    heard.in[slot] = false;
    heard.evicted++;
}

static uint32_t victim(void *state, uint32_t tick, bool (*may)(void *ctx, uint32_t slot), void *ctx)
{
    (void)state;
    (void)tick;
    heard.asked++;
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        if (heard.in[slot] && may(ctx, slot)) {
            return slot;
        }
    }
    return UINT32_MAX;
}

static fly_bufpool_policy listener = {
    .name = "listener",
    .state_size = state_size,
    .init = init,
    .loaded = loaded,
    .touched = touched,
    .evicted = evicted,
    .victim = victim,
};

/* Case `_i`: a backend, with and without every reference. */
static void open_pool(int which)
{
    memset(&heard, 0, sizeof heard);
    listener.every_reference = which >= BACKENDS;
    fly_bufpool_options options = pool_options(SLOTS);
    options.backend = backends[which % BACKENDS];
    options.policy = &listener;
    options.seed = 17;
    pool_world_open(&w, &sim, PAGES, &options);
}

enum { CASES = 2 * BACKENDS };

static void close_pool(void)
{
    FLY_CHECK_OK(fly_bufpool_check(w.pool, &w.err), w.err);
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        ck_assert(!heard.in[slot] || fly_bufpool_has(w.pool, heard.page[slot]));
    }
    pool_world_close(&w);
}

static void setup(void)
{
    fly_sim_env_init(&sim, NULL);
}

static void teardown(void)
{
    fly_sim_env_deinit(&sim);
}

/* ------------------------------------------------------------------------------- uses */

static void use_observed(uint32_t page)
{
    fly_pageref ref;
    FLY_CHECK_OK(fly_bufpool_observe(w.pool, page, &ref, &w.err), w.err);
    fly_bufpool_forget(&ref);
}

static void use_shared(uint32_t page)
{
    fly_pageref ref;
    FLY_CHECK_OK(fly_bufpool_fix_shared(w.pool, page, &ref, &w.err), w.err);
    fly_bufpool_unfix_shared(&ref);
}

static void use_exclusive(uint32_t page)
{
    fly_pageref ref;
    FLY_CHECK_OK(fly_bufpool_fix_exclusive(w.pool, page, &ref, &w.err), w.err);
    fly_bufpool_unfix_exclusive(&ref);
}

static void use_new(uint32_t page)
{
    fly_pageref ref;
    FLY_CHECK_OK(fly_bufpool_fix_new(w.pool, page, &ref, &w.err), w.err);
    stamp(ref.bytes, page, 0);
    fly_bufpool_unfix_exclusive(&ref);
}

static void (*const uses[])(uint32_t page) = {use_observed, use_shared, use_exclusive, use_new};
enum { USES = sizeof uses / sizeof uses[0] };

START_TEST(bringing_a_page_in_is_one_reference)
{
    open_pool(_i);
    /* So many that some of them end a tick. */
    for (uint32_t page = 0; page < 3 * TICK * USES; page++) {
        reset_counts();
        uses[page % USES](FIRST_PAGE + page);
        ck_assert_uint_eq(heard.loaded, 1);
        ck_assert_uint_eq(heard.touched, 0);
    }
    close_pool();
}
END_TEST

START_TEST(using_a_page_again_is_told_once_a_tick_or_each_time)
{
    open_pool(_i);
    bool each_time = _i >= BACKENDS;
    for (uint32_t use = 0; use < USES; use++) {
        use_shared(5);
        for (uint32_t page = 0; page < TICK; page++) { /* time passes */
            use_shared(20 + use * TICK + page);
        }
        reset_counts();
        for (uint32_t i = 1; i <= 10; i++) {
            uses[use](5);
            ck_assert_uint_eq(heard.touched, each_time ? i : 1);
            ck_assert_uint_eq(heard.number, 5);
        }
        ck_assert_uint_eq(heard.loaded, 0);
    }
    close_pool();
}
END_TEST

START_TEST(a_tick_lasts_for_a_sixteenth_of_the_pool)
{
    open_pool(_i);
    for (uint32_t page = 0; page < 10 * TICK; page++) {
        uses[page % USES](FIRST_PAGE + page);
        ck_assert_uint_eq(heard.tick, 1 + page / TICK);
    }
    use_shared(FIRST_PAGE);
    ck_assert_uint_eq(heard.tick, 1 + 10);
    close_pool();
}
END_TEST

START_TEST(a_page_remembers_when_it_was_touched_last_in_its_former_life)
{
    open_pool(_i);
    use_exclusive(5);
    ck_assert_uint_eq(heard.last, 0);
    for (uint32_t page = 100; page < 100 + 2 * TICK; page++) {
        use_exclusive(page);
    }
    use_observed(5);
    uint32_t touched_at = heard.tick;
    ck_assert_uint_gt(touched_at, 1);
    for (uint32_t page = 100; fly_bufpool_has(w.pool, 5); page++) {
        use_exclusive(page);
    }
    use_exclusive(5);
    ck_assert_uint_eq(heard.last, touched_at);
    uint32_t loaded_at = heard.tick;
    for (uint32_t page = 100; fly_bufpool_has(w.pool, 5); page++) {
        use_exclusive(page);
    }
    use_shared(5); /* coming in was its last touch */
    ck_assert_uint_eq(heard.last, loaded_at);
    close_pool();
}
END_TEST

START_TEST(dirty_and_latched_pages_are_not_among_those_that_may_go)
{
    open_pool(_i);
    fly_pageref shared;
    fly_pageref exclusive;
    FLY_CHECK_OK(write_version(w.pool, 5, 1, 10, &w.err), w.err);
    FLY_CHECK_OK(fly_bufpool_fix_shared(w.pool, 6, &shared, &w.err), w.err);
    FLY_CHECK_OK(fly_bufpool_fix_exclusive(w.pool, 7, &exclusive, &w.err), w.err);
    for (uint32_t page = 20; page < 200; page++) {
        use_shared(page);
    }
    ck_assert_uint_eq(heard.page[0], 5);
    ck_assert_uint_eq(heard.page[1], 6);
    ck_assert_uint_eq(heard.page[2], 7);
    ck_assert_uint_eq(heard.evicted, 180 + 3 - SLOTS);
    ck_assert_uint_eq(stats_of(w.pool).writes, 0);
    fly_bufpool_unfix_shared(&shared);
    fly_bufpool_unfix_exclusive(&exclusive);
    close_pool();
}
END_TEST

START_TEST(a_thorough_policy_is_not_asked_again_when_it_found_nothing)
{
    enum { LATCHED = 4, ASKED_AGAIN = 8 - 1 + 32 - 1 };
    fly_pageref latched[LATCHED];
    listener.thorough = _i % 2 == 0;
    open_pool(_i / 2);
    for (uint32_t i = 0; i < LATCHED; i++) {
        FLY_CHECK_OK(fly_bufpool_fix_shared(w.pool, 5 + i, &latched[i], &w.err), w.err);
    }
    for (uint32_t page = 20; page < 20 + SLOTS - LATCHED; page++) {
        FLY_CHECK_OK(write_version(w.pool, page, 1, 10, &w.err), w.err);
    }
    heard.asked = 0;
    use_shared(100);
    /* Nothing clean, each dirty page, nothing more, and then the clean page that goes. */
    uint32_t least = 1 + SLOTS - LATCHED + 1 + 1;
    ck_assert_uint_eq(heard.asked, least + (listener.thorough ? 0 : ASKED_AGAIN));
    ck_assert_uint_eq(stats_of(w.pool).writes, SLOTS - LATCHED); /* each of them once */
    ck_assert_uint_eq(stats_of(w.pool).batches, 1);
    for (uint32_t i = 0; i < LATCHED; i++) {
        fly_bufpool_unfix_shared(&latched[i]);
    }
    close_pool();
}
END_TEST

START_TEST(pages_that_did_not_come_or_were_dropped_are_taken_back)
{
    open_pool(_i);
    fly_pageref ref;
    fly_sim_disk_arm(sim.disk, &(fly_sim_fault){.calls = FLY_SIM_READ});
    FLY_CHECK(fly_bufpool_fix_shared(w.pool, 5, &ref, &w.err), FLY_E_IO, w.err);
    ck_assert_uint_eq(heard.loaded, heard.evicted);
    FLY_CHECK_OK(fly_bufpool_fix_exclusive(w.pool, 5, &ref, &w.err), w.err);
    fly_bufpool_drop(w.pool, &ref);
    ck_assert_uint_eq(heard.loaded, 2);
    ck_assert_uint_eq(heard.evicted, 2);
    close_pool();
}
END_TEST

/* -------------------------------------------------------------------------- the trace */

static fly_trace *trace;
static fly_trace_event events[1000];

static size_t count_events(uint16_t id, fly_trace_event *last)
{
    size_t count = 0;
    size_t all = fly_trace_read(trace, events, sizeof events / sizeof events[0], NULL);
    for (size_t i = 0; i < all; i++) {
        if (events[i].id == id) {
            count++;
            *last = events[i];
        }
    }
    return count;
}

START_TEST(the_trace_tells_the_story)
{
    trace = fly_trace_create(sim.env.mem, 0);
    ck_assert_ptr_nonnull(trace);
    sim.env.trace = trace;
    open_pool(_i);
    fly_trace_set(trace, true);
    fly_trace_event event = {0};
    char text[128];

    use_shared(5);
    ck_assert_uint_eq(count_events(FLY_BUFPOOL_EVENT_MISSED, &event), 1);
    ck_assert_uint_eq(event.field[0], 5);
    (void)fly_trace_format(trace, &event, text, sizeof text);
    FLY_CHECK_SAYS(text, "page missed page=5 slot=0 ns=");

    FLY_CHECK_OK(write_version(w.pool, 6, 1, 70, &w.err), w.err);
    FLY_CHECK_OK(fly_bufpool_flush(w.pool, UINT64_MAX, 0, NULL, &w.err), w.err);
    ck_assert_uint_eq(count_events(FLY_BUFPOOL_EVENT_WRITTEN, &event), 1);
    ck_assert_uint_eq(event.field[0], 6);
    ck_assert_uint_eq(event.field[1], 70);
    ck_assert_uint_eq(count_events(FLY_BUFPOOL_EVENT_BATCH, &event), 1);
    ck_assert_uint_eq(event.field[0], 1);

    uint32_t ahead[] = {10, 11, 12, 20};
    fly_bufpool_read_ahead(w.pool, ahead, 4);
    ck_assert_uint_eq(count_events(FLY_BUFPOOL_EVENT_AHEAD, &event), 2);
    ck_assert_uint_eq(event.field[0], 20);
    ck_assert_uint_eq(event.field[1], 1);

    ck_assert_uint_eq(count_events(FLY_BUFPOOL_EVENT_EVICTED, &event), 0);
    for (uint32_t page = 100; page < 100 + SLOTS; page++) {
        use_exclusive(page);
    }
    ck_assert_uint_eq(count_events(FLY_BUFPOOL_EVENT_EVICTED, &event), stats_of(w.pool).evictions);
    ck_assert_uint_eq(count_events(FLY_BUFPOOL_EVENT_FIXED, &event), 0);
    close_pool();
    fly_trace_destroy(trace);
}
END_TEST

START_TEST(every_use_of_a_watched_page_is_told)
{
    trace = fly_trace_create(sim.env.mem, 0);
    sim.env.trace = trace;
    open_pool(_i);
    fly_trace_set(trace, true);
    use_observed(4);
    fly_bufpool_watch(w.pool, true);
    fly_bufpool_watch(w.pool, true);
    ck_assert_uint_eq(fly_bufpool_used(w.pool).fixes, 0);
    size_t count = 0;
    fly_trace_event event = {0};
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t use = 0; use < USES; use++) {
            uses[use](5 + use);
            count++;
            ck_assert_uint_eq(count_events(FLY_BUFPOOL_EVENT_FIXED, &event), count);
            ck_assert_uint_eq(event.field[0], 5 + use);
            ck_assert_uint_eq(fly_bufpool_used(w.pool).fixes, count);
        }
        if (round == 0) { /* one of two has seen enough */
            fly_bufpool_watch(w.pool, false);
        }
    }
    fly_bufpool_watch(w.pool, false);
    use_observed(5);
    use_shared(50);
    ck_assert_uint_eq(count_events(FLY_BUFPOOL_EVENT_FIXED, &event), count);
    ck_assert_uint_eq(fly_bufpool_used(w.pool).fixes, count);
    fly_bufpool_stats stats;
    fly_bufpool_get_stats(w.pool, &stats);
    ck_assert_uint_eq(fly_bufpool_used(w.pool).misses, stats.misses);
    close_pool();
    fly_trace_destroy(trace);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("told");
    TCase *tests = fly_test_case(suite, "one thread");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, bringing_a_page_in_is_one_reference, 0, CASES);
    tcase_add_loop_test(tests, using_a_page_again_is_told_once_a_tick_or_each_time, 0, CASES);
    tcase_add_loop_test(tests, a_tick_lasts_for_a_sixteenth_of_the_pool, 0, CASES);
    tcase_add_loop_test(tests, a_page_remembers_when_it_was_touched_last_in_its_former_life, 0,
                        CASES);
    tcase_add_loop_test(tests, dirty_and_latched_pages_are_not_among_those_that_may_go, 0, CASES);
    tcase_add_loop_test(tests, a_thorough_policy_is_not_asked_again_when_it_found_nothing, 0,
                        2 * CASES);
    tcase_add_loop_test(tests, pages_that_did_not_come_or_were_dropped_are_taken_back, 0, CASES);
    tcase_add_loop_test(tests, the_trace_tells_the_story, 0, CASES);
    tcase_add_loop_test(tests, every_use_of_a_watched_page_is_told, 0, CASES);
    return fly_test_run(suite);
}
