/*
 * The trees of an open store, in order of name.
 */
#ifndef FLYINSPECT_NAMES_H
#define FLYINSPECT_NAMES_H

#include <fly/txn.h>

/** Call `each` for every tree that is committed; what it returns unless it is FLY_OK ends the walk. */
FLY_MUST_USE fly_status inspect_each_tree(fly_store *store,
                                          fly_status (*each)(void *ctx, fly_txn *txn,
                                                             const char *name, fly_tree *tree,
                                                             fly_err *err),
                                          void *ctx, fly_err *err);

#endif
