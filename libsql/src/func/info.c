/*
 * What a session knows about itself, and settings; small answers that drivers and psql ask for.
 */
#include "func/string_int.h"

#include "types/array_int.h"

#include <fly/text.h>

#include <stdio.h>

#define SERVER_VERSION "15.0"

static fly_status give_word(fly_vec_value *result, const char *word)
{
    return word == NULL ? give_null(result) : give_bytes(result, fly_bytes_str(word));
}

static fly_status give_name(fly__sql_call *call, const char *word, fly_vec_value *result)
{
    return word == NULL ? give_null(result) : fly__sql_give_copy(call, word, strlen(word), result);
}

ROW(version)
{
    return give_word(result, "PostgreSQL " SERVER_VERSION " compatible FlyDB " FLY_SQL_VERSION);
}

ROW(current_user)
{
    return give_name(call, call->session != NULL ? call->session->user : NULL, result);
}

ROW(session_user)
{
    return give_name(
        call,
        call->session != NULL ? fly__sql_setting(call->session, "session_authorization") : NULL,
        result);
}

ROW(current_database)
{
    const char *name = call->session != NULL ? fly_sql_session_database(call->session) : NULL;
    return give_name(call, name, result);
}

/* The next schema of a search path that exists: `*at` is where to go on. NULL: no more. */
static const char *path_next(fly__sql_call *call, const char **at, char name[64])
{
    const fly__sql_catalog_view *view = fly__sql_view_of(call->session);
    while (view != NULL && *at != NULL && **at != '\0') {
        while (**at == ' ' || **at == ',') {
            (*at)++;
        }
        bool quoted = **at == '"';
        *at += quoted;
        size_t len = 0;
        while (**at != '\0' && (quoted ? **at != '"' : **at != ',' && **at != ' ')) {
            if (len < 63) {
                name[len++] = **at;
            }
            (*at)++;
        }
        *at += quoted && **at == '"';
        name[len] = '\0';
        if (strcmp(name, "$user") == 0) {
            snprintf(name, 64, "%s", call->session->user);
        }
        if (len > 0 && fly__sql_schema_named(view, name) != NULL) {
            return name;
        }
    }
    return NULL;
}

ROW(current_schema)
{
    char name[64];
    const char *at = call->session != NULL ? call->session->search_path : NULL;
    return give_name(call, path_next(call, &at, name), result);
}

ROW(current_schemas)
{
    char name[64];
    const char *at = call->session != NULL ? call->session->search_path : NULL;
    const char *found;
    fly__sql_array_builder builder;
    fly_status status = FLY_OK;
    fly__sql_array_begin(&builder, fly__sql_type(FLY_SQL_NAME), call->arena);
    if (args[0].b) {
        fly_vec_value value = {.str = fly_vec_str_of("pg_catalog", 10)};
        status = fly__sql_array_add(&builder, &value, call->err);
    }
    while (status == FLY_OK && (found = path_next(call, &at, name)) != NULL) {
        fly_vec_value value = {.str = fly_vec_str_of(found, strlen(found))};
        status = fly__sql_array_add(&builder, &value, call->err);
    }
    result->null = false;
    return status != FLY_OK ? status : fly__sql_array_end(&builder, &result->str, call->err);
}

ROW(pg_typeof)
{
    return give_i32(result, (int32_t)call->types[0].oid);
}

ROW(pg_column_size)
{
    fly_vec_type physical = fly__sql_type_physical(call->types[0]);
    if (args[0].null) {
        return give_null(result);
    }
    return give_i32(result, physical == FLY_VEC_STR ? (int32_t)args[0].str.len + 4
                                                    : (int32_t)fly_vec_type_size(physical));
}

ROW(format_type)
{
    fly_sql_text text = {.arena = call->arena};
    if (args[0].null) {
        return give_null(result);
    }
    fly__sql_put_type(&text, fly__sql_view_of(call->session), (uint32_t)args[0].i32,
                      args[1].null ? -1 : args[1].i32);
    return fly__sql_give_text(call, &text, result);
}

/* --------------------------------------------------------------------- settings */

static fly_status name_of(fly__sql_call *call, const fly_vec_value *arg, const char **name)
{
    char *copy = fly__sql_room(call, (size_t)arg->str.len + 1);
    if (copy == NULL) {
        return FLY_E_NO_MEMORY;
    }
    memcpy(copy, fly_vec_str_data(&arg->str), arg->str.len);
    copy[arg->str.len] = '\0';
    *name = copy;
    return FLY_OK;
}

ROW(current_setting)
{
    const char *name;
    fly_status status = name_of(call, &args[0], &name);
    if (status != FLY_OK) {
        return status;
    }
    const char *value = call->session != NULL ? fly__sql_setting(call->session, name) : NULL;
    if (value == NULL && (call->argc < 2 || !args[1].b)) {
        return FAIL(call, "42704", "unrecognized configuration parameter \"%s\"", name);
    }
    return give_name(call, value, result);
}

ROW(set_config)
{
    const char *name;
    const char *value = NULL;
    if (args[0].null) {
        return FAIL(call, "22004", "SET requires parameter name");
    }
    fly_status status = name_of(call, &args[0], &name);
    if (status == FLY_OK && !args[1].null) {
        status = name_of(call, &args[1], &value);
    }
    if (status == FLY_OK && call->session != NULL) {
        status =
            fly__sql_setting_set(call->session, name, value, !args[2].null && args[2].b, call->err);
    }
    if (status != FLY_OK) {
        return status;
    }
    const char *now = call->session != NULL ? fly__sql_setting(call->session, name) : value;
    return give_name(call, now, result);
}

/* --------------------------------------------------------------------- encodings */

/* PostgreSQL's numbers of encodings; those that we write. */
static const struct {
    int32_t number;
    const char *name;
} encodings[] = {{0, "SQL_ASCII"}, {6, "UTF8"}, {8, "LATIN1"}};

ROW(pg_encoding_to_char)
{
    for (size_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++) {
        if (encodings[i].number == args[0].i32) {
            return give_word(result, encodings[i].name);
        }
    }
    return give_word(result, "");
}

ROW(pg_char_to_encoding)
{
    fly_text_encoding encoding;
    if (fly_text_encoding_find(arg_bytes(&args[0]), &encoding) != FLY_OK) {
        return give_i32(result, -1);
    }
    return give_i32(result, encoding == FLY_TEXT_UTF8     ? 6
                            : encoding == FLY_TEXT_LATIN1 ? 8
                            : encoding == FLY_TEXT_ASCII  ? 0
                                                          : -1);
}

ROW(pg_client_encoding)
{
    const char *value = call->session != NULL ? fly__sql_setting(call->session, "client_encoding")
                                              : NULL;
    return give_name(call, value != NULL ? value : "UTF8", result);
}

ROW(getdatabaseencoding)
{
    return give_word(result, "UTF8");
}

/* ------------------------------------------------------------------------- sizes */

/* 10240 bytes, 12 kB: the unit is changed when the number would have more than four digits. */
ROW(pg_size_pretty)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    fly_vec_i128 size = args[0].i64;
    if (call->types[0].oid == FLY_SQL_NUMERIC) {
        fly_vec_str number;
        fly_status status = fly__sql_arg_numeric(call, 0, args, &number);
        if (status == FLY_OK) {
            status = fly_vec_numeric_trunc(number, 0, call->arena, &number, call->err);
        }
        if (status == FLY_OK) {
            status = fly_vec_numeric_to_i128(number, 0, &size, call->err);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
    size_t unit = 0;
    bool negative = size < 0;
    fly_vec_u128 left = (fly_vec_u128)(negative ? -size : size);
    if (left >= 10 * 1024) { /* keep one bit more, to round with */
        left >>= 9;
        unit = 1;
        while (left >= 20 * 1024 - 1 && unit + 1 < sizeof units / sizeof units[0]) {
            left >>= 10;
            unit++;
        }
        left = (left + 1) / 2;
    }
    char out[80];
    char digits[FLY_VEC_NUMBER_TEXT];
    size_t len = fly_vec_i128_format((fly_vec_i128)left, digits);
    int whole =
        snprintf(out, sizeof out, "%s%.*s %s", negative ? "-" : "", (int)len, digits, units[unit]);
    return fly__sql_give_copy(call, out, (size_t)whole, result);
}

ROW(pg_size_bytes)
{
    static const struct {
        const char *name;
        int shift;
    } units[] = {{"bytes", 0}, {"b", 0},   {"", 0},    {"kb", 10},
                 {"mb", 20},   {"gb", 30}, {"tb", 40}, {"pb", 50}};
    fly_bytes text = arg_bytes(&args[0]);
    size_t at = 0;
    while (at < text.len && (text.data[at] == ' ')) {
        at++;
    }
    size_t from = at;
    while (at < text.len && strchr("+-.0123456789eE", text.data[at]) != NULL) {
        at++;
    }
    double number;
    bool good = fly_vec_f64_parse(fly_bytes_of(text.data + from, at - from), &number, NULL) ==
                FLY_OK;
    while (at < text.len && text.data[at] == ' ') {
        at++;
    }
    char word[8] = "";
    for (size_t i = 0; i < 7 && at + i < text.len && text.data[at + i] != ' '; i++) {
        char c = (char)text.data[at + i];
        word[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0] && good; i++) {
        if (strcmp(units[i].name, word) == 0) {
            double bytes = number * (double)(INT64_C(1) << units[i].shift);
            if (!(bytes > -9.2e18 && bytes < 9.2e18)) {
                return fly__sql_out_of_range(call, "bigint");
            }
            return give_i64(result, (int64_t)(bytes + (bytes < 0 ? -0.5 : 0.5)));
        }
    }
    return FAIL(call, "22023", "invalid size: \"%.*s\"", (int)(text.len < 100 ? text.len : 100),
                (const char *)text.data);
}

/* ------------------------------------------------------------------ small answers */

ROW(give_false)
{
    return give_bool(result, false);
}

ROW(give_true)
{
    return give_bool(result, true);
}

ROW(give_nothing)
{
    return give_null(result);
}

ROW(give_zero)
{
    return give_i32(result, 0);
}

ROW(pg_sleep)
{
    double seconds = args[0].f64;
    if (call->session == NULL) {
        return give_i32(result, 0);
    }
    /* In short naps, so that a cancelled statement ends. */
    uint64_t end = fly_now() + (uint64_t)(seconds > 0 ? seconds * 1e9 : 0);
    while (fly_now() < end) {
        fly_status status = fly__sql_check_cancel(call->session, call->err);
        if (status != FLY_OK) {
            return status;
        }
        uint64_t left = end - fly_now();
        fly_sleep(left < 10000000 ? left : 10000000);
    }
    return give_i32(result, 0);
}
