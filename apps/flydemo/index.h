/*
 * A Debian package index in memory: paragraphs of "Field: value" lines, as apt and dpkg keep them.
 *
 *     Package: bash
 *     Version: 5.2.15-2+b7
 *     Installed-Size: 7164
 *     Pre-Depends: libc6 (>= 2.36), libtinfo6 (>= 6)
 *
 * Threads: thread-compatible.
 */
#ifndef FLYDEMO_INDEX_H
#define FLYDEMO_INDEX_H

#include <fly/base.h>

#include <stdio.h>

/** One package. The spans lie in the index's text. */
typedef struct demo_package {
    fly_bytes name;
    fly_bytes version;
    fly_bytes section;
    fly_bytes depends[2]; /**< Pre-Depends and Depends, as they stand there */
    uint64_t size;        /**< installed, in KiB */
} demo_package;

/** All packages, in order of name, each name once. */
typedef struct demo_index {
    char *text;
    size_t text_len;
    demo_package *packages;
    size_t count;
} demo_index;

/** What a package needs: another one's name, and which versions of it, or nothing. */
typedef struct demo_need {
    fly_bytes name;
    fly_bytes relation;
} demo_need;

/** A walk over what a package needs. */
typedef struct demo_needs {
    const demo_package *package;
    size_t field; /**< which of its two */
    size_t at;    /**< in that */
} demo_needs;

enum { DEMO_NAME_MAX = 200 }; /**< longer names are left out: they would not fit into keys */

/** Read a file. Paragraphs without a name are passed over; of two with one name the first counts. */
FLY_MUST_USE fly_status demo_index_read(const char *path, demo_index *index, fly_err *err);

/** Release what reading has allocated. */
void demo_index_deinit(demo_index *index);

/** The next package that `needs->package` names; alternatives one by one. False at the end. */
bool demo_needs_next(demo_needs *needs, demo_need *need);

/** Write an index of made-up packages. */
void demo_index_generate(FILE *out, uint64_t count);

#endif
