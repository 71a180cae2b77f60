/*
 * Logging in: Auth, once for each SCRAM message of the client, or once with the password.
 *
 *     Auth mechanism user database application data ──> CONTINUE data
 *     Auth                                     data ──> LOGGED_IN data, or Error and the end
 */
#include "binary_int.h"

#include <fly/text.h>

#include <string.h>

static void describe_peer(const fly_net_conn *conn, fly_server_peer *peer)
{
    fly_net_tls_info tls;
    const fly_net_peer_info *info = fly_net_peer(conn);
    *peer = (fly_server_peer){.protocol = "binary",
                              .port = info->port,
                              .loopback = info->loopback,
                              .unix_socket = info->unix_socket};
    memcpy(peer->host, info->host, sizeof peer->host);
    if (fly_net_tls_info_read(conn, &tls)) {
        peer->tls = true;
        peer->binding.len = (uint32_t)tls.binding_len;
        memcpy(peer->binding.hash, tls.binding, tls.binding_len);
    }
}

static fly_status take_name(fly_bytes text, char *room, size_t size, fly_err *err)
{
    if (text.len >= size || memchr(text.data, 0, text.len) != NULL) {
        return fly_err_state(err, "22023", 0, "invalid name of a user or database");
    }
    memcpy(room, text.data, text.len);
    room[text.len] = 0;
    return fly_text_validate(FLY_TEXT_UTF8, text, err);
}

static void answer(fly__binary_client *me, fly_frame_login next, fly_bytes data)
{
    fly_sql_session *session = me->client != NULL ? fly__binary_session(me) : NULL;
    fly__binary_begin(me, false);
    fly_frame_put_uint(&me->out, "next", next);
    fly_frame_put_text(&me->out, "data", data);
    fly_frame_put_uint(&me->out, "pid", session != NULL ? fly_sql_session_pid(session) : 0);
    fly_frame_put_uint(&me->out, "secret", session != NULL ? fly_sql_session_secret(session) : 0);
    fly__binary_send(me);
}

static fly_status begin(fly__binary_client *me, fly_bytes mechanism, fly_bytes user,
                        fly_bytes database, fly_err *err)
{
    char user_name[256];
    char database_name[256];
    fly_server_peer peer;
    bool scram = !fly_bytes_equal(mechanism, fly_bytes_str("PLAIN"));
    describe_peer(me->conn, &peer);
    fly_status status = take_name(user, user_name, sizeof user_name, err);
    if (status == FLY_OK) {
        status = take_name(database, database_name, sizeof database_name, err);
    }
    if (status == FLY_OK) {
        status = fly_server_login_begin(fly__binary_front(me)->server, &peer, user_name,
                                        database_name, scram, &me->login, err);
    }
    if (status == FLY_OK && fly_server_login_method(me->login) == FLY_SERVER_SCRAM) {
        status = fly_server_login_mechanism(me->login, mechanism, err);
    }
    return status;
}

static fly_status open_session(fly__binary_client *me, fly_bytes application, fly_err *err)
{
    fly_status status = fly_server_login_open(me->login, &me->client, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_sql_session *session = fly__binary_session(me);
    fly_sql_on_notice(session, fly__binary_on_notice, me);
    fly_sql_on_terminate(session, fly__binary_wake, me);
    fly_sql_on_notification(session, fly__binary_wake, me);
    if (application.len > 0) {
        fly_sql_stmt *stmt = NULL;
        fly_err unseen = {0}; /* a name that cannot be set is no reason to turn somebody away */
        if (fly_sql_prepare(session,
                            fly_bytes_str("SELECT set_config('application_name', $1, false)"),
                            &stmt, NULL, &unseen) == FLY_OK &&
            fly_sql_bind_text(stmt, 1, application, &unseen) == FLY_OK) {
            while (fly_sql_step(stmt, &unseen) == FLY_OK) {
            }
        }
        fly_sql_finalize(stmt);
    }
    return FLY_OK;
}

fly_status fly__binary_auth(fly__binary_client *me, fly_frame_in *in, fly_err *err)
{
    fly_bytes mechanism = fly_frame_get_text(in, "mechanism");
    fly_bytes user = fly_frame_get_text(in, "user");
    fly_bytes database = fly_frame_get_text(in, "database");
    fly_bytes application = fly_frame_get_text(in, "application");
    fly_bytes data = fly_frame_get_text(in, "data");
    fly_bytes reply = fly_bytes_str("");
    fly_status status = fly_frame_in_end(in, err);
    if (status == FLY_OK && me->client != NULL) {
        return fly_err_state(err, "08P01", 0, "already logged in");
    }
    if (status == FLY_OK && me->login == NULL) {
        status = begin(me, mechanism, user, database, err);
    }
    if (status == FLY_OK && fly_server_login_method(me->login) == FLY_SERVER_SCRAM) {
        status = fly_server_login_step(me->login, data, &reply, err);
        if (status == FLY_E_AGAIN) {
            answer(me, FLY_FRAME_CONTINUE, reply);
            return FLY_OK;
        }
    } else if (status == FLY_OK && fly_bytes_equal(mechanism, fly_bytes_str("PLAIN"))) {
        status = fly_server_login_password(me->login, data, err);
    } else if (status == FLY_OK) {
        answer(me, FLY_FRAME_SEND_PASSWORD, reply);
        return FLY_OK;
    }
    if (status == FLY_OK) {
        status = open_session(me, application, err);
    }
    if (status == FLY_OK) {
        answer(me, FLY_FRAME_LOGGED_IN, reply);
        fly_server_login_end(me->login);
        me->login = NULL;
    }
    return status;
}
