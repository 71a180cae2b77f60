/*
 * The bytes of PostgreSQL's protocol: wire_int.h says what and by which rules.
 */
#include "wire_int.h"

/* ----------------------------------------------------------------------- reading */

/* A walk over a body. Failing sticks, so that a message is read in one go and asked once. */
typedef struct reader {
    const uint8_t *at, *end;
    const char *failure; /* NULL: all is well */
} reader;

static reader read_from(fly_bytes bytes)
{
    return (reader){.at = bytes.data, .end = bytes.data + bytes.len};
}

static const uint8_t *take(reader *in, size_t len)
{
    if (in->failure != NULL || len > (size_t)(in->end - in->at)) {
        in->failure = in->failure != NULL ? in->failure : "insufficient data left in message";
        return NULL;
    }
    const uint8_t *at = in->at;
    in->at += len;
    return at;
}

static uint8_t take_u8(reader *in)
{
    const uint8_t *at = take(in, 1);
    return at == NULL ? 0 : *at;
}

static uint16_t take_u16(reader *in)
{
    const uint8_t *at = take(in, 2);
    return at == NULL ? 0 : fly_get_u16be(at);
}

static uint32_t take_u32(reader *in)
{
    const uint8_t *at = take(in, 4);
    return at == NULL ? 0 : fly_get_u32be(at);
}

/* A string; its zero byte lies behind it. */
static fly_bytes take_string(reader *in)
{
    const uint8_t *zero = NULL;
    if (in->failure == NULL && in->at < in->end) {
        zero = memchr(in->at, 0, (size_t)(in->end - in->at));
    }
    if (zero == NULL) {
        in->failure = in->failure != NULL ? in->failure : "invalid string in message";
        return fly_bytes_str("");
    }
    fly_bytes text = fly_bytes_of(in->at, (size_t)(zero - in->at));
    in->at = zero + 1;
    return text;
}

static const char *take_name(reader *in)
{
    return (const char *)take_string(in).data;
}

static fly_status malformed(const char *what, fly_err *err)
{
    return fly_err_state(err, "08P01", 0, "%s", what);
}

static fly_status finish(const reader *in, fly_err *err)
{
    if (in->failure != NULL) {
        return malformed(in->failure, err);
    }
    return in->at == in->end ? FLY_OK : malformed("invalid message format", err);
}

/* ----------------------------------------------------------------- first packets */

enum { CODE_CANCEL = 80877102, CODE_SSL = 80877103, CODE_GSSENC = 80877104 };

/* Pairs of strings, then a zero byte that ends the packet. */
static fly_status read_params(fly_bytes body, fly__pg_first *first, fly_err *err)
{
    reader in = read_from(body);
    while (in.failure == NULL && in.at < in.end && *in.at != 0) {
        (void)take_string(&in);
        (void)take_string(&in);
    }
    if (in.failure != NULL || in.at == in.end || in.at + 1 != in.end) {
        return malformed("invalid startup packet layout: expected terminator as last byte", err);
    }
    first->params = fly_bytes_of(body.data, body.len - 1);
    return FLY_OK;
}

fly_status fly__pg_first_decode(fly_bytes in, fly__pg_first *first, size_t *used, fly_err *err)
{
    *used = 8;
    if (in.len < 4) {
        return FLY_E_AGAIN;
    }
    uint32_t len = fly_get_u32be(in.data);
    if (len < 8 || len > FLY__PG_STARTUP_MAX) {
        return malformed("invalid length of startup packet", err);
    }
    *used = len;
    if (in.len < len) {
        return FLY_E_AGAIN;
    }
    uint32_t code = fly_get_u32be(in.data + 4);
    fly_bytes body = fly_bytes_of(in.data + 8, len - 8);
    *first = (fly__pg_first){
        .kind = FLY__PG_FIRST_STARTUP, .major = (uint16_t)(code >> 16), .minor = (uint16_t)code};
    switch (code) {
    case CODE_CANCEL:
        if (body.len != 8) {
            return malformed("invalid length of startup packet", err);
        }
        first->kind = FLY__PG_FIRST_CANCEL;
        first->pid = fly_get_u32be(body.data);
        first->secret = fly_get_u32be(body.data + 4);
        return FLY_OK;
    case CODE_SSL:
    case CODE_GSSENC:
        if (body.len != 0) {
            return malformed("invalid length of startup packet", err);
        }
        first->kind = code == CODE_SSL ? FLY__PG_FIRST_SSL : FLY__PG_FIRST_GSSENC;
        return FLY_OK;
    default:
        break;
    }
    if (first->major != FLY__PG_VERSION_MAJOR) {
        return fly_err_state(err, "0A000", 0,
                             "unsupported frontend protocol %u.%u: server supports 3.0 to 3.0",
                             first->major, first->minor);
    }
    return read_params(body, first, err);
}

bool fly__pg_first_next(fly_bytes *params, const char **name, const char **value)
{
    if (params->len == 0) {
        return false;
    }
    const char *texts[2];
    for (int i = 0; i < 2; i++) {
        size_t len = strlen((const char *)params->data) + 1;
        texts[i] = (const char *)params->data;
        params->data += len;
        params->len -= len;
    }
    *name = texts[0];
    *value = texts[1];
    return true;
}

/* ---------------------------------------------------------------------- messages */

/* The longest that a message of a type may be; 0: there is no such type. */
static uint32_t longest(char type, uint32_t limit)
{
    switch (type) {
    case 'Q':
    case 'P':
    case 'B':
    case 'd':
    case 'F':
        return limit;
    case 'D':
    case 'C':
    case 'E':
    case 'f':
    case 'p':
        return limit < FLY__PG_SMALL_MAX ? limit : FLY__PG_SMALL_MAX;
    case 'S':
    case 'H':
    case 'X':
    case 'c':
        return 4 + 64; /* nothing is right, and a little more gets a kinder answer */
    default:
        return 0;
    }
}

fly_status fly__pg_message_decode(fly_bytes in, uint32_t limit, fly__pg_message *message,
                                  size_t *used, fly_err *err)
{
    *used = FLY__PG_HEADER;
    if (in.len == 0) {
        return FLY_E_AGAIN;
    }
    char type = (char)in.data[0];
    uint32_t most = longest(type, limit);
    if (most == 0) {
        return fly_err_state(err, "08P01", 0, "invalid frontend message type %u",
                             (unsigned)in.data[0]);
    }
    if (in.len < FLY__PG_HEADER) {
        return FLY_E_AGAIN;
    }
    uint32_t len = fly_get_u32be(in.data + 1);
    if (len < 4 || len > most) {
        return malformed("invalid message length", err);
    }
    *used = 1 + (size_t)len;
    if (in.len < *used) {
        return FLY_E_AGAIN;
    }
    message->type = type;
    message->body = fly_bytes_of(in.data + FLY__PG_HEADER, len - 4);
    return FLY_OK;
}

fly_status fly__pg_parse_decode(fly_bytes body, fly__pg_parse *parse, fly_err *err)
{
    reader in = read_from(body);
    parse->name = take_name(&in);
    parse->text = take_string(&in);
    parse->type_count = take_u16(&in);
    parse->types = take(&in, 4 * (size_t)parse->type_count);
    return finish(&in, err);
}

static const uint8_t *take_formats(reader *in, uint32_t *count)
{
    *count = take_u16(in);
    const uint8_t *formats = take(in, 2 * (size_t)*count);
    for (uint32_t i = 0; i < *count && formats != NULL; i++) {
        if (fly_get_u16be(formats + 2 * (size_t)i) > 1) {
            in->failure = "unsupported format code";
        }
    }
    return formats;
}

fly_status fly__pg_bind_decode(fly_bytes body, fly__pg_bind *bind, fly_err *err)
{
    reader in = read_from(body);
    bind->portal = take_name(&in);
    bind->statement = take_name(&in);
    bind->formats = take_formats(&in, &bind->format_count);
    bind->param_count = take_u16(&in);
    const uint8_t *first = in.at;
    for (uint32_t i = 0; i < bind->param_count && in.failure == NULL; i++) {
        uint32_t len = take_u32(&in);
        if (len != UINT32_MAX) {
            (void)take(&in, len);
        }
    }
    bind->params = fly_bytes_of(first, (size_t)(in.at - first));
    bind->results = take_formats(&in, &bind->result_count);
    fly_status status = finish(&in, err);
    if (status == FLY_OK && bind->format_count > 1 && bind->format_count != bind->param_count) {
        status = fly_err_state(err, "08P01", 0,
                               "bind message has %u parameter formats but %u parameters",
                               (unsigned)bind->format_count, (unsigned)bind->param_count);
    }
    return status;
}

fly_status fly__pg_target_decode(fly_bytes body, fly__pg_target *target, fly_err *err)
{
    reader in = read_from(body);
    uint8_t kind = take_u8(&in);
    target->portal = kind == 'P';
    target->name = take_name(&in);
    if (in.failure == NULL && kind != 'P' && kind != 'S') {
        return fly_err_state(err, "08P01", 0, "invalid message subtype %u", (unsigned)kind);
    }
    return finish(&in, err);
}

fly_status fly__pg_execute_decode(fly_bytes body, fly__pg_execute *execute, fly_err *err)
{
    reader in = read_from(body);
    execute->portal = take_name(&in);
    execute->rows_max = take_u32(&in);
    if (execute->rows_max > INT32_MAX) {
        execute->rows_max = 0; /* a negative one is no limit, as in PostgreSQL */
    }
    return finish(&in, err);
}

fly_status fly__pg_string_decode(fly_bytes body, fly_bytes *text, fly_err *err)
{
    reader in = read_from(body);
    *text = take_string(&in);
    return finish(&in, err);
}

fly_status fly__pg_sasl_decode(fly_bytes body, const char **mechanism, fly_bytes *response,
                               fly_err *err)
{
    reader in = read_from(body);
    *mechanism = take_name(&in);
    uint32_t len = take_u32(&in);
    *response = fly_bytes_of(NULL, 0);
    if (len != UINT32_MAX) {
        *response = fly_bytes_of(take(&in, len), len);
    }
    return finish(&in, err);
}

fly_status fly__pg_empty_decode(fly_bytes body, fly_err *err)
{
    return body.len == 0 ? FLY_OK : malformed("invalid message format", err);
}

/* ----------------------------------------------------------------------- writing */

enum { OUT_FIRST = 8192, OUT_MAX = INT32_MAX };

void fly__pg_out_init(fly__pg_out *out, fly_mem *mem)
{
    *out = (fly__pg_out){.mem = mem};
}

void fly__pg_out_empty(fly__pg_out *out)
{
    fly_mem_free(out->mem, out->data, out->room);
    out->data = NULL;
    out->len = 0;
    out->room = 0;
}

void fly__pg_out_deinit(fly__pg_out *out)
{
    fly__pg_out_empty(out);
}

bool fly__pg_out_grow(fly__pg_out *out, size_t more)
{
    size_t wanted = out->room < OUT_FIRST ? OUT_FIRST : 2 * out->room;
    if (out->failed || more > OUT_MAX || out->len + more > OUT_MAX) {
        out->failed = true;
        return false;
    }
    wanted = wanted < out->len + more ? out->len + more : wanted;
    uint8_t *grown = out->data == NULL ? fly_mem_alloc(out->mem, wanted)
                                       : fly_mem_resize(out->mem, out->data, out->room, wanted);
    if (grown == NULL) {
        out->failed = true;
        return false;
    }
    out->data = grown;
    out->room = wanted;
    return true;
}

void fly__pg_put_ready(fly__pg_out *out, char state)
{
    fly__pg_begin(out, 'Z');
    fly__pg_put_u8(out, (uint8_t)state);
    fly__pg_end(out);
}

void fly__pg_put_parameter(fly__pg_out *out, const char *name, const char *value)
{
    fly__pg_begin(out, 'S');
    fly__pg_put_string(out, name);
    fly__pg_put_string(out, value);
    fly__pg_end(out);
}

void fly__pg_put_key(fly__pg_out *out, uint32_t pid, uint32_t secret)
{
    fly__pg_begin(out, 'K');
    fly__pg_put_u32(out, pid);
    fly__pg_put_u32(out, secret);
    fly__pg_end(out);
}

void fly__pg_put_complete(fly__pg_out *out, const char *tag)
{
    fly__pg_begin(out, 'C');
    fly__pg_put_string(out, tag);
    fly__pg_end(out);
}

void fly__pg_put_auth(fly__pg_out *out, uint32_t code, fly_bytes data)
{
    fly__pg_begin(out, 'R');
    fly__pg_put_u32(out, code);
    fly__pg_put_bytes(out, data);
    fly__pg_end(out);
}

void fly__pg_put_auth_sasl(fly__pg_out *out, const char *const *mechanisms)
{
    fly__pg_begin(out, 'R');
    fly__pg_put_u32(out, 10);
    for (; *mechanisms != NULL; mechanisms++) {
        fly__pg_put_string(out, *mechanisms);
    }
    fly__pg_put_u8(out, 0);
    fly__pg_end(out);
}

void fly__pg_put_negotiate(fly__pg_out *out, uint16_t minor, uint32_t count,
                           const char *const *options)
{
    fly__pg_begin(out, 'v');
    fly__pg_put_u32(out, (uint32_t)FLY__PG_VERSION_MAJOR << 16 | minor);
    fly__pg_put_u32(out, count);
    for (uint32_t i = 0; i < count; i++) {
        fly__pg_put_string(out, options[i]);
    }
    fly__pg_end(out);
}

void fly__pg_put_notification(fly__pg_out *out, uint32_t pid, const char *channel,
                              const char *payload)
{
    fly__pg_begin(out, 'A');
    fly__pg_put_u32(out, pid);
    fly__pg_put_string(out, channel);
    fly__pg_put_string(out, payload);
    fly__pg_end(out);
}

void fly__pg_put_copy(fly__pg_out *out, char type, bool binary, uint32_t columns)
{
    fly__pg_begin(out, type);
    fly__pg_put_u8(out, binary);
    fly__pg_put_u16(out, (uint16_t)columns);
    for (uint32_t i = 0; i < columns; i++) {
        fly__pg_put_u16(out, binary);
    }
    fly__pg_end(out);
}

void fly__pg_put_column(fly__pg_out *out, const fly__pg_column *column)
{
    fly__pg_put_string(out, column->name);
    fly__pg_put_u32(out, column->table);
    fly__pg_put_u16(out, column->number);
    fly__pg_put_u32(out, column->type);
    fly__pg_put_u16(out, (uint16_t)column->size);
    fly__pg_put_u32(out, (uint32_t)column->mod);
    fly__pg_put_u16(out, column->format);
}

/* A field of an error: its letter, its bytes up to the first zero byte. */
static void put_field(fly__pg_out *out, char letter, fly_bytes text)
{
    if (text.len == 0) {
        return;
    }
    const uint8_t *zero = memchr(text.data, 0, text.len);
    text.len = zero == NULL ? text.len : (size_t)(zero - text.data);
    fly__pg_put_u8(out, (uint8_t)letter);
    fly__pg_put_bytes(out, text);
    fly__pg_put_u8(out, 0);
}

static void put_number(fly__pg_out *out, char letter, uint32_t number)
{
    char text[10];
    size_t at = sizeof text;
    for (; number > 0; number /= 10) {
        text[--at] = (char)('0' + number % 10);
    }
    put_field(out, letter, fly_bytes_of(text + at, sizeof text - at));
}

void fly__pg_put_story(fly__pg_out *out, char type, const fly__pg_story *story)
{
    const fly_err *err = story->err;
    fly__pg_begin(out, type);
    put_field(out, 'S', fly_bytes_str(story->severity));
    put_field(out, 'V', fly_bytes_str(story->severity));
    put_field(out, 'C',
              fly_bytes_str(err->sqlstate[0] != '\0' ? err->sqlstate
                            : type == 'N'            ? "00000"
                                                     : "XX000"));
    put_field(out, 'M',
              fly_bytes_str(err->message[0] != '\0' ? err->message : fly_status_text(err->status)));
    put_field(out, 'D', fly_bytes_str(err->detail));
    put_field(out, 'H', fly_bytes_str(err->hint));
    put_number(out, 'P', story->position);
    if (story->where != NULL) {
        put_field(out, 'W', fly_bytes_str(story->where));
    }
    put_field(out, 's', story->schema);
    put_field(out, 't', story->table);
    put_field(out, 'c', story->column);
    put_field(out, 'd', story->type);
    put_field(out, 'n', story->constraint);
    fly__pg_put_u8(out, 0);
    fly__pg_end(out);
}
