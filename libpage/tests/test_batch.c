/*
 * Goal: pages reach the disk whole, a batch of them all or none, whatever happens in between; and
 * what a disk does wrong shows when the page is read.
 * Method: power goes at every call of a small history, in every way, and once more during repair;
 * areas torn, stale, foreign and made up; every call failing once; writes lost, misdirected and
 * duplicated on the simulated disk; random lives of a file against a list of versions.
 */
#include "pagefile_help.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

static fly_err err;
static fly_sim_env world;

static void set_up(void)
{
    fly_sim_env_init(&world, &(fly_sim_env_options){.seed = 3});
}

static void tear_down(void)
{
    ck_assert_uint_eq(fly_sim_disk_handles(world.disk), 0);
    fly_sim_env_deinit(&world);
}

/* A file with `count` pages of its user's, numbers 2 and up, all written in version 1. */
static fly_pagefile *file_with_pages(uint32_t page_size, uint32_t count)
{
    fly_pagefile *file = open_file(&world, page_size);
    uint32_t first = 0;
    FLY_CHECK_OK(fly_pagefile_alloc(file, FLY_PAGE_NONE, count, &first, &err), err);
    ck_assert_uint_eq(first, 2);
    uint32_t ids[FLY_PAGEFILE_BATCH_MAX];
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = first + i;
    }
    FLY_CHECK_OK(write_pages(file, ids, count, 1, &err), err);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 1, NULL, &err), err);
    return file;
}

/* The process dies: what was written stays, nobody closes anything. */
static void die(fly_pagefile *file)
{
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_ALL, 0);
    fly_pagefile_close(file);
}

static uint64_t writes(void)
{
    return fly_sim_disk_calls(world.disk, FLY_SIM_WRITE);
}

/* ------------------------------------------------------------------------- batches */

START_TEST(a_batch_takes_what_it_has_room_for)
{
    fly_pagefile *file = file_with_pages(4096, 4);
    fly_page_batch *batch = NULL;
    FLY_CHECK_OK(fly_page_batch_create(file, 2, &batch, &err), err);
    ck_assert_uint_eq(fly_page_batch_count(batch), 0);
    FLY_CHECK_OK(add_pages(batch, file, (uint32_t[]){2, 3}, 2, 2, &err), err);
    FLY_CHECK(add_pages(batch, file, (uint32_t[]){4}, 1, 2, &err), FLY_E_FULL, err);
    ck_assert_uint_eq(fly_page_batch_count(batch), 2);
    FLY_CHECK_OK(fly_page_batch_write(batch, &err), err);
    ck_assert_uint_eq(fly_page_batch_count(batch), 0);
    FLY_CHECK_OK(add_pages(batch, file, (uint32_t[]){4}, 1, 3, &err), err);
    fly_page_batch_clear(batch);
    ck_assert_uint_eq(fly_page_batch_count(batch), 0);
    uint64_t before = writes();
    FLY_CHECK_OK(fly_page_batch_write(batch, &err), err); /* nothing */
    ck_assert_uint_eq(writes(), before);
    check_version(file, 2, 2);
    check_version(file, 3, 2);
    check_version(file, 4, 1);
    fly_page_batch_destroy(batch);
    fly_page_batch_destroy(NULL);
    fly_pagefile_close(file);
}
END_TEST

START_TEST(the_largest_batch_of_the_largest_pages_is_written)
{
    fly_pagefile *file = file_with_pages(65536, FLY_PAGEFILE_BATCH_MAX);
    die(file);
    file = open_file(&world, 0);
    for (uint32_t id = 2; id < 2 + FLY_PAGEFILE_BATCH_MAX; id++) {
        check_version(file, id, 1);
    }
    fly_pagefile_close(file);
}
END_TEST

START_TEST(neighbours_are_written_together)
{
    fly_pagefile *file = file_with_pages(4096, 20);
    uint64_t before = writes();
    uint64_t syncs = fly_sim_disk_calls(world.disk, FLY_SIM_SYNC);
    FLY_CHECK_OK(write_pages(file, (uint32_t[]){3, 4, 5, 7, 9, 10}, 6, 2, &err), err);
    ck_assert_uint_eq(writes() - before, 1 + 3); /* the area; three runs */
    ck_assert_uint_eq(fly_sim_disk_calls(world.disk, FLY_SIM_SYNC) - syncs, 1);
    FLY_CHECK_OK(write_pages(file, (uint32_t[]){10, 9, 4}, 3, 3, &err), err); /* in any order */
    for (uint32_t id = 2; id < 12; id++) {
        bool third = id == 10 || id == 9 || id == 4;
        check_version(file, id, third ? 3 : id == 3 || id == 5 || id == 7 ? 2 : 1);
    }
    fly_pagefile_close(file);
}
END_TEST

START_TEST(what_was_written_is_durable)
{
    fly_pagefile *file = file_with_pages(8192, 5);
    FLY_CHECK_OK(write_pages(file, (uint32_t[]){2, 6}, 2, 2, &err), err);
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_NONE, 0);
    fly_pagefile_close(file);
    file = open_file(&world, 0);
    check_version(file, 2, 2);
    check_version(file, 6, 2);
    check_version(file, 5, 1);
    fly_pagefile_close(file);
}
END_TEST

static void misuse(fly_pagefile *file, fly_page_batch *batch, int which)
{
    uint8_t *bytes = new_block(4096);
    fill_page(bytes, 4096, 2, 2);
    switch (which) {
    case 0: /* another page's bytes */
        FLY_IGNORE(fly_page_batch_add(batch, 3, bytes, NULL));
        break;
    case 1: /* the header */
        fly_put_u32(bytes, 0);
        FLY_IGNORE(fly_page_batch_add(batch, 0, bytes, NULL));
        break;
    case 2: /* a map */
        fly_put_u32(bytes, 1);
        FLY_IGNORE(fly_page_batch_add(batch, 1, bytes, NULL));
        break;
    case 3:
        FLY_IGNORE(fly_page_batch_create(file, 0, &batch, NULL));
        break;
    case 4:
        FLY_IGNORE(fly_page_batch_create(file, FLY_PAGEFILE_BATCH_MAX + 1, &batch, NULL));
        break;
    default:
        break;
    }
}

START_TEST(who_breaks_the_contract_is_stopped)
{
    fly_pagefile *file = file_with_pages(4096, 2);
    fly_page_batch *batch = NULL;
    FLY_CHECK_OK(fly_page_batch_create(file, 2, &batch, &err), err);
    misuse(file, batch, _i);
}
END_TEST

/* ------------------------------------------------------------------------- crashes */

/* Each batch is a new version of the same pages, so that they must always be of one version. */
struct history {
    uint32_t page_size;
    bool buffered;
    bool opened;
    uint32_t attempted;
    uint32_t acknowledged;
};

static const uint32_t written[] = {3, 4, 5, 7, 9};

enum { WRITTEN = sizeof written / sizeof written[0], VERSIONS = 4 };

static fly_pagefile_options options_of(const struct history *history)
{
    return (fly_pagefile_options){
        .page_size = history->page_size, .buffered = history->buffered, .create = !history->opened};
}

static fly_status write_versions(fly_sim_env *w, void *ctx)
{
    struct history *history = ctx;
    fly_pagefile_options options = options_of(history);
    fly_pagefile *file = NULL;
    uint32_t first;
    fly_status status = try_open(w, &options, &file, NULL);
    if (status != FLY_OK) {
        return status;
    }
    history->opened = true;
    status = fly_pagefile_alloc(file, FLY_PAGE_NONE, 10, &first, NULL);
    for (uint32_t version = 1; version <= VERSIONS && status == FLY_OK; version++) {
        history->attempted = version;
        status = write_pages(file, written, WRITTEN, version, NULL);
        if (status == FLY_OK) {
            history->acknowledged = version;
        }
        if (status == FLY_OK && version % 2 == 0) {
            status = fly_pagefile_checkpoint(file, version, NULL, NULL);
        }
    }
    fly_pagefile_close(file);
    return status;
}

/* 0: the page was never written. */
static uint32_t version_of(fly_pagefile *file, uint32_t id)
{
    uint32_t version = 0;
    fly_status status = read_version(file, id, &version, &err);
    ck_assert_msg(status == FLY_OK || status == FLY_E_CORRUPT, "%s", err.message);
    return version;
}

static void all_or_none(fly_sim_env *w, void *ctx)
{
    struct history *history = ctx;
    fly_pagefile_options options = options_of(history);
    fly_pagefile *file = NULL;
    options.create = false;
    fly_status status = try_open(w, &options, &file, &err);
    if (!history->opened && status != FLY_OK) {
        ck_assert_msg(status == FLY_E_NOT_FOUND || status == FLY_E_FORMAT ||
                          status == FLY_E_CORRUPT,
                      "%s", err.message);
        return;
    }
    FLY_CHECK_OK(status, err);
    uint32_t version = version_of(file, written[0]);
    ck_assert_uint_ge(version, history->acknowledged);
    ck_assert_uint_le(version, history->attempted);
    for (uint32_t i = 1; i < WRITTEN; i++) {
        ck_assert_uint_eq(version_of(file, written[i]), version);
    }
    fly_pagefile_close(file);
}

static const struct history histories[] = {
    {.page_size = 4096},
    {.page_size = 8192},
    {.page_size = 16384, .buffered = true},
};

START_TEST(a_crash_leaves_each_batch_whole_or_not_there)
{
    struct history history = histories[_i];
    fly_test_crash_options options = {.world.disk.direct = true, .seeds = 3};
    ck_assert(fly_test_each_crash("batches", &options, write_versions, all_or_none, &history));
}
END_TEST

/* The same history, in a file that lies in directories, with an area elsewhere. */
static fly_status write_in_directories(fly_sim_env *w, void *ctx)
{
    struct history *history = ctx;
    fly_pagefile *file = NULL;
    uint32_t first = 0;
    fly_pagefile_options options = {.page_size = 4096, .create = true};
    fly_status status = fly_vfs_make_dir(w->env.vfs, "a", NULL);
    status = status == FLY_OK ? fly_vfs_make_dir(w->env.vfs, "/b", NULL) : status;
    status = status == FLY_OK ? fly_vfs_sync_dir(w->env.vfs, ".", NULL) : status;
    if (status == FLY_OK) {
        status = fly_pagefile_open(&w->env, "a/data", "/b/area", &options, &file, NULL);
    }
    if (status != FLY_OK) {
        return status;
    }
    history->opened = true;
    status = fly_pagefile_alloc(file, FLY_PAGE_NONE, 10, &first, NULL);
    for (uint32_t version = 1; version <= 2 && status == FLY_OK; version++) {
        history->attempted = version;
        status = write_pages(file, written, WRITTEN, version, NULL);
        if (status == FLY_OK) {
            history->acknowledged = version;
        }
    }
    fly_pagefile_close(file);
    return status;
}

static void all_or_none_in_directories(fly_sim_env *w, void *ctx)
{
    struct history *history = ctx;
    fly_pagefile *file = NULL;
    fly_pagefile_options options = {0};
    if (history->opened) {
        FLY_CHECK_OK(fly_pagefile_open(&w->env, "a/data", "/b/area", &options, &file, &err), err);
        uint32_t version = version_of(file, written[0]);
        ck_assert_uint_ge(version, history->acknowledged);
        for (uint32_t i = 1; i < WRITTEN; i++) {
            ck_assert_uint_eq(version_of(file, written[i]), version);
        }
        fly_pagefile_close(file);
    }
}

START_TEST(the_names_of_file_and_area_survive_too)
{
    struct history history = {0};
    ck_assert(fly_test_each_crash("in directories", NULL, write_in_directories,
                                  all_or_none_in_directories, &history));
}
END_TEST

/* Without an area a page may be torn; then reading it says so. */
static fly_status write_without_area(fly_sim_env *w, void *ctx)
{
    struct history *history = ctx;
    fly_pagefile *file = NULL;
    uint32_t first;
    fly_pagefile_options options = {.page_size = 8192, .create = true};
    fly_status status = fly_pagefile_open(&w->env, DATA, NULL, &options, &file, NULL);
    if (status != FLY_OK) {
        return status;
    }
    history->opened = true;
    status = fly_pagefile_alloc(file, FLY_PAGE_NONE, 10, &first, NULL);
    for (uint32_t version = 1; version <= 2 && status == FLY_OK; version++) {
        history->attempted = version;
        status = write_pages(file, written, WRITTEN, version, NULL);
        if (status == FLY_OK) {
            history->acknowledged = version;
        }
    }
    fly_pagefile_close(file);
    return status;
}

static void whole_or_refused(fly_sim_env *w, void *ctx)
{
    struct history *history = ctx;
    fly_pagefile *file = NULL;
    fly_pagefile_options options = {0};
    if (!history->opened) {
        return;
    }
    FLY_CHECK_OK(fly_pagefile_open(&w->env, DATA, NULL, &options, &file, &err), err);
    for (uint32_t i = 0; i < WRITTEN; i++) {
        uint32_t version = version_of(file, written[i]); /* checks every byte of it */
        ck_assert_uint_le(version, history->attempted);
        ck_assert(version >= history->acknowledged || history->acknowledged < history->attempted);
    }
    fly_pagefile_close(file);
}

START_TEST(without_an_area_a_torn_page_is_refused)
{
    struct history history = {0};
    ck_assert(fly_test_each_crash("without an area", NULL, write_without_area, whole_or_refused,
                                  &history));
}
END_TEST

/* ---------------------------------------------------------------------------- model */

enum { LIVES = 4, STEPS = 12, SPAN = 40 };

/* The version of each page that was acknowledged, and of those in the last batch, which may be there. */
struct versions {
    uint32_t acknowledged[SPAN];
    uint32_t tried[SPAN]; /* 0: not in the last batch */
    uint32_t next;
};

/* A batch of random pages, each of the next version; false when power went. */
static bool write_some(fly_pagefile *file, struct versions *model, fly_rng *rng)
{
    uint32_t ids[SPAN];
    uint32_t count = 0;
    uint32_t of_8 = 1 + (uint32_t)fly_rng_below(rng, 7);
    model->next++;
    memset(model->tried, 0, sizeof model->tried);
    for (uint32_t i = 0; i < SPAN; i++) {
        if (fly_rng_below(rng, 8) < of_8) {
            ids[count++] = 2 + i;
            model->tried[i] = model->next;
        }
    }
    if (count > 0 && write_pages(file, ids, count, model->next, NULL) != FLY_OK) {
        return false;
    }
    for (uint32_t i = 0; i < SPAN; i++) {
        model->acknowledged[i] = model->tried[i] != 0 ? model->tried[i] : model->acknowledged[i];
    }
    memset(model->tried, 0, sizeof model->tried);
    return fly_rng_below(rng, 4) > 0 ||
           fly_pagefile_checkpoint(file, model->next, NULL, NULL) == FLY_OK;
}

/* What is there is what was acknowledged, and the last batch if it was tried: all of it or nothing. */
static void check_versions(fly_pagefile *file, struct versions *model)
{
    bool there = false;
    bool known = false;
    for (uint32_t i = 0; i < SPAN; i++) {
        uint32_t version = version_of(file, 2 + i);
        if (model->tried[i] != 0) {
            bool new = version == model->tried[i];
            if ((known && new != there) || (!new &&version != model->acknowledged[i])) {
                ck_abort_msg("page %u is of version %u, its batch is %s", 2 + i, version,
                             there ? "there" : "not there");
            }
            known = true;
            there = new;
        } else if (version != model->acknowledged[i]) {
            ck_abort_msg("page %u is of version %u, not %u", 2 + i, version,
                         model->acknowledged[i]);
        }
        model->acknowledged[i] = version;
    }
    memset(model->tried, 0, sizeof model->tried);
}

static void lives(void *ctx, uint64_t seed)
{
    (void)ctx;
    static const uint32_t page_sizes[] = {4096, 8192, 32768};
    fly_rng rng;
    struct versions model = {.next = 1};
    fly_rng_init(&rng, seed);
    fly_sim_env_init(&world, &(fly_sim_env_options){.seed = seed, .disk.direct = seed % 2 == 0});
    fly_pagefile *file = file_with_pages(page_sizes[seed % 3], SPAN);
    for (uint32_t i = 0; i < SPAN; i++) {
        model.acknowledged[i] = 1;
    }
    for (uint32_t life = 0; life < LIVES; life++) {
        fly_sim_fault power = {.trouble = FLY_SIM_CRASHES,
                               .calls = FLY_SIM_CHANGES,
                               .at = fly_rng_below(&rng, STEPS * 8)};
        fly_sim_disk_arm(world.disk, &power);
        for (uint32_t step = 0; step < STEPS && write_some(file, &model, &rng); step++) {
        }
        fly_sim_survival how = (fly_sim_survival)fly_rng_below(&rng, FLY_SIM_SURVIVALS);
        fly_sim_disk_crash(world.disk, how, fly_rng_next(&rng));
        fly_pagefile_close(file);
        for (uint32_t attempt = 0; attempt < 2; attempt++) { /* power goes while it is repaired */
            power.at = fly_rng_below(&rng, 8);
            fly_sim_disk_arm(world.disk, &power);
            fly_pagefile_options options = {0};
            if (try_open(&world, &options, &file, NULL) == FLY_OK) {
                fly_pagefile_close(file);
            }
            fly_sim_disk_crash(world.disk, how, fly_rng_next(&rng));
        }
        file = open_file(&world, 0);
        check_versions(file, &model);
        FLY_CHECK_OK(fly_pagefile_check(file, &err), err);
    }
    fly_pagefile_close(file);
    fly_sim_env_deinit(&world);
}

START_TEST(random_batches_and_crashes_agree_with_a_list_of_versions)
{
    ck_assert(fly_test_seeds("lives of a page file", 60, lives, NULL));
}
END_TEST

/* -------------------------------------------------------------------------- faults */

static void opens_and_works(fly_sim_env *w, void *ctx)
{
    struct history *history = ctx;
    fly_pagefile_options options = {.page_size = history->page_size, .create = true};
    fly_pagefile *file = NULL;
    FLY_CHECK_OK(try_open(w, &options, &file, &err), err);
    if (fly_pagefile_pages(file) > 2) { /* a checkpoint came through */
        uint32_t version = version_of(file, written[0]);
        ck_assert_uint_ge(version, history->acknowledged);
        ck_assert_uint_le(version, history->attempted);
        for (uint32_t i = 1; i < WRITTEN; i++) {
            ck_assert_uint_eq(version_of(file, written[i]), version);
        }
    }
    fly_pagefile_close(file);
    *history = (struct history){.page_size = history->page_size}; /* for the next case */
    FLY_CHECK_OK(write_versions(w, history), err);
    *history = (struct history){.page_size = history->page_size};
}

START_TEST(every_failure_is_reported_and_leaves_a_file_that_opens)
{
    struct history history = {.page_size = 4096};
    ck_assert(fly_test_each_fault("batches", NULL, write_versions, opens_and_works, &history));
}
END_TEST

static const struct {
    const char *what;
    fly_sim_fault fault;
    bool doubtful; /* whether the batch may not be there after a repair */
} failures[] = {
    {"the area's write", {.error = EIO, .calls = FLY_SIM_WRITE}, true},
    {"the first write in place", {.error = EIO, .calls = FLY_SIM_WRITE, .at = 1}, false},
    {"the last write in place", {.error = EIO, .calls = FLY_SIM_WRITE, .at = 3}, false},
    {"a write without room", {.error = ENOSPC, .calls = FLY_SIM_WRITE, .at = 2}, false},
    {"the sync", {.error = EIO, .calls = FLY_SIM_SYNC}, false},
};

START_TEST(after_a_failed_write_nothing_is_written_until_the_next_open)
{
    fly_pagefile *file = file_with_pages(4096, 8);
    fly_sim_disk_arm(world.disk, &failures[_i].fault);
    fly_status status = write_pages(file, written, WRITTEN, 2, &err);
    ck_assert_msg(status == FLY_E_IO || status == FLY_E_NO_SPACE, "%s", failures[_i].what);
    FLY_CHECK_SAYS(err.message, _i == 0 ? "\"area\"" : "\"data\"");

    uint64_t before = fly_sim_disk_calls(world.disk, FLY_SIM_CHANGES & ~FLY_SIM_ALLOCATE);
    FLY_CHECK(write_pages(file, written, WRITTEN, 3, &err), FLY_E_STOPPED, err);
    FLY_CHECK_SAYS(err.message, "\"data\" takes no more writes since one failed");
    FLY_CHECK(fly_pagefile_checkpoint(file, 9, NULL, &err), FLY_E_STOPPED, err);
    ck_assert_uint_eq(fly_pagefile_checkpoint_lsn(file), 1);
    check_version(file, 2, 1); /* reading goes on */
    fly_pagefile_close(file);
    ck_assert_uint_eq(fly_sim_disk_calls(world.disk, FLY_SIM_CHANGES & ~FLY_SIM_ALLOCATE), before);

    file = open_file(&world, 0);
    uint32_t version = version_of(file, written[0]);
    ck_assert(version == 2 || failures[_i].doubtful);
    ck_assert_uint_ge(version, 1);
    for (uint32_t i = 0; i < WRITTEN; i++) {
        check_version(file, written[i], version);
    }
    FLY_CHECK_OK(write_pages(file, written, WRITTEN, 4, &err), err);
    fly_pagefile_close(file);
}
END_TEST

/* After a failed write or sync, reading shows what may not be on the disk. A repair that trusted
 * its eyes would be undone by the next crash, when the area holds another batch. */
START_TEST(what_a_repair_saw_after_a_failure_is_durable_when_others_follow)
{
    fly_pagefile *file = file_with_pages(4096, 8);
    fly_sim_disk_arm(world.disk, &failures[_i].fault);
    FLY_IGNORE(write_pages(file, written, WRITTEN, 2, &err));
    fly_pagefile_close(file);
    file = open_file(&world, 0);
    uint32_t version = version_of(file, written[0]);
    FLY_CHECK_OK(write_pages(file, (uint32_t[]){2}, 1, 9, &err), err);
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_NONE, 0);
    fly_pagefile_close(file);
    file = open_file(&world, 0);
    check_version(file, 2, 9);
    for (uint32_t i = 0; i < WRITTEN; i++) {
        check_version(file, written[i], version);
    }
    fly_pagefile_close(file);
}
END_TEST

START_TEST(a_crash_during_the_repair_after_a_failure_leaves_the_batch_whole_or_not_there)
{
    for (uint64_t seed = 0; seed < fly_test_rounds(20); seed++) {
        for (uint64_t at = 0; at < 6; at++) {
            fly_sim_env_deinit(&world);
            fly_sim_env_init(&world, &(fly_sim_env_options){.seed = seed + 1});
            fly_pagefile *file = file_with_pages(4096, 8);
            fly_sim_disk_arm(world.disk, &failures[_i].fault);
            FLY_IGNORE(write_pages(file, written, WRITTEN, 2, &err));
            fly_pagefile_close(file);
            fly_sim_fault power = {
                .trouble = FLY_SIM_CRASHES, .calls = FLY_SIM_WRITE | FLY_SIM_SYNC, .at = at};
            fly_sim_disk_arm(world.disk, &power);
            fly_pagefile_options options = {0};
            if (try_open(&world, &options, &file, &err) == FLY_OK) {
                fly_pagefile_close(file);
            }
            fly_sim_disk_crash(world.disk, at % 2 == 0 ? FLY_SIM_TEAR_512 : FLY_SIM_KEEP_SOME,
                               seed);
            file = open_file(&world, 0);
            uint32_t version = version_of(file, written[0]);
            for (uint32_t i = 1; i < WRITTEN; i++) {
                check_version(file, written[i], version);
            }
            fly_pagefile_close(file);
        }
    }
}
END_TEST

START_TEST(a_full_disk_stops_nothing_for_good)
{
    fly_pagefile *file = file_with_pages(4096, 8);
    fly_sim_fault full = {.error = ENOSPC, .calls = FLY_SIM_WRITE | FLY_SIM_ALLOCATE};
    fly_sim_disk_arm(world.disk, &full); /* the area is the first to ask */
    FLY_CHECK(write_pages(file, written, WRITTEN, 2, &err), FLY_E_NO_SPACE, err);
    for (uint32_t i = 0; i < WRITTEN; i++) {
        check_version(file, written[i], 1);
    }
    FLY_CHECK_OK(write_pages(file, written, WRITTEN, 3, &err), err);
    fly_sim_fault write_full = {.error = ENOSPC, .calls = FLY_SIM_WRITE};
    fly_sim_disk_arm(world.disk, &write_full);
    FLY_CHECK(write_pages(file, written, WRITTEN, 4, &err), FLY_E_NO_SPACE, err);
    FLY_CHECK_OK(write_pages(file, written, WRITTEN, 5, &err), err);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 2, NULL, &err), err);
    die(file);
    file = open_file(&world, 0);
    for (uint32_t i = 0; i < WRITTEN; i++) {
        check_version(file, written[i], 5);
    }
    fly_pagefile_close(file);
}
END_TEST

START_TEST(an_area_whose_length_is_in_doubt_is_not_used)
{
    fly_pagefile *file = file_with_pages(4096, 8);
    fly_page_batch *batch = NULL;
    fly_sim_fault fails = {.error = EIO, .calls = FLY_SIM_SYNC};
    fly_sim_disk_arm(world.disk, &fails);
    FLY_CHECK(fly_page_batch_create(file, 100, &batch, &err), FLY_E_IO, err);
    FLY_CHECK_SAYS(err.message, "\"area\"");
    FLY_CHECK(write_pages(file, written, WRITTEN, 2, &err), FLY_E_STOPPED, err);
    fly_pagefile_close(file);
    file = open_file(&world, 0);
    FLY_CHECK_OK(write_pages(file, written, WRITTEN, 2, &err), err);
    fly_pagefile_close(file);
}
END_TEST

START_TEST(a_file_whose_length_is_in_doubt_gets_no_checkpoint)
{
    fly_pagefile *file = file_with_pages(4096, 8);
    uint32_t first;
    FLY_CHECK_OK(fly_pagefile_alloc(file, FLY_PAGE_NONE, 200, &first, &err), err);
    fly_sim_fault fails = {.error = EIO, .calls = FLY_SIM_SYNC};
    fly_sim_disk_arm(world.disk, &fails);
    FLY_CHECK(fly_pagefile_checkpoint(file, 2, NULL, &err), FLY_E_IO, err);
    FLY_CHECK_SAYS(err.message, "\"data\"");
    FLY_CHECK(fly_pagefile_checkpoint(file, 2, NULL, &err), FLY_E_STOPPED, err);
    fly_pagefile_close(file);
    file = open_file(&world, 0);
    ck_assert_uint_eq(fly_pagefile_checkpoint_lsn(file), 1);
    fly_pagefile_close(file);
}
END_TEST

START_TEST(the_area_has_its_room_before_it_needs_it)
{
    fly_pagefile *file = file_with_pages(4096, 64);
    fly_page_batch *batch = NULL;
    FLY_CHECK_OK(fly_page_batch_create(file, 64, &batch, &err), err);
    fly_sim_disk_set_capacity(world.disk, 4096); /* less than is there */
    uint32_t ids[64];
    for (uint32_t i = 0; i < 64; i++) {
        ids[i] = 2 + i;
    }
    FLY_CHECK_OK(add_pages(batch, file, ids, 64, 2, &err), err);
    FLY_CHECK_OK(fly_page_batch_write(batch, &err), err);
    fly_page_batch_destroy(batch);
    batch = NULL;
    FLY_CHECK(fly_page_batch_create(file, 100, &batch, &err), FLY_E_NO_SPACE, err);
    fly_sim_disk_set_capacity(world.disk, 0);
    FLY_CHECK_OK(fly_page_batch_create(file, 100, &batch, &err), err);
    fly_page_batch_destroy(batch);
    fly_pagefile_close(file);
}
END_TEST

/* --------------------------------------------------------------------------- areas */

enum { AREA_BYTES = 4096 + WRITTEN * 4096 };

/* Stop a batch of version 2 between its area and its places: the file has version 1, the area
 * version 2, and nobody is running. */
static void stop_in_the_middle(void)
{
    fly_pagefile *file = file_with_pages(4096, 8);
    fly_sim_fault power = {.trouble = FLY_SIM_CRASHES, .calls = FLY_SIM_WRITE, .at = 1};
    fly_sim_disk_arm(world.disk, &power);
    FLY_CHECK(write_pages(file, written, WRITTEN, 2, &err), FLY_E_IO, err);
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_NONE, 0);
    fly_pagefile_close(file);
}

static void check_all(fly_pagefile *file, uint32_t version)
{
    for (uint32_t i = 0; i < WRITTEN; i++) {
        check_version(file, written[i], version);
    }
}

static void reopen_and_check(uint32_t version)
{
    fly_pagefile *file = open_file(&world, 0);
    check_all(file, version);
    check_version(file, 2, 1);
    fly_pagefile_close(file);
}

static char log_text[2048];

static void keep_log(struct fly_env *env, fly_log_level level, const char *line)
{
    (void)env;
    (void)level;
    size_t used = strlen(log_text);
    (void)snprintf(log_text + used, sizeof log_text - used, "%s\n", line);
}

START_TEST(an_interrupted_batch_is_finished)
{
    stop_in_the_middle();
    world.env.log = keep_log;
    world.env.log_level = FLY_LOG_INFO;
    reopen_and_check(2);
    ck_assert_str_eq(log_text, "repairing 5 pages of \"data\" from \"area\"\n");
    /* Once. */
    reopen_and_check(2);
    ck_assert_str_eq(log_text, "repairing 5 pages of \"data\" from \"area\"\n");
}
END_TEST

START_TEST(a_file_that_needs_repair_is_not_opened_for_reading)
{
    stop_in_the_middle();
    fly_pagefile *file = NULL;
    fly_pagefile_options options = {.read_only = true};
    uint64_t before = fly_sim_disk_calls(world.disk, FLY_SIM_CHANGES & ~FLY_SIM_OPEN);
    FLY_CHECK(try_open(&world, &options, &file, &err), FLY_E_READ_ONLY, err);
    FLY_CHECK_SAYS(err.message, "\"data\" was not closed cleanly and 5 pages must be repaired");
    ck_assert_uint_eq(fly_sim_disk_calls(world.disk, FLY_SIM_CHANGES & ~FLY_SIM_OPEN), before);
    reopen_and_check(2);
    FLY_CHECK_OK(try_open(&world, &options, &file, &err), err);
    check_all(file, 2);
    fly_pagefile_close(file);
}
END_TEST

START_TEST(an_area_damaged_anywhere_is_ignored)
{
    stop_in_the_middle();
    for (uint64_t byte = 0; byte < AREA_BYTES; byte++) {
        bool nobodys = byte >= 48 + WRITTEN * 8 && byte < 4096;
        if (nobodys || (byte >= 4096 && byte % 7 != 0)) {
            continue;
        }
        fly_sim_env copy;
        fly_sim_env_init_with(&copy, NULL, fly_sim_disk_clone(world.disk));
        FLY_CHECK_OK(fly_sim_disk_flip(copy.disk, AREA, byte * 8 + byte % 8), err);
        fly_pagefile *file = open_file(&copy, 0);
        uint32_t version = 0;
        if (read_version(file, written[byte % WRITTEN], &version, &err) != FLY_OK || version != 1) {
            ck_abort_msg("byte %u of the area: %s", (unsigned)byte, err.message);
        }
        fly_pagefile_close(file);
        fly_sim_env_deinit(&copy);
    }
}
END_TEST

START_TEST(an_area_cut_short_is_ignored)
{
    stop_in_the_middle();
    for (uint64_t len = 0; len < AREA_BYTES; len += 512) {
        fly_sim_env copy;
        fly_sim_env_init_with(&copy, NULL, fly_sim_disk_clone(world.disk));
        fly_file *area = NULL;
        FLY_CHECK_OK(fly_file_open(copy.env.vfs, AREA, FLY_OPEN_WRITE, &area, &err), err);
        FLY_CHECK_OK(fly_file_truncate(area, len, &err), err);
        fly_file_abandon(area);
        fly_pagefile *file = open_file(&copy, 0);
        check_all(file, 1);
        fly_pagefile_close(file);
        fly_sim_env_deinit(&copy);
    }
}
END_TEST

START_TEST(a_batch_with_the_header_in_it_is_repeated_though_the_header_is_torn)
{
    /* The header and a map in one batch; power goes while they are written in place, and of the
     * header only the second sector gets there. */
    fly_pagefile *file = file_with_pages(4096, 8);
    uint8_t meta[FLY_PAGEFILE_META];
    memset(meta, 0x3c, sizeof meta);
    fly_pagefile_set_meta(file, meta, sizeof meta);
    uint32_t first;
    FLY_CHECK_OK(fly_pagefile_alloc(file, FLY_PAGE_NONE, 1, &first, &err), err);
    fly_sim_fault power = {.trouble = FLY_SIM_CRASHES, .calls = FLY_SIM_WRITE, .at = 1};
    fly_sim_disk_arm(world.disk, &power);
    FLY_CHECK(fly_pagefile_checkpoint(file, 77, NULL, &err), FLY_E_IO, err);
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_NONE, 0);
    fly_pagefile_close(file);
    FLY_CHECK_OK(fly_sim_disk_poke(world.disk, DATA, 512, fly_bytes_of(meta, 256)), err);
    file = open_file(&world, 0);
    ck_assert_uint_eq(fly_pagefile_checkpoint_lsn(file), 77);
    ck_assert_mem_eq(fly_pagefile_meta(file), meta, sizeof meta);
    ck_assert(fly_pagefile_is_used(file, first));
    fly_pagefile_close(file);
}
END_TEST

/* Leave an area whose last batch is a header alone, or pages, and no file that it belongs to. */
static void leave_an_area(bool header)
{
    fly_pagefile *file = file_with_pages(4096, 8);
    if (header) {
        uint8_t meta[4] = "old";
        fly_pagefile_set_meta(file, meta, sizeof meta);
        FLY_CHECK_OK(fly_pagefile_checkpoint(file, 1, NULL, &err), err);
    } else {
        FLY_CHECK_OK(write_pages(file, written, WRITTEN, 2, &err), err);
    }
    die(file);
    FLY_CHECK_OK(fly_vfs_remove(world.env.vfs, DATA, &err), err);
}

START_TEST(the_area_of_another_file_is_ignored)
{
    leave_an_area(_i == 0);
    fly_pagefile *file = NULL;
    fly_pagefile_options options = {.page_size = 4096, .create = true};
    FLY_CHECK_OK(try_open(&world, &options, &file, &err), err);
    uint8_t uuid[16];
    memcpy(uuid, fly_pagefile_uuid(file), sizeof uuid);
    die(file); /* before anything was written */
    file = open_file(&world, 0);
    ck_assert_mem_eq(fly_pagefile_uuid(file), uuid, sizeof uuid);
    ck_assert_uint_eq(fly_pagefile_pages(file), 2);
    ck_assert_uint_eq(fly_pagefile_meta(file)[0], 0);
    uint32_t version;
    FLY_CHECK(read_version(file, written[0], &version, &err), FLY_E_CORRUPT, err);
    fly_pagefile_close(file);
}
END_TEST

START_TEST(an_area_of_larger_pages_is_ignored)
{
    leave_an_area(false);
    fly_pagefile *file = open_file(&world, 65536);
    FLY_CHECK_OK(write_pages(file, (uint32_t[]){2, 3}, 2, 1, &err), err);
    die(file);
    FLY_CHECK_OK(fly_vfs_remove(world.env.vfs, DATA, &err), err);
    file = open_file(&world, 4096);
    die(file);
    file = open_file(&world, 4096);
    ck_assert_uint_eq(fly_pagefile_pages(file), 2);
    fly_pagefile_close(file);
}
END_TEST

START_TEST(a_clean_close_leaves_nothing_to_repeat)
{
    fly_pagefile *file = file_with_pages(4096, 8);
    FLY_CHECK_OK(write_pages(file, written, WRITTEN, 2, &err), err);
    fly_pagefile_close(file);
    /* Somebody writes without the area, and power goes. */
    fly_pagefile_options options = {0};
    FLY_CHECK_OK(fly_pagefile_open(&world.env, DATA, NULL, &options, &file, &err), err);
    FLY_CHECK_OK(write_pages(file, written, WRITTEN, 3, &err), err);
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_NONE, 0);
    fly_pagefile_close(file);
    reopen_and_check(3);
}
END_TEST

START_TEST(an_area_serves_one_file)
{
    fly_pagefile *file = file_with_pages(4096, 8);
    fly_pagefile *other = NULL;
    fly_pagefile_options options = {.create = true};
    FLY_CHECK(fly_pagefile_open(&world.env, "other", AREA, &options, &other, &err), FLY_E_LOCKED,
              err);
    ck_assert(!fly_vfs_exists(world.env.vfs, "other"));
    fly_pagefile_close(file);
    FLY_CHECK_OK(fly_pagefile_open(&world.env, "other", AREA, &options, &other, &err), err);
    fly_pagefile_close(other);
}
END_TEST

/* An area that says what nobody wrote, with every checksum right. */
static const struct {
    const char *what;
    uint32_t offset, value;
} made_up[] = {
    {"another version", 8, 2},
    {"no page size", 12, 0},
    {"a page size too small", 12, 2048},
    {"a page size too large", 12, 131072},
    {"no power of two", 12, 4097},
    {"no pages", 40, 0},
    {"257 pages", 40, 257},
    {"2^31 pages", 40, 0x80000000},
    {"another magic", 0, 0},
    {"another file", 16, 0x12345678},
    {"a page in another's place", 48, 8},
};

START_TEST(an_area_that_makes_no_sense_is_ignored)
{
    stop_in_the_middle();
    uint8_t header[4096];
    FLY_CHECK_OK(fly_sim_disk_dump(world.disk, AREA, header, sizeof header, NULL), err);
    ck_assert_uint_eq(fly_get_u32(header + 40), WRITTEN);
    fly_put_u32(header + made_up[_i].offset, made_up[_i].value);
    uint32_t count = fly_get_u32(header + 40);
    uint32_t sum = fly_crc32c(0, header, 44);
    sum = fly_crc32c(sum, header + 48, (count < 257 ? count : 257) * (size_t)8);
    fly_put_u32(header + 44, sum);
    FLY_CHECK_OK(fly_sim_disk_poke(world.disk, AREA, 0, fly_bytes_of(header, sizeof header)), err);
    reopen_and_check(1);
}
END_TEST

/* ------------------------------------------------------------------- disks that err */

/* The second write of a batch of one run is the one in place. */
static void arm_in_place(fly_sim_trouble trouble, int64_t shift)
{
    fly_sim_fault fault = {.trouble = trouble, .calls = FLY_SIM_WRITE, .at = 1, .shift = shift};
    fly_sim_disk_arm(world.disk, &fault);
}

/* How a page reads: its version, or 0 if it is refused. */
static uint32_t reads_as(fly_pagefile *file, uint32_t id)
{
    uint32_t version = 0;
    fly_status status = read_version(file, id, &version, &err);
    if (status != FLY_OK) {
        char place[32];
        FLY_CHECK(status, FLY_E_CORRUPT, err);
        (void)snprintf(place, sizeof place, "\"data\": page %u: ", id);
        FLY_CHECK_SAYS(err.message, place);
    }
    return version;
}

static const int64_t shifts[] = {4096, -4096, 5 * 4096, 512, -512, 3 * 512, 4096 - 512};

enum { SHIFTS = sizeof shifts / sizeof shifts[0] };

/* Where a page of 4,096 bytes written at `id` overlaps others, if it is shifted. */
static bool is_hit(uint32_t victim, uint32_t id, int64_t shift)
{
    int64_t begin = (int64_t)id * 4096 + shift;
    return begin < ((int64_t)victim + 1) * 4096 && begin + 4096 > (int64_t)victim * 4096;
}

START_TEST(a_misdirected_page_is_noticed_where_it_landed)
{
    fly_pagefile *file = file_with_pages(4096, 20);
    arm_in_place(FLY_SIM_MISDIRECTS, shifts[_i]);
    FLY_CHECK_OK(write_pages(file, (uint32_t[]){10}, 1, 2, &err), err);
    ck_assert_uint_eq(fly_sim_disk_strikes(world.disk), 1);
    for (uint32_t id = 2; id < 22; id++) {
        /* Page 10 is as it was: to itself, the write was lost. See the next tests. */
        ck_assert_uint_eq(reads_as(file, id), is_hit(id, 10, shifts[_i]) ? 0 : 1);
    }
    die(file); /* the area still knows the batch */
    file = open_file(&world, 0);
    ck_assert_uint_eq(reads_as(file, 10), 2);
    fly_pagefile_close(file);
}
END_TEST

START_TEST(a_duplicated_page_is_noticed_where_it_does_not_belong)
{
    fly_pagefile *file = file_with_pages(4096, 20);
    arm_in_place(FLY_SIM_DUPLICATES, shifts[_i]);
    FLY_CHECK_OK(write_pages(file, (uint32_t[]){10}, 1, 2, &err), err);
    for (uint32_t id = 2; id < 22; id++) {
        bool hit = is_hit(id, 10, shifts[_i]);
        if (id == 10) { /* the second copy may lie over part of the first, or the other way round */
            ck_assert(hit || reads_as(file, id) == 2);
        } else {
            ck_assert_uint_eq(reads_as(file, id), hit ? 0 : 1);
        }
    }
    fly_pagefile_close(file);
}
END_TEST

START_TEST(a_page_misdirected_over_header_or_map_is_noticed_at_the_next_open)
{
    fly_pagefile *file = file_with_pages(4096, 20);
    int64_t shift = -(int64_t)(10 - (uint32_t)_i) * 4096;
    arm_in_place(FLY_SIM_MISDIRECTS, shift);
    FLY_CHECK_OK(write_pages(file, (uint32_t[]){10}, 1, 2, &err), err);
    fly_pagefile_close(file);
    fly_pagefile_options options = {0};
    FLY_CHECK(try_open(&world, &options, &file, &err), _i == 0 ? FLY_E_FORMAT : FLY_E_CORRUPT, err);
    FLY_CHECK_SAYS(err.message, "\"data\"");
}
END_TEST

START_TEST(the_loss_of_a_first_write_is_noticed)
{
    fly_pagefile *file = file_with_pages(4096, 20);
    uint32_t fresh;
    FLY_CHECK_OK(fly_pagefile_alloc(file, FLY_PAGE_NONE, 1, &fresh, &err), err);
    arm_in_place(FLY_SIM_LOSES, 0);
    FLY_CHECK_OK(write_pages(file, &fresh, 1, 1, &err), err);
    ck_assert_uint_eq(reads_as(file, fresh), 0);
    fly_pagefile_close(file);
}
END_TEST

/* What this layer cannot do: a page that was not overwritten is a good page. README, "Limits". */
START_TEST(the_loss_of_a_later_write_is_noticed_only_while_the_area_has_the_batch)
{
    fly_pagefile *file = file_with_pages(4096, 20);
    arm_in_place(FLY_SIM_LOSES, 0);
    FLY_CHECK_OK(write_pages(file, (uint32_t[]){10, 11}, 2, 2, &err), err);
    ck_assert_uint_eq(reads_as(file, 10), 1);
    die(file);
    file = open_file(&world, 0); /* the area has it: repaired */
    ck_assert_uint_eq(reads_as(file, 10), 2);
    ck_assert_uint_eq(reads_as(file, 11), 2);

    arm_in_place(FLY_SIM_LOSES, 0);
    FLY_CHECK_OK(write_pages(file, (uint32_t[]){10, 11}, 2, 3, &err), err);
    FLY_CHECK_OK(write_pages(file, (uint32_t[]){4}, 1, 3, &err), err); /* takes the area */
    die(file);
    file = open_file(&world, 0);
    ck_assert_uint_eq(reads_as(file, 10), 2); /* the old page, and nobody can tell */
    fly_pagefile_close(file);
}
END_TEST

START_TEST(when_the_area_was_lost_a_torn_page_is_noticed)
{
    fly_pagefile *file = file_with_pages(4096, 20);
    fly_sim_fault lost = {.trouble = FLY_SIM_LOSES, .calls = FLY_SIM_WRITE};
    fly_sim_fault power = {.trouble = FLY_SIM_CRASHES, .calls = FLY_SIM_WRITE, .at = 1};
    fly_sim_disk_arm(world.disk, &lost);
    fly_sim_disk_arm(world.disk, &power);
    FLY_CHECK(write_pages(file, (uint32_t[]){10}, 1, 2, &err), FLY_E_IO, err);
    uint64_t seed = 0;
    uint32_t version = 1;
    for (; version != 0; seed++) { /* until one tears it */
        fly_sim_env copy;
        fly_sim_disk *disk = fly_sim_disk_clone(world.disk);
        fly_sim_disk_crash(disk, FLY_SIM_TEAR_512, seed);
        fly_sim_env_init_with(&copy, NULL, disk);
        fly_pagefile *torn = open_file(&copy, 0);
        version = reads_as(torn, 10);
        fly_pagefile_close(torn);
        fly_sim_env_deinit(&copy);
        ck_assert_uint_lt(seed, 100);
    }
    fly_sim_disk_crash(world.disk, FLY_SIM_KEEP_ALL, 0);
    fly_pagefile_close(file);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batch");
    TCase *batches = fly_test_case(suite, "batches");
    tcase_add_checked_fixture(batches, set_up, tear_down);
    tcase_add_test(batches, a_batch_takes_what_it_has_room_for);
    tcase_add_test(batches, the_largest_batch_of_the_largest_pages_is_written);
    tcase_add_test(batches, neighbours_are_written_together);
    tcase_add_test(batches, what_was_written_is_durable);
    tcase_add_loop_test_raise_signal(batches, who_breaks_the_contract_is_stopped, SIGABRT, 0, 5);

    TCase *crashes = fly_test_case(suite, "crashes");
    tcase_add_loop_test(crashes, a_crash_leaves_each_batch_whole_or_not_there, 0, 3);
    tcase_add_test(crashes, the_names_of_file_and_area_survive_too);
    tcase_add_test(crashes, random_batches_and_crashes_agree_with_a_list_of_versions);
    tcase_add_test(crashes, without_an_area_a_torn_page_is_refused);

    TCase *faults = fly_test_case(suite, "faults");
    tcase_add_checked_fixture(faults, set_up, tear_down);
    tcase_add_test(faults, every_failure_is_reported_and_leaves_a_file_that_opens);
    tcase_add_loop_test(faults, after_a_failed_write_nothing_is_written_until_the_next_open, 0,
                        (int)(sizeof failures / sizeof failures[0]));
    tcase_add_loop_test(faults, what_a_repair_saw_after_a_failure_is_durable_when_others_follow, 0,
                        (int)(sizeof failures / sizeof failures[0]));
    tcase_add_loop_test(
        faults, a_crash_during_the_repair_after_a_failure_leaves_the_batch_whole_or_not_there, 0,
        (int)(sizeof failures / sizeof failures[0]));
    tcase_add_test(faults, a_full_disk_stops_nothing_for_good);
    tcase_add_test(faults, an_area_whose_length_is_in_doubt_is_not_used);
    tcase_add_test(faults, a_file_whose_length_is_in_doubt_gets_no_checkpoint);
    tcase_add_test(faults, the_area_has_its_room_before_it_needs_it);

    TCase *areas = fly_test_case(suite, "areas");
    tcase_add_checked_fixture(areas, set_up, tear_down);
    tcase_add_test(areas, an_interrupted_batch_is_finished);
    tcase_add_test(areas, a_file_that_needs_repair_is_not_opened_for_reading);
    tcase_add_test(areas, an_area_damaged_anywhere_is_ignored);
    tcase_add_test(areas, an_area_cut_short_is_ignored);
    tcase_add_test(areas, a_batch_with_the_header_in_it_is_repeated_though_the_header_is_torn);
    tcase_add_loop_test(areas, the_area_of_another_file_is_ignored, 0, 2);
    tcase_add_test(areas, an_area_of_larger_pages_is_ignored);
    tcase_add_test(areas, a_clean_close_leaves_nothing_to_repeat);
    tcase_add_test(areas, an_area_serves_one_file);
    tcase_add_loop_test(areas, an_area_that_makes_no_sense_is_ignored, 0,
                        (int)(sizeof made_up / sizeof made_up[0]));

    TCase *disks = fly_test_case(suite, "disks that err");
    tcase_add_checked_fixture(disks, set_up, tear_down);
    tcase_add_loop_test(disks, a_misdirected_page_is_noticed_where_it_landed, 0, SHIFTS);
    tcase_add_loop_test(disks, a_duplicated_page_is_noticed_where_it_does_not_belong, 0, SHIFTS);
    tcase_add_loop_test(disks, a_page_misdirected_over_header_or_map_is_noticed_at_the_next_open, 0,
                        2);
    tcase_add_test(disks, the_loss_of_a_first_write_is_noticed);
    tcase_add_test(disks, the_loss_of_a_later_write_is_noticed_only_while_the_area_has_the_batch);
    tcase_add_test(disks, when_the_area_was_lost_a_torn_page_is_noticed);
    return fly_test_run(suite);
}
