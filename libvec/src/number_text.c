/*
 * Integers and floats as text, and floats as numerics.
 *
 * The shortest text of a float that reads back the same is found by trying: 15 digits always survive
 * the way to a float8 and back, 17 digits always bring it back, so at most three attempts are needed
 * (all counts from 1 for subnormals, whose digits are fewer). At a power of two the gap below is half
 * the gap above; there the shortest text can be a neighbour of the rounded one, so both are tried.
 * A text that lies exactly between two floats is not taken, although it would read back.
 *
 * What is not here: numerics (numeric.c), which have their own text.
 */
#include "numeric_int.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------------- integers */

/* Two digits at a time: a division costs more than all the rest. */
static const char pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

/* The digits of a number, so that they end before `end`: where they begin. */
static char *put_digits(uint64_t u, char *end)
{
    while (u >= 100) {
        end -= 2;
        memcpy(end, pairs + 2 * (u % 100), 2);
        u /= 100;
    }
    if (u < 10) {
        *--end = (char)('0' + (int)u);
    } else {
        end -= 2;
        memcpy(end, pairs + 2 * u, 2);
    }
    return end;
}

/* Sign and digits, and a NUL. */
static size_t put_signed(bool negative, const char *digits, size_t n, char *out)
{
    out[0] = '-';
    out += negative;
    memcpy(out, digits, n);
    out[n] = '\0';
    return n + negative;
}

size_t fly_vec_i128_format(fly_vec_i128 x, char *out)
{
    if (x >= INT64_MIN && x <= INT64_MAX) {
        return fly_vec_i64_format((int64_t)x, out);
    }
    char digits[40];
    char *end = digits + sizeof digits;
    char *at = end;
    fly_vec_u128 u = x < 0 ? -(fly_vec_u128)x : (fly_vec_u128)x;
    for (; u > UINT64_MAX; u /= 10) {
        *--at = (char)('0' + (int)(u % 10));
    }
    at = put_digits((uint64_t)u, at);
    return put_signed(x < 0, at, (size_t)(end - at), out);
}

size_t fly_vec_i64_format(int64_t x, char *out)
{
    char digits[20];
    char *end = digits + sizeof digits;
    const char *at = put_digits(x < 0 ? 0 - (uint64_t)x : (uint64_t)x, end);
    return put_signed(x < 0, at, (size_t)(end - at), out);
}

size_t fly_vec_decimal_format(fly_vec_i128 value, int scale, char *out)
{
    FLY_ASSERT(scale >= 0);
    FLY_ASSERT(scale <= 38);
    char digits[FLY_VEC_NUMBER_TEXT];
    size_t n = fly_vec_i128_format(value < 0 ? value : -value, digits) - (value != 0);
    const char *from = digits + (value != 0); /* without the sign that was forced */
    size_t at = 0;
    size_t behind = (size_t)scale;
    if (value < 0) {
        out[at++] = '-';
    }
    if (n <= behind) {
        out[at++] = '0';
    } else {
        memcpy(out + at, from, n - behind);
        at += n - behind;
        from += n - behind;
        n = behind;
    }
    if (behind > 0) {
        out[at++] = '.';
        memset(out + at, '0', behind - n);
        memcpy(out + at + (behind - n), from, n);
        at += behind;
    }
    out[at] = '\0';
    return at;
}

static bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static fly_status complain(fly_err *err, const char *sqlstate, const char *format, const char *type,
                           fly_bytes text)
{
    char copy[320];
    size_t n = text.len < sizeof copy - 1 ? text.len : sizeof copy - 1;
    if (n > 0) {
        memcpy(copy, text.data, n);
    }
    copy[n] = '\0';
    fly_status status;
    if (strcmp(sqlstate, "22P02") == 0) {
        status =
            fly_err_set(err, FLY_E_INVALID, "invalid input syntax for type %s: \"%s\"", type, copy);
    } else if (format[0] == 'v') {
        status =
            fly_err_set(err, FLY_E_INVALID, "value \"%s\" is out of range for type %s", copy, type);
    } else {
        status = fly_err_set(err, FLY_E_INVALID, "\"%s\" is out of range for type %s", copy, type);
    }
    if (err != NULL) {
        memcpy(err->sqlstate, sqlstate, 6);
    }
    return status;
}

static fly_status parse_integer(fly_bytes text, const char *type, int64_t low, int64_t high,
                                int64_t *out, fly_err *err)
{
    size_t i = 0;
    size_t n = text.len;
    const uint8_t *t = text.data;
    while (i < n && is_space(t[i])) {
        i++;
    }
    bool neg = i < n && t[i] == '-';
    i += i < n && (t[i] == '-' || t[i] == '+');
    size_t first = i;
    uint64_t limit = neg ? 0 - (uint64_t)low : (uint64_t)high;
    uint64_t u = 0;
    bool out_of_range = false;
    for (; i < n && t[i] >= '0' && t[i] <= '9'; i++) {
        uint64_t digit = (uint64_t)(t[i] - '0');
        if (u > (limit - digit) / 10) {
            out_of_range = true;
        } else {
            u = u * 10 + digit;
        }
    }
    bool digits = i > first;
    while (i < n && is_space(t[i])) {
        i++;
    }
    if (!digits || i < n) {
        return complain(err, "22P02", "", type, text);
    }
    if (out_of_range) {
        return complain(err, "22003", "v", type, text);
    }
    *out = neg ? (int64_t)(0 - u) : (int64_t)u;
    return FLY_OK;
}

fly_status fly_vec_i16_parse(fly_bytes text, int16_t *out, fly_err *err)
{
    int64_t x;
    fly_status status = parse_integer(text, "smallint", INT16_MIN, INT16_MAX, &x, err);
    if (status == FLY_OK) {
        *out = (int16_t)x;
    }
    return status;
}

fly_status fly_vec_i32_parse(fly_bytes text, int32_t *out, fly_err *err)
{
    int64_t x;
    fly_status status = parse_integer(text, "integer", INT32_MIN, INT32_MAX, &x, err);
    if (status == FLY_OK) {
        *out = (int32_t)x;
    }
    return status;
}

fly_status fly_vec_i64_parse(fly_bytes text, int64_t *out, fly_err *err)
{
    return parse_integer(text, "bigint", INT64_MIN, INT64_MAX, out, err);
}

/* ---------------------------------------------------------------------- floats */

/* One of the two widths: how a text becomes a float, and how many digits it takes. */
typedef struct width {
    bool single;
    int sure; /* digits that always survive */
    int full; /* digits that always bring it back */
} width;

static const width f64_width = {false, DBL_DIG, 17};
static const width f32_width = {true, FLT_DIG, 9};

static bool reads_back(const width *w, const char *text, double x)
{
    if (w->single) {
        return strtof(text, NULL) == (float)x;
    }
    return strtod(text, NULL) == x;
}

/* Digits d (an integer of `n` digits) and a power of ten, so that x = d * 10^(power - n + 1). */
static void split(double x, int n, uint64_t *digits, int *power)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%.*e", n - 1, x);
    uint64_t d = 0;
    const char *at = text;
    for (; *at != 'e'; at++) {
        if (*at >= '0' && *at <= '9') {
            d = d * 10 + (uint64_t)(*at - '0');
        }
    }
    *digits = d;
    *power = (int)strtol(at + 1, NULL, 10);
}

static bool try_digits(const width *w, double x, int n, uint64_t digits, int power)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, power - n + 1);
    return reads_back(w, text, x);
}

/*
 * Whether digits * 10^q is exactly half way from x to a neighbour. Then it is below 2^64 * 10^q with
 * an exact half, so long double, with its 64 bits, tells whenever 10^|q| is exact in it; beyond that
 * a text of at most 17 digits cannot be half way for a positive q, as 5^q outgrows the 54 bits.
 */
static bool half_way(const width *w, double x, uint64_t digits, int q)
{
    if (q > 27 || q < -27) {
        return false;
    }
    long double power = 1;
    for (int i = 0; i < (q < 0 ? -q : q); i++) {
        power *= 10;
    }
    long double next[2];
    if (w->single) {
        next[0] = nextafterf((float)x, 0);
        next[1] = nextafterf((float)x, INFINITY);
    } else {
        next[0] = nextafter(x, 0);
        next[1] = nextafter(x, INFINITY);
    }
    for (int i = 0; i < 2; i++) {
        long double half = ((long double)x + next[i]) / 2;
        if (q >= 0 ? half / power == (long double)digits && (long double)digits * power == half
                   : half * power == (long double)digits && (long double)digits / power == half) {
            return true;
        }
    }
    return false;
}

static void shortest(const width *w, double x, uint64_t *digits, int *n, int *power)
{
    double least = w->single ? (double)FLT_MIN * 2 : DBL_MIN * 2;
    for (*n = x < least ? 1 : w->sure; *n < w->full; (*n)++) {
        split(x, *n, digits, power);
        if (try_digits(w, x, *n, *digits, *power)) {
            if (!half_way(w, x, *digits, *power - *n + 1)) {
                return;
            }
            continue;
        }
        if (try_digits(w, x, *n, *digits + 1, *power)) {
            ++*digits;
            return;
        }
    }
    split(x, *n, digits, power);
}

static size_t format_float(const width *w, double x, char *out)
{
    if (isnan(x) || isinf(x)) {
        const char *name = isnan(x) ? "NaN" : x > 0 ? "Infinity" : "-Infinity";
        memcpy(out, name, strlen(name) + 1);
        return strlen(name);
    }
    size_t at = 0;
    if (signbit(x)) {
        out[at++] = '-';
        x = -x;
    }
    if (x == 0) {
        out[at++] = '0';
        out[at] = '\0';
        return at;
    }
    uint64_t value;
    int n;
    int power;
    shortest(w, x, &value, &n, &power);
    for (; value % 10 == 0; value /= 10) {
        n--;
    }
    char digits[24];
    n = (int)fly_vec_i64_format((int64_t)value, digits);
    if (power < -4 || power >= w->sure) {
        out[at++] = digits[0];
        if (n > 1) {
            out[at++] = '.';
            memcpy(out + at, digits + 1, (size_t)n - 1);
            at += (size_t)n - 1;
        }
        at += (size_t)snprintf(out + at, 8, "e%c%02d", power < 0 ? '-' : '+', abs(power));
        return at;
    }
    if (power < 0) {
        memcpy(out + at, "0.000", 5);
        at += (size_t)(1 - power);
        memcpy(out + at, digits, (size_t)n);
        at += (size_t)n;
    } else {
        for (int i = 0; i < n || i <= power; i++) {
            if (i == power + 1) {
                out[at++] = '.';
            }
            out[at++] = i < n ? digits[i] : '0';
        }
    }
    out[at] = '\0';
    return at;
}

size_t fly_vec_f64_format(double x, char *out)
{
    return format_float(&f64_width, x, out);
}

size_t fly_vec_f32_format(float x, char *out)
{
    return format_float(&f32_width, (double)x, out);
}

static int word(const char *at, const char *lower)
{
    int i = 0;
    for (; lower[i] != '\0'; i++) {
        if ((at[i] | 0x20) != lower[i]) {
            return 0;
        }
    }
    return i;
}

/* The number at the start of a text that ends in a zero byte; *end is behind it, or at it. */
static double read_float(const width *w, const char *at, const char **end, bool *range)
{
    int sign = *at == '-' || *at == '+';
    int n;
    double unit = *at == '-' ? -1 : 1;
    if ((n = word(at, "nan")) > 0) {
        *end = at + n;
        return (double)NAN;
    }
    if ((n = word(at + sign, "infinity")) > 0 || (n = word(at + sign, "inf")) > 0) {
        *end = at + sign + n;
        return unit * (double)INFINITY;
    }
    if ((at[sign] < '0' || at[sign] > '9') && at[sign] != '.') {
        *end = at;
        return 0;
    }
    char *stop;
    errno = 0;
    double x = w->single ? (double)strtof(at, &stop) : strtod(at, &stop);
    *range = errno == ERANGE && (x == 0 || isinf(x));
    *end = stop;
    return x;
}

static fly_status parse_float(const width *w, fly_bytes text, double *out, fly_err *err)
{
    const char *type = w->single ? "real" : "double precision";
    char copy[1024];
    size_t skip = 0;
    size_t n = text.len;
    while (skip < n && is_space(text.data[skip])) {
        skip++;
    }
    while (n > skip && is_space(text.data[n - 1])) {
        n--;
    }
    size_t len = n - skip;
    /* Digits beyond what fits cannot change the value by more than rounding at the last place. */
    if (len == 0 || len >= sizeof copy || memchr(text.data + skip, 0, len) != NULL) {
        return complain(err, "22P02", "", type, text);
    }
    memcpy(copy, text.data + skip, len);
    copy[len] = '\0';
    const char *end;
    bool range = false;
    double x = read_float(w, copy, &end, &range);
    if (range) {
        fly_bytes number = fly_bytes_of(copy, (size_t)(end - copy));
        return complain(err, "22003", "\"", type, number);
    }
    if (end != copy + len) {
        return complain(err, "22P02", "", type, text);
    }
    *out = x;
    return FLY_OK;
}

fly_status fly_vec_f64_parse(fly_bytes text, double *out, fly_err *err)
{
    return parse_float(&f64_width, text, out, err);
}

fly_status fly_vec_f32_parse(fly_bytes text, float *out, fly_err *err)
{
    double x;
    fly_status status = parse_float(&f32_width, text, &x, err);
    if (status == FLY_OK) {
        *out = (float)x;
    }
    return status;
}

/* ----------------------------------------------------------- numerics and floats */

static fly_status from_float(double x, int digits, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    char text[40];
    if (isnan(x) || isinf(x)) {
        fly__vec_num special = fly__vec_num_special(isnan(x) ? NOT_A_NUMBER : x > 0 ? PINF : NINF);
        return fly__vec_num_pack(&special, arena, out, err);
    }
    (void)snprintf(text, sizeof text, "%.*g", digits, x);
    return fly_vec_numeric_parse(fly_bytes_str(text), arena, out, err);
}

fly_status fly_vec_numeric_from_f64(double x, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    return from_float(x, DBL_DIG, arena, out, err);
}

fly_status fly_vec_numeric_from_f32(float x, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    return from_float((double)x, FLT_DIG, arena, out, err);
}

/* As text: 20 groups settle a double, but for a half way case a hundred groups behind; those digits
 * only matter by not being zero, so a 1 stands for them. */
static fly_status to_float(const width *w, fly_vec_str x, fly_arena *arena, double *out,
                           fly_err *err)
{
    fly__vec_work work;
    fly_vec_str text;
    fly__vec_work_init(&work, arena->mem, err);
    fly__vec_num v;
    fly_status status = fly__vec_num_unpack(&work, x, &v);
    if (status != FLY_OK) {
        goto out;
    }
    if (v.kind != FINITE) {
        *out = v.kind == NOT_A_NUMBER ? (double)NAN
               : v.kind == PINF       ? (double)INFINITY
                                      : -(double)INFINITY;
        goto out;
    }
    char copy[480];
    size_t at = 0;
    copy[at++] = v.neg ? '-' : '+';
    copy[at++] = '0';
    int n = v.n < 100 ? v.n : 100;
    for (int i = 0; i < n; i++) {
        at += (size_t)snprintf(copy + at, 5, "%04d", v.d[i]);
    }
    if (n < v.n) {
        copy[at++] = '1';
    }
    int exponent = (v.weight - n + 1) * GROUP - (n < v.n);
    (void)snprintf(copy + at, 16, "e%d", v.n > 0 ? exponent : 0);
    const char *end;
    bool range = false;
    double d = read_float(w, copy, &end, &range);
    if (range) {
        status = fly_vec_numeric_format(x, &work.arena, &text, err);
        if (status == FLY_OK) {
            status = complain(err, "22003", "\"", w->single ? "real" : "double precision",
                              fly_vec_str_bytes(&text));
        }
        goto out;
    }
    *out = d;
out:
    fly__vec_work_deinit(&work);
    return status;
}

fly_status fly_vec_numeric_to_f64(fly_vec_str x, fly_arena *arena, double *out, fly_err *err)
{
    return to_float(&f64_width, x, arena, out, err);
}

fly_status fly_vec_numeric_to_f32(fly_vec_str x, fly_arena *arena, float *out, fly_err *err)
{
    double d;
    fly_status status = to_float(&f32_width, x, arena, &d, err);
    if (status == FLY_OK) {
        *out = (float)d;
    }
    return status;
}
