/*
 * Dates, times, intervals: operators, casts, parts, clocks.
 *
 * What libvec computes needs no session but for the time zone. to_char() and its kin are in
 * to_char.c.
 */
#include "func/string_int.h"

#include <fly/vec_numeric.h>

#include <stdio.h>

static const fly_vec_tz *zone_of(const fly__sql_call *call)
{
    return call->session != NULL ? call->session->time_zone : NULL;
}

/* libvec's failure, with the call's place. */
static fly_status at(fly__sql_call *call, fly_status status)
{
    if (status != FLY_OK && call->err != NULL && call->err->position == 0) {
        call->err->position = call->pos;
    }
    return status;
}

/* One row function for each function of libvec's that gives an i32, i64 or interval. */
#define GIVES(name, type, give, field, expression)                                                 \
    ROW(name)                                                                                      \
    {                                                                                              \
        type value = {0};                                                                          \
        fly_status status = at(call, (expression));                                                \
        return status != FLY_OK ? status : give(result, value);                                    \
    }
#define GIVES_DATE(name, expression) GIVES(name, int32_t, give_i32, i32, expression)
#define GIVES_I64(name, expression) GIVES(name, int64_t, give_i64, i64, expression)
#define GIVES_INTERVAL(name, expression)                                                           \
    GIVES(name, fly_vec_interval, give_interval, interval, expression)

/* -------------------------------------------------------------------- arithmetic */

static fly_status subtract_days(int32_t date, int32_t days, int32_t *value, fly_err *err)
{
    if (days == INT32_MIN) {
        return fly_err_state(err, "22008", 0, "date out of range");
    }
    return fly_vec_date_add_days(date, -days, value, err);
}

GIVES_DATE(date_add_days, fly_vec_date_add_days(args[0].i32, args[1].i32, &value, call->err))
GIVES_DATE(days_add_date, fly_vec_date_add_days(args[1].i32, args[0].i32, &value, call->err))
GIVES_DATE(date_sub_days, subtract_days(args[0].i32, args[1].i32, &value, call->err))
GIVES_DATE(date_sub, fly_vec_date_sub(args[0].i32, args[1].i32, &value, call->err))

/* A date plus or minus an interval is a timestamp. */
static fly_status date_shift(int32_t date, fly_vec_interval span, int sign, int64_t *value,
                             fly_err *err)
{
    int64_t midnight;
    fly_status status = fly_vec_date_to_timestamp(date, &midnight, err);
    return status != FLY_OK ? status : fly_vec_timestamp_add(midnight, span, sign, value, err);
}

GIVES_I64(date_add_interval, date_shift(args[0].i32, args[1].interval, 1, &value, call->err))
GIVES_I64(interval_add_date, date_shift(args[1].i32, args[0].interval, 1, &value, call->err))
GIVES_I64(date_sub_interval, date_shift(args[0].i32, args[1].interval, -1, &value, call->err))
GIVES_I64(timestamp_add, fly_vec_timestamp_add(args[0].i64, args[1].interval, 1, &value, call->err))
GIVES_I64(timestamp_radd,
          fly_vec_timestamp_add(args[1].i64, args[0].interval, 1, &value, call->err))
GIVES_I64(timestamp_sub_interval,
          fly_vec_timestamp_add(args[0].i64, args[1].interval, -1, &value, call->err))
GIVES_I64(timestamptz_add, fly_vec_timestamptz_add(args[0].i64, args[1].interval, 1, zone_of(call),
                                                   &value, call->err))
GIVES_I64(timestamptz_radd, fly_vec_timestamptz_add(args[1].i64, args[0].interval, 1, zone_of(call),
                                                    &value, call->err))
GIVES_I64(timestamptz_sub_interval, fly_vec_timestamptz_add(args[0].i64, args[1].interval, -1,
                                                            zone_of(call), &value, call->err))
GIVES_INTERVAL(timestamp_sub, fly_vec_timestamp_sub(args[0].i64, args[1].i64, &value, call->err))
GIVES_INTERVAL(interval_add,
               fly_vec_interval_add(args[0].interval, args[1].interval, &value, call->err))
GIVES_INTERVAL(interval_sub,
               fly_vec_interval_sub(args[0].interval, args[1].interval, &value, call->err))
GIVES_INTERVAL(interval_neg, fly_vec_interval_neg(args[0].interval, &value, call->err))
GIVES_INTERVAL(interval_mul, fly_vec_interval_mul(args[0].interval, args[1].f64, &value, call->err))
GIVES_INTERVAL(interval_rmul,
               fly_vec_interval_mul(args[1].interval, args[0].f64, &value, call->err))
GIVES_INTERVAL(interval_div, fly_vec_interval_div(args[0].interval, args[1].f64, &value, call->err))

ROW(time_add)
{
    return give_i64(result, fly_vec_time_add(args[0].i64, args[1].interval, 1));
}

ROW(time_radd)
{
    return give_i64(result, fly_vec_time_add(args[1].i64, args[0].interval, 1));
}

ROW(time_sub_interval)
{
    return give_i64(result, fly_vec_time_add(args[0].i64, args[1].interval, -1));
}

ROW(time_sub)
{
    return give_interval(result, (fly_vec_interval){.micros = args[0].i64 - args[1].i64});
}

static fly_status timetz_shift(fly_vec_i128 packed, fly_vec_interval span, int sign,
                               fly_vec_value *result)
{
    fly_vec_timetz t = fly_vec_timetz_unpack(packed);
    t.micros = fly_vec_time_add(t.micros, span, sign);
    return give_i128(result, fly_vec_timetz_pack(t));
}

ROW(timetz_add)
{
    return timetz_shift(args[0].i128, args[1].interval, 1, result);
}

ROW(timetz_radd)
{
    return timetz_shift(args[1].i128, args[0].interval, 1, result);
}

ROW(timetz_sub_interval)
{
    return timetz_shift(args[0].i128, args[1].interval, -1, result);
}

/* A date and a time make a timestamp. */
static fly_status date_time(int32_t date, int64_t time, int64_t *value, fly_err *err)
{
    int64_t midnight;
    fly_status status = fly_vec_date_to_timestamp(date, &midnight, err);
    bool infinite = date == FLY_VEC_DATE_INFINITY || date == FLY_VEC_DATE_MINUS_INFINITY;
    if (status == FLY_OK && infinite) {
        *value = midnight;
    } else if (status == FLY_OK && __builtin_add_overflow(midnight, time, value)) {
        status = fly_err_state(err, "22008", 0, "timestamp out of range");
    }
    return status;
}

static fly_status date_timetz(int32_t date, fly_vec_i128 packed, int64_t *value, fly_err *err)
{
    fly_vec_timetz t = fly_vec_timetz_unpack(packed);
    return date_time(date, t.micros + (int64_t)t.west * 1000000, value, err);
}

GIVES_I64(date_add_time, date_time(args[0].i32, args[1].i64, &value, call->err))
GIVES_I64(time_add_date, date_time(args[1].i32, args[0].i64, &value, call->err))
GIVES_I64(date_add_timetz, date_timetz(args[0].i32, args[1].i128, &value, call->err))
GIVES_I64(timetz_add_date, date_timetz(args[1].i32, args[0].i128, &value, call->err))

static fly_status date_time_utc(fly__sql_call *call, const fly_vec_value *args, int64_t *value)
{
    int64_t local;
    fly_status status = date_time(args[0].i32, args[1].i64, &local, call->err);
    return status != FLY_OK ? status
                            : fly_vec_timestamp_to_utc(local, zone_of(call), value, call->err);
}

GIVES_I64(date_time_timestamptz, date_time_utc(call, args, &value))

/* -------------------------------------------------------------------------- casts */

GIVES_I64(date_to_timestamp, fly_vec_date_to_timestamp(args[0].i32, &value, call->err))
GIVES_I64(date_to_timestamptz,
          fly_vec_date_to_timestamptz(args[0].i32, zone_of(call), &value, call->err))
GIVES_I64(timestamp_to_timestamptz,
          fly_vec_timestamp_to_utc(args[0].i64, zone_of(call), &value, call->err))
GIVES_I64(timestamptz_to_timestamp,
          fly_vec_timestamp_to_local(args[0].i64, zone_of(call), &value, call->err))

ROW(timestamp_to_date)
{
    return give_i32(result, fly_vec_timestamp_to_date(args[0].i64));
}

static bool infinite(int64_t timestamp)
{
    return timestamp == FLY_VEC_TIMESTAMP_INFINITY || timestamp == FLY_VEC_TIMESTAMP_MINUS_INFINITY;
}

ROW(timestamp_to_time)
{
    return infinite(args[0].i64) ? give_null(result)
                                 : give_i64(result, fly_vec_timestamp_to_time(args[0].i64));
}

ROW(timestamptz_to_date)
{
    int64_t local = 0;
    fly_status status =
        at(call, fly_vec_timestamp_to_local(args[0].i64, zone_of(call), &local, call->err));
    return status != FLY_OK ? status : give_i32(result, fly_vec_timestamp_to_date(local));
}

ROW(timestamptz_to_time)
{
    int64_t local = 0;
    if (infinite(args[0].i64)) {
        return give_null(result);
    }
    fly_status status =
        at(call, fly_vec_timestamp_to_local(args[0].i64, zone_of(call), &local, call->err));
    return status != FLY_OK ? status : give_i64(result, fly_vec_timestamp_to_time(local));
}

/* The offset that the session's zone has at an instant, west of Greenwich. */
static int32_t west_at(const fly__sql_call *call, int64_t micros)
{
    fly_vec_tz_info info;
    int64_t seconds = micros / 1000000 - (micros % 1000000 < 0);
    fly_vec_tz_at(zone_of(call), seconds, &info);
    return -info.east;
}

ROW(timestamptz_to_timetz)
{
    int64_t local = 0;
    if (infinite(args[0].i64)) {
        return give_null(result);
    }
    fly_status status =
        at(call, fly_vec_timestamp_to_local(args[0].i64, zone_of(call), &local, call->err));
    fly_vec_timetz t = {.micros = fly_vec_timestamp_to_time(local),
                        .west = west_at(call, args[0].i64)};
    return status != FLY_OK ? status : give_i128(result, fly_vec_timetz_pack(t));
}

ROW(time_to_timetz)
{
    int64_t now = call->session != NULL ? call->session->txn_time : 0;
    fly_vec_timetz t = {.micros = args[0].i64, .west = west_at(call, now)};
    return give_i128(result, fly_vec_timetz_pack(t));
}

ROW(timetz_to_time)
{
    return give_i64(result, fly_vec_timetz_unpack(args[0].i128).micros);
}

ROW(time_to_interval)
{
    return give_interval(result, (fly_vec_interval){.micros = args[0].i64});
}

ROW(interval_to_time)
{
    return give_i64(result, fly_vec_interval_to_time(args[0].interval));
}

/* ------------------------------------------------------------------ AT TIME ZONE */

/* The offset of a zone given as text. Which is loaded once for a call site whose zone is a constant
 * is a matter for libvec's env; here the text is looked up each time, into the call's arena. */
static fly_status offset(fly__sql_call *call, const fly_vec_value *zone, int64_t micros, bool local,
                         int32_t *east)
{
    fly__sql_time time;
    if (call->types[0].oid == FLY_SQL_INTERVAL) {
        return at(call, fly_vec_zone_offset_interval(zone->interval, east, call->err));
    }
    fly__sql_time_begin(&time, call->session, call->arena);
    return at(call,
              fly_vec_zone_offset(arg_bytes(zone), micros, local, &time.env, east, call->err));
}

static fly_status zone_shift(fly__sql_call *call, const fly_vec_value *args, bool local,
                             fly_vec_value *result)
{
    int64_t micros = args[1].i64;
    int64_t shifted;
    int32_t east = 0;
    if (infinite(micros)) {
        return give_i64(result, micros);
    }
    fly_status status = offset(call, &args[0], micros, local, &east);
    if (status != FLY_OK) {
        return status;
    }
    if (__builtin_add_overflow(micros, (int64_t)east * (local ? -1000000 : 1000000), &shifted)) {
        return FAIL(call, "22008", "timestamp out of range");
    }
    return give_i64(result, shifted);
}

ROW(zone_of_timestamp)
{
    return zone_shift(call, args, true, result);
}

ROW(zone_of_timestamptz)
{
    return zone_shift(call, args, false, result);
}

ROW(zone_of_timetz)
{
    int32_t east = 0;
    int64_t now = call->session != NULL ? call->session->txn_time : 0;
    fly_vec_timetz t = fly_vec_timetz_unpack(args[1].i128);
    fly_status status = offset(call, &args[0], now, false, &east);
    if (status != FLY_OK) {
        return status;
    }
    int64_t micros = t.micros + ((int64_t)t.west + east) * 1000000;
    micros %= FLY_VEC_DAY_MICROS;
    t.micros = micros < 0 ? micros + FLY_VEC_DAY_MICROS : micros;
    t.west = -east;
    return give_i128(result, fly_vec_timetz_pack(t));
}

/* -------------------------------------------------------------------------- parts */

static fly_vec_time_type time_type(uint32_t oid)
{
    switch (oid) {
    case FLY_SQL_DATE:
        return FLY_VEC_OF_DATE;
    case FLY_SQL_TIME:
        return FLY_VEC_OF_TIME;
    case FLY_SQL_TIMETZ:
        return FLY_VEC_OF_TIMETZ;
    case FLY_SQL_TIMESTAMP:
        return FLY_VEC_OF_TIMESTAMP;
    case FLY_SQL_TIMESTAMPTZ:
        return FLY_VEC_OF_TIMESTAMPTZ;
    default:
        return FLY_VEC_OF_INTERVAL;
    }
}

/* The part that a call site asked for last: nearly always a constant. */
typedef struct part_site {
    fly_vec_str name; /* short enough to lie here */
    fly_vec_part part;
} part_site;

static fly_status part_named(fly__sql_call *call, const fly_vec_str *name, fly_vec_time_type type,
                             fly_vec_part *part)
{
    part_site *site = call->memo != NULL ? *call->memo : NULL;
    if (site != NULL && fly_vec_str_equal(&site->name, name)) {
        *part = site->part;
        return FLY_OK;
    }
    fly_status status = fly_vec_part_parse(fly_vec_str_bytes(name), type, part, call->err);
    if (status != FLY_OK || name->len > FLY_VEC_STR_INLINE || call->memo == NULL) {
        return status;
    }
    if (site == NULL) {
        site = fly_arena_alloc(call->memo_arena, sizeof *site);
        if (site == NULL) {
            return fly__sql_no_memory(call->err);
        }
        *call->memo = site;
    }
    *site = (part_site){.name = *name, .part = *part};
    return FLY_OK;
}

/* Year, month and day of a finite date or timestamp, without the long way through libvec's
 * decimals; false: it is something else. */
static bool calendar_part(fly_vec_part part, fly_vec_time_type type, const fly_vec_value *value,
                          int64_t *number)
{
    fly_vec_civil c;
    if (part != FLY_VEC_PART_YEAR && part != FLY_VEC_PART_MONTH && part != FLY_VEC_PART_DAY) {
        return false;
    }
    if (type == FLY_VEC_OF_DATE && value->i32 != FLY_VEC_DATE_INFINITY &&
        value->i32 != FLY_VEC_DATE_MINUS_INFINITY) {
        fly_vec_days_civil(value->i32, &c);
    } else if (type == FLY_VEC_OF_TIMESTAMP && !infinite(value->i64)) {
        fly_vec_timestamp_civil(value->i64, &c);
    } else {
        return false;
    }
    *number = part == FLY_VEC_PART_YEAR    ? (c.year > 0 ? c.year : c.year - 1)
              : part == FLY_VEC_PART_MONTH ? c.month
                                           : c.day;
    return true;
}

static fly_status part_of(fly__sql_call *call, const fly_vec_value *args, fly_vec_str *value,
                          bool *null)
{
    fly_vec_part part;
    int64_t number;
    fly_vec_time_type type = time_type(call->types[1].oid);
    fly_status status = part_named(call, &args[0].str, type, &part);
    if (status == FLY_OK && calendar_part(part, type, &args[1], &number)) {
        return fly_vec_numeric_from_i64(number, call->arena, value, call->err);
    }
    if (status == FLY_OK) {
        status = fly_vec_extract(part, type, &args[1], zone_of(call), call->arena, value, null,
                                 call->err);
    }
    return at(call, status);
}

ROW(extract)
{
    fly_vec_str value = {0};
    bool null = false;
    fly_status status = part_of(call, args, &value, &null);
    if (status != FLY_OK) {
        return status;
    }
    return null ? give_null(result) : fly__sql_give_numeric(call, value, result);
}

ROW(date_part)
{
    fly_vec_str value = {0};
    bool null = false;
    double number = 0;
    fly_status status = part_of(call, args, &value, &null);
    if (status == FLY_OK && !null) {
        status = at(call, fly_vec_numeric_to_f64(value, call->arena, &number, call->err));
    }
    if (status != FLY_OK) {
        return status;
    }
    return null ? give_null(result) : give_f64(result, number);
}

static fly_status truncate_to(fly__sql_call *call, const fly_vec_value *args, int64_t *value)
{
    fly_vec_part part;
    fly_vec_time_type type = time_type(call->types[1].oid);
    fly_status status = fly_vec_part_parse(arg_bytes(&args[0]), type, &part, call->err);
    if (status != FLY_OK || type == FLY_VEC_OF_TIMESTAMP) {
        return status != FLY_OK ? status
                                : fly_vec_timestamp_trunc(part, args[1].i64, value, call->err);
    }
    if (call->argc == 2) {
        return fly_vec_timestamptz_trunc(part, args[1].i64, zone_of(call), value, call->err);
    }
    fly__sql_time time;
    const fly_vec_tz *zone = NULL;
    fly__sql_time_begin(&time, call->session, call->arena);
    fly_bytes name = arg_bytes(&args[2]);
    if (time.env.find_zone(&time, name, &zone) != FLY_OK) {
        return FAIL(call, "22023", "time zone \"%.*s\" not recognized",
                    (int)(name.len < 100 ? name.len : 100), (const char *)name.data);
    }
    return fly_vec_timestamptz_trunc(part, args[1].i64, zone, value, call->err);
}

GIVES_I64(date_trunc, truncate_to(call, args, &value))

static fly_status truncate_interval(fly__sql_call *call, const fly_vec_value *args,
                                    fly_vec_interval *value)
{
    fly_vec_part part;
    fly_status status =
        fly_vec_part_parse(arg_bytes(&args[0]), FLY_VEC_OF_INTERVAL, &part, call->err);
    return status != FLY_OK ? status
                            : fly_vec_interval_trunc(part, args[1].interval, value, call->err);
}

GIVES_INTERVAL(interval_trunc, truncate_interval(call, args, &value))
GIVES_I64(date_bin,
          fly_vec_timestamp_bin(args[0].interval, args[1].i64, args[2].i64, &value, call->err))
GIVES_INTERVAL(justify_hours, fly_vec_justify_hours(args[0].interval, &value, call->err))
GIVES_INTERVAL(justify_days, fly_vec_justify_days(args[0].interval, &value, call->err))
GIVES_INTERVAL(justify_interval, fly_vec_justify_interval(args[0].interval, &value, call->err))

ROW(isfinite_date)
{
    return give_bool(result, args[0].i32 != FLY_VEC_DATE_INFINITY &&
                                 args[0].i32 != FLY_VEC_DATE_MINUS_INFINITY);
}

ROW(isfinite_timestamp)
{
    return give_bool(result, !infinite(args[0].i64));
}

ROW(isfinite_interval)
{
    return give_bool(result, true);
}

/* ------------------------------------------------------------------------- making */

GIVES_DATE(make_date, fly_vec_make_date(args[0].i32, args[1].i32, args[2].i32, &value, call->err))
GIVES_I64(make_time, fly_vec_make_time(args[0].i32, args[1].i32, args[2].f64, &value, call->err))
GIVES_I64(make_timestamp, fly_vec_make_timestamp(args[0].i32, args[1].i32, args[2].i32, args[3].i32,
                                                 args[4].i32, args[5].f64, &value, call->err))
GIVES_I64(to_timestamp_epoch, fly_vec_timestamp_from_epoch(args[0].f64, &value, call->err))

static fly_status make_interval(fly__sql_call *call, const fly_vec_value *args,
                                fly_vec_interval *value)
{
    int32_t part[6] = {0};
    for (uint32_t i = 0; i < call->argc && i < 6; i++) {
        part[i] = args[i].i32;
    }
    return fly_vec_make_interval(part[0], part[1], part[2], part[3], part[4], part[5],
                                 call->argc > 6 ? args[6].f64 : 0, value, call->err);
}

GIVES_INTERVAL(make_interval, make_interval(call, args, &value))

static fly_status make_timestamptz(fly__sql_call *call, const fly_vec_value *args, int64_t *value)
{
    int64_t local;
    fly_status status = fly_vec_make_timestamp(args[0].i32, args[1].i32, args[2].i32, args[3].i32,
                                               args[4].i32, args[5].f64, &local, call->err);
    if (status != FLY_OK) {
        return status;
    }
    if (call->argc == 6) {
        return fly_vec_timestamp_to_utc(local, zone_of(call), value, call->err);
    }
    fly__sql_time time;
    int32_t east = 0;
    fly__sql_time_begin(&time, call->session, call->arena);
    status = fly_vec_zone_offset(arg_bytes(&args[6]), local, true, &time.env, &east, call->err);
    if (status == FLY_OK && __builtin_sub_overflow(local, (int64_t)east * 1000000, value)) {
        status = fly_err_state(call->err, "22008", 0, "timestamp out of range");
    }
    return status;
}

GIVES_I64(make_timestamptz, make_timestamptz(call, args, &value))

/* --------------------------------------------------------------------------- ages */

/* Midnight at the beginning of the transaction, in local time. */
static fly_status today(fly__sql_call *call, int64_t *midnight)
{
    int64_t now = call->session != NULL ? call->session->txn_time : 0;
    int64_t local;
    fly_status status = fly_vec_timestamp_to_local(now, zone_of(call), &local, call->err);
    return status != FLY_OK
               ? status
               : fly_vec_date_to_timestamp(fly_vec_timestamp_to_date(local), midnight, call->err);
}

static fly_status age_of(fly__sql_call *call, const fly_vec_value *args, bool zoned,
                         fly_vec_interval *value)
{
    int64_t a = args[0].i64;
    int64_t b = call->argc > 1 ? args[1].i64 : 0;
    fly_status status = FLY_OK;
    if (zoned) {
        status = fly_vec_timestamp_to_local(a, zone_of(call), &a, call->err);
        if (status == FLY_OK && call->argc > 1) {
            status = fly_vec_timestamp_to_local(b, zone_of(call), &b, call->err);
        }
    }
    if (status == FLY_OK && call->argc == 1) {
        b = a;
        status = today(call, &a);
    }
    return status != FLY_OK ? status : fly_vec_timestamp_age(a, b, value, call->err);
}

GIVES_INTERVAL(age_timestamp, age_of(call, args, false, &value))
GIVES_INTERVAL(age_timestamptz, age_of(call, args, true, &value))

/* ----------------------------------------------------------------------- overlaps */

/* The ends of a period as numbers that compare: the second may be given as a length. */
static fly_status overlaps(fly__sql_call *call, const fly_vec_value *args, fly_vec_value *result)
{
    fly_vec_i128 end[4] = {0};
    unsigned nulls = 0;
    for (uint32_t i = 0; i < 4; i++) {
        const fly_vec_value *start = &args[i & 2];
        bool length = call->types[i].oid == FLY_SQL_INTERVAL;
        if (args[i].null || (length && start->null)) {
            nulls |= 1u << i;
            continue;
        }
        int64_t moved = args[i].i64;
        fly_status status = FLY_OK;
        if (length && call->types[i - 1].oid == FLY_SQL_TIME) {
            moved = fly_vec_time_add(start->i64, args[i].interval, 1);
        } else if (length && call->types[i - 1].oid == FLY_SQL_TIMESTAMPTZ) {
            status = fly_vec_timestamptz_add(start->i64, args[i].interval, 1, zone_of(call), &moved,
                                             call->err);
        } else if (length) {
            status = fly_vec_timestamp_add(start->i64, args[i].interval, 1, &moved, call->err);
        }
        if (status != FLY_OK) {
            return at(call, status);
        }
        end[i] = call->types[i].oid == FLY_SQL_TIMETZ ? args[i].i128 : moved;
    }
    int answer = fly_vec_overlaps(end[0], end[1], end[2], end[3], nulls);
    return answer < 0 ? give_null(result) : give_bool(result, answer != 0);
}

ROW(overlaps)
{
    return overlaps(call, args, result);
}

/* ------------------------------------------------------------------------- clocks */

ROW(now)
{
    return give_i64(result, call->session != NULL ? call->session->txn_time : 0);
}

ROW(statement_timestamp)
{
    return give_i64(result, call->session != NULL ? call->session->statement_time : 0);
}

static int64_t clock_now(const fly__sql_call *call)
{
    fly_env *env = call->session != NULL ? call->session->env : NULL;
    return env != NULL ? (int64_t)env->wall_time(env) : 0;
}

ROW(clock_timestamp)
{
    return give_i64(result, clock_now(call));
}

ROW(timeofday)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t now = clock_now(call);
    int64_t local = 0;
    fly_vec_civil c;
    fly_vec_tz_info info;
    fly_status status = fly_vec_timestamp_to_local(now, zone_of(call), &local, call->err);
    if (status != FLY_OK) {
        return status;
    }
    fly_vec_tz_at(zone_of(call), now / 1000000, &info);
    fly_vec_timestamp_civil(local, &c);
    char text[80];
    int len = snprintf(text, sizeof text, "%s %s %02d %02d:%02d:%02d.%06d %04d %s",
                       days[fly_vec_weekday(fly_vec_civil_days(c.year, c.month, c.day))],
                       months[c.month - 1], c.day, c.hour, c.minute, c.second, c.micros, c.year,
                       info.abbrev);
    return fly__sql_give_copy(call, text, (size_t)len, result);
}

/* CURRENT_DATE and its kin: the transaction's start, in local time. */
static fly_status local_now(fly__sql_call *call, int64_t *local)
{
    int64_t now = call->session != NULL ? call->session->txn_time : 0;
    return at(call, fly_vec_timestamp_to_local(now, zone_of(call), local, call->err));
}

ROW(current_date)
{
    int64_t local = 0;
    fly_status status = local_now(call, &local);
    return status != FLY_OK ? status : give_i32(result, fly_vec_timestamp_to_date(local));
}

ROW(current_time)
{
    fly_vec_value now = {.i64 = call->session != NULL ? call->session->txn_time : 0};
    return fly__sql_fn_timestamptz_to_timetz(call, &now, result);
}

ROW(localtime)
{
    int64_t local = 0;
    fly_status status = local_now(call, &local);
    return status != FLY_OK ? status : give_i64(result, fly_vec_timestamp_to_time(local));
}

ROW(localtimestamp)
{
    int64_t local = 0;
    fly_status status = local_now(call, &local);
    return status != FLY_OK ? status : give_i64(result, local);
}
