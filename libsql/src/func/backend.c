/*
 * Functions about sessions: who they are, ending them, who waits for whom.
 */
#include "func/call_int.h"

#include "catalog/right_int.h"
#include "session/engine_int.h"
#include "session/session_int.h"
#include "session/statements_int.h"
#include "types/array_int.h"

enum { BLOCKERS_MAX = 64 };

ROW(pg_backend_pid)
{
    return give_i32(result,
                    call->session == NULL ? 0 : (int32_t)fly_sql_session_pid(call->session));
}

/* Whether the user may cancel or end a session; `*found` false, and a warning: there is none. */
static fly_status may_signal(fly__sql_call *call, int32_t pid, bool terminate, bool *found)
{
    fly_sql_session *session = call->session;
    fly__sql_backend_seen seen;
    const char *what = terminate ? "terminate" : "cancel";
    *found = pid > 0 && fly__sql_backend_find(session->sql, (uint32_t)pid, &seen);
    if (!*found) {
        fly__sql_notice(session, "WARNING", "01000", "PID %d is not a PostgreSQL backend process",
                        (int)pid);
        return FLY_OK;
    }
    if (fly__sql_is_superuser(session, session->user_oid)) {
        return FLY_OK;
    }
    if (fly__sql_is_superuser(session, seen.user_oid)) {
        return fly_err_state(call->err, "42501", 0, "must be a superuser to %s superuser %s", what,
                             terminate ? "process" : "query");
    }
    if (!fly__sql_is_member(session, session->user_oid, seen.user_oid, true) &&
        !fly__sql_is_member(session, session->user_oid, FLY__SQL_ROLE_SIGNAL_BACKEND, true)) {
        return fly_err_state(call->err, "42501", 0,
                             "must be a member of the role whose %s or member of "
                             "pg_signal_backend",
                             terminate ? "process is being terminated" : "query is being canceled");
    }
    return FLY_OK;
}

ROW(pg_cancel_backend)
{
    bool found = false;
    fly_status status = may_signal(call, args[0].i32, false, &found);
    if (status == FLY_OK && found) {
        found = fly__sql_backend_cancel(call->session->sql, (uint32_t)args[0].i32);
    }
    return status == FLY_OK ? give_bool(result, found) : status;
}

/* With a time-out: wait until it is gone. */
ROW(pg_terminate_backend)
{
    bool found = false;
    int64_t timeout_ms = call->argc > 1 ? args[1].i64 : 0;
    if (timeout_ms < 0) {
        return fly_err_state(call->err, "22003", 0, "\"timeout\" must not be negative");
    }
    fly_status status = may_signal(call, args[0].i32, true, &found);
    if (status != FLY_OK || !found) {
        return status == FLY_OK ? give_bool(result, false) : status;
    }
    fly_sql *sql = call->session->sql;
    uint32_t pid = (uint32_t)args[0].i32;
    found = fly_sql_terminate_backend(sql, pid);
    uint64_t end = fly_now() + (uint64_t)timeout_ms * 1000000;
    bool gone = timeout_ms == 0;
    while (!gone && fly_now() < end) {
        fly__sql_backend_seen seen;
        status = fly__sql_check_cancel(call->session, call->err);
        if (status != FLY_OK) {
            return status;
        }
        gone = !fly__sql_backend_find(sql, pid, &seen);
        if (!gone) {
            fly_sleep(5000000);
        }
    }
    if (!gone) {
        fly__sql_notice(call->session, "WARNING", "01000",
                        "backend with PID %d did not terminate within %lld milliseconds", (int)pid,
                        (long long)timeout_ms);
    }
    return give_bool(result, found && gone);
}

ROW(pg_blocking_pids)
{
    uint32_t pids[BLOCKERS_MAX];
    size_t count = args[0].i32 > 0 ? fly__sql_backend_blockers(call->session, (uint32_t)args[0].i32,
                                                               pids, BLOCKERS_MAX)
                                   : 0;
    fly__sql_array_builder builder;
    fly__sql_array_begin(&builder, fly__sql_type(FLY_SQL_INT4), call->arena);
    fly_status status = FLY_OK;
    for (size_t i = 0; status == FLY_OK && i < count; i++) {
        fly_vec_value pid = {.i32 = (int32_t)pids[i]};
        status = fly__sql_array_add(&builder, &pid, call->err);
    }
    result->null = false;
    return status == FLY_OK ? fly__sql_array_end(&builder, &result->str, call->err) : status;
}

/* Whether one of the given processes holds a session up: what isolationtester asks. */
ROW(pg_isolation_test_session_is_blocked)
{
    uint32_t pids[BLOCKERS_MAX];
    fly__sql_array array;
    fly_status status = fly__sql_array_open(&args[1].str, &array, call->err);
    if (status != FLY_OK) {
        return status;
    }
    size_t count = args[0].i32 > 0 ? fly__sql_backend_blockers(call->session, (uint32_t)args[0].i32,
                                                               pids, BLOCKERS_MAX)
                                   : 0;
    bool blocked = false;
    fly__sql_array_iter iter = {0};
    fly_vec_value pid;
    while (fly__sql_array_next(&array, &iter, &pid)) {
        for (size_t i = 0; !pid.null && i < count; i++) {
            blocked = blocked || (uint32_t)pid.i32 == pids[i];
        }
    }
    return give_bool(result, blocked);
}

ROW(pg_stat_statements_reset)
{
    if (!fly__sql_is_superuser(call->session, call->session->user_oid)) {
        return fly_err_state(call->err, "42501", 0,
                             "permission denied for function pg_stat_statements_reset");
    }
    fly__sql_stats_reset(call->session->sql);
    return give_i32(result, 0);
}

/* ------------------------------------------------------------------ notifications */

static fly_bytes bytes_or_none(const fly_vec_value *value)
{
    return value->null ? fly_bytes_of(NULL, 0) : fly_vec_str_bytes(&value->str);
}

ROW(pg_notify)
{
    fly_status status =
        fly__sql_notify(call->session, bytes_or_none(&args[0]), bytes_or_none(&args[1]), call->err);
    return status == FLY_OK ? give_i32(result, 0) : status;
}

ROW(pg_notification_queue_usage)
{
    return give_f64(result, fly__sql_notify_usage(call->session));
}

typedef struct channels {
    const void *at;
    bool ended;
} channels;

static fly_status channels_open(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    (void)call;
    (void)args;
    *(channels *)state = (channels){0};
    return FLY_OK;
}

static fly_status channels_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    channels *s = state;
    const char *name = s->ended ? NULL : fly__sql_channel_next(call->session, &s->at);
    s->ended = name == NULL;
    if (s->ended) {
        return FLY_E_END;
    }
    row->null = false;
    row->str = fly_vec_str_of(name, strlen(name));
    return FLY_OK;
}

const fly__sql_set_function fly__sql_set_listening_channels = {
    .state_size = sizeof(channels), .open = channels_open, .next = channels_next};
