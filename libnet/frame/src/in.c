/*
 * Reading payloads.
 *
 * A reader remembers its first problem and gives zeros from then on; who reads asks once, at the end. So
 * loops over counts must be bounded by themselves: a count is refused if the bytes that are left could
 * not hold that many elements of the smallest size, one byte.
 */
#include "frame_int.h"

#include <fly/base_bytes.h>

#include <string.h>

fly_status fly_frame_in_open(fly_frame_in *in, const fly_frame *frame, fly_arena *arena,
                             fly_err *err)
{
    fly_bytes payload = frame->payload;
    *in = (fly_frame_in){.arena = arena, .json = (frame->flags & FLY_FRAME_JSON) != 0};
    in->at = payload.data != NULL ? payload.data : (const uint8_t *)"";
    in->end = in->at + payload.len;
    if (!in->json) {
        return FLY_OK;
    }
    in->problem = fly__frame_json_check(payload);
    if (in->problem == NULL) {
        const uint8_t *open = fly__frame_json_space(in->at, in->end);
        in->scopes[0] =
            (fly__frame_scope){.begin = open + 1, .at = open + 1, .end = in->end, .object = true};
    }
    return fly_frame_in_status(in, err);
}

fly_status fly_frame_in_status(const fly_frame_in *in, fly_err *err)
{
    if (in->problem == NULL) {
        return FLY_OK;
    }
    return fly_err_state(err, "08P01", 0, "invalid message: %s", in->problem);
}

fly_status fly_frame_in_end(const fly_frame_in *in, fly_err *err)
{
    if (in->problem == NULL && !in->json && in->at != in->end) {
        return fly_err_state(err, "08P01", 0, "invalid message: %zu bytes are left over",
                             (size_t)(in->end - in->at));
    }
    return fly_frame_in_status(in, err);
}

static void fail(fly_frame_in *in, const char *problem)
{
    if (in->problem == NULL) {
        in->problem = problem;
    }
}

/* ------------------------------------------------------------------- binary */

static uint64_t take_varint(fly_frame_in *in)
{
    uint64_t value = 0;
    if (in->problem != NULL) {
        return 0;
    }
    size_t used = fly_get_varint(in->at, (size_t)(in->end - in->at), &value);
    if (used == 0) {
        fail(in, "a number does not end");
        return 0;
    }
    in->at += used;
    return value;
}

static fly_bytes take_bytes(fly_frame_in *in, uint64_t len)
{
    if (in->problem != NULL || len > (size_t)(in->end - in->at)) {
        fail(in, "it ends too early");
        return fly_bytes_of("", 0);
    }
    fly_bytes bytes = fly_bytes_of(in->at, (size_t)len);
    in->at += len;
    return bytes;
}

static uint8_t take_byte(fly_frame_in *in)
{
    fly_bytes one = take_bytes(in, 1);
    return one.len == 1 ? one.data[0] : 0;
}

static void take_double(fly_frame_in *in, fly_frame_value *value)
{
    fly_bytes bytes = take_bytes(in, 8);
    if (bytes.len == 8) {
        uint64_t bits = fly_get_u64be(bytes.data);
        memcpy(&value->d, &bits, sizeof bits);
    }
}

static fly_frame_value take_value(fly_frame_in *in)
{
    fly_frame_value value = {.kind = take_byte(in)};
    if (value.kind >= SMALL_INT) {
        value.i = value.kind - SMALL_INT;
        value.kind = FLY_FRAME_V_INT;
        return value;
    }
    switch (value.kind) {
    case FLY_FRAME_V_NULL:
    case FLY_FRAME_V_FALSE:
    case FLY_FRAME_V_TRUE:
        break;
    case FLY_FRAME_V_DECIMAL:
        value.scale = take_byte(in);
        value.i = unzigzag(take_varint(in));
        if (value.scale > FLY_FRAME_SCALE_MAX) {
            fail(in, "a decimal has too many digits");
        }
        break;
    case FLY_FRAME_V_INT:
    case FLY_FRAME_V_DATE:
    case FLY_FRAME_V_TIME:
    case FLY_FRAME_V_TIMESTAMP:
    case FLY_FRAME_V_TIMESTAMPTZ:
        value.i = unzigzag(take_varint(in));
        break;
    case FLY_FRAME_V_DOUBLE:
        take_double(in, &value);
        break;
    case FLY_FRAME_V_TEXT:
    case FLY_FRAME_V_BYTES:
        value.bytes = take_bytes(in, take_varint(in));
        break;
    case FLY_FRAME_V_UUID:
        value.bytes = take_bytes(in, 16);
        break;
    default:
        fail(in, "a value is of an unknown kind");
        break;
    }
    return in->problem == NULL ? value : (fly_frame_value){0};
}

/* --------------------------------------------------------------------- JSON */

static fly__frame_scope *scope(fly_frame_in *in)
{
    return &in->scopes[in->depth];
}

/* The value of a field or the next element; NULL if there is none. */
static const uint8_t *find(fly_frame_in *in, const char *name)
{
    fly__frame_scope *inside = scope(in);
    if (in->problem != NULL) {
        return NULL;
    }
    if (inside->object != (name != NULL)) {
        fail(in, "a list stands where an object should, or the other way round");
        return NULL;
    }
    if (name != NULL) {
        return fly__frame_json_member(inside->begin, inside->end, name);
    }
    const uint8_t *at = fly__frame_json_space(inside->at, inside->end);
    if (at >= inside->end || *at == ']') {
        fail(in, "a list ends too early");
        return NULL;
    }
    inside->at = fly__frame_json_space(fly__frame_json_skip(at, inside->end), inside->end);
    inside->at += inside->at < inside->end && *inside->at == ',';
    return at;
}

static bool is_null(const uint8_t *at)
{
    return at == NULL || *at == 'n';
}

/* The integer that a number is: false if it has a point, an exponent, or too many digits. */
static bool json_int(const uint8_t *at, const uint8_t *end, int64_t *value)
{
    const uint8_t *stop = fly__frame_json_skip(at, end);
    bool negative = *at == '-';
    uint64_t sum = 0;
    at += negative;
    if (at == stop) {
        return false;
    }
    for (; at < stop; at++) {
        if (*at < '0' || *at > '9' || sum > (UINT64_MAX >> 1) / 10) {
            return false;
        }
        sum = sum * 10 + (uint64_t)(*at - '0');
        if (sum > (UINT64_MAX >> 1)) {
            return false;
        }
    }
    *value = negative ? -(int64_t)sum : (int64_t)sum;
    return true;
}

static bool is_number(const uint8_t *at)
{
    return *at == '-' || (*at >= '0' && *at <= '9');
}

static int64_t json_number(fly_frame_in *in, const char *name)
{
    int64_t value = 0;
    const uint8_t *at = find(in, name);
    if (!is_null(at) && (!is_number(at) || !json_int(at, scope(in)->end, &value))) {
        fail(in, "a field should be an integer");
        return 0;
    }
    return value;
}

static fly_bytes json_text(fly_frame_in *in, const uint8_t *at)
{
    fly_bytes text = fly_bytes_of("", 0);
    if (is_null(at)) {
        return text;
    }
    if (*at != '"') {
        fail(in, "a field should be a string");
    } else if (!fly__frame_json_string(at, scope(in)->end, in->arena, &text)) {
        fail(in, "it takes more memory than there is");
    }
    return text;
}

static fly_frame_value json_value(fly_frame_in *in, const uint8_t *at)
{
    fly_frame_value value = {0};
    if (is_null(at)) {
        return value;
    }
    if (*at == 't' || *at == 'f') {
        value.kind = *at == 't' ? FLY_FRAME_V_TRUE : FLY_FRAME_V_FALSE;
    } else if (*at == '"') {
        value.kind = FLY_FRAME_V_TEXT;
        value.bytes = json_text(in, at);
    } else if (!is_number(at)) {
        fail(in, "a value is a list or an object");
    } else if (json_int(at, scope(in)->end, &value.i)) {
        value.kind = FLY_FRAME_V_INT;
    } else {
        value = (fly_frame_value){.kind = FLY_FRAME_V_TEXT};
        value.bytes = fly_bytes_of(at, (size_t)(fly__frame_json_skip(at, scope(in)->end) - at));
    }
    return in->problem == NULL ? value : (fly_frame_value){0};
}

/* Enter a bracket; how many elements it has, counted by walking over them. */
static size_t json_enter(fly_frame_in *in, const uint8_t *at, uint8_t bracket)
{
    bool absent = is_null(at);
    if (in->problem == NULL && !absent && *at != bracket) {
        fail(in, bracket == '[' ? "a field should be a list" : "an element should be an object");
    }
    const uint8_t *end = scope(in)->end;
    if (in->depth == FLY_FRAME_DEPTH_MAX) {
        fail(in, "it is nested too deeply");
        return 0;
    }
    in->depth++;
    if (in->problem != NULL || absent) {
        *scope(in) = (fly__frame_scope){.object = bracket == '{'};
        return 0;
    }
    const uint8_t *close = fly__frame_json_skip(at, end) - 1;
    *scope(in) =
        (fly__frame_scope){.begin = at + 1, .at = at + 1, .end = close, .object = bracket == '{'};
    size_t count = 0;
    if (bracket == '[') {
        at = fly__frame_json_space(at + 1, close);
        while (at < close) {
            count++;
            at = fly__frame_json_space(fly__frame_json_skip(at, close), close);
            at = fly__frame_json_space(at + (at < close), close); /* the comma */
        }
    }
    return count;
}

/* ------------------------------------------------------------------- fields */

uint64_t fly_frame_get_uint(fly_frame_in *in, const char *name)
{
    if (!in->json) {
        return take_varint(in);
    }
    int64_t value = json_number(in, name);
    if (value < 0) {
        fail(in, "a field should not be negative");
        return 0;
    }
    return (uint64_t)value;
}

int64_t fly_frame_get_int(fly_frame_in *in, const char *name)
{
    return in->json ? json_number(in, name) : unzigzag(take_varint(in));
}

bool fly_frame_get_bool(fly_frame_in *in, const char *name)
{
    if (!in->json) {
        uint8_t byte = take_byte(in);
        if (byte > 1) {
            fail(in, "a boolean is neither 0 nor 1");
        }
        return byte == 1;
    }
    const uint8_t *at = find(in, name);
    if (!is_null(at) && *at != 't' && *at != 'f') {
        fail(in, "a field should be true or false");
    }
    return in->problem == NULL && !is_null(at) && *at == 't';
}

fly_bytes fly_frame_get_text(fly_frame_in *in, const char *name)
{
    return in->json ? json_text(in, find(in, name)) : take_bytes(in, take_varint(in));
}

fly_frame_value fly_frame_get_value(fly_frame_in *in, const char *name)
{
    return in->json ? json_value(in, find(in, name)) : take_value(in);
}

/* -------------------------------------------------------------------- nests */

static size_t bounded(fly_frame_in *in, uint64_t count)
{
    if (in->problem == NULL && count > (size_t)(in->end - in->at)) {
        fail(in, "a list has more elements than bytes");
    }
    return in->problem == NULL ? (size_t)count : 0;
}

size_t fly_frame_enter_list(fly_frame_in *in, const char *name)
{
    if (in->json) {
        return json_enter(in, find(in, name), '[');
    }
    fly_bytes count = take_bytes(in, 4);
    return count.len == 4 ? bounded(in, fly_get_u32be(count.data)) : 0;
}

size_t fly_frame_enter_row(fly_frame_in *in)
{
    return in->json ? json_enter(in, find(in, NULL), '[') : bounded(in, take_varint(in));
}

void fly_frame_enter_item(fly_frame_in *in)
{
    if (in->json) {
        (void)json_enter(in, find(in, NULL), '{');
    }
}

void fly_frame_leave(fly_frame_in *in)
{
    if (in->json && in->depth > 0) {
        in->depth--;
    }
}
