/*
 * Goal: the failing allocator fails when it was told to, and lets no mistake of its users pass.
 * Method: one request at a time; mistakes that must stop the program.
 */
#include <fly/base_faultmem.h>

#include <fly/base_check.h>

#include <signal.h>
#include <stdint.h>

static fly_test_mem mem;

static void setup(void)
{
    fly_test_mem_init(&mem, NULL);
}

/* Whether the next five requests get memory, as a text of digits. */
static const char *five_requests(void)
{
    static char text[6];
    for (int i = 0; i < 5; i++) {
        void *block = fly_mem_alloc(&mem.mem, 10);
        text[i] = block != NULL ? '1' : '0';
        fly_mem_free(&mem.mem, block, 10);
    }
    return text;
}

START_TEST(nothing_fails_unless_asked_for)
{
    ck_assert_str_eq(five_requests(), "11111");
    ck_assert_uint_eq(fly_load_u64(&mem.requests), 5);
    fly_test_mem_deinit(&mem);
}
END_TEST

START_TEST(the_nth_request_fails_once_or_from_then_on)
{
    (void)five_requests();
    fly_test_mem_fail(&mem, 2, false);
    ck_assert_str_eq(five_requests(), "11011");
    ck_assert_uint_eq(fly_load_u64(&mem.refused), 1);
    fly_test_mem_fail(&mem, 3, true);
    ck_assert_str_eq(five_requests(), "11100");
    ck_assert_str_eq(five_requests(), "00000");
    ck_assert_uint_eq(fly_load_u64(&mem.refused), 8);
    fly_test_mem_mend(&mem);
    ck_assert_str_eq(five_requests(), "11111");
}
END_TEST

START_TEST(alignment_and_counters_are_right)
{
    for (size_t align = 1; align <= 8192; align *= 2) {
        uint8_t *block = fly_mem_alloc_aligned(&mem.mem, 100, align);
        ck_assert_uint_eq((uintptr_t)block % align, 0);
        ck_assert_uint_eq(fly_load_u64(&mem.blocks), 1);
        ck_assert_uint_eq(fly_load_u64(&mem.bytes), 100);
        fly_mem_free(&mem.mem, block, 100);
        ck_assert_uint_eq(fly_load_u64(&mem.blocks), 0);
        ck_assert_uint_eq(fly_load_u64(&mem.bytes), 0);
    }
    ck_assert_ptr_null(fly_mem_alloc(&mem.mem, SIZE_MAX));
}
END_TEST

START_TEST(fresh_memory_is_not_zero)
{
    uint8_t *block = fly_mem_alloc(&mem.mem, 3);
    ck_assert_mem_eq(block, "\xa5\xa5\xa5", 3);
    fly_mem_free(&mem.mem, block, 3);
}
END_TEST

START_TEST(a_leak_stops_the_program)
{
    ck_assert_ptr_nonnull(fly_mem_alloc(&mem.mem, 10));
    fly_test_mem_deinit(&mem);
}
END_TEST

START_TEST(a_wrong_size_stops_the_program)
{
    void *block = fly_mem_alloc(&mem.mem, 10);
    fly_mem_free(&mem.mem, block, 11);
}
END_TEST

static uint8_t bytes[64];

START_TEST(a_strange_block_stops_the_program)
{
    fly_mem_free(&mem.mem, bytes + 32, 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fault_mem");
    TCase *tests = fly_test_case(suite, "memory that fails");
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, nothing_fails_unless_asked_for);
    tcase_add_test(tests, the_nth_request_fails_once_or_from_then_on);
    tcase_add_test(tests, alignment_and_counters_are_right);
    tcase_add_test(tests, fresh_memory_is_not_zero);
    tcase_add_test_raise_signal(tests, a_leak_stops_the_program, SIGABRT);
    tcase_add_test_raise_signal(tests, a_wrong_size_stops_the_program, SIGABRT);
    tcase_add_test_raise_signal(tests, a_strange_block_stops_the_program, SIGABRT);
    return fly_test_run(suite);
}
