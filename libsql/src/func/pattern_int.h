/*
 * Compiled patterns of call sites: LIKE, regular expressions.
 *
 * A call site remembers the pattern that it compiled last, in its memo. A pattern that changes from
 * row to row is compiled into the plan's arena only so often, then into the batch's, so that memory
 * does not grow with the rows.
 */
#ifndef FLY_SQL_PATTERN_INT_H
#define FLY_SQL_PATTERN_INT_H

#include "func/string_int.h"

#include <fly/vec_like.h>
#include <fly/vec_regex.h>

/* An allocator over an arena that uses again what is released: for things that allocate and release
 * while they live, and end with the arena. */
typedef struct fly__sql_pool {
    fly_mem mem; /* first */
    fly_arena *arena;
    void *free[33]; /* blocks of 2^i bytes */
} fly__sql_pool;

void fly__sql_pool_init(fly__sql_pool *pool, fly_arena *arena);

/* The compiled pattern of a LIKE; `fold`: ILIKE. */
fly_status fly__sql_like_of(fly__sql_call *call, const fly_vec_str *pattern, bool fold,
                            const fly_vec_like **like);

/* Whether a text is like a pattern. */
fly_status fly__sql_like_match(const fly_vec_like *like, fly_bytes text, bool fold,
                               fly_arena *arena, bool *matches, fly_err *err);

/* The compiled regular expression of a call site. */
fly_status fly__sql_regex_of(fly__sql_call *call, fly_bytes pattern, unsigned flags,
                             fly_vec_regex **regex);

/* Kernels of LIKE and ILIKE; `aux` is made by fly__sql_like_aux(). */
const void *fly__sql_like_aux(const fly__sql_func *func, fly_arena *arena);
int fly__sql_like_kernel(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel,
                         int n);
int fly__sql_like_select(fly_vec_frame *frame, const fly_vec_ins *ins, const fly_vec_sel *sel,
                         int n);

#endif
