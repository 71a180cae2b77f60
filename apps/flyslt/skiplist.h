/*
 * Records, or files, that are known not to pass. One a line:
 *
 *     evidence/slt_lang_aggfunc.test:187   # why
 *     index/view/10/slt_good_5.test:12,40  # more than one
 *     random/expr                          # a whole file, or all files below a folder
 *
 * A name means every file whose path ends with it, or has it in the middle, between slashes. What
 * --list-failures writes is such a list.
 */
#ifndef FLYSLT_SKIPLIST_H
#define FLYSLT_SKIPLIST_H

#include "text.h"

typedef struct slt_skip {
    fly_bytes name;
    size_t line; /**< 0: all of it */
} slt_skip;

typedef struct slt_skiplist {
    slt_text text;
    slt_skip *skips;
    size_t count, room;
} slt_skiplist;

/** Add the lines of `text`, which is copied. To be called once. */
FLY_MUST_USE fly_status slt_skiplist_parse(slt_skiplist *list, fly_bytes text, fly_err *err);
void slt_skiplist_deinit(slt_skiplist *list);

/** Collect the entries that name `path` in `mine`, an empty list that borrows from this one. */
void slt_skiplist_select(const slt_skiplist *list, const char *path, slt_skiplist *mine);

/** Whether the record at `line` is in a list that was selected for its script. */
bool slt_skiplist_has(const slt_skiplist *mine, size_t line);

#endif
