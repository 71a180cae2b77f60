/*
 * Readers of what comes from outside: SCRAM messages on both sides, verifiers, tokens.
 *
 * Byte 0 chooses the reader and whether the channel is bound; the rest is the message. A server is first
 * taken to the step in question by a good message. Nothing proves itself without the password, which the
 * target does not use.
 */
#include <fly/auth.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool fact)
{
    if (!fact) {
        abort();
    }
}

static fly_status zeros(fly_env *env, void *buffer, size_t len, fly_err *err)
{
    (void)env;
    (void)err;
    memset(buffer, 0, len);
    return FLY_OK;
}

static void serve(fly_env *env, fly_bytes message, bool final, bool plus)
{
    static const uint8_t secret[FLY_AUTH_KEY];
    static const fly_auth_binding binding = {.len = 32};
    fly_auth_server server;
    fly_auth_scram scram;
    fly_bytes answer;
    char reply[FLY_AUTH_MESSAGE_MAX];
    size_t len = 0;
    bool proven = false;
    const char *first = plus ? "p=tls-server-end-point,,n=,r=a" : "n,,n=,r=a";
    must(fly_auth_scram_mock(secret, fly_bytes_str("u"), 1, &scram, NULL) == FLY_OK);
    must(fly_auth_server_begin(&server, env, &scram, plus, &binding, NULL) == FLY_OK);
    if (!final) {
        if (fly_auth_server_first(&server, message, &answer, NULL) == FLY_OK) {
            must(answer.len < FLY_AUTH_MESSAGE_MAX);
        }
        return;
    }
    must(fly_auth_server_first(&server, fly_bytes_str(first), &answer, NULL) == FLY_OK);
    if (fly_auth_server_final(&server, message, &proven, reply, &len, NULL) == FLY_OK) {
        must(!proven && len == 0);
    }
}

static void connect_to(fly_env *env, fly_bytes message, bool verify)
{
    fly_auth_client client;
    char reply[FLY_AUTH_MESSAGE_MAX];
    size_t len = 0;
    must(fly_auth_client_begin(&client, env, fly_bytes_str(""), fly_bytes_str("x"), false, NULL,
                               NULL) == FLY_OK);
    client.step = verify ? 1 : 0;
    if (verify) {
        must(fly_auth_client_verify(&client, message, NULL) != FLY_OK ||
             memcmp(client.signature, (uint8_t[FLY_AUTH_KEY]){0}, FLY_AUTH_KEY) == 0);
    } else if (message.len < 200 &&
               fly_auth_client_final(&client, message, reply, &len, NULL) == FLY_OK) {
        must(len < FLY_AUTH_MESSAGE_MAX);
    }
    fly_auth_client_end(&client);
}

static void read_verifier(fly_bytes text)
{
    fly_auth_scram scram;
    char again[FLY_AUTH_VERIFIER_SIZE];
    uint8_t hash[FLY_AUTH_KEY];
    if (fly_auth_scram_decode(text, &scram, NULL) == FLY_OK) {
        size_t len = fly_auth_scram_encode(&scram, again);
        must(fly_bytes_equal(fly_bytes_of(again, len), text));
    }
    (void)fly_auth_kind_of(text);
    must(fly_auth_token_hash(text, hash, NULL) == FLY_OK || text.len != FLY_AUTH_TOKEN_SIZE - 1 ||
         memcmp(text.data, "fly_", 4) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fly_env env = {.random = zeros};
    if (size == 0) {
        return 0;
    }
    fly_bytes message = fly_bytes_of(data + 1, size - 1);
    switch (data[0] & 7) {
    case 0:
    case 1:
        serve(&env, message, (data[0] & 1) != 0, (data[0] & 8) != 0);
        break;
    case 2:
    case 3:
        connect_to(&env, message, (data[0] & 1) != 0);
        break;
    default:
        read_verifier(message);
        break;
    }
    return 0;
}
