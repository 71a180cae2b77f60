/*
 * A session: one conversation, one transaction at a time, and everything that functions ask for.
 *
 * The way of a statement: parse -> bind -> optimise -> execute, each in a folder of its own:
 *
 *     fly__sql_parse()     parse/ast_int.h     text to AST
 *     fly__sql_bind()      bind/bind_int.h     AST to plan, by the catalog's view
 *     fly__sql_optimise()  opt/opt_int.h       plan to better plan
 *     fly__sql_exec_*()    exec/exec_int.h     plan to rows
 *     fly__sql_utility()   session/utility.c   statements that are no plan: DDL, SET, transactions
 */
#ifndef FLY_SQL_SESSION_INT_H
#define FLY_SQL_SESSION_INT_H

#include "catalog/catalog_int.h"

struct fly__sql_database;

/* Settings that code looks at often; the rest are texts (settings.c). */
typedef struct fly__sql_compat {
    bool div_by_zero_null;
    bool int_arith_wide;
    bool lax_ops;
    bool lax_group_by;
    bool num_case_first;
    bool drop_dependents_keep;
    bool like_nocase;
    bool nulls_first;
    bool lax_syntax;
} fly__sql_compat;

struct fly_sql_session {
    fly_sql *sql;
    struct fly__sql_database *database;
    fly_env *env;
    fly_account account;         /* memory of everything the session holds */
    fly_account query;           /* of the running statement; its limit is work memory */
    fly_txn *txn;                /* NULL: none */
    bool txn_explicit;           /* begun by BEGIN: not ended with the statement */
    bool txn_failed;             /* only ROLLBACK is left */
    fly__sql_catalog_view *view; /* of the running statement, or of the transaction with DDL */
    fly__sql_compat compat;
    uint64_t epoch;         /* counts changes of settings that plans depend on */
    bool defer_all;         /* SET CONSTRAINTS ALL DEFERRED, for the transaction */
    bool defer_none;        /* … IMMEDIATE */
    char optimise;          /* flydb.optimise: '+' on, '-' off, 'p' plain */
    bool verify;            /* flydb.verify: run operators in several ways and compare */
    bool has_deadline;      /* the statement has a limit of time */
    fly_atomic_u32 cancel;  /* 0; 1 cancelled, 2 timed out: tested once per batch */
    int64_t statement_time; /* microseconds since 1970: now() is the transaction's: */
    int64_t txn_time;
    const char *user;  /* the current one */
    uint32_t user_oid; /* its role: whose rights count */
    const char *search_path;
    uint8_t date_style, date_order, interval_style; /* as vec_time.h numbers them */
    const void *time_zone;                          /* fly_vec_tz */
    uint64_t random; /* state of random(); 0: not seeded yet, by the env or setseed() */
    bool (*progress)(void *ctx, uint64_t done, uint64_t of);
    void *progress_ctx;
    void (*notice)(void *ctx, const char *severity, const fly_err *notice);
    void *notice_ctx;
    void (*utility)(void *ctx, const char *tag, fly_bytes text, const fly_err *failure);
    void *utility_ctx;
    const struct fly__sql_trigger_hooks *triggers; /* who runs triggers; NULL: nobody */
    struct fly__sql_change *deferred;              /* constraints that wait for the commit */
    struct fly__sql_retired *retired; /* views that the running statement has replaced */
    struct fly__sql_core
        *temporary_before;        /* temporary objects before the transaction changed them, */
    bool temporary_changed;       /* if it did */
    struct fly__sql_pl_state *pl; /* compiled functions; NULL: none yet */
    struct fly__sql_session_state
        *state; /* session.c's own: settings, prepared statements, cursors */
};

/* The catalog of the session's database. */
fly__sql_catalog *fly__sql_session_catalog(const fly_sql_session *session);

/* The OID of a collation, whatever its name's case; 0 if there is none. */
uint32_t fly__sql_collation_named(const char *name);

/* All of them, one after the other: its OID, 0 behind the last. */
uint32_t fly__sql_collation_at(size_t i, char name[FLY__SQL_NAME_MAX + 1]);

/* A tree of the database by its name, made if need be: found once, then remembered. */
fly_status fly__sql_session_tree(fly_sql_session *session, const char *name, fly_tree **tree,
                                 fly_err *err);

/* Tell the user something that is not an error. */
void fly__sql_notice(fly_sql_session *session, const char *severity, const char *sqlstate,
                     const char *format, ...) FLY_PRINTF(4, 5);

/* FLY_E_CANCELLED with 57014, if somebody asked for it; 57P01 if the session is to end. */
fly_status fly__sql_check_cancel(fly_sql_session *session, fly_err *err);

/* Sequences, for nextval() and its kin: their values are not part of transactions. */
fly_status fly__sql_sequence_next(fly_sql_session *session, uint32_t oid, int64_t *value,
                                  fly_err *err);
fly_status fly__sql_sequence_current(fly_sql_session *session, uint32_t oid, int64_t *value,
                                     fly_err *err);
fly_status fly__sql_sequence_set(fly_sql_session *session, uint32_t oid, int64_t value, bool called,
                                 fly_err *err);
fly_status fly__sql_sequence_last(fly_sql_session *session, int64_t *value, fly_err *err);
fly_status fly__sql_sequence_place(fly_sql_session *session, uint32_t oid, int64_t *value,
                                   bool *called, fly_err *err);

/* Settings by name, as SHOW and SET see them. */
const char *fly__sql_setting(fly_sql_session *session, const char *name);
fly_status fly__sql_setting_set(fly_sql_session *session, const char *name, const char *value,
                                bool local, fly_err *err);

#endif
