/*
 * Intervals: out of text, added, multiplied, compared.
 *
 * An interval keeps months, days and microseconds apart, since a month has no fixed number of days and a
 * day, when clocks change, no fixed number of hours. Fractions flow down: half a month is 15 days, half a
 * day 12 hours. For comparing, a month counts 30 days and a day 24 hours.
 *
 * A text is read from right to left, because a unit stands behind its number.
 *
 * What is not here: writing (time_format.c), adding to timestamps (time.c).
 */
#include "time_int.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 25, TEXT = 150 };

typedef enum unit {
    NONE, /* not known yet */
    MICROSECOND,
    MILLISECOND,
    SECOND,
    MINUTE,
    HOUR,
    DAY,
    WEEK,
    MONTH,
    QUARTER,
    YEAR,
    DECADE,
    CENTURY,
    MILLENNIUM,
    UNITS,
    AGO,
    IGNORED
} unit;

/* Compared by their first ten letters, so that "microseconds" is found too. */
static const struct {
    const char *text;
    uint8_t unit;
} words[] = {{"@", IGNORED},
             {"ago", AGO},
             {"c", CENTURY},
             {"cent", CENTURY},
             {"centuries", CENTURY},
             {"century", CENTURY},
             {"d", DAY},
             {"day", DAY},
             {"days", DAY},
             {"dec", DECADE},
             {"decade", DECADE},
             {"decades", DECADE},
             {"decs", DECADE},
             {"h", HOUR},
             {"hour", HOUR},
             {"hours", HOUR},
             {"hr", HOUR},
             {"hrs", HOUR},
             {"m", MINUTE},
             {"microsecon", MICROSECOND},
             {"mil", MILLENNIUM},
             {"millennia", MILLENNIUM},
             {"millennium", MILLENNIUM},
             {"millisecon", MILLISECOND},
             {"mils", MILLENNIUM},
             {"min", MINUTE},
             {"mins", MINUTE},
             {"minute", MINUTE},
             {"minutes", MINUTE},
             {"mon", MONTH},
             {"mons", MONTH},
             {"month", MONTH},
             {"months", MONTH},
             {"ms", MILLISECOND},
             {"msec", MILLISECOND},
             {"msecond", MILLISECOND},
             {"mseconds", MILLISECOND},
             {"msecs", MILLISECOND},
             {"qtr", QUARTER},
             {"quarter", QUARTER},
             {"s", SECOND},
             {"sec", SECOND},
             {"second", SECOND},
             {"seconds", SECOND},
             {"secs", SECOND},
             {"us", MICROSECOND},
             {"usec", MICROSECOND},
             {"usecond", MICROSECOND},
             {"useconds", MICROSECOND},
             {"usecs", MICROSECOND},
             {"w", WEEK},
             {"week", WEEK},
             {"weeks", WEEK},
             {"y", YEAR},
             {"year", YEAR},
             {"years", YEAR},
             {"yr", YEAR},
             {"yrs", YEAR}};

static unit find_unit(const char *text)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strncmp(words[i].text, text, 10) == 0) {
            return (unit)words[i].unit;
        }
    }
    return NONE;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(int c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c & 0x80) != 0;
}

static bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* What is being added up. 64 bits for all, checked; the result must fit 32 for months and days. */
typedef struct total {
    int64_t years, months, days, micros;
} total;

typedef enum trouble { GOOD, BAD_FORMAT, FIELD_OVERFLOW, OVERFLOW } trouble;

static bool add_scaled(int64_t *to, int64_t value, int64_t scale)
{
    int64_t product;
    return !__builtin_mul_overflow(value, scale, &product) &&
           !__builtin_add_overflow(*to, product, to);
}

/* A part of `scale` microseconds, rounded half away from zero. */
static bool add_part_micros(total *t, double part, int64_t scale)
{
    double exact = part * (double)scale;
    int64_t micros = (int64_t)exact;
    double rest = exact - (double)micros;
    micros += rest > 0.5 ? 1 : rest < -0.5 ? -1 : 0;
    return !__builtin_add_overflow(t->micros, micros, &t->micros);
}

/* A part of `scale` days: whole days, the rest as time. */
static bool add_part_days(total *t, double part, int scale)
{
    double exact = part * scale;
    int64_t days = (int64_t)exact;
    return !__builtin_add_overflow(t->days, days, &t->days) &&
           add_part_micros(t, exact - (double)days, DAY_MICROS);
}

static bool add_part_years(total *t, double part, int scale)
{
    return !__builtin_add_overflow(t->months, (int64_t)rint(part * scale * 12), &t->months);
}

static bool fits(const total *t)
{
    return t->years >= INT32_MIN && t->years <= INT32_MAX && t->months >= INT32_MIN &&
           t->months <= INT32_MAX && t->days >= INT32_MIN && t->days <= INT32_MAX;
}

/* value + part of a unit. A year that overflows by itself is caught at the end: months are 64 bits. */
static bool add_unit(total *t, unit which, int64_t value, double part)
{
    static const int years[] = {[YEAR] = 1, [DECADE] = 10, [CENTURY] = 100, [MILLENNIUM] = 1000};
    switch (which) {
    case MICROSECOND:
        return add_scaled(&t->micros, value, 1) && add_part_micros(t, part, 1);
    case MILLISECOND:
        return add_scaled(&t->micros, value, 1000) && add_part_micros(t, part, 1000);
    case SECOND:
        return add_scaled(&t->micros, value, SECOND_MICROS) &&
               add_part_micros(t, part, SECOND_MICROS);
    case MINUTE:
        return add_scaled(&t->micros, value, MINUTE_MICROS) &&
               add_part_micros(t, part, MINUTE_MICROS);
    case HOUR:
        return add_scaled(&t->micros, value, HOUR_MICROS) && add_part_micros(t, part, HOUR_MICROS);
    case DAY:
        return add_scaled(&t->days, value, 1) && add_part_micros(t, part, DAY_MICROS);
    case WEEK:
        return add_scaled(&t->days, value, 7) && add_part_days(t, part, 7);
    case MONTH:
        return add_scaled(&t->months, value, 1) && add_part_days(t, part, MONTH_DAYS);
    case YEAR:
    case DECADE:
    case CENTURY:
    case MILLENNIUM:
        return add_scaled(&t->years, value, years[which]) && add_part_years(t, part, years[which]);
    default:
        return false;
    }
}

/* ------------------------------------------------------------------- cutting up */

typedef enum looks { NUMBER, WORD, CLOCK, SIGNED } looks;

typedef struct field {
    looks looks;
    char *text;
} field;

static int cut(fly_bytes text, char *room, field *fields)
{
    const uint8_t *at = text.data;
    const uint8_t *end = at + text.len;
    char *to = room;
    char *last = room + TEXT - 1;
    int n = 0;
    while (at < end) {
        char *begin = to;
        looks kind;
        int c = *at;
        if (is_space(c)) {
            at++;
            continue;
        }
        if (n == FIELDS || end - at > last - to) {
            return -1;
        }
        if (is_digit(c) || c == '.') {
            kind = NUMBER;
            while (at < end && (is_digit(*at) || *at == '.' || *at == ':' || *at == '-')) {
                kind = *at == ':' ? CLOCK : kind;
                *to++ = (char)*at++;
            }
        } else if (is_alpha(c)) {
            kind = WORD;
            for (; at < end && is_alpha(*at); at++) {
                *to++ = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
            }
        } else if (c == '+' || c == '-') {
            kind = SIGNED;
            *to++ = (char)*at++;
            while (at < end && is_space(*at)) {
                at++;
            }
            if (at == end || !is_digit(*at)) {
                return -1;
            }
            while (at < end && (is_digit(*at) || *at == '.' || *at == ':' || *at == '-')) {
                *to++ = (char)*at++;
            }
        } else if (c > ' ' && c < 127) {
            at++;
            continue;
        } else {
            return -1;
        }
        *to++ = '\0';
        fields[n++] = (field){kind, begin};
    }
    return n;
}

/* "4:05:06.7", "4:05", and, if only minutes to seconds are wanted, "4:05" as those. */
static trouble add_clock(total *t, const char *text, int sign, unsigned range)
{
    int64_t part[3] = {0, 0, 0};
    int n = 0;
    double fraction = 0;
    char *end = NULL;
    const char *at = text;
    for (;; n++) {
        if (n == 3 || !is_digit(*at)) {
            return BAD_FORMAT;
        }
        errno = 0;
        part[n] = strtoll(at, &end, 10);
        if (errno == ERANGE || part[n] > INT64_C(99999999999)) {
            return FIELD_OVERFLOW;
        }
        if (*end != ':') {
            break;
        }
        at = end + 1;
    }
    if (*end == '.') {
        fraction = end[1] == '\0' ? 0 : strtod(end, &end);
        end += end[0] == '.';
    }
    if (*end != '\0' || n == 0) {
        return BAD_FORMAT;
    }
    int64_t hour = part[0];
    int64_t minute = part[1];
    int64_t second = part[2];
    bool seconds_last = n == 1 && (strchr(text, '.') != NULL ||
                                   range == (FLY_VEC_FIELD_MINUTE | FLY_VEC_FIELD_SECOND));
    if (seconds_last) {
        second = minute;
        minute = hour;
        hour = 0;
    }
    if (minute > 59 || second > 60) {
        return FIELD_OVERFLOW;
    }
    int64_t micros = minute * MINUTE_MICROS + second * SECOND_MICROS +
                     (int64_t)rint(fraction * 1000000.0);
    if (!add_scaled(&micros, hour, HOUR_MICROS) || !add_scaled(&t->micros, micros, sign)) {
        return FIELD_OVERFLOW;
    }
    return GOOD;
}

/* The unit of a number without one, at the right end: the smallest that the type has. */
static unit default_unit(unsigned range)
{
    if (range & FLY_VEC_FIELD_SECOND || range == 0) {
        return SECOND;
    }
    if (range & FLY_VEC_FIELD_MINUTE) {
        return MINUTE;
    }
    if (range & FLY_VEC_FIELD_HOUR) {
        return HOUR;
    }
    if (range & FLY_VEC_FIELD_DAY) {
        return DAY;
    }
    return range & FLY_VEC_FIELD_MONTH ? MONTH : YEAR;
}

static trouble add_number(total *t, const char *text, unit *current, unsigned range, uint32_t *seen)
{
    char *end;
    if (*current == NONE || *current == IGNORED) {
        *current = default_unit(range);
    }
    bool neg = *text == '-';
    errno = 0;
    int64_t value = is_digit(text[0]) || text[0] == '-' || text[0] == '+' ? strtoll(text, &end, 10)
                                                                          : 0;
    if (text[0] == '.' || ((text[0] == '-' || text[0] == '+') && text[1] == '.')) {
        end = (char *)(uintptr_t)(text + (text[0] != '.'));
        value = 0;
    }
    if (errno == ERANGE) {
        return FIELD_OVERFLOW;
    }
    double part = 0;
    unit which = *current;
    if (*end == '-') {
        /* years-months */
        char *stop;
        if (!is_digit(end[1])) {
            return BAD_FORMAT;
        }
        int64_t months = strtoll(end + 1, &stop, 10);
        if (months >= 12) {
            return FIELD_OVERFLOW;
        }
        if (*stop != '\0') {
            return BAD_FORMAT;
        }
        which = MONTH;
        if (__builtin_mul_overflow(value, (int64_t)12, &value)) {
            return FIELD_OVERFLOW;
        }
        value += neg ? -months : months;
    } else if (*end == '.') {
        if (end[1] != '\0') {
            part = strtod(end, &end);
        } else {
            end++;
        }
        if (*end != '\0') {
            return BAD_FORMAT;
        }
        part = neg ? -part : part;
    } else if (*end != '\0') {
        return BAD_FORMAT;
    }
    uint32_t bit = UINT32_C(1) << which;
    if (which == SECOND && part != 0) {
        bit |= 1u << MICROSECOND | 1u << MILLISECOND;
    }
    if (!add_unit(t, which, value, part)) {
        return which == QUARTER || which >= UNITS ? BAD_FORMAT : FIELD_OVERFLOW;
    }
    if (*seen & bit) {
        return BAD_FORMAT;
    }
    *seen |= bit;
    *current = which == HOUR ? DAY : which;
    return GOOD;
}

/* In the SQL style "-1 2:03:04" is negative throughout. */
static bool all_negative(const field *fields, int n, const fly_vec_time_env *env)
{
    if (env->interval_style != FLY_VEC_INTERVAL_SQL || n == 0 || fields[0].text[0] != '-') {
        return false;
    }
    for (int i = 1; i < n; i++) {
        if (fields[i].text[0] == '-' || fields[i].text[0] == '+') {
            return false;
        }
    }
    return true;
}

static trouble decode(fly_bytes text, const fly_vec_time_env *env, unsigned range, total *t)
{
    enum {
        CLOCK_BITS = 1 << HOUR | 1 << MINUTE | 1 << SECOND | 1 << MILLISECOND | 1 << MICROSECOND
    };
    char room[TEXT];
    field fields[FIELDS];
    bool ago = false;
    uint32_t seen = 0;
    unit current = NONE;
    int n = cut(text, room, fields);
    if (n <= 0) {
        return BAD_FORMAT;
    }
    bool negate = all_negative(fields, n, env);
    for (int i = n - 1; i >= 0; i--) {
        const char *word = fields[i].text;
        trouble bad = GOOD;
        total one = {0, 0, 0, 0};
        if (fields[i].looks == WORD) {
            unit which = find_unit(word);
            if (which == NONE) {
                return BAD_FORMAT;
            }
            if (which == AGO) {
                ago = true;
            }
            current = which == IGNORED ? current : which;
            continue;
        }
        bool clock = strchr(word, ':') != NULL;
        if (clock) {
            int sign = word[0] == '-' ? -1 : 1;
            bad = add_clock(&one, word + (fields[i].looks == SIGNED), sign, range);
            current = DAY;
            if (bad == GOOD && (seen & CLOCK_BITS)) {
                bad = BAD_FORMAT;
            }
            seen |= CLOCK_BITS;
        } else {
            bad = add_number(&one, word, &current, range, &seen);
        }
        if (bad != GOOD) {
            return bad;
        }
        if (negate && i > 0) {
            one = (total){-one.years, -one.months, -one.days, -one.micros};
        }
        if (__builtin_add_overflow(t->years, one.years, &t->years) ||
            __builtin_add_overflow(t->months, one.months, &t->months) ||
            __builtin_add_overflow(t->days, one.days, &t->days) ||
            __builtin_add_overflow(t->micros, one.micros, &t->micros)) {
            return FIELD_OVERFLOW;
        }
    }
    if (seen == 0) {
        return BAD_FORMAT;
    }
    if (!fits(t)) {
        return FIELD_OVERFLOW;
    }
    if (ago) {
        if (t->micros == INT64_MIN) {
            return FIELD_OVERFLOW;
        }
        *t = (total){-t->years, -t->months, -t->days, -t->micros};
    }
    return fits(t) ? GOOD : FIELD_OVERFLOW;
}

/* --------------------------------------------------------------------- ISO 8601 */

static trouble iso_number(char **at, int64_t *whole, double *part)
{
    char *begin = *at;
    if (!is_digit(*begin) && *begin != '-' && *begin != '+' && *begin != '.') {
        return BAD_FORMAT;
    }
    for (char *c = begin; *c != '\0' && !is_alpha(*c); c++) {
        if (!is_digit(*c) && *c != '-' && *c != '+' && *c != '.' && *c != ':') {
            return BAD_FORMAT;
        }
    }
    errno = 0;
    double x = strtod(begin, at);
    if (*at == begin || errno != 0 || !(x >= -1e15 && x <= 1e15)) {
        return *at == begin ? BAD_FORMAT : FIELD_OVERFLOW;
    }
    *whole = (int64_t)x;
    *part = x - (double)*whole;
    return GOOD;
}

/* "P1Y2M3DT4H5M6S", and the other form, "P0001-02-03T04:05:06" or "P00010203T040506". */
static trouble decode_iso(fly_bytes text, total *t)
{
    char copy[TEXT];
    if (text.len < 2 || text.len >= sizeof copy || text.data[0] != 'P') {
        return BAD_FORMAT;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    char *at = copy + 1;
    bool date = true, any = false;
    while (*at != '\0') {
        int64_t whole;
        double part;
        if (*at == 'T') {
            date = false;
            any = false;
            at++;
            continue;
        }
        char *begin = at;
        trouble bad = iso_number(&at, &whole, &part);
        if (bad != GOOD) {
            return bad;
        }
        char letter = *at;
        unit which = NONE;
        if (letter != '\0' && is_alpha(letter) && letter != 'T') {
            at++;
            if (date) {
                which = letter == 'Y'   ? YEAR
                        : letter == 'M' ? MONTH
                        : letter == 'W' ? WEEK
                        : letter == 'D' ? DAY
                                        : NONE;
            } else {
                which = letter == 'H'   ? HOUR
                        : letter == 'M' ? MINUTE
                        : letter == 'S' ? SECOND
                                        : NONE;
            }
            if (which == NONE) {
                return BAD_FORMAT;
            }
            if (!add_unit(t, which, whole, part)) {
                return FIELD_OVERFLOW;
            }
            any = true;
            continue;
        }
        if (any) {
            return BAD_FORMAT;
        }
        /* Digits only: one number stands for several fields, if it has their length. */
        size_t len = strspn(begin, "0123456789");
        if (letter == '\0' || letter == 'T') {
            if (date && len == 8 && begin + len == at) {
                if (!add_unit(t, YEAR, whole / 10000, 0) ||
                    !add_unit(t, MONTH, whole / 100 % 100, 0) ||
                    !add_unit(t, DAY, whole % 100, 0)) {
                    return FIELD_OVERFLOW;
                }
                continue;
            }
            if (!date && len == 6 && (begin + len == at || begin[len] == '.')) {
                if (!add_unit(t, HOUR, whole / 10000, 0) ||
                    !add_unit(t, MINUTE, whole / 100 % 100, 0) ||
                    !add_unit(t, SECOND, whole % 100, part)) {
                    return FIELD_OVERFLOW;
                }
                continue;
            }
            if (!add_unit(t, date ? YEAR : HOUR, whole, part)) {
                return FIELD_OVERFLOW;
            }
            continue;
        }
        /* Separated: year-month-day or hour:minute:second. */
        static const uint8_t dates[] = {YEAR, MONTH, DAY};
        static const uint8_t clocks[] = {HOUR, MINUTE, SECOND};
        char between = date ? '-' : ':';
        for (int i = 0;; i++) {
            if (!add_unit(t, (enum unit)(date ? dates[i] : clocks[i]), whole, part)) {
                return FIELD_OVERFLOW;
            }
            if (*at == '\0' || (date && *at == 'T')) {
                break;
            }
            if (*at != between || i == 2) {
                return BAD_FORMAT;
            }
            at++;
            bad = iso_number(&at, &whole, &part);
            if (bad != GOOD) {
                return bad;
            }
        }
    }
    return fits(t) ? GOOD : FIELD_OVERFLOW;
}

fly_status fly_vec_interval_parse(fly_bytes text, const fly_vec_time_env *env, unsigned fields,
                                  fly_vec_interval *out, fly_err *err)
{
    total t = {0, 0, 0, 0};
    trouble bad = decode(text, env, fields, &t);
    if (bad == BAD_FORMAT) {
        t = (total){0, 0, 0, 0};
        bad = decode_iso(text, &t);
    }
    if (bad == BAD_FORMAT) {
        return fly__vec_time_error_text(err, "22007",
                                        "invalid input syntax for type interval: \"%s\"", text);
    }
    if (bad != GOOD) {
        return fly__vec_time_error_text(err, "22015", "interval field value out of range: \"%s\"",
                                        text);
    }
    int64_t months = t.years * 12 + t.months;
    if (months < INT32_MIN || months > INT32_MAX) {
        return fly__vec_time_error(err, "22008", "interval out of range");
    }
    *out = (fly_vec_interval){t.micros, (int32_t)t.days, (int32_t)months};
    return FLY_OK;
}

/* ------------------------------------------------------------------- arithmetic */

static fly_status out_of_range(fly_err *err)
{
    return fly__vec_time_error(err, "22008", "interval out of range");
}

fly_status fly_vec_interval_fit(fly_vec_interval x, unsigned fields, int precision,
                                fly_vec_interval *out, fly_err *err)
{
    int64_t cut_to = 1;
    (void)err;
    if (fields != 0) {
        if (fields & FLY_VEC_FIELD_SECOND) {
            cut_to = 1;
        } else if (fields & FLY_VEC_FIELD_MINUTE) {
            cut_to = MINUTE_MICROS;
        } else if (fields & FLY_VEC_FIELD_HOUR) {
            cut_to = HOUR_MICROS;
        } else {
            cut_to = 0;
        }
        if (fields == FLY_VEC_FIELD_YEAR) {
            x.months = x.months / 12 * 12;
        }
        if (!(fields & ~(unsigned)(FLY_VEC_FIELD_YEAR | FLY_VEC_FIELD_MONTH))) {
            x.days = 0;
        }
        x.micros = cut_to == 0 ? 0 : x.micros / cut_to * cut_to;
    }
    if (precision >= 0) {
        x.micros = fly_vec_micros_round(x.micros, precision);
    }
    *out = x;
    return FLY_OK;
}

fly_status fly_vec_interval_add(fly_vec_interval a, fly_vec_interval b, fly_vec_interval *out,
                                fly_err *err)
{
    if (__builtin_add_overflow(a.months, b.months, &a.months) ||
        __builtin_add_overflow(a.days, b.days, &a.days) ||
        __builtin_add_overflow(a.micros, b.micros, &a.micros)) {
        return out_of_range(err);
    }
    *out = a;
    return FLY_OK;
}

fly_status fly_vec_interval_sub(fly_vec_interval a, fly_vec_interval b, fly_vec_interval *out,
                                fly_err *err)
{
    if (__builtin_sub_overflow(a.months, b.months, &a.months) ||
        __builtin_sub_overflow(a.days, b.days, &a.days) ||
        __builtin_sub_overflow(a.micros, b.micros, &a.micros)) {
        return out_of_range(err);
    }
    *out = a;
    return FLY_OK;
}

fly_status fly_vec_interval_neg(fly_vec_interval a, fly_vec_interval *out, fly_err *err)
{
    fly_vec_interval none = {0, 0, 0};
    return fly_vec_interval_sub(none, a, out, err);
}

/* Rounded to a microsecond's share of a day, so that 0.1 * 30 days is not 2.9999 days. */
static double settle(double x)
{
    return rint(x * 1000000.0) / 1000000.0;
}

/* Months and days times a factor (or divided by it): what is not whole flows down. */
static fly_status scale(fly_vec_interval a, double factor, bool divide, fly_vec_interval *out,
                        fly_err *err)
{
    double months = divide ? a.months / factor : a.months * factor;
    double days = divide ? a.days / factor : a.days * factor;
    if (isnan(months) || isnan(days) || months > INT32_MAX || months < INT32_MIN ||
        days > INT32_MAX || days < INT32_MIN) {
        return out_of_range(err);
    }
    fly_vec_interval x = {0, (int32_t)days, (int32_t)months};
    double month_days = settle((months - x.months) * MONTH_DAYS);
    double seconds = settle((days - x.days + month_days - (int)month_days) * 86400.0);
    /* Rounding may have made a whole day. */
    if (fabs(seconds) >= 86400) {
        if (__builtin_add_overflow(x.days, (int32_t)(seconds / 86400), &x.days)) {
            return out_of_range(err);
        }
        seconds -= (int)(seconds / 86400) * 86400.0;
    }
    if (__builtin_add_overflow(x.days, (int32_t)month_days, &x.days)) {
        return out_of_range(err);
    }
    double micros = rint((divide ? (double)a.micros / factor : (double)a.micros * factor) +
                         seconds * 1000000.0);
    if (isnan(micros) || micros >= 9223372036854775808.0 || micros < -9223372036854775808.0) {
        return out_of_range(err);
    }
    x.micros = (int64_t)micros;
    *out = x;
    return FLY_OK;
}

fly_status fly_vec_interval_mul(fly_vec_interval a, double by, fly_vec_interval *out, fly_err *err)
{
    return scale(a, by, false, out, err);
}

fly_status fly_vec_interval_div(fly_vec_interval a, double by, fly_vec_interval *out, fly_err *err)
{
    if (by == 0) {
        return fly__vec_time_error(err, "22012", "division by zero");
    }
    return scale(a, by, true, out, err);
}

fly_vec_i128 fly_vec_interval_key(fly_vec_interval x)
{
    return ((fly_vec_i128)x.months * MONTH_DAYS + x.days) * DAY_MICROS + x.micros;
}

int fly_vec_interval_cmp(fly_vec_interval a, fly_vec_interval b)
{
    fly_vec_i128 x = fly_vec_interval_key(a);
    fly_vec_i128 y = fly_vec_interval_key(b);
    return (x > y) - (x < y);
}

fly_status fly_vec_make_interval(int32_t years, int32_t months, int32_t weeks, int32_t days,
                                 int32_t hours, int32_t minutes, double seconds,
                                 fly_vec_interval *out, fly_err *err)
{
    int64_t m = (int64_t)years * 12 + months;
    int64_t d = (int64_t)weeks * 7 + days;
    double micros = rint(seconds * 1000000.0);
    if (m != (int32_t)m || d != (int32_t)d || isnan(seconds) || !(fabs(micros) < 9.2e18)) {
        return out_of_range(err);
    }
    int64_t sum = hours * HOUR_MICROS + minutes * MINUTE_MICROS;
    if (__builtin_add_overflow(sum, (int64_t)micros, &sum)) {
        return out_of_range(err);
    }
    *out = (fly_vec_interval){sum, (int32_t)d, (int32_t)m};
    return FLY_OK;
}

/* --------------------------------------------------------------------- justify */

fly_status fly_vec_justify_hours(fly_vec_interval x, fly_vec_interval *out, fly_err *err)
{
    if (__builtin_add_overflow(x.days, (int32_t)(x.micros / DAY_MICROS), &x.days)) {
        return out_of_range(err);
    }
    x.micros %= DAY_MICROS;
    if (x.days > 0 && x.micros < 0) {
        x.micros += DAY_MICROS;
        x.days--;
    } else if (x.days < 0 && x.micros > 0) {
        x.micros -= DAY_MICROS;
        x.days++;
    }
    *out = x;
    return FLY_OK;
}

fly_status fly_vec_justify_days(fly_vec_interval x, fly_vec_interval *out, fly_err *err)
{
    if (__builtin_add_overflow(x.months, x.days / MONTH_DAYS, &x.months)) {
        return out_of_range(err);
    }
    x.days %= MONTH_DAYS;
    if (x.months > 0 && x.days < 0) {
        x.days += MONTH_DAYS;
        x.months--;
    } else if (x.months < 0 && x.days > 0) {
        x.days -= MONTH_DAYS;
        x.months++;
    }
    *out = x;
    return FLY_OK;
}

fly_status fly_vec_justify_interval(fly_vec_interval x, fly_vec_interval *out, fly_err *err)
{
    /* Days first where they have the sign of the hours, so that hours cannot overflow them. */
    if ((x.days > 0 && x.micros > 0) || (x.days < 0 && x.micros < 0)) {
        if (__builtin_add_overflow(x.months, x.days / MONTH_DAYS, &x.months)) {
            return out_of_range(err);
        }
        x.days %= MONTH_DAYS;
    }
    int64_t days = x.days + x.micros / DAY_MICROS;
    int64_t months = x.months + days / MONTH_DAYS;
    x.micros %= DAY_MICROS;
    days %= MONTH_DAYS;
    if (months > 0 && (days < 0 || (days == 0 && x.micros < 0))) {
        days += MONTH_DAYS;
        months--;
    } else if (months < 0 && (days > 0 || (days == 0 && x.micros > 0))) {
        days -= MONTH_DAYS;
        months++;
    }
    if (days > 0 && x.micros < 0) {
        x.micros += DAY_MICROS;
        days--;
    } else if (days < 0 && x.micros > 0) {
        x.micros -= DAY_MICROS;
        days++;
    }
    if (months != (int32_t)months) {
        return out_of_range(err);
    }
    *out = (fly_vec_interval){x.micros, (int32_t)days, (int32_t)months};
    return FLY_OK;
}
