/*
 * JSONB: its bytes, made and looked into.
 *
 * Invariants of a value, decided by fly_vec_jsonb_check():
 *
 *     J1  the first byte is a tag; null, false and true are nothing else
 *     J2  a number is a packed numeric, finite
 *     J3  the ends of an array or object rise, and the last is where the value ends
 *     J4  keys rise in length, then bytes
 *     J5  every element is a value; no deeper than FLY_VEC_JSON_DEPTH_MAX
 *
 * What is not here: text (json_parse.c), changes (json_edit.c), paths (jsonpath.c).
 */
#include "json_int.h"

#include <fly/base_bytes.h>
#include <fly/base_hash.h>
#include <fly/vec_numeric.h>

#include <string.h>

const char *fly_vec_json_type_name(fly_vec_json_type type)
{
    static const char *const names[] = {"null",   "boolean", "boolean", "number",
                                        "string", "array",   "object"};
    return names[type];
}

/* ---------------------------------------------------------------------- the bytes */

enum { HEAD = 5 }; /* tag and count */

static uint32_t u32(const uint8_t *at)
{
    return fly_get_u32(at);
}

static bool is_container(fly_bytes v)
{
    return v.data[0] >= FLY_VEC_JSON_ARRAY;
}

uint32_t fly_vec_jsonb_count(fly_bytes v)
{
    return is_container(v) ? u32(v.data + 1) : 0;
}

/* The i-th end; of an object, ends of keys come first, then those of values. */
static uint32_t end_of(fly_bytes v, uint32_t i)
{
    return u32(v.data + HEAD + 4 * (size_t)i);
}

static fly_bytes between(fly_bytes v, uint32_t ends, uint32_t i)
{
    const uint8_t *base = v.data + HEAD + 4 * (size_t)ends;
    uint32_t from = i == 0 ? 0 : end_of(v, i - 1);
    return fly_bytes_of(base + from, end_of(v, i) - from);
}

static fly_bytes element(fly_bytes v, uint32_t i)
{
    return between(v, u32(v.data + 1), i);
}

static fly_bytes member_key(fly_bytes v, uint32_t i)
{
    return between(v, 2 * u32(v.data + 1), i);
}

static fly_bytes member_value(fly_bytes v, uint32_t i)
{
    uint32_t n = u32(v.data + 1);
    return between(v, 2 * n, n + i);
}

void fly_vec_jsonb_member(fly_bytes v, uint32_t i, fly_bytes *key, fly_bytes *out)
{
    *key = member_key(v, i);
    *out = member_value(v, i);
}

bool fly_vec_jsonb_at(fly_bytes v, int64_t index, fly_bytes *out)
{
    if (!is_container(v) && (index == 0 || index == -1)) {
        *out = v;
        return true;
    }
    if (v.data[0] != FLY_VEC_JSON_ARRAY) {
        return false;
    }
    int64_t n = u32(v.data + 1);
    index = index < 0 ? index + n : index;
    if (index < 0 || index >= n) {
        return false;
    }
    *out = element(v, (uint32_t)index);
    return true;
}

int fly__vec_json_key_cmp(fly_bytes a, fly_bytes b)
{
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return a.len == 0 ? 0 : memcmp(a.data, b.data, a.len);
}

bool fly_vec_jsonb_get(fly_bytes v, fly_bytes key, fly_bytes *out)
{
    if (v.data[0] != FLY_VEC_JSON_OBJECT) {
        return false;
    }
    uint32_t low = 0;
    uint32_t high = u32(v.data + 1);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = fly__vec_json_key_cmp(key, member_key(v, middle));
        if (order == 0) {
            *out = member_value(v, middle);
            return true;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return false;
}

bool fly__vec_json_index(fly_bytes t, int64_t *out)
{
    size_t i = 0;
    while (i < t.len && (t.data[i] == ' ' || (t.data[i] >= '\t' && t.data[i] <= '\r'))) {
        i++;
    }
    bool neg = i < t.len && t.data[i] == '-';
    i += i < t.len && (t.data[i] == '-' || t.data[i] == '+');
    int64_t x = 0;
    size_t first = i;
    for (; i < t.len && x <= INT32_MAX; i++) {
        if (t.data[i] < '0' || t.data[i] > '9') {
            return false;
        }
        x = x * 10 + (t.data[i] - '0');
    }
    *out = neg ? -x : x;
    return i > first && x <= (int64_t)INT32_MAX + neg;
}

bool fly_vec_jsonb_path(fly_bytes v, const fly_bytes *path, size_t count, fly_bytes *out)
{
    for (size_t i = 0; i < count; i++) {
        int64_t index;
        if (v.data[0] == FLY_VEC_JSON_OBJECT) {
            if (!fly_vec_jsonb_get(v, path[i], &v)) {
                return false;
            }
        } else if (v.data[0] != FLY_VEC_JSON_ARRAY || !fly__vec_json_index(path[i], &index) ||
                   !fly_vec_jsonb_at(v, index, &v)) {
            return false;
        }
    }
    *out = v;
    return true;
}

fly_vec_str fly_vec_jsonb_payload(fly_bytes v)
{
    return fly_vec_str_of(v.data + 1, v.len - 1);
}

fly_status fly_vec_jsonb_text(fly_bytes v, fly_arena *arena, fly_vec_str *out, bool *null,
                              fly_err *err)
{
    *null = v.data[0] == FLY_VEC_JSON_NULL;
    if (*null) {
        return FLY_OK;
    }
    if (v.data[0] == FLY_VEC_JSON_STRING) {
        *out = fly_vec_jsonb_payload(v);
        return FLY_OK;
    }
    return fly_vec_jsonb_format(v, false, arena, out, err);
}

/* ---------------------------------------------------------------------- checking */

static fly_status corrupt(fly_err *err, const char *what)
{
    return fly_err_set(err, FLY_E_CORRUPT, "jsonb: %s", what);
}

static fly_status check(fly_bytes v, int depth, fly_err *err)
{
    if (v.len == 0 || v.data[0] > FLY_VEC_JSON_OBJECT) {
        return corrupt(err, "no such tag");
    }
    uint8_t tag = v.data[0];
    if (tag <= FLY_VEC_JSON_TRUE) {
        return v.len == 1 ? FLY_OK : corrupt(err, "bytes behind a constant");
    }
    if (tag == FLY_VEC_JSON_NUMBER) {
        fly_status status = fly_vec_numeric_check(fly_bytes_of(v.data + 1, v.len - 1), err);
        if (status != FLY_OK) {
            return status;
        }
        fly_vec_str x = fly_vec_jsonb_payload(v);
        return fly_vec_numeric_scale(x) >= 0 ? FLY_OK : corrupt(err, "a number that is not finite");
    }
    if (tag == FLY_VEC_JSON_STRING) {
        return FLY_OK;
    }
    if (depth == FLY_VEC_JSON_DEPTH_MAX) {
        return corrupt(err, "nested too deep");
    }
    bool object = tag == FLY_VEC_JSON_OBJECT;
    uint64_t n = v.len >= HEAD ? u32(v.data + 1) : UINT32_MAX;
    uint64_t ends = object ? 2 * n : n;
    uint64_t head = HEAD + 4 * ends;
    if (head > v.len) {
        return corrupt(err, "more ends than bytes");
    }
    uint32_t last = 0;
    for (uint32_t i = 0; i < ends; i++) {
        if (end_of(v, i) < last || end_of(v, i) > v.len - head) {
            return corrupt(err, "an end before another");
        }
        last = end_of(v, i);
    }
    if (last != v.len - head) {
        return corrupt(err, "bytes behind the last end");
    }
    for (uint32_t i = 0; i < n; i++) {
        if (object && i > 0 && fly__vec_json_key_cmp(member_key(v, i - 1), member_key(v, i)) >= 0) {
            return corrupt(err, "keys out of order");
        }
        fly_status status = check(object ? member_value(v, i) : element(v, i), depth + 1, err);
        if (status != FLY_OK) {
            return status;
        }
    }
    return FLY_OK;
}

fly_status fly_vec_jsonb_check(fly_bytes v, fly_err *err)
{
    return check(v, 0, err);
}

/* ----------------------------------------------------------------------- making */

fly__vec_json *fly__vec_json_add(fly__vec_json *to, fly_arena *arena, const fly_bytes *key)
{
    if (to->n == to->room) {
        uint32_t room = to->room == 0 ? 4 : to->room * 2;
        fly__vec_json *kid = fly_arena_alloc(arena, room * sizeof *kid);
        fly_bytes *keys = to->kind == J_OBJECT ? fly_arena_alloc(arena, room * sizeof *keys) : NULL;
        if (kid == NULL || (to->kind == J_OBJECT && keys == NULL)) {
            return NULL;
        }
        if (to->n > 0) {
            memcpy(kid, to->kid, to->n * sizeof *kid);
            if (keys != NULL) {
                memcpy(keys, to->key, to->n * sizeof *keys);
            }
        }
        to->kid = kid;
        to->key = keys;
        to->room = room;
    }
    if (to->kind == J_OBJECT) {
        to->key[to->n] = *key;
    }
    fly__vec_json *added = &to->kid[to->n++];
    memset(added, 0, sizeof *added);
    return added;
}

fly_status fly__vec_json_open(fly_bytes v, fly_arena *arena, fly__vec_json *out, fly_err *err)
{
    memset(out, 0, sizeof *out);
    out->kind = v.data[0] == FLY_VEC_JSON_OBJECT ? J_OBJECT : J_ARRAY;
    uint32_t n = fly_vec_jsonb_count(v);
    for (uint32_t i = 0; i < n; i++) {
        fly_bytes key = {NULL, 0};
        if (out->kind == J_OBJECT) {
            key = member_key(v, i);
        }
        fly__vec_json *kid = fly__vec_json_add(out, arena, &key);
        if (kid == NULL) {
            return fly__vec_json_no_memory(err);
        }
        kid->kind = J_RAW;
        kid->raw = out->kind == J_OBJECT ? member_value(v, i) : element(v, i);
    }
    return FLY_OK;
}

/* Merge sort of positions by key; equal ones keep their order, so that the last can be told. */
static void sort_keys(const fly_bytes *key, uint32_t *at, uint32_t *room, uint32_t n)
{
    for (uint32_t width = 1; width < n; width *= 2) {
        for (uint32_t from = 0; from < n; from += 2 * width) {
            uint32_t middle = from + width < n ? from + width : n;
            uint32_t end = middle + width < n ? middle + width : n;
            uint32_t i = from;
            uint32_t j = middle;
            for (uint32_t k = from; k < end; k++) {
                bool left = i < middle &&
                            (j == end || fly__vec_json_key_cmp(key[at[i]], key[at[j]]) <= 0);
                room[k] = left ? at[i++] : at[j++];
            }
        }
        memcpy(at, room, n * sizeof *at);
    }
}

static fly_status sort_object(fly__vec_json *o, fly_arena *arena, fly_err *err)
{
    bool sorted = true;
    for (uint32_t i = 1; i < o->n && sorted; i++) {
        sorted = fly__vec_json_key_cmp(o->key[i - 1], o->key[i]) < 0;
    }
    if (sorted) {
        return FLY_OK;
    }
    uint32_t *at = fly_arena_alloc(arena, 2 * (size_t)o->n * sizeof *at);
    fly__vec_json *kid = fly_arena_alloc(arena, o->n * sizeof *kid);
    fly_bytes *key = fly_arena_alloc(arena, o->n * sizeof *key);
    if (at == NULL || kid == NULL || key == NULL) {
        return fly__vec_json_no_memory(err);
    }
    for (uint32_t i = 0; i < o->n; i++) {
        at[i] = i;
    }
    sort_keys(o->key, at, at + o->n, o->n);
    uint32_t n = 0;
    for (uint32_t i = 0; i < o->n; i++) {
        if (i + 1 < o->n && fly__vec_json_key_cmp(o->key[at[i]], o->key[at[i + 1]]) == 0) {
            continue;
        }
        key[n] = o->key[at[i]];
        kid[n++] = o->kid[at[i]];
    }
    o->n = n;
    o->key = key;
    o->kid = kid;
    return FLY_OK;
}

static fly_status measure(fly__vec_json *t, fly_arena *arena, fly_err *err)
{
    uint64_t size = 1 + t->raw.len;
    fly_status status;
    if (t->kind == J_RAW) {
        size = t->raw.len;
    } else if (t->kind >= J_ARRAY) {
        if (t->kind == J_OBJECT && (status = sort_object(t, arena, err)) != FLY_OK) {
            return status;
        }
        size = HEAD + 4 * (uint64_t)t->n * (t->kind == J_OBJECT ? 2 : 1);
        for (uint32_t i = 0; i < t->n; i++) {
            if ((status = measure(&t->kid[i], arena, err)) != FLY_OK) {
                return status;
            }
            size += t->kid[i].size + (t->kind == J_OBJECT ? t->key[i].len : 0);
        }
    }
    if (size > JSON_SIZE_MAX) {
        return fly__vec_text_error(
            err, "54000", "total size of jsonb value exceeds the maximum of 268435455 bytes");
    }
    t->size = (uint32_t)size;
    return FLY_OK;
}

static uint8_t *put_bytes(uint8_t *at, fly_bytes b)
{
    if (b.len > 0) {
        memcpy(at, b.data, b.len);
    }
    return at + b.len;
}

static uint8_t *write_tree(const fly__vec_json *t, uint8_t *at)
{
    if (t->kind == J_RAW) {
        return put_bytes(at, t->raw);
    }
    if (t->kind < J_ARRAY) {
        *at++ = t->kind == J_STRING ? FLY_VEC_JSON_STRING : FLY_VEC_JSON_NUMBER;
        return put_bytes(at, t->raw);
    }
    bool object = t->kind == J_OBJECT;
    *at++ = object ? FLY_VEC_JSON_OBJECT : FLY_VEC_JSON_ARRAY;
    fly_put_u32(at, t->n);
    at += 4;
    uint32_t end = 0;
    for (uint32_t i = 0; object && i < t->n; i++, at += 4) {
        end += (uint32_t)t->key[i].len;
        fly_put_u32(at, end);
    }
    for (uint32_t i = 0; i < t->n; i++, at += 4) {
        end += t->kid[i].size;
        fly_put_u32(at, end);
    }
    for (uint32_t i = 0; object && i < t->n; i++) {
        at = put_bytes(at, t->key[i]);
    }
    for (uint32_t i = 0; i < t->n; i++) {
        at = write_tree(&t->kid[i], at);
    }
    return at;
}

fly_status fly__vec_json_encode(fly__vec_json *tree, fly_arena *arena, fly_vec_str *out,
                                fly_err *err)
{
    fly_arena scratch;
    fly_arena_init(&scratch, arena->mem, 0);
    fly_status status = measure(tree, &scratch, err);
    uint8_t *bytes = NULL;
    uint8_t small[FLY_VEC_STR_INLINE];
    if (status == FLY_OK) {
        bytes = tree->size <= sizeof small ? small : fly_arena_alloc(arena, tree->size);
        if (bytes == NULL) {
            status = fly__vec_json_no_memory(err);
        }
    }
    if (status == FLY_OK) {
        (void)write_tree(tree, bytes);
        *out = fly_vec_str_of(bytes, tree->size);
    }
    fly_arena_deinit(&scratch);
    return status;
}

fly_status fly_vec_jsonb_of_null(fly_vec_str *out)
{
    static const uint8_t tag = FLY_VEC_JSON_NULL;
    *out = fly_vec_str_of(&tag, 1);
    return FLY_OK;
}

fly_status fly_vec_jsonb_of_bool(bool x, fly_vec_str *out)
{
    uint8_t tag = x ? FLY_VEC_JSON_TRUE : FLY_VEC_JSON_FALSE;
    *out = fly_vec_str_of(&tag, 1);
    return FLY_OK;
}

fly_status fly_vec_jsonb_of_text(fly_bytes text, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    fly__vec_json tree = {.kind = J_STRING, .raw = text};
    return fly__vec_json_encode(&tree, arena, out, err);
}

fly_status fly_vec_jsonb_of_numeric(fly_vec_str x, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    if (fly_vec_numeric_scale(x) < 0) {
        fly_vec_str text;
        fly_status status = fly_vec_numeric_format(x, arena, &text, err);
        return status == FLY_OK ? fly_vec_jsonb_of_text(fly_vec_str_bytes(&text), arena, out, err)
                                : status;
    }
    fly__vec_json tree = {.kind = J_NUMBER, .raw = fly_vec_str_bytes(&x)};
    return fly__vec_json_encode(&tree, arena, out, err);
}

/* A container of values that are made already. */
static fly_status collect(fly__vec_json_kind kind, const fly_bytes *keys, const fly_bytes *values,
                          size_t count, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    fly_arena scratch;
    fly__vec_json tree = {.kind = (uint8_t)kind};
    fly_status status = FLY_OK;
    fly_arena_init(&scratch, arena->mem, 0);
    for (size_t i = 0; i < count && status == FLY_OK; i++) {
        fly__vec_json *kid = fly__vec_json_add(&tree, &scratch, keys != NULL ? &keys[i] : NULL);
        if (kid == NULL) {
            status = fly__vec_json_no_memory(err);
        } else {
            kid->kind = J_RAW;
            kid->raw = values[i];
        }
    }
    if (status == FLY_OK) {
        status = fly__vec_json_encode(&tree, arena, out, err);
    }
    fly_arena_deinit(&scratch);
    return status;
}

fly_status fly_vec_jsonb_array(const fly_bytes *values, size_t count, fly_arena *arena,
                               fly_vec_str *out, fly_err *err)
{
    return collect(J_ARRAY, NULL, values, count, arena, out, err);
}

fly_status fly_vec_jsonb_object(const fly_bytes *keys, const fly_bytes *values, size_t count,
                                fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    return collect(J_OBJECT, keys, values, count, arena, out, err);
}

/* ------------------------------------------------------------------------- text */

void fly__vec_json_put_quoted(fly__vec_sink *s, fly_bytes text)
{
    static const char names[] = "\b\f\n\r\t\"\\";
    static const char shown[] = "bfnrt\"\\";
    static const char hex[] = "0123456789abcdef";
    fly__vec_sink_put(s, "\"", 1);
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        fly__vec_sink_put(s, text.data + from, i - from);
        from = i + 1;
        const char *name = c != 0 ? strchr(names, c) : NULL;
        if (name != NULL) {
            char two[2] = {'\\', shown[name - names]};
            fly__vec_sink_put(s, two, 2);
        } else {
            char six[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
            fly__vec_sink_put(s, six, 6);
        }
    }
    fly__vec_sink_put(s, text.data + from, text.len - from);
    fly__vec_sink_put(s, "\"", 1);
}

fly_status fly_vec_json_quote(fly_bytes text, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    fly__vec_sink s;
    fly__vec_sink_init(&s, arena, text.len + 2);
    fly__vec_json_put_quoted(&s, text);
    return fly__vec_sink_give(&s, out, err);
}

static void new_line(fly__vec_sink *s, int depth)
{
    if (depth >= 0 && fly__vec_sink_room(s, 1 + 4 * (size_t)depth)) {
        s->bytes[s->n] = '\n';
        memset(s->bytes + s->n + 1, ' ', 4 * (size_t)depth);
        s->n += 1 + 4 * (size_t)depth;
    }
}

/* `depth` -1: on one line. */
static fly_status put_value(fly__vec_sink *s, fly_bytes v, int depth, fly_err *err)
{
    fly_vec_str text;
    fly_vec_str number;
    fly_status status = FLY_OK;
    bool object = v.data[0] == FLY_VEC_JSON_OBJECT;
    switch (v.data[0]) {
    case FLY_VEC_JSON_NULL:
        fly__vec_sink_put(s, "null", 4);
        return FLY_OK;
    case FLY_VEC_JSON_FALSE:
        fly__vec_sink_put(s, "false", 5);
        return FLY_OK;
    case FLY_VEC_JSON_TRUE:
        fly__vec_sink_put(s, "true", 4);
        return FLY_OK;
    case FLY_VEC_JSON_NUMBER:
        number = fly_vec_jsonb_payload(v);
        status = fly_vec_numeric_format(number, s->arena, &text, err);
        if (status == FLY_OK) {
            fly__vec_sink_put(s, fly_vec_str_data(&text), text.len);
        }
        return status;
    case FLY_VEC_JSON_STRING:
        fly__vec_json_put_quoted(s, fly_bytes_of(v.data + 1, v.len - 1));
        return FLY_OK;
    default:
        break;
    }
    int inside = depth < 0 ? -1 : depth + 1;
    uint32_t n = fly_vec_jsonb_count(v);
    fly__vec_sink_put(s, object ? "{" : "[", 1);
    for (uint32_t i = 0; i < n && status == FLY_OK && s->trouble == FLY_OK; i++) {
        if (i > 0) {
            fly__vec_sink_put(s, ", ", depth < 0 ? 2 : 1);
        }
        new_line(s, inside);
        if (object) {
            fly__vec_json_put_quoted(s, member_key(v, i));
            fly__vec_sink_put(s, ": ", 2);
        }
        status = put_value(s, object ? member_value(v, i) : element(v, i), inside, err);
    }
    new_line(s, depth);
    fly__vec_sink_put(s, object ? "}" : "]", 1);
    return status;
}

fly_status fly_vec_jsonb_format(fly_bytes v, bool pretty, fly_arena *arena, fly_vec_str *text,
                                fly_err *err)
{
    fly__vec_sink s;
    fly__vec_sink_init(&s, arena, v.len);
    fly_status status = put_value(&s, v, pretty ? 0 : -1, err);
    return status == FLY_OK ? fly__vec_sink_give(&s, text, err) : status;
}

/* ---------------------------------------------------------------- order and hash */

/* Null, string, number, boolean, array, object. */
static int rank(fly_bytes v)
{
    static const uint8_t ranks[] = {0, 3, 3, 2, 1, 4, 5};
    return ranks[v.data[0]];
}

static int sign(int64_t x)
{
    return (x > 0) - (x < 0);
}

static int cmp(fly_bytes a, fly_bytes b, bool top)
{
    int ra = rank(a);
    int rb = rank(b);
    if (ra != rb) {
        /* An empty array by itself is below every scalar. */
        if (top && ra == 4 && rb < 4 && fly_vec_jsonb_count(a) == 0) {
            return -1;
        }
        if (top && rb == 4 && ra < 4 && fly_vec_jsonb_count(b) == 0) {
            return 1;
        }
        return ra - rb;
    }
    if (!is_container(a)) {
        if (a.data[0] == FLY_VEC_JSON_NUMBER) {
            return fly_vec_numeric_cmp(fly_vec_jsonb_payload(a), fly_vec_jsonb_payload(b));
        }
        return a.data[0] == FLY_VEC_JSON_STRING ? fly_bytes_cmp(fly_bytes_of(a.data + 1, a.len - 1),
                                                                fly_bytes_of(b.data + 1, b.len - 1))
                                                : a.data[0] - b.data[0];
    }
    uint32_t n = fly_vec_jsonb_count(a);
    uint32_t m = fly_vec_jsonb_count(b);
    if (n != m) {
        return sign((int64_t)n - m);
    }
    for (uint32_t i = 0; i < n; i++) {
        int order = 0;
        if (ra == 5) {
            order = fly_bytes_cmp(member_key(a, i), member_key(b, i));
        }
        if (order == 0) {
            order = ra == 5 ? cmp(member_value(a, i), member_value(b, i), false)
                            : cmp(element(a, i), element(b, i), false);
        }
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

int fly_vec_jsonb_cmp(fly_bytes a, fly_bytes b)
{
    return cmp(a, b, true);
}

uint64_t fly_vec_jsonb_hash(fly_bytes v, uint64_t seed)
{
    if (v.data[0] == FLY_VEC_JSON_NUMBER) {
        return fly_vec_numeric_hash(fly_vec_jsonb_payload(v), seed);
    }
    if (!is_container(v)) {
        return fly_hash(v.data, v.len, seed);
    }
    uint32_t n = fly_vec_jsonb_count(v);
    uint64_t hash = fly_hash(v.data, HEAD, seed);
    for (uint32_t i = 0; i < n; i++) {
        if (v.data[0] == FLY_VEC_JSON_OBJECT) {
            fly_bytes key = member_key(v, i);
            hash = fly_hash(key.data, key.len, hash);
            hash = fly_vec_jsonb_hash(member_value(v, i), hash);
        } else {
            hash = fly_vec_jsonb_hash(element(v, i), hash);
        }
    }
    return hash;
}

/* ------------------------------------------------------------------- containment */

static bool same_scalar(fly_bytes a, fly_bytes b)
{
    return !is_container(a) && !is_container(b) && cmp(a, b, false) == 0;
}

static bool contains(fly_bytes a, fly_bytes b);

static bool array_contains(fly_bytes a, fly_bytes one)
{
    uint32_t n = fly_vec_jsonb_count(a);
    for (uint32_t i = 0; i < n; i++) {
        fly_bytes e = element(a, i);
        if (is_container(one) ? e.data[0] == one.data[0] && contains(e, one)
                              : same_scalar(e, one)) {
            return true;
        }
    }
    return false;
}

static bool contains(fly_bytes a, fly_bytes b)
{
    if (a.data[0] != b.data[0]) {
        return false;
    }
    if (!is_container(a)) {
        return same_scalar(a, b);
    }
    uint32_t n = fly_vec_jsonb_count(b);
    if (a.data[0] == FLY_VEC_JSON_OBJECT) {
        if (fly_vec_jsonb_count(a) < n) {
            return false;
        }
        for (uint32_t i = 0; i < n; i++) {
            fly_bytes mine;
            if (!fly_vec_jsonb_get(a, member_key(b, i), &mine) ||
                !contains(mine, member_value(b, i))) {
                return false;
            }
        }
        return true;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!array_contains(a, element(b, i))) {
            return false;
        }
    }
    return true;
}

bool fly_vec_jsonb_contains(fly_bytes a, fly_bytes b)
{
    if (a.data[0] == FLY_VEC_JSON_ARRAY && !is_container(b)) {
        return array_contains(a, b);
    }
    return contains(a, b);
}

bool fly_vec_jsonb_exists(fly_bytes v, fly_bytes key)
{
    fly_bytes found;
    if (v.data[0] == FLY_VEC_JSON_OBJECT) {
        return fly_vec_jsonb_get(v, key, &found);
    }
    if (v.data[0] == FLY_VEC_JSON_STRING) {
        return fly_bytes_equal(fly_bytes_of(v.data + 1, v.len - 1), key);
    }
    uint32_t n = fly_vec_jsonb_count(v);
    for (uint32_t i = 0; i < n; i++) {
        fly_bytes e = element(v, i);
        if (e.data[0] == FLY_VEC_JSON_STRING &&
            fly_bytes_equal(fly_bytes_of(e.data + 1, e.len - 1), key)) {
            return true;
        }
    }
    return false;
}
