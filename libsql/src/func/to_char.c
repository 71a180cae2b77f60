/*
 * to_char() of times, to_date() and to_timestamp(): patterns of words for the parts of a date.
 *
 * A pattern is read word by word, the longest that fits; FM before one leaves out padding, TH or th
 * behind one adds the ordinal's ending. What is no word stands for itself, as does what is in
 * double quotes.
 *
 * What is not here: patterns for numbers (to_number.c), TM (names in other languages), FX.
 */
#include "func/string_int.h"

#include <stdio.h>

/* What a time has for the words of a pattern. */
typedef struct parts {
    fly_vec_civil c;
    int64_t days; /* since 1970 */
    bool interval;
    bool zoned;
    fly_vec_tz_info zone;
} parts;

typedef enum word_kind {
    W_YEAR_4,
    W_YEAR_3,
    W_YEAR_2,
    W_YEAR_1,
    W_YEAR_COMMA,
    W_ISO_4,
    W_ISO_3,
    W_ISO_2,
    W_ISO_1,
    W_MONTH_NAME,
    W_MONTH_SHORT,
    W_MONTH,
    W_MONTH_ROMAN,
    W_DAY_NAME,
    W_DAY_SHORT,
    W_DAY,
    W_DAY_OF_YEAR,
    W_ISO_DAY_OF_YEAR,
    W_WEEKDAY,
    W_ISO_WEEKDAY,
    W_HOUR_24,
    W_HOUR_12,
    W_MINUTE,
    W_SECOND,
    W_MILLI,
    W_MICRO,
    W_FRACTION,
    W_SECONDS,
    W_MERIDIEM,
    W_MERIDIEM_DOTS,
    W_ERA,
    W_ERA_DOTS,
    W_WEEK,
    W_MONTH_WEEK,
    W_ISO_WEEK,
    W_CENTURY,
    W_JULIAN,
    W_QUARTER,
    W_ZONE,
    W_ZONE_HOUR,
    W_ZONE_MINUTE,
    W_OFFSET
} word_kind;

/* How letters are to be written: as the word is. */
enum { UPPER, LOWER, TITLE };

typedef struct entry {
    const char *text;
    uint8_t word;
    uint8_t letters;
    uint8_t digit; /* FF1 to FF6 */
} entry;

/* Longer words before those that begin them. Numbers' words go in any case. */
static const entry words[] = {
    {"SSSSS", W_SECONDS, 0, 0},
    {"SSSS", W_SECONDS, 0, 0},
    {"Y,YYY", W_YEAR_COMMA, 0, 0},
    {"YYYY", W_YEAR_4, 0, 0},
    {"YYY", W_YEAR_3, 0, 0},
    {"YY", W_YEAR_2, 0, 0},
    {"Y", W_YEAR_1, 0, 0},
    {"IYYY", W_ISO_4, 0, 0},
    {"IYY", W_ISO_3, 0, 0},
    {"IY", W_ISO_2, 0, 0},
    {"IDDD", W_ISO_DAY_OF_YEAR, 0, 0},
    {"ID", W_ISO_WEEKDAY, 0, 0},
    {"IW", W_ISO_WEEK, 0, 0},
    {"I", W_ISO_1, 0, 0},
    {"MONTH", W_MONTH_NAME, UPPER, 0},
    {"Month", W_MONTH_NAME, TITLE, 0},
    {"month", W_MONTH_NAME, LOWER, 0},
    {"MON", W_MONTH_SHORT, UPPER, 0},
    {"Mon", W_MONTH_SHORT, TITLE, 0},
    {"mon", W_MONTH_SHORT, LOWER, 0},
    {"MM", W_MONTH, 0, 0},
    {"MI", W_MINUTE, 0, 0},
    {"MS", W_MILLI, 0, 0},
    {"RM", W_MONTH_ROMAN, UPPER, 0},
    {"rm", W_MONTH_ROMAN, LOWER, 0},
    {"DAY", W_DAY_NAME, UPPER, 0},
    {"Day", W_DAY_NAME, TITLE, 0},
    {"day", W_DAY_NAME, LOWER, 0},
    {"DY", W_DAY_SHORT, UPPER, 0},
    {"Dy", W_DAY_SHORT, TITLE, 0},
    {"dy", W_DAY_SHORT, LOWER, 0},
    {"DDD", W_DAY_OF_YEAR, 0, 0},
    {"DD", W_DAY, 0, 0},
    {"D", W_WEEKDAY, 0, 0},
    {"HH24", W_HOUR_24, 0, 0},
    {"HH12", W_HOUR_12, 0, 0},
    {"HH", W_HOUR_12, 0, 0},
    {"SS", W_SECOND, 0, 0},
    {"US", W_MICRO, 0, 0},
    {"FF1", W_FRACTION, 0, 1},
    {"FF2", W_FRACTION, 0, 2},
    {"FF3", W_FRACTION, 0, 3},
    {"FF4", W_FRACTION, 0, 4},
    {"FF5", W_FRACTION, 0, 5},
    {"FF6", W_FRACTION, 0, 6},
    {"A.M.", W_MERIDIEM_DOTS, UPPER, 0},
    {"P.M.", W_MERIDIEM_DOTS, UPPER, 0},
    {"a.m.", W_MERIDIEM_DOTS, LOWER, 0},
    {"p.m.", W_MERIDIEM_DOTS, LOWER, 0},
    {"AM", W_MERIDIEM, UPPER, 0},
    {"PM", W_MERIDIEM, UPPER, 0},
    {"am", W_MERIDIEM, LOWER, 0},
    {"pm", W_MERIDIEM, LOWER, 0},
    {"B.C.", W_ERA_DOTS, UPPER, 0},
    {"A.D.", W_ERA_DOTS, UPPER, 0},
    {"b.c.", W_ERA_DOTS, LOWER, 0},
    {"a.d.", W_ERA_DOTS, LOWER, 0},
    {"BC", W_ERA, UPPER, 0},
    {"AD", W_ERA, UPPER, 0},
    {"bc", W_ERA, LOWER, 0},
    {"ad", W_ERA, LOWER, 0},
    {"WW", W_WEEK, 0, 0},
    {"W", W_MONTH_WEEK, 0, 0},
    {"CC", W_CENTURY, 0, 0},
    {"J", W_JULIAN, 0, 0},
    {"Q", W_QUARTER, 0, 0},
    {"TZH", W_ZONE_HOUR, 0, 0},
    {"TZM", W_ZONE_MINUTE, 0, 0},
    {"TZ", W_ZONE, UPPER, 0},
    {"tz", W_ZONE, LOWER, 0},
    {"OF", W_OFFSET, 0, 0},
};

static const char *const month_names[] = {"January",   "February", "March",    "April",
                                          "May",       "June",     "July",     "August",
                                          "September", "October",  "November", "December"};
static const char *const day_names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};
static const char *const romans[] = {"I",   "II",   "III", "IV", "V",  "VI",
                                     "VII", "VIII", "IX",  "X",  "XI", "XII"};

static uint8_t upper(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c;
}

/* Words whose letters show in the result are matched by case; others in any. */
static bool by_case(uint8_t word)
{
    switch (word) {
    case W_MONTH_NAME:
    case W_MONTH_SHORT:
    case W_MONTH_ROMAN:
    case W_DAY_NAME:
    case W_DAY_SHORT:
    case W_MERIDIEM:
    case W_MERIDIEM_DOTS:
    case W_ERA:
    case W_ERA_DOTS:
    case W_ZONE:
        return true;
    default:
        return false;
    }
}

static const entry *find_word(fly_bytes pattern, size_t at, bool any_case)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i].text);
        bool same = pattern.len - at >= len;
        for (size_t k = 0; k < len && same; k++) {
            uint8_t a = pattern.data[at + k];
            uint8_t b = (uint8_t)words[i].text[k];
            same = by_case(words[i].word) && !any_case ? a == b : upper(a) == upper(b);
        }
        if (same) {
            return &words[i];
        }
    }
    return NULL;
}

/* Whether "FM" stands at a place. */
static bool is_fm(fly_bytes pattern, size_t at)
{
    return pattern.len - at >= 2 && upper(pattern.data[at]) == 'F' &&
           upper(pattern.data[at + 1]) == 'M';
}

/* ------------------------------------------------------------------------ writing */

static void put_letters(fly_sql_text *text, const char *name, uint8_t letters, int width)
{
    int len = 0;
    for (; name[len] != '\0'; len++) {
        char c = name[len];
        if (letters == UPPER) {
            c = (char)upper((uint8_t)c);
        } else if (letters == LOWER && c >= 'A' && c <= 'Z') {
            c = (char)(c + 32);
        }
        fly__sql_text_add(text, &c, 1);
    }
    for (; len < width; len++) {
        fly__sql_text_put(text, " ");
    }
}

static void put_number(fly_sql_text *text, int64_t number, int width, bool fm)
{
    char out[32];
    int len = fm ? snprintf(out, sizeof out, "%" PRId64, number)
                 : snprintf(out, sizeof out, "%0*" PRId64, number < 0 ? width + 1 : width, number);
    fly__sql_text_add(text, out, (size_t)len);
}

/* st, nd, rd, th of the number that was written last. */
static void put_ordinal(fly_sql_text *text, bool lower)
{
    char last = text->len > 0 ? text->data[text->len - 1] : '0';
    bool teen = text->len > 1 && text->data[text->len - 2] == '1';
    const char *ending = teen          ? "TH"
                         : last == '1' ? "ST"
                         : last == '2' ? "ND"
                         : last == '3' ? "RD"
                                       : "TH";
    put_letters(text, ending, lower ? LOWER : UPPER, 0);
}

/* The year as it is written: 1 BC is 1. */
static int32_t shown_year(const parts *p)
{
    return p->interval || p->c.year > 0 ? p->c.year : 1 - p->c.year;
}

static int day_of_year(const parts *p)
{
    return (int)(p->days - fly_vec_civil_days(p->c.year, 1, 1)) + 1;
}

static int iso_weekday(const parts *p)
{
    int day = fly_vec_weekday(p->days);
    return day == 0 ? 7 : day;
}

static void put_zone_hour(fly_sql_text *text, const parts *p)
{
    int32_t east = p->zone.east;
    char out[16];
    int len =
        snprintf(out, sizeof out, "%c%02d", east < 0 ? '-' : '+', (east < 0 ? -east : east) / 3600);
    fly__sql_text_add(text, out, (size_t)len);
}

static int zone_minute(const parts *p)
{
    return (p->zone.east < 0 ? -p->zone.east : p->zone.east) % 3600 / 60;
}

static void put_text_word(fly_sql_text *text, const parts *p, const entry *e, bool fm)
{
    int month = p->c.month >= 1 && p->c.month <= 12 ? p->c.month - 1 : 0;
    int weekday = fly_vec_weekday(p->days);
    bool late = p->c.hour % 24 >= 12;
    bool bc = p->c.year <= 0 && !p->interval;
    char small[4];
    switch (e->word) {
    case W_MONTH_NAME:
        put_letters(text, month_names[month], e->letters, fm ? 0 : 9);
        break;
    case W_MONTH_SHORT:
        snprintf(small, sizeof small, "%.3s", month_names[month]);
        put_letters(text, small, e->letters, 0);
        break;
    case W_MONTH_ROMAN:
        put_letters(text, romans[month], e->letters, fm ? 0 : 4);
        break;
    case W_DAY_NAME:
        put_letters(text, day_names[weekday], e->letters, fm ? 0 : 9);
        break;
    case W_DAY_SHORT:
        snprintf(small, sizeof small, "%.3s", day_names[weekday]);
        put_letters(text, small, e->letters, 0);
        break;
    case W_MERIDIEM:
        put_letters(text, late ? "PM" : "AM", e->letters, 0);
        break;
    case W_MERIDIEM_DOTS:
        put_letters(text, late ? "P.M." : "A.M.", e->letters, 0);
        break;
    case W_ERA:
        put_letters(text, bc ? "BC" : "AD", e->letters, 0);
        break;
    case W_ERA_DOTS:
        put_letters(text, bc ? "B.C." : "A.D.", e->letters, 0);
        break;
    case W_ZONE:
        put_letters(text, p->zoned ? p->zone.abbrev : "", e->letters, 0);
        break;
    case W_ZONE_HOUR:
        put_zone_hour(text, p);
        break;
    case W_OFFSET:
        put_zone_hour(text, p);
        if (zone_minute(p) != 0) {
            fly__sql_text_put(text, ":");
            put_number(text, zone_minute(p), 2, false);
        }
        break;
    default:
        break;
    }
}

/* The number that a word stands for, and its width; false: it is no number. */
static bool number_of(const parts *p, const entry *e, int64_t *number, int *width)
{
    static const int64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    int32_t iso_year = 0;
    int64_t year = shown_year(p);
    *width = 2;
    switch (e->word) {
    case W_YEAR_4:
        *width = 4;
        *number = year;
        return true;
    case W_YEAR_3:
        *width = 3;
        *number = year % 1000;
        return true;
    case W_YEAR_2:
        *number = year % 100;
        return true;
    case W_YEAR_1:
        *width = 1;
        *number = year % 10;
        return true;
    case W_ISO_4:
    case W_ISO_3:
    case W_ISO_2:
    case W_ISO_1:
        (void)fly_vec_iso_week(p->days, &iso_year);
        *width = e->word == W_ISO_4 ? 4 : e->word == W_ISO_3 ? 3 : e->word == W_ISO_2 ? 2 : 1;
        *number = (iso_year > 0 ? iso_year : 1 - iso_year) %
                  (*width == 4 ? 1000000 : powers[*width]);
        return true;
    case W_MONTH:
        *number = p->c.month;
        return true;
    case W_DAY:
        *number = p->c.day;
        return true;
    case W_DAY_OF_YEAR:
        *width = 3;
        *number = p->interval ? (int64_t)p->c.year * 365 + p->c.month * 30 + p->c.day
                              : day_of_year(p);
        return true;
    case W_ISO_DAY_OF_YEAR:
        *width = 3;
        *number = (fly_vec_iso_week(p->days, &iso_year) - 1) * 7 + iso_weekday(p);
        return true;
    case W_WEEKDAY:
        *width = 1;
        *number = fly_vec_weekday(p->days) + 1;
        return true;
    case W_ISO_WEEKDAY:
        *width = 1;
        *number = iso_weekday(p);
        return true;
    case W_HOUR_24:
        *number = p->c.hour;
        return true;
    case W_HOUR_12:
        *number = p->c.hour % 12 == 0 ? 12 : p->c.hour % 12;
        return true;
    case W_MINUTE:
        *number = p->c.minute;
        return true;
    case W_SECOND:
        *number = p->c.second;
        return true;
    case W_MILLI:
        *width = 3;
        *number = p->c.micros / 1000;
        return true;
    case W_MICRO:
        *width = 6;
        *number = p->c.micros;
        return true;
    case W_FRACTION:
        *width = e->digit;
        *number = p->c.micros / powers[6 - e->digit];
        return true;
    case W_SECONDS:
        *width = 1;
        *number = ((int64_t)p->c.hour * 60 + p->c.minute) * 60 + p->c.second;
        return true;
    case W_WEEK:
        *number = (day_of_year(p) - 1) / 7 + 1;
        return true;
    case W_MONTH_WEEK:
        *width = 1;
        *number = (p->c.day - 1) / 7 + 1;
        return true;
    case W_ISO_WEEK:
        *number = fly_vec_iso_week(p->days, &iso_year);
        return true;
    case W_CENTURY:
        *number = p->interval     ? p->c.year / 100
                  : p->c.year > 0 ? (p->c.year - 1) / 100 + 1
                                  : p->c.year / 100 - 1;
        return true;
    case W_JULIAN:
        *width = 1;
        *number = p->days + 2440588;
        return true;
    case W_QUARTER:
        *width = 1;
        *number = (p->c.month - 1) / 3 + 1;
        return true;
    case W_ZONE_MINUTE:
        *number = zone_minute(p);
        return true;
    default:
        return false;
    }
}

static void put_word(fly_sql_text *text, const parts *p, const entry *e, bool fm)
{
    int64_t number;
    int width;
    if (e->word == W_YEAR_COMMA) {
        int32_t year = shown_year(p);
        char out[24];
        int len = snprintf(out, sizeof out, "%d,%03d", year / 1000, year % 1000);
        fly__sql_text_add(text, out, (size_t)len);
    } else if (number_of(p, e, &number, &width)) {
        /* The fraction of a second is digits, not a number: FM takes none away. */
        bool fraction = e->word == W_MILLI || e->word == W_MICRO || e->word == W_FRACTION;
        put_number(text, number, width, fm && !fraction);
    } else {
        put_text_word(text, p, e, fm);
    }
}

/* Characters that stand for themselves, up to the closing quote if they are in quotes. */
static void put_plain(fly_sql_text *text, fly_bytes pattern, size_t *at)
{
    uint8_t c = pattern.data[*at];
    if (c == '"') {
        for ((*at)++; *at < pattern.len && pattern.data[*at] != '"'; (*at)++) {
            *at += pattern.data[*at] == '\\' && *at + 1 < pattern.len;
            fly__sql_text_add(text, (const char *)pattern.data + *at, 1);
        }
        *at += *at < pattern.len;
        return;
    }
    if (c == '\\' && *at + 1 < pattern.len && pattern.data[*at + 1] == '"') {
        (*at)++;
    }
    fly__sql_text_add(text, (const char *)pattern.data + *at, 1);
    (*at)++;
}

static fly_status write_time(fly__sql_call *call, const parts *p, fly_bytes pattern,
                             fly_vec_value *result)
{
    fly_sql_text text = {.arena = call->arena};
    size_t at = 0;
    while (at < pattern.len) {
        bool fm = is_fm(pattern, at);
        size_t word_at = at + (fm ? 2 : 0);
        const entry *e = word_at < pattern.len ? find_word(pattern, word_at, false) : NULL;
        if (e == NULL) {
            if (fm) {
                at += 2;
            } else {
                put_plain(&text, pattern, &at);
            }
            continue;
        }
        put_word(&text, p, e, fm);
        at = word_at + strlen(e->text);
        if (pattern.len - at >= 2 &&
            (memcmp(pattern.data + at, "TH", 2) == 0 || memcmp(pattern.data + at, "th", 2) == 0)) {
            put_ordinal(&text, pattern.data[at] == 't');
            at += 2;
        }
    }
    return fly__sql_give_text(call, &text, result);
}

static bool infinite(int64_t timestamp)
{
    return timestamp == FLY_VEC_TIMESTAMP_INFINITY || timestamp == FLY_VEC_TIMESTAMP_MINUS_INFINITY;
}

static void take_apart(int64_t local, parts *p)
{
    fly_vec_timestamp_civil(local, &p->c);
    p->days = fly_vec_civil_days(p->c.year, p->c.month, p->c.day);
}

ROW(to_char_timestamp)
{
    parts p = {0};
    if (args[1].str.len == 0 || infinite(args[0].i64)) {
        return give_null(result);
    }
    take_apart(args[0].i64, &p);
    return write_time(call, &p, arg_bytes(&args[1]), result);
}

ROW(to_char_timestamptz)
{
    parts p = {.zoned = true};
    const fly_vec_tz *zone = call->session != NULL ? call->session->time_zone : NULL;
    int64_t local = 0;
    if (args[1].str.len == 0 || infinite(args[0].i64)) {
        return give_null(result);
    }
    fly_status status = fly_vec_timestamp_to_local(args[0].i64, zone, &local, call->err);
    if (status != FLY_OK) {
        return status;
    }
    int64_t micros = args[0].i64;
    fly_vec_tz_at(zone, micros / 1000000 - (micros % 1000000 < 0), &p.zone);
    take_apart(local, &p);
    return write_time(call, &p, arg_bytes(&args[1]), result);
}

ROW(to_char_interval)
{
    fly_vec_interval x = args[0].interval;
    if (args[1].str.len == 0) {
        return give_null(result);
    }
    int64_t seconds = x.micros / 1000000;
    parts p = {.interval = true,
               .c = {.year = x.months / 12,
                     .month = x.months % 12,
                     .day = x.days,
                     .hour = (int32_t)(seconds / 3600),
                     .minute = (int32_t)(seconds / 60 % 60),
                     .second = (int32_t)(seconds % 60),
                     .micros = (int32_t)(x.micros % 1000000)}};
    return write_time(call, &p, arg_bytes(&args[1]), result);
}

/* ------------------------------------------------------------------------ reading */

/* What was read; -1: nothing. */
typedef struct reading {
    fly_bytes text;
    size_t at;
    int64_t year, month, day, day_of_year, julian;
    int64_t iso_year, iso_week, weekday;
    int64_t week, month_week, century, quarter;
    int64_t hour, minute, second, micros, seconds;
    bool hour_12, pm, am, bc, has_year;
    int year_digits;
    bool has_zone;
    int32_t east;
} reading;

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static fly_status bad_value(fly__sql_call *call, const reading *r, const char *what)
{
    fly_bytes rest = fly_bytes_of(r->text.data + r->at, r->text.len - r->at);
    FAIL(call, "22007", "invalid value \"%.*s\" for \"%s\"", (int)(rest.len < 40 ? rest.len : 40),
         (const char *)rest.data, what);
    if (rest.len == 0 || !is_digit(rest.data[0])) {
        fly_err_detail(call->err, "Value must be an integer.");
    }
    return FLY_E_INVALID;
}

/* Read up to `most` digits. */
static fly_status read_number(fly__sql_call *call, reading *r, const char *what, int most,
                              int64_t *number, int *digits)
{
    int count = 0;
    int64_t value = 0;
    bool negative = false;
    while (r->at < r->text.len && is_space(r->text.data[r->at])) {
        r->at++;
    }
    if (r->at < r->text.len && (r->text.data[r->at] == '-' || r->text.data[r->at] == '+')) {
        negative = r->text.data[r->at] == '-';
        r->at++;
    }
    size_t from = r->at;
    while (count < most && r->at < r->text.len && is_digit(r->text.data[r->at])) {
        value = value * 10 + (r->text.data[r->at++] - '0');
        count++;
    }
    if (count == 0) {
        r->at = from;
        return bad_value(call, r, what);
    }
    *number = negative ? -value : value;
    *digits = count;
    return FLY_OK;
}

/* One of a list of names, whole or its first three letters, in any case; its place. */
static int read_name(reading *r, const char *const *names, int count, bool whole)
{
    for (int i = 0; i < count; i++) {
        size_t len = whole ? strlen(names[i]) : 3;
        bool same = r->text.len - r->at >= len;
        for (size_t k = 0; k < len && same; k++) {
            same = upper(r->text.data[r->at + k]) == upper((uint8_t)names[i][k]);
        }
        if (same) {
            r->at += len;
            return i;
        }
    }
    return -1;
}

static bool read_either(reading *r, const char *first, const char *second, bool *is_first)
{
    const char *const names[] = {first, second};
    int found = read_name(r, names, 2, true);
    *is_first = found == 0;
    return found >= 0;
}

/* A year of fewer than four digits is near 2020. */
static int64_t full_year(int64_t year, int digits)
{
    if (digits == 2) {
        return year < 70 ? year + 2000 : year + 1900;
    }
    if (digits == 3) {
        return year < 100 ? year + 2000 : year < 520 ? year + 2000 : year + 1000;
    }
    return digits == 1 ? year + 2000 : year;
}

static fly_status read_word(fly__sql_call *call, reading *r, const entry *e, bool fixed)
{
    int digits = 0;
    int64_t n = 0;
    int most = 0;
    bool first;
    int name;
    switch (e->word) {
    case W_YEAR_4:
    case W_ISO_4:
        most = fixed ? 4 : 9;
        break;
    case W_YEAR_3:
    case W_ISO_3:
    case W_DAY_OF_YEAR:
    case W_ISO_DAY_OF_YEAR:
    case W_MILLI:
        most = 3;
        break;
    case W_YEAR_1:
    case W_ISO_1:
    case W_WEEKDAY:
    case W_ISO_WEEKDAY:
    case W_MONTH_WEEK:
    case W_QUARTER:
        most = 1;
        break;
    case W_MICRO:
        most = 6;
        break;
    case W_FRACTION:
        most = e->digit;
        break;
    case W_SECONDS:
        most = 5;
        break;
    case W_JULIAN:
        most = 9;
        break;
    case W_MONTH_NAME:
    case W_MONTH_SHORT:
        name = read_name(r, month_names, 12, e->word == W_MONTH_NAME);
        if (name < 0) {
            return bad_value(call, r, e->text);
        }
        r->month = name + 1;
        return FLY_OK;
    case W_DAY_NAME:
    case W_DAY_SHORT:
        name = read_name(r, day_names, 7, e->word == W_DAY_NAME);
        return name < 0 ? bad_value(call, r, e->text) : FLY_OK;
    case W_MONTH_ROMAN:
        for (name = 11; name >= 0; name--) {
            size_t len = strlen(romans[name]);
            const char *const one[] = {romans[name]};
            if (r->text.len - r->at >= len && read_name(r, one, 1, true) == 0) {
                r->month = name + 1;
                return FLY_OK;
            }
        }
        return bad_value(call, r, e->text);
    case W_MERIDIEM:
    case W_MERIDIEM_DOTS:
        if (!(e->word == W_MERIDIEM ? read_either(r, "AM", "PM", &first)
                                    : read_either(r, "A.M.", "P.M.", &first))) {
            return bad_value(call, r, e->text);
        }
        r->am = first;
        r->pm = !first;
        return FLY_OK;
    case W_ERA:
    case W_ERA_DOTS:
        if (!(e->word == W_ERA ? read_either(r, "BC", "AD", &first)
                               : read_either(r, "B.C.", "A.D.", &first))) {
            return bad_value(call, r, e->text);
        }
        r->bc = first;
        return FLY_OK;
    case W_YEAR_COMMA: {
        int64_t thousands;
        fly_status status = read_number(call, r, e->text, 6, &thousands, &digits);
        if (status == FLY_OK && r->at < r->text.len && r->text.data[r->at] == ',') {
            r->at++;
            status = read_number(call, r, e->text, 3, &n, &digits);
        }
        r->year = thousands * 1000 + n;
        r->has_year = true;
        return status;
    }
    case W_ZONE_HOUR: {
        bool west = r->at < r->text.len && r->text.data[r->at] == '-';
        fly_status status = read_number(call, r, e->text, 2, &n, &digits);
        r->has_zone = true;
        r->east = (int32_t)(n < 0 ? -n : n) * 3600;
        r->east = west ? -r->east : r->east;
        return status;
    }
    case W_ZONE_MINUTE: {
        fly_status status = read_number(call, r, e->text, 2, &n, &digits);
        r->has_zone = true;
        r->east += (int32_t)(r->east < 0 ? -n * 60 : n * 60);
        return status;
    }
    case W_ZONE:
    case W_OFFSET:
        return FAIL(call, "0A000", "formatting field \"%s\" is only supported in to_char", e->text);
    default:
        most = 2;
    }
    fly_status status = read_number(call, r, e->text, most, &n, &digits);
    if (status != FLY_OK) {
        return status;
    }
    static const int64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    switch (e->word) {
    case W_YEAR_4:
        r->year = digits < 4 && n >= 0 && digits == 2 ? full_year(n, 2) : n;
        r->has_year = true;
        break;
    case W_YEAR_3:
    case W_YEAR_2:
    case W_YEAR_1:
        r->year = full_year(n, e->word == W_YEAR_3 ? 3 : e->word == W_YEAR_2 ? 2 : 1);
        r->has_year = true;
        break;
    case W_ISO_4:
        r->iso_year = n;
        break;
    case W_ISO_3:
    case W_ISO_2:
    case W_ISO_1:
        r->iso_year = full_year(n, e->word == W_ISO_3 ? 3 : e->word == W_ISO_2 ? 2 : 1);
        break;
    case W_MONTH:
        r->month = n;
        break;
    case W_DAY:
        r->day = n;
        break;
    case W_DAY_OF_YEAR:
        r->day_of_year = n;
        break;
    case W_ISO_WEEKDAY:
        r->weekday = n;
        break;
    case W_ISO_WEEK:
        r->iso_week = n;
        break;
    case W_WEEK:
        r->week = n;
        break;
    case W_MONTH_WEEK:
        r->month_week = n;
        break;
    case W_CENTURY:
        r->century = n;
        break;
    case W_JULIAN:
        r->julian = n;
        break;
    case W_HOUR_24:
        r->hour = n;
        break;
    case W_HOUR_12:
        r->hour = n;
        r->hour_12 = true;
        break;
    case W_MINUTE:
        r->minute = n;
        break;
    case W_SECOND:
        r->second = n;
        break;
    case W_MILLI:
        r->micros = n * powers[3 - digits] * 1000;
        break;
    case W_MICRO:
    case W_FRACTION:
        r->micros = n * powers[6 - digits];
        break;
    case W_SECONDS:
        r->seconds = n;
        break;
    default:
        break;
    }
    return FLY_OK;
}

static fly_status read_time(fly__sql_call *call, fly_bytes pattern, reading *r)
{
    size_t at = 0;
    while (at < pattern.len) {
        at += is_fm(pattern, at) ? 2u : 0u;
        if (at >= pattern.len) {
            break;
        }
        const entry *e = find_word(pattern, at, true);
        if (e == NULL) {
            /* Separators in the pattern match any number of blanks and one separator. */
            uint8_t c = pattern.data[at];
            if (c == '"') {
                for (at++; at < pattern.len && pattern.data[at] != '"'; at++) {
                    r->at += r->at < r->text.len;
                }
                at += at < pattern.len;
                continue;
            }
            at++;
            while (r->at < r->text.len && is_space(r->text.data[r->at])) {
                r->at++;
            }
            bool separator = r->at < r->text.len && strchr("-/.,;:", r->text.data[r->at]) != NULL;
            bool letter = (upper(c) >= 'A' && upper(c) <= 'Z');
            if (r->at < r->text.len && (separator || letter) && !is_space(c)) {
                r->at++;
            }
            continue;
        }
        if (r->at >= r->text.len) {
            break;
        }
        size_t next = at + strlen(e->text);
        bool fixed = next < pattern.len && find_word(pattern, next, true) != NULL;
        while (r->at < r->text.len && is_space(r->text.data[r->at])) {
            r->at++;
        }
        fly_status status = read_word(call, r, e, fixed);
        if (status != FLY_OK) {
            return status;
        }
        at = next;
        if (pattern.len - at >= 2 && upper(pattern.data[at]) == 'T' &&
            upper(pattern.data[at + 1]) == 'H') {
            at += 2;
            r->at += r->text.len - r->at >= 2 ? 2 : 0;
        }
    }
    return FLY_OK;
}

static fly_status field_out_of_range(fly__sql_call *call, const reading *r)
{
    return FAIL(call, "22008", "date/time field value out of range: \"%.*s\"",
                (int)(r->text.len < 100 ? r->text.len : 100), (const char *)r->text.data);
}

/* The day that was read. */
static fly_status day_of(fly__sql_call *call, const reading *r, int64_t *days)
{
    if (r->julian >= 0) {
        *days = r->julian - 2440588;
        return FLY_OK;
    }
    int64_t year = r->has_year ? r->year : 1;
    if (r->century >= 0) {
        year = r->has_year ? (r->century - 1) * 100 + year % 100 : (r->century - 1) * 100 + 1;
    }
    if (r->bc) {
        year = year > 0 ? 1 - year : year;
    } else if (!r->has_year && r->century < 0 && r->iso_year < 0) {
        year = 0; /* no year at all is 1 BC */
    }
    if (year < -4713 || year > 5874897) {
        return field_out_of_range(call, r);
    }
    if (r->iso_year >= 0 || r->iso_week >= 0) {
        int64_t of = r->iso_year >= 0 ? r->iso_year : year;
        int64_t fourth = fly_vec_civil_days((int32_t)of, 1, 4);
        int weekday = fly_vec_weekday(fourth);
        int64_t monday = fourth - (weekday == 0 ? 6 : weekday - 1);
        *days = monday + (r->iso_week > 0 ? r->iso_week - 1 : 0) * 7 +
                (r->weekday > 0 ? r->weekday - 1 : 0);
        return FLY_OK;
    }
    if (r->day_of_year > 0 || r->week > 0) {
        int64_t day = r->day_of_year > 0 ? r->day_of_year : (r->week - 1) * 7 + 1;
        *days = fly_vec_civil_days((int32_t)year, 1, 1) + day - 1;
        return day > 366 ? field_out_of_range(call, r) : FLY_OK;
    }
    int64_t month = r->month >= 0 ? r->month : 1;
    int64_t day = r->day >= 0 ? r->day : r->month_week > 0 ? (r->month_week - 1) * 7 + 1 : 1;
    if (month < 1 || month > 12 || day < 1 || day > 31) {
        return field_out_of_range(call, r);
    }
    *days = fly_vec_civil_days((int32_t)year, (int32_t)month, (int32_t)day);
    fly_vec_civil back;
    fly_vec_days_civil(*days, &back);
    return back.month != month ? field_out_of_range(call, r) : FLY_OK;
}

static fly_status read_all(fly__sql_call *call, const fly_vec_value *args, reading *r,
                           int64_t *days, int64_t *micros)
{
    *r = (reading){.text = arg_bytes(&args[0]),
                   .month = -1,
                   .day = -1,
                   .julian = -1,
                   .iso_year = -1,
                   .iso_week = -1,
                   .century = -1,
                   .seconds = -1};
    fly_status status = read_time(call, arg_bytes(&args[1]), r);
    if (status == FLY_OK) {
        status = day_of(call, r, days);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (r->hour_12 && (r->hour < 1 || r->hour > 12)) {
        FAIL(call, "22007", "hour \"%d\" is invalid for the 12-hour clock", (int)r->hour);
        fly_err_hint(call->err, "Use the 24-hour clock, or give an hour between 1 and 12.");
        return FLY_E_INVALID;
    }
    if (r->pm && r->hour < 12) {
        r->hour += 12;
    } else if (r->am && r->hour == 12) {
        r->hour = 0;
    }
    if (r->seconds >= 0) {
        r->hour = r->seconds / 3600;
        r->minute = r->seconds / 60 % 60;
        r->second = r->seconds % 60;
    }
    if (r->hour < 0 || r->hour > 23 || r->minute < 0 || r->minute > 59 || r->second < 0 ||
        r->second > 59) {
        return field_out_of_range(call, r);
    }
    *micros = ((r->hour * 60 + r->minute) * 60 + r->second) * 1000000 + r->micros;
    return FLY_OK;
}

ROW(to_date)
{
    reading r;
    int64_t days = 0;
    int64_t micros;
    fly_status status = read_all(call, args, &r, &days, &micros);
    return status != FLY_OK ? status : give_i32(result, (int32_t)days);
}

ROW(to_timestamp)
{
    reading r;
    int64_t days = 0;
    int64_t micros = 0;
    int64_t local;
    int64_t utc = 0;
    fly_status status = read_all(call, args, &r, &days, &micros);
    if (status != FLY_OK) {
        return status;
    }
    if (__builtin_mul_overflow(days, FLY_VEC_DAY_MICROS, &local) ||
        __builtin_add_overflow(local, micros, &local)) {
        return FAIL(call, "22008", "timestamp out of range");
    }
    if (r.has_zone) {
        return give_i64(result, local - (int64_t)r.east * 1000000);
    }
    status = fly_vec_timestamp_to_utc(
        local, call->session != NULL ? call->session->time_zone : NULL, &utc, call->err);
    return status != FLY_OK ? status : give_i64(result, utc);
}
