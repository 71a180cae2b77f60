/*
 * Redo for a store that cannot be recovered: on every page that can be read.
 */
#ifndef FLYINSPECT_REDO_H
#define FLYINSPECT_REDO_H

#include "loan.h"

/**
 * @brief Open the page file of the copy, redo the log on it, and write all pages.
 *
 * Pages that cannot be read are passed over, and so are records that do not fit their pages.
 *
 * @param[out] redone  Records.
 * @return Why it could not be done. Part of it may have been: the copy is to be made again.
 */
FLY_MUST_USE fly_status inspect_redo(inspect_loan *loan, uint64_t *redone, fly_err *err);

#endif
