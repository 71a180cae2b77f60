/*
 * Goal: files behave the same whichever vfs they come from, so that what was tested in memory and
 * on the simulated disk holds on a real one.
 * Method: every test runs against every implementation, in an empty directory of its own.
 */
#include <fly/base_vfs.h>

#include <fly/base_check.h>
#include <fly/base_hash.h>
#include <fly/base_sched.h>
#include <fly/base_testing.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POSIX, MEM, SIM, SIM_DIRECT, IMPLEMENTATIONS };

static fly_vfs *vfs;
static fly_sim_disk *disk;
static char dir[64];
static fly_err err;

/* Which implementation a loop test runs against is known to the test, not to a fixture. */
static void begin(int implementation)
{
    memset(&err, 0, sizeof err);
    switch (implementation) {
    case POSIX:
        vfs = fly_vfs_posix();
        FLY_CHECK_OK(fly_test_temp_dir(dir, sizeof dir, &err), err);
        break;
    case MEM:
        vfs = fly_vfs_mem_create(fly_mem_system());
        break;
    default:
        disk = fly_sim_disk_create(
            &(fly_sim_disk_options){.seed = 1, .direct = implementation == SIM_DIRECT});
        vfs = fly_sim_disk_vfs(disk);
        break;
    }
    if (implementation != POSIX) {
        (void)snprintf(dir, sizeof dir, "dir");
        FLY_CHECK_OK(fly_vfs_make_dir(vfs, dir, &err), err);
    }
}

static void end(void)
{
    FLY_CHECK_OK(fly_vfs_remove_tree(vfs, dir, &err), err);
    fly_vfs_destroy(vfs);
    if (disk != NULL) {
        ck_assert_uint_eq(fly_sim_disk_handles(disk), 0);
        fly_sim_disk_destroy(disk);
    }
}

/* The path of a name in the test's directory; valid until the fourth call after it. */
static const char *in_dir(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    FLY_CHECK_OK(fly_path_join(path, sizeof paths[0], dir, name, &err), err);
    return path;
}

static fly_file *open_as(const char *name, unsigned flags)
{
    fly_file *file = NULL;
    FLY_CHECK_OK(fly_file_open(vfs, in_dir(name), flags, &file, &err), err);
    return file;
}

static fly_file *create(const char *name)
{
    return open_as(name, FLY_OPEN_WRITE | FLY_OPEN_CREATE);
}

static void write_text(fly_file *file, uint64_t offset, const char *text)
{
    FLY_CHECK_OK(fly_file_write(file, offset, text, strlen(text), 0, &err), err);
}

static void expect_text(fly_file *file, uint64_t offset, const char *text)
{
    char buffer[64] = "";
    FLY_CHECK_OK(fly_file_read(file, offset, buffer, strlen(text), &err), err);
    ck_assert_str_eq(buffer, text);
}

static void expect_size(fly_file *file, uint64_t expected)
{
    uint64_t size = UINT64_MAX;
    FLY_CHECK_OK(fly_file_size(file, &size, &err), err);
    ck_assert_uint_eq(size, expected);
}

static void close_file(fly_file *file)
{
    FLY_CHECK_OK(fly_file_close(file, &err), err);
}

static void make_file(const char *name, const char *text)
{
    fly_file *file = create(name);
    write_text(file, 0, text);
    close_file(file);
}

static fly_status open_status(const char *name, unsigned flags)
{
    fly_file *file = NULL;
    fly_status status = fly_file_open(vfs, in_dir(name), flags, &file, &err);
    fly_file_abandon(file);
    return status;
}

/* ----------------------------------------------------------------------- opening */

START_TEST(a_file_that_is_not_there_is_not_found)
{
    begin(_i);
    ck_assert_int_eq(open_status("none", 0), FLY_E_NOT_FOUND);
    FLY_CHECK_SAYS(err.message, "none\"");
    ck_assert_int_eq(open_status("none", FLY_OPEN_WRITE), FLY_E_NOT_FOUND);
    ck_assert(!fly_vfs_exists(vfs, in_dir("none")));
    end();
}
END_TEST

START_TEST(creating_makes_an_empty_file_or_opens_the_one_there)
{
    begin(_i);
    fly_file *file = create("f");
    expect_size(file, 0);
    write_text(file, 0, "hello");
    close_file(file);
    file = create("f");
    expect_size(file, 5);
    close_file(file);
    ck_assert(fly_vfs_exists(vfs, in_dir("f")));
    end();
}
END_TEST

START_TEST(an_exclusive_creation_wants_to_be_first)
{
    begin(_i);
    unsigned flags = FLY_OPEN_WRITE | FLY_OPEN_CREATE | FLY_OPEN_EXCLUSIVE;
    close_file(open_as("f", flags));
    ck_assert_int_eq(open_status("f", flags), FLY_E_EXISTS);
    ck_assert_int_eq(open_status("f", flags | FLY_OPEN_DIRECT), FLY_E_EXISTS);
    ck_assert_int_eq(open_status("g", flags | FLY_OPEN_DIRECT), FLY_OK);
    end();
}
END_TEST

START_TEST(truncating_on_open_empties_the_file)
{
    begin(_i);
    make_file("f", "hello");
    fly_file *file = open_as("f", FLY_OPEN_WRITE | FLY_OPEN_TRUNCATE);
    expect_size(file, 0);
    write_text(file, 3, "x");
    uint8_t bytes[4];
    FLY_CHECK_OK(fly_file_read(file, 0, bytes, 4, &err), err);
    ck_assert_mem_eq(bytes, "\0\0\0x", 4);
    close_file(file);
    end();
}
END_TEST

START_TEST(a_directory_is_no_file)
{
    begin(_i);
    ck_assert_int_ne(open_status(".", 0), FLY_OK);
    FLY_CHECK_OK(fly_vfs_make_dir(vfs, in_dir("d"), &err), err);
    ck_assert_int_ne(open_status("d", 0), FLY_OK);
    ck_assert_int_ne(open_status("d", FLY_OPEN_WRITE | FLY_OPEN_CREATE), FLY_OK);
    make_file("f", "x");
    ck_assert_int_eq(open_status("f/g", 0), FLY_E_NOT_FOUND);
    end();
}
END_TEST

START_TEST(a_handle_for_reading_does_not_write)
{
    begin(_i);
    make_file("f", "hello");
    fly_file *file = open_as("f", 0);
    expect_text(file, 0, "hello");
    ck_assert_int_ne(fly_file_write(file, 0, "x", 1, 0, &err), FLY_OK);
    ck_assert_int_ne(fly_file_truncate(file, 0, &err), FLY_OK);
    ck_assert_int_ne(fly_file_allocate(file, 0, 100, &err), FLY_OK);
    expect_size(file, 5);
    close_file(file);
    end();
}
END_TEST

START_TEST(slashes_and_dots_in_a_path_mean_nothing)
{
    begin(_i);
    FLY_CHECK_OK(fly_vfs_make_dir(vfs, in_dir("a/"), &err), err);
    make_file("a//f", "hello");
    fly_file *file = open_as("./a/.//f", 0);
    expect_text(file, 0, "hello");
    close_file(file);
    end();
}
END_TEST

START_TEST(a_handle_knows_its_path)
{
    begin(_i);
    fly_file *file = create("f");
    ck_assert_str_eq(file->path, in_dir("f"));
    close_file(file);
    end();
}
END_TEST

/* ------------------------------------------------------------ reading and writing */

START_TEST(a_gap_reads_as_zeros)
{
    begin(_i);
    fly_file *file = create("f");
    write_text(file, 100000, "end");
    expect_size(file, 100003);
    uint8_t bytes[64];
    uint8_t zeros[64] = {0};
    for (uint64_t at = 0; at < 99000; at += 9973) {
        FLY_CHECK_OK(fly_file_read(file, at, bytes, sizeof bytes, &err), err);
        ck_assert_mem_eq(bytes, zeros, sizeof zeros);
    }
    expect_text(file, 100000, "end");
    close_file(file);
    end();
}
END_TEST

START_TEST(reading_stops_at_the_end)
{
    begin(_i);
    make_file("f", "hello");
    fly_file *file = open_as("f", 0);
    char buffer[16];
    size_t got = 99;
    FLY_CHECK_OK(fly_file_read_some(file, 2, buffer, sizeof buffer, &got, &err), err);
    ck_assert_uint_eq(got, 3);
    FLY_CHECK_OK(fly_file_read_some(file, 5, buffer, sizeof buffer, &got, &err), err);
    ck_assert_uint_eq(got, 0);
    FLY_CHECK_OK(fly_file_read_some(file, 500, buffer, sizeof buffer, &got, &err), err);
    ck_assert_uint_eq(got, 0);
    FLY_CHECK(fly_file_read(file, 0, buffer, 6, &err), FLY_E_CORRUPT, err);
    close_file(file);
    end();
}
END_TEST

START_TEST(parts_are_gathered_and_scattered_in_order)
{
    begin(_i);
    fly_file *file = create("f");
    char a[] = "ab";
    char b[] = "cdef";
    char c[] = "g";
    fly_iovec out[] = {{a, 2}, {a, 0}, {b, 4}, {c, 1}};
    FLY_CHECK_OK(fly_file_writev(file, 3, out, 4, 0, &err), err);
    expect_text(file, 3, "abcdefg");
    char x[4] = "";
    char y[6] = "";
    fly_iovec in[] = {{x, 3}, {NULL, 0}, {y, 4}};
    FLY_CHECK_OK(fly_file_readv(file, 3, in, 3, &err), err);
    ck_assert_str_eq(x, "abc");
    ck_assert_str_eq(y, "defg");
    FLY_CHECK(fly_file_readv(file, 4, in, 3, &err), FLY_E_CORRUPT, err);
    close_file(file);
    end();
}
END_TEST

START_TEST(two_handles_see_one_file)
{
    begin(_i);
    fly_file *a = create("f");
    fly_file *b = open_as("f", FLY_OPEN_WRITE);
    write_text(a, 0, "hello");
    expect_text(b, 0, "hello");
    write_text(b, 1, "u");
    expect_text(a, 0, "hullo");
    FLY_CHECK_OK(fly_file_truncate(a, 2, &err), err);
    expect_size(b, 2);
    close_file(a);
    close_file(b);
    end();
}
END_TEST

START_TEST(what_was_cut_off_comes_back_as_zeros)
{
    begin(_i);
    fly_file *file = create("f");
    static uint8_t bytes[60000];
    static uint8_t expected[60000];
    memset(bytes, 'x', 50000);
    memset(expected, 'x', 777);
    FLY_CHECK_OK(fly_file_write(file, 0, bytes, 50000, 0, &err), err);
    FLY_CHECK_OK(fly_file_truncate(file, 777, &err), err);
    expect_size(file, 777);
    FLY_CHECK_OK(fly_file_truncate(file, 60000, &err), err);
    expect_size(file, 60000);
    FLY_CHECK_OK(fly_file_read(file, 0, bytes, sizeof bytes, &err), err);
    ck_assert_mem_eq(bytes, expected, sizeof bytes);
    close_file(file);
    end();
}
END_TEST

START_TEST(reserved_space_reads_as_zeros_and_harms_nothing)
{
    begin(_i);
    fly_file *file = create("f");
    write_text(file, 0, "hello");
    FLY_CHECK_OK(fly_file_allocate(file, 2, 100000, &err), err);
    expect_size(file, 100002);
    expect_text(file, 0, "hello");
    uint8_t byte = 1;
    FLY_CHECK_OK(fly_file_read(file, 100001, &byte, 1, &err), err);
    ck_assert_uint_eq(byte, 0);
    FLY_CHECK_OK(fly_file_allocate(file, 0, 10, &err), err);
    expect_size(file, 100002);
    close_file(file);
    end();
}
END_TEST

START_TEST(absurd_places_are_refused)
{
    begin(_i);
    fly_file *file = create("f");
    size_t got = 0;
    char byte = 0;
    ck_assert_int_ne(fly_file_write(file, UINT64_MAX, "x", 1, 0, &err), FLY_OK);
    ck_assert_int_ne(fly_file_write(file, INT64_MAX, "x", 1, 0, &err), FLY_OK);
    ck_assert_int_ne(fly_file_truncate(file, UINT64_MAX, &err), FLY_OK);
    ck_assert_int_ne(fly_file_allocate(file, INT64_MAX, 1, &err), FLY_OK);
    ck_assert_int_ne(fly_file_read_some(file, UINT64_MAX, &byte, 1, &got, &err), FLY_OK);
    expect_size(file, 0);
    close_file(file);
    end();
}
END_TEST

START_TEST(syncing_and_durable_writes_work)
{
    begin(_i);
    fly_file *file = create("f");
    FLY_CHECK_OK(fly_file_write(file, 0, "hello", 5, FLY_WRITE_DURABLE, &err), err);
    expect_text(file, 0, "hello");
    FLY_CHECK_OK(fly_file_sync_data(file, &err), err);
    FLY_CHECK_OK(fly_file_sync(file, &err), err);
    FLY_CHECK_OK(fly_vfs_sync_dir(vfs, dir, &err), err);
    FLY_CHECK(fly_vfs_sync_dir(vfs, in_dir("none"), &err), FLY_E_NOT_FOUND, err);
    close_file(file);
    end();
}
END_TEST

START_TEST(aligned_blocks_work_past_the_cache_or_not)
{
    begin(_i);
    fly_file *file = open_as("f", FLY_OPEN_WRITE | FLY_OPEN_CREATE | FLY_OPEN_DIRECT);
    uint8_t *block = fly_mem_alloc_aligned(fly_mem_system(), FLY_DIRECT_ALIGN, FLY_DIRECT_ALIGN);
    memset(block, 'd', FLY_DIRECT_ALIGN);
    FLY_CHECK_OK(fly_file_write(file, 8192, block, FLY_DIRECT_ALIGN, FLY_WRITE_DURABLE, &err), err);
    memset(block, 0, FLY_DIRECT_ALIGN);
    FLY_CHECK_OK(fly_file_read(file, 8192, block, FLY_DIRECT_ALIGN, &err), err);
    ck_assert_int_eq(block[0], 'd');
    ck_assert_int_eq(block[FLY_DIRECT_ALIGN - 1], 'd');
    fly_mem_free(fly_mem_system(), block, FLY_DIRECT_ALIGN);
    close_file(file);
    end();
}
END_TEST

/* Random edits of one file against an array of bytes that is as long as the file can become. */
enum { MODEL_SIZE = 70000 };

struct model {
    uint8_t bytes[MODEL_SIZE];
    uint64_t size;
};

static void edit(fly_rng *rng, fly_file *file, struct model *model)
{
    uint64_t offset = fly_rng_below(rng, MODEL_SIZE);
    uint64_t len = fly_rng_below(rng, fly_rng_below(rng, 4) == 0 ? MODEL_SIZE - offset : 100);
    len = len < MODEL_SIZE - offset ? len : MODEL_SIZE - offset;
    uint64_t end_at = offset + len;
    switch (fly_rng_below(rng, 8)) {
    case 0:
        FLY_CHECK_OK(fly_file_truncate(file, offset, &err), err);
        if (offset < model->size) {
            memset(model->bytes + offset, 0, model->size - offset);
        }
        model->size = offset;
        break;
    case 1:
        FLY_CHECK_OK(fly_file_allocate(file, offset, len, &err), err);
        model->size = len > 0 && end_at > model->size ? end_at : model->size;
        break;
    default:
        memset(model->bytes + offset, (int)fly_rng_below(rng, 256), len);
        FLY_CHECK_OK(fly_file_write(file, offset, model->bytes + offset, len, 0, &err), err);
        model->size = len > 0 && end_at > model->size ? end_at : model->size;
        break;
    }
}

static void random_edits(void *ctx, uint64_t seed)
{
    fly_rng rng;
    fly_rng_init(&rng, seed);
    begin(*(int *)ctx);
    struct model *model = calloc(1, sizeof *model);
    uint8_t *bytes = malloc(MODEL_SIZE + 1);
    ck_assert_ptr_nonnull(model);
    ck_assert_ptr_nonnull(bytes);
    fly_file *file = create("f");
    for (int i = 0; i < 60; i++) {
        edit(&rng, file, model);
        size_t got = 0;
        FLY_CHECK_OK(fly_file_read_some(file, 0, bytes, MODEL_SIZE + 1, &got, &err), err);
        ck_assert_uint_eq(got, model->size);
        ck_assert_mem_eq(bytes, model->bytes, got);
    }
    close_file(file);
    free(bytes);
    free(model);
    end();
}

START_TEST(random_edits_agree_with_an_array)
{
    ck_assert(fly_test_seeds("random edits of a file", 20, random_edits, &_i));
}
END_TEST

/* ------------------------------------------------------------------------- locks */

START_TEST(a_lock_keeps_other_handles_out_until_close)
{
    begin(_i);
    fly_file *a = create("f");
    fly_file *b = open_as("f", FLY_OPEN_WRITE);
    FLY_CHECK_OK(fly_file_lock(a, &err), err);
    FLY_CHECK_OK(fly_file_lock(a, &err), err);
    FLY_CHECK(fly_file_lock(b, &err), FLY_E_LOCKED, err);
    fly_file *c = open_as("f", FLY_OPEN_WRITE); /* closing another handle does not drop it */
    close_file(c);
    FLY_CHECK(fly_file_lock(b, &err), FLY_E_LOCKED, err);
    close_file(a);
    FLY_CHECK_OK(fly_file_lock(b, &err), err);
    close_file(b);
    end();
}
END_TEST

START_TEST(locking_wants_a_handle_that_may_write)
{
    begin(_i);
    make_file("f", "x");
    fly_file *file = open_as("f", 0);
    FLY_CHECK(fly_file_lock(file, &err), FLY_E_IO, err);
    close_file(file);
    end();
}
END_TEST

/* ------------------------------------------------------------------------- names */

START_TEST(a_renamed_file_replaces_what_bore_the_name)
{
    begin(_i);
    make_file("old", "old");
    make_file("new", "new");
    fly_file *replaced = open_as("old", 0);
    FLY_CHECK_OK(fly_vfs_rename(vfs, in_dir("new"), in_dir("old"), &err), err);
    fly_file *file = open_as("old", 0);
    expect_text(file, 0, "new");
    expect_text(replaced, 0, "old");
    ck_assert(!fly_vfs_exists(vfs, in_dir("new")));
    close_file(file);
    close_file(replaced);
    FLY_CHECK_OK(fly_vfs_rename(vfs, in_dir("old"), in_dir("old"), &err), err);
    ck_assert(fly_vfs_exists(vfs, in_dir("old")));
    end();
}
END_TEST

START_TEST(what_is_not_there_cannot_be_renamed)
{
    begin(_i);
    make_file("f", "x");
    FLY_CHECK(fly_vfs_rename(vfs, in_dir("none"), in_dir("f"), &err), FLY_E_NOT_FOUND, err);
    FLY_CHECK_SAYS(err.message, "could not rename");
    ck_assert(fly_vfs_exists(vfs, in_dir("f")));
    end();
}
END_TEST

START_TEST(a_directory_moves_with_what_is_in_it)
{
    begin(_i);
    FLY_CHECK_OK(fly_vfs_make_dir(vfs, in_dir("a"), &err), err);
    make_file("a/f", "hello");
    FLY_CHECK_OK(fly_vfs_rename(vfs, in_dir("a"), in_dir("b"), &err), err);
    fly_file *file = open_as("b/f", 0);
    expect_text(file, 0, "hello");
    close_file(file);
    ck_assert(!fly_vfs_exists(vfs, in_dir("a/f")));
    end();
}
END_TEST

START_TEST(renaming_does_not_mix_files_and_directories)
{
    begin(_i);
    FLY_CHECK_OK(fly_vfs_make_dir(vfs, in_dir("d"), &err), err);
    FLY_CHECK_OK(fly_vfs_make_dir(vfs, in_dir("e"), &err), err);
    make_file("f", "x");
    make_file("d/g", "x");
    ck_assert_int_ne(fly_vfs_rename(vfs, in_dir("f"), in_dir("d"), &err), FLY_OK);
    ck_assert_int_ne(fly_vfs_rename(vfs, in_dir("d"), in_dir("f"), &err), FLY_OK);
    ck_assert_int_ne(fly_vfs_rename(vfs, in_dir("e"), in_dir("d"), &err), FLY_OK);
    ck_assert_int_ne(fly_vfs_rename(vfs, in_dir("d"), in_dir("d/h"), &err), FLY_OK);
    ck_assert(fly_vfs_exists(vfs, in_dir("f")));
    ck_assert(fly_vfs_exists(vfs, in_dir("d/g")));
    FLY_CHECK_OK(fly_vfs_rename(vfs, in_dir("d"), in_dir("e"), &err), err);
    ck_assert(fly_vfs_exists(vfs, in_dir("e/g")));
    end();
}
END_TEST

START_TEST(a_removed_file_lives_on_for_those_who_have_it_open)
{
    begin(_i);
    fly_file *file = create("f");
    write_text(file, 0, "hello");
    FLY_CHECK_OK(fly_vfs_remove(vfs, in_dir("f"), &err), err);
    ck_assert(!fly_vfs_exists(vfs, in_dir("f")));
    write_text(file, 5, " world");
    expect_text(file, 0, "hello world");
    fly_file *other = create("f");
    expect_size(other, 0);
    close_file(other);
    expect_text(file, 0, "hello world");
    close_file(file);
    end();
}
END_TEST

START_TEST(removing_wants_something_there_and_nothing_in_it)
{
    begin(_i);
    FLY_CHECK(fly_vfs_remove(vfs, in_dir("none"), &err), FLY_E_NOT_FOUND, err);
    FLY_CHECK_OK(fly_vfs_make_dir(vfs, in_dir("d"), &err), err);
    make_file("d/f", "x");
    ck_assert_int_ne(fly_vfs_remove(vfs, in_dir("d"), &err), FLY_OK);
    FLY_CHECK_OK(fly_vfs_remove(vfs, in_dir("d/f"), &err), err);
    FLY_CHECK_OK(fly_vfs_remove(vfs, in_dir("d"), &err), err);
    FLY_CHECK(fly_vfs_remove(vfs, in_dir("d"), &err), FLY_E_NOT_FOUND, err);
    end();
}
END_TEST

struct names {
    int count;
    char text[256];
};

static void note_name(void *ctx, const char *name)
{
    struct names *names = ctx;
    names->count++;
    strcat(names->text, "|");
    strcat(names->text, name);
    strcat(names->text, "|");
}

START_TEST(a_listing_has_every_name_once)
{
    begin(_i);
    struct names names = {0};
    FLY_CHECK_OK(fly_vfs_list(vfs, dir, note_name, &names, &err), err);
    ck_assert_int_eq(names.count, 0);
    make_file("one", "x");
    make_file("two", "x");
    FLY_CHECK_OK(fly_vfs_make_dir(vfs, in_dir("three"), &err), err);
    make_file("three/four", "x");
    FLY_CHECK_OK(fly_vfs_remove(vfs, in_dir("two"), &err), err);
    FLY_CHECK_OK(fly_vfs_list(vfs, dir, note_name, &names, &err), err);
    ck_assert_int_eq(names.count, 2);
    FLY_CHECK_SAYS(names.text, "|one|");
    FLY_CHECK_SAYS(names.text, "|three|");
    FLY_CHECK(fly_vfs_list(vfs, in_dir("none"), note_name, &names, &err), FLY_E_NOT_FOUND, err);
    FLY_CHECK(fly_vfs_list(vfs, in_dir("one"), note_name, &names, &err), FLY_E_NOT_FOUND, err);
    end();
}
END_TEST

START_TEST(making_a_directory_twice_is_fine)
{
    begin(_i);
    FLY_CHECK_OK(fly_vfs_make_dir(vfs, in_dir("d"), &err), err);
    make_file("d/f", "x");
    FLY_CHECK_OK(fly_vfs_make_dir(vfs, in_dir("d"), &err), err);
    ck_assert(fly_vfs_exists(vfs, in_dir("d/f")));
    ck_assert(!fly_vfs_exists(vfs, in_dir("d")));
    end();
}
END_TEST

START_TEST(a_tree_is_removed_with_everything_in_it)
{
    begin(_i);
    FLY_CHECK_OK(fly_vfs_remove_tree(vfs, in_dir("none"), &err), err);
    FLY_CHECK_OK(fly_vfs_make_dir(vfs, in_dir("d"), &err), err);
    FLY_CHECK_OK(fly_vfs_make_dir(vfs, in_dir("d/e"), &err), err);
    FLY_CHECK_OK(fly_vfs_make_dir(vfs, in_dir("d/e/f"), &err), err);
    make_file("d/1", "x");
    make_file("d/e/2", "x");
    make_file("d/e/f/3", "x");
    make_file("g", "x");
    FLY_CHECK_OK(fly_vfs_remove_tree(vfs, in_dir("d"), &err), err);
    struct names names = {0};
    FLY_CHECK_OK(fly_vfs_list(vfs, dir, note_name, &names, &err), err);
    ck_assert_str_eq(names.text, "|g|");
    end();
}
END_TEST

/* ------------------------------------------------------------------------ memory */

START_TEST(a_mapping_is_zero_and_discarded_parts_are_again)
{
    begin(_i);
    enum { SIZE = 1 << 20 };
    uint8_t *at = fly_vfs_map(vfs, SIZE, _i == 0 ? FLY_MAP_HUGE : 0);
    ck_assert_ptr_nonnull(at);
    for (size_t i = 0; i < SIZE; i += 997) {
        ck_assert_uint_eq(at[i], 0);
    }
    memset(at, 1, SIZE);
    fly_vfs_discard(vfs, at + 65536, 65536);
    ck_assert_uint_eq(at[65535], 1);
    ck_assert_uint_eq(at[65536], 0);
    ck_assert_uint_eq(at[131071], 0);
    ck_assert_uint_eq(at[131072], 1);
    fly_vfs_unmap(vfs, at, SIZE);
    fly_vfs_unmap(vfs, NULL, SIZE);
    end();
}
END_TEST

/* The pages of the system may be larger than ours: neighbours must survive. */
START_TEST(discarding_less_than_a_page_spares_its_neighbours)
{
    begin(_i);
    enum { SIZE = 1 << 18 };
    static uint8_t expected[SIZE];
    uint8_t *at = fly_vfs_map(vfs, SIZE, 0);
    ck_assert_ptr_nonnull(at);
    const struct {
        size_t offset, len;
    } ranges[] = {{100, 50}, {4000, 200}, {100, 20000}, {8192, 100}, {8192, 9000}, {77, 0}};
    for (size_t r = 0; r < sizeof ranges / sizeof ranges[0]; r++) {
        memset(at, 1, SIZE);
        fly_vfs_discard(vfs, at + ranges[r].offset, ranges[r].len);
        memset(expected, 1, SIZE);
        memset(expected + ranges[r].offset, 0, ranges[r].len);
        ck_assert_msg(memcmp(at, expected, SIZE) == 0, "range %zu", r);
    }
    fly_vfs_unmap(vfs, at, SIZE);
    end();
}
END_TEST

/* ----------------------------------------------------------------------- threads */

enum { WRITERS = 4, STRIPE = 512, STRIPES = 100 };

static fly_file *striped;

/* Each thread writes every WRITERS-th stripe and reads its own ones back. */
static void write_stripes(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    uint8_t bytes[STRIPE];
    uint8_t back[STRIPE];
    for (unsigned i = 0; i < STRIPES; i++) {
        uint64_t offset = (uint64_t)(i * WRITERS + me) * STRIPE;
        memset(bytes, (int)(me + i), sizeof bytes);
        FLY_ASSERT(fly_file_write(striped, offset, bytes, sizeof bytes, 0, NULL) == FLY_OK);
        FLY_ASSERT(fly_file_read(striped, offset, back, sizeof back, NULL) == FLY_OK);
        FLY_ASSERT(memcmp(bytes, back, sizeof bytes) == 0);
        char name[256];
        (void)snprintf(name, sizeof name, "%s/own-%u", dir, me);
        fly_file *own = NULL;
        FLY_ASSERT(fly_file_open(vfs, name, FLY_OPEN_WRITE | FLY_OPEN_CREATE, &own, NULL) ==
                   FLY_OK);
        FLY_ASSERT(fly_file_close(own, NULL) == FLY_OK);
        FLY_ASSERT(fly_vfs_remove(vfs, name, NULL) == FLY_OK);
    }
}

START_TEST(threads_share_files_and_names)
{
    begin(_i);
    striped = create("striped");
    fly_thread threads[WRITERS];
    for (unsigned i = 0; i < WRITERS; i++) {
        FLY_CHECK_OK(fly_thread_start(fly_sched_os(), &threads[i], "writer", write_stripes,
                                      (void *)(uintptr_t)i, &err),
                     err);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        fly_thread_join(&threads[i]);
    }
    expect_size(striped, (uint64_t)WRITERS * STRIPE * STRIPES);
    close_file(striped);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vfs conformance");
    TCase *tests = fly_test_case(suite, "all implementations");
    const TTest *const all[] = {
        a_file_that_is_not_there_is_not_found,
        creating_makes_an_empty_file_or_opens_the_one_there,
        an_exclusive_creation_wants_to_be_first,
        truncating_on_open_empties_the_file,
        a_directory_is_no_file,
        a_handle_for_reading_does_not_write,
        slashes_and_dots_in_a_path_mean_nothing,
        a_handle_knows_its_path,
        a_gap_reads_as_zeros,
        reading_stops_at_the_end,
        parts_are_gathered_and_scattered_in_order,
        two_handles_see_one_file,
        what_was_cut_off_comes_back_as_zeros,
        reserved_space_reads_as_zeros_and_harms_nothing,
        absurd_places_are_refused,
        syncing_and_durable_writes_work,
        aligned_blocks_work_past_the_cache_or_not,
        random_edits_agree_with_an_array,
        a_lock_keeps_other_handles_out_until_close,
        locking_wants_a_handle_that_may_write,
        a_renamed_file_replaces_what_bore_the_name,
        what_is_not_there_cannot_be_renamed,
        a_directory_moves_with_what_is_in_it,
        renaming_does_not_mix_files_and_directories,
        a_removed_file_lives_on_for_those_who_have_it_open,
        removing_wants_something_there_and_nothing_in_it,
        a_listing_has_every_name_once,
        making_a_directory_twice_is_fine,
        a_tree_is_removed_with_everything_in_it,
        a_mapping_is_zero_and_discarded_parts_are_again,
        discarding_less_than_a_page_spares_its_neighbours,
        threads_share_files_and_names,
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        tcase_add_loop_test(tests, all[i], 0, IMPLEMENTATIONS);
    }
    return fly_test_run(suite);
}
