/*
 * Dates, times, intervals as text, in the session's styles and time zone; their modifiers.
 *
 * Zones that a text names are loaded from the system's tables when they are asked for, into the
 * arena of the value: only texts with a zone's name pay for it.
 */
#include "types/value_int.h"

#include <fly/text.h>

#define ZONE_DIRECTORY "/usr/share/zoneinfo"

/* Memory from an arena as an allocator: nothing is given back before the arena goes. */
static void *arena_take(fly_mem *mem, size_t size, size_t align)
{
    fly__sql_time *time = (fly__sql_time *)mem;
    char *block = fly_arena_alloc(time->arena, size + align);
    if (block == NULL) {
        return NULL;
    }
    size_t over = (uintptr_t)block & (align - 1);
    return over == 0 ? block : block + (align - over);
}

static void arena_keep(fly_mem *mem, void *block, size_t size)
{
    (void)mem;
    (void)block;
    (void)size;
}

static fly_status find_zone(void *ctx, fly_bytes name, const fly_vec_tz **tz)
{
    fly__sql_time *time = ctx;
    if (time->session == NULL) {
        return FLY_E_NOT_FOUND;
    }
    fly_vec_tz *zone;
    /* Zones are the system's, also for a database in memory. */
    fly_status status =
        fly_vec_tz_load(fly_vfs_posix(), ZONE_DIRECTORY, name, &time->mem, &zone, NULL);
    if (status != FLY_OK) {
        return FLY_E_NOT_FOUND;
    }
    *tz = zone;
    return FLY_OK;
}

void fly__sql_time_begin(fly__sql_time *time, struct fly_sql_session *session, fly_arena *arena)
{
    *time = (fly__sql_time){
        .mem = {.alloc = arena_take, .release = arena_keep}, .session = session, .arena = arena};
    time->env.find_zone = find_zone;
    time->env.ctx = time;
    if (session != NULL) {
        time->env.date_style = (fly_vec_date_style)session->date_style;
        time->env.date_order = (fly_vec_date_order)session->date_order;
        time->env.interval_style = (fly_vec_interval_style)session->interval_style;
        time->env.zone = session->time_zone;
        time->env.now = session->txn_time;
    }
}

/* The bits of an interval's typmod as fields. */
static unsigned fields_of(int32_t mod)
{
    static const struct {
        int bit;
        unsigned field;
    } bits[] = {
        {2, FLY_VEC_FIELD_YEAR},  {1, FLY_VEC_FIELD_MONTH},   {3, FLY_VEC_FIELD_DAY},
        {10, FLY_VEC_FIELD_HOUR}, {11, FLY_VEC_FIELD_MINUTE}, {12, FLY_VEC_FIELD_SECOND},
    };
    unsigned fields = 0;
    if (mod < 0 || (mod >> 16 & 0x7fff) == 0x7fff) {
        return 0;
    }
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        fields |= (mod >> 16 & 1 << bits[i].bit) != 0 ? bits[i].field : 0;
    }
    return fields;
}

fly_status fly__sql_time_in(struct fly_sql_session *session, fly_sql_type type, fly_bytes text,
                            fly_arena *arena, fly_vec_value *value, fly_err *err)
{
    fly__sql_time time;
    fly_vec_timetz timetz;
    fly_status status;
    fly__sql_time_begin(&time, session, arena);
    switch (type.oid) {
    case FLY_SQL_DATE:
        return fly_vec_date_parse(text, &time.env, &value->i32, err);
    case FLY_SQL_TIME:
        return fly_vec_time_parse(text, &time.env, &value->i64, err);
    case FLY_SQL_TIMETZ:
        status = fly_vec_timetz_parse(text, &time.env, &timetz, err);
        if (status == FLY_OK) {
            value->i128 = fly_vec_timetz_pack(timetz);
        }
        return status;
    case FLY_SQL_TIMESTAMP:
        return fly_vec_timestamp_parse(text, &time.env, &value->i64, err);
    case FLY_SQL_TIMESTAMPTZ:
        return fly_vec_timestamptz_parse(text, &time.env, &value->i64, err);
    default:
        return fly_vec_interval_parse(text, &time.env, fields_of(type.mod), &value->interval, err);
    }
}

void fly__sql_time_out(struct fly_sql_session *session, fly_sql_type type,
                       const fly_vec_value *value, fly_sql_text *text)
{
    char out[FLY_VEC_TIME_TEXT];
    size_t len;
    fly__sql_time time;
    fly__sql_time_begin(&time, session, text->arena);
    switch (type.oid) {
    case FLY_SQL_DATE:
        len = fly_vec_date_format(value->i32, &time.env, out);
        break;
    case FLY_SQL_TIME:
        len = fly_vec_time_format(value->i64, out);
        break;
    case FLY_SQL_TIMETZ:
        len = fly_vec_timetz_format(fly_vec_timetz_unpack(value->i128), out);
        break;
    case FLY_SQL_TIMESTAMP:
        len = fly_vec_timestamp_format(value->i64, &time.env, out);
        break;
    case FLY_SQL_TIMESTAMPTZ:
        len = fly_vec_timestamptz_format(value->i64, &time.env, out);
        break;
    default:
        len = fly_vec_interval_format(value->interval, &time.env, out);
    }
    fly__sql_text_add(text, out, len);
}

fly_status fly__sql_time_fit(fly_sql_type type, fly_vec_value *value, fly_err *err)
{
    int precision = type.mod & 0xffff;
    switch (type.oid) {
    case FLY_SQL_INTERVAL:
        return fly_vec_interval_fit(value->interval, fields_of(type.mod),
                                    precision == 0xffff ? -1 : precision, &value->interval, err);
    case FLY_SQL_TIMETZ: {
        fly_vec_timetz t = fly_vec_timetz_unpack(value->i128);
        t.micros = fly_vec_micros_round(t.micros, precision < 6 ? precision : 6);
        value->i128 = fly_vec_timetz_pack(t);
        return FLY_OK;
    }
    default:
        value->i64 = fly_vec_micros_round(value->i64, precision < 6 ? precision : 6);
        return FLY_OK;
    }
}
