/*
 * The arena beside the system's allocator, and what an account adds to it. Does not measure: many
 * threads in one account, which share a counter.
 */
#include <fly/base_mem.h>

#include "bench.h"

enum { SIZE = 48, BATCH = 1000 };

static void from_heap(void *ctx, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        void *block = fly_mem_alloc(ctx, SIZE);
        bench_use((uintptr_t)block);
        fly_mem_free(ctx, block, SIZE);
    }
}

static void from_arena(void *ctx, uint64_t n)
{
    fly_arena arena;
    fly_arena_init(&arena, ctx, 65536);
    for (uint64_t i = 0; i < n; i++) {
        if (i % BATCH == 0) {
            fly_arena_reset(&arena);
        }
        bench_use((uintptr_t)fly_arena_alloc(&arena, SIZE));
    }
    fly_arena_deinit(&arena);
}

int main(void)
{
    fly_account account;
    fly_account_init(&account, fly_mem_system(), "bench", 0);
    bench("alloc_free/system", from_heap, fly_mem_system(), SIZE);
    bench("alloc_free/account", from_heap, &account.mem, SIZE);
    bench("arena_alloc", from_arena, fly_mem_system(), SIZE);
    fly_account_deinit(&account);
    return 0;
}
