/*
 * Dates and times out of text, in all the ways that PostgreSQL reads them.
 *
 * First the text is cut into fields by their looks: a number, a date with its separators, a time with
 * colons, a word, a signed number (a zone, perhaps). Then the fields are given meanings from left to
 * right: what is set already decides what the next number can be, and nothing may be set twice. The
 * order of day, month and year is the session's, unless the year has three digits or more or the month
 * is a word.
 *
 *     "Jan 8, 1999 4:05:06 PM PST"
 *      WORD NUMBER NUMBER TIME WORD WORD
 *      month day   year   time pm   zone
 *
 * What is not here: intervals (time_interval.c) and templates (to_char.c).
 * @source PostgreSQL documentation, appendix B, "Date/Time Support".
 */
#include "time_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 25, TEXT = 150 };

typedef enum looks { NUMBER, WORD, DATE, TIME, ZONE, SPECIAL } looks;

typedef struct field {
    looks looks;
    char *text; /* lower case where it is a word; ends in a zero byte */
} field;

/* What has been set, as bits. */
enum {
    YEAR = 1,
    MONTH = 2,
    DAY = 4,
    HOURS = 8, /* hour, minute and second together */
    TZ = 16,
    DTZMOD = 32,
    DOY = 64,
    AMPM = 128,
    ADBC = 256,
    DOW = 512,
    RESERVED = 1024,
    YMD = YEAR | MONTH | DAY
};

typedef enum trouble { GOOD, BAD_FORMAT, OVERFLOW, MD_OVERFLOW, ZONE_OVERFLOW, NO_ZONE } trouble;

typedef enum result { IS_DATE, IS_EPOCH, IS_LATE, IS_EARLY } result;

typedef struct state {
    const fly_vec_time_env *env;
    fly_vec_civil at;
    int yday;
    int second60; /* 60 is read as a second and spills over */
    unsigned set;
    bool text_month;
    bool two_digits; /* of the year */
    bool julian;
    bool bc;
    int half; /* 0: 24 hours; 1: am; 2: pm */
    bool zone_known;
    int32_t east;
    int dst_shift;
    bool dst_mod;
    const fly_vec_tz *named;
    const fly__vec_abbrev *abbrev; /* whose offset depends on the date */
    result result;
    fly_bytes bad_zone;
} state;

/* ----------------------------------------------------------------------- words */

enum word_kind {
    W_MONTH = 1,
    W_DOW,
    W_AMPM,
    W_ADBC,
    W_IGNORE,
    W_DTZMOD,
    W_NOW,
    W_TODAY,
    W_ZULU,
    W_EPOCH,
    W_LATE,
    W_EARLY,
    W_JULIAN,
    W_UNIT,
    W_T
};

static const struct {
    const char *text;
    uint8_t kind;
    int16_t value;
} words[] = {{"-infinity", W_EARLY, 0}, {"ad", W_ADBC, 0},         {"allballs", W_ZULU, 0},
             {"am", W_AMPM, 1},         {"apr", W_MONTH, 4},       {"april", W_MONTH, 4},
             {"at", W_IGNORE, 0},       {"aug", W_MONTH, 8},       {"august", W_MONTH, 8},
             {"bc", W_ADBC, 1},         {"d", W_UNIT, 0},          {"dec", W_MONTH, 12},
             {"december", W_MONTH, 12}, {"dow", W_UNIT, 0},        {"doy", W_UNIT, 0},
             {"dst", W_DTZMOD, 0},      {"epoch", W_EPOCH, 0},     {"feb", W_MONTH, 2},
             {"february", W_MONTH, 2},  {"fri", W_DOW, 5},         {"friday", W_DOW, 5},
             {"h", W_UNIT, 0},          {"infinity", W_LATE, 0},   {"isodow", W_UNIT, 0},
             {"isoyear", W_UNIT, 0},    {"j", W_JULIAN, 0},        {"jan", W_MONTH, 1},
             {"january", W_MONTH, 1},   {"jd", W_JULIAN, 0},       {"jul", W_MONTH, 7},
             {"julian", W_JULIAN, 0},   {"july", W_MONTH, 7},      {"jun", W_MONTH, 6},
             {"june", W_MONTH, 6},      {"m", W_UNIT, 0},          {"mar", W_MONTH, 3},
             {"march", W_MONTH, 3},     {"may", W_MONTH, 5},       {"mm", W_UNIT, 0},
             {"mon", W_DOW, 1},         {"monday", W_DOW, 1},      {"nov", W_MONTH, 11},
             {"november", W_MONTH, 11}, {"now", W_NOW, 0},         {"oct", W_MONTH, 10},
             {"october", W_MONTH, 10},  {"on", W_IGNORE, 0},       {"pm", W_AMPM, 2},
             {"s", W_UNIT, 0},          {"sat", W_DOW, 6},         {"saturday", W_DOW, 6},
             {"sep", W_MONTH, 9},       {"sept", W_MONTH, 9},      {"september", W_MONTH, 9},
             {"sun", W_DOW, 0},         {"sunday", W_DOW, 0},      {"t", W_T, 0},
             {"thu", W_DOW, 4},         {"thur", W_DOW, 4},        {"thurs", W_DOW, 4},
             {"thursday", W_DOW, 4},    {"today", W_TODAY, 0},     {"tomorrow", W_TODAY, 1},
             {"tue", W_DOW, 2},         {"tues", W_DOW, 2},        {"tuesday", W_DOW, 2},
             {"wed", W_DOW, 3},         {"wednesday", W_DOW, 3},   {"weds", W_DOW, 3},
             {"y", W_UNIT, 0},          {"yesterday", W_TODAY, -1}};

static int find_word(const char *text, int *value)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].text, text) == 0) {
            *value = words[i].value;
            return words[i].kind;
        }
    }
    return 0;
}

/* ------------------------------------------------------------- cutting into fields */

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) != 0;
}

static bool is_alnum(int c)
{
    return is_digit(c) || is_alpha(c);
}

static bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static char lower(int c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

typedef struct cutter {
    const uint8_t *at, *end;
    char *to, *room_end;
} cutter;

static int peek(const cutter *c)
{
    return c->at < c->end ? *c->at : 0;
}

static void take(cutter *c)
{
    if (c->to < c->room_end) {
        *c->to++ = lower(*c->at);
    }
    c->at++;
}

static void take_while(cutter *c, bool (*is)(int), const char *also)
{
    while (c->at < c->end && (is(*c->at) || (*c->at != 0 && strchr(also, *c->at) != NULL))) {
        take(c);
    }
}

static looks cut_number(cutter *c)
{
    take_while(c, is_digit, "");
    if (peek(c) == ':') {
        take_while(c, is_digit, ":.");
        return TIME;
    }
    int delimiter = peek(c);
    if (delimiter != '-' && delimiter != '/' && delimiter != '.') {
        return NUMBER;
    }
    char also[2] = {(char)delimiter, '\0'};
    take(c);
    if (is_digit(peek(c))) {
        looks kind = delimiter == '.' ? NUMBER : DATE;
        take_while(c, is_digit, "");
        if (peek(c) == delimiter) {
            kind = DATE;
            take_while(c, is_digit, also);
        }
        return kind;
    }
    take_while(c, is_alnum, also);
    return DATE;
}

static looks cut_word(cutter *c, char *begin)
{
    int value;
    take_while(c, is_alpha, "");
    int next = peek(c);
    bool date = next == '-' || next == '/' || next == '.';
    if (next == '+' || is_digit(next)) {
        *c->to = '\0';
        date = find_word(begin, &value) == 0;
    }
    if (!date) {
        return WORD;
    }
    take_while(c, is_alnum, "+-/_.:");
    return DATE;
}

/* Returns how many fields there are, or -1. */
static int cut_fields(fly_bytes text, char *room, size_t size, field *fields)
{
    cutter c = {text.data, text.data + text.len, room, room + size - 1};
    int n = 0;
    while (c.at < c.end) {
        int first = *c.at;
        char *begin = c.to;
        looks kind;
        if (is_space(first)) {
            c.at++;
            continue;
        }
        if (is_digit(first)) {
            kind = cut_number(&c);
        } else if (first == '.') {
            take(&c);
            take_while(&c, is_digit, "");
            kind = NUMBER;
        } else if (is_alpha(first)) {
            kind = cut_word(&c, begin);
        } else if (first == '+' || first == '-') {
            take(&c);
            while (is_space(peek(&c))) {
                c.at++;
            }
            if (is_digit(peek(&c))) {
                kind = ZONE;
                take_while(&c, is_digit, ":.-");
            } else if (is_alpha(peek(&c))) {
                kind = SPECIAL;
                take_while(&c, is_alpha, "");
            } else {
                return -1;
            }
        } else if (first > ' ' && first < 127) {
            c.at++; /* other punctuation only separates */
            continue;
        } else {
            return -1;
        }
        if (n == FIELDS || c.to >= c.room_end) {
            return -1;
        }
        *c.to++ = '\0';
        fields[n++] = (field){kind, begin};
    }
    return n;
}

/* --------------------------------------------------------------- numbers and dates */

static bool read_number(const char *text, const char **end, int64_t *out)
{
    int64_t x = 0;
    const char *at = text;
    for (; is_digit(*at); at++) {
        x = x * 10 + (*at - '0');
        if (x > INT32_MAX) {
            return false;
        }
    }
    *end = at;
    *out = x;
    return true;
}

/* ".123" in microseconds, rounded. */
static trouble fraction(const char *text, int32_t *micros)
{
    char *end;
    if (!is_digit(text[1]) && text[1] != '\0') {
        return BAD_FORMAT;
    }
    double x = strtod(text, &end);
    if (text[1] == '\0') {
        *micros = 0;
        return GOOD;
    }
    *micros = (int32_t)rint(x * 1000000.0);
    return *end == '\0' ? GOOD : BAD_FORMAT;
}

static int two(const char *at)
{
    return (at[0] - '0') * 10 + (at[1] - '0');
}

/* Digits without separators: a date (yyyymmdd, yymmdd) or a time (hhmmss, hhmm). */
static trouble run_together(state *s, const char *text, unsigned have, unsigned *set)
{
    const char *point = strchr(text, '.');
    size_t len = point != NULL ? (size_t)(point - text) : strlen(text);
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i])) {
            return BAD_FORMAT;
        }
    }
    if (point != NULL) {
        trouble bad = fraction(point, &s->at.micros);
        if (bad != GOOD) {
            return bad;
        }
    } else if ((have & YMD) != YMD && len >= 6) {
        char year[TEXT];
        int64_t value;
        const char *end;
        memcpy(year, text, len - 4);
        year[len - 4] = '\0';
        if (!read_number(year, &end, &value)) {
            return OVERFLOW;
        }
        *set = YMD;
        s->at.year = (int32_t)value;
        s->at.month = two(text + len - 4);
        s->at.day = two(text + len - 2);
        s->two_digits = len == 6;
        return GOOD;
    }
    if ((have & HOURS) == 0 && (len == 6 || len == 4)) {
        *set = HOURS;
        s->at.hour = two(text);
        s->at.minute = two(text + 2);
        s->at.second = len == 6 ? two(text + 4) : 0;
        return GOOD;
    }
    return BAD_FORMAT;
}

/* A number by itself: year, month, day by what is set already and by the session's order. */
static trouble number(state *s, const char *text, unsigned have, unsigned *set)
{
    int64_t value;
    const char *end;
    size_t len = strlen(text);
    *set = 0;
    if (!read_number(text, &end, &value)) {
        return OVERFLOW;
    }
    if (end == text) {
        return BAD_FORMAT;
    }
    if (*end == '.') {
        if (end - text > 2) {
            return run_together(s, text, have | YMD, set);
        }
        trouble bad = fraction(end, &s->at.micros);
        if (bad != GOOD) {
            return bad;
        }
    } else if (*end != '\0') {
        return BAD_FORMAT;
    }
    if (len == 3 && (have & YMD) == YEAR && value >= 1 && value <= 366) {
        *set = DOY | MONTH | DAY;
        s->yday = (int)value;
        return GOOD;
    }
    fly_vec_date_order order = s->env->date_order;
    bool long_year = len >= 3 || order == FLY_VEC_ORDER_YMD;
    switch (have & YMD) {
    case 0:
        *set = long_year ? YEAR : order == FLY_VEC_ORDER_DMY ? DAY : MONTH;
        break;
    case YEAR:
        *set = MONTH;
        break;
    case MONTH:
        *set = s->text_month && long_year ? YEAR : DAY;
        break;
    case YEAR | MONTH:
        if (s->text_month && len >= 3 && s->two_digits) {
            /* What looked like a year was the day. */
            *set = DAY;
            s->at.day = s->at.year;
            s->at.year = (int32_t)value;
            s->two_digits = false;
            return GOOD;
        }
        *set = DAY;
        break;
    case DAY:
        *set = MONTH;
        break;
    case MONTH | DAY:
        *set = YEAR;
        break;
    case YMD:
        return run_together(s, text, have, set);
    default:
        return BAD_FORMAT;
    }
    if (*set == YEAR) {
        s->at.year = (int32_t)value;
        s->two_digits = len <= 2;
    } else if (*set == MONTH) {
        s->at.month = (int32_t)value;
    } else {
        s->at.day = (int32_t)value;
    }
    return GOOD;
}

/* A date with separators: words first, as they are months for sure, then the numbers. */
static trouble date(state *s, char *text, unsigned have, unsigned *set)
{
    char *parts[FIELDS];
    int n = 0;
    int value;
    *set = 0;
    while (*text != '\0' && n < FIELDS) {
        while (*text != '\0' && !is_alnum(*text)) {
            text++;
        }
        if (*text == '\0') {
            return BAD_FORMAT;
        }
        parts[n++] = text;
        bool digits = is_digit(*text);
        while (digits ? is_digit(*text) : is_alpha(*text)) {
            text++;
        }
        if (*text != '\0') {
            *text++ = '\0';
        }
    }
    for (int i = 0; i < n; i++) {
        if (!is_alpha(parts[i][0])) {
            continue;
        }
        int kind = find_word(parts[i], &value);
        if (kind == W_IGNORE) {
            parts[i] = NULL;
            continue;
        }
        if (kind != W_MONTH || (have & MONTH)) {
            return BAD_FORMAT;
        }
        s->at.month = value;
        s->text_month = true;
        have |= MONTH;
        *set |= MONTH;
        parts[i] = NULL;
    }
    for (int i = 0; i < n; i++) {
        unsigned one;
        if (parts[i] == NULL) {
            continue;
        }
        trouble bad = number(s, parts[i], have, &one);
        if (bad != GOOD) {
            return bad;
        }
        if (have & one) {
            return BAD_FORMAT;
        }
        have |= one;
        *set |= one;
    }
    return (have & ~(unsigned)(DOY | TZ)) == YMD ? GOOD : BAD_FORMAT;
}

/* hh:mm[:ss[.ffffff]], or mm:ss.ffffff */
static trouble time_field(state *s, const char *text)
{
    int64_t a;
    int64_t b;
    int64_t c;
    const char *end;
    if (!read_number(text, &end, &a)) {
        return OVERFLOW;
    }
    if (*end != ':') {
        return BAD_FORMAT;
    }
    if (!read_number(end + 1, &end, &b)) {
        return OVERFLOW;
    }
    s->at.micros = 0;
    if (*end == '\0') {
        c = 0;
    } else if (*end == '.') {
        trouble bad = fraction(end, &s->at.micros);
        if (bad != GOOD) {
            return bad;
        }
        c = b;
        b = a;
        a = 0;
    } else if (*end == ':') {
        if (!read_number(end + 1, &end, &c)) {
            return OVERFLOW;
        }
        if (*end == '.') {
            trouble bad = fraction(end, &s->at.micros);
            if (bad != GOOD) {
                return bad;
            }
        } else if (*end != '\0') {
            return BAD_FORMAT;
        }
    } else {
        return BAD_FORMAT;
    }
    if (b > 59 || c > 60 || a > INT32_MAX) {
        return OVERFLOW;
    }
    s->at.hour = (int32_t)a;
    s->at.minute = (int32_t)b;
    s->at.second = (int32_t)c;
    return GOOD;
}

static bool time_overflows(const fly_vec_civil *c)
{
    if (c->hour < 0 || c->hour > 24 || c->minute < 0 || c->minute > 59 || c->second < 0 ||
        c->second > 60 || c->micros < 0 || c->micros > 1000000) {
        return true;
    }
    int64_t total = (c->hour * INT64_C(60) + c->minute) * MINUTE_MICROS +
                    c->second * SECOND_MICROS + c->micros;
    return total > DAY_MICROS;
}

static trouble zone_field(state *s, const char *text)
{
    const char *sqlstate = fly__vec_time_offset(text, &s->east);
    if (sqlstate != NULL) {
        return strcmp(sqlstate, "22009") == 0 ? ZONE_OVERFLOW : BAD_FORMAT;
    }
    s->zone_known = true;
    return GOOD;
}

static bool find_zone(state *s, const char *name)
{
    static const char *const utc[] = {"utc", "gmt", "etc/utc", "etc/gmt"};
    if (s->env->find_zone != NULL &&
        s->env->find_zone(s->env->ctx, fly_bytes_str(name), &s->named) == FLY_OK) {
        return true;
    }
    for (int i = 0; i < 4; i++) {
        if (strcmp(name, utc[i]) == 0) {
            s->zone_known = true;
            s->east = 0;
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------- the meanings */

static void local_now(const state *s, int64_t *local, int32_t *east)
{
    fly_vec_tz_info info;
    fly_vec_tz_at(s->env->zone, fly__vec_time_floor(s->env->now, SECOND_MICROS), &info);
    *local = s->env->now + info.east * SECOND_MICROS;
    *east = info.east;
}

/* A word. `*prefix` becomes the kind of word that says what the next number is. */
static trouble word(state *s, const char *text, unsigned *set, int *prefix, bool next_is_time,
                    bool time_only)
{
    int value = 0;
    const fly__vec_abbrev *abbrev = fly__vec_abbrev_find(text);
    *set = 0;
    if (abbrev != NULL) {
        *set = TZ;
        if (abbrev->zone != NULL) {
            s->abbrev = abbrev;
        } else {
            s->zone_known = true;
            s->east = abbrev->east;
        }
        return GOOD;
    }
    int64_t local;
    int32_t east;
    int kind = find_word(text, &value);
    if (time_only && (kind == W_MONTH || kind == W_DOW || kind == W_TODAY)) {
        return BAD_FORMAT;
    }
    switch (kind) {
    case W_IGNORE:
        return GOOD;
    case W_NOW:
        local_now(s, &local, &east);
        s->result = IS_DATE;
        if (time_only) {
            fly_vec_civil c;
            fly_vec_timestamp_civil(local, &c);
            s->at.hour = c.hour;
            s->at.minute = c.minute;
            s->at.second = c.second;
            s->at.micros = c.micros;
            *set = HOURS;
            return GOOD;
        }
        fly_vec_timestamp_civil(local, &s->at);
        s->julian = true; /* the year may be what it likes */
        s->zone_known = true;
        s->east = east;
        *set = YMD | HOURS | TZ;
        return GOOD;
    case W_TODAY: {
        fly_vec_civil c;
        local_now(s, &local, &east);
        fly_vec_days_civil(fly__vec_time_floor(local, DAY_MICROS) + value, &c);
        s->at.year = c.year;
        s->at.month = c.month;
        s->at.day = c.day;
        s->julian = true;
        *set = YMD;
        return GOOD;
    }
    case W_ZULU:
        s->at.hour = s->at.minute = s->at.second = 0;
        s->zone_known = true;
        s->east = 0;
        *set = HOURS | TZ;
        return GOOD;
    case W_EPOCH:
        s->result = IS_EPOCH;
        *set = RESERVED;
        return GOOD;
    case W_LATE:
        s->result = IS_LATE;
        *set = RESERVED;
        return GOOD;
    case W_EARLY:
        s->result = IS_EARLY;
        *set = RESERVED;
        return GOOD;
    case W_MONTH:
        *set = MONTH;
        /* A number that was taken for the month is the day then. */
        if ((s->set & MONTH) && !s->text_month && !(s->set & DAY) && s->at.month >= 1 &&
            s->at.month <= 31) {
            s->at.day = s->at.month;
            *set = DAY;
        }
        s->text_month = true;
        s->at.month = value;
        return GOOD;
    case W_DTZMOD:
        *set = DTZMOD;
        s->dst_mod = true;
        s->dst_shift = 3600;
        return GOOD;
    case W_AMPM:
        *set = AMPM;
        s->half = value;
        return GOOD;
    case W_ADBC:
        *set = ADBC;
        s->bc = value == 1;
        return GOOD;
    case W_DOW:
        *set = DOW;
        return GOOD;
    case W_JULIAN:
        if (*prefix != 0) {
            return BAD_FORMAT;
        }
        *prefix = W_JULIAN;
        return GOOD;
    case W_UNIT:
        if (*prefix != 0) {
            return BAD_FORMAT;
        }
        *prefix = W_UNIT;
        return GOOD;
    case W_T:
        if (!next_is_time || *prefix != 0) {
            return BAD_FORMAT;
        }
        *prefix = W_T;
        return GOOD;
    default:
        if (!find_zone(s, text)) {
            return BAD_FORMAT;
        }
        *set = TZ;
        return GOOD;
    }
}

/* "J2451187", also with a fraction or a zone behind it. */
static trouble julian(state *s, const char *text, unsigned *set)
{
    int64_t value;
    const char *end;
    if (!read_number(text, &end, &value)) {
        return OVERFLOW;
    }
    fly_vec_days_civil(value - JULIAN_1970, &s->at);
    s->julian = true;
    *set = YMD;
    if (*end == '.') {
        double part = strtod(end, NULL);
        int64_t micros = (int64_t)(part * (double)DAY_MICROS);
        s->at.hour = (int32_t)(micros / HOUR_MICROS);
        s->at.minute = (int32_t)(micros / MINUTE_MICROS % 60);
        s->at.second = (int32_t)(micros / SECOND_MICROS % 60);
        s->at.micros = (int32_t)(micros % SECOND_MICROS);
        *set |= HOURS;
    } else if (*end != '\0') {
        *set |= HOURS | TZ;
        return zone_field(s, end);
    }
    return GOOD;
}

/* A run-together time with a zone behind it, "040506-08", or a zone's name, "america/new_york". */
static trouble late_date(state *s, char *text, unsigned *set, int *prefix)
{
    if (!is_digit(text[0]) && *prefix == 0) {
        *set = TZ;
        if (!find_zone(s, text)) {
            s->bad_zone = fly_bytes_str(text);
            return NO_ZONE;
        }
        return GOOD;
    }
    if (*prefix != 0 && *prefix != W_T) {
        return BAD_FORMAT;
    }
    *prefix = 0;
    char *zone = strchr(text, '-');
    if ((s->set & HOURS) || zone == NULL) {
        return BAD_FORMAT;
    }
    trouble bad = zone_field(s, zone);
    if (bad != GOOD) {
        return bad;
    }
    *zone = '\0';
    bad = run_together(s, text, s->set, set);
    *set |= TZ;
    return bad;
}

static trouble number_field(state *s, char *text, unsigned *set, int *prefix, bool time_only)
{
    if (*prefix == W_JULIAN) {
        *prefix = 0;
        return julian(s, text, set);
    }
    if (*prefix == W_T) {
        *prefix = 0;
        trouble bad = run_together(s, text, s->set | YMD, set);
        return bad == GOOD && *set != HOURS ? BAD_FORMAT : bad;
    }
    if (*prefix != 0) {
        return BAD_FORMAT;
    }
    const char *point = strchr(text, '.');
    size_t len = strlen(text);
    if (time_only) {
        if (point != NULL && point - text <= 2) {
            return BAD_FORMAT;
        }
        return point != NULL || len > 4 ? run_together(s, text, s->set | YMD, set)
                                        : number(s, text, s->set | YMD, set);
    }
    if (point != NULL && !(s->set & YMD)) {
        return date(s, text, s->set, set);
    }
    if ((point != NULL && point - text > 2) ||
        (len >= 6 && (!(s->set & YMD) || !(s->set & HOURS)))) {
        return run_together(s, text, s->set, set);
    }
    return number(s, text, s->set, set);
}

static trouble validate(state *s)
{
    fly_vec_civil *c = &s->at;
    if (s->set & YEAR) {
        if (s->julian) {
            /* as it is */
        } else if (s->bc) {
            if (c->year <= 0) {
                return OVERFLOW;
            }
            c->year = -(c->year - 1);
        } else if (s->two_digits) {
            c->year += c->year < 70 ? 2000 : c->year < 100 ? 1900 : 0;
        } else if (c->year <= 0) {
            return OVERFLOW;
        }
    }
    if (s->set & DOY) {
        int64_t days = fly_vec_civil_days(c->year, 1, 1) + s->yday - 1;
        fly_vec_civil day;
        fly_vec_days_civil(days, &day);
        c->year = day.year;
        c->month = day.month;
        c->day = day.day;
    }
    if ((s->set & MONTH) && (c->month < 1 || c->month > 12)) {
        return MD_OVERFLOW;
    }
    if ((s->set & DAY) && (c->day < 1 || c->day > 31)) {
        return MD_OVERFLOW;
    }
    if ((s->set & YMD) == YMD && c->day > fly__vec_time_month_days(c->year, c->month)) {
        return OVERFLOW;
    }
    return GOOD;
}

/* The offset, once the date is known. */
static trouble settle_zone(state *s)
{
    int64_t days = fly_vec_civil_days(s->at.year, s->at.month, s->at.day);
    int64_t local = days * 86400 + s->at.hour * 3600 + s->at.minute * 60 + s->at.second;
    if (s->named != NULL) {
        if (s->dst_mod) {
            return BAD_FORMAT;
        }
        s->east = fly_vec_tz_local(s->named, local);
    } else if (s->abbrev != NULL) {
        const fly_vec_tz *tz = NULL;
        if (s->env->find_zone == NULL ||
            s->env->find_zone(s->env->ctx, fly_bytes_str(s->abbrev->zone), &tz) != FLY_OK) {
            s->bad_zone = fly_bytes_str(s->abbrev->zone);
            return NO_ZONE;
        }
        if (!fly__vec_tz_abbrev(tz, s->abbrev->name, local, &s->east)) {
            s->east = fly_vec_tz_local(tz, local);
        }
    } else if (!s->zone_known) {
        s->east = fly_vec_tz_local(s->env->zone, local);
    }
    s->east += s->dst_shift;
    s->zone_known = true;
    return GOOD;
}

static trouble decode(state *s, field *fields, int n, bool time_only)
{
    int prefix = 0;
    for (int i = 0; i < n; i++) {
        unsigned set = 0;
        char *text = fields[i].text;
        trouble bad;
        switch (fields[i].looks) {
        case DATE:
            if (prefix == W_JULIAN) {
                prefix = 0;
                bad = julian(s, text, &set);
            } else if (time_only) {
                /* A date may come first, if what follows shows that it is one. */
                bool dated = i == 0 && n >= 2 &&
                             (fields[n - 1].looks == DATE || fields[1].looks == TIME);
                bad = dated ? date(s, text, s->set, &set) : late_date(s, text, &set, &prefix);
            } else if (prefix != 0 || (s->set & (MONTH | DAY)) == (MONTH | DAY)) {
                bad = late_date(s, text, &set, &prefix);
            } else {
                bad = date(s, text, s->set, &set);
            }
            break;
        case TIME:
            if (prefix != 0 && prefix != W_T) {
                return BAD_FORMAT;
            }
            prefix = 0;
            bad = time_field(s, text);
            set = HOURS;
            if (bad == GOOD && time_overflows(&s->at)) {
                bad = OVERFLOW;
            }
            break;
        case ZONE:
            bad = zone_field(s, text);
            set = TZ;
            break;
        case NUMBER:
            bad = number_field(s, text, &set, &prefix, time_only);
            break;
        default: {
            bool next = i + 1 < n && (fields[i + 1].looks == NUMBER ||
                                      fields[i + 1].looks == TIME || fields[i + 1].looks == DATE);
            bool dated = (s->set & YMD) == YMD || time_only;
            bad = word(s, text, &set, &prefix, next && dated, time_only);
            break;
        }
        }
        if (bad != GOOD) {
            return bad;
        }
        if (set & s->set) {
            return BAD_FORMAT;
        }
        s->set |= set;
    }
    if (prefix != 0) {
        return BAD_FORMAT;
    }
    if (s->result != IS_DATE) {
        return GOOD;
    }
    trouble bad = validate(s);
    if (bad != GOOD) {
        return bad;
    }
    if (s->half != 0 && s->at.hour > 12) {
        return OVERFLOW;
    }
    if (s->half == 1 && s->at.hour == 12) {
        s->at.hour = 0;
    } else if (s->half == 2 && s->at.hour != 12) {
        s->at.hour += 12;
    }
    if (time_only ? (s->set & HOURS) == 0 : (s->set & YMD) != YMD) {
        return BAD_FORMAT;
    }
    if (time_overflows(&s->at)) {
        return OVERFLOW;
    }
    return GOOD;
}

static fly_status complain(trouble bad, const state *s, const char *type, fly_bytes text,
                           fly_err *err)
{
    fly_status status;
    switch (bad) {
    case OVERFLOW:
        return fly__vec_time_error_text(err, "22008", "date/time field value out of range: \"%s\"",
                                        text);
    case MD_OVERFLOW:
        status = fly__vec_time_error_text(err, "22008",
                                          "date/time field value out of range: \"%s\"", text);
        if (err != NULL) {
            fly_err_hint(err, "Perhaps you need a different \"datestyle\" setting.");
        }
        return status;
    case ZONE_OVERFLOW:
        return fly__vec_time_error_text(err, "22009", "time zone displacement out of range: \"%s\"",
                                        text);
    case NO_ZONE:
        return fly__vec_time_error_text(err, "22023", "time zone \"%s\" not recognized",
                                        s->bad_zone);
    default: {
        char format[80] = "invalid input syntax for type ";
        strncat(format, type, 40);
        strncat(format, ": \"%s\"", 8);
        return fly__vec_time_error_text(err, "22007", format, text);
    }
    }
}

/* Everything up to the zone. `room` keeps the fields' texts. */
static fly_status read_text(state *s, fly_bytes text, const char *type, bool time_only,
                            const fly_vec_time_env *env, char *room, fly_err *err)
{
    field fields[FIELDS];
    memset(s, 0, sizeof *s);
    s->env = env;
    int n = cut_fields(text, room, TEXT, fields);
    trouble bad = n <= 0 ? BAD_FORMAT : decode(s, fields, n, time_only);
    if (bad == GOOD && s->result == IS_DATE && !time_only) {
        bad = settle_zone(s);
    }
    return bad == GOOD ? FLY_OK : complain(bad, s, type, text, err);
}

static int64_t of_day(const fly_vec_civil *c)
{
    return c->hour * HOUR_MICROS + c->minute * MINUTE_MICROS + c->second * SECOND_MICROS +
           c->micros;
}

fly_status fly_vec_date_parse(fly_bytes text, const fly_vec_time_env *env, int32_t *out,
                              fly_err *err)
{
    state s;
    char room[TEXT];
    fly_status status = read_text(&s, text, "date", false, env, room, err);
    if (status != FLY_OK) {
        return status;
    }
    if (s.result != IS_DATE) {
        *out = s.result == IS_EPOCH ? 0 : s.result == IS_LATE ? INT32_MAX : INT32_MIN;
        return FLY_OK;
    }
    int64_t days = fly_vec_civil_days(s.at.year, s.at.month, s.at.day);
    if (days < DATE_MIN || days >= DATE_END) {
        return fly__vec_time_error_text(err, "22008", "date out of range: \"%s\"", text);
    }
    *out = (int32_t)days;
    return FLY_OK;
}

static fly_status read_stamp(fly_bytes text, const char *type, bool zoned,
                             const fly_vec_time_env *env, int64_t *out, fly_err *err)
{
    state s;
    char room[TEXT];
    fly_status status = read_text(&s, text, type, false, env, room, err);
    if (status != FLY_OK) {
        return status;
    }
    if (s.result != IS_DATE) {
        *out = s.result == IS_EPOCH ? 0 : s.result == IS_LATE ? INT64_MAX : INT64_MIN;
        return FLY_OK;
    }
    int64_t days = fly_vec_civil_days(s.at.year, s.at.month, s.at.day);
    int64_t micros = of_day(&s.at) - (zoned ? s.east * SECOND_MICROS : 0);
    if (!fly__vec_time_stamp(days, micros, out)) {
        return fly__vec_time_error_text(err, "22008", "timestamp out of range: \"%s\"", text);
    }
    return FLY_OK;
}

fly_status fly_vec_timestamp_parse(fly_bytes text, const fly_vec_time_env *env, int64_t *out,
                                   fly_err *err)
{
    return read_stamp(text, "timestamp", false, env, out, err);
}

fly_status fly_vec_timestamptz_parse(fly_bytes text, const fly_vec_time_env *env, int64_t *out,
                                     fly_err *err)
{
    return read_stamp(text, "timestamp with time zone", true, env, out, err);
}

/* A zone without a date takes today's offset; a zone whose offset depends on the date needs one. */
static fly_status read_time(fly_bytes text, const char *type, const fly_vec_time_env *env,
                            fly_vec_timetz *out, fly_err *err)
{
    state s;
    char room[TEXT];
    fly_status status = read_text(&s, text, type, true, env, room, err);
    if (status != FLY_OK) {
        return status;
    }
    if (s.result != IS_DATE) {
        return complain(BAD_FORMAT, &s, type, text, err);
    }
    if ((s.set & YMD) != YMD) {
        if (s.named != NULL && !fly__vec_tz_constant(s.named, &s.east)) {
            return complain(BAD_FORMAT, &s, type, text, err);
        }
        int64_t local;
        int32_t east;
        fly_vec_civil today;
        local_now(&s, &local, &east);
        fly_vec_timestamp_civil(local, &today);
        s.at.year = today.year;
        s.at.month = today.month;
        s.at.day = today.day;
    }
    trouble bad = settle_zone(&s);
    if (bad != GOOD) {
        return complain(bad, &s, type, text, err);
    }
    out->micros = of_day(&s.at);
    out->west = -s.east;
    return FLY_OK;
}

fly_status fly_vec_time_parse(fly_bytes text, const fly_vec_time_env *env, int64_t *out,
                              fly_err *err)
{
    fly_vec_timetz t;
    fly_status status = read_time(text, "time", env, &t, err);
    if (status == FLY_OK) {
        *out = t.micros;
    }
    return status;
}

fly_status fly_vec_timetz_parse(fly_bytes text, const fly_vec_time_env *env, fly_vec_timetz *out,
                                fly_err *err)
{
    return read_time(text, "time with time zone", env, out, err);
}

/* ------------------------------------------------------------------ AT TIME ZONE */

fly_status fly_vec_zone_offset(fly_bytes zone, int64_t micros, bool local,
                               const fly_vec_time_env *env, int32_t *east, fly_err *err)
{
    char word[128];
    state s;
    size_t n = zone.len < sizeof word - 1 ? zone.len : sizeof word - 1;
    for (size_t i = 0; i < n; i++) {
        word[i] = lower(zone.data[i]);
    }
    word[n] = '\0';
    memset(&s, 0, sizeof s);
    s.env = env;
    int64_t seconds = fly__vec_time_floor(micros, SECOND_MICROS);
    const fly__vec_abbrev *abbrev = fly__vec_abbrev_find(word);
    if (abbrev != NULL && abbrev->zone == NULL) {
        *east = abbrev->east;
        return FLY_OK;
    }
    if (!find_zone(&s, abbrev != NULL ? abbrev->zone : word)) {
        (void)fly__vec_time_error_text(err, "22023", "time zone \"%s\" not recognized", zone);
        return FLY_E_INVALID;
    }
    if (s.named == NULL) {
        *east = 0;
        return FLY_OK;
    }
    if (abbrev != NULL && fly__vec_tz_abbrev(s.named, word, seconds, east)) {
        return FLY_OK;
    }
    if (local) {
        *east = fly_vec_tz_local(s.named, seconds);
    } else {
        fly_vec_tz_info info;
        fly_vec_tz_at(s.named, seconds, &info);
        *east = info.east;
    }
    return FLY_OK;
}

fly_status fly_vec_zone_offset_interval(fly_vec_interval zone, int32_t *east, fly_err *err)
{
    if (zone.months != 0 || zone.days != 0) {
        fly_vec_time_env env;
        char text[FLY_VEC_TIME_TEXT];
        memset(&env, 0, sizeof env);
        size_t n = fly_vec_interval_format(zone, &env, text);
        return fly__vec_time_error_text(err, "22023",
                                        "interval time zone \"%s\" must not include months or days",
                                        fly_bytes_of(text, n));
    }
    *east = (int32_t)(zone.micros / SECOND_MICROS);
    return FLY_OK;
}
