/*
 * What functions and aggregates of JSON share.
 */
#ifndef FLY_SQL_JSON_INT_H
#define FLY_SQL_JSON_INT_H

#include "func/string_int.h"

/* Append an argument as JSON. */
fly_status fly__sql_json_add(fly__sql_call *call, uint32_t i, const fly_vec_value *args,
                             fly_sql_text *text);

/* Append an argument, not NULL, as the key of an object: its text in quotes. */
fly_status fly__sql_json_add_key(fly__sql_call *call, uint32_t i, const fly_vec_value *args,
                                 fly_sql_text *text);

#endif
