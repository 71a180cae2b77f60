/*
 * Sequences and enums: nextval() and its kin, enum_range() and its kin.
 */
#include "func/string_int.h"

#include "types/array_int.h"

/* The sequence that an argument names: 42809 if it is something else. */
static fly_status check_sequence(fly__sql_call *call, uint32_t oid)
{
    const fly__sql_catalog_view *view = fly__sql_view_of(call->session);
    const fly__sql_table *table = view != NULL ? fly__sql_table_of(view, oid) : NULL;
    if (view == NULL || fly__sql_sequence_of(view, oid) != NULL) {
        return view != NULL ? FLY_OK : FAIL(call, "XX000", "sequences need a session");
    }
    if (table != NULL) {
        return FAIL(call, "42809", "\"%s\" is not a sequence", table->name);
    }
    return FAIL(call, "42P01", "relation with OID %u does not exist", oid);
}

ROW(nextval)
{
    int64_t value = 0;
    fly_status status = check_sequence(call, (uint32_t)args[0].i32);
    if (status == FLY_OK) {
        status = fly__sql_sequence_next(call->session, (uint32_t)args[0].i32, &value, call->err);
    }
    return status != FLY_OK ? status : give_i64(result, value);
}

ROW(currval)
{
    int64_t value = 0;
    fly_status status = check_sequence(call, (uint32_t)args[0].i32);
    if (status == FLY_OK) {
        status = fly__sql_sequence_current(call->session, (uint32_t)args[0].i32, &value, call->err);
    }
    return status != FLY_OK ? status : give_i64(result, value);
}

ROW(lastval)
{
    int64_t value = 0;
    if (call->session == NULL) {
        return FAIL(call, "55000", "lastval is not yet defined in this session");
    }
    fly_status status = fly__sql_sequence_last(call->session, &value, call->err);
    return status != FLY_OK ? status : give_i64(result, value);
}

ROW(setval)
{
    fly_status status = check_sequence(call, (uint32_t)args[0].i32);
    if (status == FLY_OK) {
        status = fly__sql_sequence_set(call->session, (uint32_t)args[0].i32, args[1].i64,
                                       call->argc < 3 || args[2].b, call->err);
    }
    return status != FLY_OK ? status : give_i64(result, args[1].i64);
}

/* NULL of a sequence that nobody has called yet. */
ROW(pg_sequence_last_value)
{
    int64_t value = 0;
    bool called = false;
    uint32_t oid = (uint32_t)args[0].i32;
    fly_status status = check_sequence(call, oid);
    if (status == FLY_OK) {
        status = fly__sql_sequence_place(call->session, oid, &value, &called, call->err);
    }
    result->null = !called;
    return status != FLY_OK || !called ? status : give_i64(result, value);
}

/* The one row of a sequence that is read as a table. */
typedef struct place_state {
    uint32_t oid;
    bool given;
} place_state;

static fly_status place_open(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    place_state *s = state;
    s->oid = (uint32_t)args[0].i32;
    s->given = args[0].null;
    return s->given ? FLY_OK : check_sequence(call, s->oid);
}

static fly_status place_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    place_state *s = state;
    int64_t value = 0;
    bool called = false;
    if (s->given) {
        return FLY_E_END;
    }
    s->given = true;
    row[1] = (fly_vec_value){.i64 = 0};
    fly_status status = fly__sql_sequence_place(call->session, s->oid, &value, &called, call->err);
    row[0] = (fly_vec_value){.i64 = value};
    row[2] = (fly_vec_value){.b = called};
    return status;
}

static const char *const place_names[] = {"last_value", "log_cnt", "is_called", NULL};
static const uint32_t place_types[] = {FLY_SQL_INT8, FLY_SQL_INT8, FLY_SQL_BOOL};

const fly__sql_set_function fly__sql_set_sequence_place = {.state_size = sizeof(place_state),
                                                           .open = place_open,
                                                           .next = place_next,
                                                           .columns = 3,
                                                           .names = place_names,
                                                           .types = place_types};

/* -------------------------------------------------------------------------- enums */

/* The enum that the first argument's type is; its value does not matter. */
static const fly__sql_user_type *enum_of(const fly__sql_call *call)
{
    const fly__sql_catalog_view *view = fly__sql_view_of(call->session);
    return view != NULL ? fly__sql_user_type_of(view, call->types[0].oid) : NULL;
}

static fly_status no_enum(fly__sql_call *call)
{
    return FAIL(call, "XX000", "could not determine actual enum type");
}

ROW(enum_first)
{
    const fly__sql_user_type *type = enum_of(call);
    if (type == NULL || type->label_count == 0) {
        return no_enum(call);
    }
    return give_i32(result, type->labels[0].value);
}

ROW(enum_last)
{
    const fly__sql_user_type *type = enum_of(call);
    if (type == NULL || type->label_count == 0) {
        return no_enum(call);
    }
    return give_i32(result, type->labels[type->label_count - 1].value);
}

/* All labels, or those between two; NULL is an open end. */
ROW(enum_range)
{
    const fly__sql_user_type *type = enum_of(call);
    if (type == NULL) {
        return no_enum(call);
    }
    bool bounded = call->argc > 1;
    bool inside = !bounded || args[0].null;
    fly__sql_array_builder builder;
    fly_sql_type element = fly__sql_type(type->oid);
    element.digits = fly__sql_type_digits_of(FLY_VEC_I32);
    fly__sql_array_begin(&builder, element, call->arena);
    fly_status status = FLY_OK;
    for (uint16_t i = 0; i < type->label_count && status == FLY_OK; i++) {
        fly_vec_value value = {.i32 = type->labels[i].value};
        inside = inside || value.i32 == args[0].i32;
        if (inside) {
            status = fly__sql_array_add(&builder, &value, call->err);
        }
        if (bounded && !args[1].null && value.i32 == args[1].i32) {
            break;
        }
    }
    result->null = false;
    return status != FLY_OK ? status : fly__sql_array_end(&builder, &result->str, call->err);
}
