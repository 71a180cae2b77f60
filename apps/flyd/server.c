/*
 * The server: engine, first start, fronts, in the order in which they need each other.
 *
 * What is not here: the protocols (libnet), and when all this happens (main.c).
 */
#define _POSIX_C_SOURCE 200809L

#include "server.h"

#include "archive.h"
#include "fronts.h"
#include "functions.h"

#include <fly/auth.h>
#include <fly/net_server.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --------------------------------------------------------------------------- engine */

static fly_store_options store_options(const flyd_settings *settings)
{
    /* Settings count durability from 0, the library from its default. */
    static const fly_durability levels[] = {FLY_DURABILITY_FULL, FLY_DURABILITY_ASYNC,
                                            FLY_DURABILITY_OFF};
    return (fly_store_options){
        .page_size = (uint32_t)settings->page_size,
        .pool_bytes = (uint64_t)settings->buffer_pool_size,
        .durability = levels[settings->durability],
        .async_ms = (uint32_t)settings->async_interval,
        .wal_segment_size = (uint32_t)settings->wal_segment_size,
        .checkpoint_bytes = (uint64_t)settings->checkpoint_size,
        .checkpoint_secs = (uint32_t)(settings->checkpoint_secs / 1000),
        .lock_timeout_ms = (uint32_t)settings->lock_timeout,
    };
}

static fly_status open_engine(flyd_server *server, const flyd_settings *settings, fly_err *err)
{
    fly_store_options store = store_options(settings);
    if (settings->archive_dir[0] != '\0') {
        fly_status status = flyd_archive_make(settings->archive_dir, err);
        server->archive_dir = strdup(settings->archive_dir);
        if (status != FLY_OK || server->archive_dir == NULL) {
            return status != FLY_OK ? status : fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
        }
        store.archive = flyd_archive;
        store.archive_ctx = server->archive_dir;
    }
    fly_sql_options options = {
        .create = true,
        .memory_bytes = (uint64_t)settings->query_memory,
        .threads = (uint32_t)settings->query_threads,
        .store = &store,
    };
    bool in_memory = settings->storage_engine == FLYD_ENGINE_MEMORY;
    return fly_sql_open(&server->env, in_memory ? ":memory:" : settings->data_dir, &options,
                        &server->sql, err);
}

/* ---------------------------------------------------------------------- first start */

/* The password goes to standard error, not to the log, which others may read. */
static fly_status make_password(flyd_server *server, char password[FLY_AUTH_PASSWORD_SIZE],
                                fly_err *err)
{
    fly_status status = fly_auth_password_make(&server->env, password, err);
    if (status == FLY_OK) {
        (void)fprintf(stderr,
                      "\nThe password of user \"admin\" is  %s  and is shown only this once.\n\n",
                      password);
    }
    return status;
}

/* Somebody must be able to log in: the administrator has a password from the first start on. */
static fly_status give_password(flyd_server *server, fly_err *err)
{
    fly_sql_role admin;
    char made[FLY_AUTH_PASSWORD_SIZE];
    char verifier[FLY_AUTH_VERIFIER_SIZE];
    fly_status status = fly_sql_role_find(server->sql, "admin", &admin, err);
    if (status == FLY_E_NOT_FOUND || (status == FLY_OK && admin.has_verifier)) {
        return FLY_OK; /* the administrators have seen to it themselves */
    }
    const char *given = getenv("FLYD_ADMIN_PASSWORD");
    if (status == FLY_OK && given != NULL) {
        status = fly_auth_policy_check(NULL, fly_bytes_str("admin"), fly_bytes_str(given), err);
        if (status != FLY_OK) {
            return fly_err_prefix(err, status, "FLYD_ADMIN_PASSWORD");
        }
    } else if (status == FLY_OK) {
        status = make_password(server, made, err);
        given = made;
    }
    if (status == FLY_OK) {
        status =
            fly_auth_scram_make(&server->env, fly_bytes_str(given), FLY_AUTH_ROUNDS, verifier, err);
    }
    if (status == FLY_OK) {
        status = fly_sql_role_set_verifier(server->sql, "admin", verifier, err);
    }
    fly_auth_cleanse(made, sizeof made);
    fly_auth_cleanse(verifier, sizeof verifier);
    (void)unsetenv("FLYD_ADMIN_PASSWORD");
    return status;
}

/* -------------------------------------------------------------------------- INSPECT */

static void inspect(void *ctx, bool status, fly_sql_tell *tell, void *to)
{
    const flyd_server *server = ctx;
    char number[24];
    if (status) {
        uint64_t seconds = (fly_now() - server->begun) / 1000000000;
        (void)snprintf(number, sizeof number, "%llu", (unsigned long long)seconds);
        tell(to, "uptime_s", number);
    } else {
        (void)snprintf(number, sizeof number, "%ld", (long)getpid());
        tell(to, "server", "flyd " FLYD_VERSION);
        tell(to, "pid", number);
    }
    flyd_fronts_inspect(server, status, tell, to);
}

/* -------------------------------------------------------------------------- logging */

/* A statement that took long: its text, but no password, and not more than is good to read. */
static void slow(void *ctx, fly_sql_session *session, fly_bytes text, uint64_t us)
{
    enum { SHOWN_MAX = 1024 };
    flyd_server *server = ctx;
    fly_bytes shown = fly_server_loggable(text);
    bool cut = shown.len > SHOWN_MAX;
    fly_log(&server->env, FLY_LOG_WARNING, "slow statement: %llu.%03llu ms, user \"%s\": %.*s%s",
            (unsigned long long)us / 1000, (unsigned long long)us % 1000,
            fly_sql_session_user(session), cut ? SHOWN_MAX : (int)shown.len,
            (const char *)shown.data, cut ? " ..." : "");
}

/* No time is still a time: then every statement is told. */
static void set_slow(flyd_server *server, const flyd_settings *settings)
{
    uint64_t us = settings->log_slow < 0 ? 0 : (uint64_t)settings->log_slow * 1000;
    fly_sql_on_slow(server->sql, settings->log_slow == 0 ? 1 : us, slow, server);
}

/* ------------------------------------------------------------------------- together */

fly_status flyd_server_open(flyd_server *server, const flyd_settings *settings, flyd_log *log,
                            fly_err *err)
{
    *server = (flyd_server){
        .log = log,
        .lock = -1,
        .begun = fly_now(),
        .fresh = true,
        .ports = {FLYD_OFF, FLYD_OFF, FLYD_OFF, FLYD_OFF, FLYD_OFF},
    };
    fly_env_init(&server->env);
    flyd_log_adopt(log, &server->env);
    fly_status status = FLY_OK;
    if (settings->storage_engine == FLYD_ENGINE_DISK) {
        status = flyd_take_directory(settings->data_dir, &server->lock, &server->fresh, err);
    }
    if (status == FLY_OK) {
        status = open_engine(server, settings, err);
    }
    if (status == FLY_OK) {
        fly_sql_on_inspect(server->sql, inspect, server);
        set_slow(server, settings);
        status = flyd_functions_register(server, err);
    }
    if (status == FLY_OK) {
        status = give_password(server, err);
    }
    if (status == FLY_OK) {
        status = flyd_fronts_open(server, settings, err);
    }
    return status;
}

fly_status flyd_server_reload(flyd_server *server, const flyd_settings *settings, fly_err *err)
{
    set_slow(server, settings);
    return flyd_fronts_reload(server, settings, err);
}

void flyd_server_tick(flyd_server *server)
{
    flyd_fronts_tick(server);
}

bool flyd_server_drain(flyd_server *server, int ms)
{
    return flyd_fronts_drain(server, ms);
}

fly_status flyd_server_close(flyd_server *server, fly_err *err)
{
    flyd_fronts_close(server);
    fly_status status = server->sql != NULL ? fly_sql_close(server->sql, err) : FLY_OK;
    free(server->archive_dir);
    if (server->lock >= 0) {
        (void)close(server->lock);
    }
    return status;
}
