/**
 * @file vec_jsonpath.h
 * @brief SQL/JSON paths over jsonb: compiled once, run often.
 *
 * lax and strict, accessors, filters, arithmetic, predicates (with like_regex, starts with, exists, is
 * unknown), and the methods type, size, double, ceiling, floor, abs, keyvalue. Not there (0A000):
 * datetime().
 *
 * Errors of paths (a missing member in strict mode, an operand that is no number) have SQLSTATEs of
 * class 22 and can be silenced, as jsonb_path_query's `silent` does; 42704 for unknown variables.
 *
 * Threads: a path is thread-compatible, and running it is writing if it has like_regex.
 */
#ifndef FLY_VEC_JSONPATH_H
#define FLY_VEC_JSONPATH_H

#include <fly/vec_json.h>

/** @addtogroup vec
 *  @{ */
FLY_EXTERN_C_BEGIN

/** A compiled path. */
typedef struct fly_vec_jsonpath fly_vec_jsonpath;

/**
 * @brief Compile a path.
 *
 * @param mem       Keeps.
 * @param[out] out  Gives; fly_vec_jsonpath_destroy().
 * @return 42601 "syntax error at or near \"x\" of jsonpath input", 22P02.
 */
FLY_MUST_USE fly_status fly_vec_jsonpath_create(fly_bytes text, fly_mem *mem,
                                                fly_vec_jsonpath **out, fly_err *err);
/** Release. NULL is fine. */
void fly_vec_jsonpath_destroy(fly_vec_jsonpath *path);
/** The path as text, normalised: what the type jsonpath shows. */
FLY_MUST_USE fly_status fly_vec_jsonpath_format(const fly_vec_jsonpath *path, fly_arena *arena,
                                                fly_vec_str *out, fly_err *err);

/** Values, in an arena. */
typedef struct fly_vec_json_list {
    fly_bytes *item;
    uint32_t n;
    uint32_t room;
} fly_vec_json_list;

/**
 * @brief All that a path leads to in a value.
 *
 * @param vars    A jsonb object for $name; empty: none.
 * @param silent  Errors of paths end the search and are not reported.
 * @param out     Zero-initialised; items borrow from `value` and `arena`.
 */
FLY_MUST_USE fly_status fly_vec_jsonpath_query(fly_vec_jsonpath *path, fly_bytes value,
                                               fly_bytes vars, bool silent, fly_arena *arena,
                                               fly_vec_json_list *out, fly_err *err);
/** jsonb_path_exists(), @? (silent): 1, 0, or -1 for NULL. */
FLY_MUST_USE fly_status fly_vec_jsonpath_exists(fly_vec_jsonpath *path, fly_bytes value,
                                                fly_bytes vars, bool silent, fly_arena *arena,
                                                int *out, fly_err *err);
/** jsonb_path_match(), @@ (silent): 1, 0, or -1 for NULL; 22035 "single boolean result is expected". */
FLY_MUST_USE fly_status fly_vec_jsonpath_match(fly_vec_jsonpath *path, fly_bytes value,
                                               fly_bytes vars, bool silent, fly_arena *arena,
                                               int *out, fly_err *err);

FLY_EXTERN_C_END
/** @} */
#endif
