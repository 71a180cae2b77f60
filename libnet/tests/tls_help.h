/*
 * Certificates for tests, made on the spot, and a client that speaks TLS. Written by OpenSSL itself, so
 * that no test needs a program, and no key lies in the repository.
 */
#ifndef TLS_HELP_H
#define TLS_HELP_H

#include "net_help.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

typedef struct identity {
    EVP_PKEY *key;
    X509 *certificate;
    char certificate_path[128];
    char key_path[128];
} identity;

static char tls_folder[64];

static void tls_folder_make(void)
{
    (void)snprintf(tls_folder, sizeof tls_folder, "/tmp/fly-net-tls-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(tls_folder));
}

static void identity_write(identity *id, const char *name)
{
    (void)snprintf(id->certificate_path, sizeof id->certificate_path, "%s/%s.crt", tls_folder,
                   name);
    (void)snprintf(id->key_path, sizeof id->key_path, "%s/%s.key", tls_folder, name);
    FILE *file = fopen(id->certificate_path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(PEM_write_X509(file, id->certificate), 1);
    ck_assert_int_eq(fclose(file), 0);
    file = fopen(id->key_path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(PEM_write_PrivateKey(file, id->key, NULL, NULL, 0, NULL, NULL), 1);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(id->key_path, 0600), 0);
}

/* A certificate for `subject` (UTF-8, `len` bytes), signed by `signer`, or by itself. */
static identity identity_make(const char *name, const char *subject, int len,
                              const identity *signer)
{
    identity id = {0};
    id.key = EVP_EC_gen("P-256");
    ck_assert_ptr_nonnull(id.key);
    id.certificate = X509_new();
    ck_assert_int_eq(X509_set_version(id.certificate, 2), 1);
    static long serial = 1;
    ck_assert_int_eq(ASN1_INTEGER_set(X509_get_serialNumber(id.certificate), serial++), 1);
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notBefore(id.certificate), -60));
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(id.certificate), 3600));
    ck_assert_int_eq(X509_set_pubkey(id.certificate, id.key), 1);
    X509_NAME *dn = X509_get_subject_name(id.certificate);
    ck_assert_int_eq(X509_NAME_add_entry_by_txt(dn, "CN", MBSTRING_UTF8,
                                                (const unsigned char *)subject, len, -1, 0),
                     1);
    X509 *issuer = signer != NULL ? signer->certificate : id.certificate;
    ck_assert_int_eq(X509_set_issuer_name(id.certificate, X509_get_subject_name(issuer)), 1);
    if (signer == NULL) {
        X509_EXTENSION *ca =
            X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
        ck_assert_int_eq(X509_add_ext(id.certificate, ca, -1), 1);
        X509_EXTENSION_free(ca);
    }
    ck_assert_int_gt(X509_sign(id.certificate, signer != NULL ? signer->key : id.key, EVP_sha384()),
                     0);
    identity_write(&id, name);
    return id;
}

static void identity_free(identity *id)
{
    X509_free(id->certificate);
    EVP_PKEY_free(id->key);
    (void)unlink(id->certificate_path);
    (void)unlink(id->key_path);
}

static void tls_folder_remove(void)
{
    (void)rmdir(tls_folder);
}

/* A client that takes any server; with `id` it shows a certificate. NULL if the handshake failed. */
static SSL *tls_client(int fd, const identity *id, int version_max)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    ck_assert_ptr_nonnull(context);
    if (version_max != 0) {
        ck_assert_int_eq(SSL_CTX_set_max_proto_version(context, version_max), 1);
    }
    if (id != NULL) {
        ck_assert_int_eq(SSL_CTX_use_certificate(context, id->certificate), 1);
        ck_assert_int_eq(SSL_CTX_use_PrivateKey(context, id->key), 1);
    }
    SSL *ssl = SSL_new(context);
    SSL_CTX_free(context);
    ck_assert_int_eq(SSL_set_fd(ssl, fd), 1);
    if (SSL_connect(ssl) != 1) {
        ERR_clear_error();
        SSL_free(ssl);
        return NULL;
    }
    return ssl;
}

static void tls_say(SSL *ssl, const void *data, size_t len)
{
    size_t sent = 0;
    ck_assert_int_eq(SSL_write_ex(ssl, data, len, &sent), 1);
    ck_assert_uint_eq(sent, len);
}

/* `len` bytes, or fewer at the end. */
static size_t tls_hear(SSL *ssl, void *data, size_t len)
{
    size_t got = 0;
    while (got < len) {
        size_t n = 0;
        if (SSL_read_ex(ssl, (char *)data + got, len - got, &n) != 1) {
            ERR_clear_error();
            break;
        }
        got += n;
    }
    return got;
}

#endif
