/*
 * What runs: functions, procedures, triggers.
 *
 * What is not here: the languages of bodies in strings. A body of statements (BEGIN ATOMIC) is part of
 * the tree.
 */
#include "parse/parse_int.h"

/* ------------------------------------------------------------------------------- parameters */

static fly_ast_param_mode param_mode(fly_sql_parser *p)
{
    if (accept(p, FLY_KW_IN)) {
        return accept(p, FLY_KW_OUT) ? FLY_AST_PARAM_INOUT : FLY_AST_PARAM_IN;
    }
    if (accept(p, FLY_KW_OUT)) {
        return FLY_AST_PARAM_OUT;
    }
    if (accept(p, FLY_KW_INOUT)) {
        return FLY_AST_PARAM_INOUT;
    }
    return accept(p, FLY_KW_VARIADIC) ? FLY_AST_PARAM_VARIADIC : FLY_AST_PARAM_DEFAULT;
}

/* Whether the current word names the parameter, and a type or a mode follows. */
static bool at_param_name(fly_sql_parser *p)
{
    if (!fly__sql_gram_is_type_name(p->tok.type)) {
        return false;
    }
    uint16_t after = peek(p);
    if (p->tok.type == FLY_KW_DOUBLE && after == FLY_KW_PRECISION) {
        return false;
    }
    return is_name_token(after) || (after > FLY_TOKEN_KEYWORDS && after != FLY_KW_DEFAULT &&
                                    after != FLY_KW_ARRAY && after != FLY_KW_ORDER &&
                                    (fly__sql_keyword(after)->class != FLY_KEYWORD_RESERVED ||
                                     after == FLY_KW_IN || after == FLY_KW_VARIADIC));
}

fly_ast *fly__sql_gram_function_param(fly_sql_parser *p)
{
    fly_ast_function_param *param = NEW(p, function_param, FUNCTION_PARAM, here(p));
    param->mode = param_mode(p);
    if (at_param_name(p)) {
        param->name = fly__sql_gram_name_value(p);
        if (param->mode == FLY_AST_PARAM_DEFAULT) {
            param->mode = param_mode(p);
        }
    }
    param->type = fly__sql_gram_function_type(p);
    if (accept(p, FLY_KW_DEFAULT) || accept(p, '=')) {
        param->initial = fly__sql_gram_expr(p);
    }
    return &param->node;
}

static fly_ast_names function_name(fly_sql_parser *p)
{
    uint32_t mark = p->top;
    bool column = fly__sql_gram_is_col_id(p->tok.type);
    if (!column && !fly__sql_gram_is_type_name(p->tok.type)) {
        (void)fly__sql_gram_col_id(p);
        return (fly_ast_names){0};
    }
    bool callable = fly__sql_gram_is_type_name(p->tok.type);
    push_name(p, fly__sql_gram_name_value(p));
    while (column && accept(p, '.')) {
        callable = true;
        push_name(p, fly__sql_gram_label(p));
    }
    if (!callable && !p->options.lax_syntax) {
        fly__sql_gram_syntax(p);
    }
    return fly__sql_gram_take_names(p, mark);
}

fly_ast *fly__sql_gram_function_object(fly_sql_parser *p)
{
    fly_ast_object *object = NEW(p, object, OBJECT, here(p));
    object->names = function_name(p);
    if (accept(p, '(')) {
        object->has_args = true;
        if (p->tok.type == '*') {
            next(p);
            object->star = true;
        } else if (!at(p, ')')) {
            if (!at(p, FLY_KW_ORDER)) {
                object->args = fly__sql_gram_list(p, fly__sql_gram_function_param);
            }
            if (accept(p, FLY_KW_ORDER)) {
                expect(p, FLY_KW_BY);
                object->args_order = fly__sql_gram_list(p, fly__sql_gram_function_param);
            }
        }
        expect(p, ')');
    }
    return &object->node;
}

/* ---------------------------------------------------------------------------------- options */

static fly_ast *word_option(fly_sql_parser *p, const char *name, const char *word, uint32_t pos)
{
    return fly__sql_gram_option(p, name, fly__sql_gram_const_string(p, word, pos), pos);
}

/* What CREATE and ALTER have in common; NULL: none begins here. */
static fly_ast *common_option(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    switch (p->tok.type) {
    case FLY_KW_CALLED:
        next(p);
        expect(p, FLY_KW_ON);
        expect(p, FLY_KW_NULL);
        expect(p, FLY_KW_INPUT);
        return fly__sql_gram_option(p, "strict", fly__sql_gram_const_bool(p, false, pos), pos);
    case FLY_KW_RETURNS:
        next(p);
        expect(p, FLY_KW_NULL);
        expect(p, FLY_KW_ON);
        expect(p, FLY_KW_NULL);
        expect(p, FLY_KW_INPUT);
        return fly__sql_gram_option(p, "strict", fly__sql_gram_const_bool(p, true, pos), pos);
    case FLY_KW_STRICT:
        next(p);
        return fly__sql_gram_option(p, "strict", fly__sql_gram_const_bool(p, true, pos), pos);
    case FLY_KW_IMMUTABLE:
    case FLY_KW_STABLE:
    case FLY_KW_VOLATILE:
        return word_option(p, "volatility", fly__sql_gram_name_value(p), pos);
    case FLY_KW_EXTERNAL:
    case FLY_KW_SECURITY: {
        (void)accept(p, FLY_KW_EXTERNAL);
        expect(p, FLY_KW_SECURITY);
        bool definer = accept(p, FLY_KW_DEFINER);
        if (!definer) {
            expect(p, FLY_KW_INVOKER);
        }
        return fly__sql_gram_option(p, "security", fly__sql_gram_const_bool(p, definer, pos), pos);
    }
    case FLY_KW_LEAKPROOF:
        next(p);
        return fly__sql_gram_option(p, "leakproof", fly__sql_gram_const_bool(p, true, pos), pos);
    case FLY_KW_NOT:
        if (peek(p) != FLY_KW_LEAKPROOF) {
            return NULL;
        }
        next(p);
        next(p);
        return fly__sql_gram_option(p, "leakproof", fly__sql_gram_const_bool(p, false, pos), pos);
    case FLY_KW_COST:
        next(p);
        return fly__sql_gram_option(p, "cost", fly__sql_gram_signed_number(p), pos);
    case FLY_KW_ROWS:
        next(p);
        return fly__sql_gram_option(p, "rows", fly__sql_gram_signed_number(p), pos);
    case FLY_KW_SUPPORT: {
        next(p);
        fly_ast_column *name = NEW(p, column, COLUMN, here(p));
        name->names = fly__sql_gram_any_name(p);
        return fly__sql_gram_option(p, "support", &name->node, pos);
    }
    case FLY_KW_SET:
        next(p);
        return fly__sql_gram_option(p, "set", fly__sql_gram_set(p, true), pos);
    case FLY_KW_RESET:
        next(p);
        return fly__sql_gram_option(p, "set", fly__sql_gram_reset(p), pos);
    case FLY_KW_PARALLEL:
        next(p);
        return word_option(p, "parallel", fly__sql_gram_col_id(p), pos);
    default:
        return NULL;
    }
}

/* A language or another word: a name in any spelling, or a string. */
static const char *word_or_string(fly_sql_parser *p)
{
    if (is_string_token(p->tok.type)) {
        return fly__sql_gram_string_value(p);
    }
    if (p->tok.type > FLY_TOKEN_KEYWORDS &&
        fly__sql_keyword(p->tok.type)->class != FLY_KEYWORD_RESERVED) {
        return fly__sql_gram_name_value(p);
    }
    return fly__sql_gram_col_id(p);
}

static fly_ast *transform_type(fly_sql_parser *p)
{
    expect(p, FLY_KW_FOR);
    expect(p, FLY_KW_TYPE);
    return fly__sql_gram_type(p);
}

static fly_ast *create_option(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    if (accept(p, FLY_KW_AS)) {
        fly_ast *body = fly__sql_gram_string(p);
        if (accept(p, ',')) {
            fly_ast_row *row = NEW(p, row, ROW, pos);
            uint32_t mark = p->top;
            push(p, body);
            push(p, fly__sql_gram_string(p));
            row->items = fly__sql_gram_take(p, mark);
            body = &row->node;
        }
        return fly__sql_gram_option(p, "as", body, pos);
    }
    if (accept(p, FLY_KW_LANGUAGE)) {
        return word_option(p, "language", word_or_string(p), pos);
    }
    if (accept(p, FLY_KW_TRANSFORM)) {
        fly_ast_row *row = NEW(p, row, ROW, pos);
        row->items = fly__sql_gram_list(p, transform_type);
        return fly__sql_gram_option(p, "transform", &row->node, pos);
    }
    if (accept(p, FLY_KW_WINDOW)) {
        return fly__sql_gram_option(p, "window", fly__sql_gram_const_bool(p, true, pos), pos);
    }
    return common_option(p);
}

/* ------------------------------------------------------------------------- CREATE FUNCTION */

static fly_ast *table_column(fly_sql_parser *p)
{
    fly_ast_function_param *param = NEW(p, function_param, FUNCTION_PARAM, here(p));
    param->mode = FLY_AST_PARAM_TABLE;
    param->name = fly__sql_gram_type_function_name(p);
    param->type = fly__sql_gram_function_type(p);
    return &param->node;
}

/* RETURNS type, RETURNS TABLE (columns): the columns join the parameters. */
static void returns(fly_sql_parser *p, fly_ast_create_function *function)
{
    if (!accept(p, FLY_KW_TABLE)) {
        function->returns = fly__sql_gram_function_type(p);
        return;
    }
    fly_ast_list columns = fly__sql_gram_parens(p, table_column);
    uint32_t mark = p->top;
    for (uint32_t i = 0; i < function->params.count; i++) {
        push(p, function->params.items[i]);
    }
    for (uint32_t i = 0; i < columns.count; i++) {
        push(p, columns.items[i]);
    }
    function->params = fly__sql_gram_take(p, mark);
}

static fly_ast *return_statement(fly_sql_parser *p)
{
    fly_ast_return *node = NEW(p, return, RETURN, here(p));
    next(p);
    node->expr = fly__sql_gram_expr(p);
    return &node->node;
}

/* Statements, each with its semicolon, up to END. */
static fly_ast_list statements(fly_sql_parser *p)
{
    uint32_t mark = p->top;
    uint32_t outer;
    enter(p, &outer);
    for (;;) {
        while (accept(p, ';')) {
        }
        if (at(p, FLY_KW_END) || p->tok.type == FLY_TOKEN_END) {
            break;
        }
        push(p, at(p, FLY_KW_RETURN) ? return_statement(p) : fly__sql_gram_statement(p));
        if (!at(p, ';')) {
            fly__sql_gram_syntax(p);
        }
    }
    expect(p, FLY_KW_END);
    leave(p, outer);
    return fly__sql_gram_take(p, mark);
}

fly_ast *fly__sql_gram_create_function(fly_sql_parser *p, bool replace, uint32_t pos)
{
    fly_ast_create_function *function = NEW(p, create_function, CREATE_FUNCTION, pos);
    function->procedure = p->tok.type == FLY_KW_PROCEDURE;
    function->replace = replace;
    next(p);
    function->name = function_name(p);
    expect(p, '(');
    if (!at(p, ')')) {
        function->params = fly__sql_gram_list(p, fly__sql_gram_function_param);
    }
    expect(p, ')');
    if (!function->procedure && accept(p, FLY_KW_RETURNS)) {
        returns(p, function);
    }
    uint32_t mark = p->top;
    fly_ast *option;
    while ((option = create_option(p)) != NULL) {
        push(p, option);
    }
    function->options = fly__sql_gram_take(p, mark);
    if (accept(p, FLY_KW_RETURN)) {
        function->return_expr = fly__sql_gram_expr(p);
    } else if (accept(p, FLY_KW_BEGIN)) {
        expect(p, FLY_KW_ATOMIC);
        function->atomic = true;
        function->body = statements(p);
    }
    return &function->node;
}

/* ALTER FUNCTION, PROCEDURE, ROUTINE name options; the rest is any object's. */
fly_ast *fly__sql_gram_alter_function(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_alter_function *alter = NEW(p, alter_function, ALTER_FUNCTION, pos);
    alter->type = p->tok.type == FLY_KW_FUNCTION    ? FLY_AST_OBJECT_FUNCTION
                  : p->tok.type == FLY_KW_PROCEDURE ? FLY_AST_OBJECT_PROCEDURE
                                                    : FLY_AST_OBJECT_ROUTINE;
    next(p);
    alter->function = fly__sql_gram_function_object(p);
    if (accept(p, FLY_KW_RENAME)) {
        fly_ast_rename *rename = NEW(p, rename, RENAME, pos);
        rename->type = alter->type;
        rename->object = alter->function;
        expect(p, FLY_KW_TO);
        rename->new_name = fly__sql_gram_col_id(p);
        return &rename->node;
    }
    if (accept(p, FLY_KW_OWNER)) {
        fly_ast_set_owner *owner = NEW(p, set_owner, SET_OWNER, pos);
        owner->type = alter->type;
        owner->object = alter->function;
        expect(p, FLY_KW_TO);
        owner->role = fly__sql_gram_role(p);
        return &owner->node;
    }
    if (accept2(p, FLY_KW_SET, FLY_KW_SCHEMA)) {
        fly_ast_set_schema *schema = NEW(p, set_schema, SET_SCHEMA, pos);
        schema->type = alter->type;
        schema->object = alter->function;
        schema->schema = fly__sql_gram_col_id(p);
        return &schema->node;
    }
    uint32_t mark = p->top;
    fly_ast *option;
    while ((option = common_option(p)) != NULL) {
        push(p, option);
    }
    alter->options = fly__sql_gram_take(p, mark);
    if (alter->options.count == 0) {
        fly__sql_gram_syntax(p);
    }
    (void)accept(p, FLY_KW_RESTRICT);
    return &alter->node;
}

/* --------------------------------------------------------------------------------- triggers */

static fly_ast *trigger_event(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    fly_ast *columns = NULL;
    const char *name = "";
    if (accept(p, FLY_KW_UPDATE)) {
        name = "update";
        if (accept(p, FLY_KW_OF)) {
            fly_ast_row *row = NEW(p, row, ROW, here(p));
            uint32_t mark = p->top;
            do {
                fly_ast_column *column = NEW(p, column, COLUMN, here(p));
                column->names = fly__sql_gram_one_name(p, fly__sql_gram_col_id(p));
                push(p, &column->node);
            } while (accept(p, ','));
            row->items = fly__sql_gram_take(p, mark);
            columns = &row->node;
        }
    } else if (at(p, FLY_KW_INSERT) || at(p, FLY_KW_DELETE) || at(p, FLY_KW_TRUNCATE)) {
        name = fly__sql_gram_name_value(p);
    } else {
        fly__sql_gram_syntax(p);
    }
    return fly__sql_gram_option(p, name, columns, pos);
}

static fly_ast *trigger_arg(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    if (is_string_token(p->tok.type)) {
        return fly__sql_gram_string(p);
    }
    if (p->tok.type == FLY_TOKEN_INT || p->tok.type == FLY_TOKEN_NUMERIC) {
        fly_ast_const *number = (fly_ast_const *)fly__sql_gram_number(p);
        number->type = FLY_AST_CONST_STRING;
        number->value = 0;
        return &number->node;
    }
    return fly__sql_gram_const_string(p, fly__sql_gram_label(p), pos);
}

/* REFERENCING {OLD | NEW} {TABLE | ROW} [AS] name ... */
static void referencing(fly_sql_parser *p, fly_ast_create_trigger *trigger)
{
    while (at(p, FLY_KW_OLD) || at(p, FLY_KW_NEW)) {
        bool old = p->tok.type == FLY_KW_OLD;
        uint32_t pos = here(p);
        next(p);
        if (accept(p, FLY_KW_ROW)) {
            fly__sql_gram_fail(p, FLY_E_UNSUPPORTED, "0A000", pos,
                               "ROW variable naming in the REFERENCING clause is not supported");
        }
        expect(p, FLY_KW_TABLE);
        (void)accept(p, FLY_KW_AS);
        const char *name = fly__sql_gram_col_id(p);
        *(old ? &trigger->old_table : &trigger->new_table) = name;
    }
}

static void trigger_timing(fly_sql_parser *p, fly_ast_create_trigger *trigger)
{
    if (accept(p, FLY_KW_BEFORE)) {
        trigger->timing = FLY_AST_TRIGGER_BEFORE;
    } else if (accept(p, FLY_KW_AFTER)) {
        trigger->timing = FLY_AST_TRIGGER_AFTER;
    } else if (accept(p, FLY_KW_INSTEAD)) {
        expect(p, FLY_KW_OF);
        trigger->timing = FLY_AST_TRIGGER_INSTEAD;
    } else if (!p->options.lax_syntax) {
        fly__sql_gram_syntax(p);
    }
}

static void trigger_deferrability(fly_sql_parser *p, fly_ast_create_trigger *trigger)
{
    fly_ast_constraint *scrap = NEW(p, constraint, CONSTRAINT, here(p));
    (void)fly__sql_gram_constraint_attributes(p, &scrap->node);
    trigger->deferrable = scrap->deferrable;
    trigger->deferred = scrap->deferred;
}

fly_ast *fly__sql_gram_create_trigger(fly_sql_parser *p, bool replace, uint32_t pos)
{
    fly_ast_create_trigger *trigger = NEW(p, create_trigger, CREATE_TRIGGER, pos);
    trigger->replace = replace;
    trigger->constraint = accept(p, FLY_KW_CONSTRAINT);
    expect(p, FLY_KW_TRIGGER);
    if (p->options.lax_syntax) {
        trigger->if_not_exists = fly__sql_gram_if_not_exists(p);
    }
    trigger->name = fly__sql_gram_col_id(p);
    if (p->options.lax_syntax && accept(p, '.')) {
        trigger->schema = trigger->name;
        trigger->name = fly__sql_gram_label(p);
    }
    trigger_timing(p, trigger);
    uint32_t mark = p->top;
    do {
        fly_ast_option *event = (fly_ast_option *)trigger_event(p);
        for (uint32_t i = mark; i < p->top && !failed(p); i++) {
            if (strcmp(((fly_ast_option *)p->stack[i])->name, event->name) == 0) {
                fly__sql_gram_near(p, "duplicate trigger events specified", "42601");
            }
        }
        push(p, event);
    } while (accept(p, FLY_KW_OR));
    trigger->events = fly__sql_gram_take(p, mark);
    expect(p, FLY_KW_ON);
    trigger->relation = fly__sql_gram_relation(p);
    if (trigger->constraint) {
        if (accept(p, FLY_KW_FROM)) {
            trigger->from_relation = fly__sql_gram_relation(p);
        }
        trigger_deferrability(p, trigger);
    } else if (accept(p, FLY_KW_REFERENCING)) {
        referencing(p, trigger);
    }
    if (accept(p, FLY_KW_FOR)) {
        (void)accept(p, FLY_KW_EACH);
        trigger->for_row = accept(p, FLY_KW_ROW);
        if (!trigger->for_row) {
            expect(p, FLY_KW_STATEMENT);
        }
    }
    if (accept(p, FLY_KW_WHEN)) {
        bool parens = !p->options.lax_syntax;
        if (parens) {
            expect(p, '(');
        }
        trigger->when = fly__sql_gram_expr(p);
        if (parens) {
            expect(p, ')');
        }
    }
    if (p->options.lax_syntax && accept(p, FLY_KW_BEGIN)) {
        trigger->body = statements(p);
        return &trigger->node;
    }
    expect(p, FLY_KW_EXECUTE);
    if (!accept(p, FLY_KW_FUNCTION)) {
        expect(p, FLY_KW_PROCEDURE);
    }
    trigger->function = function_name(p);
    expect(p, '(');
    if (!at(p, ')')) {
        trigger->args = fly__sql_gram_list(p, trigger_arg);
    }
    expect(p, ')');
    return &trigger->node;
}
