/**
 * @file base_mem.h
 * @brief Memory as a parameter: allocators, accounts with limits, arenas.
 *
 * A ::fly_mem is a small table of functions. Handles keep the one they were created with. Freeing
 * needs the size again, so that an account can count without headers in front of every block.
 *
 *     fly_mem_system()            malloc and free
 *       └─ fly_account "server"   counts, limit 4 GiB
 *            └─ fly_account "query"   counts, limit 64 MiB
 *                 └─ fly_arena        many sizes, one life
 *
 * Threads: allocators and accounts are thread-safe, an arena is thread-compatible.
 */
#ifndef FLY_BASE_MEM_H
#define FLY_BASE_MEM_H

#include <fly/base_atomic.h>

/** @addtogroup base
 *  @{ */
FLY_EXTERN_C_BEGIN

/** An allocator. Whoever implements one puts this first in a struct of their own. */
typedef struct fly_mem fly_mem;
struct fly_mem {
    /** `size` bytes (at least 1) aligned to `align` (a power of two); NULL if there are none. */
    void *(*alloc)(fly_mem *mem, size_t size, size_t align);
    /** Take back what alloc() gave for the same size. */
    void (*release)(fly_mem *mem, void *block, size_t size);
};

/** The process's heap. Lives for ever. */
fly_mem *fly_mem_system(void);

/**
 * @brief Allocate `size` bytes, aligned for any type.
 *
 * @return Gives the block (release with fly_mem_free() and the same size), or NULL.
 */
static inline void *fly_mem_alloc(fly_mem *mem, size_t size)
{
    return mem->alloc(mem, size > 0 ? size : 1, 16);
}

/** As fly_mem_alloc(), aligned to `align`, a power of two. */
static inline void *fly_mem_alloc_aligned(fly_mem *mem, size_t size, size_t align)
{
    return mem->alloc(mem, size > 0 ? size : 1, align);
}

/** As fly_mem_alloc() for `count` elements of `size` bytes, all zero; NULL if that overflows. */
void *fly_mem_calloc(fly_mem *mem, size_t count, size_t size);

/**
 * @brief Make a block larger or smaller; what fits is kept.
 *
 * @return The block at its new place, or NULL: then the old one is untouched and still owned.
 */
void *fly_mem_resize(fly_mem *mem, void *block, size_t old_size, size_t new_size);

/** Release a block. NULL is fine. */
static inline void fly_mem_free(fly_mem *mem, void *block, size_t size)
{
    if (block != NULL) {
        mem->release(mem, block, size > 0 ? size : 1);
    }
}

/* ------------------------------------------------------------------ accounts */

/**
 * An allocator that counts what goes through it, refuses what exceeds its limit and passes the
 * rest to its parent. Zero limit: none.
 */
typedef struct fly_account {
    fly_mem mem;         /**< first, so that an account is an allocator */
    fly_mem *parent;     /**< kept */
    const char *name;    /**< kept; for messages */
    uint64_t limit;      /**< bytes; 0 is no limit */
    fly_atomic_u64 used; /**< bytes given out and not yet taken back */
    fly_atomic_u64 peak; /**< the most that `used` ever was */
} fly_account;

/** Set up an account. `parent` and `name` are kept. */
void fly_account_init(fly_account *account, fly_mem *parent, const char *name, uint64_t limit);

/** Assert that everything came back. */
void fly_account_deinit(fly_account *account);

/* -------------------------------------------------------------------- arenas */

/** Memory of many sizes and one life: grows by chunks, is emptied in one step. */
typedef struct fly_arena {
    fly_mem *mem;             /**< kept */
    struct fly__chunk *chunk; /**< the newest, which links to older ones */
    uint8_t *at;              /**< next free byte */
    uint8_t *end;             /**< of the newest chunk */
    size_t chunk_size;        /**< of the next chunk; doubles up to a limit */
} fly_arena;

/** Set up an empty arena; takes no memory yet. `first_chunk` 0 means 4 KiB. */
void fly_arena_init(fly_arena *arena, fly_mem *mem, size_t first_chunk);

/** Release everything. */
void fly_arena_deinit(fly_arena *arena);

/** Forget everything that was allocated, but keep the newest chunk for what comes next. */
void fly_arena_reset(fly_arena *arena);

/** @cond */
void *fly_arena_alloc_slow(fly_arena *arena, size_t size);

/* What a request takes: nothing takes something too, so that NULL can only mean "no memory". A
 * request near SIZE_MAX comes out as 0. */
static inline size_t fly__arena_round(size_t size)
{
    return (size + (size == 0) + 15) & ~(size_t)15;
}
/** @endcond */

/**
 * @brief Allocate `size` bytes, aligned to 16; an address even if `size` is 0.
 *
 * @return Valid until reset or deinit; NULL only if the allocator had none.
 * @cost   A few instructions; a call to the allocator once per chunk.
 */
static inline void *fly_arena_alloc(fly_arena *arena, size_t size)
{
    size_t left = (size_t)(arena->end - arena->at);
    size_t rounded = fly__arena_round(size);
    if (FLY_UNLIKELY(rounded > left || rounded == 0)) {
        return fly_arena_alloc_slow(arena, size);
    }
    void *block = arena->at;
    arena->at += rounded;
    return block;
}

/** Copy `len` bytes into the arena; NULL if there was no memory. */
void *fly_arena_copy(fly_arena *arena, const void *data, size_t len);

FLY_EXTERN_C_END
/** @} */
#endif
