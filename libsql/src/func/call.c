/*
 * What the files of functions share: giving texts, failing.
 */
#include "func/call_int.h"

enum { TEXT_MAX = 0x3fffffff }; /* PostgreSQL's MaxAllocSize */

fly_status fly__sql_no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
}

char *fly__sql_room(fly__sql_call *call, size_t len)
{
    if (len > TEXT_MAX) {
        fly_err_state(call->err, "54000", call->pos, "requested length too large");
        return NULL;
    }
    char *room = fly_arena_alloc(call->arena, len);
    if (room == NULL) {
        fly__sql_no_memory(call->err);
    }
    return room;
}

fly_status fly__sql_give_copy(fly__sql_call *call, const void *data, size_t len,
                              fly_vec_value *result)
{
    if (len > FLY_VEC_STR_INLINE) {
        char *room = fly__sql_room(call, len);
        if (room == NULL) {
            return len > TEXT_MAX ? FLY_E_INVALID : FLY_E_NO_MEMORY;
        }
        memcpy(room, data, len);
        data = room;
    }
    return give_str(result, fly_vec_str_of(data, len));
}

fly_status fly__sql_give_text(fly__sql_call *call, fly_sql_text *text, fly_vec_value *result)
{
    if (text->failed) {
        return fly__sql_no_memory(call->err);
    }
    if (text->len > TEXT_MAX) {
        return FAIL(call, "54000", "requested length too large");
    }
    return give_str(result, fly_vec_str_of(text->data, text->len));
}

fly_status fly__sql_out_of_range(fly__sql_call *call, const char *type)
{
    return FAIL(call, "22003", "%s out of range", type);
}

fly_status fly__sql_division_by_zero(fly__sql_call *call)
{
    return FAIL(call, "22012", "division by zero");
}
