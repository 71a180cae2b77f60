/*
 * Who is there: sessions by their process number, and what each does, for others to see.
 *
 * A session writes what it does as it goes, without a lock: `version` is odd while it writes, so that a
 * reader that saw it change reads again. Everything is atomic words, the text too. Other threads reach
 * a session through the registry only, whose mutex keeps it from being closed meanwhile.
 */
#ifndef FLY_SQL_REGISTRY_INT_H
#define FLY_SQL_REGISTRY_INT_H

#include <fly/base_sched.h>
#include <fly/sql.h>

enum { FLY__SQL_QUERY_WORDS = 128, FLY__SQL_REGISTRY_SLOTS = 256, FLY__SQL_PEER_MAX = 64 };

typedef enum fly__sql_doing {
    FLY__SQL_IDLE_SESSION,
    FLY__SQL_ACTIVE,
    FLY__SQL_IDLE_IN_TXN,
    FLY__SQL_IDLE_FAILED
} fly__sql_doing;

/* What a session waits for. */
typedef enum fly__sql_wait {
    FLY__SQL_WAITS_NOT,
    FLY__SQL_WAITS_RELATION, /* for a lock on a table */
    FLY__SQL_WAITS_TXN,      /* for another transaction's end */
    FLY__SQL_WAITS_ADVISORY
} fly__sql_wait;

/* Written by the session's thread. */
typedef struct fly__sql_activity {
    fly_atomic_u64 version; /* pairs: the writer's stores stand between two of its changes */
    fly_atomic_u64 doing;
    fly_atomic_u64 query_id;
    fly_atomic_u64 xact_start; /* microseconds since 1970; 0: none */
    fly_atomic_u64 query_start;
    fly_atomic_u64 state_change;
    fly_atomic_u64 query_len; /* of what is kept of it */
    fly_atomic_u64 query[FLY__SQL_QUERY_WORDS];
    /* By themselves. */
    fly_atomic_u32 wait;
    fly_atomic_u32 txn;       /* number of its transaction; 0 */
    fly_atomic_u32 waits_for; /* number of the transaction that it waits for; 0 */
} fly__sql_activity;

/* A session's entry in the registry. */
typedef struct fly__sql_backend {
    struct fly__sql_backend *link; /* in its slot; the registry's mutex */
    fly_sql_session *session;
    uint32_t pid; /* 0: not registered */
    uint32_t secret;
    int64_t started; /* microseconds since 1970 */
    uint32_t user_oid;
    char user[64];
    char database[64];    /* the registry's mutex */
    char application[64]; /* the registry's mutex */
    char address[FLY__SQL_PEER_MAX];
    int32_t port;
    bool has_peer; /* address and port are known */
    char type[32];
    void (*terminate)(void *ctx); /* the registry's mutex */
    void *terminate_ctx;
    fly__sql_activity activity;
} fly__sql_backend;

typedef struct fly__sql_registry {
    fly_mutex mutex;
    fly__sql_backend *slots[FLY__SQL_REGISTRY_SLOTS]; /* by pid */
    uint32_t next_pid;
    uint32_t count;
} fly__sql_registry;

/* An entry as it was at a moment, with nothing that could change. */
typedef struct fly__sql_backend_seen {
    uint32_t pid;
    uint32_t user_oid;
    int64_t started;
    char user[64], database[64], application[64], address[FLY__SQL_PEER_MAX], type[32];
    int32_t port;
    bool has_peer;
    fly__sql_doing doing;
    fly__sql_wait wait;
    uint32_t txn, waits_for;
    uint64_t query_id;
    int64_t xact_start, query_start, state_change;
    size_t query_len;
    char query[FLY__SQL_QUERY_WORDS * 8];
} fly__sql_backend_seen;

void fly__sql_registry_init(fly__sql_registry *registry);
void fly__sql_registry_deinit(fly__sql_registry *registry);

/* A session comes and goes. */
fly_status fly__sql_backend_enter(fly_sql_session *session, const fly_sql_session_options *options,
                                  fly_err *err);
void fly__sql_backend_leave(fly_sql_session *session);

/* What the session's thread tells. */
void fly__sql_activity_begin(fly_sql_session *session, fly_bytes text, uint64_t query_id);
void fly__sql_activity_end(fly_sql_session *session, int64_t now);
void fly__sql_activity_wait(fly_sql_session *session, fly__sql_wait wait);
void fly__sql_backend_database(fly_sql_session *session);
void fly__sql_backend_application(fly_sql_session *session, const char *name);

/* Whom libtxn asks and tells while the session waits for a row. */
void fly__sql_backend_waiting(fly_sql_session *session, fly_txn_waiting *waiting);

/* Call `each` for everybody, the registry being locked; stops when it returns false. */
void fly__sql_backends(fly_sql *sql, bool (*each)(void *ctx, const fly__sql_backend_seen *seen),
                       void *ctx);

/* Whether there is one, and what is known of it. */
bool fly__sql_backend_find(fly_sql *sql, uint32_t pid, fly__sql_backend_seen *seen);

/* Forget what was asked of the statement before. 57P01 if the session is to end. */
fly_status fly__sql_cancel_clear(fly_sql_session *session, fly_err *err);

/* Ask a session to end its statement. False: there is none of that number. */
bool fly__sql_backend_cancel(fly_sql *sql, uint32_t pid);

/* The processes that one waits for: up to `room` of them; how many there are. */
size_t fly__sql_backend_blockers(fly_sql_session *session, uint32_t pid, uint32_t *pids,
                                 size_t room);

#endif
