/*
 * Walking over trees: the names first, since a tree cannot be opened while they are listed.
 */
#include "names.h"

#include <stdlib.h>
#include <string.h>

/* Names, one behind the other, each with its terminator. */
typedef struct names {
    char *text;
    size_t len;
    bool no_memory;
} names;

static void keep_name(void *ctx, const char *name)
{
    names *kept = ctx;
    size_t size = strlen(name) + 1;
    char *larger = realloc(kept->text, kept->len + size);
    if (larger == NULL) {
        kept->no_memory = true;
        return;
    }
    memcpy(larger + kept->len, name, size);
    kept->text = larger;
    kept->len += size;
}

fly_status inspect_each_tree(fly_store *store,
                             fly_status (*each)(void *ctx, fly_txn *txn, const char *name,
                                                fly_tree *tree, fly_err *err),
                             void *ctx, fly_err *err)
{
    fly_txn *txn;
    names kept = {.text = NULL};
    fly_txn_options options = {.isolation = FLY_ISOLATION_SNAPSHOT, .read_only = true};
    fly_status status = fly_txn_begin(store, &options, &txn, err);
    if (status != FLY_OK) {
        return status;
    }
    status = fly_txn_tree_list(txn, keep_name, &kept, err);
    if (status == FLY_OK && kept.no_memory) {
        status = fly_err_set(err, FLY_E_NO_MEMORY, "no memory for the names of trees");
    }
    for (size_t at = 0; at < kept.len && status == FLY_OK; at += strlen(kept.text + at) + 1) {
        fly_tree *tree;
        status = fly_txn_tree_open(txn, kept.text + at, 0, &tree, err);
        if (status == FLY_OK) {
            status = each(ctx, txn, kept.text + at, tree, err);
        }
    }
    free(kept.text);
    fly_txn_rollback(txn);
    return status;
}
