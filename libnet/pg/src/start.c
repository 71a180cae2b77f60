/*
 * The beginning: encryption is asked for, somebody cancels another's statement, or a client says who it
 * is and what it wants; then the parameters, the key for cancelling, and the first ReadyForQuery.
 */
#include "talk_int.h"

/* Settings that clients are told of, by the names that they look for. */
static const char *const reported_names[FLY__PG_REPORTED] = {"server_version",
                                                             "server_encoding",
                                                             "client_encoding",
                                                             "application_name",
                                                             "is_superuser",
                                                             "session_authorization",
                                                             "DateStyle",
                                                             "IntervalStyle",
                                                             "TimeZone",
                                                             "integer_datetimes",
                                                             "in_hot_standby",
                                                             "default_transaction_read_only",
                                                             "standard_conforming_strings"};

void fly__pg_report(fly__pg_talk *talk)
{
    uint64_t count = fly_sql_session_set_count(talk->session);
    if (count == talk->set_count) {
        return;
    }
    for (int i = 0; i < FLY__PG_REPORTED; i++) {
        const char *value = fly_sql_session_setting(talk->session, reported_names[i]);
        char *old = talk->reported[i];
        if (value == NULL || (old != NULL && strcmp(old, value) == 0)) {
            continue;
        }
        size_t size = strlen(value) + 1;
        char *copy = fly_mem_alloc(talk->mem, size);
        if (copy == NULL) {
            return; /* the next change tells it */
        }
        memcpy(copy, value, size);
        if (old != NULL) {
            fly_mem_free(talk->mem, old, strlen(old) + 1);
        }
        talk->reported[i] = copy;
        fly__pg_put_parameter(&talk->out, reported_names[i], value);
    }
    talk->set_count = count;
}

/* ---------------------------------------------------------------------- options */

/* The next word of "-c name=value --name=value": blanks end it, a backslash keeps the next byte. */
static bool next_word(const char **at, char *word, size_t size)
{
    while (**at == ' ' || **at == '\t' || **at == '\n' || **at == '\r') {
        (*at)++;
    }
    size_t len = 0;
    bool any = **at != '\0';
    while (**at != '\0' && **at != ' ' && **at != '\t' && **at != '\n' && **at != '\r') {
        if (**at == '\\' && (*at)[1] != '\0') {
            (*at)++;
        }
        if (len + 1 < size) {
            word[len++] = **at;
        }
        (*at)++;
    }
    word[len] = '\0';
    return any;
}

static fly_status set_option(fly__pg_talk *talk, char *option, fly_err *err)
{
    char *equals = strchr(option, '=');
    if (equals == NULL) {
        return fly_err_state(err, "42601", 0,
                             "invalid command-line argument for server process: %s", option);
    }
    *equals = '\0';
    for (char *at = option; *at != '\0'; at++) {
        *at = *at == '-' ? '_' : *at;
    }
    return fly_sql_session_set(talk->session, option, equals + 1, err);
}

static fly_status set_options(fly__pg_talk *talk, const char *options, fly_err *err)
{
    char word[1024];
    fly_status status = FLY_OK;
    while (status == FLY_OK && next_word(&options, word, sizeof word)) {
        if (strcmp(word, "-c") == 0) {
            status = next_word(&options, word, sizeof word) ? set_option(talk, word, err) : FLY_OK;
        } else if (strncmp(word, "--", 2) == 0 || strncmp(word, "-c", 2) == 0) {
            status = set_option(talk, word + 2, err);
        } else {
            status = fly_err_state(err, "42601", 0,
                                   "invalid command-line argument for server process: %s", word);
        }
    }
    return status;
}

/* What the start-up packet wants to be set. */
static fly_status set_all(fly__pg_talk *talk, fly_bytes params, fly_err *err)
{
    const char *name;
    const char *value;
    fly_status status = FLY_OK;
    while (status == FLY_OK && fly__pg_first_next(&params, &name, &value)) {
        if (strcmp(name, "user") == 0 || strcmp(name, "database") == 0 ||
            strcmp(name, "replication") == 0 || strncmp(name, "_pq_.", 5) == 0) {
            continue;
        }
        status = strcmp(name, "options") == 0
                     ? set_options(talk, value, err)
                     : fly_sql_session_set(talk->session, name, value, err);
    }
    return status;
}

/* ------------------------------------------------------------------------- who */

typedef struct claim {
    const char *user, *database;
    const char *unknown[16]; /* options of the protocol */
    uint32_t unknown_count;
    bool replication;
} claim;

static void read_claim(fly_bytes params, claim *who)
{
    const char *name;
    const char *value;
    while (fly__pg_first_next(&params, &name, &value)) {
        if (strcmp(name, "user") == 0) {
            who->user = value;
        } else if (strcmp(name, "database") == 0) {
            who->database = value;
        } else if (strcmp(name, "replication") == 0) {
            who->replication = strcmp(value, "false") != 0 && strcmp(value, "off") != 0 &&
                               strcmp(value, "0") != 0 && strcmp(value, "no") != 0;
        } else if (strncmp(name, "_pq_.", 5) == 0 && who->unknown_count < 16) {
            who->unknown[who->unknown_count++] = name;
        }
    }
}

static void welcome(fly__pg_talk *talk)
{
    fly_sql_on_notice(talk->session, fly__pg_notice, talk);
    fly_sql_on_progress(talk->session, fly__pg_progress, talk);
    fly_sql_on_deallocate(talk->session, fly__pg_deallocated, talk);
    fly_sql_on_prepared(talk->session, fly__pg_prepared, talk);
    talk->set_count = UINT64_MAX;
    fly__pg_put_auth(&talk->out, 0, fly_bytes_of(NULL, 0));
    fly__pg_report(talk);
    fly__pg_enroll(talk);
    fly_sql_on_notification(talk->session, fly__pg_wake, talk);
    fly_sql_on_terminate(talk->session, fly__pg_wake, talk);
    fly__pg_put_key(&talk->out, fly_sql_session_pid(talk->session),
                    fly_sql_session_secret(talk->session));
    talk->phase = FLY__PG_READY;
    fly_net_timeout(talk->conn, 0, 1);
    fly_net_limit(talk->conn, (size_t)fly__pg_message_max(talk->pg) + 1);
    fly__pg_ready(talk);
}

void fly__pg_login_drop(fly__pg_talk *talk)
{
    fly_server_login_end(talk->login);
    talk->login = NULL;
    fly_mem_free(talk->mem, talk->params, talk->params_len);
    talk->params = NULL;
}

/* The session is there: set what the client wants, and let it go on. */
static void enter(fly__pg_talk *talk, fly_bytes params)
{
    fly_err err = {0};
    if (set_all(talk, params, &err) != FLY_OK ||
        fly_sql_session_settings_start(talk->session, &err) != FLY_OK) {
        fly__pg_fatal(talk, &err);
        return;
    }
    welcome(talk);
}

static fly_status ask_for_proof(fly__pg_talk *talk, const claim *who, fly_err *err)
{
    fly_server_peer peer;
    fly_server_peer_of(talk->conn, "postgresql", &peer);
    fly_status status = fly_server_login_begin(fly__pg_server(talk->pg), &peer, who->user,
                                               who->database, true, &talk->login, err);
    if (status != FLY_OK) {
        return status;
    }
    if (fly_server_login_method(talk->login) == FLY_SERVER_PASSWORD) {
        fly__pg_put_auth(&talk->out, 3, fly_bytes_of(NULL, 0));
    } else {
        static const char *const mechanisms[] = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", NULL};
        fly__pg_put_auth_sasl(&talk->out, mechanisms + !fly_server_login_plus(talk->login));
    }
    talk->phase = FLY__PG_LOGIN;
    return FLY_OK;
}

static fly_status trust(fly__pg_talk *talk, const claim *who, fly_bytes params, fly_err *err)
{
    fly_sql_session_options options = {.user = who->user, .database = who->database};
    fly_status status =
        fly_sql_session_open(fly__pg_engine(talk->pg), &options, &talk->session, err);
    if (status == FLY_OK) {
        enter(talk, params);
    }
    return status;
}

static fly_status keep_params(fly__pg_talk *talk, fly_bytes params, fly_err *err)
{
    talk->params = fly_mem_alloc(talk->mem, params.len);
    if (talk->params == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a login");
    }
    talk->params_len = params.len;
    memcpy(talk->params, params.data, params.len);
    return FLY_OK;
}

static void startup(fly__pg_talk *talk, const fly__pg_first *first)
{
    fly_err err = {0};
    claim who = {0};
    read_claim(first->params, &who);
    fly_status status = FLY_OK;
    if (first->minor > 0 || who.unknown_count > 0) {
        fly__pg_put_negotiate(&talk->out, 0, who.unknown_count, who.unknown);
    }
    if (who.user == NULL || who.user[0] == '\0') {
        status =
            fly_err_state(&err, "28000", 0, "no PostgreSQL user name specified in startup packet");
    } else if (who.replication) {
        status = fly_err_state(&err, "0A000", 0, "replication connections are not supported");
    } else if (fly__pg_server(talk->pg) == NULL) {
        status = trust(talk, &who, first->params, &err);
    } else {
        status = keep_params(talk, first->params, &err);
        if (status == FLY_OK) {
            status = ask_for_proof(talk, &who, &err);
        }
    }
    if (status != FLY_OK) {
        fly__pg_fatal(talk, &err);
    }
}

/* ------------------------------------------------------------------------ proof */

/* FLY_E_AGAIN: the exchange goes on. */
static fly_status take_scram(fly__pg_talk *talk, fly_bytes message, fly_err *err)
{
    fly_bytes reply = {0};
    fly_status status = fly_server_login_step(talk->login, message, &reply, err);
    if (status == FLY_OK || status == FLY_E_AGAIN) {
        fly__pg_put_auth(&talk->out, status == FLY_OK ? 12 : 11, reply);
    }
    return status;
}

static fly_status take_mechanism(fly__pg_talk *talk, fly_bytes body, fly_err *err)
{
    const char *mechanism;
    fly_bytes response;
    fly_status status = fly__pg_sasl_decode(body, &mechanism, &response, err);
    if (status == FLY_OK) {
        status = fly_server_login_mechanism(talk->login, fly_bytes_str(mechanism), err);
    }
    if (status != FLY_OK) {
        return status;
    }
    talk->has_mechanism = true;
    if (response.data == NULL) { /* it wants to be asked */
        fly__pg_put_auth(&talk->out, 11, fly_bytes_of(NULL, 0));
        return FLY_E_AGAIN;
    }
    return take_scram(talk, response, err);
}

static fly_status take_proof(fly__pg_talk *talk, fly_bytes body, fly_err *err)
{
    if (fly_server_login_method(talk->login) == FLY_SERVER_SCRAM) {
        return talk->has_mechanism ? take_scram(talk, body, err) : take_mechanism(talk, body, err);
    }
    fly_bytes password;
    fly_status status = fly__pg_string_decode(body, &password, err);
    return status == FLY_OK ? fly_server_login_password(talk->login, password, err) : status;
}

void fly__pg_on_proof(fly__pg_talk *talk, fly_bytes body)
{
    fly_err err = {0};
    fly_status status = take_proof(talk, body, &err);
    if (status == FLY_E_AGAIN) {
        return;
    }
    if (status == FLY_OK) {
        status = fly_server_login_open(talk->login, &talk->client, &err);
    }
    if (status != FLY_OK) {
        fly__pg_fatal(talk, &err);
        return;
    }
    talk->session = fly_server_client_session(talk->client);
    enter(talk, fly_bytes_of(talk->params, talk->params_len));
    fly__pg_login_drop(talk);
}

static void encrypt(fly__pg_talk *talk, bool gss, size_t used)
{
    bool *asked = gss ? &talk->asked_gss : &talk->asked_ssl;
    fly_err err = {0};
    if (*asked || fly_net_encrypted(talk->conn)) {
        (void)fly_err_state(&err, "08P01", 0, "unexpected request for encryption");
        fly__pg_fatal(talk, &err);
        return;
    }
    *asked = true;
    bool yes = !gss && fly_net_tls_offered(talk->conn);
    fly__pg_put_u8(&talk->out, yes ? 'S' : 'N');
    (void)fly__pg_push(talk);
    fly_net_consume(talk->conn, used);
    if (yes && fly_net_start_tls(talk->conn) != FLY_OK) {
        talk->phase = FLY__PG_ENDED;
        fly_net_cut(talk->conn);
    }
}

bool fly__pg_on_first(fly__pg_talk *talk)
{
    fly_err err = {0};
    fly__pg_first first;
    size_t used;
    fly_status status = fly__pg_first_decode(fly_net_input(talk->conn), &first, &used, &err);
    if (status == FLY_E_AGAIN) {
        if (fly_net_expect(talk->conn, used) != FLY_OK) {
            fly_net_cut(talk->conn); /* beyond a limit that is smaller than that of a packet */
        }
        return false;
    }
    if (status != FLY_OK) {
        fly__pg_fatal(talk, &err);
        return true;
    }
    switch (first.kind) {
    case FLY__PG_FIRST_SSL:
    case FLY__PG_FIRST_GSSENC:
        encrypt(talk, first.kind == FLY__PG_FIRST_GSSENC, used);
        return true;
    case FLY__PG_FIRST_CANCEL:
        (void)fly_sql_cancel_backend(fly__pg_engine(talk->pg), first.pid, first.secret);
        talk->phase = FLY__PG_ENDED;
        fly_net_finish(talk->conn);
        return true;
    default:
        startup(talk, &first);
        if (talk->phase != FLY__PG_ENDED) {
            fly_net_consume(talk->conn, used);
        }
        return true;
    }
}
