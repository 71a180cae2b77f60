/**
 * @file vec_template.h
 * @brief to_char(), to_date(), to_timestamp(), to_number(): values by template.
 *
 * Templates are PostgreSQL's: 'FMDay, DD Month YYYY HH12:MI AM' for times, 'S999G990D00' for numbers.
 * Names of months and days are English, signs and separators those of the C locale. SP, and TM in
 * templates that are read, say 0A000.
 *
 * Threads: pure.
 */
#ifndef FLY_VEC_TEMPLATE_H
#define FLY_VEC_TEMPLATE_H

#include <fly/vec_time.h>

/** @addtogroup vec
 *  @{ */
FLY_EXTERN_C_BEGIN

/** to_char(timestamp). Infinities give an empty text, which callers turn into NULL. */
FLY_MUST_USE fly_status fly_vec_timestamp_to_char(int64_t micros, fly_bytes format,
                                                  fly_arena *arena, fly_vec_str *out, fly_err *err);
/** to_char(timestamptz) in a zone; NULL: UTC. */
FLY_MUST_USE fly_status fly_vec_timestamptz_to_char(int64_t micros, const fly_vec_tz *zone,
                                                    fly_bytes format, fly_arena *arena,
                                                    fly_vec_str *out, fly_err *err);
/** to_char(interval): 22007 for what belongs to a calendar. */
FLY_MUST_USE fly_status fly_vec_interval_to_char(fly_vec_interval x, fly_bytes format,
                                                 fly_arena *arena, fly_vec_str *out, fly_err *err);
/** to_timestamp(text, text): 22007, 22008. */
FLY_MUST_USE fly_status fly_vec_to_timestamp(fly_bytes text, fly_bytes format,
                                             const fly_vec_time_env *env, int64_t *out,
                                             fly_err *err);
/** to_date(text, text). */
FLY_MUST_USE fly_status fly_vec_to_date(fly_bytes text, fly_bytes format, int32_t *out,
                                        fly_err *err);

/** to_char(numeric); integers too, as numerics. */
FLY_MUST_USE fly_status fly_vec_numeric_to_char(fly_vec_str x, fly_bytes format, fly_arena *arena,
                                                fly_vec_str *out, fly_err *err);
/** to_char(float8): of the digits that a float8 has for sure. */
FLY_MUST_USE fly_status fly_vec_f64_to_char(double x, fly_bytes format, fly_arena *arena,
                                            fly_vec_str *out, fly_err *err);
/** to_number(text, text), a numeric. */
FLY_MUST_USE fly_status fly_vec_to_number(fly_bytes text, fly_bytes format, fly_arena *arena,
                                          fly_vec_str *out, fly_err *err);

FLY_EXTERN_C_END
/** @} */
#endif
