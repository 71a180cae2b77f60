/*
 * COPY FROM: from bytes to rows.
 *
 * Data comes in pieces cut anywhere; a line that is not whole waits for the next piece. Each line is cut
 * into fields and each field read as its column's type, into a batch of typed vectors, which goes to the
 * INSERT when it is full. Where a row must be seen by what the next one does (row triggers), or is made by
 * more than reading (domains), a batch is one row, or the INSERT is run for each.
 *
 *     C1  a batch holds at most FLY_VEC_CAPACITY rows and FLY__SQL_COPY_BATCH_BYTES of lines, and one
 *         line more: memory does not grow with the file
 *     C2  an error says on which line it was, and in which column if it was in one, as PostgreSQL does:
 *         in the last line of its detail
 */
#include "session/copy_int.h"

#include "exec/op_int.h"
#include "exec/trigger_int.h"
#include "session/engine_int.h"
#include "types/wire_int.h"

#include <fly/base_bytes.h>
#include <fly/vec_time.h>

#include <stdio.h>
#include <string.h>

static fly_status run_rows(fly_sql_stmt *stmt, fly_err *err);

/* -------------------------------------------------------------------------- where */

/* As much of a text as is shown: a hundred bytes, and no part of a character. */
static fly_bytes shown_part(fly_bytes text, const char **more)
{
    enum { SHOWN_MAX = 100 };
    *more = "";
    if (text.len <= SHOWN_MAX) {
        return text;
    }
    size_t len = SHOWN_MAX;
    while (len > 0 && (text.data[len] & 0xc0) == 0x80) {
        len--;
    }
    *more = "...";
    return fly_bytes_of(text.data, len);
}

static fly_status tell(const struct fly__sql_copy *copy, fly_status status,
                       const fly__sql_copy_place *place, const char *column, fly_bytes text,
                       bool known, fly_err *err)
{
    char where[FLY_ERR_DETAIL_SIZE];
    const char *more;
    if (err == NULL) {
        return status;
    }
    fly_bytes part = shown_part(text, &more);
    int len = snprintf(where, sizeof where, "COPY %s, line %llu%s%s", copy->table,
                       (unsigned long long)place->line, column != NULL ? ", column " : "",
                       column != NULL ? column : "");
    size_t at = len < 0 ? 0 : (size_t)len < sizeof where ? (size_t)len : sizeof where - 1;
    if (known && part.data == NULL) {
        (void)snprintf(where + at, sizeof where - at, ": null input");
    } else if (known) {
        (void)snprintf(where + at, sizeof where - at, ": \"%.*s%s\"", (int)part.len,
                       (const char *)part.data, more);
    }
    err->position = 0;
    size_t used = strlen(err->detail);
    size_t need = strlen(where) + 1;
    if (used > 0 && used + 1 + need > sizeof err->detail) {
        used = sizeof err->detail - need - 1 > used ? used : sizeof err->detail - need - 1;
        while (used > 0 && ((uint8_t)err->detail[used] & 0xc0) == 0x80) {
            used--;
        }
    }
    if (used > 0) {
        err->detail[used++] = '\n';
    }
    memcpy(err->detail + used, where, need);
    return status;
}

static fly_status line_error(const struct fly__sql_copy *copy, fly_bytes line, const char *message,
                             fly_err *err)
{
    fly__sql_copy_place place = {.line = copy->line_number};
    fly_status status = fly_err_state(err, "22P04", 0, "%s", message);
    bool known = copy->format != FLY__SQL_COPY_BINARY;
    if (known && line.data == NULL) {
        line = fly_bytes_str("");
    }
    return tell(copy, status, &place, NULL, line, known, err);
}

static fly_status too_many(const struct fly__sql_copy *copy, fly_bytes line, fly_err *err)
{
    return line_error(copy, line, "extra data after last expected column", err);
}

/* ------------------------------------------------------------------------- fields */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What follows a backslash in the text format; `*at` is moved behind it. */
static char unescape(const char *line, size_t len, size_t *at)
{
    char c = line[(*at)++];
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'v':
        return '\v';
    case 'x': {
        int value = 0;
        int digits = 0;
        while (digits < 2 && *at < len && hex_digit(line[*at]) >= 0) {
            value = value * 16 + hex_digit(line[(*at)++]);
            digits++;
        }
        return digits == 0 ? 'x' : (char)value;
    }
    default: {
        if (c < '0' || c > '7') {
            return c;
        }
        int value = c - '0';
        for (int digits = 1; digits < 3 && *at < len && line[*at] >= '0' && line[*at] <= '7';
             digits++) {
            value = value * 8 + (line[(*at)++] - '0');
        }
        return (char)value;
    }
    }
}

static bool is_null_text(const struct fly__sql_copy *copy, const char *text, size_t len)
{
    return len == copy->null_len && (len == 0 || memcmp(text, copy->null_text, len) == 0);
}

/* A field with escapes: its value, apart from the line. Escapes may have made any byte. */
static fly_status plain_text(struct fly__sql_copy *copy, const char *raw, size_t len,
                             fly_bytes *field, fly_err *err)
{
    char *plain = fly_arena_alloc(&copy->batch, len);
    if (plain == NULL) {
        return fly__sql_copy_no_memory(err);
    }
    size_t to = 0;
    for (size_t at = 0; at < len;) {
        char c = raw[at++];
        if (c == '\\' && at < len) {
            c = unescape(raw, len, &at);
        }
        plain[to++] = c;
    }
    *field = fly_bytes_of(plain, to);
    return FLY_OK;
}

/* The line is shown only if it is sound itself. */
static fly_status checked(const struct fly__sql_copy *copy, fly_bytes text, fly_bytes line,
                          fly_err *err)
{
    fly__sql_copy_place place = {.line = copy->line_number};
    fly_status status = fly_text_validate(FLY_TEXT_UTF8, text, err);
    return status == FLY_OK ? FLY_OK
                            : tell(copy, status, &place, NULL, line, line.data != NULL, err);
}

static fly_status split_text(struct fly__sql_copy *copy, fly_bytes whole, uint32_t *count,
                             fly_err *err)
{
    const char *line = (const char *)whole.data;
    size_t len = whole.len;
    char delimiter = copy->delimiter;
    size_t at = 0;
    for (*count = 0;; at++) {
        if (*count == copy->columns) {
            return too_many(copy, whole, err);
        }
        size_t start = at;
        bool escapes = false;
        for (; at < len; at++) {
            char c = line[at];
            if (c == delimiter) {
                break;
            }
            if (FLY_UNLIKELY(c == '\\')) {
                escapes = true;
                at += at + 1 < len;
            }
        }
        fly_bytes *field = &copy->fields[*count];
        bool null = is_null_text(copy, line + start, at - start);
        copy->field_null[(*count)++] = null;
        *field = fly_bytes_of(line + start, at - start);
        if (FLY_UNLIKELY(escapes && !null)) {
            fly_status status = plain_text(copy, line + start, at - start, field, err);
            if (status == FLY_OK) {
                status = checked(copy, *field, whole, err);
            }
            if (status != FLY_OK) {
                return status;
            }
        }
        if (at >= len) {
            return FLY_OK;
        }
    }
}

/* A field with quotes, `*at` behind it. */
static fly_status unquote(struct fly__sql_copy *copy, fly_bytes whole, size_t *at, fly_bytes *field,
                          fly_err *err)
{
    const char *line = (const char *)whole.data;
    char *plain = fly_arena_alloc(&copy->batch, whole.len - *at);
    size_t to = 0;
    bool inside = false;
    if (plain == NULL) {
        return fly__sql_copy_no_memory(err);
    }
    for (; *at < whole.len && (inside || line[*at] != copy->delimiter); (*at)++) {
        char c = line[*at];
        bool follows = inside && c == copy->escape && *at + 1 < whole.len;
        if (follows && (line[*at + 1] == copy->quote || line[*at + 1] == copy->escape)) {
            plain[to++] = line[++(*at)];
        } else if (c == copy->quote) {
            inside = !inside;
        } else {
            plain[to++] = c;
        }
    }
    *field = fly_bytes_of(plain, to);
    return inside ? line_error(copy, whole, "unterminated CSV quoted field", err) : FLY_OK;
}

static fly_status split_csv(struct fly__sql_copy *copy, fly_bytes whole, uint32_t *count,
                            fly_err *err)
{
    const char *line = (const char *)whole.data;
    size_t at = 0;
    for (*count = 0;; at++) {
        if (*count == copy->columns) {
            return too_many(copy, whole, err);
        }
        size_t start = at;
        while (at < whole.len && line[at] != copy->delimiter && line[at] != copy->quote) {
            at++;
        }
        fly_bytes *field = &copy->fields[*count];
        *field = fly_bytes_of(line + start, at - start);
        bool quoted = at < whole.len && line[at] == copy->quote;
        if (quoted) {
            at = start;
            fly_status status = unquote(copy, whole, &at, field, err);
            if (status != FLY_OK) {
                return status;
            }
        }
        uint8_t forced = copy->forced[*count];
        bool may_be = quoted ? (forced & FLY__SQL_COPY_FORCE_NULL) != 0
                             : (forced & FLY__SQL_COPY_FORCE_NOT_NULL) == 0 ||
                                   (forced & FLY__SQL_COPY_FORCE_NULL) != 0;
        copy->field_null[(*count)++] = may_be &&
                                       is_null_text(copy, (const char *)field->data, field->len);
        if (at >= whole.len) {
            return FLY_OK;
        }
    }
}

/* ------------------------------------------------------------------------- values */

/* The usual spellings of the usual types, read on the spot. Whatever else there is, and all that is
 * wrong, is left to the type's own function. */

static bool digits(const uint8_t *text, size_t len, int64_t *number)
{
    int64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = text[i] - (unsigned)'0';
        if (digit > 9) {
            return false;
        }
        value = value * 10 + (int64_t)digit;
    }
    *number = value;
    return true;
}

static bool short_integer(fly_bytes text, int64_t *number)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    size_t len = text.len - negative;
    if (len == 0 || len > 18 || !digits(text.data + negative, len, number)) {
        return false;
    }
    *number = negative ? -*number : *number;
    return true;
}

static bool short_numeric(fly_sql_type type, fly_bytes text, int64_t *number)
{
    bool negative = text.len > 0 && text.data[0] == '-';
    const uint8_t *at = text.data + negative;
    size_t len = text.len - negative;
    if (len == 0 || len > 19) {
        return false;
    }
    const uint8_t *point = memchr(at, '.', len);
    size_t whole = point == NULL ? len : (size_t)(point - at);
    size_t places = point == NULL ? 0 : len - whole - 1;
    int64_t fraction = 0;
    if (whole == 0 || places > type.scale || whole + type.scale > 18 ||
        !digits(at, whole, number) || !digits(at + whole + 1, places, &fraction)) {
        return false;
    }
    for (size_t i = 0; i < type.scale; i++) {
        *number *= 10;
        fraction *= i < places ? 1 : 10;
    }
    *number += fraction;
    if (*number >= (int64_t)fly__sql_power_of_ten(type.digits)) {
        return false;
    }
    *number = negative ? -*number : *number;
    return true;
}

/* 2024-02-29: days since 1970. */
static bool short_date(const uint8_t *text, int64_t *days)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    if (text[4] != '-' || text[7] != '-' || !digits(text, 4, &year) ||
        !digits(text + 5, 2, &month) || !digits(text + 8, 2, &day) || year < 1 || month < 1 ||
        month > 12 || day < 1) {
        return false;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > lengths[month - 1] + (month == 2 && leap)) {
        return false;
    }
    *days = fly_vec_civil_days((int32_t)year, (int32_t)month, (int32_t)day);
    return true;
}

/* 2024-02-29 12:34:56.789: microseconds since 1970. */
static bool short_timestamp(fly_bytes text, int64_t *micros)
{
    const uint8_t *at = text.data;
    int64_t days = 0;
    int64_t hours = 0;
    int64_t minutes = 0;
    int64_t seconds = 0;
    int64_t fraction = 0;
    size_t places = text.len > 20 ? text.len - 20 : 0;
    if (text.len < 19 || text.len == 20 || places > 6 || at[10] != ' ' || at[13] != ':' ||
        at[16] != ':' || !short_date(at, &days) || !digits(at + 11, 2, &hours) ||
        !digits(at + 14, 2, &minutes) || !digits(at + 17, 2, &seconds) || hours > 23 ||
        minutes > 59 || seconds > 59) {
        return false;
    }
    if (places > 0 && (at[19] != '.' || !digits(at + 20, places, &fraction))) {
        return false;
    }
    for (; places > 0 && places < 6; places++) {
        fraction *= 10;
    }
    *micros = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000000 + fraction;
    return true;
}

static bool read_usual(fly_sql_type type, fly_bytes text, fly_vec_value *value)
{
    int64_t number = 0;
    switch (type.oid) {
    case FLY_SQL_INT4:
        if (!short_integer(text, &number) || number != (int32_t)number) {
            return false;
        }
        value->i32 = (int32_t)number;
        return true;
    case FLY_SQL_INT8:
        return short_integer(text, &value->i64);
    case FLY_SQL_TEXT:
        value->str = fly_vec_str_of(text.data, text.len);
        return true;
    case FLY_SQL_VARCHAR:
        value->str = fly_vec_str_of(text.data, text.len);
        return type.mod < 4 || text.len <= (size_t)(type.mod - 4);
    case FLY_SQL_NUMERIC:
        return type.digits > 0 && type.digits <= 18 && short_numeric(type, text, &value->i64);
    case FLY_SQL_DATE:
        if (text.len != 10 || !short_date(text.data, &number)) {
            return false;
        }
        value->i32 = (int32_t)number;
        return true;
    case FLY_SQL_TIMESTAMP:
        return type.mod < 0 && short_timestamp(text, &value->i64);
    default:
        return false;
    }
}

static fly_status read_value(fly_sql_stmt *stmt, uint32_t i, fly_bytes text, fly_vec_value *value,
                             fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly_sql_type type = copy->types[i];
    if (read_usual(type, text, value)) {
        return FLY_OK;
    }
    memset(value, 0, sizeof *value);
    fly_status status = fly__sql_value_in(stmt->session, type, text, &copy->batch, value, err);
    return status == FLY_OK && copy->fed ? fly__sql_value_fit(type, false, value, &copy->batch, err)
                                         : status;
}

/* Put a value where the INSERT finds it. */
static fly_status place_value(struct fly__sql_copy *copy, uint32_t i, const fly_vec_value *value,
                              fly_err *err)
{
    if (!copy->fed) {
        return fly_sql_bind_value(copy->inner, i + 1, value, err);
    }
    fly_vec_put(&copy->col[i], copy->count, value);
    return FLY_OK;
}

static fly_status take_fields(fly_sql_stmt *stmt, fly_bytes line, uint32_t count, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly__sql_copy_place place = {.line = copy->line_number, .text = line};
    for (uint32_t i = 0; i < copy->columns; i++) {
        fly_vec_value value;
        if (i == count) {
            char message[128];
            (void)snprintf(message, sizeof message, "missing data for column \"%.60s\"",
                           copy->names[i]);
            return line_error(copy, line, message, err);
        }
        memset(&value, 0, sizeof value);
        value.null = copy->field_null[i];
        fly_status status = value.null ? FLY_OK : read_value(stmt, i, copy->fields[i], &value, err);
        if (status == FLY_OK) {
            status = place_value(copy, i, &value, err);
        }
        if (status != FLY_OK) {
            return tell(copy, status, &place, copy->names[i],
                        value.null ? fly_bytes_of(NULL, 0) : copy->fields[i], true, err);
        }
    }
    copy->places[copy->count++] = place;
    copy->batch_bytes += line.len;
    bool full = copy->count == copy->batch_rows || copy->batch_bytes >= FLY__SQL_COPY_BATCH_BYTES;
    return full ? run_rows(stmt, err) : FLY_OK;
}

/* -------------------------------------------------------------------------- lines */

/* A line, decoded, where it stays as long as the batch. */
static fly_status keep_line(fly_sql_stmt *stmt, fly_bytes *line, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly_status status = FLY_OK;
    if (copy->encoding != FLY_TEXT_UTF8 && line->len > 0) {
        size_t len = 0;
        status = fly__sql_copy_convert(stmt, (const char *)line->data, line->len, true, &len, err);
        *line = fly_bytes_of(copy->other, len);
    } else {
        status = checked(copy, *line, fly_bytes_of(NULL, 0), err);
    }
    if (status == FLY_OK) {
        char *kept = fly_arena_alloc(&copy->batch, line->len + 1);
        if (kept == NULL) {
            return fly__sql_copy_no_memory(err);
        }
        if (line->len > 0) {
            memcpy(kept, line->data, line->len);
        }
        line->data = (const uint8_t *)kept;
    }
    return status;
}

static fly_status split(struct fly__sql_copy *copy, fly_bytes line, uint32_t *count, fly_err *err)
{
    return copy->format == FLY__SQL_COPY_CSV ? split_csv(copy, line, count, err)
                                             : split_text(copy, line, count, err);
}

static fly_status wrong_header(const struct fly__sql_copy *copy, fly_bytes line, uint32_t i,
                               fly_err *err)
{
    fly__sql_copy_place place = {.line = copy->line_number};
    fly_status status =
        copy->field_null[i]
            ? fly_err_state(err, "22P04", 0,
                            "column name mismatch in header line field %u: got null value "
                            "(\"%s\"), expected \"%s\"",
                            (unsigned)i + 1, copy->null_text, copy->names[i])
            : fly_err_state(err, "22P04", 0,
                            "column name mismatch in header line field %u: got \"%.*s\", "
                            "expected \"%s\"",
                            (unsigned)i + 1,
                            (int)(copy->fields[i].len < 100 ? copy->fields[i].len : 100),
                            (const char *)copy->fields[i].data, copy->names[i]);
    return tell(copy, status, &place, NULL, line, true, err);
}

static uint32_t fields_in(const struct fly__sql_copy *copy, fly_bytes line)
{
    uint32_t count = 1;
    bool inside = false;
    bool csv = copy->format == FLY__SQL_COPY_CSV;
    for (size_t i = 0; i < line.len; i++) {
        char c = (char)line.data[i];
        if (csv && c == copy->quote) {
            inside = !inside;
        } else if (!csv && c == '\\') {
            i++;
        } else if (c == copy->delimiter && !inside) {
            count++;
        }
    }
    return count;
}

/* HEADER MATCH: the fields of the first line are the names of the columns. */
static fly_status match_header(fly_sql_stmt *stmt, fly_bytes line, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly_status status = keep_line(stmt, &line, err);
    uint32_t count = status == FLY_OK ? fields_in(copy, line) : 0;
    if (status == FLY_OK && count != copy->columns) {
        char message[128];
        (void)snprintf(message, sizeof message,
                       "wrong number of fields in header line: got %u, expected %u",
                       (unsigned)count, (unsigned)copy->columns);
        return line_error(copy, line, message, err);
    }
    if (status == FLY_OK) {
        status = split(copy, line, &count, err);
    }
    for (uint32_t i = 0; i < count && status == FLY_OK; i++) {
        if (copy->field_null[i] ||
            !fly_bytes_equal(copy->fields[i], fly_bytes_str(copy->names[i]))) {
            status = wrong_header(copy, line, i, err);
        }
    }
    return status;
}

/* A whole line, without its end. */
static fly_status take_line(fly_sql_stmt *stmt, fly_bytes line, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    uint32_t count = 0;
    copy->line_number++;
    if (line.len > 0 && line.data[line.len - 1] == '\r') {
        line.len--;
    }
    if (copy->skip_header) {
        copy->skip_header = false;
        return copy->match ? match_header(stmt, line, err) : FLY_OK;
    }
    if (line.len == 2 && memcmp(line.data, "\\.", 2) == 0) {
        copy->ended = true;
        return FLY_OK;
    }
    if (copy->columns == 0) {
        return line.len == 0 ? take_fields(stmt, line, 0, err) : too_many(copy, line, err);
    }
    fly_status status = keep_line(stmt, &line, err);
    if (status == FLY_OK) {
        status = split(copy, line, &count, err);
    }
    return status == FLY_OK ? take_fields(stmt, line, count, err) : status;
}

/* Whether a newline belongs to the data: an odd number of backslashes is before it. */
static bool is_escaped(const struct fly__sql_copy *copy, const uint8_t *data, size_t at)
{
    size_t slashes = 0;
    while (slashes < at && data[at - slashes - 1] == '\\') {
        slashes++;
    }
    for (size_t i = copy->line_len; slashes >= at && i > 0 && copy->line[i - 1] == '\\'; i--) {
        slashes++;
    }
    return slashes % 2 == 1;
}

/* How far the line goes on in this piece; `*whole`: its end is there. */
static size_t line_end(struct fly__sql_copy *copy, const uint8_t *data, size_t len, bool *whole)
{
    *whole = false;
    if (copy->format == FLY__SQL_COPY_TEXT) {
        size_t from = 0;
        while (from < len) {
            const uint8_t *end = memchr(data + from, '\n', len - from);
            if (end == NULL) {
                return len;
            }
            size_t at = (size_t)(end - data);
            if (FLY_LIKELY(!is_escaped(copy, data, at))) {
                *whole = true;
                return at;
            }
            from = at + 1;
        }
        return len;
    }
    for (size_t i = 0; i < len; i++) {
        if (data[i] == (uint8_t)copy->quote) {
            copy->in_quotes = !copy->in_quotes;
        } else if (data[i] == '\n' && !copy->in_quotes) {
            *whole = true;
            return i;
        }
    }
    return len;
}

/* Append to what waits to become whole. */
static fly_status wait_for_more(fly_sql_stmt *stmt, const uint8_t *data, size_t len, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly_status status = fly__sql_copy_room(fly__sql_copy_memory(stmt), &copy->line, copy->line_len,
                                           &copy->line_room, len, err);
    if (status == FLY_OK && len > 0) {
        memcpy(copy->line + copy->line_len, data, len);
        copy->line_len += len;
    }
    return status;
}

static fly_status take_lines(fly_sql_stmt *stmt, fly_bytes data, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly_status status = FLY_OK;
    for (size_t at = 0; at < data.len && status == FLY_OK && !copy->ended;) {
        bool whole = false;
        const uint8_t *from = data.data + at;
        size_t len = line_end(copy, from, data.len - at, &whole);
        at += len + whole;
        if (whole && copy->line_len == 0) {
            status = take_line(stmt, fly_bytes_of(from, len), err);
            continue;
        }
        status = wait_for_more(stmt, from, len, err);
        if (status == FLY_OK && whole) {
            fly_bytes line = fly_bytes_of(copy->line, copy->line_len);
            copy->line_len = 0;
            status = take_line(stmt, line, err);
        }
    }
    return status;
}

/* ------------------------------------------------------------------------- binary */

static const char signature[11] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', '\377', '\r', '\n', '\0'};

enum { HEAD_SIZE = sizeof signature + 8, HAS_OIDS = 1 << 16 };

static fly_status malformed(fly_err *err, const char *what)
{
    return fly_err_state(err, "22P04", 0, "%s", what);
}

/* The head: FLY_E_AGAIN if there is more of it to come. */
static fly_status take_head(struct fly__sql_copy *copy, fly_bytes data, size_t *used, fly_err *err)
{
    size_t seen = data.len < sizeof signature ? data.len : sizeof signature;
    if (memcmp(data.data, signature, seen) != 0) {
        return malformed(err, "COPY file signature not recognized");
    }
    if (data.len < HEAD_SIZE) {
        return FLY_E_AGAIN;
    }
    uint32_t flags = fly_get_u32be(data.data + sizeof signature);
    uint32_t extra = fly_get_u32be(data.data + sizeof signature + 4);
    if ((flags & HAS_OIDS) != 0) {
        return malformed(err, "invalid COPY file header (WITH OIDS)");
    }
    if ((flags >> 16) != 0) {
        return malformed(err, "unrecognized critical flags in COPY file header");
    }
    if (extra > INT32_MAX) {
        return malformed(err, "invalid COPY file header (missing length)");
    }
    if (data.len - HEAD_SIZE < extra) {
        return FLY_E_AGAIN;
    }
    copy->head_seen = true;
    *used = HEAD_SIZE + extra;
    return FLY_OK;
}

/* Find the fields of a row: FLY_E_AGAIN if it is not whole. */
static fly_status cut_row(struct fly__sql_copy *copy, fly_bytes data, size_t *used, fly_err *err)
{
    size_t at = 2;
    for (uint32_t i = 0; i < copy->columns; i++) {
        copy->waits_for = copy->names[i];
        if (data.len - at < 4) {
            return FLY_E_AGAIN;
        }
        int32_t len = (int32_t)fly_get_u32be(data.data + at);
        at += 4;
        copy->field_null[i] = len == -1;
        copy->fields[i] = fly_bytes_of(NULL, 0);
        if (len == -1) {
            continue;
        }
        if (len < 0 || len > FLY__SQL_COPY_LINE_MAX) {
            fly__sql_copy_place place = {.line = copy->line_number + 1};
            return tell(copy, malformed(err, "invalid field size"), &place, copy->names[i],
                        fly_bytes_of(NULL, 0), false, err);
        }
        if (data.len - at < (size_t)len) {
            return FLY_E_AGAIN;
        }
        copy->fields[i] = fly_bytes_of(data.data + at, (size_t)len);
        at += (size_t)len;
    }
    copy->waits_for = NULL;
    *used = at;
    return FLY_OK;
}

static fly_status receive_row(fly_sql_stmt *stmt, fly_bytes row, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly__sql_copy_place place = {.line = ++copy->line_number};
    uint8_t *kept = fly_arena_copy(&copy->batch, row.data, row.len);
    if (kept == NULL) {
        return fly__sql_copy_no_memory(err);
    }
    for (uint32_t i = 0; i < copy->columns; i++) {
        fly_vec_value value;
        memset(&value, 0, sizeof value);
        value.null = copy->field_null[i];
        fly_status status = FLY_OK;
        if (!value.null) {
            fly_bytes field =
                fly_bytes_of(kept + (copy->fields[i].data - row.data), copy->fields[i].len);
            status = fly__sql_value_receive(stmt->session, copy->types[i], field, i + 1,
                                            &copy->batch, &value, err);
        }
        if (status == FLY_OK && !value.null && copy->fed) {
            status = fly__sql_value_fit(copy->types[i], false, &value, &copy->batch, err);
        }
        if (status == FLY_OK) {
            status = place_value(copy, i, &value, err);
        }
        if (status != FLY_OK) {
            return tell(copy, status, &place, copy->names[i], fly_bytes_of(NULL, 0), false, err);
        }
    }
    copy->places[copy->count++] = place;
    copy->batch_bytes += row.len;
    bool full = copy->count == copy->batch_rows || copy->batch_bytes >= FLY__SQL_COPY_BATCH_BYTES;
    return full ? run_rows(stmt, err) : FLY_OK;
}

/* What is next in the data: `*used` bytes. FLY_E_AGAIN: there is not enough of it. */
static fly_status take_next(fly_sql_stmt *stmt, fly_bytes data, size_t *used, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    if (!copy->head_seen) {
        return take_head(copy, data, used, err);
    }
    if (data.len < 2) {
        return FLY_E_AGAIN;
    }
    int16_t count = (int16_t)fly_get_u16be(data.data);
    fly__sql_copy_place place = {.line = copy->line_number + 1};
    if (count == -1) {
        copy->ended = true;
        *used = 2;
        return data.len == 2 ? FLY_OK
                             : tell(copy, malformed(err, "received copy data after EOF marker"),
                                    &place, NULL, fly_bytes_of(NULL, 0), false, err);
    }
    if (count < 0 || (uint32_t)count != copy->columns) {
        fly_status status = fly_err_state(err, "22P04", 0, "row field count is %d, expected %u",
                                          (int)count, (unsigned)copy->columns);
        return tell(copy, status, &place, NULL, fly_bytes_of(NULL, 0), false, err);
    }
    fly_status status = cut_row(copy, data, used, err);
    return status == FLY_OK ? receive_row(stmt, fly_bytes_of(data.data, *used), err) : status;
}

static fly_status take_binary(fly_sql_stmt *stmt, fly_bytes data, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly_status status = FLY_OK;
    if (copy->ended && data.len > 0) {
        return malformed(err, "received copy data after EOF marker");
    }
    bool waiting = copy->line_len > 0;
    if (waiting) {
        status = wait_for_more(stmt, data.data, data.len, err);
        data = fly_bytes_of(copy->line, copy->line_len);
    }
    size_t at = 0;
    while (status == FLY_OK && at < data.len && !copy->ended) {
        size_t used = 0;
        status = take_next(stmt, fly_bytes_of(data.data + at, data.len - at), &used, err);
        at += used;
    }
    if (status != FLY_OK && status != FLY_E_AGAIN) {
        return status;
    }
    if (waiting) {
        memmove(copy->line, copy->line + at, data.len - at);
        copy->line_len = data.len - at;
        return FLY_OK;
    }
    return wait_for_more(stmt, data.data + at, data.len - at, err);
}

static fly_status binary_cut_short(const struct fly__sql_copy *copy, fly_err *err)
{
    if (!copy->head_seen) {
        return malformed(err,
                         copy->line_len < sizeof signature ? "COPY file signature not recognized"
                         : copy->line_len < sizeof signature + 4
                             ? "invalid COPY file header (missing flags)"
                         : copy->line_len < HEAD_SIZE ? "invalid COPY file header (missing length)"
                                                      : "invalid COPY file header (wrong length)");
    }
    fly__sql_copy_place place = {.line = copy->line_number + 1};
    return tell(copy, malformed(err, "unexpected EOF in COPY data"), &place, copy->waits_for,
                fly_bytes_of(NULL, 0), false, err);
}

/* -------------------------------------------------------------------------- rows */

/* The failure of a batch, with the line on which it was. A key that is there already was found when the
 * lines were gone by, says PostgreSQL. */
static fly_status tell_row(struct fly__sql_copy *copy, fly_status status, uint32_t row,
                           fly_err *err)
{
    if (row >= copy->count || err == NULL) {
        return status;
    }
    const fly__sql_copy_place *place = &copy->places[row];
    bool by_batch = copy->fed && copy->batch_rows > 1;
    bool known = place->text.data != NULL && !(by_batch && strcmp(err->sqlstate, "23505") == 0);
    return tell(copy, status, place, NULL, place->text, known, err);
}

/* Run the INSERT for the row that was bound to it. */
static fly_status run_one(fly_sql_stmt *stmt, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly_status status = fly_sql_step(copy->inner, err);
    if (status != FLY_OK && status != FLY_E_END) {
        return tell_row(copy, status, 0, err);
    }
    copy->rows += fly_sql_rows(copy->inner);
    return FLY_OK;
}

static fly_status run_rows(fly_sql_stmt *stmt, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly_status status = FLY_OK;
    if (copy->count > 0 && !copy->fed) {
        status = run_one(stmt, err);
    } else if (copy->count > 0) {
        fly__sql_exec *exec = copy->inner->exec;
        status = fly__sql_exec_feed(exec, copy->col, copy->count, err);
        if (status != FLY_OK) {
            status = tell_row(copy, status, fly__sql_exec_fed_row(exec), err);
        }
    }
    copy->count = 0;
    copy->batch_bytes = 0;
    fly_arena_reset(&copy->batch);
    return status == FLY_OK ? fly__sql_check_cancel(stmt->session, err) : status;
}

/* A domain's rules are in the plan, before the row is: such rows go through it one by one. */
static bool reads_by_itself(const fly_sql_stmt *stmt, fly_sql_type type)
{
    if (type.oid < FLY__SQL_OID_FIRST) {
        return true;
    }
    const fly__sql_user_type *user = fly__sql_user_type_of(stmt->session->view, type.oid);
    return user != NULL && user->oid == type.oid && user->kind == 'e';
}

static bool has_row_triggers(const fly__sql_table *table)
{
    for (uint16_t i = 0; i < table->trigger_count; i++) {
        if (table->triggers[i]->row && (table->triggers[i]->events & FLY__SQL_ON_INSERT) != 0) {
            return true;
        }
    }
    return false;
}

/* Vectors for the rows of a batch. */
static fly_status make_vectors(struct fly__sql_copy *copy, const fly__sql_rel *input, fly_err *err)
{
    fly_status status = FLY_OK;
    copy->col = fly__sql_alloc(&copy->arena, copy->columns, sizeof *copy->col, err);
    if (copy->col == NULL) {
        return FLY_E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < copy->columns && status == FLY_OK; i++) {
        copy->types[i] = input->columns[i].type;
        status =
            fly__sql_vec_make(&copy->col[i], copy->types[i], FLY_VEC_CAPACITY, &copy->arena, err);
    }
    return status;
}

static bool fits(const fly_sql_stmt *stmt, const fly__sql_rel *input)
{
    bool yes = input != NULL && input->column_count == stmt->copy->columns;
    for (uint32_t i = 0; yes && i < input->column_count; i++) {
        yes = reads_by_itself(stmt, input->columns[i].type);
    }
    return yes;
}

/* The position is one in the condition alone; and what it is for has a name. */
static fly_status wrong_condition(fly_status status, fly_err *err)
{
    static const char is_of[] = "expression is of type ";
    const char *type = err == NULL ? NULL : strstr(err->message, is_of);
    if (type != NULL && strcmp(err->sqlstate, "42804") == 0) {
        char name[128];
        (void)snprintf(name, sizeof name, "%s", type + sizeof is_of - 1);
        err->hint[0] = '\0';
        return fly_err_state(err, "42804", 0, "argument of WHERE must be type boolean, not type %s",
                             name);
    }
    if (err != NULL) {
        err->position = 0;
    }
    return status;
}

fly_status fly__sql_copy_feed(fly_sql_stmt *stmt, const fly__sql_table *table, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    copy->batch_rows = 1;
    copy->places = fly__sql_alloc(&copy->arena, FLY_VEC_CAPACITY, sizeof *copy->places, err);
    if (copy->places == NULL) {
        return FLY_E_NO_MEMORY;
    }
    fly_status status = fly__sql_stmt_start(copy->inner, err);
    if (status != FLY_OK) {
        return status;
    }
    const fly__sql_rel *input = fly__sql_exec_feeds(copy->inner->exec);
    if (!fits(stmt, input)) {
        fly_sql_reset(copy->inner);
        return copy->where == NULL
                   ? FLY_OK
                   : fly_err_state(err, "0A000", 0,
                                   "COPY FROM ... WHERE into \"%s\" is not supported", table->name);
    }
    copy->fed = true;
    if (copy->where != NULL) {
        status = fly__sql_exec_feed_where(copy->inner->exec, table, copy->where, err);
        if (status != FLY_OK) {
            return wrong_condition(status, err);
        }
    }
    copy->batch_rows = has_row_triggers(table) ? 1 : FLY_VEC_CAPACITY;
    return make_vectors(copy, input, err);
}

fly_status fly__sql_copy_take(fly_sql_stmt *stmt, fly_bytes data, fly_err *err)
{
    fly_status status = stmt->copy->format == FLY__SQL_COPY_BINARY ? take_binary(stmt, data, err)
                                                                   : take_lines(stmt, data, err);
    return status == FLY_OK ? fly__sql_check_cancel(stmt->session, err) : status;
}

fly_status fly__sql_copy_taken(fly_sql_stmt *stmt, fly_err *err)
{
    struct fly__sql_copy *copy = stmt->copy;
    fly_status status = FLY_OK;
    if (copy->format == FLY__SQL_COPY_BINARY) {
        bool cut_short = copy->line_len > 0 || !copy->head_seen;
        status = cut_short ? binary_cut_short(copy, err) : FLY_OK;
    } else if (copy->line_len > 0 && !copy->ended) {
        fly_bytes line = fly_bytes_of(copy->line, copy->line_len);
        copy->line_len = 0;
        status = take_line(stmt, line, err);
    }
    if (status == FLY_OK) {
        status = run_rows(stmt, err);
    }
    if (status == FLY_OK && copy->fed) {
        status = fly__sql_exec_fed(copy->inner->exec, err);
        if (status == FLY_OK) {
            copy->rows = fly__sql_exec_changed(copy->inner->exec);
            status = fly__sql_stmt_finish(copy->inner, err);
        }
    }
    if (status == FLY_OK) {
        stmt->rows = copy->rows;
        (void)snprintf(stmt->tag, sizeof stmt->tag, "COPY %llu", (unsigned long long)copy->rows);
    }
    return status;
}
