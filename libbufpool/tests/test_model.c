/*
 * Goal: whatever is asked of a pool in whatever order, a page holds what was written last; after power
 * goes, at any moment, the log from where the last checkpoint said it is needed makes every page what
 * it was.
 * Method: random work from a seed on both backends and all policies, beside an array that knows the
 * last change of every page and a log of all of them. The log is durable up to where the gate was
 * asked for. Reads, writes and syncs fail now and then; power goes; pools of other kinds and sizes
 * take over. Every write is watched: no page may go before its log.
 */
#include "pool_world.h"
#include "spy_vfs.h"

enum { PAGES = 60, RECORDS_MAX = 4000, OPERATIONS = 400 };

enum change { NONE, CHANGED, MADE, DROPPED };

/* The log: record n is at LSN n. */
static struct record {
    enum change change;
    uint32_t page;
} records[RECORDS_MAX];
static uint64_t log_end;   /* LSN of the next record */
static uint64_t log_safe;  /* records below are durable */
static uint64_t redo_from; /* what the last checkpoint said */

/* The pages, as of log_end: the LSN of the last change, which is what they are stamped with. */
static uint64_t newest[FIRST_PAGE + PAGES];
static bool dropped[FIRST_PAGE + PAGES];

static fly_rng rng;
static fly_sim_env sim;
static struct spy spy;
static struct pool_world w;

static uint32_t below(uint32_t bound)
{
    return (uint32_t)fly_rng_below(&rng, bound);
}

static fly_status log_first(void *ctx, uint64_t lsn, fly_err *err)
{
    (void)ctx;
    FLY_ASSERT(lsn < log_end);
    if (below(60) == 0) {
        return fly_err_set(err, FLY_E_IO, "the log does not feel well");
    }
    log_safe = lsn + 1 > log_safe ? lsn + 1 : log_safe;
    return FLY_OK;
}

static void watch_write(void *ctx, const char *path, uint64_t offset, const uint8_t *bytes,
                        size_t len)
{
    (void)ctx;
    (void)offset;
    for (size_t at = strcmp(path, "data") == 0 ? 0 : PAGE_BYTES; at < len; at += PAGE_BYTES) {
        FLY_ASSERT(fly_page_lsn(bytes + at) < log_safe);
    }
}

/* -------------------------------------------------------------------------- a pool's life */

static void open_some_pool(void)
{
    fly_bufpool_options options = pool_of_kind(16 + below(80), (int)below(KINDS));
    options.gate.log_flushed_to = log_first;
    options.batch_pages = 1 + below(20);
    options.seed = fly_rng_next(&rng);
    if (below(100) == 0) {
        options.bytes = 0; /* whatever the machine has to give */
        options.backend = FLY_BUFPOOL_FRAMES;
    }
    FLY_CHECK_OK(fly_bufpool_create(&sim.env, w.file, &options, &w.pool, &w.err), w.err);
}

static void begin(uint64_t seed)
{
    fly_rng_init(&rng, seed);
    fly_sim_env_init(&sim, &(fly_sim_env_options){.seed = seed});
    spy_init(&spy, sim.env.vfs, watch_write, NULL);
    log_end = 1;
    log_safe = 1;
    redo_from = 1;
    memset(newest, 0, sizeof newest);
    memset(dropped, 0, sizeof dropped);
    w = (struct pool_world){.sim = &sim};
    FLY_CHECK_OK(open_file(&sim, &w.file, &w.err), w.err);
    FLY_CHECK_OK(write_pages(&sim, w.file, PAGES, &w.err), w.err);
    fly_pagefile_close(w.file);
    FLY_CHECK_OK(fly_vfs_sync_dir(sim.env.vfs, ".", &w.err), w.err);
    sim.env.vfs = &spy.vfs;
    FLY_CHECK_OK(open_file(&sim, &w.file, &w.err), w.err);
    open_some_pool();
}

/* ---------------------------------------------------------------------------- changes */

static void append(enum change change, const fly_pageref *ref)
{
    FLY_ASSERT(log_end < RECORDS_MAX);
    records[log_end] = (struct record){change, ref->page};
    newest[ref->page] = log_end;
    dropped[ref->page] = change == DROPPED;
    if (change != DROPPED) {
        stamp(ref->bytes, ref->page, (uint32_t)log_end);
        fly_page_set_lsn(ref->bytes, log_end);
    }
    log_end++;
}

static void note_change(enum change change, const fly_pageref *ref)
{
    if (!fly_bufpool_is_dirty(w.pool, ref) || below(4) == 0) {
        fly_bufpool_dirty(w.pool, ref, log_end);
    }
    append(change, ref);
}

static void expect(const fly_pageref *ref)
{
    FLY_ASSERT(version_of_page(ref->bytes, ref->page) == newest[ref->page]);
    FLY_ASSERT(fly_bufpool_has(w.pool, ref->page));
    FLY_ASSERT(fly_bufpool_address(w.pool, ref->page) == ref->bytes);
}

static fly_status change_page(uint32_t page)
{
    fly_pageref ref;
    fly_status status = fly_bufpool_fix_exclusive(w.pool, page, &ref, &w.err);
    if (status == FLY_OK) {
        expect(&ref);
        if (below(5) == 0) {
            fly_bufpool_unfix_unchanged(&ref);
        } else {
            note_change(CHANGED, &ref);
            fly_bufpool_unfix_exclusive(&ref);
        }
    }
    return status;
}

static fly_status make_page(uint32_t page)
{
    fly_pageref ref;
    fly_status status = fly_bufpool_fix_new(w.pool, page, &ref, &w.err);
    if (status == FLY_OK) {
        FLY_ASSERT(fly_page_id(ref.bytes) == page);
        FLY_ASSERT(fly_get_u64(ref.bytes + PAGE_BYTES - 8) == 0);
        note_change(MADE, &ref);
        fly_bufpool_unfix_exclusive(&ref);
    }
    return status;
}

static fly_status drop_page(uint32_t page)
{
    fly_pageref ref;
    fly_status status = fly_bufpool_fix_exclusive(w.pool, page, &ref, &w.err);
    if (status == FLY_OK) {
        append(DROPPED, &ref);
        fly_bufpool_drop(w.pool, &ref);
        FLY_ASSERT(!fly_bufpool_has(w.pool, page));
    }
    return status;
}

static fly_status read_page(uint32_t page)
{
    fly_pageref ref;
    fly_status status = FLY_OK;
    switch (below(3)) {
    case 0:
        status = fly_bufpool_fix_shared(w.pool, page, &ref, &w.err);
        if (status == FLY_OK) {
            expect(&ref);
            fly_bufpool_unfix_shared(&ref);
        }
        return status;
    case 1:
        status = fly_bufpool_observe(w.pool, page, &ref, &w.err);
        if (status == FLY_OK) {
            expect(&ref);
            FLY_ASSERT(fly_bufpool_still(&ref));
            bool unchanged = fly_bufpool_unchanged(&ref);
            FLY_ASSERT(unchanged);
        }
        return status;
    default:
        status = fly_bufpool_observe(w.pool, page, &ref, &w.err);
        if (status == FLY_OK) {
            expect(&ref);
            bool mine = fly_bufpool_upgrade(&ref);
            FLY_ASSERT(mine);
            note_change(CHANGED, &ref);
            fly_bufpool_unfix_exclusive(&ref);
        }
        return status;
    }
}

static void read_some_ahead(void)
{
    uint32_t pages[24];
    uint32_t count = below(24);
    uint32_t page = FIRST_PAGE + below(PAGES);
    for (uint32_t i = 0; i < count; i++) {
        pages[i] = below(6) == 0 ? FIRST_PAGE + below(PAGES) : page + i;
    }
    fly_bufpool_read_ahead(w.pool, pages, count); /* some of them beyond the file */
}

/* ----------------------------------------------------------------------------- writing */

/* Each change below `lsn` must be on disk, in this version or a later one that is in the log; unless
 * the page was dropped later, which a log that is durable up to its end will say. A read may meet a
 * fault that waits for one. */
static void expect_on_disk(uint64_t lsn)
{
    static uint8_t bytes[PAGE_BYTES];
    static uint64_t needed[FIRST_PAGE + PAGES];
    memset(needed, 0, sizeof needed);
    for (uint64_t i = 1; i < log_end; i++) {
        if (records[i].change == DROPPED) {
            needed[records[i].page] = 0;
        } else if (i < lsn) {
            needed[records[i].page] = i;
        }
    }
    for (uint32_t page = FIRST_PAGE; page < FIRST_PAGE + PAGES; page++) {
        fly_err err = {0};
        if (fly_pagefile_read(w.file, page, bytes, &err) == FLY_E_IO) {
            continue;
        }
        ck_assert_msg(err.status == FLY_OK, "%s", err.message);
        uint64_t found = version_of_page(bytes, page);
        FLY_ASSERT(found >= needed[page]);
        FLY_ASSERT(found < log_safe);
    }
}

static fly_status flush(void)
{
    static const uint32_t limits[] = {0, 0, 1, 7};
    uint32_t limit = limits[below(4)];
    bool everything = below(3) == 0;
    uint64_t end = log_end;
    uint64_t lsn = everything ? UINT64_MAX : 1 + below((uint32_t)end + 3);
    uint32_t written = UINT32_MAX;
    fly_bufpool_stats before = stats_of(w.pool);
    fly_status status = fly_bufpool_flush(w.pool, lsn, limit, &written, &w.err);
    fly_bufpool_stats after = stats_of(w.pool);
    if (status != FLY_OK) {
        FLY_ASSERT(written == UINT32_MAX);
        return status;
    }
    FLY_ASSERT(written == after.writes - before.writes);
    FLY_ASSERT(before.dirty - after.dirty == written);
    FLY_ASSERT(limit == 0 || written <= limit);
    uint64_t oldest = fly_bufpool_oldest_lsn(w.pool);
    if (limit == 0) {
        FLY_ASSERT(everything ? oldest == UINT64_MAX && after.dirty == 0 : oldest >= lsn);
    }
    return FLY_OK;
}

static fly_status checkpoint(void)
{
    uint64_t end = log_end;
    fly_status status = fly_bufpool_flush(w.pool, end - below((uint32_t)end), 0, NULL, &w.err);
    if (status == FLY_OK) {
        uint64_t oldest = fly_bufpool_oldest_lsn(w.pool);
        uint64_t from = oldest < end ? oldest : end;
        FLY_ASSERT(from >= redo_from);
        redo_from = from;
        log_safe = log_end; /* the checkpoint's own record is durable, and so are those before it */
        expect_on_disk(redo_from);
    }
    return status;
}

/* --------------------------------------------------------------------------- recovery */

/* What the pages were when the log was cut off. */
static void forget_the_unsafe(void)
{
    log_end = log_safe;
    memset(newest, 0, sizeof newest);
    memset(dropped, 0, sizeof dropped);
    for (uint64_t lsn = 1; lsn < log_end; lsn++) {
        newest[records[lsn].page] = lsn;
        dropped[records[lsn].page] = records[lsn].change == DROPPED;
    }
}

/* Repeat one record, as ARIES says. */
static void redo(uint64_t lsn)
{
    const struct record *record = &records[lsn];
    fly_pageref ref;
    if (record->change == DROPPED) {
        return;
    }
    if (record->change == MADE) {
        FLY_CHECK_OK(fly_bufpool_fix_new(w.pool, record->page, &ref, &w.err), w.err);
    } else {
        FLY_CHECK_OK(fly_bufpool_fix_exclusive(w.pool, record->page, &ref, &w.err), w.err);
        if (fly_page_lsn(ref.bytes) >= lsn) {
            fly_bufpool_unfix_unchanged(&ref);
            return;
        }
    }
    fly_bufpool_dirty(w.pool, &ref, lsn);
    stamp(ref.bytes, record->page, (uint32_t)lsn);
    fly_page_set_lsn(ref.bytes, lsn);
    fly_bufpool_unfix_exclusive(&ref);
}

static fly_status recovery_gate(void *ctx, uint64_t lsn, fly_err *err)
{
    (void)ctx;
    (void)err;
    FLY_ASSERT(lsn < log_safe);
    return FLY_OK;
}

static void recover(bool power_went)
{
    fly_bufpool_destroy(w.pool);
    fly_pagefile_close(w.file);
    if (power_went || fly_sim_disk_is_off(sim.disk)) { /* it may go while files are closed */
        fly_sim_disk_crash(sim.disk, (fly_sim_survival)below(FLY_SIM_SURVIVALS),
                           fly_rng_next(&rng));
    }
    fly_sim_disk_disarm(sim.disk);
    forget_the_unsafe();
    FLY_CHECK_OK(open_file(&sim, &w.file, &w.err), w.err);
    expect_on_disk(redo_from);
    fly_bufpool_options options = pool_of_kind(16 + below(40), (int)below(KINDS));
    options.gate.log_flushed_to = recovery_gate;
    FLY_CHECK_OK(fly_bufpool_create(&sim.env, w.file, &options, &w.pool, &w.err), w.err);
    for (uint64_t lsn = redo_from; lsn < log_end; lsn++) {
        redo(lsn);
    }
    FLY_CHECK_OK(fly_bufpool_flush(w.pool, UINT64_MAX, 0, NULL, &w.err), w.err);
    expect_on_disk(log_end);
    FLY_CHECK_OK(fly_bufpool_check(w.pool, &w.err), w.err);
    fly_bufpool_destroy(w.pool);
    redo_from = log_end;
    open_some_pool();
}

static void arm_something(void)
{
    fly_sim_fault fault = {.trouble = below(2) == 0 ? FLY_SIM_FAILS : FLY_SIM_CRASHES,
                           .calls = FLY_SIM_CHANGES,
                           .at = below(8)};
    if (below(4) == 0) {
        fault = (fly_sim_fault){.calls = FLY_SIM_READ, .at = below(20)};
    }
    fly_sim_disk_arm(sim.disk, &fault);
}

/* --------------------------------------------------------------------------- everything */

static fly_status operate(void)
{
    uint32_t page = FIRST_PAGE + below(below(4) == 0 ? PAGES : PAGES / 4);
    switch (below(12)) {
    case 0:
    case 1:
    case 2:
        return dropped[page] ? make_page(page) : change_page(page);
    case 3:
    case 4:
    case 5:
        return dropped[page] ? FLY_OK : read_page(page);
    case 6:
        return dropped[page] || below(3) > 0 ? FLY_OK : drop_page(page);
    case 7:
        read_some_ahead();
        return FLY_OK;
    case 8:
        return flush();
    case 9:
        return checkpoint();
    case 10:
        if (below(10) == 0) {
            arm_something();
        }
        return FLY_OK;
    default:
        if (below(30) == 0) {
            recover(below(2) == 0);
        }
        return FLY_OK;
    }
}

static void live(void *ctx, uint64_t seed)
{
    (void)ctx;
    begin(seed);
    for (int i = 0; i < OPERATIONS; i++) {
        fly_status status = operate();
        bool off = fly_sim_disk_is_off(sim.disk);
        FLY_ASSERT(status == FLY_OK || status == FLY_E_IO || status == FLY_E_STOPPED);
        if (i % 16 == 0) {
            FLY_CHECK_OK(fly_bufpool_check(w.pool, &w.err), w.err);
        }
        if (off || status == FLY_E_STOPPED) {
            recover(off || below(2) == 0);
        }
    }
    fly_sim_disk_disarm(sim.disk);
    recover(false);
    for (uint32_t page = FIRST_PAGE; page < FIRST_PAGE + PAGES; page++) {
        uint32_t version = 0;
        if (!dropped[page]) {
            FLY_CHECK_OK(read_shared(w.pool, page, &version, &w.err), w.err);
            ck_assert_uint_eq(version, newest[page]);
        }
    }
    pool_world_close(&w);
    sim.env.vfs = spy.below;
    fly_sim_env_deinit(&sim);
}

START_TEST(pages_hold_what_was_written_last_and_survive_what_may_happen)
{
    ck_assert(fly_test_seeds("the pool beside a model", 150 / SLOWER, live, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model");
    TCase *tests = fly_test_case(suite, "random");
    tcase_add_test(tests, pages_hold_what_was_written_last_and_survive_what_may_happen);
    return fly_test_run(suite);
}
