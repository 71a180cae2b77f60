/*
 * Everything that salvage wants to know of a page file before it copies anything.
 *
 * Threads: thread-compatible.
 */
#ifndef FLYINSPECT_SCAN_H
#define FLYINSPECT_SCAN_H

#include "history.h"
#include "pages.h"

#include <fly/txn.h>

/** Numbers of trees that every store has. */
enum { INSPECT_CATALOG = 1 };

/** A leaf that can be read, or seems to be one. */
typedef struct inspect_leaf {
    uint32_t tree;
    uint32_t page;
    uint64_t lsn; /**< of its newest change */
} inspect_leaf;

/** A page that cannot be read. */
typedef struct inspect_lost {
    uint32_t page;
    bool leaf;      /**< it says so, or its parent does */
    char what[80];  /**< it says it is */
    char why[240];  /**< it cannot be read */
    char keys[240]; /**< it must have held, as its parent says; empty: not known */
} inspect_lost;

/** A tree's name. */
typedef struct inspect_name {
    uint32_t tree;
    uint32_t root;
    char name[FLY_TREE_NAME_MAX + 1];
    bool gone; /**< dropped */
} inspect_name;

/** What was found. */
typedef struct inspect_scan {
    inspect_leaf *leaves; /**< sorted by tree, then from old to new */
    size_t leaf_count;
    inspect_lost *lost;
    size_t lost_count;
    inspect_name *names;
    size_t name_count;
    uint64_t whole; /**< pages */
} inspect_scan;

/**
 * @brief Read all pages that may be in use.
 *
 * @param history  What the log says of names. All zero: nothing.
 * @return FLY_E_NO_MEMORY.
 */
FLY_MUST_USE fly_status inspect_scan_pages(inspect_scan *scan, inspect_pages *pages,
                                           const inspect_history *history, fly_err *err);

/** Release. One that is all zero is fine. */
void inspect_scan_deinit(inspect_scan *scan);

/** The name of a tree, or NULL. */
const inspect_name *inspect_scan_name(const inspect_scan *scan, uint32_t tree);

/** What a store puts in front of a value in a leaf; false if there is not even that. Format:
 *  docs/formats/store.md. */
typedef struct inspect_value {
    bool ghost; /**< deleted, not purged yet */
    bool blob;  /**< the payload is a reference to a long value */
    fly_bytes payload;
} inspect_value;
bool inspect_value_of(fly_bytes stored, inspect_value *value);

#endif
