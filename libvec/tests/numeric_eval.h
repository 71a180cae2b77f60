/*
 * One numeric function, named by a word, applied to arguments given as text: what the table of cases
 * and comparisons with another implementation are made of.
 */
#ifndef FLY_NUMERIC_EVAL_H
#define FLY_NUMERIC_EVAL_H

#include <fly/vec_numeric.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    fly_vec_numeric_binary two;
    fly_vec_numeric_unary one;
} numeric_functions[] = {
    {"add", fly_vec_numeric_add, NULL},        {"sub", fly_vec_numeric_sub, NULL},
    {"mul", fly_vec_numeric_mul, NULL},        {"div", fly_vec_numeric_div, NULL},
    {"divt", fly_vec_numeric_div_trunc, NULL}, {"mod", fly_vec_numeric_mod, NULL},
    {"power", fly_vec_numeric_power, NULL},    {"log", fly_vec_numeric_log, NULL},
    {"gcd", fly_vec_numeric_gcd, NULL},        {"lcm", fly_vec_numeric_lcm, NULL},
    {"neg", NULL, fly_vec_numeric_neg},        {"abs", NULL, fly_vec_numeric_abs},
    {"sign", NULL, fly_vec_numeric_signum},    {"ceil", NULL, fly_vec_numeric_ceil},
    {"floor", NULL, fly_vec_numeric_floor},    {"sqrt", NULL, fly_vec_numeric_sqrt},
    {"exp", NULL, fly_vec_numeric_exp},        {"ln", NULL, fly_vec_numeric_ln},
    {"log10", NULL, fly_vec_numeric_log10},    {"trims", NULL, fly_vec_numeric_trim_scale},
};

static fly_status text_of(const char *bytes, size_t len, fly_arena *arena, fly_vec_str *out)
{
    const char *copy = fly_arena_copy(arena, bytes, len);
    *out = fly_vec_str_of(copy, len);
    return FLY_OK;
}

static fly_status numeric_aggregate(const char *op, const char *list, fly_arena *arena,
                                    fly_vec_str *out, fly_err *err)
{
    fly_vec_numeric_agg agg, half;
    memset(&agg, 0, sizeof agg);
    memset(&half, 0, sizeof half);
    fly_status status = FLY_OK;
    for (int i = 0; *list != '\0' && status == FLY_OK; i++) {
        size_t len = strcspn(list, ",");
        fly_vec_str x;
        status = fly_vec_numeric_parse(fly_bytes_of(list, len), arena, &x, err);
        if (status == FLY_OK) {
            status = fly_vec_numeric_agg_add(i % 3 == 1 ? &half : &agg, x, true, arena, err);
        }
        list += len + (list[len] == ',');
    }
    fly_vec_str bytes;
    bool null = false;
    if (status != FLY_OK || (status = fly_vec_numeric_agg_encode(&half, arena, &bytes, err)) ||
        (status = fly_vec_numeric_agg_decode(fly_vec_str_bytes(&bytes), arena, &half, err)) ||
        (status = fly_vec_numeric_agg_merge(&agg, &half, true, arena, err))) {
        return status;
    }
    fly_vec_str x;
    if (strcmp(op, "sum") == 0) {
        status = fly_vec_numeric_agg_sum(&agg, arena, &x, &null, err);
    } else if (strcmp(op, "avg") == 0) {
        status = fly_vec_numeric_agg_avg(&agg, arena, &x, &null, err);
    } else {
        fly_vec_spread which = strcmp(op, "var_pop") == 0      ? FLY_VEC_VAR_POP
                               : strcmp(op, "var_samp") == 0   ? FLY_VEC_VAR_SAMP
                               : strcmp(op, "stddev_pop") == 0 ? FLY_VEC_STDDEV_POP
                                                               : FLY_VEC_STDDEV_SAMP;
        status = fly_vec_numeric_agg_spread(&agg, which, arena, &x, &null, err);
    }
    if (status == FLY_OK && null) {
        return text_of("NULL", 4, arena, out);
    }
    return status == FLY_OK ? fly_vec_numeric_format(x, arena, out, err) : status;
}

/* Functions that read or write something other than numerics. FLY_E_NOT_FOUND: no such word. */
static fly_status numeric_other(const char *op, const char *a, const char *b, const char *c,
                                const char *d, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    char text[FLY_VEC_NUMBER_TEXT];
    fly_status status;
    int64_t i64 = 0;
    int32_t i32 = 0;
    int16_t i16 = 0;
    double f64;
    float f32;
    fly_vec_str x = {0}, y = {0}, z = {0};
    fly_bytes in = fly_bytes_str(a);
    if (strcmp(op, "i16") == 0) {
        status = fly_vec_i16_parse(in, &i16, err);
        i64 = i16;
    } else if (strcmp(op, "i32") == 0) {
        status = fly_vec_i32_parse(in, &i32, err);
        i64 = i32;
    } else if (strcmp(op, "i64") == 0) {
        status = fly_vec_i64_parse(in, &i64, err);
    } else if (strcmp(op, "f64") == 0) {
        status = fly_vec_f64_parse(in, &f64, err);
        return status ? status : text_of(text, fly_vec_f64_format(f64, text), arena, out);
    } else if (strcmp(op, "f32") == 0) {
        status = fly_vec_f32_parse(in, &f32, err);
        return status ? status : text_of(text, fly_vec_f32_format(f32, text), arena, out);
    } else if (strcmp(op, "f64n") == 0) {
        if ((status = fly_vec_f64_parse(in, &f64, err)) ||
            (status = fly_vec_numeric_from_f64(f64, arena, &x, err))) {
            return status;
        }
        return fly_vec_numeric_format(x, arena, out, err);
    } else if (strcmp(op, "f32n") == 0) {
        if ((status = fly_vec_f32_parse(in, &f32, err)) ||
            (status = fly_vec_numeric_from_f32(f32, arena, &x, err))) {
            return status;
        }
        return fly_vec_numeric_format(x, arena, out, err);
    } else if ((status = fly_vec_numeric_parse(in, arena, &x, err)) != FLY_OK) {
        return status;
    } else if (strcmp(op, "num") == 0) {
        return fly_vec_numeric_format(x, arena, out, err);
    } else if (strcmp(op, "nf64") == 0) {
        status = fly_vec_numeric_to_f64(x, arena, &f64, err);
        return status ? status : text_of(text, fly_vec_f64_format(f64, text), arena, out);
    } else if (strcmp(op, "nf32") == 0) {
        status = fly_vec_numeric_to_f32(x, arena, &f32, err);
        return status ? status : text_of(text, fly_vec_f32_format(f32, text), arena, out);
    } else if (strcmp(op, "ni16") == 0) {
        status = fly_vec_numeric_to_i16(x, &i16, err);
        i64 = i16;
    } else if (strcmp(op, "ni32") == 0) {
        status = fly_vec_numeric_to_i32(x, &i32, err);
        i64 = i32;
    } else if (strcmp(op, "ni64") == 0) {
        status = fly_vec_numeric_to_i64(x, &i64, err);
    } else if (strcmp(op, "fact") == 0) {
        status = fly_vec_numeric_to_i64(x, &i64, err);
        if (status || (status = fly_vec_numeric_factorial(i64, arena, &x, err))) {
            return status;
        }
        return fly_vec_numeric_format(x, arena, out, err);
    } else if (strcmp(op, "minscale") == 0) {
        i64 = fly_vec_numeric_min_scale(x);
    } else if (strcmp(op, "round") == 0 || strcmp(op, "trunc") == 0) {
        int32_t n = (int32_t)strtol(b, NULL, 10);
        status = op[0] == 'r' ? fly_vec_numeric_round(x, n, arena, &y, err)
                              : fly_vec_numeric_trunc(x, n, arena, &y, err);
        return status ? status : fly_vec_numeric_format(y, arena, out, err);
    } else if (strcmp(op, "fit") == 0) {
        status = fly_vec_numeric_fit(x, (int)strtol(b, NULL, 10), (int)strtol(c, NULL, 10), arena,
                                     &y, err);
        return status ? status : fly_vec_numeric_format(y, arena, out, err);
    } else if (strcmp(op, "bucket") == 0) {
        if ((status = fly_vec_numeric_parse(fly_bytes_str(b), arena, &y, err)) ||
            (status = fly_vec_numeric_parse(fly_bytes_str(c), arena, &z, err))) {
            return status;
        }
        status =
            fly_vec_numeric_width_bucket(x, y, z, (int32_t)strtol(d, NULL, 10), arena, &i32, err);
        i64 = i32;
    } else if (strcmp(op, "cmp") == 0) {
        if ((status = fly_vec_numeric_parse(fly_bytes_str(b), arena, &y, err))) {
            return status;
        }
        int order = fly_vec_numeric_cmp(x, y);
        i64 = (order > 0) - (order < 0);
    } else {
        return FLY_E_NOT_FOUND;
    }
    return status ? status : text_of(text, fly_vec_i64_format(i64, text), arena, out);
}

/* `out` is the result's text, or "SQLSTATE message" or "SQLSTATE message|DETAIL". */
static void numeric_eval(const char *op, const char *a, const char *b, const char *c, const char *d,
                         fly_arena *arena, fly_vec_str *out)
{
    fly_err err;
    memset(&err, 0, sizeof err);
    fly_status status = FLY_E_NOT_FOUND;
    fly_vec_str x, y, z;
    for (size_t i = 0; i < sizeof numeric_functions / sizeof numeric_functions[0]; i++) {
        if (strcmp(numeric_functions[i].name, op) == 0) {
            if ((status = fly_vec_numeric_parse(fly_bytes_str(a), arena, &x, &err)) != FLY_OK) {
                break;
            }
            if (numeric_functions[i].one != NULL) {
                status = numeric_functions[i].one(x, arena, &z, &err);
            } else if ((status = fly_vec_numeric_parse(fly_bytes_str(b), arena, &y, &err)) ==
                       FLY_OK) {
                status = numeric_functions[i].two(x, y, arena, &z, &err);
            }
            if (status == FLY_OK) {
                status = fly_vec_numeric_check(fly_vec_str_bytes(&z), &err);
            }
            if (status == FLY_OK) {
                status = fly_vec_numeric_format(z, arena, out, &err);
            }
            break;
        }
    }
    if (status == FLY_E_NOT_FOUND) {
        status = strcmp(op, "sum") == 0 || strcmp(op, "avg") == 0 || strncmp(op, "var_", 4) == 0 ||
                         strncmp(op, "stddev", 6) == 0
                     ? numeric_aggregate(op, a, arena, out, &err)
                     : numeric_other(op, a, b, c, d, arena, out, &err);
    }
    if (status != FLY_OK) {
        char text[900];
        int n = snprintf(text, sizeof text, "%s %s%s%s", err.sqlstate, err.message,
                         err.hint[0] ? "|" : "", err.hint);
        (void)text_of(text, (size_t)n, arena, out);
    }
}

#endif
