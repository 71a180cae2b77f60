/**
 * @file sql.h
 * @brief An SQL engine in the process: databases in a directory, sessions, statements, rows.
 *
 *     fly_sql *sql;  fly_sql_session *session;  fly_sql_stmt *stmt;
 *     fly_sql_open(&env, "data", &(fly_sql_options){.create = true}, &sql, &err);
 *     fly_sql_session_open(sql, NULL, &session, &err);
 *     fly_sql_prepare(session, fly_bytes_str("SELECT 6 * $1"), &stmt, NULL, &err);
 *     fly_sql_bind_int64(stmt, 1, 7, &err);
 *     while ((status = fly_sql_step(stmt, &err)) == FLY_OK) {
 *         printf("%" PRId64 "\n", fly_sql_column_int64(stmt, 0));
 *     }                                            // FLY_E_END: no more rows
 *     fly_sql_finalize(stmt);
 *     fly_sql_session_close(session);
 *     fly_sql_close(sql, &err);
 *
 * The dialect is PostgreSQL's: syntax, types, semantics, error codes. Errors carry an SQLSTATE, a
 * message in PostgreSQL's words where it has the same error, a position in the text, detail and hint.
 *
 * Threads: a ::fly_sql is thread-safe. A session, and everything opened in it, belongs to one thread
 * at a time; only fly_sql_cancel() may be called from any thread. Sessions run beside each other, each
 * in its own transaction.
 */
#ifndef FLY_SQL_H
#define FLY_SQL_H

#include <fly/base_env.h>
#include <fly/txn.h>
#include <fly/vec.h>

/** @defgroup sql libsql: SQL over transactions */
/** @addtogroup sql
 *  @{ */

#define FLY_SQL_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

typedef struct fly_sql fly_sql;                 /**< an engine over a directory of databases */
typedef struct fly_sql_session fly_sql_session; /**< a conversation with one database */
typedef struct fly_sql_stmt fly_sql_stmt;       /**< a prepared statement */

/** A type. OIDs of built-in types are PostgreSQL's. */
typedef struct fly_sql_type {
    uint32_t oid;
    int32_t mod; /**< what varchar(n), numeric(p, s) add, as PostgreSQL encodes it; -1: none */
    uint32_t collation; /**< of text: OID, 0 is the database's */
    uint8_t
        digits;    /**< numeric: 1 to 18: values are i64, to 38: i128, scaled; 0: libvec's format */
    uint8_t scale; /**< numeric with digits: those behind the point */
} fly_sql_type;

/** OIDs of the types that programs name most often. */
enum {
    FLY_SQL_BOOL = 16,
    FLY_SQL_BYTEA = 17,
    FLY_SQL_CHAR = 18, /**< "char", one byte */
    FLY_SQL_NAME = 19,
    FLY_SQL_INT8 = 20,
    FLY_SQL_INT2 = 21,
    FLY_SQL_INT4 = 23,
    FLY_SQL_REGPROC = 24,
    FLY_SQL_TEXT = 25,
    FLY_SQL_OID = 26,
    FLY_SQL_JSON = 114,
    FLY_SQL_FLOAT4 = 700,
    FLY_SQL_FLOAT8 = 701,
    FLY_SQL_UNKNOWN = 705, /**< a literal that has no type yet */
    FLY_SQL_BPCHAR = 1042, /**< character(n) */
    FLY_SQL_VARCHAR = 1043,
    FLY_SQL_DATE = 1082,
    FLY_SQL_TIME = 1083,
    FLY_SQL_TIMESTAMP = 1114,
    FLY_SQL_TIMESTAMPTZ = 1184,
    FLY_SQL_INTERVAL = 1186,
    FLY_SQL_TIMETZ = 1266,
    FLY_SQL_NUMERIC = 1700,
    FLY_SQL_REGCLASS = 2205,
    FLY_SQL_REGTYPE = 2206,
    FLY_SQL_RECORD = 2249,
    FLY_SQL_ANY = 2276,
    FLY_SQL_ANYARRAY = 2277,
    FLY_SQL_VOID = 2278,
    FLY_SQL_TRIGGER = 2279,
    FLY_SQL_ANYELEMENT = 2283,
    FLY_SQL_ANYNONARRAY = 2776,
    FLY_SQL_UUID = 2950,
    FLY_SQL_ANYENUM = 3500,
    FLY_SQL_JSONB = 3802,
    FLY_SQL_ANYCOMPATIBLE = 5077,
    FLY_SQL_ANYCOMPATIBLEARRAY = 5078
};

/* ------------------------------------------------------------------- engines */

/** Knobs. Zero means the default. */
typedef struct fly_sql_options {
    bool create;           /**< make the directory and the database "default" if there are none */
    bool read_only;        /**< change nothing */
    uint64_t memory_bytes; /**< for all queries together; default half of what the pool has, at
                                  least 64 MiB */
    uint32_t threads;      /**< that help a big query; default: processors; 1: none */
    uint64_t plan_cache;   /**< statements whose plans are kept; default 1,024 */
    const fly_store_options *store; /**< of each database's store; borrowed for the call */
} fly_sql_options;

/**
 * @brief Open a directory of databases, or, with ":memory:", one that is gone when it is closed.
 *
 * A directory `data/` has a directory for each database, each a store of libtxn: `data/default/data.db`.
 * Databases are opened when the first session asks for them.
 *
 * @param[out] sql  Gives; fly_sql_close().
 * @return As fly_store_open().
 */
FLY_MUST_USE fly_status fly_sql_open(fly_env *env, const char *path, const fly_sql_options *options,
                                     fly_sql **sql, fly_err *err);

/** Close. No session may be open. The handle is gone whatever the outcome. */
FLY_MUST_USE fly_status fly_sql_close(fly_sql *sql, fly_err *err);

/** Takes a fact for INSPECT; both are copied. */
typedef void fly_sql_tell(void *to, const char *name, const char *value);

/**
 * @brief Let INSPECT SERVER and INSPECT STATUS show what the program knows, behind what the engine does.
 *
 * @param inspect  Called by the session that inspects, from any thread, until the engine is closed: tells
 *                 what it is (SERVER), or, with `status`, what it does now.
 */
void fly_sql_on_inspect(fly_sql *sql,
                        void (*inspect)(void *ctx, bool status, fly_sql_tell *tell, void *to),
                        void *ctx);

/**
 * @brief Hear of statements that took long.
 *
 * @param us    Microseconds from which on a statement is told; 0: none is. May be changed at any time,
 *              with the same function and context.
 * @param slow  Called by the session's thread when the statement has ended, well or not; it must not run
 *              statements. `text` is all of it, passwords included.
 */
void fly_sql_on_slow(fly_sql *sql, uint64_t us,
                     void (*slow)(void *ctx, fly_sql_session *session, fly_bytes text, uint64_t us),
                     void *ctx);

/**
 * @brief Copy a database while it is in use, as fly_store_backup_to().
 *
 * @param database  One that exists; it is opened if it is not. "_system" has the roles, if anybody
 *                  ever changed them.
 * @param dir       Made; must not exist. fly_store_restore() makes a database of it.
 * @param[out] lsn  If not NULL: what the copy is consistent with.
 * @return FLY_E_INVALID with 3D000: no such database; FLY_E_EXISTS; as fly_store_backup_to().
 * @threads Any.
 */
FLY_MUST_USE fly_status fly_sql_backup(fly_sql *sql, const char *database, const char *dir,
                                       uint64_t *lsn, fly_err *err);

/* ------------------------------------------------------------------ sessions */

/** How a session begins. Zero means the default. */
typedef struct fly_sql_session_options {
    const char *database;  /**< default "default" */
    const char *user;      /**< a role that may log in; default: the administrator, unasked */
    uint64_t memory_bytes; /**< of one query; default: the engine's share */
    const char *application_name; /**< as SET application_name; copied, as what follows */
    const char *client_addr;      /**< as pg_stat_activity shows it; NULL: in the process */
    int32_t client_port;          /**< -1: a local socket */
    const char *backend_type;     /**< default "client backend" */
} fly_sql_session_options;

/** @brief Begin a session. @param options May be NULL. @return FLY_E_INVALID with 3D000: no such
 *  database; 28000: no such role, or it may not log in; 42501: the database does not let it in. */
FLY_MUST_USE fly_status fly_sql_session_open(fly_sql *sql, const fly_sql_session_options *options,
                                             fly_sql_session **session, fly_err *err);

/** End a session: rolls its transaction back, finalizes its statements. NULL is fine. */
void fly_sql_session_close(fly_sql_session *session);

/** The database that the session works in; valid until it changes. */
const char *fly_sql_session_database(const fly_sql_session *session);

/** 'I' idle, 'T' in a transaction, 'E' in one that has failed: as PostgreSQL's protocol says it. */
char fly_sql_session_state(const fly_sql_session *session);

/** A setting, as SHOW gives it; NULL if there is none of that name. Valid until it changes. */
const char *fly_sql_session_setting(fly_sql_session *session, const char *name);

/** Set a setting, as SET does; `value` NULL: to its default. */
FLY_MUST_USE fly_status fly_sql_session_set(fly_sql_session *session, const char *name,
                                            const char *value, fly_err *err);
/** What is set now is what RESET and DISCARD ALL go back to: for who has set what a client asked for when
 *  it came. */
FLY_MUST_USE fly_status fly_sql_session_settings_start(fly_sql_session *session, fly_err *err);
/** Counts the changes of settings: who shows some to a client looks again when it has grown. */
uint64_t fly_sql_session_set_count(const fly_sql_session *session);

/** Called when DEALLOCATE or DISCARD ALL want a prepared statement to go, or all of them (`name` NULL):
 *  for who keeps statements under names of its own. Set `*found` if there was one. */
void fly_sql_on_deallocate(fly_sql_session *session,
                           void (*deallocated)(void *ctx, const char *name, bool *found),
                           void *ctx);

/** Asked when EXECUTE names a statement that was not prepared by PREPARE: for who keeps statements under
 *  names of its own. NULL: there is none. */
void fly_sql_on_prepared(fly_sql_session *session,
                         fly_sql_stmt *(*prepared)(void *ctx, const char *name), void *ctx);

/** Ask the running statement to end with 57014, from any thread. Does nothing if none runs. */
void fly_sql_cancel(fly_sql_session *session);

/* ------------------------------------------------- sessions, seen from outside */

/** Its number among the engine's open sessions, from 1 on: pg_backend_pid(). */
uint32_t fly_sql_session_pid(const fly_sql_session *session);

/** A random number that who wants to cancel by pid must know: PostgreSQL's BackendKeyData. */
uint32_t fly_sql_session_secret(const fly_sql_session *session);

/** @brief fly_sql_cancel() by number. @return False: there is no such session, or the secret is wrong.
 *  @threads Any. */
bool fly_sql_cancel_backend(fly_sql *sql, uint32_t pid, uint32_t secret);

/**
 * @brief Tell a session to end, as pg_terminate_backend(): its statement, and each that follows, fails
 *        with 57P01, and the callback of fly_sql_on_terminate() is called.
 *
 * @return False: there is no such session.
 * @threads Any.
 */
bool fly_sql_terminate_backend(fly_sql *sql, uint32_t pid);

/** Whether it was told to end: the server then closes the connection with 57P01. */
bool fly_sql_session_terminated(const fly_sql_session *session);

/** Who is to wake when the session is told to end. Called from any thread, or at once if that has
 *  happened already; must only wake and call nothing of this library. NULL: nobody. */
void fly_sql_on_terminate(fly_sql_session *session, void (*terminate)(void *ctx), void *ctx);

/** A message of NOTIFY. */
typedef struct fly_sql_notification {
    uint32_t pid;        /**< of the session that sent it */
    const char *channel; /**< valid until the next is taken */
    const char *payload; /**< "" if it has none; valid until the next is taken */
} fly_sql_notification;

/**
 * @brief Take the next message for a session that listens: in the order in which those who sent them
 *        have committed.
 *
 * @return False: there is none, or the session is in a transaction: try again when that has ended.
 * @cost   Nothing if there is none.
 */
bool fly_sql_notification_next(fly_sql_session *session, fly_sql_notification *notification);

/** Who is to wake when there is a message for the session, after the sender's commit. Called by the
 *  sender's thread, which may be the session's own; must only wake and call nothing of this library.
 *  NULL: nobody. USE of another database keeps it, but not what was listened to. */
void fly_sql_on_notification(fly_sql_session *session, void (*wake)(void *ctx), void *ctx);

/** Called when a setting that clients are told of has changed: by SET, or since a transaction that set it
 *  has ended. Names are spelled as PostgreSQL says them. NULL: nobody is told. */
void fly_sql_on_setting(fly_sql_session *session,
                        void (*changed)(void *ctx, const char *name, const char *value), void *ctx);

/** The settings that clients are told of, when they begin and when they change, one after the other: NULL
 *  behind the last. Their values: fly_sql_session_setting(). */
const char *fly_sql_setting_reported(size_t i);

/** Time-outs as the session has set them, in milliseconds; 0: none. Those of statements and locks are
 *  kept by the library, those of idle sessions by the server. */
typedef struct fly_sql_limits {
    uint32_t statement_timeout_ms;
    uint32_t lock_timeout_ms;
    uint32_t idle_in_transaction_ms; /**< 25P03 */
    uint32_t idle_session_ms;        /**< 57P05 */
} fly_sql_limits;

/** Take them. */
void fly_sql_session_limits(const fly_sql_session *session, fly_sql_limits *limits);

/** Called now and then while a statement runs: rows done so far, and an estimate of all (0: unknown).
 *  Return false to cancel. NULL: nobody is told. */
void fly_sql_on_progress(fly_sql_session *session,
                         bool (*progress)(void *ctx, uint64_t done, uint64_t of), void *ctx);

/** Called with each notice and warning (RAISE NOTICE, "relation exists, skipping"): severity is
 *  "NOTICE", "WARNING", "INFO", "LOG" or "DEBUG". */
void fly_sql_on_notice(fly_sql_session *session,
                       void (*notice)(void *ctx, const char *severity, const fly_err *notice),
                       void *ctx);

/** Called when a statement has ended that is neither a query nor a change of rows: definitions, grants,
 *  settings; and of any statement that was denied (42501). `tag` is as fly_sql_tag(), empty after a failure; `text` is the statement; `failure` is NULL,
 *  or what went wrong. For whoever keeps an audit trail. It may be rolled back later. */
void fly_sql_on_utility(fly_sql_session *session,
                        void (*done)(void *ctx, const char *tag, fly_bytes text,
                                     const fly_err *failure),
                        void *ctx);

/** The current user, as SQL's current_user; valid until the next statement. */
const char *fly_sql_session_user(const fly_sql_session *session);
/** The OID of the role that the session began as, whatever SET ROLE has made of it. */
uint32_t fly_sql_session_user_oid(const fly_sql_session *session);

/* --------------------------------------------------------------------- roles */

enum { FLY_SQL_VERIFIER_MAX = 511 /**< bytes of a password's verifier */ };

/** A role, for who logs users in. Sessions apply its settings themselves, and see that it may log in and
 *  connect; passwords, their validity and connection limits are for who opens them. */
typedef struct fly_sql_role {
    uint32_t oid;
    char name[64];
    bool superuser, login, replication, create_role, create_db, bypass_rls;
    bool has_verifier;
    int32_t connection_limit; /**< sessions at a time; -1: any number */
    int64_t valid_until;      /**< of the password: microseconds since 1970; INT64_MAX: for ever */
    char verifier[FLY_SQL_VERIFIER_MAX + 1]; /**< as libauth made it; "": no password */
} fly_sql_role;

/**
 * @brief Look a role up by its name, as it is now.
 *
 * @return FLY_E_NOT_FOUND, without a message: there is none.
 * @threads Any.
 */
FLY_MUST_USE fly_status fly_sql_role_find(fly_sql *sql, const char *name, fly_sql_role *role,
                                          fly_err *err);

/**
 * @brief Give a role a password's verifier, or with NULL none: what a first start does for "admin".
 *
 * Durable when it returns. A directory that never heard of roles has the built-in ones: admin, a
 * superuser with OID 10, reader, writer, owner, readonly, readwrite; none has a password.
 *
 * @return FLY_E_INVALID with 42704: there is no such role.
 */
FLY_MUST_USE fly_status fly_sql_role_set_verifier(fly_sql *sql, const char *name,
                                                  const char *verifier, fly_err *err);

/**
 * @brief Let somebody look at each password that CREATE ROLE and ALTER ROLE are given: a policy.
 *
 * Verifiers, which no password can be read from, are not shown. Before the first session is opened.
 *
 * @param check  Refuses by a failure, with a message. Called by several threads at a time. NULL: nobody.
 */
void fly_sql_on_password(fly_sql *sql,
                         fly_status (*check)(void *ctx, const char *user, fly_bytes password,
                                             fly_err *err),
                         void *ctx);

/* ---------------------------------------------------------------- statements */

/**
 * @brief Run all statements of a text, and tell the rows to `row`.
 *
 * More than one statement in a text run in one transaction, unless the text has transaction commands.
 *
 * @param row  If not NULL: called for each row, with the statement positioned on it.
 * @return The first failure; err->position is in `text`.
 */
FLY_MUST_USE fly_status fly_sql_execute(fly_sql_session *session, fly_bytes text,
                                        fly_status (*row)(void *ctx, fly_sql_stmt *stmt), void *ctx,
                                        fly_err *err);

/**
 * @brief Prepare the first statement of a text.
 *
 * @param[out] stmt  Gives; fly_sql_finalize(). NULL if the text has no statement.
 * @param[out] used  If not NULL: the bytes up to where the next statement may begin.
 */
FLY_MUST_USE fly_status fly_sql_prepare(fly_sql_session *session, fly_bytes text,
                                        fly_sql_stmt **stmt, size_t *used, fly_err *err);

/**
 * @brief As fly_sql_prepare(), with types that the client says the parameters have.
 *
 * @param types  OIDs of the types of $1 and up, 0 (or FLY_SQL_UNKNOWN): it follows from where the
 *               parameter stands. Copied; may be NULL if `count` is 0. What no type follows for is
 *               42P18, what is none 42704.
 */
FLY_MUST_USE fly_status fly_sql_prepare_typed(fly_sql_session *session, fly_bytes text,
                                              const uint32_t *types, uint32_t count,
                                              fly_sql_stmt **stmt, size_t *used, fly_err *err);

/**
 * @brief Make another statement of the same text, with the same types of parameters: what a portal is to
 *        a prepared statement.
 *
 * It has its own parameters, all NULL, and rows, and may outlive the first. Costs a preparation; so run
 * a prepared statement itself as long as it does not run already (fly_sql_running()), and clone it
 * only for a second portal beside.
 *
 * @param[out] clone  Gives; fly_sql_finalize().
 */
FLY_MUST_USE fly_status fly_sql_stmt_clone(fly_sql_stmt *stmt, fly_sql_stmt **clone, fly_err *err);

/** Whether it is between its first step and its end. */
bool fly_sql_running(const fly_sql_stmt *stmt);

/** Release. NULL is fine. */
void fly_sql_finalize(fly_sql_stmt *stmt);

/* ------------------------------------------------------------ many statements */

typedef struct fly_sql_script fly_sql_script; /**< a text of statements on its way through them */

/**
 * @brief Parse a text of any number of statements, to run them one after the other.
 *
 * As fly_sql_execute() does, for who cannot wait for the end of each: they run in one transaction,
 * unless the text has transaction commands.
 *
 * @param[out] script  Gives; fly_sql_script_close(). Meanwhile nothing else is run in the session.
 * @return A syntax error anywhere in the text: nothing has run.
 */
FLY_MUST_USE fly_status fly_sql_script_open(fly_sql_session *session, fly_bytes text,
                                            fly_sql_script **script, fly_err *err);

/**
 * @brief Prepare the next statement.
 *
 * @param[out] stmt  Valid until the next call; run it to its end before that. Positions in errors are
 *                   in the whole text.
 * @return FLY_E_END: there is none. After a failure, of this or of the statement, nothing is left to
 *         do but closing.
 */
FLY_MUST_USE fly_status fly_sql_script_next(fly_sql_script *script, fly_sql_stmt **stmt,
                                            fly_err *err);

/** Release. What has been left out takes the transaction of the text back. NULL is fine. */
void fly_sql_script_close(fly_sql_script *script);

/** From here on, statements outside of BEGIN and COMMIT run in one transaction. Its end, by
 *  fly_sql_block_end() or by a COMMIT among them, ends the block. Twice is fine. */
void fly_sql_block_begin(fly_sql_session *session);

/** End the block: what still runs is reset, its transaction committed. One that BEGIN has begun stays. */
FLY_MUST_USE fly_status fly_sql_block_end(fly_sql_session *session, fly_err *err);

/** Behave as after a statement's failure: roll the block's transaction back, or let only ROLLBACK
 *  follow in one that BEGIN has begun. What runs is reset. */
void fly_sql_block_fail(fly_sql_session *session);

/** Whether the catalog and the settings are those that the statement was prepared with: what is known of
 *  its columns and parameters holds. If not it still runs, as they are now. */
bool fly_sql_stmt_current(fly_sql_stmt *stmt);

/** How many parameters it has: the highest n of $n. */
uint32_t fly_sql_param_count(const fly_sql_stmt *stmt);
/** The type of parameter `n`, counted from 1. */
fly_sql_type fly_sql_param_type(const fly_sql_stmt *stmt, uint32_t n);

/** Set parameter `n`, counted from 1; all keep their values until they are set again. Values are
 *  converted to the parameter's type: 22P02, 22003 if that cannot be. @{ */
/** To NULL. */
FLY_MUST_USE fly_status fly_sql_bind_null(fly_sql_stmt *stmt, uint32_t n, fly_err *err);
/** To true or false. */
FLY_MUST_USE fly_status fly_sql_bind_bool(fly_sql_stmt *stmt, uint32_t n, bool value, fly_err *err);
/** To an integer. */
FLY_MUST_USE fly_status fly_sql_bind_int64(fly_sql_stmt *stmt, uint32_t n, int64_t value,
                                           fly_err *err);
/** To a floating-point number. */
FLY_MUST_USE fly_status fly_sql_bind_double(fly_sql_stmt *stmt, uint32_t n, double value,
                                            fly_err *err);
/** To a text, in UTF-8. */
FLY_MUST_USE fly_status fly_sql_bind_text(fly_sql_stmt *stmt, uint32_t n, fly_bytes text,
                                          fly_err *err);
/** To bytes. */
FLY_MUST_USE fly_status fly_sql_bind_bytes(fly_sql_stmt *stmt, uint32_t n, fly_bytes bytes,
                                           fly_err *err);
/** To what PostgreSQL's protocol sends for a value of the parameter's type in binary format. Hostile
 *  bytes are refused, with memory in proportion to their number: 22P03, 08P01 if some are missing, 22021
 *  if a text is not UTF-8, 22003 and 22008 for what is out of range. */
FLY_MUST_USE fly_status fly_sql_bind_binary(fly_sql_stmt *stmt, uint32_t n, fly_bytes bytes,
                                            fly_err *err);
/** To a value of any type. */
FLY_MUST_USE fly_status fly_sql_bind_value(fly_sql_stmt *stmt, uint32_t n,
                                           const fly_vec_value *value, fly_err *err);
/** @} */

/**
 * @brief Run, up to the next row.
 *
 * @return FLY_OK: a row is there; FLY_E_END: no more; both leave the statement usable. After a failure
 *         it has been reset.
 */
FLY_MUST_USE fly_status fly_sql_step(fly_sql_stmt *stmt, fly_err *err);

/**
 * @brief As fly_sql_step(), by batches of up to 1,024 rows: no row is copied.
 *
 * @param[out] batch  Valid until the next call. Mind its selection.
 */
FLY_MUST_USE fly_status fly_sql_fetch(fly_sql_stmt *stmt, const fly_vec_batch **batch,
                                      fly_err *err);

/** Go back to before the first row; parameters stay. */
void fly_sql_reset(fly_sql_stmt *stmt);

/** Columns of the result; 0 for statements that give none. Known once prepared. */
uint32_t fly_sql_column_count(const fly_sql_stmt *stmt);
/** The name of column `i`, counted from 0. */
const char *fly_sql_column_name(const fly_sql_stmt *stmt, uint32_t i);
/** The type of column `i`. */
fly_sql_type fly_sql_column_type(const fly_sql_stmt *stmt, uint32_t i);
/** The OID and attribute number of the table column that it is; 0 if it is computed. */
uint32_t fly_sql_column_table(const fly_sql_stmt *stmt, uint32_t i, uint16_t *column);

/** The current row's value in column `i`, counted from 0; strings are valid until the next step. @{ */
/** Whether it is NULL. */
bool fly_sql_column_null(const fly_sql_stmt *stmt, uint32_t i);
/** Of type boolean. */
bool fly_sql_column_bool(const fly_sql_stmt *stmt, uint32_t i);
/** Of an integer type, a date, a time: its number. */
int64_t fly_sql_column_int64(const fly_sql_stmt *stmt, uint32_t i);
/** Of a numeric type. */
double fly_sql_column_double(const fly_sql_stmt *stmt, uint32_t i);
/** As psql would show it; of any type. */
fly_bytes fly_sql_column_text(fly_sql_stmt *stmt, uint32_t i);
/** Of any type, as it lies in the batch. */
fly_vec_value fly_sql_column_value(const fly_sql_stmt *stmt, uint32_t i);
/** @} */

/* ------------------------------------------------------------------ rows as bytes */

/** How a value is sent: as PostgreSQL's protocol numbers it. */
typedef enum fly_sql_format {
    FLY_SQL_FORMAT_TEXT = 0,
    FLY_SQL_FORMAT_BINARY = 1 /**< as PostgreSQL's typsend functions make it */
} fly_sql_format;

/** Bytes that grow at their end. Whoever has a buffer of their own fills one with what that has, and
 *  takes data, len and room back afterwards. */
typedef struct fly_sql_buffer {
    uint8_t *data;
    size_t len;
    size_t room;
    /** Make room for `more` bytes behind `len`: sets data and room. False: there is none, and nothing
     *  has changed. Called only if there is too little. */
    bool (*grow)(struct fly_sql_buffer *buffer, size_t more);
    void *ctx;
} fly_sql_buffer;

/** An empty buffer that takes its memory from an allocator; `mem` is kept. */
void fly_sql_buffer_init(fly_sql_buffer *buffer, fly_mem *mem);
/** Release the memory of one that fly_sql_buffer_init() made; it is empty again. */
void fly_sql_buffer_deinit(fly_sql_buffer *buffer);

/** The type of column `i` as a client is told it: a domain is its base type, a literal without a type is
 *  text. `*length`: of its values in bytes, -1 if it varies. */
fly_sql_type fly_sql_column_sent(const fly_sql_stmt *stmt, uint32_t i, int16_t *length);

/** Append the current row's value in column `i` to a buffer, without a length; of NULL nothing. After a
 *  failure the buffer may have grown by a part. */
FLY_MUST_USE fly_status fly_sql_column_append(fly_sql_stmt *stmt, uint32_t i, fly_sql_format format,
                                              fly_sql_buffer *buffer, fly_err *err);

/**
 * @brief Append the current row as PostgreSQL's DataRow has it, behind its head.
 *
 * All big-endian: u16 columns; for each an i32 length, -1 if it is NULL, and the value. After a failure
 * the buffer is as it was.
 *
 * @param formats  None: all text; one: of all columns; else of each column.
 */
FLY_MUST_USE fly_status fly_sql_row_append(fly_sql_stmt *stmt, const fly_sql_format *formats,
                                           uint32_t count, fly_sql_buffer *buffer, fly_err *err);

/** What it was, in PostgreSQL's words: "INSERT 0 3", "SELECT 5", "CREATE TABLE". After it has ended. */
const char *fly_sql_tag(const fly_sql_stmt *stmt);
/** Rows that it changed or gave. */
uint64_t fly_sql_rows(const fly_sql_stmt *stmt);

/* ---------------------------------------------------------------------- copy */

/** What a COPY … FROM STDIN or TO STDOUT waits for: 'i' data in, 'o' data out, 0 neither. After the
 *  first step, which returns FLY_E_AGAIN. */
char fly_sql_copy_state(const fly_sql_stmt *stmt);
/** How many columns each of its rows has. */
uint32_t fly_sql_copy_columns(const fly_sql_stmt *stmt);
/** Whether its data is in PostgreSQL's binary format: else it is text. */
bool fly_sql_copy_binary(const fly_sql_stmt *stmt);
/** Give data to COPY FROM STDIN, cut anywhere. */
FLY_MUST_USE fly_status fly_sql_copy_write(fly_sql_stmt *stmt, fly_bytes data, fly_err *err);
/** End it: `failure` NULL: all was given; else the statement fails with these words. */
FLY_MUST_USE fly_status fly_sql_copy_end(fly_sql_stmt *stmt, const char *failure, fly_err *err);
/** Take the next piece of COPY TO STDOUT, valid until the next call: FLY_E_END. */
FLY_MUST_USE fly_status fly_sql_copy_read(fly_sql_stmt *stmt, fly_bytes *data, fly_err *err);
/** Where the rows of that piece end, ascending; the last is its length. A header belongs to what follows
 *  it. */
const uint32_t *fly_sql_copy_ends(const fly_sql_stmt *stmt, uint32_t *count);

/* ---------------------------------------------------------------------- watching */

typedef struct fly_sql_watch fly_sql_watch; /**< a table, followed through its committed changes */

/** What happened to a row. Rows are JSON objects of the table's columns as it is now, valid until the
 *  watch is used again. */
typedef struct fly_sql_event {
    uint64_t
        lsn; /**< of the commit: all events of a transaction have the same one. Who opens a watch
                       there gets what follows the transaction */
    int64_t time; /**< of the commit: microseconds since 1970; 0 for TRUNCATE */
    const char
        *operation;    /**< "INSERT", "UPDATE", "DELETE", or "TRUNCATE": the table was emptied, or
                                is written anew and its rows follow as inserts */
    const char *table; /**< its name, without schema */
    fly_bytes new_row; /**< of INSERT and UPDATE */
    fly_bytes old_row; /**< of UPDATE and DELETE */
    bool
        old_missing; /**< the former row was long (a fraction of a page) and is not known any more */
    bool last;       /**< of its transaction */
} fly_sql_event;

/**
 * @brief Watch a table: be told what is committed to it, in the order of the commits.
 *
 * Nobody waits for who watches. A change of the key is a DELETE and an INSERT.
 *
 * @param table  As SQL writes it: orders, shop."Orders".
 * @param lsn    From where: 0 is now; else the LSN of an event, or fly_sql_watch_position(), of this
 *               database. What a TRUNCATE between has removed is not told then.
 * @param[out] watch  Gives; fly_sql_watch_close(). Gone with the session; USE ends it: 55000.
 * @return FLY_E_INVALID with 42P01: no such table; 42809: it is none; 42501: the user may not SELECT from
 *         it, or is under row-level security there; 55000: the log does not reach back so far; 22023: it
 *         has no such position.
 */
FLY_MUST_USE fly_status fly_sql_watch_open(fly_sql_session *session, fly_bytes table, uint64_t lsn,
                                           fly_sql_watch **watch, fly_err *err);

/**
 * @brief The next event. Never waits; called by the session's thread, in or out of transactions.
 *
 * @return FLY_E_END: there is none yet. FLY_E_INVALID ends the watch: 42P01: the table was dropped;
 *         42501: the right was revoked; 55000, 54000: it fell behind; 22023: as for opening.
 */
FLY_MUST_USE fly_status fly_sql_watch_next(fly_sql_watch *watch, fly_sql_event *event,
                                           fly_err *err);

/** Who is to wake when something may have been committed to the watched table's database; at once, too.
 *  Called by the committing thread; must only wake and call nothing of this library. Commits that are
 *  not durable at once (synchronous_commit = off) are told when the log has been written, of which
 *  nobody is woken: ask now and then as well. */
void fly_sql_watch_on_change(fly_sql_watch *watch, void (*wake)(void *ctx), void *ctx);

/** For who cannot take events now: let the log go until the next call, which may find it gone (55000). */
void fly_sql_watch_rest(fly_sql_watch *watch);

/** Everything that was committed before this has been told. */
uint64_t fly_sql_watch_position(const fly_sql_watch *watch);

/** End it. NULL is fine. */
void fly_sql_watch_close(fly_sql_watch *watch);

/* ------------------------------------------------------- functions of the program's */

enum { FLY_SQL_ARGS_MAX = 8 /**< of a function */ };

/** What a function is called with besides its arguments. */
typedef struct fly_sql_call {
    fly_sql_session *session; /**< do not run statements in it */
    void *ctx;                /**< as registered */
    uint32_t argc;
    const fly_sql_type *types; /**< of the arguments; numerics come in libvec's format */
    fly_sql_type result;
    fly_arena *arena; /**< for bytes of the result that are more than fit into a ::fly_vec_str */
    fly_err *err;     /**< fill it, with fly_err_state(), before returning a failure */
} fly_sql_call;

/**
 * A function of values.
 *
 *     static fly_status twice(fly_sql_call *call, const fly_vec_value *args, fly_vec_value *result)
 *     {
 *         result->i64 = 2 * args[0].i64;
 *         return FLY_OK;
 *     }
 *
 *     fly_sql_register_scalar(sql, &(fly_sql_scalar){.name = "twice", .argc = 1,
 *         .args = {FLY_SQL_INT8}, .result = FLY_SQL_INT8, .immutable = true, .call = twice}, &err);
 *     // SELECT twice(21)
 */
typedef struct fly_sql_scalar {
    const char *name; /**< as the parser folds it: in lower case; copied */
    uint32_t argc;
    uint32_t args[FLY_SQL_ARGS_MAX]; /**< OIDs of types */
    uint32_t result;
    bool sees_nulls; /**< else it is not called if an argument is NULL, and gives NULL */
    bool immutable;  /**< the same arguments always give the same result */
    fly_status (*call)(fly_sql_call *call, const fly_vec_value *args, fly_vec_value *result);
    void *ctx;
} fly_sql_scalar;

/** A function of many rows: each group has a state, zeroed at first. What it points to must come from
 *  call->arena. */
typedef struct fly_sql_aggregate {
    const char *name; /**< in lower case; copied */
    uint32_t argc;
    uint32_t args[FLY_SQL_ARGS_MAX];
    uint32_t result;
    bool sees_nulls; /**< else rows with a NULL argument are left out */
    size_t state_size;
    fly_status (*step)(fly_sql_call *call, void *state, const fly_vec_value *args);
    fly_status (*final)(fly_sql_call *call, void *state, fly_vec_value *result);
    void *ctx;
} fly_sql_aggregate;

/** A function that gives rows: opened, asked for rows until it returns FLY_E_END, closed. */
typedef struct fly_sql_table_function {
    const char *name; /**< in lower case; copied */
    uint32_t argc;
    uint32_t args[FLY_SQL_ARGS_MAX];
    uint32_t columns;
    const char *const *names; /**< of the columns; copied */
    const uint32_t *types;    /**< of the columns; copied */
    bool sees_nulls;          /**< else there are no rows if an argument is NULL */
    size_t state_size;
    fly_status (*open)(fly_sql_call *call, void *state, const fly_vec_value *args);
    /** Fill one value per column; strings stay valid until the next call. */
    fly_status (*next)(fly_sql_call *call, void *state, fly_vec_value *row);
    void (*close)(void *ctx, void *state); /**< may be NULL; not called if opening failed */
    void *ctx;
} fly_sql_table_function;

/** Make a function known to all sessions of an engine, for as long as that is open. Statements that are
 *  bound later find it beside the built-in ones. It may be called from several threads at a time.
 *  @return FLY_E_INVALID with 42723: there is one with these arguments. @{ */
FLY_MUST_USE fly_status fly_sql_register_scalar(fly_sql *sql, const fly_sql_scalar *function,
                                                fly_err *err);
/** One that aggregates. */
FLY_MUST_USE fly_status fly_sql_register_aggregate(fly_sql *sql, const fly_sql_aggregate *function,
                                                   fly_err *err);
/** One for FROM. */
FLY_MUST_USE fly_status fly_sql_register_table(fly_sql *sql, const fly_sql_table_function *function,
                                               fly_err *err);
/** @} */

FLY_EXTERN_C_END
/** @} */

#endif
