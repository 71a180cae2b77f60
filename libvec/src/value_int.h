/*
 * Values by their meaning: 16 bytes that are equal where the values are, whatever their type. What
 * hashing, sets and grouping mean by "the same".
 */
#ifndef FLY_VEC_VALUE_INT_H
#define FLY_VEC_VALUE_INT_H

#include "kern_int.h"

#include <fly/base_hash.h>
#include <string.h>

/* One zero, one NaN. */
static inline uint64_t fly__vec_canonical_f64(double x)
{
    uint64_t bits;
    x = x == 0 ? 0 : x;
    memcpy(&bits, &x, 8);
    return x == x ? bits : 0x7ff8000000000000u;
}

/* A span of time in microseconds: 30 days a month, 24 hours a day, as comparison has it. */
static inline fly_vec_i128 fly__vec_span(const fly_vec_interval *v)
{
    return v->micros + ((fly_vec_i128)v->months * 30 + v->days) * 86400000000;
}

static inline fly_vec_u128 fly__vec_canonical(fly_vec_type type, const void *raw)
{
    fly_vec_value v;
    switch (type) {
    case FLY_VEC_BOOL:
        return *(const uint8_t *)raw & 1;
    case FLY_VEC_I16:
        memcpy(&v.i16, raw, 2);
        return (fly_vec_u128)(fly_vec_i128)v.i16;
    case FLY_VEC_I32:
        memcpy(&v.i32, raw, 4);
        return (fly_vec_u128)(fly_vec_i128)v.i32;
    case FLY_VEC_I64:
        memcpy(&v.i64, raw, 8);
        return (fly_vec_u128)(fly_vec_i128)v.i64;
    case FLY_VEC_F32:
        memcpy(&v.f32, raw, 4);
        return fly__vec_canonical_f64(v.f32);
    case FLY_VEC_F64:
        memcpy(&v.f64, raw, 8);
        return fly__vec_canonical_f64(v.f64);
    case FLY_VEC_INTERVAL:
        memcpy(&v.interval, raw, 16);
        return (fly_vec_u128)fly__vec_span(&v.interval);
    default:
        memcpy(&v.i128, raw, 16);
        return (fly_vec_u128)v.i128;
    }
}

#endif
