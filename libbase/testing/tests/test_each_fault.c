/*
 * Goal: the driver finds the operation after which something is leaked, lost or passed over, and
 * passes work that does it right.
 * Method: one piece of work, right, and then with one mistake at a time.
 */
#define _GNU_SOURCE
#include <fly/base_fault.h>

#include <fly/base_check.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef enum mistake {
    NO_MISTAKE,
    LEAKS_MEMORY,        /* when the second allocation fails */
    LEAKS_FILE,          /* when the write fails */
    PASSES_OVER_FAILURE, /* of the write */
    STOPS_AT_INTERRUPTIONS,
    FAILS_ANYWAY,
    CRASHES_WITHOUT_MEMORY,
    LOCKS_AND_WAITS
} mistake;

static fly_err err;

/* Replace a file in the way that survives crashes: write another, sync it, rename it. */
static fly_status replace(fly_sim_env *world, mistake made, const uint8_t *bytes, size_t len)
{
    fly_vfs *vfs = world->env.vfs;
    fly_file *file = NULL;
    unsigned flags = FLY_OPEN_WRITE | FLY_OPEN_CREATE | FLY_OPEN_TRUNCATE;
    fly_status status = fly_file_open(vfs, "tmp", flags, &file, NULL);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_file_write(file, 0, bytes, len, 0, NULL);
    if (made == PASSES_OVER_FAILURE) {
        status = FLY_OK;
    }
    if (status != FLY_OK && made == LEAKS_FILE) {
        return status;
    }
    if (status == FLY_OK) {
        status = fly_file_sync(file, NULL);
    }
    if (status == FLY_OK) {
        status = fly_file_close(file, NULL);
    } else {
        fly_file_abandon(file);
    }
    if (status == FLY_OK) {
        status = fly_vfs_rename(vfs, "tmp", "f", NULL);
    }
    return status == FLY_OK ? fly_vfs_sync_dir(vfs, ".", NULL) : status;
}

/* Two blocks of memory, and a file of three letters made from them. */
static fly_status work(fly_sim_env *world, void *ctx)
{
    mistake made = *(const mistake *)ctx;
    fly_mem *mem = world->env.mem;
    if (made == FAILS_ANYWAY) {
        return FLY_E_INVALID;
    }
    uint8_t *first = fly_mem_alloc(mem, 3);
    if (first == NULL && made != CRASHES_WITHOUT_MEMORY) {
        return FLY_E_NO_MEMORY;
    }
    memcpy(first, "new", 3);
    uint8_t *second = fly_mem_alloc(mem, 10);
    if (second == NULL) {
        fly_mem_free(mem, made == LEAKS_MEMORY ? NULL : first, 3);
        return FLY_E_NO_MEMORY;
    }
    uint64_t before = fly_sim_disk_calls(world->disk, 0);
    fly_status status = replace(world, made, first, 3);
    if (made == STOPS_AT_INTERRUPTIONS && fly_sim_disk_calls(world->disk, 0) > before + 6) {
        status = FLY_E_IO; /* it counted its calls, and there was one more */
    }
    fly_mem_free(mem, second, 10);
    fly_mem_free(mem, first, 3);
    return status;
}

/* Whatever failed, the file is the new one or there is none; and with no faults the work is done. */
static void verify(fly_sim_env *world, void *ctx)
{
    char text[4] = "";
    fly_file *file = NULL;
    (void)ctx;
    if (fly_file_open(world->env.vfs, "f", 0, &file, &err) == FLY_OK) {
        FLY_ASSERT(fly_file_read(file, 0, text, 3, &err) == FLY_OK);
        FLY_ASSERT(strcmp(text, "new") == 0);
        FLY_ASSERT(fly_file_close(file, &err) == FLY_OK);
    }
    mistake none = NO_MISTAKE;
    FLY_ASSERT(work(world, &none) == FLY_OK);
}

/* Run the driver; what it said on standard error, or NULL if it was content. */
static const char *complaint_about(mistake made, const fly_test_fault_options *options,
                                   fly_test_work run, fly_test_verify look)
{
    static char text[8192];
    int ends[2];
    memset(text, 0, sizeof text);
    ck_assert_int_eq(pipe(ends), 0);
    int before = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(ends[1], STDERR_FILENO), 0);
    bool passed = fly_test_each_fault("replacing", options, run, look, &made);
    ck_assert_int_ge(dup2(before, STDERR_FILENO), 0);
    ck_assert_int_eq(close(ends[1]), 0);
    ck_assert_int_ge(read(ends[0], text, sizeof text - 1), 0);
    ck_assert_int_eq(close(ends[0]), 0);
    return passed ? NULL : text;
}

START_TEST(work_that_does_it_right_passes)
{
    mistake none = NO_MISTAKE;
    ck_assert(fly_test_each_fault("replacing", NULL, work, verify, &none));
    ck_assert(fly_test_each_fault("replacing", &(fly_test_fault_options){.threads = true}, work,
                                  verify, &none));
    ck_assert(fly_test_each_fault("replacing", NULL, work, NULL, &none));
}
END_TEST

static const struct {
    mistake made;
    const char *complaint;
} mistakes[] = {
    {LEAKS_MEMORY, "1 blocks, 3 bytes, were not released"},
    {LEAKS_MEMORY, "replacing: allocation failing, once (number 1) ended with signal 6"},
    {LEAKS_FILE, "a file is still open\nthe last calls of the disk:\n#0 open \"tmp\" 0+0 = 0\n"
                 "#1 write \"tmp\" 0+3 = -5\n"},
    {LEAKS_FILE, "replacing: call failing with EIO, once (number 1) ended with"},
    {PASSES_OVER_FAILURE, "replacing: call failing with EIO, once (number 1) ended with"},
    {STOPS_AT_INTERRUPTIONS, "the work returned E_IO, for something that it should not notice"},
    {STOPS_AT_INTERRUPTIONS, "replacing: call interrupted (number 0) ended with"},
    {FAILS_ANYWAY, "the work returned E_INVALID, though nothing failed"},
    {CRASHES_WITHOUT_MEMORY, "replacing: allocation failing, once (number 0)"},
};

START_TEST(each_mistake_is_found_and_named)
{
    const char *complaint = complaint_about(mistakes[_i].made, NULL, work, verify);
    ck_assert_ptr_nonnull(complaint);
    FLY_CHECK_SAYS(complaint, mistakes[_i].complaint);
}
END_TEST

START_TEST(only_the_faults_that_are_wanted_are_tried)
{
    fly_test_fault_options options = {.faults = FLY_TEST_SHORT | FLY_TEST_EINTR};
    mistake made = LEAKS_MEMORY;
    ck_assert(fly_test_each_fault("replacing", &options, work, verify, &made));
    options.faults = FLY_TEST_MEMORY_LASTING;
    ck_assert_ptr_nonnull(complaint_about(LEAKS_MEMORY, &options, work, verify));
}
END_TEST

START_TEST(a_stride_leaves_cases_out_and_rounds_bring_them_back)
{
    fly_test_fault_options options = {.stride = 2};
    mistake made = LEAKS_MEMORY; /* shows in case 1 only */
    ck_assert(fly_test_each_fault("replacing", &options, work, verify, &made));
    ck_assert_int_eq(setenv("FLY_TEST_ROUNDS", "2", 1), 0);
    ck_assert_ptr_nonnull(complaint_about(LEAKS_MEMORY, &options, work, verify));
}
END_TEST

/* A case alone runs in this process: its work can be seen. */
static int runs;

static fly_status count_runs(fly_sim_env *world, void *ctx)
{
    runs++;
    return work(world, ctx);
}

START_TEST(a_case_can_be_run_alone)
{
    mistake none = NO_MISTAKE;
    ck_assert_int_eq(setenv("FLY_TEST_SEED", "4294967297", 1), 0); /* kind 1, number 1 */
    ck_assert(fly_test_each_fault("replacing", NULL, count_runs, verify, &none));
    ck_assert_int_eq(runs, 1);
}
END_TEST

static fly_status hang(fly_sim_env *world, void *ctx)
{
    (void)world;
    (void)ctx;
    fly_atomic_u32 word = {0};
    while (fly_load_u32(&word) == 0) {
        (void)fly_park(&word, 0, FLY_FOREVER, "never");
    }
    return FLY_OK;
}

START_TEST(work_that_hangs_is_reported)
{
    const char *complaint =
        complaint_about(NO_MISTAKE, &(fly_test_fault_options){.threads = true}, hang, NULL);
    ck_assert_ptr_nonnull(complaint);
    FLY_CHECK_SAYS(complaint, "waits for \"never\"");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("each_fault");
    TCase *tests = fly_test_case(suite, "each fault");
    tcase_add_test(tests, work_that_does_it_right_passes);
    tcase_add_loop_test(tests, each_mistake_is_found_and_named, 0,
                        (int)(sizeof mistakes / sizeof mistakes[0]));
    tcase_add_test(tests, only_the_faults_that_are_wanted_are_tried);
    tcase_add_test(tests, a_stride_leaves_cases_out_and_rounds_bring_them_back);
    tcase_add_test(tests, a_case_can_be_run_alone);
    tcase_add_test(tests, work_that_hangs_is_reported);
    return fly_test_run(suite);
}
