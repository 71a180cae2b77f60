/*
 * Executing: from a plan to rows.
 *
 * An instance is a plan made ready to run: programs compiled, registers and operators allocated. It is
 * made once and run many times: open, next until FLY_E_END, close. Nothing of it is shared with other
 * sessions.
 */
#ifndef FLY_SQL_EXEC_INT_H
#define FLY_SQL_EXEC_INT_H

#include "plan/plan_int.h"
#include "session/session_int.h"

typedef struct fly__sql_exec fly__sql_exec;

/* The plan must outlive the instance. Memory comes from the session's account. */
fly_status fly__sql_exec_create(fly_sql_session *session, const fly__sql_plan *plan,
                                fly__sql_exec **made, fly_err *err);
void fly__sql_exec_destroy(fly__sql_exec *exec);

/* Begin, in the session's transaction. `params` are copied. */
fly_status fly__sql_exec_open(fly__sql_exec *exec, const fly_vec_value *params, fly_err *err);

/* The next rows, columns in the order of plan->columns: FLY_E_END. At most `limit` rows if not 0. */
fly_status fly__sql_exec_next(fly__sql_exec *exec, uint64_t limit, fly_vec_batch **batch,
                              fly_err *err);

/* End, whether all rows were taken or not. May be opened again. */
void fly__sql_exec_close(fly__sql_exec *exec);

/* Rows changed by the statement itself (not by WITH or triggers). */
uint64_t fly__sql_exec_changed(const fly__sql_exec *exec);

/*
 * For COPY: an INSERT of one row of VALUES may be given its rows by the caller instead, after open and
 * instead of next. fly__sql_exec_feeds(): the plan of the row, whose columns say what the vectors of a
 * batch are; NULL: it is no such statement. fly__sql_exec_fed() when there are no more.
 */
const fly__sql_rel *fly__sql_exec_feeds(const fly__sql_exec *exec);
fly_status fly__sql_exec_feed(fly__sql_exec *exec, const fly_vec *col, uint32_t n, fly_err *err);
fly_status fly__sql_exec_fed(fly__sql_exec *exec, fly_err *err);
/* Only the rows for which a condition over the table's columns is true; the text outlives the run. */
fly_status fly__sql_exec_feed_where(fly__sql_exec *exec, const fly__sql_table *table,
                                    const char *condition, fly_err *err);
/* Which row of a batch failed; UINT32_MAX: it cannot be said of one. */
uint32_t fly__sql_exec_fed_row(const fly__sql_exec *exec);

/* For verification: let sources give at most so many rows at a time, 1 to FLY_VEC_CAPACITY. */
void fly__sql_exec_batch_rows(fly__sql_exec *exec, uint32_t rows);

/* Measure what each node does from now on, for EXPLAIN ANALYZE: until the instance is destroyed. */
void fly__sql_exec_watch(fly__sql_exec *exec);
const fly__sql_node_stats *fly__sql_exec_stats(const fly__sql_exec *exec, size_t *count);

/* One expression by itself, over a row of values for given column ids: defaults, checks, PL. */
typedef struct fly__sql_eval fly__sql_eval;
fly_status fly__sql_eval_create(fly_sql_session *session, const fly__sql_expr *expr,
                                const fly__sql_colid *columns, const fly_sql_type *types,
                                uint32_t count, fly_arena *arena, fly__sql_eval **made,
                                fly_err *err);
fly_status fly__sql_eval_run(fly__sql_eval *eval, const fly_vec_value *columns,
                             const fly_vec_value *params, fly_arena *arena, fly_vec_value *result,
                             fly_err *err);
void fly__sql_eval_destroy(fly__sql_eval *eval);

/* Constraints put off to the end of the transaction: check them all (23503 …), with COMMIT and SET
 * CONSTRAINTS IMMEDIATE; forget them, with ROLLBACK. What is put off hangs on session->deferred. */
fly_status fly__sql_deferred_check(fly_sql_session *session, fly_err *err);
void fly__sql_deferred_forget(fly_sql_session *session);

#endif
