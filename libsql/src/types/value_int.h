/*
 * What text in and out of values share.
 */
#ifndef FLY_SQL_VALUE_INT_H
#define FLY_SQL_VALUE_INT_H

#include "func/func_int.h"
#include "parse/text_int.h"
#include "session/session_int.h"

#include <fly/vec_time.h>

enum { FLY__SQL_VALUE_DEPTH = 64 }; /* of arrays of rows of arrays ... */

/* An identifier as SQL wants it: in double quotes unless it is plain and no keyword. */
void fly__sql_put_ident(fly_sql_text *text, fly_bytes name);

/* As much of a name as fits: 63 bytes, whole characters. */
fly_bytes fly__sql_name_clip(fly_bytes name);

/* The view of the session's statement; NULL if there is none. */
static inline const fly__sql_catalog_view *fly__sql_view_of(const struct fly_sql_session *session)
{
    return session != NULL ? session->view : NULL;
}

/* format_type(): the name of a type with its modifier, as SQL writes it. */
void fly__sql_put_type(fly_sql_text *text, const fly__sql_catalog_view *view, uint32_t oid,
                       int32_t mod);

/* Names of things by OID (reg_out.c), and OIDs by name. Out: a number where there is no such
 * thing. */
void fly__sql_put_reg(fly_sql_text *text, const fly__sql_catalog_view *view, uint32_t type,
                      uint32_t oid);
fly_status fly__sql_reg_in(struct fly_sql_session *session, uint32_t type, fly_bytes text,
                           bool missing_ok, fly_arena *arena, uint32_t *oid, fly_err *err);

/* A type by its name as SQL writes it: "int[]", "numeric(10,2)", "my.mood"; OID 0 if there is
 * none. */
fly_status fly__sql_type_parse(const fly__sql_catalog_view *view, fly_bytes text, fly_arena *arena,
                               fly_sql_type *type, fly_err *err);

/* Dates, times, intervals (value_time.c). What they depend on, from a session, which may be
 * NULL: */
typedef struct fly__sql_time {
    fly_mem mem; /* first: zones are loaded into the arena */
    struct fly_sql_session *session;
    fly_arena *arena;
    fly_vec_time_env env;
} fly__sql_time;

void fly__sql_time_begin(fly__sql_time *time, struct fly_sql_session *session, fly_arena *arena);

fly_status fly__sql_time_in(struct fly_sql_session *session, fly_sql_type type, fly_bytes text,
                            fly_arena *arena, fly_vec_value *value, fly_err *err);
void fly__sql_time_out(struct fly_sql_session *session, fly_sql_type type,
                       const fly_vec_value *value, fly_sql_text *text);
fly_status fly__sql_time_fit(fly_sql_type type, fly_vec_value *value, fly_err *err);

/* jsonb (value_json.c). */
fly_status fly__sql_jsonb_in(fly_bytes text, fly_arena *arena, fly_vec_value *value, fly_err *err);
fly_status fly__sql_jsonb_out(const fly_vec_value *value, fly_sql_text *text, fly_err *err);
fly_status fly__sql_json_check(fly_bytes text, fly_arena *arena, fly_err *err);

/* A value of any type as JSON, NULL as null; `pretty`: lines of an array's elements or a row's
 * fields. */
fly_status fly__sql_json_write(struct fly_sql_session *session, fly_sql_type type,
                               const fly_vec_value *value, bool pretty, unsigned depth,
                               fly_sql_text *text, fly_err *err);

/* The table whose rows a composite type is; NULL if there is none. */
const fly__sql_table *fly__sql_table_of_row(const fly__sql_catalog_view *view, uint32_t type);

/* As fly__sql_value_in() and ..._out() inside of arrays and rows, `depth` of them. */
fly_status fly__sql_value_read(struct fly_sql_session *session, fly_sql_type type, fly_bytes text,
                               unsigned depth, fly_arena *arena, fly_vec_value *value,
                               fly_err *err);
fly_status fly__sql_value_write(struct fly_sql_session *session, fly_sql_type type,
                                const fly_vec_value *value, unsigned depth, fly_sql_text *text,
                                fly_err *err);

/* The built-in type that values of a user's domain have; other types as they are. */
fly_sql_type fly__sql_type_undomain(const fly__sql_catalog_view *view, fly_sql_type type);

/* The element type of an array type, built in or not; OID 0 if it is no array. */
fly_sql_type fly__sql_type_element(const fly__sql_catalog_view *view, uint32_t oid);

#endif
