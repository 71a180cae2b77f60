/*
 * The header of a frame, and what a trouble looks like in one.
 *
 * A header is judged byte by byte as it comes: who speaks another protocol to this port is told so
 * after one byte, not after eight, and a length is refused before anybody waits for what it announces.
 */
#include <fly/net_frame.h>

#include <fly/base_bytes.h>

#include <stdio.h>
#include <string.h>

static const struct {
    uint8_t type;
    const char *name;
} names[] = {
    {FLY_FRAME_QUERY, "Query"},
    {FLY_FRAME_PREPARE, "Prepare"},
    {FLY_FRAME_EXECUTE, "Execute"},
    {FLY_FRAME_DEALLOCATE, "Deallocate"},
    {FLY_FRAME_COPY_DATA, "CopyData"},
    {FLY_FRAME_COPY_END, "CopyEnd"},
    {FLY_FRAME_CURSOR_OPEN, "CursorOpen"},
    {FLY_FRAME_CURSOR_FETCH, "CursorFetch"},
    {FLY_FRAME_CURSOR_CLOSE, "CursorClose"},
    {FLY_FRAME_GET_TABLES, "GetTables"},
    {FLY_FRAME_GET_COLUMNS, "GetColumns"},
    {FLY_FRAME_GET_TYPE_INFO, "GetTypeInfo"},
    {FLY_FRAME_BEGIN_TX, "BeginTx"},
    {FLY_FRAME_COMMIT_TX, "CommitTx"},
    {FLY_FRAME_ROLLBACK_TX, "RollbackTx"},
    {FLY_FRAME_SET_OPTION, "SetOption"},
    {FLY_FRAME_GET_OPTION, "GetOption"},
    {FLY_FRAME_GET_SERVER_INFO, "GetServerInfo"},
    {FLY_FRAME_AUTH, "Auth"},
    {FLY_FRAME_PING, "Ping"},
    {FLY_FRAME_CANCEL, "Cancel"},
    {FLY_FRAME_QUIT, "Quit"},
    {FLY_FRAME_START_TLS, "StartTls"},
    {FLY_FRAME_WATCH, "Watch"},
    {FLY_FRAME_UNWATCH, "Unwatch"},
    {FLY_FRAME_NOTICE, "Notice"},
    {FLY_FRAME_EVENT, "Event"},
    {FLY_FRAME_NOTIFICATION, "Notification"},
    {FLY_FRAME_ERROR, "Error"},
};

const char *fly_frame_type_name(uint8_t type)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].type == type) {
            return names[i].name;
        }
    }
    return NULL;
}

fly_status fly_frame_decode(fly_bytes input, size_t limit, fly_frame *frame, fly_err *err)
{
    if (input.len >= 1 && input.data[0] != FLY_FRAME_MAGIC) {
        return fly_err_state(err, "08P01", 0, "no frame begins with byte 0x%02x", input.data[0]);
    }
    if (input.len >= 2 && input.data[1] != FLY_FRAME_PROTOCOL) {
        fly_status status =
            fly_err_state(err, "08P01", 0, "unsupported protocol version %u", input.data[1]);
        fly_err_hint(err, "This side speaks version %d.", FLY_FRAME_PROTOCOL);
        return status;
    }
    if (input.len < FLY_FRAME_HEADER_SIZE) {
        return FLY_E_AGAIN;
    }
    uint32_t length = fly_get_u32be(input.data + 4);
    if (length > limit) {
        fly_status status = fly_err_set(
            err, FLY_E_TOO_LARGE, "frame of %u bytes exceeds the limit of %zu", length, limit);
        return status;
    }
    if (length > input.len - FLY_FRAME_HEADER_SIZE) {
        return FLY_E_AGAIN;
    }
    frame->type = input.data[2];
    frame->flags = input.data[3];
    frame->payload = fly_bytes_of(input.data + FLY_FRAME_HEADER_SIZE, length);
    return FLY_OK;
}

/* -------------------------------------------------------------------- errors */

void fly_frame_put_err(fly_frame_out *out, const char *severity, const fly_err *trouble)
{
    fly_frame_put_text(out, "severity", fly_bytes_str(severity));
    fly_frame_put_text(out, "sqlstate", fly_bytes_str(trouble->sqlstate));
    fly_frame_put_text(out, "message", fly_bytes_str(trouble->message));
    fly_frame_put_text(out, "detail", fly_bytes_str(trouble->detail));
    fly_frame_put_text(out, "hint", fly_bytes_str(trouble->hint));
    fly_frame_put_uint(out, "position", trouble->position);
    fly_frame_put_text(out, "status", fly_bytes_str(fly_status_name(trouble->status)));
}

static void take(char *room, size_t size, fly_bytes text)
{
    size_t len = text.len < size ? text.len : size - 1;
    if (len > 0) {
        memcpy(room, text.data, len);
    }
    room[len] = 0;
}

static fly_status status_named(fly_bytes name)
{
    for (int status = FLY_OK; status < FLY_STATUS_COUNT; status++) {
        if (fly_bytes_equal(name, fly_bytes_str(fly_status_name((fly_status)status)))) {
            return (fly_status)status;
        }
    }
    return FLY_E_INVALID;
}

void fly_frame_get_err(fly_frame_in *in, char *severity, fly_err *trouble)
{
    *trouble = (fly_err){0};
    take(severity, 16, fly_frame_get_text(in, "severity"));
    take(trouble->sqlstate, sizeof trouble->sqlstate, fly_frame_get_text(in, "sqlstate"));
    take(trouble->message, sizeof trouble->message, fly_frame_get_text(in, "message"));
    take(trouble->detail, sizeof trouble->detail, fly_frame_get_text(in, "detail"));
    take(trouble->hint, sizeof trouble->hint, fly_frame_get_text(in, "hint"));
    uint64_t position = fly_frame_get_uint(in, "position");
    trouble->position = position <= UINT32_MAX ? (uint32_t)position : 0;
    trouble->status = status_named(fly_frame_get_text(in, "status"));
}
