/*
 * Goal: files in memory take what they hold, give it back, and bear it when there is no more.
 * Method: an account with a limit below the vfs, and every allocation failing once. That they behave
 * as files is shown in test_vfs_conformance.c.
 */
#include <fly/base_vfs.h>

#include <fly/base_check.h>
#include <fly/base_hash.h>
#include <fly/base_testing.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { MIB = 1 << 20 };

static fly_account account;
static fly_vfs *vfs;
static fly_err err;

static void setup(void)
{
    memset(&err, 0, sizeof err);
    fly_account_init(&account, fly_mem_system(), "files", 0);
    vfs = fly_vfs_mem_create(&account.mem);
    ck_assert_ptr_nonnull(vfs);
}

static void teardown(void)
{
    fly_vfs_destroy(vfs);
    fly_account_deinit(&account);
}

static fly_file *open_file(const char *path)
{
    fly_file *file = NULL;
    FLY_CHECK_OK(fly_file_open(vfs, path, FLY_OPEN_WRITE | FLY_OPEN_CREATE, &file, &err), err);
    return file;
}

static void close_file(fly_file *file)
{
    FLY_CHECK_OK(fly_file_close(file, &err), err);
}

static uint64_t used(void)
{
    return fly_load_u64(&account.used);
}

START_TEST(directories_need_not_be_made)
{
    fly_file *file = open_file("a/b/c/f");
    close_file(file);
    ck_assert(fly_vfs_exists(vfs, "/a/b/c/f"));
    FLY_CHECK_OK(fly_vfs_rename(vfs, "a/b/c/f", "x/y/f", &err), err);
    ck_assert(fly_vfs_exists(vfs, "x/y/f"));
    FLY_CHECK_OK(fly_vfs_make_dir(vfs, "k/l/m", &err), err);
    FLY_CHECK_OK(fly_vfs_sync_dir(vfs, "k/l/m", &err), err);
}
END_TEST

START_TEST(a_hole_takes_no_memory)
{
    fly_file *file = open_file("f");
    FLY_CHECK_OK(fly_file_truncate(file, (uint64_t)1 << 40, &err), err);
    ck_assert_uint_lt(used(), 4096);
    FLY_CHECK_OK(fly_file_truncate(file, 0, &err), err);
    FLY_CHECK_OK(fly_file_write(file, 10 * MIB, "x", 1, 0, &err), err);
    ck_assert_uint_lt(used(), MIB);
    close_file(file);
}
END_TEST

START_TEST(what_is_removed_or_cut_off_gives_its_memory_back)
{
    static const uint8_t bytes[MIB];
    fly_file *file = open_file("f");
    FLY_CHECK_OK(fly_file_write(file, 0, bytes, MIB, 0, &err), err);
    ck_assert_uint_gt(used(), MIB);
    FLY_CHECK_OK(fly_file_truncate(file, 100, &err), err);
    ck_assert_uint_lt(used(), 100000);
    FLY_CHECK_OK(fly_file_allocate(file, 0, MIB, &err), err);
    ck_assert_uint_gt(used(), MIB);
    FLY_CHECK_OK(fly_vfs_remove(vfs, "f", &err), err);
    ck_assert_uint_gt(used(), MIB); /* somebody has it open */
    close_file(file);
    ck_assert_uint_lt(used(), 4096);
}
END_TEST

START_TEST(without_memory_a_write_does_what_it_can)
{
    static uint8_t bytes[MIB];
    uint64_t size = 0;
    fly_file *file = open_file("f");
    FLY_CHECK_OK(fly_file_write(file, 0, "hello", 5, 0, &err), err);
    account.limit = used() + 100000;
    memset(bytes, 'x', sizeof bytes);
    FLY_CHECK(fly_file_write(file, 0, bytes, MIB, 0, &err), FLY_E_NO_MEMORY, err);
    FLY_CHECK_OK(fly_file_size(file, &size, &err), err);
    ck_assert_uint_gt(size, 50000);
    ck_assert_uint_lt(size, 150000);
    memset(bytes, 0, sizeof bytes);
    FLY_CHECK_OK(fly_file_read(file, 0, bytes, size, &err), err);
    ck_assert_int_eq(bytes[size - 1], 'x');
    uint64_t before_refusal = used();
    account.limit = used() + 40000; /* some of it can be had */
    FLY_CHECK(fly_file_allocate(file, size, 100000, &err), FLY_E_NO_MEMORY, err);
    ck_assert_uint_lt(used(), before_refusal + 8192);
    account.limit = 0;
    uint64_t before = used();
    FLY_CHECK_OK(fly_file_truncate(file, size + MIB, &err), err);
    FLY_CHECK_OK(fly_file_read(file, size, bytes, MIB, &err), err);
    static const uint8_t zeros[MIB];
    ck_assert_mem_eq(bytes, zeros, MIB); /* nothing is left of the refused reservation */
    ck_assert_uint_eq(used(), before);
    close_file(file);
}
END_TEST

/* A callback may use the files that it is told of. */
static void remove_it(void *ctx, const char *name)
{
    char path[64];
    FLY_CHECK_OK(fly_path_join(path, sizeof path, ctx, name, &err), err);
    FLY_CHECK_OK(fly_vfs_remove(vfs, path, &err), err);
}

START_TEST(a_listing_may_remove_what_it_lists)
{
    char dir[] = "d";
    close_file(open_file("d/a"));
    close_file(open_file("d/b"));
    close_file(open_file("d/c"));
    FLY_CHECK_OK(fly_vfs_list(vfs, dir, remove_it, dir, &err), err);
    FLY_CHECK_OK(fly_vfs_remove(vfs, dir, &err), err);
}
END_TEST

START_TEST(the_root_stays)
{
    ck_assert_int_ne(fly_vfs_remove(vfs, "/", &err), FLY_OK);
    ck_assert_int_ne(fly_vfs_rename(vfs, ".", "x", &err), FLY_OK);
    ck_assert_int_ne(fly_vfs_rename(vfs, "x", ".", &err), FLY_OK);
}
END_TEST

START_TEST(destroying_it_under_an_open_file_stops_the_program)
{
    (void)open_file("f");
    fly_vfs_destroy(vfs);
}
END_TEST

/* ------------------------------------------------------------------------ grafting */

enum { BELOW = 100000, ROOM = 150000 };

/* Fill a file of another vfs with bytes; the same go to `bytes`. */
static void make_below(fly_vfs *below, const char *path, fly_rng *rng, uint8_t *bytes, size_t len)
{
    fly_file *file = NULL;
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)fly_rng_below(rng, 256);
    }
    FLY_CHECK_OK(fly_file_open(below, path, FLY_OPEN_WRITE | FLY_OPEN_CREATE, &file, &err), err);
    FLY_CHECK_OK(fly_file_write(file, 0, bytes, len, 0, &err), err);
    close_file(file);
}

static void expect_file(fly_vfs *where, const char *path, const uint8_t *bytes, size_t len)
{
    static uint8_t got[ROOM + 1];
    size_t got_len = 0;
    fly_file *file = NULL;
    FLY_CHECK_OK(fly_file_open(where, path, 0, &file, &err), err);
    FLY_CHECK_OK(fly_file_read_some(file, 0, got, sizeof got, &got_len, &err), err);
    close_file(file);
    ck_assert_uint_eq(got_len, len);
    ck_assert_mem_eq(got, bytes, len);
}

/* Change a grafted file at random, and an array likewise. */
static void change_grafted(void *ctx, uint64_t seed)
{
    (void)ctx;
    static uint8_t below_bytes[BELOW];
    static uint8_t model[ROOM];
    size_t size = BELOW;
    fly_rng rng;
    fly_rng_init(&rng, seed);
    setup();
    fly_vfs *below = fly_vfs_mem_create(fly_mem_system());
    make_below(below, "dir/f", &rng, below_bytes, BELOW);
    memset(model, 0, sizeof model);
    memcpy(model, below_bytes, BELOW);
    FLY_CHECK_OK(fly_vfs_mem_graft(vfs, below, "dir", &err), err);
    fly_file *file = open_file("dir/f");
    for (int i = 0; i < 30; i++) {
        size_t offset = (size_t)fly_rng_below(&rng, ROOM);
        size_t len = (size_t)fly_rng_below(&rng, 30000);
        len = len < ROOM - offset ? len : ROOM - offset;
        if (fly_rng_below(&rng, 6) == 0) {
            FLY_CHECK_OK(fly_file_truncate(file, offset, &err), err);
            memset(model + offset, 0, ROOM - offset);
            size = offset;
        } else if (fly_rng_below(&rng, 6) == 0) {
            FLY_CHECK_OK(fly_file_allocate(file, offset, len, &err), err);
            size = len > 0 && offset + len > size ? offset + len : size;
        } else {
            memset(model + offset, i + 1, len);
            FLY_CHECK_OK(fly_file_write(file, offset, model + offset, len, 0, &err), err);
            size = len > 0 && offset + len > size ? offset + len : size;
        }
        expect_file(vfs, "dir/f", model, size);
    }
    close_file(file);
    expect_file(below, "dir/f", below_bytes, BELOW);
    teardown();
    fly_vfs_destroy(below);
}

START_TEST(grafted_files_change_and_those_below_do_not)
{
    teardown(); /* each seed has a vfs of its own */
    ck_assert(fly_test_seeds("changes of a grafted file", 50, change_grafted, NULL));
    setup();
}
END_TEST

START_TEST(a_graft_has_the_whole_tree_and_takes_little_memory)
{
    static uint8_t data[BELOW];
    uint8_t log[10];
    uint8_t other[10];
    fly_rng rng;
    fly_rng_init(&rng, 1);
    fly_vfs *below = fly_vfs_mem_create(fly_mem_system());
    make_below(below, "db/data", &rng, data, BELOW);
    make_below(below, "db/log/1", &rng, log, 10);
    make_below(below, "other", &rng, other, 10);
    FLY_CHECK_OK(fly_vfs_mem_graft(vfs, below, "db", &err), err);
    ck_assert_uint_lt(used(), 4096);
    expect_file(vfs, "db/log/1", log, 10);
    ck_assert(!fly_vfs_exists(vfs, "other"));
    FLY_CHECK_OK(fly_vfs_remove(vfs, "db/data", &err), err);
    FLY_CHECK_OK(fly_vfs_rename(vfs, "db/log/1", "db/log/2", &err), err);
    ck_assert(!fly_vfs_exists(vfs, "db/data"));
    expect_file(vfs, "db/log/2", log, 10);
    ck_assert(fly_vfs_exists(below, "db/data"));
    ck_assert(fly_vfs_exists(below, "db/log/1"));
    FLY_CHECK(fly_vfs_mem_graft(vfs, below, "none", &err), FLY_E_NOT_FOUND, err);
    fly_vfs_destroy(vfs); /* before what lies below it */
    fly_vfs_destroy(below);
    vfs = fly_vfs_mem_create(&account.mem);
}
END_TEST

START_TEST(a_file_that_shrinks_below_is_a_failed_read)
{
    static uint8_t bytes[BELOW];
    fly_rng rng;
    fly_rng_init(&rng, 1);
    fly_file *file = NULL;
    fly_vfs *below = fly_vfs_mem_create(fly_mem_system());
    make_below(below, "d/f", &rng, bytes, BELOW);
    FLY_CHECK_OK(fly_vfs_mem_graft(vfs, below, "d", &err), err);
    FLY_CHECK_OK(fly_file_open(below, "d/f", FLY_OPEN_WRITE, &file, &err), err);
    FLY_CHECK_OK(fly_file_truncate(file, 10, &err), err);
    close_file(file);
    file = open_file("d/f");
    FLY_CHECK(fly_file_read(file, 0, bytes, 20, &err), FLY_E_IO, err);
    FLY_CHECK(fly_file_write(file, 0, bytes, 20, 0, &err), FLY_E_IO, err);
    close_file(file);
    fly_vfs_destroy(vfs);
    fly_vfs_destroy(below);
    vfs = fly_vfs_mem_create(&account.mem);
}
END_TEST

/* ------------------------------------------------------------------------- failures */

/* A bit of everything that allocates. */
static fly_status use_files(fly_sim_env *world, void *ctx)
{
    static const uint8_t bytes[100000];
    fly_vfs *files = fly_vfs_mem_create(world->env.mem);
    if (files == NULL) {
        return FLY_E_NO_MEMORY;
    }
    fly_file *file = NULL;
    unsigned flags = FLY_OPEN_WRITE | FLY_OPEN_CREATE;
    fly_vfs *below = ctx;
    fly_status status = fly_vfs_mem_graft(files, below, "d", NULL);
    if (status == FLY_OK) {
        status = fly_file_open(files, "d/e/f", flags, &file, NULL);
    }
    if (status == FLY_OK) {
        status = fly_file_write(file, 5, bytes, sizeof bytes, 0, NULL);
    }
    if (status == FLY_OK) {
        status = fly_file_allocate(file, 200000, 1, NULL);
    }
    if (status == FLY_OK) {
        status = fly_vfs_rename(files, "d/e/f", "g/h", NULL);
    }
    if (status == FLY_OK) {
        status = fly_vfs_make_dir(files, "i/j", NULL);
    }
    if (status == FLY_OK) {
        status = fly_vfs_remove_tree(files, "i", NULL);
    }
    fly_file_abandon(file);
    fly_vfs_destroy(files);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    fly_test_fault_options options = {.faults = FLY_TEST_MEMORY_ONCE | FLY_TEST_MEMORY_LASTING};
    static uint8_t bytes[BELOW];
    fly_rng rng;
    fly_rng_init(&rng, 1);
    fly_vfs *below = fly_vfs_mem_create(fly_mem_system());
    make_below(below, "d/e/f", &rng, bytes, BELOW);
    ck_assert(fly_test_each_fault("files in memory", &options, use_files, NULL, below));
    fly_vfs_destroy(below);
}
END_TEST

START_TEST(without_memory_there_is_no_vfs)
{
    fly_account_init(&account, fly_mem_system(), "tiny", 10);
    ck_assert_ptr_null(fly_vfs_mem_create(&account.mem));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vfs_mem");
    TCase *tests = fly_test_case(suite, "files in memory");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, directories_need_not_be_made);
    tcase_add_test(tests, a_hole_takes_no_memory);
    tcase_add_test(tests, what_is_removed_or_cut_off_gives_its_memory_back);
    tcase_add_test(tests, without_memory_a_write_does_what_it_can);
    tcase_add_test(tests, a_listing_may_remove_what_it_lists);
    tcase_add_test(tests, the_root_stays);
    tcase_add_test_raise_signal(tests, destroying_it_under_an_open_file_stops_the_program, SIGABRT);

    TCase *grafts = fly_test_case(suite, "grafted directories");
    tcase_add_checked_fixture(grafts, setup, teardown);
    tcase_add_test(grafts, grafted_files_change_and_those_below_do_not);
    tcase_add_test(grafts, a_graft_has_the_whole_tree_and_takes_little_memory);
    tcase_add_test(grafts, a_file_that_shrinks_below_is_a_failed_read);

    TCase *failures = fly_test_case(suite, "memory that fails");
    tcase_add_test(failures, every_allocation_may_fail);
    tcase_add_test(failures, without_memory_there_is_no_vfs);
    return fly_test_run(suite);
}
