/*
 * The goal: what goes through TLS arrives as without; who may not is turned away; nothing that came in
 * plain before a handshake is taken for something that came after it.
 * The method: certificates made on the spot, OpenSSL as the client, a protocol that echoes, that goes
 * over to TLS on the byte 'S', and that tells what it knows on the byte '?'.
 */
#include "tls_help.h"

#include <fcntl.h>

static world w;
static identity authority, server, other, client;
static fly_net_tls *tls;

static void talk_run(fly_net_conn *conn)
{
    fly_bytes input = fly_net_input(conn);
    if (input.len > 0 && input.data[0] == 'S' && !fly_net_encrypted(conn)) {
        fly_net_consume(conn, 1);
        fly_net_write(conn, fly_net_tls_offered(conn) ? "S" : "N", 1);
        if (fly_net_tls_offered(conn)) {
            (void)fly_net_start_tls(conn);
        }
    } else if (input.len > 0 && input.data[0] == '?') {
        fly_net_tls_info info;
        char text[600];
        bool there = fly_net_tls_info_read(conn, &info);
        int len = snprintf(text, sizeof text, "%s|%s|%d|%s|%s|%zu\n",
                           there ? info.version : "plain", info.cipher, info.client_certificate,
                           info.client_name, info.client_subject, info.binding_len);
        fly_net_consume(conn, 1);
        fly_net_write(conn, text, (size_t)len);
        fly_net_write(conn, info.binding, info.binding_len);
        fly_net_finish(conn);
    } else {
        fly_net_write(conn, input.data, input.len);
        fly_net_consume(conn, input.len);
    }
}

static fly_status talk_open(fly_net_conn *conn, fly_err *err)
{
    (void)err;
    if (fly_net_ctx(conn) != NULL) {
        fly_net_write(conn, fly_net_ctx(conn), strlen(fly_net_ctx(conn)));
    }
    return FLY_OK;
}

static const fly_net_protocol talk = {.name = "talk", .open = talk_open, .run = talk_run};

static fly_net_tls_options good_options(void)
{
    return (fly_net_tls_options){.certificate = server.certificate_path, .key = server.key_path};
}

static void start_tls_net(const fly_net_tls_options *tls_options, fly_net_tls_mode mode,
                          const fly_net_options *options)
{
    fly_err err = {0};
    ck_assert_msg(fly_net_tls_create(&w.env, tls_options, &tls, &err) == FLY_OK, "%s", err.message);
    ck_assert_int_eq(fly_net_create(&w.env, options, &w.net, &err), FLY_OK);
    fly_net_listener listener = {
        .host = "127.0.0.1", .protocol = &talk, .ctx = w.ctx, .tls = tls, .tls_mode = mode};
    ck_assert_int_eq(fly_net_listen(w.net, &listener, &w.port, &err), FLY_OK);
    ck_assert_int_eq(fly_net_start(w.net, &err), FLY_OK);
}

static void setup(void)
{
    world_init(&w);
    tls_folder_make();
    authority = identity_make("authority", "The authority", -1, NULL);
    server = identity_make("server", "localhost", -1, &authority);
    other = identity_make("other", "other.example", -1, NULL);
    client = identity_make("client", "alice", -1, &authority);
    tls = NULL;
}

static void teardown(void)
{
    fly_net_close(w.net);
    fly_net_tls_destroy(tls);
    fly_account_deinit(&w.account);
    identity_free(&authority);
    identity_free(&server);
    identity_free(&other);
    identity_free(&client);
    tls_folder_remove();
}

static void expect_line(SSL *ssl, const char *text)
{
    char buffer[600] = "";
    size_t got = tls_hear(ssl, buffer, strlen(text));
    buffer[got] = '\0';
    ck_assert_str_eq(buffer, text);
}

START_TEST(a_megabyte_comes_back_encrypted)
{
    fly_net_tls_options o = good_options();
    start_tls_net(&o, FLY_NET_TLS_AT_ONCE, NULL);
    int fd = client_connect(w.port);
    SSL *ssl = tls_client(fd, NULL, 0);
    ck_assert_ptr_nonnull(ssl);
    ck_assert_str_eq(SSL_get_version(ssl), "TLSv1.3");
    static char out[50000], in[50000];
    for (int round = 0; round < 20; round++) {
        memset(out, 'a' + round, sizeof out);
        tls_say(ssl, out, sizeof out);
        ck_assert_uint_eq(tls_hear(ssl, in, sizeof in), sizeof in);
        ck_assert_int_eq(memcmp(in, out, sizeof in), 0);
    }
    ck_assert_int_eq(SSL_shutdown(ssl), 0);
    SSL_free(ssl);
    close(fd);
    AWAIT(stats_of(&w).connections == 0);
    ck_assert_uint_eq(stats_of(&w).handshakes, 1);
}
END_TEST

START_TEST(a_greeting_waits_for_the_handshake)
{
    w.ctx = "welcome\n";
    fly_net_tls_options o = good_options();
    start_tls_net(&o, FLY_NET_TLS_AT_ONCE, NULL);
    int fd = client_connect(w.port);
    SSL *ssl = tls_client(fd, NULL, 0);
    ck_assert_ptr_nonnull(ssl);
    expect_line(ssl, "welcome\n");
    SSL_free(ssl);
    close(fd);
}
END_TEST

START_TEST(tls_begins_on_request)
{
    fly_net_tls_options o = good_options();
    start_tls_net(&o, FLY_NET_TLS_ON_REQUEST, NULL);
    int fd = client_connect(w.port);
    client_say(fd, "plain");
    client_expect(fd, "plain");
    client_say(fd, "S");
    client_expect(fd, "S");
    SSL *ssl = tls_client(fd, NULL, 0);
    ck_assert_ptr_nonnull(ssl);
    tls_say(ssl, "secret", 6);
    expect_line(ssl, "secret");
    tls_say(ssl, "?", 1);
    expect_line(ssl, "TLSv1.3|TLS_AES_256_GCM_SHA384|0|||48\n");
    uint8_t told[48], ours[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    ck_assert_uint_eq(tls_hear(ssl, told, sizeof told), sizeof told);
    ck_assert_int_eq(X509_digest(server.certificate, EVP_sha384(), ours, &len), 1);
    ck_assert_int_eq(memcmp(told, ours, sizeof told), 0);
    SSL_free(ssl);
    close(fd);
}
END_TEST

START_TEST(bytes_before_the_handshake_cut_the_connection)
{
    fly_net_tls_options o = good_options();
    start_tls_net(&o, FLY_NET_TLS_ON_REQUEST, NULL);
    int fd = client_connect(w.port);
    client_say(fd, "SDROP TABLE t;");
    client_expect_end(fd); /* not even the answer */
    close(fd);
    AWAIT(stats_of(&w).connections == 0);
    ck_assert_uint_eq(stats_of(&w).handshakes, 0);
}
END_TEST

START_TEST(plain_bytes_are_no_handshake)
{
    fly_net_tls_options o = good_options();
    start_tls_net(&o, FLY_NET_TLS_AT_ONCE, NULL);
    int fd = client_connect(w.port);
    client_say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    char rubbish[64]; /* an alert, perhaps; then the end */
    (void)client_receive(fd, rubbish, sizeof rubbish);
    close(fd);
    AWAIT(stats_of(&w).handshakes_failed == 1);
    AWAIT(stats_of(&w).connections == 0);
}
END_TEST

START_TEST(old_versions_are_refused_unless_allowed)
{
    fly_net_tls_options o = good_options();
    o.allow_1_2 = _i == 1;
    start_tls_net(&o, FLY_NET_TLS_AT_ONCE, NULL);
    int fd = client_connect(w.port);
    SSL *ssl = tls_client(fd, NULL, TLS1_2_VERSION);
    if (_i == 0) {
        ck_assert_ptr_null(ssl);
    } else {
        ck_assert_ptr_nonnull(ssl);
        ck_assert_str_eq(SSL_get_version(ssl), "TLSv1.2");
        tls_say(ssl, "x", 1);
        expect_line(ssl, "x");
        SSL_free(ssl);
    }
    close(fd);
}
END_TEST

START_TEST(a_client_that_stops_in_the_handshake_is_cut)
{
    fly_net_tls_options o = good_options();
    start_tls_net(&o, FLY_NET_TLS_AT_ONCE, &(fly_net_options){.handshake_ns = 100 * MS});
    int fd = client_connect(w.port);
    client_send(fd, "\x16\x03\x01\x02", 4);
    client_expect_end(fd);
    close(fd);
    ck_assert_uint_eq(stats_of(&w).timeouts, 1);
}
END_TEST

/* What a client of OpenSSL says first. */
static size_t first_words(uint8_t *buffer, size_t size)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    BIO *out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
    ck_assert_int_lt(SSL_connect(ssl), 1);
    int len = BIO_read(out, buffer, (int)size);
    ck_assert_int_gt(len, 100);
    SSL_free(ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
    return (size_t)len;
}

START_TEST(a_handshake_that_is_cut_or_changed_hurts_nobody)
{
    fly_net_tls_options o = good_options();
    start_tls_net(&o, FLY_NET_TLS_AT_ONCE, NULL);
    uint8_t hello[2048];
    size_t len = first_words(hello, sizeof hello);
    for (size_t cut = 0; cut < len; cut += 7) {
        int fd = client_connect(w.port);
        client_send(fd, hello, cut);
        close(fd);
    }
    for (size_t at = 0; at < len; at += 5) {
        uint8_t changed[2048];
        memcpy(changed, hello, len);
        changed[at] ^= (uint8_t)(1u << (at % 8));
        int fd = client_connect(w.port);
        (void)send(fd, changed, len, MSG_NOSIGNAL);
        ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
        uint8_t answer[4096];
        while (client_receive(fd, answer, sizeof answer) == sizeof answer) {
        }
        close(fd);
    }
    AWAIT(stats_of(&w).connections == 0);
    ck_assert_uint_eq(stats_of(&w).handshakes, 0);
    int fd = client_connect(w.port);
    SSL *ssl = tls_client(fd, NULL, 0);
    ck_assert_ptr_nonnull(ssl);
    tls_say(ssl, "x", 1);
    expect_line(ssl, "x");
    SSL_free(ssl);
    close(fd);
}
END_TEST

/* ------------------------------------------------------------------ clients' certificates */

START_TEST(a_good_certificate_is_known_by_name)
{
    fly_net_tls_options o = good_options();
    o.authorities = authority.certificate_path;
    o.verify = FLY_NET_VERIFY_REQUIRED;
    start_tls_net(&o, FLY_NET_TLS_AT_ONCE, NULL);
    int fd = client_connect(w.port);
    SSL *ssl = tls_client(fd, &client, 0);
    ck_assert_ptr_nonnull(ssl);
    tls_say(ssl, "?", 1);
    expect_line(ssl, "TLSv1.3|TLS_AES_256_GCM_SHA384|1|alice|CN=alice|48\n");
    SSL_free(ssl);
    close(fd);
}
END_TEST

/* In TLS 1.3 a client learns only by its first read that it was refused. */
static bool is_served(const identity *id)
{
    int fd = client_connect(w.port);
    SSL *ssl = tls_client(fd, id, 0);
    char byte = 0;
    bool served = false;
    if (ssl != NULL) {
        size_t sent = 0;
        served = SSL_write_ex(ssl, "x", 1, &sent) == 1 && tls_hear(ssl, &byte, 1) == 1;
        SSL_free(ssl);
    }
    close(fd);
    return served;
}

START_TEST(certificates_are_checked_as_told)
{
    fly_net_tls_options o = good_options();
    o.authorities = authority.certificate_path;
    o.verify = _i == 0 ? FLY_NET_VERIFY_OPTIONAL : FLY_NET_VERIFY_REQUIRED;
    start_tls_net(&o, FLY_NET_TLS_AT_ONCE, NULL);
    ck_assert(is_served(&client));
    ck_assert(!is_served(&other)); /* shown, and signed by nobody we know */
    ck_assert_int_eq(is_served(NULL), _i == 0);
}
END_TEST

START_TEST(a_name_with_a_zero_is_no_name)
{
    identity trick = identity_make("trick", "admin\0.example", 14, &authority);
    fly_net_tls_options o = good_options();
    o.authorities = authority.certificate_path;
    o.verify = FLY_NET_VERIFY_REQUIRED;
    start_tls_net(&o, FLY_NET_TLS_AT_ONCE, NULL);
    int fd = client_connect(w.port);
    SSL *ssl = tls_client(fd, &trick, 0);
    ck_assert_ptr_nonnull(ssl);
    tls_say(ssl, "?", 1);
    expect_line(ssl, "TLSv1.3|TLS_AES_256_GCM_SHA384|1||CN=admin\\00.example|48\n");
    SSL_free(ssl);
    close(fd);
    identity_free(&trick);
}
END_TEST

/* ------------------------------------------------------------------ files */

START_TEST(bad_files_are_named)
{
    fly_err err = {0};
    fly_net_tls_options o = good_options();
    o.certificate = "/nowhere/at/all";
    ck_assert_int_eq(fly_net_tls_create(&w.env, &o, &tls, &err), FLY_E_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.message, "/nowhere/at/all"));

    o = good_options();
    o.certificate = server.key_path;
    ck_assert_int_eq(fly_net_tls_create(&w.env, &o, &tls, &err), FLY_E_INVALID);

    o = good_options();
    o.key = other.key_path;
    ck_assert_int_eq(fly_net_tls_create(&w.env, &o, &tls, &err), FLY_E_INVALID);

    o = good_options();
    o.ciphers = "rubbish";
    ck_assert_int_eq(fly_net_tls_create(&w.env, &o, &tls, &err), FLY_E_INVALID);

    o = good_options();
    o.verify = FLY_NET_VERIFY_OPTIONAL;
    ck_assert_int_eq(fly_net_tls_create(&w.env, &o, &tls, &err), FLY_E_INVALID);

    o = good_options();
    ck_assert_int_eq(chmod(server.key_path, 0644), 0);
    ck_assert_int_eq(fly_net_tls_create(&w.env, &o, &tls, &err), FLY_E_PERMISSION);
    ck_assert_ptr_null(tls);
}
END_TEST

START_TEST(a_reload_is_for_new_connections)
{
    fly_net_tls_options o = good_options();
    start_tls_net(&o, FLY_NET_TLS_AT_ONCE, NULL);
    int fd = client_connect(w.port);
    SSL *before = tls_client(fd, NULL, 0);
    ck_assert_ptr_nonnull(before);

    /* A key of another certificate: nothing changes. */
    fly_err err = {0};
    ck_assert_int_eq(rename(other.key_path, server.key_path), 0);
    ck_assert_int_eq(fly_net_tls_reload(tls, &err), FLY_E_INVALID);
    ck_assert(is_served(NULL));

    ck_assert_int_eq(rename(other.certificate_path, server.certificate_path), 0);
    ck_assert_int_eq(fly_net_tls_reload(tls, &err), FLY_OK);
    int fd2 = client_connect(w.port);
    SSL *after = tls_client(fd2, NULL, 0);
    ck_assert_ptr_nonnull(after);
    ck_assert_int_eq(X509_cmp(SSL_get0_peer_certificate(after), other.certificate), 0);
    tls_say(before, "x", 1);
    expect_line(before, "x");
    SSL_free(before);
    SSL_free(after);
    close(fd);
    close(fd2);
}
END_TEST

int main(void)
{
    TCase *bytes = tcase_create("bytes");
    tcase_set_timeout(bytes, 60);
    tcase_add_checked_fixture(bytes, setup, teardown);
    tcase_add_test(bytes, a_megabyte_comes_back_encrypted);
    tcase_add_test(bytes, a_greeting_waits_for_the_handshake);
    tcase_add_test(bytes, tls_begins_on_request);
    tcase_add_test(bytes, bytes_before_the_handshake_cut_the_connection);
    tcase_add_test(bytes, plain_bytes_are_no_handshake);
    tcase_add_loop_test(bytes, old_versions_are_refused_unless_allowed, 0, 2);
    tcase_add_test(bytes, a_client_that_stops_in_the_handshake_is_cut);
    tcase_add_test(bytes, a_handshake_that_is_cut_or_changed_hurts_nobody);
    TCase *clients = tcase_create("clients");
    tcase_set_timeout(clients, 60);
    tcase_add_checked_fixture(clients, setup, teardown);
    tcase_add_test(clients, a_good_certificate_is_known_by_name);
    tcase_add_loop_test(clients, certificates_are_checked_as_told, 0, 2);
    tcase_add_test(clients, a_name_with_a_zero_is_no_name);
    TCase *files = tcase_create("files");
    tcase_set_timeout(files, 60);
    tcase_add_checked_fixture(files, setup, teardown);
    tcase_add_test(files, bad_files_are_named);
    tcase_add_test(files, a_reload_is_for_new_connections);
    return net_test_main("tls", (TCase *const[]){bytes, clients, files, NULL});
}
