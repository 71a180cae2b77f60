/*
 * Goal: the simulated disk loses what a disk may lose, in every way it may, and nothing else; its
 * faults strike when they were told to.
 * Method: small scripts whose outcome is known; for the ways of losing, many seeds, of which each
 * outcome must be allowed and every allowed outcome must occur; and random work against models.
 * That it behaves as a vfs is shown with the others, in libbase/tests/test_vfs_conformance.c.
 */
#include <fly/base_simdisk.h>

#include <fly/base_check.h>
#include <fly/base_hash.h>
#include <fly/base_seeds.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 200, SECTOR = 512, BLOCK = 4096 };

static fly_sim_disk *disk;
static fly_vfs *vfs;
static fly_err err;

static void use_disk(const fly_sim_disk_options *options)
{
    fly_sim_disk_destroy(disk);
    disk = fly_sim_disk_create(options);
    vfs = fly_sim_disk_vfs(disk);
}

static void setup(void)
{
    memset(&err, 0, sizeof err);
    use_disk(NULL);
}

static void teardown(void)
{
    fly_sim_disk_destroy(disk);
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

static void put(fly_file *file, uint64_t offset, const char *text)
{
    FLY_CHECK_OK(fly_file_write(file, offset, text, strlen(text), 0, &err), err);
}

static void put_durable(fly_file *file, uint64_t offset, const char *text)
{
    FLY_CHECK_OK(fly_file_write(file, offset, text, strlen(text), FLY_WRITE_DURABLE, &err), err);
}

static void sync_file(fly_file *file)
{
    FLY_CHECK_OK(fly_file_sync(file, &err), err);
}

static void sync_dir(const char *path)
{
    FLY_CHECK_OK(fly_vfs_sync_dir(vfs, path, &err), err);
}

static void load(const char *path, const char *text)
{
    fly_sim_disk_load(disk, path, fly_bytes_str(text));
}

static void crash(fly_sim_survival survival, uint64_t seed)
{
    fly_sim_disk_crash(disk, survival, seed);
}

/* What a program reads from the file; "none" if there is no such file. Zeros are shown as dots. */
static const char *seen_on(fly_sim_disk *on, const char *path)
{
    static char text[64];
    size_t got = 0;
    fly_file *file = NULL;
    fly_status status = fly_file_open(fly_sim_disk_vfs(on), path, 0, &file, &err);
    if (status == FLY_E_NOT_FOUND) {
        return "none";
    }
    FLY_CHECK(status, FLY_OK, err);
    FLY_CHECK_OK(fly_file_read_some(file, 0, text, sizeof text - 1, &got, &err), err);
    text[got] = '\0';
    for (size_t i = 0; i < got; i++) {
        text[i] = text[i] == '\0' ? '.' : text[i];
    }
    close_file(file);
    return text;
}

static const char *seen(const char *path)
{
    return seen_on(disk, path);
}

/*
 * Crash copies of the disk under many seeds and note which texts the file then has. `allowed` is a
 * list of texts between bars; every one must occur, and no other.
 */
static void expect_outcomes(fly_sim_survival survival, const char *path, const char *allowed)
{
    char missing[256];
    (void)snprintf(missing, sizeof missing, "%s", allowed);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        fly_sim_disk *copy = fly_sim_disk_clone(disk);
        fly_sim_disk_crash(copy, survival, seed);
        char outcome[80];
        (void)snprintf(outcome, sizeof outcome, "|%s|", seen_on(copy, path));
        ck_assert_msg(strstr(allowed, outcome) != NULL, "%s, seed %d: \"%s\" is not among \"%s\"",
                      fly_sim_survival_name(survival), (int)seed, outcome, allowed);
        char *found = strstr(missing, outcome);
        if (found != NULL) {
            memset(found + 1, '#', strlen(outcome) - 2);
        }
        fly_sim_disk_destroy(copy);
    }
    ck_assert_msg(strspn(missing, "|#") == strlen(missing), "%s: never seen: \"%s\"",
                  fly_sim_survival_name(survival), missing);
}

/* ------------------------------------------------------------------- what a sync does */

START_TEST(what_was_not_synced_may_be_gone)
{
    load("f", "old");
    fly_file *file = open_file("f");
    put(file, 0, "new");
    ck_assert_str_eq(seen("f"), "new");
    expect_outcomes(FLY_SIM_KEEP_NONE, "f", "|old|");
    expect_outcomes(FLY_SIM_KEEP_ALL, "f", "|new|");
    expect_outcomes(FLY_SIM_KEEP_PREFIX, "f", "|old|new|");
    expect_outcomes(FLY_SIM_KEEP_SOME, "f", "|old|new|");
    expect_outcomes(FLY_SIM_TEAR_512, "f", "|old|new|");
    sync_file(file);
    expect_outcomes(FLY_SIM_KEEP_NONE, "f", "|new|");
    expect_outcomes(FLY_SIM_TEAR_512, "f", "|new|");
    close_file(file);
}
END_TEST

START_TEST(a_sync_of_data_does_as_much)
{
    load("f", "old");
    fly_file *file = open_file("f");
    put(file, 0, "newer");
    FLY_CHECK_OK(fly_file_sync_data(file, &err), err);
    crash(FLY_SIM_KEEP_NONE, 1);
    ck_assert_str_eq(seen("f"), "newer");
    close_file(file);
}
END_TEST

START_TEST(a_sync_does_nothing_for_other_files)
{
    load("f", "old");
    load("g", "old");
    fly_file *f = open_file("f");
    fly_file *g = open_file("g");
    put(f, 0, "new");
    put(g, 0, "new");
    sync_file(g);
    crash(FLY_SIM_KEEP_NONE, 1);
    ck_assert_str_eq(seen("f"), "old");
    ck_assert_str_eq(seen("g"), "new");
    close_file(f);
    close_file(g);
}
END_TEST

START_TEST(a_synced_file_without_a_synced_name_is_lost)
{
    fly_file *file = open_file("f");
    put(file, 0, "x");
    sync_file(file);
    close_file(file);
    expect_outcomes(FLY_SIM_KEEP_NONE, "f", "|none|");
    expect_outcomes(FLY_SIM_KEEP_SOME, "f", "|none|x|");
    sync_dir(".");
    expect_outcomes(FLY_SIM_KEEP_NONE, "f", "|x|");
}
END_TEST

START_TEST(a_synced_name_without_a_synced_file_is_empty)
{
    fly_file *file = open_file("f");
    put(file, 0, "x");
    sync_dir("/");
    expect_outcomes(FLY_SIM_KEEP_NONE, "f", "||");
    close_file(file);
}
END_TEST

START_TEST(the_name_of_a_directory_is_its_parents_business)
{
    FLY_CHECK_OK(fly_vfs_make_dir(vfs, "d", &err), err);
    fly_file *file = open_file("d/f");
    put(file, 0, "x");
    sync_file(file);
    sync_dir("d");
    close_file(file);
    expect_outcomes(FLY_SIM_KEEP_NONE, "d/f", "|none|");
    sync_dir(".");
    expect_outcomes(FLY_SIM_KEEP_NONE, "d/f", "|x|");
}
END_TEST

START_TEST(lengths_are_lost_and_kept_like_bytes)
{
    load("f", "hello");
    fly_file *file = open_file("f");
    FLY_CHECK_OK(fly_file_truncate(file, 2, &err), err);
    expect_outcomes(FLY_SIM_KEEP_NONE, "f", "|hello|");
    expect_outcomes(FLY_SIM_KEEP_SOME, "f", "|hello|he|");
    sync_file(file);
    expect_outcomes(FLY_SIM_KEEP_NONE, "f", "|he|");
    FLY_CHECK_OK(fly_file_allocate(file, 0, 4, &err), err);
    expect_outcomes(FLY_SIM_KEEP_SOME, "f", "|he|he..|");
    close_file(file);
}
END_TEST

START_TEST(data_and_length_of_an_append_are_lost_apart)
{
    load("f", "a");
    fly_file *file = open_file("f");
    put(file, 1, "b");
    expect_outcomes(FLY_SIM_KEEP_SOME, "f", "|a|a.|ab|");
    put(file, 2, "c");
    expect_outcomes(FLY_SIM_KEEP_SOME, "f", "|a|a.|ab|a..|ab.|a.c|abc|");
    close_file(file);
}
END_TEST

START_TEST(bytes_beyond_a_lost_length_do_not_come_back)
{
    load("f", "a");
    close_file(open_file("f"));
    for (uint64_t seed = 0; seed < 50; seed++) {
        load("f", "a");
        fly_file *file = open_file("f");
        put(file, 1, "b");
        crash(FLY_SIM_KEEP_SOME, seed);
        close_file(file);
        if (strcmp(seen("f"), "a") == 0) {
            file = open_file("f");
            FLY_CHECK_OK(fly_file_truncate(file, 3, &err), err);
            ck_assert_str_eq(seen("f"), "a..");
            close_file(file);
        }
    }
}
END_TEST

/* Cut and extended again, old bytes do not come back through the gap. */
START_TEST(a_cut_that_survives_takes_its_bytes_along)
{
    load("f", "secret");
    fly_file *file = open_file("f");
    FLY_CHECK_OK(fly_file_truncate(file, 0, &err), err);
    put(file, 5, "x");
    expect_outcomes(FLY_SIM_KEEP_ALL, "f", "|.....x|");
    sync_file(file);
    expect_outcomes(FLY_SIM_KEEP_NONE, "f", "|.....x|");
    close_file(file);
}
END_TEST

/* ----------------------------------------------------------------- durable writes */

START_TEST(a_durable_write_keeps_its_bytes_and_no_others)
{
    load("f", "....");
    fly_file *file = open_file("f");
    put(file, 0, "a");
    put_durable(file, 3, "bc");
    expect_outcomes(FLY_SIM_KEEP_NONE, "f", "|...bc|");
    expect_outcomes(FLY_SIM_KEEP_SOME, "f", "|...bc|a..bc|");
    close_file(file);
}
END_TEST

START_TEST(what_was_written_before_does_not_come_back_over_a_durable_write)
{
    load("f", "0");
    fly_file *file = open_file("f");
    put(file, 0, "1");
    put_durable(file, 0, "2");
    for (int survival = 0; survival < FLY_SIM_SURVIVALS; survival++) {
        expect_outcomes((fly_sim_survival)survival, "f", "|2|");
    }
    put(file, 0, "3");
    expect_outcomes(FLY_SIM_KEEP_SOME, "f", "|2|3|");
    close_file(file);
}
END_TEST

START_TEST(durable_writes_alone_leave_nothing_waiting)
{
    load("f", "");
    fly_file *file = open_file("f");
    for (uint64_t i = 0; i < 100; i++) {
        put_durable(file, i, "x");
    }
    ck_assert_uint_eq(fly_sim_disk_waiting(disk), 0);
    put(file, 0, "y");
    put_durable(file, 50, "z");
    ck_assert_uint_gt(fly_sim_disk_waiting(disk), 1);
    sync_file(file);
    ck_assert_uint_eq(fly_sim_disk_waiting(disk), 0);
    close_file(file);
}
END_TEST

/* ------------------------------------------------------------------------- names */

START_TEST(a_rename_is_there_or_not_and_never_half)
{
    load("f", "old");
    fly_file *file = open_file("tmp");
    put(file, 0, "new");
    sync_file(file);
    close_file(file);
    FLY_CHECK_OK(fly_vfs_rename(vfs, "tmp", "f", &err), err);
    ck_assert_str_eq(seen("tmp"), "none");
    expect_outcomes(FLY_SIM_KEEP_NONE, "f", "|old|");
    expect_outcomes(FLY_SIM_KEEP_PREFIX, "f", "|old|new|");
    expect_outcomes(FLY_SIM_KEEP_SOME, "f", "|old|new|");
    expect_outcomes(FLY_SIM_TEAR_512, "f", "|old|new|");
    sync_dir(".");
    expect_outcomes(FLY_SIM_KEEP_NONE, "f", "|new|");
    expect_outcomes(FLY_SIM_KEEP_NONE, "tmp", "|none|");
}
END_TEST

/* The mistake that this disk is for: the new contents were never synced. */
START_TEST(a_rename_of_what_was_not_synced_leaves_an_empty_file)
{
    load("f", "old");
    fly_file *file = open_file("tmp");
    put(file, 0, "new");
    close_file(file);
    FLY_CHECK_OK(fly_vfs_rename(vfs, "tmp", "f", &err), err);
    sync_dir(".");
    expect_outcomes(FLY_SIM_KEEP_NONE, "f", "||");
    expect_outcomes(FLY_SIM_KEEP_SOME, "f", "||...|new|");
}
END_TEST

START_TEST(a_removed_file_may_be_back)
{
    load("f", "x");
    FLY_CHECK_OK(fly_vfs_remove(vfs, "f", &err), err);
    expect_outcomes(FLY_SIM_KEEP_NONE, "f", "|x|");
    expect_outcomes(FLY_SIM_KEEP_SOME, "f", "|x|none|");
    sync_dir(".");
    expect_outcomes(FLY_SIM_KEEP_NONE, "f", "|none|");
}
END_TEST

START_TEST(a_file_made_anew_is_not_the_old_one)
{
    load("f", "old");
    FLY_CHECK_OK(fly_vfs_remove(vfs, "f", &err), err);
    fly_file *file = open_file("f");
    put(file, 0, "new");
    sync_file(file);
    close_file(file);
    expect_outcomes(FLY_SIM_KEEP_SOME, "f", "|old|none|new|");
    sync_dir(".");
    expect_outcomes(FLY_SIM_KEEP_SOME, "f", "|new|");
}
END_TEST

START_TEST(a_rename_between_directories_is_durable_in_both)
{
    load("a/f", "x");
    load("b/g", "y");
    FLY_CHECK_OK(fly_vfs_rename(vfs, "a/f", "b/f", &err), err);
    expect_outcomes(FLY_SIM_KEEP_NONE, "a/f", "|x|");
    expect_outcomes(FLY_SIM_KEEP_NONE, "b/f", "|none|");
    sync_dir("b");
    expect_outcomes(FLY_SIM_KEEP_NONE, "a/f", "|none|");
    expect_outcomes(FLY_SIM_KEEP_NONE, "b/f", "|x|");
}
END_TEST

/* Made in one directory, moved to another, of which only the second is synced: the making must not
 * be applied after the moving. */
START_TEST(a_moved_file_does_not_come_back_where_it_was_made)
{
    load("a/f", "old");
    load("b/x", "");
    fly_file *file = open_file("a/tmp");
    put(file, 0, "new");
    sync_file(file);
    close_file(file);
    FLY_CHECK_OK(fly_vfs_rename(vfs, "a/tmp", "a/f", &err), err);
    FLY_CHECK_OK(fly_vfs_rename(vfs, "a/f", "b/f", &err), err);
    sync_dir("b");
    expect_outcomes(FLY_SIM_KEEP_ALL, "a/f", "|none|");
    expect_outcomes(FLY_SIM_KEEP_ALL, "a/tmp", "|none|");
    expect_outcomes(FLY_SIM_KEEP_ALL, "b/f", "|new|");
    expect_outcomes(FLY_SIM_KEEP_NONE, "b/f", "|new|");
}
END_TEST

/* "c" leaves "b" before "b" moves below it; only what "b" leaves is synced. */
START_TEST(a_directory_moves_after_those_that_moved_before_it)
{
    load("b/c/x", "x");
    load("a/y", "y");
    FLY_CHECK_OK(fly_vfs_rename(vfs, "b/c", "a/c", &err), err);
    FLY_CHECK_OK(fly_vfs_rename(vfs, "b", "a/c/b", &err), err);
    sync_dir(".");
    expect_outcomes(FLY_SIM_KEEP_ALL, "a/c/x", "|x|");
    for (int survival = 0; survival < FLY_SIM_SURVIVALS; survival++) {
        fly_sim_disk *copy = fly_sim_disk_clone(disk);
        fly_sim_disk_crash(copy, (fly_sim_survival)survival, 1);
        FLY_CHECK_OK(fly_vfs_sync_dir(fly_sim_disk_vfs(copy), "a/c/b", &err), err);
        FLY_CHECK(fly_vfs_sync_dir(fly_sim_disk_vfs(copy), "b", &err), FLY_E_NOT_FOUND, err);
        fly_sim_disk_destroy(copy);
    }
}
END_TEST

/* Kept without the second, the first and third would put "a" below itself and out of reach. */
START_TEST(lost_renames_put_no_directory_below_itself)
{
    load("a/f", "x");
    load("b/g", "y");
    FLY_CHECK_OK(fly_vfs_rename(vfs, "b", "a/b", &err), err);
    FLY_CHECK_OK(fly_vfs_rename(vfs, "a/b", "b", &err), err);
    FLY_CHECK_OK(fly_vfs_rename(vfs, "a", "b/a", &err), err);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        fly_sim_disk *copy = fly_sim_disk_clone(disk);
        fly_sim_disk_crash(copy, FLY_SIM_KEEP_SOME, seed);
        ck_assert(fly_vfs_exists(fly_sim_disk_vfs(copy), "a/f") ||
                  fly_vfs_exists(fly_sim_disk_vfs(copy), "b/a/f"));
        fly_sim_disk_destroy(copy);
    }
}
END_TEST

/* The directory that had the file goes, and the file is moved on from where it never arrived. */
START_TEST(a_file_outlives_the_directory_that_it_left)
{
    load("d/f", "x");
    load("e/g", "");
    load("h/g", "");
    FLY_CHECK_OK(fly_vfs_rename(vfs, "d/f", "e/f", &err), err);
    FLY_CHECK_OK(fly_vfs_remove(vfs, "d", &err), err);
    FLY_CHECK_OK(fly_vfs_rename(vfs, "e/f", "h/f", &err), err);
    expect_outcomes(FLY_SIM_KEEP_SOME, "h/f", "|none|x|");
    expect_outcomes(FLY_SIM_KEEP_PREFIX, "h/f", "|none|x|");
}
END_TEST

START_TEST(a_directory_removed_with_its_files_is_gone)
{
    load("d/f", "x");
    FLY_CHECK_OK(fly_vfs_remove_tree(vfs, "d", &err), err);
    expect_outcomes(FLY_SIM_KEEP_NONE, "d/f", "|x|");
    sync_dir(".");
    expect_outcomes(FLY_SIM_KEEP_NONE, "d/f", "|none|");
    expect_outcomes(FLY_SIM_KEEP_SOME, "d/f", "|none|");
}
END_TEST

/* --------------------------------------------------------------- ways of losing */

/* Which of ten appended sectors survived, as a text of digits and dots. */
static const char *surviving_sectors(fly_sim_survival survival, uint64_t seed)
{
    static char text[11];
    char buffer[10 * SECTOR] = {0};
    fly_sim_disk *copy = fly_sim_disk_clone(disk);
    fly_sim_disk_crash(copy, survival, seed);
    FLY_CHECK_OK(fly_sim_disk_dump(copy, "f", buffer, sizeof buffer, NULL), err);
    for (int i = 0; i < 10; i++) {
        text[i] = buffer[i * SECTOR] != 0 ? buffer[i * SECTOR] : '.';
        for (int k = 0; k < SECTOR; k++) { /* a sector is whole or not there */
            FLY_ASSERT(buffer[i * SECTOR + k] == buffer[i * SECTOR]);
        }
    }
    fly_sim_disk_destroy(copy);
    return text;
}

static fly_file *write_ten_sectors(bool at_once)
{
    char bytes[10 * SECTOR];
    fly_sim_disk_load(disk, "f", fly_bytes_of(memset(bytes, 0, sizeof bytes), sizeof bytes));
    fly_file *file = open_file("f");
    for (int i = 0; i < 10; i++) {
        memset(bytes + i * SECTOR, '0' + i, SECTOR);
        if (!at_once) {
            FLY_CHECK_OK(
                fly_file_write(file, (uint64_t)i * SECTOR, bytes + i * SECTOR, SECTOR, 0, &err),
                err);
        }
    }
    if (at_once) {
        FLY_CHECK_OK(fly_file_write(file, 0, bytes, sizeof bytes, 0, &err), err);
    }
    return file;
}

START_TEST(a_prefix_has_no_holes_and_any_length)
{
    fly_file *file = write_ten_sectors(false);
    bool lengths[11] = {false};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        const char *text = surviving_sectors(FLY_SIM_KEEP_PREFIX, seed);
        size_t len = strspn(text, "0123456789");
        ck_assert_uint_eq(strspn(text + len, "."), 10 - len);
        lengths[len] = true;
    }
    for (int i = 0; i <= 10; i++) {
        ck_assert_msg(lengths[i], "no prefix of %d", i);
    }
    close_file(file);
}
END_TEST

START_TEST(a_later_write_survives_an_earlier_one)
{
    fly_file *file = write_ten_sectors(false);
    int reordered = 0;
    int all = 0;
    int none = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        const char *text = surviving_sectors(FLY_SIM_KEEP_SOME, seed);
        reordered += text[0] == '.' && text[9] == '9';
        all += strchr(text, '.') == NULL;
        none += strspn(text, ".") == 10;
    }
    ck_assert_int_gt(reordered, 0);
    ck_assert_int_gt(all, 0); /* the chances are uneven on purpose, so that extremes occur */
    ck_assert_int_gt(none, 0);
    close_file(file);
}
END_TEST

START_TEST(a_write_that_is_not_torn_is_whole)
{
    fly_file *file = write_ten_sectors(true);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        const char *text = surviving_sectors(FLY_SIM_KEEP_SOME, seed);
        ck_assert(strcmp(text, "0123456789") == 0 || strcmp(text, "..........") == 0);
    }
    close_file(file);
}
END_TEST

START_TEST(a_write_tears_between_sectors)
{
    fly_file *file = write_ten_sectors(true);
    bool torn[10] = {false}; /* between sector i and the one after it */
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        const char *text = surviving_sectors(FLY_SIM_TEAR_512, seed);
        for (int i = 0; i < 9; i++) {
            torn[i] = torn[i] || (text[i] == '.') != (text[i + 1] == '.');
        }
    }
    for (int i = 0; i < 9; i++) {
        ck_assert_msg(torn[i], "never torn after sector %d", i);
    }
    close_file(file);
}
END_TEST

START_TEST(a_write_tears_between_blocks_and_not_within_them)
{
    fly_file *file = write_ten_sectors(true);
    int torn = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        const char *text = surviving_sectors(FLY_SIM_TEAR_4096, seed);
        ck_assert(strncmp(text, "01234567", 8) == 0 || strncmp(text, "........", 8) == 0);
        ck_assert(strcmp(text + 8, "89") == 0 || strcmp(text + 8, "..") == 0);
        torn += (text[0] == '.') != (text[9] == '.');
    }
    ck_assert_int_gt(torn, 0);
    close_file(file);
}
END_TEST

/* Sectors lie where the device has them, not where the write begins. */
START_TEST(a_write_across_sectors_tears_where_they_meet)
{
    static uint8_t bytes[3 * SECTOR];
    fly_sim_disk_load(disk, "f", fly_bytes_of(memset(bytes, '.', sizeof bytes), sizeof bytes));
    fly_file *file = open_file("f");
    memset(bytes, 'x', sizeof bytes);
    FLY_CHECK_OK(fly_file_write(file, SECTOR / 2, bytes, 2 * SECTOR, 0, &err), err);
    int torn = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        fly_sim_disk *copy = fly_sim_disk_clone(disk);
        fly_sim_disk_crash(copy, FLY_SIM_TEAR_512, seed);
        FLY_CHECK_OK(fly_sim_disk_dump(copy, "f", bytes, sizeof bytes, NULL), err);
        torn += bytes[SECTOR - 1] != bytes[SECTOR];
        FLY_ASSERT(bytes[SECTOR / 2] == bytes[SECTOR - 1]);
        FLY_ASSERT(bytes[SECTOR] == bytes[2 * SECTOR - 1]);
        FLY_ASSERT(bytes[0] == '.' && bytes[3 * SECTOR - 1] == '.');
        fly_sim_disk_destroy(copy);
    }
    ck_assert_int_gt(torn, 0);
    close_file(file);
}
END_TEST

START_TEST(one_seed_one_outcome)
{
    fly_file *file = write_ten_sectors(true);
    for (uint64_t seed = 0; seed < 20; seed++) {
        char first[16];
        (void)snprintf(first, sizeof first, "%s", surviving_sectors(FLY_SIM_TEAR_512, seed));
        ck_assert_str_eq(surviving_sectors(FLY_SIM_TEAR_512, seed), first);
    }
    close_file(file);
}
END_TEST

/* ------------------------------------------------------------------- after a crash */

START_TEST(handles_from_before_a_crash_are_dead_and_close)
{
    load("f", "old");
    fly_file *file = open_file("f");
    FLY_CHECK_OK(fly_file_lock(file, &err), err);
    crash(FLY_SIM_KEEP_ALL, 1);
    char byte;
    uint64_t size;
    FLY_CHECK(fly_file_read(file, 0, &byte, 1, &err), FLY_E_IO, err);
    FLY_CHECK(fly_file_write(file, 0, "x", 1, 0, &err), FLY_E_IO, err);
    FLY_CHECK(fly_file_sync(file, &err), FLY_E_IO, err);
    FLY_CHECK(fly_file_truncate(file, 0, &err), FLY_E_IO, err);
    FLY_CHECK(fly_file_allocate(file, 0, 1, &err), FLY_E_IO, err);
    FLY_CHECK(fly_file_size(file, &size, &err), FLY_E_IO, err);
    FLY_CHECK(fly_file_lock(file, &err), FLY_E_IO, err);
    ck_assert_uint_eq(fly_sim_disk_handles(disk), 0);
    fly_file *again = open_file("f");
    FLY_CHECK_OK(fly_file_lock(again, &err), err);
    close_file(file);
    close_file(again);
    ck_assert_str_eq(seen("f"), "old");
}
END_TEST

START_TEST(a_removed_file_that_was_open_is_gone_after_a_crash)
{
    load("f", "x");
    fly_file *file = open_file("f");
    FLY_CHECK_OK(fly_vfs_remove(vfs, "f", &err), err);
    sync_dir(".");
    put(file, 0, "y");
    sync_file(file);
    crash(FLY_SIM_KEEP_ALL, 1);
    ck_assert_str_eq(seen("f"), "none");
    close_file(file);
}
END_TEST

/* ------------------------------------------------------------------- failed syncs */

/* After a failed sync and one that succeeds, is the data there? It must be possible either way, and
 * readers must not notice before the crash. */
START_TEST(what_a_failed_sync_covered_may_be_lost_for_good)
{
    int lost = 0;
    int kept = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        use_disk(&(fly_sim_disk_options){.seed = seed});
        load("f", "old");
        fly_file *file = open_file("f");
        put(file, 0, "new");
        fly_sim_disk_arm(disk, &(fly_sim_fault){.calls = FLY_SIM_SYNC});
        FLY_CHECK(fly_file_sync(file, &err), FLY_E_IO, err);
        sync_file(file);
        ck_assert_str_eq(seen("f"), "new");
        ck_assert_uint_eq(fly_sim_disk_waiting(disk), 0);
        crash(FLY_SIM_KEEP_ALL, seed);
        lost += strcmp(seen("f"), "old") == 0;
        kept += strcmp(seen("f"), "new") == 0;
        close_file(file);
    }
    ck_assert_int_eq(lost + kept, 50);
    ck_assert_int_gt(lost, 0);
    ck_assert_int_gt(kept, 0);
}
END_TEST

START_TEST(a_failed_sync_spares_what_was_durable_and_what_comes_after)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        use_disk(&(fly_sim_disk_options){.seed = seed});
        load("f", "0123");
        fly_file *file = open_file("f");
        put(file, 1, "a");
        fly_sim_disk_arm(disk, &(fly_sim_fault){.calls = FLY_SIM_SYNC});
        FLY_CHECK(fly_file_sync_data(file, &err), FLY_E_IO, err);
        put(file, 2, "b");
        sync_file(file);
        crash(FLY_SIM_KEEP_NONE, seed);
        ck_assert_int_eq(seen("f")[0], '0');
        ck_assert_int_eq(seen("f")[2], 'b');
        ck_assert_int_eq(seen("f")[3], '3');
        close_file(file);
    }
}
END_TEST

/* Durable when it returned, although it has to wait for what was written before it. */
START_TEST(a_failed_sync_spares_durable_writes)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        use_disk(&(fly_sim_disk_options){.seed = seed});
        load("f", "0123");
        fly_file *file = open_file("f");
        put(file, 1, "a");
        put_durable(file, 2, "d");
        fly_sim_disk_arm(disk, &(fly_sim_fault){.calls = FLY_SIM_SYNC});
        FLY_CHECK(fly_file_sync(file, &err), FLY_E_IO, err);
        crash(FLY_SIM_KEEP_NONE, seed);
        ck_assert_int_eq(seen("f")[2], 'd');
        close_file(file);
    }
}
END_TEST

START_TEST(a_failed_sync_of_a_directory_leaves_its_names_in_doubt)
{
    int lost = 0;
    int kept = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        use_disk(&(fly_sim_disk_options){.seed = seed});
        close_file(open_file("f"));
        fly_sim_disk_arm(disk, &(fly_sim_fault){.calls = FLY_SIM_SYNC_DIR});
        FLY_CHECK(fly_vfs_sync_dir(vfs, ".", &err), FLY_E_IO, err);
        sync_dir(".");
        ck_assert_str_eq(seen("f"), "");
        crash(FLY_SIM_KEEP_ALL, seed);
        lost += strcmp(seen("f"), "none") == 0;
        kept += strcmp(seen("f"), "") == 0;
    }
    ck_assert_int_gt(lost, 0);
    ck_assert_int_gt(kept, 0);
}
END_TEST

START_TEST(a_failed_durable_write_is_in_doubt)
{
    int lost = 0;
    int kept = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        use_disk(&(fly_sim_disk_options){.seed = seed});
        load("f", "old");
        fly_file *file = open_file("f");
        fly_sim_disk_arm(disk, &(fly_sim_fault){.calls = FLY_SIM_WRITE});
        FLY_CHECK(fly_file_write(file, 0, "new", 3, FLY_WRITE_DURABLE, &err), FLY_E_IO, err);
        crash(FLY_SIM_KEEP_ALL, seed);
        lost += strcmp(seen("f"), "old") == 0;
        kept += strcmp(seen("f"), "new") == 0;
        close_file(file);
    }
    ck_assert_int_eq(lost + kept, 50);
    ck_assert_int_gt(lost, 0);
    ck_assert_int_gt(kept, 0);
}
END_TEST

/* ------------------------------------------------------------------------- faults */

START_TEST(a_fault_strikes_the_call_it_was_told_to)
{
    fly_file *file = open_file("f");
    fly_sim_disk_arm(disk, &(fly_sim_fault){.calls = FLY_SIM_WRITE, .at = 2, .error = ENOSPC});
    put(file, 0, "a");
    sync_file(file); /* does not count */
    put(file, 1, "b");
    FLY_CHECK(fly_file_write(file, 2, "c", 1, 0, &err), FLY_E_NO_SPACE, err);
    ck_assert_int_eq(err.os_errno, ENOSPC);
    ck_assert_uint_eq(fly_sim_disk_strikes(disk), 1);
    put(file, 2, "d");
    ck_assert_str_eq(seen("f"), "abd");
    close_file(file);
}
END_TEST

START_TEST(a_lasting_fault_strikes_until_it_is_disarmed)
{
    fly_file *file = open_file("f");
    fly_sim_disk_arm(disk, &(fly_sim_fault){.at = 1, .lasting = true});
    put(file, 0, "a");
    FLY_CHECK(fly_file_write(file, 1, "b", 1, 0, &err), FLY_E_IO, err);
    FLY_CHECK(fly_file_sync(file, &err), FLY_E_IO, err);
    FLY_CHECK(fly_vfs_remove(vfs, "f", &err), FLY_E_IO, err);
    FLY_CHECK(fly_vfs_sync_dir(vfs, ".", &err), FLY_E_IO, err);
    ck_assert_uint_eq(fly_sim_disk_strikes(disk), 4);
    fly_sim_disk_disarm(disk);
    ck_assert_uint_eq(fly_sim_disk_strikes(disk), 0);
    put(file, 1, "b");
    ck_assert_str_eq(seen("f"), "ab");
    close_file(file);
}
END_TEST

static void ignore_name(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
}

START_TEST(every_kind_of_call_can_be_struck)
{
    uint64_t size;
    char byte;
    fly_file *other = NULL;
    load("d/f", "x");
    for (unsigned kind = 1; kind < FLY_SIM_ALL; kind *= 2) {
        fly_file *file = open_file("f");
        /* Of the two closes below it is the second that counts its failure. */
        fly_sim_disk_arm(disk, &(fly_sim_fault){.calls = kind, .at = kind == FLY_SIM_CLOSE});
        int failures = 0;
        failures += fly_file_open(vfs, "d/f", 0, &other, NULL) != FLY_OK;
        fly_file_abandon(kind == FLY_SIM_OPEN ? NULL : other);
        failures += fly_file_write(file, 0, "x", 1, 0, NULL) != FLY_OK;
        failures += fly_file_read(file, 0, &byte, 1, NULL) == FLY_E_IO;
        failures += fly_file_sync(file, NULL) != FLY_OK;
        failures += fly_file_truncate(file, 1, NULL) != FLY_OK;
        failures += fly_file_allocate(file, 0, 1, NULL) != FLY_OK;
        failures += fly_file_size(file, &size, NULL) != FLY_OK;
        failures += fly_file_lock(file, NULL) != FLY_OK;
        failures += fly_vfs_rename(vfs, "d/f", "d/g", NULL) != FLY_OK;
        failures += kind != FLY_SIM_RENAME && fly_vfs_rename(vfs, "d/g", "d/f", NULL) != FLY_OK;
        failures += fly_vfs_remove(vfs, "f", NULL) != FLY_OK;
        failures += fly_vfs_make_dir(vfs, "e", NULL) != FLY_OK;
        failures += fly_vfs_sync_dir(vfs, "d", NULL) != FLY_OK;
        failures += fly_vfs_list(vfs, "d", ignore_name, NULL, NULL) != FLY_OK;
        failures += fly_file_close(file, NULL) != FLY_OK;
        ck_assert_msg(failures == 1, "kind %u: %d failures", kind, failures);
        ck_assert_uint_eq(fly_sim_disk_strikes(disk), 1);
        fly_sim_disk_disarm(disk);
        FLY_IGNORE(fly_vfs_remove(vfs, "f", NULL));
        FLY_IGNORE(fly_vfs_remove(vfs, "e", NULL));
    }
}
END_TEST

START_TEST(interruptions_and_short_counts_are_hidden_by_the_wrappers)
{
    char text[40] = "";
    fly_file *file = open_file("f");
    fly_sim_disk_arm(disk, &(fly_sim_fault){.error = EINTR});
    fly_sim_disk_arm(disk, &(fly_sim_fault){.trouble = FLY_SIM_SHORT, .calls = FLY_SIM_WRITE});
    put(file, 0, "the quick brown fox jumps");
    ck_assert_uint_eq(fly_sim_disk_strikes(disk), 2);
    ck_assert_uint_eq(fly_sim_disk_calls(disk, FLY_SIM_WRITE), 3);
    fly_sim_disk_arm(disk, &(fly_sim_fault){.trouble = FLY_SIM_SHORT, .lasting = true});
    FLY_CHECK_OK(fly_file_read(file, 0, text, 25, &err), err);
    ck_assert_str_eq(text, "the quick brown fox jumps");
    ck_assert_uint_gt(fly_sim_disk_calls(disk, FLY_SIM_READ), 1);
    close_file(file);
}
END_TEST

START_TEST(a_lost_write_says_that_it_succeeded)
{
    load("f", "old");
    fly_file *file = open_file("f");
    fly_sim_disk_arm(disk, &(fly_sim_fault){.trouble = FLY_SIM_LOSES});
    put_durable(file, 0, "new");
    ck_assert_str_eq(seen("f"), "old");
    ck_assert_uint_eq(fly_sim_disk_strikes(disk), 1);
    close_file(file);
}
END_TEST

START_TEST(a_misdirected_write_lands_elsewhere)
{
    char bytes[3 * SECTOR];
    char sector[SECTOR];
    memset(bytes, '.', sizeof bytes);
    memset(sector, 'x', sizeof sector);
    fly_sim_disk_load(disk, "f", fly_bytes_of(bytes, sizeof bytes));
    fly_file *file = open_file("f");
    fly_sim_disk_arm(disk, &(fly_sim_fault){.trouble = FLY_SIM_MISDIRECTS, .shift = -SECTOR});
    FLY_CHECK_OK(fly_file_write(file, 2 * SECTOR, sector, SECTOR, FLY_WRITE_DURABLE, &err), err);
    FLY_CHECK_OK(fly_sim_disk_dump(disk, "f", bytes, sizeof bytes, NULL), err);
    ck_assert_int_eq(bytes[0], '.');
    ck_assert_int_eq(bytes[SECTOR], 'x');
    ck_assert_int_eq(bytes[2 * SECTOR], '.');

    fly_sim_disk_arm(disk, &(fly_sim_fault){.trouble = FLY_SIM_DUPLICATES, .shift = -2 * SECTOR});
    FLY_CHECK_OK(fly_file_write(file, 2 * SECTOR, sector, SECTOR, FLY_WRITE_DURABLE, &err), err);
    FLY_CHECK_OK(fly_sim_disk_dump(disk, "f", bytes, sizeof bytes, NULL), err);
    ck_assert_int_eq(bytes[0], 'x');
    ck_assert_int_eq(bytes[2 * SECTOR], 'x');
    close_file(file);
}
END_TEST

/* -------------------------------------------------------------------------- crashes */

START_TEST(after_power_is_gone_every_call_fails_until_it_is_back)
{
    load("f", "old");
    fly_file *file = open_file("f");
    fly_file *none = NULL;
    fly_sim_disk_arm(disk, &(fly_sim_fault){.trouble = FLY_SIM_CRASHES, .at = 1});
    put(file, 0, "new");
    ck_assert(!fly_sim_disk_is_off(disk));
    FLY_CHECK(fly_file_sync(file, &err), FLY_E_IO, err);
    ck_assert(fly_sim_disk_is_off(disk));
    FLY_CHECK(fly_file_open(vfs, "f", 0, &none, &err), FLY_E_IO, err);
    FLY_CHECK(fly_vfs_rename(vfs, "f", "g", &err), FLY_E_IO, err);
    FLY_CHECK(fly_file_close(file, &err), FLY_E_IO, err); /* closed all the same */
    ck_assert_uint_eq(fly_sim_disk_handles(disk), 0);
    expect_outcomes(FLY_SIM_KEEP_NONE, "f", "|old|");
    expect_outcomes(FLY_SIM_KEEP_SOME, "f", "|old|new|");
    crash(FLY_SIM_KEEP_NONE, 1);
    ck_assert(!fly_sim_disk_is_off(disk));
    ck_assert_str_eq(seen("f"), "old");
}
END_TEST

START_TEST(a_crash_disarms_all_faults)
{
    load("f", "old");
    fly_sim_disk_arm(disk, &(fly_sim_fault){.lasting = true});
    crash(FLY_SIM_KEEP_ALL, 1);
    ck_assert_str_eq(seen("f"), "old");
    ck_assert_uint_eq(fly_sim_disk_strikes(disk), 0);
}
END_TEST

START_TEST(the_call_under_way_may_have_happened)
{
    load("f", "old");
    load("g", "gone");
    fly_file *file = open_file("f");
    fly_sim_disk *before = fly_sim_disk_clone(disk);

    fly_sim_disk_arm(disk, &(fly_sim_fault){.trouble = FLY_SIM_CRASHES, .calls = FLY_SIM_WRITE});
    FLY_CHECK(fly_file_write(file, 0, "new", 3, FLY_WRITE_DURABLE, &err), FLY_E_IO, err);
    expect_outcomes(FLY_SIM_KEEP_SOME, "f", "|old|new|");

    fly_sim_disk_destroy(disk);
    disk = before;
    vfs = fly_sim_disk_vfs(disk);
    fly_sim_disk_arm(disk, &(fly_sim_fault){.trouble = FLY_SIM_CRASHES, .calls = FLY_SIM_RENAME});
    FLY_CHECK(fly_vfs_rename(vfs, "f", "g", &err), FLY_E_IO, err);
    expect_outcomes(FLY_SIM_KEEP_SOME, "g", "|gone|old|");
}
END_TEST

START_TEST(a_call_that_would_have_failed_can_crash_too)
{
    fly_file *none = NULL;
    fly_sim_disk_arm(disk, &(fly_sim_fault){.trouble = FLY_SIM_CRASHES});
    FLY_CHECK(fly_file_open(vfs, "none", 0, &none, &err), FLY_E_IO, err);
    ck_assert(fly_sim_disk_is_off(disk));
}
END_TEST

struct watching {
    int calls;
    int waiting; /* calls that found operations waiting */
    char outcomes[256];
};

static void watch(void *ctx, fly_sim_disk *on, uint64_t call)
{
    struct watching *watching = ctx;
    (void)call;
    watching->calls++;
    watching->waiting += fly_sim_disk_waiting(on) > 0;
    fly_sim_disk *copy = fly_sim_disk_clone(on);
    fly_sim_disk_crash(copy, FLY_SIM_KEEP_NONE, 1);
    strcat(watching->outcomes, seen_on(copy, "f"));
    strcat(watching->outcomes, " ");
    fly_sim_disk_destroy(copy);
}

START_TEST(a_watcher_sees_every_change_before_it_is_durable)
{
    struct watching watching = {0};
    char byte;
    load("f", "0");
    fly_sim_disk_watch(disk, watch, &watching);
    fly_file *file = open_file("f");
    put(file, 0, "1");
    FLY_CHECK_OK(fly_file_read(file, 0, &byte, 1, &err), err); /* changes nothing */
    sync_file(file);
    put_durable(file, 0, "2");
    put(file, 0, "3");
    fly_sim_disk_watch(disk, NULL, NULL);
    sync_file(file);
    ck_assert_str_eq(watching.outcomes, "0 0 1 2 ");
    ck_assert_int_eq(watching.calls, 4);
    ck_assert_int_eq(watching.waiting, 4);
    close_file(file);
}
END_TEST

START_TEST(a_clone_goes_its_own_way)
{
    load("d/f", "old");
    fly_file *file = open_file("d/f");
    put(file, 0, "new");
    fly_sim_disk *clone = fly_sim_disk_clone(disk);
    ck_assert_uint_eq(fly_sim_disk_handles(clone), 0);
    ck_assert_uint_eq(fly_sim_disk_waiting(clone), 1);
    sync_file(file);
    put(file, 0, "two");
    fly_sim_disk_crash(clone, FLY_SIM_KEEP_NONE, 1);
    ck_assert_str_eq(seen_on(clone, "d/f"), "old");
    ck_assert_str_eq(seen("d/f"), "two");
    fly_sim_disk_destroy(clone);
    crash(FLY_SIM_KEEP_NONE, 1);
    ck_assert_str_eq(seen("d/f"), "new");
    close_file(file);
}
END_TEST

/* -------------------------------------------------------------------------- capacity */

static uint8_t block[BLOCK];

static fly_status write_block(fly_file *file, uint64_t number)
{
    return fly_file_write(file, number * BLOCK, block, BLOCK, 0, &err);
}

START_TEST(a_full_disk_refuses_and_has_room_again)
{
    use_disk(&(fly_sim_disk_options){.capacity_bytes = 3 * BLOCK});
    fly_file *f = open_file("f");
    fly_file *g = open_file("g");
    FLY_CHECK_OK(write_block(f, 0), err);
    FLY_CHECK_OK(write_block(g, 7), err);
    FLY_CHECK_OK(write_block(f, 2), err);
    FLY_CHECK(write_block(f, 1), FLY_E_NO_SPACE, err);
    FLY_CHECK_OK(write_block(f, 0), err); /* what is there can be overwritten */
    FLY_CHECK_OK(fly_file_truncate(f, BLOCK, &err), err);
    FLY_CHECK_OK(write_block(f, 1), err);
    FLY_CHECK_OK(fly_vfs_remove(vfs, "g", &err), err);
    FLY_CHECK(write_block(f, 2), FLY_E_NO_SPACE, err); /* still open */
    close_file(g);
    FLY_CHECK_OK(write_block(f, 2), err);
    FLY_CHECK(write_block(f, 3), FLY_E_NO_SPACE, err);
    fly_sim_disk_set_capacity(disk, 0);
    FLY_CHECK_OK(write_block(f, 3), err);
    close_file(f);
}
END_TEST

START_TEST(a_write_that_only_partly_fits_is_short)
{
    use_disk(&(fly_sim_disk_options){.capacity_bytes = 2 * BLOCK});
    fly_file *file = open_file("f");
    static uint8_t bytes[4 * BLOCK];
    FLY_CHECK(fly_file_write(file, 100, bytes, sizeof bytes, 0, &err), FLY_E_NO_SPACE, err);
    uint64_t size = 0;
    FLY_CHECK_OK(fly_file_size(file, &size, &err), err);
    ck_assert_uint_eq(size, 2 * BLOCK);
    close_file(file);
}
END_TEST

START_TEST(reserved_space_cannot_run_out)
{
    use_disk(&(fly_sim_disk_options){.capacity_bytes = 3 * BLOCK});
    fly_file *f = open_file("f");
    fly_file *g = open_file("g");
    FLY_CHECK(fly_file_allocate(f, 0, 4 * BLOCK, &err), FLY_E_NO_SPACE, err);
    FLY_CHECK_OK(fly_file_allocate(f, 0, 2 * BLOCK, &err), err);
    FLY_CHECK_OK(write_block(g, 0), err);
    FLY_CHECK(write_block(g, 1), FLY_E_NO_SPACE, err);
    FLY_CHECK_OK(write_block(f, 0), err);
    FLY_CHECK_OK(write_block(f, 1), err);
    close_file(f);
    close_file(g);
}
END_TEST

START_TEST(after_a_crash_only_what_is_there_takes_room)
{
    use_disk(&(fly_sim_disk_options){.capacity_bytes = 2 * BLOCK});
    load("f", "x");
    fly_file *file = open_file("f");
    FLY_CHECK_OK(write_block(file, 1), err);
    FLY_CHECK(write_block(file, 2), FLY_E_NO_SPACE, err);
    crash(FLY_SIM_KEEP_NONE, 1);
    close_file(file);
    file = open_file("f");
    FLY_CHECK_OK(write_block(file, 2), err);
    FLY_CHECK(write_block(file, 3), FLY_E_NO_SPACE, err);
    close_file(file);
}
END_TEST

/* --------------------------------------------------------------------- past the cache */

START_TEST(past_the_cache_everything_must_be_aligned)
{
    use_disk(&(fly_sim_disk_options){.direct = true});
    static _Alignas(BLOCK) uint8_t buffer[4 * BLOCK];
    fly_file *file = NULL;
    fly_file *cached = open_file("f");
    ck_assert(!fly_file_direct(cached));
    FLY_CHECK_OK(fly_file_open(vfs, "f", FLY_OPEN_WRITE | FLY_OPEN_DIRECT, &file, &err), err);
    ck_assert(fly_file_direct(file));
    FLY_CHECK_OK(fly_file_write(file, BLOCK, buffer, 2 * BLOCK, 0, &err), err);
    FLY_CHECK(fly_file_write(file, SECTOR, buffer, BLOCK, 0, &err), FLY_E_IO, err);
    ck_assert_int_eq(err.os_errno, EINVAL);
    FLY_CHECK(fly_file_write(file, 0, buffer, SECTOR, 0, &err), FLY_E_IO, err);
    FLY_CHECK(fly_file_write(file, 0, buffer + SECTOR, BLOCK, 0, &err), FLY_E_IO, err);
    FLY_CHECK(fly_file_read(file, 1, buffer, BLOCK, &err), FLY_E_IO, err);
    for (int i = 0; i < 20; i++) { /* short ones are whole blocks */
        fly_sim_disk_arm(disk, &(fly_sim_fault){.trouble = FLY_SIM_SHORT, .calls = FLY_SIM_WRITE});
        FLY_CHECK_OK(fly_file_write(file, 0, buffer, 4 * BLOCK, 0, &err), err);
        fly_sim_disk_arm(disk, &(fly_sim_fault){.trouble = FLY_SIM_SHORT, .calls = FLY_SIM_READ});
        FLY_CHECK_OK(fly_file_read(file, 0, buffer, 4 * BLOCK, &err), err);
    }
    ck_assert_uint_eq(fly_sim_disk_strikes(disk), 40);
    close_file(file);
    close_file(cached);
}
END_TEST

/* -------------------------------------------------------------------- tests' own access */

START_TEST(tests_can_look_at_the_medium_and_change_it)
{
    char text[16] = "";
    uint64_t len = 0;
    load("a/b/f", "hello");
    FLY_CHECK_OK(fly_sim_disk_dump(disk, "a/b/f", text, sizeof text, &len), err);
    ck_assert_uint_eq(len, 5);
    ck_assert_str_eq(text, "hello");
    FLY_CHECK(fly_sim_disk_dump(disk, "a/b", text, sizeof text, &len), FLY_E_NOT_FOUND, err);

    FLY_CHECK_OK(fly_sim_disk_poke(disk, "a/b/f", 1, fly_bytes_str("u")), err);
    ck_assert_str_eq(seen("a/b/f"), "hullo");
    FLY_CHECK(fly_sim_disk_poke(disk, "a/b/f", 5, fly_bytes_str("!")), FLY_E_INVALID, err);
    FLY_CHECK(fly_sim_disk_poke(disk, "none", 0, fly_bytes_str("!")), FLY_E_NOT_FOUND, err);
    FLY_CHECK_OK(fly_sim_disk_flip(disk, "a/b/f", 8 * 4 + 1), err); /* 'o' ^ 2 */
    ck_assert_str_eq(seen("a/b/f"), "hullm");
    FLY_CHECK(fly_sim_disk_flip(disk, "a/b/f", 40), FLY_E_INVALID, err);
    crash(FLY_SIM_KEEP_NONE, 1);
    ck_assert_str_eq(seen("a/b/f"), "hullm");

    load("a/b/f", "new");
    crash(FLY_SIM_KEEP_NONE, 1);
    ck_assert_str_eq(seen("a/b/f"), "new");
}
END_TEST

START_TEST(calls_are_numbered_and_remembered)
{
    char text[1024];
    char small[90];
    fly_file *file = open_file("f");
    put(file, 10, "hello");
    fly_sim_disk_arm(disk, &(fly_sim_fault){.calls = FLY_SIM_SYNC});
    FLY_IGNORE(fly_file_sync(file, NULL));
    close_file(file);
    fly_sim_disk_history(disk, text, sizeof text);
    ck_assert_str_eq(text, "#0 open \"f\" 0+0 = 0\n#1 write \"f\" 10+5 = 5\n"
                           "#2 sync \"f\" 0+0 = -5\n#3 close \"f\" 0+0 = 0\n");
    fly_sim_disk_history(disk, small, 47);
    ck_assert_str_eq(small, "#2 sync \"f\" 0+0 = -5\n#3 close \"f\" 0+0 = 0\n");
    fly_sim_disk_history(disk, small, 1);
    ck_assert_str_eq(small, "");
    ck_assert_uint_eq(fly_sim_disk_calls(disk, 0), 4);
    ck_assert_uint_eq(fly_sim_disk_calls(disk, FLY_SIM_WRITE | FLY_SIM_CLOSE), 2);
    for (int i = 0; i < 300; i++) {
        (void)seen("f");
    }
    fly_sim_disk_history(disk, text, sizeof text);
    FLY_CHECK_SAYS(text, "#1203 close");
}
END_TEST

/* ---------------------------------------------------------------------- random work */

/*
 * Sectors of a few files are written whole, each time with a new number, and synced now and then.
 * The model keeps for every sector the number that is durable and all that were written since.
 */
enum { FILES = 3, SECTORS = 24, VERSIONS = 400 };

static const char *const paths[FILES] = {"f0", "f1", "f2"};

struct model {
    uint32_t durable[FILES][SECTORS];
    bool since[FILES][SECTORS][VERSIONS]; /* written and not known to be durable */
    uint32_t seen[FILES][SECTORS];
    uint32_t next;
};

static void fill(uint32_t *sectors, uint32_t first, int count)
{
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < SECTOR / 4; k++) {
            sectors[i * SECTOR / 4 + k] = first + (uint32_t)i;
        }
    }
}

static void write_some(fly_rng *rng, fly_file **files, struct model *model)
{
    static uint32_t bytes[SECTORS * SECTOR / 4];
    uint64_t file = fly_rng_below(rng, FILES);
    uint64_t first = fly_rng_below(rng, SECTORS);
    int count = (int)(1 + fly_rng_below(rng, SECTORS - first));
    bool durable = fly_rng_below(rng, 4) == 0;
    if (model->next + (uint32_t)count >= VERSIONS) {
        return;
    }
    fill(bytes, model->next, count);
    FLY_CHECK_OK(fly_file_write(files[file], first * SECTOR, bytes, (size_t)count * SECTOR,
                                durable ? FLY_WRITE_DURABLE : 0, &err),
                 err);
    for (int i = 0; i < count; i++) {
        uint64_t sector = first + (uint64_t)i;
        uint32_t version = model->next++;
        model->seen[file][sector] = version;
        if (durable) {
            memset(model->since[file][sector], 0, sizeof model->since[file][sector]);
            model->durable[file][sector] = version;
        } else {
            model->since[file][sector][version] = true;
        }
    }
}

static void sync_one(fly_rng *rng, fly_file **files, struct model *model)
{
    uint64_t file = fly_rng_below(rng, FILES);
    sync_file(files[file]);
    memset(model->since[file], 0, sizeof model->since[file]);
    memcpy(model->durable[file], model->seen[file], sizeof model->seen[file]);
}

static void check_survivors(fly_sim_survival survival, struct model *model)
{
    for (uint64_t f = 0; f < FILES; f++) {
        static uint32_t bytes[SECTORS * SECTOR / 4];
        FLY_CHECK_OK(fly_sim_disk_dump(disk, paths[f], bytes, sizeof bytes, NULL), err);
        for (int s = 0; s < SECTORS; s++) {
            uint32_t version = bytes[s * SECTOR / 4];
            bool ok = version == model->durable[f][s] ||
                      (version < VERSIONS && model->since[f][s][version]);
            ok = ok && version == bytes[s * SECTOR / 4 + SECTOR / 4 - 1];
            ok = survival == FLY_SIM_KEEP_NONE ? version == model->durable[f][s] : ok;
            ok = survival == FLY_SIM_KEEP_ALL ? version == model->seen[f][s] : ok;
            if (!ok) { /* asked first, because Check takes its time over each assertion */
                ck_abort_msg("%s: file %d sector %d has version %u",
                             fly_sim_survival_name(survival), (int)f, s, version);
            }
            model->durable[f][s] = version;
            model->seen[f][s] = version;
        }
    }
    memset(model->since, 0, sizeof model->since);
}

static void random_writes(void *ctx, uint64_t seed)
{
    (void)ctx;
    static const uint8_t zeros[SECTORS * SECTOR];
    fly_rng rng;
    fly_rng_init(&rng, seed);
    use_disk(NULL);
    struct model *model = calloc(1, sizeof *model);
    ck_assert_ptr_nonnull(model);
    model->next = 1;
    for (int f = 0; f < FILES; f++) {
        fly_sim_disk_load(disk, paths[f], fly_bytes_of(zeros, sizeof zeros));
    }
    for (int life = 0; life < 4; life++) {
        fly_file *files[FILES] = {open_file(paths[0]), open_file(paths[1]), open_file(paths[2])};
        for (uint64_t i = fly_rng_below(&rng, 20); i > 0; i--) {
            if (fly_rng_below(&rng, 5) == 0) {
                sync_one(&rng, files, model);
            } else {
                write_some(&rng, files, model);
            }
        }
        fly_sim_survival survival = (fly_sim_survival)fly_rng_below(&rng, FLY_SIM_SURVIVALS);
        crash(survival, fly_rng_next(&rng));
        check_survivors(survival, model);
        for (int f = 0; f < FILES; f++) {
            close_file(files[f]);
        }
    }
    free(model);
}

START_TEST(random_writes_survive_as_the_model_allows)
{
    ck_assert(fly_test_seeds("sim disk: random writes", 300, random_writes, NULL));
}
END_TEST

/* Names at random, in three directories: whatever was synced on the way, keeping everything must
 * give what programs saw, and nothing may be leaked or found twice (the disk asserts as much). */
struct listing {
    char text[4096];
};

static void describe(fly_sim_disk *on, const char *dir, struct listing *listing);

struct walk {
    fly_sim_disk *disk;
    const char *dir;
    int count;
    char paths[64][64];
};

static void note_path(void *ctx, const char *name)
{
    struct walk *walk = ctx;
    ck_assert_int_lt(walk->count, 64);
    (void)snprintf(walk->paths[walk->count++], 64, "%s/%s", walk->dir, name);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void describe(fly_sim_disk *on, const char *dir, struct listing *listing)
{
    struct walk walk = {.disk = on, .dir = dir};
    FLY_CHECK_OK(fly_vfs_list(fly_sim_disk_vfs(on), dir, note_path, &walk, &err), err);
    qsort(walk.paths, (size_t)walk.count, sizeof walk.paths[0], by_text);
    for (int i = 0; i < walk.count; i++) {
        fly_file *file = NULL;
        strcat(listing->text, walk.paths[i]);
        if (fly_file_open(fly_sim_disk_vfs(on), walk.paths[i], 0, &file, NULL) == FLY_OK) {
            fly_file_abandon(file);
            strcat(listing->text, "=");
            strcat(listing->text, seen_on(on, walk.paths[i]));
            strcat(listing->text, "\n");
        } else {
            strcat(listing->text, ":\n");
            describe(on, walk.paths[i], listing);
        }
    }
}

static void random_path(fly_rng *rng, char *path)
{
    static const char *const dirs[] = {"", "a/", "b/", "a/c/"};
    static const char *const names[] = {"a", "b", "c", "x", "y", "z"};
    (void)sprintf(path, "./%s%s", dirs[fly_rng_below(rng, 4)], names[fly_rng_below(rng, 6)]);
}

static void change_names(fly_rng *rng)
{
    char path[32];
    char other[32];
    fly_file *file = NULL;
    random_path(rng, path);
    random_path(rng, other);
    switch (fly_rng_below(rng, 8)) {
    case 0:
    case 1:
        if (fly_file_open(vfs, path, FLY_OPEN_WRITE | FLY_OPEN_CREATE, &file, NULL) == FLY_OK) {
            char text[8];
            (void)snprintf(text, sizeof text, "%d", (int)fly_rng_below(rng, 1000));
            put(file, 0, text);
            if (fly_rng_below(rng, 2) == 0) {
                sync_file(file);
            }
            close_file(file);
        }
        break;
    case 2:
        FLY_IGNORE(fly_vfs_remove(vfs, path, NULL));
        break;
    case 3:
    case 4:
    case 5:
        FLY_IGNORE(fly_vfs_rename(vfs, path, other, NULL));
        break;
    case 6:
        FLY_IGNORE(fly_vfs_make_dir(vfs, path, NULL));
        break;
    default:
        FLY_IGNORE(fly_vfs_sync_dir(vfs, path, NULL));
        break;
    }
}

static void random_names(void *ctx, uint64_t seed)
{
    (void)ctx;
    fly_rng rng;
    fly_rng_init(&rng, seed);
    use_disk(NULL);
    for (int life = 0; life < 6; life++) {
        for (int i = 0; i < 40; i++) {
            change_names(&rng);
        }
        struct listing before = {""};
        struct listing after = {""};
        describe(disk, ".", &before);
        fly_sim_disk *copy = fly_sim_disk_clone(disk);
        describe(copy, ".", &after);
        ck_assert_str_eq(after.text, before.text);
        fly_sim_disk_crash(copy, FLY_SIM_KEEP_ALL, seed);
        memset(&after, 0, sizeof after);
        describe(copy, ".", &after);
        ck_assert_str_eq(after.text, before.text);
        fly_sim_disk_destroy(copy);
        crash((fly_sim_survival)fly_rng_below(&rng, FLY_SIM_SURVIVALS), fly_rng_next(&rng));
        memset(&before, 0, sizeof before);
        describe(disk, ".", &before); /* every name leads somewhere */
    }
}

START_TEST(random_names_survive_as_programs_saw_them)
{
    ck_assert(fly_test_seeds("sim disk: random names", 300, random_names, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sim_disk");
    const struct {
        const char *name;
        const TTest *tests[16];
    } groups[] = {
        {"syncs",
         {what_was_not_synced_may_be_gone, a_sync_of_data_does_as_much,
          a_sync_does_nothing_for_other_files, a_synced_file_without_a_synced_name_is_lost,
          a_synced_name_without_a_synced_file_is_empty,
          the_name_of_a_directory_is_its_parents_business, lengths_are_lost_and_kept_like_bytes,
          data_and_length_of_an_append_are_lost_apart, bytes_beyond_a_lost_length_do_not_come_back,
          a_cut_that_survives_takes_its_bytes_along}},
        {"durable writes",
         {a_durable_write_keeps_its_bytes_and_no_others,
          what_was_written_before_does_not_come_back_over_a_durable_write,
          durable_writes_alone_leave_nothing_waiting}},
        {"names",
         {a_rename_is_there_or_not_and_never_half,
          a_rename_of_what_was_not_synced_leaves_an_empty_file, a_removed_file_may_be_back,
          a_file_made_anew_is_not_the_old_one, a_rename_between_directories_is_durable_in_both,
          a_moved_file_does_not_come_back_where_it_was_made,
          a_directory_moves_after_those_that_moved_before_it,
          lost_renames_put_no_directory_below_itself, a_file_outlives_the_directory_that_it_left,
          a_directory_removed_with_its_files_is_gone}},
        {"ways of losing",
         {a_prefix_has_no_holes_and_any_length, a_later_write_survives_an_earlier_one,
          a_write_that_is_not_torn_is_whole, a_write_tears_between_sectors,
          a_write_tears_between_blocks_and_not_within_them,
          a_write_across_sectors_tears_where_they_meet, one_seed_one_outcome}},
        {"after a crash",
         {handles_from_before_a_crash_are_dead_and_close,
          a_removed_file_that_was_open_is_gone_after_a_crash}},
        {"failed syncs",
         {what_a_failed_sync_covered_may_be_lost_for_good,
          a_failed_sync_spares_what_was_durable_and_what_comes_after,
          a_failed_sync_spares_durable_writes,
          a_failed_sync_of_a_directory_leaves_its_names_in_doubt,
          a_failed_durable_write_is_in_doubt}},
        {"faults",
         {a_fault_strikes_the_call_it_was_told_to, a_lasting_fault_strikes_until_it_is_disarmed,
          every_kind_of_call_can_be_struck,
          interruptions_and_short_counts_are_hidden_by_the_wrappers,
          a_lost_write_says_that_it_succeeded, a_misdirected_write_lands_elsewhere}},
        {"crashes",
         {after_power_is_gone_every_call_fails_until_it_is_back, a_crash_disarms_all_faults,
          the_call_under_way_may_have_happened, a_call_that_would_have_failed_can_crash_too,
          a_watcher_sees_every_change_before_it_is_durable, a_clone_goes_its_own_way}},
        {"capacity",
         {a_full_disk_refuses_and_has_room_again, a_write_that_only_partly_fits_is_short,
          reserved_space_cannot_run_out, after_a_crash_only_what_is_there_takes_room}},
        {"access",
         {past_the_cache_everything_must_be_aligned, tests_can_look_at_the_medium_and_change_it,
          calls_are_numbered_and_remembered}},
        {"random work",
         {random_writes_survive_as_the_model_allows, random_names_survive_as_programs_saw_them}},
    };
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
        TCase *tests = fly_test_case(suite, groups[g].name);
        tcase_add_checked_fixture(tests, setup, teardown);
        for (size_t i = 0; i < 16 && groups[g].tests[i] != NULL; i++) {
            tcase_add_test(tests, groups[g].tests[i]);
        }
    }
    return fly_test_run(suite);
}
