/*
 * SCRAM-SHA-256 and -PLUS: both sides.
 *
 *     client                                                        server
 *     n,,n=,r=<c>                       ── client-first ──>
 *                                       <── server-first ──         r=<c><s>,s=<salt>,i=<rounds>
 *     c=<binding>,r=<c><s>,p=<proof>    ── client-final ──>
 *                                       <── server-final ──         v=<signature>
 *
 *     everything said = client-first without its header "," server-first "," client-final without proof
 *     proof     = client key XOR HMAC(stored key, everything said)
 *     signature = HMAC(server key, everything said)
 *
 *     S1  a step is taken once and in order; after a failure none is taken
 *     S2  an unknown user's exchange is the same, message for message, until the last comparison
 *     S3  with a binding on our side, a client that could bind and does not is refused: somebody
 *         between us told it that we cannot
 *
 * The messages are read strictly, attribute by attribute, as the grammar of RFC 5802 has them. Errors
 * are worded as PostgreSQL words them, since its drivers' tests compare.
 *
 * What is not here: authorisation identities ("log in as a, act as b"), and SASLprep.
 *
 * @source RFC 5802, RFC 7677, RFC 5929 for tls-server-end-point.
 */
#include "auth_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    CLIENT_ROUNDS_MIN = 4096, /* RFC 7677, section 4 */
    STEP_FAILED = 255,
    NONCE_BYTES = FLY_AUTH_NONCE / 4 * 3,
    SAID_MAX = 3 * FLY_AUTH_MESSAGE_MAX + 2,
    HEADER_MAX = 32 /* "p=tls-server-end-point,," */
};

static const char end_point[] = "tls-server-end-point";

/* ------------------------------------------------------------------- what both need */

static fly_status make_nonce(fly_env *env, char nonce[FLY_AUTH_NONCE + 1], fly_err *err)
{
    uint8_t bytes[NONCE_BYTES];
    fly_status status = env->random(env, bytes, sizeof bytes, err);
    if (status == FLY_OK) {
        nonce[fly__auth_base64_encode(bytes, sizeof bytes, nonce)] = 0;
    }
    return status;
}

/* Append to a text in a buffer. The caller has made sure that it fits. */
static void add(char *text, size_t *len, size_t size, const void *data, size_t data_len)
{
    FLY_ASSERT(data_len <= size - *len);
    if (data_len > 0) {
        memcpy(text + *len, data, data_len);
    }
    *len += data_len;
}

static void add_text(char *text, size_t *len, size_t size, const char *more)
{
    add(text, len, size, more, strlen(more));
}

static fly_bytes said(char buffer[SAID_MAX], fly_bytes first, fly_bytes reply, fly_bytes final)
{
    size_t len = 0;
    add(buffer, &len, SAID_MAX, first.data, first.len);
    add(buffer, &len, SAID_MAX, ",", 1);
    add(buffer, &len, SAID_MAX, reply.data, reply.len);
    add(buffer, &len, SAID_MAX, ",", 1);
    add(buffer, &len, SAID_MAX, final.data, final.len);
    return fly_bytes_of(buffer, len);
}

/* What c= has to say: the header again, and with 'p' the certificate's hash. */
static size_t binding_text(char flag, const fly_auth_binding *binding,
                           char out[FLY_AUTH_BASE64_SIZE(HEADER_MAX + FLY_AUTH_BINDING_MAX)])
{
    uint8_t data[HEADER_MAX + FLY_AUTH_BINDING_MAX];
    char header[HEADER_MAX];
    size_t len = (size_t)(flag == 'p' ? snprintf(header, sizeof header, "p=%s,,", end_point)
                                      : snprintf(header, sizeof header, "%c,,", flag));
    memcpy(data, header, len);
    if (flag == 'p') {
        memcpy(data + len, binding->hash, binding->len);
        len += binding->len;
    }
    return fly__auth_base64_encode(data, len, out);
}

static bool printable(fly_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x21 || text.data[i] > 0x7e || text.data[i] == ',') {
            return false;
        }
    }
    return text.len > 0;
}

/* Take "x=value" off the front of a message. */
static bool attribute(fly_bytes *rest, char name, fly_bytes *value)
{
    if (rest->len < 2 || rest->data[0] != (uint8_t)name || rest->data[1] != '=') {
        return false;
    }
    *rest = fly_bytes_of(rest->data + 2, rest->len - 2);
    if (!fly__auth_cut(rest, ',', value)) {
        *value = *rest;
        *rest = fly_bytes_of(rest->data + rest->len, 0);
    }
    return true;
}

/* ----------------------------------------------------------------------- the server */

static fly_status malformed(fly_err *err, const char *detail)
{
    fly_status status = fly_err_state(err, "08P01", 0, "malformed SCRAM message");
    fly_err_detail(err, "%s", detail);
    return status;
}

/* A NUL would end the message for whoever prints it. */
static fly_status check_size(fly_bytes message, fly_err *err)
{
    if (message.len == 0) {
        return malformed(err, "The message is empty.");
    }
    if (message.len > FLY_AUTH_MESSAGE_MAX) {
        return malformed(err, "The message is too long.");
    }
    if (memchr(message.data, 0, message.len) != NULL) {
        return malformed(err, "Message length does not match input length.");
    }
    return FLY_OK;
}

fly_status fly_auth_server_begin(fly_auth_server *server, fly_env *env, const fly_auth_scram *scram,
                                 bool plus, const fly_auth_binding *binding, fly_err *err)
{
    memset(server, 0, sizeof *server);
    server->scram = *scram;
    server->plus = plus;
    if (binding != NULL) {
        FLY_ASSERT(binding->len <= FLY_AUTH_BINDING_MAX);
        server->binding = *binding;
    }
    if (plus && server->binding.len == 0) {
        server->step = STEP_FAILED;
        return fly_err_state(err, "08P01", 0,
                             "client selected an invalid SASL authentication "
                             "mechanism");
    }
    return make_nonce(env, server->nonce, err);
}

static fly_status negotiation_error(fly_err *err)
{
    fly_status status = fly_err_state(err, "28000", 0, "SCRAM channel binding negotiation error");
    fly_err_detail(err,
                   "The client supports SCRAM channel binding but thinks the server does not.  "
                   "However, this server does support channel binding.");
    return status;
}

/* The first attribute: whether the client binds to the channel, and to what. */
static fly_status read_flag(fly_auth_server *server, fly_bytes flag, fly_err *err)
{
    bool none = flag.len == 1 && (flag.data[0] == 'n' || flag.data[0] == 'y');
    server->flag = flag.len > 0 ? (char)flag.data[0] : 0;
    if (none && server->plus) {
        return malformed(err, "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does "
                              "not include channel binding data.");
    }
    if (none && server->flag == 'y' && server->binding.len > 0) {
        return negotiation_error(err);
    }
    if (none) {
        return FLY_OK;
    }
    if (flag.len < 2 || flag.data[0] != 'p' || flag.data[1] != '=') {
        return malformed(err, "Unexpected channel-binding flag.");
    }
    if (!server->plus) {
        return malformed(err, "The client selected SCRAM-SHA-256 without channel binding, but the "
                              "SCRAM message includes channel binding data.");
    }
    if (!fly_bytes_equal(fly_bytes_of(flag.data + 2, flag.len - 2), fly_bytes_str(end_point))) {
        return fly_err_state(err, "08P01", 0, "unsupported SCRAM channel-binding type");
    }
    return FLY_OK;
}

/* n=user,r=nonce; what follows is for extensions, and ignored as the RFC wants it. */
static fly_status read_bare(fly_bytes bare, fly_bytes *nonce, fly_err *err)
{
    fly_bytes user;
    if (bare.len > 0 && bare.data[0] == 'm') {
        return fly_err_state(err, "0A000", 0, "client requires an unsupported SCRAM extension");
    }
    if (!attribute(&bare, 'n', &user)) {
        return malformed(err, "Expected attribute \"n\".");
    }
    if (!attribute(&bare, 'r', nonce)) {
        return malformed(err, "Expected attribute \"r\".");
    }
    if (!printable(*nonce)) {
        return fly_err_state(err, "08P01", 0, "non-printable characters in SCRAM nonce");
    }
    return nonce->len > FLY_AUTH_NONCE_MAX ? malformed(err, "The nonce is too long.") : FLY_OK;
}

static void write_reply(fly_auth_server *server, fly_bytes nonce)
{
    char salt[FLY_AUTH_BASE64_SIZE(FLY_AUTH_SALT_MAX)];
    char rounds[16];
    size_t len = 0;
    size_t size = sizeof server->reply;
    size_t salt_len = fly__auth_base64_encode(server->scram.salt, server->scram.salt_len, salt);
    int rounds_len = snprintf(rounds, sizeof rounds, ",i=%" PRIu32, server->scram.rounds);
    add_text(server->reply, &len, size, "r=");
    server->nonce_at = (uint16_t)len;
    add(server->reply, &len, size, nonce.data, nonce.len);
    add_text(server->reply, &len, size, server->nonce);
    server->nonce_len = (uint16_t)(len - server->nonce_at);
    add_text(server->reply, &len, size, ",s=");
    add(server->reply, &len, size, salt, salt_len);
    add(server->reply, &len, size, rounds, (size_t)rounds_len);
    server->reply_len = (uint16_t)len;
}

fly_status fly_auth_server_first(fly_auth_server *server, fly_bytes message, fly_bytes *reply,
                                 fly_err *err)
{
    fly_bytes rest = message;
    fly_bytes flag;
    fly_bytes identity;
    fly_bytes nonce;
    bool in_order = server->step == 0;
    server->step = STEP_FAILED;
    if (!in_order) {
        return malformed(err, "The message comes out of order.");
    }
    fly_status status = check_size(message, err);
    if (status != FLY_OK) {
        return status;
    }
    if (!fly__auth_cut(&rest, ',', &flag) || !fly__auth_cut(&rest, ',', &identity)) {
        return malformed(err, "Comma expected.");
    }
    status = read_flag(server, flag, err);
    if (status == FLY_OK && identity.len > 0) {
        status = fly_err_state(err, "0A000", 0,
                               "client uses authorization identity, but it is not supported");
    }
    if (status == FLY_OK) {
        status = read_bare(rest, &nonce, err);
    }
    if (status != FLY_OK) {
        return status;
    }
    memcpy(server->first, rest.data, rest.len);
    server->first_len = (uint16_t)rest.len;
    write_reply(server, nonce);
    server->step = 1;
    *reply = fly_bytes_of(server->reply, server->reply_len);
    return FLY_OK;
}

static fly_status check_final(const fly_auth_server *server, fly_bytes message, fly_bytes *spoken,
                              uint8_t proof[FLY_AUTH_KEY], fly_err *err)
{
    char wanted[FLY_AUTH_BASE64_SIZE(HEADER_MAX + FLY_AUTH_BINDING_MAX)];
    fly_bytes rest = message;
    fly_bytes binding;
    fly_bytes nonce;
    fly_bytes last = {0};
    if (!attribute(&rest, 'c', &binding)) {
        return malformed(err, "Expected attribute \"c\".");
    }
    size_t wanted_len = binding_text(server->flag, &server->binding, wanted);
    if (!fly_bytes_equal(binding, fly_bytes_of(wanted, wanted_len))) {
        return server->flag == 'p'
                   ? fly_err_state(err, "28000", 0, "SCRAM channel binding check failed")
                   : fly_err_state(err, "08P01", 0,
                                   "unexpected SCRAM channel-binding attribute in "
                                   "client-final-message");
    }
    if (!attribute(&rest, 'r', &nonce)) {
        return malformed(err, "Expected attribute \"r\".");
    }
    fly_bytes ours = fly_bytes_of(server->reply + server->nonce_at, server->nonce_len);
    if (!fly_bytes_equal(nonce, ours)) {
        fly_status status = fly_err_state(err, "08P01", 0, "invalid SCRAM response");
        fly_err_detail(err, "Nonce does not match.");
        return status;
    }
    while (rest.len > 0 && rest.data[0] != 'p') { /* extensions */
        if (!fly__auth_cut(&rest, ',', &last)) {
            break;
        }
    }
    size_t proof_at = (size_t)(rest.data - message.data);
    if (!attribute(&rest, 'p', &last) || rest.len > 0) {
        return malformed(err, "Expected attribute \"p\" at the end of client-final-message.");
    }
    if (fly__auth_base64_decode(last, proof, FLY_AUTH_KEY) != FLY_AUTH_KEY) {
        return malformed(err, "Malformed proof in client-final-message.");
    }
    *spoken = fly_bytes_of(message.data, proof_at - 1);
    return FLY_OK;
}

/* Whether the proof is one, and what we have to show in return. */
static fly_status judge(const fly_auth_server *server, fly_bytes spoken,
                        uint8_t proof[FLY_AUTH_KEY], bool *proven, uint8_t signature[FLY_AUTH_KEY],
                        fly_err *err)
{
    char buffer[SAID_MAX];
    uint8_t mac[FLY_AUTH_KEY];
    uint8_t hash[FLY_AUTH_KEY];
    fly_bytes all = said(buffer, fly_bytes_of(server->first, server->first_len),
                         fly_bytes_of(server->reply, server->reply_len), spoken);
    fly_bytes stored = fly_bytes_of(server->scram.stored_key, FLY_AUTH_KEY);
    fly_status status = fly_auth_hmac(FLY_AUTH_SHA256, stored, all, mac, err);
    if (status != FLY_OK) {
        return status;
    }
    for (int i = 0; i < FLY_AUTH_KEY; i++) {
        proof[i] ^= mac[i]; /* the client key now, if it is a proof */
    }
    status = fly_auth_digest(FLY_AUTH_SHA256, fly_bytes_of(proof, FLY_AUTH_KEY), hash, err);
    if (status == FLY_OK) {
        fly_bytes key = fly_bytes_of(server->scram.server_key, FLY_AUTH_KEY);
        status = fly_auth_hmac(FLY_AUTH_SHA256, key, all, signature, err);
    }
    if (status == FLY_OK) {
        *proven = fly_auth_equal(hash, server->scram.stored_key, FLY_AUTH_KEY);
    }
    return status;
}

fly_status fly_auth_server_final(fly_auth_server *server, fly_bytes message, bool *proven,
                                 char *reply, size_t *reply_len, fly_err *err)
{
    uint8_t proof[FLY_AUTH_KEY];
    uint8_t signature[FLY_AUTH_KEY];
    fly_bytes spoken;
    bool shown = false;
    bool in_order = server->step == 1;
    server->step = STEP_FAILED;
    if (!in_order) {
        return malformed(err, "The message comes out of order.");
    }
    fly_status status = check_size(message, err);
    if (status == FLY_OK) {
        status = check_final(server, message, &spoken, proof, err);
    }
    if (status == FLY_OK) {
        status = judge(server, spoken, proof, &shown, signature, err);
    }
    if (status == FLY_OK) {
        size_t len = 0;
        *proven = shown;
        *reply_len = 0;
        if (shown) {
            add_text(reply, &len, FLY_AUTH_MESSAGE_MAX, "v=");
            *reply_len = len + fly__auth_base64_encode(signature, FLY_AUTH_KEY, reply + len);
        }
    }
    fly_auth_cleanse(proof, sizeof proof);
    return status;
}

/* ----------------------------------------------------------------------- the client */

static char client_flag(const fly_auth_client *client)
{
    return client->plus ? 'p' : client->binding.len > 0 ? 'y' : 'n';
}

static size_t header_len(const fly_auth_client *client)
{
    return client->plus ? sizeof "p=,," - 1 + sizeof end_point - 1 : sizeof "n,," - 1;
}

/* A user's name may have commas and equals signs; the grammar may not. */
static bool add_user(fly_auth_client *client, size_t *len, fly_bytes user)
{
    for (size_t i = 0; i < user.len; i++) {
        const char *escape = user.data[i] == ',' ? "=2C" : user.data[i] == '=' ? "=3D" : NULL;
        if (user.data[i] == 0 || *len > FLY_AUTH_MESSAGE_MAX - 64) {
            return false;
        }
        if (escape != NULL) {
            add_text(client->first, len, FLY_AUTH_MESSAGE_MAX, escape);
        } else {
            add(client->first, len, FLY_AUTH_MESSAGE_MAX, user.data + i, 1);
        }
    }
    return true;
}

fly_status fly_auth_client_begin(fly_auth_client *client, fly_env *env, fly_bytes user,
                                 fly_bytes password, bool plus, const fly_auth_binding *binding,
                                 fly_err *err)
{
    size_t len = 0;
    memset(client, 0, sizeof *client);
    client->step = STEP_FAILED;
    if (password.len == 0 || password.len > FLY_AUTH_PASSWORD_MAX) {
        return fly_err_set(err, FLY_E_INVALID, "a password has 1 to %d bytes",
                           FLY_AUTH_PASSWORD_MAX);
    }
    client->plus = plus;
    if (binding != NULL) {
        FLY_ASSERT(binding->len <= FLY_AUTH_BINDING_MAX);
        client->binding = *binding;
    }
    FLY_ASSERT(!plus || client->binding.len > 0);
    fly_status status = make_nonce(env, client->nonce, err);
    if (status != FLY_OK) {
        return status;
    }
    char flag[2] = {client_flag(client), 0};
    add_text(client->first, &len, FLY_AUTH_MESSAGE_MAX, flag);
    if (plus) {
        add_text(client->first, &len, FLY_AUTH_MESSAGE_MAX, "=");
        add_text(client->first, &len, FLY_AUTH_MESSAGE_MAX, end_point);
    }
    add_text(client->first, &len, FLY_AUTH_MESSAGE_MAX, ",,n=");
    if (!add_user(client, &len, user)) {
        return fly_err_set(err, FLY_E_INVALID, "the user's name is too long or has a zero byte");
    }
    add_text(client->first, &len, FLY_AUTH_MESSAGE_MAX, ",r=");
    add_text(client->first, &len, FLY_AUTH_MESSAGE_MAX, client->nonce);
    client->first_len = (uint16_t)len;
    memcpy(client->password, password.data, password.len);
    client->password_len = (uint16_t)password.len;
    client->step = 0;
    return FLY_OK;
}

fly_bytes fly_auth_client_first(const fly_auth_client *client)
{
    return fly_bytes_of(client->first, client->first_len);
}

static fly_status nonsense(fly_err *err, const char *what)
{
    return fly_err_set(err, FLY_E_INVALID, "the server's SCRAM message makes no sense: %s", what);
}

/* r=<ours><its>,s=<salt>,i=<rounds> */
static fly_status read_server_first(const fly_auth_client *client, fly_bytes message,
                                    fly_bytes *nonce, fly_auth_scram *scram, fly_err *err)
{
    fly_bytes rest = message;
    fly_bytes salt;
    fly_bytes rounds;
    if (message.len == 0 || message.len > FLY_AUTH_MESSAGE_MAX) {
        return nonsense(err, "its length");
    }
    if (!attribute(&rest, 'r', nonce) || !attribute(&rest, 's', &salt) ||
        !attribute(&rest, 'i', &rounds)) {
        return nonsense(err, "nonce, salt and iterations were expected");
    }
    if (!printable(*nonce) || nonce->len <= strlen(client->nonce) ||
        nonce->len > FLY_AUTH_NONCE + FLY_AUTH_NONCE_MAX ||
        memcmp(nonce->data, client->nonce, strlen(client->nonce)) != 0) {
        return nonsense(err, "its nonce does not continue ours");
    }
    size_t salt_len = fly__auth_base64_decode(salt, scram->salt, sizeof scram->salt);
    if (salt_len == SIZE_MAX || salt_len == 0) {
        return nonsense(err, "its salt");
    }
    scram->salt_len = (uint32_t)salt_len;
    scram->rounds = fly__auth_number(rounds, FLY_AUTH_ROUNDS_MAX);
    if (scram->rounds < CLIENT_ROUNDS_MIN) {
        return nonsense(err, "its number of iterations");
    }
    return FLY_OK;
}

fly_status fly_auth_client_final(fly_auth_client *client, fly_bytes message, char *reply,
                                 size_t *reply_len, fly_err *err)
{
    char buffer[SAID_MAX];
    char binding[FLY_AUTH_BASE64_SIZE(HEADER_MAX + FLY_AUTH_BINDING_MAX)];
    uint8_t client_key[FLY_AUTH_KEY];
    uint8_t mac[FLY_AUTH_KEY];
    fly_auth_scram scram = {0};
    fly_bytes nonce;
    size_t len = 0;
    bool in_order = client->step == 0;
    client->step = STEP_FAILED;
    if (!in_order) {
        return nonsense(err, "it comes out of order");
    }
    fly_status status = read_server_first(client, message, &nonce, &scram, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly__auth_scram_keys(fly_bytes_of(client->password, client->password_len),
                                  fly_bytes_of(scram.salt, scram.salt_len), scram.rounds,
                                  client_key, scram.stored_key, scram.server_key, err);
    if (status != FLY_OK) {
        goto out;
    }
    add_text(reply, &len, FLY_AUTH_MESSAGE_MAX, "c=");
    size_t binding_len = binding_text(client_flag(client), &client->binding, binding);
    add(reply, &len, FLY_AUTH_MESSAGE_MAX, binding, binding_len);
    add_text(reply, &len, FLY_AUTH_MESSAGE_MAX, ",r=");
    add(reply, &len, FLY_AUTH_MESSAGE_MAX, nonce.data, nonce.len);

    size_t header = header_len(client);
    fly_bytes bare = fly_bytes_of(client->first + header, client->first_len - header);
    fly_bytes all = said(buffer, bare, message, fly_bytes_of(reply, len));
    fly_bytes stored = fly_bytes_of(scram.stored_key, FLY_AUTH_KEY);
    fly_bytes server = fly_bytes_of(scram.server_key, FLY_AUTH_KEY);
    status = fly_auth_hmac(FLY_AUTH_SHA256, stored, all, mac, err);
    if (status == FLY_OK) {
        status = fly_auth_hmac(FLY_AUTH_SHA256, server, all, client->signature, err);
    }
    if (status != FLY_OK) {
        goto out;
    }
    for (int i = 0; i < FLY_AUTH_KEY; i++) {
        mac[i] ^= client_key[i];
    }
    add_text(reply, &len, FLY_AUTH_MESSAGE_MAX, ",p=");
    *reply_len = len + fly__auth_base64_encode(mac, sizeof mac, reply + len);
    client->step = 1;
out:
    fly_auth_cleanse(client_key, sizeof client_key);
    fly_auth_cleanse(&scram, sizeof scram);
    fly_auth_cleanse(client->password, sizeof client->password);
    return status;
}

fly_status fly_auth_client_verify(fly_auth_client *client, fly_bytes message, fly_err *err)
{
    uint8_t signature[FLY_AUTH_KEY];
    fly_bytes value;
    bool in_order = client->step == 1;
    client->step = STEP_FAILED;
    if (!in_order) {
        return nonsense(err, "it comes out of order");
    }
    if (attribute(&message, 'e', &value)) {
        return fly_err_set(err, FLY_E_PERMISSION, "the server refuses: %.*s",
                           (int)(value.len < 64 ? value.len : 64), (const char *)value.data);
    }
    if (!attribute(&message, 'v', &value) ||
        fly__auth_base64_decode(value, signature, FLY_AUTH_KEY) != FLY_AUTH_KEY) {
        return nonsense(err, "its signature was expected");
    }
    if (!fly_auth_equal(signature, client->signature, FLY_AUTH_KEY)) {
        return fly_err_set(
            err, FLY_E_PERMISSION,
            "the server does not know the password: it is not the one it claims to be");
    }
    client->step = 2;
    return FLY_OK;
}

void fly_auth_client_end(fly_auth_client *client)
{
    fly_auth_cleanse(client, sizeof *client);
    client->step = STEP_FAILED;
}
