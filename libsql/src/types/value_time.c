/*
 * Dates, times, intervals as text, in the session's styles and time zone.
 */
#include "types/value_int.h"

fly_status fly__sql_time_in(struct fly_sql_session *session, fly_sql_type type, fly_bytes text,
                            fly_vec_value *value, fly_err *err)
{
    (void)session;
    (void)text;
    (void)value;
    return fly_err_state(err, "0A000", 0, "text to type %s is not supported",
                         fly__sql_type_info_of(type.oid)->sql_name);
}

void fly__sql_time_out(struct fly_sql_session *session, fly_sql_type type,
                       const fly_vec_value *value, fly_sql_text *text)
{
    (void)session;
    fly__sql_text_int(text, type.oid == FLY_SQL_DATE ? value->i32 : value->i64);
}

fly_status fly__sql_time_fit(fly_sql_type type, fly_vec_value *value, fly_err *err)
{
    (void)type;
    (void)value;
    (void)err;
    return FLY_OK;
}
