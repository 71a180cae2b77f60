/*
 * Allocators: the system's, accounts that count and refuse, and arenas.
 *
 * An arena is a list of chunks, newest first. Allocation bumps a pointer in the newest one; a
 * request larger than a chunk gets a chunk to itself, behind the newest, so that the room left in
 * the newest is not lost.
 *
 * What is not here: the allocator that fails on demand, which is a test's (testing/src/fault_mem.c).
 */
#define _POSIX_C_SOURCE 200809L
#include <fly/base_mem.h>

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ the system */

static void *system_alloc(fly_mem *mem, size_t size, size_t align)
{
    (void)mem;
    if (align <= 16) {
        return malloc(size);
    }
    void *block = NULL;
    return posix_memalign(&block, align, size) == 0 ? block : NULL;
}

static void system_release(fly_mem *mem, void *block, size_t size)
{
    (void)mem;
    (void)size;
    free(block);
}

fly_mem *fly_mem_system(void)
{
    static fly_mem table = {system_alloc, system_release};
    return &table;
}

void *fly_mem_calloc(fly_mem *mem, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        return NULL;
    }
    void *block = fly_mem_alloc(mem, total);
    if (block != NULL) {
        memset(block, 0, total);
    }
    return block;
}

void *fly_mem_resize(fly_mem *mem, void *block, size_t old_size, size_t new_size)
{
    void *moved = fly_mem_alloc(mem, new_size);
    if (moved != NULL && block != NULL) {
        memcpy(moved, block, old_size < new_size ? old_size : new_size);
        fly_mem_free(mem, block, old_size);
    }
    return moved;
}

/* -------------------------------------------------------------------- accounts */

static void *account_alloc(fly_mem *mem, size_t size, size_t align)
{
    fly_account *account = (fly_account *)mem;
    uint64_t limit = account->limit != 0 ? account->limit : UINT64_MAX;
    /* Asked before it is added: a request that is refused must not, for a moment, look used to
     * others and have theirs refused too. */
    uint64_t used = fly_load_u64(&account->used);
    do {
        if (used > limit || size > limit - used) {
            return NULL;
        }
    } while (!fly_cas_u64(&account->used, &used, used + size));
    void *block = fly_mem_alloc_aligned(account->parent, size, align);
    if (block == NULL) {
        (void)fly_sub_u64(&account->used, size);
        return NULL;
    }
    (void)fly_raise_u64(&account->peak, used + size);
    return block;
}

static void account_release(fly_mem *mem, void *block, size_t size)
{
    fly_account *account = (fly_account *)mem;
    fly_mem_free(account->parent, block, size);
    uint64_t before = fly_sub_u64(&account->used, size);
    FLY_ASSERT(before >= size);
}

void fly_account_init(fly_account *account, fly_mem *parent, const char *name, uint64_t limit)
{
    *account = (fly_account){
        .mem = {account_alloc, account_release}, .parent = parent, .name = name, .limit = limit};
}

void fly_account_deinit(fly_account *account)
{
    FLY_ASSERT(fly_load_u64(&account->used) == 0);
}

/* ---------------------------------------------------------------------- arenas */

struct fly__chunk {
    struct fly__chunk *older;
    size_t size; /* of the whole block, this header included */
};

enum { FIRST_CHUNK = 4096, CHUNK_MAX = 1 << 20 };

static uint8_t *chunk_bytes(struct fly__chunk *chunk)
{
    return (uint8_t *)(chunk + 1);
}

void fly_arena_init(fly_arena *arena, fly_mem *mem, size_t first_chunk)
{
    *arena = (fly_arena){.mem = mem, .chunk_size = first_chunk > 0 ? first_chunk : FIRST_CHUNK};
}

static void release_chunks(fly_arena *arena, struct fly__chunk *chunk)
{
    while (chunk != NULL) {
        struct fly__chunk *older = chunk->older;
        fly_mem_free(arena->mem, chunk, chunk->size);
        chunk = older;
    }
}

void fly_arena_deinit(fly_arena *arena)
{
    release_chunks(arena, arena->chunk);
    arena->chunk = NULL;
    arena->at = NULL;
    arena->end = NULL;
}

void fly_arena_reset(fly_arena *arena)
{
    if (arena->chunk != NULL) {
        release_chunks(arena, arena->chunk->older);
        arena->chunk->older = NULL;
        arena->at = chunk_bytes(arena->chunk);
    }
}

void *fly_arena_alloc_slow(fly_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    size_t rounded = fly__arena_round(size);
    bool alone = rounded > arena->chunk_size / 2;
    size_t block_size = sizeof(struct fly__chunk) + (alone ? rounded : arena->chunk_size);
    struct fly__chunk *chunk = fly_mem_alloc(arena->mem, block_size);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->size = block_size;
    if (alone && arena->chunk != NULL) {
        chunk->older = arena->chunk->older;
        arena->chunk->older = chunk;
        return chunk_bytes(chunk);
    }
    chunk->older = arena->chunk;
    arena->chunk = chunk;
    arena->at = chunk_bytes(chunk) + rounded;
    arena->end = (uint8_t *)chunk + block_size;
    if (arena->chunk_size < CHUNK_MAX) {
        arena->chunk_size *= 2;
    }
    return chunk_bytes(chunk);
}

void *fly_arena_copy(fly_arena *arena, const void *data, size_t len)
{
    void *copy = fly_arena_alloc(arena, len);
    if (copy != NULL && len > 0) {
        memcpy(copy, data, len);
    }
    return copy;
}
