/*
 * What the operating system wants of a server: a directory of its own, a lock, limits, and word of how
 * it is, to whoever started it.
 */
#ifndef FLYD_PROCESS_H
#define FLYD_PROCESS_H

#include "log.h"

/* The ports that it listens on; FLYD_OFF: none. */
typedef struct flyd_ports {
    int64_t text;
    int64_t binary;
    int64_t pg;
    int64_t resp;
    int64_t http;
} flyd_ports;

/**
 * Make the data directory, only for its owner, or check that it is so; lock it.
 *
 * @param[out] lock   A descriptor: the lock lives as long as it is open.
 * @param[out] fresh  Whether nothing was in it.
 * @return FLY_E_LOCKED: another server has it. FLY_E_PERMISSION: others may read or write in it.
 */
FLY_MUST_USE fly_status flyd_take_directory(const char *path, int *lock, bool *fresh, fly_err *err);

/* No core files unless they are wanted; as many files as the system allows. */
void flyd_set_limits(const flyd_settings *settings, flyd_log *log);

/* Write the ready file: all of it or nothing is seen under its name. */
FLY_MUST_USE fly_status flyd_write_ready(const char *path, const flyd_ports *ports, fly_err *err);

/* Tell the service manager, by the protocol of sd_notify(3), if there is one: "READY=1". */
void flyd_notify(const char *state);

/* Milliseconds between signs of life that the service manager wants; 0: none. */
int flyd_watchdog_ms(void);

#endif
