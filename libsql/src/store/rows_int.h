/*
 * The row store as a source, and the numbers of rows that have no primary key.
 */
#ifndef FLY_SQL_ROWS_INT_H
#define FLY_SQL_ROWS_INT_H

#include "session/session_int.h"
#include "store/source_int.h"

/* A source over a session's trees. */
void fly__sql_rows_init(fly__sql_source *source, fly_sql_session *session);

/* The next row number of a table without a clustering key: never given twice. */
fly_status fly__sql_row_number(fly_sql_session *session, const fly__sql_table *table,
                               uint64_t *number, fly_err *err);

/* So many of them, one behind the other; `*first` is the first. */
fly_status fly__sql_row_numbers(fly_sql_session *session, const fly__sql_table *table,
                                uint32_t count, uint64_t *first, fly_err *err);

#endif
