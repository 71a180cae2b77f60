/*
 * Definitions: CREATE, ALTER, DROP and COMMENT, but for tables (parse_table.c), functions and triggers
 * (parse_function.c) and rights (parse_role.c), which are only sent there.
 *
 * What PostgreSQL has and FlyDB has not is refused by name with SQLSTATE 0A000.
 */
#include "parse/parse_int.h"

/* ------------------------------------------------------------------------------ small parts */

bool fly__sql_gram_cascade(fly_sql_parser *p)
{
    if (accept(p, FLY_KW_CASCADE)) {
        return true;
    }
    (void)accept(p, FLY_KW_RESTRICT);
    return false;
}

bool fly__sql_gram_if_exists(fly_sql_parser *p)
{
    if (!at(p, FLY_KW_IF) || peek(p) != FLY_KW_EXISTS) {
        return false;
    }
    next(p);
    next(p);
    return true;
}

bool fly__sql_gram_if_not_exists(fly_sql_parser *p)
{
    if (!at(p, FLY_KW_IF) || peek(p) != FLY_KW_NOT) {
        return false;
    }
    next(p);
    next(p);
    expect(p, FLY_KW_EXISTS);
    return true;
}

const char *fly__sql_gram_access_method(fly_sql_parser *p)
{
    return at(p, FLY_KW_COLUMN) ? fly__sql_gram_name_value(p) : fly__sql_gram_col_id(p);
}

fly_ast *fly__sql_gram_option(fly_sql_parser *p, const char *name, fly_ast *value, uint32_t pos)
{
    fly_ast_option *option = NEW(p, option, OPTION, pos);
    option->name = name;
    option->value = value;
    return &option->node;
}

static fly_ast *unsupported(fly_sql_parser *p, const char *what)
{
    fly__sql_gram_fail(p, FLY_E_UNSUPPORTED, "0A000", here(p), "%s is not supported", what);
    return fly__sql_gram_const_null(p, 0);
}

/* Whether a type goes on after its first word. */
static bool goes_on(uint16_t type)
{
    return type == '.' || type == '(' || type == '[' || type == '%' || type == FLY_KW_ARRAY ||
           type == FLY_KW_VARYING || type == FLY_KW_PRECISION || type == FLY_KW_WITH ||
           type == FLY_KW_WITHOUT;
}

/* def_arg: a word or a string is a string, and a type of several words a TYPE. */
static fly_ast *definition_value(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    uint16_t type = p->tok.type;
    if (is_string_token(type)) {
        return fly__sql_gram_string(p);
    }
    if (type == FLY_TOKEN_INT || type == FLY_TOKEN_NUMERIC ||
        ((type == '-' || type == '+') &&
         (peek(p) == FLY_TOKEN_INT || peek(p) == FLY_TOKEN_NUMERIC))) {
        return fly__sql_gram_signed_number(p);
    }
    if (type == FLY_KW_SETOF || ((is_name_token(type) || type > FLY_TOKEN_KEYWORDS) &&
                                 goes_on(peek(p)) && type != FLY_KW_NONE)) {
        return fly__sql_gram_function_type(p);
    }
    if (is_name_token(type) || type > FLY_TOKEN_KEYWORDS) {
        return fly__sql_gram_const_string(p, fly__sql_gram_name_value(p), pos);
    }
    if (type == FLY_TOKEN_OP || (type < 128 && type != ',' && type != ')' && type != 0) ||
        type == FLY_TOKEN_LESS_EQUAL || type == FLY_TOKEN_GREATER_EQUAL ||
        type == FLY_TOKEN_NOT_EQUAL || type == FLY_KW_OPERATOR) {
        const char *schema;
        const char *op = "";
        fly__sql_gram_operator(p, &schema, &op);
        return fly__sql_gram_const_string(p, op, pos);
    }
    fly__sql_gram_syntax(p);
    return fly__sql_gram_const_null(p, pos);
}

fly_ast *fly__sql_gram_reloption(fly_sql_parser *p)
{
    fly_ast_option *option = NEW(p, option, OPTION, here(p));
    option->name = fly__sql_gram_label(p);
    if (accept(p, '.')) {
        option->space = option->name;
        option->name = fly__sql_gram_label(p);
    }
    if (accept(p, '=')) {
        option->value = definition_value(p);
    }
    return &option->node;
}

static fly_ast *definition_element(fly_sql_parser *p)
{
    fly_ast_option *option = NEW(p, option, OPTION, here(p));
    option->name = fly__sql_gram_label(p);
    if (accept(p, '=')) {
        option->value = definition_value(p);
    }
    return &option->node;
}

fly_ast_list fly__sql_gram_definition(fly_sql_parser *p)
{
    return fly__sql_gram_parens(p, definition_element);
}

/* A value of an option without an equals sign: a word, a string, a number. */
static fly_ast *option_value(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    switch (p->tok.type) {
    case FLY_TOKEN_INT:
    case FLY_TOKEN_NUMERIC:
    case '-':
    case '+':
        return fly__sql_gram_signed_number(p);
    default:
        break;
    }
    if (is_string_token(p->tok.type)) {
        return fly__sql_gram_string(p);
    }
    if (p->tok.type > FLY_TOKEN_KEYWORDS) {
        bool reserved = fly__sql_keyword(p->tok.type)->class == FLY_KEYWORD_RESERVED;
        if (reserved && p->tok.type != FLY_KW_TRUE && p->tok.type != FLY_KW_FALSE &&
            p->tok.type != FLY_KW_ON) {
            fly__sql_gram_syntax(p);
        }
        return fly__sql_gram_const_string(p, fly__sql_gram_name_value(p), pos);
    }
    return fly__sql_gram_const_string(p, fly__sql_gram_col_id(p), pos);
}

fly_ast *fly__sql_gram_generic_option(fly_sql_parser *p)
{
    fly_ast_option *option = NEW(p, option, OPTION, here(p));
    option->name = fly__sql_gram_label(p);
    if (p->tok.type == '*') {
        fly_ast_column *star = NEW(p, column, COLUMN, here(p));
        next(p);
        star->star = true;
        option->value = &star->node;
    } else if (p->tok.type == '(') {
        fly_ast_row *row = NEW(p, row, ROW, here(p));
        row->items = fly__sql_gram_parens(p, option_value);
        option->value = &row->node;
    } else if (p->tok.type != ',' && p->tok.type != ')') {
        option->value = option_value(p);
    }
    return &option->node;
}

/* -------------------------------------------------------------------------------- sequences */

static fly_ast *sequence_name(fly_sql_parser *p)
{
    fly_ast_column *column = NEW(p, column, COLUMN, here(p));
    column->names = fly__sql_gram_any_name(p);
    return &column->node;
}

/* NULL: none begins here. */
static fly_ast *sequence_option(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    if (accept(p, FLY_KW_AS)) {
        return fly__sql_gram_option(p, "as", fly__sql_gram_type(p), pos);
    }
    if (accept(p, FLY_KW_CACHE)) {
        return fly__sql_gram_option(p, "cache", fly__sql_gram_signed_number(p), pos);
    }
    if (accept(p, FLY_KW_CYCLE)) {
        return fly__sql_gram_option(p, "cycle", fly__sql_gram_const_bool(p, true, pos), pos);
    }
    if (accept(p, FLY_KW_INCREMENT)) {
        (void)accept(p, FLY_KW_BY);
        return fly__sql_gram_option(p, "increment", fly__sql_gram_signed_number(p), pos);
    }
    if (accept(p, FLY_KW_MAXVALUE)) {
        return fly__sql_gram_option(p, "maxvalue", fly__sql_gram_signed_number(p), pos);
    }
    if (accept(p, FLY_KW_MINVALUE)) {
        return fly__sql_gram_option(p, "minvalue", fly__sql_gram_signed_number(p), pos);
    }
    if (at(p, FLY_KW_NO) &&
        (peek(p) == FLY_KW_MAXVALUE || peek(p) == FLY_KW_MINVALUE || peek(p) == FLY_KW_CYCLE)) {
        next(p);
        bool cycle = p->tok.type == FLY_KW_CYCLE;
        const char *name = fly__sql_gram_name_value(p);
        return fly__sql_gram_option(p, name, cycle ? fly__sql_gram_const_bool(p, false, pos) : NULL,
                                    pos);
    }
    if (accept(p, FLY_KW_OWNED)) {
        expect(p, FLY_KW_BY);
        return fly__sql_gram_option(p, "owned_by", sequence_name(p), pos);
    }
    if (at(p, FLY_KW_SEQUENCE) && peek(p) == FLY_KW_NAME) {
        next(p);
        next(p);
        return fly__sql_gram_option(p, "sequence_name", sequence_name(p), pos);
    }
    if (accept(p, FLY_KW_START)) {
        (void)accept(p, FLY_KW_WITH);
        return fly__sql_gram_option(p, "start", fly__sql_gram_signed_number(p), pos);
    }
    if (accept(p, FLY_KW_RESTART)) {
        bool with = accept(p, FLY_KW_WITH);
        bool number = with || p->tok.type == FLY_TOKEN_INT || p->tok.type == FLY_TOKEN_NUMERIC ||
                      p->tok.type == '-' || p->tok.type == '+';
        return fly__sql_gram_option(p, "restart", number ? fly__sql_gram_signed_number(p) : NULL,
                                    pos);
    }
    return NULL;
}

fly_ast_list fly__sql_gram_sequence_options(fly_sql_parser *p)
{
    uint32_t mark = p->top;
    fly_ast *option;
    while ((option = sequence_option(p)) != NULL) {
        push(p, option);
    }
    return fly__sql_gram_take(p, mark);
}

static fly_ast *create_sequence(fly_sql_parser *p, uint32_t pos, fly_ast_persistence persistence)
{
    fly_ast_create_sequence *create = NEW(p, create_sequence, CREATE_SEQUENCE, pos);
    next(p);
    create->if_not_exists = fly__sql_gram_if_not_exists(p);
    create->relation = fly__sql_gram_relation(p);
    ((fly_ast_relation *)create->relation)->persistence = persistence;
    create->options = fly__sql_gram_sequence_options(p);
    return &create->node;
}

/* ------------------------------------------------------------------------------------ views */

static fly_ast *create_view(fly_sql_parser *p, uint32_t pos, bool replace,
                            fly_ast_persistence persistence)
{
    fly_ast_create_view *view = NEW(p, create_view, CREATE_VIEW, pos);
    view->replace = replace;
    view->recursive = accept(p, FLY_KW_RECURSIVE);
    expect(p, FLY_KW_VIEW);
    if (p->options.lax_syntax) {
        view->if_not_exists = fly__sql_gram_if_not_exists(p);
    }
    view->relation = fly__sql_gram_relation(p);
    ((fly_ast_relation *)view->relation)->persistence = persistence;
    if (view->recursive || p->tok.type == '(') {
        view->columns = fly__sql_gram_name_parens(p);
    }
    if (accept(p, FLY_KW_WITH)) {
        view->options = fly__sql_gram_parens(p, fly__sql_gram_reloption);
    }
    expect(p, FLY_KW_AS);
    view->query = fly__sql_gram_select(p);
    if (accept(p, FLY_KW_WITH)) {
        view->check = accept(p, FLY_KW_LOCAL) ? FLY_AST_CHECK_OPTION_LOCAL
                                              : FLY_AST_CHECK_OPTION_CASCADED;
        if (view->check == FLY_AST_CHECK_OPTION_CASCADED) {
            (void)accept(p, FLY_KW_CASCADED);
        }
        uint32_t check = here(p);
        expect(p, FLY_KW_CHECK);
        expect(p, FLY_KW_OPTION);
        if (view->recursive) {
            fly__sql_gram_fail(p, FLY_E_UNSUPPORTED, "0A000", check,
                               "WITH CHECK OPTION not supported on recursive views");
        }
    }
    return &view->node;
}

static fly_ast *create_matview(fly_sql_parser *p, uint32_t pos, fly_ast_persistence persistence)
{
    fly_ast_create_table_as *as = NEW(p, create_table_as, CREATE_TABLE_AS, pos);
    next(p);
    expect(p, FLY_KW_VIEW);
    as->materialized = true;
    as->if_not_exists = fly__sql_gram_if_not_exists(p);
    as->relation = fly__sql_gram_relation(p);
    ((fly_ast_relation *)as->relation)->persistence = persistence;
    if (p->tok.type == '(') {
        as->columns = fly__sql_gram_name_parens(p);
    }
    if (accept(p, FLY_KW_USING)) {
        as->access_method = fly__sql_gram_access_method(p);
    }
    if (accept(p, FLY_KW_WITH)) {
        as->options = fly__sql_gram_parens(p, fly__sql_gram_reloption);
    }
    if (accept(p, FLY_KW_TABLESPACE)) {
        as->tablespace = fly__sql_gram_col_id(p);
    }
    expect(p, FLY_KW_AS);
    as->query = fly__sql_gram_select(p);
    if (accept(p, FLY_KW_WITH)) {
        as->no_data = accept(p, FLY_KW_NO);
        expect(p, FLY_KW_DATA);
    }
    return &as->node;
}

/* ---------------------------------------------------------------------------------- indexes */

static fly_ast *create_index(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_create_index *index = NEW(p, create_index, CREATE_INDEX, pos);
    index->unique = accept(p, FLY_KW_UNIQUE);
    expect(p, FLY_KW_INDEX);
    index->concurrently = accept(p, FLY_KW_CONCURRENTLY);
    index->if_not_exists = fly__sql_gram_if_not_exists(p);
    if (index->if_not_exists || !at(p, FLY_KW_ON)) {
        index->name = fly__sql_gram_col_id(p);
        if (p->options.lax_syntax && accept(p, '.')) {
            index->schema = index->name;
            index->name = fly__sql_gram_label(p);
        }
    }
    expect(p, FLY_KW_ON);
    index->relation = fly__sql_gram_relation_expr(p);
    if (accept(p, FLY_KW_USING)) {
        index->access_method = fly__sql_gram_col_id(p);
    }
    index->columns = fly__sql_gram_parens(p, fly__sql_gram_index_column);
    if (accept(p, FLY_KW_INCLUDE)) {
        index->including = fly__sql_gram_parens(p, fly__sql_gram_index_column);
    }
    if (accept(p, FLY_KW_NULLS)) {
        index->nulls_not_distinct = accept(p, FLY_KW_NOT);
        expect(p, FLY_KW_DISTINCT);
    }
    if (accept(p, FLY_KW_WITH)) {
        index->options = fly__sql_gram_parens(p, fly__sql_gram_reloption);
    }
    if (accept(p, FLY_KW_TABLESPACE)) {
        index->tablespace = fly__sql_gram_col_id(p);
    }
    if (accept(p, FLY_KW_WHERE)) {
        index->where = fly__sql_gram_expr(p);
    }
    return &index->node;
}

/* ------------------------------------------------------------------- schemas and databases */

static bool at_schema_element(fly_sql_parser *p)
{
    return at(p, FLY_KW_CREATE) || at(p, FLY_KW_GRANT);
}

static fly_ast *create_schema(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_create_schema *schema = NEW(p, create_schema, CREATE_SCHEMA, pos);
    next(p);
    schema->if_not_exists = fly__sql_gram_if_not_exists(p);
    if (p->tok.type != FLY_KW_AUTHORIZATION) {
        schema->name = fly__sql_gram_col_id(p);
    }
    if (accept(p, FLY_KW_AUTHORIZATION)) {
        schema->owner = fly__sql_gram_role(p);
    }
    uint32_t mark = p->top;
    while (at_schema_element(p)) {
        uint32_t element = here(p);
        if (schema->if_not_exists) {
            fly__sql_gram_fail(p, FLY_E_UNSUPPORTED, "0A000", element,
                               "CREATE SCHEMA IF NOT EXISTS cannot include schema elements");
        }
        uint32_t outer;
        enter(p, &outer);
        push(p, fly__sql_gram_statement(p));
        leave(p, outer);
    }
    schema->elements = fly__sql_gram_take(p, mark);
    return &schema->node;
}

/* A word as it was written: en_US keeps its capitals. */
static fly_ast *raw_word(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    if (is_string_token(p->tok.type)) {
        return fly__sql_gram_string(p);
    }
    if (accept(p, FLY_KW_DEFAULT)) {
        return NULL;
    }
    if (p->tok.type == FLY_TOKEN_INT || p->tok.type == '-' || p->tok.type == '+') {
        return fly__sql_gram_signed_number(p);
    }
    if (p->tok.type == FLY_TOKEN_QUOTED) {
        return fly__sql_gram_const_string(p, fly__sql_gram_name_value(p), pos);
    }
    if (p->tok.type != FLY_TOKEN_IDENT && p->tok.type <= FLY_TOKEN_KEYWORDS) {
        fly__sql_gram_syntax(p);
        return NULL;
    }
    fly_sql_token token = p->tok;
    token.type = FLY_TOKEN_INT; /* a value without folding */
    fly_ast_const *word = NEW(p, const, CONST, pos);
    const char *problem;
    uint32_t where;
    word->type = FLY_AST_CONST_STRING;
    if (fly__sql_token_value(p->arena, p->lexer.text, &token, 0, &word->text, &problem, &where) !=
        FLY_OK) {
        fly__sql_gram_fail(p, FLY_E_NO_MEMORY, "53200", 0, "out of memory");
    }
    next(p);
    return &word->node;
}

static fly_ast_list database_options(fly_sql_parser *p)
{
    uint32_t mark = p->top;
    (void)accept(p, FLY_KW_WITH);
    for (;;) {
        uint32_t pos = here(p);
        const char *name;
        if (accept2(p, FLY_KW_CONNECTION, FLY_KW_LIMIT)) {
            name = "connection_limit";
        } else if (at(p, FLY_TOKEN_IDENT) || at(p, FLY_KW_ENCODING) || at(p, FLY_KW_LOCATION) ||
                   at(p, FLY_KW_OWNER) || at(p, FLY_KW_TABLESPACE) || at(p, FLY_KW_TEMPLATE) ||
                   at(p, FLY_KW_COLLATION)) {
            name = fly__sql_gram_name_value(p);
        } else {
            return fly__sql_gram_take(p, mark);
        }
        (void)accept(p, '=');
        push(p, fly__sql_gram_option(p, name, raw_word(p), pos));
    }
}

fly_ast *fly__sql_gram_create_database(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_create_database *create = NEW(p, create_database, CREATE_DATABASE, pos);
    next(p);
    create->if_not_exists = fly__sql_gram_if_not_exists(p);
    create->name = fly__sql_gram_col_id(p);
    create->options = database_options(p);
    return &create->node;
}

fly_ast *fly__sql_gram_alter_database(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_alter_database *alter = NEW(p, alter_database, ALTER_DATABASE, pos);
    next(p);
    uint32_t name = here(p);
    alter->name = fly__sql_gram_col_id(p);
    fly_ast_object *object = NEW(p, object, OBJECT, name);
    object->names = fly__sql_gram_one_name(p, alter->name);
    if (accept(p, FLY_KW_RENAME)) {
        fly_ast_rename *rename = NEW(p, rename, RENAME, pos);
        rename->type = FLY_AST_OBJECT_DATABASE;
        rename->object = &object->node;
        expect(p, FLY_KW_TO);
        rename->new_name = fly__sql_gram_col_id(p);
        return &rename->node;
    }
    if (at(p, FLY_KW_OWNER) && peek(p) == FLY_KW_TO) {
        fly_ast_set_owner *owner = NEW(p, set_owner, SET_OWNER, pos);
        next(p);
        next(p);
        owner->type = FLY_AST_OBJECT_DATABASE;
        owner->object = &object->node;
        owner->role = fly__sql_gram_role(p);
        return &owner->node;
    }
    if (at(p, FLY_KW_SET) && peek(p) == FLY_KW_TABLESPACE) {
        uint32_t option = here(p);
        next(p);
        next(p);
        alter->options = fly__sql_gram_one(
            p, fly__sql_gram_option(p, "tablespace",
                                    fly__sql_gram_const_string(p, fly__sql_gram_col_id(p), option),
                                    option));
        return &alter->node;
    }
    if (accept(p, FLY_KW_SET)) {
        alter->set = fly__sql_gram_set(p, true);
    } else if (accept(p, FLY_KW_RESET)) {
        alter->set = fly__sql_gram_reset(p);
    } else if (at(p, FLY_KW_REFRESH)) {
        uint32_t option = here(p);
        next(p);
        expect(p, FLY_KW_COLLATION);
        expect(p, FLY_KW_VERSION);
        alter->options = fly__sql_gram_one(
            p, fly__sql_gram_option(p, "refresh_collation_version", NULL, option));
    } else {
        alter->options = database_options(p);
    }
    return &alter->node;
}

/* ------------------------------------------------------------------------------------ types */

static fly_ast *attribute(fly_sql_parser *p)
{
    fly_ast_column_def *column = NEW(p, column_def, COLUMN_DEF, here(p));
    column->name = fly__sql_gram_col_id(p);
    column->type = fly__sql_gram_type(p);
    if (accept(p, FLY_KW_COLLATE)) {
        column->collation = fly__sql_gram_any_name(p);
    }
    return &column->node;
}

static fly_ast *create_type(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_create_type *type = NEW(p, create_type, CREATE_TYPE, pos);
    next(p);
    type->name = fly__sql_gram_any_name(p);
    if (accept(p, FLY_KW_AS)) {
        if (accept(p, FLY_KW_ENUM)) {
            type->type = FLY_AST_TYPE_ENUM;
            expect(p, '(');
            if (!at(p, ')')) {
                type->labels = fly__sql_gram_list(p, fly__sql_gram_string);
            }
            expect(p, ')');
        } else if (accept(p, FLY_KW_RANGE)) {
            type->type = FLY_AST_TYPE_RANGE;
            type->options = fly__sql_gram_definition(p);
        } else {
            type->type = FLY_AST_TYPE_COMPOSITE;
            expect(p, '(');
            if (!at(p, ')')) {
                type->attributes = fly__sql_gram_list(p, attribute);
            }
            expect(p, ')');
        }
    } else if (at(p, '(')) {
        type->type = FLY_AST_TYPE_BASE;
        type->options = fly__sql_gram_definition(p);
    }
    return &type->node;
}

/* The constraints of a domain are written as a column's. */
static fly_ast *create_domain(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_create_domain *domain = NEW(p, create_domain, CREATE_DOMAIN, pos);
    next(p);
    domain->name = fly__sql_gram_any_name(p);
    (void)accept(p, FLY_KW_AS);
    domain->type = fly__sql_gram_type(p);
    uint32_t mark = p->top;
    for (;;) {
        if (accept(p, FLY_KW_COLLATE)) {
            domain->collation = fly__sql_gram_any_name(p);
            continue;
        }
        fly_ast *constraint = fly__sql_gram_column_constraint(p);
        if (constraint == NULL || failed(p)) {
            break;
        }
        push(p, fly__sql_gram_constraint_attributes(p, constraint));
    }
    domain->constraints = fly__sql_gram_take(p, mark);
    return &domain->node;
}

static fly_ast *object_named(fly_sql_parser *p, fly_ast_names names, uint32_t pos)
{
    fly_ast_object *object = NEW(p, object, OBJECT, pos);
    object->names = names;
    return &object->node;
}

/* RENAME TO, OWNER TO, SET SCHEMA, of any object; NULL: none of them stands here. */
static fly_ast *alter_any(fly_sql_parser *p, fly_ast_object_kind type, fly_ast *object,
                          uint32_t pos)
{
    if (at(p, FLY_KW_RENAME) && peek(p) == FLY_KW_TO) {
        fly_ast_rename *rename = NEW(p, rename, RENAME, pos);
        next(p);
        next(p);
        rename->type = type;
        rename->object = object;
        rename->new_name = fly__sql_gram_col_id(p);
        return &rename->node;
    }
    if (accept2(p, FLY_KW_OWNER, FLY_KW_TO)) {
        fly_ast_set_owner *owner = NEW(p, set_owner, SET_OWNER, pos);
        owner->type = type;
        owner->object = object;
        owner->role = fly__sql_gram_role(p);
        return &owner->node;
    }
    if (accept2(p, FLY_KW_SET, FLY_KW_SCHEMA)) {
        fly_ast_set_schema *schema = NEW(p, set_schema, SET_SCHEMA, pos);
        schema->type = type;
        schema->object = object;
        schema->schema = fly__sql_gram_col_id(p);
        return &schema->node;
    }
    return NULL;
}

static fly_ast *alter_domain(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_alter_domain *alter = NEW(p, alter_domain, ALTER_DOMAIN, pos);
    next(p);
    uint32_t name = here(p);
    alter->name = fly__sql_gram_any_name(p);
    fly_ast *object = object_named(p, alter->name, name);
    fly_ast *any = alter_any(p, FLY_AST_OBJECT_DOMAIN, object, pos);
    if (any != NULL) {
        return any;
    }
    fly_ast_alter_action *action = NEW(p, alter_action, ALTER_ACTION, here(p));
    alter->action = &action->node;
    if (accept(p, FLY_KW_RENAME)) {
        fly_ast_rename *rename = NEW(p, rename, RENAME, pos);
        rename->type = FLY_AST_OBJECT_DOMAIN_CONSTRAINT;
        rename->owner_type = FLY_AST_OBJECT_DOMAIN;
        rename->object = object;
        expect(p, FLY_KW_CONSTRAINT);
        rename->name = fly__sql_gram_col_id(p);
        expect(p, FLY_KW_TO);
        rename->new_name = fly__sql_gram_col_id(p);
        return &rename->node;
    }
    if (accept(p, FLY_KW_SET)) {
        if (accept(p, FLY_KW_DEFAULT)) {
            action->type = FLY_AST_ALTER_SET_DEFAULT;
            action->expr = fly__sql_gram_expr(p);
        } else {
            expect(p, FLY_KW_NOT);
            expect(p, FLY_KW_NULL);
            action->type = FLY_AST_ALTER_SET_NOT_NULL;
        }
    } else if (accept(p, FLY_KW_DROP)) {
        if (accept(p, FLY_KW_DEFAULT)) {
            action->type = FLY_AST_ALTER_DROP_DEFAULT;
        } else if (accept(p, FLY_KW_NOT)) {
            expect(p, FLY_KW_NULL);
            action->type = FLY_AST_ALTER_DROP_NOT_NULL;
        } else {
            expect(p, FLY_KW_CONSTRAINT);
            action->type = FLY_AST_ALTER_DROP_CONSTRAINT;
            action->if_exists = fly__sql_gram_if_exists(p);
            action->name = fly__sql_gram_col_id(p);
            action->cascade = fly__sql_gram_cascade(p);
        }
    } else if (accept(p, FLY_KW_ADD)) {
        action->type = FLY_AST_ALTER_ADD_CONSTRAINT;
        action->def = fly__sql_gram_table_constraint(p);
    } else {
        expect(p, FLY_KW_VALIDATE);
        expect(p, FLY_KW_CONSTRAINT);
        action->type = FLY_AST_ALTER_VALIDATE_CONSTRAINT;
        action->name = fly__sql_gram_col_id(p);
    }
    return &alter->node;
}

/* ADD VALUE, RENAME VALUE */
static fly_ast *alter_enum(fly_sql_parser *p, fly_ast_names name, uint32_t pos)
{
    fly_ast_alter_enum *alter = NEW(p, alter_enum, ALTER_ENUM, pos);
    alter->name = name;
    bool rename = p->tok.type == FLY_KW_RENAME;
    next(p);
    expect(p, FLY_KW_VALUE);
    if (rename) {
        alter->old_label = fly__sql_gram_string(p);
        expect(p, FLY_KW_TO);
        alter->label = fly__sql_gram_string(p);
        return &alter->node;
    }
    alter->if_not_exists = fly__sql_gram_if_not_exists(p);
    alter->label = fly__sql_gram_string(p);
    if (at(p, FLY_KW_BEFORE) || at(p, FLY_KW_AFTER)) {
        alter->after = p->tok.type == FLY_KW_AFTER;
        next(p);
        alter->neighbour = fly__sql_gram_string(p);
    }
    return &alter->node;
}

static fly_ast *attribute_action(fly_sql_parser *p)
{
    fly_ast_alter_action *action = NEW(p, alter_action, ALTER_ACTION, here(p));
    if (accept(p, FLY_KW_ADD)) {
        action->type = FLY_AST_ALTER_ADD_ATTRIBUTE;
        expect(p, FLY_KW_ATTRIBUTE);
        action->def = attribute(p);
    } else if (accept(p, FLY_KW_DROP)) {
        action->type = FLY_AST_ALTER_DROP_ATTRIBUTE;
        expect(p, FLY_KW_ATTRIBUTE);
        action->if_exists = fly__sql_gram_if_exists(p);
        action->name = fly__sql_gram_col_id(p);
    } else {
        expect(p, FLY_KW_ALTER);
        expect(p, FLY_KW_ATTRIBUTE);
        action->type = FLY_AST_ALTER_ATTRIBUTE_TYPE;
        action->name = fly__sql_gram_col_id(p);
        if (accept(p, FLY_KW_SET)) {
            expect(p, FLY_KW_DATA);
        }
        expect(p, FLY_KW_TYPE);
        action->def = fly__sql_gram_type(p);
        if (accept(p, FLY_KW_COLLATE)) {
            action->names = fly__sql_gram_any_name(p);
        }
    }
    action->cascade = fly__sql_gram_cascade(p);
    return &action->node;
}

/* A type's name where a table's is wanted. */
static fly_ast *relation_of(fly_sql_parser *p, fly_ast_names names, uint32_t pos)
{
    fly_ast_relation *relation = NEW(p, relation, RELATION, pos);
    if (names.count > 3) {
        SYNTAX_MESSAGE(p, pos, "improper qualified name (too many dotted names)");
    } else if (names.count > 0) {
        relation->name = names.items[names.count - 1];
        relation->schema = names.count > 1 ? names.items[names.count - 2] : NULL;
        relation->catalog = names.count > 2 ? names.items[0] : NULL;
    }
    return &relation->node;
}

static fly_ast *alter_type(fly_sql_parser *p, uint32_t pos)
{
    next(p);
    uint32_t name_pos = here(p);
    fly_ast_names name = fly__sql_gram_any_name(p);
    if ((at(p, FLY_KW_ADD) || at(p, FLY_KW_RENAME)) && peek(p) == FLY_KW_VALUE) {
        return alter_enum(p, name, pos);
    }
    fly_ast *any = alter_any(p, FLY_AST_OBJECT_TYPE, object_named(p, name, name_pos), pos);
    if (any != NULL) {
        return any;
    }
    if (accept(p, FLY_KW_RENAME)) {
        fly_ast_rename *rename = NEW(p, rename, RENAME, pos);
        rename->type = FLY_AST_OBJECT_ATTRIBUTE;
        rename->owner_type = FLY_AST_OBJECT_TYPE;
        rename->object = object_named(p, name, name_pos);
        expect(p, FLY_KW_ATTRIBUTE);
        rename->name = fly__sql_gram_col_id(p);
        expect(p, FLY_KW_TO);
        rename->new_name = fly__sql_gram_col_id(p);
        rename->cascade = fly__sql_gram_cascade(p);
        return &rename->node;
    }
    if (at(p, FLY_KW_SET)) {
        return unsupported(p, "ALTER TYPE ... SET");
    }
    fly_ast_alter_table *alter = NEW(p, alter_table, ALTER_TABLE, pos);
    alter->type = FLY_AST_OBJECT_TYPE;
    alter->relation = relation_of(p, name, name_pos);
    alter->actions = fly__sql_gram_list(p, attribute_action);
    return &alter->node;
}

/* ----------------------------------------------------------------------- other definitions */

/* CREATE AGGREGATE name (BASETYPE = type, ...), without parameters; false: it is not that. */
static bool aggregate_of_old(fly_sql_parser *p, fly_ast_define *node)
{
    if (fly__sql_gram_peek(p, 3)->type != '=' && fly__sql_gram_peek(p, 3)->type != '(') {
        return false;
    }
    fly_sql_parser before = *p; /* a dotted name hides what follows: go and see */
    node->name = fly__sql_gram_any_name(p);
    if (p->tok.type == '(' && fly__sql_gram_peek(p, 2)->type == '=') {
        node->options = fly__sql_gram_definition(p);
        node->old_style = true;
        return true;
    }
    *p = before;
    return false;
}

/* COLLATION, AGGREGATE, OPERATOR. */
static fly_ast *define(fly_sql_parser *p, uint32_t pos, bool replace)
{
    fly_ast_define *node = NEW(p, define, DEFINE, pos);
    node->replace = replace;
    node->type = p->tok.type == FLY_KW_COLLATION   ? FLY_AST_OBJECT_COLLATION
                 : p->tok.type == FLY_KW_AGGREGATE ? FLY_AST_OBJECT_AGGREGATE
                                                   : FLY_AST_OBJECT_OPERATOR;
    next(p);
    if (node->type == FLY_AST_OBJECT_OPERATOR) {
        if (at(p, FLY_KW_CLASS) || at(p, FLY_KW_FAMILY)) {
            return unsupported(p, p->tok.type == FLY_KW_CLASS ? "CREATE OPERATOR CLASS"
                                                              : "CREATE OPERATOR FAMILY");
        }
        node->name = fly__sql_gram_operator_name(p);
        node->options = fly__sql_gram_definition(p);
        return &node->node;
    }
    if (node->type == FLY_AST_OBJECT_COLLATION) {
        node->if_not_exists = fly__sql_gram_if_not_exists(p);
        node->name = fly__sql_gram_any_name(p);
        if (accept(p, FLY_KW_FROM)) {
            node->from = fly__sql_gram_any_name(p);
        } else {
            node->options = fly__sql_gram_definition(p);
        }
        return &node->node;
    }
    if (aggregate_of_old(p, node)) {
        return &node->node;
    }
    fly_ast_object *object = (fly_ast_object *)fly__sql_gram_function_object(p);
    if (!object->has_args) {
        (void)at(p, '(');
        fly__sql_gram_syntax(p);
    }
    node->name = object->names;
    node->params = object->args;
    node->params_star = object->star;
    if (object->args_order.count > 0) {
        return unsupported(p, "an ordered-set aggregate of one's own");
    }
    node->options = fly__sql_gram_definition(p);
    return &node->node;
}

static fly_ast *create_extension(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_create_extension *create = NEW(p, create_extension, CREATE_EXTENSION, pos);
    next(p);
    create->if_not_exists = fly__sql_gram_if_not_exists(p);
    create->name = fly__sql_gram_col_id(p);
    (void)accept(p, FLY_KW_WITH);
    uint32_t mark = p->top;
    for (;;) {
        uint32_t option = here(p);
        if (accept(p, FLY_KW_SCHEMA)) {
            push(p, fly__sql_gram_option(
                        p, "schema", fly__sql_gram_const_string(p, fly__sql_gram_col_id(p), option),
                        option));
        } else if (accept(p, FLY_KW_VERSION)) {
            push(p, fly__sql_gram_option(
                        p, "version",
                        is_string_token(p->tok.type)
                            ? fly__sql_gram_string(p)
                            : fly__sql_gram_const_string(p, fly__sql_gram_col_id(p), option),
                        option));
        } else if (accept(p, FLY_KW_CASCADE)) {
            push(p, fly__sql_gram_option(p, "cascade", fly__sql_gram_const_bool(p, true, option),
                                         option));
        } else {
            break;
        }
    }
    create->options = fly__sql_gram_take(p, mark);
    return &create->node;
}

static fly_ast *alter_extension(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_create_extension *alter = NEW(p, create_extension, CREATE_EXTENSION, pos);
    next(p);
    alter->alter = true;
    uint32_t name = here(p);
    alter->name = fly__sql_gram_col_id(p);
    fly_ast *any = alter_any(p, FLY_AST_OBJECT_EXTENSION,
                             object_named(p, fly__sql_gram_one_name(p, alter->name), name), pos);
    if (any != NULL) {
        return any;
    }
    if (!at(p, FLY_KW_UPDATE)) {
        return unsupported(p, "ALTER EXTENSION ... ADD or DROP");
    }
    next(p);
    if (accept(p, FLY_KW_TO)) {
        uint32_t option = here(p);
        fly_ast *version = is_string_token(p->tok.type)
                               ? fly__sql_gram_string(p)
                               : fly__sql_gram_const_string(p, fly__sql_gram_col_id(p), option);
        alter->options = fly__sql_gram_one(p, fly__sql_gram_option(p, "version", version, option));
    }
    return &alter->node;
}

/* ----------------------------------------------------------------------------------- CREATE */

/* [LOCAL | GLOBAL] TEMP[ORARY], UNLOGGED */
static fly_ast_persistence persistence(fly_sql_parser *p)
{
    if ((at(p, FLY_KW_LOCAL) || at(p, FLY_KW_GLOBAL)) &&
        (peek(p) == FLY_KW_TEMP || peek(p) == FLY_KW_TEMPORARY)) {
        next(p);
    }
    if (accept(p, FLY_KW_TEMP) || accept(p, FLY_KW_TEMPORARY)) {
        return FLY_AST_TEMPORARY;
    }
    return accept(p, FLY_KW_UNLOGGED) ? FLY_AST_UNLOGGED : FLY_AST_PERSISTENT;
}

/* What there is in PostgreSQL and not here, by its first words; NULL: nothing known. */
static const char *foreign_word(fly_sql_parser *p)
{
    switch (p->tok.type) {
    case FLY_KW_ACCESS:
        return "ACCESS METHOD";
    case FLY_KW_CAST:
        return "CAST";
    case FLY_KW_CONVERSION:
    case FLY_KW_DEFAULT:
        return "CONVERSION";
    case FLY_KW_EVENT:
        return "EVENT TRIGGER";
    case FLY_KW_FOREIGN:
        return "FOREIGN TABLE";
    case FLY_KW_LANGUAGE:
    case FLY_KW_TRUSTED:
    case FLY_KW_PROCEDURAL:
        return "LANGUAGE";
    case FLY_KW_LARGE:
        return "LARGE OBJECT";
    case FLY_KW_PUBLICATION:
        return "PUBLICATION";
    case FLY_KW_RULE:
        return "RULE";
    case FLY_KW_SERVER:
        return "SERVER";
    case FLY_KW_STATISTICS:
        return "STATISTICS";
    case FLY_KW_SUBSCRIPTION:
        return "SUBSCRIPTION";
    case FLY_KW_SYSTEM:
        return "SYSTEM";
    case FLY_KW_TABLESPACE:
        return "TABLESPACE";
    case FLY_KW_TEXT:
        return "TEXT SEARCH";
    case FLY_KW_TRANSFORM:
        return "TRANSFORM";
    case FLY_KW_OPERATOR:
        return "OPERATOR";
    default:
        return NULL;
    }
}

static fly_ast *refuse(fly_sql_parser *p, const char *verb)
{
    const char *word = foreign_word(p);
    if (word == NULL) {
        fly__sql_gram_syntax(p);
        return fly__sql_gram_const_null(p, 0);
    }
    fly__sql_gram_fail(p, FLY_E_UNSUPPORTED, "0A000", here(p), "%s %s is not supported", verb,
                       word);
    return fly__sql_gram_const_null(p, 0);
}

fly_ast *fly__sql_gram_create(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    next(p);
    bool replace = accept2(p, FLY_KW_OR, FLY_KW_REPLACE);
    fly_ast_persistence lasting = persistence(p);
    bool view = at(p, FLY_KW_VIEW) || at(p, FLY_KW_RECURSIVE);
    if (view) {
        return create_view(p, pos, replace, lasting);
    }
    if (at(p, FLY_KW_FUNCTION) || at(p, FLY_KW_PROCEDURE)) {
        return fly__sql_gram_create_function(p, replace, pos);
    }
    if (at(p, FLY_KW_TRIGGER) || (at(p, FLY_KW_CONSTRAINT) && peek(p) == FLY_KW_TRIGGER)) {
        fly_ast *trigger = fly__sql_gram_create_trigger(p, replace, pos);
        ((fly_ast_create_trigger *)trigger)->persistence = lasting;
        return trigger;
    }
    if (at(p, FLY_KW_AGGREGATE)) {
        return define(p, pos, replace);
    }
    if (replace) {
        return refuse(p, "CREATE OR REPLACE");
    }
    if (at(p, FLY_KW_TABLE)) {
        return fly__sql_gram_create_table(p, pos, lasting);
    }
    if (at(p, FLY_KW_SEQUENCE)) {
        return create_sequence(p, pos, lasting);
    }
    if (at(p, FLY_KW_MATERIALIZED)) {
        return create_matview(p, pos, lasting);
    }
    if (lasting != FLY_AST_PERSISTENT) {
        fly__sql_gram_syntax(p);
    }
    if (at(p, FLY_KW_INDEX) || at(p, FLY_KW_UNIQUE)) {
        return create_index(p, pos);
    }
    if (at(p, FLY_KW_SCHEMA)) {
        return create_schema(p, pos);
    }
    if (at(p, FLY_KW_DATABASE)) {
        return fly__sql_gram_create_database(p, pos);
    }
    if (at(p, FLY_KW_TYPE)) {
        return create_type(p, pos);
    }
    if (at(p, FLY_KW_DOMAIN)) {
        return create_domain(p, pos);
    }
    if (at(p, FLY_KW_USER) && peek(p) == FLY_KW_MAPPING) {
        return unsupported(p, "CREATE USER MAPPING");
    }
    if (at(p, FLY_KW_ROLE) || at(p, FLY_KW_USER) || at(p, FLY_KW_GROUP)) {
        return fly__sql_gram_create_role(p, pos);
    }
    if (at(p, FLY_KW_POLICY)) {
        return fly__sql_gram_policy(p, false, pos);
    }
    if (at(p, FLY_KW_EXTENSION)) {
        return create_extension(p, pos);
    }
    if (at(p, FLY_KW_COLLATION) || at(p, FLY_KW_OPERATOR)) {
        return define(p, pos, false);
    }
    return refuse(p, "CREATE");
}

/* ------------------------------------------------------------------------------------ ALTER */

static fly_ast *alter_trigger(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_rename *rename = NEW(p, rename, RENAME, pos);
    next(p);
    fly_ast *object = fly__sql_gram_object_of_name(p);
    expect(p, FLY_KW_ON);
    ((fly_ast_object *)object)->relation = fly__sql_gram_relation(p);
    rename->type = FLY_AST_OBJECT_TRIGGER;
    rename->object = object;
    if (at(p, FLY_KW_NO) || at(p, FLY_KW_DEPENDS)) {
        return unsupported(p, "ALTER TRIGGER ... DEPENDS ON EXTENSION");
    }
    expect(p, FLY_KW_RENAME);
    expect(p, FLY_KW_TO);
    rename->new_name = fly__sql_gram_col_id(p);
    return &rename->node;
}

static fly_ast *alter_simple(fly_sql_parser *p, fly_ast_object_kind type, fly_sql_rule *rule,
                             uint32_t pos)
{
    next(p);
    fly_ast *object = rule(p);
    fly_ast *any = alter_any(p, type, object, pos);
    if (any == NULL) {
        fly__sql_gram_syntax(p);
        return object;
    }
    return any;
}

fly_ast *fly__sql_gram_alter(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    next(p);
    switch (p->tok.type) {
    case FLY_KW_TABLE:
        next(p);
        if (accept(p, FLY_KW_ALL)) {
            return unsupported(p, "ALTER TABLE ALL IN TABLESPACE");
        }
        return fly__sql_gram_alter_table(p, pos, FLY_AST_OBJECT_TABLE);
    case FLY_KW_INDEX:
        next(p);
        if (at(p, FLY_KW_ALL)) {
            return unsupported(p, "ALTER INDEX ALL IN TABLESPACE");
        }
        return fly__sql_gram_alter_table(p, pos, FLY_AST_OBJECT_INDEX);
    case FLY_KW_VIEW:
        next(p);
        return fly__sql_gram_alter_table(p, pos, FLY_AST_OBJECT_VIEW);
    case FLY_KW_MATERIALIZED:
        next(p);
        expect(p, FLY_KW_VIEW);
        if (at(p, FLY_KW_ALL)) {
            return unsupported(p, "ALTER MATERIALIZED VIEW ALL IN TABLESPACE");
        }
        return fly__sql_gram_alter_table(p, pos, FLY_AST_OBJECT_MATVIEW);
    case FLY_KW_SEQUENCE:
        next(p);
        return fly__sql_gram_alter_table(p, pos, FLY_AST_OBJECT_SEQUENCE);
    case FLY_KW_SCHEMA:
        return alter_simple(p, FLY_AST_OBJECT_SCHEMA, fly__sql_gram_object_of_name, pos);
    case FLY_KW_COLLATION: {
        next(p);
        fly_ast *collation = fly__sql_gram_object(p);
        if (at(p, FLY_KW_REFRESH)) {
            return unsupported(p, "ALTER COLLATION ... REFRESH VERSION");
        }
        fly_ast *any = alter_any(p, FLY_AST_OBJECT_COLLATION, collation, pos);
        if (any == NULL) {
            fly__sql_gram_syntax(p);
        }
        return any != NULL ? any : collation;
    }
    case FLY_KW_AGGREGATE:
        return alter_simple(p, FLY_AST_OBJECT_AGGREGATE, fly__sql_gram_function_object, pos);
    case FLY_KW_DATABASE:
        return fly__sql_gram_alter_database(p, pos);
    case FLY_KW_TYPE:
        return alter_type(p, pos);
    case FLY_KW_DOMAIN:
        return alter_domain(p, pos);
    case FLY_KW_FUNCTION:
    case FLY_KW_PROCEDURE:
    case FLY_KW_ROUTINE:
        return fly__sql_gram_alter_function(p, pos);
    case FLY_KW_TRIGGER:
        return alter_trigger(p, pos);
    case FLY_KW_USER:
        if (peek(p) == FLY_KW_MAPPING) {
            return unsupported(p, "ALTER USER MAPPING");
        }
        return fly__sql_gram_alter_role(p, pos);
    case FLY_KW_ROLE:
    case FLY_KW_GROUP:
        return fly__sql_gram_alter_role(p, pos);
    case FLY_KW_POLICY:
        return fly__sql_gram_policy(p, true, pos);
    case FLY_KW_EXTENSION:
        return alter_extension(p, pos);
    case FLY_KW_DEFAULT:
        return fly__sql_gram_alter_defaults(p, pos);
    default:
        return refuse(p, "ALTER");
    }
}

/* ------------------------------------------------------------- names of objects of any kind */

static fly_ast *type_object(fly_sql_parser *p)
{
    fly_ast_object *object = NEW(p, object, OBJECT, here(p));
    object->type = fly__sql_gram_type(p);
    return &object->node;
}

static fly_ast *operand_type(fly_sql_parser *p)
{
    fly_ast_function_param *param = NEW(p, function_param, FUNCTION_PARAM, here(p));
    if (!accept(p, FLY_KW_NONE)) {
        param->type = fly__sql_gram_type(p);
    }
    return &param->node;
}

static fly_ast *operator_object(fly_sql_parser *p)
{
    fly_ast_object *object = NEW(p, object, OBJECT, here(p));
    object->names = fly__sql_gram_operator_name(p);
    object->has_args = true;
    expect(p, '(');
    object->args = fly__sql_gram_list(p, operand_type);
    if (object->args.count == 1 && at(p, ')')) {
        SYNTAX_MESSAGE(p, here(p), "missing argument");
        fly_err_hint(&p->err, "Use NONE to denote the missing argument of a unary operator.");
    }
    if (object->args.count != 2) {
        fly__sql_gram_syntax(p);
    }
    expect(p, ')');
    return &object->node;
}

/* The words of a kind of object, and how its names are written. */
typedef struct object_words {
    uint16_t first, second;
    fly_ast_object_kind type;
    fly_sql_rule *rule;
    bool on_table; /* name ON table */
    bool one;      /* DROP takes one only */
} object_words;

static const object_words kinds_of_objects[] = {
    {FLY_KW_TABLE, 0, FLY_AST_OBJECT_TABLE, fly__sql_gram_object, false, false},
    {FLY_KW_INDEX, 0, FLY_AST_OBJECT_INDEX, fly__sql_gram_object, false, false},
    {FLY_KW_VIEW, 0, FLY_AST_OBJECT_VIEW, fly__sql_gram_object, false, false},
    {FLY_KW_MATERIALIZED, FLY_KW_VIEW, FLY_AST_OBJECT_MATVIEW, fly__sql_gram_object, false, false},
    {FLY_KW_SEQUENCE, 0, FLY_AST_OBJECT_SEQUENCE, fly__sql_gram_object, false, false},
    {FLY_KW_FOREIGN, FLY_KW_TABLE, FLY_AST_OBJECT_FOREIGN_TABLE, fly__sql_gram_object, false,
     false},
    {FLY_KW_SCHEMA, 0, FLY_AST_OBJECT_SCHEMA, fly__sql_gram_object_of_name, false, false},
    {FLY_KW_DATABASE, 0, FLY_AST_OBJECT_DATABASE, fly__sql_gram_object_of_name, false, true},
    {FLY_KW_FUNCTION, 0, FLY_AST_OBJECT_FUNCTION, fly__sql_gram_function_object, false, false},
    {FLY_KW_PROCEDURE, 0, FLY_AST_OBJECT_PROCEDURE, fly__sql_gram_function_object, false, false},
    {FLY_KW_ROUTINE, 0, FLY_AST_OBJECT_ROUTINE, fly__sql_gram_function_object, false, false},
    {FLY_KW_AGGREGATE, 0, FLY_AST_OBJECT_AGGREGATE, fly__sql_gram_function_object, false, false},
    {FLY_KW_OPERATOR, 0, FLY_AST_OBJECT_OPERATOR, operator_object, false, false},
    {FLY_KW_TYPE, 0, FLY_AST_OBJECT_TYPE, type_object, false, false},
    {FLY_KW_DOMAIN, 0, FLY_AST_OBJECT_DOMAIN, type_object, false, false},
    {FLY_KW_COLLATION, 0, FLY_AST_OBJECT_COLLATION, fly__sql_gram_object, false, false},
    {FLY_KW_CONVERSION, 0, FLY_AST_OBJECT_CONVERSION, fly__sql_gram_object, false, false},
    {FLY_KW_TRIGGER, 0, FLY_AST_OBJECT_TRIGGER, fly__sql_gram_object_of_name, true, true},
    {FLY_KW_POLICY, 0, FLY_AST_OBJECT_POLICY, fly__sql_gram_object_of_name, true, true},
    {FLY_KW_RULE, 0, FLY_AST_OBJECT_RULE, fly__sql_gram_object_of_name, true, true},
    {FLY_KW_ROLE, 0, FLY_AST_OBJECT_ROLE, fly__sql_gram_role, false, false},
    {FLY_KW_USER, 0, FLY_AST_OBJECT_USER, fly__sql_gram_role, false, false},
    {FLY_KW_GROUP, 0, FLY_AST_OBJECT_GROUP, fly__sql_gram_role, false, false},
    {FLY_KW_EXTENSION, 0, FLY_AST_OBJECT_EXTENSION, fly__sql_gram_object_of_name, false, false},
    {FLY_KW_TABLESPACE, 0, FLY_AST_OBJECT_TABLESPACE, fly__sql_gram_object_of_name, false, true},
    {FLY_KW_LANGUAGE, 0, FLY_AST_OBJECT_LANGUAGE, fly__sql_gram_object_of_name, false, false},
    {FLY_KW_SERVER, 0, FLY_AST_OBJECT_SERVER, fly__sql_gram_object_of_name, false, false},
    {FLY_KW_PUBLICATION, 0, FLY_AST_OBJECT_PUBLICATION, fly__sql_gram_object_of_name, false, false},
    {FLY_KW_SUBSCRIPTION, 0, FLY_AST_OBJECT_SUBSCRIPTION, fly__sql_gram_object_of_name, false,
     true},
    {FLY_KW_STATISTICS, 0, FLY_AST_OBJECT_STATISTICS, fly__sql_gram_object, false, false},
    {FLY_KW_EVENT, FLY_KW_TRIGGER, FLY_AST_OBJECT_EVENT_TRIGGER, fly__sql_gram_object_of_name,
     false, false},
    {FLY_KW_ACCESS, FLY_KW_METHOD, FLY_AST_OBJECT_ACCESS_METHOD, fly__sql_gram_object_of_name,
     false, false},
};

/* Which kind the current words name, moving past them; NULL: none. */
static const object_words *object_kind(fly_sql_parser *p)
{
    for (size_t i = 0; i < sizeof kinds_of_objects / sizeof kinds_of_objects[0]; i++) {
        const object_words *words = &kinds_of_objects[i];
        if (at(p, words->first) && (words->second == 0 || peek(p) == words->second)) {
            next(p);
            if (words->second != 0) {
                next(p);
            }
            return words;
        }
    }
    return NULL;
}

static fly_ast *drop_owned(fly_sql_parser *p, uint32_t pos)
{
    fly_ast_reassign *drop = NEW(p, reassign, REASSIGN, pos);
    next(p);
    expect(p, FLY_KW_BY);
    drop->drop = true;
    drop->roles = fly__sql_gram_list(p, fly__sql_gram_role);
    drop->cascade = fly__sql_gram_cascade(p);
    return &drop->node;
}

/* [WITH] (FORCE) */
static bool drop_force(fly_sql_parser *p)
{
    if (!at(p, FLY_KW_WITH) && !at(p, '(')) {
        return false;
    }
    (void)accept(p, FLY_KW_WITH);
    expect(p, '(');
    expect(p, FLY_KW_FORCE);
    expect(p, ')');
    return true;
}

fly_ast *fly__sql_gram_drop(fly_sql_parser *p)
{
    uint32_t pos = here(p);
    next(p);
    if (at(p, FLY_KW_OWNED)) {
        return drop_owned(p, pos);
    }
    if (at(p, FLY_KW_USER) && peek(p) == FLY_KW_MAPPING) {
        return unsupported(p, "DROP USER MAPPING");
    }
    if (at(p, FLY_KW_OPERATOR) && (peek(p) == FLY_KW_CLASS || peek(p) == FLY_KW_FAMILY)) {
        return unsupported(p, "DROP OPERATOR CLASS");
    }
    const object_words *words = object_kind(p);
    if (words == NULL) {
        return refuse(p, "DROP");
    }
    fly_ast_drop *drop = NEW(p, drop, DROP, pos);
    drop->type = words->type;
    drop->concurrently = words->type == FLY_AST_OBJECT_INDEX && accept(p, FLY_KW_CONCURRENTLY);
    drop->if_exists = fly__sql_gram_if_exists(p);
    if (words->on_table && !p->options.lax_syntax) {
        fly_ast *object = words->rule(p);
        expect(p, FLY_KW_ON);
        ((fly_ast_object *)object)->relation = fly__sql_gram_relation(p);
        drop->objects = fly__sql_gram_one(p, object);
    } else if (words->on_table) { /* SQLite's triggers belong to the schema */
        fly_ast *object = fly__sql_gram_object(p);
        if (accept(p, FLY_KW_ON)) {
            ((fly_ast_object *)object)->relation = fly__sql_gram_relation(p);
        }
        drop->objects = fly__sql_gram_one(p, object);
    } else if (words->one) {
        drop->objects = fly__sql_gram_one(p, words->rule(p));
    } else {
        drop->objects = fly__sql_gram_list(p, words->rule);
    }
    if (words->type == FLY_AST_OBJECT_DATABASE) {
        drop->force = drop_force(p);
    } else if (words->type != FLY_AST_OBJECT_ROLE && words->type != FLY_AST_OBJECT_USER &&
               words->type != FLY_AST_OBJECT_GROUP && words->type != FLY_AST_OBJECT_TABLESPACE) {
        drop->cascade = fly__sql_gram_cascade(p);
    }
    return &drop->node;
}

/* --------------------------------------------------------------------------------- COMMENT */

fly_ast *fly__sql_gram_comment(fly_sql_parser *p)
{
    fly_ast_comment *comment = NEW(p, comment, COMMENT, here(p));
    next(p);
    expect(p, FLY_KW_ON);
    if (accept(p, FLY_KW_COLUMN)) {
        comment->type = FLY_AST_OBJECT_COLUMN;
        comment->object = fly__sql_gram_object(p);
    } else if (accept(p, FLY_KW_CONSTRAINT)) {
        comment->type = FLY_AST_OBJECT_CONSTRAINT;
        comment->object = fly__sql_gram_object_of_name(p);
        expect(p, FLY_KW_ON);
        comment->on_domain = accept(p, FLY_KW_DOMAIN);
        ((fly_ast_object *)comment->object)->relation = fly__sql_gram_relation(p);
    } else {
        const object_words *words = object_kind(p);
        if (words == NULL) {
            return refuse(p, "COMMENT ON");
        }
        comment->type = words->type;
        comment->object = words->rule(p);
        if (words->on_table) {
            expect(p, FLY_KW_ON);
            ((fly_ast_object *)comment->object)->relation = fly__sql_gram_relation(p);
        }
    }
    expect(p, FLY_KW_IS);
    if (!accept(p, FLY_KW_NULL)) {
        comment->text = fly__sql_gram_string(p);
    }
    return &comment->node;
}
