/*
 * Goal: what test_schedules.c shows for one thread at a time holds for real threads: no change is
 * lost, no page goes before its log, a checkpoint misses nothing; and ThreadSanitizer finds nothing.
 * Method: threads that change, read, observe, make, drop and read ahead, one that takes checkpoints,
 * and the pool's own, on files in memory and on real ones, in a pool much smaller than the file.
 *
 * The bytes of pages are plain memory that only their latches protect: that is what ThreadSanitizer
 * looks at. What the test itself knows of pages is atomic.
 */
#include "pool_world.h"
#include "spy_vfs.h"

#include <stdio.h>

enum {
    WORKERS = 3,
    SHARED_PAGES = 150, /* from FIRST_PAGE on: everybody changes them */
    OWN_PAGES = 4,      /* behind them, for each worker: its own to make and to drop */
    ALL_PAGES = FIRST_PAGE + SHARED_PAGES + WORKERS * OWN_PAGES,
    OPERATIONS = 8000, /* of each worker */
    RECORDS_MAX = 4 << 20,
    CORRUPT_MAX = 1000 /* times that a page may be read while it is being written */
};

/* Files in memory may be read while they are written, and then give what they give: the test's own
 * looks at them are no races of the pool's. */
#ifdef __SANITIZE_THREAD__
enum { LOOK_AT_MEMORY = false };
#else
enum { LOOK_AT_MEMORY = true };
#endif

static bool look_at_disk;
static fly_env env;
static struct spy spy;
static fly_pagefile *file;
static fly_bufpool *pool;

static fly_atomic_u64 log_end; /* LSN of the next record */
static fly_atomic_u64 log_safe;
static fly_atomic_u32 *records;          /* by LSN: the page, once the record is there */
static fly_atomic_u32 newest[ALL_PAGES]; /* LSN of the last change; under the page's latch */
static fly_atomic_u32 workers_left, believed, not_believed;

static fly_status flush_log(void *ctx, uint64_t lsn, fly_err *err)
{
    (void)ctx;
    (void)err;
    FLY_ASSERT(lsn < fly_load_u64(&log_end));
    (void)fly_raise_u64(&log_safe, lsn + 1);
    return FLY_OK;
}

static void watch_write(void *ctx, const char *path, uint64_t offset, const uint8_t *bytes,
                        size_t len)
{
    (void)ctx;
    (void)offset;
    bool is_area = strstr(path, "area") != NULL;
    for (size_t at = is_area ? PAGE_BYTES : 0; at < len; at += PAGE_BYTES) {
        FLY_ASSERT(fly_page_lsn(bytes + at) < fly_load_u64(&log_safe));
    }
}

/* ------------------------------------------------------------------------------ workers */

static void note_change(const fly_pageref *ref)
{
    if (!fly_bufpool_is_dirty(pool, ref)) {
        fly_bufpool_dirty(pool, ref, fly_load_u64(&log_end));
    }
    uint64_t lsn = fly_add_u64(&log_end, 1);
    FLY_ASSERT(lsn < RECORDS_MAX);
    fly_store_u32(&records[lsn], ref->page);
    stamp(ref->bytes, ref->page, (uint32_t)lsn);
    fly_page_set_lsn(ref->bytes, lsn);
    fly_store_u32(&newest[ref->page], (uint32_t)lsn);
}

/* Not version_of_page(): that fails a test, which only its own thread may do. */
static void expect(const fly_pageref *ref)
{
    uint64_t wanted = stamp_of(ref->page, fly_load_u32(&newest[ref->page]));
    FLY_ASSERT(fly_page_id(ref->bytes) == ref->page);
    FLY_ASSERT(fly_get_u64(ref->bytes + FLY_PAGE_HEADER) == wanted);
    FLY_ASSERT(memcmp(ref->bytes + FLY_PAGE_HEADER, ref->bytes + FLY_PAGE_HEADER + 8,
                      PAGE_BYTES - FLY_PAGE_HEADER - 8) == 0);
}

static void must(fly_status status, const fly_err *err)
{
    if (status != FLY_OK) {
        (void)fprintf(stderr, "%s: %s\n", fly_status_name(status), err->message);
        abort();
    }
}

static void change_one(uint32_t page)
{
    fly_pageref ref;
    fly_err err = {0};
    must(fly_bufpool_fix_exclusive(pool, page, &ref, &err), &err);
    expect(&ref);
    note_change(&ref);
    fly_bufpool_unfix_exclusive(&ref);
}

static void read_one(uint32_t page)
{
    fly_pageref ref;
    fly_err err = {0};
    must(fly_bufpool_fix_shared(pool, page, &ref, &err), &err);
    expect(&ref);
    fly_bufpool_unfix_shared(&ref);
}

/* Two pages at a time, in the order of their numbers. */
static void change_two(uint32_t page)
{
    fly_pageref one;
    fly_pageref other;
    fly_err err = {0};
    must(fly_bufpool_fix_exclusive(pool, page, &one, &err), &err);
    must(fly_bufpool_fix_exclusive(pool, page + 1, &other, &err), &err);
    expect(&one);
    expect(&other);
    note_change(&other);
    fly_bufpool_unfix_exclusive(&other);
    fly_bufpool_unfix_unchanged(&one);
}

static void observe_one(uint32_t page, bool upgrade)
{
    fly_pageref ref;
    fly_err err = {0};
    must(fly_bufpool_observe(pool, page, &ref, &err), &err);
    uint64_t wanted = stamp_of(page, fly_load_u32(&newest[page]));
    uint64_t head = fly_get_u64(ref.bytes + FLY_PAGE_HEADER);
    uint64_t tail = fly_get_u64(ref.bytes + PAGE_BYTES - 8);
    bool mine = upgrade && fly_bufpool_upgrade(&ref);
    if (mine || (!upgrade && fly_bufpool_unchanged(&ref))) {
        FLY_ASSERT(head == wanted);
        FLY_ASSERT(tail == wanted);
        fly_count_u32(&believed, 1);
    } else {
        fly_count_u32(&not_believed, 1);
    }
    if (mine) {
        note_change(&ref);
        fly_bufpool_unfix_exclusive(&ref);
    }
}

static void make_and_drop(uint32_t page, bool drop)
{
    fly_pageref ref;
    fly_err err = {0};
    must(fly_bufpool_fix_new(pool, page, &ref, &err), &err);
    FLY_ASSERT(fly_get_u64(ref.bytes + PAGE_BYTES - 8) == 0);
    note_change(&ref);
    if (drop) {
        fly_bufpool_drop(pool, &ref);
    } else {
        fly_bufpool_unfix_exclusive(&ref);
    }
}

static void work(void *arg)
{
    uint32_t me = *(const uint32_t *)arg;
    uint32_t own = FIRST_PAGE + SHARED_PAGES + me * OWN_PAGES;
    fly_rng rng;
    fly_rng_init(&rng, me + 1);
    uint64_t operations = fly_test_rounds(OPERATIONS);
    for (uint64_t i = 0; i < operations; i++) {
        uint32_t range = fly_rng_below(&rng, 3) == 0 ? SHARED_PAGES - 1 : 20;
        uint32_t page = FIRST_PAGE + (uint32_t)fly_rng_below(&rng, range);
        uint32_t ahead[] = {page, page + 1, page + 2, page + 3};
        switch (fly_rng_below(&rng, 8)) {
        case 0:
            change_one(page);
            break;
        case 1:
            change_two(page);
            break;
        case 2:
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
            make_and_drop(own + page % OWN_PAGES, page % 2 == 0);
            break;
        default:
            fly_bufpool_read_ahead(pool, ahead, 4);
            break;
        }
    }
    (void)fly_sub_u32(&workers_left, 1);
}

/* --------------------------------------------------------------------------- checkpoints */

/* The version of a page on disk; who reads it while it is being written reads it again. */
static uint32_t version_on_disk(uint32_t page)
{
    static uint8_t bytes[PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
    fly_err err = {0};
    fly_status status = FLY_E_CORRUPT;
    for (int i = 0; status == FLY_E_CORRUPT && i < CORRUPT_MAX; i++) {
        status = fly_pagefile_read(file, page, bytes, &err);
    }
    must(status, &err);
    return (uint32_t)fly_get_u64(bytes + FLY_PAGE_HEADER);
}

/* As test_schedules.c does it: each change of a shared page before the place where recovery would
 * begin to read is on disk. */
static void take_checkpoints(void *arg)
{
    static uint32_t needed[ALL_PAGES];
    uint64_t looked_at = 1;
    (void)arg;
    memset(needed, 0, sizeof needed);
    while (fly_load_u32(&workers_left) > 0) {
        fly_err err = {0};
        uint64_t redo_from = fly_load_seq_u64(&log_end);
        must(fly_bufpool_flush(pool, redo_from, 0, NULL, &err), &err);
        uint64_t oldest = fly_bufpool_oldest_lsn(pool);
        redo_from = oldest < redo_from ? oldest : redo_from;
        for (; looked_at < redo_from; looked_at++) {
            uint32_t page;
            while ((page = fly_load_u32(&records[looked_at])) == 0) {
                fly_yield();
            }
            needed[page] = (uint32_t)looked_at;
        }
        for (uint32_t page = FIRST_PAGE; look_at_disk && page < FIRST_PAGE + SHARED_PAGES; page++) {
            FLY_ASSERT(version_on_disk(page) >= needed[page]);
        }
        fly_sleep(1000000);
    }
}

/* ------------------------------------------------------------------------------- together */

static void join_path(char *path, const char *folder, const char *name)
{
    (void)snprintf(path, FLY_PATH_MAX, "%s%s", folder, name);
}

static void make_pages(void)
{
    fly_err err = {0};
    uint32_t first;
    FLY_CHECK_OK(fly_pagefile_alloc(file, FLY_PAGE_NONE, ALL_PAGES - FIRST_PAGE, &first, &err),
                 err);
    ck_assert_uint_eq(first, FIRST_PAGE);
    for (uint32_t page = first; page < ALL_PAGES; page++) {
        fly_pageref ref;
        FLY_CHECK_OK(fly_bufpool_fix_new(pool, page, &ref, &err), err);
        note_change(&ref);
        fly_bufpool_unfix_exclusive(&ref);
    }
    FLY_CHECK_OK(fly_bufpool_flush(pool, UINT64_MAX, 0, NULL, &err), err);
    FLY_CHECK_OK(fly_pagefile_checkpoint(file, 0, NULL, &err), err);
}

static void run(fly_vfs *vfs, const char *folder, int kind)
{
    fly_err err = {0};
    char data[FLY_PATH_MAX];
    char area[FLY_PATH_MAX];
    fly_store_u64(&log_end, 1);
    fly_store_u64(&log_safe, 1);
    fly_env_init(&env);
    spy_init(&spy, vfs, watch_write, NULL);
    env.vfs = &spy.vfs;
    join_path(data, folder, "data");
    join_path(area, folder, "area");
    fly_pagefile_options file_options = {.page_size = PAGE_BYTES, .create = true};
    FLY_CHECK_OK(fly_pagefile_open(&env, data, area, &file_options, &file, &err), err);

    records = calloc(RECORDS_MAX, sizeof *records);
    ck_assert_ptr_nonnull(records);
    fly_bufpool_options options = pool_of_kind(kind % 2 == 0 ? 40 : 128, kind);
    options.background = true;
    options.gate.log_flushed_to = flush_log;
    options.batch_pages = 12;
    FLY_CHECK_OK(fly_bufpool_create(&env, file, &options, &pool, &err), err);
    make_pages();

    fly_thread threads[WORKERS + 1];
    uint32_t numbers[WORKERS];
    fly_store_u32(&workers_left, WORKERS);
    for (uint32_t i = 0; i < WORKERS; i++) {
        numbers[i] = i;
        FLY_CHECK_OK(
            fly_thread_start(fly_sched_os(), &threads[i], "worker", work, &numbers[i], &err), err);
    }
    FLY_CHECK_OK(fly_thread_start(fly_sched_os(), &threads[WORKERS], "checkpoints",
                                  take_checkpoints, NULL, &err),
                 err);
    for (uint32_t i = 0; i <= WORKERS; i++) {
        fly_thread_join(&threads[i]);
    }
    ck_assert_uint_gt(fly_load_u32(&believed), 0);

    FLY_CHECK_OK(fly_bufpool_flush(pool, UINT64_MAX, 0, NULL, &err), err);
    ck_assert_uint_eq(stats_of(pool).dirty, 0);
    for (uint32_t page = FIRST_PAGE; page < FIRST_PAGE + SHARED_PAGES; page++) {
        ck_assert_uint_eq(version_on_disk(page), fly_load_u32(&newest[page]));
    }
    fly_bufpool_destroy(pool);
    fly_pagefile_close(file);
    free(records);
}

START_TEST(no_change_is_lost_among_threads)
{
    fly_vfs *vfs = fly_vfs_mem_create(fly_mem_system());
    look_at_disk = LOOK_AT_MEMORY;
    run(vfs, "", _i);
    fly_vfs_destroy(vfs);
}
END_TEST

START_TEST(no_change_is_lost_on_real_files)
{
    char folder[128];
    fly_err err = {0};
    FLY_CHECK_OK(fly_test_temp_dir(folder, 64, &err), err);
    size_t len = strlen(folder);
    memcpy(folder + len, "/", 2);
    look_at_disk = true;
    run(fly_vfs_posix(), folder, _i);
    folder[len] = '\0';
    FLY_CHECK_OK(fly_vfs_remove_tree(fly_vfs_posix(), folder, &err), err);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stress");
    TCase *tests = fly_test_case(suite, "threads");
    tcase_add_loop_test(tests, no_change_is_lost_among_threads, 0, KINDS);
    tcase_add_loop_test(tests, no_change_is_lost_on_real_files, 0, BACKENDS);
    return fly_test_run(suite);
}
