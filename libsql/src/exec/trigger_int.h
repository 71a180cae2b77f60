/*
 * Triggers, as the executor sees them: a table of functions that the session gets from whoever runs
 * procedural code. Without one, firing a trigger is an error.
 */
#ifndef FLY_SQL_TRIGGER_INT_H
#define FLY_SQL_TRIGGER_INT_H

#include "session/session_int.h"

enum {
    FLY__SQL_ON_INSERT = 1,
    FLY__SQL_ON_DELETE = 2,
    FLY__SQL_ON_UPDATE = 4,
    FLY__SQL_ON_TRUNCATE = 8
};

struct fly__sql_event;

/* One firing of one trigger. */
typedef struct fly__sql_firing {
    const fly__sql_table *table;
    const fly__sql_trigger *trigger;
    uint8_t event; /* FLY__SQL_ON_... */
    const fly_vec_value
        *old_values;           /* one per column of the table; NULL: none (INSERT, statements) */
    fly_vec_value *new_values; /* NULL: none. BEFORE ROW may replace them; strings from arena */
    bool skip;                 /* set by BEFORE and INSTEAD OF ROW: leave this row alone */
    fly_arena *arena;
    const struct fly__sql_event *events; /* AFTER: the statement's changes, for transition tables */
} fly__sql_firing;

typedef struct fly__sql_trigger_hooks {
    /* Evaluates WHEN, calls the function. */
    fly_status (*fire)(void *ctx, fly_sql_session *session, fly__sql_firing *firing, fly_err *err);
    void *ctx;
} fly__sql_trigger_hooks;

#endif
