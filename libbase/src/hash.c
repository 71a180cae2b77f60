/*
 * The fast hash and the seeding of the generator.
 */
#include <fly/base_hash.h>

#include <fly/base_bytes.h>

__extension__ typedef unsigned __int128 u128;

static const uint64_t secret[4] = {0xa0761d6478bd642fu, 0xe7037ed1a0b428dbu, 0x8ebc6af09c88c6e3u,
                                   0x589965cc75374cc3u};

static uint64_t fold(uint64_t a, uint64_t b)
{
    u128 product = (u128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Up to 16 bytes as two numbers that overlap, so that no length needs a loop. */
static void short_halves(const uint8_t *at, size_t len, uint64_t *a, uint64_t *b)
{
    if (len >= 8) {
        *a = fly_get_u64(at);
        *b = fly_get_u64(at + len - 8);
    } else if (len >= 4) {
        *a = fly_get_u32(at);
        *b = fly_get_u32(at + len - 4);
    } else if (len > 0) {
        *a = (uint64_t)at[0] << 16 | (uint64_t)at[len >> 1] << 8 | at[len - 1];
        *b = 0;
    } else {
        *a = 0;
        *b = 0;
    }
}

uint64_t fly_hash(const void *data, size_t len, uint64_t seed)
{
    const uint8_t *at = data;
    size_t left = len;
    uint64_t a;
    uint64_t b;
    seed ^= secret[0];
    while (left > 16) {
        seed = fold(fly_get_u64(at) ^ secret[1], fly_get_u64(at + 8) ^ seed);
        at += 16;
        left -= 16;
    }
    short_halves(at, left, &a, &b);
    return fold(secret[1] ^ len, fold(a ^ secret[2], b ^ seed ^ secret[3]));
}

void fly_rng_init(fly_rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        rng->s[i] = fly_hash_u64(seed);
    }
}
