/*
 * One function of dates and times, named by a word, applied to arguments given as text. The session is
 * at 2024-11-30 12:00 UTC in America/New_York, unless a word says otherwise.
 */
#ifndef FLY_TIME_EVAL_H
#define FLY_TIME_EVAL_H

#include <fly/vec_numeric.h>
#include <fly/vec_time.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef ZONES
#define ZONES "/usr/share/zoneinfo"
#endif

/* Loaded zones; a test's world is small. */
typedef struct time_world {
    fly_vec_time_env env;
    fly_mem *mem;
    fly_vec_tz *zones[64];
    int count;
} time_world;

static fly_status world_find(void *ctx, fly_bytes name, const fly_vec_tz **tz)
{
    time_world *w = ctx;
    for (int i = 0; i < w->count; i++) {
        const char *have = fly_vec_tz_name(w->zones[i]);
        if (strlen(have) == name.len && strncasecmp(have, (const char *)name.data, name.len) == 0) {
            *tz = w->zones[i];
            return FLY_OK;
        }
    }
    fly_vec_tz *made;
    if (w->count == 64 ||
        fly_vec_tz_load(fly_vfs_posix(), ZONES, name, w->mem, &made, NULL) != FLY_OK) {
        return FLY_E_NOT_FOUND;
    }
    w->zones[w->count++] = made;
    *tz = made;
    return FLY_OK;
}

static void world_init(time_world *w, fly_mem *mem)
{
    memset(w, 0, sizeof *w);
    w->mem = mem;
    w->env.find_zone = world_find;
    w->env.ctx = w;
    w->env.now = INT64_C(1732968000000000);
    (void)world_find(w, fly_bytes_str("America/New_York"), &w->env.zone);
}

static void world_deinit(time_world *w)
{
    while (w->count > 0) {
        fly_vec_tz_destroy(w->zones[--w->count]);
    }
}

static int read_value(const char *type, const char *text, time_world *w, fly_vec_value *v,
                      fly_err *err)
{
    fly_bytes t = fly_bytes_str(text);
    fly_vec_timetz tz;
    memset(v, 0, sizeof *v);
    switch (type[0]) {
    case 'd':
        return (int)fly_vec_date_parse(t, &w->env, &v->i32, err);
    case 't':
        return (int)fly_vec_time_parse(t, &w->env, &v->i64, err);
    case 'z': {
        int status = (int)fly_vec_timetz_parse(t, &w->env, &tz, err);
        v->i128 = status == 0 ? fly_vec_timetz_pack(tz) : 0;
        return status;
    }
    case 's':
        return (int)fly_vec_timestamp_parse(t, &w->env, &v->i64, err);
    case 'S':
        return (int)fly_vec_timestamptz_parse(t, &w->env, &v->i64, err);
    default:
        return (int)fly_vec_interval_parse(t, &w->env, (unsigned)strtol(type + 1, NULL, 10),
                                           &v->interval, err);
    }
}

static fly_vec_time_type type_of(char c)
{
    return c == 'd'   ? FLY_VEC_OF_DATE
           : c == 't' ? FLY_VEC_OF_TIME
           : c == 'z' ? FLY_VEC_OF_TIMETZ
           : c == 's' ? FLY_VEC_OF_TIMESTAMP
           : c == 'S' ? FLY_VEC_OF_TIMESTAMPTZ
                      : FLY_VEC_OF_INTERVAL;
}

static size_t write_value(char type, const fly_vec_value *v, time_world *w, char *out)
{
    switch (type) {
    case 'd':
        return fly_vec_date_format(v->i32, &w->env, out);
    case 't':
        return fly_vec_time_format(v->i64, out);
    case 'z':
        return fly_vec_timetz_format(fly_vec_timetz_unpack(v->i128), out);
    case 's':
        return fly_vec_timestamp_format(v->i64, &w->env, out);
    case 'S':
        return fly_vec_timestamptz_format(v->i64, &w->env, out);
    case 'i':
        return fly_vec_interval_format(v->interval, &w->env, out);
    default:
        return fly_vec_i64_format(v->i32, out);
    }
}

/* Returns the bytes written to `out`, which has room for 1000. */
static size_t time_eval(const char *op, const char *a, const char *b, const char *c, time_world *w,
                        fly_arena *arena, char *out)
{
    fly_err err;
    fly_vec_value x, y, r;
    int status;
    char type = 0;
    size_t n;
    fly_vec_part part;
    fly_vec_str num;
    bool null;
    const fly_vec_tz *zone = w->env.zone;
    memset(&err, 0, sizeof err);
    memset(&r, 0, sizeof r);
    w->env.date_style = FLY_VEC_DATE_ISO;
    w->env.date_order = FLY_VEC_ORDER_MDY;
    w->env.interval_style = FLY_VEC_INTERVAL_POSTGRES;
    if (strcmp(op, "in") == 0) { /* type, text, style (three digits) */
        w->env.date_style = (fly_vec_date_style)(c[0] - '0');
        w->env.date_order = (fly_vec_date_order)(c[1] - '0');
        w->env.interval_style = (fly_vec_interval_style)(c[2] - '0');
        type = a[0];
        status = read_value(a, b, w, &r, &err);
    } else if (strcmp(op, "extract") == 0 || strcmp(op, "trunc") == 0) { /* part, type, text */
        if (op[0] == 'e') {
            if ((status = read_value(b, c, w, &x, &err)) == 0 &&
                (status = (int)fly_vec_part_parse(fly_bytes_str(a), type_of(b[0]), &part, &err)) ==
                    0 &&
                (status = (int)fly_vec_extract(part, type_of(b[0]), &x, zone, arena, &num, &null,
                                               &err)) == 0) {
                if (null) {
                    memcpy(out, "NULL", 4);
                    return 4;
                }
                fly_vec_str text;
                status = (int)fly_vec_numeric_format(num, arena, &text, &err);
                memcpy(out, fly_vec_str_data(&text), text.len);
                return text.len;
            }
        } else if ((status = read_value(b, c, w, &x, &err)) == 0 &&
                   (status = (int)fly_vec_part_parse(fly_bytes_str(a), type_of(b[0]), &part,
                                                     &err)) == 0) {
            type = b[0];
            status = type == 's' ? (int)fly_vec_timestamp_trunc(part, x.i64, &r.i64, &err)
                     : type == 'S'
                         ? (int)fly_vec_timestamptz_trunc(part, x.i64, zone, &r.i64, &err)
                         : (int)fly_vec_interval_trunc(part, x.interval, &r.interval, &err);
        }
    } else if (strcmp(op, "add") == 0 || strcmp(op, "sub") == 0) { /* type, text, interval */
        int sign = op[0] == 'a' ? 1 : -1;
        type = a[0];
        if ((status = read_value(a, b, w, &x, &err)) == 0 &&
            (status = read_value("i", c, w, &y, &err)) == 0) {
            if (type == 's') {
                status = (int)fly_vec_timestamp_add(x.i64, y.interval, sign, &r.i64, &err);
            } else if (type == 'S') {
                status = (int)fly_vec_timestamptz_add(x.i64, y.interval, sign, zone, &r.i64, &err);
            } else if (type == 't') {
                r.i64 = fly_vec_time_add(x.i64, y.interval, sign);
            } else {
                status = sign > 0
                             ? (int)fly_vec_interval_add(x.interval, y.interval, &r.interval, &err)
                             : (int)fly_vec_interval_sub(x.interval, y.interval, &r.interval, &err);
            }
        }
    } else if (strcmp(op, "diff") == 0 || strcmp(op, "age") == 0) {
        type = 'i';
        if ((status = read_value(a, b, w, &x, &err)) == 0 &&
            (status = read_value(a, c, w, &y, &err)) == 0) {
            if (a[0] == 'd') {
                type = 'n';
                status = (int)fly_vec_date_sub(x.i32, y.i32, &r.i32, &err);
            } else if (op[0] == 'd') {
                status = (int)fly_vec_timestamp_sub(x.i64, y.i64, &r.interval, &err);
            } else {
                status = (int)fly_vec_timestamp_age(x.i64, y.i64, &r.interval, &err);
            }
        }
    } else if (strcmp(op, "mul") == 0 || strcmp(op, "div") == 0) {
        type = 'i';
        if ((status = read_value("i", a, w, &x, &err)) == 0) {
            double by = strtod(b, NULL);
            status = op[0] == 'm' ? (int)fly_vec_interval_mul(x.interval, by, &r.interval, &err)
                                  : (int)fly_vec_interval_div(x.interval, by, &r.interval, &err);
        }
    } else if (strcmp(op, "cmp") == 0) {
        type = 'n';
        if ((status = read_value("i", a, w, &x, &err)) == 0 &&
            (status = read_value("i", b, w, &y, &err)) == 0) {
            r.i32 = fly_vec_interval_cmp(x.interval, y.interval);
        }
    } else if (strcmp(op, "fit") == 0) { /* text, fields, precision */
        char t[16];
        type = 'i';
        (void)snprintf(t, sizeof t, "i%s", b);
        if ((status = read_value(t, a, w, &x, &err)) == 0) {
            status = (int)fly_vec_interval_fit(x.interval, (unsigned)strtol(b, NULL, 10),
                                               (int)strtol(c, NULL, 10), &r.interval, &err);
        }
    } else if (strcmp(op, "justify") == 0) {
        type = 'i';
        if ((status = read_value("i", b, w, &x, &err)) == 0) {
            status = a[0] == 'h'   ? (int)fly_vec_justify_hours(x.interval, &r.interval, &err)
                     : a[0] == 'd' ? (int)fly_vec_justify_days(x.interval, &r.interval, &err)
                                   : (int)fly_vec_justify_interval(x.interval, &r.interval, &err);
        }
    } else if (strcmp(op, "bin") == 0) {
        type = 's';
        if ((status = read_value("i", a, w, &x, &err)) == 0 &&
            (status = read_value("s", b, w, &y, &err)) == 0 &&
            (status = read_value("s", c, w, &r, &err)) == 0) {
            status = (int)fly_vec_timestamp_bin(x.interval, y.i64, r.i64, &r.i64, &err);
        }
    } else if (strcmp(op, "atzone") == 0) { /* type, text, zone */
        int32_t east;
        type = a[0] == 's' ? 'S' : 's';
        if ((status = read_value(a, b, w, &x, &err)) == 0 &&
            (status = (int)fly_vec_zone_offset(fly_bytes_str(c), x.i64, a[0] == 's', &w->env, &east,
                                               &err)) == 0) {
            r.i64 = x.i64 + (a[0] == 's' ? -1 : 1) * (int64_t)east * 1000000;
        }
    } else {
        return (size_t)snprintf(out, 100, "no function %s", op);
    }
    if (status != 0) {
        n = (size_t)snprintf(out, 1000, "%s %s%s%s", err.sqlstate, err.message,
                             err.hint[0] ? "|" : "", err.hint);
        return n;
    }
    return write_value(type, &r, w, out);
}

#endif
