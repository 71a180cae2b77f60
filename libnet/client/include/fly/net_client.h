/**
 * @file net_client.h
 * @brief A client of FlyDB's binary protocol: connect, ask, read rows; prepare; pool.
 *
 *     fly_client_options options = {.host = "localhost", .user = "alice", .password = "secret"};
 *     fly_client *client;  fly_client_result *result;
 *     fly_client_connect(&env, &options, &client, &err);
 *     fly_client_query(client, "SELECT id, name FROM users WHERE id < $1",
 *                      (fly_frame_value[]){fly_client_int(10)}, 1, &result, &err);
 *     while ((status = fly_client_row(result, &err)) == FLY_OK) {
 *         fly_bytes name = fly_client_text(result, 1);
 *         printf("%" PRId64 " %.*s\n", fly_client_int64(result, 0), (int)name.len, name.data);
 *     }                                              // FLY_E_END: no more rows
 *     fly_client_result_close(result);
 *     fly_client_close(client);
 *
 * A failure that the server reports has its SQLSTATE, message, detail, hint and position in the fly_err,
 * and leaves the connection usable, as does everything with a status of its own; after FLY_E_IO,
 * FLY_E_TIMEOUT or FLY_E_CORRUPT it is broken (fly_client_broken()) and can only be closed.
 *
 * One result at a time is open on a connection. Rows are read from the network as they are asked for: a
 * result larger than memory is no problem, and who does not read is not sent more.
 *
 * Threads: a client, and what was opened on it, belongs to one thread at a time; only
 * fly_client_cancel() may be called from any thread, and from a signal handler. A pool is thread-safe.
 */
#ifndef FLY_NET_CLIENT_H
#define FLY_NET_CLIENT_H

#include <fly/base_env.h>
#include <fly/net_frame.h>

/** @defgroup net_client net-client: a client of the binary protocol */
/** @addtogroup net_client
 *  @{ */

#define FLY_NET_CLIENT_VERSION "0.1.0" /**< semantic version of this library */

FLY_EXTERN_C_BEGIN

typedef struct fly_client fly_client;               /**< a connection */
typedef struct fly_client_result fly_client_result; /**< an answer that is being read */
typedef struct fly_client_pool fly_client_pool;     /**< connections that are shared */

/* ------------------------------------------------------------------ connecting */

/** Whether the connection is encrypted. */
typedef enum fly_client_tls {
    FLY_CLIENT_TLS_OFF,    /**< no */
    FLY_CLIENT_TLS_VERIFY, /**< yes, and the server's certificate must be good, and for this host */
    FLY_CLIENT_TLS_ENCRYPT /**< yes, to whoever it is: against listeners, not against impostors, whom
                                SCRAM still does not give the password */
} fly_client_tls;

/** Where to connect, and as whom. Borrowed for the call. */
typedef struct fly_client_options {
    const char *host; /**< name or address; default "localhost" */
    uint16_t port;    /**< default 8889 */
    const char *user; /**< default "admin" */
    const char *password;
    const char *database;    /**< default "default" */
    const char *application; /**< application_name; default "flyclient" */
    fly_client_tls tls;
    const char *authorities; /**< PEM file of whom to trust; NULL: whom the system trusts */
    bool
        send_password; /**< where SCRAM cannot be done, send the password as it is, if the connection is
                             encrypted */
    uint32_t connect_ms; /**< default 10,000 */
    uint32_t timeout_ms; /**< of one read or write; default 0: wait for ever */
} fly_client_options;

/**
 * @brief Connect and log in.
 *
 * @param env            Keeps.
 * @param[out] client    Gives; fly_client_close().
 * @return FLY_E_NOT_FOUND: no such host; FLY_E_IO, FLY_E_TIMEOUT: nobody answers; FLY_E_PERMISSION: the
 *         server's certificate, or its proof that it knows the password, is wrong; what the server says,
 *         e.g. FLY_E_INVALID with 28P01.
 */
FLY_MUST_USE fly_status fly_client_connect(fly_env *env, const fly_client_options *options,
                                           fly_client **client, fly_err *err);

/** Say goodbye and close, with everything that is open on it. NULL is fine. */
void fly_client_close(fly_client *client);

/** Whether the connection is unusable. */
bool fly_client_broken(const fly_client *client);

/** Whether the server answers. */
FLY_MUST_USE fly_status fly_client_ping(fly_client *client, fly_err *err);

/**
 * @brief Ask the server to cancel what the connection runs, over a connection of its own.
 *
 * Takes no memory and no locks. Waits for the server's answer, for two seconds at most.
 *
 * @return Whether the server has been asked. What runs then ends with 57014, if it still runs.
 * @threads Any; also from a signal handler.
 */
bool fly_client_cancel(const fly_client *client);

/** 'I' idle, 'T' in a transaction, 'E' in one that has failed; '?' broken. As of the last answer. */
char fly_client_state(const fly_client *client);
/** The session's number, as pg_stat_activity shows it. */
uint32_t fly_client_pid(const fly_client *client);
/** Version and cipher of TLS, "TLSv1.3 TLS_AES_256_GCM_SHA384"; "" without. */
const char *fly_client_encryption(const fly_client *client);

/** Called with each notice, while an answer is read. NULL: nobody is told. */
void fly_client_on_notice(fly_client *client,
                          void (*notice)(void *ctx, const char *severity, const fly_err *notice),
                          void *ctx);

/* --------------------------------------------------------------------- values */

/** Values for parameters; texts and bytes are borrowed for the call. @{ */
/** NULL. */
static inline fly_frame_value fly_client_null_value(void)
{
    fly_frame_value value;
    __builtin_memset(&value, 0, sizeof value);
    return value;
}
/** true or false. */
static inline fly_frame_value fly_client_bool(bool b)
{
    fly_frame_value value;
    __builtin_memset(&value, 0, sizeof value);
    value.kind = b ? FLY_FRAME_V_TRUE : FLY_FRAME_V_FALSE;
    return value;
}
/** An integer. */
static inline fly_frame_value fly_client_int(int64_t i)
{
    fly_frame_value value;
    __builtin_memset(&value, 0, sizeof value);
    value.kind = FLY_FRAME_V_INT;
    value.i = i;
    return value;
}
/** A floating-point number. */
static inline fly_frame_value fly_client_double(double d)
{
    fly_frame_value value;
    __builtin_memset(&value, 0, sizeof value);
    value.kind = FLY_FRAME_V_DOUBLE;
    value.d = d;
    return value;
}
/** A text, in UTF-8; for parameters of any type what SQL writes between quotes. */
static inline fly_frame_value fly_client_str(const char *text)
{
    fly_frame_value value;
    __builtin_memset(&value, 0, sizeof value);
    value.kind = FLY_FRAME_V_TEXT;
    value.bytes = fly_bytes_str(text);
    return value;
}
/** Bytes, for a bytea. */
static inline fly_frame_value fly_client_blob(fly_bytes bytes)
{
    fly_frame_value value;
    __builtin_memset(&value, 0, sizeof value);
    value.kind = FLY_FRAME_V_BYTES;
    value.bytes = bytes;
    return value;
}
/** @} */

/* -------------------------------------------------------------------- queries */

/**
 * @brief Run the statements of a text; with parameters, the one statement of it.
 *
 * Several statements are one transaction unless they say otherwise, and have a result each:
 * fly_client_next().
 *
 * @param params        Of $1 and up; may be NULL if there are none.
 * @param[out] result   Gives; fly_client_result_close(), before anything else is asked.
 */
FLY_MUST_USE fly_status fly_client_query(fly_client *client, const char *sql,
                                         const fly_frame_value *params, size_t count,
                                         fly_client_result **result, fly_err *err);

/** As fly_client_query(), for a text that is no C string, with values that come as psql shows them
 *  (`as_text`): then fly_client_text() is what the server made, whatever the type. */
FLY_MUST_USE fly_status fly_client_query_bytes(fly_client *client, fly_bytes sql, bool as_text,
                                               fly_client_result **result, fly_err *err);

/** Run, and read to the end. */
FLY_MUST_USE fly_status fly_client_run(fly_client *client, const char *sql, fly_err *err);

/** @brief Go to the next row. @return FLY_E_END: there is none; tag and rows are then known. */
FLY_MUST_USE fly_status fly_client_row(fly_client_result *result, fly_err *err);

/** @brief Go to the next statement's result, past what is left of this one. @return FLY_E_END: there is
 *  none. */
FLY_MUST_USE fly_status fly_client_next(fly_client_result *result, fly_err *err);

/** Read what is left of it, and release. To be rid of a long one, cancel first. NULL is fine. */
void fly_client_result_close(fly_client_result *result);

/** Columns; 0 for a statement that gives no rows. */
size_t fly_client_columns(const fly_client_result *result);
/** The name of column `i`, counted from 0. */
const char *fly_client_column_name(const fly_client_result *result, size_t i);
/** The OID of its type. */
uint32_t fly_client_column_type(const fly_client_result *result, size_t i);
/** What its type adds, as PostgreSQL encodes it; -1: nothing. */
int32_t fly_client_column_mod(const fly_client_result *result, size_t i);

/** The current row's value in column `i`; bytes are valid until the next row. @{ */
/** As it came. */
fly_frame_value fly_client_value(const fly_client_result *result, size_t i);
/** Whether it is NULL. */
bool fly_client_is_null(const fly_client_result *result, size_t i);
/** An integer; of a text the number that it is; 0 if it is none. */
int64_t fly_client_int64(const fly_client_result *result, size_t i);
/** A number; likewise. */
double fly_client_float64(const fly_client_result *result, size_t i);
/** true or false; of a text whether it is "t". */
bool fly_client_boolean(const fly_client_result *result, size_t i);
/** Any value as text. `data` is NULL if there was no memory. */
fly_bytes fly_client_text(fly_client_result *result, size_t i);
/** @} */

/** What it was, "INSERT 0 3", after its rows. */
const char *fly_client_tag(const fly_client_result *result);
/** Rows that it gave or changed, after its rows. */
uint64_t fly_client_rows(const fly_client_result *result);
/** After rows of a cursor: whether there are no more. */
bool fly_client_at_end(const fly_client_result *result);

/* ----------------------------------------------------------------------- COPY */

/** 'i': COPY FROM STDIN waits for data; 'o': COPY TO STDOUT has some; 0: neither. */
char fly_client_copy_state(const fly_client_result *result);
/** Give data, cut anywhere. */
FLY_MUST_USE fly_status fly_client_copy_write(fly_client_result *result, fly_bytes data,
                                              fly_err *err);
/** End it; `failure` NULL: all was given. */
FLY_MUST_USE fly_status fly_client_copy_end(fly_client_result *result, const char *failure,
                                            fly_err *err);
/** Take data, valid until the next call. @return FLY_E_END. */
FLY_MUST_USE fly_status fly_client_copy_read(fly_client_result *result, fly_bytes *data,
                                             fly_err *err);

/* -------------------------------------------------------- prepared statements */

/** @brief Prepare a statement under a name. @param[out] params  If not NULL: how many it has. */
FLY_MUST_USE fly_status fly_client_prepare(fly_client *client, const char *name, const char *sql,
                                           size_t *params, fly_err *err);
/** Run a prepared statement. */
FLY_MUST_USE fly_status fly_client_execute(fly_client *client, const char *name,
                                           const fly_frame_value *params, size_t count,
                                           fly_client_result **result, fly_err *err);
/** Forget one; NULL: all. */
FLY_MUST_USE fly_status fly_client_deallocate(fly_client *client, const char *name, fly_err *err);

/* -------------------------------------------------------------------- cursors */

/** Open a cursor, inside a transaction, over a statement. */
FLY_MUST_USE fly_status fly_client_cursor_open(fly_client *client, const char *cursor,
                                               const char *sql, const fly_frame_value *params,
                                               size_t count, fly_err *err);
/** Take the next `count` rows (0: all that are left); fly_client_at_end() tells whether it is over. */
FLY_MUST_USE fly_status fly_client_cursor_fetch(fly_client *client, const char *cursor,
                                                uint64_t count, fly_client_result **result,
                                                fly_err *err);
/** Close it. One that is not there is no failure. */
FLY_MUST_USE fly_status fly_client_cursor_close(fly_client *client, const char *cursor,
                                                fly_err *err);

/* ------------------------------------------------------- metadata, transactions */

/** Tables and views. Patterns of LIKE; NULL or "": all. Columns: docs/protocols/binary.md. */
FLY_MUST_USE fly_status fly_client_tables(fly_client *client, const char *schema, const char *table,
                                          fly_client_result **result, fly_err *err);
/** Columns of tables. */
FLY_MUST_USE fly_status fly_client_table_columns(fly_client *client, const char *schema,
                                                 const char *table, const char *column,
                                                 fly_client_result **result, fly_err *err);
/** Types; NULL: all. */
FLY_MUST_USE fly_status fly_client_types(fly_client *client, const char *type,
                                         fly_client_result **result, fly_err *err);

/** Begin a transaction. @param isolation  "read committed", "repeatable read", "serializable"; NULL: the
 *  session's default. */
FLY_MUST_USE fly_status fly_client_begin(fly_client *client, const char *isolation, bool read_only,
                                         fly_err *err);
/** Commit. @return FLY_E_ABORTED: it had failed, and was rolled back. */
FLY_MUST_USE fly_status fly_client_commit(fly_client *client, fly_err *err);
/** Roll back. */
FLY_MUST_USE fly_status fly_client_rollback(fly_client *client, fly_err *err);

/** As SET. */
FLY_MUST_USE fly_status fly_client_set_option(fly_client *client, const char *name,
                                              const char *value, fly_err *err);
/** As SHOW. @param[out] value  Valid until the next call on this client. */
FLY_MUST_USE fly_status fly_client_get_option(fly_client *client, const char *name,
                                              const char **value, fly_err *err);

/** What a server tells of itself; texts are valid until the next call on this client. */
typedef struct fly_client_server {
    const char *server, *version, *postgresql, *user, *database;
} fly_client_server;

/** Ask it. */
FLY_MUST_USE fly_status fly_client_server_info(fly_client *client, fly_client_server *info,
                                               fly_err *err);

/* --------------------------------------------------------------------- events */

/** A committed change of a watched table, or, with `operation` "NOTIFY", what LISTEN hears. Valid for the
 *  call. */
typedef struct fly_client_event {
    uint64_t lsn;        /**< of the commit: where to go on from */
    fly_bytes operation; /**< "INSERT", "UPDATE", "DELETE", "TRUNCATE", "NOTIFY" */
    fly_bytes table;     /**< or the channel */
    fly_bytes new_row;   /**< JSON, or the payload; empty if there is none */
    fly_bytes old_row;   /**< JSON; empty if there is none, or it is not known */
    bool last;           /**< of its transaction */
} fly_client_event;

/** Who is told events: while answers are read, and by fly_client_wait(). NULL: nobody. */
void fly_client_on_event(fly_client *client,
                         void (*event)(void *ctx, const fly_client_event *event), void *ctx);

/** Watch a table, from now on (0) or from behind the event with this LSN. */
FLY_MUST_USE fly_status fly_client_watch(fly_client *client, const char *table, uint64_t from,
                                         fly_err *err);
/** End it; NULL: all. */
FLY_MUST_USE fly_status fly_client_unwatch(fly_client *client, const char *table, fly_err *err);

/** @brief Wait for an event, and tell it. @return FLY_E_TIMEOUT: none has come; the connection is
 *  fine. */
FLY_MUST_USE fly_status fly_client_wait(fly_client *client, uint32_t timeout_ms, fly_err *err);

/* ----------------------------------------------------------------------- pools */

/**
 * @brief Create a pool. Connections are made when they are needed.
 *
 * @param options        Copied.
 * @param connections    At most so many at a time.
 * @param[out] pool      Gives; fly_client_pool_destroy().
 */
FLY_MUST_USE fly_status fly_client_pool_create(fly_env *env, const fly_client_options *options,
                                               uint32_t connections, fly_client_pool **pool,
                                               fly_err *err);

/**
 * @brief Take a connection: an idle one that still answers, or a new one; wait if all are taken.
 *
 * @param timeout_ms  How long to wait for somebody to give one back; 0: not at all.
 * @return FLY_E_TIMEOUT; as fly_client_connect().
 */
FLY_MUST_USE fly_status fly_client_pool_acquire(fly_client_pool *pool, uint32_t timeout_ms,
                                                fly_client **client, fly_err *err);

/** Give it back. One that is broken, or in a transaction, is closed. */
void fly_client_pool_release(fly_client_pool *pool, fly_client *client);

/** Close the idle ones and release the pool. All must have been given back. NULL is fine. */
void fly_client_pool_destroy(fly_client_pool *pool);

FLY_EXTERN_C_END
/** @} */

#endif
