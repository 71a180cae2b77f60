/**
 * @file vec_regex.h
 * @brief PostgreSQL's advanced regular expressions, without backtracking.
 *
 * What matches: the leftmost match; of those that begin there the longest, or the shortest if the first
 * quantified part of the pattern is a lazy one. Groups are then placed from left to right, each as
 * long (or as short) as it likes to be while the rest still matches. So it is in PostgreSQL, and so
 * it is not in Perl.
 *
 * A pattern becomes an automaton whose deterministic states are made when they are first needed, in
 * memory that is bounded and given back when it is full. No pattern takes exponential time: finding a
 * match costs O(text), placing groups O(text * pattern) for each level of groups.
 *
 * There are: | () (?:) * + ? {m,n} and their lazy forms, . [...] with classes and ranges, ^ $ \\A \\Z
 * \\m \\M \\y \\Y, \\d \\s \\w \\D \\S \\W, escapes, (?flags) and *** directors. There are not (SQLSTATE 0A000): back
 * references and look-around.
 *
 * Beyond ASCII, letters are those of the large scripts, and case folds in Latin, Greek and Cyrillic.
 *
 * Threads: a ::fly_vec_regex is thread-compatible, and looking for a match is writing: one thread at a
 * time.
 */
#ifndef FLY_VEC_REGEX_H
#define FLY_VEC_REGEX_H

#include <fly/vec.h>

/** @addtogroup vec
 *  @{ */
FLY_EXTERN_C_BEGIN

/** How a pattern is read. */
enum {
    FLY_VEC_REGEX_ICASE = 1,    /**< i: case does not matter */
    FLY_VEC_REGEX_NLSTOP = 2,   /**< p: . and [^...] do not match a newline */
    FLY_VEC_REGEX_NLANCH = 4,   /**< w: ^ and $ match at newlines too */
    FLY_VEC_REGEX_EXPANDED = 8, /**< x: white space and comments in the pattern mean nothing */
    FLY_VEC_REGEX_LITERAL = 16, /**< q: the pattern is the text to look for */
    FLY_VEC_REGEX_EXTENDED =
        32,                   /**< e: POSIX's extended syntax: a backslash quotes any character */
    FLY_VEC_REGEX_GLOBAL = 64 /**< g: not the pattern's, but what SQL functions take beside */
};

/** Read a text of flags ("gi"): 22023 "invalid regular expression option: \"z\"". */
FLY_MUST_USE fly_status fly_vec_regex_flags(fly_bytes text, unsigned *flags, fly_err *err);

/** A compiled pattern, and the states made so far. */
typedef struct fly_vec_regex fly_vec_regex;

/**
 * @brief Compile a pattern.
 *
 * @param pattern  UTF-8, read and not kept.
 * @param mem      Keeps.
 * @param[out] out  Gives; fly_vec_regex_destroy().
 * @return 2201B "invalid regular expression: parentheses () not balanced"; 0A000.
 */
FLY_MUST_USE fly_status fly_vec_regex_create(fly_bytes pattern, unsigned flags, fly_mem *mem,
                                             fly_vec_regex **out, fly_err *err);

/** Release. NULL is fine. */
void fly_vec_regex_destroy(fly_vec_regex *re);

/** How many groups "( )" the pattern has. */
int fly_vec_regex_groups(const fly_vec_regex *re);

/** The text every match begins with, if the pattern is anchored ("^abc"); for ranges of an index.
 *  `*exact`: the text must be just this. Empty if there is none. Borrowed from the pattern. */
fly_bytes fly_vec_regex_prefix(const fly_vec_regex *re, bool *exact);

/** Whether a text has a match. @return FLY_E_NO_MEMORY. @cost One pass, to the first match's end. */
FLY_MUST_USE fly_status fly_vec_regex_match(fly_vec_regex *re, fly_bytes text, bool *found,
                                            fly_err *err);

/** Bytes from `begin` to before `end`; both -1 if a group took no part. */
typedef struct fly_vec_span {
    int64_t begin;
    int64_t end;
} fly_vec_span;

/**
 * @brief Find the first match that begins at `from` or later.
 *
 * @param from   In bytes. What is before can still be seen by ^, \\y and \\m.
 * @param count  Of `spans`: the whole match, then groups. 1: groups are not placed, which is faster.
 * @param[out] found  If so, `spans` is filled.
 */
FLY_MUST_USE fly_status fly_vec_regex_find(fly_vec_regex *re, fly_bytes text, size_t from,
                                           fly_vec_span *spans, size_t count, bool *found,
                                           fly_err *err);

/** All matches of a text, one after the other. */
typedef struct fly_vec_regex_scan {
    fly_vec_regex *re;
    fly_bytes text;
    size_t at;       /**< where the next search begins */
    size_t last_end; /**< of the last match that was given */
    bool skip_empty; /**< leave out empty matches at the text's ends and after another match, as
                            regexp_split does */
    bool done;
    bool any;
    uint64_t *starts; /**< a bit for each byte where a match begins */
} fly_vec_regex_scan;

/** Begin. Memory from `arena` until the scan is over. */
FLY_MUST_USE fly_status fly_vec_regex_scan_begin(fly_vec_regex_scan *scan, fly_vec_regex *re,
                                                 fly_bytes text, size_t from, bool skip_empty,
                                                 fly_arena *arena, fly_err *err);
/** The next match, or FLY_E_END. */
FLY_MUST_USE fly_status fly_vec_regex_scan_next(fly_vec_regex_scan *scan, fly_vec_span *spans,
                                                size_t count, fly_err *err);

/**
 * @brief regexp_replace().
 *
 * @param with  \\1 to \\9 are groups, \\& the whole match, \\\\ a backslash.
 * @param from  Where to begin, in bytes.
 * @param nth   Which match to replace, from 1; 0: all.
 */
FLY_MUST_USE fly_status fly_vec_regex_replace(fly_vec_regex *re, fly_bytes text, fly_bytes with,
                                              size_t from, int64_t nth, fly_arena *arena,
                                              fly_vec_str *out, fly_err *err);

/** substring(text from pattern): the first group, or the match if there are no groups. `*null` if
 *  nothing matches. The result borrows from `text`. */
FLY_MUST_USE fly_status fly_vec_regex_substring(fly_vec_regex *re, fly_bytes text, fly_vec_str *out,
                                                bool *null, fly_err *err);

FLY_EXTERN_C_END
/** @} */
#endif
