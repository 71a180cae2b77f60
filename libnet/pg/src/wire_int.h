/*
 * PostgreSQL's protocol 3.0 as bytes: what a client may say, and what a server answers.
 *
 *     first packet   length u32 | code u32 | ...            (a start-up packet has no type)
 *     message        type u8 | length u32 | body            (the length counts itself, not the type)
 *
 * All numbers are big-endian, all strings end with a zero byte. Decoding borrows from the input and
 * copies nothing; it says FLY_E_AGAIN for what is not whole yet, and 08P01 for what can never be.
 * Encoding appends to a buffer that grows.
 *
 * Invariants
 *     W1  no length is believed before it has been held against a limit, and no memory depends on one
 *     W2  a decoded message lies wholly inside its input; what is left over in a body is an error
 *     W3  a message that has been begun in a buffer is ended before the next one begins
 *
 * What is not here: sockets, states, SQL.
 *
 * Source: PostgreSQL 15, "Frontend/Backend Protocol", chapters 55.2 and 55.7.
 */
#ifndef FLY_PG_WIRE_INT_H
#define FLY_PG_WIRE_INT_H

#include <fly/base_bytes.h>
#include <fly/base_mem.h>

#include <string.h>

enum {
    FLY__PG_STARTUP_MAX = 10000, /* bytes of a first packet, as in PostgreSQL */
    FLY__PG_SMALL_MAX = 30000,   /* of messages that are short by nature */
    FLY__PG_VERSION_MAJOR = 3,
    FLY__PG_HEADER = 5 /* bytes of a message's type and length */
};

/* ------------------------------------------------------------------ first packets */

typedef enum fly__pg_first_kind {
    FLY__PG_FIRST_STARTUP,
    FLY__PG_FIRST_CANCEL,
    FLY__PG_FIRST_SSL,
    FLY__PG_FIRST_GSSENC
} fly__pg_first_kind;

typedef struct fly__pg_first {
    fly__pg_first_kind kind;
    uint16_t major, minor; /* of the protocol: STARTUP */
    fly_bytes params;      /* STARTUP: name, value, name, value ..., without the last zero byte */
    uint32_t pid, secret;  /* CANCEL */
} fly__pg_first;

/* Read a first packet. FLY_E_AGAIN: `*used` is how many bytes are needed at least. */
FLY_MUST_USE fly_status fly__pg_first_decode(fly_bytes in, fly__pg_first *first, size_t *used,
                                             fly_err *err);

/* The next pair of a start-up packet; false: no more. What decoding has accepted is well-formed. */
bool fly__pg_first_next(fly_bytes *params, const char **name, const char **value);

/* --------------------------------------------------------------------- messages */

typedef struct fly__pg_message {
    char type;
    fly_bytes body;
} fly__pg_message;

/* Read a message of at most `limit` bytes. FLY_E_AGAIN: `*used` is how many bytes are needed. */
FLY_MUST_USE fly_status fly__pg_message_decode(fly_bytes in, uint32_t limit,
                                               fly__pg_message *message, size_t *used,
                                               fly_err *err);

/* 'P' */
typedef struct fly__pg_parse {
    const char *name; /* "": the unnamed one */
    fly_bytes text;
    uint32_t type_count;
    const uint8_t *types; /* u32 each */
} fly__pg_parse;

/* 'B' */
typedef struct fly__pg_bind {
    const char *portal;
    const char *statement;
    uint32_t format_count; /* 0: all text; 1: all as the one; else one each */
    const uint8_t *formats;
    uint32_t param_count;
    fly_bytes params;      /* length i32 and bytes each; -1: NULL */
    uint32_t result_count; /* of formats, by the same rule */
    const uint8_t *results;
} fly__pg_bind;

/* 'D' and 'C' */
typedef struct fly__pg_target {
    bool portal; /* else a statement */
    const char *name;
} fly__pg_target;

/* 'E' */
typedef struct fly__pg_execute {
    const char *portal;
    uint32_t rows_max; /* 0: no limit */
} fly__pg_execute;

FLY_MUST_USE fly_status fly__pg_parse_decode(fly_bytes body, fly__pg_parse *parse, fly_err *err);
FLY_MUST_USE fly_status fly__pg_bind_decode(fly_bytes body, fly__pg_bind *bind, fly_err *err);
FLY_MUST_USE fly_status fly__pg_target_decode(fly_bytes body, fly__pg_target *target, fly_err *err);
FLY_MUST_USE fly_status fly__pg_execute_decode(fly_bytes body, fly__pg_execute *execute,
                                               fly_err *err);
/* A body that is one string: 'Q', 'f', 'p' with a password. */
FLY_MUST_USE fly_status fly__pg_string_decode(fly_bytes body, fly_bytes *text, fly_err *err);
/* 'p' as SASLInitialResponse. */
FLY_MUST_USE fly_status fly__pg_sasl_decode(fly_bytes body, const char **mechanism,
                                            fly_bytes *response, fly_err *err);
/* A body that must be empty: 'S', 'H', 'X', 'c'. */
FLY_MUST_USE fly_status fly__pg_empty_decode(fly_bytes body, fly_err *err);

/* The next parameter of a Bind; false: NULL. There are param_count of them. */
static inline bool fly__pg_bind_next(fly_bytes *params, fly_bytes *value)
{
    uint32_t len = fly_get_u32be(params->data);
    params->data += 4;
    params->len -= 4;
    if (len == UINT32_MAX) {
        return false;
    }
    *value = fly_bytes_of(params->data, len);
    params->data += len;
    params->len -= len;
    return true;
}

/* The format of value `i` by the rule of Bind: 0 text, 1 binary. */
static inline uint16_t fly__pg_format(uint32_t count, const uint8_t *formats, uint32_t i)
{
    if (count == 0) {
        return 0;
    }
    return fly_get_u16be(formats + (count == 1 ? 0 : 2 * (size_t)i));
}

/* --------------------------------------------------------------------- answers */

/* Bytes on their way out. When memory runs out `failed` is set, and nothing is added any more. */
typedef struct fly__pg_out {
    fly_mem *mem; /* kept */
    uint8_t *data;
    size_t len, room;
    size_t at; /* where the message that is being built has its length */
    bool failed;
} fly__pg_out;

void fly__pg_out_init(fly__pg_out *out, fly_mem *mem);
void fly__pg_out_deinit(fly__pg_out *out);
/* Give the memory back; there is nothing left to send. */
void fly__pg_out_empty(fly__pg_out *out);
bool fly__pg_out_grow(fly__pg_out *out, size_t more);

/* Room for `more` bytes behind `len`; false: there is none, and `failed` is set. */
static inline bool fly__pg_room(fly__pg_out *out, size_t more)
{
    return FLY_LIKELY(more <= out->room - out->len) || fly__pg_out_grow(out, more);
}

static inline void fly__pg_put_u8(fly__pg_out *out, uint8_t x)
{
    if (fly__pg_room(out, 1)) {
        out->data[out->len++] = x;
    }
}

static inline void fly__pg_put_u16(fly__pg_out *out, uint16_t x)
{
    if (fly__pg_room(out, 2)) {
        fly_put_u16be(out->data + out->len, x);
        out->len += 2;
    }
}

static inline void fly__pg_put_u32(fly__pg_out *out, uint32_t x)
{
    if (fly__pg_room(out, 4)) {
        fly_put_u32be(out->data + out->len, x);
        out->len += 4;
    }
}

static inline void fly__pg_put_bytes(fly__pg_out *out, fly_bytes bytes)
{
    if (bytes.len > 0 && fly__pg_room(out, bytes.len)) {
        memcpy(out->data + out->len, bytes.data, bytes.len);
        out->len += bytes.len;
    }
}

/* With its zero byte. */
static inline void fly__pg_put_string(fly__pg_out *out, const char *text)
{
    fly__pg_put_bytes(out, fly_bytes_of(text, strlen(text) + 1));
}

static inline void fly__pg_begin(fly__pg_out *out, char type)
{
    if (fly__pg_room(out, FLY__PG_HEADER)) {
        out->data[out->len] = (uint8_t)type;
        out->at = out->len + 1;
        out->len += FLY__PG_HEADER;
    }
}

static inline void fly__pg_end(fly__pg_out *out)
{
    if (!out->failed) {
        fly_put_u32be(out->data + out->at, (uint32_t)(out->len - out->at));
    }
}

/* A value's length goes before it: leave room for it, and fill it in when the value is there. */
static inline size_t fly__pg_value_begin(fly__pg_out *out)
{
    fly__pg_put_u32(out, 0);
    return out->len;
}

static inline void fly__pg_value_end(fly__pg_out *out, size_t start)
{
    if (!out->failed) {
        fly_put_u32be(out->data + start - 4, (uint32_t)(out->len - start));
    }
}

/* A message without a body: '1' ParseComplete, '2', '3', 'n', 's', 'I', 'c'. */
static inline void fly__pg_put_plain(fly__pg_out *out, char type)
{
    fly__pg_begin(out, type);
    fly__pg_end(out);
}

void fly__pg_put_ready(fly__pg_out *out, char state);
void fly__pg_put_parameter(fly__pg_out *out, const char *name, const char *value);
void fly__pg_put_key(fly__pg_out *out, uint32_t pid, uint32_t secret);
void fly__pg_put_complete(fly__pg_out *out, const char *tag);
/* Authentication: 0 ok, 3 clear text, 10 SASL, 11 continue, 12 final. */
void fly__pg_put_auth(fly__pg_out *out, uint32_t code, fly_bytes data);
void fly__pg_put_auth_sasl(fly__pg_out *out, const char *const *mechanisms);
/* NegotiateProtocolVersion: the newest minor version there is, and the options that nobody knows. */
void fly__pg_put_negotiate(fly__pg_out *out, uint16_t minor, uint32_t count,
                           const char *const *options);
void fly__pg_put_notification(fly__pg_out *out, uint32_t pid, const char *channel,
                              const char *payload);
/* CopyInResponse 'G' or CopyOutResponse 'H': all columns of one format. */
void fly__pg_put_copy(fly__pg_out *out, char type, bool binary, uint32_t columns);

/* A column of RowDescription. */
typedef struct fly__pg_column {
    const char *name;
    uint32_t table;
    uint16_t number;
    uint32_t type;
    int16_t size; /* pg_type.typlen */
    int32_t mod;
    uint16_t format;
} fly__pg_column;

void fly__pg_put_column(fly__pg_out *out, const fly__pg_column *column);

/* ErrorResponse 'E' or NoticeResponse 'N'. What is NULL or empty is left out. */
typedef struct fly__pg_story {
    const char *severity;
    const fly_err *err;
    uint32_t position; /* in characters, from 1; 0: none */
    fly_bytes schema, table, column, type, constraint;
    const char *where;
} fly__pg_story;

void fly__pg_put_story(fly__pg_out *out, char type, const fly__pg_story *story);

#endif
