/*
 * From one type to another: PostgreSQL's manual, 10.4 (values to be stored) and 10.5 (UNION, CASE).
 *
 * A coercion is one step of: a literal of unknown type read as the target; a relabelling, where the
 * bytes are the same; a function from the table of casts; a way through text (arrays of other elements
 * go it too); then, if the target has a modifier, X_FIT, and if it is a numeric of another shape,
 * X_SHAPE. Domains are their base type with checks around: a call of domain_check(), which is here
 * because it needs no more than the generic call.
 */
#include "bind/bind_scope_int.h"

/* ---------------------------------------------------------------------- domains */

/* domain_check(value, condition, not_null, domain, constraint) is the value. */
static fly_status domain_check(fly__sql_call *call, const fly_vec_value *args,
                               fly_vec_value *result)
{
    if (args[2].b && args[0].null) {
        return fly_err_state(call->err, "23502", 0, "domain %.*s does not allow null values",
                             (int)args[3].str.len, fly_vec_str_data(&args[3].str));
    }
    if (!args[1].null && !args[1].b) {
        return fly_err_state(call->err, "23514", 0,
                             "value for domain %.*s violates check constraint \"%.*s\"",
                             (int)args[3].str.len, fly_vec_str_data(&args[3].str),
                             (int)args[4].str.len, fly_vec_str_data(&args[4].str));
    }
    *result = args[0];
    return FLY_OK;
}

static const fly__sql_func domain_check_func = {
    .name = "domain_check",
    .oid = 8999,
    .kind = FLY__SQL_SCALAR,
    .volatility = FLY__SQL_IMMUTABLE,
    .can_raise = true,
    .argc = 5,
    .args = {FLY_SQL_ANYELEMENT, FLY_SQL_BOOL, FLY_SQL_BOOL, FLY_SQL_TEXT, FLY_SQL_TEXT},
    .result = FLY_SQL_ANYELEMENT,
    .row = domain_check,
};

static fly__sql_expr *domain_condition(fly__sql_binder *b, fly__sql_expr *value, const char *text)
{
    const fly_ast *ast = fly__sql_bind_parse_expr(b, text);
    fly__sql_scope *scope = ast == NULL ? NULL : fly__sql_bind_scope(b, NULL);
    if (scope == NULL) {
        return NULL;
    }
    const char *outer_name = b->value_name;
    fly__sql_expr *outer = b->value_expr;
    b->value_name = "value";
    b->value_expr = value;
    b->no_positions++;
    fly__sql_expr *condition = fly__sql_bind_expression(b, scope, ast);
    condition = condition == NULL ? NULL : fly__sql_bind_boolean(b, condition, "CHECK");
    b->no_positions--;
    b->value_name = outer_name;
    b->value_expr = outer;
    return condition;
}

static fly__sql_expr *checked(fly__sql_binder *b, fly__sql_expr *e,
                              const fly__sql_user_type *domain, const char *check, const char *name)
{
    fly__sql_expr *call =
        fly__sql_bind_node(b, FLY__SQL_X_CALL, fly__sql_bind_plain(b, domain->oid), 5, 0);
    fly__sql_expr *condition = check == NULL ? fly__sql_bind_bool(b, true, 0)
                                             : domain_condition(b, e, check);
    if (call == NULL || condition == NULL) {
        return NULL;
    }
    call->func = &domain_check_func;
    call->type.mod = e->type.mod;
    call->type.collation = e->type.collation;
    call->args[0] = e;
    call->args[1] = condition;
    call->args[2] = fly__sql_bind_bool(b, check == NULL, 0);
    call->args[3] = fly__sql_bind_str(b, fly_bytes_str(domain->name), FLY_SQL_TEXT, 0);
    call->args[4] = fly__sql_bind_str(b, fly_bytes_str(name), FLY_SQL_TEXT, 0);
    if (call->args[2] == NULL || call->args[3] == NULL || call->args[4] == NULL) {
        return NULL;
    }
    return fly__sql_bind_done(b, call);
}

/* A value of the base type, made one of the domain: from the innermost domain outwards. */
static fly__sql_expr *into_domain(fly__sql_binder *b, fly__sql_expr *e, uint32_t oid)
{
    const fly__sql_user_type *domain = fly__sql_user_type_of(b->view, oid);
    if (domain == NULL || domain->kind != 'd' || domain->oid != oid) {
        return e;
    }
    if (domain->base.oid >= FLY__SQL_OID_FIRST) {
        e = into_domain(b, e, domain->base.oid);
    }
    if (e != NULL && domain->not_null) {
        e = checked(b, e, domain, NULL, "");
    }
    for (uint16_t i = 0; e != NULL && i < domain->check_count; i++) {
        e = checked(b, e, domain, domain->checks[i], domain->check_names[i]);
    }
    if (e != NULL && e->type.oid != oid) {
        fly_sql_type type = fly__sql_bind_plain(b, oid);
        type.mod = e->type.mod;
        type.collation = e->type.collation;
        e = fly__sql_bind_relabel(b, e, type);
    }
    return e;
}

/* --------------------------------------------------------------------- pathways */

typedef enum path { PATH_NONE, PATH_RELABEL, PATH_FUNC, PATH_IO } path;

static bool context_allows(char context, char cast)
{
    return cast == 'i' || (cast == 'a' && context != 'i') || context == 'e';
}

static path find_path(fly__sql_binder *b, uint32_t from, uint32_t to, char context,
                      const fly__sql_func **func)
{
    *func = NULL;
    from = fly__sql_bind_base(b, (fly_sql_type){.oid = from, .mod = -1}).oid;
    to = fly__sql_bind_base(b, (fly_sql_type){.oid = to, .mod = -1}).oid;
    if (from == to) {
        return PATH_RELABEL;
    }
    if (from < FLY__SQL_OID_FIRST && to < FLY__SQL_OID_FIRST) {
        if (fly__sql_coercible(from, to)) {
            return PATH_RELABEL;
        }
        const fly__sql_func *cast = fly__sql_cast(from, to);
        if (cast != NULL) {
            *func = cast;
            return context_allows(context, cast->cast) ? PATH_FUNC : PATH_NONE;
        }
    }
    uint32_t from_element = fly__sql_bind_element(b, from);
    uint32_t to_element = fly__sql_bind_element(b, to);
    /* The vectors of the catalogs are arrays of a kind of their own. */
    bool vectors = from == FLY__SQL_OIDVECTOR || to == FLY__SQL_OIDVECTOR || from == 22 || to == 22;
    if (from_element != 0 && to_element != 0 && !vectors) {
        const fly__sql_func *unused;
        return find_path(b, from_element, to_element, context, &unused) == PATH_NONE ? PATH_NONE
                                                                                     : PATH_IO;
    }
    bool preferred;
    if ((context != 'i' && fly__sql_bind_category(b, to, &preferred) == 'S') ||
        (context == 'e' && fly__sql_bind_category(b, from, &preferred) == 'S')) {
        return PATH_IO;
    }
    return PATH_NONE;
}

bool fly__sql_bind_can_coerce(fly__sql_binder *b, uint32_t from, uint32_t to, char context)
{
    if (from == to || to == FLY_SQL_ANY || from == FLY_SQL_UNKNOWN) {
        return true;
    }
    if (fly__sql_bind_polymorphic(to)) {
        return true;
    }
    const fly__sql_func *func;
    if (find_path(b, from, to, context, &func) != PATH_NONE) {
        return true;
    }
    if (to == FLY_SQL_RECORD) {
        return fly__sql_bind_composite(b, from) != NULL;
    }
    return from == FLY_SQL_RECORD && fly__sql_bind_composite(b, to) != NULL;
}

/* -------------------------------------------------------------------- one step */

fly__sql_expr *fly__sql_bind_relabel(fly__sql_binder *b, fly__sql_expr *e, fly_sql_type type)
{
    if (e->kind == FLY__SQL_X_CONST) {
        fly__sql_expr *copy = fly__sql_bind_copy(b, e);
        if (copy != NULL) {
            copy->type = type;
        }
        return copy;
    }
    fly__sql_expr *label = fly__sql_bind_node(b, FLY__SQL_X_RELABEL, type, 1, e->pos);
    if (label == NULL) {
        return NULL;
    }
    label->args[0] = e;
    label->collated = e->collated;
    return fly__sql_bind_done(b, label);
}

fly__sql_expr *fly__sql_bind_reshape(fly__sql_binder *b, fly__sql_expr *e, uint8_t digits,
                                     uint8_t scale)
{
    if (e->type.oid != FLY_SQL_NUMERIC || (e->type.digits == digits && e->type.scale == scale)) {
        return e;
    }
    fly_sql_type type = e->type;
    type.digits = digits;
    type.scale = scale;
    if (e->kind == FLY__SQL_X_CONST && e->value.null) {
        return fly__sql_bind_null(b, type, e->pos);
    }
    if (e->kind == FLY__SQL_X_CONST) {
        fly__sql_expr *constant = fly__sql_bind_node(b, FLY__SQL_X_CONST, type, 0, e->pos);
        if (constant == NULL) {
            return NULL;
        }
        fly_status status =
            fly__sql_numeric_reshape(e->type, type, &e->value, b->arena, &constant->value, b->err);
        if (status == FLY_OK) {
            return constant;
        }
        b->status = status;
        return NULL;
    }
    if (e->kind == FLY__SQL_X_SHAPE && digits == 0 && e->args[0]->type.digits == 0) {
        return e->args[0];
    }
    fly__sql_expr *shape = fly__sql_bind_node(b, FLY__SQL_X_SHAPE, type, 1, e->pos);
    if (shape == NULL) {
        return NULL;
    }
    shape->args[0] = e;
    shape->raises = digits != 0;
    return fly__sql_bind_done(b, shape);
}

bool fly__sql_bind_one_shape(fly__sql_binder *b, fly__sql_expr **exprs, uint32_t count)
{
    unsigned whole = 0;
    unsigned scale = 0;
    bool differ = false;
    bool unshaped = false;
    for (uint32_t i = 0; i < count; i++) {
        fly_sql_type type = exprs[i]->type;
        if (type.oid != FLY_SQL_NUMERIC || type.oid != exprs[0]->type.oid) {
            return true;
        }
        differ |= type.digits != exprs[0]->type.digits || type.scale != exprs[0]->type.scale;
        unshaped |= type.digits == 0;
        unsigned w = (unsigned)(type.digits - type.scale);
        whole = w > whole ? w : whole;
        scale = type.scale > scale ? type.scale : scale;
    }
    if (!differ) {
        return true;
    }
    unsigned digits = unshaped || whole + scale > 38 ? 0 : whole + scale;
    for (uint32_t i = 0; i < count; i++) {
        exprs[i] =
            fly__sql_bind_reshape(b, exprs[i], (uint8_t)digits, digits == 0 ? 0 : (uint8_t)scale);
        if (exprs[i] == NULL) {
            return false;
        }
    }
    return true;
}

fly__sql_expr *fly__sql_bind_unshaped(fly__sql_binder *b, fly__sql_expr *e)
{
    return fly__sql_bind_reshape(b, e, 0, 0);
}

/* A literal read as a type. */
static fly__sql_expr *literal(fly__sql_binder *b, fly__sql_expr *e, fly_sql_type to, char context,
                              uint32_t pos)
{
    if (to.digits == FLY__SQL_ANY_SHAPE) {
        to.digits = 0;
    }
    if (e->value.null) {
        return fly__sql_bind_null(b, to, e->pos);
    }
    fly__sql_expr *constant = fly__sql_bind_node(b, FLY__SQL_X_CONST, to, 0, e->pos);
    if (constant == NULL) {
        return NULL;
    }
    fly_status status = fly__sql_value_in(b->session, to, fly_vec_str_bytes(&e->value.str),
                                          b->arena, &constant->value, b->err);
    bool any_length = b->lax_ops && context == 'a' && fly__sql_bind_collatable(b, to.oid);
    if (status == FLY_OK && to.mod >= 0 && !constant->value.null && !any_length) {
        status = fly__sql_value_fit(to, context == 'e', &constant->value, b->arena, b->err);
    }
    if (status != FLY_OK) {
        b->status = status;
        if (b->err != NULL && b->err->position == 0 && b->no_positions == 0) {
            b->err->position = e->pos != 0 ? e->pos : pos;
        }
        return NULL;
    }
    return constant;
}

static fly__sql_expr *param_as(fly__sql_binder *b, fly__sql_expr *e, fly_sql_type to)
{
    fly_sql_type *known = &b->context->params[e->param];
    fly_sql_type plain = to;
    plain.mod = -1;
    plain = fly__sql_bind_unshaped_type(plain);
    if (known->oid == 0 || known->oid == FLY_SQL_UNKNOWN) {
        *known = plain;
    } else if (known->oid != to.oid) {
        (void)fly__sql_bind_fail(b, "42P08", e->pos, "inconsistent types deduced for parameter $%u",
                                 e->param + 1);
        fly__sql_bind_detail(b, "%s versus %s", fly__sql_bind_type_name(b, known->oid),
                             fly__sql_bind_type_name(b, to.oid));
        return NULL;
    }
    e->type = *known;
    return e;
}

static fly__sql_expr *io(fly__sql_binder *b, fly__sql_expr *e, fly_sql_type to)
{
    fly__sql_expr *node = fly__sql_bind_node(b, FLY__SQL_X_IO, to, 1, e->pos);
    if (node == NULL) {
        return NULL;
    }
    node->args[0] = e;
    bool preferred;
    node->raises = fly__sql_bind_category(b, to.oid, &preferred) != 'S';
    return fly__sql_bind_done(b, node);
}

static bool takes_modifier(uint32_t oid)
{
    switch (oid) {
    case FLY_SQL_NUMERIC:
    case FLY_SQL_VARCHAR:
    case FLY_SQL_BPCHAR:
    case FLY_SQL_TIME:
    case FLY_SQL_TIMETZ:
    case FLY_SQL_TIMESTAMP:
    case FLY_SQL_TIMESTAMPTZ:
    case FLY_SQL_INTERVAL:
    case FLY__SQL_BIT:
    case FLY__SQL_VARBIT:
        return true;
    default:
        return false;
    }
}

/* numeric(p, s) with a shape of its own: to bring a value into it is to round it and to refuse what has
 * too many digits. */
static fly__sql_expr *shaped(fly__sql_binder *b, fly__sql_expr *e, fly_sql_type to)
{
    if (e->type.digits == to.digits && e->type.scale == to.scale && e->type.mod == to.mod) {
        return e;
    }
    fly__sql_expr *made = fly__sql_bind_reshape(b, e, to.digits, to.scale);
    if (made == e) {
        return fly__sql_bind_relabel(b, e, to);
    }
    if (made != NULL) {
        made->type.mod = to.mod;
    }
    return made;
}

/* The modifier and the shape of a type that is otherwise right. */
static fly__sql_expr *fitted(fly__sql_binder *b, fly__sql_expr *e, fly_sql_type to, char context)
{
    if (to.oid == FLY_SQL_NUMERIC && to.mod >= 0 && to.digits != 0) {
        return shaped(b, e, to);
    }
    if (to.mod >= 0 && e->type.mod != to.mod && takes_modifier(to.oid)) {
        if (to.oid == FLY_SQL_NUMERIC) {
            e = fly__sql_bind_unshaped(b, e);
            if (e == NULL) {
                return NULL;
            }
        }
        if (e->kind == FLY__SQL_X_CONST && e->value.null) {
            return fly__sql_bind_null(b, to, e->pos);
        }
        fly_sql_type type = e->type;
        type.mod = to.mod;
        if (b->lax_ops && context == 'a' && fly__sql_bind_collatable(b, to.oid)) {
            return fly__sql_bind_relabel(b, e, type); /* SQLite counts no letters */
        }
        fly__sql_expr *fit = fly__sql_bind_node(b, FLY__SQL_X_FIT, type, 1, e->pos);
        if (fit == NULL) {
            return NULL;
        }
        fit->args[0] = e;
        fit->flag = context == 'e';
        fit->raises = true;
        e = fly__sql_bind_done(b, fit);
    }
    if (to.oid == FLY_SQL_NUMERIC && to.digits != FLY__SQL_ANY_SHAPE &&
        (to.digits != e->type.digits || to.scale != e->type.scale)) {
        e = fly__sql_bind_reshape(b, e, to.digits, to.scale);
    }
    return e;
}

/* A row's fields made those of a composite type. */
static fly__sql_expr *row_as(fly__sql_binder *b, fly__sql_expr *e, fly_sql_type to, char context)
{
    const fly__sql_table *table = fly__sql_bind_composite(b, to.oid);
    if (table == NULL || e->kind != FLY__SQL_X_ROW) {
        return NULL;
    }
    uint32_t at = 0;
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].dropped) {
            continue;
        }
        if (at >= e->argc) {
            return NULL;
        }
        fly__sql_expr *field =
            fly__sql_bind_coerce(b, e->args[at], table->columns[i].type, context, e->pos);
        if (field == NULL) {
            return NULL;
        }
        e->args[at++] = field;
    }
    if (at != e->argc) {
        return NULL;
    }
    e->type = to;
    return e;
}

static unsigned decimal_digits(int64_t value)
{
    unsigned digits = 1;
    while (value >= 10 || value <= -10) {
        value /= 10;
        digits++;
    }
    return digits;
}

/* A number written as an integer where another type of number is wanted. NULL without an error: it is
 * something else. */
static fly__sql_expr *number_as(fly__sql_binder *b, const fly__sql_expr *e, fly_sql_type to)
{
    if (e->kind != FLY__SQL_X_CONST || e->value.null ||
        (e->type.oid != FLY_SQL_INT4 && e->type.oid != FLY_SQL_INT8)) {
        return NULL;
    }
    int64_t value = e->type.oid == FLY_SQL_INT4 ? e->value.i32 : e->value.i64;
    if (to.oid == FLY_SQL_INT8) {
        return fly__sql_bind_int(b, value, FLY_SQL_INT8, e->pos);
    }
    if (to.oid != FLY_SQL_NUMERIC && to.oid != FLY_SQL_FLOAT8) {
        return NULL;
    }
    fly_sql_type type = fly__sql_type(to.oid);
    if (to.oid == FLY_SQL_NUMERIC) {
        unsigned digits = decimal_digits(value);
        type = fly__sql_type_numeric(digits, 0);
    }
    fly__sql_expr *number = fly__sql_bind_node(b, FLY__SQL_X_CONST, type, 0, e->pos);
    if (number == NULL) {
        return NULL;
    }
    if (to.oid == FLY_SQL_FLOAT8) {
        number->value.f64 = (double)value;
    } else if (type.digits > 18) {
        number->value.i128 = value;
    } else {
        number->value.i64 = value;
    }
    return number;
}

static fly__sql_expr *to_base(fly__sql_binder *b, fly__sql_expr *e, fly_sql_type to, char context,
                              uint32_t pos)
{
    if (e->type.oid == FLY_SQL_UNKNOWN) {
        if (e->kind == FLY__SQL_X_CONST) {
            return literal(b, e, to, context, pos);
        }
        if (e->kind == FLY__SQL_X_PARAM) {
            e = param_as(b, e, to);
            return e == NULL ? NULL : fitted(b, e, to, context);
        }
        e = io(b, e, to);
        return e == NULL ? NULL : fitted(b, e, to, context);
    }
    if (e->type.oid == to.oid) {
        return fitted(b, e, to, context);
    }
    fly__sql_expr *number = number_as(b, e, to);
    if (number != NULL || !fly__sql_bind_ok(b)) {
        return number == NULL ? NULL : fitted(b, number, to, context);
    }
    const fly__sql_func *func;
    fly_sql_type plain = fly__sql_bind_plain(b, to.oid);
    plain.collation = e->type.collation;
    switch (find_path(b, e->type.oid, to.oid, context, &func)) {
    case PATH_RELABEL:
        if (to.oid == FLY_SQL_NUMERIC) { /* from a domain over it: the shape stays */
            fly_sql_type shape = fly__sql_bind_shaped(fly__sql_bind_base(b, e->type));
            plain.digits = shape.digits;
            plain.scale = shape.scale;
        }
        plain.mod = e->type.oid == FLY_SQL_VARCHAR || to.oid == FLY_SQL_VARCHAR ? -1 : e->type.mod;
        e = fly__sql_bind_relabel(b, e, plain);
        break;
    case PATH_FUNC:
        e = fly__sql_bind_make_call(b, func, &e, 1, e->pos);
        break;
    case PATH_IO:
        e = io(b, e, plain);
        break;
    case PATH_NONE:
        if (to.oid == FLY_SQL_RECORD && fly__sql_bind_composite(b, e->type.oid) != NULL) {
            return fly__sql_bind_relabel(b, e, plain);
        }
        return e->type.oid == FLY_SQL_RECORD ? row_as(b, e, to, context) : NULL;
    }
    return e == NULL ? NULL : fitted(b, e, to, context);
}

fly__sql_expr *fly__sql_bind_coerce(fly__sql_binder *b, fly__sql_expr *e, fly_sql_type to,
                                    char context, uint32_t pos)
{
    if (to.oid == e->type.oid && to.oid < FLY__SQL_OID_FIRST) {
        return fitted(b, e, to, context);
    }
    if (to.oid == FLY_SQL_ANY || (e->type.oid == to.oid && to.mod < 0)) {
        return e;
    }
    fly_sql_type base = fly__sql_bind_base(b, to);
    if (base.oid == to.oid) {
        return to_base(b, e, to, context, pos);
    }
    e = to_base(b, e, base, context, pos);
    return e == NULL ? NULL : into_domain(b, e, to.oid);
}

/* --------------------------------------------------------------------- by place */

fly__sql_expr *fly__sql_bind_coerce_place(fly__sql_binder *b, fly__sql_expr *e, uint32_t oid,
                                          const char *construct)
{
    fly__sql_expr *result = fly__sql_bind_coerce(b, e, fly__sql_bind_plain(b, oid), 'a', e->pos);
    if (result == NULL && fly__sql_bind_ok(b)) {
        return fly__sql_bind_fail(
            b, "42804", fly__sql_bind_pos(e), "argument of %s must be type %s, not type %s",
            construct, fly__sql_bind_type_name(b, oid), fly__sql_bind_type_name(b, e->type.oid));
    }
    return result;
}

/* A condition. With lax_ops a number is one: true unless it is 0. */
fly__sql_expr *fly__sql_bind_boolean(fly__sql_binder *b, fly__sql_expr *e, const char *construct)
{
    if (e->type.oid == FLY_SQL_BOOL) {
        return e;
    }
    bool preferred;
    if (b->lax_ops && fly__sql_bind_category(b, e->type.oid, &preferred) == 'N') {
        fly__sql_expr *zero = fly__sql_bind_int(b, 0, FLY_SQL_INT4, e->pos);
        return zero == NULL ? NULL : fly__sql_bind_op(b, "<>", e, zero, e->pos);
    }
    fly__sql_expr *result = fly__sql_bind_coerce(b, e, fly__sql_type(FLY_SQL_BOOL), 'a', e->pos);
    if (result == NULL && fly__sql_bind_ok(b)) {
        return fly__sql_bind_fail(b, "42804", fly__sql_bind_pos(e),
                                  "argument of %s must be type boolean, not type %s", construct,
                                  fly__sql_bind_type_name(b, e->type.oid));
    }
    return result;
}

fly__sql_expr *fly__sql_bind_assign(fly__sql_binder *b, fly__sql_expr *e, fly_sql_type to,
                                    const char *column)
{
    fly__sql_expr *result = fly__sql_bind_coerce(b, e, to, 'a', e->pos);
    if (result == NULL && fly__sql_bind_ok(b)) {
        if (b->lax_ops) {
            result = fly__sql_bind_coerce(b, e, to, 'e', e->pos);
            if (result != NULL || !fly__sql_bind_ok(b)) {
                return result;
            }
        }
        (void)fly__sql_bind_fail(b, "42804", fly__sql_bind_pos(e),
                                 "column \"%s\" is of type %s but expression is of type %s", column,
                                 fly__sql_bind_type_name(b, to.oid),
                                 fly__sql_bind_type_name(b, e->type.oid));
        fly__sql_bind_hint(b, "You will need to rewrite or cast the expression.");
    }
    return result;
}

fly__sql_expr *fly__sql_bind_known(fly__sql_binder *b, fly__sql_expr *e)
{
    if (e->type.oid != FLY_SQL_UNKNOWN) {
        return e;
    }
    return fly__sql_bind_coerce(b, e, fly__sql_type(FLY_SQL_TEXT), 'i', e->pos);
}

/* ------------------------------------------------------------- one type for all */

/* What is common to types that are equal: the modifier, if all have it, and numeric's shape. */
static fly_sql_type agree(fly__sql_binder *b, uint32_t oid, fly__sql_expr **exprs, uint32_t count)
{
    fly_sql_type type = fly__sql_bind_plain(b, oid);
    bool first = true;
    for (uint32_t i = 0; i < count; i++) {
        fly_sql_type t = exprs[i]->type;
        if (t.oid == FLY_SQL_UNKNOWN && exprs[i]->kind == FLY__SQL_X_CONST &&
            exprs[i]->value.null) {
            continue;
        }
        if (t.oid != oid) {
            uint32_t collation = type.collation;
            type = fly__sql_bind_plain(b, oid);
            type.collation = collation;
            return type;
        }
        if (first) {
            type = t;
            first = false;
            continue;
        }
        if (t.mod != type.mod) {
            type.mod = -1;
        }
        if (t.digits != type.digits || t.scale != type.scale) {
            type.digits = 0;
            type.scale = 0;
        }
    }
    (void)b;
    return type;
}

fly_sql_type fly__sql_bind_common(fly__sql_binder *b, fly__sql_expr **exprs, uint32_t count,
                                  const char *construct, fly__sql_expr **which)
{
    uint32_t picked = exprs[0]->type.oid;
    fly__sql_expr *pick = exprs[0];
    bool same = picked != FLY_SQL_UNKNOWN;
    for (uint32_t i = 1; i < count && same; i++) {
        same = exprs[i]->type.oid == picked;
    }
    if (which != NULL) {
        *which = pick;
    }
    if (same) {
        return agree(b, picked, exprs, count);
    }
    bool preferred;
    picked = fly__sql_bind_base(b, fly__sql_type(picked)).oid;
    char category = fly__sql_bind_category(b, picked, &preferred);
    for (uint32_t i = 1; i < count; i++) {
        uint32_t oid = fly__sql_bind_base(b, exprs[i]->type).oid;
        if (oid == FLY_SQL_UNKNOWN || oid == picked) {
            continue;
        }
        bool next_preferred;
        char next = fly__sql_bind_category(b, oid, &next_preferred);
        if (picked == FLY_SQL_UNKNOWN) {
            picked = oid;
            category = next;
            preferred = next_preferred;
            pick = exprs[i];
        } else if (next != category) {
            if (construct == NULL) {
                return (fly_sql_type){.oid = 0, .mod = -1};
            }
            (void)fly__sql_bind_fail(
                b, "42804", fly__sql_bind_pos(exprs[i]), "%s types %s and %s cannot be matched",
                construct, fly__sql_bind_type_name(b, picked), fly__sql_bind_type_name(b, oid));
            return (fly_sql_type){.oid = 0, .mod = -1};
        } else if (!preferred && fly__sql_bind_can_coerce(b, picked, oid, 'i') &&
                   !fly__sql_bind_can_coerce(b, oid, picked, 'i')) {
            picked = oid;
            preferred = next_preferred;
            pick = exprs[i];
        }
    }
    if (picked == FLY_SQL_UNKNOWN) {
        picked = FLY_SQL_TEXT;
    }
    if (which != NULL) {
        *which = pick;
    }
    return agree(b, picked, exprs, count);
}

/* num_case_first: of several types of numbers, the first one that is written. */
static bool first_number(fly__sql_binder *b, fly__sql_expr *const *exprs, uint32_t count,
                         fly_sql_type *type)
{
    type->oid = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool preferred;
        if (exprs[i]->type.oid == FLY_SQL_UNKNOWN) {
            continue;
        }
        if (fly__sql_bind_category(b, exprs[i]->type.oid, &preferred) != 'N') {
            return false;
        }
        if (type->oid == 0) {
            *type = exprs[i]->type;
        }
    }
    return type->oid != 0;
}

bool fly__sql_bind_unify(fly__sql_binder *b, fly__sql_expr **exprs, uint32_t count,
                         const char *construct, fly_sql_type *type)
{
    fly__sql_expr *which;
    char context = 'i';
    if (b->num_first && first_number(b, exprs, count, type)) {
        context = 'e';
    } else {
        *type = fly__sql_bind_common(b, exprs, count, construct, &which);
    }
    if (type->oid == 0) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t from = exprs[i]->type.oid;
        uint32_t pos = fly__sql_bind_pos(exprs[i]);
        exprs[i] = fly__sql_bind_coerce(b, exprs[i], *type, context, pos);
        if (exprs[i] == NULL) {
            if (fly__sql_bind_ok(b)) {
                (void)fly__sql_bind_fail(b, "42846", pos, "%s could not convert type %s to %s",
                                         construct, fly__sql_bind_type_name(b, from),
                                         fly__sql_bind_type_name(b, type->oid));
            }
            return false;
        }
    }
    return true;
}
