/*
 * Arrays: how they lie in a string, building and reading them.
 *
 *     0  u8   dimensions, 0 (empty) to 6
 *     1  u8   fly_vec_type of the elements
 *     2  u8   1: there is a null bitmap
 *     3  u8   0
 *     4  u32  OID of the elements' type
 *     8  per dimension: u32 length, i32 lower bound
 *        null bitmap, if there is one: a bit for each element, lowest first, 1: not NULL
 *        elements: of a fixed size each, or u32 length and bytes
 *
 * All little-endian and unaligned. Elements are in row-major order; NULL ones take their fixed
 * size, or a length of zero. Numerics are always in libvec's format. Bytes from a disk are checked
 * when an array is opened: what is opened can be read without further checks.
 */
#ifndef FLY_SQL_ARRAY_INT_H
#define FLY_SQL_ARRAY_INT_H

#include "parse/text_int.h"
#include "types/type_int.h"

enum { FLY__SQL_DIMENSIONS_MAX = 6, FLY__SQL_ARRAY_ELEMENTS_MAX = 134217727 };

/* An array being read. Borrows the string's bytes. */
typedef struct fly__sql_array {
    uint32_t dimensions;
    uint32_t count;       /* of all elements */
    uint32_t element;     /* OID of their type */
    uint8_t physical;     /* fly_vec_type */
    uint8_t width;        /* of an element; 0: strings */
    uint32_t length[6];   /* of each dimension */
    int32_t lower[6];     /* bound of each dimension */
    const uint8_t *valid; /* NULL: no NULLs */
    const uint8_t *data;
    size_t size; /* of data */
} fly__sql_array;

/* FLY_E_CORRUPT if the bytes are no array. `value` must outlive the array: short strings lie in
 * it. */
fly_status fly__sql_array_open(const fly_vec_str *value, fly__sql_array *array, fly_err *err);

/* The type of the elements, as functions want it. */
fly_sql_type fly__sql_array_type(const fly__sql_array *array);

/* A walk over the elements: zero it first. */
typedef struct fly__sql_array_iter {
    uint32_t index; /* of the next element */
    size_t at;      /* where it lies */
} fly__sql_array_iter;

/* The next element; false at the end. Strings borrow the array's bytes. */
bool fly__sql_array_next(const fly__sql_array *array, fly__sql_array_iter *iter,
                         fly_vec_value *value);

/* The element number `index` from 0, which must be there. Quick but for strings. */
void fly__sql_array_at(const fly__sql_array *array, uint32_t index, fly_vec_value *value);

/* An array being built: elements one after the other, then the shape. */
typedef struct fly__sql_array_builder {
    fly_sql_type element;
    uint32_t count;
    bool has_null;
    fly_sql_text nulls;
    fly_sql_text data;
} fly__sql_array_builder;

void fly__sql_array_begin(fly__sql_array_builder *builder, fly_sql_type element, fly_arena *arena);

/* Add a value of the element type; numerics of any shape, which builder->element tells. */
fly_status fly__sql_array_add(fly__sql_array_builder *builder, const fly_vec_value *value,
                              fly_err *err);

/* End: a row of elements from 1 on. */
fly_status fly__sql_array_end(fly__sql_array_builder *builder, fly_vec_str *result, fly_err *err);

/* End, with dimensions whose product is the count; no elements: the empty array. */
fly_status fly__sql_array_end_shaped(fly__sql_array_builder *builder, uint32_t dimensions,
                                     const uint32_t *length, const int32_t *lower,
                                     fly_vec_str *result, fly_err *err);

#endif
