/*
 * Requests and their answers.
 *
 * An answer is a row of frames, all but the last marked with MORE. A result is where the reader stands in
 * it: before a statement's end (`done`), at the end of all (`all_done`). Rows are taken out of the frame
 * that was received last, which stays where it is until the next one is needed.
 */
#include "client_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

fly_status fly__client_begin(fly_client *client, uint8_t type, uint8_t flags, fly_err *err)
{
    if (client->broken) {
        return fly_err_set(err, FLY_E_IO, "the connection is broken");
    }
    FLY_ASSERT(!client->result.open); /* close it first: its rows would be taken for answers */
    fly_arena_reset(&client->arena);
    fly_frame_begin(&client->out, type, flags);
    return FLY_OK;
}

static void keep_state(fly_client *client, fly_frame_in *in)
{
    fly_bytes state = fly_frame_get_text(in, "state");
    if (state.len == 1) {
        client->state = (char)state.data[0];
    }
}

/* What an Error says. */
static fly_status take_error(fly_client *client, const fly_frame *frame, fly_err *err)
{
    fly_frame_in in;
    fly_err told;
    char severity[16];
    if (fly_frame_in_open(&in, frame, &client->arena, NULL) != FLY_OK) {
        return fly__client_nonsense(client, "Error", err);
    }
    fly_frame_get_err(&in, severity, &told);
    keep_state(client, &in);
    if (fly_frame_in_status(&in, NULL) != FLY_OK) {
        return fly__client_nonsense(client, "Error", err);
    }
    if (told.status == FLY_OK) {
        told.status = FLY_E_INVALID;
    }
    if (strcmp(severity, "FATAL") == 0) { /* it is the last that this server says */
        client->broken = true;
        client->state = '?';
    }
    if (err != NULL) {
        *err = told;
    }
    return told.status;
}

fly_status fly__client_last_word(fly_client *client, const fly_frame *frame, fly_err *err)
{
    return frame->type == FLY_FRAME_ERROR
               ? take_error(client, frame, err)
               : fly__client_nonsense(client, "an answer that nobody asked for", err);
}

static fly_status send_request(fly_client *client, fly_err *err)
{
    fly_status status = fly_frame_end(&client->out, err);
    return status != FLY_OK ? status : fly__client_send(client, err);
}

/* The next frame of the answer to a request. */
static fly_status next_frame(fly_client *client, uint8_t type, fly_frame *frame, fly_err *err)
{
    fly_status status = fly__client_receive(client, frame, err);
    if (status != FLY_OK) {
        return status;
    }
    if (frame->type == FLY_FRAME_ERROR) {
        return take_error(client, frame, err);
    }
    if (frame->type != (type | FLY_FRAME_ANSWER)) {
        return fly__client_nonsense(client, "an answer to another question", err);
    }
    return FLY_OK;
}

fly_status fly__client_ask(fly_client *client, uint8_t type, fly_frame_in *in, fly_err *err)
{
    fly_frame frame;
    fly_status status = send_request(client, err);
    if (status == FLY_OK) {
        status = next_frame(client, type, &frame, err);
    }
    return status != FLY_OK ? status : fly_frame_in_open(in, &frame, &client->arena, err);
}

/* ------------------------------------------------------------------------ parts */

static fly_status take_columns(fly_client_result *result, fly_frame_in *in, fly_err *err)
{
    size_t count = fly_frame_enter_list(in, "columns");
    fly_arena_reset(&result->about);
    result->column_count = 0;
    result->columns = fly_arena_alloc(&result->about, count * sizeof *result->columns);
    result->values = fly_arena_alloc(&result->about, count * sizeof *result->values);
    if (result->columns == NULL || result->values == NULL) {
        return fly__client_nonsense(result->client, "more columns than memory", err);
    }
    for (size_t i = 0; i < count; i++) {
        fly_frame_enter_item(in);
        fly_bytes name = fly_frame_get_text(in, "name");
        char *copy = fly_arena_alloc(&result->about, name.len + 1);
        if (copy == NULL) {
            return fly__client_nonsense(result->client, "more columns than memory", err);
        }
        memcpy(copy, name.data, name.len);
        copy[name.len] = 0;
        result->columns[i] = (fly__client_column){.name = copy};
        result->columns[i].type = (uint32_t)fly_frame_get_uint(in, "type");
        result->columns[i].mod = (int32_t)fly_frame_get_int(in, "mod");
        (void)fly_frame_get_uint(in, "table");
        (void)fly_frame_get_uint(in, "column");
        fly_frame_leave(in);
        result->values[i] = (fly_frame_value){0};
    }
    fly_frame_leave(in);
    result->column_count = count;
    return FLY_OK;
}

static void take_done(fly_client_result *result, fly_frame_in *in)
{
    fly_bytes tag = fly_frame_get_text(in, "tag");
    (void)snprintf(result->tag, sizeof result->tag, "%.*s",
                   tag.len < sizeof result->tag ? (int)tag.len : (int)sizeof result->tag,
                   (const char *)tag.data);
    result->rows = fly_frame_get_uint(in, "rows");
    result->end = fly_frame_get_bool(in, "end");
    keep_state(result->client, in);
    result->done = true;
    result->copy = 0;
}

static fly_status take_part(fly_client_result *result, fly_frame_in *in, fly_err *err)
{
    switch (fly_frame_get_uint(in, "part")) {
    case FLY_FRAME_DONE:
        take_done(result, in);
        return FLY_OK;
    case FLY_FRAME_COLUMNS:
        return take_columns(result, in, err);
    case FLY_FRAME_ROWS:
        result->rows_left = fly_frame_enter_list(in, "rows");
        result->in = *in;
        return FLY_OK;
    case FLY_FRAME_COPY_IN:
        result->copy = 'i';
        return FLY_OK;
    case FLY_FRAME_COPY_OUT:
        result->copy = 'o';
        result->copy_data = fly_frame_get_text(in, "data");
        return FLY_OK;
    default:
        return fly__client_nonsense(result->client, "an unknown part", err);
    }
}

/* The next frame of the answer. After a failure there is none. */
static fly_status read_part(fly_client_result *result, fly_err *err)
{
    fly_frame frame;
    fly_frame_in in;
    fly_status status = next_frame(result->client, result->type, &frame, err);
    if (status == FLY_OK) {
        status = fly_frame_in_open(&in, &frame, &result->client->arena, err);
    }
    if (status == FLY_OK) {
        status = take_part(result, &in, err);
    }
    if (status == FLY_OK && fly_frame_in_status(&in, NULL) != FLY_OK) {
        status = fly__client_nonsense(result->client, "a part of a result", err);
    }
    if (status == FLY_OK && (frame.flags & FLY_FRAME_MORE) == 0 && !result->done) {
        status = fly__client_nonsense(result->client, "it ends in the middle", err);
    }
    if (status != FLY_OK) {
        result->done = result->all_done = true;
        result->copy = 0;
        return status;
    }
    result->all_done = (frame.flags & FLY_FRAME_MORE) == 0;
    return FLY_OK;
}

static void begin_statement(fly_client_result *result)
{
    result->done = result->end = false;
    result->copy = 0;
    result->copy_data = fly_bytes_of(NULL, 0);
    result->rows_left = 0;
    result->rows = 0;
    result->tag[0] = 0;
    result->column_count = 0;
}

fly_status fly__client_start(fly_client *client, uint8_t type, fly_client_result **result,
                             fly_err *err)
{
    fly_client_result *made = &client->result;
    fly_status status = send_request(client, err);
    if (status != FLY_OK) {
        return status;
    }
    made->type = type;
    made->all_done = false;
    begin_statement(made);
    status = read_part(made, err);
    if (status == FLY_OK) {
        made->open = true;
        *result = made;
    }
    return status;
}

/* ------------------------------------------------------------------------- rows */

static fly_status read_row(fly_client_result *result, fly_err *err)
{
    fly_frame_in *in = &result->in;
    size_t count = fly_frame_enter_row(in);
    if (fly_frame_in_status(in, NULL) == FLY_OK && result->column_count == 0 && count > 0) {
        /* Rows of a cursor: its columns were told when it was opened. */
        fly_arena_reset(&result->about);
        result->columns = fly_arena_alloc(&result->about, count * sizeof *result->columns);
        result->values = fly_arena_alloc(&result->about, count * sizeof *result->values);
        if (result->columns == NULL || result->values == NULL) {
            return fly__client_nonsense(result->client, "more columns than memory", err);
        }
        for (size_t i = 0; i < count; i++) {
            result->columns[i] = (fly__client_column){.name = "", .mod = -1};
        }
        result->column_count = count;
    }
    if (count != result->column_count) {
        return fly__client_nonsense(result->client, "a row of another width", err);
    }
    for (size_t i = 0; i < count; i++) {
        result->values[i] = fly_frame_get_value(in, NULL);
    }
    fly_frame_leave(in);
    result->rows_left--;
    return fly_frame_in_status(in, NULL) == FLY_OK
               ? FLY_OK
               : fly__client_nonsense(result->client, "a row", err);
}

fly_status fly_client_row(fly_client_result *result, fly_err *err)
{
    FLY_ASSERT(result->open);
    fly_arena_reset(&result->row);
    while (result->rows_left == 0) {
        if (result->done || result->copy != 0) {
            return FLY_E_END;
        }
        fly_status status = read_part(result, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return read_row(result, err);
}

/* Past what is left of this statement. */
static fly_status skip(fly_client_result *result, fly_err *err)
{
    result->rows_left = 0;
    while (!result->done) {
        fly_status status = FLY_OK;
        if (result->copy == 'i') {
            status = fly_client_copy_end(result, "nobody gives data", err);
        } else {
            status = read_part(result, err);
        }
        result->rows_left = 0;
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

fly_status fly_client_next(fly_client_result *result, fly_err *err)
{
    FLY_ASSERT(result->open);
    fly_status status = skip(result, err);
    if (status != FLY_OK) {
        return status;
    }
    if (result->all_done) {
        return FLY_E_END;
    }
    begin_statement(result);
    return read_part(result, err);
}

fly_status fly__client_finish(fly_client_result *result, fly_err *err)
{
    fly_status status = FLY_OK;
    while (status == FLY_OK) {
        status = fly_client_next(result, err);
    }
    result->open = false;
    return status == FLY_E_END ? FLY_OK : status;
}

void fly_client_result_close(fly_client_result *result)
{
    if (result != NULL && result->open) {
        (void)!fly__client_finish(result, NULL);
        fly_arena_reset(&result->row);
    }
}

/* ------------------------------------------------------------------------- COPY */

char fly_client_copy_state(const fly_client_result *result)
{
    return result->copy;
}

fly_status fly_client_copy_write(fly_client_result *result, fly_bytes data, fly_err *err)
{
    FLY_ASSERT(result->copy == 'i');
    fly_client *client = result->client;
    fly_frame_begin(&client->out, FLY_FRAME_COPY_DATA, 0);
    fly_frame_put_text(&client->out, "data", data);
    return send_request(client, err);
}

fly_status fly_client_copy_end(fly_client_result *result, const char *failure, fly_err *err)
{
    FLY_ASSERT(result->copy == 'i');
    fly_client *client = result->client;
    fly_frame_begin(&client->out, FLY_FRAME_COPY_END, 0);
    fly_frame_put_text(&client->out, "failure", fly_bytes_str(failure != NULL ? failure : ""));
    result->copy = 0;
    fly_status status = send_request(client, err);
    return status != FLY_OK ? status : read_part(result, err);
}

fly_status fly_client_copy_read(fly_client_result *result, fly_bytes *data, fly_err *err)
{
    while (result->copy_data.data == NULL) {
        if (result->done) {
            return FLY_E_END;
        }
        fly_status status = read_part(result, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    *data = result->copy_data;
    result->copy_data = fly_bytes_of(NULL, 0);
    return FLY_OK;
}

/* ----------------------------------------------------------------------- values */

size_t fly_client_columns(const fly_client_result *result)
{
    return result->column_count;
}

static const fly__client_column *column(const fly_client_result *result, size_t i)
{
    FLY_ASSERT(i < result->column_count);
    return &result->columns[i];
}

const char *fly_client_column_name(const fly_client_result *result, size_t i)
{
    return column(result, i)->name;
}

uint32_t fly_client_column_type(const fly_client_result *result, size_t i)
{
    return column(result, i)->type;
}

int32_t fly_client_column_mod(const fly_client_result *result, size_t i)
{
    return column(result, i)->mod;
}

fly_frame_value fly_client_value(const fly_client_result *result, size_t i)
{
    FLY_ASSERT(i < result->column_count);
    return result->values[i];
}

bool fly_client_is_null(const fly_client_result *result, size_t i)
{
    return fly_client_value(result, i).kind == FLY_FRAME_V_NULL;
}

/* A value's text as a C string, cut if it is longer than a number can be. */
static void number_text(const fly_frame_value *value, char *room, size_t size)
{
    char made[FLY_FRAME_ROOM];
    room[0] = 0;
    if (value->kind != FLY_FRAME_V_BYTES) {
        fly_bytes text = fly_frame_value_text(value, made);
        (void)snprintf(room, size, "%.*s", text.len < size ? (int)text.len : (int)size - 1,
                       (const char *)text.data);
    }
}

int64_t fly_client_int64(const fly_client_result *result, size_t i)
{
    char room[64];
    fly_frame_value value = fly_client_value(result, i);
    switch (value.kind) {
    case FLY_FRAME_V_NULL:
    case FLY_FRAME_V_FALSE:
        return 0;
    case FLY_FRAME_V_TRUE:
        return 1;
    case FLY_FRAME_V_DOUBLE:
        return value.d >= -9.2e18 && value.d <= 9.2e18 ? (int64_t)value.d : 0;
    case FLY_FRAME_V_TEXT:
    case FLY_FRAME_V_DECIMAL:
    case FLY_FRAME_V_BYTES:
    case FLY_FRAME_V_UUID:
        number_text(&value, room, sizeof room);
        return strtoll(room, NULL, 10);
    default:
        return value.i;
    }
}

double fly_client_float64(const fly_client_result *result, size_t i)
{
    char room[400];
    fly_frame_value value = fly_client_value(result, i);
    if (value.kind == FLY_FRAME_V_DOUBLE) {
        return value.d;
    }
    if (value.kind != FLY_FRAME_V_TEXT && value.kind != FLY_FRAME_V_DECIMAL) {
        return (double)fly_client_int64(result, i);
    }
    number_text(&value, room, sizeof room);
    return strtod(room, NULL);
}

bool fly_client_boolean(const fly_client_result *result, size_t i)
{
    fly_frame_value value = fly_client_value(result, i);
    return value.kind == FLY_FRAME_V_TEXT ? value.bytes.len > 0 && value.bytes.data[0] == 't'
                                          : fly_client_int64(result, i) != 0;
}

fly_bytes fly_client_text(fly_client_result *result, size_t i)
{
    fly_frame_value value = fly_client_value(result, i);
    char *room = NULL;
    if (value.kind != FLY_FRAME_V_TEXT) {
        room = fly_arena_alloc(&result->row, fly_frame_value_room(&value));
        if (room == NULL) {
            return fly_bytes_of(NULL, 0);
        }
    }
    return fly_frame_value_text(&value, room);
}

const char *fly_client_tag(const fly_client_result *result)
{
    return result->tag;
}

uint64_t fly_client_rows(const fly_client_result *result)
{
    return result->rows;
}

bool fly_client_at_end(const fly_client_result *result)
{
    return result->end;
}
