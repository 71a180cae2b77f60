/*
 * Statements for servers: parameters and rows in the formats of PostgreSQL's protocol, text or binary.
 *
 * Rows go straight into a buffer of the caller's: nothing is allocated for a value unless its text has
 * to be made on the way.
 */
#include "session/stmt_int.h"

#include "types/wire_int.h"

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a result");
}

/* ------------------------------------------------------------------- parameters */

fly_status fly__sql_stmt_given(fly_sql_stmt *stmt, const uint32_t *types, uint32_t count,
                               fly_err *err)
{
    if (count == 0) {
        return FLY_OK;
    }
    if (count > 65535) {
        return fly_err_state(err, "08P01", 0, "a statement has at most 65535 parameters");
    }
    stmt->param_types = fly_arena_alloc(&stmt->arena, count * sizeof *stmt->param_types);
    if (stmt->param_types == NULL) {
        return no_memory(err);
    }
    fly_status status = fly__sql_session_view(stmt->session, err);
    for (uint32_t i = 0; status == FLY_OK && i < count; i++) {
        bool infer = types[i] == 0 || types[i] == FLY_SQL_UNKNOWN;
        stmt->param_types[i] = infer ? (fly_sql_type){.oid = 0, .mod = -1}
                                     : fly__sql_type_of_oid(stmt->session->view, types[i]);
        if (!infer && stmt->param_types[i].oid == 0) {
            status = fly_err_state(err, "42704", 0, "type with OID %u does not exist",
                                   (unsigned)types[i]);
        }
    }
    stmt->param_count = status == FLY_OK ? count : 0;
    return status;
}

fly_status fly_sql_bind_binary(fly_sql_stmt *stmt, uint32_t n, fly_bytes bytes, fly_err *err)
{
    if (n < 1 || n > stmt->param_count) {
        return fly_err_state(err, "42P02", 0, "there is no parameter $%u", (unsigned)n);
    }
    fly_vec_value value = {0};
    fly_status status = fly__sql_value_receive(stmt->session, stmt->param_types[n - 1], bytes, n,
                                               &stmt->text_arena, &value, err);
    return status == FLY_OK ? fly_sql_bind_value(stmt, n, &value, err) : status;
}

/* ------------------------------------------------------------------------- rows */

fly_sql_type fly_sql_column_sent(const fly_sql_stmt *stmt, uint32_t i, int16_t *length)
{
    const fly__sql_catalog_view *view = fly__sql_view_of(stmt->session);
    fly_sql_type type = fly__sql_type_undomain(view, fly_sql_column_type(stmt, i));
    if (type.oid == FLY_SQL_UNKNOWN) {
        type = fly__sql_type(FLY_SQL_TEXT);
    }
    const fly__sql_type_info *info = fly__sql_type_info_of(type.oid);
    /* Of a user's types only enums have a fixed length. */
    *length = info != NULL ? info->length : fly__sql_type_physical(type) == FLY_VEC_I32 ? 4 : -1;
    return type;
}

static fly_status append(fly_sql_stmt *stmt, fly_sql_type type, const fly_vec_value *value,
                         fly_sql_format format, fly_sql_buffer *buffer, fly_err *err)
{
    return format == FLY_SQL_FORMAT_BINARY
               ? fly__sql_value_send(stmt->session, type, value, &stmt->text_arena, buffer, err)
               : fly__sql_value_show(stmt->session, type, value, &stmt->text_arena, buffer, err);
}

fly_status fly_sql_column_append(fly_sql_stmt *stmt, uint32_t i, fly_sql_format format,
                                 fly_sql_buffer *buffer, fly_err *err)
{
    fly_vec_value value = fly_sql_column_value(stmt, i);
    if (value.null) {
        return FLY_OK;
    }
    return append(stmt, fly_sql_column_type(stmt, i), &value, format, buffer, err);
}

static void put_length(uint8_t *at, uint32_t len)
{
    at[0] = (uint8_t)(len >> 24);
    at[1] = (uint8_t)(len >> 16);
    at[2] = (uint8_t)(len >> 8);
    at[3] = (uint8_t)len;
}

fly_status fly_sql_row_append(fly_sql_stmt *stmt, const fly_sql_format *formats, uint32_t count,
                              fly_sql_buffer *buffer, fly_err *err)
{
    uint32_t columns = fly_sql_column_count(stmt);
    size_t start = buffer->len;
    uint8_t *head = fly__sql_buffer_room(buffer, 2);
    if (head == NULL) {
        return no_memory(err);
    }
    head[0] = (uint8_t)(columns >> 8);
    head[1] = (uint8_t)columns;
    fly_status status = FLY_OK;
    for (uint32_t i = 0; status == FLY_OK && i < columns; i++) {
        fly_vec_value value = fly_sql_column_value(stmt, i);
        size_t at = buffer->len;
        uint8_t *length = fly__sql_buffer_room(buffer, 4);
        if (length == NULL) {
            status = no_memory(err);
            break;
        }
        put_length(length, UINT32_MAX);
        if (value.null) {
            continue;
        }
        fly_sql_format format = count == 0   ? FLY_SQL_FORMAT_TEXT
                                : count == 1 ? formats[0]
                                : i < count  ? formats[i]
                                             : FLY_SQL_FORMAT_TEXT;
        status = append(stmt, fly_sql_column_type(stmt, i), &value, format, buffer, err);
        put_length(buffer->data + at, (uint32_t)(buffer->len - at - 4));
    }
    if (status != FLY_OK) {
        buffer->len = start;
    }
    return status;
}

bool fly_sql_running(const fly_sql_stmt *stmt)
{
    return stmt->state != FLY__SQL_IDLE;
}
