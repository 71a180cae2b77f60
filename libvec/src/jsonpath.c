/*
 * Paths at work: what a path leads to in a value.
 *
 * A step takes one value and gives a list of values, to each of which the next step is applied. In lax mode
 * arrays are opened where a step wants something else, single values stand for arrays of one, and what is
 * missing is nothing; in strict mode all that is an error. Errors of paths (FLY_E_INVALID) make a predicate
 * unknown, and end a search; other failures end everything.
 *
 * @source ISO/IEC 9075-2:2016, 9.39; where it is silent, PostgreSQL 15.
 */
#include "jsonpath_int.h"

#include <fly/vec_numeric.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

fly_status fly_vec_jsonpath_create(fly_bytes text, fly_mem *mem, fly_vec_jsonpath **out,
                                   fly_err *err)
{
    fly_vec_jsonpath *path = fly_mem_alloc(mem, sizeof *path);
    if (path == NULL) {
        return fly__vec_json_no_memory(err);
    }
    memset(path, 0, sizeof *path);
    path->mem = mem;
    fly_arena_init(&path->arena, mem, 0);
    fly_status status = fly__vec_jsonpath_parse(path, text, err);
    if (status != FLY_OK) {
        fly_vec_jsonpath_destroy(path);
        return status;
    }
    *out = path;
    return FLY_OK;
}

void fly_vec_jsonpath_destroy(fly_vec_jsonpath *path)
{
    if (path != NULL) {
        for (struct like *l = path->likes; l != NULL; l = l->next) {
            fly_vec_regex_destroy(l->regex);
        }
        fly_arena_deinit(&path->arena);
        fly_mem_free(path->mem, path, sizeof *path);
    }
}

/* ------------------------------------------------------------------------- runs */

typedef struct run {
    fly_bytes root;
    fly_bytes vars;
    fly_bytes current; /* @ */
    int64_t size;      /* of the array whose subscripts are evaluated: last */
    bool lax;
    bool ignore; /* what is missing is nothing, also in strict mode: behind .** */
    int depth;
    const step *
        exists; /* whose values only are counted, in lax mode: what is no number there counts not */
    fly_arena *arena;
    fly_err *err;
} run;

typedef enum truth { NO, YES, UNKNOWN } truth;

static fly_status path_error(run *r, const char *sqlstate, const char *message)
{
    return fly__vec_text_error(r->err, sqlstate, message);
}

static fly_status push(run *r, fly_vec_json_list *list, fly_bytes item)
{
    if (list->n == list->room) {
        uint32_t room = list->room == 0 ? 8 : list->room * 2;
        fly_bytes *items = fly_arena_alloc(r->arena, room * sizeof *items);
        if (items == NULL || room > 1u << 27) {
            return fly__vec_json_no_memory(r->err);
        }
        if (list->n > 0) {
            memcpy(items, list->item, list->n * sizeof *items);
        }
        list->item = items;
        list->room = room;
    }
    list->item[list->n++] = item;
    return FLY_OK;
}

/* A value that was made, in memory that stays. */
static fly_status keep(run *r, fly_vec_str value, fly_bytes *out)
{
    void *copy = fly_arena_copy(r->arena, fly_vec_str_data(&value), value.len);
    if (copy == NULL) {
        return fly__vec_json_no_memory(r->err);
    }
    *out = fly_bytes_of(copy, value.len);
    return FLY_OK;
}

static fly_status eval(run *r, const step *s, fly_bytes v, bool unwrap, fly_vec_json_list *out);
static fly_status judge(run *r, const step *s, fly_bytes v, truth *out);

/* Give a value to the steps behind `s`. */
static fly_status onward(run *r, const step *s, fly_bytes v, fly_vec_json_list *out)
{
    return s->next == NULL ? push(r, out, v) : eval(r, s->next, v, r->lax, out);
}

static bool is_array(fly_bytes v)
{
    return v.data[0] == FLY_VEC_JSON_ARRAY;
}

static bool is_object(fly_bytes v)
{
    return v.data[0] == FLY_VEC_JSON_OBJECT;
}

/* Apply a step to each element of an array. */
static fly_status each_element(run *r, const step *s, fly_bytes array, fly_vec_json_list *out)
{
    fly_status status = FLY_OK;
    uint32_t n = fly_vec_jsonb_count(array);
    for (uint32_t i = 0; i < n && status == FLY_OK; i++) {
        fly_bytes e;
        (void)fly_vec_jsonb_at(array, i, &e);
        status = eval(r, s, e, false, out);
    }
    return status;
}

/* Evaluate an operand; arrays of the result are opened in lax mode. */
static fly_status operand(run *r, const step *s, fly_bytes v, bool open, fly_vec_json_list *out)
{
    fly_vec_json_list found = {NULL, 0, 0};
    fly_status status = eval(r, s, v, r->lax, &found);
    for (uint32_t i = 0; i < found.n && status == FLY_OK; i++) {
        if (!open || !r->lax || !is_array(found.item[i])) {
            status = push(r, out, found.item[i]);
            continue;
        }
        uint32_t n = fly_vec_jsonb_count(found.item[i]);
        for (uint32_t k = 0; k < n && status == FLY_OK; k++) {
            fly_bytes e;
            (void)fly_vec_jsonb_at(found.item[i], k, &e);
            status = push(r, out, e);
        }
    }
    return status;
}

/* --------------------------------------------------------------------- accessors */

static fly_status key(run *r, const step *s, fly_bytes v, bool unwrap, fly_vec_json_list *out)
{
    fly_bytes found;
    if (is_object(v)) {
        if (fly_vec_jsonb_get(v, s->text, &found)) {
            return onward(r, s, found, out);
        }
        return r->lax || r->ignore
                   ? FLY_OK
                   : fly__vec_text_error_text(r->err, "2203A",
                                              "JSON object does not contain key \"%s\"", s->text);
    }
    if (unwrap && is_array(v)) {
        return each_element(r, s, v, out);
    }
    return r->lax || r->ignore
               ? FLY_OK
               : path_error(r, "2203A",
                            "jsonpath member accessor can only be applied to an object");
}

static fly_status any_key(run *r, const step *s, fly_bytes v, bool unwrap, fly_vec_json_list *out)
{
    fly_status status = FLY_OK;
    if (is_object(v)) {
        uint32_t n = fly_vec_jsonb_count(v);
        for (uint32_t i = 0; i < n && status == FLY_OK; i++) {
            fly_bytes name;
            fly_bytes member;
            fly_vec_jsonb_member(v, i, &name, &member);
            status = onward(r, s, member, out);
        }
        return status;
    }
    if (unwrap && is_array(v)) {
        return each_element(r, s, v, out);
    }
    return r->lax || r->ignore
               ? FLY_OK
               : path_error(r, "2203C",
                            "jsonpath wildcard member accessor can only be applied to an object");
}

static fly_status any_element(run *r, const step *s, fly_bytes v, fly_vec_json_list *out)
{
    fly_status status = FLY_OK;
    if (is_array(v)) {
        uint32_t n = fly_vec_jsonb_count(v);
        for (uint32_t i = 0; i < n && status == FLY_OK; i++) {
            fly_bytes e;
            (void)fly_vec_jsonb_at(v, i, &e);
            status = onward(r, s, e, out);
        }
        return status;
    }
    if (r->lax) {
        return onward(r, s, v, out);
    }
    return r->ignore
               ? FLY_OK
               : path_error(r, "22039",
                            "jsonpath wildcard array accessor can only be applied to an array");
}

/* All values from level `from` to `to` below v; behind them nothing is missed. */
static fly_status any_depth(run *r, const step *s, fly_bytes v, uint32_t depth,
                            fly_vec_json_list *out)
{
    fly_status status = FLY_OK;
    uint32_t n = fly_vec_jsonb_count(v);
    if (depth >= s->from || (depth > 0 && s->from == UINT32_MAX && !is_array(v) && !is_object(v))) {
        bool before = r->ignore;
        r->ignore = true;
        status = onward(r, s, v, out);
        r->ignore = before;
    }
    for (uint32_t i = 0; i < n && depth < s->to && status == FLY_OK; i++) {
        fly_bytes name;
        fly_bytes inner;
        if (is_object(v)) {
            fly_vec_jsonb_member(v, i, &name, &inner);
        } else {
            (void)fly_vec_jsonb_at(v, i, &inner);
        }
        status = any_depth(r, s, inner, depth + 1, out);
    }
    return status;
}

static fly_status subscript(run *r, const step *s, fly_bytes v, int32_t *out)
{
    fly_vec_json_list found = {NULL, 0, 0};
    fly_vec_str cut;
    fly_status status = eval(r, s, v, r->lax, &found);
    if (status != FLY_OK) {
        return status;
    }
    if (found.n != 1 || found.item[0].data[0] != FLY_VEC_JSON_NUMBER) {
        return path_error(r, "22033", "jsonpath array subscript is not a single numeric value");
    }
    status = fly_vec_numeric_trunc(fly_vec_jsonb_payload(found.item[0]), 0, r->arena, &cut, r->err);
    if (status == FLY_OK && fly_vec_numeric_to_i32(cut, out, NULL) != FLY_OK) {
        status = path_error(r, "22033", "jsonpath array subscript is out of integer range");
    }
    return status;
}

static fly_status elements(run *r, const step *s, fly_bytes v, fly_vec_json_list *out)
{
    if (!is_array(v) && !r->lax) {
        return r->ignore ? FLY_OK
                         : path_error(r, "22039",
                                      "jsonpath array accessor can only be applied to an array");
    }
    int64_t before = r->size;
    fly_status status = FLY_OK;
    int64_t size = is_array(v) ? (int64_t)fly_vec_jsonb_count(v) : 1;
    for (uint32_t i = 0; i < s->count && status == FLY_OK; i++) {
        int32_t from;
        int32_t to;
        r->size = size;
        if ((status = subscript(r, s->kid[2 * i], v, &from)) != FLY_OK) {
            break;
        }
        to = from;
        if (s->kid[2 * i + 1] != NULL &&
            (status = subscript(r, s->kid[2 * i + 1], v, &to)) != FLY_OK) {
            break;
        }
        r->size = before;
        if (!r->lax && !r->ignore && (from < 0 || from > to || to >= size)) {
            status = path_error(r, "22033", "jsonpath array subscript is out of bounds");
            break;
        }
        for (int64_t k = from < 0 ? 0 : from; k <= to && k < size && status == FLY_OK; k++) {
            fly_bytes e = v;
            if (is_array(v)) {
                (void)fly_vec_jsonb_at(v, k, &e);
            }
            status = onward(r, s, e, out);
        }
    }
    r->size = before;
    return status;
}

/* ------------------------------------------------------------------------ methods */

static fly_status make_numeric(run *r, fly_vec_str x, fly_bytes *out)
{
    fly_vec_str value;
    fly_status status = fly_vec_jsonb_of_numeric(x, r->arena, &value, r->err);
    return status == FLY_OK ? keep(r, value, out) : status;
}

static fly_status to_double(run *r, fly_bytes v, fly_bytes *out)
{
    double x;
    fly_vec_str number;
    if (v.data[0] == FLY_VEC_JSON_NUMBER) {
        *out = v;
        if (fly_vec_numeric_to_f64(fly_vec_jsonb_payload(v), r->arena, &x, NULL) != FLY_OK) {
            return path_error(
                r, "22036",
                "numeric argument of jsonpath item method .double() is out of range for "
                "type double precision");
        }
        return FLY_OK;
    }
    if (v.data[0] != FLY_VEC_JSON_STRING) {
        return path_error(
            r, "22036",
            "jsonpath item method .double() can only be applied to a string or numeric "
            "value");
    }
    if (fly_vec_f64_parse(fly_bytes_of(v.data + 1, v.len - 1), &x, NULL) != FLY_OK || isnan(x) ||
        isinf(x)) {
        return path_error(r, "22036",
                          "string argument of jsonpath item method .double() is not a valid "
                          "representation of a double precision number");
    }
    fly_status status = fly_vec_numeric_from_f64(x, r->arena, &number, r->err);
    return status == FLY_OK ? make_numeric(r, number, out) : status;
}

static fly_status number_method(run *r, int id, fly_bytes v, fly_bytes *out)
{
    fly_vec_str x;
    if (v.data[0] != FLY_VEC_JSON_NUMBER) {
        char message[100];
        (void)snprintf(message, sizeof message,
                       "jsonpath item method .%s() can only be applied to a numeric value",
                       fly__vec_method_names[id]);
        return path_error(r, "22036", message);
    }
    fly_vec_numeric_unary how = id == M_ABS     ? fly_vec_numeric_abs
                                : id == M_FLOOR ? fly_vec_numeric_floor
                                                : fly_vec_numeric_ceil;
    fly_status status = how(fly_vec_jsonb_payload(v), r->arena, &x, r->err);
    return status == FLY_OK ? make_numeric(r, x, out) : status;
}

/* One object {"id", "key", "value"} for each member; the id tells objects of one value apart. */
static fly_status keyvalue(run *r, const step *s, fly_bytes v, fly_vec_json_list *out)
{
    if (!is_object(v)) {
        return path_error(r, "2203C",
                          "jsonpath item method .keyvalue() can only be applied to an object");
    }
    fly_status status = FLY_OK;
    uint32_t n = fly_vec_jsonb_count(v);
    bool inside = v.data >= r->root.data && v.data < r->root.data + r->root.len;
    int64_t id = inside ? v.data - r->root.data : 0;
    for (uint32_t i = 0; i < n && status == FLY_OK; i++) {
        fly_bytes name;
        fly_bytes member;
        fly_bytes values[3];
        fly_bytes made;
        const fly_bytes keys[3] = {fly_bytes_str("id"), fly_bytes_str("key"),
                                   fly_bytes_str("value")};
        fly_vec_str number;
        fly_vec_str text;
        fly_vec_str object;
        fly_vec_jsonb_member(v, i, &name, &member);
        if ((status = fly_vec_numeric_from_i64(id, r->arena, &number, r->err)) != FLY_OK ||
            (status = make_numeric(r, number, &values[0])) != FLY_OK ||
            (status = fly_vec_jsonb_of_text(name, r->arena, &text, r->err)) != FLY_OK ||
            (status = keep(r, text, &values[1])) != FLY_OK) {
            break;
        }
        values[2] = member;
        if ((status = fly_vec_jsonb_object(keys, values, 3, r->arena, &object, r->err)) == FLY_OK &&
            (status = keep(r, object, &made)) == FLY_OK) {
            status = onward(r, s, made, out);
        }
    }
    return status;
}

static fly_status method(run *r, const step *s, fly_bytes v, bool unwrap, fly_vec_json_list *out)
{
    fly_vec_str text;
    fly_vec_str number;
    fly_bytes made;
    fly_status status;
    if (s->method == M_TYPE) {
        const char *name = fly_vec_json_type_name(fly_vec_jsonb_type(v));
        status = fly_vec_jsonb_of_text(fly_bytes_str(name), r->arena, &text, r->err);
        if (status == FLY_OK) {
            status = keep(r, text, &made);
        }
        return status == FLY_OK ? onward(r, s, made, out) : status;
    }
    if (s->method == M_SIZE) {
        if (!is_array(v) && !r->lax) {
            return r->ignore ? FLY_OK
                             : path_error(r, "22039",
                                          "jsonpath item method .size() can only be applied to an "
                                          "array");
        }
        int64_t n = is_array(v) ? (int64_t)fly_vec_jsonb_count(v) : 1;
        if ((status = fly_vec_numeric_from_i64(n, r->arena, &number, r->err)) == FLY_OK) {
            status = make_numeric(r, number, &made);
        }
        return status == FLY_OK ? onward(r, s, made, out) : status;
    }
    if (unwrap && is_array(v)) {
        return each_element(r, s, v, out);
    }
    if (s->method == M_KEYVALUE) {
        return keyvalue(r, s, v, out);
    }
    status = s->method == M_DOUBLE ? to_double(r, v, &made) : number_method(r, s->method, v, &made);
    return status == FLY_OK ? onward(r, s, made, out) : status;
}

/* --------------------------------------------------------------------- arithmetic */

static const char *operator_name(int kind)
{
    return kind == S_ADD || kind == S_PLUS    ? "+"
           : kind == S_SUB || kind == S_MINUS ? "-"
           : kind == S_MUL                    ? "*"
           : kind == S_DIV                    ? "/"
                                              : "%";
}

/* The number that one side of an operator must be. */
static fly_status one_number(run *r, const step *s, const fly_vec_json_list *found,
                             const char *which, fly_vec_str *out)
{
    if (found->n != 1 || found->item[0].data[0] != FLY_VEC_JSON_NUMBER) {
        char message[120];
        (void)snprintf(message, sizeof message,
                       "%s operand of jsonpath operator %s is not a single numeric value", which,
                       operator_name(s->kind));
        return path_error(r, "22038", message);
    }
    *out = fly_vec_jsonb_payload(found->item[0]);
    return FLY_OK;
}

static fly_status binary(run *r, const step *s, fly_bytes v, fly_vec_json_list *out)
{
    static const fly_vec_numeric_binary how[] = {fly_vec_numeric_add, fly_vec_numeric_sub,
                                                 fly_vec_numeric_mul, fly_vec_numeric_div,
                                                 fly_vec_numeric_mod};
    fly_vec_str a;
    fly_vec_str b;
    fly_vec_str x;
    fly_bytes made;
    fly_status status;
    fly_vec_json_list left = {NULL, 0, 0};
    fly_vec_json_list right = {NULL, 0, 0};
    if ((status = operand(r, s->left, v, true, &left)) != FLY_OK ||
        (status = operand(r, s->right, v, true, &right)) != FLY_OK ||
        (status = one_number(r, s, &left, "left", &a)) != FLY_OK ||
        (status = one_number(r, s, &right, "right", &b)) != FLY_OK ||
        (status = how[s->kind - S_ADD](a, b, r->arena, &x, r->err)) != FLY_OK ||
        (status = make_numeric(r, x, &made)) != FLY_OK) {
        return status;
    }
    return onward(r, s, made, out);
}

static fly_status unary(run *r, const step *s, fly_bytes v, fly_vec_json_list *out)
{
    fly_vec_json_list found = {NULL, 0, 0};
    fly_status status = operand(r, s->left, v, true, &found);
    for (uint32_t i = 0; i < found.n && status == FLY_OK; i++) {
        fly_bytes made = found.item[i];
        fly_vec_str x;
        if (made.data[0] != FLY_VEC_JSON_NUMBER) {
            char message[100];
            if (s == r->exists && s->next == NULL) {
                continue;
            }
            (void)snprintf(message, sizeof message,
                           "operand of unary jsonpath operator %s is not a numeric value",
                           operator_name(s->kind));
            return path_error(r, "2203B", message);
        }
        if (s->kind == S_MINUS && ((status = fly_vec_numeric_neg(fly_vec_jsonb_payload(made),
                                                                 r->arena, &x, r->err)) != FLY_OK ||
                                   (status = make_numeric(r, x, &made)) != FLY_OK)) {
            return status;
        }
        status = onward(r, s, made, out);
    }
    return status;
}

/* -------------------------------------------------------------------------- steps */

static fly_status variable(run *r, const step *s, fly_vec_json_list *out)
{
    fly_bytes found;
    if (r->vars.len == 0 || !fly_vec_jsonb_get(r->vars, s->text, &found)) {
        (void)fly__vec_text_error_text(r->err, "42704", "could not find jsonpath variable \"%s\"",
                                       s->text);
        return FLY_E_NOT_FOUND;
    }
    return onward(r, s, found, out);
}

static fly_status last_index(run *r, const step *s, fly_vec_json_list *out)
{
    fly_vec_str number;
    fly_bytes made;
    fly_status status = fly_vec_numeric_from_i64(r->size - 1, r->arena, &number, r->err);
    if (status == FLY_OK) {
        status = make_numeric(r, number, &made);
    }
    return status == FLY_OK ? onward(r, s, made, out) : status;
}

static fly_status filter(run *r, const step *s, fly_bytes v, bool unwrap, fly_vec_json_list *out)
{
    truth answer;
    if (unwrap && is_array(v)) {
        return each_element(r, s, v, out);
    }
    fly_bytes before = r->current;
    r->current = v;
    fly_status status = judge(r, s->left, v, &answer);
    r->current = before;
    return status == FLY_OK && answer == YES ? onward(r, s, v, out) : status;
}

static fly_status eval_step(run *r, const step *s, fly_bytes v, bool unwrap, fly_vec_json_list *out)
{
    switch (s->kind) {
    case S_ROOT:
        return onward(r, s, r->root, out);
    case S_CURRENT:
        return onward(r, s, r->current, out);
    case S_LITERAL:
        return onward(r, s, s->text, out);
    case S_VARIABLE:
        return variable(r, s, out);
    case S_LAST:
        return last_index(r, s, out);
    case S_KEY:
        return key(r, s, v, unwrap, out);
    case S_ANY_KEY:
        return any_key(r, s, v, unwrap, out);
    case S_ANY_DEPTH:
        return any_depth(r, s, v, 0, out);
    case S_ANY_ELEMENT:
        return any_element(r, s, v, out);
    case S_ELEMENTS:
        return elements(r, s, v, out);
    case S_FILTER:
        return filter(r, s, v, unwrap, out);
    case S_METHOD:
        return method(r, s, v, unwrap, out);
    case S_PLUS:
    case S_MINUS:
        return unary(r, s, v, out);
    case S_ADD:
    case S_SUB:
    case S_MUL:
    case S_DIV:
    case S_MOD:
        return binary(r, s, v, out);
    default: {
        static const uint8_t values[] = {FLY_VEC_JSON_FALSE, FLY_VEC_JSON_TRUE, FLY_VEC_JSON_NULL};
        truth answer;
        fly_status status = judge(r, s, v, &answer);
        return status == FLY_OK ? onward(r, s, fly_bytes_of(&values[answer], 1), out) : status;
    }
    }
}

static fly_status eval(run *r, const step *s, fly_bytes v, bool unwrap, fly_vec_json_list *out)
{
    if (++r->depth > 20 * PATH_DEPTH_MAX) {
        (void)fly__vec_text_error(r->err, "54001", "stack depth limit exceeded");
        return FLY_E_TOO_LARGE;
    }
    fly_status status = eval_step(r, s, v, unwrap, out);
    r->depth--;
    return status;
}

/* --------------------------------------------------------------------- predicates */

static truth compare(int kind, fly_bytes a, fly_bytes b)
{
    int ta = a.data[0] == FLY_VEC_JSON_TRUE ? FLY_VEC_JSON_FALSE : a.data[0];
    int tb = b.data[0] == FLY_VEC_JSON_TRUE ? FLY_VEC_JSON_FALSE : b.data[0];
    if (ta != tb) {
        if (ta == FLY_VEC_JSON_NULL || tb == FLY_VEC_JSON_NULL) {
            return kind == S_NE ? YES : NO;
        }
        return UNKNOWN;
    }
    if (ta >= FLY_VEC_JSON_ARRAY) {
        return UNKNOWN;
    }
    int order = fly_vec_jsonb_cmp(a, b);
    bool holds = kind == S_EQ   ? order == 0
                 : kind == S_NE ? order != 0
                 : kind == S_LT ? order < 0
                 : kind == S_LE ? order <= 0
                 : kind == S_GT ? order > 0
                                : order >= 0;
    return holds ? YES : NO;
}

static fly_status test(run *r, const step *s, fly_bytes a, fly_bytes b, truth *out)
{
    *out = UNKNOWN;
    if (s->kind == S_STARTS) {
        if (a.data[0] == FLY_VEC_JSON_STRING && b.data[0] == FLY_VEC_JSON_STRING) {
            *out = a.len >= b.len && memcmp(a.data, b.data, b.len) == 0 ? YES : NO;
        }
        return FLY_OK;
    }
    if (s->kind == S_LIKE) {
        if (a.data[0] == FLY_VEC_JSON_STRING) {
            bool found = false;
            fly_status status =
                fly_vec_regex_match(s->regex, fly_bytes_of(a.data + 1, a.len - 1), &found, r->err);
            *out = found ? YES : NO;
            return status;
        }
        return FLY_OK;
    }
    *out = compare(s->kind, a, b);
    return FLY_OK;
}

/* Whether an error of a path happened, which is "unknown"; other failures stay. */
static bool path_failed(fly_status *status)
{
    if (*status != FLY_E_INVALID) {
        return false;
    }
    *status = FLY_OK;
    return true;
}

/* Some pair of the two sides for which the test holds; in strict mode none may be unknown. */
static fly_status pairs(run *r, const step *s, fly_bytes v, truth *out)
{
    fly_vec_json_list left = {NULL, 0, 0};
    fly_vec_json_list right = {NULL, 0, 0};
    fly_status status = operand(r, s->left, v, true, &left);
    if (status == FLY_OK && s->right != NULL) {
        status = operand(r, s->right, v, s->kind != S_STARTS, &right);
    }
    *out = UNKNOWN;
    if (path_failed(&status) || status != FLY_OK) {
        return status;
    }
    if (s->right == NULL) {
        static const uint8_t none = FLY_VEC_JSON_NULL;
        if ((status = push(r, &right, fly_bytes_of(&none, 1))) != FLY_OK) {
            return status;
        }
    }
    bool found = false, unknown = false;
    for (uint32_t i = 0; i < left.n; i++) {
        for (uint32_t k = 0; k < right.n; k++) {
            truth one;
            if ((status = test(r, s, left.item[i], right.item[k], &one)) != FLY_OK) {
                return status;
            }
            if (one == UNKNOWN) {
                if (!r->lax) {
                    return FLY_OK;
                }
                unknown = true;
            } else if (one == YES) {
                if (r->lax) {
                    *out = YES;
                    return FLY_OK;
                }
                found = true;
            }
        }
    }
    *out = found ? YES : unknown ? UNKNOWN : NO;
    return FLY_OK;
}

static fly_status judge(run *r, const step *s, fly_bytes v, truth *out)
{
    truth left;
    truth right;
    fly_status status;
    switch (s->kind) {
    case S_AND:
    case S_OR: {
        truth decides = s->kind == S_AND ? NO : YES;
        if ((status = judge(r, s->left, v, &left)) != FLY_OK || left == decides) {
            *out = decides;
            return status;
        }
        if ((status = judge(r, s->right, v, &right)) != FLY_OK) {
            return status;
        }
        *out = right == decides ? decides : left == UNKNOWN ? UNKNOWN : right;
        return FLY_OK;
    }
    case S_NOT:
        status = judge(r, s->left, v, &left);
        *out = left == UNKNOWN ? UNKNOWN : left == YES ? NO : YES;
        return status;
    case S_UNKNOWN:
        status = judge(r, s->left, v, &left);
        *out = left == UNKNOWN ? YES : NO;
        return status;
    case S_EXISTS: {
        fly_vec_json_list found = {NULL, 0, 0};
        const step *before = r->exists;
        r->exists = r->lax ? s->left : NULL;
        status = operand(r, s->left, v, false, &found);
        r->exists = before;
        bool failed = path_failed(&status);
        *out = failed && (!r->lax || found.n == 0) ? UNKNOWN : found.n > 0 ? YES : NO;
        return status;
    }
    default:
        return pairs(r, s, v, out);
    }
}

/* ------------------------------------------------------------------------- answers */

static fly_status start(fly_vec_jsonpath *path, fly_bytes value, fly_bytes vars, fly_arena *arena,
                        bool exists, fly_vec_json_list *out, fly_err *err)
{
    run r = {.root = value,
             .vars = vars,
             .current = value,
             .size = -1,
             .lax = !path->strict,
             .arena = arena,
             .err = err,
             .exists = exists && !path->strict ? path->root : NULL};
    if (vars.len > 0 && !is_object(vars)) {
        fly_status status = fly__vec_text_error(err, "22023", "\"vars\" argument is not an object");
        if (err != NULL) {
            fly_err_hint(err,
                         "Jsonpath parameters should be encoded as key-value pairs of \"vars\" "
                         "object.");
        }
        (void)status;
        return FLY_E_NOT_FOUND;
    }
    return eval(&r, path->root, value, r.lax, out);
}

fly_status fly_vec_jsonpath_query(fly_vec_jsonpath *path, fly_bytes value, fly_bytes vars,
                                  bool silent, fly_arena *arena, fly_vec_json_list *out,
                                  fly_err *err)
{
    fly_status status = start(path, value, vars, arena, false, out, err);
    return silent && status == FLY_E_INVALID ? FLY_OK : status;
}

fly_status fly_vec_jsonpath_exists(fly_vec_jsonpath *path, fly_bytes value, fly_bytes vars,
                                   bool silent, fly_arena *arena, int *out, fly_err *err)
{
    fly_vec_json_list found = {NULL, 0, 0};
    fly_status status = start(path, value, vars, arena, true, &found, err);
    *out = found.n > 0;
    if (status == FLY_E_INVALID && !path->strict && found.n > 0) {
        return FLY_OK; /* the search would have ended with the first */
    }
    if (status == FLY_E_INVALID && silent) {
        *out = -1;
        return FLY_OK;
    }
    return status;
}

fly_status fly_vec_jsonpath_match(fly_vec_jsonpath *path, fly_bytes value, fly_bytes vars,
                                  bool silent, fly_arena *arena, int *out, fly_err *err)
{
    fly_vec_json_list found = {NULL, 0, 0};
    fly_status status = start(path, value, vars, arena, false, &found, err);
    *out = -1;
    if (status != FLY_OK && !(silent && status == FLY_E_INVALID)) {
        return status;
    }
    if (found.n == 1 && found.item[0].data[0] <= FLY_VEC_JSON_TRUE) {
        uint8_t tag = found.item[0].data[0];
        *out = tag == FLY_VEC_JSON_NULL ? -1 : tag == FLY_VEC_JSON_TRUE;
        return FLY_OK;
    }
    return silent ? FLY_OK : fly__vec_text_error(err, "22038", "single boolean result is expected");
}
