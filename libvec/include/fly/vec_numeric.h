/**
 * @file vec_numeric.h
 * @brief Numbers as text, and decimals of any length that count exactly as PostgreSQL's NUMERIC.
 *
 * A numeric is a sign, digits in groups of four, the weight of the first group (a power of 10,000),
 * and a display scale: how many digits behind the point are shown. 1.0 and 1.00 are equal and look
 * different. NaN, Infinity and -Infinity are numerics too; NaN equals itself and is above all.
 *
 *     byte 0-1   little-endian: bits 0-13 display scale; bits 14-15: 0 positive, 1 negative, 2 special
 *                (then the scale says which: 0 -Infinity, 1 Infinity, 2 NaN)
 *     byte 2-3   weight of the first group, signed; 0 if there is none
 *     byte 4...  the groups, two bytes each, none of them zero at either end
 *
 * That is the payload of a ::fly_vec_str, so up to 16 digits need no memory outside of it. Equal
 * values with equal display scale have equal bytes. Numerics from fly_vec_numeric_parse() and all
 * functions here are well-formed; bytes from a disk go through fly_vec_numeric_check() first.
 *
 * Results live in the caller's arena (or inside the string). What fails says so with PostgreSQL's
 * SQLSTATE and words; a DETAIL is in the error's hint.
 *
 * Threads: pure.
 */
#ifndef FLY_VEC_NUMERIC_H
#define FLY_VEC_NUMERIC_H

#include <fly/vec.h>

/** @addtogroup vec
 *  @{ */
FLY_EXTERN_C_BEGIN

enum {
    FLY_VEC_NUMERIC_PRECISION_MAX = 1000, /**< that a type may name */
    FLY_VEC_NUMERIC_SCALE_MAX = 16383,    /**< digits behind the point */
    FLY_VEC_NUMERIC_KEY_MAX = 73760       /**< bytes of the longest key */
};

/* ---------------------------------------------------------------- text and keys */

/** Whether bytes from outside are a numeric as this header describes: FLY_E_CORRUPT. */
FLY_MUST_USE fly_status fly_vec_numeric_check(fly_bytes bytes, fly_err *err);

/** Read a numeric as PostgreSQL's numeric_in(): 22P02, 22003. White space around it is skipped. */
FLY_MUST_USE fly_status fly_vec_numeric_parse(fly_bytes text, fly_arena *arena, fly_vec_str *out,
                                              fly_err *err);

/** Write a numeric as text with all digits of its display scale. */
FLY_MUST_USE fly_status fly_vec_numeric_format(fly_vec_str x, fly_arena *arena, fly_vec_str *text,
                                               fly_err *err);

/** Order by value: negative, zero, positive. 1.0 and 1.00 are equal; NaN is above all. */
int fly_vec_numeric_cmp(fly_vec_str a, fly_vec_str b);

/** A hash that is equal for equal values, whatever their display scale. */
uint64_t fly_vec_numeric_hash(fly_vec_str s, uint64_t seed);

/**
 * @brief Write bytes whose order under memcmp() is the order of values; no key begins another.
 *
 * Equal values give equal keys, so the display scale is not in them.
 *
 * @param out  Room for fly_vec_numeric_key_size(x) bytes.
 * @return The bytes written.
 */
size_t fly_vec_numeric_key_encode(fly_vec_str x, uint8_t *out);

/** How many bytes the key of `x` has. */
size_t fly_vec_numeric_key_size(fly_vec_str x);

/**
 * @brief Read what fly_vec_numeric_key_encode() wrote, with the smallest display scale that shows all
 *        digits; distrusts its input.
 *
 * @param[out] used  The bytes that the key has.
 * @return FLY_E_CORRUPT.
 */
FLY_MUST_USE fly_status fly_vec_numeric_key_decode(fly_bytes key, fly_arena *arena,
                                                   fly_vec_str *out, size_t *used, fly_err *err);

/* ------------------------------------------------------------------ conversions */

/** An integer. Cannot fail but for memory. */
FLY_MUST_USE fly_status fly_vec_numeric_from_i64(int64_t x, fly_arena *arena, fly_vec_str *out,
                                                 fly_err *err);

/** value * 10^-scale, shown with `scale` digits behind the point (0 to 16383). */
FLY_MUST_USE fly_status fly_vec_numeric_from_i128(fly_vec_i128 value, int scale, fly_arena *arena,
                                                  fly_vec_str *out, fly_err *err);

/** A float8, with 15 significant digits as PostgreSQL's cast. */
FLY_MUST_USE fly_status fly_vec_numeric_from_f64(double x, fly_arena *arena, fly_vec_str *out,
                                                 fly_err *err);

/** A float4, with 6 significant digits. */
FLY_MUST_USE fly_status fly_vec_numeric_from_f32(float x, fly_arena *arena, fly_vec_str *out,
                                                 fly_err *err);

/** Rounded to an integer: 22003 "smallint out of range", 0A000 "cannot convert NaN to smallint". */
FLY_MUST_USE fly_status fly_vec_numeric_to_i16(fly_vec_str x, int16_t *out, fly_err *err);
/** Rounded to an integer: 22003 "integer out of range". */
FLY_MUST_USE fly_status fly_vec_numeric_to_i32(fly_vec_str x, int32_t *out, fly_err *err);
/** Rounded to an integer: 22003 "bigint out of range". */
FLY_MUST_USE fly_status fly_vec_numeric_to_i64(fly_vec_str x, int64_t *out, fly_err *err);

/**
 * @brief x * 10^scale, rounded to an integer: a scaled decimal.
 *
 * @return FLY_E_TOO_LARGE (22003) if it does not fit or is not finite.
 */
FLY_MUST_USE fly_status fly_vec_numeric_to_i128(fly_vec_str x, int scale, fly_vec_i128 *out,
                                                fly_err *err);

/** The nearest float8: 22003 if there is none. */
FLY_MUST_USE fly_status fly_vec_numeric_to_f64(fly_vec_str x, fly_arena *arena, double *out,
                                               fly_err *err);
/** The nearest float4. */
FLY_MUST_USE fly_status fly_vec_numeric_to_f32(fly_vec_str x, fly_arena *arena, float *out,
                                               fly_err *err);

/**
 * @brief Make `x` fit numeric(precision, scale): round it, then see that it has no more digits.
 *
 * @param precision  1 to 1000.
 * @param scale      -1000 to 1000.
 * @return FLY_E_INVALID, 22003 "numeric field overflow".
 */
FLY_MUST_USE fly_status fly_vec_numeric_fit(fly_vec_str x, int precision, int scale,
                                            fly_arena *arena, fly_vec_str *out, fly_err *err);

/* ------------------------------------------------------------------- properties */

/** -1, 0 or 1; 1 for NaN. */
int fly_vec_numeric_sign(fly_vec_str x);
/** Whether it is NaN. */
bool fly_vec_numeric_is_nan(fly_vec_str x);
/** Whether it is Infinity or -Infinity. */
bool fly_vec_numeric_is_inf(fly_vec_str x);
/** Whether it has no digits behind the point but zeros. */
bool fly_vec_numeric_is_integral(fly_vec_str x);
/** Digits behind the point that are shown; -1 for NaN and infinities (SQL: NULL). */
int fly_vec_numeric_scale(fly_vec_str x);
/** Digits behind the point that are needed; -1 for NaN and infinities. */
int fly_vec_numeric_min_scale(fly_vec_str x);

/* ------------------------------------------------------------------- arithmetic */

/** What most functions of two numerics look like, so that they can stand in tables. */
typedef fly_status (*fly_vec_numeric_binary)(fly_vec_str a, fly_vec_str b, fly_arena *arena,
                                             fly_vec_str *out, fly_err *err);
/** What most functions of one numeric look like. */
typedef fly_status (*fly_vec_numeric_unary)(fly_vec_str a, fly_arena *arena, fly_vec_str *out,
                                            fly_err *err);

#define FLY__VEC_NUMERIC_BINARY(name)                                                              \
    FLY_MUST_USE fly_status fly_vec_numeric_##name(fly_vec_str a, fly_vec_str b, fly_arena *arena, \
                                                   fly_vec_str *out, fly_err *err)
#define FLY__VEC_NUMERIC_UNARY(name)                                                               \
    FLY_MUST_USE fly_status fly_vec_numeric_##name(fly_vec_str a, fly_arena *arena,                \
                                                   fly_vec_str *out, fly_err *err)

/** a + b. */
FLY__VEC_NUMERIC_BINARY(add);
/** a - b. */
FLY__VEC_NUMERIC_BINARY(sub);
/** a * b. */
FLY__VEC_NUMERIC_BINARY(mul);
FLY__VEC_NUMERIC_BINARY(div);       /**< 22012 "division by zero" */
FLY__VEC_NUMERIC_BINARY(div_trunc); /**< div(): the quotient's integer part */
/** a % b, with the sign of a: 22012. */
FLY__VEC_NUMERIC_BINARY(mod);
FLY__VEC_NUMERIC_BINARY(power); /**< 2201F */
FLY__VEC_NUMERIC_BINARY(log);   /**< to base `a` of `b`; 2201E */
/** The greatest common divisor. */
FLY__VEC_NUMERIC_BINARY(gcd);
/** The least common multiple. */
FLY__VEC_NUMERIC_BINARY(lcm);
/** The larger one; a if they are equal in value. */
FLY__VEC_NUMERIC_BINARY(larger);
/** The smaller one. */
FLY__VEC_NUMERIC_BINARY(smaller);

/** -a. */
FLY__VEC_NUMERIC_UNARY(neg);
/** Without its sign. */
FLY__VEC_NUMERIC_UNARY(abs);
FLY__VEC_NUMERIC_UNARY(signum); /**< sign(): -1, 0, 1, NaN as a numeric */
/** The nearest integer that is not below. */
FLY__VEC_NUMERIC_UNARY(ceil);
/** The nearest integer that is not above. */
FLY__VEC_NUMERIC_UNARY(floor);
FLY__VEC_NUMERIC_UNARY(sqrt); /**< 2201F */
/** e to the power of a: 22003. */
FLY__VEC_NUMERIC_UNARY(exp);
FLY__VEC_NUMERIC_UNARY(ln);    /**< 2201E */
FLY__VEC_NUMERIC_UNARY(log10); /**< log(x) */
/** With the smallest display scale that shows all digits. */
FLY__VEC_NUMERIC_UNARY(trim_scale);

/** Round half away from zero to `digits` behind the point; negative: before it. */
FLY_MUST_USE fly_status fly_vec_numeric_round(fly_vec_str x, int32_t digits, fly_arena *arena,
                                              fly_vec_str *out, fly_err *err);
/** Cut to `digits` behind the point; negative: before it. */
FLY_MUST_USE fly_status fly_vec_numeric_trunc(fly_vec_str x, int32_t digits, fly_arena *arena,
                                              fly_vec_str *out, fly_err *err);
/** factorial(n). */
FLY_MUST_USE fly_status fly_vec_numeric_factorial(int64_t n, fly_arena *arena, fly_vec_str *out,
                                                  fly_err *err);
/** In which of `count` equal buckets between two bounds `x` falls, 0 and count + 1 outside: 2201G. */
FLY_MUST_USE fly_status fly_vec_numeric_width_bucket(fly_vec_str x, fly_vec_str low,
                                                     fly_vec_str high, int32_t count,
                                                     fly_arena *arena, int32_t *out, fly_err *err);

/* ------------------------------------------------------------------- aggregates */

/** An exact sum that grows. All zero is an empty one. */
typedef struct fly_vec_numeric_sum {
    int64_t *digit; /**< `room` groups, not yet carried; digit[i] has weight top - i */
    int32_t room;   /**< of `digit` */
    int32_t top;    /**< weight of digit[0] */
    int32_t scale;  /**< largest display scale seen */
    int64_t scaled; /**< values that have that scale */
} fly_vec_numeric_sum;

/** What sum, avg, variance and stddev of numerics need. All zero is an empty one. */
typedef struct fly_vec_numeric_agg {
    int64_t count; /**< all values, special ones too */
    int64_t nan;
    int64_t pinf;
    int64_t ninf;
    fly_vec_numeric_sum sum;
    fly_vec_numeric_sum squares; /**< only if asked for */
} fly_vec_numeric_agg;

/** Add a value; `squares`: variance or stddev will be asked for. Memory from `arena`, which must
 *  live as long as the aggregate. */
FLY_MUST_USE fly_status fly_vec_numeric_agg_add(fly_vec_numeric_agg *agg, fly_vec_str x,
                                                bool squares, fly_arena *arena, fly_err *err);
/** Take a value out again that was added before, for moving windows. FLY_E_AGAIN: the last value with
 *  the largest display scale went, so the aggregate must be made anew from what is left. */
FLY_MUST_USE fly_status fly_vec_numeric_agg_remove(fly_vec_numeric_agg *agg, fly_vec_str x,
                                                   bool squares, fly_arena *arena, fly_err *err);
/** Add what another aggregate has. */
FLY_MUST_USE fly_status fly_vec_numeric_agg_merge(fly_vec_numeric_agg *agg,
                                                  const fly_vec_numeric_agg *from, bool squares,
                                                  fly_arena *arena, fly_err *err);
/** The aggregate as bytes, for spilling and for sending. */
FLY_MUST_USE fly_status fly_vec_numeric_agg_encode(const fly_vec_numeric_agg *agg, fly_arena *arena,
                                                   fly_vec_str *bytes, fly_err *err);
/** Read what fly_vec_numeric_agg_encode() wrote; distrusts it. */
FLY_MUST_USE fly_status fly_vec_numeric_agg_decode(fly_bytes bytes, fly_arena *arena,
                                                   fly_vec_numeric_agg *agg, fly_err *err);

/** sum(); `*null` if there was no value. */
FLY_MUST_USE fly_status fly_vec_numeric_agg_sum(const fly_vec_numeric_agg *agg, fly_arena *arena,
                                                fly_vec_str *out, bool *null, fly_err *err);
/** avg(); `*null` if there was no value. */
FLY_MUST_USE fly_status fly_vec_numeric_agg_avg(const fly_vec_numeric_agg *agg, fly_arena *arena,
                                                fly_vec_str *out, bool *null, fly_err *err);

/** Which of the four a call means. */
typedef enum fly_vec_spread {
    FLY_VEC_VAR_POP,
    FLY_VEC_VAR_SAMP,
    FLY_VEC_STDDEV_POP,
    FLY_VEC_STDDEV_SAMP
} fly_vec_spread;

/** variance and stddev; `*null` if there were too few values. */
FLY_MUST_USE fly_status fly_vec_numeric_agg_spread(const fly_vec_numeric_agg *agg,
                                                   fly_vec_spread which, fly_arena *arena,
                                                   fly_vec_str *out, bool *null, fly_err *err);

/** The same from exact sums that somebody else made, for integers and scaled decimals: n values, their
 *  sum and the sum of their squares, as numerics. n is at least 1, for samples 2. */
FLY_MUST_USE fly_status fly_vec_numeric_spread(int64_t n, fly_vec_str sum, fly_vec_str squares,
                                               fly_vec_spread which, fly_arena *arena,
                                               fly_vec_str *out, fly_err *err);

/** avg() of integers or scaled decimals: sum * 10^-scale / count, with avg's display scale. */
FLY_MUST_USE fly_status fly_vec_numeric_avg_i128(fly_vec_i128 sum, int scale, int64_t count,
                                                 fly_arena *arena, fly_vec_str *out, fly_err *err);

/* ------------------------------------------------------- integers and floats as text */

enum {
    FLY_VEC_NUMBER_TEXT = 48
}; /**< room that the functions below need, with a zero at the end */

/** Write a number; returns the bytes, without the zero behind them. */
size_t fly_vec_i64_format(int64_t x, char *out);
/** As fly_vec_i64_format(). */
size_t fly_vec_i128_format(fly_vec_i128 x, char *out);
/** A scaled decimal: value * 10^-scale with all `scale` digits, 0 to 38. */
size_t fly_vec_decimal_format(fly_vec_i128 value, int scale, char *out);
/** The shortest digits that read back as the same float8; "1e+20", "NaN", "Infinity". */
size_t fly_vec_f64_format(double x, char *out);
/** The shortest digits that read back as the same float4. */
size_t fly_vec_f32_format(float x, char *out);

/** Read an integer: 22P02 "invalid input syntax for type integer: \"x\"", 22003. */
FLY_MUST_USE fly_status fly_vec_i16_parse(fly_bytes text, int16_t *out, fly_err *err);
/** As fly_vec_i16_parse(). */
FLY_MUST_USE fly_status fly_vec_i32_parse(fly_bytes text, int32_t *out, fly_err *err);
/** As fly_vec_i16_parse(). */
FLY_MUST_USE fly_status fly_vec_i64_parse(fly_bytes text, int64_t *out, fly_err *err);
/** Read a float: 22P02, 22003 "\"1e400\" is out of range for type double precision". */
FLY_MUST_USE fly_status fly_vec_f64_parse(fly_bytes text, double *out, fly_err *err);
/** As fly_vec_f64_parse(), for type real. */
FLY_MUST_USE fly_status fly_vec_f32_parse(fly_bytes text, float *out, fly_err *err);

FLY_EXTERN_C_END
/** @} */
#endif
