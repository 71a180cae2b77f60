/*
 * Columns that an index's entries have by themselves, so that a scan need not look at the rows.
 *
 * An entry has the values of its own columns and the row key, which in a table with a clustering key has
 * those of that. Bytes that sort are bytes of the value itself for most types; where two values sort as
 * one (texts under a collation, numerics with zeros behind the point, 0 and -0) there is no way back.
 */
#ifndef FLY_SQL_ENTRY_INT_H
#define FLY_SQL_ENTRY_INT_H

#include "session/session_int.h"
#include "store/key_int.h"

/* Whether entries of `index` have all these columns; attnum 0 is the row key. */
bool fly__sql_entry_covers(fly_sql_session *session, const fly__sql_table *table,
                           const fly__sql_index *index, const uint16_t *attnums, uint32_t count);

/* One value to step over or to take, in the order in which an entry has them. */
typedef struct fly__sql_entry_part {
    fly__sql_key_order order;
    uint32_t to; /* the column of the batch, or UINT32_MAX: nobody wants it */
} fly__sql_entry_part;

/* How entries are taken apart. */
typedef struct fly__sql_entry_reader {
    uint32_t count;     /* parts up to the last one that is wanted */
    uint32_t own_count; /* of them in the index's columns; the others are in the row key */
    fly__sql_entry_part *parts;
} fly__sql_entry_reader;

/* For a scan whose columns the index covers, in `arena`. */
fly_status fly__sql_entry_reader_make(fly_sql_session *session, const fly__sql_table *table,
                                      const fly__sql_index *index, const uint16_t *attnums,
                                      uint32_t count, fly_arena *arena,
                                      fly__sql_entry_reader *reader, fly_err *err);

/* Take an entry apart into position `at` of a batch; strings are copied to the batch's arena. */
fly_status fly__sql_entry_read(const fly__sql_entry_reader *reader, fly_bytes columns,
                               fly_bytes row_key, fly_vec_batch *batch, uint32_t at, fly_err *err);

#endif
