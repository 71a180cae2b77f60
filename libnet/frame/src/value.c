/*
 * Values as text.
 *
 * Dates by the arithmetic of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013): years
 * that begin in March, eras of 400 years. A double is written with the fewest digits that give it back.
 */
#include "frame_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DAY_SECONDS = 86400 };
#define SECOND INT64_C(1000000)
#define DAY (DAY_SECONDS * SECOND)

size_t fly_frame_value_room(const fly_frame_value *value)
{
    return value->kind == FLY_FRAME_V_BYTES && value->bytes.len > FLY_FRAME_ROOM / 4
               ? 2 * value->bytes.len + 3
               : FLY_FRAME_ROOM;
}

static fly_bytes int_text(int64_t value, char *room)
{
    return fly_bytes_of(room, (size_t)snprintf(room, FLY_FRAME_ROOM, "%" PRId64, value));
}

/* The locale may have a comma where numbers of SQL have a point. */
static fly_bytes double_text(double value, char *room)
{
    if (value - value != 0) {
        return fly_bytes_str(value > 0 ? "Infinity" : value < 0 ? "-Infinity" : "NaN");
    }
    int len = 0;
    for (int digits = 15; digits <= 17; digits++) {
        len = snprintf(room, FLY_FRAME_ROOM, "%.*g", digits, value);
        double back = strtod(room, NULL);
        if (back == value) {
            break;
        }
    }
    for (int i = 0; i < len; i++) {
        if (strchr("0123456789+-e", room[i]) == NULL) {
            room[i] = '.';
        }
    }
    return fly_bytes_of(room, (size_t)len);
}

static fly_bytes decimal_text(int64_t value, uint8_t scale, char *room)
{
    char digits[24];
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    int len = snprintf(digits, sizeof digits, "%0*" PRIu64, scale + 1, size);
    int whole = len - scale;
    int made = snprintf(room, FLY_FRAME_ROOM, "%s%.*s%s%s", value < 0 ? "-" : "", whole, digits,
                        scale > 0 ? "." : "", digits + whole);
    return fly_bytes_of(room, (size_t)made);
}

static fly_bytes hex_text(fly_bytes bytes, char *room)
{
    char *to = room;
    *to++ = '\\';
    *to++ = 'x';
    for (size_t i = 0; i < bytes.len; i++) {
        *to++ = "0123456789abcdef"[bytes.data[i] >> 4];
        *to++ = "0123456789abcdef"[bytes.data[i] & 15];
    }
    return fly_bytes_of(room, (size_t)(to - room));
}

static fly_bytes uuid_text(fly_bytes bytes, char *room)
{
    char *to = room;
    for (size_t i = 0; i < bytes.len; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *to++ = '-';
        }
        *to++ = "0123456789abcdef"[bytes.data[i] >> 4];
        *to++ = "0123456789abcdef"[bytes.data[i] & 15];
    }
    return fly_bytes_of(room, (size_t)(to - room));
}

/* ---------------------------------------------------------------------- time */

/* Rounded down, as the remainder is never negative. */
static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

/* "2024-02-29"; whether the year is before Christ. */
static size_t put_date(int64_t days, char *to, bool *before)
{
    /* Any 64 bits may come: keep the arithmetic below from overflowing. */
    const int64_t far = INT64_C(1) << 50;
    days = days > far ? far : days < -far ? -far : days;
    days += 719468; /* from the first of March of year 0 */
    int64_t era = floor_div(days, 146097);
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153; /* from March */
    int64_t day = of_year - (153 * month + 2) / 5 + 1;
    month += month < 10 ? 3 : -9;
    year += era * 400 + (month <= 2);
    *before = year <= 0;
    return (size_t)snprintf(to, 40, "%04" PRId64 "-%02d-%02d", *before ? 1 - year : year,
                            (int)month, (int)day);
}

static size_t put_time(int64_t micros, char *to)
{
    int64_t seconds = floor_div(micros, SECOND);
    int part = (int)(micros - seconds * SECOND);
    int len = snprintf(to, 40, "%02" PRId64 ":%02d:%02d", seconds / 3600, (int)(seconds / 60 % 60),
                       (int)(seconds % 60));
    if (part > 0) {
        len += snprintf(to + len, 12, ".%06d", part);
        while (to[len - 1] == '0') {
            len--;
        }
    }
    return (size_t)len;
}

static fly_bytes moment_text(const fly_frame_value *value, char *room)
{
    bool before = false;
    size_t len = 0;
    if (value->kind == FLY_FRAME_V_TIME) {
        /* 24:00:00 is the last time of a day. */
        int64_t micros = value->i < 0 ? 0 : value->i > DAY ? DAY : value->i;
        return fly_bytes_of(room, put_time(micros, room));
    }
    if (value->kind == FLY_FRAME_V_DATE) {
        len = put_date(value->i, room, &before);
    } else {
        int64_t days = floor_div(value->i, DAY);
        len = put_date(days, room, &before);
        room[len++] = ' ';
        /* Unsigned, since the start of the first day lies below the smallest number. */
        len += put_time((int64_t)((uint64_t)value->i - (uint64_t)days * (uint64_t)DAY), room + len);
        if (value->kind == FLY_FRAME_V_TIMESTAMPTZ) {
            /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the length is kept beside it */
            memcpy(room + len, "+00", 3);
            len += 3;
        }
    }
    if (before) {
        /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the length is kept beside it */
        memcpy(room + len, " BC", 3);
        len += 3;
    }
    return fly_bytes_of(room, len);
}

fly_bytes fly_frame_value_text(const fly_frame_value *value, char *room)
{
    switch (value->kind) {
    case FLY_FRAME_V_TEXT:
        return value->bytes;
    case FLY_FRAME_V_FALSE:
        return fly_bytes_str("f");
    case FLY_FRAME_V_TRUE:
        return fly_bytes_str("t");
    case FLY_FRAME_V_INT:
        return int_text(value->i, room);
    case FLY_FRAME_V_DOUBLE:
        return double_text(value->d, room);
    case FLY_FRAME_V_DECIMAL:
        return decimal_text(value->i, value->scale, room);
    case FLY_FRAME_V_BYTES:
        return hex_text(value->bytes, room);
    case FLY_FRAME_V_UUID:
        return uuid_text(value->bytes, room);
    case FLY_FRAME_V_DATE:
    case FLY_FRAME_V_TIME:
    case FLY_FRAME_V_TIMESTAMP:
    case FLY_FRAME_V_TIMESTAMPTZ:
        return moment_text(value, room);
    default:
        return fly_bytes_str("");
    }
}
