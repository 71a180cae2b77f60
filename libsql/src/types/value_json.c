/*
 * JSON as text: checked on its way in, and values of any type written as JSON.
 */
#include "types/value_int.h"

#include "types/array_int.h"
#include "types/row_int.h"

#include <fly/vec_json.h>
#include <fly/vec_numeric.h>

/* libvec leaves what PostgreSQL calls DETAIL in the hint. */
static fly_status detailed(fly_status status, fly_err *err)
{
    if (status != FLY_OK && err != NULL && err->hint[0] != '\0' && err->detail[0] == '\0') {
        memcpy(err->detail, err->hint, sizeof err->hint);
        err->hint[0] = '\0';
    }
    return status;
}

fly_status fly__sql_jsonb_in(fly_bytes text, fly_arena *arena, fly_vec_value *value, fly_err *err)
{
    return detailed(fly_vec_jsonb_parse(text, arena, &value->str, err), err);
}

fly_status fly__sql_jsonb_out(const fly_vec_value *value, fly_sql_text *text, fly_err *err)
{
    fly_vec_str out;
    fly_status status =
        fly_vec_jsonb_format(fly_vec_str_bytes(&value->str), false, text->arena, &out, err);
    if (status == FLY_OK) {
        fly__sql_text_add(text, fly_vec_str_data(&out), out.len);
    }
    return status;
}

fly_status fly__sql_json_check(fly_bytes text, fly_arena *arena, fly_err *err)
{
    (void)arena;
    return detailed(fly_vec_json_check(text, err), err);
}

/* ----------------------------------------------------------------- values as JSON */

static fly_status put_quoted(fly_bytes bytes, fly_sql_text *text, fly_err *err)
{
    fly_vec_str out;
    fly_status status = fly_vec_json_quote(bytes, text->arena, &out, err);
    if (status == FLY_OK) {
        fly__sql_text_add(text, fly_vec_str_data(&out), out.len);
    }
    return status;
}

static fly_status put_array(struct fly_sql_session *session, const fly_vec_value *value,
                            bool pretty, unsigned depth, fly_sql_text *text, fly_err *err)
{
    fly__sql_array array;
    fly_status status = fly__sql_array_open(&value->str, &array, err);
    if (status != FLY_OK) {
        return status;
    }
    if (array.count == 0) {
        fly__sql_text_put(text, "[]");
        return FLY_OK;
    }
    fly_sql_type type = fly__sql_array_type(&array);
    fly__sql_array_iter iter = {0};
    fly_vec_value element;
    while (status == FLY_OK && fly__sql_array_next(&array, &iter, &element)) {
        uint32_t index = iter.index - 1;
        if (index > 0) {
            bool line = pretty && index % (array.count / array.length[0]) == 0;
            fly__sql_text_put(text, line ? ",\n " : ",");
        }
        uint64_t size = 1;
        for (uint32_t i = array.dimensions; i > 0; i--) {
            size *= array.length[i - 1];
            fly__sql_text_put(text, index % size == 0 ? "[" : "");
        }
        status = fly__sql_json_write(session, type, &element, false, depth + 1, text, err);
        size = 1;
        for (uint32_t i = array.dimensions; i > 0; i--) {
            size *= array.length[i - 1];
            fly__sql_text_put(text, iter.index % size == 0 ? "]" : "");
        }
    }
    return status;
}

const fly__sql_table *fly__sql_table_of_row(const fly__sql_catalog_view *view, uint32_t type)
{
    if (view == NULL || type < FLY__SQL_OID_FIRST) {
        return NULL;
    }
    const fly__sql_user_type *user = fly__sql_user_type_of(view, type);
    if (user != NULL && user->table != 0) {
        return fly__sql_table_of(view, user->table);
    }
    size_t at = 0;
    const fly__sql_table *table;
    while ((table = fly__sql_table_next(view, &at)) != NULL) {
        if (table->row_type == type) {
            return table;
        }
    }
    return NULL;
}

static fly_status put_record(struct fly_sql_session *session, const fly_vec_value *value,
                             bool pretty, unsigned depth, fly_sql_text *text, fly_err *err)
{
    fly__sql_record record;
    fly_status status = fly__sql_record_open(&value->str, &record, err);
    if (status != FLY_OK) {
        return status;
    }
    const fly__sql_table *table = fly__sql_table_of_row(fly__sql_view_of(session), record.type);
    uint32_t index = 0;
    size_t at = 0;
    fly_sql_type type;
    fly_vec_value field;
    bool first = true;
    fly__sql_text_put(text, "{");
    while (status == FLY_OK && fly__sql_record_next(&record, &index, &at, &type, &field)) {
        const fly__sql_column *column =
            table != NULL && index <= table->column_count ? &table->columns[index - 1] : NULL;
        if (column != NULL && column->dropped) {
            continue;
        }
        fly__sql_text_put(text, first ? "" : pretty ? ",\n " : ",");
        first = false;
        fly_bytes name = column != NULL ? fly_bytes_str(column->name)
                                        : fly__sql_record_name(&record, index - 1);
        if (name.len > 0) {
            status = put_quoted(name, text, err);
        } else {
            fly__sql_text_put(text, "\"f");
            fly__sql_text_int(text, index);
            fly__sql_text_put(text, "\"");
        }
        fly__sql_text_put(text, ":");
        if (status == FLY_OK) {
            status = fly__sql_json_write(session, type, &field, false, depth + 1, text, err);
        }
    }
    fly__sql_text_put(text, "}");
    return status;
}

/* Times in the form of ISO 8601, whatever the session's style. */
static fly_status put_time(struct fly_sql_session *session, fly_sql_type type,
                           const fly_vec_value *value, fly_sql_text *text)
{
    fly__sql_time time;
    char out[FLY_VEC_TIME_TEXT];
    fly__sql_time_begin(&time, session, text->arena);
    time.env.date_style = FLY_VEC_DATE_ISO;
    size_t len = type.oid == FLY_SQL_DATE ? fly_vec_date_format(value->i32, &time.env, out)
                 : type.oid == FLY_SQL_TIMESTAMP
                     ? fly_vec_timestamp_format(value->i64, &time.env, out)
                     : fly_vec_timestamptz_format(value->i64, &time.env, out);
    char *blank = memchr(out, ' ', len);
    if (blank != NULL) {
        *blank = 'T';
    }
    /* +00 is written +00:00. */
    bool short_zone = type.oid == FLY_SQL_TIMESTAMPTZ && len > 3 &&
                      (out[len - 3] == '+' || out[len - 3] == '-');
    fly__sql_text_put(text, "\"");
    fly__sql_text_add(text, out, len);
    fly__sql_text_put(text, short_zone ? ":00\"" : "\"");
    return FLY_OK;
}

/* NaN and infinities are no numbers in JSON. */
static void put_number(fly_sql_text *text, const fly_sql_text *digits)
{
    bool plain = digits->len > 0 &&
                 (digits->data[digits->len - 1] >= '0' && digits->data[digits->len - 1] <= '9');
    fly__sql_text_put(text, plain ? "" : "\"");
    fly__sql_text_add(text, digits->data, digits->len);
    fly__sql_text_put(text, plain ? "" : "\"");
}

fly_status fly__sql_json_write(struct fly_sql_session *session, fly_sql_type type,
                               const fly_vec_value *value, bool pretty, unsigned depth,
                               fly_sql_text *text, fly_err *err)
{
    if (depth > FLY__SQL_VALUE_DEPTH) {
        return fly_err_state(err, "54001", 0, "stack depth limit exceeded");
    }
    if (value->null) {
        fly__sql_text_put(text, "null");
        return FLY_OK;
    }
    type = fly__sql_type_undomain(fly__sql_view_of(session), type);
    fly_sql_text scratch = {.arena = text->arena};
    fly_status status;
    switch (type.oid) {
    case FLY_SQL_BOOL:
        fly__sql_text_put(text, value->b ? "true" : "false");
        return FLY_OK;
    case FLY_SQL_INT2:
    case FLY_SQL_INT4:
    case FLY_SQL_INT8:
    case FLY_SQL_FLOAT4:
    case FLY_SQL_FLOAT8:
    case FLY_SQL_NUMERIC:
        status = fly__sql_value_write(session, type, value, depth, &scratch, err);
        if (status == FLY_OK) {
            put_number(text, &scratch);
        }
        return status;
    case FLY_SQL_JSON:
    case FLY_SQL_JSONB:
        return fly__sql_value_write(session, type, value, depth, text, err);
    case FLY_SQL_DATE:
    case FLY_SQL_TIMESTAMP:
    case FLY_SQL_TIMESTAMPTZ:
        return put_time(session, type, value, text);
    case FLY_SQL_RECORD:
        return put_record(session, value, pretty, depth, text, err);
    default:
        break;
    }
    const fly__sql_catalog_view *view = fly__sql_view_of(session);
    if (fly__sql_type_element(view, type.oid).oid != 0 && type.oid != FLY_SQL_NAME) {
        return put_array(session, value, pretty, depth, text, err);
    }
    if (fly__sql_table_of_row(view, type.oid) != NULL) {
        return put_record(session, value, pretty, depth, text, err);
    }
    status = fly__sql_value_write(session, type, value, depth, &scratch, err);
    return status != FLY_OK ? status
                            : put_quoted(fly_bytes_of(scratch.data, scratch.len), text, err);
}
