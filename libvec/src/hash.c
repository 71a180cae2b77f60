/*
 * Hashes of columns.
 *
 * One step takes a word in: rotate what there is, add the word, multiply 64 by 64 bits and fold the
 * product's halves, twice. After one fold keys that count up still show in the bits as a regular
 * pattern, which a table would not mind and a HyperLogLog does: it takes its register from the
 * lowest bits and counts zeros among the highest. The table's directory uses the lowest bits, its
 * salt the highest, spilled parts those between.
 *
 * Source: multiply-and-fold is from Wang Yi's wyhash. Rotating between columns, where a plain XOR
 * would give (x, x) the hash 0 for every x, is folklore.
 */
#include <fly/vec_hash.h>

#include "value_int.h"

#define SEED 0x9e3779b97f4a7c15u
#define FACTOR 0xd6e8feb86659fd93u
#define FACTOR_2 0xa0761d6478bd642fu
#define NULL_WORD 0x7a6c91b5d3e8f042u

static inline uint64_t fold(uint64_t x, uint64_t y)
{
    fly_vec_u128 product = (fly_vec_u128)x * y;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Enough within a string. */
static inline uint64_t half_step(uint64_t h, uint64_t word)
{
    return fold(((h << 29) | (h >> 35)) + (word ^ SEED), FACTOR);
}

static inline uint64_t step(uint64_t h, uint64_t word)
{
    return fold(half_step(h, word), FACTOR_2);
}

static inline uint64_t step_i64(uint64_t h, int64_t x)
{
    return step(h, (uint64_t)x);
}

static inline uint64_t step_i128(uint64_t h, fly_vec_i128 x)
{
    return step(half_step(h, (uint64_t)x), (uint64_t)(x >> 64));
}

static inline uint64_t step_f64(uint64_t h, double x)
{
    return step(h, fly__vec_canonical_f64(x));
}

static inline uint64_t step_span(uint64_t h, fly_vec_interval x)
{
    return step_i128(h, fly__vec_span(&x));
}

/* Short strings are two words as they lie; equal long ones have the same length and bytes. */
static inline uint64_t step_str(uint64_t h, fly_vec_str s)
{
    uint64_t word;
    memcpy(&word, &s, 8);
    h = half_step(h, word);
    if (s.len <= FLY_VEC_STR_INLINE) {
        memcpy(&word, s.tail, 8);
        return step(h, word);
    }
    const char *at = s.ptr;
    const char *end = s.ptr + s.len;
    for (; end - at > 8; at += 8) {
        memcpy(&word, at, 8);
        h = half_step(h, word);
    }
    memcpy(&word, end - 8, 8);
    return step(h, word);
}

/* ------------------------------------------------------------------------ loops */

/* Of the first column, without NULLs; and of any. */
#define LOOP(T, STEP)                                                                              \
    if (first && !nulls && sel == NULL) {                                                          \
        for (int k = 0; k < n; k++) {                                                              \
            hash[k] = STEP(0, ((const T *)data)[k]);                                               \
        }                                                                                          \
        break;                                                                                     \
    }                                                                                              \
    for (int k = 0; k < n; k++) {                                                                  \
        uint32_t i = sel != NULL ? sel[k] : (uint32_t)k;                                           \
        uint64_t h = first ? 0 : hash[k];                                                          \
        hash[k] = !nulls || (valid[i / 64] >> (i % 64) & 1) != 0 ? STEP(h, ((const T *)data)[i])   \
                                                                 : step(h, NULL_WORD);             \
    }                                                                                              \
    break

static void hash_flat(const fly_vec *v, const fly_vec_sel *sel, int n, uint64_t *hash, bool first)
{
    const void *data = v->data;
    const uint64_t *valid = v->valid;
    bool nulls = fly__vec_any_null(v, (uint32_t)fly__vec_extent(sel, n));
    switch (v->type) {
    case FLY_VEC_BOOL:
        LOOP(uint8_t, step_i64);
    case FLY_VEC_I16:
        LOOP(int16_t, step_i64);
    case FLY_VEC_I32:
        LOOP(int32_t, step_i64);
    case FLY_VEC_I64:
        LOOP(int64_t, step_i64);
    case FLY_VEC_I128:
        LOOP(fly_vec_i128, step_i128);
    case FLY_VEC_F32:
        LOOP(float, step_f64);
    case FLY_VEC_F64:
        LOOP(double, step_f64);
    case FLY_VEC_INTERVAL:
        LOOP(fly_vec_interval, step_span);
    default:
        LOOP(fly_vec_str, step_str);
    }
}

/* Others bring their values to n FLAT ones in a buffer, which is small, so by parts. */
static void hash_other(const fly_vec *v, const fly_vec_sel *sel, int n, uint64_t *hash, bool first)
{
    enum { PART = 128 };
    fly_vec_i128 data[PART];
    uint64_t valid[PART / 64];
    fly_vec part = {.kind = FLY_VEC_FLAT, .type = v->type, .data = data, .valid = valid};
    for (int done = 0; done < n; done += PART) {
        int count = n - done < PART ? n - done : PART;
        memset(valid, 0xff, sizeof valid);
        for (int k = 0; k < count; k++) {
            fly_vec_value value =
                fly_vec_get(v, sel != NULL ? sel[done + k] : (uint32_t)(done + k));
            fly_vec_put(&part, (uint32_t)k, &value);
        }
        hash_flat(&part, NULL, count, hash + done, first);
    }
}

/* A dictionary no larger than the batch: each entry once. Only for the first column, since later
 * ones start from a hash of the row's. */
static void hash_dict(const fly_vec *v, const fly_vec_sel *sel, int n, uint64_t *hash)
{
    uint64_t entry[FLY_VEC_CAPACITY];
    hash_flat(v->dict, NULL, (int)v->dict_count, entry, true);
    for (int k = 0; k < n; k++) {
        hash[k] = entry[v->index[sel != NULL ? sel[k] : (uint32_t)k]];
    }
}

static void hash_column(const fly_vec *v, const fly_vec_sel *sel, int n, uint64_t *hash, bool first)
{
    if (v->kind == FLY_VEC_FLAT) {
        hash_flat(v, sel, n, hash, first);
    } else if (v->kind == FLY_VEC_CONST && first && n > 0) {
        hash_flat(v, NULL, 1, hash, true);
        for (int k = 1; k < n; k++) {
            hash[k] = hash[0];
        }
    } else if (v->kind == FLY_VEC_DICT && first && v->dict_count <= (uint32_t)n &&
               v->dict_count <= FLY_VEC_CAPACITY) {
        hash_dict(v, sel, n, hash);
    } else {
        hash_other(v, sel, n, hash, first);
    }
}

void fly_vec_hash(const fly_vec *v, const fly_vec_sel *sel, int n, uint64_t *hash)
{
    hash_column(v, sel, n, hash, true);
}

void fly_vec_hash_combine(const fly_vec *v, const fly_vec_sel *sel, int n, uint64_t *hash)
{
    hash_column(v, sel, n, hash, false);
}

void fly_vec_hash_columns(const fly_vec *v, uint32_t columns, const fly_vec_sel *sel, int n,
                          uint64_t *hash)
{
    FLY_ASSERT(columns > 0);
    for (uint32_t k = 0; k < columns; k++) {
        hash_column(&v[k], sel, n, hash, k == 0);
    }
}
