/*
 * Numbers by template: to_char() and to_number().
 *
 * A first walk over the template counts its digits and notes its signs. Then the number is written in
 * decimal, rounded to as many digits as there are behind the point, and a second walk puts it out place by
 * place: spaces where the number has no digit yet, the sign before the first one, zeros from where the
 * template has a 0. FM leaves out spaces and the zeros behind.
 *
 *     template   S  9  9  9  D  0  0      pre 3, post 2
 *     number        (2 places before)     " 1.50"
 *     result        +1.50 right-aligned
 *
 * What is not here: signs and separators of other locales than C.
 * @source PostgreSQL documentation, 9.8, and its formatting.c for the cases that it leaves open.
 */
#include "text_int.h"

#include <fly/vec_numeric.h>
#include <fly/vec_template.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum mark {
    M_END,
    M_TEXT,
    M_COMMA,
    M_POINT,
    M_ZERO,
    M_NINE,
    M_B,
    M_D,
    M_EEEE,
    M_FM,
    M_G,
    M_L,
    M_MI,
    M_PL,
    M_PR,
    M_RN,
    M_SG,
    M_SP,
    M_S,
    M_TH,
    M_V
} mark;

static const struct {
    const char *name;
    uint8_t mark;
} names[] = {{",", M_COMMA}, {".", M_POINT},   {"0", M_ZERO}, {"9", M_NINE}, {"B", M_B},
             {"D", M_D},     {"EEEE", M_EEEE}, {"FM", M_FM},  {"G", M_G},    {"L", M_L},
             {"MI", M_MI},   {"PL", M_PL},     {"PR", M_PR},  {"RN", M_RN},  {"SG", M_SG},
             {"SP", M_SP},   {"S", M_S},       {"TH", M_TH},  {"V", M_V}};

typedef struct place {
    mark mark;
    const uint8_t *at;
    size_t len;
    bool lower;
} place;

typedef struct walker {
    const uint8_t *at, *end;
    bool quoted;
} walker;

static char upper(int c)
{
    return (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
}

static bool names_match(const uint8_t *at, const uint8_t *end, const char *name)
{
    size_t n = strlen(name);
    if ((size_t)(end - at) < n) {
        return false;
    }
    bool low = at[0] >= 'a' && at[0] <= 'z';
    for (size_t i = 0; i < n; i++) {
        bool letter_low = at[i] >= 'a' && at[i] <= 'z';
        if (upper(at[i]) != name[i] || (letter_low != low)) {
            return false;
        }
    }
    return true;
}

static place next_place(walker *w)
{
    place p = {M_END, NULL, 0, false};
    while (w->at < w->end && *w->at == '"') {
        w->quoted = !w->quoted;
        w->at++;
    }
    if (w->at == w->end) {
        return p;
    }
    p.at = w->at;
    for (size_t i = 0; !w->quoted && i < sizeof names / sizeof names[0]; i++) {
        if (names_match(w->at, w->end, names[i].name)) {
            p.mark = (mark)names[i].mark;
            p.len = strlen(names[i].name);
            p.lower = *w->at >= 'a';
            w->at += p.len;
            return p;
        }
    }
    if (*w->at == '\\' && w->end - w->at >= 2 && (w->quoted || w->at[1] == '"')) {
        p.at = ++w->at;
    }
    p.mark = M_TEXT;
    p.len = fly_vec_text_step(w->at, (size_t)(w->end - w->at));
    w->at += p.len;
    return p;
}

static walker walk(fly_bytes format)
{
    static const uint8_t nothing[1] = {0};
    const uint8_t *at = format.len > 0 ? format.data : nothing;
    return (walker){at, at + format.len, false};
}

/* What the first walk found. */
typedef struct shape {
    int pre, post, multi;
    int zero_start; /* the place of the first 0 */
    int zero_end;   /* digits up to the last 0 */
    bool decimal, fill, blank, plus, minus, bracket, roman, has_v, eeee, zero;
    int sign;       /* S: 0 none, 1 before, 2 behind */
    int sign_place; /* digits before it */
} shape;

static fly_status bad(fly_err *err, const char *message)
{
    return fly__vec_text_error(err, "42601", message);
}

static fly_status note(shape *s, mark m, fly_err *err)
{
    if (s->eeee && m != M_EEEE && m != M_TEXT) {
        return bad(err, "\"EEEE\" must be the last pattern used");
    }
    switch (m) {
    case M_NINE:
        if (s->bracket) {
            return bad(err, "\"9\" must be ahead of \"PR\"");
        }
        *(s->has_v ? &s->multi : s->decimal ? &s->post : &s->pre) += 1;
        return FLY_OK;
    case M_ZERO:
        if (s->bracket) {
            return bad(err, "\"0\" must be ahead of \"PR\"");
        }
        if (!s->zero && !s->decimal) {
            s->zero = true;
            s->zero_start = s->pre;
        }
        *(s->decimal ? &s->post : &s->pre) += 1;
        s->zero_end = s->pre + s->post;
        return FLY_OK;
    case M_B:
        s->blank = s->blank || (s->pre == 0 && s->post == 0 && !s->zero);
        return FLY_OK;
    case M_D:
    case M_POINT:
        if (s->decimal) {
            return bad(err, "multiple decimal points");
        }
        if (s->has_v) {
            return bad(err, "cannot use \"V\" and decimal point together");
        }
        s->decimal = true;
        return FLY_OK;
    case M_FM:
        s->fill = true;
        return FLY_OK;
    case M_S:
        if (s->sign != 0) {
            return bad(err, "cannot use \"S\" twice");
        }
        if (s->plus || s->minus || s->bracket) {
            return bad(err, "cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together");
        }
        s->sign = s->decimal ? 2 : 1;
        s->sign_place = s->pre;
        return FLY_OK;
    case M_MI:
        if (s->sign != 0) {
            return bad(err, "cannot use \"S\" and \"MI\" together");
        }
        s->minus = true;
        return FLY_OK;
    case M_PL:
        if (s->sign != 0) {
            return bad(err, "cannot use \"S\" and \"PL\" together");
        }
        s->plus = true;
        return FLY_OK;
    case M_SG:
        if (s->sign != 0) {
            return bad(err, "cannot use \"S\" and \"SG\" together");
        }
        s->minus = s->plus = true;
        return FLY_OK;
    case M_PR:
        if (s->sign != 0 || s->plus || s->minus) {
            return bad(err, "cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together");
        }
        s->bracket = true;
        return FLY_OK;
    case M_RN:
        s->roman = true;
        return FLY_OK;
    case M_V:
        if (s->decimal) {
            return bad(err, "cannot use \"V\" and decimal point together");
        }
        s->has_v = true;
        return FLY_OK;
    case M_EEEE:
        if (s->eeee) {
            return bad(err, "cannot use \"EEEE\" twice");
        }
        if (s->blank || s->fill || s->sign != 0 || s->bracket || s->minus || s->plus || s->roman ||
            s->has_v) {
            fly_status status = bad(err, "\"EEEE\" is incompatible with other formats");
            if (err != NULL) {
                fly_err_hint(err, "\"EEEE\" may only be used together with digit and decimal point "
                                  "patterns.");
            }
            return status;
        }
        s->eeee = true;
        return FLY_OK;
    case M_SP: {
        fly_status status =
            fly__vec_text_error(err, "0A000", "\"SP\" is not supported in templates");
        return status;
    }
    default:
        return FLY_OK;
    }
}

static fly_status shape_of(fly_bytes format, shape *s, fly_err *err)
{
    walker w = walk(format);
    memset(s, 0, sizeof *s);
    for (place p = next_place(&w); p.mark != M_END; p = next_place(&w)) {
        fly_status status = note(s, p.mark, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

/* ----------------------------------------------------------------------- writing */

/* The second walk. `digits` is the number without its sign. */
typedef struct writer {
    fly__vec_sink *out;
    shape s;
    const char *digits, *at;
    const char *last; /* the last digit that FM shows; NULL: all */
    char sign;
    bool sign_written;
    bool no_number; /* TH behind something that does not end in a digit */
    bool stopped;   /* the template asks for a digit behind the number's end: nothing follows it */
    bool inside;    /* a digit was written just now: separators are shown */
    int place;      /* digits' places passed */
    int lead;       /* places before the number's first digit */
    int count;
} writer;

static void put(writer *w, const char *text, size_t n)
{
    fly__vec_sink_put(w->out, text, n);
}

/* ".5" where the template has no 0: the zero before the point is not shown. */
static bool hides_zero(const writer *w)
{
    return !w->s.zero && w->at == w->digits && *w->digits == '0' && w->s.post != 0;
}

static bool last_is_point(const writer *w)
{
    return w->last != NULL && *w->last == '.';
}

static void put_sign(writer *w)
{
    bool due = w->place >= w->lead || (w->s.zero && w->s.zero_start == w->place);
    if (w->sign_written || !due || (hides_zero(w) && !last_is_point(w))) {
        return;
    }
    if (w->s.sign != 0) {
        if (w->s.sign == 1) {
            put(w, &w->sign, 1);
            w->sign_written = true;
        }
        return;
    }
    if (w->s.bracket) {
        put(w, w->sign == '+' ? " " : "<", 1);
    } else if (w->sign == '-') {
        put(w, "-", 1);
    } else if (!w->s.fill) {
        put(w, " ", 1);
    }
    w->sign_written = true;
}

static void put_place(writer *w, mark m)
{
    w->inside = false;
    put_sign(w);
    bool zeros = w->s.zero && w->s.zero_start <= w->place;
    if (w->place < w->lead) {
        if (zeros) {
            put(w, "0", 1);
            w->inside = true;
        } else if (!w->s.fill) {
            put(w, " ", 1);
        }
    } else {
        if (*w->at == '.') {
            if (!last_is_point(w) || w->s.fill) {
                put(w, ".", 1);
            }
        } else if (w->last != NULL && w->at > w->last && m != M_ZERO) {
            /* FM: nothing but zeros behind */
        } else if (hides_zero(w)) {
            if (!w->s.fill) {
                put(w, " ", 1);
            } else if (last_is_point(w)) {
                put(w, "0", 1);
            }
        } else if (*w->at != '\0') {
            put(w, w->at, 1);
            w->inside = true;
        } else {
            w->stopped = true;
            return;
        }
        w->at += *w->at != '\0';
    }
    int end = w->count + (w->lead != 0) + w->s.decimal;
    if (w->last != NULL && w->last == w->at) {
        end = w->place;
    }
    if (w->place + 1 == end) {
        if (w->sign_written && w->s.bracket) {
            put(w, w->sign == '+' ? " " : ">", 1);
        } else if (w->s.sign == 2) {
            put(w, &w->sign, 1);
        }
    }
    w->place++;
}

static void put_ordinal(writer *w, bool low)
{
    static const char *const ends[] = {"th", "st", "nd", "rd"};
    size_t n = strlen(w->digits);
    if (n == 0 || w->digits[n - 1] < '0' || w->digits[n - 1] > '9') {
        w->no_number = w->stopped = true;
        return;
    }
    int last = w->digits[n - 1] - '0';
    int tens = n > 1 ? w->digits[n - 2] - '0' : 0;
    const char *end = ends[last > 3 || last < 0 || tens == 1 ? 0 : last];
    char two[2] = {low ? end[0] : upper(end[0]), low ? end[1] : upper(end[1])};
    put(w, two, 2);
}

static void write_places(writer *w, fly_bytes format)
{
    walker walking = walk(format);
    for (place p = next_place(&walking); p.mark != M_END && !w->stopped; p = next_place(&walking)) {
        switch (p.mark) {
        case M_NINE:
        case M_ZERO:
        case M_POINT:
        case M_D:
            put_place(w, p.mark);
            break;
        case M_COMMA:
        case M_G:
            if (w->inside || !w->s.fill) {
                put(w, w->inside ? "," : " ", 1);
            }
            break;
        case M_L:
            put(w, " ", 1);
            break;
        case M_TH:
            if (!w->s.roman && w->digits[0] != '#' && w->sign != '-' && !w->s.decimal) {
                put_ordinal(w, p.lower);
            }
            break;
        case M_MI:
            if (w->sign == '-' || !w->s.fill) {
                put(w, w->sign == '-' ? "-" : " ", 1);
            }
            break;
        case M_PL:
            if (w->sign == '+' || !w->s.fill) {
                put(w, w->sign == '+' ? "+" : " ", 1);
            }
            break;
        case M_SG:
            put(w, &w->sign, 1);
            break;
        case M_RN: {
            size_t n = strlen(w->digits);
            for (size_t i = n; !w->s.fill && i < 15; i++) {
                put(w, " ", 1);
            }
            for (size_t i = 0; i < n; i++) {
                char c = (char)(p.lower && w->digits[i] >= 'A' && w->digits[i] <= 'Z'
                                    ? w->digits[i] + 32
                                    : w->digits[i]);
                put(w, &c, 1);
            }
            break;
        }
        case M_TEXT:
            put(w, (const char *)p.at, p.len);
            break;
        default:
            break;
        }
    }
}

/* Set up what depends on the sign and the digits, then walk. */
static void write_number(writer *w, fly_bytes format)
{
    shape *s = &w->s;
    w->at = w->digits;
    if (s->plus || s->minus) {
        w->sign_written = !s->plus || s->minus;
        w->sign_written = !(s->plus && !s->minus);
    } else {
        if (s->bracket && s->fill && w->sign != '-') {
            s->bracket = false;
        }
        w->sign_written = w->sign == '+' && s->fill && s->sign == 0;
        if (s->sign == 1 && s->pre == s->sign_place) {
            s->sign = 2;
        }
    }
    w->count = s->post + s->pre - 1;
    if (s->fill && s->decimal) {
        const char *point = strchr(w->digits, '.');
        if (point != NULL) {
            w->last = point;
            for (const char *c = point + 1; *c != '\0'; c++) {
                w->last = *c != '0' ? c : w->last;
            }
            if (s->zero_end > w->lead) {
                size_t most = strlen(w->digits) - 1;
                size_t zeros = (size_t)(s->zero_end - w->lead);
                zeros = zeros < most ? zeros : most;
                w->last = w->last < w->digits + zeros ? w->digits + zeros : w->last;
            }
        }
    }
    if (!w->sign_written && w->lead == 0) {
        w->count++;
    }
    write_places(w, format);
}

static void roman(int32_t x, char *out)
{
    static const char *const parts[] = {"M",  "CM", "D",  "CD", "C",  "XC", "L",
                                        "XL", "X",  "IX", "V",  "IV", "I"};
    static const int16_t values[] = {1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1};
    if (x < 1 || x > 3999) {
        memset(out, '#', 15);
        out[15] = '\0';
        return;
    }
    for (int i = 0; i < 13; i++) {
        for (; x >= values[i]; x -= values[i]) {
            size_t n = strlen(parts[i]);
            memcpy(out, parts[i], n);
            out += n;
        }
    }
    *out = '\0';
}

static fly_status out_of_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a text");
}

/* "1.23e+04": a mantissa of `post` digits, and an exponent of two digits at least. */
static fly_status scientific(fly_vec_str x, const shape *s, fly_arena *arena, char **out,
                             fly_err *err)
{
    fly_vec_str text;
    fly_vec_str scaled;
    fly_status status;
    size_t room = 40 + (size_t)s->post + (size_t)s->pre;
    char *to = fly_arena_alloc(arena, room);
    if (to == NULL) {
        return out_of_memory(err);
    }
    *out = to;
    if (fly_vec_numeric_scale(x) < 0) {
        size_t n = (size_t)s->pre + (size_t)s->post + 6;
        memset(to, '#', n);
        to[0] = ' ';
        to[s->pre + 1] = '.';
        to[n] = '\0';
        return FLY_OK;
    }
    fly_vec_str size;
    int exponent = 0;
    int sign = fly_vec_numeric_sign(x);
    if ((status = fly_vec_numeric_abs(x, arena, &size, err)) != FLY_OK ||
        (status = fly_vec_numeric_format(size, arena, &text, err)) != FLY_OK) {
        return status;
    }
    if (sign != 0) {
        /* Where the first digit stands. */
        const char *t = fly_vec_str_data(&text);
        size_t point = 0;
        size_t first = 0;
        while (point < text.len && t[point] != '.') {
            point++;
        }
        while (t[first] == '0' || t[first] == '.') {
            first++;
        }
        exponent = first < point ? (int)(point - first) - 1 : -(int)(first - point);
    }
    /* A mantissa that rounds up to 10 stays so, as in PostgreSQL. */
    char shift[24];
    fly_vec_str power;
    (void)snprintf(shift, sizeof shift, "1e%d", -exponent);
    if ((status = fly_vec_numeric_parse(fly_bytes_str(shift), arena, &power, err)) != FLY_OK ||
        (status = fly_vec_numeric_mul(size, power, arena, &scaled, err)) != FLY_OK ||
        (status = fly_vec_numeric_round(scaled, s->post, arena, &scaled, err)) != FLY_OK ||
        (status = fly_vec_numeric_format(scaled, arena, &text, err)) != FLY_OK) {
        return status;
    }
    (void)snprintf(to, room, "%c%.*se%c%02d", sign < 0 ? '-' : ' ', (int)text.len,
                   fly_vec_str_data(&text), exponent < 0 ? '-' : '+', abs(exponent));
    return FLY_OK;
}

fly_status fly_vec_numeric_to_char(fly_vec_str x, fly_bytes format, fly_arena *arena,
                                   fly_vec_str *out, fly_err *err)
{
    shape s;
    fly__vec_sink sink;
    fly_vec_str text;
    fly_vec_str value = x;
    fly_status status = shape_of(format, &s, err);
    if (status != FLY_OK) {
        return status;
    }
    fly__vec_sink_init(&sink, arena, format.len * 2 + 16);
    writer w = {.out = &sink, .s = s, .sign = '+'};
    if (s.roman) {
        char digits[20];
        int32_t number;
        fly_vec_str rounded;
        if ((status = fly_vec_numeric_round(x, 0, arena, &rounded, err)) != FLY_OK ||
            (status = fly_vec_numeric_to_i32(rounded, &number, err)) != FLY_OK) {
            return status;
        }
        roman(number, digits);
        w.digits = w.at = digits;
        write_places(&w, format);
        return fly__vec_sink_give(&sink, out, err);
    }
    if (s.eeee) {
        char *number = NULL;
        if ((status = scientific(x, &s, arena, &number, err)) != FLY_OK) {
            return status;
        }
        fly__vec_sink_put(&sink, number, strlen(number));
        return fly__vec_sink_give(&sink, out, err);
    }
    if (s.multi > 0) {
        char shift[24];
        fly_vec_str power;
        (void)snprintf(shift, sizeof shift, "1e%d", s.multi);
        if ((status = fly_vec_numeric_parse(fly_bytes_str(shift), arena, &power, err)) != FLY_OK ||
            (status = fly_vec_numeric_mul(x, power, arena, &value, err)) != FLY_OK) {
            return status;
        }
        w.s.pre += s.multi;
    }
    if ((status = fly_vec_numeric_round(value, w.s.post, arena, &value, err)) != FLY_OK ||
        (status = fly_vec_numeric_format(value, arena, &text, err)) != FLY_OK) {
        return status;
    }
    const char *t = fly_vec_str_data(&text);
    bool neg = text.len > 0 && t[0] == '-';
    size_t n = text.len - neg;
    char *digits = fly_arena_alloc(arena, n + (size_t)(w.s.pre + w.s.post) + 3);
    if (digits == NULL) {
        return out_of_memory(err);
    }
    memcpy(digits, t + neg, n);
    digits[n] = '\0';
    w.sign = neg ? '-' : '+';
    w.digits = digits;
    int before = (int)strcspn(digits, ".");
    if (before < w.s.pre) {
        w.lead = w.s.pre - before;
    } else if (before > w.s.pre) {
        memset(digits, '#', (size_t)w.s.pre + (size_t)w.s.post + 1);
        digits[w.s.pre] = '.';
        digits[w.s.pre + w.s.post + 1] = '\0';
    }
    write_number(&w, format);
    if (w.no_number) {
        return fly__vec_text_error_text(err, "22P02", "\"%s\" is not a number",
                                        fly_bytes_str(digits));
    }
    return fly__vec_sink_give(&sink, out, err);
}

fly_status fly_vec_f64_to_char(double x, fly_bytes format, fly_arena *arena, fly_vec_str *out,
                               fly_err *err)
{
    fly_vec_str number;
    fly_status status = fly_vec_numeric_from_f64(x, arena, &number, err);
    return status == FLY_OK ? fly_vec_numeric_to_char(number, format, arena, out, err) : status;
}

/* ----------------------------------------------------------------------- reading */

typedef struct source {
    const uint8_t *at, *end;
    char *digits;
    size_t n;
    bool neg, point;
    bool signs; /* the template has a place for a sign */
} source;

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A sign may stand before the first digit, or, with S, MI and the like, behind the last. */
static void read_sign(source *s)
{
    while (s->at < s->end && is_space(*s->at)) {
        s->at++;
    }
    if (s->at < s->end && (*s->at == '-' || *s->at == '+' || *s->at == '<')) {
        s->neg = s->neg || *s->at != '+';
        s->at++;
    }
}

static void read_place(source *s, mark m)
{
    if (s->n == 0 && !s->point) {
        read_sign(s);
    }
    while (s->at < s->end && is_space(*s->at)) {
        s->at++;
    }
    if (s->at == s->end) {
        return;
    }
    if (m == M_POINT || m == M_D) {
        if (*s->at == '.') {
            s->digits[s->n++] = '.';
            s->point = true;
            s->at++;
        }
        return;
    }
    if (is_digit(*s->at)) {
        s->digits[s->n++] = (char)*s->at++;
    } else if (*s->at == '.' && !s->point) {
        /* The point comes before the template has it: digits of its places before are not there. */
        s->point = true;
        s->digits[s->n++] = '.';
        s->at++;
        if (s->at < s->end && is_digit(*s->at)) {
            s->digits[s->n++] = (char)*s->at++;
        }
    } else {
        s->neg = s->neg || (*s->at == '-' && s->signs);
        s->at += fly_vec_text_step(s->at, (size_t)(s->end - s->at));
    }
}

fly_status fly_vec_to_number(fly_bytes text, fly_bytes format, fly_arena *arena, fly_vec_str *out,
                             fly_err *err)
{
    shape found;
    fly_status status = shape_of(format, &found, err);
    if (status != FLY_OK) {
        return status;
    }
    if (found.roman) {
        return fly__vec_text_error(err, "0A000", "\"RN\" not supported for input");
    }
    if (found.eeee) {
        return fly__vec_text_error(err, "0A000", "\"EEEE\" not supported for input");
    }
    source s = {text.data, text.data + text.len,          NULL, 0, false,
                false,     found.minus || found.sign != 0};
    s.digits = fly_arena_alloc(arena, text.len + format.len + 8);
    if (s.digits == NULL) {
        return out_of_memory(err);
    }
    walker w = walk(format);
    for (place p = next_place(&w); p.mark != M_END && s.at < s.end; p = next_place(&w)) {
        switch (p.mark) {
        case M_NINE:
        case M_ZERO:
        case M_POINT:
        case M_D:
            read_place(&s, p.mark);
            break;
        case M_COMMA:
        case M_G:
            if (*s.at == ',') {
                s.at++;
            }
            break;
        case M_L:
            if (!is_digit(*s.at) && strchr("+-.,", *s.at) == NULL) {
                s.at += fly_vec_text_step(s.at, (size_t)(s.end - s.at));
            }
            break;
        case M_MI:
        case M_SG:
        case M_S:
        case M_PL:
            read_sign(&s);
            break;
        case M_PR:
            if (*s.at == '>') {
                s.at++;
            }
            break;
        case M_TH:
            s.at += s.end - s.at < 2 ? s.end - s.at : 2;
            break;
        case M_TEXT:
            s.at += fly_vec_text_step(s.at, (size_t)(s.end - s.at));
            break;
        default:
            break;
        }
    }
    /* A sign that was left over at the end. */
    if (s.at < s.end && *s.at == '-' && s.n > 0 && (found.minus || found.sign != 0)) {
        s.neg = true;
    }
    char *number = fly_arena_alloc(arena, s.n + 32);
    if (number == NULL) {
        return out_of_memory(err);
    }
    size_t n = 0;
    number[n++] = s.neg ? '-' : '+';
    memcpy(number + n, s.digits, s.n);
    n += s.n;
    fly_bytes done = fly_bytes_of(number, n);
    if (s.n == 0 || (s.n == 1 && s.digits[0] == '.')) {
        return fly__vec_text_error_text(
            err, "22P02", "invalid input syntax for type numeric: \"%s\"", fly_bytes_of(" ", 1));
    }
    status = fly_vec_numeric_parse(done, arena, out, err);
    if (status == FLY_OK && found.multi > 0) {
        char power[24];
        fly_vec_str by;
        (void)snprintf(power, sizeof power, "1e%d", found.multi);
        status = fly_vec_numeric_parse(fly_bytes_str(power), arena, &by, err);
        if (status == FLY_OK) {
            status = fly_vec_numeric_div(*out, by, arena, out, err);
        }
    }
    return status;
}
