/*
 * Dates, times and intervals as text, in the session's style.
 *
 *     style      date          timestamptz                        interval
 *     iso        1997-12-17    1997-12-17 07:37:16-08             (postgres) 1 year 2 mons 3 days 04:05:06
 *     sql        12/17/1997    12/17/1997 07:37:16 PST            (sql)      +1-2 +3 +4:05:06
 *     postgres   12-17-1997    Wed Dec 17 07:37:16 1997 PST       (verbose)  @ 1 year 2 mons ... ago
 *     german     17.12.1997    17.12.1997 07:37:16 PST            (iso)      P1Y2M3DT4H5M6S
 *
 * What is not here: templates (to_char.c).
 */
#include "time_int.h"

#include <fly/vec_numeric.h>

#include <stdlib.h>
#include <string.h>

/* Text that grows in the caller's buffer of FLY_VEC_TIME_TEXT bytes. */
typedef struct sink {
    char *out;
    size_t n;
} sink;

static void put(sink *s, const char *text)
{
    size_t n = strlen(text);
    memcpy(s->out + s->n, text, n);
    s->n += n;
}

static void put_char(sink *s, char c)
{
    s->out[s->n++] = c;
}

/* At least `width` digits. */
static void put_int(sink *s, int64_t x, int width)
{
    char digits[FLY_VEC_NUMBER_TEXT];
    size_t n = fly_vec_i64_format(x, digits);
    size_t sign = x < 0;
    if (sign != 0) {
        put_char(s, '-');
    }
    for (size_t i = n; i < (size_t)width; i++) {
        put_char(s, '0');
    }
    memcpy(s->out + s->n, digits + sign, n - sign);
    s->n += n - sign;
}

/* Seconds with as much of a fraction as there is. */
static void put_seconds(sink *s, int64_t seconds, int64_t micros, int width)
{
    put_int(s, seconds, width);
    if (micros != 0) {
        put_char(s, '.');
        for (int64_t place = 100000; micros > 0; place /= 10) {
            put_char(s, (char)('0' + (int)(micros / place)));
            micros %= place;
        }
    }
}

static void put_offset(sink *s, int32_t east)
{
    int32_t size = abs(east);
    put_char(s, east < 0 ? '-' : '+');
    put_int(s, size / 3600, 2);
    if (size % 3600 != 0) {
        put_char(s, ':');
        put_int(s, size / 60 % 60, 2);
    }
    if (size % 60 != 0) {
        put_char(s, ':');
        put_int(s, size % 60, 2);
    }
}

static void put_date(sink *s, const fly_vec_civil *c, const fly_vec_time_env *env)
{
    int64_t year = c->year > 0 ? c->year : 1 - (int64_t)c->year;
    bool dmy = env->date_order == FLY_VEC_ORDER_DMY || env->date_style == FLY_VEC_DATE_GERMAN;
    if (env->date_style == FLY_VEC_DATE_ISO) {
        put_int(s, year, 4);
        put_char(s, '-');
        put_int(s, c->month, 2);
        put_char(s, '-');
        put_int(s, c->day, 2);
        return;
    }
    char between = env->date_style == FLY_VEC_DATE_SQL        ? '/'
                   : env->date_style == FLY_VEC_DATE_POSTGRES ? '-'
                                                              : '.';
    put_int(s, dmy ? c->day : c->month, 2);
    put_char(s, between);
    put_int(s, dmy ? c->month : c->day, 2);
    put_char(s, between);
    put_int(s, year, 4);
}

static void put_time(sink *s, const fly_vec_civil *c)
{
    put_int(s, c->hour, 2);
    put_char(s, ':');
    put_int(s, c->minute, 2);
    put_char(s, ':');
    put_seconds(s, c->second, c->micros, 2);
}

static size_t put_infinity(char *out, bool minus)
{
    sink s = {out, 0};
    put(&s, minus ? "-infinity" : "infinity");
    return s.n;
}

size_t fly_vec_date_format(int32_t date, const fly_vec_time_env *env, char *out)
{
    if (date == FLY_VEC_DATE_INFINITY || date == FLY_VEC_DATE_MINUS_INFINITY) {
        return put_infinity(out, date < 0);
    }
    sink s = {out, 0};
    fly_vec_civil c;
    fly_vec_days_civil(date, &c);
    put_date(&s, &c, env);
    if (c.year <= 0) {
        put(&s, " BC");
    }
    return s.n;
}

size_t fly_vec_time_format(int64_t micros, char *out)
{
    sink s = {out, 0};
    fly_vec_civil c = {.hour = (int32_t)(micros / HOUR_MICROS),
                       .minute = (int32_t)(micros / MINUTE_MICROS % 60),
                       .second = (int32_t)(micros / SECOND_MICROS % 60),
                       .micros = (int32_t)(micros % SECOND_MICROS)};
    put_time(&s, &c);
    return s.n;
}

size_t fly_vec_timetz_format(fly_vec_timetz t, char *out)
{
    sink s = {out, fly_vec_time_format(t.micros, out)};
    put_offset(&s, -t.west);
    return s.n;
}

static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

/* `info` NULL: without a zone. */
static size_t put_stamp(int64_t local, const fly_vec_tz_info *info, const fly_vec_time_env *env,
                        char *out)
{
    sink s = {out, 0};
    fly_vec_civil c;
    fly_vec_timestamp_civil(local, &c);
    if (env->date_style == FLY_VEC_DATE_POSTGRES) {
        const char *month = month_names[c.month - 1];
        bool dmy = env->date_order == FLY_VEC_ORDER_DMY;
        put(&s, day_names[fly_vec_weekday(fly__vec_time_floor(local, DAY_MICROS))]);
        put_char(&s, ' ');
        if (dmy) {
            put_int(&s, c.day, 2);
            put_char(&s, ' ');
            put(&s, month);
        } else {
            put(&s, month);
            put_char(&s, ' ');
            put_int(&s, c.day, 2);
        }
        put_char(&s, ' ');
        put_time(&s, &c);
        put_char(&s, ' ');
        put_int(&s, c.year > 0 ? c.year : 1 - (int64_t)c.year, 4);
    } else {
        put_date(&s, &c, env);
        put_char(&s, ' ');
        put_time(&s, &c);
    }
    if (info != NULL) {
        if (env->date_style == FLY_VEC_DATE_ISO) {
            put_offset(&s, info->east);
        } else {
            put_char(&s, ' ');
            put(&s, info->abbrev);
        }
    }
    if (c.year <= 0) {
        put(&s, " BC");
    }
    return s.n;
}

size_t fly_vec_timestamp_format(int64_t micros, const fly_vec_time_env *env, char *out)
{
    return fly__vec_time_finite(micros) ? put_stamp(micros, NULL, env, out)
                                        : put_infinity(out, micros < 0);
}

size_t fly_vec_timestamptz_format(int64_t micros, const fly_vec_time_env *env, char *out)
{
    if (!fly__vec_time_finite(micros)) {
        return put_infinity(out, micros < 0);
    }
    fly_vec_tz_info info;
    int64_t local;
    fly_vec_tz_at(env->zone, fly__vec_time_floor(micros, SECOND_MICROS), &info);
    if (__builtin_add_overflow(micros, info.east * SECOND_MICROS, &local)) {
        info = (fly_vec_tz_info){0, false, "UTC"};
        local = micros;
    }
    return put_stamp(local, &info, env, out);
}

/* -------------------------------------------------------------------- intervals */

/* An interval in the parts that are shown; all of a kind have the sign of their sum. */
typedef struct parts {
    int64_t year, month, day, hour, minute, second, micros;
} parts;

static parts parts_of(fly_vec_interval x)
{
    parts p = {x.months / 12,
               x.months % 12,
               x.days,
               x.micros / HOUR_MICROS,
               x.micros / MINUTE_MICROS % 60,
               x.micros / SECOND_MICROS % 60,
               x.micros % SECOND_MICROS};
    return p;
}

static int64_t size_of(int64_t x)
{
    return x < 0 ? -x : x;
}

/* "1 year -2 mons 3 days -04:05:06": what follows a negative part shows its plus. */
static void put_postgres(sink *s, const parts *p)
{
    const int64_t values[] = {p->year, p->month, p->day};
    static const char *const units[] = {"year", "mon", "day"};
    bool empty = true, before = false;
    for (int i = 0; i < 3; i++) {
        if (values[i] == 0) {
            continue;
        }
        put(s, empty ? "" : " ");
        put(s, before && values[i] > 0 ? "+" : "");
        put_int(s, values[i], 1);
        put_char(s, ' ');
        put(s, units[i]);
        put(s, values[i] != 1 ? "s" : "");
        before = values[i] < 0;
        empty = false;
    }
    if (empty || p->hour != 0 || p->minute != 0 || p->second != 0 || p->micros != 0) {
        bool minus = p->hour < 0 || p->minute < 0 || p->second < 0 || p->micros < 0;
        put(s, empty ? "" : " ");
        put(s, minus ? "-" : before ? "+" : "");
        put_int(s, size_of(p->hour), 2);
        put_char(s, ':');
        put_int(s, size_of(p->minute), 2);
        put_char(s, ':');
        put_seconds(s, size_of(p->second), size_of(p->micros), 2);
    }
}

/* "@ 1 year 2 mons -3 days ago": the first part's sign is the sign of all. */
static void put_verbose(sink *s, const parts *p)
{
    const int64_t values[] = {p->year, p->month, p->day, p->hour, p->minute};
    static const char *const units[] = {"year", "mon", "day", "hour", "min"};
    bool empty = true, before = false;
    put_char(s, '@');
    for (int i = 0; i < 5; i++) {
        int64_t value = values[i];
        if (value == 0) {
            continue;
        }
        if (empty) {
            before = value < 0;
            value = size_of(value);
        } else if (before) {
            value = -value;
        }
        put_char(s, ' ');
        put_int(s, value, 1);
        put_char(s, ' ');
        put(s, units[i]);
        put(s, value == 1 ? "" : "s");
        empty = false;
    }
    if (p->second != 0 || p->micros != 0) {
        put_char(s, ' ');
        if (p->second < 0 || (p->second == 0 && p->micros < 0)) {
            if (empty) {
                before = true;
            } else if (!before) {
                put_char(s, '-');
            }
        } else if (before) {
            put_char(s, '-');
        }
        put_seconds(s, size_of(p->second), size_of(p->micros), 1);
        put(s, size_of(p->second) != 1 || p->micros != 0 ? " secs" : " sec");
        empty = false;
    }
    put(s, empty ? " 0" : "");
    put(s, before ? " ago" : "");
}

/* The standard knows either years and months or days and seconds, of one sign; what is both, or of two
 * signs, shows every sign. */
static void put_sql(sink *s, parts p)
{
    bool neg = p.year < 0 || p.month < 0 || p.day < 0 || p.hour < 0 || p.minute < 0 ||
               p.second < 0 || p.micros < 0;
    bool pos = p.year > 0 || p.month > 0 || p.day > 0 || p.hour > 0 || p.minute > 0 ||
               p.second > 0 || p.micros > 0;
    bool months = p.year != 0 || p.month != 0;
    bool clock = p.hour != 0 || p.minute != 0 || p.second != 0 || p.micros != 0;
    bool standard = !(neg && pos) && !(months && (p.day != 0 || clock));
    if (!neg && !pos) {
        put(s, "0");
        return;
    }
    bool minus = p.hour < 0 || p.minute < 0 || p.second < 0 || p.micros < 0;
    if (!standard) {
        put_char(s, p.year < 0 || p.month < 0 ? '-' : '+');
        put_int(s, size_of(p.year), 1);
        put_char(s, '-');
        put_int(s, size_of(p.month), 1);
        put_char(s, ' ');
        put_char(s, p.day < 0 ? '-' : '+');
        put_int(s, size_of(p.day), 1);
        put_char(s, ' ');
        put_char(s, minus ? '-' : '+');
    } else {
        put(s, neg ? "-" : "");
        if (months) {
            put_int(s, size_of(p.year), 1);
            put_char(s, '-');
            put_int(s, size_of(p.month), 1);
            return;
        }
        if (p.day != 0) {
            put_int(s, size_of(p.day), 1);
            put_char(s, ' ');
        }
    }
    put_int(s, size_of(p.hour), 1);
    put_char(s, ':');
    put_int(s, size_of(p.minute), 2);
    put_char(s, ':');
    put_seconds(s, size_of(p.second), size_of(p.micros), 2);
}

static void put_iso_part(sink *s, int64_t value, char unit)
{
    if (value != 0) {
        put_int(s, value, 1);
        put_char(s, unit);
    }
}

static void put_iso(sink *s, const parts *p)
{
    size_t begin = s->n;
    put_char(s, 'P');
    put_iso_part(s, p->year, 'Y');
    put_iso_part(s, p->month, 'M');
    put_iso_part(s, p->day, 'D');
    if (p->hour != 0 || p->minute != 0 || p->second != 0 || p->micros != 0) {
        put_char(s, 'T');
        put_iso_part(s, p->hour, 'H');
        put_iso_part(s, p->minute, 'M');
        if (p->second != 0 || p->micros != 0) {
            put(s, p->second < 0 || p->micros < 0 ? "-" : "");
            put_seconds(s, size_of(p->second), size_of(p->micros), 1);
            put_char(s, 'S');
        }
    }
    if (s->n == begin + 1) {
        put(s, "T0S");
    }
}

size_t fly_vec_interval_format(fly_vec_interval x, const fly_vec_time_env *env, char *out)
{
    sink s = {out, 0};
    parts p = parts_of(x);
    switch (env->interval_style) {
    case FLY_VEC_INTERVAL_VERBOSE:
        put_verbose(&s, &p);
        break;
    case FLY_VEC_INTERVAL_SQL:
        put_sql(&s, p);
        break;
    case FLY_VEC_INTERVAL_ISO:
        put_iso(&s, &p);
        break;
    default:
        put_postgres(&s, &p);
        break;
    }
    return s.n;
}
