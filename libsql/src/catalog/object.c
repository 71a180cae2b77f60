/*
 * Descriptors as bytes, and back: one table of shapes, one walk each way.
 *
 * A structure is written as the number of its fields and then the fields, in the order of the table:
 * numbers as varints (signed ones zigzag), doubles as their eight bytes, strings as length + 1 and
 * bytes (0: NULL), arrays as their count and elements. A reader that knows more fields than were
 * written leaves those zero, so fields may be added at the end of a shape; one that knows fewer refuses.
 * Copying a descriptor is writing and reading it. Format: docs/formats/catalog.md.
 */
#include "catalog/object_int.h"
#include "catalog/role_int.h"
#include "catalog/system_int.h"
#include "pl/pl_int.h"

#include <stddef.h>
#include <string.h>

enum field_kind {
    F_U8, /* bool and char too */
    F_U16,
    F_U32,
    F_I32,
    F_I64,
    F_F32,
    F_F64,
    F_STR,
    F_BYTES,
    F_STRUCT,   /* one, inside */
    F_STRUCTS,  /* pointer to an array of structures */
    F_POINTERS, /* pointer to an array of pointers to structures */
    F_U16S,
    F_U32S,
    F_STRS,
    F_SKIP /* a string that was written once: nothing reads it */
};

struct field {
    uint8_t kind;
    uint16_t offset;
    uint16_t count_offset; /* of arrays: where their u16 count is */
    const struct shape *shape;
};

struct shape {
    size_t size;
    uint16_t count;
    const struct field *fields;
};

#define AT(type, name) (uint16_t) offsetof(type, name)
#define SHAPE(name, type)                                                                          \
    static const struct shape name = {sizeof(type), sizeof(name##_fields) / sizeof(struct field),  \
                                      name##_fields}

/* ---------------------------------------------------------------- the shapes */

#define T fly_sql_type
static const struct field type_fields[] = {{F_U32, AT(T, oid), 0, NULL},
                                           {F_I32, AT(T, mod), 0, NULL},
                                           {F_U32, AT(T, collation), 0, NULL},
                                           {F_U8, AT(T, digits), 0, NULL},
                                           {F_U8, AT(T, scale), 0, NULL}};
SHAPE(type, T);
#undef T

#define T fly__sql_column
static const struct field column_fields[] = {
    {F_STR, AT(T, name), 0, NULL},     {F_STRUCT, AT(T, type), 0, &type},
    {F_U16, AT(T, number), 0, NULL},   {F_U8, AT(T, not_null), 0, NULL},
    {F_U8, AT(T, dropped), 0, NULL},   {F_U8, AT(T, identity), 0, NULL},
    {F_U8, AT(T, generated), 0, NULL}, {F_STR, AT(T, default_text), 0, NULL},
    {F_STR, AT(T, missing), 0, NULL},  {F_U32, AT(T, sequence), 0, NULL},
    {F_F64, AT(T, distinct), 0, NULL}, {F_F64, AT(T, null_fraction), 0, NULL},
    {F_F64, AT(T, width), 0, NULL},    {F_BYTES, AT(T, stats), 0, NULL}};
SHAPE(column, T);
#undef T

#define T fly__sql_index_column
static const struct field index_column_fields[] = {
    {F_U16, AT(T, column), 0, NULL},     {F_U8, AT(T, descending), 0, NULL},
    {F_U8, AT(T, nulls_first), 0, NULL}, {F_U32, AT(T, collation), 0, NULL},
    {F_STRUCT, AT(T, type), 0, &type},   {F_STR, AT(T, expression), 0, NULL}};
SHAPE(index_column, T);
#undef T

#define T fly__sql_index
static const struct field index_fields[] = {
    {F_U32, AT(T, oid), 0, NULL},
    {F_STR, AT(T, name), 0, NULL},
    {F_U32, AT(T, table), 0, NULL},
    {F_U8, AT(T, unique), 0, NULL},
    {F_U8, AT(T, primary), 0, NULL},
    {F_U8, AT(T, nulls_not_distinct), 0, NULL},
    {F_U8, AT(T, ready), 0, NULL},
    {F_U16, AT(T, key_count), 0, NULL},
    {F_STRUCTS, AT(T, columns), AT(T, column_count), &index_column},
    {F_STR, AT(T, predicate), 0, NULL},
    {F_STR, AT(T, tree), 0, NULL},
    {F_U8, AT(T, clustered), 0, NULL}};
SHAPE(index, T);
#undef T

#define T fly__sql_constraint
static const struct field constraint_fields[] = {
    {F_U32, AT(T, oid), 0, NULL},           {F_STR, AT(T, name), 0, NULL},
    {F_U32, AT(T, table), 0, NULL},         {F_U8, AT(T, kind), 0, NULL},
    {F_U8, AT(T, deferrable), 0, NULL},     {F_U8, AT(T, deferred), 0, NULL},
    {F_U8, AT(T, validated), 0, NULL},      {F_U16S, AT(T, columns), AT(T, count), NULL},
    {F_U32, AT(T, index), 0, NULL},         {F_STR, AT(T, check), 0, NULL},
    {F_U32, AT(T, foreign_table), 0, NULL}, {F_U16S, AT(T, foreign_columns), AT(T, count), NULL},
    {F_U8, AT(T, match), 0, NULL},          {F_U8, AT(T, on_update), 0, NULL},
    {F_U8, AT(T, on_delete), 0, NULL}};
SHAPE(constraint, T);
#undef T

#define T fly__sql_trigger
static const struct field trigger_fields[] = {{F_U32, AT(T, oid), 0, NULL},
                                              {F_STR, AT(T, name), 0, NULL},
                                              {F_U32, AT(T, table), 0, NULL},
                                              {F_U32, AT(T, function), 0, NULL},
                                              {F_U8, AT(T, row), 0, NULL},
                                              {F_U8, AT(T, when), 0, NULL},
                                              {F_U8, AT(T, events), 0, NULL},
                                              {F_U8, AT(T, enabled), 0, NULL},
                                              {F_U16S, AT(T, columns), AT(T, column_count), NULL},
                                              {F_STR, AT(T, condition), 0, NULL},
                                              {F_STRS, AT(T, args), AT(T, argc), NULL},
                                              {F_STR, AT(T, old_table), 0, NULL},
                                              {F_STR, AT(T, new_table), 0, NULL},
                                              {F_STR, AT(T, definition), 0, NULL}};
SHAPE(trigger, T);
#undef T

#define T fly__sql_policy
static const struct field policy_fields[] = {
    {F_U32, AT(T, oid), 0, NULL},        {F_STR, AT(T, name), 0, NULL},
    {F_U32, AT(T, table), 0, NULL},      {F_U8, AT(T, permissive), 0, NULL},
    {F_U8, AT(T, command), 0, NULL},     {F_U32S, AT(T, roles), AT(T, role_count), NULL},
    {F_STR, AT(T, using_text), 0, NULL}, {F_STR, AT(T, check_text), 0, NULL},
    {F_U8, AT(T, of_grant), 0, NULL}};
SHAPE(policy, T);
#undef T

#define T fly__sql_table
static const struct field table_fields[] = {
    {F_U32, AT(T, oid), 0, NULL},
    {F_STR, AT(T, name), 0, NULL},
    {F_U32, AT(T, schema), 0, NULL},
    {F_U8, AT(T, class), 0, NULL},
    {F_SKIP, 0, 0, NULL}, /* the owner's name */
    {F_U8, AT(T, temporary), 0, NULL},
    {F_U8, AT(T, row_security), 0, NULL},
    {F_U32, AT(T, row_type), 0, NULL},
    {F_STRUCTS, AT(T, columns), AT(T, column_count), &column},
    {F_POINTERS, AT(T, indexes), AT(T, index_count), &index},
    {F_POINTERS, AT(T, constraints), AT(T, constraint_count), &constraint},
    {F_POINTERS, AT(T, referrers), AT(T, referrer_count), &constraint},
    {F_POINTERS, AT(T, triggers), AT(T, trigger_count), &trigger},
    {F_POINTERS, AT(T, policies), AT(T, policy_count), &policy},
    {F_STR, AT(T, tree), 0, NULL},
    {F_U32, AT(T, layout), 0, NULL},
    {F_STR, AT(T, view_text), 0, NULL},
    {F_STR, AT(T, view_check), 0, NULL},
    {F_U8, AT(T, populated), 0, NULL},
    {F_STR, AT(T, comment), 0, NULL},
    {F_F64, AT(T, rows), 0, NULL},
    {F_F64, AT(T, pages), 0, NULL},
    {F_U32, AT(T, owner), 0, NULL},
    {F_U8, AT(T, force_row_security), 0, NULL},
    {F_U8, AT(T, invoker), 0, NULL},
    {F_U8, AT(T, barrier), 0, NULL}};
SHAPE(table, T);
#undef T

#define T fly__sql_sequence
static const struct field sequence_fields[] = {
    {F_U32, AT(T, oid), 0, NULL},         {F_STRUCT, AT(T, type), 0, &type},
    {F_I64, AT(T, start), 0, NULL},       {F_I64, AT(T, increment), 0, NULL},
    {F_I64, AT(T, minimum), 0, NULL},     {F_I64, AT(T, maximum), 0, NULL},
    {F_I64, AT(T, cache), 0, NULL},       {F_U8, AT(T, cycle), 0, NULL},
    {F_U32, AT(T, owner_table), 0, NULL}, {F_U16, AT(T, owner_column), 0, NULL}};
SHAPE(sequence, T);
#undef T

#define T fly__sql_enum_label
static const struct field label_fields[] = {
    {F_I32, AT(T, value), 0, NULL}, {F_F32, AT(T, sort), 0, NULL}, {F_STR, AT(T, label), 0, NULL}};
SHAPE(label, T);
#undef T

#define T fly__sql_user_type
static const struct field user_type_fields[] = {
    {F_U32, AT(T, oid), 0, NULL},
    {F_U32, AT(T, array_oid), 0, NULL},
    {F_STR, AT(T, name), 0, NULL},
    {F_U32, AT(T, schema), 0, NULL},
    {F_U8, AT(T, kind), 0, NULL},
    {F_STRUCTS, AT(T, labels), AT(T, label_count), &label},
    {F_U32, AT(T, table), 0, NULL},
    {F_STRUCT, AT(T, base), 0, &type},
    {F_U8, AT(T, not_null), 0, NULL},
    {F_STR, AT(T, default_text), 0, NULL},
    {F_STRS, AT(T, checks), AT(T, check_count), NULL},
    {F_STRS, AT(T, check_names), AT(T, check_count), NULL},
    {F_U32, AT(T, owner), 0, NULL}};
SHAPE(user_type, T);
#undef T

#define T fly__sql_user_function
static const struct field user_function_fields[] = {
    {F_U32, AT(T, oid), 0, NULL},
    {F_STR, AT(T, name), 0, NULL},
    {F_U32, AT(T, schema), 0, NULL},
    {F_U8, AT(T, procedure), 0, NULL},
    {F_STR, AT(T, language), 0, NULL},
    {F_STR, AT(T, body), 0, NULL},
    {F_U16, AT(T, argc), 0, NULL},
    {F_STRS, AT(T, names), AT(T, all_count), NULL},
    {F_STR, AT(T, modes), 0, NULL},
    {F_STRUCTS, AT(T, types), AT(T, all_count), &type},
    {F_STRS, AT(T, defaults), AT(T, all_count), NULL},
    {F_STRUCT, AT(T, result), 0, &type},
    {F_U8, AT(T, returns_set), 0, NULL},
    {F_U8, AT(T, security_definer), 0, NULL},
    {F_STR, AT(T, definition), 0, NULL},
    {F_U8, AT(T, volatility), 0, NULL},
    {F_U8, AT(T, strict), 0, NULL},
    {F_U32, AT(T, owner), 0, NULL}};
SHAPE(user_function, T);
#undef T

#define T fly__sql_schema
static const struct field schema_fields[] = {{F_U32, AT(T, oid), 0, NULL},
                                             {F_STR, AT(T, name), 0, NULL},
                                             {F_SKIP, 0, 0, NULL}, /* the owner's name */
                                             {F_U32, AT(T, owner), 0, NULL}};
SHAPE(schema, T);
#undef T

#define T fly__sql_comment
static const struct field comment_fields[] = {{F_U32, AT(T, oid), 0, NULL},
                                              {F_U32, AT(T, object), 0, NULL},
                                              {F_U16, AT(T, column), 0, NULL},
                                              {F_STR, AT(T, text), 0, NULL}};
SHAPE(comment, T);
#undef T

#define T fly__sql_acl_item
static const struct field acl_item_fields[] = {{F_U32, AT(T, grantee), 0, NULL},
                                               {F_U32, AT(T, grantor), 0, NULL},
                                               {F_U32, AT(T, rights), 0, NULL},
                                               {F_U32, AT(T, grantable), 0, NULL},
                                               {F_U16, AT(T, column), 0, NULL}};
SHAPE(acl_item, T);
#undef T

#define T fly__sql_acl
static const struct field acl_fields[] = {{F_U32, AT(T, oid), 0, NULL},
                                          {F_U8, AT(T, own), 0, NULL},
                                          {F_STRUCTS, AT(T, items), AT(T, count), &acl_item}};
SHAPE(acl, T);
#undef T

#define T fly__sql_default_acl
static const struct field default_acl_fields[] = {
    {F_U32, AT(T, oid), 0, NULL},
    {F_U32, AT(T, role), 0, NULL},
    {F_U32, AT(T, schema), 0, NULL},
    {F_U8, AT(T, class), 0, NULL},
    {F_STRUCTS, AT(T, items), AT(T, count), &acl_item}};
SHAPE(default_acl, T);
#undef T

#define T fly__sql_membership
static const struct field membership_fields[] = {
    {F_U32, AT(T, role), 0, NULL}, {F_U32, AT(T, grantor), 0, NULL}, {F_U8, AT(T, admin), 0, NULL}};
SHAPE(membership, T);
#undef T

#define T fly__sql_role
static const struct field role_fields[] = {
    {F_U32, AT(T, oid), 0, NULL},
    {F_STR, AT(T, name), 0, NULL},
    {F_U8, AT(T, superuser), 0, NULL},
    {F_U8, AT(T, inherit), 0, NULL},
    {F_U8, AT(T, create_role), 0, NULL},
    {F_U8, AT(T, create_db), 0, NULL},
    {F_U8, AT(T, login), 0, NULL},
    {F_U8, AT(T, replication), 0, NULL},
    {F_U8, AT(T, bypass_rls), 0, NULL},
    {F_U8, AT(T, builtin), 0, NULL},
    {F_I32, AT(T, connection_limit), 0, NULL},
    {F_STR, AT(T, verifier), 0, NULL},
    {F_U8, AT(T, expires), 0, NULL},
    {F_I64, AT(T, valid_until), 0, NULL},
    {F_STR, AT(T, comment), 0, NULL},
    {F_STRUCTS, AT(T, memberships), AT(T, membership_count), &membership}};
SHAPE(role, T);
#undef T

#define T fly__sql_database_rights
static const struct field database_fields[] = {{F_U32, AT(T, oid), 0, NULL},
                                               {F_STR, AT(T, name), 0, NULL},
                                               {F_U32, AT(T, owner), 0, NULL},
                                               {F_U8, AT(T, own), 0, NULL},
                                               {F_I32, AT(T, connection_limit), 0, NULL},
                                               {F_STRUCTS, AT(T, items), AT(T, count), &acl_item}};
SHAPE(database, T);
#undef T

#define T fly__sql_role_setting
static const struct field role_setting_fields[] = {{F_U32, AT(T, oid), 0, NULL},
                                                   {F_U32, AT(T, role), 0, NULL},
                                                   {F_STR, AT(T, database), 0, NULL},
                                                   {F_STR, AT(T, name), 0, NULL},
                                                   {F_STR, AT(T, value), 0, NULL}};
SHAPE(role_setting, T);
#undef T

static const struct shape *shape_of(fly__sql_object_kind kind)
{
    static const struct shape *const shapes[FLY__SQL_O_KINDS] = {
        [FLY__SQL_O_SCHEMA] = &schema,
        [FLY__SQL_O_TABLE] = &table,
        [FLY__SQL_O_SEQUENCE] = &sequence,
        [FLY__SQL_O_TYPE] = &user_type,
        [FLY__SQL_O_FUNCTION] = &user_function,
        [FLY__SQL_O_COMMENT] = &comment,
        [FLY__SQL_O_ACL] = &acl,
        [FLY__SQL_O_DEFAULT_ACL] = &default_acl,
        [FLY__SQL_O_ROLE] = &role,
        [FLY__SQL_O_DATABASE] = &database,
        [FLY__SQL_O_ROLE_SETTING] = &role_setting};
    return kind < FLY__SQL_O_KINDS ? shapes[kind] : NULL;
}

/* ------------------------------------------------------------------- writing */

struct writer {
    fly_arena *arena;
    uint8_t *data;
    size_t len;
    size_t room;
    bool failed;
};

static uint8_t *more(struct writer *w, size_t size)
{
    if (size > w->room - w->len) {
        size_t room = 2 * w->room + size + 256;
        uint8_t *grown = fly_arena_alloc(w->arena, room);
        if (grown == NULL) {
            w->failed = true;
            return NULL;
        }
        if (w->len > 0) {
            memcpy(grown, w->data, w->len);
        }
        w->data = grown;
        w->room = room;
    }
    uint8_t *at = w->data + w->len;
    w->len += size;
    return at;
}

static void put_number(struct writer *w, uint64_t x)
{
    uint8_t bytes[FLY_VARINT_SIZE_MAX];
    size_t size = fly_put_varint(bytes, x);
    uint8_t *at = more(w, size);
    if (at != NULL) {
        memcpy(at, bytes, size);
    }
}

static void put_signed(struct writer *w, int64_t x)
{
    put_number(w, ((uint64_t)x << 1) ^ (uint64_t)(x >> 63));
}

static void put_double(struct writer *w, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint8_t *at = more(w, sizeof bits);
    if (at != NULL) {
        fly_put_u64(at, bits);
    }
}

static void put_bytes(struct writer *w, const void *data, size_t len)
{
    put_number(w, data == NULL ? 0 : (uint64_t)len + 1);
    uint8_t *at = data == NULL || len == 0 ? NULL : more(w, len);
    if (at != NULL) {
        memcpy(at, data, len);
    }
}

static void put_string(struct writer *w, const char *s)
{
    put_bytes(w, s, s == NULL ? 0 : strlen(s));
}

static void put_struct(struct writer *w, const struct shape *shape, const uint8_t *from);

static void put_array(struct writer *w, const struct field *field, const uint8_t *from,
                      const void *array)
{
    uint16_t count;
    memcpy(&count, from + field->count_offset, sizeof count);
    count = array == NULL ? 0 : count;
    put_number(w, count);
    for (uint16_t i = 0; i < count; i++) {
        switch (field->kind) {
        case F_STRUCTS:
            put_struct(w, field->shape, (const uint8_t *)array + i * field->shape->size);
            break;
        case F_POINTERS:
            put_struct(w, field->shape, ((const uint8_t *const *)array)[i]);
            break;
        case F_U16S:
            put_number(w, ((const uint16_t *)array)[i]);
            break;
        case F_U32S:
            put_number(w, ((const uint32_t *)array)[i]);
            break;
        default:
            put_string(w, ((const char *const *)array)[i]);
            break;
        }
    }
}

static void put_field(struct writer *w, const struct field *field, const uint8_t *from)
{
    const uint8_t *at = from + field->offset;
    union {
        uint8_t u8;
        uint16_t u16;
        uint32_t u32;
        int32_t i32;
        int64_t i64;
        float f32;
        double f64;
        const void *pointer;
        fly_bytes bytes;
    } x;
    static const uint8_t sizes[] = {[F_U8] = 1,
                                    [F_U16] = 2,
                                    [F_U32] = 4,
                                    [F_I32] = 4,
                                    [F_I64] = 8,
                                    [F_F32] = 4,
                                    [F_F64] = 8,
                                    [F_STR] = sizeof(void *),
                                    [F_BYTES] = sizeof(fly_bytes),
                                    [F_STRUCT] = 0,
                                    [F_STRUCTS] = sizeof(void *),
                                    [F_POINTERS] = sizeof(void *),
                                    [F_U16S] = sizeof(void *),
                                    [F_U32S] = sizeof(void *),
                                    [F_STRS] = sizeof(void *),
                                    [F_SKIP] = 0};
    memcpy(&x, at, sizes[field->kind]);
    switch (field->kind) {
    case F_U8:
        put_number(w, x.u8);
        break;
    case F_U16:
        put_number(w, x.u16);
        break;
    case F_U32:
        put_number(w, x.u32);
        break;
    case F_I32:
        put_signed(w, x.i32);
        break;
    case F_I64:
        put_signed(w, x.i64);
        break;
    case F_F32:
        put_double(w, (double)x.f32);
        break;
    case F_F64:
        put_double(w, x.f64);
        break;
    case F_STR:
        put_string(w, x.pointer);
        break;
    case F_BYTES:
        put_bytes(w, x.bytes.data, x.bytes.len);
        break;
    case F_STRUCT:
        put_struct(w, field->shape, at);
        break;
    case F_SKIP:
        put_string(w, NULL);
        break;
    default:
        put_array(w, field, from, x.pointer);
        break;
    }
}

static void put_struct(struct writer *w, const struct shape *shape, const uint8_t *from)
{
    put_number(w, shape->count);
    for (uint16_t i = 0; i < shape->count; i++) {
        put_field(w, &shape->fields[i], from);
    }
}

fly_status fly__sql_object_encode(fly__sql_object_kind kind, const void *descriptor,
                                  fly_arena *arena, fly_bytes *bytes, fly_err *err)
{
    struct writer w = {.arena = arena};
    put_struct(&w, shape_of(kind), descriptor);
    if (w.failed) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a catalog entry");
    }
    *bytes = fly_bytes_of(w.data, w.len);
    return FLY_OK;
}

/* ------------------------------------------------------------------- reading */

struct reader {
    fly_arena *arena;
    const uint8_t *at;
    size_t left;
    bool bad; /* not ours, or no memory */
};

static uint64_t get_number(struct reader *r)
{
    uint64_t x = 0;
    size_t size = r->bad ? 0 : fly_get_varint(r->at, r->left, &x);
    if (size == 0) {
        r->bad = true;
        return 0;
    }
    r->at += size;
    r->left -= size;
    return x;
}

static int64_t get_signed(struct reader *r)
{
    uint64_t x = get_number(r);
    return (int64_t)(x >> 1) ^ -(int64_t)(x & 1);
}

static double get_double(struct reader *r)
{
    double x = 0;
    if (r->bad || r->left < 8) {
        r->bad = true;
        return 0;
    }
    uint64_t bits = fly_get_u64(r->at);
    memcpy(&x, &bits, sizeof x);
    r->at += 8;
    r->left -= 8;
    return x;
}

static void *room(struct reader *r, size_t count, size_t size)
{
    void *block = r->bad || count > UINT16_MAX ? NULL : fly_arena_alloc(r->arena, count * size);
    if (block == NULL) {
        r->bad = true;
        return NULL;
    }
    memset(block, 0, count * size);
    return block;
}

static fly_bytes get_bytes(struct reader *r)
{
    uint64_t len = get_number(r);
    if (len == 0 || r->bad) {
        return fly_bytes_of(NULL, 0);
    }
    len--;
    uint8_t *copy = len > r->left ? NULL : fly_arena_alloc(r->arena, (size_t)len + 1);
    if (copy == NULL) {
        r->bad = true;
        return fly_bytes_of(NULL, 0);
    }
    memcpy(copy, r->at, (size_t)len);
    copy[len] = '\0';
    r->at += len;
    r->left -= (size_t)len;
    return fly_bytes_of(copy, (size_t)len);
}

static void get_struct(struct reader *r, const struct shape *shape, uint8_t *to);

static void get_array(struct reader *r, const struct field *field, uint8_t *to)
{
    uint64_t count = get_number(r);
    size_t each = field->kind == F_STRUCTS ? field->shape->size
                  : field->kind == F_U16S  ? sizeof(uint16_t)
                  : field->kind == F_U32S  ? sizeof(uint32_t)
                                           : sizeof(void *);
    if (count > r->left) { /* each element takes a byte at least */
        r->bad = true;
    }
    void *array = room(r, (size_t)count, each);
    for (size_t i = 0; i < count && !r->bad; i++) {
        if (field->kind == F_STRUCTS) {
            get_struct(r, field->shape, (uint8_t *)array + i * each);
        } else if (field->kind == F_POINTERS) {
            ((void **)array)[i] = room(r, 1, field->shape->size);
            if (!r->bad) {
                get_struct(r, field->shape, ((void **)array)[i]);
            }
        } else if (field->kind == F_U16S) {
            ((uint16_t *)array)[i] = (uint16_t)get_number(r);
        } else if (field->kind == F_U32S) {
            ((uint32_t *)array)[i] = (uint32_t)get_number(r);
        } else {
            ((const void **)array)[i] = get_bytes(r).data;
        }
    }
    uint16_t said = (uint16_t)count;
    memcpy(to + field->count_offset, &said, sizeof said);
    memcpy(to + field->offset, &array, sizeof array);
}

#define STORE(type, value)                                                                         \
    do {                                                                                           \
        type x_ = (type)(value);                                                                   \
        memcpy(at, &x_, sizeof x_);                                                                \
    } while (0)

static void get_field(struct reader *r, const struct field *field, uint8_t *to)
{
    uint8_t *at = to + field->offset;
    switch (field->kind) {
    case F_U8:
        STORE(uint8_t, get_number(r));
        break;
    case F_U16:
        STORE(uint16_t, get_number(r));
        break;
    case F_U32:
        STORE(uint32_t, get_number(r));
        break;
    case F_I32:
        STORE(int32_t, get_signed(r));
        break;
    case F_I64:
        STORE(int64_t, get_signed(r));
        break;
    case F_F32:
        STORE(float, get_double(r));
        break;
    case F_F64:
        STORE(double, get_double(r));
        break;
    case F_STR:
        STORE(const void *, get_bytes(r).data);
        break;
    case F_BYTES: {
        fly_bytes bytes = get_bytes(r);
        memcpy(at, &bytes, sizeof bytes);
        break;
    }
    case F_STRUCT:
        get_struct(r, field->shape, at);
        break;
    case F_SKIP:
        (void)get_bytes(r);
        break;
    default:
        get_array(r, field, to);
        break;
    }
}

static void get_struct(struct reader *r, const struct shape *shape, uint8_t *to)
{
    uint64_t count = get_number(r);
    if (count > shape->count) {
        r->bad = true;
    }
    for (uint64_t i = 0; i < count && !r->bad; i++) {
        get_field(r, &shape->fields[i], to);
    }
}

/* ------------------------------------------------------------------- objects */

fly_status fly__sql_object_create(fly_mem *mem, fly__sql_object_kind kind, fly__sql_object **object,
                                  fly_err *err)
{
    fly__sql_object *made = fly_mem_calloc(mem, 1, sizeof *made);
    if (made == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a catalog entry");
    }
    made->mem = mem;
    made->kind = (uint8_t)kind;
    fly_arena_init(&made->arena, mem, 512);
    fly_store_u32(&made->uses, 1);
    size_t size = shape_of(kind)->size;
    made->body = fly_arena_alloc(&made->arena, size);
    if (made->body == NULL) {
        fly__sql_object_release(made);
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a catalog entry");
    }
    memset(made->body, 0, size);
    *object = made;
    return FLY_OK;
}

/* What a call of a user's function resolves by. */
static fly_status finish_function(fly__sql_object *object, fly__sql_user_function *function,
                                  fly_err *err)
{
    fly__sql_func *func = fly_arena_alloc(&object->arena, sizeof *func);
    if (func == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a catalog entry");
    }
    memset(func, 0, sizeof *func);
    func->name = function->name;
    func->oid = function->oid;
    func->kind = FLY__SQL_USER;
    func->volatility = function->volatility;
    func->strict = function->strict;
    func->can_raise = true;
    func->result = function->result.oid;
    func->user = function;
    func->row = fly__sql_pl_row;
    func->set = &fly__sql_pl_set;
    uint8_t argc = 0;
    for (uint16_t i = 0; i < function->all_count && function->modes != NULL; i++) {
        char mode = function->modes[i];
        bool out = mode == 't' || (mode == 'o' && !function->procedure);
        if (out || argc == sizeof func->args / sizeof func->args[0]) {
            continue;
        }
        func->variadic = func->variadic || mode == 'v';
        func->defaults = (uint8_t)(func->defaults + (function->defaults[i] != NULL));
        func->args[argc++] = function->types[i].oid;
    }
    func->argc = argc;
    function->func = func;
    return FLY_OK;
}

/* What was written before there were roles is the administrator's. */
static void finish_owner(uint32_t *owner)
{
    *owner = *owner == 0 ? FLY__SQL_ROLE_ADMIN : *owner;
}

static void finish_table(fly__sql_table *made)
{
    finish_owner(&made->owner);
    made->primary = NULL;
    for (uint16_t i = 0; i < made->index_count; i++) {
        if (made->indexes[i]->primary) {
            made->primary = made->indexes[i];
        }
    }
}

fly_status fly__sql_object_finish(fly__sql_object *object, fly_err *err)
{
    switch ((fly__sql_object_kind)object->kind) {
    case FLY__SQL_O_TABLE: {
        fly__sql_table *made = object->body;
        finish_table(made);
        object->oid = made->oid;
        object->schema = made->schema;
        object->name = made->name;
        break;
    }
    case FLY__SQL_O_TYPE: {
        fly__sql_user_type *made = object->body;
        finish_owner(&made->owner);
        object->oid = made->oid;
        object->schema = made->schema;
        object->name = made->name;
        break;
    }
    case FLY__SQL_O_FUNCTION: {
        fly__sql_user_function *made = object->body;
        finish_owner(&made->owner);
        object->oid = made->oid;
        object->schema = made->schema;
        object->name = made->name;
        return finish_function(object, made, err);
    }
    case FLY__SQL_O_SCHEMA: {
        fly__sql_schema *made = object->body;
        finish_owner(&made->owner);
        object->oid = made->oid;
        object->name = made->name;
        break;
    }
    case FLY__SQL_O_ROLE: {
        const fly__sql_role *made = object->body;
        object->oid = made->oid;
        object->name = made->name;
        break;
    }
    case FLY__SQL_O_DATABASE: {
        const fly__sql_database_rights *made = object->body;
        object->oid = made->oid;
        object->name = made->name;
        break;
    }
    default: /* their OID comes first */
        memcpy(&object->oid, object->body, sizeof object->oid);
        break;
    }
    return FLY_OK;
}

fly_status fly__sql_object_decode(fly_mem *mem, fly__sql_object_kind kind, fly_bytes bytes,
                                  fly__sql_object **object, fly_err *err)
{
    if (shape_of(kind) == NULL) {
        return fly_err_set(err, FLY_E_FORMAT, "catalog entry of unknown kind %d", (int)kind);
    }
    fly__sql_object *made = NULL;
    fly_status status = fly__sql_object_create(mem, kind, &made, err);
    if (status != FLY_OK) {
        return status;
    }
    struct reader r = {.arena = &made->arena, .at = bytes.data, .left = bytes.len};
    get_struct(&r, shape_of(kind), made->body);
    if (r.bad || r.left != 0) {
        fly__sql_object_release(made);
        return fly_err_set(err, FLY_E_CORRUPT, "catalog entry of kind %d is damaged, %zu bytes",
                           (int)kind, bytes.len);
    }
    status = fly__sql_object_finish(made, err);
    if (status != FLY_OK) {
        fly__sql_object_release(made);
        return status;
    }
    *object = made;
    return FLY_OK;
}

void fly__sql_object_release(fly__sql_object *object)
{
    if (object != NULL && fly_sub_u32(&object->uses, 1) == 1) {
        fly_arena_deinit(&object->arena);
        fly_mem_free(object->mem, object, sizeof *object);
    }
}
