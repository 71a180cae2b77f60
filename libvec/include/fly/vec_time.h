/**
 * @file vec_time.h
 * @brief Dates, times, intervals and time zones, read, written and counted as PostgreSQL does.
 *
 *     date         int32_t   days since 1970-01-01
 *     time         int64_t   microseconds of a day, 0 to 24:00:00
 *     timetz       fly_vec_timetz: a time and seconds west of Greenwich
 *     timestamp    int64_t   microseconds since 1970-01-01 00:00:00, of nowhere in particular
 *     timestamptz  int64_t   the same, in UTC
 *     interval     fly_vec_interval: months, days and microseconds
 *
 * The calendar is Gregorian for all time. Dates reach from 4713-11-24 BC to 5874897-12-31, timestamps
 * from 4713-11-24 BC to 294247-01-10 04:00:54.775806: the 64 bits begin to count in 1970, so they end
 * thirty years before PostgreSQL's, which begin in 2000. The smallest and largest integers of date,
 * timestamp and timestamptz are -infinity and infinity.
 *
 * What a session decides (styles, the time zone, what "now" means) comes in a ::fly_vec_time_env.
 * Zones come from the system's tzdata by way of a fly_vfs; who loads one keeps it and may share it.
 *
 * Errors have PostgreSQL's SQLSTATEs (22007, 22008, 22009, 22015, 22023) and words.
 *
 * Threads: pure.
 */
#ifndef FLY_VEC_TIME_H
#define FLY_VEC_TIME_H

#include <fly/base_vfs.h>
#include <fly/vec.h>

/** @addtogroup vec
 *  @{ */
FLY_EXTERN_C_BEGIN

#define FLY_VEC_DATE_INFINITY INT32_MAX
#define FLY_VEC_DATE_MINUS_INFINITY INT32_MIN
#define FLY_VEC_TIMESTAMP_INFINITY INT64_MAX
#define FLY_VEC_TIMESTAMP_MINUS_INFINITY INT64_MIN
#define FLY_VEC_DAY_MICROS INT64_C(86400000000)
/** Microseconds from 1970-01-01 to 2000-01-01, and days: where PostgreSQL's protocol counts from. */
#define FLY_VEC_EPOCH_2000_MICROS INT64_C(946684800000000)
#define FLY_VEC_EPOCH_2000_DAYS 10957

/** A time of day with seconds west of Greenwich, as PostgreSQL keeps it. */
typedef struct fly_vec_timetz {
    int64_t micros;
    int32_t west;
} fly_vec_timetz;

/** A timetz as an integer that sorts and compares as PostgreSQL does: the instant, then the zone. */
static inline fly_vec_i128 fly_vec_timetz_pack(fly_vec_timetz t)
{
    fly_vec_i128 instant = t.micros + (int64_t)t.west * 1000000;
    return instant * ((fly_vec_i128)1 << 32) + t.west;
}

/** What fly_vec_timetz_pack() made. */
static inline fly_vec_timetz fly_vec_timetz_unpack(fly_vec_i128 x)
{
    fly_vec_timetz t;
    t.west = (int32_t)(uint32_t)(fly_vec_u128)x;
    t.micros = (int64_t)((x - t.west) >> 32) - (int64_t)t.west * 1000000;
    return t;
}

/* ------------------------------------------------------------------- time zones */

/** A time zone: when which offset holds. */
typedef struct fly_vec_tz fly_vec_tz;

/**
 * @brief Load a zone by name, in any case, or make one of a POSIX specification ("EST5EDT", "<+03>-3").
 *
 * @param dir   Where the system's zones are, e.g. "/usr/share/zoneinfo".
 * @param mem   Keeps; what the zone takes comes from it.
 * @param[out] tz  Gives; fly_vec_tz_destroy().
 * @return FLY_E_NOT_FOUND, with a message (22023 "time zone \"x\" not recognized").
 */
FLY_MUST_USE fly_status fly_vec_tz_load(fly_vfs *vfs, const char *dir, fly_bytes name, fly_mem *mem,
                                        fly_vec_tz **tz, fly_err *err);

/** A zone out of the bytes of a TZif file (RFC 8536); distrusts them. */
FLY_MUST_USE fly_status fly_vec_tz_decode(fly_bytes file, fly_bytes name, fly_mem *mem,
                                          fly_vec_tz **tz, fly_err *err);

/** A zone that is always `east` seconds east of Greenwich. Its name is as SET TIME ZONE shows it. */
FLY_MUST_USE fly_status fly_vec_tz_fixed(int32_t east, fly_mem *mem, fly_vec_tz **tz, fly_err *err);

/** Release a zone. NULL is fine. */
void fly_vec_tz_destroy(fly_vec_tz *tz);

/** Its name, as it is spelled on disk. */
const char *fly_vec_tz_name(const fly_vec_tz *tz);

/** What holds at an instant. */
typedef struct fly_vec_tz_info {
    int32_t east; /**< seconds */
    bool dst;
    char abbrev[16];
} fly_vec_tz_info;

/** What holds at `seconds` since 1970 in UTC. `tz` NULL: UTC. */
void fly_vec_tz_at(const fly_vec_tz *tz, int64_t seconds, fly_vec_tz_info *info);

/** The offset (seconds east) that a local time has: where clocks jump forward the one before, where
 *  they are set back the one after. */
int32_t fly_vec_tz_local(const fly_vec_tz *tz, int64_t local_seconds);

/* ------------------------------------------------------------------ the session */

/** How dates look. */
typedef enum fly_vec_date_style {
    FLY_VEC_DATE_ISO,
    FLY_VEC_DATE_SQL,
    FLY_VEC_DATE_POSTGRES,
    FLY_VEC_DATE_GERMAN
} fly_vec_date_style;

/** What the numbers of a date mean, if that is not plain. */
typedef enum fly_vec_date_order {
    FLY_VEC_ORDER_MDY,
    FLY_VEC_ORDER_DMY,
    FLY_VEC_ORDER_YMD
} fly_vec_date_order;

/** How intervals look. */
typedef enum fly_vec_interval_style {
    FLY_VEC_INTERVAL_POSTGRES,
    FLY_VEC_INTERVAL_VERBOSE,
    FLY_VEC_INTERVAL_SQL,
    FLY_VEC_INTERVAL_ISO
} fly_vec_interval_style;

/** What the meaning and the look of times depend on. All zero: ISO, MDY, UTC, no named zones. */
typedef struct fly_vec_time_env {
    fly_vec_date_style date_style;
    fly_vec_date_order date_order;
    fly_vec_interval_style interval_style;
    const fly_vec_tz *zone; /**< NULL: UTC */
    int64_t now;            /**< the transaction's start, a timestamptz: 'now', 'today' */
    /** Finds a zone named in a text; FLY_E_NOT_FOUND if there is none. NULL: only UTC is known. The
     *  zone must stay until the call that asked returns. */
    fly_status (*find_zone)(void *ctx, fly_bytes name, const fly_vec_tz **tz);
    void *ctx;
} fly_vec_time_env;

/**
 * @brief A zone as SQL's AT TIME ZONE takes it: an abbreviation, a name, or a POSIX specification.
 *
 * @param micros  The instant (`local` false) or the local time that is asked about.
 * @param[out] east  Seconds.
 * @return 22023 "time zone \"x\" not recognized".
 */
FLY_MUST_USE fly_status fly_vec_zone_offset(fly_bytes zone, int64_t micros, bool local,
                                            const fly_vec_time_env *env, int32_t *east,
                                            fly_err *err);

/** The same for an interval: 22023 unless it has neither months nor days. */
FLY_MUST_USE fly_status fly_vec_zone_offset_interval(fly_vec_interval zone, int32_t *east,
                                                     fly_err *err);

/* ------------------------------------------------------------------------ text */

enum { FLY_VEC_TIME_TEXT = 160 }; /**< room that the format functions need */

/** Read a date: 22007 "invalid input syntax for type date: \"x\"", 22008. */
FLY_MUST_USE fly_status fly_vec_date_parse(fly_bytes text, const fly_vec_time_env *env,
                                           int32_t *out, fly_err *err);
/** Read a time of day. */
FLY_MUST_USE fly_status fly_vec_time_parse(fly_bytes text, const fly_vec_time_env *env,
                                           int64_t *out, fly_err *err);
/** Read a time with a zone; a zone without a date takes today's offset. */
FLY_MUST_USE fly_status fly_vec_timetz_parse(fly_bytes text, const fly_vec_time_env *env,
                                             fly_vec_timetz *out, fly_err *err);
/** Read a timestamp; a zone in the text is ignored. */
FLY_MUST_USE fly_status fly_vec_timestamp_parse(fly_bytes text, const fly_vec_time_env *env,
                                                int64_t *out, fly_err *err);
/** Read a timestamptz. */
FLY_MUST_USE fly_status fly_vec_timestamptz_parse(fly_bytes text, const fly_vec_time_env *env,
                                                  int64_t *out, fly_err *err);

/** Which fields an interval type names: `interval day to second` is DAY | HOUR | MINUTE | SECOND. */
enum {
    FLY_VEC_FIELD_YEAR = 1,
    FLY_VEC_FIELD_MONTH = 2,
    FLY_VEC_FIELD_DAY = 4,
    FLY_VEC_FIELD_HOUR = 8,
    FLY_VEC_FIELD_MINUTE = 16,
    FLY_VEC_FIELD_SECOND = 32
};

/** `fields` says what a number without a unit means; 0: seconds. Apply fly_vec_interval_fit() too. */
FLY_MUST_USE fly_status fly_vec_interval_parse(fly_bytes text, const fly_vec_time_env *env,
                                               unsigned fields, fly_vec_interval *out,
                                               fly_err *err);

/** Write a value; returns the bytes. No zero byte follows them. */
size_t fly_vec_date_format(int32_t date, const fly_vec_time_env *env, char *out);
/** As fly_vec_date_format(). */
size_t fly_vec_time_format(int64_t micros, char *out);
/** As fly_vec_date_format(). */
size_t fly_vec_timetz_format(fly_vec_timetz t, char *out);
/** As fly_vec_date_format(). */
size_t fly_vec_timestamp_format(int64_t micros, const fly_vec_time_env *env, char *out);
/** As fly_vec_date_format(). */
size_t fly_vec_timestamptz_format(int64_t micros, const fly_vec_time_env *env, char *out);
/** As fly_vec_date_format(). */
size_t fly_vec_interval_format(fly_vec_interval x, const fly_vec_time_env *env, char *out);

/** Round microseconds to `precision` digits of a second, 0 to 6, as time(p), timestamp(p) do; infinities
 *  stay. */
int64_t fly_vec_micros_round(int64_t micros, int precision);
/** Keep the fields of an interval type, and `precision` digits of a second (-1: all). */
FLY_MUST_USE fly_status fly_vec_interval_fit(fly_vec_interval x, unsigned fields, int precision,
                                             fly_vec_interval *out, fly_err *err);

/* -------------------------------------------------------------------- calendar */

/** A point in time, taken apart. Year 0 is 1 BC. */
typedef struct fly_vec_civil {
    int32_t year;
    int32_t month;  /**< 1 to 12 */
    int32_t day;    /**< 1 to 31 */
    int32_t hour;   /**< 0 to 24 */
    int32_t minute; /**< 0 to 59 */
    int32_t second; /**< 0 to 59 */
    int32_t micros; /**< 0 to 999999 */
} fly_vec_civil;

/** Days since 1970 of a date of the calendar, which need not be valid: month 13 is next January. */
int64_t fly_vec_civil_days(int32_t year, int32_t month, int32_t day);
/** The date of a day. Sets year, month and day. */
void fly_vec_days_civil(int64_t days, fly_vec_civil *civil);
/** Take a finite timestamp apart. */
void fly_vec_timestamp_civil(int64_t micros, fly_vec_civil *civil);
/** 0 is Sunday. */
int fly_vec_weekday(int64_t days);
/** The week of ISO 8601, 1 to 53, and the year it belongs to. */
int fly_vec_iso_week(int64_t days, int32_t *iso_year);

/* ------------------------------------------------------------------ conversions */

/** Midnight of a date: 22008 "date out of range for timestamp". */
FLY_MUST_USE fly_status fly_vec_date_to_timestamp(int32_t date, int64_t *out, fly_err *err);
/** Midnight of a date in a zone. */
FLY_MUST_USE fly_status fly_vec_date_to_timestamptz(int32_t date, const fly_vec_tz *zone,
                                                    int64_t *out, fly_err *err);
/** Also for a timestamptz that was turned into local time. Infinities stay. */
int32_t fly_vec_timestamp_to_date(int64_t micros);
/** The time of day; of infinities 0, which callers turn into NULL. */
int64_t fly_vec_timestamp_to_time(int64_t micros);
/** Local time to UTC. */
FLY_MUST_USE fly_status fly_vec_timestamp_to_utc(int64_t local, const fly_vec_tz *zone,
                                                 int64_t *out, fly_err *err);
/** UTC to local time. */
FLY_MUST_USE fly_status fly_vec_timestamp_to_local(int64_t utc, const fly_vec_tz *zone,
                                                   int64_t *out, fly_err *err);
/** The time of day of an interval: its microseconds modulo a day. */
int64_t fly_vec_interval_to_time(fly_vec_interval x);

/** make_date(), and so on: 22008 "date field value out of range: 2024-02-30". */
FLY_MUST_USE fly_status fly_vec_make_date(int32_t year, int32_t month, int32_t day, int32_t *out,
                                          fly_err *err);
/** make_time(). */
FLY_MUST_USE fly_status fly_vec_make_time(int32_t hour, int32_t minute, double second, int64_t *out,
                                          fly_err *err);
/** make_timestamp(). */
FLY_MUST_USE fly_status fly_vec_make_timestamp(int32_t year, int32_t month, int32_t day,
                                               int32_t hour, int32_t minute, double second,
                                               int64_t *out, fly_err *err);
/** make_interval(). */
FLY_MUST_USE fly_status fly_vec_make_interval(int32_t years, int32_t months, int32_t weeks,
                                              int32_t days, int32_t hours, int32_t minutes,
                                              double seconds, fly_vec_interval *out, fly_err *err);
/** to_timestamp(double): seconds since 1970. */
FLY_MUST_USE fly_status fly_vec_timestamp_from_epoch(double seconds, int64_t *out, fly_err *err);

/* ------------------------------------------------------------------- arithmetic */

/** A date some days later: 22008. */
FLY_MUST_USE fly_status fly_vec_date_add_days(int32_t date, int32_t days, int32_t *out,
                                              fly_err *err);
/** Days between two dates: 22008 "cannot subtract infinite dates". */
FLY_MUST_USE fly_status fly_vec_date_sub(int32_t a, int32_t b, int32_t *days, fly_err *err);
/** sign 1: plus, -1: minus. */
FLY_MUST_USE fly_status fly_vec_timestamp_add(int64_t micros, fly_vec_interval span, int sign,
                                              int64_t *out, fly_err *err);
/** The same for timestamptz: months and days are those of the zone's calendar. */
FLY_MUST_USE fly_status fly_vec_timestamptz_add(int64_t micros, fly_vec_interval span, int sign,
                                                const fly_vec_tz *zone, int64_t *out, fly_err *err);
/** Days and microseconds between two timestamps. */
FLY_MUST_USE fly_status fly_vec_timestamp_sub(int64_t a, int64_t b, fly_vec_interval *out,
                                              fly_err *err);
/** Symbolic difference: years, months, days. For timestamptz give local times. */
FLY_MUST_USE fly_status fly_vec_timestamp_age(int64_t a, int64_t b, fly_vec_interval *out,
                                              fly_err *err);
/** Modulo a day. */
int64_t fly_vec_time_add(int64_t time, fly_vec_interval span, int sign);

/** a + b: 22008 "interval out of range". */
FLY_MUST_USE fly_status fly_vec_interval_add(fly_vec_interval a, fly_vec_interval b,
                                             fly_vec_interval *out, fly_err *err);
/** a - b. */
FLY_MUST_USE fly_status fly_vec_interval_sub(fly_vec_interval a, fly_vec_interval b,
                                             fly_vec_interval *out, fly_err *err);
/** -a. */
FLY_MUST_USE fly_status fly_vec_interval_neg(fly_vec_interval a, fly_vec_interval *out,
                                             fly_err *err);
/** Times a number; fractions of months and days flow down. */
FLY_MUST_USE fly_status fly_vec_interval_mul(fly_vec_interval a, double by, fly_vec_interval *out,
                                             fly_err *err);
/** Divided by a number: 22012. */
FLY_MUST_USE fly_status fly_vec_interval_div(fly_vec_interval a, double by, fly_vec_interval *out,
                                             fly_err *err);
/** Order with months of 30 days and days of 24 hours; also a number with that order and equality, to
 *  hash and to make keys of. */
int fly_vec_interval_cmp(fly_vec_interval a, fly_vec_interval b);
/** See fly_vec_interval_cmp(). */
fly_vec_i128 fly_vec_interval_key(fly_vec_interval x);

/** Whole days of 24 hours become days. */
FLY_MUST_USE fly_status fly_vec_justify_hours(fly_vec_interval x, fly_vec_interval *out,
                                              fly_err *err);
/** Whole months of 30 days become months. */
FLY_MUST_USE fly_status fly_vec_justify_days(fly_vec_interval x, fly_vec_interval *out,
                                             fly_err *err);
/** Both, and all parts get one sign. */
FLY_MUST_USE fly_status fly_vec_justify_interval(fly_vec_interval x, fly_vec_interval *out,
                                                 fly_err *err);

/** (a0, a1) OVERLAPS (b0, b1) of any four values that compare as integers; the ends may be given in
 *  either order. `nulls` bit i: value i is NULL. @return 0, 1, or -1 for NULL. */
int fly_vec_overlaps(fly_vec_i128 a0, fly_vec_i128 a1, fly_vec_i128 b0, fly_vec_i128 b1,
                     unsigned nulls);

/* ----------------------------------------------------------------------- parts */

/** What extract() and date_trunc() name. */
typedef enum fly_vec_part {
    FLY_VEC_PART_MICROSECONDS,
    FLY_VEC_PART_MILLISECONDS,
    FLY_VEC_PART_SECOND,
    FLY_VEC_PART_MINUTE,
    FLY_VEC_PART_HOUR,
    FLY_VEC_PART_DAY,
    FLY_VEC_PART_WEEK,
    FLY_VEC_PART_MONTH,
    FLY_VEC_PART_QUARTER,
    FLY_VEC_PART_YEAR,
    FLY_VEC_PART_DECADE,
    FLY_VEC_PART_CENTURY,
    FLY_VEC_PART_MILLENNIUM,
    FLY_VEC_PART_EPOCH,
    FLY_VEC_PART_DOW,
    FLY_VEC_PART_ISODOW,
    FLY_VEC_PART_DOY,
    FLY_VEC_PART_ISOYEAR,
    FLY_VEC_PART_JULIAN,
    FLY_VEC_PART_TIMEZONE,
    FLY_VEC_PART_TIMEZONE_HOUR,
    FLY_VEC_PART_TIMEZONE_MINUTE,
    FLY_VEC_PART_COUNT
} fly_vec_part;

/** Which type a part is asked of; for errors and for what is allowed. */
typedef enum fly_vec_time_type {
    FLY_VEC_OF_DATE,
    FLY_VEC_OF_TIME,
    FLY_VEC_OF_TIMETZ,
    FLY_VEC_OF_TIMESTAMP,
    FLY_VEC_OF_TIMESTAMPTZ,
    FLY_VEC_OF_INTERVAL
} fly_vec_time_type;

/** Find a part by name: 22023 "unit \"x\" not recognized for type date". */
FLY_MUST_USE fly_status fly_vec_part_parse(fly_bytes name, fly_vec_time_type type,
                                           fly_vec_part *out, fly_err *err);

/**
 * @brief extract(part from value), a numeric.
 *
 * @param value  Of the type that `type` says: i32, i64, i64 (timetz: give i128 as packed), interval.
 * @param zone   For timestamptz. NULL: UTC.
 * @param[out] null  The value is infinite and the part has no limit.
 * @return 0A000 "unit \"hour\" not supported for type date".
 */
FLY_MUST_USE fly_status fly_vec_extract(fly_vec_part part, fly_vec_time_type type,
                                        const fly_vec_value *value, const fly_vec_tz *zone,
                                        fly_arena *arena, fly_vec_str *out, bool *null,
                                        fly_err *err);

/** date_trunc() of a timestamp. */
FLY_MUST_USE fly_status fly_vec_timestamp_trunc(fly_vec_part part, int64_t micros, int64_t *out,
                                                fly_err *err);
/** date_trunc() of a timestamptz in a zone. */
FLY_MUST_USE fly_status fly_vec_timestamptz_trunc(fly_vec_part part, int64_t micros,
                                                  const fly_vec_tz *zone, int64_t *out,
                                                  fly_err *err);
/** date_trunc() of an interval. */
FLY_MUST_USE fly_status fly_vec_interval_trunc(fly_vec_part part, fly_vec_interval x,
                                               fly_vec_interval *out, fly_err *err);
/** date_bin(). */
FLY_MUST_USE fly_status fly_vec_timestamp_bin(fly_vec_interval stride, int64_t micros,
                                              int64_t origin, int64_t *out, fly_err *err);

FLY_EXTERN_C_END
/** @} */
#endif
