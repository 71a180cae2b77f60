/*
 * JSON as rows and rows as JSON: json_each(), json_array_elements() and their kin; json_agg() and
 * json_object_agg().
 */
#include "func/json_int.h"

#include <fly/vec_json.h>

/* ---------------------------------------------------------------------- functions */

/* What all of them walk: a text or a jsonb; pieces as they are or as SQL text. */
typedef struct walk {
    fly_vec_value whole; /* short ones lie here */
    fly_vec_json_scan scan;
    uint32_t next;
    fly_arena arena; /* of this row's values */
    bool binary;
    bool object;
    bool text;
} walk;

static fly_status refuse(fly__sql_call *call, bool binary, bool wants_object,
                         fly_vec_json_type type)
{
    const char *name = call->func->name;
    bool array = type == FLY_VEC_JSON_ARRAY;
    bool scalar = !array && type != FLY_VEC_JSON_OBJECT;
    if (!wants_object) {
        if (binary) {
            return FAIL(call, "22023",
                        scalar ? "cannot extract elements from a scalar"
                               : "cannot extract elements from an object");
        }
        return FAIL(call, "22023",
                    scalar ? "cannot call %s on a scalar" : "cannot call %s on a non-array", name);
    }
    if (strstr(name, "keys") != NULL) {
        return FAIL(call, "22023",
                    array ? "cannot call %s on an array" : "cannot call %s on a scalar", name);
    }
    if (binary) {
        return FAIL(call, "22023", "cannot call %s on a non-object", name);
    }
    return FAIL(call, "22023",
                array ? "cannot deconstruct an array as an object" : "cannot deconstruct a scalar");
}

static fly_status walk_open(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    walk *w = state;
    memset(w, 0, sizeof *w);
    const char *name = call->func->name;
    w->whole = args[0];
    w->binary = call->types[0].oid == FLY_SQL_JSONB;
    w->object = strstr(name, "elements") == NULL;
    w->text = strstr(name, "_text") != NULL;
    fly_bytes whole = arg_bytes(&w->whole);
    fly_vec_json_type type = w->binary ? fly_vec_jsonb_type(whole) : fly_vec_json_type_of(whole);
    if (type != (w->object ? FLY_VEC_JSON_OBJECT : FLY_VEC_JSON_ARRAY)) {
        return refuse(call, w->binary, w->object, type);
    }
    if (!w->binary) {
        (void)fly_vec_json_scan_begin(&w->scan, whole);
    }
    fly_arena_init(&w->arena, call->arena->mem, 512);
    return FLY_OK;
}

static void walk_close(fly__sql_call *call, void *state)
{
    (void)call;
    fly_arena_deinit(&((walk *)state)->arena);
}

/* The next key and value, as they lie. */
static bool advance(walk *w, fly_bytes *key, fly_bytes *value)
{
    if (!w->binary) {
        return fly_vec_json_scan_next(&w->scan, key, value);
    }
    fly_bytes whole = arg_bytes(&w->whole);
    if (w->next >= fly_vec_jsonb_count(whole)) {
        return false;
    }
    if (w->object) {
        fly_vec_jsonb_member(whole, w->next, key, value);
    } else {
        (void)fly_vec_jsonb_at(whole, w->next, value);
    }
    w->next++;
    return true;
}

static fly_status give_value(fly__sql_call *call, walk *w, fly_bytes value, fly_vec_value *row)
{
    if (!w->text) {
        return give_bytes(row, value);
    }
    bool null = false;
    row->null = false;
    fly_status status = w->binary
                            ? fly_vec_jsonb_text(value, &w->arena, &row->str, &null, call->err)
                            : fly_vec_json_text(value, &w->arena, &row->str, &null, call->err);
    row->null = null;
    return status;
}

/* A key of a json still has its quotes. */
static fly_status give_key(fly__sql_call *call, walk *w, fly_bytes key, fly_vec_value *row)
{
    bool null = false;
    if (w->binary) {
        return give_bytes(row, key);
    }
    row->null = false;
    return fly_vec_json_text(key, &w->arena, &row->str, &null, call->err);
}

static fly_status elements_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    walk *w = state;
    fly_bytes key;
    fly_bytes value;
    fly_arena_reset(&w->arena);
    return advance(w, &key, &value) ? give_value(call, w, value, row) : FLY_E_END;
}

static fly_status keys_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    walk *w = state;
    fly_bytes key;
    fly_bytes value;
    fly_arena_reset(&w->arena);
    return advance(w, &key, &value) ? give_key(call, w, key, row) : FLY_E_END;
}

static fly_status each_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    walk *w = state;
    fly_bytes key;
    fly_bytes value;
    fly_arena_reset(&w->arena);
    if (!advance(w, &key, &value)) {
        return FLY_E_END;
    }
    fly_status status = give_key(call, w, key, &row[0]);
    return status != FLY_OK ? status : give_value(call, w, value, &row[1]);
}

static const char *const key_value[] = {"key", "value", NULL};
static const char *const only_value[] = {"value", NULL};
static const uint32_t text_json[] = {FLY_SQL_TEXT, FLY_SQL_JSON};
static const uint32_t text_jsonb[] = {FLY_SQL_TEXT, FLY_SQL_JSONB};
static const uint32_t text_text[] = {FLY_SQL_TEXT, FLY_SQL_TEXT};

#define SET(name, next_, columns_, names_, types_)                                                 \
    const fly__sql_set_function fly__sql_set_##name = {.state_size = sizeof(walk),                 \
                                                       .open = walk_open,                          \
                                                       .next = next_,                              \
                                                       .close = walk_close,                        \
                                                       .columns = columns_,                        \
                                                       .names = names_,                            \
                                                       .types = types_}

SET(json_elements, elements_next, 1, only_value, &text_json[1]);
SET(jsonb_elements, elements_next, 1, only_value, &text_jsonb[1]);
SET(json_elements_text, elements_next, 1, only_value, &text_text[1]);
SET(json_keys, keys_next, 0, NULL, NULL);
SET(json_each, each_next, 2, key_value, text_json);
SET(jsonb_each, each_next, 2, key_value, text_jsonb);
SET(json_each_text, each_next, 2, key_value, text_text);

/* --------------------------------------------------------------------- aggregates */

typedef struct agg_state {
    fly_sql_text text;
    bool there;
} agg_state;

static fly_status end(fly__sql_call *call, agg_state *s, const char *close, fly_vec_value *result)
{
    if (!s->there) {
        return give_null(result);
    }
    /* The state may be asked again (a window): what is put behind it goes again. */
    size_t len = s->text.len;
    fly__sql_text_put(&s->text, close);
    fly_status status;
    if (call->result.oid == FLY_SQL_JSONB && !s->text.failed) {
        result->null = false;
        status = fly__sql_jsonb_in(fly_bytes_of(s->text.data, s->text.len), call->arena, result,
                                   call->err);
    } else {
        status = s->text.failed ? fly__sql_no_memory(call->err)
                                : fly__sql_give_copy(call, s->text.data, s->text.len, result);
    }
    s->text.len = len;
    return status;
}

static fly_status array_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    agg_state *s = state;
    s->text.arena = call->arena;
    fly__sql_text_put(&s->text, s->there ? ", " : "[");
    bool structured = fly__sql_type_is_array(call->types[0].oid) ||
                      call->types[0].oid == FLY_SQL_RECORD ||
                      (call->types[0].oid >= FLY__SQL_OID_FIRST && call->types[0].digits == 0);
    if (s->there && structured && !args[0].null) {
        fly__sql_text_put(&s->text, "\n ");
    }
    s->there = true;
    fly_status status = fly__sql_json_add(call, 0, args, &s->text);
    return status == FLY_OK && s->text.failed ? fly__sql_no_memory(call->err) : status;
}

static fly_status array_final(fly__sql_call *call, void *state, fly_vec_value *result)
{
    return end(call, state, "]", result);
}

static fly_status object_step(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    agg_state *s = state;
    s->text.arena = call->arena;
    if (args[0].null) {
        return FAIL(call, "22023", "field name must not be null");
    }
    fly__sql_text_put(&s->text, s->there ? ", " : "{ ");
    s->there = true;
    fly_status status = fly__sql_json_add_key(call, 0, args, &s->text);
    fly__sql_text_put(&s->text, " : ");
    if (status == FLY_OK) {
        status = fly__sql_json_add(call, 1, args, &s->text);
    }
    return status == FLY_OK && s->text.failed ? fly__sql_no_memory(call->err) : status;
}

static fly_status object_final(fly__sql_call *call, void *state, fly_vec_value *result)
{
    return end(call, state, " }", result);
}

const fly__sql_aggregate fly__sql_agg_json_agg = {
    .state_size = sizeof(agg_state), .sees_nulls = true, .step = array_step, .final = array_final};
const fly__sql_aggregate fly__sql_agg_json_object_agg = {.state_size = sizeof(agg_state),
                                                         .sees_nulls = true,
                                                         .step = object_step,
                                                         .final = object_final};
