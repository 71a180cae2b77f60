/*
 * Functions of double precision: roots, powers, logarithms, angles; random numbers.
 *
 * Arguments outside of a function's domain are errors (2201E, 2201F, 22003), as in PostgreSQL.
 */
#include "func/call_int.h"

#include "session/session_int.h"

#include <math.h>

static const double PI = 3.14159265358979323846;
static const double RADIANS_PER_DEGREE = 0.0174532925199432957692;

static fly_status out_of_range(fly__sql_call *call)
{
    return FAIL(call, "22003", "input is out of range");
}

static fly_status overflow(fly__sql_call *call)
{
    return FAIL(call, "22003", "value out of range: overflow");
}

static fly_status underflow(fly__sql_call *call)
{
    return FAIL(call, "22003", "value out of range: underflow");
}

/* A result that is infinite where the argument was not, or zero where it may not be. */
static fly_status give_checked(fly__sql_call *call, double argument, double value,
                               fly_vec_value *result)
{
    if (isinf(value) && !isinf(argument)) {
        return overflow(call);
    }
    return give_f64(result, value);
}

#define PLAIN(name, expression)                                                                    \
    ROW(name##_f64)                                                                                \
    {                                                                                              \
        double x = args[0].f64;                                                                    \
        return give_f64(result, (expression));                                                     \
    }
#define CHECKED(name, expression)                                                                  \
    ROW(name##_f64)                                                                                \
    {                                                                                              \
        double x = args[0].f64;                                                                    \
        return give_checked(call, x, (expression), result);                                        \
    }

PLAIN(ceil, ceil(x))
PLAIN(floor, floor(x))
PLAIN(round, rint(x))
PLAIN(trunc, trunc(x))
PLAIN(sign, (x > 0) - (x < 0))
PLAIN(cbrt, cbrt(x))
CHECKED(degrees, x / RADIANS_PER_DEGREE)
CHECKED(radians, x *RADIANS_PER_DEGREE)
PLAIN(atan, atan(x))
CHECKED(sinh, sinh(x))
CHECKED(cosh, cosh(x))
PLAIN(tanh, tanh(x))
PLAIN(asinh, asinh(x))

ROW(pi)
{
    return give_f64(result, PI);
}

ROW(sqrt_f64)
{
    if (args[0].f64 < 0) {
        return FAIL(call, "2201F", "cannot take square root of a negative number");
    }
    return give_f64(result, sqrt(args[0].f64));
}

ROW(exp_f64)
{
    double x = args[0].f64;
    double value = exp(x);
    if (isinf(value) && !isinf(x)) {
        return overflow(call);
    }
    if (value == 0 && !isinf(x)) {
        return underflow(call);
    }
    return give_f64(result, value);
}

/* What logarithms are not defined for. */
static fly_status check_log(fly__sql_call *call, double x)
{
    if (x == 0) {
        return FAIL(call, "2201E", "cannot take logarithm of zero");
    }
    if (x < 0) {
        return FAIL(call, "2201E", "cannot take logarithm of a negative number");
    }
    return FLY_OK;
}

ROW(ln_f64)
{
    fly_status status = check_log(call, args[0].f64);
    return status != FLY_OK ? status : give_f64(result, log(args[0].f64));
}

ROW(log_f64)
{
    fly_status status = check_log(call, args[0].f64);
    return status != FLY_OK ? status : give_f64(result, log10(args[0].f64));
}

ROW(power_f64)
{
    double x = args[0].f64;
    double y = args[1].f64;
    if (isnan(x)) {
        return give_f64(result, y == 0 ? 1 : x);
    }
    if (isnan(y)) {
        return give_f64(result, x == 1 ? 1 : y);
    }
    if (x == 0 && y < 0) {
        return FAIL(call, "2201F", "zero raised to a negative power is undefined");
    }
    if (x < 0 && !isinf(y) && floor(y) != y) {
        return FAIL(call, "2201F",
                    "a negative number raised to a non-integer power yields a complex result");
    }
    double value = pow(x, y);
    if (!isinf(x) && !isinf(y)) {
        if (isinf(value)) {
            return overflow(call);
        }
        if (value == 0 && x != 0) {
            return underflow(call);
        }
    }
    return give_f64(result, value);
}

/* ------------------------------------------------------------------------- angles */

#define TRIG(name, function)                                                                       \
    ROW(name##_f64)                                                                                \
    {                                                                                              \
        if (isinf(args[0].f64)) {                                                                  \
            return out_of_range(call);                                                             \
        }                                                                                          \
        return give_f64(result, function(args[0].f64));                                            \
    }

static double cot(double x)
{
    return 1.0 / tan(x);
}

TRIG(sin, sin)
TRIG(cos, cos)
TRIG(tan, tan)
TRIG(cot, cot)

#define INVERSE(name, function, low, high)                                                         \
    ROW(name##_f64)                                                                                \
    {                                                                                              \
        double x = args[0].f64;                                                                    \
        if (x < (low) || x > (high)) {                                                             \
            return out_of_range(call);                                                             \
        }                                                                                          \
        return give_f64(result, function(x));                                                      \
    }

INVERSE(asin, asin, -1, 1)
INVERSE(acos, acos, -1, 1)
INVERSE(acosh, acosh, 1, (double)INFINITY)
INVERSE(atanh, atanh, -1, 1)

ROW(atan2_f64)
{
    return give_f64(result, atan2(args[0].f64, args[1].f64));
}

/* Degrees: exact where the answer is one that everybody knows (sind(30) is 0.5). Angles are brought
 * into the first quadrant, and small ones are scaled so that the known points come out whole. */
static double sind_0_to_30(double x)
{
    return sin(x * (PI / 180.0)) / sin(30.0 * (PI / 180.0)) / 2.0;
}

static double cosd_0_to_60(double x)
{
    double part = 1.0 - cos(x * (PI / 180.0));
    return 1.0 - part / (1.0 - cos(60.0 * (PI / 180.0))) / 2.0;
}

static double sind_q1(double x)
{
    return x <= 30.0 ? sind_0_to_30(x) : cosd_0_to_60(90.0 - x);
}

static double cosd_q1(double x)
{
    return x <= 60.0 ? cosd_0_to_60(x) : sind_0_to_30(90.0 - x);
}

static double sind(double x)
{
    double sign = 1;
    x = fmod(x, 360.0);
    if (x < 0) {
        x = -x;
        sign = -sign;
    }
    if (x > 180.0) {
        x = 360.0 - x;
        sign = -sign;
    }
    return sign * sind_q1(x > 90.0 ? 180.0 - x : x);
}

static double cosd(double x)
{
    double sign = 1;
    x = fabs(fmod(x, 360.0));
    if (x > 180.0) {
        x = 360.0 - x;
    }
    if (x > 90.0) {
        x = 180.0 - x;
        sign = -sign;
    }
    return sign * cosd_q1(x);
}

static double tand(double x)
{
    double tan45 = sind_q1(45.0) / cosd_q1(45.0);
    double sign = 1;
    x = fmod(x, 360.0);
    if (x < 0) {
        x = -x;
        sign = -sign;
    }
    if (x > 180.0) {
        x = 360.0 - x;
        sign = -sign;
    }
    if (x > 90.0) {
        x = 180.0 - x;
        sign = -sign;
    }
    double value = sign * (sind_q1(x) / cosd_q1(x) / tan45);
    return value == 0 ? 0 : value;
}

static double cotd(double x)
{
    double cot45 = cosd_q1(45.0) / sind_q1(45.0);
    double sign = 1;
    x = fmod(x, 360.0);
    if (x < 0) {
        x = -x;
        sign = -sign;
    }
    if (x > 180.0) {
        x = 360.0 - x;
        sign = -sign;
    }
    if (x > 90.0) {
        x = 180.0 - x;
        sign = -sign;
    }
    double value = sign * (cosd_q1(x) / sind_q1(x) / cot45);
    return value == 0 ? 0 : value;
}

TRIG(sind, sind)
TRIG(cosd, cosd)
TRIG(tand, tand)
TRIG(cotd, cotd)

/* asin and acos in degrees, exact at 0, 1/2 and 1. */
static double asind_q1(double x)
{
    if (x <= 0.5) {
        return asin(x) / asin(0.5) * 30.0;
    }
    return 90.0 - acos(x) / acos(0.5) * 60.0;
}

static double acosd_q1(double x)
{
    if (x <= 0.5) {
        return 90.0 - asin(x) / asin(0.5) * 30.0;
    }
    return acos(x) / acos(0.5) * 60.0;
}

static double asind(double x)
{
    return x >= 0 ? asind_q1(x) : -asind_q1(-x);
}

static double acosd(double x)
{
    return x >= 0 ? acosd_q1(x) : 90.0 + asind_q1(-x);
}

INVERSE(asind, asind, -1, 1)
INVERSE(acosd, acosd, -1, 1)

ROW(atand_f64)
{
    return give_f64(result, atan(args[0].f64) / atan(1.0) * 45.0);
}

ROW(atan2d_f64)
{
    return give_f64(result, atan2(args[0].f64, args[1].f64) / atan(1.0) * 45.0);
}

/* ------------------------------------------------------------------------ buckets */

ROW(width_bucket_f64)
{
    double x = args[0].f64;
    double low = args[1].f64;
    double high = args[2].f64;
    int32_t count = args[3].i32;
    if (count <= 0) {
        return FAIL(call, "2201G", "count must be greater than zero");
    }
    if (isnan(x) || isnan(low) || isnan(high)) {
        return FAIL(call, "2201G", "operand, lower bound, and upper bound cannot be NaN");
    }
    if (isinf(low) || isinf(high)) {
        return FAIL(call, "2201G", "lower and upper bounds must be finite");
    }
    if (low == high) {
        return FAIL(call, "2201G", "lower bound cannot equal upper bound");
    }
    bool down = low > high;
    if (down ? x > low : x < low) {
        return give_i32(result, 0);
    }
    if (down ? x <= high : x >= high) {
        if (count == INT32_MAX) {
            return fly__sql_out_of_range(call, "integer");
        }
        return give_i32(result, count + 1);
    }
    /* Halved, so that the difference of huge bounds does not overflow. */
    double part = (x / 2 - low / 2) / (high / 2 - low / 2);
    int32_t bucket = (int32_t)(part * count);
    return give_i32(result, (bucket >= count ? count - 1 : bucket) + 1);
}

/* ------------------------------------------------------------------------- random */

/* SplitMix64: any state will do, and each gives one number.
 * Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

ROW(random)
{
    uint64_t none = 1;
    uint64_t *state = call->session != NULL ? &call->session->random : &none;
    if (*state == 0) {
        *state = fly_env_random_u64(call->session->env) | 1;
    }
    return give_f64(result, (double)(next_random(state) >> 11) * 0x1p-53);
}

ROW(setseed)
{
    double seed = args[0].f64;
    if (!(seed >= -1 && seed <= 1)) {
        return FAIL(call, "22023", "setseed parameter %g is out of allowed range [-1,1]", seed);
    }
    if (call->session != NULL) {
        uint64_t bits;
        memcpy(&bits, &seed, sizeof bits);
        call->session->random = bits | 1;
    }
    return give_i32(result, 0);
}

ROW(gen_random_uuid)
{
    uint8_t bytes[16] = {0};
    fly_env *env = call->session != NULL ? call->session->env : NULL;
    fly_status status = env != NULL ? env->random(env, bytes, sizeof bytes, call->err) : FLY_OK;
    if (status != FLY_OK) {
        return status;
    }
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40); /* version 4 */
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80); /* the variant of RFC 4122 */
    return give_i128(result, fly__sql_uuid_of(bytes));
}
