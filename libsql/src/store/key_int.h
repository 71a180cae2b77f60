/*
 * Keys: values as bytes whose order under memcmp() is the order of the values.
 *
 * Each value begins with a byte that puts NULLs in their place, and says by itself where it ends, so
 * the key of fewer columns is a prefix of all those that it bounds. Format: docs/formats/rows.md.
 */
#ifndef FLY_SQL_KEY_INT_H
#define FLY_SQL_KEY_INT_H

#include "types/type_int.h"

struct fly_collation;

/* A key that grows in an arena. Zero it and set `arena`, and `data` and `room` to begin in a buffer. */
typedef struct fly__sql_key {
    uint8_t *data;
    size_t len;
    size_t room;
    fly_arena *arena;
} fly__sql_key;

/* How one column of a key is ordered. */
typedef struct fly__sql_key_order {
    fly_sql_type type;
    fly_vec_type physical;
    bool descending;
    bool nulls_first;
    const struct fly_collation *collation; /* of text; NULL: bytes */
} fly__sql_key_order;

fly_status fly__sql_key_add(fly__sql_key *key, const fly__sql_key_order *order,
                            const fly_vec_value *value, fly_err *err);

/* Whether the bytes of a key give the value back as it was. */
bool fly__sql_key_is_exact(const fly__sql_key_order *order);

/* Take a value off the front of a key, or only step over it: `value` NULL. Its type is exact. Strings
 * borrow from the key where they lie in it as they are, else they are in `arena`. FLY_E_CORRUPT. */
fly_status fly__sql_key_take(fly_bytes *key, const fly__sql_key_order *order, fly_arena *arena,
                             fly_vec_value *value, fly_err *err);

/* Append bytes as they are: a row key behind an index's columns. */
fly_status fly__sql_key_append(fly__sql_key *key, fly_bytes bytes, fly_err *err);

/* Make it the smallest key greater than all that begin with it; false if there is none. */
bool fly__sql_key_next(fly__sql_key *key);

#endif
