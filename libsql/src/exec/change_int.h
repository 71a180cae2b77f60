/*
 * Changing rows one by one, with all that follows from it: triggers, foreign keys and their actions.
 *
 * A statement has one of these. Each change happens at once; what must be looked at when the statement
 * is done (foreign keys, AFTER triggers) is queued, and fly__sql_change_finish() goes through the queue,
 * where actions of foreign keys may add to it.
 */
#ifndef FLY_SQL_CHANGE_INT_H
#define FLY_SQL_CHANGE_INT_H

#include "exec/trigger_int.h"
#include "store/source_int.h"

/* A change that something must be done about later. */
typedef struct fly__sql_event {
    const fly__sql_table *table; /* NULL if it waits for the commit: then by OID */
    uint8_t event;
    fly_vec_value *old_values;
    fly_vec_value *new_values;
    struct fly__sql_event *next;
    uint32_t table_oid, key_oid;
    bool referred;       /* the row is referred to */
    const bool *updated; /* as in fly__sql_change */
} fly__sql_event;

typedef struct fly__sql_change {
    fly_sql_session *session;
    fly_arena arena; /* of one row's work: the caller resets it */
    fly_arena queue; /* of events */
    fly__sql_event *first, **last;
    bool seen; /* rows were not locked: FLY_E_AGAIN if one is not what the snapshot shows */
    const bool *updated; /* UPDATE: which columns are set, by position; NULL: any may be */
} fly__sql_change;

void fly__sql_change_init(fly__sql_change *change, fly_sql_session *session);
void fly__sql_change_deinit(fly__sql_change *change);
/* Forget what is queued. */
void fly__sql_change_reset(fly__sql_change *change);

/* Change a row. BEFORE triggers may replace `values`, or make `*skipped` true. Columns are neither
 * checked nor generated here, but see `again`: it is called after BEFORE triggers have run, to generate
 * and check; NULL: nothing to do. */
typedef fly_status (*fly__sql_change_again)(void *ctx, fly_vec_value *values, fly_err *err);
fly_status fly__sql_change_insert(fly__sql_change *change, const fly__sql_table *table,
                                  fly_vec_value *values, fly__sql_change_again again, void *ctx,
                                  fly_bytes *row_key, bool *skipped, fly_err *err);
fly_status fly__sql_change_update(fly__sql_change *change, const fly__sql_table *table,
                                  fly_bytes row_key, const fly_vec_value *old_values,
                                  fly_vec_value *values, fly__sql_change_again again, void *ctx,
                                  bool *skipped, fly_err *err);
fly_status fly__sql_change_delete(fly__sql_change *change, const fly__sql_table *table,
                                  fly_bytes row_key, const fly_vec_value *old_values, bool *skipped,
                                  fly_err *err);

/* What the store said while it waited for others, in PostgreSQL's words; other outcomes unchanged. */
fly_status fly__sql_change_story(fly_sql_session *session, fly_status status, fly_err *err);

/* Statement triggers. `when` is 'b' or 'a'. */
fly_status fly__sql_change_statement(fly__sql_change *change, const fly__sql_table *table,
                                     uint8_t event, char when, fly_err *err);

/* Do what was queued, and forget it. */
fly_status fly__sql_change_finish(fly__sql_change *change, fly_err *err);
/* Do it, and keep it for triggers of the statement that look at its changes: then reset. */
fly_status fly__sql_change_after(fly__sql_change *change, fly_err *err);

/* BEFORE triggers of an insert alone, for ON CONFLICT, which looks for the conflict after them. */
fly_status fly__sql_change_before(fly__sql_change *change, const fly__sql_table *table,
                                  uint8_t event, const fly_vec_value *old_values,
                                  fly_vec_value *values, bool *skipped, fly_err *err);
fly_status fly__sql_change_inserted(fly__sql_change *change, const fly__sql_table *table,
                                    const fly_vec_value *values, fly_bytes *row_key, fly_err *err);

/* 23502 for a NULL where none may be; 23514 for text checks are the caller's. */
fly_status fly__sql_change_not_null(fly_sql_session *session, const fly__sql_table *table,
                                    const fly_vec_value *values, fly_arena *arena, fly_err *err);

/* "Failing row contains (1, null)." as the error's detail. */
void fly__sql_failing_row(fly_sql_session *session, const fly__sql_table *table,
                          const fly_vec_value *values, fly_arena *arena, fly_err *err);

/* Lock a row that the statement is about to change. FLY_OK: it is as it was read. FLY_E_AGAIN: it has
 * changed and is locked: read and decide again. FLY_E_NOT_FOUND: it is gone. Otherwise an error. */
fly_status fly__sql_change_lock(fly_sql_session *session, const fly__sql_table *table,
                                fly_bytes row_key, const fly_vec_value *old_values,
                                fly_lock_mode mode, fly_lock_wait wait, fly_err *err);

/* foreign.c: checks and actions of foreign keys. `old_values` NULL: inserted, `new_values` NULL:
 * deleted. */
fly_status fly__sql_foreign_check(fly__sql_change *change, const fly__sql_table *table,
                                  const fly__sql_constraint *key, const fly_vec_value *old_values,
                                  const fly_vec_value *values, fly_err *err);
fly_status fly__sql_foreign_act(fly__sql_change *change, const fly__sql_table *referred,
                                const fly__sql_constraint *key, const fly_vec_value *old_values,
                                const fly_vec_value *new_values, fly_err *err);

/* Append an event to a queue, values copied. */
fly_status fly__sql_change_note(fly__sql_change *change, const fly__sql_event *event, fly_err *err);

#endif
