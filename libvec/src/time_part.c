/*
 * Parts of dates and times: extract(), date_trunc(), date_bin().
 *
 * What extract() gives is a numeric with PostgreSQL's display scale: whole for most parts, six digits for
 * seconds and the epoch, three for milliseconds.
 */
#include "time_int.h"

#include <fly/vec_numeric.h>

#include <stdio.h>
#include <string.h>

static const char *const type_names[] = {"date",
                                         "time without time zone",
                                         "time with time zone",
                                         "timestamp without time zone",
                                         "timestamp with time zone",
                                         "interval"};

static const char *const part_names[FLY_VEC_PART_COUNT] = {
    "microseconds", "milliseconds", "second",        "minute",         "hour",   "day",
    "week",         "month",        "quarter",       "year",           "decade", "century",
    "millennium",   "epoch",        "dow",           "isodow",         "doy",    "isoyear",
    "julian",       "timezone",     "timezone_hour", "timezone_minute"};

/* Other words for them. Compared by their first ten letters. */
static const struct {
    const char *text;
    uint8_t part;
} words[] = {{"c", FLY_VEC_PART_CENTURY},
             {"cent", FLY_VEC_PART_CENTURY},
             {"centuries", FLY_VEC_PART_CENTURY},
             {"century", FLY_VEC_PART_CENTURY},
             {"d", FLY_VEC_PART_DAY},
             {"day", FLY_VEC_PART_DAY},
             {"days", FLY_VEC_PART_DAY},
             {"dec", FLY_VEC_PART_DECADE},
             {"decade", FLY_VEC_PART_DECADE},
             {"decades", FLY_VEC_PART_DECADE},
             {"decs", FLY_VEC_PART_DECADE},
             {"dow", FLY_VEC_PART_DOW},
             {"doy", FLY_VEC_PART_DOY},
             {"epoch", FLY_VEC_PART_EPOCH},
             {"h", FLY_VEC_PART_HOUR},
             {"hour", FLY_VEC_PART_HOUR},
             {"hours", FLY_VEC_PART_HOUR},
             {"hr", FLY_VEC_PART_HOUR},
             {"hrs", FLY_VEC_PART_HOUR},
             {"isodow", FLY_VEC_PART_ISODOW},
             {"isoyear", FLY_VEC_PART_ISOYEAR},
             {"j", FLY_VEC_PART_JULIAN},
             {"jd", FLY_VEC_PART_JULIAN},
             {"julian", FLY_VEC_PART_JULIAN},
             {"m", FLY_VEC_PART_MINUTE},
             {"microsecon", FLY_VEC_PART_MICROSECONDS},
             {"mil", FLY_VEC_PART_MILLENNIUM},
             {"millennia", FLY_VEC_PART_MILLENNIUM},
             {"millennium", FLY_VEC_PART_MILLENNIUM},
             {"millisecon", FLY_VEC_PART_MILLISECONDS},
             {"mils", FLY_VEC_PART_MILLENNIUM},
             {"min", FLY_VEC_PART_MINUTE},
             {"mins", FLY_VEC_PART_MINUTE},
             {"minute", FLY_VEC_PART_MINUTE},
             {"minutes", FLY_VEC_PART_MINUTE},
             {"mon", FLY_VEC_PART_MONTH},
             {"mons", FLY_VEC_PART_MONTH},
             {"month", FLY_VEC_PART_MONTH},
             {"months", FLY_VEC_PART_MONTH},
             {"ms", FLY_VEC_PART_MILLISECONDS},
             {"msec", FLY_VEC_PART_MILLISECONDS},
             {"msecond", FLY_VEC_PART_MILLISECONDS},
             {"mseconds", FLY_VEC_PART_MILLISECONDS},
             {"msecs", FLY_VEC_PART_MILLISECONDS},
             {"qtr", FLY_VEC_PART_QUARTER},
             {"quarter", FLY_VEC_PART_QUARTER},
             {"s", FLY_VEC_PART_SECOND},
             {"sec", FLY_VEC_PART_SECOND},
             {"second", FLY_VEC_PART_SECOND},
             {"seconds", FLY_VEC_PART_SECOND},
             {"secs", FLY_VEC_PART_SECOND},
             {"timezone", FLY_VEC_PART_TIMEZONE},
             {"timezone_h", FLY_VEC_PART_TIMEZONE_HOUR},
             {"timezone_m", FLY_VEC_PART_TIMEZONE_MINUTE},
             {"us", FLY_VEC_PART_MICROSECONDS},
             {"usec", FLY_VEC_PART_MICROSECONDS},
             {"usecond", FLY_VEC_PART_MICROSECONDS},
             {"useconds", FLY_VEC_PART_MICROSECONDS},
             {"usecs", FLY_VEC_PART_MICROSECONDS},
             {"w", FLY_VEC_PART_WEEK},
             {"week", FLY_VEC_PART_WEEK},
             {"weeks", FLY_VEC_PART_WEEK},
             {"y", FLY_VEC_PART_YEAR},
             {"year", FLY_VEC_PART_YEAR},
             {"years", FLY_VEC_PART_YEAR},
             {"yr", FLY_VEC_PART_YEAR},
             {"yrs", FLY_VEC_PART_YEAR}};

fly_status fly_vec_part_parse(fly_bytes name, fly_vec_time_type type, fly_vec_part *out,
                              fly_err *err)
{
    char word[64];
    size_t n = name.len < sizeof word - 1 ? name.len : sizeof word - 1;
    for (size_t i = 0; i < n; i++) {
        int c = name.data[i];
        word[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    word[n] = '\0';
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strncmp(words[i].text, word, 10) == 0) {
            *out = (fly_vec_part)words[i].part;
            return FLY_OK;
        }
    }
    char format[120] = "unit \"%s\" not recognized for type ";
    strncat(format, type_names[type], 40);
    return fly__vec_time_error_text(err, "22023", format, fly_bytes_of(word, n));
}

static fly_status not_supported(fly_vec_part part, fly_vec_time_type type, fly_err *err)
{
    char message[160];
    (void)snprintf(message, sizeof message, "unit \"%s\" not supported for type %s",
                   part_names[part], type_names[type]);
    (void)fly__vec_time_error(err, "0A000", message);
    return FLY_E_UNSUPPORTED;
}

/* ---------------------------------------------------------------------- extract */

/* A whole number, or a scaled one. */
typedef struct answer {
    fly_vec_i128 value;
    int scale;
    bool julian; /* value is days; `rest` microseconds of a day are a fraction of one */
    int64_t rest;
} answer;

static int64_t shown_year(int32_t year)
{
    return year > 0 ? year : (int64_t)year - 1;
}

static int64_t part_of_year(int32_t year, int size)
{
    if (size == 10) {
        return year >= 0 ? year / 10 : -((8 - ((int64_t)year - 1)) / 10);
    }
    return year > 0 ? ((int64_t)year + size - 1) / size
                    : -((size - 1 - ((int64_t)year - 1)) / size);
}

/* Parts of a day; false if `part` is none. */
static bool time_part(fly_vec_part part, int64_t hour, int64_t minute, int64_t second_micros,
                      answer *a)
{
    switch (part) {
    case FLY_VEC_PART_MICROSECONDS:
        a->value = second_micros;
        return true;
    case FLY_VEC_PART_MILLISECONDS:
        a->value = second_micros;
        a->scale = 3;
        return true;
    case FLY_VEC_PART_SECOND:
        a->value = second_micros;
        a->scale = 6;
        return true;
    case FLY_VEC_PART_MINUTE:
        a->value = minute;
        return true;
    case FLY_VEC_PART_HOUR:
        a->value = hour;
        return true;
    default:
        return false;
    }
}

static bool date_part(fly_vec_part part, int64_t days, answer *a)
{
    fly_vec_civil c;
    int32_t iso_year;
    fly_vec_days_civil(days, &c);
    switch (part) {
    case FLY_VEC_PART_DAY:
        a->value = c.day;
        return true;
    case FLY_VEC_PART_MONTH:
        a->value = c.month;
        return true;
    case FLY_VEC_PART_QUARTER:
        a->value = (c.month - 1) / 3 + 1;
        return true;
    case FLY_VEC_PART_WEEK:
        a->value = fly_vec_iso_week(days, &iso_year);
        return true;
    case FLY_VEC_PART_YEAR:
        a->value = shown_year(c.year);
        return true;
    case FLY_VEC_PART_ISOYEAR:
        (void)fly_vec_iso_week(days, &iso_year);
        a->value = shown_year(iso_year);
        return true;
    case FLY_VEC_PART_DECADE:
        a->value = part_of_year(c.year, 10);
        return true;
    case FLY_VEC_PART_CENTURY:
        a->value = part_of_year(c.year, 100);
        return true;
    case FLY_VEC_PART_MILLENNIUM:
        a->value = part_of_year(c.year, 1000);
        return true;
    case FLY_VEC_PART_DOW:
        a->value = fly_vec_weekday(days);
        return true;
    case FLY_VEC_PART_ISODOW:
        a->value = (fly_vec_weekday(days) + 6) % 7 + 1;
        return true;
    case FLY_VEC_PART_DOY:
        a->value = days - fly_vec_civil_days(c.year, 1, 1) + 1;
        return true;
    case FLY_VEC_PART_JULIAN:
        a->value = days + JULIAN_1970;
        return true;
    default:
        return false;
    }
}

static bool zone_part(fly_vec_part part, int32_t east, answer *a)
{
    if (part == FLY_VEC_PART_TIMEZONE) {
        a->value = east;
    } else if (part == FLY_VEC_PART_TIMEZONE_HOUR) {
        a->value = east / 3600;
    } else if (part == FLY_VEC_PART_TIMEZONE_MINUTE) {
        a->value = east % 3600 / 60;
    } else {
        return false;
    }
    return true;
}

static bool of_time(fly_vec_part part, int64_t micros, int32_t east, bool zoned, answer *a)
{
    if (time_part(part, micros / HOUR_MICROS, micros / MINUTE_MICROS % 60, micros % MINUTE_MICROS,
                  a)) {
        return true;
    }
    if (part == FLY_VEC_PART_EPOCH) {
        a->value = micros - (zoned ? east * SECOND_MICROS : 0);
        a->scale = 6;
        return true;
    }
    return zoned && zone_part(part, east, a);
}

static bool of_interval(fly_vec_part part, fly_vec_interval x, answer *a)
{
    int32_t year = x.months / 12;
    int32_t month = x.months % 12;
    if (time_part(part, x.micros / HOUR_MICROS, x.micros / MINUTE_MICROS % 60,
                  x.micros % MINUTE_MICROS, a)) {
        return true;
    }
    switch (part) {
    case FLY_VEC_PART_DAY:
        a->value = x.days;
        return true;
    case FLY_VEC_PART_MONTH:
        a->value = month;
        return true;
    case FLY_VEC_PART_QUARTER:
        a->value = month / 3 + 1;
        return true;
    case FLY_VEC_PART_YEAR:
        a->value = year;
        return true;
    case FLY_VEC_PART_DECADE:
        a->value = year / 10;
        return true;
    case FLY_VEC_PART_CENTURY:
        a->value = year / 100;
        return true;
    case FLY_VEC_PART_MILLENNIUM:
        a->value = year / 1000;
        return true;
    case FLY_VEC_PART_EPOCH:
        /* A year has 365.25 days here, a month 30. */
        a->value =
            ((fly_vec_i128)1461 * year + 120 * (fly_vec_i128)month + 4 * (fly_vec_i128)x.days) *
                (86400 / 4) * SECOND_MICROS +
            x.micros;
        a->scale = 6;
        return true;
    default:
        return false;
    }
}

static bool of_stamp(fly_vec_part part, int64_t micros, const fly_vec_tz *zone, bool zoned,
                     answer *a)
{
    fly_vec_tz_info info = {0, false, ""};
    if (zoned) {
        fly_vec_tz_at(zone, fly__vec_time_floor(micros, SECOND_MICROS), &info);
        if (zone_part(part, info.east, a)) {
            return true;
        }
    }
    if (part == FLY_VEC_PART_EPOCH) {
        a->value = micros;
        a->scale = 6;
        return true;
    }
    fly_vec_i128 local = (fly_vec_i128)micros + info.east * SECOND_MICROS;
    int64_t days = (int64_t)(local / DAY_MICROS) - (local % DAY_MICROS < 0);
    int64_t rest = (int64_t)(local - (fly_vec_i128)days * DAY_MICROS);
    if (part == FLY_VEC_PART_JULIAN) {
        a->julian = true;
        a->rest = rest;
    }
    return date_part(part, days, a) ||
           time_part(part, rest / HOUR_MICROS, rest / MINUTE_MICROS % 60, rest % MINUTE_MICROS, a);
}

/* Parts of infinities: those that only grow are infinite, the others unknown. */
static fly_status of_infinity(bool minus, fly_vec_part part, fly_arena *arena, fly_vec_str *out,
                              bool *null, fly_err *err)
{
    static const uint32_t growing = 1u << FLY_VEC_PART_YEAR | 1u << FLY_VEC_PART_DECADE |
                                    1u << FLY_VEC_PART_CENTURY | 1u << FLY_VEC_PART_MILLENNIUM |
                                    1u << FLY_VEC_PART_JULIAN | 1u << FLY_VEC_PART_ISOYEAR |
                                    1u << FLY_VEC_PART_EPOCH;
    *null = (growing >> part & 1) == 0;
    if (*null) {
        return FLY_OK;
    }
    return fly_vec_numeric_parse(fly_bytes_str(minus ? "-inf" : "inf"), arena, out, err);
}

static fly_status give(const answer *a, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    fly_vec_str day;
    fly_vec_str rest;
    fly_vec_str part;
    fly_status status;
    if (!a->julian) {
        return fly_vec_numeric_from_i128(a->value, a->scale, arena, out, err);
    }
    if ((status = fly_vec_numeric_from_i128(a->rest, 0, arena, &rest, err)) != FLY_OK ||
        (status = fly_vec_numeric_from_i128(DAY_MICROS, 0, arena, &day, err)) != FLY_OK ||
        (status = fly_vec_numeric_div(rest, day, arena, &part, err)) != FLY_OK ||
        (status = fly_vec_numeric_from_i128(a->value, 0, arena, &day, err)) != FLY_OK) {
        return status;
    }
    return fly_vec_numeric_add(day, part, arena, out, err);
}

fly_status fly_vec_extract(fly_vec_part part, fly_vec_time_type type, const fly_vec_value *value,
                           const fly_vec_tz *zone, fly_arena *arena, fly_vec_str *out, bool *null,
                           fly_err *err)
{
    answer a = {0, 0, false, 0};
    bool known, infinite = false, minus = false, zoned = type == FLY_VEC_OF_TIMESTAMPTZ;
    *null = false;
    switch (type) {
    case FLY_VEC_OF_DATE: {
        int32_t date = value->i32;
        infinite = date == FLY_VEC_DATE_INFINITY || date == FLY_VEC_DATE_MINUS_INFINITY;
        minus = date < 0;
        known = date_part(part, infinite ? 0 : date, &a);
        if (part == FLY_VEC_PART_EPOCH) {
            a.value = (fly_vec_i128)date * 86400;
            known = true;
        }
        break;
    }
    case FLY_VEC_OF_TIME:
        known = of_time(part, value->i64, 0, false, &a);
        break;
    case FLY_VEC_OF_TIMETZ: {
        fly_vec_timetz t = fly_vec_timetz_unpack(value->i128);
        known = of_time(part, t.micros, -t.west, true, &a);
        break;
    }
    case FLY_VEC_OF_INTERVAL:
        known = of_interval(part, value->interval, &a);
        break;
    default:
        infinite = !fly__vec_time_finite(value->i64);
        minus = value->i64 < 0;
        known = infinite || of_stamp(part, value->i64, zone, zoned, &a);
        break;
    }
    if (!known) {
        return not_supported(part, type, err);
    }
    if (infinite) {
        return of_infinity(minus, part, arena, out, null, err);
    }
    return give(&a, arena, out, err);
}

/* ------------------------------------------------------------------- date_trunc */

static fly_status out_of_range(fly_err *err)
{
    return fly__vec_time_error(err, "22008", "timestamp out of range");
}

/* What extract() knows and date_trunc() does not is not a unit to it. */
static fly_status no_unit(fly_vec_part part, fly_vec_time_type type, fly_err *err)
{
    if (part >= FLY_VEC_PART_TIMEZONE) {
        return not_supported(part, type, err);
    }
    char message[160];
    (void)snprintf(message, sizeof message, "unit \"%s\" not recognized for type %s",
                   part_names[part], type_names[type]);
    return fly__vec_time_error(err, "22023", message);
}

static int32_t first_year(int32_t year, int size)
{
    if (size == 10) {
        return year > 0 ? year / 10 * 10 : -((8 - (year - 1)) / 10) * 10;
    }
    return year > 0 ? (year + size - 1) / size * size - (size - 1)
                    : -((size - 1 - (year - 1)) / size) * size + 1;
}

/* Local time cut down. `*dated`: the day changed, so a zone's offset may have. */
static fly_status cut(fly_vec_part part, fly_vec_time_type type, int64_t at, int64_t *out,
                      bool *dated, fly_err *err)
{
    int64_t days = fly__vec_time_floor(at, DAY_MICROS);
    int64_t unit = 0;
    fly_vec_civil c;
    *dated = true;
    switch (part) {
    case FLY_VEC_PART_MICROSECONDS:
        unit = 1;
        break;
    case FLY_VEC_PART_MILLISECONDS:
        unit = 1000;
        break;
    case FLY_VEC_PART_SECOND:
        unit = SECOND_MICROS;
        break;
    case FLY_VEC_PART_MINUTE:
        unit = MINUTE_MICROS;
        break;
    case FLY_VEC_PART_HOUR:
        unit = HOUR_MICROS;
        break;
    default:
        break;
    }
    if (unit != 0) {
        *dated = false;
        *out = fly__vec_time_floor(at, unit) * unit;
        return FLY_OK;
    }
    fly_vec_days_civil(days, &c);
    switch (part) {
    case FLY_VEC_PART_DAY:
        break;
    case FLY_VEC_PART_WEEK:
        days -= (fly_vec_weekday(days) + 6) % 7;
        break;
    case FLY_VEC_PART_MONTH:
        days -= c.day - 1;
        break;
    case FLY_VEC_PART_QUARTER:
        days = fly_vec_civil_days(c.year, (c.month - 1) / 3 * 3 + 1, 1);
        break;
    case FLY_VEC_PART_YEAR:
        days = fly_vec_civil_days(c.year, 1, 1);
        break;
    case FLY_VEC_PART_DECADE:
        days = fly_vec_civil_days(first_year(c.year, 10), 1, 1);
        break;
    case FLY_VEC_PART_CENTURY:
        days = fly_vec_civil_days(first_year(c.year, 100), 1, 1);
        break;
    case FLY_VEC_PART_MILLENNIUM:
        days = fly_vec_civil_days(first_year(c.year, 1000), 1, 1);
        break;
    default:
        return no_unit(part, type, err);
    }
    return fly__vec_time_stamp(days, 0, out) ? FLY_OK : out_of_range(err);
}

fly_status fly_vec_timestamp_trunc(fly_vec_part part, int64_t micros, int64_t *out, fly_err *err)
{
    bool dated;
    if (!fly__vec_time_finite(micros)) {
        *out = micros;
        return FLY_OK;
    }
    return cut(part, FLY_VEC_OF_TIMESTAMP, micros, out, &dated, err);
}

fly_status fly_vec_timestamptz_trunc(fly_vec_part part, int64_t micros, const fly_vec_tz *zone,
                                     int64_t *out, fly_err *err)
{
    fly_vec_tz_info info;
    int64_t local;
    int64_t result;
    bool dated;
    if (!fly__vec_time_finite(micros)) {
        *out = micros;
        return FLY_OK;
    }
    fly_vec_tz_at(zone, fly__vec_time_floor(micros, SECOND_MICROS), &info);
    if (__builtin_add_overflow(micros, info.east * SECOND_MICROS, &local)) {
        return out_of_range(err);
    }
    fly_status status = cut(part, FLY_VEC_OF_TIMESTAMPTZ, local, &result, &dated, err);
    if (status != FLY_OK) {
        return status;
    }
    int64_t east = dated ? fly_vec_tz_local(zone, fly__vec_time_floor(result, SECOND_MICROS))
                         : info.east;
    if (__builtin_sub_overflow(result, east * SECOND_MICROS, &result) || result < TIMESTAMP_MIN) {
        return out_of_range(err);
    }
    *out = result;
    return FLY_OK;
}

fly_status fly_vec_interval_trunc(fly_vec_part part, fly_vec_interval x, fly_vec_interval *out,
                                  fly_err *err)
{
    static const int32_t months[] = {
        [FLY_VEC_PART_MONTH] = 1,      [FLY_VEC_PART_QUARTER] = 3,
        [FLY_VEC_PART_YEAR] = 12,      [FLY_VEC_PART_DECADE] = 120,
        [FLY_VEC_PART_CENTURY] = 1200, [FLY_VEC_PART_MILLENNIUM] = 12000};
    static const int64_t units[] = {1, 1000, SECOND_MICROS, MINUTE_MICROS, HOUR_MICROS, DAY_MICROS};
    if (part == FLY_VEC_PART_WEEK) {
        fly_status status = not_supported(part, FLY_VEC_OF_INTERVAL, err);
        if (err != NULL) {
            fly_err_hint(err, "Months usually have fractional weeks.");
        }
        return status;
    }
    if (part > FLY_VEC_PART_MILLENNIUM) {
        return no_unit(part, FLY_VEC_OF_INTERVAL, err);
    }
    if (part <= FLY_VEC_PART_HOUR) {
        x.micros = x.micros / units[part] * units[part];
    } else {
        x.micros = 0;
        if (part > FLY_VEC_PART_DAY) {
            x.days = 0;
            x.months = x.months / months[part] * months[part];
        }
    }
    *out = x;
    return FLY_OK;
}

fly_status fly_vec_timestamp_bin(fly_vec_interval stride, int64_t micros, int64_t origin,
                                 int64_t *out, fly_err *err)
{
    int64_t width;
    int64_t offset;
    if (!fly__vec_time_finite(micros)) {
        *out = micros;
        return FLY_OK;
    }
    if (!fly__vec_time_finite(origin)) {
        return fly__vec_time_error(err, "22008", "origin out of range");
    }
    if (stride.months != 0) {
        (void)fly__vec_time_error(
            err, "0A000", "timestamps cannot be binned into intervals containing months or years");
        return FLY_E_UNSUPPORTED;
    }
    if (__builtin_mul_overflow((int64_t)stride.days, DAY_MICROS, &width) ||
        __builtin_add_overflow(width, stride.micros, &width)) {
        return fly__vec_time_error(err, "22008", "interval out of range");
    }
    if (width <= 0) {
        return fly__vec_time_error(err, "22008", "stride must be greater than zero");
    }
    if (__builtin_sub_overflow(micros, origin, &offset)) {
        return fly__vec_time_error(err, "22008", "interval out of range");
    }
    int64_t bin = fly__vec_time_floor(offset, width);
    if (__builtin_mul_overflow(bin, width, &offset) ||
        __builtin_add_overflow(origin, offset, &offset) || offset < TIMESTAMP_MIN) {
        return out_of_range(err);
    }
    *out = offset;
    return FLY_OK;
}
