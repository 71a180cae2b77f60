/*
 * format(): %s, %I, %L with positions and widths.
 */
#include "func/string_int.h"

#include <fly/text.h>

typedef struct formatter {
    fly__sql_call *call;
    const fly_vec_value *args;
    fly_bytes pattern;
    size_t at;
    uint32_t next; /* the argument that comes if none is named */
    fly_sql_text text;
} formatter;

/* A number at the pattern's place, if there is one. */
static fly_status read_number(formatter *f, bool *there, int32_t *number)
{
    *there = false;
    int64_t value = 0;
    while (f->at < f->pattern.len && f->pattern.data[f->at] >= '0' &&
           f->pattern.data[f->at] <= '9') {
        value = value * 10 + (f->pattern.data[f->at++] - '0');
        *there = true;
        if (value > INT32_MAX) {
            return FAIL(f->call, "22003", "number is out of range");
        }
    }
    *number = (int32_t)value;
    return FLY_OK;
}

static fly_status too_early(formatter *f)
{
    FAIL(f->call, "22023", "unterminated format() type specifier");
    fly_err_hint(f->call->err, "For a single \"%%\" use \"%%%%\".");
    return FLY_E_INVALID;
}

/* Which argument: `position` if it is not 0, else the next. */
static fly_status pick(formatter *f, int32_t position, uint32_t *index)
{
    *index = position > 0 ? (uint32_t)position : f->next;
    if (*index >= f->call->argc) {
        return FAIL(f->call, "22023", "too few arguments for format()");
    }
    f->next = *index + 1;
    return FLY_OK;
}

static void put_spaces(formatter *f, size_t count)
{
    if (count > 0 && fly__sql_text_reserve(&f->text, count)) {
        memset(f->text.data + f->text.len, ' ', count);
        f->text.len += count;
    }
}

/* Write a piece in a field of so many characters; a negative width fills behind it. What would be too long
 * is found before there is memory for it. */
static fly_status put_field(formatter *f, fly_bytes piece, int64_t width)
{
    enum { TEXT_MAX = 0x3fffffff }; /* PostgreSQL's MaxAllocSize */
    uint64_t wide = (uint64_t)(width < 0 ? -width : width);
    size_t count = fly_text_count(piece);
    size_t fill = wide > count ? (size_t)(wide - count) : 0;
    if (fill > TEXT_MAX || piece.len > TEXT_MAX || f->text.len + piece.len + fill > TEXT_MAX) {
        return FAIL(f->call, "54000", "requested length too large");
    }
    put_spaces(f, width > 0 ? fill : 0);
    fly__sql_text_add(&f->text, (const char *)piece.data, piece.len);
    put_spaces(f, width < 0 ? fill : 0);
    return FLY_OK;
}

static fly_status put_argument(formatter *f, uint8_t kind, uint32_t index, int64_t width)
{
    const fly_vec_value *arg = &f->args[index];
    fly_sql_text piece = {.arena = f->call->arena};
    if (arg->null && kind == 'I') {
        return FAIL(f->call, "22004", "null values cannot be formatted as an SQL identifier");
    }
    if (arg->null) {
        fly__sql_text_put(&piece, kind == 'L' ? "NULL" : "");
    } else {
        fly_bytes value;
        fly_status status = fly__sql_value_out(f->call->session, f->call->types[index], arg,
                                               f->call->arena, &value, f->call->err);
        if (status != FLY_OK) {
            return status;
        }
        if (kind == 'I') {
            fly__sql_put_ident(&piece, value);
        } else if (kind == 'L') {
            fly__sql_put_literal(&piece, value);
        } else {
            fly__sql_text_add(&piece, (const char *)value.data, value.len);
        }
    }
    if (piece.failed) {
        return fly__sql_no_memory(f->call->err);
    }
    return put_field(f, fly_bytes_of(piece.data, piece.len), width);
}

/* The width that an argument gives: any integer, NULL is none. */
static fly_status width_of(formatter *f, uint32_t index, int64_t *width)
{
    const fly_vec_value *arg = &f->args[index];
    *width = 0;
    if (arg->null) {
        return FLY_OK;
    }
    fly_bytes text;
    fly_vec_value number;
    fly_status status = fly__sql_value_out(f->call->session, f->call->types[index], arg,
                                           f->call->arena, &text, f->call->err);
    if (status == FLY_OK) {
        status = fly__sql_value_in(f->call->session, fly__sql_type(FLY_SQL_INT4), text,
                                   f->call->arena, &number, f->call->err);
    }
    if (status == FLY_OK) {
        *width = number.i32;
    }
    return status;
}

/* What follows a percent sign. */
static fly_status put_specifier(formatter *f)
{
    bool there;
    int32_t number = 0;
    int32_t position = 0;
    int64_t width = 0;
    bool left = false;
    size_t start = f->at;
    fly_status status = read_number(f, &there, &number);
    if (status != FLY_OK) {
        return status;
    }
    if (there && f->at < f->pattern.len && f->pattern.data[f->at] == '$') {
        if (number == 0) {
            return FAIL(f->call, "22023",
                        "format specifies argument 0, but arguments are numbered "
                        "from 1");
        }
        position = number;
        f->at++;
    } else {
        f->at = start;
    }
    while (f->at < f->pattern.len && f->pattern.data[f->at] == '-') {
        left = true;
        f->at++;
    }
    if (f->at < f->pattern.len && f->pattern.data[f->at] == '*') {
        f->at++;
        int32_t place = 0;
        status = read_number(f, &there, &place);
        if (status == FLY_OK && there) {
            if (f->at >= f->pattern.len || f->pattern.data[f->at++] != '$') {
                return FAIL(f->call, "22023", "width argument position must be ended by \"$\"");
            }
            if (place == 0) {
                return FAIL(f->call, "22023",
                            "format specifies argument 0, but arguments are "
                            "numbered from 1");
            }
        }
        uint32_t index = 0;
        if (status == FLY_OK) {
            status = pick(f, place, &index);
        }
        if (status == FLY_OK) {
            status = width_of(f, index, &width);
        }
        if (width < 0) {
            left = true;
            width = -width;
        }
    } else {
        status = read_number(f, &there, &number);
        width = number * (int64_t)there;
    }
    if (status != FLY_OK) {
        return status;
    }
    if (f->at >= f->pattern.len) {
        return too_early(f);
    }
    uint8_t kind = f->pattern.data[f->at++];
    uint32_t index = 0;
    status = pick(f, position, &index);
    if (status != FLY_OK) {
        return status;
    }
    if (kind != 's' && kind != 'I' && kind != 'L') {
        uint32_t code;
        size_t len = fly_text_next(f->pattern, f->at - 1, &code);
        FAIL(f->call, "22023", "unrecognized format() type specifier \"%.*s\"", (int)len,
             (const char *)f->pattern.data + f->at - 1);
        fly_err_hint(f->call->err, "For a single \"%%\" use \"%%%%\".");
        return FLY_E_INVALID;
    }
    return put_argument(f, kind, index, left ? -width : width);
}

ROW(format)
{
    if (args[0].null) {
        return give_null(result);
    }
    formatter f = {.call = call,
                   .args = args,
                   .pattern = arg_bytes(&args[0]),
                   .next = 1,
                   .text = {.arena = call->arena}};
    while (f.at < f.pattern.len) {
        uint8_t c = f.pattern.data[f.at++];
        if (c != '%') {
            fly__sql_text_add(&f.text, (const char *)f.pattern.data + f.at - 1, 1);
            continue;
        }
        if (f.at >= f.pattern.len) {
            return too_early(&f);
        }
        if (f.pattern.data[f.at] == '%') {
            fly__sql_text_add(&f.text, "%", 1);
            f.at++;
            continue;
        }
        fly_status status = put_specifier(&f);
        if (status != FLY_OK) {
            return status;
        }
    }
    return fly__sql_give_text(call, &f.text, result);
}
