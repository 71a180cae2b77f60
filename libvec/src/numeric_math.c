/*
 * Arithmetic on numerics, and the rules by which a result's display scale is chosen.
 *
 * Addition, subtraction and multiplication are exact. Everything else is computed to a display scale
 * that is fixed beforehand: at least 16 significant digits (MIN_DIGITS), at least the operands' scale, at
 * most 1,000 digits behind the point; that is what PostgreSQL shows, so the rules are its own. Roots are
 * correctly rounded; exp, ln, log and power are computed with some digits more than shown, rounded at
 * the end.
 *
 * Methods: schoolbook multiplication with carries at the end, Knuth's algorithm D for division, Newton's
 * iteration for roots, Taylor's series after halving the argument for exp, the series of artanh after
 * taking roots for ln.
 *
 * What is not here: the packed form (numeric.c), sums over rows (numeric_agg.c).
 * @source Knuth, The Art of Computer Programming, volume 2, 4.3.1; Brent and Zimmermann, Modern
 *         Computer Arithmetic, chapter 4; PostgreSQL's numeric.c for what is shown.
 */
#include "numeric_int.h"

#include <math.h>
#include <string.h>

static const uint16_t digit_one[] = {1};
static const uint16_t digit_ten[] = {10};
static const uint16_t digit_half[] = {5000};
static const fly__vec_num one = {FINITE, false, 1, 0, 0, digit_one};
static const fly__vec_num ten = {FINITE, false, 1, 0, 0, digit_ten};
static const fly__vec_num half = {FINITE, false, 1, -1, 1, digit_half};
static const fly__vec_num zero = {FINITE, false, 0, 0, 0, NULL};

static int max2(int a, int b)
{
    return a > b ? a : b;
}

static int min2(int a, int b)
{
    return a < b ? a : b;
}

static int clip_scale(int scale)
{
    return min2(max2(scale, 0), DISPLAY_MAX);
}

static fly_status overflow(fly_err *err)
{
    return fly__vec_num_error(err, "22003", "value overflows numeric format");
}

static fly_status by_zero(fly_err *err)
{
    return fly__vec_num_error(err, "22012", "division by zero");
}

/* -------------------------------------------------------------------- comparing */

int fly__vec_num_cmp_abs(const fly__vec_num *a, const fly__vec_num *b)
{
    if (a->n == 0 || b->n == 0) {
        return (a->n > 0) - (b->n > 0);
    }
    if (a->weight != b->weight) {
        return a->weight < b->weight ? -1 : 1;
    }
    for (int i = 0; i < a->n && i < b->n; i++) {
        if (a->d[i] != b->d[i]) {
            return a->d[i] < b->d[i] ? -1 : 1;
        }
    }
    return (a->n > b->n) - (a->n < b->n);
}

int fly__vec_num_cmp(const fly__vec_num *a, const fly__vec_num *b)
{
    if (a->neg != b->neg) {
        return a->neg ? -1 : 1;
    }
    int order = fly__vec_num_cmp_abs(a, b);
    return a->neg ? -order : order;
}

/* -------------------------------------------------------------------- rounding */

/* Keep digits down to 10^-scale; `up`: round half away from zero. */
static fly_status cut(fly__vec_work *w, const fly__vec_num *x, int scale, bool up,
                      fly__vec_num *out)
{
    static const int tens[] = {1, 10, 100, 1000};
    *out = *x;
    out->dscale = max2(scale, 0);
    if (x->kind != FINITE || x->n == 0) {
        return FLY_OK;
    }
    /* How many decimal digits of d[] stay, counted from the first group's thousands. */
    int64_t keep = ((int64_t)x->weight + 1) * GROUP + scale;
    if (keep >= (int64_t)x->n * GROUP) {
        return FLY_OK;
    }
    if (keep < 0 || (keep == 0 && !up)) {
        out->n = out->weight = 0;
        out->neg = false;
        return FLY_OK;
    }
    int n = (int)(keep / GROUP);
    int part = (int)(keep % GROUP);
    uint16_t *d = fly__vec_num_digits(w, n + 2);
    if (d == NULL) {
        return fly__vec_num_no_memory(w->err);
    }
    memcpy(d + 1, x->d, (size_t)n * sizeof *d);
    int carry;
    if (part == 0) {
        carry = up && x->d[n] >= BASE / 2;
    } else {
        int unit = tens[GROUP - part];
        int rest = x->d[n] % unit;
        int g = x->d[n] - rest;
        g += up && rest >= unit / 2 ? unit : 0;
        carry = g >= BASE;
        d[n + 1] = (uint16_t)(carry ? g - BASE : g);
    }
    for (int i = n; carry && i >= 0; i--) {
        carry = d[i] + 1 == BASE;
        d[i] = (uint16_t)(carry ? 0 : d[i] + 1);
    }
    out->d = d;
    out->n = n + 2;
    out->weight = x->weight + 1;
    fly__vec_num_strip(out);
    return FLY_OK;
}

fly_status fly__vec_num_round(fly__vec_work *w, const fly__vec_num *x, int scale, fly__vec_num *out)
{
    return cut(w, x, scale, true, out);
}

fly_status fly__vec_num_trunc(fly__vec_work *w, const fly__vec_num *x, int scale, fly__vec_num *out)
{
    return cut(w, x, scale, false, out);
}

/* ------------------------------------------------------------ addition and product */

static int at_weight(const fly__vec_num *x, int weight)
{
    int i = x->weight - weight;
    return i >= 0 && i < x->n ? x->d[i] : 0;
}

static fly_status add_abs(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                          fly__vec_num *out)
{
    int high = max2(a->weight, b->weight) + 1;
    int low = min2(a->weight - a->n + 1, b->weight - b->n + 1);
    uint16_t *d = fly__vec_num_digits(w, high - low + 1);
    if (d == NULL) {
        return fly__vec_num_no_memory(w->err);
    }
    int carry = 0;
    for (int weight = low; weight <= high; weight++) {
        int sum = at_weight(a, weight) + at_weight(b, weight) + carry;
        carry = sum >= BASE;
        d[high - weight] = (uint16_t)(carry ? sum - BASE : sum);
    }
    *out = (fly__vec_num){FINITE, false, high - low + 1, high, 0, d};
    fly__vec_num_strip(out);
    return FLY_OK;
}

/* |a| >= |b| */
static fly_status sub_abs(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                          fly__vec_num *out)
{
    int high = a->weight;
    int low = min2(a->weight - a->n + 1, b->weight - b->n + 1);
    uint16_t *d = fly__vec_num_digits(w, high - low + 1);
    if (d == NULL) {
        return fly__vec_num_no_memory(w->err);
    }
    int borrow = 0;
    for (int weight = low; weight <= high; weight++) {
        int diff = at_weight(a, weight) - at_weight(b, weight) - borrow;
        borrow = diff < 0;
        d[high - weight] = (uint16_t)(borrow ? diff + BASE : diff);
    }
    *out = (fly__vec_num){FINITE, false, high - low + 1, high, 0, d};
    fly__vec_num_strip(out);
    return FLY_OK;
}

fly_status fly__vec_num_add(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                            bool subtract, fly__vec_num *out)
{
    int dscale = max2(a->dscale, b->dscale);
    bool b_neg = b->neg != (subtract && b->n > 0);
    fly__vec_num result;
    fly_status status = FLY_OK;
    if (a->n == 0 || b->n == 0) {
        result = a->n == 0 ? *b : *a;
        result.neg = a->n == 0 ? b_neg && b->n > 0 : a->neg;
    } else if (a->neg == b_neg) {
        status = add_abs(w, a, b, &result);
        result.neg = a->neg;
    } else if (fly__vec_num_cmp_abs(a, b) >= 0) {
        status = sub_abs(w, a, b, &result);
        result.neg = a->neg && result.n > 0;
    } else {
        status = sub_abs(w, b, a, &result);
        result.neg = b_neg;
    }
    if (status == FLY_OK) {
        result.dscale = dscale;
        *out = result;
    }
    return status;
}

/* Exact, then rounded to `rscale` if there is more. */
fly_status fly__vec_num_mul(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                            int rscale, fly__vec_num *out)
{
    if (a->n == 0 || b->n == 0) {
        *out = zero;
        out->dscale = rscale;
        return FLY_OK;
    }
    int n = a->n + b->n;
    uint64_t *column = fly_arena_alloc(&w->arena, (size_t)n * sizeof *column);
    uint16_t *d = fly__vec_num_digits(w, n);
    if (column == NULL || d == NULL) {
        return fly__vec_num_no_memory(w->err);
    }
    memset(column, 0, (size_t)n * sizeof *column);
    for (int i = 0; i < a->n; i++) {
        uint64_t x = a->d[i];
        uint64_t *to = column + i + 1;
        for (int j = 0; x != 0 && j < b->n; j++) {
            to[j] += x * b->d[j];
        }
    }
    uint64_t carry = 0;
    for (int i = n - 1; i >= 0; i--) {
        carry += column[i];
        d[i] = (uint16_t)(carry % BASE);
        carry /= BASE;
    }
    fly__vec_num product = {FINITE, a->neg != b->neg, n, a->weight + b->weight + 1, rscale, d};
    fly__vec_num_strip(&product);
    return fly__vec_num_round(w, &product, rscale, out);
}

/* -------------------------------------------------------------------- division */

/* Quotient groups q[0..n) of the groups num[0..n+m) by den[0..m), den[0] >= BASE / 2, num[0] a zero
 * group or less than den[0]: Knuth's D. `num` becomes the remainder. */
static void divide_long(int32_t *num, const int32_t *den, int m, uint16_t *q, int n)
{
    for (int i = 0; i < n; i++) {
        int64_t top = (int64_t)num[i] * BASE + num[i + 1];
        int64_t guess = top / den[0];
        int64_t rest = top % den[0];
        int32_t second = m > 1 ? den[1] : 0;
        int32_t third = m > 1 ? num[i + 2] : 0;
        while (guess >= BASE || guess * second > rest * BASE + third) {
            guess--;
            rest += den[0];
            if (rest >= BASE) {
                break;
            }
        }
        int64_t borrow = 0;
        for (int j = m - 1; j >= 0; j--) {
            int64_t x = num[i + 1 + j] - guess * den[j] - borrow;
            borrow = x < 0 ? (-x + BASE - 1) / BASE : 0;
            num[i + 1 + j] = (int32_t)(x + borrow * BASE);
        }
        int64_t x = num[i] - borrow;
        if (x < 0) {
            guess--;
            int32_t carry = 0;
            for (int j = m - 1; j >= 0; j--) {
                int32_t sum = num[i + 1 + j] + den[j] + carry;
                carry = sum >= BASE;
                num[i + 1 + j] = carry ? sum - BASE : sum;
            }
        }
        num[i] = 0;
        q[i] = (uint16_t)guess;
    }
}

/* b is not zero. The result has `rscale` digits behind the point, rounded or cut. */
fly_status fly__vec_num_div(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                            int rscale, bool round, fly__vec_num *out)
{
    FLY_ASSERT(b->n > 0);
    int weight = a->weight - b->weight;
    /* Groups of the quotient: from `weight` down to where `rscale` ends, one more to round by. */
    int64_t n64 = (int64_t)weight + 1 + (rscale + GROUP - 1) / GROUP + (round ? 1 : 0);
    if (a->n == 0 || n64 <= 0) {
        *out = zero;
        out->dscale = max2(rscale, 0);
        return FLY_OK;
    }
    int n = (int)n64;
    int m = b->n;
    size_t size = (size_t)n + (size_t)m + 2;
    int32_t *num = fly_arena_alloc(&w->arena, size * sizeof *num);
    int32_t *den = fly_arena_alloc(&w->arena, (size_t)m * sizeof *den);
    uint16_t *q = fly__vec_num_digits(w, n);
    if (num == NULL || den == NULL || q == NULL) {
        return fly__vec_num_no_memory(w->err);
    }
    int32_t norm = BASE / (b->d[0] + 1);
    int32_t carry = 0;
    memset(num, 0, size * sizeof *num);
    for (int i = min2(a->n, n + m - 1) - 1; i >= 0; i--) {
        int32_t x = a->d[i] * norm + carry;
        num[i + 1] = x % BASE;
        carry = x / BASE;
    }
    num[0] = carry;
    carry = 0;
    for (int i = m - 1; i >= 0; i--) {
        int32_t x = b->d[i] * norm + carry;
        den[i] = x % BASE;
        carry = x / BASE;
    }
    divide_long(num, den, m, q, n);
    fly__vec_num quotient = {FINITE, a->neg != b->neg, n, weight, rscale, q};
    fly__vec_num_strip(&quotient);
    return cut(w, &quotient, rscale, round, out);
}

/* The display scale of a quotient: 16 significant digits, or what the operands show. */
int fly__vec_num_div_scale(const fly__vec_num *a, const fly__vec_num *b)
{
    int weight_a = a->n > 0 ? a->weight : 0;
    int first_a = a->n > 0 ? a->d[0] : 0;
    int weight_b = b->n > 0 ? b->weight : 0;
    int first_b = b->n > 0 ? b->d[0] : 0;
    int weight = weight_a - weight_b - (first_a <= first_b);
    int scale = MIN_DIGITS - weight * GROUP;
    return clip_scale(max2(scale, max2(a->dscale, b->dscale)));
}

/* ------------------------------------------------------------ roots, exp, ln */

double fly__vec_num_double(const fly__vec_num *x)
{
    double value = 0;
    int n = min2(x->n, 6);
    for (int i = 0; i < n; i++) {
        value = value * BASE + x->d[i];
    }
    value *= pow(BASE, x->weight - n + 1);
    return x->neg ? -value : value;
}

/*
 * The root of x >= 0, rounded. r is found by Newton's iteration on 1/sqrt-free form r = (r + x/r) / 2 with
 * the scale doubling, then cut to one digit more than shown and moved until r^2 <= x < (r + ulp)^2, so
 * that rounding that digit is rounding the root.
 */
fly_status fly__vec_num_sqrt(fly__vec_work *w, const fly__vec_num *x, int rscale, fly__vec_num *out)
{
    if (x->n == 0) {
        *out = zero;
        out->dscale = max2(rscale, 0);
        return FLY_OK;
    }
    /* A start from the first groups: x = m * BASE^(2k), 1 <= m < BASE^2. */
    int k = (x->weight - (x->weight & 1)) / 2;
    double m = 0;
    for (int i = 0; i < 5 + (x->weight & 1); i++) {
        m = m * BASE + (i < x->n ? x->d[i] : 0);
    }
    m = sqrt(m / 1e16);
    uint16_t *start = fly__vec_num_digits(w, 4);
    if (start == NULL) {
        return fly__vec_num_no_memory(w->err);
    }
    for (int i = 0; i < 4; i++) {
        double whole = floor(m);
        start[i] = (uint16_t)whole;
        m = (m - whole) * BASE;
    }
    fly__vec_num r = {FINITE, false, 4, k, 12, start};
    fly__vec_num q;
    fly__vec_num sum;
    fly__vec_num_strip(&r);
    int want = max2(rscale, -8) + 1; /* digits behind the point of the exact part */
    int target = max2(want + 3, 4);
    int digits = 12;
    fly_status status = FLY_OK;
    for (bool last = false; !last;) {
        digits *= 2;
        int scale = digits - k * GROUP;
        last = scale >= target;
        scale = max2(last ? target : scale, 4);
        if ((status = fly__vec_num_div(w, x, &r, scale, true, &q)) != FLY_OK ||
            (status = fly__vec_num_add(w, &r, &q, false, &sum)) != FLY_OK ||
            (status = fly__vec_num_mul(w, &sum, &half, scale, &r)) != FLY_OK) {
            return status;
        }
    }
    static const uint16_t ulps[] = {1, 1000, 100, 10};
    int ulp_weight = want > 0 ? -((want + GROUP - 1) / GROUP) : (-want) / GROUP;
    const uint16_t *ulp_digit = &ulps[want > 0 ? want % GROUP : (GROUP - (-want) % GROUP) % GROUP];
    fly__vec_num ulp = {FINITE, false, 1, ulp_weight, max2(want, 0), ulp_digit};
    fly__vec_num next;
    fly__vec_num square;
    if ((status = cut(w, &r, want, false, &r)) != FLY_OK) {
        return status;
    }
    for (;;) {
        if ((status = fly__vec_num_mul(w, &r, &r, max2(2 * want, 0), &square)) != FLY_OK) {
            return status;
        }
        if (fly__vec_num_cmp_abs(&square, x) <= 0) {
            break;
        }
        if ((status = fly__vec_num_add(w, &r, &ulp, true, &r)) != FLY_OK) {
            return status;
        }
    }
    for (;;) {
        if ((status = fly__vec_num_add(w, &r, &ulp, false, &next)) != FLY_OK ||
            (status = fly__vec_num_mul(w, &next, &next, max2(2 * want, 0), &square)) != FLY_OK) {
            return status;
        }
        if (fly__vec_num_cmp_abs(&square, x) > 0) {
            break;
        }
        r = next;
    }
    return fly__vec_num_round(w, &r, rscale, out);
}

/* x divided by a small number. */
static fly_status div_small(fly__vec_work *w, const fly__vec_num *x, int divisor, int rscale,
                            fly__vec_num *out)
{
    const uint16_t d[2] = {(uint16_t)(divisor / BASE), (uint16_t)(divisor % BASE)};
    fly__vec_num by = {FINITE, false, 2, 1, 0, d};
    fly__vec_num_strip(&by);
    return fly__vec_num_div(w, x, &by, rscale, true, out);
}

/* e^x with `rscale` digits behind the point. */
static fly_status exp_num(fly__vec_work *w, const fly__vec_num *arg, int rscale, fly__vec_num *out)
{
    fly__vec_num x = *arg;
    fly__vec_num sum;
    fly__vec_num term;
    fly__vec_num power;
    fly_status status;
    double value = fly__vec_num_double(arg);
    if (fabs(value) >= RESULT_SCALE * 3) {
        if (value > 0) {
            return overflow(w->err);
        }
        *out = zero;
        out->dscale = rscale;
        return FLY_OK;
    }
    int weight = (int)(value * 0.434294481903252); /* of the result, in decimal digits */
    int halvings = 0;
    double v = fabs(value);
    while (v > 0.01) {
        v /= 2;
        halvings++;
    }
    /* Digits that the squarings must still have: those of the result, and what they lose. */
    int digits = max2(1 + weight + rscale + (int)(halvings * 0.301029995663981) + 1, 0) + 10;
    if (halvings > 0) {
        status = div_small(w, &x, 1 << halvings, digits + 2, &x);
        if (status != FLY_OK) {
            return status;
        }
    }
    if ((status = fly__vec_num_add(w, &one, &x, false, &sum)) != FLY_OK) {
        return status;
    }
    power = x;
    for (int i = 2;; i++) {
        if ((status = fly__vec_num_mul(w, &power, &x, digits, &term)) != FLY_OK ||
            (status = div_small(w, &term, i, digits, &power)) != FLY_OK) {
            return status;
        }
        if (power.n == 0) {
            break;
        }
        if ((status = fly__vec_num_add(w, &sum, &power, false, &sum)) != FLY_OK) {
            return status;
        }
    }
    for (; halvings > 0; halvings--) {
        /* Significant digits are kept, so the scale follows the weight. */
        int scale = max2(digits - sum.weight * 2 * GROUP, 0);
        if ((status = fly__vec_num_mul(w, &sum, &sum, scale, &sum)) != FLY_OK) {
            return status;
        }
    }
    return fly__vec_num_round(w, &sum, rscale, out);
}

/* ln x for x > 0 with `rscale` digits behind the point. */
static fly_status ln_num(fly__vec_work *w, const fly__vec_num *arg, int rscale, fly__vec_num *out)
{
    static const uint16_t d09[] = {9000};
    static const uint16_t d11[] = {1, 1000};
    static const fly__vec_num low = {FINITE, false, 1, -1, 1, d09};
    static const fly__vec_num high = {FINITE, false, 2, 0, 1, d11};
    fly__vec_num x = *arg;
    fly__vec_num num;
    fly__vec_num den;
    fly__vec_num z;
    fly__vec_num square;
    fly__vec_num power;
    fly__vec_num term;
    fly__vec_num sum;
    fly__vec_num factor;
    fly_status status;
    int roots = 0;
    /* Each root halves the logarithm and doubles what an error in it means in the end. */
    double estimate = fabs(log(10000.0) * (x.weight + 1)) + 10;
    int guard = 10 + (int)log10(estimate) + (int)(0.301 * (log2(estimate) + 6));
    int scale = rscale + guard;
    while (fly__vec_num_cmp(&x, &low) <= 0 || fly__vec_num_cmp(&x, &high) >= 0) {
        /* A number far from 1 keeps as many significant digits as its logarithm will have. */
        int digits = scale - x.weight * GROUP / 2;
        if ((status = fly__vec_num_sqrt(w, &x, max2(digits, 8), &x)) != FLY_OK) {
            return status;
        }
        roots++;
    }
    /* The closer to 1, the more of the digits cancel in x - 1, which is exact here. */
    if ((status = fly__vec_num_add(w, &x, &one, true, &num)) != FLY_OK ||
        (status = fly__vec_num_add(w, &x, &one, false, &den)) != FLY_OK ||
        (status = fly__vec_num_div(w, &num, &den, scale, true, &z)) != FLY_OK ||
        (status = fly__vec_num_mul(w, &z, &z, scale, &square)) != FLY_OK) {
        return status;
    }
    sum = power = z;
    for (int i = 3;; i += 2) {
        if ((status = fly__vec_num_mul(w, &power, &square, scale, &power)) != FLY_OK ||
            (status = div_small(w, &power, i, scale, &term)) != FLY_OK) {
            return status;
        }
        if (term.n == 0) {
            break;
        }
        if ((status = fly__vec_num_add(w, &sum, &term, false, &sum)) != FLY_OK) {
            return status;
        }
    }
    fly_vec_i128 times = (fly_vec_i128)2 << roots;
    if ((status = fly__vec_num_from_i128(w, times, 0, &factor)) != FLY_OK) {
        return status;
    }
    return fly__vec_num_mul(w, &sum, &factor, rscale, out);
}

/* The power of ten of ln(x)'s first digit, about. */
static int ln_weight(fly__vec_work *w, const fly__vec_num *x)
{
    static const uint16_t d09[] = {9000};
    static const uint16_t d11[] = {1, 1000};
    static const fly__vec_num low = {FINITE, false, 1, -1, 1, d09};
    static const fly__vec_num high = {FINITE, false, 2, 0, 1, d11};
    if (x->neg || x->n == 0) {
        return 0;
    }
    if (fly__vec_num_cmp(x, &low) >= 0 && fly__vec_num_cmp(x, &high) <= 0) {
        fly__vec_num diff;
        if (fly__vec_num_add(w, x, &one, true, &diff) != FLY_OK || diff.n == 0) {
            return 0;
        }
        return diff.weight * GROUP + (int)log10(diff.d[0]);
    }
    double digits = x->d[0];
    int weight = x->weight * GROUP;
    if (x->n > 1) {
        digits = digits * BASE + x->d[1];
        weight -= GROUP;
    }
    return (int)log10(fabs(log(digits) + weight * 2.302585092994046));
}

/* log to a base, with PostgreSQL's display scale. */
static fly_status log_num(fly__vec_work *w, const fly__vec_num *base, const fly__vec_num *x,
                          fly__vec_num *out)
{
    int base_weight = ln_weight(w, base);
    int x_weight = ln_weight(w, x);
    int weight = x_weight - base_weight;
    int rscale = clip_scale(max2(MIN_DIGITS - weight, max2(base->dscale, x->dscale)));
    fly__vec_num ln_base;
    fly__vec_num ln_x;
    fly_status status;
    if ((status = ln_num(w, base, max2(rscale + weight - base_weight + 8, 0), &ln_base)) !=
            FLY_OK ||
        (status = ln_num(w, x, max2(rscale + weight - x_weight + 8, 0), &ln_x)) != FLY_OK) {
        return status;
    }
    if (ln_base.n == 0) {
        return by_zero(w->err);
    }
    return fly__vec_num_div(w, &ln_x, &ln_base, rscale, true, out);
}

/* ------------------------------------------------------------------- powers */

static bool is_integral(const fly__vec_num *x)
{
    return x->n == 0 || x->n <= x->weight + 1;
}

static bool is_odd(const fly__vec_num *x)
{
    return x->n > 0 && x->n == x->weight + 1 && x->d[x->n - 1] % 2 == 1;
}

static fly_status power_int(fly__vec_work *w, const fly__vec_num *base, int exponent, int rscale,
                            fly__vec_num *out)
{
    fly_status status;
    if (exponent == 0) {
        *out = one;
        out->dscale = rscale;
        return FLY_OK;
    }
    if (exponent == 1) {
        return fly__vec_num_round(w, base, rscale, out);
    }
    if (base->n == 0) {
        *out = zero;
        out->dscale = rscale;
        return exponent < 0 ? by_zero(w->err) : FLY_OK;
    }
    if (exponent == -1) {
        return fly__vec_num_div(w, &one, base, rscale, true, out);
    }
    if (exponent == 2) {
        return fly__vec_num_mul(w, base, base, rscale, out);
    }
    /* log10 of the result, about: tells overflow beforehand, and how many digits are needed. */
    double f = base->d[0];
    int p = base->weight * GROUP;
    for (int i = 1; i < base->n && i * GROUP < 16; i++) {
        f = f * BASE + base->d[i];
        p -= GROUP;
    }
    f = exponent * (log10(f) + p);
    if (f > 3.0 * INT16_MAX * GROUP) {
        return overflow(w->err);
    }
    if (f + 1 < -rscale || f + 1 < -DISPLAY_MAX) {
        *out = zero;
        out->dscale = rscale;
        return FLY_OK;
    }
    int digits = 1 + rscale + (int)f + (int)log(fabs((double)exponent)) + 8;
    bool inverse = exponent < 0;
    unsigned bits = inverse ? 0u - (unsigned)exponent : (unsigned)exponent;
    fly__vec_num square = *base;
    fly__vec_num product = bits & 1 ? *base : one;
    while ((bits >>= 1) > 0) {
        int scale = max2(digits - 2 * square.weight * GROUP, 0);
        if ((status = fly__vec_num_mul(w, &square, &square, min2(scale, 2 * square.dscale),
                                       &square)) != FLY_OK) {
            return status;
        }
        if (bits & 1) {
            scale = max2(digits - (square.weight + product.weight) * GROUP, 0);
            status = fly__vec_num_mul(w, &square, &product,
                                      min2(scale, square.dscale + product.dscale), &product);
            if (status != FLY_OK) {
                return status;
            }
        }
        /* Whatever comes of it overflows, or is the inverse of what does. */
        if (square.weight > WEIGHT_MAX || product.weight > WEIGHT_MAX) {
            if (!inverse) {
                return overflow(w->err);
            }
            *out = zero;
            out->dscale = rscale;
            return FLY_OK;
        }
        if (square.n == 0) {
            break;
        }
    }
    if (!inverse) {
        return fly__vec_num_round(w, &product, rscale, out);
    }
    if (product.n == 0) {
        return overflow(w->err);
    }
    return fly__vec_num_div(w, &one, &product, rscale, true, out);
}

static fly_status power_num(fly__vec_work *w, const fly__vec_num *b, const fly__vec_num *e,
                            fly__vec_num *out)
{
    fly_vec_i128 whole;
    fly_status status;
    if (is_integral(e) && fly__vec_num_to_i128(e, &whole) && whole >= INT32_MIN &&
        whole <= INT32_MAX) {
        int rscale = clip_scale(max2(MIN_DIGITS, b->dscale));
        return power_int(w, b, (int)whole, rscale, out);
    }
    if (b->n == 0) {
        *out = zero;
        out->dscale = MIN_DIGITS;
        return FLY_OK;
    }
    fly__vec_num base = *b;
    fly__vec_num ln_base;
    fly__vec_num product;
    bool neg = base.neg && is_odd(e);
    base.neg = false;
    /* First with few digits, to learn how large the result is. */
    int weight = ln_weight(w, &base);
    int scale = clip_scale(8 - weight);
    if ((status = ln_num(w, &base, scale, &ln_base)) != FLY_OK ||
        (status = fly__vec_num_mul(w, &ln_base, e, scale, &product)) != FLY_OK) {
        return status;
    }
    double value = fly__vec_num_double(&product);
    if (fabs(value) > RESULT_SCALE * 3.01) {
        if (value > 0) {
            return overflow(w->err);
        }
        *out = zero;
        out->dscale = DISPLAY_MAX;
        return FLY_OK;
    }
    value *= 0.434294481903252;
    int rscale = clip_scale(max2(MIN_DIGITS - (int)value, max2(b->dscale, e->dscale)));
    int digits = max2(rscale + (int)value, 0); /* significant, of the result */
    scale = max2(digits - weight + 8, 0);
    if ((status = ln_num(w, &base, scale, &ln_base)) != FLY_OK ||
        (status = fly__vec_num_mul(w, &ln_base, e, scale, &product)) != FLY_OK ||
        (status = exp_num(w, &product, rscale, out)) != FLY_OK) {
        return status;
    }
    out->neg = neg && out->n > 0;
    return FLY_OK;
}

/* --------------------------------------------------- what the public functions share */

typedef fly_status (*binary)(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                             fly__vec_num *out);
typedef fly_status (*unary)(fly__vec_work *w, const fly__vec_num *a, fly__vec_num *out);

static fly_status run2(binary op, fly_vec_str a, fly_vec_str b, fly_arena *arena, fly_vec_str *out,
                       fly_err *err)
{
    fly__vec_work w;
    fly__vec_num x;
    fly__vec_num y;
    fly__vec_num result;
    fly__vec_work_init(&w, arena->mem, err);
    fly_status status = fly__vec_num_unpack(&w, a, &x);
    if (status == FLY_OK) {
        status = fly__vec_num_unpack(&w, b, &y);
    }
    if (status == FLY_OK) {
        status = op(&w, &x, &y, &result);
    }
    if (status == FLY_OK) {
        status = fly__vec_num_pack(&result, arena, out, err);
    }
    fly__vec_work_deinit(&w);
    return status;
}

static fly_status run1(unary op, fly_vec_str a, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    fly__vec_work w;
    fly__vec_num x;
    fly__vec_num result;
    fly__vec_work_init(&w, arena->mem, err);
    fly_status status = fly__vec_num_unpack(&w, a, &x);
    if (status == FLY_OK) {
        status = op(&w, &x, &result);
    }
    if (status == FLY_OK) {
        status = fly__vec_num_pack(&result, arena, out, err);
    }
    fly__vec_work_deinit(&w);
    return status;
}

static bool any_nan(const fly__vec_num *a, const fly__vec_num *b)
{
    return a->kind == NOT_A_NUMBER || b->kind == NOT_A_NUMBER;
}

/* -1, 0, 1 of numbers that are not NaN. */
static int sign_of(const fly__vec_num *x)
{
    if (x->kind != FINITE) {
        return x->kind == NINF ? -1 : 1;
    }
    return x->n == 0 ? 0 : x->neg ? -1 : 1;
}

static fly_status give_special(fly__vec_num *out, fly__vec_num_kind kind)
{
    *out = fly__vec_num_special(kind);
    return FLY_OK;
}

static fly_status give_infinity(fly__vec_num *out, int sign)
{
    return give_special(out, sign < 0 ? NINF : sign > 0 ? PINF : NOT_A_NUMBER);
}

/* ------------------------------------------------------------------ + - * / % */

static fly_status op_add_sub(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                             bool subtract, fly__vec_num *out)
{
    if (a->kind != FINITE || b->kind != FINITE) {
        int sa = a->kind == FINITE ? 0 : sign_of(a);
        int sb = b->kind == FINITE ? 0 : sign_of(b);
        sb = subtract ? -sb : sb;
        if (any_nan(a, b) || sa * sb < 0) {
            return give_special(out, NOT_A_NUMBER);
        }
        return give_infinity(out, sa != 0 ? sa : sb);
    }
    return fly__vec_num_add(w, a, b, subtract, out);
}

static fly_status op_add(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                         fly__vec_num *out)
{
    return op_add_sub(w, a, b, false, out);
}

static fly_status op_sub(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                         fly__vec_num *out)
{
    return op_add_sub(w, a, b, true, out);
}

static fly_status op_mul(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                         fly__vec_num *out)
{
    if (any_nan(a, b)) {
        return give_special(out, NOT_A_NUMBER);
    }
    if (a->kind != FINITE || b->kind != FINITE) {
        return give_infinity(out, sign_of(a) * sign_of(b));
    }
    fly_status status = fly__vec_num_mul(w, a, b, a->dscale + b->dscale, out);
    if (status == FLY_OK && out->dscale > FLY_VEC_NUMERIC_SCALE_MAX) {
        status = fly__vec_num_round(w, out, FLY_VEC_NUMERIC_SCALE_MAX, out);
    }
    return status;
}

/* Division's special cases; true if one of them was met and `out` or `status` has the answer. */
static bool div_special(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                        fly__vec_num *out, fly_status *status)
{
    *status = FLY_OK;
    if (any_nan(a, b)) {
        *out = fly__vec_num_special(NOT_A_NUMBER);
    } else if (sign_of(b) == 0) {
        *status = by_zero(w->err);
    } else if (a->kind != FINITE) {
        *status = b->kind != FINITE ? give_special(out, NOT_A_NUMBER)
                                    : give_infinity(out, sign_of(a) * sign_of(b));
    } else if (b->kind != FINITE) {
        *out = zero;
    } else {
        return false;
    }
    return true;
}

static fly_status op_div(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                         fly__vec_num *out)
{
    fly_status status;
    if (div_special(w, a, b, out, &status)) {
        return status;
    }
    return fly__vec_num_div(w, a, b, fly__vec_num_div_scale(a, b), true, out);
}

static fly_status op_div_trunc(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                               fly__vec_num *out)
{
    fly_status status;
    if (div_special(w, a, b, out, &status)) {
        return status;
    }
    return fly__vec_num_div(w, a, b, 0, false, out);
}

static fly_status mod_num(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                          fly__vec_num *out)
{
    fly__vec_num quotient;
    fly__vec_num product;
    fly_status status;
    if ((status = fly__vec_num_div(w, a, b, 0, false, &quotient)) != FLY_OK ||
        (status = fly__vec_num_mul(w, &quotient, b, b->dscale, &product)) != FLY_OK) {
        return status;
    }
    return fly__vec_num_add(w, a, &product, true, out);
}

static fly_status op_mod(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                         fly__vec_num *out)
{
    if (any_nan(a, b)) {
        return give_special(out, NOT_A_NUMBER);
    }
    if (sign_of(b) == 0) {
        return by_zero(w->err);
    }
    if (a->kind != FINITE) {
        return give_special(out, NOT_A_NUMBER);
    }
    if (b->kind != FINITE) {
        *out = *a;
        return FLY_OK;
    }
    return mod_num(w, a, b, out);
}

static fly_status gcd_num(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                          fly__vec_num *out)
{
    int dscale = max2(a->dscale, b->dscale);
    fly__vec_num x = *a;
    fly__vec_num y = *b;
    fly__vec_num rest;
    if (fly__vec_num_cmp_abs(a, b) < 0) {
        x = *b;
        y = *a;
    }
    while (y.n > 0) {
        fly_status status = mod_num(w, &x, &y, &rest);
        if (status != FLY_OK) {
            return status;
        }
        x = y;
        y = rest;
    }
    *out = x;
    out->neg = false;
    out->dscale = dscale;
    return FLY_OK;
}

static fly_status op_gcd(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                         fly__vec_num *out)
{
    if (a->kind != FINITE || b->kind != FINITE) {
        return give_special(out, NOT_A_NUMBER);
    }
    return gcd_num(w, a, b, out);
}

static fly_status op_lcm(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                         fly__vec_num *out)
{
    if (a->kind != FINITE || b->kind != FINITE) {
        return give_special(out, NOT_A_NUMBER);
    }
    int dscale = max2(a->dscale, b->dscale);
    if (a->n == 0 || b->n == 0) {
        *out = zero;
        out->dscale = dscale;
        return FLY_OK;
    }
    fly__vec_num gcd;
    fly__vec_num quotient;
    fly_status status;
    if ((status = gcd_num(w, a, b, &gcd)) != FLY_OK ||
        (status = fly__vec_num_div(w, a, &gcd, 0, false, &quotient)) != FLY_OK ||
        (status = fly__vec_num_mul(w, b, &quotient, b->dscale, out)) != FLY_OK) {
        return status;
    }
    out->neg = false;
    out->dscale = dscale;
    return FLY_OK;
}

static fly_status op_power(fly__vec_work *w, const fly__vec_num *b, const fly__vec_num *e,
                           fly__vec_num *out)
{
    bool b_one = b->kind == FINITE && fly__vec_num_cmp(b, &one) == 0;
    bool e_zero = e->kind == FINITE && e->n == 0;
    if (any_nan(b, e)) {
        /* NaN ^ 0 and 1 ^ NaN are 1, as POSIX has it. */
        *out = e_zero || b_one ? one : fly__vec_num_special(NOT_A_NUMBER);
        return FLY_OK;
    }
    int sb = sign_of(b);
    int se = sign_of(e);
    if (sb == 0 && se < 0) {
        return fly__vec_num_error(w->err, "2201F", "zero raised to a negative power is undefined");
    }
    if (sb < 0 && e->kind == FINITE && !is_integral(e)) {
        return fly__vec_num_error(
            w->err, "2201F",
            "a negative number raised to a non-integer power yields a complex result");
    }
    if (b->kind == FINITE && e->kind == FINITE) {
        return power_num(w, b, e, out);
    }
    if (b_one || e_zero) {
        *out = one;
        return FLY_OK;
    }
    if (sb == 0) {
        *out = zero;
        return FLY_OK;
    }
    if (e->kind != FINITE) {
        int size = b->kind != FINITE ? 1 : fly__vec_num_cmp_abs(b, &one);
        if (size == 0) {
            *out = one; /* (-1) ^ infinity */
            return FLY_OK;
        }
        bool grows = (size > 0) == (se > 0);
        *out = grows ? fly__vec_num_special(PINF) : zero;
        return FLY_OK;
    }
    if (se < 0) {
        *out = zero;
        return FLY_OK;
    }
    return give_infinity(out, sb < 0 && is_odd(e) ? -1 : 1);
}

/* Errors of logarithms; true if `status` has one. */
static bool log_error(fly__vec_work *w, const fly__vec_num *x, fly_status *status)
{
    int sign = sign_of(x);
    if (sign > 0) {
        return false;
    }
    *status = fly__vec_num_error(w->err, "2201E",
                                 sign < 0 ? "cannot take logarithm of a negative number"
                                          : "cannot take logarithm of zero");
    return true;
}

static fly_status op_log(fly__vec_work *w, const fly__vec_num *b, const fly__vec_num *x,
                         fly__vec_num *out)
{
    fly_status status;
    if (any_nan(b, x)) {
        return give_special(out, NOT_A_NUMBER);
    }
    if (log_error(w, b, &status) || log_error(w, x, &status)) {
        return status;
    }
    if (b->kind != FINITE || x->kind != FINITE) {
        if (b->kind != FINITE && x->kind != FINITE) {
            return give_special(out, NOT_A_NUMBER);
        }
        *out = b->kind != FINITE ? zero : fly__vec_num_special(PINF);
        return FLY_OK;
    }
    return log_num(w, b, x, out);
}

/* ------------------------------------------------------------------ one operand */

static fly_status op_neg(fly__vec_work *w, const fly__vec_num *a, fly__vec_num *out)
{
    (void)w;
    *out = *a;
    if (a->kind == FINITE) {
        out->neg = !a->neg && a->n > 0;
    } else if (a->kind != NOT_A_NUMBER) {
        out->kind = a->kind == PINF ? NINF : PINF;
    }
    return FLY_OK;
}

static fly_status op_abs(fly__vec_work *w, const fly__vec_num *a, fly__vec_num *out)
{
    (void)w;
    *out = *a;
    out->neg = false;
    out->kind = a->kind == NINF ? PINF : a->kind;
    return FLY_OK;
}

static fly_status op_signum(fly__vec_work *w, const fly__vec_num *a, fly__vec_num *out)
{
    (void)w;
    if (a->kind == NOT_A_NUMBER) {
        return give_special(out, NOT_A_NUMBER);
    }
    int sign = sign_of(a);
    *out = sign == 0 ? zero : one;
    out->neg = sign < 0;
    return FLY_OK;
}

/* Cut, then one further if a part was lost on the wrong side. */
static fly_status to_whole(fly__vec_work *w, const fly__vec_num *a, bool up, fly__vec_num *out)
{
    if (a->kind != FINITE) {
        *out = *a;
        return FLY_OK;
    }
    fly_status status = cut(w, a, 0, false, out);
    if (status != FLY_OK || fly__vec_num_cmp_abs(a, out) == 0 || a->neg == up) {
        return status;
    }
    return fly__vec_num_add(w, out, &one, !up, out);
}

static fly_status op_ceil(fly__vec_work *w, const fly__vec_num *a, fly__vec_num *out)
{
    return to_whole(w, a, true, out);
}

static fly_status op_floor(fly__vec_work *w, const fly__vec_num *a, fly__vec_num *out)
{
    return to_whole(w, a, false, out);
}

static fly_status op_sqrt(fly__vec_work *w, const fly__vec_num *a, fly__vec_num *out)
{
    if (a->kind == NOT_A_NUMBER) {
        return give_special(out, NOT_A_NUMBER);
    }
    if (sign_of(a) < 0) {
        return fly__vec_num_error(w->err, "2201F", "cannot take square root of a negative number");
    }
    if (a->kind == PINF) {
        return give_special(out, PINF);
    }
    int weight = (a->weight + 1) * GROUP / 2 - 1;
    return fly__vec_num_sqrt(w, a, clip_scale(max2(MIN_DIGITS - weight, a->dscale)), out);
}

static fly_status op_exp(fly__vec_work *w, const fly__vec_num *a, fly__vec_num *out)
{
    if (a->kind != FINITE) {
        *out = a->kind == NINF ? zero : *a;
        return FLY_OK;
    }
    double weight = fly__vec_num_double(a) * 0.434294481903252;
    weight = weight < -RESULT_SCALE ? -RESULT_SCALE : weight > RESULT_SCALE ? RESULT_SCALE : weight;
    return exp_num(w, a, clip_scale(max2(MIN_DIGITS - (int)weight, a->dscale)), out);
}

static fly_status op_ln(fly__vec_work *w, const fly__vec_num *a, fly__vec_num *out)
{
    fly_status status;
    if (a->kind == NOT_A_NUMBER) {
        return give_special(out, NOT_A_NUMBER);
    }
    if (log_error(w, a, &status)) {
        return status;
    }
    if (a->kind == PINF) {
        return give_special(out, PINF);
    }
    return ln_num(w, a, clip_scale(max2(MIN_DIGITS - ln_weight(w, a), a->dscale)), out);
}

static fly_status op_log10(fly__vec_work *w, const fly__vec_num *a, fly__vec_num *out)
{
    return op_log(w, &ten, a, out);
}

static fly_status op_trim_scale(fly__vec_work *w, const fly__vec_num *a, fly__vec_num *out)
{
    (void)w;
    *out = *a;
    if (a->kind == FINITE) {
        int scale = a->n > 0 ? max2((a->n - 1 - a->weight) * GROUP, 0) : 0;
        for (int last = scale > 0 ? a->d[a->n - 1] : 1; last % 10 == 0; last /= 10) {
            scale--;
        }
        out->dscale = scale;
    }
    return FLY_OK;
}

#define BINARY(name)                                                                               \
    fly_status fly_vec_numeric_##name(fly_vec_str a, fly_vec_str b, fly_arena *arena,              \
                                      fly_vec_str *out, fly_err *err)                              \
    {                                                                                              \
        return run2(op_##name, a, b, arena, out, err);                                             \
    }
#define UNARY(name)                                                                                \
    fly_status fly_vec_numeric_##name(fly_vec_str a, fly_arena *arena, fly_vec_str *out,           \
                                      fly_err *err)                                                \
    {                                                                                              \
        return run1(op_##name, a, arena, out, err);                                                \
    }

BINARY(add)
BINARY(sub)
BINARY(mul)
BINARY(div)
BINARY(div_trunc)
BINARY(mod)
BINARY(power)
BINARY(log)
BINARY(gcd)
BINARY(lcm)
UNARY(neg)
UNARY(abs)
UNARY(signum)
UNARY(ceil)
UNARY(floor)
UNARY(sqrt)
UNARY(exp)
UNARY(ln)
UNARY(log10)
UNARY(trim_scale)

fly_status fly_vec_numeric_larger(fly_vec_str a, fly_vec_str b, fly_arena *arena, fly_vec_str *out,
                                  fly_err *err)
{
    (void)arena;
    (void)err;
    *out = fly_vec_numeric_cmp(a, b) > 0 ? a : b;
    return FLY_OK;
}

fly_status fly_vec_numeric_smaller(fly_vec_str a, fly_vec_str b, fly_arena *arena, fly_vec_str *out,
                                   fly_err *err)
{
    (void)arena;
    (void)err;
    *out = fly_vec_numeric_cmp(a, b) < 0 ? a : b;
    return FLY_OK;
}

/* ------------------------------------------------------------ more than numerics */

static fly_status cut_to(fly_vec_str x, int32_t digits, bool up, fly_arena *arena, fly_vec_str *out,
                         fly_err *err)
{
    fly__vec_work w;
    fly__vec_num v;
    fly__vec_num result;
    fly__vec_work_init(&w, arena->mem, err);
    int scale = min2(max2(digits, -(WEIGHT_MAX + 1) * GROUP - 1), FLY_VEC_NUMERIC_SCALE_MAX);
    fly_status status = fly__vec_num_unpack(&w, x, &v);
    if (status == FLY_OK) {
        status = cut(&w, &v, scale, up, &result);
    }
    if (status == FLY_OK) {
        status = fly__vec_num_pack(&result, arena, out, err);
    }
    fly__vec_work_deinit(&w);
    return status;
}

fly_status fly_vec_numeric_round(fly_vec_str x, int32_t digits, fly_arena *arena, fly_vec_str *out,
                                 fly_err *err)
{
    return cut_to(x, digits, true, arena, out, err);
}

fly_status fly_vec_numeric_trunc(fly_vec_str x, int32_t digits, fly_arena *arena, fly_vec_str *out,
                                 fly_err *err)
{
    return cut_to(x, digits, false, arena, out, err);
}

static fly_status field_overflow(fly_err *err, const char *detail, int precision, int scale,
                                 const char *power, int number)
{
    fly_status status = fly__vec_num_error(err, "22003", "numeric field overflow");
    if (err != NULL && detail != NULL) {
        fly_err_hint(err, "A field with precision %d, scale %d %s.", precision, scale, detail);
    } else if (err != NULL) {
        fly_err_hint(
            err,
            "A field with precision %d, scale %d must round to an absolute value less than "
            "%s%d.",
            precision, scale, power, number);
    }
    return status;
}

fly_status fly_vec_numeric_fit(fly_vec_str s, int precision, int scale, fly_arena *arena,
                               fly_vec_str *out, fly_err *err)
{
    fly__vec_work w;
    fly__vec_num x;
    fly__vec_num result;
    fly__vec_work_init(&w, arena->mem, err);
    fly_status status = fly__vec_num_unpack(&w, s, &x);
    if (status != FLY_OK) {
        goto out;
    }
    if (x.kind != FINITE) {
        *out = s;
        status = x.kind == NOT_A_NUMBER ? FLY_OK
                                        : field_overflow(err, "cannot hold an infinite value",
                                                         precision, scale, "", 0);
        goto out;
    }
    if ((status = cut(&w, &x, scale, true, &result)) != FLY_OK) {
        goto out;
    }
    int most = precision - scale; /* digits before the point */
    int have = INT32_MIN;
    if (result.n > 0) {
        int first = result.d[0];
        have = result.weight * GROUP + (first >= 1000 ? 4 : first >= 100 ? 3 : first >= 10 ? 2 : 1);
    }
    if (have > most) {
        status = field_overflow(err, NULL, precision, scale, most != 0 ? "10^" : "",
                                most != 0 ? most : 1);
        goto out;
    }
    status = fly__vec_num_pack(&result, arena, out, err);
out:
    fly__vec_work_deinit(&w);
    return status;
}

fly_status fly_vec_numeric_factorial(int64_t n, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    if (n < 0) {
        return fly__vec_num_error(err, "22003", "factorial of a negative number is undefined");
    }
    if (n > 32177) {
        return overflow(err);
    }
    /* One growing number times a small one: groups in reverse, the lowest first. */
    enum { GROUPS = 33000 };
    fly__vec_work w;
    fly__vec_work_init(&w, arena->mem, err);
    fly_status status;
    uint16_t *low = fly__vec_num_digits(&w, GROUPS);
    uint16_t *d = fly__vec_num_digits(&w, GROUPS);
    if (low == NULL || d == NULL) {
        status = fly__vec_num_no_memory(err);
        goto out;
    }
    int used = 1;
    low[0] = 1;
    for (uint32_t by = 2; by <= (uint32_t)n; by++) {
        uint32_t carry = 0;
        for (int i = 0; i < used || carry > 0; i++) {
            carry += low[i] * by;
            low[i] = (uint16_t)(carry % BASE);
            carry /= BASE;
            used = i >= used ? i + 1 : used;
        }
    }
    for (int i = 0; i < used; i++) {
        d[i] = low[used - 1 - i];
    }
    fly__vec_num x = {FINITE, false, used, used - 1, 0, d};
    status = fly__vec_num_pack(&x, arena, out, err);
out:
    fly__vec_work_deinit(&w);
    return status;
}

/* floor((x - low) * count / (high - low) + 1), the quotient rounded as any quotient is: so an x just
 * below `high` can come out as count + 1, as it does in PostgreSQL. */
static fly_status bucket(fly__vec_work *w, const fly__vec_num *x, const fly__vec_num *low,
                         const fly__vec_num *high, int32_t count, fly__vec_num *out)
{
    fly__vec_num n;
    fly__vec_num offset;
    fly__vec_num span;
    fly__vec_num product;
    fly_status status;
    if ((status = fly__vec_num_from_i128(w, count, 0, &n)) != FLY_OK ||
        (status = fly__vec_num_add(w, x, low, true, &offset)) != FLY_OK ||
        (status = fly__vec_num_add(w, high, low, true, &span)) != FLY_OK) {
        return status;
    }
    offset.neg = span.neg = false;
    if ((status = fly__vec_num_mul(w, &offset, &n, offset.dscale, &product)) != FLY_OK ||
        (status = fly__vec_num_div(w, &product, &span, fly__vec_num_div_scale(&product, &span),
                                   true, out)) != FLY_OK ||
        (status = fly__vec_num_trunc(w, out, 0, out)) != FLY_OK) {
        return status;
    }
    return fly__vec_num_add(w, out, &one, false, out);
}

fly_status fly_vec_numeric_width_bucket(fly_vec_str x, fly_vec_str low, fly_vec_str high,
                                        int32_t count, fly_arena *arena, int32_t *out, fly_err *err)
{
    if (count <= 0) {
        return fly__vec_num_error(err, "2201G", "count must be greater than zero");
    }
    if (fly_vec_numeric_is_nan(x) || fly_vec_numeric_is_nan(low) || fly_vec_numeric_is_nan(high)) {
        return fly__vec_num_error(err, "2201G",
                                  "operand, lower bound, and upper bound cannot be NaN");
    }
    if (fly_vec_numeric_is_inf(low) || fly_vec_numeric_is_inf(high)) {
        return fly__vec_num_error(err, "2201G", "lower and upper bounds must be finite");
    }
    int order = fly_vec_numeric_cmp(low, high);
    if (order == 0) {
        return fly__vec_num_error(err, "2201G", "lower bound cannot equal upper bound");
    }
    int at_low = fly_vec_numeric_cmp(x, low);
    int at_high = fly_vec_numeric_cmp(x, high);
    bool below = order < 0 ? at_low < 0 : at_low > 0,
         above = order < 0 ? at_high >= 0 : at_high <= 0;
    if (below) {
        *out = 0;
        return FLY_OK;
    }
    if (above) {
        return __builtin_add_overflow(count, 1, out)
                   ? fly__vec_num_error(err, "22003", "integer out of range")
                   : FLY_OK;
    }
    fly__vec_work w;
    fly__vec_num a;
    fly__vec_num b;
    fly__vec_num c;
    fly__vec_num result;
    fly_vec_i128 value;
    fly__vec_work_init(&w, arena->mem, err);
    fly_status status;
    if ((status = fly__vec_num_unpack(&w, x, &a)) == FLY_OK &&
        (status = fly__vec_num_unpack(&w, low, &b)) == FLY_OK &&
        (status = fly__vec_num_unpack(&w, high, &c)) == FLY_OK &&
        (status = bucket(&w, &a, &b, &c, count, &result)) == FLY_OK) {
        *out = fly__vec_num_to_i128(&result, &value) ? (int32_t)value : 0;
    }
    fly__vec_work_deinit(&w);
    return status;
}
