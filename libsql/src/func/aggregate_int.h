/*
 * What aggregates share: one kept value.
 */
#ifndef FLY_SQL_AGGREGATE_INT_H
#define FLY_SQL_AGGREGATE_INT_H

#include "func/call_int.h"

/* A value that outlives the batch that it came with; long strings in a buffer that is used
 * again. */
typedef struct fly__sql_kept {
    fly_vec_value value;
    bool there;
    char *bytes;
    size_t room;
} fly__sql_kept;

/* Keep a value of the call's first argument's type. */
fly_status fly__sql_kept_set(fly__sql_call *call, fly__sql_kept *kept, const fly_vec_value *value);

/* As an aggregate's `final`: the kept value, or NULL. */
fly_status fly__sql_kept_final(fly__sql_call *call, void *state, fly_vec_value *result);

#endif
