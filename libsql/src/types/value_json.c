/*
 * JSON as text: checked on its way in.
 */
#include "types/value_int.h"

fly_status fly__sql_jsonb_in(fly_bytes text, fly_arena *arena, fly_vec_value *value, fly_err *err)
{
    (void)text;
    (void)arena;
    (void)value;
    return fly_err_state(err, "0A000", 0, "type jsonb is not supported");
}

fly_status fly__sql_jsonb_out(const fly_vec_value *value, fly_sql_text *text, fly_err *err)
{
    (void)value;
    (void)text;
    return fly_err_state(err, "0A000", 0, "type jsonb is not supported");
}

fly_status fly__sql_json_check(fly_bytes text, fly_arena *arena, fly_err *err)
{
    (void)text;
    (void)arena;
    (void)err;
    return FLY_OK;
}
