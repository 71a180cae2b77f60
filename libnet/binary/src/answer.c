/*
 * Answers that have rows.
 *
 *     request ──> [Columns] Rows ... Done    of each statement, all but the last frame with MORE
 *             └─> Error                      instead, or instead of what is left
 *
 *     A1  exactly one frame of an answer is without MORE, and it is the last
 *     A2  rows are written while the net has room; a frame of rows is CHUNK bytes and at most a row more
 *     A3  a statement that fails has told the rows before its failure
 *
 * A Done is only sent when the next statement is known: a text's end commits, and that can fail.
 */
#include "binary_int.h"

#include <fly/text.h>

#include <stdio.h>
#include <string.h>

enum { CHUNK = 32 << 10, KEEP = 4 << 10 };

/* ---------------------------------------------------------------------- frames */

void fly__binary_begin(fly__binary_client *me, bool more)
{
    uint8_t flags = (uint8_t)((me->flags & FLY_FRAME_JSON) | (more ? FLY_FRAME_MORE : 0));
    fly_frame_begin(&me->out, me->type | FLY_FRAME_ANSWER, flags);
}

static void hand_over(fly__binary_client *me, fly_frame_out *out)
{
    fly_err err = {0};
    if (fly_frame_end(out, &err) != FLY_OK) {
        fly_net_cut(me->conn); /* half of an answer is worse than none */
    }
    fly_net_write(me->conn, out->data, out->len);
    fly_frame_out_clear(out, KEEP);
}

void fly__binary_send(fly__binary_client *me)
{
    hand_over(me, &me->out);
}

static void put_trouble(fly_frame_out *out, const char *severity, const fly_err *trouble)
{
    fly_err told = *trouble;
    if (told.sqlstate[0] == 0) {
        const char *state = trouble->status == FLY_OK ? "00000"
                                                      : fly_status_sqlstate(trouble->status);
        (void)snprintf(told.sqlstate, sizeof told.sqlstate, "%s", state);
    }
    fly_frame_put_err(out, severity, &told);
}

static void tell_trouble(fly__binary_client *me, const char *severity, const fly_err *err)
{
    fly_frame_begin(&me->out, FLY_FRAME_ERROR, me->flags & FLY_FRAME_JSON);
    put_trouble(&me->out, severity, err);
    fly__binary_put_state(me);
    fly__binary_send(me);
}

void fly__binary_fail(fly__binary_client *me, const fly_err *err)
{
    tell_trouble(me, "ERROR", err);
}

void fly__binary_refuse(fly__binary_client *me, const fly_err *err)
{
    tell_trouble(me, "FATAL", err);
    fly_net_finish(me->conn);
}

void fly__binary_on_notice(void *ctx, const char *severity, const fly_err *notice)
{
    fly__binary_client *me = ctx;
    fly_frame_begin(&me->aside, FLY_FRAME_NOTICE, me->flags & FLY_FRAME_JSON);
    put_trouble(&me->aside, severity, notice);
    hand_over(me, &me->aside);
}

void fly__binary_put_state(fly__binary_client *me)
{
    char state[2] = "I";
    if (me->client != NULL) {
        state[0] = fly_sql_session_state(fly__binary_session(me));
    }
    fly_frame_put_text(&me->out, "state", fly_bytes_str(state));
}

void fly__binary_put_columns(fly__binary_client *me, fly_sql_stmt *stmt)
{
    fly_frame_open_list(&me->out, "columns");
    for (uint32_t i = 0; i < fly_sql_column_count(stmt); i++) {
        uint16_t attribute = 0;
        int16_t length;
        fly_sql_type type = fly_sql_column_sent(stmt, i, &length);
        uint32_t table = fly_sql_column_table(stmt, i, &attribute);
        fly_frame_open_item(&me->out);
        fly_frame_put_text(&me->out, "name", fly_bytes_str(fly_sql_column_name(stmt, i)));
        fly_frame_put_uint(&me->out, "type", type.oid);
        fly_frame_put_int(&me->out, "mod", type.mod);
        fly_frame_put_uint(&me->out, "table", table);
        fly_frame_put_uint(&me->out, "column", attribute);
        fly_frame_close(&me->out);
    }
    fly_frame_close(&me->out);
}

/* ---------------------------------------------------------------- beginning, ending */

static void end_answer(fly__binary_client *me)
{
    if (me->owned) {
        fly_sql_finalize(me->stmt);
    }
    fly_sql_script_close(me->script);
    fly_mem_free(fly_net_mem(me->conn), me->text, me->text_size);
    me->stmt = NULL;
    me->script = NULL;
    me->cursor = NULL;
    me->text = NULL;
    me->text_size = 0;
    me->owned = me->described = me->copying = false;
    me->rows = 0;
    me->rows_max = UINT64_MAX;
}

void fly__binary_abandon(fly__binary_client *me)
{
    end_answer(me);
}

static void fail_answer(fly__binary_client *me, const fly_err *err)
{
    if (me->stmt != NULL && !me->owned && me->script == NULL) {
        fly_sql_reset(me->stmt);
    }
    if (me->cursor != NULL) {
        me->cursor->ended = true;
    }
    end_answer(me);
    fly__binary_fail(me, err);
}

static void put_done(fly__binary_client *me, const char *tag, uint64_t rows, bool end, bool more)
{
    fly__binary_begin(me, more);
    fly_frame_put_uint(&me->out, "part", FLY_FRAME_DONE);
    fly_frame_put_text(&me->out, "tag", fly_bytes_str(tag));
    fly_frame_put_uint(&me->out, "rows", rows);
    fly_frame_put_bool(&me->out, "end", end);
    fly__binary_put_state(me);
    fly__binary_send(me);
}

void fly__binary_start(fly__binary_client *me, fly_sql_stmt *stmt, bool owned)
{
    me->stmt = stmt;
    me->owned = owned;
    me->rows = 0;
    me->described = false;
}

/* The next statement of the script; at its end `*last` is true. */
static fly_status next_statement(fly__binary_client *me, bool *last, fly_err *err)
{
    fly_sql_stmt *stmt = NULL;
    fly_status status = fly_sql_script_next(me->script, &stmt, err);
    *last = status == FLY_E_END;
    if (status == FLY_OK) {
        fly__binary_start(me, stmt, false);
    }
    return *last ? FLY_OK : status;
}

void fly__binary_start_script(fly__binary_client *me, fly_bytes text)
{
    fly_err err = {0};
    bool last = false;
    fly_status status = fly_text_validate(FLY_TEXT_UTF8, text, &err);
    if (status == FLY_OK) {
        me->text = fly_mem_alloc(fly_net_mem(me->conn), text.len);
        if (me->text == NULL) {
            status = fly_err_set(&err, FLY_E_NO_MEMORY, "no memory for a statement");
        }
    }
    if (status == FLY_OK) {
        me->text_size = text.len;
        memcpy(me->text, text.data, text.len);
        status = fly_sql_script_open(fly__binary_session(me), fly_bytes_of(me->text, text.len),
                                     &me->script, &err);
    }
    if (status == FLY_OK) {
        status = next_statement(me, &last, &err);
    }
    if (status != FLY_OK) {
        fail_answer(me, &err);
    } else if (last) {
        end_answer(me);
        put_done(me, "", 0, true, false);
    }
}

/* ------------------------------------------------------------------------- rows */

static void tell_columns(fly__binary_client *me)
{
    if (me->described) {
        return;
    }
    me->described = true;
    fly__binary_begin(me, true);
    fly_frame_put_uint(&me->out, "part", FLY_FRAME_COLUMNS);
    fly__binary_put_columns(me, me->stmt);
    fly__binary_send(me);
}

static void put_row(fly__binary_client *me)
{
    uint8_t room[16];
    uint32_t columns = fly_sql_column_count(me->stmt);
    fly_frame_open_row(&me->out, columns);
    for (uint32_t i = 0; i < columns; i++) {
        fly_frame_value value =
            fly__binary_value(me->stmt, i, (me->flags & FLY_FRAME_TEXT) != 0, room);
        fly_frame_put_value(&me->out, NULL, &value);
    }
    fly_frame_close(&me->out);
}

/* The rows that fit into a frame, after the one that the statement stands on. */
static fly_status chunk_of_rows(fly__binary_client *me, fly_err *err)
{
    fly_status status = FLY_OK;
    fly__binary_begin(me, true);
    fly_frame_put_uint(&me->out, "part", FLY_FRAME_ROWS);
    fly_frame_open_list(&me->out, "rows");
    while (status == FLY_OK) {
        put_row(me);
        me->rows++;
        if (fly_frame_pending(&me->out) >= CHUNK || me->rows >= me->rows_max) {
            break;
        }
        status = fly_sql_step(me->stmt, err);
    }
    fly_frame_close(&me->out);
    fly__binary_send(me);
    return status;
}

/* ------------------------------------------------------------------------- COPY */

static void tell_part(fly__binary_client *me, fly_frame_part part, fly_bytes data)
{
    fly__binary_begin(me, true);
    fly_frame_put_uint(&me->out, "part", part);
    fly_frame_put_text(&me->out, "data", data);
    fly__binary_send(me);
}

/* COPY TO STDOUT, while there is room; FLY_E_AGAIN: it goes on later. */
static fly_status copy_out(fly__binary_client *me, fly_err *err)
{
    while (!fly_net_full(me->conn)) {
        fly_bytes data;
        fly_status status = fly_sql_copy_read(me->stmt, &data, err);
        if (status != FLY_OK) {
            return status;
        }
        tell_part(me, FLY_FRAME_COPY_OUT, data);
    }
    return FLY_E_AGAIN;
}

/* ------------------------------------------------------------------------ steps */

static void end_statement(fly__binary_client *me, bool end)
{
    char tag[96];
    fly_err err = {0};
    bool last = true;
    fly_status status = FLY_OK;
    uint64_t rows = me->cursor != NULL || me->rows > 0 ? me->rows : fly_sql_rows(me->stmt);
    if (me->cursor != NULL) {
        me->cursor->ended = end;
        (void)snprintf(tag, sizeof tag, "FETCH %llu", (unsigned long long)rows);
    } else {
        (void)snprintf(tag, sizeof tag, "%s", fly_sql_tag(me->stmt));
        if (strcmp(tag, "USE") == 0) {
            fly__binary_forget_watches(me, fly_bytes_str(""));
        }
    }
    if (me->script != NULL) {
        status = next_statement(me, &last, &err);
    }
    if (status != FLY_OK || !last) {
        put_done(me, tag, rows, end, true);
    }
    if (status != FLY_OK) {
        fail_answer(me, &err);
    } else if (last) {
        end_answer(me);
        fly__binary_forget_ended(me);
        put_done(me, tag, rows, end, false);
    }
}

bool fly__binary_step(fly__binary_client *me)
{
    fly_err err = {0};
    if (me->copying) {
        return false;
    }
    fly_status status = FLY_E_AGAIN;
    if (fly_sql_copy_state(me->stmt) == 0) {
        if (me->rows >= me->rows_max) {
            end_statement(me, me->cursor != NULL && me->cursor->ended); /* no rows to give */
            return true;
        }
        status = fly_sql_step(me->stmt, &err);
        if (status == FLY_OK || (status == FLY_E_END && fly_sql_column_count(me->stmt) > 0)) {
            tell_columns(me);
        }
        if (status == FLY_OK) {
            status = chunk_of_rows(me, &err);
        }
    }
    if (status == FLY_E_AGAIN && fly_sql_copy_state(me->stmt) == 'i') {
        me->copying = true;
        tell_part(me, FLY_FRAME_COPY_IN, fly_bytes_str(""));
        return true;
    }
    if (status == FLY_E_AGAIN) {
        status = copy_out(me, &err);
        if (status == FLY_E_AGAIN) {
            return false;
        }
    }
    if (status == FLY_E_END) {
        end_statement(me, true);
    } else if (status != FLY_OK) {
        fail_answer(me, &err);
    } else if (me->rows >= me->rows_max) {
        end_statement(me, false);
    }
    return true;
}

/* Data that comes when nothing copies was sent before the failure was known: it has no answer. */
void fly__binary_copy_data(fly__binary_client *me, fly_frame_in *in)
{
    fly_err err = {0};
    fly_bytes data = fly_frame_get_text(in, "data");
    if (!me->copying) {
        return;
    }
    fly_status status = fly_frame_in_end(in, &err);
    if (status == FLY_OK) {
        status = fly_sql_copy_write(me->stmt, data, &err);
    }
    if (status != FLY_OK) {
        fail_answer(me, &err);
    }
}

void fly__binary_copy_end(fly__binary_client *me, fly_frame_in *in)
{
    char failure[256];
    fly_err err = {0};
    fly_bytes text = fly_frame_get_text(in, "failure");
    if (!me->copying) {
        return;
    }
    (void)snprintf(failure, sizeof failure, "%.*s", text.len < 255 ? (int)text.len : 255,
                   (const char *)text.data);
    me->copying = false;
    fly_status status = fly_frame_in_end(in, &err);
    if (status == FLY_OK) {
        status = fly_sql_copy_end(me->stmt, failure[0] != 0 ? failure : NULL, &err);
    }
    if (status != FLY_OK) {
        fail_answer(me, &err);
    } else {
        end_statement(me, true);
    }
}
