/*
 * System tables: pg_class and its kin, information_schema.
 *
 * Their descriptors are constants (system.def); their rows are computed from the catalog's view when
 * somebody scans them (system_rows.c). Nobody can change them.
 */
#ifndef FLY_SQL_SYSTEM_INT_H
#define FLY_SQL_SYSTEM_INT_H

#include "catalog/catalog_int.h"
#include "store/source_int.h"

enum { FLY__SQL_ROLE_ADMIN = 10 }; /* OID of the role that owns what nobody else does */

/* A system table or view of a schema; NULL if there is none. */
const fly__sql_table *fly__sql_system_named(uint32_t schema, const char *name);
const fly__sql_table *fly__sql_system_of(uint32_t oid);
/* All of them: NULL behind the last. */
const fly__sql_table *fly__sql_system_at(size_t i);

/* An OID for a part of something that has one: of a domain its checks, by their number. */
uint32_t fly__sql_part_oid(uint32_t whole, uint32_t number);

/* An OID for the name of a database, or of something else that has none. */
uint32_t fly__sql_name_oid(const char *name);

/* The source of their rows, for one session. */
struct fly_sql_session;
void fly__sql_system_init(fly__sql_source *source, struct fly_sql_session *session);

#endif
