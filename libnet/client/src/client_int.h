/* What the files of net-client share. */
#ifndef FLY_NET_CLIENT_INT_H
#define FLY_NET_CLIENT_INT_H

#include <fly/net_client.h>

#include <fly/auth.h>

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

typedef struct fly__client_column {
    const char *name;
    uint32_t type;
    int32_t mod;
} fly__client_column;

struct fly_client_result {
    fly_client *client;
    uint8_t type; /* of the answer's frames */
    bool open;
    bool done;     /* this statement has told its end */
    bool all_done; /* and it was the last */
    bool end;      /* of a cursor */
    char copy;
    fly_bytes copy_data; /* that was not taken yet */
    fly_frame_in in;     /* of a frame of rows */
    size_t rows_left;    /* in it */
    fly_arena about;     /* columns, and values for one row */
    fly_arena row;       /* texts of the current row */
    fly__client_column *columns;
    fly_frame_value *values;
    size_t column_count;
    char tag[96];
    uint64_t rows;
};

struct fly_client {
    fly_env *env;
    int fd;
    SSL_CTX *tls;
    SSL *ssl;
    BIO *wire_in, *wire_out; /* what OpenSSL reads and writes: owned by `ssl` */
    struct sockaddr_storage address;
    socklen_t address_len;
    uint32_t pid, secret;
    char state;
    bool broken;
    uint8_t *in; /* what was received */
    size_t in_at, in_len, in_size;
    size_t taken; /* bytes of the frame that was returned last */
    fly_frame_out out;
    fly_arena arena; /* of the last answer */
    fly_client_result result;
    char encryption[96];
    void (*notice)(void *ctx, const char *severity, const fly_err *notice);
    void *notice_ctx;
    void (*event)(void *ctx, const fly_client_event *event);
    void *event_ctx;
};

/* ---------------------------------------------------------------------- link.c */

FLY_MUST_USE fly_status fly__client_dial(fly_client *client, const fly_client_options *options,
                                         fly_err *err);
/* How long one read or write may take; 0: for ever. */
void fly__client_patience(int fd, uint32_t ms);
void fly__client_hang_up(fly_client *client);
/* Go over to TLS. */
FLY_MUST_USE fly_status fly__client_start_tls(fly_client *client, const fly_client_options *options,
                                              fly_err *err);
/* tls-server-end-point of the server's certificate; len 0: none. */
void fly__client_binding(const fly_client *client, fly_auth_binding *binding);
/* Send what was written. */
FLY_MUST_USE fly_status fly__client_send(fly_client *client, fly_err *err);
/* The next frame that answers something; the payload is valid until the next call. */
FLY_MUST_USE fly_status fly__client_receive(fly_client *client, fly_frame *frame, fly_err *err);
/* The peer makes no sense. */
fly_status fly__client_nonsense(fly_client *client, const char *what, fly_err *err);

/* --------------------------------------------------------------------- result.c */

/* A frame that came unasked and is no event: an Error before the end, or nonsense. */
fly_status fly__client_last_word(fly_client *client, const fly_frame *frame, fly_err *err);
/* Begin a request; fly__client_ask() ends and sends it, and takes the answer's only frame. */
FLY_MUST_USE fly_status fly__client_begin(fly_client *client, uint8_t type, uint8_t flags,
                                          fly_err *err);
FLY_MUST_USE fly_status fly__client_ask(fly_client *client, uint8_t type, fly_frame_in *in,
                                        fly_err *err);
/* The same for an answer with rows. */
FLY_MUST_USE fly_status fly__client_start(fly_client *client, uint8_t type,
                                          fly_client_result **result, fly_err *err);
/* Read an answer with rows to its end. */
FLY_MUST_USE fly_status fly__client_finish(fly_client_result *result, fly_err *err);

#endif
