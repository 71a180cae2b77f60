/* What can be asked, request by request: the fields are those of docs/protocols/binary.md, in its order. */
#include "client_int.h"

#include <string.h>

static void put_str(fly_client *client, const char *name, const char *text)
{
    fly_frame_put_text(&client->out, name, fly_bytes_str(text != NULL ? text : ""));
}

static void put_params(fly_client *client, const fly_frame_value *params, size_t count)
{
    fly_frame_open_list(&client->out, "params");
    for (size_t i = 0; i < count; i++) {
        fly_frame_put_value(&client->out, NULL, &params[i]);
    }
    fly_frame_close(&client->out);
}

/* A question whose answer has nothing to read. */
static fly_status ask_only(fly_client *client, uint8_t type, fly_err *err)
{
    fly_frame_in in;
    return fly__client_ask(client, type, &in, err);
}

fly_status fly_client_ping(fly_client *client, fly_err *err)
{
    fly_status status = fly__client_begin(client, FLY_FRAME_PING, 0, err);
    if (status == FLY_OK) {
        put_str(client, "data", "");
        status = ask_only(client, FLY_FRAME_PING, err);
    }
    return status;
}

/* ----------------------------------------------------------------------- queries */

fly_status fly_client_query(fly_client *client, const char *sql, const fly_frame_value *params,
                            size_t count, fly_client_result **result, fly_err *err)
{
    fly_status status = fly__client_begin(client, FLY_FRAME_QUERY, 0, err);
    if (status == FLY_OK) {
        put_str(client, "sql", sql);
        put_params(client, params, count);
        status = fly__client_start(client, FLY_FRAME_QUERY, result, err);
    }
    return status;
}

fly_status fly_client_query_bytes(fly_client *client, fly_bytes sql, bool as_text,
                                  fly_client_result **result, fly_err *err)
{
    fly_status status =
        fly__client_begin(client, FLY_FRAME_QUERY, as_text ? FLY_FRAME_TEXT : 0, err);
    if (status == FLY_OK) {
        fly_frame_put_text(&client->out, "sql", sql);
        put_params(client, NULL, 0);
        status = fly__client_start(client, FLY_FRAME_QUERY, result, err);
    }
    return status;
}

fly_status fly_client_run(fly_client *client, const char *sql, fly_err *err)
{
    fly_client_result *result = NULL;
    fly_status status = fly_client_query(client, sql, NULL, 0, &result, err);
    return status != FLY_OK ? status : fly__client_finish(result, err);
}

/* ------------------------------------------------------------ prepared statements */

fly_status fly_client_prepare(fly_client *client, const char *name, const char *sql, size_t *params,
                              fly_err *err)
{
    fly_frame_in in;
    fly_status status = fly__client_begin(client, FLY_FRAME_PREPARE, 0, err);
    if (status != FLY_OK) {
        return status;
    }
    put_str(client, "name", name);
    put_str(client, "sql", sql);
    fly_frame_open_list(&client->out, "types");
    fly_frame_close(&client->out);
    status = fly__client_ask(client, FLY_FRAME_PREPARE, &in, err);
    if (status == FLY_OK && params != NULL) {
        size_t count = fly_frame_enter_list(&in, "params");
        if (fly_frame_in_status(&in, NULL) != FLY_OK) {
            return fly__client_nonsense(client, "Prepare", err);
        }
        *params = count;
    }
    return status;
}

fly_status fly_client_execute(fly_client *client, const char *name, const fly_frame_value *params,
                              size_t count, fly_client_result **result, fly_err *err)
{
    fly_status status = fly__client_begin(client, FLY_FRAME_EXECUTE, 0, err);
    if (status == FLY_OK) {
        put_str(client, "name", name);
        put_params(client, params, count);
        status = fly__client_start(client, FLY_FRAME_EXECUTE, result, err);
    }
    return status;
}

fly_status fly_client_deallocate(fly_client *client, const char *name, fly_err *err)
{
    fly_status status = fly__client_begin(client, FLY_FRAME_DEALLOCATE, 0, err);
    if (status == FLY_OK) {
        put_str(client, "name", name);
        fly_frame_put_bool(&client->out, "all", name == NULL);
        status = ask_only(client, FLY_FRAME_DEALLOCATE, err);
    }
    return status;
}

/* ------------------------------------------------------------------------ cursors */

fly_status fly_client_cursor_open(fly_client *client, const char *cursor, const char *sql,
                                  const fly_frame_value *params, size_t count, fly_err *err)
{
    fly_status status = fly__client_begin(client, FLY_FRAME_CURSOR_OPEN, 0, err);
    if (status == FLY_OK) {
        put_str(client, "cursor", cursor);
        put_str(client, "statement", "");
        put_str(client, "sql", sql);
        put_params(client, params, count);
        status = ask_only(client, FLY_FRAME_CURSOR_OPEN, err);
    }
    return status;
}

fly_status fly_client_cursor_fetch(fly_client *client, const char *cursor, uint64_t count,
                                   fly_client_result **result, fly_err *err)
{
    fly_status status = fly__client_begin(client, FLY_FRAME_CURSOR_FETCH, 0, err);
    if (status == FLY_OK) {
        put_str(client, "cursor", cursor);
        fly_frame_put_uint(&client->out, "count", count);
        status = fly__client_start(client, FLY_FRAME_CURSOR_FETCH, result, err);
    }
    return status;
}

fly_status fly_client_cursor_close(fly_client *client, const char *cursor, fly_err *err)
{
    fly_status status = fly__client_begin(client, FLY_FRAME_CURSOR_CLOSE, 0, err);
    if (status == FLY_OK) {
        put_str(client, "cursor", cursor);
        status = ask_only(client, FLY_FRAME_CURSOR_CLOSE, err);
    }
    return status;
}

/* ----------------------------------------------------------------------- metadata */

fly_status fly_client_tables(fly_client *client, const char *schema, const char *table,
                             fly_client_result **result, fly_err *err)
{
    fly_status status = fly__client_begin(client, FLY_FRAME_GET_TABLES, 0, err);
    if (status == FLY_OK) {
        put_str(client, "schema", schema);
        put_str(client, "table", table);
        status = fly__client_start(client, FLY_FRAME_GET_TABLES, result, err);
    }
    return status;
}

fly_status fly_client_table_columns(fly_client *client, const char *schema, const char *table,
                                    const char *column, fly_client_result **result, fly_err *err)
{
    fly_status status = fly__client_begin(client, FLY_FRAME_GET_COLUMNS, 0, err);
    if (status == FLY_OK) {
        put_str(client, "schema", schema);
        put_str(client, "table", table);
        put_str(client, "column", column);
        status = fly__client_start(client, FLY_FRAME_GET_COLUMNS, result, err);
    }
    return status;
}

fly_status fly_client_types(fly_client *client, const char *type, fly_client_result **result,
                            fly_err *err)
{
    fly_status status = fly__client_begin(client, FLY_FRAME_GET_TYPE_INFO, 0, err);
    if (status == FLY_OK) {
        put_str(client, "type", type);
        status = fly__client_start(client, FLY_FRAME_GET_TYPE_INFO, result, err);
    }
    return status;
}

/* ------------------------------------------------------------------- transactions */

fly_status fly_client_begin(fly_client *client, const char *isolation, bool read_only, fly_err *err)
{
    fly_client_result *result = NULL;
    fly_status status = fly__client_begin(client, FLY_FRAME_BEGIN_TX, 0, err);
    if (status == FLY_OK) {
        put_str(client, "isolation", isolation);
        fly_frame_put_bool(&client->out, "read_only", read_only);
        status = fly__client_start(client, FLY_FRAME_BEGIN_TX, &result, err);
    }
    return status != FLY_OK ? status : fly__client_finish(result, err);
}

static fly_status end_transaction(fly_client *client, uint8_t type, fly_err *err)
{
    fly_client_result *result = NULL;
    fly_status status = fly__client_begin(client, type, 0, err);
    if (status == FLY_OK) {
        status = fly__client_start(client, type, &result, err);
    }
    return status != FLY_OK ? status : fly__client_finish(result, err);
}

fly_status fly_client_commit(fly_client *client, fly_err *err)
{
    fly_status status = end_transaction(client, FLY_FRAME_COMMIT_TX, err);
    if (status == FLY_OK && strcmp(client->result.tag, "ROLLBACK") == 0) {
        return fly_err_set(err, FLY_E_ABORTED, "the transaction had failed and was rolled back");
    }
    return status;
}

fly_status fly_client_rollback(fly_client *client, fly_err *err)
{
    return end_transaction(client, FLY_FRAME_ROLLBACK_TX, err);
}

/* ------------------------------------------------------------------------ options */

fly_status fly_client_set_option(fly_client *client, const char *name, const char *value,
                                 fly_err *err)
{
    fly_client_result *result = NULL;
    fly_status status = fly__client_begin(client, FLY_FRAME_SET_OPTION, 0, err);
    if (status == FLY_OK) {
        put_str(client, "name", name);
        put_str(client, "value", value);
        status = fly__client_start(client, FLY_FRAME_SET_OPTION, &result, err);
    }
    return status != FLY_OK ? status : fly__client_finish(result, err);
}

/* A field as a C string that lives until the next request. */
static const char *keep_str(fly_client *client, fly_bytes text)
{
    char *copy = fly_arena_alloc(&client->arena, text.len + 1);
    if (copy == NULL) {
        return "";
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    return copy;
}

fly_status fly_client_get_option(fly_client *client, const char *name, const char **value,
                                 fly_err *err)
{
    fly_frame_in in;
    fly_status status = fly__client_begin(client, FLY_FRAME_GET_OPTION, 0, err);
    if (status == FLY_OK) {
        put_str(client, "name", name);
        status = fly__client_ask(client, FLY_FRAME_GET_OPTION, &in, err);
    }
    if (status == FLY_OK) {
        *value = keep_str(client, fly_frame_get_text(&in, "value"));
    }
    return status;
}

fly_status fly_client_server_info(fly_client *client, fly_client_server *info, fly_err *err)
{
    fly_frame_in in;
    fly_status status = fly__client_begin(client, FLY_FRAME_GET_SERVER_INFO, 0, err);
    if (status == FLY_OK) {
        status = fly__client_ask(client, FLY_FRAME_GET_SERVER_INFO, &in, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    info->server = keep_str(client, fly_frame_get_text(&in, "server"));
    info->version = keep_str(client, fly_frame_get_text(&in, "version"));
    info->postgresql = keep_str(client, fly_frame_get_text(&in, "postgresql"));
    info->user = keep_str(client, fly_frame_get_text(&in, "user"));
    info->database = keep_str(client, fly_frame_get_text(&in, "database"));
    return fly_frame_in_status(&in, NULL) == FLY_OK
               ? FLY_OK
               : fly__client_nonsense(client, "GetServerInfo", err);
}

/* ------------------------------------------------------------------------- events */

fly_status fly_client_watch(fly_client *client, const char *table, uint64_t from, fly_err *err)
{
    fly_status status = fly__client_begin(client, FLY_FRAME_WATCH, 0, err);
    if (status == FLY_OK) {
        put_str(client, "table", table);
        fly_frame_put_uint(&client->out, "from", from);
        status = ask_only(client, FLY_FRAME_WATCH, err);
    }
    return status;
}

fly_status fly_client_unwatch(fly_client *client, const char *table, fly_err *err)
{
    fly_status status = fly__client_begin(client, FLY_FRAME_UNWATCH, 0, err);
    if (status == FLY_OK) {
        put_str(client, "table", table);
        status = ask_only(client, FLY_FRAME_UNWATCH, err);
    }
    return status;
}
