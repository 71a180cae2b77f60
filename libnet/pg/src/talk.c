/*
 * The loop over messages, what is said when something fails, and the protocol's table.
 */
#include "talk_int.h"

#include <fly/base_sched.h>
#include <fly/text.h>

/* ---------------------------------------------------------------------- shared */

struct fly_pg {
    fly_env *env;
    fly_server *server; /* or NULL */
    fly_sql *sql;
    uint32_t message_max;
    fly_mutex mutex;
    fly__pg_talk *talks; /* mutex; those that have a session */
};

enum { MESSAGE_MAX = 64 << 20 };

fly_status fly_pg_create(fly_env *env, const fly_pg_options *options, fly_pg **pg, fly_err *err)
{
    fly_pg *made = fly_mem_calloc(env->mem, 1, sizeof *made);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for PostgreSQL's protocol");
    }
    made->env = env;
    made->sql = options->server != NULL ? fly_server_sql(options->server) : options->sql;
    made->message_max = options->message_max != 0 ? options->message_max : MESSAGE_MAX;
    made->server = options->server;
    fly_mutex_init(&made->mutex, "pg", FLY_RANK_LEAF);
    *pg = made;
    return FLY_OK;
}

void fly_pg_destroy(fly_pg *pg)
{
    if (pg == NULL) {
        return;
    }
    FLY_ASSERT(pg->talks == NULL);
    fly_mutex_deinit(&pg->mutex);
    fly_mem_free(pg->env->mem, pg, sizeof *pg);
}

fly_sql *fly__pg_engine(const fly_pg *pg)
{
    return pg->sql;
}

uint32_t fly__pg_message_max(const fly_pg *pg)
{
    return pg->message_max;
}

uint64_t fly__pg_login_ns(const fly_pg *pg)
{
    return pg->server == NULL ? 60 * UINT64_C(1000000000) : fly_server_login_ns(pg->server);
}

fly_server *fly__pg_server(const fly_pg *pg)
{
    return pg->server;
}

void fly__pg_enroll(fly__pg_talk *talk)
{
    fly_pg *pg = talk->pg;
    fly_mutex_lock(&pg->mutex);
    talk->link = pg->talks;
    pg->talks = talk;
    fly_mutex_unlock(&pg->mutex);
}

void fly__pg_leave(fly__pg_talk *talk)
{
    fly_pg *pg = talk->pg;
    fly_mutex_lock(&pg->mutex);
    fly__pg_talk **at = &pg->talks;
    while (*at != NULL && *at != talk) {
        at = &(*at)->link;
    }
    if (*at != NULL) {
        *at = talk->link;
    }
    fly_mutex_unlock(&pg->mutex);
}

/* Under the mutex, so that no session is closed meanwhile. */
void fly_pg_cancel_all(fly_pg *pg)
{
    fly_mutex_lock(&pg->mutex);
    for (fly__pg_talk *at = pg->talks; at != NULL; at = at->link) {
        fly_sql_cancel(at->session);
    }
    fly_mutex_unlock(&pg->mutex);
}

/* ----------------------------------------------------------------------- output */

bool fly__pg_push(fly__pg_talk *talk)
{
    fly__pg_out *out = &talk->out;
    if (out->failed) {
        talk->phase = FLY__PG_ENDED;
        fly_net_cut(talk->conn);
        return false;
    }
    fly_net_write(talk->conn, out->data, out->len);
    out->len = 0;
    return !fly_net_full(talk->conn);
}

/* The names that a violated constraint's message has: of the table, the column, the constraint. */
static fly_bytes quoted_after(const char *message, const char *words)
{
    const char *at = strstr(message, words);
    if (at == NULL) {
        return fly_bytes_of(NULL, 0);
    }
    at += strlen(words);
    const char *end = strchr(at, '"');
    return end == NULL ? fly_bytes_of(NULL, 0) : fly_bytes_of(at, (size_t)(end - at));
}

static void name_things(fly__pg_story *story)
{
    const fly_err *err = story->err;
    if (memcmp(err->sqlstate, "23", 2) != 0) {
        return;
    }
    story->constraint = quoted_after(err->message, "constraint \"");
    story->column = quoted_after(err->message, "value in column \"");
    story->table = quoted_after(err->message, "relation \"");
    if (story->table.len == 0) {
        story->table = quoted_after(err->message, "on table \"");
    }
}

/* Where in a detail stands in which line of a COPY it was: PostgreSQL calls that the context. It begins the
 * detail, or is its last line, but for newlines of the data. */
static size_t where_in(const char *detail)
{
    size_t found = strncmp(detail, "COPY ", 5) == 0 ? 0 : SIZE_MAX;
    const char *next = detail;
    while (found != 0 && (next = strstr(next, "\nCOPY ")) != NULL) {
        found = (size_t)(++next - detail);
    }
    return found;
}

static void tell(fly__pg_talk *talk, char type, const char *severity, const fly_err *err,
                 fly_bytes text)
{
    fly__pg_story story = {.severity = severity, .err = err};
    if (err->position > 0 && text.len > 0) {
        size_t before = err->position - 1 < text.len ? err->position - 1 : text.len;
        story.position = (uint32_t)fly_text_count(fly_bytes_of(text.data, before)) + 1;
    }
    name_things(&story);
    fly_err told = *err;
    story.err = &told;
    if (told.sqlstate[0] == '\0' && type == 'E') {
        const char *state = fly_status_sqlstate(err->status);
        memcpy(told.sqlstate, state, sizeof told.sqlstate);
    }
    size_t at = where_in(told.detail);
    if (at < sizeof told.detail) {
        story.where = err->detail + at;
        told.detail[at > 0 ? at - 1 : 0] = '\0';
    }
    fly__pg_put_story(&talk->out, type, &story);
}

void fly__pg_error(fly__pg_talk *talk, const fly_err *err, fly_bytes text)
{
    if (strcmp(err->sqlstate, "57P01") == 0 && fly_sql_session_terminated(talk->session)) {
        fly_sql_block_fail(talk->session);
        fly__pg_fatal(talk, err);
        return;
    }
    tell(talk, 'E', "ERROR", err, text);
    fly_sql_block_fail(talk->session);
}

void fly__pg_fatal(fly__pg_talk *talk, const fly_err *err)
{
    tell(talk, 'E', "FATAL", err, fly_bytes_of(NULL, 0));
    talk->phase = FLY__PG_ENDED;
    (void)fly__pg_push(talk);
    fly_net_finish(talk->conn);
}

/* What the client does not want to hear of. */
static int level_of(const char *severity)
{
    static const char *const levels[] = {"debug", "log", "notice", "warning", "error"};
    for (int i = 0; i < 5; i++) {
        size_t len = strlen(levels[i]);
        bool same = strlen(severity) >= len;
        for (size_t k = 0; k < len && same; k++) {
            same = (severity[k] | 32) == levels[i][k];
        }
        if (same) {
            return i;
        }
    }
    return 5; /* INFO is always told */
}

void fly__pg_notice(void *ctx, const char *severity, const fly_err *notice)
{
    fly__pg_talk *talk = ctx;
    const char *least = fly_sql_session_setting(talk->session, "client_min_messages");
    if (least != NULL && level_of(severity) < level_of(least)) {
        return;
    }
    tell(talk, 'N', severity, notice, fly_bytes_of(NULL, 0));
    (void)fly__pg_push(talk);
}

/* Long statements look after a while whether their client is still there. Reading moves the input, so it is
 * done only where nothing points into that: while rows are made. */
bool fly__pg_progress(void *ctx, uint64_t done, uint64_t of)
{
    enum { LOOK_NS = 500000000, INPUT_MAX = 65536 };
    fly__pg_talk *talk = ctx;
    (void)done;
    (void)of;
    if (talk->job != FLY__PG_JOB_ROWS && talk->job != FLY__PG_JOB_OUT) {
        return true;
    }
    uint64_t now = fly_now();
    if (talk->looked_ns == 0) {
        talk->looked_ns = now;
    }
    if (now - talk->looked_ns < LOOK_NS) {
        return true;
    }
    talk->looked_ns = now;
    if (fly_net_input(talk->conn).len < INPUT_MAX) {
        (void)fly_net_read(talk->conn);
    }
    return !fly_net_ended(talk->conn);
}

/* --------------------------------------------------------------------- messages */

static void say_goodbye(fly__pg_talk *talk)
{
    fly_err err = {0};
    (void)fly_err_state(&err, "57P01", 0, "terminating connection due to administrator command");
    fly__pg_fatal(talk, &err);
}

enum { TIMEOUT_LOGIN = 1, TIMEOUT_IDLE = 2 };

/* How long the client may be idle follows from settings: they are only looked at when they change. */
static void watch_idleness(fly__pg_talk *talk, char state)
{
    if (talk->client == NULL) {
        return;
    }
    if (talk->idle_state != state || talk->idle_set_count != talk->set_count) {
        talk->idle_ns = fly_server_client_idle_ns(talk->client);
        talk->idle_state = state;
        talk->idle_set_count = talk->set_count;
        if (talk->idle_ns == 0) {
            fly_net_timeout(talk->conn, 0, TIMEOUT_IDLE);
        }
    }
    if (talk->idle_ns != 0) {
        fly_net_timeout(talk->conn, talk->idle_ns, TIMEOUT_IDLE);
    }
}

/* A deadline has passed. */
static void too_late(fly__pg_talk *talk, uint32_t which)
{
    fly_err err = {0};
    if (talk->phase == FLY__PG_FIRST) {
        talk->phase = FLY__PG_ENDED;
        fly_net_cut(talk->conn);
    } else if (talk->phase == FLY__PG_LOGIN) {
        (void)fly_server_login_expired(talk->login, &err);
        fly__pg_fatal(talk, &err);
    } else if (which == TIMEOUT_IDLE && talk->job == FLY__PG_JOB_NONE &&
               fly_net_input(talk->conn).len == 0) {
        (void)fly_server_client_idled(talk->client, &err);
        fly__pg_fatal(talk, &err);
    }
}

/* Messages of NOTIFY; there are none in a transaction. */
static void put_notifications(fly__pg_talk *talk)
{
    fly_sql_notification message;
    while (fly_sql_notification_next(talk->session, &message)) {
        fly__pg_put_notification(&talk->out, message.pid, message.channel, message.payload);
    }
}

void fly__pg_wake(void *ctx)
{
    const fly__pg_talk *talk = ctx;
    fly_net_wake(talk->ref);
}

void fly__pg_ready(fly__pg_talk *talk)
{
    fly_err err = {0};
    if (talk->phase == FLY__PG_ENDED) {
        return; /* the session was ended while it worked */
    }
    talk->in_block = false;
    talk->skipping = false;
    if (fly_sql_block_end(talk->session, &err) != FLY_OK) {
        fly__pg_error(talk, &err, fly_bytes_of(NULL, 0));
    }
    char state = fly_sql_session_state(talk->session);
    if (state == 'I' && (talk->portals != NULL || talk->unnamed_portal.source != NULL)) {
        fly__pg_portals_drop(talk, NULL);
    }
    fly__pg_report(talk);
    put_notifications(talk);
    fly__pg_put_ready(&talk->out, state);
    watch_idleness(talk, state);
    if (talk->draining && state == 'I') {
        say_goodbye(talk);
    }
}

static void handle(fly__pg_talk *talk, const fly__pg_message *message, fly_bytes rest)
{
    fly_err err = {0};
    fly_bytes text;
    fly_status status = FLY_OK;
    switch (message->type) {
    case 'Q':
        status = fly__pg_string_decode(message->body, &text, &err);
        if (status == FLY_OK) {
            fly__pg_on_query(talk, text);
        } else {
            fly__pg_error(talk, &err, fly_bytes_of(NULL, 0));
            fly__pg_ready(talk);
        }
        break;
    case 'P':
        fly__pg_on_parse(talk, message->body);
        break;
    case 'B':
        fly__pg_on_bind(talk, message->body);
        break;
    case 'D':
        fly__pg_on_describe(talk, message->body);
        break;
    case 'E':
        fly__pg_on_execute(talk, message->body, rest.len > 0 && rest.data[0] == 'S');
        break;
    case 'C':
        fly__pg_on_close(talk, message->body);
        break;
    case 'S':
        fly__pg_ready(talk);
        break;
    case 'F':
        (void)fly_err_state(&err, "0A000", 0, "function calls are not supported, use SELECT");
        fly__pg_error(talk, &err, fly_bytes_of(NULL, 0));
        fly__pg_ready(talk);
        break;
    case 'H': /* what was answered goes out when the input is used up */
    case 'd': /* what is left of a COPY that has failed */
    case 'c':
    case 'f':
        break;
    default:
        (void)fly_err_state(&err, "08P01", 0, "invalid frontend message type %u",
                            (unsigned)(uint8_t)message->type);
        fly__pg_fatal(talk, &err);
        break;
    }
}

/* Take the next message; false: it is not whole. */
static bool next_message(fly__pg_talk *talk)
{
    fly_err err = {0};
    fly__pg_message message;
    size_t used;
    fly_bytes in = fly_net_input(talk->conn);
    fly_status status =
        fly__pg_message_decode(in, fly__pg_message_max(talk->pg), &message, &used, &err);
    if (status == FLY_E_AGAIN) {
        if (fly_net_expect(talk->conn, used) == FLY_OK) {
            return false;
        }
        status = fly_err_state(&err, "54000", 0, "message of %zu bytes is too long", used);
    }
    if (status != FLY_OK) {
        fly__pg_fatal(talk, &err);
        return true;
    }
    if (message.type == 'X') {
        talk->phase = FLY__PG_ENDED;
        fly_net_finish(talk->conn);
        return true;
    }
    if (talk->phase == FLY__PG_LOGIN) {
        if (message.type == 'p') {
            fly__pg_on_proof(talk, message.body);
        } else {
            (void)fly_err_state(&err, "08P01", 0, "expected password response, got message type %u",
                                (unsigned)(uint8_t)message.type);
            fly__pg_fatal(talk, &err);
        }
    } else if (talk->job == FLY__PG_JOB_IN) {
        fly__pg_on_copy_in(talk, &message);
    } else if (!talk->skipping || message.type == 'S') {
        handle(talk, &message, fly_bytes_of(in.data + used, in.len - used));
    }
    fly_net_consume(talk->conn, used);
    return true;
}

static void work(fly__pg_talk *talk)
{
    switch (talk->job) {
    case FLY__PG_JOB_SIMPLE:
        fly__pg_simple_next(talk);
        break;
    case FLY__PG_JOB_ROWS:
        fly__pg_rows(talk);
        break;
    default:
        fly__pg_copy_out(talk);
        break;
    }
}

/* One step: false, if nothing can be done until something happens. */
static bool step(fly__pg_talk *talk)
{
    enum { ENOUGH = 32768 };
    if (talk->out.len > ENOUGH && !fly__pg_push(talk)) {
        return false;
    }
    if (talk->phase == FLY__PG_FIRST) {
        return fly__pg_on_first(talk);
    }
    if (talk->job == FLY__PG_JOB_NONE || talk->job == FLY__PG_JOB_IN) {
        return next_message(talk);
    }
    work(talk);
    return !fly_net_full(talk->conn);
}

/* --------------------------------------------------------------------- the table */

static fly_status open_talk(fly_net_conn *conn, fly_err *err)
{
    fly__pg_talk *talk = fly_net_state(conn);
    (void)err;
    talk->conn = conn;
    talk->pg = fly_net_ctx(conn);
    talk->env = talk->pg->env;
    talk->ref = fly_net_ref_of(conn);
    talk->mem = fly_net_mem(conn);
    fly__pg_out_init(&talk->out, talk->mem);
    fly_net_limit(conn, FLY__PG_STARTUP_MAX);
    fly_net_timeout(conn, fly__pg_login_ns(talk->pg), TIMEOUT_LOGIN);
    return FLY_OK;
}

/* Nothing runs: what others want of the session. */
static void rest(fly__pg_talk *talk)
{
    bool idle = fly_sql_session_state(talk->session) == 'I' && !talk->in_block;
    if (idle) {
        put_notifications(talk);
    }
    if (fly_sql_session_terminated(talk->session) || (talk->draining && idle)) {
        say_goodbye(talk);
    }
}

static void run_talk(fly_net_conn *conn)
{
    fly__pg_talk *talk = fly_net_state(conn);
    uint32_t late = fly_net_timed_out(conn);
    if (late != 0) {
        too_late(talk, late);
    }
    while (talk->phase != FLY__PG_ENDED && !fly_net_finished(conn) && step(talk)) {
    }
    if (talk->phase == FLY__PG_ENDED) {
        return;
    }
    if (talk->phase == FLY__PG_READY && talk->job == FLY__PG_JOB_NONE) {
        rest(talk);
    }
    if (talk->phase != FLY__PG_ENDED) {
        (void)fly__pg_push(talk);
    }
    fly__pg_out_empty(&talk->out);
}

static void close_talk(fly_net_conn *conn)
{
    fly__pg_talk *talk = fly_net_state(conn);
    talk->phase = FLY__PG_ENDED;
    if (talk->session != NULL) {
        fly__pg_leave(talk);
        fly_sql_on_notice(talk->session, NULL, NULL);
        fly_sql_on_notification(talk->session, NULL, NULL);
        fly_sql_on_terminate(talk->session, NULL, NULL);
        fly__pg_simple_drop(talk);
        fly__pg_prepared_drop(talk);
        fly_sql_block_fail(talk->session);
        if (talk->client != NULL) {
            fly_server_client_close(talk->client);
        } else {
            fly_sql_session_close(talk->session);
        }
    }
    fly__pg_login_drop(talk);
    for (int i = 0; i < FLY__PG_REPORTED; i++) {
        char *value = talk->reported[i];
        fly_mem_free(talk->mem, value, value == NULL ? 0 : strlen(value) + 1);
    }
    fly__pg_out_deinit(&talk->out);
}

static void drain_talk(fly_net_conn *conn)
{
    fly__pg_talk *talk = fly_net_state(conn);
    talk->draining = true;
    if (talk->phase < FLY__PG_READY) {
        talk->phase = FLY__PG_ENDED;
        fly_net_finish(conn);
        return;
    }
    run_talk(conn);
}

const fly_net_protocol fly_pg_protocol = {.name = "postgresql",
                                          .state_size = sizeof(fly__pg_talk),
                                          .open = open_talk,
                                          .run = run_talk,
                                          .close = close_talk,
                                          .drain = drain_talk};
