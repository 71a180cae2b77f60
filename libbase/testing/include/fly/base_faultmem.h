/**
 * @file base_faultmem.h
 * @brief Memory that runs out on demand and misses nothing.
 *
 * An allocator over another one that counts requests, refuses the n-th or all from it on, and knows
 * at the end what did not come back. It fills what it gives and what it takes back with rubbish, and
 * stops the program when a block comes back with another size than it left with: an account would
 * count wrongly for ever after.
 *
 * Threads: thread-safe.
 * @source sqlite/sqlite:test/malloc_common.tcl, for failing each allocation once.
 */
#ifndef FLY_BASE_FAULTMEM_H
#define FLY_BASE_FAULTMEM_H

#include <fly/base_mem.h>

/** @addtogroup base_testing
 *  @{ */
FLY_EXTERN_C_BEGIN

/** An allocator for tests. Read its counters; change nothing. */
typedef struct fly_test_mem {
    fly_mem mem;             /**< first, so that it is an allocator */
    fly_mem *parent;         /**< kept */
    fly_atomic_u64 requests; /**< so far */
    fly_atomic_u64 refused;  /**< of these, on demand */
    fly_atomic_u64 blocks;   /**< given out and not yet taken back */
    fly_atomic_u64 bytes;    /**< of these blocks */
    fly_atomic_u64 fail_at;  /**< the request that is to fail */
    fly_atomic_u32 lasting;  /**< and all after it */
} fly_test_mem;

/** Set up. `parent` is kept; NULL is the system's. */
void fly_test_mem_init(fly_test_mem *mem, fly_mem *parent);

/** Assert that everything came back; says on standard error what did not. */
void fly_test_mem_deinit(fly_test_mem *mem);

/** Refuse a request: 0 is the next one. If `lasting`, all after it too. */
void fly_test_mem_fail(fly_test_mem *mem, uint64_t at, bool lasting);

/** Refuse nothing any more. */
void fly_test_mem_mend(fly_test_mem *mem);

FLY_EXTERN_C_END
/** @} */
#endif
