/*
 * Loading: many rows into one table, for COPY.
 *
 * Rows are taken up one by one, encoded, and put into the trees together: each tree's entries in the
 * order of their keys.
 */
#ifndef FLY_SQL_LOAD_INT_H
#define FLY_SQL_LOAD_INT_H

#include "session/session_int.h"

typedef struct fly__sql_load fly__sql_load;

/* Begin, in the session's transaction. `unseen`: until the end nobody looks at the rows, so that indexes
 * may come later. Memory comes from `mem`. */
fly_status fly__sql_load_open(fly_sql_session *session, const fly__sql_table *table, bool unseen,
                              fly_mem *mem, fly__sql_load **made, fly_err *err);

/* Take up a row, one value per column of the table. */
fly_status fly__sql_load_add(fly__sql_load *load, const fly_vec_value *values, fly_err *err);

/* Put what was taken up into the trees. FLY_E_EXISTS, without a message: a unique key is there already,
 * and nothing of it was put. It is forgotten in any case. */
fly_status fly__sql_load_flush(fly__sql_load *load, fly_err *err);

/* Put what came later: after the last flush. */
fly_status fly__sql_load_end(fly__sql_load *load, fly_err *err);

/* What is not flushed is not put. NULL is fine. */
void fly__sql_load_close(fly__sql_load *load);

#endif
