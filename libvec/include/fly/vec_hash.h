/**
 * @file vec_hash.h
 * @brief Hashes of columns, for grouping, joins, filters and sketches.
 *
 * Results are compact: hash[k] belongs to the k-th selected position. Values that are equal have
 * equal hashes whatever their kind of vector, and integers whatever their width: 7 is 7 in I16, I32
 * and I64; -0 and 0, all NaNs, spans of time of the same length. NULL has a hash of its own. Hashes
 * are the same on every machine and in every process, so that they may decide into which spilled
 * part a row goes; they do not withstand an adversary who chooses keys to collide.
 *
 * Threads: pure.
 */
#ifndef FLY_VEC_HASH_H
#define FLY_VEC_HASH_H

#include <fly/vec.h>

/** @addtogroup vec
 *  @{ */
FLY_EXTERN_C_BEGIN

/** Hash one column; `hash` has room for n. */
void fly_vec_hash(const fly_vec *v, const fly_vec_sel *sel, int n, uint64_t *hash);

/** Mix another column in: the order of columns matters, so that (1, 2) is not (2, 1). */
void fly_vec_hash_combine(const fly_vec *v, const fly_vec_sel *sel, int n, uint64_t *hash);

/** Hash several columns: fly_vec_hash(), then fly_vec_hash_combine(). At least one column. */
void fly_vec_hash_columns(const fly_vec *v, uint32_t columns, const fly_vec_sel *sel, int n,
                          uint64_t *hash);

FLY_EXTERN_C_END
/** @} */
#endif
