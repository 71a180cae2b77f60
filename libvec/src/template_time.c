/*
 * Times by template: to_char(), to_timestamp(), to_date().
 *
 * A template is a row of fields ("HH24", with FM before and TH behind it), texts in double quotes, and
 * other characters, which stand for themselves when writing. When reading, a separator of the template
 * may match one separator of the text, or nothing, and spaces before a field are passed over, unless the
 * template begins with FX.
 *
 * What is not here: names in other languages.
 * @source PostgreSQL documentation, 9.8, "Data Type Formatting Functions".
 */
#include "text_int.h"
#include "time_int.h"

#include <fly/vec_template.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum field_id {
    F_AD_DOTS,
    F_AM_DOTS,
    F_AD,
    F_AM,
    F_CC,
    F_DAY,
    F_DDD,
    F_DD,
    F_DY,
    F_D,
    F_FF,
    F_FX,
    F_HH24,
    F_HH12,
    F_IDDD,
    F_ID,
    F_IW,
    F_IYYY,
    F_IYY,
    F_IY,
    F_I,
    F_J,
    F_MI,
    F_MM,
    F_MONTH,
    F_MON,
    F_MS,
    F_OF,
    F_Q,
    F_RM,
    F_SSSS,
    F_SS,
    F_TZH,
    F_TZM,
    F_TZ,
    F_US,
    F_WW,
    F_W,
    F_Y_YYY,
    F_YYYY,
    F_YYY,
    F_YY,
    F_Y
} field_id;

/* In upper case; the longest that fits is taken. Those marked by `spelled` mind the case they have. */
static const struct {
    const char *name;
    uint8_t id;
    uint8_t digits; /* of FF; and of a number, when read */
} names[] = {
    {"A.D.", F_AD_DOTS, 0}, {"A.M.", F_AM_DOTS, 0}, {"AD", F_AD, 0},     {"AM", F_AM, 0},
    {"B.C.", F_AD_DOTS, 0}, {"BC", F_AD, 0},        {"CC", F_CC, 2},     {"DAY", F_DAY, 0},
    {"DDD", F_DDD, 3},      {"DD", F_DD, 2},        {"DY", F_DY, 0},     {"D", F_D, 1},
    {"FF1", F_FF, 1},       {"FF2", F_FF, 2},       {"FF3", F_FF, 3},    {"FF4", F_FF, 4},
    {"FF5", F_FF, 5},       {"FF6", F_FF, 6},       {"FX", F_FX, 0},     {"HH24", F_HH24, 2},
    {"HH12", F_HH12, 2},    {"HH", F_HH12, 2},      {"IDDD", F_IDDD, 3}, {"ID", F_ID, 1},
    {"IW", F_IW, 2},        {"IYYY", F_IYYY, 4},    {"IYY", F_IYY, 3},   {"IY", F_IY, 2},
    {"I", F_I, 1},          {"J", F_J, 0},          {"MI", F_MI, 2},     {"MM", F_MM, 2},
    {"MONTH", F_MONTH, 0},  {"MON", F_MON, 0},      {"MS", F_MS, 3},     {"OF", F_OF, 0},
    {"P.M.", F_AM_DOTS, 0}, {"PM", F_AM, 0},        {"Q", F_Q, 1},       {"RM", F_RM, 0},
    {"SSSSS", F_SSSS, 0},   {"SSSS", F_SSSS, 0},    {"SS", F_SS, 2},     {"TZH", F_TZH, 2},
    {"TZM", F_TZM, 2},      {"TZ", F_TZ, 0},        {"US", F_US, 6},     {"WW", F_WW, 2},
    {"W", F_W, 1},          {"Y,YYY", F_Y_YYY, 4},  {"YYYY", F_YYYY, 4}, {"YYY", F_YYY, 3},
    {"YY", F_YY, 2},        {"Y", F_Y, 1}};

/* Fields that only these spellings have: all upper, all lower, or a capital first. */
static bool spelled(uint8_t id)
{
    return id == F_DAY || id == F_DY || id == F_MONTH || id == F_MON;
}

typedef enum part_kind { P_END, P_FIELD, P_SPACE, P_SEPARATOR, P_CHAR } part_kind;

typedef struct part {
    part_kind kind;
    const uint8_t *at; /* its text in the template */
    size_t len;
    uint8_t id;
    uint8_t digits;
    bool fill;   /* FM: no padding */
    bool lower;  /* spelled in lower case */
    bool title;  /* "Month" */
    int th;      /* 1: TH, 2: th */
    bool locale; /* TM */
    char name[8];
} part;

typedef struct reader {
    const uint8_t *at, *end;
    bool quoted;
} reader;

static char upper(int c)
{
    return (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
}

static bool begins(const uint8_t *at, const uint8_t *end, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(end - at) < n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (upper(at[i]) != word[i]) {
            return false;
        }
    }
    return true;
}

/* All letters in one case, as fields other than names of days and months must be. */
static bool one_case(const uint8_t *at, size_t n)
{
    bool up = false, low = false;
    for (size_t i = 0; i < n; i++) {
        up = up || (at[i] >= 'A' && at[i] <= 'Z');
        low = low || (at[i] >= 'a' && at[i] <= 'z');
    }
    return !(up && low);
}

static bool field_at(const uint8_t *at, const uint8_t *end, part *p)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = strlen(names[i].name);
        if (!begins(at, end, names[i].name)) {
            continue;
        }
        bool title = spelled(names[i].id) && at[0] >= 'A' && at[0] <= 'Z' && at[1] >= 'a' &&
                     one_case(at + 1, n - 1);
        if (!one_case(at, n) && !title) {
            continue;
        }
        p->kind = P_FIELD;
        p->id = names[i].id;
        p->digits = names[i].digits;
        p->title = title;
        p->lower = at[0] >= 'a';
        p->len = n;
        memcpy(p->name, at, n);
        p->name[n] = '\0';
        return true;
    }
    return false;
}

static bool is_separator(int c)
{
    return c > 0x20 && c < 0x7f && !(c >= '0' && c <= '9') &&
           !((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next part of a template. */
static part next_part(reader *r)
{
    part p;
    memset(&p, 0, sizeof p);
    for (;;) {
        if (!r->quoted && begins(r->at, r->end, "FM") && one_case(r->at, 2)) {
            p.fill = true;
            r->at += 2;
        } else if (!r->quoted && begins(r->at, r->end, "TM") && one_case(r->at, 2)) {
            p.locale = true;
            r->at += 2;
        } else if (r->at < r->end && *r->at == '"') {
            r->quoted = !r->quoted;
            r->at++;
        } else {
            break;
        }
    }
    if (r->at == r->end) {
        return p;
    }
    if (!r->quoted && field_at(r->at, r->end, &p)) {
        p.at = r->at;
        r->at += p.len;
        if (begins(r->at, r->end, "TH") && one_case(r->at, 2)) {
            p.th = r->at[0] == 'T' ? 1 : 2;
            r->at += 2;
        }
        return p;
    }
    if (*r->at == '\\' && r->end - r->at >= 2 && (r->quoted || r->at[1] == '"')) {
        r->at++;
    }
    p.at = r->at;
    p.len = fly_vec_text_step(r->at, (size_t)(r->end - r->at));
    p.kind = r->quoted              ? P_CHAR
             : is_space(*r->at)     ? P_SPACE
             : is_separator(*r->at) ? P_SEPARATOR
                                    : P_CHAR;
    r->at += p.len;
    return p;
}

/* ----------------------------------------------------------------------- writing */

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                   "Thursday", "Friday", "Saturday"};
static const char *const romans[] = {"I",   "II",   "III", "IV", "V",  "VI",
                                     "VII", "VIII", "IX",  "X",  "XI", "XII"};

/* What is written: a point in time, or an interval taken apart. */
typedef struct shown {
    int64_t year;
    int month, day;
    int64_t hour;
    int minute, second, micros;
    int64_t days; /* since 1970 */
    int64_t yday;
    bool interval;
    bool zoned;
    fly_vec_tz_info zone;
} shown;

static void put_cased(fly__vec_sink *s, const char *text, size_t n, const part *p)
{
    for (size_t i = 0; i < n; i++) {
        int c = (uint8_t)text[i];
        bool low = p->lower || (p->title && i > 0);
        char out = (char)(low ? (c >= 'A' && c <= 'Z' ? c + 32 : c) : upper(c));
        fly__vec_sink_put(s, &out, 1);
    }
}

static void put_padded(fly__vec_sink *s, const char *text, size_t n, size_t width, const part *p)
{
    put_cased(s, text, n, p);
    for (; !p->fill && n < width; n++) {
        fly__vec_sink_put(s, " ", 1);
    }
}

static void put_ordinal(fly__vec_sink *s, int64_t x, const part *p)
{
    static const char *const ends[] = {"th", "st", "nd", "rd"};
    if (p->th == 0) {
        return;
    }
    int64_t size = x < 0 ? -x : x;
    int64_t last = size % 10;
    const char *end = ends[size / 10 % 10 == 1 || last > 3 ? 0 : last];
    char two[2] = {end[0], end[1]};
    if (p->th == 1) {
        two[0] = upper(two[0]);
        two[1] = upper(two[1]);
    }
    fly__vec_sink_put(s, two, 2);
}

/* Digits to a width, one more for a minus sign. */
static void put_number(fly__vec_sink *s, int64_t x, int width, const part *p)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%0*lld", p->fill ? 0 : width + (x < 0), (long long)x);
    fly__vec_sink_put(s, text, (size_t)n);
    put_ordinal(s, x, p);
}

static int64_t shown_year(const shown *v, int64_t year)
{
    return v->interval || year > 0 ? year : -(year - 1);
}

static int64_t iso_year(const shown *v)
{
    int32_t year;
    (void)fly_vec_iso_week(v->days, &year);
    return year;
}

static int64_t iso_day(const shown *v)
{
    int32_t year;
    int week = fly_vec_iso_week(v->days, &year);
    return (week - 1) * 7 + (fly_vec_weekday(v->days) + 6) % 7 + 1;
}

static fly_status not_for_intervals(fly_err *err)
{
    fly_status status =
        fly__vec_time_error(err, "22007", "invalid format specification for an interval value");
    if (err != NULL) {
        fly_err_hint(err, "Intervals are not tied to specific calendar dates.");
    }
    return status;
}

static void put_year(fly__vec_sink *s, const shown *v, const part *p)
{
    int64_t year = shown_year(v, v->year);
    int64_t iso = 0;
    if (p->id >= F_IYYY && p->id <= F_I) {
        iso = shown_year(v, iso_year(v));
    }
    char text[40];
    switch (p->id) {
    case F_Y_YYY: {
        int64_t thousands = year / 1000;
        int n = snprintf(text, sizeof text, "%lld,%03lld", (long long)thousands,
                         (long long)(year - thousands * 1000));
        fly__vec_sink_put(s, text, (size_t)n);
        put_ordinal(s, year, p);
        return;
    }
    case F_YYYY:
        put_number(s, year, 4, p);
        return;
    case F_IYYY:
        put_number(s, iso, 4, p);
        return;
    case F_YYY:
        put_number(s, year % 1000, 3, p);
        return;
    case F_IYY:
        put_number(s, iso % 1000, 3, p);
        return;
    case F_YY:
        put_number(s, year % 100, 2, p);
        return;
    case F_IY:
        put_number(s, iso % 100, 2, p);
        return;
    case F_Y:
        put_number(s, year % 10, 1, p);
        return;
    default:
        put_number(s, iso % 10, 1, p);
        return;
    }
}

static void put_zone(fly__vec_sink *s, const shown *v, const part *p)
{
    int east = v->zone.east;
    int size = abs(east);
    char text[16];
    int n = 0;
    if (p->id == F_TZ) {
        if (v->zoned) {
            part cased = *p;
            put_cased(s, v->zone.abbrev, strlen(v->zone.abbrev), &cased);
        }
        return;
    }
    char sign = east < 0 ? '-' : '+';
    if (p->id == F_OF) {
        n = snprintf(text, sizeof text, "%c%0*d", sign, p->fill ? 0 : 2, size / 3600);
        if (size % 3600 != 0) {
            n += snprintf(text + n, sizeof text - (size_t)n, ":%02d", size % 3600 / 60);
        }
    } else if (p->id == F_TZH) {
        n = snprintf(text, sizeof text, "%c%02d", sign, size / 3600);
    } else {
        n = snprintf(text, sizeof text, "%02d", size % 3600 / 60);
    }
    fly__vec_sink_put(s, text, (size_t)n);
}

static fly_status put_field(fly__vec_sink *s, const shown *v, const part *p, fly_err *err)
{
    static const int tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    const char *text;
    switch (p->id) {
    case F_AM_DOTS:
        put_cased(s, v->hour % 24 >= 12 ? "P.M." : "A.M.", 4, p);
        return FLY_OK;
    case F_AM:
        put_cased(s, v->hour % 24 >= 12 ? "PM" : "AM", 2, p);
        return FLY_OK;
    case F_HH24:
        put_number(s, v->hour, 2, p);
        return FLY_OK;
    case F_HH12: {
        int64_t hour = v->hour % 12 == 0 ? 12 : v->hour % 12;
        put_number(s, hour, hour > 0 && v->hour < 0 ? 3 : 2, p);
        return FLY_OK;
    }
    case F_MI:
        put_number(s, v->minute, 2, p);
        return FLY_OK;
    case F_SS:
        put_number(s, v->second, 2, p);
        return FLY_OK;
    case F_FF:
    case F_MS:
    case F_US: {
        part plain = *p;
        plain.fill = false;
        put_number(s, v->micros / tens[6 - p->digits], p->digits, &plain);
        return FLY_OK;
    }
    case F_SSSS:
        put_number(s, v->hour * 3600 + v->minute * 60 + v->second, 1, p);
        return FLY_OK;
    case F_DDD:
        put_number(s, v->yday, v->yday < 0 ? 2 : 3, p);
        return FLY_OK;
    case F_DD:
        put_number(s, v->day, v->day < 0 ? 1 : 2, p);
        return FLY_OK;
    case F_MM:
        put_number(s, v->month, 2, p);
        return FLY_OK;
    case F_WW:
        put_number(s, (v->yday - 1) / 7 + 1, 2, p);
        return FLY_OK;
    case F_W:
        put_number(s, (v->day - 1) / 7 + 1, 1, p);
        return FLY_OK;
    case F_Q:
        if (v->month != 0) {
            put_number(s, (v->month - 1) / 3 + 1, 1, p);
        }
        return FLY_OK;
    case F_CC:
        if (v->interval) {
            put_number(s, v->year / 100, 2, p);
        } else {
            int64_t c = v->year > 0 ? (v->year - 1) / 100 + 1 : v->year / 100 - 1;
            put_number(s, c, c <= 99 && c >= -99 ? 2 : 1, p);
        }
        return FLY_OK;
    case F_RM:
        if (v->month != 0 || v->interval) {
            int m = v->interval && v->month == 0 ? (v->year == 0  ? 0
                                                    : v->year > 0 ? 12
                                                                  : 1)
                                                 : v->month;
            m = m < 0 ? m + 13 : m;
            if (m >= 1) {
                put_padded(s, romans[m - 1], strlen(romans[m - 1]), 4, p);
            }
        }
        return FLY_OK;
    case F_FX:
        return FLY_OK;
    case F_Y_YYY:
    case F_YYYY:
    case F_YYY:
    case F_YY:
    case F_Y:
        put_year(s, v, p);
        return FLY_OK;
    case F_J:
        put_number(s, v->days + JULIAN_1970, 1, p);
        return FLY_OK;
    default:
        break;
    }
    if (v->interval) {
        return not_for_intervals(err);
    }
    switch (p->id) {
    case F_IYYY:
    case F_IYY:
    case F_IY:
    case F_I:
        put_year(s, v, p);
        return FLY_OK;
    case F_AD_DOTS:
        put_cased(s, v->year <= 0 ? "B.C." : "A.D.", 4, p);
        return FLY_OK;
    case F_AD:
        put_cased(s, v->year <= 0 ? "BC" : "AD", 2, p);
        return FLY_OK;
    case F_MONTH:
        text = months[v->month - 1];
        put_padded(s, text, strlen(text), 9, p);
        return FLY_OK;
    case F_MON:
        put_cased(s, months[v->month - 1], 3, p);
        return FLY_OK;
    case F_DAY:
        text = days[fly_vec_weekday(v->days)];
        put_padded(s, text, strlen(text), 9, p);
        return FLY_OK;
    case F_DY:
        put_cased(s, days[fly_vec_weekday(v->days)], 3, p);
        return FLY_OK;
    case F_D:
        put_number(s, fly_vec_weekday(v->days) + 1, 1, p);
        return FLY_OK;
    case F_ID:
        put_number(s, (fly_vec_weekday(v->days) + 6) % 7 + 1, 1, p);
        return FLY_OK;
    case F_IDDD:
        put_number(s, iso_day(v), 3, p);
        return FLY_OK;
    case F_IW: {
        int32_t year;
        put_number(s, fly_vec_iso_week(v->days, &year), 2, p);
        return FLY_OK;
    }
    default:
        put_zone(s, v, p);
        return FLY_OK;
    }
}

static fly_status write_template(const shown *v, fly_bytes format, fly_arena *arena,
                                 fly_vec_str *out, fly_err *err)
{
    static const uint8_t nothing[1] = {0};
    const uint8_t *at = format.len > 0 ? format.data : nothing;
    reader r = {at, at + format.len, false};
    fly__vec_sink s;
    fly__vec_sink_init(&s, arena, format.len * 2);
    for (part p = next_part(&r); p.kind != P_END; p = next_part(&r)) {
        if (p.kind != P_FIELD) {
            fly__vec_sink_put(&s, p.at, p.len);
            continue;
        }
        fly_status status = put_field(&s, v, &p, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return fly__vec_sink_give(&s, out, err);
}

static fly_status write_stamp(int64_t local, shown *v, fly_bytes format, fly_arena *arena,
                              fly_vec_str *out, fly_err *err)
{
    fly_vec_civil c;
    fly_vec_timestamp_civil(local, &c);
    v->year = c.year;
    v->month = c.month;
    v->day = c.day;
    v->hour = c.hour;
    v->minute = c.minute;
    v->second = c.second;
    v->micros = c.micros;
    v->days = fly__vec_time_floor(local, DAY_MICROS);
    v->yday = v->days - fly_vec_civil_days(c.year, 1, 1) + 1;
    return write_template(v, format, arena, out, err);
}

fly_status fly_vec_timestamp_to_char(int64_t micros, fly_bytes format, fly_arena *arena,
                                     fly_vec_str *out, fly_err *err)
{
    shown v;
    memset(&v, 0, sizeof v);
    if (!fly__vec_time_finite(micros)) {
        *out = fly_vec_str_of("", 0);
        return FLY_OK;
    }
    return write_stamp(micros, &v, format, arena, out, err);
}

fly_status fly_vec_timestamptz_to_char(int64_t micros, const fly_vec_tz *zone, fly_bytes format,
                                       fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    shown v;
    int64_t local;
    memset(&v, 0, sizeof v);
    if (!fly__vec_time_finite(micros)) {
        *out = fly_vec_str_of("", 0);
        return FLY_OK;
    }
    fly_status status = fly_vec_timestamp_to_local(micros, zone, &local, err);
    if (status != FLY_OK) {
        return status;
    }
    v.zoned = true;
    fly_vec_tz_at(zone, fly__vec_time_floor(micros, SECOND_MICROS), &v.zone);
    return write_stamp(local, &v, format, arena, out, err);
}

fly_status fly_vec_interval_to_char(fly_vec_interval x, fly_bytes format, fly_arena *arena,
                                    fly_vec_str *out, fly_err *err)
{
    shown v;
    memset(&v, 0, sizeof v);
    v.interval = true;
    v.year = x.months / 12;
    v.month = x.months % 12;
    v.day = x.days;
    v.hour = x.micros / HOUR_MICROS;
    v.minute = (int)(x.micros / MINUTE_MICROS % 60);
    v.second = (int)(x.micros / SECOND_MICROS % 60);
    v.micros = (int)(x.micros % SECOND_MICROS);
    v.yday = (int64_t)x.months * MONTH_DAYS + x.days;
    v.days = fly_vec_civil_days((int32_t)v.year, v.month, v.day);
    return write_template(&v, format, arena, out, err);
}

/* ----------------------------------------------------------------------- reading */

/* What has been read. Zero mostly means that nothing was. */
typedef struct read {
    int hh, mi, ss, ssss, d, dd, ddd, mm, ms, us, year, bc, ww, w, cc, j, tzh, tzm, pm;
    int year_digits;
    int tz_sign;
    bool clock12, has_am;
    int mode; /* 1: Gregorian, 2: ISO weeks */
    bool fixed;
} read;

typedef struct source {
    const char *text; /* ends in a zero byte */
    const char *at;
    fly_bytes format;
    fly_err *err;
} source;

static fly_status complain(source *s, const char *sqlstate, const char *message, const char *detail)
{
    fly_status status = fly__vec_time_error(s->err, sqlstate, message);
    if (s->err != NULL && detail != NULL) {
        fly_err_hint(s->err, "%s", detail);
    }
    return status;
}

static fly_status bad_value(source *s, const char *value, size_t n, const part *p,
                            const char *detail)
{
    char message[200];
    (void)snprintf(message, sizeof message, "invalid value \"%.*s\" for \"%s\"",
                   (int)(n < 60 ? n : 60), value, p->name);
    return complain(s, "22007", message, detail);
}

static fly_status set_int(source *s, int *slot, int value, const part *p)
{
    if (*slot != 0 && *slot != value) {
        char message[120];
        (void)snprintf(message, sizeof message,
                       "conflicting values for \"%s\" field in formatting string", p->name);
        return complain(s, "22007", message,
                        "This value contradicts a previous setting for the same field type.");
    }
    *slot = value;
    return FLY_OK;
}

/* Whether the part behind a field cannot be digits. */
static bool separated(const reader *r)
{
    reader look = *r;
    part p = next_part(&look);
    if (p.kind == P_FIELD) {
        return p.digits == 0 && p.id != F_J && p.id != F_SSSS;
    }
    return p.kind == P_END || p.len > 1 || !(p.at[0] >= '0' && p.at[0] <= '9');
}

/* A number of `len` digits; as many as there are if something else follows in the template. */
static fly_status parse_int(source *s, const part *p, const reader *r, size_t len, int *value,
                            size_t *used)
{
    char copy[24];
    char *end;
    while (is_space(*s->at)) {
        s->at++;
    }
    const char *begin = s->at;
    size_t have = strlen(begin);
    long long x;
    if (p->fill || p->th != 0 || separated(r)) {
        x = strtoll(begin, &end, 10);
        s->at = end;
    } else {
        size_t n = have < len ? have : len;
        n = n < sizeof copy - 1 ? n : sizeof copy - 1;
        memcpy(copy, begin, n);
        copy[n] = '\0';
        char detail[160];
        if (n < len) {
            char message[120];
            (void)snprintf(message, sizeof message,
                           "source string too short for \"%s\" formatting field", p->name);
            (void)snprintf(detail, sizeof detail,
                           "Field requires %zu characters, but only %zu remain.", len, n);
            return complain(s, "22007", message, detail);
        }
        x = strtoll(copy, &end, 10);
        size_t parsed = (size_t)(end - copy);
        if (parsed > 0 && parsed < len) {
            (void)snprintf(detail, sizeof detail,
                           "Field requires %zu characters, but only %zu could be parsed.", len,
                           parsed);
            return bad_value(s, copy, n, p, detail);
        }
        s->at += parsed;
    }
    if (s->at == begin) {
        return bad_value(s, begin, have < len ? have : len, p, "Value must be an integer.");
    }
    if (x < INT32_MIN || x > INT32_MAX) {
        char message[120];
        (void)snprintf(message, sizeof message, "value for \"%s\" in source string is out of range",
                       p->name);
        return complain(s, "22008", message,
                        "Value must be in the range -2147483648 to 2147483647.");
    }
    *value = (int)x;
    *used = (size_t)(s->at - begin);
    return FLY_OK;
}

static fly_status read_int(source *s, const part *p, const reader *r, size_t len, int *slot)
{
    int value;
    size_t used;
    fly_status status = parse_int(s, p, r, len, &value, &used);
    return status == FLY_OK ? set_int(s, slot, value, p) : status;
}

/* One of some words, whole or by its first three letters; longest first. */
static fly_status read_word(source *s, const part *p, const char *const *list, int n, size_t cut,
                            int *value)
{
    int best = -1;
    size_t most = 0;
    for (int i = 0; i < n; i++) {
        size_t len = cut > 0 ? cut : strlen(list[i]);
        size_t k = 0;
        while (k < len && upper(s->at[k]) == upper(list[i][k])) {
            k++;
        }
        if (k == len && len > most) {
            best = i;
            most = len;
        }
    }
    if (best < 0) {
        size_t len = strcspn(s->at, " \t\n");
        return bad_value(s, s->at, len, p,
                         "The given value did not match any of the allowed values for this field.");
    }
    s->at += most;
    *value = best;
    return FLY_OK;
}

static fly_status set_mode(source *s, read *t, int mode)
{
    if (t->mode != 0 && t->mode != mode) {
        return complain(
            s, "22007", "invalid combination of date conventions",
            "Do not mix Gregorian and ISO week date conventions in a formatting template.");
    }
    t->mode = mode;
    return FLY_OK;
}

/* A short year is the nearest to 2020. */
static int near_2020(int year)
{
    return year < 0      ? year
           : year < 70   ? year + 2000
           : year < 100  ? year + 1900
           : year < 520  ? year + 2000
           : year < 1000 ? year + 1000
                         : year;
}

static fly_status read_year(source *s, const part *p, const reader *r, read *t)
{
    int value;
    size_t used;
    if (p->id == F_Y_YYY) {
        int thousands;
        int rest;
        int n = 0;
        if (sscanf(s->at, "%9d,%03d%n", &thousands, &rest, &n) < 2) {
            return complain(s, "22007", "invalid input string for \"Y,YYY\"", NULL);
        }
        s->at += n;
        t->year_digits = 4;
        if (thousands > 2147482) {
            return complain(s, "22008", "value for \"Y,YYY\" in source string is out of range",
                            NULL);
        }
        return set_int(s, &t->year, thousands * 1000 + rest, p);
    }
    fly_status status = parse_int(s, p, r, p->digits, &value, &used);
    if (status != FLY_OK) {
        return status;
    }
    if (p->digits < 4 && used < 4) {
        value = near_2020(value);
    }
    t->year_digits = p->digits;
    return set_int(s, &t->year, value, p);
}

static fly_status read_fraction(source *s, const part *p, const reader *r, int *slot)
{
    static const int scale[] = {1, 100000, 10000, 1000, 100, 10, 1};
    int value;
    size_t used;
    size_t len = p->digits;
    fly_status status = parse_int(s, p, r, len, &value, &used);
    if (status != FLY_OK) {
        return status;
    }
    if (p->id == F_MS) {
        value *= used == 1 ? 100 : used == 2 ? 10 : 1;
    } else {
        value *= used <= 6 ? scale[used] : 1;
    }
    return set_int(s, slot, value, p);
}

static fly_status read_field(source *s, const part *p, const reader *r, read *t)
{
    static const char *const am_dots[] = {"A.M.", "P.M."};
    static const char *const am[] = {"AM", "PM"};
    static const char *const ad_dots[] = {"A.D.", "B.C."};
    static const char *const ad[] = {"AD", "BC"};
    static const char *const roman_order[] = {"XII", "XI", "X",  "IX",  "VIII", "VII",
                                              "VI",  "V",  "IV", "III", "II",   "I"};
    fly_status status = FLY_OK;
    int value = 0;
    if (p->locale) {
        return complain(s, "0A000", "template modifier \"TM\" is not supported when reading", NULL);
    }
    switch (p->id) {
    case F_IYYY:
    case F_IYY:
    case F_IY:
    case F_I:
    case F_IDDD:
    case F_ID:
    case F_IW:
        status = set_mode(s, t, 2);
        break;
    case F_DDD:
    case F_DD:
    case F_D:
    case F_MM:
    case F_MONTH:
    case F_MON:
    case F_RM:
    case F_WW:
    case F_W:
    case F_Y_YYY:
    case F_YYYY:
    case F_YYY:
    case F_YY:
    case F_Y:
        status = set_mode(s, t, 1);
        break;
    default:
        break;
    }
    if (status != FLY_OK) {
        return status;
    }
    switch (p->id) {
    case F_FX:
        t->fixed = true;
        return FLY_OK;
    case F_AM_DOTS:
    case F_AM:
        status = read_word(s, p, p->id == F_AM ? am : am_dots, 2, 0, &value);
        t->has_am = t->clock12 = true;
        t->pm = status == FLY_OK ? value : 0;
        return status;
    case F_AD_DOTS:
    case F_AD:
        status = read_word(s, p, p->id == F_AD ? ad : ad_dots, 2, 0, &value);
        t->bc = status == FLY_OK ? value : 0;
        return status;
    case F_HH24:
        return read_int(s, p, r, 2, &t->hh);
    case F_HH12:
        t->clock12 = true;
        return read_int(s, p, r, 2, &t->hh);
    case F_MI:
        return read_int(s, p, r, 2, &t->mi);
    case F_SS:
        return read_int(s, p, r, 2, &t->ss);
    case F_MS:
        return read_fraction(s, p, r, &t->ms);
    case F_FF:
    case F_US:
        return read_fraction(s, p, r, &t->us);
    case F_SSSS:
        return read_int(s, p, r, strlen(p->name), &t->ssss);
    case F_MONTH:
    case F_MON:
        status = read_word(s, p, months, 12, p->id == F_MON ? 3 : 0, &value);
        return status == FLY_OK ? set_int(s, &t->mm, value + 1, p) : status;
    case F_MM:
        return read_int(s, p, r, 2, &t->mm);
    case F_DAY:
    case F_DY:
        status = read_word(s, p, days, 7, p->id == F_DY ? 3 : 0, &value);
        return status == FLY_OK ? set_int(s, &t->d, value + 1, p) : status;
    case F_DDD:
    case F_IDDD:
        return read_int(s, p, r, 3, &t->ddd);
    case F_DD:
        return read_int(s, p, r, 2, &t->dd);
    case F_D:
        return read_int(s, p, r, 1, &t->d);
    case F_ID:
        status = read_int(s, p, r, 1, &t->d);
        if (status == FLY_OK && ++t->d > 7) {
            t->d = 1;
        }
        return status;
    case F_WW:
    case F_IW:
        return read_int(s, p, r, 2, &t->ww);
    case F_W:
        return read_int(s, p, r, 1, &t->w);
    case F_Q: {
        int ignored = 0;
        return read_int(s, p, r, 1, &ignored);
    }
    case F_CC:
        return read_int(s, p, r, 2, &t->cc);
    case F_J:
        return read_int(s, p, r, 1, &t->j);
    case F_RM:
        status = read_word(s, p, roman_order, 12, 0, &value);
        return status == FLY_OK ? set_int(s, &t->mm, 12 - value, p) : status;
    case F_TZH:
        /* A sign may be there; a field before has perhaps eaten a minus as its separator. */
        if (*s->at == '+' || *s->at == '-' || *s->at == ' ') {
            t->tz_sign = *s->at == '-' ? -1 : 1;
            s->at++;
        } else {
            t->tz_sign = s->at > s->text && s->at[-1] == '-' ? -1 : 1;
        }
        return read_int(s, p, r, 2, &t->tzh);
    case F_TZM:
        t->tz_sign = t->tz_sign == 0 ? 1 : t->tz_sign;
        return read_int(s, p, r, 2, &t->tzm);
    case F_TZ:
    case F_OF: {
        char message[100];
        char big[8];
        size_t n = strlen(p->name);
        for (size_t i = 0; i <= n; i++) {
            big[i] = upper(p->name[i]);
        }
        (void)snprintf(message, sizeof message,
                       "formatting field \"%s\" is only supported in to_char", big);
        return complain(s, "0A000", message, NULL);
    }
    default:
        return read_year(s, p, r, t);
    }
}

static fly_status read_template(source *s, read *t)
{
    static const uint8_t nothing[1] = {0};
    const uint8_t *at = s->format.len > 0 ? s->format.data : nothing;
    reader r = {at, at + s->format.len, false};
    int skipped = 0; /* spaces of the text beyond what the template asked for */
    bool first = true;
    for (part p = next_part(&r); p.kind != P_END && *s->at != '\0';
         p = next_part(&r), first = false) {
        bool field = p.kind == P_FIELD;
        if (!t->fixed && !(field && p.id == F_FX) && (field || first)) {
            for (; is_space(*s->at); s->at++) {
                skipped++;
            }
        }
        size_t len = *s->at == '\0' ? 0 : fly_vec_text_step((const uint8_t *)s->at, strlen(s->at));
        if (p.kind == P_SPACE || p.kind == P_SEPARATOR) {
            if (t->fixed) {
                s->at += len;
            } else {
                skipped--;
                if (is_space(*s->at) || is_separator((uint8_t)*s->at)) {
                    s->at++;
                    skipped++;
                }
            }
            continue;
        }
        if (p.kind == P_CHAR) {
            if (!t->fixed && skipped > 0) {
                skipped--;
            } else {
                s->at += len;
            }
            continue;
        }
        fly_status status = read_field(s, &p, &r, t);
        if (status != FLY_OK) {
            return status;
        }
        if (p.th != 0) {
            s->at += strlen(s->at) < 2 ? strlen(s->at) : 2;
        }
        if (!t->fixed && p.id != F_FX) {
            skipped = 0;
            for (; is_space(*s->at); s->at++) {
                skipped++;
            }
        }
    }
    return FLY_OK;
}

static fly_status range(source *s)
{
    return fly__vec_time_error_text(s->err, "22008", "date/time field value out of range: \"%s\"",
                                    fly_bytes_str(s->text));
}

/* The day of what was read, since 1970. */
static fly_status settle_date(source *s, read *t, int64_t *out)
{
    int64_t year = 0;
    int month = 1;
    int day = 1;
    bool dated = false;
    if (t->year != 0) {
        if (t->cc != 0 && t->year_digits <= 2) {
            int64_t cc = t->bc ? -t->cc : t->cc;
            int64_t rest = t->year % 100;
            if (rest != 0) {
                year = cc >= 0 ? (cc - 1) * 100 + rest : (cc + 1) * 100 - rest + 1;
            } else {
                year = cc * 100 + (cc < 0);
            }
        } else {
            year = t->bc ? -(int64_t)t->year : t->year;
            year += year < 0;
        }
    } else if (t->cc != 0) {
        int cc = t->bc ? -t->cc : t->cc;
        year = cc >= 0 ? ((int64_t)cc - 1) * 100 + 1 : (int64_t)cc * 100 + 1;
    }
    if (t->ww < 0 || t->ww > 1000 || t->w < 0 || t->w > 1000 || t->d < 0) {
        return range(s);
    }
    int64_t from = 0;
    if (t->j != 0) {
        from = (int64_t)t->j - JULIAN_1970;
        dated = true;
    }
    if (t->ww != 0) {
        if (t->mode == 2) {
            int64_t jan4 = fly_vec_civil_days((int32_t)year, 1, 4);
            int64_t monday = jan4 - (fly_vec_weekday(jan4) + 6) % 7 + ((int64_t)t->ww - 1) * 7;
            from = t->d != 0 ? monday + (t->d > 1 ? t->d - 2 : 6) : monday;
            dated = true;
        } else {
            t->ddd = (t->ww - 1) * 7 + 1;
        }
    }
    if (t->w != 0) {
        t->dd = (t->w - 1) * 7 + 1;
    }
    if (dated && t->dd == 0 && t->mm == 0 && t->ddd == 0) {
        *out = from;
        return FLY_OK;
    }
    if (dated) {
        fly_vec_civil c;
        fly_vec_days_civil(from, &c);
        year = c.year;
        month = c.month;
        day = c.day;
    }
    month = t->mm != 0 ? t->mm : month;
    day = t->dd != 0 ? t->dd : day;
    if (t->ddd != 0 && (t->mm == 0 || t->dd == 0)) {
        if (year == 0 && t->bc == 0 && t->year == 0) {
            return complain(s, "22007", "cannot calculate day of year without year information",
                            NULL);
        }
        if (t->mode == 2) {
            int64_t jan4 = fly_vec_civil_days((int32_t)year, 1, 4);
            *out = jan4 - (fly_vec_weekday(jan4) + 6) % 7 + t->ddd - 1;
            return FLY_OK;
        }
        if (t->ddd < 1 || t->ddd > 366) {
            return range(s);
        }
        *out = fly_vec_civil_days((int32_t)year, 1, 1) + t->ddd - 1;
        return FLY_OK;
    }
    if (month < 1 || month > 12 || day < 1 ||
        day > fly__vec_time_month_days((int32_t)year, month)) {
        return range(s);
    }
    *out = fly_vec_civil_days((int32_t)year, month, day);
    return FLY_OK;
}

static fly_status settle_time(source *s, read *t, int64_t *micros)
{
    if (t->ssss != 0) {
        t->hh = t->ssss / 3600;
        t->mi = t->ssss / 60 % 60;
        t->ss = t->ssss % 60;
    }
    if (t->clock12) {
        if (t->hh < 1 || t->hh > 12) {
            char message[100];
            (void)snprintf(message, sizeof message, "hour \"%d\" is invalid for the 12-hour clock",
                           t->hh);
            return complain(s, "22007", message,
                            "Use the 24-hour clock, or give an hour between 1 and 12.");
        }
        if (t->pm && t->hh < 12) {
            t->hh += 12;
        } else if (!t->pm && t->hh == 12) {
            t->hh = 0;
        }
    }
    if (t->hh < 0 || t->hh > 23 || t->mi < 0 || t->mi > 59 || t->ss < 0 || t->ss > 59) {
        return range(s);
    }
    int64_t fraction = (int64_t)t->ms * 1000 + t->us;
    *micros = t->hh * HOUR_MICROS + t->mi * MINUTE_MICROS + t->ss * SECOND_MICROS + fraction;
    return fraction < 0 || fraction >= SECOND_MICROS ? range(s) : FLY_OK;
}

static fly_status read_all(fly_bytes text, fly_bytes format, char *room, size_t size, source *s,
                           read *t, int64_t *day, int64_t *micros, fly_err *err)
{
    size_t n = text.len < size - 1 ? text.len : size - 1;
    if (n > 0) {
        memcpy(room, text.data, n);
    }
    room[n] = '\0';
    *s = (source){room, room, format, err};
    memset(t, 0, sizeof *t);
    fly_status status;
    if ((status = read_template(s, t)) != FLY_OK ||
        (status = settle_time(s, t, micros)) != FLY_OK) {
        return status;
    }
    return settle_date(s, t, day);
}

fly_status fly_vec_to_timestamp(fly_bytes text, fly_bytes format, const fly_vec_time_env *env,
                                int64_t *out, fly_err *err)
{
    char room[512];
    source s;
    read t;
    int64_t day;
    int64_t micros;
    fly_status status = read_all(text, format, room, sizeof room, &s, &t, &day, &micros, err);
    if (status != FLY_OK) {
        return status;
    }
    int64_t east;
    if (t.tz_sign != 0) {
        if (t.tzh < 0 || t.tzh > 15 || t.tzm < 0 || t.tzm > 59) {
            return fly__vec_time_error_text(err, "22009",
                                            "time zone displacement out of range: \"%s\"", text);
        }
        east = t.tz_sign * (t.tzh * 3600 + t.tzm * 60);
    } else {
        east = fly_vec_tz_local(env->zone, day * 86400 + micros / SECOND_MICROS);
    }
    return fly__vec_time_stamp(day, micros - east * SECOND_MICROS, out)
               ? FLY_OK
               : fly__vec_time_error(err, "22008", "timestamp out of range");
}

fly_status fly_vec_to_date(fly_bytes text, fly_bytes format, int32_t *out, fly_err *err)
{
    char room[512];
    source s;
    read t;
    int64_t day;
    int64_t micros;
    fly_status status = read_all(text, format, room, sizeof room, &s, &t, &day, &micros, err);
    if (status != FLY_OK) {
        return status;
    }
    if (day < DATE_MIN || day >= DATE_END) {
        return fly__vec_time_error_text(err, "22008", "date out of range: \"%s\"", text);
    }
    *out = (int32_t)day;
    return FLY_OK;
}
