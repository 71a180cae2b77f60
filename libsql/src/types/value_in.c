/*
 * Values from text: what typinput does in PostgreSQL, with its messages.
 *
 * Arrays and rows are taken apart by their quoting rules, then each piece goes through here again.
 */
#include "types/value_int.h"

#include "func/jsonpath_int.h"

#include "types/array_int.h"
#include "types/row_int.h"

#include <fly/text.h>
#include <fly/vec_numeric.h>

#include <stdio.h>

static fly_status no_memory(fly_err *err)
{
    return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory for a value");
}

/* 22P02 with the text, cut so that the message stays one. */
static fly_status bad_syntax(fly_err *err, const char *type, fly_bytes text)
{
    return fly_err_state(err, "22P02", 0, "invalid input syntax for type %s: \"%.*s\"", type,
                         (int)(text.len < 400 ? text.len : 400), (const char *)text.data);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static fly_bytes trimmed(fly_bytes text)
{
    while (text.len > 0 && is_space(text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

static fly_status keep(fly_bytes text, fly_arena *arena, fly_vec_value *value, fly_err *err)
{
    const void *data = text.data;
    if (text.len > FLY_VEC_STR_INLINE) {
        data = text.len <= UINT32_MAX / 4 ? fly_arena_copy(arena, text.data, text.len) : NULL;
        if (data == NULL) {
            return no_memory(err);
        }
    }
    value->str = fly_vec_str_of(data, text.len);
    return FLY_OK;
}

/* ----------------------------------------------------------------------- booleans */

/* Whether the text begins the word, in any case, with at least `least` letters. */
static bool begins(fly_bytes text, const char *word, size_t least)
{
    if (text.len < least || text.len > strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c >= 'A' && c <= 'Z') {
            c = (uint8_t)(c + 32);
        }
        if (c != (uint8_t)word[i]) {
            return false;
        }
    }
    return true;
}

static fly_status bool_in(fly_bytes text, fly_vec_value *value, fly_err *err)
{
    fly_bytes word = trimmed(text);
    if (begins(word, "true", 1) || begins(word, "yes", 1) || begins(word, "on", 2) ||
        begins(word, "1", 1)) {
        value->b = true;
        return FLY_OK;
    }
    if (begins(word, "false", 1) || begins(word, "no", 1) || begins(word, "off", 2) ||
        begins(word, "0", 1)) {
        value->b = false;
        return FLY_OK;
    }
    return bad_syntax(err, "boolean", text);
}

/* -------------------------------------------------------------------------- bytes */

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static fly_status bytea_hex(fly_bytes text, fly_arena *arena, fly_vec_value *value, fly_err *err)
{
    uint8_t *out = fly_arena_alloc(arena, text.len / 2 + 1);
    if (out == NULL) {
        return no_memory(err);
    }
    size_t len = 0;
    int high = -1;
    for (size_t i = 0; i < text.len; i++) {
        if (high < 0 && is_space(text.data[i])) {
            continue;
        }
        int digit = hex_digit(text.data[i]);
        if (digit < 0) {
            uint32_t code;
            size_t bytes = fly_text_next(text, i, &code);
            return fly_err_state(err, "22023", 0, "invalid hexadecimal digit: \"%.*s\"", (int)bytes,
                                 (const char *)text.data + i);
        }
        if (high < 0) {
            high = digit;
        } else {
            out[len++] = (uint8_t)(high << 4 | digit);
            high = -1;
        }
    }
    if (high >= 0) {
        return fly_err_state(err, "22023", 0, "invalid hexadecimal data: odd number of digits");
    }
    value->str = fly_vec_str_of(out, len);
    return FLY_OK;
}

static fly_status bytea_in(fly_bytes text, fly_arena *arena, fly_vec_value *value, fly_err *err)
{
    if (text.len >= 2 && text.data[0] == '\\' && text.data[1] == 'x') {
        return bytea_hex(fly_bytes_of(text.data + 2, text.len - 2), arena, value, err);
    }
    uint8_t *out = fly_arena_alloc(arena, text.len);
    if (out == NULL) {
        return no_memory(err);
    }
    size_t len = 0;
    for (size_t i = 0; i < text.len;) {
        const uint8_t *c = text.data + i;
        if (c[0] != '\\') {
            out[len++] = c[0];
            i++;
        } else if (text.len - i >= 2 && c[1] == '\\') {
            out[len++] = '\\';
            i += 2;
        } else if (text.len - i >= 4 && c[1] >= '0' && c[1] <= '3' && c[2] >= '0' && c[2] <= '7' &&
                   c[3] >= '0' && c[3] <= '7') {
            out[len++] = (uint8_t)((c[1] - '0') << 6 | (c[2] - '0') << 3 | (c[3] - '0'));
            i += 4;
        } else {
            return fly_err_state(err, "22P02", 0, "invalid input syntax for type bytea");
        }
    }
    value->str = fly_vec_str_of(out, len);
    return FLY_OK;
}

static fly_status uuid_in(fly_bytes text, fly_vec_value *value, fly_err *err)
{
    uint8_t bytes[16];
    size_t at = 0;
    bool brace = text.len > 0 && text.data[0] == '{';
    at += brace;
    for (int i = 0; i < 16; i++) {
        int high = at + 1 < text.len ? hex_digit(text.data[at]) : -1;
        int low = at + 1 < text.len ? hex_digit(text.data[at + 1]) : -1;
        if (high < 0 || low < 0) {
            return bad_syntax(err, "uuid", text);
        }
        bytes[i] = (uint8_t)(high << 4 | low);
        at += 2;
        /* A dash may follow every second byte. */
        if (i % 2 == 1 && i < 15 && at < text.len && text.data[at] == '-') {
            at++;
        }
    }
    if (brace && (at >= text.len || text.data[at++] != '}')) {
        return bad_syntax(err, "uuid", text);
    }
    if (at != text.len) {
        return bad_syntax(err, "uuid", text);
    }
    value->i128 = fly__sql_uuid_of(bytes);
    return FLY_OK;
}

static fly_status bits_in(fly_sql_type type, fly_bytes text, fly_arena *arena, fly_vec_value *value,
                          fly_err *err)
{
    (void)type;
    bool hex = text.len > 0 && (text.data[0] == 'x' || text.data[0] == 'X');
    if (hex || (text.len > 0 && (text.data[0] == 'b' || text.data[0] == 'B'))) {
        text = fly_bytes_of(text.data + 1, text.len - 1);
    }
    char *out = fly_arena_alloc(arena, text.len * (hex ? 4 : 1));
    if (out == NULL) {
        return no_memory(err);
    }
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = hex_digit(text.data[i]);
        if (digit < 0 || (!hex && digit > 1)) {
            uint32_t code;
            size_t bytes = fly_text_next(text, i, &code);
            return fly_err_state(err, "22P02", 0, "\"%.*s\" is not a valid %s digit", (int)bytes,
                                 (const char *)text.data + i, hex ? "hexadecimal" : "binary");
        }
        for (int bit = hex ? 3 : 0; bit >= 0; bit--) {
            out[len++] = (char)('0' + (digit >> bit & 1));
        }
    }
    value->str = fly_vec_str_of(out, len);
    return FLY_OK;
}

/* --------------------------------------------------------------- numbers of 32 bits */

/* Read a number of 32 bits, which may be given as negative. */
static fly_status oid_in(fly_bytes text, const char *type, fly_vec_value *value, fly_err *err)
{
    fly_bytes word = trimmed(text);
    int64_t number;
    if (fly_vec_i64_parse(word, &number, NULL) != FLY_OK) {
        return bad_syntax(err, type, text);
    }
    if (number < INT32_MIN || number > UINT32_MAX) {
        return fly_err_state(err, "22003", 0, "value \"%.*s\" is out of range for type %s",
                             (int)(text.len < 400 ? text.len : 400), (const char *)text.data, type);
    }
    value->i32 = (int32_t)(uint32_t)(uint64_t)number;
    return FLY_OK;
}

static bool digits_in(fly_bytes text, size_t *at, unsigned base, uint64_t limit, uint64_t *number)
{
    size_t from = *at;
    *number = 0;
    while (*at < text.len) {
        int digit = hex_digit(text.data[*at]);
        if (digit < 0 || (unsigned)digit >= base) {
            break;
        }
        *number = *number * base + (unsigned)digit;
        if (*number > limit) {
            return false;
        }
        (*at)++;
    }
    return *at > from;
}

static fly_status lsn_in(fly_bytes text, fly_vec_value *value, fly_err *err)
{
    size_t at = 0;
    uint64_t high;
    uint64_t low;
    if (!digits_in(text, &at, 16, UINT32_MAX, &high) || at >= text.len || text.data[at++] != '/' ||
        !digits_in(text, &at, 16, UINT32_MAX, &low) || at != text.len) {
        return bad_syntax(err, "pg_lsn", text);
    }
    value->i64 = (int64_t)(high << 32 | low);
    return FLY_OK;
}

static fly_status tid_in(fly_bytes text, fly_vec_value *value, fly_err *err)
{
    size_t at = 1;
    uint64_t block;
    uint64_t place;
    if (text.len < 5 || text.data[0] != '(' ||
        !digits_in(text, &at, 10, UINT64_C(0xffffffffffff), &block) || at >= text.len ||
        text.data[at++] != ',' || !digits_in(text, &at, 10, 0xffff, &place) || at + 1 != text.len ||
        text.data[at] != ')') {
        return bad_syntax(err, "tid", text);
    }
    value->i64 = (int64_t)(block << 16 | place);
    return FLY_OK;
}

/* int2vector, oidvector: numbers with blanks between. */
static fly_status vector_in(fly_sql_type type, fly_bytes text, fly_arena *arena,
                            fly_vec_value *value, fly_err *err)
{
    bool small = type.oid == FLY__SQL_OID_int2vector;
    fly__sql_array_builder builder;
    fly__sql_array_begin(&builder, fly__sql_type(small ? FLY_SQL_INT2 : FLY_SQL_OID), arena);
    fly_status status = FLY_OK;
    size_t at = 0;
    while (status == FLY_OK) {
        while (at < text.len && is_space(text.data[at])) {
            at++;
        }
        size_t from = at;
        while (at < text.len && !is_space(text.data[at])) {
            at++;
        }
        if (at == from) {
            break;
        }
        fly_vec_value number = {0};
        fly_bytes word = fly_bytes_of(text.data + from, at - from);
        status = small ? fly_vec_i16_parse(word, &number.i16, err)
                       : oid_in(word, "oid", &number, err);
        if (status == FLY_OK) {
            status = fly__sql_array_add(&builder, &number, err);
        }
    }
    uint32_t count = builder.count;
    int32_t zero = 0;
    return status != FLY_OK
               ? status
               : fly__sql_array_end_shaped(&builder, 1, &count, &zero, &value->str, err);
}

/* -------------------------------------------------------------------------- arrays */

typedef struct array_reader {
    struct fly_sql_session *session;
    fly_bytes text;
    size_t at;
    fly_sql_type element;
    unsigned depth;
    uint32_t dimensions; /* 0: not known yet */
    uint32_t length[FLY__SQL_DIMENSIONS_MAX];
    int32_t lower[FLY__SQL_DIMENSIONS_MAX];
    fly__sql_array_builder builder;
    fly_sql_text word;
    fly_arena *arena;
    fly_err *err;
} array_reader;

static fly_status malformed(array_reader *r, const char *detail)
{
    fly_err_state(r->err, "22P02", 0, "malformed array literal: \"%.*s\"",
                  (int)(r->text.len < 400 ? r->text.len : 400), (const char *)r->text.data);
    fly_err_detail(r->err, "%s", detail);
    return FLY_E_INVALID;
}

static void skip_space(array_reader *r)
{
    while (r->at < r->text.len && is_space(r->text.data[r->at])) {
        r->at++;
    }
}

static uint8_t peek(const array_reader *r)
{
    return r->at < r->text.len ? r->text.data[r->at] : 0;
}

/* The text of an element, out of its quotes, into r->word; `*null` if it is the bare word NULL. */
static fly_status read_word(array_reader *r, bool *null)
{
    bool quoted = false;
    size_t solid = 0; /* length up to the last character that is no trailing blank */
    r->word.len = 0;
    for (;;) {
        if (r->at >= r->text.len) {
            return malformed(r, "Unexpected end of input.");
        }
        uint8_t c = peek(r);
        if (c == '"') {
            if (quoted || solid > 0) {
                return malformed(r, "Unexpected array element.");
            }
            quoted = true;
            r->at++;
            while (r->at < r->text.len && peek(r) != '"') {
                if (peek(r) == '\\') {
                    r->at++;
                }
                if (r->at < r->text.len) {
                    fly__sql_text_add(&r->word, (const char *)r->text.data + r->at, 1);
                    r->at++;
                }
            }
            if (r->at >= r->text.len) {
                return malformed(r, "Unexpected end of input.");
            }
            r->at++;
            continue;
        }
        if (c == '{') {
            return malformed(r, "Unexpected \"{\" character.");
        }
        if (c == ',' || c == '}') {
            break;
        }
        if (quoted) {
            if (!is_space(c)) {
                return malformed(r, "Unexpected array element.");
            }
            r->at++;
            continue;
        }
        bool escaped = c == '\\';
        if (escaped) {
            r->at++;
            if (r->at >= r->text.len) {
                return malformed(r, "Unexpected end of input.");
            }
        }
        fly__sql_text_add(&r->word, (const char *)r->text.data + r->at, 1);
        if (escaped || !is_space(c)) {
            solid = r->word.len;
        }
        r->at++;
    }
    if (r->word.failed) {
        return no_memory(r->err);
    }
    if (!quoted) {
        r->word.len = solid;
        if (solid == 0) {
            char detail[40];
            snprintf(detail, sizeof detail, "Unexpected \"%c\" character.", peek(r));
            return malformed(r, detail);
        }
    }
    *null = !quoted && r->word.len == 4 &&
            begins(fly_bytes_of(r->word.data, r->word.len), "null", 4);
    return FLY_OK;
}

static fly_status read_element(array_reader *r)
{
    bool null = false;
    fly_status status = read_word(r, &null);
    fly_vec_value value = {.null = null};
    if (status == FLY_OK && !null) {
        status = fly__sql_value_read(r->session, r->element,
                                     fly_bytes_of(r->word.data, r->word.len), r->depth + 1,
                                     r->arena, &value, r->err);
    }
    if (status == FLY_OK && !null && r->element.mod >= 0) {
        status = fly__sql_value_fit(r->element, false, &value, r->arena, r->err);
    }
    return status != FLY_OK ? status : fly__sql_array_add(&r->builder, &value, r->err);
}

/* What stands in braces, at `level` (from 0). */
static fly_status read_braces(array_reader *r, uint32_t level,
                              fly_status (*inner)(array_reader *, uint32_t))
{
    uint32_t count = 0;
    r->at++; /* the brace */
    skip_space(r);
    if (peek(r) == '}') {
        r->at++;
        if (level > 0) {
            return malformed(r, "Unexpected \"}\" character.");
        }
        return FLY_OK;
    }
    for (;;) {
        skip_space(r);
        bool nested = peek(r) == '{';
        /* The first element says how deep the array is; all others must agree. */
        if (nested && r->dimensions != 0 && level + 1 >= r->dimensions) {
            return malformed(r, "Unexpected \"{\" character.");
        }
        if (!nested) {
            if (r->dimensions == 0) {
                r->dimensions = level + 1;
            } else if (r->dimensions != level + 1) {
                return malformed(r, r->at >= r->text.len ? "Unexpected end of input."
                                                         : "Unexpected array element.");
            }
        }
        fly_status status = nested ? inner(r, level + 1) : read_element(r);
        if (status != FLY_OK) {
            return status;
        }
        count++;
        skip_space(r);
        uint8_t c = peek(r);
        r->at++;
        if (c == '}') {
            break;
        }
        if (c != ',') {
            return malformed(r, r->at > r->text.len ? "Unexpected end of input."
                                                    : "Unexpected array element.");
        }
    }
    if (r->length[level] == UINT32_MAX) {
        r->length[level] = count;
    } else if (r->length[level] != count) {
        return malformed(r,
                         "Multidimensional arrays must have sub-arrays with matching dimensions.");
    }
    return FLY_OK;
}

static fly_status read_level(array_reader *r, uint32_t level)
{
    if (level >= FLY__SQL_DIMENSIONS_MAX) {
        return fly_err_state(r->err, "54000", 0,
                             "number of array dimensions (%u) exceeds the maximum allowed (%d)",
                             level + 1, FLY__SQL_DIMENSIONS_MAX);
    }
    return read_braces(r, level, read_level);
}

/* "[2:4][0:1]=" before the braces. */
static fly_status read_bounds(array_reader *r, uint32_t *given, int64_t *upper)
{
    *given = 0;
    while (skip_space(r), peek(r) == '[') {
        if (*given >= FLY__SQL_DIMENSIONS_MAX) {
            return fly_err_state(r->err, "54000", 0,
                                 "number of array dimensions (%u) exceeds the maximum allowed (%d)",
                                 *given + 1, FLY__SQL_DIMENSIONS_MAX);
        }
        int64_t bound[2] = {1, 0};
        size_t from = ++r->at;
        int which = 0;
        for (; r->at < r->text.len; r->at++) {
            uint8_t c = peek(r);
            if ((c == ':' && which == 0) || c == ']') {
                int32_t number;
                if (fly_vec_i32_parse(fly_bytes_of(r->text.data + from, r->at - from), &number,
                                      NULL) != FLY_OK) {
                    return malformed(r, "\"[\" must introduce explicitly-specified array "
                                        "dimensions.");
                }
                bound[which++] = number;
                from = r->at + 1;
                if (c == ']') {
                    break;
                }
            }
        }
        if (peek(r) != ']') {
            return malformed(r, "Missing \"]\" after array dimensions.");
        }
        r->at++;
        if (which == 1) { /* [n] is [1:n] */
            bound[1] = bound[0];
            bound[0] = 1;
        }
        if (bound[1] < bound[0]) {
            return fly_err_state(r->err, "2202E", 0, "upper bound cannot be less than lower bound");
        }
        r->lower[*given] = (int32_t)bound[0];
        upper[(*given)++] = bound[1];
    }
    if (*given > 0) {
        if (peek(r) != '=') {
            return malformed(r, "Missing \"=\" after array dimensions.");
        }
        r->at++;
        skip_space(r);
    }
    return FLY_OK;
}

static fly_status array_in(struct fly_sql_session *session, fly_sql_type element, fly_bytes text,
                           unsigned depth, fly_arena *arena, fly_vec_value *value, fly_err *err)
{
    array_reader r = {.session = session,
                      .text = text,
                      .element = element,
                      .depth = depth,
                      .word = {.arena = arena},
                      .arena = arena,
                      .err = err};
    int64_t upper[FLY__SQL_DIMENSIONS_MAX];
    uint32_t given;
    for (uint32_t i = 0; i < FLY__SQL_DIMENSIONS_MAX; i++) {
        r.length[i] = UINT32_MAX;
        r.lower[i] = 1;
    }
    fly_sql_type plain = element;
    if (plain.oid == FLY_SQL_NUMERIC) { /* inside arrays: libvec's format */
        plain.digits = 0;
        plain.scale = 0;
    }
    r.element = plain;
    fly__sql_array_begin(&r.builder, plain, arena);
    fly_status status = read_bounds(&r, &given, upper);
    if (status != FLY_OK) {
        return status;
    }
    if (peek(&r) != '{') {
        return malformed(&r, given > 0
                                 ? "Array contents must start with \"{\"."
                                 : "Array value must start with \"{\" or dimension information.");
    }
    status = read_level(&r, 0);
    if (status != FLY_OK) {
        return status;
    }
    skip_space(&r);
    if (r.at < r.text.len) {
        return malformed(&r, "Junk after closing right brace.");
    }
    if (given > 0) {
        bool fits = given == r.dimensions;
        for (uint32_t i = 0; i < given && fits; i++) {
            fits = upper[i] - r.lower[i] + 1 == (int64_t)r.length[i];
        }
        if (!fits) {
            return malformed(&r, "Specified array dimensions do not match array contents.");
        }
    }
    return fly__sql_array_end_shaped(&r.builder, r.dimensions, r.length, r.lower, &value->str, err);
}

/* ---------------------------------------------------------------------------- rows */

static fly_status bad_record(fly_bytes text, const char *detail, fly_err *err)
{
    fly_err_state(err, "22P02", 0, "malformed record literal: \"%.*s\"",
                  (int)(text.len < 400 ? text.len : 400), (const char *)text.data);
    fly_err_detail(err, "%s", detail);
    return FLY_E_INVALID;
}

/* One field, up to a comma or the closing parenthesis; `*null` if nothing stands there. */
static fly_status read_field(fly_bytes text, size_t *at, fly_sql_text *word, bool *null,
                             fly_err *err)
{
    bool inside = false;
    word->len = 0;
    *null = *at < text.len && (text.data[*at] == ',' || text.data[*at] == ')');
    while (inside || (*at < text.len && text.data[*at] != ',' && text.data[*at] != ')')) {
        if (*at >= text.len) {
            return bad_record(text, "Unexpected end of input.", err);
        }
        uint8_t c = text.data[(*at)++];
        if (c == '\\') {
            if (*at >= text.len) {
                return bad_record(text, "Unexpected end of input.", err);
            }
            fly__sql_text_add(word, (const char *)text.data + (*at)++, 1);
        } else if (c == '"') {
            if (inside && *at < text.len && text.data[*at] == '"') {
                fly__sql_text_add(word, (const char *)text.data + (*at)++, 1);
            } else {
                inside = !inside;
            }
        } else {
            fly__sql_text_add(word, (const char *)&text.data[*at - 1], 1);
        }
    }
    if (*at >= text.len) {
        return bad_record(text, "Unexpected end of input.", err);
    }
    return word->failed ? no_memory(err) : FLY_OK;
}

static fly_status record_in(struct fly_sql_session *session, uint32_t oid,
                            const fly__sql_table *table, fly_bytes text, unsigned depth,
                            fly_arena *arena, fly_vec_value *value, fly_err *err)
{
    fly_vec_value *values = fly__sql_values_alloc(arena, table->column_count);
    fly_sql_type *types = fly_arena_alloc(arena, table->column_count * sizeof *types);
    if (values == NULL || types == NULL) {
        return no_memory(err);
    }
    size_t at = 0;
    while (at < text.len && is_space(text.data[at])) {
        at++;
    }
    if (at >= text.len || text.data[at++] != '(') {
        return bad_record(text, "Missing left parenthesis.", err);
    }
    fly_sql_text word = {.arena = arena};
    bool first = true;
    for (uint16_t i = 0; i < table->column_count; i++) {
        types[i] = table->columns[i].type;
        values[i] = (fly_vec_value){.null = true};
        if (table->columns[i].dropped) {
            continue;
        }
        if (!first) {
            if (at >= text.len || text.data[at] != ',') {
                return bad_record(text, "Too few columns.", err);
            }
            at++;
        }
        first = false;
        bool null = true;
        fly_status status = read_field(text, &at, &word, &null, err);
        if (status == FLY_OK && !null) {
            values[i].null = false;
            status = fly__sql_value_read(session, types[i], fly_bytes_of(word.data, word.len),
                                         depth + 1, arena, &values[i], err);
        }
        if (status == FLY_OK && !null) {
            status = fly__sql_value_fit(types[i], false, &values[i], arena, err);
        }
        if (status != FLY_OK) {
            return status;
        }
    }
    if (first && at < text.len && text.data[at] != ')') {
        return bad_record(text, "Too many columns.", err);
    }
    if (at >= text.len || text.data[at++] != ')') {
        return bad_record(text, "Too many columns.", err);
    }
    while (at < text.len && is_space(text.data[at])) {
        at++;
    }
    if (at < text.len) {
        return bad_record(text, "Junk after right parenthesis.", err);
    }
    return fly__sql_record_make(oid, table->column_count, types, values, arena, &value->str, err);
}

/* ------------------------------------------------------------------- made by users */

static fly_status enum_in(const fly__sql_user_type *type, fly_bytes text, fly_vec_value *value,
                          fly_err *err)
{
    for (uint16_t i = 0; i < type->label_count; i++) {
        if (fly_bytes_equal(fly_bytes_str(type->labels[i].label), text)) {
            value->i32 = type->labels[i].value;
            return FLY_OK;
        }
    }
    return fly_err_state(err, "22P02", 0, "invalid input value for enum %s: \"%.*s\"", type->name,
                         (int)(text.len < 400 ? text.len : 400), (const char *)text.data);
}

static fly_status user_in(struct fly_sql_session *session, fly_sql_type type, fly_bytes text,
                          unsigned depth, fly_arena *arena, fly_vec_value *value, fly_err *err)
{
    const fly__sql_catalog_view *view = fly__sql_view_of(session);
    const fly__sql_user_type *user = view != NULL ? fly__sql_user_type_of(view, type.oid) : NULL;
    if (user != NULL && user->oid != type.oid) {
        user = NULL; /* the array of it */
    }
    if (user != NULL && user->kind == 'e') {
        return enum_in(user, text, value, err);
    }
    if (user != NULL && user->kind == 'd') {
        fly_status status =
            fly__sql_value_read(session, user->base, text, depth + 1, arena, value, err);
        return status != FLY_OK ? status : fly__sql_value_fit(user->base, false, value, arena, err);
    }
    fly_sql_type element = fly__sql_type_element(view, type.oid);
    if (element.oid != 0) {
        return array_in(session, element, text, depth, arena, value, err);
    }
    const fly__sql_table *table = fly__sql_table_of_row(view, type.oid);
    if (table != NULL) {
        return record_in(session, type.oid, table, text, depth, arena, value, err);
    }
    return fly_err_state(err, "XX000", 0, "cache lookup failed for type %u", type.oid);
}

/* ----------------------------------------------------------------------------- all */

static fly_status numeric_in(fly_sql_type type, fly_bytes text, fly_arena *arena,
                             fly_vec_value *value, fly_err *err)
{
    fly_vec_value unshaped = {0};
    fly_status status = fly_vec_numeric_parse(text, arena, &unshaped.str, err);
    if (status != FLY_OK || type.digits == 0) {
        value->str = unshaped.str;
        return status;
    }
    return fly__sql_numeric_reshape(fly__sql_type(FLY_SQL_NUMERIC), type, &unshaped, arena, value,
                                    err);
}

static fly_status cannot_accept(fly_sql_type type, fly_err *err)
{
    const fly__sql_type_info *info = fly__sql_type_info_of(type.oid);
    return fly_err_state(err, "0A000", 0, "cannot accept a value of type %s",
                         info != NULL ? info->sql_name : "unknown");
}

fly_status fly__sql_value_read(struct fly_sql_session *session, fly_sql_type type, fly_bytes text,
                               unsigned depth, fly_arena *arena, fly_vec_value *value, fly_err *err)
{
    if (depth > FLY__SQL_VALUE_DEPTH) {
        return fly_err_state(err, "54001", 0, "stack depth limit exceeded");
    }
    value->null = false;
    switch (type.oid) {
    case FLY_SQL_BOOL:
        return bool_in(text, value, err);
    case FLY_SQL_INT2:
        return fly_vec_i16_parse(text, &value->i16, err);
    case FLY_SQL_INT4:
        return fly_vec_i32_parse(text, &value->i32, err);
    case FLY_SQL_INT8:
    case FLY__SQL_OID_xid8:
        return fly_vec_i64_parse(text, &value->i64, err);
    case FLY_SQL_FLOAT4:
        return fly_vec_f32_parse(text, &value->f32, err);
    case FLY_SQL_FLOAT8:
        return fly_vec_f64_parse(text, &value->f64, err);
    case FLY_SQL_NUMERIC:
        return numeric_in(type, text, arena, value, err);
    case FLY_SQL_BYTEA:
        return bytea_in(text, arena, value, err);
    case FLY_SQL_UUID:
        return uuid_in(text, value, err);
    case FLY__SQL_OID_bit:
    case FLY__SQL_OID_varbit:
        return bits_in(type, text, arena, value, err);
    case FLY_SQL_OID:
        return oid_in(text, "oid", value, err);
    case FLY__SQL_OID_xid:
        return oid_in(text, "xid", value, err);
    case FLY__SQL_OID_cid:
        return oid_in(text, "cid", value, err);
    case FLY__SQL_OID_pg_lsn:
        return lsn_in(text, value, err);
    case FLY__SQL_OID_tid:
        return tid_in(text, value, err);
    case FLY_SQL_REGPROC:
    case FLY_SQL_REGCLASS:
    case FLY_SQL_REGTYPE:
    case FLY__SQL_OID_regprocedure:
    case FLY__SQL_OID_regoper:
    case FLY__SQL_OID_regoperator:
    case FLY__SQL_OID_regnamespace:
    case FLY__SQL_OID_regrole:
    case FLY__SQL_OID_regcollation:
    case FLY__SQL_OID_regconfig:
    case FLY__SQL_OID_regdictionary: {
        uint32_t oid = 0;
        fly_status status = fly__sql_reg_in(session, type.oid, text, false, arena, &oid, err);
        value->i32 = (int32_t)oid;
        return status;
    }
    case FLY_SQL_DATE:
    case FLY_SQL_TIME:
    case FLY_SQL_TIMETZ:
    case FLY_SQL_TIMESTAMP:
    case FLY_SQL_TIMESTAMPTZ:
    case FLY_SQL_INTERVAL:
        return fly__sql_time_in(session, type, text, arena, value, err);
    case FLY_SQL_JSONB:
        return fly__sql_jsonb_in(text, arena, value, err);
    case FLY_SQL_JSON: {
        fly_status status = fly__sql_json_check(text, arena, err);
        return status != FLY_OK ? status : keep(text, arena, value, err);
    }
    case FLY__SQL_OID_jsonpath: {
        fly__sql_path path;
        fly_status status = fly__sql_path_parse(text, arena, &path, err);
        return status != FLY_OK ? status : keep(text, arena, value, err);
    }
    case FLY_SQL_NAME:
        return keep(fly__sql_name_clip(text), arena, value, err);
    case FLY_SQL_CHAR:
        return keep(fly_bytes_of(text.data, text.len > 1 ? 1 : text.len), arena, value, err);
    case FLY__SQL_OID_int2vector:
    case FLY__SQL_OID_oidvector:
        return vector_in(type, text, arena, value, err);
    case FLY_SQL_RECORD:
        return fly_err_state(err, "0A000", 0,
                             "input of anonymous composite types is not implemented");
    case FLY_SQL_VOID:
        value->i32 = 0;
        return FLY_OK;
    case FLY_SQL_ANY:
    case FLY_SQL_ANYARRAY:
    case FLY_SQL_ANYELEMENT:
    case FLY_SQL_ANYNONARRAY:
    case FLY_SQL_ANYENUM:
    case FLY_SQL_ANYCOMPATIBLE:
    case FLY_SQL_ANYCOMPATIBLEARRAY:
    case FLY_SQL_TRIGGER:
    case FLY__SQL_OID_internal:
        return cannot_accept(type, err);
    default:
        break;
    }
    if (type.oid >= FLY__SQL_OID_FIRST) {
        return user_in(session, type, text, depth, arena, value, err);
    }
    const fly__sql_type_info *info = fly__sql_type_info_of(type.oid);
    if (info != NULL && info->element_oid != 0) {
        fly_sql_type element = fly__sql_type(info->element_oid);
        element.mod = type.mod;
        return array_in(session, element, text, depth, arena, value, err);
    }
    return keep(text, arena, value, err);
}

fly_status fly__sql_value_in(struct fly_sql_session *session, fly_sql_type type, fly_bytes text,
                             fly_arena *arena, fly_vec_value *value, fly_err *err)
{
    return fly__sql_value_read(session, type, text, 0, arena, value, err);
}
