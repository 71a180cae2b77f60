/* What the files of net-binary share: a connection, and the answer that it is giving. */
#ifndef FLY_NET_BINARY_INT_H
#define FLY_NET_BINARY_INT_H

#include <fly/net_binary.h>
#include <fly/net_frame.h>

/* A prepared statement, or a cursor, by its name. */
typedef struct fly__binary_named {
    struct fly__binary_named *next;
    fly_sql_stmt *stmt;
    bool begun; /* a cursor: rows were asked for */
    bool ended; /* a cursor: there are no more */
    size_t size;
    char name[];
} fly__binary_named;

typedef struct fly__binary_watched fly__binary_watched; /* a table that is watched */

typedef struct fly__binary_client {
    fly_net_conn *conn;
    fly_net_ref ref;           /* for who wakes it */
    fly_server_login *login;   /* between the first Auth and the last */
    fly_server_client *client; /* NULL before a login */
    fly_frame_out out;         /* frames of the answer */
    fly_frame_out aside;       /* frames that come in between: notices */
    fly_arena arena;           /* of the request that is being read */
    fly__binary_named *prepared, *cursors;
    uint32_t named_count;
    fly__binary_watched *watches;
    uint32_t watch_count;

    /* The answer that is being given; `stmt` NULL: none is. */
    uint8_t type, flags; /* of its request */
    fly_sql_script *script;
    fly_sql_stmt *stmt;
    bool owned;                /* `stmt` ends with the answer */
    fly__binary_named *cursor; /* that `stmt` belongs to, or NULL */
    uint64_t rows, rows_max;   /* given, and at most */
    bool described;            /* its columns were told */
    bool copying;              /* COPY FROM STDIN waits for data */
    uint8_t *text;             /* of the script */
    size_t text_size;
} fly__binary_client;

const fly_binary_front *fly__binary_front(const fly__binary_client *me);
fly_sql_session *fly__binary_session(const fly__binary_client *me);

/* -------------------------------------------------------------------- answer.c */

/* Begin a frame of the answer; `more` follow. */
void fly__binary_begin(fly__binary_client *me, bool more);
/* End it, and hand it to the net. */
void fly__binary_send(fly__binary_client *me);
/* Answer with an error. */
void fly__binary_fail(fly__binary_client *me, const fly_err *err);
/* Answer with an error, and end. */
void fly__binary_refuse(fly__binary_client *me, const fly_err *err);
/* A field that says what the session's transaction is like. */
void fly__binary_put_state(fly__binary_client *me);
/* The columns of a statement, as a field. */
void fly__binary_put_columns(fly__binary_client *me, fly_sql_stmt *stmt);

/* Give a statement's rows as the answer, `rows_max` at most. It is released if it is `owned`. */
void fly__binary_start(fly__binary_client *me, fly_sql_stmt *stmt, bool owned);
/* Run the statements of a text as the answer. */
void fly__binary_start_script(fly__binary_client *me, fly_bytes text);
/* Go on with it, while there is room. False: it waits, for room or for data. */
bool fly__binary_step(fly__binary_client *me);
/* CopyData and CopyEnd. */
void fly__binary_copy_data(fly__binary_client *me, fly_frame_in *in);
void fly__binary_copy_end(fly__binary_client *me, fly_frame_in *in);
/* Leave an answer where it is. */
void fly__binary_abandon(fly__binary_client *me);
/* A notice of the session. */
void fly__binary_on_notice(void *ctx, const char *severity, const fly_err *notice);

/* --------------------------------------------------------------------- value.c */

/* The current row's value in a column. Bytes borrow from the statement, or from `room`, 16 bytes. */
fly_frame_value fly__binary_value(fly_sql_stmt *stmt, uint32_t column, bool as_text, uint8_t *room);
/* Set a parameter. */
FLY_MUST_USE fly_status fly__binary_bind(fly_sql_stmt *stmt, uint32_t n,
                                         const fly_frame_value *value, fly_err *err);

/* ------------------------------------------------------------------- requests */

/* Each reads its fields, and answers or starts to; a failure is answered by who called it. */
typedef fly_status fly__binary_handler(fly__binary_client *me, fly_frame_in *in, fly_err *err);

fly__binary_handler fly__binary_auth;
fly__binary_handler fly__binary_query;
fly__binary_handler fly__binary_prepare;
fly__binary_handler fly__binary_execute;
fly__binary_handler fly__binary_deallocate;
fly__binary_handler fly__binary_cursor_open;
fly__binary_handler fly__binary_cursor_fetch;
fly__binary_handler fly__binary_cursor_close;
fly__binary_handler fly__binary_get_tables;
fly__binary_handler fly__binary_get_columns;
fly__binary_handler fly__binary_get_type_info;
fly__binary_handler fly__binary_begin_tx;
fly__binary_handler fly__binary_commit_tx;
fly__binary_handler fly__binary_rollback_tx;
fly__binary_handler fly__binary_set_option;
fly__binary_handler fly__binary_get_option;
fly__binary_handler fly__binary_get_server_info;
fly__binary_handler fly__binary_cancel;
fly__binary_handler fly__binary_watch;
fly__binary_handler fly__binary_unwatch;

/* Wake the connection: `ctx` is its fly__binary_client. */
void fly__binary_wake(void *ctx);
/* End the watches of this name; all if it is empty. */
void fly__binary_forget_watches(fly__binary_client *me, fly_bytes name);
/* Tell what happened that nobody asked for, while there is room. */
void fly__binary_tell_events(fly__binary_client *me);
void fly__binary_let_go_if_full(fly__binary_client *me);

/* Release all named statements and cursors. */
void fly__binary_forget_all(fly__binary_client *me);
/* Release the cursors whose transaction has ended. */
void fly__binary_forget_ended(fly__binary_client *me);

#endif
