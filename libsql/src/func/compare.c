/*
 * Comparison operators: = <> < <= > >= of every type, and the functions behind sorting.
 *
 * The order of a type is decided in one place, types/value_cmp.c; here the plain types have short
 * cuts and everything else goes there. fly__sql_value_cmp() and these agree, or sorting and WHERE
 * would not.
 */
#include "func/call_int.h"
#include "session/program_int.h"

#include <fly/text.h>

/* Six operators from one three-way comparison. */
#define COMPARISONS(name, order)                                                                   \
    ROW(eq_##name)                                                                                 \
    {                                                                                              \
        return give_bool(result, (order) == 0);                                                    \
    }                                                                                              \
    ROW(ne_##name)                                                                                 \
    {                                                                                              \
        return give_bool(result, (order) != 0);                                                    \
    }                                                                                              \
    ROW(lt_##name)                                                                                 \
    {                                                                                              \
        return give_bool(result, (order) < 0);                                                     \
    }                                                                                              \
    ROW(le_##name)                                                                                 \
    {                                                                                              \
        return give_bool(result, (order) <= 0);                                                    \
    }                                                                                              \
    ROW(gt_##name)                                                                                 \
    {                                                                                              \
        return give_bool(result, (order) > 0);                                                     \
    }                                                                                              \
    ROW(ge_##name)                                                                                 \
    {                                                                                              \
        return give_bool(result, (order) >= 0);                                                    \
    }

#define SIGN(a, b) (((a) > (b)) - ((a) < (b)))

COMPARISONS(bool, (int)args[0].b - (int)args[1].b)
COMPARISONS(i16, SIGN(args[0].i16, args[1].i16))
COMPARISONS(i32, SIGN(args[0].i32, args[1].i32))
COMPARISONS(u32, SIGN((uint32_t)args[0].i32, (uint32_t)args[1].i32))
COMPARISONS(i64, SIGN(args[0].i64, args[1].i64))
COMPARISONS(i128, SIGN(args[0].i128, args[1].i128))

/* NaN equals itself and is above all. */
static int order_f64(double a, double b)
{
    if (a != a || b != b) {
        return (a != a) - (b != b);
    }
    return SIGN(a, b);
}

COMPARISONS(f32, order_f64(args[0].f32, args[1].f32))
COMPARISONS(f64, order_f64(args[0].f64, args[1].f64))
COMPARISONS(bytes, fly_vec_str_cmp(&args[0].str, &args[1].str))

fly_status fly__sql_collation_of(fly__sql_call *call, uint32_t oid,
                                 const struct fly_collation **collation)
{
    *collation = NULL;
    return call->session == NULL
               ? FLY_OK
               : fly__sql_session_collation(call->session, oid, collation, call->err);
}

/* The place of a label among those of its enum. */
static float label_place(const fly__sql_user_type *type, int32_t value)
{
    for (uint16_t i = 0; i < type->label_count; i++) {
        if (type->labels[i].value == value) {
            return type->labels[i].sort;
        }
    }
    return (float)value;
}

fly_status fly__sql_order(fly__sql_call *call, fly_sql_type type, const fly_vec_value *a,
                          const fly_vec_value *b, int *order)
{
    bool text = type.oid == FLY_SQL_TEXT || type.oid == FLY_SQL_VARCHAR;
    if (text && call->session != NULL) {
        const fly_collation *collation;
        fly_status status = fly__sql_collation_of(call, type.collation, &collation);
        if (status == FLY_OK) {
            *order = collation == NULL ? fly_vec_str_cmp(&a->str, &b->str)
                                       : fly_text_compare(collation, arg_bytes(a), arg_bytes(b));
        }
        return status;
    }
    if (type.oid >= FLY__SQL_OID_FIRST && call->session != NULL && call->session->view != NULL &&
        fly__sql_type_physical(type) == FLY_VEC_I32) {
        const fly__sql_user_type *user = fly__sql_user_type_of(call->session->view, type.oid);
        if (user != NULL && user->kind == 'e') {
            float x = label_place(user, a->i32);
            float y = label_place(user, b->i32);
            *order = SIGN(x, y);
            return FLY_OK;
        }
    }
    *order = fly__sql_value_cmp(type, a, b);
    return FLY_OK;
}

/* Any type whose order is more of a story. */
#define ANY_COMPARISON(name, sign)                                                                 \
    ROW(name##_any)                                                                                \
    {                                                                                              \
        int order = 0;                                                                             \
        fly_status status = fly__sql_order(call, call->types[0], &args[0], &args[1], &order);      \
        return status != FLY_OK ? status : give_bool(result, order sign 0);                        \
    }

ANY_COMPARISON(eq, ==)
ANY_COMPARISON(ne, !=)
ANY_COMPARISON(lt, <)
ANY_COMPARISON(le, <=)
ANY_COMPARISON(gt, >)
ANY_COMPARISON(ge, >=)
