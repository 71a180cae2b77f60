/*
 * Numerics in other shapes, arrays and composites in expressions.
 *
 * Arrays and composites are strings with a format of their own (types/array_int.h, types/row_int.h);
 * numerics in them are always in libvec's format, so that values change their shape on the way in and
 * out.
 *
 * What is not here: functions over arrays (func).
 */
#include "exec/program_int.h"
#include "types/array_int.h"
#include "types/row_int.h"

#include <string.h>

fly_status fly__sql_eval_shape(fly__sql_rowcall *rc, const fly_vec_value *args,
                               fly_vec_value *result)
{
    return fly__sql_numeric_reshape(rc->x->args[0]->type, rc->x->type, &args[0], rc->call.arena,
                                    result, rc->call.err);
}

/* An element or field as an expression of type `to` wants it. */
static fly_status take_out(fly_sql_type from, fly_sql_type to, const fly_vec_value *value,
                           fly_arena *arena, fly_vec_value *result, fly_err *err)
{
    if (!value->null && to.oid == FLY_SQL_NUMERIC &&
        (from.digits != to.digits || from.scale != to.scale)) {
        return fly__sql_numeric_reshape(from, to, value, arena, result, err);
    }
    *result = *value;
    return FLY_OK;
}

/* -------------------------------------------------------------------------------- ANY */

/* value op ANY (array): true if one is, else NULL if one comparison was. ALL: the other way round. */
fly_status fly__sql_eval_any(fly__sql_rowcall *rc, const fly_vec_value *args, fly_vec_value *result)
{
    bool all = rc->x->flag, unknown = false;
    fly__sql_array array;
    fly__sql_array_iter iter;
    fly_vec_value element;
    if (args[1].null) {
        result->null = true;
        return FLY_OK;
    }
    fly_status status = fly__sql_array_open(&args[1].str, &array, rc->call.err);
    if (status != FLY_OK) {
        return status;
    }
    fly_sql_type from = fly__sql_array_type(&array);
    fly_sql_type types[2] = {rc->x->args[0]->type, from};
    const fly_sql_type *bound = rc->call.types;
    rc->call.types = types;
    memset(&iter, 0, sizeof iter);
    memset(&element, 0, sizeof element);
    result->b = all;
    while (fly__sql_array_next(&array, &iter, &element)) {
        fly_vec_value outcome;
        memset(&outcome, 0, sizeof outcome);
        status = fly__sql_call_pair(rc, &rc->call, &args[0], &element, &outcome);
        if (status != FLY_OK) {
            break;
        }
        unknown |= outcome.null;
        if (!outcome.null && outcome.b != all) {
            result->b = !all;
            unknown = false;
            break;
        }
    }
    rc->call.types = bound;
    result->null = unknown;
    return status;
}

/* -------------------------------------------------------------------- building arrays */

static fly_status build_flat(fly__sql_rowcall *rc, const fly_vec_value *args, fly_vec_value *result)
{
    fly__sql_array_builder builder;
    fly_status status = FLY_OK;
    fly_sql_type element = rc->call.argc > 0 ? rc->x->args[0]->type : fly__sql_type(FLY_SQL_TEXT);
    fly__sql_array_begin(&builder, element, rc->call.arena);
    for (uint32_t i = 0; status == FLY_OK && i < rc->call.argc; i++) {
        builder.element = rc->x->args[i]->type;
        status = fly__sql_array_add(&builder, &args[i], rc->call.err);
    }
    return status == FLY_OK ? fly__sql_array_end(&builder, &result->str, rc->call.err) : status;
}

/* ARRAY[a, b] of arrays: one dimension more; all must have the same shape. */
static fly_status build_nested(fly__sql_rowcall *rc, const fly_vec_value *args,
                               fly_vec_value *result)
{
    fly__sql_array_builder builder;
    uint32_t length[FLY__SQL_DIMENSIONS_MAX];
    int32_t lower[FLY__SQL_DIMENSIONS_MAX];
    uint32_t dimensions = 0;
    uint32_t parts = 0;
    fly_status status = FLY_OK;
    for (uint32_t i = 0; status == FLY_OK && i < rc->call.argc; i++) {
        fly__sql_array array;
        fly__sql_array_iter iter;
        fly_vec_value element;
        if (args[i].null) {
            continue;
        }
        status = fly__sql_array_open(&args[i].str, &array, rc->call.err);
        if (status != FLY_OK) {
            return status;
        }
        if (parts == 0) {
            if (array.dimensions + 1 > FLY__SQL_DIMENSIONS_MAX) {
                return fly_err_state(rc->call.err, "54000", rc->x->pos,
                                     "number of array dimensions (%u) exceeds the maximum allowed "
                                     "(%d)",
                                     (unsigned)array.dimensions + 1, FLY__SQL_DIMENSIONS_MAX);
            }
            fly__sql_array_begin(&builder, fly__sql_array_type(&array), rc->call.arena);
            dimensions = array.dimensions;
            for (uint32_t d = 0; d < dimensions; d++) {
                length[d + 1] = array.length[d];
                lower[d + 1] = array.lower[d];
            }
        } else if (array.dimensions != dimensions ||
                   memcmp(array.length, length + 1, dimensions * sizeof *length) != 0) {
            return fly_err_state(rc->call.err, "2202E", rc->x->pos,
                                 "multidimensional arrays must have array expressions with "
                                 "matching dimensions");
        }
        parts++;
        memset(&iter, 0, sizeof iter);
        memset(&element, 0, sizeof element);
        while (status == FLY_OK && fly__sql_array_next(&array, &iter, &element)) {
            status = fly__sql_array_add(&builder, &element, rc->call.err);
        }
    }
    if (status != FLY_OK) {
        return status;
    }
    if (parts == 0) {
        fly__sql_array_begin(&builder, fly__sql_type(FLY_SQL_TEXT), rc->call.arena);
        return fly__sql_array_end(&builder, &result->str, rc->call.err);
    }
    length[0] = parts;
    lower[0] = 1;
    if (dimensions == 0) { /* all are empty */
        return fly__sql_array_end(&builder, &result->str, rc->call.err);
    }
    return fly__sql_array_end_shaped(&builder, dimensions + 1, length, lower, &result->str,
                                     rc->call.err);
}

fly_status fly__sql_eval_array(fly__sql_rowcall *rc, const fly_vec_value *args,
                               fly_vec_value *result)
{
    return rc->x->flag ? build_nested(rc, args, result) : build_flat(rc, args, result);
}

/* ------------------------------------------------------------------------ subscripting */

static int64_t bound_of(const fly__sql_expr *x, const fly_vec_value *value)
{
    switch (fly__sql_type_physical(x->type)) {
    case FLY_VEC_I16:
        return value->i16;
    case FLY_VEC_I32:
        return value->i32;
    default:
        return value->i64;
    }
}

static fly_status one_element(fly__sql_rowcall *rc, const fly__sql_array *array,
                              const fly_vec_value *args, fly_vec_value *result)
{
    uint32_t given = rc->call.argc - 1;
    uint64_t index = 0;
    result->null = true;
    if (given != array->dimensions) {
        return FLY_OK;
    }
    for (uint32_t d = 0; d < given; d++) {
        if (args[1 + d].null) {
            return FLY_OK;
        }
        int64_t at = bound_of(rc->x->args[1 + d], &args[1 + d]) - array->lower[d];
        if (at < 0 || at >= (int64_t)array->length[d]) {
            return FLY_OK;
        }
        index = index * array->length[d] + (uint64_t)at;
    }
    fly_vec_value element;
    memset(&element, 0, sizeof element);
    fly__sql_array_at(array, (uint32_t)index, &element);
    result->null = false;
    return take_out(fly__sql_array_type(array), rc->x->type, &element, rc->call.arena, result,
                    rc->call.err);
}

/* a[l:u][l:u]: what lies inside of the bounds, which then count from 1. */
static fly_status slice(fly__sql_rowcall *rc, const fly__sql_array *array,
                        const fly_vec_value *args, fly_vec_value *result)
{
    uint32_t given = (rc->call.argc - 1) / 2;
    int64_t low[FLY__SQL_DIMENSIONS_MAX];
    int64_t high[FLY__SQL_DIMENSIONS_MAX];
    uint32_t length[FLY__SQL_DIMENSIONS_MAX];
    int32_t lower[FLY__SQL_DIMENSIONS_MAX];
    fly__sql_array_builder builder;
    bool empty = given > array->dimensions || array->dimensions == 0;
    fly__sql_array_begin(&builder, fly__sql_array_type(array), rc->call.arena);
    for (uint32_t d = 0; !empty && d < array->dimensions; d++) {
        low[d] = 0;
        high[d] = (int64_t)array->length[d] - 1;
        for (uint32_t side = 0; d < given && side < 2; side++) {
            const fly__sql_expr *x = rc->x->args[1 + 2 * d + side];
            const fly_vec_value *v = &args[1 + 2 * d + side];
            bool open = x == NULL;
            if (v->null && !open) {
                result->null = true;
                return FLY_OK;
            }
            if (open) {
                continue;
            }
            int64_t at = bound_of(x, v) - array->lower[d];
            if (side == 0) {
                low[d] = at > low[d] ? at : low[d];
            } else {
                high[d] = at < high[d] ? at : high[d];
            }
        }
        empty = low[d] > high[d];
        length[d] = empty ? 0 : (uint32_t)(high[d] - low[d] + 1);
        lower[d] = 1;
    }
    fly_status status = FLY_OK;
    for (uint32_t i = 0; status == FLY_OK && !empty && i < array->count; i++) {
        uint32_t rest = i;
        bool inside = true;
        for (uint32_t d = array->dimensions; d-- > 0;) {
            int64_t at = rest % array->length[d];
            rest /= array->length[d];
            inside = inside && at >= low[d] && at <= high[d];
        }
        if (inside) {
            fly_vec_value element;
            memset(&element, 0, sizeof element);
            fly__sql_array_at(array, i, &element);
            status = fly__sql_array_add(&builder, &element, rc->call.err);
        }
    }
    if (status != FLY_OK) {
        return status;
    }
    return empty ? fly__sql_array_end(&builder, &result->str, rc->call.err)
                 : fly__sql_array_end_shaped(&builder, array->dimensions, length, lower,
                                             &result->str, rc->call.err);
}

fly_status fly__sql_eval_subscript(fly__sql_rowcall *rc, const fly_vec_value *args,
                                   fly_vec_value *result)
{
    fly__sql_array array;
    if (args[0].null) {
        result->null = true;
        return FLY_OK;
    }
    fly_status status = fly__sql_array_open(&args[0].str, &array, rc->call.err);
    if (status != FLY_OK) {
        return status;
    }
    return rc->x->flag ? slice(rc, &array, args, result) : one_element(rc, &array, args, result);
}

/* -------------------------------------------------------------------------- composites */

fly_status fly__sql_eval_row(fly__sql_rowcall *rc, const fly_vec_value *args, fly_vec_value *result)
{
    /* A record knows its fields' names itself; a composite's are in the catalog. */
    const fly__sql_fields *fields = rc->x->fields;
    bool named = rc->x->type.oid == FLY_SQL_RECORD && fields != NULL &&
                 fields->count == rc->call.argc;
    return fly__sql_record_make_named(rc->x->type.oid, rc->call.argc, rc->call.types,
                                      named ? fields->names : NULL, args, rc->call.arena,
                                      &result->str, rc->call.err);
}

fly_status fly__sql_eval_field(fly__sql_rowcall *rc, const fly_vec_value *args,
                               fly_vec_value *result)
{
    fly__sql_record record;
    fly_sql_type type;
    fly_vec_value field;
    fly_status status = fly__sql_record_open(&args[0].str, &record, rc->call.err);
    if (status != FLY_OK) {
        return status;
    }
    memset(&field, 0, sizeof field);
    field.null = true;
    memset(&type, 0, sizeof type);
    fly__sql_record_at(&record, rc->x->column - 1, &type, &field);
    return take_out(type, rc->x->type, &field, rc->call.arena, result, rc->call.err);
}

/* ------------------------------------------------------------------------- subqueries */

static fly_status collect_array(const fly__sql_subquery *query, fly__sql_kept *rows,
                                fly_arena *arena, fly_vec_value *value, fly_err *err)
{
    fly__sql_array_builder builder;
    fly_status status = FLY_OK;
    fly__sql_array_begin(&builder, query->rel->columns[0].type, arena);
    for (uint64_t i = 0; status == FLY_OK && i < rows->count; i++) {
        fly__sql_chunk *chunk;
        uint32_t at;
        status = fly__sql_kept_at(rows, i, &chunk, &at, err);
        if (status == FLY_OK) {
            fly_vec_value element = fly__sql_get(&chunk->col[0], at);
            status = fly__sql_array_add(&builder, &element, err);
        }
    }
    return status == FLY_OK ? fly__sql_array_end(&builder, &value->str, err) : status;
}

static fly_status collect_row(const fly__sql_subquery *query, const fly__sql_expr *x,
                              fly__sql_kept *rows, fly_arena *arena, fly_vec_value *value,
                              fly_err *err)
{
    uint32_t count = query->rel->column_count;
    if (rows->count == 0) {
        value->null = true;
        return FLY_OK;
    }
    if (rows->count > 1) {
        return fly_err_state(err, "21000", x->pos,
                             "more than one row returned by a subquery used as an expression");
    }
    fly_sql_type *types = fly__sql_alloc(arena, count, sizeof *types, err);
    fly_vec_value *values = fly__sql_alloc(arena, count, sizeof *values, err);
    if (types == NULL || values == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t c = 0; c < count; c++) {
        types[c] = query->rel->columns[c].type;
        values[c] = fly__sql_get(&rows->chunk[0]->col[c], 0);
    }
    return fly__sql_record_make(x->type.oid, count, types, values, arena, &value->str, err);
}

fly_status fly__sql_sub_collect(fly__sql_exec *exec, const fly__sql_subquery *query,
                                const fly__sql_expr *x, fly__sql_kept *rows, fly_arena *arena,
                                fly_vec_value *value, fly_err *err)
{
    (void)exec;
    return query->kind == FLY__SQL_SUB_ARRAY ? collect_array(query, rows, arena, value, err)
                                             : collect_row(query, x, rows, arena, value, err);
}
