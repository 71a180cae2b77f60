/*
 * What functions of text share.
 */
#ifndef FLY_SQL_STRING_INT_H
#define FLY_SQL_STRING_INT_H

#include "func/call_int.h"
#include "types/value_int.h"

/* Where `part` begins in `whole` at or behind byte `from`; SIZE_MAX: nowhere. */
size_t fly__sql_find(fly_bytes whole, fly_bytes part, size_t from);

/* A value as SQL writes it: in quotes, with E before them if it has backslashes. */
void fly__sql_put_literal(fly_sql_text *text, fly_bytes value);

/* The next piece of a text between separators (NULL: each character); begin with `*at` 0. */
bool fly__sql_split_next(fly_bytes text, const fly_bytes *between, size_t *at, fly_bytes *piece);

#endif
