/*
 * to_char() of numbers and to_number(): patterns of digits.
 *
 *     9  a digit, blank before the first      0  a digit, zero before the first
 *     .  D  decimal point                     ,  G  group separator
 *     S  sign at its place   MI  minus behind or before   PR  <negative>   SG  sign   PL  plus
 *     L  currency (none)     RN  Roman        TH  ordinal     V  shift     EEEE  exponent     FM
 *
 * The locale is C: point and comma, no currency sign.
 */
#include "func/string_int.h"

#include <stdio.h>

enum { DIGITS_MAX = 200 };

/* One piece of a pattern. */
typedef struct piece {
    char kind; /* 9 0 . , S M (MI) P (PR) + (PL) G (SG) L R (RN) T (TH) t (th) E V and " (text) */
    fly_bytes text;
} piece;

typedef struct format {
    piece pieces[DIGITS_MAX];
    int count;
    int before, after; /* digits before and behind the point */
    int first_zero;    /* the place of the first 0 before the point, from the left; -1: none */
    int shift;         /* digits behind V */
    bool fm, point, sign, minus, angle, roman, lower_roman, exponent, v;
} format;

static uint8_t upper(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c;
}

static bool starts(fly_bytes pattern, size_t at, const char *word)
{
    size_t len = strlen(word);
    if (pattern.len - at < len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (upper(pattern.data[at + i]) != (uint8_t)word[i]) {
            return false;
        }
    }
    return true;
}

static fly_status bad(fly__sql_call *call, const char *message)
{
    return FAIL(call, "42601", "%s", message);
}

static fly_status parse(fly__sql_call *call, fly_bytes pattern, format *f)
{
    memset(f, 0, sizeof *f);
    f->first_zero = -1;
    for (size_t at = 0; at < pattern.len;) {
        if (f->count >= DIGITS_MAX) {
            return FAIL(call, "54000", "number format is too long");
        }
        piece *p = &f->pieces[f->count++];
        size_t used = 1;
        p->text = fly_bytes_of(pattern.data + at, 1);
        p->kind = '"';
        if (starts(pattern, at, "FM")) {
            f->fm = true;
            f->count--;
            used = 2;
        } else if (starts(pattern, at, "EEEE")) {
            p->kind = 'E';
            f->exponent = true;
            used = 4;
        } else if (starts(pattern, at, "MI")) {
            p->kind = 'M';
            f->minus = true;
            used = 2;
        } else if (starts(pattern, at, "PR")) {
            p->kind = 'P';
            f->angle = true;
            used = 2;
        } else if (starts(pattern, at, "PL")) {
            p->kind = '+';
            used = 2;
        } else if (starts(pattern, at, "SG")) {
            p->kind = 'G';
            f->minus = true;
            used = 2;
        } else if (starts(pattern, at, "RN")) {
            p->kind = 'R';
            f->roman = true;
            f->lower_roman = pattern.data[at] == 'r';
            used = 2;
        } else if (starts(pattern, at, "TH")) {
            p->kind = pattern.data[at] == 't' ? 't' : 'T';
            used = 2;
        } else if (pattern.data[at] == '"') {
            size_t end = at + 1;
            while (end < pattern.len && pattern.data[end] != '"') {
                end++;
            }
            p->text = fly_bytes_of(pattern.data + at + 1, end - at - 1);
            used = end + 1 - at;
        } else {
            switch (upper(pattern.data[at])) {
            case '9':
            case '0':
                p->kind = (char)pattern.data[at];
                if (f->v) {
                    f->shift++;
                }
                if (f->point) {
                    f->after++;
                } else {
                    if (p->kind == '0' && f->first_zero < 0) {
                        f->first_zero = f->before;
                    }
                    f->before++;
                }
                break;
            case '.':
            case 'D':
                if (f->point) {
                    return bad(call, "multiple decimal points");
                }
                p->kind = '.';
                f->point = true;
                break;
            case ',':
            case 'G':
                p->kind = ',';
                break;
            case 'S':
                p->kind = 'S';
                f->sign = true;
                break;
            case 'L':
                p->kind = 'L';
                break;
            case 'V':
                p->kind = 'V';
                f->v = true;
                break;
            default:
                break;
            }
        }
        at += used;
    }
    return FLY_OK;
}

/* Roman numerals, 1 to 3999, right-aligned in 15 characters. */
static fly_status give_roman(fly__sql_call *call, const format *f, int64_t number,
                             fly_vec_value *result)
{
    static const struct {
        int value;
        const char *text;
    } steps[] = {{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"},
                 {90, "XC"},  {50, "L"},   {40, "XL"}, {10, "X"},   {9, "IX"},
                 {5, "V"},    {4, "IV"},   {1, "I"}};
    char out[40] = "";
    size_t len = 0;
    if (number < 1 || number > 3999) {
        memset(out, '#', 15);
    } else {
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            while (number >= steps[i].value) {
                for (const char *c = steps[i].text; *c != '\0'; c++) {
                    out[len++] = f->lower_roman ? (char)(*c | 32) : *c;
                }
                number -= steps[i].value;
            }
        }
    }
    char padded[64];
    int whole = snprintf(padded, sizeof padded, f->fm ? "%s" : "%15s", out);
    return fly__sql_give_copy(call, padded, (size_t)whole, result);
}

/* The number's digits as text with `after` digits behind the point; the sign apart. */
static fly_status digits_of(fly__sql_call *call, const fly_vec_value *args, int after, int shift,
                            fly_bytes *digits, bool *negative, bool *special)
{
    fly_vec_str number;
    fly_vec_str text;
    fly_status status;
    *special = false;
    switch (call->types[0].oid) {
    case FLY_SQL_INT4:
        status = fly_vec_numeric_from_i64(args[0].i32, call->arena, &number, call->err);
        break;
    case FLY_SQL_INT8:
        status = fly_vec_numeric_from_i64(args[0].i64, call->arena, &number, call->err);
        break;
    case FLY_SQL_FLOAT4:
        status = fly_vec_numeric_from_f32(args[0].f32, call->arena, &number, call->err);
        break;
    case FLY_SQL_FLOAT8:
        status = fly_vec_numeric_from_f64(args[0].f64, call->arena, &number, call->err);
        break;
    default:
        status = fly__sql_arg_numeric(call, 0, args, &number);
    }
    if (status == FLY_OK && shift > 0) {
        fly_vec_str power;
        status =
            fly_vec_numeric_from_i128(fly__sql_power_of_ten((unsigned)(shift < 38 ? shift : 38)), 0,
                                      call->arena, &power, call->err);
        if (status == FLY_OK) {
            status = fly_vec_numeric_mul(number, power, call->arena, &number, call->err);
        }
    }
    if (status != FLY_OK) {
        return status;
    }
    *special = fly_vec_numeric_is_nan(number) || fly_vec_numeric_is_inf(number);
    if (!*special) {
        status = fly_vec_numeric_round(number, after, call->arena, &number, call->err);
    }
    if (status == FLY_OK) {
        status = fly_vec_numeric_format(number, call->arena, &text, call->err);
    }
    if (status == FLY_OK) {
        char *copy = fly__sql_room(call, text.len);
        if (copy == NULL) {
            return FLY_E_NO_MEMORY;
        }
        memcpy(copy, fly_vec_str_data(&text), text.len);
        *negative = text.len > 0 && copy[0] == '-';
        *digits = fly_bytes_of(copy + *negative, text.len - *negative);
    }
    return status;
}

static void put_char(fly_sql_text *text, char c)
{
    fly__sql_text_add(text, &c, 1);
}

/* 1.2345e+03 */
static fly_status give_exponent(fly__sql_call *call, const format *f, const fly_vec_value *args,
                                fly_vec_value *result)
{
    fly_bytes digits;
    bool negative = false;
    bool special;
    double x = 0;
    fly_status status = digits_of(call, args, 30, 0, &digits, &negative, &special);
    if (status != FLY_OK) {
        return status;
    }
    if (fly_vec_f64_parse(digits, &x, NULL) != FLY_OK) {
        x = 0;
    }
    char out[80];
    int len = snprintf(out, sizeof out, "%s%.*e",
                       negative ? "-"
                       : f->fm  ? ""
                                : " ",
                       f->after < 40 ? f->after : 40, x);
    return fly__sql_give_copy(call, out, (size_t)len, result);
}

ROW(to_char_number)
{
    format f;
    fly_bytes digits;
    bool negative = false;
    bool special = false;
    if (args[1].str.len == 0) {
        return give_bytes(result, fly_bytes_str(""));
    }
    fly_status status = parse(call, arg_bytes(&args[1]), &f);
    if (status != FLY_OK) {
        return status;
    }
    if (f.exponent) {
        return give_exponent(call, &f, args, result);
    }
    status = digits_of(call, args,
                       f.roman ? 0
                       : f.v   ? 0
                               : f.after,
                       f.shift, &digits, &negative, &special);
    if (status != FLY_OK) {
        return status;
    }
    if (f.roman) {
        int64_t number = -1;
        if (special || negative || fly_vec_i64_parse(digits, &number, NULL) != FLY_OK) {
            number = -1;
        }
        return give_roman(call, &f, number, result);
    }
    const uint8_t *point = digits.len > 0 ? memchr(digits.data, '.', digits.len) : NULL;
    int whole = (int)(point != NULL ? point - digits.data : (int64_t)digits.len);
    const uint8_t *fraction = point != NULL ? point + 1 : NULL;
    int fraction_len = point != NULL ? (int)digits.len - whole - 1 : 0;
    if (whole == 1 && digits.data[0] == '0' && (f.before > 0 || f.after > 0)) {
        whole = 0; /* .5 shows no zero unless the pattern wants it */
    }
    bool fits = whole <= f.before && !special;
    int last = f.fm && f.after > 0 ? fraction_len : f.after; /* FM cuts zeros at the end */
    while (f.fm && last > 0 && (last > fraction_len || fraction[last - 1] == '0')) {
        last--;
    }
    /* FM keeps as many as there are 0s in the pattern. */
    int seen = 0;
    bool behind = false;
    for (int i = 0; i < f.count; i++) {
        behind |= f.pieces[i].kind == '.';
        if (behind && (f.pieces[i].kind == '9' || f.pieces[i].kind == '0')) {
            seen++;
            last = f.pieces[i].kind == '0' && seen > last ? seen : last;
        }
    }
    /* If everything is cut to nothing, the last 9 before the point shows the zero. */
    fly_sql_text text = {.arena = call->arena};
    bool sign_due = !f.sign && !f.minus && !f.angle;
    bool has_sign_piece = f.sign;
    int place = 0;
    int behind_place = 0;
    bool started = false; /* a digit has been shown */
    bool lead_sign = f.sign && f.pieces[0].kind == 'S';
    bool zero = digits.len > 0;
    for (size_t i = 0; i < digits.len; i++) {
        zero &= digits.data[i] == '0' || digits.data[i] == '.';
    }
    if (zero && negative) {
        negative = false;
    }
    bool sign_done = !(sign_due || lead_sign || f.angle);
    char sign = negative ? '-' : lead_sign ? '+' : ' ';
    if (f.angle) {
        sign = negative ? '<' : ' ';
    }
    (void)has_sign_piece;
    behind = false;
    for (int i = 0; i < f.count; i++) {
        const piece *p = &f.pieces[i];
        switch (p->kind) {
        case '9':
        case '0':
            if (behind) {
                if (behind_place < last) {
                    put_char(&text, !fits                         ? '#'
                                    : behind_place < fraction_len ? (char)fraction[behind_place]
                                                                  : '0');
                } else if (!f.fm) {
                    put_char(&text, fits ? '0' : '#');
                }
                behind_place++;
                break;
            }
            {
                int from_right = f.before - place; /* this digit and those behind it */
                bool digit = from_right <= whole || !fits;
                bool padded = f.first_zero >= 0 && place >= f.first_zero;
                bool only = place == f.before - 1 && whole == 0 && !padded &&
                            (f.after == 0 || !f.point);
                place++;
                if (digit || padded || only) {
                    if (!sign_done) {
                        if (!(f.fm && sign == ' ')) {
                            put_char(&text, sign);
                        }
                        sign_done = true;
                    }
                    put_char(&text, !fits                 ? '#'
                                    : from_right <= whole ? (char)digits.data[whole - from_right]
                                                          : '0');
                    started = true;
                } else if (!f.fm) {
                    put_char(&text, ' ');
                }
            }
            break;
        case '.':
            if (!sign_done) {
                if (!(f.fm && sign == ' ')) {
                    put_char(&text, sign);
                }
                sign_done = true;
            }
            behind = true;
            put_char(&text, '.');
            break;
        case ',':
            if (started) {
                put_char(&text, ',');
            } else if (!f.fm) {
                put_char(&text, ' ');
            }
            break;
        case 'S':
            if (!lead_sign || i > 0) {
                put_char(&text, negative ? '-' : '+');
            }
            break;
        case 'M':
            if (negative) {
                put_char(&text, '-');
            } else if (!f.fm) {
                put_char(&text, ' ');
            }
            break;
        case 'G':
            put_char(&text, negative ? '-' : '+');
            break;
        case '+':
            if (!negative) {
                put_char(&text, '+');
            } else if (!f.fm) {
                put_char(&text, ' ');
            }
            break;
        case 'P':
            if (negative) {
                put_char(&text, '>');
            } else if (!f.fm) {
                put_char(&text, ' ');
            }
            break;
        case 'L':
            if (!f.fm) {
                put_char(&text, ' ');
            }
            break;
        case 'T':
        case 't':
            if (!negative && !f.point && text.len > 0) {
                char end = text.data[text.len - 1];
                bool teen = text.len > 1 && text.data[text.len - 2] == '1';
                const char *ending = teen         ? "TH"
                                     : end == '1' ? "ST"
                                     : end == '2' ? "ND"
                                     : end == '3' ? "RD"
                                                  : "TH";
                for (int k = 0; k < 2; k++) {
                    put_char(&text, p->kind == 't' ? (char)(ending[k] | 32) : ending[k]);
                }
            }
            break;
        case '"':
            fly__sql_text_add(&text, (const char *)p->text.data, p->text.len);
            break;
        default:
            break;
        }
    }
    return fly__sql_give_text(call, &text, result);
}

/* Digits and signs of the text in the order of the pattern; all else is skipped. */
ROW(to_number)
{
    format f;
    fly_bytes text = arg_bytes(&args[0]);
    if (args[1].str.len == 0) {
        return give_null(result);
    }
    fly_status status = parse(call, arg_bytes(&args[1]), &f);
    if (status != FLY_OK) {
        return status;
    }
    fly_sql_text digits = {.arena = call->arena};
    bool negative = false;
    bool point = false;
    int after = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '-' || c == '<') {
            negative = true;
        } else if (c >= '0' && c <= '9') {
            if (point && after++ >= f.after) {
                break;
            }
            fly__sql_text_add(&digits, (const char *)&c, 1);
        } else if (c == '.' && f.point && !point) {
            point = true;
            fly__sql_text_put(&digits, ".");
        }
    }
    if (digits.failed) {
        return fly__sql_no_memory(call->err);
    }
    if (digits.len == 0 || (digits.len == 1 && digits.data[0] == '.')) {
        return FAIL(call, "22P02", "invalid input syntax for type numeric: \" \"");
    }
    fly_sql_text number = {.arena = call->arena};
    fly__sql_text_put(&number, negative ? "-" : "");
    fly__sql_text_add(&number, digits.data, digits.len);
    fly_vec_str value;
    status = fly_vec_numeric_parse(fly_bytes_of(number.data, number.len), call->arena, &value,
                                   call->err);
    if (status == FLY_OK && f.shift > 0) {
        fly_vec_str power;
        status = fly_vec_numeric_from_i128(
            fly__sql_power_of_ten((unsigned)(f.shift < 38 ? f.shift : 38)), 0, call->arena, &power,
            call->err);
        if (status == FLY_OK) {
            status = fly_vec_numeric_div(value, power, call->arena, &value, call->err);
        }
    }
    return status != FLY_OK ? status : fly__sql_give_numeric(call, value, result);
}
