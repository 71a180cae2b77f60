/*
 * pg_test_server FILE [DIRECTORY]: a server of PostgreSQL's protocol on a free port of this machine,
 * which is written to FILE, until it gets SIGTERM; its data is gone afterwards, or in DIRECTORY. The user
 * "admin" has the password "admin".
 */
#define _POSIX_C_SOURCE 200809L /* signals */

#include <fly/net_pg.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

static int fail(const fly_err *err)
{
    fprintf(stderr, "pg_test_server: %s\n", err->message);
    return 1;
}

static fly_status tell_port(const char *file, uint16_t port, fly_err *err)
{
    FILE *out = fopen(file, "w");
    if (out == NULL) {
        return fly_err_set(err, FLY_E_IO, "could not write \"%s\"", file);
    }
    fprintf(out, "%u\n", (unsigned)port);
    (void)fclose(out);
    return FLY_OK;
}

static fly_status serve(fly_net *net, const char *file, fly_pg *pg, fly_err *err)
{
    uint16_t port = 0;
    const fly_net_listener listener = {
        .host = "127.0.0.1", .protocol = &fly_pg_protocol, .ctx = pg};
    fly_status status = fly_net_listen(net, &listener, &port, err);
    if (status == FLY_OK) {
        status = fly_net_start(net, err);
    }
    if (status == FLY_OK) {
        status = tell_port(file, port, err);
    }
    return status;
}

int main(int argc, char **argv)
{
    fly_env env;
    fly_err err = {0};
    fly_sql *sql = NULL;
    fly_net *net = NULL;
    fly_server *server = NULL;
    fly_pg *pg = NULL;
    int caught;
    sigset_t signals;
    if (argc < 2) {
        fprintf(stderr, "usage: pg_test_server FILE [DIRECTORY]\n");
        return 2;
    }
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    fly_env_init(&env);
    const fly_sql_options options = {.create = true};
    fly_status status = fly_sql_open(&env, argc > 2 ? argv[2] : ":memory:", &options, &sql, &err);
    if (status == FLY_OK) {
        status = fly_server_create(&env, sql, NULL, &server, &err);
    }
    if (status == FLY_OK) {
        status = fly_server_set_password(server, "admin", "admin", &err);
    }
    if (status == FLY_OK) {
        status = fly_pg_create(&env, &(fly_pg_options){.server = server}, &pg, &err);
    }
    if (status == FLY_OK) {
        status = fly_net_create(&env, NULL, &net, &err);
    }
    if (status == FLY_OK) {
        status = serve(net, argv[1], pg, &err);
    }
    if (status == FLY_OK) {
        (void)sigwait(&signals, &caught);
        fly_pg_cancel_all(pg);
        if (fly_net_drain(net, fly_now() + 1000000000) != FLY_OK) {
            fprintf(stderr, "pg_test_server: some clients are cut off\n");
        }
    }
    fly_net_close(net);
    fly_pg_destroy(pg);
    fly_server_destroy(server);
    if (sql != NULL) {
        fly_status closed = fly_sql_close(sql, status == FLY_OK ? &err : NULL);
        status = status == FLY_OK ? closed : status;
    }
    return status == FLY_OK ? 0 : fail(&err);
}
