/*
 * What a benchmark does with files and memory that the engines do not see: measure directories, copy
 * them, push them out of the page cache, and touch memory before it is timed.
 */
#ifndef FLYBENCH_FILES_H
#define FLYBENCH_FILES_H

#include <fly/base.h>

/** Bytes that the files below `dir` occupy on disk: allocated blocks, not lengths. */
FLY_MUST_USE fly_status files_size(const char *dir, uint64_t *bytes, fly_err *err);

/**
 * @brief Copy a directory and what is below it to `to`, which is made.
 *
 * Holes stay holes, and space that was allocated in advance is allocated in the copy: an engine that
 * prepares its files finds them prepared.
 */
FLY_MUST_USE fly_status files_copy_tree(const char *from, const char *to, fly_err *err);

/** Write everything below `dir` to disk and forget the system's cached pages of it. */
FLY_MUST_USE fly_status files_drop_cached(const char *dir, fly_err *err);

/** Write what is dirty in the file system of `dir` to disk, so that nobody else pays for it. */
void files_sync_all(const char *dir);

/** The type of the file system of `dir`, e.g. "ext4"; copied to `name`. */
void files_system_name(const char *dir, char *name, size_t size);

/**
 * @brief Use `bytes` of memory and give them back.
 *
 * On a virtual machine the host takes idle pages away, and the first touch afterwards is slow: that
 * must not fall on whichever engine is measured first.
 */
void files_touch_memory(uint64_t bytes);

#endif
