/*
 * Descriptors of the system tables, made of system.def, and ways to find them.
 */
#include "catalog/system_int.h"

#include <string.h>

/* ------------------------------------------------------------------- columns */

#define SYSTEM(schema, oid, table) static const fly__sql_column columns_##table[] = {
#define VIEW(schema, oid, table, text) static const fly__sql_column columns_##table[] = {
#define COLUMN(number_, name_, type_)                                                              \
    {.name = #name_, .number = (number_), .type = {.oid = FLY__SQL_OID_##type_, .mod = -1}},
#define ZERO(number_, name_, type_)                                                                \
    {.name = #name_,                                                                               \
     .number = (number_),                                                                          \
     .not_null = true,                                                                             \
     .type = {.oid = FLY__SQL_OID_##type_, .mod = -1}},
#define NONE(number_, name_, type_)                                                                \
    {.name = #name_, .number = (number_), .type = {.oid = FLY__SQL_OID_##type_, .mod = -1}},
#define EMPTY(schema, oid, table) static const fly__sql_column columns_##table[] = {
#define END(table)                                                                                 \
    }                                                                                              \
    ;
#define VEND(table) END(table)
#include "catalog/system.def"
#undef SYSTEM
#undef VIEW
#undef COLUMN
#undef ZERO
#undef NONE
#undef EMPTY
#undef END
#undef VEND

/* -------------------------------------------------------------------- tables */

#define TABLE(schema_, oid_, table_, class_, text_)                                                \
    {.oid = (oid_),                                                                                \
     .name = #table_,                                                                              \
     .schema = FLY__SQL_SCHEMA_##schema_,                                                          \
     .class = (class_),                                                                            \
     .owner = FLY__SQL_ROLE_ADMIN,                                                                 \
     .column_count = sizeof columns_##table_ / sizeof columns_##table_[0],                         \
     .columns = columns_##table_,                                                                  \
     .view_text = (text_),                                                                         \
     .populated = true,                                                                            \
     .rows = -1},
#define SYSTEM(schema, oid, table) TABLE(schema, oid, table, FLY__SQL_SYSTEM, NULL)
#define VIEW(schema, oid, table, text) TABLE(schema, oid, table, FLY__SQL_VIEW, text)
#define COLUMN(number, name, type)
#define ZERO(number, name, type)
#define NONE(number, name, type)
#define EMPTY(schema, oid, table) SYSTEM(schema, oid, table)
#define END(table)
#define VEND(table)
static const fly__sql_table tables[] = {
#include "catalog/system.def"
};

enum { TABLES = sizeof tables / sizeof tables[0] };

const fly__sql_table *fly__sql_system_at(size_t i)
{
    return i < TABLES ? &tables[i] : NULL;
}

const fly__sql_table *fly__sql_system_of(uint32_t oid)
{
    for (size_t i = 0; i < TABLES; i++) {
        if (tables[i].oid == oid) {
            return &tables[i];
        }
    }
    return NULL;
}

const fly__sql_table *fly__sql_system_named(uint32_t schema, const char *name)
{
    if (schema == FLY__SQL_SCHEMA_PG_CATALOG && strncmp(name, "pg_", 3) != 0 &&
        strncmp(name, "flydb_", 6) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < TABLES; i++) {
        if (tables[i].schema == schema && strcmp(tables[i].name, name) == 0) {
            return &tables[i];
        }
    }
    return NULL;
}
