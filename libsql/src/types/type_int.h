/*
 * Types of SQL: which there are, and how their values lie in vectors.
 *
 * A type is known by its OID, and the built-in ones have the OIDs that PostgreSQL gives them, because
 * drivers know these by heart. `mod` is PostgreSQL's typmod: -1, or what varchar(n), numeric(p, s),
 * time(n), interval fields say, encoded as there. Types made by users have OIDs from
 * FLY__SQL_OID_FIRST and stand in the catalog.
 *
 * numeric has three shapes in memory: with `digits` 1 to 18 an i64, to 38 an i128, both scaled by
 * 10^scale; with `digits` 0 a string of libvec's numeric format. All values of one expression have one
 * shape, and the binder decides which; columns numeric(p, s) with p <= 38 are stored scaled.
 */
#ifndef FLY_SQL_TYPE_INT_H
#define FLY_SQL_TYPE_INT_H

#include <fly/sql.h>
#include <fly/vec.h>

#define FLY__SQL_OID_FIRST 16384u

/* The type of vector that holds values of a type. Enum labels are i32 (their place in the order of
 * creation comes from the catalog), domains lie as their base type, composites and arrays as strings
 * of formats of our own (array_int.h). `base` resolves user-defined types: see fly__sql_type_base(). */
fly_vec_type fly__sql_type_physical(fly_sql_type type);

/* What is fixed about a built-in type. */
typedef struct fly__sql_type_info {
    uint32_t oid;
    uint32_t array_oid;   /* of the type whose elements are this one; 0: none */
    uint32_t element_oid; /* of an array: its elements' type; else 0 */
    const char *name;     /* in pg_type: int4 */
    const char *sql_name; /* as format_type() says it: integer */
    char category;        /* pg_type.typcategory */
    bool preferred;       /* pg_type.typispreferred */
    int16_t length;       /* pg_type.typlen */
    uint8_t physical;     /* fly_vec_type */
} fly__sql_type_info;

/* NULL if it is not built in. Array types of user-defined types are built by the catalog. */
const fly__sql_type_info *fly__sql_type_info_of(uint32_t oid);

/* By any of its names, lower case: int, integer, int4, "double precision", varchar ...; NULL if none. */
const fly__sql_type_info *fly__sql_type_info_named(const char *name);

/* All of them, for pg_type. */
const fly__sql_type_info *fly__sql_type_infos(size_t *count);

/* A plain built-in type without modifier. */
fly_sql_type fly__sql_type(uint32_t oid);

static inline bool fly__sql_type_equal(fly_sql_type a, fly_sql_type b)
{
    return a.oid == b.oid && a.digits == b.digits && a.scale == b.scale;
}

#endif
