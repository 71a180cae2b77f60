/*
 * Settings: what SET sets and SHOW shows.
 *
 * A known setting has a default and, if code looks at it often, a function that turns its text into a
 * field of the session. Names with a dot that nobody knows are the user's own, as in PostgreSQL. What a
 * transaction set is taken back when it rolls back, to a savepoint what was set since; SET LOCAL, when it
 * ends at all.
 */
#include "session/state_int.h"

#include "catalog/right_int.h"
#include "session/settings_int.h"
#include "session/user_int.h"

#include <fly/auth.h>
#include <fly/base_hash.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Whether a text is a boolean, and which. */
static bool parse_bool(const char *text, bool *value)
{
    static const char *const yes[] = {"on", "true", "yes", "1", "t", "y"};
    static const char *const no[] = {"off", "false", "no", "0", "f", "n"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *value = strcasecmp(text, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

/* A time: a number of milliseconds, or with a unit. */
uint32_t fly__sql_milliseconds(const char *text)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}};
    uint64_t number = 0;
    while (*text == ' ') {
        text++;
    }
    while (*text >= '0' && *text <= '9' && number < UINT32_MAX) {
        number = number * 10 + (uint64_t)(*text++ - '0');
    }
    while (*text == ' ') {
        text++;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text, units[i].unit) == 0) {
            number *= units[i].ms;
        }
    }
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

/* ------------------------------------------------------------------- applying */

typedef bool (*apply_fn)(fly_sql_session *session, const char *value);

static bool is_time(const char *text)
{
    size_t blanks = strspn(text, " ");
    return text[blanks] >= '0' && text[blanks] <= '9';
}

static bool apply_statement_timeout(fly_sql_session *session, const char *value)
{
    if (!is_time(value)) {
        return false;
    }
    session->state->statement_timeout_ms = fly__sql_milliseconds(value);
    return true;
}

static bool apply_lock_timeout(fly_sql_session *session, const char *value)
{
    if (!is_time(value)) {
        return false;
    }
    session->state->lock_timeout_ms = fly__sql_milliseconds(value);
    if (session->txn != NULL) {
        fly_txn_set_lock_timeout(session->txn, session->state->lock_timeout_ms);
    }
    return true;
}

static bool apply_idle_in_txn(fly_sql_session *session, const char *value)
{
    if (!is_time(value)) {
        return false;
    }
    session->state->idle_in_txn_timeout_ms = fly__sql_milliseconds(value);
    return true;
}

static bool apply_idle_session(fly_sql_session *session, const char *value)
{
    if (!is_time(value)) {
        return false;
    }
    session->state->idle_session_timeout_ms = fly__sql_milliseconds(value);
    return true;
}

/* Of verifiers that CREATE ROLE makes; what a client then has to compute at each login. */
static bool apply_scram_iterations(fly_sql_session *session, const char *value)
{
    char *end = NULL;
    unsigned long number = strtoul(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || number < 1 ||
        number > FLY_AUTH_ROUNDS_MAX) {
        return false;
    }
    session->state->scram_iterations = (uint32_t)number;
    return true;
}

static bool apply_application(fly_sql_session *session, const char *value)
{
    fly__sql_backend_application(session, value);
    return true;
}

static bool apply_synchronous(fly_sql_session *session, const char *value)
{
    session->state->asynchronous = strcasecmp(value, "off") == 0;
    return true;
}

static bool apply_read_only(fly_sql_session *session, const char *value)
{
    return parse_bool(value, &session->state->default_read_only);
}

static bool apply_isolation(fly_sql_session *session, const char *value)
{
    return fly__sql_isolation_parse(value, &session->state->isolation);
}

/* Texts come and go as UTF-8. */
static bool is_utf8_name(const char *value)
{
    char name[8];
    size_t len = 0;
    for (; *value != '\0'; value++) { /* only letters and digits count, as in PostgreSQL */
        char c = (char)(*value | 32);
        if ((c >= 'a' && c <= 'z') || (*value >= '0' && *value <= '9')) {
            if (len == sizeof name - 1) {
                return false;
            }
            name[len++] = *value >= '0' && *value <= '9' ? *value : c;
        }
    }
    name[len] = '\0';
    return strcmp(name, "utf8") == 0 || strcmp(name, "unicode") == 0;
}

static bool apply_encoding(fly_sql_session *session, const char *value)
{
    (void)session;
    return is_utf8_name(value) || strcasecmp(value, "sql_ascii") == 0;
}

static bool apply_search_path(fly_sql_session *session, const char *value)
{
    char *copy = fly__sql_session_strdup(session, value);
    if (copy == NULL) {
        return false;
    }
    fly__sql_session_strfree(session, session->state->search_path);
    session->state->search_path = copy;
    session->search_path = copy;
    if (session->view != NULL) {
        return fly__sql_view_acquire(session->database->catalog, session->view, session,
                                     &session->view, NULL) == FLY_OK;
    }
    return true;
}

static bool apply_role(fly_sql_session *session, const char *value)
{
    return fly__sql_user_set_role(session, value);
}

static bool apply_login(fly_sql_session *session, const char *value)
{
    return fly__sql_user_set_login(session, value);
}

static bool apply_verify(fly_sql_session *session, const char *value)
{
    return parse_bool(value, &session->verify);
}

/* How plans are made: on, off (as bound), plain (without making joins of subqueries). */
static bool apply_optimise(fly_sql_session *session, const char *value)
{
    bool plain = strcasecmp(value, "plain") == 0;
    bool on = true;
    if (!plain && !parse_bool(value, &on)) {
        return false;
    }
    session->optimise = plain ? 'p' : on ? '+' : '-';
    session->epoch++; /* plans that were made go */
    return true;
}

static bool apply_compat(fly_sql_session *session, const char *value)
{
    bool sqlite = strcasecmp(value, "sqlite") == 0;
    if (!sqlite && strcasecmp(value, "off") != 0 && strcasecmp(value, "postgresql") != 0) {
        return false;
    }
    session->compat = (fly__sql_compat){.div_by_zero_null = sqlite,
                                        .int_arith_wide = sqlite,
                                        .lax_ops = sqlite,
                                        .lax_group_by = sqlite,
                                        .num_case_first = sqlite,
                                        .drop_dependents_keep = sqlite,
                                        .like_nocase = sqlite,
                                        .nulls_first = sqlite,
                                        .lax_syntax = sqlite};
    return true;
}

/* The switches one by one: a word for yes, a word for no. */
#define SWITCH(field, yes, no)                                                                     \
    static bool apply_##field(fly_sql_session *session, const char *value)                         \
    {                                                                                              \
        session->compat.field = strcasecmp(value, yes) == 0;                                       \
        return session->compat.field || strcasecmp(value, no) == 0;                                \
    }
SWITCH(div_by_zero_null, "null", "error")
SWITCH(int_arith_wide, "wide", "pg")
SWITCH(lax_ops, "on", "off")
SWITCH(lax_group_by, "on", "off")
SWITCH(num_case_first, "first", "pg")
SWITCH(drop_dependents_keep, "keep", "restrict")
SWITCH(like_nocase, "on", "off")
SWITCH(nulls_first, "on", "off")
SWITCH(lax_syntax, "on", "off")

/* ------------------------------------------------------------------ the table */

static const struct known {
    const char *name;
    const char *initial;
    bool fixed; /* can be shown, not set */
    apply_fn apply;
} known_settings[] = {
    {"application_name", "", false, apply_application},
    {"bytea_output", "hex", false, NULL},
    {"check_function_bodies", "on", false, NULL},
    {"client_encoding", "UTF8", false, apply_encoding},
    {"client_min_messages", "notice", false, NULL},
    {"constraint_exclusion", "partition", false, NULL},
    {"cpu_index_tuple_cost", "0.005", false, NULL},
    {"cpu_operator_cost", "0.0025", false, NULL},
    {"cpu_tuple_cost", "0.01", false, NULL},
    {"cursor_tuple_fraction", "0.1", false, NULL},
    {"datestyle", "ISO, MDY", false, fly__sql_apply_date_style},
    {"deadlock_timeout", "1s", false, NULL},
    {"debug_print_parse", "off", false, NULL},
    {"default_statistics_target", "100", false, NULL},
    {"default_table_access_method", "row", false, NULL},
    {"default_tablespace", "", false, NULL},
    {"default_text_search_config", "pg_catalog.simple", false, NULL},
    {"default_transaction_deferrable", "off", false, NULL},
    {"default_transaction_isolation", "read committed", false, apply_isolation},
    {"default_transaction_read_only", "off", false, apply_read_only},
    {"default_with_oids", "off", false, NULL},
    {"enable_bitmapscan", "on", false, NULL},
    {"enable_hashagg", "on", false, NULL},
    {"enable_hashjoin", "on", false, NULL},
    {"enable_indexonlyscan", "on", false, NULL},
    {"enable_indexscan", "on", false, NULL},
    {"enable_material", "on", false, NULL},
    {"enable_mergejoin", "on", false, NULL},
    {"enable_nestloop", "on", false, NULL},
    {"enable_seqscan", "on", false, NULL},
    {"enable_sort", "on", false, NULL},
    {"escape_string_warning", "on", false, NULL},
    {"extra_float_digits", "1", false, NULL},
    {"flydb.compat", "off", false, apply_compat},
    {"flydb.deterministic", "off", false, NULL},
    {"flydb.div_by_zero", "error", false, apply_div_by_zero_null},
    {"flydb.drop_dependents", "restrict", false, apply_drop_dependents_keep},
    {"flydb.int_arith", "pg", false, apply_int_arith_wide},
    {"flydb.lax_group_by", "off", false, apply_lax_group_by},
    {"flydb.lax_ops", "off", false, apply_lax_ops},
    {"flydb.lax_syntax", "off", false, apply_lax_syntax},
    {"flydb.like_nocase", "off", false, apply_like_nocase},
    {"flydb.nulls_first", "off", false, apply_nulls_first},
    {"flydb.num_case", "pg", false, apply_num_case_first},
    {"flydb.optimise", "on", false, apply_optimise},
    {"flydb.verify", "off", false, apply_verify},
    {"force_parallel_mode", "off", false, NULL},
    {"from_collapse_limit", "8", false, NULL},
    {"geqo", "on", false, NULL},
    {"idle_in_transaction_session_timeout", "0", false, apply_idle_in_txn},
    {"idle_session_timeout", "0", false, apply_idle_session},
    {"in_hot_standby", "off", true, NULL},
    {"integer_datetimes", "on", true, NULL},
    {"intervalstyle", "postgres", false, fly__sql_apply_interval_style},
    {"is_superuser", "on", true, NULL},
    {"jit", "off", false, NULL},
    {"join_collapse_limit", "8", false, NULL},
    {"lc_collate", "C", true, NULL},
    {"lc_ctype", "C.UTF-8", true, NULL},
    {"lc_messages", "C", false, NULL},
    {"lc_monetary", "C", false, NULL},
    {"lc_numeric", "C", false, NULL},
    {"lc_time", "C", false, NULL},
    {"lock_timeout", "0", false, apply_lock_timeout},
    {"log_min_messages", "warning", false, NULL},
    {"maintenance_work_mem", "64MB", false, NULL},
    {"max_identifier_length", "63", true, NULL},
    {"max_index_keys", "32", true, NULL},
    {"max_parallel_workers", "8", false, NULL},
    {"max_parallel_workers_per_gather", "2", false, NULL},
    {"min_parallel_index_scan_size", "512kB", false, NULL},
    {"min_parallel_table_scan_size", "8MB", false, NULL},
    {"parallel_leader_participation", "on", false, NULL},
    {"parallel_setup_cost", "1000", false, NULL},
    {"parallel_tuple_cost", "0.1", false, NULL},
    {"password_encryption", "scram-sha-256", false, NULL},
    {"plan_cache_mode", "auto", false, NULL},
    {"quote_all_identifiers", "off", false, NULL},
    {"random_page_cost", "1.1", false, NULL},
    {"role", "none", false, apply_role},
    {"row_security", "on", false, NULL},
    {"scram_iterations", "100000", false, apply_scram_iterations},
    {"search_path", "\"$user\", public", false, apply_search_path},
    {"seq_page_cost", "1", false, NULL},
    {"server_encoding", "UTF8", true, NULL},
    {"server_version", "15.0 (FlyDB " FLY_SQL_VERSION ")", true, NULL},
    {"server_version_num", "150000", true, NULL},
    {"session_authorization", "", false, apply_login},
    {"session_replication_role", "origin", false, NULL},
    {"standard_conforming_strings", "on", false, NULL},
    {"statement_timeout", "0", false, apply_statement_timeout},
    {"synchronize_seqscans", "on", false, NULL},
    {"synchronous_commit", "on", false, apply_synchronous},
    {"temp_buffers", "8MB", false, NULL},
    {"timezone", "Etc/UTC", false, fly__sql_apply_time_zone},
    {"transform_null_equals", "off", false, NULL},
    {"track_functions", "none", false, NULL},
    {"vacuum_cost_delay", "0", false, NULL},
    {"vacuum_freeze_min_age", "50000000", false, NULL},
    {"vacuum_freeze_table_age", "150000000", false, NULL},
    {"work_mem", "64MB", false, NULL},
    {"xmloption", "content", false, NULL},
};

enum { KNOWN_COUNT = sizeof known_settings / sizeof known_settings[0] };

static const struct known *find_known(const char *name)
{
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        if (strcasecmp(known_settings[i].name, name) == 0) {
            return &known_settings[i];
        }
    }
    return NULL;
}

/* What RESET goes back to. */
static const char *start_value(const fly_sql_session *session, const struct known *known,
                               const char *name)
{
    const fly__sql_setting_entry *at = session->state->start;
    while (at != NULL && strcasecmp(at->name, name) != 0) {
        at = at->link;
    }
    return at != NULL ? at->value : known != NULL ? known->initial : NULL;
}

const char *fly__sql_setting_known(size_t i, const char **initial)
{
    if (i >= KNOWN_COUNT) {
        return NULL;
    }
    *initial = known_settings[i].initial;
    return known_settings[i].name;
}

static fly__sql_setting_entry **find_set(fly_sql_session *session, const char *name)
{
    fly__sql_setting_entry **at = &session->state->settings;
    while (*at != NULL && strcasecmp((*at)->name, name) != 0) {
        at = &(*at)->link;
    }
    return at;
}

const char *fly__sql_setting(fly_sql_session *session, const char *name)
{
    if (strcasecmp(name, "transaction_isolation") == 0) {
        return fly__sql_isolation_name(session->txn != NULL ? session->state->txn_isolation
                                                            : session->state->isolation);
    }
    if (strcasecmp(name, "transaction_read_only") == 0) {
        return session->state->read_only ? "on" : "off";
    }
    if (strcasecmp(name, "session_authorization") == 0) {
        const fly__sql_role *login = fly__sql_role_of(session, session->state->login);
        return login == NULL ? session->user : login->name;
    }
    if (strcasecmp(name, "is_superuser") == 0) {
        return fly__sql_is_superuser(session, session->user_oid) ? "on" : "off";
    }
    const fly__sql_setting_entry *set = *find_set(session, name);
    if (set != NULL) {
        return set->value;
    }
    const struct known *known = find_known(name);
    return known == NULL ? NULL : known->initial;
}

/* -------------------------------------------------------------------- setting */

static void free_setting(fly_sql_session *session, fly__sql_setting_entry *setting)
{
    fly__sql_session_strfree(session, setting->name);
    fly__sql_session_strfree(session, setting->value);
    fly_mem_free(&session->account.mem, setting, sizeof *setting);
}

static void free_settings(fly_sql_session *session, fly__sql_setting_entry **list)
{
    while (*list != NULL) {
        fly__sql_setting_entry *setting = *list;
        *list = setting->link;
        free_setting(session, setting);
    }
}

/* Remember the value, or with NULL that it is the default. */
static fly_status store(fly_sql_session *session, const char *name, const char *value, fly_err *err)
{
    session->state->settings_version++;
    fly__sql_setting_entry **at = find_set(session, name);
    if (value == NULL) {
        fly__sql_setting_entry *old = *at;
        if (old != NULL) {
            *at = old->link;
            free_setting(session, old);
        }
        return FLY_OK;
    }
    char *copy = fly__sql_session_strdup(session, value);
    if (copy != NULL && *at == NULL) {
        *at = fly_mem_calloc(&session->account.mem, 1, sizeof **at);
        char *its_name = *at == NULL ? NULL : fly__sql_session_strdup(session, name);
        if (its_name == NULL) {
            fly_mem_free(&session->account.mem, *at, sizeof **at);
            *at = NULL;
        } else {
            (*at)->name = its_name;
        }
    }
    if (copy == NULL || *at == NULL) {
        fly__sql_session_strfree(session, copy);
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for setting \"%s\"", name);
    }
    fly__sql_session_strfree(session, (*at)->value);
    (*at)->value = copy;
    return FLY_OK;
}

static fly_status note_undo(fly_sql_session *session, const char *name, bool local, fly_err *err)
{
    const fly__sql_setting_entry *old = *find_set(session, name);
    fly__sql_setting_undo *undo = fly_mem_calloc(&session->account.mem, 1, sizeof *undo);
    char *its_name = undo == NULL ? NULL : fly__sql_session_strdup(session, name);
    char *its_value = undo == NULL || old == NULL ? NULL
                                                  : fly__sql_session_strdup(session, old->value);
    if (its_name == NULL || (old != NULL && its_value == NULL)) {
        fly__sql_session_strfree(session, its_name);
        fly_mem_free(&session->account.mem, undo, sizeof *undo);
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for setting \"%s\"", name);
    }
    undo->name = its_name;
    undo->value = its_value;
    undo->local = local;
    undo->link = session->state->undo;
    session->state->undo = undo;
    session->state->undo_count++;
    return FLY_OK;
}

static fly_status set_transaction(fly_sql_session *session, const char *name, const char *value,
                                  fly_err *err)
{
    fly_isolation isolation;
    if (strcasecmp(name, "transaction_read_only") == 0) {
        return parse_bool(value, &session->state->read_only)
                   ? FLY_OK
                   : fly_err_state(err, "22023", 0, "parameter \"%s\" requires a Boolean value",
                                   name);
    }
    if (!fly__sql_isolation_parse(value, &isolation)) {
        return fly_err_state(err, "22023", 0, "invalid value for parameter \"%s\": \"%s\"", name,
                             value);
    }
    return fly__sql_txn_isolate(session, isolation, err);
}

/* ------------------------------------------------------------------ telling clients */

/* What PostgreSQL tells its clients of, by the names that it says (GUC_REPORT). */
static const char *const reported[FLY__SQL_REPORTED] = {"application_name",
                                                        "client_encoding",
                                                        "DateStyle",
                                                        "default_transaction_read_only",
                                                        "in_hot_standby",
                                                        "integer_datetimes",
                                                        "IntervalStyle",
                                                        "is_superuser",
                                                        "server_encoding",
                                                        "server_version",
                                                        "session_authorization",
                                                        "standard_conforming_strings",
                                                        "TimeZone"};

const char *fly_sql_setting_reported(size_t i)
{
    return i < FLY__SQL_REPORTED ? reported[i] : NULL;
}

static uint64_t print_of(fly_sql_session *session, size_t i)
{
    const char *value = fly__sql_setting(session, reported[i]);
    return value == NULL ? 0 : fly_hash(value, strlen(value), 1);
}

/* Tell of what has another value than when it was told the last time. */
static void report(fly_sql_session *session)
{
    fly__sql_session_state *state = session->state;
    for (size_t i = 0; state->on_setting != NULL && i < FLY__SQL_REPORTED; i++) {
        uint64_t print = print_of(session, i);
        if (print != state->reported[i]) {
            state->reported[i] = print;
            state->on_setting(state->on_setting_ctx, reported[i],
                              fly__sql_setting(session, reported[i]));
        }
    }
}

void fly_sql_on_setting(fly_sql_session *session,
                        void (*changed)(void *ctx, const char *name, const char *value), void *ctx)
{
    for (size_t i = 0; i < FLY__SQL_REPORTED; i++) {
        session->state->reported[i] = print_of(session, i);
    }
    session->state->on_setting = changed;
    session->state->on_setting_ctx = ctx;
}

void fly_sql_session_limits(const fly_sql_session *session, fly_sql_limits *limits)
{
    const fly__sql_session_state *state = session->state;
    *limits = (fly_sql_limits){.statement_timeout_ms = state->statement_timeout_ms,
                               .lock_timeout_ms = state->lock_timeout_ms,
                               .idle_in_transaction_ms = state->idle_in_txn_timeout_ms,
                               .idle_session_ms = state->idle_session_timeout_ms};
}

static fly_status set_known(fly_sql_session *session, const char *name, const char *value,
                            bool local, fly_err *err)
{
    if (strcasecmp(name, "transaction_isolation") == 0 ||
        strcasecmp(name, "transaction_read_only") == 0) {
        return value == NULL ? FLY_OK : set_transaction(session, name, value, err);
    }
    const struct known *known = find_known(name);
    if (known == NULL && strchr(name, '.') == NULL) {
        return fly_err_state(err, "42704", 0, "unrecognized configuration parameter \"%s\"", name);
    }
    const char *initial = start_value(session, known, name);
    if (value == NULL && initial != (known != NULL ? known->initial : NULL)) {
        value = initial;
    }
    if (known != NULL && known->fixed) {
        return fly_err_state(err, "55P02", 0, "parameter \"%s\" cannot be changed", name);
    }
    fly_status status = FLY_OK;
    if (strcasecmp(name, "role") == 0 || strcasecmp(name, "session_authorization") == 0) {
        status = fly__sql_user_may_set(session, name, value, err);
    }
    if (value != NULL && strcasecmp(name, "session_replication_role") == 0 &&
        !fly__sql_is_superuser(session, session->user_oid)) {
        /* It silences triggers, which may be there to watch over who sets it. */
        status = fly_err_state(err, "42501", 0, "permission denied to set parameter \"%s\"", name);
    }
    if (status == FLY_OK && session->txn != NULL) {
        status = note_undo(session, name, local, err);
    }
    if (status == FLY_OK && known != NULL && known->apply != NULL &&
        !known->apply(session, value == NULL ? known->initial : value)) {
        status = fly_err_state(err, "22023", 0, "invalid value for parameter \"%s\": \"%s\"", name,
                               value == NULL ? known->initial : value);
    }
    if (known != NULL && known->apply == apply_encoding && value != NULL && is_utf8_name(value)) {
        value = known->initial; /* clients compare it with "UTF8" */
    }
    return status == FLY_OK ? store(session, name, value, err) : status;
}

fly_status fly_sql_session_set(fly_sql_session *session, const char *name, const char *value,
                               fly_err *err)
{
    return fly__sql_setting_set(session, name, value, false, err);
}

uint64_t fly_sql_session_set_count(const fly_sql_session *session)
{
    return session->state->settings_version;
}

fly_status fly__sql_setting_set(fly_sql_session *session, const char *name, const char *value,
                                bool local, fly_err *err)
{
    fly_status status = set_known(session, name, value, local, err);
    report(session);
    return status;
}

/* Take the newest change back, or forget that it can be. */
static void end_newest(fly_sql_session *session, bool back)
{
    fly__sql_setting_undo *undo = session->state->undo;
    session->state->undo = undo->link;
    session->state->undo_count--;
    if (back) {
        const struct known *known = find_known(undo->name);
        if (known != NULL && known->apply != NULL) {
            (void)known->apply(session, undo->value != NULL ? undo->value : known->initial);
        }
        (void)store(session, undo->name, undo->value, NULL);
    }
    fly__sql_session_strfree(session, undo->name);
    fly__sql_session_strfree(session, undo->value);
    fly_mem_free(&session->account.mem, undo, sizeof *undo);
}

void fly__sql_settings_end(fly_sql_session *session, bool committed)
{
    bool any = session->state->undo != NULL;
    while (session->state->undo != NULL) {
        end_newest(session, !committed || session->state->undo->local);
    }
    if (any) {
        report(session);
    }
}

void fly__sql_settings_back(fly_sql_session *session, uint32_t down_to)
{
    bool any = session->state->undo_count > down_to;
    while (session->state->undo_count > down_to) {
        end_newest(session, true);
    }
    if (any) {
        report(session);
    }
}

/* A setting of a name that nobody knows has no other value to go back to than none. */
static bool is_at_start(const fly_sql_session *session, const fly__sql_setting_entry *set)
{
    const char *start = start_value(session, find_known(set->name), set->name);
    return start != NULL && strcmp(start, set->value) == 0;
}

fly_status fly_sql_session_settings_start(fly_sql_session *session, fly_err *err)
{
    free_settings(session, &session->state->start);
    for (const fly__sql_setting_entry *at = session->state->settings; at != NULL; at = at->link) {
        fly__sql_setting_entry *copy = fly_mem_calloc(&session->account.mem, 1, sizeof *copy);
        if (copy == NULL) {
            return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for settings");
        }
        copy->link = session->state->start;
        session->state->start = copy;
        copy->name = fly__sql_session_strdup(session, at->name);
        copy->value = fly__sql_session_strdup(session, at->value);
        if (copy->name == NULL || copy->value == NULL) {
            free_settings(session, &session->state->start);
            return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for settings");
        }
    }
    return FLY_OK;
}

fly_status fly__sql_settings_reset(fly_sql_session *session, fly_err *err)
{
    fly_status status = FLY_OK;
    for (;;) {
        const fly__sql_setting_entry *at = session->state->settings;
        while (at != NULL && is_at_start(session, at)) {
            at = at->link;
        }
        if (at == NULL || status != FLY_OK) {
            return status;
        }
        char *name = fly__sql_session_strdup(session, at->name); /* which goes with the setting */
        status = name == NULL ? fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for settings")
                              : fly__sql_setting_set(session, name, NULL, false, err);
        fly__sql_session_strfree(session, name);
    }
}

fly_status fly__sql_settings_init(fly_sql_session *session, fly_err *err)
{
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        const struct known *known = &known_settings[i];
        if (known->apply != NULL && !known->apply(session, known->initial)) {
            return fly_err_set(err, FLY_E_NO_MEMORY, "could not set \"%s\"", known->name);
        }
    }
    return FLY_OK;
}

void fly__sql_settings_deinit(fly_sql_session *session)
{
    free_settings(session, &session->state->settings);
    free_settings(session, &session->state->start);
    fly__sql_session_strfree(session, session->state->search_path);
    session->state->search_path = NULL;
    fly__sql_settings_time_deinit(session);
}
