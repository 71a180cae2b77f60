/*
 * Keys and values that every engine gets alike, and the check that it gives them back.
 *
 * Record i of a data set has a key and a value, both computed from i alone, so that nothing has to
 * be remembered and a wrong answer shows:
 *
 *     key, ordered   big-endian i              [, big-endian mix(i)]     second half: 16-byte keys
 *     key, random    big-endian mix(i + seed)  [, big-endian mix(i)]
 *     value          mix(first half of the key), then words that depend on key and version
 *
 * mix() is a bijection of 64-bit numbers, so random keys are distinct, spread over the whole range,
 * and come in no order. The first eight bytes of a value follow from its key whatever the version:
 * that is the cheap check after each read. The rest is incompressible.
 */
#ifndef FLYBENCH_KV_DATA_H
#define FLYBENCH_KV_DATA_H

#include <fly/base_bytes.h>
#include <fly/base_hash.h>
#include <string.h>

enum { KV_KEY_MAX = 16, KV_VALUE_MIN = 8, KV_VALUE_MAX = 2000 };

/** What the records look like. */
typedef struct kv_shape {
    size_t key_size;   /**< 8 or 16 */
    size_t value_size; /**< KV_VALUE_MIN to KV_VALUE_MAX */
} kv_shape;

#define KV_SEED UINT64_C(0x5eed0f1ebdb00001) /* any number; the same in every run */
#define KV_STEP UINT64_C(0x9e3779b97f4a7c15) /* odd, so that i * KV_STEP repeats nothing */

/** The first eight bytes of every value under a key that begins with the number `key`. */
static inline uint64_t kv_value_head(uint64_t key)
{
    return fly_hash_u64(key ^ KV_STEP);
}

static inline void kv_key_finish(uint8_t *at, const kv_shape *shape, uint64_t i)
{
    if (shape->key_size > 8) {
        fly_put_u64be(at + 8, fly_hash_u64(i));
    }
}

/** Key `i` of a data set whose keys ascend. */
static inline void kv_key_ordered(uint8_t *at, const kv_shape *shape, uint64_t i)
{
    fly_put_u64be(at, i);
    kv_key_finish(at, shape, i);
}

/** Key `i` of a data set whose keys come in no order. */
static inline void kv_key_random(uint8_t *at, const kv_shape *shape, uint64_t i)
{
    fly_put_u64be(at, fly_hash_u64(i + KV_SEED));
    kv_key_finish(at, shape, i);
}

/** The value under the key at `key`; versions differ in everything but the first eight bytes. */
static inline void kv_value_make(uint8_t *at, const kv_shape *shape, const uint8_t *key,
                                 uint64_t version)
{
    uint64_t number = fly_get_u64be(key);
    uint64_t state = number + version * KV_SEED;
    fly_put_u64(at, kv_value_head(number));
    size_t done = 8;
    for (; done + 8 <= shape->value_size; done += 8) {
        state += KV_STEP;
        fly_put_u64(at + done, fly_hash_u64(state));
    }
    if (done < shape->value_size) {
        uint64_t last = fly_hash_u64(state + KV_STEP);
        memcpy(at + done, &last, shape->value_size - done);
    }
}

/** What passing over records leaves behind: proof that each was there, in order, and was read. */
typedef struct kv_fold {
    uint64_t entries;
    uint64_t sum;      /**< of all words of all values */
    uint64_t first;    /**< first eight bytes of the first key, as a number */
    uint64_t last;     /**< and of the latest */
    uint64_t wrong;    /**< not 0: a value did not belong to its key, or a key was out of order */
    size_t value_size; /**< set by whoever starts the fold */
} kv_fold;

/** Take one record in. Touches every byte of it. */
static inline void kv_fold_entry(kv_fold *fold, const uint8_t *key, const uint8_t *value,
                                 size_t len)
{
    uint64_t number = fly_get_u64be(key);
    uint64_t wrong = (uint64_t)(len != fold->value_size);
    wrong |= (uint64_t)(fold->entries > 0 && number <= fold->last);
    if (len >= 8) {
        wrong |= fly_get_u64(value) ^ kv_value_head(number);
    }
    uint64_t sum = 0;
    size_t done = 0;
    for (; done + 8 <= len; done += 8) {
        sum += fly_get_u64(value + done);
    }
    for (; done < len; done++) {
        sum += value[done];
    }
    fold->wrong |= wrong;
    fold->sum += sum;
    fold->first = fold->entries > 0 ? fold->first : number;
    fold->last = number;
    fold->entries++;
}

#endif
