/**
 * @file vec_text.h
 * @brief What SQL does with strings: parts, padding, trimming, quoting, encoding. And booleans, byte
 *        strings and UUIDs as text.
 *
 * Text is UTF-8; positions and lengths are in characters, from 1. Functions that only choose a part give
 * a span of their input; others give new bytes in an arena. Letters are folded in ASCII only: who wants
 * more uses libtext.
 *
 * Results of more than FLY_VEC_TEXT_MAX bytes are refused with 54000 "requested length too large".
 *
 * Threads: pure.
 */
#ifndef FLY_VEC_TEXT_H
#define FLY_VEC_TEXT_H

#include <fly/vec.h>

/** @addtogroup vec
 *  @{ */
FLY_EXTERN_C_BEGIN

enum { FLY_VEC_TEXT_MAX = 0x3fffffff }; /**< bytes of a result: 1 GiB, as PostgreSQL */

/** Characters of a text. */
int64_t fly_vec_text_length(fly_bytes text);
/** Bytes of the character at `at`, which is within `left` bytes of its text's end; at least 1. */
size_t fly_vec_text_step(const uint8_t *at, size_t left);

/** substring(text from start); start may be before the beginning. Borrows. */
fly_bytes fly_vec_text_from(fly_bytes text, int64_t start);
/** substring(text from start for count): 22011 "negative substring length not allowed". Borrows. */
FLY_MUST_USE fly_status fly_vec_text_substr(fly_bytes text, int64_t start, int64_t count,
                                            fly_bytes *out, fly_err *err);
/** left() and right(): all but the last (first) -n if n is negative. Borrow. */
fly_bytes fly_vec_text_left(fly_bytes text, int64_t n);
/** The last n characters; see fly_vec_text_left(). */
fly_bytes fly_vec_text_right(fly_bytes text, int64_t n);
/** Where `what` begins, or 0; an empty one at 1. */
int64_t fly_vec_text_position(fly_bytes text, fly_bytes what);
/** Take characters of `set` off the ends that are asked for. Borrows. */
fly_bytes fly_vec_text_trim(fly_bytes text, fly_bytes set, bool left, bool right);
/** The n-th part between separators, from the end if negative: 22023 "field position must not be zero".
 *  Borrows; empty if there is none. */
FLY_MUST_USE fly_status fly_vec_text_split_part(fly_bytes text, fly_bytes separator, int64_t n,
                                                fly_bytes *out, fly_err *err);

/** Fill up to n characters on the left, or cut to them. */
FLY_MUST_USE fly_status fly_vec_text_lpad(fly_bytes text, int64_t n, fly_bytes fill,
                                          fly_arena *arena, fly_vec_str *out, fly_err *err);
/** Fill up to n characters on the right, or cut to them. */
FLY_MUST_USE fly_status fly_vec_text_rpad(fly_bytes text, int64_t n, fly_bytes fill,
                                          fly_arena *arena, fly_vec_str *out, fly_err *err);
/** n times the same. */
FLY_MUST_USE fly_status fly_vec_text_repeat(fly_bytes text, int64_t n, fly_arena *arena,
                                            fly_vec_str *out, fly_err *err);
/** Every `from` becomes `to`. */
FLY_MUST_USE fly_status fly_vec_text_replace(fly_bytes text, fly_bytes from, fly_bytes to,
                                             fly_arena *arena, fly_vec_str *out, fly_err *err);
/** Each character of `from` becomes the one at the same place in `to`, or nothing. */
FLY_MUST_USE fly_status fly_vec_text_translate(fly_bytes text, fly_bytes from, fly_bytes to,
                                               fly_arena *arena, fly_vec_str *out, fly_err *err);
/** The last character first. */
FLY_MUST_USE fly_status fly_vec_text_reverse(fly_bytes text, fly_arena *arena, fly_vec_str *out,
                                             fly_err *err);
/** overlay(text placing with from start for count); count -1: as many as `with` has. */
FLY_MUST_USE fly_status fly_vec_text_overlay(fly_bytes text, fly_bytes with, int64_t start,
                                             int64_t count, fly_arena *arena, fly_vec_str *out,
                                             fly_err *err);
/** ASCII only. */
FLY_MUST_USE fly_status fly_vec_text_upper(fly_bytes text, fly_arena *arena, fly_vec_str *out,
                                           fly_err *err);
/** As fly_vec_text_upper(). */
FLY_MUST_USE fly_status fly_vec_text_lower(fly_bytes text, fly_arena *arena, fly_vec_str *out,
                                           fly_err *err);
/** ASCII only; other characters are letters that have no case. */
FLY_MUST_USE fly_status fly_vec_text_initcap(fly_bytes text, fly_arena *arena, fly_vec_str *out,
                                             fly_err *err);

/** Whether a word, in lower case, may not stand as a name without quotes. */
typedef bool (*fly_vec_reserved)(void *ctx, fly_bytes word);

/** quote_ident(). `reserved` NULL: no word is. */
FLY_MUST_USE fly_status fly_vec_quote_ident(fly_bytes name, fly_vec_reserved reserved, void *ctx,
                                            fly_arena *arena, fly_vec_str *out, fly_err *err);
/** quote_literal(): with E'' if there is a backslash. */
FLY_MUST_USE fly_status fly_vec_quote_literal(fly_bytes text, fly_arena *arena, fly_vec_str *out,
                                              fly_err *err);
/** format(): the arguments as text, or NULL. 22023. */
FLY_MUST_USE fly_status fly_vec_text_format(fly_bytes format, const fly_vec_value *args,
                                            size_t count, fly_vec_reserved reserved, void *ctx,
                                            fly_arena *arena, fly_vec_str *out, fly_err *err);

/** encode(bytes, 'hex' | 'base64' | 'escape'): 22023 "unrecognized encoding: \"x\"". */
FLY_MUST_USE fly_status fly_vec_encode(fly_bytes data, fly_bytes encoding, fly_arena *arena,
                                       fly_vec_str *out, fly_err *err);
/** The bytes that a text in an encoding stands for. */
FLY_MUST_USE fly_status fly_vec_decode(fly_bytes text, fly_bytes encoding, fly_arena *arena,
                                       fly_vec_str *out, fly_err *err);

/** to_hex(): of an int4, cast to uint32_t first. Returns the bytes, at most 16. */
size_t fly_vec_to_hex(uint64_t x, char *out);
/** The first character's code, 0 of an empty text. */
int32_t fly_vec_ascii(fly_bytes text);
/** The character of a code: 54000 "null character not permitted". */
FLY_MUST_USE fly_status fly_vec_chr(int32_t code, fly_vec_str *out, fly_err *err);

/** Edit distance with costs: 22023 beyond 255 characters. */
FLY_MUST_USE fly_status fly_vec_levenshtein(fly_bytes a, fly_bytes b, int32_t insert,
                                            int32_t remove, int32_t substitute, int32_t *out,
                                            fly_err *err);

/* --------------------------------------------------------- other types as text */

/** t, true, y, yes, on, 1 and their opposites, also cut short: 22P02. */
FLY_MUST_USE fly_status fly_vec_bool_parse(fly_bytes text, bool *out, fly_err *err);

/** "\\x4a4b", or the older form with escapes: 22P02 "invalid input syntax for type bytea". */
FLY_MUST_USE fly_status fly_vec_bytea_parse(fly_bytes text, fly_arena *arena, fly_vec_str *out,
                                            fly_err *err);
/** "\\x4a4b", or with `escape` the older form. */
FLY_MUST_USE fly_status fly_vec_bytea_format(fly_bytes data, bool escape, fly_arena *arena,
                                             fly_vec_str *out, fly_err *err);

/** A UUID as an integer whose order is the UUID's, which takes that its highest bit is turned: 22P02. */
FLY_MUST_USE fly_status fly_vec_uuid_parse(fly_bytes text, fly_vec_i128 *out, fly_err *err);
enum { FLY_VEC_UUID_TEXT = 36 };
/** Writes FLY_VEC_UUID_TEXT bytes. */
void fly_vec_uuid_format(fly_vec_i128 uuid, char *out);

FLY_EXTERN_C_END
/** @} */
#endif
