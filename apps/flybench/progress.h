/*
 * A progress bar on standard error, if that is a terminal; nothing otherwise.
 *
 *     [##############            ]  45/132  get_random lmdb, run 2
 */
#ifndef FLYBENCH_PROGRESS_H
#define FLYBENCH_PROGRESS_H

#include <fly/base.h>

typedef struct progress {
    bool shown;     /**< set by progress_init() */
    uint32_t steps; /**< how many there will be */
    uint32_t done;  /**< how many are behind us */
    char label[96]; /**< what is going on now */
} progress;

/** Start. Shows nothing if `quiet` or if standard error is no terminal. */
void progress_init(progress *p, uint32_t steps, bool quiet);

/** Say what the step that begins is about. */
void progress_step(progress *p, const char *format, ...) FLY_PRINTF(2, 3);

/** Draw; `fraction` of the current step is done. */
void progress_draw(const progress *p, double fraction);

/** Take the bar away, so that something else can be printed. */
void progress_clear(const progress *p);

#endif
