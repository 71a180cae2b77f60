/*
 * From a scan into a new store.
 */
#ifndef FLYINSPECT_RESCUE_H
#define FLYINSPECT_RESCUE_H

#include "pages.h"
#include "scan.h"

#include <fly/txn.h>

/** What to copy and where to, and what became of it. */
typedef struct inspect_rescue {
    const inspect_scan *scan;
    const inspect_history *history; /**< all zero: the pages know everything */
    inspect_pages *pages;
    fly_store *store; /**< the new one */
    bool suspect;     /**< entries of damaged leaves too, into trees of their own */
    bool dropped_too; /**< trees that the catalog does not name, too */

    uint64_t entries;  /**< copied */
    uint64_t ghosts;   /**< deleted ones, passed over */
    uint64_t from_log; /**< changes that were applied from the log */
    uint64_t lost;     /**< entries of sound leaves that could not be copied */
    uint64_t dropped;  /**< trees passed over */
    uint64_t suspects; /**< entries of damaged leaves, copied into trees of their own */
} inspect_rescue;

/** Copy, in transactions of 1,000 entries, telling each tree and each loss on standard output. */
FLY_MUST_USE fly_status inspect_rescue_all(inspect_rescue *rescue, fly_err *err);

#endif
