/*
 * Showing fields: what the dissectors of the libraries find, a line each.
 *
 *        24    4  tree: 16                            without bytes
 *    000018  10 00 00 00              tree: 16        with bytes
 */
#ifndef FLYINSPECT_FIELDS_H
#define FLYINSPECT_FIELDS_H

#include <fly/base_dissect.h>
#include <fly/btree_dissect.h>
#include <fly/txn_dissect.h>

/** How fields are shown. */
typedef struct inspect_view {
    fly_bytes bytes; /**< that are dissected; borrowed */
    uint64_t origin; /**< where they begin in their file */
    bool hex;        /**< with the bytes of each */
} inspect_view;

/** For fly_dissect_begin(); `ctx` is an ::inspect_view. */
void inspect_show_field(void *ctx, const fly_dissected *field);

/** Shows values of trees as a store keeps them. */
extern const fly_btree_dissect_hook inspect_values;

/** Shows the bodies of log records of trees. */
extern const fly_txn_dissect_options inspect_bodies;

#endif
