/*
 * JSON being made: a tree whose leaves may be values that are made already.
 */
#ifndef FLY_JSON_INT_H
#define FLY_JSON_INT_H

#include "text_int.h"

#include <fly/vec_json.h>

enum { JSON_SIZE_MAX = 0x0fffffff }; /* bytes of a value, as PostgreSQL limits it */

typedef enum fly__vec_json_kind {
    J_RAW, /* `raw` is a value */
    J_STRING,
    J_NUMBER,
    J_ARRAY,
    J_OBJECT
} fly__vec_json_kind;

typedef struct fly__vec_json {
    uint8_t kind;
    uint32_t n;
    uint32_t room;
    uint32_t size; /* encoded */
    fly_bytes raw; /* of strings and numbers without the tag */
    fly_bytes *key;
    struct fly__vec_json *kid;
} fly__vec_json;

fly_status fly__vec_json_no_memory(fly_err *err);
/* Append a kid, and of an object its key; NULL without memory. Earlier kids may move. */
fly__vec_json *fly__vec_json_add(fly__vec_json *to, fly_arena *arena, const fly_bytes *key);
/* A container with what a value has, as raw kids. */
fly_status fly__vec_json_open(fly_bytes value, fly_arena *arena, fly__vec_json *out, fly_err *err);
/* Encode. Objects are sorted, and the last of several members of one name stays. */
fly_status fly__vec_json_encode(fly__vec_json *tree, fly_arena *arena, fly_vec_str *out,
                                fly_err *err);
/* Order of keys: length, then bytes. */
int fly__vec_json_key_cmp(fly_bytes a, fly_bytes b);
/* A JSON string's text, with quotes, without its escapes. */
fly_status fly__vec_json_unescape(fly_bytes quoted, fly_arena *arena, fly_bytes *out, fly_err *err);
void fly__vec_json_put_quoted(fly__vec_sink *s, fly_bytes text);
/* A number in a path: 0 if it is none. */
bool fly__vec_json_index(fly_bytes text, int64_t *out);

#endif
