/*
 * Goal: what is particular to the operating system's files: locks against other processes, and
 * opening past the cache where that is possible.
 * Method: real files in a temporary directory, and a second process.
 */
#include <fly/base_vfs.h>

#include <fly/base_check.h>
#include <fly/base_testing.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];
static char path[128];
static fly_err err;

static void setup(void)
{
    memset(&err, 0, sizeof err);
    FLY_CHECK_OK(fly_test_temp_dir(dir, sizeof dir, &err), err);
    FLY_CHECK_OK(fly_path_join(path, sizeof path, dir, "f", &err), err);
}

static void teardown(void)
{
    FLY_CHECK_OK(fly_vfs_remove_tree(fly_vfs_posix(), dir, &err), err);
}

static fly_file *open_file(void)
{
    fly_file *file = NULL;
    FLY_CHECK_OK(
        fly_file_open(fly_vfs_posix(), path, FLY_OPEN_WRITE | FLY_OPEN_CREATE, &file, &err), err);
    return file;
}

/* What another process gets when it tries to lock the file. */
static int status_elsewhere(void)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        fly_file *file = NULL;
        fly_status status = fly_file_open(fly_vfs_posix(), path, FLY_OPEN_WRITE, &file, NULL);
        status = status == FLY_OK ? fly_file_lock(file, NULL) : status;
        _exit((int)status);
    }
    int state = 0;
    ck_assert_int_eq(waitpid(child, &state, 0), child);
    ck_assert(WIFEXITED(state));
    return WEXITSTATUS(state);
}

START_TEST(a_lock_keeps_other_processes_out)
{
    fly_file *file = open_file();
    ck_assert_int_eq(status_elsewhere(), FLY_OK); /* and it goes with that process */
    FLY_CHECK_OK(fly_file_lock(file, &err), err);
    ck_assert_int_eq(status_elsewhere(), FLY_E_LOCKED);
    FLY_CHECK_OK(fly_file_close(file, &err), err);
    ck_assert_int_eq(status_elsewhere(), FLY_OK);
}
END_TEST

START_TEST(what_cannot_go_past_the_cache_is_opened_without)
{
    fly_file *file = NULL;
    char byte = 0;
    FLY_CHECK_OK(fly_file_open(fly_vfs_posix(), "/proc/version", FLY_OPEN_DIRECT, &file, &err),
                 err);
    ck_assert(!fly_file_direct(file));
    FLY_CHECK_OK(fly_file_read(file, 0, &byte, 1, &err), err);
    ck_assert_int_eq(byte, 'L');
    FLY_CHECK_OK(fly_file_close(file, &err), err);
}
END_TEST

START_TEST(a_failure_carries_the_errno)
{
    fly_file *file = NULL;
    FLY_CHECK(fly_file_open(fly_vfs_posix(), "/nowhere/at/all", 0, &file, &err), FLY_E_NOT_FOUND,
              err);
    ck_assert_int_eq(err.os_errno, ENOENT);
    ck_assert_str_eq(err.message, "could not open \"/nowhere/at/all\": No such file or directory");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vfs_posix");
    TCase *tests = fly_test_case(suite, "posix");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_lock_keeps_other_processes_out);
    tcase_add_test(tests, what_cannot_go_past_the_cache_is_opened_without);
    tcase_add_test(tests, a_failure_carries_the_errno);
    return fly_test_run(suite);
}
