/* What the files of net-frame share. */
#ifndef FLY_NET_FRAME_INT_H
#define FLY_NET_FRAME_INT_H

#include <fly/net_frame.h>

/* One more byte than was there, however it was written: small integers are their own tag. */
enum { SMALL_INT = 0x80 };

static inline uint64_t zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* What a reader of JSON does. Bytes that fly__frame_json_check() has accepted need no further checks of
 * their form, only of their type. */

/* Whether `text` is one object of JSON, no deeper than FLY_FRAME_DEPTH_MAX; NULL or what is wrong. */
const char *fly__frame_json_check(fly_bytes text);

/* Step over spaces. */
const uint8_t *fly__frame_json_space(const uint8_t *at, const uint8_t *end);

/* Step over a value. */
const uint8_t *fly__frame_json_skip(const uint8_t *at, const uint8_t *end);

/* The value of a member of an object whose inside is [at, end); NULL if it has none. */
const uint8_t *fly__frame_json_member(const uint8_t *at, const uint8_t *end, const char *name);

/* What a string of JSON says, from its opening quote: inside of it, or, with escapes, in the arena.
 * False: no memory. */
bool fly__frame_json_string(const uint8_t *at, const uint8_t *end, fly_arena *arena,
                            fly_bytes *string);

#endif
