/**
 * @file vec_bloom.h
 * @brief A filter that knows which hashes it never saw: register-blocked Bloom.
 *
 * For keys of a join's build side, asked by the probe side's scan before it does anything dearer.
 * All bits of one hash lie in one 64-bit word, so that asking is one load and one comparison. With
 * the 16 bits a key that it takes, about one stranger in a hundred passes.
 *
 * Threads: thread-compatible: any number may ask while nobody adds.
 */
#ifndef FLY_VEC_BLOOM_H
#define FLY_VEC_BLOOM_H

#include <fly/vec.h>

/** @addtogroup vec
 *  @{ */
FLY_EXTERN_C_BEGIN

/** A filter. Read it freely. */
typedef struct fly_vec_bloom {
    uint64_t *words;
    uint64_t mask; /**< number of words, a power of two, less one */
    fly_mem *mem;  /**< kept */
} fly_vec_bloom;

/** Make a filter for about `keys` different hashes. @return FLY_E_NO_MEMORY. */
FLY_MUST_USE fly_status fly_vec_bloom_init(fly_vec_bloom *bloom, uint64_t keys, fly_mem *mem,
                                           fly_err *err);

/** Release it. */
void fly_vec_bloom_deinit(fly_vec_bloom *bloom);

/** Add hashes, as fly_vec_hash() gives them. */
void fly_vec_bloom_add(fly_vec_bloom *bloom, const uint64_t *hash, int n);

/**
 * @brief Keep the positions whose hash may have been added.
 *
 * @param hash  Compact: of sel[0], sel[1], ...
 * @param sel   NULL: 0 to n - 1.
 * @param out   Room for n; may be `sel`.
 * @return How many.
 */
int fly_vec_bloom_select(const fly_vec_bloom *bloom, const uint64_t *hash, const fly_vec_sel *sel,
                         int n, fly_vec_sel *out);

/** Take in what another filter, of the same size, was given. */
void fly_vec_bloom_merge(fly_vec_bloom *bloom, const fly_vec_bloom *other);

FLY_EXTERN_C_END
/** @} */
#endif
