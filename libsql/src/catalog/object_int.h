/*
 * Descriptors as bytes, and as counted objects. Private to the catalog.
 */
#ifndef FLY_SQL_OBJECT_INT_H
#define FLY_SQL_OBJECT_INT_H

#include "catalog/change_int.h"
#include "func/func_int.h"

typedef struct fly__sql_object {
    fly_atomic_u32 uses;
    uint8_t kind;
    bool builtin;
    uint32_t oid;
    uint32_t schema;  /* 0: none */
    const char *name; /* NULL: not found by name */
    void *body;       /* the descriptor */
    fly_arena arena;  /* where it lies */
    fly_mem *mem;
} fly__sql_object;

/* The bytes of a descriptor, in `arena`. */
fly_status fly__sql_object_encode(fly__sql_object_kind kind, const void *descriptor,
                                  fly_arena *arena, fly_bytes *bytes, fly_err *err);

/* An object from bytes, which are not trusted. */
fly_status fly__sql_object_decode(fly_mem *mem, fly__sql_object_kind kind, fly_bytes bytes,
                                  fly__sql_object **object, fly_err *err);

/* An object around a descriptor that lies in its own arena already: fill it after this. */
fly_status fly__sql_object_create(fly_mem *mem, fly__sql_object_kind kind, fly__sql_object **object,
                                  fly_err *err);

/* Once the body is filled: derive what is derived, take name and OID from it. */
fly_status fly__sql_object_finish(fly__sql_object *object, fly_err *err);

void fly__sql_object_release(fly__sql_object *object);

#endif
