/*
 * Histograms of equal parts: writing one from a sample, asking it.
 */
#include "opt/stats_int.h"

#include <fly/base_bytes.h>

#include <string.h>

enum { VERSION = 1 };

bool fly__sql_stats_number(fly_sql_type type, const fly_vec_value *value, double *number)
{
    bool is_time = type.oid == FLY_SQL_DATE || type.oid == FLY_SQL_TIMESTAMP ||
                   type.oid == FLY_SQL_TIMESTAMPTZ || type.oid == FLY_SQL_TIME;
    bool is_number = type.oid == FLY_SQL_INT2 || type.oid == FLY_SQL_INT4 ||
                     type.oid == FLY_SQL_INT8 || type.oid == FLY_SQL_FLOAT4 ||
                     type.oid == FLY_SQL_FLOAT8 || (type.oid == FLY_SQL_NUMERIC && type.digits > 0);
    if (!is_time && !is_number) {
        return false;
    }
    switch (fly__sql_type_physical(type)) {
    case FLY_VEC_I16:
        *number = value->i16;
        break;
    case FLY_VEC_I32:
        *number = value->i32;
        break;
    case FLY_VEC_I64:
        *number = (double)value->i64;
        break;
    case FLY_VEC_I128:
        *number = (double)value->i128;
        break;
    case FLY_VEC_F32:
        *number = (double)value->f32;
        break;
    case FLY_VEC_F64:
        *number = value->f64;
        break;
    default:
        return false;
    }
    for (int i = 0; type.oid == FLY_SQL_NUMERIC && i < type.scale; i++) {
        *number /= 10;
    }
    return *number == *number; /* NaN has no place */
}

static void sift(double *heap, uint32_t at, uint32_t count)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= count) {
            return;
        }
        child += child + 1 < count && heap[child + 1] > heap[child];
        if (heap[at] >= heap[child]) {
            return;
        }
        double swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
        at = child;
    }
}

static void sort(double *numbers, uint32_t count)
{
    for (uint32_t i = count / 2; i-- > 0;) {
        sift(numbers, i, count);
    }
    for (uint32_t i = count; i-- > 1;) {
        double swap = numbers[0];
        numbers[0] = numbers[i];
        numbers[i] = swap;
        sift(numbers, 0, i);
    }
}

fly_status fly__sql_stats_write(double *sample, uint32_t count, fly_arena *arena, fly_bytes *stats,
                                fly_err *err)
{
    *stats = (fly_bytes){NULL, 0};
    if (count == 0) {
        return FLY_OK;
    }
    uint8_t *bytes = fly_arena_alloc(arena, 1 + 8 * (FLY__SQL_STATS_PARTS + 1));
    if (bytes == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for ANALYZE");
    }
    sort(sample, count);
    bytes[0] = VERSION;
    for (uint32_t i = 0; i <= FLY__SQL_STATS_PARTS; i++) {
        uint64_t bits;
        memcpy(&bits, &sample[(uint64_t)i * (count - 1) / FLY__SQL_STATS_PARTS], sizeof bits);
        fly_put_u64(bytes + 1 + 8 * i, bits);
    }
    *stats = fly_bytes_of(bytes, 1 + 8 * (FLY__SQL_STATS_PARTS + 1));
    return FLY_OK;
}

static double bound(fly_bytes stats, uint32_t i)
{
    double number;
    uint64_t bits = fly_get_u64(stats.data + 1 + 8 * (size_t)i);
    memcpy(&number, &bits, sizeof number);
    return number;
}

double fly__sql_stats_below(fly_bytes stats, double number)
{
    if (stats.len != 1 + 8 * (FLY__SQL_STATS_PARTS + 1) || stats.data[0] != VERSION) {
        return -1;
    }
    for (uint32_t i = 0; i <= FLY__SQL_STATS_PARTS; i++) {
        double end = bound(stats, i);
        if (number > end) {
            continue;
        }
        double begin = i == 0 ? end : bound(stats, i - 1);
        double part = i == 0 ? 0 : end > begin ? (number - begin) / (end - begin) : 0;
        return i == 0 ? 0 : (i - 1 + part) / FLY__SQL_STATS_PARTS;
    }
    return 1;
}
