/*
 * The calendar, and what dates and timestamps become by adding and subtracting.
 *
 * Days since 1970 and the Gregorian date are turned into one another by counting years from March, so
 * that the leap day is a year's last. Timestamps stay within [TIMESTAMP_MIN, INT64_MAX - 1]; the values
 * beyond are the infinities, which every function passes on.
 *
 * What is not here: text (time_parse.c, time_format.c), intervals among themselves (time_interval.c),
 * parts (time_part.c), zones (time_zone.c).
 * @source Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", for the two conversions.
 */
#include "time_int.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

fly_status fly__vec_time_error(fly_err *err, const char *sqlstate, const char *message)
{
    fly_status status = fly_err_set(err, FLY_E_INVALID, "%s", message);
    if (err != NULL) {
        memcpy(err->sqlstate, sqlstate, sizeof err->sqlstate);
    }
    return status;
}

fly_status fly__vec_time_error_text(fly_err *err, const char *sqlstate, const char *format,
                                    fly_bytes text)
{
    char copy[300];
    char message[400];
    size_t n = text.len < sizeof copy - 1 ? text.len : sizeof copy - 1;
    if (n > 0) {
        memcpy(copy, text.data, n);
    }
    copy[n] = '\0';
    const char *hole = strstr(format, "%s");
    FLY_ASSERT(hole != NULL);
    (void)snprintf(message, sizeof message, "%.*s%s%s", (int)(hole - format), format, copy,
                   hole + 2);
    return fly__vec_time_error(err, sqlstate, message);
}

static fly_status timestamp_range(fly_err *err)
{
    return fly__vec_time_error(err, "22008", "timestamp out of range");
}

/* --------------------------------------------------------------------- calendar */

bool fly__vec_time_leap(int32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int fly__vec_time_month_days(int32_t year, int32_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && fly__vec_time_leap(year));
}

int64_t fly_vec_civil_days(int32_t year, int32_t month, int32_t day)
{
    int64_t months = (int64_t)year * 12 + month - 1;
    int64_t y = fly__vec_time_floor(months, 12);
    int64_t m = months - y * 12 + 1;
    y -= m <= 2;
    int64_t era = fly__vec_time_floor(y, 400);
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468 + day - 1;
}

void fly_vec_days_civil(int64_t days, fly_vec_civil *c)
{
    days += 719468;
    int64_t era = fly__vec_time_floor(days, 146097);
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    c->day = (int32_t)(of_year - (153 * month + 2) / 5 + 1);
    c->month = (int32_t)(month < 10 ? month + 3 : month - 9);
    c->year = (int32_t)(year + era * 400 + (c->month <= 2));
}

void fly_vec_timestamp_civil(int64_t micros, fly_vec_civil *c)
{
    int64_t days = fly__vec_time_floor(micros, DAY_MICROS);
    int64_t rest = micros - days * DAY_MICROS;
    fly_vec_days_civil(days, c);
    c->hour = (int32_t)(rest / HOUR_MICROS);
    c->minute = (int32_t)(rest / MINUTE_MICROS % 60);
    c->second = (int32_t)(rest / SECOND_MICROS % 60);
    c->micros = (int32_t)(rest % SECOND_MICROS);
}

int fly_vec_weekday(int64_t days)
{
    return (int)(((days % 7) + 7 + 4) % 7);
}

int fly_vec_iso_week(int64_t days, int32_t *iso_year)
{
    /* The week's Thursday says to which year it belongs. */
    fly_vec_civil c;
    int64_t thursday = days - (fly_vec_weekday(days) + 6) % 7 + 3;
    fly_vec_days_civil(thursday, &c);
    *iso_year = c.year;
    return (int)((thursday - fly_vec_civil_days(c.year, 1, 1)) / 7 + 1);
}

bool fly__vec_time_stamp(int64_t days, int64_t micros, int64_t *out)
{
    int64_t at;
    if (__builtin_mul_overflow(days, DAY_MICROS, &at) || __builtin_add_overflow(at, micros, &at) ||
        at < TIMESTAMP_MIN || at == INT64_MAX) {
        return false;
    }
    *out = at;
    return true;
}

/* ------------------------------------------------------------------ conversions */

static fly_status date_range_for_timestamp(fly_err *err)
{
    return fly__vec_time_error(err, "22008", "date out of range for timestamp");
}

fly_status fly_vec_date_to_timestamp(int32_t date, int64_t *out, fly_err *err)
{
    if (date == FLY_VEC_DATE_INFINITY || date == FLY_VEC_DATE_MINUS_INFINITY) {
        *out = date < 0 ? INT64_MIN : INT64_MAX;
        return FLY_OK;
    }
    return fly__vec_time_stamp(date, 0, out) ? FLY_OK : date_range_for_timestamp(err);
}

fly_status fly_vec_date_to_timestamptz(int32_t date, const fly_vec_tz *zone, int64_t *out,
                                       fly_err *err)
{
    int64_t local;
    fly_status status = fly_vec_date_to_timestamp(date, &local, err);
    if (status != FLY_OK) {
        return status;
    }
    if (!fly__vec_time_finite(local)) {
        *out = local;
        return FLY_OK;
    }
    int64_t east = fly_vec_tz_local(zone, local / SECOND_MICROS);
    return fly__vec_time_stamp(date, -east * SECOND_MICROS, out) ? FLY_OK
                                                                 : date_range_for_timestamp(err);
}

int32_t fly_vec_timestamp_to_date(int64_t micros)
{
    if (!fly__vec_time_finite(micros)) {
        return micros < 0 ? FLY_VEC_DATE_MINUS_INFINITY : FLY_VEC_DATE_INFINITY;
    }
    return (int32_t)fly__vec_time_floor(micros, DAY_MICROS);
}

int64_t fly_vec_timestamp_to_time(int64_t micros)
{
    return fly__vec_time_finite(micros)
               ? micros - fly__vec_time_floor(micros, DAY_MICROS) * DAY_MICROS
               : 0;
}

fly_status fly_vec_timestamp_to_utc(int64_t local, const fly_vec_tz *zone, int64_t *out,
                                    fly_err *err)
{
    if (!fly__vec_time_finite(local)) {
        *out = local;
        return FLY_OK;
    }
    int64_t east = fly_vec_tz_local(zone, fly__vec_time_floor(local, SECOND_MICROS));
    int64_t utc;
    if (__builtin_sub_overflow(local, east * SECOND_MICROS, &utc) || utc < TIMESTAMP_MIN ||
        utc == INT64_MAX) {
        return timestamp_range(err);
    }
    *out = utc;
    return FLY_OK;
}

fly_status fly_vec_timestamp_to_local(int64_t utc, const fly_vec_tz *zone, int64_t *out,
                                      fly_err *err)
{
    if (!fly__vec_time_finite(utc)) {
        *out = utc;
        return FLY_OK;
    }
    fly_vec_tz_info info;
    fly_vec_tz_at(zone, fly__vec_time_floor(utc, SECOND_MICROS), &info);
    int64_t local;
    if (__builtin_add_overflow(utc, info.east * SECOND_MICROS, &local) ||
        !fly__vec_time_finite(local)) {
        return timestamp_range(err);
    }
    *out = local;
    return FLY_OK;
}

int64_t fly_vec_interval_to_time(fly_vec_interval x)
{
    return x.micros - fly__vec_time_floor(x.micros, DAY_MICROS) * DAY_MICROS;
}

int64_t fly_vec_micros_round(int64_t micros, int precision)
{
    static const int64_t units[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    if (precision < 0 || precision >= 6 || !fly__vec_time_finite(micros)) {
        return micros;
    }
    int64_t unit = units[precision];
    int64_t half = unit / 2;
    int64_t sum;
    if (micros >= 0) {
        return __builtin_add_overflow(micros, half, &sum) ? micros / unit * unit
                                                          : sum / unit * unit;
    }
    return -((-micros + half) / unit * unit);
}

/* ------------------------------------------------------------------- made of parts */

static bool date_of(int32_t year, int32_t month, int32_t day, int64_t *days)
{
    /* Negative years are BC; there is no year 0. */
    if (year == 0 || year == INT32_MIN || month < 1 || month > 12) {
        return false;
    }
    year += year < 0;
    if (day < 1 || day > fly__vec_time_month_days(year, month)) {
        return false;
    }
    *days = fly_vec_civil_days(year, month, day);
    return true;
}

fly_status fly_vec_make_date(int32_t year, int32_t month, int32_t day, int32_t *out, fly_err *err)
{
    int64_t days;
    char text[120];
    if (!date_of(year, month, day, &days)) {
        (void)snprintf(text, sizeof text, "date field value out of range: %d-%02d-%02d", year,
                       month, day);
        return fly__vec_time_error(err, "22008", text);
    }
    if (days < DATE_MIN || days >= DATE_END) {
        (void)snprintf(text, sizeof text, "date out of range: %d-%02d-%02d", year, month, day);
        return fly__vec_time_error(err, "22008", text);
    }
    *out = (int32_t)days;
    return FLY_OK;
}

static bool time_of(int32_t hour, int32_t minute, double second, int64_t *micros)
{
    if (hour < 0 || hour > 24 || minute < 0 || minute > 59 || !(second >= 0) || second > 60) {
        return false;
    }
    int64_t at = (hour * INT64_C(60) + minute) * MINUTE_MICROS + (int64_t)rint(second * 1000000.0);
    *micros = at;
    return at <= DAY_MICROS;
}

fly_status fly_vec_make_time(int32_t hour, int32_t minute, double second, int64_t *out,
                             fly_err *err)
{
    if (!time_of(hour, minute, second, out)) {
        char text[120];
        (void)snprintf(text, sizeof text, "time field value out of range: %d:%02d:%02g", hour,
                       minute, second);
        return fly__vec_time_error(err, "22008", text);
    }
    return FLY_OK;
}

fly_status fly_vec_make_timestamp(int32_t year, int32_t month, int32_t day, int32_t hour,
                                  int32_t minute, double second, int64_t *out, fly_err *err)
{
    int64_t days;
    int64_t micros;
    char text[160];
    if (!date_of(year, month, day, &days)) {
        (void)snprintf(text, sizeof text, "date field value out of range: %d-%02d-%02d", year,
                       month, day);
        return fly__vec_time_error(err, "22008", text);
    }
    if (!time_of(hour, minute, second, &micros)) {
        (void)snprintf(text, sizeof text, "time field value out of range: %d:%02d:%02g", hour,
                       minute, second);
        return fly__vec_time_error(err, "22008", text);
    }
    if (!fly__vec_time_stamp(days, micros, out)) {
        (void)snprintf(text, sizeof text, "timestamp out of range: %d-%02d-%02d %d:%02d:%02g", year,
                       month, day, hour, minute, second);
        return fly__vec_time_error(err, "22008", text);
    }
    return FLY_OK;
}

fly_status fly_vec_timestamp_from_epoch(double seconds, int64_t *out, fly_err *err)
{
    if (isnan(seconds)) {
        return fly__vec_time_error(err, "22008", "timestamp cannot be NaN");
    }
    if (isinf(seconds)) {
        *out = seconds < 0 ? INT64_MIN : INT64_MAX;
        return FLY_OK;
    }
    /* Counted from 2000 as PostgreSQL does, so that the same digits are lost. */
    double micros = rint((seconds - 946684800.0) * 1000000.0);
    if (micros >= -2.2e17 && micros < 8.5e18) {
        int64_t at = (int64_t)micros;
        if (!__builtin_add_overflow(at, FLY_VEC_EPOCH_2000_MICROS, out) && *out >= TIMESTAMP_MIN &&
            *out != INT64_MAX) {
            return FLY_OK;
        }
    }
    char text[120];
    (void)snprintf(text, sizeof text, "timestamp out of range: \"%g\"", seconds);
    return fly__vec_time_error(err, "22008", text);
}

/* ------------------------------------------------------------------- arithmetic */

static bool date_infinite(int32_t date)
{
    return date == FLY_VEC_DATE_INFINITY || date == FLY_VEC_DATE_MINUS_INFINITY;
}

fly_status fly_vec_date_add_days(int32_t date, int32_t days, int32_t *out, fly_err *err)
{
    int64_t sum = (int64_t)date + days;
    if (date_infinite(date)) {
        *out = date;
        return FLY_OK;
    }
    if (sum < DATE_MIN || sum >= DATE_END) {
        return fly__vec_time_error(err, "22008", "date out of range");
    }
    *out = (int32_t)sum;
    return FLY_OK;
}

fly_status fly_vec_date_sub(int32_t a, int32_t b, int32_t *days, fly_err *err)
{
    if (date_infinite(a) || date_infinite(b)) {
        return fly__vec_time_error(err, "22008", "cannot subtract infinite dates");
    }
    *days = a - b;
    return FLY_OK;
}

/* Move by months: the day becomes the month's last if it has not so many. */
static bool add_months(int64_t local, int64_t months, int64_t *out)
{
    fly_vec_civil c;
    int64_t days = fly__vec_time_floor(local, DAY_MICROS);
    int64_t rest = local - days * DAY_MICROS;
    fly_vec_days_civil(days, &c);
    int64_t total = (int64_t)c.year * 12 + c.month - 1 + months;
    int64_t year = fly__vec_time_floor(total, 12);
    if (year < -5000 || year > 300000) {
        return false;
    }
    int32_t month = (int32_t)(total - year * 12 + 1);
    int most = fly__vec_time_month_days((int32_t)year, month);
    int32_t day = c.day < most ? c.day : most;
    return fly__vec_time_stamp(fly_vec_civil_days((int32_t)year, month, day), rest, out);
}

fly_status fly_vec_timestamp_add(int64_t at, fly_vec_interval span, int sign, int64_t *out,
                                 fly_err *err)
{
    int64_t days = (int64_t)span.days * sign;
    int64_t micros;
    if (!fly__vec_time_finite(at)) {
        *out = at;
        return FLY_OK;
    }
    if (span.months != 0 && !add_months(at, (int64_t)span.months * sign, &at)) {
        return timestamp_range(err);
    }
    if (days != 0) {
        int64_t day = fly__vec_time_floor(at, DAY_MICROS);
        if (!fly__vec_time_stamp(day + days, at - day * DAY_MICROS, &at)) {
            return timestamp_range(err);
        }
    }
    if (__builtin_mul_overflow(span.micros, (int64_t)sign, &micros) ||
        __builtin_add_overflow(at, micros, &at) || at < TIMESTAMP_MIN || at == INT64_MAX) {
        return timestamp_range(err);
    }
    *out = at;
    return FLY_OK;
}

fly_status fly_vec_timestamptz_add(int64_t at, fly_vec_interval span, int sign,
                                   const fly_vec_tz *zone, int64_t *out, fly_err *err)
{
    fly_status status;
    int64_t local;
    if (fly__vec_time_finite(at) && span.months != 0) {
        fly_vec_interval months = {0, 0, span.months};
        if ((status = fly_vec_timestamp_to_local(at, zone, &local, err)) != FLY_OK ||
            (status = fly_vec_timestamp_add(local, months, sign, &local, err)) != FLY_OK ||
            (status = fly_vec_timestamp_to_utc(local, zone, &at, err)) != FLY_OK) {
            return status;
        }
    }
    if (fly__vec_time_finite(at) && span.days != 0) {
        fly_vec_interval days = {0, span.days, 0};
        if ((status = fly_vec_timestamp_to_local(at, zone, &local, err)) != FLY_OK ||
            (status = fly_vec_timestamp_add(local, days, sign, &local, err)) != FLY_OK ||
            (status = fly_vec_timestamp_to_utc(local, zone, &at, err)) != FLY_OK) {
            return status;
        }
    }
    fly_vec_interval rest = {span.micros, 0, 0};
    return fly_vec_timestamp_add(at, rest, sign, out, err);
}

fly_status fly_vec_timestamp_sub(int64_t a, int64_t b, fly_vec_interval *out, fly_err *err)
{
    fly_vec_interval span = {0, 0, 0};
    if (!fly__vec_time_finite(a) || !fly__vec_time_finite(b)) {
        return fly__vec_time_error(err, "22008", "cannot subtract infinite timestamps");
    }
    if (__builtin_sub_overflow(a, b, &span.micros)) {
        return fly__vec_time_error(err, "22008", "interval out of range");
    }
    span.days = (int32_t)(span.micros / DAY_MICROS);
    span.micros %= DAY_MICROS;
    *out = span;
    return FLY_OK;
}

/* Field by field, borrowing from the next larger one; a day is borrowed from the earlier month. */
fly_status fly_vec_timestamp_age(int64_t a, int64_t b, fly_vec_interval *out, fly_err *err)
{
    if (!fly__vec_time_finite(a) || !fly__vec_time_finite(b)) {
        return timestamp_range(err);
    }
    fly_vec_civil x;
    fly_vec_civil y;
    bool neg = a < b;
    fly_vec_timestamp_civil(neg ? b : a, &x);
    fly_vec_timestamp_civil(neg ? a : b, &y);
    int64_t micros = (a < b ? fly_vec_timestamp_to_time(b) : fly_vec_timestamp_to_time(a)) -
                     (a < b ? fly_vec_timestamp_to_time(a) : fly_vec_timestamp_to_time(b));
    int32_t days = x.day - y.day;
    int32_t months = (x.year - y.year) * 12 + x.month - y.month;
    if (micros < 0) {
        micros += DAY_MICROS;
        days--;
    }
    if (days < 0) {
        /* The month that lends is the earlier date's; seen from the later one if signs are turned. */
        int32_t year = y.year;
        int32_t month = y.month;
        days += fly__vec_time_month_days(year, month);
        months--;
    }
    *out = neg ? (fly_vec_interval){-micros, -days, -months}
               : (fly_vec_interval){micros, days, months};
    return FLY_OK;
}

int64_t fly_vec_time_add(int64_t time, fly_vec_interval span, int sign)
{
    int64_t move = span.micros % DAY_MICROS * sign;
    int64_t at = (time + move) % DAY_MICROS;
    return at < 0 ? at + DAY_MICROS : at;
}

int fly_vec_overlaps(fly_vec_i128 a0, fly_vec_i128 a1, fly_vec_i128 b0, fly_vec_i128 b1,
                     unsigned nulls)
{
    bool na0 = nulls & 1, na1 = (nulls & 2) != 0, nb0 = (nulls & 4) != 0, nb1 = (nulls & 8) != 0;
    fly_vec_i128 swap;
    if ((na0 && na1) || (nb0 && nb1)) {
        return -1;
    }
    /* The known or the smaller end first. */
    if (na0 || (!na1 && a0 > a1)) {
        swap = a0;
        a0 = a1;
        a1 = swap;
        na1 = na0;
    }
    if (nb0 || (!nb1 && b0 > b1)) {
        swap = b0;
        b0 = b1;
        b1 = swap;
        nb1 = nb0;
    }
    if (a0 == b0) {
        return na1 || nb1 ? -1 : 1;
    }
    if (a0 > b0) {
        a1 = b1;
        b0 = a0;
        bool known = na1;
        na1 = nb1;
        nb1 = known;
    }
    /* a begins first: they overlap if b begins before a ends. */
    if (na1) {
        return -1;
    }
    return b0 < a1 ? 1 : nb1 ? -1 : 0;
}
