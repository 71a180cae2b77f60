/*
 * Assignment to a part of a column: SET point.x = 1, list[3] = 2, list[1:2] = '{8,9}'.
 *
 * The column's new value is computed from its old one: a row with one field replaced, or an array with
 * an element or a slice replaced, by array_assign(), which is here because it needs no more than the
 * generic call.
 */
#include "bind/bind_modify_int.h"
#include "types/array_int.h"

/* --------------------------------------------------------------------- array_assign() */

typedef struct region {
    uint32_t dimensions;
    uint32_t length[FLY__SQL_DIMENSIONS_MAX];
    int32_t lower[FLY__SQL_DIMENSIONS_MAX];
    int64_t low[FLY__SQL_DIMENSIONS_MAX]; /* what is assigned to, in the array's own counting */
    int64_t high[FLY__SQL_DIMENSIONS_MAX];
} region;

static fly_status bounds(fly__sql_call *call, const fly_vec_value *args, const fly__sql_array *old,
                         bool slice, region *r)
{
    uint32_t given = (call->argc - 3) / (slice ? 2 : 1);
    if (given > FLY__SQL_DIMENSIONS_MAX || (old->dimensions != 0 && given != old->dimensions)) {
        return fly_err_state(call->err, "2202E", 0, "wrong number of array subscripts");
    }
    r->dimensions = given;
    for (uint32_t d = 0; d < given; d++) {
        const fly_vec_value *low = &args[3 + d * (slice ? 2 : 1)];
        const fly_vec_value *high = slice ? low + 1 : low;
        if (!slice && low->null) {
            return fly_err_state(call->err, "22004", 0,
                                 "array subscript in assignment must not be null");
        }
        if ((low->null || high->null) && old->dimensions == 0) {
            fly_status status = fly_err_state(call->err, "2202E", 0,
                                              "array slice subscript must provide both boundaries");
            fly_err_detail(call->err, "When assigning to a slice of an empty array value, slice "
                                      "boundaries must be fully specified.");
            return status;
        }
        r->low[d] = low->null ? old->lower[d] : low->i32;
        r->high[d] = high->null ? old->lower[d] + (int64_t)old->length[d] - 1 : high->i32;
        if (r->low[d] > r->high[d]) {
            return fly_err_state(call->err, "2202E", 0,
                                 "upper bound cannot be less than lower bound");
        }
    }
    return FLY_OK;
}

/* The new array's shape: one dimension may grow, several may not. */
static fly_status grow(fly__sql_call *call, const fly__sql_array *old, region *r)
{
    uint64_t count = 1;
    for (uint32_t d = 0; d < r->dimensions; d++) {
        int64_t first = r->low[d];
        int64_t last = r->high[d];
        if (old->dimensions > 0) {
            int64_t end = old->lower[d] + (int64_t)old->length[d] - 1;
            if (r->dimensions > 1 && (first < old->lower[d] || last > end)) {
                return fly_err_state(call->err, "2202E", 0, "array subscript out of range");
            }
            first = first < old->lower[d] ? first : old->lower[d];
            last = last > end ? last : end;
        }
        uint64_t length = (uint64_t)(last - first + 1);
        count *= length;
        if (length > FLY__SQL_ARRAY_ELEMENTS_MAX || count > FLY__SQL_ARRAY_ELEMENTS_MAX) {
            return fly_err_state(call->err, "54000", 0,
                                 "array size exceeds the maximum allowed (%d)",
                                 (int)FLY__SQL_ARRAY_ELEMENTS_MAX);
        }
        r->lower[d] = (int32_t)first;
        r->length[d] = (uint32_t)length;
    }
    return FLY_OK;
}

/* The element of the new array at `index`: from the old one or from what is assigned. */
static fly_status put_element(fly__sql_call *call, const fly__sql_array *old,
                              const fly__sql_array *source, const fly_vec_value *value,
                              const region *r, uint32_t index, fly__sql_array_builder *builder)
{
    int64_t at[FLY__SQL_DIMENSIONS_MAX];
    bool inside = true;
    for (uint32_t d = r->dimensions; d-- > 0;) {
        at[d] = r->lower[d] + (int64_t)(index % r->length[d]);
        index /= r->length[d];
        inside = inside && at[d] >= r->low[d] && at[d] <= r->high[d];
    }
    fly_vec_value element;
    memset(&element, 0, sizeof element);
    element.null = true;
    if (inside && source == NULL) {
        element = *value;
    } else if (inside) {
        uint64_t from = 0;
        for (uint32_t d = 0; d < r->dimensions; d++) {
            from = from * (uint64_t)(r->high[d] - r->low[d] + 1) + (uint64_t)(at[d] - r->low[d]);
        }
        fly__sql_array_at(source, (uint32_t)from, &element);
    } else {
        uint64_t from = 0;
        bool there = old->dimensions > 0;
        for (uint32_t d = 0; there && d < r->dimensions; d++) {
            int64_t place = at[d] - old->lower[d];
            there = place >= 0 && place < (int64_t)old->length[d];
            from = from * old->length[d] + (uint64_t)place;
        }
        if (there) {
            fly__sql_array_at(old, (uint32_t)from, &element);
        }
    }
    return fly__sql_array_add(builder, &element, call->err);
}

/* array_assign(array, value, slice, bounds ...) is the array with a part replaced. */
static fly_status array_assign(fly__sql_call *call, const fly_vec_value *args,
                               fly_vec_value *result)
{
    bool slice = args[2].b;
    fly__sql_array old = {0};
    fly__sql_array source = {0};
    fly_status status = FLY_OK;
    if (slice && args[1].null) {
        *result = args[0];
        return FLY_OK;
    }
    if (!args[0].null) {
        status = fly__sql_array_open(&args[0].str, &old, call->err);
    }
    if (status == FLY_OK && slice) {
        status = fly__sql_array_open(&args[1].str, &source, call->err);
    }
    region r = {0};
    status = status == FLY_OK ? bounds(call, args, &old, slice, &r) : status;
    status = status == FLY_OK ? grow(call, &old, &r) : status;
    if (status != FLY_OK) {
        return status;
    }
    uint64_t wanted = 1;
    uint64_t count = 1;
    for (uint32_t d = 0; d < r.dimensions; d++) {
        wanted *= (uint64_t)(r.high[d] - r.low[d] + 1);
        count *= r.length[d];
    }
    if (slice && source.count < wanted) {
        return fly_err_state(call->err, "2202E", 0, "source array too small");
    }
    fly__sql_array_builder builder;
    fly__sql_array_begin(&builder, slice ? fly__sql_array_type(&source) : call->types[1],
                         call->arena);
    for (uint32_t i = 0; i < count && status == FLY_OK; i++) {
        status = put_element(call, &old, slice ? &source : NULL, &args[1], &r, i, &builder);
    }
    if (status != FLY_OK) {
        return status;
    }
    result->null = false;
    return fly__sql_array_end_shaped(&builder, r.dimensions, r.length, r.lower, &result->str,
                                     call->err);
}

static const fly__sql_func array_assign_func = {
    .name = "array_assign",
    .oid = 8998,
    .kind = FLY__SQL_SCALAR,
    .volatility = FLY__SQL_IMMUTABLE,
    .can_raise = true,
    .variadic = true,
    .argc = 4,
    .args = {FLY_SQL_ANYARRAY, FLY_SQL_ANY, FLY_SQL_BOOL, FLY_SQL_INT4},
    .result = FLY_SQL_ANYARRAY,
    .row = array_assign,
};

/* --------------------------------------------------------------------------- binding */

typedef struct parts {
    fly__sql_scope *scope;
    fly_ast_list list;
    const fly_ast *value;
    fly__sql_expr *bound; /* instead of `value` */
    const char *column;
} parts;

static fly__sql_expr *assign_at(fly__sql_binder *b, const parts *p, uint32_t at,
                                fly__sql_expr *base);

static fly__sql_expr *assign_field(fly__sql_binder *b, const parts *p, uint32_t at,
                                   fly__sql_expr *base)
{
    const fly_ast_field *ast = (const fly_ast_field *)p->list.items[at];
    const fly__sql_table *table = fly__sql_bind_composite(b, base->type.oid);
    if (table == NULL) {
        return fly__sql_bind_fail(b, "42804", ast->node.pos,
                                  "cannot assign to field \"%s\" of column \"%s\" because its type "
                                  "%s is not a composite type",
                                  ast->name, p->column, fly__sql_bind_type_name(b, base->type.oid));
    }
    uint32_t count = 0;
    for (uint16_t i = 0; i < table->column_count; i++) {
        count += !table->columns[i].dropped;
    }
    fly__sql_expr *row = fly__sql_bind_node(b, FLY__SQL_X_ROW, base->type, count, ast->node.pos);
    if (row == NULL) {
        return NULL;
    }
    uint32_t n = 0;
    bool found = false;
    for (uint16_t i = 0; i < table->column_count; i++) {
        const fly__sql_column *column = &table->columns[i];
        if (column->dropped) {
            continue;
        }
        fly__sql_expr *copy = fly__sql_bind_copy(b, base);
        fly__sql_expr *field = fly__sql_bind_node(
            b, FLY__SQL_X_FIELD, fly__sql_bind_unshaped_type(column->type), 1, ast->node.pos);
        if (copy == NULL || field == NULL) {
            return NULL;
        }
        field->args[0] = copy;
        field->column = column->number;
        field = fly__sql_bind_done(b, field);
        if (strcmp(column->name, ast->name) == 0) {
            found = true;
            field = assign_at(b, p, at + 1, field);
            if (field == NULL) {
                return NULL;
            }
        }
        row->args[n++] = field;
    }
    if (!found) {
        return fly__sql_bind_fail(b, "42703", ast->node.pos,
                                  "cannot assign to field \"%s\" of column \"%s\" because there is "
                                  "no such column in data type %s",
                                  ast->name, p->column, fly__sql_bind_type_name(b, base->type.oid));
    }
    return fly__sql_bind_done(b, row);
}

static fly__sql_expr *index_at(fly__sql_binder *b, const parts *p, const fly_ast *ast)
{
    if (ast == NULL) {
        return fly__sql_bind_null(b, fly__sql_type(FLY_SQL_INT4), 0);
    }
    fly__sql_expr *e = fly__sql_bind_expression(b, p->scope, ast);
    fly__sql_expr *index =
        e == NULL ? NULL : fly__sql_bind_coerce(b, e, fly__sql_type(FLY_SQL_INT4), 'a', e->pos);
    if (index == NULL && fly__sql_bind_ok(b)) {
        return fly__sql_bind_fail(b, "42804", ast->pos, "array subscript must have type integer");
    }
    return index;
}

static fly__sql_expr *assign_element(fly__sql_binder *b, const parts *p, uint32_t at,
                                     fly__sql_expr *base)
{
    uint32_t end = at;
    bool slice = false;
    while (end < p->list.count && p->list.items[end]->kind == FLY_AST_SUBSCRIPT) {
        slice |= ((const fly_ast_subscript *)p->list.items[end++])->slice;
    }
    uint32_t pos = p->list.items[at]->pos;
    uint32_t array = fly__sql_bind_base(b, base->type).oid;
    uint32_t element = fly__sql_bind_element(b, array);
    if (element == 0) {
        return fly__sql_bind_fail(b, "42804", pos,
                                  "cannot subscript type %s because it does not support "
                                  "subscripting",
                                  fly__sql_bind_type_name(b, base->type.oid));
    }
    uint32_t levels = end - at;
    fly__sql_expr *call =
        fly__sql_bind_node(b, FLY__SQL_X_CALL, base->type, 3 + levels * (slice ? 2 : 1), pos);
    fly__sql_expr *old = fly__sql_bind_node(
        b, FLY__SQL_X_SUBSCRIPT, fly__sql_bind_plain(b, slice ? array : element), 1 + levels, pos);
    if (call == NULL || old == NULL) {
        return NULL;
    }
    call->func = &array_assign_func;
    call->args[0] = base;
    old->args[0] = base;
    for (uint32_t i = 0; i < levels; i++) {
        const fly_ast_subscript *ast = (const fly_ast_subscript *)p->list.items[at + i];
        fly__sql_expr *upper = index_at(b, p, ast->upper);
        if (upper == NULL) {
            return NULL;
        }
        old->args[1 + i] = upper;
        if (!slice) {
            call->args[3 + i] = upper;
            continue;
        }
        call->args[3 + i * 2] = ast->slice ? index_at(b, p, ast->lower)
                                           : fly__sql_bind_int(b, 1, FLY_SQL_INT4, pos);
        call->args[4 + i * 2] = upper;
        if (call->args[3 + i * 2] == NULL) {
            return NULL;
        }
    }
    fly__sql_expr *seen = slice ? fly__sql_bind_null(b, fly__sql_bind_plain(b, array), pos)
                                : fly__sql_bind_copy(b, fly__sql_bind_done(b, old));
    fly__sql_expr *value = seen == NULL ? NULL : assign_at(b, p, end, seen);
    call->args[1] = value == NULL ? NULL : fly__sql_bind_unshaped(b, value);
    call->args[2] = fly__sql_bind_bool(b, slice, pos);
    if (call->args[1] == NULL || call->args[2] == NULL) {
        return NULL;
    }
    return fly__sql_bind_done(b, call);
}

/* jsonb: jsonb_set(value, path, new value). */
static fly__sql_expr *assign_json(fly__sql_binder *b, const parts *p, uint32_t at,
                                  fly__sql_expr *base)
{
    uint32_t count = p->list.count - at;
    uint32_t pos = p->list.items[at]->pos;
    fly__sql_expr *path =
        fly__sql_bind_node(b, FLY__SQL_X_ARRAY, fly__sql_type(FLY__SQL_TEXT_ARRAY), count, pos);
    if (path == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        const fly_ast_subscript *ast = (const fly_ast_subscript *)p->list.items[at + i];
        if (ast->node.kind != FLY_AST_SUBSCRIPT || ast->slice) {
            return fly__sql_bind_fail(b, "42804", ast->node.pos,
                                      "jsonb subscript does not support slices");
        }
        fly__sql_expr *e = fly__sql_bind_expression(b, p->scope, ast->upper);
        path->args[i] =
            e == NULL ? NULL : fly__sql_bind_coerce(b, e, fly__sql_type(FLY_SQL_TEXT), 'e', pos);
        if (path->args[i] == NULL) {
            return NULL;
        }
    }
    fly__sql_expr *old = fly__sql_bind_null(b, fly__sql_type(FLY_SQL_JSONB), pos);
    fly__sql_expr *args[3] = {base, fly__sql_bind_done(b, path), NULL};
    args[2] = old == NULL ? NULL : assign_at(b, p, p->list.count, old);
    return args[2] == NULL ? NULL : fly__sql_bind_named_call(b, "jsonb_set", args, 3, pos);
}

/* The new value of `base`, of which list[at..] says what part is assigned. */
static fly__sql_expr *assign_at(fly__sql_binder *b, const parts *p, uint32_t at,
                                fly__sql_expr *base)
{
    if (at == p->list.count) {
        fly__sql_expr *e = p->bound;
        if (e == NULL) {
            e = fly__sql_bind_at(b, p->scope, FLY__SQL_IN_UPDATE_SOURCE, p->value);
        }
        return e == NULL
                   ? NULL
                   : fly__sql_bind_assign(b, e, fly__sql_bind_unshaped_type(base->type), p->column);
    }
    if (p->list.items[at]->kind == FLY_AST_FIELD) {
        return assign_field(b, p, at, base);
    }
    if (base->type.oid == FLY_SQL_JSONB) {
        return assign_json(b, p, at, base);
    }
    return assign_element(b, p, at, base);
}

fly__sql_expr *fly__sql_bind_part(fly__sql_binder *b, fly__sql_scope *scope, fly__sql_expr *base,
                                  fly_ast_list list, const fly_ast *value, fly__sql_expr *bound,
                                  const char *column)
{
    const parts p = {
        .scope = scope, .list = list, .value = value, .bound = bound, .column = column};
    return assign_at(b, &p, 0, base);
}
