/*
 * Serving the text protocol on a connection of libnet.
 *
 *     input ──> a line ──> a command ──┬──> an answer
 *       ^                              └──> a statement that runs: rows while there is room
 *       └── when nothing runs ───────────────────┘
 *
 *     S1  while a statement runs no further line is looked at: answers stand in the order of commands
 *     S2  nothing waits for the client: run() returns when output is full, and goes on when called again
 *     S3  the text of a running statement is kept until it has ended
 *
 * Who a client is, and what it may, is net-server's and libsql's business.
 */
#include <fly/net_text.h>

#include <fly/text.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    LOGIN_LINE_MAX = 4096, /* of a line, in bytes, before a login */
    LINE_MAX = 1 << 20,    /* and after it */
    ATTEMPTS_MAX = 3,      /* logins that may fail before the connection is closed */
    PIECE = 8192,          /* bytes of a value that are escaped at a time */
    WATCHES_MAX = 64,      /* of a connection */
    TIME_LOGIN = 1,        /* numbers of deadlines */
    TIME_IDLE = 2,
    TIME_ASK = 3 /* whether there are events that nobody was woken for */
};

#define ASK_NS UINT64_C(500000000)

/* A table that is watched, by the name that the client gave it. */
typedef struct line_watch {
    struct line_watch *next;
    fly_sql_watch *watch;
    size_t size;
    size_t len;
    uint8_t name[];
} line_watch;

/* What is known of a connection; zero at first. */
typedef struct line_client {
    fly_net_ref ref;           /* for who wakes it */
    fly_server_client *client; /* NULL before a login */
    fly_sql_stmt *stmt;        /* that runs, or NULL */
    uint8_t *text;             /* of it */
    size_t text_size;
    size_t scanned;
    line_watch *watches;
    uint32_t watch_count;
    uint32_t failures; /* logins */
    bool headed;       /* the header of its result was written */
} line_client;

static const fly_line_front *front_of(const fly_net_conn *conn)
{
    return fly_net_ctx(conn);
}

/* Of a line, its end not counted. */
static size_t line_max(const fly_net_conn *conn, const line_client *me)
{
    if (me->client == NULL) {
        return LOGIN_LINE_MAX;
    }
    return front_of(conn)->line_max > 0 ? front_of(conn)->line_max : LINE_MAX;
}

/* Of the input: a CR and an LF more, so that it is the line that is found too long. */
static void limit_input(fly_net_conn *conn, const line_client *me)
{
    fly_net_limit(conn, line_max(conn, me) + 2);
}

/* -------------------------------------------------------------------- output */

static void say(fly_net_conn *conn, const char *text)
{
    fly_net_write(conn, text, strlen(text));
}

/* Piece by piece, because the escaped form may be four times as long. */
static void say_field(fly_net_conn *conn, fly_bytes field, bool starts)
{
    for (size_t at = 0; at < field.len; at += PIECE) {
        size_t len = field.len - at < PIECE ? field.len - at : PIECE;
        uint8_t *room = fly_net_reserve(conn, fly_line_escape_room(len));
        if (room == NULL) {
            return;
        }
        fly_bytes piece = fly_bytes_of(field.data + at, len);
        fly_net_commit(conn, fly_line_escape(piece, starts && at == 0, room));
    }
}

static void say_named(fly_net_conn *conn, const char *name, const char *value)
{
    if (value[0] != 0) {
        say(conn, "|");
        say(conn, name);
        say(conn, "=");
        say_field(conn, fly_bytes_str(value), false);
    }
}

static void say_err(fly_net_conn *conn, const fly_err *err)
{
    char position[16] = "";
    if (err->position > 0) {
        (void)snprintf(position, sizeof position, "%u", err->position);
    }
    say(conn, "ERROR ");
    say(conn, err->sqlstate[0] != 0 ? err->sqlstate : fly_status_sqlstate(err->status));
    say(conn, " ");
    say_field(conn, fly_bytes_str(err->message), false);
    say_named(conn, "position", position);
    say_named(conn, "detail", err->detail);
    say_named(conn, "hint", err->hint);
    say(conn, "\n");
}

/* Say it, and end. */
static void refuse(fly_net_conn *conn, const fly_err *err)
{
    say_err(conn, err);
    fly_net_finish(conn);
}

static void on_notice(void *ctx, const char *severity, const fly_err *notice)
{
    fly_net_conn *conn = ctx;
    say(conn, "NOTICE ");
    say(conn, severity);
    say(conn, " ");
    say(conn, notice->sqlstate[0] != 0 ? notice->sqlstate : "00000");
    say(conn, " ");
    say_field(conn, fly_bytes_str(notice->message), false);
    say_named(conn, "detail", notice->detail);
    say_named(conn, "hint", notice->hint);
    say(conn, "\n");
}

/* ---------------------------------------------------------------- statements */

/* Who watches is not idle; for them it is looked at now and then whether there are events: commits that
 * were not durable at once wake nobody. */
static void expect_idleness(fly_net_conn *conn, const line_client *me)
{
    if (me->watches != NULL) {
        fly_net_timeout(conn, ASK_NS, TIME_ASK);
    } else {
        fly_net_timeout(conn, me->client != NULL ? fly_server_client_idle_ns(me->client) : 0,
                        TIME_IDLE);
    }
}

/* Those of this name; all if there is none. */
static void forget_watches(fly_net_conn *conn, line_client *me, fly_bytes name)
{
    for (line_watch **at = &me->watches; *at != NULL;) {
        line_watch *found = *at;
        if (name.len == 0 || fly_bytes_equal(fly_bytes_of(found->name, found->len), name)) {
            *at = found->next;
            fly_sql_watch_close(found->watch);
            fly_mem_free(fly_net_mem(conn), found, found->size);
            me->watch_count--;
        } else {
            at = &found->next;
        }
    }
}

static void end_statement(fly_net_conn *conn, line_client *me)
{
    fly_sql_finalize(me->stmt);
    fly_mem_free(fly_net_mem(conn), me->text, me->text_size);
    me->stmt = NULL;
    me->text = NULL;
    me->text_size = 0;
    me->headed = false;
    expect_idleness(conn, me);
}

static void fail_statement(fly_net_conn *conn, line_client *me, const fly_err *err)
{
    end_statement(conn, me);
    say_err(conn, err);
}

/* Nothing but space, semicolons and comments may follow: what does, prepares to nothing. */
static fly_status check_alone(fly_sql_session *session, fly_bytes rest, fly_err *err)
{
    fly_sql_stmt *second = NULL;
    fly_err unseen = {0};
    if (fly_sql_prepare(session, rest, &second, NULL, &unseen) == FLY_OK && second == NULL) {
        return FLY_OK;
    }
    fly_sql_finalize(second);
    return fly_err_state(err, "42601", 0, "cannot insert multiple commands into one line");
}

/* The statement's text, without its escapes, kept until it ends. */
static fly_status take_text(fly_net_conn *conn, line_client *me, fly_bytes field, fly_bytes *text,
                            fly_err *err)
{
    size_t len = 0;
    uint8_t *copy = fly_mem_alloc(fly_net_mem(conn), field.len);
    if (copy == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a statement");
    }
    me->text = copy;
    me->text_size = field.len;
    fly_status status = fly_line_unescape(field, copy, &len, err);
    *text = fly_bytes_of(copy, len);
    return status != FLY_OK ? status : fly_text_validate(FLY_TEXT_UTF8, *text, err);
}

static fly_status start(fly_net_conn *conn, line_client *me, fly_bytes field, fly_err *err)
{
    fly_bytes text;
    size_t used = 0;
    fly_sql_session *session = fly_server_client_session(me->client);
    fly_status status = take_text(conn, me, field, &text, err);
    if (status == FLY_OK) {
        status = fly_sql_prepare(session, text, &me->stmt, &used, err);
    }
    if (status == FLY_OK && me->stmt != NULL) {
        status = check_alone(session, fly_bytes_of(text.data + used, text.len - used), err);
    }
    return status;
}

static void begin_statement(fly_net_conn *conn, line_client *me, fly_bytes field)
{
    fly_err err = {0};
    fly_net_timeout(conn, 0, TIME_IDLE);
    if (start(conn, me, field, &err) != FLY_OK) {
        fail_statement(conn, me, &err);
    } else if (me->stmt == NULL) {
        end_statement(conn, me);
        say(conn, "OK EMPTY\n");
    }
}

static void say_header(fly_net_conn *conn, line_client *me)
{
    uint32_t columns = fly_sql_column_count(me->stmt);
    for (uint32_t c = 0; c < columns; c++) {
        say(conn, c > 0 ? "|" : "");
        say_field(conn, fly_bytes_str(fly_sql_column_name(me->stmt, c)), c == 0);
    }
    say(conn, "\n");
    me->headed = true;
}

static void say_row(fly_net_conn *conn, line_client *me)
{
    uint32_t columns = fly_sql_column_count(me->stmt);
    for (uint32_t c = 0; c < columns; c++) {
        say(conn, c > 0 ? "|" : "");
        if (fly_sql_column_null(me->stmt, c)) {
            say(conn, "\\N");
        } else {
            say_field(conn, fly_sql_column_text(me->stmt, c), c == 0);
        }
    }
    say(conn, "\n");
}

/* A statement of COPY waits for data, or has some. */
static void refuse_copy(fly_net_conn *conn, line_client *me)
{
    fly_err err = {0};
    if (fly_sql_copy_state(me->stmt) == 'i') {
        (void)!fly_sql_copy_end(me->stmt, "the protocol has no data", &err);
    }
    err = (fly_err){0};
    (void)fly_err_set(&err, FLY_E_UNSUPPORTED, "the text protocol has no COPY");
    fly_err_hint(&err, "The binary protocol and PostgreSQL's have it.");
    fail_statement(conn, me, &err);
}

static void finish_statement(fly_net_conn *conn, line_client *me)
{
    char status[96];
    (void)snprintf(status, sizeof status, "OK %s\n", fly_sql_tag(me->stmt));
    if (strcmp(fly_sql_tag(me->stmt), "USE") == 0) {
        forget_watches(conn, me, fly_bytes_of(NULL, 0));
    }
    end_statement(conn, me);
    say(conn, status);
}

/* Rows while there is room; false: it goes on later. */
static bool step(fly_net_conn *conn, line_client *me)
{
    fly_err err = {0};
    while (!fly_net_full(conn)) {
        fly_status status = fly_sql_step(me->stmt, &err);
        bool gives = status == FLY_OK ||
                     (status == FLY_E_END && fly_sql_column_count(me->stmt) > 0);
        if (gives && !me->headed) {
            say_header(conn, me);
        }
        if (status == FLY_OK) {
            say_row(conn, me);
            continue;
        }
        if (status == FLY_E_END) {
            finish_statement(conn, me);
        } else if (status == FLY_E_AGAIN) {
            refuse_copy(conn, me);
        } else {
            fail_statement(conn, me, &err);
        }
        return true;
    }
    return false;
}

/* ----------------------------------------------------------------------- login */

static void describe_peer(const fly_net_conn *conn, fly_server_peer *peer)
{
    const fly_net_peer_info *info = fly_net_peer(conn);
    *peer = (fly_server_peer){.protocol = "text",
                              .port = info->port,
                              .loopback = info->loopback,
                              .unix_socket = info->unix_socket,
                              .tls = fly_net_encrypted(conn)};
    memcpy(peer->host, info->host, sizeof peer->host);
}

/* An argument as a C string. */
static fly_status take_argument(fly_bytes field, char *room, size_t size, fly_err *err)
{
    size_t len = 0;
    if (field.len >= size) {
        return fly_err_state(err, "22023", 0, "argument is too long");
    }
    fly_status status = fly_line_unescape(field, (uint8_t *)room, &len, err);
    if (status == FLY_OK) {
        room[len] = 0;
        if (memchr(room, 0, len) != NULL) {
            return fly_err_state(err, "22021", 0,
                                 "invalid byte sequence for encoding \"UTF8\": 0x00");
        }
        status = fly_text_validate(FLY_TEXT_UTF8, fly_bytes_of(room, len), err);
    }
    return status;
}

static fly_status log_in(fly_net_conn *conn, const fly_line_command *command,
                         fly_server_client **client, fly_err *err)
{
    char user[256];
    char password[FLY_AUTH_PASSWORD_MAX + 1];
    fly_server_peer peer;
    fly_server_login *login = NULL;
    describe_peer(conn, &peer);
    fly_status status = take_argument(command->first, user, sizeof user, err);
    if (status == FLY_OK) {
        status = take_argument(command->second, password, sizeof password, err);
    }
    if (status == FLY_OK) {
        status =
            fly_server_login_begin(front_of(conn)->server, &peer, user, NULL, false, &login, err);
    }
    if (status == FLY_OK) {
        status = fly_server_login_password(login, fly_bytes_str(password), err);
    }
    if (status == FLY_OK) {
        status = fly_server_login_open(login, client, err);
    }
    fly_server_login_end(login);
    fly_auth_cleanse(password, sizeof password);
    return status;
}

static void wake(void *ctx)
{
    line_client *me = ctx;
    fly_net_wake(me->ref);
}

static void on_auth(fly_net_conn *conn, line_client *me, const fly_line_command *command)
{
    fly_err err = {0};
    fly_server_client *client = NULL;
    if (log_in(conn, command, &client, &err) != FLY_OK) {
        say_err(conn, &err);
        if (++me->failures >= ATTEMPTS_MAX) {
            fly_net_finish(conn);
        }
        return;
    }
    forget_watches(conn, me, fly_bytes_of(NULL, 0));
    fly_server_client_close(me->client);
    me->client = client;
    fly_sql_on_notice(fly_server_client_session(client), on_notice, conn);
    fly_sql_on_terminate(fly_server_client_session(client), wake, me);
    fly_sql_on_notification(fly_server_client_session(client), wake, me);
    limit_input(conn, me);
    expect_idleness(conn, me);
    say(conn, "AUTH OK\n");
}

/* ------------------------------------------------------------------- commands */

/* USE "name": the database's name as SQL quotes it. */
static void on_use(fly_net_conn *conn, line_client *me, fly_bytes field)
{
    char name[256];
    char text[2 * sizeof name + 8] = "USE \"";
    fly_err err = {0};
    size_t len = strlen(text);
    fly_status status = take_argument(field, name, sizeof name, &err);
    for (const char *at = name; status == FLY_OK && *at != 0; at++) {
        if (*at == '"') {
            text[len++] = '"';
        }
        text[len++] = *at;
    }
    if (status == FLY_OK) {
        text[len++] = '"';
        status = fly_sql_execute(fly_server_client_session(me->client), fly_bytes_of(text, len),
                                 NULL, NULL, &err);
    }
    if (status != FLY_OK) {
        say_err(conn, &err);
    } else {
        forget_watches(conn, me, fly_bytes_of(NULL, 0));
        say(conn, "OK USE\n");
    }
}

static void on_help(fly_net_conn *conn)
{
    say(conn, "command|answer\n"
              "PING|PONG\n"
              "AUTH user password|AUTH OK\n"
              "USE database|OK USE\n"
              "SQL statement|rows, then OK tag\n"
              "WATCH table [FROM lsn]|WATCH OK, then EVENT lines\n"
              "UNWATCH [table]|UNWATCH OK\n"
              "QUIT|BYE\n"
              "OK HELP\n");
}

static void on_unknown(fly_net_conn *conn, fly_bytes word)
{
    fly_err err = {0};
    int shown = word.len < 40 ? (int)word.len : 40;
    if (fly_text_validate(FLY_TEXT_UTF8, fly_bytes_of(word.data, (size_t)shown), NULL) != FLY_OK) {
        shown = 0;
    }
    (void)fly_err_state(&err, "42601", 0, "unknown command \"%.*s\"", shown,
                        (const char *)word.data);
    fly_err_hint(&err, "HELP lists the commands.");
    say_err(conn, &err);
}

static fly_status open_watch(fly_net_conn *conn, line_client *me, const fly_line_command *command,
                             fly_err *err)
{
    size_t size = sizeof(line_watch) + command->first.len;
    if (me->watch_count >= WATCHES_MAX) {
        return fly_err_set(err, FLY_E_TOO_LARGE, "more than %d watches", WATCHES_MAX);
    }
    line_watch *made = fly_mem_alloc(fly_net_mem(conn), size);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a watch");
    }
    *made = (line_watch){.size = size};
    fly_status status = fly_line_unescape(command->first, made->name, &made->len, err);
    if (status == FLY_OK) {
        status = fly_text_validate(FLY_TEXT_UTF8, fly_bytes_of(made->name, made->len), err);
    }
    if (status == FLY_OK) {
        status = fly_sql_watch_open(fly_server_client_session(me->client),
                                    fly_bytes_of(made->name, made->len), command->from,
                                    &made->watch, err);
    }
    if (status != FLY_OK) {
        fly_mem_free(fly_net_mem(conn), made, size);
        return status;
    }
    made->next = me->watches;
    me->watches = made;
    me->watch_count++;
    fly_sql_watch_on_change(made->watch, wake, me);
    return FLY_OK;
}

static void on_watch(fly_net_conn *conn, line_client *me, const fly_line_command *command)
{
    fly_err err = {0};
    if (open_watch(conn, me, command, &err) != FLY_OK) {
        say_err(conn, &err);
        return;
    }
    say(conn, "WATCH OK\n");
    expect_idleness(conn, me);
}

static void on_unwatch(fly_net_conn *conn, line_client *me, fly_bytes field)
{
    fly_err err = {0};
    size_t len = 0;
    uint8_t *name = fly_mem_alloc(fly_net_mem(conn), field.len);
    fly_status status = name != NULL ? fly_line_unescape(field, name, &len, &err)
                                     : fly_err_set(&err, FLY_E_NO_MEMORY, "no memory for a name");
    if (status == FLY_OK) {
        forget_watches(conn, me, fly_bytes_of(name, len));
        say(conn, "UNWATCH OK\n");
    } else {
        say_err(conn, &err);
    }
    fly_mem_free(fly_net_mem(conn), name, field.len);
    expect_idleness(conn, me);
}

/* Commands that only a user may give. */
static void on_user_command(fly_net_conn *conn, line_client *me, const fly_line_command *command)
{
    if (me->client == NULL) {
        fly_err err = {0};
        (void)fly_err_state(&err, "28000", 0, "not logged in");
        fly_err_hint(&err, "Write: AUTH user password");
        say_err(conn, &err);
    } else if (command->verb == FLY_LINE_USE) {
        on_use(conn, me, command->first);
    } else if (command->verb == FLY_LINE_SQL) {
        begin_statement(conn, me, command->first);
    } else if (command->verb == FLY_LINE_WATCH) {
        on_watch(conn, me, command);
    } else {
        on_unwatch(conn, me, command->first);
    }
}

static void on_line(fly_net_conn *conn, line_client *me, fly_bytes line)
{
    fly_err err = {0};
    fly_line_command command;
    if (fly_line_parse(line, &command, &err) != FLY_OK) {
        say_err(conn, &err);
        return;
    }
    switch (command.verb) {
    case FLY_LINE_EMPTY:
        break;
    case FLY_LINE_UNKNOWN:
        on_unknown(conn, command.first);
        break;
    case FLY_LINE_PING:
        say(conn, "PONG\n");
        break;
    case FLY_LINE_AUTH:
        on_auth(conn, me, &command);
        break;
    case FLY_LINE_HELP:
        on_help(conn);
        break;
    case FLY_LINE_QUIT:
        say(conn, "BYE\n");
        fly_net_finish(conn);
        break;
    default:
        on_user_command(conn, me, &command);
        break;
    }
}

/* ------------------------------------------------------------------------- events */

/* A name as one word: blanks are escaped, too. */
static void say_word(fly_net_conn *conn, const char *name)
{
    for (; *name != 0; name++) {
        if (*name == ' ') {
            say(conn, "\\x20");
        } else {
            say_field(conn, fly_bytes_of(name, 1), false);
        }
    }
}

static void say_event(fly_net_conn *conn, const fly_sql_event *event)
{
    char lsn[24];
    fly_bytes row = event->new_row.len > 0 ? event->new_row : event->old_row;
    (void)snprintf(lsn, sizeof lsn, "%" PRIu64, event->lsn);
    say(conn, "EVENT ");
    say(conn, lsn);
    say(conn, " ");
    say(conn, event->operation);
    say(conn, " ");
    say_word(conn, event->table);
    say(conn, " ");
    if (row.len > 0) {
        fly_net_write(conn, row.data, row.len);
    } else {
        say(conn, "null");
    }
    say(conn, "\n");
}

/* What was committed to the watched tables since, while there is room. */
static void say_events(fly_net_conn *conn, line_client *me)
{
    for (line_watch *at = me->watches; at != NULL; at = at->next) {
        fly_err err = {0};
        fly_sql_event event;
        fly_status status = FLY_OK;
        while (!fly_net_full(conn) &&
               (status = fly_sql_watch_next(at->watch, &event, &err)) == FLY_OK) {
            say_event(conn, &event);
        }
        if (status != FLY_OK && status != FLY_E_END) {
            refuse(conn, &err);
            return;
        }
    }
}

static void say_notifications(fly_net_conn *conn, line_client *me)
{
    char pid[16];
    fly_sql_notification message;
    while (!fly_net_full(conn) &&
           fly_sql_notification_next(fly_server_client_session(me->client), &message)) {
        (void)snprintf(pid, sizeof pid, " %u ", message.pid);
        say(conn, "NOTIFY ");
        say_word(conn, message.channel);
        say(conn, pid);
        say_field(conn, fly_bytes_str(message.payload), false);
        say(conn, "\n");
    }
}

/* Output is full: the log need not wait for this client. */
static void let_go_if_full(fly_net_conn *conn, line_client *me)
{
    for (line_watch *at = me->watches; at != NULL && fly_net_full(conn); at = at->next) {
        fly_sql_watch_rest(at->watch);
    }
}

/* ----------------------------------------------------------------- the protocol */

static void on_time(fly_net_conn *conn, line_client *me, uint32_t what)
{
    fly_err err = {0};
    if (what == TIME_LOGIN && me->client == NULL) {
        (void)fly_err_state(&err, "28000", 0, "no login in time");
        refuse(conn, &err);
    } else if (what == TIME_ASK) {
        expect_idleness(conn, me);
    } else if (what == TIME_IDLE && me->client != NULL && me->stmt == NULL) {
        (void)fly_server_client_idled(me->client, &err);
        refuse(conn, &err);
    }
}

static void say_goodbye(fly_net_conn *conn)
{
    fly_err err = {0};
    (void)fly_err_state(&err, "57P01", 0, "terminating connection due to administrator command");
    refuse(conn, &err);
}

/* The next line, if it is whole; false: there is nothing to do. */
static bool take_line(fly_net_conn *conn, line_client *me)
{
    fly_err err = {0};
    fly_bytes line;
    size_t used = 0;
    fly_status status =
        fly_line_next(fly_net_input(conn), line_max(conn, me), &me->scanned, &line, &used, &err);
    if (status == FLY_E_TOO_LARGE) {
        refuse(conn, &err);
    }
    if (status != FLY_OK) {
        return false;
    }
    on_line(conn, me, line);
    fly_net_consume(conn, used);
    return true;
}

/* The server stops, or somebody has ended this session. */
static bool must_end(const fly_net_conn *conn, const line_client *me)
{
    return fly_net_draining(conn) ||
           (me->client != NULL &&
            fly_sql_session_terminated(fly_server_client_session(me->client)));
}

static void run(fly_net_conn *conn)
{
    line_client *me = fly_net_state(conn);
    if (fly_net_timed_out(conn) != 0) {
        on_time(conn, me, fly_net_timed_out(conn));
    }
    while (!fly_net_finished(conn) && !fly_net_full(conn)) {
        if (me->stmt != NULL) {
            if (!step(conn, me)) {
                break;
            }
        } else if (must_end(conn, me)) {
            say_goodbye(conn);
        } else if (!take_line(conn, me)) {
            if (me->client != NULL && !fly_net_finished(conn)) {
                say_notifications(conn, me);
                say_events(conn, me);
            }
            break;
        }
    }
    let_go_if_full(conn, me);
}

static fly_status open_client(fly_net_conn *conn, fly_err *err)
{
    (void)err;
    line_client *me = fly_net_state(conn);
    me->ref = fly_net_ref_of(conn);
    limit_input(conn, me);
    fly_net_timeout(conn, fly_server_login_ns(front_of(conn)->server), TIME_LOGIN);
    return FLY_OK;
}

static void close_client(fly_net_conn *conn)
{
    line_client *me = fly_net_state(conn);
    forget_watches(conn, me, fly_bytes_of(NULL, 0));
    fly_sql_finalize(me->stmt);
    fly_mem_free(fly_net_mem(conn), me->text, me->text_size);
    fly_server_client_close(me->client);
}

static void drain(fly_net_conn *conn)
{
    line_client *me = fly_net_state(conn);
    if (me->stmt == NULL) {
        say_goodbye(conn);
    }
}

static const char too_many[] = "ERROR 53300 sorry, too many clients already\n";

const fly_net_protocol fly_line_protocol = {
    .name = "text",
    .state_size = sizeof(line_client),
    .refusal = {(const uint8_t *)too_many, sizeof too_many - 1},
    .open = open_client,
    .run = run,
    .close = close_client,
    .drain = drain,
};
