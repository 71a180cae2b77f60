/*
 * fly_backup(directory): a copy of the session's database while it is in use. Gives the LSN that the copy
 * is consistent with. Superusers only: the server writes the files.
 *
 * What is not here: restoring, which a server cannot do to itself (archive.c).
 */
#include "functions.h"

#include <stdio.h>
#include <string.h>

static fly_status must_be_superuser(flyd_server *server, fly_sql_call *call, const char *function)
{
    fly_sql_role role;
    const char *user = fly_sql_session_user(call->session);
    fly_status status = fly_sql_role_find(server->sql, user, &role, call->err);
    if (status == FLY_OK && role.superuser) {
        return FLY_OK;
    }
    return fly_err_state(call->err, "42501", 0, "permission denied for function %s", function);
}

static fly_status backup(fly_sql_call *call, const fly_vec_value *args, fly_vec_value *result)
{
    flyd_server *server = call->ctx;
    char dir[FLY_PATH_MAX];
    uint64_t lsn = 0;
    fly_status status = must_be_superuser(server, call, "fly_backup");
    if (status != FLY_OK) {
        return status;
    }
    fly_bytes given = fly_vec_str_bytes(&args[0].str);
    if (given.len == 0 || given.len >= sizeof dir || given.data[0] != '/' ||
        memchr(given.data, 0, given.len) != NULL) {
        return fly_err_state(call->err, "22023", 0, "a backup goes to an absolute path");
    }
    memcpy(dir, given.data, given.len);
    dir[given.len] = '\0';
    const char *database = fly_sql_session_database(call->session);
    status = fly_sql_backup(server->sql, database, dir, &lsn, call->err);
    if (status == FLY_OK) {
        flyd_say(server->log, FLY_LOG_INFO, "backup made", "database", database, "directory", dir,
                 NULL);
        result->i64 = (int64_t)lsn;
    }
    return status;
}

fly_status flyd_functions_register(flyd_server *server, fly_err *err)
{
    const fly_sql_scalar function = {
        .name = "fly_backup",
        .argc = 1,
        .args = {FLY_SQL_TEXT},
        .result = FLY_SQL_INT8,
        .call = backup,
        .ctx = server,
    };
    return fly_sql_register_scalar(server->sql, &function, err);
}
