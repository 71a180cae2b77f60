/*
 * A socket, with TLS on it or not, and the frames that come through it.
 *
 * OpenSSL works on memory here, and this file carries its bytes: so the time-outs, the interrupted calls
 * and the broken pipes of a socket are dealt with in one place, and no write of OpenSSL's own raises
 * SIGPIPE in somebody's program.
 *
 * Any failure here breaks the connection: half of a frame may be on its way.
 */
#define _GNU_SOURCE

#include "client_int.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    FRAME_MAX = 1 << 30, /* of a payload from the server: a row may be large */
    FIRST_SIZE = 16 << 10,
    CANCEL_MS = 2000
};

static fly_status broke(fly_client *client, fly_status status)
{
    client->broken = true;
    client->state = '?';
    return status;
}

fly_status fly__client_nonsense(fly_client *client, const char *what, fly_err *err)
{
    return broke(client,
                 fly_err_set(err, FLY_E_CORRUPT, "the server's answer makes no sense: %s", what));
}

/* -------------------------------------------------------------------- sockets */

void fly__client_patience(int fd, uint32_t ms)
{
    struct timeval time = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

static int try_address(const struct sockaddr *address, socklen_t len, uint32_t ms)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    fly__client_patience(fd, ms); /* of connect(), too */
    int one = 1;
    if (connect(fd, address, len) != 0) {
        int why = errno;
        (void)close(fd);
        errno = why == EINPROGRESS ? ETIMEDOUT : why;
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

fly_status fly__client_dial(fly_client *client, const fly_client_options *options, fly_err *err)
{
    char port[8];
    struct addrinfo *list = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    const char *host = options->host != NULL ? options->host : "localhost";
    uint32_t ms = options->connect_ms > 0 ? options->connect_ms : 10000;
    (void)snprintf(port, sizeof port, "%u", options->port > 0 ? options->port : 8889u);
    int answer = getaddrinfo(host, port, &hints, &list);
    if (answer != 0) {
        return fly_err_set(err, FLY_E_NOT_FOUND, "look up host \"%s\": %s", host,
                           gai_strerror(answer));
    }
    int why = ENOENT;
    for (struct addrinfo *at = list; at != NULL && client->fd < 0; at = at->ai_next) {
        client->fd = try_address(at->ai_addr, at->ai_addrlen, ms);
        why = errno;
        if (client->fd >= 0) {
            memcpy(&client->address, at->ai_addr, at->ai_addrlen);
            client->address_len = at->ai_addrlen;
        }
    }
    freeaddrinfo(list);
    if (client->fd < 0) {
        return fly_err_os(err, why == ETIMEDOUT ? FLY_E_TIMEOUT : FLY_E_IO, why,
                          "connect to \"%s\", port %s", host, port);
    }
    return FLY_OK;
}

void fly__client_hang_up(fly_client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->tls);
    if (client->fd >= 0) {
        (void)close(client->fd);
    }
    client->fd = -1;
}

static fly_status lost(fly_client *client, const char *what, fly_err *err)
{
    bool late = errno == EAGAIN || errno == EWOULDBLOCK;
    return broke(client, late
                             ? fly_err_set(err, FLY_E_TIMEOUT, "the server does not answer in time")
                             : fly_err_os(err, FLY_E_IO, errno, "%s the server", what));
}

static fly_status send_all(fly_client *client, const uint8_t *data, size_t len, fly_err *err)
{
    while (len > 0) {
        ssize_t sent = send(client->fd, data, len, MSG_NOSIGNAL);
        if (sent > 0) {
            data += sent;
            len -= (size_t)sent;
        } else if (errno != EINTR) {
            return lost(client, "send to", err);
        }
    }
    return FLY_OK;
}

/* Some bytes, at least one. */
static fly_status receive_some(fly_client *client, uint8_t *data, size_t size, size_t *len,
                               fly_err *err)
{
    for (;;) {
        ssize_t got = recv(client->fd, data, size, 0);
        if (got > 0) {
            *len = (size_t)got;
            return FLY_OK;
        }
        if (got == 0) {
            return broke(client, fly_err_set(err, FLY_E_IO, "the server closed the connection"));
        }
        if (errno != EINTR) {
            return lost(client, "receive from", err);
        }
    }
}

/* ------------------------------------------------------------------------ TLS */

static fly_status tls_trouble(fly_client *client, const char *what, fly_err *err)
{
    unsigned long code = ERR_peek_last_error();
    long verdict = client->ssl != NULL ? SSL_get_verify_result(client->ssl) : X509_V_OK;
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    if (verdict != X509_V_OK) {
        return broke(client, fly_err_set(err, FLY_E_PERMISSION, "%s: %s", what,
                                         X509_verify_cert_error_string(verdict)));
    }
    return broke(
        client, fly_err_set(err, FLY_E_IO, "%s: %s", what, reason != NULL ? reason : "TLS failed"));
}

/* What OpenSSL wants to say goes out. */
static fly_status flush_tls(fly_client *client, fly_err *err)
{
    uint8_t room[4096];
    int len;
    while ((len = BIO_read(client->wire_out, room, sizeof room)) > 0) {
        fly_status status = send_all(client, room, (size_t)len, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

/* What OpenSSL waits for comes in. */
static fly_status feed_tls(fly_client *client, fly_err *err)
{
    uint8_t room[16384];
    size_t len = 0;
    fly_status status = receive_some(client, room, sizeof room, &len, err);
    if (status == FLY_OK && BIO_write(client->wire_in, room, (int)len) != (int)len) {
        return broke(client, fly_err_set(err, FLY_E_NO_MEMORY, "no memory for TLS"));
    }
    return status;
}

static fly_status shake_hands(fly_client *client, fly_err *err)
{
    for (;;) {
        int done = SSL_connect(client->ssl);
        int why = SSL_get_error(client->ssl, done);
        fly_status status = flush_tls(client, err); /* an alert, too */
        if (done == 1 || status != FLY_OK) {
            return status;
        }
        if (why != SSL_ERROR_WANT_READ) {
            return tls_trouble(client, "TLS handshake with the server", err);
        }
        status = feed_tls(client, err);
        if (status != FLY_OK) {
            return status;
        }
    }
}

static fly_status set_trust(fly_client *client, const fly_client_options *options, fly_err *err)
{
    if (options->tls != FLY_CLIENT_TLS_VERIFY) {
        SSL_CTX_set_verify(client->tls, SSL_VERIFY_NONE, NULL);
        return FLY_OK;
    }
    SSL_CTX_set_verify(client->tls, SSL_VERIFY_PEER, NULL);
    int trusted = options->authorities != NULL
                      ? SSL_CTX_load_verify_locations(client->tls, options->authorities, NULL)
                      : SSL_CTX_set_default_verify_paths(client->tls);
    if (trusted != 1) {
        ERR_clear_error();
        return fly_err_set(err, FLY_E_INVALID, "read authorities \"%s\"",
                           options->authorities != NULL ? options->authorities : "of the system");
    }
    return FLY_OK;
}

/* The certificate must be for the name, or for the address, that was dialled. */
static bool expect_host(SSL *ssl, const char *host, bool verify)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1) {
        return true;
    }
    ERR_clear_error();
    return SSL_set_tlsext_host_name(ssl, host) == 1 && (!verify || SSL_set1_host(ssl, host) == 1);
}

fly_status fly__client_start_tls(fly_client *client, const fly_client_options *options,
                                 fly_err *err)
{
    const char *host = options->host != NULL ? options->host : "localhost";
    if (client->in_len > client->in_at + client->taken) {
        /* Bytes that somebody has slipped in before the handshake. */
        return fly__client_nonsense(client, "data before the TLS handshake", err);
    }
    client->tls = SSL_CTX_new(TLS_client_method());
    if (client->tls == NULL || SSL_CTX_set_min_proto_version(client->tls, TLS1_2_VERSION) != 1) {
        return tls_trouble(client, "set up TLS", err);
    }
    fly_status status = set_trust(client, options, err);
    if (status != FLY_OK) {
        return broke(client, status);
    }
    client->ssl = SSL_new(client->tls);
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());
    if (client->ssl == NULL || in == NULL || out == NULL) {
        BIO_free(in);
        BIO_free(out);
        return tls_trouble(client, "set up TLS", err);
    }
    SSL_set_bio(client->ssl, in, out);
    client->wire_in = in;
    client->wire_out = out;
    if (!expect_host(client->ssl, host, options->tls == FLY_CLIENT_TLS_VERIFY)) {
        return tls_trouble(client, "set up TLS", err);
    }
    status = shake_hands(client, err);
    if (status == FLY_OK) {
        (void)snprintf(client->encryption, sizeof client->encryption, "%s %s",
                       SSL_get_version(client->ssl), SSL_get_cipher_name(client->ssl));
    }
    return status;
}

void fly__client_binding(const fly_client *client, fly_auth_binding *binding)
{
    int hash = NID_undef;
    unsigned len = 0;
    *binding = (fly_auth_binding){0};
    X509 *certificate = client->ssl != NULL ? SSL_get1_peer_certificate(client->ssl) : NULL;
    if (certificate != NULL && X509_get_signature_info(certificate, &hash, NULL, NULL, NULL) == 1 &&
        hash != NID_undef) {
        const EVP_MD *digest =
            EVP_get_digestbynid(hash == NID_md5 || hash == NID_sha1 ? NID_sha256 : hash);
        if (digest != NULL && EVP_MD_get_size(digest) <= FLY_AUTH_BINDING_MAX &&
            X509_digest(certificate, digest, binding->hash, &len) == 1) {
            binding->len = len;
        }
    }
    X509_free(certificate);
    ERR_clear_error();
}

/* -------------------------------------------------------------------- frames */

fly_status fly__client_send(fly_client *client, fly_err *err)
{
    fly_status status = FLY_OK;
    fly_frame_out *out = &client->out;
    if (client->ssl == NULL) {
        status = send_all(client, out->data, out->len, err);
    }
    for (size_t at = 0; client->ssl != NULL && at < out->len && status == FLY_OK;) {
        size_t written = 0;
        size_t piece = out->len - at < 65536 ? out->len - at : 65536;
        if (SSL_write_ex(client->ssl, out->data + at, piece, &written) != 1) {
            return tls_trouble(client, "send to the server", err);
        }
        at += written;
        status = flush_tls(client, err);
    }
    fly_frame_out_clear(out, FIRST_SIZE);
    return status;
}

/* Room behind what was received. */
static fly_status make_room(fly_client *client, fly_err *err)
{
    if (client->in_at > 0) {
        memmove(client->in, client->in + client->in_at, client->in_len - client->in_at);
        client->in_len -= client->in_at;
        client->in_at = 0;
    }
    if (client->in_size - client->in_len < FIRST_SIZE / 2) {
        size_t size = client->in_size > 0 ? 2 * client->in_size : FIRST_SIZE;
        uint8_t *data = fly_mem_resize(client->env->mem, client->in, client->in_size, size);
        if (data == NULL) {
            return broke(client, fly_err_set(err, FLY_E_NO_MEMORY, "no memory for an answer"));
        }
        client->in = data;
        client->in_size = size;
    }
    return FLY_OK;
}

static fly_status receive_more(fly_client *client, fly_err *err)
{
    size_t len = 0;
    fly_status status = make_room(client, err);
    uint8_t *at = client->in + client->in_len;
    size_t room = client->in_size - client->in_len;
    if (status == FLY_OK && client->ssl == NULL) {
        status = receive_some(client, at, room, &len, err);
    }
    while (status == FLY_OK && client->ssl != NULL && len == 0) {
        if (SSL_read_ex(client->ssl, at, room, &len) == 1) {
            break;
        }
        if (SSL_get_error(client->ssl, 0) != SSL_ERROR_WANT_READ) {
            return tls_trouble(client, "receive from the server", err);
        }
        status = flush_tls(client, err);
        status = status != FLY_OK ? status : feed_tls(client, err);
    }
    client->in_len += len;
    return status;
}

static fly_status next_frame(fly_client *client, fly_frame *frame, fly_err *err)
{
    client->in_at += client->taken;
    client->taken = 0;
    for (;;) {
        fly_bytes input = fly_bytes_of(client->in + client->in_at, client->in_len - client->in_at);
        fly_status status = fly_frame_decode(input, FRAME_MAX, frame, err);
        if (status == FLY_OK) {
            client->taken = fly_frame_size(frame);
            return FLY_OK;
        }
        if (status != FLY_E_AGAIN) {
            return broke(client, FLY_E_CORRUPT);
        }
        status = receive_more(client, err);
        if (status != FLY_OK) {
            return status;
        }
    }
}

static void tell_notice(fly_client *client, const fly_frame *frame)
{
    fly_frame_in in;
    fly_err notice;
    char severity[16];
    if (client->notice != NULL && fly_frame_in_open(&in, frame, &client->arena, NULL) == FLY_OK) {
        fly_frame_get_err(&in, severity, &notice);
        if (fly_frame_in_status(&in, NULL) == FLY_OK) {
            client->notice(client->notice_ctx, severity, &notice);
        }
    }
}

static void tell_event(fly_client *client, const fly_frame *frame)
{
    fly_frame_in in;
    fly_client_event event = {.last = true};
    if (client->event == NULL || fly_frame_in_open(&in, frame, &client->arena, NULL) != FLY_OK) {
        return;
    }
    if (frame->type == FLY_FRAME_NOTIFICATION) {
        event.operation = fly_bytes_str("NOTIFY");
        event.table = fly_frame_get_text(&in, "channel");
        event.new_row = fly_frame_get_text(&in, "payload");
    } else {
        event.lsn = fly_frame_get_uint(&in, "lsn");
        event.operation = fly_frame_get_text(&in, "operation");
        event.table = fly_frame_get_text(&in, "table");
        event.new_row = fly_frame_get_text(&in, "new");
        event.old_row = fly_frame_get_text(&in, "old");
        (void)fly_frame_get_int(&in, "time");
        event.last = fly_frame_get_bool(&in, "last");
    }
    if (fly_frame_in_status(&in, NULL) == FLY_OK) {
        client->event(client->event_ctx, &event);
    }
}

/* Whether bytes are here, or come in time. */
static bool await(const fly_client *client, uint32_t ms)
{
    if (client->ssl != NULL &&
        (SSL_pending(client->ssl) > 0 || BIO_ctrl_pending(client->wire_in) > 0)) {
        return true;
    }
    struct pollfd fd = {.fd = client->fd, .events = POLLIN};
    return poll(&fd, 1, (int)(ms < 0x7fffffff ? ms : 0x7fffffff)) != 0;
}

fly_status fly_client_wait(fly_client *client, uint32_t timeout_ms, fly_err *err)
{
    uint64_t deadline = fly_now() + (uint64_t)timeout_ms * 1000000;
    if (client->broken) {
        return fly_err_set(err, FLY_E_IO, "the connection is broken");
    }
    FLY_ASSERT(!client->result.open);
    client->in_at += client->taken;
    client->taken = 0;
    for (;;) {
        fly_frame frame;
        fly_bytes input = fly_bytes_of(client->in + client->in_at, client->in_len - client->in_at);
        fly_status status = fly_frame_decode(input, FRAME_MAX, &frame, err);
        if (status == FLY_OK &&
            (frame.type == FLY_FRAME_EVENT || frame.type == FLY_FRAME_NOTIFICATION)) {
            fly_arena_reset(&client->arena);
            tell_event(client, &frame);
            client->taken = fly_frame_size(&frame);
            return FLY_OK;
        }
        if (status == FLY_OK && frame.type == FLY_FRAME_NOTICE) {
            tell_notice(client, &frame);
            client->in_at += fly_frame_size(&frame);
            continue;
        }
        if (status == FLY_OK) { /* an Error: the server's last word */
            client->taken = fly_frame_size(&frame);
            return fly__client_last_word(client, &frame, err);
        }
        if (status != FLY_E_AGAIN) {
            return broke(client, FLY_E_CORRUPT);
        }
        uint64_t now = fly_now();
        uint64_t left = now < deadline ? (deadline - now + 999999) / 1000000 : 0;
        if (!await(client, (uint32_t)left)) {
            return fly_err_set(err, FLY_E_TIMEOUT, "no event in %u ms", timeout_ms);
        }
        status = receive_more(client, err);
        if (status != FLY_OK) {
            return status;
        }
    }
}

fly_status fly__client_receive(fly_client *client, fly_frame *frame, fly_err *err)
{
    for (;;) {
        fly_status status = next_frame(client, frame, err);
        if (status != FLY_OK) {
            return status;
        }
        if (frame->type == FLY_FRAME_NOTICE) {
            tell_notice(client, frame);
        } else if (frame->type == FLY_FRAME_EVENT || frame->type == FLY_FRAME_NOTIFICATION) {
            tell_event(client, frame);
        } else {
            return FLY_OK;
        }
    }
}

/* ------------------------------------------------------------------- cancelling */

bool fly_client_cancel(const fly_client *client)
{
    uint8_t frame[FLY_FRAME_HEADER_SIZE + 20] = {FLY_FRAME_MAGIC, FLY_FRAME_PROTOCOL,
                                                 FLY_FRAME_CANCEL};
    size_t len = FLY_FRAME_HEADER_SIZE;
    int before = errno;
    const uint32_t numbers[] = {client->pid, client->secret};
    for (size_t i = 0; i < 2; i++) {
        uint32_t left = numbers[i];
        for (; left >= 0x80; left >>= 7) {
            frame[len++] = (uint8_t)(left | 0x80);
        }
        frame[len++] = (uint8_t)left;
    }
    frame[7] = (uint8_t)(len - FLY_FRAME_HEADER_SIZE);
    int fd = try_address((const struct sockaddr *)&client->address, client->address_len, CANCEL_MS);
    bool asked = fd >= 0 && send(fd, frame, len, MSG_NOSIGNAL) == (ssize_t)len &&
                 recv(fd, frame, FLY_FRAME_HEADER_SIZE, 0) == FLY_FRAME_HEADER_SIZE &&
                 frame[2] == (FLY_FRAME_CANCEL | FLY_FRAME_ANSWER);
    if (fd >= 0) {
        (void)close(fd);
    }
    errno = before;
    return asked;
}
