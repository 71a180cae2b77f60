/*
 * Goal: whatever the order in which threads run, nobody believes bytes that are not the page's, no
 * change is lost, the log goes first, a checkpoint misses no change, and nobody waits for ever.
 * Method: small scenarios under thousands of seeds, random and PCT. Three mistakes are planted, in
 * code that belongs to this test: a page believed without a second look at the table, a page called
 * dirty too late, two pages taken against the order. A seed has to find each.
 *
 * Builds without marked points switch threads only where they block or use the disk; there the
 * scenarios run for completeness, and the planted mistakes are left out.
 */
#include "pool_world.h"
#include "spy_vfs.h"

#include <stdio.h>

#include "bufpool_int.h"

enum { PAGES = 60, THREADS_MAX = 4 };

/* --------------------------------------------------------------------- running scenarios */

struct scenario {
    void (*first)(void *arg); /* the first thread of a run, with this scenario */
    int kind;                 /* of pool */
    uint64_t seed;
    uint64_t steps;  /* of the run before: what PCT needs to know */
    uint32_t broken; /* what was found wrong, where a run must go on to its end */
};

static fly_sim_disk *prepared; /* with a page file; each run works on a copy */
static fly_sim_env sim;
static struct pool_world w;
static struct spy spy;

static void prepare(void)
{
    fly_sim_env world;
    fly_sim_env_init(&world, NULL);
    fly_bufpool_options options = pool_options(16);
    pool_world_open(&w, &world, PAGES, &options);
    pool_world_close(&w);
    prepared = fly_sim_disk_clone(world.disk);
    fly_sim_env_deinit(&world);
}

static void clean_up(void)
{
    fly_sim_disk_destroy(prepared);
}

/* Inside of a run: the world, and a pool with these options. */
static void begin(const fly_bufpool_options *options)
{
    fly_sim_env_init_with(&sim, NULL, fly_sim_disk_clone(prepared));
    sim.env.sched = fly_sched_current();
    pool_world_open(&w, &sim, 0, options);
}

static void end(void)
{
    FLY_CHECK_OK(fly_bufpool_check(w.pool, &w.err), w.err);
    pool_world_close(&w);
    fly_sim_env_deinit(&sim);
}

static fly_sim_outcome run_once(struct scenario *scenario, uint64_t seed, fly_sim_report *report)
{
    fly_sim_sched_options options = {
        .seed = seed,
        .kind = seed % 2 == 0 ? FLY_SIM_PCT : FLY_SIM_RANDOM,
        .pct_depth = 2 + (uint32_t)(seed / 2 % 3),
        .pct_steps = scenario->steps,
    };
    scenario->seed = seed;
    fly_sim_outcome outcome = fly_sim_sched_run(&options, scenario->first, scenario, report);
    scenario->steps = report->steps;
    return outcome;
}

static void run_seed(void *ctx, uint64_t seed)
{
    fly_sim_report report;
    if (run_once(ctx, seed, &report) != FLY_SIM_DONE) {
        (void)fputs(report.text, stderr);
        abort();
    }
}

static void must_hold(const char *what, uint64_t seeds, void (*first)(void *arg), int kind)
{
    struct scenario scenario = {.first = first, .kind = kind};
    ck_assert(fly_test_seeds(what, (seeds + SLOWER - 1) / SLOWER, run_seed, &scenario));
}

#ifdef FLY_POINTS
/* A planted mistake: some seed has to break the scenario. */
static void must_be_found(uint64_t seeds, void (*first)(void *arg), int kind)
{
    struct scenario scenario = {.first = first, .kind = kind};
    fly_sim_report report;
    for (uint64_t seed = 1; seed <= fly_test_rounds(seeds); seed++) {
        ck_assert_int_eq(run_once(&scenario, seed, &report), FLY_SIM_DONE);
        if (scenario.broken > 0) {
            return;
        }
    }
    ck_abort_msg("no seed found the planted mistake");
}
#endif

static fly_thread threads[THREADS_MAX];
static uint32_t thread_count;

static void start(const char *name, void (*run)(void *arg), void *arg)
{
    FLY_ASSERT(thread_count < THREADS_MAX);
    fly_status status =
        fly_thread_start(fly_sched_current(), &threads[thread_count++], name, run, arg, NULL);
    FLY_ASSERT(status == FLY_OK);
}

static void join_all(void)
{
    while (thread_count > 0) {
        fly_thread_join(&threads[--thread_count]);
    }
}

/* ---------------------------------------------------------------------------- loading */

static void read_five(void *arg)
{
    fly_pageref ref;
    (void)arg;
    FLY_ASSERT(fly_bufpool_fix_shared(w.pool, 5, &ref, NULL) == FLY_OK);
    FLY_ASSERT(version_of_page(ref.bytes, 5) == 0);
    fly_bufpool_unfix_shared(&ref);
}

static void observe_five(void *arg)
{
    fly_pageref ref;
    uint32_t version;
    (void)arg;
    do {
        FLY_ASSERT(fly_bufpool_observe(w.pool, 5, &ref, NULL) == FLY_OK);
        version = (uint32_t)fly_get_u64(ref.bytes + FLY_PAGE_HEADER);
    } while (!fly_bufpool_unchanged(&ref));
    FLY_ASSERT(version == 0);
}

static void all_want_one_page(void *arg)
{
    const struct scenario *scenario = arg;
    fly_bufpool_options options = pool_of_kind(16, scenario->kind);
    begin(&options);
    uint64_t before = fly_sim_disk_calls(sim.disk, FLY_SIM_READ);
    start("reader", read_five, NULL);
    start("observer", observe_five, NULL);
    start("second reader", read_five, NULL);
    join_all();
    FLY_ASSERT(fly_sim_disk_calls(sim.disk, FLY_SIM_READ) - before == 1);
    FLY_ASSERT(stats_of(w.pool).misses == 1);
    FLY_ASSERT(stats_of(w.pool).resident == 1);
    end();
}

START_TEST(a_page_that_all_want_at_once_is_read_once)
{
    must_hold("all want one page", 300, all_want_one_page, _i);
}
END_TEST

static void read_five_or_fail(void *arg)
{
    fly_pageref ref;
    fly_atomic_u32 *failures = arg;
    fly_status status = fly_bufpool_fix_shared(w.pool, 5, &ref, NULL);
    if (status == FLY_OK) {
        FLY_ASSERT(version_of_page(ref.bytes, 5) == 0);
        fly_bufpool_unfix_shared(&ref);
    } else {
        FLY_ASSERT(status == FLY_E_IO);
        fly_count_u32(failures, 1);
    }
}

static void a_read_fails(void *arg)
{
    const struct scenario *scenario = arg;
    fly_bufpool_options options = pool_of_kind(16, scenario->kind);
    begin(&options);
    fly_atomic_u32 failures = {0};
    fly_sim_disk_arm(sim.disk, &(fly_sim_fault){.calls = FLY_SIM_READ});
    for (int i = 0; i < 3; i++) {
        start("reader", read_five_or_fail, &failures);
    }
    join_all();
    FLY_ASSERT(fly_load_u32(&failures) == 1);
    FLY_ASSERT(stats_of(w.pool).resident == 1);
    end();
}

START_TEST(a_read_that_fails_fails_for_who_made_it_and_others_read_again)
{
    must_hold("a read fails", 300, a_read_fails, _i);
}
END_TEST

/* --------------------------------------------------------------- believing what is observed */

/* A policy that lets only slot 0 go, so that one slot sees many pages. */
static size_t no_state(uint32_t slots)
{
    (void)slots;
    return 0;
}

static void no_init(void *state, uint32_t slots, uint64_t seed)
{
    (void)state;
    (void)slots;
    (void)seed;
}

static void not_interested(void *state, uint32_t slot, uint32_t page, uint32_t tick)
{
    (void)state;
    (void)slot;
    (void)page;
    (void)tick;
}

static void not_interested_either(void *state, uint32_t slot, uint32_t page, uint32_t tick,
                                  uint32_t last)
{
    (void)last;
    not_interested(state, slot, page, tick);
}

static void glad_of_it(void *state, uint32_t slot, uint32_t page)
{
    not_interested(state, slot, page, 0);
}

static uint32_t slot_zero(void *state, uint32_t tick, bool (*may)(void *ctx, uint32_t slot),
                          void *ctx)
{
    (void)state;
    (void)tick;
    return may(ctx, 0) ? 0 : UINT32_MAX;
}

static const fly_bufpool_policy only_slot_zero = {
    .name = "only slot zero",
    .concurrent = true,
    .state_size = no_state,
    .init = no_init,
    .loaded = not_interested_either,
    .touched = not_interested,
    .evicted = glad_of_it,
    .victim = slot_zero,
};

enum { COMES = 40, GOES = 41 }; /* two pages for one slot */

static void begin_with_one_slot_left(const struct scenario *scenario)
{
    fly_bufpool_options options = pool_options(16);
    options.backend = backends[scenario->kind % BACKENDS];
    options.policy = &only_slot_zero;
    begin(&options);
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t version;
        FLY_CHECK_OK(read_shared(w.pool, i == 0 ? COMES : 10 + i, &version, &w.err), w.err);
    }
}

static void come_and_go(void *arg)
{
    (void)arg;
    for (uint32_t i = 0; i < 4; i++) {
        fly_pageref ref;
        FLY_ASSERT(fly_bufpool_fix_exclusive(w.pool, i % 2 == 0 ? GOES : COMES, &ref, NULL) ==
                   FLY_OK);
        fly_bufpool_unfix_unchanged(&ref);
    }
}

/* What an observer takes for page COMES must be that page. */
static void believe(const fly_pageref *ref, struct scenario *scenario)
{
    uint64_t head = fly_get_u64(ref->bytes + FLY_PAGE_HEADER);
    FLY_POINT("between two looks", ref->bytes);
    uint64_t tail = fly_get_u64(ref->bytes + PAGE_BYTES - 8);
    if (fly_bufpool_unchanged(ref)) {
        scenario->broken += head != stamp_of(COMES, 0) || tail != head;
    }
}

static void observe_what_comes(void *arg)
{
    for (int i = 0; i < 3; i++) {
        fly_pageref ref;
        FLY_ASSERT(fly_bufpool_observe(w.pool, COMES, &ref, NULL) == FLY_OK);
        believe(&ref, arg);
    }
}

static void observe_a_slot_that_changes_hands(void *arg)
{
    struct scenario *scenario = arg;
    begin_with_one_slot_left(scenario);
    start("observer", observe_what_comes, scenario);
    start("pages", come_and_go, NULL);
    join_all();
    FLY_ASSERT(scenario->broken == 0);
    end();
}

START_TEST(nobody_believes_a_page_while_another_takes_its_slot)
{
    must_hold("a slot changes hands", 2000, observe_a_slot_that_changes_hands, _i);
}
END_TEST

#ifdef FLY_POINTS

/* Planted: fly_bufpool_observe() without its second look at the table. */
static bool observe_and_trust(uint32_t page, fly_pageref *ref)
{
    uint32_t slot = fly__bufpool_slot(w.pool, page);
    if (slot == NO_SLOT) {
        return false;
    }
    size_t index = fly__bufpool_index(w.pool, page, slot);
    *ref = (fly_pageref){.bytes = fly__bufpool_bytes(w.pool, index),
                         .latch = &w.pool->hot.latches[index],
                         .page = page};
    ref->version = fly_latch_observe(ref->latch);
    return true;
}

static void trust_what_comes(void *arg)
{
    for (int i = 0; i < 3; i++) {
        fly_pageref ref;
        if (observe_and_trust(COMES, &ref)) {
            believe(&ref, arg);
        }
    }
}

static void trust_a_slot_that_changes_hands(void *arg)
{
    struct scenario *scenario = arg;
    begin_with_one_slot_left(scenario);
    start("observer", trust_what_comes, scenario);
    start("pages", come_and_go, NULL);
    join_all();
    end();
}

START_TEST(who_does_not_look_at_the_table_again_believes_another_page)
{
    must_be_found(2000, trust_a_slot_that_changes_hands, _i);
}
END_TEST

#endif

/* ---------------------------------------------------------------------- waiting for ever */

static void read_five_then_six(void *arg)
{
    fly_pageref five;
    fly_pageref six;
    (void)arg;
    FLY_ASSERT(fly_bufpool_fix_shared(w.pool, 5, &five, NULL) == FLY_OK);
    FLY_ASSERT(fly_bufpool_fix_exclusive(w.pool, 6, &six, NULL) == FLY_OK);
    fly_bufpool_unfix_unchanged(&six);
    fly_bufpool_unfix_shared(&five);
}

static void hold_six_and_observe_five(void *arg)
{
    fly_pageref five;
    fly_pageref six;
    (void)arg;
    FLY_ASSERT(fly_bufpool_fix_exclusive(w.pool, 6, &six, NULL) == FLY_OK);
    FLY_ASSERT(fly_bufpool_observe(w.pool, 5, &five, NULL) == FLY_OK);
#ifdef FLY_NO_OPTIMISTIC
    FLY_ASSERT(fly_bufpool_unchanged(&five));
#else
    fly_bufpool_forget(&five);
#endif
    fly_bufpool_unfix_unchanged(&six);
}

static void cross(void *arg)
{
    const struct scenario *scenario = arg;
    fly_bufpool_options options = pool_of_kind(16, scenario->kind);
    begin(&options);
    start("reader", read_five_then_six, NULL);
    start("observer", hold_six_and_observe_five, NULL);
    join_all();
    end();
}

START_TEST(who_observes_a_page_waits_for_none_of_its_readers)
{
    must_hold("who observes waits for no reader", 3000, cross, _i);
}
END_TEST

static void read_five_and_six_ahead(void *arg)
{
    static const uint32_t pages[] = {5, 6};
    (void)arg;
    fly_bufpool_read_ahead(w.pool, pages, 2);
}

/* A tree's order among pages says nothing about their numbers. */
static void fix_six_then_five(void *arg)
{
    fly_pageref five;
    fly_pageref six;
    (void)arg;
    FLY_ASSERT(fly_bufpool_fix_exclusive(w.pool, 6, &six, NULL) == FLY_OK);
    FLY_ASSERT(fly_bufpool_fix_exclusive(w.pool, 5, &five, NULL) == FLY_OK);
    FLY_ASSERT(version_of_page(six.bytes, 6) == 0);
    FLY_ASSERT(version_of_page(five.bytes, 5) == 0);
    fly_bufpool_unfix_unchanged(&five);
    fly_bufpool_unfix_unchanged(&six);
}

static void read_ahead_against_the_order(void *arg)
{
    const struct scenario *scenario = arg;
    fly_bufpool_options options = pool_of_kind(16, scenario->kind);
    begin(&options);
    start("ahead", read_five_and_six_ahead, NULL);
    start("downwards", fix_six_then_five, NULL);
    join_all();
    end();
}

START_TEST(reading_ahead_waits_for_nobody_who_may_wait_for_it)
{
    must_hold("reading ahead against the order", 3000, read_ahead_against_the_order, _i);
}
END_TEST

#ifdef FLY_POINTS

/* Planted: two threads that take two pages in opposite order. */
static void fix_two(void *arg)
{
    const uint32_t *pages = arg;
    fly_pageref one;
    fly_pageref other;
    FLY_ASSERT(fly_bufpool_fix_exclusive(w.pool, pages[0], &one, NULL) == FLY_OK);
    FLY_ASSERT(fly_bufpool_fix_exclusive(w.pool, pages[1], &other, NULL) == FLY_OK);
    fly_bufpool_unfix_unchanged(&other);
    fly_bufpool_unfix_unchanged(&one);
}

static void fix_two_both_ways(void *arg)
{
    static const uint32_t orders[][2] = {{5, 6}, {6, 5}};
    const struct scenario *scenario = arg;
    fly_bufpool_options options = pool_of_kind(16, scenario->kind);
    begin(&options);
    start("upwards", fix_two, (void *)(uintptr_t)orders[0]);
    start("downwards", fix_two, (void *)(uintptr_t)orders[1]);
    join_all();
    end();
}

START_TEST(who_takes_two_pages_against_the_order_is_found_waiting_for_ever)
{
    struct scenario scenario = {.first = fix_two_both_ways, .kind = _i};
    fly_sim_report report;
    fly_sim_outcome outcome = FLY_SIM_DONE;
    uint64_t seeds = fly_test_rounds(500);
    for (uint64_t seed = 1; seed <= seeds && outcome == FLY_SIM_DONE; seed++) {
        outcome = run_once(&scenario, seed, &report);
    }
    ck_assert_int_eq(outcome, FLY_SIM_DEADLOCK);
    FLY_CHECK_SAYS(report.text, "upwards");
    FLY_CHECK_SAYS(report.text, "downwards");
    FLY_CHECK_SAYS(report.text, "latch");
}
END_TEST

#endif

static void stop_at_once(void *arg)
{
    const struct scenario *scenario = arg;
    fly_bufpool_options options = pool_of_kind(128, scenario->kind);
    options.background = true;
    begin(&options);
    end();
}

START_TEST(the_background_thread_stops_when_it_is_told)
{
    must_hold("stop at once", 1000, stop_at_once, _i);
}
END_TEST

static fly_status slow_gate(void *ctx, uint64_t lsn, fly_err *err)
{
    (void)ctx;
    (void)lsn;
    (void)err;
    fly_sleep(10000000000); /* ten seconds */
    return FLY_OK;
}

static void flush_all(void *arg)
{
    (void)arg;
    FLY_ASSERT(fly_bufpool_flush(w.pool, UINT64_MAX, 0, NULL, NULL) == FLY_OK);
}

static void wait_for_a_slow_disk(void *arg)
{
    const struct scenario *scenario = arg;
    fly_bufpool_options options = pool_of_kind(16, scenario->kind);
    options.gate.log_flushed_to = slow_gate;
    begin(&options);
    for (uint32_t page = 10; page < 26; page++) {
        FLY_CHECK_OK(write_version(w.pool, page, 1, 1, &w.err), w.err);
    }
    start("flush", flush_all, NULL);
    start("reader", read_five, NULL);
    join_all();
    end();
}

START_TEST(a_slow_disk_is_no_reason_to_give_up)
{
    must_hold("a slow disk", 4, wait_for_a_slow_disk, _i);
}
END_TEST

/* ------------------------------------------------------------------------------ the tick */

static fly_bufpool_policy counting; /* only_slot_zero, that counts touches */
static uint32_t touches;

static void count_touch(void *state, uint32_t slot, uint32_t page, uint32_t tick)
{
    not_interested(state, slot, page, tick);
    touches++;
}

/* Pages that come in without the disk, so that time passes while both are at it. */
static void bring_in_some(void *arg)
{
    const uint32_t *first = arg;
    for (uint32_t page = *first; page < *first + 3; page++) {
        fly_pageref ref;
        FLY_ASSERT(fly_bufpool_fix_new(w.pool, page, &ref, NULL) == FLY_OK);
        fly_bufpool_unfix_exclusive(&ref);
    }
}

static void let_time_pass_by_two(void *arg)
{
    static const uint32_t firsts[] = {10, 20};
    const struct scenario *scenario = arg;
    counting = only_slot_zero;
    counting.touched = count_touch;
    fly_bufpool_options options = pool_options(16);
    options.backend = backends[scenario->kind % BACKENDS];
    options.policy = &counting;
    begin(&options);
    start("loader", bring_in_some, (void *)(uintptr_t)&firsts[0]);
    start("second loader", bring_in_some, (void *)(uintptr_t)&firsts[1]);
    join_all();
    touches = 0;
    for (int i = 0; i < 10; i++) {
        fly_pageref ref;
        FLY_ASSERT(fly_bufpool_fix_shared(w.pool, 10, &ref, NULL) == FLY_OK);
        fly_bufpool_unfix_shared(&ref);
    }
    FLY_ASSERT(touches <= 1); /* as long as nothing comes in, no time passes */
    end();
}

START_TEST(time_that_two_let_pass_at_once_is_shown_right)
{
    must_hold("time passes by two", 1000, let_time_pass_by_two, _i);
}
END_TEST

/* -------------------------------------------------------------------- checkpoints and the log */

/* A log of which only this matters: record number n changed page changed[n]. */
enum { RECORDS = 40 };
static fly_atomic_u64 log_end;
static uint32_t changed[RECORDS];
static bool dirty_too_late; /* the planted mistake */

static void change_pages(void *arg)
{
    const uint32_t *first = arg;
    for (uint32_t i = 0; i < 6; i++) {
        uint32_t page = *first + i % 2;
        fly_pageref ref;
        FLY_ASSERT(fly_bufpool_fix_exclusive(w.pool, page, &ref, NULL) == FLY_OK);
        if (!dirty_too_late && !fly_bufpool_is_dirty(w.pool, &ref)) {
            fly_bufpool_dirty(w.pool, &ref, fly_load_u64(&log_end));
        }
        FLY_POINT("append", &log_end);
        uint64_t lsn = fly_add_u64(&log_end, 1);
        changed[lsn] = page;
        FLY_POINT("appended", &log_end);
        if (dirty_too_late && !fly_bufpool_is_dirty(w.pool, &ref)) {
            fly_bufpool_dirty(w.pool, &ref, lsn);
        }
        stamp(ref.bytes, page, (uint32_t)lsn);
        fly_page_set_lsn(ref.bytes, lsn);
        fly_bufpool_unfix_exclusive(&ref);
    }
}

/* What a checkpoint does; then each change before the place where recovery would begin to read must
 * be on disk. */
static void checkpoint(void *arg)
{
    struct scenario *scenario = arg;
    for (int i = 0; i < 3; i++) {
        uint64_t redo_from = fly_load_u64(&log_end);
        FLY_ASSERT(fly_bufpool_flush(w.pool, redo_from, 0, NULL, NULL) == FLY_OK);
        uint64_t oldest = fly_bufpool_oldest_lsn(w.pool);
        redo_from = oldest < redo_from ? oldest : redo_from;
        for (uint64_t lsn = 1; lsn < redo_from; lsn++) {
            static uint8_t bytes[PAGE_BYTES];
            FLY_ASSERT(fly_pagefile_read(w.file, changed[lsn], bytes, NULL) == FLY_OK);
            scenario->broken += version_of_page(bytes, changed[lsn]) < lsn;
        }
    }
}

static void change_and_checkpoint(struct scenario *scenario)
{
    static const uint32_t firsts[] = {10, 11};
    fly_bufpool_options options = pool_of_kind(16, scenario->kind);
    fly_store_u64(&log_end, 1);
    begin(&options);
    for (uint32_t page = 10; page < 13;
         page++) { /* or the checkpoint would be over before they come */
        uint32_t version;
        FLY_CHECK_OK(read_shared(w.pool, page, &version, &w.err), w.err);
    }
    start("first writer", change_pages, (void *)(uintptr_t)&firsts[0]);
    start("second writer", change_pages, (void *)(uintptr_t)&firsts[1]);
    start("checkpoint", checkpoint, scenario);
    join_all();
    end();
}

static void checkpoint_among_writers(void *arg)
{
    struct scenario *scenario = arg;
    dirty_too_late = false;
    change_and_checkpoint(scenario);
    FLY_ASSERT(scenario->broken == 0);
}

START_TEST(a_checkpoint_misses_no_change)
{
    must_hold("a checkpoint among writers", 1000, checkpoint_among_writers, _i);
}
END_TEST

#ifdef FLY_POINTS

static void checkpoint_among_careless_writers(void *arg)
{
    dirty_too_late = true;
    change_and_checkpoint(arg);
}

START_TEST(who_says_dirty_after_the_record_is_appended_is_missed_by_a_checkpoint)
{
    must_be_found(2000, checkpoint_among_careless_writers, _i);
}
END_TEST

#endif

/* -------------------------------------------------------------------------- everything */

enum {
    SHARED_PAGES = 24, /* from FIRST_PAGE on: everybody changes them */
    OWN_PAGES = 3,     /* behind them, for each worker: its own to make and to drop */
    OPERATIONS = 14
};

/* What the pages hold, as of the log's order; each guarded by its page's latch. */
static uint32_t versions[FIRST_PAGE + PAGES];
static fly_atomic_u64 log_flushed;

struct worker {
    fly_rng rng;
    uint32_t own; /* first of its own pages */
};

static fly_status flush_log(void *ctx, uint64_t lsn, fly_err *err)
{
    (void)ctx;
    (void)err;
    FLY_ASSERT(lsn < fly_load_u64(&log_end));
    FLY_POINT("flush log", &log_flushed);
    (void)fly_raise_u64(&log_flushed, lsn);
    return FLY_OK;
}

static void watch_write(void *ctx, const char *path, uint64_t offset, const uint8_t *bytes,
                        size_t len)
{
    (void)ctx;
    (void)offset;
    for (size_t at = strcmp(path, "data") == 0 ? 0 : PAGE_BYTES; at < len; at += PAGE_BYTES) {
        FLY_ASSERT(fly_page_lsn(bytes + at) <= fly_load_u64(&log_flushed));
    }
}

static void note_change(const fly_pageref *ref)
{
    if (!fly_bufpool_is_dirty(w.pool, ref)) {
        fly_bufpool_dirty(w.pool, ref, fly_load_u64(&log_end));
    }
    uint64_t lsn = fly_add_u64(&log_end, 1);
    stamp(ref->bytes, ref->page, (uint32_t)lsn);
    fly_page_set_lsn(ref->bytes, lsn);
    versions[ref->page] = (uint32_t)lsn;
}

static void change_one(uint32_t page)
{
    fly_pageref ref;
    FLY_ASSERT(fly_bufpool_fix_exclusive(w.pool, page, &ref, NULL) == FLY_OK);
    FLY_ASSERT(version_of_page(ref.bytes, page) == versions[page]);
    note_change(&ref);
    fly_bufpool_unfix_exclusive(&ref);
}

static void read_one(uint32_t page)
{
    fly_pageref ref;
    FLY_ASSERT(fly_bufpool_fix_shared(w.pool, page, &ref, NULL) == FLY_OK);
    FLY_ASSERT(version_of_page(ref.bytes, page) == versions[page]);
    fly_bufpool_unfix_shared(&ref);
}

static void observe_one(uint32_t page, bool upgrade)
{
    fly_pageref ref;
    FLY_ASSERT(fly_bufpool_observe(w.pool, page, &ref, NULL) == FLY_OK);
    uint64_t head = fly_get_u64(ref.bytes + FLY_PAGE_HEADER);
    FLY_POINT("between two looks", ref.bytes);
    uint64_t tail = fly_get_u64(ref.bytes + PAGE_BYTES - 8);
    uint64_t wanted = stamp_of(page, versions[page]);
    if (upgrade && fly_bufpool_upgrade(&ref)) {
        FLY_ASSERT(head == wanted);
        FLY_ASSERT(tail == wanted);
        note_change(&ref);
        fly_bufpool_unfix_exclusive(&ref);
    } else if (!upgrade && fly_bufpool_unchanged(&ref)) {
        FLY_ASSERT(head == wanted);
        FLY_ASSERT(tail == wanted);
    }
}

static void make_and_drop(uint32_t page, bool drop)
{
    fly_pageref ref;
    FLY_ASSERT(fly_bufpool_fix_new(w.pool, page, &ref, NULL) == FLY_OK);
    note_change(&ref);
    if (drop) {
        fly_bufpool_drop(w.pool, &ref);
    } else {
        fly_bufpool_unfix_exclusive(&ref);
    }
}

/* Somebody else's page, which may be dropped at any moment: whatever it says, it is whole. */
static void look_at_strange(uint32_t page)
{
    fly_pageref ref;
    FLY_ASSERT(fly_bufpool_observe(w.pool, page, &ref, NULL) == FLY_OK);
    uint64_t head = fly_get_u64(ref.bytes + FLY_PAGE_HEADER);
    FLY_POINT("between two looks", ref.bytes);
    uint64_t tail = fly_get_u64(ref.bytes + PAGE_BYTES - 8);
    if (fly_bufpool_unchanged(&ref)) {
        FLY_ASSERT(head == tail);
        FLY_ASSERT(head >> 32 == page);
    }
}

static void work(void *arg)
{
    struct worker *self = arg;
    for (int i = 0; i < OPERATIONS; i++) {
        uint32_t page = FIRST_PAGE + (uint32_t)fly_rng_below(&self->rng, SHARED_PAGES);
        uint32_t ahead[] = {page, page + 1};
        switch (fly_rng_below(&self->rng, 10)) {
        case 0:
        case 1:
        case 2:
            change_one(page);
            break;
        case 3:
            read_one(page);
            break;
        case 4:
            observe_one(page, false);
            break;
        case 5:
            observe_one(page, true);
            break;
        case 6:
            make_and_drop(self->own + page % OWN_PAGES, page % 2 == 0);
            break;
        case 7:
            look_at_strange(FIRST_PAGE + SHARED_PAGES + page % (2 * OWN_PAGES));
            break;
        case 8:
            fly_bufpool_read_ahead(w.pool, ahead, 2);
            break;
        default:
            FLY_ASSERT(fly_bufpool_flush(w.pool,
                                         page % 2 == 0 ? fly_load_u64(&log_end) : UINT64_MAX,
                                         page % 4, NULL, NULL) == FLY_OK);
            break;
        }
    }
}

static void everything(void *arg)
{
    const struct scenario *scenario = arg;
    struct worker workers[2];
    fly_store_u64(&log_end, 1);
    fly_store_u64(&log_flushed, 0);
    memset(versions, 0, sizeof versions);
    fly_sim_env_init_with(&sim, NULL, fly_sim_disk_clone(prepared));
    sim.env.sched = fly_sched_current();
    spy_init(&spy, sim.env.vfs, watch_write, NULL);
    sim.env.vfs = &spy.vfs;
    fly_bufpool_options options = pool_of_kind(16, scenario->kind);
    options.gate.log_flushed_to = flush_log;
    options.background = scenario->seed % 3 == 0;
    options.batch_pages = 4;
    options.seed = scenario->seed;
    pool_world_open(&w, &sim, 0, &options);
    for (uint32_t i = 0; i < 2; i++) {
        fly_rng_init(&workers[i].rng, scenario->seed * 2 + i);
        workers[i].own = FIRST_PAGE + SHARED_PAGES + i * OWN_PAGES;
        start(i == 0 ? "worker" : "second worker", work, &workers[i]);
    }
    join_all();
    FLY_CHECK_OK(fly_bufpool_flush(w.pool, UINT64_MAX, 0, NULL, &w.err), w.err);
    FLY_ASSERT(fly_bufpool_oldest_lsn(w.pool) == UINT64_MAX);
    for (uint32_t page = FIRST_PAGE; page < FIRST_PAGE + SHARED_PAGES; page++) {
        static uint8_t bytes[PAGE_BYTES];
        read_one(page);
        FLY_ASSERT(fly_pagefile_read(w.file, page, bytes, NULL) == FLY_OK);
        FLY_ASSERT(version_of_page(bytes, page) == versions[page]);
    }
    end();
}

START_TEST(no_change_is_lost_whatever_the_order)
{
    must_hold("everything", 400, everything, _i);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schedules");
    TCase *tests = fly_test_case(suite, "seeds");
    tcase_add_checked_fixture(tests, prepare, clean_up);
    tcase_add_loop_test(tests, a_page_that_all_want_at_once_is_read_once, 0, BACKENDS);
    tcase_add_loop_test(tests, a_read_that_fails_fails_for_who_made_it_and_others_read_again, 0,
                        BACKENDS);
    tcase_add_loop_test(tests, nobody_believes_a_page_while_another_takes_its_slot, 0, BACKENDS);
    tcase_add_loop_test(tests, who_observes_a_page_waits_for_none_of_its_readers, 0, BACKENDS);
    tcase_add_loop_test(tests, reading_ahead_waits_for_nobody_who_may_wait_for_it, 0, BACKENDS);
    tcase_add_loop_test(tests, the_background_thread_stops_when_it_is_told, 0, BACKENDS);
    tcase_add_loop_test(tests, a_slow_disk_is_no_reason_to_give_up, 0, BACKENDS);
    tcase_add_loop_test(tests, time_that_two_let_pass_at_once_is_shown_right, 0, BACKENDS);
    tcase_add_loop_test(tests, a_checkpoint_misses_no_change, 0, BACKENDS);
    tcase_add_loop_test(tests, no_change_is_lost_whatever_the_order, 0, KINDS);
#ifdef FLY_POINTS
    tcase_add_loop_test(tests, who_does_not_look_at_the_table_again_believes_another_page, 0,
                        BACKENDS);
    tcase_add_loop_test(
        tests, who_says_dirty_after_the_record_is_appended_is_missed_by_a_checkpoint, 0, BACKENDS);
    tcase_add_loop_test(tests, who_takes_two_pages_against_the_order_is_found_waiting_for_ever, 0,
                        BACKENDS);
#endif
    return fly_test_run(suite);
}
