/*
 * Between the files time*.c: the calendar, texts cut into fields, abbreviations of zones.
 */
#ifndef FLY_TIME_INT_H
#define FLY_TIME_INT_H

#include <fly/vec_time.h>

#define SECOND_MICROS INT64_C(1000000)
#define MINUTE_MICROS INT64_C(60000000)
#define HOUR_MICROS INT64_C(3600000000)
#define DAY_MICROS FLY_VEC_DAY_MICROS
/* 4713-11-24 BC, and the first microsecond that a timestamp cannot hold. */
#define DATE_MIN (-2440588)
#define DATE_END INT32_C(2145042906)
#define TIMESTAMP_MIN (DATE_MIN * DAY_MICROS)

enum { JULIAN_1970 = 2440588, MONTH_DAYS = 30 };

bool fly__vec_time_leap(int32_t year);
int fly__vec_time_month_days(int32_t year, int32_t month);
fly_status fly__vec_time_error(fly_err *err, const char *sqlstate, const char *message);
/* A message with a text in it, cut if it is long; %s of `format`. */
fly_status fly__vec_time_error_text(fly_err *err, const char *sqlstate, const char *format,
                                    fly_bytes text);

/* Days and microseconds of a day as a timestamp; false if there is none. */
bool fly__vec_time_stamp(int64_t days, int64_t micros, int64_t *out);
static inline bool fly__vec_time_finite(int64_t micros)
{
    return micros != INT64_MAX && micros != INT64_MIN;
}
static inline int64_t fly__vec_time_floor(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* A word that stands for an offset, or for a zone in which it has stood for several. */
typedef struct fly__vec_abbrev {
    const char *name; /* lower case */
    int32_t east;
    bool dst;
    const char *zone;
} fly__vec_abbrev;

const fly__vec_abbrev *fly__vec_abbrev_find(const char *lower);
/* The offset that an abbreviation has in a zone at a local time; false if the zone never uses it. */
bool fly__vec_tz_abbrev(const fly_vec_tz *tz, const char *abbrev, int64_t local_seconds,
                        int32_t *east);
/* Whether a zone has one offset for ever. */
bool fly__vec_tz_constant(const fly_vec_tz *tz, int32_t *east);
/* "+05:30", "-8", "+0530" to seconds east. Returns an SQLSTATE, or NULL. */
const char *fly__vec_time_offset(const char *text, int32_t *east);

#endif
