/*
 * A process that writes until it is killed, and what it said before.
 *
 * The writer updates all packages again and again, a transaction at a time. After each commit it says
 * so through a pipe: an acknowledgement, as a program gives one to whoever waits for it. What was
 * acknowledged must survive; the pipe remembers it, for it is not the writer's.
 */
#ifndef FLYDEMO_WRITER_H
#define FLYDEMO_WRITER_H

#include "index.h"

/** What happens to the writer. */
typedef struct demo_kill {
    const char *dir;         /**< the store */
    const demo_index *index; /**< what is in it, all at revision 0 */
    size_t batch;            /**< packages per transaction */
    uint64_t after;          /**< acknowledgements to wait for */
    uint64_t nanoseconds;    /**< and then this long */
} demo_kill;

/**
 * @brief Start a writer, let it write, and end it with SIGKILL.
 *
 * The caller has no store open and no threads.
 *
 * @param[out] acknowledged  Commits that the writer spoke of, those just before its end included.
 * @return What the writer met if it ended by itself: it must not.
 */
FLY_MUST_USE fly_status demo_write_and_kill(const demo_kill *how, uint64_t *acknowledged,
                                            fly_err *err);

#endif
