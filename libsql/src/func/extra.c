/*
 * Functions that PostgreSQL does not have: maps, paths into JSON, places on the globe, IPv4
 * addresses, URLs. Their names are those of BoyoDB, which are ClickHouse's; unquoted, SQL folds
 * them.
 *
 * A map is a jsonb object. The earth is a ball of 6,371,008.8 m.
 *
 * What is not here: arrayMap() and its kin, which want functions as arguments.
 */
#include "func/json_int.h"

#include "types/array_int.h"

#include <fly/vec_json.h>

#include <math.h>
#include <stdio.h>

/* -------------------------------------------------------------------------- maps */

static fly_status check_map(fly__sql_call *call, fly_bytes map)
{
    return fly_vec_jsonb_type(map) == FLY_VEC_JSON_OBJECT
               ? FLY_OK
               : FAIL(call, "22023", "cannot call %s on a non-object", call->func->name);
}

/* Keys as texts, or values as jsonb. */
static fly_status map_side(fly__sql_call *call, bool keys, const fly_vec_value *args,
                           fly_vec_value *result)
{
    fly_bytes map = arg_bytes(&args[0]);
    fly__sql_array_builder builder;
    fly__sql_array_begin(&builder, fly__sql_type(keys ? FLY_SQL_TEXT : FLY_SQL_JSONB), call->arena);
    fly_status status = check_map(call, map);
    for (uint32_t i = 0; status == FLY_OK && i < fly_vec_jsonb_count(map); i++) {
        fly_bytes key;
        fly_bytes value;
        fly_vec_jsonb_member(map, i, &key, &value);
        fly_bytes side = keys ? key : value;
        fly_vec_value each = {.str = fly_vec_str_of(side.data, side.len)};
        status = fly__sql_array_add(&builder, &each, call->err);
    }
    result->null = false;
    return status != FLY_OK ? status : fly__sql_array_end(&builder, &result->str, call->err);
}

ROW(map_keys)
{
    return map_side(call, true, args, result);
}

ROW(map_values)
{
    return map_side(call, false, args, result);
}

ROW(map_contains)
{
    fly_bytes value;
    fly_status status = check_map(call, arg_bytes(&args[0]));
    return status != FLY_OK ? status
                            : give_bool(result, fly_vec_jsonb_get(arg_bytes(&args[0]),
                                                                  arg_bytes(&args[1]), &value));
}

/* --------------------------------------------------------------------- JSON paths */

/* JSONPath(json, '$.a.b[0]["c"]'): members and elements, no wildcards. As text; NULL if there is
 * none. */
ROW(json_path_simple)
{
    fly_bytes whole = arg_bytes(&args[0]);
    fly_bytes path = arg_bytes(&args[1]);
    size_t at = path.len > 0 && path.data[0] == '$' ? 1 : 0;
    while (at < path.len) {
        fly_bytes next;
        bool found = false;
        if (path.data[at] == '.') {
            size_t from = ++at;
            while (at < path.len && path.data[at] != '.' && path.data[at] != '[') {
                at++;
            }
            found = fly_vec_jsonb_get(whole, fly_bytes_of(path.data + from, at - from), &next);
        } else if (path.data[at] == '[') {
            size_t from = ++at;
            while (at < path.len && path.data[at] != ']') {
                at++;
            }
            fly_bytes inside = fly_bytes_of(path.data + from, at - from);
            at++;
            int64_t index;
            if (inside.len >= 2 && (inside.data[0] == '"' || inside.data[0] == '\'')) {
                found =
                    fly_vec_jsonb_get(whole, fly_bytes_of(inside.data + 1, inside.len - 2), &next);
            } else if (fly_vec_i64_parse(inside, &index, NULL) == FLY_OK) {
                found = fly_vec_jsonb_type(whole) == FLY_VEC_JSON_ARRAY &&
                        fly_vec_jsonb_at(whole, index, &next);
            } else {
                return FAIL(call, "42601", "invalid JSON path: \"%.*s\"", (int)path.len,
                            (const char *)path.data);
            }
        } else {
            return FAIL(call, "42601", "invalid JSON path: \"%.*s\"",
                        (int)(path.len < 200 ? path.len : 200), (const char *)path.data);
        }
        if (!found) {
            return give_null(result);
        }
        whole = next;
    }
    fly_vec_str text;
    bool null = false;
    fly_status status = fly_vec_jsonb_text(whole, call->arena, &text, &null, call->err);
    if (status != FLY_OK || null) {
        return status != FLY_OK ? status : give_null(result);
    }
    return fly__sql_give_copy(call, fly_vec_str_data(&text), text.len, result);
}

/* ------------------------------------------------------------------------- places */

static const double RADIAN = 3.14159265358979323846 / 180.0;

/* geoDistance(lat1, lon1, lat2, lon2) in metres, along a great circle. */
ROW(geo_distance)
{
    double lat1 = args[0].f64 * RADIAN;
    double lat2 = args[2].f64 * RADIAN;
    double sin_lat = sin((lat2 - lat1) / 2);
    double sin_lon = sin((args[3].f64 - args[1].f64) * RADIAN / 2);
    double a = sin_lat * sin_lat + cos(lat1) * cos(lat2) * sin_lon * sin_lon;
    return give_f64(result, 2 * 6371008.8 * asin(sqrt(a < 1 ? a : 1)));
}

/* pointInPolygon(x, y, '{{0,0},{10,0},{10,10}}'): a ray to the right crosses the outline an odd
 * number of times. */
ROW(point_in_polygon)
{
    fly__sql_array array;
    fly_status status = fly__sql_array_open(&args[2].str, &array, call->err);
    if (status != FLY_OK) {
        return status;
    }
    if (array.dimensions != 2 || array.length[1] != 2 || array.valid != NULL) {
        return FAIL(call, "22023", "a polygon is an array of pairs of numbers");
    }
    bool inside = false;
    fly__sql_array_iter iter = {0};
    fly_vec_value px;
    fly_vec_value py;
    fly_vec_value last_x;
    fly_vec_value last_y;
    fly__sql_array_at(&array, array.count - 2, &last_x);
    fly__sql_array_at(&array, array.count - 1, &last_y);
    while (fly__sql_array_next(&array, &iter, &px) && fly__sql_array_next(&array, &iter, &py)) {
        bool crosses = (py.f64 > args[1].f64) != (last_y.f64 > args[1].f64);
        if (crosses &&
            args[0].f64 <
                (last_x.f64 - px.f64) * (args[1].f64 - py.f64) / (last_y.f64 - py.f64) + px.f64) {
            inside = !inside;
        }
        last_x = px;
        last_y = py;
    }
    return give_bool(result, inside);
}

/* geohashEncode(lat, lon [, length]): bits of the two coordinates in turns, five to a letter. */
ROW(geohash_encode)
{
    static const char letters[] = "0123456789bcdefghjkmnpqrstuvwxyz";
    double low[2] = {-180, -90};
    double high[2] = {180, 90};
    double at[2] = {args[1].f64, args[0].f64};
    int32_t length = call->argc > 2 ? args[2].i32 : 12;
    if (!(fabs(at[0]) <= 180) || !(fabs(at[1]) <= 90)) {
        return FAIL(call, "22003", "coordinates are out of range");
    }
    if (length < 1 || length > 12) {
        return FAIL(call, "22023", "length of a geohash must be between 1 and 12");
    }
    char out[12];
    int which = 0;
    for (int32_t i = 0; i < length; i++) {
        unsigned code = 0;
        for (int bit = 0; bit < 5; bit++, which = 1 - which) {
            double middle = (low[which] + high[which]) / 2;
            bool upper = at[which] >= middle;
            code = code << 1 | upper;
            if (upper) {
                low[which] = middle;
            } else {
                high[which] = middle;
            }
        }
        out[i] = letters[code];
    }
    return give_str(result, fly_vec_str_of(out, (size_t)length));
}

/* ---------------------------------------------------------------------- addresses */

static fly_status give_address(fly__sql_call *call, uint32_t address, fly_vec_value *result)
{
    char out[20];
    int len = snprintf(out, sizeof out, "%u.%u.%u.%u", address >> 24, address >> 16 & 255,
                       address >> 8 & 255, address & 255);
    return fly__sql_give_copy(call, out, (size_t)len, result);
}

ROW(ipv4_to_text)
{
    if (args[0].i64 < 0 || args[0].i64 > UINT32_MAX) {
        return FAIL(call, "22003", "IPv4 address out of range");
    }
    return give_address(call, (uint32_t)args[0].i64, result);
}

/* Read four numbers; `*at` ends behind them. */
static bool read_address(fly_bytes text, size_t *at, uint32_t *address)
{
    *address = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t part = 0;
        size_t from = *at;
        while (*at < text.len && *at - from < 3 && text.data[*at] >= '0' && text.data[*at] <= '9') {
            part = part * 10 + (uint32_t)(text.data[(*at)++] - '0');
        }
        if (*at == from || part > 255) {
            return false;
        }
        *address = *address << 8 | part;
        if (i < 3 && (*at >= text.len || text.data[(*at)++] != '.')) {
            return false;
        }
    }
    return true;
}

static fly_status bad_address(fly__sql_call *call, fly_bytes text)
{
    return FAIL(call, "22P02", "invalid IPv4 address: \"%.*s\"",
                (int)(text.len < 100 ? text.len : 100), (const char *)text.data);
}

ROW(ipv4_of_text)
{
    fly_bytes text = arg_bytes(&args[0]);
    uint32_t address;
    size_t at = 0;
    if (!read_address(text, &at, &address) || at != text.len) {
        return bad_address(call, text);
    }
    return give_i64(result, address);
}

/* IPv4CIDRToRange('10.1.2.3/8'), or with the length apart: the first and the last address. */
ROW(ipv4_range)
{
    fly_bytes text = arg_bytes(&args[0]);
    uint32_t address;
    int64_t length = call->argc > 1 ? args[1].i32 : -1;
    size_t at = 0;
    bool good = read_address(text, &at, &address);
    if (good && call->argc == 1) {
        good = at < text.len && text.data[at] == '/' &&
               fly_vec_i64_parse(fly_bytes_of(text.data + at + 1, text.len - at - 1), &length,
                                 NULL) == FLY_OK;
        at = text.len;
    }
    if (!good || at != text.len || length < 0 || length > 32) {
        return bad_address(call, text);
    }
    uint32_t mask = length == 0 ? 0 : UINT32_MAX << (32 - length);
    fly__sql_array_builder builder;
    fly__sql_array_begin(&builder, fly__sql_type(FLY_SQL_TEXT), call->arena);
    fly_vec_value end;
    fly_status status = give_address(call, address & mask, &end);
    if (status == FLY_OK) {
        status = fly__sql_array_add(&builder, &end, call->err);
    }
    if (status == FLY_OK) {
        status = give_address(call, address | ~mask, &end);
    }
    if (status == FLY_OK) {
        status = fly__sql_array_add(&builder, &end, call->err);
    }
    result->null = false;
    return status != FLY_OK ? status : fly__sql_array_end(&builder, &result->str, call->err);
}

/* --------------------------------------------------------------------------- URLs */

/* Where the host begins: behind "scheme://" and "user@". */
static size_t host_at(fly_bytes url, size_t *end)
{
    size_t at = fly__sql_find(url, fly_bytes_str("://"), 0);
    at = at == SIZE_MAX ? 0 : at + 3;
    *end = at;
    while (*end < url.len && strchr("/?#", url.data[*end]) == NULL) {
        (*end)++;
    }
    for (size_t i = at; i < *end; i++) {
        if (url.data[i] == '@') {
            at = i + 1;
        }
    }
    return at;
}

ROW(url_domain)
{
    fly_bytes url = arg_bytes(&args[0]);
    size_t end;
    size_t at = host_at(url, &end);
    size_t stop = at;
    while (stop < end && url.data[stop] != ':') {
        stop++;
    }
    return give_bytes(result, fly_bytes_of(url.data + at, stop - at));
}

ROW(url_path)
{
    fly_bytes url = arg_bytes(&args[0]);
    size_t at;
    (void)host_at(url, &at);
    size_t stop = at;
    while (stop < url.len && url.data[stop] != '?' && url.data[stop] != '#') {
        stop++;
    }
    return give_bytes(result, fly_bytes_of(url.data + at, stop - at));
}

/* The value of a parameter as it is written; empty if there is none. */
ROW(url_parameter)
{
    fly_bytes url = arg_bytes(&args[0]);
    fly_bytes name = arg_bytes(&args[1]);
    size_t at = 0;
    while (at < url.len && url.data[at] != '?') {
        at++;
    }
    while (at < url.len && url.data[at] != '#') {
        size_t from = ++at;
        while (at < url.len && url.data[at] != '&' && url.data[at] != '#') {
            at++;
        }
        fly_bytes pair = fly_bytes_of(url.data + from, at - from);
        if (pair.len > name.len && pair.data[name.len] == '=' &&
            fly_bytes_equal(fly_bytes_of(pair.data, name.len), name)) {
            return give_bytes(result,
                              fly_bytes_of(pair.data + name.len + 1, pair.len - name.len - 1));
        }
    }
    return give_bytes(result, fly_bytes_of(url.data, 0));
}

/* ----------------------------------------------------------------------- all sorts */

ROW(num_nulls)
{
    int32_t count = 0;
    for (uint32_t i = 0; i < call->argc; i++) {
        count += args[i].null;
    }
    return give_i32(result, count);
}

ROW(num_nonnulls)
{
    int32_t count = 0;
    for (uint32_t i = 0; i < call->argc; i++) {
        count += !args[i].null;
    }
    return give_i32(result, count);
}
