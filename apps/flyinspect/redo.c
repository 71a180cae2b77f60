/*
 * What libtxn's recovery does first, with more patience. Entries that moved from one leaf to another in
 * a split are in no record of their own: so pages have to be brought up to date before their leaves
 * are read.
 *
 * Nothing is undone here: that is done entry by entry, in the new store.
 */
#include "redo.h"

#include "history.h"
#include "log.h"

typedef struct redo {
    fly_bufpool *pool;
    inspect_log_range range;
    uint64_t redone;
    fly_status status;
    fly_err *err;
} redo;

static void see_missing(void *ctx, uint32_t page, bool gone)
{
    (void)ctx; /* the scan will tell what is lost */
    (void)page;
    (void)gone;
}

static bool redo_record(void *ctx, const fly_wal_record *record)
{
    redo *r = ctx;
    inspect_logged logged;
    if (r->range.hole != 0) {
        return false; /* records build on each other: none behind a hole can be redone */
    }
    if (!inspect_logged_of(record, &logged)) {
        return true;
    }
    fly_err why = {0};
    fly_status status =
        fly_btree_redo(r->pool, record->type, logged.body, record->lsn, see_missing, NULL, &why);
    if (status == FLY_OK) {
        r->redone++;
    } else if (status != FLY_E_CORRUPT) { /* out of memory, or worse */
        r->status = status;
        if (r->err != NULL) {
            *r->err = why;
        }
    }
    return r->status == FLY_OK;
}

static fly_status redo_log(inspect_loan *loan, redo *r, fly_err *err)
{
    char dir[FLY_PATH_MAX];
    r->range = (inspect_log_range){.record = redo_record, .ctx = r};
    fly_status status = inspect_path(loan, "wal", dir, err);
    if (status == FLY_OK) {
        status = inspect_log_walk(&loan->env, dir, &r->range, err);
    }
    return status == FLY_OK ? r->status : status;
}

static fly_status redo_file(inspect_loan *loan, fly_pagefile *file, uint64_t *redone, fly_err *err)
{
    redo r = {.err = err};
    fly_bufpool_options options = {.check = fly_btree_check_page};
    fly_status status = fly_bufpool_create(&loan->env, file, &options, &r.pool, err);
    if (status != FLY_OK) {
        return status;
    }
    status = redo_log(loan, &r, err);
    if (status == FLY_OK) {
        status = fly_bufpool_flush(r.pool, UINT64_MAX, 0, NULL, err);
    }
    if (status == FLY_OK) {
        status = fly_pagefile_checkpoint(file, fly_pagefile_checkpoint_lsn(file), NULL, err);
    }
    fly_bufpool_destroy(r.pool);
    *redone = r.redone;
    return status;
}

fly_status inspect_redo(inspect_loan *loan, uint64_t *redone, fly_err *err)
{
    char path[FLY_PATH_MAX];
    char area[FLY_PATH_MAX];
    fly_pagefile *file = NULL;
    fly_status status = inspect_path(loan, "data.db", path, err);
    if (status == FLY_OK) {
        status = inspect_path(loan, "doublewrite", area, err);
    }
    if (status == FLY_OK) {
        fly_pagefile_options options = {.buffered = true};
        status = fly_pagefile_open(&loan->env, path, area, &options, &file, err);
    }
    if (status == FLY_OK) {
        status = redo_file(loan, file, redone, err);
    }
    fly_pagefile_close(file);
    return status;
}
