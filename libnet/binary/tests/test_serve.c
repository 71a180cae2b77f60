/*
 * Goal: the protocol answers as docs/protocols/binary.md says; what no client would send does no harm.
 * Method: an engine in memory, a real net on a free port, frames over plain sockets, mostly in JSON, which
 * can be read here; memory counted. (The C client's tests go through everything in binary.)
 */
#define _GNU_SOURCE

#include <fly/net_binary.h>
#include <fly/net_frame.h>

#include <fly/base_bytes.h>
#include <fly/base_check.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static fly_account account;
static fly_env env;
static fly_sql *sql;
static fly_server *server;
static fly_net *net;
static fly_binary_front front;
static uint16_t port;
static fly_err err;

static void quiet(fly_env *e, fly_log_level level, const char *line)
{
    (void)e;
    (void)level;
    (void)line;
}

static void setup(void)
{
    err = (fly_err){0};
    fly_env_init(&env);
    fly_account_init(&account, env.mem, "test", 0);
    env.mem = &account.mem;
    env.log = quiet;
    FLY_CHECK_OK(fly_sql_open(&env, ":memory:", &(fly_sql_options){.create = true}, &sql, &err),
                 err);
    FLY_CHECK_OK(fly_server_create(&env, sql, NULL, &server, &err), err);
    char verifier[FLY_AUTH_VERIFIER_SIZE]; /* of few rounds: what they cost is tested elsewhere */
    FLY_CHECK_OK(fly_auth_scram_make(&env, fly_bytes_str("secret"), 4096, verifier, &err), err);
    FLY_CHECK_OK(fly_server_set_password(server, "admin", verifier, &err), err);
    front = (fly_binary_front){.server = server, .version = "1.2.3", .frame_max = 100000};
    FLY_CHECK_OK(fly_net_create(&env, NULL, &net, &err), err);
    fly_net_listener listener = {
        .host = "127.0.0.1", .protocol = &fly_binary_protocol, .ctx = &front};
    FLY_CHECK_OK(fly_net_listen(net, &listener, &port, &err), err);
    FLY_CHECK_OK(fly_net_start(net, &err), err);
}

static void teardown(void)
{
    fly_net_close(net);
    fly_server_destroy(server);
    FLY_CHECK_OK(fly_sql_close(sql, &err), err);
    fly_account_deinit(&account);
}

/* --------------------------------------------------------------------- a client */

static int connect_to(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct timeval patience = {.tv_sec = 30};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

static void send_bytes(int fd, const void *data, size_t len)
{
    ck_assert_int_eq(send(fd, data, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void send_frame(int fd, uint8_t type, uint8_t flags, const char *payload, size_t len)
{
    uint8_t frame[4096] = {FLY_FRAME_MAGIC, FLY_FRAME_PROTOCOL, type, flags};
    ck_assert_uint_lt(len, sizeof frame - 8);
    fly_put_u32be(frame + 4, (uint32_t)len);
    memcpy(frame + 8, payload, len);
    send_bytes(fd, frame, 8 + len);
}

static void ask(int fd, uint8_t type, const char *json)
{
    send_frame(fd, type, FLY_FRAME_JSON, json, strlen(json));
}

static bool receive(int fd, void *data, size_t len)
{
    return len == 0 || recv(fd, data, len, MSG_WAITALL) == (ssize_t)len;
}

/* The next frame is of this type and has this payload; returns its flags. */
static uint8_t expect(int fd, uint8_t type, const char *payload)
{
    static char got[70000];
    uint8_t header[8];
    ck_assert(receive(fd, header, 8));
    uint32_t len = fly_get_u32be(header + 4);
    ck_assert_uint_lt(len, sizeof got);
    ck_assert(receive(fd, got, len));
    got[len] = 0;
    ck_assert_str_eq(got, payload);
    ck_assert_uint_eq(header[2], type);
    return header[3];
}

static void expect_end(int fd)
{
    char byte;
    ck_assert_int_le(recv(fd, &byte, 1, 0), 0);
    close(fd);
}

static void skip_frame(int fd, uint8_t type)
{
    uint8_t header[8];
    char rest[4096];
    ck_assert(receive(fd, header, 8));
    ck_assert_uint_eq(header[2], type);
    ck_assert(receive(fd, rest, fly_get_u32be(header + 4)));
}

static int log_in(void)
{
    int fd = connect_to();
    ask(fd, FLY_FRAME_AUTH, "{\"mechanism\":\"PLAIN\",\"user\":\"admin\",\"data\":\"secret\"}");
    skip_frame(fd, 0x80 | FLY_FRAME_AUTH);
    return fd;
}

#define DONE(tag, rows, state)                                                                     \
    "{\"part\":0,\"tag\":\"" tag "\",\"rows\":" rows ",\"end\":true,\"state\":\"" state "\"}"

/* ---------------------------------------------------------------------- requests */

START_TEST(a_query_is_answered_in_parts)
{
    int fd = log_in();
    ask(fd, FLY_FRAME_QUERY, "{\"sql\":\"SELECT 1 AS a, 'x|y' AS b, NULL AS c\"}");
    ck_assert_uint_eq(expect(fd, 0x81,
                             "{\"part\":1,\"columns\":["
                             "{\"name\":\"a\",\"type\":23,\"mod\":-1,\"table\":0,\"column\":0},"
                             "{\"name\":\"b\",\"type\":25,\"mod\":-1,\"table\":0,\"column\":0},"
                             "{\"name\":\"c\",\"type\":25,\"mod\":-1,\"table\":0,\"column\":0}]}"),
                      FLY_FRAME_JSON | FLY_FRAME_MORE);
    ck_assert_uint_eq(expect(fd, 0x81, "{\"part\":2,\"rows\":[[1,\"x|y\",null]]}"),
                      FLY_FRAME_JSON | FLY_FRAME_MORE);
    ck_assert_uint_eq(expect(fd, 0x81, DONE("SELECT 1", "1", "I")), FLY_FRAME_JSON);
    ask(fd, FLY_FRAME_QUIT, "{}");
    (void)expect(fd, 0x80 | FLY_FRAME_QUIT, "{}");
    expect_end(fd);
}
END_TEST

START_TEST(a_text_of_several_statements_is_one_transaction)
{
    int fd = log_in();
    ask(fd, FLY_FRAME_QUERY, "{\"sql\":\"CREATE TABLE t (i int); INSERT INTO t VALUES (1), (2)\"}");
    skip_frame(fd, 0x81);
    ck_assert_uint_eq(expect(fd, 0x81, DONE("INSERT 0 2", "2", "I")), 1);
    ask(fd, FLY_FRAME_QUERY, "{\"sql\":\"DELETE FROM t; SELECT 1/0\"}");
    skip_frame(fd, 0x81);
    skip_frame(fd, FLY_FRAME_ERROR);
    ask(fd, FLY_FRAME_QUERY, "{\"sql\":\"DELETE FROM t\"}");
    (void)expect(fd, 0x81, DONE("DELETE 2", "2", "I"));
    ask(fd, FLY_FRAME_QUERY, "{\"sql\":\" ; \"}");
    (void)expect(fd, 0x81, DONE("", "0", "I"));
    close(fd);
}
END_TEST

START_TEST(an_error_has_all_its_fields)
{
    int fd = log_in();
    ask(fd, FLY_FRAME_QUERY, "{\"sql\":\"SELECT nothing\"}");
    (void)expect(
        fd, FLY_FRAME_ERROR,
        "{\"severity\":\"ERROR\",\"sqlstate\":\"42703\",\"message\":\"column \\\"nothing\\\" "
        "does not exist\",\"detail\":\"\",\"hint\":\"\",\"position\":8,\"status\":\"E_INVALID\","
        "\"state\":\"I\"}");
    ask(fd, FLY_FRAME_PING, "{\"data\":\"x\"}");
    (void)expect(fd, 0x80 | FLY_FRAME_PING, "{\"data\":\"x\"}");
    close(fd);
}
END_TEST

START_TEST(a_notice_comes_before_the_end)
{
    int fd = log_in();
    ask(fd, FLY_FRAME_QUERY, "{\"sql\":\"DROP TABLE IF EXISTS nothing\"}");
    (void)expect(
        fd, FLY_FRAME_NOTICE,
        "{\"severity\":\"NOTICE\",\"sqlstate\":\"00000\",\"message\":\"table \\\"nothing\\\" "
        "does not exist, skipping\",\"detail\":\"\",\"hint\":\"\",\"position\":0,\"status\":"
        "\"OK\"}");
    (void)expect(fd, 0x81, DONE("DROP TABLE", "0", "I"));
    close(fd);
}
END_TEST

START_TEST(the_worked_example_of_the_documentation_holds)
{
    int fd = connect_to();
    send_bytes(fd, "\xfd\x01\x51\x00\x00\x00\x00\x03\x02hi", 11);
    uint8_t got[100];
    ck_assert(receive(fd, got, 11));
    ck_assert_mem_eq(got, "\xfd\x01\xd1\x00\x00\x00\x00\x03\x02hi", 11);
    close(fd);

    fd = log_in();
    send_bytes(fd, "\xfd\x01\x01\x00\x00\x00\x00\x13\x0dSELECT 6 * $1\x00\x00\x00\x01\x87", 27);
    static const char columns[] = "\xfd\x01\x81\x04\x00\x00\x00\x12\x01\x00\x00\x00\x01\x08"
                                  "?column?\x17\x01\x00\x00";
    static const char rows[] = "\xfd\x01\x81\x04\x00\x00\x00\x07\x02\x00\x00\x00\x01\x01\xaa";
    static const char done[] = "\xfd\x01\x81\x00\x00\x00\x00\x0e\x00\x08SELECT 1\x01\x01\x01I";
    ck_assert(receive(fd, got, sizeof columns - 1));
    ck_assert_mem_eq(got, columns, sizeof columns - 1);
    ck_assert(receive(fd, got, sizeof rows - 1));
    ck_assert_mem_eq(got, rows, sizeof rows - 1);
    ck_assert(receive(fd, got, sizeof done - 1));
    ck_assert_mem_eq(got, done, sizeof done - 1);
    close(fd);
}
END_TEST

/* ----------------------------------------------------------------------- hostile */

START_TEST(nothing_is_told_before_a_login)
{
    int fd = connect_to();
    for (int type = 0; type < 0x80; type++) {
        if (type != FLY_FRAME_AUTH && type != FLY_FRAME_PING && type != FLY_FRAME_CANCEL &&
            type != FLY_FRAME_QUIT) {
            ask(fd, (uint8_t)type, "{\"sql\":\"SELECT 1\"}");
            skip_frame(fd, FLY_FRAME_ERROR);
        }
    }
    close(fd);
}
END_TEST

START_TEST(a_wrong_password_ends_the_connection)
{
    int fd = connect_to();
    ask(fd, FLY_FRAME_AUTH, "{\"mechanism\":\"PLAIN\",\"user\":\"admin\",\"data\":\"wrong\"}");
    skip_frame(fd, FLY_FRAME_ERROR);
    expect_end(fd);
    fd = connect_to();
    ask(fd, FLY_FRAME_AUTH, "{\"mechanism\":\"NONE\",\"user\":\"admin\",\"data\":\"secret\"}");
    skip_frame(fd, FLY_FRAME_ERROR);
    expect_end(fd);
}
END_TEST

static const struct {
    const char *bytes;
    size_t len;
} garbage[] = {
    {"GET / HTTP/1.1\r\n\r\n", 18},        {"\xfd\x02\x51\0\0\0\0\0", 8},
    {"\xfd\x01\x51\0\xff\xff\xff\xff", 8}, {"\xfd\x01\x51\0\x80\0\0\0", 8},
    {"\xfd\x01\x51\0\0\0\x40\x01", 8}, /* one byte beyond the limit before a login */
};

START_TEST(what_cannot_be_a_frame_ends_the_connection)
{
    int fd = connect_to();
    send_bytes(fd, garbage[_i].bytes, garbage[_i].len);
    skip_frame(fd, FLY_FRAME_ERROR);
    expect_end(fd);
}
END_TEST

/* Requests that make no sense with these payloads, and are not answered by ending. */
static bool refuses_nonsense(int type)
{
    return type != FLY_FRAME_COPY_DATA && type != FLY_FRAME_COPY_END && type != FLY_FRAME_QUIT &&
           type != FLY_FRAME_AUTH && type != FLY_FRAME_GET_SERVER_INFO &&
           type != FLY_FRAME_COMMIT_TX && type != FLY_FRAME_ROLLBACK_TX;
}

START_TEST(a_payload_that_makes_no_sense_is_an_error_and_no_more)
{
    static const fly_bytes wrong[] = {
        {(const uint8_t *)"\x05"
                          "ab",
         3},
        {(const uint8_t *)"", 0},
        {(const uint8_t *)"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10}};
    int fd = log_in();
    for (int type = 1; type < 0x80; type++) {
        if (refuses_nonsense(type)) {
            send_frame(fd, (uint8_t)type, 0, (const char *)wrong[_i].data, wrong[_i].len);
            skip_frame(fd, FLY_FRAME_ERROR);
        }
    }
    send_frame(fd, FLY_FRAME_QUERY, FLY_FRAME_JSON, "{\"sql\":", 7);
    skip_frame(fd, FLY_FRAME_ERROR);
    send_frame(fd, FLY_FRAME_QUERY, FLY_FRAME_JSON, "{\"sql\":7}", 9);
    skip_frame(fd, FLY_FRAME_ERROR);
    send_frame(fd, FLY_FRAME_QUERY, 0, "\x0aSELECT '\xff'\0\0\0\0", 15);
    skip_frame(fd, FLY_FRAME_ERROR);
    ask(fd, FLY_FRAME_COPY_DATA, "{}"); /* has no answer when nothing copies */
    ask(fd, FLY_FRAME_COPY_END, "{}");
    ask(fd, FLY_FRAME_PING, "{}");
    (void)expect(fd, 0x80 | FLY_FRAME_PING, "{\"data\":\"\"}");
    close(fd);
}
END_TEST

START_TEST(frames_may_be_cut_anywhere)
{
    int fd = log_in();
    const char *text = "\xfd\x01\x01\x00\x00\x00\x00\x13\x0dSELECT 6 * $1\x00\x00\x00\x01\x87"
                       "\xfd\x01\x53\x00\x00\x00\x00\x00";
    for (size_t i = 0; i < 35; i++) {
        send_bytes(fd, text + i, 1);
        if (i % 7 == 0) {
            (void)usleep(500);
        }
    }
    skip_frame(fd, 0x81);
    skip_frame(fd, 0x81);
    skip_frame(fd, 0x81);
    skip_frame(fd, 0x80 | FLY_FRAME_QUIT);
    expect_end(fd);
}
END_TEST

START_TEST(random_frames_hurt_nobody_else)
{
    int good = log_in();
    uint64_t seed = 5;
    for (int round = 0; round < 60; round++) {
        int fd = round % 2 == 0 ? log_in() : connect_to();
        for (int n = 0; n < 4; n++) {
            uint8_t bytes[64] = {FLY_FRAME_MAGIC, FLY_FRAME_PROTOCOL};
            for (size_t i = 2; i < sizeof bytes; i++) {
                seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
                bytes[i] = (uint8_t)(seed >> 56);
            }
            bytes[2] = (uint8_t)(bytes[2] % 0x62);
            bytes[3] &= 3;
            fly_put_u32be(bytes + 4, 56);
            (void)send(fd, bytes, sizeof bytes, MSG_NOSIGNAL);
        }
        close(fd);
    }
    ask(good, FLY_FRAME_PING, "{}");
    (void)expect(good, 0x80 | FLY_FRAME_PING, "{\"data\":\"\"}");
    close(good);
}
END_TEST

START_TEST(draining_says_goodbye)
{
    int fd = log_in();
    ck_assert_int_eq(fly_net_drain(net, fly_now() + UINT64_C(20000000000)), FLY_OK);
    skip_frame(fd, FLY_FRAME_ERROR);
    expect_end(fd);
}
END_TEST

START_TEST(a_session_that_is_ended_from_outside_says_goodbye)
{
    int fd = log_in();
    int other = log_in();
    ask(other, FLY_FRAME_QUERY,
        "{\"sql\":\"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> "
        "pg_backend_pid() AND backend_type = 'client backend'\"}");
    skip_frame(fd, FLY_FRAME_ERROR);
    expect_end(fd);
    close(other);
}
END_TEST

START_TEST(who_is_turned_away_gets_a_frame)
{
    fly_arena arena;
    fly_frame frame;
    fly_frame_in in;
    fly_err told;
    char severity[16];
    fly_arena_init(&arena, fly_mem_system(), 0);
    FLY_CHECK_OK(fly_frame_decode(fly_binary_protocol.refusal, 1000, &frame, &err), err);
    ck_assert_uint_eq(fly_frame_size(&frame), fly_binary_protocol.refusal.len);
    FLY_CHECK_OK(fly_frame_in_open(&in, &frame, &arena, &err), err);
    fly_frame_get_err(&in, severity, &told);
    ck_assert_uint_eq(fly_frame_get_text(&in, "state").len, 1);
    FLY_CHECK_OK(fly_frame_in_end(&in, &err), err);
    ck_assert_str_eq(severity, "FATAL");
    ck_assert_str_eq(told.sqlstate, "53300");
    ck_assert_str_eq(told.message, "sorry, too many clients already");
    fly_arena_deinit(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("serve");
    TCase *tests = fly_test_case(suite, "serve");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_query_is_answered_in_parts);
    tcase_add_test(tests, a_text_of_several_statements_is_one_transaction);
    tcase_add_test(tests, an_error_has_all_its_fields);
    tcase_add_test(tests, a_notice_comes_before_the_end);
    tcase_add_test(tests, the_worked_example_of_the_documentation_holds);
    tcase_add_test(tests, nothing_is_told_before_a_login);
    tcase_add_test(tests, a_wrong_password_ends_the_connection);
    tcase_add_loop_test(tests, what_cannot_be_a_frame_ends_the_connection, 0,
                        sizeof garbage / sizeof garbage[0]);
    tcase_add_loop_test(tests, a_payload_that_makes_no_sense_is_an_error_and_no_more, 0, 3);
    tcase_add_test(tests, frames_may_be_cut_anywhere);
    tcase_add_test(tests, random_frames_hurt_nobody_else);
    tcase_add_test(tests, draining_says_goodbye);
    tcase_add_test(tests, a_session_that_is_ended_from_outside_says_goodbye);
    tcase_add_test(tests, who_is_turned_away_gets_a_frame);
    return fly_test_run(suite);
}
