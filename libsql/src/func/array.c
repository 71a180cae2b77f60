/*
 * Functions of arrays: shape, search, change, text.
 */
#include "func/string_int.h"
#include "types/array_int.h"

#include <fly/text.h>

/* Open an argument that is an array; a NULL one is empty, with the element type of the result. */
static fly_status open_array(fly__sql_call *call, const fly_vec_value *value, fly__sql_array *array)
{
    if (value->null) {
        memset(array, 0, sizeof *array);
        return FLY_OK;
    }
    return fly__sql_array_open(&value->str, array, call->err);
}

/* The element type of an array type, as the session knows it. */
static fly_sql_type element_of(const fly__sql_call *call, uint32_t array_oid)
{
    return fly__sql_type_element(fly__sql_view_of(call->session), array_oid);
}

/* An argument as an element of an array: numerics without a shape. */
static fly_status as_element(fly__sql_call *call, uint32_t i, const fly_vec_value *args,
                             fly_vec_value *value)
{
    if (call->types[i].oid != FLY_SQL_NUMERIC) {
        *value = args[i];
        return FLY_OK;
    }
    return fly__sql_numeric_reshape(call->types[i], fly__sql_type(FLY_SQL_NUMERIC), &args[i],
                                    call->arena, value, call->err);
}

static fly_status add_all(fly__sql_call *call, fly__sql_array_builder *builder,
                          const fly__sql_array *array)
{
    fly__sql_array_iter iter = {0};
    fly_vec_value element;
    fly_status status = FLY_OK;
    while (status == FLY_OK && fly__sql_array_next(array, &iter, &element)) {
        status = fly__sql_array_add(builder, &element, call->err);
    }
    return status;
}

static fly_status end(fly__sql_call *call, fly__sql_array_builder *builder,
                      const fly__sql_array *shape, fly_vec_value *result)
{
    result->null = false;
    return fly__sql_array_end_shaped(builder, shape->dimensions, shape->length, shape->lower,
                                     &result->str, call->err);
}

/* -------------------------------------------------------------------------- shape */

/* `which`: 'n' length, 'l' lower, 'u' upper bound of a dimension; NULL if it has no such
 * dimension. */
static fly_status bound(fly__sql_call *call, char which, const fly_vec_value *args,
                        fly_vec_value *result)
{
    fly__sql_array array;
    fly_status status = open_array(call, &args[0], &array);
    if (status != FLY_OK) {
        return status;
    }
    if (args[1].i32 < 1 || (uint32_t)args[1].i32 > array.dimensions) {
        return give_null(result);
    }
    uint32_t i = (uint32_t)args[1].i32 - 1;
    if (which == 'l') {
        return give_i32(result, array.lower[i]);
    }
    int32_t length = (int32_t)array.length[i];
    return give_i32(result, which == 'n' ? length : array.lower[i] + length - 1);
}

ROW(array_length)
{
    return bound(call, 'n', args, result);
}

ROW(array_lower)
{
    return bound(call, 'l', args, result);
}

ROW(array_upper)
{
    return bound(call, 'u', args, result);
}

ROW(array_ndims)
{
    fly__sql_array array;
    fly_status status = open_array(call, &args[0], &array);
    if (status != FLY_OK) {
        return status;
    }
    return array.dimensions == 0 ? give_null(result) : give_i32(result, (int32_t)array.dimensions);
}

ROW(cardinality)
{
    fly__sql_array array;
    fly_status status = open_array(call, &args[0], &array);
    return status != FLY_OK ? status : give_i32(result, (int32_t)array.count);
}

ROW(array_dims)
{
    fly__sql_array array;
    fly_status status = open_array(call, &args[0], &array);
    if (status != FLY_OK || array.dimensions == 0) {
        return status != FLY_OK ? status : give_null(result);
    }
    fly_sql_text text = {.arena = call->arena};
    for (uint32_t i = 0; i < array.dimensions; i++) {
        fly__sql_text_put(&text, "[");
        fly__sql_text_int(&text, array.lower[i]);
        fly__sql_text_put(&text, ":");
        fly__sql_text_int(&text, (int64_t)array.lower[i] + array.length[i] - 1);
        fly__sql_text_put(&text, "]");
    }
    return fly__sql_give_text(call, &text, result);
}

/* ------------------------------------------------------------------------- change */

static fly_status only_one(fly__sql_call *call)
{
    return FAIL(call, "22000", "argument must be empty or one-dimensional array");
}

/* Append or prepend an element: arrays of one dimension. */
static fly_status push(fly__sql_call *call, uint32_t array_at, const fly_vec_value *args,
                       fly_vec_value *result)
{
    fly__sql_array array;
    fly_vec_value element;
    fly_status status = open_array(call, &args[array_at], &array);
    if (status == FLY_OK) {
        status = as_element(call, 1 - array_at, args, &element);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (array.dimensions > 1) {
        return only_one(call);
    }
    fly__sql_array_builder builder;
    fly__sql_array_begin(&builder, element_of(call, call->result.oid), call->arena);
    bool first = array_at == 1;
    if (first) {
        status = fly__sql_array_add(&builder, &element, call->err);
    }
    if (status == FLY_OK) {
        status = add_all(call, &builder, &array);
    }
    if (status == FLY_OK && !first) {
        status = fly__sql_array_add(&builder, &element, call->err);
    }
    /* A prepended element takes the place of the first; the lower bound stays. */
    array.lower[0] = array.dimensions == 0 ? 1 : array.lower[0];
    array.dimensions = 1;
    array.length[0] = builder.count;
    return status != FLY_OK ? status : end(call, &builder, &array, result);
}

ROW(array_append)
{
    return push(call, 0, args, result);
}

ROW(array_prepend)
{
    return push(call, 1, args, result);
}

static fly_status cannot_concat(fly__sql_call *call, const char *detail)
{
    FAIL(call, "2202E", "cannot concatenate incompatible arrays");
    fly_err_detail(call->err, "%s", detail);
    return FLY_E_INVALID;
}

/* The shape of two arrays one behind the other: the same inner dimensions, or one is an element of
 * the other. */
static fly_status joined_shape(fly__sql_call *call, const fly__sql_array *a,
                               const fly__sql_array *b, fly__sql_array *shape)
{
    const fly__sql_array *outer = a->dimensions >= b->dimensions ? a : b;
    const fly__sql_array *inner = outer == a ? b : a;
    *shape = *outer;
    if (outer->dimensions - inner->dimensions > 1) {
        return cannot_concat(call, "Arrays of differing dimensions are not compatible for "
                                   "concatenation.");
    }
    bool same = outer->dimensions == inner->dimensions;
    for (uint32_t i = 1; i < outer->dimensions; i++) {
        uint32_t k = same ? i : i - 1;
        if (outer->length[i] != inner->length[k] || outer->lower[i] != inner->lower[k]) {
            return cannot_concat(call, same ? "Arrays with differing element dimensions are not "
                                              "compatible for concatenation."
                                            : "Arrays with differing dimensions are not "
                                              "compatible for concatenation.");
        }
    }
    shape->length[0] += same ? inner->length[0] : 1;
    return FLY_OK;
}

ROW(array_cat)
{
    if (args[0].null || args[1].null) {
        *result = args[0].null ? args[1] : args[0];
        return FLY_OK;
    }
    fly__sql_array a;
    fly__sql_array b;
    fly__sql_array shape;
    fly_status status = open_array(call, &args[0], &a);
    if (status == FLY_OK) {
        status = open_array(call, &args[1], &b);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (a.dimensions == 0 || b.dimensions == 0) {
        return give_str(result, a.dimensions == 0 ? args[1].str : args[0].str);
    }
    status = joined_shape(call, &a, &b, &shape);
    fly__sql_array_builder builder;
    fly__sql_array_begin(&builder, fly__sql_array_type(&a), call->arena);
    if (status == FLY_OK) {
        status = add_all(call, &builder, &a);
    }
    if (status == FLY_OK) {
        status = add_all(call, &builder, &b);
    }
    return status != FLY_OK ? status : end(call, &builder, &shape, result);
}

/* Whether an element is the same as a value; NULL is the same as NULL. */
static fly_status is_same(fly__sql_call *call, fly_sql_type type, const fly_vec_value *a,
                          const fly_vec_value *b, bool *same)
{
    int order = 0;
    *same = a->null && b->null;
    if (a->null || b->null) {
        return FLY_OK;
    }
    fly_status status = fly__sql_order(call, type, a, b, &order);
    *same = order == 0;
    return status;
}

/* array_remove() leaves equal elements out, array_replace() puts another in their place. */
static fly_status replace_elements(fly__sql_call *call, bool remove, const fly_vec_value *args,
                                   fly_vec_value *result)
{
    if (args[0].null) {
        return give_null(result);
    }
    fly__sql_array array;
    fly_vec_value wanted;
    fly_vec_value fresh = {.null = true};
    fly_status status = open_array(call, &args[0], &array);
    if (status == FLY_OK) {
        status = as_element(call, 1, args, &wanted);
    }
    if (status == FLY_OK && !remove) {
        status = as_element(call, 2, args, &fresh);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (remove && array.dimensions > 1) {
        return FAIL(call, "0A000",
                    "removing elements from multidimensional arrays is not supported");
    }
    fly_sql_type type = fly__sql_array_type(&array);
    fly__sql_array_builder builder;
    fly__sql_array_begin(&builder, type, call->arena);
    fly__sql_array_iter iter = {0};
    fly_vec_value element;
    while (status == FLY_OK && fly__sql_array_next(&array, &iter, &element)) {
        bool same;
        status = is_same(call, type, &element, &wanted, &same);
        if (status == FLY_OK && !(same && remove)) {
            status = fly__sql_array_add(&builder, same ? &fresh : &element, call->err);
        }
    }
    if (remove) {
        array.length[0] = builder.count;
    }
    return status != FLY_OK ? status : end(call, &builder, &array, result);
}

ROW(array_remove)
{
    return replace_elements(call, true, args, result);
}

ROW(array_replace)
{
    return replace_elements(call, false, args, result);
}

ROW(trim_array)
{
    fly__sql_array array;
    fly_status status = open_array(call, &args[0], &array);
    if (status != FLY_OK) {
        return status;
    }
    uint32_t rows = array.dimensions > 0 ? array.length[0] : 0;
    if (args[1].i32 < 0 || (uint32_t)args[1].i32 > rows) {
        return FAIL(call, "2202E", "number of elements to trim must be between 0 and %u", rows);
    }
    uint32_t keep = rows - (uint32_t)args[1].i32;
    uint32_t row = rows > 0 ? array.count / rows : 0;
    fly__sql_array_builder builder;
    fly__sql_array_begin(&builder, fly__sql_array_type(&array), call->arena);
    fly__sql_array_iter iter = {0};
    fly_vec_value element;
    while (status == FLY_OK && builder.count < keep * row &&
           fly__sql_array_next(&array, &iter, &element)) {
        status = fly__sql_array_add(&builder, &element, call->err);
    }
    if (rows > 0) {
        array.length[0] = keep;
        for (uint32_t i = 0; i < array.dimensions; i++) {
            array.lower[i] = 1;
        }
    }
    return status != FLY_OK ? status : end(call, &builder, &array, result);
}

/* Read the dimensions or bounds that array_fill() is given. */
static fly_status read_bounds(fly__sql_call *call, const fly_vec_value *value, const char *what,
                              uint32_t *count, int32_t bounds[FLY__SQL_DIMENSIONS_MAX])
{
    fly__sql_array array;
    if (value->null) {
        return FAIL(call, "22004", "dimension array or low bound array cannot be null");
    }
    fly_status status = open_array(call, value, &array);
    if (status != FLY_OK) {
        return status;
    }
    if (array.dimensions > 1) {
        FAIL(call, "2202E", "wrong number of array subscripts");
        fly_err_detail(call->err, "%s array must be one dimensional.", what);
        return FLY_E_INVALID;
    }
    if (array.count > FLY__SQL_DIMENSIONS_MAX) {
        return FAIL(call, "54000",
                    "number of array dimensions (%u) exceeds the maximum allowed (%d)", array.count,
                    FLY__SQL_DIMENSIONS_MAX);
    }
    fly__sql_array_iter iter = {0};
    fly_vec_value element;
    *count = 0;
    while (fly__sql_array_next(&array, &iter, &element)) {
        if (element.null) {
            return FAIL(call, "22004", "dimension values cannot be null");
        }
        bounds[(*count)++] = element.i32;
    }
    return FLY_OK;
}

ROW(array_fill)
{
    int32_t length[FLY__SQL_DIMENSIONS_MAX];
    int32_t lower[FLY__SQL_DIMENSIONS_MAX] = {1, 1, 1, 1, 1, 1};
    uint32_t dimensions = 0;
    uint32_t bounds = 0;
    fly_vec_value element;
    fly_status status = as_element(call, 0, args, &element);
    if (status == FLY_OK) {
        status = read_bounds(call, &args[1], "Dimension", &dimensions, length);
    }
    if (status == FLY_OK && call->argc > 2) {
        status = read_bounds(call, &args[2], "Low bound", &bounds, lower);
        if (status == FLY_OK && bounds != dimensions) {
            FAIL(call, "2202E", "wrong number of array subscripts");
            fly_err_detail(call->err, "Low bound array has different size than dimensions array.");
            return FLY_E_INVALID;
        }
    }
    if (status != FLY_OK) {
        return status;
    }
    fly__sql_array shape = {.dimensions = dimensions};
    uint64_t count = dimensions > 0;
    for (uint32_t i = 0; i < dimensions; i++) {
        if (length[i] < 0) {
            return FAIL(call, "54000", "array size exceeds the maximum allowed (%d)",
                        FLY__SQL_ARRAY_ELEMENTS_MAX);
        }
        shape.length[i] = (uint32_t)length[i];
        shape.lower[i] = lower[i];
        count *= (uint64_t)length[i];
        if (count > FLY__SQL_ARRAY_ELEMENTS_MAX) {
            return FAIL(call, "54000", "array size exceeds the maximum allowed (%d)",
                        FLY__SQL_ARRAY_ELEMENTS_MAX);
        }
    }
    fly__sql_array_builder builder;
    fly__sql_array_begin(&builder, element_of(call, call->result.oid), call->arena);
    for (uint64_t i = 0; i < count && status == FLY_OK; i++) {
        status = fly__sql_array_add(&builder, &element, call->err);
    }
    return status != FLY_OK ? status : end(call, &builder, &shape, result);
}

/* ------------------------------------------------------------------------- search */

ROW(array_position)
{
    if (args[0].null || (call->argc > 2 && args[2].null)) {
        return args[0].null ? give_null(result)
                            : FAIL(call, "22004", "initial position must not be null");
    }
    fly__sql_array array;
    fly_vec_value wanted;
    fly_status status = open_array(call, &args[0], &array);
    if (status == FLY_OK) {
        status = as_element(call, 1, args, &wanted);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (array.dimensions > 1) {
        return FAIL(call, "0A000",
                    "searching for elements in multidimensional arrays is not supported");
    }
    fly_sql_type type = fly__sql_array_type(&array);
    fly__sql_array_iter iter = {0};
    fly_vec_value element;
    while (fly__sql_array_next(&array, &iter, &element)) {
        int32_t place = array.lower[0] + (int32_t)iter.index - 1;
        if (call->argc > 2 && place < args[2].i32) {
            continue;
        }
        bool same;
        status = is_same(call, type, &element, &wanted, &same);
        if (status != FLY_OK || same) {
            return status != FLY_OK ? status : give_i32(result, place);
        }
    }
    return give_null(result);
}

ROW(array_positions)
{
    if (args[0].null) {
        return give_null(result);
    }
    fly__sql_array array;
    fly_vec_value wanted;
    fly_status status = open_array(call, &args[0], &array);
    if (status == FLY_OK) {
        status = as_element(call, 1, args, &wanted);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (array.dimensions > 1) {
        return FAIL(call, "0A000",
                    "searching for elements in multidimensional arrays is not supported");
    }
    fly_sql_type type = fly__sql_array_type(&array);
    fly__sql_array_builder builder;
    fly__sql_array_begin(&builder, fly__sql_type(FLY_SQL_INT4), call->arena);
    fly__sql_array_iter iter = {0};
    fly_vec_value element;
    while (status == FLY_OK && fly__sql_array_next(&array, &iter, &element)) {
        bool same;
        status = is_same(call, type, &element, &wanted, &same);
        if (status == FLY_OK && same) {
            fly_vec_value place = {.i32 = array.lower[0] + (int32_t)iter.index - 1};
            status = fly__sql_array_add(&builder, &place, call->err);
        }
    }
    result->null = false;
    return status != FLY_OK ? status : fly__sql_array_end(&builder, &result->str, call->err);
}

/* Whether all (or any) elements of `a` are in `b`; NULLs are in nothing. */
static fly_status contained(fly__sql_call *call, const fly__sql_array *a, const fly__sql_array *b,
                            bool all, bool *answer)
{
    fly_sql_type type = fly__sql_array_type(a);
    fly__sql_array_iter at = {0};
    fly_vec_value wanted;
    *answer = all;
    while (fly__sql_array_next(a, &at, &wanted)) {
        bool found = false;
        fly__sql_array_iter bt = {0};
        fly_vec_value element;
        while (!found && !wanted.null && fly__sql_array_next(b, &bt, &element)) {
            int order = 1;
            fly_status status =
                element.null ? FLY_OK : fly__sql_order(call, type, &wanted, &element, &order);
            if (status != FLY_OK) {
                return status;
            }
            found = order == 0;
        }
        if (found != all) {
            *answer = found;
            return FLY_OK;
        }
    }
    return FLY_OK;
}

static fly_status compare_sets(fly__sql_call *call, uint32_t inner, bool all,
                               const fly_vec_value *args, fly_vec_value *result)
{
    fly__sql_array a;
    fly__sql_array b;
    bool answer = false;
    fly_status status = open_array(call, &args[inner], &a);
    if (status == FLY_OK) {
        status = open_array(call, &args[1 - inner], &b);
    }
    if (status == FLY_OK) {
        status = contained(call, &a, &b, all, &answer);
    }
    return status != FLY_OK ? status : give_bool(result, answer);
}

ROW(array_contains)
{
    return compare_sets(call, 1, true, args, result);
}

ROW(array_contained)
{
    return compare_sets(call, 0, true, args, result);
}

ROW(array_overlap)
{
    return compare_sets(call, 0, false, args, result);
}

/* In which of the buckets between sorted bounds a value falls: how many bounds are at or below
 * it. */
ROW(width_bucket_array)
{
    fly__sql_array array;
    fly_vec_value value;
    fly_status status = open_array(call, &args[1], &array);
    if (status == FLY_OK) {
        status = as_element(call, 0, args, &value);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (array.dimensions > 1) {
        return FAIL(call, "2202E", "thresholds must be one-dimensional array");
    }
    if (array.valid != NULL) {
        return FAIL(call, "22004", "thresholds array must not contain NULLs");
    }
    fly_sql_type type = fly__sql_array_type(&array);
    fly__sql_array_iter iter = {0};
    fly_vec_value element;
    int32_t bucket = 0;
    while (fly__sql_array_next(&array, &iter, &element)) {
        int order = 0;
        status = fly__sql_order(call, type, &value, &element, &order);
        if (status != FLY_OK) {
            return status;
        }
        if (order < 0) {
            break;
        }
        bucket++;
    }
    return give_i32(result, bucket);
}

/* --------------------------------------------------------------------------- text */

ROW(array_to_string)
{
    if (args[0].null || args[1].null) {
        return give_null(result);
    }
    fly__sql_array array;
    fly_status status = open_array(call, &args[0], &array);
    fly_bytes between = arg_bytes(&args[1]);
    const fly_vec_value *null = call->argc > 2 && !args[2].null ? &args[2] : NULL;
    fly_sql_type type = fly__sql_array_type(&array);
    fly_sql_text text = {.arena = call->arena};
    fly__sql_array_iter iter = {0};
    fly_vec_value element;
    bool first = true;
    while (status == FLY_OK && fly__sql_array_next(&array, &iter, &element)) {
        if (element.null && null == NULL) {
            continue;
        }
        if (!first) {
            fly__sql_text_add(&text, (const char *)between.data, between.len);
        }
        first = false;
        if (element.null) {
            fly__sql_text_add(&text, fly_vec_str_data(&null->str), null->str.len);
        } else {
            status = fly__sql_value_write(call->session, type, &element, 0, &text, call->err);
        }
    }
    return status != FLY_OK ? status : fly__sql_give_text(call, &text, result);
}

/* The next piece of a text between separators; a NULL separator cuts after each character. */
bool fly__sql_split_next(fly_bytes text, const fly_bytes *between, size_t *at, fly_bytes *piece)
{
    if (*at > text.len || (between == NULL && *at == text.len)) {
        return false;
    }
    if (between == NULL) {
        uint32_t code;
        size_t len = fly_text_next(text, *at, &code);
        *piece = fly_bytes_of(text.data + *at, len);
        *at += len;
        return true;
    }
    size_t end_at = between->len > 0 ? fly__sql_find(text, *between, *at) : SIZE_MAX;
    size_t stop = end_at == SIZE_MAX ? text.len : end_at;
    *piece = fly_bytes_of(text.data + *at, stop - *at);
    *at = end_at == SIZE_MAX ? text.len + 1 : end_at + between->len;
    return true;
}

ROW(string_to_array)
{
    if (args[0].null) {
        return give_null(result);
    }
    fly_bytes text = arg_bytes(&args[0]);
    fly_bytes between = args[1].null ? fly_bytes_of(NULL, 0) : arg_bytes(&args[1]);
    fly__sql_array_builder builder;
    fly__sql_array_begin(&builder, fly__sql_type(FLY_SQL_TEXT), call->arena);
    size_t at = text.len == 0 ? 1 : 0; /* nothing has no pieces */
    fly_bytes piece;
    fly_status status = FLY_OK;
    while (status == FLY_OK &&
           fly__sql_split_next(text, args[1].null ? NULL : &between, &at, &piece)) {
        fly_vec_value value = {.str = fly_vec_str_of(piece.data, piece.len)};
        value.null = call->argc > 2 && !args[2].null && fly_bytes_equal(piece, arg_bytes(&args[2]));
        status = fly__sql_array_add(&builder, &value, call->err);
    }
    result->null = false;
    return status != FLY_OK ? status : fly__sql_array_end(&builder, &result->str, call->err);
}
