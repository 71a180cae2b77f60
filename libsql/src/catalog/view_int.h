/*
 * Cores and views. Private to the catalog.
 */
#ifndef FLY_SQL_VIEW_INT_H
#define FLY_SQL_VIEW_INT_H

#include "catalog/object_int.h"

/* A name in a core: of an object, or of one of a table's indexes. */
typedef struct fly__sql_name {
    uint32_t hash;
    uint32_t object; /* its place among the core's objects, counted from 1; 0: an empty slot */
    uint32_t index;  /* of a table's index, counted from 1; 0: the object itself */
} fly__sql_name;

/* A set of objects, ordered by kind and OID; immutable, counted. */
typedef struct fly__sql_core {
    fly_atomic_u32 uses;
    fly_mem *mem;
    uint64_t version; /* no two cores of a catalog have the same */
    size_t count;
    fly__sql_object **objects;
    size_t name_room; /* a power of two */
    fly__sql_name *names;
} fly__sql_core;

enum { FLY__SQL_PATH_MAX = 32 };

struct fly__sql_catalog_view {
    fly_atomic_u32 uses;
    fly_mem *mem;
    fly__sql_core *core;
    fly__sql_core *temp; /* the session's temporary objects, or NULL */
    uint32_t path_count;
    uint32_t path[FLY__SQL_PATH_MAX]; /* OIDs of schemas */
    bool own;                         /* changed by its session, not published */
    uint32_t user;                    /* whose search path it is, and who those are */
    uint64_t roles;
};

/* A core of `count` objects, which are counted up. */
fly_status fly__sql_core_create(fly_mem *mem, uint64_t version, fly__sql_object *const *objects,
                                size_t count, fly__sql_core **core, fly_err *err);
/* A core like `core` (NULL: empty) but with `object` in the place of what has its kind and OID, or
 * without that if `object` is NULL. */
fly_status fly__sql_core_with(fly_mem *mem, const fly__sql_core *core, uint64_t version,
                              fly__sql_object_kind kind, uint32_t oid, fly__sql_object *object,
                              fly__sql_core **made, fly_err *err);
fly__sql_core *fly__sql_core_keep(fly__sql_core *core);
void fly__sql_core_release(fly__sql_core *core);
/* The object of a kind and name that is in no schema; NULL: none. */
fly__sql_object *fly__sql_core_named(const fly__sql_core *core, fly__sql_object_kind kind,
                                     const char *name);
fly__sql_object *fly__sql_core_find(const fly__sql_core *core, fly__sql_object_kind kind,
                                    uint32_t oid);

/* A view of two cores (kept), with the search path of a session; of none: "public". */
fly_status fly__sql_view_create(fly_mem *mem, fly__sql_core *core, fly__sql_core *temp,
                                fly_sql_session *session, fly__sql_catalog_view **view,
                                fly_err *err);

#endif
