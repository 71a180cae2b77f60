/*
 * What a session holds besides what everybody looks at. Private to session/.
 */
#ifndef FLY_SQL_STATE_INT_H
#define FLY_SQL_STATE_INT_H

#include "session/engine_int.h"
#include "session/registry_int.h"
#include "session/session_int.h"
#include "store/rows_int.h"

/* A setting that was set, and how to take that back. */
typedef struct fly__sql_setting_entry {
    struct fly__sql_setting_entry *link;
    char *name;
    char *value;
} fly__sql_setting_entry;

typedef struct fly__sql_setting_undo {
    struct fly__sql_setting_undo *link;
    char *name;
    char *value; /* what it was; NULL: not set */
    bool local;  /* taken back with a commit, too */
} fly__sql_setting_undo;

/* A savepoint of the user's. */
typedef struct fly__sql_savepoint {
    struct fly__sql_savepoint *below;
    uint32_t set; /* settings that were changed before */
    fly__sql_notify_mark said;
    char name[64];
    fly_savepoint point;
    fly__sql_catalog_view *view;
    fly__sql_roles_mark roles;
} fly__sql_savepoint;

/* A tree that was found by its name. */
typedef struct fly__sql_tree_entry {
    struct fly__sql_tree_entry *link;
    fly_tree *tree;
    char name[32];
} fly__sql_tree_entry;

enum { FLY__SQL_TREE_SLOTS = 64, FLY__SQL_REPORTED = 13 };

/* Statements of whole texts, planned: cache.c. */
enum { FLY__SQL_CACHE_SLOTS = 16, FLY__SQL_CACHE_SEEN = 32 };

typedef struct fly__sql_cache {
    fly_sql_stmt *stmt[FLY__SQL_CACHE_SLOTS];
    uint64_t hash[FLY__SQL_CACHE_SLOTS];
    uint32_t count;
    uint32_t next;                      /* slot to be used next */
    uint64_t seen[FLY__SQL_CACHE_SEEN]; /* texts that came lately: their hashes */
    uint32_t seen_next;
    uint64_t hits;
} fly__sql_cache;

typedef struct fly__sql_session_state {
    fly__sql_backend backend; /* what others know of it */
    fly_txn_waiting waiting;  /* of its transactions */
    uint32_t advisory_count;  /* of its advisory locks */
    fly__sql_listener listener;
    fly_sql_watch *watches;
    char user[FLY__SQL_NAME_MAX + 1]; /* the current one's name */
    uint32_t login;                   /* session_user */
    uint32_t authenticated;           /* who logged in */
    uint32_t definers;                /* functions that run as their owners */
    fly__sql_session_roles roles;
    char *search_path;
    fly__sql_setting_entry *settings;
    fly__sql_setting_entry
        *start;                  /* what RESET goes back to, where that is not the initial value */
    fly__sql_setting_undo *undo; /* the newest first */
    uint32_t undo_count;
    uint64_t settings_version; /* counts all changes of settings */
    void (*deallocated)(void *ctx, const char *name, bool *found); /* NULL: nobody is told */
    void *deallocated_ctx;
    fly_sql_stmt *(*prepared)(void *ctx, const char *name); /* NULL: nobody is asked */
    void *prepared_ctx;
    fly__sql_savepoint *savepoints;
    fly__sql_tree_entry *trees[FLY__SQL_TREE_SLOTS];
    bool trees_new; /* the transaction made trees: forget them if it rolls back */
    fly__sql_source rows;
    fly__sql_source system;
    uint32_t running;        /* statements between their first and last row */
    bool block;              /* several statements of one text: one transaction */
    bool read_only;          /* the transaction's */
    fly_isolation isolation; /* of the next transaction */
    fly_isolation txn_isolation;
    uint32_t statement_timeout_ms;
    uint32_t scram_iterations; /* 0: libauth's default */
    uint32_t lock_timeout_ms;
    uint32_t idle_in_txn_timeout_ms; /* the server's business, as the next */
    uint32_t idle_session_timeout_ms;
    void (*on_setting)(void *ctx, const char *name, const char *value);
    void *on_setting_ctx;
    uint64_t reported[FLY__SQL_REPORTED]; /* hashes of the values that clients know */
    bool asynchronous;                    /* synchronous_commit is off */
    bool default_read_only;
    bool has_locks;      /* on tables */
    bool txn_used;       /* the transaction has run a statement */
    int64_t deadline_us; /* of the running statement; 0: none */
    fly_sql_stmt *stmts; /* all that are open */
    fly__sql_cache cache;
    struct fly__sql_named_stmt *named; /* PREPARE */
    struct fly__sql_cursor *cursors;   /* DECLARE */
    struct fly__sql_table_program *programs;
    uint32_t last_sequence;
    struct fly__sql_sequence_value *sequence_values;
} fly__sql_session_state;

/* Begin what a statement needs: a transaction if there is none, a view, the clock. */
fly_status fly__sql_statement_begin(fly_sql_session *session, fly_err *err);
/* End it: commits if the transaction was the statement's own, or, if `failed`, rolls that back and
 * leaves an explicit one failed. */
fly_status fly__sql_statement_end(fly_sql_session *session, bool failed, fly_err *err);

/* The transaction's commands. */
fly_status fly__sql_txn_begin(fly_sql_session *session, fly_err *err);
fly_status fly__sql_txn_commit(fly_sql_session *session, fly_err *err);
void fly__sql_txn_rollback(fly_sql_session *session);
void fly__sql_txn_fail(fly_sql_session *session);
void fly__sql_txn_not_serial(fly_err *err);
fly_status fly__sql_savepoint_set(fly_sql_session *session, const char *name, fly_err *err);
fly_status fly__sql_savepoint_back(fly_sql_session *session, const char *name, fly_err *err);
fly_status fly__sql_savepoint_release(fly_sql_session *session, const char *name, fly_err *err);

/* A part of a transaction that may be taken back: begin, then end or go back, which ends it too. */
typedef struct fly__sql_guard {
    fly__sql_notify_mark said;
    uint32_t set; /* settings that were changed before */
    fly_savepoint point;
    fly__sql_catalog_view *view;
    fly__sql_roles_mark roles;
    uint32_t running;
} fly__sql_guard;
void fly__sql_guard_begin(fly_sql_session *session, fly__sql_guard *guard);
void fly__sql_guard_end(fly_sql_session *session, fly__sql_guard *guard);
fly_status fly__sql_guard_back(fly_sql_session *session, fly__sql_guard *guard, fly_err *err);

/* COMMIT or ROLLBACK inside of a procedure: end the transaction, begin the next. */
fly_status fly__sql_txn_renew(fly_sql_session *session, bool commit, fly_err *err);

/* The newest view of the catalog, for binding. */
fly_status fly__sql_session_view(fly_sql_session *session, fly_err *err);

/* Settings: at the beginning, and with transactions. */
fly_status fly__sql_settings_init(fly_sql_session *session, fly_err *err);
void fly__sql_settings_deinit(fly_sql_session *session);
void fly__sql_settings_end(fly_sql_session *session, bool committed);
/* Take back what was set since there were so many changes in the transaction. */
void fly__sql_settings_back(fly_sql_session *session, uint32_t down_to);

/* A copy in the session's memory; free with its length. NULL: no memory. */
char *fly__sql_session_strdup(fly_sql_session *session, const char *text);
void fly__sql_session_strfree(fly_sql_session *session, char *text);

#endif
