/*
 * Engines and their databases.
 */
#ifndef FLY_SQL_ENGINE_INT_H
#define FLY_SQL_ENGINE_INT_H

#include "catalog/role_int.h"
#include "opt/sample_int.h"
#include "session/notify_int.h"
#include "session/registry_int.h"
#include "session/statements_int.h"
#include "session/watch_int.h"

struct fly_collation;

enum { FLY__SQL_DATABASE_NAME_MAX = 63 };

/* The last row number given out for a table, and the last value of a sequence: not part of
 * transactions, so that they never make one wait for another. */
typedef struct fly__sql_counter {
    uint32_t oid;
    int64_t next;  /* to be given out next */
    int64_t until; /* sequences: how far the store knows; rows: meaningless */
    bool called;   /* sequences: a value was given out */
    bool known;
    struct fly__sql_counter *link;
} fly__sql_counter;

/* A database that is open: one for all sessions. */
/* An open collation. */
struct fly__sql_engine_collation {
    struct fly__sql_engine_collation *link;
    uint32_t oid;
    struct fly_collation *collation;
};

typedef struct fly__sql_database {
    struct fly__sql_database *link;
    char name[FLY__SQL_DATABASE_NAME_MAX + 1];
    fly_store *store;
    fly__sql_catalog *catalog;
    uint32_t sessions;  /* guarded by the engine's mutex */
    fly_mutex counting; /* guards the counters */
    fly__sql_counter *counters;
    uint32_t collation; /* of text columns that name none; 0: bytes. Set when it is made */
    fly_mutex locking;  /* guards `locks`; never held while something else is waited for */
    fly_cond unlocked;
    struct fly__sql_table_lock *locks;
    uint64_t searches; /* for cycles of sessions that wait; guarded by `locking` */
    fly__sql_notifier notifier;
    fly__sql_watchers watchers;
    fly__sql_samples samples;
    fly_atomic_u64 strong_locks; /* held or wanted, that hold readers off */
} fly__sql_database;

struct fly_sql {
    void (*inspect)(void *ctx, bool status, fly_sql_tell *tell, void *to); /* set before sessions */
    void *inspect_ctx;
    fly_atomic_u64 slow_us; /* 0: nobody is told */
    void (*slow)(void *ctx, fly_sql_session *session, fly_bytes text, uint64_t us);
    void *slow_ctx;
    fly_env *env;
    fly_env own_env;  /* ":memory:": env with files of its own */
    fly_vfs *outside; /* the caller's files, which COPY reads and writes */
    fly_vfs *own_vfs;
    char *path;
    size_t path_size;
    bool create;
    bool read_only;
    uint64_t memory_bytes;
    uint32_t threads;
    uint64_t plan_cache;
    fly_store_options store;
    fly_mutex mutex;
    fly__sql_database *databases;                 /* guarded by mutex */
    struct fly__sql_engine_collation *collations; /* guarded by mutex; only grows */
    struct fly__sql_registered *functions;        /* guarded by mutex; only grows */
    uint32_t function_count;
    fly__sql_roles roles;
    fly__sql_registry registry;
    fly__sql_stats stats;
    fly_status (*password)(void *ctx, const char *user, fly_bytes password, fly_err *err);
    void *password_ctx;
    fly_account account;
};

/* A database by name, opened if need be; give it back. 3D000: there is none. */
fly_status fly__sql_database_acquire(fly_sql *sql, const char *name, bool create,
                                     fly__sql_database **database, fly_err *err);
void fly__sql_database_release(fly_sql *sql, fly__sql_database *database);
/* Make one; remove one that nobody uses; name all. */
fly_status fly__sql_database_create(fly_sql *sql, const char *name, uint32_t collation,
                                    fly_err *err);
fly_status fly__sql_database_drop(fly_sql *sql, const char *name, fly_err *err);
fly_status fly__sql_database_list(fly_sql *sql, void (*each)(void *ctx, const char *name),
                                  void *ctx, fly_err *err);

/* About how many bytes it takes on disk, its log not counted: without opening it. 3D000: there is none. */
fly_status fly__sql_database_bytes(fly_sql *sql, const char *name, uint64_t *bytes, fly_err *err);

fly_status fly__sql_database_exists(fly_sql *sql, const char *name, bool *found, fly_err *err);

/* collations.c: what COLLATION and LOCALE of CREATE DATABASE mean together; either may be NULL. */
fly_status fly__sql_collation_of_options(const char *name, const char *locale, uint32_t *oid,
                                         fly_err *err);
/* Write a database's collation into it; read it, and see that its indexes are of this ICU's orders. */
fly_status fly__sql_database_keep_collation(fly__sql_database *database, uint32_t oid,
                                            fly_err *err);
fly_status fly__sql_database_read_collation(fly_sql *sql, fly__sql_database *database,
                                            fly_err *err);

/* Functions that were registered, pl/register.c: those of a name, one after the other from NULL on. */
enum { FLY__SQL_REGISTERED_OID = 15000 };
struct fly__sql_func;
const struct fly__sql_func *fly__sql_registered_next(fly_sql *sql, const char *name,
                                                     const struct fly__sql_func *after);
void fly__sql_registered_free(fly_sql *sql);

/* A collation of the engine, opened at its first use. */
fly_status fly__sql_engine_collation(fly_sql *sql, uint32_t oid,
                                     const struct fly_collation **collation, fly_err *err);

#endif
