/*
 * Changes of jsonb values: along the path that changes containers are opened, everything beside it is
 * copied as it is.
 */
#include "json_int.h"

#include <fly/vec_numeric.h>

#include <stdio.h>
#include <string.h>

static bool is_scalar(fly_bytes v)
{
    return v.data[0] < FLY_VEC_JSON_ARRAY;
}

/* Runs with a scratch arena; `tree` is encoded into the caller's. */
typedef struct work {
    fly_arena scratch;
    fly_err *err;
} work;

static fly_status finish(work *w, fly_status status, fly__vec_json *tree, fly_arena *arena,
                         fly_vec_str *out)
{
    if (status == FLY_OK) {
        status = fly__vec_json_encode(tree, arena, out, w->err);
    }
    fly_arena_deinit(&w->scratch);
    return status;
}

static fly_status add_raw(work *w, fly__vec_json *to, const fly_bytes *key, fly_bytes value)
{
    fly__vec_json *kid = fly__vec_json_add(to, &w->scratch, key);
    if (kid == NULL) {
        return fly__vec_json_no_memory(w->err);
    }
    kid->kind = J_RAW;
    kid->raw = value;
    return FLY_OK;
}

/* All of a value's members or elements; a value that is no array stands for itself in one. */
static fly_status add_all(work *w, fly__vec_json *to, fly_bytes v)
{
    fly_status status = FLY_OK;
    uint32_t n = fly_vec_jsonb_count(v);
    if (to->kind == J_ARRAY && v.data[0] != FLY_VEC_JSON_ARRAY) {
        return add_raw(w, to, NULL, v);
    }
    for (uint32_t i = 0; i < n && status == FLY_OK; i++) {
        fly_bytes key = {NULL, 0};
        fly_bytes value;
        if (to->kind == J_OBJECT) {
            fly_vec_jsonb_member(v, i, &key, &value);
        } else {
            (void)fly_vec_jsonb_at(v, i, &value);
        }
        status = add_raw(w, to, &key, value);
    }
    return status;
}

fly_status fly_vec_jsonb_concat(fly_bytes a, fly_bytes b, fly_arena *arena, fly_vec_str *out,
                                fly_err *err)
{
    work w = {.err = err};
    bool objects = a.data[0] == FLY_VEC_JSON_OBJECT && b.data[0] == FLY_VEC_JSON_OBJECT;
    fly__vec_json tree = {.kind = objects ? J_OBJECT : J_ARRAY};
    fly_arena_init(&w.scratch, arena->mem, 0);
    fly_status status = add_all(&w, &tree, a);
    if (status == FLY_OK) {
        status = add_all(&w, &tree, b);
    }
    return finish(&w, status, &tree, arena, out);
}

static bool among(fly_bytes key, const fly_bytes *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fly_bytes_equal(key, keys[i])) {
            return true;
        }
    }
    return false;
}

fly_status fly_vec_jsonb_delete(fly_bytes v, const fly_bytes *keys, size_t count, fly_arena *arena,
                                fly_vec_str *out, fly_err *err)
{
    if (is_scalar(v)) {
        return fly__vec_text_error(err, "22023", "cannot delete from scalar");
    }
    work w = {.err = err};
    bool object = v.data[0] == FLY_VEC_JSON_OBJECT;
    fly__vec_json tree = {.kind = object ? J_OBJECT : J_ARRAY};
    fly_status status = FLY_OK;
    uint32_t n = fly_vec_jsonb_count(v);
    fly_arena_init(&w.scratch, arena->mem, 0);
    for (uint32_t i = 0; i < n && status == FLY_OK; i++) {
        fly_bytes key = {NULL, 0};
        fly_bytes value;
        bool drop;
        if (object) {
            fly_vec_jsonb_member(v, i, &key, &value);
            drop = among(key, keys, count);
        } else {
            (void)fly_vec_jsonb_at(v, i, &value);
            drop = value.data[0] == FLY_VEC_JSON_STRING &&
                   among(fly_bytes_of(value.data + 1, value.len - 1), keys, count);
        }
        if (!drop) {
            status = add_raw(&w, &tree, &key, value);
        }
    }
    return finish(&w, status, &tree, arena, out);
}

fly_status fly_vec_jsonb_delete_at(fly_bytes v, int64_t index, fly_arena *arena, fly_vec_str *out,
                                   fly_err *err)
{
    if (is_scalar(v)) {
        return fly__vec_text_error(err, "22023", "cannot delete from scalar");
    }
    if (v.data[0] == FLY_VEC_JSON_OBJECT) {
        return fly__vec_text_error(err, "22023", "cannot delete from object using integer index");
    }
    work w = {.err = err};
    fly__vec_json tree = {.kind = J_ARRAY};
    fly_status status = FLY_OK;
    int64_t n = fly_vec_jsonb_count(v);
    index = index < 0 ? index + n : index;
    fly_arena_init(&w.scratch, arena->mem, 0);
    for (int64_t i = 0; i < n && status == FLY_OK; i++) {
        fly_bytes value;
        if (i != index && fly_vec_jsonb_at(v, i, &value)) {
            status = add_raw(&w, &tree, NULL, value);
        }
    }
    return finish(&w, status, &tree, arena, out);
}

/* ------------------------------------------------------------------------- paths */

typedef enum what { SET, SET_OR_CREATE, DELETE, INSERT_BEFORE, INSERT_AFTER } what;

typedef struct change {
    work w;
    const fly_bytes *path;
    size_t count;
    fly_bytes with;
    what what;
} change;

static fly_status change_value(change *c, fly_bytes v, size_t level, fly__vec_json *out);

static fly_status add_with(change *c, fly__vec_json *to, const fly_bytes *key)
{
    return add_raw(&c->w, to, key, c->with);
}

static fly_status exists_already(change *c)
{
    fly_status status = fly__vec_text_error(c->w.err, "22023", "cannot replace existing key");
    if (c->w.err != NULL) {
        fly_err_hint(c->w.err, "Try using the function jsonb_set to replace key value.");
    }
    return status;
}

/* A member or element at the path's end. */
static fly_status change_here(change *c, fly__vec_json *to, const fly_bytes *key, fly_bytes old)
{
    fly_status status = FLY_OK;
    switch (c->what) {
    case DELETE:
        return FLY_OK;
    case INSERT_BEFORE:
        status = add_with(c, to, key);
        return status == FLY_OK ? add_raw(&c->w, to, key, old) : status;
    case INSERT_AFTER:
        status = add_raw(&c->w, to, key, old);
        return status == FLY_OK ? add_with(c, to, key) : status;
    default:
        return add_with(c, to, key);
    }
}

static fly_status change_inside(change *c, fly__vec_json *to, const fly_bytes *key, fly_bytes old,
                                size_t level)
{
    fly__vec_json *kid = fly__vec_json_add(to, &c->w.scratch, key);
    if (kid == NULL) {
        return fly__vec_json_no_memory(c->w.err);
    }
    fly__vec_json inner;
    fly_status status = change_value(c, old, level + 1, &inner);
    *kid = inner;
    return status;
}

static fly_status change_object(change *c, fly_bytes v, size_t level, fly__vec_json *out)
{
    bool last = level + 1 == c->count, found = false;
    fly_bytes want = c->path[level];
    uint32_t n = fly_vec_jsonb_count(v);
    fly_status status = FLY_OK;
    out->kind = J_OBJECT;
    for (uint32_t i = 0; i < n && status == FLY_OK; i++) {
        fly_bytes key;
        fly_bytes old;
        fly_vec_jsonb_member(v, i, &key, &old);
        if (!fly_bytes_equal(key, want)) {
            status = add_raw(&c->w, out, &key, old);
            continue;
        }
        found = true;
        if (!last) {
            status = change_inside(c, out, &key, old, level);
        } else if (c->what >= INSERT_BEFORE) {
            return exists_already(c);
        } else {
            status = change_here(c, out, &key, old);
        }
    }
    if (!found && last && status == FLY_OK && c->what != SET && c->what != DELETE) {
        status = add_with(c, out, &want);
    }
    return status;
}

static fly_status change_array(change *c, fly_bytes v, size_t level, fly__vec_json *out)
{
    bool last = level + 1 == c->count;
    int64_t n = fly_vec_jsonb_count(v);
    int64_t index;
    fly_status status = FLY_OK;
    out->kind = J_ARRAY;
    if (!fly__vec_json_index(c->path[level], &index)) {
        char format[80];
        (void)snprintf(format, sizeof format,
                       "path element at position %zu is not an integer: \"%%s\"", level + 1);
        return fly__vec_text_error_text(c->w.err, "22P02", format, c->path[level]);
    }
    bool add = last && c->what != SET && c->what != DELETE;
    bool in_front = index < 0 && index + n < 0;
    index = index < 0 ? index + n : index;
    if (add && in_front) {
        status = add_with(c, out, NULL);
    }
    for (int64_t i = 0; i < n && status == FLY_OK; i++) {
        fly_bytes old;
        (void)fly_vec_jsonb_at(v, i, &old);
        if (i != index) {
            status = add_raw(&c->w, out, NULL, old);
        } else if (last) {
            status = change_here(c, out, NULL, old);
        } else {
            status = change_inside(c, out, NULL, old, level);
        }
    }
    if (add && status == FLY_OK && !in_front && index >= n) {
        status = add_with(c, out, NULL);
    }
    return status;
}

static fly_status change_value(change *c, fly_bytes v, size_t level, fly__vec_json *out)
{
    memset(out, 0, sizeof *out);
    if (is_scalar(v) || level == c->count) {
        out->kind = J_RAW;
        out->raw = v;
        return FLY_OK;
    }
    return v.data[0] == FLY_VEC_JSON_OBJECT ? change_object(c, v, level, out)
                                            : change_array(c, v, level, out);
}

static fly_status run(fly_bytes v, const fly_bytes *path, size_t count, fly_bytes with, what how,
                      fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    if (is_scalar(v)) {
        return fly__vec_text_error(err, "22023",
                                   how == DELETE ? "cannot delete path in scalar"
                                                 : "cannot set path in scalar");
    }
    if ((how == SET || how == DELETE) && fly_vec_jsonb_count(v) == 0) {
        *out = fly_vec_str_of(v.data, v.len);
        return FLY_OK;
    }
    change c = {.w = {.err = err}, .path = path, .count = count, .with = with, .what = how};
    fly__vec_json tree;
    fly_arena_init(&c.w.scratch, arena->mem, 0);
    fly_status status = change_value(&c, v, 0, &tree);
    return finish(&c.w, status, &tree, arena, out);
}

fly_status fly_vec_jsonb_delete_path(fly_bytes v, const fly_bytes *path, size_t count,
                                     fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    return run(v, path, count, fly_bytes_of(NULL, 0), DELETE, arena, out, err);
}

fly_status fly_vec_jsonb_set(fly_bytes v, const fly_bytes *path, size_t count, fly_bytes with,
                             bool create, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    return run(v, path, count, with, create ? SET_OR_CREATE : SET, arena, out, err);
}

fly_status fly_vec_jsonb_insert(fly_bytes v, const fly_bytes *path, size_t count, fly_bytes with,
                                bool after, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    return run(v, path, count, with, after ? INSERT_AFTER : INSERT_BEFORE, arena, out, err);
}

/* ------------------------------------------------------------------------- nulls */

static fly_status strip(work *w, fly_bytes v, fly__vec_json *out)
{
    memset(out, 0, sizeof *out);
    if (is_scalar(v)) {
        out->kind = J_RAW;
        out->raw = v;
        return FLY_OK;
    }
    bool object = v.data[0] == FLY_VEC_JSON_OBJECT;
    uint32_t n = fly_vec_jsonb_count(v);
    out->kind = object ? J_OBJECT : J_ARRAY;
    for (uint32_t i = 0; i < n; i++) {
        fly_bytes key = {NULL, 0};
        fly_bytes value;
        if (object) {
            fly_vec_jsonb_member(v, i, &key, &value);
            if (value.data[0] == FLY_VEC_JSON_NULL) {
                continue;
            }
        } else {
            (void)fly_vec_jsonb_at(v, i, &value);
        }
        fly__vec_json inner;
        fly__vec_json *kid = fly__vec_json_add(out, &w->scratch, &key);
        if (kid == NULL) {
            return fly__vec_json_no_memory(w->err);
        }
        fly_status status = strip(w, value, &inner);
        if (status != FLY_OK) {
            return status;
        }
        out->kid[out->n - 1] = inner;
    }
    return FLY_OK;
}

fly_status fly_vec_jsonb_strip_nulls(fly_bytes v, fly_arena *arena, fly_vec_str *out, fly_err *err)
{
    work w = {.err = err};
    fly__vec_json tree;
    fly_arena_init(&w.scratch, arena->mem, 0);
    fly_status status = strip(&w, v, &tree);
    return finish(&w, status, &tree, arena, out);
}
