/**
 * @file vec_like.h
 * @brief LIKE and ILIKE, compiled once, and SIMILAR TO as a regular expression.
 *
 * A pattern is cut at its percent signs. The first piece must stand at the beginning, the last at the
 * end, those between are looked for one after the other; that is all, since the first place that fits a
 * piece is as good as any. Pieces without `_` are found by memmem().
 *
 *     'abc%'  prefix      '%abc'  suffix      '%abc%'  contains      '%a_c%d%e'  the general case
 *
 * Text is UTF-8; `_` is one character. ILIKE folds ASCII letters here; who wants Unicode's folds pattern
 * and text beforehand (libtext) and uses LIKE, as PostgreSQL does.
 *
 * Threads: pure.
 */
#ifndef FLY_VEC_LIKE_H
#define FLY_VEC_LIKE_H

#include <fly/vec.h>

/** @addtogroup vec
 *  @{ */
FLY_EXTERN_C_BEGIN

/** A compiled pattern. */
typedef struct fly_vec_like fly_vec_like;

/**
 * @brief Compile a pattern.
 *
 * @param escape  The escape character; empty: none. SQL's default is a backslash.
 * @param fold    ASCII letters match in either case.
 * @param arena   The compiled pattern lives there, and copies what it needs.
 * @return 22025 "LIKE pattern must not end with escape character" (PostgreSQL says so only if a
 *         text comes that far), 22025 "invalid escape string".
 * @cost   O(pattern).
 */
FLY_MUST_USE fly_status fly_vec_like_compile(fly_bytes pattern, fly_bytes escape, bool fold,
                                             fly_arena *arena, const fly_vec_like **out,
                                             fly_err *err);

/**
 * @brief Whether a text matches.
 *
 * @cost O(text); for pieces with `_` between percent signs O(text * piece).
 */
bool fly_vec_like_match(const fly_vec_like *like, fly_bytes text);

/** What the compiler saw: which texts can match, for planners that look for ranges of an index. */
typedef struct fly_vec_like_shape {
    bool exact;       /**< no wildcard: the text must be `prefix` */
    bool prefix_only; /**< `prefix` and one percent sign at the end */
    fly_bytes prefix; /**< what each match begins with; borrowed from the pattern's arena */
} fly_vec_like_shape;

/** Learn the shape. With folding, `prefix` is empty. */
void fly_vec_like_shape_of(const fly_vec_like *like, fly_vec_like_shape *shape);

/**
 * @brief Turn a SIMILAR TO pattern, or the three-part pattern of substring(x similar p escape e), into
 *        a regular expression for fly_vec_regex_create().
 *
 * @return 22025, 2200C "SQL regular expression may not contain more than two escape-double-quote
 *         separators".
 */
FLY_MUST_USE fly_status fly_vec_similar_to_regex(fly_bytes pattern, fly_bytes escape,
                                                 fly_arena *arena, fly_vec_str *out, fly_err *err);

FLY_EXTERN_C_END
/** @} */
#endif
