/*
 * Composites: how rows lie in a string, building and reading them. A record says itself what its
 * fields are, so an anonymous one can be shown and compared.
 *
 *     0  u32  OID of the composite type, or of record
 *     4  u32  fields
 *     8  per field: u32 OID of its type, i32 its modifier, u8 fly_vec_type, u8 1 if NULL, u16 bytes
 * of        its name, 0 if it has none
 *        names, one after the other
 *        values, one after the other, NULLs none: of a fixed size, or u32 length and bytes
 *
 * All little-endian and unaligned; numerics are in libvec's format.
 */
#ifndef FLY_SQL_ROW_TYPE_INT_H
#define FLY_SQL_ROW_TYPE_INT_H

#include "parse/text_int.h"
#include "types/type_int.h"

enum { FLY__SQL_FIELDS_MAX = 1664 };

/* A row being read. Borrows the string's bytes. */
typedef struct fly__sql_record {
    uint32_t type;
    uint32_t count;
    const uint8_t *head;  /* the fields' descriptions */
    const uint8_t *names; /* of the fields */
    const uint8_t *data;
    size_t size;
} fly__sql_record;

/* FLY_E_CORRUPT if the bytes are no row. `value` must outlive it. */
fly_status fly__sql_record_open(const fly_vec_str *value, fly__sql_record *record, fly_err *err);

/* Walk the fields: zero `*at` and `*index` first; false at the end. */
bool fly__sql_record_next(const fly__sql_record *record, uint32_t *index, size_t *at,
                          fly_sql_type *type, fly_vec_value *value);

/* Field number `index` from 0; NULL if the row has fewer (a column was added). */
void fly__sql_record_at(const fly__sql_record *record, uint32_t index, fly_sql_type *type,
                        fly_vec_value *value);

/* The name of field number `index` from 0, as it was made with; empty if it has none. */
fly_bytes fly__sql_record_name(const fly__sql_record *record, uint32_t index);

/* Build a row of `count` values; `type` is the composite's OID, FLY_SQL_RECORD for ROW(...). */
fly_status fly__sql_record_make(uint32_t type, uint32_t count, const fly_sql_type *types,
                                const fly_vec_value *values, fly_arena *arena, fly_vec_str *result,
                                fly_err *err);

/* As fly__sql_record_make(), with names of the fields; `names` may be NULL. */
fly_status fly__sql_record_make_named(uint32_t type, uint32_t count, const fly_sql_type *types,
                                      const char *const *names, const fly_vec_value *values,
                                      fly_arena *arena, fly_vec_str *result, fly_err *err);

#endif
