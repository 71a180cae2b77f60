/*
 * The package index as tables of a database.
 *
 *     package (name primary key, revision, size, version, section)     and an index on section
 *     needs   (package, need, relation), primary key of all three      and an index on need
 *
 * A package's *revision* says how often it has been updated. An update raises the revision and the size
 * together, so that half an update would show.
 *
 * Threads: thread-compatible.
 */
#ifndef FLYDEMO_ARCHIVE_H
#define FLYDEMO_ARCHIVE_H

#include "index.h"

#include <fly/sql.h>

/** An open directory of databases, and a session in it. */
typedef struct demo_archive {
    fly_env env;
    fly_sql *sql;
    fly_sql_session *session;
    fly_sql_stmt *insert_package;
    fly_sql_stmt *insert_need;
    fly_sql_stmt *update;
} demo_archive;

/** What recovery found when it was opened. */
typedef struct demo_recovery {
    uint64_t records;
    uint64_t undone;
    uint64_t microseconds;
    uint64_t used_pages;
} demo_recovery;

/** Open the databases in `dir`; they are made if `create`, and then must not hold an archive. */
FLY_MUST_USE fly_status demo_archive_open(demo_archive *archive, const char *dir, bool create,
                                          fly_err *err);

/** Close. The handle is gone whatever the outcome. */
FLY_MUST_USE fly_status demo_archive_close(demo_archive *archive, fly_err *err);

/** What the engine says about its last recovery and its size: from INSPECT STATUS. */
FLY_MUST_USE fly_status demo_archive_recovery(demo_archive *archive, demo_recovery *recovery,
                                              fly_err *err);

/** Verify the store below, page by page. It must not be open. */
FLY_MUST_USE fly_status demo_archive_verify(const char *dir, fly_err *err);

/** Packages `from` to `to` of an index: what one transaction deals with. */
typedef struct demo_batch {
    const demo_index *index;
    size_t from;
    size_t to;
} demo_batch;

/** Insert packages with all they need, in one transaction. `*rows` grows by what was inserted. */
FLY_MUST_USE fly_status demo_archive_load(demo_archive *archive, demo_batch batch, uint64_t *rows,
                                          fly_err *err);

/** Raise packages from revision `revision - 1` to `revision`, in one transaction. */
FLY_MUST_USE fly_status demo_archive_update(demo_archive *archive, demo_batch batch,
                                            uint32_t revision, fly_err *err);

/** The revision that a package has. */
FLY_MUST_USE fly_status demo_archive_revision(demo_archive *archive, const demo_package *package,
                                              uint32_t *revision, fly_err *err);

/**
 * @brief Compare every row of both tables with the index, in one snapshot.
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
