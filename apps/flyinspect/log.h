/*
 * A walk over the log of a store, past what is damaged.
 *
 * libwal's reader ends where the log is damaged, as recovery must. This walk goes on with the next
 * record that is whole, to see how much is damaged and what can be saved.
 */
#ifndef FLYINSPECT_LOG_H
#define FLYINSPECT_LOG_H

#include <fly/base_env.h>
#include <fly/wal.h>

/** What is walked over, and what was found. */
typedef struct inspect_log_range {
    uint64_t from;    /**< begin with the first record at or behind this; 0: the oldest */
    uint64_t segment; /**< if not 0: this segment only, plus one */
    /** Told of each damage. May be NULL. */
    void (*each)(void *ctx, const fly_err *why);
    /** Told of each record; false ends the walk. May be NULL. */
    bool (*record)(void *ctx, const fly_wal_record *record);
    void *ctx;
    uint64_t records;  /**< found */
    uint64_t segments; /**< files that are part of the log, as their names say */
    uint64_t end;      /**< where the last record ends */
    uint64_t hole;     /**< the first place where reading met damage; 0: none. What comes behind it
                            may lack what came before */
} inspect_log_range;

/** Walk. Damage is not a failure: FLY_OK. FLY_E_NOT_FOUND: there is no record behind `from`. */
FLY_MUST_USE fly_status inspect_log_walk(fly_env *env, const char *dir, inspect_log_range *range,
                                         fly_err *err);

#endif
