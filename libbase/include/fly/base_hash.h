/**
 * @file base_hash.h
 * @brief CRC32C, a fast hash, and a seeded generator of pseudo-random numbers.
 *
 * Threads: pure; a ::fly_rng is thread-compatible.
 */
#ifndef FLY_BASE_HASH_H
#define FLY_BASE_HASH_H

#include <fly/base.h>

/** @addtogroup base
 *  @{ */
FLY_EXTERN_C_BEGIN

/**
 * @brief CRC32C (Castagnoli, reflected, as in iSCSI and ext4) of `len` bytes.
 *
 * @param crc  0 to begin, or the result for the bytes before these: the CRC of a whole is the CRC
 *             of its parts in order.
 * @cost   One pass; the processor's own instructions where it has them, tables otherwise.
 * @source RFC 3720 appendix B.4; Gopal et al., "Fast CRC Computation for iSCSI Polynomial Using
 *         CRC32 Instruction", Intel 2011, for working on three streams at a time.
 */
uint32_t fly_crc32c(uint32_t crc, const void *data, size_t len);

/** The same by tables only: what other processors run, and what the tests compare with. */
uint32_t fly_crc32c_portable(uint32_t crc, const void *data, size_t len);

/**
 * @brief A 64-bit hash for tables in memory: fast, well mixed, not for adversaries' secrets and
 *        not for formats (its value may change between versions).
 *
 * @source The 64x64 to 128 bit multiply and fold of wyhash (Wang Yi).
 */
uint64_t fly_hash(const void *data, size_t len, uint64_t seed);

/** Mix one number; different inputs give different outputs. @source splitmix64's finisher. */
static inline uint64_t fly_hash_u64(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    x ^= x >> 31;
    return x;
}

/** A generator whose seed decides everything it will ever say. */
typedef struct fly_rng {
    uint64_t s[4]; /**< not all zero; fly_rng_init() sees to it */
} fly_rng;

/** Start from a seed. Any value will do. */
void fly_rng_init(fly_rng *rng, uint64_t seed);

/** The next 64 bits. @source xoshiro256** (Blackman and Vigna, 2018). */
static inline uint64_t fly_rng_next(fly_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t times5 = s[1] * 5;
    uint64_t result = ((times5 << 7) | (times5 >> 57)) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return result;
}

/** A number from 0 to `bound` - 1, `bound` > 0. @source Lemire's multiplication, 2019. */
static inline uint64_t fly_rng_below(fly_rng *rng, uint64_t bound)
{
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)(((wide)fly_rng_next(rng) * bound) >> 64);
}

FLY_EXTERN_C_END
/** @} */
#endif
