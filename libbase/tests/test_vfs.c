/*
 * Goal: callers of files see whole reads and writes or one clear failure, whatever the system call
 * did.
 * Method: a file that plays a script, one step per call: a count to transfer, or a negative errno.
 * What the implementations have in common is in test_vfs_conformance.c.
 */
#include <fly/base_vfs.h>

#include <fly/base_check.h>

#include <errno.h>
#include <string.h>

enum { STEPS = 64, EVERYTHING = 1 << 30, NOTHING = EVERYTHING + 1 };

/* The scripted file, and the scripted vfs around it. */
static struct {
    fly_file file;
    int64_t steps[STEPS]; /* 0: everything */
    int64_t always;       /* if not 0: instead of the steps */
    int calls;
    uint8_t bytes[65536];
    uint64_t size;
    unsigned flags; /* of the last write */
} scripted;

static int64_t next_step(void)
{
    int call = scripted.calls++;
    int64_t step = scripted.always != 0 ? scripted.always : call < STEPS ? scripted.steps[call] : 0;
    return step == NOTHING ? 0 : step != 0 ? step : EVERYTHING;
}

static int64_t transfer(uint64_t offset, const fly_iovec *parts, int count, uint64_t limit,
                        bool write)
{
    int64_t done = 0;
    for (int i = 0; i < count; i++) {
        uint8_t *at = parts[i].base;
        for (size_t k = 0; k < parts[i].len && (uint64_t)done < limit; k++, done++) {
            uint8_t *there = &scripted.bytes[offset + (uint64_t)done];
            *(write ? there : &at[k]) = *(write ? &at[k] : there);
        }
    }
    return done;
}

static int64_t scripted_readv(fly_file *file, uint64_t offset, const fly_iovec *parts, int count)
{
    (void)file;
    int64_t step = next_step();
    uint64_t here = offset < scripted.size ? scripted.size - offset : 0;
    return step < 0 ? step
                    : transfer(offset, parts, count, here < (uint64_t)step ? here : (uint64_t)step,
                               false);
}

static int64_t scripted_writev(fly_file *file, uint64_t offset, const fly_iovec *parts, int count,
                               unsigned flags)
{
    (void)file;
    scripted.flags = flags;
    int64_t step = next_step();
    int64_t done = step < 0 ? step : transfer(offset, parts, count, (uint64_t)step, true);
    if (done > 0 && offset + (uint64_t)done > scripted.size) {
        scripted.size = offset + (uint64_t)done;
    }
    return done;
}

static int plain(void)
{
    int64_t step = next_step();
    return step < 0 ? (int)step : 0;
}

static int scripted_sync(fly_file *file)
{
    (void)file;
    return plain();
}

static int scripted_truncate(fly_file *file, uint64_t size)
{
    (void)file;
    (void)size;
    return plain();
}

static int scripted_allocate(fly_file *file, uint64_t offset, uint64_t len)
{
    (void)file;
    (void)offset;
    (void)len;
    return plain();
}

static int64_t scripted_size(fly_file *file)
{
    (void)file;
    int result = plain();
    return result < 0 ? result : (int64_t)scripted.size;
}

static const fly_file_ops scripted_ops = {
    .readv = scripted_readv,
    .writev = scripted_writev,
    .sync = scripted_sync,
    .sync_data = scripted_sync,
    .truncate = scripted_truncate,
    .allocate = scripted_allocate,
    .size = scripted_size,
    .lock = scripted_sync,
    .close = scripted_sync,
};

static int scripted_open(fly_vfs *vfs, const char *path, unsigned flags, fly_file **file)
{
    (void)vfs;
    (void)path;
    (void)flags;
    int result = plain();
    *file = &scripted.file;
    return result;
}

static int scripted_name(fly_vfs *vfs, const char *path)
{
    (void)vfs;
    (void)path;
    return plain();
}

static int scripted_rename(fly_vfs *vfs, const char *from, const char *to)
{
    (void)vfs;
    (void)from;
    (void)to;
    return plain();
}

/* A directory with one file in it that never goes away. */
static int scripted_list(fly_vfs *vfs, const char *path, void (*each)(void *ctx, const char *name),
                         void *ctx)
{
    (void)vfs;
    if (strcmp(path, "dir") != 0) {
        return -ENOTDIR;
    }
    int result = plain();
    if (result == 0) {
        each(ctx, "stubborn");
    }
    return result;
}

static fly_vfs vfs = {
    .open = scripted_open,
    .rename = scripted_rename,
    .remove = scripted_name,
    .make_dir = scripted_name,
    .sync_dir = scripted_name,
    .list = scripted_list,
};

static fly_err err;
static fly_file *file;

static void setup(void)
{
    memset(&scripted, 0, sizeof scripted);
    memset(&err, 0, sizeof err);
    scripted.file = (fly_file){.ops = &scripted_ops, .path = "scripted.db"};
    file = &scripted.file;
}

static void script(const int64_t *steps, int count)
{
    scripted.calls = 0;
    memset(scripted.steps, 0, sizeof scripted.steps);
    memcpy(scripted.steps, steps, (size_t)count * sizeof *steps);
}

static void fill_file(size_t size)
{
    for (size_t i = 0; i < size; i++) {
        scripted.bytes[i] = (uint8_t)(i * 7 + i / 251);
    }
    scripted.size = size;
}

/* ------------------------------------------------------------------ short counts */

START_TEST(short_reads_are_continued_where_they_stopped)
{
    uint8_t buffer[1000];
    fill_file(1000);
    script((int64_t[]){1, 9, 300, 1, 600}, 5);
    FLY_CHECK_OK(fly_file_read(file, 0, buffer, sizeof buffer, &err), err);
    ck_assert_mem_eq(buffer, scripted.bytes, sizeof buffer);
    ck_assert_int_eq(scripted.calls, 6);
}
END_TEST

START_TEST(short_reads_go_on_in_the_middle_of_a_part)
{
    uint8_t a[3];
    uint8_t b[1];
    uint8_t c[6];
    fly_iovec parts[] = {{a, 3}, {b, 0}, {b, 1}, {c, 6}, {b, 0}};
    fill_file(10);
    script((int64_t[]){2, 1, 3, 1, 1, 2}, 6);
    FLY_CHECK_OK(fly_file_readv(file, 0, parts, 5, &err), err);
    ck_assert_mem_eq(a, scripted.bytes, 3);
    ck_assert_mem_eq(b, scripted.bytes + 3, 1);
    ck_assert_mem_eq(c, scripted.bytes + 4, 6);
    ck_assert_ptr_eq(parts[0].base, a); /* the caller's array is not touched */
    ck_assert_uint_eq(parts[3].len, 6);
}
END_TEST

START_TEST(short_writes_are_continued_where_they_stopped)
{
    const char text[] = "the quick brown fox";
    fly_iovec parts[] = {{(void *)(uintptr_t)text, 4}, {(void *)(uintptr_t)(text + 4), 15}};
    script((int64_t[]){1, 5, 2, 1}, 4);
    FLY_CHECK_OK(fly_file_writev(file, 7, parts, 2, FLY_WRITE_DURABLE, &err), err);
    ck_assert_mem_eq(scripted.bytes + 7, text, 19);
    ck_assert_uint_eq(scripted.size, 26);
    ck_assert_uint_eq(scripted.flags, FLY_WRITE_DURABLE);
}
END_TEST

START_TEST(nothing_to_transfer_is_no_call)
{
    size_t got = 1;
    FLY_CHECK_OK(fly_file_read(file, 0, NULL, 0, &err), err);
    FLY_CHECK_OK(fly_file_read_some(file, 0, NULL, 0, &got, &err), err);
    FLY_CHECK_OK(fly_file_write(file, 0, NULL, 0, 0, &err), err);
    FLY_CHECK_OK(fly_file_writev(file, 0, NULL, 0, 0, &err), err);
    FLY_CHECK_OK(fly_file_allocate(file, 0, 0, &err), err);
    ck_assert_uint_eq(got, 0);
    ck_assert_int_eq(scripted.calls, 0);
}
END_TEST

START_TEST(the_end_of_the_file_ends_a_read)
{
    uint8_t buffer[100];
    size_t got = 0;
    fill_file(60);
    FLY_CHECK_OK(fly_file_read_some(file, 10, buffer, sizeof buffer, &got, &err), err);
    ck_assert_uint_eq(got, 50);
    FLY_CHECK_OK(fly_file_read_some(file, 60, buffer, sizeof buffer, &got, &err), err);
    ck_assert_uint_eq(got, 0);
    FLY_CHECK(fly_file_read(file, 10, buffer, sizeof buffer, &err), FLY_E_CORRUPT, err);
    ck_assert_str_eq(err.message,
                     "\"scripted.db\" ends at byte 60, 50 bytes before what is needed");
}
END_TEST

START_TEST(a_write_that_writes_nothing_is_a_failure)
{
    script((int64_t[]){3, NOTHING}, 2);
    FLY_CHECK(fly_file_write(file, 0, "hello", 5, 0, &err), FLY_E_IO, err);
    FLY_CHECK_SAYS(err.message, "could not write 2 bytes at 3 of \"scripted.db\"");
}
END_TEST

/* ------------------------------------------------------------- past the cache */

START_TEST(past_the_cache_a_read_goes_on_at_a_block)
{
    static uint8_t buffer[4 * FLY_DIRECT_ALIGN];
    scripted.file.direct = true;
    fill_file(sizeof buffer);
    script((int64_t[]){FLY_DIRECT_ALIGN, 2 * FLY_DIRECT_ALIGN}, 2);
    FLY_CHECK_OK(fly_file_read(file, 0, buffer, sizeof buffer, &err), err);
    ck_assert_mem_eq(buffer, scripted.bytes, sizeof buffer);
}
END_TEST

START_TEST(past_the_cache_the_end_may_lie_in_a_block)
{
    static uint8_t buffer[2 * FLY_DIRECT_ALIGN];
    size_t got = 0;
    scripted.file.direct = true;
    fill_file(FLY_DIRECT_ALIGN + 100);
    FLY_CHECK_OK(fly_file_read_some(file, 0, buffer, sizeof buffer, &got, &err), err);
    ck_assert_uint_eq(got, FLY_DIRECT_ALIGN + 100);
}
END_TEST

/* Damaged data is a verdict; a device that gave half a block is no reason to pass it. */
START_TEST(past_the_cache_half_a_block_is_not_the_end_of_the_file)
{
    static uint8_t buffer[2 * FLY_DIRECT_ALIGN];
    scripted.file.direct = true;
    fill_file(sizeof buffer);
    script((int64_t[]){FLY_DIRECT_ALIGN + 512}, 1);
    FLY_CHECK(fly_file_read(file, 0, buffer, sizeof buffer, &err), FLY_E_IO, err);
    FLY_CHECK_SAYS(err.message, "could not read at 4608 of \"scripted.db\": short by 3584 bytes");
}
END_TEST

START_TEST(past_the_cache_half_a_block_written_is_a_failure)
{
    static uint8_t buffer[2 * FLY_DIRECT_ALIGN];
    scripted.file.direct = true;
    script((int64_t[]){FLY_DIRECT_ALIGN + 512}, 1);
    FLY_CHECK(fly_file_write(file, 0, buffer, sizeof buffer, 0, &err), FLY_E_IO, err);
    FLY_CHECK_SAYS(err.message, "short by 3584 bytes");
}
END_TEST

/* ----------------------------------------------------------------- interruptions */

START_TEST(interrupted_calls_are_repeated)
{
    uint64_t size = 0;
    fly_file *opened = NULL;
    uint8_t buffer[4];
    const int64_t twice[] = {-EINTR, -EINTR};
    fill_file(4);
    script(twice, 2);
    FLY_CHECK_OK(fly_file_open(&vfs, "x", 0, &opened, &err), err);
    script(twice, 2);
    FLY_CHECK_OK(fly_file_read(file, 0, buffer, 4, &err), err);
    script(twice, 2);
    FLY_CHECK_OK(fly_file_write(file, 0, buffer, 4, 0, &err), err);
    script(twice, 2);
    FLY_CHECK_OK(fly_file_truncate(file, 4, &err), err);
    script(twice, 2);
    FLY_CHECK_OK(fly_file_allocate(file, 0, 4, &err), err);
    script(twice, 2);
    FLY_CHECK_OK(fly_file_size(file, &size, &err), err);
    script(twice, 2);
    FLY_CHECK_OK(fly_file_lock(file, &err), err);
    script(twice, 2);
    FLY_CHECK_OK(fly_vfs_rename(&vfs, "x", "y", &err), err);
    script(twice, 2);
    FLY_CHECK_OK(fly_vfs_remove(&vfs, "x", &err), err);
    script(twice, 2);
    FLY_CHECK_OK(fly_vfs_make_dir(&vfs, "x", &err), err);
    ck_assert_int_eq(scripted.calls, 3);
}
END_TEST

START_TEST(a_call_that_is_interrupted_for_ever_fails_at_last)
{
    uint8_t byte = 0;
    scripted.always = -EINTR;
    FLY_CHECK(fly_file_write(file, 0, &byte, 1, 0, &err), FLY_E_IO, err);
    FLY_CHECK_SAYS(err.message, "Interrupted system call");
}
END_TEST

START_TEST(a_sync_is_never_repeated)
{
    script((int64_t[]){-EINTR}, 1);
    FLY_CHECK(fly_file_sync(file, &err), FLY_E_IO, err);
    ck_assert_int_eq(scripted.calls, 1);
    script((int64_t[]){-EIO}, 1);
    FLY_CHECK(fly_file_sync_data(file, &err), FLY_E_IO, err);
    ck_assert_int_eq(scripted.calls, 1);
    script((int64_t[]){-EINTR}, 1);
    FLY_CHECK(fly_vfs_sync_dir(&vfs, "x", &err), FLY_E_IO, err);
    ck_assert_int_eq(scripted.calls, 1);
}
END_TEST

START_TEST(an_interrupted_close_has_closed)
{
    script((int64_t[]){-EINTR}, 1);
    FLY_CHECK_OK(fly_file_close(file, &err), err);
    ck_assert_int_eq(scripted.calls, 1);
    script((int64_t[]){-EIO}, 1);
    FLY_CHECK(fly_file_close(file, &err), FLY_E_IO, err);
    FLY_CHECK_SAYS(err.message, "could not close \"scripted.db\"");
    FLY_CHECK_OK(fly_file_close(NULL, &err), err);
    fly_file_abandon(NULL);
}
END_TEST

/* ---------------------------------------------------------------------- failures */

static const struct {
    int error;
    fly_status status;
} errors[] = {
    {ENOENT, FLY_E_NOT_FOUND},
    {ENOTDIR, FLY_E_NOT_FOUND},
    {EEXIST, FLY_E_EXISTS},
    {ENOSPC, FLY_E_NO_SPACE},
    {EDQUOT, FLY_E_NO_SPACE},
    {EFBIG, FLY_E_NO_SPACE},
    {ENOMEM, FLY_E_NO_MEMORY},
    {EACCES, FLY_E_PERMISSION},
    {EPERM, FLY_E_PERMISSION},
    {EROFS, FLY_E_PERMISSION},
    {EIO, FLY_E_IO},
    {EMFILE, FLY_E_IO},
    {EWOULDBLOCK, FLY_E_LOCKED},
};

START_TEST(each_errno_becomes_the_status_that_callers_expect)
{
    fly_file *opened = NULL;
    script((int64_t[]){-errors[_i].error}, 1);
    FLY_CHECK(fly_file_open(&vfs, "x.db", 0, &opened, &err), errors[_i].status, err);
    ck_assert_int_eq(err.os_errno, errors[_i].error);
    FLY_CHECK_SAYS(err.message, "could not open \"x.db\": ");
}
END_TEST

START_TEST(a_failed_write_says_what_is_missing)
{
    script((int64_t[]){2, -ENOSPC}, 2);
    FLY_CHECK(fly_file_write(file, 10, "hello", 5, 0, &err), FLY_E_NO_SPACE, err);
    FLY_CHECK_SAYS(err.message, "could not write 3 bytes at 12 of \"scripted.db\": No space");
}
END_TEST

START_TEST(a_taken_lock_is_told_without_an_errno)
{
    script((int64_t[]){-EWOULDBLOCK}, 1);
    FLY_CHECK(fly_file_lock(file, &err), FLY_E_LOCKED, err);
    FLY_CHECK_SAYS(err.message, "another process has it open");
}
END_TEST

START_TEST(a_directory_that_is_there_already_is_fine)
{
    script((int64_t[]){-EEXIST}, 1);
    FLY_CHECK_OK(fly_vfs_make_dir(&vfs, "x", &err), err);
}
END_TEST

START_TEST(a_file_that_cannot_be_removed_ends_the_removal_of_its_tree)
{
    script((int64_t[]){EVERYTHING, -EACCES}, 2);
    FLY_CHECK(fly_vfs_remove_tree(&vfs, "dir", &err), FLY_E_PERMISSION, err);
    FLY_CHECK_SAYS(err.message, "could not remove \"dir/stubborn\"");
}
END_TEST

START_TEST(paths_are_joined_or_refused)
{
    char path[8];
    FLY_CHECK_OK(fly_path_join(path, sizeof path, "abc", "def", &err), err);
    ck_assert_str_eq(path, "abc/def");
    FLY_CHECK(fly_path_join(path, sizeof path, "abc", "defg", &err), FLY_E_TOO_LARGE, err);
    FLY_CHECK_SAYS(err.message, "is longer than 7 bytes");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vfs");
    TCase *counts = fly_test_case(suite, "short counts");
    tcase_add_checked_fixture(counts, setup, NULL);
    tcase_add_test(counts, short_reads_are_continued_where_they_stopped);
    tcase_add_test(counts, short_reads_go_on_in_the_middle_of_a_part);
    tcase_add_test(counts, short_writes_are_continued_where_they_stopped);
    tcase_add_test(counts, nothing_to_transfer_is_no_call);
    tcase_add_test(counts, the_end_of_the_file_ends_a_read);
    tcase_add_test(counts, a_write_that_writes_nothing_is_a_failure);
    tcase_add_test(counts, past_the_cache_a_read_goes_on_at_a_block);
    tcase_add_test(counts, past_the_cache_the_end_may_lie_in_a_block);
    tcase_add_test(counts, past_the_cache_half_a_block_is_not_the_end_of_the_file);
    tcase_add_test(counts, past_the_cache_half_a_block_written_is_a_failure);

    TCase *interruptions = fly_test_case(suite, "interruptions");
    tcase_add_checked_fixture(interruptions, setup, NULL);
    tcase_add_test(interruptions, interrupted_calls_are_repeated);
    tcase_add_test(interruptions, a_call_that_is_interrupted_for_ever_fails_at_last);
    tcase_add_test(interruptions, a_sync_is_never_repeated);
    tcase_add_test(interruptions, an_interrupted_close_has_closed);

    TCase *failures = fly_test_case(suite, "failures");
    tcase_add_checked_fixture(failures, setup, NULL);
    tcase_add_loop_test(failures, each_errno_becomes_the_status_that_callers_expect, 0,
                        (int)(sizeof errors / sizeof errors[0]));
    tcase_add_test(failures, a_failed_write_says_what_is_missing);
    tcase_add_test(failures, a_taken_lock_is_told_without_an_errno);
    tcase_add_test(failures, a_directory_that_is_there_already_is_fine);
    tcase_add_test(failures, a_file_that_cannot_be_removed_ends_the_removal_of_its_tree);
    tcase_add_test(failures, paths_are_joined_or_refused);
    return fly_test_run(suite);
}
