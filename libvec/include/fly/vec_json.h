/**
 * @file vec_json.h
 * @brief JSON as text that is checked, and JSONB as bytes that can be looked into.
 *
 * A jsonb value is the payload of a ::fly_vec_str, and so is every value inside of it: what navigation
 * gives is a span of the whole, a jsonb value in its own right.
 *
 *     null, false, true   1 byte: the tag 0, 1, 2
 *     number              tag 3, then a packed numeric (vec_numeric.h)
 *     string              tag 4, then its UTF-8
 *     array               tag 5, count, count ends, values
 *     object              tag 6, count, count ends of keys, count ends of values, keys, values
 *
 * Counts and ends are little-endian, four bytes; an end counts from the first byte behind the ends. The
 * keys of an object are in order of length, then bytes, each once: a later one of the same name
 * replaced it. Numbers keep all their digits.
 *
 * Functions take values that fly_vec_jsonb_parse() and the functions here made; bytes from a disk go
 * through fly_vec_jsonb_check() first. Errors have PostgreSQL's SQLSTATEs and words, a DETAIL is in the
 * hint. Nesting deeper than FLY_VEC_JSON_DEPTH_MAX is refused (54001).
 *
 * Threads: pure.
 */
#ifndef FLY_VEC_JSON_H
#define FLY_VEC_JSON_H

#include <fly/vec.h>

/** @addtogroup vec
 *  @{ */
FLY_EXTERN_C_BEGIN

enum { FLY_VEC_JSON_DEPTH_MAX = 1000 };

/** What a value is. */
typedef enum fly_vec_json_type {
    FLY_VEC_JSON_NULL,
    FLY_VEC_JSON_FALSE,
    FLY_VEC_JSON_TRUE,
    FLY_VEC_JSON_NUMBER,
    FLY_VEC_JSON_STRING,
    FLY_VEC_JSON_ARRAY,
    FLY_VEC_JSON_OBJECT
} fly_vec_json_type;

/** jsonb_typeof(): "boolean" for both booleans. */
const char *fly_vec_json_type_name(fly_vec_json_type type);

/* ------------------------------------------------------------------------- text */

/** Whether a text is JSON: 22P02 "invalid input syntax for type json". What the type json checks. */
FLY_MUST_USE fly_status fly_vec_json_check(fly_bytes text, fly_err *err);

/** Read a text into jsonb: 22P02, 22P05 for \\u0000. */
FLY_MUST_USE fly_status fly_vec_jsonb_parse(fly_bytes text, fly_arena *arena, fly_vec_str *out,
                                            fly_err *err);
/** Write a value as text: {"a": 1, "b": [true, null]}. With `pretty` over several lines. */
FLY_MUST_USE fly_status fly_vec_jsonb_format(fly_bytes value, bool pretty, fly_arena *arena,
                                             fly_vec_str *text, fly_err *err);
/** A text as a JSON string, with its quotes and escapes. */
FLY_MUST_USE fly_status fly_vec_json_quote(fly_bytes text, fly_arena *arena, fly_vec_str *out,
                                           fly_err *err);

/** Whether bytes from outside are a jsonb value: FLY_E_CORRUPT. */
FLY_MUST_USE fly_status fly_vec_jsonb_check(fly_bytes value, fly_err *err);

/**
 * What stands in a text of type json, without changing it: members of an object or elements of an array.
 * The text must have passed fly_vec_json_check().
 */
typedef struct fly_vec_json_scan {
    fly_bytes text;
    size_t at;
    bool object;
    bool begun;
} fly_vec_json_scan;

/** The type of a JSON text's value. */
fly_vec_json_type fly_vec_json_type_of(fly_bytes text);
/** Begin. False if the value is neither object nor array. */
bool fly_vec_json_scan_begin(fly_vec_json_scan *scan, fly_bytes text);
/** The next member. `key` still has its quotes and escapes; `value` is the value's text. */
bool fly_vec_json_scan_next(fly_vec_json_scan *scan, fly_bytes *key, fly_bytes *value);
/** A member by name (the last of that name), an element by number (negative: from the end). */
FLY_MUST_USE fly_status fly_vec_json_get(fly_bytes text, fly_bytes key, fly_arena *arena,
                                         fly_bytes *value, bool *found, fly_err *err);
/** An element of an array by number; negative: from the end. False if there is none. */
bool fly_vec_json_at(fly_bytes text, int64_t index, fly_bytes *value);
/** A JSON text's value as SQL text: a string without quotes and escapes, null as `*null`. */
FLY_MUST_USE fly_status fly_vec_json_text(fly_bytes text, fly_arena *arena, fly_vec_str *out,
                                          bool *null, fly_err *err);

/* ------------------------------------------------------------------- looking inside */

/** The type of a value. */
static inline fly_vec_json_type fly_vec_jsonb_type(fly_bytes value)
{
    return (fly_vec_json_type)value.data[0];
}

/** Elements of an array, members of an object; 0 for scalars. */
uint32_t fly_vec_jsonb_count(fly_bytes value);
/** An element of an array; negative: from the end. False if there is none, or no array. A scalar is its
 *  own element 0, as in PostgreSQL. */
bool fly_vec_jsonb_at(fly_bytes value, int64_t index, fly_bytes *out);
/** A member of an object. False if there is none, or no object. @cost O(log n). */
bool fly_vec_jsonb_get(fly_bytes value, fly_bytes key, fly_bytes *out);
/** The i-th member of an object, i below the count. */
void fly_vec_jsonb_member(fly_bytes value, uint32_t i, fly_bytes *key, fly_bytes *out);
/** #>: keys, or numbers of elements as text. */
bool fly_vec_jsonb_path(fly_bytes value, const fly_bytes *path, size_t count, fly_bytes *out);
/** ->>: a value as SQL text: a string by itself, null as `*null`. May borrow. */
FLY_MUST_USE fly_status fly_vec_jsonb_text(fly_bytes value, fly_arena *arena, fly_vec_str *out,
                                           bool *null, fly_err *err);
/** The numeric of a number, the text of a string: what is behind the tag. Borrows. */
fly_vec_str fly_vec_jsonb_payload(fly_bytes value);

/** PostgreSQL's order: object, array, boolean, number, string, null, falling; larger ones are above. */
int fly_vec_jsonb_cmp(fly_bytes a, fly_bytes b);
/** Equal for equal values. */
uint64_t fly_vec_jsonb_hash(fly_bytes value, uint64_t seed);
/** @> */
bool fly_vec_jsonb_contains(fly_bytes a, fly_bytes b);
/** ? : whether a key, or a string element, is there. */
bool fly_vec_jsonb_exists(fly_bytes value, fly_bytes key);

/* ----------------------------------------------------------------------- making */

/** A boolean as jsonb. */
FLY_MUST_USE fly_status fly_vec_jsonb_of_bool(bool x, fly_vec_str *out);
/** JSON's null as jsonb. */
FLY_MUST_USE fly_status fly_vec_jsonb_of_null(fly_vec_str *out);
/** NaN and infinities become strings, as PostgreSQL's to_jsonb() has it. */
FLY_MUST_USE fly_status fly_vec_jsonb_of_numeric(fly_vec_str x, fly_arena *arena, fly_vec_str *out,
                                                 fly_err *err);
/** A string as jsonb. */
FLY_MUST_USE fly_status fly_vec_jsonb_of_text(fly_bytes text, fly_arena *arena, fly_vec_str *out,
                                              fly_err *err);
/** An array of values that are jsonb already. */
FLY_MUST_USE fly_status fly_vec_jsonb_array(const fly_bytes *values, size_t count, fly_arena *arena,
                                            fly_vec_str *out, fly_err *err);
/** The last of several members of one name stays. */
FLY_MUST_USE fly_status fly_vec_jsonb_object(const fly_bytes *keys, const fly_bytes *values,
                                             size_t count, fly_arena *arena, fly_vec_str *out,
                                             fly_err *err);

/* ---------------------------------------------------------------------- changing */

/** || */
FLY_MUST_USE fly_status fly_vec_jsonb_concat(fly_bytes a, fly_bytes b, fly_arena *arena,
                                             fly_vec_str *out, fly_err *err);
/** - text, - text[]: members of these names, or string elements. */
FLY_MUST_USE fly_status fly_vec_jsonb_delete(fly_bytes value, const fly_bytes *keys, size_t count,
                                             fly_arena *arena, fly_vec_str *out, fly_err *err);
/** - integer */
FLY_MUST_USE fly_status fly_vec_jsonb_delete_at(fly_bytes value, int64_t index, fly_arena *arena,
                                                fly_vec_str *out, fly_err *err);
/** #- */
FLY_MUST_USE fly_status fly_vec_jsonb_delete_path(fly_bytes value, const fly_bytes *path,
                                                  size_t count, fly_arena *arena, fly_vec_str *out,
                                                  fly_err *err);
/** jsonb_set(); `create`: what is missing at the path's end is made. */
FLY_MUST_USE fly_status fly_vec_jsonb_set(fly_bytes value, const fly_bytes *path, size_t count,
                                          fly_bytes with, bool create, fly_arena *arena,
                                          fly_vec_str *out, fly_err *err);
/** jsonb_insert() */
FLY_MUST_USE fly_status fly_vec_jsonb_insert(fly_bytes value, const fly_bytes *path, size_t count,
                                             fly_bytes with, bool after, fly_arena *arena,
                                             fly_vec_str *out, fly_err *err);
/** Members that are null are left out, at every depth. */
FLY_MUST_USE fly_status fly_vec_jsonb_strip_nulls(fly_bytes value, fly_arena *arena,
                                                  fly_vec_str *out, fly_err *err);

FLY_EXTERN_C_END
/** @} */
#endif
