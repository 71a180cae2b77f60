/*
 * Goal: every failure comes out as an error and loses nothing; whichever write is the last, each page
 * is whole and no older than was acknowledged.
 * Method: a small life of a pool (reading, changing, making, dropping, reading ahead, flushing, with
 * and without its background thread) in which each allocation and each call of the disk fails once,
 * or from then on, and each write is cut by a crash.
 */
#include "pool_world.h"

enum { PAGES = 40, SLOTS = 16, MADE = FIRST_PAGE + 5, DROPPED = FIRST_PAGE + 6 };

struct life {
    int kind; /* of pool */
    bool background;
    uint32_t attempted[FIRST_PAGE + PAGES]; /* newest version that a page was given */
    uint32_t acked[FIRST_PAGE + PAGES];     /* newest version that a flush acknowledged */
    bool exists;                            /* the file was made, with all its pages */
};

static fly_status change(struct life *life, fly_bufpool *pool, uint32_t page, fly_err *err)
{
    fly_status status = write_version(pool, page, life->attempted[page] + 1, 1, err);
    if (status == FLY_OK) {
        life->attempted[page]++;
    }
    return status;
}

/* Change every third page; look at all that are left. */
static fly_status change_and_read(struct life *life, fly_bufpool *pool, fly_err *err)
{
    fly_status status = FLY_OK;
    for (uint32_t page = FIRST_PAGE; page < FIRST_PAGE + PAGES && status == FLY_OK; page += 3) {
        status = page == DROPPED ? FLY_OK : change(life, pool, page, err);
    }
    for (uint32_t page = FIRST_PAGE; page < FIRST_PAGE + PAGES && status == FLY_OK; page++) {
        uint32_t version = 0;
        status = page == DROPPED ? FLY_OK : read_shared(pool, page, &version, err);
        if (status == FLY_OK && page != DROPPED) {
            FLY_ASSERT(version == life->attempted[page]);
        }
    }
    return status;
}

static fly_status make_one(struct life *life, fly_bufpool *pool, fly_err *err)
{
    fly_pageref ref;
    fly_status status = fly_bufpool_fix_new(pool, MADE, &ref, err);
    if (status == FLY_OK) {
        fly_bufpool_dirty(pool, &ref, 1);
        stamp(ref.bytes, MADE, ++life->attempted[MADE]);
        fly_page_set_lsn(ref.bytes, 1);
        fly_bufpool_unfix_exclusive(&ref);
    }
    return status;
}

static fly_status drop_one(fly_bufpool *pool, fly_err *err)
{
    fly_pageref ref;
    fly_status status = fly_bufpool_fix_exclusive(pool, DROPPED, &ref, err);
    if (status == FLY_OK) {
        fly_bufpool_drop(pool, &ref);
    }
    return status;
}

static fly_status flush_all(struct life *life, fly_bufpool *pool, fly_err *err)
{
    uint32_t attempted[FIRST_PAGE + PAGES];
    memcpy(attempted, life->attempted, sizeof attempted);
    fly_status status = fly_bufpool_flush(pool, UINT64_MAX, 0, NULL, err);
    if (status == FLY_OK) {
        memcpy(life->acked, attempted, sizeof attempted);
    }
    return status;
}

static fly_status use_pool(struct life *life, fly_bufpool *pool, fly_err *err)
{
    static const uint32_t ahead[] = {30, 31, 32, 33, 35};
    fly_status status = change_and_read(life, pool, err);
    if (status == FLY_OK) {
        fly_bufpool_read_ahead(pool, ahead, 5);
        status = make_one(life, pool, err);
    }
    if (status == FLY_OK) {
        status = drop_one(pool, err);
    }
    if (status == FLY_OK) {
        status = flush_all(life, pool, err);
    }
    if (status == FLY_OK) {
        status = change_and_read(life, pool, err);
    }
    /* Whatever has happened, the pool is sound; its thread, if it has one, may be at work. */
    if (!life->background) {
        fly_err broken = {0};
        fly_status sound = fly_bufpool_check(pool, &broken);
        FLY_ASSERT(sound == FLY_OK || sound == FLY_E_NO_MEMORY);
    }
    return status == FLY_OK ? flush_all(life, pool, err) : status;
}

static fly_status live(fly_sim_env *sim, void *ctx)
{
    struct life *life = ctx;
    fly_err err = {0};
    fly_pagefile *file = NULL;
    fly_bufpool *pool = NULL;
    memset(life->attempted, 0, sizeof life->attempted);
    memset(life->acked, 0, sizeof life->acked);
    life->exists = false;
    fly_status status = open_file(sim, &file, &err);
    if (status != FLY_OK) {
        return status;
    }
    status = write_pages(sim, file, PAGES, &err);
    if (status == FLY_OK) {
        status = fly_vfs_sync_dir(sim->env.vfs, ".", &err);
        life->exists = status == FLY_OK;
    }
    if (status == FLY_OK) {
        fly_bufpool_options options = pool_of_kind(life->background ? 128 : SLOTS, life->kind);
        options.background = life->background;
        options.batch_pages = 5;
        status = fly_bufpool_create(&sim->env, file, &options, &pool, &err);
        if (status == FLY_OK) {
            status = use_pool(life, pool, &err);
            fly_bufpool_destroy(pool);
        }
    }
    fly_pagefile_close(file);
    return status;
}

struct verification {
    fly_sim_env *sim;
    const struct life *life;
};

/* Every page is whole, and of a version between the last one acknowledged and the last one given. */
static void verify_pages(void *arg)
{
    const struct verification *verification = arg;
    fly_sim_env *sim = verification->sim;
    const struct life *life = verification->life;
    struct pool_world w;
    if (!life->exists) {
        return; /* the page file's own tests see to that */
    }
    fly_bufpool_options options = pool_of_kind(SLOTS, life->kind);
    pool_world_open(&w, sim, 0, &options);
    for (uint32_t page = FIRST_PAGE; page < FIRST_PAGE + PAGES; page++) {
        uint32_t version = 0;
        FLY_CHECK_OK(read_shared(w.pool, page, &version, &w.err), w.err);
        /* Of the change under way nobody was told, so it is one more at most. */
        FLY_ASSERT(version <= life->attempted[page] + 1);
        FLY_ASSERT(version >= life->acked[page] || page == DROPPED);
    }
    FLY_CHECK_OK(fly_bufpool_check(w.pool, &w.err), w.err);
    pool_world_close(&w);
}

/* In a thread of its own: this one may be in the middle of a write, holding the writer's mutexes,
 * which is no order to take others in. */
static void verify(fly_sim_env *sim, void *ctx)
{
    struct verification verification = {sim, ctx};
    fly_thread thread;
    fly_err err = {0};
    FLY_CHECK_OK(
        fly_thread_start(fly_sched_os(), &thread, "verify", verify_pages, &verification, &err),
        err);
    fly_thread_join(&thread);
}

START_TEST(every_failure_comes_out_as_an_error_and_loses_nothing)
{
    struct life life = {.kind = _i};
    ck_assert(fly_test_each_fault("a pool's life", &(fly_test_fault_options){.stride = SLOWER},
                                  live, verify, &life));
}
END_TEST

START_TEST(every_failure_comes_out_beside_a_background_thread)
{
    struct life life = {.kind = _i, .background = true};
    fly_test_fault_options options = {.stride = 5 * SLOWER, .threads = true};
    ck_assert(fly_test_each_fault("a pool's life in threads", &options, live, verify, &life));
}
END_TEST

START_TEST(every_write_can_be_the_last)
{
    struct life life = {.kind = _i};
    ck_assert(fly_test_each_crash("a pool's life", &(fly_test_crash_options){.stride = SLOWER},
                                  live, verify, &life));
}
END_TEST

START_TEST(a_pool_that_cannot_be_made_leaves_nothing_behind)
{
    fly_sim_env sim;
    struct pool_world w;
    fly_sim_env_init(&sim, NULL);
    w = (struct pool_world){.sim = &sim};
    FLY_CHECK_OK(open_file(&sim, &w.file, &w.err), w.err);
    fly_bufpool_options options = pool_of_kind(16, _i);
    options.background = true;
    fly_status status = FLY_E_NO_MEMORY;
    uint64_t at = 0;
    for (; status == FLY_E_NO_MEMORY; at++) {
        uint64_t blocks = fly_load_u64(&sim.mem.blocks);
        w.pool = NULL;
        fly_test_mem_fail(&sim.mem, at, false);
        status = fly_bufpool_create(&sim.env, w.file, &options, &w.pool, &w.err);
        fly_test_mem_mend(&sim.mem);
        if (status != FLY_OK) {
            ck_assert_ptr_null(w.pool);
            ck_assert_uint_eq(fly_load_u64(&sim.mem.blocks), blocks);
        }
    }
    ck_assert_int_eq(status, FLY_OK);
    ck_assert_uint_ge(at, 8); /* seven allocations at least, and one run without a failure */
    pool_world_close(&w);
    fly_sim_env_deinit(&sim);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("faults");
    TCase *tests = fly_test_case(suite, "faults");
    tcase_add_loop_test(tests, a_pool_that_cannot_be_made_leaves_nothing_behind, 0, BACKENDS);
    tcase_add_loop_test(tests, every_failure_comes_out_as_an_error_and_loses_nothing, 0, BACKENDS);
    tcase_add_loop_test(tests, every_failure_comes_out_beside_a_background_thread, 0, BACKENDS);
    tcase_add_loop_test(tests, every_write_can_be_the_last, 0, BACKENDS);
    return fly_test_run(suite);
}
