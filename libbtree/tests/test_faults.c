/*
 * Goal: what fails leaves the tree as it was, and gives back what it took.
 * Method: a tree in the middle of its life; then each kind of call with its first, second, third …
 * allocation, read or log record failing, until it passes untouched. After each failure the tree has
 * to be sound, to hold what it held (or, where the failure came after the change, what it was to
 * hold), and to have as many pages as it needs; and the same call has to succeed afterwards.
 */
#include "shadow.h"

#include <fly/base_check.h>

enum { FAULT_KINDS = 3 };

struct stage {
    fly_sim_env sim;
    struct world world;
    struct journal journal;
    struct shadow shadow;
    uint64_t failures;
    uint32_t lost; /* pages that nobody gives back any more */
};

static void stage_init(struct stage *stage, uint64_t seed, uint32_t steps, uint32_t pool_pages)
{
    fly_rng rng;
    fly_rng_init(&rng, seed);
    memset(stage, 0, sizeof *stage);
    fly_sim_env_init(&stage->sim, NULL);
    journal_init(&stage->journal);
    OK(world_create(&stage->world, &stage->sim.env,
                    &(struct world_options){.journal = &stage->journal, .pool_pages = pool_pages}),
       &stage->world.err);
    stage->shadow.keys = SHADOW_KEYS;
    stage->shadow.value_max = 9000;
    for (uint32_t i = 0; i < steps; i++) {
        OK(shadow_step(stage->world.tree, &stage->shadow, &rng, false, NULL, &stage->world.err),
           &stage->world.err);
    }
}

static void stage_deinit(struct stage *stage)
{
    world_close(&stage->world);
    journal_deinit(&stage->journal);
    fly_sim_env_deinit(&stage->sim);
}

/* Let the n-th operation of a kind fail, from now on. */
static void arm(struct stage *stage, int kind, uint64_t n, bool lasting)
{
    switch (kind) {
    case 0:
        fly_test_mem_fail(&stage->sim.mem, n, lasting);
        break;
    case 1:
        fly_sim_disk_arm(stage->sim.disk, &(fly_sim_fault){.trouble = FLY_SIM_FAILS,
                                                           .calls = FLY_SIM_READ,
                                                           .at = n,
                                                           .lasting = lasting});
        break;
    default:
        stage->journal.fail_at = n;
        stage->journal.lasting = lasting;
        break;
    }
}

/* Whether the fault has struck; afterwards nothing fails any more. */
static bool disarm(struct stage *stage)
{
    bool struck = fly_load_u64(&stage->sim.mem.refused) > 0 ||
                  fly_sim_disk_strikes(stage->sim.disk) > 0 || stage->journal.failed > 0;
    fly_test_mem_mend(&stage->sim.mem);
    fly_store_u64(&stage->sim.mem.refused, 0);
    fly_sim_disk_disarm(stage->sim.disk);
    stage->journal.fail_at = UINT64_MAX;
    stage->journal.failed = 0;
    return struck;
}

/* Pages in use that belong neither to the file nor to the tree. */
static uint32_t lost_pages(struct world *world)
{
    struct census census = {.room = fly_pagefile_pages(world->file) + 1};
    census.pages = calloc(census.room, sizeof *census.pages);
    HOLDS(census.pages != NULL);
    OK(fly_btree_verify(world->tree, census_see, &census, NULL, &world->err), &world->err);
    uint32_t own = 0;
    for (uint32_t page = 0; page < fly_pagefile_pages(world->file); page++) {
        own += fly_pagefile_is_own(world->file, page);
        HOLDS(census.pages[page] <= 1);
    }
    free(census.pages);
    return fly_pagefile_used(world->file) - own - census.count;
}

/* ------------------------------------------------------------------------- puts, removes */

/*
 * One random change with faults, until it passes. A failure may come after the entry was changed,
 * when the old value's pages are given back: then the change counts, and those pages are lost to
 * whoever has no log that says otherwise.
 */
static void change_with_faults(struct stage *stage, int kind, bool lasting, uint64_t seed,
                               bool shrinking)
{
    for (uint64_t n = 0;; n++) {
        fly_rng rng;
        struct shadow attempted;
        fly_err err = {0};
        fly_rng_init(&rng, seed);
        arm(stage, kind, n, lasting);
        fly_status status =
            shadow_step(stage->world.tree, &stage->shadow, &rng, shrinking, &attempted, &err);
        bool struck = disarm(stage);
        HOLDS(struck || status == FLY_OK);
        HOLDS(fly_bufpool_check(stage->world.pool, &stage->world.err) == FLY_OK);
        uint32_t now_lost = lost_pages(&stage->world);
        if (status != FLY_OK) {
            HOLDS(err.message[0] != '\0');
            HOLDS(status == FLY_E_NO_MEMORY || status == FLY_E_IO || status == FLY_E_STOPPED);
            stage->failures++;
            if (shadow_matches(stage->world.tree, &attempted, &err)) {
                stage->shadow = attempted;
            }
        }
        HOLDS(shadow_matches(stage->world.tree, &stage->shadow, &err));
        HOLDS(now_lost == stage->lost || (now_lost > stage->lost && struck));
        stage->lost = now_lost;
        if (status == FLY_OK && !struck) {
            return;
        }
    }
}

static void changes_with_faults(void *ctx, uint64_t seed)
{
    static struct stage stage;
    int kind = *(int *)ctx;
    stage_init(&stage, seed, 2000, kind == 1 ? 16 : 64);
    for (uint32_t i = 0; i < 60; i += LESS) {
        change_with_faults(&stage, kind, i / LESS % 4 == 3, seed * 1000 + i, i >= 30);
    }
    HOLDS(stage.failures > 0);
    stage_deinit(&stage);
}

START_TEST(a_change_that_fails_leaves_a_sound_tree)
{
    int kind = _i;
    char name[32];
    (void)snprintf(name, sizeof name, "changes, fault %d", kind);
    ck_assert(fly_test_seeds(name, LESS > 1 ? 1 : 3, changes_with_faults, &kind));
}
END_TEST

static fly_status fill_by_load(fly_btree *tree, fly_err *err)
{
    fly_btree_load *load = NULL;
    fly_status status = fly_btree_load_begin(tree, 0, NULL, &load, err);
    if (status != FLY_OK) {
        return status;
    }
    for (uint32_t i = 0; i < 300 && status == FLY_OK; i++) {
        uint8_t key[160];
        uint8_t value[200];
        value_fill(value, i, sizeof value);
        status = fly_btree_load_add(load, shadow_key(i, key), fly_bytes_of(value, sizeof value),
                                    false, err);
    }
    if (status != FLY_OK) {
        fly_btree_load_abandon(load);
        return status;
    }
    return fly_btree_load_finish(load, err);
}

/* With no `op`, nobody else gives back the pages of what was not finished. */
START_TEST(what_was_not_finished_leaves_no_pages)
{
    static struct stage stage;
    static uint8_t value[20000];
    fly_err err = {0};
    stage_init(&stage, 1, 0, 64);
    fly_btree *tree = stage.world.tree;
    uint64_t failures = 0;
    for (int what = 0; what < 2; what++) {
        fly_status status = FLY_E_STOPPED;
        for (uint64_t n = 0; status != FLY_OK; n++) {
            arm(&stage, 2, n, false);
            status = what == 0
                         ? fly_btree_put(tree, text("key"), fly_bytes_of(value, sizeof value), &err)
                         : fill_by_load(tree, &err);
            failures += disarm(&stage);
            HOLDS(status == FLY_OK || status == FLY_E_STOPPED);
            HOLDS(lost_pages(&stage.world) == 0);
        }
        if (what == 0) {
            OK(fly_btree_remove(tree, text("key"), &err), &err);
        }
    }
    ck_assert_uint_gt(failures, 20);
    stage_deinit(&stage);
}
END_TEST

/* -------------------------------------------------------------------- all that there is */

static void ignore_line(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

static fly_status scan(fly_btree *tree, fly_err *err)
{
    static uint8_t value[SHADOW_VALUE_MAX];
    fly_btree_cursor *cursor = NULL;
    uint64_t len;
    fly_status status = fly_btree_cursor_create(tree, &cursor, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_btree_cursor_last(cursor, err);
    while (status == FLY_OK) {
        status = fly_btree_cursor_value(cursor, value, sizeof value, &len, err);
        status = status == FLY_OK ? fly_btree_cursor_previous(cursor, err) : status;
    }
    status = status == FLY_E_END ? fly_btree_cursor_first(cursor, err) : status;
    while (status == FLY_OK) {
        status = fly_btree_cursor_next(cursor, err);
    }
    fly_btree_cursor_destroy(cursor);
    return status == FLY_E_END ? FLY_OK : status;
}

/* Everything once, and back to an empty file. */
static fly_status whole_life(fly_sim_env *sim, void *ctx)
{
    (void)ctx;
    struct world world;
    fly_err err = {0};
    fly_rng rng;
    fly_rng_init(&rng, 7);
    static struct shadow shadow;
    shadow = (struct shadow){.keys = 300, .value_max = 9000};
    fly_status status = world_create(&world, &sim->env, &(struct world_options){.pool_pages = 16});
    if (status != FLY_OK) {
        return status;
    }
    status = fill_by_load(world.tree, &err);
    for (uint32_t i = 0; i < 300 && status == FLY_OK; i++) {
        status = shadow_remove(world.tree, i, &err);
    }
    for (uint32_t i = 0; i < 200 && status == FLY_OK; i++) {
        status = shadow_step(world.tree, &shadow, &rng, i > 120, NULL, &err);
    }
    status = status == FLY_OK ? scan(world.tree, &err) : status;
    status = status == FLY_OK ? fly_btree_verify(world.tree, NULL, NULL, NULL, &err) : status;
    status = status == FLY_OK ? fly_btree_dot(world.tree, ignore_line, NULL, &err) : status;
    if (status == FLY_OK) {
        status = fly_btree_drop(world.tree, &err);
        world.tree = NULL;
    }
    world_close(&world);
    return status;
}

START_TEST(nothing_leaks_whatever_fails)
{
    fly_test_fault_options options = {.faults = FLY_TEST_ALL_FAULTS, .stride = 5 * LESS};
    ck_assert(fly_test_each_fault("a whole life", &options, whole_life, NULL, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("btree faults");
    TCase *tests = fly_test_case(suite, "faults");
    tcase_add_loop_test(tests, a_change_that_fails_leaves_a_sound_tree, 0, FAULT_KINDS);
    tcase_add_test(tests, what_was_not_finished_leaves_no_pages);
    tcase_add_test(tests, nothing_leaks_whatever_fails);
    return fly_test_run(suite);
}
