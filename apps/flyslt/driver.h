/*
 * A driver: how the runner talks to an engine. One table of functions for each.
 */
#ifndef FLYSLT_DRIVER_H
#define FLYSLT_DRIVER_H

#include "result.h"

typedef struct slt_driver_options {
    const char *compat;   /**< NULL, or what the session's switches imitate, e.g. "sqlite" */
    const char *conninfo; /**< of a server: how to reach it; NULL for the driver's default */
    unsigned memory_kib;  /**< of one query; 0: as the engine has it */
    unsigned threads;     /**< that work on one query; 0: as the engine has it */
} slt_driver_options;

typedef struct slt_driver {
    const char *name;   /**< for --driver */
    const char *engine; /**< the name that skipif and onlyif see unless --engine says another */

    /** Make a fresh, empty database. */
    fly_status (*open)(const slt_driver_options *options, void **database, fly_err *err);
    /** Throw it away. */
    void (*close)(void *database);
    /** Another session of it. */
    fly_status (*connect)(void *database, void **session, fly_err *err);
    void (*disconnect)(void *session);
    /** Run SQL; `result` was cleared, and holds the last statement's columns and values then. */
    fly_status (*run)(void *session, const char *sql, slt_result *result, fly_err *err);
} slt_driver;

/** The driver of that name, or NULL if this build has none. */
const slt_driver *slt_driver_find(const char *name);

/** The names of all drivers, separated by blanks. */
const char *slt_driver_names(void);

extern const slt_driver slt_driver_sqlite;
extern const slt_driver slt_driver_postgres;
extern const slt_driver slt_driver_flydb;

#endif
