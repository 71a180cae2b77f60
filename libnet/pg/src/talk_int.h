/*
 * A conversation with one client: its states, and what the chapters share.
 *
 *     start.c      the first packets: encryption, cancelling, who it is; parameters
 *     simple.c     'Q': texts of statements
 *     prepared.c   'P' 'B' 'D' 'E' 'C': statements with names, and portals
 *     rows.c       what both run: rows out, COPY in and out
 *     talk.c       the loop over messages, errors, the protocol's table
 *
 * A conversation never waits for its client. What produces output is a *job*: it runs until it is done
 * or the client has enough to take, and goes on when that was taken.
 *
 *     T1  a message is consumed before its job begins, so nothing of a job points into the input
 *     T2  at most one job at a time, and no message is looked at while there is one, but for COPY's
 *     T3  after an error in the extended protocol everything is skipped up to the next Sync
 *     T4  portals end with the transaction that they were made in
 *     T5  ReadyForQuery is said exactly once for each Query and each Sync, and ends the block of
 *         statements that was open
 */
#ifndef FLY_PG_TALK_INT_H
#define FLY_PG_TALK_INT_H

#include "wire_int.h"

#include <fly/net_pg.h>

typedef struct fly__pg_stmt fly__pg_stmt;
typedef struct fly__pg_portal fly__pg_portal;
typedef struct fly__pg_talk fly__pg_talk;

/* A prepared statement. Portals hold it, too. */
struct fly__pg_stmt {
    fly__pg_stmt *link; /* in its bucket */
    uint32_t refs;
    fly_sql_stmt *stmt;     /* NULL: the text was empty */
    fly__pg_portal *portal; /* that runs `stmt`; NULL: it is free */
    fly_bytes text;         /* with a zero byte behind it; ours */
    uint32_t *types;        /* that the client gave */
    uint32_t type_count;
    char *name;
    bool named; /* it is in the table */
};

enum { FLY__PG_FORMATS = 16 /* that need no memory */ };

/* A statement with its parameters, on its way through its rows. */
struct fly__pg_portal {
    fly__pg_portal *link;
    fly__pg_stmt *source;
    fly_sql_stmt *stmt; /* of the source, or `own`; NULL: the text was empty */
    bool own;
    bool done; /* it has given all its rows */
    uint32_t format_count;
    fly_sql_format few[FLY__PG_FORMATS];
    fly_sql_format *formats; /* `few`, or memory */
    char *name;              /* NULL: the unnamed one */
};

typedef enum fly__pg_phase {
    FLY__PG_FIRST, /* waits for a first packet */
    FLY__PG_LOGIN, /* waits for proof of who it is */
    FLY__PG_READY, /* messages */
    FLY__PG_ENDED
} fly__pg_phase;

typedef enum fly__pg_job {
    FLY__PG_JOB_NONE,
    FLY__PG_JOB_SIMPLE, /* the next statement of a text */
    FLY__PG_JOB_ROWS,   /* rows of `stmt` */
    FLY__PG_JOB_OUT,    /* COPY TO STDOUT of `stmt` */
    FLY__PG_JOB_IN      /* COPY FROM STDIN into `stmt` */
} fly__pg_job;

enum { FLY__PG_BUCKETS = 32, FLY__PG_REPORTED = 13, FLY__PG_RECENT = 8 };

struct fly__pg_talk {
    fly_net_conn *conn;
    fly_pg *pg;
    fly_env *env;
    fly_mem *mem;
    fly__pg_phase phase;
    bool asked_ssl, asked_gss; /* each once */
    bool skipping;             /* to the next Sync */
    bool draining;
    fly__pg_out out;

    fly_server_login *login;
    bool has_mechanism; /* of SASL */
    uint8_t *params;    /* of the start-up packet, until the login is over */
    size_t params_len;
    fly_server_client *client; /* NULL without a server */
    fly_sql_session *session;
    char idle_state; /* the session's, when idle_ns was asked for */
    uint64_t idle_set_count;
    uint64_t idle_ns;
    fly_net_ref ref;    /* for who wakes it */
    fly__pg_talk *link; /* among those that have a session: pg->mutex */
    char *reported[FLY__PG_REPORTED];
    uint64_t set_count; /* settings have been looked at when there were so many changes */
    uint64_t looked_ns; /* when the socket was looked at last, while a statement runs */

    fly__pg_job job;
    fly_sql_stmt *stmt; /* of the job */
    bool described;     /* RowDescription was sent */
    bool limited;
    uint64_t rows_left;     /* of an Execute with a limit */
    fly__pg_portal *portal; /* of the job; NULL: a simple query */
    char before;            /* the session's state before it */

    fly_sql_script *script; /* of a simple query */
    bool script_any;        /* it had a statement */
    uint8_t *text;          /* of it, for positions */
    size_t text_len, text_room;

    bool in_block; /* statements have run since the last Sync */
    fly__pg_stmt *stmts[FLY__PG_BUCKETS];
    fly__pg_stmt *unnamed;
    fly__pg_stmt *recent[FLY__PG_RECENT]; /* statements that were unnamed lately */
    uint32_t recent_next;
    fly__pg_portal *portals;
    fly__pg_portal unnamed_portal; /* source NULL: there is none */
};

/* The options, the list of those who have a session. */
fly_sql *fly__pg_engine(const fly_pg *pg);
fly_server *fly__pg_server(const fly_pg *pg);
void fly__pg_enroll(fly__pg_talk *talk);
void fly__pg_leave(fly__pg_talk *talk);
uint32_t fly__pg_message_max(const fly_pg *pg);
uint64_t fly__pg_login_ns(const fly_pg *pg);

/* start.c: take a first packet; false: it is not whole. */
bool fly__pg_on_first(fly__pg_talk *talk);
/* 'p': what proves who it is. */
void fly__pg_on_proof(fly__pg_talk *talk, fly_bytes body);
/* Forget what only a login needs. */
void fly__pg_login_drop(fly__pg_talk *talk);
/* Tell the client of settings that have changed. */
void fly__pg_report(fly__pg_talk *talk);

/* talk.c */
/* Hand what was written to the net; false: the client has enough for now. */
bool fly__pg_push(fly__pg_talk *talk);
/* Say that something failed; `text` is what positions are in. The transaction fails, too. */
void fly__pg_error(fly__pg_talk *talk, const fly_err *err, fly_bytes text);
/* The same, and close. */
void fly__pg_fatal(fly__pg_talk *talk, const fly_err *err);
void fly__pg_notice(void *ctx, const char *severity, const fly_err *notice);
/* Have run() called, from any thread: there is a message, or the session is to end. */
void fly__pg_wake(void *ctx);
bool fly__pg_progress(void *ctx, uint64_t done, uint64_t of);
/* End the block, and say that the next may come. */
void fly__pg_ready(fly__pg_talk *talk);

/* simple.c */
void fly__pg_on_query(fly__pg_talk *talk, fly_bytes text);
void fly__pg_simple_next(fly__pg_talk *talk);
/* The statement of the text has ended, or has failed. */
void fly__pg_simple_done(fly__pg_talk *talk);
void fly__pg_simple_failed(fly__pg_talk *talk, const fly_err *err);
void fly__pg_simple_drop(fly__pg_talk *talk);

/* prepared.c */
void fly__pg_on_parse(fly__pg_talk *talk, fly_bytes body);
void fly__pg_on_bind(fly__pg_talk *talk, fly_bytes body);
void fly__pg_on_describe(fly__pg_talk *talk, fly_bytes body);
void fly__pg_on_execute(fly__pg_talk *talk, fly_bytes body, bool sync_follows);
void fly__pg_on_close(fly__pg_talk *talk, fly_bytes body);
void fly__pg_portals_drop(fly__pg_talk *talk, const fly__pg_portal *except);
void fly__pg_deallocated(void *ctx, const char *name, bool *found);
fly_sql_stmt *fly__pg_prepared(void *ctx, const char *name);
void fly__pg_prepared_drop(fly__pg_talk *talk);

/* rows.c: begin to run talk->stmt, and go on with it. */
void fly__pg_run(fly__pg_talk *talk);
void fly__pg_rows(fly__pg_talk *talk);
void fly__pg_copy_out(fly__pg_talk *talk);
/* A message while data is copied in. */
void fly__pg_on_copy_in(fly__pg_talk *talk, const fly__pg_message *message);
void fly__pg_put_columns(fly__pg_talk *talk, fly_sql_stmt *stmt, const fly_sql_format *formats,
                         uint32_t count);

#endif
