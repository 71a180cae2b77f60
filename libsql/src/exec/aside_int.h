/*
 * Rows put aside until there is memory for them.
 */
#ifndef FLY_SQL_ASIDE_INT_H
#define FLY_SQL_ASIDE_INT_H

#include "exec/op_int.h"

enum { FLY__SQL_ASIDE_PARTS = 16, FLY__SQL_ASIDE_LEVELS = 8 };

typedef struct fly__sql_aside_part fly__sql_aside_part;

typedef struct fly__sql_aside {
    fly__sql_kept like; /* empty: the columns of rows, then the tag */
    uint32_t columns;
    uint32_t level; /* of the partition at hand */
    uint32_t chunk;
    fly__sql_aside_part *filling[FLY__SQL_ASIDE_PARTS];
    fly__sql_aside_part *waiting, *current;
    const fly_vec **parts;
    fly_vec tag;
    fly_vec_value *value;
    uint64_t spilled;
} fly__sql_aside;

fly_status fly__sql_aside_init(fly__sql_aside *aside, fly__sql_exec *exec, uint32_t columns,
                               const fly_sql_type *types, fly_err *err);
void fly__sql_aside_drop(fly__sql_aside *aside);
fly_status fly__sql_aside_put(fly__sql_aside *aside, const fly_vec *col, uint32_t row,
                              uint64_t hash, int64_t tag, fly_err *err);
/* Go to the next partition: FLY_E_END. */
fly_status fly__sql_aside_next(fly__sql_aside *aside, fly_err *err);
/* The next rows of it, the tag behind their columns: FLY_E_END. */
fly_status fly__sql_aside_chunk(fly__sql_aside *aside, fly__sql_chunk **chunk, fly_err *err);

/* Whether a table of rows should take no more new ones. */
static inline bool fly__sql_aside_wanted(const fly__sql_aside *aside,
                                         const fly__sql_group_table *groups, uint32_t n)
{
    uint64_t slots = groups->hashes.slot != NULL ? groups->hashes.mask + 1 : 32;
    uint64_t more = (groups->hashes.used + n) * 2 > slots ? 2 * slots * sizeof(fly__sql_table_slot)
                                                          : 0;
    return aside->level < FLY__SQL_ASIDE_LEVELS && groups->rows.count >= 64 &&
           fly__sql_over_budget_by(groups->rows.exec,
                                   more + groups->rows.exec->session->query.limit / 8);
}

#endif
