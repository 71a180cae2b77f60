/*
 * Types of SQL: which there are, and how their values lie in vectors.
 *
 * A type is known by its OID, and the built-in ones have the OIDs that PostgreSQL gives them,
 * because drivers know these by heart. `mod` is PostgreSQL's typmod: -1, or what varchar(n),
 * numeric(p, s), time(n), interval fields say, encoded as there. Types made by users have OIDs from
 * FLY__SQL_OID_FIRST and stand in the catalog.
 *
 * numeric has three shapes in memory: with `digits` 1 to 18 an i64, to 38 an i128, both scaled by
 * 10^scale; with `digits` 0 a string of libvec's numeric format. All values of one expression have
 * one shape, and the binder decides which; columns numeric(p, s) with p <= 38 are stored scaled.
 */
#ifndef FLY_SQL_TYPE_INT_H
#define FLY_SQL_TYPE_INT_H

#include <fly/sql.h>
#include <fly/vec.h>

#define FLY__SQL_OID_FIRST 16384u

/* The OIDs, by the names in pg_type: FLY__SQL_OID_int4, and FLY__SQL_OID__int4 of its array. */
enum {
#define TYPE(oid, name, ...) FLY__SQL_OID_##name = oid,
#include "types/types.def"
#undef TYPE
};

/* The type of vector that holds values of a type. What is not in types.def:
 *
 *   name, "char", bytea, json, bit   strings: their bytes; of bits, a '0' or '1' each
 *   oid, xid, reg...                 i32, to be read as unsigned
 *   uuid        i128: the bytes as a big-endian number with its top bit flipped, so that the order
 * of               numbers is the order of bytes (fly__sql_uuid_of())
 *   timetz      i128: as fly_vec_timetz_pack() makes it
 *   jsonb       string of libvec's format (vec_json.h)
 *   arrays, composites   strings of array_int.h and row_int.h
 *
 * Of a type made by users the OID does not say how its values lie; the catalog, which knows, notes
 * it in `digits` when it makes a fly_sql_type of one: 1 + the fly_vec_type (enums: i32; domains:
 * their base type's, with `scale` as there); 0 is a string. */
fly_vec_type fly__sql_type_physical(fly_sql_type type);

/* What the catalog writes into `digits` of a type that is not built in. */
static inline uint8_t fly__sql_type_digits_of(fly_vec_type physical)
{
    return (uint8_t)(physical + 1);
}

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

/* By any of its names, lower case: int, integer, int4, "double precision", varchar ...; NULL if
 * none. */
const fly__sql_type_info *fly__sql_type_info_named(const char *name);

/* All of them, for pg_type. */
const fly__sql_type_info *fly__sql_type_infos(size_t *count);

/* A plain built-in type without modifier. */
fly_sql_type fly__sql_type(uint32_t oid);

static inline bool fly__sql_type_equal(fly_sql_type a, fly_sql_type b)
{
    return a.oid == b.oid && a.digits == b.digits && a.scale == b.scale;
}

/* Whether values of a type are arrays: of the built-in array types, int2vector and oidvector. */
bool fly__sql_type_is_array(uint32_t oid);

/* A UUID's 16 bytes as the i128 of its vectors, and back. */
fly_vec_i128 fly__sql_uuid_of(const uint8_t bytes[16]);
void fly__sql_uuid_bytes(fly_vec_i128 value, uint8_t bytes[16]);

/* typmod of numeric(p, s), and back: `*scale` may be negative. False: there is none. */
static inline int32_t fly__sql_numeric_mod(int precision, int scale)
{
    return (int32_t)((precision << 16) | (scale & 0x7ff)) + 4;
}
static inline bool fly__sql_numeric_mod_of(int32_t mod, int *precision, int *scale)
{
    if (mod < 4) {
        return false;
    }
    *precision = (mod - 4) >> 16 & 0xffff;
    *scale = (((mod - 4) & 0x7ff) ^ 1024) - 1024;
    return true;
}

/* numeric with a shape: digits up to 38, or 0 for libvec's format. */
fly_sql_type fly__sql_type_numeric(unsigned digits, unsigned scale);

/* Numerics between their shapes: `from` and `to` tell digits and scale. Into a scaled one: rounded,
 * 22003 "numeric field overflow" if it has no room. */
fly_status fly__sql_numeric_reshape(fly_sql_type from, fly_sql_type to, const fly_vec_value *value,
                                    fly_arena *arena, fly_vec_value *result, fly_err *err);

/* 10^n, n up to 38. */
fly_vec_i128 fly__sql_power_of_ten(unsigned n);

/* A value inside of an array or a row: read `len` bytes, borrowing; append them (NULL: zeros of its
 * size), numerics in libvec's format, strings behind their length. */
struct fly_sql_text;
void fly__sql_value_load(fly_vec_type physical, const void *data, size_t len, fly_vec_value *value);
fly_status fly__sql_value_store(fly_sql_type type, const fly_vec_value *value, fly_arena *arena,
                                struct fly_sql_text *text, fly_err *err);

/* Room for `count` values, aligned as they must be (an arena by itself gives 8 bytes, an i128 wants
 * 16); NULL: no memory. */
fly_vec_value *fly__sql_values_alloc(fly_arena *arena, size_t count);

#endif
