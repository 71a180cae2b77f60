/*
 * What a statement gives: rows, a tag, the data of a COPY.
 *
 * The first step tells what it is. Rows are written by libsql straight into the buffer, each behind the
 * head of its message; a row that fails is taken back.
 */
#include "talk_int.h"

enum { PIECE = 32768 /* bytes that are handed to the net at a time */ };

static const fly_sql_format *formats_of(const fly__pg_talk *talk, uint32_t *count)
{
    *count = talk->portal == NULL ? 0 : talk->portal->format_count;
    return talk->portal == NULL ? NULL : talk->portal->formats;
}

void fly__pg_put_columns(fly__pg_talk *talk, fly_sql_stmt *stmt, const fly_sql_format *formats,
                         uint32_t count)
{
    fly__pg_out *out = &talk->out;
    uint32_t columns = fly_sql_column_count(stmt);
    fly__pg_begin(out, 'T');
    fly__pg_put_u16(out, (uint16_t)columns);
    for (uint32_t i = 0; i < columns; i++) {
        fly__pg_column column = {.name = fly_sql_column_name(stmt, i)};
        fly_sql_type type = fly_sql_column_sent(stmt, i, &column.size);
        column.table = fly_sql_column_table(stmt, i, &column.number);
        column.type = type.oid;
        column.mod = type.mod;
        column.format = (uint16_t)(count == 0 ? 0 : formats[count == 1 ? 0 : i]);
        fly__pg_put_column(out, &column);
    }
    fly__pg_end(out);
}

static bool grow(fly_sql_buffer *buffer, size_t more)
{
    fly__pg_out *out = buffer->ctx;
    out->len = buffer->len;
    bool grown = fly__pg_out_grow(out, more);
    buffer->data = out->data;
    buffer->room = out->room;
    return grown;
}

/* The current row as a message. */
static fly_status put_row(fly__pg_talk *talk, const fly_sql_format *formats, uint32_t count,
                          fly_err *err)
{
    fly__pg_out *out = &talk->out;
    size_t start = out->len;
    fly__pg_begin(out, 'D');
    if (out->failed) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a row");
    }
    size_t at = out->at;
    fly_sql_buffer buffer = {
        .data = out->data, .len = out->len, .room = out->room, .grow = grow, .ctx = out};
    fly_status status = fly_sql_row_append(talk->stmt, formats, count, &buffer, err);
    out->len = buffer.len;
    out->at = at;
    if (status != FLY_OK) {
        out->len = start;
        out->failed = false;
        return status;
    }
    fly__pg_end(out);
    return FLY_OK;
}

/* The job is over, one way or another. */
static void failed(fly__pg_talk *talk, const fly_err *err)
{
    fly__pg_portal *portal = talk->portal;
    talk->job = FLY__PG_JOB_NONE;
    talk->stmt = NULL;
    talk->portal = NULL;
    if (portal == NULL) {
        fly__pg_simple_failed(talk, err);
        return;
    }
    fly_bytes text = portal->source->text;
    fly__pg_error(talk, err, text);
    talk->skipping = true;
    fly__pg_portals_drop(talk, NULL);
}

static void completed(fly__pg_talk *talk)
{
    fly__pg_portal *portal = talk->portal;
    fly__pg_put_complete(&talk->out, fly_sql_tag(talk->stmt));
    talk->job = FLY__PG_JOB_NONE;
    talk->stmt = NULL;
    talk->portal = NULL;
    if (talk->before != 'I' && fly_sql_session_state(talk->session) == 'I') {
        fly__pg_portals_drop(talk, portal);
    }
    if (portal == NULL) {
        fly__pg_simple_done(talk);
    } else {
        portal->done = true;
    }
}

static void describe_once(fly__pg_talk *talk, bool row)
{
    if (talk->described || talk->portal != NULL) {
        return; /* in the extended protocol the client asks for it */
    }
    if (row || fly_sql_column_count(talk->stmt) > 0) {
        fly__pg_put_columns(talk, talk->stmt, NULL, 0);
    }
    talk->described = true;
}

static void begin_copy(fly__pg_talk *talk)
{
    bool in = fly_sql_copy_state(talk->stmt) == 'i';
    fly__pg_put_copy(&talk->out, in ? 'G' : 'H', fly_sql_copy_binary(talk->stmt),
                     fly_sql_copy_columns(talk->stmt));
    talk->job = in ? FLY__PG_JOB_IN : FLY__PG_JOB_OUT;
}

void fly__pg_rows(fly__pg_talk *talk)
{
    fly_err err = {0};
    uint32_t count;
    const fly_sql_format *formats = formats_of(talk, &count);
    fly_status status = FLY_OK;
    while (status == FLY_OK) {
        if (talk->limited && talk->rows_left == 0) {
            fly__pg_put_plain(&talk->out, 's');
            talk->job = FLY__PG_JOB_NONE;
            talk->stmt = NULL;
            talk->portal = NULL;
            return;
        }
        if (talk->out.len > PIECE && !fly__pg_push(talk)) {
            return;
        }
        status = fly_sql_step(talk->stmt, &err);
        if (status == FLY_OK) {
            describe_once(talk, true);
            bool silent = talk->portal != NULL && fly_sql_column_count(talk->stmt) == 0;
            status = silent ? FLY_OK : put_row(talk, formats, count, &err);
            talk->rows_left--;
        }
    }
    if (status == FLY_E_AGAIN) {
        begin_copy(talk);
    } else if (status == FLY_E_END) {
        describe_once(talk, false);
        completed(talk);
    } else {
        failed(talk, &err);
    }
}

void fly__pg_run(fly__pg_talk *talk)
{
    talk->job = FLY__PG_JOB_ROWS;
    talk->described = false;
    talk->before = fly_sql_session_state(talk->session);
    talk->looked_ns = 0;
}

/* ------------------------------------------------------------------------- COPY */

/* A message a row, as PostgreSQL does: some clients take each for a row. */
static void put_copied(fly__pg_talk *talk, fly_bytes data)
{
    uint32_t count;
    const uint32_t *ends = fly_sql_copy_ends(talk->stmt, &count);
    uint32_t start = 0;
    for (uint32_t i = 0; i < count; i++) {
        fly__pg_begin(&talk->out, 'd');
        fly__pg_put_bytes(&talk->out, fly_bytes_of(data.data + start, ends[i] - start));
        fly__pg_end(&talk->out);
        start = ends[i];
    }
}

void fly__pg_copy_out(fly__pg_talk *talk)
{
    fly_err err = {0};
    fly_bytes data;
    fly_status status = FLY_OK;
    while (status == FLY_OK) {
        if (talk->out.len > PIECE && !fly__pg_push(talk)) {
            return;
        }
        status = fly_sql_copy_read(talk->stmt, &data, &err);
        if (status == FLY_OK) {
            put_copied(talk, data);
        }
    }
    if (status == FLY_E_END) {
        fly__pg_put_plain(&talk->out, 'c');
        completed(talk);
    } else {
        failed(talk, &err);
    }
}

static fly_status end_copy(fly__pg_talk *talk, const fly__pg_message *message, fly_err *err)
{
    fly_bytes text = {0};
    if (message->type == 'f') {
        fly_status status = fly__pg_string_decode(message->body, &text, err);
        const char *why = status == FLY_OK ? (const char *)text.data : "malformed CopyFail message";
        return fly_sql_copy_end(talk->stmt, why, err);
    }
    return fly_sql_copy_end(talk->stmt, NULL, err);
}

void fly__pg_on_copy_in(fly__pg_talk *talk, const fly__pg_message *message)
{
    fly_err err = {0};
    fly_status status = FLY_OK;
    switch (message->type) {
    case 'd':
        status = fly_sql_copy_write(talk->stmt, message->body, &err);
        break;
    case 'c':
    case 'f':
        status = end_copy(talk, message, &err);
        if (status == FLY_OK) {
            completed(talk);
            return;
        }
        break;
    case 'H':
    case 'S':
        return; /* allowed, and mean nothing here */
    default:
        (void)fly_err_state(&err, "08P01", 0,
                            "unexpected message type 0x%02X during COPY from stdin",
                            (unsigned)(uint8_t)message->type);
        fly_sql_reset(talk->stmt);
        fly__pg_fatal(talk, &err);
        return;
    }
    if (status != FLY_OK) {
        failed(talk, &err);
    }
}
