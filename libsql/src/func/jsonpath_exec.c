/*
 * SQL/JSON paths: running them over jsonb.
 *
 * A path gives a sequence of items. In lax mode arrays are unwrapped where an accessor wants no
 * array, single items pass for arrays where one is wanted, and what is missing is nothing; in
 * strict mode all that is an error. Inside a filter an error is "unknown".
 *
 * Source: ISO/IEC 9075-2:2016, 9.39 "SQL/JSON path language: syntax and semantics", as PostgreSQL
 * reads it.
 */
#include "func/jsonpath_int.h"

#include <fly/vec_json.h>

enum { DEPTH_MAX = 400, KEPT_MAX = 16 };

/* A sequence of items: jsonb values. */
typedef struct list {
    fly_bytes *items;
    size_t count, room;
} list;

typedef struct runner {
    bool strict;
    fly_arena *arena;
    fly_err *err;
    fly_bytes root;
    fly_bytes vars;
    bool has_vars;
    fly_bytes current;
    int64_t last; /* the last index of the array that is being subscripted; -1: none */
    unsigned depth;
} runner;

enum { NO, YES, UNKNOWN };

static fly_status add(runner *r, list *to, fly_bytes item)
{
    if (to->count == to->room) {
        size_t room = to->room == 0 ? 8 : to->room * 2;
        fly_bytes *items = fly_arena_alloc(r->arena, room * sizeof *items);
        if (items == NULL) {
            return fly__sql_no_memory(r->err);
        }
        if (to->count > 0) {
            memcpy(items, to->items, to->count * sizeof *items);
        }
        to->items = items;
        to->room = room;
    }
    to->items[to->count++] = item;
    return FLY_OK;
}

/* A value that was made: short ones are put where they stay. */
static fly_status add_made(runner *r, list *to, fly_vec_str value)
{
    const void *bytes = fly_arena_copy(r->arena, fly_vec_str_data(&value), value.len);
    return bytes == NULL ? fly__sql_no_memory(r->err) : add(r, to, fly_bytes_of(bytes, value.len));
}

static fly_status add_numeric(runner *r, list *to, fly_vec_str number)
{
    fly_vec_str value;
    fly_status status = fly_vec_jsonb_of_numeric(number, r->arena, &value, r->err);
    return status != FLY_OK ? status : add_made(r, to, value);
}

static bool is_array(fly_bytes item)
{
    return fly_vec_jsonb_type(item) == FLY_VEC_JSON_ARRAY;
}

static fly_status run(runner *r, const fly__sql_path_node *node, list *out);
static fly_status test(runner *r, const fly__sql_path_node *node, int *answer);

/* Items with arrays taken apart, in lax mode. */
static fly_status run_unwrapped(runner *r, const fly__sql_path_node *node, list *out)
{
    list found = {0};
    fly_status status = run(r, node, &found);
    for (size_t i = 0; i < found.count && status == FLY_OK; i++) {
        if (r->strict || !is_array(found.items[i])) {
            status = add(r, out, found.items[i]);
            continue;
        }
        uint32_t count = fly_vec_jsonb_count(found.items[i]);
        for (uint32_t k = 0; k < count && status == FLY_OK; k++) {
            fly_bytes element;
            (void)fly_vec_jsonb_at(found.items[i], k, &element);
            status = add(r, out, element);
        }
    }
    return status;
}

/* ---------------------------------------------------------------------- accessors */

static fly_status get_key(runner *r, const fly__sql_path_node *node, fly_bytes item, list *out)
{
    fly_bytes value;
    if (fly_vec_jsonb_type(item) != FLY_VEC_JSON_OBJECT) {
        return r->strict ? fly_err_state(r->err, "2203A", 0,
                                         "jsonpath member accessor can only be "
                                         "applied to an object")
                         : FLY_OK;
    }
    if (fly_vec_jsonb_get(item, node->text, &value)) {
        return add(r, out, value);
    }
    return r->strict
               ? fly_err_state(r->err, "2203A", 0, "JSON object does not contain key \"%.*s\"",
                               (int)(node->text.len < 100 ? node->text.len : 100),
                               (const char *)node->text.data)
               : FLY_OK;
}

static fly_status get_any_key(runner *r, fly_bytes item, list *out)
{
    if (fly_vec_jsonb_type(item) != FLY_VEC_JSON_OBJECT) {
        return r->strict ? fly_err_state(r->err, "2203C", 0,
                                         "jsonpath wildcard member accessor can only be applied "
                                         "to an object")
                         : FLY_OK;
    }
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < fly_vec_jsonb_count(item) && status == FLY_OK; i++) {
        fly_bytes key;
        fly_bytes value;
        fly_vec_jsonb_member(item, i, &key, &value);
        status = add(r, out, value);
    }
    return status;
}

static fly_status get_levels(runner *r, const fly__sql_path_node *node, fly_bytes item,
                             int64_t level, list *out)
{
    fly_vec_json_type type = fly_vec_jsonb_type(item);
    bool inner = type == FLY_VEC_JSON_ARRAY || type == FLY_VEC_JSON_OBJECT;
    fly_status status = FLY_OK;
    /* "last" is the level of what has nothing inside. */
    if (node->low == INT64_MAX ? !inner : level >= node->low && level <= node->high) {
        status = add(r, out, item);
    }
    for (uint32_t i = 0; inner && i < fly_vec_jsonb_count(item) && status == FLY_OK; i++) {
        fly_bytes key;
        fly_bytes value;
        if (type == FLY_VEC_JSON_OBJECT) {
            fly_vec_jsonb_member(item, i, &key, &value);
        } else {
            (void)fly_vec_jsonb_at(item, i, &value);
        }
        if (level < node->high) {
            status = get_levels(r, node, value, level + 1, out);
        }
    }
    return status;
}

/* The whole number that a subscript is. */
static fly_status subscript(runner *r, const fly__sql_path_node *node, int64_t *index)
{
    list found = {0};
    fly_status status = run(r, node, &found);
    if (status != FLY_OK) {
        return status;
    }
    if (found.count != 1 || fly_vec_jsonb_type(found.items[0]) != FLY_VEC_JSON_NUMBER) {
        return fly_err_state(r->err, "22033", 0,
                             "jsonpath array subscript is not a single numeric value");
    }
    fly_vec_str number = fly_vec_jsonb_payload(found.items[0]);
    status = fly_vec_numeric_trunc(number, 0, r->arena, &number, r->err);
    int32_t whole = 0;
    if (status == FLY_OK && fly_vec_numeric_to_i32(number, &whole, NULL) != FLY_OK) {
        return fly_err_state(r->err, "22033", 0,
                             "jsonpath array subscript is out of integer range");
    }
    *index = whole;
    return status;
}

static fly_status get_index(runner *r, const fly__sql_path_node *node, fly_bytes item, list *out)
{
    bool array = is_array(item);
    if (!array && r->strict) {
        return fly_err_state(r->err, "22039", 0,
                             "jsonpath array accessor can only be applied to an array");
    }
    int64_t count = array ? fly_vec_jsonb_count(item) : 1;
    int64_t outer = r->last;
    r->last = count - 1;
    fly_status status = FLY_OK;
    for (const fly__sql_path_node *range = node; range != NULL && status == FLY_OK;
         range = range->next) {
        int64_t low = 0;
        status = subscript(r, range->left, &low);
        int64_t high = low;
        if (status == FLY_OK && range->right != NULL) {
            status = subscript(r, range->right, &high);
        }
        if (status == FLY_OK && r->strict && (low < 0 || low > high || high >= count)) {
            status = fly_err_state(r->err, "22033", 0, "jsonpath array subscript is out of bounds");
        }
        low = low < 0 ? 0 : low;
        high = high >= count ? count - 1 : high;
        for (; low <= high && status == FLY_OK; low++) {
            fly_bytes element = item;
            if (array) {
                (void)fly_vec_jsonb_at(item, low, &element);
            }
            status = add(r, out, element);
        }
    }
    r->last = outer;
    return status;
}

static fly_status get_any_index(runner *r, fly_bytes item, list *out)
{
    if (!is_array(item)) {
        return r->strict ? fly_err_state(r->err, "22039", 0,
                                         "jsonpath wildcard array accessor can only be applied "
                                         "to an array")
                         : add(r, out, item);
    }
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < fly_vec_jsonb_count(item) && status == FLY_OK; i++) {
        fly_bytes element;
        (void)fly_vec_jsonb_at(item, i, &element);
        status = add(r, out, element);
    }
    return status;
}

static fly_status filter(runner *r, const fly__sql_path_node *node, fly_bytes item, list *out)
{
    fly_bytes outer = r->current;
    int answer = NO;
    r->current = item;
    fly_status status = test(r, node->right, &answer);
    r->current = outer;
    return status == FLY_OK && answer == YES ? add(r, out, item) : status;
}

static bool named(fly_bytes name, const char *word)
{
    return fly_bytes_equal(name, fly_bytes_str(word));
}

static fly_status not_numeric(runner *r, const char *what)
{
    return fly_err_state(r->err, "22036", 0,
                         "jsonpath item method .%s() can only be applied to a numeric value", what);
}

static fly_status to_double(runner *r, fly_bytes item, list *out)
{
    fly_vec_json_type type = fly_vec_jsonb_type(item);
    fly_vec_str payload = fly_vec_jsonb_payload(item);
    double number;
    if (type == FLY_VEC_JSON_NUMBER) {
        if (fly_vec_numeric_to_f64(payload, r->arena, &number, NULL) != FLY_OK) {
            return fly_err_state(r->err, "22036", 0,
                                 "numeric argument of jsonpath item method .double() is out of "
                                 "range for type double precision");
        }
        return add(r, out, item);
    }
    if (type != FLY_VEC_JSON_STRING) {
        return fly_err_state(r->err, "22036", 0,
                             "jsonpath item method .double() can only be applied to a string or "
                             "numeric value");
    }
    if (fly_vec_f64_parse(fly_vec_str_bytes(&payload), &number, NULL) != FLY_OK ||
        number - number != 0) {
        return fly_err_state(r->err, "22036", 0,
                             "string argument of jsonpath item method .double() is not a valid "
                             "representation of a double precision number");
    }
    fly_vec_str numeric;
    fly_status status = fly_vec_numeric_from_f64(number, r->arena, &numeric, r->err);
    return status != FLY_OK ? status : add_numeric(r, out, numeric);
}

static fly_status key_values(runner *r, fly_bytes item, list *out)
{
    if (fly_vec_jsonb_type(item) != FLY_VEC_JSON_OBJECT) {
        return fly_err_state(r->err, "2203C", 0,
                             "jsonpath item method .keyvalue() can only be applied to an object");
    }
    fly_status status = FLY_OK;
    for (uint32_t i = 0; i < fly_vec_jsonb_count(item) && status == FLY_OK; i++) {
        fly_bytes key;
        fly_bytes value;
        fly_vec_str parts[2];
        fly_vec_str id;
        fly_vec_str object;
        fly_vec_jsonb_member(item, i, &key, &value);
        status = fly_vec_jsonb_of_text(key, r->arena, &parts[0], r->err);
        if (status == FLY_OK) {
            status = fly_vec_numeric_from_i64(item.data - r->root.data, r->arena, &id, r->err);
        }
        if (status == FLY_OK) {
            status = fly_vec_jsonb_of_numeric(id, r->arena, &parts[1], r->err);
        }
        if (status == FLY_OK) {
            fly_bytes keys[3] = {fly_bytes_str("id"), fly_bytes_str("key"), fly_bytes_str("value")};
            fly_bytes values[3] = {fly_vec_str_bytes(&parts[1]), fly_vec_str_bytes(&parts[0]),
                                   value};
            status = fly_vec_jsonb_object(keys, values, 3, r->arena, &object, r->err);
        }
        if (status == FLY_OK) {
            status = add_made(r, out, object);
        }
    }
    return status;
}

static fly_status method(runner *r, fly_bytes name, fly_bytes item, list *out)
{
    fly_vec_str made;
    fly_status status;
    if (named(name, "type")) {
        const char *type = fly_vec_json_type_name(fly_vec_jsonb_type(item));
        status = fly_vec_jsonb_of_text(fly_bytes_str(type), r->arena, &made, r->err);
        return status != FLY_OK ? status : add_made(r, out, made);
    }
    if (named(name, "size")) {
        if (!is_array(item) && r->strict) {
            return fly_err_state(r->err, "22039", 0,
                                 "jsonpath item method .size() can only be applied to an array");
        }
        status = fly_vec_numeric_from_i64(is_array(item) ? fly_vec_jsonb_count(item) : 1, r->arena,
                                          &made, r->err);
        return status != FLY_OK ? status : add_numeric(r, out, made);
    }
    if (named(name, "double")) {
        return to_double(r, item, out);
    }
    if (named(name, "keyvalue")) {
        return key_values(r, item, out);
    }
    static const struct {
        const char *name;
        fly_vec_numeric_unary function;
    } methods[] = {{"abs", fly_vec_numeric_abs},
                   {"floor", fly_vec_numeric_floor},
                   {"ceiling", fly_vec_numeric_ceil}};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (named(name, methods[i].name)) {
            if (fly_vec_jsonb_type(item) != FLY_VEC_JSON_NUMBER) {
                return not_numeric(r, methods[i].name);
            }
            status = methods[i].function(fly_vec_jsonb_payload(item), r->arena, &made, r->err);
            return status != FLY_OK ? status : add_numeric(r, out, made);
        }
    }
    return fly_err_state(r->err, "0A000", 0, "jsonpath item method .%.*s() is not supported",
                         (int)(name.len < 40 ? name.len : 40), (const char *)name.data);
}

/* Apply an accessor to each item of its input. */
static fly_status access(runner *r, const fly__sql_path_node *node, list *out)
{
    list input = {0};
    bool unwrap =
        node->kind == PATH_KEY || node->kind == PATH_ANY_KEY || node->kind == PATH_FILTER ||
        (node->kind == PATH_METHOD && !named(node->text, "type") && !named(node->text, "size"));
    fly_status status = unwrap ? run_unwrapped(r, node->input, &input)
                               : run(r, node->input, &input);
    for (size_t i = 0; i < input.count && status == FLY_OK; i++) {
        fly_bytes item = input.items[i];
        switch (node->kind) {
        case PATH_KEY:
            status = get_key(r, node, item, out);
            break;
        case PATH_ANY_KEY:
            status = get_any_key(r, item, out);
            break;
        case PATH_ANY_LEVEL:
            status = get_levels(r, node, item, 0, out);
            break;
        case PATH_INDEX:
            status = get_index(r, node, item, out);
            break;
        case PATH_ANY_INDEX:
            status = get_any_index(r, item, out);
            break;
        case PATH_FILTER:
            status = filter(r, node, item, out);
            break;
        default:
            status = method(r, node->text, item, out);
        }
    }
    return status;
}

/* --------------------------------------------------------------------- arithmetic */

static fly_status operand(runner *r, const fly__sql_path_node *node, const char *side,
                          const char *symbol, fly_vec_str *number)
{
    list found = {0};
    fly_status status = run_unwrapped(r, node, &found);
    if (status != FLY_OK) {
        return status;
    }
    if (found.count != 1 || fly_vec_jsonb_type(found.items[0]) != FLY_VEC_JSON_NUMBER) {
        return fly_err_state(r->err, "22038", 0,
                             "%s operand of jsonpath operator %s is not a single numeric value",
                             side, symbol);
    }
    *number = fly_vec_jsonb_payload(found.items[0]);
    return FLY_OK;
}

static fly_status compute(runner *r, const fly__sql_path_node *node, list *out)
{
    static const struct {
        const char *symbol;
        fly_vec_numeric_binary function;
    } ops[] = {{"+", fly_vec_numeric_add},
               {"-", fly_vec_numeric_sub},
               {"*", fly_vec_numeric_mul},
               {"/", fly_vec_numeric_div},
               {"%", fly_vec_numeric_mod}};
    int i = node->kind - PATH_ADD;
    fly_vec_str a;
    fly_vec_str b;
    fly_vec_str value;
    fly_status status = operand(r, node->left, "left", ops[i].symbol, &a);
    if (status == FLY_OK) {
        status = operand(r, node->right, "right", ops[i].symbol, &b);
    }
    if (status == FLY_OK) {
        status = ops[i].function(a, b, r->arena, &value, r->err);
    }
    return status != FLY_OK ? status : add_numeric(r, out, value);
}

static fly_status negate(runner *r, const fly__sql_path_node *node, list *out)
{
    list found = {0};
    fly_status status = run_unwrapped(r, node->left, &found);
    for (size_t i = 0; i < found.count && status == FLY_OK; i++) {
        fly_vec_str value;
        if (fly_vec_jsonb_type(found.items[i]) != FLY_VEC_JSON_NUMBER) {
            return fly_err_state(r->err, "2203B", 0,
                                 "operand of unary jsonpath operator %s is not a numeric value",
                                 node->kind == PATH_NEGATE ? "-" : "+");
        }
        if (node->kind == PATH_PLUS) {
            status = add(r, out, found.items[i]);
            continue;
        }
        status =
            fly_vec_numeric_neg(fly_vec_jsonb_payload(found.items[i]), r->arena, &value, r->err);
        if (status == FLY_OK) {
            status = add_numeric(r, out, value);
        }
    }
    return status;
}

/* --------------------------------------------------------------------- predicates */

static int compare(uint8_t op, fly_bytes a, fly_bytes b)
{
    fly_vec_json_type x = fly_vec_jsonb_type(a);
    fly_vec_json_type y = fly_vec_jsonb_type(b);
    x = x == FLY_VEC_JSON_TRUE ? FLY_VEC_JSON_FALSE : x; /* one type */
    y = y == FLY_VEC_JSON_TRUE ? FLY_VEC_JSON_FALSE : y;
    if (x != y) {
        if (x == FLY_VEC_JSON_NULL || y == FLY_VEC_JSON_NULL) {
            return op == PATH_NE ? YES : NO;
        }
        return UNKNOWN;
    }
    int order;
    fly_vec_str p = fly_vec_jsonb_payload(a);
    fly_vec_str q = fly_vec_jsonb_payload(b);
    switch (x) {
    case FLY_VEC_JSON_NULL:
        order = 0;
        break;
    case FLY_VEC_JSON_FALSE:
        order = (int)a.data[0] - (int)b.data[0];
        break;
    case FLY_VEC_JSON_NUMBER:
        order = fly_vec_numeric_cmp(p, q);
        break;
    case FLY_VEC_JSON_STRING:
        order = fly_vec_str_cmp(&p, &q);
        break;
    default:
        return UNKNOWN;
    }
    switch (op) {
    case PATH_EQ:
        return order == 0;
    case PATH_NE:
        return order != 0;
    case PATH_LT:
        return order < 0;
    case PATH_LE:
        return order <= 0;
    case PATH_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

/* One pair of items under a predicate. */
static fly_status test_pair(runner *r, const fly__sql_path_node *node, fly_bytes a, fly_bytes b,
                            int *answer)
{
    if (node->kind <= PATH_GE) {
        *answer = compare(node->kind, a, b);
        return FLY_OK;
    }
    *answer = UNKNOWN;
    if (fly_vec_jsonb_type(a) != FLY_VEC_JSON_STRING) {
        return FLY_OK;
    }
    fly_vec_str text = fly_vec_jsonb_payload(a);
    if (node->kind == PATH_LIKE_REGEX) {
        bool found = false;
        fly_status status =
            fly_vec_regex_match(node->regex, fly_vec_str_bytes(&text), &found, r->err);
        *answer = found ? YES : NO;
        return status;
    }
    if (fly_vec_jsonb_type(b) == FLY_VEC_JSON_STRING) {
        fly_vec_str start = fly_vec_jsonb_payload(b);
        *answer = text.len >= start.len &&
                          memcmp(fly_vec_str_data(&text), fly_vec_str_data(&start), start.len) == 0
                      ? YES
                      : NO;
    }
    return FLY_OK;
}

/* Any pair of the two sides; errors on the way there are unknown. */
static fly_status test_pairs(runner *r, const fly__sql_path_node *node, int *answer)
{
    list left = {0};
    list right = {0};
    fly_err *err = r->err;
    r->err = NULL;
    fly_status status = run_unwrapped(r, node->left, &left);
    if (status == FLY_OK && node->right != NULL) {
        status = run_unwrapped(r, node->right, &right);
    }
    r->err = err;
    *answer = UNKNOWN;
    if (status == FLY_E_NO_MEMORY) {
        return fly__sql_no_memory(err);
    }
    if (status != FLY_OK) {
        return FLY_OK;
    }
    bool found = false;
    bool unknown = false;
    size_t count = node->right != NULL ? right.count : 1;
    for (size_t i = 0; i < left.count; i++) {
        for (size_t k = 0; k < count; k++) {
            int one;
            status = test_pair(r, node, left.items[i],
                               node->right != NULL ? right.items[k] : left.items[i], &one);
            if (status != FLY_OK) {
                return status;
            }
            if (one == UNKNOWN && r->strict) {
                return FLY_OK;
            }
            unknown |= one == UNKNOWN;
            found |= one == YES;
            if (found && !r->strict) {
                *answer = YES;
                return FLY_OK;
            }
        }
    }
    *answer = found ? YES : unknown ? UNKNOWN : NO;
    return FLY_OK;
}

static fly_status test_exists(runner *r, const fly__sql_path_node *node, int *answer)
{
    list found = {0};
    fly_err *err = r->err;
    r->err = NULL;
    fly_status status = run(r, node->left, &found);
    r->err = err;
    if (status == FLY_E_NO_MEMORY) {
        return fly__sql_no_memory(err);
    }
    *answer = status != FLY_OK ? UNKNOWN : found.count > 0 ? YES : NO;
    return FLY_OK;
}

static fly_status test(runner *r, const fly__sql_path_node *node, int *answer)
{
    int other = NO;
    if (++r->depth > DEPTH_MAX) {
        return fly_err_state(r->err, "54001", 0, "stack depth limit exceeded");
    }
    fly_status status;
    switch (node->kind) {
    case PATH_AND:
        status = test(r, node->left, answer);
        if (status == FLY_OK && *answer != NO) {
            status = test(r, node->right, &other);
            *answer = other == NO ? NO : *answer == UNKNOWN ? UNKNOWN : other;
        }
        break;
    case PATH_OR:
        status = test(r, node->left, answer);
        if (status == FLY_OK && *answer != YES) {
            status = test(r, node->right, &other);
            *answer = other == YES ? YES : *answer == UNKNOWN ? UNKNOWN : other;
        }
        break;
    case PATH_NOT:
        status = test(r, node->left, &other);
        *answer = other == UNKNOWN ? UNKNOWN : other == YES ? NO : YES;
        break;
    case PATH_IS_UNKNOWN:
        status = test(r, node->left, &other);
        *answer = other == UNKNOWN ? YES : NO;
        break;
    case PATH_EXISTS:
        status = test_exists(r, node, answer);
        break;
    default:
        status = node->kind >= PATH_EQ ? test_pairs(r, node, answer) : FLY_OK;
        *answer = node->kind >= PATH_EQ ? *answer : UNKNOWN;
    }
    r->depth--;
    return status;
}

static fly_status run_predicate(runner *r, const fly__sql_path_node *node, list *out)
{
    int answer = UNKNOWN;
    fly_vec_str value;
    fly_status status = test(r, node, &answer);
    if (status == FLY_OK) {
        status = answer == UNKNOWN ? fly_vec_jsonb_of_null(&value)
                                   : fly_vec_jsonb_of_bool(answer == YES, &value);
    }
    return status != FLY_OK ? status : add_made(r, out, value);
}

static fly_status run_variable(runner *r, const fly__sql_path_node *node, list *out)
{
    fly_bytes value;
    if (r->has_vars && fly_vec_jsonb_get(r->vars, node->text, &value)) {
        return add(r, out, value);
    }
    return fly_err_state(r->err, "42704", 0, "could not find jsonpath variable \"%.*s\"",
                         (int)(node->text.len < 100 ? node->text.len : 100),
                         (const char *)node->text.data);
}

static fly_status run(runner *r, const fly__sql_path_node *node, list *out)
{
    if (++r->depth > DEPTH_MAX) {
        return fly_err_state(r->err, "54001", 0, "stack depth limit exceeded");
    }
    fly_status status;
    fly_vec_str number;
    switch (node->kind) {
    case PATH_ROOT:
        status = add(r, out, r->root);
        break;
    case PATH_CURRENT:
        status = add(r, out, r->current);
        break;
    case PATH_LITERAL:
        status = add(r, out, node->text);
        break;
    case PATH_VARIABLE:
        status = run_variable(r, node, out);
        break;
    case PATH_LAST:
        if (r->last < 0) {
            status = fly_err_state(r->err, "42601", 0, "LAST is allowed only in array subscripts");
            break;
        }
        status = fly_vec_numeric_from_i64(r->last, r->arena, &number, r->err);
        status = status != FLY_OK ? status : add_numeric(r, out, number);
        break;
    case PATH_NEGATE:
    case PATH_PLUS:
        status = negate(r, node, out);
        break;
    case PATH_ADD:
    case PATH_SUB:
    case PATH_MUL:
    case PATH_DIV:
    case PATH_MOD:
        status = compute(r, node, out);
        break;
    default:
        status = node->kind >= PATH_EQ ? run_predicate(r, node, out) : access(r, node, out);
    }
    r->depth--;
    return status;
}

/* ---------------------------------------------------------------------- functions */

/* A parsed path that a call site keeps. */
typedef struct site {
    fly_vec_str text;
    fly__sql_path path;
    uint32_t kept;
} site;

static fly_status path_of(fly__sql_call *call, const fly_vec_str *text, fly__sql_path *path)
{
    site *s = *call->memo;
    if (s == NULL) {
        s = fly_arena_alloc(call->memo_arena, sizeof *s);
        if (s == NULL) {
            return fly__sql_no_memory(call->err);
        }
        memset(s, 0, sizeof *s);
        *call->memo = s;
    }
    if (s->path.root != NULL && fly_vec_str_equal(&s->text, text)) {
        *path = s->path;
        return FLY_OK;
    }
    if (s->kept >= KEPT_MAX) {
        return fly__sql_path_parse(fly_vec_str_bytes(text), call->arena, path, call->err);
    }
    char *copy = fly_arena_copy(call->memo_arena, fly_vec_str_data(text), text->len);
    if (copy == NULL) {
        return fly__sql_no_memory(call->err);
    }
    fly_status status =
        fly__sql_path_parse(fly_bytes_of(copy, text->len), call->memo_arena, path, call->err);
    if (status == FLY_OK) {
        s->text = fly_vec_str_of(copy, text->len);
        s->path = *path;
        s->kept++;
    }
    return status;
}

/* Run the call's path over its target: (target, path [, vars [, silent]]). */
static fly_status query(fly__sql_call *call, const fly_vec_value *args, bool silent, list *out)
{
    fly__sql_path path;
    fly_err mine = {0};
    fly_status status = path_of(call, &args[1].str, &path);
    if (status != FLY_OK) {
        return status;
    }
    runner r = {.strict = path.strict,
                .arena = call->arena,
                .err = &mine,
                .root = arg_bytes(&args[0]),
                .current = arg_bytes(&args[0]),
                .last = -1};
    if (call->argc > 2) {
        r.vars = arg_bytes(&args[2]);
        r.has_vars = true;
        if (fly_vec_jsonb_type(r.vars) != FLY_VEC_JSON_OBJECT) {
            FAIL(call, "22023", "\"vars\" argument is not an object");
            fly_err_detail(call->err, "Jsonpath parameters should be encoded as key-value pairs of "
                                      "\"vars\" object.");
            return FLY_E_INVALID;
        }
    }
    silent |= call->argc > 3 && args[3].b;
    status = run(&r, path.root, out);
    /* Silent: what is wrong with the data is no error, but a missing variable is. */
    if (status == FLY_E_INVALID && silent && mine.sqlstate[0] == '2') {
        return FLY_E_END;
    }
    if (status != FLY_OK && call->err != NULL) {
        *call->err = mine;
        call->err->position = call->pos;
    }
    return status;
}

static fly_status exists(fly__sql_call *call, bool silent, const fly_vec_value *args,
                         fly_vec_value *result)
{
    list found = {0};
    fly_status status = query(call, args, silent, &found);
    if (status == FLY_E_END) {
        return give_null(result);
    }
    return status != FLY_OK ? status : give_bool(result, found.count > 0);
}

ROW(jsonb_path_exists)
{
    return exists(call, false, args, result);
}

ROW(jsonb_path_exists_op)
{
    return exists(call, true, args, result);
}

static fly_status matches(fly__sql_call *call, bool silent, const fly_vec_value *args,
                          fly_vec_value *result)
{
    list found = {0};
    fly_status status = query(call, args, silent, &found);
    if (status == FLY_E_END) {
        return give_null(result);
    }
    if (status != FLY_OK) {
        return status;
    }
    if (found.count == 1) {
        switch (fly_vec_jsonb_type(found.items[0])) {
        case FLY_VEC_JSON_TRUE:
            return give_bool(result, true);
        case FLY_VEC_JSON_FALSE:
            return give_bool(result, false);
        case FLY_VEC_JSON_NULL:
            return give_null(result);
        default:
            break;
        }
    }
    silent |= call->argc > 3 && args[3].b;
    return silent ? give_null(result) : FAIL(call, "22038", "single boolean result is expected");
}

ROW(jsonb_path_match)
{
    return matches(call, false, args, result);
}

ROW(jsonb_path_match_op)
{
    return matches(call, true, args, result);
}

ROW(jsonb_path_query_first)
{
    list found = {0};
    fly_status status = query(call, args, false, &found);
    if (status != FLY_OK && status != FLY_E_END) {
        return status;
    }
    return found.count == 0 ? give_null(result) : give_bytes(result, found.items[0]);
}

ROW(jsonb_path_query_array)
{
    list found = {0};
    fly_vec_str value;
    fly_status status = query(call, args, false, &found);
    if (status != FLY_OK && status != FLY_E_END) {
        return status;
    }
    status = fly_vec_jsonb_array(found.items, found.count, call->arena, &value, call->err);
    return status != FLY_OK ? status : give_str(result, value);
}

/* All items are found when the function is opened. */
typedef struct query_state {
    fly_vec_value args[4];
    list found;
    size_t next;
} query_state;

static fly_status query_open(fly__sql_call *call, void *state, const fly_vec_value *args)
{
    query_state *s = state;
    memset(s, 0, sizeof *s);
    memcpy(s->args, args, call->argc * sizeof args[0]);
    fly_status status = query(call, s->args, false, &s->found);
    return status == FLY_E_END ? FLY_OK : status;
}

static fly_status query_next(fly__sql_call *call, void *state, fly_vec_value *row)
{
    (void)call;
    query_state *s = state;
    return s->next < s->found.count ? give_bytes(row, s->found.items[s->next++]) : FLY_E_END;
}

const fly__sql_set_function fly__sql_set_jsonb_path_query = {
    .state_size = sizeof(query_state), .open = query_open, .next = query_next};
