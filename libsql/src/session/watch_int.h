/*
 * Watches of a database's tables.
 */
#ifndef FLY_SQL_WATCH_INT_H
#define FLY_SQL_WATCH_INT_H

#include <fly/base_sched.h>
#include <fly/sql.h>

/* Of a database. */
typedef struct fly__sql_watchers {
    fly_mutex mutex;
    fly_sql_watch *first; /* all that are open; the mutex */
    fly_atomic_u32 count; /* so that a commit that nobody watches costs one load */
} fly__sql_watchers;

void fly__sql_watchers_init(fly__sql_watchers *watchers);
void fly__sql_watchers_deinit(fly__sql_watchers *watchers);

/* The session has committed. */
void fly__sql_watchers_wake(fly_sql_session *session);

/* The session leaves its database: its watches end; and is closed: they are gone. */
void fly__sql_watches_detach(fly_sql_session *session);
void fly__sql_watches_close(fly_sql_session *session);

#endif
