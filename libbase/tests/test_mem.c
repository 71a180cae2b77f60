/*
 * Goal: allocators keep their promises about size, alignment, limits and lifetime.
 * Method: a parent that counts stands below accounts and arenas; ASan watches the bytes.
 */
#include <fly/base_mem.h>

#include <fly/base_check.h>
#include <fly/base_sched.h>

#include <stdint.h>
#include <string.h>

/* An allocator that counts what is out, and can be told to have no more. */
static struct {
    fly_mem mem;
    int blocks;
    size_t bytes;
    bool empty;
} parent;

static void *parent_alloc(fly_mem *mem, size_t size, size_t align)
{
    (void)mem;
    if (parent.empty) {
        return NULL;
    }
    parent.blocks++;
    parent.bytes += size;
    return fly_mem_alloc_aligned(fly_mem_system(), size, align);
}

static void parent_release(fly_mem *mem, void *block, size_t size)
{
    (void)mem;
    parent.blocks--;
    parent.bytes -= size;
    fly_mem_free(fly_mem_system(), block, size);
}

static void setup(void)
{
    memset(&parent, 0, sizeof parent);
    parent.mem = (fly_mem){parent_alloc, parent_release};
}

static void teardown(void)
{
    ck_assert_int_eq(parent.blocks, 0);
    ck_assert_uint_eq(parent.bytes, 0);
}

/* --------------------------------------------------------------------- blocks */

START_TEST(blocks_are_aligned_as_asked)
{
    for (size_t align = 1; align <= 8192; align *= 2) {
        void *block = fly_mem_alloc_aligned(fly_mem_system(), 100, align);
        ck_assert_ptr_nonnull(block);
        ck_assert_uint_eq((uintptr_t)block % align, 0);
        memset(block, 1, 100);
        fly_mem_free(fly_mem_system(), block, 100);
    }
    void *any = fly_mem_alloc(fly_mem_system(), 1);
    ck_assert_uint_eq((uintptr_t)any % 16, 0);
    fly_mem_free(fly_mem_system(), any, 1);
}
END_TEST

START_TEST(nothing_is_a_size_too)
{
    void *block = fly_mem_alloc(&parent.mem, 0);
    ck_assert_ptr_nonnull(block);
    fly_mem_free(&parent.mem, block, 0);
    fly_mem_free(&parent.mem, NULL, 17);
}
END_TEST

START_TEST(calloc_gives_zeros_and_refuses_what_overflows)
{
    uint8_t *block = fly_mem_calloc(&parent.mem, 10, 7);
    ck_assert_ptr_nonnull(block);
    for (int i = 0; i < 70; i++) {
        ck_assert_uint_eq(block[i], 0);
    }
    fly_mem_free(&parent.mem, block, 70);
    ck_assert_ptr_null(fly_mem_calloc(&parent.mem, SIZE_MAX / 2, 3));
}
END_TEST

START_TEST(resizing_keeps_what_fits)
{
    char *block = fly_mem_resize(&parent.mem, NULL, 0, 6);
    ck_assert_ptr_nonnull(block);
    memcpy(block, "hello", 6);
    block = fly_mem_resize(&parent.mem, block, 6, 600);
    ck_assert_str_eq(block, "hello");
    block = fly_mem_resize(&parent.mem, block, 600, 3);
    ck_assert_mem_eq(block, "hel", 3);
    fly_mem_free(&parent.mem, block, 3);
}
END_TEST

START_TEST(a_resize_without_memory_leaves_the_old_block)
{
    char *block = fly_mem_alloc(&parent.mem, 6);
    memcpy(block, "hello", 6);
    parent.empty = true;
    ck_assert_ptr_null(fly_mem_resize(&parent.mem, block, 6, 600));
    ck_assert_str_eq(block, "hello");
    fly_mem_free(&parent.mem, block, 6);
}
END_TEST

/* ------------------------------------------------------------------- accounts */

START_TEST(an_account_counts_and_remembers_its_peak)
{
    fly_account account;
    fly_account_init(&account, &parent.mem, "query", 0);
    void *a = fly_mem_alloc(&account.mem, 100);
    void *b = fly_mem_alloc(&account.mem, 50);
    ck_assert_uint_eq(fly_load_u64(&account.used), 150);
    fly_mem_free(&account.mem, a, 100);
    ck_assert_uint_eq(fly_load_u64(&account.used), 50);
    ck_assert_uint_eq(fly_load_u64(&account.peak), 150);
    fly_mem_free(&account.mem, b, 50);
    fly_account_deinit(&account);
}
END_TEST

START_TEST(the_limit_can_be_reached_and_not_passed)
{
    fly_account account;
    fly_account_init(&account, &parent.mem, "query", 100);
    void *all = fly_mem_alloc(&account.mem, 100);
    ck_assert_ptr_nonnull(all);
    ck_assert_ptr_null(fly_mem_alloc(&account.mem, 1));
    fly_mem_free(&account.mem, all, 100);
    ck_assert_ptr_null(fly_mem_alloc(&account.mem, 101));
    ck_assert_ptr_null(fly_mem_alloc(&account.mem, SIZE_MAX));
    ck_assert_uint_eq(fly_load_u64(&account.used), 0);
    ck_assert_uint_eq(fly_load_u64(&account.peak), 100);
    fly_account_deinit(&account);
}
END_TEST

START_TEST(a_refusal_below_is_not_counted_above)
{
    fly_account server;
    fly_account query;
    fly_account_init(&server, &parent.mem, "server", 100);
    fly_account_init(&query, &server.mem, "query", 0);
    ck_assert_ptr_null(fly_mem_alloc(&query.mem, 101));
    ck_assert_uint_eq(fly_load_u64(&query.used), 0);
    void *some = fly_mem_alloc(&query.mem, 60);
    ck_assert_uint_eq(fly_load_u64(&server.used), 60);
    fly_mem_free(&query.mem, some, 60);
    fly_account_deinit(&query);
    fly_account_deinit(&server);
}
END_TEST

/* One thread asks for far too much, again and again; the other one's small requests fit at all
 * times and must never feel it. */
static fly_account shared;
static fly_atomic_u32 stop;

static void ask_for_too_much(void *arg)
{
    (void)arg;
    while (fly_load_u32(&stop) == 0) {
        FLY_ASSERT(fly_mem_alloc(&shared.mem, 5000) == NULL);
    }
}

START_TEST(a_refused_request_does_not_make_others_fail)
{
    fly_account_init(&shared, fly_mem_system(), "shared", 4096);
    fly_thread greedy;
    fly_err err = {0};
    FLY_CHECK_OK(fly_thread_start(fly_sched_os(), &greedy, "greedy", ask_for_too_much, NULL, &err),
                 err);
    int refused = 0;
    for (int i = 0; i < 300000; i++) {
        void *block = fly_mem_alloc(&shared.mem, 64);
        refused += block == NULL;
        fly_mem_free(&shared.mem, block, 64);
    }
    fly_store_u32(&stop, 1);
    fly_thread_join(&greedy);
    ck_assert_int_eq(refused, 0);
    fly_account_deinit(&shared);
}
END_TEST

/* --------------------------------------------------------------------- arenas */

START_TEST(an_arena_takes_nothing_until_it_is_used)
{
    fly_arena arena;
    fly_arena_init(&arena, &parent.mem, 0);
    ck_assert_int_eq(parent.blocks, 0);
    fly_arena_deinit(&arena);
}
END_TEST

START_TEST(many_small_requests_share_a_chunk)
{
    fly_arena arena;
    fly_arena_init(&arena, &parent.mem, 4096);
    uint8_t *blocks[100];
    for (int i = 0; i < 100; i++) {
        blocks[i] = fly_arena_alloc(&arena, 13);
        ck_assert_ptr_nonnull(blocks[i]);
        ck_assert_uint_eq((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], i, 13);
    }
    ck_assert_int_eq(parent.blocks, 1);
    for (int i = 0; i < 100; i++) {
        for (int k = 0; k < 13; k++) {
            ck_assert_int_eq(blocks[i][k], i);
        }
    }
    fly_arena_deinit(&arena);
}
END_TEST

START_TEST(a_large_request_does_not_waste_the_rest_of_the_chunk)
{
    fly_arena arena;
    fly_arena_init(&arena, &parent.mem, 4096);
    uint8_t *first = fly_arena_alloc(&arena, 8);
    uint8_t *large = fly_arena_alloc(&arena, 100000);
    uint8_t *second = fly_arena_alloc(&arena, 8);
    ck_assert_ptr_nonnull(large);
    memset(large, 1, 100000);
    ck_assert_ptr_eq(second, first + 16);
    fly_arena_deinit(&arena);
}
END_TEST

START_TEST(nothing_can_be_allocated_and_copied_from_an_empty_arena)
{
    fly_arena arena;
    fly_arena_init(&arena, &parent.mem, 0);
    void *first = fly_arena_alloc(&arena, 0);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_ne(fly_arena_alloc(&arena, 1), first);
    fly_arena_deinit(&arena);
    ck_assert_ptr_nonnull(fly_arena_copy(&arena, NULL, 0));
    void *before = NULL;
    for (int i = 0; i < 100; i++) {
        void *nothing = fly_arena_alloc(&arena, 0);
        ck_assert_ptr_nonnull(nothing);
        ck_assert_ptr_ne(nothing, before);
        before = nothing;
    }
    ck_assert_int_eq(parent.blocks, 1);
    fly_arena_deinit(&arena);
}
END_TEST

START_TEST(no_memory_and_absurd_sizes_give_null)
{
    fly_arena arena;
    fly_arena_init(&arena, &parent.mem, 0);
    for (int round = 0; round < 2; round++) { /* empty, and with room */
        ck_assert_ptr_null(fly_arena_alloc(&arena, SIZE_MAX));
        ck_assert_ptr_null(fly_arena_alloc(&arena, SIZE_MAX - 14));
        ck_assert_ptr_null(fly_arena_alloc(&arena, SIZE_MAX / 2 + 1));
        ck_assert_ptr_nonnull(fly_arena_alloc(&arena, 1));
    }
    fly_arena_deinit(&arena);
    parent.empty = true;
    ck_assert_ptr_null(fly_arena_alloc(&arena, 1));
    ck_assert_ptr_null(fly_arena_copy(&arena, "x", 1));
    parent.empty = false;
    ck_assert_str_eq(fly_arena_copy(&arena, "x", 2), "x");
    fly_arena_deinit(&arena);
}
END_TEST

START_TEST(a_reset_arena_keeps_one_chunk_and_forgets_the_rest)
{
    fly_arena arena;
    fly_arena_init(&arena, &parent.mem, 64);
    for (int i = 0; i < 1000; i++) {
        ck_assert_ptr_nonnull(fly_arena_alloc(&arena, 24));
    }
    ck_assert_int_gt(parent.blocks, 1);
    fly_arena_reset(&arena);
    ck_assert_int_eq(parent.blocks, 1);
    void *again = fly_arena_alloc(&arena, 24);
    ck_assert_ptr_nonnull(again);
    ck_assert_int_eq(parent.blocks, 1);
    fly_arena_reset(&arena);
    ck_assert_ptr_eq(fly_arena_alloc(&arena, 24), again);
    fly_arena_deinit(&arena);
    fly_arena_reset(&arena);
}
END_TEST

START_TEST(an_arena_with_tiny_chunks_works)
{
    fly_arena arena;
    fly_arena_init(&arena, &parent.mem, 1);
    for (size_t size = 0; size < 300; size++) {
        uint8_t *block = fly_arena_alloc(&arena, size);
        ck_assert_ptr_nonnull(block);
        memset(block, 7, size);
    }
    fly_arena_deinit(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("mem");
    TCase *blocks = fly_test_case(suite, "blocks");
    tcase_add_checked_fixture(blocks, setup, teardown);
    tcase_add_test(blocks, blocks_are_aligned_as_asked);
    tcase_add_test(blocks, nothing_is_a_size_too);
    tcase_add_test(blocks, calloc_gives_zeros_and_refuses_what_overflows);
    tcase_add_test(blocks, resizing_keeps_what_fits);
    tcase_add_test(blocks, a_resize_without_memory_leaves_the_old_block);

    TCase *accounts = fly_test_case(suite, "accounts");
    tcase_add_checked_fixture(accounts, setup, teardown);
    tcase_add_test(accounts, an_account_counts_and_remembers_its_peak);
    tcase_add_test(accounts, the_limit_can_be_reached_and_not_passed);
    tcase_add_test(accounts, a_refusal_below_is_not_counted_above);
    tcase_add_test(accounts, a_refused_request_does_not_make_others_fail);

    TCase *arenas = fly_test_case(suite, "arenas");
    tcase_add_checked_fixture(arenas, setup, teardown);
    tcase_add_test(arenas, an_arena_takes_nothing_until_it_is_used);
    tcase_add_test(arenas, many_small_requests_share_a_chunk);
    tcase_add_test(arenas, a_large_request_does_not_waste_the_rest_of_the_chunk);
    tcase_add_test(arenas, nothing_can_be_allocated_and_copied_from_an_empty_arena);
    tcase_add_test(arenas, no_memory_and_absurd_sizes_give_null);
    tcase_add_test(arenas, a_reset_arena_keeps_one_chunk_and_forgets_the_rest);
    tcase_add_test(arenas, an_arena_with_tiny_chunks_works);
    return fly_test_run(suite);
}
