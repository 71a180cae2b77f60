/**
 * @file vec_hll.h
 * @brief How many different values there are, about: HyperLogLog in one kilobyte.
 *
 * 1,024 registers of a byte; the standard error is 3.25 %. Sketches of parts merge into the sketch
 * of the whole. The bytes are the same on every machine and may be stored.
 *
 * Threads: thread-compatible.
 */
#ifndef FLY_VEC_HLL_H
#define FLY_VEC_HLL_H

#include <fly/vec.h>

/** @addtogroup vec
 *  @{ */
FLY_EXTERN_C_BEGIN

enum { FLY_VEC_HLL_REGISTERS = 1024 };

/** A sketch. Begins as zeros. */
typedef struct fly_vec_hll {
    uint8_t reg[FLY_VEC_HLL_REGISTERS]; /**< the longest run of zeros seen, plus one; at most 55 */
} fly_vec_hll;

/** Add hashes, as fly_vec_hash() gives them. NULLs have one too: leave them out, if so wanted. */
void fly_vec_hll_add(fly_vec_hll *sketch, const uint64_t *hash, int n);

/** Take in what another sketch saw. */
void fly_vec_hll_merge(fly_vec_hll *sketch, const fly_vec_hll *other);

/** The estimate; 0 of nothing. */
double fly_vec_hll_count(const fly_vec_hll *sketch);

FLY_EXTERN_C_END
/** @} */
#endif
