/*
 * json and jsonb: looking inside, changing, making; their casts.
 *
 * json is text that is left as it was written; jsonb is libvec's format. What looks inside a json
 * takes pieces out of the text, so that numbers and white space stay as they were.
 */
#include "func/json_int.h"

#include "types/array_int.h"
#include "types/row_int.h"

#include <fly/vec_json.h>

enum { PATH_MAX = 256 };

static fly_bytes jsonb_of(const fly_vec_value *arg)
{
    return arg_bytes(arg);
}

/* The call's place goes with libvec's failures, and its DETAIL into its place. */
static fly_status at(fly__sql_call *call, fly_status status)
{
    fly_err *err = call->err;
    if (status != FLY_OK && err != NULL) {
        err->position = err->position == 0 ? call->pos : err->position;
    }
    return status;
}

/* ---------------------------------------------------------------------- one step */

ROW(json_field)
{
    fly_bytes value;
    bool found = false;
    fly_status status = fly_vec_json_get(arg_bytes(&args[0]), arg_bytes(&args[1]), call->arena,
                                         &value, &found, call->err);
    if (status != FLY_OK || !found) {
        return status != FLY_OK ? at(call, status) : give_null(result);
    }
    return give_bytes(result, value);
}

ROW(json_element)
{
    fly_bytes value;
    return fly_vec_json_at(arg_bytes(&args[0]), args[1].i32, &value) ? give_bytes(result, value)
                                                                     : give_null(result);
}

ROW(jsonb_field)
{
    fly_bytes value;
    return fly_vec_jsonb_get(jsonb_of(&args[0]), arg_bytes(&args[1]), &value)
               ? give_bytes(result, value)
               : give_null(result);
}

ROW(jsonb_element)
{
    fly_bytes value;
    fly_bytes whole = jsonb_of(&args[0]);
    if (fly_vec_jsonb_type(whole) != FLY_VEC_JSON_ARRAY) {
        return give_null(result);
    }
    return fly_vec_jsonb_at(whole, args[1].i32, &value) ? give_bytes(result, value)
                                                        : give_null(result);
}

/* What was found as SQL text. */
static fly_status as_text(fly__sql_call *call, bool binary, fly_vec_value *result)
{
    if (result->null) {
        return FLY_OK;
    }
    fly_vec_str whole = result->str;
    fly_vec_str text;
    bool null = false;
    fly_status status =
        binary ? fly_vec_jsonb_text(fly_vec_str_bytes(&whole), call->arena, &text, &null, call->err)
               : fly_vec_json_text(fly_vec_str_bytes(&whole), call->arena, &text, &null, call->err);
    if (status != FLY_OK) {
        return at(call, status);
    }
    /* A text that borrows from the short string here must not outlive it. */
    return null ? give_null(result)
                : fly__sql_give_copy(call, fly_vec_str_data(&text), text.len, result);
}

#define AS_TEXT(name, of, binary)                                                                  \
    ROW(name)                                                                                      \
    {                                                                                              \
        fly_status status = fly__sql_fn_##of(call, args, result);                                  \
        return status != FLY_OK ? status : as_text(call, binary, result);                          \
    }

AS_TEXT(json_field_text, json_field, false)
AS_TEXT(json_element_text, json_element, false)
AS_TEXT(jsonb_field_text, jsonb_field, true)
AS_TEXT(jsonb_element_text, jsonb_element, true)

/* ------------------------------------------------------------------------- paths */

/* A path given as an array of texts; strings borrow from `array`. `*null`: an element is NULL. */
static fly_status path_of(fly__sql_call *call, const fly_vec_value *arg, fly_vec_value *keep,
                          fly_bytes path[PATH_MAX], size_t *count, int *null)
{
    fly__sql_array array;
    *null = 0;
    *count = 0;
    fly_status status = fly__sql_array_open(&arg->str, &array, call->err);
    if (status != FLY_OK) {
        return status;
    }
    if (array.dimensions > 1) {
        return FAIL(call, "2202E", "wrong number of array subscripts");
    }
    if (array.count > PATH_MAX) {
        return FAIL(call, "54000", "path is longer than %d", PATH_MAX);
    }
    fly__sql_array_iter iter = {0};
    while (fly__sql_array_next(&array, &iter, &keep[*count])) {
        if (keep[*count].null) {
            *null = (int)*count + 1;
            path[(*count)++] = fly_bytes_of(NULL, 0);
        } else {
            path[*count] = fly_vec_str_bytes(&keep[*count].str);
            (*count)++;
        }
    }
    return FLY_OK;
}

/* A number of an element as a path has it; false: it is none. */
static bool index_of(fly_bytes step, int64_t *index)
{
    return fly_vec_i64_parse(step, index, NULL) == FLY_OK && *index >= INT32_MIN &&
           *index <= INT32_MAX;
}

static fly_status json_path(fly__sql_call *call, fly_bytes whole, const fly_bytes *path,
                            size_t count, fly_vec_value *result)
{
    for (size_t i = 0; i < count; i++) {
        fly_bytes next = whole;
        bool found = false;
        int64_t index;
        fly_vec_json_type type = fly_vec_json_type_of(whole);
        if (type == FLY_VEC_JSON_OBJECT) {
            fly_status status =
                fly_vec_json_get(whole, path[i], call->arena, &next, &found, call->err);
            if (status != FLY_OK) {
                return at(call, status);
            }
        } else if (type == FLY_VEC_JSON_ARRAY && index_of(path[i], &index)) {
            found = fly_vec_json_at(whole, index, &next);
        }
        if (!found) {
            return give_null(result);
        }
        whole = next;
    }
    return give_bytes(result, whole);
}

static fly_status extract(fly__sql_call *call, bool binary, const fly_vec_value *args,
                          fly_vec_value *result)
{
    fly_vec_value keep[PATH_MAX];
    fly_bytes path[PATH_MAX];
    size_t count = 0;
    int null = 0;
    fly_bytes whole = arg_bytes(&args[0]);
    fly_status status = path_of(call, &args[1], keep, path, &count, &null);
    if (status != FLY_OK || null > 0) {
        return status != FLY_OK ? status : give_null(result);
    }
    if (!binary) {
        return json_path(call, whole, path, count, result);
    }
    fly_bytes value;
    return fly_vec_jsonb_path(whole, path, count, &value) ? give_bytes(result, value)
                                                          : give_null(result);
}

ROW(json_path)
{
    return extract(call, false, args, result);
}

ROW(jsonb_path)
{
    return extract(call, true, args, result);
}

AS_TEXT(json_path_text, json_path, false)
AS_TEXT(jsonb_path_text, jsonb_path, true)

/* The same with the path as arguments of their own. */
static fly_status extract_variadic(fly__sql_call *call, bool binary, const fly_vec_value *args,
                                   fly_vec_value *result)
{
    fly_bytes path[PATH_MAX];
    size_t count = call->argc - 1;
    if (count > PATH_MAX) {
        return FAIL(call, "54000", "path is longer than %d", PATH_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        path[i] = arg_bytes(&args[i + 1]);
    }
    if (!binary) {
        return json_path(call, arg_bytes(&args[0]), path, count, result);
    }
    fly_bytes value;
    return fly_vec_jsonb_path(arg_bytes(&args[0]), path, count, &value) ? give_bytes(result, value)
                                                                        : give_null(result);
}

ROW(json_path_v)
{
    return extract_variadic(call, false, args, result);
}

ROW(jsonb_path_v)
{
    return extract_variadic(call, true, args, result);
}

AS_TEXT(json_path_text_v, json_path_v, false)
AS_TEXT(jsonb_path_text_v, jsonb_path_v, true)

/* ------------------------------------------------------------------ types, lengths */

ROW(json_typeof)
{
    return give_bytes(
        result, fly_bytes_str(fly_vec_json_type_name(fly_vec_json_type_of(arg_bytes(&args[0])))));
}

ROW(jsonb_typeof)
{
    return give_bytes(
        result, fly_bytes_str(fly_vec_json_type_name(fly_vec_jsonb_type(jsonb_of(&args[0])))));
}

static fly_status check_array(fly__sql_call *call, fly_vec_json_type type)
{
    if (type == FLY_VEC_JSON_ARRAY) {
        return FLY_OK;
    }
    return FAIL(call, "22023",
                type == FLY_VEC_JSON_OBJECT ? "cannot get array length of a non-array"
                                            : "cannot get array length of a scalar");
}

ROW(json_array_length)
{
    fly_vec_json_scan scan;
    fly_bytes key;
    fly_bytes value;
    int32_t count = 0;
    fly_bytes whole = arg_bytes(&args[0]);
    fly_status status = check_array(call, fly_vec_json_type_of(whole));
    if (status == FLY_OK && fly_vec_json_scan_begin(&scan, whole)) {
        while (fly_vec_json_scan_next(&scan, &key, &value)) {
            count++;
        }
    }
    return status != FLY_OK ? status : give_i32(result, count);
}

ROW(jsonb_array_length)
{
    fly_bytes whole = jsonb_of(&args[0]);
    fly_status status = check_array(call, fly_vec_jsonb_type(whole));
    return status != FLY_OK ? status : give_i32(result, (int32_t)fly_vec_jsonb_count(whole));
}

/* ------------------------------------------------------------------ jsonb operators */

ROW(jsonb_contains)
{
    return give_bool(result, fly_vec_jsonb_contains(jsonb_of(&args[0]), jsonb_of(&args[1])));
}

ROW(jsonb_contained)
{
    return give_bool(result, fly_vec_jsonb_contains(jsonb_of(&args[1]), jsonb_of(&args[0])));
}

ROW(jsonb_exists)
{
    return give_bool(result, fly_vec_jsonb_exists(jsonb_of(&args[0]), arg_bytes(&args[1])));
}

static fly_status exists_of(fly__sql_call *call, bool all, const fly_vec_value *args,
                            fly_vec_value *result)
{
    fly__sql_array array;
    fly__sql_array_iter iter = {0};
    fly_vec_value key;
    fly_status status = fly__sql_array_open(&args[1].str, &array, call->err);
    while (status == FLY_OK && fly__sql_array_next(&array, &iter, &key)) {
        if (!key.null && fly_vec_jsonb_exists(jsonb_of(&args[0]), arg_bytes(&key)) != all) {
            return give_bool(result, !all);
        }
    }
    return status != FLY_OK ? status : give_bool(result, all);
}

ROW(jsonb_exists_any)
{
    return exists_of(call, false, args, result);
}

ROW(jsonb_exists_all)
{
    return exists_of(call, true, args, result);
}

/* A changed value. */
static fly_status give_jsonb(fly__sql_call *call, fly_status status, fly_vec_str value,
                             fly_vec_value *result)
{
    return status != FLY_OK ? at(call, status) : give_str(result, value);
}

ROW(jsonb_concat)
{
    fly_vec_str value = {0};
    fly_status status = fly_vec_jsonb_concat(jsonb_of(&args[0]), jsonb_of(&args[1]), call->arena,
                                             &value, call->err);
    return give_jsonb(call, status, value, result);
}

ROW(jsonb_delete_key)
{
    fly_vec_str value = {0};
    fly_bytes key = arg_bytes(&args[1]);
    fly_status status =
        fly_vec_jsonb_delete(jsonb_of(&args[0]), &key, 1, call->arena, &value, call->err);
    return give_jsonb(call, status, value, result);
}

ROW(jsonb_delete_keys)
{
    fly_vec_value keep[PATH_MAX];
    fly_bytes keys[PATH_MAX];
    size_t count = 0;
    int null = 0;
    fly_vec_str value = {0};
    fly_status status = path_of(call, &args[1], keep, keys, &count, &null);
    if (status == FLY_OK) {
        status =
            fly_vec_jsonb_delete(jsonb_of(&args[0]), keys, count, call->arena, &value, call->err);
    }
    return give_jsonb(call, status, value, result);
}

ROW(jsonb_delete_index)
{
    fly_vec_str value = {0};
    fly_status status =
        fly_vec_jsonb_delete_at(jsonb_of(&args[0]), args[1].i32, call->arena, &value, call->err);
    return give_jsonb(call, status, value, result);
}

/* What changes the value at a path: 'd' delete, 's' set, 'i' insert; `flag` is create or after. */
static fly_status change_path(fly__sql_call *call, char what, bool flag, const fly_vec_value *args,
                              fly_vec_value *result)
{
    fly_vec_value keep[PATH_MAX];
    fly_bytes path[PATH_MAX];
    size_t count = 0;
    int null = 0;
    fly_vec_str value = {0};
    fly_bytes whole = jsonb_of(&args[0]);
    fly_status status = path_of(call, &args[1], keep, path, &count, &null);
    if (status != FLY_OK) {
        return status;
    }
    fly_vec_json_type type = fly_vec_jsonb_type(whole);
    if (type != FLY_VEC_JSON_ARRAY && type != FLY_VEC_JSON_OBJECT) {
        return FAIL(call, "22023",
                    what == 'd' ? "cannot delete path in scalar" : "cannot set path in scalar");
    }
    if (null > 0) {
        return FAIL(call, "22004", "path element at position %d is null", null);
    }
    if (what == 'd') {
        status = fly_vec_jsonb_delete_path(whole, path, count, call->arena, &value, call->err);
    } else if (what == 's') {
        status = fly_vec_jsonb_set(whole, path, count, jsonb_of(&args[2]), flag, call->arena,
                                   &value, call->err);
    } else {
        status = fly_vec_jsonb_insert(whole, path, count, jsonb_of(&args[2]), flag, call->arena,
                                      &value, call->err);
    }
    return give_jsonb(call, status, value, result);
}

ROW(jsonb_delete_path)
{
    return change_path(call, 'd', false, args, result);
}

ROW(jsonb_set)
{
    return change_path(call, 's', call->argc < 4 || args[3].b, args, result);
}

ROW(jsonb_insert)
{
    return change_path(call, 'i', call->argc > 3 && args[3].b, args, result);
}

/* jsonb_set() that takes a NULL as the last argument says. */
ROW(jsonb_set_lax)
{
    bool create = call->argc < 4 || args[3].b;
    if (args[0].null || args[1].null || (call->argc > 3 && args[3].null)) {
        return give_null(result);
    }
    if (!args[2].null) {
        return change_path(call, 's', create, args, result);
    }
    fly_bytes how = call->argc > 4 && !args[4].null ? arg_bytes(&args[4])
                                                    : fly_bytes_str("use_json_null");
    if (call->argc > 4 && args[4].null) {
        return FAIL(call, "22023",
                    "null_value_treatment must be \"delete_key\", "
                    "\"return_target\", \"use_json_null\", or "
                    "\"raise_exception\"");
    }
    if (fly_bytes_equal(how, fly_bytes_str("return_target"))) {
        return give_str(result, args[0].str);
    }
    if (fly_bytes_equal(how, fly_bytes_str("delete_key"))) {
        return change_path(call, 'd', false, args, result);
    }
    if (fly_bytes_equal(how, fly_bytes_str("raise_exception"))) {
        FAIL(call, "22004", "JSON value must not be null");
        fly_err_detail(call->err, "Exception was raised because null_value_treatment is "
                                  "\"raise_exception\".");
        fly_err_hint(call->err, "To avoid, either change the null_value_treatment argument or "
                                "ensure that an SQL NULL is not passed.");
        return FLY_E_INVALID;
    }
    if (!fly_bytes_equal(how, fly_bytes_str("use_json_null"))) {
        return FAIL(call, "22023",
                    "null_value_treatment must be \"delete_key\", "
                    "\"return_target\", \"use_json_null\", or "
                    "\"raise_exception\"");
    }
    fly_vec_value three[3] = {args[0], args[1], {.null = false}};
    fly_status status = fly_vec_jsonb_of_null(&three[2].str);
    return status != FLY_OK ? status : change_path(call, 's', create, three, result);
}

ROW(jsonb_strip_nulls)
{
    fly_vec_str value = {0};
    fly_status status =
        fly_vec_jsonb_strip_nulls(jsonb_of(&args[0]), call->arena, &value, call->err);
    return give_jsonb(call, status, value, result);
}

ROW(jsonb_pretty)
{
    fly_vec_str text = {0};
    fly_status status =
        fly_vec_jsonb_format(jsonb_of(&args[0]), true, call->arena, &text, call->err);
    return give_jsonb(call, status, text, result);
}

/* Members that are null go, white space too; all else stays as it is written. */
static void strip(fly_bytes value, unsigned depth, fly_sql_text *text)
{
    fly_vec_json_scan scan;
    fly_bytes key;
    fly_bytes member;
    if (depth > FLY_VEC_JSON_DEPTH_MAX || !fly_vec_json_scan_begin(&scan, value)) {
        while (value.len > 0 && strchr(" \t\r\n", value.data[0]) != NULL) {
            value = fly_bytes_of(value.data + 1, value.len - 1);
        }
        while (value.len > 0 && strchr(" \t\r\n", value.data[value.len - 1]) != NULL) {
            value.len--;
        }
        fly__sql_text_add(text, (const char *)value.data, value.len);
        return;
    }
    bool first = true;
    fly__sql_text_put(text, scan.object ? "{" : "[");
    while (fly_vec_json_scan_next(&scan, &key, &member)) {
        if (scan.object && fly_vec_json_type_of(member) == FLY_VEC_JSON_NULL) {
            continue;
        }
        fly__sql_text_put(text, first ? "" : ",");
        first = false;
        if (scan.object) {
            fly__sql_text_add(text, (const char *)key.data, key.len);
            fly__sql_text_put(text, ":");
        }
        strip(member, depth + 1, text);
    }
    fly__sql_text_put(text, scan.object ? "}" : "]");
}

ROW(json_strip_nulls)
{
    fly_sql_text text = {.arena = call->arena};
    strip(arg_bytes(&args[0]), 0, &text);
    return fly__sql_give_text(call, &text, result);
}

/* ------------------------------------------------------------------------ making */

/* Give a JSON text as the call's result type. */
static fly_status give_json(fly__sql_call *call, fly_sql_text *text, fly_vec_value *result)
{
    if (text->failed) {
        return fly__sql_no_memory(call->err);
    }
    if (call->result.oid != FLY_SQL_JSONB) {
        return fly__sql_give_text(call, text, result);
    }
    result->null = false;
    return fly__sql_jsonb_in(fly_bytes_of(text->data, text->len), call->arena, result, call->err);
}

fly_status fly__sql_json_add(fly__sql_call *call, uint32_t i, const fly_vec_value *args,
                             fly_sql_text *text)
{
    return fly__sql_json_write(call->session, call->types[i], &args[i], false, 0, text, call->err);
}

ROW(to_json)
{
    fly_sql_text text = {.arena = call->arena};
    bool pretty = call->argc > 1 && args[1].b;
    fly_status status =
        fly__sql_json_write(call->session, call->types[0], &args[0], pretty, 0, &text, call->err);
    return status != FLY_OK ? status : give_json(call, &text, result);
}

fly_status fly__sql_json_add_key(fly__sql_call *call, uint32_t i, const fly_vec_value *args,
                                 fly_sql_text *text)
{
    fly_sql_text key = {.arena = call->arena};
    fly_vec_str quoted;
    fly_status status =
        fly__sql_value_write(call->session, call->types[i], &args[i], 0, &key, call->err);
    if (status == FLY_OK && call->types[i].oid == FLY_SQL_BOOL) {
        key.len = 0;
        fly__sql_text_put(&key, args[i].b ? "true" : "false");
    }
    if (status == FLY_OK) {
        status =
            fly_vec_json_quote(fly_bytes_of(key.data, key.len), call->arena, &quoted, call->err);
    }
    if (status == FLY_OK) {
        fly__sql_text_add(text, fly_vec_str_data(&quoted), quoted.len);
    }
    return status;
}

ROW(json_build_array)
{
    fly_sql_text text = {.arena = call->arena};
    fly_status status = FLY_OK;
    fly__sql_text_put(&text, "[");
    for (uint32_t i = 0; i < call->argc && status == FLY_OK; i++) {
        fly__sql_text_put(&text, i > 0 ? ", " : "");
        status = fly__sql_json_add(call, i, args, &text);
    }
    fly__sql_text_put(&text, "]");
    return status != FLY_OK ? status : give_json(call, &text, result);
}

ROW(json_build_object)
{
    bool binary = call->result.oid == FLY_SQL_JSONB;
    fly_sql_text text = {.arena = call->arena};
    fly_status status = FLY_OK;
    if (call->argc % 2 != 0) {
        FAIL(call, "22023", "argument list must have even number of elements");
        fly_err_hint(call->err,
                     "The arguments of %s() must consist of alternating keys and values.",
                     call->func->name);
        return FLY_E_INVALID;
    }
    fly__sql_text_put(&text, "{");
    for (uint32_t i = 0; i < call->argc && status == FLY_OK; i += 2) {
        if (args[i].null) {
            if (binary) {
                return FAIL(call, "22023", "argument %u: key must not be null", i + 1);
            }
            FAIL(call, "22023", "argument %u cannot be null", i + 1);
            fly_err_hint(call->err, "Object keys should be text.");
            return FLY_E_INVALID;
        }
        fly__sql_text_put(&text, i > 0 ? ", " : "");
        status = fly__sql_json_add_key(call, i, args, &text);
        fly__sql_text_put(&text, " : ");
        if (status == FLY_OK) {
            status = fly__sql_json_add(call, i + 1, args, &text);
        }
    }
    fly__sql_text_put(&text, "}");
    return status != FLY_OK ? status : give_json(call, &text, result);
}

static fly_status put_quoted(fly__sql_call *call, const fly_vec_value *value, fly_sql_text *text)
{
    fly_vec_str quoted;
    if (value->null) {
        fly__sql_text_put(text, "null");
        return FLY_OK;
    }
    fly_status status = fly_vec_json_quote(arg_bytes(value), call->arena, &quoted, call->err);
    if (status == FLY_OK) {
        fly__sql_text_add(text, fly_vec_str_data(&quoted), quoted.len);
    }
    return status;
}

/* json_object() of an array of keys and values in turn, or in pairs, or of two arrays. */
ROW(json_object)
{
    fly__sql_array keys;
    fly__sql_array values;
    fly_status status = fly__sql_array_open(&args[0].str, &keys, call->err);
    if (status == FLY_OK && call->argc > 1) {
        status = fly__sql_array_open(&args[1].str, &values, call->err);
    }
    if (status != FLY_OK) {
        return status;
    }
    bool two = call->argc > 1;
    if (two && (keys.dimensions > 1 || keys.dimensions != values.dimensions)) {
        return FAIL(call, "2202E",
                    keys.dimensions > 1 ? "wrong number of array subscripts"
                                        : "mismatched array dimensions");
    }
    if (two && keys.count != values.count) {
        return FAIL(call, "2202E", "mismatched array dimensions");
    }
    if (!two && keys.dimensions == 1 && keys.count % 2 != 0) {
        return FAIL(call, "2202E", "array must have even number of elements");
    }
    if (!two && keys.dimensions == 2 && keys.length[1] != 2) {
        return FAIL(call, "2202E", "array must have two columns");
    }
    if (!two && keys.dimensions > 2) {
        return FAIL(call, "2202E", "wrong number of array subscripts");
    }
    fly_sql_text text = {.arena = call->arena};
    fly__sql_array_iter key_iter = {0};
    fly__sql_array_iter value_iter = {0};
    fly_vec_value key;
    fly_vec_value value;
    bool first = true;
    fly__sql_text_put(&text, "{");
    while (status == FLY_OK && fly__sql_array_next(&keys, &key_iter, &key)) {
        if (!(two ? fly__sql_array_next(&values, &value_iter, &value)
                  : fly__sql_array_next(&keys, &key_iter, &value))) {
            break;
        }
        if (key.null) {
            return FAIL(call, "22004", "null value not allowed for object key");
        }
        fly__sql_text_put(&text, first ? "" : ", ");
        first = false;
        status = put_quoted(call, &key, &text);
        fly__sql_text_put(&text, " : ");
        if (status == FLY_OK) {
            status = put_quoted(call, &value, &text);
        }
    }
    fly__sql_text_put(&text, "}");
    return status != FLY_OK ? status : give_json(call, &text, result);
}

/* ------------------------------------------------------------------------- casts */

ROW(json_to_jsonb)
{
    result->null = false;
    return fly__sql_jsonb_in(arg_bytes(&args[0]), call->arena, result, call->err);
}

ROW(jsonb_to_json)
{
    fly_sql_text text = {.arena = call->arena};
    fly_status status = fly__sql_jsonb_out(&args[0], &text, call->err);
    return status != FLY_OK ? status : fly__sql_give_text(call, &text, result);
}

static fly_status cannot_cast(fly__sql_call *call, fly_vec_json_type type, const char *target)
{
    const char *name = fly_vec_json_type_name(type);
    return FAIL(call, "22023", "cannot cast jsonb %s to type %s", name, target);
}

ROW(jsonb_to_bool)
{
    fly_vec_json_type type = fly_vec_jsonb_type(jsonb_of(&args[0]));
    if (type != FLY_VEC_JSON_TRUE && type != FLY_VEC_JSON_FALSE) {
        return cannot_cast(call, type, "boolean");
    }
    return give_bool(result, type == FLY_VEC_JSON_TRUE);
}

/* A number out of a jsonb, by the cast of numeric. */
static fly_status to_number(fly__sql_call *call, const char *name, fly__sql_row_fn cast,
                            const fly_vec_value *args, fly_vec_value *result)
{
    fly_bytes whole = jsonb_of(&args[0]);
    fly_vec_json_type type = fly_vec_jsonb_type(whole);
    if (type != FLY_VEC_JSON_NUMBER) {
        return cannot_cast(call, type, name);
    }
    fly_sql_type numeric = fly__sql_type(FLY_SQL_NUMERIC);
    fly_vec_value number = {.str = fly_vec_jsonb_payload(whole)};
    fly__sql_call inner = *call;
    inner.types = &numeric;
    return cast == NULL ? fly__sql_give_numeric(call, number.str, result)
                        : cast(&inner, &number, result);
}

ROW(jsonb_to_i16)
{
    return to_number(call, "smallint", fly__sql_fn_numeric_to_i16, args, result);
}

ROW(jsonb_to_i32)
{
    return to_number(call, "integer", fly__sql_fn_numeric_to_i32, args, result);
}

ROW(jsonb_to_i64)
{
    return to_number(call, "bigint", fly__sql_fn_numeric_to_i64, args, result);
}

ROW(jsonb_to_f32)
{
    return to_number(call, "real", fly__sql_fn_numeric_to_f32, args, result);
}

ROW(jsonb_to_f64)
{
    return to_number(call, "double precision", fly__sql_fn_numeric_to_f64, args, result);
}

ROW(jsonb_to_numeric)
{
    return to_number(call, "numeric", NULL, args, result);
}

/* ------------------------------------------------------------------------ records */

/* A row of a composite type out of an object: members by the columns' names, through their text. */
ROW(json_populate_record)
{
    const fly__sql_catalog_view *view = fly__sql_view_of(call->session);
    bool binary = call->types[1].oid == FLY_SQL_JSONB;
    const fly__sql_table *table = fly__sql_table_of_row(view, call->types[0].oid);
    if (table == NULL) {
        return FAIL(call, "0A000", "%s() is not supported for this type", call->func->name);
    }
    if (args[1].null) {
        *result = args[0];
        return FLY_OK;
    }
    fly_vec_value *values = fly__sql_values_alloc(call->arena, table->column_count);
    fly_sql_type *types = fly_arena_alloc(call->arena, table->column_count * sizeof *types);
    fly__sql_record base = {0};
    if (values == NULL || types == NULL) {
        return fly__sql_no_memory(call->err);
    }
    fly_status status = args[0].null ? FLY_OK
                                     : fly__sql_record_open(&args[0].str, &base, call->err);
    for (uint16_t i = 0; i < table->column_count && status == FLY_OK; i++) {
        const fly__sql_column *column = &table->columns[i];
        types[i] = column->type;
        values[i] = (fly_vec_value){.null = true};
        fly_vec_value pair[2] = {args[1],
                                 {.str = fly_vec_str_of(column->name, strlen(column->name))}};
        fly_vec_value found = {.null = true};
        if (!column->dropped) {
            status = binary ? fly__sql_fn_jsonb_field(call, pair, &found)
                            : fly__sql_fn_json_field(call, pair, &found);
        }
        if (status == FLY_OK && found.null && !args[0].null) {
            fly_sql_type ignored;
            fly__sql_record_at(&base, i, &ignored, &values[i]);
            continue;
        }
        bool json = types[i].oid == FLY_SQL_JSON || types[i].oid == FLY_SQL_JSONB;
        if (status == FLY_OK && !(json && !binary)) {
            status = as_text(call, binary, &found);
        }
        if (status == FLY_OK && !found.null) {
            status = fly__sql_value_in(call->session, types[i], arg_bytes(&found), call->arena,
                                       &values[i], call->err);
        }
        if (status == FLY_OK && !values[i].null) {
            status = fly__sql_value_fit(types[i], false, &values[i], call->arena, call->err);
        }
    }
    result->null = false;
    return status != FLY_OK ? status
                            : fly__sql_record_make(call->types[0].oid, table->column_count, types,
                                                   values, call->arena, &result->str, call->err);
}
