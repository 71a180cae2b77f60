/*
 * The form of a numeric: packing, reading and writing text, keys, and what becomes of other numbers.
 *
 * Invariants of a packed numeric, decided by fly_vec_numeric_check():
 *
 *     N1  the header is four bytes, the rest whole groups of two
 *     N2  a special value has no groups, weight 0 and scale 0, 1 or 2
 *     N3  each group is below 10,000; the first and the last are not zero
 *     N4  zero has no groups, weight 0, and is not negative
 *     N5  the last group does not reach further behind the point than the display scale shows
 *
 * What is not here: arithmetic (numeric_math.c), aggregates (numeric_agg.c).
 */
#include "numeric_int.h"

#include <fly/base_bytes.h>
#include <fly/base_hash.h>

#include <math.h>
#include <string.h>

enum { HEADER = 4, SCALE_BITS = 0x3fff, NEGATIVE = 0x4000, SPECIAL = 0x8000 };

fly_status fly__vec_num_error(fly_err *err, const char *sqlstate, const char *message)
{
    fly_status status = fly_err_set(err, FLY_E_INVALID, "%s", message);
    if (err != NULL) {
        memcpy(err->sqlstate, sqlstate, sizeof err->sqlstate);
    }
    return status;
}

fly_status fly__vec_num_no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
}

static fly_status overflow(fly_err *err)
{
    return fly__vec_num_error(err, "22003", "value overflows numeric format");
}

/* Room for `n` groups, zeroed; NULL without memory. */
uint16_t *fly__vec_num_digits(fly__vec_work *w, int n)
{
    size_t size = (size_t)(n > 0 ? n : 1) * sizeof(uint16_t);
    uint16_t *d = fly_arena_alloc(&w->arena, size);
    if (d != NULL) {
        memset(d, 0, size);
    }
    return d;
}

/* ----------------------------------------------------------------------- packed */

/* A packed numeric's header and where its groups are. */
typedef struct view {
    fly__vec_num_kind kind;
    bool neg;
    int dscale;
    int weight;
    int n;
    const uint8_t *groups;
} view;

static int group(const view *v, int i)
{
    return fly_get_u16(v->groups + (size_t)i * 2);
}

static view view_of(fly_bytes b)
{
    static const fly__vec_num_kind kinds[] = {NINF, PINF, NOT_A_NUMBER};
    unsigned head = fly_get_u16(b.data);
    view v = {FINITE, false, (int)(head & SCALE_BITS), 0, 0, NULL};
    if (head & SPECIAL) {
        v.kind = kinds[v.dscale];
        v.dscale = 0;
        return v;
    }
    v.neg = (head & NEGATIVE) != 0;
    v.weight = (int16_t)fly_get_u16(b.data + 2);
    v.n = (int)((b.len - HEADER) / 2);
    v.groups = b.data + HEADER;
    return v;
}

fly_status fly_vec_numeric_check(fly_bytes b, fly_err *err)
{
    if (b.len < HEADER || b.len % 2 != 0 || b.len > HEADER + 2 * (size_t)40000) {
        return fly_err_set(err, FLY_E_CORRUPT, "numeric of %zu bytes", b.len);
    }
    unsigned head = fly_get_u16(b.data);
    if (head & SPECIAL) {
        if (b.len != HEADER || head > (SPECIAL | 2) || fly_get_u16(b.data + 2) != 0) {
            return fly_err_set(err, FLY_E_CORRUPT, "special numeric with header %04x", head);
        }
        return FLY_OK;
    }
    view v = view_of(b);
    if (v.n == 0 && (v.neg || v.weight != 0)) {
        return fly_err_set(err, FLY_E_CORRUPT, "numeric zero with a sign or a weight");
    }
    for (int i = 0; i < v.n; i++) {
        if (group(&v, i) >= BASE) {
            return fly_err_set(err, FLY_E_CORRUPT, "numeric with group %d", group(&v, i));
        }
    }
    if (v.n > 0 && (group(&v, 0) == 0 || group(&v, v.n - 1) == 0)) {
        return fly_err_set(err, FLY_E_CORRUPT, "numeric with zeros at its ends");
    }
    if (v.n > 0 && (v.n - 1 - v.weight) * GROUP - 3 > v.dscale) {
        return fly_err_set(err, FLY_E_CORRUPT, "numeric with more digits than it shows");
    }
    return FLY_OK;
}

fly_status fly__vec_num_unpack(fly__vec_work *w, fly_vec_str s, fly__vec_num *out)
{
    view v = view_of(fly_vec_str_bytes(&s));
    uint16_t *d = NULL;
    if (v.n > 0) {
        d = fly__vec_num_digits(w, v.n);
        if (d == NULL) {
            return fly__vec_num_no_memory(w->err);
        }
        for (int i = 0; i < v.n; i++) {
            d[i] = (uint16_t)group(&v, i);
        }
    }
    *out = (fly__vec_num){v.kind, v.neg, v.n, v.weight, v.dscale, d};
    return FLY_OK;
}

/* Take zeros off both ends. */
void fly__vec_num_strip(fly__vec_num *x)
{
    while (x->n > 0 && x->d[0] == 0) {
        x->d++;
        x->n--;
        x->weight--;
    }
    while (x->n > 0 && x->d[x->n - 1] == 0) {
        x->n--;
    }
    if (x->n == 0) {
        x->weight = 0;
        x->neg = false;
    }
}

fly_status fly__vec_num_pack(const fly__vec_num *in, fly_arena *arena, fly_vec_str *out,
                             fly_err *err)
{
    fly__vec_num x = *in;
    uint8_t small[FLY_VEC_STR_INLINE];
    if (x.kind != FINITE) {
        fly_put_u16(small, (uint16_t)(SPECIAL | (x.kind == NINF ? 0 : x.kind == PINF ? 1 : 2)));
        fly_put_u16(small + 2, 0);
        *out = fly_vec_str_of(small, HEADER);
        return FLY_OK;
    }
    fly__vec_num_strip(&x);
    if (x.weight > WEIGHT_MAX || x.weight < -WEIGHT_MAX - 1 ||
        x.dscale > FLY_VEC_NUMERIC_SCALE_MAX) {
        return overflow(err);
    }
    size_t len = HEADER + (size_t)x.n * 2;
    uint8_t *bytes = small;
    if (len > sizeof small) {
        bytes = fly_arena_alloc(arena, len);
        if (bytes == NULL) {
            return fly__vec_num_no_memory(err);
        }
    }
    fly_put_u16(bytes, (uint16_t)((unsigned)x.dscale | (x.neg ? (unsigned)NEGATIVE : 0)));
    fly_put_u16(bytes + 2, (uint16_t)x.weight);
    for (int i = 0; i < x.n; i++) {
        fly_put_u16(bytes + HEADER + (size_t)i * 2, x.d[i]);
    }
    *out = fly_vec_str_of(bytes, len);
    return FLY_OK;
}

/* ------------------------------------------------------------------------- order */

static int cmp_views(const view *a, const view *b)
{
    int n = a->n < b->n ? a->n : b->n;
    if (a->n == 0 || b->n == 0) {
        return a->n - b->n;
    }
    if (a->weight != b->weight) {
        return a->weight < b->weight ? -1 : 1;
    }
    for (int i = 0; i < n; i++) {
        int x = group(a, i);
        int y = group(b, i);
        if (x != y) {
            return x - y;
        }
    }
    return a->n - b->n;
}

int fly_vec_numeric_cmp(fly_vec_str a, fly_vec_str b)
{
    static const int8_t rank[] = {[FINITE] = 1, [NINF] = 0, [PINF] = 2, [NOT_A_NUMBER] = 3};
    view x = view_of(fly_vec_str_bytes(&a));
    view y = view_of(fly_vec_str_bytes(&b));
    if (x.kind != y.kind) {
        return rank[x.kind] - rank[y.kind];
    }
    if (x.neg != y.neg) {
        return x.neg ? -1 : 1;
    }
    return x.neg ? -cmp_views(&x, &y) : cmp_views(&x, &y);
}

uint64_t fly_vec_numeric_hash(fly_vec_str s, uint64_t seed)
{
    fly_bytes b = fly_vec_str_bytes(&s);
    unsigned head = fly_get_u16(b.data);
    if (head & SPECIAL) {
        return fly_hash(b.data, b.len, seed);
    }
    /* All but the display scale. */
    return fly_hash(b.data + 2, b.len - 2, seed ^ (head & NEGATIVE));
}

/* ------------------------------------------------------------------------- keys */

/*
 * A key is a class byte, and for numbers other than zero: the weight, biased, big-endian; the groups
 * plus one, big-endian; two zero bytes. Of a negative number all bytes behind the class are inverted.
 */
enum {
    KEY_NINF = 0x10,
    KEY_NEG = 0x20,
    KEY_ZERO = 0x30,
    KEY_POS = 0x40,
    KEY_PINF = 0x50,
    KEY_NAN = 0x60,
    KEY_BIAS = 0x8000
};

size_t fly_vec_numeric_key_size(fly_vec_str x)
{
    view v = view_of(fly_vec_str_bytes(&x));
    return v.kind != FINITE || v.n == 0 ? 1 : 1 + 2 + 2 * (size_t)v.n + 2;
}

size_t fly_vec_numeric_key_encode(fly_vec_str x, uint8_t *out)
{
    view v = view_of(fly_vec_str_bytes(&x));
    if (v.kind != FINITE) {
        out[0] = v.kind == NINF ? KEY_NINF : v.kind == PINF ? KEY_PINF : KEY_NAN;
        return 1;
    }
    if (v.n == 0) {
        out[0] = KEY_ZERO;
        return 1;
    }
    uint16_t flip = v.neg ? 0xffff : 0;
    uint8_t *at = out;
    *at++ = v.neg ? KEY_NEG : KEY_POS;
    fly_put_u16be(at, (uint16_t)((v.weight + KEY_BIAS) ^ flip));
    at += 2;
    for (int i = 0; i < v.n; i++, at += 2) {
        fly_put_u16be(at, (uint16_t)((group(&v, i) + 1) ^ flip));
    }
    fly_put_u16be(at, flip);
    return (size_t)(at + 2 - out);
}

static int min_scale(int n, int weight, int last)
{
    if (n == 0) {
        return 0;
    }
    int scale = (n - 1 - weight) * GROUP;
    if (scale <= 0) {
        return 0;
    }
    while (last % 10 == 0) {
        last /= 10;
        scale--;
    }
    return scale > 0 ? scale : 0;
}

fly_status fly_vec_numeric_key_decode(fly_bytes key, fly_arena *arena, fly_vec_str *out,
                                      size_t *used, fly_err *err)
{
    if (key.len == 0) {
        return fly_err_set(err, FLY_E_CORRUPT, "empty key of a numeric");
    }
    int class = key.data[0];
    fly__vec_num x = fly__vec_num_special(class == KEY_NINF   ? NINF
                                          : class == KEY_PINF ? PINF
                                          : class == KEY_NAN  ? NOT_A_NUMBER
                                                              : FINITE);
    *used = 1;
    if (class != KEY_NEG && class != KEY_POS) {
        if (x.kind == FINITE && class != KEY_ZERO) {
            return fly_err_set(err, FLY_E_CORRUPT, "key of a numeric with class %d", class);
        }
        return fly__vec_num_pack(&x, arena, out, err);
    }
    uint16_t flip = class == KEY_NEG ? 0xffff : 0;
    size_t n = 0;
    while (key.len >= 5 + 2 * n && (fly_get_u16be(key.data + 3 + 2 * n) ^ flip) != 0) {
        n++;
    }
    if (key.len < 5 + 2 * n || n == 0 || n > 40000) {
        return fly_err_set(err, FLY_E_CORRUPT, "key of a numeric has no end");
    }
    fly__vec_work w;
    fly__vec_work_init(&w, arena->mem, err);
    uint16_t *d = fly__vec_num_digits(&w, (int)n);
    fly_status status = FLY_OK;
    if (d == NULL) {
        status = fly__vec_num_no_memory(err);
        goto out;
    }
    x.neg = flip != 0;
    x.n = (int)n;
    x.weight = (fly_get_u16be(key.data + 1) ^ flip) - KEY_BIAS;
    x.d = d;
    for (size_t i = 0; i < n; i++) {
        d[i] = (uint16_t)((fly_get_u16be(key.data + 3 + 2 * i) ^ flip) - 1);
        if (d[i] >= BASE || (d[i] == 0 && (i == 0 || i == n - 1))) {
            status = fly_err_set(err, FLY_E_CORRUPT, "key of a numeric with group %d", d[i]);
            goto out;
        }
    }
    x.dscale = min_scale(x.n, x.weight, d[n - 1]);
    status = fly__vec_num_pack(&x, arena, out, err);
    *used = 5 + 2 * n;
out:
    fly__vec_work_deinit(&w);
    return status;
}

/* ------------------------------------------------------------------ from text */

static bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool word(fly_bytes t, const char *lower)
{
    size_t n = strlen(lower);
    if (t.len != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if ((t.data[i] >= 'A' && t.data[i] <= 'Z' ? t.data[i] + 32 : t.data[i]) != lower[i]) {
            return false;
        }
    }
    return true;
}

static fly_bytes trimmed(fly_bytes t)
{
    while (t.len > 0 && is_space(t.data[0])) {
        t.data++;
        t.len--;
    }
    while (t.len > 0 && is_space(t.data[t.len - 1])) {
        t.len--;
    }
    return t;
}

static fly_status bad_syntax(fly_err *err, const char *type, fly_bytes text)
{
    fly_status status = fly_err_set(
        err, FLY_E_INVALID, "invalid input syntax for type %s: \"%.*s\"", type,
        text.len < 400 ? (int)text.len : 400, text.len > 0 ? (const char *)text.data : "");
    if (err != NULL) {
        memcpy(err->sqlstate, "22P02", 6);
    }
    return status;
}

static bool special_word(fly_bytes t, fly__vec_num *x)
{
    bool neg = t.len > 0 && t.data[0] == '-', sign = neg || (t.len > 0 && t.data[0] == '+');
    if (word(t, "nan")) {
        *x = fly__vec_num_special(NOT_A_NUMBER);
        return true;
    }
    fly_bytes rest = fly_bytes_of(t.data + sign, t.len - sign);
    if (word(rest, "inf") || word(rest, "infinity")) {
        *x = fly__vec_num_special(neg ? NINF : PINF);
        return true;
    }
    return false;
}

/* The parts of "-12.50e3": which bytes are digits, how many before the point, the exponent. */
typedef struct literal {
    bool neg;
    size_t first, end; /* of digits and the point */
    size_t digits;
    int64_t before; /* digits before the point */
    int64_t scale;  /* digits behind it */
    int64_t exponent;
} literal;

static bool scan(fly_bytes t, literal *l, bool *too_big)
{
    size_t i = 0;
    memset(l, 0, sizeof *l);
    *too_big = false;
    if (i < t.len && (t.data[i] == '-' || t.data[i] == '+')) {
        l->neg = t.data[i++] == '-';
    }
    l->first = i;
    bool point = false;
    for (; i < t.len && (is_digit(t.data[i]) || (t.data[i] == '.' && !point)); i++) {
        if (t.data[i] == '.') {
            point = true;
        } else {
            l->digits++;
            l->before += !point;
            l->scale += point;
        }
    }
    l->end = i;
    if (l->digits == 0) {
        return false;
    }
    if (i < t.len && (t.data[i] == 'e' || t.data[i] == 'E')) {
        i++;
        bool neg = i < t.len && t.data[i] == '-';
        i += i < t.len && (t.data[i] == '-' || t.data[i] == '+');
        if (i == t.len || !is_digit(t.data[i])) {
            return false;
        }
        for (; i < t.len && is_digit(t.data[i]); i++) {
            l->exponent = l->exponent > INT32_MAX ? l->exponent
                                                  : l->exponent * 10 + (t.data[i] - '0');
        }
        *too_big = l->exponent >= INT32_MAX / 2;
        l->exponent = neg ? -l->exponent : l->exponent;
    }
    return i == t.len;
}

/* Weight of the group that holds the decimal digit 10^power. */
static int64_t group_of(int64_t power)
{
    return power >= 0 ? power / GROUP : -((-power + GROUP - 1) / GROUP);
}

fly_status fly_vec_numeric_parse(fly_bytes text, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    fly_bytes t = trimmed(text);
    literal l;
    fly__vec_num x = fly__vec_num_special(FINITE);
    bool too_big;
    if (special_word(t, &x)) {
        return fly__vec_num_pack(&x, arena, out, err);
    }
    if (!scan(t, &l, &too_big)) {
        return bad_syntax(err, "numeric", text);
    }
    if (too_big || l.digits > 300000) {
        return overflow(err);
    }
    int64_t top = l.before + l.exponent - 1; /* power of ten of the first digit */
    int64_t weight = group_of(top);
    int64_t pad = (weight + 1) * GROUP - 1 - top; /* zeros before it in its group */
    fly__vec_work w;
    fly__vec_work_init(&w, arena->mem, err);
    fly_status status;
    uint16_t *d = fly__vec_num_digits(&w, (int)((int64_t)l.digits + pad) / GROUP + 1);
    if (d == NULL) {
        status = fly__vec_num_no_memory(err);
        goto out;
    }
    static const uint16_t tens[] = {1000, 100, 10, 1};
    size_t at = (size_t)pad;
    for (size_t i = l.first; i < l.end; i++) {
        if (t.data[i] != '.') {
            d[at / GROUP] = (uint16_t)(d[at / GROUP] + (t.data[i] - '0') * tens[at % GROUP]);
            at++;
        }
    }
    int64_t scale = l.scale - l.exponent;
    if (scale > FLY_VEC_NUMERIC_SCALE_MAX || weight > INT32_MAX / 2 || weight < INT32_MIN / 2) {
        scale = FLY_VEC_NUMERIC_SCALE_MAX + 1;
    }
    x = (fly__vec_num){
        FINITE, l.neg, (int)(at + GROUP - 1) / GROUP, (int)weight, (int)(scale > 0 ? scale : 0), d};
    status = fly__vec_num_pack(&x, arena, out, err);
out:
    fly__vec_work_deinit(&w);
    return status;
}

/* ------------------------------------------------------------------- to text */

static void put_group(char *at, int value)
{
    at[0] = (char)('0' + value / 1000);
    at[1] = (char)('0' + value / 100 % 10);
    at[2] = (char)('0' + value / 10 % 10);
    at[3] = (char)('0' + value % 10);
}

static int group_at(const view *v, int weight)
{
    int i = v->weight - weight;
    return i >= 0 && i < v->n ? group(v, i) : 0;
}

fly_status fly_vec_numeric_format(fly_vec_str s, fly_arena *arena, fly_vec_str *text, fly_err *err)
{
    view v = view_of(fly_vec_str_bytes(&s));
    if (v.kind != FINITE) {
        const char *name = v.kind == NOT_A_NUMBER ? "NaN"
                           : v.kind == PINF       ? "Infinity"
                                                  : "-Infinity";
        *text = fly_vec_str_of(name, strlen(name));
        return FLY_OK;
    }
    int top = v.n > 0 && v.weight > 0 ? v.weight : 0;
    size_t size = 1 + (size_t)(top + 1) * GROUP + 1 + (size_t)v.dscale + GROUP;
    char small[64];
    char *at = small;
    if (size > sizeof small) {
        at = fly_arena_alloc(arena, size);
        if (at == NULL) {
            return fly__vec_num_no_memory(err);
        }
    }
    char *begin = at;
    if (v.neg) {
        *at++ = '-';
    }
    char *digits = at;
    for (int weight = top; weight >= 0; weight--, at += GROUP) {
        put_group(at, group_at(&v, weight));
    }
    int zeros = 0;
    while (zeros < GROUP - 1 && digits[zeros] == '0') {
        zeros++;
    }
    memmove(digits, digits + zeros, (size_t)(at - digits) - (size_t)zeros);
    at -= zeros;
    if (v.dscale > 0) {
        *at++ = '.';
        char *end = at + v.dscale;
        for (int weight = -1; at < end; weight--, at += GROUP) {
            put_group(at, group_at(&v, weight));
        }
        at = end;
    }
    size_t len = (size_t)(at - begin);
    if (begin == small && len > FLY_VEC_STR_INLINE) {
        begin = fly_arena_copy(arena, small, len);
        if (begin == NULL) {
            return fly__vec_num_no_memory(err);
        }
    }
    *text = fly_vec_str_of(begin, len);
    return FLY_OK;
}

/* --------------------------------------------------------- integers and decimals */

fly_status fly__vec_num_from_i128(fly__vec_work *w, fly_vec_i128 value, int scale,
                                  fly__vec_num *out)
{
    fly_vec_u128 u = value < 0 ? -(fly_vec_u128)value : (fly_vec_u128)value;
    uint16_t *d = fly__vec_num_digits(w, 12);
    if (d == NULL) {
        return fly__vec_num_no_memory(w->err);
    }
    /* The lowest group may have less than four digits of `u`, so that groups meet the point. */
    static const unsigned tens[] = {1, 10, 100, 1000};
    unsigned part = (unsigned)(scale % GROUP);
    int weight = -(scale + GROUP - 1) / GROUP;
    int at = 12;
    if (part > 0) {
        d[--at] = (uint16_t)((unsigned)(u % tens[part]) * tens[GROUP - part]);
        u /= tens[part];
        weight++;
    } else {
        d[--at] = (uint16_t)(u % BASE);
        u /= BASE;
        weight++;
    }
    for (; u > 0; u /= BASE) {
        d[--at] = (uint16_t)(u % BASE);
        weight++;
    }
    *out = (fly__vec_num){FINITE, value < 0, 12 - at, weight - 1, scale, d + at};
    fly__vec_num_strip(out);
    return FLY_OK;
}

fly_status fly_vec_numeric_from_i128(fly_vec_i128 value, int scale, fly_arena *arena,
                                     fly_vec_str *out, fly_err *err)
{
    FLY_ASSERT(scale >= 0);
    FLY_ASSERT(scale <= FLY_VEC_NUMERIC_SCALE_MAX);
    fly__vec_work w;
    fly__vec_num x;
    fly__vec_work_init(&w, arena->mem, err);
    fly_status status = fly__vec_num_from_i128(&w, value, scale, &x);
    if (status == FLY_OK) {
        status = fly__vec_num_pack(&x, arena, out, err);
    }
    fly__vec_work_deinit(&w);
    return status;
}

fly_status fly_vec_numeric_from_i64(int64_t x, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    return fly_vec_numeric_from_i128(x, 0, arena, out, err);
}

/* An integral numeric as an integer; false if it does not fit. */
bool fly__vec_num_to_i128(const fly__vec_num *x, fly_vec_i128 *out)
{
    if (x->n == 0) {
        *out = 0;
        return true;
    }
    if (x->weight > 9) {
        return false;
    }
    fly_vec_u128 u = 0;
    const fly_vec_u128 limit = ((fly_vec_u128)1 << 127) - !x->neg;
    for (int i = 0; i <= x->weight; i++) {
        unsigned g = i < x->n ? x->d[i] : 0;
        if (u > (limit - g) / BASE) {
            return false;
        }
        u = u * BASE + g;
    }
    *out = x->neg ? (fly_vec_i128)(0 - u) : (fly_vec_i128)u;
    return true;
}

/* Rounded after being multiplied by 10^scale. Works on the packed form: no memory needed. */
static bool scaled(fly_vec_str s, int scale, fly_vec_i128 *out)
{
    view v = view_of(fly_vec_str_bytes(&s));
    if (v.n == 0) {
        *out = 0;
        return true;
    }
    /* Decimal digits one after the other, down to 10^-scale, and the one behind it. */
    int64_t power = ((int64_t)v.weight + 1) * GROUP - 1;
    if (power > 40 || power < -(int64_t)scale - GROUP) {
        *out = 0;
        return power < 0;
    }
    static const int tens[] = {1, 10, 100, 1000};
    const fly_vec_u128 limit = ((fly_vec_u128)1 << 127) - !v.neg;
    fly_vec_u128 u = 0;
    for (; power >= -(int64_t)scale - 1; power--) {
        int64_t weight = group_of(power);
        int g = weight > v.weight || weight < v.weight - v.n + 1
                    ? 0
                    : group(&v, v.weight - (int)weight);
        unsigned digit = (unsigned)(g / tens[power - weight * GROUP] % 10);
        if (power == -(int64_t)scale - 1) {
            u += digit >= 5;
            break;
        }
        if (u > (limit - digit) / 10) {
            return false;
        }
        u = u * 10 + digit;
    }
    if (u > limit) {
        return false;
    }
    *out = v.neg ? (fly_vec_i128)(0 - u) : (fly_vec_i128)u;
    return true;
}

fly_status fly_vec_numeric_to_i128(fly_vec_str x, int scale, fly_vec_i128 *out, fly_err *err)
{
    if (view_of(fly_vec_str_bytes(&x)).kind != FINITE || !scaled(x, scale, out)) {
        (void)fly__vec_num_error(err, "22003", "numeric out of range");
        return FLY_E_TOO_LARGE;
    }
    return FLY_OK;
}

static fly_status to_integer(fly_vec_str x, int64_t low, int64_t high, const char *type,
                             int64_t *out, fly_err *err)
{
    fly__vec_num_kind kind = view_of(fly_vec_str_bytes(&x)).kind;
    fly_vec_i128 value;
    fly_status status;
    if (kind != FINITE) {
        status = fly_err_set(err, FLY_E_UNSUPPORTED, "cannot convert %s to %s",
                             kind == NOT_A_NUMBER ? "NaN" : "infinity", type);
        if (err != NULL) {
            memcpy(err->sqlstate, "0A000", 6);
        }
        return status;
    }
    if (!scaled(x, 0, &value) || value < low || value > high) {
        status = fly_err_set(err, FLY_E_INVALID, "%s out of range", type);
        if (err != NULL) {
            memcpy(err->sqlstate, "22003", 6);
        }
        return status;
    }
    *out = (int64_t)value;
    return FLY_OK;
}

fly_status fly_vec_numeric_to_i16(fly_vec_str x, int16_t *out, fly_err *err)
{
    int64_t value;
    fly_status status = to_integer(x, INT16_MIN, INT16_MAX, "smallint", &value, err);
    if (status == FLY_OK) {
        *out = (int16_t)value;
    }
    return status;
}

fly_status fly_vec_numeric_to_i32(fly_vec_str x, int32_t *out, fly_err *err)
{
    int64_t value;
    fly_status status = to_integer(x, INT32_MIN, INT32_MAX, "integer", &value, err);
    if (status == FLY_OK) {
        *out = (int32_t)value;
    }
    return status;
}

fly_status fly_vec_numeric_to_i64(fly_vec_str x, int64_t *out, fly_err *err)
{
    return to_integer(x, INT64_MIN, INT64_MAX, "bigint", out, err);
}

/* ------------------------------------------------------------------- properties */

int fly_vec_numeric_sign(fly_vec_str x)
{
    view v = view_of(fly_vec_str_bytes(&x));
    if (v.kind != FINITE) {
        return v.kind == NINF ? -1 : 1;
    }
    return v.n == 0 ? 0 : v.neg ? -1 : 1;
}

bool fly_vec_numeric_is_nan(fly_vec_str x)
{
    return view_of(fly_vec_str_bytes(&x)).kind == NOT_A_NUMBER;
}

bool fly_vec_numeric_is_inf(fly_vec_str x)
{
    fly__vec_num_kind kind = view_of(fly_vec_str_bytes(&x)).kind;
    return kind == PINF || kind == NINF;
}

bool fly_vec_numeric_is_integral(fly_vec_str x)
{
    view v = view_of(fly_vec_str_bytes(&x));
    return v.kind == FINITE && (v.n == 0 || v.n <= v.weight + 1);
}

int fly_vec_numeric_scale(fly_vec_str x)
{
    view v = view_of(fly_vec_str_bytes(&x));
    return v.kind != FINITE ? -1 : v.dscale;
}

int fly_vec_numeric_min_scale(fly_vec_str x)
{
    view v = view_of(fly_vec_str_bytes(&x));
    if (v.kind != FINITE) {
        return -1;
    }
    return v.n == 0 ? 0 : min_scale(v.n, v.weight, group(&v, v.n - 1));
}
