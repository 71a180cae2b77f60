/*
 * Serving the binary protocol on a connection of libnet: frames in, a table of requests, answers out.
 *
 *     B1  while an answer is given no further frame is looked at (but CopyData and CopyEnd, when it waits
 *         for them): answers come in the order of requests, each begun after the one before has ended
 *     B2  nothing waits for the client: run() returns when output is full, and goes on when called again
 *     B3  a frame that cannot be decoded ends the connection: nobody knows where the next one begins;
 *         a payload that makes no sense is an error, and the connection goes on
 */
#include "binary_int.h"

#include <string.h>

enum {
    LOGIN_FRAME_MAX = 16 << 10, /* of a payload, in bytes, before a login */
    FRAME_MAX = 16 << 20,       /* and after it */
    TIME_LOGIN = 1,             /* numbers of deadlines */
    TIME_IDLE = 2,
    TIME_ASK = 3 /* whether there are events that nobody was woken for */
};

#define ASK_NS UINT64_C(500000000)

const fly_binary_front *fly__binary_front(const fly__binary_client *me)
{
    return fly_net_ctx(me->conn);
}

fly_sql_session *fly__binary_session(const fly__binary_client *me)
{
    return fly_server_client_session(me->client);
}

static size_t frame_max(const fly__binary_client *me)
{
    if (me->client == NULL) {
        return LOGIN_FRAME_MAX;
    }
    return fly__binary_front(me)->frame_max > 0 ? fly__binary_front(me)->frame_max : FRAME_MAX;
}

static void limit_input(fly__binary_client *me)
{
    fly_net_limit(me->conn, FLY_FRAME_HEADER_SIZE + frame_max(me));
}

static void say_goodbye(fly__binary_client *me)
{
    fly_err err = {0};
    (void)fly_err_state(&err, "57P01", 0, "terminating connection due to administrator command");
    fly__binary_refuse(me, &err);
}

/* ------------------------------------------------------------------------- requests */

static fly_status on_ping(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    fly_bytes data = fly_frame_get_text(in, "data");
    fly_status status = fly_frame_in_end(in, err);
    if (status == FLY_OK) {
        fly__binary_begin(me, false);
        fly_frame_put_text(&me->out, "data", data);
        fly__binary_send(me);
    }
    return status;
}

static fly_status on_quit(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    (void)in;
    (void)err;
    fly__binary_begin(me, false);
    fly__binary_send(me);
    fly_net_finish(me->conn);
    return FLY_OK;
}

static const struct {
    uint8_t type;
    bool before_login;
    fly__binary_handler *handle;
} requests[] = {
    {FLY_FRAME_QUERY, false, fly__binary_query},
    {FLY_FRAME_PREPARE, false, fly__binary_prepare},
    {FLY_FRAME_EXECUTE, false, fly__binary_execute},
    {FLY_FRAME_DEALLOCATE, false, fly__binary_deallocate},
    {FLY_FRAME_CURSOR_OPEN, false, fly__binary_cursor_open},
    {FLY_FRAME_CURSOR_FETCH, false, fly__binary_cursor_fetch},
    {FLY_FRAME_CURSOR_CLOSE, false, fly__binary_cursor_close},
    {FLY_FRAME_GET_TABLES, false, fly__binary_get_tables},
    {FLY_FRAME_GET_COLUMNS, false, fly__binary_get_columns},
    {FLY_FRAME_GET_TYPE_INFO, false, fly__binary_get_type_info},
    {FLY_FRAME_BEGIN_TX, false, fly__binary_begin_tx},
    {FLY_FRAME_COMMIT_TX, false, fly__binary_commit_tx},
    {FLY_FRAME_ROLLBACK_TX, false, fly__binary_rollback_tx},
    {FLY_FRAME_SET_OPTION, false, fly__binary_set_option},
    {FLY_FRAME_GET_OPTION, false, fly__binary_get_option},
    {FLY_FRAME_GET_SERVER_INFO, false, fly__binary_get_server_info},
    {FLY_FRAME_AUTH, true, fly__binary_auth},
    {FLY_FRAME_PING, true, on_ping},
    {FLY_FRAME_CANCEL, true, fly__binary_cancel},
    {FLY_FRAME_QUIT, true, on_quit},
    {FLY_FRAME_WATCH, false, fly__binary_watch},
    {FLY_FRAME_UNWATCH, false, fly__binary_unwatch},
};

static fly__binary_handler *handler_of(const fly__binary_client *me, uint8_t type, fly_err *err)
{
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        if (requests[i].type == type) {
            if (me->client == NULL && !requests[i].before_login) {
                (void)fly_err_state(err, "28000", 0, "not logged in");
                return NULL;
            }
            return requests[i].handle;
        }
    }
    (void)fly_err_state(err, "08P01", 0, "unknown message type 0x%02x", type);
    return NULL;
}

/* StartTls has to be alone: what came behind it in the clear is not the client's word. */
static void on_start_tls(fly__binary_client *me, size_t used)
{
    fly_err err = {0};
    fly_net_consume(me->conn, used);
    if (me->client != NULL || !fly_net_tls_offered(me->conn)) {
        (void)fly_err_set(&err, FLY_E_UNSUPPORTED, "TLS cannot be begun here");
        fly__binary_fail(me, &err);
        return;
    }
    fly__binary_begin(me, false);
    fly__binary_send(me);
    if (fly_net_start_tls(me->conn) != FLY_OK) {
        fly_net_cut(me->conn);
    }
}

static void end_of_request(fly__binary_client *me)
{
    fly_arena_reset(&me->arena);
    if (me->watches != NULL) {
        /* Who watches is not idle; commits that were not durable at once wake nobody. */
        fly_net_timeout(me->conn, ASK_NS, TIME_ASK);
    } else if (me->client != NULL && me->stmt == NULL) {
        fly_net_timeout(me->conn, fly_server_client_idle_ns(me->client), TIME_IDLE);
    }
}

static void on_request(fly__binary_client *me, const fly_frame *frame)
{
    fly_err err = {0};
    fly_frame_in in;
    bool was_in = me->client != NULL;
    me->type = frame->type;
    me->flags = frame->flags;
    me->rows_max = UINT64_MAX;
    fly__binary_handler *handle = handler_of(me, frame->type, &err);
    fly_status status = handle != NULL ? fly_frame_in_open(&in, frame, &me->arena, &err)
                                       : FLY_E_INVALID;
    if (was_in) {
        fly_net_timeout(me->conn, 0, TIME_IDLE);
    }
    if (status == FLY_OK) {
        status = handle(me, &in, &err);
    }
    if (status != FLY_OK && frame->type == FLY_FRAME_AUTH) {
        fly__binary_refuse(me, &err);
    } else if (status != FLY_OK) {
        fly__binary_fail(me, &err);
    }
    if (!was_in && me->client != NULL) {
        limit_input(me);
    }
    end_of_request(me);
}

static void on_copy(fly__binary_client *me, const fly_frame *frame)
{
    fly_err err = {0};
    fly_frame_in in;
    if (fly_frame_in_open(&in, frame, &me->arena, &err) != FLY_OK) {
        fly__binary_refuse(me, &err);
        return;
    }
    if (frame->type == FLY_FRAME_COPY_DATA) {
        fly__binary_copy_data(me, &in);
    } else {
        fly__binary_copy_end(me, &in);
    }
    end_of_request(me);
}

/* The next frame, if it is whole; false: there is nothing to do. */
static bool take_frame(fly__binary_client *me)
{
    fly_err err = {0};
    fly_frame frame;
    fly_bytes input = fly_net_input(me->conn);
    fly_status status = fly_frame_decode(input, frame_max(me), &frame, &err);
    if (status == FLY_E_AGAIN) {
        size_t needed = FLY_FRAME_HEADER_SIZE;
        if (input.len >= FLY_FRAME_HEADER_SIZE) {
            needed += (size_t)input.data[4] << 24 | (size_t)input.data[5] << 16 |
                      (size_t)input.data[6] << 8 | (size_t)input.data[7];
        }
        (void)!fly_net_expect(me->conn, needed); /* within the limit: that was decided above */
        return false;
    }
    if (status != FLY_OK) {
        me->flags = 0;
        fly__binary_refuse(me, &err);
        return false;
    }
    if (frame.type == FLY_FRAME_START_TLS) {
        me->type = frame.type;
        me->flags = frame.flags;
        on_start_tls(me, fly_frame_size(&frame));
        return true;
    }
    bool copies = frame.type == FLY_FRAME_COPY_DATA || frame.type == FLY_FRAME_COPY_END;
    if (copies && me->client != NULL) {
        on_copy(me, &frame);
    } else if (me->copying) {
        (void)fly_err_state(&err, "08P01", 0, "unexpected message type 0x%02x during COPY",
                            frame.type);
        fly__binary_refuse(me, &err);
    } else {
        on_request(me, &frame);
    }
    fly_net_consume(me->conn, fly_frame_size(&frame));
    return true;
}

/* ---------------------------------------------------------------------- the protocol */

static void on_time(fly__binary_client *me, uint32_t what)
{
    fly_err err = {0};
    if (what == TIME_LOGIN && me->client == NULL) {
        (void)fly_err_state(&err, "28000", 0, "no login in time");
        fly__binary_refuse(me, &err);
    } else if (what == TIME_ASK && me->watches != NULL) {
        fly_net_timeout(me->conn, ASK_NS, TIME_ASK);
    } else if (what == TIME_IDLE && me->client != NULL && me->stmt == NULL) {
        (void)fly_server_client_idled(me->client, &err);
        fly__binary_refuse(me, &err);
    }
}

/* The server stops, or somebody has ended this session. */
static bool must_end(const fly__binary_client *me)
{
    return (fly_net_draining(me->conn) && !me->copying) ||
           (me->client != NULL && fly_sql_session_terminated(fly__binary_session(me)));
}

static void run(fly_net_conn *conn)
{
    fly__binary_client *me = fly_net_state(conn);
    if (fly_net_timed_out(conn) != 0) {
        on_time(me, fly_net_timed_out(conn));
    }
    while (!fly_net_finished(conn) && !fly_net_full(conn)) {
        if (me->stmt != NULL && !me->copying) {
            if (!fly__binary_step(me)) {
                break;
            }
            end_of_request(me);
        } else if (must_end(me)) {
            say_goodbye(me);
        } else if (!take_frame(me)) {
            if (me->client != NULL && !me->copying && !fly_net_finished(conn)) {
                fly__binary_tell_events(me);
            }
            break;
        }
    }
    fly__binary_let_go_if_full(me);
}

static fly_status open_client(fly_net_conn *conn, fly_err *err)
{
    (void)err;
    fly__binary_client *me = fly_net_state(conn);
    me->conn = conn;
    me->ref = fly_net_ref_of(conn);
    fly_frame_out_init(&me->out, fly_net_mem(conn));
    fly_frame_out_init(&me->aside, fly_net_mem(conn));
    fly_arena_init(&me->arena, fly_net_mem(conn), 1024);
    limit_input(me);
    fly_net_timeout(conn, fly_server_login_ns(fly__binary_front(me)->server), TIME_LOGIN);
    return FLY_OK;
}

static void close_client(fly_net_conn *conn)
{
    fly__binary_client *me = fly_net_state(conn);
    fly__binary_abandon(me);
    fly__binary_forget_watches(me, fly_bytes_str(""));
    fly__binary_forget_all(me);
    fly_server_login_end(me->login);
    fly_server_client_close(me->client);
    fly_arena_deinit(&me->arena);
    fly_frame_out_deinit(&me->aside);
    fly_frame_out_deinit(&me->out);
}

static void drain(fly_net_conn *conn)
{
    fly__binary_client *me = fly_net_state(conn);
    if (me->stmt == NULL) {
        say_goodbye(me);
    }
}

/* Error, as docs/protocols/binary.md has it: severity, sqlstate, message, detail, hint, position, status,
 * state. */
static const char too_many[] = "\xfd\x01\xff\x00\x00\x00\x00\x38"
                               "\x05"
                               "FATAL"
                               "\x05"
                               "53300"
                               "\x1f"
                               "sorry, too many clients already"
                               "\x00\x00\x00\x06"
                               "E_FULL"
                               "\x01I";

const fly_net_protocol fly_binary_protocol = {
    .name = "binary",
    .state_size = sizeof(fly__binary_client),
    .refusal = {(const uint8_t *)too_many, sizeof too_many - 1},
    .open = open_client,
    .run = run,
    .close = close_client,
    .drain = drain,
};
