/*
 * What `flybench sql` asks of an engine: statements, prepared or not, and what they answer.
 */
#ifndef FLYBENCH_SQL_DRIVER_H
#define FLYBENCH_SQL_DRIVER_H

#include <fly/base.h>

/** One value that a statement is given. */
typedef struct sql_arg {
    const char *text; /**< NULL: it is `number` */
    int64_t number;
} sql_arg;

/** What a statement answered, so that engines can be held against each other: integers are added up,
 *  of texts the lengths. */
typedef struct sql_answer {
    uint64_t rows;
    uint64_t sum;
} sql_answer;

typedef struct sql_db sql_db;       /**< a database with one session */
typedef struct sql_query sql_query; /**< a prepared statement */

/** An engine. Parameters are written ?1 for SQLite and $1 for FlyDB; `mark` says which. */
typedef struct sql_driver {
    const char *name;
    char mark;
    const char *(*version)(void);
    /** Make a database in `dir`, which is empty. With `durable`, a commit is on the disk. */
    fly_status (*open)(const char *dir, bool durable, sql_db **db, fly_err *err);
    fly_status (*close)(sql_db *db, fly_err *err);
    /** Run one statement and read what it answers to the end. */
    fly_status (*execute)(sql_db *db, const char *sql, sql_answer *answer, fly_err *err);
    fly_status (*prepare)(sql_db *db, const char *sql, sql_query **query, fly_err *err);
    fly_status (*run)(sql_query *query, const sql_arg *args, uint32_t count, sql_answer *answer,
                      fly_err *err);
    void (*release)(sql_query *query);
} sql_driver;

extern const sql_driver sql_flydb;
#ifdef FLYBENCH_SQLITE
extern const sql_driver sql_sqlite;
#endif

#endif
