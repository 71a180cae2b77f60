/*
 * TLS by OpenSSL.
 */
#include "net_int.h"

#include <errno.h>

struct fly_net_tls {
    fly_env *env;
};

fly_status fly_net_tls_create(fly_env *env, const fly_net_tls_options *options, fly_net_tls **tls,
                              fly_err *err)
{
    (void)env;
    (void)options;
    (void)tls;
    return fly_err_set(err, FLY_E_UNSUPPORTED, "this build has no TLS");
}

fly_status fly_net_tls_reload(fly_net_tls *tls, fly_err *err)
{
    (void)tls;
    return fly_err_set(err, FLY_E_UNSUPPORTED, "this build has no TLS");
}

void fly_net_tls_destroy(fly_net_tls *tls)
{
    (void)tls;
}

fly_status fly_net_start_tls(fly_net_conn *conn)
{
    (void)conn;
    return FLY_E_UNSUPPORTED;
}

bool fly_net_tls_offered(const fly_net_conn *conn)
{
    return conn->from->tls != NULL && conn->ssl == NULL;
}

bool fly_net_tls_info_read(const fly_net_conn *conn, fly_net_tls_info *info)
{
    *info = (fly_net_tls_info){0};
    return conn->ssl != NULL;
}

bool fly_net_encrypted(const fly_net_conn *conn)
{
    return conn->ssl != NULL && !conn->handshaking;
}

fly_status fly__net_tls_begin(fly_net_conn *conn)
{
    (void)conn;
    return FLY_E_UNSUPPORTED;
}

int fly__net_tls_handshake(fly_net_conn *conn)
{
    (void)conn;
    return -1;
}

int64_t fly__net_tls_receive(fly_net_conn *conn, uint8_t *data, size_t len)
{
    (void)conn;
    (void)data;
    (void)len;
    errno = EPROTO;
    return -1;
}

int64_t fly__net_tls_send(fly_net_conn *conn, const uint8_t *data, size_t len)
{
    (void)conn;
    (void)data;
    (void)len;
    errno = EPROTO;
    return -1;
}

void fly__net_tls_shut(fly_net_conn *conn)
{
    (void)conn;
}

void fly__net_tls_end(fly_net_conn *conn)
{
    conn->ssl = NULL;
}
