/*
 * A store on loan: looked at, tried out, and never changed.
 *
 * Opening a store recovers it, which writes. So we open a copy: a vfs in memory whose files begin as
 * the store's own and keep what is written to themselves. While the loan lasts we hold the store's
 * lock, so that nobody changes the files below the copy.
 *
 * Threads: thread-compatible.
 */
#ifndef FLYINSPECT_LOAN_H
#define FLYINSPECT_LOAN_H

#include <fly/txn.h>

/** A loan. */
typedef struct inspect_loan {
    fly_env env;     /**< the world, with the copy as its files */
    const char *dir; /**< the store; borrowed */
    fly_file *locks[2];
} inspect_loan;

/**
 * @brief Lock the store in `dir` and copy it.
 *
 * Where the lock may not be opened for writing (another user's store, a read-only disk) a warning is
 * printed and nothing is locked.
 *
 * @return FLY_E_LOCKED: a process has it open; FLY_E_NOT_FOUND: there is no data.db.
 */
FLY_MUST_USE fly_status inspect_borrow(inspect_loan *loan, const char *dir, fly_err *err);

/** Copy it again: what was changed in the copy is forgotten. Its files must be closed. */
FLY_MUST_USE fly_status inspect_borrow_again(inspect_loan *loan, fly_err *err);

/** Give it back. */
void inspect_return(inspect_loan *loan);

/** Open the copy, recovering it in memory. fly_store_abandon() closes it. */
FLY_MUST_USE fly_status inspect_open_store(inspect_loan *loan, fly_store **store, fly_err *err);

/** Path of a file of the store: of `name` in its directory. */
FLY_MUST_USE fly_status inspect_path(const inspect_loan *loan, const char *name,
                                     char path[FLY_PATH_MAX], fly_err *err);

#endif
