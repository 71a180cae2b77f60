/*
 * Connecting: dial, TLS if wanted, and the SCRAM exchange with libauth's client side.
 *
 * With TLS the exchange is bound to the server's certificate (SCRAM-SHA-256-PLUS) whenever that can be
 * done: somebody in the middle, even one with a certificate that is believed, gets no further.
 */
#include "client_int.h"

#include <stdio.h>
#include <string.h>

static const char *or_default(const char *text, const char *otherwise)
{
    return text != NULL && text[0] != 0 ? text : otherwise;
}

/* One Auth, and what the server says to it. */
static fly_status exchange(fly_client *client, const fly_client_options *options,
                           const char *mechanism, fly_bytes data, uint64_t *next, fly_bytes *reply,
                           fly_err *err)
{
    fly_frame_in in;
    fly_status status = fly__client_begin(client, FLY_FRAME_AUTH, 0, err);
    if (status != FLY_OK) {
        return status;
    }
    fly_frame_out *out = &client->out;
    fly_frame_put_text(out, "mechanism", fly_bytes_str(mechanism));
    fly_frame_put_text(out, "user", fly_bytes_str(or_default(options->user, "admin")));
    fly_frame_put_text(out, "database", fly_bytes_str(or_default(options->database, "")));
    fly_frame_put_text(out, "application",
                       fly_bytes_str(or_default(options->application, "flyclient")));
    fly_frame_put_text(out, "data", data);
    status = fly__client_ask(client, FLY_FRAME_AUTH, &in, err);
    if (status != FLY_OK) {
        return status;
    }
    *next = fly_frame_get_uint(&in, "next");
    *reply = fly_frame_get_text(&in, "data");
    client->pid = (uint32_t)fly_frame_get_uint(&in, "pid");
    client->secret = (uint32_t)fly_frame_get_uint(&in, "secret");
    if (fly_frame_in_status(&in, NULL) != FLY_OK || *next > FLY_FRAME_SEND_PASSWORD) {
        return fly__client_nonsense(client, "Auth", err);
    }
    return FLY_OK;
}

static fly_status send_password(fly_client *client, const fly_client_options *options,
                                fly_bytes password, fly_err *err)
{
    uint64_t next = 0;
    fly_bytes reply;
    if (!options->send_password || client->ssl == NULL) {
        fly_status status = fly_err_set(err, FLY_E_PERMISSION,
                                        "the server wants the password itself, which is not sent");
        fly_err_hint(err, "This user's verifier is not of SCRAM. Connect with TLS and allow the "
                          "password to be sent.");
        return status;
    }
    fly_status status = exchange(client, options, "PLAIN", password, &next, &reply, err);
    if (status == FLY_OK && next != FLY_FRAME_LOGGED_IN) {
        status = fly__client_nonsense(client, "Auth", err);
    }
    return status;
}

static fly_status scram(fly_client *client, fly_auth_client *auth,
                        const fly_client_options *options, const char *mechanism,
                        fly_bytes password, fly_err *err)
{
    char message[FLY_AUTH_MESSAGE_MAX];
    size_t len = 0;
    uint64_t next = 0;
    fly_bytes reply;
    fly_status status =
        exchange(client, options, mechanism, fly_auth_client_first(auth), &next, &reply, err);
    if (status == FLY_OK && next == FLY_FRAME_SEND_PASSWORD) {
        return send_password(client, options, password, err);
    }
    if (status == FLY_OK && next != FLY_FRAME_CONTINUE) {
        /* Let in without having proven anything, by a server that has not either. */
        return fly__client_nonsense(client, "Auth", err);
    }
    if (status == FLY_OK) {
        status = fly_auth_client_final(auth, reply, message, &len, err);
    }
    if (status == FLY_OK) {
        status =
            exchange(client, options, mechanism, fly_bytes_of(message, len), &next, &reply, err);
    }
    if (status == FLY_OK && next != FLY_FRAME_LOGGED_IN) {
        return fly__client_nonsense(client, "Auth", err);
    }
    return status == FLY_OK ? fly_auth_client_verify(auth, reply, err) : status;
}

static fly_status log_in(fly_client *client, const fly_client_options *options, fly_err *err)
{
    fly_auth_binding binding;
    fly_auth_client auth;
    fly_bytes password = fly_bytes_str(or_default(options->password, ""));
    fly__client_binding(client, &binding);
    bool plus = binding.len > 0;
    fly_status status = fly_auth_client_begin(&auth, client->env, fly_bytes_str(""), password, plus,
                                              plus ? &binding : NULL, err);
    if (status != FLY_OK) {
        return status;
    }
    status =
        scram(client, &auth, options, plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256", password, err);
    fly_auth_client_end(&auth);
    return status;
}

static fly_status encrypt(fly_client *client, const fly_client_options *options, fly_err *err)
{
    fly_frame_in in;
    fly_status status = fly__client_begin(client, FLY_FRAME_START_TLS, 0, err);
    if (status == FLY_OK) {
        status = fly__client_ask(client, FLY_FRAME_START_TLS, &in, err);
    }
    return status != FLY_OK ? status : fly__client_start_tls(client, options, err);
}

fly_status fly_client_connect(fly_env *env, const fly_client_options *options, fly_client **client,
                              fly_err *err)
{
    fly_client *made = fly_mem_calloc(env->mem, 1, sizeof *made);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "no memory for a connection");
    }
    made->env = env;
    made->fd = -1;
    made->state = 'I';
    fly_frame_out_init(&made->out, env->mem);
    fly_arena_init(&made->arena, env->mem, 1024);
    fly_arena_init(&made->result.about, env->mem, 1024);
    fly_arena_init(&made->result.row, env->mem, 1024);
    made->result.client = made;
    fly_status status = fly__client_dial(made, options, err);
    if (status == FLY_OK && options->tls != FLY_CLIENT_TLS_OFF) {
        status = encrypt(made, options, err);
    }
    if (status == FLY_OK) {
        status = log_in(made, options, err);
    }
    if (status != FLY_OK) {
        made->broken = true;
        fly_client_close(made);
        return status;
    }
    fly__client_patience(made->fd, options->timeout_ms);
    *client = made;
    return FLY_OK;
}

void fly_client_close(fly_client *client)
{
    if (client == NULL) {
        return;
    }
    fly_mem *mem = client->env->mem;
    if (!client->broken && !client->result.open) {
        /* Whether it is heard makes no difference. */
        fly_frame_begin(&client->out, FLY_FRAME_QUIT, 0);
        if (fly_frame_end(&client->out, NULL) == FLY_OK) {
            (void)!fly__client_send(client, NULL);
        }
    }
    fly__client_hang_up(client);
    fly_arena_deinit(&client->result.row);
    fly_arena_deinit(&client->result.about);
    fly_arena_deinit(&client->arena);
    fly_frame_out_deinit(&client->out);
    fly_mem_free(mem, client->in, client->in_size);
    fly_mem_free(mem, client, sizeof *client);
}

bool fly_client_broken(const fly_client *client)
{
    return client->broken;
}

char fly_client_state(const fly_client *client)
{
    return client->state;
}

uint32_t fly_client_pid(const fly_client *client)
{
    return client->pid;
}

const char *fly_client_encryption(const fly_client *client)
{
    return client->encryption;
}

void fly_client_on_notice(fly_client *client,
                          void (*notice)(void *ctx, const char *severity, const fly_err *notice),
                          void *ctx)
{
    client->notice = notice;
    client->notice_ctx = ctx;
}

void fly_client_on_event(fly_client *client,
                         void (*event)(void *ctx, const fly_client_event *event), void *ctx)
{
    client->event = event;
    client->event_ctx = ctx;
}
