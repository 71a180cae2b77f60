/*
 * Aggregates over values in order (WITHIN GROUP): percentile_cont, percentile_disc, mode.
 *
 * Values come sorted, NULLs left out; they are kept until the end, for only then is it known how
 * many there are.
 */
#include "func/aggregate_int.h"
#include "types/array_int.h"

#include <fly/vec_time.h>

#include <math.h>

/* Values in the order in which they came. The direct argument is the same in every row. */
typedef struct list_state {
    fly_vec_value *values;
    uint64_t count;
    uint64_t room;
    fly_vec_value direct;
} list_state;

static fly_status copy_string(fly__sql_call *call, fly_vec_value *value, bool is_string)
{
    if (is_string && !value->null && value->str.len > FLY_VEC_STR_INLINE) {
        const void *bytes = fly_arena_copy(call->arena, value->str.ptr, value->str.len);
        if (bytes == NULL) {
            return fly__sql_no_memory(call->err);
        }
        value->str = fly_vec_str_of(bytes, value->str.len);
    }
    return FLY_OK;
}

static fly_status list_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    list_state *s = state;
    if (s->count == s->room) {
        uint64_t room = s->room == 0 ? 16 : s->room * 2;
        fly_vec_value *values = fly__sql_values_alloc(call->arena, room);
        if (values == NULL) {
            return fly__sql_no_memory(call->err);
        }
        if (s->count > 0) {
            memcpy(values, s->values, s->count * sizeof *values);
        }
        s->values = values;
        s->room = room;
    }
    fly_status status = FLY_OK;
    if (s->count == 0) {
        s->direct = args[0];
        status =
            copy_string(call, &s->direct, fly__sql_type_physical(call->types[0]) == FLY_VEC_STR);
    }
    fly_vec_value *value = &s->values[s->count++];
    *value = args[1];
    return status != FLY_OK
               ? status
               : copy_string(call, value, fly__sql_type_physical(call->types[1]) == FLY_VEC_STR);
}

static fly_status check_fraction(fly__sql_call *call, double fraction)
{
    if (fraction < 0 || fraction > 1 || isnan(fraction)) {
        return FAIL(call, "22003", "percentile value %g is not between 0 and 1", fraction);
    }
    return FLY_OK;
}

/* The value at a fraction of the way, between two if need be. */
static fly_status interpolated(fly__sql_call *call, const list_state *s, double fraction,
                               fly_vec_value *result)
{
    fly_status status = check_fraction(call, fraction);
    if (status != FLY_OK) {
        return status;
    }
    double at = fraction * (double)(s->count - 1);
    uint64_t first = (uint64_t)floor(at);
    uint64_t second = (uint64_t)ceil(at);
    double part = at - (double)first;
    const fly_vec_value *a = &s->values[first];
    const fly_vec_value *b = &s->values[second];
    if (call->types[1].oid != FLY_SQL_INTERVAL) {
        return give_f64(result, first == second ? a->f64 : a->f64 + part * (b->f64 - a->f64));
    }
    fly_vec_interval span;
    status = fly_vec_interval_sub(b->interval, a->interval, &span, call->err);
    if (status == FLY_OK) {
        status = fly_vec_interval_mul(span, part, &span, call->err);
    }
    if (status == FLY_OK) {
        status = fly_vec_interval_add(a->interval, span, &span, call->err);
    }
    return status != FLY_OK ? status : give_interval(result, span);
}

/* The first value whose place is at or behind the fraction. */
static fly_status discrete(fly__sql_call *call, const list_state *s, double fraction,
                           fly_vec_value *result)
{
    fly_status status = check_fraction(call, fraction);
    if (status == FLY_OK) {
        uint64_t place = (uint64_t)ceil(fraction * (double)s->count);
        *result = s->values[place > 0 ? place - 1 : 0];
    }
    return status;
}

typedef fly_status (*pick)(fly__sql_call *call, const list_state *s, double fraction,
                           fly_vec_value *result);

/* One answer for each fraction of an array, in its shape. */
static fly_status for_each(fly__sql_call *call, const list_state *s, pick one,
                           fly_vec_value *result)
{
    fly__sql_array fractions;
    fly_status status = fly__sql_array_open(&s->direct.str, &fractions, call->err);
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_array_builder builder;
    fly__sql_array_begin(&builder, call->types[1], call->arena);
    fly__sql_array_iter iter = {0};
    fly_vec_value fraction;
    while (status == FLY_OK && fly__sql_array_next(&fractions, &iter, &fraction)) {
        fly_vec_value value = {.null = true};
        if (!fraction.null) {
            status = one(call, s, fraction.f64, &value);
        }
        if (status == FLY_OK) {
            status = fly__sql_array_add(&builder, &value, call->err);
        }
    }
    result->null = false;
    return status != FLY_OK
               ? status
               : fly__sql_array_end_shaped(&builder, fractions.dimensions, fractions.length,
                                           fractions.lower, &result->str, call->err);
}

static fly_status cont_final(fly__sql_call *call, void *state, fly_vec_value *result)
{
    const list_state *s = state;
    if (s->count == 0) {
        return give_null(result);
    }
    return fly__sql_type_is_array(call->types[0].oid)
               ? for_each(call, s, interpolated, result)
               : interpolated(call, s, s->direct.f64, result);
}

static fly_status disc_final(fly__sql_call *call, void *state, fly_vec_value *result)
{
    const list_state *s = state;
    if (s->count == 0) {
        return give_null(result);
    }
    return fly__sql_type_is_array(call->types[0].oid) ? for_each(call, s, discrete, result)
                                                      : discrete(call, s, s->direct.f64, result);
}

const fly__sql_aggregate fly__sql_agg_percentile_cont = {
    .state_size = sizeof(list_state), .ordered_set = true, .step = list_step, .final = cont_final};
const fly__sql_aggregate fly__sql_agg_percentile_disc = {
    .state_size = sizeof(list_state), .ordered_set = true, .step = list_step, .final = disc_final};

/* --------------------------------------------------------------------------- mode */

/* Equal values come together: the run that is on, and the longest so far. */
typedef struct mode_state {
    fly__sql_kept run;
    fly__sql_kept best;
    uint64_t run_count;
    uint64_t best_count;
} mode_state;

static fly_status mode_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    mode_state *s = state;
    int order = 1;
    fly_status status = FLY_OK;
    if (s->run.there) {
        status = fly__sql_order(call, call->types[0], &args[0], &s->run.value, &order);
    }
    if (status == FLY_OK && order != 0) {
        status = fly__sql_kept_set(call, &s->run, &args[0]);
        s->run_count = 0;
    }
    s->run_count++;
    if (status == FLY_OK && s->run_count > s->best_count) {
        s->best_count = s->run_count;
        if (s->run_count == 1 || order != 0 || !s->best.there) {
            status = fly__sql_kept_set(call, &s->best, &args[0]);
        } else {
            status = fly__sql_kept_set(call, &s->best, &s->run.value);
        }
    }
    return status;
}

static fly_status mode_final(fly__sql_call *call, void *state, fly_vec_value *result)
{
    return fly__sql_kept_final(call, &((mode_state *)state)->best, result);
}

const fly__sql_aggregate fly__sql_agg_mode = {
    .state_size = sizeof(mode_state), .ordered_set = true, .step = mode_step, .final = mode_final};
