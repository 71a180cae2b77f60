/*
 * Roles: who there is, who belongs to whom, and what databases let them in.
 *
 * They are shared by all databases of a directory and lie in a store of their own, `_system`. Like a
 * catalog's objects they are immutable, counted descriptors in a core (view_int.h); a session holds the
 * newest core for each statement, or its own once it has changed something. What lies in a database and
 * names a role does so by its OID, and no OID is given out twice.
 */
#ifndef FLY_SQL_ROLE_INT_H
#define FLY_SQL_ROLE_INT_H

#include "catalog/change_int.h"

/* OIDs of roles that are always there. PostgreSQL's have its OIDs; FLY__SQL_ROLE_ADMIN, 10, is in
 * system_int.h. */
enum {
    FLY__SQL_ROLE_MONITOR = 3373,
    FLY__SQL_ROLE_READ_SETTINGS = 3374,
    FLY__SQL_ROLE_READ_STATS = 3375,
    FLY__SQL_ROLE_SCAN_TABLES = 3377,
    FLY__SQL_ROLE_SIGNAL_BACKEND = 4200,
    FLY__SQL_ROLE_CHECKPOINT = 4544,
    FLY__SQL_ROLE_READ_FILES = 4569,
    FLY__SQL_ROLE_WRITE_FILES = 4570,
    FLY__SQL_ROLE_EXECUTE_PROGRAM = 4571,
    FLY__SQL_ROLE_DATABASE_OWNER = 6171,
    FLY__SQL_ROLE_READ_ALL = 6181,
    FLY__SQL_ROLE_WRITE_ALL = 6182,
    FLY__SQL_ROLE_READER = 9101,
    FLY__SQL_ROLE_WRITER = 9102,
    FLY__SQL_ROLE_OWNER = 9103,
    FLY__SQL_ROLE_READONLY = 9104,
    FLY__SQL_ROLE_READWRITE = 9105
};

enum { FLY__SQL_ROLE_PUBLIC = 0 }; /* a grantee: everybody */

/* What a role may do with an object: PostgreSQL's bits. */
enum {
    FLY__SQL_MAY_INSERT = 1u << 0,
    FLY__SQL_MAY_SELECT = 1u << 1,
    FLY__SQL_MAY_UPDATE = 1u << 2,
    FLY__SQL_MAY_DELETE = 1u << 3,
    FLY__SQL_MAY_TRUNCATE = 1u << 4,
    FLY__SQL_MAY_REFERENCES = 1u << 5,
    FLY__SQL_MAY_TRIGGER = 1u << 6,
    FLY__SQL_MAY_EXECUTE = 1u << 7,
    FLY__SQL_MAY_USAGE = 1u << 8,
    FLY__SQL_MAY_CREATE = 1u << 9,
    FLY__SQL_MAY_TEMP = 1u << 10,
    FLY__SQL_MAY_CONNECT = 1u << 11,
    FLY__SQL_MAY_SET = 1u << 12,
    FLY__SQL_MAY_ALTER_SYSTEM = 1u << 13
};

typedef struct fly__sql_acl_item {
    uint32_t grantee; /* FLY__SQL_ROLE_PUBLIC: everybody */
    uint32_t grantor;
    uint32_t rights;    /* bits */
    uint32_t grantable; /* of them, those with the grant option */
    uint16_t column;    /* attnum; 0: the whole object */
} fly__sql_acl_item;

/* The rights on one object of a database. */
typedef struct fly__sql_acl {
    uint32_t oid; /* the object's */
    bool own;     /* the items of the whole object count; else it has its class's defaults */
    uint16_t count;
    const fly__sql_acl_item *items;
} fly__sql_acl;

/* ALTER DEFAULT PRIVILEGES. */
typedef struct fly__sql_default_acl {
    uint32_t oid;
    uint32_t role; /* who makes the objects */
    uint32_t
        schema; /* 0: in all, and `items` stand for the built-in defaults; else they are added */
    char class; /* 'r' tables, 'S' sequences, 'f' functions, 'T' types, 'n' schemas */
    uint16_t count;
    const fly__sql_acl_item *items;
} fly__sql_default_acl;

/* That a role belongs to another. */
typedef struct fly__sql_membership {
    uint32_t role; /* to which it belongs */
    uint32_t grantor;
    bool admin;
} fly__sql_membership;

typedef struct fly__sql_role {
    uint32_t oid;
    const char *name;
    bool superuser;
    bool inherit;
    bool create_role;
    bool create_db;
    bool login;
    bool replication;
    bool bypass_rls;
    bool builtin; /* cannot be dropped or renamed */
    int32_t connection_limit;
    const char *verifier; /* of its password; NULL: none */
    bool expires;
    int64_t valid_until; /* of the password: microseconds since 1970, if `expires` */
    const char *comment;
    uint16_t membership_count;
    const fly__sql_membership *memberships;
} fly__sql_role;

/* What there is to say about a database from outside; one that has none is the administrator's. */
typedef struct fly__sql_database_rights {
    uint32_t oid;
    const char *name;
    uint32_t owner;
    bool own; /* the items count, else the defaults */
    int32_t connection_limit;
    uint16_t count;
    const fly__sql_acl_item *items;
} fly__sql_database_rights;

/* ALTER ROLE ... SET, ALTER DATABASE ... SET. */
typedef struct fly__sql_role_setting {
    uint32_t oid;
    uint32_t role;        /* 0: all */
    const char *database; /* NULL: all */
    const char *name;
    const char *value;
} fly__sql_role_setting;

/* ------------------------------------------------------------------ the engine */

struct fly__sql_core;

/* Those of an engine. */
typedef struct fly__sql_roles {
    fly_mutex mutex;  /* guards what follows; held while changes are committed */
    fly_store *store; /* of "_system"; NULL: it is not there yet, all is built in */
    struct fly__sql_core *newest;
    fly_atomic_u64 version;  /* newest's; a session whose own is another takes the newest */
    fly_atomic_u64 versions; /* how many were given out */
    uint32_t next_oid,
        until_oid; /* to be given out; the store knows that those below `until` are */
} fly__sql_roles;

/* Read the roles of a directory; a directory without has the built-in ones. */
fly_status fly__sql_roles_open(fly_sql *sql, fly_err *err);
fly_status fly__sql_roles_close(fly_sql *sql, fly_err *err);

/* ------------------------------------------------------------------- a session */

/* What a session knows of them. */
typedef struct fly__sql_session_roles {
    struct fly__sql_core *core; /* the newest, or its own */
    fly_txn *txn;               /* in `_system`; NULL: it has changed nothing */
} fly__sql_session_roles;

/* Take the newest, when a statement begins. */
fly_status fly__sql_roles_refresh(fly_sql_session *session, fly_err *err);
/* The version that plans depend on. */
uint64_t fly__sql_roles_version(const fly_sql_session *session);

/* NULL: there is none. Valid until the session changes roles or the statement ends. */
const fly__sql_role *fly__sql_role_named(const fly_sql_session *session, const char *name);
const fly__sql_role *fly__sql_role_of(const fly_sql_session *session, uint32_t oid);
const fly__sql_database_rights *fly__sql_database_rights_of(const fly_sql_session *session,
                                                            const char *name);
/* Walks: `*at` starts as 0. */
const fly__sql_role *fly__sql_role_next(const fly_sql_session *session, size_t *at);
const fly__sql_database_rights *fly__sql_database_rights_next(const fly_sql_session *session,
                                                              size_t *at);
const fly__sql_role_setting *fly__sql_role_setting_next(const fly_sql_session *session, size_t *at);

/* ----------------------------------------------------------------- changing them */

/* Changes are part of the session's transaction: one transaction at a time changes roles. The OID of a
 * new one comes first. */
fly_status fly__sql_role_oid_new(fly_sql_session *session, uint32_t *oid, fly_err *err);
fly_status fly__sql_role_put(fly_sql_session *session, fly__sql_object_kind kind,
                             const void *descriptor, fly_err *err);
fly_status fly__sql_role_remove(fly_sql_session *session, fly__sql_object_kind kind, uint32_t oid,
                                fly_err *err);

/* Hold others off from here on, before looking at what is to be changed. */
fly_status fly__sql_role_lock(fly_sql_session *session, fly_err *err);

/* With the session's transaction. The database's part is committed before. */
fly_status fly__sql_roles_commit(fly_sql_session *session, fly_err *err);
void fly__sql_roles_rollback(fly_sql_session *session);

/* At savepoints. */
typedef struct fly__sql_roles_mark {
    struct fly__sql_core *core; /* NULL: nothing was changed yet */
    fly_savepoint point;
} fly__sql_roles_mark;
void fly__sql_roles_mark_set(fly_sql_session *session, fly__sql_roles_mark *mark);
void fly__sql_roles_mark_free(fly__sql_roles_mark *mark);
fly_status fly__sql_roles_back(fly_sql_session *session, const fly__sql_roles_mark *mark,
                               fly_err *err);

/* When the session ends. */
void fly__sql_roles_leave(fly_sql_session *session);

#endif
