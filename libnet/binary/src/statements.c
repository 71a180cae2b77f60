/*
 * Statements: at once, prepared, by cursors.
 *
 * A prepared statement runs itself; a cursor has a statement of its own, since rows of it are asked for
 * while others run. Cursors live in a transaction, as PostgreSQL's do: its end resets their statements,
 * which is how they are known to be over.
 */
#include "binary_int.h"

#include <fly/text.h>

#include <string.h>

enum { NAMED_MAX = 4096, TYPES_MAX = 1024 };

/* ------------------------------------------------------------------------ names */

static fly__binary_named **find(fly__binary_named **list, fly_bytes name)
{
    while (*list != NULL && !fly_bytes_equal(fly_bytes_str((*list)->name), name)) {
        list = &(*list)->next;
    }
    return list;
}

static void forget(fly__binary_client *me, fly__binary_named **at)
{
    fly__binary_named *named = *at;
    *at = named->next;
    fly_sql_finalize(named->stmt);
    fly_mem_free(fly_net_mem(me->conn), named, named->size);
    me->named_count--;
}

/* Give a statement a name, and keep it. */
static fly_status keep(fly__binary_client *me, fly__binary_named **list, fly_bytes name,
                       fly_sql_stmt *stmt, fly_err *err)
{
    size_t size = sizeof(fly__binary_named) + name.len + 1;
    if (me->named_count >= NAMED_MAX) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "more than %d prepared statements and cursors",
                           NAMED_MAX);
    }
    fly__binary_named *named = fly_mem_alloc(fly_net_mem(me->conn), size);
    if (named == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a name");
    }
    *named = (fly__binary_named){.next = *list, .stmt = stmt, .size = size};
    memcpy(named->name, name.data, name.len);
    named->name[name.len] = 0;
    *list = named;
    me->named_count++;
    return FLY_OK;
}

void fly__binary_forget_all(fly__binary_client *me)
{
    while (me->cursors != NULL) {
        forget(me, &me->cursors);
    }
    while (me->prepared != NULL) {
        forget(me, &me->prepared);
    }
}

void fly__binary_forget_ended(fly__binary_client *me)
{
    for (fly__binary_named **at = &me->cursors; *at != NULL;) {
        bool lost = (*at)->begun && !(*at)->ended && !fly_sql_running((*at)->stmt);
        if (lost || fly_sql_session_state(fly__binary_session(me)) == 'I') {
            forget(me, at);
        } else {
            at = &(*at)->next;
        }
    }
}

static fly_status check_name(fly_bytes name, fly_err *err)
{
    if (name.len > 255 || memchr(name.data, 0, name.len) != NULL) {
        return fly_err_state(err, "42602", 0, "invalid name of a statement or cursor");
    }
    return fly_text_validate(FLY_TEXT_UTF8, name, err);
}

/* ----------------------------------------------------------------------- preparing */

/* One statement, and nothing behind it. */
static fly_status prepare_one(fly__binary_client *me, fly_bytes text, const uint32_t *types,
                              uint32_t count, fly_sql_stmt **stmt, fly_err *err)
{
    fly_sql_session *session = fly__binary_session(me);
    size_t used = 0;
    fly_status status = fly_text_validate(FLY_TEXT_UTF8, text, err);
    if (status == FLY_OK) {
        status = fly_sql_prepare_typed(session, text, types, count, stmt, &used, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (*stmt == NULL) {
        return fly_err_state(err, "42601", 0, "no statement was given");
    }
    fly_err unseen = {0};
    fly_sql_stmt *second = NULL;
    if (fly_sql_prepare(session, fly_bytes_of(text.data + used, text.len - used), &second, NULL,
                        &unseen) == FLY_OK &&
        second == NULL) {
        return FLY_OK;
    }
    fly_sql_finalize(second);
    fly_sql_finalize(*stmt);
    *stmt = NULL;
    return fly_err_state(err, "42601", 0,
                         "cannot insert multiple commands into a prepared statement");
}

/* Read the list of parameters and bind them: exactly as many as the statement has. */
static fly_status bind_all(fly_sql_stmt *stmt, fly_frame_in *in, fly_err *err)
{
    fly_status status = FLY_OK;
    size_t count = fly_frame_enter_list(in, "params");
    if (count != fly_sql_param_count(stmt) && fly_frame_in_status(in, NULL) == FLY_OK) {
        return fly_err_state(err, "08P01", 0,
                             "message supplies %zu parameters, but the statement requires %u",
                             count, fly_sql_param_count(stmt));
    }
    for (size_t i = 0; i < count && status == FLY_OK; i++) {
        fly_frame_value value = fly_frame_get_value(in, NULL);
        status = fly_frame_in_status(in, err);
        if (status == FLY_OK) {
            status = fly__binary_bind(stmt, (uint32_t)i + 1, &value, err);
        }
    }
    fly_frame_leave(in);
    return status != FLY_OK ? status : fly_frame_in_end(in, err);
}

/* Query: sql, params. Without parameters it may have several statements. */
fly_status fly__binary_query(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    fly_bytes text = fly_frame_get_text(in, "sql");
    fly_frame_in peek = *in;
    size_t count = fly_frame_enter_list(&peek, "params");
    fly_status status = fly_frame_in_status(&peek, err);
    if (status != FLY_OK) {
        return status;
    }
    if (count == 0) {
        fly_frame_leave(&peek);
        status = fly_frame_in_end(&peek, err);
        if (status == FLY_OK) {
            fly__binary_start_script(me, text);
        }
        return status;
    }
    fly_sql_stmt *stmt = NULL;
    status = prepare_one(me, text, NULL, 0, &stmt, err);
    if (status == FLY_OK) {
        status = bind_all(stmt, in, err);
    }
    if (status != FLY_OK) {
        fly_sql_finalize(stmt);
        return status;
    }
    fly__binary_start(me, stmt, true);
    return FLY_OK;
}

static void answer_prepared(fly__binary_client *me, fly_sql_stmt *stmt)
{
    fly__binary_begin(me, false);
    fly_frame_open_list(&me->out, "params");
    for (uint32_t n = 1; n <= fly_sql_param_count(stmt); n++) {
        fly_frame_put_uint(&me->out, NULL, fly_sql_param_type(stmt, n).oid);
    }
    fly_frame_close(&me->out);
    fly__binary_put_columns(me, stmt);
    fly__binary_send(me);
}

/* Prepare: name, sql, types. */
fly_status fly__binary_prepare(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    uint32_t types[TYPES_MAX];
    fly_sql_stmt *stmt = NULL;
    fly_bytes name = fly_frame_get_text(in, "name");
    fly_bytes text = fly_frame_get_text(in, "sql");
    size_t count = fly_frame_enter_list(in, "types");
    for (size_t i = 0; i < count && i < TYPES_MAX; i++) {
        uint64_t oid = fly_frame_get_uint(in, NULL);
        types[i] = oid <= UINT32_MAX ? (uint32_t)oid : UINT32_MAX;
    }
    fly_frame_leave(in);
    fly_status status = count > TYPES_MAX ? fly_err_set(err, FLY_E_TOO_LARGE, "too many parameters")
                                          : fly_frame_in_end(in, err);
    if (status == FLY_OK) {
        status = check_name(name, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    fly__binary_named **old = find(&me->prepared, name);
    if (*old != NULL && name.len > 0) {
        return fly_err_state(err, "42P05", 0, "prepared statement \"%.*s\" already exists",
                             (int)name.len, (const char *)name.data);
    }
    if (*old != NULL) {
        forget(me, old);
    }
    status = prepare_one(me, text, types, (uint32_t)count, &stmt, err);
    if (status == FLY_OK) {
        status = keep(me, &me->prepared, name, stmt, err);
    }
    if (status != FLY_OK) {
        fly_sql_finalize(stmt);
        return status;
    }
    answer_prepared(me, stmt);
    return FLY_OK;
}

static fly_status find_prepared(fly__binary_client *me, fly_bytes name, fly__binary_named ***at,
                                fly_err *err)
{
    *at = find(&me->prepared, name);
    if (**at == NULL) {
        return fly_err_state(err, "26000", 0, "prepared statement \"%.*s\" does not exist",
                             name.len < 256 ? (int)name.len : 255, (const char *)name.data);
    }
    return FLY_OK;
}

/* Execute: name, params. */
fly_status fly__binary_execute(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    fly__binary_named **at = NULL;
    fly_bytes name = fly_frame_get_text(in, "name");
    fly_status status = fly_frame_in_status(in, err);
    if (status == FLY_OK) {
        status = find_prepared(me, name, &at, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    fly_sql_reset((*at)->stmt);
    status = bind_all((*at)->stmt, in, err);
    if (status == FLY_OK) {
        fly__binary_start(me, (*at)->stmt, false);
    }
    return status;
}

static void answer_empty(fly__binary_client *me)
{
    fly__binary_begin(me, false);
    fly__binary_send(me);
}

/* Deallocate: name; of one that is not there: nothing, so that cleaning up twice does no harm. */
fly_status fly__binary_deallocate(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    fly_bytes name = fly_frame_get_text(in, "name");
    bool all = fly_frame_get_bool(in, "all");
    fly_status status = fly_frame_in_end(in, err);
    if (status != FLY_OK) {
        return status;
    }
    for (fly__binary_named **at = &me->prepared; *at != NULL;) {
        if (all || fly_bytes_equal(fly_bytes_str((*at)->name), name)) {
            forget(me, at);
        } else {
            at = &(*at)->next;
        }
    }
    answer_empty(me);
    return FLY_OK;
}

/* ------------------------------------------------------------------------- cursors */

/* CursorOpen: cursor, statement, sql, params. `statement` names a prepared one if `sql` is empty. */
fly_status fly__binary_cursor_open(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    fly_sql_stmt *stmt = NULL;
    fly__binary_named **at = NULL;
    fly_bytes cursor = fly_frame_get_text(in, "cursor");
    fly_bytes name = fly_frame_get_text(in, "statement");
    fly_bytes text = fly_frame_get_text(in, "sql");
    fly_status status = fly_frame_in_status(in, err);
    if (status == FLY_OK) {
        status = check_name(cursor, err);
    }
    if (status == FLY_OK && fly_sql_session_state(fly__binary_session(me)) == 'I') {
        status = fly_err_state(err, "25P01", 0, "cursors can only be used in transaction blocks");
    }
    if (status == FLY_OK && *find(&me->cursors, cursor) != NULL) {
        status = fly_err_state(err, "42P03", 0, "cursor \"%.*s\" already exists", (int)cursor.len,
                               (const char *)cursor.data);
    }
    if (status == FLY_OK && text.len > 0) {
        status = prepare_one(me, text, NULL, 0, &stmt, err);
    } else if (status == FLY_OK) {
        status = find_prepared(me, name, &at, err);
        status = status != FLY_OK ? status : fly_sql_stmt_clone((*at)->stmt, &stmt, err);
    }
    if (status == FLY_OK && fly_sql_column_count(stmt) == 0) {
        status = fly_err_state(err, "42601", 0, "a cursor needs a statement that returns rows");
    }
    if (status == FLY_OK) {
        status = bind_all(stmt, in, err);
    }
    if (status == FLY_OK) {
        status = keep(me, &me->cursors, cursor, stmt, err);
    }
    if (status != FLY_OK) {
        fly_sql_finalize(stmt);
        return status;
    }
    fly__binary_begin(me, false);
    fly__binary_put_columns(me, stmt);
    fly__binary_send(me);
    return FLY_OK;
}

/* CursorFetch: cursor, count; 0 is all that is left. */
fly_status fly__binary_cursor_fetch(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    fly_bytes name = fly_frame_get_text(in, "cursor");
    uint64_t count = fly_frame_get_uint(in, "count");
    fly_status status = fly_frame_in_end(in, err);
    if (status != FLY_OK) {
        return status;
    }
    fly__binary_forget_ended(me);
    fly__binary_named *cursor = *find(&me->cursors, name);
    if (cursor == NULL) {
        return fly_err_state(err, "34000", 0, "cursor \"%.*s\" does not exist",
                             name.len < 256 ? (int)name.len : 255, (const char *)name.data);
    }
    if (cursor->ended) {
        count = 0;
    } else if (count == 0) {
        count = UINT64_MAX;
    }
    cursor->begun = true;
    fly__binary_start(me, cursor->stmt, false);
    me->cursor = cursor;
    me->rows_max = count;
    me->described = true; /* when it was opened */
    return FLY_OK;
}

/* CursorClose: cursor. */
fly_status fly__binary_cursor_close(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    fly_bytes name = fly_frame_get_text(in, "cursor");
    fly_status status = fly_frame_in_end(in, err);
    if (status != FLY_OK) {
        return status;
    }
    fly__binary_named **at = find(&me->cursors, name);
    if (*at != NULL) {
        forget(me, at);
    }
    answer_empty(me);
    return FLY_OK;
}
