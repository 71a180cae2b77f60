/*
 * string_agg, array_agg: everything in the order in which it comes. They cannot be split among
 * threads, for the parts would have no order.
 */
#include "func/aggregate_int.h"
#include "types/array_int.h"

/* ------------------------------------------------------------------------ strings */

typedef struct string_state {
    fly_sql_text text;
    bool there;
} string_state;

/* The separator stands before each value but the first; one that is NULL is nothing. */
static fly_status string_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    string_state *s = state;
    if (args[0].null) {
        return FLY_OK;
    }
    s->text.arena = call->arena;
    if (s->there && call->argc > 1 && !args[1].null) {
        fly__sql_text_add(&s->text, fly_vec_str_data(&args[1].str), args[1].str.len);
    } else if (s->there && call->argc == 1) {
        fly__sql_text_add(&s->text, ",", 1);
    }
    fly__sql_text_add(&s->text, fly_vec_str_data(&args[0].str), args[0].str.len);
    s->there = true;
    if (s->text.failed) {
        return fly__sql_no_memory(call->err);
    }
    return s->text.len > 0x3fffffff ? FAIL(call, "54000", "requested length too large") : FLY_OK;
}

static fly_status string_final(fly__sql_call *call, void *state, fly_vec_value *result)
{
    string_state *s = state;
    return s->there ? fly__sql_give_text(call, &s->text, result) : give_null(result);
}

const fly__sql_aggregate fly__sql_agg_string_agg = {.state_size = sizeof(string_state),
                                                    .sees_nulls = true,
                                                    .step = string_step,
                                                    .final = string_final};

/* ------------------------------------------------------------------------- arrays */

typedef struct array_state {
    fly__sql_array_builder builder;
    bool there;
    /* Of arrays that are collected: how many, and the shape that all must have. */
    uint32_t rows;
    uint32_t dimensions;
    uint32_t length[FLY__SQL_DIMENSIONS_MAX];
    int32_t lower[FLY__SQL_DIMENSIONS_MAX];
} array_state;

static fly_status array_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    array_state *s = state;
    if (!s->there) {
        fly__sql_array_begin(&s->builder, call->types[0], call->arena);
        s->there = true;
    }
    return fly__sql_array_add(&s->builder, &args[0], call->err);
}

static fly_status array_final(fly__sql_call *call, void *state, fly_vec_value *result)
{
    array_state *s = state;
    if (!s->there) {
        return give_null(result);
    }
    result->null = false;
    return fly__sql_array_end(&s->builder, &result->str, call->err);
}

const fly__sql_aggregate fly__sql_agg_array_agg = {.state_size = sizeof(array_state),
                                                   .sees_nulls = true,
                                                   .step = array_step,
                                                   .final = array_final};

/* Arrays become the rows of an array with one more dimension. */
static fly_status nested_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    array_state *s = state;
    fly__sql_array array;
    if (args[0].null) {
        return FAIL(call, "22004", "cannot accumulate null arrays");
    }
    fly_status status = fly__sql_array_open(&args[0].str, &array, call->err);
    if (status != FLY_OK) {
        return status;
    }
    if (array.dimensions == 0) {
        return FAIL(call, "2202E", "cannot accumulate empty arrays");
    }
    if (!s->there) {
        if (array.dimensions == FLY__SQL_DIMENSIONS_MAX) {
            return FAIL(call, "54000",
                        "number of array dimensions (%d) exceeds the maximum allowed (%d)",
                        FLY__SQL_DIMENSIONS_MAX + 1, FLY__SQL_DIMENSIONS_MAX);
        }
        fly__sql_array_begin(&s->builder, fly__sql_array_type(&array), call->arena);
        s->there = true;
        s->dimensions = array.dimensions + 1;
        s->lower[0] = 1;
        for (uint32_t i = 0; i < array.dimensions; i++) {
            s->length[i + 1] = array.length[i];
            s->lower[i + 1] = array.lower[i];
        }
    }
    bool same = array.dimensions + 1 == s->dimensions;
    for (uint32_t i = 0; i < array.dimensions && same; i++) {
        same = array.length[i] == s->length[i + 1] && array.lower[i] == s->lower[i + 1];
    }
    if (!same) {
        return FAIL(call, "2202E", "cannot accumulate arrays of different dimensionality");
    }
    s->rows++;
    fly__sql_array_iter iter = {0};
    fly_vec_value element;
    while (status == FLY_OK && fly__sql_array_next(&array, &iter, &element)) {
        status = fly__sql_array_add(&s->builder, &element, call->err);
    }
    return status;
}

static fly_status nested_final(fly__sql_call *call, void *state, fly_vec_value *result)
{
    array_state *s = state;
    if (!s->there) {
        return give_null(result);
    }
    s->length[0] = s->rows;
    result->null = false;
    return fly__sql_array_end_shaped(&s->builder, s->dimensions, s->length, s->lower, &result->str,
                                     call->err);
}

const fly__sql_aggregate fly__sql_agg_array_agg_array = {.state_size = sizeof(array_state),
                                                         .sees_nulls = true,
                                                         .step = nested_step,
                                                         .final = nested_final};

/* ---------------------------------------------------------------------- any value */

static fly_status any_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    fly__sql_kept *kept = state;
    return kept->there ? FLY_OK : fly__sql_kept_set(call, kept, &args[0]);
}

static fly_status any_merge(fly__sql_call *call, void *into, const void *from)
{
    const fly__sql_kept *other = from;
    return other->there ? any_step(call, into, &other->value) : FLY_OK;
}

const fly__sql_aggregate fly__sql_agg_any_value = {.state_size = sizeof(fly__sql_kept),
                                                   .step = any_step,
                                                   .merge = any_merge,
                                                   .final = fly__sql_kept_final};
