/*
 * to_char() and its relatives, named by a word, in the time zone America/New_York.
 */
#ifndef FLY_TEMPLATE_EVAL_H
#define FLY_TEMPLATE_EVAL_H

#include <fly/vec_numeric.h>
#include <fly/vec_template.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t template_eval(const char *op, const char *a, const char *b,
                            const fly_vec_time_env *env, fly_arena *arena, char *out)
{
    fly_err err;
    memset(&err, 0, sizeof err);
    fly_bytes text = fly_bytes_str(a), format = fly_bytes_str(b);
    fly_vec_str x, r = fly_vec_str_of("", 0);
    fly_vec_interval span;
    int64_t stamp;
    int32_t date;
    int status;
    char room[FLY_VEC_TIME_TEXT];
    if (strcmp(op, "stamp") == 0) {
        if ((status = (int)fly_vec_timestamp_parse(text, env, &stamp, &err)) == 0) {
            status = (int)fly_vec_timestamp_to_char(stamp, format, arena, &r, &err);
        }
    } else if (strcmp(op, "stamptz") == 0) {
        if ((status = (int)fly_vec_timestamptz_parse(text, env, &stamp, &err)) == 0) {
            status = (int)fly_vec_timestamptz_to_char(stamp, env->zone, format, arena, &r, &err);
        }
    } else if (strcmp(op, "interval") == 0) {
        if ((status = (int)fly_vec_interval_parse(text, env, 0, &span, &err)) == 0) {
            status = (int)fly_vec_interval_to_char(span, format, arena, &r, &err);
        }
    } else if (strcmp(op, "to_timestamp") == 0) {
        if ((status = (int)fly_vec_to_timestamp(text, format, env, &stamp, &err)) == 0) {
            size_t n = fly_vec_timestamptz_format(stamp, env, room);
            r = fly_vec_str_of(room, n);
        }
    } else if (strcmp(op, "to_date") == 0) {
        if ((status = (int)fly_vec_to_date(text, format, &date, &err)) == 0) {
            size_t n = fly_vec_date_format(date, env, room);
            r = fly_vec_str_of(room, n);
        }
    } else if (strcmp(op, "number") == 0) {
        if ((status = (int)fly_vec_numeric_parse(text, arena, &x, &err)) == 0) {
            status = (int)fly_vec_numeric_to_char(x, format, arena, &r, &err);
        }
    } else if (strcmp(op, "to_number") == 0) {
        if ((status = (int)fly_vec_to_number(text, format, arena, &x, &err)) == 0) {
            status = (int)fly_vec_numeric_format(x, arena, &r, &err);
        }
    } else {
        return (size_t)snprintf(out, 100, "no function %s", op);
    }
    if (status != 0) {
        return (size_t)snprintf(out, 1000, "%s %s%s%s", err.sqlstate, err.message,
                                err.hint[0] ? "|" : "", err.hint);
    }
    memcpy(out, fly_vec_str_data(&r), r.len);
    return r.len;
}

#endif
