/**
 * @file base_bytes.h
 * @brief Numbers as bytes: little-endian for formats, big-endian where bytes must sort, varints.
 *
 * Formats are read and written field by field through these functions, never by casting a struct.
 * The compiler makes one instruction of each. All addresses may be unaligned.
 *
 * Threads: pure.
 */
#ifndef FLY_BASE_BYTES_H
#define FLY_BASE_BYTES_H

#include <fly/base.h>

/** @addtogroup base
 *  @{ */
FLY_EXTERN_C_BEGIN

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FLY__LE16(x) (x)
#define FLY__LE32(x) (x)
#define FLY__LE64(x) (x)
#define FLY__BE16(x) __builtin_bswap16(x)
#define FLY__BE32(x) __builtin_bswap32(x)
#define FLY__BE64(x) __builtin_bswap64(x)
#else
#define FLY__LE16(x) __builtin_bswap16(x)
#define FLY__LE32(x) __builtin_bswap32(x)
#define FLY__LE64(x) __builtin_bswap64(x)
#define FLY__BE16(x) (x)
#define FLY__BE32(x) (x)
#define FLY__BE64(x) (x)
#endif

/** Read a little-endian 16-bit number. */
static inline uint16_t fly_get_u16(const uint8_t *at)
{
    uint16_t x;
    __builtin_memcpy(&x, at, sizeof x);
    return FLY__LE16(x);
}

/** Read a little-endian 32-bit number. */
static inline uint32_t fly_get_u32(const uint8_t *at)
{
    uint32_t x;
    __builtin_memcpy(&x, at, sizeof x);
    return FLY__LE32(x);
}

/** Read a little-endian 64-bit number. */
static inline uint64_t fly_get_u64(const uint8_t *at)
{
    uint64_t x;
    __builtin_memcpy(&x, at, sizeof x);
    return FLY__LE64(x);
}

/** Write a little-endian 16-bit number. */
static inline void fly_put_u16(uint8_t *at, uint16_t x)
{
    x = FLY__LE16(x);
    __builtin_memcpy(at, &x, sizeof x);
}

/** Write a little-endian 32-bit number. */
static inline void fly_put_u32(uint8_t *at, uint32_t x)
{
    x = FLY__LE32(x);
    __builtin_memcpy(at, &x, sizeof x);
}

/** Write a little-endian 64-bit number. */
static inline void fly_put_u64(uint8_t *at, uint64_t x)
{
    x = FLY__LE64(x);
    __builtin_memcpy(at, &x, sizeof x);
}

/** Read a big-endian 16-bit number: as a number it sorts as the two bytes do. */
static inline uint16_t fly_get_u16be(const uint8_t *at)
{
    uint16_t x;
    __builtin_memcpy(&x, at, sizeof x);
    return (uint16_t)FLY__BE16(x);
}

/** Read a big-endian 32-bit number: as a number it sorts as the four bytes do. */
static inline uint32_t fly_get_u32be(const uint8_t *at)
{
    uint32_t x;
    __builtin_memcpy(&x, at, sizeof x);
    return FLY__BE32(x);
}

/** Read a big-endian 64-bit number: as a number it sorts as the eight bytes do. */
static inline uint64_t fly_get_u64be(const uint8_t *at)
{
    uint64_t x;
    __builtin_memcpy(&x, at, sizeof x);
    return FLY__BE64(x);
}

/** Write a big-endian 16-bit number. */
static inline void fly_put_u16be(uint8_t *at, uint16_t x)
{
    x = (uint16_t)FLY__BE16(x);
    __builtin_memcpy(at, &x, sizeof x);
}

/** Write a big-endian 32-bit number. */
static inline void fly_put_u32be(uint8_t *at, uint32_t x)
{
    x = FLY__BE32(x);
    __builtin_memcpy(at, &x, sizeof x);
}

/** Write a big-endian 64-bit number. */
static inline void fly_put_u64be(uint8_t *at, uint64_t x)
{
    x = FLY__BE64(x);
    __builtin_memcpy(at, &x, sizeof x);
}

enum { FLY_VARINT_SIZE_MAX = 10 }; /**< bytes of the longest varint */

/**
 * @brief Write `x` as a varint: seven bits a byte, the lowest first, the top bit says "more".
 *
 * @param at  Room for FLY_VARINT_SIZE_MAX bytes.
 * @return The bytes written, 1 to 10.
 * @source LEB128, as in DWARF and Protocol Buffers.
 */
static inline size_t fly_put_varint(uint8_t *at, uint64_t x)
{
    size_t n = 0;
    while (x >= 0x80) {
        at[n++] = (uint8_t)(x | 0x80);
        x >>= 7;
    }
    at[n++] = (uint8_t)x;
    return n;
}

/**
 * @brief Read a varint from at most `len` bytes; distrusts them.
 *
 * @return The bytes read, or 0 if the number does not end within `len` bytes or within 64 bits.
 */
static inline size_t fly_get_varint(const uint8_t *at, size_t len, uint64_t *x)
{
    uint64_t value = 0;
    for (size_t n = 0; n < len && n < FLY_VARINT_SIZE_MAX; n++) {
        uint64_t bits = at[n] & 0x7fu;
        if (n == FLY_VARINT_SIZE_MAX - 1 && bits > 1) {
            return 0;
        }
        value |= bits << (7 * n);
        if (at[n] < 0x80) {
            *x = value;
            return n + 1;
        }
    }
    return 0;
}

/** How many bytes fly_put_varint() needs for `x`. */
static inline size_t fly_varint_size(uint64_t x)
{
    size_t n = 1;
    while (x >= 0x80) {
        x >>= 7;
        n++;
    }
    return n;
}

FLY_EXTERN_C_END
/** @} */
#endif
