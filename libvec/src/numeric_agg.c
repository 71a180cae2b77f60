/*
 * Sums of numerics over many rows: sum, avg, variance, stddev.
 *
 * A sum is an array of groups that are wide enough to wait with their carries: 64 bits hold 9 * 10^14
 * additions of a group, more than any table has rows. So adding a value is adding its groups, without
 * memory once the array covers the weights that come; the carries are made when the result is asked for.
 *
 * What is shown follows PostgreSQL: a sum has the largest display scale of its inputs, an average and a
 * variance that of the division that makes them.
 */
#include "numeric_int.h"

#include <fly/base_bytes.h>

#include <string.h>

/* Make the array cover weights `low` to `high`. */
static fly_status cover(fly_vec_numeric_sum *sum, int low, int high, fly_arena *arena, fly_err *err)
{
    int top = sum->top;
    int bottom = sum->top - sum->room + 1;
    if (sum->room > 0 && low >= bottom && high <= top) {
        return FLY_OK;
    }
    int new_top = sum->room == 0 || high > top ? high : top;
    int new_bottom = sum->room == 0 || low < bottom ? low : bottom;
    /* Some more than asked for, on the side that grew, as the old array is lost to the arena. */
    new_top += new_top > top || sum->room == 0 ? 2 + sum->room / 2 : 0;
    new_bottom -= new_bottom < bottom || sum->room == 0 ? 2 + sum->room / 2 : 0;
    size_t room = (size_t)((int64_t)new_top - new_bottom + 1);
    int64_t *digit = fly_arena_alloc(arena, room * sizeof *digit);
    if (digit == NULL) {
        return fly__vec_num_no_memory(err);
    }
    memset(digit, 0, room * sizeof *digit);
    if (sum->room > 0) {
        memcpy(digit + (new_top - top), sum->digit, (size_t)sum->room * sizeof *digit);
    }
    sum->digit = digit;
    sum->room = (int32_t)room;
    sum->top = new_top;
    return FLY_OK;
}

static fly_status sum_add(fly_vec_numeric_sum *sum, const fly__vec_num *x, int sign,
                          fly_arena *arena, fly_err *err)
{
    if (x->n == 0) {
        return FLY_OK;
    }
    fly_status status = cover(sum, x->weight - x->n + 1, x->weight, arena, err);
    if (status != FLY_OK) {
        return status;
    }
    int64_t *to = sum->digit + (sum->top - x->weight);
    int64_t unit = x->neg ? -sign : sign;
    for (int i = 0; i < x->n; i++) {
        to[i] += unit * x->d[i];
    }
    return FLY_OK;
}

/* Count a display scale in, or out; false if the largest is lost. */
static bool note_scale(fly_vec_numeric_sum *sum, int dscale, bool in)
{
    if (in) {
        if (dscale > sum->scale) {
            sum->scale = dscale;
            sum->scaled = 0;
        }
        sum->scaled += dscale == sum->scale;
        return true;
    }
    return dscale != sum->scale || --sum->scaled > 0 || dscale == 0;
}

static fly_status change(fly_vec_numeric_agg *agg, fly_vec_str s, bool squares, bool in,
                         fly_arena *arena, fly_err *err)
{
    fly__vec_work w;
    fly__vec_num x;
    fly__vec_num square;
    int sign = in ? 1 : -1;
    fly__vec_work_init(&w, arena->mem, err);
    fly_status status = fly__vec_num_unpack(&w, s, &x);
    if (status != FLY_OK) {
        goto out;
    }
    if (x.kind != FINITE) {
        *(x.kind == NOT_A_NUMBER ? &agg->nan : x.kind == PINF ? &agg->pinf : &agg->ninf) += sign;
        agg->count += sign;
        goto out;
    }
    if (!note_scale(&agg->sum, x.dscale, in)) {
        if (agg->count > 1) {
            status = FLY_E_AGAIN;
            goto out;
        }
        agg->sum.scale = 0; /* nothing is left that has a scale */
    }
    if (squares && ((status = fly__vec_num_mul(&w, &x, &x, x.dscale * 2, &square)) != FLY_OK ||
                    (status = sum_add(&agg->squares, &square, sign, arena, err)) != FLY_OK)) {
        goto out;
    }
    status = sum_add(&agg->sum, &x, sign, arena, err);
    agg->count += status == FLY_OK ? sign : 0;
out:
    fly__vec_work_deinit(&w);
    return status;
}

fly_status fly_vec_numeric_agg_add(fly_vec_numeric_agg *agg, fly_vec_str x, bool squares,
                                   fly_arena *arena, fly_err *err)
{
    return change(agg, x, squares, true, arena, err);
}

fly_status fly_vec_numeric_agg_remove(fly_vec_numeric_agg *agg, fly_vec_str x, bool squares,
                                      fly_arena *arena, fly_err *err)
{
    return change(agg, x, squares, false, arena, err);
}

static fly_status sum_merge(fly_vec_numeric_sum *sum, const fly_vec_numeric_sum *from,
                            fly_arena *arena, fly_err *err)
{
    if (from->room > 0) {
        fly_status status = cover(sum, from->top - from->room + 1, from->top, arena, err);
        if (status != FLY_OK) {
            return status;
        }
        int64_t *to = sum->digit + (sum->top - from->top);
        for (int i = 0; i < from->room; i++) {
            to[i] += from->digit[i];
        }
    }
    if (from->scale > sum->scale) {
        sum->scale = from->scale;
        sum->scaled = 0;
    }
    sum->scaled += from->scale == sum->scale ? from->scaled : 0;
    return FLY_OK;
}

fly_status fly_vec_numeric_agg_merge(fly_vec_numeric_agg *agg, const fly_vec_numeric_agg *from,
                                     bool squares, fly_arena *arena, fly_err *err)
{
    fly_status status = sum_merge(&agg->sum, &from->sum, arena, err);
    if (status == FLY_OK && squares) {
        status = sum_merge(&agg->squares, &from->squares, arena, err);
    }
    if (status == FLY_OK) {
        agg->count += from->count;
        agg->nan += from->nan;
        agg->pinf += from->pinf;
        agg->ninf += from->ninf;
    }
    return status;
}

/* The sum as a number: carries upwards, then, if it is negative, the same with all signs turned. */
static fly_status sum_value(fly__vec_work *w, const fly_vec_numeric_sum *sum, int scale,
                            fly__vec_num *out)
{
    enum { CARRIES = 6 }; /* groups that 64 bits can carry further up */
    int n = sum->room + CARRIES;
    uint16_t *d = fly__vec_num_digits(w, n);
    if (d == NULL) {
        return fly__vec_num_no_memory(w->err);
    }
    bool neg = false;
    for (int round = 0; round < 2; round++) {
        int64_t carry = 0;
        for (int i = n - 1; i >= 0; i--) {
            int64_t x = i >= CARRIES ? sum->digit[i - CARRIES] : 0;
            carry += neg ? -x : x;
            int64_t rest = carry % BASE;
            carry /= BASE;
            if (rest < 0) {
                rest += BASE;
                carry--;
            }
            d[i] = (uint16_t)rest;
        }
        if (carry >= 0) {
            break;
        }
        neg = true;
    }
    *out = (fly__vec_num){FINITE, neg, n, sum->top + CARRIES, scale, d};
    fly__vec_num_strip(out);
    return FLY_OK;
}

/* The answer that NaN and infinities among the inputs force; false if there were none. */
static bool special(const fly_vec_numeric_agg *agg, fly__vec_num *out)
{
    if (agg->nan > 0 || (agg->pinf > 0 && agg->ninf > 0)) {
        *out = fly__vec_num_special(NOT_A_NUMBER);
        return true;
    }
    if (agg->pinf > 0 || agg->ninf > 0) {
        *out = fly__vec_num_special(agg->pinf > 0 ? PINF : NINF);
        return true;
    }
    return false;
}

fly_status fly_vec_numeric_agg_sum(const fly_vec_numeric_agg *agg, fly_arena *arena,
                                   fly_vec_str *out, bool *null, fly_err *err)
{
    *null = agg->count == 0;
    if (*null) {
        return FLY_OK;
    }
    fly__vec_work w;
    fly__vec_num x;
    fly__vec_work_init(&w, arena->mem, err);
    fly_status status = special(agg, &x) ? FLY_OK : sum_value(&w, &agg->sum, agg->sum.scale, &x);
    if (status == FLY_OK) {
        status = fly__vec_num_pack(&x, arena, out, err);
    }
    fly__vec_work_deinit(&w);
    return status;
}

/* sum / n as an average shows it. */
static fly_status average(fly__vec_work *w, const fly__vec_num *sum, int64_t n, fly__vec_num *out)
{
    fly__vec_num count;
    fly_status status = fly__vec_num_from_i128(w, n, 0, &count);
    if (status != FLY_OK) {
        return status;
    }
    return fly__vec_num_div(w, sum, &count, fly__vec_num_div_scale(sum, &count), true, out);
}

fly_status fly_vec_numeric_agg_avg(const fly_vec_numeric_agg *agg, fly_arena *arena,
                                   fly_vec_str *out, bool *null, fly_err *err)
{
    *null = agg->count == 0;
    if (*null) {
        return FLY_OK;
    }
    fly__vec_work w;
    fly__vec_num x;
    fly__vec_work_init(&w, arena->mem, err);
    fly_status status = FLY_OK;
    if (!special(agg, &x)) {
        status = sum_value(&w, &agg->sum, agg->sum.scale, &x);
        if (status == FLY_OK) {
            status = average(&w, &x, agg->count, &x);
        }
    }
    if (status == FLY_OK) {
        status = fly__vec_num_pack(&x, arena, out, err);
    }
    fly__vec_work_deinit(&w);
    return status;
}

fly_status fly_vec_numeric_avg_i128(fly_vec_i128 sum, int scale, int64_t count, fly_arena *arena,
                                    fly_vec_str *out, fly_err *err)
{
    FLY_ASSERT(count > 0);
    fly__vec_work w;
    fly__vec_num x;
    fly__vec_work_init(&w, arena->mem, err);
    fly_status status = fly__vec_num_from_i128(&w, sum, scale, &x);
    if (status == FLY_OK) {
        status = average(&w, &x, count, &x);
    }
    if (status == FLY_OK) {
        status = fly__vec_num_pack(&x, arena, out, err);
    }
    fly__vec_work_deinit(&w);
    return status;
}

/* (n * squares - sum^2) / (n * (n - 1)), or n^2 for a population; then the root, if asked for. */
static fly_status spread(fly__vec_work *w, int64_t n, const fly__vec_num *sum,
                         const fly__vec_num *squares, fly_vec_spread which, fly__vec_num *out)
{
    bool sample = which == FLY_VEC_VAR_SAMP || which == FLY_VEC_STDDEV_SAMP;
    int rscale = sum->dscale * 2;
    fly__vec_num count;
    fly__vec_num pairs;
    fly__vec_num sum2;
    fly__vec_num scaled;
    fly__vec_num above;
    fly_status status;
    if ((status = fly__vec_num_from_i128(w, n, 0, &count)) != FLY_OK ||
        (status = fly__vec_num_from_i128(w, (fly_vec_i128)n * (sample ? n - 1 : n), 0, &pairs)) !=
            FLY_OK ||
        (status = fly__vec_num_mul(w, sum, sum, rscale, &sum2)) != FLY_OK ||
        (status = fly__vec_num_mul(w, &count, squares, rscale, &scaled)) != FLY_OK ||
        (status = fly__vec_num_add(w, &scaled, &sum2, true, &above)) != FLY_OK) {
        return status;
    }
    if (above.n == 0 || above.neg) {
        *out = fly__vec_num_special(FINITE);
        return FLY_OK;
    }
    int scale = fly__vec_num_div_scale(&above, &pairs);
    status = fly__vec_num_div(w, &above, &pairs, scale, true, out);
    if (status == FLY_OK && which >= FLY_VEC_STDDEV_POP) {
        status = fly__vec_num_sqrt(w, out, scale, out);
    }
    return status;
}

fly_status fly_vec_numeric_agg_spread(const fly_vec_numeric_agg *agg, fly_vec_spread which,
                                      fly_arena *arena, fly_vec_str *out, bool *null, fly_err *err)
{
    bool sample = which == FLY_VEC_VAR_SAMP || which == FLY_VEC_STDDEV_SAMP;
    *null = agg->count < (sample ? 2 : 1);
    if (*null) {
        return FLY_OK;
    }
    fly__vec_work w;
    fly__vec_num sum;
    fly__vec_num squares;
    fly__vec_num x = fly__vec_num_special(NOT_A_NUMBER);
    fly__vec_work_init(&w, arena->mem, err);
    fly_status status = FLY_OK;
    if (agg->nan == 0 && agg->pinf == 0 && agg->ninf == 0 &&
        (status = sum_value(&w, &agg->sum, agg->sum.scale, &sum)) == FLY_OK &&
        (status = sum_value(&w, &agg->squares, agg->sum.scale * 2, &squares)) == FLY_OK) {
        status = spread(&w, agg->count, &sum, &squares, which, &x);
    }
    if (status == FLY_OK) {
        status = fly__vec_num_pack(&x, arena, out, err);
    }
    fly__vec_work_deinit(&w);
    return status;
}

fly_status fly_vec_numeric_spread(int64_t n, fly_vec_str sum, fly_vec_str squares,
                                  fly_vec_spread which, fly_arena *arena, fly_vec_str *out,
                                  fly_err *err)
{
    fly__vec_work w;
    fly__vec_num a;
    fly__vec_num b;
    fly__vec_num x;
    fly__vec_work_init(&w, arena->mem, err);
    fly_status status;
    if ((status = fly__vec_num_unpack(&w, sum, &a)) == FLY_OK &&
        (status = fly__vec_num_unpack(&w, squares, &b)) == FLY_OK &&
        (status = spread(&w, n, &a, &b, which, &x)) == FLY_OK) {
        status = fly__vec_num_pack(&x, arena, out, err);
    }
    fly__vec_work_deinit(&w);
    return status;
}

/* --------------------------------------------------------------------- as bytes */

/* Four counts, the scale and its count, then two sums: length and packed numeric. */
enum { FIXED = 4 * 8 + 4 + 8 };

fly_status fly_vec_numeric_agg_encode(const fly_vec_numeric_agg *agg, fly_arena *arena,
                                      fly_vec_str *bytes, fly_err *err)
{
    fly__vec_work w;
    fly__vec_num x;
    fly_vec_str part[2];
    fly__vec_work_init(&w, arena->mem, err);
    fly_status status;
    for (int i = 0; i < 2; i++) {
        const fly_vec_numeric_sum *sum = i == 0 ? &agg->sum : &agg->squares;
        int scale = agg->sum.scale * (i + 1);
        scale = scale < FLY_VEC_NUMERIC_SCALE_MAX ? scale : FLY_VEC_NUMERIC_SCALE_MAX;
        if ((status = sum_value(&w, sum, scale, &x)) != FLY_OK ||
            (status = fly__vec_num_pack(&x, &w.arena, &part[i], err)) != FLY_OK) {
            goto out;
        }
    }
    size_t len = FIXED + 8 + (size_t)part[0].len + part[1].len;
    uint8_t *at = fly_arena_alloc(arena, len);
    uint8_t *begin = at;
    if (at == NULL) {
        status = fly__vec_num_no_memory(err);
        goto out;
    }
    const int64_t counts[] = {agg->count, agg->nan, agg->pinf, agg->ninf, agg->sum.scaled};
    for (int i = 0; i < 5; i++, at += 8) {
        fly_put_u64(at, (uint64_t)counts[i]);
    }
    fly_put_u32(at, (uint32_t)agg->sum.scale);
    at += 4;
    for (int i = 0; i < 2; i++) {
        fly_put_u32(at, part[i].len);
        memcpy(at + 4, fly_vec_str_data(&part[i]), part[i].len);
        at += 4 + part[i].len;
    }
    *bytes = fly_vec_str_of(begin, len);
out:
    fly__vec_work_deinit(&w);
    return status;
}

fly_status fly_vec_numeric_agg_decode(fly_bytes b, fly_arena *arena, fly_vec_numeric_agg *agg,
                                      fly_err *err)
{
    if (b.len < FIXED + 8) {
        return fly_err_set(err, FLY_E_CORRUPT, "numeric aggregate of %zu bytes", b.len);
    }
    memset(agg, 0, sizeof *agg);
    agg->count = (int64_t)fly_get_u64(b.data);
    agg->nan = (int64_t)fly_get_u64(b.data + 8);
    agg->pinf = (int64_t)fly_get_u64(b.data + 16);
    agg->ninf = (int64_t)fly_get_u64(b.data + 24);
    agg->sum.scaled = (int64_t)fly_get_u64(b.data + 32);
    uint32_t scale = fly_get_u32(b.data + 40);
    if (scale > FLY_VEC_NUMERIC_SCALE_MAX) {
        return fly_err_set(err, FLY_E_CORRUPT, "numeric aggregate with scale %u", scale);
    }
    agg->sum.scale = (int32_t)scale;
    size_t at = FIXED;
    fly_status status = FLY_OK;
    fly__vec_work w;
    fly__vec_work_init(&w, arena->mem, err);
    for (int i = 0; i < 2 && status == FLY_OK; i++) {
        uint32_t len = b.len - at >= 4 ? fly_get_u32(b.data + at) : UINT32_MAX;
        if (len > b.len - at - 4) {
            status = fly_err_set(err, FLY_E_CORRUPT, "numeric aggregate is cut off");
            break;
        }
        fly_vec_str part = fly_vec_str_of(b.data + at + 4, len);
        fly__vec_num x;
        if ((status = fly_vec_numeric_check(fly_bytes_of(b.data + at + 4, len), err)) == FLY_OK &&
            (status = fly__vec_num_unpack(&w, part, &x)) == FLY_OK) {
            status = sum_add(i == 0 ? &agg->sum : &agg->squares, &x, 1, arena, err);
        }
        at += 4 + len;
    }
    fly__vec_work_deinit(&w);
    return status;
}
