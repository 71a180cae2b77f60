/*
 * The package index as trees of a store.
 *
 *     packages     name                          -> revision, size, version, section
 *     needs        name 0 needed 0 relation      -> nothing
 *     needed-by    needed 0 name                 -> nothing
 *     by-size      size, 8 bytes big-endian, name -> nothing
 *
 * A package's *revision* says how often it has been updated. An update writes the package's record and
 * moves its entry in by-size, so that half an update would show.
 *
 * Threads: thread-compatible.
 */
#ifndef FLYDEMO_ARCHIVE_H
#define FLYDEMO_ARCHIVE_H

#include "index.h"

#include <fly/txn.h>

/** An open store with its four trees. */
typedef struct demo_archive {
    fly_env env;
    fly_store *store;
    fly_tree *packages;
    fly_tree *needs;
    fly_tree *needed_by;
    fly_tree *by_size;
} demo_archive;

/** Open the store in `dir`; it is made if `create`, and then must not hold an archive. */
FLY_MUST_USE fly_status demo_archive_open(demo_archive *archive, const char *dir, bool create,
                                          fly_err *err);

/** Close. The handle is gone whatever the outcome. */
FLY_MUST_USE fly_status demo_archive_close(demo_archive *archive, fly_err *err);

/** Packages `from` to `to` of an index: what one transaction deals with. */
typedef struct demo_batch {
    const demo_index *index;
    size_t from;
    size_t to;
} demo_batch;

/** Insert packages with all they need, in one transaction. `*entries` grows by what was put. */
FLY_MUST_USE fly_status demo_archive_load(demo_archive *archive, demo_batch batch,
                                          uint64_t *entries, fly_err *err);

/** Raise packages from revision `revision - 1` to `revision`, in one transaction. */
FLY_MUST_USE fly_status demo_archive_update(demo_archive *archive, demo_batch batch,
                                            uint32_t revision, fly_err *err);

/** The revision that a package has. */
FLY_MUST_USE fly_status demo_archive_revision(demo_archive *archive, const demo_package *package,
                                              uint32_t *revision, fly_err *err);

/**
 * @brief Compare everything in the four trees with the index, in one snapshot.
 *
 * The first `updated` packages must have revision `revision`, the others the one before it.
 *
 * @return FLY_E_CORRUPT: something is missing, wrong, or too much; the message says what.
 */
FLY_MUST_USE fly_status demo_archive_compare(demo_archive *archive, const demo_index *index,
                                             uint32_t revision, size_t updated, fly_err *err);

/** Print answers to some questions. */
FLY_MUST_USE fly_status demo_archive_ask(demo_archive *archive, fly_err *err);

#endif
