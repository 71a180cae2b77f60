/*
 * Changing the catalog: for those who run DDL.
 *
 * An object is a descriptor in memory of its own, counted, immutable once made. A core is a set of
 * objects; a view (what everybody else sees) is a core for the database, one for the session's
 * temporary objects, and a search path. Changing means: make an object, put it into the session's
 * view, which becomes a view of its own with the transaction's first change; on commit it becomes the
 * database's newest.
 *
 *     fly__sql_change_begin(session)      takes the DDL lock, the session's view is its own from here
 *     fly__sql_change_put(session, kind, &descriptor)   copies it; writes it to the catalog's tree
 *     fly__sql_change_remove(session, kind, oid)
 *     fly__sql_change_mark() / _back()    around savepoints
 *     fly__sql_change_commit() / _abort() with the transaction
 */
#ifndef FLY_SQL_CATALOG_CHANGE_INT_H
#define FLY_SQL_CATALOG_CHANGE_INT_H

#include "session/session_int.h"

typedef enum fly__sql_object_kind {
    FLY__SQL_O_SCHEMA = 1,
    FLY__SQL_O_TABLE, /* with its indexes, constraints, triggers, policies */
    FLY__SQL_O_SEQUENCE,
    FLY__SQL_O_TYPE,
    FLY__SQL_O_FUNCTION,
    FLY__SQL_O_COMMENT,     /* on anything that is not a table */
    FLY__SQL_O_ACL,         /* who may what with an object: its oid is the object's */
    FLY__SQL_O_DEFAULT_ACL, /* what objects to be made begin with */
    /* Of the whole directory, in "_system" (role.c): */
    FLY__SQL_O_ROLE,
    FLY__SQL_O_DATABASE,
    FLY__SQL_O_ROLE_SETTING,
    FLY__SQL_O_KINDS
} fly__sql_object_kind;

/* A comment: its oid is one of its own. */
typedef struct fly__sql_comment {
    uint32_t oid;
    uint32_t object; /* OID */
    uint16_t column; /* attnum, or 0 */
    const char *text;
} fly__sql_comment;

/* Open the catalog of a store: reads the tree, makes the built-in objects. */
fly_status fly__sql_catalog_open(fly_env *env, fly_store *store, fly__sql_catalog **catalog,
                                 fly_err *err);
void fly__sql_catalog_close(fly__sql_catalog *catalog);

/* The newest version, for a session with this search path; counted. `old` is given back, and may be
 * what is returned. */
fly_status fly__sql_view_acquire(fly__sql_catalog *catalog, fly__sql_catalog_view *old,
                                 fly_sql_session *session, fly__sql_catalog_view **view,
                                 fly_err *err);
void fly__sql_view_release(fly__sql_catalog_view *view);
fly__sql_catalog_view *fly__sql_view_keep(fly__sql_catalog_view *view);
bool fly__sql_view_is_newest(const fly_sql_session *session, const fly__sql_catalog_view *view);

fly_status fly__sql_change_begin(fly_sql_session *session, fly_err *err);
fly_status fly__sql_change_put(fly_sql_session *session, fly__sql_object_kind kind,
                               const void *descriptor, fly_err *err);
fly_status fly__sql_change_remove(fly_sql_session *session, fly__sql_object_kind kind, uint32_t oid,
                                  fly_err *err);
/* A new OID. */
uint32_t fly__sql_change_oid(fly_sql_session *session);

/* A copy of a table's descriptor to change and put back. Its arrays have room for `more` elements
 * beyond those there are. */
fly__sql_table *fly__sql_table_copy(const fly__sql_table *table, uint16_t more, fly_arena *arena);

/* Around fly_txn_commit(): nobody takes a view in between. `committed` false: the changes are
 * forgotten. Does nothing if there were none. */
void fly__sql_change_enter(fly_sql_session *session);
void fly__sql_change_leave(fly_sql_session *session, bool committed);
/* The transaction has ended: if it was rolled back, temporary objects are what they were before it. */
void fly__sql_change_end(fly_sql_session *session, bool committed);
/* At a savepoint, and when going back to it. */
fly__sql_catalog_view *fly__sql_change_mark(fly_sql_session *session);
void fly__sql_change_back(fly_sql_session *session, fly__sql_catalog_view *mark);

/* Release a view when the statement ends: somebody may look at it until then. */
fly_status fly__sql_view_retire(fly_sql_session *session, fly__sql_catalog_view *view,
                                fly_err *err);
/* Resolve the search path anew: the session's user is another. */
fly_status fly__sql_view_renew(fly_sql_session *session, fly_err *err);

/* Let go of the descriptors that statements have replaced: until then whoever runs a statement may
 * look at what it found before its changes. */
void fly__sql_change_settle(fly_sql_session *session);

/* Walk other objects of the view: NULL at the end. */
const void *fly__sql_object_next(const fly__sql_catalog_view *view, fly__sql_object_kind kind,
                                 size_t *at);
const void *fly__sql_object_of(const fly__sql_catalog_view *view, fly__sql_object_kind kind,
                               uint32_t oid);

/* The search path, as OIDs of schemas that exist; temporary objects and pg_catalog come first unless
 * named. */
const uint32_t *fly__sql_view_path(const fly__sql_catalog_view *view, uint32_t *count);

#endif
