/*
 * Goal: the protocol answers as docs/protocols/text.md says, to clients of every kind.
 * Method: an engine in memory, a real net on a free port, clients with plain sockets; conversations as
 * tables; memory counted.
 */
#define _GNU_SOURCE

#include <fly/net_text.h>

#include <fly/base_check.h>

#include <arpa/inet.h>
#include <errno.h>
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
static fly_line_front front;
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
    FLY_CHECK_OK(fly_auth_scram_make(&env, fly_bytes_str("secret word"), 4096, verifier, &err),
                 err);
    FLY_CHECK_OK(fly_server_set_password(server, "admin", verifier, &err), err);
    front = (fly_line_front){.server = server};
    FLY_CHECK_OK(fly_net_create(&env, NULL, &net, &err), err);
    fly_net_listener listener = {
        .host = "127.0.0.1", .protocol = &fly_line_protocol, .ctx = &front};
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

/* ------------------------------------------------------------------- a client */

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

static void say(int fd, const char *text)
{
    size_t len = strlen(text);
    for (size_t at = 0; at < len;) {
        ssize_t sent = send(fd, text + at, len - at, MSG_NOSIGNAL);
        ck_assert_int_gt(sent, 0);
        at += (size_t)sent;
    }
}

/* The next `strlen(text)` bytes are these. */
static void expect(int fd, const char *text)
{
    char got[4096];
    size_t len = strlen(text);
    size_t have = 0;
    ck_assert_uint_lt(len, sizeof got);
    while (have < len) {
        ssize_t n = recv(fd, got + have, len - have, 0);
        if (n <= 0) {
            break;
        }
        have += (size_t)n;
    }
    got[have] = 0;
    ck_assert_str_eq(got, text);
}

static void expect_end(int fd)
{
    char byte;
    ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
    close(fd);
}

static int log_in(void)
{
    int fd = connect_to();
    say(fd, "AUTH admin secret word\n");
    expect(fd, "AUTH OK\n");
    return fd;
}

/* ----------------------------------------------------------------- conversations */

static const char *const talks[][2] = {
    {"PING\r\nping\n\n\nPING\n", "PONG\nPONG\nPONG\n"},
    {"SQL CREATE TABLE t (id int, name text)\nSQL INSERT INTO t VALUES (1, 'a|b'), (2, NULL)\n"
     "SQL SELECT * FROM t ORDER BY id;\n",
     "OK CREATE TABLE\nOK INSERT 0 2\nid|name\n1|a\\|b\n2|\\N\nOK SELECT 2\n"},
    {"SQL SELECT 'two\\nlines' AS \"a|b\", 'C:\\\\x', ''\n",
     "a\\|b|?column?|?column?\ntwo\\nlines|C:\\\\x|\nOK SELECT 1\n"},
    {"SQL SELECT 'OK SELECT 0', 'OK x'\n",
     "?column?|?column?\n\\x4fK SELECT 0|OK x\nOK SELECT 1\n"},
    {"SQL SELECT 1 WHERE false\n", "?column?\nOK SELECT 0\n"},
    {"SQL SELECT nothing\nPING\n",
     "ERROR 42703 column \"nothing\" does not exist|position=8\nPONG\n"},
    {"SQL SELECT 1; SELECT 2\n", "ERROR 42601 cannot insert multiple commands into one line\n"},
    {"SQL SELECT 1; -- that is all\n", "?column?\n1\nOK SELECT 1\n"},
    {"SQL ;\n", "OK EMPTY\n"},
    {"SQL SELECT '\\d'\n", "ERROR 22025 invalid escape sequence in line|position=9|hint=The "
                           "escapes are \\\\n \\\\r \\\\\\| "
                           "\\\\\\\\ and \\\\xHH; write a backslash as \\\\\\\\.\n"},
    {"SQL SELECT '\xff'\n",
     "ERROR 22021 invalid byte sequence for encoding \"UTF8\": 0xff|position=9\n"},
    {"SQL BEGIN\nSQL CREATE TABLE u (i int)\nSQL ROLLBACK\nSQL SELECT * FROM u\n",
     "OK BEGIN\nOK CREATE TABLE\nOK ROLLBACK\nERROR 42P01 relation \"u\" does not "
     "exist|position=15\n"},
    {"SQL DROP TABLE IF EXISTS nothing\n",
     "NOTICE NOTICE 00000 table \"nothing\" does not exist, skipping\nOK DROP TABLE\n"},
    {"SQL COPY (SELECT 1) TO STDOUT\nPING\n",
     "ERROR 0A000 the text protocol has no COPY|hint=The binary protocol and PostgreSQL's have "
     "it.\nPONG\n"},
    {"SQL CREATE TABLE v (i int)\nSQL COPY v FROM STDIN\nPING\n",
     "OK CREATE TABLE\nERROR 0A000 the text protocol has no COPY|hint=The binary protocol and "
     "PostgreSQL's have it.\nPONG\n"},
    {"SQL CREATE DATABASE shop\nUSE shop\nSQL SELECT current_database()\nUSE \"nowhere\n",
     "OK CREATE DATABASE\nOK USE\ncurrent_database\nshop\nOK SELECT 1\n"
     "ERROR 3D000 database \"\"nowhere\" does not exist\n"},
    {"GET / HTTP/1.1\n", "ERROR 42601 unknown command \"GET\"|hint=HELP lists the commands.\n"},
};

START_TEST(conversations_go_as_documented)
{
    int fd = log_in();
    say(fd, talks[_i][0]);
    expect(fd, talks[_i][1]);
    say(fd, "QUIT\n");
    expect(fd, "BYE\n");
    expect_end(fd);
}
END_TEST

START_TEST(a_client_may_send_byte_by_byte)
{
    int fd = log_in();
    const char *text = "SQL SELECT 'a',\\n2\r\nQUIT\n";
    for (const char *at = text; *at != 0; at++) {
        char byte[2] = {*at, 0};
        say(fd, byte);
    }
    expect(fd, "?column?|?column?\na|2\nOK SELECT 1\nBYE\n");
    expect_end(fd);
}
END_TEST

/* ------------------------------------------------------------------------ login */

START_TEST(nothing_is_told_before_a_login)
{
    int fd = connect_to();
    say(fd, "PING\nSQL SELECT 1\nUSE x\nWATCH t\n");
    expect(fd, "PONG\nERROR 28000 not logged in|hint=Write: AUTH user password\n"
               "ERROR 28000 not logged in|hint=Write: AUTH user password\n"
               "ERROR 28000 not logged in|hint=Write: AUTH user password\n");
    close(fd);
}
END_TEST

START_TEST(three_wrong_passwords_end_the_connection)
{
    int fd = connect_to();
    for (int i = 0; i < 3; i++) {
        say(fd, i == 1 ? "AUTH nobody secret word\n" : "AUTH admin wrong\n");
        expect(fd, "ERROR 28");
        char byte = 0;
        while (byte != '\n') {
            ck_assert_int_eq(recv(fd, &byte, 1, 0), 1);
        }
    }
    expect_end(fd);
}
END_TEST

START_TEST(arguments_of_a_login_are_distrusted)
{
    int fd = connect_to();
    say(fd, "AUTH a\\x00b x\n");
    expect(fd, "ERROR 22021 invalid byte sequence for encoding \"UTF8\": 0x00\n");
    say(fd, "AUTH \xff x\n");
    expect(fd, "ERROR 22021 ");
    close(fd);
}
END_TEST

/* ----------------------------------------------------------------------- limits */

static char *line_of(size_t len)
{
    char *line = malloc(len + 2);
    ck_assert_ptr_nonnull(line);
    memset(line, 'x', len);
    memcpy(line, "SQL ", 4);
    line[len] = '\n';
    line[len + 1] = 0;
    return line;
}

START_TEST(a_line_that_is_too_long_ends_the_connection)
{
    int fd = connect_to();
    char *line = line_of(4096);
    say(fd, line);
    expect(fd, "ERROR 28000 not logged in|hint=Write: AUTH user password\n");
    free(line);
    line = line_of(4097);
    say(fd, line);
    expect(fd, "ERROR 54000 line exceeds the limit of 4096 bytes\n");
    expect_end(fd);
    free(line);

    fd = log_in();
    line = line_of((1 << 20) + 1);
    say(fd, line);
    expect(fd, "ERROR 54000 line exceeds the limit of 1048576 bytes\n");
    expect_end(fd);
    free(line);
}
END_TEST

/* Rows wait for the client; what comes behind them waits for them. */
START_TEST(a_slow_reader_holds_no_memory_and_loses_nothing)
{
    int fd = log_in();
    say(fd, "SQL SELECT i, repeat('x', 1000) FROM generate_series(1, 20000) AS s(i)\nPING\n");
    (void)usleep(200000);
    ck_assert_uint_lt(fly_load_u64(&account.used), 64 << 20);
    FILE *stream = fdopen(fd, "r");
    char line[2048];
    long rows = 0;
    ck_assert_ptr_nonnull(fgets(line, sizeof line, stream));
    ck_assert_str_eq(line, "i|repeat\n");
    while (fgets(line, sizeof line, stream) != NULL && strncmp(line, "OK ", 3) != 0) {
        ck_assert_int_eq(strtol(line, NULL, 10), ++rows);
    }
    ck_assert_str_eq(line, "OK SELECT 20000\n");
    ck_assert_int_eq(rows, 20000);
    ck_assert_ptr_nonnull(fgets(line, sizeof line, stream));
    ck_assert_str_eq(line, "PONG\n");
    (void)fclose(stream);
}
END_TEST

START_TEST(a_client_that_goes_in_the_middle_leaves_nothing)
{
    for (int i = 0; i < 3; i++) {
        int fd = log_in();
        say(fd,
            "SQL BEGIN\nSQL SELECT i, repeat('x', 1000) FROM generate_series(1, 20000) AS s(i)\n");
        char some[100];
        ck_assert_int_gt(recv(fd, some, sizeof some, 0), 0);
        close(fd);
    }
}
END_TEST

START_TEST(draining_says_goodbye)
{
    int fd = log_in();
    ck_assert_int_eq(fly_net_drain(net, fly_now() + UINT64_C(20000000000)), FLY_OK);
    expect(fd, "ERROR 57P01 terminating connection due to administrator command\n");
    expect_end(fd);
}
END_TEST

/* ----------------------------------------------------------------------- events */

static void next_line(int fd, char *line, size_t size)
{
    size_t len = 0;
    char byte = 0;
    while (byte != '\n') {
        ck_assert_int_eq(recv(fd, &byte, 1, 0), 1);
        ck_assert_uint_lt(len, size - 1);
        line[len++] = byte;
    }
    line[len] = 0;
}

/* The next line is an event of this kind; its LSN. */
static unsigned long long expect_event(int fd, const char *rest)
{
    char line[512];
    char *end = NULL;
    next_line(fd, line, sizeof line);
    ck_assert_msg(strncmp(line, "EVENT ", 6) == 0, "%s", line);
    unsigned long long lsn = strtoull(line + 6, &end, 10);
    ck_assert_str_eq(end, rest);
    return lsn;
}

START_TEST(committed_changes_are_told_in_order_and_from_where_one_was)
{
    int writer = log_in();
    int reader = log_in();
    say(writer, "SQL CREATE TABLE \"my orders\" (id int PRIMARY KEY, item text)\n");
    expect(writer, "OK CREATE TABLE\n");
    say(reader, "WATCH nothing\n");
    expect(reader, "ERROR 42P01 relation \"nothing\" does not exist\n");
    say(reader, "WATCH \"my orders\"\n");
    expect(reader, "WATCH OK\n");
    say(writer, "SQL INSERT INTO \"my orders\" VALUES (7, 'tea')\nSQL BEGIN\n"
                "SQL UPDATE \"my orders\" SET item = 'two\\nlines'\nSQL ROLLBACK\n"
                "SQL UPDATE \"my orders\" SET item = 'green tea'\nSQL DELETE FROM \"my orders\"\n");
    expect(writer, "OK INSERT 0 1\nOK BEGIN\nOK UPDATE 1\nOK ROLLBACK\nOK UPDATE 1\nOK DELETE 1\n");
    unsigned long long first =
        expect_event(reader, " INSERT my\\x20orders {\"id\":7,\"item\":\"tea\"}\n");
    unsigned long long second =
        expect_event(reader, " UPDATE my\\x20orders {\"id\":7,\"item\":\"green tea\"}\n");
    unsigned long long third =
        expect_event(reader, " DELETE my\\x20orders {\"id\":7,\"item\":\"green tea\"}\n");
    ck_assert(first < second && second < third);
    char text[100];
    (void)snprintf(text, sizeof text, "UNWATCH\nWATCH \"my orders\" FROM %llu\n", second);
    say(reader, text);
    expect(reader, "UNWATCH OK\nWATCH OK\n");
    ck_assert(expect_event(reader, " DELETE my\\x20orders {\"id\":7,\"item\":\"green tea\"}\n") ==
              third);
    say(reader, "UNWATCH \"my orders\"\n");
    expect(reader, "UNWATCH OK\n");
    say(writer, "SQL INSERT INTO \"my orders\" VALUES (8, '')\n");
    expect(writer, "OK INSERT 0 1\n");
    say(reader, "PING\n");
    expect(reader, "PONG\n");
    close(reader);
    close(writer);
}
END_TEST

START_TEST(a_subscriber_that_reads_nothing_stops_no_writer)
{
    int writer = log_in();
    int reader = log_in();
    say(writer, "SQL CREATE TABLE t (id int PRIMARY KEY, s text)\n");
    expect(writer, "OK CREATE TABLE\n");
    say(reader, "WATCH t\n");
    expect(reader, "WATCH OK\n");
    for (int i = 0; i < 40; i++) {
        char text[160];
        (void)snprintf(text, sizeof text,
                       "SQL INSERT INTO t SELECT g, repeat('x', 1000) FROM generate_series(%d, %d) "
                       "AS s(g)\n",
                       i * 500, i * 500 + 499);
        say(writer, text);
        expect(writer, "OK INSERT 0 500\n");
    }
    close(reader);
    close(writer);
}
END_TEST

START_TEST(notifications_are_told)
{
    int fd = log_in();
    say(fd, "SQL LISTEN news\n");
    expect(fd, "OK LISTEN\n");
    int other = log_in();
    say(other, "SQL NOTIFY news, 'a|b'\n");
    expect(other, "OK NOTIFY\n");
    char line[100];
    next_line(fd, line, sizeof line);
    ck_assert_msg(strncmp(line, "NOTIFY news ", 12) == 0, "%s", line);
    ck_assert_ptr_nonnull(strstr(line, " a\\|b\n"));
    close(other);
    close(fd);
}
END_TEST

/* Whatever comes, the others are served. */
START_TEST(rubbish_hurts_nobody_else)
{
    int good = log_in();
    uint64_t seed = 3;
    for (int round = 0; round < 50; round++) {
        int fd = connect_to();
        uint8_t bytes[256];
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            bytes[i] = (uint8_t)(seed >> 56);
        }
        (void)send(fd, bytes, sizeof bytes, MSG_NOSIGNAL);
        close(fd);
    }
    say(good, "SQL SELECT 1 AS a\n");
    expect(good, "a\n1\nOK SELECT 1\n");
    close(good);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("serve");
    TCase *tests = fly_test_case(suite, "serve");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, conversations_go_as_documented, 0, sizeof talks / sizeof talks[0]);
    tcase_add_test(tests, a_client_may_send_byte_by_byte);
    tcase_add_test(tests, nothing_is_told_before_a_login);
    tcase_add_test(tests, three_wrong_passwords_end_the_connection);
    tcase_add_test(tests, arguments_of_a_login_are_distrusted);
    tcase_add_test(tests, a_line_that_is_too_long_ends_the_connection);
    tcase_add_test(tests, a_slow_reader_holds_no_memory_and_loses_nothing);
    tcase_add_test(tests, a_client_that_goes_in_the_middle_leaves_nothing);
    tcase_add_test(tests, draining_says_goodbye);
    tcase_add_test(tests, committed_changes_are_told_in_order_and_from_where_one_was);
    tcase_add_test(tests, a_subscriber_that_reads_nothing_stops_no_writer);
    tcase_add_test(tests, notifications_are_told);
    tcase_add_test(tests, rubbish_hurts_nobody_else);
    return fly_test_run(suite);
}
