/*
 * TLS by OpenSSL: certificates, handshakes, what is known of the other side.
 *
 * A connection's SSL works on the socket itself, without waiting. Between a turn that left something
 * inside OpenSSL and the next nothing tells epoll of it; so serve.c reads until OpenSSL wants bytes from
 * the socket before it waits.
 *
 * What is decided here and not left to OpenSSL's defaults:
 *
 *   - TLS 1.3, and 1.2 only where the program asks for it, with forward secrecy and AEAD.
 *   - No renegotiation, no compression, no early data: what may be replayed is no statement.
 *   - No session tickets and no cache: resumption would skip the check of a client's certificate against
 *     what is revoked now, and a login costs more than a handshake anyway.
 *   - A key that everybody may read is refused, as PostgreSQL and ssh do.
 *
 * A reload makes a new SSL_CTX beside the old one; connections keep the one they began with.
 */
#include "net_int.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char CIPHERS[] = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!PSK";

struct fly_net_tls {
    fly_env *env;
    fly_net_tls_options options; /* its texts are ours */
    fly_mutex mutex;
    SSL_CTX *context; /* mutex: who takes it to use it counts himself in */
};

/* ------------------------------------------------------------------ contexts */

/* OpenSSL's own story of the last failure, which its queue then forgets. */
static const char *story(char *buffer, size_t size)
{
    unsigned long code = ERR_peek_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    (void)snprintf(buffer, size, "%s", reason != NULL ? reason : "unknown trouble");
    ERR_clear_error();
    return buffer;
}

static fly_status bad_file(fly_err *err, const char *what, const char *path)
{
    char why[128];
    return fly_err_set(err, FLY_E_INVALID, "read the %s \"%s\": %s", what, path,
                       story(why, sizeof why));
}

/* Whether the file is there, and, for a key, nobody's but its owner's. */
static fly_status look_at_file(const char *what, const char *path, bool secret, fly_err *err)
{
    struct stat about;
    if (stat(path, &about) != 0) {
        int os_errno = errno;
        fly_status status = os_errno == ENOENT   ? FLY_E_NOT_FOUND
                            : os_errno == EACCES ? FLY_E_PERMISSION
                                                 : FLY_E_IO;
        return fly_err_os(err, status, os_errno, "read the %s \"%s\"", what, path);
    }
    if (!S_ISREG(about.st_mode)) {
        return fly_err_set(err, FLY_E_INVALID, "the %s \"%s\" is not a file", what, path);
    }
    if (secret && (about.st_mode & (S_IRWXO | S_IWGRP | S_IXGRP)) != 0) {
        fly_err_set(err, FLY_E_PERMISSION, "the %s \"%s\" can be read by others", what, path);
        fly_err_hint(err, "Permissions should be 0600, or 0640 with a group that may know it.");
        return FLY_E_PERMISSION;
    }
    return FLY_OK;
}

static fly_status load_identity(SSL_CTX *context, const fly_net_tls_options *options, fly_err *err)
{
    fly_status status = look_at_file("certificate", options->certificate, false, err);
    if (status == FLY_OK) {
        status = look_at_file("private key", options->key, true, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (SSL_CTX_use_certificate_chain_file(context, options->certificate) != 1) {
        return bad_file(err, "certificate", options->certificate);
    }
    if (SSL_CTX_use_PrivateKey_file(context, options->key, SSL_FILETYPE_PEM) != 1) {
        return bad_file(err, "private key", options->key);
    }
    if (SSL_CTX_check_private_key(context) != 1) {
        ERR_clear_error();
        return fly_err_set(err, FLY_E_INVALID, "the private key \"%s\" is not the certificate's",
                           options->key);
    }
    return FLY_OK;
}

static fly_status load_revoked(SSL_CTX *context, const fly_net_tls_options *options, fly_err *err)
{
    fly_status status = look_at_file("list of revoked certificates", options->revoked, false, err);
    if (status != FLY_OK) {
        return status;
    }
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (lookup == NULL || X509_load_crl_file(lookup, options->revoked, X509_FILETYPE_PEM) <= 0) {
        return bad_file(err, "list of revoked certificates", options->revoked);
    }
    (void)X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return FLY_OK;
}

static fly_status load_authorities(SSL_CTX *context, const fly_net_tls_options *options,
                                   fly_err *err)
{
    if (options->authorities == NULL) {
        return options->verify == FLY_NET_VERIFY_NONE
                   ? FLY_OK
                   : fly_err_set(
                         err, FLY_E_INVALID,
                         "clients' certificates need authorities that may have signed them");
    }
    fly_status status = look_at_file("authorities", options->authorities, false, err);
    if (status != FLY_OK) {
        return status;
    }
    STACK_OF(X509_NAME) *names = NULL;
    if (SSL_CTX_load_verify_locations(context, options->authorities, NULL) != 1 ||
        (names = SSL_load_client_CA_file(options->authorities)) == NULL) {
        return bad_file(err, "authorities", options->authorities);
    }
    SSL_CTX_set_client_CA_list(context, names);
    if (options->revoked != NULL) {
        status = load_revoked(context, options, err);
    }
    int mode = options->verify == FLY_NET_VERIFY_NONE ? SSL_VERIFY_NONE
               : options->verify == FLY_NET_VERIFY_OPTIONAL
                   ? SSL_VERIFY_PEER
                   : SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(context, mode, NULL);
    return status;
}

static fly_status context_create(const fly_net_tls_options *options, SSL_CTX **out, fly_err *err)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL) {
        ERR_clear_error();
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for TLS");
    }
    (void)SSL_CTX_set_min_proto_version(context,
                                        options->allow_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION);
    (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                           SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                           SSL_OP_IGNORE_UNEXPECTED_EOF);
    (void)SSL_CTX_set_num_tickets(context, 0);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                        SSL_MODE_RELEASE_BUFFERS);
    fly_status status = FLY_OK;
    const char *ciphers = options->ciphers != NULL ? options->ciphers : CIPHERS;
    if (SSL_CTX_set_cipher_list(context, ciphers) != 1) {
        ERR_clear_error();
        status = fly_err_set(err, FLY_E_INVALID, "no cipher is known by \"%s\"", ciphers);
    }
    if (status == FLY_OK) {
        status = load_identity(context, options, err);
    }
    if (status == FLY_OK) {
        status = load_authorities(context, options, err);
    }
    if (status != FLY_OK) {
        SSL_CTX_free(context);
        return status;
    }
    *out = context;
    return FLY_OK;
}

/* ------------------------------------------------------------------ fly_net_tls */

static void text_free(fly_mem *mem, const char *text)
{
    if (text != NULL) {
        fly_mem_free(mem, (void *)(uintptr_t)text, strlen(text) + 1);
    }
}

static bool text_copy(fly_mem *mem, const char **text)
{
    if (*text == NULL) {
        return true;
    }
    size_t size = strlen(*text) + 1;
    char *copy = fly_mem_alloc(mem, size);
    if (copy != NULL) {
        memcpy(copy, *text, size);
    }
    *text = copy;
    return copy != NULL;
}

fly_status fly_net_tls_create(fly_env *env, const fly_net_tls_options *options, fly_net_tls **out,
                              fly_err *err)
{
    if (options->certificate == NULL || options->key == NULL) {
        return fly_err_set(err, FLY_E_INVALID, "TLS needs a certificate and a private key");
    }
    fly_net_tls *tls = fly_mem_calloc(env->mem, 1, sizeof *tls);
    if (tls == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for TLS");
    }
    tls->env = env;
    tls->options = *options;
    fly_mutex_init(&tls->mutex, "net tls", FLY_RANK_LEAF);
    bool copied = text_copy(env->mem, &tls->options.certificate);
    copied = text_copy(env->mem, &tls->options.key) && copied;
    copied = text_copy(env->mem, &tls->options.authorities) && copied;
    copied = text_copy(env->mem, &tls->options.revoked) && copied;
    copied = text_copy(env->mem, &tls->options.ciphers) && copied;
    fly_status status = copied ? context_create(&tls->options, &tls->context, err)
                               : fly_err_set(err, FLY_E_NO_MEMORY, "no memory for TLS");
    if (status != FLY_OK) {
        fly_net_tls_destroy(tls);
        return status;
    }
    *out = tls;
    return FLY_OK;
}

fly_status fly_net_tls_reload(fly_net_tls *tls, fly_err *err)
{
    SSL_CTX *fresh = NULL;
    fly_status status = context_create(&tls->options, &fresh, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_mutex_lock(&tls->mutex);
    SSL_CTX *old = tls->context;
    tls->context = fresh;
    fly_mutex_unlock(&tls->mutex);
    SSL_CTX_free(old);
    return FLY_OK;
}

void fly_net_tls_destroy(fly_net_tls *tls)
{
    if (tls == NULL) {
        return;
    }
    SSL_CTX_free(tls->context);
    fly_mem *mem = tls->env->mem;
    text_free(mem, tls->options.certificate);
    text_free(mem, tls->options.key);
    text_free(mem, tls->options.authorities);
    text_free(mem, tls->options.revoked);
    text_free(mem, tls->options.ciphers);
    fly_mutex_deinit(&tls->mutex);
    fly_mem_free(mem, tls, sizeof *tls);
}

/* ------------------------------------------------------------------ connections */

fly_status fly__net_tls_begin(fly_net_conn *conn)
{
    fly_net_tls *tls = conn->from->tls;
    fly_mutex_lock(&tls->mutex);
    SSL *ssl = SSL_new(tls->context); /* counts itself in at the context */
    fly_mutex_unlock(&tls->mutex);
    if (ssl == NULL || SSL_set_fd(ssl, conn->fd) != 1) {
        ERR_clear_error();
        SSL_free(ssl);
        return FLY_E_NO_MEMORY;
    }
    SSL_set_accept_state(ssl);
    conn->ssl = ssl;
    conn->handshaking = true;
    conn->plain_left = fly__net_buffer_len(&conn->out);
    conn->own_deadline = fly_now() + conn->net->options.handshake_ns;
    return FLY_OK;
}

fly_status fly_net_start_tls(fly_net_conn *conn)
{
    if (conn->from->tls == NULL || conn->ssl != NULL) {
        return FLY_E_UNSUPPORTED;
    }
    if (fly__net_buffer_len(&conn->in) > 0) {
        fly_log(conn->net->env, FLY_LOG_WARNING,
                "connection %" PRIu64 " from %s closed: bytes before the TLS handshake", conn->id,
                conn->peer.host);
        conn->cut = true;
        return FLY_E_INVALID;
    }
    fly_status status = fly__net_tls_begin(conn);
    conn->cut = conn->cut || status != FLY_OK;
    return status;
}

bool fly_net_tls_offered(const fly_net_conn *conn)
{
    return conn->from->tls != NULL && conn->ssl == NULL;
}

bool fly_net_encrypted(const fly_net_conn *conn)
{
    return conn->ssl != NULL && !conn->handshaking;
}

/* What a call of OpenSSL that did not succeed means, as recv() and send() would have said it. */
static int64_t outcome(fly_net_conn *conn, int result)
{
    int os_errno = errno;
    int why = SSL_get_error(conn->ssl, result);
    ERR_clear_error();
    switch (why) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        conn->tls_wants_out = why == SSL_ERROR_WANT_WRITE;
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        errno = os_errno != 0 && os_errno != EAGAIN ? os_errno : ECONNRESET;
        return -1;
    default:
        errno = EPROTO;
        return -1;
    }
}

int fly__net_tls_handshake(fly_net_conn *conn)
{
    ERR_clear_error();
    int result = SSL_do_handshake(conn->ssl);
    if (result == 1) {
        return 1;
    }
    unsigned long code = ERR_peek_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    if (outcome(conn, result) < 0 && errno == EAGAIN) {
        return 0;
    }
    fly_log(conn->net->env, FLY_LOG_INFO,
            "connection %" PRIu64 " from %s: TLS handshake failed: %s", conn->id, conn->peer.host,
            reason != NULL ? reason : "the client went away");
    return -1;
}

int64_t fly__net_tls_receive(fly_net_conn *conn, uint8_t *data, size_t len)
{
    ERR_clear_error();
    int result = SSL_read(conn->ssl, data, len < INT32_MAX ? (int)len : INT32_MAX);
    return result > 0 ? result : outcome(conn, result);
}

int64_t fly__net_tls_send(fly_net_conn *conn, const uint8_t *data, size_t len)
{
    ERR_clear_error();
    int result = SSL_write(conn->ssl, data, len < INT32_MAX ? (int)len : INT32_MAX);
    return result > 0 ? result : outcome(conn, result);
}

/* Say that nothing follows, so that the client can tell the end from a cut. */
void fly__net_tls_shut(fly_net_conn *conn)
{
    if (conn->ssl != NULL && !conn->handshaking) {
        ERR_clear_error();
        (void)SSL_shutdown(conn->ssl);
        ERR_clear_error();
    }
}

void fly__net_tls_end(fly_net_conn *conn)
{
    SSL_free(conn->ssl);
    conn->ssl = NULL;
}

/* ------------------------------------------------------------------ who it is */

/*
 * tls-server-end-point: the hash of our certificate, by the hash of its signature; where that is MD5 or
 * SHA-1, by SHA-256. A signature without one hash (Ed25519) has no such binding.
 * @source RFC 5929, section 4.1.
 */
static void binding_read(SSL *ssl, fly_net_tls_info *info)
{
    X509 *certificate = SSL_get_certificate(ssl);
    int digest = NID_undef;
    if (certificate == NULL ||
        X509_get_signature_info(certificate, &digest, NULL, NULL, NULL) != 1 ||
        digest == NID_undef) {
        ERR_clear_error();
        return;
    }
    const EVP_MD *md = digest == NID_md5 || digest == NID_sha1 ? EVP_sha256()
                                                               : EVP_get_digestbynid(digest);
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    if (md != NULL && X509_digest(certificate, md, hash, &len) == 1 &&
        len <= sizeof info->binding) {
        memcpy(info->binding, hash, len);
        info->binding_len = len;
    }
    ERR_clear_error();
}

/* A common name with a zero in it is somebody's trick: "admin\0.example". */
static void common_name_read(X509_NAME *subject, fly_net_tls_info *info)
{
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) {
        return; /* none, or more than one */
    }
    ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
    unsigned char *text = NULL;
    int len = ASN1_STRING_to_UTF8(&text, value);
    if (len > 0 && (size_t)len < sizeof info->client_name && memchr(text, 0, (size_t)len) == NULL) {
        memcpy(info->client_name, text, (size_t)len);
        info->client_name[len] = '\0';
    }
    OPENSSL_free(text);
}

static void client_read(SSL *ssl, fly_net_tls_info *info)
{
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    if (certificate == NULL || SSL_get_verify_result(ssl) != X509_V_OK) {
        return;
    }
    info->client_certificate = true;
    X509_NAME *subject = X509_get_subject_name(certificate);
    common_name_read(subject, info);
    BIO *text = BIO_new(BIO_s_mem());
    if (text != NULL && X509_NAME_print_ex(text, subject, 0, XN_FLAG_RFC2253) >= 0) {
        int len = BIO_read(text, info->client_subject, (int)sizeof info->client_subject - 1);
        info->client_subject[len > 0 ? len : 0] = '\0';
    }
    BIO_free(text);
    ERR_clear_error();
}

bool fly_net_tls_info_read(const fly_net_conn *conn, fly_net_tls_info *info)
{
    *info = (fly_net_tls_info){0};
    if (!fly_net_encrypted(conn)) {
        return false;
    }
    (void)snprintf(info->version, sizeof info->version, "%s", SSL_get_version(conn->ssl));
    (void)snprintf(info->cipher, sizeof info->cipher, "%s", SSL_get_cipher_name(conn->ssl));
    info->bits = (uint32_t)SSL_get_cipher_bits(conn->ssl, NULL);
    binding_read(conn->ssl, info);
    client_read(conn->ssl, info);
    return true;
}
